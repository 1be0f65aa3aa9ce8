"""Graphs kept in lists, dictionaries, heaps and arrays, and searches over them as textbooks on algorithms give them."""

from __future__ import annotations

import heapq
from collections import deque

import numpy as np


def read_graph(text, directed=True):
    """Parse 'a b weight' lines into an adjacency dictionary."""
    graph = {}
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        parts = line.split()
        if len(parts) not in (2, 3):
            raise ValueError(f"line {number}: expected 'a b [weight]', got {line!r}")
        a, b, *rest = parts
        w = float(rest[0]) if rest else 1.0
        graph.setdefault(a, []).append((b, w))
        graph.setdefault(b, [])
        if not directed:
            graph[b].append((a, w))
    return graph


def shortest_route(text, start, goal, directed=True):
    """Dijkstra with a heap on a parsed graph; the route as a string."""
    graph = read_graph(text, directed)
    if start not in graph or goal not in graph:
        return None, float("inf"), 0
    queue = [(0.0, start, None)]
    came = {}
    dist = {}
    popped = 0
    while queue:
        d, node, parent = heapq.heappop(queue)
        popped += 1
        if node in dist:
            continue
        dist[node], came[node] = d, parent
        if node == goal:
            break
        for neighbour, w in graph[node]:
            assert w >= 0, "negative weight"
            if neighbour not in dist:
                heapq.heappush(queue, (d + w, neighbour, node))
    if goal not in dist:
        return None, float("inf"), popped
    path, node = [], goal
    while node is not None:
        path.append(node)
        node = came[node]
    return " -> ".join(path[::-1]), dist[goal], popped


def strongly_connected(n, edges):
    """Tarjan's algorithm without recursion; the condensation as an adjacency matrix."""
    adjacency = [[] for _ in range(n)]
    for a, b in edges:
        adjacency[a].append(b)
    index = [-1] * n
    low = [0] * n
    on_stack = [False] * n
    component = np.full(n, -1)
    stack, counter, found = [], 0, 0
    for root in range(n):
        if index[root] != -1:
            continue
        work = [(root, 0)]
        while work:
            v, i = work.pop()
            if i == 0:
                index[v] = low[v] = counter
                counter += 1
                stack.append(v)
                on_stack[v] = True
            recurse = False
            for j in range(i, len(adjacency[v])):
                w = adjacency[v][j]
                if index[w] == -1:
                    work.append((v, j + 1))
                    work.append((w, 0))
                    recurse = True
                    break
                elif on_stack[w]:
                    low[v] = min(low[v], index[w])
            if recurse:
                continue
            if low[v] == index[v]:
                while True:
                    w = stack.pop()
                    on_stack[w] = False
                    component[w] = found
                    if w == v:
                        break
                found += 1
            if work:
                u = work[-1][0]
                low[u] = min(low[u], low[v])
    condensed = np.zeros((found, found), dtype=bool)
    for a, b in edges:
        if component[a] != component[b]:
            condensed[component[a], component[b]] = True
    return component, condensed, np.bincount(component, minlength=found)


