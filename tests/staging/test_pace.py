"""Calls that only Python can drive, and that Python makes quicker itself, are left to it; those of other sizes are not."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

import hybrid as hy
from hybrid.passes.worth import same_bits
from hybrid.staging import pace
from hybrid.staging.pace import Pace


class Clock:
    """Time as a test has it: what was added since."""

    def __init__(self):
        self.now = 0

    def perf_counter_ns(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


def swapped(rows, clock=None, python=0):
    """Rows of a caller's dict change places: no native entry looks into one with such keys."""
    rows[0, 0], rows[0, 1] = rows[0, 1], rows[0, 0]
    return float(rows[0, 0][0])


def called(decorated, count, rows=2):
    for _ in range(count):
        given = {(0, k): np.full(3, float(k)) for k in range(rows)}
        first = given[0, 1]
        assert decorated(given) == 1.0 and given[0, 0] is first
    return decorated.stats()["calls"]


def test_a_pace_is_compared_now_and_then(clock):
    one = Pace()
    for _ in range(pace.TIMED):
        assert not one.leaves
        clock.now += 100_000
        one.took(clock.now - 100_000)
    assert one.leaves
    after = one.left()
    clock.now += 10_000
    after(True)
    for _ in range(pace.REST):
        assert one.leaves and one.left() is None
    assert not one.leaves  # both are timed again
    clock.now += 100_000
    one.took(clock.now - 100_000)
    for _ in range(pace.TRIES):
        after = one.left()
        clock.now += 95_000
        after(True)
    assert not one.leaves and one.rest == pace.REST


def test_python_that_is_far_slower_is_tried_once(clock):
    one = Pace()
    for _ in range(pace.TIMED):
        clock.now += 100_000
        one.took(clock.now - 100_000)
    after = one.left()
    clock.now += 900_000
    after(True)
    assert not one.leaves


def test_long_calls_are_never_compared(clock):
    one = Pace()
    for _ in range(10 * pace.TIMED):
        clock.now += 2 * pace.LONG
        one.took(clock.now - 2 * pace.LONG)
    assert not one.leaves


def test_quick_functions_are_left_to_python_by_size(monkeypatch):
    monkeypatch.setattr(pace, "GAIN", 1e9)  # whatever Python takes is quicker
    decorated = hy.function(swapped)
    made = called(decorated, pace.TIMED + 8)  # the first are long, and do not count: they compile
    assert pace.TIMED <= made < pace.TIMED + 8
    assert called(decorated, pace.REST // 2) == made
    assert "left to Python, which is quicker" in decorated.explain()
    assert called(decorated, 1, rows=3) == made + 1  # other sizes are another matter
    strict = hy.function(swapped, strict=True)
    assert called(strict, 3 * pace.TIMED) == 3 * pace.TIMED


def test_slow_functions_stay_compiled(monkeypatch):
    monkeypatch.setattr(pace, "GAIN", 0.0)
    decorated = hy.function(swapped)
    assert called(decorated, 4 * pace.TIMED) == 4 * pace.TIMED - pace.TRIES  # but for the calls that were compared
    assert "left to Python" not in decorated.explain()


def test_draws_are_the_same_numbers_whoever_makes_the_call(monkeypatch):
    monkeypatch.setattr(pace, "GAIN", 1e9)

    def f(rng, scale):
        return rng.normal() * scale + rng.multinomial(9, [0.5, 0.5])[1]

    decorated = hy.function(f)
    ours, theirs = np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(pace.TIMED + pace.REST + 40):
        assert decorated(ours, 2.0) == f(theirs, 2.0)
    assert ours.bit_generator.state == theirs.bit_generator.state
    assert decorated.stats()["calls"] < 2 * pace.TIMED + 40


def test_an_error_of_the_users_is_no_time(monkeypatch):
    monkeypatch.setattr(pace, "GAIN", 1e9)

    def f(rows, k):
        rows[0], rows[1] = rows[1], rows[0]
        return rows[0][k]

    decorated = hy.function(f)
    for k in (0,) * (pace.TIMED + 2) + (7,) * 20:
        given = [np.zeros(3), np.ones(3)]
        if k == 7:
            with pytest.raises(IndexError, match="7"):
                decorated(given, k)
        else:
            assert decorated(given, k) == 1.0


EXACT = [
    lambda x: x * 2 + 1,
    lambda x: np.sqrt(x) / 3,
    lambda x: x[::-1].copy(),
    np.sort,
    lambda x: x.max(),
    lambda x: x > x[0],
]
OTHERS = [lambda x: x.sum(), np.exp, lambda x: x @ x, lambda x: x**2.5, np.cumsum, lambda x: (x + 1j) * x]


@pytest.mark.parametrize("f, alike", [(f, True) for f in EXACT] + [(f, False) for f in OTHERS])
def test_results_do_not_depend_on_a_clock(f, alike):
    """Only what gives NumPy's very bits may be left to Python."""
    decorated = hy.function(lambda x: f(x))
    x = np.random.default_rng(1).random(9)
    got = decorated(x)
    assert same_bits(decorated.traces[0].graph) == alike
    if alike:
        assert np.asarray(got).tobytes() == np.asarray(f(x)).tobytes()


def test_machine_code_that_changes_objects_is_compared(clock):
    """Its entries take so many calls, of which the next are timed; where it is quicker, they are granted more."""

    class Granted:
        calls = 0

        def grant(self, calls):
            self.calls = calls

    trace = Granted()

    def call():
        assert trace.calls == 1
        clock.now += 10_000

    one = Pace(weakref.ref(trace))
    for _ in range(pace.SAMPLES):
        assert not one.leaves
        one.made(call, (), {})
    assert one.leaves
    after = one.left()
    clock.now += 1_000_000
    after(True)
    assert not one.leaves and trace.calls == pace.SHARE * 100


def test_python_makes_quick_calls_that_change_objects(monkeypatch):
    """Whoever makes them, they are the same."""
    monkeypatch.setattr(pace, "CLEAR", float("inf"))

    class Counter:
        def __init__(self, count):
            self.count = count

    def step(counters):
        for one in counters:
            one.count += 1
        return counters[0]

    decorated, counters = hy.function(step), [Counter(k) for k in range(5)]
    for round_ in range(2 * pace.FIRST):
        assert decorated(counters) is counters[0]
        assert [one.count for one in counters] == [k + round_ + 1 for k in range(5)]
    assert len(decorated.traces) == 1


class Node:
    def __init__(self, value, child=None):
        self.value, self.child = value, child


def test_calls_are_alike_whatever_lies_deep_inside_of_fresh_objects():
    """What is known of trees would be known of each tree for itself, and compiled code would make every call."""

    def kind():
        return pace.kind_of((Node(1.0, Node(2.0, Node(3.0, Node(4.0, Node(5.0))))),), {})

    assert kind() == kind() is not None
    assert pace.kind_of((Node(1.0),), {}) != pace.kind_of((Node(2.0),), {})
