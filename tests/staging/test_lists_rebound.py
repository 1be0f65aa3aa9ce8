"""Lists that rounds of a loop rebind to lists of as many items: the state of a system, a box, the bounds of a search."""

from __future__ import annotations

import time

import numpy as np
import pytest

from hybrid.staging.function import function
from tests.staging.test_selections import alike

X = np.random.default_rng(7).random(40)


def _derivatives(t, s):
    x, y, z = s
    return [10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z]


def _step(f, t, y, h):
    k1 = f(t, y)
    k2 = f(t + h / 2, [a + h / 2 * b for a, b in zip(y, k1)])
    k3 = f(t + h / 2, [a + h / 2 * b for a, b in zip(y, k2)])
    k4 = f(t + h, [a + h * b for a, b in zip(y, k3)])
    return [a + h / 6 * (p + 2 * q + 2 * r + s) for a, p, q, r, s in zip(y, k1, k2, k3, k4)]


def by_steps(y, n):
    for k in range(n):
        y = _step(_derivatives, k * 0.01, y, 0.01)
    return y


def by_another_name(y0, n):
    y, xs = y0, []
    for k in range(n):
        y = _step(_derivatives, k * 0.01, y, 0.01)
        xs.append(y[0])
    return xs, y


def by_a_copy(y0, n):
    y, t, path = list(y0), 0.0, []
    while t < n * 0.01:
        y = _step(_derivatives, t, y, 0.01)
        t += 0.01
        path.append(tuple(y))
    return path


def by_items(y0, n):
    y = list(y0)
    for _ in range(n):
        d = _derivatives(0, y)
        for i in range(3):
            y[i] += 0.01 * d[i]
    return y


def by_a_comprehension(y, n):
    xs = []
    for _ in range(n):
        d = _derivatives(0, y)
        y = [y[i] + 0.01 * d[i] for i in range(3)]
        xs.append(y[:])
    return xs, y


STEPPED = [by_steps, by_another_name, by_a_copy, by_items, by_a_comprehension]


@pytest.mark.parametrize("f", STEPPED)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_states_are_carried_number_by_number(f):
    strict, lenient = function(f, strict=True), function(f)
    for compiled, n in ((strict, 40), (strict, 1), (strict, 300), (lenient, 9), (lenient, 0)):  # 0: the caller's own list
        given, start = [1.0, 2.0, 3.0], time.perf_counter()
        got = compiled(given, n)
        assert time.perf_counter() - start < 10  # written out, 300 rounds took minutes
        want = f([1.0, 2.0, 3.0], n)
        assert len(got) == len(want)
        for mine, theirs in zip(got, want):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9)
        assert given == [1.0, 2.0, 3.0]
        assert (got is given) == (f is by_steps and n == 0)


def changed_by_its_first_name(y, n):
    y0 = y
    for k in range(n):
        y = _step(_derivatives, k * 0.01, y, 0.01)
        y0[0] += 1.0
    return y, y0


def changed_before_it_is_another(y, n):
    s = 0.0
    for _ in range(n):
        d = _derivatives(0, y)
        y[0] = y[0] + 1
        s += y[0]
        y = [a + 0.01 * b for a, b in zip(y, d)]
    return y, s


@pytest.mark.parametrize("f", [changed_by_its_first_name, changed_before_it_is_another])
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("n", [0, 1, 9])
def test_the_callers_list_is_changed_as_python_does(f, n):
    mine, theirs = [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]
    got, want = function(f)(mine, n), f(theirs, n)
    np.testing.assert_allclose(got[0], want[0])
    np.testing.assert_allclose(mine, theirs)
    assert (got[0] is mine) == (want[0] is theirs)


def boxes(x):
    box, out = [1e9, -1e9], []
    for i in range(3):
        box = [1e9, -1e9]
        for v in x:
            box = [min(box[0], v * i), max(box[1], v * i)]
        out.append(tuple(box))
    return out, box


def exchanged(x):
    a, b = [0.0, 1.0, 2.0], [3.0, 4.0, 5.0]
    for v in x:
        a, b = b, [v, a[0], b[1]]
    return a, b


def handed_on(x):
    now, t = [0.0, 0.0], 0.0
    last = now
    for v in x:
        last = now
        now = [v, now[0]]
        t += last[0] * now[1]
    return last, now, t


