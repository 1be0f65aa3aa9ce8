"""OPAQUE operations that the loop language can spell: writes at computed places, running totals, binary searches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from operator import and_ as op_and
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.shape import Shape, Size, contiguous_strides, product
from hybrid.ir.graph import Atom, Eqn, Literal, Var
from hybrid.loops import factor, gufuncs, jitted, schedule, sorting
from hybrid.loops.distinct import distinct
from hybrid.loops.nest import (
    Check,
    Code,
    Const,
    Expr,
    For,
    If,
    Index,
    Let,
    Load,
    Ref,
    Stmt,
    Store,
    While,
    op,
    select,
)
from hybrid.loops.places import Cell, Places
from hybrid.passes.access import Index as Place
from hybrid.passes.access import offset_of

_START = Affine.of(0)
WORTH = 4  # a table of up to so many times the elements is looked at before it is searched


def spell(eqn: Eqn, places: Places) -> list[Stmt]:
    """The statements of an equation; where its result has the place of its first operand, they change that."""
    name = eqn.primitive.body
    assert name is not None
    if name in _FACTORS:
        looks = name in ("library", "jitted")  # at what it found
        nothing = not looks and all(0 in var.type.shape for var in eqn.outputs)
        return [] if nothing else list(_FACTORS[name](eqn, places))
    if 0 in eqn.output.type.shape and name not in _CHECKING:
        return []
    return list(_SPELLINGS[name](_Spelling(eqn, places)))


class _Spelling:
    def __init__(self, eqn: Eqn, places: Places):
        self.eqn, self.places, self.params = eqn, places, eqn.params
        self.out, self.fresh = eqn.output, places.fresh

    # pieces -----------------------------------------------------------------------------------------------------------
    def load(self, atom: Atom, at: Place, guard: Expr | None = None) -> Expr:
        if isinstance(atom, Literal):
            return Const(atom.value, atom.type.dtype)
        return Load(self.places.names[atom], self.offset(atom, at), atom.type.dtype, guard)

    def store(self, at: Place, value: Expr) -> Store:
        return Store(self.places.names[self.out], self.offset(self.out, at), value)

    def offset(self, var: Var, at: Place) -> Affine:
        shape = var.type.shape
        return offset_of(at, self.places.strides.get(var) or contiguous_strides(shape)) if shape else _START

    def let(self, value: Expr) -> tuple[Let, Ref]:
        name = self.fresh("v")
        return Let(name, value), Ref(name, value.dtype)

    def cell(self, dtype: np.dtype) -> Cell:
        return Cell(self.places.place(dtype, 1), dtype)

    def moved(self) -> Iterator[Stmt]:
        """The first operand in the place of the result."""
        yield from self.places.copy(self.eqn.inputs[0], self.places.names[self.out])

    def lines(self, body: Callable[[Callable[[Affine], Place]], Sequence[Stmt]]) -> tuple[Stmt, ...]:
        """`body` for every line along the axis; it is given the place of an element from its position on the line."""
        axis, shape = self.params["axis"], self.out.type.shape
        axes = schedule.plain([f"i{a}" for a in range(len(shape))], tuple(1 if a == axis else n for a, n in enumerate(shape)))
        inner = body(lambda at: (*axes.index[:axis], at, *axes.index[axis + 1 :]))
        return schedule.over(axes, tuple(inner))

    # writes at computed places ----------------------------------------------------------------------------------------
    def scatter(self) -> Iterator[Stmt]:
        """`out[..., index[q], ...] = value[..., q, ...]`, one q after another."""
        _, index, value = self.eqn.inputs
        axis, rank, shape = self.params["axis"], index.type.ndim, self.out.type.shape
        over = schedule.plain([f"r{a}" for a in range(rank)], index.type.shape)
        free = tuple(1 if a == axis else n for a, n in enumerate(shape))
        lets, place = self.checked(self.load(index, over.index), shape[axis])

        def at(inner: Place) -> tuple[Place, Place]:
            return (*inner[:axis], place, *inner[axis + 1 :]), (*inner[:axis], *over.index, *inner[axis + 1 :])

        yield from self.checked_first(over, lets)
        yield from self.moved()
        yield from schedule.over(over, (*lets, *self.put(value, free, at)))

    def scatter_along(self) -> Iterator[Stmt]:
        """`out[..., index[..., q, ...], ...] = value[..., q, ...]`."""
        _, index, value = self.eqn.inputs
        axis, shape = self.params["axis"], index.type.shape
        axes = schedule.plain([f"i{a}" for a in range(len(shape))], shape)
        lets, place = self.checked(self.load(index, axes.index), self.out.type.shape[axis])
        there = (*axes.index[:axis], place, *axes.index[axis + 1 :])
        put = self.store(there, self.written(there, self.load(value, axes.index)))
        yield from self.checked_first(axes, lets)
        yield from self.moved()
        yield from schedule.over(axes, (*lets, put))

    def checked_first(self, over: schedule.Axes, lets: tuple[Stmt, ...]) -> Iterator[Stmt]:
        """All places, before the first is written, where an error must leave the operand as it was."""
        base, names = self.eqn.inputs[0], self.places.names
        if self.places.whole and self.eqn.inputs[1].type.size != 1 and names.get(base) == names[self.out]:  # type: ignore[arg-type]
            yield from schedule.over(over, lets)

    def put(self, value: Atom, free: Shape, at: Callable[[Place], tuple[Place, Place]]) -> tuple[Stmt, ...]:
        names = [f"i{a}" for a in range(len(free))]
        there, here = at(tuple(map(Affine.var, names)))
        offsets = [self.offset(self.out, there), *([self.offset(value, here)] if isinstance(value, Var) else [])]
        axes = schedule.merge(names, free, offsets)
        there, here = at(axes.index)
        return schedule.elementwise(axes, (self.store(there, self.written(there, self.load(value, here))),))

    def written(self, at: Place, value: Expr) -> Expr:
        fold = self.params["op"]
        return value if fold == "set" else op(fold, self.load(self.out, at), value)

    def checked(self, value: Expr, size: Size) -> tuple[tuple[Stmt, ...], Affine]:
        """An index counted from the front, after statements that check it."""
        raw, name, length = self.fresh("h"), self.fresh("g"), Index(Affine.of(size))
        given, zero = Ref(raw, dt.int64), Const(0, dt.int64)
        place = Ref(name, dt.int64)
        lets = (
            Let(raw, value),
            Let(name, select(given < zero, given + length, given)),
            Check((place >= zero) & (place < length), Code.INDEX),
        )
        return lets, Affine.var(name)

    # along an axis ----------------------------------------------------------------------------------------------------
    def running(self, operation: str) -> Iterator[Stmt]:
        """`out[k] = out[k - 1] + x[k]`."""
        x, size = self.eqn.inputs[0], self.out.type.shape[self.params["axis"]]
        before, name = self.cell(self.out.type.dtype), self.fresh("k")

        def line(at: Callable[[Affine], Place]) -> Sequence[Stmt]:
            total, value = self.let(op(operation, before.value, self.load(x, at(Affine.var(name) + 1))))
            first, start = self.let(self.load(x, at(_START)))
            step = (total, before.set(value), self.store(at(Affine.var(name) + 1), value))
            return first, before.set(start), self.store(at(_START), start), For(name, size - 1, step)

        yield from self.lines(line)

    # divisors ---------------------------------------------------------------------------------------------------------
    def gcd(self) -> Iterator[Stmt]:
        """By Euclid: what is left of one by the other, until nothing is; the least integer of a dtype is its own opposite."""
        shape, dtype = self.out.type.shape, self.out.type.dtype
        axes = schedule.plain([f"i{a}" for a in range(len(shape))], shape)
        one, other, nothing = self.cell(dtype), self.cell(dtype), Const(0, dtype)
        a, b = (self.load(x, axes.index if x.type.shape else ()) for x in self.eqn.inputs)
        keep, by = self.let(other.value)
        divide, rest = self.let(op("mod", one.value, by))
        divided = While((keep,), op("ne", by, nothing), (divide, one.set(by), other.set(rest)))
        end, found = self.let(one.value)
        size = found if dt.KIND[dtype] == "u" else op("abs", found)
        yield from schedule.over(axes, (one.set(a), other.set(b), divided, end, self.store(axes.index, size)))

    # search -----------------------------------------------------------------------------------------------------------
    def search(self) -> Iterator[Stmt]:
        """A binary search for each element.

        In a table in order it goes without branches and in as many steps for each, so that the processor searches for several
        at once. Of elements in order many belong where the one before does: there that place is tried first. In a table out
        of order it goes as NumPy's does, to the same nonsense. To look at the whole table has to be worth it.
        """
        table, x = self.eqn.inputs
        shape, size = x.type.shape, table.type.shape[0]
        low, high, last = self.cell(dt.int64), self.cell(dt.int64), self.cell(x.type.dtype)
        axes = schedule.plain([f"i{a}" for a in range(len(shape))], shape)
        one, nothing = Const(1, dt.int64), Const(0, dt.int64)
        length: Any = Index(Affine.of(size))
        keys: Any = Index(Affine.of(product(shape)))

        def before(a: Expr, b: Expr) -> Expr:
            return _less(a, b) if self.params["side"] == "left" else ~_less(b, a)

        def at(array: Atom, place: Any) -> tuple[tuple[Stmt, ...], Any]:
            name, where = self.let(place)
            load, element = self.let(self.load(array, (Affine.var(where.name),)))
            return (name, load), element

        def looked(key: Expr) -> tuple[Stmt, ...]:
            """From all of the table; `high` is how much is left."""
            lows, left = self.let(low.value)
            rest, number = self.let(high.value)
            halve, half = self.let(number >> one)
            middle, element = at(table, left + half - one)
            step = (halve, *middle, low.set(select(before(element, key), left + half, left)), high.set(number - half))
            ends, end = self.let(low.value)
            load, final = at(table, end)
            place = low.set(select(before(final, key), end + one, end))
            return low.set(nothing), high.set(length), While((lows, rest), one < number, step), ends, *load, place

        def tried(key: Expr) -> tuple[Stmt, ...]:
            again, old = self.let(low.value)
            lower, left = at(table, select(nothing < old, old - one, nothing))
            upper, right = at(table, select(old < length, old, length - one))
            fits = ((old < one) | before(left, key)) & ((length <= old) | ~before(right, key))
            return again, *lower, *upper, If(fits, (low.set(old),), looked(key))

        def carried(key: Expr) -> tuple[Stmt, ...]:
            """NumPy's, which begins where the one before ended."""
            again, old = self.let(last.value)
            top, upper = self.let(high.value)
            down = low.set(nothing), high.set(select(upper < length, upper + one, length))
            rising = If(before(old, key), (high.set(length),), down)
            lows, left = self.let(low.value)
            highs, right = self.let(high.value)
            half, middle = self.let(left + ((right - left) >> one))
            find, element = self.let(self.load(table, (Affine.var(middle.name),)))
            step = (half, find, If(before(element, key), (low.set(middle + one),), (high.set(middle),)))
            return again, top, rising, last.set(key), While((lows, highs), left < right, step)

        def loop(places: Callable[[Expr], tuple[Stmt, ...]]) -> tuple[Stmt, ...]:
            give, key = self.let(self.load(x, axes.index))
            return schedule.over(axes, (give, *places(key), self.store(axes.index, low.value)))

        quick = loop(looked)
        if len(shape) == 1:  # whether a few of them are in order tells it of all
            sample = [at(x, ((keys - one) * Const(k, dt.int64)) >> Const(3, dt.int64)) for k in range(9)]
            rises: Any = functools.reduce(op_and, [~_less(b, a) for (_, a), (_, b) in pairwise(sample)])
            loads = tuple(statement for load, _ in sample for statement in load)
            quick = (*loads, low.set(nothing), If(rises, loop(tried), quick))
        name = self.fresh("k")
        here, other = self.let(self.load(table, (Affine.var(name),)))
        then, following = self.let(self.load(table, (Affine.var(name) + 1,)))
        falls = (here, then, If(_less(following, other), (low.set(nothing),), ()))
        worth = (length <= keys * Const(WORTH, dt.int64)) & (nothing < length) & (nothing < keys)
        yield low.set(nothing)
        yield If(worth, (low.set(one), For(name, size - 1, falls)), ())
        decide, ordered = self.let(low.value)
        yield decide
        begin = last.set(self.load(x, (_START,) * len(shape)))
        yield If(nothing < ordered, quick, (begin, low.set(nothing), high.set(length), *loop(carried)))


