"""Reads and writes at computed places. Gathers are views whose index map reads an operand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError, IndexingError, ShapeError
from hybrid.core.shape import Size, TensorType, product
from hybrid.ir.primitive import NO_GRADIENT, Custom, Derivative, Kind, Lift, Linear, Named, Primitive, Sample, register
from hybrid.ops import elementwise as e
from hybrid.ops import reduce
from hybrid.ops.family import ALONG, check_axes, draw


def _check_indices(name: str, index: TensorType) -> None:
    if index.dtype != dt.int64:
        raise DTypeError(f"{name} takes int64 indices", got=index, fix="idx.astype(np.int64)")


def _in_bounds(index: Any, size: int) -> None:
    if index.size and (index.min() < -size or index.max() >= size):
        bad = index[(index < -size) | (index >= size)].flat[0]
        raise IndexingError(f"index {bad} is out of bounds for axis with size {size}")


def in_bounds(one: Callable[..., Any], index: Any, end: Any) -> Any:
    """Whether all of an index point to something, from the front or from the back; `one` records an operation."""
    inside = one(e.and_, one(e.ge, index, one(e.neg, end)), one(e.lt, index, end))
    return one(reduce.all, inside, axes=tuple(range(index.type.ndim))) if index.type.ndim else inside


# take, with `checked=False` where indices are known to be inside and not negative:
# x.shape[:axis] + index.shape + x.shape[axis+1:] ---------------------------------------------------------------
def _infer_take(x: TensorType, index: TensorType, axis: int, checked: bool = True) -> TensorType:
    _check_indices("take", index)
    check_axes("take", x, (axis,))
    return TensorType(x.dtype, x.shape[:axis] + index.shape + x.shape[axis + 1 :])


def _eval_take(x: Any, index: Any, axis: int, checked: bool = True) -> np.ndarray:
    _in_bounds(index, x.shape[axis])
    return np.take(x, index, axis=axis)


def _index_take(out: Sequence, types: Sequence[TensorType], context: Any, axis: int, checked: bool = True) -> list:
    rank = types[1].ndim
    at = context.gather(1, out[axis : axis + rank], types[0].shape[axis] if checked else None)
    return [*out[:axis], at, *out[axis + rank :]]


def _put_take(bind: Any, base: Any, value: Any, index: Any, axis: int, checked: bool = True) -> Any:
    return bind(scatter, base, index, value, axis=axis, op="set")


def _sample_take(rng: np.random.Generator) -> list[Sample]:
    index = rng.integers(-4, 4, (3, 2))
    out: list[Sample] = [((draw(rng, d, (4, 5)), index), {"axis": 0}) for d in dt.ALL]
    return out + [
        ((draw(rng, dt.float64, (5, 4)), index), {"axis": 1}),
        ((draw(rng, dt.float64, (4,)), np.asarray(2)), {"axis": 0}),
    ]


def _for_each_line(size: Size, x: Any, index: Any, axis: int) -> Any:
    """Each example's indices, the same for every line along an axis of its array, as `take_along` takes them."""
    before, after = x.shape[1 : axis + 1], x.shape[axis + 2 :]
    count = product(index.shape[1:])
    line = index.reshape((size, *(1,) * len(before), count, *(1,) * len(after)))
    return line.broadcast_to((size, *before, count, *after))


def _batch_take(size: Size, mapped: tuple[bool, ...], x: Any, index: Any, axis: int, checked: bool = True) -> Any:
    if not mapped[1]:
        return x.take(index, axis + 1)
    if not mapped[0]:
        out = x.take(index, axis)
        return out.transpose((axis, *range(axis), *range(axis + 1, out.ndim)))
    found = x.take_along(_for_each_line(size, x, index, axis), axis + 1)
    return found.reshape((*x.shape[: axis + 1], *index.shape[1:], *x.shape[axis + 2 :]))


take = register(Primitive(
    "take", Kind.VIEW, _eval_take, _infer_take,
    Linear(lambda g, x, index, axis, checked=True: (g.part_of_take(index, axis), None)), _sample_take,
    index=_index_take, put=_put_take, batch=_batch_take, indexed=True,
))  # fmt: skip


# take_along: one index per element off the axis ------------------------------------------------------------------------
def _infer_along(x: TensorType, index: TensorType, axis: int) -> TensorType:
    _check_indices("take_along", index)
    check_axes("take_along", x, (axis,))
    if x.shape[:axis] + x.shape[axis + 1 :] != index.shape[:axis] + index.shape[axis + 1 :]:
        raise ShapeError("take_along needs equal sizes off its axis", got=f"{x}, {index}", fix="broadcast them first")
    return TensorType(x.dtype, index.shape)


def _eval_along(x: Any, index: Any, axis: int) -> np.ndarray:
    _in_bounds(index, x.shape[axis])
    return np.take_along_axis(x, index, axis)


def _index_along(out: Sequence, types: Sequence[TensorType], context: Any, axis: int) -> list:
    return [*out[:axis], context.gather(1, out, types[0].shape[axis]), *out[axis + 1 :]]


