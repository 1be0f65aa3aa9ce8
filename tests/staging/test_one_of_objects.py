"""A variable that is one of several objects that were there before: read, written, asked, kept in lists and returned."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from dataclasses import dataclass

import numpy as np
import pytest

from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.random.default_rng(8).random(30)


class Server:
    def __init__(self, name, rate):
        self.name, self.rate = name, rate
        self.busy_until, self.served = 0.0, 0

    @property
    def load(self):
        return self.served * self.rate

    def serve(self, now, work):
        start = max(now, self.busy_until)
        self.busy_until = start + work / self.rate
        self.served += 1
        return start - now


class Lazy(Server):
    def serve(self, now, work):
        self.served += 2
        return 0.0


@dataclass
class Body:
    mass: float
    x: float


class Crowded:
    def __init__(self, number):
        self.number, self.options = number, [number]


def first_free(x, rates):
    servers = [Server(name, rate) for name, rate in zip("abcdef", rates)]
    waits = np.zeros(len(x))
    for i, t in enumerate(np.cumsum(x)):
        free = min(servers, key=lambda s: s.busy_until)
        waits[i] = free.serve(t, 2 * x[i])
    end = max(s.busy_until for s in servers)
    return waits, {s.name: s.busy_until / end for s in servers}, [s.served for s in servers], free.name, free.load


def of_two_classes(x, rates):
    servers, total = [Server("a", 1.0), Lazy("b", 2.0)], 0.0
    for v in x:
        chosen = servers[0] if v > 0.5 else servers[1]
        total += chosen.serve(v, v)
    return total, [s.served for s in servers], isinstance(chosen, Lazy)


def hit_or_none(x, rates):
    bodies = [Body(1.0, 0.2), Body(2.0, 0.5), Body(3.0, 0.9)]
    out = []
    for v in x:
        hit = None
        for b in bodies:
            if abs(b.x - v) < 0.1:
                hit = b
        if hit is not None:
            out.append(hit.mass)
            hit.mass += 1
        else:
            out.append(-1.0)
    return out, [b.mass for b in bodies]


def sick_people(x, rates):
    people = [Server(name, 1.0) for name in "abcd"]
    for v in x:
        sick = [p for p in people if p.busy_until > 0.5]
        for p in people:
            p.busy_until = p.busy_until * 0.5 + v * p.rate
            if p not in sick:
                p.served += 1
        for q in sick:
            q.rate *= 0.9
    return [p.served for p in people], [p.rate for p in people], len(sick)


def new_in_every_round(x, rates):
    best = None
    for v in x:
        b = Body(1.0, v)
        if best is None or b.x < best.x:
            best = b
    return best.x, best.mass


def copied_in_every_round(x, rates):
    first, best = Server("a", 0.0), None
    for v in x:
        other = copy.copy(first)
        other.rate = v
        if best is None or other.rate > best.rate:
            best = other
    return best.rate, first.rate


def asked_by_libraries(x, rates):
    m = Body(0.0, 1.0) if x[0] > 2 else Body(1.0, 2.0)
    a, b = Body(0.0, 1.0), Body(1.0, 2.0)
    n = a if x[0] > 0.5 else b
    return dataclasses.replace(n, mass=7.0).x, n is a, n is not b, n == a, type(n) is Body, m.mass


def own_names(x, rates):
    a, b = Crowded(1), Crowded(2)
    n = a if x[0] > 0.5 else b
    return n.number, len(n.options)


@pytest.mark.parametrize("f", [first_free, of_two_classes, hit_or_none, sick_people, new_in_every_round, asked_by_libraries])
def test_objects_of_the_function(f):
    strict = function(f, strict=True)
    for x in (X, X[:7], np.ones(9), np.full(9, 0.1)):
        for rates in ((1.0, 0.5, 2.0), (2.0, 0.25)):
            for _ in range(2):
                assert alike(strict(x, rates), f(x, rates))


@pytest.mark.parametrize("f", [copied_in_every_round, own_names])
def test_what_cannot_be_told_apart_is_pythons(f):
    decorated = function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        assert alike(decorated(X, ()), f(X, ()))


def busiest(servers, x):
    best = None
    for s, v in zip(servers, x):
        if v > 0.5 and (best is None or s.rate > best.rate):
            best = s
    if best is None:
        return None, "none"
    best.served += 5
    return best, best.name


def last_one(servers, x):
    best = servers[0]
    for s, v in zip(servers, x):
        if v > 0.5:
            best = s
    return best, best is servers[1]


@pytest.mark.parametrize("f", [busiest, last_one])
@pytest.mark.parametrize("x", [[0.9, 0.8, 0.1], [0.1, 0.2, 0.9], [0.1, 0.2, 0.3], [0.1, 0.7, 0.2]])
def test_objects_of_the_caller_are_these(f, x):
    ours, pythons = ([Server(name, rate) for name, rate in zip("abc", (1.0, 3.0, 2.0))] for _ in range(2))
    strict, x = function(f, strict=True), np.array(x)
    for _ in range(3):
        got, want = strict(ours, x), f(pythons, x)
        assert got[1] == want[1]
        assert (got[0] is None) == (want[0] is None)
        assert want[0] is None or ours.index(got[0]) == pythons.index(want[0])
        assert [s.served for s in ours] == [s.served for s in pythons]


def test_objects_that_the_function_makes_are_new_in_each_call():
    def f(x):
        bodies = [Body(1.0, 0.2), Body(2.0, 0.5)]
        return bodies[0] if x[0] > 0.5 else bodies[1]

    decorated = function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        first, second = decorated(X), decorated(X)
    assert first == second == f(X)
    assert first is not second


def test_one_of_several_objects_that_the_call_makes_is_returned():
    def f(x):
        servers = [Server("a", 1.0), Server("b", 2.0)]
        return servers[0] if x[0] > 0.5 else servers[1]

    decorated = function(f, strict=True)
    first, second = decorated(X), decorated(X)
    assert type(first) is Server and vars(first) == vars(second) == vars(f(X))
    assert first is not second


def test_two_variables_that_are_one_of_several_objects_may_be_one():
    def f(x):
        first, second = Server("a", 1.0), Server("b", 2.0)
        one = first if x[0] > 0.5 else second
        other = first if x[1] > 0.5 else second
        return one is other, one is not other

    decorated = function(f, strict=True)
    for x in ([0.0, 1.0], [1.0, 1.0], [0.0, 0.0]):
        assert decorated(np.array(x)) == f(np.array(x))


def decoded(x):
    digits, last = "", None
    for v in x:
        key = "ABC"[int(v * 3)] if v > 0.2 else None
        if key is not None and key != last:
            digits += key
        last = key
    return digits


def marked(x):
    key = "A" if x[0] > 0.6 else None
    mark = "x" if x[1] > 0.6 else None
    if key and mark:
        return key + mark
    return "-" if key is None else key + "!"


def unchecked(x):
    key = "A" if x[0] > 0.6 else None
    return "key " + key


def test_a_text_that_may_be_none_is_joined_where_it_is_one(invisible):
    rng = np.random.default_rng(4)
    for _ in range(3):
        invisible(decoded, rng.random(30))
    for x in ([0.9, 0.9], [0.9, 0.1], [0.1, 0.9]):
        invisible(marked, np.array(x))
    invisible(unchecked, np.array([0.9]))
    compiled = function(unchecked)
    assert compiled(np.array([0.9])) == "key A"
    with pytest.raises(TypeError, match="can only concatenate"):
        compiled(np.array([0.1]))
