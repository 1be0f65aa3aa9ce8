"""Reductions with NumPy's dtype rules: sums, means, extremes, truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, normalize_axes, normalize_axis, product
from hybrid.frontend import integers
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.elementwise import cast, check_out, select, store, where
from hybrid.frontend.values import (
    Value,
    active,
    allocated,
    header_of,
    laid_out,
    like,
    operand,
    result_kind,
    shape_of,
    sized,
    stretched,
    strong,
    tracing,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.primitive import Primitive
from hybrid.ops import elementwise as e
from hybrid.ops import reduce as r
from hybrid.ops import view as v

NO_VALUE = np._NoValue


def accumulator(dtype: np.dtype) -> np.dtype:
    """NumPy adds and multiplies booleans and narrow integers in 64 bits."""
    if dt.KIND[dtype] in "bi":
        return dt.int64
    return dt.uint64 if dt.KIND[dtype] == "u" else dtype


def kept(shape: tuple, axes: tuple[int, ...]) -> tuple:
    return tuple(1 if a in axes else size for a, size in enumerate(shape))


def _reduce(primitive: Primitive, x: Any, axis: Any, keepdims: Any, dtype: np.dtype) -> Any:
    trace = active()
    shape = shape_of(x)
    axes = normalize_axes(axis, len(shape))
    if primitive in (r.max, r.min):
        _has_elements(trace, shape, axes)
    atom = trace.one(primitive, operand(trace, x, dtype), axes=axes)
    if primitive is r.sum and not axes and dt.is_inexact(dtype):
        atom = trace.one(e.add, atom, stretched(trace, tr.literal(0, dtype), shape))  # -0.0 is added to 0
    if strong(x) == dt.bool_ and atom.type.dtype == dt.int64 and not atom.type.shape:
        trace.ranges[atom] = 0, product(shape)
    if keepdims is not NO_VALUE and keepdims:
        atom = trace.one(v.reshape, atom, shape=kept(shape, axes))
    return laid_out(trace.fresh(atom, result_kind((x,), atom.type.shape)), reduced(x, axes, atom.type.shape))


def _has_elements(trace: tr.Trace, shape: tuple, axes: tuple[int, ...]) -> None:
    """Hand the call over to Python where an axis of a length that only a run knows turns out to be empty."""
    for size in (shape[axis] for axis in axes if isinstance(shape[axis], Dim)):
        found = trace.ask("gt", size, 0)
        if found is False:
            raise ValueError("zero-size array to reduction operation which has no identity")
        if found is None:
            some = trace.one(e.gt, sized(trace, size), tr.literal(0, dt.int64))
            trace.assume(some, "a reduction without identity has elements")


def reduced(x: Any, axes: tuple[int, ...], shape: tuple) -> np.ndarray | None:
    """What NumPy allocates for a reduction: the axes that are left, in their order in memory."""
    if header_of(x) is None:
        return None
    rest = iter(range(len(shape)))
    places = [-1 if axis in axes else next(rest) for axis in range(len(shape_of(x)))]
    made = allocated((x,), [range(len(places)), places])
    return made if made is None else np.reshape(made, active().hinted(shape))


def finish(result: Any, out: Any, exact: bool = False) -> Any:
    """A result, written into `out` where one is given. `exact`: as `check_out` has it."""
    if out is None:
        return result
    check_out(out, result, exact)
    return store(active(), out, result, casting="unsafe")


def _fold(
    primitive: Primitive,
    combine: Any,
    neutral: Any,
    x: Any,
    axis: Any,
    dtype: Any,
    out: Any,
    keepdims: Any,
    initial: Any,
    mask: Any,
    default: np.dtype,
) -> Any:
    """A reduction with NumPy's `dtype`, `initial` and `where`."""
    x, target = traced(x), dt.canonical(dtype, default)
    if mask is not NO_VALUE and mask is not True:
        x = where(mask, cast(x, target), initial if neutral is None and initial is not NO_VALUE else neutral)
    axes = normalize_axes(axis, len(shape_of(x)))
    empty = neutral is None and True in [active().ask("eq", shape_of(x)[a], 0) for a in axes]
    if empty and initial is not NO_VALUE:
        result = _filled_like(_reduce(r.sum, x, axis, keepdims, target), initial)
    else:
        result = _reduce(primitive, x, axis, keepdims, target)
        result = result if initial is NO_VALUE or initial is None else combine(result, cast(traced(initial), result.dtype))
    return finish(result, out)


def _filled_like(x: Any, value: Any) -> Any:
    return cast(select(True, value, x), x.dtype) if not shape_of(x) else u.add(u.multiply(x, 0), value)


