"""Lists of many numbers among the arguments are arrays to a trace, of any length; nobody can tell."""

from __future__ import annotations

import bisect
import copy
import functools
import heapq
import itertools
import math
import warnings
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import hybrid as hy
from hybrid.staging.packed import FEW

SIZES = (FEW + 1, FEW + 4, 60, 200)


def floats(n, seed=0):
    return np.random.default_rng(seed + n).random(n).tolist()


def whole(n, seed=0):
    return np.random.default_rng(seed + n).integers(0, 9, n).tolist()


def pairs(n):
    return list(zip(whole(n, 1), floats(n, 2)))


def table(n):
    return (np.random.default_rng(n).random((n, n)) + n * np.eye(n)).tolist()


def graph(n):
    rng = np.random.default_rng(n)
    return [sorted(set(rng.integers(0, n, 4).tolist())) for _ in range(n)]


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def check(f, cases, traces=1):
    """Call after call as undecorated: what is returned, what is left in the arguments, and which objects these are."""
    g = hy.function(f, strict=True)
    for args in cases:
        given, other = copy.deepcopy(args), copy.deepcopy(args)
        rows = [[id(row) for row in x] if isinstance(x, list) else None for x in given]
        want, got = f(*other), g(*given)
        assert same(got, want), (got, want)
        assert same(given, other)
        assert [got is x for x in given] == [want is x for x in other]
        assert all(before is None or type(x[0]) is not list or before == list(map(id, x)) for before, x in zip(rows, given))
    assert len(g.traces) <= traces
    return g


# read ------------------------------------------------------------------------------------------------------------------
def mean(xs):
    return sum(xs) / len(xs)


def smoothed(xs):
    state, out = xs[0], []
    for x in xs:
        state = 0.3 * x + 0.7 * state
        out.append(state)
    return out


def knapsack(items):
    best = [0] * 41
    for weight, value in items:
        for room in range(40, weight - 1, -1):
            best[room] = max(best[room], best[room - weight] + value)
    return best[40]


def parts(xs):
    return xs[1:], xs[:-1], xs[-3:], xs[::-1], xs[::2], xs[2:9], xs.copy()


def ends(xs):
    return xs[0], xs[-1], xs[3], max(xs), min(xs), len(xs)


def looked_up(xs):
    return xs.index(xs[7]), xs[3] in xs, 99.0 in xs, xs.count(xs[0]), bisect.bisect_left(sorted(xs), 0.5)


def made(xs):
    differences = [b - a for a, b in zip(xs, xs[1:])]  # noqa: RUF007
    return differences, [x for x in xs if x > 0.5], [k for k, (a, b) in enumerate(zip(xs, differences)) if a < b]


def folded(xs):
    running = list(itertools.accumulate(xs))
    return (
        running,
        functools.reduce(lambda a, b: 0.5 * a + b, xs),
        list(filter(lambda x: x > 0.5, xs)),
        any(x > 0.9 for x in xs),
    )


def arrays(xs):
    a = np.array(xs)
    a[0] = 7.0
    return a, np.asarray(xs, dtype=np.float32), np.cumsum(xs), np.vstack([xs, xs])


def deviation(xs):
    m = sum(xs) / len(xs)
    return math.sqrt(sum((x - m) ** 2 for x in xs) / (len(xs) - 1))


def ordered(xs):
    return sorted(xs, reverse=True), sorted(range(len(xs)), key=lambda k: xs[k]), list(reversed(xs))


@pytest.mark.parametrize("f", [mean, smoothed, parts, ends, looked_up, made, folded, arrays, deviation, ordered])
def test_lists_of_any_length_have_one_trace(f):
    g = check(f, [(floats(n),) for n in SIZES])
    assert all(trace.native_calls for trace in g.traces)


@pytest.mark.parametrize("f", [mean, smoothed, ends, ordered])
def test_integers_stay_integers(f):
    check(f, [(whole(n),) for n in SIZES])


