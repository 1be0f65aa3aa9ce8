"""Derivatives of NumPy's and SciPy's matrix functions that are host calls, and of their transforms and convolutions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from hybrid.ir.primitive import NO_GRADIENT, Custom, Derivative, Named
from hybrid.ops import linalg as la
from hybrid.ops.library import DERIVATIVES, library
from hybrid.ops.library import __name__ as OWN
from hybrid.transforms.composing import NO_PART, arange, array, composed, eye, hosted, ones, recorded, zeros
from hybrid.transforms.libraries import enter, unwritten


def _h(a: Any) -> Any:
    """The conjugate transpose."""
    return np.conj(np.swapaxes(a, -1, -2))


# Vectors and products --------------------------------------------------------------------------------------------------------
@enter("numpy.vecdot", "numpy.linalg.vecdot")
def vecdot(x1: Any, x2: Any, axis: int = -1, **rest: Any) -> Any:
    return np.sum(np.conj(x1) * x2, axis=axis)


@enter("numpy.matvec")
def matvec(a: Any, x: Any, **rest: Any) -> Any:
    return np.matmul(a, x[..., None])[..., 0]


@enter("numpy.vecmat")
def vecmat(x: Any, a: Any, **rest: Any) -> Any:
    return np.matmul(np.conj(x)[..., None, :], a)[..., 0, :]


@enter("numpy.linalg.multi_dot")
def multi_dot(arrays: Any, *, out: Any = None) -> Any:
    return functools.reduce(np.dot, arrays)


# Norms -----------------------------------------------------------------------------------------------------------------------
@enter("numpy.linalg.norm", "scipy.linalg.norm")
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:
    axes = tuple(range(np.ndim(a))) if axis is None else axis
    if ord not in (2, -2, "nuc") or not isinstance(axes, tuple) or len(axes) != 2:
        return np.linalg.norm(a, ord, axis, keepdims)
    values = _singular(np.moveaxis(a, axes, (-2, -1)))
    out = np.sum(values, axis=-1) if ord == "nuc" else np.max(values, axis=-1) if ord == 2 else np.min(values, axis=-1)
    return np.expand_dims(out, axes) if keepdims else out


def _singular(a: Any) -> Any:
    return np.linalg.svd(a, full_matrices=False)[1]


@enter("numpy.linalg.matrix_norm")
def matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return norm(x, ord, (np.ndim(x) - 2, np.ndim(x) - 1), keepdims)


@enter("numpy.linalg.svdvals", "scipy.linalg.svdvals")
def svdvals(a: Any, *rest: Any, **how: Any) -> Any:
    return _singular(a)


@enter("numpy.linalg.cond")
def cond(x: Any, p: Any = None) -> Any:
    if p in (None, 2, -2):
        values = _singular(x)
        return values[..., 0] / values[..., -1] if p != -2 else values[..., -1] / values[..., 0]
    axes = (np.ndim(x) - 2, np.ndim(x) - 1)
    return norm(x, p, axes) * norm(np.linalg.inv(x), p, axes)


# Systems ---------------------------------------------------------------------------------------------------------------------
@enter("scipy.linalg.inv")
def inv(a: Any, *rest: Any, **how: Any) -> Any:
    return np.linalg.inv(a)


@enter("scipy.linalg.det")
def det(a: Any, *rest: Any, **how: Any) -> Any:
    return np.linalg.det(a)


@enter("scipy.linalg.solve")
def solve(a: Any, b: Any, lower: bool = False, *rest: Any, assume_a: Any = None, transposed: bool = False, **how: Any) -> Any:
    if assume_a not in (None, "gen", "general"):
        part = np.tril(a) if lower else np.triu(a)
        if assume_a in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
            off = part - part * eye(a.shape[-1])
            a = part + (np.swapaxes(off, -1, -2) if assume_a in ("sym", "symmetric") else _h(off))
        else:
            raise unwritten(f"systems of {assume_a} matrices")
    return np.linalg.solve(np.swapaxes(a, -1, -2) if transposed else a, b)


@enter("scipy.linalg.solve_triangular")
def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, *rest: Any,
                     **how: Any) -> Any:  # fmt: skip
    part = np.tril(a) if lower else np.triu(a)
    if unit_diagonal:
        unit = eye(a.shape[-1])
        part = part * (1 - unit) + unit
    part = part if trans in (0, "N") else np.swapaxes(part, -1, -2) if trans in (1, "T") else _h(part)
    return np.linalg.solve(part, b)


@enter("numpy.linalg.tensorsolve")
def tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    if axes is not None:
        a = np.moveaxis(a, axes, tuple(range(np.ndim(a) - len(axes), np.ndim(a))))
    shape = a.shape[np.ndim(b) :]
    return np.reshape(np.linalg.solve(np.reshape(a, (-1, math.prod(shape))), np.reshape(b, (-1,))), shape)


@enter("numpy.linalg.tensorinv")
def tensorinv(a: Any, ind: int = 2) -> Any:
    rows = math.prod(a.shape[:ind])
    return np.reshape(np.linalg.inv(np.reshape(a, (rows, -1))), (*a.shape[ind:], *a.shape[:ind]))


@enter("numpy.linalg.lstsq")
def lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    x = np.matmul(np.linalg.pinv(a) if rcond is None else np.linalg.pinv(a, rcond), b)
    rest = np.abs(b - np.matmul(a, x)) ** 2
    tall = a.shape[0] > a.shape[1]
    return x, np.reshape(np.sum(rest, axis=0), (-1,)) if tall else NO_PART, NO_PART, _singular(a)


@enter(f"{OWN}.solved")
def solved(a: Any, b: Any, rcond: Any) -> Any:
    x, _, rank, _ = lstsq(a, b, rcond)
    return x, rank


@enter(f"{OWN}.singular")
def singular(a: Any, b: Any, rcond: Any) -> Any:
    return _singular(a)


@enter(f"{OWN}.residuals")
def residuals(a: Any, b: Any, rcond: Any) -> Any:
    found = lstsq(a, b, rcond)[1]
    if found is NO_PART:
        raise unwritten("residuals of no more rows than columns")
    return found


@enter("scipy.linalg.lstsq")
def scipy_lstsq(a: Any, b: Any, cond: Any = None, *rest: Any, **how: Any) -> Any:
    x, residues, rank, values = lstsq(a, b)
    return x, residues if np.ndim(b) == 2 or residues is NO_PART else residues[0], rank, values


# Factors ---------------------------------------------------------------------------------------------------------------------
@enter("scipy.linalg.cholesky")
def cholesky(a: Any, lower: bool = False, *rest: Any, **how: Any) -> Any:
    factor = np.linalg.cholesky(0.5 * (a + _h(a)))
    return factor if lower else _h(factor)


@enter("scipy.linalg.cho_factor")
def cho_factor(a: Any, lower: bool = False, *rest: Any, **how: Any) -> Any:
    keep = np.tril if lower else np.triu
    return np.where(keep(ones(a.shape, bool)), cholesky(a, lower), a), NO_PART


@enter("scipy.linalg.cho_solve")
def cho_solve(given: Any, b: Any, *rest: Any, **how: Any) -> Any:
    c, lower = given
    factor = np.tril(c) if lower else _h(np.triu(c))
    return np.linalg.solve(_h(factor), np.linalg.solve(factor, b))


@enter("numpy.linalg.eigvalsh")
def eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return np.linalg.eigh(a if UPLO == "L" else _h(a))[0]


@enter("scipy.linalg.eigvalsh")
def scipy_eigvalsh(a: Any, b: Any = None, **how: Any) -> Any:
    if b is not None or how:
        raise unwritten("generalised and chosen eigenvalues")
    return np.linalg.eigh(a)[0]


def _plain(rule: Custom, *words: str) -> Named:
    """The rule of a primitive for the same factors, for calls that ask for nothing but `words`."""

    def choose(args: tuple, kwargs: tuple, **_: Any) -> Derivative:
        asked = {key: value for key, value in kwargs[1:] if value not in (("bool", 0), None)}
        plain = all(value in words for value in (*args[2:], *asked.values())) and "b" not in asked
        return Custom(_bare(rule.jvp), None if rule.vjp is None else _bare(rule.vjp)) if plain else NO_GRADIENT

    return Named(choose)


def _bare(rule: Callable) -> Callable:
    return lambda *given, **_: rule(*given)


def _thin(rule: Custom, *words: str, triangle: Derivative | None = None) -> Named:
    """That for factors that are as small as they can be; `triangle` is for R alone."""
    inner = _plain(rule, *words)

    def choose(shapes: tuple, kwargs: tuple, **params: Any) -> Derivative:
        left, right = shapes[0], shapes[-1]
        small = len(shapes) > 1 and len(right) > 1 and (left[-1] == right[-2]) and left[-1] in (left[-2], right[-1])
        thin = (small and left[-1] <= min(left[-2], right[-1])) if all(isinstance(n, int) for n in (*left, *right)) else False
        if len(shapes) == 1 and triangle is not None and ("r" in params["args"] or ("mode", "r") in kwargs):
            return triangle
        return inner.choose(kwargs=kwargs, **params) if thin else NO_GRADIENT

    return Named(choose)


_triangle = composed(lambda a, mode: np.linalg.qr(a)[1])
for _name, _rule in (
    ("eigh", _plain(cast(Custom, la.eigh.derivative), "L", "U")),
    ("qr", _thin(cast(Custom, la.qr.derivative), "economic", "complete", "full", triangle=_triangle)),
    ("svd", _thin(cast(Custom, la.svd.derivative))),
):
    DERIVATIVES.update({f"numpy.linalg.{_name}": _rule, f"scipy.linalg.{_name}": _rule})


# eig: dλ = diag(V⁻¹ dA V), dV = V·(F ∘ V⁻¹ dA V), less what would make columns longer; phases stay as they are.
def _eig_jvp(primals: tuple, tangents: tuple, y: tuple) -> tuple:
    w, v = y
    inner = v.solve(tangents[0].astype(v.dtype) @ v).astype(w.dtype)  # SciPy's vectors are real where all values are
    apart = w.expand_dims(-2) - w.expand_dims(-1)
    moved = v.astype(w.dtype) @ inner.times(la.inverse_off_diagonal(apart))
    moved = moved if v.dtype == w.dtype else moved.real
    longer = (v.conj() * moved).sum(-2).real
    return la.diagonal_of(inner), moved - v * longer.expand_dims(-2)


def _eigvals_jvp(primals: tuple, tangents: tuple, w: Any) -> Any:
    a = primals[0]
    function = f"{OWN}.complex_eig" if w.dtype.kind == "c" else "numpy.linalg.eig"  # SciPy's values are complex in any case
    params = {
        "function": function, "args": ("list", ("operand", 0, "ndarray")), "kwargs": ("dict",), "defines": (),
        "classes": ("ndarray",) * 2, "dtypes": (w.dtype,) * 2, "shapes": (w.shape, a.shape),
    }  # fmt: skip
    _, v = (a.recorder.term(atom) for atom in a.recorder.emit(library, a.atom, **params))
    return la.diagonal_of(v.solve(tangents[0].astype(v.dtype) @ v))


DERIVATIVES.update(dict.fromkeys(("numpy.linalg.eig", "scipy.linalg.eig", f"{OWN}.complex_eig"), _plain(Custom(_eig_jvp))))
DERIVATIVES.update(dict.fromkeys(("numpy.linalg.eigvals", "scipy.linalg.eigvals"), _plain(Custom(_eigvals_jvp))))


# slogdet: with t = tr(A⁻¹ dA), d log|det A| = Re t and d sign = sign·i·Im t.
def _slogdet_jvp(primals: tuple, tangents: tuple, y: tuple, **_: Any) -> tuple:
    moved = la.diagonal_of(primals[0].solve(tangents[0])).sum(-1)
    return (moved.imag.zeros().complex(moved.imag) if moved.dtype.kind == "c" else moved * 0) * y[0], moved.real


DERIVATIVES["numpy.linalg.slogdet"] = Custom(_slogdet_jvp)


# pinv, of a rank that stays: dP = -P·dA·P + P·Pᴴ·dAᴴ·(I - A·P) + (I - P·A)·dAᴴ·Pᴴ·P.
def _pinv_jvp(primals: tuple, tangents: tuple, p: Any, **_: Any) -> Any:
    a, t = primals[0], tangents[0]
    left, right = p @ (p.mH @ t.mH), (t.mH @ p.mH) @ p
    return left - left @ a @ p + right - p @ (a @ right) - p @ t @ p


DERIVATIVES.update(dict.fromkeys(("numpy.linalg.pinv", "scipy.linalg.pinv"), Custom(_pinv_jvp)))


# lu of square matrices: with M = L⁻¹·Pᵀ·dA·U⁻¹, dL = L·(M below the diagonal) and dU = (the rest of M)·U.
def _lu_jvp(primals: tuple, tangents: tuple, y: tuple) -> tuple:
    p, lower, upper = y
    moved = lower.solve(p.mT.astype(lower.dtype) @ tangents[0])
    m = upper.mT.solve(moved.mT).mT
    below = m.tril(1)
    return p.zeros(), lower @ below, (m - below) @ upper


def _square(**params: Any) -> Derivative:
    square = len({size for shape in params["shapes"] for size in shape[-2:]}) == 1
    return _plain(Custom(_lu_jvp)).choose(**params) if square else NO_GRADIENT


DERIVATIVES["scipy.linalg.lu"] = Named(_square)


# Functions of matrices: the upper right block of f([[A, dA], [0, A]]) is df.
def _expm_along(t: Any, a: Any) -> list:
    import scipy.linalg

    above, below = np.concatenate((a, t), -1), np.concatenate((np.zeros_like(a), a), -1)
    size = a.shape[-1]
    return [hosted(scipy.linalg.expm, np.concatenate((above, below), -2))[..., :size, size:]]


DERIVATIVES["scipy.linalg.expm"] = Custom(
    lambda p, t, y, **params: recorded(_expm_along, p, params, t)[0],
    lambda g, y, a, **params: recorded(lambda c, a: _expm_along(c, _h(a)), (a,), params, (g,)),
)


def _sqrtm_along(t: Any, root: Any, a: Any) -> list:
    """From X·dX + dX·X = dA, as one system of size² equations."""
    unit = eye(a.shape[-1])
    system = np.kron(root, unit) + np.kron(unit, root.T)
    return [np.reshape(np.linalg.solve(system, np.reshape(t, (-1,)).astype(root.dtype)), a.shape)]


DERIVATIVES["scipy.linalg.sqrtm"] = Custom(lambda p, t, y, **params: recorded(_sqrtm_along, p, params, (*t, y))[0])


# solve_banded: row u + i - j of the bands is A's diagonal i - j.
def _banded_product(size: tuple, bands: Any, x: Any) -> Any:
    below, above = size
    total: Any = None
    for row in range(below + above + 1):
        part = _along_rows(bands[row][:, None] * np.reshape(x, (x.shape[0], -1)), row - above)
        total = part if total is None else total + part
    return np.reshape(total, x.shape)


def _along_rows(x: Any, by: int) -> Any:
    """x with its rows moved down, zeros after them."""
    count = x.shape[0]
    if by == 0:
        return x
    none = zeros((min(abs(by), count), *x.shape[1:]), x.dtype)
    return np.concatenate((none, x[: max(count - by, 0)])) if by > 0 else np.concatenate((x[-by:], none))


def _banded(size: tuple, bands: Any, b: Any) -> Any:
    import scipy.linalg

    return hosted(scipy.linalg.solve_banded, size, bands, b)


def _banded_along(tb: Any, tx: Any, y: Any, size: tuple, bands: Any, b: Any, **how: Any) -> list:
    return [_banded(size, bands, tx - _banded_product(size, tb, y))]


def _banded_back(g: Any, y: Any, size: tuple, bands: Any, b: Any, **how: Any) -> list:
    below, above = size
    turned = np.stack([_along_rows(np.conj(bands[row]), row - above) for row in range(below + above, -1, -1)])
    db = _banded((above, below), turned, g)
    wide, known = np.reshape(db, (db.shape[0], -1)), np.conj(np.reshape(y, (y.shape[0], -1)))
    rows = [np.sum(_along_rows(wide, above - row) * known, axis=1) for row in range(below + above + 1)]
    return [-np.stack(rows), db]


DERIVATIVES["scipy.linalg.solve_banded"] = Custom(
    lambda p, t, y, **params: recorded(_banded_along, p, params, (*t, y))[0],
    lambda g, y, *xs, **params: recorded(_banded_back, xs, params, (g, y)),
)


# Transforms ------------------------------------------------------------------------------------------------------------------
def _spread(x: Any, s: Any, axes: Any) -> tuple[tuple, tuple]:
    axes = tuple(range(np.ndim(x)))[-len(s) if s is not None else 0 :] if axes is None else tuple(axes)
    return axes, tuple(x.shape[a] for a in axes) if s is None else tuple(s)


@enter("numpy.fft.rfftn")
def rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    axes, s = _spread(a, s, axes)
    a = np.fft.rfft(a, s[-1], axes[-1], norm)
    for axis, size in zip(axes[:-1], s[:-1]):
        a = np.fft.fft(a, size, axis, norm)
    return a


@enter("numpy.fft.irfftn")
def irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    known = s is not None
    axes, s = _spread(a, s, axes)
    for axis, size in zip(axes[:-1], s[:-1]):
        a = np.fft.ifft(a, size, axis, norm)
    return np.fft.irfft(a, s[-1] if known else 2 * (s[-1] - 1), axes[-1], norm)


@enter("numpy.fft.rfft2")
def rfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    return rfftn(a, s, axes, norm)


@enter("numpy.fft.irfft2")
def irfft2(a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: Any = None) -> Any:
    return irfftn(a, s, axes, norm)


_OTHER: dict[Any, Any] = {None: "forward", "backward": "forward", "ortho": "ortho", "forward": None}


@enter("numpy.fft.hfft")
def hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    return np.fft.irfft(np.conj(a), 2 * (a.shape[axis] - 1) if n is None else n, axis, _OTHER[norm])


@enter("numpy.fft.ihfft")
def ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    return np.conj(np.fft.rfft(a, n, axis, _OTHER[norm]))


def _as_numpys(function: Callable) -> Callable:
    """SciPy's function, which is told how to compute besides."""
    return lambda x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, **plan: function(x, n, axis, norm)


