"""Sets in arrays: what two have in common, what they have together, what only one has; which elements there are."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import implements, unsupported
from hybrid.frontend.gathering import take
from hybrid.frontend.joins import concatenate
from hybrid.frontend.orders import argsort, sort
from hybrid.frontend.positions import gathered, masked
from hybrid.frontend.samples import isin
from hybrid.frontend.selected import unique
from hybrid.frontend.shaping import as_array, ravel
from hybrid.frontend.values import active, assembled, operand, shape_of, sized, strong, wrap
from hybrid.ir import trace as tr
from hybrid.ops import elementwise as e

_NONE = np.zeros(1)
_COUNTS, _INVERSE, _ALL = (type(function(_NONE)) for function in (np.unique_counts, np.unique_inverse, np.unique_all))


def _line(x: Any) -> Any:
    x = ravel(as_array(assembled(active(), x)))
    if dt.is_complex(strong(x)):
        raise unsupported("sets of complex numbers")
    return x


def _beside(x: Any) -> tuple[Any, Any, Any]:
    """Of a vector in order: where each place is not the first, whether it equals the one before, and the one after."""
    trace, size = active(), shape_of(x)[0]
    place = wrap(trace.fresh(trace.one(e.iota, shape=(size,), axis=0), "ndarray"))
    last = wrap(trace.fresh(trace.one(e.sub, sized(trace, size), tr.literal(1, dt.int64)), "scalar"))
    before = gathered(trace, x, operand(trace, u.maximum(place - 1, 0), dt.int64), 1)
    after = gathered(trace, x, operand(trace, u.minimum(place + 1, last), dt.int64), 1)
    return place, (place > 0) & (x == before), (place < last) & (x == after)


@implements(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Any:
    """The distinct elements of two arrays, in order."""
    return unique(concatenate([_line(ar1), _line(ar2)]))


@implements(np.intersect1d)
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """The elements that two arrays have in common, in order; if asked for, where each comes first in both."""
    first, second = _line(ar1), _line(ar2)
    known: list = [None, None]
    if not assume_unique and return_indices:
        (first, known[0]), (second, known[1]) = unique(first, return_index=True), unique(second, return_index=True)
    elif not assume_unique:
        first, second = unique(first), unique(second)
    both, trace = concatenate([first, second]), active()
    if not return_indices:
        both = sort(both)
        return masked(both, _beside(both)[1])
    order = argsort(both, kind="stable")
    both = gathered(trace, both, operand(trace, order, dt.int64), 1)
    _, again, follows = _beside(both)
    one, other = masked(order, follows), masked(order, again)
    other = other - wrap(trace.fresh(sized(trace, shape_of(first)[0]), "scalar"))
    if not assume_unique:
        one, other = take(known[0], one), take(known[1], other)
    return masked(both, again), one, other


@implements(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """The distinct elements of one array that another does not have, in order."""
    first = _line(ar1) if assume_unique else unique(_line(ar1))
    return masked(first, isin(first, _line(ar2), invert=True))


@implements(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    """The elements that only one of two arrays has, in order."""
    parts = [_line(x) if assume_unique else unique(_line(x)) for x in (ar1, ar2)]
    both = sort(concatenate(parts))
    _, again, follows = _beside(both)
    return masked(both, ~(again | follows))


@implements(np.unique_counts)
def unique_counts(x: Any) -> Any:
    """The distinct elements in order, and how often each occurs."""
    return _COUNTS(*unique(x, return_counts=True, equal_nan=False))


@implements(np.unique_inverse)
def unique_inverse(x: Any) -> Any:
    """The distinct elements in order, and which of them each element is."""
    return _INVERSE(*unique(x, return_inverse=True, equal_nan=False))


@implements(np.unique_all)
def unique_all(x: Any) -> Any:
    """The distinct elements in order, where each comes first, which of them each element is, and how often each occurs."""
    return _ALL(*unique(x, True, True, True, equal_nan=False))
