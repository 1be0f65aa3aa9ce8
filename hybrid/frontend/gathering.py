"""Copies with a pattern: gathers, repetition, diagonals and triangles, differences, choices by condition."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Shape, Size, normalize_axis, product
from hybrid.frontend import integers
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.compositions import clip
from hybrid.frontend.elementwise import cast, store, where, wrapped
from hybrid.frontend.indexing import fitted, getitem, setitem
from hybrid.frontend.joins import concatenate
from hybrid.frontend.positions import gathered
from hybrid.frontend.reductions import strong, sum
from hybrid.frontend.shaping import (
    as_array,
    broadcast_to,
    copied,
    copy,
    moveaxis,
    reshape,
    viewed,
)
from hybrid.frontend.values import (
    Value,
    active,
    assembled,
    broadcast_shapes,
    dtype_of,
    header_of,
    holds_tensor,
    kind_of,
    laid_out,
    operand,
    result_kind,
    shape_of,
    sized,
    stretched,
    symbol,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ops import elementwise as e
from hybrid.ops import index as ix
from hybrid.ops import reduce as r
from hybrid.ops import sort as sort_ops
from hybrid.ops import view as v


def positions(shape: Shape, axis: int, like: Any) -> Any:
    """Each element's index along an axis, as an int64 array of the kind of `like`."""
    trace = active()
    return wrap(trace.fresh(trace.one(e.iota, shape=shape, axis=axis), "tensor" if kind_of(like) == "tensor" else "ndarray"))


@implements(np.take)
def take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    """Elements at the given indices along an axis (of the flat array without `axis`); out of bounds raises IndexError.

    >>> hy.take([10, 20, 30], [2, 0]), hy.take([[1, 2], [3, 4]], 1, axis=0)
    (array([30, 10]), array([3, 4]))
    """
    trace = active()
    x = reshape(a, -1) if axis is None else traced(a)
    along = normalize_axis(0 if axis is None else axis, len(shape_of(x)))
    index = as_array(assembled(trace, indices))
    if not dt.is_integer(strong(index)):
        raise TypeError(f"Cannot cast array data from {strong(index)!r} to dtype('int64') according to the rule 'safe'")
    size = shape_of(x)[along]
    if mode == "clip":
        index = clip(index, 0, size - 1)
    elif mode == "wrap":
        index = u.remainder(index, size)
    atom = trace.one(ix.take, tr.read(unwrap(x)), operand(trace, index, dt.int64), axis=along)
    result = wrap(trace.fresh(atom, result_kind((x,), atom.type.shape)))
    if out is None:
        return result
    if len(shape_of(out)) != len(shape_of(result)) or False in map(partial(trace.ask, "eq"), shape_of(out), shape_of(result)):
        raise ValueError("output array does not match result of ndarray.take")
    return store(trace, out, result)


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: Any = None) -> Any:
    """Each element repeated along an axis (of the flat array without `axis`).

    >>> hy.repeat([1, 2], 2), hy.repeat([[1, 2], [3, 4]], [1, 2], axis=0)
    (array([1, 1, 2, 2]), array([[1, 2],
           [3, 4],
           [3, 4]]))
    """
    x = reshape(a, -1) if axis is None else traced(a)
    along = normalize_axis(0 if axis is None else axis, len(shape_of(x)))
    if holds_tensor((repeats,)) and len(shape_of(assembled(active(), repeats))):
        trace = active()
        places = _repeated(shape_of(x)[along], traced(assembled(trace, repeats)))
        atom = trace.one(ix.take, tr.read(symbol(trace, x)), places, axis=along, checked=False)
        return wrap(trace.fresh(atom, result_kind((x,), atom.type.shape)))
    if not isinstance(repeats, Value) and np.ndim(repeats):
        return take(x, np.repeat(np.arange(shape_of(x)[along]), np.asarray(repeats)), along)
    shape = shape_of(x)
    wide = (*shape[: along + 1], _times(repeats, "np.repeat"), *shape[along + 1 :])
    spread = broadcast_to(reshape(x, (*shape[: along + 1], 1, *shape[along + 1 :])), wide)
    return reshape(spread, (*shape[:along], shape[along] * wide[along + 1], *shape[along + 1 :]), copy=True)


