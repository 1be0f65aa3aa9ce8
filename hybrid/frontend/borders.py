"""Arrays with a border, in all of NumPy's modes: parts of the array, and what is computed from them, put around it."""

from __future__ import annotations

import itertools
import math
from itertools import pairwise
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Shape, Size
from hybrid.frontend import integers
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.creation import CONSTRUCTORS
from hybrid.frontend.elementwise import cast, select
from hybrid.frontend.gathering import filled, take
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import concatenate
from hybrid.frontend.quantiles import median
from hybrid.frontend.reductions import any as some
from hybrid.frontend.reductions import max as largest
from hybrid.frontend.reductions import mean
from hybrid.frontend.reductions import min as smallest
from hybrid.frontend.shaping import broadcast_to, copied, reshape
from hybrid.frontend.ufuncs import floor, rint
from hybrid.frontend.values import (
    Value,
    active,
    header_of,
    holds_tensor,
    kind_of,
    laid_out,
    shape_of,
    sized,
    strong,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ops import elementwise as e
from hybrid.ops import view as v

MAX_RUNS = 8  # slices along one axis; a pattern of more is one gather
MAX_TILES = 27  # parts that are put together at once: three along each of three axes; of more, axis by axis
_STATISTICS = {"maximum": largest, "minimum": smallest, "mean": mean, "median": median}
_KEYWORDS = {"constant": "constant_values", "linear_ramp": "end_values", "reflect": "reflect_type", "symmetric": "reflect_type",
             "empty": None, "edge": None, "wrap": None} | dict.fromkeys(_STATISTICS, "stat_length")  # fmt: skip
Run = tuple[Size, int, Size]  # first place, step and number


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: str = "constant", **kwargs: Any) -> Any:
    """The array with a border, in any of NumPy's modes, e.g. constant, edge, reflect, wrap or linear_ramp.

    >>> hy.pad([1, 2, 3], (1, 2)), hy.pad([1, 2, 3], 2, mode="reflect")
    (array([0, 1, 2, 3, 0, 0]), array([3, 2, 1, 2, 3, 2, 1]))
    """
    x = traced(array)
    rank = len(shape_of(x))
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(k, pad_width.get(k - rank, 0)) for k in range(rank)]
        pad_width = [w if isinstance(w, (tuple, list)) else (w, w) for w in pad_width]
    widths = _widths(pad_width, rank)
    if any(active().ask("lt", w, 0) is not False for pair in widths for w in pair):
        raise ValueError("index can't contain negative values")
    if callable(mode):
        raise unsupported("np.pad by a function", "use one of its modes")
    if mode not in _KEYWORDS:
        raise ValueError(f"mode '{mode}' is not supported")
    unknown = set(kwargs) - {_KEYWORDS[mode]}
    if unknown:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {unknown}")
    axes = [axis for axis, pair in enumerate(widths) if pair != [0, 0]]
    if mode in ("constant", "empty"):
        return _new(array, _constant(x, widths, kwargs.get("constant_values", 0)))
    for axis in axes:
        if shape_of(x)[axis] == 0:
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    if mode in _STATISTICS:
        lengths = _pairs(kwargs.get("stat_length"), rank)
        for axis in axes:
            x = _by_statistic(x, axis, widths[axis], lengths[axis], mode)
    elif mode == "linear_ramp":
        ends = _pairs(kwargs.get("end_values", 0), rank)
        for axis in axes:
            x = _ramped(x, axis, widths[axis], ends[axis])
    elif kwargs.get("reflect_type", "even") == "odd":
        for axis in axes:
            x = _turned(x, axis, widths[axis], mode)
    else:
        x = _patterned(x, {axis: _runs(shape_of(x)[axis], widths[axis], mode) for axis in axes})
    return _new(array, copied(x, v.reshape, shape=shape_of(x)) if not axes else x)