@implements(np.sum)
def sum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE,
        where: Any = NO_VALUE) -> Any:  # fmt: skip
    """The sum of elements over the given axes; booleans and narrow integers add in 64 bits.

    >>> hy.sum([[1, 2], [3, 4]], axis=0)
    array([4, 6])
    """
    if dtype is not None and dt.canonical(dtype) == dt.bool_:
        return _fold(r.any, u.logical_or, False, a, axis, dtype, out, keepdims, initial, where, dt.bool_)
    return _fold(r.sum, u.add, 0, a, axis, dtype, out, keepdims, initial, where, accumulator(strong(a)))


@implements(np.prod)
def prod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE,
         where: Any = NO_VALUE) -> Any:  # fmt: skip
    """The product of elements over the given axes; booleans and narrow integers multiply in 64 bits.

    >>> hy.prod([[1, 2], [3, 4]], axis=1, keepdims=True)
    array([[ 2],
           [12]])
    """
    if dtype is not None and dt.canonical(dtype) == dt.bool_:
        return _fold(r.all, u.logical_and, True, a, axis, dtype, out, keepdims, initial, where, dt.bool_)
    return _fold(r.prod, u.multiply, 1, a, axis, dtype, out, keepdims, initial, where, accumulator(strong(a)))


@implements(np.max, np.amax)
def max(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE, where: Any = NO_VALUE
) -> Any:
    """The largest element over the given axes; NaN wins. An empty reduction without `initial` raises ValueError.

    >>> hy.max([[1, 5], [3, 4]], axis=1)
    array([5, 4])
    """
    return _fold(r.max, u.maximum, None, a, axis, None, out, keepdims, initial, where, strong(a))


@implements(np.min, np.amin)
def min(
    a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE, initial: Any = NO_VALUE, where: Any = NO_VALUE
) -> Any:
    """The smallest element over the given axes; NaN wins. An empty reduction without `initial` raises ValueError.

    >>> hy.min([2.0, np.nan, 1.0]), hy.min([], initial=9.0)
    (np.float64(nan), np.float64(9.0))
    """
    return _fold(r.min, u.minimum, None, a, axis, None, out, keepdims, initial, where, strong(a))


@implements(np.all)
def all(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE, *, where: Any = NO_VALUE) -> Any:
    """Whether every element over the given axes is nonzero. NaN counts as nonzero.

    >>> hy.all([[True, False], [True, True]], axis=1)
    array([False,  True])
    """
    return _fold(r.all, u.logical_and, True, a, axis, bool, out, keepdims, NO_VALUE, where, dt.bool_)


@implements(np.any)
def any(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE, *, where: Any = NO_VALUE) -> Any:
    """Whether some element over the given axes is nonzero.

    >>> hy.any([[0, 0], [0, 2]], axis=1)
    array([False,  True])
    """
    return _fold(r.any, u.logical_or, False, a, axis, bool, out, keepdims, NO_VALUE, where, dt.bool_)


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """How many elements over the given axes are nonzero.

    >>> hy.count_nonzero([0, 3, 0, 4])
    np.int64(2)
    """
    return sum(cast(a, bool), axis, keepdims=keepdims)


def _count(x: Any, axis: Any, mask: Any) -> Any:
    shape = shape_of(x)
    if mask is not NO_VALUE and mask is not True:
        from_mask = u.add(cast(mask, np.int64), u.multiply(cast(x, bool), 0))
        return sum(from_mask, axis, keepdims=True)
    count = product(shape[a] for a in normalize_axes(axis, len(shape)))
    return integers.integer(active(), count) if isinstance(count, Dim) else count


def _mean_dtypes(x: Any, dtype: Any) -> tuple[np.dtype, np.dtype]:
    """Where a mean is computed and what it is given in: half precision adds in float32, integers in float64."""
    own = strong(x)
    if dtype is not None:
        return dt.canonical(dtype), dt.canonical(dtype)
    if not dt.is_inexact(own):
        return dt.float64, dt.float64
    return (dt.float32 if own in (dt.float16, dt.bfloat16) else own), own


@implements(np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO_VALUE, *, where: Any = NO_VALUE
) -> Any:
    """The arithmetic mean over the given axes; of integers in float64.

    Half precision adds in float32. The mean of nothing is NaN, with a RuntimeWarning.

    >>> hy.mean([[1, 2], [3, 5]], axis=0)
    array([2. , 3.5])
    """
    if out is not None and not dt.is_inexact(strong(out)):
        raise unsupported("np.mean into integers", "convert the mean")  # NumPy puts the sum there before it divides
    wide, narrow = _mean_dtypes(a, dtype)
    total = sum(a, axis, wide, keepdims=keepdims, where=where)
    count = _count(a, axis, where)
    if shape_of(count):
        count = count if keepdims is not NO_VALUE and keepdims else reshaped(count, shape_of(total))
    return finish(cast(_divide(total, count), narrow), out)


