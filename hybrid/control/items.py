"""What the items of containers are made of that branches and loops change: numbers, strings, arrays, and tuples of them.

The layout of an item says which numbers stand for it; `atoms_of` takes an item apart, `item_of` makes one again.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from hybrid.control.handles import is_handle
from hybrid.control.join import Spec, atoms, common, form_of, made, spec_of
from hybrid.control.own import Own, plain
from hybrid.control.plain import UNDEFINED
from hybrid.control.structure import (
    Layout,
    Nest,
    Record,
    RowLayout,
    is_parts,
    layout_like,
    like,
    made_like,
    optional_parts,
    parts_of,
    record_of,
    text_of,
    things_in,
)  # fmt: skip
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import TensorType
from hybrid.frontend import texts, uncertain
from hybrid.frontend.chosen import Chosen
from hybrid.frontend.indexing import Place
from hybrid.frontend.texts import Text
from hybrid.frontend.values import Value, active, assembled, operand, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Kept, Known
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Cell, Symbol, Trace

_FLAG = Spec("python", dt.bool_)  # of whether a text is there
THINGS = 8  # instances that an item may be one of: each is looked at in each branch; with 20, 20 loops took 14 s to record
IN_LIST = "it is in a list"
TWICE, OTHERS = 1, 2  # an array of an item may be in another list or place, too; somebody else may know it
Objects = Callable[[Sequence[type], np.ndarray], list]
FEW = 16  # computed numbers that are put into storage one by one
TABLES = (set, dict, defaultdict, Counter, OrderedDict)


def inner_layout(layout: Layout) -> RowLayout | None:
    """The layout of the lists among the parts of an item."""
    if isinstance(layout, RowLayout):
        return layout
    found = [inner_layout(part) for part in layout] if isinstance(layout, tuple) else []
    return next((part for part in found if part is not None), None)


def with_inner(layout: Layout, inner: Layout) -> Layout:
    """A layout with another one for the items of lists in it."""
    if isinstance(layout, tuple):
        return layout_like(layout, [with_inner(part, inner) for part in layout])
    return layout.of(inner) if isinstance(layout, RowLayout) else layout


def members(item: Any) -> tuple | None:
    """The parts of an item that is no more than these: a tuple, or a record."""
    item = plain(item)
    return item if is_parts(item) else parts_of(item) if type(item) is Text or record_of(item) is not None else None


def _members_as(item: Any, layout: tuple) -> tuple:
    """The parts of an item that a layout has a place for: a text may have fewer stretches."""
    if is_text(layout):
        return optional_parts(layout.nest, item, UNDEFINED) or ()  # type: ignore[attr-defined]
    return members(item) or ()


def is_own_list(item: Any) -> bool:
    """Whether something is a list of the function's own (`lists`), by itself and no deque."""
    return isinstance(item, Own) and item.kind is list


def is_table(item: Any) -> bool:
    """Whether something is Python's own dict or set, and no record."""
    return type(item) in TABLES and record_of(item) is None


def is_own_table(item: Any) -> bool:
    """Whether something is a dict or set of the function's own, by itself."""
    return isinstance(item, Own) and hasattr(item, "known_entries")


def layout_of_item(item: Any) -> Layout:
    if is_own_list(item):
        return _layout_of_list(item)
    if is_own_table(item) and (item.held is None or record_of(item.held) is None):
        return _layout_of_table(item)
    item = plain(item)
    if is_parts(item):
        parts = like(item, map(layout_of_item, item))
        return None if None in parts else parts
    if type(item) is list:
        if any(
            now is item for now, _ in active().handlers.others.lent
        ):  # it stands for one of the caller's, who sees it changed
            return None
        inner = layout_of(item)
        return None if inner is None and item else RowLayout(inner)
    if type(item) is Text:
        parts = Record(Nest(Text, item.forms), map(layout_of_item, item.parts))
        return None if None in parts else parts
    if (nest := record_of(item)) is not None:
        parts = Record(nest, map(layout_of_item, parts_of(item)))
        return None if None in parts or inner_layout(parts) is not None else parts
    if is_table(item):
        return _table_layout(item, [(one, ()) for one in item] if type(item) is set else list(item.items()))
    form = form_of(item)
    return None if isinstance(form, Spec) and not form.is_number and not is_kept(item) else form


