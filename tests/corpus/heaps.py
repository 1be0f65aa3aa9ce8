"""Heaps, trees in arrays, union-find, matchings and flows."""

import heapq
import math
from collections import deque

import numpy as np


class UnionFind:
    def __init__(self, n):
        self.parent = list(range(n))
        self.size = [1] * n
        self.count = n

    def find(self, x):
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x

    def union(self, a, b):
        a, b = self.find(a), self.find(b)
        if a == b:
            return False
        if self.size[a] < self.size[b]:
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        self.count -= 1
        return True


def islands_over_time(m, n, positions):
    uf = UnionFind(m * n)
    land = [False] * (m * n)
    count = 0
    out = []
    for r, c in positions:
        k = r * n + c
        if not land[k]:
            land[k] = True
            count += 1
            for dr, dc in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                y, x = r + dr, c + dc
                if 0 <= y < m and 0 <= x < n and land[y * n + x] and uf.union(k, y * n + x):
                    count -= 1
        out.append(count)
    return out


def kd_build(points):
    """Arrays of a balanced k-d tree: axis, left, right, point index; -1 for none."""
    n = len(points)
    axis = np.zeros(n, dtype=int)
    left = -np.ones(n, dtype=int)
    right = -np.ones(n, dtype=int)
    label = np.zeros(n, dtype=int)
    next_free = 0
    stack = [(np.arange(n), 0, -1, False)]
    while stack:
        idx, depth, parent, is_right = stack.pop()
        if len(idx) == 0:
            continue
        a = depth % points.shape[1]
        idx = idx[np.argsort(points[idx, a], kind="stable")]
        m = len(idx) // 2
        me = next_free
        next_free += 1
        axis[me], label[me] = a, idx[m]
        if parent >= 0:
            if is_right:
                right[parent] = me
            else:
                left[parent] = me
        stack.append((idx[:m], depth + 1, me, False))
        stack.append((idx[m + 1 :], depth + 1, me, True))
    return axis, left, right, label


def kd_nearest(points, axis, left, right, label, q):
    best, best_d = -1, np.inf
    stack = [0]
    visited = 0
    while stack:
        node = stack.pop()
        if node < 0:
            continue
        visited += 1
        p = points[label[node]]
        d = np.sum((p - q) ** 2)
        if d < best_d:
            best, best_d = label[node], d
        diff = q[axis[node]] - p[axis[node]]
        near, far = (left[node], right[node]) if diff < 0 else (right[node], left[node])
        if diff * diff < best_d:
            stack.append(far)
        stack.append(near)
    return best, best_d, visited


def second_shortest(adj, s, t):
    """Best and second best distances to every node (two labels per node)."""
    n = len(adj)
    d1 = [math.inf] * n
    d2 = [math.inf] * n
    d1[s] = 0
    h = [(0, s)]
    while h:
        d, u = heapq.heappop(h)
        if d > d2[u]:
            continue
        for v, w in adj[u]:
            nd = d + w
            if nd < d1[v]:
                d1[v], nd = nd, d1[v]
                heapq.heappush(h, (d1[v], v))
            if d1[v] < nd < d2[v]:
                d2[v] = nd
                heapq.heappush(h, (nd, v))
    return d1[t], d2[t]


def _adj(r, n, m):
    adj = [[] for _ in range(n)]
    for _ in range(m):
        u, v, w = (int(x) for x in r.integers(0, n, 3))
        adj[u].append((v, w + 1))
        adj[v].append((u, w + 1))
    return adj


def event_queue(arrivals, services, servers):
    free = [(0.0, k) for k in range(servers)]
    heapq.heapify(free)
    waits = []
    busy = [0.0] * servers
    for a, s in zip(arrivals, services):
        t, k = heapq.heappop(free)
        start = max(a, t)
        waits.append(start - a)
        busy[k] += s
        heapq.heappush(free, (start + s, k))
    return sum(waits) / len(waits), busy, max(waits)


def median_stream(x):
    lo, hi = [], []
    out = []
    for v in x:
        heapq.heappush(lo, -v)
        heapq.heappush(hi, -heapq.heappop(lo))
        if len(hi) > len(lo):
            heapq.heappush(lo, -heapq.heappop(hi))
        out.append(-lo[0] if len(lo) > len(hi) else (hi[0] - lo[0]) / 2)
    return out


