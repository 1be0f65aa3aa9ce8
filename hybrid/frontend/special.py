"""Functions of SciPy's special module that compositions give: ufuncs by their names, and sums of exponentials.

Formulas and the ranges in which they hold are those of SciPy's own code (xsf, convex_analysis, cephes).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.scipyspecial import SIGNATURES, available
from hybrid.frontend import activations, bits, hosted
from hybrid.frontend import ufuncs as u
from hybrid.frontend.calls import unsupported
from hybrid.frontend.compositions import SPECIAL, scipy_loop
from hybrid.frontend.elementwise import Elementwise, apply, cast, same, select
from hybrid.frontend.reductions import max as highest
from hybrid.frontend.reductions import sum as total
from hybrid.frontend.shaping import as_array, broadcast_to, squeeze
from hybrid.frontend.uncertain import is_uncertain
from hybrid.frontend.values import active, assembled, broadcast_shapes, dtype_of, shape_of, strong
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e
from hybrid.ops.special import special

LARGEST_POWER_OF_TEN = 308.2547155599167  # beyond it SciPy's exp10 is infinite, and below its opposite zero
LARGEST_EXPONENT = 709.78  # of e, above which expm1 overflows


# Those whose loop for float32 comes first, and takes all that fits into it; the others take that for float32 alone.
_SHORT_FIRST = ("boxcox", "entr", "huber", "inv_boxcox", "kl_div", "pseudo_huber", "rel_entr")


def _short_first(operands: tuple) -> np.dtype:
    dtype = same(operands)
    if dt.is_complex(dtype) or dtype == dt.bfloat16:
        raise unsupported(f"scipy.special of {dtype}")
    return dt.float32 if np.can_cast(dtype, dt.float32, "safe") else dt.float64


def _function(name: str, wide: bool = True) -> Callable[[Callable], Callable]:
    """Enter a composition as one of SciPy's ufuncs, most of which compute in float64 whatever they are given."""

    def entered(body: Callable) -> Callable:
        def call(*arrays: Any) -> Any:
            import scipy.special

            return getattr(scipy.special, name)(*arrays)

        def widened(*xs: Any) -> Any:
            return cast(body(*(cast(x, np.float64) for x in xs)), xs[0].dtype)

        promotion = _short_first if name in _SHORT_FIRST else scipy_loop
        SPECIAL[name] = Elementwise(name, call, promotion, widened if wide else body)
        return body

    return entered


def _size(x: Any) -> Any:
    return apply(e.abs, x)


def _safe(condition: Any, x: Any, otherwise: float = 1.0) -> Any:
    """x where a condition holds: elsewhere a number at which nothing goes wrong, derivatives included."""
    return select(condition, x, otherwise)


# Exponentials and powers ------------------------------------------------------------------------------------------------
for _name in ("cbrt", "exp2", "expm1", "log1p"):
    _function(_name, wide=False)(getattr(u, _name))


@_function("exp10")
def exp10(x: Any) -> Any:
    y = select(x > LARGEST_POWER_OF_TEN, math.inf, apply(e.pow, cast(select(x == x, 10.0, 10.0), x.dtype), x))
    return select(x < -LARGEST_POWER_OF_TEN, 0.0, y)


@_function("cosm1")
def cosm1(x: Any) -> Any:
    half = u.sin(0.5 * x)
    return select(_size(x) > math.pi / 4, u.cos(x) - 1, -2 * half * half)


@_function("exprel")
def exprel(x: Any) -> Any:
    small, far = _size(x) < 1e-16, x > 717
    plain = ~(small | far)
    return select(small, 1.0, select(far, math.inf, u.expm1(_safe(plain, x)) / _safe(plain, x)))


@_function("log_expit", wide=False)
def log_expit(x: Any) -> Any:
    return u.minimum(x, 0) - u.log1p(u.exp(-_size(x)))


@_function("boxcox")
def boxcox(x: Any, power: Any) -> Any:
    flat, line = _size(power) < 1e-19, u.log(x)
    by = _safe(~flat, power)
    far = by * line >= LARGEST_EXPONENT
    near = u.expm1(_safe(~far, by * line, 0.0)) / by
    beyond = u.sign(by) * u.exp(_safe(far, by * line - u.log(_size(by)), 0.0)) - 1 / by
    return select(flat, line, select(far, beyond, near))


