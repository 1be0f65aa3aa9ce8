"""Attributes that what traced code holds has not: what stands in for a float or an array has others, of its own.

`hasattr(x, "__len__")`, `getattr(x, "ndim", 0)` and `try: x.shape` are how programs ask what they were given.
"""

from __future__ import annotations

import builtins
import functools
import types
from collections import deque
from typing import Any

import numpy as np

from hybrid.control.own import Own
from hybrid.frontend import texts, uncertain
from hybrid.frontend.values import Value, active

_STANDING_IN = (Value, Own, texts.Text)
_KNOWN = (bool, int, float, complex, str, list, dict, set, deque, np.ndarray)


def _kind(x: Any) -> Any:
    """The class of what x stands in for; None for what stands in for nothing."""
    if not issubclass(type(x), _STANDING_IN):
        return None
    kind = x.__class__
    return None if kind is type(x) or not (kind in _KNOWN or issubclass(kind, np.generic)) else kind


def _has(x: Any, name: Any) -> bool | None:
    """Whether what x stands in for has an attribute of this name; None for what stands in for nothing."""
    kind = _kind(x) if type(name) is str else None
    return None if kind is None else any(name in vars(base) for base in kind.__mro__)


def is_instance(x: Any, classes: Any) -> bool:
    """`isinstance`. An abstract class looks at what stands in for a number, too, and finds that it is iterable."""
    kind = _kind(x)
    return isinstance(x, classes) if kind is None else issubclass(kind, classes)


def lacks(x: Any, name: Any) -> bool:
    """Whether x stands in for something that has no attribute of this name."""
    return _has(x, name) is False


def raise_as(x: Any, name: str) -> None:
    """The AttributeError of what x stands in for."""
    kind: Any = x.__class__
    getattr(np.zeros(0) if kind is np.ndarray else kind(), name)


@functools.lru_cache(1024)
def _names(kind: Any, method: Any) -> tuple[str, ...]:
    """Under which a class has a method."""
    return tuple(name for base in kind.__mro__ for name, member in vars(base).items() if member is method)


def refuse(function: Any) -> None:
    """The AttributeError of a call of a method that tensors have, and what came in has not."""
    if isinstance(x := getattr(function, "__self__", None), Value) and type(function) is types.MethodType:
        kind: Any = type(x)
        names = _names(kind, function.__func__)
        if names and all(lacks(x, name) for name in names) and not uncertain.is_uncertain(x):
            raise_as(x, names[0])


def has(x: Any, name: Any) -> Any:
    """`hasattr`."""
    if uncertain.is_uncertain(x):
        return uncertain.pick(active(), x, lambda one: has(one, name))
    found = _has(x, name)
    return builtins.hasattr(x, name) if found is None else found


def get(x: Any, name: Any, *default: Any) -> Any:
    """`getattr`."""
    if len(default) < 2 and lacks(x, name) and not uncertain.is_uncertain(x):
        return default[0] if default else raise_as(x, name)
    return builtins.getattr(x, name, *default)
