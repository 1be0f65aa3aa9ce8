"""Cuts, trees, flows and shortest paths in graphs, with unions, heaps, buckets and sets."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque

import numpy as np

INF = 10**9


def karger_cut(n, edges, trials=20, seed=0):
    """A minimum cut by random contractions with a union-find."""
    rng = np.random.default_rng(seed)
    best = len(edges)
    best_side = np.zeros(n, dtype=bool)

    def find(parent, x):
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for _ in range(trials):
        parent = np.arange(n)
        groups = n
        for e in rng.permutation(len(edges)):
            if groups == 2:
                break
            a, b = find(parent, edges[e, 0]), find(parent, edges[e, 1])
            if a != b:
                parent[a] = b
                groups -= 1
        roots = np.array([find(parent, x) for x in range(n)])
        cut = int(np.sum(roots[edges[:, 0]] != roots[edges[:, 1]]))
        if cut < best:
            best = cut
            best_side = roots == roots[0]
    return best, best_side


def luby_independent_set(adjacency, seed=1):
    """A maximal independent set by Luby's rounds of random priorities."""
    rng = np.random.default_rng(seed)
    n = len(adjacency)
    alive = np.ones(n, dtype=bool)
    chosen = np.zeros(n, dtype=bool)
    rounds = 0
    while alive.any():
        r = rng.random(n)
        r[~alive] = 2.0
        best = np.where(adjacency, r[None, :], 3.0).min(axis=1)
        new = alive & (r < best)
        chosen |= new
        alive &= ~new & ~(adjacency[:, new].any(axis=1))
        rounds += 1
    return np.flatnonzero(chosen), rounds


def chu_liu_edmonds(n, root, edges):
    """The weight of the lightest arborescence: cheapest ways in, cycles contracted until there are none."""
    edges = [(int(u), int(v), w) for u, v, w in edges]
    total = 0
    while True:
        cheapest = [INF] * n
        parent = [-1] * n
        for u, v, w in edges:
            if u != v and w < cheapest[v]:
                cheapest[v] = w
                parent[v] = u
        for v in range(n):
            if v != root and cheapest[v] == INF:
                return -1
        cheapest[root] = 0
        ids, mark = [-1] * n, [-1] * n
        k = 0
        for v in range(n):
            total += cheapest[v]
            u = v
            while mark[u] != v and ids[u] == -1 and u != root:
                mark[u] = v
                u = parent[u]
            if u != root and ids[u] == -1:
                x = parent[u]
                while x != u:
                    ids[x] = k
                    x = parent[x]
                ids[u] = k
                k += 1
        if k == 0:
            return total
        for v in range(n):
            if ids[v] == -1:
                ids[v] = k
                k += 1
        edges = [(ids[u], ids[v], w - cheapest[v]) for u, v, w in edges if ids[u] != ids[v]]
        n, root = k, ids[root]


def gomory_hu(capacity):
    """Gusfield's tree of minimum cuts between all pairs: n - 1 flows by breadth-first augmentation."""
    n = capacity.shape[0]

    def max_flow(s, t):
        residual = capacity.copy()
        flow = 0
        while True:
            prev = np.full(n, -1)
            prev[s] = s
            queue = deque([s])
            while queue and prev[t] == -1:
                u = queue.popleft()
                for v in np.nonzero((residual[u] > 0) & (prev < 0))[0]:
                    prev[v] = u
                    queue.append(v)
            if prev[t] == -1:
                return flow, prev >= 0
            bottleneck, v = np.inf, t
            while v != s:
                bottleneck = min(bottleneck, residual[prev[v], v])
                v = prev[v]
            v = t
            while v != s:
                residual[prev[v], v] -= bottleneck
                residual[v, prev[v]] += bottleneck
                v = prev[v]
            flow += bottleneck

    tree = np.zeros(n, dtype=int)
    weight = np.zeros(n)
    for i in range(1, n):
        weight[i], side = max_flow(i, tree[i])
        for j in range(i + 1, n):
            if side[j] and tree[j] == tree[i]:
                tree[j] = i
    return tree, weight


def prufer_roundtrip(edges):
    """A labelled tree to its Prüfer code by a heap of leaves, and back."""
    n = len(edges) + 1
    adj = {v: set() for v in range(n)}
    for a, b in edges:
        adj[a].add(b)
        adj[b].add(a)
    leaves = [v for v in adj if len(adj[v]) == 1]
    heapq.heapify(leaves)
    code = []
    for _ in range(n - 2):
        leaf = heapq.heappop(leaves)
        (u,) = adj[leaf]
        code.append(u)
        adj[u].remove(leaf)
        if len(adj[u]) == 1:
            heapq.heappush(leaves, u)

    degree = [1] * n
    for v in code:
        degree[v] += 1
    heap = [v for v in range(n) if degree[v] == 1]
    heapq.heapify(heap)
    back = []
    for v in code:
        leaf = heapq.heappop(heap)
        back.append((min(leaf, v), max(leaf, v)))
        degree[v] -= 1
        if degree[v] == 1:
            heapq.heappush(heap, v)
    a, b = heapq.heappop(heap), heapq.heappop(heap)
    back.append((a, b))
    return code, sorted(back)


