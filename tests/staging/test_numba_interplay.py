"""The user's own Numba functions inside decorated ones, and decorated functions inside the user's Numba code."""

from __future__ import annotations

import math
import warnings

import numba
import numpy as np
import pytest

import hybrid as hy
from hybrid.core.config import config
from hybrid.core.errors import HybridError
from hybrid.staging.function import FallbackWarning, function
from tests.tools import in_subprocess


@numba.njit
def step(x):
    return x * x if x > 3 else x - 1


@numba.njit
def series(x, k):
    s = 0.0
    for i in range(k):
        s += math.sin(x * i) / (k - 3)
    return s


@numba.njit
def quotient(a, b):
    return a // b


@numba.njit
def positive(x, limit=0.5):
    return x > limit


@numba.njit
def refuses(x):
    if x > 5:
        raise ValueError("too much")
    return math.sqrt(x)


@numba.njit
def outer(x, y):
    return step(x) + quotient(y, 2)


@numba.njit
def wraps(i):
    return i * i * i * i * i


@numba.njit(fastmath=True)
def mixed(a, b, c):
    return a * b + c


@numba.njit
def loud(x):
    print(x)
    return x


@numba.njit
def drawn(x):
    return x + np.random.random()


@numba.njit
def positives(v):
    return v[v > 0]


def same(f, *args):
    """The decorated function beside the undecorated one."""
    want, got = f.eager(*args), f(*args)
    np.testing.assert_allclose(got, want, rtol=1e-12)
    assert type(got) is type(want)
    return got


def loop(x, n):
    s = 0.0
    for k in range(len(x)):
        s = s + step(x[k])
    return s


X = np.linspace(0, 6, 100)


def test_a_call_in_a_loop_is_part_of_the_kernel():
    f = function(loop, strict=True)
    same(f, X, 3)
    assert "numba.step" in str(f.graph(X, 3)) and "define i64 @foreign.n" in f.llvm(X, 3)
    assert f.stats()["host_calls"] == 0 and f.stats()["kernels"] == 1
    f(X, 3)
    assert f.stats()["native_calls"] >= 1
    assert bool(f.verify(X, 3))


ARGUMENTS = [0.3, -1.5, np.float64(4.5), np.float32(0.7), np.int64(-7), np.int32(9), np.int8(3), np.uint8(250), np.bool_(True)]


@pytest.mark.parametrize("x", ARGUMENTS, ids=lambda x: type(x).__name__ + str(x))
@pytest.mark.parametrize("jitted", [step, positive, mixed, wraps, series, outer])
def test_types_of_arguments_and_results(jitted, x):
    arity = {"mixed": lambda x: mixed(x, 2.5, x), "series": lambda x: series(x, 5), "outer": lambda x: outer(x, 7)}
    plain = arity.get(jitted.__name__, jitted)
    f = function(lambda x: plain(x + x))
    if jitted.__name__ in arity:
        f = function({"mixed": lambda x: mixed(x + x, 2.5, x), "series": lambda x: series(x + x, 5),
                      "outer": lambda x: outer(x + x, 7)}[jitted.__name__])  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(f, x)


def test_integers_wrap_as_numbas_do_and_division_by_zero_is_pythons():
    f = function(lambda a, b: wraps(a) + quotient(a, b), strict=True)
    same(f, np.int64(123456), np.int64(7))
    for _ in range(6):
        with pytest.raises(ZeroDivisionError, match="division by zero"):
            f(np.int64(5), np.int64(0))
    same(f, np.int64(-9), np.int64(4))


def test_what_it_raises_in_a_round_is_raised_after_the_writes_before():
    @function
    def f(x, out):
        for k in range(len(x)):
            out[k] = refuses(x[k])

    x, a, b = np.array([1.0, 4.0, 2.0, 0.5, 3.0, 9.0, 4.0]), np.zeros(7), np.zeros(7)
    for call, out in ((f, a), (f.eager, b)):
        with pytest.raises(ValueError, match="too much"):
            call(x, out)
    np.testing.assert_array_equal(a, b)
    f(x[:5], a), f.eager(x[:5], b)
    np.testing.assert_array_equal(a, b)


