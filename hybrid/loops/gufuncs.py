"""Linear algebra and Fourier transforms by NumPy's own C loops (core/npyloops): its results, to the last bit.

The loops take double precision, as NumPy gives it to them, in C order: other operands are copied. Where LAPACK fails NumPy
itself is called, and raises what it raises.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import and_ as op_and
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npyloops
from hybrid.core.affine import Affine
from hybrid.core.npylinalg import PSEUDO, SMALL, least, lent, option
from hybrid.core.npyloops import Loop
from hybrid.core.shape import Dim, Shape, Size, contiguous_strides, evaluate, product
from hybrid.ir.graph import Atom, Eqn, Literal, Var
from hybrid.loops import schedule
from hybrid.loops.nest import Call, Const, Expr, For, If, Index, Let, Load, Native, Ref, Slot, Stmt, Store, convert, op, select
from hybrid.loops.places import Cell, Places
from hybrid.loops.pull import as_reals
from hybrid.passes.access import offset_of

Spelling = Callable[[Eqn, Places], Iterator[Stmt]]


class _Lent:
    def __init__(self, eqn: Eqn, places: Places):
        self.eqn, self.places, self.fresh = eqn, places, places.fresh
        self.x = eqn.inputs[0]
        self.failed = Cell(places.place(dt.int64, 1), dt.int64)
        self.char = npyloops.wide(self.x.type.dtype)

    # arrays -------------------------------------------------------------------------------------------------------------
    def slot(self, buffer: str, dtype: np.dtype, shape: Shape) -> Slot:
        return Slot(buffer, dtype, shape, contiguous_strides(shape))

    def scratch(self, dtype: np.dtype, shape: Shape) -> Slot:
        return self.slot(self.places.place(dtype, product(shape)), dtype, shape)

    def given(self, atom: Atom, dtype: np.dtype, own: bool = False, axis: int | None = None) -> tuple[list[Stmt], Slot]:
        """An operand in C order and of a dtype, that axis as the last; where it is not to be `own`, perhaps as it lies."""
        shape = atom.type.shape
        if isinstance(atom, Literal):
            slot = self.scratch(dtype, shape)
            return [Store(slot.buffer, Affine.of(0), Const(atom.value, dtype))], slot
        name, strides = self.places.names[atom], self.places.strides.get(atom) or contiguous_strides(shape)
        order = _last(axis, len(shape))
        if not own and order is None and atom.type.dtype == dtype and atom not in self.places.strides:
            return [], self.slot(name, dtype, shape)
        slot, to = self.rows(dtype, shape, order)
        return list(moved(slot.buffer, dtype, to, name, atom.type.dtype, strides, shape)), slot

    def taken(self, var: Var, dtype: np.dtype, axis: int | None = None) -> tuple[Slot, list[Stmt]]:
        """Where a result of a loop goes, and what brings it into the equation's."""
        shape, name = var.type.shape, self.places.names[var]
        order = _last(axis, len(shape))
        if order is None and var.type.dtype == dtype:
            return self.slot(name, dtype, shape), []
        slot, at = self.rows(dtype, shape, order)
        return slot, list(moved(name, var.type.dtype, contiguous_strides(shape), slot.buffer, dtype, at, shape))

    def rows(self, dtype: np.dtype, shape: Shape, order: tuple[int, ...] | None) -> tuple[Slot, Shape]:
        """Room for an array with its axes in an order, and the strides of these as they were."""
        order = order or tuple(range(len(shape)))
        slot = self.scratch(dtype, tuple(shape[k] for k in order))
        by_axis = dict(zip(order, slot.strides))
        return slot, tuple(by_axis[k] for k in range(len(shape)))

    # calls --------------------------------------------------------------------------------------------------------------
    def run(
        self, loop: Loop, lead: Shape, given: Sequence[Slot], taken: Sequence[Slot], sizes: Mapping[str, Size],
        unread: Sequence[int] = (),
    ) -> Call:  # fmt: skip
        """The call of a loop on all rows: `lead` is how many, `sizes` are those of its signature.

        Results that are `unread` have room that is enough, not their sizes.
        """
        reads, changed = tuple(given), tuple(given[k] for k in loop.changed)
        writes = (*changed, *taken, self.slot(self.failed.name, dt.int64, ()))
        symbols = {name for slot in (*reads, *writes) for size in slot.sizes if isinstance(size, Dim) for name in size.symbols}
        counts = (product(lead), *(sizes[name] for name in loop.sizes))

        def run(operands: Sequence[np.ndarray], known: Mapping[str, int]) -> Sequence[np.ndarray]:
            results = [np.zeros(tuple(evaluate(size, known) for size in slot.shape), slot.dtype) for slot in taken]
            made, failed = loop.run(operands, [None if k in unread else x for k, x in enumerate(results)])
            own = (x if k in unread else y for k, (x, y) in enumerate(zip(results, made[len(loop.changed) :])))
            return [*made[: len(loop.changed)], *own, np.array(int(failed))]

        native = Native(loop.symbol, tuple(Index(Affine.of(count)) for count in counts),
                        arrays=(*(slot.buffer for slot in (*given, *taken)), self.failed.name))  # fmt: skip
        return Call(self.eqn.primitive.name, run, reads, writes, tuple(sorted(symbols)), str(self.eqn.source or ""), native)

    def unless_failed(self, then: Sequence[Stmt] = ()) -> Iterator[Stmt]:
        yield from self.unless(op("ne", self.failed.value, Const(0, dt.int64)), "LAPACK fails", then)

    def unless(self, condition: Expr, what: str, then: Sequence[Stmt] = (), but: bool = False) -> Iterator[Stmt]:
        """Statements, but where a condition holds NumPy's call, or with `but` where it does not: `what` says which."""
        name, ways = self.fresh("v"), ((self.places.call(self.eqn, what),), tuple(then))
        yield Let(name, condition)
        yield If(Ref(name, dt.bool_), *(reversed(ways) if but else ways))

    def element(self, slot: Slot, at: Affine | int, part: int = 0) -> Load:
        """One of an array, or its imaginary part."""
        width = int(as_reals(slot.dtype, 1)[1])  # type: ignore[arg-type]  # a number, for one element
        return Load(slot.buffer, Affine.of(at) * width + part, dt.real_of(slot.dtype))

    def over(self, extent: Size, body: Callable[[Affine], Sequence[Stmt]]) -> For:
        name = self.fresh("k")
        return For(name, extent, tuple(body(Affine.var(name))))

    # linear algebra -----------------------------------------------------------------------------------------------------
    def linear(self, name: str) -> Iterator[Stmt]:
        """One loop, of the operands for the results."""
        loop = npyloops.wanted("linalg", name, self.char)
        given = [self.given(atom, dtype) for atom, dtype in zip(self.eqn.inputs, loop.dtypes)]
        taken = [self.taken(var, dtype) for var, dtype in zip(self.eqn.outputs, loop.dtypes[len(given) :])]
        sizes: dict[str, Size] = {}
        for core, atom in zip((*loop.inputs, *loop.outputs), (*self.eqn.inputs, *self.eqn.outputs)):
            sizes |= zip(core, atom.type.shape[len(atom.type.shape) - len(core) :])
        for before, _ in given:
            yield from before
        yield self.run(loop, self.x.type.shape[:-2], [slot for _, slot in given], [slot for slot, _ in taken], sizes)
        for _, after in taken:
            yield from after
        yield from self.unless_failed()

    def qr(self) -> Iterator[Stmt]:
        """Reflections below the diagonal of a copy, of which a second loop makes Q; R is what they leave above it."""
        raw, reduced = (npyloops.wanted("linalg", name, self.char) for name in ("qr_r_raw", "qr_reduced"))
        *lead, m, n = self.x.type.shape
        q, r = self.eqn.outputs
        p, (dtype, *_) = q.type.shape[-1], raw.dtypes
        before, w = self.given(self.x, dtype, own=True)
        tau, (out, after) = self.scratch(dtype, (*lead, p)), self.taken(q, dtype)
        yield from before
        yield self.run(raw, tuple(lead), [w], [tau], {"m": m, "n": n, "p": p})
        yield from self.upper(w, r)
        yield self.run(reduced, tuple(lead), [w, tau], [out], {"m": m, "n": n, "k": p})
        yield from after

    def upper(self, w: Slot, r: Var) -> Iterator[Stmt]:
        """What lies above the diagonal, and on it, in as many rows as the result has."""
        shape, own = r.type.shape, dt.real_of(r.type.dtype)
        axes = schedule.plain([f"i{k}" for k in range(len(shape))], shape)
        row, column = axes.index[-2:]
        above = op("le", Index(row), Index(column))
        here, there = offset_of(axes.index, w.strides), offset_of(axes.index, contiguous_strides(shape))
        parts, inside = int(as_reals(w.dtype, 1)[1]), dt.real_of(w.dtype)  # type: ignore[arg-type]  # a number
        body = tuple(
            Store(self.places.names[r], there * parts + part,
                  select(above, convert(Load(w.buffer, here * parts + part, inside), own), Const(0, own)))
            for part in range(parts)
        )  # fmt: skip
        yield from schedule.elementwise(axes, body)

    # of a library -------------------------------------------------------------------------------------------------------
    def general(self, name: str) -> Iterator[Stmt]:
        """Eigenvalues, and vectors, which are real where all values are: of a run that finds it otherwise they are NumPy's."""
        loop = npyloops.wanted("linalg", name, self.char)
        before, a = self.given(self.x, loop.dtypes[0])
        made = [self.scratch(dtype, var.type.shape) for var, dtype in zip(self.eqn.outputs, loop.dtypes[1:])]
        shape, real = self.x.type.shape, not dt.is_complex(self.eqn.output.type.dtype)
        odd, flat = Cell(self.places.place(dt.bool_, 1), dt.bool_), as_reals(a.dtype, product(shape))[1]
        yes = odd.set(Const(True, dt.bool_))

        def infinite(k: Affine) -> Sequence[Stmt]:
            return (If(op("lt", op("abs", Load(a.buffer, k, dt.float64)), float(np.inf)), (), (yes,)),)

        def turns(k: Affine) -> Sequence[Stmt]:
            return (If(op("ne", self.element(made[0], k, 1), Const(0, dt.float64)), (yes,)),)

        after = [stmt for var, slot in zip(self.eqn.outputs, made) for stmt in self.cut(var, slot)]
        known = list(after)
        if not dt.is_complex(self.x.type.dtype):
            values, what = self.over(product(made[0].shape), turns), f"they are {'not ' * real}real"
            known = [odd.set(Const(False, dt.bool_)), values, *self.unless(odd.value, what, after, but=not real)]
        called = self.run(loop, shape[:-2], [a], made, {"m": shape[-1]})
        yield from (*before, odd.set(Const(False, dt.bool_)), self.over(flat, infinite))
        yield from self.unless(odd.value, "numbers are not finite", (called, *self.unless_failed(known)))

    def cut(self, var: Var, slot: Slot) -> Iterator[Stmt]:
        """An array into a result, which may be its real part."""
        shape, name, own = var.type.shape, self.places.names[var], dt.real_of(var.type.dtype)
        axes = schedule.plain([f"i{k}" for k in range(len(shape))], shape)
        at, width = offset_of(axes.index, contiguous_strides(shape)), int(as_reals(var.type.dtype, 1)[1])  # type: ignore[arg-type]
        parts = (Store(name, at * width + part, convert(self.element(slot, at, part), own)) for part in range(width))
        yield from schedule.elementwise(axes, tuple(parts))

    def least_squares(self, what: str, rcond: Any) -> Iterator[Stmt]:
        """A part of what `numpy.linalg.lstsq` gives: the residuals, where the rank is as traced."""
        loop, (m, n) = npyloops.wanted("linalg", "lstsq", self.char), self.x.type.shape
        side, real = self.eqn.inputs[1].type.shape[1:], dt.float64
        rows, columns = Index(Affine.of(m)), Index(Affine.of(n))
        factor = Cell(self.places.place(real, 1), real)
        (first, a), (second, b) = (self.given(atom, dtype) for atom, dtype in zip(self.eqn.inputs, loop.dtypes))
        left, sums = self.scratch(loop.dtypes[0], (n, *side)), self.scratch(real, (product(side),))
        count, values = self.scratch(dt.int32, ()), self.scratch(real, (n,))
        of_rank = Load(count.buffer, Affine.of(0), dt.int32)
        unread: tuple[int, ...] = (3,)
        done: list[Stmt]
        if what == "solved":
            x, rank = self.eqn.outputs
            left, done = self.taken(x, loop.dtypes[0])
            done.append(Store(self.places.names[rank], Affine.of(0), convert(of_rank, rank.type.dtype)))
        elif what == "residuals":
            some = self.eqn.output.type.shape != (0,)
            full = op("eq", convert(of_rank, dt.int64), columns) & (columns < rows)
            told = list(self.cut(self.eqn.output, sums)) if some else []
            done = list(self.unless(full, "the rank is another", told, but=some))
        else:
            (values, done), unread = self.taken(self.eqn.output, real), ()
        right, left = (self.slot(part.buffer, part.dtype, (size, product(side))) for part, size in ((b, m), (left, n)))
        operands, taken = [a, right, self.slot(factor.name, real, ())], [left, sums, count, values]
        sizes = {"m": m, "n": n, "nrhs": product(side), "p": values.shape[0]}
        called = self.run(loop, (), operands, taken, sizes, unread)
        eps = convert(op("max", rows, columns), real) * float(np.finfo(real).eps)
        limit = eps if rcond is None else Const(float.fromhex(rcond[1]) if isinstance(rcond, tuple) else rcond, real)
        ready = (*first, *second, factor.set(limit), called, *self.unless_failed(done))
        nothing = (rows < Const(1, dt.int64)) | (columns < Const(1, dt.int64))
        yield from self.unless(nothing, "there are no rows", ready)

    def pseudo(self) -> Iterator[Stmt]:
        """Vᴴ'·(Uᴴ'/s), where a singular value is large enough, as `numpy.linalg.pinv`."""
        loop = npyloops.wanted("linalg", "svd_s", self.char)
        m, n = self.x.type.shape
        p = least(m, n)
        assert p is not None
        before, a = self.given(self.x, dt.float64)
        u, s, vh = (self.scratch(dt.float64, shape) for shape in ((m, p), (p,), (p, n)))
        total, name = Cell(self.places.place(dt.float64, 1), dt.float64), self.places.names[self.eqn.output]
        nothing = Const(0, dt.float64)

        def inverted(k: Affine) -> Sequence[Stmt]:
            value = self.element(s, k)
            large = op("gt", value, total.value)
            return (If(large, (Store(s.buffer, k, Const(1, dt.float64) / value),), (Store(s.buffer, k, nothing),)),)

        def entry(i: Affine, j: Affine) -> Sequence[Stmt]:
            def term(k: Affine) -> Sequence[Stmt]:
                part = self.element(s, k) * self.element(u, j * p + k)
                return (total.set(total.value + self.element(vh, k * n + i) * part),)

            return total.set(nothing), self.over(p, term), Store(name, i * m + j, total.value)

        called = self.run(loop, (), [a], [u, s, vh], {"m": m, "n": n, "p": p})
        product_ = self.over(n, lambda i: (self.over(m, lambda j: entry(i, j)),))
        limit = total.set(self.element(s, 0) * 1e-15)
        ready = (*before, called, *self.unless_failed((limit, self.over(p, inverted), product_)))
        work = product((m, n, p))
        if isinstance(work, Dim):
            yield from self.unless(op("gt", Index(Affine.of(work)), Const(PSEUDO, dt.int64)), "it is large", ready)
        else:
            yield from ready

    def regular(self) -> Iterator[Stmt]:
        """Whether an LU factorisation has pivots: without, NumPy's determinant has the sign 0."""
        loop = npyloops.wanted("linalg", "slogdet", self.char)
        before, given = self.given(self.x, loop.dtypes[0])
        sign, log = (self.scratch(dtype, ()) for dtype in loop.dtypes[1:])
        yield from (*before, self.run(loop, (), [given], [sign, log], {"m": self.x.type.shape[0]}))
        yield Store(self.places.names[self.eqn.output], Affine.of(0), op("ne", self.element(sign, 0), Const(0, sign.dtype)))

    def definite(self) -> Iterator[Stmt]:
        """Whether LAPACK finds a Cholesky factorisation."""
        loop = npyloops.wanted("linalg", "cholesky_lo", self.char)
        before, given = self.given(self.x, loop.dtypes[0])
        yield from (*before, self.run(loop, (), [given], [self.scratch(loop.dtypes[1], self.x.type.shape)],
                                      {"m": self.x.type.shape[0]}))  # fmt: skip
        yield Store(self.places.names[self.eqn.output], Affine.of(0), op("eq", self.failed.value, Const(0, dt.int64)))

    # Fourier transforms -------------------------------------------------------------------------------------------------
    def transform(self, names: Sequence[str], inverse: bool) -> Iterator[Stmt]:
        """Along an axis, as the last; with two names, that for an even number of elements and that for an odd one."""
        out, axis = self.eqn.output, self.eqn.params["axis"]
        shape = self.x.type.shape
        lead = tuple(size for k, size in enumerate(shape) if k != axis)
        taken_from, made = shape[axis], out.type.shape[axis]
        count = made if inverse else taken_from
        char = npyloops.transformed(names[0], self.x.type.dtype, inverse)
        loops = [npyloops.wanted("fft", name, char) for name in names]
        dtypes = loops[0].dtypes
        factor = Cell(self.places.place(dtypes[1], 1), dtypes[1])
        before, given = self.given(self.x, dtypes[0], axis=axis)
        slot, after = self.taken(out, dtypes[2], axis)
        single = dt.real_of(self.x.type.dtype)  # in which NumPy divides
        scale = Const(1, single) / convert(Index(Affine.of(count)), single) if inverse else Const(1, single)
        yield from before
        yield factor.set(convert(scale, dtypes[1]))
        operands = [given, self.slot(factor.name, dtypes[1], ())]
        first, second = loops[0].inputs[0][0], loops[0].outputs[0][0]
        calls = [self.run(loop, lead, operands, [slot], {first: taken_from, second: made}) for loop in loops]
        if len(calls) == 1 or isinstance(count, int):
            yield calls[count % 2 if len(calls) > 1 else 0]  # type: ignore[operator]
        else:
            name = self.fresh("v")
            yield Let(name, op("eq", Index(Affine.of(count)) & Const(1, dt.int64), Const(0, dt.int64)))
            yield If(Ref(name, dt.bool_), (calls[0],), (calls[1],))
        yield from after


