"""What samples say: covariances, places among edges, membership, differences."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, normalize_axis
from hybrid.frontend import integers
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import bind, implements, traced, unsupported
from hybrid.frontend.compositions import clip
from hybrid.frontend.creation import zeros
from hybrid.frontend.elementwise import cast, select
from hybrid.frontend.gathering import diag, diagonal, diff, take
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import concatenate
from hybrid.frontend.linear import cross, matmul
from hybrid.frontend.linear import vecdot as last_dot
from hybrid.frontend.orders import cumsum, sort
from hybrid.frontend.reductions import all as every
from hybrid.frontend.reductions import mean
from hybrid.frontend.reductions import sum as total
from hybrid.frontend.shaping import as_array, flip, moveaxis, ravel, reshape, squeeze, transpose
from hybrid.frontend.values import Value, active, assembled, broadcast_shapes, laid_out, like, operand, shape_of, strong, wrap
from hybrid.ir import trace as tr
from hybrid.ops import index as ix

MAX_COMPARED = 8  # elements that all others are compared with, one by one; more are sorted and searched
_NO_VALUE = np._NoValue


def _array(x: Any) -> Any:
    return as_array(assembled(active(), x))


def _assume(condition: Any, what: str) -> None:
    active().assume(operand(active(), condition, dt.bool_), what)


# Covariances ------------------------------------------------------------------------------------------------------------
def _observations(m: Any, rowvar: bool, dtype: np.dtype) -> Any:
    x = cast(_array(m), dtype)
    if len(shape_of(x)) > 2:
        raise ValueError("m has more than 2 dimensions")
    x = x if len(shape_of(x)) == 2 else reshape(x, (1, -1))
    return x if rowvar or (len(shape_of(m)) != 2) or shape_of(x)[0] == 1 else transpose(x)


@implements(np.cov)
def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, fweights: Any = None,
        aweights: Any = None, *, dtype: Any = None) -> Any:  # fmt: skip
    """The covariances of variables, one in each row (in each column without `rowvar`)."""
    if isinstance(ddof, Value) or (not rowvar and 1 in shape_of(m)):
        raise unsupported("np.cov of one variable in a column, or with ddof that only a run knows")
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    own = dt.promote(*(strong(_array(x)) for x in (m, y) if x is not None), dt.float64)
    own = own if dtype is None else dt.canonical(dtype)
    if not dt.is_inexact(own):
        raise unsupported("np.cov in integers")
    x = _observations(m, rowvar, own)
    if y is not None:
        x = concatenate([x, _observations(y, rowvar, own)], 0)
    count, ddof = shape_of(x)[1], (0 if bias else 1) if ddof is None else int(ddof)
    if fweights is not None or aweights is not None:
        return _weighted(x, ddof, fweights, aweights)
    if isinstance(count, Dim):
        free: Any = integers.integer(active(), count) - ddof
        _assume(free > 0, "a covariance has degrees of freedom")
    elif count - ddof <= 0 or 0 in shape_of(x):
        raise unsupported("np.cov without degrees of freedom")
    else:
        free = count - ddof
    away = x - mean(x, 1, keepdims=True)
    return squeeze(matmul(away, transpose(u.conj(away) if dt.is_complex(own) else away)) * (1 / free))


def _weighted(x: Any, ddof: int, repeated: Any, important: Any) -> Any:
    """Covariances of observations that count more than once, or more than others."""
    weights = [None if w is None else cast(_array(w), np.float64) for w in (repeated, important)]
    for w in weights:
        if w is not None and (len(shape_of(w)) != 1 or active().ask("eq", shape_of(w)[0], shape_of(x)[1]) is not True):
            raise unsupported("np.cov with weights of another shape")
        if w is not None:
            _assume(every(w >= 0), "weights are not negative")
    often, much = weights
    if often is not None and not dt.is_integer(strong(_array(repeated))):
        _assume(every(often == u.rint(often)), "frequencies are whole")
    each = much if often is None else often if much is None else often * much
    whole = total(each)
    free = whole - (ddof if much is None else ddof * total(each * much) / whole)
    _assume((whole > 0) & (free > 0), "a covariance has degrees of freedom")
    away = x - total(x * each, 1, keepdims=True) / whole
    other = away * each
    return squeeze(matmul(away, transpose(u.conj(other) if dt.is_complex(strong(x)) else other)) * (1 / free))


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """The correlations of variables: covariances over the deviations of both, within [-1, 1]."""
    c = cov(x, y, rowvar, dtype=dtype)
    if dt.is_complex(strong(c)):
        raise unsupported("np.corrcoef of complex numbers")
    if not shape_of(c):
        return c / c
    deviation = u.sqrt(diagonal(c))
    return clip(c / reshape(deviation, (-1, 1)) / reshape(deviation, (1, -1)), -1, 1)


# Places among edges ------------------------------------------------------------------------------------------------------
@implements(np.digitize)
def digitize(x: Any, bins: Any, right: Any = False) -> Any:
    """The bin of each element; edges may go up or down."""
    x, steps = traced(x), _array(bins)
    if dt.is_complex(strong(x)):
        raise TypeError("x may not be complex")
    if len(shape_of(steps)) != 1 or shape_of(steps)[0] == 0 or strong(steps) == dt.bool_ or dt.is_complex(strong(steps)):
        raise unsupported("np.digitize among such edges")
    side, wide = "left" if right else "right", dt.promote(strong(x), strong(steps))
    x = cast(x, wide)

    def up(edges: Any) -> Any:
        return bind(ix.searchsorted, cast(edges, wide), x, side=side)

    def down(edges: Any) -> Any:
        return integers.integer(active(), shape_of(steps)[0]) - up(flip(edges))

    if not isinstance(bins, (Value, np.ndarray)):
        known = np.asarray(bins)
        rising = bool(np.all(known[:-1] <= known[1:]))
        if not rising and not np.all(known[:-1] >= known[1:]):
            raise ValueError("bins must be monotonically increasing or decreasing")
        return up(steps) if rising else down(steps)
    first, second = getitem(steps, slice(None, -1)), getitem(steps, slice(1, None))
    rising, falling = every(first <= second), every(first >= second)
    _assume(rising | falling, "edges go up or down")
    return select(rising, up(steps), down(steps))


# Membership and differences ---------------------------------------------------------------------------------------------
@implements(np.isin)
def isin(element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None) -> Any:
    """Where elements are among others."""
    x, others = _array(element), _array(test_elements)
    wide = dt.promote(strong(x), strong(others))
    if (dt.is_float(wide) and not (dt.is_float(strong(x)) and dt.is_float(strong(others)))) or kind is not None:
        raise unsupported("np.isin of integers among floats")  # which NumPy compares in more than one way
    x, line = cast(x, wide), ravel(cast(others, wide))
    count = shape_of(line)[0]
    if isinstance(count, int) and count <= MAX_COMPARED:
        found = u.not_equal(x, x) & False
        for k in range(count):
            found = found | (x == getitem(line, k))
    else:
        if dt.is_complex(wide) or wide == dt.bool_:
            raise unsupported("np.isin of complex numbers or booleans")
        ordered, last = sort(line), integers.integer(active(), count)
        at = clip(bind(ix.searchsorted, ordered, x, side="left"), 0, last)
        more = concatenate((ordered, zeros(1, wide)))  # there may be no others at all
        found = (take(more, at) == x) & (at < last)
    found = u.logical_not(found) if invert else found
    return wrap(active().fresh(tr.read(found._data), "ndarray"))


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Differences of neighbours, and numbers before and after them."""
    x = ravel(_array(ary))
    if x.dtype == dt.bool_ or shape_of(x)[0] == 0:
        raise unsupported("np.ediff1d of booleans, or of nothing")
    middle = getitem(x, slice(1, None)) - getitem(x, slice(None, -1))
    parts = []
    for end in (to_begin, middle, to_end):
        if end is None:
            continue
        end = _array(end)
        if not np.can_cast(strong(end), x.dtype, "same_kind"):
            raise TypeError("dtype of the ends must be compatible with input `ary` under the `same_kind` rule.")
        parts.append(reshape(cast(end, x.dtype), -1))
    return concatenate(parts) if len(parts) > 1 else parts[0]


