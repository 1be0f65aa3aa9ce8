"""Programs that count and schedule: queues, epidemics, graphs and tables, in lists, dictionaries and small classes."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter, defaultdict, deque

import numpy as np


class Server:
    def __init__(self, name, rate):
        self.name = name
        self.rate = rate
        self.busy_until = 0.0
        self.served = 0
        self.busy_time = 0.0

    def serve(self, now, work):
        start = max(now, self.busy_until)
        self.busy_until = start + work / self.rate
        self.busy_time += work / self.rate
        self.served += 1
        return start - now


def bank_tellers(arrivals, work, rates=(1.0, 1.0), names=("ann", "bob")):
    """Customers go to the teller who is free first; waiting times, and what every teller did."""
    servers = [Server(n, r) for n, r in zip(names, rates)]
    waits = np.zeros(len(arrivals))
    for i, (t, w) in enumerate(zip(arrivals, work)):
        free = min(servers, key=lambda s: s.busy_until)
        waits[i] = free.serve(t, w)
    end = max(s.busy_until for s in servers)
    usage = {s.name: s.busy_time / end for s in servers}
    return waits.mean(), np.percentile(waits, 90), usage, [s.served for s in servers]


def inventory_policy(demand, s=20, S=60, lead=3, holding=0.1, penalty=2.0):
    """(s, S) stock with orders under way; cost by kind."""
    stock = S
    pipeline = []
    costs = {"holding": 0.0, "penalty": 0.0, "orders": 0}
    levels = []
    for day, d in enumerate(demand):
        arrived = [q for (due, q) in pipeline if due == day]
        pipeline = [(due, q) for (due, q) in pipeline if due != day]
        stock += sum(arrived)
        sold = min(stock, d)
        lost = d - sold
        stock -= sold
        costs["holding"] += holding * stock
        costs["penalty"] += penalty * lost
        position = stock + sum(q for _, q in pipeline)
        if position <= s:
            pipeline.append((day + lead, S - position))
            costs["orders"] += 1
        levels.append(stock)
    return costs, levels


def gillespie_sir(n, beta, gamma, infected, draws, t_max=50.0):
    """A stochastic epidemic from given uniform draws; times and counts of each event."""
    s, i, r = n - infected, infected, 0
    t = 0.0
    history = [(t, s, i, r)]
    k = 0
    while i > 0 and t < t_max and k + 1 < len(draws):
        rate_inf = beta * s * i / n
        rate_rec = gamma * i
        total = rate_inf + rate_rec
        t += -math.log(draws[k]) / total
        if draws[k + 1] * total < rate_inf:
            s -= 1
            i += 1
        else:
            i -= 1
            r += 1
        k += 2
        history.append((t, s, i, r))
    h = np.array(history)
    peak = h[h[:, 2].argmax()]
    return h, {"peak_time": peak[0], "peak_infected": int(peak[2]), "final_size": r, "duration": t}


class Person:
    __slots__ = ("x", "y", "state", "since")

    def __init__(self, x, y):
        self.x, self.y = x, y
        self.state = "S"
        self.since = 0


def moving_people(xy, steps_xy, radius=0.1, recover=4):
    """People who walk in the unit square and infect those who are near; the count of every state by day."""
    people = [Person(x, y) for x, y in xy]
    people[0].state = "I"
    curves = {"S": [], "I": [], "R": []}
    for day, moves in enumerate(steps_xy):
        for p, (dx, dy) in zip(people, moves):
            p.x = min(max(p.x + dx, 0.0), 1.0)
            p.y = min(max(p.y + dy, 0.0), 1.0)
        sick = [p for p in people if p.state == "I"]
        for p in people:
            if p.state == "S":
                for q in sick:
                    if math.hypot(p.x - q.x, p.y - q.y) < radius:
                        p.state, p.since = "I", day
                        break
            elif p.state == "I" and day - p.since >= recover:
                p.state = "R"
        count = Counter(p.state for p in people)
        for key in curves:
            curves[key].append(count[key])
    return {k: np.array(v) for k, v in curves.items()}


def project_schedule(tasks):
    """Critical path: earliest and latest starts of tasks {name: (duration, [predecessors])}."""
    order, seen = [], set()

    def visit(name):
        if name in seen:
            return
        seen.add(name)
        for p in tasks[name][1]:
            visit(p)
        order.append(name)

    for name in tasks:
        visit(name)
    early = {}
    for name in order:
        d, before = tasks[name]
        early[name] = max((early[p] + tasks[p][0] for p in before), default=0)
    length = max(early[n] + tasks[n][0] for n in tasks)
    late = {n: length - tasks[n][0] for n in tasks}
    for name in reversed(order):
        for p in tasks[name][1]:
            late[p] = min(late[p], late[name] - tasks[p][0])
    critical = [n for n in order if abs(early[n] - late[n]) < 1e-9]
    return length, critical, early


def eulerian_trail(edges, start=0):
    """Hierholzer's trail over undirected edges (an array of pairs), or None where there is none."""
    adj = defaultdict(list)
    for k, (u, v) in enumerate(edges):
        adj[int(u)].append((int(v), k))
        adj[int(v)].append((int(u), k))
    odd = [v for v in adj if len(adj[v]) % 2]
    if len(odd) not in (0, 2):
        return None
    if odd:
        start = min(odd)
    used = [False] * len(edges)
    stack, trail = [start], []
    while stack:
        v = stack[-1]
        while adj[v] and used[adj[v][-1][1]]:
            adj[v].pop()
        if adj[v]:
            w, k = adj[v].pop()
            used[k] = True
            stack.append(w)
        else:
            trail.append(stack.pop())
    return trail[::-1]


