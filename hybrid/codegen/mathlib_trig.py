"""Circular functions and their inverses.

sin, cos and tan subtract the nearest multiple of π (of π/2 for tan) in three parts with fused multiply-adds (Cody and Waite);
the first subtraction is exact. Arguments too large for that are the platform's (Payne and Hanek's reduction), lane by lane.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from hybrid.codegen.mathlib_core import DOUBLE, SINGLE, Format, absolute, copysign, horner
from hybrid.loops.nest import Expr, Rescue, fma, op, select

# π in three parts, each the rounded rest.
PI = {
    SINGLE: (3.1415927410125732, -8.742277657347586e-08, -3.4302490200117637e-15),
    DOUBLE: (3.141592653589793, 1.2246467991473532e-16, -2.9947698097183397e-33),
}
# Up to here three parts of π leave no error that shows (measured over every float32).
REDUCED = {SINGLE: 2.0**17, DOUBLE: 2.0**30}
# (sin r - r)/r³ in powers of r², |r| ≤ π/2. Error 6.2e-9 and 2.7e-19.
SIN = {
    SINGLE: (-0.16666659712791443, 0.008333069272339344, -0.00019809776858892292, 2.6060959044116316e-06),
    DOUBLE: (-0.16666666666666666, 0.008333333333333215, -0.00019841269841218163, 2.755731921300746e-06,
             -2.5052107090851503e-08, 1.6058954599736418e-10, -7.643583886982931e-13, 2.7338800914087353e-15,
             -1.135641529354234e-18),
}  # fmt: skip
# (tan r - r)/r³ in powers of r², |r| ≤ π/4. Error 1.8e-8 and 1.4e-17.
TAN = {
    SINGLE: (0.33333155512809753, 0.13338835537433624, 0.05340820178389549, 0.024441393092274666, 0.0031014776322990656,
             0.00939653068780899),
    DOUBLE: (0.3333333333333278, 0.13333333333414132, 0.05396825392688414, 0.021869489604101656, 0.008863219230424558,
             0.0035922885017821305, 0.0014547613724735149, 0.0005950507648633447, 0.00022242022376740234,
             0.00013644349393409245, -2.6271736586667443e-05, 8.934799438136948e-05, -4.482056493500001e-05,
             2.0849853411003076e-05),
}  # fmt: skip
# (atan t - t)/t³ in powers of t², |t| ≤ 1. Error 3.0e-8 and 7.5e-18.
ATAN = {
    SINGLE: (-0.33333152532577515, 0.19993767142295837, -0.14211000502109528, 0.10665755718946457, -0.0755162239074707,
             0.043204162269830704, -0.01636277325451374, 0.0029193004593253136),
    DOUBLE: (-0.3333333333333307, 0.19999999999951748, -0.14285714282588, 0.1111111100733931, -0.0909090700775037,
             0.0769227988835132, -0.06666404418822502, 0.05880529782290288, -0.05253526674378001, 0.0472234803744468,
             -0.0421924284839607, 0.03664314787433731, -0.029905732648411218, 0.021987064561712736, -0.013902568563033629,
             0.007197879519861065, -0.0028856062779896384, 0.000831558294427176, -0.00015221083171137285,
             1.322996716258098e-05),
}  # fmt: skip
# (asin s - s)/s³ in powers of s², |s| ≤ ½. Error 4.9e-9 and 1.0e-18.
ASIN = {
    SINGLE: (0.16666752099990845, 0.074953094124794, 0.04546916112303734, 0.024184711277484894, 0.04215842857956886),
    DOUBLE: (0.1666666666666676, 0.07499999999970865, 0.04464285717456268, 0.030381942709769336, 0.02237221493879489,
             0.017351612799413173, 0.013980811961341967, 0.01139897708804968, 0.010779913864360178, 0.003707611439971755,
             0.02170468013824114, -0.020995339703669357, 0.03262639991078981),
}  # fmt: skip


def subtract_multiple(x: Expr, k: Expr, fmt: Format, unit: float) -> Expr:
    """x - k·unit·π, unit a power of two."""
    for part in PI[fmt]:
        x = fma(k, -part * unit, x)
    return x


def odd_series(r: Expr, coefficients: Sequence[float]) -> Expr:
    """r + r³·P(r²)."""
    z = r * r
    return fma(r * z, horner(z, coefficients), r)


def lowest_to_sign(bits: Expr, fmt: Format) -> Expr:
    return bits << fmt.integer(fmt.width - 1)


def sin(fmt: Format, x: Expr) -> Expr:
    # sin |x| = (-1)^k·sin(|x| - k·π).
    a = absolute(x)
    t = fma(a, 1.0 / math.pi, fmt.magic)
    r = subtract_multiple(a, t - fmt.magic, fmt, 1.0)
    sign = (fmt.bits(x) & fmt.integer(fmt.sign)) ^ lowest_to_sign(fmt.bits(t), fmt)
    y = fmt.negate_where(odd_series(r, SIN[fmt]), sign)
    return Rescue(a > REDUCED[fmt], y, "sin", (x,))


def cos(fmt: Format, x: Expr) -> Expr:
    # cos |x| = (-1)^(k+1)·sin(|x| - (k + ½)·π); the odd magic number turns the parity.
    a = absolute(x)
    magic = fmt.magic + 1.0
    t = fma(a, 1.0 / math.pi, -0.5) + magic
    r = subtract_multiple(a, (t - magic) + 0.5, fmt, 1.0)
    y = fmt.negate_where(odd_series(r, SIN[fmt]), lowest_to_sign(fmt.bits(t), fmt))
    return Rescue(a > REDUCED[fmt], y, "cos", (x,))


def tan(fmt: Format, x: Expr) -> Expr:
    # tan |x| = tan r or -1/tan r, r = |x| - k·π/2, as k is even or odd.
    a = absolute(x)
    t = fma(a, 2.0 / math.pi, fmt.magic)
    r = subtract_multiple(a, t - fmt.magic, fmt, 0.5)
    y = odd_series(r, TAN[fmt])
    odd = op("ne", fmt.bits(t) & fmt.integer(1), fmt.integer(0))
    y = select(odd, -1.0, y) / select(odd, y, 1.0)
    y = fmt.negate_where(y, fmt.bits(x) & fmt.integer(fmt.sign))
    return Rescue(a > 0.5 * REDUCED[fmt], y, "tan", (x,))


def atan_reduced(t: Expr, fmt: Format) -> Expr:
    """atan t for |t| ≤ 1."""
    return odd_series(t, ATAN[fmt])


def atan(fmt: Format, x: Expr) -> Expr:
    # Beyond 1: π/2 - atan(1/a).
    a = absolute(x)
    beyond = a > 1.0
    y = atan_reduced(select(beyond, -1.0, a) / select(beyond, a, 1.0), fmt)
    high, low, _ = PI[fmt]
    return copysign(select(beyond, y + 0.5 * low + 0.5 * high, y), x)


def atan2(fmt: Format, y: Expr, x: Expr) -> Expr:
    # atan of the smaller over the larger, then the mirror images across the diagonal, the y axis and the x axis.
    a, b = absolute(y), absolute(x)
    steep = a > b
    small, large = select(steep, b, a), select(steep, a, b)
    quotient = small / select(op("eq", large, 0.0), 1.0, large)
    infinite = op("eq", small, math.inf) & op("eq", large, math.inf)
    angle = atan_reduced(select(infinite, 1.0, quotient), fmt)
    high, low, _ = PI[fmt]
    angle = select(steep, (0.5 * low - angle) + 0.5 * high, angle)
    left = op("lt", copysign(fmt.const(1.0), x), 0.0)
    return copysign(select(left, (low - angle) + high, angle), y)


def asin_parts(x: Expr, fmt: Format) -> tuple[Expr, Expr, Expr]:
    """(outer, s, tail): asin |x| = s + tail where |x| ≤ ½, and π/2 - 2·(s + tail), s = √((1 - |x|)/2), where `outer`."""
    a = absolute(x)
    outer = a > 0.5
    z = select(outer, fma(a, -0.5, 0.5), a * a)
    s = select(outer, op("sqrt", z), a)
    return outer, s, s * z * horner(z, ASIN[fmt])


def asin(fmt: Format, x: Expr) -> Expr:
    outer, s, tail = asin_parts(x, fmt)
    high, low, _ = PI[fmt]
    return copysign(select(outer, fma(s, -2.0, 0.5 * high) + fma(tail, -2.0, 0.5 * low), s + tail), x)


def acos(fmt: Format, x: Expr) -> Expr:
    outer, s, tail = asin_parts(x, fmt)
    y = s + tail
    high, low, _ = PI[fmt]
    inner = (0.5 * low - copysign(y, x)) + 0.5 * high
    left = fma(y, -2.0, low) + high
    return select(outer, select(x > 0.0, y + y, left), inner)


EXPANSIONS: dict[str, Callable[..., Expr]] = {
    "sin": sin, "cos": cos, "tan": tan, "asin": asin, "acos": acos, "atan": atan, "atan2": atan2,
}  # fmt: skip
