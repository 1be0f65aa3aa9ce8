"""The error functions, roots and bit-level functions."""

from __future__ import annotations

import math
from collections.abc import Callable

from hybrid.codegen.mathlib_core import DOUBLE, SINGLE, Format, absolute, at_least, at_most, copysign, horner, two_product
from hybrid.codegen.mathlib_exp import (
    EXP_RANGE,
    LN2,
    expm1_reduced,
    halves,
    normal_parts,
    power_of_two,
    reduce_exp,
    round_exponent,
)
from hybrid.loops.nest import Expr, Rescue, convert, fma, op, select

# -log(erfc a)/a - ERF_SLOPE, 0 ≤ a ≤ ERF_LIMIT; there erf rounds to 1. Error relative to erf: 3.6e-8 and 1.4e-17.
ERF_SLOPE = {SINGLE: 1.128379225730896, DOUBLE: 1.1283791670955126}
ERF_LIMIT = {SINGLE: 3.93, DOUBLE: 5.93}
ERF = {
    SINGLE: (-1.869964094680654e-08, 0.6366164684295654, 0.10281480103731155, -0.019323403015732765, 0.00020890284213237464,
             0.001248835353180766, -0.0003797437238972634, 4.050334609928541e-05),
    DOUBLE: (0.0, 0.6366197723675875, 0.10277260330153737, -0.019128446998670633, -0.00020919478033637752,
             0.001696207079614562, -0.0005901292886358848, 2.589274365816493e-05, 6.445268244282007e-05,
             -2.9642205319702793e-05, 3.2755632893157224e-06, 3.0010428028088807e-06, -1.9070405240159195e-06,
             4.681379928297212e-07, 5.30303739453564e-08, -9.85865118070809e-08, 4.796102899492666e-08,
             -1.5121687806878183e-08, 3.478913864354737e-09, -6.003341567216606e-10, 7.728317761995461e-11,
             -7.212113856580333e-12, 4.604643954912263e-13, -1.7936083697547667e-14, 3.1980182520510167e-16),
}  # fmt: skip
# e^(a²)·erfc(a) = t·P(t - ERFC_CENTRE), t = c/(a + c), 0 ≤ a ≤ ERFC_LIMIT; there erfc rounds to zero. Error 1.2e-8 and 6.1e-17.
# Powers of t itself would add up rounding errors near t = 1.
ERFC_LIMIT = {SINGLE: 10.1, DOUBLE: 27.3}
ERFC_SCALE = {SINGLE: 3.0, DOUBLE: 4.0}
ERFC_CENTRE = {SINGLE: 0.5, DOUBLE: 0.375}
ERFC = {
    SINGLE: (0.35800230503082275, 0.5889297127723694, 0.786970317363739, 0.8279037475585938, 0.637528121471405,
             0.2864096462726593, -0.02692032977938652, -0.13175129890441895, -0.03640153259038925, 0.05049245432019234),
    DOUBLE: (0.22321819202394763, 0.3368347429874775, 0.46842404094438267, 0.5963390816783718, 0.6885652586065162,
             0.7114571606637855, 0.6442430123406174, 0.49321689639378496, 0.29625647733509936, 0.11080288348371467,
             -0.012090890716684021, -0.053576217440724855, -0.03485943936981029, 0.0003816633229463429, 0.01746787807459178,
             0.010468633400831689, -0.0055834193656351516, -0.0070118501883882495, 0.00440998678604417, -0.01039970074641123,
             0.020740731474929167, -0.015853549133228045, 0.00436861665557049),
}  # fmt: skip


def erf(fmt: Format, x: Expr) -> Expr:
    # erf a = 1 - e^-y, y = -log erfc a: one smooth function for every a, and near zero erf a ≈ y keeps the relative accuracy.
    a = at_most(absolute(x), ERF_LIMIT[fmt])
    y = fma(a, ERF_SLOPE[fmt], a * horner(a, ERF[fmt]))
    k, bits = round_exponent(y, fmt, -1.0 / math.log(2.0), fmt.bias)
    s = power_of_two(bits, fmt)
    e = expm1_reduced(fma(k, -LN2[fmt][0], -y), fmt)
    return copysign(fma(-s, e, 1.0 - s), x)


