"""Functions over sampled data: look-up and interpolation, convolution, gradients, quantiles, polynomials."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Size, normalize_axis
from hybrid.frontend import integers
from hybrid.frontend import ufuncs as u
from hybrid.frontend.borders import pad
from hybrid.frontend.calls import bind, implements, traced, unsupported
from hybrid.frontend.compositions import clip
from hybrid.frontend.creation import zeros_like
from hybrid.frontend.editing import sliding_window_view
from hybrid.frontend.elementwise import apply, cast, select
from hybrid.frontend.gathering import take
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import concatenate
from hybrid.frontend.linear import dot
from hybrid.frontend.orders import argsort
from hybrid.frontend.reductions import all as every
from hybrid.frontend.shaping import flip, reshape
from hybrid.frontend.values import (
    Value,
    active,
    assembled,
    cut,
    laid_out,
    like,
    meet,
    operand,
    read,
    shape_of,
    sized,
    strong,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ops import elementwise as e
from hybrid.ops import index as ix

# A kernel of this many taps is written as shifted products, which fuse; a longer one gathers its windows for one dot product.
MAX_TAPS = 32


@implements(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where values would go in a sorted vector, as int64.

    >>> hy.searchsorted([1, 3, 5], [3, 4]), hy.searchsorted([1, 3, 5], 3, side="right")
    (array([1, 2]), np.int64(2))
    """
    if side not in ("left", "right"):
        raise ValueError(f"search side must be 'left' or 'right' (got '{side}')")
    a, v = traced(a), traced(v)
    if sorter is not None:
        a = _in_order(a, traced(sorter))
    dtype = dt.promote(strong(a), strong(v))
    return bind(ix.searchsorted, cast(a, dtype), cast(v, dtype), side=side)


def _in_order(a: Any, sorter: Any) -> Any:
    """A vector's elements as indices say, all of them within bounds."""
    if not dt.is_integer(strong(sorter)):
        raise TypeError("sorter must only contain integers")
    if shape_of(sorter) != shape_of(a):
        raise unsupported("np.searchsorted with another number of indices")
    inside = (sorter >= 0) & (sorter < integers.integer(active(), shape_of(a)[0]))
    active().assume(operand(active(), every(inside), dt.bool_), "indices that sort are within bounds")
    return take(a, sorter)


def _least(size: Size) -> Any:
    """A size, or 0 where that is less."""
    if not isinstance(size, Dim):
        return max(size, 0)
    trace = active()
    return integers.python(trace, trace.one(e.maximum, sized(trace, size), tr.literal(0, dt.int64)))


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """The piecewise linear function through the points (xp, fp), constant beyond them; in float64.

    >>> hy.interp([0.5, 9.0], [0.0, 1.0, 2.0], [0.0, 10.0, 40.0])
    array([ 5., 40.])
    """
    x, xp, fp = (traced(assembled(active(), value)) for value in (x, xp, fp))
    if period is not None:
        return interp(*_periodic(x, xp, fp, period))
    if any(dt.is_complex(value.dtype) for value in (x, xp)):
        raise TypeError("Cannot cast array data from complex numbers to dtype('float64') according to the rule 'safe'")
    if dt.is_complex(fp.dtype):
        if left is not None or right is not None:
            raise unsupported("np.interp of complex values with ends")
        return apply(e.complex_, interp(x, xp, fp.real), interp(x, xp, fp.imag))
    x, xp, fp = (cast(value, np.float64) for value in (x, xp, fp))
    count, values = shape_of(xp)[0], shape_of(fp)[0]
    if count != values and (isinstance(count, Dim) or isinstance(values, Dim)) and meet(active(), count, values):
        fp = wrap(active().fresh(cut(active(), read(active(), fp), (count,)), "ndarray"))
    elif count == 0 or count != values:
        raise ValueError("array of sample points is empty" if count == 0 else "fp and xp are not of the same length.")
    at = clip(bind(ix.searchsorted, xp, x, side="right") - 1, 0, _least(count - 2))
    x0, y0 = take(xp, at), take(fp, at)
    after = clip(at + 1, 0, count - 1) if isinstance(count, Dim) else at + 1
    x1, y1 = (take(xp, after), take(fp, after)) if isinstance(count, Dim) or count > 1 else (x0, y0)
    first, last = getitem(fp, 0), getitem(fp, -1)
    slope = (y1 - y0) / (x1 - x0)
    inside = slope * (x - x0) + y0
    out = select((x == x0) & ~(u.absolute(slope) < np.inf), y0, inside)
    out = select(x >= getitem(xp, -1), select(x == getitem(xp, -1), last, last if right is None else right), out)
    return laid_out(select(u.isnan(x), x, select(x < getitem(xp, 0), first if left is None else left, out)), None)


