"""SciPy's special functions that compositions give: against SciPy, at ordinary values and where their formulas change."""

from __future__ import annotations

import ctypes
import itertools
import math

import numpy as np
import pytest
import scipy.special as sp

import hybrid as hy
from hybrid.core.scipyspecial import SIGNATURES, address
from tests.tools import Lending

EDGES = [0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2.5, 3.5, np.inf, -np.inf, np.nan, 1e-30, -1e-30, 1e-8, -1e-8, 0.75, 1.3, 300.0,
         -300.0, 309.0, -309.0, 710.0, 800.0, -800.0]  # fmt: skip
ONE = ("cbrt", "exp2", "expm1", "log1p", "exp10", "cosm1", "exprel", "log_expit", "entr", "i0e")
TWO = ("boxcox", "inv_boxcox", "rel_entr", "kl_div", "huber", "pseudo_huber")
SUMS = ("softmax", "log_softmax", "logsumexp")


def _native(function, *given):
    compiled = hy.function(function, strict=True)
    got = compiled(*given)
    assert "  host " not in compiled.explain()
    return got


@pytest.mark.parametrize("name", ONE + TWO)
@pytest.mark.parametrize("dtype", ["f4", "f8", "i8"])
@pytest.mark.filterwarnings("ignore")
def test_as_scipy(name, dtype):
    rng, function = np.random.default_rng(0), getattr(sp, name)
    x = np.concatenate([EDGES, rng.normal(size=40) * 3, rng.normal(size=9) * 100])
    x = np.arange(-5, 9) if dtype == "i8" else x.astype(dtype)
    given = (x,) if name in ONE else tuple(m.ravel() for m in np.meshgrid(x, x))
    got, want = _native(lambda *xs: function(*xs), *given), function(*given)
    assert got.dtype == want.dtype
    if name == "cosm1":  # a difference of nearly equal numbers beyond the first quarter
        np.testing.assert_allclose(got, want, rtol=1e-6 if dtype == "f4" else 1e-14, atol=3e-16)
    else:
        np.testing.assert_allclose(got, want, rtol=1e-6 if dtype == "f4" else 2e-13)


@pytest.mark.parametrize("name", ONE + TWO)
@pytest.mark.filterwarnings("ignore")
def test_dtypes_are_scipys(name):
    function = getattr(sp, name)
    for code in "?bhilefd":
        x = np.ones(2, code)
        for rest in [()] if name in ONE else [(x,), (1.0,), (2,), (np.float32(2),)]:
            assert _native(lambda x, rest=rest: function(x, *rest), x).dtype == function(x, *rest).dtype


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.filterwarnings("ignore")
def test_sums_as_scipy(name):
    rng, function = np.random.default_rng(0), getattr(sp, name)
    for x in (rng.normal(size=(3, 5)), rng.normal(size=(2, 3, 4)).astype("f4"), [1.0, np.inf, 2], [-np.inf, -np.inf],
              [-np.inf, 1.0, 2], [1.0, np.nan]):  # fmt: skip
        x = np.asarray(x)
        for axis in (None, 0, -1, tuple(range(x.ndim))):
            got, want = _native(lambda x, axis=axis: function(x, axis=axis), x), function(x, axis=axis)
            assert type(got) is type(want) and got.dtype == want.dtype and got.shape == want.shape
            np.testing.assert_allclose(got, want, rtol=1e-6 if x.dtype == "f4" else 1e-14)
    x = rng.normal(size=(3, 5))
    got = _native(lambda x: sp.logsumexp(x, axis=1, keepdims=True), x)
    np.testing.assert_allclose(got, sp.logsumexp(x, axis=1, keepdims=True), rtol=1e-14)


