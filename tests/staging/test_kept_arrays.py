"""Arrays that a round puts into a list and a later round writes: the list has the very array."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.full(3, 1.1)


def halved(x, n):
    w, kept = np.zeros(3), []
    for _ in range(n):
        w *= 0.5
        w = w + x
        kept.append(w)
    return np.array(kept)


def the_one_before(x, n):
    w, before, kept = np.zeros(3), np.zeros(3), []
    for _ in range(n):
        before *= 0.5
        before = w
        w = w + x
        kept.append(w)
    return np.array(kept)


def by_turns(x, n):
    w, v, kept = np.zeros(3), np.zeros(3), []
    for k in range(n):
        w[0] = k
        w, v = v, w
        w = w + x
        kept.append(w)
    return np.array(kept)


def perhaps_the_other(x, n):
    w, v, kept = np.zeros(3), np.ones(3), []
    for k in range(n):
        v[1] += k
        if v.sum() > 4:
            v = w
        w = w + x
        kept.append(w)
    return np.array(kept)


def in_pairs(x, n):
    w, kept, k = np.zeros(3), [], 0
    while k < n:
        w[0] += 1
        w = w * x
        kept.append((k, w))
        k += 1
    return kept


def by_number(x, n):
    w, kept = np.zeros(3), {}
    for k in range(n):
        w[0] += 1
        w = w * x
        kept[k] = w
    return kept


def in_a_loop_inside(x, n):
    w, kept = np.zeros(3), []
    for _ in range(n):
        for _ in range(6):
            w[0] += 1
            w = w * x
        kept.append(w)
    return np.array(kept)


def a_part(x, n):
    w, kept = np.zeros((2, 3)), []
    for _ in range(n):
        w[0] += 1
        w = w + x
        kept.append(w[0])
    return np.array(kept)


def written_before_it_is_kept(x, n):
    w, kept = np.zeros(3), []
    for _ in range(n):
        w = w + x
        w *= 0.5
        kept.append(w)
    return np.array(kept)


PROGRAMS = [halved, the_one_before, by_turns, perhaps_the_other, in_pairs, by_number, in_a_loop_inside, a_part]


@pytest.mark.parametrize("f", [*PROGRAMS, written_before_it_is_kept])
@pytest.mark.parametrize("n", [2, 40])
def test_what_is_kept_is_written(f, n):
    decorated = function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for _ in range(2):
            assert alike(decorated(X, n), f(X, n))


def test_what_is_written_only_before_is_a_loop():
    strict = function(written_before_it_is_kept, strict=True)
    assert alike(strict(X, 40), written_before_it_is_kept(X, 40))
    assert "written out" not in strict.explain()
