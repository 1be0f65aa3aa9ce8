"""Exponentials, logarithms, powers and the hyperbolic functions made of them.

exp: additive reduction x = k·ln 2 + r, |r| ≤ ln 2 / 2, with ln 2 in two parts (Cody and Waite), then e^r by a minimax
polynomial and a product with each half of 2^k, so that results overflow and underflow gradually, with one rounding.
log: multiplicative reduction x = 2^e·m, m in [√½, √2), then log m = f + f²·T(f), f = m - 1, by a minimax polynomial.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from hybrid.codegen.mathlib_core import (
    DOUBLE,
    SINGLE,
    Format,
    absolute,
    at_least,
    at_most,
    copysign,
    fast_two_sum,
    horner,
    is_odd,
    two_product,
)
from hybrid.loops.nest import Expr, convert, fma, op, select

# ln 2 = high + low; `high` is the rounded value, so k·high cancels against x exactly.
LN2 = {
    SINGLE: (0.6931471824645996, -1.9046542121259336e-09),
    DOUBLE: (0.6931471805599453, 2.3190468138462996e-17),
}
# (e^r - 1 - r)/r² for |r| ≤ ln 2 / 2. Error relative to e^r: 3.2e-9 and 3.7e-18.
EXP = {
    SINGLE: (0.4999999403953552, 0.16666516661643982, 0.04166810214519501, 0.008369196206331253, 0.0013838986633345485),
    DOUBLE: (0.5000000000000011, 0.16666666666666438, 0.04166666666652578, 0.008333333333473704, 0.0013888888944871643,
             0.0001984126956070302, 2.4801491729001757e-05, 2.755753001949265e-06, 2.763076405447655e-07,
             2.5020382134654668e-08),
}  # fmt: skip
# The same for e^r - 1: error relative to that, 1.4e-8 and 1.9e-17.
EXPM1 = {
    SINGLE: (0.4999999701976776, 0.16666539013385773, 0.04166775569319725, 0.008367125876247883, 0.0013835537247359753),
    DOUBLE: (0.5000000000000006, 0.1666666666666662, 0.041666666666572455, 0.00833333333336019, 0.0013888888932934846,
             0.00019841269800967444, 2.4801503676644468e-05, 2.7557319423989616e-06, 2.762664695691076e-07,
             2.5085725448014634e-08),
}  # fmt: skip
# (2^r - 1)/r for |r| ≤ ½. Error relative to 2^r: 1.3e-8 and 6.4e-18.
EXP2 = {
    SINGLE: (0.6931471824645996, 0.24022594094276428, 0.055503662675619125, 0.009625443257391453, 0.0013387924991548061,
             0.00013333845708984882),
    DOUBLE: (0.6931471805599453, 0.24022650695910172, 0.055504108664824574, 0.009618129107577077, 0.0013333558145567728,
             0.00015403530478850757, 1.5252734737795647e-05, 1.321542448247065e-06, 1.0177656129815558e-07,
             7.0756172801714025e-09, 4.519313991076323e-10),
}  # fmt: skip
# Arguments beyond which e^x, 2^x overflow or round to zero whatever the rounding of x: clipping there keeps k in range.
EXP_RANGE = {SINGLE: (-104.5, 89.0), DOUBLE: (-746.0, 710.0)}
EXP2_RANGE = {SINGLE: (-151.0, 129.0), DOUBLE: (-1076.0, 1025.0)}

# (sinh x - x)/x³ in powers of x², |x| ≤ 1. Error 4.7e-10 and 7.8e-19.
SINH = {
    SINGLE: (0.1666666716337204, 0.00833331048488617, 0.00019842837355099618, 2.782582669169642e-06),
    DOUBLE: (0.16666666666666669, 0.008333333333332912, 0.00019841269841594335, 2.7557319106304776e-06,
             2.505213109680724e-08, 1.6056649456568773e-10, 7.776957817151499e-13),
}  # fmt: skip

# (e^2r - 1 - 2r)/r² for |r| ≤ ln 2 / 4. Error relative to e^2r - 1: 1.4e-8 and 1.9e-17.
TANH = {
    SINGLE: (1.9999998807907104, 1.3333231210708618, 0.666684091091156, 0.26774802803993225, 0.08854743838310242),
    DOUBLE: (2.000000000000002, 1.3333333333333297, 0.6666666666651593, 0.2666666666675261, 0.08888888917078301,
             0.02539682534523833, 0.006349184941220984, 0.0014109347545082683, 0.0002828968648387662, 5.137556571753397e-05),
}  # fmt: skip
# Where tanh rounds to 1: e^-2x is below a quarter of the last place.
TANH_LIMIT = {SINGLE: 9.5, DOUBLE: 20.0}

# (log(1 + f) - f)/f² on [√½ - 1, √2 - 1]. Error relative to the logarithm: 4.3e-9 and 9.4e-18.
LOG = {
    SINGLE: (-0.49999988079071045, 0.33333322405815125, -0.25001609325408936, 0.20002225041389465, -0.16608595848083496,
             0.14176224172115326, -0.13241437077522278, 0.12942415475845337, -0.07674338668584824),
    DOUBLE: (-0.5000000000000003, 0.33333333333332715, -0.2499999999997753, 0.20000000000183457, -0.16666666670933913,
             0.14285714269061894, -0.12499999631195588, 0.1111111165593496, -0.10000017235721305, 0.09090910833917913,
             -0.08332867863066253, 0.07691726321241069, -0.07150126834407435, 0.06682943559281658, -0.06190107152878888,
             0.05674439377209318, -0.05713536358051545, 0.06508255616362557, -0.05897940568853934, 0.025420254525904486),
}  # fmt: skip
# log2(e), log10(e) and log10(2) = high + low.
LOG2_E = {SINGLE: (1.4426950216293335, 1.925963033500011e-08), DOUBLE: (1.4426950408889634, 2.0355273740931033e-17)}
LOG10_E = {SINGLE: (0.4342944920063019, -1.0103049952192578e-08), DOUBLE: (0.4342944819032518, 1.098319650216765e-17)}
LOG10_2 = {SINGLE: (0.3010300099849701, -1.432098883924482e-08), DOUBLE: (0.3010299956639812, -2.8037281277851704e-18)}


def round_exponent(x: Expr, fmt: Format, per_unit: float, bias: int) -> tuple[Expr, Expr]:
    """(k, bits): k = the integer nearest x·per_unit, and a word whose low bits are k + bias."""
    magic = fmt.magic + bias
    t = fma(x, per_unit, magic)
    return t - magic, fmt.bits(t)


def power_of_two(bits: Expr, fmt: Format) -> Expr:
    """2^k for the low bits k + bias of `bits`, k a normal exponent."""
    return fmt.real(bits << fmt.integer(fmt.fraction))


def halves(bits: Expr, fmt: Format) -> tuple[Expr, Expr]:
    """Two normal powers of two whose product is 2^k, for the low bits k + 2·bias of `bits`."""
    shift = fmt.integer(fmt.fraction)
    first = (bits >> fmt.integer(1)) << shift
    return fmt.real(first), fmt.real((bits << shift) - first)


def reduce_exp(x: Expr, fmt: Format, bias: int) -> tuple[Expr, Expr]:
    """(r, bits) with x = k·ln 2 + r and the low bits k + bias."""
    high, low = LN2[fmt]
    k, bits = round_exponent(x, fmt, 1.0 / math.log(2.0), bias)
    return fma(k, -low, fma(k, -high, x)), bits


def exp_reduced(r: Expr, fmt: Format) -> Expr:
    return horner(r, (1.0, 1.0, *EXP[fmt]))


def exp_clipped(x: Expr, fmt: Format) -> Expr:
    """e^x for x within EXP_RANGE."""
    r, bits = reduce_exp(x, fmt, 2 * fmt.bias)
    first, second = halves(bits, fmt)
    return exp_reduced(r, fmt) * first * second


def exp(fmt: Format, x: Expr) -> Expr:
    low, high = EXP_RANGE[fmt]
    return exp_clipped(at_least(at_most(x, high), low), fmt)


def exp2(fmt: Format, x: Expr) -> Expr:
    low, high = EXP2_RANGE[fmt]
    x = at_least(at_most(x, high), low)
    k, bits = round_exponent(x, fmt, 1.0, 2 * fmt.bias)
    first, second = halves(bits, fmt)
    return horner(x - k, (1.0, *EXP2[fmt])) * first * second


def expm1_reduced(r: Expr, fmt: Format) -> Expr:
    """e^r - 1 for |r| ≤ ln 2 / 2, as r + r·(r·q): the sign of zero is lost."""
    return fma(r * horner(r, EXPM1[fmt]), r, r)


def expm1(fmt: Format, x: Expr) -> Expr:
    # e^x - 1 = a·(b·(e^r - 1) + (b - 1/a)), a·b = 2^k: nothing overflows before the result does.
    low, high = EXP_RANGE[fmt]
    r, bits = reduce_exp(at_least(at_most(x, high), low), fmt, 2 * fmt.bias)
    a, b = halves(bits, fmt)
    inverse = fmt.real(fmt.integer(2 * fmt.one) - fmt.bits(a))
    return copysign(a * fma(b, expm1_reduced(r, fmt), b - inverse), x)


def sigmoid(fmt: Format, x: Expr) -> Expr:
    # With e = exp(-|x|): 1/(1 + e) to the right of zero, e/(1 + e) to the left, where the result may be subnormal.
    e = exp_clipped(at_least(-absolute(x), EXP_RANGE[fmt][0]), fmt)
    return select(x < 0.0, e, 1.0) / (e + 1.0)


def tanh(fmt: Format, x: Expr) -> Expr:
    # tanh x = (e^2x - 1)/(e^2x + 1), both from e^2x = s·(e^2r - 1) + s. One part of ln 2 is enough: its error, k·2^-28.4 or
    # k·2^-55 of r, meets the derivative 1 - tanh².
    k, bits = round_exponent(clipped := at_most(absolute(x), TANH_LIMIT[fmt]), fmt, 2.0 / math.log(2.0), fmt.bias)
    r = fma(k, -0.5 * LN2[fmt][0], clipped)
    s = power_of_two(bits, fmt)
    e = fma(r * horner(r, TANH[fmt]), r, r + r)
    return copysign(fma(s, e, s - 1.0) / fma(s, e, s + 1.0), x)


def half_exp(magnitude: Expr, fmt: Format) -> Expr:
    """e^x / 2 for x ≥ 0: as far as sinh and cosh stay finite, so does this."""
    r, bits = reduce_exp(at_most(magnitude, EXP_RANGE[fmt][1] + 1.0), fmt, 2 * fmt.bias)
    first, second = halves(bits, fmt)
    return exp_reduced(r, fmt) * (first * 0.5) * second


def sinh(fmt: Format, x: Expr) -> Expr:
    magnitude = absolute(x)
    e = half_exp(magnitude, fmt)
    z = magnitude * magnitude
    near = fma(magnitude * z, horner(z, SINH[fmt]), magnitude)
    return copysign(select(magnitude < 1.0, near, e - 0.25 / e), x)


def cosh(fmt: Format, x: Expr) -> Expr:
    e = half_exp(absolute(x), fmt)
    return e + 0.25 / e


def log_parts(x: Expr, fmt: Format, base: Expr | float) -> tuple[Expr, Expr]:
    """(e, m) with x = 2^e·m, m in [√½, √2), for normal positive x; `base` is magic + bias, more if x was scaled up."""
    root = fmt.bits_of(math.sqrt(0.5))
    shifted = fmt.bits(x) + fmt.integer(fmt.one - root)
    m = fmt.real((shifted & fmt.integer((1 << fmt.fraction) - 1)) + fmt.integer(root))
    # The biased exponent, set into the low bits of the magic number, is a float after one subtraction.
    biased = fmt.real((shifted >> fmt.integer(fmt.fraction)) | fmt.integer(fmt.bits_of(fmt.magic)))
    return biased - base, m


def normal_parts(x: Expr, fmt: Format) -> tuple[Expr, Expr]:
    """`log_parts` for any positive x, subnormal ones included."""
    tiny = x < fmt.smallest_normal
    base = fmt.magic + fmt.bias
    shift = fmt.fraction + 1
    return log_parts(select(tiny, x * 2.0**shift, x), fmt, select(tiny, fmt.const(base + shift), fmt.const(base)))


def log_edges(x: Expr, y: Expr, fmt: Format) -> Expr:
    """The logarithm y of x, put right where x is not positive and finite."""
    y = select(x < math.inf, y, x)  # inf and NaN are their own logarithm
    return select(x > 0.0, y, select(op("eq", x, 0.0), fmt.const(-math.inf), nan_below(x)))


def nan_below(x: Expr) -> Expr:
    """NaN where x is not positive, and the processor's flag for an invalid operation with it; ∞ elsewhere."""
    return fma(x, math.inf, math.inf)