@pytest.mark.parametrize("name", ONE + TWO + SUMS)
def test_derivatives(name):
    rng, function = np.random.default_rng(1), getattr(sp, name)
    given = [rng.uniform(0.3, 1.6, 7) for _ in range(2 if name in TWO else 1)]
    weights = rng.normal(size=7)

    def loss(*xs):
        return np.sum(function(*xs) * weights)

    found = hy.function(hy.grad(loss, tuple(range(len(given)))), strict=True)(*given)
    for k, x in enumerate(given):
        for j in range(x.size):
            ends = []
            for by in (1e-6, -1e-6):
                moved = [y.copy() for y in given]
                moved[k][j] += by
                ends.append(loss(*moved))
            np.testing.assert_allclose(found[k][j], (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-7)


# Functions that machine code calls ------------------------------------------------------------------------------------------
ORDINARY = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.5, 3.5, np.inf, -np.inf, np.nan, 1e-30, 300.0, -0.3, 0.7, 8.0, 171.9)


def _points(signature):
    """Arguments for every operand, each combined with some of the others."""
    rng = np.random.default_rng(len(signature))
    if len(signature) < 3:
        some = np.array([*ORDINARY, *rng.uniform(-3, 9, 12), *rng.uniform(0, 1, 12)])
    else:  # lpmv takes seconds for orders of hundreds
        some = np.array([x for x in ORDINARY if not 100 < abs(x) < np.inf] + [*rng.uniform(-3, 9, 6), *rng.uniform(0, 1, 6)])
    wanted = [rng.integers(0, 7, some.size) if kind == "l" else rng.permutation(some) for kind in signature]
    return (some, *wanted[1:]) if signature[0] == "d" else tuple(wanted)


@pytest.mark.parametrize("signature", sorted({signature for known in SIGNATURES.values() for signature in known}))
@pytest.mark.filterwarnings("ignore")
def test_native_functions_are_scipys_to_the_last_bit(signature):
    given = _points(signature)
    names = sorted(name for name, known in SIGNATURES.items() if signature in known)
    for start in range(0, len(names), 12):
        functions = [getattr(sp, name) for name in names[start : start + 12]]
        compiled = hy.function(lambda *xs, functions=functions: [f(*xs) for f in functions], strict=True)
        for xs in (given, tuple(x.astype("f4") for x in given)) if "l" not in signature else (given,):
            got = compiled(*xs)
            for f, mine in zip(functions, got, strict=True):
                np.testing.assert_array_equal(mine, f(*xs), strict=True, err_msg=f.__name__)
            assert xs is not given or "  host " not in compiled.explain()


def test_native_functions_take_what_ufuncs_take():
    x, out = np.linspace(0.1, 0.9, 12).reshape(3, 4), np.full((3, 4), 7.0)
    for given in (x.T, x[::-1, ::2], np.asfortranarray(x), x[:0], np.array(0.3), np.float32(0.3), 0.3, True, np.int8([1, 2])):
        got, want = _native(lambda x: sp.psi(x), given), sp.psi(given)
        np.testing.assert_array_equal(got, want, strict=True)
        assert type(got) is type(want) and got.flags.f_contiguous == want.flags.f_contiguous
    got = _native(lambda x, out: sp.j1(x, out=out, where=x > 0.5), x, out)
    assert got is out
    np.testing.assert_array_equal(out, np.where(x > 0.5, sp.j1(x), 7.0))
    np.testing.assert_array_equal(_native(lambda x: sp.kn([[0], [1], [2]], x), x), sp.kn([[0], [1], [2]], x))
    for wrong in (1j * x, x.astype(object)):
        with pytest.raises(TypeError):
            sp.j1(wrong)
        with pytest.raises(TypeError):
            hy.function(lambda x: sp.j1(x))(wrong)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_numba_calls_them_too(dtype):
    def f(x):
        return sp.eval_legendre(3, x) * sp.erfinv(x), sp.jv(x, 0.5), sp.psi(x)

    x = np.linspace(-0.9, 0.9, 7).astype(dtype)
    for got, want in zip(hy.function(f, strict=True, backend="numba")(x), f(x), strict=True):
        np.testing.assert_array_equal(got, want, strict=True)


