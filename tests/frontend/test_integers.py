"""Integers against NumPy: common divisors, reciprocals, and elements folded at computed places, of all dtypes."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

import hybrid as hy

INTEGERS = tuple(np.dtype(d) for d in "bBhHiIlL")
ALL = (np.dtype(bool), *INTEGERS, *map(np.dtype, "efdFD"))


def _drawn(dtype, shape):
    rng = np.random.default_rng(3)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        x = rng.integers(max(-30, info.min), 30, shape).astype(dtype)
        x.flat[:3] = [0, info.min, info.max]
        return x
    return (rng.normal(size=shape) * 3 + (1j if dtype.kind == "c" else 0)).astype(dtype)


def _same(f, *given, rtol=0.0):
    """Whether a function gives, and raises, what NumPy's does."""
    results = []
    for call in (f, hy.function(f)):
        with np.errstate(all="ignore"):
            try:
                results.append(np.asarray(call(*(np.copy(x, order="K") for x in given))))
            except TypeError as error:
                results.append(str(error))
    want, got = results
    if isinstance(want, str) or isinstance(got, str):
        assert got == want
        return
    assert got.dtype == want.dtype and (got.strides == want.strides or not got.size)
    np.testing.assert_allclose(got, want, rtol=rtol)


DIVISORS = [
    "np.gcd(x, y)", "np.lcm(x, y)", "np.gcd(x, 6)", "np.lcm(4, y[::-1].T)", "np.gcd.reduce(x, axis=1)", "np.lcm.accumulate(x)",
    "np.gcd.outer(x[0], y[:, 0])", "np.gcd(x[:0], y[:0])", "np.reciprocal(x)",
]  # fmt: skip


@pytest.mark.parametrize("text", DIVISORS)
@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_divisors(text):
    f = eval(f"lambda x, y: {text}")
    for a, b in itertools.product((*INTEGERS, np.dtype(bool)), repeat=2):
        if a.itemsize == b.itemsize or a.itemsize == 1:
            _same(f, _drawn(a, (4, 3)), np.asfortranarray(_drawn(b, (4, 3))))


def test_divisors_are_native():
    f = hy.function(lambda x, y: (np.gcd(x, y), np.lcm(x, y), np.reciprocal(x)), strict=True)
    f(np.arange(1, 5), np.arange(2, 6))
    assert "host" not in f.explain()


@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "maximum", "minimum", "bitwise_or", "bitwise_xor", "logical_and"]
)
@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning", "ignore::numpy.exceptions.ComplexWarning")
def test_folded_at_places(name):
    ufunc = getattr(np, name)
    index = np.array([3, 0, -1] if name == "logical_and" else [3, 0, -1, 3, 3, 1, 0])  # it is written out place by place

    def f(x, v):
        ufunc.at(x, index, v)
        return x

    for a, b in itertools.product(ALL, repeat=2):
        _same(f, _drawn(a, (4, 3)), _drawn(b, (len(index), 3)), rtol=1e-6)
    for a in ALL:
        _same(f, np.asfortranarray(_drawn(a, (4, 3))), np.asarray(2))


