"""Ufuncs folded over short axes, in order; choices; and what is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, TensorType, normalize_axis
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import implements, unsupported
from hybrid.frontend.compositions import clip
from hybrid.frontend.elementwise import TABLE, cast, select
from hybrid.frontend.indexing import getitem, setitem
from hybrid.frontend.joins import concatenate, stack
from hybrid.frontend.orders import sort
from hybrid.frontend.reductions import accumulator, reduced
from hybrid.frontend.reductions import all as every
from hybrid.frontend.shaping import as_array, broadcast_to, moveaxis, reshape
from hybrid.frontend.values import (
    active,
    allocated,
    assembled,
    broadcast_shapes,
    dtype_of,
    header_of,
    holds_tensor,
    laid_out,
    operand,
    result_kind,
    shape_of,
    sized,
    stretched,
    strong,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Graph
from hybrid.ir.primitive import Primitive
from hybrid.ops import control
from hybrid.ops import elementwise as e
from hybrid.ops import reduce as r
from hybrid.ops import view as v

MAX_FOLDED = 16  # steps along an axis, or parts of one, that are written out one by one
MAX_CHOICES = 16
_SAME = frozenset((np.subtract, np.true_divide, np.hypot, np.logaddexp, np.logaddexp2, np.fmax, np.fmin, np.bitwise_and,
                   np.bitwise_or, np.bitwise_xor, np.gcd, np.lcm, np.logical_and, np.logical_or, np.logical_xor))  # fmt: skip


def _array(x: Any) -> Any:
    return as_array(assembled(active(), x))


def _steps(ufunc: np.ufunc, x: Any, axis: Any, rest: dict) -> tuple[Any, int, list]:
    """The array in the ufunc's dtype, the axis, and its parts along that."""
    if ufunc not in _SAME or any(value is not None for value in rest.values()):
        raise unsupported(f"np.{ufunc.__name__}.reduce and accumulate like this")
    x = _array(x)
    axis = 0 if axis is None and len(shape_of(x)) == 1 else axis
    if type(axis) is not int or not shape_of(x):
        raise unsupported(f"np.{ufunc.__name__}.reduce and accumulate over several axes")
    along = normalize_axis(axis, len(shape_of(x)))
    size = shape_of(x)[along]
    if isinstance(size, Dim) or not 0 < size <= MAX_FOLDED:
        raise unsupported(f"np.{ufunc.__name__}.reduce and accumulate over a long axis")
    _has_loop(ufunc, strong(x))
    x = cast(x, TABLE[ufunc].promotion((x, x)))
    return x, along, [getitem(x, (*(slice(None),) * along, k)) for k in range(size)]


def _has_loop(ufunc: np.ufunc, dtype: np.dtype) -> None:
    """Of one element, which it would not be asked about, a ufunc refuses what it refuses of several."""
    try:
        ufunc.resolve_dtypes((dtype, dtype, None))
    except TypeError:
        raise unsupported(f"np.{ufunc.__name__} of {dtype}") from None


def reduce(ufunc: np.ufunc, x: Any, axis: Any = 0, keepdims: Any = False, **rest: Any) -> Any:
    """`ufunc.reduce` from the first element to the last."""
    x, along, parts = _steps(ufunc, x, axis, rest)
    out = parts[0]
    for part in parts[1:]:
        out = TABLE[ufunc](out, part)
    shape = tuple(size for k, size in enumerate(shape_of(x)) if k != along)
    made = reduced(x, (along,), shape)
    result = active().fresh(tr.read(unwrap(out)), result_kind((x,), shape))
    if keepdims:
        return reshape(laid_out(wrap(result), made), tuple(1 if k == along else size for k, size in enumerate(shape_of(x))))
    return laid_out(result, made)


def accumulate(ufunc: np.ufunc, x: Any, axis: Any = 0, **rest: Any) -> Any:
    """`ufunc.accumulate` from the first element to the last."""
    x, along, parts = _steps(ufunc, x, axis, rest)
    out = parts[:1]
    for part in parts[1:]:
        out.append(TABLE[ufunc](out[-1], part))
    return laid_out(stack(out, along), allocated((x,)))