def _layout_of_table(own: Any) -> Layout:
    """The layout of a dict or set that a container takes; None for one that cannot be taken."""
    if own.is_row or own.is_merged:
        return None
    if own.held is not None:
        return _table_layout(own.held, own.known_entries())
    return RowLayout(own.entries.layout, own.kind, getattr(own.given, "default_factory", None))


def _table_layout(table: Any, entries: list[tuple]) -> Layout:
    """The layout of a dict or set that holds some entries."""
    inner = layout_of([(*entry, True) for entry in entries])
    if entries and (inner is None or inner_layout(inner[1]) is not None):
        return None
    return RowLayout(inner, type(table), getattr(table, "default_factory", None))


def _layout_of_list(own: Any) -> Layout:
    """The layout of a list that a container takes; None where somebody else may know it, too."""
    if own.is_merged or (own.held is not None and sys.getrefcount(own.held) > 2):
        return None
    inner = own.layout if own.held is None else layout_of(own.held)
    empty = own.held is not None and not own.held
    return RowLayout(inner) if empty or (inner is not None and inner_layout(inner) is None) else None


def is_kept(array: Any) -> bool:
    """Whether what an array holds now is what it always will; nobody may write it from now on.

    What comes into a round is not written by others (`renewal`).
    """
    data = unwrap(array)
    if type(data) is np.ndarray and data.nbytes <= tr.SNAPSHOT_BYTES:
        data = active().capture(data, "ndarray")  # from now on any write to it is seen
    if type(data) is not Symbol or data.kind != "ndarray":
        return False
    if active().passing:
        return True  # for as long as what is in the list matters
    if isinstance(data.cell, Place):
        return False
    cell, region = data.cell, data.cell.trace.region
    while region is not None and region is not cell.home:
        if region.loop and cell in region.written:
            return False  # by the next round
        region = region.outer
    if region is not cell.home:
        return False
    aliases: set[Any] = cell.aliases()
    if any(not _is_held(alias, region) for alias in aliases):
        return False
    for each in (cell, *aliases):
        each.frozen = each.frozen or IN_LIST
    if not borrowed(array):
        cell.shared = InList(), tr.literal(True, dt.bool_)
    return True


def _is_held(alias: Any, region: Any) -> bool:
    """Whether something that an array which is kept may be stays as it is.

    What it may be from before a loop is another name of what the loop leaves, and what comes into a round is not written by
    the next one (`renewal`).
    """
    if not isinstance(alias, Cell) or isinstance(alias, Place) or alias.frozen not in ("", IN_LIST):
        return False
    if alias.name or alias.is_part:
        return False
    while region is not None and region is not alias.home:
        if region.loop and alias in region.written:
            return False  # by the next round
        region = region.outer
    return True  # where nobody can reach it any more, too: a way, round or attempt is over that made it


def borrowed(item: Any) -> int:
    """Whether an item is or has an array that is in another list or place, too (`TWICE`), or known to `OTHERS`."""
    if (parts := members(item)) is not None:
        return max(map(borrowed, parts), default=0)
    data = unwrap(item)
    if type(data) is np.ndarray:
        return OTHERS
    if type(data) is not Symbol or data.kind not in ("ndarray", "tensor"):
        return 0
    cell, aliases = data.cell, data.cell.aliases()
    if data.chain or any(map(_has_others, (cell, *aliases))):
        return OTHERS
    region, twice = cell.trace.region, bool(aliases) or (cell.shared is not None and type(cell.shared[0]) is LookedUp)
    while region is not cell.home:
        if region is None or region.loop:
            return TWICE  # the same array in every round
        region = region.outer
    if region is not None and cell in region.heads:
        return OTHERS  # in the first round, what was there before
    return TWICE if twice else 0


