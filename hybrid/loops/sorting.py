"""Sorts: NumPy's own C functions (core/npysort) for rows that lie in memory one after another, on the threads.

Other axes, and arrays with strides, are copied into such rows and back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npysort
from hybrid.core.affine import Affine
from hybrid.core.shape import Dim, Shape, Size, contiguous_strides, product
from hybrid.ir.graph import Eqn, Literal
from hybrid.loops import schedule
from hybrid.loops.nest import Call, Const, Index, Native, Slot, Stmt, Store
from hybrid.loops.places import Places
from hybrid.loops.pull import element_copy
from hybrid.passes.access import offset_of


def rows_sorted(eqn: Eqn, kind: str, rest: Shape, length: Size, keys: str, order: str | None = None) -> Call:
    """Sort the rows of `keys`, which have the dtype of the operand, or put into `order` the indices that do."""
    dtype, shape, function = eqn.inputs[0].type.dtype, (*rest, length), np.sort if order is None else np.argsort

    def run(operands: Sequence[np.ndarray], _: Mapping[str, int]) -> Sequence[np.ndarray]:
        return [function(operands[0], -1, kind=kind)]  # type: ignore[operator]

    given = Slot(keys, dtype, shape, contiguous_strides(shape))
    taken = given if order is None else Slot(order, dt.int64, shape, contiguous_strides(shape))
    symbols = sorted({name for size in given.sizes if isinstance(size, Dim) for name in size.symbols})
    sizes = (Index(Affine.of(product(rest))), Index(Affine.of(length)))
    arrays = (keys,) if order is None else (keys, order)
    native = Native(npysort.symbol(dtype, kind, order is not None), sizes, arrays=arrays)
    return Call(eqn.primitive.name, run, (given,), (taken,), tuple(symbols), str(eqn.source or ""), native)


class _Rows:
    def __init__(self, eqn: Eqn, places: Places):
        self.eqn, self.places = eqn, places
        self.x, self.out, self.axis = eqn.inputs[0], eqn.output, eqn.params["axis"]
        self.shape, self.kind = self.out.type.shape, npysort.kind_of(eqn.params.get("kind"))
        self.rest = (*self.shape[: self.axis], *self.shape[self.axis + 1 :])
        self.last = all(size == 1 for size in self.shape[self.axis + 1 :])

    def sort(self) -> Iterator[Stmt]:
        out = self.places.names[self.out]
        rows = out if self.last else self.places.place(self.x.type.dtype, product(self.shape))
        yield from self.places.copy(self.x, out) if self.last else self.into(rows)
        yield self.call(rows, None)
        if not self.last:
            yield from self.back(rows)

    def argsort(self) -> Iterator[Stmt]:
        rows = None if isinstance(self.x, Literal) or not self.last or self.x in self.places.strides else self.x
        keys = self.places.place(self.x.type.dtype, product(self.shape)) if rows is None else self.places.names[rows]
        order = self.places.names[self.out] if self.last else self.places.place(dt.int64, product(self.shape))
        if rows is None:
            yield from self.into(keys)
        yield self.call(keys, order)
        if not self.last:
            yield from self.back(order)

    def call(self, keys: str, order: str | None) -> Call:
        return rows_sorted(self.eqn, self.kind, self.rest, self.shape[self.axis], keys, order)

    def into(self, rows: str) -> Iterator[Stmt]:
        """The operand as rows."""
        dtype, x = self.x.type.dtype, self.x
        if isinstance(x, Literal):
            yield Store(rows, Affine.of(0), Const(x.value, dtype))
            return
        name, strides = self.places.names[x], self.places.strides.get(x) or contiguous_strides(self.shape)
        yield from self.copied(rows, self.transposed(), name, strides, dtype)

    def back(self, rows: str) -> Iterator[Stmt]:
        """Rows as the result."""
        out = self.places.names[self.out]
        yield from self.copied(out, contiguous_strides(self.shape), rows, self.transposed(), self.out.type.dtype)

    def transposed(self) -> Shape:
        """The strides of rows in the order of the axes of the operand."""
        steps = contiguous_strides((*self.rest, self.shape[self.axis]))
        return (*steps[: self.axis], steps[-1], *steps[self.axis : -1])

    def copied(self, target: str, to: Shape, source: str, at: Shape, dtype: np.dtype) -> Iterator[Stmt]:
        axes = schedule.plain([f"i{a}" for a in range(len(self.shape))], self.shape)
        body = tuple(element_copy(target, offset_of(axes.index, to), source, offset_of(axes.index, at), dtype))
        yield from schedule.elementwise(axes, body)


def sort(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Rows(eqn, places).sort()


def argsort(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Rows(eqn, places).argsort()
