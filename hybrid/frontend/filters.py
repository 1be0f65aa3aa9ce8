"""Filters of `scipy.signal`: convolutions that SciPy computes as sums, medians, smoothing polynomials, means, finite responses.

Where SciPy goes by Fourier transforms, it is called: `method="auto"` decides about that as SciPy does, by dtypes and sizes.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, normalize_axis
from hybrid.frontend import hosted, signals
from hybrid.frontend import ufuncs as u
from hybrid.frontend.borders import pad
from hybrid.frontend.calls import unsupported
from hybrid.frontend.creation import CONSTRUCTORS
from hybrid.frontend.elementwise import cast, select
from hybrid.frontend.images import MAX_WEIGHTS, along, convolve1d, each, finished, padded, shifted
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import concatenate, stack
from hybrid.frontend.linear import matmul
from hybrid.frontend.reductions import all as every
from hybrid.frontend.reductions import mean
from hybrid.frontend.reductions import sum as total
from hybrid.frontend.shaping import as_array, flip, moveaxis, reshape
from hybrid.frontend.values import Value, active, assembled, laid_out, operand, shape_of, strong
from hybrid.frontend.windows import rank_filter

_BOUNDARIES = {"fill": "constant", "pad": "constant", "wrap": "grid-wrap", "circular": "grid-wrap", "symm": "reflect",
               "symmetric": "reflect"}  # fmt: skip


def _array(x: Any) -> Any:
    return as_array(assembled(active(), x))


def _sizes(x: Any) -> tuple[int, ...]:
    if any(isinstance(size, Dim) for size in shape_of(x)):
        raise unsupported("a convolution of sizes that vary")
    return shape_of(x)


# Convolutions -------------------------------------------------------------------------------------------------------------
def _swapped(mode: Any, one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether the second operand is the one to be slid over: in SciPy's mode "valid" one holds the other."""
    if mode != "valid" or not one:
        return False
    if all(a >= b for a, b in zip(one, other)):
        return False
    if all(b >= a for a, b in zip(one, other)):
        return True
    raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")


def _is_direct(x: Any, kernel: Any, mode: str) -> bool:
    """Whether `method="auto"` is the sum: known from the sizes, but for integers that decide by their values."""
    shapes, dtypes = (_sizes(x), _sizes(kernel)), (strong(x), strong(kernel))
    given = [np.broadcast_to(np.zeros((), dtype), shape) for dtype, shape in zip(dtypes, shapes)]
    return sys.modules["scipy.signal"].choose_conv_method(*given, mode=mode) == "direct"


def _operands(in1: Any, in2: Any, mode: Any) -> tuple[Any, Any]:
    x, kernel = _array(in1), _array(in2)
    if type(mode) is not str or mode not in ("full", "same", "valid") or not shape_of(x):
        raise unsupported("a convolution of numbers, or in such a mode")
    if len(shape_of(x)) != len(shape_of(kernel)):
        raise ValueError("volume and kernel should have the same dimensionality")
    return x, kernel


def convolve(in1: Any, in2: Any, mode: Any = "full", method: Any = "auto") -> Any:
    x, kernel = _operands(in1, in2, mode)
    if method not in ("auto", "direct"):
        raise unsupported("a convolution by Fourier transforms")
    if method == "auto" or len(shape_of(x)) > 1:
        if _swapped(mode, _sizes(x), _sizes(kernel)):
            x, kernel = kernel, x
        if method == "auto" and not _is_direct(x, kernel, mode):
            raise unsupported("a convolution by Fourier transforms")
    return _direct(x, kernel, mode, convolution=True)


def correlate(in1: Any, in2: Any, mode: Any = "full", method: Any = "auto") -> Any:
    x, kernel = _operands(in1, in2, mode)
    if method == "auto":
        return convolve(x, _reversed(kernel), mode, method)
    if method != "direct":
        raise unsupported("a correlation by Fourier transforms")
    return _direct(x, kernel, mode, convolution=False)


def _reversed(kernel: Any) -> Any:
    return u.conj(flip(kernel)) if dt.is_complex(strong(kernel)) else flip(kernel)