@pytest.mark.parametrize("name", ["multiply", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"])
def test_folds_are_native(name):
    def f(x, i):
        getattr(np, name).at(x, i, 3)
        return x

    compiled = hy.function(f, strict=True)
    x, i = np.arange(6), np.array([0, 2, 2, 5])
    np.testing.assert_array_equal(compiled(x.copy(), i), f(x.copy(), i))
    assert "host" not in compiled.explain()
    rows = np.array([[0, 2, 2, 1], [3, 3, 0, 3]])
    np.testing.assert_array_equal(hy.vmap(lambda i: f(i * 2, i))(rows), [f(i * 2, i) for i in rows])


KEYWORDS = [{}, {"return_counts": True}, {"return_inverse": True}, {"return_index": True, "return_inverse": True},
            {"return_index": True, "return_inverse": True, "return_counts": True}]  # fmt: skip


def _samples(dtype):
    """Few and many distinct ones, near and far from each other; lengths on both sides of every limit."""
    rng, info = np.random.default_rng(5), np.iinfo(dtype)
    for size in (0, 1, 2, 40, 127, 128, 1500, 9000):
        for low, high in ((info.min, info.max), (max(info.min, -3), 3), (info.max - 70, info.max)):
            yield rng.integers(low, high, size, dtype, endpoint=True)
    yield rng.permutation(np.arange(3000)).astype(dtype)
    yield (rng.integers(0, 50, 4000) << (8 * dtype.itemsize - 7)).astype(dtype)


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_distinct(dtype):
    for keywords in KEYWORDS:
        compiled = hy.function(lambda x, keywords=keywords: np.unique(x, **keywords), strict=True)
        for x in _samples(dtype):
            got, want = compiled(x), np.unique(x, **keywords)
            for a, b in zip(*(part if keywords else (part,) for part in (got, want)), strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_array_equal(a, b)


def test_distinct_of_other_layouts():
    x = np.random.default_rng(0).integers(0, 9, (8, 6))
    f = hy.function(lambda x: np.unique(x, return_inverse=True), strict=True)
    for given in (x, x.T, x[::2], x[:, ::-1], x[::3, 1], np.array(4)):
        for got, want in zip(f(given), np.unique(given, return_inverse=True)):
            np.testing.assert_array_equal(got, want)


def test_distinct_in_loops():
    def f(x):
        out = np.zeros(6, np.int64)
        for k in range(6):
            out[k] = np.unique(x % (k + 2)).sum() + len(np.unique(x // (k + 1)))
        return out

    x = np.random.default_rng(0).integers(0, 300, 500)
    for backend in ("llvm", "python"):
        np.testing.assert_array_equal(hy.function(f, strict=True, backend=backend)(x), f(x))


def test_distinct_in_an_order_of_its_own():
    x = np.random.default_rng(0).integers(-999, 999, 100)
    got = hy.function(lambda x: (np.unique(x, sorted=False), np.unique_values(x)), strict=True)(x)
    for a, b in zip(got, (np.unique(x, sorted=False), np.unique_values(x))):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["add", "multiply", "maximum", "minimum", "logical_or"])
def test_reduced_between_places_of_a_run(name):
    ufunc, rng = getattr(np, name), np.random.default_rng(0)
    x, n = rng.normal(size=50), rng.normal(size=(6, 20, 5))
    at, few = np.array([0, 3, 3, 10, 7, 49]), np.array([1, 0, 4])
    f = hy.function(lambda x, i: ufunc.reduceat(x, i), strict=True)
    for a, i in ((x, at), (x.astype("f4"), at.astype("u1")), ((x * 9).astype(int), at), ((x * 9).astype("i1"), at),
                 (x > 0, at), (x, at[:0]), (n, few)):  # fmt: skip
        got, want = f(a, i), ufunc.reduceat(a, i)
        assert got.dtype == want.dtype and "host" not in f.explain()
        np.testing.assert_allclose(got, want, rtol=1e-5 if want.dtype == "f4" else 1e-12)
    along = hy.function(lambda x, i: ufunc.reduceat(x, i, axis=1), strict=True)
    np.testing.assert_allclose(along(n, few * 4), ufunc.reduceat(n, few * 4, axis=1), rtol=1e-12)
    zeros = np.array([-0.0, 0.0, -0.0, -0.0])
    for g in (f, hy.function(lambda x, i: ufunc.reduceat(x, [0, 1, 2]), strict=True)):
        got, want = g(zeros, np.array([0, 1, 2])), ufunc.reduceat(zeros, [0, 1, 2])
        np.testing.assert_array_equal(np.signbit(got), np.signbit(want))
    for bad in (at + 1, -at):
        with pytest.raises(IndexError, match="index"):
            hy.function(lambda x, i: ufunc.reduceat(x, i))(x, bad)


def test_sums_between_places_have_a_derivative():
    at = np.array([1, 4, 4, 9, 6])

    def loss(x, i):
        return np.sum(np.add.reduceat(x, i) ** 2) + np.sum(np.maximum.reduceat(x, i) ** 3)

    x = np.random.default_rng(0).normal(size=12)
    found = hy.function(hy.grad(loss), strict=True)(x, at)
    steps = np.eye(12) * 1e-6
    np.testing.assert_allclose(found, [(loss(x + s, at) - loss(x - s, at)) / 2e-6 for s in steps], rtol=1e-6, atol=1e-8)


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
@pytest.mark.parametrize("name", ["bitwise_or", "gcd", "logical_xor"])
@pytest.mark.parametrize("method", ["reduce", "accumulate", "reduceat"])
def test_one_element_is_refused_as_several_are(name, method):
    """A fold of one element computes nothing, and has the dtypes of the ufunc all the same."""
    fold, places = getattr(getattr(np, name), method), ([0],) if method == "reduceat" else ()

    def f(x):
        return fold(x, *places)

    for x in (np.ones(1), np.ones(1, bool), np.ones((1, 2), np.int8)):
        try:
            want = f(x)
        except TypeError as error:
            with pytest.raises(TypeError, match=re.escape(str(error))):
                hy.function(f)(x)
        else:
            _same(f, x)
            assert want.dtype == hy.function(f)(x).dtype
