"""The elementwise functions under the names users import: NumPy's, and the array-API standard's."""

from __future__ import annotations

from hybrid.frontend import compositions
from hybrid.frontend.elementwise import NAMES

# Arithmetic
add, subtract, multiply, divide, true_divide = (NAMES[n] for n in ("add", "subtract", "multiply", "divide", "true_divide"))
floor_divide, remainder, mod, fmod = (NAMES[n] for n in ("floor_divide", "remainder", "mod", "fmod"))
power, pow, float_power, square, sqrt, cbrt = (NAMES[n] for n in ("power", "pow", "float_power", "square", "sqrt", "cbrt"))
negative, positive, absolute, abs, fabs = (NAMES[n] for n in ("negative", "positive", "absolute", "abs", "fabs"))
sign, signbit, copysign, nextafter = (NAMES[n] for n in ("sign", "signbit", "copysign", "nextafter"))
reciprocal, hypot, heaviside = (NAMES[n] for n in ("reciprocal", "hypot", "heaviside"))
maximum, minimum, fmax, fmin = (NAMES[n] for n in ("maximum", "minimum", "fmax", "fmin"))

# Rounding
floor, ceil, trunc, rint = (NAMES[n] for n in ("floor", "ceil", "trunc", "rint"))

# Exponentials, logarithms, trigonometry
exp, exp2, expm1 = (NAMES[n] for n in ("exp", "exp2", "expm1"))
log, log2, log10, log1p, logaddexp, logaddexp2 = (
    NAMES[n] for n in ("log", "log2", "log10", "log1p", "logaddexp", "logaddexp2")
)
sin, cos, tan, arcsin, arccos, arctan, arctan2 = (
    NAMES[n] for n in ("sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2")
)
sinh, cosh, tanh, arcsinh, arccosh, arctanh = (NAMES[n] for n in ("sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"))
deg2rad, rad2deg, radians, degrees = (NAMES[n] for n in ("deg2rad", "rad2deg", "radians", "degrees"))
asin, acos, atan, atan2, asinh, acosh, atanh = arcsin, arccos, arctan, arctan2, arcsinh, arccosh, arctanh

# Special functions
erf, erfc, sigmoid, gammaln = compositions.erf, compositions.erfc, compositions.sigmoid, compositions.gammaln
ndtr, logit, xlogy, xlog1py = compositions.ndtr, compositions.logit, compositions.xlogy, compositions.xlog1py

# Comparisons, truth, bits
equal, not_equal, less, less_equal = (NAMES[n] for n in ("equal", "not_equal", "less", "less_equal"))
greater, greater_equal = NAMES["greater"], NAMES["greater_equal"]
isnan, isinf, isfinite = (NAMES[n] for n in ("isnan", "isinf", "isfinite"))
logical_and, logical_or, logical_xor, logical_not = (NAMES[f"logical_{n}"] for n in ("and", "or", "xor", "not"))
bitwise_and, bitwise_or, bitwise_xor, invert = (NAMES[n] for n in ("bitwise_and", "bitwise_or", "bitwise_xor", "invert"))
left_shift, right_shift = NAMES["left_shift"], NAMES["right_shift"]
bitwise_invert, bitwise_not, bitwise_left_shift, bitwise_right_shift = invert, invert, left_shift, right_shift

# Complex numbers
conj = conjugate = NAMES["conjugate"]
