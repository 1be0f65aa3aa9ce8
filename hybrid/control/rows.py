"""Lists in lists that branches and loops change: `adj = [[] for _ in range(n)]`, `adj[u].append(v)`, `for v in adj[u]`.

The items of all of them stand in one *pool*. A list in it is a stretch of places, known by its first, how many items it has,
and for how many there is room. One that is full moves to the end of the pool, into a stretch twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid.control import algorithms
from hybrid.control.items import Layout, RowLayout, columns_of, constant, inner_layout
from hybrid.control.lists import MAKERS, Listed
from hybrid.control.own import Own, home, numbers, plain
from hybrid.control.perhaps import Perhaps
from hybrid.control.records import excludes, records_in
from hybrid.control.structure import is_parts, like
from hybrid.core import dtype as dt
from hybrid.core.errors import ROOM, TraceError
from hybrid.frontend import integers
from hybrid.frontend.indexing import getitem, setitem
from hybrid.frontend.values import operand, sized, symbol
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.primitive import Primitive
from hybrid.ops import elementwise as e

WRITTEN, KNOWN = 64, 4096  # items of a matrix of lists that is written out first, and where there are no inputs
POOL = 2  # times as much room as for items of a single list: stretches that have moved leave theirs behind


class Pool(Listed):
    """The items of all lists in a container; `owner` grows with it."""

    def __init__(self, owner: Any, layout: Layout):
        super().__init__(owner.trace, [])
        self.owner, self.made, self.family = owner, owner.made, owner.family
        self.store([], layout, self.room_at_first())
        self.longest = None

    def room_at_first(self) -> int:
        return POOL * self.room

    def becomes(self, layout: Layout, room: int = 0) -> None:
        self.owner.pool_becomes(layout)

    def assume_makeable(self) -> None:
        """Assume that results can be made of what stands in it."""


class Stretch(Own):
    """One of the containers in a container: the numbers that know its stretch stand at a place of some buffers."""

    is_row = True

    def __init__(self, owner: Listed, numbers: Sequence[int], at: Any):
        self.trace, self.owner, self.numbers, self.at = owner.trace, owner, numbers, at
        self.recasts, self.pops, self.where = owner.recasts, owner.pops, owner.trace.region
        self.held: Any = None

    made = property(lambda self: self.of.made)

    @property
    def of(self) -> Pool:
        """The pool, which is another one once items of another kind are known to come."""
        if self.owner.stale or self.owner.recasts != self.recasts:
            raise TraceError("a list in a container was known before what the container holds was", at=tr.user_line())
        since = self.owner.pops[len(self.pops) :]
        if any(not excludes(region, self.trace.region) for region in since):
            raise TraceError("a list in a container is used after one of its lists was moved or given up", at=tr.user_line())
        if self.owner.pool is None:
            raise TraceError("a list in a container is read before it is known what is put into it", at=tr.user_line())
        region, made = self.trace.region, home(self.where)
        while region is not None and home(region) is not made:
            if region.loop:
                self.owner.carried.add(region)
            region = region.outer
        return self.owner.pool

    def snapshot(self) -> tuple:
        return (None,)

    def restore(self, before: tuple) -> None:
        pass

    def _known(self, k: int) -> Atom:
        return tr.read(symbol(self.trace, getitem(self.owner.buffers[self.numbers[k]], self.at)))

    def _know(self, k: int, number: Any) -> None:
        setitem(self.owner.buffers[self.numbers[k]], self.at, number)


class Row(Stretch, Listed):
    """One of the lists."""

    state: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()

    def __init__(self, owner: Listed, numbers: Sequence[int], at: Any):
        super().__init__(owner, numbers, at)
        self.room = owner.room

    buffers = property(lambda self: self.of.buffers)
    pool = property(lambda self: self.of.pool)
    capacity = property(lambda self: self.of.capacity)
    longest = property(lambda self: self.of.longest)
    family = property(lambda self: self.owner.family)

    @property
    def layout(self) -> Layout:
        return self.of.layout

    @property
    def iterated(self) -> int:
        return self.of.iterated

    @iterated.setter
    def iterated(self, loops: int) -> None:
        self.of.iterated = loops

    def fill(self, items: Any) -> None:
        self.extend(items)

    def empty(self) -> None:
        """Hold nothing, in the same stretch."""
        self._know(1, 0)

    def _bounds(self) -> tuple[Atom, Atom]:
        first = self._known(0)
        return first, self.trace.one(e.add, first, self._known(1))

    def _set_end(self, end: Atom) -> None:
        self._know(1, self.python(self.trace.one(e.sub, end, self._known(0))))

    def _set_first(self, first: Atom) -> None:
        trace, (before, end) = self.trace, self._bounds()
        self._know(1, self.python(trace.one(e.sub, end, first)))
        self._know(2, self.python(trace.one(e.sub, trace.one(e.add, self._known(2), before), first)))
        self._know(0, self.python(first))

    def becomes(self, layout: Layout, room: int = 0) -> None:
        self.of.becomes(layout, room)

    def _changing(self, rewrites: bool = True) -> None:
        super()._changing(rewrites)
        self.owner.row_changes()

    def __setitem__(self, index: Any, item: Any) -> None:
        self.owner.row_changes()
        super().__setitem__(index, item)

    def _take(self, item: Any) -> None:
        self.owner._take(item)

    def append(self, item: Any) -> None:
        self._changing()
        self._take(item)
        item = self._admitted(item)
        self.run(algorithms.append_to_row, item)

    def straight(self) -> Listed:
        return self.copy()

    def full(self) -> Any:
        trace = self.trace
        return self.python(trace.one(e.ge, self._known(1), self._known(2)))

    def move(self) -> None:
        """Into a stretch with more room at the end of the pool."""
        trace, (first, end) = self.trace, self._bounds()
        count = trace.one(e.sub, end, first)
        room = trace.one(e.maximum, trace.one(e.mul, count, tr.literal(2, dt.int64)), tr.literal(4, dt.int64))
        _, top = self.of._bounds()
        behind = trace.one(e.add, top, room)
        trace.assume(trace.one(e.le, behind, sized(trace, self.capacity)), ROOM)
        self.run(algorithms.move_row, self.python(first), self.python(top), self.python(count))
        self.of._set_end(behind)
        self._know(0, self.python(top))
        self._know(2, self.python(room))

    def shift(self, source: Any, target: Any) -> None:
        """Copy an item from one place of the pool to another."""
        trace = self.trace
        there, here = self._place(operand(trace, source, dt.int64)), self._place(operand(trace, target, dt.int64))
        for buffer in self.buffers:
            setitem(buffer, here, getitem(buffer, there))

    def put_last(self, item: Any) -> None:
        _, end = self._bounds()
        self._put(end, item)
        self._set_end(self.trace.one(e.add, end, tr.literal(1, dt.int64)))

    def sort(self, *, key: Any = None, reverse: Any = False) -> None:
        self._changing()
        ordered = self.copy()
        ordered.sort(key=key, reverse=reverse)
        self._keeping(lambda: self.run(algorithms.replace, ordered))

    def extreme(self, primitive: Primitive) -> Any:
        return self.searched(primitive)

    def outputs(self, whole: bool = True) -> tuple[list[Atom], Layout]:
        return self.copy().outputs(whole)


class RowOr(Row):
    """A list of a dict, or no items where the key is not there: `cells.get(key, [])`, to be read only."""

    def __init__(self, row: Row, there: Atom, default: Any):
        super().__init__(row.owner, row.numbers, row.at)
        self.there, self.default = there, default

    def _bounds(self) -> tuple[Atom, Atom]:
        if not is_empty(self.default):
            raise TraceError("the default of .get() has been changed since", at=tr.user_line())
        first, end = super()._bounds()
        return first, self.trace.one(e.select, self.there, end, first)

    def _changing(self, rewrites: bool = True) -> None:
        raise TraceError("a list is changed that is one of a dict's or the default of .get()", at=tr.user_line())


class Taken(Listed):
    """A list that another gave up, to be read: its items stay where they are in the pool, whose places nobody takes again."""

    state: tuple[str, ...] = ()

    def __init__(self, row: Row):
        super().__init__(row.trace, [])
        row.trace.lists.pop()  # it stays what it is
        first, end = row._bounds()
        self.held, self.layout, self.buffers, self.pool = None, row.layout, row.buffers, row.pool  # type: ignore[assignment]
        self.capacity, self.longest, self.family = row.capacity, row.longest, row.family
        self.ends = numbers(row.trace, first, end)

    def _changing(self, rewrites: bool = True) -> None:
        raise TraceError("a list is changed that another list has given up", at=tr.user_line())

    def straight(self) -> Listed:
        return self.copy()


def made_row(owner: Listed, layout: RowLayout, numbers: Sequence[int], at: Any) -> Any:
    """The container in a container at a place."""
    return Row(owner, numbers, at) if layout.kind is list else TABLES[layout.kind](owner, layout, numbers, at)


def made_pool(owner: Any, layout: RowLayout) -> Pool:
    """The pool of the items of containers in a container."""
    return Pool(owner, layout.inner) if layout.kind is list else TABLES["pool"](owner, layout.inner)


def taken(item: Any) -> Any:
    """An item that a list gives up, the lists in it as they are now."""
    if type(item) is Row:
        return Taken(item)
    if isinstance(item, Stretch):
        raise TraceError("a container gives up one of the dicts or sets in it", at=tr.user_line())
    return like(item, map(taken, item)) if is_parts(item) else item


def row_or(row: Any, there: Any, default: Any) -> Any:
    """What `.get()` gives where lists are looked up; None where only a branch can tell."""
    if type(row) is Row and default is None:
        return Perhaps(list, there, (RowOr(row, operand(row.trace, there, dt.bool_), ()),))
    if isinstance(row, Stretch) and type(row) is not Row:
        fits = isinstance(plain(default), (row.kind, tuple, list)) and type(plain(default)) in (row.kind, tuple, list)
        there = operand(row.trace, there, dt.bool_)
        return TABLES[row.kind](row.owner, row.layout, row.numbers, row.at, there) if fits and not plain(default) else None
    return RowOr(row, operand(row.trace, there, dt.bool_), default) if type(row) is Row and is_empty(default) else None


def stays_held(owner: Listed, index: Any) -> bool:
    """Whether a matrix of lists is better written out, which may make a place known: a small one, as short loops are.

    A function without inputs may know all numbers. Lists of others stay what they are.
    """
    trace, lists = owner.trace, [item for item in owner.held if type(item) is list]
    most = WRITTEN if trace.given else KNOWN
    few = sum(map(len, lists)) <= most and trace.handlers.short > 1 and (not trace.given or integers.is_size(trace, index))
    trace.short = trace.short or few
    return few or any(id(item) in trace.handlers.others.ids for item in lists)


def stretches(owner: Listed, given: Sequence) -> list[np.ndarray] | None:
    """Lists of known items, put into the pool at once: where each begins, how many items it has, and room for how many."""
    inner, others = inner_layout(owner.layout), owner.trace.handlers.others.ids
    if inner is not None and inner.kind is not list:
        return TABLES["columns"](owner, given)
    if owner.layout is not inner:
        return None
    if any(type(plain(item)) is not list or id(item) in others for item in given):
        return None
    items = [x for item in given for x in item]
    columns = columns_of(items, inner.inner) if items and not any(list(records_in(x)) for x in items) else None
    if columns is None:
        return None
    owner.pool._reserve(len(items))
    for buffer, column in zip(owner.pool.buffers, columns):
        setitem(buffer, slice(0, len(items)), constant(owner.trace, column))
    owner.pool._set_end(tr.literal(len(items), dt.int64))
    counts = np.array([len(item) for item in given])
    return [np.cumsum(counts) - counts, counts, counts]


def exchanged(items: Any, one: Any, other: Any) -> bool:
    """Let two lists in a list change places: `rows[i], rows[p] = rows[p], rows[i]`; False where Python's own way is the one."""
    if not isinstance(items, Listed) or not (items.is_stored(one) or items.is_stored(other)) or items.pool is None:
        return False
    if type(items.layout) is not RowLayout:
        return False
    items._changing()
    moved(items)
    here, there = (items._place(items._at(index)) for index in (one, other))
    for buffer in items.buffers:
        first, second = getitem(buffer, here), getitem(buffer, there)
        setitem(buffer, here, second)
        setitem(buffer, there, first)
    return True


