"""What every expansion of an elementary function is written in: the layout of a float, its bits, clipping, polynomials.

An expansion is branch-free: one straight line of additions, fused multiply-adds and selects that every lane of a vector takes.
It must not be contracted or reassociated further; the error bounds hold for the operations as written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hybrid.core import dtype as dt
from hybrid.loops.nest import Bitcast, Const, Expr, fma, op, select


@dataclass(frozen=True, slots=True)
class Format:
    """An IEEE binary format: value = (-1)^sign · 2^(exponent - bias) · 1.fraction."""

    dtype: np.dtype
    word: np.dtype  # the unsigned integer of the same width
    fraction: int  # stored bits of the significand

    @property
    def width(self) -> int:
        return 8 * self.dtype.itemsize

    @property
    def bias(self) -> int:
        return (1 << (self.width - self.fraction - 2)) - 1

    @property
    def magic(self) -> float:
        """1.5 · 2^fraction: adding it rounds to an integer, which then stands in the low bits of the sum."""
        return 1.5 * 2.0**self.fraction

    @property
    def one(self) -> int:
        """The bits of 1.0."""
        return self.bias << self.fraction

    @property
    def sign(self) -> int:
        return 1 << (self.width - 1)

    @property
    def smallest_normal(self) -> float:
        return 2.0 ** (1 - self.bias)

    def const(self, value: float) -> Expr:
        return Const(value, self.dtype)

    def integer(self, value: int) -> Expr:
        return Const(value % (1 << self.width), self.word)

    def bits(self, x: Expr) -> Expr:
        return Bitcast(x, self.word)

    def real(self, bits: Expr) -> Expr:
        return Bitcast(bits, self.dtype)

    def bits_of(self, value: float) -> int:
        return int(self.dtype.type(value).view(self.word))

    def negate_where(self, x: Expr, sign: Expr) -> Expr:
        """x with its sign flipped where the top bit of the word `sign` is set (the other bits of `sign` must be zero)."""
        return self.real(self.bits(x) ^ sign)


SINGLE = Format(dt.float32, dt.uint32, 23)
DOUBLE = Format(dt.float64, dt.uint64, 52)
FORMATS = {SINGLE.dtype: SINGLE, DOUBLE.dtype: DOUBLE}


# Longer polynomials are summed as two chains, of even and odd powers: a chain of 20 fma's waits 80 cycles, and the processor
# does not look far enough ahead to fill them. Measured on Zen 5, float64: erf 1.61 → 1.28 ns an element, log 0.86 → 0.76.
LONG_CHAIN = 10


def horner(x: Expr, coefficients: Sequence[float]) -> Expr:
    """c0 + c1·x + c2·x² + …, each step one fma; the last steps, which decide the error, are always Horner's."""
    if len(coefficients) <= LONG_CHAIN:
        return _chain(x, coefficients)
    head, tail = coefficients[:2], coefficients[2:]
    square = x * x
    y = fma(x, _chain(square, tail[1::2]), _chain(square, tail[0::2]))
    return fma(fma(y, x, head[1]), x, head[0])


def _chain(x: Expr, coefficients: Sequence[float]) -> Expr:
    y: Expr = Const(coefficients[-1], x.dtype)
    for c in coefficients[-2::-1]:
        y = fma(y, x, c)
    return y


def at_most(x: Expr, limit: float) -> Expr:
    """min(x, limit), NaN kept: the operand order of x86's minps, so one instruction."""
    return select(x > limit, limit, x)


def at_least(x: Expr, limit: float) -> Expr:
    return select(x < limit, limit, x)


def two_product(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """a·b = high + low exactly."""
    high = a * b
    return high, fma(a, b, -high)


def fast_two_sum(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """a + b = high + low exactly, for |a| ≥ |b| (Dekker)."""
    high = a + b
    return high, b - (high - a)


def absolute(x: Expr) -> Expr:
    return op("abs", x)


def copysign(magnitude: Expr, sign: Expr) -> Expr:
    return op("copysign", magnitude, sign)


def is_odd(x: Expr) -> Expr:
    """Whether an integral float is odd."""
    half = x * 0.5
    return op("ne", op("rint", half), half)
