"""Lists of objects among the arguments, which a trace has as the numbers of their attributes (`control.herds`).

As a container, such a list is as many attributes, each by itself: what is done with fifty bodies is compiled fifty times, and
what each does to each other 2500 times.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Sequence
from itertools import repeat
from types import MemberDescriptorType
from typing import Any, NamedTuple

import numpy as np

from hybrid.control.attributes import attributes_of
from hybrid.control.handles import can_be_kept
from hybrid.core import dtype as dt
from hybrid.core import tree

FEW = 1  # objects up to which they are containers
MANY = 16  # beyond which a list that is no argument is none of constants
KINDS = {float: dt.float64, int: dt.int64, bool: dt.int64, np.float64: dt.float64, np.int64: dt.int64}  # as words


_IDLE = frozenset((str, bytes, type(None)))  # of attributes that a function may well not look at


class Columns(NamedTuple):
    """The attributes that all of some objects have: those that are numbers, the class of each, and the others."""

    names: tuple[str, ...]
    kinds: tuple[type, ...]
    hidden: tuple[str, ...]


def columns(items: Sequence[Any]) -> Columns | None:
    """What objects of one class have in common; None where they are no such objects, or one of them comes twice."""
    kind: Any = type(items[0])
    if len(items) <= FEW or not _has_attributes(kind) or len(set(map(id, items))) < len(items):
        return None
    if len({id(getattr(one, "__dict__", one)) for one in items}) < len(items):
        return None  # some have their attributes in common
    own = [_attributes(one) for one in items]
    names, slots = own[0].keys(), tree.slots(kind)
    if any(one.keys() != names for one in own) or not all(type(name) is str for name in names) or len(names) < len(slots):
        return None
    found: dict[str, type] = {}
    for name in names:
        if name not in slots and inspect.isdatadescriptor(inspect.getattr_static(kind, name, None)):
            return None  # a property of the class, or the like, stands before it
        values = [one[name] for one in own]
        kinds = set(map(type, values))
        only = next(iter(kinds)) if len(kinds) == 1 else object
        if only in KINDS and (only is not int or -(2**63) <= min(values) <= max(values) < 2**63):
            found[name] = only
        elif not kinds <= _IDLE:
            return None
    if not found:
        return None
    return Columns(tuple(found), tuple(found.values()), tuple(name for name in names if name not in found))


def _has_attributes(kind: type) -> bool:
    """Whether the instances of a class are what is in their slots and their `__dict__`."""
    slots = (inspect.getattr_static(kind, name, None) for name in tree.slots(kind))
    return can_be_kept(kind) and not tree.registered(kind) and all(type(slot) is MemberDescriptorType for slot in slots)


def _attributes(one: Any) -> dict[str, Any]:
    """All that an object has itself."""
    return attributes_of(one) or {}


def rows(items: Sequence[Any], names: Sequence[str]) -> list[tuple]:
    """The attributes of each."""
    return [tuple(map(_attributes(one).__getitem__, names)) for one in items]


def twins(items: Sequence[Any]) -> list[Any]:
    """Objects with the same attributes."""
    out = [object.__new__(type(one)) for one in items]
    for twin, one in zip(out, items):
        for name, value in _attributes(one).items():
            object.__setattr__(twin, name, value)
    return out


class Attributes:
    """What some attributes of objects are afterwards: a row for each."""

    __slots__ = ("names", "rows")

    def __init__(self, names: tuple[str, ...], rows: list[tuple]):
        self.names, self.rows = names, rows

    def leave_in(self, items: Sequence[Any]) -> None:
        for name, column in zip(self.names, zip(*self.rows)):
            deque(map(object.__setattr__, items, repeat(name), column), maxlen=0)  # past what a frozen class says
