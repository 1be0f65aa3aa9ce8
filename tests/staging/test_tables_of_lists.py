"""Tables that are lists of lists: filled by loops over their places, then walked back by numbers that only a run knows."""

import numpy as np
import pytest

import hybrid as hy


def subsequence(s, t):
    m, n = len(s), len(t)
    table = [[0] * (n + 1) for _ in range(m + 1)]
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            if s[i - 1] == t[j - 1]:
                table[i][j] = table[i - 1][j - 1] + 1
            else:
                table[i][j] = max(table[i - 1][j], table[i][j - 1])
    i, j, places = m, n, []
    while i > 0 and j > 0:
        if s[i - 1] == t[j - 1]:
            places.append(i - 1)
            i -= 1
            j -= 1
        elif table[i - 1][j] >= table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return table[m][n], places[::-1]


def lowest(costs, moves):
    n = len(costs)
    best = [[float("inf")] * n for _ in range(n)]
    best[0][0] = 0.0
    for k in moves:
        for i in range(n):
            j = (i + k) % n
            best[j][i] = min(best[j][i], best[i][i] + costs[i])
            best[i][j] = min(best[i][j], best[j][j] + costs[j] / 2)
    return best[n - 1][n - 1], sum(best[0][1:4]), len(best[2])


def one_row_many_times(x):
    rows = [[0] * 30] * 30
    for k in range(len(x)):
        rows[x[k]][k % 30] += 1
    return rows[0][0], rows[29][1]


def a_row_by_name(x):
    rows = [[0] * 30 for _ in range(30)]
    first = rows[0]
    for k in range(len(x)):
        rows[x[k]][k % 30] += 1
    first[0] += 100
    return rows[0][0], rows[29][1]


@pytest.mark.parametrize("size", [6, 12, 40, 90])
@pytest.mark.parametrize("as_text", [False, True])
def test_a_table_is_walked_back(size, as_text):
    s, t = np.random.default_rng(size).integers(0, 4, (2, size))
    if as_text:
        s, t = ("".join("acgt"[k] for k in x) for x in (s, t))
    assert hy.function(subsequence, strict=True)(s, t) == subsequence(s, t)


@pytest.mark.parametrize("size", [5, 30])
def test_a_table_of_floats(size):
    rng = np.random.default_rng(size)
    costs, moves = rng.random(size), rng.integers(0, size, 12)
    assert hy.function(lowest, strict=True)(costs, moves) == pytest.approx(lowest(costs, moves))


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("function", [one_row_many_times, a_row_by_name])
def test_rows_that_others_know(function):
    x = np.random.default_rng(5).integers(0, 30, 60)
    compiled = hy.function(function)
    assert compiled(x) == function(x)
    assert compiled(x[::-1].copy()) == function(x[::-1])