def _last(axis: int | None, rank: int) -> tuple[int, ...] | None:
    """The axes with one of them moved to the end; None where it is there."""
    return None if axis in (None, rank - 1) else (*(k for k in range(rank) if k != axis), axis)


def moved(target: str, becomes: np.dtype, to: Shape, source: str, dtype: np.dtype, at: Shape, shape: Shape) -> Iterator[Stmt]:
    """All elements of an array into another, which may have another dtype and other strides."""
    names = [f"i{k}" for k in range(len(shape))]
    index = tuple(map(Affine.var, names))
    axes = schedule.merge(names, shape, [offset_of(index, to), offset_of(index, at)])
    there, here = offset_of(axes.index, to), offset_of(axes.index, at)
    width, parts = (int(as_reals(each, 1)[1]) for each in (becomes, dtype))  # type: ignore[arg-type]  # of one element
    own, other = dt.real_of(dtype), dt.real_of(becomes)
    values = [convert(Load(source, here * parts + k, own), other) for k in range(parts)] + [Const(0, other)] * (width - parts)
    yield from schedule.elementwise(axes, tuple(Store(target, there * width + k, value) for k, value in enumerate(values)))


def linear(name: str) -> Spelling:
    """How an operation is spelled that one loop of `numpy.linalg` computes."""
    return lambda eqn, places: _Lent(eqn, places).linear(name)