def _repeated(size: Size, counts: Any) -> Atom:
    """Each place along an axis as often as a count says, which only a run knows."""
    trace = active()
    if len(shape_of(counts)) != 1 or not np.can_cast(strong(counts), dt.int64, "safe"):
        raise unsupported(f"np.repeat with counts {strong(counts)}{list(shape_of(counts))}")
    same = trace.ask("eq", shape_of(counts)[0], size)
    if same is None:
        trace.assume(trace.one(e.eq, sized(trace, shape_of(counts)[0]), sized(trace, size)), "there is a count for each place")
    elif not same:
        raise unsupported("np.repeat with one count for all places, in an array, or with too few")
    number = operand(trace, counts, dt.int64)
    fine = trace.one(e.ge, number, stretched(trace, tr.literal(0, dt.int64), number.type.shape))
    trace.assume(trace.one(r.all, fine, axes=(0,)), "no count is negative")
    total = integers.bound(trace, trace.one(r.sum, number, axes=(0,)), 0, None)
    # A place begins where the elements of those before it end: there the number of the place goes up.
    ends = trace.one(sort_ops.cumsum, number, axis=0)
    steps = stretched(trace, tr.literal(0, dt.int64), (total + 1,))
    steps = trace.one(ix.scatter, steps, ends, tr.literal(1, dt.int64), axis=0, op="add")
    places = trace.one(sort_ops.cumsum, steps, axis=0)
    return trace.one(v.slice_, places, start=(0,), step=(1,), shape=(total,))


def _times(count: Any, name: str) -> Size:
    """How often something is repeated."""
    size = integers.stated(active(), count)
    if isinstance(size, Dim) and active().ask("ge", size, 0) is None:
        raise unsupported(f"{name} a number of times that only a run knows")
    return size


@implements(np.tile)
def tile(A: Any, reps: Any) -> Any:
    """The array repeated as a whole, once per entry of `reps` along each axis.

    >>> hy.tile([1, 2], (2, 2))
    array([[1, 2, 1, 2],
           [1, 2, 1, 2]])
    """
    counts = tuple(reps) if isinstance(reps, (tuple, list)) else (reps,)
    shape = shape_of(A)
    counts = tuple(_times(count, "np.tile") for count in counts)
    if all(count == 1 for count in counts) and kind_of(A) in ("tensor", "ndarray"):
        return copy(reshape(A, (1,) * (len(counts) - len(shape)) + tuple(shape)))
    rank = max(len(counts), len(shape))
    shape, counts = (1,) * (rank - len(shape)) + tuple(shape), (1,) * (rank - len(counts)) + counts
    split = tuple(s for size in shape for s in (1, size))
    spread = tuple(s for count, size in zip(counts, shape) for s in (count, size))
    wide = broadcast_to(reshape(A, split), spread)
    return reshape(wide, tuple(count * size for count, size in zip(counts, shape)), copy=True)


def filled(like: Any, shape: Shape, value: Any) -> Any:
    """An array with one value, of the kind and dtype of another."""
    trace = active()
    atom = operand(trace, cast(traced(value), like.dtype), like.dtype)
    atom = trace.one(v.broadcast, atom, shape=shape) if shape else atom
    return wrap(trace.fresh(atom, "tensor" if kind_of(like) == "tensor" else "ndarray"))