def test_lists_of_tuples():
    check(knapsack, [([(w, int(9 * v)) for w, v in pairs(n)],) for n in SIZES])
    check(lambda ps: sum(n * x for n, x in ps), [(pairs(n),) for n in SIZES])
    check(lambda ps: (ps[0], ps[-1], ps[5][1], len(ps), [b for _, b in ps]), [(pairs(n),) for n in SIZES])


def test_numbers_of_numpys():
    for f in (smoothed, ends, ordered, bubble):
        check(f, [([np.float64(x) for x in floats(n)],) for n in SIZES])
        check(f, [([np.int64(x) for x in whole(n)],) for n in SIZES])
    check(lambda ps: [a * b for a, b in ps], [([(np.float64(x), n) for n, x in pairs(n)],) for n in SIZES])


def breadth_first(adjacent, start):
    distance = [-1] * len(adjacent)
    distance[start] = 0
    queue = deque([start])
    while queue:
        u = queue.popleft()
        for v in adjacent[u]:
            if distance[v] < 0:
                distance[v] = distance[u] + 1
                queue.append(v)
    return distance


def test_lists_of_lists_of_several_lengths():
    g = check(breadth_first, [(graph(n), 0) for n in (10, 20, 31, 50)])
    assert g.traces[0].native_calls
    check(lambda rows: [len(row) for row in rows], [(graph(n),) for n in (10, 20)])
    check(lambda rows: [sum(row) for row in rows], [([*graph(n), []],) for n in (10, 20)])


def product(a, b):
    out = [[0.0] * len(b[0]) for _ in range(len(a))]
    for i in range(len(a)):
        for j in range(len(b[0])):
            for k in range(len(b)):
                out[i][j] += a[i][k] * b[k][j]
    return out


def test_matrices():
    check(product, [(table(n), table(n)) for n in (5, 6, 9)])
    check(lambda a: np.array(a), [(table(n),) for n in (5, 9)])
    check(lambda a: (len(a), len(a[0]), a[1][2], a[-1][-1], sum(a[2]), max(a[0])), [(table(n),) for n in (5, 9)])


# changed ---------------------------------------------------------------------------------------------------------------
def bubble(xs):
    for i in range(len(xs)):
        for j in range(len(xs) - 1 - i):
            if xs[j] > xs[j + 1]:
                xs[j], xs[j + 1] = xs[j + 1], xs[j]
    return xs


def running(xs):
    for k in range(1, len(xs)):
        xs[k] += xs[k - 1]


def pushed(xs):
    xs.append(0.5)
    xs.sort()
    return len(xs), xs[0]


def popped(xs):
    while len(xs) > 5 and xs[-1] > 0.05:
        xs.pop()
    return sum(xs)


def taken_off(xs):
    return xs.pop(0) + xs.pop() + xs.pop(4)


def heap(xs):
    heapq.heapify(xs)
    return [heapq.heappop(xs) for _ in range(5)]


def replaced(xs):
    xs[:] = [2 * x for x in xs]
    xs.reverse()
    return xs[0]


def put_in(xs):
    xs.insert(3, 7.5)
    xs[-1] *= 2
    del xs[0]
    return xs


@pytest.mark.parametrize("f", [bubble, running, pushed, popped, taken_off, heap, replaced, put_in])
def test_what_a_function_changes(f):
    g = check(f, [(floats(n),) for n in SIZES])
    assert g.traces[0].native_calls


def eliminated(a, b):
    n = len(a)
    for k in range(n):
        for i in range(k + 1, n):
            f = a[i][k] / a[k][k]
            for j in range(k, n):
                a[i][j] -= f * a[k][j]
            b[i] -= f * b[k]
    x = [0.0] * n
    for i in range(n - 1, -1, -1):
        s = b[i]
        for j in range(i + 1, n):
            s -= a[i][j] * x[j]
        x[i] = s / a[i][i]
    return x


