"""Lists that are returned as arrays and turn out to have no items: NumPy makes a vector of float64 of them."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import AssumptionError
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.random.default_rng(9).standard_normal(12)
NONE = np.full(12, -9.0)


def crossings(x, level):
    found = []
    for k in range(len(x) - 1):
        if x[k] < level <= x[k + 1]:
            found.append((k, x[k]))
    return np.array(found), len(found)


def places(x, level):
    found = []
    for k in range(len(x)):
        if x[k] > level:
            found.append(k)
    return {"at": np.asarray(found), "as floats": np.array(found, dtype=np.float32), "n": len(found)}


def rows(x, level):
    found = []
    for k in range(len(x)):
        if x[k] > level:
            found.append(x * k)
    return [np.array(found), np.array([x[0]])]


def again(x, level):
    """Where it calls itself the array is looked at."""
    found = []
    for k in range(len(x)):
        if x[k] > level:
            found.append((k, k))
    if level > 0:
        return again(x, level - 5.0)[0] + len(found)
    return np.array(found)


def looked_at(x, level):
    found = []
    for k in range(len(x)):
        if x[k] > level:
            found.append((k, k))
    made = np.array(found)
    return made, made.ndim


@pytest.mark.parametrize("f", [crossings, places, rows])
def test_a_returned_array_may_be_empty(f):
    strict = function(f, strict=True)
    for x in (X, NONE, X, NONE, NONE, X):
        assert alike(strict(x, 0.1), f(x, 0.1))
    assert strict.stats()["calls"] == 4  # all since the first without items
    first = function(f, strict=True)
    for x in (NONE, NONE, X):
        assert alike(first(x, 0.1), f(x, 0.1))


def test_what_is_looked_at_is_not_taken_for_empty():
    strict = function(looked_at, strict=True)
    assert alike(strict(X, 0.1), looked_at(X, 0.1))
    with pytest.raises(AssumptionError):
        strict(NONE, 0.1)
    strict = function(again, strict=True)
    for level in (-1.0, 1.0, -0.5, 2.0):
        assert alike(strict(X, level), again(X, level))
