"""An array that is looked up in a list and put into another, or into it once more, is one object in both; one that is looked up
and returned is returned where nobody else could have it."""

from __future__ import annotations

import warnings
from collections import deque

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function

X, N = np.arange(-6.0, 6.0), 12


def built(x, n):
    xs = [x]
    for _ in range(n):
        xs.append(xs[-1] * 2)
    return xs


def appended(xs):
    ys = []
    for a in xs:
        ys.append(a)
    return ys


def chosen(xs):
    return [a for a in xs if a[0] < 3]


def in_pairs(xs):
    ys = []
    for i, a in enumerate(xs):
        ys.append((i, a))
    return ys


def replaced(xs):
    ys = [a * 0 for a in xs]
    for i in range(len(xs)):
        ys[i] = xs[len(xs) - 1 - i]
    return ys


def by_number(xs):
    table = {}
    for i, a in enumerate(xs):
        table[i % 5] = a
    return table


def repeated(xs):
    return [xs[i // 2] for i in range(len(xs))]


def extended(xs):
    ys = []
    ys.extend(xs)
    return ys


def cut(xs):
    return xs[:-1]


def longer(xs):
    return xs + [xs[0] * 3]


def in_order(xs):
    return sorted(xs, key=lambda a: -a[1])


def objects(result, x):
    """Which of the arrays in a result, and the argument, are one."""
    found = []

    def look(value):
        if isinstance(value, np.ndarray):
            found.append(value)
        elif isinstance(value, (list, tuple, dict)):
            for part in value.values() if isinstance(value, dict) else value:
                look(part)

    look((result, x))
    numbers: dict[int, int] = {}
    return [numbers.setdefault(id(a), len(numbers)) for a in found]


@pytest.mark.parametrize("way", [appended, chosen, in_pairs, replaced, by_number, repeated, extended, cut, longer, in_order])
@pytest.mark.parametrize("both", [False, True])
def test_arrays_in_two_lists_are_one(way, both):
    def f(x, n):
        xs = built(x * 1.0 if both else x, n)
        return (xs, way(xs)) if both else way(xs)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        want, got = f(X, N), function(f)(X, N)
    assert objects(want, X) == objects(got, X)
    assert str(want) == str(got)


def test_lists_that_are_made_of_one_another_are_compiled_where_one_is_returned():
    def sliced(x, n):
        return built(x + 1, n)[2:]

    def filtered(x, n):
        return [a for a in built(x + 1, n) if a[0] < 3]

    def moved(x, n):
        pairs = []
        for i in range(n):
            pairs.append((float(x[i]), x * i))
        pairs.sort(key=lambda pair: -pair[0])
        pairs.reverse()
        pairs.insert(1, (0.5, x + 1))
        pairs.pop(2)
        return pairs

    for f in (sliced, filtered, moved):
        want, got = f(X, N), function(f, strict=True)(X, N)
        assert str(want) == str(got)
        assert objects(want, X) == objects(got, X)


def test_an_array_of_a_list_is_returned():
    def last_state(xs, n):
        states = [(np.zeros(n), np.ones(n)) for _ in range(3)]
        outputs = []
        for x in xs:
            for k in range(3):
                h, c = states[k]
                c = 0.5 * c + x
                states[k] = np.tanh(h + c), c
                x = float(states[k][0][0])
            outputs.append(states[-1][0])
        return np.stack(outputs), states[-1][1]

    def best_of(x, n):
        scored = sorted(((float((x[i] - 1) ** 2), i, x * i) for i in range(n)), key=lambda s: s[:2])
        for k in range(n):
            new = scored[0][2] + k
            scored[-1] = (float(new[0]), n + k, new) if new[1] > 0 else (float(new[1]), n + k, new * 2)
            scored.sort(key=lambda s: s[:2])
        return scored[0][2], scored[0][0]

    def filtered(x, taps):
        line, w, log = deque([0.0] * taps, maxlen=taps), np.zeros(taps), []
        for k, v in enumerate(x):
            line.appendleft(v)
            w = w + 0.1 * np.array(line) * v
            if k % 3 == 0:
                log.append((k, w.copy()))
        return w, log[-1][1], np.mean(line)

    for f, x in ((last_state, X), (best_of, X), (filtered, X)):
        for want, got in zip(f(x, 5), function(f, strict=True)(x, 5), strict=True):
            np.testing.assert_allclose(got, want)


def test_an_array_of_a_list_that_may_be_the_callers_or_two_results_is_pythons():
    def callers(x, k):
        return built(x, N)[k]

    def twice(x, k):
        xs = built(x + 1, N)
        return xs[k], xs[-1]

    def beside(x, k):
        y = x + 1
        xs = [y]
        for _ in range(N):
            xs.append(xs[-1] * 2)
        return xs[k], y

    def grown(x, k):
        xs = []
        for _ in range(N + 1):
            x = x + 1
            xs.append(x)
        return xs[k], x

    def best(x, k):
        xs, y = [], x + 1
        least = y
        for _ in range(N + 1):
            y = y + 1
            xs.append(y)
            if y[0] < 3:
                least = y
        return xs[k], least

    for f in (callers, twice, beside, grown, best):
        compiled = function(f)
        for k in (0, N, 3):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FallbackWarning)
                want, got = f(X, k), compiled(X, k)
            assert objects(want, X) == objects(got, X), (f.__name__, k)


def in_both(x, n):
    xs, ys = [], []
    for i in range(n):
        y = x + i
        xs.append(y)
        if y[0] > 0:
            ys.append(y)
    return xs, ys


def in_one_twice(x, n):
    xs = []
    for i in range(n):
        y = x + i
        xs.append(y)
        xs.append(y)
    return xs


def joined_and_appended(x, n):
    xs = []
    for i in range(n):
        y = x + i
        new = [*xs, y] if i < 0 else xs + [y]
        new.append(y)
        xs = new
    return xs


def in_tuples(x, n):
    log, best = [], []
    for i in range(n):
        y = x * i
        log.append((i, y))
        best.append((float(y[0]), y))
    return log, best


def in_rows(x, n):
    groups, current, everything = [], [], []
    for i in range(n):
        y = x + i
        everything.append(y)
        if i % 3 == 2:
            groups.append(current)
            current = [y]
        else:
            current.append(y)
    groups.append(current)
    return groups, everything


def in_two_rows(x, n):
    table = {}
    for i in range(n):
        y = x + i
        table.setdefault(i % 3, []).append(y)
        if i % 2:
            table.setdefault(0, []).append(y)
    return table


@pytest.mark.parametrize("f", [in_both, in_one_twice, joined_and_appended, in_tuples, in_rows, in_two_rows])
def test_an_array_that_a_round_makes_and_puts_into_two_lists_is_one(f):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        want, got = f(X, N), function(f)(X, N)
    assert objects(want, X) == objects(got, X)
    assert str(want) == str(got)


def test_an_array_in_two_lists_of_which_one_is_returned_is_compiled():
    def one_of_two(x, n):
        xs, ys = in_both(x, n)
        return xs, len(ys)

    def one_way_or_another(x, n):
        low, high = [], []
        for i in range(n):
            y = x + i
            if y[0] > 0:
                high.append(y)
            else:
                low.append(y)
        return low, high

    def in_groups(x, n):
        return in_rows(x, n)[0]

    for f in (one_of_two, one_way_or_another, in_groups):
        want, got = f(X, N), function(f, strict=True)(X, N)
        assert str(want) == str(got)
        assert objects(want, X) == objects(got, X)


class Histories:
    def __init__(self):
        self.all, self.some, self.last = [], [], np.zeros(3)


def into_both_histories(model, x):
    for i in range(5):
        y = x + i
        model.all.append(y)
        if y[0] > 1:
            model.some.append(y)


def into_a_history_and_returned(model, x):
    for i in range(5):
        y = x + i
        model.all.append(y)
    return y


def into_a_history_and_an_attribute(model, x):
    for _ in range(5):
        model.last = model.last * 0.5 + x
        model.all.append(model.last)


@pytest.mark.parametrize("f", [into_both_histories, into_a_history_and_returned, into_a_history_and_an_attribute])
def test_an_array_that_goes_into_the_callers_list_and_elsewhere_is_one(f):
    compiled, one, other = function(f), Histories(), Histories()
    for k in range(3):
        x = np.arange(3.0) + k
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FallbackWarning)
            want, got = f(one, x), compiled(other, x)
        assert objects([want, one.all, one.some, one.last], X) == objects([got, other.all, other.some, other.last], X)
