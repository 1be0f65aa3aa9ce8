"""`xs, ys = zip(*points)`, of a list of tuples that branches and loops change: a tuple of as many numbers for each member."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hybrid.control.items import types_of
from hybrid.control.lists import Listed
from hybrid.control.own import numbers
from hybrid.control.structure import Layout, Record
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.frontend.values import symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e


class Line(Listed):
    """A tuple of a length that only a run knows. It is read and returned; nothing changes it."""

    kind = tuple

    def __init__(self, trace: Trace, layout: Layout, like: Listed, buffers: list):
        super().__init__(trace, [])
        self.held, self.layout, self.buffers = None, layout, buffers  # type: ignore[assignment]
        self.capacity, self.longest = like.capacity, like.longest
        self.ends = numbers(trace, *like._bounds())

    def _like(self) -> Line:
        return Line(self.trace, self.layout, self, [])

    def straight(self) -> Listed:
        """A list of the same items."""
        out = Listed._like(self)
        out.buffers, out.ends = _now(self.trace, self.buffers), numbers(self.trace, *self._bounds())
        return out

    def make(self) -> Any:
        return tuple

    def _changed(name: str) -> Callable:  # type: ignore[misc]
        def changed(self: Line, *args: Any, **kwargs: Any) -> Any:
            raise AttributeError(f"'tuple' object has no attribute {name!r}")

        return changed

    append, extend, insert, pop, remove = map(_changed, ("append", "extend", "insert", "pop", "remove"))  # type: ignore[assignment]
    clear, sort, reverse, copy = map(_changed, ("clear", "sort", "reverse", "copy"))  # type: ignore[assignment]

    def _refused(self, other: Any) -> Any:
        raise self.refuse("joining or repeating")

    def __hash__(self) -> int:
        raise self.refuse("hashing")

    __add__ = __radd__ = __mul__ = __rmul__ = __iadd__ = __imul__ = _refused

    def __setitem__(self, index: Any, item: Any) -> None:
        raise TypeError("'tuple' object does not support item assignment")

    def __delitem__(self, index: Any) -> None:
        raise TypeError("'tuple' object doesn't support item deletion")


def _now(trace: Trace, buffers: list) -> list:
    """What some storage holds, in storage that nobody writes."""
    return [wrap(trace.fresh(tr.read(symbol(trace, buffer)), "ndarray")) for buffer in buffers]


def lines(items: Any) -> list[Line] | None:
    """What `zip(*items)` gives, of a list in storage; None for anything else."""
    if type(items) not in (Listed, Line) or items.held is not None:
        return None
    layout = items.layout
    if not isinstance(layout, tuple) or isinstance(layout, Record) or not layout or items.pool is not None:
        raise TraceError("a list of what are no tuples of one length is transposed", at=tr.user_line())
    trace, buffers, out = items.trace, _now(items.trace, items.buffers), list[Line]()
    some = trace.one(e.gt, items._count(), tr.literal(0, dt.int64))
    trace.assume(some, "a list that zip takes apart has items")
    for part in layout:
        count = len(types_of(part))
        out.append(Line(trace, part, items, buffers[:count]))
        buffers = buffers[count:]
    return out
