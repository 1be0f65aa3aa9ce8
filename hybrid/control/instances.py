"""Objects of the user's classes that traced code makes: their `__init__` and their properties have their control flow open.

A list that `__init__` puts into an attribute is a container of the function's own, as one in a local variable is.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from hybrid.control.attributes import HEAP, is_library
from hybrid.control.lists import KINDS
from hybrid.control.own import Own, plain, unwrapped
from hybrid.control.structure import is_plain_dataclass
from hybrid.ir import trace as tr
from hybrid.ir.trace import Trace


class Instances:
    """The part of `Tracing` that knows of instances."""

    convert: Callable[[Callable, Any], Callable]
    call: Callable[[Any], Any]
    called: Callable[..., Any]
    listed: Callable[[Any], Any]
    others: Any  # lists that others know (`control.stacked`)

    def __init__(self) -> None:
        self.constructed: list[Any] = []
        self.united: dict[
            int, tuple[Any, dict]
        ] = {}  # what stands for one of several instances, and for which (`control.united`)

    def constructor(self, function: Any) -> Callable | None:
        """What makes an instance of a user's class with its `__init__` converted."""
        if type(function) is not type or getattr(function, "__new__", None) is not object.__new__:
            return None
        initialise = getattr(function, "__init__")  # noqa: B009  # a function, not a method of the class
        converted = self.convert(initialise, self)
        if converted is initialise:
            return functools.partial(self._with_lists, function) if is_plain_dataclass(function) else None
        return functools.partial(self._made, function, converted)

    def _made(self, cls: type, initialise: Callable, /, *args: Any, **kwargs: Any) -> Any:
        trace: Trace | None = tr.current()
        made: Any = object.__new__(cls)
        self.constructed.append(made)
        self.called(trace, initialise.__code__, initialise, made, *args, **kwargs)
        return made

    def _with_lists(self, cls: type, /, *args: Any, **kwargs: Any) -> Any:
        """An instance of a dataclass: containers that its factories made, and nobody else knows, are made known."""
        made = cls(*map(plain, args), **{name: plain(value) for name, value in kwargs.items()})
        self.constructed.append(made)
        held = vars(made)
        for name in held:
            is_ours = type(held[name]) is list or (type(held[name]) in KINDS and not held[name])
            if is_ours and sys.getrefcount(held[name]) == 2:  # that of `held`, and the parameter
                held[name] = self.listed(held[name])
        return made

    def attribute(self, value: Any, name: str) -> Any:
        kind = type(value)
        if tr.current() is None or not kind.__flags__ & HEAP:
            return getattr(value, name)
        static = inspect.getattr_static(kind, name, None)
        if type(static) is not property or type(static.fget) is not FunctionType or is_library(kind):
            return getattr(value, name)
        return self.call(static.fget)(value)

    def settle(self) -> None:
        """Give instances lists of Python's own, as far as tracing knows what is in them."""
        self.others.check()
        for made in self.constructed:
            for name, value in vars(made).items() if hasattr(made, "__dict__") else ():
                if isinstance(value, Own) and value.held is not None:
                    vars(made)[name] = unwrapped(value)
