"""Arrays with parts put in, taken out or written over, and functions applied to parts: NumPy's Python, as compositions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, normalize_axis, product
from hybrid.frontend import complexes, hosted, integers
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.compositions import clip
from hybrid.frontend.creation import CONSTRUCTORS
from hybrid.frontend.elementwise import cast, where
from hybrid.frontend.gathering import take
from hybrid.frontend.indexing import getitem, setitem
from hybrid.frontend.joins import array_split, concatenate
from hybrid.frontend.orders import cumsum
from hybrid.frontend.ranges import diagonal, triangle
from hybrid.frontend.shaping import (
    as_array,
    atleast_1d,
    broadcast_to,
    moveaxis,
    ravel,
    reshape,
    viewed,
)
from hybrid.frontend.values import (
    Value,
    active,
    assembled,
    header_of,
    kind_of,
    laid_out,
    operand,
    shape_of,
    strong,
    unwrap,
    wrap,
)
from hybrid.ir import lifted
from hybrid.ir import trace as tr
from hybrid.ops import elementwise as e
from hybrid.ops import view as v

MAX_LISTED = 256  # elements that `tolist` makes numbers of


def _whole(arr: Any, axis: Any) -> tuple[Any, int]:
    """The array and the axis to change, which without `axis` is that of all elements."""
    x = as_array(assembled(active(), arr))
    if axis is None:
        return (x if len(shape_of(x)) == 1 else ravel(x)), 0
    return x, normalize_axis(operator.index(axis), len(shape_of(x)))


def _is_place(obj: Any) -> bool:
    return type(obj) is int or isinstance(obj, np.integer) or integers.is_traced_integer(obj)


def _place(obj: Any, size: Any, axis: int, beyond: int) -> Any:
    """A place along an axis, counted from its start."""
    if isinstance(obj, (int, np.integer)) and not isinstance(obj, Value) and not isinstance(size, Dim):
        if not -size <= obj < size + beyond:
            raise IndexError(f"index {obj} is out of bounds for axis {axis} with size {size}")
        return int(obj) + size * (obj < 0)
    return integers.place(active(), obj, size + beyond) if beyond == 0 else _between(obj, size)


def _between(obj: Any, size: Any) -> Any:
    trace = active()
    known = integers.size_of(trace, obj)
    if trace.ask("ge", known, 0) is not True or trace.ask("le", known, size) is not True:
        raise unsupported("np.insert at a place that may lie outside", "check the place first")
    return known


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    """Values put in before a place along an axis (of the flat array without `axis`)."""
    x, along = _whole(arr, axis)
    if _is_list(obj) and not isinstance(shape_of(x)[along], Dim):
        return _inserted(x, np.asarray(obj), values, along)
    if not _is_place(obj):
        raise unsupported("np.insert at several places")
    at = _place(obj, shape_of(x)[along], along, 1)
    given = cast(as_array(assembled(active(), values)), x.dtype)
    rank, shape = len(shape_of(x)), shape_of(given)
    given = moveaxis(reshape(given, (1,) * (rank - len(shape)) + tuple(shape)), 0, along)
    count = shape_of(given)[along]
    given = broadcast_to(given, tuple(count if k == along else size for k, size in enumerate(shape_of(x))))
    head = (slice(None),) * along
    return _new(concatenate([getitem(x, (*head, slice(None, at))), given, getitem(x, (*head, slice(at, None)))], along), x)


def _is_list(obj: Any) -> bool:
    return type(obj) is list and len(obj) > 1 and all(type(k) is int for k in obj)


def _inserted(x: Any, at: np.ndarray, values: Any, along: int) -> Any:
    """Values before several known places: the array and the values joined, and taken in their new order."""
    size = shape_of(x)[along]
    if at.min() < -size or at.max() > size:
        bad = next(k for k in at if not -size <= k <= size)
        raise IndexError(f"index {bad} is out of bounds for axis {along} with size {size}")
    at = at + size * (at < 0)
    order = at.argsort(kind="stable")
    at[order] += np.arange(len(at))
    source = np.full(size + len(at), -1)
    source[at] = size + np.arange(len(at))
    source[source < 0] = np.arange(size)
    given = cast(as_array(assembled(active(), values)), x.dtype)
    given = broadcast_to(given, tuple(len(at) if k == along else n for k, n in enumerate(shape_of(x))))
    return _new(take(concatenate([x, given], along), source, along), x)


def _new(made: Any, x: Any) -> Any:
    """What was made, in the order in which np.insert and np.delete allocate: Fortran's for an array in that order, else C's."""
    header = header_of(x)
    fortran = header is not None and header.flags.fnc
    return laid_out(made, np.empty(active().hinted(shape_of(made)), np.uint8, "F") if fortran else None)


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    """The array without one place or slice along an axis (of the flat array without `axis`)."""
    x, along = _whole(arr, axis)
    size, head = shape_of(x)[along], (slice(None),) * along
    if isinstance(obj, slice) and not isinstance(size, Dim):
        return take(x, np.delete(np.arange(size), obj), along)
    if type(obj) is list and obj and all(type(k) is int for k in obj) and not isinstance(size, Dim):
        return take(x, np.delete(np.arange(size), obj), along)
    if not _is_place(obj):
        raise unsupported("np.delete of several places")
    at = _place(obj, size, along, 0)
    return _new(concatenate([getitem(x, (*head, slice(None, at))), getitem(x, (*head, slice(at + 1, None)))], along), x)


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Any:
    """The elements in another shape, repeated as often as needed."""
    shape = tuple(new_shape) if isinstance(new_shape, (tuple, list)) else (new_shape,)
    x = ravel(as_array(assembled(active(), a)))
    want, have = product(shape), shape_of(x)[0]
    if isinstance(want, Dim) or isinstance(have, Dim) or not have:
        raise unsupported("np.resize to or from a size that only a run knows")
    parts = [x] * -(-want // have)
    return reshape(getitem(concatenate(parts), slice(0, want)) if want else getitem(x, slice(0, 0)), shape, copy=True)


# Written in place -----------------------------------------------------------------------------------------------------
def by_call(function: Callable, *args: Any, **kwargs: Any) -> None:
    """`function(x, …)`, which writes into x, as a host call."""
    if hosted.in_place(function, *args, **kwargs) is NotImplemented:
        raise unsupported(f"np.{getattr(function, '__qualname__', function)}")


def _again(values: Any, places: Any) -> Any:
    """Values, which begin again where there are too few, one for each place."""
    line = ravel(as_array(assembled(active(), values)))
    count = shape_of(line)[0]
    if isinstance(count, Dim) or not count:
        raise unsupported("np.put, np.place and np.putmask of no values, or of a number that only a run knows")
    return line if count == 1 else take(line, u.remainder(places, count))


def _places(size: Any) -> Any:
    trace = active()
    return wrap(trace.fresh(trace.one(e.iota, shape=(size,), axis=0), "ndarray"))


@implements(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """Elements of the flat array written at places, in place."""
    line, at = flat_of(a).line, ravel(as_array(assembled(active(), ind)))
    if not isinstance(a, Value) or not dt.is_integer(strong(at)) or mode not in ("raise", "wrap", "clip"):
        return by_call(np.put, a, ind, v, mode=mode)
    size = shape_of(line)[0]
    if isinstance(size, Dim) or not size:
        return by_call(np.put, a, ind, v, mode=mode)
    if mode != "raise":
        at = u.remainder(at, size) if mode == "wrap" else clip(at, 0, size - 1)
    return setitem(line, at, cast(_again(v, _places(shape_of(at)[0])), strong(line)))


@implements(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    """Elements written where a mask holds, one after another, in place."""
    if shape_of(mask) != shape_of(arr):
        return by_call(np.place, arr, mask, vals)
    held = cast(traced(mask), dt.bool_)
    if not len(shape_of(assembled(active(), vals))):
        return setitem(arr, held, vals)
    given = cast(_again(vals, cumsum(cast(ravel(held), np.int64)) - 1), strong(arr))
    given = reshape(given, shape_of(arr)) if product(shape_of(vals)) != 1 else given
    return setitem(arr, (...,), where(held, given, arr))


@implements(np.putmask)
def putmask(a: Any, mask: Any, values: Any) -> None:
    """Elements written where a mask holds, those at the same places of `values`, in place."""
    given = as_array(assembled(active(), values))
    if shape_of(mask) != shape_of(a):
        return by_call(np.putmask, a, mask, values)
    if shape_of(given) not in ((), shape_of(a)):
        given = _again(given, _places(product(shape_of(a))))
        given = reshape(given, shape_of(a)) if product(shape_of(given)) != 1 else given
    return setitem(a, (...,), where(mask, cast(given, strong(a)), a))


# Pieces and slices ----------------------------------------------------------------------------------------------------
@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    """For each element, what the last function or number gives whose condition holds; with one more, that elsewhere."""
    x = as_array(x)
    if not isinstance(condlist, (list, tuple)):
        condlist = (
            [getitem(condlist, k) for k in range(shape_of(condlist)[0])]
            if len(shape_of(condlist)) > len(x.shape)
            else [condlist]
        )
    conditions = [cast(as_array(condition), dt.bool_) for condition in condlist]
    if len(funclist) == len(conditions) + 1:
        some = conditions[0]
        for condition in conditions[1:]:
            some = some | condition
        conditions.append(~some)
    elif len(funclist) != len(conditions):
        raise ValueError(
            f"with {len(conditions)} condition(s), either {len(conditions)} or {len(conditions) + 1} functions are expected"
        )
    out = cast(x * 0, x.dtype) if dt.is_integer(x.dtype) else where(x == x, x.dtype.type(0), x.dtype.type(0))
    for condition, function in zip(conditions, funclist):
        setitem(out, condition, function(getitem(x, condition), *args, **kw) if callable(function) else function)
    return out


@implements(np.apply_over_axes)
def apply_over_axes(func: Callable, a: Any, axes: Any) -> Any:
    """A function applied along one axis after another; each keeps its axis."""
    out, rank = as_array(a), len(shape_of(a))
    for axis in axes if isinstance(axes, (tuple, list)) else (axes,):
        made = func(out, normalize_axis(axis, rank))
        shape = shape_of(made)
        out = made if len(shape) == rank else reshape(made, (*shape[: axis % rank], 1, *shape[axis % rank :]))
    return out


@implements(np.block)
def block(arrays: Any) -> Any:
    """Nested lists of blocks joined: the innermost along the last axis, the outer ones along those before."""

    def depth(part: Any) -> int:
        return 1 + max(map(depth, part)) if type(part) is list else 0

    def most(part: Any) -> int:
        return max(map(most, part)) if type(part) is list else len(shape_of(part))

    def join(part: Any, level: int) -> Any:
        if type(part) is not list:
            part = as_array(assembled(active(), part))
            return reshape(part, (1,) * (rank - len(shape_of(part))) + tuple(shape_of(part)))
        return concatenate([join(item, level - 1) for item in part], -level)

    levels = depth(arrays)
    rank = max(levels, most(arrays))
    return join(arrays, levels)


@implements(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list:
    """Parts along the third axis."""
    if len(shape_of(ary)) < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    if isinstance(indices_or_sections, int) and shape_of(ary)[2] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, 2)


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x: Any, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False) -> Any:
    """Every window of a size along some axes (all without `axis`), as a read-only view with one more axis for each."""
    x = as_array(x)
    rank = len(shape_of(x))
    window = tuple(window_shape) if isinstance(window_shape, (tuple, list)) else (window_shape,)
    if axis is None:
        axes = tuple(range(rank))
        if len(window) != rank:
            raise ValueError("Since axis is None, must provide window_shape for all dimensions of `x`")
    else:
        axes = tuple(normalize_axis(k, rank) for k in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if writeable or len(axes) != len(window) or len(set(axes)) < len(axes):
        raise unsupported("np.lib.stride_tricks.sliding_window_view that is writeable, or twice along an axis")
    trace = active()
    sizes = tuple(integers.stated(trace, size) for size in window)
    for k, size in zip(axes, sizes):
        fits = trace.ask("ge", size, 0), trace.ask("ge", shape_of(x)[k], size)
        if None in fits:
            raise unsupported("windows of a size that only a run knows")
        if not all(fits):
            raise ValueError("window shape cannot be larger than input array shape")
    header = np.lib.stride_tricks.sliding_window_view(unwrap(x).proto, trace.hinted(sizes), axes)
    return viewed(x, v.windows, header, axes=axes, sizes=sizes)


# Indices --------------------------------------------------------------------------------------------------------------
@implements(np.ix_)
def ix_(*args: Any) -> tuple:
    """Vectors of indices, each along an axis of its own."""
    out = []
    for k, part in enumerate(args):
        x = as_array(assembled(active(), part))
        if len(shape_of(x)) != 1:
            raise ValueError("Cross index must be 1 dimensional")
        if x.dtype == dt.bool_:
            (x,) = x.nonzero()
        out.append(reshape(x, tuple(-1 if j == k else 1 for j in range(len(args)))))
    return tuple(out)


def _constant(array: np.ndarray) -> Any:
    return CONSTRUCTORS[np.array](array)


def _of_matrix(make: Callable, instead: Callable, arr: Any) -> tuple:
    shape = shape_of(arr)
    if any(isinstance(size, Dim) for size in shape):
        return instead(shape)
    return tuple(_constant(part) for part in make(shape))


@implements(np.tril_indices_from)
def tril_indices_from(arr: Any, k: int = 0) -> tuple:
    """The indices of the lower triangle of a matrix."""
    return _of_matrix(lambda shape: np.tril_indices(shape[-2], k, shape[-1]), lambda shape: triangle(shape[-2:], k, True), arr)


@implements(np.triu_indices_from)
def triu_indices_from(arr: Any, k: int = 0) -> tuple:
    """The indices of the upper triangle of a matrix."""
    return _of_matrix(lambda shape: np.triu_indices(shape[-2], k, shape[-1]), lambda shape: triangle(shape[-2:], k, False), arr)


@implements(np.diag_indices_from)
def diag_indices_from(arr: Any) -> tuple:
    """The indices of the main diagonal."""
    shape = shape_of(arr)
    if len(shape) < 2:
        raise ValueError("input array must be at least 2-d")
    if len(set(shape)) != 1:
        raise ValueError("All dimensions of input must be of equal length")
    return _of_matrix(lambda shape: np.diag_indices(shape[0], len(shape)), diagonal, arr)


def number_of(x: Any, *place: Any) -> Any:
    """One element of an array as a Python number."""
    if place:
        x = getitem(x, place if len(place) > 1 else ()) if len(place) > 1 else getitem(flat_of(x).line, place[0])
    elif product(shape_of(x)) != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    else:
        x = reshape(x, ())
    own = strong(x)
    if own == dt.bool_:
        return integers.python(active(), operand(active(), x, dt.bool_))
    return integers.to_int(x) if dt.is_integer(own) else complexes.to_complex(x) if dt.is_complex(own) else integers.to_float(x)


def is_short(x: Any) -> bool:
    """Whether a traced array has so few elements that each may become a number of its own, and none is known."""
    size = product(shape_of(x))
    return isinstance(size, int) and size <= MAX_LISTED and (type(x._data) is not tr.Symbol or tr.known(x._data) is None)


def listed(x: Any) -> Any:
    """The elements of an array as nested lists of Python numbers."""
    if not len(shape_of(x)):
        return number_of(x)
    return [listed(getitem(x, k)) for k in range(shape_of(x)[0])]


# Flat ------------------------------------------------------------------------------------------------------------------
class Flat:
    """`x.flat` while tracing: the elements in order, to be read and written."""

    __slots__ = ("base", "gone_through", "made")

    def __init__(self, base: Any):
        self.base = base
        self.made, self.gone_through = active().region, False  # it is an iterator, too

    @property
    def line(self) -> Any:
        """All elements along one axis, sharing the storage whatever the strides are."""
        x = self.base
        size = product(shape_of(x))
        return wrap(tr.view(unwrap(x), v.reshape, {"shape": (size,)}, unwrap(x).type.with_shape((size,)), "ndarray",
                            tr.prototype(x.dtype, active().hinted((size,)), (x.dtype.itemsize,))))  # fmt: skip

    def copy(self) -> Any:
        """The elements, in one axis."""
        return reshape(self.line, -1, copy=True)

    def __getitem__(self, index: Any) -> Any:
        part = getitem(self.line, index)
        return part.copy() if len(shape_of(part)) and isinstance(index, (slice, type(...))) else part

    def __setitem__(self, index: Any, value: Any) -> None:
        target = self.line
        given = as_array(assembled(active(), value))
        if len(shape_of(given)) and isinstance(index, (slice, type(...))):
            given = resize(given, shape_of(getitem(target, index)))  # values begin again where there are too few
        elif len(shape_of(given)):
            given = ravel(given)
        setitem(target, index, given if len(shape_of(given)) else value)

    def __len__(self) -> int:
        return operator.index(self.base.size)

    def __iter__(self) -> Any:
        return iter(self.line)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(self.line, dtype)


class FollowedFlat:
    """`x.flat` of a value that a transform follows: each use of it is an operation on x."""

    __slots__ = ("base",)

    def __init__(self, base: Any):
        self.base = base

    def __getitem__(self, index: Any) -> Any:
        return lifted.follow(_flat_item, (self.base, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        lifted.follow(_flat_put, (self.base, index, value), {})

    def __len__(self) -> int:
        return int(self.base.size)

    def __iter__(self) -> Any:
        return iter(ravel(self.base))

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.asarray(ravel(self.base), dtype)


def _flat_item(x: Any, index: Any) -> Any:
    made = x.flat[index]
    return made if isinstance(made, Value) else wrap(np.array(made))


def _flat_put(x: Any, index: Any, value: Any) -> None:
    x.flat[index] = unwrap(value) if isinstance(value, Value) and tr.current() is None else value


def flat_of(x: Any) -> Any:
    """`x.flat`."""
    if kind_of(x) in ("scalar", "python"):
        x = atleast_1d(x)
    return Flat(x)