def steiner_mst(points, terminals):
    """Minimum spanning tree of the terminals in the metric of a grid graph; edges with their lengths, longest last."""
    n = len(terminals)
    dist = np.abs(points[terminals][:, None, :] - points[terminals][None, :, :]).sum(-1)
    in_tree = [0]
    edges = []
    while len(in_tree) < n:
        best = None
        for i in in_tree:
            for j in range(n):
                if j not in in_tree and (best is None or dist[i, j] < best[0]):
                    best = (dist[i, j], i, j)
        d, i, j = best
        in_tree.append(j)
        edges.append((int(terminals[i]), int(terminals[j]), d))
    edges.sort(key=lambda e: e[2])
    return edges, sum(e[2] for e in edges)


def elevator(requests, floors=10, start=0):
    """SCAN order for requests (time, from, to); waiting time of each and the floors passed."""
    pending = deque(sorted(requests))
    waiting, riding = [], []
    floor, direction, t, passed = start, 1, 0, 0
    done = {}
    ids = itertools.count()
    while pending or waiting or riding:
        while pending and pending[0][0] <= t:
            t0, a, b = pending.popleft()
            waiting.append((next(ids), t0, a, b))
        for w in list(waiting):
            if w[2] == floor:
                waiting.remove(w)
                riding.append(w)
        for r in list(riding):
            if r[3] == floor:
                riding.remove(r)
                done[r[0]] = t - r[1]
        if waiting or riding:
            goals = [w[2] for w in waiting] + [r[3] for r in riding]
            if direction > 0 and all(g < floor for g in goals):
                direction = -1
            elif direction < 0 and all(g > floor for g in goals):
                direction = 1
            if any(g != floor for g in goals):
                floor += direction
                passed += 1
        t += 1
        if t > 500:
            break
    return [done[k] for k in sorted(done)], passed


def edit_script(a, b):
    """The least number of edits between two texts, and the operations."""
    n, m = len(a), len(b)
    D = np.zeros((n + 1, m + 1), dtype=int)
    D[:, 0] = np.arange(n + 1)
    D[0, :] = np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            D[i, j] = min(D[i - 1, j] + 1, D[i, j - 1] + 1, D[i - 1, j - 1] + (a[i - 1] != b[j - 1]))
    ops = []
    i, j = n, m
    while i > 0 or j > 0:
        if i > 0 and j > 0 and D[i, j] == D[i - 1, j - 1] + (a[i - 1] != b[j - 1]):
            ops.append("keep" if a[i - 1] == b[j - 1] else "replace")
            i, j = i - 1, j - 1
        elif i > 0 and D[i, j] == D[i - 1, j] + 1:
            ops.append("delete")
            i -= 1
        else:
            ops.append("insert")
            j -= 1
    return int(D[n, m]), ops[::-1], Counter(ops)


def cutting_stock(length, pieces):
    """First fit decreasing: which pieces are cut from which bar, and the waste."""
    bars = []
    room = []
    for p in sorted(pieces, reverse=True):
        for k in range(len(bars)):
            if room[k] >= p:
                bars[k].append(p)
                room[k] -= p
                break
        else:
            bars.append([p])
            room.append(length - p)
    waste = sum(room)
    return bars, waste, waste / (length * len(bars))


def merge_busy(intervals, gap=0.0):
    """Busy periods from overlapping intervals, the longest idle time, and how many overlap at most."""
    ivs = sorted([float(a), float(b)] for a, b in intervals)
    merged = [ivs[0]]
    for a, b in ivs[1:]:
        if a <= merged[-1][1] + gap:
            merged[-1][1] = max(merged[-1][1], b)
        else:
            merged.append([a, b])
    idle = [q[0] - p[1] for p, q in zip(merged, merged[1:])]
    events = []
    for a, b in intervals:
        events.append((a, 1))
        events.append((b, -1))
    depth = deepest = 0
    for _, change in sorted(events):
        depth += change
        deepest = max(deepest, depth)
    return merged, max(idle) if idle else 0.0, deepest