def min_cost_flow(n, arcs, source, sink, wanted=None):
    """Successive shortest paths with Bellman and Ford's queue on arrays of arcs and their reverses."""
    to, cap, cost, nxt = [], [], [], []
    head = [-1] * n

    def add(u, v, c, w):
        to.append(v)
        cap.append(c)
        cost.append(w)
        nxt.append(head[u])
        head[u] = len(to) - 1

    for u, v, c, w in arcs:
        add(u, v, c, w)
        add(v, u, 0, -w)
    flow, total = 0, 0
    paths = []
    while wanted is None or flow < wanted:
        dist = np.full(n, np.inf)
        dist[source] = 0
        via = [-1] * n
        queue, queued = deque([source]), {source}
        while queue:
            u = queue.popleft()
            queued.discard(u)
            e = head[u]
            while e != -1:
                if cap[e] > 0 and dist[u] + cost[e] < dist[to[e]]:
                    dist[to[e]] = dist[u] + cost[e]
                    via[to[e]] = e
                    if to[e] not in queued:
                        queue.append(to[e])
                        queued.add(to[e])
                e = nxt[e]
        if np.isinf(dist[sink]):
            break
        push = float("inf") if wanted is None else wanted - flow
        v = sink
        path = [v]
        while v != source:
            push = min(push, cap[via[v]])
            v = to[via[v] ^ 1]
            path.append(v)
        v = sink
        while v != source:
            cap[via[v]] -= push
            cap[via[v] ^ 1] += push
            v = to[via[v] ^ 1]
        flow += push
        total += push * dist[sink]
        paths.append((tuple(reversed(path)), push))
    used = {(arcs[k // 2][0], arcs[k // 2][1]): cap[k + 1] for k in range(0, len(to), 2) if cap[k + 1] > 0}
    return flow, total, paths, used


def personalised_pagerank(links, n, seeds, damping=0.85, tol=1e-10, max_iter=100):
    """PageRank on a dictionary of links, with dangling pages and a set of seeds."""
    out = np.zeros(n)
    src, dst = [], []
    for page, targets in links.items():
        unique = sorted(set(targets) - {page})
        out[page] = len(unique)
        src += [page] * len(unique)
        dst += unique
    src, dst = np.array(src, dtype=int), np.array(dst, dtype=int)
    jump = np.zeros(n)
    jump[list(seeds)] = 1.0 / len(seeds)
    rank = jump.copy()
    dangling = out == 0
    share = np.where(dangling, 0, 1 / np.maximum(out, 1))
    for it in range(1, max_iter + 1):
        previous = rank
        rank = np.zeros(n)
        np.add.at(rank, dst, previous[src] * share[src])
        rank = damping * (rank + previous[dangling].sum() * jump) + (1 - damping) * jump
        error = np.abs(rank - previous).sum()
        if error < tol:
            break
    else:
        print(f"no convergence after {max_iter} rounds, error {error:.2e}")
    top = np.argsort(-rank, kind="stable")[:3]
    return rank, [(int(p), round(float(rank[p]), 6)) for p in top], it


class Grid:
    """A map with walls and weights; neighbours come in a fixed order."""

    MOVES = {"N": (-1, 0), "S": (1, 0), "W": (0, -1), "E": (0, 1)}

    def __init__(self, rows):
        self.cells = np.array([list(row) for row in rows])
        self.shape = self.cells.shape

    def find(self, mark):
        where = np.argwhere(self.cells == mark)
        if len(where) == 0:
            raise LookupError(f"no {mark!r} on the map")
        return tuple(int(k) for k in where[0])

    def neighbours(self, r, c):
        for name, (dr, dc) in self.MOVES.items():
            i, j = r + dr, c + dc
            if 0 <= i < self.shape[0] and 0 <= j < self.shape[1] and self.cells[i, j] != "#":
                yield name, (i, j)

    def cost(self, cell):
        mark = self.cells[cell]
        return int(mark) if mark.isdigit() else 1


def a_star_map(rows, heuristic="manhattan"):
    """A* on a map of characters; the moves as a string, the cost, and the map with the way marked."""
    grid = Grid(rows)
    start, goal = grid.find("A"), grid.find("B")

    def h(cell):
        if heuristic == "zero":
            return 0
        dr, dc = abs(cell[0] - goal[0]), abs(cell[1] - goal[1])
        return dr + dc if heuristic == "manhattan" else max(dr, dc)

    best = {start: 0}
    parent = {}
    frontier = [(h(start), 0, start)]
    closed = set()
    while frontier:
        _, g, cell = heapq.heappop(frontier)
        if cell == goal:
            break
        if cell in closed:
            continue
        closed.add(cell)
        for name, other in grid.neighbours(*cell):
            new = g + grid.cost(other)
            if new < best.get(other, float("inf")):
                best[other] = new
                parent[other] = (cell, name)
                heapq.heappush(frontier, (new + h(other), new, other))
    else:
        return "", -1, ["".join(row) for row in grid.cells]
    moves = []
    marked = grid.cells.copy()
    cell = goal
    while cell != start:
        cell, name = parent[cell]
        moves.append(name)
        if cell != start:
            marked[cell] = "*"
    return "".join(moves[::-1]), best[goal], ["".join(row) for row in marked]


def tree_queries(parents, weights, queries):
    """Binary lifting: the lowest common ancestor and the sum and largest weight on the way between two nodes."""
    n = len(parents)
    log = max(1, int(np.ceil(np.log2(max(n, 2)))))
    up = np.zeros((log, n), dtype=np.int64)
    heaviest = np.zeros((log, n), dtype=weights.dtype)
    up[0] = parents
    heaviest[0] = weights
    for k in range(1, log):
        up[k] = up[k - 1][up[k - 1]]
        heaviest[k] = np.maximum(heaviest[k - 1], heaviest[k - 1][up[k - 1]])
    depth = np.zeros(n, dtype=int)
    total = np.zeros(n, dtype=weights.dtype)
    for v in range(1, n):
        depth[v] = depth[parents[v]] + 1
        total[v] = total[parents[v]] + weights[v]

    def climb(v, steps):
        largest = 0
        k = 0
        while steps:
            if steps & 1:
                largest = max(largest, heaviest[k, v])
                v = up[k, v]
            steps >>= 1
            k += 1
        return v, largest

    answers = []
    for a, b in queries:
        u, v = (a, b) if depth[a] >= depth[b] else (b, a)
        u, most = climb(u, depth[u] - depth[v])
        if u != v:
            for k in range(log - 1, -1, -1):
                if up[k, u] != up[k, v]:
                    most = max(most, heaviest[k, u], heaviest[k, v])
                    u, v = up[k, u], up[k, v]
            most = max(most, heaviest[0, u], heaviest[0, v])
            u = up[0, u]
        answers.append((int(u), total[a] + total[b] - 2 * total[u], most))
    return answers


_ROADS = """
# a small town
a b 4
a c 1.5
c b 2
b d 5
c d 8   # the long way
d e 3
f e 1
"""
_MAP = ["A..#....", ".#.#.##.", ".#...#9.", ".####.9B", "......1."]

CASES = {
    shortest_route: lambda rng: [
        (_ROADS, "a", "e"),
        (_ROADS, "e", "a", False),
        (_ROADS, "e", "a"),
        ("a b\nb c x d", "a", "b"),
        ("a b -2\nb c 1", "a", "c"),
    ],
    strongly_connected: lambda rng: [
        (8, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 3), (5, 6), (6, 5), (6, 7)]),
        (12, [tuple(map(int, e)) for e in rng.integers(0, 12, (18, 2))]),
        (10, rng.integers(0, 10, (14, 2))),
    ],
    min_cost_flow: lambda rng: [
        (5, [(0, 1, 10, 2), (0, 2, 4, 4), (1, 2, 6, 1), (1, 3, 5, 6), (2, 4, 8, 3), (3, 4, 9, 1)], 0, 4),
        (4, [(0, 1, 3, 1.5), (0, 2, 2, 1.0), (1, 3, 2, 2.0), (2, 3, 3, 2.5), (1, 2, 2, 0.5)], 0, 3, 4),
        (3, [(0, 1, 1, 1)], 0, 2),
    ],
    personalised_pagerank: lambda rng: [
        ({0: [1, 2], 1: [2], 2: [0, 2], 3: [2, 2]}, 5, {0, 3}),
        ({k: rng.integers(0, 20, 4).tolist() for k in range(18)}, 20, [4], 0.9, 1e-6),
        ({0: [1], 1: [0]}, 2, (0,), 1.0, 1e-12, 7),
    ],
    a_star_map: lambda rng: [(_MAP,), (_MAP, "chebyshev"), (["A#B"], "zero"), (["A..."],)],
    tree_queries: lambda rng: [
        (np.array([0, 0, 0, 1, 1, 2, 5, 5]), rng.uniform(1, 5, 8), [(3, 4), (3, 7), (6, 7), (0, 5)]),
        (
            np.array([0, *(int(rng.integers(0, k)) for k in range(1, 30))]),
            rng.integers(1, 50, 30),
            rng.integers(0, 30, (10, 2)),
        ),
        (np.array([0]), np.array([0]), [(0, 0)]),
    ],
}
