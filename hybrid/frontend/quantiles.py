"""Quantiles, percentiles and medians, also of elements that are not NaN: places in a sorted array, as NumPy finds them.

The places are numbers of the trace where the number of elements and the fractions are, and are computed by it otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import SILENT
from hybrid.core.shape import Dim, normalize_axes, product
from hybrid.frontend import integers
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.elementwise import cast, select
from hybrid.frontend.gathering import take
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import stack
from hybrid.frontend.orders import argsort, cumsum, sort, sorted_at, take_along_axis
from hybrid.frontend.reductions import all as every
from hybrid.frontend.reductions import any as some
from hybrid.frontend.reductions import finish, kept, mean, reduced, root, var
from hybrid.frontend.reductions import sum as total
from hybrid.frontend.shaping import as_array, broadcast_to, moveaxis, reshape, transpose
from hybrid.frontend.values import (
    Value,
    active,
    assembled,
    holds_tensor,
    kind_of,
    laid_out,
    operand,
    result_kind,
    shape_of,
    sized,
    strong,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ops import elementwise as e

MAX_ROWS = 16  # places that are read one by one; more are one gather
_NO_VALUE = np._NoValue


# Places: from the number of elements n and fractions q, numbers or traced, to places among the sorted elements -----------
def _choice(condition: Any, x: Any, y: Any) -> Any:
    return select(condition, x, y) if holds_tensor((condition, x, y)) else np.where(condition, x, y)


def _between(alpha: float, beta: float) -> Callable:
    return lambda n, q: n * q + (alpha + q * (1 - alpha - beta)) - 1


def _next(place: Any, stays: Callable) -> Any:
    """The element at a place or, unless `stays`, the one after it; the first one for places before it."""
    below = np.floor(place)
    at = _choice(stays(place - below, below), below, below + 1)
    return _choice(at < 0, 0, at)


# Methods that take elements as they are, and those that mix two neighbours: the place, and the second one's share.
_TAKING: dict[str, Callable] = {
    "inverted_cdf": lambda n, q: _next(n * q - 1, lambda share, below: share == 0),
    "closest_observation": lambda n, q: _next(n * q - 1 - 0.5, lambda share, below: (share == 0) & (below % 2 == 1)),
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "nearest": lambda n, q: np.rint((n - 1) * q),
}
_MIXING: dict[str, tuple[Callable, Callable]] = {
    "averaged_inverted_cdf": (lambda n, q: n * q - 1, lambda share, place: _choice(share == 0, 0.5, 1.0)),
    "midpoint": (
        lambda n, q: 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q)),
        lambda share, place: _choice(place % 1 == 0, 0.0, 0.5),
    ),
    "linear": (lambda n, q: (n - 1) * q, lambda share, place: share),
} | {
    name: (_between(alpha, beta), lambda share, place: share)
    for name, alpha, beta in (
        ("interpolated_inverted_cdf", 0, 1), ("hazen", 0.5, 0.5), ("weibull", 0, 0),
        ("median_unbiased", 1 / 3.0, 1 / 3.0), ("normal_unbiased", 3 / 8.0, 3 / 8.0),
    )
}  # fmt: skip


def _gathered(a: Any, axis: Any) -> tuple[Any, tuple]:
    """The elements to be ordered along one first axis, and the other axes."""
    x = as_array(assembled(active(), a))
    shape = shape_of(x)
    axes = normalize_axes(axis, len(shape))
    rest = tuple(k for k in range(len(shape)) if k not in axes)
    sizes = tuple(shape[k] for k in rest)
    return reshape(transpose(x, (*axes, *rest)), (product(shape[k] for k in axes), *sizes)), axes


def _sorted(x: Any, axes: tuple, places: Any = None) -> Any:
    """x in order along the first axis, or such that these places are right; the axes say where it lay.

    What lay along the last axis is sorted there: 2000 rows of 500 numbers were 1.5 times as long, put aside first.
    """
    rank = len(shape_of(x))
    inner = rank > 1 and axes == (rank - 1,)
    x, axis = (moveaxis(x, 0, -1), rank - 1) if inner else (x, 0)
    out = sort(x, axis) if places is None else sorted_at(x, axis, places)
    return moveaxis(out, -1, 0) if inner else out


def _count(x: Any) -> Any:
    """How many elements there are along the first axis, at least one: a number, or a traced one."""
    size = shape_of(x)[0]
    if isinstance(size, Dim):
        trace = active()
        found = trace.ask("gt", size, 0)
        if found is None:
            trace.assume(trace.one(e.gt, sized(trace, size), tr.literal(0, dt.int64)), "a quantile has elements")
        elif not found:
            raise unsupported("a quantile of nothing")
        return integers.integer(trace, size)
    if size == 0 or product(shape_of(x)) == 0:
        raise unsupported("a quantile of nothing")
    return size


def _rows(ordered: Any, at: Any) -> Any:
    """Elements of a sorted array at places along its first axis, the axes of the places in front."""
    if isinstance(at, Value):
        return take(ordered, cast(at, np.int64), 0)
    at = np.asarray(at).astype(np.int64)
    if at.size > MAX_ROWS or not at.size:
        return take(ordered, at, 0)
    rows = [getitem(ordered, (int(k),)) for k in at.ravel()]
    return rows[0] if not at.ndim else reshape(stack(rows), (*at.shape, *shape_of(ordered)[1:]))


def _spread(x: Any, rank: int) -> Any:
    """Numbers, one for each place, beside what lies at the places."""
    shape = (*shape_of(x), *(1,) * rank)
    return x if not rank else reshape(x, shape) if isinstance(x, Value) else np.reshape(x, shape)


def _mixed(low: Any, high: Any, share: Any, weak: bool) -> Any:
    """NumPy's way between two elements, from the nearer one; a weak share is a Python number to it."""
    step, rest = high - low, 1 - share
    near = share >= 0.5
    if weak and isinstance(share, Value) and dt.is_inexact(strong(low)):
        share, rest = cast(share, strong(low)), cast(rest, strong(low))
    return _choice(near, high - step * rest, low + step * share)


