"""Graphs as courses teach them: cores, cliques, matchings, spanning trees, colourings, distances and small worlds."""

from __future__ import annotations

from collections import deque, namedtuple

import numpy as np

Articulation = namedtuple("Articulation", "points count low")


def core_numbers(adjacency):
    """The k-core decomposition by Batagelj and Zaversnik: bins, positions and swaps."""
    n = adjacency.shape[0]
    deg = adjacency.sum(axis=1).astype(int)
    md = deg.max()
    bins = [0] * (md + 1)
    for d in deg:
        bins[d] += 1
    start = 0
    for d in range(md + 1):
        num = bins[d]
        bins[d] = start
        start += num
    vert = np.zeros(n, dtype=int)
    pos = np.zeros(n, dtype=int)
    for v in range(n):
        pos[v] = bins[deg[v]]
        vert[pos[v]] = v
        bins[deg[v]] += 1
    for d in range(md, 0, -1):
        bins[d] = bins[d - 1]
    bins[0] = 0
    for i in range(n):
        v = vert[i]
        for u in np.nonzero(adjacency[v])[0]:
            if deg[u] > deg[v]:
                du, pu = deg[u], pos[u]
                pw = bins[du]
                w = vert[pw]
                if u != w:
                    pos[u], pos[w] = pw, pu
                    vert[pu], vert[pw] = w, u
                bins[du] += 1
                deg[u] -= 1
    return deg


def bron_kerbosch(adjacency, at_least=1):
    """All maximal cliques, sets as bits of integers, with a pivot."""
    n = len(adjacency)
    masks = []
    for i in range(n):
        m = 0
        for j in range(n):
            if i != j and adjacency[i][j]:
                m |= 1 << j
        masks.append(m)
    found = []

    def expand(r, p, x):
        if p == 0 and x == 0:
            if bin(r).count("1") >= at_least:
                found.append(r)
            return
        px = p | x
        pivot = max((i for i in range(n) if px >> i & 1), key=lambda i: bin(masks[i] & p).count("1"))
        candidates = p & ~masks[pivot]
        while candidates:
            v = candidates & -candidates
            i = v.bit_length() - 1
            expand(r | v, p & masks[i], x & masks[i])
            p ^= v
            x |= v
            candidates ^= v

    expand(0, (1 << n) - 1, 0)
    cliques = [[i for i in range(n) if r >> i & 1] for r in sorted(found)]
    return len(cliques), max((len(c) for c in cliques), default=0), cliques


def kuhn_matching(cost_allowed):
    """Maximum bipartite matching by augmenting paths, recursive as in every contest library."""
    n, m = cost_allowed.shape
    match_right = [-1] * m

    def try_kuhn(u, seen):
        for v in range(m):
            if cost_allowed[u, v] and not seen[v]:
                seen[v] = True
                if match_right[v] == -1 or try_kuhn(match_right[v], seen):
                    match_right[v] = u
                    return True
        return False

    result = 0
    for u in range(n):
        if try_kuhn(u, np.zeros(m, dtype=bool)):
            result += 1
    return result, match_right


