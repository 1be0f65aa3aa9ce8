"""Long lists of numbers among the arguments, which a trace has as one array each.

As a container, a list has a run-time input for each of its numbers: what a function does with a thousand of them is compiled a
thousand times, and anew for each length. So a list of many floats or ints, or of as many tuples of them, is one leaf of a call.
A function that does with it what a trace cannot do with an array's numbers gets the container (`function.Function._compile`).
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.staging.parameters import Bound

LONG = 32  # numbers in a list that is a container still: their loops are written out, and fuse
WIDE = 16  # numbers in an item at most
_DTYPES = {float: dt.float64, int: dt.int64}


class Containers(Exception):
    """A trace fails that has lists as arrays: trace again with containers."""


class Packed:
    """One list, in its place among the arguments of a call.

    Attributes:
        items: the caller's list.
        kinds: the classes of the numbers of an item.
        rows: whether an item is a tuple.
    """

    __slots__ = ("items", "kinds", "rows")

    def __init__(self, items: list, kinds: tuple[type, ...], rows: bool):
        self.items, self.kinds, self.rows = items, kinds, rows

    @property
    def dtype(self) -> np.dtype:
        """Of the array: where items hold floats and ints, the bits of both."""
        return _DTYPES[self.kinds[0]] if len(set(self.kinds)) == 1 else dt.int64

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.items), len(self.kinds)) if self.rows else (len(self.items),)

    def array(self) -> np.ndarray:
        """The numbers, as the machine code of an entry would read them."""
        if len(set(self.kinds)) == 1:
            return np.array(self.items, self.dtype)
        out = np.empty(self.shape, np.int64)
        for k, kind in enumerate(self.kinds):
            out[:, k] = np.array([item[k] for item in self.items], _DTYPES[kind]).view(np.int64)
        return out


def packed(bound: Bound, static: Collection[str] = ()) -> Bound:
    """Arguments with one leaf for each long list of numbers; `static`: the names of some that stay as they are."""
    args, kwargs = bound[:2]
    if not any(type(x) is list for x in (*args, *kwargs.values())):
        return bound
    known: dict[int, Any] = {}

    def leaf(x: Any) -> Any:
        if type(x) is not list or len(x) <= LONG:
            return x
        if id(x) not in known:
            known[id(x)] = _pack(x)  # a list that comes twice is one
        return known[id(x)]

    return (tuple(map(leaf, args)), {name: x if name in static else leaf(x) for name, x in kwargs.items()}, *bound[2:])  # type: ignore[return-value]


def unpacked(bound: Bound) -> Bound:
    """Arguments as the caller gave them."""
    args, kwargs = bound[:2]
    return (tuple(map(given, args)), {name: given(x) for name, x in kwargs.items()}, *bound[2:])  # type: ignore[return-value]


def given(x: Any) -> Any:
    """A leaf as the caller gave it."""
    return x.items if type(x) is Packed else x


def _pack(items: list) -> Any:
    """A list as one leaf, where it is such a list; else as it is."""
    classes = set(map(type, items))
    if classes == {tuple}:
        width = len(items[0])
        if not 0 < width <= WIDE or set(map(len, items)) != {width}:
            return items
        kinds = tuple(map(type, items[0]))
        if any(set(map(type, column)) != {kind} for column, kind in zip(zip(*items), kinds)):
            return items
        numbers, rows = list(chain.from_iterable(items)), True
    else:
        kinds, numbers, rows = tuple(classes), items, False
    if (len(kinds) != 1 and not rows) or not set(kinds) <= {float, int}:
        return items
    if int in kinds:
        whole = [x for x in numbers if type(x) is int] if float in kinds else numbers
        if not -(2**63) <= min(whole) <= max(whole) < 2**63:
            return items
    return Packed(items, kinds, rows)
