"""What stands for a decorated function under its name: what it is given, as attributes, is given to the undecorated function.

The traces, options and counts of a decorated function are in an object of their own (`function.Function`), so that no name that
users give to an attribute is one of the engine's: `f.__dict__` is that of the undecorated function.
"""

from __future__ import annotations

import functools
import importlib
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hybrid.staging.function import Function


def _passed_on(name: str) -> property:
    return property(
        lambda self: getattr(self.__hybrid__.function, name),
        lambda self, value: setattr(self.__hybrid__.function, name, value),
        lambda self: delattr(self.__hybrid__.function, name),
    )


class Decorated:
    """A decorated function. Made by `hybrid.function`; calls take and return what the undecorated function does.

    Attributes that it has not itself are those of `hybrid.staging.function.Function`, such as `f.explain`.
    """

    __slots__ = ("__dict__", "__hybrid__", "__weakref__")
    __calls__ = ("__wrapped__",)  # functions of the user's: a trace holds for what these read

    # What callers ask functions for (`f.__code__.co_argcount`) or give them is the undecorated function's.
    __name__, __annotations__ = map(_passed_on, ("__name__", "__annotations__"))  # type: ignore[assignment]
    __code__, __globals__, __closure__ = map(_passed_on, ("__code__", "__globals__", "__closure__"))
    __defaults__, __kwdefaults__ = map(_passed_on, ("__defaults__", "__kwdefaults__"))
    __type_params__ = _passed_on("__type_params__")

    def __new__(cls, engine: Function) -> Decorated:
        # A class of its own, so that its `__call__` can be the builtin of this function's native entry.
        plain = engine.function
        known = {"__module__": getattr(plain, "__module__", None) or "", "__doc__": getattr(plain, "__doc__", None)}
        own = type(cls.__name__, (cls,), {**known, "__slots__": (), "__call__": engine.call})
        return super().__new__(own)

    def __init__(self, engine: Function):
        self.__hybrid__ = engine
        if type(engine.function) is types.FunctionType:
            self.__dict__ = engine.function.__dict__

    def __getattr__(self, name: str) -> Any:
        engine = self.__hybrid__
        function = engine.function
        if not name.startswith("_") and hasattr(engine, name):
            return getattr(engine, name)
        if name[:2] == "__" and type(function) is not types.FunctionType and name not in functools.WRAPPER_ASSIGNMENTS:
            raise AttributeError(f"{self!r} has no attribute {name!r}")  # it is no method, whatever it decorates
        return getattr(function, name)

    def __dir__(self) -> list[str]:
        public = (name for name in dir(self.__hybrid__) if not name.startswith("_"))
        return sorted({*super().__dir__(), *dir(self.__hybrid__.function), *public})

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return repr(self.__hybrid__)

    def __reduce__(self) -> Any:
        function = self.__wrapped__
        module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
        if lookup(module, name) is self:
            return lookup, (module, name)
        return self.__hybrid__._rebuilt()

    def __deepcopy__(self, memo: dict | None = None) -> Decorated:
        return self

    __copy__ = __deepcopy__

    @property
    def __wrapped__(self) -> Callable:
        return self.__hybrid__.function

    @property
    def _numba_type_(self) -> Any:
        """What Numba asks of an object in code that it compiles: there this is the undecorated function, compiled by Numba.

        Shapes are no part of Numba's types, so that no trace could be found for a call.
        """
        from numba.core import types as numba_types

        from hybrid.staging.jitted import companion

        return numba_types.Dispatcher(companion(self.__hybrid__))


def lookup(module: str | None, name: str) -> Any:
    """What stands under a name of a module; None if that is nothing."""
    if module is None:
        return None
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError):
        return None
    return found