def _widths(pad_width: Any, rank: int) -> list[list[Size]]:
    """Before and after each axis."""
    trace = active()
    if not holds_tensor((pad_width,)):
        return np.broadcast_to(np.asarray(pad_width), (rank, 2)).tolist()
    pairs = list(pad_width) if isinstance(pad_width, (list, tuple)) else [pad_width]
    pairs = [list(pair) if isinstance(pair, (list, tuple)) else [pair] for pair in pairs]
    if len(pairs) == 2 and all(len(pair) == 1 for pair in pairs):
        pairs = [[pairs[0][0], pairs[1][0]]]  # the same two on every axis
    pairs = [[integers.stated(trace, w) for w in (pair * 2)[:2]] for pair in pairs]
    if len(pairs) not in (1, rank):
        raise unsupported(f"np.pad with widths for {len(pairs)} axes of {rank}")
    return pairs * rank if len(pairs) == 1 else pairs


def _pairs(given: Any, rank: int) -> list[list]:
    """What an argument says for before and after each axis: one thing, two, or two for each axis."""
    if len(shape_of(given)) and isinstance(given, Value):
        raise unsupported("np.pad with an array of values that only a run knows")
    rows = given.tolist() if isinstance(given, np.ndarray) and given.ndim else given
    rows = list(rows) if isinstance(rows, (list, tuple)) else [[rows]]
    if not any(isinstance(row, (list, tuple)) for row in rows):
        rows = [rows]
    if len(rows) not in (1, rank) or any(len(row) not in (1, 2) for row in rows):
        raise ValueError(f"np.pad takes one or two values, or two for each axis: {given!r}")
    return [list(row) * (3 - len(row)) for row in (rows * rank if len(rows) == 1 else rows)]


def _new(array: Any, result: Any) -> Any:
    """A result with the layout that np.pad gives it: Fortran's for an array in that order, else C's."""
    header = header_of(array)
    fortran = header is not None and header.flags.fnc
    return laid_out(result, np.empty(active().hinted(shape_of(result)), np.uint8, "F") if fortran else None)


def _mosaic(x: Any, parts: list[tuple[Atom, tuple]], shape: Shape) -> Any:
    """An array of the kind of x put together from parts and their places."""
    atoms, starts = zip(*parts)
    made = active().one(v.mosaic, *atoms, shape=tuple(shape), starts=tuple(starts))
    return wrap(active().fresh(made, "tensor" if kind_of(x) == "tensor" else "ndarray"))


# One value -----------------------------------------------------------------------------------------------------------------
def _constant(x: Any, widths: list, values: Any) -> Any:
    pairs = _pairs(values, len(shape_of(x)))
    different = {value if not isinstance(value, Value) else id(value) for pair in pairs for value in pair}
    if len(different) <= 1:
        return _framed(x, widths, pairs[0][0] if pairs else 0)
    for axis, (width, pair) in enumerate(zip(widths, pairs)):
        ends = [tuple(n if k == axis else s for k, s in enumerate(shape_of(x))) for n in width]
        x = concatenate([filled(x, ends[0], pair[0]), x, filled(x, ends[1], pair[1])], axis)
    return x


def _framed(x: Any, widths: list, fill: Any) -> Any:
    """x with boxes around it that hold one value: for each axis one before and one after, as wide as those of later axes."""
    shape = shape_of(x)
    rank, target = len(shape), tuple(before + size + after for size, (before, after) in zip(shape, widths))
    start = tuple(before for before, _ in widths)
    parts: list[tuple[Atom, tuple]] = []

    def box(axis: int, place: Size, width: Size) -> None:
        sizes = (*shape[:axis], width, *target[axis + 1 :])
        if not any(size == 0 for size in sizes if isinstance(size, int)):
            parts.append((tr.read(unwrap(filled(x, sizes, fill))), (*start[:axis], place, *(0,) * (rank - axis - 1))))

    for axis in range(rank):
        box(axis, 0, widths[axis][0])
    if not any(size == 0 for size in shape if isinstance(size, int)):
        parts.append((tr.read(unwrap(x)), start))
    for axis in reversed(range(rank)):
        box(axis, start[axis] + shape[axis], widths[axis][1])
    return _mosaic(x, parts, target) if parts else filled(x, target, fill)


