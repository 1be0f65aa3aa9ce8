"""SciPy's special functions that compositions give: against SciPy, at ordinary values and where their formulas change."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special as sp

import hybrid as hy

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
