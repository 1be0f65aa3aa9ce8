"""Lists of objects among the arguments: the caller's instances of a class, in storage as those that loops make are (`arenas`).

What is written into their attributes goes into the caller's objects in the end; an object that is returned is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybrid.control.arenas import Arena
from hybrid.control.fixed import Lent
from hybrid.control.given import Choice, Contents, Either, Given, as_numbers, spec_of_kind, with_room
from hybrid.control.handles import BITS, made_at
from hybrid.control.join import Spec
from hybrid.control.lists import MANY, Listed
from hybrid.control.own import numbers
from hybrid.control.structure import Layout
from hybrid.core import dtype as dt
from hybrid.core.errors import RoomError, TraceError
from hybrid.core.shape import Size
from hybrid.frontend.indexing import getitem
from hybrid.frontend.values import operand, sized, stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Kept, Known
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e


class Herd(Given):
    """A list of objects.

    Args:
        leaf: which of the arguments' it is.
        array: of their attributes, a row for each object; words, where the classes of these differ.
        of: their class.
        names, kinds: the attributes that are numbers, or some known objects, and the classes of these.
        choices: for each of them these objects.
        hidden: the other attributes, of which nothing is known.
        code: what handles know the class by.
        make: makes of the class, names and layouts of attributes what leaves them in the caller's objects.
    """

    def __init__(
        self, trace: Trace, leaf: int, array: Any, of: type, names: tuple[str, ...], kinds: tuple[type, ...],
        choices: tuple[tuple, ...], hidden: tuple[str, ...], code: int, make: Any,
    ):  # fmt: skip
        size: Size = symbol(trace, array).type.shape[0]
        words = [word for kind in kinds for word in words_of(kind)]
        columns = [as_numbers(trace, getitem(array, (slice(None), k)), word) for k, word in enumerate(words)]
        layout = tuple(_options(known) if known else spec_of_kind(kind) for kind, known in zip(kinds, choices))
        self.arena = Roster(trace, of, code, names, layout, columns, size, hidden)
        self.arena.leaf = leaf
        shape = (size,)
        places = trace.one(e.shl, trace.one(e.iota, shape=shape, axis=0), stretched(trace, tr.literal(BITS, dt.int64), shape))
        codes = trace.one(e.add, places, stretched(trace, tr.literal(code, dt.int64), shape))
        first = tr.literal(0, dt.int64)
        handles = Spec("known", dt.int64, options=(Kept(of),))
        Lent.__init__(self, trace, handles, [wrap(trace.fresh(codes, "ndarray"))], first, sized(trace, size), size)
        self.size, self.leaf, self.leave = size, leaf, make
        self.least = size if isinstance(size, int) else 0
        self.of_others: tuple[list, ...] = ([],)

    def rounds(self) -> Any:
        return self.size, self.known_at

    def known_at(self, place: Any) -> Any:
        at = operand(self.trace, place, dt.int64)
        return made_at(self.trace, self.arena.of, at, self.arena.code)

    def _built(self, layout: Layout, numbers: Iterator[int], place: Any) -> Any:
        return self.known_at(place)

    def _changing(self, rewrites: bool = True) -> None:
        raise TraceError("a list of the caller's objects is changed", at=tr.user_line())

    def append(self, item: Any) -> None:
        self._changing()

    def extend(self, items: Any) -> None:
        self._changing()

    def to_change(self) -> Listed:
        raise TraceError("a list of the caller's objects is changed")

    def array(self, dtype: Any) -> Any:
        raise TraceError("an array is made of objects", at=tr.user_line())

    def left(self) -> Contents:
        """What attributes of the caller's objects are now, of those that are written."""
        return Left(self)


def words_of(kind: type) -> tuple[type, ...]:
    """The classes of the words that an attribute is kept as."""
    return (float, bool) if kind is Either else (int,) if kind is Choice else (kind,)


def _options(known: tuple) -> Spec:
    return Spec("known", dt.int64, options=tuple(map(Known, known)))


class Roster(Arena):
    """Storage that begins with the caller's instances of a class."""

    def __init__(
        self, trace: Trace, of: type, code: int, names: tuple[str, ...], layout: tuple[Spec, ...], columns: list[Any],
        size: Size, hidden: tuple[str, ...],
    ):  # fmt: skip
        super().__init__(trace, of, code)
        self.names, self.hidden = names, frozenset(hidden)
        room = MANY * trace.room if trace.room > 1 else 0  # for others that the function makes
        self.held, self.layout = None, layout  # type: ignore[assignment]
        self.buffers = [with_room(trace, column, room) for column in columns]
        self.capacity, self.longest = size + room, size if isinstance(size, int) else None  # type: ignore[assignment]
        self.ends = numbers(trace, tr.literal(0, dt.int64), sized(trace, size))
        self.empty = self.snapshot()
        self.size, self.end = size, tr.read(self.ends[1])
        self.begun = [tr.read(symbol(trace, buffer)) for buffer in self.buffers]

    def has(self, name: str) -> bool:
        if name in self.hidden:
            raise TraceError(f"attribute {name} of the caller's {self.of.__name__} objects is no number", at=tr.user_line())
        return super().has(name)

    def add(self, names: tuple[str, ...], values: tuple) -> Any:
        if self.trace.room == 1:
            raise RoomError(f"more instances of {self.of.__name__} are made than a list of such holds")
        return super().add(names, values)

    @property
    def has_more(self) -> bool:
        """Whether there may be others than the caller's."""
        return tr.read(self.ends[1]) is not self.end

    def written(self) -> list[int]:
        """Which attributes may be others than they were."""
        if len(self.buffers) > len(self.begun):
            return list(range(len(self.names)))  # of another layout by now
        other = [tr.read(symbol(self.trace, buffer)) is not before for buffer, before in zip(self.buffers, self.begun)]
        firsts = [self.columns(name)[1] for name in self.names]
        return [k for k, first in enumerate(firsts) if any(other[first : first + self.width(k)])]


class Left(Contents):
    """What attributes of the caller's objects are in the end, as a result."""

    def __init__(self, herd: Herd):
        super().__init__(herd)
        self.herd = herd

    def outputs(self) -> tuple[list[Atom], Layout]:
        arena, trace = self.herd.arena, self.herd.trace
        atoms: list[Atom] = [tr.literal(0, dt.int64), sized(trace, arena.size)]
        for k in arena.written():
            _, first = arena.columns(arena.names[k])
            for buffer in arena.buffers[first : first + arena.width(k)]:
                atoms.append(tr.read(symbol(trace, buffer)))
        return atoms, tuple(arena.layout[k] for k in arena.written())  # type: ignore[index]

    def make(self) -> Any:
        arena, written = self.herd.arena, self.herd.arena.written()
        names, layouts = (tuple(parts[k] for k in written) for parts in (arena.names, arena.layout))  # type: ignore[index]
        return self.herd.leave(arena.of, names, layouts)
