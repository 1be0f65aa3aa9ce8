"""Loops over what long lists hold, where they cannot be loops of the graph: left to Python soon, not after minutes."""

import numpy as np
import pytest

import hybrid as hy
from hybrid import FallbackWarning
from hybrid.control import watch


@pytest.fixture(autouse=True)
def _looks_at_few(monkeypatch):
    monkeypatch.setattr(watch, "MOST", 100)


def game(piles):
    n = len(piles)
    table = [[0] * n for _ in range(n)]
    for i in range(n):
        table[i][i] = piles[i]
    for gap in range(1, n):
        for i in range(n - gap):
            table[i][i + gap] = max(piles[i] - table[i + 1][i + gap], piles[i + gap] - table[i][i + gap - 1])
    moves = ""
    for gap in range(1, n):
        moves += "LR"[table[0][gap] > 0]
    return table[0][n - 1], moves


def visited(n, edges):
    adj = [[] for _ in range(n)]
    for u, v in edges:
        adj[u].append(v)
    order = [0]
    for u in order:
        for v in adj[u]:
            order.append(v)
    return order


def _left_to_python(function, *args):
    compiled = hy.function(function)
    with pytest.warns(FallbackWarning):
        assert compiled(*args) == function(*args)
    assert "what long lists hold" in str(compiled.explain())
    return compiled


def test_a_table_of_lists_that_is_written_out_is_left_to_python():
    _left_to_python(game, np.random.default_rng(3).integers(1, 20, 40).tolist())


def test_a_list_that_grows_while_it_is_gone_through_is_left_to_python():
    _left_to_python(visited, 90, [(v // 2, v) for v in range(1, 90)])