def factored(name: str, small: Spelling, large: Spelling | None = None) -> Spelling:
    """The same, of an operation that single small real matrices have loops of ours for; `large`: for others."""
    large = large or linear(name)

    def spell(eqn: Eqn, places: Places) -> Iterator[Stmt]:
        types = [atom.type for atom in eqn.inputs]
        lent = npyloops.loop("linalg", name, npyloops.wide(types[0].dtype)) is not None
        ours = all(t.ndim == 2 for t in types) and not dt.is_complex(types[0].dtype)
        unknown = dict.fromkeys(size for t in types for size in t.shape if isinstance(size, Dim))
        if not lent or (ours and not unknown and all(size <= SMALL for t in types for size in t.shape)):  # type: ignore[operator]
            yield from small(eqn, places)
        elif not ours or any(isinstance(size, int) and size > SMALL for t in types for size in t.shape):
            yield from large(eqn, places)
        else:
            fits = places.fresh("v")
            with places.below([(size, SMALL) for size in unknown]):
                loops = tuple(small(eqn, places))
            few = functools.reduce(op_and, (Index(Affine.of(size)) < Const(SMALL + 1, dt.int64) for size in unknown))
            yield Let(fits, few)
            yield If(Ref(fits, dt.bool_), loops, tuple(large(eqn, places)))

    return spell


def library(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    """A function of `numpy.linalg` that has no primitive of its own."""
    name, function = lent(*(atom.type for atom in eqn.inputs), **eqn.params), eqn.params["function"]
    _, asked = option(function, eqn.params["args"], eqn.params["kwargs"])
    assert name is not None
    spelled = _Lent(eqn, places)
    match function.rpartition(".")[2]:
        case "eig" | "eigvals":
            yield from spelled.general(name)
        case "solved" | "residuals" | "singular" as what:
            yield from spelled.least_squares(what, asked)
        case "pinv":
            yield from spelled.pseudo()
        case _:
            yield from spelled.linear(name)


def qr(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Lent(eqn, places).qr()


def fft(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    inverse = eqn.params["inverse"]
    return _Lent(eqn, places).transform(("ifft" if inverse else "fft",), inverse)


def rfft(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Lent(eqn, places).transform(("rfft_n_even", "rfft_n_odd"), False)


def irfft(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Lent(eqn, places).transform(("irfft",), True)


def regular(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Lent(eqn, places).regular()


def definite(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    return _Lent(eqn, places).definite()
