"""Elementwise functions made of others: NumPy's and SciPy's ufuncs that the graph spells with primitives.

Bodies see traced tensors of the promoted dtype, so operators and Python constants keep that dtype.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.elementwise import (
    NAMES,
    Elementwise,
    Promotion,
    apply,
    arithmetic,
    cast,
    check_out,
    inexact,
    row,
    same,
    select,
)
from hybrid.frontend.values import (
    Value,
    active,
    allocated,
    dtype_of,
    header_of,
    kind_of,
    laid_out,
    like,
    result_kind,
    shape_of,
    strong,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.graph import Literal
from hybrid.ops import elementwise as e

# Repeated multiplication stays within 2 ULP up to this power; beyond it `pow` is more accurate.
COMPLEX_POWERS = 100  # whole exponents below this are products to NumPy, too
MAX_FLOAT_POWER = 4
EXPONENT_BITS = 6  # of an integer to a power that a run knows: beyond 2**63 no other number than 0 and ±1 fits 64 bits

maximum, minimum, copysign = NAMES["maximum"], NAMES["minimum"], NAMES["copysign"]
exp, exp2, log, log1p, sqrt, sin = (NAMES[name] for name in ("exp", "exp2", "log", "log1p", "sqrt", "sin"))


def _copy(x: Any) -> Any:
    # As ufuncs do, it makes a scalar of an array of rank 0.
    trace, data = active(), unwrap(x)
    return laid_out(trace.fresh(tr.read(data), result_kind((x,), data.type.shape)), allocated((x,)))


def _complex(x: Any) -> bool:
    return dt.is_complex(x.dtype)


def _float(x: Any) -> bool:
    return dt.is_float(x.dtype)


def _always(x: Any, value: bool) -> Any:
    """The same truth value for every element of x."""
    return select(x == x, value, value) if not dt.is_inexact(x.dtype) else select(apply(e.isnan, x), value, value)


# Signs and rounding ------------------------------------------------------------------------------------------------------
def _absolute(x: Any) -> Any:
    return apply(e.cabs, x) if _complex(x) else _copy(x) if x.dtype == dt.bool_ else apply(e.abs, x)


def _no_loop(name: str, x: Any, kinds: str) -> None:
    """Refuse a dtype of these kinds, as NumPy does where a ufunc has no loop for it."""
    if dt.KIND[x.dtype] in kinds:
        raise DTypeError(f"ufunc '{name}' did not contain a loop with signature matching types {x.dtype!r}")


def _only(name: str, refused: str, body: Callable) -> Callable:
    def checked(x: Any) -> Any:
        _no_loop(name, x, refused)
        return body(x)

    return checked


def _sign(x: Any) -> Any:
    _no_loop("sign", x, "b")
    if _complex(x):
        size, re, im = apply(e.cabs, x), x.real, x.imag
        endless, far = size == math.inf, apply(e.abs, re) == math.inf
        both = far & (apply(e.abs, im) == math.inf)
        ends = [select(far, select(re > 0, 1, -1), 0), select(far, 0, select(im > 0, 1, -1))]
        parts = [select(size == 0, 0, select(endless, select(both, math.nan, end), apply(e.div, part, size)))
                 for part, end in zip((re, im), ends)]  # fmt: skip
        nan = apply(e.isnan, size)
        return apply(e.complex_, *(cast(select(nan, math.nan, part), re.dtype) for part in parts))
    steps = select(x > 0, 1, 0 if dt.KIND[x.dtype] == "u" else select(x < 0, -1, 0))
    steps = cast(steps, x.dtype)
    return select(apply(e.isnan, x), x, steps) if _float(x) else steps


def _rounding(primitive: Any) -> Callable:
    # NumPy 2 leaves integers and booleans as they are.
    return _only(primitive.name, "c", lambda x: apply(primitive, x) if _float(x) else _copy(x))


def _reciprocal(x: Any) -> Any:
    # Of integers it is what C makes of a quotient that is a float.
    return 1 / x if dt.is_inexact(x.dtype) else cast(1.0 / cast(x, np.float64), x.dtype)


row("absolute", same, _absolute, np.absolute, "abs")
row("fabs", inexact, lambda x: apply(e.abs, x))
row("sign", same, _sign)
row("positive", same, _only("positive", "b", _copy))
row("square", arithmetic, lambda x: x * x)
row("reciprocal", arithmetic, _reciprocal)
row("floor", same, _rounding(e.floor))
row("ceil", same, _rounding(e.ceil))
row("trunc", same, _rounding(e.trunc))
row("rint", inexact, lambda x: apply(e.rint, x))
row("signbit", same, lambda x: copysign(1, x) < 0 if _float(x) else x < 0)
for _name in ("deg2rad", "radians"):
    row(_name, inexact, _only(_name, "c", lambda x: x * (math.pi / 180)))
for _name in ("rad2deg", "degrees"):
    row(_name, inexact, _only(_name, "c", lambda x: x * (180 / math.pi)))


@implements(np.round, np.around)
def round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """Rounded to the given decimals, halves to even; integers stay as they are.

    >>> hy.round([0.5, 1.5, 2.25]), hy.round(2.346, 2)
    (array([0., 2., 2.]), np.float64(2.35))
    """
    x, scale = traced(a), 10.0 ** abs(operator.index(decimals))
    if dt.is_integer(x.dtype) and decimals < 0 and out is None:
        tens = apply(e.rint, cast(x, np.float64) / scale) * scale
        limits = np.iinfo(x.dtype)
        if x.dtype.itemsize == 8:  # a float beyond them becomes no certain integer
            active().assume(tr.read(unwrap((apply(e.abs, tens) < 2.0**62).all())), "an integer rounded to tens is not large")
        elif limits.max < scale:
            raise unsupported("rounding integers to tens beyond them")
        return laid_out(cast(tens, x.dtype), like(x))
    if not dt.is_inexact(x.dtype) and decimals < 0:
        raise unsupported("rounding integers to tens", "convert to float first")
    if _complex(x):
        result = laid_out(apply(e.complex_, round(x.real, decimals), round(x.imag, decimals)), like(x))
    elif not _float(x):
        if x.dtype == dt.bool_ and decimals:
            raise DTypeError("rounding to decimals does not take booleans")
        result = _copy(x if x.dtype != dt.bool_ else cast(x, np.float16))
    elif decimals == 0:
        result = apply(e.rint, x)
    else:
        result = apply(e.rint, x * scale) / scale if decimals > 0 else apply(e.rint, x / scale) * scale
        header = header_of(x)
        laid_out(result, None if header is None else np.empty(header.shape, np.uint8, "F" if header.flags.fnc else "C"))
    if out is None:
        return result
    check_out(out, result)
    return NAMES["positive"](result, out=out)


# Classification ----------------------------------------------------------------------------------------------------------
def _is_nan(x: Any) -> Any:
    return apply(e.isnan, x) if dt.is_inexact(x.dtype) else _always(x, False)


def _is_inf(x: Any) -> Any:
    if _complex(x):
        return _is_inf(x.real) | _is_inf(x.imag)
    return apply(e.abs, x) == math.inf if _float(x) else _always(x, False)


def _is_finite(x: Any) -> Any:
    if _complex(x):
        return _is_finite(x.real) & _is_finite(x.imag)
    return apply(e.abs, x) < math.inf if _float(x) else _always(x, True)


row("isnan", same, _is_nan)
row("isinf", same, _is_inf)
row("isfinite", same, _is_finite)


# Division and powers -----------------------------------------------------------------------------------------------------
def _fmod(a: Any, b: Any) -> Any:
    """The remainder with the sign of the dividend."""
    if a.dtype in (dt.float16, dt.bfloat16):
        return cast(apply(e.fmod, cast(a, np.float32), cast(b, np.float32)), a.dtype)  # exact: |r| < |b|
    if _float(a):
        return apply(e.fmod, a, b)
    r = apply(e.mod, a, b)
    if dt.KIND[a.dtype] == "u":
        return r
    return select((r != 0) & ((a < 0) != (b < 0)), r - b, r)


def constant_of(x: Any) -> Any:
    """The number behind a tensor that is a literal of the graph, else None."""
    data = unwrap(x)
    atom = data.cell.value if type(data) is tr.Symbol and not data.chain else None
    return atom.value if isinstance(atom, Literal) else None


def _repeated(x: Any, n: int) -> Any:
    """xⁿ for n ≥ 1 by squaring."""
    result = None
    while n:
        if n & 1:
            result = x if result is None else result * x
        n >>= 1
        x = x * x if n else x
    return result


def _power(x: Any, y: Any) -> Any:
    n = constant_of(y)
    if _complex(x):
        small = n is not None and n.imag == 0 and abs(n.real) < COMPLEX_POWERS and float(n.real).is_integer()
        return _complex_power(x, int(n.real), y) if small else apply(e.pow, x, y)
    whole = n is not None and float(n).is_integer()
    if dt.is_integer(x.dtype):
        if n is None:
            return _integer_power(x, y)
        if n < 0:
            raise ValueError("Integers to negative integer powers are not allowed.")
        return _ones(x, y) if n == 0 else _copy(_repeated(x, int(n)))
    if whole and n == 0:
        return _ones(x, y)
    if whole and abs(n) <= MAX_FLOAT_POWER:
        return _copy(_repeated(x if n > 0 else 1 / x, abs(int(n))))
    return apply(e.pow, x, y)


def _integer_power(x: Any, y: Any) -> Any:
    """By squaring, bit by bit of the exponent, and modulo 2ⁿ as NumPy; negative and very large exponents are its own."""
    if kind_of(x) == kind_of(y) == "python":
        raise unsupported("an integer power whose exponent is known only at run time", "use floats, or a constant exponent")
    usual = (y >= 0) & (y < 1 << EXPONENT_BITS)
    active().assume(tr.read(unwrap(usual.all())), "an integer exponent is neither negative nor large")
    one, result = _ones(x, y), None
    for bit in range(EXPONENT_BITS):
        factor = select((y & (1 << bit)) != 0, x, one)
        result = factor if result is None else result * factor
        x = x * x
    return result


def _complex_power(x: Any, n: int, y: Any) -> Any:
    """xⁿ by products, as NumPy has it for such n."""
    if n == 0:
        return _ones(x, y)
    if 1 <= n <= 3:
        return _copy(x if n == 1 else x * x if n == 2 else x * (x * x))
    out = _ones(x, y)
    square, rest = x, abs(n)
    while rest:
        out = out * square if rest & 1 else out
        rest >>= 1
        square = square * square if rest else square
    return select(x == 0, complex(math.nan, math.nan), 1 / out) if n < 0 else out


def _ones(x: Any, y: Any) -> Any:
    return cast(_always(x, True), x.dtype)


def _root_power(x: Any, y: Any) -> Any:
    # To the power of one 0.5, NumPy takes square roots, which differ from the power at -0.0 and -inf.
    n = constant_of(y)
    if n is not None and n == 0.5:
        return apply(e.sqrt, x)
    if n is not None or not _float(x) or math.prod(y.shape) != 1 or (y.shape and math.prod(x.shape) == 1):
        return _power(x, y)
    return select((y == 0.5) & (x <= 0), apply(e.sqrt, x), apply(e.pow, x, y))


def _function_power(x: Any, y: Any) -> Any:
    # NumPy's loops take the short cut, except for half precision.
    return _root_power(x, y) if _ROOTS and x.dtype not in (dt.float16, dt.bfloat16) else _power(x, y)


def _operator_power(x: Any, y: Any) -> Any:
    # Python's and NumPy's numbers have no such short cut.
    return _power(x, y) if kind_of(x) == kind_of(y) == "scalar" else _root_power(x, y)


def _operator_dtype(operands: tuple) -> np.dtype:
    x, y = operands
    # Arrays are squared, and booleans are squared in int8.
    squared = type(y) is int and y == 2 and kind_of(x) in ("tensor", "ndarray")
    return arithmetic((x,)) if squared else arithmetic(operands)


def _float_power(operands: tuple) -> np.dtype:
    return dt.promote(dt.float64, same(operands))


row("floor_divide", arithmetic, e.floordiv)
row("remainder", arithmetic, e.mod, np.remainder, "mod")
row("fmod", arithmetic, _fmod)
_ROOTS = bool(np.signbit(np.power(np.full(2, -0.0), 0.5))[0])  # newer NumPys' np.power takes the root as `**` does
row("power", arithmetic, _function_power, np.power, "pow")
row("float_power", _float_power, _power)
python_power = Elementwise("power", operator.pow, _operator_dtype, _operator_power)


@implements(np.divmod)
def divmod_(x1: Any, x2: Any, /) -> tuple:
    """The floored quotient and its remainder."""
    return NAMES["floor_divide"](x1, x2), NAMES["remainder"](x1, x2)


@implements(np.modf)
def modf(x: Any, /) -> tuple:
    """The fractional and the integral part, both with the sign of x.

    >>> hy.modf([1.5, -2.25])
    (array([ 0.5 , -0.25]), array([ 1., -2.]))
    """
    x = cast(traced(x), inexact((x,)))
    whole = apply(e.trunc, x)
    return copysign(select(_is_inf(x), 0, x - whole), x), whole


# Extremes ----------------------------------------------------------------------------------------------------------------
def _fmax(a: Any, b: Any) -> Any:
    return select(apply(e.isnan, a), b, select(apply(e.isnan, b), a, maximum(a, b))) if _float(a) else maximum(a, b)


def _fmin(a: Any, b: Any) -> Any:
    return select(apply(e.isnan, a), b, select(apply(e.isnan, b), a, minimum(a, b))) if _float(a) else minimum(a, b)


row("fmax", same, _fmax)
row("fmin", same, _fmin)


def _clipped(x: Any, low: Any, high: Any) -> Any:
    """Of equal zeros, with numbers for limits, the element stays, and with arrays the limit comes."""
    if not _float(x):
        return minimum(maximum(x, low), high)
    if shape_of(low) or shape_of(high):
        raised = select((x > low) | apply(e.isnan, x), x, low)
        return select((raised < high) | apply(e.isnan, raised), raised, high)
    raised = select((x < low) | apply(e.isnan, low), low, x)
    return select((raised > high) | apply(e.isnan, high), high, raised)


_bounded = row("clip", same, _clipped, np._core.umath.clip)  # type: ignore[attr-defined]


def _limits(a: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """The limits without those Python integers that no element of an integer array can pass."""
    dtype = dtype_of(a) if isinstance(a, (Value, np.ndarray, np.generic)) else float
    if isinstance(dtype, np.dtype) and dt.is_integer(dtype):
        info = np.iinfo(dtype)
        low = None if type(low) is int and low <= info.min else low
        high = None if type(high) is int and high >= info.max else high
    return low, high


@implements(np.clip)
def clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None, **rest: Any
) -> Any:
    """The values limited to [a_min, a_max]; None leaves a side open.

    >>> hy.clip([1, 5, 9], 2, 6), hy.clip([1, 5, 9], None, 6)
    (array([2, 5, 6]), array([1, 5, 6]))
    """
    low, high = _limits(a, a_min if min is None else min, a_max if max is None else max)
    if low is None and high is None:
        return NAMES["positive"](a, out=out, **rest)
    if low is not None and high is not None:
        return _bounded(a, low, high, out=out, **rest)
    return maximum(a, low, out=out, **rest) if high is None else minimum(a, high, out=out, **rest)


# Logarithms of sums, and other smooth functions --------------------------------------------------------------------------
def _parted(a: Any, b: Any) -> tuple[Any, Any, Any]:
    """The greater operand, the other less it, and whether both are the same infinity. Smooth on either side of a = b."""
    above = a > b
    return select(above, a, b), select(above, b - a, a - b), (a == b) & (apply(e.abs, a) == math.inf)


def _logaddexp(a: Any, b: Any) -> Any:
    # max + log(1 + e^-|a-b|); equal infinities apart, so that they don't meet as inf - inf.
    top, below, infinite = _parted(a, b)
    return select(infinite, 0.5 * a + 0.5 * b, top + log1p(exp(below)))


def _logaddexp2(a: Any, b: Any) -> Any:
    top, below, infinite = _parted(a, b)
    return select(infinite, 0.5 * a + 0.5 * b, top + log1p(exp2(below)) * (1 / math.log(2.0)))


def _scaled_dtype(operands: tuple) -> np.dtype:
    x, n = operands
    if strong(n) == dt.uint64 or not (dt.is_integer(strong(n)) or strong(n) == dt.bool_):
        raise DTypeError("ufunc 'ldexp' takes an integer exponent", got=strong(n))
    if kind_of(x) == "python" and dt.is_integer(strong(x)):
        raise unsupported("np.ldexp of a Python integer")
    return inexact((x,))


def _heaviside(x: Any, at_zero: Any) -> Any:
    return select(x < 0, 0, select(x > 0, 1, select(x == 0, at_zero, x)))


row("logaddexp", inexact, _logaddexp)
row("logaddexp2", inexact, _logaddexp2)
row("heaviside", inexact, _heaviside)


def _scaled(x: Any, n: Any) -> Any:
    """x·2ⁿ, rounded once: in steps of which only the last can lose bits."""
    if x.dtype != dt.float64:  # exact in float64, and rounded to the narrow dtype
        return cast(cast(x, dt.float64) * _power_of_two(minimum(maximum(n, -500), 500)), x.dtype)
    y, n = x, minimum(maximum(n, -4000), 4000)
    for _ in range(2):
        y = select(n > 1023, y * 2.0**1023, select(n < -1022, y * 2.0**-969, y))
        n = select(n > 1023, n - 1023, select(n < -1022, n + 969, n))
    return y * _power_of_two(minimum(maximum(n, -1022), 1023))


def _power_of_two(n: Any) -> Any:
    """2ⁿ of integers from -1022 to 1023, from its bits."""
    bits = unwrap((cast(n, dt.int64) + 1023) << 52)
    return wrap(active().fresh(active().one(e.bitcast, tr.read(bits), dtype=dt.float64), bits.kind))


row("ldexp", _scaled_dtype, _scaled)


@implements(np.sinc)
def sinc(x: Any) -> Any:
    """sin(πx) / (πx), 1 at zero.

    >>> hy.sinc([0.0, 0.5])
    array([1.        , 0.63661977])
    """
    x = traced(x)
    x = x if dt.is_inexact(x.dtype) else cast(x, np.float64)
    y = math.pi * x
    square = y * y
    series = 1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72 * (1 - square / 110))))
    # The quotient's derivative is a difference of large numbers near zero.
    return select(apply(e.abs, y) < 0.1, series, sin(y) / select(y == 0, 1, y)) if not _complex(x) else _complex_sinc(y)


def _complex_sinc(y: Any) -> Any:
    y = select(y == 0, 1.0e-20, y)
    return sin(y) / y


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """NaN and infinities replaced by numbers: zero and the largest finite ones unless given.

    >>> hy.nan_to_num([np.nan, np.inf, 1.0], posinf=9.0)
    array([0., 9., 1.])
    """
    x = traced(x)
    if not copy and kind_of(x) in ("ndarray", "tensor"):
        made = NAMES["positive"](nan_to_num(x, True, nan, posinf, neginf), out=x)
        return made if isinstance(x, Value) else x
    if _complex(x):
        out = apply(e.complex_, *(nan_to_num(part, True, nan, posinf, neginf) for part in (x.real, x.imag)))
        return laid_out(out, like(x))
    if not _float(x):
        return _copy(x)
    info = np.finfo(x.dtype) if x.dtype != dt.bfloat16 else dt.ml_dtypes.finfo(x.dtype)
    top = float(info.max) if posinf is None else posinf
    bottom = float(info.min) if neginf is None else neginf
    out = select(apply(e.isnan, x), nan, select(x == math.inf, top, select(x == -math.inf, bottom, x)))
    return laid_out(out, like(x))


# Complex parts -----------------------------------------------------------------------------------------------------------
row("conjugate", arithmetic, lambda x: apply(e.conj, x) if _complex(x) else _copy(x), np.conjugate, "conj")


_INVERTIBLE = 1 / float(np.finfo(np.float64).max)


# scipy.special, known by the names of its ufuncs ---------------------------------------------------------------------------
def scipy_dtype(operands: tuple) -> np.dtype:
    # SciPy has float and double loops; narrow integers and half precision go to float32.
    dtype = dt.to_inexact(same(operands))
    return dt.float32 if dtype == dt.float16 else dtype


def _special(name: str, promotion: Promotion, body: Any, doc: str) -> Elementwise:
    """A function of scipy.special, imported at the first eager call."""

    def call(*arrays: Any) -> Any:
        import scipy.special

        if len(arrays) == 1 and type(arrays[0]) is np.ndarray and arrays[0].dtype.char in "fd":
            return getattr(scipy.special, name)(arrays[0])
        dtype = promotion(tuple(a if type(a) in (int, float, bool) else np.asarray(a) for a in arrays))
        wide = dt.float32 if dtype in (dt.float16, dt.bfloat16) else dtype
        return getattr(scipy.special, name)(*(np.asarray(a).astype(wide) for a in arrays)).astype(dtype)

    SPECIAL[name] = Elementwise(name, call, scipy_loop, body, doc)
    return row(name, promotion, body, call, doc=doc)


def scipy_loop(operands: tuple) -> np.dtype:
    """SciPy's ufuncs have a loop for float32 alone; everything else, Python numbers too, goes to float64."""
    dtype = same(operands)
    if dt.is_complex(dtype):
        raise unsupported("scipy.special of complex numbers")
    return dtype if all(dtype_of(x) == dt.float32 for x in operands) else dt.float64