def log_tail(f: Expr, fmt: Format) -> Expr:
    """log(1 + f) - f."""
    return f * f * horner(f, LOG[fmt])


def log_sum(e: Expr, f: Expr, fmt: Format) -> Expr:
    """e·ln 2 + log(1 + f). The rounded ln 2 is off by 2^-28.4 (single) or 2^-54.7 (double) of itself."""
    return fma(e, LN2[fmt][0], f + log_tail(f, fmt))


def scaled_log(f: Expr, scale: tuple[float, float], fmt: Format) -> Expr:
    """log(1 + f)·scale, for a constant in two parts."""
    high, low = scale
    return fma(f, high, fma(f, low, log_tail(f, fmt) * high))


def log(fmt: Format, x: Expr) -> Expr:
    e, m = normal_parts(x, fmt)
    return log_edges(x, log_sum(e, m - 1.0, fmt), fmt)


def log2(fmt: Format, x: Expr) -> Expr:
    e, m = normal_parts(x, fmt)
    return log_edges(x, e + scaled_log(m - 1.0, LOG2_E[fmt], fmt), fmt)


def log10(fmt: Format, x: Expr) -> Expr:
    e, m = normal_parts(x, fmt)
    high, low = LOG10_2[fmt]
    return log_edges(x, fma(e, high, fma(e, low, scaled_log(m - 1.0, LOG10_E[fmt], fmt))), fmt)