def test_keywords_defaults_and_untraced_arguments():
    f = function(lambda x: (positive(x, limit=0.1), positive(limit=x, x=0.2), step(2.0) + x), strict=True)
    for x in (0.3, 0.05):
        assert f(x) == f.eager(x)


@pytest.mark.parametrize("jitted, why", [(loud, "has effects"), (drawn, "has effects")])
def test_effects_stay_pythons(jitted, why, capfd):
    f = function(lambda x: jitted(x) + 1)
    with pytest.warns(FallbackWarning, match=why) as said:
        for _ in range(3):
            f(0.5)
    assert len(said) == 1 and capfd.readouterr().out == "0.5\n" * (3 if jitted is loud else 0)


def test_arrays_that_are_as_long_as_values_say_stay_pythons_and_are_said_once():
    f = function(lambda v: positives(v) * 2)
    with pytest.warns(FallbackWarning, match="little but call positives, which Python does faster") as said:
        for x in (X, -X, -X, X):
            assert np.array_equal(f(x), positives(x) * 2)
    assert len(said) == 1
    strict = function(lambda v: positives(v) * 2, strict=True)
    with pytest.raises(HybridError, match="how much it gives follows from values"):
        for x in (X, X - 2, X):
            strict(x)


def test_explicit_signatures_are_kept():
    @numba.njit("float64(float64)")
    def half(x):
        return x / 2

    same(function(lambda x: half(x), strict=True), 3.0)
    with pytest.warns(FallbackWarning, match="no signature for int64"):
        assert function(lambda x: half(x))(np.int64(3)) == 1.5


def test_in_branches_and_with_arrays_around():
    @function(strict=True)
    def f(v, x):
        if x > 1:
            scale = step(x)
        else:
            scale = mixed(x, 2.0, 1.0)
        return v * scale

    for x in (0.5, 4.0):
        np.testing.assert_allclose(f(X, x), f.eager(X, x))


def test_numbas_compiler_is_not_the_users_code():
    fresh = numba.njit(lambda x: x * 3)

    def f(x):
        _ = len(numba.__version__)  # the module is among what it reads, so that C calls are watched
        return fresh(x) + 1

    same(function(f, strict=True), 2.0)


def test_other_back_ends_say_no():
    f = function(lambda x: step(x) + 1, backend="python")
    with pytest.warns(FallbackWarning, match="came as machine code"):
        assert f(5.0) == 26
    with config.override(backend="numba"), pytest.warns(FallbackWarning, match="came as machine code"):
        assert function(lambda x: step(x) + 1)(5.0) == 26


def test_debugging_reaches_them():
    f = function(loop)
    with config.override(check_nan=True):
        same(f, X, 1)
    assert hy.config.check_nan is False


# ufuncs ------------------------------------------------------------------------------------------------------------------
@numba.vectorize
def leaky(x, a):
    return x if x > 0 else a * x


@numba.vectorize(["float64(float64)", "float32(float32)", "int64(int64)"])
def cube(x):
    return x * x * x


@numba.vectorize
def checked(x):
    if x < 0:
        raise ValueError("negative")
    return math.sqrt(x)


OPERANDS = [X - 3, (X - 3).astype(np.float32), np.arange(-4, 4), np.arange(-4, 4, dtype=np.int32), np.float32(-0.5),
            np.float64(2.5), (X - 3)[::3], np.zeros((0, 3)), np.arange(12.0).reshape(3, 4).T]  # fmt: skip


