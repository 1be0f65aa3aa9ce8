"""Loops over generator functions while tracing: the generator's code runs, and calls the body of the loop where it yields.

`staging/pushing.py` makes that form of the generator function. Its loops are loops of the trace then; the variables that the
body rebinds are those of a function around it, as with any nested function that loops call.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from hybrid.control import containers, iterables
from hybrid.control.comprehensions import NO_STATE
from hybrid.control.lists import listed
from hybrid.control.own import released
from hybrid.control.plain import UNDEFINED, Plain, State
from hybrid.control.unrolled import rounds
from hybrid.core.errors import TraceError
from hybrid.frontend.values import NUMBERS, Value, kind_of
from hybrid.ir import trace as tr

DEPTH = 32  # generators of one function within one another: those over trees that tracing knows


_FIXED = NUMBERS | {str, type(None)}


class Produced:
    """A generator that one loop goes over, and nobody else has."""

    def __init__(self, function: Callable, /, *args: Any, **kwargs: Any):
        self.function, self.args, self.kwargs = function, args, kwargs

    def __iter__(self) -> Iterator[Any]:
        return iter(self.function(*self.args, **self.kwargs))


class Producers(Plain):
    """The part of `Tracing` that knows what calls give that loops go over."""

    short: int  # the most rounds of a loop that is written out
    peeling: int  # first rounds that are being made apart

    def items(self, function: Any) -> Any:
        found = None if tr.current() is None else containers.gone_through(function, self.short)
        return self.call(function) if found is None else found

    def named(self, value: Any) -> Any:
        return iterables.Named(value) if tr.current() is not None and hasattr(type(value), "__next__") else value

    def gathered(self, items: Any, keeps: bool) -> Any:
        trace = tr.current()
        if type(items) is not Produced or trace is None:
            return items
        out = listed(trace, [])

        def take(item: Any) -> None:
            if not keeps and not _is_fixed(item):
                raise TraceError("a generator gives arrays, which it may change before all are there", at=tr.user_line())
            out.append(item)

        self.pushed(items, take, NO_STATE, None)
        return released(out)

    producer: Callable[..., Any] = staticmethod(lambda function, handlers, stops: None)  # gives the form that calls a body

    pushing: dict[Callable, tuple[Any, Any]]  # the forms of nested ones: for loops that go to the end, and for others
    producing: Counter[types.CodeType]  # those that are running

    def produces(self, function: Any, *forms: Any) -> None:
        for form in forms:
            form.__defaults__, form.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
        self.pushing[function] = forms

    def produced(self, function: Any) -> Any:
        plain = getattr(function, "__func__", function)
        if tr.current() is None or not inspect.isgeneratorfunction(plain) or self._form(function, False) is None:
            return self.items(function)
        return functools.partial(Produced, function)

    def _form(self, function: Any, stops: bool) -> Callable | None:
        """The function that is given what to do with each item."""
        plain = getattr(function, "__func__", function)
        if plain not in self.pushing:
            return self.producer(function, self, stops)
        made = self.pushing[plain][stops]
        if plain is function:
            return made
        return lambda emit, *args, **kwargs: made(emit, function.__self__, *args, **kwargs)

    def pushed(self, made: Produced, body: Callable[[Any], None], state: State, stop: Callable[[], Any] | None) -> None:
        """Go through what a generator function yields."""
        push = self._form(made.function, stop is not None)
        code = getattr(made.function, "__func__", made.function).__code__
        if push is None or self.producing[code] > DEPTH:
            raise TraceError(f"a generator of `{made.function.__name__}` goes over others, too many", at=tr.user_line())
        # What stands in no user's code is read only where it was set, so it may be anything before.
        unset = [value is UNDEFINED and name in state.invented for name, value in zip(state.names, state.get())]
        state.set(tuple(None if new else value for value, new in zip(state.get(), unset)))
        kept = [name in state.live or name in state.carried or name in state.invented for name in state.names]

        def emit(item: Any) -> Any:
            for one in rounds(None if self.peeling else tr.current(), body, (item,), part=True):
                body(one)
            # What neither the next round nor anybody else reads is not carried by the generator's loops.
            state.set(tuple(value if keep else UNDEFINED for value, keep in zip(state.get(), kept)))
            return stop is not None and stop()

        self.producing[code] += 1
        try:
            push(emit, *made.args, **made.kwargs)
        finally:
            self.producing[code] -= 1


def _is_fixed(item: Any) -> bool:
    """Whether nothing can change what a generator gives, once it is given."""
    if isinstance(item, tuple):
        return all(map(_is_fixed, item))
    return kind_of(item) in ("python", "scalar") if isinstance(item, Value) else type(item) in _FIXED
