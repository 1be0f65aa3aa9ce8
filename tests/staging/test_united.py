"""Instances of a user's class of which a run decides which one a variable is: as long as nobody can tell, they are compiled."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

import hybrid as hy
from tests.staging.conftest import outcome, same

X = np.random.default_rng(5).normal(size=40)


@dataclasses.dataclass
class Match:
    row: int
    score: float


@dataclasses.dataclass(frozen=True)
class Point:
    x: float
    y: float

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)

    @property
    def norm(self):
        return math.hypot(self.x, self.y)


class Dual:
    __slots__ = ("value", "slope")

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def __mul__(self, other):
        return Dual(self.value * other.value, self.value * other.slope + self.slope * other.value)

    def scaled(self):
        return type(self)(self.value / (1 + abs(self.value)), self.slope)


@dataclasses.dataclass
class Level:
    mean: float = 0.0
    total: float = dataclasses.field(default=0.0, init=False)

    def update(self, y):
        self.mean = 0.5 * (self.mean + y)
        if y > 0:
            self.total -= y * self.mean
        return self.mean


class Walker:
    def __init__(self, place, path):
        self.place, self.path = place, path


def compiled(f, *cases):
    strict = hy.function(f, strict=True)
    for case in cases:
        assert same(outcome(strict, case, {}), outcome(f, case, {})), case


def first(x, c):
    for k in range(len(x)):
        if x[k] > c:
            return Dual(k, x[k])
    return Dual(-1, 0.0)


def test_the_best_so_far_is_one_instance_or_another():
    def best(x, c):
        found = Match(0, c)
        for k in range(len(x)):
            if x[k] > found.score:
                found = Match(k, x[k])
        return found

    def walked(x, c):
        p = Point(0.0, c)
        for k in range(len(x) - 1):
            if x[k] > 0:
                p = p + Point(float(x[k]), float(x[k + 1]))
        return p.norm, p

    def multiplied(x, c):
        q = Dual(c, 1.0)
        for k in range(len(x)):
            if abs(x[k]) < 0.1:
                continue
            q = (q * Dual(float(x[k]), 1.0)).scaled()
        return q.value, q.slope

    def chosen(x, c):
        a, b = Match(0, 1.0), Match(1, x[1])
        m = a if x[0] > c else b
        other = dataclasses.replace(m, row=7)
        return m.row, m.score, other.score, isinstance(m, Match), type(m) is Match, m is None

    def early(x, c):
        found = first(x, c)
        return found.value, found.slope

    def before(x, c):
        m = last = Match(1, c)
        for k in range(20):
            last = m
            if x[k] > 0:
                m = Match(k, m.score + x[k])
        return last.row, m.row, last.score

    def arrays(x, c):
        w = Walker(x[:3] * 1, 0)
        for k in range(20):
            if x[k] > c:
                w = Walker(w.place * 0.5 + x[k], w.path + 1)
        return w.place, w.path

    for f in (best, walked, multiplied, chosen, early, before, arrays):
        compiled(f, (X, -9.0), (X, 0.1), (X, 9.0))


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("c", [-9.0, 0.1, 9.0])
def test_who_can_tell_which_instance_it_is_is_told(c):
    def changed(x, c):
        a, b = Match(0, 1.0), Match(1, 2.0)
        m = a if x[0] > c else b
        a.score = 77.0
        return m.score

    def changed_for_a_while(x, c):
        a, b = Match(0, 1.0), Match(1, 2.0)
        m = a if x[0] > c else b
        a.score = 77.0
        seen = m.score
        a.score = 1.0
        return seen

    def written(x, c):
        a, b = Match(0, 1.0), Match(1, 2.0)
        m = a if x[0] > c else b
        m.score = 77.0
        return a.score, b.score

    def asked(x, c):
        a, b = Match(0, 1.0), Match(1, 2.0)
        return (a if x[0] > c else b) is a

    def compared(x, c):
        a, b = Dual(0, 1.0), Dual(0, 1.0)
        return (a if x[0] > c else b) == a

    def counted(x, c):
        m = Match(1, 2.0)
        for k in range(20):
            if x[k] > c:
                m = Match(k, m.score + x[k])
            m.row += 1
        return m.row, m.score

    def elements(x, c):
        a, b = Walker(x * 1, 0), Walker(x * 2, 1)
        w = a if x[0] > c else b
        a.place[0] = 50.0
        return w.place.sum(), w.path

    for f in (changed, changed_for_a_while, written, asked, compared, counted, elements):
        decorated = hy.function(f)
        for _ in range(2):
            assert same(decorated(X, c), f(X, c)), f.__name__


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("c", [-9.0, 9.0])
def test_results_are_the_objects_they_are(c):
    def twice(x, c):
        a, b = Match(0, 1.0), Match(1, 2.0)
        return a, a if x[0] > c else b

    def given(x, c, a, b):
        return a if x[0] > c else b

    a, b = Match(0, 1.0), Match(1, 2.0)
    got, want = hy.function(twice)(X, c), twice(X, c)
    assert got == want and (got[0] is got[1]) == (want[0] is want[1])
    assert hy.function(given)(X, c, a, b) is given(X, c, a, b)


def test_a_field_that_init_leaves_out_may_be_set_on_one_way_only():
    def filtered(x, n):
        level = Level()
        for k in range(n):
            level.update(x[k])
        return level.mean, level.total, level

    compiled(filtered, (X, 30), (-abs(X), 30), (X, 0))