def reduceat(form: Callable, x: Any, indices: Any, axis: Any = 0, **rest: Any) -> Any:
    """`ufunc.reduceat`, at places that are known by the form of the ufunc's `reduce`."""
    x = _array(x)
    if any(value is not None for value in rest.values()) or type(axis) is not int or header_of(x) is not None:
        raise unsupported("ufunc.reduceat with dtype= or out=, or of an array that is not in C order")
    along = normalize_axis(axis, len(shape_of(x)))
    name = getattr(form, "__name__", "")  # none: each element after the other
    if name and (holds_tensor((indices,)) or (isinstance(indices, np.ndarray) and indices.size > MAX_FOLDED)):
        return _reduced_between(name, x, _array(indices), along)
    if holds_tensor((indices,)):
        raise unsupported("ufunc.reduceat at places that only a run knows")
    size, places = shape_of(x)[along], np.asarray(indices)
    if places.ndim != 1 or places.dtype.kind not in "iu" or not 0 < places.size <= MAX_FOLDED or isinstance(size, Dim):
        raise unsupported("ufunc.reduceat at so many places, or of a size that only a run knows")
    if places.min() < 0 or places.max() >= size:
        raise IndexError(f"index out-of-bounds in reduceat [0, {size})")
    ends, head, parts = [*map(int, places[1:]), size], (slice(None),) * along, []
    for start, end in zip(map(int, places), ends):
        part = getitem(x, (*head, slice(start, end if end > start else start + 1)))
        made = form(part, axis=along, keepdims=True)
        if name == "sum" and dt.is_float(strong(x)):  # which begins with an element, and not with zero
            made = select((made == 0) & every(u.signbit(part), along, keepdims=True), strong(x).type(-0.0), made)
        parts.append(made)
    return laid_out(concatenate(parts, along), None)


def at(ufunc: np.ufunc, x: Any, index: Any, *given: Any) -> None:
    """`ufunc.at` of few elements, one after another, as often as each is named."""
    if ufunc not in TABLE or isinstance(index, tuple) or not shape_of(x) or len(given) != ufunc.nin - 1 or ufunc.nout != 1:
        raise unsupported(f"np.{ufunc.__name__}.at like this")
    places = index if holds_tensor((index,)) else np.asarray(index)
    if not dt.is_integer(strong(places)) or len(shape_of(places)) > 1:
        raise unsupported(f"np.{ufunc.__name__}.at of places that are no vector")
    count, own = (shape_of(places) or (1,))[0], strong(x)
    if isinstance(count, Dim) or count > MAX_FOLDED:
        raise unsupported(f"np.{ufunc.__name__}.at of many elements")
    if not np.can_cast(TABLE[ufunc].promotion((x, *given)), own, "same_kind"):
        raise unsupported(f"np.{ufunc.__name__}.at of such dtypes")
    values = [broadcast_to(value, (*shape_of(places), *shape_of(x)[1:])) for value in given]
    for k in range(count):
        place, *now = (getitem(part, k) if shape_of(places) else part for part in (places, *values))
        place = place if holds_tensor((place,)) else int(place)
        setitem(x, place, cast(TABLE[ufunc](getitem(x, place), *now), own))


_REDUCTIONS = {"sum": r.sum, "prod": r.prod, "max": r.max, "min": r.min, "all": r.all, "any": r.any}


def _reduced_between(name: str, x: Any, places: Any, along: int) -> Any:
    """What lies from each place to the next one reduced, one after another: the places are known to a run alone."""
    trace, own = active(), strong(x)
    own = accumulator(own) if name in ("sum", "prod") else dt.bool_ if name in ("all", "any") else own
    rank, kinds = len(shape_of(places)), dt.KIND[strong(places)]
    if rank != 1 or kinds not in "iu" or strong(places) == dt.uint64 or own == dt.float16 or dt.is_complex(own):
        raise unsupported(f"ufunc.reduceat of {own} at places {strong(places)}{list(shape_of(places))}")
    moved = operand(trace, moveaxis(x, along, 0), own)
    at, size, count = operand(trace, places, dt.int64), moved.type.shape[0], shape_of(places)[0]
    end = trace.one(v.reshape, sized(trace, size), shape=(1,))
    least, most = (stretched(trace, atom, (count,)) for atom in (tr.literal(0, dt.int64), sized(trace, size)))
    inside = trace.one(e.and_, trace.one(e.ge, at, least), trace.one(e.lt, at, most))
    trace.assume(trace.one(r.all, inside, axes=(0,)), "places lie in the array")
    after = trace.one(v.slice_, trace.one(v.concatenate, at, end, axis=0), start=(1,), step=(1,), shape=(count,))
    out = trace.one(v.broadcast, tr.literal(0, own), shape=(count, *moved.type.shape[1:]))
    symbol = trace.fresh_symbol("step")
    body = _one_between(trace, _REDUCTIONS[name], (out, moved, at, after), symbol)
    params = {"carried": 1, "count": count, "symbol": symbol, "test": None, "body": body}
    (made,) = trace.record(control.loop, (out, moved, at, after), params)
    kind = "tensor" if unwrap(x).kind == "tensor" else "ndarray"
    return laid_out(moveaxis(wrap(trace.fresh(made, kind)), 0, along), None)