def _has_others(cell: Any) -> bool:
    """Whether an array, or what an array may be, may be known outside."""
    if not isinstance(cell, Cell) or isinstance(cell, Place) or cell.frozen not in ("", IN_LIST) or cell.is_part:
        return True
    return bool(cell.name) or (cell.shared is not None and not isinstance(cell.shared[0], InList))


class InList(TraceError):
    """An array is returned that is in a list, too; where no list is returned, nobody can tell."""

    def __init__(self) -> None:
        super().__init__("an array is returned that is in a list, too", at=tr.user_line())


class LookedUp(InList):
    """An array is returned that was looked up in a list: the array that was put in may be known to somebody."""


def returned() -> tuple[TraceError, Atom]:
    """Of an item that stands for an array of the caller's, or one of several."""
    return TraceError("an array is returned that is in a list, too", at=tr.user_line()), tr.literal(True, dt.bool_)


def present(trace: Trace, item: Any) -> Any:
    """An item whose numbers all exist."""
    if is_parts(item):
        return like(item, [present(trace, part) for part in item])
    if (nest := record_of(plain(item))) is not None:
        return nest.build([present(trace, part) for part in parts_of(plain(item))])
    return uncertain.present(trace, item)


def has_arrays(layout: Layout) -> bool:
    """Whether items are or have arrays."""
    if isinstance(layout, tuple):
        return any(map(has_arrays, layout))
    return isinstance(layout, Spec) and not layout.is_number


def is_text(layout: Layout) -> bool:
    """Whether items are texts with values in them."""
    return isinstance(layout, Record) and layout.nest.type is Text


def _common_text(a: Layout, b: Layout) -> Layout:
    """The layout of what is a text of either, of which one at least has values."""
    one, other = _as_text(a), _as_text(b)
    if one is None or other is None or (nest := text_of(one.nest, other.nest)) is None:
        return None
    parts = []
    for x, y in zip(_places(nest, one), _places(nest, other)):
        parts.append(x if y is None or y is False else y if x is None or x is False else common_layout(x, y))
    return None if None in parts else Record(nest, parts)


def _places(nest: Nest, layout: Record) -> tuple:
    """The layouts of the parts of a text that are among those of another; False and None for others."""
    return optional_parts(nest, Text(*texts.split(layout.nest.keys, layout)), None) or ()


def _as_text(layout: Layout) -> Record | None:
    """The layout of a text with values, or of one that is known, in the same form."""
    if is_text(layout):
        return layout
    if isinstance(layout, Known) and type(layout.value) is str:
        return Record(Nest(Text, ((layout.value,),)), (_FLAG,))
    names = isinstance(layout, Spec) and layout.options and all(type(option.value) is str for option in layout.options)
    return Record(Nest(Text, texts.NAME), (_FLAG, layout)) if names else None


def common_layout(a: Layout, b: Layout) -> Layout:
    if a != b and (is_text(a) or is_text(b)):
        return _common_text(a, b)
    if isinstance(a, tuple) or isinstance(b, tuple):
        if type(a) is not type(b) or len(a) != len(b) or (isinstance(a, Record) and a.nest != b.nest):
            return None
        parts = layout_like(a, map(common_layout, a, b))
        return None if None in parts else parts
    if a == b:
        return a
    if isinstance(a, RowLayout) and isinstance(b, RowLayout):
        if (a.kind, a.factory) != (b.kind, b.factory):
            return None
        inner = b.inner if a.inner is None else a.inner if b.inner is None else common_layout(a.inner, b.inner)
        return None if inner is None else a.of(inner)
    if isinstance(a, RowLayout) or isinstance(b, RowLayout):
        return None
    both = None if a is None or b is None else common(a, b)
    return None if sum(1 for _ in things_in(both)) > THINGS else both


def together(a: Layout, b: Layout, change: TraceError | None) -> Layout:
    both = b if a is None else common_layout(a, b)
    if both is None:
        raise change or TraceError("a branch or loop puts items of several kinds into a list", at=tr.user_line())
    return both


