"""Look-up, interpolation, convolution, gradients, quantiles and polynomials against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

CASES = [
    "np.searchsorted(np.sort(y), x)", "np.searchsorted(np.sort(y), x, side='right')",
    "np.interp(x, np.arange(5.0), y[:5])", "np.interp(3 * x, np.arange(5.0), y[:5], left=-1, right=9)",
    "np.convolve(x, y[:3])", "np.convolve(x, y[:4], 'same')", "np.convolve(x, y[:3], 'same')",
    "np.convolve(x, y[:3], 'valid')", "np.convolve(y[:3], x)", "np.correlate(x, y[:3])", "np.correlate(x, y[:3], 'full')",
    "np.correlate(x, y[:4], 'same')", "np.correlate(y[:3], x, 'full')", "np.gradient(x)", "np.gradient(x, 0.5)",
    "np.gradient(x.reshape(4, 5))", "np.gradient(x.reshape(4, 5), 2.0, axis=1)", "np.gradient(x.reshape(4, 5), 2.0, 3.0)",
    "np.quantile(x, 0.3)", "np.quantile(x.reshape(4, 5), 0.75, axis=0)", "np.percentile(x, 50)",
    "np.percentile(x, [5, 95])", "np.polyval([1.0, -2.0, 3.0], x)", "np.polyval(y[:4], x)",
    "np.convolve(np.tile(x, 3), np.tile(y, 2))",
]  # fmt: skip


@pytest.mark.parametrize("source", CASES)
def test_signals(source, check, check_eager):
    function = eval(f"lambda x, y: {source}", {"np": np})
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=20), rng.normal(size=20)
    check(function, x, y, tolerance=64)
    check_eager(function, x, y)
    if "interp" not in source:
        check(function, x.astype(np.float32), y.astype(np.float32), tolerance=64)


def test_interpolation_at_the_points_and_beyond(check):
    x = np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, np.nan, np.inf, -np.inf])
    check(lambda x, xp, fp: np.interp(x, xp, fp), x, np.array([0.0, 1.0, 2.0]), np.array([5.0, 7.0, -1.0]))


@pytest.mark.parametrize(
    "source",
    [
        "np.gradient(x[:1])",
        "np.quantile(x, 2.0)",
        "np.convolve(x, x[:0])",
        "np.convolve(x, x, 'some')",
    ],
)
def test_errors(source, traced):
    function = eval(f"lambda x: {source}", {"np": np})
    with pytest.raises(ValueError):
        function(np.ones(3))
    with pytest.raises(ValueError):
        traced(function, np.ones(3))