SPECIAL: dict[str, Elementwise] = {}
erf = _special("erf", scipy_dtype, e.erf, "The error function, 2/√π ∫₀ˣ e^-t² dt.")
erfc = _special("erfc", scipy_dtype, e.erfc, "The complementary error function, 1 - erf(x) without cancellation.")
sigmoid = _special("expit", inexact, e.sigmoid, "The logistic function, 1 / (1 + e^-x).")
gammaln = _special("gammaln", scipy_dtype, lambda x: _lgamma(x), "The logarithm of |Γ(x)|.")
ndtr = _special("ndtr", scipy_dtype, lambda x: 0.5 * apply(e.erfc, x * -math.sqrt(0.5)), "The normal distribution function.")
logit = _special("logit", inexact, lambda x: log(x / (1 - x)), "The inverse of the logistic function.")


def _times_log(x: Any, y: Any, logarithm: Callable, end: float) -> Any:
    # Where the logarithm is finite the product is left alone, so that d/dx at x = 0 is the logarithm; -0.0 becomes 0.
    none = (y == end) if _complex(y) else (y <= end) | (y == math.inf)
    none = (x == 0) & none
    return select(none, 0, x * logarithm(select(none, 1, y)) + cast(select(x == 0, 0.0, -0.0), x.dtype))


xlogy = _special("xlogy", scipy_dtype, lambda x, y: _times_log(x, y, log, 0.0), "x·log(y), 0 where x is 0.")
xlog1py = _special("xlog1py", scipy_dtype, lambda x, y: _times_log(x, y, log1p, -1.0), "x·log(1+y), 0 at x = 0.")


def _lgamma(x: Any) -> Any:
    wide = cast(x, np.float32) if x.dtype == dt.bfloat16 else x
    # SciPy's gammaln is -inf at -inf, where C's lgamma is +inf, and inf where 1 / x is.
    y = select(wide == -math.inf, -math.inf, apply(e.lgamma, wide))
    if wide.dtype == dt.float64:
        y = select(apply(e.abs, wide) < _INVERTIBLE, math.inf, y)
    return cast(y, x.dtype)
