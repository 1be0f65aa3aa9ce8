"""What leads: running extremes, and the largest or smallest few along an axis. NumPy has no functions for these."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from hybrid.core.errors import ArgumentError
from hybrid.core.shape import Dim, normalize_axis
from hybrid.frontend.values import Value


def _array(x: Any) -> Any:
    return x if isinstance(x, Value) else np.asarray(x)


def _running(extreme: np.ufunc, x: Any, axis: int | None) -> Any:
    x = _array(x)
    return extreme.accumulate(x.reshape(-1)) if axis is None else extreme.accumulate(x, axis=axis)


def cummax(x: Any, axis: int | None = None) -> Any:
    """The largest element so far along an axis, or over all elements in order: `np.maximum.accumulate`. NaN stays.

    >>> hy.cummax([1, 3, 2, 5, 4])
    array([1, 3, 3, 5, 5])
    """
    return _running(np.maximum, x, axis)


def cummin(x: Any, axis: int | None = None) -> Any:
    """The smallest element so far along an axis, or over all elements in order: `np.minimum.accumulate`. NaN stays.

    >>> hy.cummin(hy.tensor([[3.0, 1.0, 2.0]]), axis=1)
    tensor([[3., 1., 1.]], dtype=float32)
    """
    return _running(np.minimum, x, axis)


class TopK(NamedTuple):
    """The elements, and where along the axis they are."""

    values: Any
    indices: Any


def top_k(x: Any, k: int, axis: int = -1, largest: bool = True) -> TopK:
    """The k largest elements along an axis, the largest first, and their places, as int64.

    Of equal elements the one that comes first leads; NaN is larger than all numbers. Gradients flow to what was taken.

    Args:
        x: of rank 1 or more.
        k: how many, from 0 to the length of the axis; else ArgumentError, a ValueError.
        largest: whether the largest lead; else the k smallest do, the smallest first.

    >>> hy.top_k(np.array([1.0, 5.0, 3.0, 5.0]), 3)
    TopK(values=array([5., 5., 3.]), indices=array([1, 3, 2]))
    """
    x, k = _array(x), operator.index(k)
    axis = normalize_axis(axis, x.ndim)
    n = x.shape[axis]
    if k < 0 or (not isinstance(n, Dim) and k > n):
        raise ArgumentError("top_k gives as many elements as the axis has, or fewer", got=k, expected=f"0 to {n}")
    if largest:  # the last of a stable order of what is read from its end: of equal ones the first
        order = n - 1 - np.flip(np.argsort(np.flip(x, axis), axis=axis, kind="stable"), axis)
    else:
        order = np.argsort(x, axis=axis, kind="stable")
    places = order[(slice(None),) * axis + (slice(0, k),)]
    return TopK(np.take_along_axis(x, places, axis=axis), places)
