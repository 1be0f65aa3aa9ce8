"""What a variable is at the beginning of a round goes into a list; lists that rounds fill, and how long these are then."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.array([1.0, 0.2, 0.3, 0.4])


def trajectory(x, n):
    xs, k = [], 0
    while k < n:
        xs.append(x)
        x = x * 0.5
        k += 1
        if x[0] < 1e-3:
            break
    return np.array(xs)


def copies(x, n):
    xs, k = [], 0
    while k < n:
        xs.append(x.copy())
        x = x * 0.5
        k += 1
        if x[0] < 1e-3:
            break
    return np.array(xs).sum(), len(xs)


def until_done(x, n):
    xs, done, k = [], False, 0
    while not done:
        xs.append(x)
        x = np.array([x[0] * 0.9, x[1], x[2], x[3]])
        k += 1
        done = bool(abs(x[0]) < 0.1 or k >= n)
    return np.vstack(xs)


def pairs(x, n):
    v, states = np.zeros(4), []
    for _ in range(n):
        states.append((x, v))
        v = v - 0.1 * x
        x = x + 0.1 * v
    return np.array([a for a, _ in states]), np.array([b for _, b in states])


def history(x, n):
    v, log = np.zeros(4), {"x": [], "v": []}
    for _ in range(n):
        log["x"].append(x)
        log["v"].append(v)
        v = v - 0.1 * x
        x = x + 0.1 * v
    return {key: np.array(items) for key, items in log.items()}


def in_two_loops(x, n):
    z, xs, m = x.copy(), [], 0
    while m < n:
        y, k = z, 0
        while k < n:
            xs.append(y)
            y = y * 0.5
            k += 1
            if y[0] < 0.3:
                break
        m += 1
        z = y + 1
        if z[0] > 8:
            break
    return np.array(xs)


def items_of_long_rounds(x, n):
    rows = []
    for v in x:
        z = [v, 1.0, 2.0]
        for k in range(30):
            z[0] = np.sqrt(z[1] + z[2] + k) - z[0] * 0.1
            z[1] = np.cos(z[0]) + z[2]
            z[2] = np.sin(z[1] * v)
        rows.append([v, z[0], z[2]])
    return np.array(rows)


def of_known_length(x, n):
    rows = []
    for k in range(n):
        rows.append((x[0] * k, x[1] + k))
        rows.append((x[2], 1.0))
    table = np.array(rows)
    return table.shape, np.linalg.svd(table, compute_uv=False)


def by_condition(x, n):
    rows = []
    for k in range(n):
        if x[0] * k > 3:
            rows.append(x[1] * k)
    return len(rows), np.array(rows).sum()


def twice_around(x, n):
    found = []
    for i in range(len(x)):
        for j in range(n):
            found.append(x[i] * j)
    return np.reshape(found, (len(x), n))


# written afterwards ------------------------------------------------------------------------------------------------------
def what_was_before(x, n):
    y, xs, k = x.copy(), [], 0
    first = y
    while k < n:
        xs.append(y)
        y = y * 0.5
        k += 1
        if y[0] < 1e-3:
            break
    first += 1
    return np.array(xs)


def by_another_name(x, n):
    y, xs, k = x.copy(), [], 0
    while k < n:
        xs.append(y)
        p = y
        y = y * 0.5
        k += 1
        p += 1
        if y[0] < 1e-3:
            break
    return np.array(xs)


def by_the_next_round(x, n):
    y, p, xs, k = x.copy(), np.zeros(4), [], 0
    while k < n:
        p += 1
        xs.append(y)
        p = y
        y = y * 0.5
        k += 1
        if y[0] < 1e-3:
            break
    return np.array(xs)


def where_it_stays(x, n):
    y, xs, k = x.copy(), [], 0
    while k < n:
        y[1] += 1
        xs.append(y)
        if y[1] % 3 == 0:
            y = y * 0.5
        k += 1
        if y[0] < 1e-3:
            break
    return np.array(xs)


def by_the_loop_around(x, n):
    z, xs, m = x.copy(), [], 0
    while m < n:
        z[0] += 1
        y, k = z, 0
        while k < n:
            xs.append(y)
            y = y * 0.5
            k += 1
            if y[0] < 0.3:
                break
        m += 1
        if z[0] > 8:
            break
    return np.array(xs)


def the_argument(x, n):
    xs, k = [], 0
    while k < n:
        xs.append(x)
        x = x * 0.5
        k += 1
        if x[0] < 1e-3:
            break
    x[0] = 7
    return xs[-1], x, len(xs)


def by_turns(x, n):
    a, b, xs = x.copy(), np.zeros(4), []
    for _ in range(n):
        b[:] = a * 0.5
        xs.append(a)
        a, b = b, a
    return np.array(xs)


def seen_from_outside(x, n):
    v, xs = x[1:], []
    for _ in range(n):
        xs.append(v)
        v = v * 0.5
        if v[0] < 1e-9:
            break
    x[2] = 5
    return np.array(xs)


def while_it_goes_round(x, n):
    v, xs = x, []
    for _ in range(n):
        xs.append(v)
        x[0] += 1
        v = v * 0.5
        if v[0] < 1e-9:
            break
    return np.array(xs)


LOOPS = (
    trajectory, copies, until_done, pairs, history, in_two_loops,
    items_of_long_rounds, of_known_length, by_condition, twice_around,
)  # fmt: skip
WRITTEN = (
    what_was_before, by_another_name, by_the_next_round, where_it_stays, by_the_loop_around, the_argument,
    by_turns, seen_from_outside, while_it_goes_round,
)  # fmt: skip


@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_loops_that_fill_lists(f):
    for n in (40, 9):
        assert alike(function(f, strict=True)(X.copy(), n), f(X.copy(), n))


@pytest.mark.parametrize("f", WRITTEN, ids=lambda f: f.__name__)
def test_what_is_in_a_list_may_be_written_afterwards(f):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        decorated = function(f)
        for _ in range(2):
            assert alike(decorated(X.copy(), 30), f(X.copy(), 30))


def test_a_list_knows_how_many_rounds_have_filled_it():
    graph = str(function(of_known_length).graph(X, 40))
    assert "f64[80,2]" in graph and "a list is not empty" not in graph


def test_lists_put_into_a_list_in_a_long_loop_are_one():
    graph = str(function(items_of_long_rounds).graph(np.linspace(0, 1, 60), 0))
    assert graph.count("sqrt") < 60 * 30
