"""Functions whose form in the array-API standard is another than NumPy's; NumPy's own, of tensors, keep theirs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hybrid.core.shape import normalize_axis
from hybrid.frontend import compositions, orders
from hybrid.frontend.elementwise import cast
from hybrid.frontend.inspection import on_cpu
from hybrid.frontend.selected import unique
from hybrid.frontend.shaping import flip, reshape
from hybrid.frontend.values import Value, shape_of

_NO_VALUE = np._NoValue


def clip(
    x: Any, /, min: Any = None, max: Any = None, out: Any = None, *, a_min: Any = _NO_VALUE, a_max: Any = _NO_VALUE, **rest: Any
) -> Any:
    """The values limited to [min, max]; None leaves a side open. `a_min` and `a_max` are NumPy's names of the limits.

    >>> hy.clip(hy.asarray([1, 5, 9]), 2, 6)
    tensor([2, 5, 6], dtype=int64)
    """
    low, high = min if a_min is _NO_VALUE else a_min, max if a_max is _NO_VALUE else a_max
    if out is None and not rest:
        return compositions.clip(x, low, high)  # the form that eager calls are quick in
    return compositions.clip(x, low, high, out, **rest)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: str | None = None) -> Any:
    """The values in another dtype; with `copy=False`, the tensor itself where it has that dtype.

    >>> hy.astype(hy.asarray([1.5, 2.5]), hy.int64)
    tensor([1, 2], dtype=int64)
    """
    on_cpu(device)
    if isinstance(x, Value):
        return x.astype(dtype, copy=copy)  # type: ignore[attr-defined]
    return cast(x, dtype)


# Orders ------------------------------------------------------------------------------------------------------------------
def sort(
    x: Any, /, axis: Any = -1, kind: Any = None, order: Any = None, *, descending: bool = False, stable: bool | None = None
) -> Any:
    """A sorted copy along an axis (None: of all elements); NaN goes last, or first if descending.

    >>> hy.sort(hy.asarray([3, 1, 2]), descending=True)
    tensor([3, 2, 1], dtype=int64)
    """
    plain = kind is None and order is None and stable is None
    ordered = orders.sort(x, axis) if plain else orders.sort(x, axis, kind, order, stable=stable)
    return flip(ordered, 0 if axis is None else axis) if descending else ordered


def argsort(
    x: Any, /, axis: Any = -1, kind: Any = None, order: Any = None, *, descending: bool = False, stable: bool | None = None
) -> Any:
    """The indices that sort along an axis; equal elements keep their order, unless `stable` or `kind` says otherwise.

    >>> hy.argsort(hy.asarray([3, 1, 2]))
    tensor([1, 2, 0], dtype=int64)
    """
    if kind is None and order is None:
        kind, stable = None if stable is False else "stable", None
    if not descending:
        plain = order is None and stable is None
        return orders.argsort(x, axis, kind) if plain else orders.argsort(x, axis, kind, order, stable=stable)
    if axis is None:
        x, axis = reshape(x, -1), 0
    # The last of equal elements comes first where they are taken from behind.
    backwards = orders.argsort(flip(x, axis), axis, kind, order, stable=stable)
    shape = shape_of(x)
    return shape[normalize_axis(axis, len(shape))] - 1 - flip(backwards, axis)


# Sets --------------------------------------------------------------------------------------------------------------------
class UniqueAll(NamedTuple):
    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCounts(NamedTuple):
    values: Any
    counts: Any


class UniqueInverse(NamedTuple):
    values: Any
    inverse_indices: Any


# In order, where the standard leaves it open and NumPy's functions of these names do, too: callers that forget to sort work.
def unique_all(x: Any, /) -> UniqueAll:
    """The distinct elements in order, where each comes first, which of them each element is, how many there are of each.

    >>> hy.unique_all(hy.asarray([2, 1, 2])).inverse_indices
    tensor([1, 0, 1], dtype=int64)
    """
    return UniqueAll(*unique(x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False))


def unique_counts(x: Any, /) -> UniqueCounts:
    """The distinct elements in order, and how many there are of each; each NaN is one of its own.

    >>> hy.unique_counts(hy.asarray([2, 1, 2])).counts
    tensor([1, 2], dtype=int64)
    """
    return UniqueCounts(*unique(x, return_counts=True, equal_nan=False))


def unique_inverse(x: Any, /) -> UniqueInverse:
    """The distinct elements in order, and which of them each element is.

    >>> hy.unique_inverse(hy.asarray([2, 1, 2])).values
    tensor([1, 2], dtype=int64)
    """
    return UniqueInverse(*unique(x, return_inverse=True, equal_nan=False))


def unique_values(x: Any, /) -> Any:
    """The distinct elements in order; each NaN is one of its own.

    >>> hy.unique_values(hy.asarray([2, 1, 2]))
    tensor([1, 2], dtype=int64)
    """
    return unique(x, equal_nan=False)
