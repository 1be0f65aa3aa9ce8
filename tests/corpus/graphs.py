"""Algorithms on graphs held in arrays."""

import numpy as np


def floyd_warshall(dist):
    n = dist.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if dist[i, k] + dist[k, j] < dist[i, j]:
                    dist[i, j] = dist[i, k] + dist[k, j]
    return dist


def floyd_warshall_rows(W):
    """The vectorised form, with the matrix of next hops."""
    D = W.copy()
    n = len(D)
    nxt = np.where(np.isfinite(W), np.arange(n)[None, :], -1)
    for k in range(n):
        through = D[:, k, None] + D[None, k, :]
        better = through < D
        D[better] = through[better]
        nxt[better] = np.broadcast_to(nxt[:, k, None], nxt.shape)[better]
    return D, nxt


def pagerank(A, d=0.85, tol=1e-10):
    n = A.shape[0]
    out = A.sum(axis=1)
    M = np.zeros((n, n))
    for i in range(n):
        if out[i] > 0:
            M[:, i] = A[i] / out[i]
        else:
            M[:, i] = 1.0 / n
    rank = np.full(n, 1.0 / n)
    err = 1.0
    it = 0
    while err > tol:
        new = d * M @ rank + (1 - d) / n
        err = np.abs(new - rank).sum()
        rank = new
        it += 1
    return rank, it


def bfs(adj, source):
    """Distances by a queue in an array."""
    n = adj.shape[0]
    dist = np.full(n, -1)
    queue = np.empty(n, dtype=int)
    head, tail = 0, 1
    queue[0] = source
    dist[source] = 0
    while head < tail:
        u = queue[head]
        head += 1
        for v in range(n):
            if adj[u, v] and dist[v] < 0:
                dist[v] = dist[u] + 1
                queue[tail] = v
                tail += 1
    return dist


def bfs_frontiers(adj, source):
    """Level by level with boolean vectors."""
    level = np.zeros(len(adj), dtype=np.int64)
    visited = np.zeros(len(adj), dtype=bool)
    frontier = np.zeros(len(adj), dtype=bool)
    frontier[source] = visited[source] = True
    depth = 0
    while frontier.any():
        depth += 1
        frontier = adj[frontier].any(axis=0) & ~visited
        visited |= frontier
        level[frontier] = depth
    return level, visited


def bellman_ford(n, edges, weights, source):
    dist = np.full(n, np.inf)
    pred = np.full(n, -1)
    dist[source] = 0.0
    for _ in range(n - 1):
        changed = False
        for (u, v), w in zip(edges, weights):
            if dist[u] + w < dist[v]:
                dist[v] = dist[u] + w
                pred[v] = u
                changed = True
        if not changed:
            break
    for (u, v), w in zip(edges, weights):
        if dist[u] + w < dist[v]:
            raise ValueError("negative cycle")
    return dist, pred


def dijkstra_dense(W, source):
    n = len(W)
    dist = np.full(n, np.inf)
    dist[source] = 0
    done = np.zeros(n, bool)
    for _ in range(n):
        u, best = -1, np.inf
        for i in range(n):
            if not done[i] and dist[i] < best:
                u, best = i, dist[i]
        if u < 0:
            break
        done[u] = True
        for v in range(n):
            if W[u, v] > 0 and dist[u] + W[u, v] < dist[v]:
                dist[v] = dist[u] + W[u, v]
    return dist


def prim(W):
    n = W.shape[0]
    in_tree = np.zeros(n, dtype=bool)
    key = np.full(n, np.inf)
    parent = -np.ones(n, dtype=int)
    key[0] = 0
    total = 0.0
    for _ in range(n):
        u = np.argmin(np.where(in_tree, np.inf, key))
        in_tree[u] = True
        total += key[u]
        closer = ~in_tree & (W[u] < key)
        key[closer] = W[u, closer]
        parent[closer] = u
    return total, parent


def kruskal(n, edges, weights):
    """Union–find in an array with path halving."""
    parent = np.arange(n)

    def find(x):
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    total = 0.0
    taken = 0
    for e in np.argsort(weights, kind="stable"):
        a, b = find(edges[e, 0]), find(edges[e, 1])
        if a != b:
            parent[a] = b
            total += weights[e]
            taken += 1
    return total, taken


def triangles_by_loops(adj):
    n = adj.shape[0]
    count = 0
    for i in range(n):
        for j in range(i + 1, n):
            if adj[i, j]:
                for k in range(j + 1, n):
                    if adj[i, k] and adj[j, k]:
                        count += 1
    return count