@implements(np.unwrap)
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: Any = 2 * math.pi) -> Any:
    """Angles continued: jumps of more than half a period are made smaller by whole periods."""
    x = _array(p)
    if dt.KIND[x.dtype] in "buc" or isinstance(period, Value):
        raise unsupported("np.unwrap of numbers that have no sign, or with a period that only a run knows")
    along = normalize_axis(axis, len(shape_of(x)))
    step = diff(x, axis=along)
    wide = np.result_type(step.dtype, period)
    if dt.is_integer(wide):
        high, rest = divmod(period, 2)
        ambiguous = rest == 0
    else:
        high, ambiguous = period / 2, True
    least = period / 2 if discont is None else discont
    turned = u.remainder(step + high, period) - high
    if ambiguous:
        turned = select((turned == -high) & (step > 0), high, turned)
    change = select(u.absolute(step) < least, 0, turned - step)
    head = (slice(None),) * along
    rest_ = getitem(x, (*head, slice(1, None))) + cumsum(change, along)
    first = getitem(x, (*head, slice(None, 1)))
    return laid_out(concatenate([cast(first, wide), cast(rest_, wide)], along), like(x))


# Others -----------------------------------------------------------------------------------------------------------------
@implements(np.diagflat)
def diagflat(v: Any, k: Any = 0) -> Any:
    """A matrix with all elements on a diagonal."""
    if type(k) is not int:
        raise unsupported("np.diagflat on a diagonal that only a run knows")
    return diag(ravel(_array(v)), k)


