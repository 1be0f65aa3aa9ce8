"""Numbers and indices over a range whose length, or whose ends, only a call brings: spaces, windows, frequencies, triangles.

NumPy's own functions for these are Python code that asks for the number a length is; here a length may stay a symbol.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Shape
from hybrid.frontend import integers
from hybrid.frontend.compositions import NAMES
from hybrid.frontend.creation import CONSTRUCTORS, counted, sizes, spaced
from hybrid.frontend.elementwise import cast
from hybrid.frontend.elementwise import select as choose
from hybrid.frontend.joins import stack
from hybrid.frontend.shaping import broadcast_to, reshape
from hybrid.frontend.values import active, holds_tensor, operand, shape_of, strong, wrap


# Spaces -----------------------------------------------------------------------------------------------------------------
def _logspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None,
              axis: int = 0) -> Any:  # fmt: skip
    if any(map(shape_of, (start, stop, base))):
        return np.logspace(start, stop, num, endpoint, base, dtype, axis)
    powers = NAMES["power"](base, spaced(start, stop, num, endpoint))
    return powers if dtype is None else cast(powers, dt.canonical(dtype, None))


def _geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    trace, ends = active(), (start, stop)
    if any(dt.is_complex(strong(x)) for x in ends) or any(map(shape_of, ends)):
        return np.geomspace(start, stop, num, endpoint, dtype, axis)
    if holds_tensor(ends):
        # As arrays, which Python's numbers are to NumPy here, too.
        own = np.result_type(*map(strong, ends), 1.0, np.zeros((), dtype))
        start, stop = (wrap(trace.fresh(operand(trace, x, own), "scalar")) for x in ends)
        trace.assume(operand(trace, (start != 0) & (stop != 0), dt.bool_), "a geometric sequence begins and ends beside zero")
        sign = NAMES["sign"](start)
        first, last = start / sign, stop / sign
    else:
        if start == 0 or stop == 0:
            raise ValueError("Geometric sequence cannot include zero")
        own, sign = np.result_type(np.asarray(start), np.asarray(stop), 1.0, np.zeros((), dtype)), np.sign(start)
        first, last = (np.asarray(np.asarray(x, own) / sign)[()] for x in ends)
    (count,) = sizes(integers.stated(trace, num))
    line, place = _logspace(np.log10(first), np.log10(last), num, endpoint, dtype=own), counted(count)
    line = choose(place == 0, first, line)
    if endpoint and integers.exceeds(count, 1, "np.geomspace"):
        line = choose(place == integers.integer(trace, count - 1), last, line)
    return cast(line * sign, dt.canonical(dtype, own))


# Windows ----------------------------------------------------------------------------------------------------------------
def _window(shape: Callable[[Any, Any], Any], name: str) -> Callable:
    """A window of NumPy's from its formula in n = 1 - M, 3 - M, …, M - 1 and M - 1."""

    def window(M: Any) -> Any:
        count = integers.stated(active(), M)
        if not integers.exceeds(count, 1, f"np.{name}"):
            raise active().specialise(f"np.{name} of one sample or none", count)
        last = integers.to_float(integers.integer(active(), count - 1))
        return shape(cast(counted(count), dt.float64) * 2.0 - last, last)

    return window


def _kaiser(M: Any, beta: Any) -> Any:
    count = integers.stated(active(), M)
    if not integers.exceeds(count, 1, "np.kaiser"):
        raise active().specialise("np.kaiser of one sample or none", count)
    alpha = integers.to_float(integers.integer(active(), count - 1)) / 2.0
    n = cast(counted(count), dt.float64)
    return np.i0(beta * np.sqrt(1 - ((n - alpha) / alpha) ** 2.0)) / np.i0(beta)


def _cosine(x: Any) -> Any:
    return NAMES["cos"](x)


# Frequencies ------------------------------------------------------------------------------------------------------------
def _fftfreq(n: Any, d: Any = 1.0, device: Any = None) -> Any:
    (count,) = sizes(integers.stated(active(), n))
    place, size = counted(count), integers.integer(active(), count)
    return choose(place < (size - 1) // 2 + 1, place, place - size) * (1.0 / (size * d))


def _rfftfreq(n: Any, d: Any = 1.0, device: Any = None) -> Any:
    (count,) = sizes(integers.stated(active(), n))
    size = integers.integer(active(), count)
    return counted(integers.size_of(active(), size // 2 + 1)) * (1.0 / (size * d))


# Indices ----------------------------------------------------------------------------------------------------------------
def _indices(dimensions: Any, dtype: Any = int, sparse: bool = False) -> Any:
    shape = sizes(tuple(dimensions))
    rank, own = len(shape), dt.canonical(dtype, dt.int64)
    lines = [reshape(cast(counted(n), own), tuple(n if j == k else 1 for j in range(rank))) for k, n in enumerate(shape)]
    return tuple(lines) if sparse else stack([broadcast_to(line, shape) for line in lines])


def diagonal(shape: Shape) -> tuple:
    """`np.diag_indices` of an array whose sizes are equal."""
    return (counted(shape[0]),) * len(shape)


def triangle(shape: Shape, k: int, lower: bool) -> tuple:
    """`np.tril_indices` and `np.triu_indices` of a matrix."""
    inside = CONSTRUCTORS[np.tri](*(integers.integer(active(), n) for n in shape), k if lower else k - 1, bool)
    return (inside if lower else NAMES["logical_not"](inside)).nonzero()


def _diag_indices(n: Any, ndim: int = 2) -> tuple:
    return diagonal(sizes((n,) * ndim))


def _triangle_indices(lower: bool) -> Callable:
    return lambda n, k=0, m=None: triangle(sizes((n, n if m is None else m)), k, lower)


CONSTRUCTORS.update({
    np.logspace: _logspace, np.geomspace: _geomspace,
    np.hamming: _window(lambda n, last: 0.54 + 0.46 * _cosine(math.pi * n / last), "hamming"),
    np.hanning: _window(lambda n, last: 0.5 + 0.5 * _cosine(math.pi * n / last), "hanning"),
    np.blackman: _window(
        lambda n, last: 0.42 + 0.5 * _cosine(math.pi * n / last) + 0.08 * _cosine(2.0 * math.pi * n / last), "blackman"
    ),
    np.bartlett: _window(lambda n, last: choose(n <= 0, 1 + n / last, 1 - n / last), "bartlett"),
    np.kaiser: _kaiser, np.fft.fftfreq: _fftfreq, np.fft.rfftfreq: _rfftfreq, np.indices: _indices,
    np.diag_indices: _diag_indices, np.tril_indices: _triangle_indices(True), np.triu_indices: _triangle_indices(False),
})  # fmt: skip
