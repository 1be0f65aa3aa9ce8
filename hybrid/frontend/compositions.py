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
from hybrid.frontend.elementwise import (
    NAMES,
    Elementwise,
    Promotion,
    apply,
    arithmetic,
    cast,
    inexact,
    row,
    same,
    select,
)
from hybrid.frontend.values import active, implements, traced, unsupported, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Literal
from hybrid.ops import elementwise as e

# Repeated multiplication stays within 2 ULP up to this power; beyond it `pow` is more accurate.
MAX_FLOAT_POWER = 4

maximum, minimum, copysign = NAMES["maximum"], NAMES["minimum"], NAMES["copysign"]
exp, exp2, log, log1p, sqrt, sin = (NAMES[name] for name in ("exp", "exp2", "log", "log1p", "sqrt", "sin"))


def _copy(x: Any) -> Any:
    trace = active()
    return wrap(trace.fresh(tr.read(unwrap(x)), unwrap(x).kind))


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


def _sign(x: Any) -> Any:
    if _complex(x):
        size = apply(e.cabs, x)
        return select(size == 0, 0, x / size)
    steps = select(x > 0, 1, 0 if dt.KIND[x.dtype] == "u" else select(x < 0, -1, 0))
    steps = cast(steps, x.dtype)
    return select(apply(e.isnan, x), x, steps) if _float(x) else steps


def _rounding(primitive: Any) -> Callable:
    # NumPy 2 leaves integers and booleans as they are.
    return lambda x: apply(primitive, x) if _float(x) else _copy(x)


def _reciprocal(x: Any) -> Any:
    if not dt.is_inexact(x.dtype):
        raise unsupported("np.reciprocal of integers, undefined at zero,", "use 1 / x")
    return 1 / x


row("absolute", same, _absolute, np.absolute, "abs")
row("fabs", inexact, lambda x: apply(e.abs, x))
row("sign", same, _sign)
row("positive", same, _copy)
row("square", arithmetic, lambda x: x * x)
row("reciprocal", arithmetic, _reciprocal)
row("floor", same, _rounding(e.floor))
row("ceil", same, _rounding(e.ceil))
row("trunc", same, _rounding(e.trunc))
row("rint", inexact, lambda x: apply(e.rint, x))
row("signbit", same, lambda x: copysign(1, x) < 0 if _float(x) else x < 0)
row("deg2rad", inexact, lambda x: x * (math.pi / 180), np.deg2rad)
row("rad2deg", inexact, lambda x: x * (180 / math.pi), np.rad2deg)
row("radians", inexact, lambda x: x * (math.pi / 180))
row("degrees", inexact, lambda x: x * (180 / math.pi))


@implements(np.round, np.around)
def round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """Rounded to the given decimals, halves to even; integers stay as they are."""
    x, scale = traced(a), 10.0 ** abs(operator.index(decimals))
    if not dt.is_inexact(x.dtype) and decimals < 0:
        raise unsupported("rounding integers to tens", "convert to float first")
    if not _float(x):
        result = _copy(x) if x.dtype != dt.bool_ else cast(x, np.float16)
    elif decimals == 0:
        result = apply(e.rint, x)
    else:
        result = apply(e.rint, x * scale) / scale if decimals > 0 else apply(e.rint, x / scale) * scale
    return result if out is None else NAMES["positive"](result, out=out)


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
    whole = n is not None and not _complex(y) and float(n).is_integer()
    if dt.is_integer(x.dtype):
        if n is None:
            raise unsupported(
                "an integer power whose exponent is known only at run time", "use float arrays, or a constant exponent"
            )
        if n < 0:
            raise ValueError("Integers to negative integer powers are not allowed.")
        return _ones(x, y) if n == 0 else _copy(_repeated(x, int(n)))
    if whole and n == 0:
        return _ones(x, y)
    if whole and abs(n) <= MAX_FLOAT_POWER:
        return _copy(_repeated(x if n > 0 else 1 / x, abs(int(n))))
    return apply(e.pow, x, y)


def _ones(x: Any, y: Any) -> Any:
    return cast(_always(x, True), x.dtype)


def _root_power(x: Any, y: Any) -> Any:
    # Arrays `** 0.5` are square roots, which differ from the power at -0.0 and -inf.
    n = constant_of(y)
    return apply(e.sqrt, x) if n is not None and n == 0.5 else _power(x, y)


def _float_power(operands: tuple) -> np.dtype:
    return dt.promote(dt.float64, same(operands))


row("floor_divide", arithmetic, e.floordiv)
row("remainder", arithmetic, e.mod, np.remainder, "mod")
row("fmod", arithmetic, _fmod)
_ROOTS = bool(np.signbit(np.power(np.full(2, -0.0), 0.5))[0])  # newer NumPys' np.power takes the root as `**` does
row("power", arithmetic, _root_power if _ROOTS else _power, np.power, "pow")
row("float_power", _float_power, _power)
python_power = Elementwise("power", operator.pow, arithmetic, _root_power)


@implements(np.divmod)
def divmod_(x1: Any, x2: Any, /) -> tuple:
    """The floored quotient and its remainder."""
    return NAMES["floor_divide"](x1, x2), NAMES["remainder"](x1, x2)


@implements(np.modf)
def modf(x: Any, /) -> tuple:
    """The fractional and the integral part, both with the sign of x."""
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
_bounded = row("clip", same, lambda x, low, high: minimum(maximum(x, low), high), np._core.umath.clip)  # type: ignore[attr-defined]


