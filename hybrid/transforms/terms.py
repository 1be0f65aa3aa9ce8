"""The values that derivative rules speak through: atoms of a graph under construction, with operators and methods.

Rules stand with their primitives and import nothing: `g.sum(axes)`, `x.cos()` record what they mean. Every method is a
primitive or two; NumPy's vocabulary is elsewhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Shape, Size, TensorType, broadcast, normalize_axis
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Graph, Literal, Source, Var
from hybrid.ir.primitive import Primitive
from hybrid.ops import contract, control, fft, index, linalg, reduce, sort
from hybrid.ops import elementwise as e
from hybrid.ops import view as v

SHORT = 4  # rounds that are written out, where a loop would take longer to set up
_fresh = itertools.count()


class Recorder:
    """Where the operations of terms go: a builder, and the user's line that they are there for."""

    def __init__(self, builder: Builder):
        self.builder = builder
        self.source: Source | None = None

    def term(self, atom: Atom) -> Term:
        return Term(self, atom)

    def emit(self, primitive: Primitive, *inputs: Atom, **params: Any) -> tuple[Atom, ...]:
        return self.builder.append(primitive, inputs, params, self.source)

    def literal(self, value: Any, dtype: np.dtype) -> Term:
        return Term(self, Literal(np.asarray(value, dtype)[()], TensorType(dtype, ())))

    def full(self, value: Any, type: TensorType) -> Term:
        """An array of one number."""
        return self.literal(value, type.dtype).broadcast_to(type.shape)

    def size(self, size: Size) -> Term:
        """A size as a number."""
        if isinstance(size, int):
            return self.literal(size, dt.int64)
        return Term(self, *self.emit(control.size, value=size))


class Part:
    """A cotangent that belongs to some elements of a value: `onto` adds it to that of the whole, in place where that can be."""

    __slots__ = ("onto",)

    def __init__(self, onto: Callable[[Term], Term]):
        self.onto = onto


def _binary(primitive: Primitive) -> tuple[Callable, Callable]:
    def forward(self: Term, other: Any) -> Term:
        a, b = self._meet(other)
        return a._one(primitive, b.atom)

    def reflected(self: Term, other: Any) -> Term:
        a, b = self._meet(other)
        return b._one(primitive, a.atom)

    return forward, reflected


def _unary(primitive: Primitive) -> Callable:
    return lambda self: self._one(primitive)


