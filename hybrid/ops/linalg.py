"""Dense linear algebra through LAPACK, on matrices in the last two axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError, ShapeError
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import Custom, Kind, Primitive, Sample, register
from hybrid.ops.family import draw

_DTYPES = (dt.float32, dt.float64)


def _square(name: str, a: TensorType) -> None:
    if a.dtype not in (*_DTYPES, *dt.COMPLEX):
        raise DTypeError(f"{name} takes float32, float64 or complex matrices", got=a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ShapeError(f"{name} takes square matrices", got=a)


def _infer_solve(a: TensorType, b: TensorType) -> TensorType:
    _square("solve", a)
    if b.dtype != a.dtype or b.shape[:-1] != a.shape[:-1]:
        raise ShapeError(
            "solve needs right-hand sides that fit the matrix", got=f"{a}, {b}", expected=f"{(*a.shape[:-1], 'k')}"
        )
    return b


def _sample_solve(rng: np.random.Generator) -> list[Sample]:
    out: list[Sample] = []
    for dtype in _DTYPES:
        a = draw(rng, dtype, (2, 3, 3)) + 8 * np.eye(3, dtype=dtype)
        out.append(((a.astype(dtype), draw(rng, dtype, (2, 3, 2))), {}))
    return out


def _solve_jvp(primals: tuple, tangents: tuple, y: Any) -> Any:
    return primals[0].solve(tangents[1] - tangents[0] @ y)


def _solve_vjp(g: Any, y: Any, a: Any, b: Any) -> tuple:
    db = a.mT.solve(g)
    return -(db @ y.mT), db


solve = register(Primitive(
    "solve", Kind.OPAQUE, lambda a, b: np.linalg.solve(a, b), _infer_solve, Custom(_solve_jvp, _solve_vjp), _sample_solve, reason="LAPACK gesv",
))  # fmt: skip
