"""Long lists of numbers among the arguments, which a trace has as one array each.

As a container, a list has a run-time input for each of its numbers: what a function does with a thousand of them is compiled a
thousand times, and anew for each length. So a list of many floats or ints, of tuples or of lists of them, or of lists of tuples
is one leaf of a call. A function that does with it what a trace cannot do with an array's numbers gets the container
(`function.Function._compile`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.control.given import Vector
from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import RoomError, TraceError
from hybrid.core.lazily import cached_property
from hybrid.ir.requests import Changing, Reading, Rebinds, Replacing
from hybrid.staging import herds
from hybrid.staging.logs import Log, Logs, Spot, lists_at, path_of, place
from hybrid.staging.parameters import Bound, Parameters

if TYPE_CHECKING:
    from hybrid.staging.function import Call
    from hybrid.staging.read import Read
    from hybrid.staging.reads import Reads
    from hybrid.staging.sizes import Sizes
    from hybrid.staging.state import State

DEEP = 3  # containers in one another in which lists of objects are looked for
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
        names, choices, hidden: where items are objects of a class (`row`), the attributes that are their numbers, what each may
            be that is one of some known objects, and the others.
        least: numbers up to which such a list is a container.
        changed: whether the function changes the list, as far as is known.
    """

    __slots__ = ("items", "kinds", "row", "shape", "ragged", "names", "choices", "hidden", "least", "changed")

    def __init__(self, items: list, kinds: tuple[Any, ...], row: type | None, shape: tuple[int, ...], ragged: bool = False):
        self.items, self.kinds, self.row, self.shape, self.ragged = items, kinds, row, shape, ragged
        self.names: tuple[str, ...] = ()
        self.choices: tuple[tuple, ...] = ()
        self.hidden: tuple[str, ...] = ()
        self.least, self.changed = FEW, False

    @property
    def _is_plain(self) -> bool:
        """Whether the array is of numbers, not of words."""
        words = herds.words(self.kinds)
        return len({herds.KINDS[word] for word in words}) == 1 and not self.ragged and bool not in words

    @property
    def dtype(self) -> np.dtype:
        """Of the array: where items hold floats and ints, or numbers and their lengths, the bits of both."""
        return herds.KINDS[self.kinds[0]] if self._is_plain else dt.int64

    def arrays(self) -> list[np.ndarray]:
        """Those that are attributes of objects."""
        found = [name for name, kind in zip(self.names, self.kinds) if isinstance(kind, Vector)]
        return [getattr(one, name) for name in found for one in self.items]

    def array(self, choices: tuple[tuple, ...] | None = None) -> np.ndarray:
        """The numbers, as the machine code of an entry would read them; `choices`: those of a trace, among which these are."""
        items: Any = self.items
        if self.names:
            items = herds.rows(items, self.names, self.kinds, self.choices if choices is None else choices)
        if self._is_plain:
            return np.array(items, self.dtype).reshape(self.shape)
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
            _lay_out(items, herds.words(self.kinds), out)
        return out


def _lay_out(items: list[tuple], kinds: tuple[type, ...], words: np.ndarray) -> None:
    """Put the bits of the numbers of some tuples into an array of words."""
    for k, kind in enumerate(kinds):
        words[: len(items), k] = np.array([item[k] for item in items], herds.KINDS[kind]).view(np.int64)