def clustering(adj):
    """Triangles by the cube of the adjacency matrix, local clustering coefficients."""
    A = adj.astype(int)
    closed = np.diag(A @ A @ A)
    degree = A.sum(0)
    possible = degree * (degree - 1)
    return np.divide(closed, possible, out=np.zeros(len(A)), where=possible > 0)


def connected_components(adj):
    """Label propagation until nothing changes."""
    labels = np.arange(len(adj))
    changed = True
    rounds = 0
    while changed:
        changed = False
        rounds += 1
        for i in range(len(adj)):
            for j in range(len(adj)):
                if adj[i, j] and labels[j] < labels[i]:
                    labels[i] = labels[j]
                    changed = True
    return np.unique(labels, return_inverse=True)[1], rounds


def topological_order(adj):
    indegree = adj.sum(axis=0)
    ready = [v for v in range(len(adj)) if indegree[v] == 0]
    order = []
    while ready:
        v = ready.pop(0)
        order.append(v)
        for w in np.nonzero(adj[v])[0]:
            indegree[w] -= 1
            if indegree[w] == 0:
                ready.append(int(w))
    if len(order) < len(adj):
        raise ValueError("the graph has a cycle")
    return order


def hits(A, rounds=20):
    hubs = np.ones(A.shape[0])
    for _ in range(rounds):
        authorities = A.T @ hubs
        authorities /= np.linalg.norm(authorities)
        hubs = A @ authorities
        hubs /= np.linalg.norm(hubs)
    return hubs, authorities


def _graph(rng, n, p):
    a = np.triu(rng.random((n, n)) < p, 1)
    return a | a.T


def _weights(rng, n):
    w = rng.random((n, n))
    w = np.where(rng.random((n, n)) < 0.3, w, np.inf)
    np.fill_diagonal(w, 0)
    return w


CASES = {
    floyd_warshall: lambda rng: [
        (rng.random((20, 20)),),
        (rng.integers(1, 50, (5, 5)),),
        (_weights(rng, 6).astype(np.float32),),
        (np.zeros((0, 0)),),
    ],
    floyd_warshall_rows: lambda rng: [(_weights(rng, 25),), (_weights(rng, 2),)],
    pagerank: lambda rng: [
        (_graph(rng, 30, 0.2).astype(float),),
        (np.array([[0, 1, 1], [1, 0, 0], [0, 0, 0]]), 0.5, 1e-6),
        (np.zeros((1, 1)),),
    ],
    bfs: lambda rng: [(_graph(rng, 40, 0.06), 3), (np.eye(3, dtype=int), 0), (np.zeros((1, 1)), 0)],
    bfs_frontiers: lambda rng: [(_graph(rng, 40, 0.06), 3), (np.zeros((2, 2), bool), 1)],
    bellman_ford: lambda rng: [
        (15, rng.integers(0, 15, (60, 2)), rng.random(60), 0),
        (3, [(0, 1), (1, 2)], [4.0, -2.0], 0),
        (2, np.array([[0, 1], [1, 0]]), np.array([1.0, -3.0]), 0),
    ],
    dijkstra_dense: lambda rng: [
        (np.where(rng.random((25, 25)) < 0.2, rng.random((25, 25)), 0.0), 0),
        (rng.integers(0, 3, (4, 4)), 1),
        (np.zeros((2, 2)), 0),
    ],
    prim: lambda rng: [((lambda w: w + w.T)(rng.random((25, 25))),), (np.ones((1, 1)),)],
    kruskal: lambda rng: [
        (20, rng.integers(0, 20, (60, 2)), rng.random(60)),
        (3, np.array([[0, 1], [1, 2], [0, 2]]), np.array([1, 1, 1])),
    ],
    triangles_by_loops: lambda rng: [(_graph(rng, 25, 0.3),), (np.ones((3, 3), int),), (np.ones((2, 2)),)],
    clustering: lambda rng: [(_graph(rng, 30, 0.3),), (np.zeros((2, 2), bool),)],
    connected_components: lambda rng: [(_graph(rng, 25, 0.05),), (np.zeros((3, 3), int),)],
    topological_order: lambda rng: [
        (np.triu(rng.random((15, 15)) < 0.2, 1).astype(int),),
        (np.array([[0, 1], [1, 0]]),),
    ],
    hits: lambda rng: [(_graph(rng, 30, 0.2).astype(float),), (np.ones((2, 2), np.float32), 3)],
}
