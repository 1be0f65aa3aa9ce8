"""Questions about elements and headers, and small functions of NumPy that are other functions by another name."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, normalize_axis
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.complex_parts import imag
from hybrid.frontend.creation import CONSTRUCTORS
from hybrid.frontend.elementwise import NAMES, cast
from hybrid.frontend.elementwise import where as choose
from hybrid.frontend.gathering import trace as diagonal_sum
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import concatenate
from hybrid.frontend.linear import matmul
from hybrid.frontend.orders import argmax, cumprod, cumsum
from hybrid.frontend.reductions import all as every
from hybrid.frontend.reductions import prod
from hybrid.frontend.shaping import as_array, atleast_1d, copy, flip
from hybrid.frontend.values import Value, active, assembled, header_of, laid_out, operand, shape_of, strong, wrap


def _signed(x: Any, name: str) -> Any:
    x = as_array(assembled(active(), x))
    if dt.is_complex(strong(x)):
        raise TypeError(f"This operation is not supported for {x.dtype} values because it would be ambiguous.")
    return NAMES["isinf"](x) & (NAMES["signbit"](x) if name == "isneginf" else ~NAMES["signbit"](x))


@implements(np.isneginf)
def isneginf(x: Any, out: Any = None) -> Any:
    """Where elements are -inf."""
    return _signed(x, "isneginf") if out is None else NAMES["positive"](_signed(x, "isneginf"), out=out)


@implements(np.isposinf)
def isposinf(x: Any, out: Any = None) -> Any:
    """Where elements are +inf."""
    return _signed(x, "isposinf") if out is None else NAMES["positive"](_signed(x, "isposinf"), out=out)


@implements(np.iscomplex)
def iscomplex(x: Any) -> Any:
    """Where elements have an imaginary part that is not zero."""
    x = as_array(x)
    return NAMES["not_equal"](imag(x), 0) if dt.is_complex(strong(x)) else laid_out(NAMES["not_equal"](imag(x), 0), None)


@implements(np.isreal)
def isreal(x: Any) -> Any:
    """Where elements have an imaginary part of zero."""
    return NAMES["equal"](imag(as_array(x)), 0)


@implements(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    """Whether the dtype is complex."""
    return dt.is_complex(strong(x))


@implements(np.isrealobj)
def isrealobj(x: Any) -> bool:
    """Whether the dtype is not complex."""
    return not dt.is_complex(strong(x))


@implements(np.fix)
def fix(x: Any, out: Any = None) -> Any:
    """Rounded towards zero."""
    return NAMES["trunc"](as_array(assembled(active(), x)), out=out)


@implements(np.astype)
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """The values in another dtype."""
    return x.astype(dtype, copy=copy)


@implements(np.common_type)
def common_type(*arrays: Any) -> type:
    """The inexact dtype that holds all of them."""
    return np.common_type(*(np.empty(0, strong(x)) for x in arrays))


@implements(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    """Whether two arrays have the same shape and elements: a Python bool."""
    a, b = (as_array(assembled(active(), x)) for x in (a1, a2))
    if any(isinstance(size, Dim) for size in (*shape_of(a), *shape_of(b))) and shape_of(a) != shape_of(b):
        raise unsupported("np.array_equal of sizes that vary")
    if shape_of(a) != shape_of(b):
        return False
    same = NAMES["equal"](a, b)
    if equal_nan and dt.is_inexact(strong(a)) and dt.is_inexact(strong(b)):
        same = same | (NAMES["isnan"](a) & NAMES["isnan"](b))
    trace = active()
    return wrap(trace.fresh(operand(trace, every(same), dt.bool_), "python"))


@implements(np.cumulative_sum)
def cumulative_sum(x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False) -> Any:
    """The running sum along the only axis, or a given one.

    >>> hy.cumulative_sum(hy.asarray([1, 2, 3]), include_initial=True)
    tensor([0, 1, 3, 6], dtype=int64)
    """
    return _cumulative(cumsum, "sum", x, axis, dtype, out, include_initial)


@implements(np.cumulative_prod)
def cumulative_prod(x: Any, /, *, axis: Any = None, dtype: Any = None, out: Any = None, include_initial: bool = False) -> Any:
    """The running product along the only axis, or a given one.

    >>> hy.cumulative_prod(hy.asarray([1, 2, 3]))
    tensor([1, 2, 6], dtype=int64)
    """
    return _cumulative(cumprod, "prod", x, axis, dtype, out, include_initial)


def _cumulative(running: Any, name: str, x: Any, axis: Any, dtype: Any, out: Any, include_initial: bool) -> Any:
    x = as_array(assembled(active(), x))
    if len(shape_of(x)) != 1 and axis is None:
        raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
    if include_initial and out is None and header_of(x) is None and shape_of(x):
        result = running(x, axis if axis is not None else 0, dtype)
        along = normalize_axis(axis if axis is not None else 0, len(shape_of(x)))
        shape = tuple(1 if k == along else size for k, size in enumerate(shape_of(result)))
        first = CONSTRUCTORS[np.full](shape, 0 if name == "sum" else 1, strong(result))
        return concatenate([first, result], along)
    if include_initial or not shape_of(x):
        raise unsupported(f"np.cumulative_{name} with include_initial=True")
    return running(x, 0 if axis is None else axis, dtype, out)


def _without_nan(a: Any, value: int) -> Any:
    x = as_array(assembled(active(), a))
    return choose(NAMES["isnan"](x), x.dtype.type(value), x) if dt.is_inexact(strong(x)) else x


@implements(np.nanprod)
def nanprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **rest: Any) -> Any:
    """The product of the elements that are numbers."""
    return prod(_without_nan(a, 1), axis, dtype, out, bool(keepdims) and keepdims is not np._NoValue, **rest)


@implements(np.nancumsum)
def nancumsum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """The running sum of the elements that are numbers."""
    return cumsum(_without_nan(a, 0), axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
    """The running product of the elements that are numbers."""
    return cumprod(_without_nan(a, 1), axis, dtype, out)


@implements(np.linalg.trace)
def matrix_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    """The sum along a diagonal of the last two axes.

    >>> hy.linalg.trace(hy.asarray([[1, 2], [3, 4]]))
    tensor(5, dtype=int64)
    """
    return diagonal_sum(x, offset, -2, -1, dtype)


@implements(np.linalg.matmul)
def product(x1: Any, x2: Any, /) -> Any:
    """The product of matrices in the last two axes."""
    return matmul(x1, x2)


@implements(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Any:
    """A vector without the zeros at its ends, as a view."""
    x = traced(filt)
    if len(shape_of(x)) != 1 or trim.lower() not in ("fb", "bf", "f", "b") or isinstance(shape_of(x)[0], Dim):
        raise unsupported("np.trim_zeros beyond vectors of one length")
    size, set_ = shape_of(x)[0], NAMES["not_equal"](x, 0)
    if size == 0:
        return getitem(x, slice(0, 0))
    some = set_.any()
    first = choose(some, argmax(set_) if "f" in trim.lower() else 0, 0)[()]
    last = choose(some, size - argmax(flip(set_)) if "b" in trim.lower() else size, 0)[()]
    return getitem(x, slice(first, last))


def _asfortranarray(a: Any, dtype: Any = None, *, like: Any = None) -> Any:
    x = as_array(assembled(active(), a))
    header = header_of(x)
    if (dtype is None or dt.canonical(dtype) == x.dtype) and (
        len(shape_of(x)) < 2 or (header is not None and header.flags.fnc)
    ):
        return x
    made = copy(x if dtype is None else cast(x, dtype), "C")
    return laid_out(made, np.empty(active().hinted(shape_of(x)), np.uint8, "F"))


def _ascontiguousarray(a: Any, dtype: Any = None, *, like: Any = None) -> Any:
    x = CONSTRUCTORS[np.asarray](a, dtype)
    if not isinstance(x, Value):
        return np.ascontiguousarray(x)
    x = atleast_1d(x)
    return x if header_of(x) is None else copy(x, "C")


def _asarray_chkfinite(a: Any, dtype: Any = None, order: Any = None) -> Any:
    x = CONSTRUCTORS[np.asarray](a, dtype, order)
    if dt.is_inexact(strong(x)):
        trace = active()
        finite = every(NAMES["isfinite"](x))
        trace.assume(operand(trace, finite, dt.bool_), "all elements are finite")
    return x


CONSTRUCTORS[np.asfortranarray] = _asfortranarray
CONSTRUCTORS[np.ascontiguousarray] = _ascontiguousarray
CONSTRUCTORS[np.asarray_chkfinite] = _asarray_chkfinite
