"""Functions of `math` and NumPy that are loops and branches, written out: they are converted as a user's functions are.

Each gives what the original gives for the same numbers; what it raises here, Python raises itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

LARGEST = float(np.finfo(np.float64).max)
NEAR = 4  # coordinates whose distance is found pair by pair within 4 ULP


def gcd(*integers: int) -> int:
    """The greatest common divisor, by Euclid."""
    out = 0
    for number in integers:
        a, b = out, number
        while b:
            a, b = b, a % b
        out = abs(a)
    return out


def lcm(*integers: int) -> int:
    """The least common multiple."""
    out = 1
    for number in integers:
        out = abs(number // gcd(out, number) * out) if number else 0
    return out


def comb(n: int, k: int) -> int:
    """The number of ways to choose k of n, as a product whose parts are whole."""
    if n < 0 or k < 0:
        raise ValueError("n and k must be non-negative integers")
    out = 1
    if k > n:
        out = 0
    else:
        for i in range(min(k, n - k)):
            out = out * (n - i) // (i + 1)
    return out


def perm(n: int, k: int) -> int:
    """The number of ways to choose k of n in order."""
    if n < 0 or k < 0:
        raise ValueError("n and k must be non-negative integers")
    out = 1
    if k > n:
        out = 0
    else:
        for i in range(k):
            out = out * (n - i)
    return out


def factorial(n: int) -> int:
    """1·2·…·n."""
    if n < 0:
        raise ValueError("factorial() not defined for negative values")
    out = 1
    for i in range(2, n + 1):
        out = out * i
    return out


def isqrt(n: int) -> int:
    """The integer part of a square root; that of a float may be one off."""
    if n < 0:
        raise ValueError("isqrt() argument must be nonnegative")
    out = int(math.sqrt(n))
    while out * out > n:
        out -= 1
    while (out + 1) * (out + 1) <= n:
        out += 1
    return out


def inverse(a: int, modulus: int) -> int:
    """What gives 1 when multiplied with a, by Euclid."""
    rest, other, before, factor = abs(modulus), a % abs(modulus), 0, 1
    while other:
        quotient = rest // other
        rest, other = other, rest - quotient * other
        before, factor = factor, before - quotient * factor
    if rest != 1:
        raise ValueError("base is not invertible for the given modulus")
    return before % modulus


def power(base: int, exponent: int, modulus: int) -> int:
    """`pow` with a modulus: a square for each bit of the exponent."""
    if modulus == 0:
        raise ValueError("pow() 3rd argument cannot be 0")
    if exponent < 0:
        base, exponent = inverse(base, modulus), -exponent
    square, out = base % modulus, 1 % modulus
    while exponent > 0:
        if exponent & 1:
            out = out * square % modulus
        square = square * square % modulus
        exponent >>= 1
    return out


def degrees(x: float) -> float:
    """Radians in degrees."""
    return x * (180.0 / math.pi)


def radians(x: float) -> float:
    """Degrees in radians."""
    return x * (math.pi / 180.0)


def log(x: float, base: float) -> float:
    """The logarithm to a base."""
    return math.log(x) / math.log(base)


def modf(x: float) -> tuple[float, float]:
    """The fractional and the integral part."""
    whole = float(np.trunc(x))
    return math.copysign(0.0 if math.isinf(x) else x - whole, x), whole


def frexp(x: float) -> tuple[float, int]:
    """A fraction in [0.5, 1) with the sign of x, and the power of two that it is to be multiplied with."""
    fraction, power = np.frexp(x)
    return float(fraction), int(power)


def ldexp(x: float, i: int) -> float:
    """x·2ⁱ."""
    out = float(np.ldexp(x, i))
    if math.isinf(out) and not math.isinf(x):
        raise OverflowError("math range error")
    return out


def remainder(x: float, y: float) -> float:
    """What is left of x where the nearest multiple of y is taken away; of two, that of an even number."""
    if math.isnan(x) or math.isnan(y):
        return x + y
    if math.isinf(x) or y == 0:
        raise ValueError("math domain error")
    if math.isinf(y):
        return x
    size, by = abs(x), abs(y)
    rest = math.fmod(size, by)
    other = by - rest
    if rest < other:
        out = rest
    elif rest > other:
        out = -other
    else:
        out = rest - 2.0 * math.fmod(0.5 * (size - rest), by)
    return math.copysign(1.0, x) * out


def ulp(x: float) -> float:
    """What the last bit of a number is worth."""
    size = abs(x)
    if math.isnan(x) or math.isinf(size):
        return size
    above = math.nextafter(size, math.inf) if size < LARGEST else size
    return above - size if size < LARGEST else size - math.nextafter(size, 0.0)


def hypot(*coordinates: float) -> float:
    """The length of a vector."""
    out = 0.0
    for x in coordinates:
        out = math.hypot(out, x)
    return out


def dist(*coordinates: float) -> float:
    """The distance of two points: coordinates of the one, then of the other."""
    half = len(coordinates) // 2
    out = 0.0
    for k in range(half):
        out = math.hypot(out, coordinates[k] - coordinates[half + k])
    return out


def isclose(a: float, b: float, *, rel_tol: float = 1e-09, abs_tol: float = 0.0) -> bool:
    """Whether two numbers differ by little."""
    if rel_tol < 0 or abs_tol < 0:
        raise ValueError("tolerances must be non-negative")
    difference = abs(b - a)
    near = difference <= abs(rel_tol * b) or difference <= abs(rel_tol * a) or difference <= abs_tol
    return a == b or (not math.isinf(a) and not math.isinf(b) and near)


def apply_along_axis(func1d: Callable, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    """A function of vectors applied to every one along an axis."""
    x = np.moveaxis(np.asarray(arr), axis, -1)
    lines = x.reshape(-1, x.shape[-1])
    first = np.asarray(func1d(lines[0], *args, **kwargs))
    out = np.empty((lines.shape[0], *first.shape), first.dtype)
    out[0] = first
    for i in range(1, lines.shape[0]):
        out[i] = func1d(lines[i], *args, **kwargs)
    out = out.reshape(*x.shape[:-1], *first.shape)
    rank, more = x.ndim, first.ndim
    at = axis % rank
    return np.transpose(out, (*range(at), *range(rank - 1, rank - 1 + more), *range(at, rank - 1)))


def vectorized(function: Callable, kinds: Any, *args: Any) -> Any:
    """What `np.vectorize` makes of a function with one result: called with Python's numbers, element by element."""
    parts = [np.asarray(x) for x in args]
    shape = parts[0].shape if len(parts) == 1 else np.broadcast_shapes(*[x.shape for x in parts])
    lines = [np.broadcast_to(x, shape).reshape(-1) for x in parts]
    if kinds is None:
        kinds = np.asarray(function(*[line[0] for line in lines])).dtype  # NumPy, too, asks with a number of its own
    out = np.empty(lines[0].shape, kinds)
    for i in range(lines[0].shape[0]):
        out[i] = function(*[line.item(i) for line in lines])
    return out.reshape(shape)
