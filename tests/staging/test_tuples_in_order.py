"""Tuples and lists in order: what the first members that differ give is the verdict, of NumPy's class or of Python's."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hybrid.staging.function import function

NAN = float("nan")
VALUES = (1, 2.5, np.float64(2), np.int64(1), True, np.bool_(True), np.float32(1))


def less(a, b, c, d):
    return (a, b) < (c, d)


def at_least(a, b, c, d):
    return (a, b) >= (c, d), (a, b) == (c, d), (a, b) != (c, d)


def lists(a, b, c, d):
    return [a, b] < [c, d], [a] <= [c, d]


def nested(a, b, c, d):
    return (a, (b, c)) <= (b, (c, d))


def longer(a, b, c, d):
    return (a, b) < (c, d, 1), (a, b, 1) > (c, d)


def beside_known_members(a, b, c, d):
    return (1, a) < (1, c), ("k", a) < ("k", c), (1, a) < (2, c), ("k", a, 1) <= ("k", a, 1)


def used(a, b, c, d):
    r = (a, b) < (c, d)
    return r, not r, r and 1, r + 1, type(r) is bool, r or (a, c) < (b, d)


def after_a_loop(a, b, c, d):
    x = (a, b)
    for _ in range(8):
        x = (x[0] + 0, b)
    return x < (c, d), x > (c, d)


PROGRAMS = (less, at_least, lists, nested, longer, beside_known_members, used, after_a_loop)


def shown(value):
    return [shown(part) for part in value] if isinstance(value, tuple) else (type(value), value)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_a_verdict_is_of_the_class_that_the_deciding_members_give(f):
    for kinds in itertools.islice(itertools.permutations(VALUES, 4), 3, None, 97):
        compiled = function(f)
        for numbers in ((1, 1, 1, 1), (1, 2, 1, 3), (2, 1, 1, 3), (1, 2, 1, 1)):
            given = [type(kind)(number) for kind, number in zip(kinds, numbers)]
            assert shown(compiled(*given)) == shown(f(*given)), given


def test_tuples_of_elements_are_compiled():
    def f(x, i, j):
        return (x[i], i) < (x[j], j), (i, x[i]) < (j, x[j]), (x[i], x[j]) <= (x[i], x[j])

    compiled, x = function(f, strict=True), np.array([1.0, 2.0, 1.0])
    for i, j in itertools.product(range(3), repeat=2):
        assert shown(compiled(x, i, j)) == shown(f(x, i, j))


def test_one_nan_is_equal_to_itself_in_a_tuple():
    def f(x):
        return (NAN, x) == (NAN, x), (NAN, x) < (NAN, x + 1), (NAN, x) != (float("nan"), x)

    compiled = function(f)
    for x in (1.0, 2.0, np.float64(3)):
        assert shown(compiled(x)) == shown(f(x))
