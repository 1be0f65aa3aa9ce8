"""Linear filters of `scipy.ndimage`: a padded array, and the sum of its shifts times the weights, in the order of SciPy's sums.

SciPy adds in float64, whatever the image's dtype, and cuts off what an image of integers cannot hold. The sums are the same to
the last bit, and so is what is cut off.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import normalize_axes, normalize_axis
from hybrid.frontend import hosted
from hybrid.frontend import ufuncs as u
from hybrid.frontend.borders import pad
from hybrid.frontend.calls import unsupported
from hybrid.frontend.elementwise import cast
from hybrid.frontend.indexing import getitem
from hybrid.frontend.joins import concatenate
from hybrid.frontend.orders import cumsum
from hybrid.frontend.shaping import as_array, copied
from hybrid.frontend.values import Value, active, assembled, laid_out, shape_of, strong
from hybrid.ops import view as v

MAX_WEIGHTS = 64  # that are written out one by one
_PADS = {"reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap",
         "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant"}  # fmt: skip
_EPSILON = float(np.finfo(np.float64).eps)
_IMAGES = (dt.float32, dt.float64, *(np.dtype(f"{sign}int{8 << k}") for sign in ("", "u") for k in range(4)))
Pairs = list[tuple[int, int]]  # how far a window reaches before and after an element, along each axis


# What all filters have in common ------------------------------------------------------------------------------------------
def image(x: Any, output: Any, more: tuple = ()) -> tuple[Any, np.dtype]:
    """An image, and the dtype of what is made of it."""
    x = as_array(assembled(active(), x))
    if isinstance(output, (type, np.dtype)) and not issubclass(np.dtype(output).type, np.bool_):
        result = np.dtype(output)
    elif output is None:
        result = strong(x)
    else:
        raise unsupported("a filter into an array that is there")
    if not shape_of(x) or not {strong(x), result} <= {*_IMAGES, *more}:
        raise unsupported("a filter of a number, or of an image of such a dtype")
    return x, result


def each(value: Any, count: int) -> list:
    """What an argument says for each of some axes."""
    values = list(value) if isinstance(value, (tuple, list, np.ndarray)) else [value] * count
    if len(values) != count:
        raise RuntimeError("sequence argument must have length equal to input rank")
    return values


def axes_of(x: Any, axes: Any) -> tuple[int, ...]:
    return normalize_axes(axes if axes is None or type(axes) is int else tuple(axes), len(shape_of(x)))


def reach(size: Any, origin: Any) -> tuple[int, int]:
    """How far a window of a size reaches before an element and after it."""
    if isinstance(size, Value) or isinstance(origin, Value) or int(origin) != origin or int(size) != size:
        raise unsupported("a window of a size or at a place that only a run knows")
    before = int(size) // 2 + int(origin)
    if not 0 <= before < size:
        raise ValueError("invalid origin")
    return before, int(size) - before - 1


def padded(x: Any, widths: Pairs, mode: Any, cval: Any) -> Any:
    if mode not in _PADS or isinstance(cval, Value):
        raise unsupported(f"a filter with mode={mode!r}")
    if any(active().ask("gt", size, max(pair)) is not True for size, pair in zip(shape_of(x), widths) if any(pair)):
        raise unsupported("a filter that is longer than the array, or of a size that only a run knows")
    more = {"constant_values": cval} if _PADS[mode] == "constant" else {}
    return pad(x, widths, _PADS[mode], **more) if any(map(any, widths)) else x


def shifted(k: int, count: int) -> slice:
    """Of a padded axis what the k-th of so many elements of a window meets."""
    return slice(k, k - count + 1 or None)


def along(x: Any, axis: int, part: slice) -> Any:
    return getitem(x, (*(slice(None),) * axis, part))


def finished(x: Any, dtype: np.dtype) -> Any:
    """A new array in C's order, as SciPy makes them."""
    return laid_out(cast(x, dtype), None)


# Weights ------------------------------------------------------------------------------------------------------------------
def _weights(weights: Any, rank: int) -> np.ndarray:
    if isinstance(weights, Value) or any(isinstance(w, Value) for w in (weights if isinstance(weights, (list, tuple)) else ())):
        raise unsupported("a filter whose weights only a run knows")
    known = np.asarray(weights)
    if known.dtype.kind not in "biuf" or known.ndim != rank or not 0 < known.size <= MAX_WEIGHTS:
        raise unsupported("a filter with very many weights, or with complex ones")
    return known.astype(np.float64)