def _as_numpys_along(function: Callable, axes: Any) -> Callable:
    default = axes

    def call(x: Any, s: Any = None, axes: Any = default, norm: Any = None, overwrite_x: bool = False, workers: Any = None,
             **plan: Any) -> Any:  # fmt: skip
        axes, s = _spread(x, s, axes)
        return function(x, s, axes, norm)

    return call


for _name in ("fft", "ifft", "rfft", "irfft"):
    enter(f"scipy.fft.{_name}")(_as_numpys(getattr(np.fft, _name)))
for _name in ("fft", "ifft", "rfft"):
    _form = rfftn if _name == "rfft" else getattr(np.fft, f"{_name}n")
    enter(f"scipy.fft.{_name}n")(_as_numpys_along(_form, None))
    enter(f"scipy.fft.{_name}2")(_as_numpys_along(_form, (-2, -1)))
enter("scipy.fft.irfftn")(lambda x, s=None, axes=None, norm=None, *how, **plan: irfftn(x, s, axes, norm))
enter("scipy.fft.irfft2")(lambda x, s=None, axes=(-2, -1), norm=None, *how, **plan: irfftn(x, s, axes, norm))


# Convolutions, as products of transforms -------------------------------------------------------------------------------------
@enter("scipy.signal.convolve", "scipy.signal.fftconvolve", "scipy.signal.convolve2d")
def convolve(a: Any, b: Any, mode: str = "full", *rest: Any, axes: Any = None, boundary: str = "fill", fillvalue: Any = 0,
             **how: Any) -> Any:  # fmt: skip
    if (rest and rest[0] not in ("auto", "direct", "fft", "fill")) or axes is not None or boundary != "fill" or fillvalue:
        raise unwritten("convolutions along some axes, or of what is continued at its edges,")
    if mode == "valid" and any(n < m for n, m in zip(a.shape, b.shape)):
        a, b = b, a
    full = tuple(n + m - 1 for n, m in zip(a.shape, b.shape))
    real = not (np.iscomplexobj(a) or np.iscomplexobj(b))
    to, back = (rfftn, irfftn) if real else (np.fft.fftn, np.fft.ifftn)
    axes = tuple(range(np.ndim(a)))
    out = back(to(a, full, axes) * to(b, full, axes), full, axes)
    sizes = {"full": full, "same": a.shape, "valid": tuple(n - m + 1 for n, m in zip(a.shape, b.shape))}[mode]
    return out[tuple(slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(full, sizes))]


