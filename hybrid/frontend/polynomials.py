"""Polynomials by their coefficients, the highest power first: sums, products, quotients, derivatives, values of roots."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim
from hybrid.frontend import integers
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import implements, unsupported
from hybrid.frontend.creation import CONSTRUCTORS
from hybrid.frontend.elementwise import cast, select
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import concatenate, stack
from hybrid.frontend.orders import argmin
from hybrid.frontend.reductions import all as every
from hybrid.frontend.shaping import as_array, reshape
from hybrid.frontend.signals import convolve
from hybrid.frontend.values import active, assembled, operand, shape_of, strong

MAX_STEPS = 32  # coefficients of a quotient, or roots, that are written out one by one
_CLOSE = 1e-8  # `np.allclose` to zero


def _array(x: Any) -> Any:
    return as_array(assembled(active(), x))


def _coefficients(x: Any, name: str) -> Any:
    x = _array(x)
    x = x if shape_of(x) else reshape(x, (1,))
    if len(shape_of(x)) != 1 or isinstance(shape_of(x)[0], Dim) or not shape_of(x)[0]:
        raise unsupported(f"np.{name} of no coefficients, or of a number that only a run knows")
    return x


# Products and quotients ---------------------------------------------------------------------------------------------------
@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Any:
    """The coefficients of the product of two polynomials."""
    parts = [_coefficients(x, "polymul") for x in (a1, a2)]
    for x in parts:
        if shape_of(x)[0] > 1:  # NumPy leaves out zeros in front
            active().assume(operand(active(), getitem(x, 0) != 0, dt.bool_), "a polynomial begins with no zero")
    return convolve(*parts)


@implements(np.polydiv)
def polydiv(u_: Any, v: Any) -> tuple:
    """The coefficients of the quotient and the remainder of two polynomials."""
    u_, v = (_coefficients(x, "polydiv") + 0.0 for x in (u_, v))
    dtype = dt.promote(strong(u_), strong(v))
    m, n = shape_of(u_)[0] - 1, shape_of(v)[0] - 1
    if m - n >= MAX_STEPS or dt.is_complex(dtype):
        raise unsupported("np.polydiv of many coefficients, or of complex ones")
    scale, rest, parts = 1.0 / getitem(v, 0), cast(u_, dtype), []
    for k in range(m - n + 1):
        part = scale * getitem(rest, k)
        parts.append(part)
        pieces = [getitem(rest, slice(None, k)), getitem(rest, slice(k, k + n + 1)) - part * v,
                  getitem(rest, slice(k + n + 1, None))]  # fmt: skip
        rest = concatenate(pieces)
    quotient = stack(parts) if parts else CONSTRUCTORS[np.array](np.zeros(1, dtype))
    small, size = u.absolute(rest) <= _CLOSE, shape_of(rest)[0]
    start = select(every(small), size - 1, argmin(small))
    return cast(quotient, dtype), getitem(rest, slice(integers.to_int(start), None)) + 0


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Any:
    """The coefficients of the polynomial with these roots."""
    x = _array(seq_of_zeros)
    if len(shape_of(x)) != 1 or isinstance(shape_of(x)[0], Dim) or not 0 < shape_of(x)[0] <= MAX_STEPS:
        raise unsupported("np.poly of a matrix, or of so many roots")
    if not (dt.is_float(strong(x)) or dt.is_integer(strong(x))):
        raise unsupported("np.poly of complex roots")
    x = cast(x, np.float64) if dt.is_integer(strong(x)) else x
    out = CONSTRUCTORS[np.array](np.ones(1, strong(x)))
    for k in range(shape_of(x)[0]):
        ends = [CONSTRUCTORS[np.array](np.zeros(1, strong(x)))]
        out = concatenate([out, *ends]) - getitem(x, k) * concatenate([*ends, out])
    return out


# Powers, sums and derivatives ----------------------------------------------------------------------------------------------
def _size(x: Any, name: str) -> int:
    count = shape_of(x)[0] if len(shape_of(x)) == 1 else None
    if not isinstance(count, int):
        raise unsupported(f"np.{name} of coefficients whose number only a run knows")
    return count


@implements(np.vander)
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:
    """Powers of numbers, one number in each row; the highest power first unless `increasing`."""
    x = _array(x)
    if len(shape_of(x)) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    count = _size(x, "vander") if N is None else N
    if type(count) is not int or count < 1:
        raise unsupported("np.vander of no columns, or of a number that only a run knows")
    x = cast(x, dt.promote(x.dtype, dt.int64))
    parts = [cast(u.equal(x, x) | True, x.dtype)]
    for _ in range(1, count):
        parts.append(x if len(parts) == 1 else parts[-1] * x)
    return stack(parts if increasing else parts[::-1], -1)


@implements(np.polyder)
def polyder(p: Any, m: Any = 1) -> Any:
    """The coefficients of a polynomial's m-th derivative."""
    if type(m) is not int or m < 1:
        raise unsupported("np.polyder so many times")
    for _ in range(m):
        p = _array(p)
        degree = _size(p, "polyder") - 1
        p = getitem(p, slice(None, -1)) * np.arange(degree, 0, -1)
    return p


@implements(np.polyint)
def polyint(p: Any, m: Any = 1, k: Any = None) -> Any:
    """The coefficients of a polynomial's m-th integral."""
    if type(m) is not int or m < 1 or (k is not None and (m > 1 or shape_of(k) not in ((), (1,)))):
        raise unsupported("np.polyint so many times, or with such constants")
    p = _array(p)
    if not _size(p, "polyint"):
        raise unsupported("np.polyint of nothing")
    for _ in range(m):
        count = _size(p, "polyint")
        constant = CONSTRUCTORS[np.array](np.zeros(1)) if k is None else reshape(_array(k), (1,))
        p = concatenate([u.true_divide(p, np.arange(count, 0, -1)), constant])
    return p


def _sum_of_polynomials(function: Any, a1: Any, a2: Any, name: str) -> Any:
    parts = [x if shape_of(x) else reshape(x, (1,)) for x in map(_array, (a1, a2))]
    sizes = [_size(x, name) for x in parts]
    for k, x in enumerate(parts):
        lack = max(sizes) - sizes[k]
        if lack:
            parts[k] = concatenate([CONSTRUCTORS[np.array](np.zeros(lack, strong(x))), x])
    return function(*parts)


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Any:
    """The coefficients of the sum of two polynomials."""
    return _sum_of_polynomials(u.add, a1, a2, "polyadd")


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Any:
    """The coefficients of the difference of two polynomials."""
    return _sum_of_polynomials(u.subtract, a1, a2, "polysub")
