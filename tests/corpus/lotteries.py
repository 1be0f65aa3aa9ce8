"""Graphs in dicts and sets, Monte Carlo physics, and reports of statistics."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict, namedtuple
from dataclasses import dataclass

import numpy as np


# graphs -----------------------------------------------------------------------------------------------------------------
def build_graph(edges, directed=False):
    graph = defaultdict(dict)
    for u, v, w in edges:
        graph[u][v] = min(w, graph[u].get(v, w))
        if not directed:
            graph[v][u] = graph[u][v]
    return graph


def brandes_betweenness(edges):
    graph = build_graph(edges)
    centrality = dict.fromkeys(graph, 0.0)
    for s in graph:
        stack, preds = [], {v: [] for v in graph}
        sigma = {v: 0 for v in graph}
        dist = {v: -1 for v in graph}
        sigma[s], dist[s] = 1, 0
        queue = [s]
        for v in queue:
            stack.append(v)
            for w in graph[v]:
                if dist[w] < 0:
                    dist[w] = dist[v] + 1
                    queue.append(w)
                if dist[w] == dist[v] + 1:
                    sigma[w] += sigma[v]
                    preds[w].append(v)
        delta = {v: 0.0 for v in graph}
        while stack:
            w = stack.pop()
            for v in preds[w]:
                delta[v] += sigma[v] / sigma[w] * (1 + delta[w])
            if w != s:
                centrality[w] += delta[w]
    return {v: c / 2 for v, c in sorted(centrality.items())}


def brandes_betweenness_cases(rng):
    def edges(n, m):
        pairs = rng.integers(0, n, (m, 2))
        return [(int(a), int(b), 1.0) for a, b in pairs if a != b]

    return [(edges(5, 6),), ([("a", "b", 1), ("b", "c", 1)],), ([],)]


class MaxFlow:
    def __init__(self, n):
        self.cap = [dict() for _ in range(n)]

    def edge(self, u, v, c):
        self.cap[u][v] = self.cap[u].get(v, 0) + c
        self.cap[v].setdefault(u, 0)

    def bfs(self, s, t):
        parent = {s: None}
        frontier = [s]
        while frontier and t not in parent:
            nxt = []
            for u in frontier:
                for v, c in self.cap[u].items():
                    if c > 0 and v not in parent:
                        parent[v] = u
                        nxt.append(v)
            frontier = nxt
        return parent if t in parent else None

    def run(self, s, t):
        flow = 0
        while (parent := self.bfs(s, t)) is not None:
            push, v = float("inf"), t
            while parent[v] is not None:
                push = min(push, self.cap[parent[v]][v])
                v = parent[v]
            v = t
            while parent[v] is not None:
                u = parent[v]
                self.cap[u][v] -= push
                self.cap[v][u] += push
                v = u
            flow += push
        return flow


def segment_by_mincut(image, lam=2):
    """Bright to the source, dark to the sink, neighbours held together."""
    ny, nx = image.shape
    s, t = ny * nx, ny * nx + 1
    net = MaxFlow(ny * nx + 2)
    for y in range(ny):
        for x in range(nx):
            p = y * nx + x
            net.edge(s, p, int(image[y, x]))
            net.edge(p, t, 9 - int(image[y, x]))
            if x + 1 < nx:
                net.edge(p, p + 1, lam)
                net.edge(p + 1, p, lam)
            if y + 1 < ny:
                net.edge(p, p + nx, lam)
                net.edge(p + nx, p, lam)
    value = net.run(s, t)
    reach, todo = {s}, [s]
    while todo:
        u = todo.pop()
        for v, c in net.cap[u].items():
            if c > 0 and v not in reach:
                reach.add(v)
                todo.append(v)
    mask = np.zeros(ny * nx, dtype=bool)
    mask[[p for p in reach if p < ny * nx]] = True
    return value, mask.reshape(ny, nx)


def segment_by_mincut_cases(rng):
    img = rng.integers(0, 4, (4, 4))
    img[1:3, 1:4] += 6
    return [(img.clip(0, 9),), (np.array([[9, 0]]), 1), (np.zeros((2, 2), int),)]


def tarjan_topological(dependencies):
    index, low, on_stack, stack, order = {}, {}, set(), [], []
    counter = 0

    def visit(v):
        nonlocal counter
        index[v] = low[v] = counter
        counter += 1
        stack.append(v)
        on_stack.add(v)
        for w in dependencies.get(v, ()):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in on_stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            comp = []
            while True:
                w = stack.pop()
                on_stack.discard(w)
                comp.append(w)
                if w == v:
                    break
            order.append(sorted(comp))

    for v in dependencies:
        if v not in index:
            visit(v)
    cycles = [c for c in order if len(c) > 1]
    if len(cycles) > 1:
        raise ValueError(f"{len(cycles)} cycles: {cycles}")
    return order, cycles


def tarjan_topological_cases(rng):
    return [
        ({"app": ["lib", "io"], "lib": ["core"], "io": ["core"], "core": []},),
        ({1: [2], 2: [3], 3: [1], 4: [1]},),
        ({1: [2], 2: [1], 3: [4], 4: [3]},),
        ({},),
    ]


def steiner_heuristic(edges, terminals):
    """Shortest-path heuristic: grow a tree by the nearest terminal, Dijkstra from the whole tree."""
    graph = build_graph(edges)
    tree, used, cost = {terminals[0]}, set(), 0.0
    missing = set(terminals) - tree
    while missing:
        dist = dict.fromkeys(tree, 0.0)
        prev = {}
        heap = [(0.0, v) for v in sorted(tree)]
        target = None
        while heap:
            d, v = heapq.heappop(heap)
            if d > dist[v]:
                continue
            if v in missing:
                target = v
                break
            for w, c in graph[v].items():
                if d + c < dist.get(w, math.inf):
                    dist[w] = d + c
                    prev[w] = v
                    heapq.heappush(heap, (d + c, w))
        if target is None:
            raise LookupError(f"{sorted(missing)} cannot be reached")
        cost += dist[target]
        while target not in tree:
            tree.add(target)
            used.add((min(target, prev[target]), max(target, prev[target])))
            target = prev[target]
        missing -= tree
    return cost, sorted(used)


def steiner_heuristic_cases(rng):
    grid = []
    for r in range(5):
        for c in range(5):
            if c < 4:
                grid.append((5 * r + c, 5 * r + c + 1, float(rng.integers(1, 9))))
            if r < 4:
                grid.append((5 * r + c, 5 * r + c + 5, float(rng.integers(1, 9))))
    return [(grid, [0, 4, 20, 17]), (grid, [3]), ([(0, 1, 1.0), (2, 3, 1.0)], [0, 3])]


# Monte Carlo ------------------------------------------------------------------------------------------------------------
class XYModel:
    def __init__(self, n, temperature, seed):
        self.rng = np.random.default_rng(seed)
        self.theta = self.rng.uniform(0, 2 * np.pi, (n, n))
        self.beta = 1.0 / temperature
        self.measurements = {"e": [], "m": [], "vortices": []}

    def local_energy(self, i, j, angle):
        n = len(self.theta)
        t = self.theta
        return -(
            math.cos(angle - t[(i + 1) % n, j])
            + math.cos(angle - t[i - 1, j])
            + math.cos(angle - t[i, (j + 1) % n])
            + math.cos(angle - t[i, j - 1])
        )

    def sweep(self, width=1.0):
        n, accepted = len(self.theta), 0
        for _ in range(n * n):
            i, j = self.rng.integers(0, n, 2)
            new = self.theta[i, j] + width * (self.rng.random() - 0.5)
            de = self.local_energy(i, j, new) - self.local_energy(i, j, self.theta[i, j])
            if de <= 0 or self.rng.random() < math.exp(-self.beta * de):
                self.theta[i, j] = new
                accepted += 1
        return accepted / n**2

    def vorticity(self):
        def wrap(a):
            return (a + np.pi) % (2 * np.pi) - np.pi

        t = self.theta
        right, down = np.roll(t, -1, axis=1), np.roll(t, -1, axis=0)
        diag = np.roll(right, -1, axis=0)
        winding = wrap(right - t) + wrap(diag - right) + wrap(down - diag) + wrap(t - down)
        return np.rint(winding / (2 * np.pi)).astype(int)

    def measure(self):
        t = self.theta
        self.measurements["e"].append(-np.cos(t - np.roll(t, 1, 0)).mean() - np.cos(t - np.roll(t, 1, 1)).mean())
        self.measurements["m"].append(np.hypot(np.cos(t).mean(), np.sin(t).mean()))
        self.measurements["vortices"].append(int(np.abs(self.vorticity()).sum()))


def xy_vortices(n, temperature, sweeps=10, seed=1):
    if temperature <= 0:
        raise ValueError("temperature must be positive")
    model = XYModel(n, temperature, seed)
    rate = 0.0
    for k in range(sweeps):
        rate += model.sweep()
        if k >= sweeps // 2:
            model.measure()
    return {k: np.mean(v) for k, v in model.measurements.items()}, rate / sweeps, model.theta


def xy_vortices_cases(rng):
    return [(8, 0.9), (4, 5.0, 4, 9), (3, 0.0), (1, 1.0, 2)]


Photon = namedtuple("Photon", "z mu weight")


def slab_photons(n, tau, albedo=0.8, g=0.6, seed=0):
    """Henyey-Greenstein in a slab, with a roulette for light photons."""
    rng = np.random.default_rng(seed)
    tally = {"reflected": 0.0, "transmitted": 0.0, "absorbed": 0.0}
    scatterings = []
    for _ in range(n):
        ph = Photon(0.0, 1.0, 1.0)
        count = 0
        while True:
            z = ph.z - ph.mu * np.log(rng.random())
            if z < 0:
                tally["reflected"] += ph.weight
                break
            if z > tau:
                tally["transmitted"] += ph.weight
                break
            tally["absorbed"] += ph.weight * (1 - albedo)
            weight = ph.weight * albedo
            if weight < 0.05:
                if rng.random() < 0.1:
                    weight *= 10
                else:
                    break
            s = (1 - g * g) / (1 - g + 2 * g * rng.random())
            ct = (1 + g * g - s * s) / (2 * g)
            phi = 2 * np.pi * rng.random()
            mu = ph.mu * ct + np.sqrt(max(0.0, 1 - ph.mu**2)) * np.sqrt(max(0.0, 1 - ct**2)) * np.cos(phi)
            ph = ph._replace(z=z, mu=mu, weight=weight)
            count += 1
        scatterings.append(count)
    return {k: v / n for k, v in tally.items()}, np.bincount(scatterings)


def slab_photons_cases(rng):
    return [(60, 2.0), (10, 0.1, 0.99, 0.3, 4), (20, 5.0, 0.0, 0.5)]


def polymer_pivot(n, steps, seed=3):
    """Self-avoiding walk on the square lattice; occupied sites in a set."""
    rng = np.random.default_rng(seed)
    turns = [
        np.array([[0, -1], [1, 0]]),
        np.array([[-1, 0], [0, -1]]),
        np.array([[0, 1], [-1, 0]]),
        np.array([[1, 0], [0, -1]]),
    ]
    walk = np.column_stack([np.arange(n), np.zeros(n, dtype=int)])
    r2, accepted = [], 0
    for _ in range(steps):
        if n > 2:
            k = int(rng.integers(1, n - 1))
            rot = turns[rng.integers(len(turns))]
            tail = (walk[k:] - walk[k]) @ rot.T + walk[k]
            occupied = {tuple(p) for p in walk[:k]}
            if not any(tuple(p) in occupied for p in tail):
                walk[k:] = tail
                accepted += 1
        end = walk[-1] - walk[0]
        r2.append(int(end @ end))
    return np.mean(r2), accepted, walk


def polymer_pivot_cases(rng):
    return [(20, 40), (3, 5, 1), (1, 2), (6, 0)]


@dataclass(order=True)
class Event:
    time: float
    kind: str
    site: int


def kinetic_hopping(rates, n_sites, n_particles, t_max, seed=2):
    """Exclusion process with an event heap, rejected hops retried; occupancy integrated in time."""
    rng = np.random.default_rng(seed)
    occupied = np.zeros(n_sites, dtype=bool)
    occupied[:n_particles] = True
    heap = []
    for s in range(n_particles):
        heapq.heappush(heap, Event(rng.exponential(1 / rates["hop"]), "hop", s))
    current, now, blocked = 0, 0.0, 0
    dwell = np.zeros(n_sites)
    while heap:
        ev = heapq.heappop(heap)
        if ev.time > t_max:
            break
        dwell[occupied] += ev.time - now
        now = ev.time
        target = (ev.site + (1 if rng.random() < rates.get("bias", 0.5) else -1)) % n_sites
        if occupied[target]:
            blocked += 1
            target = ev.site
        else:
            occupied[ev.site], occupied[target] = False, True
            if {ev.site, target} == {0, n_sites - 1}:
                current += 1 if target == 0 else -1
        heapq.heappush(heap, Event(now + rng.exponential(1 / rates["hop"]), "hop", target))
    dwell[occupied] += t_max - now
    return dwell / t_max, current, blocked


def kinetic_hopping_cases(rng):
    return [({"hop": 1.0, "bias": 0.8}, 10, 4, 12.0), ({"hop": 2.0}, 3, 3, 2.0), ({"hop": 1.0}, 4, 0, 1.0)]


def wang_landau_dice(n_dice, sides=6, flatness=0.8, f_min=1e-2, seed=6):
    rng = np.random.default_rng(seed)
    dice = rng.integers(1, sides + 1, n_dice)
    lng, hist = defaultdict(float), defaultdict(int)
    f, stages = 1.0, 0
    total = int(dice.sum())
    n_totals = n_dice * (sides - 1) + 1
    while f > f_min:
        for _ in range(200):
            k = rng.integers(n_dice)
            new = int(rng.integers(1, sides + 1))
            t2 = total - int(dice[k]) + new
            if lng[t2] <= lng[total] or rng.random() < math.exp(lng[total] - lng[t2]):
                dice[k] = new
                total = t2
            lng[total] += f
            hist[total] += 1
        if len(hist) == n_totals and min(hist.values()) > flatness * sum(hist.values()) / len(hist):
            f /= 2
            hist.clear()
            stages += 1
        if stages > 12:
            break
    low = min(lng.values())
    return {k: round(lng[k] - low, 6) for k in sorted(lng)}, stages


def wang_landau_dice_cases(rng):
    return [(2, 4), (1, 3, 0.5), (1, 2, 0.9, 0.1)]


# what is left -----------------------------------------------------------------------------------------------------------
def spline_periodogram_report(series, names, window=5, verbose=True):
    report = {}
    for name, y in zip(names, series):
        y = np.asarray(y, dtype=float)
        if y.size < window:
            if verbose:
                print(f"{name}: skipped ({y.size} points)")
            report[name] = None
            continue
        smooth = np.convolve(y, np.ones(window) / window, mode="same")
        spec = np.abs(np.fft.rfft(y - smooth)) ** 2
        peak = int(spec[1:].argmax()) + 1
        report[name] = {"peak": peak, "power": spec[peak] / spec.sum(), "trend": np.polyfit(np.arange(y.size), y, 1)}
        if verbose:
            print(f"{name:>6s}: peak {peak:3d}  power {report[name]['power']:.3f}")
    return report


def spline_periodogram_report_cases(rng):
    return [
        ([np.sin(np.arange(40)) + rng.normal(0, 0.1, 40), rng.normal(size=3)], ["star", "short"]),
        ([list(range(6)), (1, 5, 2, 8, 3, 9, 4)], ["ramp", "saw"], 3, False),
        ([], []),
    ]


class Welford:
    def __init__(self):
        self.n, self.mean, self.m2 = 0, 0.0, 0.0

    def push(self, x):
        self.n += 1
        d = x - self.mean
        self.mean += d / self.n
        self.m2 += d * (x - self.mean)

    def merge(self, other):
        out = Welford()
        out.n = self.n + other.n
        if out.n == 0:
            return out
        d = other.mean - self.mean
        out.mean = self.mean + d * other.n / out.n
        out.m2 = self.m2 + other.m2 + d**2 * self.n * other.n / out.n
        return out

    @property
    def var(self):
        return self.m2 / (self.n - 1) if self.n > 1 else float("nan")


def grouped_welford(values, groups):
    stats = {}
    for v, g in zip(values, groups):
        if g not in stats:
            stats[g] = Welford()
        stats[g].push(v)
    whole = Welford()
    for g in sorted(stats):
        whole = whole.merge(stats[g])
    return {g: (s.n, s.mean, s.var) for g, s in sorted(stats.items())}, whole.mean, whole.var


def grouped_welford_cases(rng):
    return [
        (rng.normal(size=50), rng.integers(0, 4, 50)),
        ([1.5, 2.5, 4.0], ["a", "b", "a"]),
        (np.array([]), np.array([], int)),
    ]


CASES = {
    brandes_betweenness: brandes_betweenness_cases,
    segment_by_mincut: segment_by_mincut_cases,
    tarjan_topological: tarjan_topological_cases,
    steiner_heuristic: steiner_heuristic_cases,
    xy_vortices: xy_vortices_cases,
    slab_photons: slab_photons_cases,
    polymer_pivot: polymer_pivot_cases,
    kinetic_hopping: kinetic_hopping_cases,
    wang_landau_dice: wang_landau_dice_cases,
    spline_periodogram_report: spline_periodogram_report_cases,
    grouped_welford: grouped_welford_cases,
}
