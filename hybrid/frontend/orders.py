"""Orders with NumPy's dtype rules: places of extremes, running totals, sorting, medians, elements at places along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npysort
from hybrid.core.shape import Dim, Size, normalize_axis, product
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.elementwise import where
from hybrid.frontend.reductions import NO_VALUE, accumulator, finish, kept, max, min, reshaped
from hybrid.frontend.values import (
    active,
    allocated,
    assembled,
    header_of,
    laid_out,
    like,
    operand,
    result_kind,
    shape_of,
    strong,
    symbol,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.primitive import Primitive
from hybrid.ops import elementwise as e
from hybrid.ops import index as index_ops
from hybrid.ops import sort as sort_ops
from hybrid.ops import view as v

# Lines shorter than this are sorted as a whole: three places of 500 numbers take NumPy's partition 1.34 of its sort's time,
# of 2000 0.68, of 32 000 0.34.
MIN_APART = 1000


def _arg_extreme(extreme: Any, x: Any, axis: Any, out: Any, keepdims: Any) -> Any:
    """The first place of the extreme: the least index whose element equals it, or is NaN where the extreme is."""
    x = traced(x)
    shape, flat = shape_of(x), axis is None
    if flat:
        rows, along, work = (product(shape),), 0, reshaped(x, (product(shape),))
    else:
        along = normalize_axis(axis, len(shape))
        rows, work = shape, x
    if active().ask("eq", rows[along], 0):
        raise ValueError(f"attempt to get arg{extreme.__name__} of an empty sequence")
    best = extreme(work, along, keepdims=True)
    hit = u.equal(work, best)
    if dt.is_inexact(strong(x)):
        hit = u.logical_or(hit, u.isnan(work))
    trace = active()
    place = wrap(trace.fresh(trace.one(e.iota, shape=rows, axis=along), unwrap(x).kind))
    found = laid_out(min(where(hit, place, rows[along]), along, keepdims=keepdims), None)
    if flat and keepdims is not NO_VALUE and keepdims:
        found = reshaped(found, (1,) * len(shape))
    return finish(found, out, exact=True)


@implements(np.argmax)
def argmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO_VALUE) -> Any:
    """The index of the first largest element (the first NaN, if any), as int64. Of nothing: ValueError.

    >>> hy.argmax([3, 9, 4, 9]), hy.argmax([[1, 5], [3, 2]], axis=1)
    (np.int64(1), array([1, 0]))
    """
    return _arg_extreme(max, a, axis, out, keepdims)


@implements(np.argmin)
def argmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = NO_VALUE) -> Any:
    """The index of the first smallest element (the first NaN, if any), as int64. Of nothing: ValueError.

    >>> hy.argmin([3.0, np.nan, 1.0])
    np.int64(1)
    """
    return _arg_extreme(min, a, axis, out, keepdims)


def _running(primitive: Primitive, x: Any, axis: Any, dtype: Any, out: Any, wide: bool = True) -> Any:
    trace = active()
    atom = operand(trace, traced(x), dt.canonical(dtype, accumulator(strong(x)) if wide else strong(x)))
    if axis is None:
        atom = trace.one(v.reshape, atom, shape=(atom.type.size,))
    along = normalize_axis(0 if axis is None else axis, len(atom.type.shape))
    atom = trace.one(primitive, atom, axis=along)
    result = trace.fresh(atom, result_kind((x,), atom.type.shape))
    return finish(laid_out(result, None if axis is None else allocated((x,))), out, exact=True)


@implements(np.cumsum)
def cumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """The running sum along an axis, or over all elements in order. Dtypes as those of `sum`.

    >>> hy.cumsum([[1, 2], [3, 4]], axis=1)
    array([[1, 3],
           [3, 7]])
    """
    return _running(sort_ops.cumsum, a, axis, dtype, out)


@implements(np.cumprod)
def cumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """The running product along an axis, or over all elements in order. Dtypes as those of `prod`.

    >>> hy.cumprod([1, 2, 3, 4])
    array([ 1,  2,  6, 24])
    """
    return _running(sort_ops.cumprod, a, axis, dtype, out)


def cummax(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """`np.maximum.accumulate`."""
    return _running(sort_ops.cummax, array, axis, dtype, out, wide=False)


def cummin(array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
    """`np.minimum.accumulate`."""
    return _running(sort_ops.cummin, array, axis, dtype, out, wide=False)


def _ordered(primitive: Primitive, x: Any, axis: Any, **params: Any) -> tr.Symbol:
    trace = active()
    atom = operand(trace, traced(x), strong(x))
    if axis is None:
        atom = trace.one(v.reshape, atom, shape=(atom.type.size,))
    along = normalize_axis(0 if axis is None else axis, len(atom.type.shape))
    return trace.fresh(trace.one(primitive, atom, axis=along, **params), result_kind((x,), atom.type.shape))


def _algorithm(kind: Any, order: Any, stable: Any) -> str:
    """The kind of sort that is asked for; what NumPy does not take raises here as there."""
    np.sort(np.empty(0), kind=kind, order=order, stable=stable)
    return "stable" if stable else npysort.kind_of(kind)


@implements(np.sort)
def sort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """A sorted copy along an axis (None: of all elements); NaN goes last.

    >>> hy.sort([[3, 1, 2], [9, 8, 7]], axis=1)
    array([[1, 2, 3],
           [7, 8, 9]])
    """
    asked = _algorithm(kind, order, stable)
    made = _ordered(sort_ops.sort, a, axis, kind=asked) if asked == "stable" else _ordered(sort_ops.sort, a, axis)
    return laid_out(made, None if axis is None else like(a))


def sorted_at(x: Any, axis: int, places: np.ndarray) -> Any:
    """A copy in which the elements at some places along an axis are those of a sorted one, the others in any order."""
    size = shape_of(x)[axis]
    if isinstance(size, Dim) or size < MIN_APART:
        return sort(x, axis)
    return laid_out(_ordered(sort_ops.sort, x, axis, places=tuple(sorted({int(k) for k in places}))), like(x))


@implements(np.argsort)
def argsort(a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    """The indices that sort along an axis; equal elements keep their order with `stable=True`. As int64.

    >>> hy.argsort([30, 10, 20])
    array([1, 2, 0])
    """
    return wrap(_ordered(sort_ops.argsort, a, axis, kind=_algorithm(kind, order, stable)))


def _at(x: Any, axis: int, position: Size) -> Any:
    """x at one position of an axis, the axis kept."""
    trace = active()
    shape = shape_of(x)
    start = tuple(position if a == axis else 0 for a in range(len(shape)))
    atom = trace.one(v.slice_, tr.read(symbol(trace, x)), start=start, step=(1,) * len(shape), shape=kept(shape, (axis,)))
    header = header_of(x)
    part = None if header is None else header[(slice(None),) * axis + (slice(0, 1),)]
    return laid_out(trace.fresh(atom, result_kind((x,), atom.type.shape)), part)


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: Any = -1) -> Any:
    """Elements of `arr` at one index per element along an axis; indices out of bounds raise IndexError.

    >>> x = np.array([[30, 10], [5, 7]])
    >>> hy.take_along_axis(x, np.argsort(x, axis=1), axis=1)
    array([[10, 30],
           [ 5,  7]])
    """
    trace = active()
    arr, indices = traced(arr), traced(indices)
    if axis is None:
        arr, axis = reshaped(arr, (product(shape_of(arr)),)), 0
    shape, count = shape_of(arr), shape_of(indices)
    along = normalize_axis(axis, len(shape))
    if len(shape) != len(count):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    common = [i if k == along else (s if i == 1 else i) for k, (s, i) in enumerate(zip(shape, count))]
    wide = tuple(s if k == along else c for k, (s, c) in enumerate(zip(shape, common)))
    source = trace.one(v.broadcast, tr.read(unwrap(arr)), shape=wide) if wide != shape else tr.read(unwrap(arr))
    place = operand(trace, indices, dt.int64, tuple(common))
    atom = trace.one(index_ops.take_along, source, place, axis=along)
    made = None
    if header_of(indices) is not None:
        # NumPy indexes with `indices` and, for every other axis, a range along it.
        ranges = [np.empty(np.where(np.arange(len(shape)) == k, n, 1), np.int64) for k, n in enumerate(common) if k != along]
        made = allocated((indices, *ranges))
    return laid_out(trace.fresh(atom, result_kind((arr,), atom.type.shape)), made)


@implements(np.lexsort)
def lexsort(keys: Any, axis: int = -1) -> Any:
    """The indices that sort by several keys, the last of them first; equal elements keep their order."""
    if not isinstance(keys, (list, tuple)):
        keys = list(traced(keys))
    keys = [traced(assembled(active(), key)) for key in keys]
    if not keys:
        raise TypeError("need sequence of keys with len > 0 in lexsort")
    if any(not shape_of(key) or shape_of(key) != shape_of(keys[0]) for key in keys):
        raise unsupported("np.lexsort of keys of different shapes, or of numbers")
    along = normalize_axis(axis, len(shape_of(keys[0])))
    order = argsort(keys[0], along, kind="stable")
    for key in keys[1:]:
        order = take_along_axis(order, argsort(take_along_axis(key, order, along), along, kind="stable"), along)
    return order
