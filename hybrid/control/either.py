"""Lists of which only a run knows which one a variable is: `return []` on one way and `return path` on the other.

Two lists of as many known items are joined item by item; else both become storage, and that is joined as arrays are. What comes
of it takes the place of both: whoever knows one of them under another name, too, may not use it any more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from hybrid.control.families import Family
from hybrid.control.items import OTHERS, Layout, common_layout, inner_layout, layout_of, types_of
from hybrid.control.join import PYTHON, Join, Spec, register_lists
from hybrid.control.lists import Listed, listed
from hybrid.control.own import numbers
from hybrid.control.perhaps import Perhaps, pieces
from hybrid.control.plain import UNDEFINED
from hybrid.control.records import has_records
from hybrid.control.structure import FEW, nests
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import TensorType
from hybrid.frontend.indexing import setitem
from hybrid.frontend.values import stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Trace
from hybrid.ops import control

ROOM = 32  # items for which there is room in a list that every round rebinds; where they are more, as many more as usual
Maker = Callable[[list[Atom]], Any]


def joined(join: Join, name: str, a: Any, b: Any, guarded: bool) -> Maker | None:
    """What makes the list that two ways leave; None where they leave something else."""
    both = (a, b)
    if any(map(_may_be_none, both)) and all(_may_be_none(value) or _is_list(join, value) for value in both):
        pair = [pieces(value, list, 1, UNDEFINED) for value in both]
        return _perhaps(join, name, *pair) if any(value is not None for value in both) else None  # type: ignore[arg-type]
    present = [value for value in both if value is not UNDEFINED]
    if not all(_is_list(join, value) for value in present):
        return None
    if not any(type(value) is Listed for value in present) and len(set(map(len, present))) < 2:
        return None  # taken apart as a tuple is
    if len(present) == 1 and (not guarded or present[0].made not in join.sides):
        return None  # a flag says whether it is meant
    if (id(a), id(b)) in join.pairs_of:
        return join.pairs_of[id(a), id(b)]
    made = _by_items(join, name, both, guarded) or _by_storage(join, both)
    if made is None:
        return None
    join.merged += [value for value in present if type(value) is Listed]
    return join.one_for_all(a, b, made)


def usable(trace: Trace) -> list[Listed]:
    """The lists in whose place no other has come."""
    return [own for own in trace.lists if isinstance(own, Listed) and not own.is_merged]


def unmerged(lists: list[Listed]) -> list[Listed]:
    """Those in whose place another list has come meanwhile; they may be used again."""
    merged = [own for own in lists if own.is_merged]
    for own in merged:
        own.unmerge()
    return merged


def _may_be_none(value: Any) -> bool:
    """Whether something is None, or None or a list."""
    return value is None or (type(value) is Perhaps and value.cls is list)


def _is_list(join: Join, value: Any) -> bool:
    """Whether something is a list that nobody else knows, or of which we hear if somebody does."""
    return type(value) is Listed or (type(value) is list and id(value) in join.nests)


def _perhaps(join: Join, name: str, one: tuple, other: tuple) -> Maker:
    """None, or a list."""
    flags, lists = zip(one, other)
    holds, items = join.joined(name, *flags, guarded=True), _own(join, name, *lists)
    return lambda results: Perhaps(list, holds(results), (items(results),))


def _own(join: Join, name: str, a: Any, b: Any) -> Maker:
    """What makes the list that is there on one way at least: one of ours, which can be carried from round to round."""
    present = [value for value in (a, b) if value is not UNDEFINED]
    if a is not b and all(type(value) is list and _is_list(join, value) for value in present):
        made = join.pairs_of.get((id(a), id(b))) or _by_items(join, name, (a, b), guarded=True)
        if made is not None:
            return join.one_for_all(a, b, made)
    return join.joined(name, a, b, guarded=True)


def _known(value: Any) -> list | None:
    return value.held if type(value) is Listed else value


def _by_items(join: Join, name: str, both: tuple, guarded: bool) -> Maker | None:
    """Lists of as many known items, one by one."""
    held = [_known(value) for value in both if value is not UNDEFINED]
    if None in held or len({len(items) for items in held}) > 1 or len(held[0]) > FEW:  # type: ignore[arg-type]
        return None
    for value in both:
        if type(value) is Listed and sys.getrefcount(value.held) > 3:  # that of `held`, the attribute, and the parameter
            raise TraceError("a branch changes a list that is known under another name, too", at=tr.user_line())
    sides = [(UNDEFINED,) * len(held[0]) if value is UNDEFINED else tuple(_known(value)) for value in both]  # type: ignore[arg-type]
    for items in sides:
        join.nests |= nests(items, join.trace.copies, 2)  # held by the list, and by `items`
    parts = [join.joined(name, x, y, guarded) for x, y in zip(*sides)]
    return lambda results: listed(join.trace, [part(results) for part in parts])


def _by_storage(join: Join, both: tuple) -> Maker | None:
    """Lists of different lengths, or with items that only a run knows."""
    layouts = []
    for side, value in zip(join.sides, both):
        with side:
            if value is not UNDEFINED and _known(value) != []:
                layouts.append(value.layout if _known(value) is None else layout_of(_known(value)))  # type: ignore[arg-type]
    layout = reduce(common_layout, layouts) if layouts else None
    if None in layouts or layout is None or inner_layout(layout) is not None:
        return None
    stores = []
    for side, value in zip(join.sides, both):
        with side:
            stores.append(None if value is UNDEFINED else stored(join.trace, value, layout))
    several = Several(layout, max(own.capacity for own in stores if own is not None))
    found = []
    for side, own in zip(join.sides, stores):
        with side:
            found.append(several.atoms(join.trace, own))
    start = len(join.pairs)
    join.pairs += zip(*found)
    end = len(join.pairs)
    given = [own for own in stores if own is not None]
    longest = None if any(own.longest is None for own in given) else max(own.longest for own in given)  # type: ignore[type-var]
    family = Family(*(own.family for own in given))
    return lambda results: several.made(join.trace, results[start:end], longest, family)


def stored(trace: Trace, value: Any, layout: Layout) -> Listed:
    """A list in storage whose items, widened, are of a layout."""
    if type(value) is not Listed:
        out = Listed(trace, [])
        out.store(value, layout)
        return out
    if value.held is not None or not _widens(value.layout, layout):
        value.becomes(layout)
    return value


@dataclass(frozen=True, slots=True)
class Several:
    """What a variable holds that is now this list and now another."""

    layout: Layout
    capacity: int
    maybe = False
    is_number = True  # as far as others see it has no storage: a list that is made of it has its own

    @property
    def types(self) -> list[TensorType]:
        """Of what `atoms` gives."""
        wide = [type_.with_shape((self.capacity, *type_.shape)) for type_ in types_of(self.layout)]
        return [control.I64, control.I64, *wide]

    def certain(self) -> Several:
        return self

    def atoms(self, trace: Trace, own: Listed | None) -> list[Atom]:
        """Where the items begin and end, and arrays of their numbers; None for no list."""
        if own is None:
            return [tr.literal(0, dt.int64)] * 2 + [self._zeros(trace, type_) for type_ in types_of(self.layout)]
        own = stored(trace, own, self.layout)
        buffers = list(_widened(trace, own, own.layout, self.layout, iter(own.buffers)))
        if own.capacity < self.capacity:
            narrow, buffers = buffers, []
            for buffer, type_ in zip(narrow, types_of(self.layout)):
                buffers.append(wrap(trace.fresh(self._zeros(trace, type_), "ndarray")))
                setitem(buffers[-1], slice(0, own.capacity), buffer)
        return [*own._bounds(), *(tr.read(symbol(trace, buffer)) for buffer in buffers)]

    def _zeros(self, trace: Trace, type_: TensorType) -> Atom:
        return stretched(trace, tr.literal(0, type_.dtype), (self.capacity, *type_.shape))

    def made(self, trace: Trace, atoms: list[Atom], longest: int | None = None, family: Family | None = None) -> Listed:
        out = Listed(trace, [])
        out.held, out.layout, out.capacity, out.longest = None, self.layout, self.capacity, longest  # type: ignore[assignment]
        out.family = family or Family()
        out.family.borrows = max(out.borrows, OTHERS * has_records(self.layout))
        out.ends = numbers(trace, *atoms[:2])
        out.buffers = [wrap(trace.fresh(atom, "ndarray")) for atom in atoms[2:]]
        return out


def several(trace: Trace, before: Several | None, initial: Any, after: Listed) -> Several:
    """What holds the list before a loop, if there is one, what a round was given, and what it left."""
    layouts, lists = [] if before is None else [before.layout], [own for own in (initial, after) if own is not UNDEFINED]
    for own in lists:
        if own.held is None or own.held:
            layouts.append(own.layout if own.held is None else layout_of(own.held))
    layout = reduce(common_layout, layouts) if layouts else None
    if layout is None or inner_layout(layout) is not None:
        raise TraceError("a list of several kinds of items, or of lists, is another one from round to round", at=tr.user_line())
    capacity = max(*(own.capacity for own in lists), ROOM * trace.room)
    return Several(layout, capacity if before is None else max(before.capacity, capacity))


def _widens(narrow: Layout, wide: Layout) -> bool:
    """Whether items of one layout are of another, too: numbers of one class among those of two."""
    if isinstance(narrow, tuple):
        return isinstance(wide, tuple) and all(map(_widens, narrow, wide))
    if narrow == wide:
        return True
    if not isinstance(narrow, Spec) or not isinstance(wide, Spec) or narrow.maybe or not isinstance(wide.instead, type):
        return False
    return narrow == wide.certain() or (narrow == Spec("python", PYTHON[wide.instead]) and narrow.dtype == wide.dtype)


def _widened(trace: Trace, own: Listed, narrow: Layout, wide: Layout, buffers: Iterator[Any]) -> Iterator[Any]:
    """The numbers of items as those of a wider layout."""
    if isinstance(narrow, tuple):
        for part, other in zip(narrow, wide):
            yield from _widened(trace, own, part, other, buffers)
        return
    yield from (next(buffers) for _ in types_of(narrow))
    if narrow != wide:
        is_said = stretched(trace, tr.literal(narrow == wide.certain(), dt.bool_), (own.capacity,))
        yield wrap(trace.fresh(is_said, "ndarray"))


register_lists(joined)
