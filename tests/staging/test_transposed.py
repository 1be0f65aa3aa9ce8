"""`xs, ys = zip(*points)` of a list that branches and loops change: tuples of a length that only a run knows."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function
from tests.staging.conftest import same as alike

X = np.random.default_rng(7).random(15)
CASES = X, X[:7], 1 - X


def picked(x, least=0.4):
    points = []
    for i in range(len(x)):
        if x[i] > least:
            points.append((i, float(x[i])))
    return points


def same(f, strict=True):
    compiled = function(f, strict=strict)
    for x in CASES:
        with warnings.catch_warnings():
            warnings.simplefilter("error" if strict else "ignore", FallbackWarning)
            assert alike(compiled(x), f(x)), x


@pytest.mark.parametrize(
    "use",
    [
        lambda a, b: (a, b),
        lambda a, b: (np.dot(a, b), np.array(b) * 2, np.array(a)[1:]),
        lambda a, b: (max(a), min(b), sum(b), len(a), 3 in a, a[-1], b[1:], a.count(5)),
        lambda a, b: (list(a), sorted(b), [u + v for u, v in zip(a, b)], dict(zip(a, b))),
        lambda a, b: (isinstance(a, tuple), isinstance(a, list), a == b, a == a[:], b is b),
    ],
)
def test_the_tuples_are_read_and_returned(use):
    def f(x):
        a, b = zip(*picked(x))
        return use(a, b)

    same(f)


def test_what_is_taken_apart_may_change_afterwards():
    def f(x):
        points = picked(x)
        a, b = zip(*points)
        points.append((99, 9.0))
        points[0] = (-1, -1.0)
        return a, b, list(zip(*points)), tuple(map(list, zip(*points)))

    same(f)


def test_tuples_in_tuples_and_rounds_of_a_loop():
    def f(x):
        least, sums = 0.2, []
        for _ in range(5):
            points = [(v, (i, "high" if v > 0.8 else "low")) for i, v in enumerate(x) if v > least]
            values, rest = zip(*points)
            places, names = zip(*rest)
            sums.append(sum(values) + places[-1] + names.count("high"))
            least = least + 0.1
        return sums, names

    same(f)


@pytest.mark.parametrize(
    "use",
    [
        lambda a, b: a + b,
        lambda a, b: a * 2,
        lambda a, b: {a: len(b)},
        lambda a, b: f"{a}",
        lambda a, b: a if len(b) > 3 else (),
    ],
)
def test_what_else_tuples_do_is_pythons(use):
    def f(x):
        a, b = zip(*picked(x))
        return use(a, b)

    same(f, strict=False)


@pytest.mark.parametrize("change", [lambda a: a.append(3), lambda a: a.sort(), lambda a: a.__setitem__(0, 1)])
def test_tuples_do_not_change(change):
    def f(x):
        a, _ = zip(*picked(x))
        change(a)

    with warnings.catch_warnings(), pytest.raises((AttributeError, TypeError)) as raised:
        warnings.simplefilter("ignore", FallbackWarning)
        function(f)(X)
    with pytest.raises(type(raised.value)) as wanted:
        f(X)
    assert str(wanted.value) == str(raised.value)


def test_there_is_nothing_to_take_apart():
    def f(x):
        a, b = zip(*picked(x))
        return a, b

    compiled = function(f)
    assert alike(compiled(X), f(X))
    with warnings.catch_warnings(), pytest.raises(ValueError, match="not enough values to unpack"):
        warnings.simplefilter("ignore", FallbackWarning)
        compiled(X * 0)
    same(lambda x: list(zip(*picked(x, 9.0))), strict=False)