def test_counts():
    n, k = np.arange(-2, 12), np.array([0, 1, 3, -1, 5, 2, 2, 30, 4, 1, 1, 0, 6, 7])
    for numbers, some in ((n, k), (n.astype(float), k), (n, k / 2), (n[:, None], k)):
        np.testing.assert_array_equal(_native(lambda n, k: sp.comb(n, k), numbers, some), sp.comb(numbers, some), strict=True)
    for numbers in (n, n.astype("i4"), n / 2, np.array([np.nan, 3.0, -1.5, 171.5])):
        np.testing.assert_array_equal(_native(lambda n: sp.factorial(n), numbers), sp.factorial(numbers), strict=True)
    for numbers in (n.astype("u1"), n.astype("f4"), n[:0], np.array(5), 5):
        compiled = Lending(lambda n: (sp.factorial(n), sp.comb(n, 2)))
        for got, want in zip(compiled(numbers), (sp.factorial(numbers), sp.comb(numbers, 2)), strict=True):
            np.testing.assert_array_equal(got, want, strict=True)
            assert type(got) is type(want)


def test_errors_of_scipy_are_raised_where_they_are_asked_for():
    with sp.errstate(singular="raise"):
        for f in (sp.psi, hy.function(lambda x: sp.psi(x) + 1)):
            with pytest.raises(sp.SpecialFunctionError, match="singularity"):
                f(np.array([0.0, 1.0]))


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_no_function_in_a_kernel_reports_errors(name):
    """A thread in a kernel would wait for the GIL, which the caller holds."""
    with sp.errstate(all="raise"):
        for signature in SIGNATURES[name]:
            types = [ctypes.c_int64 if kind == "l" else ctypes.c_double for kind in signature]
            function = ctypes.PYFUNCTYPE(ctypes.c_double, *types, ctypes.c_int)(address(name, signature))
            points = (0, -1, 2) if len(signature) > 2 or "l" in signature else (0.0, -1.0, 0.5, -2.5, 40.0, math.nan, math.inf)
            for given in itertools.product(points if name != "erfinv" else (-0.999, 0.0, 0.5), repeat=len(signature)):
                function(*given, 0)  # raises what the function leaves behind


def test_poles_do_not_warn():
    x = np.array([0.0, -1.0, 1.0, 1e308])
    compiled = hy.function(lambda x: (sp.gamma(x), sp.y0(x)))
    for _ in range(6):
        np.testing.assert_array_equal(compiled(x), (sp.gamma(x), sp.y0(x)))


@pytest.mark.parametrize("name", ["psi", "gamma", "rgamma", "erfinv", "ndtri", "j0", "j1", "y0", "y1", "i0", "i1", "i1e", "k0",
                                  "k1", "k0e", "k1e", "dawsn", "erfcx", "exp1", "expi", "ellipk", "log_ndtr"])  # fmt: skip
def test_derivatives_of_native_functions(name):
    x, function = np.linspace(0.2, 0.8, 5), getattr(sp, name)
    got = hy.function(lambda x: hy.grad(lambda x: function(x).sum())(x))(x)
    np.testing.assert_allclose(got, (function(x + 1e-6) - function(x - 1e-6)) / 2e-6, rtol=1e-7)
    got = hy.vmap(hy.grad(lambda x: function(x)))(x)
    np.testing.assert_allclose(got, (function(x + 1e-6) - function(x - 1e-6)) / 2e-6, rtol=1e-7)


ONE_ARGUMENT = (
    lambda x: sp.jv(1.5, x), lambda x: sp.kn(2, x), lambda x: sp.yn(2, x), lambda x: sp.expn(2, x), lambda x: sp.kve(0.5, x),
    lambda x: sp.ive(0.5, x), lambda x: sp.betaln(x, 2.0), lambda x: sp.beta(1.5, x), lambda x: sp.gammainc(1.5, x),
)  # fmt: skip


@pytest.mark.parametrize("call", ONE_ARGUMENT)
def test_derivatives_in_one_argument(call):
    x = np.linspace(0.2, 0.8, 5)
    got = hy.grad(lambda x: call(x).sum())(x)
    np.testing.assert_allclose(got, (call(x + 1e-6) - call(x - 1e-6)) / 2e-6, rtol=1e-7)
