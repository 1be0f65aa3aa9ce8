"""Graphs as courses and contests program them: searches, orders, trees, matchings, colourings over adjacency lists."""

from __future__ import annotations

from collections import defaultdict, deque

import numpy as np


def articulation_points(n, edges):
    """Cut vertices and bridges by low links: a depth-first search that calls itself."""
    adj = [[] for _ in range(n)]
    for u, v in edges:
        adj[u].append(v)
        adj[v].append(u)
    disc = [-1] * n
    low = [0] * n
    is_cut = [False] * n
    bridges = []
    timer = 0

    def dfs(u, parent):
        nonlocal timer
        disc[u] = low[u] = timer
        timer += 1
        children = 0
        for v in adj[u]:
            if v == parent:
                continue
            if disc[v] != -1:
                low[u] = min(low[u], disc[v])
                continue
            children += 1
            dfs(v, u)
            low[u] = min(low[u], low[v])
            if low[v] > disc[u]:
                bridges.append((min(u, v), max(u, v)))
            if parent != -1 and low[v] >= disc[u]:
                is_cut[u] = True
        if parent == -1 and children > 1:
            is_cut[u] = True

    for s in range(n):
        if disc[s] == -1:
            dfs(s, -1)
    return [i for i in range(n) if is_cut[i]], sorted(bridges)


def kosaraju(n, edges):
    """Strongly connected components in two passes with stacks of one's own, and the edges of the condensed graph."""
    out, back = [[] for _ in range(n)], [[] for _ in range(n)]
    for u, v in edges:
        out[u].append(v)
        back[v].append(u)
    seen = [False] * n
    order = []
    for s in range(n):
        if seen[s]:
            continue
        seen[s] = True
        stack = [(s, 0)]
        while stack:
            u, i = stack.pop()
            if i < len(out[u]):
                stack.append((u, i + 1))
                w = out[u][i]
                if not seen[w]:
                    seen[w] = True
                    stack.append((w, 0))
            else:
                order.append(u)
    comp = np.full(n, -1)
    k = 0
    for s in reversed(order):
        if comp[s] >= 0:
            continue
        comp[s] = k
        stack = [s]
        while stack:
            u = stack.pop()
            for w in back[u]:
                if comp[w] < 0:
                    comp[w] = k
                    stack.append(w)
        k += 1
    between = set()
    for u, v in edges:
        if comp[u] != comp[v]:
            between.add((int(comp[u]), int(comp[v])))
    return comp, k, len(between)


def dag_longest_path(n, edges, weights):
    """The heaviest path in a graph without cycles: indegrees, a queue, relaxation, and the way back."""
    succ = defaultdict(list)
    indegree = np.zeros(n, dtype=int)
    for (u, v), w in zip(edges, weights):
        succ[u].append((v, w))
        indegree[v] += 1
    queue = deque(i for i in range(n) if indegree[i] == 0)
    dist = np.zeros(n, dtype=weights.dtype)
    pred = np.full(n, -1)
    visited = 0
    while queue:
        u = queue.popleft()
        visited += 1
        for v, w in succ[u]:
            if dist[u] + w > dist[v]:
                dist[v] = dist[u] + w
                pred[v] = u
            indegree[v] -= 1
            if indegree[v] == 0:
                queue.append(v)
    if visited != n:
        raise ValueError("the graph has a cycle")
    end = int(np.argmax(dist))
    path = [end]
    while pred[path[-1]] != -1:
        path.append(int(pred[path[-1]]))
    return dist[end], path[::-1]


def lca_lifting(parent, queries):
    """Lowest common ancestors by binary lifting, and distances between the nodes."""
    n = len(parent)
    levels = max(1, int(np.ceil(np.log2(max(n, 2)))))
    up = np.zeros((levels + 1, n), dtype=np.int64)
    up[0] = parent
    depth = np.zeros(n, dtype=np.int64)
    for v in range(1, n):
        depth[v] = depth[parent[v]] + 1
    for j in range(1, levels + 1):
        up[j] = up[j - 1][up[j - 1]]

    def lca(u, v):
        if depth[u] < depth[v]:
            u, v = v, u
        diff = depth[u] - depth[v]
        for j in range(levels + 1):
            if (diff >> j) & 1:
                u = up[j, u]
        if u == v:
            return u
        for j in range(levels, -1, -1):
            if up[j, u] != up[j, v]:
                u, v = up[j, u], up[j, v]
        return up[0, u]

    answers = np.empty((len(queries), 2), dtype=np.int64)
    for i, (u, v) in enumerate(queries):
        w = lca(u, v)
        answers[i] = w, depth[u] + depth[v] - 2 * depth[w]
    return answers


def heavy_light(parent, value, queries):
    """Heavy-light decomposition of a tree: sizes, chains, positions; sums along paths by prefix sums over the chains."""
    n = len(parent)
    size = np.ones(n, dtype=np.int64)
    for v in range(n - 1, 0, -1):
        size[parent[v]] += size[v]
    heavy = np.full(n, -1)
    for v in range(1, n):
        p = parent[v]
        if heavy[p] == -1 or size[v] > size[heavy[p]]:
            heavy[p] = v
    head, pos, depth = np.zeros(n, int), np.zeros(n, int), np.zeros(n, int)
    counter = 0
    for v in range(n):
        if v > 0:
            depth[v] = depth[parent[v]] + 1
        if v == 0 or heavy[parent[v]] != v:
            u = v
            while u != -1:
                head[u] = v
                pos[u] = counter
                counter += 1
                u = heavy[u]
    line = np.zeros(n + 1, dtype=value.dtype)
    ordered = np.empty_like(value)
    ordered[pos] = value
    line[1:] = np.cumsum(ordered)
    results = []
    for a, b in queries:
        total = value.dtype.type(0)
        while head[a] != head[b]:
            if depth[head[a]] < depth[head[b]]:
                a, b = b, a
            total += line[pos[a] + 1] - line[pos[head[a]]]
            a = parent[head[a]]
        lo, hi = sorted((pos[a], pos[b]))
        total += line[hi + 1] - line[lo]
        results.append(total)
    return np.array(results)


