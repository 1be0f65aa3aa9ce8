"""Comprehensions of several loops and conditions, of sets and dicts, and the generators that functions use up."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from tests.staging.test_selections import alike

X = np.random.default_rng(3).random(30)

PAIRS = {
    "pairs": lambda x, n: [(i, j) for i in range(n) for j in range(n) if x[i] > x[j]],
    "a condition in the middle": lambda x, n: [i * j for i in range(n) if x[i] > 0.3 for j in range(i + 1, n)],
    "rows": lambda x, n: [v for row in x.reshape(-1, 3) for v in row if v > 0.3],
    "counted": lambda x, n: sum(1 for i in range(n) for j in range(i) if x[i] > x[j]),
    "three loops": lambda x, n: sum(i - k for i in range(n) for j in range(n) for k in range(n) if x[i] > x[j] > x[k]),
    "any": lambda x, n: any(x[i] + x[j] > 1.9 for i in range(n) for j in range(n) if i != j),
    "all": lambda x, n: all(x[i] + x[j] < 1.9 for i in range(n) for j in range(n) if i != j),
    "largest": lambda x, n: max(x[i] * x[j] for i in range(n) for j in range(i + 1, n)),
    "largest of some": lambda x, n: max(x[i] * x[j] for i in range(n) for j in range(i + 1, n) if x[i] > x[j]),
    "sorted": lambda x, n: sorted(x[i] * x[j] for i in range(n) for j in range(n) if x[i] < x[j])[:5],
    "an array": lambda x, n: np.array([x[i] - x[j] for i in range(n) for j in range(n) if x[i] > x[j]]),
    "a set": lambda x, n: sorted({int(v * 8) for v in x if v > 0.2}),
    "a set of pairs": lambda x, n: sorted({(i % 3, j % 4) for i in range(n) for j in range(n) if x[i] > x[j]}),
    "a dict": lambda x, n: {k: v * 2 for k, v in enumerate(x) if v > 0.4},
    "a dict of pairs": lambda x, n: {(i, j): x[i] for i in range(n) for j in range(i) if x[i] > x[j]},
    "keys that only a run knows": lambda x, n: {int(v * 100): k for k, v in enumerate(x)},
    "one name twice": lambda x, n: [x for x in x.reshape(-1, 3) for x in x if x > 0.5],
    "known": lambda x, n: (
        [(i, j) for i in range(3) for j in range(i)],
        {c: len(c) for c in ("a", "bc")},
        [x[i] for i in (2, 0)],
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_comprehensions(name):
    alike(PAIRS[name], X, 9)


def test_a_list_of_many_computed_numbers_is_made_by_a_loop():
    def residues(a, n):
        return [int(x) * 7 % 31 for x in a] + [0] * (n - len(a))

    for size in (5, 40, 1000):
        a = np.random.default_rng(size).integers(0, 1000, size)
        alike(residues, a, size + 10)
    compiled = hy.function(residues, strict=True)
    assert compiled(a, 1010) == compiled(a, 1010) == residues(a, 1010)
    assert compiled.stats()["kernels"] < 30


def test_what_a_generator_reads_is_read_no_more_when_it_is_used_up():
    def best(x, y):
        least = 9e9
        for t in np.unique(x)[:-1]:
            left, right = y[x <= t], y[x > t]
            impurity = sum(len(part) * (1 - ((np.bincount(part) / len(part)) ** 2).sum()) for part in (left, right))
            least = min(least, impurity)
        return least

    alike(best, X, np.random.default_rng(0).integers(0, 3, len(X)))


def sum_later(generator, kept=[]):  # noqa: B006  # kept from one call to the next
    kept.append(generator)
    return 0.0


def test_what_is_no_builtin_may_keep_a_generator():
    sum = sum_later

    def late(x):
        total, scale = 0.0, 1.0
        for v in x:
            scale = v * 2
            total += sum(scale * k for k in range(3))
        return total, scale

    kept = sum_later.__defaults__[0]
    with pytest.warns(hy.FallbackWarning):
        assert hy.function(late)(X) == (0.0, X[-1] * 2)
    assert list(kept[-1]) == [X[-1] * 2 * k for k in range(3)]


def test_sets_are_what_vertices_have_seen():
    def coloured(adjacent, n):
        colour = -np.ones(n, int)
        for u in range(n):
            used = {colour[v] for v in range(n) if adjacent[u, v] and colour[v] >= 0}
            c = 0
            while c in used:
                c += 1
            colour[u] = c
        return colour

    half = np.triu(np.random.default_rng(4).random((9, 9)) < 0.4, 1)
    alike(coloured, half | half.T, 9)


def test_errors_inside_come_as_they_would():
    def unhashable(log):
        return {log.append(k) or ([] if k == 1 else k) for k in range(3)}

    def stopped(items):
        return [next(items) for _ in range(5)]

    for function in (unhashable, hy.function(unhashable)):
        log = []
        with pytest.raises(TypeError, match="unhashable"):
            function(log)
        assert log == [0, 1]
    for function in (stopped, hy.function(stopped)):
        with pytest.raises(StopIteration):
            function(iter([1, 2]))


def test_conditions_that_are_known_leave_known_items():
    def around(x):
        steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
        odd = [p for p in range(2, 30) if p % 2]
        total = np.zeros_like(x)
        for dy, dx in steps:
            total += np.roll(np.roll(x, dy, 0), dx, 1)
        return total, odd[len(steps)]

    f = hy.function(around, strict=True)
    alike(around, X[:25].reshape(5, 5))
    f(X[:25].reshape(5, 5))
    assert "loop(" not in str(f.graph(X[:25].reshape(5, 5)))


@pytest.mark.parametrize("seed", range(3))
def test_a_condition_is_asked_once_for_each_item(seed):
    def drawn(x, rng):
        return [v for v in x if rng.random() < 0.5 and v > 0.1]

    def logged(x):
        log = []
        kept = [v for v in x if log.append(1) or v > 0.5]
        pairs = [(v, w) for v in x[:4] for w in x[4:8] if log.append(2) or v > w]
        return kept, pairs, log

    decorated = hy.function(drawn)
    for _ in range(2):
        assert decorated(X, np.random.default_rng(seed)) == drawn(X, np.random.default_rng(seed))
    alike(logged, X)


# Lists of lists --------------------------------------------------------------------------------------------------------
A = (np.random.default_rng(5).random((30, 30)) < 0.2).astype(int)


NEIGHBOURS = {
    "chosen": lambda a: [[j for j in range(len(a)) if a[i, j] > 0] for i in range(len(a))],
    "places": lambda a: [list(np.where(a[i])[0]) for i in range(len(a))],
    "as a list": lambda a: [np.flatnonzero(row).tolist() for row in a],
    "of a dict": lambda a: {i: [j for j in range(len(a)) if a[i, j] > 0] for i in range(len(a))},
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_lists_in_a_list_are_made_by_one_loop(name):
    lists = NEIGHBOURS[name]

    def program(a):
        of, total = lists(a), 0
        for u in range(len(a)):
            for v in of[u]:
                total += u * v
        return total, len(of[3])

    decorated = hy.function(program, strict=True)
    for a in (A, A.T.copy(), A * 0):
        assert decorated(a) == program(a)
    assert str(decorated.explain()).count("\n  k") < 20


def test_pairs_in_lists_in_a_list():
    def program(a):
        of = [[(j, a[i, j] * 0.5) for j in range(len(a)) if a[i, j] > 0] for i in range(len(a))]
        total = 0.0
        for u in range(len(a)):
            for v, weight in of[u]:
                total += u * v * weight
        return total

    assert hy.function(program, strict=True)(A) == program(A)


def test_a_name_that_stands_for_several_parts_of_an_item_is_the_last_of_them():
    def program(a):
        edges = []
        for i in range(len(a)):
            for j in range(i):
                if a[i, j]:
                    edges.append((i, j, a[i, j] * 1.5 + i))
        return sum(c for _, _, c in edges), [_ for _, _, _ in edges], [a + b for (a, a), b in [((1, 2), 3)]]

    decorated = hy.function(program, strict=True)
    for _ in range(2):
        assert decorated(A) == program(A)
