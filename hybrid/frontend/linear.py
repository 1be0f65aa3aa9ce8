"""Products of matrices and tensors, as one contraction each, and the linear algebra that has primitives."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Shape, normalize_axis
from hybrid.core.shape import broadcast as broadcast_shapes
from hybrid.frontend.elementwise import store
from hybrid.frontend.values import active, dtype_of, implements, kind_of, operand, result_kind, shape_of, traced, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ops import contract as c
from hybrid.ops import view as v


def _pair(a: Any, b: Any) -> tuple[Any, Any, Atom, Atom]:
    """Both operands as tensors and as atoms of their promoted dtype."""
    trace = active()
    a, b = traced(a), traced(b)
    dtype = dt.promote(*(d if not isinstance(d, type) else dt.promote(d) for d in map(dtype_of, (a, b))))
    return a, b, operand(trace, a, dtype), operand(trace, b, dtype)


def _result(operands: tuple, atom: Atom) -> Any:
    return wrap(active().fresh(atom, result_kind(operands, atom.type.shape)))


def dot_general(a: Any, b: Any, contract: tuple, batch: tuple = ((), ())) -> Any:
    """Sums of products over paired axes: batch axes, then the free axes of a, then those of b.

    Args:
        contract: the axes of a and of b that are summed over, pairwise.
        batch: the axes of a and of b that run along together.
    """
    params = {"contract": (tuple(contract[0]), tuple(contract[1])), "batch": (tuple(batch[0]), tuple(batch[1]))}
    if tr.current() is None:
        dtype = dt.promote(a.dtype, b.dtype)
        return wrap(c.dot_general.eval(np.asarray(a, dtype), np.asarray(b, dtype), **params))
    a, b, left, right = _pair(a, b)
    return _result((a, b), active().one(c.dot_general, left, right, **params))


@implements(np.matmul)
def matmul(x1: Any, x2: Any, /, out: Any = None) -> Any:
    """The matrix product over the last two axes, leading axes broadcast.

    Vectors count as a row on the left and a column on the right. Sizes that don't fit raise ValueError.
    """
    a, b, left, right = _pair(x1, x2)
    if not left.type.shape or not right.type.shape:
        which = 0 if not left.type.shape else 1
        raise ValueError(f"matmul: Input operand {which} does not have enough dimensions (has 0, gufunc core with signature "
                         "(n?,k),(k,m?)->(n?,m?) requires 1)")  # fmt: skip
    n, m = left.type.shape[-1], right.type.shape[-2 if len(right.type.shape) > 1 else 0]
    if n != m:
        raise ValueError("matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
                         f"(n?,k),(k,m?)->(n?,m?) (size {m} is different from {n})")  # fmt: skip
    result = _result((a, b), _matmul(left, right))
    return result if out is None else store(active(), out[0] if isinstance(out, tuple) else out, result)


def _matmul(a: Atom, b: Atom) -> Atom:
    trace = active()
    lead_a, lead_b = a.type.shape[:-2], b.type.shape[:-2]
    last_b = len(b.type.shape) - 1 if len(b.type.shape) == 1 else len(b.type.shape) - 2
    if not lead_b:
        # One right-hand matrix for every row of a: no batch, no broadcast.
        return trace.one(c.dot_general, a, b, contract=((len(a.type.shape) - 1,), (last_b,)), batch=((), ()))
    lead = broadcast_shapes(lead_a, lead_b)
    b = _stretched(b, (*lead, *b.type.shape[-2:]))
    axes = tuple(range(len(lead)))
    if len(a.type.shape) == 1:
        return trace.one(c.dot_general, a, b, contract=((0,), (len(lead),)), batch=((), ()))
    a = _stretched(a, (*lead, *a.type.shape[-2:]))
    return trace.one(c.dot_general, a, b, contract=((len(lead) + 1,), (len(lead),)), batch=(axes, axes))


def _stretched(a: Atom, shape: Shape) -> Atom:
    return a if a.type.shape == shape else active().one(v.broadcast, a, shape=shape)


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Any:
    """NumPy's dot: the last axis of a with the second to last of b (its only one for a vector); scalars multiply."""
    if not shape_of(a) or not shape_of(b):
        result = traced(a) * traced(b)
    else:
        a, b, left, right = _pair(a, b)
        axis = 0 if len(right.type.shape) == 1 else len(right.type.shape) - 2
        _same_size(left, right, len(left.type.shape) - 1, axis)
        result = _result(
            (a, b), active().one(c.dot_general, left, right, contract=((len(left.type.shape) - 1,), (axis,)), batch=((), ()))
        )
    return result if out is None else store(active(), out, result)


def _same_size(a: Atom, b: Atom, i: int, j: int) -> None:
    if a.type.shape[i] != b.type.shape[j]:
        raise ValueError(f"shapes {a.type.shape} and {b.type.shape} not aligned: {a.type.shape[i]} (dim {i}) != "
                         f"{b.type.shape[j]} (dim {j})")  # fmt: skip


@implements(np.tensordot)
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """The sum of products over the given axes: the last n of a with the first n of b, or two lists of axes."""
    a, b, left, right = _pair(a, b)
    rank_a, rank_b = len(left.type.shape), len(right.type.shape)
    if isinstance(axes, (int, np.integer)):
        over_a, over_b = tuple(range(rank_a - axes, rank_a)), tuple(range(axes))
    else:
        over_a, over_b = (tuple(x) if isinstance(x, (tuple, list)) else (x,) for x in axes)
    over_a = tuple(normalize_axis(k, rank_a) for k in over_a)
    over_b = tuple(normalize_axis(k, rank_b) for k in over_b)
    if len(over_a) != len(over_b) or any(left.type.shape[i] != right.type.shape[j] for i, j in zip(over_a, over_b)):
        raise ValueError("shape-mismatch for sum")
    atom = active().one(c.dot_general, left, right, contract=(over_a, over_b), batch=((), ()))
    # np.tensordot gives a rank-0 array where np.dot gives a scalar.
    return wrap(active().fresh(atom, "tensor" if "tensor" in (kind_of(a), kind_of(b)) else "ndarray"))
