"""Lists that branches and loops of the graph change: `path.append(x)` in a round that only a run knows.

A list that the function makes itself is Python's own (`Listed.held`) for as long as tracing knows what is in it. When a
branch or loop changes it, it becomes storage where it was made: an array for each number of an item, as long as the rounds of
the loops around allow, and how many items there are. Storage is joined and carried like any array's: branches and loops know
nothing of lists. A result is made a list again after the call.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hybrid.control import algorithms
from hybrid.control.families import Family
from hybrid.control.items import (
    RowLayout,
    atoms_of,
    columns_of,
    common_layout,
    constant,
    inner_layout,
    is_traced,
    item_of,
    layout_of,
    lists_in,
    owned,
    present,
    refuse_aliases,
    together,
    types_of,
    with_inner,
)
from hybrid.control.ordering import Ordered
from hybrid.control.own import Changes, Own, home, is_filled, numbers, plain
from hybrid.control.recast import recast
from hybrid.control.records import is_copied, put_in, records_in
from hybrid.control.slices import Sliced
from hybrid.control.structure import Layout, Record, like, note
from hybrid.control.taking import Taking
from hybrid.core import dtype as dt
from hybrid.core.errors import ROOM, TraceError
from hybrid.core.shape import Size
from hybrid.frontend import integers, uncertain
from hybrid.frontend.indexing import getitem, setitem
from hybrid.frontend.values import operand, sized, stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Symbol, Trace
from hybrid.ops import elementwise as e

MANY = 1024  # items for which there is room where nothing is known of the rounds: to fill it with zeros takes some 0.2 µs
# References to a list that is put into another by `a[i] = …` and has no name: the assignment's, and two of the callee's.
OWN = 3
MOST = 1 << 22  # items for which room is made at most, before a run has shown how many there are


class Listed(Ordered, Sliced, Taking, Own):
    """A list of the function's own. `held`: what it holds, as long as tracing knows it; else it is in `buffers`.

    Attributes:
        layout: of each item.
        buffers: for each number of an item an array of `capacity` elements.
        ends: where the items begin and end, two numbers in storage.
        longest: the most items that there ever can be after the first; None where a check stands before each new one.
    """

    state: tuple[str, ...] = ("layout", "buffers", "ends", "capacity", "longest", "pool", "fresh", "stale",
                              "taken", "shares", "recasts", "pops")  # fmt: skip
    inside: tuple[str, ...] = ("pool",)
    passed = False  # whether it goes to a function that makes an array of it, and is gone then
    herd: Any = None  # that whose items it began with (`control.herds`)

    def __init__(self, trace: Trace, items: list):
        super().__init__(trace, items)
        self.given: list = []  # what it held when it became storage
        self.begins: Size | None = None  # items of a caller's list that it begins with, as far as it has only been appended to
        self.layout: Layout = None
        self.buffers: list[Any] = []
        self.ends: list[Symbol] = []
        self.capacity = self.first_items = 0
        self.room = MANY * trace.room  # for new items, where nothing is known of the rounds
        self.pool: Any = None  # of the items of lists among its items (`rows`)
        self.fresh: list[Atom] = []  # what storage held when it was made
        self.stale = False  # whether other storage has taken the place of this
        # Whether it has copies of lists in it that others know, which are being made, and whether lists in it are changed.
        self.copies = self.copying = self.changes = False
        self.pops: tuple[Any, ...] = ()  # the regions in which other lists came to stand at its places
        self.carried: set = set()  # the loops that use lists in it from around them
        self.recasts = 0  # times that what stands in it has become of another layout
        self.shares = False  # whether it holds records that others may have, too
        self.taken: tuple[Any, ...] = ()  # the records that were put into storage
        self.selects = False  # whether its items are some of those of another list
        self.family = Family()  # what it shares its records and arrays with: lists that were made of it

    def refill(self, items: list) -> None:
        self.held.extend(items)

    def layout_now(self, filled: bool = False) -> Layout:
        return self.layout_with(self.held) if filled or not any(map(is_filled, self.held)) else None

    def layout_with(self, items: Sequence) -> Layout:
        """The layout of items that are, or come, in it."""
        before, self.trace.passing = self.trace.passing, self.passed
        try:
            return layout_of(items)
        finally:
            self.trace.passing = before

    def grow(self, change: Changes) -> None:
        if self.held is None:
            if self.layout == change.layout:
                self.widen(change.room)
                return
            if self.adopts(change.layout):
                return
            if self._now() != self.fresh:
                self.recast(change.layout, change.room)
                return
            self.held = self.given  # nothing has changed it yet
        if sys.getrefcount(self.held) > 2 + (self.held is self.given):
            raise TraceError("a branch or loop changes a list that is known under another name, too", at=change.at)
        refuse_aliases(self.held)
        layout = change.layout
        for item in self.held:
            layout = together(layout, self.layout_with((item,)), change)
        self.given = given = self.held
        self.store(given, layout, change.room)

    def store(self, given: Sequence, layout: Layout, room: int = 0) -> None:
        """Become storage that holds some items."""
        self.held, self.layout, self.buffers, self.family = None, layout, [], Family()  # type: ignore[assignment]
        self.first_items = len(given)
        self.capacity = self.longest = max(len(given), 1)
        self._reserve(room)
        self.ends = numbers(self.trace, tr.literal(0, dt.int64), tr.literal(0, dt.int64))
        self.longest = 0
        inner = inner_layout(layout)
        self.pool = None if inner is None else MAKERS["pool"](self, inner)
        columns = (MAKERS["stretches"](self, given) or columns_of(given, layout)) if given else None
        for item in given:
            self.append(item) if columns is None else self._take(item)
        if columns is not None:
            for own in (own for item in given for own in owned(item)) if inner is not None else ():
                self._give(own)
            self._fill(columns, len(given))
        self.fresh = self._now()

    def adopts(self, layout: Layout) -> bool:
        """Whether nothing but the layout of items of lists in it is new, which had no items before."""
        inner, before = inner_layout(layout), inner_layout(self.layout)
        if inner is None or before is None or before.inner is not None or with_inner(self.layout, inner.inner) != layout:
            return False
        self.layout, self.pool = layout, MAKERS["pool"](self, inner)
        return True

    def recast(self, layout: Layout, room: int = 0) -> None:
        """Let what stands in storage be of another layout, too."""
        layout, before, inner = together(self.layout, layout, None), self.layout, inner_layout(self.layout)
        self.buffers = list(recast(self.trace, before, layout, iter(self.buffers), self.capacity))
        self.layout, self.fresh, self.recasts = layout, [], self.recasts + 1
        if inner is not None and self.pool is not None and inner_layout(layout) != inner:
            self.pool.recast(inner_layout(layout).inner)  # type: ignore[union-attr]
        if room:
            self.widen(room)

    def widen(self, room: int) -> None:
        """Make more room."""
        unchanged = self._now() == self.fresh
        self._reserve(room)
        self.fresh = self._now() if unchanged else []

    def _fill(self, columns: list[np.ndarray], count: int) -> None:
        """Begin with known items."""
        for buffer, column in zip(self.buffers, columns):
            setitem(buffer, slice(0, count), constant(self.trace, column))
        self.longest = count
        self._set_end(tr.literal(count, dt.int64))

    def _now(self) -> list[Atom]:
        """What storage holds."""
        inner = [] if self.pool is None else self.pool._now()
        return [*map(tr.read, self.ends), *(tr.read(symbol(self.trace, buffer)) for buffer in self.buffers), *inner]

    def pool_becomes(self, layout: Layout) -> None:
        self.becomes(with_inner(self.layout, layout))

    def _reserve(self, room: int) -> None:
        before, self.buffers = self.buffers, []
        twice, enough = self.capacity * (2 if self.ends else 1), (self.longest or 0) + room
        self.capacity = max(twice, enough, 4) if isinstance(twice, int) else twice + enough  # as long as a caller's list
        for at, type_ in enumerate(types_of(self.layout)):
            zeros = stretched(self.trace, tr.literal(0, type_.dtype), (self.capacity, *type_.shape))
            self.buffers.append(wrap(self.trace.fresh(zeros, "ndarray")))
            if before:
                setitem(self.buffers[at], slice(0, before[at].shape[0]), before[at])

    def _new(self) -> None:
        """Make sure that there is room for one more item."""
        region, rounds = self.trace.region, 1
        while home(region) is not home(self.made):
            assert region is not None
            if region.loop:
                count = region.rounds if isinstance(region.rounds, int) else 0
                rounds = rounds * count if rounds * count <= MOST else 0  # 0: nobody knows
            region = region.outer
        if self.longest is not None and rounds:
            if self.longest + rounds > self.capacity:
                self.becomes(self.layout, rounds)
            self.longest += rounds
            return
        if self.longest is not None and self.longest + self.room > self.capacity:
            self.becomes(self.layout, self.room)
        self.longest = None

    # as a list
    def _bounds(self) -> tuple[Atom, Atom]:
        """Where the items begin and end."""
        first, end = map(tr.read, self.ends)
        return first, end

    def straight(self) -> Listed:
        """A list of the same items, in storage from the first on."""
        return self

    def shorten(self, count: Any) -> None:
        """Keep so many of the items."""
        self.begins = None
        first, _ = self._bounds()
        self._set_end(self.trace.one(e.add, first, operand(self.trace, count, dt.int64)))

    def counts(self, count: int) -> Listed:
        """The list, of which it is known how many items it holds."""
        self.shorten(count)
        return self

    def set_bounds(self, first: Atom, end: Atom) -> None:
        self.begins, self.ends = None, numbers(self.trace, first, end)

    def python(self, atom: Atom) -> Any:
        return integers.python(self.trace, atom)

    def make(self) -> Any:
        """What makes the result of a list of its items; None for that list itself."""
        return None

    def _count(self) -> Atom:
        first, end = self._bounds()
        return self.trace.one(e.sub, end, first)

    def length(self) -> Any:
        if self.held is not None:
            return len(self.held)
        count = self._count()
        if type(size := self.trace.size_of(count)) is int:
            return size
        self.trace.ranges[count] = 0, self.capacity
        return integers.python(self.trace, count)

    def _place(self, at: Atom) -> Any:
        """A place in the buffers."""
        self.trace.ranges[at] = 0, self.capacity - 1
        return integers.python(self.trace, at)

    def _set_first(self, first: Atom) -> None:
        tr.write(self.ends[0], first)

    def _set_end(self, end: Atom) -> None:
        tr.write(self.ends[1], end)

    def _fits(self, first: Atom, end: Atom) -> Atom:
        """Whether there is room for one more item at the end."""
        return self.trace.one(e.lt, end, sized(self.trace, self.capacity))

    def _changing(self, rewrites: bool = True) -> None:
        self.begins = None if rewrites else self.begins
        if self.iterated:
            raise self.refuse("changing, while iterating over it,")

    def _admitted(self, item: Any) -> Any:
        """An item that fits the layout, which becomes wider where it must."""
        item = present(self.trace, item)
        layout = self.layout_with((item,))
        if None in (layout, self.layout) or common_layout(self.layout, layout) != self.layout:
            self.becomes(together(self.layout, layout, None))
        return item

    def append(self, item: Any) -> None:
        if self.held is not None:
            self.held.append(item)
            return
        self._changing(rewrites=False)
        self._take(item)
        item, trace = self._admitted(item), self.trace
        if self.is_home() and self.longest is not None and self.longest >= self.capacity:
            self._reserve(1)
        self._new()
        first, end = self._bounds()
        if self.longest is None:
            trace.assume(self._fits(first, end), ROOM)
        self._put(end, item)
        self._set_end(trace.one(e.add, end, tr.literal(1, dt.int64)))

    def _take(self, item: Any) -> None:
        """Remember the records of an item, of which storage has what they hold from now on, and who may know its arrays."""
        self.family.takes(self.trace, item)
        if is_copied(self.trace, item):
            self.shares = True
        else:
            self.taken += tuple(put_in(self.trace, record) for record in records_in(item))

    def _put(self, at: Atom, item: Any) -> None:
        place = self._place(at)
        for buffer, atom in zip(self.buffers, atoms_of(self.trace, item, self.layout)):
            setitem(buffer, place, wrap(self.trace.fresh(atom, "ndarray")))
        if self.pool is not None:
            for row, items in lists_in(self._built(self.layout, itertools.count(), place), item):
                self._fill_row(row, items)

    def extend(self, items: Any) -> None:
        items = items.copy() if isinstance(items, Listed) and items.is_row else plain(items)  # of a list whose items may move
        if self.held is not None and (type(items) is range or not self.trace.handlers.counts(items)):
            self.held.extend(items)
        elif type(items := MAKERS["lent"](self.trace, items)) in (list, tuple):
            for item in items:
                self.append(item)
        else:
            self.run(algorithms.extend, items)

    def __iadd__(self, items: Any) -> Any:
        self.extend(items)
        return self

    def __add__(self, items: Any) -> Any:
        if self.held is not None and not isinstance(plain(items), Own):
            return self.held + plain(items)
        if not isinstance(items, list):
            raise TypeError(f"can only concatenate list (not {type(items).__name__!r}) to list")
        out = listed(self.trace, self.held.copy()) if self.held is not None else self._part(None, None)
        out.extend(items)
        return out

    def __radd__(self, items: list) -> Any:
        return listed(self.trace, items.copy()) + self

    def rounds(self) -> Any:
        if self.held is not None:
            return None
        return integers.size_of(self.trace, self.length()), lambda k: self[k]

    def run(self, function: Callable, *args: Any) -> Any:
        return self.trace.handlers.algorithm(function)(self, *args)

    borrows = property(lambda self: self.family.borrows)

    def _keeping(self, moving: Callable[[], Any]) -> Any:
        """Move items about, each of which is in the list once more only for a while."""
        before = self.borrows
        out = moving()
        self.family.borrows = before
        return out

    def _some(self, error: type[Exception] = IndexError) -> tuple[Atom, Atom]:
        """Where the items begin and end, of a list that has some; `error`: what Python raises else."""
        first, end = self._bounds()
        self.trace.assume(self.trace.one(e.lt, first, end), "a list has an item", error)
        return first, end

    def pop(self, at: Any = -1) -> Any:
        if self.held is not None and not integers.is_traced_integer(at):
            return self.held.pop(at)
        self.is_stored(at)
        self._changing()
        trace, one = self.trace, tr.literal(1, dt.int64)
        if type(at) is not int or at not in (0, -1):
            if self.pool is not None:
                raise TraceError("a list gives up one of the lists in it", at=tr.user_line())
            return self._keeping(lambda: self.run(algorithms.pop_at, at))
        first, end = self._some()
        place = first if at == 0 else trace.one(e.sub, end, one)
        out = self._item(place)
        if self.pool is not None:
            out = MAKERS["taken"](out)
            MAKERS["moved"](self)
        if at == 0:
            self._set_first(trace.one(e.add, first, one))
        else:
            self._set_end(place)
        return out

    def insert(self, at: Any, item: Any) -> None:
        if self.knows(at, item):
            self.held.insert(at, item)
        else:
            self._changing()
            self.to_storage(item)
            self._take(item)
            self._keeping(lambda: self.run(algorithms.insert, at, item))

    def remove(self, item: Any) -> None:
        if self.knows(item):
            self.held.remove(item)
        else:
            self._changing()
            self._keeping(lambda: self.run(algorithms.pop_at, self.run(algorithms.index, item, 0)))

    def index(self, item: Any, start: Any = 0) -> Any:
        return self.held.index(item, start) if self.knows(item, start) else self.run(algorithms.index, item, start)

    def count(self, item: Any) -> Any:
        return self.held.count(item) if self.knows(item) else self.run(algorithms.count, item)

    def contains(self, item: Any) -> Any:
        return item in self.held if self.knows(item) else self.run(algorithms.contains, item)

    def equal(self, other: Any) -> Any:
        """`==` of two lists, or of two deques."""
        if other is self:
            return True
        if self.held is not None and not (isinstance(other, Listed) and other.held is None) and self.knows(plain(other)):
            return self.held == plain(other)
        if not isinstance(other, self.kind):
            return False
        return self.trace.handlers.algorithm(algorithms.equal)(self, other)

    def to_storage(self, *others: Any) -> None:
        """Become storage where it is none yet, for what it holds and for some others."""
        if self.held is None:
            return
        layout = self.layout_with((*self.held, *others))
        if layout is None:
            raise TraceError("a list holds items of several kinds, which only a run can tell", at=tr.user_line())
        self.becomes(layout)

    def knows(self, *others: Any) -> bool:
        """Whether Python can be asked: all items and some other things are known."""
        return self.held is not None and not any(map(is_traced, (*self.held, *others)))

    def clear(self) -> None:
        if self.held is not None:
            self.held.clear()
            return
        self._changing()
        self._set_end(self._bounds()[0])

    def _item(self, at: Atom) -> Any:
        return self._built(self.layout, itertools.count(), self._place(at))

    def _built(self, layout: Layout, numbers: Iterator[int], place: Any) -> Any:
        """The item at a place, or a part of it."""
        if isinstance(layout, Record):
            return note(self.trace, layout.nest.build([self._built(part, numbers, place) for part in layout]))
        if isinstance(layout, tuple):
            return like(layout, [self._built(part, numbers, place) for part in layout])
        if isinstance(layout, RowLayout):
            return MAKERS["row"](self, layout, [next(numbers) for _ in types_of(layout)], place)
        parts = [tr.read(symbol(self.trace, getitem(self.buffers[next(numbers)], place))) for _ in types_of(layout)]
        return item_of(self.trace, layout, iter(parts))

    def _at(self, index: Any) -> Atom:
        trace, zero = self.trace, tr.literal(0, dt.int64)
        given, count = operand(trace, uncertain.number(trace, index), dt.int64), self._count()
        at = trace.one(e.select, trace.one(e.lt, given, zero), trace.one(e.add, given, count), given)
        inside = trace.one(e.and_, trace.one(e.ge, at, zero), trace.one(e.lt, at, count))
        trace.assume(inside, "an index of a list is in bounds")
        return trace.one(e.add, at, self._bounds()[0])

    def is_stored(self, index: Any) -> bool:
        """Whether the items are in storage, as they must be to be had by a number that only a run knows."""
        if self.held is None or not integers.is_traced_integer(index):
            return self.held is None
        if not self.held:
            raise IndexError("list index out of range")  # a loop that does this does not go round
        layout = layout_of(self.held)
        if layout is None or (any(map(is_filled, self.held)) and MAKERS["held"](self, index)):
            return False
        self.becomes(layout)
        return True

    def __getitem__(self, index: Any) -> Any:
        if not self.is_stored(index):
            return self.trace.handlers.item(self.held, index)
        if isinstance(index, slice):
            return self._sliced(index)
        return self._item(self._at(index))

    def __setitem__(self, index: Any, item: Any) -> None:
        if not self.is_stored(index):
            self.held[index] = item
            return
        if isinstance(index, slice):
            if index != slice(None) or self.pool is not None:
                raise TraceError("a part of a list is replaced", at=tr.user_line())
            items = listed(self.trace, [])
            items.extend(item)  # a copy: they may come from this very list
            self.clear()
            self.extend(items)
            return
        self.begins = None
        self._take(item)
        item = self._admitted(item)
        if self.pool is not None:
            shared = sys.getrefcount(item) > OWN
            MAKERS["put"](self, index, item, shared)
        else:
            self._put(self._at(index), item)

    def __delitem__(self, index: Any) -> None:
        if isinstance(index, slice) and self.held is not None:
            del self.held[index]
        elif isinstance(index, slice):
            raise self.refuse("deleting a part of")
        else:
            self.pop(index)

    def copy(self) -> Listed:
        return listed(self.trace, self.held.copy()) if self.held is not None else self._part(None, None)

    def reverse(self) -> None:
        if self.held is not None:
            self.held.reverse()
            return
        self._changing()
        self._keeping(lambda: self.run(algorithms.reverse))

    def _like(self) -> Listed:
        out = Listed(self.trace, [])
        out.held, out.layout, out.capacity, out.longest = None, self.layout, self.capacity, self.longest  # type: ignore[assignment]
        out.family = self.family
        return out

    def outputs(self, whole: bool = True) -> tuple[list[Atom], Layout]:
        """Where the items begin and end, and their numbers: what a result is made of."""
        if whole and (self.borrows or self.shares):
            what = "arrays" if self.borrows else "records"
            raise TraceError(f"a list is returned with {what} that were not made for it", at=tr.user_line())
        if whole and self.copies:
            raise TraceError("a list is returned that holds lists of the caller's", at=tr.user_line())
        self.to_storage()
        if self.pool is not None:
            self.pool.assume_makeable()
        inner = [] if self.pool is None else self.pool.buffers
        if self.pool is not None and self.pool.pool is not None:
            raise self.refuse("returning lists in lists in")
        return [*self._bounds(), *(tr.read(symbol(self.trace, buffer)) for buffer in (*self.buffers, *inner))], self.layout


Sequence.register(Listed)  # `match` takes one for a sequence


def listed(trace: Trace | None, items: Any) -> Any:
    """A container that the function makes, and may change in branches and loops."""
    make = KINDS.get(type(items))
    return items if make is None or trace is None else make(trace, items)


KINDS: dict[type, Callable[[Trace, Any], Own]] = {list: Listed}  # others enter themselves
MAKERS: dict[str, Callable] = {}  # so do the rows of lists of lists
