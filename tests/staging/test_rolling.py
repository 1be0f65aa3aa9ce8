"""Ways in which loops become one equation: a first round of another kind, variables that are unbound before the loop."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest

import hybrid as hy
from hybrid.ir.graph import is_construct

X = np.array([0.5, 2.0, 1.5, 3.0, 0.25, 4.0, 1.0])


def same(f, *args, strict=True):
    """Compiled gives what undecorated does, in value, type and error."""
    try:
        want = f(*args)
    except Exception as error:
        with pytest.raises(type(error)) as raised:
            hy.function(f)(*args)
        assert str(raised.value) == str(error)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error" if strict else "ignore", hy.FallbackWarning)
        got = hy.function(f, strict=strict)(*args)
    assert type(got) is type(want)
    np.testing.assert_allclose(got, want)
    assert np.asarray(got).dtype == np.asarray(want).dtype


@pytest.mark.parametrize("tolerance", [1e-9, 0.3, 1e9, -1.0])
def test_a_whole_number_array_becomes_one_of_floats_before_the_loop_is_left(tolerance):
    def f(p, tolerance):
        rounds = 0
        for _ in range(60):
            new = p * 0.5 + 1
            diff = np.max(np.abs(new - p))
            p = new
            rounds += 1
            if diff < tolerance:
                break
        else:
            rounds = -1
        return p * rounds

    same(f, np.array([[4]]), tolerance)
    same(f, np.array([[4.0]]), tolerance)


def test_a_variable_that_a_try_assigns_is_no_part_of_the_next_round():
    def f(x, tolerance):
        q = 1.0
        for _ in range(50):
            try:
                step = np.linalg.solve(np.array([[q + 1, 1.0], [1.0, 3.0]]), x[:2] - q)
            except np.linalg.LinAlgError:
                return None
            new = q + 0.5 * step[0]
            if abs(new - q) < tolerance:
                break
            q = new
        return q

    same(f, X, 1e-8)
    same(f, X, 1e8)


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_what_is_unbound_before_a_loop_and_read_in_later_rounds(n):
    def f(x, n):
        s = 0.0
        for i in range(n):
            if i > 0:
                s += last.sum() * x[i]  # noqa: F821
            last = x[i] * x  # noqa: F841
        return s

    same(f, X, n, strict=False)

    def g(x, n):
        for i in range(n):
            if x[i] > 1.8:
                last = x * x[i]
            if x[i] > 2.5:
                break
        return last

    same(g, X, n, strict=False)

    def h(x, n):
        i = 0
        while i < n:
            try:
                row = x * x[i]
            except ZeroDivisionError:
                break
            i += 1
        return row

    same(h, X, n, strict=False)


def test_a_round_that_reads_what_is_unbound_raises_as_python_does():
    def f(x):
        for i in range(9):
            if x[i % 7] > 3.5:
                return late.sum()  # noqa: F821
            if x[i % 7] > 5:
                late = x * 2  # noqa: F841
        return 0.0

    same(f, X)
    same(f, X * 0.1, strict=False)


def test_items_of_a_list_that_are_loops_are_made_by_a_loop():
    def f(x):
        def total(i):
            s = 0.0
            for k in range(i + 6):
                if x[k % 7] > s:
                    s += x[k % 7] * i
            while s > 100:
                s /= 2
            return s

        return np.array([total(i) for i in range(42)]).reshape(6, 7) @ x

    same(f, X)
    graph = hy.function(f).graph(X)
    assert sum(map(is_construct, graph.eqns)) <= 6


def test_a_list_that_two_lists_are_joined_to_changes_in_a_loop():
    def f(x, width):
        n = len(x)
        cost = [0.0] + [float("inf")] * n
        breaks = [0] * (n + 1)
        for j in range(1, n + 1):
            used = 0.0
            for i in range(j, 0, -1):
                used += x[i - 1]
                if used > width:
                    break
                if cost[i - 1] + (width - used) ** 2 < cost[j]:
                    cost[j], breaks[j] = cost[i - 1] + (width - used) ** 2, i - 1
        return np.array(cost) + np.array(breaks)

    same(f, np.tile(X, 4), 6.0)
    assert sum(map(is_construct, hy.function(f).graph(np.tile(X, 4), 6.0).eqns)) <= 3


def test_what_a_generator_iterates_over_is_not_kept_from_round_to_round():
    def f(labels, queries, k):
        out = []
        for q in queries:
            votes = Counter()
            for i in np.argsort(abs(X - q), kind="stable")[:k]:
                votes[int(labels[i])] += 1
            best = max(votes.values())
            out.append(min(c for c, v in votes.items() if v == best))
        return np.array(out)

    labels, queries = np.array([0, 2, 1, 1, 2, 0, 2]), np.linspace(0, 4, 30)
    same(f, labels, queries, 5)
    assert sum(map(is_construct, hy.function(f).graph(labels, queries, 5).eqns)) <= 3


# keys that the first round enters --------------------------------------------------------------------------------------
class Momentum:
    """What optimisers do: a state for each parameter, made when it is first met."""

    def __init__(self, rate):
        self.rate, self.state = rate, {}

    def update(self, params, grads):
        for k, name in enumerate(params):
            if (k, name) not in self.state:
                self.state[k, name] = np.zeros_like(grads[name])
            self.state[k, name] = 0.9 * self.state[k, name] + grads[name]
            params[name] = params[name] - self.rate * self.state[k, name]


def rolled(f, *args):
    """Compiled gives what undecorated does, and writes no loop out."""
    made = hy.function(f, strict=True)
    for want, got in zip(f(*args), made(*args), strict=True):
        np.testing.assert_allclose(got, want)
    assert "written out" not in made.explain()


def test_the_first_round_of_a_loop_enters_the_keys_that_the_others_find():
    def train(x, rounds):
        params, optimiser = {"w": np.zeros(7), "b": np.zeros(1)}, Momentum(0.1)
        for _ in range(rounds):
            error = params["w"] * x + params["b"] - 1
            optimiser.update(params, {"w": error * x, "b": error.sum(keepdims=True)})
        return (*params.values(), *optimiser.state.values())

    rolled(train, X, 40)
    rolled(train, X, 2)


def test_keys_are_entered_in_the_first_round_of_both_of_two_nested_loops():
    def f(x, n):
        optimiser, params = Momentum(0.5), {"a": np.ones(3), "b": np.ones(2)}
        for j in range(n // 5):
            for i in range(j, n):
                optimiser.update(params, {"a": params["a"] * x[i], "b": params["b"] - j})
        return (*params.values(), *optimiser.state.values())

    made = hy.function(f, strict=True)
    for n in (7, 30):
        x = np.linspace(0, 0.1, n)
        for want, got in zip(f(x, n), made(x, n), strict=True):
            np.testing.assert_allclose(got, want)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")  # where there is no round
@pytest.mark.parametrize("limit", [0.5, 300.0])
def test_a_while_loop_enters_keys_and_may_not_go_round(limit):
    def f(x, limit):
        seen, total = {}, 1.0
        while total < limit:
            if "sum" not in seen:
                seen["sum"] = np.zeros(2)
                seen["last"] = np.zeros(3)
            seen["sum"] = seen["sum"] + x[:2]
            seen["last"] = x[:3] * total
            total = total + x.sum()
        return len(seen), total, *seen.values()

    for want, got in zip(f(X, limit), hy.function(f)(X, limit), strict=True):
        np.testing.assert_allclose(got, want)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_a_loop_over_what_only_a_run_counts_enters_keys_in_its_first_round():
    def f(x):
        seen = {}
        for v in x[x > 1]:
            if "sum" not in seen:
                seen["sum"], seen["parts"] = 0.0, np.zeros(2)
            seen["sum"] = seen["sum"] + v
            seen["parts"] = seen["parts"] * 0.5 + v
            if v > 3.5:
                break
        return tuple(seen.values())

    made = hy.function(f)
    for x in (X, np.append(X, 2.0), np.zeros(4)):
        for want, got in zip(f(x), made(x), strict=True):
            np.testing.assert_allclose(got, want)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")  # where the rounds after the first are no loop
@pytest.mark.parametrize("odd", [False, True])
def test_a_loop_is_left_after_the_round_that_enters_keys(odd):
    def f(x, odd):
        seen, total = {}, 0.0
        for i in range(6):
            if "sum" not in seen:
                seen["sum"], seen["parts"] = np.zeros(2), np.zeros(3)
            seen["sum"] = seen["sum"] + x[i]
            if odd:
                seen[i] = np.zeros(i + 1)
            total = total + x[i]
            if total > 0.5:
                break
        else:
            total = -total
        return len(seen), total, *seen.values()

    made = hy.function(f)
    for x in (X, X / 10, X[::-1] * 0, 0.6 - X):
        for want, got in zip(f(x, odd), made(x, odd), strict=True):
            np.testing.assert_allclose(got, want)
