"""Tables as lists of lists that a function makes: read and changed at places that only a run knows, rows that change places."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hybrid as hy

RNG = np.random.default_rng(11)
X = RNG.random(400)


def table(x):
    n = len(x)
    best = [[0] * n for _ in range(n)]
    for i in range(1, n):
        for j in range(1, n):
            best[i][j] = max(best[i - 1][j], best[i][j - 1]) + int(x[i] * 3) * int(x[j] * 2)
    return best[-1][-1], best[n // 2]


def grid(x):
    counts = [[0] * 10 for _ in range(10)]
    for v in x:
        counts[int(v * 10)][int(v * 100) % 10] += 1
    return max(max(row) for row in counts), [sum(row) for row in counts]


def few(x):
    m = [[x[i * 3 + j] for j in range(3)] for i in range(3)]
    for v in x[:5]:
        m[int(v * 3)][1] += v
    return m[0][1] + m[1][1] * 2 + m[2][1] * 3


def determinant(x, n=14):
    m = [[x[i * n + j] for j in range(n)] for i in range(n)]
    sign = 1.0
    for i in range(n):
        p = i
        for r in range(i + 1, n):
            if abs(m[r][i]) > abs(m[p][i]):
                p = r
        if p != i:
            m[i], m[p] = m[p], m[i]
            sign = -sign
        row = m[i]
        for r in range(i + 1, n):
            f = m[r][i] / row[i]
            for c in range(i, n):
                m[r][c] -= f * row[c]
    for i in range(n):
        sign *= m[i][i]
    return sign


def small(x):
    m = [[x[i * 5 + j] for j in range(5)] for i in range(5)]
    for k in range(5):
        p = max(range(k, 5), key=lambda r: abs(m[r][k]))
        m[k], m[p] = m[p], m[k]
        for r in range(k + 1, 5):
            f = m[r][k] / m[k][k]
            for c in range(k, 5):
                m[r][c] -= f * m[k][c]
    return [m[k][k] for k in range(5)]


def grown(x):
    rows = [[float(i)] * 9 for i in range(9)]
    for v in x[:40]:
        rows[int(v * 9)].append(v)
        rows[int(v * 9)][0] += 1.0
    return rows, [len(row) for row in rows]


@pytest.mark.parametrize("program", [table, grid, few, determinant, small, grown], ids=lambda f: f.__name__)
def test_tables(program):
    decorated = hy.function(program, strict=True)
    for x in (X[:200], X[200:], X[50:250]):
        x = x[:24] if program is table else x
        got, want = decorated(x), program(x)
        if isinstance(want, float):
            assert np.isclose(got, want, rtol=1e-9)
        else:
            np.testing.assert_equal(got, want) if program is not small else np.testing.assert_allclose(got, want, rtol=1e-9)


def test_a_list_known_before_rows_change_places_is_not_mistaken():
    def program(x):
        rows = [[v, 0.0] for v in x[:40]]
        total = 0.0
        for i in range(20):
            p = int(x[i] * 40)
            row = rows[i]
            rows[i], rows[p] = rows[p], rows[i]
            row[1] += 1.0
            total += rows[p][1] * rows[i][0]
        return total

    decorated = hy.function(program)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        for _ in range(2):
            assert np.isclose(decorated(X), program(X))


def test_what_exchanges_other_things_is_pythons():
    def place():
        return 0

    @hy.function
    def program(x, a):
        names = ["a", "b", "c"]
        names[0], names[2] = names[2], names[0]
        pair = {0: 1.5, 1: 2.5}
        pair[0], pair[1] = pair[1], pair[0]
        a[0], a[1] = a[1], a[0]
        other = [1, 2, 3]
        other[place()], other[2] = other[2], other[place()]
        for k in range(2):
            other[k], other[k + 1] = other[k + 1], other[k]
        return names, pair, other, x + other[0]

    a = np.array([1.0, 2.0])
    names, pair, other, out = program(X[:3], a)
    assert (names, pair, other, list(a)) == (["c", "b", "a"], {0: 2.5, 1: 1.5}, [2, 1, 3], [2.0, 1.0])
    assert np.array_equal(out, X[:3] + 2)
