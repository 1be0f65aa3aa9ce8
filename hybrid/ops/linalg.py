"""Dense linear algebra through LAPACK, on matrices in the last two axes. Derivatives as in Giles (2008)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError, ShapeError, TraceError
from hybrid.core.shape import Dim, Size, TensorType
from hybrid.ir.primitive import NO_GRADIENT, Custom, Derivative, Kind, Primitive, Sample, register
from hybrid.ops.family import IN_FRONT, draw

_DTYPES = (dt.float32, dt.float64)
SMALL = 16  # 4 rows in a kernel take 0.05 µs, NumPy's call 4.6; where they meet was not measured


def _matrix(name: str, a: TensorType, square: bool = True) -> None:
    if a.dtype not in (*_DTYPES, *dt.COMPLEX):
        raise DTypeError(f"{name} takes float32, float64 or complex matrices", got=a)
    if a.ndim < 2 or (square and a.shape[-1] != a.shape[-2]):
        raise ShapeError(f"{name} takes {'square ' if square else ''}matrices", got=a)


def _is_small(*types: TensorType) -> bool:
    """Whether loops are done before NumPy has begun."""
    return all(t.ndim == 2 and all(isinstance(size, int) and 0 < size <= SMALL for size in t.shape) for t in types)


def _row(name: str, evaluate: Callable, infer: Callable, derivative: Derivative, reason: str, sample: Callable,
         body: str | None = None) -> Primitive:  # fmt: skip
    def samples(rng: np.random.Generator) -> list[Sample]:
        return [((sample(rng, dtype),), {}) for dtype in _DTYPES]

    return register(Primitive(
        name, Kind.OPAQUE, evaluate, infer, derivative, samples, body=body, reason=reason, lowers=_is_small, raises=True,
        batch=IN_FRONT,
    ))  # fmt: skip


# solve -------------------------------------------------------------------------------------------------------------------
def _infer_solve(a: TensorType, b: TensorType) -> TensorType:
    _matrix("solve", a)
    if b.dtype != a.dtype or b.shape[:-1] != a.shape[:-1]:
        raise ShapeError(
            "solve needs right-hand sides that fit the matrix", got=f"{a}, {b}", expected=f"{(*a.shape[:-1], 'k')}"
        )
    return b


def _sample_solve(rng: np.random.Generator) -> list[Sample]:
    return [((_regular(rng, dtype), draw(rng, dtype, (2, 3, 2))), {}) for dtype in _DTYPES]


def _regular(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    return draw(rng, dtype, (2, 3, 3)) + 8 * np.eye(3, dtype=dtype)


def _solve_jvp(primals: tuple, tangents: tuple, y: Any) -> Any:
    return primals[0].solve(tangents[1] - tangents[0] @ y)


def _solve_vjp(g: Any, y: Any, a: Any, b: Any) -> tuple:
    db = a.mT.conj().solve(g)
    return -(db @ y.mT.conj()), db


def _batch_solve(size: Size, mapped: tuple[bool, ...], a: Any, b: Any) -> Any:
    if not mapped[0] and a.ndim == 2:  # one matrix is factored once, whatever the number of right-hand sides
        _, rows, columns = b.shape
        side = b.transpose((1, 0, 2)).reshape((rows, size * columns))
        return a.solve(side).reshape((rows, size, columns)).transpose((1, 0, 2))
    a, b = (x if has else x.broadcast_to((size, *x.shape)) for x, has in zip((a, b), mapped))
    return a.solve(b)


solve = register(
    Primitive(
        "solve",
        Kind.OPAQUE,
        lambda a, b: np.linalg.solve(a, b),
        _infer_solve,
        Custom(_solve_jvp, _solve_vjp),
        _sample_solve,
        body="solve",
        reason="LAPACK gesv",
        lowers=_is_small,
        raises=True,
        batch=_batch_solve,
    )
)


# det: d det(A) = det(A)·tr(A⁻¹ dA) ----------------------------------------------------------------------------------------
def _infer_det(a: TensorType) -> TensorType:
    _matrix("det", a)
    return TensorType(a.dtype, a.shape[:-2])


def _det_jvp(primals: tuple, tangents: tuple, y: Any) -> Any:
    return y * _trace(primals[0].solve(tangents[0]))


def _trace(a: Any) -> Any:
    return (a * a.eye_like()).sum((-2, -1))


def _det_vjp(g: Any, y: Any, a: Any) -> tuple:
    return ((g * y).expand_dims((-2, -1)) * a.mT.solve(a.eye_like()),)


det = _row("det", lambda a: np.asarray(np.linalg.det(a)), _infer_det, Custom(_det_jvp, _det_vjp), "LAPACK getrf", _regular,
           "det")  # fmt: skip


# cholesky: with P = L⁻¹ dA L⁻ᵀ and Φ its lower triangle with half the diagonal, dL = L·Φ(P) --------------------------------
def _infer_cholesky(a: TensorType) -> TensorType:
    _matrix("cholesky", a)
    return a


def _positive(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    a = draw(rng, dtype, (2, 3, 3))
    return (a @ a.mT + 4 * np.eye(3)).astype(dtype)


def _lower_half(p: Any) -> Any:
    return p.tril() - 0.5 * p * p.eye_like()


def _cholesky_jvp(primals: tuple, tangents: tuple, y: Any) -> Any:
    symmetric = 0.5 * (tangents[0] + tangents[0].mT)
    return y @ _lower_half(y.solve(y.solve(symmetric).mT))


def _cholesky_vjp(g: Any, y: Any, a: Any) -> tuple:
    p = _lower_half(y.mT @ g)
    s = y.mT.solve(y.mT.solve(p + p.mT).mT)
    return (0.25 * (s + s.mT),)


cholesky = _row(
    "cholesky", np.linalg.cholesky, _infer_cholesky, Custom(_cholesky_jvp, _cholesky_vjp), "LAPACK potrf", _positive, "cholesky"
)


# eigh: with F_ij = 1/(λ_j - λ_i) off the diagonal, dλ = diag(VᵀdA V), dV = V·(F ∘ VᵀdA V) ----------------------------------
def _infer_eigh(a: TensorType) -> tuple[TensorType, TensorType]:
    _matrix("eigh", a)
    return TensorType(dt.real_of(a.dtype), a.shape[:-1]), a


def _symmetric(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    a = draw(rng, dtype, (2, 3, 3))
    return (a + a.mT + np.diag([0, 10, 20])).astype(dtype)


def _gaps(w: Any, v: Any) -> Any:
    apart = w.expand_dims(-2) - w.expand_dims(-1)
    return (1 - v.eye_like()) / (apart + v.eye_like())


def _eigh_jvp(primals: tuple, tangents: tuple, y: tuple) -> tuple:
    w, v = y
    inner = v.mT @ (0.5 * (tangents[0] + tangents[0].mT)) @ v
    return (inner * v.eye_like()).sum(-1), v @ (_gaps(w, v) * inner)


def _eigh_vjp(g: tuple, y: tuple, a: Any) -> tuple:
    w, v = y
    inner = g[0].expand_dims(-1) * v.eye_like() + _gaps(w, v) * (v.mT @ g[1])
    da = v @ inner @ v.mT
    return (0.5 * (da + da.mT),)


eigh = _row("eigh", lambda a: tuple(np.linalg.eigh(a)), _infer_eigh, Custom(_eigh_jvp, _eigh_vjp), "LAPACK syevd", _symmetric)


# qr and svd ----------------------------------------------------------------------------------------------------------------
def _least(m: Size, n: Size) -> Size:
    """The smaller of two sizes, where their difference is a number."""
    if m == n:
        return m
    apart = m - n
    if isinstance(apart, Dim):
        raise TraceError("a matrix is taken apart of which only a run knows whether it has more rows or columns")
    return m if apart < 0 else n


def _infer_qr(a: TensorType) -> tuple[TensorType, TensorType]:
    _matrix("qr", a, square=False)
    *lead, m, n = a.shape
    k = _least(m, n)
    return TensorType(a.dtype, (*lead, m, k)), TensorType(a.dtype, (*lead, k, n))


def _infer_svd(a: TensorType) -> tuple[TensorType, TensorType, TensorType]:
    _matrix("svd", a, square=False)
    *lead, m, n = a.shape
    k = _least(m, n)
    parts = TensorType(a.dtype, (*lead, m, k)), TensorType(dt.real_of(a.dtype), (*lead, k)), TensorType(a.dtype, (*lead, k, n))
    return parts


def _tall(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    return draw(rng, dtype, (2, 4, 3))


# Both are unique only up to signs and have no derivative where values coincide; differentiate through eigh or solve.
qr = _row("qr", lambda a: tuple(np.linalg.qr(a)), _infer_qr, NO_GRADIENT, "LAPACK geqrf", _tall)
svd = _row("svd", lambda a: tuple(np.linalg.svd(a, full_matrices=False)), _infer_svd, NO_GRADIENT, "LAPACK gesdd", _tall)
