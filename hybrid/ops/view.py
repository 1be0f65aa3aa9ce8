"""Views: rows that move no data of their own. Each is an index map, so fusion reads through it; WRITE rows store regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import ShapeError
from hybrid.core.shape import Dim, Shape, Size, TensorType, contiguous_strides, product
from hybrid.core.shape import broadcast as broadcast_shapes
from hybrid.ir.primitive import ZERO_GRADIENT, Kind, Lift, Linear, Primitive, Sample, ZeroGradient, register
from hybrid.ops.family import ALONG, IN_FRONT, check_axes, draw


def _sampler(*cases: tuple[tuple[int, ...], dict[str, Any]]):
    def sample(rng: np.random.Generator) -> list[Sample]:
        out: list[Sample] = [((draw(rng, dt.float64, shape),), params) for shape, params in cases]
        return out + [((draw(rng, dtype, cases[0][0]),), cases[0][1]) for dtype in dt.ALL]

    return sample


# reshape --------------------------------------------------------------------------------------------------------------
def _infer_reshape(x: TensorType, shape: Shape) -> TensorType:
    if product(shape) != x.size:
        raise ShapeError("reshape keeps the number of elements", got=f"{x} to {shape}")
    return TensorType(x.dtype, shape)


def reshape_groups(source: Shape, target: Shape) -> list[tuple[list[int], list[int]]] | None:
    """Axes of source and target in matching runs of equal product, axes of size 1 left out; None where sizes don't line up.

    >>> reshape_groups((6, 4), (2, 3, 4))
    [([0], [0, 1]), ([1], [2])]
    """
    groups: list[tuple[list[int], list[int]]] = []
    left = [a for a, size in enumerate(source) if size != 1]
    right = [a for a, size in enumerate(target) if size != 1]
    while left or right:
        if not left or not right:
            return None
        a, b = [left.pop(0)], [right.pop(0)]
        have: Size = source[a[0]]
        want: Size = target[b[0]]
        while have != want:
            grow_left = (have < want) if isinstance(have, int) and isinstance(want, int) else bool(left)
            pool = left if grow_left else right
            if not pool:
                return None
            if grow_left:
                a.append(pool.pop(0))
                have = have * source[a[-1]]
            else:
                b.append(pool.pop(0))
                want = want * target[b[-1]]
        groups.append((a, b))
    return groups


def _index_reshape(out: Sequence, types: Sequence[TensorType], context: Any, shape: Shape) -> list | None:
    source = types[0].shape
    if 0 in source:
        return [0] * len(source)
    groups = reshape_groups(source, shape)
    if groups is None:
        return None
    index: list = [0] * len(source)
    for a, b in groups:
        if len(a) != 1:
            return None  # merged axes need a division; the access analysis knows what to do
        steps = contiguous_strides(tuple(shape[k] for k in b))
        index[a[0]] = sum((out[k] * step for k, step in zip(b, steps)), 0)
    return index


reshape: Primitive = register(
    Primitive(
        "reshape",
        Kind.VIEW,
        lambda x, shape: np.reshape(x, shape),
        _infer_reshape,
        Linear(lambda g, x, shape: (g.reshape(x.shape),)),
        _sampler(
            ((4, 6), {"shape": (2, 2, 6)}), ((2, 3, 4), {"shape": (6, 4)}), ((6,), {"shape": (1, 6, 1)}), ((), {"shape": (1,)})
        ),
        index=_index_reshape,
        put=lambda bind, base, value, shape: bind(reshape, value, shape=tuple(base.type.shape)),
        batch=Lift(lambda size, shape: {"shape": (size, *shape)}),
    )
)


# transpose ------------------------------------------------------------------------------------------------------------
def _infer_transpose(x: TensorType, perm: tuple[int, ...]) -> TensorType:
    if sorted(perm) != list(range(x.ndim)):
        raise ShapeError("transpose needs every axis once", got=f"{perm} for {x}")
    return TensorType(x.dtype, tuple(x.shape[p] for p in perm))


def inverse(perm: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(perm)), key=perm.__getitem__))


transpose: Primitive = register(
    Primitive(
        "transpose",
        Kind.VIEW,
        lambda x, perm: np.transpose(x, perm),
        _infer_transpose,
        Linear(lambda g, x, perm: (g.transpose(inverse(perm)),)),
        _sampler(((3, 4), {"perm": (1, 0)}), ((2, 3, 4), {"perm": (2, 0, 1)})),
        index=lambda out, types, context, perm: [out[k] for k in inverse(perm)],
        put=lambda bind, base, value, perm: bind(transpose, value, perm=inverse(perm)),
        batch=Lift(lambda size, perm: {"perm": (0, *(k + 1 for k in perm))}),
    )
)


# broadcast ------------------------------------------------------------------------------------------------------------
def _infer_broadcast(x: TensorType, shape: Shape) -> TensorType:
    if broadcast_shapes(x.shape, shape) != tuple(shape):
        raise ShapeError("cannot broadcast to a smaller shape", got=f"{x} to {shape}")
    return TensorType(x.dtype, shape)


def _index_broadcast(out: Sequence, types: Sequence[TensorType], context: Any, shape: Shape) -> list:
    source = types[0].shape
    tail = out[len(shape) - len(source) :]
    return [0 if size == 1 else i for size, i in zip(source, tail)]


def _adjoint_broadcast(g: Any, x: Any, shape: Shape) -> tuple:
    lead = len(shape) - len(x.shape)
    axes = tuple(a for a in range(len(shape)) if a < lead or (x.shape[a - lead] == 1 and shape[a] != 1))
    return (g.sum(axes).reshape(x.shape),)


def _batch_broadcast(size: Size, mapped: tuple[bool, ...], x: Any, shape: Shape) -> Any:
    new = (1,) * (len(shape) + 1 - len(x.shape))
    return x.reshape((size, *new, *x.shape[1:])).broadcast_to((size, *shape))


broadcast = register(Primitive(
    "broadcast", Kind.VIEW, lambda x, shape: np.broadcast_to(x, shape), _infer_broadcast, Linear(_adjoint_broadcast),
    _sampler(((3, 1), {"shape": (2, 3, 4)}), ((), {"shape": (5,)}), ((4,), {"shape": (0, 4)})), index=_index_broadcast,
    batch=_batch_broadcast,
))  # fmt: skip


# mark and stop: the same array, for derivatives another value ----------------------------------------------------------
def _identity(name: str, derivative: Linear | ZeroGradient) -> Primitive:
    return register(
        Primitive(
            name,
            Kind.VIEW,
            lambda x, tag: x,
            lambda x, tag: TensorType(x.dtype, x.shape),
            derivative,
            lambda rng: [((draw(rng, d, (3, 2)),), {"tag": 0}) for d in dt.ALL],
            index=lambda out, types, context, tag: list(out),
            put=lambda bind, base, value, tag: value,
            batch=IN_FRONT,
        )
    )


# `tag` tells one from another: what is computed from a marked value is not what was computed from the value before.
mark = _identity("mark", Linear(lambda g, x, tag: (g,)))
stop = _identity("stop", ZERO_GRADIENT)
NUMBER = 1  # the tag of a stop where Python took a number out of a tensor
# For passes, too: what is computed from it is computed again. Of one tag, once.
barrier = _identity("barrier", Linear(lambda g, x, tag: (g,)))


# slice ----------------------------------------------------------------------------------------------------------------
Ints = tuple[int, ...]


def _lift_region(size: Size, start: Ints, step: Ints, shape: Shape | None = None) -> dict[str, Any]:
    """A region of every example."""
    lifted = {"start": (0, *start), "step": (1, *step)}
    return lifted if shape is None else {**lifted, "shape": (size, *shape)}


def _spans(start: Ints, step: Ints, shape: Shape) -> tuple[slice, ...]:
    out = []
    for first, by, size in zip(start, step, shape):
        stop = first + by * size
        out.append(slice(first, stop if stop >= 0 else None, by) if size else slice(0, 0))
    return tuple(out)


def _infer_slice(x: TensorType, start: Ints, step: Ints, shape: Shape) -> TensorType:
    for size, first, by, count in zip(x.shape, start, step, shape, strict=True):
        if isinstance(size, int) and isinstance(first, int) and isinstance(by, int) and isinstance(count, int) and count:
            last = first + by * (count - 1)
            if not (0 <= first < size and 0 <= last < size):
                raise ShapeError("slice reaches outside its operand", got=f"{first}:{last}:{by} of {x}")
    return TensorType(x.dtype, shape)


def _adjoint_slice(g: Any, x: Any, start: Ints, step: Ints, shape: Shape) -> tuple:
    return (g.part_of_slice(start, step),)


slice_: Primitive = register(
    Primitive(
        "slice",
        Kind.VIEW,
        lambda x, start, step, shape: x[_spans(start, step, shape)],
        _infer_slice,
        Linear(_adjoint_slice),
        _sampler(
            ((5, 6), {"start": (1, 0), "step": (1, 2), "shape": (3, 3)}), ((5,), {"start": (4,), "step": (-1,), "shape": (5,)})
        ),
        index=lambda out, types, context, start, step, shape: [i * by + first for i, first, by in zip(out, start, step)],
        put=lambda bind, base, value, start, step, shape: bind(update_slice, base, value, start=start, step=step),
        batch=Lift(_lift_region),
    )
)


# diagonal: of the last two axes, as the last axis ---------------------------------------------------------------------
def _corner(offset: int) -> tuple[int, int]:
    """The row and the column where a diagonal begins."""
    return (0, offset) if offset >= 0 else (-offset, 0)


def _infer_diagonal(x: TensorType, offset: int) -> TensorType:
    if x.ndim < 2:
        raise ShapeError("diagonal takes an array of at least two axes", got=x)
    row, column = _corner(offset)
    rows, columns = x.shape[-2] - row, x.shape[-1] - column
    if isinstance(rows - columns, Dim):
        raise ShapeError("diagonal takes axes that are compared beforehand", got=x)
    count = rows if rows - columns < 0 else columns
    return TensorType(x.dtype, (*x.shape[:-2], count if isinstance(count, Dim) or count > 0 else 0))


def _eval_diagonal(x: Any, offset: int) -> np.ndarray:
    x = np.asarray(x)
    row, column = _corner(offset)
    count = max(min(x.shape[-2] - row, x.shape[-1] - column), 0)
    steps = (*x.strides[:-2], x.strides[-2] + x.strides[-1])
    part = x[..., row:, column:]
    return np.lib.stride_tricks.as_strided(part, (*x.shape[:-2], count), steps, writeable=x.flags.writeable)


def _flat_diagonal(shape: Shape, offset: int) -> tuple[Shape, Ints, Ints]:
    """The shape in which a diagonal is a slice, and that slice's start and step."""
    *lead, rows, columns = shape
    row, column = _corner(offset)
    return (*lead, rows * columns), (*[0] * len(lead), row * columns + column), (*[1] * len(lead), columns + 1)


