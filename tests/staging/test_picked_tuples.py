"""Tuples of numbers that a call is given, in a list: an index that only a run knows picks one."""

import numpy as np

from hybrid.staging.function import function
from tests.staging.conftest import same as alike


def visits(places, n):
    times, target, x = [], 0, 0.0
    for k in range(n):
        if target == len(places):
            break
        goal = places[target]
        if abs(goal[0] - x) < 0.1:
            times.append(k * goal[1])
            target += 1
            continue
        x += 0.1 * (goal[0] - x)
    return x, target, times


def both_kinds(x, n):
    corners, at, out = [(0.0, 1.0), (x[0], x[1]), (2.0, x[2])], 0, np.zeros(2)
    for k in range(n):
        u, v = corners[at]
        out += u, v
        if out[0] > k:
            at = (at + 1) % 3
    return out, at


def test_tuples_of_numbers_are_picked_by_a_number_that_only_a_run_knows():
    strict = function(visits, strict=True)
    for places in ([(0.5, 1.0), (1.0, 1.5)], [(0.3, 2.0), (0.1, 0.5)]):
        assert alike(strict(places, 40), visits(places, 40))
    assert alike(function(both_kinds, strict=True)(np.arange(3.0), 40), both_kinds(np.arange(3.0), 40))