@_function("inv_boxcox")
def inv_boxcox(x: Any, power: Any) -> Any:
    flat = power == 0
    by = _safe(~flat, power)
    near = by * x < float(np.finfo(np.float64).max)
    plain = u.exp(u.log1p(_safe(near, by * x)) / by)
    beyond = u.exp((u.log(u.sign(by) * (_safe(~near, x) + 1 / by)) + u.log(_size(by))) / by)
    return select(flat, u.exp(x), select(near, plain, beyond))


# Entropies and losses ---------------------------------------------------------------------------------------------------
@_function("entr")
def entr(x: Any) -> Any:
    return select(x == 0, 0.0, select(x < 0, -math.inf, -x * u.log(_safe(x > 0, x))))


@_function("rel_entr")
def rel_entr(x: Any, y: Any) -> Any:
    return _divergence(x, y, _times_log_ratio, 0.0)


@_function("kl_div")
def kl_div(x: Any, y: Any) -> Any:
    return _divergence(x, y, lambda x, y: x * u.log(x / y) - x + y, y)


def _divergence(x: Any, y: Any, inside: Callable, at_zero: Any) -> Any:
    both = (x > 0) & (y > 0)
    edge = select((x == 0) & (y >= 0), at_zero, math.inf)
    unknown = u.isnan(x) | u.isnan(y)
    return select(unknown, x + y, select(both, inside(_safe(both, x), _safe(both, y)), edge))


def _times_log_ratio(x: Any, y: Any) -> Any:
    """x log(x / y): near 1 from the difference, and from both logarithms where the quotient is no normal number."""
    ratio = x / y
    near, plain = (ratio > 0.5) & (ratio < 2), (ratio > float(np.finfo(x.dtype).tiny)) & (ratio < math.inf)
    apart = x * (u.log(x) - u.log(y))
    return select(near, x * u.log1p((x - y) / y), select(plain, x * u.log(_safe(plain, ratio)), apart))


@_function("huber")
def huber(delta: Any, r: Any) -> Any:
    size = _size(r)
    return select(delta < 0, math.inf, select(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta)))


@_function("pseudo_huber")
def pseudo_huber(delta: Any, r: Any) -> Any:
    part = r / _safe(delta != 0, delta)
    loss = delta * delta * u.expm1(0.5 * u.log1p(part * part))
    return select(delta < 0, math.inf, select((delta == 0) | (r == 0), 0.0, loss))


# SciPy's own functions of C ---------------------------------------------------------------------------------------------
_KINDS = {"f": dt.float32, "d": dt.float64, "l": dt.int64}


class _OfC(Elementwise):
    """A ufunc whose loops machine code calls as they are: bit for bit what SciPy gives."""

    def __init__(self, name: str):
        def call(*arrays: Any) -> Any:
            import scipy.special

            return getattr(scipy.special, name)(*arrays)

        call.nin = len(SIGNATURES[name][0])  # type: ignore[attr-defined]
        super().__init__(name, call, lambda operands: self.loop(operands)[1], e.neg)

    def record(self, trace: Trace, operands: tuple, *, dtype: np.dtype | None = None, python: bool = False) -> Any:
        operands = tuple(assembled(trace, x) for x in operands)
        if dtype is not None or any(map(is_uncertain, operands)):
            raise unsupported(f"scipy.special.{self.name} of these arguments")
        signature, dtype = self.loop(operands)

        def body(*xs: Any) -> Any:
            if self.name != "erfinv":
                return apply(special, *xs, function=self.name, signature=signature)
            (x,) = xs
            inside = _size(x) < 1
            y = apply(special, _safe(inside, x, 0.0), function="erfinv", signature="d")
            return select(x == 1, math.inf, select(x == -1, -math.inf, select(inside, y, math.nan)))

        return Elementwise(self.name, self.ufunc, lambda operands: dtype, body).record(trace, operands)

    def loop(self, operands: tuple) -> tuple[str, np.dtype]:
        """The signature of the loop that the ufunc takes, and the dtype of what it computes."""
        import scipy.special

        if any(doing != "ignore" for error, doing in scipy.special.geterr().items() if error != "memory"):
            raise unsupported(f"scipy.special.{self.name} where scipy.special.seterr asks for errors")
        given = tuple(dt.bool_ if (own := dtype_of(x)) is bool else own for x in operands)
        types = getattr(scipy.special, self.name).resolve_dtypes((*given, None))
        letters = "".join(next((letter for letter, own in _KINDS.items() if own == type), "?") for type in types)
        signature, dtype = letters[:-1].replace("f", "d"), types[-1]
        known = signature in SIGNATURES[self.name] and len(set(letters) - {"l"}) == 1
        if not known or not available(self.name, signature, dtype):
            raise unsupported(f"scipy.special.{self.name} of {', '.join(map(str, given))}")
        return signature, dtype