def _found(x: Any, axes: tuple, q: Any, method: str, weak: bool) -> Any:
    """Quantiles along the first axis."""
    n, rank = _count(x), len(shape_of(x)) - 1
    place_of, share_of = _MIXING.get(method, (None, None))
    place = _TAKING[method](n, q) if place_of is None else place_of(n, q)
    if isinstance(place, Value) or isinstance(n, Value):
        ordered = _sorted(x, axes)
    else:
        around = [np.floor(place), np.ceil(place), np.floor(place) + 1]
        ordered = _sorted(x, axes, np.clip([*np.ravel(around), n - 1], 0, n - 1))
    last = getitem(ordered, (-1,))
    if share_of is None or (method == "linear" and dt.is_integer(strong(place))):
        out = _rows(ordered, place)
    else:
        low = np.floor(place)
        share = share_of(place - low, place)
        if dt.is_integer(strong(place)):
            share = np.asarray(share).astype(strong(place)) if not isinstance(share, Value) else cast(share, strong(place))
        high, top, under = low + 1, place >= n - 1, place < 0
        low, high = (_choice(top, n - 1, _choice(under, 0, part)) for part in (low, high))
        if weak and not isinstance(share, Value):
            share = float(share)
        share = share if weak else _spread(as_array(share) if isinstance(share, Value) else np.asarray(share), rank)
        out = _mixed(_rows(ordered, low), _rows(ordered, high), share, weak)
    return select(u.isnan(last), last, out) if dt.is_inexact(strong(x)) else out


def _checked(a: Any, q: Any, method: str, rest: dict, scale: int | None) -> tuple[Any, Any, bool]:
    """The array, the fractions and whether they are one Python number."""
    if rest:
        raise unsupported("quantiles with weights")
    if method not in _TAKING and method not in _MIXING:
        raise ValueError(f"{method!r} is not a valid method.")
    if dt.is_complex(strong(a)):
        raise TypeError("a must be an array of real numbers")
    weak = type(q) in (int, float) or (isinstance(q, Value) and kind_of(q) == "python")
    if not holds_tensor((q,)):
        q = np.asanyarray(q) if scale is None else np.true_divide(q, scale)
        if q.dtype.kind not in "iuf" or q.ndim > 2:
            raise unsupported(f"quantiles at {q.dtype} of rank {q.ndim}")
        if not (np.all(q >= 0) and np.all(q <= 1)):
            raise ValueError("Quantiles must be in the range [0, 1]")
        return a, q if q.ndim else q[()], weak
    q = traced(assembled(active(), q))
    q = q if scale is None else q / scale
    if not dt.is_float(strong(q)) or len(shape_of(q)) > 2:
        raise unsupported("quantiles at integers that only a run knows")
    active().assume(operand(active(), every((q >= 0) & (q <= 1)), dt.bool_), "quantiles are in the range [0, 1]")
    return a, q, weak


