"""Lists in order: how those are sorted whose items only a run knows, and which is the least."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.control import algorithms
from hybrid.control.join import Spec, made
from hybrid.control.own import Own, numbers
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim
from hybrid.frontend import integers
from hybrid.frontend.indexing import getitem, setitem
from hybrid.frontend.values import stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.primitive import Primitive
from hybrid.ops import elementwise as e
from hybrid.ops import reduce as r


class Ordered(Own):
    """The part of `Listed` that knows of order."""

    capacity: int
    layout: Any
    buffers: list[Any]

    def sort(self, *, key: Any = None, reverse: Any = False) -> None:
        self._changing()
        if self.knows(reverse) and key is None:
            self.held.sort(reverse=reverse)
        elif self.held is None or len(self.held) > 1:
            self._sort(key, reverse)
        elif self.held and key is not None:
            self.trace.handlers.call(key)(self.held[0])  # for what else it does

    def _sort(self, key: Any, reverse: Any) -> None:
        self.to_storage()
        count = integers.size_of(self.trace, self.length())
        if isinstance(count, Dim) or count > 1:
            self.run(algorithms.sort, key, reverse)
        elif count == 1 and key is not None:
            self.run(algorithms.mapped, key, self.trace.handlers.listed([]))  # for what else it does

    def _places(self) -> Any:
        """Numbers for the items, as an array."""
        return wrap(self.trace.fresh(self.trace.one(e.iota, shape=(self.capacity,), axis=0), "ndarray"))

    def _sort_keys(self, key: Any) -> Any:
        """What the items are ordered by, of which none is a NaN."""
        keys = self
        if key is not None:
            keys = self.trace.handlers.listed([])
            keys.room = self.capacity if isinstance(self.capacity, int) else keys.room
            self.run(algorithms.mapped, key, keys)
            keys.to_storage()
        trace = self.trace
        for buffer in keys.buffers:
            atom = tr.read(symbol(trace, buffer))
            if dt.is_float(atom.type.dtype):  # comparisons with a NaN depend on the order
                same = trace.one(e.eq, atom, atom)
                trace.assume(trace.one(r.all, same, axes=(0,)), "the numbers of a list can be compared")
        return keys

    def _reorder(self, order: Any) -> None:
        """Put the item from `order[k]` at place k."""
        (first, _), count = self._bounds(), self._count()
        where = np.minimum(order + integers.python(self.trace, first), integers.integer(self.trace, self.capacity - 1))
        for buffer in self.buffers:
            setitem(buffer, slice(None), getitem(buffer, where))
        tr.write(self.ends[0], tr.literal(0, dt.int64))
        tr.write(self.ends[1], count)

    def _reversed(self) -> Any:
        """A list of the same items, the last one first."""
        trace, out, shape = self.trace, self._like(), (self.capacity,)
        end = trace.one(e.sub, self._bounds()[1], tr.literal(1, dt.int64))
        places = trace.one(e.sub, stretched(trace, end, shape), trace.one(e.iota, shape=shape, axis=0))
        inside = trace.one(e.maximum, places, stretched(trace, tr.literal(0, dt.int64), shape))
        where = wrap(trace.fresh(inside, "ndarray"))
        out.buffers = [getitem(buffer, where) for buffer in self.buffers]
        out.ends = numbers(trace, tr.literal(0, dt.int64), self._count())
        return out

    def searched(self, primitive: Primitive) -> Any:
        """The least or the largest of items, compared one after another."""
        return self.trace.handlers.algorithm(algorithms.least if primitive is r.min else algorithms.largest)(self, None)

    def extreme(self, primitive: Primitive) -> Any:
        """The least or the largest of items, as `min` and `max` find it."""
        layout = self.layout
        known = isinstance(layout, Spec) and not layout.maybe and not layout.options
        if not known or dt.is_complex(layout.dtype) or layout.dtype == dt.bool_:
            return self.searched(primitive)
        trace, shape = self.trace, (self.capacity,)
        self._some(ValueError)
        places = trace.one(e.iota, shape=shape, axis=0)
        first, end = (stretched(trace, at, shape) for at in self._bounds())
        inside = trace.one(e.and_, trace.one(e.le, first, places), trace.one(e.lt, places, end))
        buffer = tr.read(symbol(trace, self.buffers[0]))
        any_item = tr.read(symbol(trace, getitem(self.buffers[0], self._place(self._bounds()[0]))))
        out = trace.one(primitive, trace.one(e.select, inside, buffer, stretched(trace, any_item, shape)), axes=(0,))
        if dt.is_float(layout.dtype):  # comparisons with a NaN depend on the order
            trace.assume(trace.one(e.eq, out, out), "the numbers of a list can be compared")
        return made(trace, layout, [out])