# The array's own elements ------------------------------------------------------------------------------------------------
def _runs(size: Size, widths: list[Size], mode: str) -> list[Run] | np.ndarray:
    """The places along an axis that a padded one reads, in runs, or one by one where there would be many."""
    before, after = widths
    least, first, last = {
        "edge": (1, (0, 0), (size - 1, 0)),
        "reflect": (1, (before, -1), (size - 2, -1)),
        "symmetric": (0, (before - 1, -1), (size - 1, -1)),
        "wrap": (0, (size - before, 1), (0, 1)),
    }[mode]
    if isinstance(size, int) and isinstance(before, int) and isinstance(after, int):
        if size < (1 if mode == "edge" else least + max(before, after)):
            return _found(np.pad(np.arange(size), (before, after), mode))  # type: ignore[call-overload]
    else:
        for width in (before, after) if mode != "edge" else (0,):
            _require(size, width + least)
    return [run for run in ((*first, before), (0, 1, size), (*last, after)) if not (isinstance(run[2], int) and run[2] == 0)]


def _require(size: Size, need: Size) -> None:
    trace = active()
    enough = trace.ask("ge", size, need)
    if enough is False:
        raise unsupported("a border wider than an array whose size varies")
    if enough is None:
        trace.assume(trace.one(e.ge, sized(trace, size), sized(trace, need)), "a border is no wider than the array")


def _found(places: np.ndarray) -> list[Run] | np.ndarray:
    cuts, steps = [0], np.diff(places)
    while cuts[-1] < len(places):
        first = cuts[-1]
        changes = np.nonzero(steps[first:] != steps[first])[0] if first < len(steps) else np.empty(0)
        cuts.append(first + 1 + int(changes[0]) if len(changes) else len(places))
        if len(cuts) > MAX_RUNS:
            return places
    return [(int(places[a]), int(steps[a]) if b - a > 1 else 1, b - a) for a, b in pairwise(cuts)]


def _patterned(x: Any, found: dict[int, Any]) -> Any:
    """x at places along some axes: as a mosaic of its slices where they are not too many."""
    runs = {axis: each for axis, each in found.items() if isinstance(each, list)}
    for axis, places in found.items():
        if axis not in runs:
            x = take(x, places, axis)
    while runs:
        axes = list(runs)
        while math.prod(len(runs[axis]) for axis in axes) > MAX_TILES and len(axes) > 1:
            axes.pop()
        parts, shape = [], list(shape_of(x))
        for chosen in itertools.product(*(range(len(runs[axis])) for axis in axes)):
            atom, start = tr.read(unwrap(x)), [0] * len(shape)
            for axis, k in zip(axes, chosen):
                atom = _run(atom, axis, *runs[axis][k])
                start[axis] = sum((run[2] for run in runs[axis][:k]), start=0)  # type: ignore[misc]
            parts.append((atom, tuple(start)))
        for axis in axes:
            shape[axis] = sum((run[2] for run in runs.pop(axis)), start=0)  # type: ignore[misc]
        x = _mosaic(x, parts, tuple(shape))
    return x


def _run(atom: Atom, axis: int, start: Size, step: int, count: Size) -> Atom:
    shape = atom.type.shape

    def along(here: Any, others: Any) -> tuple:
        return tuple(here if k == axis else other for k, other in enumerate(others))

    zeros, ones, wanted = (0,) * len(shape), (1,) * len(shape), along(count, shape)
    if step == 0:
        one = active().one(v.slice_, atom, start=along(start, zeros), step=ones, shape=along(1, shape))
        return active().one(v.broadcast, one, shape=wanted) if wanted != one.type.shape else one
    return active().one(v.slice_, atom, start=along(start, zeros), step=along(step, ones), shape=wanted)


