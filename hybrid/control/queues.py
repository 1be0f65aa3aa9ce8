"""`collections.deque`s that branches and loops change: lists that give up items at either end, in a ring of storage."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any

from hybrid.control import algorithms
from hybrid.control.items import Layout
from hybrid.control.lists import KINDS, Listed
from hybrid.control.own import plain
from hybrid.core import dtype as dt
from hybrid.core.errors import ROOM
from hybrid.frontend.indexing import getitem, setitem
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.primitive import Primitive
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

KINDS[deque] = lambda trace, items: Queue(trace, items)
_ONE = tr.literal(1, dt.int64)


class Queue(Listed):
    """A deque. The k-th item from its beginning stands at that place modulo the capacity, which is a power of two."""

    kind = deque

    def __init__(self, trace: Trace, items: deque):
        super().__init__(trace, items)  # type: ignore[arg-type]
        self.most = items.maxlen

    @property
    def maxlen(self) -> int | None:
        return self.most

    def _reserve(self, room: int) -> None:
        before = self.straight() if self.buffers else None
        self.buffers, self.capacity = [], self.capacity * (1 if before is None else 2)
        super()._reserve(room)
        enough = 1 << (self.capacity - 1).bit_length()
        if enough != self.capacity:
            self.buffers, self.capacity = [], enough
            super()._reserve(0)
        if before is not None:
            for new, old in zip(self.buffers, before.buffers):
                setitem(new, slice(0, before.capacity), old)
            self.ends = before.ends

    def _place(self, at: Atom) -> Any:
        return super()._place(self.trace.one(e.and_, at, tr.literal(self.capacity - 1, dt.int64)))

    def _fits(self, first: Atom, end: Atom) -> Atom:
        count = self.trace.one(e.sub, end, first)
        return self.trace.one(e.lt, count, tr.literal(self.capacity, dt.int64))

    def straight(self) -> Listed:
        """A list of the same items, in storage that begins with the first."""
        trace, (first, _) = self.trace, self._bounds()
        out = Listed(trace, [])
        out.held, out.layout, out.capacity, out.longest = None, self.layout, self.capacity, self.longest  # type: ignore[assignment]
        where = self.places(first)
        out.buffers = [getitem(buffer, where) for buffer in self.buffers]
        out.set_bounds(tr.literal(0, dt.int64), self._count())
        return out

    def places(self, first: Atom) -> Any:
        """Where the items are, from the first on."""
        numbers = self._places() + self.python(first)
        return numbers & (self.capacity - 1)

    # as a deque
    def append(self, item: Any) -> None:
        if self.held is None and self.most is not None:
            self._drop(0)
        super().append(item)

    def _drop(self, at: int) -> None:
        """Give up an item at one end where the deque is full."""
        trace, (first, end) = self.trace, self._bounds()
        full = trace.one(e.ge, trace.one(e.sub, end, first), tr.literal(self.most, dt.int64))
        one = trace.one(e.select, full, _ONE, tr.literal(0, dt.int64))
        tr.write(self.ends[at], trace.one(e.sub, end, one) if at else trace.one(e.add, first, one))

    def _new(self) -> None:
        if self.most is None:
            super()._new()
        elif self.most >= self.capacity:
            self.becomes(self.layout, self.most + 1)

    def appendleft(self, item: Any) -> None:
        if self.held is not None:
            self.held.appendleft(item)
            return
        self._changing()
        self._take(item)
        item, trace = self._admitted(item), self.trace
        if self.most is not None:
            self._drop(1)
        self._new()
        first, end = self._bounds()
        if self.longest is None:
            trace.assume(self._fits(first, end), ROOM)
        before = trace.one(e.sub, first, _ONE)
        self._put(before, item)
        tr.write(self.ends[0], before)

    def extendleft(self, items: Any) -> None:
        if self.held is not None and self.knows() and type(plain(items)) in (list, tuple):
            self.held.extendleft(plain(items))
        else:
            self.trace.handlers.algorithm(algorithms.extendleft)(self, items)

    def pop(self) -> Any:  # type: ignore[override]
        return self.held.pop() if self.held is not None else super().pop()

    def popleft(self) -> Any:
        return self.held.popleft() if self.held is not None else super().pop(0)

    def __delitem__(self, index: Any) -> None:
        if self.held is not None:
            del self.held[index]
        else:
            super().pop(index)

    def sort(self, *, key: Any = None, reverse: Any = False) -> None:
        raise AttributeError("'collections.deque' object has no attribute 'sort'")

    def rotate(self, by: Any = 1) -> None:
        if self.held is not None:
            self.held.rotate(by)
        else:
            self._changing()
            self._keeping(lambda: self.run(algorithms.rotate, by))

    def copy(self) -> Any:
        if self.held is not None:
            return Queue(self.trace, self.held.copy())
        out = Queue(self.trace, deque(maxlen=self.most))
        given = self.straight()
        out.held, out.layout, out.capacity, out.longest = None, self.layout, self.capacity, self.longest
        out.buffers, out.ends, out.family = given.buffers, given.ends, self.family
        return out

    def extreme(self, primitive: Primitive) -> Any:
        return self.straight().extreme(primitive)

    def _sliced(self, index: slice) -> Any:
        raise TypeError("sequence index must be integer, not 'slice'")

    def outputs(self, whole: bool = True) -> tuple[list[Atom], Layout]:
        given = self.straight()
        given.shares, given.family = self.shares, self.family
        return given.outputs(whole)

    def make(self) -> Any:
        return partial(deque, maxlen=self.most)
