"""Shapes: views where NumPy gives views, copies elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Shape, Size, divide, normalize_axes, normalize_axis, product, symbols
from hybrid.frontend import integers
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.indexing import getitem
from hybrid.frontend.layouts import ask
from hybrid.frontend.values import (
    Value,
    active,
    as_view,
    broadcast_shapes,
    kind_of,
    laid_out,
    like,
    meet,
    operand,
    shape_of,
    sized,
    strong,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Lifted, followable
from hybrid.ir.primitive import Primitive
from hybrid.ops import elementwise as e
from hybrid.ops import view as v


def viewed(x: Any, primitive: Primitive, header: np.ndarray, **params: Any) -> Any:
    """x seen through one more view; scalars, which share nothing, are copied."""
    source = unwrap(traced(x))
    if source.kind in ("scalar", "python"):
        if primitive.put is None:
            return as_view(active(), copied(x, v.reshape, shape=()), primitive, header, **params)
        made = copied(x, primitive, **params)
        # What NumPy does to a number of its own stays one; Python's become arrays.
        return made if header.shape or source.kind == "python" else getitem(made, ())
    if params.get("shape") == source.type.shape and primitive is v.reshape:
        return wrap(tr.Symbol(source.cell, source.type, source.kind, source.chain, header))
    return as_view(active(), x, primitive, header, **params)


def copied(x: Any, primitive: Primitive, *more: Any, **params: Any) -> Any:
    """A new array from one primitive on x."""
    trace = active()
    atom = trace.one(primitive, operand(trace, traced(x), strong(x)), *more, **params)
    return wrap(trace.fresh(atom, "tensor" if kind_of(x) == "tensor" else "ndarray"))


def as_array(x: Any) -> Any:
    """x as a traced tensor or an array, so that it has a shape and a dtype."""
    return x if isinstance(x, Value) else np.asarray(x)


def _proto(x: Any) -> np.ndarray:
    return unwrap(traced(x)).proto


def _resolved(shape: tuple, size: Size) -> Shape:
    """A target shape with its -1 filled in."""
    trace = active()
    asked = tuple(integers.size_of(trace, s) for s in shape)
    if asked.count(-1) > 1:
        raise ValueError("can only specify one unknown dimension")
    rest = product(s for s in asked if s != -1)
    if -1 not in asked:
        if rest != size and not trace.ask("eq", rest, size):
            if symbols(rest, size) <= trace.hints.keys():
                raise ValueError(f"cannot reshape array of size {size} into shape {asked}")
            raise unsupported("a reshape of sizes that only a run can compare")
        return asked
    if trace.ask("eq", rest, 0) or (isinstance(rest, int) and isinstance(size, int) and size % rest):
        raise ValueError(f"cannot reshape array of size {size} into shape {asked}")
    whole = divide(size, rest)
    if whole is None:
        raise trace.specialise("a reshape that divides a size", size, rest)
    return tuple(whole if s == -1 else s for s in asked)


def _met(x: Any, shape: tuple) -> tuple[Any, tuple]:
    """An array and a shape of which only a run knows whether they have as many elements, as a check then says: as a vector,
    cut to as many as the shape has."""
    trace, have = active(), shape_of(x)
    asked = tuple(integers.size_of(trace, s) for s in shape)
    given = product(s for s in asked if s != -1)
    if (met := _known_to_fit(trace, x, asked, given)) is not None:
        return met
    if asked.count(-1) > 1 or symbols(given, product(have)) <= trace.hints.keys():
        return x, shape
    if len(have) != 1:
        ask(trace, x)
        if product(asked) in (product(have), -product(have)) or not _proto(x).flags.c_contiguous:
            return x, asked
        x, have = reshape(x, (product(have),)), (product(have),)
    if -1 in asked and divide(have[0], given) is None and _is_positive(trace, given):
        rest = integers.bound(trace, trace.one(e.floordiv, sized(trace, have[0]), sized(trace, given)), 0, have[0])
        asked = tuple(rest if s == -1 else s for s in asked)
    whole = product(asked)
    if -1 in asked or whole == have[0] or trace.ask("eq", whole, have[0]) is not None or not meet(trace, whole, have[0]):
        return x, asked
    header = tr.prototype(_proto(x).dtype, trace.hinted((whole,)), _proto(x).strides)
    return as_view(trace, x, v.slice_, header, start=(0,), step=(1,), shape=(whole,)), asked


def _is_positive(trace: tr.Trace, size: Size) -> bool:
    """Whether a size is; where only a run knows, a check says so."""
    held = trace.ask("gt", size, 0)
    if held is None:
        trace.assume(trace.one(e.gt, sized(trace, size), tr.literal(0, dt.int64)), "the sizes of a shape are positive")
    return held is not False


def _known_to_fit(trace: tr.Trace, x: Any, asked: Shape, given: Size) -> tuple[Any, Shape] | None:
    """An array and a shape for as many elements, where that is a condition of the trace and no identity: an even `n` and
    `(n // 2, 2)` or `(-1, 2)`. The array as a vector of the elements of the shape; None where it is no vector in memory."""
    size = product(shape_of(x))
    if not symbols(size) or not symbols(size, given) <= trace.hints.keys():
        return None
    if asked.count(-1) == 1:
        if not isinstance(given, int) or given < 2 or divide(size, given) is not None:
            return None
        each = trace.quotient(size, given)
        if each is None:
            return None
        asked = tuple(each if s == -1 else s for s in asked)
    count = product(asked)
    if count == size or -1 in asked:
        return None
    if len(shape_of(x)) != 1:
        ask(trace, x)
        if not _proto(x).flags.c_contiguous:
            return None
        x = reshape(x, (size,))
    if not trace.ask("eq", count, size):
        raise ValueError(f"cannot reshape array of size {size} into shape {asked}")
    header = tr.prototype(_proto(x).dtype, trace.hinted((count,)), _proto(x).strides)
    return as_view(trace, x, v.slice_, header, start=(0,), step=(1,), shape=(count,)), asked


@implements(np.reshape)
def reshape(a: Any, /, shape: Any = None, order: str = "C", *, copy: bool | None = None) -> Any:
    """The same elements in another shape (one size may be -1): a view where the strides allow it, else a copy.

    Raises ValueError where the sizes do not multiply to as many.

    >>> hy.reshape(np.arange(6), (2, -1))
    array([[0, 1, 2],
           [3, 4, 5]])
    """
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if order == "F":
        return transpose(reshape(transpose(a), sizes[::-1], copy=copy))
    if order != "C":
        raise unsupported(f"reshape with order={order!r}", "use order='C' or order='F'")
    x, sizes = _met(traced(a), sizes)
    target = _resolved(sizes, product(shape_of(x)))
    if not copy:
        ask(active(), x)
        try:
            header = np.reshape(_proto(x), active().hinted(target), copy=False)
        except ValueError:
            if copy is False:
                raise
        else:
            return viewed(x, v.reshape, header, shape=target)
    return copied(x, v.reshape, shape=target)


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Any:
    """The elements in one axis: a view of what lies in one piece, else a copy.

    >>> hy.ravel([[1, 2], [3, 4]])
    array([1, 2, 3, 4])
    """
    if order == "F":
        line = reshape(a, -1, order="F")
        return line if _proto(line).flags.c_contiguous or product(shape_of(line)) == 0 else copy(line)
    ask(active(), traced(a))
    if _proto(traced(a)).flags.c_contiguous:
        return reshape(a, -1)
    if order in ("K", "A") and _proto(traced(a)).flags.f_contiguous:
        return reshape(a, -1, order="F")
    if order == "K":
        raise unsupported(f"ravel(order={order!r}) of an array that is not C-contiguous", "use order='C'")
    return reshape(copy(a, "C"), -1)


@implements(np.transpose, np.permute_dims)
def transpose(a: Any, axes: Any = None) -> Any:
    """The axes in another order (reversed without `axes`), as a view.

    >>> hy.transpose([[1, 2], [3, 4]]), hy.transpose(np.ones((2, 3, 4)), (2, 0, 1)).shape
    (array([[1, 3],
           [2, 4]]), (4, 2, 3))
    """
    x = traced(a)
    rank = len(shape_of(x))
    perm = tuple(range(rank))[::-1] if axes is None else tuple(normalize_axis(axis, rank) for axis in axes)
    if sorted(perm) != list(range(rank)):
        raise ValueError("axes don't match array" if len(perm) != rank else "repeated axis in transpose")
    return viewed(x, v.transpose, np.transpose(_proto(x), perm), perm=perm)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any, /) -> Any:
    """The last two axes swapped, as a view.

    >>> hy.matrix_transpose(np.ones((5, 2, 3))).shape
    (5, 3, 2)
    """
    if len(shape_of(x)) < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {len(shape_of(x))}")
    return swapaxes(x, -1, -2)


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged, as a view.

    >>> hy.swapaxes(np.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    rank = len(shape_of(a))
    perm = list(range(rank))
    i, j = normalize_axis(axis1, rank), normalize_axis(axis2, rank)
    perm[i], perm[j] = perm[j], perm[i]
    return transpose(a, perm)


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """Axes moved to other places, the rest in order, as a view.

    >>> hy.moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    rank = len(shape_of(a))
    from_ = [normalize_axis(k, rank) for k in (source if isinstance(source, (tuple, list)) else (source,))]
    to = [normalize_axis(k, rank) for k in (destination if isinstance(destination, (tuple, list)) else (destination,))]
    if len(from_) != len(to):
        raise ValueError("`source` and `destination` arguments must have the same number of elements")
    perm = [k for k in range(rank) if k not in from_]
    for at, axis in sorted(zip(to, from_)):
        perm.insert(at, axis)
    return transpose(a, perm)


