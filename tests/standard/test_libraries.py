"""Libraries that are written for NumPy or for the array-API standard take tensors."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

import hybrid as hy

RNG = np.random.default_rng(0)
T = hy.asarray(RNG.normal(size=(4, 6, 3)))
M, V = T[:, :, 0], T[0, :, 0]

# In a process of their own: SciPy reads SCIPY_ARRAY_API when it is imported.
LEARN = """
import numpy as np, hybrid as hy
from sklearn import config_context, metrics
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge
rng = np.random.default_rng(0)
x = rng.normal(size=(60, 6))
y = x @ rng.normal(size=6) + rng.normal(size=60)
c = (y > 0).astype(np.int64)
for make, args in ((lambda: PCA(3, svd_solver="full"), (x,)), (lambda: Ridge(solver="svd"), (x, y)),
                   (LinearDiscriminantAnalysis, (x, c))):
    want = make().fit(*args)
    with config_context(array_api_dispatch=True):
        got = make().fit(*map(hy.asarray, args))
        part = "transform" if hasattr(got, "transform") else "predict"
        found = getattr(got, part)(hy.asarray(x))
    assert isinstance(found, hy.Tensor), type(found)
    np.testing.assert_allclose(np.asarray(found), getattr(want, part)(x), rtol=1e-6, atol=1e-8)
with config_context(array_api_dispatch=True):
    assert metrics.accuracy_score(hy.asarray(c), hy.asarray(1 - c)) == 0
    assert abs(metrics.r2_score(hy.asarray(y), hy.asarray(y + 1)) - metrics.r2_score(y, y + 1)) < 1e-12
"""
SCIENCE = """
import numpy as np, hybrid as hy
from scipy import cluster, fft, integrate, ndimage, signal, special, stats
x = np.abs(np.random.default_rng(0).normal(size=(8, 8))) + 0.1
calls = [lambda x: special.gammaln(x), lambda x: special.logsumexp(x, axis=0), lambda x: fft.rfft2(x), lambda x: fft.dct(x),
         lambda x: stats.skew(x), lambda x: stats.zscore(x), lambda x: signal.fftconvolve(x, x), lambda x: signal.detrend(x),
         lambda x: ndimage.gaussian_filter(x, 1.0), lambda x: integrate.cumulative_simpson(x, dx=1.0),
         lambda x: cluster.vq.whiten(x)]
for call in calls:
    found = call(hy.asarray(x))
    assert isinstance(found, hy.Tensor), type(found)
    np.testing.assert_allclose(np.asarray(found), call(x), rtol=1e-7, atol=1e-10)
"""


@pytest.mark.parametrize(("library", "code"), [("sklearn", LEARN), ("scipy", SCIENCE)], ids=["sklearn", "scipy"])
def test_libraries_of_the_standard(library, code):
    pytest.importorskip(library)
    environment = {**os.environ, "SCIPY_ARRAY_API": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_einops():
    einops = pytest.importorskip("einops")
    import einops.array_api as standard

    import hybrid.einops  # noqa: F401

    for f in (
        lambda x: einops.rearrange(x, "a b c -> c (a b)"),
        lambda x: einops.repeat(x, "a b c -> a b c 2"),
        lambda x: einops.reduce(x, "a (b 2) c -> a b", "mean"),
        lambda x: einops.einsum(x, x, "a b c, d b c -> a d"),
        lambda x: standard.rearrange(x, "a b c -> (c a) b"),
        lambda x: standard.reduce(x, "a b c -> a", "sum"),
    ):
        want = f(T)
        assert isinstance(want, hy.Tensor)
        np.testing.assert_allclose(np.asarray(want), np.asarray(f(T.numpy())))
        np.testing.assert_allclose(np.asarray(hy.function(f)(T)), np.asarray(want))
    assert isinstance(einops.asnumpy(T), np.ndarray)


def test_pandas():
    pd = pytest.importorskip("pandas")
    assert (pd.DataFrame(M).to_numpy() == M.numpy()).all()
    assert pd.DataFrame({"a": V, "b": V * 2}).shape == (6, 2)
    series = pd.Series(V)
    assert series.dtype == "float64" and (series + V).tolist() == (V + V).tolist() and pd.Index(V).tolist() == V.tolist()
    assert hy.asarray(series.to_numpy()).tolist() == V.tolist() == hy.asarray(series).tolist()


def test_matplotlib():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from matplotlib.figure import Figure

        figure = Figure()
        axes = figure.add_subplot()
        (line,) = axes.plot(V, V * 2)
        assert line.get_ydata().tolist() == (V * 2).tolist()
        assert axes.imshow(M).get_array().tolist() == M.tolist()
        assert axes.hist(V)[0].sum() == len(V)
        for name in ("scatter", "bar", "step", "stem", "fill_between", "errorbar"):
            getattr(axes, name)(V, V)
        for name in ("contour", "pcolormesh", "boxplot"):
            getattr(axes, name)(M)
        figure.canvas.draw()


def test_numpy_testing():
    np.testing.assert_allclose(V, V.numpy())
    np.testing.assert_allclose(V, V)
    np.testing.assert_array_equal(V, V)
    np.testing.assert_array_less(V, V + 1)
    with pytest.raises(AssertionError, match="Mismatched elements"):
        np.testing.assert_allclose(V, V + 1)