class SegmentTree:
    def __init__(self, data):
        self.n = len(data)
        self.t = [0] * self.n + list(data)
        for i in range(self.n - 1, 0, -1):
            self.t[i] = max(self.t[2 * i], self.t[2 * i + 1])

    def update(self, p, v):
        p += self.n
        self.t[p] = v
        while p > 1:
            p //= 2
            self.t[p] = max(self.t[2 * p], self.t[2 * p + 1])

    def query(self, l, r):
        res = -(10**9)
        l += self.n
        r += self.n
        while l < r:
            if l & 1:
                res = max(res, self.t[l])
                l += 1
            if r & 1:
                r -= 1
                res = max(res, self.t[r])
            l //= 2
            r //= 2
        return res


def range_maxima(data, ops):
    st = SegmentTree(data)
    out = []
    for kind, a, b in ops:
        if kind == 0:
            st.update(a, b)
        else:
            out.append(st.query(a, b))
    return out


def two_sat(n, clauses):
    g = [[] for _ in range(2 * n)]
    gr = [[] for _ in range(2 * n)]
    for a, b in clauses:
        x = 2 * abs(a) - 2 + (a < 0)
        y = 2 * abs(b) - 2 + (b < 0)
        g[x ^ 1].append(y)
        gr[y].append(x ^ 1)
        g[y ^ 1].append(x)
        gr[x].append(y ^ 1)
    order, seen = [], [False] * (2 * n)
    for s in range(2 * n):
        if seen[s]:
            continue
        stack = [(s, 0)]
        seen[s] = True
        while stack:
            u, k = stack.pop()
            if k < len(g[u]):
                stack.append((u, k + 1))
                v = g[u][k]
                if not seen[v]:
                    seen[v] = True
                    stack.append((v, 0))
            else:
                order.append(u)
    comp = [-1] * (2 * n)
    c = 0
    for s in reversed(order):
        if comp[s] >= 0:
            continue
        todo = [s]
        comp[s] = c
        while todo:
            u = todo.pop()
            for v in gr[u]:
                if comp[v] < 0:
                    comp[v] = c
                    todo.append(v)
        c += 1
    for i in range(n):
        if comp[2 * i] == comp[2 * i + 1]:
            return None
    return [comp[2 * i] > comp[2 * i + 1] for i in range(n)]


def hungarian(cost):
    n = len(cost)
    u = [0] * (n + 1)
    v = [0] * (n + 1)
    p = [0] * (n + 1)
    way = [0] * (n + 1)
    for i in range(1, n + 1):
        p[0] = i
        j0 = 0
        minv = [float("inf")] * (n + 1)
        used = [False] * (n + 1)
        while True:
            used[j0] = True
            i0 = p[j0]
            delta = float("inf")
            j1 = 0
            for j in range(1, n + 1):
                if not used[j]:
                    cur = cost[i0 - 1][j - 1] - u[i0] - v[j]
                    if cur < minv[j]:
                        minv[j] = cur
                        way[j] = j0
                    if minv[j] < delta:
                        delta = minv[j]
                        j1 = j
            for j in range(n + 1):
                if used[j]:
                    u[p[j]] += delta
                    v[j] -= delta
                else:
                    minv[j] -= delta
            j0 = j1
            if p[j0] == 0:
                break
        while True:
            j1 = way[j0]
            p[j0] = p[j1]
            j0 = j1
            if j0 == 0:
                break
    match = [0] * n
    for j in range(1, n + 1):
        match[p[j] - 1] = j - 1
    return match, -v[0]


def gale_shapley(men, women):
    n = len(men)
    rank = [[0] * n for _ in range(n)]
    for w in range(n):
        for k, m in enumerate(women[w]):
            rank[w][m] = k
    nxt = [0] * n
    engaged = [-1] * n
    free = list(range(n))
    while free:
        m = free.pop()
        w = men[m][nxt[m]]
        nxt[m] += 1
        if engaged[w] < 0:
            engaged[w] = m
        elif rank[w][m] < rank[w][engaged[w]]:
            free.append(engaged[w])
            engaged[w] = m
        else:
            free.append(m)
    return engaged