def erfc(fmt: Format, x: Expr) -> Expr:
    a = at_most(absolute(x), ERFC_LIMIT[fmt])
    c = ERFC_SCALE[fmt]
    total = a + c
    t = c / total
    p = horner(t - ERFC_CENTRE[fmt], ERFC[fmt])
    # t stands for a - δ; what its rounding took away comes back through erfcx' = 2a·erfcx - 2/√π.
    remainder = fma(-t, a - (total - c), fma(-t, total, c))
    delta = remainder * total * (-1.0 / c)
    g = fma(t, p, delta * fma(a + a, t * p, -2.0 / math.sqrt(math.pi)))
    square, rest = two_product(a, a)
    r, bits = reduce_exp(at_least(-square, EXP_RANGE[fmt][0]), fmt, 2 * fmt.bias)
    first, second = halves(bits, fmt)
    y = fma(g, expm1_reduced(r - rest, fmt), g) * first * second
    return select(x < 0.0, 2.0 - y, y)


# cbrt m on [2^-1.5, 2^1.5], to 1.9e-3, and (1 - (1 + c)^-⅓)/c for |c| ≤ 0.006, its Taylor series.
CBRT = (0.44355615973472595, 0.8984195590019226, -0.47393926978111267, 0.1533554494380951, -0.019556507468223572)
CBRT_STEP = (1 / 3, -2 / 9, 14 / 81, -35 / 243, 91 / 729, -728 / 6561)
CBRT_TERMS = {SINGLE: 3, DOUBLE: 6}


def cbrt(fmt: Format, x: Expr) -> Expr:
    a = absolute(x)
    e, m = normal_parts(a, fmt)
    q, bits = round_exponent(e, fmt, 1.0 / 3.0, fmt.bias)
    d = fma(q, -3.0, e)  # -1, 0 or 1, for which 1 + ¾d + ¼d² = 2^d
    m = m * fma(fma(d, 0.25, 0.75), d, 1.0)
    y = horner(m, CBRT)
    # y³ = m·(1 + c), so the root is y·(1 + c)^-⅓.
    c = fma(y * y * y, 1.0 / m, -1.0)
    y = fma(y * c, -horner(c, CBRT_STEP[: CBRT_TERMS[fmt]]), y)
    y = select(op("eq", a, 0.0), 0.0, select(a < math.inf, y * power_of_two(bits, fmt), a))
    return copysign(y, x)


def hypot(fmt: Format, x: Expr, y: Expr) -> Expr:
    a, b = absolute(x), absolute(y)
    if fmt is SINGLE:  # squares of float32 neither overflow nor round in float64
        wide, other = convert(a, DOUBLE.dtype), convert(b, DOUBLE.dtype)
        root = convert(op("sqrt", wide * wide + other * other), fmt.dtype)
    else:
        # One step of Newton's on the square root of the sum, with what rounding took from it: nearly always the nearest float,
        # as of newer C libraries, so that `abs(z) <= 2` decides as theirs does.
        large, small = select(a > b, a, b), select(a > b, b, a)
        aa, bb = large * large, small * small
        total = aa + bb
        lost = fma(large, large, -aa) + fma(small, small, -bb) + ((aa - total) + bb)
        root = op("sqrt", total)
        near = root + (fma(-root, root, total) + lost) / (root + root)
        fits = (total > 2.0**-900) & (total < 2.0**1000)
        root = select(fits, near, root)
    result = select(op("eq", a, math.inf) | op("eq", b, math.inf), math.inf, root)
    return result if fmt is SINGLE else Rescue(~fits & (large > 0.0) & (large < math.inf), result, "hypot", (x, y))


def nextafter(fmt: Format, x: Expr, y: Expr) -> Expr:
    # Adjacent floats of one sign have adjacent bits; away from zero is up.
    outward = op("eq", x < y, x > 0.0)
    one = fmt.integer(1)
    stepped = fmt.real(fmt.bits(x) + select(outward, one, fmt.integer(-1)))
    stepped = select(op("eq", x, 0.0), copysign(fmt.real(one), y), stepped)
    return select(op("isnan", x) | op("isnan", y), x + y, select(op("eq", x, y), y, stepped))


EXPANSIONS: dict[str, Callable[..., Expr]] = {
    "erf": erf, "erfc": erfc, "cbrt": cbrt, "hypot": hypot, "nextafter": nextafter,
}  # fmt: skip
