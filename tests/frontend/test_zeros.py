"""Zeros with a sign, and NaN, where an operation takes one of two equal numbers: the one that NumPy takes."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy

FUNCTIONS = {
    "clip": lambda x, y: np.clip(x, 0.0, 1.0),
    "clip from minus zero": lambda x, y: np.clip(x, -0.0, 1.0),
    "clip to zero": lambda x, y: np.clip(x, -1.0, 0.0),
    "clip to minus zero": lambda x, y: x.clip(-1, -0.0),
    "clip by arrays": lambda x, y: np.clip(x, y, 1.0),
    "clip one by one": lambda x, y: np.array([np.clip(v, 0.0, 1.0) for v in x]),
    "maximum": lambda x, y: np.maximum(x, y),
    "minimum": lambda x, y: np.minimum(x, y),
    "with zero": lambda x, y: np.maximum(x, 0.0),
    "Python's": lambda x, y: np.array([max(a, b) for a, b in zip(x, y)]),
    "median": lambda x, y: np.median(x),
    "sort": lambda x, y: np.sort(x),
    "unique": lambda x, y: np.unique(x),
    "sign": lambda x, y: np.sign(x),
    "rounded": lambda x, y: np.round(x * 0.3),
    "floor": lambda x, y: np.floor(x * 0.3),
    "remainder": lambda x, y: np.mod(x, 2.0),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_signs_of_zeros(name, dtype):
    rng, function = np.random.default_rng(1), FUNCTIONS[name]
    compiled = hy.function(function)
    for n in (1, 3, 8, 17, 33):
        for pool in ([0.0, -0.0, 1.0, -1.0], [0.0, -0.0, 1.0, np.nan, np.inf, -np.inf]):
            x, y = rng.choice(pool, n).astype(dtype), rng.choice(pool, n).astype(dtype)
            with np.errstate(invalid="ignore"):
                made, wanted = compiled(x, y), function(x, y)
            np.testing.assert_array_equal(made, wanted)
            here = ~np.isnan(wanted)
            np.testing.assert_array_equal(np.signbit(made)[here], np.signbit(wanted)[here])