take_along = register(Primitive(
    "take_along", Kind.VIEW, _eval_along, _infer_along,
    Linear(lambda g, x, index, axis: (g.part_of_take_along(index, axis), None)),
    lambda rng: [((draw(rng, d, (3, 4)), rng.integers(-4, 4, (3, 2))), {"axis": 1}) for d in dt.ALL], index=_index_along,
    batch=ALONG, indexed=True,
))  # fmt: skip


# scatter: the adjoint of take; one value may stand for all -----------------------------------------------------------------
# What becomes of a value that meets another at its place; with "set" the last one stays.
FOLDS: dict[str, np.ufunc] = {
    "add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum, "and": np.bitwise_and, "or": np.bitwise_or,
    "xor": np.bitwise_xor,
}  # fmt: skip


def _infer_scatter(base: TensorType, index: TensorType, value: TensorType, axis: int, op: str) -> TensorType:
    expected = _infer_take(base, index, axis)
    if value.dtype != expected.dtype or value.shape not in ((), expected.shape):
        raise ShapeError("scatter writes what take would read", got=value, expected=expected)
    return TensorType(base.dtype, base.shape)


def _eval_scatter(base: Any, index: Any, value: Any, axis: int, op: str) -> np.ndarray:
    _in_bounds(index, base.shape[axis])
    out = np.array(base)
    where = (slice(None),) * axis + (index,)
    if op == "set":
        out[where] = value
    else:
        FOLDS[op].at(out, where, value)
    return out


# Of several values written to one place the last one stays, and has the derivative.
def _adjoint_scatter(g: Any, base: Any, index: Any, value: Any, axis: int, op: str) -> tuple:
    shape = (*base.shape[:axis], *index.shape, *base.shape[axis + 1 :])
    if value.shape != shape:
        to_base, _, to_value = _adjoint_scatter(g, base, index, value.broadcast_to(shape), axis, op)
        return to_base, None, to_value.sum(tuple(range(len(shape))))
    if op == "add":
        return g, None, g.take(index, axis)
    read = g.take(index, axis)
    if index.ndim:
        turn = index.turns()
        last = base.places(axis).zeros().scatter_set(index, turn, 0).take(index, 0) == turn
        read = last.reshape((*last.shape, *(1,) * (base.ndim - axis - 1))).broadcast_to(value.shape).where(read, 0)
    return g.scatter_set(index, g.zeros_like(value), axis), None, read


def _batch_scatter(size: Size, mapped: tuple[bool, ...], base: Any, index: Any, value: Any, axis: int, op: str) -> Any:
    own, places = base.shape[mapped[0] :], index.shape[mapped[1] :]
    shape = (*own[:axis], *places, *own[axis + 1 :])
    if value.shape[mapped[2] :] != shape:
        value = (value.reshape((size, *(1,) * len(shape))) if mapped[2] else value).broadcast_to((size, *shape))
    elif not mapped[2]:
        value = value.broadcast_to((size, *shape))
    base = base if mapped[0] else base.broadcast_to((size, *own))
    if not mapped[1]:
        return base.scatter(index, value, axis + 1, op)
    at = _for_each_line(size, base, index, axis)
    return base.scatter_along(at, value.reshape(at.shape), axis + 1, op)


# Each factor's share of a product is that of all others, among which zeros are counted. Equal extremes share theirs.
def _fold_jvp(primals: tuple, tangents: tuple, y: Any, axis: int, op: str) -> Any:
    base, index, value = primals
    shape, there = (*base.shape[:axis], *index.shape, *base.shape[axis + 1 :]), tangents[2]
    if value.shape != shape:
        value, there = value.broadcast_to(shape), there.broadcast_to(shape)
    return _folded(
        (base, value), (tangents[0], there), y, op,
        read=lambda x: x.take(index, axis), write=lambda x, new, op: x.scatter(index, new, axis, op),
    )  # fmt: skip


def _fold_along_jvp(primals: tuple, tangents: tuple, y: Any, axis: int, op: str) -> Any:
    base, index, value = primals
    return _folded(
        (base, value), (tangents[0], tangents[2]), y, op,
        read=lambda x: x.take_along(index, axis), write=lambda x, new, op: x.scatter_along(index, new, axis, op),
    )  # fmt: skip


def _folded(primals: tuple, tangents: tuple, y: Any, op: str, read: Callable, write: Callable) -> Any:
    base, value = primals
    if op == "mul":
        zeros = write((base == 0).astype(y.dtype), (value == 0).astype(y.dtype), "add")
        product = write((base == 0).where(1, base), (value == 0).where(1, value), "mul")

        def others(x: Any, zeros: Any, product: Any) -> Any:
            none = x == 0
            return (zeros == none.astype(y.dtype)).where(product / none.where(1, x), 0)

        before, each = others(base, zeros, product), others(value, read(zeros), read(product))
    else:
        before, each = (base == y).astype(y.dtype), (value == read(y)).astype(y.dtype)
        count = write(before, each, "add")
        before, each = before / count, each / read(count)
    return write(before * tangents[0], each * tangents[1], "add")


