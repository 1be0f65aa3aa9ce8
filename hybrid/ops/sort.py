"""Orders and running totals: host calls between native segments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import npysort
from hybrid.core.errors import ShapeError
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import NO_GRADIENT, Custom, Derivative, Kind, Linear, Primitive, register
from hybrid.ops.family import ALONG, NUMERIC, check_axes, conjugate, draw


def _along(name: str, evaluate: Callable, derivative: Derivative, reason: str, dtypes: tuple[np.dtype, ...],
           body: str) -> Primitive:  # fmt: skip
    def infer(x: TensorType, axis: int) -> TensorType:
        check_axes(name, x, (axis,))
        return TensorType(x.dtype, x.shape)

    return register(Primitive(
        name, Kind.OPAQUE, lambda x, axis: np.asarray(evaluate(x, axis)).astype(x.dtype, copy=False),
        infer, derivative,
        lambda rng: [((draw(rng, d, (3, 5)),), {"axis": axis}) for d in dtypes for axis in (0, 1)], reason=reason,
        body=body, batch=ALONG,
    ))  # fmt: skip


# NumPy has no order of its own for bfloat16, and a place is all that `places` leaves certain: its partition finds it sooner.
def _sorts(x: TensorType, axis: int, kind: str = "quicksort", places: tuple[int, ...] | None = None) -> bool:
    return places is None and npysort.address(x.dtype, npysort.kind_of(kind), False) != 0


def _argsorts(x: TensorType, axis: int, kind: str) -> bool:
    return npysort.address(x.dtype, npysort.kind_of(kind), True) != 0


def _infer_sort(x: TensorType, axis: int, kind: str = "quicksort", places: tuple[int, ...] | None = None) -> TensorType:
    check_axes("sort", x, (axis,))
    return TensorType(x.dtype, x.shape)


# Equal elements keep their order.
def _sort_vjp(g: Any, y: Any, x: Any, axis: int, **_: Any) -> tuple:
    return (g.part_of_take_along(x.argsort(axis), axis),)


def _sort_jvp(primals: tuple, tangents: tuple, y: Any, axis: int, **_: Any) -> Any:
    return tangents[0].take_along(primals[0].argsort(axis), axis)


def _eval_sort(x: Any, axis: int, kind: str = "quicksort", places: tuple[int, ...] | None = None) -> np.ndarray:
    return np.sort(x, axis, kind=kind) if places is None else np.partition(x, places, axis)  # type: ignore[call-overload]


# NumPy's default is vectorised and ten times as fast as its stable sort. Its results differ in the signs of zeros only.
# With `places`, only those are read of the result: elements elsewhere are in any order that puts these in theirs.
sort = register(Primitive(
    "sort", Kind.OPAQUE, _eval_sort, _infer_sort,
    Custom(_sort_jvp, _sort_vjp), lambda rng: [((draw(rng, d, (3, 5)),), {"axis": axis}) for d in dt.ALL for axis in (0, 1)],
    reason="NumPy's sort", body="sort", lowers=_sorts, with_complex=True, batch=ALONG,
))  # fmt: skip


def _infer_argsort(x: TensorType, axis: int, kind: str) -> TensorType:
    check_axes("argsort", x, (axis,))
    return TensorType(dt.int64, x.shape)


# NumPy's default order of equal elements is its own; the host call keeps it.
argsort = register(
    Primitive(
        "argsort",
        Kind.OPAQUE,
        lambda x, axis, kind: np.argsort(x, axis, kind=kind),
        _infer_argsort,
        NO_GRADIENT,
        lambda rng: [((draw(rng, d, (3, 5)),), {"axis": axis, "kind": "stable"}) for d in dt.ALL for axis in (0, 1)],
        body="argsort",
        lowers=_argsorts,
        with_complex=True,
        reason="NumPy's sort",
        batch=ALONG,
    )
)
cumsum = _along("cumsum", lambda x, axis: np.cumsum(x, axis, dtype=x.dtype),
                Linear(lambda g, x, axis: (g.flip(axis).cumsum(axis).flip(axis),)), "a running total", NUMERIC,
                "cumulate_add")  # fmt: skip


# y_j = y_{j-1}·x_j, so ty_j = x_j·ty_{j-1} + y_{j-1}·t_j; backward s_j = g_j + x_{j+1}·s_{j+1} reaches y_j, and y_{j-1}·s_j
# reaches x_j. No division, so zeros are as good as other numbers.
def _cumprod_jvp(primals: tuple, tangents: tuple, y: Any, axis: int) -> Any:
    return (y.shifted(axis, 1) * tangents[0]).recurrence(primals[0], axis)


def _cumprod_vjp(g: Any, y: Any, x: Any, axis: int) -> tuple:
    factors = conjugate(x).flip(axis).shifted(axis, 0)
    return (g.flip(axis).recurrence(factors, axis).flip(axis) * conjugate(y.shifted(axis, 1)),)


cumprod = _along(
    "cumprod",
    lambda x, axis: np.cumprod(x, axis, dtype=x.dtype),
    Custom(_cumprod_jvp, _cumprod_vjp),
    "a running product",
    NUMERIC,
    "cumulate_mul",
)


# The element that is the extreme has its derivative: the first of equal ones, the first NaN.
def _extreme_at(y: Any, axis: int) -> Any:
    before, at = y.take((y.places(axis) - 1).maximum(0), axis), y.places(axis, y.shape)
    return ((y != before) & (before == before)).where(at, 0).cummax(axis)


_RUNNING = Custom(
    lambda primals, tangents, y, axis: tangents[0].take_along(_extreme_at(y, axis), axis),
    lambda g, y, x, axis: (g.part_of_take_along(_extreme_at(y, axis), axis),),
)
cummax = _along("cummax", lambda x, axis: np.maximum.accumulate(x, axis), _RUNNING, "a running maximum", NUMERIC,
                "cumulate_max")  # fmt: skip
cummin = _along("cummin", lambda x, axis: np.minimum.accumulate(x, axis), _RUNNING, "a running minimum", NUMERIC,
                "cumulate_min")  # fmt: skip


# The distinct ones of integers, first among as many elements; how many there are; and where asked for the place at which each
# comes first, for each element which of them it is, and how often each occurs.
def _infer_distinct(x: TensorType, index: bool, inverse: bool, counts: bool) -> tuple[TensorType, ...]:
    if x.ndim != 1 or not dt.is_integer(x.dtype):
        raise ShapeError("distinct takes a vector of integers", got=x)
    more = TensorType(dt.int64, x.shape)
    return TensorType(x.dtype, x.shape), TensorType(dt.int64, ()), *(more for asked in (index, inverse, counts) if asked)


def _eval_distinct(x: Any, index: bool, inverse: bool, counts: bool) -> tuple[np.ndarray, ...]:
    order = np.argsort(x, kind="stable" if index else None) if index or inverse else None
    ordered = np.sort(x) if order is None else x[order]
    begins = np.ones(x.size, bool)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    places = np.flatnonzero(begins)
    out = [_lengthened(ordered[places], x.size), np.asarray(places.size)]
    if index and order is not None:
        out.append(_lengthened(order[places], x.size))
    if inverse and order is not None:
        which = np.empty(x.size, np.int64)
        which[order] = np.cumsum(begins) - 1
        out.append(which)
    if counts:
        out.append(_lengthened(np.diff(places, append=x.size), x.size))
    return tuple(out)


def _lengthened(part: np.ndarray, size: int) -> np.ndarray:
    out = np.zeros(size, part.dtype)
    out[: part.size] = part
    return out


distinct = register(Primitive(
    "distinct", Kind.OPAQUE, _eval_distinct, _infer_distinct, NO_GRADIENT,
    lambda rng: [((draw(rng, d, (n,)),), {"index": all_, "inverse": all_, "counts": all_})
                 for d in dt.INTEGERS for n, all_ in ((40, False), (9, True), (400, True))],
    reason="a hash table, or NumPy's sort", body="distinct",
))  # fmt: skip