@implements(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    """One axis moved before another, as a view.

    >>> hy.rollaxis(np.ones((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    rank = len(shape_of(a))
    axis, start = normalize_axis(axis, rank), start + rank if start < 0 else start
    return moveaxis(a, axis, start - 1 if axis < start else start)


@implements(np.expand_dims)
def expand_dims(a: Any, axis: Any) -> Any:
    """New axes of size 1 at the given places of the result, as a view.

    >>> hy.expand_dims([1, 2], 0).shape, hy.expand_dims([1, 2], (0, 2)).shape
    ((1, 2), (1, 2, 1))
    """
    x = traced(a)
    rank = len(shape_of(x)) + (len(axis) if isinstance(axis, (tuple, list)) else 1)
    axes, sizes = normalize_axes(axis, rank), iter(shape_of(x))
    shape = tuple(1 if k in axes else next(sizes) for k in range(rank))
    return viewed(x, v.reshape, np.reshape(_proto(x), active().hinted(shape), copy=False), shape=shape)


@implements(np.squeeze)
def squeeze(a: Any, axis: Any = None) -> Any:
    """Axes of size 1 dropped (all, or the given ones), as a view. A given axis of another size raises ValueError.

    >>> hy.squeeze(np.ones((1, 3, 1))).shape, hy.squeeze(np.ones((1, 3, 1)), axis=0).shape
    ((3,), (3, 1))
    """
    x = traced(a)
    shape = shape_of(x)
    ones = [k for k, size in enumerate(shape) if active().ask("eq", size, 1)]
    axes = ones if axis is None else normalize_axes(axis, len(shape))
    if not set(axes) <= set(ones):
        raise ValueError("cannot select an axis to squeeze out which has size not equal to one")
    if not axes and kind_of(x) in ("tensor", "ndarray"):
        return x
    target = tuple(s for k, s in enumerate(shape) if k not in axes)
    return viewed(x, v.reshape, np.reshape(_proto(x), active().hinted(target), copy=False), shape=target)


@implements(np.broadcast_to)
def broadcast_to(array: Any, shape: Any, subok: bool = False) -> Any:
    """The array stretched to a shape, as a read-only view. Raises ValueError where it does not fit.

    >>> hy.broadcast_to([1, 2], (2, 2))
    array([[1, 2],
           [1, 2]])
    """
    x = traced(array)
    trace = active()
    target = tuple(integers.size_of(trace, s) for s in (shape if isinstance(shape, (tuple, list)) else (shape,)))
    if len(target) < len(shape_of(x)):
        raise ValueError("input operand has more dimensions than allowed by the axis remapping")
    broadcast_shapes(shape_of(x), target)
    return viewed(x, v.broadcast, np.broadcast_to(_proto(x), trace.hinted(target)), shape=target)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple:
    """The arrays stretched to their common shape.

    >>> [x.shape for x in hy.broadcast_arrays(np.ones((3, 1)), np.ones(4))]
    [(3, 4), (3, 4)]
    """
    shape = broadcast_shapes(*(shape_of(x) for x in args))
    return tuple(broadcast_to(x, shape) if shape_of(x) != shape else _as_array(x) for x in args)


def _as_array(x: Any) -> Any:
    x = traced(x)
    return x if kind_of(x) in ("tensor", "ndarray") else copied(x, v.reshape, shape=())


@implements(np.flip)
def flip(m: Any, axis: Any = None) -> Any:
    """The elements in reverse along the given axes (all without `axis`), as a view.

    >>> hy.flip([[1, 2], [3, 4]]), hy.flip([[1, 2], [3, 4]], axis=0)
    (array([[4, 3],
           [2, 1]]), array([[3, 4],
           [1, 2]]))
    """
    rank = len(shape_of(m))
    axes = normalize_axes(axis, rank)
    return getitem(m, tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(rank)))


@implements(np.fliplr)
def fliplr(m: Any) -> Any:
    """Columns in reverse. At least two axes.

    >>> hy.fliplr([[1, 2], [3, 4]])
    array([[2, 1],
           [4, 3]])
    """
    return flip(m, 1)


@implements(np.flipud)
def flipud(m: Any) -> Any:
    """Rows in reverse. At least one axis.

    >>> hy.flipud([[1, 2], [3, 4]])
    array([[3, 4],
           [1, 2]])
    """
    return flip(m, 0)


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """The array turned by k quarter turns in the plane of two axes.

    >>> hy.rot90([[1, 2], [3, 4]])
    array([[2, 4],
           [1, 3]])
    """
    first, second = (normalize_axis(a, len(shape_of(m))) for a in axes)
    if k % 4 == 0:
        return getitem(m, ...)
    if k % 4 == 2:
        return flip(m, (first, second))
    return swapaxes(flip(m, second), first, second) if k % 4 == 1 else flip(swapaxes(m, first, second), second)


def slab(x: Any, axis: int, part: slice) -> Any:
    return getitem(x, (slice(None),) * axis + (part,))


@followable
def stop_gradient(x: Any) -> Any:
    """The same array as a value that no gradient flows through.

    >>> hy.grad(lambda x: x * hy.stop_gradient(x))(3.0)
    3.0
    """
    if not isinstance(x, (Value, np.ndarray)):
        return x
    data = unwrap(x)
    if tr.current() is None:
        return wrap(data.stopped()) if isinstance(data, Lifted) else wrap(data) if isinstance(x, Value) else x
    source = traced(x)
    return as_view(active(), source, v.stop, unwrap(source).proto, scalar=kind_of(source) in ("scalar", "python"), tag=0)


@implements(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    """A new array with the same elements.

    >>> x = np.ones(2)
    >>> hy.copy(x) is x, hy.copy(x).base is None
    (False, True)
    """
    trace = active()
    made = trace.fresh(operand(trace, traced(a), strong(a)), "tensor" if kind_of(a) == "tensor" else "ndarray")
    return laid_out(made, like(a, order))


def _at_least(rank: int, place: Callable[[Shape], Shape], arrays: tuple) -> Any:
    out = [x if len(shape_of(x)) >= rank else reshape(x, place(shape_of(x))) for x in map(traced, arrays)]
    return out[0] if len(out) == 1 else tuple(out)


@implements(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """The arrays with at least one axis.

    >>> hy.atleast_1d(3.0), hy.atleast_1d([1, 2])
    (array([3.]), array([1, 2]))
    """
    return _at_least(1, lambda s: (1,), arys)


@implements(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """The arrays with at least two axes, new ones in front.

    >>> hy.atleast_2d([1, 2])
    array([[1, 2]])
    """
    return _at_least(2, lambda s: (1,) * (2 - len(s)) + s, arys)


@implements(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """The arrays with at least three axes, as NumPy places them.

    >>> hy.atleast_3d([1, 2]).shape, hy.atleast_3d(np.ones((2, 3))).shape
    ((1, 2, 1), (2, 3, 1))
    """
    return _at_least(3, lambda s: (1, *s, 1) if len(s) < 2 and s else (*s, 1) if s else (1, 1, 1), arys)