def test_rows_that_a_function_changes():
    g = check(eliminated, [(table(n), floats(n)) for n in (5, 6, 9)])
    assert g.traces[0].native_calls

    def grown(rows):
        for row in rows:
            if len(row) % 2:
                row.append(1)
            else:
                row.pop()

    check(grown, [(graph(n),) for n in (20, 30)])


def normalised(a):
    for row in a:
        total = sum(row)
        for j in range(len(row)):
            row[j] /= total
    return len(a[0])


def lengthened(a):
    for row in a:
        row.append(0.5)


@pytest.mark.parametrize("f", [normalised, lengthened])
def test_rows_that_become_longer_or_of_another_kind(f):
    check(f, [(table(n),) for n in (5, 9)])
    check(f, [([[k + 1 for k in range(n)] for _ in range(n)],) for n in (5, 9)])


def test_numbers_of_another_kind_are_put_in():
    def f(xs):
        xs.append(3)
        xs[0] = 7
        return xs[-1], xs[0], sum(xs)

    check(f, [(floats(n),) for n in SIZES])


# one list in two places ------------------------------------------------------------------------------------------------
def added(xs, ys):
    for k in range(len(xs)):
        xs[k] += ys[len(ys) - 1 - k]
    return xs is ys


def test_one_list_given_twice():
    g = hy.function(added)
    for twin in (False, True, False, True):
        xs, other = floats(30), floats(30)
        ys = xs if twin else floats(30, 5)
        others = other if twin else floats(30, 5)
        assert g(xs, ys) is added(other, others)
        assert (xs, ys) == (other, others)


def test_a_list_that_is_a_row_of_another_argument():
    def f(a, b):
        for k in range(len(b)):
            b[k] += a[0][k]
            a[0][k] += 1.0
        return a[0] is b

    g = hy.function(f)
    for twin in (False, True, False, True):
        a, c = table(6), table(6)
        b, d = (a[0], c[0]) if twin else (floats(6), floats(6))
        with _quiet():
            assert g(a, b) is f(c, d)
        assert (a, b) == (c, d)


def test_rows_that_are_one_list():
    def f(rows):
        for row in rows:
            row[0] += 1.0

    g = hy.function(f)
    for twin in (False, True, False, True):
        rows, others = ([floats(9)] * 3 for _ in range(2)) if twin else ([floats(9, k) for k in range(3)] for _ in range(2))
        with _quiet():
            g(rows)
        f(others)
        assert rows == others


def test_a_row_that_is_read_as_another_argument():
    def f(a, b):
        for k in range(len(b)):
            a[0][k] += 1.0
        return sum(b)

    g = hy.function(f)
    for twin in (False, True, False, True):
        a, c = table(6), table(6)
        with _quiet():
            assert g(a, a[0] if twin else floats(6)) == f(c, c[0] if twin else floats(6))
        assert a == c


def test_a_list_that_is_known_otherwise_too():
    kept = floats(30)

    class Holder:
        pass

    def by_attribute(xs, holder):
        xs[0] += 1.0
        return holder.xs[0] + holder.xs[1]

    def by_closure(xs):
        for k in range(len(xs)):
            xs[k] *= 2
        return kept[3]

    f, g = hy.function(by_attribute), hy.function(by_closure)
    for twin in (False, True, False, True, True):
        xs, holder = floats(30), Holder()
        holder.xs = xs if twin else floats(30, 4)
        want = holder.xs[0] + holder.xs[1] + twin
        with _quiet():
            assert f(xs, holder) == want
        want = kept[3] * (1 + twin)
        with _quiet():
            assert g(kept if twin else floats(30)) == want


def test_a_list_that_is_in_a_dict_too():
    def f(xs, table):
        xs[0] = 9.0
        return table["xs"][0]

    g = hy.function(f)
    for _ in range(3):
        xs, other = floats(30), floats(30)
        with _quiet():
            assert g(xs, {"xs": xs}) == f(other, {"xs": other})
        assert xs == other