# Diagonals and triangles -------------------------------------------------------------------------------------------------
@implements(np.diagonal, np.linalg.diagonal)
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The diagonal of two axes as the last axis, as a read-only view.

    >>> hy.diagonal([[1, 2], [3, 4]])
    array([1, 4])
    """
    rank = len(shape_of(a))
    if rank < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    line = writeable_diagonal(a, offset, axis1, axis2)
    # A broadcast is read-only, as NumPy's diagonals are.
    header = np.broadcast_to(unwrap(line).proto, active().hinted(shape_of(line)))
    return viewed(line, v.broadcast, header, shape=shape_of(line))


def writeable_diagonal(a: Any, offset: int, axis1: int, axis2: int) -> Any:
    """The diagonal of two axes as the last axis, as a view."""
    x = moveaxis(a, (axis1, axis2), (-2, -1))
    offset = operator.index(offset)
    rows, columns = (size - cut for size, cut in zip(shape_of(x)[-2:], (max(-offset, 0), max(offset, 0))))
    if isinstance(rows - columns, Dim) or not all(active().ask("ge", size, 0) for size in (rows, columns)):
        if isinstance(rows, Dim) or isinstance(columns, Dim):
            raise active().specialise("a diagonal", rows, columns)
    proto = unwrap(traced(x)).proto
    return viewed(x, v.diagonal, np.diagonal(proto, offset, -2, -1), offset=offset)


@implements(np.trace)
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    """The sum along a diagonal of two axes.

    >>> hy.trace([[1, 2], [3, 4]])
    np.int64(5)
    """
    return sum(diagonal(a, offset, axis1, axis2), -1, dtype, out)


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """The k-th diagonal of a matrix, or a matrix with the vector on its k-th diagonal.

    >>> hy.diag([[1, 2], [3, 4]]), hy.diag([1, 2])
    (array([1, 4]), array([[1, 0],
           [0, 2]]))
    """
    x = traced(v)
    if len(shape_of(x)) == 2:
        return diagonal(x, k)
    if len(shape_of(x)) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    size = shape_of(x)[0]
    n = size + abs(k)
    rows, columns = positions((n, n), 0, x), positions((n, n), 1, x)
    ends = [filled(x, (max(count, 0),), 0) for count in (k, -k)]
    line = concatenate([ends[0], x, ends[1]]) if k else x
    return cast(where(columns - rows == k, reshape(line, (1, n)), 0), x.dtype)


def _triangle(m: Any, k: int, lower: bool) -> Any:
    x = traced(m)
    if len(shape_of(x)) < 2:
        x = broadcast_to(x, (shape_of(x)[0], shape_of(x)[0]))
    shape = shape_of(x)[-2:]
    offset = positions(shape, 1, x) - positions(shape, 0, x)
    return cast(where(offset <= k if lower else offset >= k, x, 0), x.dtype)


@implements(np.tril)
def tril(m: Any, k: int = 0) -> Any:
    """The elements on and below the k-th diagonal, zeros above.

    >>> hy.tril([[1, 2], [3, 4]])
    array([[1, 0],
           [3, 4]])
    """
    return _triangle(m, k, True)


@implements(np.triu)
def triu(m: Any, k: int = 0) -> Any:
    """The elements on and above the k-th diagonal, zeros below.

    >>> hy.triu([[1, 2], [3, 4]], k=1)
    array([[0, 2],
           [0, 0]])
    """
    return _triangle(m, k, False)


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    """Coordinate arrays of a grid, one axis per vector; `indexing="xy"` exchanges the first two.

    >>> hy.meshgrid([1, 2, 3], [4, 5])
    (array([[1, 2, 3],
           [1, 2, 3]]), array([[4, 4, 4],
           [5, 5, 5]]))
    """
    rank = len(xi)
    out = [reshape(x, tuple(-1 if j == k else 1 for j in range(rank))) for k, x in enumerate(xi)]
    if indexing == "xy" and rank > 1:
        out = [moveaxis(x, 0, 1) for x in out]
    if not sparse:
        shape = broadcast_shapes(*(shape_of(x) for x in out))
        out = [broadcast_to(x, shape) for x in out]
    if copy:
        return tuple(copied(x, v.reshape, shape=shape_of(x)) for x in out)
    return out if sparse else tuple(out)


# Differences and choices -------------------------------------------------------------------------------------------------
@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = np._NoValue, append: Any = np._NoValue) -> Any:
    """The n-th difference of neighbours along an axis.

    >>> hy.diff([1, 4, 9, 16]), hy.diff([1, 4, 9, 16], n=2)
    (array([3, 5, 7]), array([2, 2]))
    """
    x = traced(a)
    along = normalize_axis(axis, len(shape_of(x)))
    ends = []
    for end in (prepend, append):
        if end is not np._NoValue:
            end = traced(end)
            if not shape_of(end):
                end = broadcast_to(end, tuple(1 if k == along else s for k, s in enumerate(shape_of(x))))
            ends.append(end)
        else:
            ends.append(None)
    if n and any(end is not None for end in ends):
        x = concatenate([part for part in (ends[0], x, ends[1]) if part is not None], along)
    head = (slice(None),) * along
    for _ in range(n):
        later, earlier = getitem(x, (*head, slice(1, None))), getitem(x, (*head, slice(None, -1)))
        x = later != earlier if x.dtype == dt.bool_ else later - earlier
    return x


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """The integral along an axis by the trapezoidal rule.

    >>> hy.trapezoid([0.0, 1.0, 4.0]), hy.trapezoid([0.0, 1.0, 4.0], x=[0.0, 1.0, 3.0])
    (np.float64(3.0), np.float64(5.5))
    """
    y = traced(y)
    along = normalize_axis(axis, len(shape_of(y)))
    head = (slice(None),) * along
    if x is None:
        width: Any = dx
    else:
        width = diff(x, axis=-1 if len(shape_of(x)) == 1 else along)
        if len(shape_of(width)) == 1:
            width = reshape(width, tuple(-1 if k == along else 1 for k in range(len(shape_of(y)))))
    return sum(width * (getitem(y, (*head, slice(1, None))) + getitem(y, (*head, slice(None, -1)))) / 2.0, along)


@implements(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """For each element, the choice of the first condition that holds.

    >>> x = np.arange(4)
    >>> hy.select([x < 1, x > 2], [x, x * 10], default=-1)
    array([ 0, -1, -1, 30])
    """
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    dtype = dt.promote(*map(dtype_of, (*choicelist, default)))
    out = cast(wrapped(default, choicelist), dtype)
    for condition, choice in reversed(list(zip(condlist, choicelist))):
        if strong(condition) != dt.bool_:
            raise TypeError("invalid entry in condlist: should be boolean ndarray")
        out = where(condition, cast(wrapped(choice, (*choicelist, default)), dtype), out)
    return laid_out(out, None)


@implements(np.isclose)
def isclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether |a - b| ≤ atol + rtol·|b|; infinities are close to themselves.

    >>> hy.isclose([1.0, np.nan], [1.0 + 1e-9, np.nan]), hy.isclose(np.nan, np.nan, equal_nan=True)
    (array([ True, False]), np.True_)
    """
    a, b = traced(a), traced(b)
    if not dt.is_inexact(strong(b)):
        b = cast(b, np.float64)
    near = (u.absolute(a - b) <= atol + rtol * u.absolute(b)) & u.isfinite(b)
    close = near | (a == b)
    return close | (u.isnan(a) & u.isnan(b)) if equal_nan else close