@pytest.mark.parametrize("x", OPERANDS, ids=lambda x: f"{x.dtype}{np.shape(x)}")
def test_ufuncs_of_numbas_are_elementwise_operations(x):
    for f in (function(lambda x: leaky(x, 0.1) * 2, strict=True), function(lambda x: cube(x) + leaky(x, x), strict=True)):
        want, got = f.eager(x), f(x)
        np.testing.assert_allclose(got, want, rtol=1e-6)
        assert type(got) is type(want) and got.dtype == want.dtype
        assert f.stats()["host_calls"] == 0


def test_ufuncs_broadcast_and_take_tensors():
    f = function(lambda x, y: leaky(x[:, None], y).sum(axis=0), strict=True)
    np.testing.assert_allclose(f(X - 3, X[:5]), f.eager(X - 3, X[:5]))
    g = function(lambda x: leaky(x, x) + 1, strict=True)
    x = hy.tensor(X - 3, dtype="float64")
    np.testing.assert_allclose(np.asarray(g(x)), leaky(X - 3, X - 3) + 1)
    assert type(g(x)) is hy.Tensor


def test_an_error_in_a_ufunc_is_numbas():
    f = function(lambda x: checked(x) + 1, strict=True)
    np.testing.assert_allclose(f(X), np.sqrt(X) + 1)
    with pytest.raises(ValueError, match="negative"):
        f(X - 3)


# decorated functions in Numba's code -----------------------------------------------------------------------------------
@function
def norm(v):
    return np.sqrt((v * v).sum())


@function
def damped(x, rate=0.5):
    return x * rate if x > 1 else x


@numba.njit
def uses(v, x):
    s = 0.0
    for k in range(3):
        s += norm(v[k:]) + damped(x) + damped(x, rate=0.25)
    return s


def test_a_decorated_function_is_called_from_numbas_code():
    for x in (0.5, 2.0):
        np.testing.assert_allclose(uses(X, x), uses.py_func(X, x))
    assert uses(X.astype(np.float32), 2.0) > 0


def test_it_may_be_an_argument_or_be_numbas_already():
    @numba.njit
    def apply(f, x):
        return f(x) + 1

    assert apply(damped, 2.0) == 2.0
    twice = function(step)

    @numba.njit
    def both(x):
        return twice(x) + step(x)

    assert both(4.0) == 32.0


def test_what_numba_cannot_compile_is_its_own_error():
    @function
    def strange(x):
        return x.nothing()

    with pytest.raises(numba.TypingError):
        numba.njit(lambda x: strange(x))(1.0)


def test_numba_is_not_imported_for_it():
    source = """
        import sys, numpy as np, hybrid as hy
        f = hy.function(lambda x: x * 2)
        assert "numba" not in sys.modules and f(np.ones(2)).sum() == 4
        assert hasattr(type(f), "_numba_type_") and "numba" not in sys.modules
        import numba
        print(numba.njit(lambda x: f(x) + 1)(3.0))
    """
    assert in_subprocess(source).stdout == "7.0\n"


def test_functions_of_numba_that_a_closure_holds():
    @numba.njit
    def square(a):
        return a * a + 1

    def total(x):
        out = 0.0
        for i in range(len(x)):
            out += square(x[i])
        return out

    compiled = function(total, strict=True)
    for n in (5, 6, 7):
        assert compiled(np.arange(float(n))) == total(np.arange(float(n)))


@numba.guvectorize(["(float64, float64[:])"], "()->()")
def entr(x, out):
    out[0] = 100 * x


def test_a_ufunc_with_the_name_of_one_of_scipys_is_not_that_one():
    import scipy.special  # noqa: F401  whose function of that name is another

    plain = entr.ufunc
    for one, name in ((entr, "the ufunc entr"), (plain, "the ufunc entr")):
        f = hy.function(lambda x, one=one: one(2 * x) + 1)
        with pytest.warns(hy.FallbackWarning, match=rf"{name} .*\(test_numba_interplay\.py:\d+"):
            np.testing.assert_array_equal(f(np.ones((2, 3))), np.full((2, 3), 201.0))
        np.testing.assert_array_equal(f(np.ones(4)), np.full(4, 201.0))
