"""Extremes, ranks and morphology of `scipy.ndimage`: elements of windows, chosen by comparing shifts of a padded image.

NaN has no place in an order: what SciPy makes of it follows from the order of its comparisons, so such images are left to it.
Which of the zeros of both signs in a window has a rank is open, as it is when sorting.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import normalize_axis
from hybrid.frontend import hosted
from hybrid.frontend.calls import unsupported
from hybrid.frontend.elementwise import cast, select
from hybrid.frontend.images import Pairs, along, axes_of, each, finished, image, padded, reach, shifted
from hybrid.frontend.indexing import getitem
from hybrid.frontend.reductions import all as every
from hybrid.frontend.shaping import as_array, copied
from hybrid.frontend.values import Value, active, assembled, operand, shape_of, strong
from hybrid.ops import view as v

MAX_PARTS = 49  # elements of a window that are compared one by one
MAX_RANKED = 25  # elements of a window that a network of comparisons sorts
MAX_ROUNDS = 8  # of erosion that are written out
_DIRECT = 7  # elements along an axis up to which comparing neighbours takes no more than doubling windows


def _ordered(x: Any) -> Any:
    """x, none of whose elements is NaN."""
    if dt.is_float(strong(x)):
        active().assume(operand(active(), every(x == x), dt.bool_), "an image has no NaN")
    return x


def _work(x: Any, mode: Any, cval: Any) -> Any:
    """x in a dtype in which SciPy's comparisons, of float64, come out the same."""
    if isinstance(cval, Value):
        raise unsupported("a filter with a border that only a run knows")
    own = strong(x)
    exact = own.itemsize < 8 or dt.is_float(own)
    fits = mode not in ("constant", "grid-constant") or _holds(own, cval)
    if own == dt.bool_ and not fits:
        raise unsupported("an image of booleans with a border that is none")
    return x if exact and fits else cast(x, np.float64)


def _holds(dtype: np.dtype, value: Any) -> bool:
    if dt.is_float(dtype):
        return True
    least, most = (0, 1) if dtype == dt.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return float(value).is_integer() and least <= value <= most


# Extremes along axes ------------------------------------------------------------------------------------------------------
def _later(least: bool, first: Any, second: Any) -> Any:
    """The extreme of two, the second where they are equal."""
    return select(second <= first if least else second >= first, second, first)


def _extreme1d(x: Any, size: Any, axis: int, mode: Any, cval: Any, origin: Any, least: bool, dtype: np.dtype) -> Any:
    count = operator.index(size)
    widths: Pairs = [(0, 0)] * len(shape_of(x))
    widths[axis] = reach(count, origin)
    wide, have = padded(_work(x, mode, cval), widths, mode, cval), 1
    if count <= _DIRECT:
        out = along(wide, axis, shifted(0, count))
        for k in range(1, count):
            out = _later(least, out, along(wide, axis, shifted(k, count)))
        return finished(out, dtype)
    while have < count:  # windows twice as long, and the last ones of two that overlap
        step = min(have, count - have)
        wide = _later(least, along(wide, axis, slice(None, -step)), along(wide, axis, slice(step, None)))
        have += step
    return finished(wide, dtype)


def _along_axis(least: bool) -> Callable:
    def extreme(input: Any, size: Any, axis: Any = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
                origin: Any = 0) -> Any:  # fmt: skip
        x, dtype = image(input, output, (dt.bool_,))
        return _extreme1d(_ordered(x), size, normalize_axis(axis, len(shape_of(x))), mode, cval, origin, least, dtype)

    return extreme


def _as_c(value: Any, dtype: np.dtype) -> Any:
    """A number as C casts it."""
    return np.float64(value).astype(np.int64).astype(dtype) if dt.is_integer(dtype) else dtype.type(value)


