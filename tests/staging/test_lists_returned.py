"""Lists that a loop returns, tuples of uncertain numbers and tuples or None that are compared: `return out` in `while True`."""

from __future__ import annotations

import gc
import heapq
import math
import sys

import numpy as np
import pytest

import hybrid as hy


def collected(x, n):
    out, k = [], 0
    while True:
        out.append(x[k] * 2)
        k += 1
        if k >= n or x[k] < 0:
            return out


def last_known(x, n):
    out, kept = [], None
    for k in range(n):
        out.append(x[k])
        if x[k] > 0.5:
            kept = out
    out.append(9.0)
    return kept


def ranks(x, n):
    order, rank, k = list(range(n)), [int(v) for v in x * 3], 1
    while True:
        order.sort(key=lambda i: rank[i])
        new = [0] * n
        for a in range(1, n):
            new[order[a]] = new[order[a - 1]] + (rank[order[a]] != rank[order[a - 1]])
        rank = new
        k *= 2
        if k > n:
            return order


def waits(x, n):
    """Where a server is free is a Python float at first, then a NumPy number."""
    free = [(0.0, k) for k in range(3)]
    heapq.heapify(free)
    out = []
    for a in np.abs(x[:n]):
        t, k = heapq.heappop(free)
        start = max(a, t)
        out.append(start - a)
        heapq.heappush(free, (start + a, k))
    return out


def distances(x, n):
    """Infinity, a float, and whole numbers."""
    least = [math.inf] * n
    least[0] = 0
    heap = [(0, 0)]
    while heap:
        d, u = heapq.heappop(heap)
        if d > least[u]:
            continue
        for v in range(n):
            step = d + abs(u - v) * 3 % 7 + 1
            if x[v] > -1 and step < least[v]:
                least[v], step = step, least[v]
                heapq.heappush(heap, (least[v], v))
    return least


def round_trip(x, n):
    start, at, steps = None, 0, []
    for k in range(40):
        cell = (at % 3, at // 3)
        if start == cell:
            return steps
        if start is None and x[k % n] > 0:
            start = cell
        steps.append(cell[0])
        at = (at + 2) % n
        if cell != start and k > 30:
            break
    return steps


@pytest.mark.parametrize("f", [collected, last_known, ranks, waits, distances, round_trip])
def test_as_python(f):
    strict = hy.function(f, strict=True)
    rng = np.random.default_rng(7)
    for shift in (0, 1, -1, 3):
        x = rng.normal(size=9) + shift
        want, got = f(x, 8), strict(x, 8)
        assert want == got and type(want) is type(got)
        assert [type(item) for item in want or ()] == [type(item) for item in got or ()]


def several(x, n):
    """Lists of floats, of integers and of tuples of either, made in one loop."""
    out, places, pairs, triples = [], [], [], []
    for i in range(n):
        if x[i] > 0.3:
            out.append(float(x[i]) * 2)
            places.append(i)
            pairs.append((i, float(x[i])))
            triples.append((i, i * 2**40, -i))
    return out, places, pairs, triples, [k * k for k in range(n)]


def test_lists_that_machine_code_makes():
    decorated = hy.function(several, strict=True)
    for n in (5, 40, 300, 0, 3, 2000):
        x = np.random.default_rng(n).random(max(n, 1))
        want = several(x, n)
        for _ in range(3):
            got = decorated(x, n)
            assert got == want
            assert all(type(a) is type(b) for rows in zip(got, want) for a, b in zip(*rows))
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(50):
        decorated(x, 2000)
    gc.collect()
    assert len(gc.get_objects()) - before < 500
    assert sys.getrefcount(decorated(x, 2000)[0][0]) == sys.getrefcount(several(x, 2000)[0][0])


def without_axes(x):
    out, table, pairs = [], {}, []
    for i in range(len(x)):
        if x[i] > 0:
            out.append(np.where(x[i] > 1, x[i], 1.0))
        table[int(x[i])] = np.array(x[i])
        if x[i] < 2:
            pairs.append((i, np.asarray(x[i])))
    return out, table, pairs


def test_arrays_without_axes_stay_arrays():
    x = np.array([1.5, -2.0, 3.0, 0.25])
    decorated = hy.function(without_axes)
    for _ in range(3):
        assert repr(decorated(x)) == repr(without_axes(x))
