"""Histograms: counts, or sums of weights, of what falls between edges, in one or more dimensions.

As NumPy has it: between even edges a place is computed and then compared with the edges beside it, between others searched.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, product
from hybrid.frontend import integers
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import bind, implements, unsupported
from hybrid.frontend.compositions import clip
from hybrid.frontend.creation import CONSTRUCTORS
from hybrid.frontend.elementwise import cast, select
from hybrid.frontend.gathering import diff
from hybrid.frontend.indexing import getitem
from hybrid.frontend.reductions import all as every
from hybrid.frontend.reductions import max as largest
from hybrid.frontend.reductions import min as smallest
from hybrid.frontend.reductions import sum as total
from hybrid.frontend.shaping import as_array, ravel, reshape
from hybrid.frontend.values import Value, active, assembled, operand, read, shape_of, strong, wrap
from hybrid.ir import trace as tr
from hybrid.ops import index as ix
from hybrid.ops import view as v

_INTEGRAL = (int, np.int64, np.int32)


def _array(x: Any) -> Any:
    return as_array(assembled(active(), x))


def _assume(condition: Any, what: str) -> None:
    active().assume(operand(active(), condition, dt.bool_), what)


# Edges ------------------------------------------------------------------------------------------------------------------
def _ends(a: Any, range: Any) -> tuple[Any, Any, Any, np.dtype]:
    """The first and the last edge, never equal, how far they are apart, and the dtype of the edges."""
    own = strong(a)
    if range is not None:
        low, high = range
        if isinstance(low, Value) or isinstance(high, Value) or low > high or not np.isfinite([low, high]).all():
            raise unsupported("a histogram over a range that only a run knows, or none")
    elif product(shape_of(a)) == 0:
        low, high = 0, 1
    else:
        low, high = smallest(a), largest(a)
        if dt.is_float(own):
            _assume(u.isfinite(low) & u.isfinite(high), "a histogram has finite ends")
        wide = own if dt.is_inexact(own) else np.dtype(np.float64)
        # Integers are subtracted as such: floats do not tell all of 64 bits apart.
        apart = cast(cast(high, np.uint64) - cast(low, np.uint64), wide) if dt.is_integer(own) else high - low
        same, low, high = low == high, cast(low, wide), cast(high, wide)
        low, high = select(same, low - wide.type(0.5), low), select(same, high + wide.type(0.5), high)
        return low, high, select(same, wide.type(1), apart), wide
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    wide = np.result_type(low, high, own)
    wide = wide if dt.is_inexact(wide) else np.result_type(wide, float)
    return low, high, wide.type(high - low), wide


def _even(low: Any, high: Any, bins: int, wide: np.dtype) -> Any:
    """Edges of as many bins as `np.linspace` computes them, all of them different."""
    if not isinstance(low, Value):
        edges = np.linspace(low, high, bins + 1, dtype=wide)
        if np.any(edges[:-1] >= edges[1:]):
            raise ValueError(f"Too many bins for data range. Cannot create {bins} finite-sized bins.")
        return CONSTRUCTORS[np.array](edges)
    if wide not in (dt.float32, dt.float64):
        raise unsupported("a histogram of short floats over their range")
    line = CONSTRUCTORS[np.array](np.arange(bins + 1).astype(wide)) * ((high - low) / wide.type(bins)) + low
    edges = select(CONSTRUCTORS[np.array](np.arange(bins + 1) == bins), high, line)
    _assume(every(getitem(edges, slice(None, -1)) < getitem(edges, slice(1, None))), "a histogram's bins have a size")
    return edges


def _count_of(bins: Any) -> int:
    if integers.is_traced_integer(bins) or type(bins) not in _INTEGRAL:
        raise unsupported("a histogram of a number of bins that only a run knows, or by a rule")
    if bins < 1:
        raise ValueError("`bins` must be positive, when an integer")
    return int(bins)


def _given_edges(bins: Any) -> tuple[Any, Any]:
    """Edges as they were given, and as an array whose order has been looked at."""
    steps = bins if isinstance(bins, Value) else np.asarray(bins)
    if len(shape_of(steps)) != 1:
        raise ValueError("`bins` must be 1d, when an array")
    if isinstance(shape_of(steps)[0], Dim) or shape_of(steps)[0] < 2:
        raise unsupported("a histogram of fewer than two edges, or of a number that only a run knows")
    if isinstance(steps, Value):
        if dt.is_complex(strong(steps)):
            raise unsupported("a histogram with complex edges")
        _assume(every(getitem(steps, slice(None, -1)) <= getitem(steps, slice(1, None))), "edges are in order")
        return steps, steps
    if steps.dtype.kind not in "iuf" or not np.all(steps[:-1] <= steps[1:]):
        raise unsupported("a histogram with edges that are not in order")
    made = CONSTRUCTORS[np.array](steps)
    return (bins if isinstance(bins, np.ndarray) else made), made


# Counts -----------------------------------------------------------------------------------------------------------------
def _added(places: Any, bins: int, weights: Any) -> Any:
    """How often each place below `bins` occurs, or the sums of the weights there; places of `bins` are left out."""
    trace = active()
    value = tr.literal(1, dt.int64) if weights is None else operand(trace, cast(ravel(weights), np.float64), dt.float64)
    zeros = trace.one(v.broadcast, tr.literal(0, value.type.dtype), shape=(bins + 1,))
    counted = trace.one(ix.scatter, zeros, operand(trace, places, dt.int64), value, axis=0, op="add")
    out = getitem(wrap(trace.fresh(counted, "ndarray")), slice(0, bins)) + 0
    return out if weights is None else cast(out, strong(weights))


def _placed(a: Any, low: Any, high: Any, size: Any, edges: Any, bins: int) -> Any:
    """The bin of each element between even edges; `bins` for those outside, of which there are none if the ends are a's."""
    trace, wide = active(), strong(edges)
    x = cast(a, wide)
    inside = None if isinstance(low, Value) else (a >= low) & (a <= high)
    share = (x - (low if isinstance(low, Value) else wide.type(low))) / size * wide.type(bins)
    share = share if inside is None else select(inside, share, wide.type(0))
    at = clip(cast(share, np.int64), 0, bins - 1)

    def edge(places: Any) -> Any:
        return wrap(trace.fresh(trace.one(ix.take, read(trace, edges), read(trace, places), axis=0, checked=False), "ndarray"))

    at = at - cast((x < edge(at)) & (at > 0), np.int64)
    at = at + cast((x >= edge(at + 1)) & (at != bins - 1), np.int64)
    return at if inside is None else select(inside, at, bins)


