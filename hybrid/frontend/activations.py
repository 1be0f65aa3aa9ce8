"""Functions that models are made of: softmax and its kin, and the usual activations, as compositions that fuse."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import ArgumentError
from hybrid.frontend import ufuncs as u
from hybrid.frontend.elementwise import cast, where
from hybrid.frontend.reductions import max as reduce_max
from hybrid.frontend.reductions import strong, sum
from hybrid.frontend.shaping import expand_dims
from hybrid.frontend.values import Value, shape_of


def _inexact(x: Any) -> Any:
    """x as an array of a float dtype."""
    x = x if isinstance(x, Value) else np.asarray(x)
    dtype = strong(x)
    return x if dt.is_inexact(dtype) else cast(x, dt.to_inexact(dtype))


def _is_empty(x: Any, axis: Any) -> bool:
    """Whether there is nothing along an axis, of which there is no maximum."""
    return type(axis) is int and bool(shape_of(x)) and shape_of(x)[axis] == 0


def peak(x: Any, axis: Any) -> Any:
    # An infinite maximum would give inf - inf.
    top = reduce_max(x, axis, keepdims=True)
    return where(abs(top) < math.inf, top, 0)


def softmax(x: Any, axis: Any = -1) -> Any:
    """e^x / Σ e^x along an axis, shifted by the maximum so that nothing overflows.

    >>> hy.softmax(hy.tensor([0.0, 0.0]))
    tensor([0.5, 0.5], dtype=float32)
    """
    x = _inexact(x)
    if _is_empty(x, axis):
        return x
    terms = u.exp(x - reduce_max(x, axis, keepdims=True))
    return terms / sum(terms, axis, keepdims=True)


def log_softmax(x: Any, axis: Any = -1) -> Any:
    """log(softmax(x)) without forming the quotient.

    >>> hy.log_softmax(hy.tensor([0.0, 0.0])).round(3)
    tensor([-0.693, -0.693], dtype=float32)
    """
    x = _inexact(x)
    if _is_empty(x, axis):
        return x
    shifted = x - reduce_max(x, axis, keepdims=True)
    return shifted - u.log(sum(u.exp(shifted), axis, keepdims=True))


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """log Σ e^x over the given axes, without overflow.

    >>> hy.logsumexp(hy.tensor([1000.0, 1000.0])).round(2)
    tensor(1000.69, dtype=float32)
    """
    x = _inexact(x)
    top = peak(x, axis)
    total = u.log(sum(u.exp(x - top), axis, keepdims=keepdims))
    return total + (top if keepdims else sum(top, axis))


def relu(x: Any) -> Any:
    """max(x, 0). NaN stays NaN.

    >>> hy.relu(hy.tensor([-1.0, 2.0]))
    tensor([0., 2.], dtype=float32)
    """
    return u.maximum(x, 0)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """x where positive, negative_slope · x elsewhere.

    >>> hy.leaky_relu(hy.tensor([-1.0, 2.0])).round(3)
    tensor([-0.01,  2.  ], dtype=float32)
    """
    x = _inexact(x)
    return where(x > 0, x, negative_slope * x)


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, alpha · (e^x - 1) elsewhere (Clevert, Unterthiner and Hochreiter 2015).

    >>> hy.elu(hy.tensor([-1.0, 2.0])).round(3)
    tensor([-0.632,  2.   ], dtype=float32)
    """
    x = _inexact(x)
    return where(x > 0, x, alpha * u.expm1(where(x > 0, 0, x)))


def gelu(x: Any, approximate: str = "none") -> Any:
    """x · Φ(x) with the normal distribution function Φ, or its tanh approximation (`approximate="tanh"`).

    Hendrycks and Gimpel 2016. ArgumentError for another `approximate` than "none" and "tanh".

    >>> hy.gelu(hy.tensor([-1.0, 2.0])).round(3)
    tensor([-0.159,  1.954], dtype=float32)
    """
    x = _inexact(x)
    if approximate == "tanh":
        return 0.5 * x * (1 + u.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    if approximate != "none":
        raise ArgumentError("gelu knows two forms", got=repr(approximate), expected="'none' or 'tanh'")
    return 0.5 * x * (1 + u.erf(x * math.sqrt(0.5)))


def silu(x: Any) -> Any:
    """x · sigmoid(x), also called swish.

    >>> hy.silu(hy.tensor([-1.0, 2.0])).round(3)
    tensor([-0.269,  1.762], dtype=float32)
    """
    x = _inexact(x)
    return x * u.sigmoid(x)


def softplus(x: Any) -> Any:
    """log(1 + e^x), without overflow.

    >>> hy.softplus(hy.tensor([0.0, 100.0])).round(3)
    tensor([  0.693, 100.   ], dtype=float32)
    """
    return u.logaddexp(x, 0)


def one_hot(labels: Any, num_classes: int, dtype: Any = None) -> Any:
    """A new last axis with 1 at each label and 0 elsewhere; labels outside the range give zeros.

    Args:
        labels: integers of any shape.
        num_classes: the size of the new axis.
        dtype: of the result; the default float without it.

    >>> hy.one_hot([1, 0, 3], 3)
    array([[0., 1., 0.],
           [1., 0., 0.],
           [0., 0., 0.]], dtype=float32)
    """
    hit = u.equal(expand_dims(labels, -1), np.arange(num_classes))
    return cast(hit, dt.canonical(dtype, dt.default_float()))


__all__ = ["elu", "gelu", "leaky_relu", "log_softmax", "logsumexp", "one_hot", "relu", "silu", "softmax", "softplus"]
