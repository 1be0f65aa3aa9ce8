"""Flows, matchings, orders, colourings and ways through graphs."""

import heapq
from collections import defaultdict, deque

import numpy as np

INF = float("inf")


def edmonds_karp(capacity, source, sink):
    n = len(capacity)
    residual = capacity.copy()
    flow = 0
    while True:
        parent = np.full(n, -1)
        parent[source] = source
        queue = [source]
        while queue and parent[sink] < 0:
            a = queue.pop(0)
            for b in range(n):
                if parent[b] < 0 and residual[a, b] > 0:
                    parent[b] = a
                    queue.append(b)
        if parent[sink] < 0:
            break
        bottleneck = np.inf
        b = sink
        while b != source:
            bottleneck = min(bottleneck, residual[parent[b], b])
            b = parent[b]
        b = sink
        while b != source:
            a = parent[b]
            residual[a, b] -= bottleneck
            residual[b, a] += bottleneck
            b = a
        flow += bottleneck
    return flow, residual


def push_relabel(C, s, t):
    n = len(C)
    F = np.zeros((n, n))
    height = np.zeros(n, dtype=int)
    excess = np.zeros(n)
    height[s] = n
    for v in range(n):
        F[s, v] = C[s, v]
        F[v, s] = -C[s, v]
        excess[v] = C[s, v]
    excess[s] = 0
    u = 0
    while u < n:
        if u in (s, t) or excess[u] <= 0:
            u += 1
            continue
        pushed = False
        for v in range(n):
            if C[u, v] - F[u, v] > 0 and height[u] == height[v] + 1:
                d = min(excess[u], C[u, v] - F[u, v])
                F[u, v] += d
                F[v, u] -= d
                excess[u] -= d
                excess[v] += d
                pushed = True
                if excess[u] <= 0:
                    break
        if not pushed:
            lowest = min(height[v] for v in range(n) if C[u, v] - F[u, v] > 0)
            height[u] = lowest + 1
        u = 0
    return F[s].sum()


def hopcroft_matching(adj):
    """Maximum bipartite matching by augmenting paths."""
    n, m = adj.shape
    match = -np.ones(m, dtype=int)

    def augment(u, seen):
        for v in range(m):
            if adj[u, v] and not seen[v]:
                seen[v] = True
                if match[v] < 0 or augment(match[v], seen):
                    match[v] = u
                    return True
        return False

    size = 0
    for u in range(n):
        if augment(u, np.zeros(m, dtype=bool)):
            size += 1
    return size, match


def kahn(n, edges):
    out = defaultdict(list)
    indegree = [0] * n
    for a, b in edges:
        out[a].append(b)
        indegree[b] += 1
    queue = deque(v for v in range(n) if indegree[v] == 0)
    order = []
    while queue:
        a = queue.popleft()
        order.append(a)
        for b in out[a]:
            indegree[b] -= 1
            if indegree[b] == 0:
                queue.append(b)
    return order if len(order) == n else None


def kahn_arrays(adj):
    """With levels: longest distance from a source."""
    n = adj.shape[0]
    indegree = adj.sum(axis=0)
    level = np.zeros(n, dtype=int)
    order = np.empty(n, dtype=int)
    head = tail = 0
    for v in range(n):
        if indegree[v] == 0:
            order[tail] = v
            tail += 1
    while head < tail:
        a = order[head]
        head += 1
        for b in range(n):
            if adj[a, b]:
                level[b] = max(level[b], level[a] + 1)
                indegree[b] -= 1
                if indegree[b] == 0:
                    order[tail] = b
                    tail += 1
    if tail < n:
        raise ValueError("cycle")
    return order, level


def tarjan(adj):
    """Strongly connected components."""
    n = len(adj)
    index = np.full(n, -1)
    low = np.zeros(n, dtype=int)
    on_stack = np.zeros(n, dtype=bool)
    component = np.full(n, -1)
    stack = []
    state = {"time": 0, "count": 0}

    def connect(v):
        index[v] = low[v] = state["time"]
        state["time"] += 1
        stack.append(v)
        on_stack[v] = True
        for w in range(n):
            if not adj[v, w]:
                continue
            if index[w] < 0:
                connect(w)
                low[v] = min(low[v], low[w])
            elif on_stack[w]:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            while True:
                w = stack.pop()
                on_stack[w] = False
                component[w] = state["count"]
                if w == v:
                    break
            state["count"] += 1

    for v in range(n):
        if index[v] < 0:
            connect(v)
    return component, state["count"]


def two_colouring(adj):
    n = len(adj)
    colour = np.full(n, -1)
    for start in range(n):
        if colour[start] >= 0:
            continue
        colour[start] = 0
        stack = [start]
        while stack:
            u = stack.pop()
            for v in np.flatnonzero(adj[u]):
                if colour[v] < 0:
                    colour[v] = 1 - colour[u]
                    stack.append(v)
                elif colour[v] == colour[u]:
                    return None
    return colour


def greedy_colouring(adj):
    n = adj.shape[0]
    colours = -np.ones(n, dtype=int)
    for v in np.argsort(-adj.sum(axis=1), kind="stable"):
        taken = set(colours[adj[v] > 0])
        c = 0
        while c in taken:
            c += 1
        colours[v] = c
    return colours, colours.max() + 1