def blossom_matching(n, edges):
    """A maximum matching of a general graph: Edmonds' blossoms, contracted by bases."""
    g = [[] for _ in range(n)]
    for a, b in edges:
        g[a].append(b)
        g[b].append(a)
    match, p, base = [-1] * n, [-1] * n, list(range(n))

    def lca(a, b):
        used = [False] * n
        while True:
            a = base[a]
            used[a] = True
            if match[a] == -1:
                break
            a = p[match[a]]
        while True:
            b = base[b]
            if used[b]:
                return b
            b = p[match[b]]

    def mark_path(v, b, child, blossom):
        while base[v] != b:
            blossom[base[v]] = blossom[base[match[v]]] = True
            p[v] = child
            child = match[v]
            v = p[match[v]]

    def find_path(root):
        used = [False] * n
        for i in range(n):
            p[i] = -1
            base[i] = i
        used[root] = True
        q = [root]
        for v in q:
            for to in g[v]:
                if base[v] == base[to] or match[v] == to:
                    continue
                if to == root or (match[to] != -1 and p[match[to]] != -1):
                    curbase = lca(v, to)
                    blossom = [False] * n
                    mark_path(v, curbase, to, blossom)
                    mark_path(to, curbase, v, blossom)
                    for i in range(n):
                        if blossom[base[i]]:
                            base[i] = curbase
                            if not used[i]:
                                used[i] = True
                                q.append(i)
                elif p[to] == -1:
                    p[to] = v
                    if match[to] == -1:
                        return to
                    used[match[to]] = True
                    q.append(match[to])
        return -1

    for i in range(n):
        if match[i] == -1:
            v = find_path(i)
            while v != -1:
                pv = p[v]
                ppv = match[pv]
                match[v] = pv
                match[pv] = v
                v = ppv
    return sum(m != -1 for m in match) // 2, match


def m_colouring(adjacency, m):
    """A colouring with m colours by backtracking, or None, with the number of calls it took."""
    n = adjacency.shape[0]
    colours = [0] * n
    calls = 0

    def safe(v, c):
        for u in range(v):
            if adjacency[u, v] and colours[u] == c:
                return False
        return True

    def solve(v):
        nonlocal calls
        calls += 1
        if v == n:
            return True
        for c in range(1, m + 1):
            if safe(v, c):
                colours[v] = c
                if solve(v + 1):
                    return True
                colours[v] = 0
        return False

    found = solve(0)
    return found, colours, calls


def _edges(rng, n, m, top=None):
    """m different directed edges between n nodes, with weights below `top` where it is given."""
    codes = rng.choice(n * (n - 1), m, replace=False)
    u, v = codes // (n - 1), codes % (n - 1)
    v = v + (v >= u)
    return np.stack((u, v), 1) if top is None else np.stack((u, v, rng.integers(1, top, m)), 1)


def _forward(rng, n, m):
    e = np.sort(_edges(rng, n, m), axis=1)
    return np.unique(e, axis=0)


def _tree(rng, n):
    """A tree by the parents of its nodes, each before its children."""
    return np.array([0] + [int(rng.integers(0, v)) for v in range(1, n)])


def _symmetric(rng, n, p):
    a = np.triu(rng.random((n, n)) < p, 1)
    return a | a.T


CASES = {
    articulation_points: lambda rng: [
        (12, [(int(a), int(b)) for a, b in _forward(rng, 12, 15)]),
        (5, [(0, 1), (1, 2), (2, 0), (1, 3), (3, 4)]),
        (3, [(0, 1)]),
    ],
    kosaraju: lambda rng: [(20, _edges(rng, 20, 35)), (4, [(0, 1), (1, 0), (2, 3)]), (6, _edges(rng, 6, 12).astype(np.int32))],
    dag_longest_path: lambda rng: [
        (12, _forward(rng, 12, 25), rng.integers(1, 20, 25)),
        (6, _forward(rng, 6, 10), rng.uniform(0, 5, 10)),
        (3, np.array([[0, 1], [1, 2], [2, 1]]), np.ones(3)),
    ],
    lca_lifting: lambda rng: [
        (_tree(rng, 20), rng.integers(0, 20, (8, 2))),
        (_tree(rng, 5).astype(np.int32), [(1, 4), (2, 2)]),
        (np.array([0]), [(0, 0)]),
    ],
    heavy_light: lambda rng: [
        (_tree(rng, 20), rng.integers(-5, 9, 20), rng.integers(0, 20, (8, 2))),
        (_tree(rng, 7), rng.uniform(0, 1, 7), [(1, 4), (6, 6)]),
        (_tree(rng, 9), rng.uniform(0, 1, 9).astype(np.float32), rng.integers(0, 9, (4, 2))),
    ],
    blossom_matching: lambda rng: [
        (10, [(int(a), int(b)) for a, b in _forward(rng, 10, 18)]),
        (5, [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)]),
        (9, _forward(rng, 9, 12)),
    ],
    m_colouring: lambda rng: [
        (_symmetric(rng, 9, 0.5), 3),
        (_symmetric(rng, 6, 0.8).astype(int), 3),
        (_symmetric(rng, 7, 0.2), 2),
    ],
}
