"""Functions that choose elements, where it matters how many there are: `nonzero`, `where(c)`, `compress`, `unique`."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import ROOM
from hybrid.core.shape import normalize_axis, product
from hybrid.frontend import integers, orders
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.elementwise import cast
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import concatenate, stack
from hybrid.frontend.positions import gathered, indices_of, masked
from hybrid.frontend.reductions import all as every
from hybrid.frontend.reductions import any as some
from hybrid.frontend.shaping import moveaxis, reshape, transpose
from hybrid.frontend.values import active, assembled, kind_of, operand, shape_of, sized, stretched, strong, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ops import elementwise as e
from hybrid.ops import index as ix
from hybrid.ops import reduce as r
from hybrid.ops import sort as sort_ops
from hybrid.ops import view as v

MAX_KEYS = 16  # elements of a part by which parts are put in order


@implements(np.nonzero)
def nonzero(a: Any) -> tuple:
    """For each axis the indices of the elements that are not zero, in order.

    >>> hy.nonzero(hy.asarray([0, 3, 0, 4]))
    (tensor([1, 3], dtype=int64),)
    """
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
    if not sorted:
        raise unsupported("np.unique in an order of its own")
    trace = active()
    x = traced(assembled(trace, ar))
    if axis is not None and len(shape_of(x)) > 1:
        along = normalize_axis(axis, len(shape_of(x)))
        x = moveaxis(x, along, 0)
        shape, x, order = shape_of(x)[:1], x, _order_of_rows(x)
    else:
        along, shape, x = 0, shape_of(x), reshape(x, -1)
        if dt.is_integer(strong(x)) and shape_of(x) != (0,):
            return _distinct(x, shape, return_index, return_inverse, return_counts)
        order = None
        if return_index or return_inverse:
            order = orders.argsort(x, kind="stable" if return_index else None)
    count = shape_of(x)[0]
    ordered = gathered(trace, x, operand(trace, order, dt.int64), 1) if order is not None else orders.sort(x)
    place = wrap(trace.fresh(trace.one(e.iota, shape=(count,), axis=0), "ndarray"))
    before = gathered(trace, ordered, operand(trace, u.maximum(place - 1, 0), dt.int64), 1)
    changed = ordered != before
    if len(shape_of(x)) > 1:
        changed = some(reshape(changed, (count, product(shape_of(x)[1:]))), 1)
    first = (place == 0) | changed
    if equal_nan and dt.is_inexact(strong(x)) and len(shape_of(x)) == 1:
        first = first & ~((place != 0) & u.isnan(ordered) & u.isnan(before))
    values = moveaxis(masked(ordered, first), 0, along)
    if not (return_index or return_inverse or return_counts):
        return values
    out = [values]
    if return_index:
        out.append(masked(order, first))
    if return_inverse:
        which = orders.cumsum(cast(first, dt.int64)) - 1
        zero = trace.one(v.broadcast, tr.literal(0, dt.int64), shape=(count,))
        given = trace.one(ix.scatter, zero, operand(trace, order, dt.int64), operand(trace, which, dt.int64), axis=0, op="set")
        out.append(reshape(wrap(trace.fresh(given, "tensor" if kind_of(x) == "tensor" else "ndarray")), shape))
    if return_counts:
        end = reshape(wrap(trace.fresh(sized(trace, count), "ndarray")), (1,))
        starts = concatenate([indices_of(first)[0], end])
        out.append(starts[1:] - starts[:-1])
    return tuple(out)


def _distinct(x: Any, shape: Any, index: bool, inverse: bool, counts: bool) -> Any:
    """`unique` of a vector of integers; `shape`: that of the array whose elements they are."""
    trace, (count,) = active(), shape_of(x)
    asked = {"index": bool(index), "inverse": bool(inverse), "counts": bool(counts)}
    values, number, *rest = trace.record(sort_ops.distinct, (operand(trace, x, strong(x)),), asked)
    kind = "tensor" if kind_of(x) == "tensor" else "ndarray"
    few = (integers.bound(trace, number, 0, count),)

    def made(atom: Atom, short: bool) -> Any:
        cut = trace.one(v.slice_, atom, start=(0,), step=(1,), shape=few) if short else atom
        return wrap(trace.fresh(cut, kind))

    out, parts = [made(values, True)], iter(rest)
    out += [made(next(parts), True)] if index else []
    out += [reshape(made(next(parts), False), shape)] if inverse else []
    out += [made(next(parts), True)] if counts else []
    return out[0] if len(out) == 1 else tuple(out)


def _order_of_rows(x: Any) -> Any:
    """The order of the parts along the first axis, by their first elements, then their second, and so on."""
    count, size = shape_of(x)[0], product(shape_of(x)[1:])
    if not isinstance(size, int) or not 0 < size <= MAX_KEYS or dt.is_complex(strong(x)):
        raise unsupported(f"np.unique along an axis of more than {MAX_KEYS} elements, or of complex numbers")
    rows = reshape(x, (count, size))
    return orders.lexsort([getitem(rows, (slice(None), k)) for k in reversed(range(size))])


@implements(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: Any = 0) -> Any:
    """How often each integer occurs, or the sum of the weights at its places; with `minlength`, of that length.

    There are `minlength` of them until larger integers have come, after which each call finds out how many there are.
    """
    trace = active()
    x = traced(assembled(trace, x))
    if len(shape_of(x)) != 1 or not (strong(x) == dt.bool_ or (dt.is_integer(strong(x)) and strong(x) != dt.uint64)):
        raise unsupported(f"np.bincount of an array {strong(x)}{list(shape_of(x))}", "count a vector of integers")
    places = operand(trace, x, dt.int64)
    least = integers.size_of(trace, minlength)
    if (some := trace.ask("ge", least, 0)) is None:
        trace.assume(trace.one(e.ge, sized(trace, least), tr.literal(0, dt.int64)), "a minlength is not negative")
    if some is False:
        raise ValueError("'minlength' must not be negative")
    none = tr.literal(0, dt.int64)
    longest = _longest(trace, places)
    if type(least) is int and least == 0:
        trace.assume(trace.one(e.lt, longest, tr.literal(1 << 62, dt.int64)), "integers that are counted are sizes")
        least = integers.bound(trace, trace.one(e.add, longest, tr.literal(1, dt.int64)), 0, None)
    elif trace.room == 1:
        trace.assume(trace.one(e.lt, longest, sized(trace, least)), ROOM)  # else the next trace finds out how much is needed
    else:
        trace.assume(trace.one(e.lt, longest, tr.literal(1 << 62, dt.int64)), "integers that are counted are sizes")
        enough = trace.one(e.maximum, trace.one(e.add, longest, tr.literal(1, dt.int64)), sized(trace, least))
        least = integers.bound(trace, enough, 0, None)
    if weights is None:
        value: Atom = tr.literal(1, dt.int64)
    else:
        weights = traced(assembled(trace, weights))
        if shape_of(weights) != shape_of(x) or dt.is_complex(strong(weights)):
            raise unsupported(f"np.bincount with weights {strong(weights)}{list(shape_of(weights))}")
        count = shape_of(x)[0]
        some = trace.ask("gt", count, 0)
        if some is None:
            trace.assume(trace.one(e.gt, sized(trace, count), none), "there is something to count")
        value = operand(trace, cast(weights, dt.float64), dt.float64)
        value = none if some is False else value  # NumPy counts nothing in integers
    zero = trace.one(v.broadcast, tr.literal(0, value.type.dtype), shape=(least,))
    counted = trace.one(ix.scatter, zero, places, value, axis=0, op="add")
    return wrap(trace.fresh(counted, "tensor" if kind_of(x) == "tensor" else "ndarray"))


def _longest(trace: tr.Trace, places: Atom) -> Atom:
    """The greatest of some integers, -1 where there are none; all are known not to be negative after."""
    size = places.type.shape[0]
    if trace.ask("gt", size, 0) is not True:
        places = trace.one(v.concatenate, places, stretched(trace, tr.literal(0, dt.int64), (1,)), axis=0)
    # Unsigned, a negative one is greater than all others.
    longest = trace.one(e.bitcast, trace.one(r.max, trace.one(e.bitcast, places, dtype=dt.uint64), axes=(0,)), dtype=dt.int64)
    trace.assume(trace.one(e.ge, longest, tr.literal(0, dt.int64)), "integers that are counted are not negative")
    if trace.ask("gt", size, 0) is not True:
        nothing = trace.one(e.eq, sized(trace, size), tr.literal(0, dt.int64))
        longest = trace.one(e.select, nothing, tr.literal(-1, dt.int64), longest)
    return longest


@implements(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple:
    """The index along each axis of places counted over all elements."""
    if order not in ("C", "F"):
        raise ValueError(f"only 'C' or 'F' order is permitted, not {order!r}")
    trace = active()
    sizes = [integers.size_of(trace, size) for size in (shape if isinstance(shape, (list, tuple)) else (shape,))]
    sizes = sizes if order == "C" else sizes[::-1]
    given = traced(assembled(trace, indices))
    if not dt.is_integer(strong(given)):
        raise TypeError("only int indices permitted")
    atom = operand(trace, given, dt.int64)
    inside = trace.one(
        e.and_,
        trace.one(e.ge, atom, stretched(trace, tr.literal(0, dt.int64), atom.type.shape)),
        trace.one(e.lt, atom, stretched(trace, sized(trace, product(sizes)), atom.type.shape)),
    )
    for axis in reversed(range(len(atom.type.shape))):
        inside = trace.one(r.all, inside, axes=(axis,))
    trace.assume(inside, "places lie in the array")
    out = []
    for size in reversed(sizes):
        by = stretched(trace, sized(trace, size), atom.type.shape)
        out.append(trace.one(e.mod, atom, by))
        atom = trace.one(e.floordiv, atom, by)
    kind = "ndarray" if atom.type.shape else "scalar"
    return tuple(wrap(trace.fresh(part, kind)) for part in (reversed(out) if order == "C" else out))


@implements(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Any:
    """The places, counted over all elements, of indices along each axis."""
    sizes = dims if isinstance(dims, (list, tuple)) else (dims,)
    modes = mode if isinstance(mode, (list, tuple)) else (mode,) * len(sizes)
    if not isinstance(multi_index, (list, tuple)) or not all(type(size) is int and size > 0 for size in sizes):
        raise unsupported("np.ravel_multi_index of one array, or in sizes that only a run knows")
    if len(multi_index) != len(sizes) or len(modes) != len(sizes) or order not in ("C", "F"):
        raise ValueError(f"parameter multi_index must be a sequence of length {len(sizes)}")
    place: Any = 0
    axes = list(zip(multi_index, sizes, modes))
    for index, size, how in axes if order == "C" else axes[::-1]:
        at = traced(assembled(active(), index))
        if not dt.is_integer(strong(at)):
            raise TypeError("only int indices permitted")
        at = cast(at, np.int64)
        if how == "raise":
            inside = every((at >= 0) & (at < size))
            active().assume(operand(active(), inside, dt.bool_), "indices lie in the array")
        elif how in ("wrap", "clip"):
            at = u.remainder(at, size) if how == "wrap" else u.minimum(u.maximum(at, 0), size - 1)
        else:
            raise ValueError(f"clipmode must be one of 'clip', 'raise', or 'wrap' (got {how!r})")
        place = place * size + at
    return place
