"""Instances that a function makes: constructors, attributes that loops rebind, named tuples."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function

Run = namedtuple("Run", "value length")
X = np.random.default_rng(3).random(20)


class Best(NamedTuple):
    score: float
    at: int = 3

    def scaled(self):
        return self.score * self.at


@dataclass
class Weighted:
    value: float
    weight: int = 2


class OnePole:
    def __init__(self, alpha, state=0.0):
        self.alpha, self.state = alpha, state

    def __call__(self, x):
        self.state += self.alpha * (x - self.state)
        return self.state


class UnionFind:
    def __init__(self, n):
        self.parent, self.rank, self.count = np.arange(n), np.zeros(n, int), n

    def find(self, x):
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x

    def union(self, a, b):
        ra, rb = self.find(a), self.find(b)
        if ra == rb:
            return False
        if self.rank[ra] < self.rank[rb]:
            ra, rb = rb, ra
        self.parent[rb] = ra
        if self.rank[ra] == self.rank[rb]:
            self.rank[ra] += 1
        self.count -= 1
        return True


class Counting(UnionFind):
    def __init__(self, n):
        super().__init__(n)
        self.tried = 0

    def union(self, a, b):
        self.tried += 1
        return super().union(a, b)


def test_a_named_tuple_that_a_branch_replaces(invisible):
    def f(x):
        best = Best(-1.0, 0)
        for i in range(len(x)):
            if x[i] > best.score:
                best = Best(x[i], i)
        return best, best.scaled()

    invisible(f, X)
    invisible(f, X[:0])


def test_named_tuples_in_a_list(invisible):
    def f(x):
        out, current, length = [], x[0], 1
        for v in x[1:]:
            if v == current:
                length += 1
            else:
                out.append(Run(current, length))
                current, length = v, 1
        out.append(Run(current, length))
        return out

    invisible(f, (X > 0.5).astype(int))


def test_a_named_tuple_and_a_plain_one_are_not_the_same(invisible):
    def f(x):
        out = []
        for v in x:
            if v > 0.5:
                out.append(Run(v, 1))
            else:
                out.append((v, 1))
        return out

    with pytest.warns(FallbackWarning, match="several kinds"):
        assert function(f)(X) == f(X)


def test_a_dataclass_in_a_loop(invisible):
    def f(x):
        total = 0.0
        for i in range(len(x)):
            pair = Weighted(x[i], weight=i)
            total += pair.value * pair.weight
        return total

    invisible(f, X)


def test_attributes_that_rounds_rebind(invisible):
    def f(x, alpha):
        smooth, out = OnePole(alpha), np.empty(len(x))
        for i, v in enumerate(x):
            out[i] = smooth(v)
        return out, smooth.state

    invisible(f, X, 0.1)
    invisible(f, X[:0], 0.1)


def test_attributes_that_branches_in_rounds_rebind(invisible):
    def f(n, u, v):
        sets, taken = Counting(n), 0
        for i in range(len(u)):
            if sets.union(u[i], v[i]):
                taken += 1
            elif taken > 5:
                break
        return taken, sets.count, sets.tried, sets.parent

    u, v = np.random.default_rng(4).integers(0, 20, (2, 30))
    invisible(f, 20, u, v)


def test_attributes_of_what_others_know_are_written():
    def f(x, smooth):
        total = 0.0
        for i in range(len(x)):
            total += smooth(x[i])
        return total

    a, b = OnePole(0.1), OnePole(0.1)
    decorated = function(f, strict=True)
    for _ in range(3):
        assert f(X, a) == decorated(X, b) and a.state == b.state


def test_an_attribute_that_becomes_another_kind_of_thing(invisible):
    def f(x):
        smooth = OnePole(0.1)
        for i in range(len(x)):
            if x[i] > 0.9:
                smooth.state = None
                break
            smooth(x[i])
        return smooth.state is None

    invisible(f, X, compiled=False)


@dataclass(slots=True)
class Slotted:
    total: float
    count: int = 0


def test_slots_that_a_branch_or_loop_writes():
    def one(x):
        s = Slotted(0.0)
        if x[0] > 0.1:
            s.total = 5.0
        return s.total

    def many(x):
        s = Slotted(0.0)
        for i in range(len(x)):
            s.total += x[i]
            s.count += 1
        return s.total, s.count

    for f in (one, many):
        decorated = function(f, strict=True)
        for first in (0.5, 0.05):
            x = np.array([first, 2.0, 3.0])
            assert decorated(x) == f(x)


def test_attributes_that_are_read_before_they_are_rebound():
    class Controller:
        def __init__(self):
            self.previous, self.total = None, 0.0

        def __call__(self, error):
            change = 0.0 if self.previous is None else error - self.previous
            self.previous = error
            self.total += error
            return change + self.total

    def controlled(x):
        control, out = Controller(), np.zeros(len(x))
        for k, v in enumerate(x):
            out[k] = control(v * 2)
        return out, control.previous

    compiled = function(controlled, strict=True)
    for x in (np.arange(9.0), np.ones(7)):
        got, want = compiled(x), controlled(x)
        np.testing.assert_allclose(got[0], want[0])
        assert got[1] == want[1]
        assert type(got[1]) is type(want[1])
    assert "written out" not in str(compiled.explain())


class Sets:
    """Union and find over a list."""

    def __init__(self, n):
        self.parent = list(range(n))
        self.count: int = n
        self.seen = {}

    def find(self, x):
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x

    def union(self, a, b):
        a, b = self.find(a), self.find(b)
        if a == b:
            return False
        self.parent[b] = a
        self.count -= 1
        return True


def test_a_list_that_an_instance_is_made_with_changes_where_only_a_run_knows(invisible):
    def f(edges, n):
        sets, used = Sets(n), []
        for k in range(len(edges)):
            if sets.union(edges[k, 0], edges[k, 1]):
                used.append(k)
        return sets.count, used, [sets.find(i) for i in range(n)], len(sets.parent)

    def known(x, n):
        sets = Sets(n)
        sets.parent[0] = 7
        sets.seen["a"] = x
        return sets.parent, sets.seen

    invisible(f, np.random.default_rng(0).integers(0, 12, (10, 2)), 12)
    invisible(known, np.arange(3.0), 4)