def _less(a: Expr, b: Expr) -> Expr:
    """NumPy's order: NaN comes last."""
    less = op("lt", a, b)
    return less | (op("isnan", b) & ~op("isnan", a)) if dt.is_float(a.dtype) else less


_SPELLINGS: Mapping[str, Callable[[_Spelling], Iterator[Stmt]]] = {
    "scatter": _Spelling.scatter,
    "scatter_along": _Spelling.scatter_along,
    "cumulate_add": lambda spelling: spelling.running("add"),
    "cumulate_mul": lambda spelling: spelling.running("mul"),
    "cumulate_max": lambda spelling: spelling.running("max"),
    "cumulate_min": lambda spelling: spelling.running("min"),
    "search": _Spelling.search,
    "gcd": _Spelling.gcd,
}
# Those that look at indices also where there is nothing to write to: then none is in bounds.
_CHECKING = ("scatter", "scatter_along")
_FACTORS = {
    "solve": gufuncs.factored("solve", factor.solve), "det": gufuncs.factored("det", factor.det),
    "cholesky": gufuncs.factored("cholesky_lo", factor.cholesky), "eigh": gufuncs.linear("eigh_lo"), "qr": gufuncs.qr,
    "svd": gufuncs.linear("svd_s"), "fft": gufuncs.fft, "rfft": gufuncs.rfft, "irfft": gufuncs.irfft,
    "regular": gufuncs.factored("slogdet", factor.regular, gufuncs.regular),
    "definite": gufuncs.factored("cholesky_lo", factor.definite, gufuncs.definite),
    "library": gufuncs.library, "jitted": jitted.call, "distinct": distinct, "sort": sorting.sort, "argsort": sorting.argsort,
}  # fmt: skip
