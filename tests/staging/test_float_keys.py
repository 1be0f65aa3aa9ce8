"""Dicts and sets whose keys are floats of which only a run knows which: `errors[lam] = …`."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.random.default_rng(3).random(40)


def rounded(x):
    counts = {}
    for v in x:
        k = round(float(v), 1)
        counts[k] = counts.get(k, 0) + 1
    return counts


def seen_before(x):
    seen, again = set(), 0
    for v in x:
        if v in seen:
            again += 1
        seen.add(v)
    return again, len(seen), sorted(seen)


def errors(x, lams):
    found = {}
    for lam in lams:
        found[lam] = ((x - lam) ** 2).max()
    return min(found, key=found.get), found


def cells(x, y):
    grid = {}
    for a, b in zip(x, y):
        grid.setdefault((round(float(a), 1), int(b)), []).append(a)
    return {k: len(v) for k, v in grid.items()}


def known_at_first(x):
    counts = {0.0: 1, 0.5: 2, 1.0: 3}
    for v in x:
        counts[float(v)] = counts.get(float(v), 0) + 1
    return counts


def asked_with_integers(x):
    places = {}
    for i, v in enumerate(x):
        places[v] = i
    return places, [places.get(i, 100) for i in range(5)]


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (rounded, (X,)),
        (rounded, (np.array([0.0, -0.0, -0.04, 0.04]),)),
        (seen_before, (np.floor(X * 9) / 4,)),
        (errors, (X, [0.1, 0.5])),
        (errors, (X, [0.1 * k for k in range(9)])),
        (errors, (X, np.linspace(0, 1, 7))),
        (cells, (X, np.arange(40) % 3)),
        (known_at_first, (np.floor(X * 5) / 4,)),
        (asked_with_integers, (np.array([0.0, 1.0, -0.0, 2.5, 3.0, 4.0]),)),
    ],
)
def test_equal_floats_are_one_key(f, args):
    strict = function(f, strict=True)
    for _ in range(2):
        assert alike(strict(*args), f(*args))


def test_the_first_of_two_zeros_stays_the_key():
    for x in (np.array([-0.0, 0.0]), np.array([0.0, -0.0])):
        (key,) = function(rounded, strict=True)(x)
        assert np.signbit(key) == np.signbit(x[0])


def test_nans_are_pythons():
    decorated = function(seen_before)
    assert alike(decorated(X), seen_before(X))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        got = decorated(np.where(X > 0.8, np.nan, X))
    assert got[:2] == seen_before(np.where(X > 0.8, np.nan, X))[:2]
