"""Filters of scipy.signal against SciPy: sums to the last bit, fitted polynomials within rounding."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.signal as sg

import hybrid as hy
from hybrid.staging.fallback import FallbackWarning
from tests.tools import Lending

RNG = np.random.default_rng(0)
X, W, M, K = (RNG.normal(size=shape) for shape in (60, 5, (12, 9), (3, 4)))
T, C = RNG.normal(size=(4, 5, 6)), RNG.normal(size=(2, 3, 2))
PAIRS = ((M, K), (K, M), (T, C), (M.astype("f4"), K.astype("f4")), ((M * 9).astype(int), (K * 9).astype(int)),
         (np.asfortranarray(M), K), (M, K[:, :3]), (M, M[:4, :7]), (M, K[:1]), (M, K[:, :1]))  # fmt: skip


def same(f, *args, exact=True):
    compiled = Lending(f)
    got, want = compiled(*args), f(*args)
    assert got.dtype == want.dtype and got.shape == want.shape
    if exact:
        np.testing.assert_array_equal(got, want)
        assert got.strides == want.strides
    else:
        single = want.dtype == np.float32
        np.testing.assert_allclose(got, want, rtol=2e-5 if single else 1e-12, atol=1e-5 if single else 1e-13)
    return compiled


def is_native(compiled):
    return "host" not in compiled.explain()


@pytest.mark.parametrize("mode", ("full", "same", "valid"))
def test_convolutions(mode):
    for x, k in PAIRS:
        for f in (lambda x, k: sg.convolve(x, k, mode, "direct"), lambda x, k: sg.correlate(x, k, mode, method="direct")):
            native = is_native(same(f, x, k))
            assert native or (mode == "same" and x.size < k.size)  # with a kernel of so many elements
        for f in (lambda x, k: sg.convolve(x, k, mode), lambda x, k: sg.correlate(x, k, mode)):
            same(f, x, k)
    for f in (
        lambda x, k: sg.convolve(x, k, mode),
        lambda x, k: sg.correlate(x, k, mode),
        lambda x, k: sg.convolve(k, x, mode),
    ):
        same(f, X, W, exact=False)


def test_long_convolutions_are_transforms():
    x = RNG.normal(size=4000)
    f = same(lambda x: sg.convolve(x, x[::-1]), x)
    assert not is_native(f)
    assert is_native(same(lambda x, k: sg.convolve(x, k, "same"), x, W, exact=False))
    whole = (x * 9).astype(int)
    same(lambda x: sg.convolve(x, x), whole)


@pytest.mark.parametrize("mode", ("full", "same", "valid"))
@pytest.mark.parametrize("boundary", ("fill", "wrap", "symm"))
def test_planes(mode, boundary):
    for x, k in PAIRS:
        if x.ndim == 2:
            for f in (sg.convolve2d, sg.correlate2d):
                native = is_native(same(lambda x, k, f=f: f(x, k, mode, boundary, 2), x, k))
                assert native or x.size < k.size


@pytest.mark.parametrize("mode", ("interp", "nearest", "mirror", "wrap", "constant"))
def test_smoothing_polynomials(mode):
    for x in (X, M, M.astype("f4"), np.asfortranarray(M), (M * 9).astype(int)):
        for f in (
            lambda x: sg.savgol_filter(x, 5, 2, mode=mode, cval=2.0),
            lambda x: sg.savgol_filter(x, 7, 3, deriv=1, delta=0.5, axis=0, mode=mode),
            lambda x: sg.savgol_filter(x, 6, 3, 2, mode=mode),
        ):
            assert is_native(same(f, x, exact=mode != "interp"))


def test_medians_and_trends():
    for x in (X, M, M.astype("f4"), (M * 9).astype(int), (M * 9).astype("u1")):
        assert is_native(same(lambda x: sg.medfilt(x, 5 if x.ndim == 1 else (3, 5)), x))
        assert is_native(same(lambda x: sg.medfilt(x), x))
        assert is_native(same(lambda x: sg.detrend(x, type="constant"), x, exact=False))
    assert is_native(same(lambda x: sg.medfilt2d(x, 3), M))


def test_finite_responses():
    for f in (lambda b, x: sg.lfilter(b, 1.0, x), lambda b, x: sg.lfilter(b, [2.0], x, axis=0)):
        for x in (X, M, M.astype("f4")):
            assert is_native(same(f, W, x, exact=False))
    assert is_native(same(lambda x: sg.lfilter([1.0, 2.0, 0.5], 1, x), T, exact=False))


def test_derivatives():
    def loss(x, k):
        parts = sg.convolve2d(x, k, "same", "symm"), sg.correlate(x, k, "same", "direct"), sg.savgol_filter(x, 5, 2)
        return np.sum((parts[0] * parts[1] + parts[2]) * M) + np.sum(sg.medfilt(x, 3) * M)

    found = hy.grad(hy.function(loss), argnums=(0, 1))(M, K)
    for which, place in ((0, (0, 0)), (0, (7, 3)), (1, (1, 2))):
        step = [np.zeros_like(M), np.zeros_like(K)]
        step[which][place] = 1e-6
        slope = (loss(M + step[0], K + step[1]) - loss(M - step[0], K - step[1])) / 2e-6
        np.testing.assert_allclose(found[which][place], slope, rtol=1e-5)


@pytest.mark.parametrize("f", (
    lambda x: sg.convolve(x, X), lambda x: sg.convolve(x, x, "odd"), lambda x: sg.convolve2d(X, x), lambda x: sg.medfilt(x, 2),
    lambda x: sg.savgol_filter(x, 5, 6), lambda x: sg.savgol_filter(x, 11, 2), lambda x: sg.savgol_filter(x, 5, 2, mode="odd"),
    lambda x: sg.convolve2d(x, x, boundary="odd"), lambda x: sg.correlate(x, x, method="odd"),
    lambda x: sg.detrend(x, type="odd"), lambda x: sg.convolve(x, x.T, "valid"),
))  # fmt: skip
def test_errors(f):
    with pytest.raises(Exception) as want:
        f(M)
    with pytest.raises(type(want.value)), warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        hy.function(f)(M)