def boruvka(num_nodes, u, v, w):
    """A minimum spanning forest by Boruvka's rounds over arrays of edges."""

    def find(parent, i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    parent = np.arange(num_nodes)
    total, components = 0.0, num_nodes
    chosen = np.zeros(len(w), dtype=bool)
    while True:
        cheapest = np.full(num_nodes, -1)
        for e in range(len(w)):
            a, b = find(parent, u[e]), find(parent, v[e])
            if a == b:
                continue
            if cheapest[a] == -1 or w[e] < w[cheapest[a]]:
                cheapest[a] = e
            if cheapest[b] == -1 or w[e] < w[cheapest[b]]:
                cheapest[b] = e
        merged = False
        for c in range(num_nodes):
            e = cheapest[c]
            if e != -1:
                a, b = find(parent, u[e]), find(parent, v[e])
                if a != b:
                    parent[a] = b
                    total += w[e]
                    chosen[e] = True
                    components -= 1
                    merged = True
        if not merged:
            break
    return total, components, chosen


def dsatur(adjacency):
    """Brelaz's colouring: always the vertex with the most colours around it."""
    n = adjacency.shape[0]
    colors = -np.ones(n, dtype=int)
    degrees = adjacency.sum(axis=1)
    neighbour_colors = np.zeros((n, n), dtype=bool)
    for _ in range(n):
        saturation = neighbour_colors.sum(axis=1)
        best, best_key = -1, (-1, -1)
        for v in range(n):
            if colors[v] == -1:
                key = (saturation[v], degrees[v])
                if key > best_key:
                    best, best_key = v, key
        c = 0
        while neighbour_colors[best, c]:
            c += 1
        colors[best] = c
        for u in range(n):
            if adjacency[best, u]:
                neighbour_colors[u, c] = True
    assert not np.any(adjacency & (colors[:, None] == colors[None, :]))
    return colors, int(colors.max()) + 1


def graph_diameter(neighbours):
    """Eccentricities by a queue from every vertex, radius, diameter, centre; rows of -1 padded neighbours."""
    n, k = neighbours.shape
    ecc = np.zeros(n, dtype=np.int64)
    for s in range(n):
        dist = [-1] * n
        dist[s] = 0
        queue = deque([s])
        while queue:
            u = queue.popleft()
            for j in range(k):
                v = neighbours[u, j]
                if v < 0:
                    break
                if dist[v] < 0:
                    dist[v] = dist[u] + 1
                    queue.append(v)
        ecc[s] = max(dist)
    return {"radius": ecc.min(), "diameter": ecc.max(), "centre": np.where(ecc == ecc.min())[0], "mean": ecc.mean()}


def watts_strogatz(n, k, p, seed=0):
    """A ring lattice rewired at random; its clustering and mean path length, by matrix powers."""
    rng = np.random.default_rng(seed)
    a = np.zeros((n, n), dtype=bool)
    for i in range(n):
        for j in range(1, k // 2 + 1):
            a[i, (i + j) % n] = a[(i + j) % n, i] = True
    for j in range(1, k // 2 + 1):
        for i in range(n):
            if rng.random() < p:
                t = int(rng.integers(n))
                while t == i or a[i, t]:
                    t = int(rng.integers(n))
                old = (i + j) % n
                a[i, old] = a[old, i] = False
                a[i, t] = a[t, i] = True
    deg = a.sum(axis=0)
    m = a.astype(np.int64)
    triangles = np.diag(m @ m @ m) / 2
    possible = deg * (deg - 1) / 2
    clustering = np.mean(triangles[possible > 0] / possible[possible > 0])
    reached = np.eye(n, dtype=bool)
    dist = np.zeros((n, n))
    step = 0
    while not reached.all() and step < n:
        step += 1
        new = (reached @ a) & ~reached
        dist[new] = step
        reached |= new
    return clustering, dist.sum() / (n * (n - 1)), deg


def tree_centroid(n, edges):
    """Sizes, centroid, diameter and the largest independent set of a tree, from adjacency lists."""
    adj = [[] for _ in range(n)]
    for u, v in edges:
        adj[u].append(v)
        adj[v].append(u)
    order, parent = [0], [-1] * n
    for u in order:
        for v in adj[u]:
            if v != parent[u]:
                parent[v] = u
                order.append(v)
    size = [1] * n
    take, skip = [1] * n, [0] * n
    down = [0] * n
    diameter = 0
    heaviest = [0] * n
    for u in reversed(order):
        p = parent[u]
        if p >= 0:
            size[p] += size[u]
            take[p] += skip[u]
            skip[p] += max(take[u], skip[u])
            diameter = max(diameter, down[p] + down[u] + 1)
            down[p] = max(down[p], down[u] + 1)
            heaviest[p] = max(heaviest[p], size[u])
    worst = [max(heaviest[u], n - size[u]) for u in range(n)]
    return worst.index(min(worst)), diameter, max(take[0], skip[0]), np.array(size)


def _edges(rng, n, m):
    return rng.integers(0, n, (m, 2))


def _graph(rng, n, p, dtype=bool):
    a = np.triu(rng.random((n, n)) < p, 1)
    return (a | a.T).astype(dtype)


def _padded(rng, n, k):
    ring = np.stack([(np.arange(n) + 1) % n, (np.arange(n) - 1) % n], axis=1)
    return np.concatenate([ring, rng.integers(0, n, (n, k))], axis=1)


def _tree(rng, n):
    return n, [(int(rng.integers(v)), v) for v in range(1, n)]


def _spanning(rng, n, m, dtype=float):
    e = _edges(rng, n, m)
    return n, e[:, 0].copy(), e[:, 1].copy(), rng.permutation(m).astype(dtype)


CASES = {
    core_numbers: lambda rng: [(_graph(rng, 14, 0.4),), (_graph(rng, 8, 0.7, np.int32),), (np.zeros((3, 3), dtype=bool),)],
    bron_kerbosch: lambda rng: [(_graph(rng, 9, 0.5),), (_graph(rng, 7, 0.6).tolist(), 3), (np.zeros((3, 3), int),)],
    kuhn_matching: lambda rng: [(rng.random((8, 9)) < 0.3,), (rng.integers(0, 2, (5, 4)),), (np.zeros((2, 3), dtype=bool),)],
    boruvka: lambda rng: [_spanning(rng, 10, 30), _spanning(rng, 6, 5, np.int64), _spanning(rng, 3, 7, np.float32)],
    dsatur: lambda rng: [(_graph(rng, 12, 0.4),), (_graph(rng, 7, 0.9),), (np.zeros((4, 4), dtype=bool),)],
    graph_diameter: lambda rng: [
        (_padded(rng, 14, 1),),
        (_padded(rng, 8, 3).astype(np.int32),),
        (np.array([[1, -1], [0, 2], [1, -1]]),),
    ],
    watts_strogatz: lambda rng: [(16, 4, 0.2), (10, 2, 0.0, 3), (12, 6, 0.5, 9)],
    tree_centroid: lambda rng: [_tree(rng, 15), _tree(rng, 6), (1, [])],
}
