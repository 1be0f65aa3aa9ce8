"""Long lists of numbers among the arguments: loops over them are loops, and nobody can tell."""

from __future__ import annotations

import copy
import math
from collections import namedtuple

import numpy as np
import pytest

import hybrid as hy
from hybrid.control.stacked import WRITTEN
from hybrid.staging import voice

Point = namedtuple("Point", "x y")
LONG = 3 * WRITTEN


def floats(seed: int = 1, n: int = LONG) -> list:
    return [float(x) for x in np.random.default_rng(seed).random(n)]


def pairs(kind=list, n: int = LONG) -> list:
    return [kind(pair) for pair in np.random.default_rng(2).random((n, 2)).tolist()]


def smoothed(xs, rate):
    state, out = xs[0], []
    for k, x in enumerate(xs):
        state += rate * (x - state)
        if x > 0.95:
            continue
        out.append((k, state))
    return out, state


def tracked(points, dt):
    where, out = np.zeros(2), np.zeros((len(points), 2))
    for k, point in enumerate(points):
        point = np.asarray(point)
        if np.isnan(point).any():
            continue
        where = where + dt * (point - where)
        out[k] = where
    return out


def first_above(xs, bound):
    for place, x in enumerate(xs, start=1):  # noqa: B007  it is used afterwards
        if x > bound:
            break
    else:
        place = -1
    return place, x


def moved(points):
    for p in points:
        p[0] += 1.0
    return points[3][0]


def pushed(points):
    for i, p in enumerate(points):
        for j, q in enumerate(points):
            if i != j:
                p[0] += 1e-3 * q[1]
    return [p[0] for p in points]


def selected(points):
    keep = []
    for p in points:
        if p[0] > 0.5:
            keep.append(p)
    return keep


def renamed(points):
    for p in points:
        p = [2 * p[0], p[1]]
    p[0] = 9.0
    return p, points[-1]


def changed_after(points):
    total = 0.0
    for p in points:
        total += p[0]
    p[0] = 7.0
    return points[-1][0], total


def grown(xs):
    for x in xs:
        if len(xs) < 60:
            xs.append(x)
    return len(xs)


def weighted(xs):
    total, names = 0.0, {"even": 0.0, "odd": 0.0}
    for x, w, name in zip(xs, [1.0, 2.0, 3.0] * LONG, ["even", "odd"] * LONG):
        total += x * w
        names[name] += x
    return total, names


def stepped(xs):
    places = enumerate(xs)
    next(places)
    return [k * x for k, x in places]


def dotted(points):
    total = 0.0
    for p in points:
        total += p.x * p.y
    return total, type(p).__name__


def rooted(xs):
    out = []
    for x in xs:
        out.append(math.sqrt(x) if x > 0 else x)
    return out


def nearest(points, here):
    best = None
    for point in points:
        if best is None or math.dist(point, here) < math.dist(best, here):
            best = point
    return best


CALLS = {
    "numbers": (smoothed, floats(), 0.3),
    "lists and arrays": (tracked, pairs(), 0.1),
    "missing values": (tracked, [[math.nan, 1.0], [1.0, 2.0]] * LONG, 0.1),
    "left early": (first_above, floats(), 0.9),
    "not left": (first_above, floats(), 2.0),
    "inner lists written": (moved, pairs()),
    "inner lists written inside": (pushed, pairs(n=WRITTEN + 4)),
    "name rebound": (renamed, pairs()),
    "written after the loop": (changed_after, pairs()),
    "list that grows": (grown, floats()),
    "beside constants": (weighted, floats()),
    "begun iterator": (stepped, floats()),
    "named tuples": (dotted, pairs(Point._make)),
    "integers": (rooted, [4, 9, 0, 16] * LONG),
    "of two classes": (rooted, [4, 2.25] * LONG),
    "of two lengths": (moved, [[1.0, 2.0, 3.0][: 2 + k % 2] for k in range(LONG)]),
    "tuples": (nearest, pairs(tuple), (0.5, 0.5)),
}