def log1p_sum(u: Expr, rest: Expr, fmt: Format, extra: Expr | None = None) -> Expr:
    """log(u + rest) for u ≥ ulp(1)/2 and rest below half an ulp of u, plus extra·ln 2 for an integer `extra`."""
    e, m = log_parts(u, fmt, fmt.magic + fmt.bias)
    # 2^-e, its bits -inf's for the largest e, where `rest` is zero.
    scale = at_least(fmt.real(fmt.bits(m) - fmt.bits(u) + fmt.integer(fmt.one)), 0.0)
    return log_sum(e if extra is None else e + extra, fma(rest, scale, m - 1.0), fmt)


def log1p(fmt: Format, x: Expr) -> Expr:
    u = x + 1.0
    # u - 1 is exact wherever what it leaves of x can still be seen in the logarithm.
    return copysign(log_edges(u, log1p_sum(u, x - (u - 1.0), fmt), fmt), x)


def log1p_positive(w: Expr, huge: Expr, magnitude: Expr, fmt: Format) -> Expr:
    """log(1 + w), and log(2·magnitude) where `huge`."""
    u = w + 1.0
    zero, one = fmt.const(0.0), fmt.const(1.0)
    rest = select(huge, zero, w - (u - 1.0))
    return log1p_sum(select(huge, magnitude, u), rest, fmt, select(huge, one, zero))