def _direct(x: Any, kernel: Any, mode: str, *, convolution: bool) -> Any:
    if len(shape_of(x)) == 1 and (mode != "same" or active().ask("ge", shape_of(x)[0], shape_of(kernel)[0])):
        return (signals.convolve if convolution else signals.correlate)(x, kernel, mode)
    one, other = _sizes(x), _sizes(kernel)
    if strong(x) != strong(kernel) or strong(x) not in (dt.float32, dt.float64, dt.int64, dt.int32) or not math.prod(one):
        raise unsupported("a convolution of different dtypes, or of such a dtype")
    if convolution:
        kernel = flip(kernel)
    turned = (mode == "full" and math.prod(other) > math.prod(one)) or _swapped(mode, one, other)
    if turned:
        (x, one), (kernel, other) = (kernel, other), (x, one)
    # Of the array with zeros behind it, SciPy takes windows that begin as far before it.
    if mode == "valid":
        widths = [(0, 0) for _ in one]
    elif mode == "full":
        widths = [(n - 1, n - 1) for n in other]
    else:
        widths = [(n // 2, n - 1 - n // 2) for n in other]
    out = _slid(pad(x, widths) if any(map(any, widths)) else x, kernel, other)
    return flip(out) if turned else out


def _slid(wide: Any, kernel: Any, shape: tuple[int, ...]) -> Any:
    """The correlation, added up from 0 in the order of the kernel's elements."""
    if not 0 < math.prod(shape) <= MAX_WEIGHTS:
        raise unsupported("a convolution with so many elements")
    out = strong(wide).type(0)
    for place in np.ndindex(shape):
        out = out + getitem(wide, tuple(map(shifted, place, shape))) * getitem(kernel, place)
    return laid_out(out, None)


def _plane(in1: Any, in2: Any, mode: Any, boundary: Any, fillvalue: Any, *, convolution: bool) -> Any:
    x, kernel = _operands(in1, in2, mode)
    if not len(shape_of(x)) == len(shape_of(kernel)) == 2:
        raise ValueError("convolve2d inputs must both be 2-D arrays")
    if boundary not in _BOUNDARIES or isinstance(fillvalue, Value) or type(fillvalue) not in (int, float):
        raise unsupported("a convolution with such a boundary")
    dtype = dt.promote(strong(x), strong(kernel))
    if not (dt.is_float(dtype) or dtype in (dt.int64, dt.int32)) or dtype.itemsize < 4:
        raise unsupported("a convolution of such a dtype")
    x, kernel, turned = cast(x, dtype), cast(kernel, dtype), _swapped(mode, _sizes(x), _sizes(kernel))
    if turned:
        x, kernel = kernel, x
    shape = _sizes(kernel)
    if not math.prod(shape) <= MAX_WEIGHTS or not math.prod(_sizes(x)) * math.prod(shape):
        raise unsupported("a convolution with so many elements")
    if mode == "full":
        widths = [(n - 1, n - 1) for n in shape]
    elif mode == "valid":
        widths = [(0, 0) for n in shape]
    elif convolution:
        widths = [(n - 1 - (n - 1) // 2, (n - 1) // 2) for n in shape]
    else:
        widths = [((n - 1) // 2, n - 1 - (n - 1) // 2) for n in shape]
    wide, out = padded(x, widths, _BOUNDARIES[boundary], dtype.type(fillvalue).item()), dtype.type(0)

    def part(j: int, k: int) -> Any:
        met = (shape[0] - 1 - j, shape[1] - 1 - k) if convolution else (j, k)
        return getitem(wide, tuple(map(shifted, met, shape))) * getitem(kernel, (j, k))

    for j in range(shape[0]):  # row by row of the kernel, four products at once, then one by one
        whole = shape[1] - shape[1] % 4
        for k in range(0, whole, 4):
            out = out + (part(j, k) + part(j, k + 1) + part(j, k + 2) + part(j, k + 3))
        for k in range(whole, shape[1]):
            out = out + part(j, k)
    out = laid_out(out, None)
    return out if convolution or not turned else flip(out)


def convolve2d(in1: Any, in2: Any, mode: Any = "full", boundary: Any = "fill", fillvalue: Any = 0) -> Any:
    return _plane(in1, in2, mode, boundary, fillvalue, convolution=True)


def correlate2d(in1: Any, in2: Any, mode: Any = "full", boundary: Any = "fill", fillvalue: Any = 0) -> Any:
    return _plane(in1, in2, mode, boundary, fillvalue, convolution=False)


# Medians, smoothing polynomials and trends --------------------------------------------------------------------------------
def medfilt(volume: Any, kernel_size: Any = None) -> Any:
    x = _array(volume)
    rank = len(shape_of(x))
    sizes = [operator.index(n) for n in each(3 if kernel_size is None else kernel_size, rank)]
    if not rank or not (dt.is_integer(strong(x)) or strong(x) in (dt.float32, dt.float64)):
        raise unsupported("a median filter of such a dtype")
    if any(n % 2 != 1 for n in sizes):
        raise ValueError("Each element of kernel_size should be odd.")
    return rank_filter(x, math.prod(sizes) // 2, sizes, mode="constant")


def medfilt2d(input: Any, kernel_size: Any = 3) -> Any:
    if len(shape_of(input)) != 2:
        raise unsupported("a median filter of no plane")
    return medfilt(input, kernel_size)


def savgol_filter(x: Any, window_length: Any, polyorder: Any, deriv: Any = 0, delta: Any = 1.0, axis: Any = -1,
                  mode: Any = "interp", cval: Any = 0.0) -> Any:  # fmt: skip
    x = _array(x)
    if any(type(n) is not int for n in (window_length, polyorder, deriv, axis)) or isinstance(delta, Value):
        raise unsupported("smoothing by polynomials that only a run knows")
    if mode not in ("mirror", "constant", "nearest", "interp", "wrap"):
        raise ValueError("mode must be 'mirror', 'constant', 'nearest' 'wrap' or 'interp'.")
    x = x if strong(x) in (dt.float32, dt.float64) else cast(x, np.float64)
    weights = sys.modules["scipy.signal"].savgol_coeffs(window_length, polyorder, deriv=deriv, delta=delta)
    if mode != "interp":
        return convolve1d(x, weights, axis, None, mode, cval)
    along_axis = normalize_axis(axis, len(shape_of(x)))
    if active().ask("lt", shape_of(x)[along_axis], window_length) is not False:
        raise ValueError("If mode is 'interp', window_length must be less than or equal to the size of x.")
    half = window_length // 2
    inner = convolve1d(x, weights, axis, None, "constant")
    ends = [
        _fitted(along(x, along_axis, part), window_length, polyorder, deriv, delta, places, along_axis)
        for part, places in (
            (slice(0, window_length), np.arange(half)),
            (slice(-window_length, None), np.arange(window_length - half, window_length)),
        )
    ]
    middle = along(inner, along_axis, slice(half, -half or None))
    return finished(concatenate([ends[0], middle, ends[1]], along_axis), strong(x))


def _fitted(x: Any, count: int, order: int, deriv: int, delta: float, places: np.ndarray, axis: int) -> Any:
    """The derivative, at some places, of the polynomial through so many elements: a matrix, known beforehand, times them."""
    powers = np.vander(np.arange(count), order + 1, increasing=True).astype(np.float64)
    basis = np.polynomial.polynomial.polyder(np.eye(order + 1), deriv) if deriv else np.eye(order + 1)
    at = np.vander(places, max(len(basis), 1), increasing=True) @ basis / delta**deriv
    # By an orthogonal basis, since the powers are nearly dependent.
    orthogonal, triangle = np.linalg.qr(powers)
    matrix = np.linalg.solve(triangle.T, at.T).T @ orthogonal.T
    known = CONSTRUCTORS[np.array](matrix.astype(strong(x)))
    return moveaxis(matmul(known, moveaxis(x, axis, -2)), -2, axis) if len(shape_of(x)) > 1 else matmul(known, x)


def detrend(data: Any, axis: Any = -1, type: Any = "linear", bp: Any = 0, overwrite_data: Any = False) -> Any:
    x = _array(data)
    if type in ("constant", "c"):
        return x - mean(x, axis, keepdims=True)
    if type not in ("linear", "l"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    at, ends = normalize_axis(axis, len(shape_of(x))), np.asarray([0] if isinstance(bp, Value) else bp)
    size = _sizes(x)[at]
    if isinstance(bp, Value) or ends.dtype.kind not in "iu" or dt.is_complex(strong(x)) or 0 in _sizes(x) or (ends < 0).any():
        raise unsupported("trends of nothing, of complex numbers, or between places that only a run knows")
    x = x if dt.is_float(strong(x)) and strong(x) != dt.float16 else cast(x, np.float64)
    ends = np.unique([0, *ends.ravel(), size])
    if ends[-1] > size:
        raise ValueError("Breakpoints must be less than length of data along given axis.")
    parts = [_without_line(along(x, at, slice(int(a), int(b))), at) for a, b in pairwise(ends)]
    lines = (size, *(n for k, n in enumerate(shape_of(x)) if k != at))
    return laid_out(concatenate(parts, at), np.moveaxis(np.empty(lines, np.uint8), 0, at))


def _without_line(x: Any, axis: int) -> Any:
    """What is left without the line through it, by least squares: about the middle, mean and slope are independent."""
    count, rank = shape_of(x)[axis], len(shape_of(x))
    level = x - mean(x, axis, keepdims=True)
    place = (np.arange(count) - (count - 1) / 2).reshape([-1 if k == axis else 1 for k in range(rank)])
    if count < 3:
        return x * 0 if count == 1 else level - level
    known = CONSTRUCTORS[np.array](place.astype(strong(x)))
    return level - known * (total(level * known, axis, keepdims=True) / float((place**2).sum()))


def lfilter(b: Any, a: Any, x: Any, axis: Any = -1, zi: Any = None) -> Any:
    b, a, x = (_array(one) for one in (b, a, x))
    b, a = (one if shape_of(one) else reshape(one, (1,)) for one in (b, a))
    dtype = dt.promote(dt.promote(strong(b), strong(a)), strong(x))
    if shape_of(a) != (1,) or len(shape_of(b)) != 1 or zi is not None or not shape_of(x):
        raise unsupported("a recursive filter")
    if dtype not in (dt.float32, dt.float64) or not 0 < _sizes(b)[0] <= MAX_WEIGHTS:
        raise unsupported("a filter of such a dtype, or with very many coefficients")
    x, b, at = cast(x, dtype), cast(b, dtype) / getitem(cast(a, dtype), 0), normalize_axis(axis, len(shape_of(x)))
    active().assume(
        operand(active(), every(u.isfinite(b)), dt.bool_), "coefficients are finite"
    )  # zeros before x count for none
    count, out, rank = _sizes(b)[0], dtype.type(0), len(shape_of(x))
    wide = pad(x, [(count - 1 if k == at else 0, 0) for k in range(rank)]) if count > 1 else x
    for k in range(count):
        out = out + along(wide, at, shifted(count - 1 - k, count)) * getitem(b, k)
    if any(isinstance(size, Dim) for size in shape_of(x)):
        return laid_out(out, None)
    lines = (*(size for k, size in enumerate(shape_of(x)) if k != at), shape_of(x)[at])
    return laid_out(out, np.moveaxis(np.empty(lines, np.uint8), -1, at))  # line after line, as SciPy makes them


def upfirdn(h: Any, x: Any, up: Any = 1, down: Any = 1, axis: Any = -1, mode: Any = "constant", cval: Any = 0) -> Any:
    """Zeros put between the samples, a filter over them, and all but some samples left out: a filter for each phase."""
    h, x = _array(h), _array(x)
    dtype = dt.promote(dt.promote(strong(h), strong(x)), dt.float32)
    known = all(type(n) is int and n > 0 for n in (up, down)) and not isinstance(cval, Value)
    if not known or mode not in ("constant", None) or cval:
        raise unsupported("scipy.signal.upfirdn by factors that only a run knows, or with other ends than zeros")
    if len(shape_of(h)) != 1 or len(shape_of(x)) != 1 or dtype not in (dt.float32, dt.float64) or 0 in (*_sizes(h), *_sizes(x)):
        raise unsupported("scipy.signal.upfirdn of other than vectors of floats")
    taps, count = _sizes(h)[0], _sizes(x)[0]
    h, x, parts = cast(h, dtype), cast(x, dtype), -(-taps // up)
    h = pad(h, [(0, parts * up - taps)])
    phases = [signals.convolve(x, getitem(h, slice(k, None, up))) for k in range(up)]
    whole = reshape(stack(phases, 1), -1) if up > 1 else phases[0]
    return u.positive(getitem(whole, slice(0, (count - 1) * up + taps, down)))


def wiener(im: Any, mysize: Any = None, noise: Any = None) -> Any:
    """Each element moved towards the mean around it, the more so the less varies there beside the noise."""
    x = _array(im)
    rank = len(shape_of(x))
    sizes = [3] * rank if mysize is None else [mysize] * rank if type(mysize) is int else list(mysize)
    if not rank or strong(x) not in (dt.float32, dt.float64) or any(type(size) is not int for size in sizes):
        raise unsupported("scipy.signal.wiener of numbers, or in windows that only a run knows")
    ones = CONSTRUCTORS[np.ones](tuple(sizes))
    around = correlate(x, ones, "same") / float(math.prod(sizes))
    varies = correlate(x * x, ones, "same") / float(math.prod(sizes)) - around * around
    noise = mean(varies) if noise is None else noise
    return select(varies < noise, around, (x - around) * (1 - noise / varies) + around)


_FORMS: dict[str, Callable] = {
    "convolve": convolve, "correlate": correlate, "convolve2d": convolve2d, "correlate2d": correlate2d, "medfilt": medfilt,
    "medfilt2d": medfilt2d, "savgol_filter": savgol_filter, "detrend": detrend, "lfilter": lfilter, "upfirdn": upfirdn,
    "wiener": wiener,
}  # fmt: skip
hosted.COMPOSED.update({f"scipy.signal.{name}": form for name, form in _FORMS.items()})