def cpu_rounds(bursts, quantum=4):
    """Round robin: finishing times, turnaround and the order of slices."""
    remaining = {k: b for k, b in enumerate(bursts)}
    queue = deque(remaining)
    clock, slices = 0, []
    finish = np.zeros(len(bursts), dtype=np.int64)
    while queue:
        k = queue.popleft()
        run = min(quantum, remaining[k])
        clock += run
        remaining[k] -= run
        slices.append((k, run))
        if remaining[k] > 0:
            queue.append(k)
        else:
            del remaining[k]
            finish[k] = clock
    assert not remaining
    return finish, finish.mean(), slices


def k_shortest_by_heap(weights, source, target, k=3):
    """The k least costs of walks between two nodes of a dense graph (inf: no edge), with how many hops."""
    n = weights.shape[0]
    heap = [(0.0, 0, source)]
    found = []
    count = [0] * n
    while heap and count[target] < k:
        cost, hops, u = heapq.heappop(heap)
        count[u] += 1
        if u == target:
            found.append((cost, hops))
        if count[u] <= k:
            for v in range(n):
                if np.isfinite(weights[u, v]) and v != u:
                    heapq.heappush(heap, (cost + weights[u, v], hops + 1, v))
    return found


def _graph(rng, n, p):
    w = rng.random((n, n)) * 10
    w[rng.random((n, n)) > p] = np.inf
    return w


CASES = {
    bank_tellers: lambda rng: [
        (np.cumsum(rng.exponential(1.0, 40)), rng.exponential(1.5, 40)),
        (np.cumsum(rng.exponential(1.0, 25)), rng.exponential(2.0, 25), (1.0, 0.5, 2.0), ("a", "b", "c")),
        ([0.0, 0.1, 0.2], [1.0, 1.0, 1.0]),
    ],
    inventory_policy: lambda rng: [
        (rng.poisson(6, 60),),
        (rng.poisson(9, 40).tolist(), 30, 80, 2),
        (np.array([100, 0, 5]), 10, 30, 1),
    ],
    gillespie_sir: lambda rng: [
        (50, 0.6, 0.2, 2, 1 - rng.random(400)),
        (80, 0.3, 0.3, 5, 1 - rng.random(300), 20.0),
        (10, 2.0, 0.1, 1, 1 - rng.random(7)),
    ],
    moving_people: lambda rng: [
        (rng.random((20, 2)), rng.normal(0, 0.05, (12, 20, 2))),
        (rng.random((35, 2)), rng.normal(0, 0.1, (8, 35, 2)), 0.15, 3),
        (rng.random((2, 2)), np.zeros((3, 2, 2))),
    ],
    project_schedule: lambda rng: [
        ({"a": (3, []), "b": (2, ["a"]), "c": (4, ["a"]), "d": (1, ["b", "c"])},),
        ({"dig": (2.5, []), "pour": (1.0, ["dig"]), "walls": (6.0, ["pour"]), "wires": (2.0, ["pour"])},),
        ({"x": (0, [])},),
    ],
    eulerian_trail: lambda rng: [
        (np.array([[0, 1], [1, 2], [2, 0], [2, 3], [3, 4], [4, 2]]),),
        (np.array([[0, 1], [1, 2], [2, 3]]),),
        (np.array([[0, 1], [0, 2], [0, 3]]),),
    ],
    steiner_mst: lambda rng: [
        (rng.random((20, 2)), np.array([1, 4, 7, 9, 13])),
        (rng.integers(0, 50, (30, 2)), np.arange(0, 30, 4)),
        (rng.random((5, 3)).astype(np.float32), [0, 2, 4]),
    ],
    elevator: lambda rng: [
        ([(0, 3, 7), (2, 5, 1), (4, 0, 9)],),
        ([(0, 0, 4), (0, 6, 2), (1, 3, 3), (9, 8, 0)], 9, 5),
        ([],),
    ],
    edit_script: lambda rng: [("kitten", "sitting"), ("flaw", "lawn"), ("", "abc"), ("same", "same")],
    cutting_stock: lambda rng: [
        (100, [45, 45, 30, 30, 20, 60, 70]),
        (10.0, [2.5, 3.5, 5.0, 1.0, 9.0]),
        (50, rng.integers(5, 40, 20).tolist()),
    ],
    merge_busy: lambda rng: [
        (np.array([[1.0, 3.0], [2.0, 4.0], [6.0, 8.0]]),),
        ((s := rng.random((12, 1)) * 20, np.hstack([s, s + 1 + rng.random((12, 1))]))[1], 0.5),
        ([(0, 5), (5, 6), (1, 2)],),
    ],
    cpu_rounds: lambda rng: [([10, 4, 7, 1],), (rng.integers(1, 20, 9).tolist(), 3), ([5], 5)],
    k_shortest_by_heap: lambda rng: [
        (_graph(rng, 6, 0.6), 0, 5),
        (_graph(rng, 9, 0.4), 2, 3, 4),
        (np.full((3, 3), np.inf), 0, 2),
    ],
}
