"""Lists of numbers among the arguments, as arrays: whatever a function does with them but change them.

They are as long as the arrays are, which may be a size that only a call knows. One that a function changes is a list of its own
(`Given.own`, `Table.own`), and what it holds at the end goes into the caller's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.control.fixed import Lent
from hybrid.control.join import Spec
from hybrid.control.lists import MANY, Listed
from hybrid.control.own import numbers
from hybrid.control.rows import Pool
from hybrid.control.stacked import WRITTEN
from hybrid.control.structure import Layout, RowLayout
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Size
from hybrid.frontend import integers
from hybrid.frontend.indexing import getitem
from hybrid.frontend.values import converted, operand, sized, stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.requests import Changing
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e


class Given(Lent):
    """A list of numbers, or of tuples of numbers.

    Args:
        leaf: which of the arguments' it is, or is a row of.
        array: of all its numbers.
        kinds: the classes of the numbers of an item; where they differ, the array is of bits.
        rows: whether an item is a tuple of them.
        least: how many items there are at least.
    """

    def __init__(self, trace: Trace, leaf: int, array: Any, kinds: tuple[type, ...], rows: bool = False, least: int = 0):
        specs = tuple(map(spec_of_kind, kinds))
        columns = [array] if not rows else [getitem(array, (slice(None), k)) for k in range(len(kinds))]
        columns = [as_numbers(trace, column, kind) for column, kind in zip(columns, kinds)]
        self.size: Size = symbol(trace, array).type.shape[0]
        layout: Layout = specs if rows else specs[0]
        super().__init__(trace, layout, columns, tr.literal(0, dt.int64), sized(trace, self.size), self.size)
        self.leaf, self.least = leaf, self.size if isinstance(self.size, int) else least
        self.of_others: tuple[list, ...] = ([],)

    def length(self) -> Any:
        return integers.integer(self.trace, self.size)

    def rounds(self) -> tuple[Size, Callable[[Any], Any]] | None:
        few = isinstance(self.size, int) and self.size <= WRITTEN
        return None if few else (self.size, self.known_at)  # what short loops compute fuses

    def __iter__(self) -> Iterator[Any]:
        if not isinstance(self.size, int):
            raise self.refuse("iterating over")
        return (self.known_at(k) for k in range(self.size))

    def known_at(self, place: Any) -> Any:
        """The item at a place that is surely one."""
        return self._built(self.layout, itertools.count(), place)

    def __getitem__(self, index: Any) -> Any:
        if type(index) is int and -self.least <= index < self.least:
            return self.known_at(index)
        if isinstance(index, slice) and all(type(at) in (int, type(None)) for at in (index.start, index.stop, index.step)):
            parts = [getitem(buffer, index) for buffer in self.buffers]
            return self._kept(parts, symbol(self.trace, parts[0]).type.shape[0])
        return super().__getitem__(index)

    def __len__(self) -> int:
        if not isinstance(self.size, int):
            raise self.refuse("the length of")
        return self.size

    def _place(self, at: Atom) -> Any:
        self.trace.ranges[at] = 0, self.size - 1
        return integers.python(self.trace, at)

    def _changing(self, rewrites: bool = True) -> None:
        raise _changed(self.trace, self.leaf)

    def append(self, item: Any) -> None:
        raise _changed(self.trace, self.leaf, grows=not self.is_row)

    def extend(self, items: Any) -> None:
        raise _changed(self.trace, self.leaf, grows=not self.is_row)

    def copy(self) -> Listed:
        return self.own()

    def own(self) -> Listed:
        """A list of the same items that the function may change, with room for some more."""
        return self._kept(self.buffers, self.size)

    def to_change(self) -> Listed:
        """The same in place of the caller's."""
        out = self.own()
        out.begins = self.size
        return out

    def _kept(self, buffers: list[Any], size: Size) -> Listed:
        out, room = self._like(), MANY * self.trace.room
        out.buffers = [with_room(self.trace, buffer, room) for buffer in buffers]
        out.capacity, out.longest = size + room, size if isinstance(size, int) else None  # type: ignore[assignment]
        out.ends = numbers(self.trace, tr.literal(0, dt.int64), sized(self.trace, size))
        return out

    def _part(self, start: Any, stop: Any) -> Listed:
        return self._roomy(super()._part(start, stop))

    def _stepped(self, start: Any, stop: Any, step: int) -> Listed:
        return self._roomy(super()._stepped(start, stop, step))

    def _roomy(self, out: Listed) -> Listed:
        """A list of some of the items, with room for more."""
        room = MANY * self.trace.room
        out.buffers = [with_room(self.trace, buffer, room) for buffer in out.buffers]
        out.capacity = self.size + room  # type: ignore[assignment]
        return out

    def array(self, dtype: Any) -> Any:
        """What `np.array` makes of it."""
        made = _assembled(self.trace, self.buffers, dtype)
        return np.stack(made, axis=1) if isinstance(self.layout, tuple) else made[0]


