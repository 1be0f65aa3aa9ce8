"""Joins and splits: arrays put together along an axis, views of the parts of one, and parts in a turned order."""

from __future__ import annotations

import operator
from itertools import pairwise
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Shape, Size, normalize_axis, symbols
from hybrid.frontend import integers, uncertain
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.elementwise import cast, store
from hybrid.frontend.indexing import getitem
from hybrid.frontend.shaping import atleast_1d, atleast_2d, atleast_3d, copy, expand_dims, moveaxis, reshape, slab
from hybrid.frontend.values import (
    Value,
    active,
    agree,
    cut,
    dtype_of,
    joined,
    kind_of,
    laid_out,
    like,
    operand,
    shape_of,
    sized,
    strong,
)
from hybrid.ir import trace as tr
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e
from hybrid.ops import view as v


def _parts(arrays: Any) -> list:
    if not isinstance(arrays, (list, tuple)):
        arrays = [getitem(arrays, k) for k in range(shape_of(arrays)[0])]
    parts = [traced(x) for x in arrays]
    return uncertain.alike(active(), parts) if any(map(uncertain.is_uncertain, parts)) else parts


def _rows(arrays: Any) -> bool:
    """Whether the arrays to join are the rows of one, and only a run knows how many there are."""
    return isinstance(arrays, Value) and isinstance(shape_of(arrays)[0], Dim)


def _end_to_end(rows: Any, axis: int | None) -> Any:
    """The rows of an array, joined along one of their axes; None: flattened."""
    if axis is None:
        return reshape(rows, -1)
    size = shape_of(rows)[1:]
    along = normalize_axis(axis, len(size))
    if any(isinstance(n, Dim) for n in size) and along:
        raise unsupported("a join, along a later axis, of arrays whose number and sizes only a run knows")
    length = shape_of(rows)[0] * size[along]
    return reshape(moveaxis(rows, 0, along), (*size[:along], length, *size[along + 1 :]))


def _join_kind(parts: list) -> str:
    return "tensor" if "tensor" in map(kind_of, parts) else "ndarray"


