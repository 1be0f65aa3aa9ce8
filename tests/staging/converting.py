"""Programs given as source, run as they are and converted, with what the two did side by side."""

from __future__ import annotations

import itertools
import linecache
import traceback
import types
from collections.abc import Callable
from typing import Any

from hybrid.control.plain import UNDEFINED, Plain, State
from hybrid.staging.convert import convert, is_converted

_numbers = itertools.count()


class Calling(Plain):
    """Converts the functions of the program that are called."""

    def __init__(self, file: str):
        self.file = file

    def call(self, function: Any) -> Any:
        inner = getattr(function, "__func__", function)
        ours = getattr(getattr(inner, "__code__", None), "co_filename", None) == self.file
        return convert(function, self) if ours and not is_converted(inner) else function


class Forgetful(Calling):
    """Keeps of the variables what a state says is needed, and makes sure that the state knows all that changed."""

    def forget(self, state: State, keep: frozenset[str]) -> None:
        garbage = lambda name: object() if name in state.invented else UNDEFINED
        state.set(tuple(value if name in keep else garbage(name) for name, value in zip(state.names, state.get())))

    def branch(self, test: Any, then: Any, orelse: Any, state: State) -> None:
        before = state.get()
        super().branch(test, self.way(then, state, before), self.way(orelse, state, before), state)
        self.forget(state, state.live)

    def way(self, way: Callable, state: State, before: tuple) -> Callable:
        def run() -> None:
            state.set(tuple(object() for _ in before))
            state.set(before)
            way()

        return run

    def for_(self, iterable: Any, body: Any, state: State, stop: Any = None) -> None:
        def one(item: Any) -> None:
            self.forget(state, state.carried)
            body(item)

        super().for_(iterable, one, state, stop)
        self.forget(state, state.live)

    def while_(self, test: Any, body: Any, state: State, stop: Any = None) -> None:
        def one() -> None:
            self.forget(state, state.carried)
            body()

        super().while_(test, one, state, stop)
        self.forget(state, state.live)


class Program:
    """A module made of source text.

    Attributes:
        log: what the program's calls of `log(…)` were given; `log` returns its last argument.
    """

    def __init__(self, source: str, **names: Any):
        self.file = f"<program {next(_numbers)}>"
        self.log: list[tuple] = []
        linecache.cache[self.file] = len(source), None, source.splitlines(keepends=True), self.file
        self.names: dict[str, Any] = {"__name__": "program", "log": self._log, **names}
        exec(compile(source, self.file, "exec"), self.names)

    def __getitem__(self, name: str) -> Any:
        return self.names[name]

    def _log(self, *values: Any) -> Any:
        self.log.append(tuple(map(repr, values)))
        return values[-1] if values else None

    def outcome(self, function: Callable, args: tuple, kwargs: dict[str, Any]) -> tuple:
        """What a call gives or raises, at which line of the program, and what it logs."""
        self.log = []
        for arg in args:
            getattr(arg, "start", lambda: None)()  # an argument with a state of its own
        try:
            result = repr(function(*args, **kwargs))
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == self.file]
            # CPython 3.11 loads two variables in one instruction, once it is warm, and then gives the line of the first.
            return type(error), str(error), None if isinstance(error, UnboundLocalError) else lines[-1:], self.log
        return result, self.log

    def agree(self, name: str, *args: Any, must: bool = True, **kwargs: Any) -> tuple:
        """Assert that a function and its converted forms do the same; what that is.

        Args:
            must: whether there is something to convert.
        """
        function = self.names[name]
        expected = self.outcome(function, args, kwargs)
        for handlers in (Plain(), Calling(self.file), Forgetful(self.file)):
            converted = convert(function, handlers)
            assert not must or is_converted(getattr(converted, "__func__", converted)), name
            for _ in range(2):
                assert self.outcome(converted, args, kwargs) == expected, (name, args, type(handlers).__name__)
        return expected


def codes(code: types.CodeType) -> list[types.CodeType]:
    """A code object and all that are nested in it."""
    return [code, *(found for const in code.co_consts if isinstance(const, types.CodeType) for found in codes(const))]
