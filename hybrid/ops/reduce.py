"""Reductions over sorted, distinct axes, which disappear from the shape."""

from __future__ import annotations

import builtins
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


def _share(g: Any, y: Any, x: Any, axes: tuple[int, ...]) -> tuple:
    # Ties share the cotangent equally.
    hit = (x == expand(y, x, axes)).astype(x.dtype)
    return (expand(g / hit.sum(axes), x, axes) * hit,)


def _pick(primals: tuple, tangents: tuple, y: Any, axes: tuple[int, ...]) -> Any:
    hit = (primals[0] == expand(y, primals[0], axes)).astype(primals[0].dtype)
    return (tangents[0] * hit).sum(axes) / hit.sum(axes)


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
        lambda p, t, y, axes: (expand(y, p[0], axes) / p[0] * t[0]).sum(axes),
        lambda g, y, x, axes: (expand(g, x, axes) * conjugate(expand(y, x, axes) / x),),
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