def _line(x: Any, weights: np.ndarray, axis: Any, mode: Any, cval: Any, origin: Any = 0, dtype: Any = None) -> Any:
    """The correlation along one axis."""
    axis, count = normalize_axis(axis, len(shape_of(x))), len(weights)
    widths: Pairs = [(0, 0)] * len(shape_of(x))
    widths[axis], middle = reach(count, origin), count // 2
    wide = padded(cast(x, np.float64), widths, mode, cval)

    def part(k: int) -> Any:
        return along(wide, axis, shifted(k, count))

    pairs = list(zip(weights[:middle], weights[::-1])) if count % 2 else None
    even, odd = (pairs is not None and all(abs(a - sign * b) <= _EPSILON for a, b in pairs) for sign in (1, -1))
    if even or odd:
        out = part(middle) * weights[middle]
        for k in range(middle):
            last = part(count - 1 - k)
            out = out + (part(k) + last if even else part(k) - last) * weights[k]
    else:
        out = part(count - 1) * weights[-1]
        for k in range(count - 1):
            out = out + part(k) * weights[k]
    return finished(out, strong(x) if dtype is None else dtype)


def _turned(size: int, origin: Any) -> Any:
    """Where weights in reverse order lie, which a convolution correlates with."""
    return -origin - (size % 2 == 0)


def correlate1d(input: Any, weights: Any, axis: Any = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
                origin: Any = 0) -> Any:  # fmt: skip
    x, dtype = image(input, output)
    return _line(x, _weights(weights, 1), axis, mode, cval, origin, dtype)


def convolve1d(input: Any, weights: Any, axis: Any = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
               origin: Any = 0) -> Any:  # fmt: skip
    (x, dtype), known = image(input, output), _weights(weights, 1)
    return _line(x, known[::-1], axis, mode, cval, _turned(len(known), origin), dtype)


def _window(x: Any, weights: np.ndarray, mode: Any, cval: Any, origins: Sequence, dtype: np.dtype) -> Any:
    """The correlation along all axes."""
    wide, out = padded(cast(x, np.float64), list(map(reach, weights.shape, origins)), mode, cval), None
    for place in np.ndindex(weights.shape):
        if abs(weights[place]) > _EPSILON:
            part = getitem(wide, tuple(map(shifted, place, weights.shape)))
            out = part * weights[place] if out is None else out + part * weights[place]
    if out is None:
        raise unsupported("a filter whose weights are all zero")
    return finished(out, dtype)


def correlate(input: Any, weights: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0) -> Any:
    x, dtype = image(input, output)
    known = _weights(weights, len(shape_of(x)))
    return _window(x, known, mode, cval, each(origin, known.ndim), dtype)


def convolve(input: Any, weights: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0) -> Any:
    x, dtype = image(input, output)
    known = _weights(weights, len(shape_of(x)))
    return _window(x, np.flip(known), mode, cval, list(map(_turned, known.shape, each(origin, known.ndim))), dtype)


# Normal distributions and their derivatives -------------------------------------------------------------------------------
def _bell(sigma: Any, order: Any, truncate: Any, radius: Any) -> np.ndarray:
    """The weights of a normal distribution's derivative: the distribution times a polynomial."""
    if not all(isinstance(x, (int, float)) for x in (sigma, truncate)) or not sigma > 0 or type(order) is not int or order < 0:
        raise unsupported("a Gaussian filter whose width or order only a run knows")
    reaching = int(truncate * float(sigma) + 0.5) if radius is None else radius
    if type(reaching) is not int or reaching < 0:
        raise unsupported("a Gaussian filter with such a radius")
    x, square = np.arange(-reaching, reaching + 1), sigma * sigma
    bell = np.exp(-0.5 / square * x**2)
    bell /= bell.sum()
    if order:
        powers, factors = np.arange(order + 1), np.eye(1, order + 1)[0]
        step = np.diag(powers[1:], 1) + np.diag(np.ones(order) / -square, -1)
        for _ in range(order):
            factors = step.dot(factors)
        bell = (x[:, None] ** powers).dot(factors) * bell
    return _weights(bell[::-1], 1)


def gaussian_filter1d(input: Any, sigma: Any, axis: Any = -1, order: Any = 0, output: Any = None, mode: Any = "reflect",
                      cval: Any = 0.0, truncate: Any = 4.0, *, radius: Any = None) -> Any:  # fmt: skip
    x, dtype = image(input, output)
    return _line(x, _bell(sigma, order, truncate, radius), axis, mode, cval, 0, dtype)