def layout_of(items: Sequence) -> Layout:
    """The layout that all items have, or None."""
    out: Layout = None
    for k, item in enumerate(items):
        layout = layout_of_item(item)
        out = layout if k == 0 else common_layout(out, layout)
        if out is None:
            return None
    return out


def types_of(layout: Layout) -> list[TensorType]:
    if isinstance(layout, tuple):
        return [type_ for part in layout for type_ in types_of(part)]
    if isinstance(layout, RowLayout):
        return [TensorType(dt.int64, ())] * len(layout.empty)
    return layout.types if isinstance(layout, Spec) else []


def inner_columns(layout: Layout) -> int:
    """How many arrays the items of lists in items are in."""
    inner = inner_layout(layout)
    return 0 if inner is None else len(types_of(inner.inner))


def atoms_of(trace: Trace, item: Any, layout: Layout) -> list[Atom]:
    if isinstance(layout, tuple):
        return [atom for x, part in zip(_members_as(item, layout), layout) for atom in atoms_of(trace, x, part)]
    if isinstance(layout, RowLayout):
        return [tr.literal(number, dt.int64) for number in layout.empty]
    return atoms(trace, item, layout) if isinstance(layout, Spec) else []


def unpacked(
    layout: Layout, columns: Iterator[np.ndarray], count: int, pool: Sequence[np.ndarray] = (), kept: Objects | None = None
) -> list:
    """The items of a list, from the arrays of their numbers, and those of the numbers of items of lists in it.

    `kept`: gives the objects of a class that have some places in storage.
    """
    if isinstance(layout, RowLayout):
        firsts, counts, *_ = (next(columns) for _ in layout.empty)
        ends = np.cumsum(counts)
        places = np.repeat(firsts - (ends - counts), counts) + np.arange(ends[-1] if count else 0)
        if layout.kind is not list and layout.inner is not None:
            there = pool[len(types_of(layout.inner)) - 1][places]
            places, ends = places[there], np.concatenate(([0], np.cumsum(there)))[ends]
        own, bounds = (column[places] for column in pool), ends.tolist()
        items = unpacked(layout.inner if layout.kind is list else layout.parts, own, len(places), (), kept)
        return [layout.made(items[first:end]) for first, end in zip([0, *bounds], bounds)]
    if isinstance(layout, tuple):
        parts = [unpacked(part, columns, count, pool, kept) for part in layout]
        if is_text(layout):
            return texts.rows(layout.nest.keys, parts)  # type: ignore[attr-defined]
        rows = zip(*parts) if parts else [()] * count
        return list(rows) if type(layout) is tuple else [made_like(layout, row) for row in rows]
    if not isinstance(layout, Spec):
        return [layout.value if isinstance(layout, Known) else None] * count
    column = next(columns)
    if layout.options:
        if type(layout.options[0]) is Kept:
            assert kept is not None
            return kept([option.value for option in layout.options if type(option) is Kept], column)
        values = [option.value for option in layout.options]
        return [values[at] for at in column.tolist()]
    if layout.is_number:
        out = column.tolist() if layout.kind == "python" else list(column)
    else:
        out = [column[k, ...].copy() for k in range(count)]  # arrays, those without axes too
    if not layout.maybe:
        return out
    holds, instead = next(columns), layout.instead
    others = list(map(instead, column.tolist())) if isinstance(instead, type) else unpacked(instead, columns, count, (), kept)
    return [one if yes else other for yes, one, other in zip(holds, out, others)]


