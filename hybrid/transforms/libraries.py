"""Derivatives of NumPy's and SciPy's functions that are host calls: written in NumPy with operations that have derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core.errors import TraceError
from hybrid.ops.library import DERIVATIVES, function_of
from hybrid.ops.library import __name__ as OWN
from hybrid.ops.library import written as writes
from hybrid.transforms.composing import arange, array, composed, hosted, ones, zeros

MOST_AT = 64  # elements that `ufunc.at` may name: its derivative writes them out


def enter(*names: str) -> Callable:
    """Say what functions of these names do, in other functions: the derivative is that of it."""

    def keep(function: Callable) -> Callable:
        DERIVATIVES.update(dict.fromkeys(names, composed(function)))
        return function

    return keep


# Statistics ---------------------------------------------------------------------------------------------------------------
@enter("numpy.cov")
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None,
        aweights: Any = None) -> Any:  # fmt: skip
    x = _observations(m, rowvar)
    x = x if y is None else np.concatenate((x, _observations(y, rowvar)), 0)
    ddof = ddof if ddof is not None else 0 if bias else 1
    w = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    if w is None:
        centred = x - np.mean(x, axis=1, keepdims=True)
        return np.squeeze(centred @ np.conj(centred.T) / (x.shape[1] - ddof))
    total = np.sum(w)
    squares = total if aweights is None or ddof == 0 else np.sum(w * aweights)
    centred = x - (np.sum(x * w, axis=1) / total)[:, None]
    return np.squeeze(centred @ np.conj((centred * w).T) / (total - ddof * squares / total if ddof else total))


def _observations(m: Any, rowvar: bool) -> Any:
    m = array(m) if np.ndim(m) == 2 else np.reshape(m, (1, -1))
    return m if rowvar or m.shape[0] == 1 else m.T


@enter("numpy.corrcoef")
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, **rest: Any) -> Any:
    c = cov(x, y, rowvar)
    if np.ndim(c) == 0:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    return c / deviation[:, None] / deviation[None, :]


@enter("numpy.nanvar")
def nanvar(a: Any, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    there = ~np.isnan(a)
    count = np.sum(there, axis=axis, keepdims=True)
    filled = np.where(there, a, 0.0)
    centred = np.where(there, filled - np.sum(filled, axis=axis, keepdims=True) / count, 0.0)
    return np.sum(np.abs(centred) ** 2, axis=axis, keepdims=keepdims) / (np.sum(there, axis=axis, keepdims=keepdims) - ddof)


@enter("numpy.nanstd")
def nanstd(a: Any, **how: Any) -> Any:
    return _root(nanvar(a, **how))


def _root(x: Any) -> Any:
    """The square root, flat at zero."""
    return np.where(x == 0, 0.0, np.sqrt(x))


def _last(x: Any, axis: Any) -> Any:
    """x with the axes that are reduced as its last one."""
    axes = tuple(range(np.ndim(x))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(a % np.ndim(x) for a in axes)
    kept = tuple(a for a in range(np.ndim(x)) if a not in axes)
    return np.reshape(np.transpose(x, (*kept, *axes)), (*(x.shape[a] for a in kept), math.prod(x.shape[a] for a in axes)))


def _nanquantile(a: Any, q: Any, axis: Any) -> Any:
    """With linear interpolation, of numbers before which NaN are sorted behind."""
    line = np.sort(_last(a, axis), axis=-1)
    count = np.sum(~np.isnan(line), axis=-1)
    place = q * (count - 1)
    low = np.clip(np.floor(place).astype(np.int64), 0, None)
    high = np.clip(np.minimum(low + 1, count - 1), 0, None)
    at = [np.take_along_axis(line, k[..., None], -1)[..., 0] for k in (low, high)]
    return at[0] + (at[1] - at[0]) * (place - low)


def _quantiles(a: Any, q: Any, axis: Any, scale: float, rest: dict) -> Any:
    if rest.pop("keepdims", False) or rest.pop("method", "linear") != "linear" or any(x is not None for x in rest.values()):
        raise unwritten("other ways to interpolate, or keepdims")
    if np.ndim(q) == 0:
        return _nanquantile(a, array(q) / scale, axis)
    return np.stack([_nanquantile(a, array(q)[k] / scale, axis) for k in range(len(q))])


@enter("numpy.nanquantile")
def nanquantile(a: Any, q: Any, axis: Any = None, **rest: Any) -> Any:
    return _quantiles(a, q, axis, 1.0, rest)


@enter("numpy.nanpercentile")
def nanpercentile(a: Any, q: Any, axis: Any = None, **rest: Any) -> Any:
    return _quantiles(a, q, axis, 100.0, rest)


@enter("numpy.nanmedian")
def nanmedian(a: Any, axis: Any = None, **rest: Any) -> Any:
    return _quantiles(a, 0.5, axis, 1.0, rest)


@enter("numpy.quantile")
def quantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
             keepdims: bool = False, **rest: Any) -> Any:  # fmt: skip
    if method != "linear" or any(value not in (None, False) for value in rest.values()):
        raise unwritten("other ways to interpolate quantiles, and weights,")
    axes = tuple(range(a.ndim)) if axis is None else tuple(k % a.ndim for k in (axis if isinstance(axis, tuple) else (axis,)))
    others = tuple(k for k in range(a.ndim) if k not in axes)
    count = math.prod(a.shape[k] for k in axes)
    line = np.sort(np.reshape(np.transpose(a, (*others, *axes)), (*(a.shape[k] for k in others), count)), axis=-1)
    q = np.stack([array(part) for part in q]) if isinstance(q, (list, tuple)) else array(q)
    place = q * (count - 1.0)
    low = np.floor(place).astype(np.int64)
    first, second = line[..., low], line[..., np.minimum(low + 1, count - 1)]
    last = np.reshape(line[..., -1], (*(a.shape[k] for k in others), *(1,) * q.ndim))  # a NaN, if there is one
    between = np.where(np.isnan(last), np.nan, first + (second - first) * (place - low))
    out = np.moveaxis(between, tuple(range(-q.ndim, 0)), tuple(range(q.ndim))) if q.ndim else between
    return np.expand_dims(out, tuple(k + q.ndim for k in axes)) if keepdims else out


@enter("numpy.percentile")
def percentile(a: Any, q: Any, *where: Any, **how: Any) -> Any:
    return quantile(a, [part / 100.0 for part in q] if isinstance(q, (list, tuple)) else array(q) / 100.0, *where, **how)


@enter("numpy.median")
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    return quantile(a, 0.5, axis, keepdims=keepdims)


def unwritten(what: str) -> Exception:
    return TraceError(f"{what} have no derivative")


# Exponentials -------------------------------------------------------------------------------------------------------------
@enter("scipy.special.logsumexp")
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    if return_sign:
        raise unwritten("signs of logsumexp")
    peak = np.max(np.real(a), axis=axis, keepdims=True)
    peak = np.where(np.isfinite(peak), peak, 0.0)
    terms = np.exp(a - peak) if b is None else b * np.exp(a - peak)
    return np.log(np.sum(terms, axis=axis, keepdims=keepdims)) + (peak if keepdims else np.squeeze(peak, axis))


@enter("scipy.special.softmax")
def softmax(x: Any, axis: Any = None) -> Any:
    terms = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return terms / np.sum(terms, axis=axis, keepdims=True)


@enter("scipy.special.log_softmax")
def log_softmax(x: Any, axis: Any = None) -> Any:
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@enter("numpy.cross", "numpy.linalg.cross")
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None) -> Any:
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    x, y = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    if x.shape[-1] != 3 or y.shape[-1] != 3:
        raise unwritten("products of vectors that have not three elements")
    x, y = ([part[..., k] for k in range(3)] for part in (x, y))
    return np.stack([x[k - 2] * y[k - 1] - x[k - 1] * y[k - 2] for k in range(3)], axis=axisc)


# Elements that move ---------------------------------------------------------------------------------------------------------
def _moving(call: Callable) -> Callable:
    """A function whose every result is an element of an argument, or a constant: where each comes from is found by giving
    the function numbers of elements."""

    def function(*args: Any, **kwargs: Any) -> Any:
        flat: list[Any] = []
        numbered = [_numbered(x, flat) for x in args]
        at = array(call(*numbered, **{key: _numbered(x, flat) for key, x in kwargs.items()})).astype(np.int64)
        values = np.concatenate(flat)
        return np.where(at > 0, values[np.maximum(at - 1, 0)], 0.0)

    return function


def _numbered(x: Any, flat: list) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)(_numbered(item, flat) for item in x)
    if not hasattr(x, "dtype"):
        return 0.0 if type(x) is float else x
    if x.dtype.kind not in "fc":
        return x
    before = 1 + sum(part.shape[0] for part in flat)
    flat.append(np.reshape(x, (-1,)))
    return np.reshape(arange(flat[-1].shape[0]) + before, x.shape).astype(np.float64)


def _scipy(module: str, name: str) -> Callable:
    def call(*args: Any, **kwargs: Any) -> Any:
        import importlib

        return hosted(getattr(importlib.import_module(f"scipy.{module}"), name), *args, **kwargs)

    return call


for _name in ("diagflat", "choose", "insert", "delete", "repeat"):
    enter(f"numpy.{_name}")(_moving(getattr(np, _name)))
for _name in ("toeplitz", "circulant", "hankel"):
    enter(f"scipy.linalg.{_name}")(_moving(_scipy("linalg", _name)))


@enter(f"{OWN}.written")
def written(name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    if name.endswith(".at"):
        return _at(function_of(name.removesuffix(".at")), x, *args)

    def call(x: Any, *args: Any, **kwargs: Any) -> Any:
        return hosted(writes, name, x, *args, **kwargs)

    return _moving(call)(x, *args, **kwargs)


def _at(ufunc: np.ufunc, x: Any, index: Any, *values: Any) -> Any:
    """`ufunc.at`: one element after another, as often as it is named."""
    places = np.reshape(arange(x.size), x.shape)[index]
    given = [np.reshape(np.broadcast_to(array(value), places.shape), (-1,)) for value in values]
    places, out = np.reshape(places, (-1,)), np.reshape(x * 1, (-1,))
    if ufunc in (np.add, np.subtract, np.multiply, np.maximum, np.minimum):
        ufunc.at(out, places, given[0])
        return np.reshape(out, x.shape)
    if not isinstance(places.shape[0], int) or places.shape[0] > MOST_AT:
        raise unwritten(f"{ufunc.__name__}.at of more than {MOST_AT} elements, or of a number that only a run knows")
    numbers = arange(out.shape[0])
    for k in range(places.shape[0]):
        at = places[k]
        out = np.where(numbers == at, ufunc(out[at], *(value[k] for value in given)), out)
    return np.reshape(out, x.shape)


@enter("numpy.partition")
def partition(a: Any, kth: Any, axis: int = -1, **rest: Any) -> Any:
    return np.take_along_axis(a, np.argpartition(a, kth, axis=axis, **rest), axis)


@enter("numpy.sort_complex")
def sort_complex(a: Any) -> Any:
    return np.sort(a, axis=-1)


@enter("numpy.ediff1d")
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    given = [part if isinstance(part, (list, tuple)) else [part] for part in (to_begin, to_end)]
    before, after = ([np.reshape(x, (-1,)) for x in part if x is not None] for part in given)
    return np.concatenate([*before, np.diff(np.ravel(ary)), *after])


@enter("numpy.unwrap")
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * math.pi) -> Any:
    return p * 1.0  # jumps of whole periods are added to it


@enter("numpy.linspace")
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None,
             axis: int = 0) -> Any:  # fmt: skip
    parts = num - 1 if endpoint else num
    shape = np.broadcast_shapes(np.shape(start), np.shape(stop))
    t = np.reshape(arange(num) / max(parts, 1), (num, *(1,) * len(shape)))
    out = np.moveaxis(start * (1 - t) + stop * t, 0, axis)
    return (out, (stop - start) / parts) if retstep else out


@enter("numpy.geomspace")
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    return start * np.exp(linspace(zeros(np.shape(stop)), np.log(stop / start), num, endpoint, axis=axis))


@enter("numpy.logspace")
def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None,
             axis: int = 0) -> Any:  # fmt: skip
    return array(base) ** linspace(start, stop, num, endpoint, axis=axis)


# Ufuncs' methods, sums -------------------------------------------------------------------------------------------------------
@enter("numpy.subtract.reduce")
def subtract_reduce(a: Any, axis: int = 0, **rest: Any) -> Any:
    return 2 * np.take(a, 0, axis) - np.sum(a, axis=axis)


@enter("numpy.logaddexp.reduce")
def logaddexp_reduce(a: Any, axis: Any = 0, **rest: Any) -> Any:
    return logsumexp(a, axis=axis)


@enter("numpy.add.reduceat")
def add_reduceat(a: Any, indices: Any, axis: int = 0, **rest: Any) -> Any:
    a, at = np.moveaxis(array(a), axis, 0), array(indices)
    total = np.concatenate((zeros((1, *a.shape[1:]), a.dtype), np.cumsum(a, axis=0)))
    ends = np.concatenate((at[1:], arange(1) + a.shape[0]))
    return np.moveaxis(total[np.maximum(ends, at + 1)] - total[at], 0, axis)


@enter("math.fsum")
def fsum(seq: Any) -> Any:
    return np.sum(np.stack(seq)) if isinstance(seq, (list, tuple)) else np.sum(seq)


@enter("math.dist")
def dist(p: Any, q: Any) -> Any:
    return np.linalg.norm(array(p) - array(q))


# Polynomials -----------------------------------------------------------------------------------------------------------------
@enter("numpy.vander")
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    powers = arange(x.shape[0] if N is None else N)
    return x[:, None] ** (powers if increasing else powers[::-1]).astype(np.float64)


@enter("numpy.polyadd")
def polyadd(a: Any, b: Any, sign: int = 1) -> Any:
    a, b = np.atleast_1d(a), np.atleast_1d(b)
    size = max(a.shape[0], b.shape[0])
    a, b = (np.concatenate((zeros(size - x.shape[0]), x)) for x in (a, b))
    return a + sign * b


@enter("numpy.polysub")
def polysub(a: Any, b: Any) -> Any:
    return polyadd(a, b, -1)


@enter("numpy.polyder")
def polyder(p: Any, m: int = 1) -> Any:
    for _ in range(m):
        p = p[:-1] * arange(p.shape[0] - 1, 0, -1)
    return p


@enter("numpy.polyint")
def polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    given = zeros(m) if k is None else np.broadcast_to(array(k) * 1.0, (m,))
    for place in range(m):
        p = np.concatenate((p / arange(p.shape[0], 0, -1), given[place : place + 1]))
    return p


@enter("numpy.poly")
def poly(seq: Any) -> Any:
    zeros = np.linalg.eigvals(seq) if np.ndim(seq) == 2 else seq
    out = ones(1)
    for k in range(zeros.shape[0]):
        out = np.convolve(out, np.stack((1.0 + 0 * zeros[k], -zeros[k])))
    return out


@enter("numpy.polyfit")
def polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: bool = False) -> Any:
    if full or cov:
        raise unwritten("residuals and covariances of polyfit")
    matrix = vander(x * 1.0, deg + 1)
    if w is not None:
        matrix, y = matrix * w[:, None], y * (w if np.ndim(y) == 1 else w[:, None])
    scale = np.sqrt(np.sum(matrix * matrix, axis=0))
    return _least_squares(matrix / scale, y) / (scale if np.ndim(y) == 1 else scale[:, None])


def _least_squares(a: Any, b: Any) -> Any:
    q, r = np.linalg.qr(a)
    return np.linalg.solve(r, np.conj(q.T) @ b)


def _evaluated(next_row: Callable) -> Callable:
    """Σ c_k·P_k(x), from P_{k+1} = next_row(k, x, P_k, P_{k-1})."""

    def function(x: Any, c: Any, tensor: bool = True) -> Any:
        x = array(x) * 1.0
        c = array(c)
        wide = (c.shape[0], *c.shape[1:], *(1,) * (np.ndim(x) if tensor and np.ndim(c) > 1 else 0))
        c = np.reshape(c, wide)
        before, here = np.zeros_like(x), np.ones_like(x)
        total = c[0] * here
        for k in range(1, c.shape[0]):
            before, here = here, next_row(k - 1, x, here, before)
            total = total + c[k] * here
        return total

    return function


_ROWS: dict[str, tuple[str, Callable]] = {
    "polynomial": ("poly", lambda k, x, p, q: x * p),
    "chebyshev": ("cheb", lambda k, x, p, q: x * p if k == 0 else 2 * x * p - q),
    "legendre": ("leg", lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1)),
    "hermite": ("herm", lambda k, x, p, q: 2 * x * p - 2 * k * q),
    "laguerre": ("lag", lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1)),
}


def _rows(next_row: Callable) -> Callable:
    def function(x: Any, deg: int) -> Any:
        x = array(x) * 1.0
        rows = [np.zeros_like(x), np.ones_like(x)]
        for k in range(deg):
            rows.append(next_row(k, x, rows[-1], rows[-2]))
        return np.stack(rows[1:], -1)

    return function


def _fitted(next_row: Callable) -> Callable:
    def function(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None) -> Any:
        if full or w is not None or not isinstance(deg, int):
            raise unwritten("weights, residuals and chosen degrees of a fit")
        return _least_squares(_rows(next_row)(x, deg), y)

    return function


for _module, (_short, _row) in _ROWS.items():
    _where = f"numpy.polynomial.{_module}.{_short}"
    enter(f"{_where}val")(_evaluated(_row))
    enter(f"{_where}vander")(_rows(_row))
    enter(f"{_where}fit")(_fitted(_row))