class GivenTable(Lent):
    """A list of lists of numbers, or of tuples of them.

    Args:
        leaf: which of the arguments' it is.
        array: a row for each. Where they are of several lengths (`ragged`), words, of which only the whole matters: where each
            begins, how many items each has, and then the items of all. There is an axis more for what is in a tuple.
        kinds: the classes of the numbers, or of those in a tuple.
    """

    def __init__(self, trace: Trace, leaf: int, array: Any, kinds: tuple[type, ...], ragged: bool):
        self.size, self.width, *tuples = symbol(trace, array).type.shape
        array = array.reshape(-1, *tuples) if ragged else array
        columns = [getitem(array, (..., k)) for k in range(len(kinds))] if tuples else [array]
        self.leaf, self.kinds, specs = leaf, kinds, tuple(map(spec_of_kind, kinds))
        self.of_items: Layout = specs if tuples else specs[0]
        self.columns = [as_numbers(trace, column, kind) for column, kind in zip(columns, kinds)]
        self.row_begins = getitem(columns[0], slice(0, self.size)) if ragged else None
        self.row_counts = getitem(columns[0], slice(self.size, self.size + self.size)) if ragged else None
        layout = RowLayout(self.of_items)
        super().__init__(trace, layout, [], tr.literal(0, dt.int64), sized(trace, self.size), self.size)
        self.of_others: tuple[list, ...] = ([],)

    def length(self) -> Any:
        return integers.integer(self.trace, self.size)

    def rounds(self) -> tuple[Size, Callable[[Any], Any]] | None:
        few = isinstance(self.size, int) and self.size <= WRITTEN
        return None if few else (self.size, self.known_at)

    def __iter__(self) -> Iterator[Any]:
        if not isinstance(self.size, int):
            raise self.refuse("iterating over")
        return (self.known_at(k) for k in range(self.size))

    def __len__(self) -> int:
        if not isinstance(self.size, int):
            raise self.refuse("the length of")
        return self.size

    def known_at(self, place: Any) -> Listed:
        """The row at a place that is surely one."""
        if self.row_begins is not None:
            first, count = (operand(self.trace, getitem(x, place), dt.int64) for x in (self.row_begins, self.row_counts))
            return GivenRow(self, self.columns, self.size * self.width, first, count)
        row = [column[place] for column in self.columns]
        if isinstance(self.of_items, tuple):
            return GivenRow(self, row, self.width, tr.literal(0, dt.int64), sized(self.trace, self.width))
        found = Given(self.trace, self.leaf, row[0], self.kinds)
        found.is_row = True
        return found

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise TraceError("a part of a list of lists is taken", at=tr.user_line())
        if type(index) is int and isinstance(self.size, int) and -self.size <= index < self.size:
            return self.known_at(index)
        at = self._at(index)
        self.trace.ranges[at] = 0, self.size - 1
        return self.known_at(integers.python(self.trace, at))

    def _changing(self, rewrites: bool = True) -> None:
        raise _changed(self.trace, self.leaf)

    def copy(self) -> Listed:
        raise TraceError("a list of the caller's lists is made", at=tr.user_line())

    def run(self, function: Callable, *args: Any) -> Any:
        raise self.refuse(f"{function.__name__} of")

    def own(self) -> Listed:
        """A list of lists of the same numbers, which the function may change."""
        return Table(self)

    to_change = own

    def array(self, dtype: Any) -> Any:
        """What `np.array` makes of it."""
        if self.row_begins is not None:
            raise TraceError("an array is made of lists of several lengths", at=tr.user_line())
        made = _assembled(self.trace, self.columns, dtype)
        return np.stack(made, axis=2) if isinstance(self.of_items, tuple) else made[0]


class GivenRow(Lent):
    """One of the lists of a table."""

    is_row = True

    def __init__(self, table: GivenTable, columns: list[Any], capacity: Size, first: Atom, count: Atom):
        super().__init__(table.trace, table.of_items, columns, first, table.trace.one(e.add, first, count), capacity)
        self.leaf, self.of_others, self.many = table.leaf, table.of_others, count

    def _changing(self, rewrites: bool = True) -> None:
        raise _changed(self.trace, self.leaf)

    def _count(self) -> Atom:
        return self.many