def _put_diagonal(bind: Callable, base: Any, value: Any, offset: int) -> Any:
    if 0 in value.type.shape:
        return base
    shape = base.type.shape
    flat, start, step = _flat_diagonal(shape, offset)
    written = bind(update_slice, bind(reshape, base, shape=flat), value, start=start, step=step)
    return bind(reshape, written, shape=shape)


def _adjoint_diagonal(g: Any, x: Any, offset: int) -> tuple:
    zero = g.zeros_like(x)
    if 0 in g.shape:
        return (zero,)
    flat, start, step = _flat_diagonal(x.shape, offset)
    return (zero.reshape(flat).at_slice(start, step, g).reshape(x.shape),)


diagonal: Primitive = register(Primitive(
    "diagonal", Kind.VIEW, _eval_diagonal, _infer_diagonal, Linear(_adjoint_diagonal),
    _sampler(((4, 6), {"offset": 1}), ((2, 5, 3), {"offset": -2}), ((3, 3), {"offset": 0}), ((2, 3), {"offset": 7})),
    index=lambda out, types, context, offset: [*out[:-1], out[-1] + _corner(offset)[0], out[-1] + _corner(offset)[1]],
    put=_put_diagonal, batch=IN_FRONT,
))  # fmt: skip


# windows: every window of some sizes along some axes, with one more axis for each ------------------------------------------
def _infer_windows(x: TensorType, axes: Ints, sizes: Ints) -> TensorType:
    shape = list(x.shape)
    for axis, size in zip(axes, sizes):
        shape[axis] = shape[axis] - (size - 1)
        if isinstance(left := shape[axis], int) and left < 0:
            raise ShapeError("windows are at most as long as their axis", got=f"{x}, {sizes} along {axes}")
    return TensorType(x.dtype, (*shape, *sizes))