# Computed from the array, one axis after another -------------------------------------------------------------------------
def _part(x: Any, axis: int, *ends: Any) -> Any:
    return getitem(x, (*(slice(None),) * axis, slice(*ends)))


def _around(x: Any, axis: int, left: Any, right: Any) -> Any:
    return concatenate([part if part is x else cast(part, strong(x)) for part in (left, x, right) if part is not None], axis)


def _stretched(x: Any, axis: int, width: Size) -> Any:
    return broadcast_to(x, tuple(width if k == axis else size for k, size in enumerate(shape_of(x))))


def _by_statistic(x: Any, axis: int, widths: list, lengths: list, mode: str) -> Any:
    """A statistic of the elements next to each end, repeated."""
    if dt.is_complex(strong(x)) and mode != "mean":
        raise unsupported(f"np.pad(mode={mode!r}) of complex numbers")
    size, ends = shape_of(x)[axis], []
    for last, (width, length) in enumerate(zip(widths, lengths)):
        if not (length is None or type(length) is int) or (length is not None and isinstance(size, Dim)):
            raise unsupported("np.pad with a stat_length that only a run knows, or of a size that varies")
        if length is not None and length < 1:
            raise ValueError("stat_length of 0 yields no value for padding")
        near = x if length is None or length >= size else _part(x, axis, *((-length, None) if last else (None, length)))
        if mode == "median":
            value = _stretched(median(near, axis, keepdims=True), axis, 1)
        else:
            value = _STATISTICS[mode](near, axis, keepdims=True)
        value = rint(value) if dt.is_integer(strong(x)) and not dt.is_integer(strong(value)) else value
        ends.append(_stretched(cast(value, strong(x)), axis, width))
    return _around(x, axis, *ends)


def _ramped(x: Any, axis: int, widths: list, ends: list) -> Any:
    """Even steps from a value at the outer end to the element at the edge, as `np.linspace` computes them."""
    wide, ramps = np.result_type(strong(x), np.float64), []
    for last, (width, end) in enumerate(zip(widths, ends)):
        if isinstance(width, Dim):
            raise unsupported("np.pad(mode='linear_ramp') by a width that varies")
        edge = cast(_part(x, axis, -1, None) if last else _part(x, axis, None, 1), wide)
        end = cast(traced(end), wide)
        counted = np.arange(width)[::-1] if last else np.arange(width)
        k = reshape(cast(CONSTRUCTORS[np.array](counted), wide), tuple(-1 if a == axis else 1 for a in range(len(shape_of(x)))))
        delta = edge - end
        step = delta / width if width else delta
        flat = some(step == 0)
        ramp = (select(flat, k / max(width, 1) * delta, k * step)) + end
        ramps.append(floor(ramp) if dt.is_integer(strong(x)) else ramp)
    return _around(x, axis, *ramps)


def _turned(x: Any, axis: int, widths: list, mode: str) -> Any:
    """Reflected and turned about the edge, again and again until the border is full."""
    period, (left, right) = shape_of(x)[axis], widths
    if any(isinstance(n, Dim) for n in (period, left, right)):
        raise unsupported("np.pad(reflect_type='odd') of a size that varies")
    if period == 1:
        return _around(x, axis, _stretched(x, axis, left), _stretched(x, axis, right))
    edge = mode == "symmetric"
    while left > 0 or right > 0:
        size = shape_of(x)[axis]
        most = size // period * period if edge else (size - 1) // (period - 1) * (period - 1)
        ends = []
        for last, width in enumerate((left, right)):
            count = min(most, width)
            if last:
                near, own = _part(x, axis, size - count - (not edge), size - (not edge)), _part(x, axis, -1, None)
            else:
                near, own = _part(x, axis, int(not edge), count + (not edge)), _part(x, axis, None, 1)
            ends.append(2 * own - _part(near, axis, None, None, -1))
            left, right = (left, right - count) if last else (left - count, right)
        x = _around(x, axis, *ends)
    return x
