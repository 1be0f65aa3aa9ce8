"""NumPy's functions without their detours: the same results on plain arrays, for eager calls on small tensors.

A form takes what NumPy's function of that name takes, an exact ndarray first. What it does not shorten it hands to NumPy.
The variance of a few floats alone may differ from NumPy's, in the last bit and for the better.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt

_ufuncs = np._core.umath  # type: ignore[attr-defined]
_add: Any = np.add.reduce
_divide = np.true_divide
# NumPy divides by the count in float64; up to here a division in float32 rounds to the same number (53 ≥ 2·24 + 2 bits).
_MAX_COUNT = {"f": 1 << 24, "d": 1 << 53}
# The variance of few elements takes a quarter of the time over Python's floats, whose sum and distance are correctly rounded
# or nearly so. The distance's square has to fit the dtype.
_FEW = 24
_LARGEST = {np.dtype(c): float(np.finfo(c).max) ** 0.5 for c in "fd"}
_WHOLE = frozenset("?bBhHiIlLqQ")  # dtypes that NumPy averages in float64


def _counted(a: Any, axis: Any) -> int:
    """How many elements each result of a float mean over these axes is made of; 0 leaves the call to NumPy."""
    if axis is None and a.ndim:
        count = a.size
    elif type(axis) is int and -a.ndim <= axis < a.ndim:
        count = a.shape[axis]
    else:
        return 0
    return count if count <= _MAX_COUNT.get(a.dtype.char, 0) else 0


def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    if axis is dtype is out is None and not keepdims and a.ndim == 1 and a.dtype in _LARGEST and 0 < a.size <= _MAX_COUNT["f"]:
        return _add(a) / a.size
    if dtype is None and out is None:
        if a.dtype.char in _WHOLE and (axis is None or type(axis) is int) and a.size:
            dtype = np.float64
            count = a.size if axis is None else a.shape[axis] if -a.ndim <= axis < a.ndim else 0
        else:
            count = _counted(a, axis)
        if count:
            total = _add(a, axis, dtype, None, keepdims)
            return _divide(total, count, total) if type(total) is np.ndarray else total / count
    return a.mean(axis, dtype, out, keepdims)


def var(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    if axis is dtype is out is None and not keepdims and a.ndim == 1 and a.dtype in _LARGEST and 0 <= ddof < a.size <= _FEW:
        values, n = a.tolist(), a.size
        try:
            apart = math.dist(values, [math.fsum(values) / n] * n)
        except (OverflowError, ValueError):  # sums beyond float64, infinities of both signs
            apart = math.inf
        if apart < _LARGEST[a.dtype]:  # what overflows or is no number is NumPy's to warn about
            return np.array(apart * apart / (n - ddof), a.dtype)
    count = _counted(a, axis) if dtype is None and out is None and type(ddof) is int else 0
    if count <= ddof or count <= 0 or count - ddof > _MAX_COUNT[a.dtype.char]:
        return a.var(axis, dtype, out, ddof, keepdims)
    center = _add(a, axis, None, None, True)
    apart = a - _divide(center, count, center)
    total = _add(np.square(apart, apart), axis, None, None, keepdims)
    return _divide(total, count - ddof, total) if type(total) is np.ndarray else total / (count - ddof)


def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    if dtype is None and out is None and a.dtype.char in _MAX_COUNT:
        spread = var(a, axis, None, None, ddof, keepdims)
        return np.sqrt(spread, spread) if type(spread) is np.ndarray else np.sqrt(spread)
    return a.std(axis, dtype, out, ddof, keepdims)


def clip(a: Any, low: Any = None, high: Any = None, **settings: Any) -> Any:
    if settings or a.dtype.char not in _MAX_COUNT or (low is None and high is None):
        return np.clip(a, low, high, **settings)
    if low is None:
        return np.minimum(a, high)
    return np.maximum(a, low) if high is None else _ufuncs.clip(a, low, high)


def copy(a: Any, order: Any = "K", subok: bool = False) -> np.ndarray:
    return a.copy(order)


def stack(arrays: Any, axis: Any = 0) -> Any:
    if axis == 0 and arrays and type(arrays[0]) is np.ndarray:
        shape = arrays[0].shape
        for a in arrays:  # a generator for `all` would take 0.25 µs
            if type(a) is not np.ndarray or a.shape != shape:
                break
        else:  # `np.array` takes less, and would put matrices in Fortran order into C order
            return np.array(arrays) if len(shape) == 1 else np.concatenate([a[None] for a in arrays])
    return np.stack(arrays, axis)


def hstack(arrays: Any) -> np.ndarray:
    ranks = {a.ndim if type(a) is np.ndarray else 0 for a in arrays}
    return np.hstack(arrays) if len(ranks) != 1 or 0 in ranks else np.concatenate(arrays, 0 if 1 in ranks else 1)


def vstack(arrays: Any) -> np.ndarray:
    ranks = {a.ndim if type(a) is np.ndarray else 0 for a in arrays}
    return np.concatenate([a[None] for a in arrays]) if ranks == {1} else np.vstack(arrays)


def where(condition: Any, *ways: Any) -> Any:
    """NumPy has no promotion for bfloat16 beside Python's numbers."""
    if len(ways) == 2 and any([getattr(x, "dtype", None) is dt.bfloat16 for x in ways]):
        dtype = dt.promote(*(x.dtype if isinstance(x, (np.ndarray, np.generic)) else type(x) for x in ways))
        ways = tuple([np.asarray(x).astype(dtype, copy=False) for x in ways])
    return np.where(condition, *ways)


# Methods of ndarray that do what NumPy's function of that name does, without its detour of 0.5 to 1 µs.
_METHODS = ("all", "any", "argmax", "argmin", "argsort", "cumprod", "cumsum", "diagonal", "dot", "max", "min", "prod",
            "ravel", "repeat", "reshape", "round", "searchsorted", "squeeze", "sum", "swapaxes", "take", "trace",
            "transpose")  # fmt: skip
FORMS: dict[Callable, Callable] = {getattr(np, name): getattr(np.ndarray, name) for name in _METHODS}
FORMS |= {np.mean: mean, np.var: var, np.std: std, np.clip: clip, np.copy: copy, np.where: where}
JOINS: dict[Callable, Callable] = {np.stack: stack, np.hstack: hstack, np.vstack: vstack}  # of a sequence of arrays