def asinh(fmt: Format, x: Expr) -> Expr:
    # asinh a = log(1 + a + a²/(1 + √(1 + a²))), and log 2a where a² is beyond the precision.
    a = absolute(x)
    huge = a > 2.0 ** (fmt.fraction // 2 + 3)
    square = a * a
    y = log1p_positive(a + square / (op("sqrt", square + 1.0) + 1.0), huge, a, fmt)
    return copysign(select(a < math.inf, y, a), x)


def acosh(fmt: Format, x: Expr) -> Expr:
    # acosh x = log(1 + t + √(t·(t + 2))), t = x - 1.
    huge = x > 2.0 ** (fmt.fraction // 2 + 3)
    t = x - 1.0
    y = log1p_positive(t + op("sqrt", fma(t, t, t + t)), huge, x, fmt)
    return select(x < math.inf, select(x < 1.0, nan_below(x - 1.0), y), x)


def atanh(fmt: Format, x: Expr) -> Expr:
    # atanh a = ½·log(1 + 2a/(1 - a)), the quotient as 2a + 2a·a/(1 - a).
    a = absolute(x)
    twice = a + a
    w = fma(twice, a / (1.0 - a), twice)
    u = w + 1.0
    y = log1p_sum(u, w - (u - 1.0), fmt) * 0.5
    edge = select(op("eq", a, 1.0), fmt.const(math.inf), nan_below(1.0 - a))
    return copysign(select(a < 1.0, y, edge), x)


# (log2(1 + f) - f·log2 e)/f² on [√½ - 1, √2 - 1] to 1.8e-11: what pow needs in single, computed in double.
POW_LOG2 = (-0.7213475207548927, 0.48089835721088914, -0.36067368562421587, 0.2885375385988212, -0.2404529360371648,
            0.2061693626176238, -0.18029954809912227, 0.15883509899736323, -0.14322076530360336, 0.14449158260332576,
            -0.14242138436678847, 0.07730915136305437)  # fmt: skip
# (2·atanh(s) - 2s - ⅔s³)/s⁵ in powers of s², |s| ≤ (√2 - 1)/(√2 + 1). Error relative to the logarithm: 1.5e-20.
ATANH = (0.40000000000002256, 0.28571428570100094, 0.22222222519820936, 0.18181784376799767, 0.15386756854330197,
         0.13256829501605713, 0.1319621415747865)  # fmt: skip
# ln 2 = high + low with 11 zero bits behind `high`, so that e·high is exact.
LN2_SHORT = (0.6931471805598903, 5.497923018708371e-14)
TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)


def pow_single(a: Expr, y: Expr) -> Expr:
    """a^y for a ≥ 0 in float32, its logarithm in float64: 2^(y·log2 a)."""
    wide = convert(a, DOUBLE.dtype)
    e, m = log_parts(wide, DOUBLE, DOUBLE.magic + DOUBLE.bias)
    f = m - 1.0
    log = fma(f, LOG2_E[DOUBLE][0], fma(f * f, horner(f, POW_LOG2), e))
    log = select(wide < math.inf, select(op("eq", wide, 0.0), -math.inf, log), wide)
    low, high = EXP2_RANGE[SINGLE]
    z = at_least(at_most(log * convert(y, DOUBLE.dtype), high), low)
    k, bits = round_exponent(z, DOUBLE, 1.0, 2 * SINGLE.bias)
    first, second = halves(convert(bits, SINGLE.word), SINGLE)
    return horner(convert(z - k, SINGLE.dtype), (1.0, *EXP2[SINGLE])) * first * second


def double_log(a: Expr) -> tuple[Expr, Expr]:
    """log a = high + low to 2^-65 of itself, for positive float64 a: 2·atanh(s), s = (m - 1)/(m + 1), in double-double."""
    e, m = normal_parts(a, DOUBLE)
    f = m - 1.0
    d = m + 1.0
    inverse = 1.0 / d
    s = f * inverse
    s_low = fma(-s, m - (d - 1.0), fma(-s, d, f)) * inverse
    square, square_low = two_product(s, s)
    square_low = fma(s + s, s_low, square_low)
    p, p_low = fast_two_sum(DOUBLE.const(TWO_THIRDS[0]), square * horner(square, ATANH))
    p_low = p_low + TWO_THIRDS[1]
    cube, cube_low = two_product(s, square)
    cube_low = cube_low + fma(s, square_low, s_low * square)
    tail, tail_low = two_product(cube, p)
    tail_low = tail_low + fma(cube, p_low, cube_low * p)
    near, near_low = fast_two_sum(s + s, tail)
    near_low = near_low + fma(s_low, 2.0, tail_low)
    # |e·ln 2| ≥ ½ log 2 ≥ |near| unless e is zero, and then the first sum is exact as well.
    high, low = fast_two_sum(e * LN2_SHORT[0], near)
    return fast_two_sum(high, low + fma(e, LN2_SHORT[1], near_low))


def pow_double(a: Expr, y: Expr) -> Expr:
    """a^y for a ≥ 0 in float64: e^(y·log a), the product in double-double."""
    log, log_low = double_log(a)
    log = select(a < math.inf, select(op("eq", a, 0.0), -math.inf, log), a)
    low, high = EXP_RANGE[DOUBLE]
    raw = y * log
    z = at_least(at_most(raw, high), low)
    rest = select(op("eq", z, raw), fma(y, log_low, fma(y, log, -z)), 0.0)
    r, bits = reduce_exp(z, DOUBLE, 2 * DOUBLE.bias)
    first, second = halves(bits, DOUBLE)
    return exp_reduced(r + rest, DOUBLE) * first * second


def pow(fmt: Format, x: Expr, y: Expr) -> Expr:
    """C99's table of special cases: everything but those named below falls out of the arithmetic on |x|."""
    a = absolute(x)
    magnitude = pow_single(a, y) if fmt is SINGLE else pow_double(a, y)
    # (±1)^±inf is 1, where 0·inf gave NaN; so is 1^NaN, but not (-1)^NaN.
    magnitude = select(op("eq", a, 1.0) & op("eq", y, y), 1.0, magnitude)
    integer = op("eq", op("rint", y), y)
    signed = copysign(magnitude, select(integer & is_odd(y), x, fmt.const(1.0)))
    outside = (x < 0.0) & (x > -math.inf) & ~integer
    signed = select(outside, nan_below(select(outside, x, 1.0)), signed)
    return select(op("eq", x, 1.0) | op("eq", y, 0.0), 1.0, signed)


EXPANSIONS: dict[str, Callable[..., Expr]] = {
    "exp": exp, "exp2": exp2, "expm1": expm1, "sigmoid": sigmoid, "tanh": tanh, "sinh": sinh, "cosh": cosh, "log": log,
    "log2": log2, "log10": log10, "log1p": log1p, "asinh": asinh, "acosh": acosh, "atanh": atanh, "pow": pow,
}  # fmt: skip