class Term:
    """One value. Operators take terms, which are promoted and broadcast, and Python's numbers, which are weak."""

    __slots__ = ("recorder", "atom")

    def __init__(self, recorder: Recorder, atom: Atom):
        self.recorder, self.atom = recorder, atom

    def __repr__(self) -> str:
        return f"<term {self.atom.type}>"

    @property
    def type(self) -> TensorType:
        return self.atom.type

    @property
    def dtype(self) -> np.dtype:
        return self.atom.type.dtype

    @property
    def shape(self) -> Shape:
        return self.atom.type.shape

    @property
    def ndim(self) -> int:
        return len(self.atom.type.shape)

    @property
    def is_constant(self) -> bool:
        """Whether it is a number that stands in the graph."""
        return isinstance(self.atom, Literal)

    def _one(self, primitive: Primitive, *more: Atom, **params: Any) -> Term:
        return Term(self.recorder, self.recorder.emit(primitive, self.atom, *more, **params)[0])

    def _as(self, x: Any) -> Term:
        """An operand: a term, a captured array, or a number of this term's dtype where that can hold it."""
        if isinstance(x, Term):
            return x
        if isinstance(x, Dim):
            return self.recorder.size(x).astype(self.dtype)
        if isinstance(x, np.ndarray):
            return Term(self.recorder, self.recorder.builder.constant(x))
        dtype = self.dtype
        if isinstance(x, complex) and not dt.is_complex(dtype):
            dtype = np.result_type(dtype, np.complex64)
        elif isinstance(x, float) and dt.KIND[dtype] in "biu":
            dtype = dt.float64
        return self.recorder.literal(x, dtype)

    def _meet(self, other: Any) -> tuple[Term, Term]:
        a, b = self, self._as(other)
        if a.dtype != b.dtype:
            dtype = dt.promote(a.dtype, b.dtype)
            a, b = a.astype(dtype), b.astype(dtype)
        if a.shape != b.shape and a.shape and b.shape:
            shape = broadcast(a.shape, b.shape)
            a, b = a.broadcast_to(shape), b.broadcast_to(shape)
        return a, b

    # Arithmetic -------------------------------------------------------------------------------------------------------
    __add__, __radd__ = _binary(e.add)
    __sub__, __rsub__ = _binary(e.sub)
    __mul__, __rmul__ = _binary(e.mul)
    __floordiv__, __rfloordiv__ = _binary(e.floordiv)
    __mod__, __rmod__ = _binary(e.mod)
    __truediv__, __rtruediv__ = _binary(e.div)
    __pow__, __rpow__ = _binary(e.pow)
    __lt__, __gt__ = _binary(e.lt)[0], _binary(e.gt)[0]
    __le__, __ge__ = _binary(e.le)[0], _binary(e.ge)[0]
    __eq__, __ne__ = _binary(e.eq)[0], _binary(e.ne)[0]  # type: ignore[assignment]
    __and__, __rand__ = _binary(e.and_)
    __or__, __ror__ = _binary(e.or_)
    __hash__ = None  # type: ignore[assignment]
    __neg__, __invert__ = _unary(e.neg), _unary(e.not_)
    maximum, hypot, complex = _binary(e.maximum)[0], _binary(e.hypot)[0], _binary(e.complex_)[0]
    times = _binary(e.mul_no_nan)[0]  # zero where this is zero, whatever the other is
    floor, trunc, rint = _unary(e.floor), _unary(e.trunc), _unary(e.rint)
    exp, log, sqrt = _unary(e.exp), _unary(e.log), _unary(e.sqrt)
    sin, cos, sinh, cosh = _unary(e.sin), _unary(e.cos), _unary(e.sinh), _unary(e.cosh)
    digamma = _unary(e.digamma)

    def polygamma(self, order: int) -> Term:
        return self._one(e.polygamma, order=order)

    def sign(self) -> Term:
        """-1, 0 or 1; a NaN stays one."""
        one = self.recorder.literal(1, self.dtype)
        up, down = (self > 0).where(one, 0), (self < 0).where(one, 0)  # type: ignore[operator]
        return (self == self).select(up - down, self)  # type: ignore[attr-defined]

    def conj(self) -> Term:
        return self._one(e.conj) if dt.is_complex(self.dtype) else self

    @property
    def real(self) -> Term:
        return self._one(e.real) if dt.is_complex(self.dtype) else self

    @property
    def imag(self) -> Term:
        return self._one(e.imag) if dt.is_complex(self.dtype) else self.zeros()

    def astype(self, dtype: np.dtype) -> Term:
        return self if dtype == self.dtype else self._one(e.convert, dtype=np.dtype(dtype))

    def select(self, then: Any, otherwise: Any) -> Term:
        """Of a condition: `then` where it holds, else `otherwise`."""
        then = then if isinstance(then, Term) else otherwise._as(then)
        a, b = then._meet(otherwise)
        shape = broadcast(self.shape, a.shape, b.shape)
        if isinstance(self.atom, Literal):
            return (a if self.atom.value else b).broadcast_to(shape)
        a, b = (x.broadcast_to(shape) if x.shape != shape and x.shape else x for x in (a, b))
        condition = self.broadcast_to(shape) if self.shape != shape and self.shape else self
        return condition._one(e.select, a.atom, b.atom)

    def where(self, condition: Any, otherwise: Any) -> Term:
        """Itself where the condition holds. Of a condition: `condition.where(then, otherwise)` chooses."""
        if self.dtype == dt.bool_ and not (isinstance(condition, Term) and condition.dtype == dt.bool_):
            return self.select(condition, otherwise)
        return condition.select(self, otherwise)

    def any(self) -> Term:
        """Of conditions: whether one of them holds."""
        return self._one(reduce.any, axes=tuple(range(self.ndim))) if self.ndim else self

    def branch(self, then: Callable, orelse: Callable, *operands: Term) -> Term:
        """Of one condition: what `then` makes of the operands where it holds, else what `orelse` does."""

        def body(make: Callable) -> Graph:
            builder = Builder("rule")
            inner = Recorder(builder)
            made = make(*(Term(inner, builder.input(TensorType(x.dtype, x.shape))) for x in operands))
            return Graph(builder.name, tuple(builder.inputs), tuple(builder.eqns), (made.atom,))

        made = self.recorder.emit(control.cond, self.atom, *(x.atom for x in operands), then=body(then), orelse=body(orelse))
        return Term(self.recorder, *made)

    # Shapes -----------------------------------------------------------------------------------------------------------
    def zeros(self) -> Term:
        return self.recorder.full(0, self.type)

    def zeros_like(self, x: Term) -> Term:
        return self.recorder.full(0, x.type)

    def reshape(self, shape: Shape) -> Term:
        return self if tuple(shape) == self.shape else self._one(v.reshape, shape=tuple(shape))

    def broadcast_to(self, shape: Shape) -> Term:
        return self if tuple(shape) == self.shape else self._one(v.broadcast, shape=tuple(shape))

    def transpose(self, perm: Sequence[int]) -> Term:
        return self if tuple(perm) == tuple(range(self.ndim)) else self._one(v.transpose, perm=tuple(perm))

    @property
    def mT(self) -> Term:
        return self.transpose((*range(self.ndim - 2), self.ndim - 1, self.ndim - 2))

    @property
    def mH(self) -> Term:
        return self.mT.conj()

    def expand_dims(self, axes: int | tuple[int, ...]) -> Term:
        axes = (axes,) if isinstance(axes, int) else axes
        rank = self.ndim + len(axes)
        new = {normalize_axis(axis, rank) for axis in axes}
        left = iter(self.shape)
        return self.reshape(tuple(1 if axis in new else next(left) for axis in range(rank)))

    def slice(self, start: Sequence, step: Sequence, shape: Shape) -> Term:
        return self._one(v.slice_, start=tuple(start), step=tuple(step), shape=tuple(shape))

    def at_slice(self, start: Sequence, step: Sequence, value: Term) -> Term:
        """With `value` in the places that `slice` would show."""
        return self._one(v.update_slice, value.atom, start=tuple(start), step=tuple(step))

    def part_of_slice(self, start: Sequence, step: Sequence) -> Part:
        """Of the cotangent of a slice: as part of that of the array it is taken from."""
        return Part(lambda whole: whole.at_slice(start, step, whole.slice(start, step, self.shape) + self))

    def flip(self, axis: int) -> Term:
        start = tuple(size - 1 if a == axis else 0 for a, size in enumerate(self.shape))
        if 0 in self.shape:
            return self
        return self.slice(start, tuple(-1 if a == axis else 1 for a in range(self.ndim)), self.shape)

    def diagonal(self, offset: int) -> Term:
        return self._one(v.diagonal, offset=offset)

    def places(self, axis: int, shape: Shape | None = None) -> Term:
        """The numbers of the elements along an axis; of an array of some shape, those of the same axis."""
        shape, axis = ((self.shape[axis],), 0) if shape is None else (shape, axis)
        return Term(self.recorder, *self.recorder.emit(e.iota, shape=tuple(shape), axis=axis))

    def turns(self) -> Term:
        """The numbers of the elements in the order of memory, in this shape."""
        count: Any = 1
        for size in self.shape:
            count = count * size
        return Term(self.recorder, *self.recorder.emit(e.iota, shape=(count,), axis=0)).reshape(self.shape)

    def shifted(self, axis: int, first: Any) -> Term:
        """For each element the one before it along an axis, and `first` for the first."""
        before = self.take((self.places(axis) - 1).maximum(0), axis)
        return (self.places(axis, self.shape) == 0).where(first, before)  # type: ignore[attr-defined]

    def row(self, axis: int, at: Any) -> Term:
        """One element along an axis, which stays."""
        start = tuple(at if a == axis else 0 for a in range(self.ndim))
        return self.slice(start, (1,) * self.ndim, tuple(1 if a == axis else size for a, size in enumerate(self.shape)))

    def rounds(self, count: Size, state: Sequence[Term], fixed: Sequence[Term], step: Callable) -> list[Term]:
        """The state after `state = step(number of the round, *state, *fixed)` has been taken so many times."""
        if isinstance(count, int) and count <= SHORT:
            for k in range(count):
                state = step(k, *state, *fixed)
            return list(state)
        symbol, builder = f"rule_{next(_fresh)}", Builder("rule")
        inner, inputs = Recorder(builder), [Var(TensorType(x.dtype, x.shape)) for x in (*state, *fixed)]
        made = step(Dim.symbol(symbol), *(Term(inner, var) for var in inputs))
        body = Graph(builder.name, tuple(inputs), tuple(builder.eqns), tuple(x.atom for x in made))
        params = {"carried": len(state), "count": count, "symbol": symbol, "test": None, "body": body}
        out = self.recorder.emit(control.loop, *(x.atom for x in (*state, *fixed)), **params)
        return [Term(self.recorder, atom) for atom in out]

    def recurrence(self, factors: Term, axis: int) -> Term:
        """s with s_j = factors_j · s_{j-1} + self_j along an axis."""

        def step(k: Any, last: Term, out: Term, a: Term, b: Term) -> tuple[Term, Term]:
            new = a.row(axis, k) * last + b.row(axis, k)
            start = tuple(k if at == axis else 0 for at in range(out.ndim))
            return new, out.at_slice(start, (1,) * out.ndim, new)

        if 0 in self.shape:
            return self
        return self.rounds(self.shape[axis], (self.row(axis, 0).zeros(), self.zeros()), (factors, self), step)[1]

    def overlapped(self, axis: int, size: Size) -> Term:
        """Of windows of some size, whose elements are along the last axis: the sums where they lay over each other."""
        shape = tuple(n + size - 1 if a == axis else n for a, n in enumerate(self.shape[:-1]))

        def step(k: Any, out: Term, windows: Term) -> tuple[Term]:
            part = windows.row(windows.ndim - 1, k).reshape(windows.shape[:-1])
            start, one = tuple(k if a == axis else 0 for a in range(out.ndim)), (1,) * out.ndim
            return (out.at_slice(start, one, out.slice(start, one, part.shape) + part),)

        return self.rounds(size, (self.recorder.full(0, TensorType(self.dtype, shape)),), (self,), step)[0]

    # Sums, products, orders -----------------------------------------------------------------------------------------------
    def sum(self, axes: int | tuple[int, ...]) -> Term:
        given = (axes,) if isinstance(axes, int) else axes
        axes = tuple(sorted(normalize_axis(axis, self.ndim) for axis in given))
        return self._one(reduce.sum, axes=axes) if axes else self

    def dot_general(self, other: Term, contracted: Any, batch: Any) -> Term:
        return self._one(contract.dot_general, other.atom, contract=contracted, batch=batch)

    def __matmul__(self, other: Term) -> Term:
        lead = tuple(range(self.ndim - 2))
        return self.dot_general(other, ((self.ndim - 1,), (other.ndim - 2,)), (lead, lead))

    def cumsum(self, axis: int) -> Term:
        return self._one(sort.cumsum, axis=axis)

    def cumprod(self, axis: int) -> Term:
        return self._one(sort.cumprod, axis=axis)

    def cummax(self, axis: int) -> Term:
        return self._one(sort.cummax, axis=axis)

    def argsort(self, axis: int) -> Term:
        return self._one(sort.argsort, axis=axis, kind="stable")

    # Computed places ----------------------------------------------------------------------------------------------------
    def take(self, at: Term, axis: int) -> Term:
        return self._one(index.take, at.atom, axis=axis)

    def take_along(self, at: Term, axis: int) -> Term:
        return self._one(index.take_along, at.atom, axis=axis)

    def scatter(self, at: Term, value: Term, axis: int, op: str) -> Term:
        return self._one(index.scatter, at.atom, value.atom, axis=axis, op=op)

    def scatter_set(self, at: Term, value: Term, axis: int) -> Term:
        return self.scatter(at, value, axis, "set")

    def scatter_add(self, at: Term, value: Term, axis: int) -> Term:
        return self.scatter(at, value, axis, "add")

    def part_of_take(self, at: Term, axis: int) -> Part:
        return Part(lambda whole: whole.scatter_add(at, self, axis))

    def part_of_take_along(self, at: Term, axis: int) -> Part:
        return Part(lambda whole: whole.scatter_along_add(at, self, axis))

    def scatter_along(self, at: Term, value: Term, axis: int, op: str) -> Term:
        return self._one(index.scatter_along, at.atom, value.atom, axis=axis, op=op)

    def scatter_along_add(self, at: Term, value: Term, axis: int) -> Term:
        return self.scatter_along(at, value, axis, "add")

    # Matrices and transforms -------------------------------------------------------------------------------------------
    def _rows_and_columns(self) -> tuple[Term, Term]:
        shape = self.shape[-2:]
        return tuple(Term(self.recorder, *self.recorder.emit(e.iota, shape=shape, axis=axis)) for axis in (0, 1))  # type: ignore[return-value]

    def eye_like(self) -> Term:
        """Ones on the diagonal, of this dtype, in the shape of the last two axes."""
        rows, columns = self._rows_and_columns()
        return (rows == columns).astype(self.dtype)

    def tril(self, below: int = 0) -> Term:
        """The lower triangle, from so many diagonals below the main one."""
        rows, columns = self._rows_and_columns()
        return (rows >= columns + below).broadcast_to(self.shape).select(self, self.recorder.literal(0, self.dtype))

    def columns(self, first: Size, count: Size) -> Term:
        """So many columns from one on."""
        lead = self.ndim - 1
        return self.slice((*(0,) * lead, first), (1,) * self.ndim, (*self.shape[:-1], count))

    def beside(self, other: Term) -> Term:
        """The columns of both."""
        return self._one(v.concatenate, other.atom, axis=self.ndim - 1)

    def solve(self, b: Term) -> Term:
        return self._one(linalg.solve, b.atom)

    def det(self) -> Term:
        return self._one(linalg.det)

    def svd(self) -> tuple[Term, ...]:
        return tuple(Term(self.recorder, atom) for atom in self.recorder.emit(linalg.svd, self.atom))

    def fft(self, axis: int, inverse: bool) -> Term:
        return self._one(fft.fft, axis=axis, inverse=inverse)

    def rfft(self, axis: int) -> Term:
        return self._one(fft.rfft, axis=axis)
