"""Lists that branches and loops of the graph change: `path.append(x)` in a round that only a run knows.

A list that the function makes itself is Python's own (`Listed.items`) for as long as tracing knows what is in it. When a
branch or loop changes it, it becomes storage where it was made: an array for each number of an item, as long as the rounds of
the loops around allow, and how many items there are. Storage is joined and carried like any array's: branches and loops know
nothing of lists. A result is made a list again after the call.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.control.join import Spec, atoms, common, form_of, made
from hybrid.control.structure import is_parts, like
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import TensorType
from hybrid.frontend import integers, uncertain
from hybrid.frontend.elementwise import cast
from hybrid.frontend.indexing import Place, getitem, setitem
from hybrid.frontend.values import operand, stretched, symbol, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.primitive import Primitive
from hybrid.ir.trace import Cell, Known, Region, Symbol, Trace
from hybrid.ops import elementwise as e
from hybrid.ops import view as v

MANY = 8192  # items for which there is room where nothing is known of the rounds: to fill it with zeros takes some 3 µs
MOST = 1 << 22  # items for which room is made at most, before a run has shown how many there are
IN_LIST = "it is in a list"
Layout = Any  # of an item: a Spec, a Known, or a tuple of layouts, of the item's own class


class ListChanges(TraceError):
    """A branch or loop changes a list: where it was made it becomes storage, with room for more, and what changes it is
    recorded anew."""

    def __init__(self, changed: Listed, layout: Layout, room: int = 0):
        super().__init__("a branch or loop changes a list of objects that are not all numbers of one kind", at=tr.user_line())
        self.changed, self.layout, self.room = changed, layout, room


@dataclass(frozen=True, slots=True)
class Choice:
    """An object that is one of some known ones: its number among them is kept."""

    options: tuple[Known, ...]


def home(region: Region | None) -> Region | None:
    """The region that what is recorded becomes part of."""
    while region is not None and region.trial:
        region = region.outer
    return region


class Listed:
    """A list of the function's own. `items`: what it holds, as long as tracing knows it; else it is in `buffers`.

    Attributes:
        layout: of each item.
        buffers: for each number of an item an array of `capacity` elements.
        ends: where the items begin and end, two numbers in storage.
        longest: the most items that there ever can be after the first; None where a check stands before each new one.
    """

    def __init__(self, trace: Trace, items: list):
        self.trace, self.made = trace, trace.region
        self.items: Any = items
        self.given: list = []  # what it held when it became storage
        self.layout: Layout = None
        self.buffers: list[Any] = []
        self.ends: list[Symbol] = []
        self.capacity = 0
        self.longest: int | None = 0
        self.borrows = False  # whether it holds arrays that are known to others
        self.iterated = 0  # loops over it that are being recorded
        trace.lists.append(self)

    # what a body changes
    def snapshot(self) -> tuple:
        return (list(self.items) if self.items is not None else None, self.layout, self.buffers, self.ends, self.capacity,
                self.longest)  # fmt: skip

    def restore(self, before: tuple) -> None:
        items, self.layout, self.buffers, self.ends, self.capacity, self.longest = before
        if items is not None and self.items is not None:
            self.items[:] = items
        else:
            self.items = items

    def is_home(self) -> bool:
        """Whether the trace stands where the list was made."""
        return home(self.trace.region) is home(self.made)

    def grow(self, change: ListChanges) -> None:
        """Become storage, or storage with more room, where the list was made."""
        if self.items is None:
            if self.layout == change.layout:
                self._reserve(change.room)
                return
            if [getattr(tr.read(end), "value", None) for end in self.ends] != [0, len(self.given)]:
                raise TraceError("a list holds items of several kinds, which only a run can tell", at=change.at)
            self.items = self.given  # nothing has changed it yet
        if sys.getrefcount(self.items) > 2 + (self.items is self.given):
            raise TraceError("a branch or loop changes a list that is known under another name, too", at=change.at)
        layout = change.layout
        for item in self.items:
            layout = _together(layout, _layout(item), change)
        self.given = given = self.items
        self.items, self.layout, self.buffers = None, layout, []  # type: ignore[assignment]
        self.capacity = self.longest = max(len(given), 1)
        self._reserve(change.room)
        self.ends = _numbers(self.trace, tr.literal(0, dt.int64), tr.literal(0, dt.int64))
        self.longest = 0
        for item in given:
            self.append(item)

    def _reserve(self, room: int) -> None:
        before, self.buffers = self.buffers, []
        self.capacity = max(self.capacity * (2 if before else 1), (self.longest or 0) + room, 4)
        for at, type_ in enumerate(_types(self.layout)):
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
                raise ListChanges(self, self.layout, rounds)
            self.longest += rounds
            return
        if self.longest is not None and self.longest + MANY > self.capacity:
            raise ListChanges(self, self.layout, MANY)
        self.longest = None

    # as a list
    def _count(self) -> Atom:
        first, end = map(tr.read, self.ends)
        return self.trace.one(e.sub, end, first)

    def length(self) -> Any:
        count = self._count()
        self.trace.ranges[count] = 0, self.capacity
        return integers.python(self.trace, count)

    def _place(self, at: Atom) -> Any:
        self.trace.ranges[at] = 0, self.capacity - 1
        return integers.python(self.trace, at)

    def append(self, item: Any) -> None:
        if self.iterated:
            raise self._refuse("changing, while iterating over it,")
        item = _present(self.trace, item)
        trace, layout = self.trace, _layout(item)
        if layout is None or _common(self.layout, layout) != self.layout:
            change = ListChanges(self, _together(self.layout, layout, None))
            if not self.is_home():
                raise change
            self.grow(change)
        if self.is_home() and self.longest is not None and self.longest >= self.capacity:
            self._reserve(1)
        self._new()
        self.borrows = self.borrows or _is_borrowed(item)
        end = tr.read(self.ends[1])
        if self.longest is None:
            trace.assume(trace.one(e.lt, end, tr.literal(self.capacity, dt.int64)), "there is room in a list")
        for buffer, atom in zip(self.buffers, _atoms(trace, item, self.layout)):
            setitem(buffer, self._place(end), wrap(trace.fresh(atom, "ndarray")))
        tr.write(self.ends[1], trace.one(e.add, end, tr.literal(1, dt.int64)))

    def extend(self, items: Any) -> None:
        if type(items) not in (list, tuple):
            raise TraceError("a list is extended by something whose items only a run knows", at=tr.user_line())
        for item in items:
            self.append(item)

    def __iadd__(self, items: Any) -> Any:
        if self.items is not None:
            self.items += items
        else:
            self.extend(items)
        return self

    def pop(self, at: Any = -1) -> Any:
        if self.iterated:
            raise self._refuse("changing, while iterating over it,")
        if type(at) is not int or at not in (0, -1):
            raise TraceError("a list gives up an item that is neither its first nor its last", at=tr.user_line())
        trace, one = self.trace, tr.literal(1, dt.int64)
        trace.assume(trace.one(e.gt, self._count(), tr.literal(0, dt.int64)), "a list has an item")
        first, end = map(tr.read, self.ends)
        if at == 0:
            out = self._item(first)
            tr.write(self.ends[0], trace.one(e.add, first, one))
            return out
        last = trace.one(e.sub, end, one)
        out = self._item(last)
        tr.write(self.ends[1], last)
        return out

    def extreme(self, primitive: Primitive) -> Any:
        """The least or the largest of numbers, as `min` and `max` find it."""
        layout = self.layout
        if not isinstance(layout, Spec) or layout.maybe or dt.is_complex(layout.dtype) or layout.dtype == dt.bool_:
            raise self._refuse("the least or largest of")
        trace, shape = self.trace, (self.capacity,)
        trace.assume(trace.one(e.gt, self._count(), tr.literal(0, dt.int64)), "a list has an item")
        places = trace.one(e.iota, shape=shape, axis=0)
        first, end = (stretched(trace, tr.read(at), shape) for at in self.ends)
        inside = trace.one(e.and_, trace.one(e.le, first, places), trace.one(e.lt, places, end))
        buffer = tr.read(symbol(trace, self.buffers[0]))
        any_item = tr.read(symbol(trace, getitem(self.buffers[0], self._place(tr.read(self.ends[0])))))
        out = trace.one(primitive, trace.one(e.select, inside, buffer, stretched(trace, any_item, shape)), axes=(0,))
        if dt.is_float(layout.dtype):  # comparisons with a NaN depend on the order
            trace.assume(trace.one(e.eq, out, out), "the numbers of a list can be compared")
        return made(trace, layout, [out])

    def clear(self) -> None:
        tr.write(self.ends[1], tr.read(self.ends[0]))

    def _item(self, at: Atom) -> Any:
        parts = [tr.read(symbol(self.trace, getitem(buffer, self._place(at)))) for buffer in self.buffers]
        return _item(self.trace, self.layout, iter(parts))

    def _at(self, index: Any) -> Atom:
        trace, zero = self.trace, tr.literal(0, dt.int64)
        given, count = operand(trace, index, dt.int64), self._count()
        at = trace.one(e.select, trace.one(e.lt, given, zero), trace.one(e.add, given, count), given)
        inside = trace.one(e.and_, trace.one(e.ge, at, zero), trace.one(e.lt, at, count))
        trace.assume(inside, "an index of a list is in bounds")
        return trace.one(e.add, at, tr.read(self.ends[0]))

    def _stored(self, index: Any) -> bool:
        """Whether the items are in storage, as they must be to be had by a number that only a run knows."""
        if self.items is None:
            return True
        if not integers.is_traced_integer(index):
            return False
        layout = layout_of(self.items)
        if layout is None:
            return False
        change = ListChanges(self, layout)
        if not self.is_home():
            raise change
        self.grow(change)
        return True

    def __getitem__(self, index: Any) -> Any:
        if not self._stored(index):
            return self.items[index]
        if isinstance(index, slice):
            if index.start is None and index.stop is None and type(index.step) is int and index.step == -1:
                return self._reversed()
            if index.step is None:
                return self._part(index.start, index.stop)
            raise TraceError("a part of a list is taken with steps", at=tr.user_line())
        return self._item(self._at(index))

    def __setitem__(self, index: Any, item: Any) -> None:
        if not self._stored(index):
            self.items[index] = item
            return
        item = _present(self.trace, item)
        if isinstance(index, slice) or _common(self.layout, _layout(item)) != self.layout:
            raise TraceError("an item of a list becomes one of another kind", at=tr.user_line())
        at = self._place(self._at(index))
        for buffer, atom in zip(self.buffers, _atoms(self.trace, item, self.layout)):
            setitem(buffer, at, wrap(self.trace.fresh(atom, "ndarray")))

    def __delitem__(self, index: Any) -> None:
        if self.items is not None:
            del self.items[index]
        else:
            self.pop(index)

    def copy(self) -> Listed:
        return self._part(None, None)

    def _part(self, start: Any, stop: Any) -> Listed:
        """The items from `start` to `stop`, which may lie outside the list as in any slice."""
        trace, zero = self.trace, tr.literal(0, dt.int64)
        first, count = tr.read(self.ends[0]), self._count()

        def clipped(end: Any, default: Atom) -> Atom:
            if end is None:
                return default
            given = operand(trace, end, dt.int64)
            at = trace.one(e.select, trace.one(e.lt, given, zero), trace.one(e.add, given, count), given)
            return trace.one(e.minimum, trace.one(e.maximum, at, zero), count)

        low = clipped(start, zero)
        high = trace.one(e.maximum, clipped(stop, count), low)
        out = self._like()
        out.buffers = [wrap(trace.fresh(tr.read(symbol(trace, buffer)), "ndarray")) for buffer in self.buffers]
        out.ends = _numbers(trace, trace.one(e.add, first, low), trace.one(e.add, first, high))
        return out

    def reverse(self) -> None:
        if not self.is_home():
            raise TraceError("a branch or loop reverses a list", at=tr.user_line())
        turned = self._reversed()
        self.buffers, self.ends = turned.buffers, turned.ends

    def _like(self) -> Listed:
        out = Listed(self.trace, [])
        out.items, out.layout, out.capacity, out.longest = None, self.layout, self.capacity, self.longest  # type: ignore[assignment]
        return out

    def _reversed(self) -> Listed:
        trace, out, shape = self.trace, self._like(), (self.capacity,)
        end = trace.one(e.sub, tr.read(self.ends[1]), tr.literal(1, dt.int64))
        places = trace.one(e.sub, stretched(trace, end, shape), trace.one(e.iota, shape=shape, axis=0))
        inside = trace.one(e.maximum, places, stretched(trace, tr.literal(0, dt.int64), shape))
        where = wrap(trace.fresh(inside, "ndarray"))
        out.buffers = [getitem(buffer, where) for buffer in self.buffers]
        out.ends = _numbers(trace, tr.literal(0, dt.int64), self._count())
        return out

    # what Python, or NumPy, cannot be told while tracing
    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[override]
        return list

    def _refuse(self, what: str) -> TraceError:
        error = TraceError(f"{what} a list that a branch or loop changes needs what only a run knows", at=tr.user_line())
        self.trace.fail(error)  # NumPy would go on with an error of its own, or without the list
        return error

    def __len__(self) -> int:
        raise self._refuse("the length of")

    def __iter__(self) -> Iterator[Any]:
        raise self._refuse("iterating over")

    def __bool__(self) -> bool:
        raise self._refuse("the truth of")

    def __contains__(self, item: Any) -> bool:
        raise self._refuse("looking for something in")

    def __eq__(self, other: Any) -> bool:
        raise self._refuse("comparing")

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        raise self._refuse("the text of")

    def __add__(self, other: Any) -> Any:
        raise self._refuse("adding to")

    __radd__ = __mul__ = __rmul__ = __add__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._refuse(f".{name} of")

    def outputs(self, whole: bool = True) -> tuple[list[Atom], Layout]:
        """Where the items begin and end, and their numbers: what a result is made of."""
        if whole and self.borrows:
            raise TraceError("a list is returned with arrays that were not made for it", at=tr.user_line())
        return [*map(tr.read, self.ends), *(tr.read(symbol(self.trace, buffer)) for buffer in self.buffers)], self.layout


def listed(trace: Trace | None, items: Any) -> Any:
    """A list that the function makes, and may change in branches and loops."""
    return Listed(trace, items) if trace is not None and type(items) is list else items


def array(given: Listed, dtype: Any = None) -> Any:
    """What `np.array` makes of a list: an array of a length that only a run knows."""
    trace, layout = given.trace, given.layout
    known = type(layout) is Spec and not layout.maybe and layout.kind != "tensor"
    if given.items is not None or not known or (trace.region is not None and not trace.inside):
        return ListedArray(given, dtype)
    own = layout.dtype
    (buffer,) = given.buffers
    first, count = tr.read(given.ends[0]), given._count()
    if layout.shape or (dtype is None and own != dt.float64):  # of nothing NumPy makes an empty vector of float64
        trace.assume(trace.one(e.gt, count, tr.literal(0, dt.int64)), "a list is not empty")
    start, size = integers.bound(trace, first, 0, given.capacity), integers.bound(trace, count, 0, given.capacity)
    rest = layout.shape
    zeros, ones = (0,) * len(rest), (1,) * len(rest)
    atom = trace.one(v.slice_, tr.read(symbol(trace, buffer)), start=(start, *zeros), step=(1, *ones), shape=(size, *rest))
    made = wrap(trace.fresh(atom, "ndarray"))
    return made if dtype is None else cast(made, dt.canonical(dtype))


def arrays(args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Arguments of a library's function, with arrays for lists whose items only a run knows."""

    def one(x: Any) -> Any:
        return array(x) if type(x) is Listed and x.items is None else plain(x)

    return tuple(map(one, args)), {name: one(x) for name, x in kwargs.items()}


