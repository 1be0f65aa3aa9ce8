"""Graph algorithms on lists, dictionaries and arrays of edges."""

import heapq
from collections import deque, namedtuple
from dataclasses import dataclass

import numpy as np

Edge = namedtuple("Edge", "u v w")


INF = float("inf")


@dataclass
class Csr:
    offsets: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @property
    def n(self):
        return len(self.offsets) - 1

    def neighbours(self, u):
        return self.targets[self.offsets[u] : self.offsets[u + 1]]

    def edges(self, u):
        s = slice(self.offsets[u], self.offsets[u + 1])
        return zip(self.targets[s], self.weights[s])


def build_csr(n, u, v, w):
    order = np.argsort(u, kind="stable")
    counts = np.bincount(u, minlength=n)
    offsets = np.concatenate(([0], np.cumsum(counts)))
    return Csr(offsets, v[order], w[order])


def dijkstra_heap(n, u, v, w, source):
    g = build_csr(n, u, v, w)
    dist = np.full(g.n, np.inf)
    dist[source] = 0.0
    heap = [(0.0, source)]
    settled = 0
    while heap:
        d, a = heapq.heappop(heap)
        if d > dist[a]:
            continue
        settled += 1
        for b, weight in g.edges(a):
            nd = d + weight
            if nd < dist[b]:
                dist[b] = nd
                heapq.heappush(heap, (nd, b))
    return dist, settled


def dijkstra_argmin(W, source, target=None):
    """Dense, with the path to a target."""
    n = len(W)
    dist = np.full(n, INF)
    previous = [None] * n
    dist[source] = 0
    unvisited = np.ones(n, dtype=bool)
    while unvisited.any():
        u = int(np.argmin(np.where(unvisited, dist, INF)))
        if dist[u] == INF:
            break
        unvisited[u] = False
        if u == target:
            break
        for v in np.flatnonzero(np.isfinite(W[u]) & unvisited):
            alt = dist[u] + W[u, v]
            if alt < dist[v]:
                dist[v] = alt
                previous[v] = u
    if target is None:
        return dist
    path = []
    node = target
    while node is not None:
        path.insert(0, node)
        node = previous[node]
    return path, dist[target]


def bellman_ford_vectorised(n, src, dst, w, s=0):
    dist = np.full(n, np.inf)
    dist[s] = 0
    for it in range(n):
        new = dist.copy()
        np.minimum.at(new, dst, dist[src] + w)
        if np.array_equal(new, dist):
            return dist, it
        dist = new
    raise ValueError("negative cycle")


def bfs_csr(n, u, v, source):
    g = build_csr(n, u, v, np.ones(len(u)))
    dist = -np.ones(n, dtype=int)
    dist[source] = 0
    queue = deque([source])
    order = []
    while queue:
        a = queue.popleft()
        order.append(int(a))
        for b in g.neighbours(a):
            if dist[b] < 0:
                dist[b] = dist[a] + 1
                queue.append(b)
    return dist, order


def dfs_times(adj):
    """Times of discovery and of leaving, by a stack in an array."""
    n = len(adj)
    colour = np.zeros(n, dtype=np.int8)
    found = np.zeros(n, dtype=int)
    left = np.zeros(n, dtype=int)
    position = np.zeros(n, dtype=int)
    stack = np.zeros(n, dtype=int)
    clock = 0
    for root in range(n):
        if colour[root]:
            continue
        top = 0
        stack[0] = root
        colour[root] = 1
        found[root] = clock = clock + 1
        while top >= 0:
            a = stack[top]
            pushed = False
            while position[a] < n:
                b = position[a]
                position[a] += 1
                if adj[a, b] and colour[b] == 0:
                    colour[b] = 1
                    clock += 1
                    found[b] = clock
                    top += 1
                    stack[top] = b
                    pushed = True
                    break
            if not pushed:
                colour[a] = 2
                clock += 1
                left[a] = clock
                top -= 1
    return found, left


def dfs_recursive(adj):
    visited = np.zeros(len(adj), dtype=bool)
    order = []

    def visit(v):
        visited[v] = True
        for w in np.nonzero(adj[v])[0]:
            if not visited[w]:
                visit(w)
        order.append(int(v))

    for v in range(len(adj)):
        if not visited[v]:
            visit(v)
    return order[::-1]


def johnson_potentials(W):
    """Reweighted so that no edge is negative."""
    n = W.shape[0]
    h = np.zeros(n)
    for _ in range(n):
        relaxed = np.minimum(h, (h[:, None] + W).min(axis=0))
        if np.allclose(relaxed, h):
            break
        h = relaxed
    else:
        return None
    return W + h[:, None] - h[None, :], h


def transitive_closure(adj):
    reach = adj.astype(bool)
    n = reach.shape[0]
    for k in range(n):
        for i in range(n):
            if reach[i, k]:
                reach[i] |= reach[k]
    return reach


def floyd_path(W, a, b):
    n = W.shape[0]
    D = W.astype(float)
    nxt = np.full((n, n), -1, dtype=int)
    for i in range(n):
        for j in range(n):
            if i != j and D[i, j] < np.inf:
                nxt[i, j] = j
    for k in range(n):
        for i in range(n):
            if D[i, k] == np.inf:
                continue
            for j in range(n):
                d = D[i, k] + D[k, j]
                if d < D[i, j]:
                    D[i, j] = d
                    nxt[i, j] = nxt[i, k]
    if a != b and nxt[a, b] < 0:
        return []
    path = [a]
    while a != b:
        a = nxt[a, b]
        path.append(int(a))
    return path


