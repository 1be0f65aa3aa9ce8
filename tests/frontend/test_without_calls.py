"""Functions of NumPy's and SciPy's that are products and loops of ours: the same values, classes, layouts and errors."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest

import hybrid as hy

RNG = np.random.default_rng(7)
DTYPES = ("?", "i", "l", "f", "d", "D")


def numbers(dtype, *shape):
    x = RNG.normal(size=shape) * 3
    return (x + 1j * RNG.normal(size=shape)).astype(dtype) if np.dtype(dtype).kind == "c" else x.astype(dtype)


def flat(value):
    return [part for item in value for part in flat(item)] if isinstance(value, (tuple, list)) else [value]


def agree(f, *args, host_calls=0):
    """Compiled as a whole, f gives what it gives plain, writes the same, and raises the same."""

    def outcome(g):
        given = copy.deepcopy(args)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                return flat([g(*given), list(given)])
            except Exception as error:
                return type(error)

    compiled = hy.function(f)
    got, want = outcome(compiled), outcome(f)
    if isinstance(want, type):
        assert got is want
        return
    for a, b in zip(got, want, strict=True):
        assert type(a) is type(b)
        if isinstance(b, (np.ndarray, np.generic)):
            assert a.dtype == b.dtype and a.shape == b.shape and (not b.size or a.strides == b.strides)
            dtypes = [x.dtype for x in (b, *args) if isinstance(x, (np.ndarray, np.generic))]
            narrow = any(dtype.itemsize // (1 + (dtype.kind == "c")) < 8 for dtype in dtypes)
            np.testing.assert_allclose(a, b, rtol=2e-5 if narrow else 1e-9, atol=1e-5 if narrow else 1e-11)
    assert host_calls is None or compiled.stats()["host_calls"] == host_calls, compiled.explain()


@pytest.mark.parametrize("dtype", DTYPES)
def test_matrix_power(dtype):
    for n in (0, 1, 2, 3, 4, 7):
        for shape in ((3, 3), (2, 3, 3), (1, 1)):
            agree(lambda x, n=n: np.linalg.matrix_power(x, n), numbers(dtype, *shape))
    agree(lambda x: np.linalg.matrix_power(x, 0), np.asfortranarray(numbers(dtype, 3, 3)))
    for shape, n in (((3, 2), 2), ((3,), 2), ((3, 3), 2.0)):
        agree(lambda x, n=n: np.linalg.matrix_power(x, n), numbers(dtype, *shape))
    given = numbers("d", 3, 3)
    same = hy.function(lambda x: np.linalg.matrix_power(x, 1))
    assert same(given) is given


CHAINS = (((2, 3), (3, 4)), ((2, 3), (3, 4), (4, 2)), ((3,), (3, 4), (4, 2)), ((3,), (3, 4), (4,)), ((3,), (3,)),
          ((5, 2), (2, 7), (7, 3), (3, 4), (4, 1)), ((2, 3), (4, 3), (3, 2)), ((2, 3), (3,), (3, 2)))  # fmt: skip


@pytest.mark.parametrize("shapes", CHAINS)
def test_multi_dot(shapes):
    for dtype in ("l", "d", "F"):
        agree(lambda *xs: np.linalg.multi_dot(xs), *(numbers(dtype, *shape) for shape in shapes))


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 4)])
def test_norms_of_vectors_and_matrices(shape):
    for x in (numbers("d", *shape), numbers("l", *shape), numbers("F", *shape)):
        for axis in (None, 0, -1, (0,), (1, 0), (0, 2)):
            for ord_ in (2, 1, 0, -np.inf, 3):
                agree(lambda x, a=axis, o=ord_: np.linalg.vector_norm(x, axis=a, ord=o, keepdims=a == 0), x)
        for ord_ in ("fro", 1, -np.inf, "foo"):
            agree(lambda x, o=ord_: np.linalg.matrix_norm(x, ord=o, keepdims=True), x)
    agree(lambda x: np.linalg.matrix_norm(x, ord=2), numbers("d", 3, 3), host_calls=1)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (7, 2), (2, 2, 2), (2, 3, 2), (3,), (1, 1), (0, 3)])
def test_fill_diagonal(shape):
    def fill(x, value, wrap):
        np.fill_diagonal(x, value, wrap=wrap)
        np.fill_diagonal(x.T, value, wrap=wrap)
        return x.sum()

    for dtype in ("l", "d"):
        for value in (2, numbers(dtype, 3), numbers("l", 9), numbers(dtype, 2, 2)):
            for wrap in (False, True):
                agree(lambda x, v, wrap=wrap: fill(x, v, wrap), numbers(dtype, *shape), value)


@pytest.mark.parametrize("ufunc", [np.divide, np.power, np.floor_divide, np.hypot, np.negative, np.sqrt])
def test_at(ufunc):
    def at(x, index, *values):
        ufunc.at(x, index, *values)
        return x

    for dtype in ("d", "f"):
        for index in ([1, 1, 2], 2, np.array([0, -1, 0]), np.array([0, 3])):
            values = () if ufunc.nin == 1 else (2.0,)
            agree(lambda x, *v, i=index: at(x, i, *v), np.abs(numbers(dtype, 4, 2)), *values)
            agree(lambda x, i, *v: at(x, i, *v), np.abs(numbers(dtype, 4)), np.array(index), *values)


def test_at_refuses_what_numpy_refuses():
    def at(ufunc, x, index, values):
        ufunc.at(x, index, values)
        return x

    for index in (2, np.array(1)):
        agree(lambda x, v, i=index: at(np.add, x, i, v), numbers("d", 4), numbers("d", 1), host_calls=None)
    agree(lambda x, v: at(np.bitwise_or, x, [0], v), numbers("d", 4), numbers("d", 1), host_calls=None)


@pytest.mark.parametrize("ufunc", [np.bitwise_or, np.bitwise_xor, np.gcd, np.fmax, np.hypot])
def test_reduceat(ufunc):
    x = numbers("d", 2, 9) if ufunc in (np.fmax, np.hypot) else numbers("l", 2, 9)
    for places in ([0, 3, 7], [5, 2], [-1], [9]):
        agree(lambda x, p=places: ufunc.reduceat(x, p, axis=1), x)


def test_geomspace():
    for start in (1, 2.0, -3.0, np.float32(2)):
        for stop in (0.5, -8.0, np.float32(4), 0.0):
            for more in ({}, {"endpoint": False}, {"dtype": "f"}, {"num": 1}):
                agree(lambda b, a=start, more=more: np.geomspace(a, b + 1, **{"num": 5, **more}), stop)
    agree(lambda a, b: np.geomspace(a, b, 6), 3.0, np.float64(0.25))


def test_derivatives():
    x = np.abs(numbers("d", 3, 3)) + 0.5

    def filled(x):
        y = x * 1
        np.fill_diagonal(y, x[0], wrap=True)
        np.divide.at(y, [1, 1, 0], x[2])
        return (y * y).sum()

    for f in (
        lambda x: np.linalg.matrix_power(x, 5).sum(),
        lambda x: np.linalg.multi_dot([x[0], x, x.T, x]).sum(),
        lambda x: np.linalg.vector_norm(x, axis=(0, 1), ord=3) + np.linalg.matrix_norm(x),
        lambda x: np.geomspace(x[0, 0], x[1, 1], 5)[2],
        filled,
    ):
        hy.check_grads(hy.function(f), (x,))
        hy.check_grads(f, (x,))


# Roots and logarithms beyond the real numbers, sums of exponentials, filters -------------------------------------------
@pytest.mark.parametrize("dtype", ["?", "b", "B", "l", "e", "f", "d", "F", "D"])
def test_emath(dtype):
    near = (numbers(dtype, 6) / 20).astype(dtype)
    for x in (numbers(dtype, 6), np.abs(numbers(dtype, 6)).astype(dtype), near, numbers(dtype, 1)[0], numbers(dtype, 0)):
        for name in ("sqrt", "log", "log2", "log10", "arccos", "arcsin", "arctanh"):
            if dtype not in "?bB" or name == "sqrt":  # of so narrow ones NumPy computes in float16
                agree(lambda x, n=name: getattr(np.emath, n)(x), x, host_calls=None)
        agree(lambda x: np.emath.power(x, 2), x, host_calls=None)
        agree(lambda x: np.emath.logn(2, x), x, host_calls=None)


def test_emath_is_native():
    x = np.array([4.0, 9.0])
    for f in (np.emath.sqrt, np.emath.log, lambda x: np.emath.logn(3, x)):
        for given in (x, -x):
            agree(lambda x, f=f: f(x), given)
    agree(lambda x: np.emath.power(x, -0.5), x)
    f = hy.function(lambda x: np.emath.sqrt(x))
    assert f(x).dtype == float
    with pytest.warns(hy.FallbackWarning, match="no number is negative"):
        assert f(-x).dtype == complex and f(x).dtype == float
    hy.check_grads(hy.function(lambda x: np.emath.sqrt(x) * np.emath.log(x) + np.emath.power(x, 1.5)), (x,))


def test_weighted_sums_of_exponentials():
    sp = pytest.importorskip("scipy.special")
    x, b = numbers("d", 3, 4), numbers("d", 3, 4)
    odd = np.array([[0.0, 1, -np.inf, 2], [np.inf, 1, 0, -1], [np.nan, 1, 2, 3]])
    for given in (x, odd, 1000 * x, np.full((3, 4), -np.inf)):
        for factors in (b, np.abs(b), b[0], np.zeros(4), np.array([0.0, 1, 0, 2]), np.arange(4)):
            for axis in (None, 0, 1, (0, 1)):
                agree(lambda x, b, a=axis: sp.logsumexp(x, axis=a, b=b, keepdims=a == 1), given, factors)
    hy.check_grads(hy.function(lambda x, b: sp.logsumexp(x, b=b)), (x, np.abs(b)))


def test_filters():
    sg = pytest.importorskip("scipy.signal")
    for x in (numbers("d", 13), numbers("f", 9), numbers("d", 1)):
        for taps in (1, 2, 5, 16):
            for up, down in ((1, 1), (2, 1), (3, 2), (1, 4), (7, 3)):
                agree(lambda h, x, u=up, d=down: sg.upfirdn(h, x, u, d), numbers("d", taps), x)
        agree(lambda x: sg.wiener(x, 3), x.astype("d"))
    agree(lambda x: sg.wiener(x, 5, noise=0.3), numbers("d", 12))
    agree(lambda x: sg.wiener(x, (3, 3)), numbers("d", 8, 9))
    columns = np.asfortranarray(numbers("d", 3, 7))
    for x in (numbers("d", 3, 7), numbers("f", 12), numbers("l", 5), numbers("d", 2), numbers("d", 1), columns):
        for places in (0, [3], np.array([1, 2]), [99]):
            agree(lambda x, p=places: sg.detrend(x, bp=p), x)
        agree(lambda x: sg.detrend(x, axis=0, type="linear"), x)
    hy.check_grads(hy.function(lambda x: np.sum(sg.detrend(x, bp=[4]) ** 2)), (numbers("d", 3, 9),))
    hy.check_grads(hy.function(lambda x, h: sg.upfirdn(h, x, 3, 2)), (numbers("d", 6), numbers("d", 4)))
