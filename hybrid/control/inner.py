"""Dicts and sets in lists and dicts, at places that only a run knows: `adj[u].add(v)`, `graph[u][v] = w`.

The entries of all of them stand in one pool, and beside it an index of as many places. A table is a stretch of both: its
entries stand in the order in which they came, and the places of the index tell which entry has a key, by open addressing. One
that is full moves to the end of the pool. Sets of integers have CPython's own tables, place by place: the order of their items
is that of the places.
"""

from __future__ import annotations

import operator
import sys
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from hybrid.control import algorithms, probing
from hybrid.control.items import Layout, together
from hybrid.control.join import Spec, forms
from hybrid.control.lists import Listed
from hybrid.control.mapped import ALIVE, Mapped
from hybrid.control.own import numbers, plain
from hybrid.control.rows import POOL, TABLES, Pool, Stretch
from hybrid.control.sets import SetOf, is_as_entered
from hybrid.control.structure import SMALLEST, RowLayout
from hybrid.core import dtype as dt
from hybrid.core.errors import ROOM, TraceError
from hybrid.frontend import integers
from hybrid.frontend.indexing import getitem, setitem
from hybrid.frontend.values import operand, sized, stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Literal, Var
from hybrid.ops import elementwise as e

PROBES = 9  # places after the first that CPython's sets look at before they jump (LINEAR_PROBES)
PRIME = 2**61 - 1  # of which the hash of an integer is the remainder
UNKNOWN = (3, 14)  # the first version of Python whose sets have not been looked at
# Places for each table in the pool: of 8, of 32 and of 128 after these. For so many tables only: calls fill them with zeros.
TABLE, MANY_TABLES = 168, 4096
REMOVED, LOST = 1, 2  # what became of the order of sets: items were removed; a set came from one whose order nobody knows
_FIRST, _COUNT, _ROOM, _LIVE, _FINGER = range(5)  # the numbers that know a table


class TablePool(Pool):
    """The entries of all dicts or sets in a container, the places of their tables, and what iterations note."""

    state = (*Listed.state, "index", "order")

    def __init__(self, owner: Any, layout: Layout):
        self.index: Any = None
        self.order: Any = None
        self.walked: list[InnerTable] = []  # those over which loops are being recorded
        super().__init__(owner, layout)
        self.history = numbers(self.trace, tr.literal(0, dt.int64))[0]
        self._set_end(tr.literal(SMALLEST, dt.int64))  # the first places are those of all empty tables
        self.fresh = self._now()

    def room_at_first(self) -> int:
        return POOL * self.room + TABLE * min(self.owner.first_items, MANY_TABLES)

    def _reserve(self, room: int) -> None:
        super()._reserve(room)
        self.index, self.order = (self._widened(before) for before in (self.index, self.order))

    def _widened(self, before: Any) -> Any:
        made = wrap(self.trace.fresh(stretched(self.trace, tr.literal(0, dt.int64), (self.capacity,)), "ndarray"))
        if before is not None:
            setitem(made, slice(0, before.shape[0]), before)
        return made

    def recast(self, layout: Layout, room: int = 0) -> None:
        if self.layout is not None and layout is not None and self.layout[0] != layout[0]:
            raise TraceError("the dicts or sets in a container get keys of several kinds", at=tr.user_line())
        super().recast(layout, room)

    def note(self, what: int) -> None:
        """Remember that sets are no more what came into them, one after another."""
        trace = self.trace
        tr.write(self.history, trace.one(e.or_, tr.read(self.history), tr.literal(what, dt.int64)))

    def inherit(self, other: TablePool) -> None:
        """Know no more of the order of sets than another pool does of its own."""
        trace = self.trace
        tr.write(self.history, trace.one(e.or_, tr.read(self.history), tr.read(other.history)))

    def assume_known(self, below: int) -> None:
        holds = self.trace.one(e.lt, tr.read(self.history), tr.literal(below, dt.int64))
        self.trace.assume(holds, "the order of a set is known")

    def assume_makeable(self) -> None:
        self.assume_known(REMOVED)  # only by putting in what came


