"""What the words of a random stream become: uniform numbers, logarithms, normal quantiles, counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend.calls import bind
from hybrid.frontend.elementwise import NAMES, cast, where
from hybrid.ops import elementwise as e

HALF = 1 << 32

# Wichura's AS 241 (Applied Statistics 37, 1988), the normal quantile as quotients of polynomials: numerator and denominator
# near the middle in 0.180625 - q², in the tails in √(-log p) - 1.6, and far out in √(-log p) - 5. Relative error 1e-16, 1e-7.
_MIDDLE = {
    dt.float64: ((3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
                  4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
                 (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
                  3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3)),
    dt.float32: ((3.3871327179e0, 5.0434271938e1, 1.5929113202e2, 5.9109374720e1),
                 (1.0, 1.7895169469e1, 7.8757757664e1, 6.7187563600e1)),
}  # fmt: skip
_TAIL = {
    dt.float64: ((1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
                  1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
                 (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
                  1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9)),
    dt.float32: ((1.4234372777e0, 2.7568153900e0, 1.3067284816e0, 1.7023821103e-1), (1.0, 7.3700164250e-1, 1.2021132975e-1)),
}  # fmt: skip
_FAR = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip
# fdlibm's logarithm: x = m·2^k with m in [√½, √2), log m from s = (m - 1)/(m + 1), log 2 in two parts. Below one ulp.
_LOG = {
    dt.float64: (6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
                 1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01),
    dt.float32: (0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841),
}  # fmt: skip
_LN2 = {dt.float64: (6.93147180369123816490e-01, 1.90821492927058770002e-10), dt.float32: (6.9313812256e-01, 9.0580006145e-06)}
_WORDS = {dt.float64: (dt.uint64, 52, 1023, 0x3FE6A09E00000000), dt.float32: (dt.uint32, 23, 127, 0x3F3504F3)}


def unit(words: Any, dtype: np.dtype) -> Any:
    """[0, 1) from the highest bits."""
    return cast(words >> 11, dtype) * 2.0**-53 if dtype == dt.float64 else cast(cast(words >> 40, dt.uint32), dtype) * 2.0**-24


def inner(words: Any, dtype: np.dtype) -> Any:
    """(0, 1), in the middle of steps of 2⁻⁵²; in float32 of 2⁻³², where it is rounded up to 1 at most."""
    if dtype == dt.float64:
        return (cast(words >> 12, dtype) + 0.5) * 2.0**-52
    return (cast(cast(words >> 32, dt.uint32), dtype) + 0.5) * 2.0**-32


def log(x: Any, dtype: np.dtype) -> Any:
    """The logarithm of normal positive numbers."""
    word, fraction, bias, root = _WORDS[dtype]
    c, (high, low) = _LOG[dtype], _LN2[dtype]
    bits = bind(e.bitcast, x, dtype=word) + ((bias << fraction) - root)
    k = cast(bits >> fraction, dtype) - float(bias)
    f = bind(e.bitcast, (bits & ((1 << fraction) - 1)) + root, dtype=dtype) - 1.0
    half, s = 0.5 * f * f, f / (2.0 + f)
    z = s * s
    w = z * z
    rest = w * _polynomial(w, c[1::2]) + z * _polynomial(w, c[0::2])
    return s * (half + rest) + k * low - half + f + k * high


def normal(words: Any, dtype: np.dtype) -> Any:
    """The normal quantile: the sign is the highest bit, how far out the others say."""
    p = inner(words << 1, dtype) * 0.5
    q = 0.5 - p
    near = 0.180625 - q * q
    r = NAMES["sqrt"](-log(p, dtype))
    above, below = (_polynomial(near, c) for c in _MIDDLE[dtype])
    out = [_polynomial(r - 1.6, c) for c in _TAIL[dtype]]
    if dtype == dt.float64:  # float32 ends at √(34·log 2) < 5
        far = [_polynomial(r - 5.0, c) for c in _FAR]
        out = [where(r <= 5.0, a, b) for a, b in zip(out, far)]
    middle = q <= 0.425
    size = where(middle, q * above, out[0]) / where(middle, below, out[1])
    return where(words >> 63 == 0, size, -size)


def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    y: Any = coefficients[-1]
    for c in coefficients[-2::-1]:
        y = y * x + c
    return y


def counts(word: Any, n: Any) -> Any:
    """⌊word·n/2⁶⁴⌋ for n < 2³²."""
    return ((word >> 32) * n + ((word & (HALF - 1)) * n >> 32)) >> 32


def _high(a: Any, b: Any) -> Any:
    """⌊a·b/2⁶⁴⌋, by halves."""
    a1, a0, b1, b0 = a >> 32, a & (HALF - 1), b >> 32, b & (HALF - 1)
    left, right = a1 * b0, a0 * b1
    middle = (a0 * b0 >> 32) + (left & (HALF - 1)) + (right & (HALF - 1))
    return a1 * b1 + (left >> 32) + (right >> 32) + (middle >> 32)


def counts_wide(first: Any, second: Any, n: Any) -> Any:
    """⌊(first·2⁶⁴ + second)·n/2¹²⁸⌋."""
    low, more = first * n, _high(second, n)
    return _high(first, n) + cast(low + more < low, dt.uint64)