for _name in SIGNATURES:
    SPECIAL[_name] = _OfC(_name)


# Counts -----------------------------------------------------------------------------------------------------------------
def _composed(name: str) -> Callable[[Callable], Callable]:
    """Enter a composition as one of SciPy's functions."""

    def entered(body: Callable) -> Callable:
        hosted.COMPOSED[f"scipy.special.{name}"] = body
        return body

    return entered


@_composed("comb")
def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    N, k = (as_array(assembled(active(), x)) for x in (N, k))
    if exact or repetition or not (shape_of(N) or shape_of(k)):
        raise unsupported("scipy.special.comb of numbers, exact, or with repetition")
    there = (k <= N) & (N >= 0) & (k >= 0)
    return select(there, SPECIAL["binom"](N, k), 0.0)


@_composed("factorial")
def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    n = as_array(assembled(active(), n))
    if exact or extend != "zero" or strong(n) not in (dt.int32, dt.int64, dt.float64) or not shape_of(n) or 0 in shape_of(n):
        raise unsupported(f"scipy.special.factorial of {strong(n)}{list(shape_of(n))}")
    there = n >= 0
    return select(there, SPECIAL["gamma"](_safe(there, n, 0) + 1), select(n == n, 0.0, math.nan))


# Bessel's functions -----------------------------------------------------------------------------------------------------
@_function("i0e")
def i0e(x: Any) -> Any:
    return bits.scaled_bessel(_size(x))


# Sums of exponentials ---------------------------------------------------------------------------------------------------
def _floats(x: Any, name: str) -> Any:
    x = as_array(assembled(active(), x))
    if strong(x) not in (dt.float32, dt.float64) or not shape_of(x) or 0 in shape_of(x):
        raise unsupported(f"scipy.special.{name} of {strong(x)}{list(shape_of(x))}")
    return x


@_composed("softmax")
def softmax(x: Any, axis: Any = None) -> Any:
    x = _floats(x, "softmax")
    return activations.softmax(x, tuple(range(len(shape_of(x)))) if axis is None else axis)


@_composed("log_softmax")
def log_softmax(x: Any, axis: Any = None) -> Any:
    x = _floats(x, "log_softmax")
    axes = tuple(range(len(shape_of(x)))) if axis is None else axis
    shifted = x - activations.peak(x, axes)
    return shifted - u.log(total(u.exp(shifted), axes, keepdims=True))


@_composed("logsumexp")
def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    x = _floats(a, "logsumexp")
    if return_sign:
        raise unsupported("scipy.special.logsumexp with signs")
    return activations.logsumexp(x, axis, keepdims) if b is None else _weighted(x, b, axis, keepdims)


def _weighted(x: Any, b: Any, axis: Any, keepdims: bool) -> Any:
    """log Σ b e^x, the greatest terms apart from the rest, as SciPy sums: Σ = m (1 + s) e^top; NaN where it is negative."""
    b = as_array(assembled(active(), b))
    if dt.KIND[strong(b)] not in "iuf" or strong(b) == dt.float16 or not (shape_of(b) or strong(x) == dt.float64):
        raise unsupported(f"scipy.special.logsumexp with factors {strong(b)}")
    dtype = dt.promote(strong(x), strong(b) if dt.is_float(strong(b)) else dt.float64)
    shape = broadcast_shapes(shape_of(x), shape_of(b))
    x, b = (broadcast_to(cast(part, dtype), shape) for part in (x, b))
    axes = tuple(range(len(shape))) if axis is None else axis
    raw = u.log(total(b * u.exp(x), axes, keepdims=keepdims))
    x = select(b == 0, -math.inf, x)
    top = highest(x, axes, keepdims=True)
    most = x == top
    m = total(select(most, b, 0), axes, keepdims=True)
    s = total(select(most, 0, b * u.exp(x - top)), axes, keepdims=True)
    s = select(s == 0, s, s / m)
    negative = (u.sign(s + 1) * u.sign(m)) < 0
    out = u.log1p(select(s < -1, -s - 2, s)) + u.log(u.absolute(m)) + top
    out = select(negative, math.nan, out)
    out = out if keepdims else squeeze(out, axes)
    return select(u.isfinite(out), out, raw)
