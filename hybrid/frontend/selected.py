"""Functions that choose elements, where it matters how many there are: `nonzero`, `where(c)`, `compress`, `unique`."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import normalize_axis
from hybrid.frontend import reductions
from hybrid.frontend import ufuncs as u
from hybrid.frontend.elementwise import cast
from hybrid.frontend.positions import gathered, indices_of, masked
from hybrid.frontend.shaping import concatenate, moveaxis, reshape, stack, transpose
from hybrid.frontend.values import active, assembled, implements, operand, shape_of, sized, strong, traced, unsupported, wrap
from hybrid.ir import trace as tr
from hybrid.ops import elementwise as e
from hybrid.ops import index as ix
from hybrid.ops import view as v


@implements(np.nonzero)
def nonzero(a: Any) -> tuple:
    """For each axis the indices of the elements that are not zero, in order."""
    a = traced(assembled(active(), a))
    if not shape_of(a):
        raise ValueError("Calling nonzero on 0d arrays is not allowed. Use np.atleast_1d(scalar).nonzero() instead.")
    return indices_of(a)


@implements(np.flatnonzero)
def flatnonzero(a: Any) -> Any:
    """The places of the elements that are not zero, counted over all axes."""
    return indices_of(reshape(traced(assembled(active(), a)), -1))[0]


@implements(np.argwhere)
def argwhere(a: Any) -> Any:
    """The indices of the elements that are not zero, a row for each."""
    a = traced(assembled(active(), a))
    if not shape_of(a):
        raise unsupported("np.argwhere of a number")
    return transpose(stack(indices_of(a)))


@implements(np.compress)
def compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    """The slices along an axis (of all elements without `axis`) for which a condition holds."""
    if out is not None:
        raise unsupported("np.compress with out=", "assign the result instead")
    a, condition = traced(assembled(active(), a)), traced(assembled(active(), condition))
    if axis is None:
        a, axis = reshape(a, -1), 0
    if len(shape_of(condition)) != 1:
        raise ValueError("condition must be a 1-d array")
    along = normalize_axis(axis, len(shape_of(a)))
    if shape_of(condition)[0] != shape_of(a)[along]:
        raise unsupported("np.compress with a condition of another length", "cut the array first")
    return moveaxis(masked(moveaxis(a, along, 0), condition), 0, along)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Any:
    """The elements of an array where a condition of its size holds."""
    return compress(reshape(traced(assembled(active(), condition)), -1), reshape(traced(assembled(active(), arr)), -1))


@implements(np.unique)
def unique(ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, axis: Any = None, *,
           equal_nan: bool = True, sorted: bool = True) -> Any:  # fmt: skip
    """The distinct elements in order, and if asked for where each comes first, which of them each element is, and how many."""
    trace = active()
    x = traced(assembled(trace, ar))
    if axis is not None:
        raise unsupported("np.unique along an axis")
    shape, x = shape_of(x), reshape(x, -1)
    count = shape_of(x)[0]
    order = reductions.argsort(x, kind="stable") if return_index or return_inverse else None
    ordered = gathered(trace, x, operand(trace, order, dt.int64), 1) if order is not None else reductions.sort(x)
    place = wrap(trace.fresh(trace.one(e.iota, shape=(count,), axis=0), "ndarray"))
    before = gathered(trace, ordered, operand(trace, u.maximum(place - 1, 0), dt.int64), 1)
    first = (place == 0) | (ordered != before)
    if equal_nan and dt.is_inexact(strong(x)):
        first = first & ~((place != 0) & u.isnan(ordered) & u.isnan(before))
    values = masked(ordered, first)
    if not (return_index or return_inverse or return_counts):
        return values
    out = [values]
    if return_index:
        out.append(masked(order, first))
    if return_inverse:
        which = reductions.cumsum(cast(first, dt.int64)) - 1
        zero = trace.one(v.broadcast, tr.literal(0, dt.int64), shape=(count,))
        given = trace.one(ix.scatter, zero, operand(trace, order, dt.int64), operand(trace, which, dt.int64), axis=0, op="set")
        out.append(reshape(wrap(trace.fresh(given, "ndarray")), shape))
    if return_counts:
        end = reshape(wrap(trace.fresh(sized(trace, count), "ndarray")), (1,))
        starts = concatenate([indices_of(first)[0], end])
        out.append(starts[1:] - starts[:-1])
    return tuple(out)