def _periodic(x: Any, xp: Any, fp: Any, period: Any) -> tuple:
    """Points in order within one period, one more before and after them, and x within it."""
    if isinstance(period, Value):
        raise unsupported("np.interp with a period that only a run knows")
    if period == 0:
        raise ValueError("period must be a non-zero value")
    period = abs(period)
    if len(shape_of(xp)) != 1 or len(shape_of(fp)) != 1:
        raise ValueError("Data points must be 1-D sequences")
    if shape_of(xp)[0] != shape_of(fp)[0]:
        raise ValueError("fp and xp are not of the same length")
    x, xp = (u.remainder(cast(value, np.float64), period) for value in (x, xp))
    order = argsort(xp)
    xp, fp = take(xp, order), take(fp, order)
    first, last = slice(0, 1), slice(-1, None)
    points = concatenate([getitem(xp, last) - period, xp, getitem(xp, first) + period])
    return x, points, concatenate([getitem(fp, last), fp, getitem(fp, first)])


def _slid(a: Any, v: Any, before: Size, count: Size) -> Any:
    """Σ_k v[k]·a[i + k - before] for i in [0, count), with zeros outside a."""
    taps, size, trace = shape_of(v)[0], shape_of(a)[0], active()
    ends = [integers.integer(trace, n) for n in (before, count + taps - 1 - before - size)]
    if ends != [0, 0] and dt.is_inexact(strong(v)):  # NumPy multiplies no zeros beyond the ends
        trace.assume(operand(trace, every(u.isfinite(v)), dt.bool_), "a kernel is finite")
    wide = a if ends == [0, 0] else pad(a, [ends])
    if isinstance(taps, Dim) or taps > MAX_TAPS:
        return dot(sliding_window_view(wide, integers.integer(trace, taps)), v)
    total = getitem(wide, slice(0, integers.integer(trace, count))) * getitem(v, 0)
    for k in range(1, taps):
        total = total + getitem(wide, slice(k, integers.integer(trace, k + count))) * getitem(v, k)
    return total


def _span(mode: str, n: Size, m: Size) -> tuple[Size, Size]:
    """How far before the start a window of m begins over n ≥ m samples, and how many windows there are."""
    if mode == "full":
        return m - 1, n + m - 1
    if mode == "same":
        half = active().quotient(m - 1, 2) if isinstance(m, Dim) else (m - 1) // 2
        if half is None:
            raise unsupported("a window of a size that only a run knows")
        return m - 1 - half, n
    if mode == "valid":
        return 0, n - m + 1
    raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")


def _vectors(a: Any, v: Any, name: str) -> tuple[Any, Any]:
    a, v = traced(a), traced(v)
    dtype = dt.promote(strong(a), strong(v))
    if max(len(shape_of(a)), len(shape_of(v))) > 1:
        raise ValueError("object too deep for desired array")
    a, v = reshape(cast(a, dtype), -1), reshape(cast(v, dtype), -1)
    for name_, x in (("a", a), ("v", v)):
        if active().ask("eq", shape_of(x)[0], 0):
            raise ValueError(f"{name_} cannot be empty")
    if dtype == dt.bool_:
        raise unsupported(f"np.{name} of booleans")
    return a, v


def _is_longer(v: Any, a: Any) -> bool:
    """Whether the second of two vectors is the longer one; of sizes that vary, whether it is in this call."""
    return bool(active().ask("gt", shape_of(v)[0], shape_of(a)[0]))