def written_by_another_name(x):
    now, t = [0.0, 0.0], 0.0
    for v in x:
        now = [v, now[0]]
        last = now
        last[0] += 1
        t += last[0] * now[1]
    return now, t


def written_at_computed_places(x):
    a = [0.0, 1.0, 2.0]
    for v in x:
        a = [p + v for p in a]
        a[int(v * 3) % 3] = v
    return a


def of_several_kinds(x):
    state = ["idle", 0, None]
    for v in x:
        if v > 0.7:
            state = ["on", state[1] + 1, v]
        else:
            state = ["idle", state[1], None]
    return state


def longer_at_times(x):
    a = [0.0, 1.0]
    for v in x:
        if v > 0.5:
            a = a + [v]
        else:
            a = [v, v]
    return a


def bisected(x):
    ends = [0, len(x)]
    while ends[1] - ends[0] > 1:
        middle = (ends[0] + ends[1]) // 2
        ends = [middle, ends[1]] if x[middle] < 0.5 else [ends[0], middle]
    return ends


REBOUND = [boxes, exchanged, handed_on, written_by_another_name, written_at_computed_places, of_several_kinds,
           longer_at_times, bisected]  # fmt: skip


@pytest.mark.parametrize("f", REBOUND)
def test_lists_that_rounds_rebind(f):
    alike(f, X)
    alike(f, X[:1])


def test_states_that_are_written_out_share_what_they_are_computed_from():
    def path(y, n):
        rows = [y]
        for _ in range(n):
            y = [a + 0.01 * b for a, b in zip(y, _derivatives(0, y))]
            rows.append(y)
        return np.array(rows)

    start = time.perf_counter()
    np.testing.assert_allclose(function(path)([1.0, 2.0, 3.0], 40), path([1.0, 2.0, 3.0], 40))
    assert time.perf_counter() - start < 20  # each row from the first one on: minutes


# lists that are put into another, and are changed or returned after that --------------------------------------------------
def changed_after_it_was_put(y0, n):
    path = []
    for _ in range(n):
        y = _step(_derivatives, 0.0, y0, 0.01)
        path.append(y)
        y[0] += 1.0
    return path


def rebound_and_changed_after_it_was_put(y0, n):
    y, path = list(y0), []
    for _ in range(n):
        y = _step(_derivatives, 0.0, y, 0.01)
        path.append(y)
        y[0] += 1.0
    return path


def changed_in_its_list(y0, n):
    y, path = list(y0), []
    for k in range(n):
        y = [a + 1 for a in y]
        path.append(y)
        path[-1][1] = float(k)
    return path, y[1]


def changed_after_the_loop(y0, n):
    y, path = list(y0), []
    for _ in range(n):
        y = [a + 1 for a in y]
        path.append(y)
    y[0] = -7.0
    return path


def returned_twice(y0, n):
    y, path = list(y0), []
    for _ in range(n):
        y = _step(_derivatives, 0.0, y, 0.01)
        path.append(y)
    return path, y


PUT = [
    changed_after_it_was_put,
    rebound_and_changed_after_it_was_put,
    changed_in_its_list,
    changed_after_the_loop,
    returned_twice,
]


@pytest.mark.parametrize("f", PUT)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_lists_that_are_put_into_another_are_one_with_it(f):
    compiled = function(f)
    for n in (8, 8, 3):
        got, want = compiled([1.0, 2.0, 3.0], n), f([1.0, 2.0, 3.0], n)
        for mine, theirs in zip(got, want):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9)
        if f is returned_twice:
            assert got[0][-1] is got[1]


def test_a_known_list_whose_items_are_exchanged_in_a_loop_beside_a_list_that_is_rebound():
    def swapped(rounds, points):
        known = [1.0, 2.0, 3.0]
        for _ in rounds:
            known[0], known[2] = known[2], known[0]
            points = [p + 1.0 for p in points]
        return known, points

    def reversed_(rounds, points):
        known = [1.0, 2.0, 3.0]
        for _ in rounds:
            points = [(p + 0.5, q) for p, q in points]
            known.reverse()
        return known, points

    for f, points in ((swapped, [1.0, 2.0]), (reversed_, [(1.0, 2.0), (3.0, 0.5)])):
        decorated = function(f)
        for n in (5, 2, 3, 5, 2, 3):
            assert decorated(np.ones(n), points) == f(np.ones(n), points)