def pagerank_edges(n, src, dst, damping=0.85, iterations=50):
    degree = np.bincount(src, minlength=n)
    rank = np.ones(n) / n
    history = []
    for _ in range(iterations):
        share = np.where(degree > 0, rank / np.maximum(degree, 1), 0.0)
        incoming = np.bincount(dst, weights=share[src], minlength=n)
        dangling = rank[degree == 0].sum()
        new = (1 - damping) / n + damping * (incoming + dangling / n)
        delta = float(np.abs(new - rank).sum())
        history.append(delta)
        rank = new
        if delta < 1e-8:
            break
    return rank, history


class UnionFind:
    def __init__(self, n):
        self.parent = np.arange(n)
        self.rank = np.zeros(n, dtype=int)
        self.count = n

    def find(self, x):
        while self.parent[x] != x:
            self.parent[x] = self.parent[self.parent[x]]
            x = self.parent[x]
        return x

    def union(self, a, b):
        ra, rb = self.find(a), self.find(b)
        if ra == rb:
            return False
        if self.rank[ra] < self.rank[rb]:
            ra, rb = rb, ra
        self.parent[rb] = ra
        if self.rank[ra] == self.rank[rb]:
            self.rank[ra] += 1
        self.count -= 1
        return True


def kruskal_class(n, edges):
    uf = UnionFind(n)
    tree = []
    total = 0.0
    for e in sorted(edges, key=lambda e: e.w):
        if uf.union(e.u, e.v):
            tree.append(e)
            total += e.w
            if len(tree) == n - 1:
                break
    return tree, total, uf.count


def kruskal_arrays(n, u, v, w):
    """Union–find as a small class over arrays."""
    order = np.argsort(w, kind="stable")
    uf = UnionFind(n)
    chosen = np.zeros(len(w), dtype=bool)
    for e in order:
        if uf.union(u[e], v[e]):
            chosen[e] = True
    return chosen, w[chosen].sum(), uf.count


def prim_loops(W):
    n = len(W)
    used = [False] * n
    used[0] = True
    edges = []
    total = 0
    for _ in range(n - 1):
        best, bi, bj = INF, -1, -1
        for i in range(n):
            if not used[i]:
                continue
            for j in range(n):
                if not used[j] and 0 < W[i, j] < best:
                    best, bi, bj = W[i, j], i, j
        if bj < 0:
            raise ValueError("the graph is not connected")
        used[bj] = True
        edges.append((bi, bj))
        total += best
    return edges, total


def _list(rng, n, m):
    return n, rng.integers(0, n, m), rng.integers(0, n, m), rng.random(m)


def _lengths(rng, n):
    w = np.where(rng.random((n, n)) < 0.3, rng.random((n, n)), np.inf)
    np.fill_diagonal(w, 0)
    return w


CASES = {
    dijkstra_heap: lambda rng: [(*_list(rng, 20, 60), 0), (3, np.array([0, 1]), np.array([1, 2]), np.array([4, 5]), 1)],
    dijkstra_argmin: lambda rng: [(_lengths(rng, 20), 0), (_lengths(rng, 12), 2, 7), (np.array([[0, 1], [1, 0]]), 0, 1)],
    bellman_ford_vectorised: lambda rng: [
        (15, *_list(rng, 15, 60)[1:]),
        (3, np.array([0, 1]), np.array([1, 2]), np.array([2, -1])),
        (2, np.array([0, 1]), np.array([1, 0]), np.array([1.0, -3.0])),
    ],
    bfs_csr: lambda rng: [(*_list(rng, 25, 50)[:3], 3), (2, np.zeros(0, int), np.zeros(0, int), 1)],
    dfs_times: lambda rng: [((rng.random((20, 20)) < 0.15).astype(int),), (np.ones((3, 3), bool),), (np.zeros((0, 0)),)],
    dfs_recursive: lambda rng: [((rng.random((15, 15)) < 0.15).astype(int),), (np.ones((3, 3), bool),), (np.zeros((0, 0)),)],
    johnson_potentials: lambda rng: [
        (_lengths(rng, 15) - 0.01,),
        (np.array([[0, -1.0], [0.5, 0]]),),
        (np.array([[0, 2], [3, 0]]),),
    ],
    transitive_closure: lambda rng: [(rng.random((25, 25)) < 0.08,), (np.eye(3, dtype=int),), (np.zeros((0, 0)),)],
    floyd_path: lambda rng: [(_lengths(rng, 12), 0, 7), (_lengths(rng, 4), 2, 2), (np.array([[0, np.inf], [1, 0]]), 0, 1)],
    pagerank_edges: lambda rng: [
        _list(rng, 30, 80)[:3],
        (3, np.array([0, 1]), np.array([1, 2]), 0.5, 5),
        (2, np.zeros(0, int), np.zeros(0, int)),
    ],
    kruskal_class: lambda rng: [
        (10, [Edge(int(a), int(b), float(c)) for a, b, c in zip(*_list(rng, 10, 30)[1:])]),
        (4, [Edge(0, 1, 2), Edge(1, 2, 1), Edge(0, 2, 3)]),
        (1, []),
    ],
    kruskal_arrays: lambda rng: [_list(rng, 20, 60), (3, np.array([0, 0]), np.array([1, 1]), np.array([2, 1]))],
    prim_loops: lambda rng: [
        ((lambda w: w + w.T)(rng.random((12, 12))),),
        (np.array([[0, 3], [3, 0]]),),
        (np.zeros((2, 2)),),
        (np.zeros((1, 1)),),
    ],
}
