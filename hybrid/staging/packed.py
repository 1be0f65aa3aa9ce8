"""Long lists of numbers among the arguments, which a trace has as one array each.

As a container, a list has a run-time input for each of its numbers: what a function does with a thousand of them is compiled a
thousand times, and anew for each length. So a list of many floats or ints, or of as many tuples of them, is one leaf of a call.
A function that does with it what a trace cannot do with an array's numbers gets the container (`function.Function._compile`).
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.ir.requests import Changing
from hybrid.staging.parameters import Bound, Parameters

if TYPE_CHECKING:
    from hybrid.staging.sizes import Sizes

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
        changed: whether the function changes the list, as far as is known.
    """

    __slots__ = ("items", "kinds", "rows", "changed")

    def __init__(self, items: list, kinds: tuple[type, ...], rows: bool):
        self.items, self.kinds, self.rows = items, kinds, rows
        self.changed = False

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


def packed(bound: Bound, parameters: Parameters | None = None, changed: Collection[str] = ()) -> Bound:
    """Arguments with one leaf for each long list of numbers.

    Args:
        parameters: those of the function; what comes through static ones stays as it is.
        changed: the parameters whose lists the function changes.
    """
    args, kwargs = bound[:2]
    if not any(type(x) is list for x in (*args, *kwargs.values())):
        return bound
    known: dict[int, Any] = {}

    def leaf(x: Any, place: int | str) -> Any:
        if type(x) is not list or len(x) <= LONG:
            return x
        name = place if parameters is None or type(place) is str else parameters.name(place)  # type: ignore[arg-type]
        if parameters is not None and name in parameters.static:
            return x
        found = known.setdefault(id(x), None) or _pack(x)  # a list that comes twice is one
        if type(found) is Packed:
            known[id(x)], found.changed = found, found.changed or name in changed
        return found

    named = {name: leaf(x, name) for name, x in kwargs.items()}
    return (tuple(leaf(x, k) for k, x in enumerate(args)), named, *bound[2:])  # type: ignore[return-value]


def unpacked(bound: Bound) -> Bound:
    """Arguments as the caller gave them."""
    args, kwargs = bound[:2]
    return (tuple(map(given, args)), {name: given(x) for name, x in kwargs.items()}, *bound[2:])  # type: ignore[return-value]


def given(x: Any) -> Any:
    """A leaf as the caller gave it."""
    return x.items if type(x) is Packed else x


class Packs:
    """The part of a decorated function that decides which lists are arrays."""

    parameters: Parameters
    _sizes: Sizes
    _packs = True  # whether any are
    _changed: frozenset[str] = frozenset()  # the parameters whose lists it changes

    def packed(self, bound: Bound) -> Bound:
        """The arguments of a call, with one leaf for each long list of numbers."""
        return packed(bound, self.parameters, self._changed) if self._packs and not self._sizes.signature else bound

    def _repacked(self, bound: Bound, structure: tree.Structure, ask: Changing | Containers) -> Bound:
        """The arguments for another attempt to trace."""
        if isinstance(ask, Changing):
            owners = self.parameters.owners(structure)
            self._changed |= {owners[k] for k in ask.arguments}
        else:
            self._packs = False
        return self.packed(unpacked(bound))


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