def _divide(total: Any, count: Any) -> Any:
    return u.true_divide(total, count if isinstance(count, int) else cast(count, dt.real_of(strong(total))))


def reshaped(x: Any, shape: tuple) -> Any:
    trace = active()
    atom = trace.one(v.reshape, operand(trace, x, strong(x)), shape=shape)
    header = header_of(x)
    if header is not None:
        try:
            header = np.reshape(header, trace.hinted(shape), copy=False)
        except ValueError:
            header = None
    return laid_out(trace.fresh(atom, result_kind((x,), shape)), header)


@implements(np.var)
def var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = NO_VALUE, *,
        where: Any = NO_VALUE, mean: Any = NO_VALUE, correction: Any = NO_VALUE) -> Any:  # fmt: skip
    """The variance over the given axes, Σ|x - mean|² / (n - ddof), in two passes as NumPy computes it.

    Real also for complex numbers; of integers in float64.

    >>> hy.var([1.0, 2.0, 4.0, 5.0]), hy.var([1.0, 2.0, 4.0, 5.0], ddof=1)
    (np.float64(2.5), np.float64(3.3333333333333335))
    """
    ddof = ddof if correction is NO_VALUE else correction
    wide, narrow = _spread_dtypes(a, dtype)
    x = cast(traced(a), wide)
    count = _count(a, axis, where)
    center = mean if mean is not NO_VALUE else _divide(sum(x, axis, keepdims=True, where=where), count)
    d = x - center
    square = d.real * d.real + d.imag * d.imag if dt.is_complex(wide) else d * d
    total = sum(square, axis, keepdims=keepdims, where=where)
    if isinstance(count, int):
        free: Any = _larger(count - ddof)
    else:
        free = u.maximum(cast(count, dt.real_of(wide)) - ddof, 0)
        free = free if not shape_of(free) or (keepdims is not NO_VALUE and keepdims) else reshaped(free, shape_of(total))
    return finish(cast(_divide(total, free), dt.real_of(narrow)), out)


def _spread_dtypes(x: Any, dtype: Any) -> tuple[np.dtype, np.dtype]:
    """As `_mean_dtypes`, but NumPy squares half precision as it is: beyond 256 that is infinite."""
    if dtype is not None and dt.is_complex(dt.canonical(dtype)) and not dt.is_complex(strong(x)):
        raise unsupported("a spread of real numbers that is asked for as a complex one")
    return (dt.float16, dt.float16) if dtype is None and strong(x) == dt.float16 else _mean_dtypes(x, dtype)


def _larger(free: Any) -> Any:
    if isinstance(free, Value):  # a size that only a run knows
        return u.maximum(cast(free, dt.float64), 0.0)
    return free if free > 0 else 0


@implements(np.std)
def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: Any = NO_VALUE, *,
        where: Any = NO_VALUE, mean: Any = NO_VALUE, correction: Any = NO_VALUE) -> Any:  # fmt: skip
    """The standard deviation over the given axes: the square root of `var`.

    >>> hy.std([[1.0, 3.0], [2.0, 8.0]], axis=1)
    array([1., 3.])
    """
    wide, narrow = _spread_dtypes(a, dtype)
    spread = var(cast(a, wide), axis, None, None, ddof, keepdims, where=where, mean=mean, correction=correction)
    return finish(cast(root(spread), dt.real_of(narrow)), out, exact=True)


def root(x: Any) -> Any:
    """The square root; its derivative at zero is zero, as that of a norm or deviation is said to be."""
    return u.sqrt(x) if tracing(x) is None else select(x == 0, x, u.sqrt(x))


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE) -> Any:
    """The range of elements over the given axes: max - min.

    >>> hy.ptp([3, 9, 4])
    np.int64(6)
    """
    return finish(max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims), out, exact=True)


