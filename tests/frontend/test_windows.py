"""Extremes, ranks and morphology of scipy.ndimage against SciPy, to the last bit."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.ndimage as nd

import hybrid as hy
from hybrid.staging.fallback import FallbackWarning

RNG = np.random.default_rng(0)
X, M, T = RNG.normal(size=20), RNG.normal(size=(12, 9)), RNG.normal(size=(5, 6, 7))
BYTES, FAR = RNG.integers(0, 255, (8, 9)).astype("u1"), RNG.integers(-(2**62), 2**62, (9, 8))
IMAGES = (X, M, T, M.astype("f4"), np.asfortranarray(M), M[::-1, ::2], BYTES, FAR, FAR.astype("u8"), BYTES.astype("i2")[0],
          BYTES > 99)  # fmt: skip
ALL = {
    "minimum": lambda x, **kw: nd.minimum_filter(x, 3, **kw),
    "maximum": lambda x, **kw: nd.maximum_filter(x, size=[4] * x.ndim, origin=1, **kw),
    "long": lambda x, **kw: nd.maximum_filter1d(x, 9, -1, **kw),
    "along": lambda x, **kw: nd.minimum_filter1d(x, 5, axis=0, origin=-2, **kw),
    "one": lambda x, **kw: nd.maximum_filter(x, 1, **kw),
    "axes": lambda x, **kw: nd.maximum_filter(x, size=3, axes=0, **kw),
    "median": lambda x, **kw: nd.median_filter(x, (3, 3, 2)[: x.ndim], **kw),
    "rank": lambda x, **kw: nd.rank_filter(x, -2, (4, 2, 2)[: x.ndim], **kw),
    "percentile": lambda x, **kw: nd.percentile_filter(x, 20, (5, 3, 1)[: x.ndim], **kw),
    "most": lambda x, **kw: nd.percentile_filter(x, -100.0, 3, **kw),
}
GREY = {
    "erosion": lambda x, **kw: nd.grey_erosion(x, 3, **kw),
    "dilation": lambda x, **kw: nd.grey_dilation(x, size=4, **kw),
    "opening": lambda x, **kw: nd.grey_opening(x, size=(3,) * x.ndim, **kw),
    "closing": lambda x, **kw: nd.grey_closing(x, size=2, **kw),
}
CROSS, UNEVEN = np.array([[0, 1, 0], [1, 1, 1], [1, 1, 0]]), RNG.normal(size=(2, 3)) * 4
PLANE = {
    "median": lambda x, **kw: nd.median_filter(x, footprint=CROSS, **kw),
    "maximum": lambda x, **kw: nd.maximum_filter(x, footprint=CROSS, origin=(1, 0), **kw),
    "minimum": lambda x, **kw: nd.minimum_filter(x, footprint=CROSS, **kw),
    "erosion": lambda x, **kw: nd.grey_erosion(x, structure=UNEVEN, **kw),
    "dilation": lambda x, **kw: nd.grey_dilation(x, structure=UNEVEN, footprint=CROSS[:2], origin=(0, 1), **kw),
    "closing": lambda x, **kw: nd.grey_closing(x, footprint=CROSS, **kw),
}
BINARY = {
    "erosion": lambda x: nd.binary_erosion(x, border_value=1), "dilation": lambda x: nd.binary_dilation(x, iterations=3),
    "opening": lambda x: nd.binary_opening(x), "closing": lambda x: nd.binary_closing(x, None, 2),
    "masked": lambda x: nd.binary_dilation(x, mask=x > 0.5, iterations=2),
    "spared": lambda x: nd.binary_erosion(x, mask=x <= 0.5, iterations=2),
}  # fmt: skip
HOLED = np.array([[1, 0, 1, 1]])
FLAT = {
    "erosion": lambda x: nd.binary_erosion(x, CROSS, origin=(1, 0)),
    "dilation": lambda x: nd.binary_dilation(x, CROSS, 2, origin=(0, 1)),
    "holed": lambda x: nd.binary_closing(x, HOLED, 2, border_value=1),
    "masked": lambda x: nd.binary_erosion(x, HOLED, mask=x > 0.2, iterations=3),
}


def same(f, x):
    compiled = hy.function(f, strict=True)
    got, want = compiled(x), f(x)
    assert got.dtype == want.dtype and got.strides == want.strides
    assert got.tobytes() == want.tobytes()
    assert "host" not in compiled.explain()


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("mode", ("reflect", "constant", "grid-wrap"))
def test_chosen_elements(name, mode):
    for x in IMAGES if mode != "constant" else IMAGES[:-1]:
        if min(x.shape) > 5 or name != "long":  # longer windows than images are SciPy's
            same(lambda x: ALL[name](x, mode=mode, cval=0.5), x)


@pytest.mark.parametrize("name", GREY)
def test_grey(name):
    for x in IMAGES[:-1]:
        same(lambda x: GREY[name](x, mode="mirror"), x)


@pytest.mark.parametrize("name", PLANE)
@pytest.mark.parametrize("mode", ("nearest", "constant"))
def test_footprints(name, mode):
    for x in IMAGES[:-1]:
        if x.ndim == 2:
            same(lambda x: PLANE[name](x, mode=mode, cval=-3.5), x)


@pytest.mark.parametrize("name", BINARY)
def test_binary(name):
    for x in (X > 0, M > 0, T > 0, np.asfortranarray(M > 0), BYTES // 90, M):
        same(BINARY[name], x)


@pytest.mark.parametrize("name", FLAT)
def test_binary_structures(name):
    for x in (M > 0, np.asfortranarray(M > 0), BYTES // 90, M):
        same(FLAT[name], x)


def test_zeros_of_both_signs():
    x = np.zeros((6, 7))
    x[1], x[:, 2] = -0.0, -0.0
    for f in (lambda x: nd.maximum_filter(x, 3), lambda x: nd.minimum_filter1d(x, 4), PLANE["maximum"], PLANE["minimum"]):
        same(f, x)


def test_nan_is_left_to_scipy():
    x = M.copy()
    x[3, 4] = np.nan
    compiled = hy.function(lambda x: (nd.maximum_filter(x, 3), nd.median_filter(x, 3)))
    np.testing.assert_array_equal(compiled(M), (nd.maximum_filter(M, 3), nd.median_filter(M, 3)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        np.testing.assert_array_equal(compiled(x), (nd.maximum_filter(x, 3), nd.median_filter(x, 3)))
    same(PLANE["maximum"], x)


def test_sizes_that_vary():
    compiled = hy.function(lambda x: nd.median_filter(nd.maximum_filter(x, 3), 3), strict=True)
    for rows in (9, 12, 20, 31):
        x = RNG.normal(size=(rows, 8))
        np.testing.assert_array_equal(compiled(x), nd.median_filter(nd.maximum_filter(x, 3), 3))


def test_chosen_elements_have_derivatives():
    weights = RNG.normal(size=M.shape)

    def loss(x):
        return np.sum((nd.median_filter(x, 3) + nd.grey_opening(x, size=3) + nd.maximum_filter(x, footprint=CROSS)) * weights)

    found = hy.grad(hy.function(loss))(M)
    for place in ((0, 0), (3, 4), (11, 8)):
        step = np.zeros_like(M)
        step[place] = 1e-6
        np.testing.assert_allclose(found[place], (loss(M + step) - loss(M - step)) / 2e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("f", (
    lambda x: nd.median_filter(x, 0), lambda x: nd.maximum_filter(x, 3, origin=2), lambda x: nd.rank_filter(x, 9, 3),
    lambda x: nd.percentile_filter(x, 120, 3), lambda x: nd.minimum_filter(x), lambda x: nd.maximum_filter(x, (3, 3, 3)),
    lambda x: nd.binary_erosion(x, X), lambda x: nd.uniform_filter(x, 3, mode="odd"), lambda x: nd.grey_dilation(x),
))  # fmt: skip
def test_errors(f):
    with pytest.raises(Exception) as want:
        f(M)
    with pytest.raises(type(want.value)), warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        hy.function(f)(M)