def _windowed(out: Sequence, types: Sequence[TensorType], context: Any, axes: Ints, sizes: Ints) -> list:
    rank = types[0].ndim
    place = list(out[:rank])
    for k, axis in enumerate(axes):
        place[axis] = place[axis] + out[rank + k]
    return place


def _adjoint_windows(g: Any, x: Any, axes: Ints, sizes: Ints) -> tuple:
    for axis, size in reversed(tuple(zip(axes, sizes))):
        g = g.overlapped(axis, size)
    return (g,)


windows: Primitive = register(Primitive(
    "windows", Kind.VIEW, lambda x, axes, sizes: np.lib.stride_tricks.sliding_window_view(np.asarray(x), sizes, axes),
    _infer_windows, Linear(_adjoint_windows),
    _sampler(((7,), {"axes": (0,), "sizes": (3,)}), ((4, 5), {"axes": (1, 0), "sizes": (2, 3)})), index=_windowed,
    batch=Lift(lambda size, axes, sizes: {"axes": tuple(a + 1 for a in axes)}),
))  # fmt: skip


def _infer_update(base: TensorType, value: TensorType, start: Ints, step: Ints) -> TensorType:
    if value.dtype != base.dtype or value.ndim != base.ndim:
        raise ShapeError("update_slice writes a value of its base's dtype and rank", got=f"{value} into {base}")
    _infer_slice(base, start, step, value.shape)
    return TensorType(base.dtype, base.shape)


