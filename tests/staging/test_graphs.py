"""Graph algorithms, simulations and dynamic programs as people write them: lists of tuples, heaps, deques, dicts and sets."""

from __future__ import annotations

import heapq
import math
import warnings
from collections import Counter, defaultdict, deque, namedtuple
from heapq import heappop, heappush

import numpy as np
import pytest

from hybrid.staging.function import function

Job = namedtuple("Job", "end start weight")


def dijkstra(n, src, dst, w):
    graph = {i: [] for i in range(n)}
    for a, b, c in zip(src, dst, w):
        graph[a].append((b, c))
    dist = [math.inf] * n
    dist[0] = 0.0
    queue = [(0.0, 0)]
    while queue:
        d, u = heappop(queue)
        if d > dist[u]:
            continue
        for v, c in graph[u]:
            new = d + c
            if new < dist[v]:
                dist[v] = new
                heappush(queue, (new, v))
    return dist


def dijkstra_in_arrays(first, to, w, start):
    dist = np.full(len(first) - 1, np.inf)
    dist[start] = 0.0
    heap = [(0.0, start)]
    while heap:
        d, u = heapq.heappop(heap)
        if d > dist[u]:
            continue
        for k in range(first[u], first[u + 1]):
            v = int(to[k])
            new = d + float(w[k])
            if new < dist[v]:
                dist[v] = new
                heapq.heappush(heap, (new, v))
    return dist


def kruskal(n, src, dst, w):
    parent = list(range(n))

    def find(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    total, tree = 0.0, []
    for c, a, b in sorted(zip(w, src, dst)):
        left, right = find(a), find(b)
        if left != right:
            parent[left] = right
            total += c
            tree.append((a, b))
    return total, tree


def kahn(n, src, dst):
    missing = [0] * n
    adj = [[] for _ in range(n)]
    for k in range(len(src)):
        adj[src[k]].append(int(dst[k]))
        missing[dst[k]] += 1
    ready = deque()
    for i in range(n):
        if missing[i] == 0:
            ready.append(i)
    order = []
    while ready:
        u = ready.popleft()
        order.append(u)
        for v in adj[u]:
            missing[v] -= 1
            if missing[v] == 0:
                ready.append(v)
    return order, len(order) == n


def depth_first(n, src, dst):
    adj = [[] for _ in range(n)]
    for a, b in zip(src, dst):
        adj[a].append(b)
    degrees = [len(row) for row in adj]
    seen, order, stack = [False] * n, [], [0]
    while stack:
        u = stack.pop()
        if seen[u]:
            continue
        seen[u] = True
        order.append(u)
        for v in reversed(adj[u]):
            if not seen[v]:
                stack.append(v)
    return order, adj, max(degrees)


def prim(weights):
    n = len(weights)
    seen, heap, total = [False] * n, [(0.0, 0)], 0.0
    while heap:
        w, u = heappop(heap)
        if seen[u]:
            continue
        seen[u] = True
        total += w
        for v in range(n):
            if weights[u, v] > 0 and not seen[v]:
                heappush(heap, (weights[u, v], v))
    return total


def a_star(grid, goal):
    height, width = grid.shape
    start = (0, 0)
    heap, cost = [(0, start)], {start: 0}
    while heap:
        _, at = heappop(heap)
        if at == goal:
            return cost[at], len(cost)
        for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
            x, y = at[0] + dx, at[1] + dy
            if 0 <= x < height and 0 <= y < width and grid[x, y] == 0:
                new, there = cost[at] + 1, (x, y)
                if there not in cost or new < cost[there]:
                    cost[there] = new
                    heappush(heap, (new + abs(x - goal[0]) + abs(y - goal[1]), there))
    return -1, len(cost)


def maze(grid):
    height, width = grid.shape
    queue, seen, reached = deque([(0, 0)]), {(0, 0)}, 0
    while queue:
        i, j = queue.popleft()
        reached += 1
        for di, dj in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            there = (i + di, j + dj)
            if 0 <= there[0] < height and 0 <= there[1] < width and grid[there] == 0 and there not in seen:
                seen.add(there)
                queue.append(there)
    return reached, len(seen)


def huffman(counts):
    heap, left, right, cost = [], [], [], 0
    for i in range(len(counts)):
        heappush(heap, (int(counts[i]), i))
    while len(heap) > 1:
        a, i = heappop(heap)
        b, j = heappop(heap)
        left.append(i)
        right.append(j)
        heappush(heap, (a + b, len(counts) + len(left) - 1))
        cost += a + b
    return cost, left, right


def server(arrivals, times):
    events = []
    for i in range(len(arrivals)):
        heapq.heappush(events, (float(arrivals[i]), 0, i))
    waiting, busy, done = deque(), False, []
    while events:
        t, kind, i = heapq.heappop(events)
        if kind == 0:
            if busy:
                waiting.append(i)
            else:
                busy = True
                heapq.heappush(events, (t + float(times[i]), 1, i))
        else:
            done.append((i, t))
            if waiting:
                j = waiting.popleft()
                heapq.heappush(events, (t + float(times[j]), 1, j))
            else:
                busy = False
    return done


def largest(x, k):
    heap = []
    for v in x:
        if len(heap) < k:
            heapq.heappush(heap, v)
        elif v > heap[0]:
            heapq.heapreplace(heap, v)
    return sorted(heap, reverse=True)


def merged(start, end):
    spans = sorted([(start[i], end[i]) for i in range(len(start))])
    out = [spans[0]]
    for a, b in spans[1:]:
        if a <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], b))
        else:
            out.append((a, b))
    return out