class InnerTable(Stretch, Mapped):
    """One of the dicts; `there`: whether there is one at all, else it is empty and may not be changed."""

    state: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    smallest = SMALLEST
    grows = 2  # how many times as many places as entries a new table has, at least

    def __init__(self, owner: Listed, layout: RowLayout, numbers: Sequence[int], at: Any, there: Atom | None = None):
        super().__init__(owner, numbers, at)
        self.kind, self.layout, self.there = layout.kind, layout, there
        self.given = defaultdict(layout.factory)
        self.loops = 0

    entries = property(lambda self: self.of)  # type: ignore[assignment]

    # the numbers that know it
    def _known(self, k: int) -> Atom:
        number = super()._known(k)
        if self.there is None:
            return number
        return self.trace.one(e.select, self.there, number, tr.literal(self.layout.empty[k], dt.int64))

    def _python(self, k: int) -> Any:
        return integers.python(self.trace, self._known(k))

    def _atom(self, x: Any) -> Atom:
        return x if isinstance(x, (Var, Literal)) else operand(self.trace, x, dt.int64)

    def _sum(self, a: Any, b: Any) -> Atom:
        return self.trace.one(e.add, self._atom(a), self._atom(b))

    def _at(self, k: Any) -> Any:
        """The place in the pool of one of its own places."""
        return self._checked(self._sum(self._known(_FIRST), k))

    def _checked(self, atom: Atom) -> Any:
        self.trace.ranges[atom] = 0, self.entries.capacity - 1
        return integers.python(self.trace, atom)

    def lies(self) -> tuple[Any, Any, Any]:
        return self._python(_FIRST), self.room(), self.count()

    def room(self) -> Any:
        atom = self._known(_ROOM)
        self.trace.ranges[atom] = 0, self.entries.capacity
        return integers.python(self.trace, atom)

    def count(self) -> Any:
        """How many entries there are, those among them that were taken away."""
        atom = self._known(_COUNT)
        self.trace.ranges[atom] = 0, self.entries.capacity
        return integers.python(self.trace, atom)

    def length(self) -> Any:
        atom = self._known(_LIVE)
        self.trace.ranges[atom] = 0, self.entries.capacity
        return integers.python(self.trace, atom)

    def is_nowhere(self) -> Any:
        return self._python(_FIRST) == 0

    def claim(self, room: Any) -> Any:
        """A new stretch at the end of the pool."""
        trace, pool = self.trace, self.entries
        _, top = pool._bounds()
        behind = self._sum(self._checked(top), room)
        trace.assume(trace.one(e.le, behind, sized(trace, pool.capacity)), ROOM)
        pool._set_end(behind)
        return self._checked(top)

    def settle(self, first: Any, room: Any, count: Any) -> None:
        """Lie elsewhere."""
        for k, number in ((_FIRST, first), (_COUNT, count), (_ROOM, room), (_LIVE, count)):
            self._know(k, number)

    def is_full(self) -> Any:
        """Whether CPython would make a larger set of it."""
        return self.is_crowded(0)

    def is_crowded(self, more: Any) -> Any:
        return (self.count() + more) * 5 >= (self.room() - 1) * 3

    def has_gaps(self) -> Any:
        return self.count() - self.length() > (self.room() - 1) // 4

    def may_have_gaps(self) -> bool:
        return self.trace.handlers.gaps

    def is_by_slots(self) -> bool:
        return False

    def power_above(self, many: Any) -> Any:
        """The least power of two that is more than a number, and no less than CPython's least."""
        trace = self.trace
        bits = trace.one(e.bitcast, trace.one(e.convert, self._atom(many), dtype=dt.float64), dtype=dt.int64)
        exponent = trace.one(e.sub, trace.one(e.shr, bits, tr.literal(52, dt.int64)), tr.literal(1022, dt.int64))
        power = trace.one(e.shl, tr.literal(1, dt.int64), trace.one(e.maximum, exponent, tr.literal(3, dt.int64)))
        return self._checked(power)

    def many(self) -> Any:
        """A number of places that a new table must exceed."""
        return self.length() * self.grows

    # the places of the index
    def place(self, key: list[Atom]) -> Any:
        return super().place(key)

    def within(self, at: Any) -> Any:
        trace = self.trace
        mask = trace.one(e.sub, self._known(_ROOM), tr.literal(1, dt.int64))
        return self._checked(trace.one(e.and_, self._atom(at), mask))

    def entry(self, at: Any) -> Any:
        return self.told(at)

    def told(self, slot: Any) -> Any:
        """The entry that a place of the table tells; -1: none."""
        return self.told_at(self._at(slot))

    def told_at(self, at: Any) -> Any:
        atom = tr.read(symbol(self.trace, getitem(self.entries.index, self._checked(self._atom(at)))))
        return integers.python(self.trace, self.trace.one(e.sub, atom, tr.literal(1, dt.int64)))

    def tell(self, at: Any, k: Any) -> None:
        """Let a place of the index tell an entry."""
        number = self._sum(k, 1)
        setitem(self.entries.index, self._checked(self._atom(at)), integers.python(self.trace, number))

    def enter(self, at: Any, k: Any) -> None:
        self.tell(self._at(at), k)

    # entries
    def _inside(self, at: Any) -> Any:
        atom = self.trace.one(e.maximum, self._atom(at), tr.literal(0, dt.int64))
        return self._at(atom)

    def is_there(self, k: Any) -> Any:
        return integers.python(self.trace, tr.read(symbol(self.trace, getitem(self.entries.buffers[-1], self._inside(k)))))

    def newest(self) -> Any:
        return self.count() - 1

    def key(self, k: Any) -> Any:
        return self._entry(self._inside(k))[0]

    def put_last(self, at: Any, key: Any, value: Any) -> None:
        count = self._known(_COUNT)
        self.entries._put(self._atom(self._at(count)), (key, value, True))
        self.enter(at, count)
        self._know(_COUNT, integers.python(self.trace, self._sum(count, 1)))
        self._count(1)

    def _count(self, by: int) -> None:
        self._know(_LIVE, integers.python(self.trace, self._sum(self._known(_LIVE), by)))

    def carry(self, source: Any, target: Any) -> None:
        """Copy an entry from one place of the pool to another."""
        there, here = (self._checked(self._atom(at)) for at in (source, target))
        for buffer in self.entries.buffers:
            setitem(buffer, here, getitem(buffer, there))

    # what an iteration notes
    def walk(self) -> Any:
        return self.run(probing.by_entries)

    def note(self, j: Any, k: Any) -> None:
        setitem(self.entries.order, self._at(j), k)

    def noted(self, at: Any) -> Any:
        at = self._checked(self._atom(at))
        return self._checked(tr.read(symbol(self.trace, getitem(self.entries.order, at))))

    def renumber(self, at: Any, first: Any) -> None:
        """Let what was noted be the number that the index tells of it."""
        place = self._checked(self._sum(first, self.noted(at)))
        number = tr.read(symbol(self.trace, getitem(self.entries.index, place)))
        number = self.trace.one(e.sub, number, tr.literal(1, dt.int64))
        setitem(self.entries.order, self._checked(self._atom(at)), integers.python(self.trace, number))

    def _rounds(self, part: Callable[[tuple], Any]) -> Any:
        if self.entries.layout is None:
            return 0, lambda k: k  # nothing was ever put in
        noted = self.may_have_gaps() or self.is_by_slots()
        if noted:
            self.walk()
        first = self._known(_FIRST)  # it stays there: who is iterated over does not grow
        nth = self._nth if noted else lambda first, k: self._entry(self._checked(self._sum(first, k)))
        return integers.size_of(self.trace, self.length()), lambda k: part(nth(first, k))

    def _nth(self, first: Atom, k: Any) -> tuple:
        place = self._checked(self._sum(first, self.noted(self._sum(first, k))))
        return self._entry(place)

    # changes
    @property
    def iterated(self) -> int:  # type: ignore[override]
        return self.loops

    @iterated.setter
    def iterated(self, loops: int) -> None:
        pool = self.entries
        pool.walked = [*pool.walked, self] if loops > self.loops else [other for other in pool.walked if other is not self]
        self.loops = loops

    def _changing(self, resizes: bool = True) -> None:
        if self.there is not None:
            raise TraceError("a dict or set is changed that is one of a dict's or the default of .get()", at=tr.user_line())
        self.owner.row_changes()
        self.trace.handlers.changes += 1
        for other in self.entries.walked if resizes else ():
            if not self.is_beside(other):
                continue
            here, there = map(self._atom, (self.at, other.at))
            if here is there:
                self.not_now("changing")
            self.trace.assume(self.trace.one(e.ne, here, there), "a dict or set that is iterated over is not changed")

    def is_beside(self, other: InnerTable) -> bool:
        """Whether another one may be the same."""
        return other.owner is self.owner and list(other.numbers) == list(self.numbers)

    def becomes(self, layout: Layout, room: int = 0) -> None:
        self.entries.becomes((*layout, ALIVE), room)

    def to_storage(self, *entries: tuple[Any, Any]) -> None:
        pass

    def admit(self, key: Any, value: Any) -> None:
        self._changing(resizes=False)
        self.owner._take(value)
        self.entries._admitted((key, value, True))

    def admit_like(self, layout: Layout) -> None:
        """Have room for entries of some layout."""
        self._changing(resizes=False)
        both = together(self.entries.layout, layout, None)
        if both != self.entries.layout:
            self.entries.becomes(both)

    def never_had(self, key: Any) -> bool:
        return self.entries.layout is None

    def atoms(self, key: Any) -> list[Atom]:
        if self.entries.layout is None:
            raise KeyError(key)
        return super().atoms(key)

    def add_entry(self, at: Any, key: Any, value: Any) -> None:
        self._changing()
        self.run(probing.enter, at, key, value)

    def change(self, at: Any, key: Any, value: Any) -> None:
        if self.kind is not set:
            super().change(at, key, value)

    def drop(self, at: Any) -> None:
        self._changing()
        if self.entries.pool is not None:
            raise self.refuse("taking a list from")
        handlers, owner = self.trace.handlers, self.owner
        if not handlers.gaps:
            handlers.gaps = True
            if not owner.is_home():
                owner.becomes(owner.layout)  # what comes before in a round must be recorded anew
        setitem(self.entries.buffers[-1], self._inside(at), False)
        self._count(-1)

    def pop(self, key: Any, *default: Any) -> Any:
        if self.never_had(key) and default:
            return default[0]
        return super().pop(key, *default)

    def clear(self) -> None:
        self._changing()
        self.empty()

    def empty(self) -> None:
        for k in (_FIRST, _COUNT, _ROOM, _LIVE):
            self._know(k, self.layout.empty[k])

    def fill(self, items: Any) -> None:
        """Take what another dict has, that one's place."""
        self.update(items)

    def copy(self) -> Any:
        out = Mapped(self.trace, self.kind() if self.kind is not defaultdict else defaultdict(self.layout.factory))
        out.update(self)
        return out

    def outputs(self, whole: bool = True) -> tuple[list[Atom], Layout]:
        raise self.refuse("returning one of the")