def _eval_update(base: Any, value: Any, start: Ints, step: Ints) -> np.ndarray:
    out = np.array(base)
    out[_spans(start, step, np.shape(value))] = value
    return out


def _adjoint_update(g: Any, base: Any, value: Any, start: Ints, step: Ints) -> tuple:
    return g.at_slice(start, step, g.zeros_like(value)), g.slice(start, step, value.shape)


update_slice: Primitive = register(Primitive(
    "update_slice", Kind.WRITE, _eval_update, _infer_update, Linear(_adjoint_update),
    lambda rng: [((draw(rng, d, (5, 6)), draw(rng, d, (2, 3))), {"start": (1, 5), "step": (2, -2)}) for d in dt.ALL],
    regions=lambda base, value, start, step: [(0, (0,) * base.ndim, (1,) * base.ndim), (1, start, step)],
    batch=Lift(_lift_region),
))  # fmt: skip


# concatenate ----------------------------------------------------------------------------------------------------------
def _infer_concatenate(*parts: TensorType, axis: int) -> TensorType:
    if not parts:
        raise ShapeError("concatenate needs at least one operand")
    check_axes("concatenate", parts[0], (axis,))
    first, total = parts[0], parts[0].shape[axis]
    for part in parts[1:]:
        if (
            part.dtype != first.dtype
            or part.shape[:axis] + part.shape[axis + 1 :] != first.shape[:axis] + first.shape[axis + 1 :]
        ):
            raise ShapeError("concatenate needs equal dtypes and equal sizes off its axis", got=", ".join(map(str, parts)))
        total = total + part.shape[axis]
    return TensorType(first.dtype, (*first.shape[:axis], total, *first.shape[axis + 1 :]))