def columns_of(items: Sequence, layout: Layout) -> list[Any] | None:
    """The numbers of items as arrays; None where they are of several classes, or few and some of them computed."""
    if isinstance(layout, tuple):
        rows = [_members_as(item, layout) for item in items]
        parts = [columns_of([row[k] for row in rows], part) for k, part in enumerate(layout)]
        return None if None in parts else [column for part in parts for column in part or ()]
    if isinstance(layout, RowLayout):
        empty = all(not isinstance(held, Own) and not len(held) for held in map(plain, items))
        return [np.full(len(items), number) for number in layout.empty] if empty else None
    if not isinstance(layout, Spec) or not layout.is_number:
        return [] if isinstance(layout, Known) else None
    if layout.maybe:
        kinds = {type(item) for item in items}
        if not isinstance(layout.instead, type) or not kinds <= {layout.instead, layout.dtype.type}:
            return None
        said = [issubclass(type(item), np.generic) for item in items]
        exact = layout.instead is not int or dt.is_integer(layout.dtype) or all(abs(item) < 2**53 for item in items)
        return [np.array(items, layout.dtype), np.array(said)] if exact else None
    if any(type(item) is not layout.python and not issubclass(type(item), np.generic) for item in items):
        return _computed(items, layout)
    return [np.array(items, layout.dtype)]


def _computed(items: Sequence, layout: Spec) -> list[Any] | None:
    """Many numbers, some computed, as one array: written one by one, each would be a kernel."""
    if len(items) <= FEW or layout.kind == "known" or any(spec_of(item) != layout for item in items):
        return None
    if any(is_traced(item) and unwrap(item).cell.home is not None for item in items):
        return None
    trace = active()
    return [wrap(trace.fresh(operand(trace, assembled(trace, list(items)), layout.dtype), "ndarray"))]


def item_of(trace: Trace, layout: Layout, parts: Iterator[Atom]) -> Any:
    if isinstance(layout, tuple):
        return made_like(layout, [item_of(trace, part, parts) for part in layout])
    if isinstance(layout, Known):
        return layout.value
    out = made(trace, layout, [next(parts) for _ in layout.types])
    if not layout.is_number:
        unwrap(out).cell.frozen, unwrap(out).cell.shared = IN_LIST, (LookedUp(), tr.literal(True, dt.bool_))
    return out


def lists_in(stored: Any, item: Any) -> Iterator[tuple[Any, Any]]:
    """The lists among the parts of an item, and those that stand for them in storage."""
    if is_parts(item):
        for part, own in zip(stored, item):
            yield from lists_in(part, own)
    elif isinstance(stored, Own):
        yield stored, item


def owned(item: Any) -> Iterator[Own]:
    """The containers of the function's own among the parts of an item."""
    if isinstance(item, Own):
        yield item
    for part in item if is_parts(item) else ():
        yield from owned(part)


def constant(trace: Trace, column: Any) -> Any:
    """A known array, or the number that all of its elements are; a computed one is itself."""
    if isinstance(column, Value):
        return column
    if np.all(column == column[0]) and not (column[0] == 0 and np.signbit(column.astype(float)).any()):
        return column[0]
    column.flags.writeable = False
    return wrap(trace.capture(column, "ndarray", private=True))


def refuse_aliases(items: Any) -> None:
    """TraceError for lists among some items that are known under another name, too: storage has theirs only once."""
    for item in items:
        if is_own_table(item) and item.held is not None and _has_name(item):
            gc.collect()
            if _has_name(item):
                raise TraceError("a branch or loop changes what is known under another name, too", at=tr.user_line())
        if (type(item) is list or is_table(item)) and sys.getrefcount(item) > 3:  # the container, `item`, the parameter
            gc.collect()  # the frames of failed attempts may know it, in cycles
            if sys.getrefcount(item) > 3:
                raise TraceError(
                    "a branch or loop changes a list in a list that is known under another name, too", at=tr.user_line()
                )
        if is_parts(item):
            refuse_aliases(item)


def _has_name(own: Own) -> bool:
    """Whether what it holds is known to somebody else."""
    return sys.getrefcount(own.held) > 2


def is_traced(x: Any) -> bool:
    parts = members(x)
    if type(x) in (Chosen, Text) or is_handle(x):
        return True
    return any(map(is_traced, parts)) if parts is not None else isinstance(x, Value) and type(x._data) is Symbol
