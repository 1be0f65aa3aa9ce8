"""hybrid's namespace with every call compiled, for the array-API suite: ARRAY_API_TESTS_MODULE=tests.standard.compiled.

What a test of the suite calls itself goes through `hybrid.function`: functions, and the operators and properties of arrays.
What Hypothesis and the suite's helpers call, to make arguments and to judge, stays eager, as does reading single elements.
With HYBRID_STANDARD_REPORT=<file>, the counts of calls and the reasons of those that stayed Python are written at the end.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import inspect
import json
import os
import sys
import types
import warnings
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import hybrid as hy
from hybrid.ir import trace as tr

STRICT = bool(os.environ.get("HYBRID_STANDARD_STRICT"))  # a call that would stay Python is an error
MOST = 400  # decorated functions kept: the suite asks for some ten thousand, of 100 KB each
CALLS: Counter[str] = Counter()
REFUSED: dict[str, Counter[str]] = {}
_kept: OrderedDict[Any, tuple[str, Any]] = OrderedDict()
_EAGER = ("__array_namespace_info__", "from_dlpack", "empty", "empty_like")  # the last two: nobody knows what is in them
_SPACES = ("linalg", "fft")
_BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift", "matmul")
_OPERATORS = (
    *(f"__{word}__" for word in _BINARY), *(f"__r{word}__" for word in _BINARY), *(f"__i{word}__" for word in _BINARY),
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__neg__", "__pos__", "__abs__", "__invert__", "__getitem__",
    "__setitem__", "to_device",
)  # fmt: skip
_PROPERTIES = ("T", "mT")


def _from_test(depth: int) -> bool:
    """Whether a test of the suite makes the call: its own module, or an expression that it evaluates."""
    name = sys._getframe(depth + 1).f_globals.get("__name__")
    return name is None or name.startswith("array_api_tests.test_")


def _key(x: Any) -> Any:
    """Arguments of other dtypes and ranks get another function, so that none has more traces than are kept."""
    if isinstance(x, hy.Tensor):
        return x.dtype, x.ndim
    return tuple(map(_key, x)) if isinstance(x, (list, tuple)) else type(x)


def _called(name: str, target: Callable, args: tuple, kwargs: dict) -> Any:
    key = (name, target, tuple(map(_key, args)), tuple((word, _key(x)) for word, x in kwargs.items()))
    made = _kept.pop(key, None)
    if made is None:

        def call(*args: Any, **kwargs: Any) -> Any:
            return target(*args, **kwargs)

        made = name, hy.function(call, strict=STRICT)
        if len(_kept) >= MOST:
            _note(*_kept.popitem(last=False)[1])
    _kept[key] = made
    CALLS[name] += 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        warnings.simplefilter("ignore", hy.RetraceWarning)
        return made[1](*args, **kwargs)


def _note(name: str, function: Any) -> None:
    REFUSED.setdefault(name, Counter()).update(function.__hybrid__._refused)


def _function(name: str, target: Callable) -> Callable:
    @functools.wraps(target)
    def call(*args: Any, **kwargs: Any) -> Any:
        if tr.open_traces or not _from_test(1):
            return target(*args, **kwargs)
        return _called(name, target, args, kwargs)

    with contextlib.suppress(ValueError):
        call.__signature__ = inspect.signature(target)  # type: ignore[attr-defined]
    return call


def _reads_elements(args: tuple) -> bool:
    key = args[0] if args else None
    return all(isinstance(k, int) for k in key) if isinstance(key, tuple) else isinstance(key, int)


def _method(name: str, target: Callable) -> Callable:
    @functools.wraps(target)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        elements = name in ("__getitem__", "__setitem__") and _reads_elements(args)
        if tr.open_traces or elements or not _from_test(1):
            return target(self, *args, **kwargs)
        return _called(name, target, (self, *args), kwargs)

    return call


def _property(name: str, known: property) -> property:
    def get(self: Any) -> Any:
        if tr.open_traces or not _from_test(1):
            return known.fget(self)  # type: ignore[misc]
        return _called(name, known.fget, (self,), {})  # type: ignore[arg-type]

    return property(get)


def _wrapped(prefix: str, names: Any, space: Any) -> dict[str, Any]:
    found = {name: getattr(space, name) for name in names}
    return {
        name: x if isinstance(x, type) or not callable(x) or name in _EAGER else _function(prefix + name, x)
        for name, x in found.items()
    }


def _filled() -> None:
    """This module's names, and the methods of arrays, which are the same class as those of `hybrid`."""
    here = globals()
    for space in _SPACES:
        module = types.ModuleType(f"{__name__}.{space}")
        source = getattr(hy, space)
        module.__dict__.update(_wrapped(f"{space}.", [n for n in dir(source) if not n.startswith("_")], source))
        here[space] = module
    skipped = {"function", "eager", "profile", "export", *_SPACES, "random", "config", "errors"}
    here.update(_wrapped("", [name for name in hy.__all__ if name not in skipped and name not in here], hy))
    for name in _OPERATORS:
        if hasattr(hy.Tensor, name):
            setattr(hy.Tensor, name, _method(name, getattr(hy.Tensor, name)))
    for name in _PROPERTIES:
        setattr(hy.Tensor, name, _property(name, inspect.getattr_static(hy.Tensor, name)))


def _report(path: str) -> None:
    for name, function in _kept.values():
        _note(name, function)
    rows = {name: {"calls": CALLS[name], "refused": dict(REFUSED.get(name, ()))} for name in sorted(CALLS)}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(rows, file, indent=1)


_filled()
if "HYBRID_STANDARD_REPORT" in os.environ:
    atexit.register(_report, os.environ["HYBRID_STANDARD_REPORT"])