class InnerSet(InnerTable, SetOf):
    """One of the sets: a table of CPython's, if its items are integers."""

    unordered = False

    @property
    def grows(self) -> Any:  # type: ignore[override]
        large = self.trace.one(e.gt, self._known(_LIVE), tr.literal(50000, dt.int64))
        return integers.python(self.trace, self.trace.one(e.select, large, tr.literal(2, dt.int64), tr.literal(4, dt.int64)))

    @property
    def is_ordered(self) -> bool:
        """Whether the places of its items are those that CPython finds for them."""
        return is_integer_layout(self.entries.layout[0])

    def place(self, key: list[Atom]) -> Any:
        if not self.is_ordered:
            return super().place(key), 0, 0, 0
        trace, number = self.trace, key[0]
        size = trace.one(e.abs, number)
        rest = trace.one(e.and_, size, tr.literal(PRIME, dt.int64))
        above = trace.one(e.and_, trace.one(e.shr, size, tr.literal(61, dt.int64)), tr.literal(7, dt.int64))
        rest = trace.one(e.add, rest, above)
        less = trace.one(e.sub, rest, tr.literal(PRIME, dt.int64))
        rest = trace.one(e.select, trace.one(e.lt, less, tr.literal(0, dt.int64)), rest, less)
        found = trace.one(e.select, trace.one(e.lt, number, tr.literal(0, dt.int64)), trace.one(e.neg, rest), rest)
        minus_one = trace.one(e.eq, found, tr.literal(-1, dt.int64))
        found = trace.one(e.select, minus_one, tr.literal(-2, dt.int64), found)
        at = self._atom(self.within(found))
        return tuple(integers.python(trace, x) for x in (at, at, found, self._beside(at)))

    def _beside(self, at: Atom) -> Atom:
        """How many places beside one are looked at."""
        trace = self.trace
        near = trace.one(e.lt, self._sum(at, PROBES), self._known(_ROOM))
        return trace.one(e.select, near, tr.literal(PROBES, dt.int64), tr.literal(0, dt.int64))

    def next(self, at: tuple) -> Any:
        if not self.is_ordered:
            return self.within(at[0] + 1), 0, 0, 0
        trace = self.trace
        slot, base, rest, left = map(self._atom, at)
        beside = trace.one(e.gt, left, tr.literal(0, dt.int64))
        below = trace.one(e.and_, trace.one(e.shr, rest, tr.literal(5, dt.int64)), tr.literal(2**59 - 1, dt.int64))
        jump = self._sum(self._sum(trace.one(e.mul, base, tr.literal(5, dt.int64)), 1), below)
        jump = self._atom(self.within(jump))
        pairs = ((self._sum(slot, 1), jump), (base, jump), (rest, below), (self._sum(left, -1), self._beside(jump)))
        return tuple(integers.python(trace, trace.one(e.select, beside, one, other)) for one, other in pairs)

    def entry(self, at: tuple) -> Any:
        return self.told(at[0])

    def enter(self, at: Any, k: Any) -> None:
        super().enter(at[0], k)

    def is_by_slots(self) -> bool:
        return self.is_ordered

    def walk(self) -> Any:
        return self.run(probing.by_slots if self.is_ordered else probing.by_entries)

    def rounds(self) -> Any:
        if self.entries.layout is not None and not self.is_ordered:
            raise self.refuse("the order of the items of")
        self.assume_ordered()
        return self._rounds(lambda entry: entry[0])

    def unasked(self) -> Any:
        """The items, by somebody who knows that their order may be lost."""
        return self._iterated()

    def assume_ordered(self) -> None:
        self.entries.assume_known(LOST)

    def drop(self, at: Any) -> None:
        super().drop(at)
        self.entries.note(REMOVED)

    def add(self, item: Any) -> None:
        self.admit(item, ())
        if self.may_have_gaps() and self.is_ordered:
            self.run(probing.put_over, item, self.atoms(item))
        else:
            self.run(algorithms.put, item, self.atoms(item), ())

    def add_new(self, item: Any) -> None:
        """An item that is not in it."""
        self.admit(item, ())
        self._changing()
        self.run(probing.put_new, item, self.atoms(item))

    def add_where_room(self, item: Any) -> None:
        """An item, of a table that has room for all that come."""
        self.admit(item, ())
        self._changing()
        by_slots = self.may_have_gaps() and self.is_ordered
        self.run(probing.put_over if by_slots else probing.put_where_room, item, self.atoms(item))

    def revive(self, k: Any, item: Any) -> None:
        """Let an item take the place of one that was taken away."""
        self._changing()
        self.entries._put(self._atom(self._inside(k)), (item, (), True))
        self._count(1)

    # what takes many items at once
    def is_same(self, other: InnerSet) -> Any:
        """Whether another one is the same set."""
        if not self.is_beside(other):
            return False
        return integers.python(self.trace, self.trace.one(e.eq, self._atom(self.at), self._atom(other.at)))

    def are_same(self, one: Any, other: Any) -> Any:
        return isinstance(one, InnerSet) and isinstance(other, InnerSet) and one.is_same(other)

    def beginning(self, slot: Any) -> Any:
        """A place, before the search has gone on from there."""
        return slot, slot, slot, 0

    def fill(self, items: Any) -> None:
        items = plain(items)
        if isinstance(items, SetOf) and items.unordered and (again := items.again()) is not None:
            items = again
        if isinstance(items, InnerSet):
            if items.entries.layout is not None:
                self.admit_like(items.entries.layout)
                self.entries.note(REMOVED)
                self.run(probing.adopt, items)
            return
        if isinstance(items, SetOf):
            if items.unordered or not items.as_entered:
                self.entries.note(LOST)
            else:
                items.assume_as_entered()
            self.run(algorithms.add_all, items._iterated())
            return
        if not is_as_entered(items):
            self.entries.note(LOST)
        for item in items:
            self.add(item)

    def update(self, *others: Any) -> None:
        for other in map(plain, others):
            if isinstance(other, InnerSet):
                if other.entries.layout is None:
                    continue  # nothing was ever put into it
                self.admit_like(other.entries.layout)
                self.entries.note(REMOVED)
                self.entries.inherit(other.entries)
                both = self.is_ordered and other.is_ordered
                self.run(probing.merge_tables if both else probing.merge, other)
            elif isinstance(other, SetOf):
                self.entries.note(LOST)
                self.run(algorithms.add_all, other._iterated())
            elif isinstance(other, (set, frozenset, dict)):
                if isinstance(other, (set, frozenset)) and not is_as_entered(other):
                    self.entries.note(LOST)
                for item in () if isinstance(other, Mapped) else other:
                    self.admit(item, ())
                self.entries.note(REMOVED)
                self.run(probing.merge, other if isinstance(other, Mapped) else list(other))
            else:
                self.run(algorithms.add_all, other)

    def difference_update(self, *others: Any) -> None:
        for other in others:
            super().difference_update(other)
            self.run(probing.thin_out)

    def _replaced(self, in_place: Callable, function: Callable, other: Any) -> Any:
        if in_place is not operator.ior:
            self.entries.note(LOST)
        return super()._replaced(in_place, function, other)

    def pop(self, *args: Any) -> Any:
        if not self.is_ordered:
            raise self.refuse("which item comes first in")
        self.assume_ordered()
        return self.run(probing.pop)

    def finger(self) -> Any:
        return self.within(self._python(_FINGER))

    def beside(self, slot: Any) -> Any:
        return self.within(slot + 1)

    def point(self, slot: Any) -> None:
        self._know(_FINGER, slot + 1)

    def copy(self) -> Any:
        return self.union()


def is_integer_layout(key: Layout) -> bool:
    """Whether items are such that their places in CPython's sets are known."""
    return sys.version_info < UNKNOWN and isinstance(key, Spec) and not key.options and all(map(_is_integer, forms(key)))


def _is_integer(form: Any) -> bool:
    return isinstance(form, Spec) and (dt.is_integer(form.dtype) or form.dtype == dt.bool_)


TABLES.update({kind: InnerTable for kind in (dict, defaultdict, Counter, OrderedDict)})
TABLES[set] = InnerSet
TABLES["pool"] = TablePool
