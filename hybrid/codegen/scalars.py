"""Scalar functions that emitted Python source calls, written once here and copied into the source that needs them.

Their arguments are NumPy scalars of one dtype, or what Numba makes of them; narrow integers arrive widened to int64, and the
caller wraps the result back. `round_f16`, `f16_bits` and their kin serve Numba, which has no 16-bit floats on CPUs: such
values travel as float32 that a 16-bit float can hold.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

import numpy as np

from hybrid.core.exact import exact_fma


def compensated_add(total, error, value):
    # Neumaier: the rounding error of every addition, summed apart.
    sum_ = total + value
    lost = (total - sum_) + value if abs(total) >= abs(value) else (value - sum_) + total
    return sum_, error + lost


def compensated_sum(total, error):
    corrected = total + error
    return corrected if corrected == corrected else total  # inf - inf made the error NaN


def sigmoid(x):
    e = np.exp(-abs(x))
    return (1 if x >= 0 else e) / (1 + e)


def int_power(a, b):
    return a**b if b >= 0 else a - a  # NumPy refuses negative exponents


def float_power(a, b):
    # With a lone exponent of 0.5 np.power takes the square root, which pow is not at -inf and -0.
    return np.power(np.full(2, a), np.full(2, b))[0]


def log_gamma(x):
    if x == -math.inf or (x <= 0 and x == math.floor(x)):
        return math.inf  # a pole, where math.lgamma raises
    return math.lgamma(x) if x < 2.5e305 else x * (math.log(x) - 1)


def fma(typingctx, a, b, c):
    def generate(context, builder, signature, args):
        return builder.fma(*args)

    return a(a, b, c), generate


def fits_add(a, b):
    total = a + b
    return ((a ^ total) & (b ^ total)) >= 0


def fits_sub(a, b):
    return ((a ^ b) & (a ^ (a - b))) >= 0


def fits_mul(a, b):
    return abs(float(a) * float(b) - float(a * b)) < 2.0**62


def signed_floordiv(a, b):
    return -a if b == -1 else a // b  # the least integer // -1 wraps


def signed_fmod(a, b):
    r = a % b
    return r - b if r != 0 and (a < 0) != (b < 0) else r


def shift_left(a, b, width):
    return a << b if 0 <= b < width else a - a


def shift_right(a, b, width):
    return a >> b if 0 <= b < width else a - a


def shift_right_signed(a, b, width):
    return a >> b if 0 <= b < width else a >> (width - 1)


def threefry(key, counter):
    # Words of 32 bits in 64: Numba's narrow integers widen, and its signed and unsigned ones make floats.
    word, half, one = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(1)
    keys = (key & word, key >> half, (key & word) ^ (key >> half) ^ np.uint64(0x1BD11BDA))
    x, y, block = ((counter & word) + keys[0]) & word, ((counter >> half) + keys[1]) & word, np.uint64(0)
    for k in range(20):
        turn = np.uint64((13, 15, 26, 6, 17, 29, 16, 24)[k % 8])
        x = (x + y) & word
        y = (((y << turn) | (y >> (half - turn))) & word) ^ x
        if k % 4 == 3:
            block = block + one
            x = (x + keys[(k // 4 + 1) % 3]) & word
            y = (y + keys[(k // 4 + 2) % 3] + block) & word
    return x | (y << half)


def float_mod(a, b):
    r = np.fmod(a, b)
    if r == 0:
        return np.copysign(r, b)
    return r + b if (b < 0) != (r < 0) and b == b and r == r else r


def float_floordiv(a, b):
    # As NumPy's divmod: the quotient of a - a % b is almost whole; floor it and mend what rounding spoiled.
    if b == 0:
        return a / b
    r = np.fmod(a, b)
    quotient = (a - r) / b
    if r != 0 and (b < 0) != (r < 0):
        quotient = quotient - 1
    if quotient == 0:
        return np.copysign(quotient, a / b)
    whole = np.floor(quotient)
    return whole + 1 if quotient - whole > 0.5 else whole


def to_int32(x):
    return np.int64(x) if -2147483649.0 < x < 2147483648.0 else np.int64(-2147483648)


def to_int64(x):
    return np.int64(x) if abs(x) < 9223372036854775808.0 else np.int64(-9223372036854775808)


def to_uint64(x):
    if 9223372036854775808.0 <= x < 18446744073709551616.0:
        return np.uint64(x)
    return np.uint64(to_int64(x))


def round_f16(x):
    if x != x:
        return np.copysign(np.float32(np.nan), np.float32(x))
    if abs(x) >= 65520.0:
        return np.float32(np.copysign(np.inf, x))
    ulp = math.ldexp(1.0, max(math.frexp(x)[1] - 11, -24))
    return np.float32(np.rint(x / ulp) * ulp)


def round_bf16(x):
    if x != x:
        return np.copysign(np.float32(np.nan), np.float32(x))
    if abs(x) == np.inf:
        return np.float32(x)
    ulp = math.ldexp(1.0, max(math.frexp(x)[1] - 8, -133))
    return np.float32(np.rint(x / ulp) * ulp)


def f16_value(bits):
    magnitude = np.uint32((bits & 0x7FFF) << 13)
    if magnitude >= 0xF800000:
        value = np.uint32(magnitude | 0x7F800000).view(np.float32)
    else:
        value = np.uint32(magnitude).view(np.float32) * np.float32(2.0**112)
    return -value if bits & 0x8000 else value


def f16_bits(x):
    bits = np.int64(np.float32(x).view(np.uint32))
    if abs(x) < 2.0**-14:
        magnitude = np.int64(abs(x) * 2.0**24)
    elif abs(x) < np.inf:
        magnitude = ((bits & 0x7FFFFFFF) >> 13) - 0x1C000
    else:
        magnitude = ((bits & 0x7FFFFFFF) >> 13) & 0x7FFF
    return np.uint16((bits >> 16) & 0x8000 | magnitude)


def bf16_value(bits):
    return np.uint32(np.uint32(bits) << 16).view(np.float32)


def bf16_bits(x):
    return np.uint16(np.float32(x).view(np.uint32) >> 16)


def next_half(a, b, to_bits, to_value):
    if a != a or b != b:
        return a + b
    if a == b:
        return b
    if a == 0:
        least = to_value(np.uint16(1))
        return least if b > 0 else -least
    away = (b > a) == (a > 0)
    return to_value(np.uint16(np.int64(to_bits(a)) + (1 if away else -1)))


FUNCTIONS: dict[str, Callable] = {
    f.__name__: f
    for f in (
        threefry, compensated_add, compensated_sum, sigmoid, int_power, float_power, log_gamma, exact_fma, fma, signed_floordiv,
        signed_fmod, shift_left, shift_right, shift_right_signed, float_mod, float_floordiv, to_int32, to_int64, to_uint64,
        fits_add, fits_sub, fits_mul, round_f16, round_bf16, f16_value, f16_bits, bf16_value, bf16_bits, next_half,
    )
}  # fmt: skip


def sources(used: set[str]) -> dict[str, str]:
    """Source text of these functions and of those they call, callees first."""
    out: dict[str, str] = {}

    def add(name: str) -> None:
        if name not in out:
            for callee in FUNCTIONS[name].__code__.co_names:
                if callee in FUNCTIONS:
                    add(callee)
            out[name] = inspect.getsource(FUNCTIONS[name])

    for name in sorted(used):
        add(name)
    return out
