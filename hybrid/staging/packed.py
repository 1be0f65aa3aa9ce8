"""Long lists of numbers among the arguments, which a trace has as one array each.

As a container, a list has a run-time input for each of its numbers: what a function does with a thousand of them is compiled a
thousand times, and anew for each length. So a list of many floats or ints, of tuples or of lists of them, or of lists of tuples
is one leaf of a call. A function that does with it what a trace cannot do with an array's numbers gets the container
(`function.Function._compile`).
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.ir.requests import Changing, Reading
from hybrid.staging.logs import Log, Logs, Spot, lists_at, path_of, place
from hybrid.staging.parameters import Bound, Parameters

if TYPE_CHECKING:
    from hybrid.staging.function import Call
    from hybrid.staging.sizes import Sizes

WIDE = 16  # numbers in a tuple at most
FEW = 16  # numbers in a list that is a container still: what is done with few fuses, and they may be sizes, axes or places
_DTYPES = {float: dt.float64, int: dt.int64, np.float64: dt.float64, np.int64: dt.int64}


class Containers(Exception):
    """A trace fails that has lists as arrays: trace again with containers."""


class Packed:
    """One list, in its place among the arguments of a call.

    Attributes:
        items: the caller's list.
        kinds: the classes of the numbers of an item, or of the tuples in lists.
        row: the class of an item, tuple or list; None where it is a number.
        shape: of the array. Where items are lists of several lengths (`ragged`), it has as many rows as these are, and holds
            where the items of each begin, how many they are, and then all of them, one after another. The last axis is that of
            the tuples in them, if they hold such.
        least: numbers up to which such a list is a container.
        changed: whether the function changes the list, as far as is known.
    """

    __slots__ = ("items", "kinds", "row", "shape", "ragged", "least", "changed")

    def __init__(self, items: list, kinds: tuple[type, ...], row: type | None, shape: tuple[int, ...], ragged: bool = False):
        self.items, self.kinds, self.row, self.shape, self.ragged = items, kinds, row, shape, ragged
        self.least, self.changed = FEW, False

    @property
    def _is_plain(self) -> bool:
        """Whether the array is of numbers, not of words."""
        return len({_DTYPES[kind] for kind in self.kinds}) == 1 and not self.ragged

    @property
    def dtype(self) -> np.dtype:
        """Of the array: where items hold floats and ints, or numbers and their lengths, the bits of both."""
        return _DTYPES[self.kinds[0]] if self._is_plain else dt.int64

    def array(self) -> np.ndarray:
        """The numbers, as the machine code of an entry would read them."""
        if self._is_plain:
            return np.array(self.items, self.dtype).reshape(self.shape)
        out = np.zeros(self.shape, np.int64)
        if self.row is list:
            words, count = out.reshape(-1, len(self.kinds)), len(self.items)
            if self.ragged:
                lengths = np.array(list(map(len, self.items)))
                words[:count, 0] = 2 * count + np.cumsum(lengths) - lengths
                words[count : 2 * count, 0] = lengths
            every = chain.from_iterable(self.items)
            _lay_out(list(every) if len(self.shape) == 3 else list(zip(every)), self.kinds, words[2 * count * self.ragged :])
        else:
            _lay_out(self.items, self.kinds, out)
        return out


def _lay_out(items: list[tuple], kinds: tuple[type, ...], words: np.ndarray) -> None:
    """Put the bits of the numbers of some tuples into an array of words."""
    for k, kind in enumerate(kinds):
        words[: len(items), k] = np.array([item[k] for item in items], _DTYPES[kind]).view(np.int64)


def packed(
    bound: Bound, parameters: Parameters | None = None, changed: Collection[str] = (), growing: Collection[Spot] = ()
) -> Bound:
    """Arguments with one leaf for each long list of numbers.

    Args:
        parameters: those of the function; what comes through static ones stays as it is.
        changed: the parameters whose lists the function changes.
        growing: lists that it appends to, which stay as they are.
    """
    args, kwargs = bound[:2]
    if not any(type(x) is list for x in (*args, *kwargs.values())):
        return bound
    known: dict[int, Any] = {}
    left = set(map(id, lists_at(bound, growing)))

    def leaf(x: Any, place: int | str, sizes: Collection[int] = ()) -> Any:
        if type(x) is not list or not x or id(x) in left:
            return x
        name = place if parameters is None or type(place) is str else parameters.name(place)  # type: ignore[arg-type]
        if parameters is not None and name in parameters.static:
            return x
        found = known.setdefault(id(x), None) or _pack(x, sizes)  # a list that comes twice is one
        if type(found) is Packed:
            known[id(x)], found.changed = found, found.changed or name in changed
        return found

    places = [*enumerate(args), *kwargs.items()]
    found = {place: leaf(x, place) for place, x in places}
    sizes = {size for x in found.values() if type(x) is Packed for size in x.shape}
    beside = {place: leaf(x, place, sizes) for place, x in found.items()} if sizes else found
    if _share_rows([x for x in known.values() if type(x) is Packed]):
        return bound
    return (tuple(beside[k] for k in range(len(args))), {name: beside[name] for name in kwargs}, *bound[2:])  # type: ignore[return-value]


def _share_rows(lists: list[Packed]) -> bool:
    """Whether a list in one of several is in another, too, or is another."""
    tables = [x.items for x in lists if x.row is list]
    whole = [id(x.items) for x in lists] + [id(row) for items in tables for row in items] if tables else []
    return len(set(whole)) < len(whole)


def unpacked(bound: Bound) -> Bound:
    """Arguments as the caller gave them."""
    args, kwargs = bound[:2]
    return (tuple(map(given, args)), {name: given(x) for name, x in kwargs.items()}, *bound[2:])  # type: ignore[return-value]


def looked_into(bound: Bound) -> Bound:
    """Arguments without such lists, in which there is nothing but numbers."""
    args, kwargs = bound[:2]
    none = lambda x: None if type(x) is Packed else x
    return (tuple(map(none, args)), {name: none(x) for name, x in kwargs.items()}, *bound[2:])  # type: ignore[return-value]


def leave_in(items: list, after: list) -> None:
    """Leave in a caller's list what the function left in it: where it holds lists, in these."""
    if items and type(items[0]) is list:
        for row, now in zip(items, after):
            row[:] = now
    else:
        items[:] = after


