"""`min`, `max` and `sorted` by keys that only a run knows, of names, tuples and sets."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.random.default_rng(4).standard_normal(12)
WIDE = np.random.default_rng(5).standard_normal(41)


def best_name(x):
    scores = {}
    for name, value in (("mean", x.mean()), ("max", x.max()), ("last", x[-1])):
        scores[name] = value
    return max(scores, key=scores.get), min(scores, key=lambda name: scores[name])


def best_curve(x, names):
    curves = {}
    for name in names:
        curves[name] = x * 2 if name == "double" else x + 1
    return min(curves, key=lambda name: curves[name][-1])


def least_pair(x):
    return min((abs(v - 1.0), i) for i, v in enumerate(x)), max((v > 0, i) for i, v in enumerate(x[:3]))


def in_turn(x):
    free, order = np.ones(len(x), dtype=bool), []
    while free.any():
        k = min(np.flatnonzero(free), key=lambda i: (x[i] > 0, -x[i]))
        free[k] = False
        order.append(int(k))
    return order, max(x, key=lambda v: v * v), min(x[x > 0], key=abs)


def tour(d):
    left, at = set(range(1, len(d))), [0]
    while left:
        nearest = min(left, key=lambda j: d[at[-1], j])
        at.append(nearest)
        left.remove(nearest)
    return at


def emptied(keys, d):
    left = set()
    for k in keys:
        left.add(int(k))
    order = []
    while left:
        k = min(left, key=lambda j: d[j % len(d)])
        order.append(k)
        left.remove(k)
    return order


def in_order(keys, d):
    left = set()
    for k in keys:
        left.add(int(k))
    return sorted(left, key=lambda j: d[j % len(d)])


def extremes_of_rows(x):
    rows = [[] for _ in range(4)]
    for k in range(len(x)):
        rows[k % 4].append(x[k])
    out = np.zeros((4, 2))
    for i in range(4):
        out[i] = min(rows[i]), max(rows[i])
    return out


def tellers(arrivals, services):
    """Times that are Python floats at first and NumPy's later: which, the least one keeps."""
    free, waits = [0.0] * 3, []
    for a, s in zip(arrivals, services):
        j = free.index(min(free))
        start = max(a, free[j])
        waits.append(start - a)
        free[j] = start + s
    return waits, free, max(free)


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (best_name, (X,)),
        (best_name, (-X[:5],)),
        (best_curve, (X, ("single", "double", "other"))),
        (least_pair, (X,)),
        (least_pair, (X[:3],)),
        (in_turn, (X,)),
        (tour, (np.abs(X[:, None] - X),)),
        (emptied, (np.arange(11) * 7 % 40, WIDE)),
        (in_order, (np.arange(11) * 7 % 40, WIDE)),
        (extremes_of_rows, (WIDE,)),
        (tellers, (np.cumsum(np.abs(WIDE)), 2 * np.abs(WIDE[::-1]))),
        (tellers, (np.abs(X[:1]), np.abs(X[:1]))),
    ],
)
def test_what_only_a_run_knows_is_least(f, args):
    strict = function(f, strict=True)
    for _ in range(2):
        assert alike(strict(*args), f(*args))


@pytest.mark.parametrize("f", [emptied, in_order])
def test_of_a_set_the_first_of_equals_is_pythons(f):
    keys, d = np.array([17, 3, 8, 33, 1, 40, 12, 100, 64]), np.zeros(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        assert function(f)(keys, d) == f(keys, d)
