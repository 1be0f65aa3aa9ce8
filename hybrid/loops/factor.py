"""Small linear systems in loops: LU with partial pivoting, as LAPACK's getrf, and Cholesky.

Up to 16 rows the call that `loops/gufuncs` makes takes longer than the arithmetic. Where a pivot is so small that rounding
decides whether a matrix is singular, and for infinities and NaN, NumPy itself is asked: it raises what it raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.shape import Dim, Size
from hybrid.ir.graph import Atom, Eqn
from hybrid.loops.nest import Const, Expr, For, If, Index, Let, Load, Ref, Stmt, Store, op
from hybrid.loops.places import Cell, Places

# A pivot below this part of the greatest element leaves the matter to NumPy.
DOUBT = {dt.float32: 1e-4, dt.float64: 1e-10}


class _Matrix:
    """Rows of an array in C order."""

    def __init__(self, name: str, columns: Size, dtype: np.dtype):
        self.name, self.columns, self.dtype = name, columns, dtype

    def at(self, row: Affine, column: Affine | int) -> Expr:
        return Load(self.name, row * self.columns + column, self.dtype)

    def put(self, row: Affine, column: Affine | int, value: Expr) -> Store:
        return Store(self.name, row * self.columns + column, value)


class _Factors:
    def __init__(self, eqn: Eqn, places: Places):
        self.eqn, self.places, self.fresh = eqn, places, places.fresh
        self.a = eqn.inputs[0]
        self.dtype = self.a.type.dtype
        self.n = self.a.type.shape[0]
        self.doubt, self.scale = (Cell(places.place(kind, 1), kind) for kind in (dt.bool_, self.dtype))

    # pieces -----------------------------------------------------------------------------------------------------------
    def let(self, value: Expr) -> tuple[Let, Ref]:
        name = self.fresh("v")
        return Let(name, value), Ref(name, value.dtype)

    def over(self, extent: Size, body: Callable[[Affine], Sequence[Stmt]]) -> For:
        name = self.fresh("k")
        return For(name, extent, tuple(body(Affine.var(name))))

    def matrix(self, atom: Atom) -> tuple[list[Stmt], _Matrix]:
        """A copy to work in."""
        name = self.places.place(self.dtype, atom.type.size)
        return list(self.places.copy(atom, name)), _Matrix(name, self.n, self.dtype)

    def result(self, columns: Size) -> _Matrix:
        return _Matrix(self.places.names[self.eqn.output], columns, self.dtype)

    def measured(self, m: _Matrix) -> Iterator[Stmt]:
        """The greatest magnitude in the matrix; NaN where there is one."""

        def grow(i: Affine) -> Sequence[Stmt]:
            return (self.scale.set(op("max", self.scale.value, op("abs", Load(m.name, i, m.dtype)))),)

        yield from (self.doubt.set(Const(False, dt.bool_)), self.scale.set(Const(0, self.dtype)))
        yield self.over(self.n * self.n, grow)

    def trusted(self, pivot: Expr) -> Stmt:
        enough = op("gt", pivot, self.scale.value * DOUBT[self.dtype]) & op("lt", self.scale.value, float(np.inf))
        return If(enough, (), (self.doubt.set(Const(True, dt.bool_)),))

    def unless_trusted(self) -> Iterator[Stmt]:
        ask, unsure = self.let(self.doubt.value)
        yield from (ask, If(unsure, (self.places.call(self.eqn, "it is nearly singular"),)))

    # LU -----------------------------------------------------------------------------------------------------------------
    def eliminated(self, m: _Matrix, sides: _Matrix | None, swapped: Sequence[Stmt] = ()) -> For:
        """Each column below its pivot becomes zero, in `m` and, along with it, in the right-hand sides."""
        best, where = (Cell(self.places.place(kind, 1), kind) for kind in (self.dtype, dt.int64))
        every = [m, sides] if sides else [m]

        def column(c: Affine) -> Sequence[Stmt]:
            left = self.n - 1 - _dim(c)

            def look(r: Affine) -> Sequence[Stmt]:
                size, magnitude = self.let(op("abs", m.at(c + 1 + r, c)))
                found = If(op("gt", magnitude, best.value), (best.set(magnitude), where.set(Index(c + 1 + r))))
                return size, found

            start, first = self.let(op("abs", m.at(c, c)))
            take, pivot = self.let(where.value)
            p = Affine.var(pivot.name)

            def swap(x: _Matrix) -> For:
                def element(j: Affine) -> Sequence[Stmt]:
                    one, mine = self.let(x.at(c, j))
                    two, other = self.let(x.at(p, j))
                    return one, two, x.put(c, j, other), x.put(p, j, mine)

                return self.over(x.columns, element)

            def below(r: Affine) -> Sequence[Stmt]:
                row = c + 1 + r
                let, factor = self.let(m.at(row, c) / m.at(c, c))

                def reduced(x: _Matrix, j: Affine) -> tuple[Stmt]:
                    return (x.put(row, j, x.at(row, j) - factor * x.at(c, j)),)

                own = self.over(left, lambda j: reduced(m, c + 1 + j))
                return (let, own, self.over(sides.columns, lambda j: reduced(sides, j))) if sides else (let, own)

            return (
                start, best.set(first), where.set(Index(c)), self.over(left, look), take,
                If(op("ne", pivot, Index(c)), (*map(swap, every), *swapped)), self.trusted(best.value), self.over(left, below),
            )  # fmt: skip

        return self.over(self.n, column)

    def solve(self) -> Iterator[Stmt]:
        b, out = self.eqn.inputs[1], self.eqn.output
        copied, m = self.matrix(self.a)
        x = self.result(out.type.shape[1])
        total = Cell(self.places.place(self.dtype, 1), self.dtype)

        def upwards(c: Affine) -> Sequence[Stmt]:
            row, below = self.n - 1 + c * -1, _dim(c)

            def side(j: Affine) -> Sequence[Stmt]:
                def term(q: Affine) -> Sequence[Stmt]:
                    return (total.set(total.value - m.at(row, row + 1 + q) * x.at(row + 1 + q, j)),)

                return total.set(x.at(row, j)), self.over(below, term), x.put(row, j, total.value / m.at(row, row))

            return (self.over(x.columns, side),)

        yield from (*copied, *self.places.copy(b, x.name), *self.measured(m))
        yield from (self.eliminated(m, x), self.over(self.n, upwards))
        yield from self.unless_trusted()

    def det(self) -> Iterator[Stmt]:
        copied, m = self.matrix(self.a)
        out = Cell(self.places.names[self.eqn.output], self.dtype)
        sign = Cell(self.places.place(self.dtype, 1), self.dtype)
        yield from (*copied, *self.measured(m), sign.set(Const(1, self.dtype)))
        yield self.eliminated(m, None, (sign.set(-sign.value),))
        yield out.set(sign.value)
        yield self.over(self.n, lambda c: (out.set(out.value * m.at(c, c)),))
        # NumPy adds logarithms, which neither overflow nor vanish on the way.
        tiny, size = float(np.finfo(self.dtype).tiny), op("abs", out.value)
        plain = op("gt", size, tiny) & op("lt", size, float(np.finfo(self.dtype).max))
        yield If(plain, (), (self.doubt.set(Const(True, dt.bool_)),))
        yield from self.unless_trusted()

    # Cholesky -----------------------------------------------------------------------------------------------------------
    def regular(self) -> Iterator[Stmt]:
        copied, m = self.matrix(self.a)
        yield from (*copied, *self.measured(m), self.eliminated(m, None), *self.true_if_trusted())

    def true_if_trusted(self) -> Iterator[Stmt]:
        yield Store(self.places.names[self.eqn.output], Affine.of(0), Const(True, dt.bool_))
        yield from self.unless_trusted()

    def definite(self) -> Iterator[Stmt]:
        low = _Matrix(self.places.place(self.dtype, self.a.type.size), self.n, self.dtype)
        yield from (*self.factored(low), *self.true_if_trusted())

    def cholesky(self) -> Iterator[Stmt]:
        yield from (*self.factored(self.result(self.n)), *self.unless_trusted())

    def factored(self, low: _Matrix) -> Iterator[Stmt]:
        copied, m = self.matrix(self.a)
        total = Cell(self.places.place(self.dtype, 1), self.dtype)

        def column(c: Affine) -> Sequence[Stmt]:
            done = _dim(c)
            left = self.n - 1 - done

            def reduced(row: Affine) -> Sequence[Stmt]:
                term = self.over(done, lambda q: (total.set(total.value - low.at(row, q) * low.at(c, q)),))
                return total.set(m.at(row, c)), term

            def below(r: Affine) -> Sequence[Stmt]:
                row = c + 1 + r
                return (*reduced(row), low.put(row, c, total.value / low.at(c, c)), low.put(c, row, Const(0, self.dtype)))

            root = low.put(c, c, op("sqrt", total.value))
            return (*reduced(c), self.trusted(total.value), root, self.over(left, below))

        yield from (*copied, *self.measured(m), self.over(self.n, column))


def _dim(index: Affine) -> Dim:
    """A loop's index as a size."""
    return Dim.symbol(next(iter(index.terms)))


def solve(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Factors(eqn, places).solve()


def det(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Factors(eqn, places).det()


def cholesky(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Factors(eqn, places).cholesky()


def regular(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Factors(eqn, places).regular()


def definite(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Factors(eqn, places).definite()