# Extremes of footprints ---------------------------------------------------------------------------------------------------
def _known(array: Any, what: str) -> np.ndarray:
    if isinstance(array, Value) or any(isinstance(one, Value) for one in (array if isinstance(array, (list, tuple)) else ())):
        raise unsupported(f"a filter whose {what} only a run knows")
    return np.asarray(array)


def _extreme(x: Any, size: Any, footprint: Any, structure: Any, dtype: np.dtype, mode: Any, cval: Any, origin: Any, axes: Any,
             least: bool) -> Any:  # fmt: skip
    if size is not None and footprint is not None:
        raise unsupported("a filter of a size and a footprint, of which one is ignored with a warning")
    if footprint is not None:
        footprint = _known(footprint, "footprint").astype(bool)
    if structure is None and (footprint is None or footprint.all()):
        places, size = axes_of(x, axes), size if footprint is None else footprint.shape
        given = x = _ordered(x)
        for axis, count, place, ends in zip(places, *(each(one, len(places)) for one in (size, origin, mode))):
            x = _extreme1d(x, int(count), axis, ends, cval, place, least, dtype) if count > 1 else x
        return x if x is not given else finished(copied(x, v.reshape, shape=shape_of(x)), dtype)
    heights = None if structure is None else _known(structure, "structure").astype(np.float64)
    if footprint is None:
        assert heights is not None
        footprint = np.ones(heights.shape, bool)
    if axes is not None or footprint.ndim != len(shape_of(x)) or footprint.sum() > MAX_PARTS or not footprint.any():
        raise unsupported("a filter along some axes, or of so many elements")
    if heights is not None and heights.shape != footprint.shape:
        raise unsupported("a footprint and a structure of different shapes")
    if isinstance(cval, Value):
        raise unsupported("a filter with a border that only a run knows")
    # SciPy compares in float64, and casts the border and all heights but the first to the image's dtype, in which it adds.
    widths, own = list(map(reach, footprint.shape, each(origin, footprint.ndim))), strong(x)
    wide, out = padded(x, widths, mode, _as_c(cval, own)), None
    for place in map(tuple, np.argwhere(footprint)):
        part = getitem(wide, tuple(map(shifted, map(int, place), footprint.shape)))
        if heights is not None:
            height = -heights[place] if least else heights[place]
            part = cast(part, np.float64) + height if out is None else cast(part + _as_c(height, own), np.float64)
        part = cast(part, np.float64) if own.itemsize == 8 else part
        out = part if out is None else select(part < out if least else part > out, part, out)
    return finished(out, dtype)


