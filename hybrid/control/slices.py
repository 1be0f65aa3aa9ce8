"""Parts of lists that only a run knows: `xs[a:b]`, `xs[::2]`, `xs[::-1]`."""

from __future__ import annotations

from typing import Any

from hybrid.control.own import Own, numbers
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.frontend.indexing import getitem
from hybrid.frontend.values import operand, sized, stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ops import elementwise as e


class Sliced(Own):
    """The part of `Listed` that knows of slices: each is a new list."""

    capacity: int
    layout: Any
    buffers: list[Any]

    def _sliced(self, index: slice) -> Any:
        step = index.step
        if step is None or (type(step) is int and step == 1):
            return self._part(index.start, index.stop)
        if type(step) is not int:
            raise TraceError("a part of a list is taken with steps that only a run knows", at=tr.user_line())
        if step == 0:
            raise ValueError("slice step cannot be zero")
        return self._stepped(index.start, index.stop, step)

    def _end_in(self, end: Any, default: Atom, low: Atom, high: Atom) -> Atom:
        """One end of a slice, which may lie outside the list."""
        if end is None:
            return default
        trace, given = self.trace, operand(self.trace, end, dt.int64)
        behind = trace.one(e.lt, given, tr.literal(0, dt.int64))
        at = trace.one(e.select, behind, trace.one(e.add, given, self._count()), given)
        return trace.one(e.minimum, trace.one(e.maximum, at, low), high)

    def _part(self, start: Any, stop: Any) -> Any:
        """The items from `start` to `stop`, where they stand."""
        trace, zero = self.trace, tr.literal(0, dt.int64)
        (first, _), count = self._bounds(), self._count()
        low = self._end_in(start, zero, zero, count)
        high = trace.one(e.maximum, self._end_in(stop, count, zero, count), low)
        out = self._like()
        out.buffers = [wrap(trace.fresh(tr.read(symbol(trace, buffer)), "ndarray")) for buffer in self.buffers]
        out.ends = numbers(trace, trace.one(e.add, first, low), trace.one(e.add, first, high))
        return out

    def _stepped(self, start: Any, stop: Any, step: int) -> Any:
        """Item k of what comes of it is the one at `start + k * step`; all are moved to the front."""
        trace, shape = self.trace, (self.capacity,)
        zero, one, size = (tr.literal(number, dt.int64) for number in (0, 1, abs(step)))
        (first, _), count = self._bounds(), self._count()
        if step > 0:
            low = self._end_in(start, zero, zero, count)
            length = trace.one(e.sub, self._end_in(stop, count, zero, count), low)
        else:
            before, last = tr.literal(-1, dt.int64), trace.one(e.sub, count, one)
            low = self._end_in(start, last, before, last)
            length = trace.one(e.sub, low, self._end_in(stop, before, before, last))
        rounded = trace.one(e.add, trace.one(e.maximum, length, zero), tr.literal(abs(step) - 1, dt.int64))
        ordinals = trace.one(e.iota, shape=shape, axis=0)
        moved = trace.one(e.mul, ordinals, stretched(trace, tr.literal(step, dt.int64), shape))
        places = trace.one(e.add, moved, stretched(trace, trace.one(e.add, first, low), shape))
        most = stretched(trace, sized(trace, self.capacity), shape)
        last_place = trace.one(e.sub, most, stretched(trace, one, shape))
        inside = trace.one(e.minimum, trace.one(e.maximum, places, stretched(trace, zero, shape)), last_place)
        where, out = wrap(trace.fresh(inside, "ndarray")), self._like()
        out.buffers = [getitem(buffer, where) for buffer in self.buffers]
        out.ends = numbers(trace, zero, trace.one(e.floordiv, rounded, size))
        return out