def _one_between(trace: tr.Trace, reduction: Primitive, given: tuple, step: str) -> Graph:
    """The body: `out[k] = reduce(x[at[k] : after[k]])`, of one element at least."""
    builder, first, length = Builder("between"), trace.fresh_symbol("size"), trace.fresh_symbol("size")
    out, x, at, after = (builder.input(TensorType(atom.type.dtype, atom.type.shape)) for atom in given)
    now, rest, size = Dim.symbol(step), x.type.shape[1:], x.type.shape[0]

    def one(primitive: Any, *inputs: Atom, **params: Any) -> Atom:
        return builder.append(primitive, inputs, params, tr.user_line())[0]

    def number(atom: Atom) -> Atom:
        return one(v.reshape, one(v.slice_, atom, start=(now,), step=(1,), shape=(1,)), shape=())

    begin = number(at)
    long = one(e.maximum, one(e.sub, number(after), begin), tr.literal(1, dt.int64))
    builder.append(control.bind, (begin,), {"symbol": first, "high": size - 1})
    builder.append(control.bind, (long,), {"symbol": length, "high": size})
    ones, zeros = (1,) * len(rest), (0,) * len(rest)

    def part(count: str) -> Atom:
        return one(v.slice_, x, start=(Dim.symbol(first), *zeros), step=(1, *ones), shape=(Dim.symbol(count), *rest))

    reduced = one(reduction, part(length), axes=(0,))
    if reduction is r.sum and dt.is_float(x.type.dtype):
        # It begins with an element, and not with zero: of nothing but -0.0 it is that. Where no sum is zero, nobody looks.
        zero, minus = (tr.literal(value, x.type.dtype) for value in (0.0, -0.0))
        nothing = one(e.eq, reduced, zero)
        some = one(r.any, nothing, axes=tuple(range(len(rest)))) if rest else nothing
        again = trace.fresh_symbol("size")
        builder.append(control.bind, (one(e.select, some, long, tr.literal(0, dt.int64)),), {"symbol": again, "high": size})
        negative = one(e.lt, one(e.copysign, tr.literal(1, x.type.dtype), part(again)), zero)
        reduced = one(e.select, one(e.and_, nothing, one(r.all, negative, axes=(0,))), minus, reduced)
    found = one(v.reshape, reduced, shape=(1, *rest))
    written = one(v.update_slice, out, found, start=(now, *zeros), step=(1, *ones))
    return Graph("between", (out, x, at, after), tuple(builder.eqns), (written,), (), {})


# Choices ------------------------------------------------------------------------------------------------------------------
@implements(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    """For each element, that of the array it is the number of."""
    if type(choices) not in (list, tuple) or not 0 < len(choices) <= MAX_CHOICES or out is not None:
        raise unsupported("np.choose among so many arrays, or with out=")
    place = _array(a)
    if not dt.is_integer(strong(place)):
        raise unsupported("np.choose by numbers that are no integers")
    if strong(place) == dt.uint64:
        raise TypeError("Cannot cast array data from dtype('uint64') to dtype('int64') according to the rule 'safe'")
    parts, count = [assembled(active(), x) for x in choices], len(choices)
    dtype = dt.promote(*map(dtype_of, parts))  # Python's numbers are weak
    parts = [_array(x) for x in parts]
    shape = broadcast_shapes(shape_of(place), *map(shape_of, parts))
    if mode == "raise":
        fine = every((place >= 0) & (place < count))
        active().assume(operand(active(), fine, dt.bool_), "choices are within bounds")
    else:
        place = u.remainder(place, count) if mode == "wrap" else clip(place, 0, count - 1)
    result = cast(parts[-1], dtype)
    for k in reversed(range(count - 1)):
        result = select(place == k, cast(parts[k], dtype), result)
    if shape_of(result) != shape:
        raise unsupported("np.choose from one array")
    return laid_out(active().fresh(tr.read(unwrap(result)), "ndarray" if shape else result_kind((place,), shape)), None)


# Others -------------------------------------------------------------------------------------------------------------------
@implements(np.sort_complex)
def sort_complex(a: Any) -> Any:
    """The elements in order along the last axis, as complex numbers."""
    x = sort(_array(a))
    if dt.is_complex(strong(x)):
        return x
    short = strong(x) in (dt.int8, dt.int16, dt.uint8, dt.uint16)
    return cast(x, dt.complex64 if short else dt.complex128)
