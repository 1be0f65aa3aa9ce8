"""Sorts: NumPy's own C functions (core/npysort) for rows that lie in memory one after another, on the threads.

Other axes, and arrays with strides, are copied into such rows and back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npysort
from hybrid.core.affine import Affine
from hybrid.core.config import cpu_count
from hybrid.core.shape import Dim, Shape, Size, contiguous_strides, product
from hybrid.ir.graph import Eqn, Literal
from hybrid.loops import schedule
from hybrid.loops.nest import (
    Accumulate,
    Bitcast,
    Call,
    Const,
    Declare,
    Expr,
    For,
    If,
    Index,
    Let,
    Load,
    Native,
    Ref,
    Scratch,
    Slot,
    Stmt,
    Store,
    While,
    convert,
    op,
    select,
)
from hybrid.loops.places import Cell, Places
from hybrid.loops.pull import element_copy
from hybrid.passes.access import offset_of

LONG = 1 << 15  # elements of a vector that is sorted in pieces: on one thread merging two takes 15 % of the sort of 40 000
BLOCK = 1 << 12  # elements merged in one inner loop, so that it is known to be long


def rows_sorted(eqn: Eqn, kind: str, rest: Shape, length: Size, keys: str, order: str | None = None) -> Call:
    """Sort the rows of `keys`, which have the dtype of the operand, or put into `order` the indices that do."""
    return _sorted(eqn, kind, rest, length, keys, order, (Index(Affine.of(product(rest))), Index(Affine.of(length))))


def _sorted(eqn: Eqn, kind: str, rest: Shape, length: Size, keys: str, order: str | None, cut: tuple[Expr, Expr]) -> Call:
    """The same, in rows of as many elements as `cut` says there are, and each how long; the last may be shorter."""
    dtype, shape = eqn.inputs[0].type.dtype, (*rest, length)
    function: Any = np.sort if order is None else np.argsort

    def run(operands: Sequence[np.ndarray], _: Mapping[str, int]) -> Sequence[np.ndarray]:
        return [function(operands[0], -1, kind=kind)]

    given = Slot(keys, dtype, shape, contiguous_strides(shape))
    taken = given if order is None else Slot(order, dt.int64, shape, contiguous_strides(shape))
    symbols = sorted({name for size in given.sizes if isinstance(size, Dim) for name in size.symbols})
    arrays = (keys,) if order is None else (keys, order)
    native = Native(npysort.symbol(dtype, kind, order is not None), (*cut, Index(Affine.of(product(shape)))), arrays=arrays)
    return Call(eqn.primitive.name, run, (given,), (taken,), tuple(symbols), str(eqn.source or ""), native)


def vector_sorted(eqn: Eqn, places: Places, kind: str, length: Size) -> Iterator[Stmt]:
    """The operand, a vector, in order, in the place of the first result."""
    out = places.names[eqn.outputs[0]]
    alone = (*places.copy(eqn.inputs[0], out), rows_sorted(eqn, kind, (), length, out))
    steps = (cpu_count() - 1).bit_length()
    dtype = eqn.inputs[0].type.dtype
    short = length < LONG if isinstance(length, int) else None
    if not steps or short or dt.is_complex(dtype) or dtype.itemsize < 4:
        yield from alone
        return
    together = tuple(_Pieces(eqn, places, kind, length, out, steps).sorted())
    if short is None:
        name = places.fresh("v")
        yield Let(name, Index(Affine.of(length)) < Const(LONG, dt.int64))
        yield If(Ref(name, dt.bool_), alone, together)
    else:
        yield from together


class _Pieces:
    """A vector sorted in pieces, which are merged two by two until there is one: as many threads share each step.

    Numbers that are equal and differ in their bits (zeros with a sign, NaN) have an order that only the whole sort knows.
    """

    def __init__(self, eqn: Eqn, places: Places, kind: str, length: Size, out: str, steps: int):
        self.eqn, self.places, self.kind, self.length, self.steps = eqn, places, kind, length, steps
        self.dtype, self.out, self.n = eqn.inputs[0].type.dtype, out, Index(Affine.of(length))
        self.other = places.place(self.dtype, length)

    def let(self, value: Expr) -> tuple[Let, Ref]:
        name = self.places.fresh("v")
        return Let(name, value), Ref(name, value.dtype)

    def sorted(self) -> Iterator[Stmt]:
        source, target = (self.other, self.out) if self.steps % 2 else (self.out, self.other)
        count = 1 << self.steps
        cut, piece = self.let((self.n + Const(count - 1, dt.int64)) >> Const(self.steps, dt.int64))
        within = _sorted(self.eqn, self.kind, (), self.length, source, None, (Const(count, dt.int64), piece))
        merges = []
        for step in range(self.steps):
            merges.append(self.merged(step, piece, source, target))
            source, target = target, source
        together: tuple[Stmt, ...] = (cut, within, *merges)
        first = within.reads[0].buffer
        yield from self.places.copy(self.eqn.inputs[0], first)
        if not dt.is_float(self.dtype):
            yield from together
            return
        found, name = self.places.fresh("a"), self.places.fresh("k")
        x = Load(first, Affine.var(name), self.dtype)
        word = np.dtype(f"int{8 * self.dtype.itemsize}")
        minus = op("eq", Bitcast(x, word), Const(np.iinfo(word).min, word))
        yield Declare(found, "or", dt.bool_)
        yield For(name, self.length, (Accumulate(found, op("isnan", x) | minus),), "vector")
        whole: tuple[Stmt, ...] = (rows_sorted(self.eqn, self.kind, (), self.length, first),)
        if first != self.out:
            place = self.places.fresh("k")
            move = Store(self.out, Affine.var(place), Load(first, Affine.var(place), self.dtype))
            whole += (For(place, self.length, (move,), "flat"),)
        yield If(Ref(found, dt.bool_), whole, together)

    def merged(self, step: int, piece: Ref, source: str, target: str) -> For:
        """Runs of 2^step pieces, two by two: each iteration makes as many elements of the result as a piece has.

        It begins where a binary search along the diagonal finds how many of them come from the first run.
        """
        q, zero, one = self.places.fresh("q"), Const(0, dt.int64), Const(1, dt.int64)
        lets: list[Stmt] = []

        def named(value: Expr) -> Ref:
            statement, name = self.let(value)
            lets.append(statement)
            return name

        def element(at: Ref, guard: Expr | None = None) -> Load:
            return Load(source, Affine.var(at.name), self.dtype, guard)

        first = (Index(Affine.var(q)) >> Const(step + 1, dt.int64)) << Const(step + 1, dt.int64)
        start = named(Index(Affine.var(q)) * piece)
        stop = named(op("min", start + piece, self.n))
        left = named(first * piece)
        right = named(op("min", left + (piece << Const(step, dt.int64)), self.n))
        end = named(op("min", left + (piece << Const(step + 1, dt.int64)), self.n))
        diagonal = named(start - left)
        low, high = (Cell(self.places.fresh("z"), dt.int64) for _ in range(2))
        here, lower = self.let(low.value)
        there, upper = self.let(high.value)
        half, middle = self.let((lower + upper) >> one)
        a_at, a_place = self.let(left + middle)
        b_at, b_place = self.let(right + diagonal - one - middle)
        a_take, a = self.let(element(a_place))
        b_take, b = self.let(element(b_place))
        narrower = If(op("lt", b, a), (high.set(middle),), (low.set(middle + one),))
        search = While((here, there), lower < upper, (half, a_at, b_at, a_take, b_take, narrower))
        ends, taken = self.let(low.value)
        i_get, i = self.let(low.value)
        j_get, j = self.let(high.value)
        i_take, mine = self.let(element(i, i < right))
        j_take, theirs = self.let(element(j, j < end))
        which, second = self.let((i >= right) | ((j < end) & op("lt", theirs, mine)))
        block, inner = self.places.fresh("k"), self.places.fresh("k")
        spot, place = self.let(start + Index(Affine.var(block) * BLOCK + Affine.var(inner)))
        put = Store(target, Affine.var(place.name), select(second, theirs, mine))
        move = convert(second, dt.int64)
        on = (i_get, j_get, i_take, j_take, which, put, low.set(i + one - move), high.set(j + move))
        blocks, number = self.let((stop - start + Const(BLOCK - 1, dt.int64)) >> Const(BLOCK.bit_length() - 1, dt.int64))
        each = For(inner, BLOCK, (spot, If(place < stop, on)))
        body = (
            *lets, Scratch(low.name, dt.int64, 1), Scratch(high.name, dt.int64, 1),
            low.set(op("max", diagonal - (end - right), zero)), high.set(op("min", diagonal, right - left)),
            search, ends, low.set(left + taken), high.set(right + diagonal - taken), blocks,
            For(block, Dim.symbol(number.name), (each,)),
        )  # fmt: skip
        return For(q, 1 << self.steps, body, "parallel")


class _Rows:
    def __init__(self, eqn: Eqn, places: Places):
        self.eqn, self.places = eqn, places
        self.x, self.out, self.axis = eqn.inputs[0], eqn.output, eqn.params["axis"]
        self.shape, self.kind = self.out.type.shape, npysort.kind_of(eqn.params.get("kind"))
        self.rest = (*self.shape[: self.axis], *self.shape[self.axis + 1 :])
        self.last = all(size == 1 for size in self.shape[self.axis + 1 :])

    def sort(self) -> Iterator[Stmt]:
        if product(self.rest) == 1 and self.x.type.shape:
            yield from vector_sorted(self.eqn, self.places, self.kind, self.shape[self.axis])
            return
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