@enter("scipy.signal.correlate", "scipy.signal.correlate2d")
def correlate(a: Any, b: Any, mode: str = "full", *rest: Any, **how: Any) -> Any:
    if mode == "valid" and any(n < m for n, m in zip(a.shape, b.shape)):
        raise unwritten("correlations with a longer second operand")
    return convolve(a, np.conj(b[(slice(None, None, -1),) * np.ndim(b)]), mode, *rest, **how)


@enter("scipy.signal.detrend")
def detrend(data: Any, axis: int = -1, type: str = "linear", bp: Any = 0, overwrite_data: bool = False) -> Any:
    if not (isinstance(bp, int) and bp == 0):
        raise unwritten("trends in pieces")
    x = np.moveaxis(data, axis, -1)
    size = x.shape[-1]
    flat = x - np.mean(x, axis=-1, keepdims=True)
    if type == "linear":
        slope = arange(size) - (size - 1) / 2
        flat = flat - np.sum(flat * slope, axis=-1, keepdims=True) / np.sum(slope * slope) * slope
    return np.moveaxis(flat, -1, axis)


@enter("scipy.signal.hilbert")
def hilbert(x: Any, N: Any = None, axis: int = -1) -> Any:
    size = x.shape[axis] if N is None else N
    at = arange(size)
    weight = np.where((at == 0) | (2 * at == size), 1.0, np.where(2 * at < size, 2.0, 0.0))
    shape = tuple(-1 if a == axis % np.ndim(x) else 1 for a in range(np.ndim(x)))
    return np.fft.ifft(np.fft.fft(x, size, axis) * np.reshape(weight, shape), None, axis)


