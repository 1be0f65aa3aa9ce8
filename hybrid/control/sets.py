"""Sets that branches and loops change: `seen.add(u)`, `a | b`, `{u, v} <= known`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

from hybrid.control import algorithms
from hybrid.control.items import is_traced
from hybrid.control.lists import KINDS, Listed, listed
from hybrid.control.mapped import Mapped
from hybrid.control.own import Changes, Own, View, home, plain
from hybrid.control.structure import SMALLEST, Layout, made_set
from hybrid.core.errors import TraceError
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

ENTRY = 16  # bytes of a place in CPython's tables
FEWER = 8  # what operators make of sets in containers, round after round, is small: to fill more room took most of the time


class SetOf(Mapped):
    """A set: a dict whose keys stand for nothing."""

    kind = set

    def __init__(self, trace: Trace, items: set):
        super().__init__(trace, items)
        self.unordered = False
        self.source: Any = None
        self.as_entered = True  # whether the set that it began with was what its items give, entered as they stand there

    def same(self, before: Any) -> bool:
        return len(before) == len(self.held) and {id(x) for x in before} == {id(x) for x in self.held}

    def parts(self) -> Iterator[Any]:
        yield from self.held or ()

    def known_entries(self) -> list[tuple[Any, Any]]:
        return [(item, ()) for item in self.held]

    def __getitem__(self, *key: Any) -> Any:
        raise TypeError("'set' object is not subscriptable")

    __setitem__ = __delitem__ = __getitem__  # type: ignore[assignment]

    def grow(self, change: Changes) -> None:
        given = [item for item, _ in self.known_entries()] if self.held is not None else None
        if given and list(made_set([(item, (), True) for item in given])) != given:
            raise TraceError("a set whose order depends on how it came to be is changed by a branch or loop", at=change.at)
        if self.held is not None:
            self.as_entered = is_as_entered(self.held)
        super().grow(change)

    def rounds(self) -> Any:
        self._used()
        if self.held is not None:
            return None
        found = OPERATORS["in_order"](self)
        if found is None:
            raise self.refuse("the order of the items of")
        return found.rounds()

    def assume_as_entered(self) -> None:
        trace, end = self.trace, tr.read(self.entries.ends[1])
        trace.assume(trace.one(e.eq, end, tr.read(self.live)), "the order of a set is that in which its items came")

    def comes_of(self, function: Callable, *operands: Any) -> SetOf:
        """Remember which sets an operator was given, whose order says that of this one, as long as nobody changes them."""
        self.source = (function, *operands), self.trace.handlers.changes, self.trace.region
        return self

    def again(self) -> Any:
        """The same set with an order, made once more; None where that is not known, or the operands may be others by now."""
        if self.source is None:
            return None
        operands, changes, region = self.source
        now: Any = self.trace.region
        while home(now) is not home(region):
            if now is None or now.loop:
                return None
            now = now.outer
        return OPERATORS["made"](self.trace, *operands) if changes == self.trace.handlers.changes else None

    def _iterated(self) -> Any:
        return View(self, lambda: self._rounds(lambda entry: entry[0]))

    def add(self, item: Any) -> None:
        if self.knows(item):
            self.held.add(item)
            return
        self.admit(item, ())
        self.run(algorithms.put, item, self.atoms(item), ())

    def discard(self, item: Any) -> None:
        if self.knows(item):
            self.held.discard(item)
        elif not self.never_had(item):
            self.to_storage()
            self.run(algorithms.discard, self.atoms(item))

    def remove(self, item: Any) -> None:
        if self.knows(item):
            self.held.remove(item)
        else:
            self.to_storage()
            self.run(algorithms.remove_key, self.atoms(item))

    def pop(self, *args: Any) -> Any:
        if self.held is not None:
            return self.held.pop(*args)
        raise self.refuse("which item comes first in")

    def _knows_all(self, *others: Any) -> bool:
        return self.held is not None and all(map(_is_known, others))

    def update(self, *others: Any) -> None:
        if self._knows_all(*others):
            self.held.update(*map(plain, others))
            return
        for other in map(plain, others):
            if isinstance(other, set):
                self.unordered = True  # sets are merged table by table
                other = other._iterated() if isinstance(other, SetOf) else sorted(other)
            self.run(algorithms.add_all, other)

    def __ior__(self, other: Any) -> Any:
        other = _operand(other)
        if not _is_set(other):
            return NotImplemented
        self.update(other)
        return self

    def __iand__(self, other: Any) -> Any:
        return self._replaced(operator.iand, operator.and_, other)

    def __ixor__(self, other: Any) -> Any:
        return self._replaced(operator.ixor, operator.xor, other)

    def _replaced(self, in_place: Callable, function: Callable, other: Any) -> Any:
        """The set itself, with other items in it."""
        other = _operand(other)
        if not _is_set(other):
            return NotImplemented
        if self._knows_all(other):
            self.held = in_place(self.held, plain(other))
        else:
            items = function(self, other)._iterable()
            self.clear()
            self.unordered = True
            self.run(algorithms.add_all, items)
        return self

    def difference_update(self, *others: Any) -> None:
        if self._knows_all(*others):
            self.held.difference_update(*map(plain, others))
            return
        for other in others:
            self.run(algorithms.discard_all, self._other(other)._iterable())

    def __isub__(self, other: Any) -> Any:
        other = _operand(other)
        if not _is_set(other):
            return NotImplemented
        self.difference_update(other)
        return self

    def sorted(self) -> Listed:
        """A list of the items, in no order that anybody has seen."""
        out = listed(self.trace, [])
        self.run(algorithms.add_keys, self._iterated(), out)
        return out

    def __or__(self, other: Any) -> Any:
        return self.union(other) if _is_set(other) else NotImplemented

    def union(self, *others: Any) -> Any:
        if self._knows_all(*others):
            return SetOf(self.trace, self.held.union(*map(plain, others)))
        out = SetOf(self.trace, set())
        out.fewer = FEWER if self.is_row else 1
        out.update(self)
        out.update(*others)
        return out.comes_of(algorithms.add_all, self, *others)

    def copy(self) -> Any:
        return self.union()

    def intersection(self, other: Any) -> Any:
        return self & self._other(other)

    def difference(self, other: Any) -> Any:
        return self - self._other(other)

    def symmetric_difference(self, other: Any) -> Any:
        return self ^ self._other(other)

    def isdisjoint(self, other: Any) -> Any:
        return (self & self._other(other)).length() == 0

    def issubset(self, other: Any) -> Any:
        return self <= self._other(other)

    def issuperset(self, other: Any) -> Any:
        return self._other(other) <= self

    def _other(self, items: Any) -> Any:
        """What may be no set yet, with methods of ours."""
        items = items if _is_set(items) else self.trace.handlers.call(set)(items)
        return items if isinstance(items, SetOf) else SetOf(self.trace, items)

    def __le__(self, other: Any) -> Any:
        return self.run(algorithms.are_all_in, self._iterable(), other) if _is_set(other) else NotImplemented

    def __ge__(self, other: Any) -> Any:
        return self._other(other) <= self if _is_set(other) else NotImplemented

    def __lt__(self, other: Any) -> Any:
        return NotImplemented if not _is_set(other) else self._shorter(other) & (self <= other)

    def __gt__(self, other: Any) -> Any:
        return NotImplemented if not _is_set(other) else self._other(other) < self

    def __eq__(self, other: Any) -> Any:
        return _is_set(other) and (self.length() == self._other(other).length()) & (self <= other)

    def __ne__(self, other: Any) -> Any:
        return self.trace.handlers.not_(self == other)

    __hash__ = Own.__hash__

    def _shorter(self, other: Any) -> Any:
        return self.length() < self._other(other).length()

    def _iterable(self) -> Any:
        return self._iterated() if self.held is None else list(self.held)

    def __and__(self, other: Any) -> Any:
        return _chosen(self.trace, algorithms.add_common, self, other)

    def __rand__(self, other: Any) -> Any:
        return self._left(other) & self

    def __xor__(self, other: Any) -> Any:
        if self._knows_all(other):
            return self.held ^ plain(other) if _is_set(other) else NotImplemented
        return (self - other) | (self._other(other) - self) if _is_set(other) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return self._left(other) | self

    def __rxor__(self, other: Any) -> Any:
        return self._left(other) ^ self

    def _left(self, other: Any) -> Any:
        """The left operand, whose class the result has."""
        if type(other) is not set:
            raise self.refuse("an operation with something else than a set of")
        return SetOf(self.trace, other)

    def __sub__(self, other: Any) -> Any:
        return _chosen(self.trace, algorithms.add_missing, self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._left(other) - self

    def outputs(self, whole: bool = True) -> tuple[list[Atom], Layout]:
        if self.unordered:
            raise self.refuse("the order of the items of")
        self.assume_as_entered()
        return super().outputs(whole)

    def make(self) -> Any:
        return made_set


class Operand:
    """The right side of `a |= b`: it must not make a new set of what Python changes in place."""

    def __init__(self, items: SetOf):
        self.items = items

    def _refused(self, other: Any) -> Any:
        if isinstance(other, Own):
            return NotImplemented
        raise self.items.refuse("changing something else than a container of the function itself by")

    __ror__ = __rand__ = __rxor__ = __rsub__ = _refused


def _operand(x: Any) -> Any:
    return x.items if type(x) is Operand else x


def is_as_entered(items: Any) -> bool:
    """Whether a known set is the table that its items give, entered as they stand there: each where it is looked for first.

    Two sets of one order may be two tables, where items have made way for others.
    """
    more = items.__sizeof__() - type(items)().__sizeof__()  # what a table takes that is not the first one
    room = more // ENTRY or SMALLEST
    alone = len({hash(item) % room for item in items}) == len(items)
    return alone and made_set([(item, (), True) for item in items]).__sizeof__() == items.__sizeof__()


def _is_known(items: Any) -> bool:
    items = plain(items)
    return type(items) in (set, frozenset, list, tuple, dict, range, str) and not any(map(is_traced, items))


def _is_set(x: Any) -> bool:
    return isinstance(plain(x), (set, frozenset))


def _chosen(trace: Trace, adding: Callable, items: Any, others: Any) -> Any:
    """A set of some items of one, according to another."""
    items, others = plain(items), plain(others)
    if not isinstance(items, (set, frozenset)) or not isinstance(others, (set, frozenset)):
        return NotImplemented
    if not isinstance(items, SetOf) and not isinstance(others, SetOf):
        return SetOf(trace, set(items & others if adding is algorithms.add_common else items - others))
    out = SetOf(trace, set())
    out.fewer = FEWER if any(isinstance(x, SetOf) and x.is_row for x in (items, others)) else 1
    out.unordered = True  # CPython's order depends on the tables of both
    out.run(adding, items._iterated() if isinstance(items, SetOf) else list(items), others)
    return out.comes_of(adding, items, others)


OPERATORS: dict[str, Callable] = {}  # where the order of items is known (`shelves`)
KINDS[set] = SetOf