def _of_footprint(least: bool) -> Callable:
    def extreme(input: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect",
                cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
        x, dtype = image(input, output, (dt.bool_,))
        return _extreme(x, size, footprint, None, dtype, mode, cval, origin, axes, least)

    return extreme


def grey_erosion(input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
                 mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    x, dtype = image(input, output)
    return _extreme(x, size, footprint, structure, dtype, mode, cval, origin, axes, True)


def grey_dilation(input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
                  mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    x, dtype = image(input, output)
    places = axes_of(x, axes)
    structure, footprint = (None if array is None else np.flip(_known(array, "structure")) for array in (structure, footprint))
    sizes = footprint.shape if footprint is not None else structure.shape if structure is not None else each(size, len(places))
    origins = _mirrored(sizes, each(origin, len(places)))
    return _extreme(x, size, footprint, structure, dtype, mode, cval, origins, axes, False)


def _mirrored(sizes: Any, origins: list) -> list:
    """Where windows lie that have been turned about their middles."""
    return [-origin - (size % 2 == 0) for size, origin in zip(sizes, origins)]


def _in_turn(first: Callable, second: Callable) -> Callable:
    def both(input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
             mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
        made = first(input, size, footprint, structure, None, mode, cval, origin, axes=axes)
        return second(made, size, footprint, structure, output, mode, cval, origin, axes=axes)

    return both


# Ranks --------------------------------------------------------------------------------------------------------------------
@functools.cache
def _network(count: int, rank: int) -> tuple[tuple[int, int, bool, bool], ...]:
    """Comparisons, of two places, that bring the element of a rank to its place: Batcher's, where the smaller and the larger
    of two are made only if something reads them."""
    pairs, half = [], 1
    while half < count:
        step = half
        while step >= 1:
            for start in range(step % half, count - step, 2 * step):
                for k in range(start, min(start + step, count - step)):
                    if k // (2 * half) == (k + step) // (2 * half):
                        pairs.append((k, k + step))
            step //= 2
        half *= 2
    needed, out = {rank}, []
    for low, high in reversed(pairs):
        if low in needed or high in needed:
            out.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(out))


def _ranked(parts: list, rank: int) -> Any:
    for low, high, smaller, larger in _network(len(parts), rank):
        one, other = parts[low], parts[high]
        less = other < one
        if smaller:
            parts[low] = select(less, other, one)
        if larger:
            parts[high] = select(less, one, other)
    return parts[rank]


def _by_rank(x: Any, choose: Callable[[int], int], size: Any, footprint: Any, dtype: np.dtype, mode: Any, cval: Any,
             origin: Any, axes: Any) -> Any:  # fmt: skip
    rank_of_image = len(shape_of(x))
    if axes is not None or (size is None) == (footprint is None):
        raise unsupported("a rank along some axes, or of a size and a footprint, of which one is ignored with a warning")
    shape = [operator.index(n) for n in each(size, rank_of_image)] if footprint is None else ()
    window = np.ones(shape, bool) if footprint is None else _known(footprint, "footprint").astype(bool)
    count = int(window.sum())
    rank = choose(count)
    rank += count if rank < 0 else 0
    if not 0 <= rank < count:
        raise RuntimeError("rank not within filter footprint size")
    if rank in (0, count - 1):
        return _extreme(x, None, window, None, dtype, mode, cval, origin, None, rank == 0)
    if count > MAX_RANKED or window.ndim != rank_of_image or type(mode) is not str:
        raise unsupported("a rank among so many elements")
    if rank_of_image == 1 and (dt.is_integer(strong(x)) or strong(x) == dt.bool_):
        x = cast(x, np.int64)  # in which SciPy compares them
    if isinstance(cval, Value) or ("constant" in mode and strong(x) == dt.bool_ and cval not in (0, 1)):
        raise unsupported("a border that only a run knows, or that is no boolean")
    wide = padded(_ordered(x), list(map(reach, window.shape, each(origin, rank_of_image))), mode, _as_c(cval, strong(x)))
    wide = cast(wide, np.float64) if rank_of_image > 1 and strong(x).itemsize == 8 else wide
    parts = [getitem(wide, tuple(map(shifted, map(int, place), window.shape))) for place in np.argwhere(window)]
    return finished(_ranked(parts, rank), dtype)


def median_filter(input: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect",
                  cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    x, dtype = image(input, output, (dt.bool_,))
    return _by_rank(x, lambda count: count // 2, size, footprint, dtype, mode, cval, origin, axes)


def rank_filter(input: Any, rank: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect",
                cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    x, dtype = image(input, output, (dt.bool_,))
    if isinstance(rank, Value):
        raise unsupported("a rank that only a run knows")
    return _by_rank(x, lambda count: operator.index(rank), size, footprint, dtype, mode, cval, origin, axes)


def percentile_filter(input: Any, percentile: Any, size: Any = None, footprint: Any = None, output: Any = None,
                      mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    x, dtype = image(input, output, (dt.bool_,))
    if isinstance(percentile, Value):
        raise unsupported("a percentile that only a run knows")
    share = percentile + 100.0 if percentile < 0.0 else percentile
    if not 0 <= share <= 100:
        raise RuntimeError("invalid percentile")

    def choose(count: int) -> int:
        return count - 1 if share == 100.0 else int(float(count) * share / 100.0)

    return _by_rank(x, choose, size, footprint, dtype, mode, cval, origin, axes)


# Binary morphology --------------------------------------------------------------------------------------------------------
def _structure(structure: Any, rank: int) -> np.ndarray:
    """The places that decide about an element: by default its neighbours along the axes, and itself."""
    if structure is None:
        return np.abs(np.indices((3,) * rank) - 1).sum(0) <= 1
    known = _known(structure, "structure").astype(bool)
    if known.ndim != rank or not known.any():
        raise unsupported("a structure of another rank, or an empty one")
    return known


def _eroded(input: Any, structure: np.ndarray, iterations: Any, mask: Any, output: Any, border: Any, origins: list,
            invert: bool) -> Any:  # fmt: skip
    x = as_array(assembled(active(), input))
    rank = len(shape_of(x))
    if output is not None or isinstance(border, Value) or not rank or dt.is_complex(strong(x)):
        raise unsupported("erosion into an array that is there, or of a number")
    if type(iterations) is not int or not 1 <= iterations <= MAX_ROUNDS or structure.sum() > MAX_PARTS:
        raise unsupported("erosion that often, or of so many elements")
    if mask is not None:
        mask = as_array(assembled(active(), mask))
        if shape_of(mask) != shape_of(x):
            raise unsupported("a mask of another shape")
    widths, outside = list(map(reach, structure.shape, origins)), bool(border) != invert
    x = (x == 0) if invert else (x != 0)
    for _ in range(iterations):
        wide, out = padded(x, widths, "constant", outside), None
        for place in map(tuple, np.argwhere(structure)):
            part = getitem(wide, tuple(map(shifted, map(int, place), structure.shape)))
            out = part if out is None else out & part
        x = out if mask is None else select(mask != 0, out, x)
    return finished(~x if invert else x, dt.bool_)


def binary_erosion(input: Any, structure: Any = None, iterations: Any = 1, mask: Any = None, output: Any = None,
                   border_value: Any = 0, origin: Any = 0, brute_force: Any = False) -> Any:  # fmt: skip
    rank = len(shape_of(input))
    return _eroded(input, _structure(structure, rank), iterations, mask, output, border_value, each(origin, rank), False)


def binary_dilation(input: Any, structure: Any = None, iterations: Any = 1, mask: Any = None, output: Any = None,
                    border_value: Any = 0, origin: Any = 0, brute_force: Any = False) -> Any:  # fmt: skip
    rank = len(shape_of(input))
    known = np.flip(_structure(structure, rank))
    origins = _mirrored(known.shape, each(origin, rank))
    return _eroded(input, known, iterations, mask, output, border_value, origins, True)


def _both(first: Callable, second: Callable) -> Callable:
    def both(input: Any, structure: Any = None, iterations: Any = 1, output: Any = None, origin: Any = 0, mask: Any = None,
             border_value: Any = 0, brute_force: Any = False) -> Any:  # fmt: skip
        made = first(input, structure, iterations, mask, None, border_value, origin)
        return second(made, structure, iterations, mask, output, border_value, origin)

    return both


_FORMS: dict[str, Callable] = {
    "minimum_filter1d": _along_axis(True), "maximum_filter1d": _along_axis(False), "minimum_filter": _of_footprint(True),
    "maximum_filter": _of_footprint(False), "grey_erosion": grey_erosion, "grey_dilation": grey_dilation,
    "grey_opening": _in_turn(grey_erosion, grey_dilation), "grey_closing": _in_turn(grey_dilation, grey_erosion),
    "median_filter": median_filter, "rank_filter": rank_filter, "percentile_filter": percentile_filter,
    "binary_erosion": binary_erosion, "binary_dilation": binary_dilation,
    "binary_opening": _both(binary_erosion, binary_dilation), "binary_closing": _both(binary_dilation, binary_erosion),
}  # fmt: skip
hosted.COMPOSED.update({f"scipy.ndimage.{name}": form for name, form in _FORMS.items()})