def packed(
    bound: Bound, parameters: Parameters | None = None, changed: Collection[str] = (), growing: Collection[Spot] = (),
    objects: bool = True, met: herds.Met | None = None,
) -> Bound:  # fmt: skip
    """Arguments with one leaf for each long list of numbers, or of objects that have such.

    Args:
        parameters: those of the function; what comes through static ones stays as it is.
        changed: the parameters whose lists the function changes.
        growing: lists that it appends to, which stay as they are.
        objects: whether lists of objects are leaves, too.
        met: what attributes of such were in other calls.
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
        found = known.setdefault(id(x), None) or _pack(x, sizes, objects, met)  # a list that comes twice is one
        if type(found) is Packed:
            known[id(x)], found.changed = found, found.changed or name in changed
        return found

    places = [*enumerate(args), *kwargs.items()]
    found = {place: leaf(x, place) for place, x in places}
    sizes = {size for x in found.values() if type(x) is Packed for size in x.shape}
    beside = {place: leaf(x, place, sizes) for place, x in found.items()} if sizes else found
    lists = [x for x in known.values() if type(x) is Packed]
    if _share_rows(lists) or _share_classes(lists):
        return bound
    return (tuple(beside[k] for k in range(len(args))), {name: beside[name] for name in kwargs}, *bound[2:])  # type: ignore[return-value]


def _share_rows(lists: list[Packed]) -> bool:
    """Whether a list in one of several is in another, too, or is another."""
    tables = [x.items for x in lists if x.row is list]
    whole = [id(x.items) for x in lists] + [id(row) for items in tables for row in items] if tables else []
    return len(set(whole)) < len(whole)


def _share_classes(lists: list[Packed]) -> bool:
    """Whether there are several lists of objects of one class, which may be in more than one."""
    classes = [x.row for x in lists if x.names]
    return len(set(classes)) < len(classes)


def unpacked(bound: Bound) -> Bound:
    """Arguments as the caller gave them."""
    args, kwargs = bound[:2]
    return (tuple(map(given, args)), {name: given(x) for name, x in kwargs.items()}, *bound[2:])  # type: ignore[return-value]


def looked_into(bound: Bound) -> Bound:
    """Arguments without such lists, in which there is nothing but numbers."""
    args, kwargs = bound[:2]
    none = lambda x: None if type(x) is Packed else x
    return (tuple(map(none, args)), {name: none(x) for name, x in kwargs.items()}, *bound[2:])  # type: ignore[return-value]


def herds_among(values: Sequence[Any]) -> dict[int, Packed]:
    """The lists of objects among some leaves, by their ids."""
    return {id(x.items): x for x in values if type(x) is Packed and x.names}


def leave_in(items: list, after: Any) -> None:
    """Leave in a caller's list what the function left in it: where it holds lists, in these."""
    if type(after) is herds.Attributes:
        after.leave_in(items)
    elif items and type(items[0]) is list:
        for row, now in zip(items, after):
            row[:] = now
    else:
        items[:] = after


def add_to(items: list, more: Any) -> None:
    """Leave in a caller's list what the function added to it, or what it set in its objects."""
    if type(more) is herds.Attributes:
        more.leave_in(items)
    else:
        items.extend(more)


def given(x: Any) -> Any:
    """A leaf as the caller gave it."""
    return x.items if type(x) is Packed else x


class Packs(Logs):
    """The part of a decorated function that decides which lists are arrays."""

    function: Any
    _sizes: Sizes
    _state: State
    _room: int
    _packs = True  # whether any are
    _herds = True  # whether lists of objects are
    _changed: frozenset[str] = frozenset()  # the parameters whose lists it changes
    _remade: frozenset[Spot] = frozenset()  # of lists of objects that it changes

    @cached_property
    def _of_objects(self) -> herds.Met:
        """What attributes of objects in lists have been so far, and which of them the function replaces."""
        return herds.Met()

    def _reads_of(self, call: Call) -> Reads:
        """What a call reads besides its arguments. Rebinds where lists of objects among that are better state."""
        from hybrid.staging.reads import Reads

        reads = Reads.of(self.function, looked_into(call.bound), call.state, herds_among(call.values))
        if self._has_herds and (found := reads.herds()):
            raise Rebinds(found)
        return reads

    @property
    def _has_herds(self) -> bool:
        return self._packs and self._herds and not self._sizes.signature

    def _have_logs(self, places: Iterable[Read]) -> None:
        """Take the lists among new state for logs until they are read; those of objects are read."""
        lists = [place for place in places if type(place.value) is list]
        self._may_grow((2, place.text) for place in lists if not self._has_herds or herd(place.value) is None)

    def _forget_lists(self) -> None:
        self._packs = self._herds = True
        self._changed, self._logs = frozenset(), frozenset()
        self._read, self._remade = frozenset(), frozenset()

    def _packed(self, bound: Bound) -> Bound:
        """The arguments of a call, with one leaf for each long list of numbers."""
        if not self._packs or self._sizes.signature:
            return bound
        return packed(bound, self.parameters, self._changed, self._logs | self._read, self._herds, self._of_objects)

    def _flat(self, bound: Bound) -> tuple[list, tree.Structure]:
        """The leaves of a call's arguments and state, and how they nest; lists that it appends to are one leaf each."""
        known: dict[int, Any] = {id(found): Log(found) for found in lists_at(bound, self._logs)}
        if self._has_herds:
            known |= _herds_in(bound, known, self.parameters.static, self._of_objects)
        for found in lists_at(bound, self._read) if self._packs else ():
            if type(one := _pack(found, (len(found),)) if found else found) is Packed and one.row is not list:
                one.least, one.changed = 0, True
                known.setdefault(id(found), one)
        try:
            values, structure = tree.flatten(bound, lambda node: id(node) in known) if known else tree.flatten(bound)
        except RecursionError:
            raise TraceError("a container among the arguments holds itself, or many others one in the other") from None
        values = [known.get(id(value), value) for value in values]
        remade = set(map(id, lists_at(unpacked(bound), self._remade))) if self._remade else ()
        for value in values if remade else ():
            if type(value) is Packed and value.names:
                value.changed = id(value.items) in remade
        return values, structure

    @staticmethod
    def _herds_of(call: Call, leaves: Iterable[int]) -> frozenset[Spot]:
        """Where lists of objects are among some leaves."""
        found = [k for k in leaves if type(x := call.values[k]) is Packed and x.names]
        return frozenset(place(call.bound, path_of(call.structure, k)) for k in found)

    def _repacked(self, bound: Bound, call: Call, ask: Changing | Containers) -> Bound:
        """The arguments for another attempt to trace."""
        if isinstance(ask, Changing) and (spots := self._herds_of(call, ask.arguments)):
            self._remade |= spots
        elif isinstance(ask, Replacing):
            self._of_objects.replaced.update((ask.of, name) for name in ask.names)
        elif isinstance(ask, Reading):
            self._reads(call.bound, call.structure, ask.arguments)
        elif isinstance(ask, Changing):
            places = [place(call.bound, path_of(call.structure, k)) for k in ask.arguments]
            if not (ask.grows and self._may_grow(places)):
                owners = self.parameters.owners(call.structure)
                self._changed |= {owners[k] for k in ask.arguments}
        elif isinstance(ask.__cause__, RoomError):
            self._room *= 2
        elif any(type(x) is Packed and x.names for x in call.values):
            self._herds = False
            self._state.clear()  # what is no list of such is a constant, as long as it is not changed
        else:
            self._packs = False
        return self._packed(unpacked(bound))