def bidirectional_dijkstra(graph_edges, source, target):
    """Dijkstra from both ends until the frontiers' radii pass the best meeting."""
    forward, backward = defaultdict(list), defaultdict(list)
    for u, v, w in graph_edges:
        forward[u].append((v, w))
        backward[v].append((u, w))
    dist = ({source: 0}, {target: 0})
    done = (set(), set())
    heaps = ([(0, source)], [(0, target)])
    graphs = (forward, backward)
    best = float("inf")
    meeting = None
    settled = 0
    side = 0
    while heaps[0] and heaps[1]:
        if heaps[0][0][0] + heaps[1][0][0] >= best:
            break
        d, u = heapq.heappop(heaps[side])
        if u not in done[side]:
            done[side].add(u)
            settled += 1
            for v, w in graphs[side][u]:
                nd = d + w
                if nd < dist[side].get(v, float("inf")):
                    dist[side][v] = nd
                    heapq.heappush(heaps[side], (nd, v))
                if v in dist[1 - side] and nd + dist[1 - side][v] < best:
                    best = nd + dist[1 - side][v]
                    meeting = v
        side = 1 - side
    return best, meeting, settled


def sum_of_distances(n, edges):
    """For every node of a tree the sum of its distances to all others: rerooting over an order without recursion."""
    tree = [[] for _ in range(n)]
    for a, b in edges:
        tree[a].append(b)
        tree[b].append(a)
    parent = [-1] * n
    order = []
    stack = [0]
    while stack:
        u = stack.pop()
        order.append(u)
        for v in tree[u]:
            if v != parent[u]:
                parent[v] = u
                stack.append(v)
    count = [1] * n
    answer = [0] * n
    for u in reversed(order):
        for v in tree[u]:
            if v != parent[u]:
                count[u] += count[v]
                answer[u] += answer[v] + count[v]
    for u in order[1:]:
        answer[u] = answer[parent[u]] - count[u] + (n - count[u])
    return answer


def dial_buckets(n, edges, source, max_weight):
    """Shortest paths with small integer weights: Dial's circular buckets."""
    adj = [[] for _ in range(n)]
    for u, v, w in edges:
        adj[u].append((v, w))
    dist = np.full(n, INF)
    dist[source] = 0
    width = max_weight + 1
    buckets = [[] for _ in range(width)]
    buckets[0].append(source)
    remaining = 1
    d = 0
    scans = 0
    while remaining > 0:
        bucket = buckets[d % width]
        while bucket:
            u = bucket.pop()
            remaining -= 1
            if dist[u] != d:
                continue
            scans += 1
            for v, w in adj[u]:
                if d + w < dist[v]:
                    dist[v] = d + w
                    buckets[(d + w) % width].append(v)
                    remaining += 1
        d += 1
    return dist, scans


def _edges(rng, n, m, top=None):
    """m different directed edges between n nodes, with weights below `top` where it is given."""
    codes = rng.choice(n * (n - 1), m, replace=False)
    u, v = codes // (n - 1), codes % (n - 1)
    v = v + (v >= u)
    return np.stack((u, v), 1) if top is None else np.stack((u, v, rng.integers(1, top, m)), 1)


def _branches(rng, n):
    return [(int(rng.integers(0, v)), v) for v in range(1, n)]


def _symmetric(rng, n, p):
    a = np.triu(rng.random((n, n)) < p, 1)
    return a | a.T


CASES = {
    karger_cut: lambda rng: [(8, _edges(rng, 8, 16)), (6, _edges(rng, 6, 9), 5, 3), (4, np.array([[0, 1], [1, 2], [2, 3]]))],
    luby_independent_set: lambda rng: [(_symmetric(rng, 20, 0.2),), (_symmetric(rng, 9, 0.5), 7), (np.zeros((4, 4), bool),)],
    chu_liu_edmonds: lambda rng: [
        (8, 0, [tuple(int(x) for x in e) for e in _edges(rng, 8, 25, 20)]),
        (4, 0, [(0, 1, 5), (1, 2, 1), (2, 1, 1), (2, 3, 4), (3, 2, 2), (0, 3, 9)]),
        (3, 0, _edges(rng, 3, 3, 9)),
    ],
    gomory_hu: lambda rng: [
        ((lambda c: c + c.T)(np.triu(rng.integers(0, 9, (7, 7)), 1)),),
        ((lambda c: c + c.T)(np.triu(rng.uniform(0, 2, (5, 5)), 1)),),
        (np.zeros((3, 3)),),
    ],
    prufer_roundtrip: lambda rng: [(_branches(rng, 10),), ([(0, 1), (1, 2)],), ([(0, 3), (1, 3), (2, 3), (3, 4)],)],
    bidirectional_dijkstra: lambda rng: [
        ([tuple(int(x) for x in e) for e in _edges(rng, 15, 60, 12)], 0, 9),
        ([(0, 1, 2.5), (1, 2, 1.0), (0, 2, 4.0)], 0, 2),
        ([(0, 1, 1), (2, 3, 1)], 0, 3),
    ],
    sum_of_distances: lambda rng: [(15, _branches(rng, 15)), (3, [(0, 1), (2, 1)]), (1, [])],
    dial_buckets: lambda rng: [
        (15, _edges(rng, 15, 50, 9), 0, 8),
        (4, [(0, 1, 3), (1, 2, 2), (0, 2, 4)], 0, 4),
        (3, _edges(rng, 3, 2, 3), 1, 2),
    ],
}
