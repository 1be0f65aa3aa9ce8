"""A few elements of an argument are written where they lie; an error leaves all of it as it was."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy

SHAPE = (40, 30)
PLACES = [(3, 4), (-1, 7), (5, -2), (6, 6), (0, 29)]


def element(x, i, j):
    x[i, j] = 7.0


def element_read(x, i, j):
    x[i, j] += x[j, i % 30]
    return x[0, 0]


def fixed_column(x, i, j):
    x[i, 3] = j


def row(x, i, j):
    x[i] = x[j] + 1.0


def column(x, i, j):
    x.T[j] = 2.0


def swapped(x, i, j):
    x[[i, j]] = x[[j, i]]


def two(x, i, j):
    x[i, 0] = 1.0
    x[j, 1] = x[i, 0] + x[i, 1]


def old_and_new(x, i, j):
    before = x.copy()
    x[i, j] = -1.0
    return before, x[i, j], x.max()


def flat(x, i, j):
    x.reshape(-1)[i] = 5.0
    x.T[1:3] = x.T[2:4]


def turned(x, i, j):
    x.T[1, i] = 4.0
    x.transpose()[:, 2] += 1.0
    return x.T


PROGRAMS = [element, element_read, fixed_column, row, column, swapped, two, old_and_new, flat, turned]


def outcome(f, x, i, j):
    try:
        return repr(f(x, i, j)), x
    except IndexError as error:
        return str(error), x


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_as_undecorated(program):
    f = hy.function(program)
    for i, j in [*PLACES, (40, 1), (1, 30), (-41, 0), (0, -41), (2, 8), (17, 9)]:
        x = np.random.default_rng(i + 50).random(SHAPE)
        y = x.copy()
        got, want = outcome(f, x, i, j), outcome(program, y, i, j)
        assert got[0] == want[0]
        np.testing.assert_array_equal(got[1], want[1])


@pytest.mark.parametrize("program", [element, fixed_column, column])
def test_nothing_else_is_touched(program):
    f = hy.function(program, strict=True)
    x = np.zeros(SHAPE)
    for i, j in PLACES:
        f(x, i, j)
    text = str(f.loops(x, 2, 8))
    assert f"< {x.size}:" not in text and "copies a result" not in str(f.explain()).rpartition("trace ")[2]


@pytest.mark.parametrize("backend", ["python", "numba"])
def test_other_back_ends(backend):
    for program in (row, column):
        f = hy.function(program, backend=backend)
        for i, j in PLACES[:4]:
            x, y = np.ones(SHAPE), np.ones(SHAPE)
            f(x, i, j), program(y, i, j)
            np.testing.assert_array_equal(x, y)