class Table(Listed):
    """A caller's list of lists whose rows the function changes: in a pool, as those of its own lists of lists are."""

    def __init__(self, given: GivenTable):
        super().__init__(given.trace, [])
        trace = given.trace
        self.held, self.layout, self.capacity, self.longest = None, RowLayout(given.of_items), given.size, None  # type: ignore[assignment]
        self.ends = numbers(trace, tr.literal(0, dt.int64), sized(trace, given.size))
        shape, whole, room = (given.size,), given.size * given.width, MANY * trace.room
        counts = stretched(trace, sized(trace, given.width), shape)
        begins = trace.one(e.mul, trace.one(e.iota, shape=shape, axis=0), counts)
        if given.row_begins is not None:
            begins, counts = (operand(trace, part, dt.int64) for part in (given.row_begins, given.row_counts))
            room += whole + whole  # type: ignore[assignment]  # lists that grow move
        self.buffers = [wrap(trace.fresh(x, "ndarray")) for x in (begins, counts, counts)]
        self.pool = Pool(self, given.of_items)
        self.pool.buffers = [with_room(trace, column.reshape(-1), room) for column in given.columns]
        self.pool.capacity = whole + room
        self.pool.ends = numbers(trace, tr.literal(0, dt.int64), sized(trace, whole))

    def _changing(self, rewrites: bool = True) -> None:
        raise TraceError("a list of the caller's lists is changed itself", at=tr.user_line())

    def __setitem__(self, index: Any, item: Any) -> None:
        self._changing()

    def copy(self) -> Listed:
        raise TraceError("a list of the caller's lists is made", at=tr.user_line())


class Contents:
    """What a caller's list holds at the end, or what it holds more, as a result."""

    def __init__(self, own: Listed):
        self.own = own

    def outputs(self) -> tuple[list[Atom], Layout]:
        atoms, layout = self.own.outputs()
        if self.own.begins is not None:
            atoms[0] = sized(self.own.trace, self.own.begins)
        return atoms, layout

    def make(self) -> Any:
        return None


@dataclass(frozen=True, slots=True)
class Vector:
    """The kind of attributes that are arrays, all of one shape. `replaced`: whether objects may be given others (`fields`)."""

    dtype: np.dtype
    shape: tuple[int, ...]
    replaced: bool = False

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Choice:
    """The class of attributes that are one of a few known texts or members of enumerations, or None: the word is which."""


class Either:
    """The class of numbers that are floats or ints: the words of a float, and of whether it is one."""


def spec_of_kind(kind: Any) -> Spec:
    """What a number of a class is, or an array."""
    if isinstance(kind, Vector):
        return Spec("ndarray", kind.dtype, kind.shape)
    if kind is bool:
        return Spec("python", dt.bool_)
    if kind is Either:
        return Spec("python", dt.float64, maybe=True, instead=int)
    return Spec("scalar" if issubclass(kind, np.generic) else "python", dt.float64 if issubclass(kind, float) else dt.int64)


def _assembled(trace: Trace, columns: list[Any], dtype: Any) -> list[Any]:
    """Arrays of one dtype, the one that `np.array` gives all of them."""
    atoms = [tr.read(symbol(trace, column)) for column in columns]
    own = np.result_type(*(atom.type.dtype for atom in atoms)) if dtype is None else dt.canonical(dtype)
    return [wrap(trace.fresh(converted(trace, atom, own), "ndarray")) for atom in atoms]


def as_numbers(trace: Trace, column: Any, kind: type) -> Any:
    """An array of words as numbers of a class."""
    if kind is bool:
        return column != 0
    atom, dtype = operand(trace, column, symbol(trace, column).type.dtype), spec_of_kind(kind).dtype
    if atom.type.dtype == dtype:
        return column
    return wrap(trace.fresh(trace.one(e.bitcast, atom, dtype=dtype), "ndarray"))


def with_room(trace: Trace, buffer: Any, room: Size) -> Any:
    """A column, or rows of several elements, with room for more."""
    type_ = symbol(trace, buffer).type
    zeros = stretched(trace, tr.literal(0, type_.dtype), (room, *type_.shape[1:]))
    return np.concatenate([buffer, wrap(trace.fresh(zeros, "ndarray"))])


def _changed(trace: Trace, leaf: int, grows: bool = False) -> Changing:
    error = Changing(frozenset((leaf,)), "changing a list", tr.user_line(), grows)
    trace.fail(error)
    return error
