"""Reductions over sorted, distinct axes, which disappear from the shape."""

from __future__ import annotations

import builtins
import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import ArgumentError
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import NO_GRADIENT, Custom, Derivative, Kind, Linear, Primitive, Sample, register
from hybrid.ops.family import NUMERIC, REAL, check_axes, conjugate, draw, map_dtype, real_only


def _reduction(
    name: str, eval: Callable, derivative: Derivative, *, body: str, dtypes: tuple[np.dtype, ...], empty: bool
) -> Primitive:
    def infer(x: TensorType, axes: tuple[int, ...]) -> TensorType:
        map_dtype(name, (x,), dtypes)
        check_axes(name, x, axes)
        if not empty and builtins.any(x.shape[a] == 0 for a in axes):
            raise ArgumentError(
                f"zero-size array to reduction operation {name} which has no identity", got=f"{x} over axes {axes}"
            )
        return TensorType(x.dtype, tuple(s for a, s in enumerate(x.shape) if a not in axes))

    def evaluate(x: Any, axes: tuple[int, ...]) -> np.ndarray:
        return np.asarray(eval(x, axes)).astype(x.dtype, copy=False)

    def sample(rng: np.random.Generator) -> list[Sample]:
        cases = [((3, 4), (1,)), ((3, 4), (0,)), ((3, 4), (0, 1)), ((40,), (0,)), ((2, 3, 4), (0, 2)), ((5,), ())]
        cases += [((0, 3), (0,)), ((3, 0), (0,))] if empty else [((3, 0), (0,))]
        low, high = (0.5, 1.5) if body == "mul" else (-4.0, 4.0)
        return [
            ((draw(rng, d, shape, low, high),), {"axes": axes})
            for d in dtypes
            for shape, axes in (cases if d == dt.float64 else cases[:3])
        ]

    return register(Primitive(name, Kind.REDUCE, evaluate, infer, derivative, sample, body=body, lowers=real_only))


def expand(value: Any, x: Any, axes: tuple[int, ...]) -> Any:
    """A reduced value stretched back over the axes it lost."""
    return value.reshape(tuple(1 if a in axes else s for a, s in enumerate(x.shape))).broadcast_to(x.shape)


# Elements that are equally extreme share its derivative equally; of a NaN, those that are NaN.
def _extremes(y: Any, x: Any, axes: tuple[int, ...]) -> tuple:
    hit = (x == expand(y, x, axes)) | (x != x)
    return hit, hit.astype(x.dtype).sum(axes)


def _share(g: Any, y: Any, x: Any, axes: tuple[int, ...]) -> tuple:
    hit, count = _extremes(y, x, axes)
    return (hit.where(expand(g / count, x, axes), 0),)


def _pick(primals: tuple, tangents: tuple, y: Any, axes: tuple[int, ...]) -> Any:
    hit, count = _extremes(y, primals[0], axes)
    return hit.where(tangents[0], 0).sum(axes) / count


def _others(x: Any, axes: tuple[int, ...]) -> Any:
    """For each element the product of the others, which is right where some are zero, as y / x is not."""
    kept = tuple(a for a in range(x.ndim) if a not in axes)
    order = (*kept, *axes)
    moved = x.transpose(order)
    count = functools.reduce(operator.mul, (x.shape[a] for a in axes), 1)
    line, axis = moved.reshape((*(x.shape[a] for a in kept), count)), len(kept)
    before = line.cumprod(axis).shifted(axis, 1)
    behind = line.flip(axis).cumprod(axis).shifted(axis, 1).flip(axis)
    return (before * behind).reshape(moved.shape).transpose(tuple(sorted(range(x.ndim), key=order.__getitem__)))


def _accumulate_wide(ufunc: np.ufunc):
    """Half precision adds in float32, as NumPy's own pairwise loop does for float16."""

    def call(x: Any, axes: tuple[int, ...]) -> Any:
        wide = np.float32 if x.dtype in (dt.float16, dt.bfloat16) else x.dtype
        return ufunc.reduce(x.astype(wide, copy=False), axis=axes, dtype=wide)

    return call


sum = _reduction(
    "sum", _accumulate_wide(np.add), Linear(lambda g, x, axes: (expand(g, x, axes),)), body="add", dtypes=NUMERIC, empty=True
)
prod = _reduction(
    "prod",
    _accumulate_wide(np.multiply),
    Custom(
        lambda p, t, y, axes: (_others(p[0], axes) * t[0]).sum(axes),
        lambda g, y, x, axes: (expand(g, x, axes) * conjugate(_others(x, axes)),),
    ),
    body="mul",
    dtypes=NUMERIC,
    empty=True,
)
max = _reduction(
    "reduce_max", lambda x, axes: np.max(x, axis=axes), Custom(_pick, _share), body="max", dtypes=(dt.bool_, *REAL), empty=False
)
min = _reduction(
    "reduce_min", lambda x, axes: np.min(x, axis=axes), Custom(_pick, _share), body="min", dtypes=(dt.bool_, *REAL), empty=False
)
all = _reduction("all", lambda x, axes: np.all(x, axis=axes), NO_GRADIENT, body="and", dtypes=(dt.bool_,), empty=True)
any = _reduction("any", lambda x, axes: np.any(x, axis=axes), NO_GRADIENT, body="or", dtypes=(dt.bool_,), empty=True)
