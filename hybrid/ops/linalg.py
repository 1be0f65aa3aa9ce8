"""Dense linear algebra through LAPACK, on matrices in the last two axes. Derivatives as in Giles (2008)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npyloops
from hybrid.core.errors import DTypeError, ShapeError, TraceError
from hybrid.core.npylinalg import SMALL
from hybrid.core.shape import Dim, Size, TensorType
from hybrid.ir.primitive import ZERO_GRADIENT, Custom, Derivative, Kind, Primitive, Sample, register
from hybrid.ops.family import IN_FRONT, draw

_DTYPES = (dt.float32, dt.float64)


def _matrix(name: str, a: TensorType, square: bool = True) -> None:
    if a.dtype not in (*_DTYPES, *dt.COMPLEX):
        raise DTypeError(f"{name} takes float32, float64 or complex matrices", got=a)
    if a.ndim < 2 or (square and a.shape[-1] != a.shape[-2]):
        raise ShapeError(f"{name} takes {'square ' if square else ''}matrices", got=a)


def _lent(*names: str, small: bool = False) -> dict[str, Any]:
    """How an operation lowers that NumPy's loops of these names compute, and loops of ours for small single matrices."""

    def here(*types: TensorType) -> bool:
        found = (npyloops.loop("linalg", name, npyloops.wide(types[0].dtype)) for name in names)
        return all(0 not in t.shape for t in types) and None not in found

    def lowers(*types: TensorType) -> bool:
        ours = small and all(t.ndim == 2 and 0 not in t.shape and not dt.is_complex(t.dtype) for t in types)
        return ours or here(*types)

    def limits(*types: TensorType) -> list[tuple[Size, int]]:
        return [] if here(*types) else [(size, SMALL) for t in types for size in t.shape]

    return {"lowers": lowers, "limits": limits, "with_complex": True}