def _searched(a: Any, edges: Any) -> Any:
    """The bin of each element between any edges; of those outside the number of bins."""
    bins = shape_of(edges)[0] - 1
    wide = dt.promote(strong(a), strong(edges))
    x, steps = cast(a, wide), cast(edges, wide)
    inside = (x >= getitem(steps, 0)) & (x <= getitem(steps, -1))
    at = clip(bind(ix.searchsorted, steps, x, side="right") - 1, 0, bins - 1)
    return select(inside, at, bins)


def _checked(a: Any, weights: Any) -> Any:
    if strong(a) == dt.bool_ or dt.is_complex(strong(a)):
        raise unsupported("a histogram of booleans or complex numbers")
    if weights is None:
        return None
    weights = _array(weights)
    if shape_of(weights) != shape_of(a):
        raise ValueError("weights should have the same shape as a.")
    if strong(weights) == dt.bool_ or dt.is_complex(strong(weights)):
        raise unsupported("a histogram with weights that are booleans or complex numbers")
    return weights


@implements(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> tuple:
    """How many elements fall between edges, or the sums of their weights there; and the edges."""
    a = _array(a)
    weights = _checked(a, weights)
    line = ravel(a)
    if shape_of(bins):
        edges, steps = _given_edges(bins)
        places, count = _searched(line, steps), shape_of(steps)[0] - 1
    else:
        count = _count_of(bins)
        low, high, size, wide = _ends(a, range)
        edges = steps = _even(low, high, count, wide)
        places = _placed(line, low, high, size, steps, count)
    counts = _added(places, count, weights)
    if density:
        return counts / cast(diff(steps), np.float64) / total(counts), edges
    return counts, edges


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    """The edges that `histogram` counts between."""
    a = _array(a)
    _checked(a, weights)
    if shape_of(bins):
        return _given_edges(bins)[0]
    count = _count_of(bins)
    low, high, _, wide = _ends(a, range)
    return _even(low, high, count, wide)


# Several dimensions -------------------------------------------------------------------------------------------------------
def _grid(columns: list, bins: Any, range: Any, density: Any, weights: Any) -> tuple:
    """Counts in boxes, as float64, and the edges along each axis."""
    rank = len(columns)
    each = list(bins) if isinstance(bins, (list, tuple)) else [bins] * rank
    if len(each) != rank:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    ranges = [None] * rank if range is None else list(range)
    if len(ranges) != rank:
        raise ValueError("range argument must have one entry per dimension")
    edges, place, counts = [], None, []
    outside: Any = None
    for x, one, ends in zip(columns, each, ranges):
        if shape_of(one):
            _, steps = _given_edges(one)
        else:
            low, high, _, wide = _ends(x, ends)
            steps = _even(low, high, _count_of(one), wide if isinstance(low, Value) else np.dtype(np.float64))
        at, count = _searched(x, steps), shape_of(steps)[0] - 1
        beyond = at == count
        outside = beyond if outside is None else outside | beyond
        place = at if place is None else place * count + at
        edges.append(steps)
        counts.append(count)
    number = int(np.prod(counts))
    made = _added(select(outside, number, place), number, weights)
    made = reshape(cast(made, np.float64), tuple(counts))
    if density:
        every_one = total(made)
        for axis, steps in enumerate(edges):
            made = made / reshape(diff(steps), tuple(-1 if k == axis else 1 for k in np.arange(rank)))
        made = made / every_one
    return made, edges


def _columns(sample: Any) -> list:
    """The coordinates of points: the columns of a matrix, or one array for each dimension."""
    if isinstance(sample, (list, tuple)):
        columns = [_array(x) for x in sample]
        return [cast(x, dt.promote(*map(strong, columns))) for x in columns]
    x = _array(sample)
    if len(shape_of(x)) == 1:
        return [x]
    if len(shape_of(x)) != 2 or isinstance(shape_of(x)[1], Dim):
        raise unsupported("np.histogramdd of points of that many dimensions")
    return [getitem(x, (slice(None), k)) for k in np.arange(shape_of(x)[1]).tolist()]


@implements(np.histogramdd)
def histogramdd(sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> tuple:
    """How many points fall into boxes between edges along each axis, and the edges."""
    columns = _columns(sample)
    return _grid(columns, bins, range, density, _checked_points(columns, weights))


def _checked_points(columns: list, weights: Any) -> Any:
    for x in columns:
        if len(shape_of(x)) != 1 or shape_of(x) != shape_of(columns[0]):
            raise unsupported("np.histogramdd of coordinates of different lengths")
        checked = _checked(x, weights)
        if strong(x) not in (dt.float32, dt.float64, dt.int64, dt.int32):
            raise unsupported("np.histogramdd of such numbers")
    return checked


@implements(np.histogram2d)
def histogram2d(x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> tuple:
    """How many points fall into rectangles between edges along two axes, and the edges."""
    columns = _columns([x, y])
    if shape_of(columns[0]) != shape_of(columns[1]):
        raise ValueError("x and y must have the same length.")
    if isinstance(bins, (list, tuple)) and len(bins) not in (1, 2):
        bins = [np.asarray(bins)] * 2
    elif not isinstance(bins, (list, tuple)) and len(shape_of(bins)):
        if shape_of(bins)[0] in (1, 2):
            raise unsupported("np.histogram2d with an array of one or two numbers of bins")
        bins = [bins, bins]
    made, edges = _grid(columns, bins, range, density, _checked_points(columns, weights))
    return made, *edges
