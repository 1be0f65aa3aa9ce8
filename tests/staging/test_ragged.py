"""Arrays of several lengths in a list, looked up at places that only a run knows."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import hybrid as hy

GRAPH = np.array([[0, 1, 1, 0, 0, 0], [1, 0, 0, 1, 0, 0], [1, 0, 0, 1, 0, 0], [0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0], [0] * 6])
ROWS = [np.arange(k, dtype=np.int64) for k in (3, 1, 4, 1, 5, 2)]
TABLES = [np.arange(2.0 * k).reshape(k, 2) for k in (3, 1, 2)]


def distances(graph, start):
    neighbours = [np.where(graph[i])[0] for i in range(len(graph))]
    found = np.full(len(graph), -1)
    found[start] = 0
    queue = [start]
    while queue:
        u = queue.pop(0)
        for v in neighbours[u]:
            if found[v] < 0:
                found[v] = found[u] + 1
                queue.append(v)
    return found


def unvisited(graph):
    near = [np.flatnonzero(row) for row in graph]
    visited = np.zeros(len(graph), bool)
    order = []
    for start in np.argsort(graph.sum(1), kind="stable"):
        queue = [] if visited[start] else [start]
        visited[start] = True
        while queue:
            i = queue.pop(0)
            order.append(i)
            more = near[i][~visited[near[i]]]
            visited[more] = True
            queue.extend(more)
    return np.array(order)


def sums(rows, order):
    total = 0
    for i in order:
        total += rows[i].sum() * len(rows[i])
    return total, rows[order[0]].max(), rows[-1]


def walk(rows, start, steps):
    at, seen = start, []
    for k in range(steps):
        at = rows[at][k % len(rows[at])]
        seen.append(at)
    return seen


def of_two_axes(tables, order):
    return [float(tables[i][-1, 1]) + tables[i].shape[0] for i in order]


CASES = [
    (distances, (GRAPH, 0)), (unvisited, (GRAPH,)), (sums, (ROWS, np.array([4, 0, 2, 2, -1]))), (walk, (ROWS, 2, 9)),
    (of_two_axes, (TABLES, np.array([2, 0, 1, 1]))),
]  # fmt: skip


@pytest.mark.parametrize(("f", "args"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_the_array_at_a_place(f, args):
    g = hy.function(f, strict=True)
    for _ in range(3):
        got, want = g(*copy.deepcopy(args)), f(*copy.deepcopy(args))
        assert type(got) is type(want) and str(got) == str(want)
    assert g.traces[0].native_calls == 2


@pytest.mark.parametrize("index", [6, -7])
def test_a_place_outside_of_the_list(index):
    g = hy.function(lambda rows, i: rows[i].sum())
    for k in (2, -1, 0, 3):
        assert g(ROWS, np.int64(k)) == ROWS[k].sum()
    with pytest.raises(IndexError):
        g(ROWS, np.int64(index))


def written(rows, order):
    for i in order:
        rows[i] += 1
    return rows[0].sum()


def written_later(rows, order):
    total = 0
    for i in order:
        total += rows[i].sum()
    rows[1][:] = 7
    for i in order:
        total += rows[i].sum()
    return total


def given_back(rows, order):
    return rows[order[1]]


@pytest.mark.parametrize("f", [written, written_later, given_back])
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_arrays_that_are_written_or_handed_on_are_pythons(f):
    g, order = hy.function(f), np.array([4, 1, 1])
    own, others = copy.deepcopy(ROWS), copy.deepcopy(ROWS)
    for _ in range(2):
        got, want = g(own, order), f(others, order)
        assert str(got) == str(want) and str(own) == str(others)
        assert [row is got for row in own] == [row is want for row in others]
