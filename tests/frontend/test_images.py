"""Filters of scipy.ndimage against SciPy: those that are native to the last bit, and those that SciPy computes."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.ndimage as nd
import scipy.signal as sg

import hybrid as hy
from hybrid.staging.fallback import FallbackWarning
from tests.tools import Lending

RNG = np.random.default_rng(0)
X, M, T = RNG.normal(size=20), RNG.normal(size=(12, 9)), RNG.normal(size=(5, 6, 7))
BYTES, WHOLE = RNG.integers(0, 255, (8, 9)).astype("u1"), RNG.integers(-999, 999, (6, 5))
ENDLESS = M.copy()
ENDLESS[3, 4], ENDLESS[7, 2] = np.inf, np.nan
K = np.arange(9.0).reshape(3, 3) - 3
NATIVE = {
    "correlate1d": lambda x, **kw: nd.correlate1d(x, [0.5, 1.0, -2.0], **kw),
    "even": lambda x, **kw: nd.correlate1d(x, [0.25, 0.5, 1.5, 0.5, 0.25], axis=0, **kw),
    "odd": lambda x, **kw: nd.correlate1d(x, (-1.0, 0.5, 0.1, -0.5, 1.0), **kw),
    "one": lambda x, **kw: nd.convolve1d(x, [2], **kw),
    "convolve1d": lambda x, **kw: nd.convolve1d(x, (0.5, 1.0, -2.0), axis=0, **kw),
    "gaussian_filter": lambda x, **kw: nd.gaussian_filter(x, 0.8, **kw),
    "narrow": lambda x, **kw: nd.gaussian_filter(x, sigma=[0.6] + [0.0] * (x.ndim - 1), truncate=2.0, **kw),
    "gaussian_filter1d": lambda x, **kw: nd.gaussian_filter1d(x, 0.9, 0, **kw),
    "sobel": lambda x, **kw: nd.sobel(x, **kw),
    "prewitt": lambda x, **kw: nd.prewitt(x, axis=0, **kw),
    "laplace": lambda x, **kw: nd.laplace(x, **kw),
    "off": lambda x, **kw: nd.correlate1d(x, [1.0, 2.0, 3.0, 0.1], axis=0, origin=1, **kw),
    "turned": lambda x, **kw: nd.convolve1d(x, [1.0, 2.0, 3.0, 0.1], origin=-1, **kw),
    "derived": lambda x, **kw: nd.gaussian_filter(x, 0.7, order=2, radius=2, **kw),
    "curved": lambda x, **kw: nd.gaussian_laplace(x, 0.6, **kw),
    "uniform_filter": lambda x, **kw: nd.uniform_filter(x, 3, **kw),
    "uniform_filter1d": lambda x, **kw: nd.uniform_filter1d(x, 4, 0, origin=-1, **kw),
    "narrow_mean": lambda x, **kw: nd.uniform_filter(x, size=[1] * (x.ndim - 1) + [4], **kw),
    "nothing": lambda x, **kw: nd.uniform_filter(x, 1, **kw),
}
MODES = ("reflect", "mirror", "nearest", "wrap", "constant", "grid-wrap", "grid-mirror", "grid-constant")
HOSTED = {
    "zoom": lambda x: nd.zoom(x, 2), "rotate": lambda x: nd.rotate(x, 30), "label": lambda x: nd.label(x > 0),
    "center": lambda x: nd.center_of_mass(x), "erosion": lambda x: nd.binary_erosion(x > 0, iterations=20),
    "distance": lambda x: nd.distance_transform_edt(x > 0), "median": lambda x: nd.median_filter(x, 7),
    "short": lambda x: nd.gaussian_filter(x[:2], 3.0), "welch": lambda x: sg.welch(x[:, 0], nperseg=8),
    "resample": lambda x: sg.resample(x, 20), "medfilt2d": lambda x: sg.medfilt2d(x, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.parametrize("mode", MODES)
def test_native(name, mode):
    def f(x):
        return NATIVE[name](x, mode=mode, cval=0.5)

    compiled = hy.function(f, strict=True)
    for x in (X, M, T, M.astype("f4"), np.asfortranarray(M), M[::-1, ::2], ENDLESS, BYTES, WHOLE, BYTES.astype("u4")):
        with np.errstate(invalid="ignore"):
            got, want = compiled(x), f(x)
        assert got.dtype == want.dtype and got.strides == want.strides
        np.testing.assert_array_equal(got, want)
        assert "host" not in compiled.explain()


def test_of_another_dtype():
    def f(x):
        return nd.convolve1d(x, [0.3, 0.4], output=np.float32), nd.uniform_filter(x, 3, np.int16), nd.laplace(x, float)

    compiled = hy.function(f, strict=True)
    for x in (M, BYTES, WHOLE):
        for got, want in zip(compiled(x), f(x)):
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)


def test_means_of_any_size():
    x = RNG.normal(size=(3, 3000))
    compiled = hy.function(lambda x: nd.uniform_filter1d(x, 1001, mode="nearest"), strict=True)
    np.testing.assert_array_equal(compiled(x), nd.uniform_filter1d(x, 1001, mode="nearest"))
    assert "host" not in compiled.explain()


def test_windows_are_native():
    def f(x):
        parts = nd.convolve(x, K), nd.correlate(x, K, mode="mirror"), nd.convolve(x, K[:1])
        return *parts, nd.convolve(x, K[:2], origin=(0, 1)), nd.correlate(x, K[:, :2], None, "constant", 2, (1, -1))

    compiled = hy.function(f, strict=True)
    for x in (M, BYTES, WHOLE):
        for got, want in zip(compiled(x), f(x)):
            np.testing.assert_array_equal(got, want)
    assert "host" not in compiled.explain()


def test_filters_have_derivatives():
    weights = RNG.normal(size=M.shape)

    def loss(x):
        return np.sum(nd.uniform_filter(nd.gaussian_filter(nd.sobel(x), 0.7, mode="nearest"), (2, 3)) * weights)

    found = hy.grad(hy.function(loss))(M)
    for place in ((0, 0), (3, 4), (11, 8)):
        step = np.zeros_like(M)
        step[place] = 1e-6
        np.testing.assert_allclose(found[place], (loss(M + step) - loss(M - step)) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("name", HOSTED)
def test_computed_by_scipy(name):
    f = HOSTED[name]
    compiled = Lending(f)
    for got, want in ((compiled(M), f(M)) for _ in range(2)):
        for a, b in zip(*((x if isinstance(x, tuple) else (x,)) for x in (got, want)), strict=True):
            assert type(a) is type(b)
            np.testing.assert_array_equal(a, b)


def test_into_an_array_that_is_there():
    def f(x):
        out = np.zeros_like(x)
        nd.gaussian_filter(x, 1.0, output=out)
        nd.uniform_filter(x, 3, out)
        return out, x

    with pytest.warns(FallbackWarning):
        got = hy.function(f)(M)
    for a, b in zip(got, f(M)):
        np.testing.assert_array_equal(a, b)