def a_star(grid, start, goal):
    """On a grid of walls; the length of the way, or -1."""
    h, w = grid.shape

    def estimate(p):
        return abs(p[0] - goal[0]) + abs(p[1] - goal[1])

    best = {start: 0}
    heap = [(estimate(start), start)]
    while heap:
        _, p = heapq.heappop(heap)
        if p == goal:
            return best[p]
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            q = (p[0] + dy, p[1] + dx)
            if not (0 <= q[0] < h and 0 <= q[1] < w) or grid[q]:
                continue
            g = best[p] + 1
            if g < best.get(q, INF):
                best[q] = g
                heapq.heappush(heap, (g + estimate(q), q))
    return -1


def wavefront(grid, goal):
    """Distances on a grid by sweeping until nothing changes."""
    dist = np.full(grid.shape, np.inf)
    dist[goal] = 0
    while True:
        padded = np.pad(dist, 1, constant_values=np.inf)
        around = np.minimum(np.minimum(padded[:-2, 1:-1], padded[2:, 1:-1]), np.minimum(padded[1:-1, :-2], padded[1:-1, 2:]))
        new = np.where(grid, np.inf, np.minimum(dist, around + 1))
        if (new == dist).all():
            return dist
        dist = new


def betweenness(adj):
    n = len(adj)
    score = np.zeros(n)
    for s in range(n):
        order, preds = [], [[] for _ in range(n)]
        paths = np.zeros(n)
        paths[s] = 1
        dist = np.full(n, -1)
        dist[s] = 0
        queue = deque([s])
        while queue:
            v = queue.popleft()
            order.append(v)
            for w in range(n):
                if not adj[v, w]:
                    continue
                if dist[w] < 0:
                    dist[w] = dist[v] + 1
                    queue.append(w)
                if dist[w] == dist[v] + 1:
                    paths[w] += paths[v]
                    preds[w].append(v)
        delta = np.zeros(n)
        while order:
            w = order.pop()
            for v in preds[w]:
                delta[v] += paths[v] / paths[w] * (1 + delta[w])
            if w != s:
                score[w] += delta[w]
    return score / 2


def label_propagation(adj, labels, max_rounds=20):
    """In place; how many rounds were needed."""
    for r in range(max_rounds):
        changed = 0
        for v in range(len(adj)):
            votes = np.zeros(labels.max() + 1, dtype=int)
            for w in range(len(adj)):
                if adj[v, w]:
                    votes[labels[w]] += 1
            new = votes.argmax() if votes.any() else labels[v]
            if new != labels[v]:
                labels[v] = new
                changed += 1
        if not changed:
            return r + 1
    return max_rounds


def _pairs(rng, n, p):
    a = np.triu(rng.random((n, n)) < p, 1)
    return (a | a.T).astype(int)


def _capacities(rng, n):
    return np.where(rng.random((n, n)) < 0.4, rng.integers(1, 12, (n, n)), 0) * (1 - np.eye(n, dtype=int))


CASES = {
    edmonds_karp: lambda rng: [(_capacities(rng, 10), 0, 9), (rng.random((4, 4)), 0, 3), (np.zeros((2, 2), int), 0, 1)],
    push_relabel: lambda rng: [(_capacities(rng, 8), 0, 7), (np.array([[0.0, 2.5], [0, 0]]), 0, 1)],
    hopcroft_matching: lambda rng: [(rng.random((10, 8)) < 0.3,), (np.ones((2, 3), int),), (np.zeros((2, 2)),)],
    kahn: lambda rng: [(8, [(0, 1), (1, 4), (2, 4), (4, 7), (3, 5)]), (3, np.array([[0, 1], [1, 2]])), (2, [(0, 1), (1, 0)])],
    kahn_arrays: lambda rng: [
        (np.triu(rng.random((20, 20)) < 0.2, 1),),
        (np.array([[0, 1], [0, 0]]),),
        (np.array([[0, 1], [1, 0]]),),
    ],
    tarjan: lambda rng: [(rng.random((12, 12)) < 0.15,), (np.ones((2, 2), int),), (np.zeros((0, 0)),)],
    two_colouring: lambda rng: [
        (np.kron(np.eye(3, dtype=int), np.array([[0, 1], [1, 0]])),),
        (np.ones((3, 3)),),
        (np.zeros((2, 2)),),
    ],
    greedy_colouring: lambda rng: [(_pairs(rng, 20, 0.3),), (np.zeros((2, 2)),), (_pairs(rng, 4, 1.0),)],
    a_star: lambda rng: [
        (rng.random((12, 12)) < 0.2, (0, 0), (11, 11)),
        (np.zeros((2, 3), int), (0, 0), (1, 2)),
        (np.ones((2, 2)), (0, 0), (1, 1)),
    ],
    wavefront: lambda rng: [
        (rng.random((15, 12)) < 0.2, (3, 4)),
        (np.zeros((2, 3), bool), (0, 0)),
        (np.ones((2, 2), bool), (1, 1)),
    ],
    betweenness: lambda rng: [(_pairs(rng, 12, 0.3),), (np.ones((3, 3)),), (np.zeros((1, 1), bool),)],
    label_propagation: lambda rng: [
        (_pairs(rng, 15, 0.3), np.arange(15)),
        (np.ones((3, 3), bool), np.array([0, 0, 1])),
        (np.zeros((2, 2)), np.array([1, 0])),
    ],
}
