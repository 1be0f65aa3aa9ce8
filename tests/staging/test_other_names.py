"""A variable that a loop makes another name of an array, which the loop, or what comes after it, goes on to write."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.full(3, 1.1)


def best_so_far(x, n):
    best, w = np.zeros(3), np.zeros(3)
    for k in range(n):
        w += x * math.cos(k)
        if w.sum() > best.sum():
            best = w
    return best


def both(x, n):
    best, w = np.zeros(3), np.zeros(3)
    for k in range(n):
        w += x * math.cos(k)
        if w.sum() > best.sum():
            best = w
    return best, w, best is w


def with_its_score(x, n):
    best, w = (0.0, np.zeros(3)), np.zeros(3)
    for k in range(n):
        w += x * math.cos(k)
        if w.sum() > best[0]:
            best = (w.sum(), w)
    return best


def chosen_in_a_loop_inside(x, n):
    best, w = np.zeros(3), np.zeros(3)
    for k in range(n):
        for j in range(7):
            if x[0] > k - 2 + j:
                best = w
        w += x
    return best


def written_after_the_loop(x, n):
    best, w = np.zeros(3), np.zeros(3)
    for k in range(n):
        if x[0] > k - 2:
            best = w
    w += 100
    return best, w


def always_the_same(x, n):
    best, w = np.zeros(3), np.zeros(3)
    for _ in range(n):
        w += x
        best = w
    w += 100
    return best, w


def the_one_before(x, n):
    before, w, total = np.zeros(3), np.zeros(3), 0.0
    for _ in range(n):
        w += x
        total += (w - before).sum()
        before = w
    return total


def a_row(x, n):
    row, w, total = np.zeros(3), np.zeros((7, 3)), 0.0
    for k in range(n):
        w += x
        total += row.sum()
        row = w[k % 7]
    return total


def while_it_shrinks(x, n):
    best, w, k = np.zeros(3), 20 * x, 0
    while k < n:
        w -= 0.5
        if w[0] < 20:
            best = w
        k += 1
    return best.sum()


def handed_on(x, n):
    a, b, w, total = np.zeros(3), np.zeros(3), np.zeros(3), 0.0
    for _ in range(n):
        w += x
        a = b
        b = w
        total += a.sum()
    return total


class Search:
    def __init__(self):
        self.w, self.best = np.zeros(3), np.zeros(3)


def of_an_object(x, n):
    search = Search()
    for k in range(n):
        search.w += x
        if x[0] > k - 2:
            search.best = search.w
    return search.best * 1


def or_an_argument(x, n):
    w, best = np.zeros(3), x
    for k in range(n):
        w += x
        if x[0] > k - 2:
            best = w
    return best.sum()


PROGRAMS = [
    best_so_far, both, with_its_score, chosen_in_a_loop_inside, written_after_the_loop, always_the_same, the_one_before,
    a_row, while_it_shrinks, handed_on, of_an_object, or_an_argument,
]  # fmt: skip


@pytest.mark.parametrize("f", PROGRAMS)
@pytest.mark.parametrize("n", [1, 5, 40])
def test_both_names_are_written(f, n):
    decorated = function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for _ in range(2):
            assert alike(decorated(X, n), f(X, n))


def copied(x, n):
    best, w = np.zeros(3), np.zeros(3)
    for k in range(n):
        w += x * math.cos(k)
        if w.sum() > best.sum():
            best = w.copy()
    return best, w


def test_a_copy_has_no_other_name():
    strict = function(copied, strict=True)
    assert alike(strict(X, 40), copied(X, 40))
    assert "written out" not in strict.explain()