def gaussian_filter(input: Any, sigma: Any, order: Any = 0, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
                    truncate: Any = 4.0, *, radius: Any = None, axes: Any = None) -> Any:  # fmt: skip
    x, dtype = image(input, output)
    places = axes_of(x, axes)
    kinds = list(zip(places, *(each(one, len(places)) for one in (sigma, order, mode, radius))))
    bells = [(axis, _bell(s, n, truncate, r), ends) for axis, s, n, ends, r in kinds if s > 1e-15]
    if not bells:
        raise unsupported("a Gaussian filter of no width")
    for axis, bell, ends in bells:
        x = _line(x, bell, axis, ends, cval, 0, dtype)
    return x


def gaussian_laplace(input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, **more: Any) -> Any:
    x, dtype = image(input, output)
    return _sum_of(x, mode, lambda axis, ends: gaussian_filter(x, sigma, _once(x, axis, 2), dtype, ends, cval, **more))


def gaussian_gradient_magnitude(input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
                                **more: Any) -> Any:  # fmt: skip
    x, dtype = image(input, output)
    if not dt.is_float(dtype):
        raise unsupported("how steep an image is, in whole numbers")

    def squared(axis: int, ends: Any) -> Any:
        slope = gaussian_filter(x, sigma, _once(x, axis, 1), dtype, ends, cval, **more)
        return slope * slope

    return laid_out(u.sqrt(_sum_of(x, mode, squared)), None)


def _once(x: Any, axis: int, order: int) -> list[int]:
    """This derivative along one axis, none along the others."""
    return [order if k == axis else 0 for k in range(len(shape_of(x)))]


# Differences and means ----------------------------------------------------------------------------------------------------
def _edges(across: list[int]) -> Callable:
    def edges(input: Any, axis: Any = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
        x, dtype = image(input, output)
        first, rank = normalize_axis(axis, len(shape_of(x))), len(shape_of(x))
        modes = each(mode, rank)
        out = _line(x, _weights([-1, 0, 1], 1), first, modes[first], cval, 0, dtype)
        for k in range(rank):
            out = out if k == first else _line(out, _weights(across, 1), k, modes[k], cval, 0, dtype)
        return out

    return edges


def _sum_of(x: Any, mode: Any, part: Callable) -> Any:
    """The sum of what is made along each axis: by `part`, of the axis and its mode."""
    first, *others = [part(axis, ends) for axis, ends in enumerate(each(mode, len(shape_of(x))))]
    for other in others:
        first = first + other
    return first


def laplace(input: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    x, dtype = image(input, output)
    return _sum_of(x, mode, lambda axis, ends: _line(x, _weights([1, -2, 1], 1), axis, ends, cval, 0, dtype))


def _mean(x: Any, size: Any, axis: int, mode: Any, cval: Any, origin: Any, dtype: np.dtype) -> Any:
    """The mean of a window along one axis: a running sum, to which a number is added and from which one is taken."""
    count, widths = operator.index(size), [(0, 0)] * len(shape_of(x))
    widths[axis] = reach(count, origin)
    wide = padded(cast(x, np.float64), widths, mode, cval)
    # SciPy's sum begins at 0.0, which makes 0.0 of -0.0.
    first, steps = along(wide, axis, slice(0, count)) + 0.0, along(wide, axis, slice(count, None))
    total = cumsum(concatenate([first, steps - along(wide, axis, slice(0, -count))], axis), axis)
    return finished(along(total, axis, slice(count - 1, None)) / float(count), dtype)


def uniform_filter1d(input: Any, size: Any, axis: Any = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
                     origin: Any = 0) -> Any:  # fmt: skip
    x, dtype = image(input, output)
    return _mean(x, size, normalize_axis(axis, len(shape_of(x))), mode, cval, origin, dtype)


def uniform_filter(input: Any, size: Any = 3, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *,
                   axes: Any = None) -> Any:  # fmt: skip
    given, dtype = image(input, output)
    x, places = given, axes_of(given, axes)
    for axis, count, place, ends in zip(places, *(each(one, len(places)) for one in (size, origin, mode))):
        x = _mean(x, int(count), axis, ends, cval, place, dtype) if count > 1 else x
    return x if x is not given else finished(copied(x, v.reshape, shape=shape_of(x)), dtype)


_FORMS: dict[str, Callable] = {
    "correlate1d": correlate1d, "convolve1d": convolve1d, "correlate": correlate, "convolve": convolve,
    "gaussian_filter1d": gaussian_filter1d, "gaussian_filter": gaussian_filter, "gaussian_laplace": gaussian_laplace,
    "gaussian_gradient_magnitude": gaussian_gradient_magnitude, "sobel": _edges([1, 2, 1]), "prewitt": _edges([1, 1, 1]),
    "laplace": laplace, "uniform_filter1d": uniform_filter1d, "uniform_filter": uniform_filter,
}  # fmt: skip
hosted.COMPOSED.update({f"scipy.ndimage.{name}": form for name, form in _FORMS.items()})
