"""Recursive filters of `scipy.signal`, written out sample by sample: converted as a user's functions are.

Each sum is SciPy's, in its order. All lines are filtered at once, sample by sample.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend.indexing import getitem
from hybrid.frontend.reductions import all as every
from hybrid.frontend.shaping import as_array, reshape
from hybrid.frontend.values import active, assembled, holds_tensor, operand, shape_of, strong

MODULE = "scipy.signal._signaltools"
MOST = 16  # numbers of a filter's state, each a variable of the loop


# Transfer functions -------------------------------------------------------------------------------------------------------
def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    b, a, x = np.atleast_1d(np.asarray(b)), np.atleast_1d(np.asarray(a)), np.asarray(x)
    dtype = np.result_type(b, a, x) if zi is None else np.result_type(b, a, x, np.asarray(zi))
    b, a, x = np.asarray(b, dtype), np.asarray(a, dtype), np.asarray(x, dtype)
    order = max(b.shape[0], a.shape[0]) - 1
    forward, back = _padded(b / a[0], order + 1), _padded(a / a[0], order + 1)
    rows = _along_first(x, axis)
    out = np.empty(rows.shape, dtype)
    if zi is None:
        state = tuple([np.zeros(rows.shape[1:], dtype)[()] for _ in range(order)])
    else:
        shape = [*x.shape]
        shape[axis] = order
        first = np.moveaxis(_spread(zi, tuple(shape), dtype), axis, 0)
        state = tuple([first[k] for k in range(order)])
    for n in range(rows.shape[0]):
        sample = rows[n]
        made = state[0] + forward[0] * sample
        out[n] = made
        state = delayed(state, forward, back, sample, made)
    out = np.ascontiguousarray(np.moveaxis(out, 0, axis))
    return out if zi is None else (out, np.ascontiguousarray(np.moveaxis(np.stack(state), 0, axis)))


def lfilter_zi(b: Any, a: Any) -> Any:
    b, a = np.atleast_1d(np.asarray(b)), np.atleast_1d(np.asarray(a))
    dtype = np.result_type(b, a)
    order = max(b.shape[0], a.shape[0]) - 1
    forward, back = (np.stack(_padded(one / a[0], order + 1)) for one in (b, a))
    steps = np.eye(order, dtype=dtype) - np.eye(order, k=1, dtype=dtype)
    steps[:, 0] += back[1:]
    return np.linalg.solve(steps, forward[1:] - back[1:] * forward[0])


def delayed(state: tuple, forward: list, back: list, sample: Any, made: Any) -> tuple:
    """What later samples are to add."""
    last = len(state) - 1
    parts = [state[k + 1] + sample * forward[k + 1] - made * back[k + 1] for k in range(last)]
    return (*parts, sample * forward[last + 1] - made * back[last + 1])


def _padded(weights: Any, count: int) -> list:
    zero = weights.dtype.type(0)
    return [weights[k] if k < weights.shape[0] else zero for k in range(count)]


def _along_first(x: Any, axis: int) -> Any:
    """x with this axis in front, in memory, too: what a loop reads through a view has a slow derivative."""
    return x if axis % x.ndim == 0 else np.ascontiguousarray(np.moveaxis(x, axis, 0))


def _spread(zi: Any, shape: tuple, dtype: Any) -> Any:
    return np.broadcast_to(np.asarray(zi, dtype), shape)


# Sections of second order ------------------------------------------------------------------------------------------------
def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    sos, x = np.asarray(sos), np.asarray(x)
    dtype = np.result_type(sos, x) if zi is None else np.result_type(sos, x, np.asarray(zi))
    sos, x = np.asarray(sos, dtype), np.asarray(x, dtype)
    count = sos.shape[0]
    weights = [[sos[k, j] for j in (0, 1, 2, 4, 5)] for k in range(count)]
    rows = _along_first(x, axis)
    out = np.empty(rows.shape, dtype)
    if zi is None:
        state = tuple([np.zeros(rows.shape[1:], dtype)[()] for _ in range(2 * count)])
    else:
        first = np.moveaxis(np.asarray(zi, dtype), axis + 1 if axis >= 0 else axis, 1)
        state = tuple([first[k, j] for k in range(count) for j in range(2)])
    for n in range(rows.shape[0]):
        state, made = through_sections(state, weights, rows[n])
        out[n] = made
    out = np.moveaxis(np.ascontiguousarray(np.moveaxis(out, 0, -1)), -1, axis)
    if zi is None:
        return out
    ends = np.stack(state, -1).reshape(*rows.shape[1:], count, 2)
    return out, np.moveaxis(ends, (-2, -1), (0, axis + 1 if axis >= 0 else axis))


def through_sections(state: tuple, weights: list, sample: Any) -> tuple:
    """The next state, and what a sample becomes."""
    after = []
    for k, (b0, b1, b2, a1, a2) in enumerate(weights):
        made = b0 * sample + state[2 * k]
        after += [b1 * sample - a1 * made + state[2 * k + 1], b2 * sample - a2 * made]
        sample = made
    return tuple(after), sample


# There and back -----------------------------------------------------------------------------------------------------------
def filtfilt(b: Any, a: Any, x: Any, axis: int = -1, padtype: Any = "odd", padlen: Any = None, method: str = "pad",
             irlen: Any = None) -> Any:  # fmt: skip
    signal = sys.modules["scipy.signal"]
    b, a, x = np.atleast_1d(np.asarray(b)), np.atleast_1d(np.asarray(a)), np.asarray(x)
    edge = 0 if padtype is None else 3 * max(b.shape[0], a.shape[0]) if padlen is None else padlen
    rows = np.moveaxis(x, axis, -1)
    if edge > 0:
        before, after = rows[..., edge:0:-1], rows[..., -2 : -edge - 2 : -1]
        first, last = rows[..., :1], rows[..., -1:]
        if padtype == "odd":
            before, after = 2 * first - before, 2 * last - after
        elif padtype == "constant":
            before, after = np.broadcast_to(first, before.shape), np.broadcast_to(last, after.shape)
        rows = np.concatenate((before, rows, after), axis=-1)
    zi = signal.lfilter_zi(b, a)
    there = signal.lfilter(b, a, rows, zi=zi * rows[..., :1])[0]
    back = signal.lfilter(b, a, there[..., ::-1], zi=zi * there[..., -1:])[0][..., ::-1]
    return np.moveaxis(back[..., edge:-edge] if edge > 0 else back, -1, axis)


WRITTEN: dict[str, Callable] = {"lfilter": lfilter, "lfilter_zi": lfilter_zi, "sosfilt": sosfilt, "filtfilt": filtfilt}


# Which calls these are ----------------------------------------------------------------------------------------------------
def is_written(name: str, args: tuple, kwargs: dict) -> bool:
    """Whether such a call is one that is written here; where it is, what it takes for granted is checked."""
    if not holds_tensor((*args, *kwargs.values())):
        return False
    try:
        given = inspect.signature(WRITTEN[name]).bind(*args, **kwargs)
    except TypeError:
        return False
    given.apply_defaults()
    return _ACCEPTED[name](**given.arguments)


def _array(x: Any) -> Any:
    return as_array(assembled(active(), x))


def _is_signal(x: Any, axis: Any, *others: Any) -> bool:
    """Whether x has elements along an axis, and all of them together are floats that SciPy filters."""
    if type(axis) is not int or not -len(shape_of(x)) <= axis < len(shape_of(x)):
        return False
    if any(active().ask("gt", size, 0) is not True for size in shape_of(x)):
        return False
    return dt.promote(*map(strong, (x, *others))) in (dt.float32, dt.float64)


def _fits(zi: Any, shape: tuple, exact: bool) -> bool:
    own = shape_of(zi)
    return len(own) == len(shape) and all(n == size or (n == 1 and not exact) for n, size in zip(own, shape))


def _order(b: Any, a: Any) -> int | None:
    """The length of the state, where the filter is recursive and it is not too long."""
    if max(len(shape_of(b)), len(shape_of(a))) > 1:
        return None
    lengths = [(shape_of(one) or (1,))[0] for one in (b, a)]
    if not all(type(n) is int and n > 0 for n in lengths) or lengths[1] == 1 or max(lengths) - 1 > MOST:
        return None
    return max(lengths) - 1


def _leads(a: Any) -> None:
    first = getitem(reshape(a, -1), 0)
    active().assume(operand(active(), first != 0, dt.bool_), "a filter's first coefficient is not zero")


def _takes_lfilter_zi(b: Any, a: Any) -> bool:
    b, a = _array(b), _array(a)
    if _order(b, a) is None or dt.promote(strong(b), strong(a)) not in (dt.float32, dt.float64):
        return False
    _leads(a)
    return True


def _takes_lfilter(b: Any, a: Any, x: Any, axis: Any, zi: Any) -> bool:
    b, a, x = map(_array, (b, a, x))
    zi, order = None if zi is None else _array(zi), _order(b, a)
    if order is None or not _is_signal(x, axis, b, a, *(() if zi is None else (zi,))):
        return False
    at = axis % len(shape_of(x))
    if zi is not None and not _fits(zi, (*shape_of(x)[:at], order, *shape_of(x)[at + 1 :]), False):
        return False
    _leads(a)
    return True


def _takes_sosfilt(sos: Any, x: Any, axis: Any, zi: Any) -> bool:
    sos, x = _array(sos), _array(x)
    zi = None if zi is None else _array(zi)
    if len(shape_of(sos)) != 2 or shape_of(sos)[1] != 6 or type(shape_of(sos)[0]) is not int:
        return False
    if not 0 < 2 * shape_of(sos)[0] <= MOST or not _is_signal(x, axis, sos, *(() if zi is None else (zi,))):
        return False
    at = axis % len(shape_of(x))
    if zi is not None and not _fits(zi, (shape_of(sos)[0], *shape_of(x)[:at], 2, *shape_of(x)[at + 1 :]), True):
        return False
    ones = every(getitem(sos, (slice(None), 3)) == 1)
    active().assume(operand(active(), ones, dt.bool_), "sections of a filter begin with 1")
    return True


def _takes_filtfilt(b: Any, a: Any, x: Any, axis: Any, padtype: Any, padlen: Any, method: Any, irlen: Any) -> bool:
    lengths = [(shape_of(_array(one)) or (1,))[0] for one in (b, a)]
    if method != "pad" or padtype not in ("odd", "even", "constant", None) or not (padlen is None or type(padlen) is int):
        return False
    if not _takes_lfilter(b, a, x, axis, None):
        return False
    edge = 0 if padtype is None else 3 * max(lengths) if padlen is None else padlen
    return active().ask("gt", shape_of(x)[axis], edge) is True


_ACCEPTED: dict[str, Callable] = {
    "lfilter": _takes_lfilter,
    "lfilter_zi": _takes_lfilter_zi,
    "sosfilt": _takes_sosfilt,
    "filtfilt": _takes_filtfilt,
}