def _row(name: str, evaluate: Callable, infer: Callable, derivative: Derivative, reason: str, sample: Callable,
         samples: tuple[Callable, ...] = (), raises: bool = True, **lowered: Any) -> Primitive:  # fmt: skip
    def sampled(rng: np.random.Generator) -> list[Sample]:
        cases: list[Sample] = [((sample(rng, dtype),), {}) for dtype in (*_DTYPES, dt.complex128)]
        return cases + [((more(rng, dt.float64),), {}) for more in samples]

    return register(Primitive(
        name, Kind.OPAQUE, evaluate, infer, derivative, sampled, body=name, reason=reason, raises=raises, batch=IN_FRONT,
        **lowered,
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
    return [((_regular(rng, dtype), draw(rng, dtype, (2, 3, 2))), {}) for dtype in (*_DTYPES, dt.complex128)]


def _regular(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    return draw(rng, dtype, (2, 3, 3)) + 8 * np.eye(3, dtype=dtype)


def _solve_jvp(primals: tuple, tangents: tuple, y: Any) -> Any:
    return primals[0].solve(tangents[1] - tangents[0] @ y)


def _solve_vjp(g: Any, y: Any, a: Any, b: Any) -> tuple:
    db = a.mH.solve(g)
    return -(db @ y.mH), db


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
        raises=True,
        batch=_batch_solve,
        **_lent("solve", small=True),
    )
)


# det: d det(A) = det(A)·tr(A⁻¹ dA) ----------------------------------------------------------------------------------------
def _infer_det(a: TensorType) -> TensorType:
    _matrix("det", a)
    return TensorType(a.dtype, a.shape[:-2])


# d det(A) = Σ C·dA with the cofactors C, which are det(A)·A⁻ᵀ, or of a singular matrix the determinants of what is left
# without a row and a column; of large ones, with A = U·S·Vᴴ, det(U)·det(Vᴴ)·conj(U)·C(S)·conj(Vᴴ).
MINORS = 32  # rows, of which the minors take 8 MB


def _cofactors(a: Any, y: Any) -> Any:
    def regular(a: Any, y: Any) -> Any:
        return y.expand_dims((-2, -1)) * a.mT.solve(a.eye_like().broadcast_to(a.shape))

    def singular(a: Any, y: Any) -> Any:
        size, rank = a.shape[-1], a.ndim
        if isinstance(size, int) and size <= MINORS:
            return _minors(a)
        u, s, vh = a.svd()
        others = s.cumprod(rank - 2).shifted(rank - 2, 1) * s.flip(rank - 2).cumprod(rank - 2).shifted(rank - 2, 1).flip(
            rank - 2
        )
        sign = (u.det() * vh.det()).expand_dims((-2, -1))
        return sign * (u.conj() @ (vh.conj() * others.expand_dims(-1)))

    return (y == 0).any().branch(singular, regular, a, y)


def _minors(a: Any) -> Any:
    size, rank = a.shape[-1], a.ndim
    gone, place = (a.places(axis, (size, size - 1)) for axis in (0, 1))
    left = place + (place >= gone).astype(dt.int64)
    parts = a.take(left, rank - 2).take(left, rank)  # …, row left out, rows, column left out, columns
    lead = tuple(range(rank - 2))
    sign = 1 - (a.places(rank - 2, a.shape) + a.places(rank - 1, a.shape)) % 2 * 2
    return parts.transpose((*lead, rank - 2, rank, rank - 1, rank + 1)).det() * sign.astype(a.dtype)


def _det_jvp(primals: tuple, tangents: tuple, y: Any) -> Any:
    return (_cofactors(primals[0], y) * tangents[0]).sum((-2, -1))


def _det_vjp(g: Any, y: Any, a: Any) -> tuple:
    return (g.expand_dims((-2, -1)) * _cofactors(a, y).conj(),)


det = _row("det", lambda a: np.asarray(np.linalg.det(a)), _infer_det, Custom(_det_jvp, _det_vjp), "LAPACK getrf", _regular,
           raises=False, **_lent("det", small=True))  # fmt: skip


# cholesky: with P = L⁻¹ dA L⁻ᴴ and Φ its lower triangle with half the diagonal, dL = L·Φ(P); dA is what is Hermitian in it ----
def _infer_cholesky(a: TensorType) -> TensorType:
    _matrix("cholesky", a)
    return a


def _positive(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    a = draw(rng, dtype, (2, 3, 3))
    return (a @ a.mT.conj() + 4 * np.eye(3)).astype(dtype)


def _lower_half(p: Any) -> Any:
    return p.tril() - 0.5 * p * p.eye_like()


def _hermitian(a: Any) -> Any:
    return 0.5 * (a + a.mH)


def _cholesky_jvp(primals: tuple, tangents: tuple, y: Any) -> Any:
    return y @ _lower_half(y.solve(y.solve(_hermitian(tangents[0])).mH))


def _cholesky_vjp(g: Any, y: Any, a: Any) -> tuple:
    p = _hermitian(_lower_half(y.mH @ g))
    return (y.mH.solve(y.mH.solve(p).mH),)


cholesky = _row(
    "cholesky",
    np.linalg.cholesky,
    _infer_cholesky,
    Custom(_cholesky_jvp, _cholesky_vjp),
    "LAPACK potrf",
    _positive,
    **_lent("cholesky_lo", small=True),
)


# eigh: with F_ij = 1/(λ_j - λ_i), dλ = diag(Vᴴ dA V), dV = V·(F ∘ Vᴴ dA V). Where eigenvalues are equal vectors have no
# derivative, which is then infinite, unless nobody asks for them. Phases of vectors stay as they are ------------------------
def _infer_eigh(a: TensorType) -> tuple[TensorType, TensorType]:
    _matrix("eigh", a)
    return TensorType(dt.real_of(a.dtype), a.shape[:-1]), a


def _symmetric(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    a = draw(rng, dtype, (2, 3, 3))
    return (a + a.mT.conj() + np.diag([0, 10, 20])).astype(dtype)


def inverse_off_diagonal(apart: Any) -> Any:
    """1/x off the diagonal, on it 0."""
    eye = apart.eye_like()
    return (1 - eye) / (apart + eye)


def _gaps(w: Any) -> Any:
    return inverse_off_diagonal(w.expand_dims(-2) - w.expand_dims(-1))


def diagonal_of(a: Any) -> Any:
    return (a * a.eye_like()).sum(-1)


def _eigh_jvp(primals: tuple, tangents: tuple, y: tuple) -> tuple:
    w, v = y
    inner = v.mH @ _hermitian(tangents[0]) @ v
    return diagonal_of(inner).real, v @ inner.times(_gaps(w))


def _eigh_vjp(g: tuple, y: tuple, a: Any) -> tuple:
    w, v = y
    inner = g[0].expand_dims(-1) * v.eye_like() + (v.mH @ g[1]).times(_gaps(w))
    return (_hermitian(v @ inner @ v.mH),)


eigh = _row("eigh", lambda a: tuple(np.linalg.eigh(a)), _infer_eigh, Custom(_eigh_jvp, _eigh_vjp), "LAPACK syevd", _symmetric,
            **_lent("eigh_lo"))  # fmt: skip


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


# qr: with M = Qᴴ dA R⁻¹ and Ω the skew-Hermitian matrix with its lower triangle, dQ = Q·Ω + (I - Q·Qᴴ)·dA·R⁻¹ and
# dR = (M - Ω)·R. Of a wide A = [X Y] these are for X, and the rest of R is QᴴY. The first columns must be independent.
def _qr_jvp(primals: tuple, tangents: tuple, y: tuple) -> tuple:
    (a,), (t,), (q, r) = primals, tangents, y
    if r.shape[-1] == r.shape[-2]:
        return _tall_qr_jvp(t, q, r)
    size = r.shape[-2]
    dq, du = _tall_qr_jvp(t.columns(0, size), q, r.columns(0, size))
    rest = r.shape[-1] - size
    return dq, du.beside(dq.mH @ a.columns(size, rest) + q.mH @ t.columns(size, rest))


def _tall_qr_jvp(t: Any, q: Any, r: Any) -> tuple:
    right = r.mT.solve(t.mT).mT
    m = q.mH @ right
    lower = m.tril(1)
    skew = lower - lower.mH + (m - m.real) * m.eye_like()
    return q @ (skew - m) + right, (m - skew) @ r


# svd: with D = Uᴴ dA V and F_ij = 1/(s_j² - s_i²), ds = diag(D), dU = U·(F ∘ (D·S + S·Dᴴ) + (D - Dᴴ)·S⁻¹/2 on the diagonal)
# plus (I - U·Uᴴ)·dA·V·S⁻¹ of a tall matrix, and dV with Dᴴ for D. Where singular values are equal, or zero, only they have a
# derivative.
def _svd_jvp(primals: tuple, tangents: tuple, y: tuple) -> tuple:
    (t,), (u, s, vh) = tangents, y
    v, row, column = vh.mH, s.expand_dims(-2), s.expand_dims(-1)
    d = u.mH @ t @ v
    f = inverse_off_diagonal((row + column) * (row - column))
    scaled, other = d * row, column * d
    phase = (0.5 * (d - d.mH) * d.eye_like()).times(1 / row)
    du = u @ ((scaled + scaled.mH).times(f) + phase)
    dv = v @ (other + other.mH).times(f)
    if u.shape[-2] != u.shape[-1]:
        moved = t @ v
        du = du + (moved - u @ (u.mH @ moved)).times(1 / row)
    if v.shape[-2] != v.shape[-1]:
        moved = t.mH @ u
        dv = dv + (moved - v @ (vh @ moved)).times(1 / row)
    return du, diagonal_of(d).real, dv.mH


def _wide(rng: np.random.Generator, dtype: np.dtype) -> np.ndarray:
    return draw(rng, dtype, (3, 4))


qr = _row(
    "qr",
    lambda a: tuple(np.linalg.qr(a)),
    _infer_qr,
    Custom(_qr_jvp),
    "LAPACK geqrf",
    _tall,
    samples=(_wide, _regular),
    **_lent("qr_r_raw", "qr_reduced"),
)
svd = _row("svd", lambda a: tuple(np.linalg.svd(a, full_matrices=False)), _infer_svd, Custom(_svd_jvp), "LAPACK gesdd", _tall,
           samples=(_wide, _regular), **_lent("svd_s"))  # fmt: skip


# Whether a real matrix has a factorisation: what solve and inv, and cholesky, raise an error without. ------------------------
def _infer_factored(a: TensorType) -> TensorType:
    _matrix("a factorisation", a)
    return TensorType(dt.bool_, ())


def _is_factored(factor: Callable) -> Callable:
    def evaluate(a: np.ndarray) -> np.ndarray:
        try:
            factor(a)
        except np.linalg.LinAlgError:
            return np.asarray(False)
        return np.asarray(True)

    return evaluate


def _factored(name: str, factor: Callable, loop: str, reason: str) -> Primitive:
    def sample(rng: np.random.Generator) -> list[Sample]:
        a = rng.normal(size=(3, 3))
        most = rng.normal(size=(20, 20))
        cases = (a @ a.T + np.eye(3), -np.eye(2, dtype=np.float32), np.ones((3, 3)), most @ most.T, np.ones((20, 20)))
        return [((case,), {}) for case in cases]

    lowered = _lent(loop, small=True)
    return register(Primitive(
        name, Kind.OPAQUE, _is_factored(factor), _infer_factored, ZERO_GRADIENT, sample, body=name, reason=reason,
        lowers=lambda a: a.ndim == 2 and not dt.is_complex(a.dtype) and lowered["lowers"](a), limits=lowered["limits"],
    ))  # fmt: skip


regular = _factored("regular", np.linalg.inv, "slogdet", "LAPACK getrf")
definite = _factored("definite", np.linalg.cholesky, "cholesky_lo", "LAPACK potrf")