@implements(np.concatenate, np.concat)
def concatenate(arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Arrays joined along an existing axis (flattened first where `axis` is None), in their promoted dtype.

    Other sizes must agree: ValueError where they do not.

    >>> hy.concatenate([[1, 2], [3.5]]), hy.concatenate([np.ones((2, 1)), np.zeros((2, 2))], axis=1).shape
    (array([1. , 2. , 3.5]), (2, 3))
    """
    if _rows(arrays) and len(shape_of(arrays)) > 1 and out is None:
        _check_casts([arrays], dtype, casting)
        joined_ = _end_to_end(arrays, axis)
        return copy(joined_ if dtype is None else cast(joined_, dt.canonical(dtype)), "C")
    parts = _parts(arrays)
    if not parts:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        parts, axis = [reshape(x, -1) for x in parts], 0
    if not shape_of(parts[0]):
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    trace, along = active(), normalize_axis(axis, len(shape_of(parts[0])))
    for k, part in enumerate(parts):
        _check_joined(trace, shape_of(parts[0]), shape_of(part), along, k)
    _check_casts(parts, dtype, casting)
    target = dt.canonical(dtype, dt.promote(*map(dtype_of, parts)))
    size = shape_of(parts[0])
    atoms = [cut(trace, operand(trace, x, target), (*size[:along], shape_of(x)[along], *size[along + 1 :])) for x in parts]
    atom = trace.one(v.concatenate, *atoms, axis=along)
    result = laid_out(trace.fresh(atom, _join_kind(parts)), joined(parts, along, atom.type.shape))
    return result if out is None else store(trace, out, result, casting=casting)


def _check_casts(parts: list, dtype: Any, casting: str) -> None:
    for own in map(strong, parts if dtype is not None else ()):
        if not np.can_cast(own, dt.canonical(dtype), casting):  # type: ignore[arg-type]
            raise TypeError(f"Cannot cast array data from {own!r} to {dt.canonical(dtype)!r} according to the rule {casting!r}")


def _check_joined(trace: Trace, first: Shape, shape: Shape, axis: int, place: int) -> None:
    if len(first) != len(shape):
        raise ValueError("all the input array dimensions must match: the array at index 0 has "
                         f"{len(first)} dimension(s) and the array at index {place} has {len(shape)} dimension(s)")  # fmt: skip
    for k, (a, b) in enumerate(zip(first, shape)):
        if k != axis and not agree(trace, a, b):
            raise ValueError(
                "all the input array dimensions except for the concatenation axis must match exactly, but along dimension "
                f"{k}, the array at index 0 has size {a} and the array at index {place} has size {b}"
            )


def _known(x: Any) -> list[int | None]:
    """The sizes of a part that tracing knows."""
    return [None if isinstance(size, Dim) else size for size in shape_of(x)]


@implements(np.stack)
def stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Arrays of one shape joined along a new axis. Other shapes raise ValueError.

    >>> hy.stack([[1, 2], [3, 4]], axis=1)
    array([[1, 3],
           [2, 4]])
    """
    if _rows(arrays) and out is None:
        _check_casts([arrays], dtype, casting)
        stacked = moveaxis(arrays, 0, normalize_axis(axis, len(shape_of(arrays))))
        return copy(stacked if dtype is None else cast(stacked, dt.canonical(dtype)), "C")
    parts = _parts(arrays)
    if not parts:
        raise ValueError("need at least one array to stack")
    if any(_known(x) != _known(parts[0]) for x in parts):
        raise ValueError("all input arrays must have the same shape")
    along = normalize_axis(axis, len(shape_of(parts[0])) + 1)
    return concatenate([expand_dims(x, along) for x in parts], along, out, dtype=dtype, casting=casting)


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Arrays as rows, one below the other.

    >>> hy.vstack([[1, 2], [3, 4]])
    array([[1, 2],
           [3, 4]])
    """
    if _rows(tup):
        return stack(tup, dtype=dtype) if len(shape_of(tup)) == 2 else concatenate(tup, 0, dtype=dtype)
    return concatenate([atleast_2d(x) for x in _parts(tup)], 0, dtype=dtype, casting=casting)


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    """Arrays side by side: along axis 1, or axis 0 for vectors.

    >>> hy.hstack([[1, 2], [3]])
    array([1, 2, 3])
    """
    if _rows(tup):
        many = tup if len(shape_of(tup)) > 1 else expand_dims(tup, 1)
        return concatenate(many, min(len(shape_of(many)) - 2, 1), dtype=dtype, casting=casting)
    parts = [atleast_1d(x) for x in _parts(tup)]
    return concatenate(parts, 0 if len(shape_of(parts[0])) == 1 else 1, dtype=dtype, casting=casting)


@implements(np.dstack)
def dstack(tup: Any) -> Any:
    """Arrays joined along the third axis.

    >>> hy.dstack([[1, 2], [3, 4]])
    array([[[1, 3],
            [2, 4]]])
    """
    if _rows(tup) and len(shape_of(tup)) in (2, 3):
        stacked = stack(tup, -1)
        return stacked if len(shape_of(tup)) == 3 else expand_dims(stacked, 0)
    return concatenate(tup if _rows(tup) else [atleast_3d(x) for x in _parts(tup)], 2)


@implements(np.column_stack)
def column_stack(tup: Any) -> Any:
    """Vectors as the columns of a matrix.

    >>> hy.column_stack([[1, 2], [3, 4]])
    array([[1, 3],
           [2, 4]])
    """
    if _rows(tup):
        return stack(tup, 1) if len(shape_of(tup)) == 2 else concatenate(tup, 1)
    return concatenate([x if len(shape_of(x)) > 1 else reshape(x, (-1, 1)) for x in _parts(tup)], 1)


@implements(np.append)
def append(arr: Any, values: Any, axis: Any = None) -> Any:
    """The values joined at the end. Both flattened without `axis`.

    >>> hy.append([1, 2], [[3], [4]])
    array([1, 2, 3, 4])
    """
    return concatenate((arr, values), axis)


def _shared(size: Size, parts: int) -> tuple[Size, Size]:
    """What each of so many parts of an axis has, and what is left over."""
    if isinstance(size, int):
        return divmod(size, parts)
    each = active().quotient(size, parts)
    if each is None:
        raise unsupported("a split of a size that only a run knows")
    return each, size - each * parts


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """Views of the parts along an axis: n nearly equal ones, or cut at the given indices.

    >>> hy.array_split(np.arange(5), 2), hy.array_split(np.arange(5), [1, 4])
    ([array([0, 1, 2]), array([3, 4])], [array([0]), array([1, 2, 3]), array([4])])
    """
    size = shape_of(ary)[normalize_axis(axis, len(shape_of(ary)))]
    if isinstance(indices_or_sections, (list, tuple, np.ndarray)):
        cuts = [0, *(operator.index(i) for i in indices_or_sections), size]
    else:
        parts = operator.index(indices_or_sections)
        each, extra = _shared(size, parts)
        cuts = [k * each + (k if active().ask("lt", k, extra) else extra) for k in range(parts + 1)]
    along = normalize_axis(axis, len(shape_of(ary)))
    return [slab(ary, along, slice(a, b)) for a, b in pairwise(cuts)]


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """Views of equal parts along an axis, or cut at the given indices. Parts that cannot be equal raise ValueError.

    >>> hy.split(np.arange(4), 2)
    [array([0, 1]), array([2, 3])]
    """
    if not isinstance(indices_or_sections, (list, tuple, np.ndarray)):
        size = shape_of(ary)[normalize_axis(axis, len(shape_of(ary)))]
        if active().ask("ne", _shared(size, indices_or_sections)[1], 0):
            raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list:
    """`split` along axis 1 (axis 0 for vectors).

    >>> hy.hsplit(np.ones((2, 4)), 2)[0].shape
    (2, 2)
    """
    return split(ary, indices_or_sections, 1 if len(shape_of(ary)) > 1 else 0)


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list:
    """`split` along axis 0.

    >>> hy.vsplit(np.ones((2, 4)), 2)[0].shape
    (1, 4)
    """
    return split(ary, indices_or_sections, 0)


@implements(np.unstack)
def unstack(x: Any, /, *, axis: int = 0) -> tuple:
    """The slices along an axis, as views.

    >>> hy.unstack(np.array([[1, 2], [3, 4]]), axis=1)
    (array([1, 3]), array([2, 4]))
    """
    moved = moveaxis(x, axis, 0)
    return tuple(getitem(moved, k) for k in range(shape_of(moved)[0]))


@implements(np.roll)
def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """The elements moved along an axis (all in order without `axis`), those that fall off coming back at the front.

    >>> hy.roll([1, 2, 3, 4], 1), hy.roll([[1, 2], [3, 4]], 1, axis=0)
    (array([4, 1, 2, 3]), array([[3, 4],
           [1, 2]]))
    """
    a = x = traced(a)
    if axis is None:
        return reshape(roll(reshape(x, -1), shift, 0), shape_of(x))
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    shifts = shift if isinstance(shift, (tuple, list)) else (shift,) * len(axes)
    for by, along in zip(shifts, axes):
        k = normalize_axis(along, len(shape_of(x)))
        size = shape_of(x)[k]
        at = _turned(integers.size_of(active(), by), size)
        if not isinstance(at, int) or at:
            x = concatenate([slab(x, k, slice(size - at, None)), slab(x, k, slice(0, size - at))], k)
    return laid_out(x, like(a)) if x is not a else copy(x)


def _turned(by: Size, size: Size) -> Size:
    """`by % size`, and 0 where there is nothing to turn."""
    if isinstance(size, int) and isinstance(by, int):
        return by % size if size else 0
    if by == size or by == -size:
        return 0
    trace = active()
    up = trace.ask("ge", by, 0)
    if by != 0 and (up is None or not trace.ask("gt", size, by if up else -by)):
        if symbols(size, by) <= trace.hints.keys():
            raise trace.specialise("a roll by more than the size of an axis", size, by)
        some = integers.python(trace, trace.one(e.maximum, sized(trace, size), tr.literal(1, dt.int64)))
        return integers.size_of(trace, integers.python(trace, sized(trace, by)) % some)
    return by if up else size + by