def schedule(start, end, weight):
    jobs = []
    for i in range(len(start)):
        jobs.append(Job(end[i], start[i], weight[i]))
    jobs.sort(key=lambda job: job.end)
    best, t = 0.0, -1.0
    for job in jobs:
        if job.start >= t:
            best += job.weight
            t = job.end
    return best, jobs[0]


def increasing(x):
    tails = []
    for v in x:
        low, high = 0, len(tails)
        while low < high:
            middle = (low + high) // 2
            if tails[middle] < v:
                low = middle + 1
            else:
                high = middle
        if low == len(tails):
            tails.append(v)
        else:
            tails[low] = v
    return tails


def buckets(x, n):
    rows = [[] for _ in range(n)]
    for v in x:
        rows[int(v * n)].append(v)
    out = []
    for row in rows:
        row.sort()
        for v in row:
            out.append(v)
    return out


def neighbours(x, at, k):
    found = []
    for i in range(len(x)):
        found.append((float((x[i] - at) ** 2), i))
    found = sorted(found, key=lambda pair: pair[0])
    return [i for _, i in found[:k]], min(found), max(found, key=lambda pair: -pair[1])


def greatest_in_window(x, width):
    places, out = deque(), []
    for i in range(len(x)):
        while places and x[places[-1]] <= x[i]:
            places.pop()
        places.append(i)
        if places[0] <= i - width:
            places.popleft()
        if i >= width - 1:
            out.append(x[places[0]])
    return out, list(places)


def mean_in_window(x):
    window, out = deque(maxlen=3), []
    for v in x:
        window.append(v)
        out.append(sum(window) / len(window))
    return out, window


def counted(x):
    plain, default, counter = {}, defaultdict(int), Counter()
    for v in x:
        k = int(v)
        plain[k] = plain.get(k, 0) + 1
        default[k] += 1
        counter[k] += 1
    best, top = -1, 0
    for k, c in plain.items():
        if c > top:
            best, top = k, c
    by_count = sorted(plain.items(), key=lambda pair: -pair[1])
    return plain, default, counter, best, sum(plain.values()), max(plain, key=plain.get), by_count, sorted(plain)


def common_subsequence(a, b):
    memo = {}
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            if a[i] == b[j]:
                memo[i, j] = 1 + memo.get((i + 1, j + 1), 0)
            else:
                memo[i, j] = max(memo.get((i + 1, j), 0), memo.get((i, j + 1), 0))
    return memo[0, 0], len(memo)