@pytest.mark.parametrize("name", CALLS)
def test_as_undecorated(name):
    function, *given = CALLS[name]
    decorated = hy.function(function)
    for turn in range(3):
        ours, theirs = copy.deepcopy(given), copy.deepcopy(given)
        if turn and type(given[0][0]) is float:
            ours[0][2], theirs[0][2] = 0.125, 0.125
        found, expected = decorated(*ours), function(*theirs)
        assert repr(found) == repr(expected)
        assert repr(ours) == repr(theirs)


def test_one_loop_for_many_items():
    f = hy.function(tracked, strict=True)
    f(pairs(n=400), 0.1)
    assert len(list(f.traces[0].traced.graph.eqns)) < 2000  # 800 numbers become two arrays, and the loop is one equation
    assert not any(loop.why for loop in f.traces[0].traced.unrolled)


def test_what_a_loop_cannot_do_is_written_out():
    """Texts of numbers that only a round knows make it impossible to record the loop as one."""

    @hy.function
    def f(xs):
        out = {}
        for k, x in enumerate(xs):
            out[f"x{k}"] = 2 * x
        return out

    xs = floats()
    assert f(xs) == f.eager(xs)
    assert list(f(xs)) == [f"x{k}" for k in range(LONG)]


def knapsack(items, capacity):
    best = np.zeros(capacity + 1, np.int64)
    for weight, value in items:
        for c in range(capacity, weight - 1, -1):
            best[c] = max(best[c], best[c - weight] + value)
    return int(best[-1])


def drawn(seed: int, n: int) -> list:
    return [tuple(pair) for pair in np.random.default_rng(seed).integers(1, 20, (n, 2)).tolist()]


def test_integers_of_long_lists_are_data():
    f = hy.function(knapsack, strict=True)
    for seed in range(5):
        items = drawn(seed, 20)
        assert f(items, 100) == knapsack(items, 100)
    assert len(f.traces) == 1


def test_integers_of_one_list_vary_together():
    f = hy.function(knapsack, strict=True)
    for seed in range(8):
        items = drawn(seed, 4)
        items[0] = 2, 3  # these seem to be parts of the code
        assert f(items, 30) == knapsack(items, 30)
    assert len(f.traces) == 3


def test_integers_of_long_lists_that_the_code_needs():
    """Strings cannot be chosen by a number of the call: the list is a part of the code, as before."""

    def f(places, x):
        parts = []
        for k in places:
            parts.append({0: "a", 1: "b"}[k] * 2)
        return "".join(parts), x * len(places)

    g = hy.function(f, strict=True)
    for places in ([0, 1] * 20, [1, 0] * 20):
        found, expected = g(places, np.ones(2)), f(places, np.ones(2))
        assert found[0] == expected[0]
        np.testing.assert_array_equal(found[1], expected[1])


def test_inner_lists_that_are_returned():
    """They are the caller's own."""
    points, f = pairs(), hy.function(selected)
    with pytest.warns(hy.FallbackWarning, match="holds lists of the caller's"):
        found = f(points)
    assert all(one is other for one, other in zip(found, selected(points), strict=True))


@pytest.mark.parametrize("make", [floats, lambda n=0: drawn(n, n)], ids=["floats", "pairs of integers"])
def test_lists_of_one_length_after_the_other(make, monkeypatch):
    """Those in other containers are Python's once that has taken seconds; what comes again is compiled."""
    monkeypatch.setattr(voice, "LOST", 0.0)
    function = (lambda xs: sum(xs[0]) / len(xs[0])) if make is floats else (lambda items: knapsack(items[0], 20))
    inner, make = make, lambda n: (inner(n=n),)
    f, lengths = hy.function(function), range(20, 32)
    with pytest.warns(hy.FallbackWarning, match="others in call after call"):
        for n in lengths:
            xs = make(n)
            assert f(xs) == function(xs)
    assert len(f.traces) == voice.UNUSED
    for n in lengths:
        assert f(make(n)) == function(make(n))
    assert len(f.traces) == len(lengths)


def test_texts_that_come_once():
    f = hy.function(lambda text: {letter: text.count(letter) for letter in "abc"})
    texts = [f"{'a' * k}{'b' * (k % 7)}" for k in range(voice.RENEWED + 4)]
    with pytest.warns(hy.FallbackWarning, match="others in call after call"), pytest.warns(hy.RetraceWarning):
        for text in texts:
            assert f(text) == f.eager(text)
    assert len(f.traces) == voice.RENEWED