def moved(owner: Listed) -> None:
    """Note that another list comes to stand at a place, by which whoever has one of them knows it.

    In a loop that uses one from around it, the next round would find another.
    """
    region = owner.trace.region
    while region is not None:
        if region in owner.carried:
            raise TraceError("a loop uses a list of a container in which lists are moved or given up", at=tr.user_line())
        region = region.outer
    owner.pops += (owner.trace.region,)


def put(owner: Listed, index: Any, items: Any, shared: bool) -> None:
    """Let another list take the place of one: `rows[i] = [...]`. It takes the stretch of that one as far as it fits.

    `shared`: whether somebody else has the list, if it is Python's.
    """
    if type(owner.layout) is not RowLayout:
        raise TraceError("a list in a list is replaced by another", at=tr.user_line())
    place = owner._at(index)
    at = owner._place(place)
    if isinstance(items, Stretch) and items.owner is owner and operand(owner.trace, items.at, dt.int64) == place:
        return  # `rows[i] += [...]`
    if (again := getattr(items, "again", None)) is not None:
        found = again()  # before what it came of is emptied
        items = items if found is None else found
    moved(owner)
    row = made_row(owner, owner.layout, range(len(owner.layout.empty)), at)
    row.empty()
    owner._fill_row(row, items, shared)


def is_empty(default: Any) -> bool:
    """Whether it is a list or tuple without items."""
    default = plain(default)
    return type(default) in (list, tuple) and not default


TABLES: dict[Any, Any] = {}  # dicts and sets in containers enter themselves (`inner`)
MAKERS["pool"] = made_pool
MAKERS["row"] = made_row
MAKERS["stretches"] = stretches
MAKERS["held"] = stays_held
MAKERS["taken"] = taken
MAKERS["moved"] = moved
MAKERS["put"] = put