def _scatter_derivative(op: str, **_: Any) -> Derivative:
    return Linear(_adjoint_scatter) if op in ("set", "add") else Custom(_fold_jvp)


def _along_derivative(op: str, **_: Any) -> Derivative:
    return Linear(_adjoint_scatter_along) if op in ("set", "add") else Custom(_fold_along_jvp)


def _sample_scatter(rng: np.random.Generator) -> list[Sample]:
    rows = (
        [("set", at) for at in ([3, 0, 4], [3, 0, -2])]
        + [(op, at) for op in ("add", "mul") for at in ([3, 0, 4], [3, 0, -2], [1, 1, 1])]
        + [(op, at) for op in ("max", "min") for at in ([3, 0, 4], [2, 2, -3])]
    )
    out: list[Sample] = [
        ((draw(rng, dt.float64, (5, 2)), np.array(at), draw(rng, dt.float64, (3, 2))), {"axis": 0, "op": op}) for op, at in rows
    ]
    out += [((draw(rng, d, (5, 2)), np.array([3, 0, 3]), draw(rng, d, (3, 2))), {"axis": 0, "op": op})
            for d in (dt.int32, dt.uint8) for op in ("mul", "max", "min", "and", "or", "xor")]  # fmt: skip
    return [*out, ((draw(rng, dt.float64, (5, 2)), np.array([3, 0, 3]), draw(rng, dt.float64, ())), {"axis": 0, "op": "add"})]


scatter: Primitive = register(
    Primitive(
        "scatter",
        Kind.OPAQUE,
        _eval_scatter,
        _infer_scatter,
        Named(_scatter_derivative),
        _sample_scatter,
        body="scatter",
        reason="writes at computed places run in order",
        raises=True,
        indexed=True,
        batch=_batch_scatter,
    )
)


# scatter_along: the adjoint of take_along --------------------------------------------------------------------------------
def _infer_scatter_along(base: TensorType, index: TensorType, value: TensorType, axis: int, op: str) -> TensorType:
    expected = _infer_along(base, index, axis)
    if (value.dtype, value.shape) != (expected.dtype, expected.shape):
        raise ShapeError("scatter_along writes what take_along would read", got=value, expected=expected)
    return TensorType(base.dtype, base.shape)


def _eval_scatter_along(base: Any, index: Any, value: Any, axis: int, op: str) -> np.ndarray:
    _in_bounds(index, base.shape[axis])
    out = np.array(base)
    if op == "set":
        np.put_along_axis(out, index, value, axis)
    else:
        grid = list(np.ogrid[tuple(slice(size) for size in index.shape)])
        grid[axis] = index
        FOLDS[op].at(out, tuple(grid), value)
    return out


def _adjoint_scatter_along(g: Any, base: Any, index: Any, value: Any, axis: int, op: str) -> tuple:
    if op == "add":
        return g, None, g.take_along(index, axis)
    turn = index.places(axis, index.shape)
    last = base.places(axis, base.shape).zeros().scatter_along(index, turn, axis, "set").take_along(index, axis) == turn
    kept = g.scatter_along(index, g.zeros_like(value), axis, "set")
    return kept, None, last.where(g.take_along(index, axis), 0)


scatter_along = register(
    Primitive(
        "scatter_along",
        Kind.OPAQUE,
        _eval_scatter_along,
        _infer_scatter_along,
        Named(_along_derivative),
        lambda rng: [
            (
                (draw(rng, dt.float64, (2, 5)), np.array(at), draw(rng, dt.float64, (2, 3))),
                {"axis": 1, "op": op},
            )
            for op in ("set", "add", "mul", "max")
            for at in ([[3, 0, 4], [-1, 1, 2]], [[3, 0, 3], [-1, 4, 2]])
        ],
        body="scatter_along",
        reason="writes at computed places run in order",
        raises=True,
        indexed=True,
        batch=ALONG,
    )
)


# searchsorted ------------------------------------------------------------------------------------------------------------
def _infer_searchsorted(table: TensorType, x: TensorType, side: str) -> TensorType:
    if table.ndim != 1 or table.dtype != x.dtype:
        raise ShapeError("searchsorted looks values up in a sorted vector of their dtype", got=f"{table}, {x}")
    return TensorType(dt.int64, x.shape)


searchsorted = register(
    Primitive(
        "searchsorted",
        Kind.OPAQUE,
        lambda table, x, side: np.asarray(np.searchsorted(table, x, side)),
        _infer_searchsorted,
        NO_GRADIENT,
        lambda rng: [
            ((np.sort(draw(rng, d, (7,))), draw(rng, d, (2, 3))), {"side": side})
            for d in (dt.int64, dt.float64)
            for side in ("left", "right")
        ],
        body="search",
        lowers=lambda table, x, side: x.dtype != dt.bfloat16,  # for which NumPy has no order: NaN is less than nothing
        reason="a binary search per element, by NumPy",
        batch=Lift(lambda size, side: {}, fixed=(0,)),
    )
)
