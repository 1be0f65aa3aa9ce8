"""Elementwise rows. Operands have one dtype and one shape (rank 0 goes with any); promotion and broadcasting come before."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import scipyspecial
from hybrid.core.errors import DTypeError
from hybrid.core.exact import exact_fma
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import NO_GRADIENT, ZERO_GRADIENT, Custom, Kind, Linear, Partials, Primitive, Sample, register
from hybrid.ops.family import (
    IN_FRONT,
    INEXACT,
    LOGICAL,
    NUMERIC,
    REAL,
    conjugate,
    draw,
    map_dtype,
    map_shape,
    mapping,
    real_only,
)

FLOATS = dt.FLOATS
LOG2, LOG10 = float(np.log(2.0)), float(np.log(10.0))
TWO_OVER_SQRT_PI = float(2 / np.sqrt(np.pi))
_ALL = (dt.bool_, *NUMERIC)


def _special(name: str):
    """A function of scipy.special, imported when first used: SciPy's import costs more than all of ours."""

    def call(*arrays: Any) -> Any:
        import scipy.special

        wide = [a.astype(np.float32) if a.dtype in (dt.float16, dt.bfloat16) else a for a in arrays]
        return np.asarray(getattr(scipy.special, name)(*wide))

    return call


def _lgamma(x: Any) -> Any:
    # As C's lgamma: +inf at -inf where SciPy says -inf, and -log|x| for subnormals where SciPy says inf.
    size = np.abs(x)
    return np.where(size < np.finfo(x.dtype).tiny, -np.log(size), np.where(size == np.inf, size, _special("gammaln")(x)))


def _fma(*operands: Any) -> np.ndarray:
    a, b, c = np.broadcast_arrays(*operands)
    return np.array([exact_fma(*x) for x in zip(a.flat, b.flat, c.flat)], a.dtype).reshape(a.shape)


def _shares(a: Any, b: Any, a_wins: Any, b_wins: Any) -> tuple:
    """The parts of an extreme's derivative: all, half where operands are equal, or none; a constant of the graph wins then."""
    if a.is_constant or b.is_constant:
        return a_wins.astype(a.dtype), b_wins.astype(a.dtype)
    half = 0.5 * (a == b).astype(a.dtype)
    return a_wins.astype(a.dtype) + half, b_wins.astype(a.dtype) + half


def _not_zero(y: Any) -> Any:
    return (y == 0).where(1, y)


def _power_of_base(a: Any, b: Any) -> Any:
    """b·aᵇ⁻¹, and 0 for an exponent of zero whatever the base."""
    still = b == 0
    return still.where(0, b * a ** still.where(1, b - 1))


def _power_of_exponent(y: Any, a: Any, b: Any) -> Any:
    """aᵇ·log a, and 0 for a base of zero with an exponent of at least zero."""
    flat = (a == 0) & (b.real >= 0)
    return flat.where(0, y * flat.where(1, a).log())


def _turned(a: Any, b: Any, r: Any) -> tuple:
    return b / r / r, -a / r / r