def _regions_concatenate(*parts: TensorType, axis: int) -> list:
    out, at = [], 0
    for k, part in enumerate(parts):
        out.append((k, tuple(at if a == axis else 0 for a in range(part.ndim)), (1,) * part.ndim))
        at = at + part.shape[axis]
    return out


def _adjoint_concatenate(g: Any, *parts: Any, axis: int) -> tuple:
    out, at = [], 0
    for part in parts:
        start = tuple(at if a == axis else 0 for a in range(len(part.shape)))
        out.append(g.slice(start, (1,) * len(start), part.shape))
        at = at + part.shape[axis]
    return tuple(out)


concatenate = register(
    Primitive(
        "concatenate",
        Kind.WRITE,
        lambda *parts, axis: np.concatenate(parts, axis),
        _infer_concatenate,
        Linear(_adjoint_concatenate),
        lambda rng: [((draw(rng, d, (2, 3)), draw(rng, d, (2, 1)), draw(rng, d, (2, 0))), {"axis": 1}) for d in dt.ALL],
        regions=_regions_concatenate,
        disjoint=True,
        batch=ALONG,
    )
)


# mosaic: an array put together from parts, each at its own place; together they cover it ------------------------------
def _infer_mosaic(*parts: TensorType, shape: Shape, starts: tuple[Ints, ...]) -> TensorType:
    if not parts or len(parts) != len(starts):
        raise ShapeError("mosaic takes parts and a place for each", got=f"{len(parts)} parts, {len(starts)} places")
    for part, start in zip(parts, starts):
        if part.dtype != parts[0].dtype or part.ndim != len(shape):
            raise ShapeError("mosaic takes parts of one dtype and of the rank of the whole", got=", ".join(map(str, parts)))
        _infer_slice(TensorType(part.dtype, shape), start, (1,) * len(shape), part.shape)
    missing = product(shape) - sum(product(part.shape) for part in parts)
    if isinstance(missing, int) and missing:
        raise ShapeError(
            "the parts of a mosaic cover it", got=", ".join(map(str, parts)), expected=f"{product(shape)} elements"
        )
    return TensorType(parts[0].dtype, shape)


def _eval_mosaic(*parts: Any, shape: tuple[int, ...], starts: tuple[Ints, ...]) -> np.ndarray:
    out = np.empty(shape, np.asarray(parts[0]).dtype)
    for part, start in zip(parts, starts):
        out[tuple(slice(at, at + size) for at, size in zip(start, np.shape(part)))] = part
    return out


mosaic = register(Primitive(
    "mosaic", Kind.WRITE, _eval_mosaic, _infer_mosaic,
    Linear(lambda g, *parts, shape, starts: tuple(
        g.slice(start, (1,) * len(shape), part.shape) for part, start in zip(parts, starts))),
    lambda rng: [((draw(rng, d, (1, 4)), draw(rng, d, (2, 1)), draw(rng, d, (2, 3))),
                  {"shape": (3, 4), "starts": ((0, 0), (1, 3), (1, 0))}) for d in dt.ALL],
    regions=lambda *parts, shape, starts: [(k, start, (1,) * len(shape)) for k, start in enumerate(starts)],
    disjoint=True,
    batch=Lift(lambda size, shape, starts: {"shape": (size, *shape), "starts": tuple((0, *start) for start in starts)}),
))  # fmt: skip
