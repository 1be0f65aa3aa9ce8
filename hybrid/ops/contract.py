"""Contractions: sums of products over shared axes, from vector dot products to batched matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError, ShapeError
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import Kind, Linear, Primitive, Sample, register
from hybrid.ops.family import NUMERIC, conjugate, draw

Axes = tuple[int, ...]
Pair = tuple[Axes, Axes]


def free_axes(ndim: int, contract: Axes, batch: Axes) -> Axes:
    return tuple(a for a in range(ndim) if a not in contract and a not in batch)


def _infer(a: TensorType, b: TensorType, contract: Pair, batch: Pair) -> TensorType:
    if a.dtype != b.dtype or a.dtype not in (dt.bool_, *NUMERIC):
        raise DTypeError("dot takes operands of one numeric dtype", got=f"{a}, {b}")
    for left, right in (*zip(*contract, strict=True), *zip(*batch, strict=True)):
        if a.shape[left] != b.shape[right]:
            raise ShapeError("dot cannot contract these operands", got=f"left {a}, right {b}",
                             expected=f"left.shape[{left}] == right.shape[{right}], but {a.shape[left]} != {b.shape[right]}",
                             fix="transpose one operand, e.g. dot(a, b.T)")  # fmt: skip
    shape = [a.shape[k] for k in batch[0]]
    shape += [a.shape[k] for k in free_axes(a.ndim, contract[0], batch[0])]
    shape += [b.shape[k] for k in free_axes(b.ndim, contract[1], batch[1])]
    return TensorType(a.dtype, tuple(shape))


def _eval(a: Any, b: Any, contract: Pair, batch: Pair) -> np.ndarray:
    """As one batched matrix product: axes ordered batch, free, contracted (left) and batch, contracted, free (right)."""
    free_a, free_b = free_axes(a.ndim, contract[0], batch[0]), free_axes(b.ndim, contract[1], batch[1])
    rows, columns = [a.shape[k] for k in free_a], [b.shape[k] for k in free_b]
    lead = [a.shape[k] for k in batch[0]]
    inner = int(np.prod([a.shape[k] for k in contract[0]], dtype=np.int64))
    left = a.transpose(*batch[0], *free_a, *contract[0]).reshape((*lead, int(np.prod(rows, dtype=np.int64)), inner))
    right = b.transpose(*batch[1], *contract[1], *free_b).reshape((*lead, inner, int(np.prod(columns, dtype=np.int64))))
    if a.dtype in (dt.float16, dt.bfloat16):
        left, right = left.astype(np.float32), right.astype(np.float32)
    return np.matmul(left, right).reshape((*lead, *rows, *columns)).astype(a.dtype, copy=False)


def _adjoint(g: Any, a: Any, b: Any, contract: Pair, batch: Pair) -> tuple:
    free_a, free_b = free_axes(a.ndim, contract[0], batch[0]), free_axes(b.ndim, contract[1], batch[1])
    lead = tuple(range(len(batch[0])))
    rows = tuple(range(len(lead), len(lead) + len(free_a)))
    columns = tuple(range(len(lead) + len(free_a), g.ndim))
    # With the inner product Re Σ conj(u)·v, the adjoint of a product is by the conjugate.
    a, b = conjugate(a), conjugate(b)
    # g·bᵀ: axes come out as batch, free of a, contracted axes of b in ascending order; put each where a has it.
    order_b = sorted(range(len(contract[1])), key=contract[1].__getitem__)
    da = g.dot_general(b, (columns, free_b), (lead, batch[1]))
    da = da.transpose(_places((*batch[0], *free_a, *(contract[0][k] for k in order_b))))
    order_a = sorted(range(len(contract[0])), key=contract[0].__getitem__)
    db = g.dot_general(a, (rows, free_a), (lead, batch[0]))
    db = db.transpose(_places((*batch[1], *free_b, *(contract[1][k] for k in order_a))))
    return da, db


def _places(axes: Axes) -> Axes:
    """The permutation that brings result axis k to place axes[k]."""
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def _sample(rng: np.random.Generator) -> list[Sample]:
    matrix = {"contract": ((1,), (0,)), "batch": ((), ())}
    out: list[Sample] = [((draw(rng, d, (3, 4), 0, 3), draw(rng, d, (4, 5), 0, 3)), matrix) for d in (dt.bool_, *NUMERIC)]
    out.append(((draw(rng, dt.float64, (7,)), draw(rng, dt.float64, (7,))), {"contract": ((0,), (0,)), "batch": ((), ())}))
    out.append(
        (
            (draw(rng, dt.float64, (2, 3, 4)), draw(rng, dt.float64, (2, 5, 4))),
            {"contract": ((2,), (2,)), "batch": ((0,), (0,))},
        )
    )
    out.append(((draw(rng, dt.float64, (3, 0)), draw(rng, dt.float64, (0, 2))), matrix))
    out.append(((draw(rng, dt.float64, (2, 3)), draw(rng, dt.float64, (4,))), {"contract": ((), ()), "batch": ((), ())}))
    return out


dot_general = register(Primitive("dot_general", Kind.CONTRACT, _eval, _infer, Linear(_adjoint), _sample))
