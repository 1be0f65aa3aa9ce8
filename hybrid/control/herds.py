"""Lists of objects among the arguments: the caller's instances of a class, in storage as those that loops make are (`arenas`).

What is written into their attributes goes into the caller's objects in the end; an object that is returned is the caller's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, NoReturn

from hybrid.control.arenas import Arena
from hybrid.control.fields import Attribute, Replaced
from hybrid.control.fixed import Lent
from hybrid.control.given import Choice, Contents, Either, Given, Vector, as_numbers, spec_of_kind, with_room
from hybrid.control.handles import BITS, made_at
from hybrid.control.join import Spec
from hybrid.control.lists import MANY, Listed
from hybrid.control.own import numbers
from hybrid.control.structure import Layout
from hybrid.core import dtype as dt
from hybrid.core.errors import RoomError, TraceError
from hybrid.core.shape import Size
from hybrid.frontend import integers
from hybrid.frontend.indexing import getitem
from hybrid.frontend.values import operand, sized, stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Kept, Known
from hybrid.ir.graph import Atom
from hybrid.ir.requests import Replacing
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e


class Herd(Given):
    """A list of objects.

    Args:
        leaf: which of the arguments' it is.
        array: of their attributes, a row for each object; words, where the classes of these differ.
        of: their class.
        names, kinds: the attributes that are numbers, some known objects or arrays (`Vector`), and the classes of these.
        choices: for each of them these objects.
        hidden: the other attributes, of which nothing is known.
        code: what handles know the class by.
        make: makes of the class, names and layouts of attributes what leaves them in the caller's objects.
    """

    def __init__(
        self, trace: Trace, leaf: int, array: Any, of: type, names: tuple[str, ...], kinds: tuple[Any, ...],
        choices: tuple[tuple, ...], hidden: tuple[str, ...], code: int, make: Any,
    ):  # fmt: skip
        size: Size = symbol(trace, array).type.shape[0]
        layout = tuple(_options(known) if known else spec_of_kind(kind) for kind, known in zip(kinds, choices))
        vectors = {name: kind for name, kind in zip(names, kinds) if isinstance(kind, Vector)}
        self.arena = Roster(trace, of, code, names, layout, _columns(trace, array, kinds, choices), size, hidden, vectors)
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
        self.herd = self

    def rounds(self) -> Any:
        return self.size, self.known_at

    def known_at(self, place: Any) -> Any:
        at = operand(self.trace, place, dt.int64)
        return made_at(self.trace, self.arena.of, at, self.arena.code)

    def _built(self, layout: Layout, numbers: Iterator[int], place: Any) -> Any:
        return self.known_at(place)

    def to_change(self) -> Listed:
        out = super().to_change()
        out.herd = self
        return out

    def array(self, dtype: Any) -> Any:
        raise TraceError("an array is made of objects", at=tr.user_line())

    def left(self) -> Contents:
        """What attributes of the caller's objects are now, of those that are written."""
        return Left(self)


def words_of(kind: Any) -> tuple[type, ...]:
    """The classes of the words that an attribute is kept as; an array's elements, and where they are."""
    if isinstance(kind, Vector):
        return (*((float if kind.dtype == dt.float64 else int),) * kind.size, int)
    return (float, bool) if kind is Either else (int,) if kind is Choice else (kind,)


def _columns(trace: Trace, array: Any, kinds: tuple[Any, ...], choices: tuple[tuple, ...]) -> list[Any]:
    """The attributes of all objects, each an array; of those that are the same in all there is none."""
    out, at = [], 0
    for kind, known in zip(kinds, choices):
        words = words_of(kind)
        if isinstance(kind, Vector):
            elements = as_numbers(trace, getitem(array, (slice(None), slice(at, at + kind.size))), words[0])
            out.append(elements.reshape(-1, *kind.shape))
        elif len(known) != 1:
            out += [as_numbers(trace, getitem(array, (slice(None), k)), word) for k, word in enumerate(words, at)]
        at += len(words)
    return out


def _options(known: tuple) -> Layout:
    if len(known) == 1:
        return Known(known[0])
    return Spec("known", dt.int64, options=tuple(map(Known, known)))


class Roster(Arena):
    """Storage that begins with the caller's instances of a class."""

    def __init__(
        self, trace: Trace, of: type, code: int, names: tuple[str, ...], layout: tuple[Spec, ...], columns: list[Any],
        size: Size, hidden: tuple[str, ...], vectors: dict[str, Vector],
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
        self.arrays = {name: (Replaced if kind.replaced else Attribute)(self, name) for name, kind in vectors.items()}

    def has(self, name: str) -> bool:
        if name in self.hidden:
            raise TraceError(f"attribute {name} of the caller's {self.of.__name__} objects is no number", at=tr.user_line())
        return super().has(name)

    def read(self, value: Any, name: str) -> Any:
        return self.arrays[name].read(value) if name in self.arrays else super().read(value, name)

    def write(self, value: Any, name: str, item: Any) -> None:
        if name in self.arrays:
            self.arrays[name].write(value, item)
        else:
            super().write(value, name, item)

    def replace(self, names: Collection[str]) -> NoReturn:
        """Have the function traced again, with other arrays as some attributes."""
        error = Replacing(self.of, names, tr.user_line())
        self.trace.fail(error)
        raise error

    def clipped(self, place: Atom) -> Any:
        """A place among the caller's, or the one behind them."""
        at = self.trace.one(e.minimum, place, sized(self.trace, self.size))
        self.trace.ranges[at] = 0, self.size
        return integers.python(self.trace, at)

    def add(self, names: tuple[str, ...], values: tuple) -> Any:
        if fixed := [name for name, array in self.arrays.items() if not array.is_replaced]:
            self.replace(fixed)
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
        layouts = []
        for _, found, layout in self._parts():
            atoms += found
            layouts.append(layout)
        return atoms, tuple(layouts)

    def make(self) -> Any:
        names, _, layouts = zip(*self._parts())
        return self.herd.leave(self.herd.arena.of, names, layouts)

    def _parts(self) -> Iterator[tuple[str, list[Atom], Layout]]:
        """Each attribute that is written, and what says what it is now."""
        arena, trace = self.herd.arena, self.herd.trace
        for k in arena.written():
            name = arena.names[k]
            if name in arena.arrays:
                yield name, *arena.arrays[name].left()
                continue
            _, first = arena.columns(name)
            buffers = arena.buffers[first : first + arena.width(k)]
            yield name, [tr.read(symbol(trace, buffer)) for buffer in buffers], arena.layout[k]  # type: ignore[index]
