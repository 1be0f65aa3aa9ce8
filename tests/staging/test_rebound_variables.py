"""What calls in branches and loops rebind that is no variable of the function itself: those of functions around, globals."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import hybrid as hy

CALLS = 0


def ticker():
    n = 0

    def tick(v, by=1):
        nonlocal n
        n += by
        return v * n

    return tick, lambda: n


def each(x, function):
    out = np.zeros(len(x))
    for i in range(len(x)):
        out[i] = function(x[i])
    return out


def above(v, function):
    if v > 3:
        v = function(v)
    return v


def comprehension(x):
    tick, count = ticker()
    return [tick(v) for v in x], count()


def comprehension_with_condition(x):
    tick, count = ticker()
    return [v for v in x if tick(v) > 5], count()


def comprehension_in_comprehension(x):
    tick, count = ticker()
    return [[tick(v) for v in x[:2]] for _ in x], count()


def dictionary(x):
    tick, count = ticker()
    return {i: tick(v) for i, v in enumerate(x)}, count()


def generator(x):
    tick, count = ticker()
    return sum(tick(v) for v in x), any(tick(v) > 99 for v in x), count()


def mapped(x):
    tick, count = ticker()
    return list(map(partial(tick, by=2), x)), count()


def sorted_by(x):
    tick, count = ticker()
    return sorted(x, key=lambda v: -tick(v)), count()


def vectorised(x):
    tick, count = ticker()
    return np.vectorize(tick)(x), count()


def along_axis(x):
    tick, count = ticker()
    return np.apply_along_axis(lambda row: row * tick(1.0), 0, np.array([x, x])), count()


def loop_of_helper(x):
    tick, count = ticker()
    return each(x, tick), count()


def branch_of_helper(x):
    tick, count = ticker()
    return above(x[0], tick), above(x[4], tick), above(-x[3], tick), count()


def conditional_expressions(x):
    tick, count = ticker()
    return tick(x[0]) if x[0] > 3 else x[1], bool(tick(x[0]) > 1 and tick(x[1])), count()


def condition_of_a_loop(x):
    tick, count = ticker()
    rounds = 0
    while tick(1.0) < x[-1]:
        rounds += 1
    return rounds, count()


def method_and_call(x):
    tick, count = ticker()

    class Twice:
        def __call__(self, v):
            return tick(v) + self.again(v)

        def again(self, v):
            return tick(v)

    twice = Twice()
    return [twice(v) for v in x], count()


def previous(x):
    before = None

    def difference(v):
        nonlocal before
        out = 0.0 if before is None else v - before
        before = v
        return out

    return [difference(v) for v in x], before


def array(x):
    total = np.zeros(2)

    def add(v):
        nonlocal total
        total = total + v
        return total.sum()

    return [add(v) for v in x], total


def recursive(x):
    calls = 0

    def fibonacci(n):
        nonlocal calls
        calls += 1
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    return [fibonacci(int(v)) for v in x[:6]], calls


def counted(v):
    global CALLS
    CALLS += 1
    return v * CALLS


def global_in_helper(x):
    global CALLS
    CALLS = 0
    total = 0.0
    for v in x:
        total += counted(v)
    return total, CALLS


def global_put_back(x):
    global CALLS
    CALLS = 0
    out = [counted(v) for v in x]
    CALLS = 0
    return out


PROGRAMS = (
    comprehension,
    comprehension_with_condition,
    comprehension_in_comprehension,
    dictionary,
    generator,
    mapped,
    sorted_by,
    vectorised,
    along_axis,
    loop_of_helper,
    branch_of_helper,
    conditional_expressions,
    condition_of_a_loop,
    method_and_call,
    previous,
    array,
    recursive,
    global_in_helper,
    global_put_back,
)
PYTHONS = (condition_of_a_loop,)  # how often a condition is computed is no number of the loop's


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning", "ignore::hybrid.RetraceWarning")
@pytest.mark.parametrize("program", PROGRAMS)
def test_they_are_rebound_as_often_as_python_does(program):
    decorated = hy.function(program)
    for n in (5, 6, 7, 40, 5):  # the first are written out, others have lengths that only a run knows
        x = np.arange(n) + 1.0
        assert repr(decorated(x)) == repr(program(x)), n


@pytest.mark.parametrize("program", [p for p in PROGRAMS if p not in PYTHONS])
def test_they_are_compiled(program):
    x = np.arange(40) + 1.0
    assert repr(hy.function(program, strict=True)(x)) == repr(program(x))
