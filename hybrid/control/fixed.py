"""Lists in lists and in dicts that nobody changes, looked up at a place that only a run knows: `for v, w in graph[u]`.

The items of all of them stand one after another in arrays of the whole call, made once, outside of every loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.control.items import FEW, is_traced, layout_of, members
from hybrid.control.join import Spec
from hybrid.control.lists import MAKERS, Listed
from hybrid.control.own import numbers
from hybrid.control.perhaps import Perhaps
from hybrid.control.rows import is_empty
from hybrid.control.structure import Layout, Record
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Size
from hybrid.frontend.indexing import getitem
from hybrid.frontend.values import assembled, operand, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

MOST = 1 << 16  # items of all lists together, of which each becomes a number of an array


class Lent(Listed):
    """A list that others know, too: it stays what it is. Its items stand in `columns` from `first` to `end`."""

    state: tuple[str, ...] = ()
    which = "that is not the function's own"

    def __init__(self, trace: Trace, layout: Layout, columns: list[Any], first: Atom, end: Atom, capacity: Size):
        super().__init__(trace, [])
        trace.lists.pop()  # no branch or loop leaves it otherwise
        self.held, self.layout, self.buffers = None, layout, columns  # type: ignore[assignment]
        self.capacity, self.longest = capacity, None  # type: ignore[assignment]  # a size, of arguments
        self.ends = numbers(trace, first, end)

    def _changing(self, rewrites: bool = True) -> None:
        raise TraceError(f"a list is changed {self.which}", at=tr.user_line())

    def __setitem__(self, index: Any, item: Any) -> None:
        self._changing()

    def becomes(self, layout: Layout, room: int = 0) -> None:
        self._changing()

    def straight(self) -> Listed:
        return self.copy()

    def outputs(self, whole: bool = True) -> tuple[list[Atom], Layout]:
        raise TraceError(f"a list is returned {self.which}", at=tr.user_line())


class Fixed(Lent):
    """One of the lists."""

    which = "that was looked up at a place that only a run knows"

    def __init__(self, trace: Trace, rows: Rows, first: Atom, end: Atom):
        super().__init__(trace, rows.layout, rows.columns, first, end, max(rows.total, 1))
        self.longest = rows.longest
        self.of_others = rows.lists  # of which it is one


def got(trace: Trace, value: Any, there: Atom, default: Any) -> Any:
    """What `.get()` gives: a value, or where the key is not `there` the default."""
    flag = wrap(trace.fresh(there, "scalar"))
    if type(value) is not Fixed or not (default is None or is_empty(default)):
        return trace.handlers.choose(flag, lambda: value, lambda: default)
    value.ends = numbers(trace, tr.read(value.ends[0]), trace.one(e.select, there, *map(tr.read, reversed(value.ends))))
    return value if default is not None else Perhaps(list, flag, (value,))


@dataclass(frozen=True, slots=True)
class Rows:
    """Lists as the arrays of the numbers of their items, and where each of them begins."""

    lists: Sequence[list]
    layout: Layout
    columns: list[Any]
    begins: np.ndarray
    total: int
    longest: int

    def item(self, trace: Trace, index: Any) -> Fixed:
        """The list at a place."""
        begins = trace.capture(self.begins, "ndarray", private=True)
        first, end = (tr.read(symbol(trace, getitem(wrap(begins)[part], index))) for part in (slice(None, -1), slice(1, None)))
        for atom in (first, end):
            trace.ranges[atom] = 0, self.total
        return Fixed(trace, self, first, end)


def rows(trace: Trace, lists: Sequence[list]) -> Rows | None:
    """Lists of numbers, or of tuples of such, that are known now; None where they hold anything else."""
    items = [item for each in lists for item in each]
    if not items or len(items) > MOST:
        return None
    layout = layout_of(items)
    if not _is_plain(layout):
        return None
    with outside(trace):
        columns = list(_columns(trace, items, layout))
    begins = np.cumsum([0, *map(len, lists)])
    begins.flags.writeable = False
    return Rows(lists, layout, columns, begins, len(items), max(map(len, lists)))


def lent(trace: Trace, items: Any) -> Any:
    """Many known numbers that a branch or loop takes, as a list in the memory of the whole call; else what it takes."""
    many = trace.region is not None and type(items) in (list, tuple) and len(items) > FEW
    found = rows(trace, [list(items)]) if many else None
    return items if found is None else found.item(trace, 0)


def _is_plain(layout: Layout) -> bool:
    if isinstance(layout, tuple):
        return not isinstance(layout, Record) and all(map(_is_plain, layout))
    return isinstance(layout, Spec) and layout.is_number and not layout.maybe and not layout.options


def _columns(trace: Trace, items: Sequence[Any], layout: Layout) -> Iterator[Any]:
    if isinstance(layout, tuple):
        for k, part in enumerate(layout):
            yield from _columns(trace, [(members(item) or ())[k] for item in items], part)
        return
    assert isinstance(layout, Spec)
    if any(map(is_traced, items)):
        yield wrap(trace.fresh(operand(trace, assembled(trace, list(items)), layout.dtype), "ndarray"))
        return
    column = np.array(items, layout.dtype)
    column.flags.writeable = False
    yield wrap(trace.capture(column, "ndarray", private=True))


@contextmanager
def outside(trace: Trace) -> Iterator[None]:
    """Record what only arguments are behind before all branches and loops that are being recorded."""
    before = trace.region, trace.builder
    trace.region, trace.builder = None, trace.root
    try:
        yield
    finally:
        trace.region, trace.builder = before


def position(trace: Trace, keys: Sequence[Any], key: Any) -> tuple[Any, Atom] | None:
    """Which of some known keys one is, and whether it is one; None for keys that are neither integers nor tuples of them."""
    parts = key if type(key) is tuple else (key,)
    columns = [keys] if type(key) is not tuple else list(zip(*keys)) if all(_are_alike(key, one) for one in keys) else []
    if len(columns) != len(parts) or not keys:
        return None
    same: Atom | None = None
    for part, column in zip(parts, columns):
        if any(type(one) is not int or not -(2**63) <= one < 2**63 for one in column) or not _is_integer(part):
            return None
        known = np.array(column, np.int64)
        known.flags.writeable = False
        equal = tr.read(symbol(trace, wrap(trace.capture(known, "ndarray", private=True)) == part))
        same = equal if same is None else trace.one(e.and_, same, equal)
    found = wrap(trace.fresh(same, "ndarray"))  # type: ignore[arg-type]
    return np.argmax(found), operand(trace, np.any(found), dt.bool_)


def _are_alike(key: tuple, other: Any) -> bool:
    return type(other) is tuple and len(other) == len(key)


def _is_integer(part: Any) -> bool:
    if type(part) is int:
        return True
    data = getattr(part, "_data", None)
    return is_traced(part) and data.type.shape == () and dt.is_integer(data.type.dtype)  # type: ignore[union-attr]


MAKERS["lent"] = lent