# Arithmetic.
add = mapping("add", 2, np.add, lambda y, a, b: (1, 1), dtypes=_ALL)
sub = mapping("sub", 2, np.subtract, lambda y, a, b: (1, -1), dtypes=NUMERIC)
mul = mapping("mul", 2, np.multiply, lambda y, a, b: (b, a), dtypes=_ALL)
div = mapping(
    "div",
    2,
    np.true_divide,
    lambda y, a, b: (1 / b, -y / b),
    dtypes=INEXACT,
    cost=4,
    domains=((-4, 4), (0.5, 4)),
    singular=True,
)
floordiv = mapping("floordiv", 2, np.floor_divide, ZERO_GRADIENT, dtypes=REAL, cost=20, domains=((-9, 9), (1, 4)))
# The quotient is constant between the jumps of a remainder, at which the derivative is that of the side it belongs to.
mod = mapping(
    "mod", 2, np.remainder, lambda y, a, b: (1, -(a // b)), dtypes=REAL, cost=20, domains=((-9, 9), (1, 4)), singular=True
)
fmod = mapping(
    "fmod",
    2,
    np.fmod,
    lambda y, a, b: (1, -(((a - y) / b).rint())),
    dtypes=(dt.float32, dt.float64),
    cost=30,
    domains=((-9, 9), (1, 4)),
    singular=True,
)
fma = mapping(  # a*b + c with one rounding
    "fma",
    3,
    _fma,
    lambda y, a, b, c: (b, a, 1),
    dtypes=(dt.float32, dt.float64),
)
# Of integers, by Euclid: as many divisions as it takes, so that elements do not go side by side.
gcd = register(
    Primitive(
        "gcd",
        Kind.OPAQUE,
        lambda a, b: np.asarray(np.gcd(a, b)),
        lambda a, b: TensorType(map_dtype("gcd", (a, b), dt.INTEGERS), map_shape("gcd", (a, b))),
        NO_GRADIENT,
        lambda rng: [((draw(rng, d, (9,), -40, 40), draw(rng, d, (9,), -40, 40)), {}) for d in dt.INTEGERS],
        body="gcd",
        batch=IN_FRONT,
        reason="divides until nothing is left",
    )
)
neg = mapping("neg", 1, np.negative, lambda y, x: (-1,), dtypes=NUMERIC)
# Zero at zero.
abs = mapping("abs", 1, np.abs, lambda y, x: (x.sign(),), dtypes=REAL)
# Equal operands share the derivative of their extreme; a number in the code takes none, so that of maximum(x, 0) at 0 is 0.
minimum = mapping("min", 2, np.minimum, lambda y, a, b: _shares(a, b, a < b, b < a), dtypes=(dt.bool_, *REAL))
maximum = mapping("max", 2, np.maximum, lambda y, a, b: _shares(a, b, a > b, b > a), dtypes=(dt.bool_, *REAL))
pow = mapping(
    "pow",
    2,
    np.power,
    lambda y, a, b: (_power_of_base(a, b), _power_of_exponent(y, a, b)),
    dtypes=(dt.float16, dt.bfloat16, dt.float32, dt.float64, *dt.COMPLEX),
    cost=30,
    domains=((0.2, 3), (-2, 2)),
    singular=True,
)
# Zero at zero, as that of abs.
copysign = mapping("copysign", 2, np.copysign, lambda y, a, b: ((y == a).where(a.sign() * a.sign(), -1), None), dtypes=FLOATS)
# Zero where both are zero.
hypot = mapping(
    "hypot", 2, np.hypot, lambda y, a, b: (a / _not_zero(y), b / _not_zero(y)), dtypes=FLOATS, cost=10, domain=(0.5, 4),
    singular=True,
)  # fmt: skip
atan2 = mapping(
    "atan2",
    2,
    np.arctan2,
    lambda y, a, b: _turned(a, b, _not_zero(a.hypot(b))),  # zero where both are zero
    dtypes=FLOATS,
    cost=30,
    domain=(0.5, 4),
    singular=True,
)
# As good as its first operand.
nextafter = mapping("nextafter", 2, np.nextafter, lambda y, a, b: (1, None), dtypes=(dt.float32, dt.float64), cost=10)

# Rounding.
floor = mapping("floor", 1, np.floor, ZERO_GRADIENT, dtypes=FLOATS)
ceil = mapping("ceil", 1, np.ceil, ZERO_GRADIENT, dtypes=FLOATS)
trunc = mapping("trunc", 1, np.trunc, ZERO_GRADIENT, dtypes=FLOATS)
rint = mapping("rint", 1, np.rint, ZERO_GRADIENT, dtypes=FLOATS)

# Powers, exponentials and logarithms.
sqrt = mapping("sqrt", 1, np.sqrt, lambda y, x: (0.5 / y,), dtypes=INEXACT, cost=5, domain=(0.1, 4), singular=True)
cbrt = mapping("cbrt", 1, np.cbrt, lambda y, x: (1 / (3 * y * y),), dtypes=FLOATS, cost=20, domain=(0.1, 4), singular=True)
exp = mapping("exp", 1, np.exp, lambda y, x: (y,), dtypes=INEXACT, cost=12, singular=True)
exp2 = mapping("exp2", 1, np.exp2, lambda y, x: (y * LOG2,), dtypes=INEXACT, cost=12, singular=True)
expm1 = mapping("expm1", 1, np.expm1, lambda y, x: (y + 1,), dtypes=INEXACT, cost=15, singular=True)
log = mapping("log", 1, np.log, lambda y, x: (1 / x,), dtypes=INEXACT, cost=20, domain=(0.1, 4), singular=True)
log2 = mapping("log2", 1, np.log2, lambda y, x: (1 / (x * LOG2),), dtypes=INEXACT, cost=20, domain=(0.1, 4), singular=True)
log10 = mapping("log10", 1, np.log10, lambda y, x: (1 / (x * LOG10),), dtypes=INEXACT, cost=20, domain=(0.1, 4), singular=True)
log1p = mapping("log1p", 1, np.log1p, lambda y, x: (1 / (1 + x),), dtypes=INEXACT, cost=20, domain=(-0.5, 4), singular=True)
sigmoid = mapping("sigmoid", 1, _special("expit"), lambda y, x: (y * (1 - y),), dtypes=FLOATS, cost=18)

# Trigonometric and hyperbolic.
sin = mapping("sin", 1, np.sin, lambda y, x: (x.cos(),), dtypes=INEXACT, cost=20)
cos = mapping("cos", 1, np.cos, lambda y, x: (-x.sin(),), dtypes=INEXACT, cost=20)
tan = mapping("tan", 1, np.tan, lambda y, x: (1 + y * y,), dtypes=INEXACT, cost=25, domain=(-1, 1), singular=True)
asin = mapping(
    "asin",
    1,
    np.arcsin,
    lambda y, x: (1 / ((1 - x) * (1 + x)).sqrt(),),
    dtypes=INEXACT,
    cost=20,
    domain=(-0.8, 0.8),
    singular=True,
)
acos = mapping(
    "acos",
    1,
    np.arccos,
    lambda y, x: (-1 / ((1 - x) * (1 + x)).sqrt(),),
    dtypes=INEXACT,
    cost=20,
    domain=(-0.8, 0.8),
    singular=True,
)
atan = mapping("atan", 1, np.arctan, lambda y, x: (1 / (1 + x * x),), dtypes=INEXACT, cost=20)
sinh = mapping("sinh", 1, np.sinh, lambda y, x: (x.cosh(),), dtypes=INEXACT, cost=25, singular=True)
cosh = mapping("cosh", 1, np.cosh, lambda y, x: (x.sinh(),), dtypes=INEXACT, cost=25, singular=True)
tanh = mapping("tanh", 1, np.tanh, lambda y, x: (1 - y * y,), dtypes=INEXACT, cost=16)
asinh = mapping("asinh", 1, np.arcsinh, lambda y, x: (1 / (x * x + 1).sqrt(),), dtypes=INEXACT, cost=30)
acosh = mapping(
    "acosh",
    1,
    np.arccosh,
    lambda y, x: (1 / ((x - 1).sqrt() * (x + 1).sqrt()),),
    dtypes=INEXACT,
    cost=30,
    domain=(1.2, 4),
    singular=True,
)
atanh = mapping(
    "atanh", 1, np.arctanh, lambda y, x: (1 / ((1 - x) * (1 + x)),), dtypes=INEXACT, cost=25, domain=(-0.8, 0.8), singular=True
)

# Special functions.
erf = mapping("erf", 1, _special("erf"), lambda y, x: (TWO_OVER_SQRT_PI * (-x * x).exp(),), dtypes=FLOATS, cost=20)
erfc = mapping("erfc", 1, _special("erfc"), lambda y, x: (-TWO_OVER_SQRT_PI * (-x * x).exp(),), dtypes=FLOATS, cost=25)
lgamma = mapping(
    "lgamma", 1, _lgamma, lambda y, x: (x.digamma(),), dtypes=(dt.float32, dt.float64), cost=80, domain=(0.2, 4), singular=True
)
digamma = mapping(
    "digamma",
    1,
    _special("digamma"),
    lambda y, x: (x.polygamma(1),),
    dtypes=(dt.float32, dt.float64),
    body=scipyspecial.operation("psi", "d"),
    cost=200,
    domain=(0.2, 4),
    lowers=lambda x: scipyspecial.available("psi", "d", x.dtype),
    singular=True,
)


def _polygamma(x: Any, order: int) -> np.ndarray:
    import scipy.special

    return np.asarray(scipy.special.polygamma(order, x)).astype(x.dtype, copy=False)


# The derivative of digamma of some order.
polygamma = register(
    Primitive(
        "polygamma",
        Kind.MAP,
        _polygamma,
        lambda x, order: TensorType(map_dtype("polygamma", (x,), (dt.float32, dt.float64)), x.shape),
        Partials(lambda y, x, order: (x.polygamma(order + 1),), singular=True),
        lambda rng: [((draw(rng, d, (5,), 0.5, 4),), {"order": n}) for d in (dt.float32, dt.float64) for n in (1, 2)],
        reason="polygamma is SciPy's",
    )
)

# Python's operators on NumPy's integer scalars, which say where they wrap around, as ufuncs do not.
scalar_add = mapping("scalar_add", 2, np.add, NO_GRADIENT, dtypes=dt.INTEGERS)
scalar_sub = mapping("scalar_sub", 2, np.subtract, NO_GRADIENT, dtypes=dt.INTEGERS)
scalar_mul = mapping("scalar_mul", 2, np.multiply, NO_GRADIENT, dtypes=dt.INTEGERS)
scalar_neg = mapping("scalar_neg", 1, np.negative, NO_GRADIENT, dtypes=dt.INTEGERS)
scalar_abs = mapping("scalar_abs", 1, np.abs, NO_GRADIENT, dtypes=dt.INTEGERS)


def _fits(name: str, evaluate: Any) -> Primitive:
    return mapping(f"fits_{name}", 2, evaluate, NO_GRADIENT, dtypes=(dt.int64,), result=dt.bool_)


# Whether a result fits 64 bits. A product that wraps around is a multiple of 2**64 away from that of the floats.
fits_add = _fits("add", lambda a, b: ((a ^ np.add(a, b)) & (b ^ np.add(a, b))) >= 0)
fits_sub = _fits("sub", lambda a, b: ((a ^ b) & (a ^ np.subtract(a, b))) >= 0)
fits_mul = _fits("mul", lambda a, b: np.abs(np.multiply(a, b, dtype=np.float64) - np.multiply(a, b)) < 2.0**62)

# g·p with a zero for a zero g whatever p is: how cotangents meet derivatives that may be infinite.
mul_no_nan = mapping(
    "mul_no_nan",
    2,
    lambda g, p: np.where(g == 0, np.zeros((), g.dtype), g * p),
    Custom(
        lambda primals, tangents, y: tangents[0].times(primals[1]) + primals[0].times(tangents[1]),
        lambda c, y, g, p: (c.times(conjugate(p)), conjugate(g).times(c)),
    ),
    dtypes=INEXACT,
    cost=2,
)

# Comparisons: bool results.
eq = mapping("eq", 2, np.equal, NO_GRADIENT, dtypes=_ALL, result=dt.bool_)
ne = mapping("ne", 2, np.not_equal, NO_GRADIENT, dtypes=_ALL, result=dt.bool_)
lt = mapping("lt", 2, np.less, NO_GRADIENT, dtypes=_ALL, result=dt.bool_)
le = mapping("le", 2, np.less_equal, NO_GRADIENT, dtypes=_ALL, result=dt.bool_)
gt = mapping("gt", 2, np.greater, NO_GRADIENT, dtypes=_ALL, result=dt.bool_)
ge = mapping("ge", 2, np.greater_equal, NO_GRADIENT, dtypes=_ALL, result=dt.bool_)
isnan = mapping("isnan", 1, np.isnan, NO_GRADIENT, dtypes=INEXACT, result=dt.bool_)

# Bits and truth values.
and_ = mapping("and", 2, np.bitwise_and, NO_GRADIENT, dtypes=LOGICAL)
or_ = mapping("or", 2, np.bitwise_or, NO_GRADIENT, dtypes=LOGICAL)
xor = mapping("xor", 2, np.bitwise_xor, NO_GRADIENT, dtypes=LOGICAL)
not_ = mapping("not", 1, np.invert, NO_GRADIENT, dtypes=LOGICAL)
shl = mapping("shl", 2, np.left_shift, NO_GRADIENT, dtypes=dt.INTEGERS, domains=((-9, 9), (0, 7)))
shr = mapping("shr", 2, np.right_shift, NO_GRADIENT, dtypes=dt.INTEGERS, domains=((-9, 9), (0, 7)))

# Complex numbers: `passes/complex.py` makes real arithmetic of these; loops load and store the parts of complex arrays.
conj = mapping("conj", 1, np.conj, Linear(lambda g, x: (g.conj(),)), dtypes=dt.COMPLEX)


def _parts(name: str, evaluate, adjoint) -> Primitive:
    def infer(x: TensorType) -> TensorType:
        return TensorType(dt.real_of(map_dtype(name, (x,), dt.COMPLEX)), x.shape)

    def sample(rng: np.random.Generator) -> list[Sample]:
        return [((draw(rng, dtype, (5,)),), {}) for dtype in dt.COMPLEX]

    return register(Primitive(name, Kind.MAP, evaluate, infer, adjoint, sample, body=name))


real = _parts("real", lambda x: np.real(x).copy(), Linear(lambda g, x: (g.astype(x.dtype),)))
imag = _parts("imag", lambda x: np.imag(x).copy(), Linear(lambda g, x: (g.zeros().complex(g),)))
cabs = _parts(
    "cabs",
    np.abs,
    Custom(  # zero at zero
        lambda p, t, y: (p[0].real * t[0].real + p[0].imag * t[0].imag) / _not_zero(y),
        lambda g, y, x: (x * (g / _not_zero(y)),),
    ),
)


def _infer_complex(a: TensorType, b: TensorType) -> TensorType:
    dtype = map_dtype("complex", (a, b), (dt.float32, dt.float64))
    return TensorType(dt.complex64 if dtype == dt.float32 else dt.complex128, map_shape("complex", (a, b)))


def _eval_complex(a: Any, b: Any) -> np.ndarray:
    out = np.empty(np.broadcast_shapes(np.shape(a), np.shape(b)), np.result_type(a, np.complex64))
    out.real, out.imag = a, b  # a + b*1j would make NaNs of infinities
    return out


complex_ = register(
    Primitive(
        "complex",
        Kind.MAP,
        _eval_complex,
        _infer_complex,
        Linear(lambda g, a, b: (g.real, g.imag)),
        lambda rng: [((draw(rng, d, (5,)), draw(rng, d, (5,))), {}) for d in (dt.float32, dt.float64)],
        body="complex",
    )
)


def _infer_select(condition: TensorType, then: TensorType, otherwise: TensorType) -> TensorType:
    if condition.dtype != dt.bool_:
        raise DTypeError("select takes a boolean condition", got=condition)
    dtype = map_dtype("select", (then, otherwise), _ALL)
    return TensorType(dtype, map_shape("select", (condition, then, otherwise)))


def _sample_select(rng: np.random.Generator) -> list[Sample]:
    return [((draw(rng, dt.bool_, (9,)), draw(rng, dtype, (9,)), draw(rng, dtype, (9,))), {}) for dtype in _ALL]


def _eval_select(condition: Any, then: Any, otherwise: Any) -> np.ndarray:
    return np.where(condition, then, otherwise).astype(then.dtype, copy=False)


# The derivative selects too, so that a NaN in the branch not taken never leaks: `Partials` would give 0 * NaN.
select = register(Primitive(
    "select", Kind.MAP, _eval_select, _infer_select,
    Linear(lambda g, c, a, b: (None, g.where(c, 0), g.where(~c, 0))), _sample_select, body="select", lowers=real_only,
))  # fmt: skip


def _infer_convert(x: TensorType, dtype: np.dtype) -> TensorType:
    return TensorType(dtype, x.shape)


def _eval_convert(x: Any, dtype: np.dtype) -> np.ndarray:
    if dt.is_complex(np.asarray(x).dtype) and not dt.is_complex(dtype) and dtype != dt.bool_:
        x = np.real(x)
    return np.asarray(x).astype(dtype)


def _adjoint_convert(g: Any, x: Any, dtype: np.dtype) -> tuple:
    part = g.real if dt.is_complex(g.dtype) and not dt.is_complex(x.dtype) else g
    return (part.astype(x.dtype),)


def _sample_convert(rng: np.random.Generator) -> list[Sample]:
    return [((draw(rng, a, (9,), 0, 9),), {"dtype": b}) for a in dt.ALL for b in dt.ALL if a != b]


convert = register(Primitive(
    "convert", Kind.MAP, _eval_convert, _infer_convert, Linear(_adjoint_convert), _sample_convert,
    body="convert", lowers=lambda x, dtype: real_only(x) and not dt.is_complex(dtype),
))  # fmt: skip


def _infer_bitcast(x: TensorType, dtype: np.dtype) -> TensorType:
    if dtype.itemsize != x.dtype.itemsize:
        raise DTypeError("bitcast keeps the width", got=f"{x.dtype} to {dtype}", expected=f"{x.dtype.itemsize} bytes")
    return TensorType(dtype, x.shape)


bitcast = register(
    Primitive(
        "bitcast",
        Kind.MAP,
        lambda x, dtype: np.asarray(x).view(dtype),
        _infer_bitcast,
        NO_GRADIENT,
        lambda rng: [
            ((draw(rng, a, (9,)),), {"dtype": b})
            for a, b in ((dt.float32, dt.int32), (dt.int64, dt.float64), (dt.uint32, dt.float32))
        ],
        body="bitcast",
        lowers=lambda x, dtype: real_only(x) and not dt.is_complex(dtype),
    )
)


def _eval_iota(shape: tuple[int, ...], axis: int) -> np.ndarray:
    line = np.arange(shape[axis]).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return np.ascontiguousarray(np.broadcast_to(line, shape))


# The index along one axis, as int64: arange, eye, triangles, one-hot and argmax are made of it.
iota = register(Primitive(
    "iota", Kind.MAP, _eval_iota, lambda shape, axis: TensorType(dt.int64, shape), NO_GRADIENT,
    lambda rng: [((), {"shape": (4,), "axis": 0}), ((), {"shape": (2, 3), "axis": 1})], body="index",
))  # fmt: skip

__all__ = [name for name, value in list(globals().items()) if isinstance(value, (Primitive, Partials))]
