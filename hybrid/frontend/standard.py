"""Functions whose form in the array-API standard is another than NumPy's; NumPy's own, of tensors, keep theirs."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core.shape import normalize_axis
from hybrid.frontend import compositions, reductions
from hybrid.frontend.calls import implements, unsupported
from hybrid.frontend.elementwise import cast
from hybrid.frontend.inspection import on_cpu
from hybrid.frontend.shaping import flip, reshape
from hybrid.frontend.values import Value, shape_of

_NO_VALUE = np._NoValue


def clip(
    x: Any, /, min: Any = None, max: Any = None, out: Any = None, *, a_min: Any = _NO_VALUE, a_max: Any = _NO_VALUE, **rest: Any
) -> Any:
    """The values limited to [min, max]; None leaves a side open. `a_min` and `a_max` are NumPy's names of the limits."""
    low, high = min if a_min is _NO_VALUE else a_min, max if a_max is _NO_VALUE else a_max
    return compositions.clip(x, low, high, out, **rest)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: str | None = None) -> Any:
    """The values in another dtype; with `copy=False`, the tensor itself where it has that dtype."""
    on_cpu(device)
    if isinstance(x, Value):
        return x.astype(dtype, copy=copy)  # type: ignore[attr-defined]
    return cast(x, dtype)


# Orders ------------------------------------------------------------------------------------------------------------------
def sort(
    x: Any, /, axis: Any = -1, kind: Any = None, order: Any = None, *, descending: bool = False, stable: bool | None = None
) -> Any:
    """A sorted copy along an axis (None: of all elements); NaN goes last, or first if descending."""
    ordered = reductions.sort(x, axis, kind, order, stable=stable)
    return flip(ordered, 0 if axis is None else axis) if descending else ordered


def argsort(
    x: Any, /, axis: Any = -1, kind: Any = None, order: Any = None, *, descending: bool = False, stable: bool | None = None
) -> Any:
    """The indices that sort along an axis; equal elements keep their order, unless `stable` or `kind` says otherwise."""
    if kind is None and order is None:
        stable = stable is not False
    if not descending:
        return reductions.argsort(x, axis, kind, order, stable=stable)
    if axis is None:
        x, axis = reshape(x, -1), 0
    # The last of equal elements comes first where they are taken from behind.
    backwards = reductions.argsort(flip(x, axis), axis, kind, order, stable=stable)
    shape = shape_of(x)
    return shape[normalize_axis(axis, len(shape))] - 1 - flip(backwards, axis)


# Sets: computed by NumPy in compiled functions, too -----------------------------------------------------------------------
@implements(np.unique_all)
def unique_all(x: Any, /) -> Any:
    """The distinct elements, where each comes first, which of them each element is, and how many there are of each."""
    raise unsupported("np.unique_all")


@implements(np.unique_counts)
def unique_counts(x: Any, /) -> Any:
    """The distinct elements, and how many there are of each."""
    raise unsupported("np.unique_counts")


@implements(np.unique_inverse)
def unique_inverse(x: Any, /) -> Any:
    """The distinct elements, and which of them each element is."""
    raise unsupported("np.unique_inverse")


@implements(np.unique_values)
def unique_values(x: Any, /) -> Any:
    """The distinct elements."""
    raise unsupported("np.unique_values")