def first_of_each(x):
    seen, out = set(), []
    for v in x:
        k = int(v)
        if k not in seen:
            seen.add(k)
            out.append(k)
    return out, len(seen), sorted(seen), seen


def toggled(x):
    last, total = {}, 0.0
    for i in range(len(x)):
        k = int(x[i])
        if k % 3 == 0 and k in last:
            del last[k]
        else:
            last[k] = float(i)
    for k in last:
        total += k * last[k]
    return last, total, last.pop(-1, 7.0)


def by_group(groups, x):
    found = defaultdict(list)
    for g, v in zip(groups, x):
        found[int(g)].append(float(v))
    means = {}
    for g, row in found.items():
        means[g] = sum(row) / len(row)
    return found, means


def programs(seed, n=24, m=70):
    """Each program, with arguments."""
    rng = np.random.default_rng(seed)
    src, dst, w, x = rng.integers(0, n, m), rng.integers(0, n, m), rng.random(m), rng.random(50)
    low, high = np.minimum(src, dst), np.maximum(src, dst)
    grid = (rng.random((9, 9)) < 0.25).astype(int) * (1 - np.eye(9, dtype=int))
    weights = np.triu(rng.random((12, 12)) * (rng.random((12, 12)) < 0.6))
    return {
        dijkstra: (n, src, dst, w), dijkstra_in_arrays: (np.arange(0, m + 1, 7), rng.integers(0, 10, m), w, 0),
        kruskal: (n, src, dst, w), kahn: (n, low[low < high], high[low < high]), depth_first: (n, src, dst),
        prim: (weights + weights.T,), a_star: (grid, (8, 8)), maze: (grid,), huffman: (rng.integers(1, 90, 20),),
        server: (np.sort(rng.random(20) * 10), rng.random(20)), largest: (x, 5), merged: (x[:25], x[:25] + 0.05),
        schedule: (x, x + w[:50] * 0.1, w[20:]), increasing: (rng.integers(0, 99, 60),), buckets: (x, 10),
        neighbours: (x, 0.4, 7), greatest_in_window: (x, 4), mean_in_window: (x,), counted: (rng.integers(0, 20, 90),),
        common_subsequence: (rng.integers(0, 4, 30), rng.integers(0, 4, 25)),
        toggled: (rng.integers(0, 12, 80),), by_group: (rng.integers(0, 6, 40), x[:40]),
        first_of_each: (rng.integers(-(10**12), 10**12, 40),),
    }  # fmt: skip


@pytest.mark.parametrize("program", list(programs(0)), ids=lambda f: f.__name__)
def test_programs_give_what_python_gives(program):
    compiled = function(program, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for seed in (0, 1, 0):
            args = programs(seed)[program]
            assert repr(compiled(*args)) == repr(program(*args))
    assert "plain Python" not in compiled.explain()


@pytest.mark.parametrize("program", [dijkstra_in_arrays, kahn, counted, mean_in_window], ids=lambda f: f.__name__)
def test_programs_on_the_python_backend(program):
    compiled = function(program, strict=True, backend="python")
    args = programs(2)[program]
    assert repr(compiled(*args)) == repr(program(*args))


def test_heaps_are_changed_where_they_are():
    compiled, args = function(dijkstra_in_arrays, strict=True), programs(0)[dijkstra_in_arrays]
    text = compiled.loops(*args)
    assert "scratch f64[1025]" not in text and "f64[1025]" in text  # no copy of it in a round


def test_tables_make_more_room_when_they_are_full():
    def distinct(x):
        counts, rows = {}, [[] for _ in range(3)]
        for v in x:
            counts[int(v)] = counts.get(int(v), 0) + 1
            rows[v % 3].append(v)
        return len(counts), max(counts.values()), [len(row) for row in rows]

    x = np.random.default_rng(0).integers(0, 10**9, 20_000)
    compiled = function(distinct, strict=True)
    for _ in range(3):  # Python makes the first call
        assert compiled(x) == distinct(x)
    assert "plain Python" not in compiled.explain()
