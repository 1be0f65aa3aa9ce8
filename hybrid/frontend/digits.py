"""What Python's own numbers do beyond arithmetic, while tracing: decimal digits and bits, to the last one.

NumPy's numbers round by scaling; Python's round what the float is exactly, halves to even, to the nearest float again.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend import integers, uncertain
from hybrid.frontend.calls import unsupported
from hybrid.frontend.values import active, kind_of, operand, unwrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

MOST_DECIMALS = 22  # larger powers of ten are no floats
MOST_ZEROS = 15  # multiples of larger ones below 2**53 are few
WHOLE = 2.0**53  # floats from here on are integers


def rounded(x: Any, digits: Any) -> Any:
    """`round(x, digits)` of a traced Python number."""
    n, trace = operator.index(digits), active()
    if not dt.is_float(unwrap(x).type.dtype):
        return _to_tens(integers.to_int(x), 10**-n) if n < 0 else integers.to_int(x)
    number = operand(trace, x, dt.float64)
    if not -MOST_ZEROS <= n <= MOST_DECIMALS:
        raise unsupported(f"rounding a Python float to {n} decimals", f"from {-MOST_ZEROS} to {MOST_DECIMALS} can be compiled")
    if n < 0:
        return integers.python(trace, _to_zeros(trace, number, 10.0**-n))
    return integers.python(trace, trace.one(e.rint, number) if n == 0 else _to_decimals(trace, number, n))


def _to_decimals(trace: Trace, x: Atom, n: int) -> Atom:
    """The float next to the integer next to x·10ⁿ, over 10ⁿ: a division that rounds once, where that integer is a float.

    Where it is none, decimals lie closer than floats do, and x stays. x·10ⁿ is `high + low` exactly. Only where `high` is half
    way between two integers does `low` decide.
    """
    one, real = trace.one, lambda value: tr.literal(value, dt.float64)
    scale, none = real(10.0**n), real(0.0)
    small = one(e.lt, one(e.abs, x), real(WHOLE))
    inner = one(e.select, small, x, none)  # neither overflows
    high = one(e.mul, inner, scale)
    low = one(e.fma, inner, scale, one(e.neg, high))
    near = one(e.rint, high)
    rest = one(e.sub, high, near)
    more = one(e.and_, one(e.eq, rest, real(0.5)), one(e.gt, low, none))
    less = one(e.and_, one(e.eq, rest, real(-0.5)), one(e.lt, low, none))
    whole = one(e.select, more, one(e.add, near, real(1.0)), one(e.select, less, one(e.sub, near, real(1.0)), near))
    out = one(e.copysign, one(e.div, whole, scale), x)
    return one(e.select, one(e.and_, small, one(e.lt, one(e.abs, high), real(WHOLE))), out, x)


def _to_zeros(trace: Trace, x: Atom, unit: float) -> Atom:
    """The nearest multiple of a power of ten: the remainder of the one next to the quotient is exact, and tells."""
    one, real = trace.one, lambda value: tr.literal(value, dt.float64)
    trace.assume(one(e.lt, one(e.abs, x), real(WHOLE)), "a float that is rounded to tens is less than 2**53")
    near = one(e.rint, one(e.div, x, real(unit)))
    rest = one(e.fma, one(e.neg, near), real(unit), x)
    half = one(e.mul, near, real(0.5))
    odd = one(e.ne, one(e.rint, half), half)
    more = one(e.or_, one(e.gt, rest, real(unit / 2)), one(e.and_, odd, one(e.eq, rest, real(unit / 2))))
    less = one(e.or_, one(e.lt, rest, real(-unit / 2)), one(e.and_, odd, one(e.eq, rest, real(-unit / 2))))
    whole = one(e.select, more, one(e.add, near, real(1.0)), one(e.select, less, one(e.sub, near, real(1.0)), near))
    return one(e.copysign, one(e.mul, whole, real(unit)), x)


def _to_tens(x: Any, unit: int) -> Any:
    """An integer to the nearest multiple of a power of ten, halves to the even one."""
    below = x // unit
    twice = 2 * (x - below * unit)
    return (below + ((twice > unit) | ((twice == unit) & (below % 2 == 1)))) * unit


# Bits ------------------------------------------------------------------------------------------------------------------
def _bits(trace: Trace, x: Any) -> Atom:
    """The absolute value, which needs all 64 bits for the least integer."""
    number = operand(trace, x, dt.int64)
    size = _one_of(trace, trace.one(e.lt, number, tr.literal(0, dt.int64)), trace.one(e.neg, number), number)
    return trace.one(e.convert, size, dtype=dt.uint64)


def _one_of(trace: Trace, condition: Atom, then: Atom, otherwise: Atom) -> Atom:
    return trace.one(e.select, condition, then, otherwise)


def _bit_length(x: Any) -> Any:
    """How many bits the absolute value has: the exponent of its upper half as a float, or of its lower one, exact both."""
    trace = active()
    one, size = trace.one, _bits(trace, x)
    upper = one(e.shr, size, tr.literal(32, dt.uint64))
    large = one(e.ne, upper, tr.literal(0, dt.uint64))
    half = one(e.convert, one(e.convert, _one_of(trace, large, upper, size), dtype=dt.int64), dtype=dt.float64)
    exponent = one(e.shr, one(e.bitcast, half, dtype=dt.int64), tr.literal(52, dt.int64))
    base = _one_of(trace, large, tr.literal(1022 - 32, dt.int64), tr.literal(1022, dt.int64))
    out = one(e.maximum, one(e.sub, exponent, base), tr.literal(0, dt.int64))
    trace.ranges[out] = 0, 64
    return integers.python(trace, out)


def _bit_count(x: Any) -> Any:
    """How many bits of the absolute value are set: counted in pairs, in fours, in bytes, and added by a product."""
    trace = active()
    one, size, word = trace.one, _bits(trace, x), lambda value: tr.literal(np.uint64(value), dt.uint64)
    shifted = lambda a, by: one(e.shr, a, word(by))
    pairs = one(e.sub, size, one(e.and_, shifted(size, 1), word(0x5555555555555555)))
    low = word(0x3333333333333333)
    fours = one(e.add, one(e.and_, pairs, low), one(e.and_, shifted(pairs, 2), low))
    each = one(e.and_, one(e.add, fours, shifted(fours, 4)), word(0x0F0F0F0F0F0F0F0F))
    out = one(e.convert, shifted(one(e.mul, each, word(0x0101010101010101)), 56), dtype=dt.int64)
    trace.ranges[out] = 0, 64
    return integers.python(trace, out)


def _is_integer(x: Any) -> Any:
    trace = active()
    if not dt.is_float(unwrap(x).type.dtype):
        return True
    number = operand(trace, x, dt.float64)
    finite = trace.one(e.lt, trace.one(e.abs, number), tr.literal(float("inf"), dt.float64))
    return integers.python(trace, trace.one(e.and_, finite, trace.one(e.eq, trace.one(e.floor, number), number)))


_METHODS: dict[str, dict[str, Callable]] = {
    "i": {"bit_length": _bit_length, "bit_count": _bit_count, "is_integer": _is_integer},
    "b": {"bit_length": _bit_length, "bit_count": _bit_count, "is_integer": _is_integer},
    "f": {"is_integer": _is_integer},
}


def method(x: Any, name: str) -> Callable | None:
    """A method of Python's numbers for a traced one, if that can be said in a graph."""
    if uncertain.is_uncertain(x) and any(name in made for made in _METHODS.values()):
        return lambda: uncertain.pick(active(), x, lambda one: getattr(one, name)())
    if kind_of(x) != "python":
        return None
    made = _METHODS.get(dt.KIND[unwrap(x).type.dtype], {}).get(name)
    return None if made is None else lambda: made(x)