@implements(np.linalg.cross)
def linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The vector product of vectors along an axis."""
    a, b = _array(x1), _array(x2)
    if shape_of(a)[axis] != 3 or shape_of(b)[axis] != 3:
        raise ValueError("Both input arrays must be (arrays of) 3-dimensional vectors")
    return cross(a, b, axis=axis)


@implements(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> Any:
    """Whether two arrays are equal where one is stretched to the other's shape: a Python bool."""
    a, b = _array(a1), _array(a2)
    if any(isinstance(size, Dim) for size in (*shape_of(a), *shape_of(b))) and shape_of(a) != shape_of(b):
        raise unsupported("np.array_equiv of sizes that only a run knows")
    try:
        broadcast_shapes(shape_of(a), shape_of(b))
    except ValueError:
        return False
    return wrap(active().fresh(operand(active(), every(a == b), dt.bool_), "python"))


def matvec(x1: Any, x2: Any, /) -> Any:
    """Matrices times vectors."""
    a, b = _array(x1), _array(x2)
    made = matmul(a, reshape(b, (*shape_of(b), 1)))
    return laid_out(reshape(made, shape_of(made)[:-1]), None)


def vecmat(x1: Any, x2: Any, /) -> Any:
    """Vectors, conjugated, times matrices."""
    a, b = _array(x1), _array(x2)
    a = u.conj(a) if dt.is_complex(strong(a)) else a
    made = matmul(reshape(a, (*shape_of(a)[:-1], 1, *shape_of(a)[-1:])), b)
    return laid_out(reshape(made, (*shape_of(made)[:-2], *shape_of(made)[-1:])), None)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """The dot product of vectors along an axis, the first conjugated."""
    a, b = _array(x1), _array(x2)
    a, b = moveaxis(a, axis, -1), moveaxis(b, axis, -1)
    if shape_of(a)[-1] != shape_of(b)[-1]:
        raise ValueError("vecdot: Input operand 1 has a mismatch in its core dimension 0")
    return last_dot(a, b)