def plain(value: Any) -> Any:
    """The list itself, as long as tracing knows it."""
    return value.items if type(value) is Listed and value.items is not None else value


def _numbers(trace: Trace, *numbers: Atom) -> list[Symbol]:
    """Storage for numbers."""
    return [Symbol(Cell(trace, atom), TensorType(dt.int64, ()), "ndarray") for atom in numbers]


class ListedArray:
    """The array of a list's items, whose length only a run knows: it can be returned."""

    def __init__(self, given: Listed, dtype: Any):
        self._found, self._dtype, self._trace = given.outputs(False), dtype, given.trace

    def outputs(self) -> tuple[list[Atom], Layout, Any]:
        return (*self._found, self._dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__array__":
            raise AttributeError(name)
        error = TraceError("an array has a length that only a run knows", at=tr.user_line())
        self._trace.fail(error)
        raise error

    def _refuse(self, *args: Any) -> Any:
        return self.__getattr__("len")

    __len__ = __iter__ = __getitem__ = __setitem__ = __eq__ = __bool__ = __add__ = __radd__ = __sub__ = __rsub__ = _refuse  # type: ignore[assignment]
    __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = __abs__ = __lt__ = __gt__ = _refuse
    __le__ = __ge__ = __ne__ = __matmul__ = __rmatmul__ = __floordiv__ = __mod__ = __float__ = __int__ = __index__ = _refuse  # type: ignore[assignment]
    __hash__ = object.__hash__


# Items -----------------------------------------------------------------------------------------------------------------
def _layout(item: Any) -> Layout:
    if is_parts(item):
        parts = like(item, map(_layout, item))
        return None if None in parts else parts
    form = form_of(item)
    return None if isinstance(form, Spec) and not form.is_number and not _is_kept(item) else form


def _is_kept(array: Any) -> bool:
    """Whether what an array holds now is what it always will; nobody may write it from now on."""
    data = unwrap(array)
    if type(data) is not Symbol or data.kind != "ndarray" or isinstance(data.cell, Place):
        return False
    cell, region = data.cell, data.cell.trace.region
    while region is not None and region is not cell.home:
        if region.loop and cell in region.written:
            return False  # by the next round
        region = region.outer
    if region is not cell.home:
        return False
    if region is not None and region.loop and cell.origin in region.builder.inputs:
        return False  # what an earlier round left
    if cell.twins or (cell.frozen and cell.frozen != IN_LIST):
        return False
    cell.frozen = IN_LIST
    if not _is_borrowed(array):
        cell.shared = _returned()
    return True


def _is_borrowed(item: Any) -> bool:
    """Whether an item is or has an array that others may have, too."""
    if is_parts(item):
        return any(map(_is_borrowed, item))
    data = unwrap(item)
    if type(data) is not Symbol or data.kind not in ("ndarray", "tensor"):
        return False
    region = data.cell.trace.region
    while region is not data.cell.home:
        if region is None or region.loop:
            return True  # the same array in every round
        region = region.outer
    return bool(data.cell.name) or bool(data.chain)


def _returned() -> tuple[TraceError, Atom]:
    error = TraceError("an array is returned that is in a list, too", at=tr.user_line())
    return error, tr.literal(True, dt.bool_)


def _present(trace: Trace, item: Any) -> Any:
    """An item whose numbers all exist."""
    if is_parts(item):
        return like(item, [_present(trace, part) for part in item])
    return uncertain.present(trace, item)


def _common(a: Layout, b: Layout) -> Layout:
    if isinstance(a, tuple) or isinstance(b, tuple):
        if type(a) is not type(b) or len(a) != len(b):
            return None
        parts = like(a, map(_common, a, b))
        return None if None in parts else parts
    if a == b:
        return a
    if isinstance(a, (Known, Choice)) and isinstance(b, (Known, Choice)):
        return Choice(tuple(dict.fromkeys((*_options(a), *_options(b)))))
    return None if a is None or b is None or isinstance(a, Choice) or isinstance(b, Choice) else common(a, b)


def _options(layout: Known | Choice) -> tuple[Known, ...]:
    return layout.options if isinstance(layout, Choice) else (layout,)


def _together(a: Layout, b: Layout, change: ListChanges | None) -> Layout:
    both = b if a is None else _common(a, b)
    if both is None:
        raise change or TraceError("a branch or loop puts items of several kinds into a list", at=tr.user_line())
    return both


def layout_of(items: Sequence) -> Layout:
    """The layout that all items have, or None."""
    out: Layout = None
    for k, item in enumerate(items):
        layout = _layout(item)
        out = layout if k == 0 else _common(out, layout)
        if out is None:
            return None
    return out


def refuse_changes(held: list[tuple[Listed, list]]) -> None:
    """Raise for a list that Python changed meanwhile: where it was made it can become storage."""
    for changed, before in held:
        now = changed.items
        if now is not None and (len(now) != len(before) or any(a is not b for a, b in zip(now, before))):
            layout = layout_of(now)
            if layout is None:
                raise TraceError("a loop changes a list of objects that are not all numbers", at=tr.user_line())
            del now  # `grow` counts who knows the list
            raise ListChanges(changed, layout)


def _types(layout: Layout) -> list[TensorType]:
    if isinstance(layout, tuple):
        return [type_ for part in layout for type_ in _types(part)]
    if isinstance(layout, Choice):
        return [TensorType(dt.int64, ())]
    return layout.types if isinstance(layout, Spec) else []


def _atoms(trace: Trace, item: Any, layout: Layout) -> list[Atom]:
    if isinstance(layout, tuple):
        return [atom for x, part in zip(item, layout) for atom in _atoms(trace, x, part)]
    if isinstance(layout, Choice):
        return [tr.literal(layout.options.index(Known(item)), dt.int64)]
    return atoms(trace, item, layout) if isinstance(layout, Spec) else []


def unpacked(layout: Layout, columns: Iterator[np.ndarray], count: int) -> list:
    """The items of a list, from the arrays of their numbers."""
    if isinstance(layout, tuple):
        parts = [unpacked(part, columns, count) for part in layout]
        return [like(layout, row) for row in (zip(*parts) if parts else [()] * count)]
    if isinstance(layout, Choice):
        return [layout.options[at].value for at in next(columns)]
    if not isinstance(layout, Spec):
        return [layout.value if isinstance(layout, Known) else None] * count
    column = next(columns)
    out = column.tolist() if layout.kind == "python" else list(column) if layout.is_number else [row.copy() for row in column]
    if not layout.maybe:
        return out
    holds, instead = next(columns), layout.instead
    others = list(map(instead, column.tolist())) if isinstance(instead, type) else unpacked(instead, columns, count)
    return [one if yes else other for yes, one, other in zip(holds, out, others)]


def _item(trace: Trace, layout: Layout, parts: Iterator[Atom]) -> Any:
    if isinstance(layout, tuple):
        return like(layout, [_item(trace, part, parts) for part in layout])
    if isinstance(layout, Known):
        return layout.value
    if isinstance(layout, Choice):
        raise TraceError("an item of a list is one of several objects, which only a run can tell", at=tr.user_line())
    out = made(trace, layout, [next(parts) for _ in layout.types])
    if not layout.is_number:
        unwrap(out).cell.frozen, unwrap(out).cell.shared = IN_LIST, _returned()
    return out
