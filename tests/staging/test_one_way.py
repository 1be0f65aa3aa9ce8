"""Branches that arguments alone decide, of which one way is not compiled: calls that do not take it are."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.core.errors import HybridError
from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.random.default_rng(6).standard_normal(9)


def with_spread(x, damping=0.0):
    out = {"mean": x.mean()}
    if damping:
        out["spread"] = x.std() / damping
    return out


def dropped(x, share, seed=3):
    rng = np.random.default_rng(seed) if share > 0 else None
    for _ in range(2):
        if rng is not None:
            x = x * (rng.random(x.shape) >= share)
        x = x + 1
    return x


def texts_of(x, limit):
    if limit > 0:
        return str(x[:2]) + "!"
    return x.sum()


@pytest.mark.parametrize("f", [with_spread, dropped])
def test_both_ways_are_compiled_apart(f):
    strict = function(f, strict=True)
    for value in (0.0, 0.5, 0.0, 0.25, -1.0, 0.5):
        assert alike(strict(X, value), f(X, value))


def test_the_way_that_is_compiled():
    strict = function(texts_of, strict=True)
    assert alike(strict(X, -1.0), texts_of(X, -1.0))
    with pytest.raises(HybridError):
        strict(X, 1.0)
    assert alike(strict(X, -2.0), texts_of(X, -2.0))


def test_numbers_that_never_come_again_are_not_traced_for_ever():
    decorated = function(with_spread)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for value in np.linspace(0.1, 0.9, 40):
            assert alike(decorated(X, float(value)), with_spread(X, float(value)))
    assert decorated.stats()["traces"] <= 32