@implements(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = NO_VALUE) -> Any:
    """The weighted mean: Σ w·x / Σ w. Weights of rank 1 belong to one axis.

    Raises ZeroDivisionError where weights add up to zero. `returned=True` gives the sum of weights, too.

    >>> hy.average([1.0, 2.0, 6.0], weights=[1, 1, 2])
    np.float64(3.75)
    """
    if returned and weights is None:
        raise unsupported("np.average with returned=True and no weights")
    if weights is None:
        if 0 in shape_of(a):
            raise unsupported("np.average of nothing")
        return mean(a, axis, keepdims=keepdims)
    a, weights = traced(a), traced(weights)
    dtype = dt.promote(strong(a), strong(weights))
    if not dt.is_inexact(strong(a)):  # NumPy averages integers in float64 or wider
        dtype = dt.promote(dtype, dt.float64)
    w = cast(weights if shape_of(weights) == shape_of(a) else _along(weights, shape_of(a), axis), dtype)
    total = sum(w, axis, keepdims=keepdims)
    _refuse_zero(total)
    result = sum(a * w, axis, keepdims=keepdims) / total
    return result if not returned else (result, _spread(total, shape_of(result)))


def _spread(x: Any, shape: tuple) -> Any:
    """A new array of this shape; x as it is where it has it."""
    trace, source = active(), traced(x)
    if shape_of(x) == shape:
        return x
    return wrap(trace.fresh(stretched(trace, tr.read(unwrap(source)), shape), result_kind((x,), shape)))


def _along(weights: Any, shape: Any, axis: Any) -> Any:
    """Weights of one axis, so that they broadcast."""
    if not isinstance(axis, (int, np.integer)) or len(shape_of(weights)) != 1 or not -len(shape) <= axis < len(shape):
        raise unsupported("np.average with weights of another shape, unless there is one for each place of one axis,")
    axis = normalize_axis(int(axis), len(shape))
    if shape_of(weights)[0] != shape[axis]:
        raise unsupported("np.average with more or fewer weights than places")
    return weights.reshape(tuple(n if k == axis else 1 for k, n in enumerate(shape)))


def _refuse_zero(total: Any) -> None:
    """Weights whose sum is zero are an error."""
    trace, fine = tr.current(), all(total != 0)
    if trace is not None:
        trace.assume(operand(trace, fine, dt.bool_), "weights do not add up to zero")
    elif not fine:
        raise ZeroDivisionError("Weights sum to zero, can't be normalized")


def _nan_less(x: Any, fill: Any) -> Any:
    return laid_out(where(u.isnan(x), fill, x), like(x)) if dt.is_inexact(strong(x)) else x


@implements(np.nansum)
def nansum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO_VALUE) -> Any:
    """The sum with NaN counted as zero.

    >>> hy.nansum([1.0, np.nan, 2.0])
    np.float64(3.0)
    """
    return sum(_nan_less(traced(a), 0), axis, dtype, out, keepdims)


@implements(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = NO_VALUE) -> Any:
    """The mean of elements that are not NaN.

    >>> hy.nanmean([1.0, np.nan, 2.0])
    np.float64(1.5)
    """
    if not dt.is_inexact(strong(a)):
        return mean(a, axis, dtype, out, keepdims)
    x = traced(a)
    if product(shape_of(x)) == 0:
        return mean(x, axis, dtype, out, keepdims)
    total = sum(_nan_less(x, 0), axis, dtype, keepdims=keepdims)  # in the dtype it has, unlike a mean
    count = sum(laid_out(u.logical_not(u.isnan(x)), like(x)), axis, keepdims=keepdims)
    return finish(_divide(total, count), out, exact=True)


@implements(np.nanmax)
def nanmax(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE) -> Any:
    """The largest element that is not NaN; NaN where there is none.

    >>> hy.nanmax([1.0, np.nan, 2.0])
    np.float64(2.0)
    """
    return finish(_nan_extreme(max, -np.inf, traced(a), axis, keepdims), out)


@implements(np.nanmin)
def nanmin(a: Any, axis: Any = None, out: Any = None, keepdims: Any = NO_VALUE) -> Any:
    """The smallest element that is not NaN; NaN where there is none.

    >>> hy.nanmin([[1.0, np.nan], [2.0, 0.5]], axis=0)
    array([1. , 0.5])
    """
    return finish(_nan_extreme(min, np.inf, traced(a), axis, keepdims), out)


def _nan_extreme(extreme: Any, neutral: float, x: Any, axis: Any, keepdims: Any) -> Any:
    if not dt.is_inexact(strong(x)):
        return extreme(x, axis, keepdims=keepdims)
    found = extreme(_nan_less(x, neutral), axis, keepdims=keepdims)
    # Of nothing NumPy warns; 0/0 raises the flag by which a run knows that it has to.
    count = cast(sum(laid_out(u.logical_not(u.isnan(x)), like(x)), axis, keepdims=keepdims), dt.real_of(strong(x)))
    out = where(count == 0, np.nan, found) * (count / count)
    return laid_out(active().fresh(tr.read(unwrap(out)), result_kind((found,), shape_of(out))), like(out))
