"""Chains of a sampler: what a round accepts or leaves as it was is put into a list, `if accepted: w = q`, `chain.append(w)`."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.full(3, 1.1)


def accepted(x, n):
    w = np.zeros(3)
    s = []
    for k in range(n):
        q = w + x
        if q.sum() < 20 or k % 3 == 0:
            w = q
        s.append(w)
    return np.array(s)


def in_pairs(x, n):
    w = np.zeros(3)
    s = []
    for i in range(n):
        q = w + x
        w = q if q.sum() < 20 * x[0] else w
        s.append((i, w))
    return s[0][1].sum(), np.array([b for a, b in s])


def after_a_loop_inside(x, n):
    w = np.zeros(3)
    s = []
    for i in range(n):
        for j in range(6):
            q = w + x * math.sin(i + j)
            if q.sum() < 20 * x[0]:
                w = q
        s.append(w)
    return np.array(s)


def or_another_variable(x, n):
    w = np.zeros(3)
    v = np.ones(3)
    s = []
    for _ in range(n):
        if w.sum() < 20 * x[0]:
            w = v
        s.append(w)
        v = v + x
    v += 7
    return np.array(s), v


def by_number(x, n):
    w = np.zeros(3)
    s = {}
    for k in range(n):
        q = w + x
        if q.sum() < 20 * x[0]:
            w = q
        s[k] = w
    return s[0].sum() + s[n - 1].sum()


def another_name_is_written_later(x, n):
    w = np.zeros(3)
    s = []
    w0 = w
    for _ in range(n):
        q = w + x
        if q.sum() < 20 * x[0]:
            w = q
        s.append(w)
    w0 += 1
    return np.array(s)


def written_later(x, n):
    w = np.zeros(3)
    s = []
    for _ in range(n):
        q = w + x
        if q.sum() < 20 * x[0]:
            w = q
        s.append(w)
    w += 1
    return np.array(s)


def written_before_in_every_round(x, n):
    w = np.zeros(3)
    s = []
    for _ in range(n):
        w *= 0.9
        q = w + x
        if q.sum() < 20 * x[0]:
            w = q
        s.append(w)
    return np.array(s)


def written_after_in_every_round(x, n):
    w = np.zeros(3)
    s = []
    for _ in range(n):
        q = w + x
        if q.sum() < 20 * x[0]:
            w = q
        s.append(w)
        w[0] += 1
    return np.array(s)


def started_from_what_a_loop_around_writes(x, n):
    w0 = np.zeros(3)
    s = []
    for _ in range(n):
        w0 += 1
        w = w0
        for _ in range(6):
            q = w + x
            if q.sum() < 20 * x[0]:
                w = q
            s.append(w)
    return np.array(s)


def started_from_what_a_loop_around_doubles(x, n):
    w0 = np.zeros(3)
    s = []
    for _ in range(n):
        w0 *= 2
        w = w0
        for _ in range(6):
            q = w + x
            if q.sum() < 20 * x[0]:
                w = q
            s.append(w)
        if w.sum() < 60 * x[0]:
            w0 = w0 + 1
    return np.array(s)


def another_variable_is_written_later(x, n):
    w = np.zeros(3)
    v = np.ones(3)
    s = []
    for i in range(n):
        if w.sum() < 20 * x[0]:
            w = v
        s.append(w)
        if i * x[0] > 4:
            v = v + x
    v += 7
    return np.array(s), v


def another_variable_is_written_before(x, n):
    w = np.zeros(3)
    v = np.ones(3)
    s = []
    for i in range(n):
        v[1] += 1
        if w.sum() < 20 * x[0]:
            w = v
        s.append(w)
        if i * x[0] > 4:
            v = v + x
    return np.array(s), v


def started_from_an_argument(x, n):
    w = x
    s = []
    for _ in range(n):
        q = w + x
        if q.sum() < 20 * x[0]:
            w = q
        s.append(w)
    x += 1
    return np.array(s)


def returned_as_a_list(x, n):
    w = x
    s = []
    for _ in range(n):
        q = w + x
        if q.sum() < 20 * x[0]:
            w = q
        s.append(w)
    return s, w


def the_best_is_written(x, n):
    w = np.zeros(3)
    best = w.copy()
    s = []
    for i in range(n):
        q = w + x * math.sin(i)
        if q.sum() < 20 * x[0]:
            w = q
        if w.sum() > best.sum():
            best = w
        s.append(w)
        best[0] += 0.1
    return np.array(s), best.sum()


def written_after_a_loop_inside(x, n):
    w = np.zeros(3)
    s = []
    for i in range(n):
        for j in range(6):
            q = w + x * math.sin(i + j)
            if q.sum() < 20 * x[0]:
                w = q
        s.append(w)
        w[1] = 0
    return np.array(s)


def a_row(x, n):
    rows = np.zeros((6, 3))
    w = rows[0]
    s = []
    for i in range(n):
        rows[i % 6] += x
        if x[0] * i < 30:
            w = rows[i % 6]
        s.append(w)
    return np.array(s)


KEPT = [accepted, in_pairs, after_a_loop_inside, or_another_variable, by_number]
OTHERS = [
    another_name_is_written_later,
    written_later,
    written_before_in_every_round,
    written_after_in_every_round,
    started_from_what_a_loop_around_writes,
    started_from_what_a_loop_around_doubles,
    another_variable_is_written_later,
    another_variable_is_written_before,
    started_from_an_argument,
    returned_as_a_list,
    the_best_is_written,
    written_after_a_loop_inside,
    a_row,
]


@pytest.mark.parametrize("f", KEPT)
def test_chains_are_loops(f):
    strict = function(f, strict=True)
    for n in (40, 7):
        assert alike(strict(X, n), f(X, n))
    assert "written out" not in strict.explain()


@pytest.mark.parametrize("f", [*KEPT, *OTHERS])
@pytest.mark.parametrize("n", [1, 5, 40])
def test_chains_are_pythons(f, n):
    decorated = function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for _ in range(2):
            mine, theirs = X.copy(), X.copy()
            assert alike(decorated(mine, n), f(theirs, n))
            assert alike(mine, theirs)
