"""Linear filters of `scipy.ndimage`: a padded array, and the sum of its shifts times the weights, in the order of SciPy's sums.

Arrays of floats alone: what SciPy makes of integers is cut off, where the last bit of a sum decides about a whole number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import normalize_axis
from hybrid.frontend import hosted
from hybrid.frontend.borders import pad
from hybrid.frontend.calls import unsupported
from hybrid.frontend.elementwise import cast
from hybrid.frontend.indexing import getitem
from hybrid.frontend.shaping import as_array
from hybrid.frontend.values import Value, active, assembled, shape_of, strong

MAX_WEIGHTS = 64  # that are written out one by one
_PADS = {"reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap",
         "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant"}  # fmt: skip
_EPSILON = float(np.finfo(np.float64).eps)


def _image(x: Any, output: Any) -> Any:
    x = as_array(assembled(active(), x))
    if strong(x) not in (dt.float32, dt.float64) or not shape_of(x) or output is not None:
        raise unsupported("a filter of numbers that are no floats, or into an array that is there")
    return x


def _weights(weights: Any, rank: int) -> np.ndarray:
    if isinstance(weights, Value) or any(isinstance(w, Value) for w in (weights if isinstance(weights, (list, tuple)) else ())):
        raise unsupported("a filter whose weights only a run knows")
    known = np.asarray(weights)
    if known.dtype.kind not in "biuf" or known.ndim != rank or not 0 < known.size <= MAX_WEIGHTS:
        raise unsupported("a filter with very many weights, or with complex ones")
    if any(size % 2 == 0 for size in known.shape):
        raise unsupported("a filter whose weights have no middle")
    return known.astype(np.float64)


def _padded(x: Any, widths: list[int], mode: Any, cval: Any) -> Any:
    """In float64, in which SciPy adds."""
    if mode not in _PADS or isinstance(cval, Value):
        raise unsupported(f"a filter with mode={mode!r}")
    if any(active().ask("gt", size, width) is not True for size, width in zip(shape_of(x), widths) if width):
        raise unsupported("a filter that is longer than the array, or of a size that only a run knows")
    more = {"constant_values": float(cval)} if _PADS[mode] == "constant" else {}
    wide = cast(x, np.float64)
    return pad(wide, [(width, width) for width in widths], _PADS[mode], **more) if any(widths) else wide


def _shifted(k: int, count: int) -> slice:
    """Of a padded axis what a weight is multiplied with, one of so many."""
    return slice(k, k - count + 1 or None)


def _line(x: Any, weights: np.ndarray, axis: Any, mode: Any, cval: Any) -> Any:
    """The correlation along one axis."""
    along, middle = normalize_axis(axis, len(shape_of(x))), len(weights) // 2
    padded = _padded(x, [middle if k == along else 0 for k in range(len(shape_of(x)))], mode, cval)

    def part(k: int) -> Any:
        return getitem(padded, (*(slice(None),) * along, _shifted(k, len(weights))))

    pairs = list(zip(weights[:middle], weights[::-1]))
    even, odd = (all(abs(a - sign * b) <= _EPSILON for a, b in pairs) for sign in (1, -1))
    if even or odd:
        out = part(middle) * weights[middle]
        for k in range(middle):
            last = part(len(weights) - 1 - k)
            out = out + (part(k) + last if even else part(k) - last) * weights[k]
    else:
        out = part(len(weights) - 1) * weights[-1]
        for k in range(len(weights) - 1):
            out = out + part(k) * weights[k]
    return cast(out, strong(x))


def _centred(origin: Any) -> None:
    if type(origin) is not int or origin:
        raise unsupported("a filter beside its middle")


def correlate1d(input: Any, weights: Any, axis: Any = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
                origin: Any = 0) -> Any:  # fmt: skip
    _centred(origin)
    return _line(_image(input, output), _weights(weights, 1), axis, mode, cval)


def convolve1d(input: Any, weights: Any, axis: Any = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
               origin: Any = 0) -> Any:  # fmt: skip
    _centred(origin)
    return _line(_image(input, output), _weights(weights, 1)[::-1], axis, mode, cval)


def _window(x: Any, weights: np.ndarray, mode: Any, cval: Any) -> Any:
    """The correlation along all axes."""
    padded, out = _padded(x, [size // 2 for size in weights.shape], mode, cval), None
    for place in np.ndindex(weights.shape):
        if weights[place]:
            part = getitem(padded, tuple(map(_shifted, place, weights.shape)))
            out = part * weights[place] if out is None else out + part * weights[place]
    if out is None:
        raise unsupported("a filter whose weights are all zero")
    return cast(out, strong(x))


def correlate(input: Any, weights: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0) -> Any:
    _centred(origin)
    x = _image(input, output)
    return _window(x, _weights(weights, len(shape_of(x))), mode, cval)


def convolve(input: Any, weights: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0) -> Any:
    _centred(origin)
    x = _image(input, output)
    return _window(x, np.flip(_weights(weights, len(shape_of(x)))), mode, cval)


def _bell(sigma: Any, truncate: Any) -> np.ndarray:
    """The weights of a normal distribution."""
    if not all(isinstance(x, (int, float)) for x in (sigma, truncate)):
        raise unsupported("a Gaussian filter whose width only a run knows")
    radius = int(truncate * float(sigma) + 0.5)
    bell = np.exp(-0.5 / (sigma * sigma) * np.arange(-radius, radius + 1) ** 2)
    return _weights(bell / bell.sum(), 1)


def gaussian_filter1d(input: Any, sigma: Any, axis: Any = -1, order: Any = 0, output: Any = None, mode: Any = "reflect",
                      cval: Any = 0.0, truncate: Any = 4.0) -> Any:  # fmt: skip
    x = _image(input, output)
    if order != 0 or not sigma > 0:
        raise unsupported("a derivative of a Gaussian filter")
    return _line(x, _bell(sigma, truncate), axis, mode, cval)


def gaussian_filter(input: Any, sigma: Any, order: Any = 0, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
                    truncate: Any = 4.0) -> Any:  # fmt: skip
    x = _image(input, output)
    rank = len(shape_of(x))
    sigmas = list(sigma) if isinstance(sigma, (tuple, list)) else [sigma] * rank
    if order != 0 or type(mode) is not str or len(sigmas) != rank:
        raise unsupported("a derivative of a Gaussian filter, or a mode for each axis")
    bells = [_bell(each, truncate) if each > 1e-15 else None for each in sigmas]
    if all(bell is None for bell in bells):
        raise unsupported("a Gaussian filter of no width")
    for axis, bell in enumerate(bells):
        x = x if bell is None else _line(x, bell, axis, mode, cval)
    return x


def _edges(across: list[int]) -> Callable:
    def edges(input: Any, axis: Any = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
        x = _image(input, output)
        along = normalize_axis(axis, len(shape_of(x)))
        out = _line(x, _weights([-1, 0, 1], 1), along, mode, cval)
        for k in range(len(shape_of(x))):
            out = out if k == along else _line(out, _weights(across, 1), k, mode, cval)
        return out

    return edges


def laplace(input: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    x = _image(input, output)
    parts = [_line(x, _weights([1, -2, 1], 1), axis, mode, cval) for axis in range(len(shape_of(x)))]
    out = parts[0]
    for part in parts[1:]:
        out = out + part
    return out


_FORMS: dict[str, Callable] = {
    "correlate1d": correlate1d, "convolve1d": convolve1d, "correlate": correlate, "convolve": convolve,
    "gaussian_filter1d": gaussian_filter1d, "gaussian_filter": gaussian_filter, "sobel": _edges([1, 2, 1]),
    "prewitt": _edges([1, 1, 1]), "laplace": laplace,
}  # fmt: skip
hosted.COMPOSED.update({f"scipy.ndimage.{name}": form for name, form in _FORMS.items()})
