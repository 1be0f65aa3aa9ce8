"""What NumPy makes of singular values and of least squares: norms, ranks, conditions, fits of polynomials."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import SILENT
from hybrid.core.shape import Dim, normalize_axis
from hybrid.frontend import hosted
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import traced, unsupported
from hybrid.frontend.elementwise import cast, select
from hybrid.frontend.indexing import getitem
from hybrid.frontend.polynomials import vander
from hybrid.frontend.reductions import any as any_
from hybrid.frontend.reductions import max as reduce_max
from hybrid.frontend.reductions import min as reduce_min
from hybrid.frontend.reductions import root, sum
from hybrid.frontend.shaping import as_array, expand_dims, moveaxis
from hybrid.frontend.values import active, assembled, operand, shape_of, strong
from hybrid.ops.library import residuals, singular, solved


def _made(function: Callable, *args: Any) -> Any:
    made = hosted.called(function, args, {})
    if made is NotImplemented:
        raise unsupported(f"{function.__name__} of these numbers")
    return made


def _singular_values(x: Any) -> Any:
    return _made(np.linalg.svdvals, x)


def lstsq(a: Any, b: Any, rcond: Any = None) -> tuple:
    x, rank = _made(solved, a, b, rcond)
    return x, _made(residuals, a, b, rcond), rank, _made(singular, a, b, rcond)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Of matrices, by their singular values."""
    x = traced(x)
    rank = len(shape_of(x))
    axes = tuple(range(rank)) if axis is None else tuple(normalize_axis(k, rank) for k in axis)
    if len(axes) != 2 or axes[0] == axes[1] or ord not in (2, -2, "nuc") or keepdims:
        raise unsupported(f"np.linalg.norm of matrices with ord={ord!r}")
    values = _singular_values(moveaxis(x, axes, (-2, -1)))
    return (sum if ord == "nuc" else reduce_max if ord == 2 else reduce_min)(values, -1)


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    if hermitian or tol is not None or rtol is not None or len(shape_of(A)) < 2:
        raise unsupported("np.linalg.matrix_rank with a tolerance")
    values = _singular_values(A)
    rows, columns = shape_of(A)[-2:]
    if isinstance(rows, Dim) or isinstance(columns, Dim):
        raise unsupported("np.linalg.matrix_rank of sizes that only a run knows")
    limit = reduce_max(values, -1, keepdims=True) * (max(rows, columns) * np.finfo(strong(values)).eps)
    return sum(cast(values > limit, np.int64), -1)


def cond(x: Any, p: Any = None) -> Any:
    if p not in (None, 2, -2) or len(shape_of(x)) < 2:
        raise unsupported(f"np.linalg.cond with p={p!r}")
    values = _singular_values(x)
    first, last = (getitem(values, (..., k)) for k in ((-1, 0) if p == -2 else (0, -1)))
    ratio = u.divide(first, last)
    lost = u.logical_and(u.isnan(ratio), u.logical_not(any_(u.isnan(x), (-2, -1))))
    return select(lost, ratio.dtype.type(np.inf), ratio)


def polyfit(x: Any, y: Any, deg: Any, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False) -> Any:
    """By least squares, of powers that are scaled to one length each; NumPy warns where the rank is too low."""
    x, y = (as_array(assembled(active(), each)) + 0.0 for each in (x, y))
    count = shape_of(x)[0] if len(shape_of(x)) == 1 else 0
    fits = len(shape_of(y)) in (1, 2) and shape_of(y)[0] == count
    if full or cov or isinstance(count, Dim) or not count or not fits or not isinstance(deg, (int, np.integer)) or deg < 0:
        raise unsupported("np.polyfit with residuals, or of sizes that only a run knows")
    order = operator.index(deg) + 1
    if count < order:
        raise unsupported("np.polyfit of fewer points than coefficients")
    rcond = count * float(np.finfo(strong(x)).eps) if rcond is None else rcond
    left, right = vander(x, order), y
    if w is not None:
        weights = as_array(assembled(active(), w)) + 0.0
        if shape_of(weights) != (count,):
            raise unsupported("np.polyfit with weights of another number")
        column = expand_dims(weights, -1)
        left, right = left * column, right * (column if len(shape_of(right)) == 2 else weights)
    scale = root(sum(left * left, 0))
    c, rank = _made(solved, left / scale, right, rcond)
    active().assume(operand(active(), rank == order, dt.bool_), SILENT)
    return c / (expand_dims(scale, -1) if len(shape_of(c)) == 2 else scale)


hosted.COMPOSED.update({f"numpy.linalg.{form.__name__}": form for form in (cond, lstsq, matrix_rank, norm)})
hosted.COMPOSED["numpy.polyfit"] = polyfit