def _made(result: Any, a: Any, q: Any, axes: tuple, keepdims: Any, out: Any, made: np.ndarray | None = None) -> Any:
    """A result with the axes that are kept, of the class NumPy gives, laid out as `made` is."""
    if keepdims is True:
        lead = len(shape_of(q))
        result = reshape(laid_out(result, None), (*shape_of(result)[:lead], *kept(shape_of(a), axes)))
        made = None if made is None else np.expand_dims(made, tuple(lead + axis for axis in axes))
    result = active().fresh(tr.read(unwrap(result)), result_kind((a,), shape_of(result)))
    return laid_out(result, made) if out is None else finish(wrap(result), out, exact=True)


def _quantile(a: Any, q: Any, axis: Any, out: Any, method: str, keepdims: Any, rest: dict, scale: int | None) -> Any:
    a = as_array(assembled(active(), a))
    weights = rest.pop("weights", None)
    a, q, weak = _checked(a, q, method, rest, scale)
    x, axes = _gathered(a, axis)
    if weights is None:
        return _made(_found(x, axes, q, method, weak), a, q, axes, keepdims, out)
    found = _made(_weighted(a, x, q, axis, method, weights), a, q, axes, keepdims, out)
    if shape_of(found) or out is not None or kind_of(found) == "tensor":
        return found
    return wrap(active().fresh(tr.read(unwrap(found)), "ndarray"))  # where all others are numbers


def _weighted(a: Any, x: Any, q: Any, axis: Any, method: str, weights: Any) -> Any:
    """Quantiles along the first axis of x: the first element up to which the weights of those in order make up a fraction."""
    w = as_array(assembled(active(), weights))
    if method != "inverted_cdf" or len(shape_of(q)) > 1 or 0 in shape_of(q) or not dt.is_float(strong(q)):
        raise unsupported("quantiles with weights by another method, or at these fractions")
    if shape_of(w) == shape_of(a):
        w, _ = _gathered(w, axis)
    elif type(axis) is int and len(shape_of(w)) == 1 and shape_of(w)[0] == shape_of(x)[0]:
        w = broadcast_to(reshape(w, (-1, *(1,) * (len(shape_of(x)) - 1))), shape_of(x))
    else:
        raise unsupported("quantiles with weights of another shape")
    trace, n = active(), _count(x)
    w = cast(w, np.float64)
    order = argsort(x, 0, kind="stable")
    ordered, share = take_along_axis(x, order, 0), cumsum(take_along_axis(w, order, 0), 0)
    whole = getitem(share, (-1,))
    fine = every(w >= 0) & every((whole > 0) & (whole < np.inf))
    trace.assume(operand(trace, fine, dt.bool_), "weights are numbers that are not negative, and not all zero")
    share = share / whole
    count = shape_of(q)[0] if shape_of(q) else 1
    if isinstance(count, Dim) or count > MAX_ROWS:
        raise unsupported("quantiles with weights at very many fractions")
    parts = []
    for k in range(count):
        below = total(share < (getitem(q, k) if shape_of(q) else q), 0)
        parts.append(_at(ordered, u.minimum(below, n - 1)))
    found, last = stack(parts) if shape_of(q) else parts[0], getitem(ordered, (-1,))
    if dt.is_inexact(strong(x)) and shape_of(found):
        return select(u.isnan(last), last, found)
    if dt.is_inexact(strong(x)):
        trace.assume(operand(trace, ~u.isnan(last), dt.bool_), "no element is NaN, for which NumPy gives a number")
    return found