def given(x: Any) -> Any:
    """A leaf as the caller gave it."""
    return x.items if type(x) is Packed else x


class Packs(Logs):
    """The part of a decorated function that decides which lists are arrays."""

    _sizes: Sizes
    _packs = True  # whether any are
    _changed: frozenset[str] = frozenset()  # the parameters whose lists it changes

    def _packed(self, bound: Bound) -> Bound:
        """The arguments of a call, with one leaf for each long list of numbers."""
        if not self._packs or self._sizes.signature:
            return bound
        return packed(bound, self.parameters, self._changed, self._logs | self._read)

    def _flat(self, bound: Bound) -> tuple[list, tree.Structure]:
        """The leaves of a call's arguments and state, and how they nest; lists that it appends to are one leaf each."""
        known: dict[int, Any] = {id(found): Log(found) for found in lists_at(bound, self._logs)}
        for found in lists_at(bound, self._read) if self._packs else ():
            if type(one := _pack(found, (len(found),)) if found else found) is Packed and one.row is not list:
                one.least, one.changed = 0, True
                known.setdefault(id(found), one)
        try:
            if not known:
                return tree.flatten(bound)
            values, structure = tree.flatten(bound, lambda node: id(node) in known)
        except RecursionError:
            raise TraceError("a container among the arguments holds itself, or many others one in the other") from None
        return [known.get(id(value), value) for value in values], structure

    def _repacked(self, bound: Bound, call: Call, ask: Changing | Containers) -> Bound:
        """The arguments for another attempt to trace."""
        if isinstance(ask, Reading):
            self._reads(call.bound, call.structure, ask.arguments)
        elif isinstance(ask, Changing):
            places = [place(call.bound, path_of(call.structure, k)) for k in ask.arguments]
            if not (ask.grows and self._may_grow(places)):
                owners = self.parameters.owners(call.structure)
                self._changed |= {owners[k] for k in ask.arguments}
        else:
            self._packs = False
        return self._packed(unpacked(bound))


def _pack(items: list, sizes: Collection[int]) -> Any:
    """A list as one leaf, where it is such a list; else as it is.

    `sizes`: of those that are. A short one of the same size goes with them, as a vector does with a matrix.
    """
    row = type(items[0])
    if set(map(type, items)) != {row} or row not in (*_DTYPES, tuple, list):
        return items
    if row in (tuple, list):
        return _packed_rows(items, row, 0 if row is tuple and len(items) in sizes else FEW)
    if not _is_long(items, (row,), items, least := 0 if len(items) in sizes else FEW):
        return items
    out = Packed(items, (row,), None, (len(items),))
    out.least = least
    return out


def _packed_rows(items: list, row: type, least: int) -> Any:
    lengths = set(map(len, items))
    numbers = list(chain.from_iterable(items))
    if row is list:
        ragged = len(lengths) > 1
        width = 2 - (-len(numbers) // len(items)) if ragged else max(lengths)
        if len(set(map(id, items))) < len(items):
            return items
        if numbers and type(numbers[0]) is tuple:
            kinds = _columns(numbers)
            words = list(chain.from_iterable(numbers)) if kinds else []
            fits = kinds and _is_long(numbers, kinds, words)
            return Packed(items, kinds, list, (len(items), width, len(kinds)), ragged) if fits else items
        kinds = tuple(set(map(type, numbers)))
        fits = len(kinds) == 1 and _is_long(numbers, kinds, numbers)
        return Packed(items, kinds, list, (len(items), width), ragged) if fits else items
    kinds = _columns(items)
    return Packed(items, kinds, tuple, (len(items), len(kinds))) if kinds and _is_long(items, kinds, numbers, least) else items


def _columns(items: list) -> tuple[type, ...]:
    """The classes of what stands in tuples of one length, one class at each place; none where they are no such tuples."""
    if set(map(type, items)) != {tuple} or len(set(map(len, items))) > 1 or not 0 < len(items[0]) <= WIDE:
        return ()
    kinds = tuple(map(type, items[0]))
    return kinds if all(set(map(type, column)) == {kind} for column, kind in zip(zip(*items), kinds)) else ()


def _is_long(items: list, kinds: tuple[type, ...], numbers: list, least: int = FEW) -> bool:
    """Whether there are many items of such numbers, which machine code can take."""
    if not set(kinds) <= _DTYPES.keys() or len(items) <= least:
        return False
    whole = numbers if set(kinds) == {int} else [x for x in numbers if type(x) is int]
    return int not in kinds or -(2**63) <= min(whole) <= max(whole) < 2**63
