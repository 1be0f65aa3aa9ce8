"""Lists that a variable holds, or None, which only a run knows: found in loops, returned from them, known by another name."""

from __future__ import annotations

import numpy as np
import pytest

from tests.staging.test_selections import alike

X = np.random.default_rng(0).random(20)


def longest(x, n):
    best, most = None, 0
    for k in range(n):
        path, j = [k], k
        while j > 0 and x[j] > 0.2:
            j //= 2
            path.append(j)
        if len(path) > most:
            best, most = path, len(path)
    return best, most


def returned(x, n):
    k = 0
    while k < n:
        if x[k] > 0.5:
            path, j = [k], k
            while j > 0:
                j //= 2
                path.append(j)
            return path[::-1]
        k += 1
    return None


def returned_as_it_stands(x, n):
    k = 0
    while k < n:
        if x[k] > 0.5:
            return [k, k + 1]
        k += 1
    return None


def last(x, n):
    found, k = None, 0
    while k < n:
        if x[k] > 0.5:
            found = [k, k + 1]
        k += 1
    return found


def last_made(x, n):
    found = None
    for k in range(n):
        if x[k] > 0.5:
            found = [j for j in range(k)]
    return found


def copied(x, n):
    path, best = [], None
    for k in range(n):
        path.append(k)
        if x[k] > 0.5:
            best = list(path)
        elif x[k] < 0.1:
            best = None
    return best, len(path)


def shared(x, n):
    path, best = [], None
    for k in range(n):
        path.append(k)
        if x[k] > 0.5:
            best = path
    return best


def appended(x, n):
    found = None
    for k in range(n):
        if x[k] > 0.7:
            if found is None:
                found = []
            found.append(k)
    return found


def read_before_it_is_rebound(x, n):
    last, total = None, 0
    for k in range(n):
        if last is not None:
            total += sum(last)
        last = [k, int(x[k] * 10)]
    return total, last


def changed_by_another_name(x, n):
    path, best = [1], None
    if x[0] > 0.5:
        best = path
    if best is not None:
        best.append(3)
    return path


@pytest.mark.parametrize("f", [longest, returned, returned_as_it_stands, last, last_made, shared, appended,
                               read_before_it_is_rebound, changed_by_another_name, copied])  # fmt: skip
@pytest.mark.parametrize("x", [X, X * 0.5])
def test_lists_or_none(f, x):
    alike(f, x, len(x))