@implements(np.allclose)
def allclose(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether every element is close: a Python bool.

    >>> hy.allclose([1.0, 2.0], [1.0, 2.0 + 1e-9])
    True
    """
    close = isclose(a, b, rtol, atol, equal_nan).all()
    trace = active()
    return wrap(trace.fresh(operand(trace, close, dt.bool_), "python"))


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Elements of one array written into another, broadcast, where the mask holds.

    >>> x = np.zeros(3)
    >>> hy.copyto(x, [1, 2, 3], where=[True, False, True])
    >>> x
    array([1., 0., 3.])
    """
    store(active(), dst, src, where, casting=casting)


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """The main diagonal of a matrix set to a value, in place."""
    x = traced(a)
    shape = shape_of(x)
    if len(shape) < 2:
        raise ValueError("array must be at least 2-d")
    if wrap or len(shape) != 2 or len(shape_of(val)):
        return _fill_flat(x, shape, val, wrap)
    if header_of(x) is None and shape[0] == shape[1] and _is_kept(x):
        return setitem(reshape(x, -1), slice(None, None, integers.integer(active(), shape[1] + 1)), val)
    hit = positions(shape, 0, x) == positions(shape, 1, x)
    return setitem(a, hit, val)  # nothing need be stored: it is a part of whatever reads the matrix


def _is_kept(x: Any) -> bool:
    """Whether an array has memory that outlives the kernels: the caller's, or what a branch or loop hands on."""
    trace = active()
    roots = {*trace.root.inputs, *(var for var, _ in trace.root.constants.values())}
    return trace.region is not None or unwrap(x).cell.origin in roots


def _fill_flat(x: Any, shape: Shape, val: Any, wrap: bool) -> None:
    """Every so many elements of an array set, in C order, to values that begin again where there are too few."""
    values = reshape(as_array(assembled(active(), val)), -1)
    sizes, count = [size for size in shape if isinstance(size, int)], shape_of(values)[0]
    if len(sizes) < len(shape) or isinstance(count, Dim) or not count:
        raise unsupported("np.fill_diagonal of no values, or of sizes that only a run knows")
    if len(sizes) > 2 and len(set(sizes)) > 1:
        raise ValueError("All dimensions of input must be of equal length")
    step, size = 1 + int(np.cumprod(sizes[:0:-1]).sum()), int(np.prod(sizes))
    end = min(sizes[1] ** 2, size) if len(sizes) == 2 and not wrap else size
    places = np.arange(0, end, step)
    if len(sizes) == 2 and len(places) <= min(sizes) == count and strong(values) == strong(x):
        trace, row = active(), positions(shape, 0, x)
        number = u.minimum(row, count - 1)  # beyond the diagonal any will do
        given = gathered(trace, values, operand(trace, number, dt.int64), 1)
        return setitem(x, slice(None), where(row == positions(shape, 1, x), given, x))
    values = values if len(places) == count else take(values, np.arange(len(places)) % count)
    if header_of(x) is None:
        setitem(reshape(x, -1), slice(0, end, step), values)  # a view, since it lies in C order
    else:
        setitem(x, np.unravel_index(places, sizes), values)
    return None


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int = -1) -> None:
    """Values written at one index per element along an axis, in place.

    >>> x = np.zeros((2, 2))
    >>> hy.put_along_axis(x, np.array([[1], [0]]), 5, axis=1)
    >>> x
    array([[0., 5.],
           [5., 0.]])
    """
    trace, x = active(), unwrap(traced(arr))
    along = normalize_axis(axis, x.type.ndim)
    shape = shape_of(indices)
    atom = fitted(trace, assembled(trace, values), x.type.dtype, shape)
    tr.write(x, trace.one(ix.scatter_along, tr.read(x), operand(trace, indices, dt.int64), atom, axis=along, op="set"))


# Questions about the header ----------------------------------------------------------------------------------------------
@implements(np.shape)
def shape(a: Any) -> Shape:
    """The sizes of the axes."""
    return shape_of(a)


@implements(np.ndim)
def ndim(a: Any) -> int:
    """How many axes there are."""
    return len(shape_of(a))


@implements(np.size)
def size(a: Any, axis: int | None = None) -> Any:
    """How many elements there are, in all or along an axis."""
    return product(shape_of(a)) if axis is None else shape_of(a)[axis]


@implements(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> np.dtype:
    """The dtype that NumPy's promotion gives.

    >>> hy.result_type(np.int32, np.float32), hy.result_type(np.ones(2, np.float32), 1.0)
    (dtype('float64'), dtype('float32'))
    """
    return dt.promote(*(x if isinstance(x, np.dtype) else dt.canonical(x) if isinstance(x, (type, str)) else dtype_of(x)
                        for x in arrays_and_dtypes))  # fmt: skip