@implements(np.quantile)
def quantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
             keepdims: Any = False, **rest: Any) -> Any:  # fmt: skip
    """The values below which fractions q of the elements lie, by any of NumPy's methods; NaN if any element is.

    >>> hy.quantile(hy.asarray([1.0, 2.0, 3.0]), [0.25, 0.5])
    tensor([1.5, 2. ], dtype=float64)
    """
    return _quantile(a, q, axis, out, method, keepdims, rest, None)


@implements(np.percentile)
def percentile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
               keepdims: Any = False, **rest: Any) -> Any:  # fmt: skip
    """`quantile` with q in percent.

    >>> hy.percentile(hy.asarray([1.0, 2.0, 3.0, 4.0]), 50)
    tensor(2.5, dtype=float32)
    """
    return _quantile(a, q, axis, out, method, keepdims, rest, 100)


@implements(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:
    """The middle element in order, or the mean of the two middle ones; NaN if any element is.

    >>> hy.median(hy.asarray([3.0, 1.0, 2.0, 9.0]))
    tensor(2.5, dtype=float32)
    """
    if not shape_of(a):
        raise unsupported("np.median of a number")
    a = as_array(assembled(active(), a))
    x, axes = _gathered(a, axis)
    n = _count(x)
    ordered = _sorted(x, axes, None if isinstance(n, Value) else np.array([(n - 1) // 2, n // 2, n - 1]))
    low, high = _rows(ordered, _place(n - 1)), _rows(ordered, _place(n))
    middle = mean(stack([low, high]), 0) if isinstance(n, Value) or n % 2 == 0 else mean(stack([low]), 0) + 0  # -0.0 is 0.0
    if isinstance(n, Value):
        odd = u.remainder(n, 2)
        middle = select(odd == 1, cast(low, middle.dtype) + 0, middle)
    if dt.is_inexact(strong(x)):
        last = getitem(ordered, (-1,))
        middle = select(u.isnan(last), last, middle)
    return _made(middle, a, 0, axes, keepdims, out, _columns(a, axes, shape_of(middle)))


def _columns(a: Any, axes: tuple, shape: tuple) -> np.ndarray | None:
    """What NumPy allocates for one number of each column; several axes it makes one of before."""
    return reduced(a, axes, shape) if len(axes) == 1 else None


def _place(n: Any) -> Any:
    half = n // 2
    return as_array(half) if isinstance(half, Value) else half


# Without NaN ------------------------------------------------------------------------------------------------------------
def _numbers(a: Any, axis: Any) -> tuple[Any, Any, Any, tuple]:
    """Floats in order along the first axis, NaN last, and how many of them are none, at least one."""
    a = as_array(assembled(active(), a))
    if not dt.is_float(strong(a)) or not shape_of(a):
        raise unsupported("nan-quantiles of what is no array of floats")
    x, axes = _gathered(a, axis)
    _count(x)
    n = total(u.logical_not(u.isnan(x)), 0)
    active().assume(operand(active(), every(n > 0), dt.bool_), SILENT)
    return a, _sorted(x, axes), n, axes


def _at(ordered: Any, place: Any) -> Any:
    """One element of each column."""
    place = cast(place, np.int64)
    return getitem(take_along_axis(ordered, reshape(place, (1, *shape_of(place))), 0), (0,))


@implements(np.nanmedian)
def nanmedian(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = _NO_VALUE) -> Any:
    """The median of elements that are not NaN."""
    a, ordered, n, axes = _numbers(a, axis)
    low, high = _at(ordered, (n - 1) // 2), _at(ordered, n // 2)
    if shape_of(low):
        middle = (low + high + 0) / 2  # also of one and itself
    else:
        middle = select(n % 2 == 1, low, mean(stack([low, high]), 0))
    return _made(middle, a, 0, axes, keepdims, out, _columns(a, axes, shape_of(middle)))


def _nan_quantile(a: Any, q: Any, axis: Any, out: Any, method: str, keepdims: Any, rest: dict, scale: int | None) -> Any:
    a, q, weak = _checked(a, q, method, rest, scale)
    if isinstance(q, Value) or not dt.is_float(strong(q)):
        raise unsupported("nan-quantiles at fractions that only a run knows")
    a, ordered, n, axes = _numbers(a, axis)
    count, parts = cast(n, np.float64), []
    for one in np.ravel(q):
        place_of, share_of = _MIXING.get(method, (None, None))
        place = (place_of or _TAKING[method])(count, one)
        if share_of is None:
            parts.append(_at(ordered, place))
            continue
        low = np.floor(place)
        share = share_of(place - low, place)
        top, under = place >= count - 1, place < 0
        ends = (_choice(top, count - 1, _choice(under, 0, part)) for part in (low, low + 1))
        low, high = (_at(ordered, end) for end in ends)
        parts.append(_mixed(low, high, share, weak))
    result = parts[0] if not np.ndim(q) else reshape(stack(parts), (*np.shape(q), *shape_of(parts[0])))
    # NumPy goes from column to column.
    sizes, lead = active().hinted(shape_of(parts[0])), np.ndim(q)
    made = np.moveaxis(np.empty((*sizes, *np.shape(q)), np.uint8), range(len(sizes), len(sizes) + lead), range(lead))
    return _made(result, a, q, axes, keepdims, out, made)


@implements(np.nanquantile)
def nanquantile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
                keepdims: Any = _NO_VALUE, **rest: Any) -> Any:  # fmt: skip
    """`quantile` of elements that are not NaN."""
    return _nan_quantile(a, q, axis, out, method, keepdims, rest, None)


@implements(np.nanpercentile)
def nanpercentile(a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
                  keepdims: Any = _NO_VALUE, **rest: Any) -> Any:  # fmt: skip
    """`percentile` of elements that are not NaN."""
    return _nan_quantile(a, q, axis, out, method, keepdims, rest, 100)


# Spreads and places of extremes -------------------------------------------------------------------------------------------
@implements(np.nanvar)
def nanvar(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = _NO_VALUE, *,
           correction: Any = _NO_VALUE, **rest: Any) -> Any:  # fmt: skip
    """The variance of elements that are not NaN."""
    ddof = ddof if correction is _NO_VALUE else correction
    if rest or dtype is not None or dt.is_complex(strong(a)) or isinstance(ddof, Value):
        raise unsupported("np.nanvar with where=, mean= or dtype=, or of complex numbers")
    if not dt.is_inexact(strong(a)):
        return var(a, axis, None, out, ddof, keepdims)
    x = as_array(assembled(active(), a))
    there = u.logical_not(u.isnan(x))
    count = total(there, axis, keepdims=True)
    active().assume(operand(active(), every(count > ddof), dt.bool_), "no slice has too few elements that are not NaN")
    center = total(select(there, x, 0), axis, keepdims=True) / cast(count, strong(x))
    away = select(there, x - cast(center, strong(x)), 0)
    count = count if keepdims is True else total(there, axis)
    result = total(away * away, axis, keepdims=keepdims) / cast(count - ddof, strong(x))
    result = cast(result, strong(x))
    return finish(result, out, exact=True)


@implements(np.nanstd)
def nanstd(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = _NO_VALUE, *,
           correction: Any = _NO_VALUE, **rest: Any) -> Any:  # fmt: skip
    """The standard deviation of elements that are not NaN."""
    if dt.is_complex(strong(a)):
        raise unsupported("np.nanstd of complex numbers")
    result = root(nanvar(a, axis, dtype, None, ddof, keepdims, correction=correction, **rest))
    return finish(result, out, exact=True)


def _nan_place(function: Any, neutral: float, a: Any, axis: Any, out: Any, keepdims: Any) -> Any:
    if not dt.is_inexact(strong(a)):
        return function(a, axis, out, keepdims=keepdims)
    if dt.is_complex(strong(a)):
        raise unsupported("np.nanargmax and np.nanargmin of complex numbers")
    x = as_array(assembled(active(), a))
    there = u.logical_not(u.isnan(x))
    active().assume(operand(active(), every(some(there, axis)), dt.bool_), "no slice is all NaN")
    return function(select(there, x, neutral), axis, out, keepdims=keepdims)


@implements(np.nanargmax)
def nanargmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = _NO_VALUE) -> Any:
    """The place of the first largest element that is not NaN."""
    return _nan_place(np.argmax, -np.inf, a, axis, out, keepdims)


@implements(np.nanargmin)
def nanargmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = _NO_VALUE) -> Any:
    """The place of the first smallest element that is not NaN."""
    return _nan_place(np.argmin, np.inf, a, axis, out, keepdims)