# lfilter: a ∗ y = b ∗ x, so a ∗ dy = db ∗ x + b ∗ dx - da ∗ y; backward the filter 1/a runs from the end.
def _late(x: Any, by: int) -> Any:
    """x later by some places along the last axis, zeros before it."""
    if by == 0:
        return x
    lead, count = x.shape[:-1], x.shape[-1]
    return np.concatenate((zeros((*lead, min(by, count)), x.dtype), x[..., : max(count - by, 0)]), -1)


def _run(weights: Any, x: Any) -> Any:
    """weights ∗ x, as long as x."""
    return functools.reduce(lambda total, k: total + weights[k] * _late(x, k), range(1, weights.shape[0]), weights[0] * x)


def _poles(a: Any, x: Any) -> Any:
    import scipy.signal

    return hosted(scipy.signal.lfilter, ones(1), a, x)


def _lfilter(axis: int, zi: Any) -> None:
    if zi is not None or axis != -1:
        raise unwritten("filters with a state or along another axis than the last")


def _lfilter_along(tangents: tuple, y: Any, b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> list:
    _lfilter(axis, zi)
    tb, ta, tx = tangents
    moved = 0.0 if tx is None else _run(array(b), tx)
    moved = moved if tb is None else moved + _run(tb, array(x))
    moved = moved if ta is None else moved - _run(ta, y)
    return [_poles(array(a), moved)]


def _lfilter_back(wanted: tuple, g: Any, y: Any, b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> list:
    _lfilter(axis, zi)
    b, a, x = array(b), array(a), array(x)
    back = _poles(np.conj(a), g[..., ::-1])
    late = back[..., ::-1]

    def weights(count: int, signal: Any) -> Any:
        return np.stack([np.sum(late * np.conj(_late(signal, k))) for k in range(count)])

    made = (
        lambda: weights(b.shape[0], x),
        lambda: -weights(a.shape[0], y),
        lambda: _run(np.conj(b), back)[..., ::-1],
    )
    return [make() for make, has in zip(made, wanted) if has]


def _places(params: dict) -> list[int | None]:
    """Of the three arguments of lfilter: which operand each is."""
    given = [*params["args"][1:], *(dict(params["kwargs"][1:]).get(name) for name in ("b", "a", "x"))][:3]
    return [part[1] if isinstance(part, tuple) and part[0] == "operand" else None for part in given]


def _lfilter_jvp(primals: tuple, tangents: tuple, y: Any, **params: Any) -> Any:
    places = _places(params)
    there = [k for k in places if k is not None]

    def along(*given: Any, **how: Any) -> list:
        moved = iter(given[: len(there)])
        return _lfilter_along(tuple(None if k is None else next(moved) for k in places), *given[len(there) :], **how)

    return recorded(along, primals, params, (*(tangents[k] for k in there), y))[0]


def _lfilter_vjp(g: Any, y: Any, *xs: Any, **params: Any) -> list:
    places = _places(params)
    wanted = tuple(k is not None for k in places)
    made = iter(recorded(functools.partial(_lfilter_back, wanted), xs, params, (g, y)))
    found = {k: next(made) for k in places if k is not None}
    return [found.get(k) for k in range(len(xs))]


DERIVATIVES["scipy.signal.lfilter"] = Custom(_lfilter_jvp, _lfilter_vjp)
