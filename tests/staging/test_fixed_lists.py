"""Lists of lists and dicts of the caller's, looked up at places and by keys that only a run knows."""

from __future__ import annotations

import heapq

import numpy as np
import pytest

import hybrid as hy
from tests.staging.test_selections import alike

NEAR = [[(1, 0.5), (2, 2.0)], [(2, 0.25), (3, 4.0)], [(3, 1.0)], []]
GRAPH = {7: [(3, 0.5), (5, 2.0)], 3: [(5, 0.25), (2, 4.0)], 5: [(2, 1.0)], 2: []}
X = np.random.default_rng(0).random(12)
quietly = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")


def shortest(near, source):
    far = [1e9] * len(near)
    far[source] = 0.0
    queue = [(0.0, source)]
    while queue:
        d, u = heapq.heappop(queue)
        if d > far[u]:
            continue
        for v, w in near[u]:
            if d + w < far[v]:
                far[v] = d + w
                heapq.heappush(queue, (d + w, v))
    return far


def shortest_in_a_dict(graph, source):
    far, done, queue = {source: 0.0}, set(), [(0.0, source)]
    while queue:
        d, u = heapq.heappop(queue)
        if u in done:
            continue
        done.add(u)
        for v, w in graph[u]:
            if d + w < far.get(v, float("inf")):
                far[v] = d + w
                heapq.heappush(queue, (d + w, v))
    return far


def test_graphs():
    alike(shortest, NEAR, 0)
    alike(shortest_in_a_dict, GRAPH, 7)


def test_what_is_asked_of_a_list_that_was_looked_up():
    rows = [[3, 1, 2], [5], [], [4, 4]]

    def asked(x):
        total = 0
        for v in x:
            k = int(v * 4)
            row = rows[k]
            total = total * 3 + len(row) + sum(row) + (2 if 4 in row else 0) + len(rows[-1 - k])
            if row:
                total += row[0] * 10 + row[-1] * 7 + max(row)
            for one in sorted(row):
                total = (total * 5 + one) % 10007
            for one in row:
                total = (total * 5 + one) % 10007
            total += len(row[1:]) + np.array(row, dtype=float).sum()
        return total

    alike(asked, X)


def test_dicts_by_numbers_and_pairs():
    costs, rows = {(0, 1): 2.5, (1, 0): 1.5, (1, 1): 0.5}, {2: [1, 2], 5: [7]}

    def priced(x):
        total = 0.0
        for v in x:
            i, j = int(v * 2), int(v * 20) % 2
            total += costs.get((i, j), 9.0)
            for one in rows.get(int(v * 6), []):
                total += one
            found = rows.get(int(v * 7))
            if found is not None:
                total += found[0]
            if i == 1:
                total += costs[i, j]
        return total

    alike(priced, X)


@quietly
def test_errors_and_changes_are_pythons():
    def read(near, k):
        u = np.argmax(X) * 0 + k
        return [v for v, w in near[int(u)]]

    def found(graph, x):
        return graph[int(x[0] * 0) + 1]

    def appended(near, x):
        for v in x:
            near[int(v * 4)].append((0, v))
        return len(near[0])

    def handed_back(near, x):
        return near[int(x[0] * 4)]

    for k in (0, 2, -1):
        alike(read, NEAR, np.int64(k), strict=False)
    with pytest.raises(IndexError, match="list index out of range"):
        hy.function(read)(NEAR, np.int64(4))
    with pytest.raises(KeyError):
        hy.function(found)(GRAPH, X)
    mine, theirs = [list(row) for row in NEAR], [list(row) for row in NEAR]
    assert hy.function(appended)(mine, X) == appended(theirs, X) and mine == theirs
    decorated = hy.function(handed_back)
    assert decorated(NEAR, X) is handed_back(NEAR, X)


def test_other_lists_are_seen():
    held = [[1, 2], [3]]

    def total(x):
        out = 0
        for v in x:
            for one in held[int(v * 2)]:
                out += one
        return out

    decorated = hy.function(total)
    assert decorated(X) == total(X)
    held[0].append(100)
    assert decorated(X) == total(X)
    held[1] = [7, 7]
    assert decorated(X) == total(X)