def _pack(items: list, sizes: Collection[int], objects: bool = False, met: herds.Met | None = None) -> Any:
    """A list as one leaf, where it is such a list; else as it is.

    `sizes`: of those that are. A short one of the same size goes with them, as a vector does with a matrix.
    """
    row = type(items[0])
    if set(map(type, items)) != {row}:
        return items
    if row not in (*_DTYPES, tuple, list):
        return _packed_objects(items, met) if objects else items
    if row in (tuple, list):
        return _packed_rows(items, row, 0 if row is tuple and len(items) in sizes else FEW)
    if not _is_long(items, (row,), items, least := 0 if len(items) in sizes else FEW):
        return items
    out = Packed(items, (row,), None, (len(items),))
    out.least = least
    return out


def _herds_in(bound: Bound, others: Collection[int], static: Collection[Any], met: herds.Met) -> dict[int, Packed]:
    """The lists of objects in containers among the arguments, and in the state, by their ids; `others`: lists that are leaves.

    Of a class there is one such list, or none: an object may be in several.
    """
    top = [*bound[0], *bound[1].values()]
    found = {id(x.items): x for x in top if type(x) is Packed and x.names}
    before, pending = set(found), [] if static else [(x, 0) for x in top]
    pending += [(x, 0) for x in (bound[2].values() if len(bound) > 2 else ())]
    while pending:
        node, depth = pending.pop()
        if type(node) is list and id(node) not in others and id(node) not in found and (one := herd(node, met)) is not None:
            found[id(node)] = one
        elif type(node) is not list and type(node) is not Packed and depth < DEEP:
            pending += [(part, depth + 1) for part in tree.children(node) or ()]
    return {} if _share_classes(list(found.values())) else {key: x for key, x in found.items() if key not in before}


def herd(items: list, met: herds.Met | None = None) -> Packed | None:
    """A list of objects as one leaf; None for any other."""
    row = type(items[0]) if items else None
    found = _packed_objects(items, met) if row is not None and set(map(type, items)) == {row} else items
    return found if type(found) is Packed else None


def _packed_objects(items: list, met: herds.Met | None = None) -> Any:
    found = herds.columns(items, met)
    if found is None:
        return items
    out = Packed(items, found.kinds, type(items[0]), (len(items), len(herds.words(found.kinds))))
    out.names, out.choices, out.hidden, out.least = found.names, found.choices, found.hidden, herds.FEW
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
