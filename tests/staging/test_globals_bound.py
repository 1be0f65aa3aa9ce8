"""Globals that branches and loops bind, and what follows an early return: the other way of a branch."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function

COUNT, SEEN, TABLE = 3, 0.0, [1, 2]


def after_a_known_return(n, x):
    global COUNT
    if n > 3:
        return 1
    COUNT = n
    return n


def after_a_computed_return(n, x):
    global COUNT, SEEN
    if x[0] > 2:
        return x * 2
    SEEN = x.sum()
    COUNT = n
    return x


def on_the_way_that_stays(n, x):
    global COUNT
    if n < 3:
        COUNT = max(n // 3, TABLE[n % 2])
    else:
        return n
    COUNT += 1
    return COUNT


def after_two(n, x):
    global COUNT, SEEN
    if n > 6:
        return 0
    if x[0] > 2:
        SEEN = n
        return 1
    SEEN += x[0]
    if n > 3:
        return SEEN
    COUNT -= 1


def deleted(n, x):
    global COUNT
    if n > 3:
        return n
    del COUNT
    COUNT = x[0]
    return COUNT


def in_a_function_inside(n, x):
    def inner():
        global COUNT
        if n > 3:
            return 1
        COUNT = n
        return 2

    return inner() + COUNT


class Counter:
    def step(self, n):
        global COUNT
        if n > 3:
            return self
        COUNT += n
        return self


def in_a_method(n, x):
    Counter().step(n).step(n + 1)
    return COUNT


PROGRAMS = (
    after_a_known_return,
    after_a_computed_return,
    on_the_way_that_stays,
    after_two,
    deleted,
    in_a_function_inside,
    in_a_method,
)


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_they_are_bound(f):
    def left(call, n, x):
        global COUNT, SEEN
        COUNT, SEEN = 3, 0.0
        out = call(n, x)
        return [(type(part), part) for part in (np.asarray(out).tolist(), COUNT, SEEN)]

    compiled = function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for n, start in ((1, 0.0), (5, 0.0), (2, 3.0), (8, 1.0), (1, 0.5), (4, 2.5)):
            x = np.arange(3.0) + start
            assert left(compiled, n, x) == left(f, n, x), (n, start)


BEST = None


def counted(x):
    global COUNT
    for v in x:
        if v > 0.5:
            COUNT += 1
    return COUNT


def added_and_begun_anew(x):
    global SEEN, COUNT
    for v in x:
        SEEN += v
        if SEEN > 3:
            COUNT += 1
            SEEN = 0.0
    return x[0]


def until(x):
    global COUNT
    while x[0] * 10 > COUNT:
        COUNT += 1
    return COUNT


def kept(x):
    global BEST
    for v in x:
        if BEST is None or v > BEST:
            BEST = v
    return BEST


def scored(v):
    global COUNT
    if v > 0.5:
        COUNT += 1
    return v * COUNT


def by_a_helper(x):
    total = 0.0
    for v in x:
        total = max(total, scored(v))
    return total


def as_a_loop_variable(x):
    global COUNT
    for COUNT in range(len(x)):
        if x[COUNT] > 0.9:
            break
    return COUNT


def left_early(x):
    global SEEN
    SEEN = 0.0
    for v in x:
        if v > 0.8:
            return SEEN
        SEEN = max(SEEN, v)
    return SEEN


@pytest.mark.parametrize("f", [counted, added_and_begun_anew, until, kept, by_a_helper, as_a_loop_variable, left_early])
def test_branches_and_loops_that_only_a_run_knows_bind_globals(f):
    global COUNT, SEEN, BEST
    compiled, states = function(f, strict=True), [(0, 0.0, None), (0, 0.0, None)]
    for k in range(5):
        x, left = np.floor(np.random.default_rng(k).random(20) * 64) / 64, []
        for n, call in enumerate((f, compiled)):
            COUNT, SEEN, BEST = states[n]
            out = call(x)
            states[n] = COUNT, SEEN, BEST
            left.append([(type(part), part) for part in (out, *states[n])])
        assert left[0] == left[1]
    assert sum(trace.native_calls for trace in compiled.traces)