def test_lists_are_returned_and_kept_as_they_are():
    xs, ys = floats(30), floats(31)
    got = hy.function(lambda xs, ys: {"a": xs, "b": [ys, ys]})(xs, ys)
    assert got["a"] is xs and got["b"][0] is ys and got["b"][1] is ys

    class Holder:
        pass

    holder = Holder()

    def keep(xs):
        holder.xs = xs
        return len(xs)

    with _quiet():
        assert hy.function(keep)(xs) == 30
    assert holder.xs is xs


def test_a_row_is_returned_as_it_is():
    def some(a):
        rows = []
        for row in a:
            if row[0] > 0.5:
                rows.append(row)
        return rows

    for a in (table(6), table(3)):
        with _quiet():
            f, g = hy.function(lambda a, k: a[k]), hy.function(some)
            assert all(f(a, k) is a[k] for k in (2, 1, 0, 2))
            assert all(got is want for got, want in zip(g(a), some(a), strict=True))


# what else a list may be -----------------------------------------------------------------------------------------------
def test_kinds_of_lists():
    g = hy.function(lambda xs: xs[0] + xs[-1])
    for xs in (floats(30), whole(31), [True] * 30, [1, 2.5] * 15, [2**70] * 30, [np.float64(1.5)] * 30, floats(3), [1, 2],
               [float("nan")] * 20, [-0.0] * 20, [1 + 2j] * 20):  # fmt: skip
        with _quiet():
            got, want = g(xs), xs[0] + xs[-1]
        assert type(got) is type(want) and repr(got) == repr(want)


def test_what_it_is():
    def f(xs):
        return isinstance(xs, list), type(xs) is list, xs is None, bool(xs), not xs, type(xs) == list  # noqa: E721

    assert hy.function(f)(floats(30)) == f(floats(30))


def test_errors_are_pythons():
    def beyond(xs):
        xs[0] = 5.0
        return xs[1000]

    for f in (beyond, lambda xs: xs.remove(99.0), lambda xs: xs.index(99.0)):
        g = hy.function(f)
        for n in (30, 31):
            mine, other = floats(n), floats(n)
            with pytest.raises((IndexError, ValueError)) as want:
                f(other)
            with pytest.raises((IndexError, ValueError)) as got:
                g(mine)
            assert str(got.value) == str(want.value) and mine == other


def test_other_things_are_put_into_it():
    for item in (None, "a", 3, [1.0]):

        def f(xs):
            xs[2] = item  # noqa: B023
            xs.append(item)  # noqa: B023
            return xs[2]

        with _quiet():
            mine, other = floats(30), floats(30)
            assert hy.function(f)(mine) == f(other)
            assert mine == other and list(map(type, mine)) == list(map(type, other))


def test_static_and_signature_and_dynamic():
    xs = floats(30)
    assert hy.function(mean, static="xs")(xs) == mean(xs)
    g = hy.function(mean, dynamic=False)
    assert [g(floats(n)) for n in (30, 31)] == [mean(floats(n)) for n in (30, 31)]


def test_looking_inside():
    xs = floats(30)
    g = hy.function(smoothed)
    g(xs)
    assert g.verify(xs)
    assert "list of" in g.explain()
    changing = hy.function(bubble)
    changing(xs[:])
    assert changing.verify(xs) and xs == floats(30)


def test_threads_share_a_trace():
    g = hy.function(bubble)
    lists = [floats(30 + k % 7, k) for k in range(64)]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda xs: g(list(xs)), lists))
    assert got == [sorted(xs) for xs in lists]


def test_derivatives_of_functions_of_lists():
    def f(w, xs):
        total = 0.0
        for x in xs:
            total = total + (w * x) ** 2
        return total

    for n in (30, 40):
        xs = floats(n)
        assert np.isclose(hy.grad(hy.function(f))(1.5, xs), 3.0 * sum(x * x for x in xs))
        assert np.isclose(hy.function(hy.grad(f))(1.5, xs), 3.0 * sum(x * x for x in xs))


def _quiet():
    return warnings.catch_warnings(action="ignore")
