"""Lists of lists of tuples among the arguments, as graphs are given, and containers of which a program makes thousands."""

from __future__ import annotations

import copy
import heapq
import random

import numpy as np
import pytest

import hybrid as hy


def total(graph):
    found = 0.0
    for u in range(len(graph)):
        for v, weight in graph[u]:
            found += (u - v) * weight
    return found


def degrees(graph):
    return [len(row) for row in graph]


def heaviest(graph):
    found = []
    for row in graph:
        best, at = -1.0, -1
        for v, weight in row:
            if weight > best:
                best, at = weight, v
        found.append((at, best))
    return found


def dijkstra(graph, source=0):
    distances = [float("inf")] * len(graph)
    distances[source] = 0.0
    heap = [(0.0, source)]
    while heap:
        distance, u = heapq.heappop(heap)
        if distance > distances[u]:
            continue
        for v, weight in graph[u]:
            other = distance + weight
            if other < distances[v]:
                distances[v] = other
                heapq.heappush(heap, (other, v))
    return distances


def scaled(graph):
    for u in range(len(graph)):
        for k in range(len(graph[u])):
            v, weight = graph[u][k]
            graph[u][k] = (v, weight * 2.0)
    return graph


def grown(graph):
    graph[0].append((1, 0.5))
    return sum(len(row) for row in graph), graph[0][-1]


def at_places(graph, u=1, k=1):
    return graph[u][k], graph[u][-1][0], graph[-1][k]


def made(n, most, kinds=(int, float), least=0):
    """Rows of at least so many tuples: as many each where `least` is `most`."""
    draw = random.Random(n)
    number = lambda kind: draw.randrange(n) if kind is int else draw.random()
    return [[tuple(map(number, kinds)) for _ in range(draw.randint(least, most))] for _ in range(n)]


def same_calls(f, program, arguments):
    for given in arguments:
        own, other = copy.deepcopy(given), copy.deepcopy(given)
        got, want = f(own), program(other)
        assert repr(got) == repr(want) and repr(own) == repr(other)


@pytest.mark.parametrize("least", [0, 3])
@pytest.mark.parametrize("program", [total, degrees, heaviest, dijkstra, scaled, grown])
def test_rows_of_any_length(program, least):
    f = hy.function(program, strict=True)
    same_calls(f, program, [made(n, 3, least=least) for n in (30, 31, 200, 30)])
    assert sum(trace.native_calls for trace in f.traces) >= 2


def test_tuples_of_other_kinds():
    def products(rows):
        found = 0
        for row in rows:
            for a, b, c in row:
                found += a * b - c
        return found

    f = hy.function(products, strict=True)
    kinds = [(int, int, int), (float, float, float), (float, int, float), (int, float, int)]
    same_calls(f, products, [made(n, 4, kind, least) for n in (20, 60) for kind in kinds for least in (0, 4)])
    for given in ([[(1, 2, 2**70)], [(1, 2, 3)]] * 20, [[(1, 2, 3)], [[1, 2, 3]]] * 20):
        assert hy.function(products)(given) == products(given)
    with pytest.raises(ValueError, match="unpack"):
        hy.function(products)([[(1, 2, 3)] * 3, [(1, 2)]] * 20)


def test_items_and_arrays():
    f, g = hy.function(at_places, strict=True), hy.function(np.array, strict=True)
    same_calls(f, at_places, [made(n, 4, least=4) for n in (20, 50)])
    for kinds in ((float, float), (int, float), (int, int)):
        for n in (20, 50):
            rows = made(n, 3, kinds, 3)
            assert g(rows).dtype == np.array(rows).dtype and np.array_equal(g(rows), np.array(rows))


def adjacency(n, ends):
    graph = [[] for _ in range(n)]
    for k in range(len(ends) - 1):
        graph[ends[k]].append(ends[k + 1])
        graph[ends[k + 1]].append(ends[k])
    longest = 0
    for row in graph:
        longest = max(longest, len(row))
    return longest, [len(row) for row in graph][:5]


def neighbours(n, ends):
    graph = [set() for _ in range(n)]
    for k in range(len(ends) - 1):
        graph[ends[k]].add(ends[k + 1])
    return sum(len(found) for found in graph)


def subsequence(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i][j] = table[i - 1][j - 1] + 1 if a[i - 1] == b[j - 1] else max(table[i - 1][j], table[i][j - 1])
    return table[-1][-1]


@pytest.mark.parametrize("program", [adjacency, neighbours])
def test_many_containers_made_at_once(program):
    f, draw = hy.function(program, strict=True), random.Random(3)
    for n in (600, 25_000, 600):
        ends = [draw.randrange(n) for _ in range(400)]
        assert f(n, ends) == program(n, ends)


def test_many_rows_of_many_numbers():
    f, draw = hy.function(subsequence, strict=True), random.Random(4)
    a, b = ("".join(draw.choice("ACGT") for _ in range(n)) for n in (520, 30))
    for one, other in ((a, b), (a, b), (a[:40], b)):
        assert f(one, other) == subsequence(one, other)