@implements(np.clip)
def clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None, **rest: Any
) -> Any:
    """The values limited to [a_min, a_max]; None leaves a side open."""
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    if low is None and high is None:
        return NAMES["positive"](a, out=out, **rest)
    if low is not None and high is not None:
        return _bounded(a, low, high, out=out, **rest)
    return maximum(a, low, out=out, **rest) if high is None else minimum(a, high, out=out, **rest)


# Logarithms of sums, and other smooth functions --------------------------------------------------------------------------
def _logaddexp(a: Any, b: Any) -> Any:
    # max + log(1 + e^-|a-b|); equal operands apart, so that infinities don't meet as inf - inf.
    return select(a == b, a + math.log(2.0), maximum(a, b) + log1p(exp(-apply(e.abs, a - b))))


def _logaddexp2(a: Any, b: Any) -> Any:
    return select(a == b, a + 1, maximum(a, b) + log1p(exp2(-apply(e.abs, a - b))) * (1 / math.log(2.0)))


def _heaviside(x: Any, at_zero: Any) -> Any:
    return select(x < 0, 0, select(x > 0, 1, select(x == 0, at_zero, x)))


row("logaddexp", inexact, _logaddexp)
row("logaddexp2", inexact, _logaddexp2)
row("heaviside", inexact, _heaviside)
row("ldexp", lambda operands: inexact(operands[:1]), lambda x, n: x * exp2(n))


@implements(np.sinc)
def sinc(x: Any) -> Any:
    """sin(πx) / (πx), 1 at zero."""
    x = traced(x)
    x = cast(x, inexact((x,))) if not dt.is_integer(x.dtype) else cast(x, np.float64)
    y = math.pi * select(x == 0, 1.0e-20, x)
    return sin(y) / y


@implements(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """NaN and infinities replaced by numbers: zero and the largest finite ones unless given."""
    x = traced(x)
    if not copy or _complex(x):
        raise unsupported("np.nan_to_num in place or of complex numbers")
    if not _float(x):
        return _copy(x)
    info = np.finfo(x.dtype) if x.dtype != dt.bfloat16 else dt.ml_dtypes.finfo(x.dtype)
    top = float(info.max) if posinf is None else posinf
    bottom = float(info.min) if neginf is None else neginf
    return select(apply(e.isnan, x), nan, select(x == math.inf, top, select(x == -math.inf, bottom, x)))


# Complex parts -----------------------------------------------------------------------------------------------------------
row("conjugate", same, lambda x: apply(e.conj, x) if _complex(x) else _copy(x), np.conjugate, "conj")


@implements(np.real)
def real(val: Any) -> Any:
    """The real part; a real array is its own."""
    x = traced(val)
    return apply(e.real, x) if _complex(x) else x


@implements(np.imag)
def imag(val: Any) -> Any:
    """The imaginary part; zeros for a real array."""
    x = traced(val)
    return apply(e.imag, x) if _complex(x) else cast(_always(x, False), x.dtype)


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """The angle of complex numbers, in radians or degrees."""
    x = traced(z)
    phase = arctan2(imag(x), real(x))
    return phase * (180 / math.pi) if deg else phase


arctan2 = NAMES["arctan2"]


# scipy.special, known by the names of its ufuncs ---------------------------------------------------------------------------
def scipy_dtype(operands: tuple) -> np.dtype:
    # SciPy has float and double loops; narrow integers and half precision go to float32.
    dtype = dt.to_inexact(same(operands))
    return dt.float32 if dtype == dt.float16 else dtype


def _special(name: str, promotion: Promotion, body: Any, doc: str) -> Elementwise:
    """A function of scipy.special, imported at the first eager call."""

    def call(*arrays: Any) -> Any:
        import scipy.special

        dtype = promotion(tuple(a if type(a) in (int, float, bool) else np.asarray(a) for a in arrays))
        wide = dt.float32 if dtype in (dt.float16, dt.bfloat16) else dtype
        return np.asarray(getattr(scipy.special, name)(*(np.asarray(a).astype(wide) for a in arrays))).astype(dtype)

    made = row(name, promotion, body, call, doc=doc)
    SPECIAL[name] = made
    return made


SPECIAL: dict[str, Elementwise] = {}
erf = _special("erf", scipy_dtype, e.erf, "The error function, 2/√π ∫₀ˣ e^-t² dt.")
erfc = _special("erfc", scipy_dtype, e.erfc, "The complementary error function, 1 - erf(x) without cancellation.")
sigmoid = _special("expit", inexact, e.sigmoid, "The logistic function, 1 / (1 + e^-x).")
gammaln = _special("gammaln", scipy_dtype, lambda x: _lgamma(x), "The logarithm of |Γ(x)|.")
ndtr = _special("ndtr", scipy_dtype, lambda x: 0.5 * apply(e.erfc, x * -math.sqrt(0.5)), "The normal distribution function.")
logit = _special("logit", inexact, lambda x: log(x / (1 - x)), "The inverse of the logistic function.")
xlogy = _special(
    "xlogy", scipy_dtype, lambda x, y: select((x == 0) & ~apply(e.isnan, y), 0, x * log(y)), "x·log(y), 0 where x is 0."
)
xlog1py = _special(
    "xlog1py", scipy_dtype, lambda x, y: select((x == 0) & ~apply(e.isnan, y), 0, x * log1p(y)), "x·log(1+y), 0 at x = 0."
)


def _lgamma(x: Any) -> Any:
    wide = cast(x, np.float32) if x.dtype == dt.bfloat16 else x
    # SciPy's gammaln is -inf at -inf, where C's lgamma is +inf.
    return cast(select(wide == -math.inf, -math.inf, apply(e.lgamma, wide)), x.dtype)
