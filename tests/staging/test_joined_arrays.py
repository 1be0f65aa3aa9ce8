"""Variables that stand for one array or another, written afterwards: who else knows these arrays sees it, or Python does it."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from tests.staging.conftest import outcome, same

X = np.arange(1.0, 10.0)


def compiled(f, *cases):
    strict = hy.function(f, strict=True)
    for case in cases:
        assert same(outcome(strict, case, {}), outcome(f, case, {})), case


def invisible(f, *cases):
    decorated = hy.function(f)
    for case in cases:
        assert same(outcome(decorated, case, {}), outcome(f, case, {})), case


def picked(a, b, c):
    if c > 0:
        return a
    return b


def test_an_array_may_be_written_that_a_branch_has_chosen():
    def rebound(x, c):
        w, total = x * 2, 0.0
        for i in range(len(x)):
            w *= 1.5
            total += w[i]
            if w[i] > c:
                w = np.ones(len(x))
        return total, w

    def history(y0, steps):
        found = np.zeros((steps + 1, 3))
        found[0] = y0
        for n in range(steps):
            if found[n, 0] < 3:
                start = found[n]
            else:
                start = (4 * found[n] - found[n - 1]) / 3
            found[n + 1] = start * 1.5
        return found

    def raised(x, c):
        y = x * 2 if x[0] > c else x * 3
        y[0] = 9
        return y

    compiled(rebound, (X, 20.0), (X, 3.0), (X, -3.0))
    compiled(history, (np.ones(3), 7), (np.ones(3) * 5, 7))
    compiled(raised, (X, 0.0), (X, 5.0))


def test_arrays_that_change_places_on_one_way_are_two():
    def swapped(x, c):
        a, b = x * 1, x * 2
        if c > x[0]:
            a, b = b, a
        a[0] += 5
        return a, b

    compiled(swapped, (X, 3.0), (X, -3.0))


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("c", [-100.0, 3.0, 100.0])
def test_what_is_written_under_another_name_is_seen(c):
    def by_a_function(x, c):
        a, b = x * 2, x * 3
        y = picked(a, b, x[0] - c)
        y[0] = 9
        return a.sum(), b.sum()

    def before(x, c):
        a, b = x * 2, x * 3
        y = picked(a, b, x[0] - c)
        a[0] = 77
        return y.sum()

    def of_three(x, c):
        a, b = x * 2, x * 4
        if c > x[0]:
            y = a if x[1] > 0 else b
        else:
            y = x * 5
        y[0] = 1
        return a.sum() + b.sum()

    def a_row(x, c):
        table = np.outer(x, x)
        row = table[int(x[2])] if c > x[0] else np.zeros(9)
        row[0] = 5
        return table

    def in_a_list(x, c):
        a, rows = x * 2, []
        rows.append(a)
        y = a if c > x[0] else x * 3
        y[0] = 100
        return rows[0].sum()

    def in_a_loop(x, c):
        a, b, total = x * 2, x * 3, 0.0
        y = a if x[0] > c else b
        for i in range(7):
            y[i] += 1
            total += a[i]
        return total

    def by_rounds(x, c):
        a = b = x * 2
        for i in range(8):
            if x[i] > c:
                b = x * 3 + i
            b[i] += 1
        return a

    def other_rounds(x, c):
        a, b = x * 2, x * 3
        kept = b
        for _ in range(int(x[0])):
            a, b = b, a + b
        a[0] = c
        return kept.sum()

    for f in (by_a_function, before, of_three, a_row, in_a_list, in_a_loop, by_rounds, other_rounds):
        invisible(f, (X, c))


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("c", [0.0, 5.0, 8.0, 50.0])
def test_one_array_under_two_names_is_returned_as_one(c):
    def twice(x, c):
        a, b = x * 2, x * 3
        return a, a if x[0] > c else b

    def shrunk(x, c):
        kept = x[x > c]
        first = kept
        while len(kept) > 3:
            kept = kept[kept > kept.min()]
        return first, kept

    for one in (twice, shrunk):
        f = hy.function(one)
        for _ in range(2):
            for y in (X, X + 5):
                got, want = f(y, c), one(y, c)
                assert same(got, want) and (got[0] is got[1]) == (want[0] is want[1])


def test_an_argument_that_changes_places_with_a_copy_is_written():
    def diffused(u, steps):
        new = u.copy()
        for _ in range(steps):
            for i in range(1, len(u) - 1):
                new[i] = u[i] + 0.1 * (u[i - 1] + u[i + 1] - 2 * u[i])
            u, new = new, u
        return u

    def kept(x, steps):
        a, b = x * 1, x * 2
        other = b
        for _ in range(steps):
            for i in range(1, len(x) - 1):
                b[i] = a[i] + 0.1 * a[i - 1]
            a, b = b, a
        return a.sum(), other.sum()

    for f in (diffused, kept):
        invisible(f, *((X, steps) for steps in (6, 7, 8, 9, 1, 11)))