def bridges(n, edges):
    g = [[] for _ in range(n)]
    for k, (u, v) in enumerate(edges):
        g[u].append((v, k))
        g[v].append((u, k))
    tin = [-1] * n
    low = [0] * n
    found = []
    timer = 0

    def dfs(u, pe):
        nonlocal timer
        tin[u] = low[u] = timer
        timer += 1
        for v, e in g[u]:
            if e == pe:
                continue
            if tin[v] >= 0:
                low[u] = min(low[u], tin[v])
            else:
                dfs(v, e)
                low[u] = min(low[u], low[v])
                if low[v] > tin[u]:
                    found.append(e)

    for u in range(n):
        if tin[u] < 0:
            dfs(u, -1)
    return sorted(found)


def dinic(n, edges, s, t):
    to, cap, g = [], [], [[] for _ in range(n)]
    for u, v, c in edges:
        g[u].append(len(to))
        to.append(v)
        cap.append(c)
        g[v].append(len(to))
        to.append(u)
        cap.append(0)
    flow = 0
    while True:
        level = [-1] * n
        level[s] = 0
        q = deque([s])
        while q:
            u = q.popleft()
            for e in g[u]:
                if cap[e] > 0 and level[to[e]] < 0:
                    level[to[e]] = level[u] + 1
                    q.append(to[e])
        if level[t] < 0:
            return flow
        it = [0] * n

        def push(u, f):
            if u == t:
                return f
            while it[u] < len(g[u]):
                e = g[u][it[u]]
                v = to[e]
                if cap[e] > 0 and level[v] == level[u] + 1:
                    d = push(v, min(f, cap[e]))
                    if d > 0:
                        cap[e] -= d
                        cap[e ^ 1] += d
                        return d
                it[u] += 1
            return 0

        while True:
            f = push(s, 10**9)
            if f == 0:
                break
            flow += f


CASES = {
    islands_over_time: lambda r: [
        (6, 7, [(int(a), int(b)) for a, b in r.integers(0, 6, (25, 2))]),
        (1, 1, []),
        (2, 2, [(0, 0), (1, 1), (0, 1), (0, 0)]),
    ],
    kd_build: lambda r: [(r.random((40, 2)),), (np.zeros((1, 3)),)],
    kd_nearest: lambda r: [
        (lambda p: (p, *kd_build(p), np.array([0.4, 0.5])))(r.random((60, 2))),
        (lambda p: (p, *kd_build(p), np.array([0.4, 0.5, 0.1])))(r.random((5, 3))),
    ],
    second_shortest: lambda r: [(_adj(r, 30, 90), 0, 7), ([[]], 0, 0), ([[(1, 5)], [(0, 5)]], 0, 1)],
    event_queue: lambda r: [(np.cumsum(r.exponential(1, 100)), r.exponential(2, 100), 3), ([0.0, 1.0], [5.0, 1.0], 1)],
    median_stream: lambda r: [(r.random(101),), ([5, 2, 8, 1],), ([],)],
    range_maxima: lambda r: [
        (
            [int(v) for v in r.integers(0, 99, 20)],
            [(int(k), int(a), int(b)) for k, a, b in zip(r.integers(0, 2, 40), r.integers(0, 10, 40), r.integers(11, 20, 40))],
        ),
        ([1], [(1, 0, 1)]),
    ],
    two_sat: lambda r: [(4, [(1, 2), (-1, 3), (-2, -3), (3, 4)]), (1, [(1, 1), (-1, -1)]), (2, [])],
    hungarian: lambda r: [([[4, 1, 3], [2, 0, 5], [3, 2, 2]],), (r.integers(0, 50, (10, 10)),), (r.random((7, 7)),)],
    gale_shapley: lambda r: [
        ([[int(v) for v in r.permutation(8)] for _ in range(8)], [[int(v) for v in r.permutation(8)] for _ in range(8)]),
        ([[0]], [[0]]),
        (np.array([r.permutation(5) for _ in range(5)]), np.array([r.permutation(5) for _ in range(5)])),
    ],
    bridges: lambda r: [
        (6, [(0, 1), (1, 2), (2, 0), (1, 3), (3, 4), (4, 5), (5, 3)]),
        (2, [(0, 1)]),
        (25, [(int(a), int(b)) for a, b in r.integers(0, 25, (30, 2))]),
    ],
    dinic: lambda r: [
        (
            6,
            [
                (0, 1, 16),
                (0, 2, 13),
                (1, 2, 10),
                (1, 3, 12),
                (2, 1, 4),
                (2, 4, 14),
                (3, 2, 9),
                (3, 5, 20),
                (4, 3, 7),
                (4, 5, 4),
            ],
            0,
            5,
        ),
        (2, [], 0, 1),
    ],
}
