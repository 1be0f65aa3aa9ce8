"""Keys of dicts and items of sets that are numbers of one class or another: found by their value."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function


def flags(x):
    memo = {}
    for k in range(len(x)):
        key = (int(x[k]), bool(x[k] > 2))
        memo[key] = memo.get(key, 0) + 1
        memo[x[k] > 2, True] = k
    return memo


def of_either_class(x):
    counts = {}
    for k in range(len(x)):
        counts[k] = counts.get(k, 0) + 1
        counts[x[k]] = counts.get(x[k], 0) + 2
    return counts


def halves(x):
    seen = {}
    for k in range(len(x)):
        seen[x[k]] = k
        seen[k] = k + 10
        seen[k * 0.5] = 7
    return seen


def of_a_set(x):
    seen = set()
    for k in range(len(x)):
        if k % 2:
            seen.add(k)
        else:
            seen.add(x[k])
    return 3 in seen, x[0] in seen, len(seen), sorted(seen)


def in_tuples(x):
    found = {}
    for k in range(len(x)):
        value = x[k] if k % 2 else k
        found[value, k % 2 == 0] = found.get((value, k % 2 == 0), 0) + 1
        found[value, k % 3 == 0] = found.get((value, k % 2 == 0), 0) + 5
    return found


ARRAYS = (np.array([1, 5, 2, 2, 3, 5, 0, 9]), np.array([7, 0, 1], np.int32), np.array([2.0, 3.0, 0.5, 1.0]))


@pytest.mark.parametrize("f", (flags, halves, of_a_set, in_tuples))
def test_keys_of_one_class_or_another(f):
    for x in ARRAYS:
        assert repr(function(f, strict=True)(x)) == repr(f(x))


def test_keys_of_integers():
    for x in ARRAYS[:2]:
        assert repr(function(of_either_class, strict=True)(x)) == repr(of_either_class(x))