@implements(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """The discrete convolution of two vectors: full, same or valid.

    >>> hy.convolve([1, 2, 3], [1, 1]), hy.convolve([1, 2, 3], [1, 1], mode="valid")
    (array([1, 3, 5, 3]), array([3, 5]))
    """
    a, v = _vectors(a, v, "convolve")
    if _is_longer(v, a):
        a, v = v, a
    return _slid(a, flip(v), *_span(mode, shape_of(a)[0], shape_of(v)[0]))


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """The cross-correlation of two vectors: valid, same or full.

    >>> hy.correlate([1, 2, 3], [0, 1])
    array([2, 3])
    """
    if not shape_of(a) or not shape_of(v):
        raise ValueError("object of too small depth for desired array")
    a, v = _vectors(a, v, "correlate")
    v = u.conj(v) if dt.is_complex(strong(v)) else v
    if _is_longer(v, a):
        # Exchanged operands give the same numbers in reverse.
        return flip(_slid(v, a, *_span(mode, shape_of(v)[0], shape_of(a)[0])))
    return _slid(a, v, *_span(mode, shape_of(a)[0], shape_of(v)[0]))


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Central differences inside and one-sided ones at the ends, along each axis; spacings are numbers or coordinates.

    >>> hy.gradient([1.0, 2.0, 4.0, 7.0]), hy.gradient([1.0, 3.0], 0.5)
    (array([1. , 1.5, 2.5, 3. ]), array([4., 4.]))
    """
    x = traced(f)
    if x.dtype == dt.bool_:
        raise TypeError("numpy boolean subtract, the `-` operator, is not supported")
    x = x if dt.is_inexact(x.dtype) else cast(x, np.float64)
    rank = len(shape_of(x))
    axes = tuple(range(rank)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    steps = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    if len(steps) != len(axes):
        raise TypeError("invalid number of arguments")
    if edge_order not in (1, 2):
        raise ValueError("'edge_order' greater than 2 not supported")
    out = [laid_out(cast(_along(x, normalize_axis(k, rank), h, edge_order), x.dtype), like(x)) for k, h in zip(axes, steps)]
    return out[0] if len(out) == 1 else tuple(out)


def _along(x: Any, axis: int, h: Any, edge_order: int) -> Any:
    if active().ask("lt", shape_of(x)[axis], edge_order + 1) is not False:
        raise ValueError(
            "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) elements are required."
        )
    if not shape_of(h):
        return _even(x, axis, h, edge_order)
    h = traced(h)
    if len(shape_of(h)) != 1:
        raise ValueError("distances must be either scalars or 1d")
    if shape_of(h) != (shape_of(x)[axis],) or strong(h) == dt.bool_ or dt.is_complex(strong(h)):
        raise unsupported("np.gradient at coordinates of another number, or at booleans or complex numbers")
    h = cast(h, np.float64) if dt.is_integer(strong(h)) else h
    widths = getitem(h, slice(1, None)) - getitem(h, slice(None, -1))
    first = getitem(widths, 0)
    return select(every(widths == first), _even(x, axis, first, edge_order), _uneven(x, axis, widths, edge_order))


def _part(x: Any, axis: int, start: int | None, stop: int | None) -> Any:
    return getitem(x, (slice(None),) * axis + (slice(start, stop),))


def _even(x: Any, axis: int, h: Any, edge_order: int) -> Any:
    def part(start: int | None, stop: int | None) -> Any:
        return _part(x, axis, start, stop)

    inner = (part(2, None) - part(None, -2)) / (2.0 * h)
    if edge_order == 1:
        return concatenate([(part(1, 2) - part(0, 1)) / h, inner, (part(-1, None) - part(-2, -1)) / h], axis)
    start = (-1.5 / h) * part(0, 1) + (2.0 / h) * part(1, 2) + (-0.5 / h) * part(2, 3)
    end = (0.5 / h) * part(-3, -2) + (-2.0 / h) * part(-2, -1) + (1.5 / h) * part(-1, None)
    return concatenate([start, inner, end], axis)


def _uneven(x: Any, axis: int, widths: Any, edge_order: int) -> Any:
    def part(start: int | None, stop: int | None) -> Any:
        return _part(x, axis, start, stop)

    def wide(line: Any) -> Any:
        return reshape(line, tuple(-1 if k == axis else 1 for k in range(len(shape_of(x)))))

    a, b = wide(getitem(widths, slice(None, -1))), wide(getitem(widths, slice(1, None)))
    inner = -b / (a * (a + b)) * part(None, -2) + (b - a) / (a * b) * part(1, -1) + a / (b * (a + b)) * part(2, None)
    if edge_order == 1:
        ends = [(part(1, 2) - part(0, 1)) / getitem(widths, 0), (part(-1, None) - part(-2, -1)) / getitem(widths, -1)]
        return concatenate([ends[0], inner, ends[1]], axis)
    a, b = getitem(widths, 0), getitem(widths, 1)
    start = -(2.0 * a + b) / (a * (a + b)) * part(0, 1) + (a + b) / (a * b) * part(1, 2) - a / (b * (a + b)) * part(2, 3)
    a, b = getitem(widths, -2), getitem(widths, -1)
    end = b / (a * (a + b)) * part(-3, -2) - (b + a) / (a * b) * part(-2, -1)
    end = end + (2.0 * b + a) / (b * (a + b)) * part(-1, None)
    return concatenate([start, inner, end], axis)


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Any:
    """The polynomial with coefficients p, highest power first, at x, by Horner's rule.

    >>> hy.polyval([1, 0, -2], 3.0)
    np.float64(7.0)
    """
    coefficients = list(np.asarray(p)) if isinstance(p, (list, tuple)) else [getitem(p, k) for k in range(shape_of(p)[0])]
    x = traced(x)
    y = zeros_like(x)  # all there is without coefficients
    for coefficient in coefficients:
        y = y * x + coefficient
    return laid_out(y, like(x)) if shape_of(y) == shape_of(x) else y  # coefficients may be arrays
