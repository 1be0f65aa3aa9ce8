"""Branches and loops of decorated functions, in the corners where they once differed from Python."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", FallbackWarning)
        yield


# Raising ---------------------------------------------------------------------------------------------------------------
def test_a_way_that_raises_and_nothing_else(invisible):
    def f(x, t):
        if t > 0:
            pass
        else:
            x[7] = 1

    decorated = invisible(f, np.zeros(3), np.float64(1))
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        decorated(np.zeros(3), np.float64(-1))


def test_a_way_that_raises_leaves_lists_alone(invisible):
    def f(x):
        out = []
        if x.sum() > 0:
            pass
        else:
            out.append(x)
            x[7] = 1
        return out

    invisible(f, np.ones(3))


# Numbers written into integers -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "uint64", "bool", "float32"])
@pytest.mark.parametrize("value", [3.7, -1.0, 300.0, np.inf, np.nan, 1e30])
@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_floats_written_into_elements(invisible, dtype, value, kind):
    def f(x, values):
        for i in range(len(x)):
            x[i] = values[i] * 1

    def g(x, number):
        x[1:] = number
        return x

    invisible(f, np.zeros(5, dtype), np.full(5, value, kind), compiled=False)
    invisible(g, np.zeros(5, dtype), kind(value), compiled=False)


def test_integers_written_into_narrower_elements(invisible):
    def f(x, n):
        for i in range(n):
            x[i] = x[i] + i * 40

    def g(x, n):
        for i in range(n):
            x[i] = i * 40

    for dtype in ("int8", "uint8", "int16"):
        for h in (f, g):
            invisible(h, np.zeros(9, dtype), 3)
            invisible(h, np.zeros(9, dtype), 9, compiled=False)


# What a variable stands for --------------------------------------------------------------------------------------------
def test_an_argument_rebound_in_a_loop_that_does_not_run(invisible):
    def f(a, c):
        while c > 0:
            c -= 1
            a = a @ a
        a[0] *= 0.5
        return a

    decorated = invisible(f, np.eye(3), np.int64(0), compiled=False)
    a = np.eye(3)
    assert decorated(a, np.int64(0)) is a
    invisible(f, np.eye(3), np.int64(2))


def test_arguments_that_change_places(invisible):
    def f(x, y, c):
        while c > 0:
            c -= 1
            x, y = y, x
        x[0] = 1

    for rounds in (0, 1, 2):
        invisible(f, np.zeros(4), np.full(4, 7.0), np.int64(rounds), compiled=False)


def test_arguments_handed_down(invisible):
    def f(old, new, steps):
        for _ in range(steps):
            old, new = new, 2 * new - old
        new[0] += 1
        old[0] += 1
        return new

    for steps in (0, 1, 2, 5):
        invisible(f, np.zeros(3), np.ones(3), steps, compiled=False)


def test_an_array_rebound_in_a_loop_and_written_under_another_name(invisible):
    def f(x, c):
        a = x * 1
        b = a
        while c > 0:
            c -= 1
            a = a + 1
        a[0] = 9
        return b + 0, a + 0

    def g(x, c):
        a = x * 1
        b = a
        while c > 0:
            c -= 1
            b[0] = 3
            a = a + 1
        return a + 0

    for rounds in (0, 1, 3):
        invisible(f, np.zeros(3), np.int64(rounds), compiled=False)
        invisible(g, np.zeros(3), np.int64(rounds), compiled=False)


def test_an_argument_returned_from_a_loop(invisible):
    def f(x, y):
        for i in range(len(x)):
            if x[i] > 0:
                return y
        return x

    decorated = invisible(f, np.array([-1.0, 1, 2, 3, 4, 5]), np.ones(3), compiled=False)
    x, y = np.ones(6), np.ones(3)
    assert decorated(x, y) is y
    assert decorated(-x, y) is not y


def test_variables_nobody_reads_after_the_loop(invisible):
    def f(x, y, n):
        for _ in range(n):
            kept = y
            y = x
            del kept

    def g(x, y, s):
        for _, v in zip(y, x):
            s, v = v, s

    invisible(f, np.ones(7, np.float32), np.ones(7), 7, compiled=False)
    invisible(g, np.ones(5, np.float16), np.ones(5, bool), np.float64(3), compiled=False)


def test_an_array_numpy_made_on_one_way(invisible):
    def f(x, table):
        w = np.zeros(3)
        if x.max() > 0:
            w = np.array(table)
        return w + x

    invisible(f, np.ones(3), [1.0, 2, 3])
    invisible(f, -np.ones(3), [1.0, 2, 3])


# Places and lengths that only a run knows ------------------------------------------------------------------------------
def test_a_row_at_a_place_that_a_branch_computes(invisible):
    def f(a, y, s):
        if s > 0:
            a[int(a[0] @ y) % len(y)] = 1

    for n in (1, 3):
        invisible(f, np.ones((n, n)), np.ones(n), np.float64(1))


def test_slices_at_numbers_from_arrays(invisible):
    def f(x, y, c):
        while c > 0:
            c -= 1
            x[math.floor(y[0]) :] += x[1]

    def g(x, y, n):
        for i in range(n):
            stop = int(y[0]) - i
            x[:stop:-1] = x[:stop:-1][::-1] * 2

    for start in (-9.0, -1, 0, 2, 9):
        invisible(f, np.arange(3.0), np.full(2, start), np.int64(2))
        invisible(g, np.arange(5.0), np.full(2, start), 5)


def test_slices_at_numpy_integers(invisible):
    def f(x, k):
        x[k::1] *= 2
        return x[: k + 1]

    for k in (0, 2, -3):
        invisible(f, np.arange(7.0), np.int64(k))


# Explaining ------------------------------------------------------------------------------------------------------------
def test_explain_of_branches_loops_and_empty_results():
    def f(x, empty, n):
        total = 0.0
        for i in range(n):
            if x[i] > 0:
                total += x[i]
        return total, empty + 1

    decorated = function(f)
    x = np.ones(9)
    decorated(x, np.zeros(0), 9)
    assert "loop of" in decorated.explain()
