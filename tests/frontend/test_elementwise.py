"""Elementwise functions: eager and traced against NumPy, over dtypes, shapes, special values and argument kinds."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.special

import hybrid as hy
from hybrid.core import dtype as dt
from hybrid.core.scipyspecial import SIGNATURES
from hybrid.frontend.compositions import SPECIAL
from hybrid.frontend.elementwise import NAMES
from hybrid.ops.family import draw

UNARY = sorted(
    name
    for name, f in NAMES.items()
    if isinstance(f.ufunc, np.ufunc) and f.ufunc.nin == 1 and name not in ("conjugate", "conj", "invert", "positive")
)
BINARY = sorted(name for name, f in NAMES.items() if isinstance(f.ufunc, np.ufunc) and f.ufunc.nin == 2)
REAL_DTYPES = (dt.bool_, dt.int8, dt.int32, dt.int64, dt.uint8, dt.uint64, dt.float16, dt.float32, dt.float64)
WHOLE = ("bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm", "left_shift", "right_shift")  # of integers alone
# Values where functions are undefined, huge or exact.
SPECIALS = np.array([0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.5, 3.5, np.inf, -np.inf, np.nan, 1e-30, 1e30])


def takes(ufunc: np.ufunc, *dtypes: np.dtype) -> bool:
    try:
        with np.errstate(all="ignore"):
            ufunc(*(np.ones(1, d) for d in dtypes))
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("name", UNARY)
def test_unary(name, check, check_eager):
    ufunc, rng = NAMES[name].ufunc, np.random.default_rng(0)
    for dtype in REAL_DTYPES:
        if takes(ufunc, dtype):
            x = draw(
                rng,
                dtype,
                (3, 5),
                -0.9 if name in ("arcsin", "arccos", "arctanh") else -4,
                0.9 if name.startswith("arc") else 4,
            )
            check(lambda x, ufunc=ufunc: ufunc(x), x)
            check_eager(lambda x, ufunc=ufunc: ufunc(x), x)
    check(lambda x: ufunc(x), SPECIALS)
    check(lambda x: ufunc(x), np.float32(0.5))
    check(lambda x: ufunc(x), 0.5)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name, check, check_eager):
    ufunc, rng = NAMES[name].ufunc, np.random.default_rng(1)
    exponents = name in ("power", "pow", "float_power", "left_shift", "right_shift")
    for a in REAL_DTYPES:
        for b in (a, dt.float32, dt.int64):
            if not takes(ufunc, a, b) or (not dt.is_float(dt.promote(a, b)) and name in ("power", "pow")):
                continue
            x, y = draw(rng, a, (3, 1), 0, 4), draw(rng, b, (4,), 0 if exponents else -3, 3)
            check(lambda x, y: ufunc(x, y), x, y)
            check_eager(lambda x, y: ufunc(x, y), x, y)
    if name not in WHOLE:
        left, right = (m.ravel() for m in np.meshgrid(SPECIALS, SPECIALS))
        if name != "ldexp":
            check(lambda x, y: ufunc(x, y), left, right)
            check(lambda x: ufunc(x, 2.0), SPECIALS.astype(np.float32))
            check(lambda x, y: ufunc(x, y), 1.5, np.float32(2))
            check(lambda x, y: ufunc(x, y), np.float32(1.5), 2.5)


OPERATORS = [
    "x + y", "x - y", "x * y", "x / y", "x // y", "x % y", "x < y", "x <= y", "x > y", "x >= y", "x == y", "x != y", "-x",
    "+x", "abs(x)", "2 - x", "2.5 * x", "1 / x", "x ** 2", "x ** 3", "x ** 4", "x ** 7", "2.0 ** x", "divmod(x, y)",
    "divmod(7, x)", "x + True",
]  # fmt: skip
OPERANDS = {
    "f32,f32": (np.array([1.5, -2.0, 3.0], np.float32), np.array([2.0, 0.5, -1.5], np.float32)),
    "f64[2,1],f32[3]": (np.array([[1.5], [-2.0]]), np.array([2.0, 0.5, -1.5], np.float32)),
    "i32,i8": (np.array([7, -7, 3], np.int32), np.array([2, -2, 3], np.int8)),
    "u8,f16": (np.array([7, 9, 3], np.uint8), np.array([2.0, 3.0, 1.5], np.float16)),
    "f32,python": (np.array([1.5, -2.0, 3.0], np.float32), 2.5),
    "python,python": (1.5, 2.5),
    "scalar,python": (np.float32(1.5), 2.5),
    "f32,int": (np.array([1.5, -2.0, 3.0], np.float32), 3),
    "i16,int": (np.array([7, -7, 3], np.int16), 3),
    "f64[0],f64": (np.zeros((0,)), np.ones(1)),
}


@pytest.mark.parametrize("operands", OPERANDS)
@pytest.mark.parametrize("source", OPERATORS)
def test_operators(source, operands, check, check_eager):
    function = eval(f"lambda x, y: {source}")
    check(function, *OPERANDS[operands])
    if all(isinstance(a, np.ndarray) for a in OPERANDS[operands]):
        check_eager(function, *OPERANDS[operands])


@pytest.mark.parametrize("source", ["x & y", "x | y", "x ^ y", "~x", "x << 2", "x >> y", "1 << y"])
def test_bit_operators(source, check, check_eager):
    function = eval(f"lambda x, y: {source}")
    for dtype in (np.int8, np.uint16, np.int64):
        operands = np.array([5, 12, 1], dtype), np.array([3, 1, 2], dtype)
        check(function, *operands)
        check_eager(function, *operands)


COMPOSITIONS = [
    "np.clip(x, -1, 1)", "np.clip(x, None, 0.5)", "np.clip(x, -0.5, None)", "x.clip(0, 1)", "np.round(x)",
    "np.round(x, 2)", "x.round(1)", "np.nan_to_num(x)", "np.nan_to_num(x, nan=1.0, posinf=2.0, neginf=-2.0)",
    "np.sinc(x)", "np.real(x)", "np.imag(x)", "np.angle(x)", "np.where(x > 0, x, 0)", "np.where(x > 0, 1.0, 2.0)",
    "np.where(x, x, -x)", "np.modf(x)", "np.divmod(x, 2)", "x.astype(np.int32)", "x.astype(bool)",
    "np.select([x > 1, x > 0], [x, 2 * x], -1.0)", "np.isclose(x, 0.5)", "np.add(x, x, dtype=np.float64)",
    "np.add.reduce(x)", "np.maximum.reduce(x, axis=-1)", "np.add.accumulate(x)", "np.multiply.outer(x, x)", "x.conj()",
    "np.float64(2) * x",
]  # fmt: skip


@pytest.mark.parametrize("source", COMPOSITIONS)
def test_compositions(source, check, check_eager):
    function = eval(f"lambda x: {source}", {"np": np})
    for x in (np.array([-2.5, -1.5, -0.3, 0.0, 0.5, 1.25, 2.5], np.float32), np.linspace(-3, 3, 6).reshape(2, 3)):
        check(function, x)
        check_eager(function, x)


@pytest.mark.parametrize("name", sorted(SPECIAL))
def test_scipy_functions(name, check, check_eager):
    ufunc = getattr(scipy.special, name)
    whole = name in SIGNATURES and all("l" in signature for signature in SIGNATURES[name])  # fractions are an error there
    for dtype in (np.int32,) if whole else (np.float32, np.float64, np.int32):
        x = np.array([1, 2, 3], dtype) if dtype is np.int32 else np.array([0.1, 0.3, 0.7, 0.95], dtype)
        args = (x,) * ufunc.nin
        check(lambda *a: ufunc(*a), *args, tolerance=32)
        check_eager(lambda *a: ufunc(*a), *args)


def test_python_numbers_stay_python_numbers(check):
    check(lambda x, y: (x + y, x * 2, -x, x > y, x**2, abs(x)), 1.5, 2.5)
    check(lambda x: (x + 1, x * x, x == 3, round(x)), 3)
    check(lambda x: (round(x), np.sin(x) + x), 2.5)


def test_eager_functions_keep_arrays_arrays():
    x = np.ones(3, np.float32)
    assert type(hy.sin(x)) is np.ndarray
    assert type(hy.sin(hy.asarray(x))) is hy.Tensor
    assert type(x + hy.asarray(x)) is hy.Tensor


def test_out_and_where(check, check_eager):
    x, y = np.arange(4.0), np.full(4, 2.0)

    def function(x, y):
        np.add(x, y, out=y)
        np.multiply(x, y, out=y, where=x > 1)
        return np.sqrt(y, out=y)

    check(function, x, y)
    check_eager(function, x, y)


def test_casting_into_integers_is_refused():
    x = hy.asarray(np.arange(3))
    with pytest.raises(TypeError, match="same_kind"):
        x += 0.5


def test_integers_to_negative_powers(check):
    with pytest.raises(ValueError, match="Integers to negative integer powers"):
        check(lambda x: x**-1, np.arange(3))


def test_comparison_with_out_of_range_python_int(check):
    check(lambda x: (x < 300, x == -1, x != 300, x >= -5), np.arange(3, dtype=np.uint8))


def test_bfloat16_promotes_by_the_house_rule():
    x = hy.tensor([1.0, 2.0], dtype="bfloat16")
    assert (x + 1.0).dtype == dt.bfloat16
    assert (1.0 - x).dtype == dt.bfloat16
    assert (x * np.ones(2, np.float32)).dtype == dt.float32
    assert (x + np.ones(2, np.int32)).dtype == dt.bfloat16
    assert hy.exp(x).dtype == dt.bfloat16
    assert (x @ x).dtype == dt.bfloat16


def test_complex_numbers(check, check_eager):
    z = np.array([1 + 2j, -0.5j, 3.0], np.complex64)
    for source in (
        "np.abs(z)",
        "z.real",
        "z.imag",
        "np.conj(z)",
        "z * z",
        "z / (1 + z)",
        "np.exp(z)",
        "np.angle(z)",
        "z == z",
        "z + 1.0",
        "z**2",
    ):
        function = eval(f"lambda z: {source}", {"np": np})
        check(function, z, tolerance=64)
        check_eager(function, z)


@pytest.mark.parametrize("x", [np.array(3, np.float32), np.float32(3), np.ones(2, np.float32)])
def test_astype_keeps_arrays_of_rank_zero(x):
    got = hy.function(lambda a: a.astype(np.float64), strict=True)(x)
    assert type(got) is type(x.astype(np.float64)) and got.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.int32])
@pytest.mark.parametrize("other", [np.int64, np.int8, np.uint8])
def test_integer_powers_whose_exponents_a_run_knows(dtype, other):
    def f(x, k):
        return x**k, np.power(x, k), 2**k, x.astype(np.int64)[2] ** k

    x, k = np.arange(-3, 6).astype(dtype), np.arange(9).astype(other)
    with np.errstate(all="ignore"):
        for got, want in zip(hy.function(f, strict=True)(x, k), f(x, k), strict=True):
            np.testing.assert_array_equal(got, want, strict=True)


def test_integer_powers_that_numpy_refuses_or_that_are_large():
    f = hy.function(lambda x, k: x**k)
    x = np.arange(-1, 3)
    np.testing.assert_array_equal(f(x, np.arange(4)), x ** np.arange(4))
    with pytest.raises(ValueError, match="negative integer powers"):
        f(x, np.array([1, -1, 2, 3]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        np.testing.assert_array_equal(f(x, np.array([101, 70, 64, 63])), x ** np.array([101, 70, 64, 63]))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_the_sign_of_complex_numbers_at_the_ends(dtype):
    info = np.finfo(dtype)
    ends = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, info.max, -info.max, info.tiny, info.smallest_subnormal, 1.0, -3.0])
    z = np.zeros((len(ends), len(ends)), dtype)
    z.real, z.imag = ends[:, None], ends
    with np.errstate(all="ignore"):
        got, want = hy.function(lambda z: np.sign(z), strict=True)(z), np.sign(z)
    for one, other in ((got.real, want.real), (got.imag, want.imag)):
        np.testing.assert_allclose(one, other, 4 * info.eps)
        np.testing.assert_array_equal(np.signbit(one)[~np.isnan(other)], np.signbit(other)[~np.isnan(other)])


def test_numbers_give_numbers():
    for function in (hy.sigmoid, hy.erf, hy.exp):
        assert type(function(0.5)) is np.float64 and type(function(np.float32(0.5))) is np.float32


@pytest.mark.parametrize("name", ["arctan2", "hypot", "copysign", "logaddexp", "logaddexp2", "heaviside", "nextafter"])
def test_integers_of_two_dtypes_are_computed_in_the_first_float_that_holds_each(name):
    integers = [d for d in REAL_DTYPES if not dt.is_float(d)] + [np.dtype(d) for d in ("int16", "uint16", "uint32")]
    f = getattr(np, name)
    for a in integers:
        for b in integers:
            x, y = np.array([1, 0, 1], a), np.array([1, 1, 0], b)
            assert hy.function(lambda x, y: f(x, y))(x, y).dtype == f(x, y).dtype, (a, b)
