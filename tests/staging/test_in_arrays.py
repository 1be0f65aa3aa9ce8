"""`x in a`, where `a` is an array whose elements only a run knows."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy

GRID = np.array([[5, 3, 0], [6, 0, 0], [0, 9, 8]])


def found(grid, value):
    return 1 if value in grid else 0


def missing(grid, n):
    return [d for d in range(n) if d not in grid[0] and d not in grid[:, 1]]


def several(grid):
    return [value in grid for value in (1, 9.0, np.int64(3), True)], 8 in grid[2:], 8 in grid[:0]


def counted(xs, known):
    return sum(1 for x in xs if x in known)


def until(xs, target):
    k = 0
    while target not in xs[:k]:
        k += 1
    return k


CASES = [
    (found, [(GRID, 9), (GRID, 7), (GRID * 0.5, 2.5), (GRID.astype(np.float32), np.nan)]),
    (missing, [(GRID, 10)]), (several, [(GRID,), (GRID * 1.0,), (GRID > 4,)]),
    (counted, [(np.arange(6.0), np.array([1.0, 4.0, np.nan]))]), (until, [(np.array([4, 2, 7]), 7)]),
]  # fmt: skip


@pytest.mark.parametrize(("f", "cases"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_what_is_in_it(f, cases):
    g = hy.function(f, strict=True)
    for args in cases * 2:
        got, want = g(*args), f(*args)
        assert got == want and str(got) == str(want)


def test_arrays_in_arrays_are_compared_as_numpy_does():
    g = hy.function(lambda a, b: b in a)
    for row in (GRID[0], GRID[0] + 100):
        assert g(GRID, row) is (row in GRID)
