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

# What they say of themselves: by name what is computed, arguments of a call and what it gives. ---------------------------
_SAID = {
    # Arithmetic
    "add": ("x + y.", "[1, 2], 3", "array([4, 5])"),
    "subtract": ("x - y.", "[1, 2], 3", "array([-2, -1])"),
    "multiply": ("x·y.", "[1, 2], 3", "array([3, 6])"),
    "true_divide": ("x / y; integers are divided in float64.", "[1, 2], 4", "array([0.25, 0.5 ])"),
    "floor_divide": ("⌊x / y⌋. Integers divided by zero give 0, with a RuntimeWarning.", "[7, -7], 2", "array([ 3, -4])"),
    "remainder": ("x - ⌊x / y⌋·y, with the sign of y.", "[7, -7], 3", "array([1, 2])"),
    "fmod": ("The remainder of C, with the sign of x.", "[7, -7], 3", "array([ 1, -1])"),
    "power": ("x to the power y. Integers to a negative one raise ValueError.", "[2, 3], 2", "array([4, 9])"),
    "float_power": ("x to the power y, in float64 or complex128.", "[2, 3], -1", "array([0.5       , 0.33333333])"),
    "square": ("x·x.", "[1, -3]", "array([1, 9])"),
    "sqrt": ("The square root; NaN of negative numbers, with a RuntimeWarning.", "[4.0, 9.0]", "array([2., 3.])"),
    "cbrt": ("The cube root, of negative numbers too.", "[27.0, -8.0]", "array([ 3., -2.])"),
    "negative": ("-x.", "[1, -2]", "array([-1,  2])"),
    "positive": ("+x, a copy.", "[1, -2]", "array([ 1, -2])"),
    "absolute": ("abs(x); of complex numbers the modulus, a float.", "[-1, 2]", "array([1, 2])"),
    "fabs": ("abs(x), as a float.", "[-1, 2]", "array([1., 2.])"),
    "sign": ("-1, 0 or 1; of complex numbers x / abs(x).", "[-3.0, 0.0, 2.0]", "array([-1.,  0.,  1.])"),
    "signbit": ("Whether the sign bit is set, which -0.0 has.", "[-0.0, 1.0]", "array([ True, False])"),
    "copysign": ("x with the sign of y.", "[1.0, 2.0], -0.0", "array([-1., -2.])"),
    "nextafter": ("The next float after x on the way to y.", "0.0, 1.0", "np.float64(5e-324)"),
    "reciprocal": ("1 / x; of integers cut to an integer.", "[2.0, 4.0]", "array([0.5 , 0.25])"),
    "hypot": ("√(x² + y²), without overflow.", "3.0, 4.0", "np.float64(5.0)"),
    "heaviside": ("0 where x < 0, y where x = 0, 1 where x > 0.", "[-1.0, 0.0, 2.0], 0.5", "array([0. , 0.5, 1. ])"),
    "maximum": ("The larger of x and y; NaN where either is.", "[1.0, np.nan], 0.0", "array([ 1., nan])"),
    "minimum": ("The smaller of x and y; NaN where either is.", "[1.0, np.nan], 2.0", "array([ 1., nan])"),
    "fmax": ("The larger of x and y; NaN only where both are.", "[1.0, np.nan], 0.0", "array([1., 0.])"),
    "fmin": ("The smaller of x and y; NaN only where both are.", "[1.0, np.nan], 2.0", "array([1., 2.])"),
    # Rounding
    "floor": ("The largest integer that is not above x, in its dtype.", "[1.5, -1.5]", "array([ 1., -2.])"),
    "ceil": ("The smallest integer that is not below x, in its dtype.", "[1.5, -1.5]", "array([ 2., -1.])"),
    "trunc": ("x without its fraction, in its dtype.", "[1.5, -1.5]", "array([ 1., -1.])"),
    "rint": ("The nearest integer as a float, halves to even.", "[0.5, 1.5]", "array([0., 2.])"),
    # Exponentials, logarithms, trigonometry
    "exp": ("e^x.", "[0.0, -np.inf]", "array([1., 0.])"),
    "exp2": ("2^x.", "[3.0, -1.0]", "array([8. , 0.5])"),
    "expm1": ("e^x - 1 without cancellation near 0.", "[0.0, 1e-12]", "array([0.e+00, 1.e-12])"),
    "log": ("The natural logarithm; -inf of 0, NaN below, with a RuntimeWarning.", "[1.0, np.inf]", "array([ 0., inf])"),
    "log2": ("The logarithm to base 2.", "[8.0, 0.5]", "array([ 3., -1.])"),
    "log10": ("The logarithm to base 10.", "[100.0, 1.0]", "array([2., 0.])"),
    "log1p": ("log(1 + x) without cancellation near 0.", "[0.0, 1e-12]", "array([0.e+00, 1.e-12])"),
    "logaddexp": ("log(e^x + e^y) without overflow.", "-np.inf, 2.0", "np.float64(2.0)"),
    "logaddexp2": ("log2(2^x + 2^y) without overflow.", "3.0, 3.0", "np.float64(4.0)"),
    "sin": ("The sine of radians.", "[0.0, np.pi / 2]", "array([0., 1.])"),
    "cos": ("The cosine of radians.", "[0.0, np.pi]", "array([ 1., -1.])"),
    "tan": ("The tangent of radians.", "0.0", "np.float64(0.0)"),
    "arcsin": ("The angle in [-π/2, π/2] of this sine; NaN beyond [-1, 1].", "0.0", "np.float64(0.0)"),
    "arccos": ("The angle in [0, π] of this cosine; NaN beyond [-1, 1].", "1.0", "np.float64(0.0)"),
    "arctan": ("The angle in [-π/2, π/2] of this tangent.", "0.0", "np.float64(0.0)"),
    "arctan2": ("The angle in [-π, π] of the point with ordinate x and abscissa y.", "0.0, 1.0", "np.float64(0.0)"),
    "sinh": ("(e^x - e^-x) / 2.", "0.0", "np.float64(0.0)"),
    "cosh": ("(e^x + e^-x) / 2.", "0.0", "np.float64(1.0)"),
    "tanh": ("sinh(x) / cosh(x).", "[0.0, np.inf]", "array([0., 1.])"),
    "arcsinh": ("log(x + √(x² + 1)).", "0.0", "np.float64(0.0)"),
    "arccosh": ("log(x + √(x² - 1)); NaN below 1.", "1.0", "np.float64(0.0)"),
    "arctanh": ("log((1 + x) / (1 - x)) / 2; NaN beyond [-1, 1].", "0.0", "np.float64(0.0)"),
    "deg2rad": ("x·π / 180.", "0.0", "np.float64(0.0)"),
    "radians": ("x·π / 180.", "0.0", "np.float64(0.0)"),
    "rad2deg": ("x·180 / π.", "np.pi", "np.float64(180.0)"),
    "degrees": ("x·180 / π.", "np.pi", "np.float64(180.0)"),
    # Special functions
    "erf": ("", "[0.0, np.inf]", "array([0., 1.])"),
    "erfc": ("", "[0.0, np.inf]", "array([1., 0.])"),
    "expit": ("", "[0.0, np.inf]", "array([0.5, 1. ])"),
    "gammaln": ("", "[1.0, 2.0]", "array([0., 0.])"),
    "ndtr": ("", "[0.0, np.inf]", "array([0.5, 1. ])"),
    "logit": ("", "0.5", "np.float64(0.0)"),
    "xlogy": ("", "0.0, 0.0", "np.float64(0.0)"),
    "xlog1py": ("", "0.0, -1.0", "np.float64(0.0)"),
    # Comparisons, truth, bits
    "equal": ("x == y.", "[1, 2], 2", "array([False,  True])"),
    "not_equal": ("x != y.", "[1, 2], 2", "array([ True, False])"),
    "less": ("x < y.", "[1, 2], 2", "array([ True, False])"),
    "less_equal": ("x <= y.", "[1, 2], 2", "array([ True,  True])"),
    "greater": ("x > y.", "[1, 2], 1", "array([False,  True])"),
    "greater_equal": ("x >= y.", "[1, 2], 2", "array([False,  True])"),
    "isnan": ("Whether x is NaN.", "[1.0, np.nan]", "array([False,  True])"),
    "isinf": ("Whether x is infinite.", "[1.0, -np.inf]", "array([False,  True])"),
    "isfinite": ("Whether x is neither infinite nor NaN.", "[1.0, np.nan]", "array([ True, False])"),
    "logical_and": ("Whether both are nonzero.", "[0, 2], [3, 4]", "array([False,  True])"),
    "logical_or": ("Whether one at least is nonzero.", "[0, 2], 0", "array([False,  True])"),
    "logical_xor": ("Whether just one is nonzero.", "[0, 2], 1", "array([ True, False])"),
    "logical_not": ("Whether x is zero.", "[0, 2]", "array([ True, False])"),
    "bitwise_and": ("The bits that both have; integers and booleans.", "6, 3", "np.int64(2)"),
    "bitwise_or": ("The bits that one at least has; integers and booleans.", "6, 3", "np.int64(7)"),
    "bitwise_xor": ("The bits that just one has; integers and booleans.", "6, 3", "np.int64(5)"),
    "invert": ("The bits that x has not; of booleans the opposite.", "[0, 5]", "array([-1, -6])"),
    "left_shift": ("x·2^y; integers only.", "3, 2", "np.int64(12)"),
    "right_shift": ("⌊x / 2^y⌋; integers only.", "-5, 1", "np.int64(-3)"),
    # Complex numbers
    "conjugate": ("The complex conjugate; real numbers are their own.", "[1 + 2j, 3]", "array([1.-2.j, 3.-0.j])"),
}
_CALLED = {"expit": "sigmoid", "true_divide": "divide"}
__test__ = {}  # for doctest, which does not look into objects that are no functions
for _name, (_what, _given, _result) in _SAID.items():
    _made = NAMES[_name]
    _made.__doc__ = f"{_what or _made.__doc__}\n\n>>> hy.{_CALLED.get(_name, _name)}({_given})\n{_result}"
    __test__[_name] = _made.__doc__
