"""Roots and minima, automata, neighbours, boards, rivers and reactions, from drawers of old programs."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from dataclasses import dataclass

import numpy as np


# roots and minima -------------------------------------------------------------------------------------------------------
class NoConvergence(Exception):
    def __init__(self, message, last):
        super().__init__(message)
        self.last = last


class RootFinder:
    """Illinois' regula falsi that remembers its iterates."""

    def __init__(self, f, tol=1e-10, maxiter=60):
        self.f, self.tol, self.maxiter = f, tol, maxiter
        self.history = []
        self.calls = 0

    def __call__(self, a, b):
        fa, fb = self.eval(a), self.eval(b)
        if fa * fb > 0:
            raise ValueError(f"f({a}) and f({b}) have the same sign")
        side = 0
        for _ in range(self.maxiter):
            c = (fa * b - fb * a) / (fa - fb)
            fc = self.eval(c)
            self.history.append(c)
            if abs(fc) < self.tol:
                return c
            if fc * fb > 0:
                b, fb = c, fc
                if side == -1:
                    fa /= 2
                side = -1
            else:
                a, fa = c, fc
                if side == 1:
                    fb /= 2
                side = 1
        raise NoConvergence(f"no root within {self.maxiter} steps", c)

    def eval(self, x):
        self.calls += 1
        return self.f(x)


def cubic_eos_roots(temperatures, pressure, a=0.42, b=0.03):
    """Volumes of a van der Waals fluid over temperatures; NaN where nothing was found."""
    volumes, calls = [], 0
    for T in temperatures:
        finder = RootFinder(lambda v, T=T: (pressure + a / v**2) * (v - b) - 0.0831 * T)
        try:
            volumes.append(finder(1.01 * b, 100.0))
        except (ValueError, NoConvergence) as e:
            print("failed:", e)
            volumes.append(float("nan"))
        calls += finder.calls
    return np.array(volumes), calls


class Swarm:
    """Particle swarm with the personal bests kept in arrays."""

    def __init__(self, lower, upper, n, seed):
        self.rng = np.random.default_rng(seed)
        self.lower, self.upper = np.asarray(lower, float), np.asarray(upper, float)
        self.x = self.rng.uniform(self.lower, self.upper, (n, len(self.lower)))
        self.v = np.zeros_like(self.x)
        self.best_x = self.x.copy()
        self.best_f = np.full(n, np.inf)
        self.history = []

    def step(self, f, w=0.7, c1=1.4, c2=1.4):
        for k in range(len(self.x)):
            value = f(self.x[k])
            if value < self.best_f[k]:
                self.best_f[k] = value
                self.best_x[k] = self.x[k]
        g = self.best_x[np.argmin(self.best_f)]
        r1, r2 = self.rng.random(self.x.shape), self.rng.random(self.x.shape)
        self.v = w * self.v + c1 * r1 * (self.best_x - self.x) + c2 * r2 * (g - self.x)
        self.x = np.clip(self.x + self.v, self.lower, self.upper)
        self.history.append(self.best_f.min())


def swarm_himmelblau(n=12, steps=30, seed=1):
    def f(p):
        return (p[0] ** 2 + p[1] - 11) ** 2 + (p[0] + p[1] ** 2 - 7) ** 2

    swarm = Swarm([-5, -5], [5, 5], n, seed)
    for k in range(steps):
        swarm.step(f)
        if swarm.history[-1] < 1e-8:
            break
    return swarm.best_x[swarm.best_f.argmin()], swarm.history


def coordinate_lasso(X, y, lam=0.1, max_sweeps=100, tol=1e-8, *, return_path=False):
    """Coordinate descent with the residual kept up to date."""
    n, p = X.shape
    w = np.zeros(p)
    r = y.astype(float).copy()
    col = (X**2).sum(axis=0)
    path = []
    for sweep in range(max_sweeps):
        biggest = 0.0
        for j in range(p):
            if col[j] == 0:
                continue
            old = w[j]
            rho = X[:, j] @ r + col[j] * old
            w[j] = np.sign(rho) * max(abs(rho) - lam * n, 0) / col[j]
            if w[j] != old:
                r -= (w[j] - old) * X[:, j]
                biggest = max(biggest, abs(w[j] - old))
        path.append(w.copy())
        if biggest < tol:
            break
    if return_path:
        return w, np.array(path)
    return w


def levenberg_decay(t, y, p0, lam=1e-2, steps=40):
    """Fits a exp(-b t) + c by Levenberg and Marquardt; the history of costs."""
    p = np.array(p0, dtype=float)
    model = lambda p: p[0] * np.exp(-p[1] * t) + p[2]
    r = y - model(p)
    costs = [float(r @ r)]
    for _ in range(steps):
        J = np.stack([np.exp(-p[1] * t), -p[0] * t * np.exp(-p[1] * t), np.ones_like(t)], axis=1)
        A = J.T @ J
        try:
            dp = np.linalg.solve(A + lam * np.diag(np.diag(A)), J.T @ r)
        except np.linalg.LinAlgError:
            lam *= 10
            continue
        trial = y - model(p + dp)
        if trial @ trial < costs[-1]:
            p, r, lam = p + dp, trial, lam / 3
            costs.append(float(r @ r))
            if np.linalg.norm(dp) < 1e-9 * (1 + np.linalg.norm(p)):
                break
        else:
            lam *= 4
            if lam > 1e12:
                break
    return p, costs


# automata, neighbours, boards -------------------------------------------------------------------------------------------
def wireworld_heads(grid, steps):
    """0 empty, 1 head, 2 tail, 3 wire; how many heads at every step."""
    grid = grid.copy()
    heads = []
    for _ in range(steps):
        p = np.pad(grid == 1, 1).astype(int)
        near = sum(p[1 + dy : p.shape[0] - 1 + dy, 1 + dx : p.shape[1] - 1 + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1))
        new = grid.copy()
        new[grid == 1] = 2
        new[grid == 2] = 3
        new[(grid == 3) & ((near == 1) | (near == 2))] = 1
        grid = new
        heads.append(int((grid == 1).sum()))
    return grid, heads


def langtons_ants(n, ants, steps):
    """Several ants with turns by a rule string; the cells each visited."""
    board = np.zeros((n, n), dtype=np.int8)
    rule = "RLR"
    moves = [(-1, 0), (0, 1), (1, 0), (0, -1)]
    ants = [list(a) for a in ants]
    visited = [set() for _ in ants]
    for _ in range(steps):
        for k, ant in enumerate(ants):
            r, c, d = ant
            colour = board[r, c]
            d = (d + (1 if rule[colour] == "R" else -1)) % 4
            board[r, c] = (colour + 1) % len(rule)
            visited[k].add((r, c))
            ant[:] = [(r + moves[d][0]) % n, (c + moves[d][1]) % n, d]
    return board, ants, [len(v) for v in visited]


def nagel_schreckenberg(length, cars, steps, vmax=5, p=0.3, seed=0):
    """Cars on a ring as sorted positions; flow and the positions at the end."""
    if cars > length:
        raise ValueError("more cars than cells")
    rng = np.random.default_rng(seed)
    pos = np.sort(rng.choice(length, cars, replace=False))
    vel = np.zeros(cars, dtype=int)
    flow = np.zeros(steps)
    for t in range(steps):
        gap = (np.roll(pos, -1) - pos - 1) % length
        vel = np.minimum(np.minimum(vel + 1, vmax), gap)
        slow = rng.random(cars) < p
        vel[slow] = np.maximum(vel[slow] - 1, 0)
        pos = (pos + vel) % length
        flow[t] = vel.sum() / length
    return flow, pos


def periodic_cell_pairs(pos, box, cutoff):
    """Pairs closer than a cutoff in a periodic box by a dict of cells."""
    n = max(int(box // cutoff), 1)
    size = box / n
    cells = defaultdict(list)
    for i, p in enumerate(pos):
        cells[tuple((p // size).astype(int) % n)].append(i)
    pairs = set()
    for (cx, cy), members in cells.items():
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                for j in cells.get(((cx + dx) % n, (cy + dy) % n), ()):
                    for i in members:
                        if i < j:
                            d = pos[i] - pos[j]
                            d -= box * np.round(d / box)
                            if d @ d < cutoff**2:
                                pairs.add((i, j))
    return sorted(pairs)


def linked_cell_density(pos, h):
    """Heads and links of cells in arrays; the number of neighbours of each particle and the kernel's sum."""
    lo = pos.min(axis=0)
    cell = ((pos - lo) / h).astype(np.int64)
    nx, ny = cell.max(axis=0) + 1
    head = -np.ones((nx, ny), dtype=np.int64)
    link = -np.ones(len(pos), dtype=np.int64)
    for i, (cx, cy) in enumerate(cell):
        link[i] = head[cx, cy]
        head[cx, cy] = i
    rho = np.zeros(len(pos))
    count = np.zeros(len(pos), dtype=int)
    for i in range(len(pos)):
        cx, cy = cell[i]
        for x in range(max(cx - 1, 0), min(cx + 2, nx)):
            for y in range(max(cy - 1, 0), min(cy + 2, ny)):
                j = head[x, y]
                while j != -1:
                    q = math.sqrt((pos[i, 0] - pos[j, 0]) ** 2 + (pos[i, 1] - pos[j, 1]) ** 2) / h
                    if q < 1:
                        rho[i] += (1 - q * q) ** 3
                        count[i] += 1
                    j = link[j]
    return rho, count


def connect_four(moves, depth=3):
    """Plays given moves, then looks for the best reply by alpha-beta."""
    board = np.zeros((6, 7), dtype=int)
    heights = [0] * 7

    def drop(col, who):
        board[heights[col], col] = who
        heights[col] += 1

    def undo(col):
        heights[col] -= 1
        board[heights[col], col] = 0

    def wins(col):
        r = heights[col] - 1
        who = board[r, col]
        for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
            run = 1
            for s in (1, -1):
                y, x = r + s * dr, col + s * dc
                while 0 <= y < 6 and 0 <= x < 7 and board[y, x] == who:
                    run += 1
                    y, x = y + s * dr, x + s * dc
            if run >= 4:
                return True
        return False

    def search(who, depth, alpha, beta):
        best = None
        for col in (3, 2, 4, 1, 5, 0, 6):
            if heights[col] == 6:
                continue
            drop(col, who)
            if wins(col):
                value = 100 + depth
            elif depth == 0:
                value = int((board[:, 3] == who).sum() - (board[:, 3] == -who).sum())
            else:
                value = -search(-who, depth - 1, -beta, -alpha)[0]
            undo(col)
            if best is None or value > best[0]:
                best = (value, col)
            alpha = max(alpha, value)
            if alpha >= beta:
                break
        return best or (0, None)

    who = 1
    for col in moves:
        if heights[col] >= 6:
            raise ValueError(f"column {col} is full")
        drop(col, who)
        if wins(col):
            return who, None, board
        who = -who
    value, col = search(who, depth, -1000, 1000)
    return value, col, board


def knights_reach(n, start, blocked=()):
    """Distances of a knight by breadth first search over a dict; -1 where it cannot go."""
    jumps = [(a, b) for a in (-2, -1, 1, 2) for b in (-2, -1, 1, 2) if abs(a) != abs(b)]
    dist = {start: 0}
    queue = deque([start])
    while queue:
        r, c = queue.popleft()
        for dr, dc in jumps:
            to = (r + dr, c + dc)
            if 0 <= to[0] < n and 0 <= to[1] < n and to not in dist and to not in blocked:
                dist[to] = dist[r, c] + 1
                queue.append(to)
    table = np.full((n, n), -1)
    for (r, c), d in dist.items():
        table[r, c] = d
    return table, max(dist.values())


def lights_out(board):
    """Chases the lights row by row for every first row; the fewest presses, or None."""
    n, m = board.shape
    best = None
    for first in range(2**m):
        b = board.copy()
        presses = np.zeros_like(b)
        for r in range(n):
            for c in range(m):
                push = (first >> c) & 1 if r == 0 else b[r - 1, c]
                if push:
                    presses[r, c] = 1
                    for y, x in ((r, c), (r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                        if 0 <= y < n and 0 <= x < m:
                            b[y, x] ^= 1
        if not b[-1].any() and (best is None or presses.sum() < best.sum()):
            best = presses
    return best


# rivers and reactions ---------------------------------------------------------------------------------------------------
def muskingum_reaches(inflow, reaches, dt=1.0, substeps=1):
    """Routes a hydrograph through reaches given as dicts of K and x; raises where it is unstable."""
    flow = np.asarray(inflow, dtype=float)
    peaks = []
    for number, reach in enumerate(reaches):
        K, x = reach["K"], reach.get("x", 0.2)
        h = dt / substeps
        if not 2 * K * x <= h <= 2 * K * (1 - x):
            raise ValueError(f"reach {number}: dt={h} outside [{2 * K * x:.2f}, {2 * K * (1 - x):.2f}]")
        denominator = 2 * K * (1 - x) + h
        c0, c1, c2 = (h - 2 * K * x) / denominator, (h + 2 * K * x) / denominator, (2 * K * (1 - x) - h) / denominator
        out = np.zeros_like(flow)
        if len(flow):
            out[0] = flow[0]
        for t in range(1, len(flow)):
            out[t] = c0 * flow[t] + c1 * flow[t - 1] + c2 * out[t - 1]
        flow = out
        peaks.append((int(flow.argmax()), float(flow.max())) if len(flow) else None)
    return flow, peaks


@dataclass
class Bucket:
    capacity: float
    storage: float = 0.0
    k: float = 0.1

    def update(self, rain, pet):
        self.storage += rain
        et = min(pet * self.storage / self.capacity, self.storage)
        self.storage -= et
        spill = max(self.storage - self.capacity, 0.0)
        self.storage -= spill
        base = self.k * self.storage
        self.storage -= base
        return spill + base, et


def bucket_catchment(rain, pet, capacities, areas):
    """Soil buckets of several land uses; discharge, evaporation and the balance's error."""
    buckets = [Bucket(c) for c in capacities]
    q = np.zeros(len(rain))
    evaporated = 0.0
    for t in range(len(rain)):
        for area, b in zip(areas, buckets):
            run_off, et = b.update(rain[t], pet[t])
            q[t] += area * run_off
            evaporated += area * et
    stored = sum(a * b.storage for a, b in zip(areas, buckets))
    return q, evaporated, abs(sum(areas) * rain.sum() - q.sum() - evaporated - stored) < 1e-6


def mass_action(species, reactions, t_end, dt=0.01, tol=1e-6):
    """Mass action from {name: amount} and (reactants, products, rate) by adaptive Heun steps."""
    names = list(species)
    index = {s: k for k, s in enumerate(names)}
    c = np.array([species[s] for s in names], dtype=float)
    stoich = np.zeros((len(names), len(reactions)))
    for j, (left, right, _) in enumerate(reactions):
        for s in left:
            stoich[index[s], j] -= 1
        for s in right:
            stoich[index[s], j] += 1

    def rhs(c):
        rates = []
        for left, _, k in reactions:
            v = k
            for s in left:
                v *= c[index[s]]
            rates.append(v)
        return stoich @ np.array(rates)

    t, rejected, times = 0.0, 0, [0.0]
    while t < t_end:
        dt = min(dt, t_end - t)
        k1 = rhs(c)
        k2 = rhs(c + dt * k1)
        err = np.abs(dt * (k2 - k1) / 2).max()
        if err <= tol or dt < 1e-8:
            t += dt
            c = c + dt * (k1 + k2) / 2
            times.append(t)
        else:
            rejected += 1
        dt *= min(2.0, max(0.3, 0.9 * (tol / err) ** 0.5)) if err > 0 else 2.0
    return dict(zip(names, c.tolist())), len(times), rejected


def titration_curve(pKa, c_acid, volumes, c_base=0.1, v_acid=25.0):
    """pH of a polyprotic acid while base is added, by bisection of the charge balance."""
    Ka = [10.0**-p for p in pKa]
    curve = []
    for v in volumes:
        ca = c_acid * v_acid / (v_acid + v)
        cb = c_base * v / (v_acid + v)
        lo, hi = 0.0, 14.0
        while hi - lo > 1e-9:
            mid = 0.5 * (lo + hi)
            h = 10.0**-mid
            terms = [1.0]
            for k in Ka:
                terms.append(terms[-1] * k / h)
            bound = ca * sum(n * x for n, x in enumerate(terms)) / sum(terms)
            if h + cb - 1e-14 / h - bound > 0:
                lo = mid
            else:
                hi = mid
        curve.append(lo)
    curve = np.array(curve)
    slopes = np.gradient(curve, volumes) if len(curve) > 1 else np.zeros_like(curve)
    return curve, float(volumes[slopes.argmax()]) if len(curve) else None


_BRUSSELATOR = [
    (["A"], ["X"], 1.0),
    (["X", "X", "Y"], ["X", "X", "X"], 1.0),
    (["B", "X"], ["Y", "D"], 1.0),
    (["X"], ["E"], 1.0),
]


CASES = {
    cubic_eos_roots: lambda g: [(np.linspace(200, 400, 12), 10.0), ([300], 1.0), (np.array([0.0, 300.0]), 50.0), ([], 1.0)],
    swarm_himmelblau: lambda g: [(), (5, 60, 3), (1, 1)],
    coordinate_lasso: lambda g: [
        (g.normal(size=(40, 6)), g.normal(size=40)),
        (np.c_[g.random((10, 2)), np.zeros(10)].astype(np.float32), g.random(10).astype(np.float32), 0.01),
        (g.integers(-3, 4, (8, 3)), g.integers(0, 5, 8), 0.05, 3),
    ],
    levenberg_decay: lambda g: [
        (np.linspace(0, 5, 40), 3 * np.exp(-1.3 * np.linspace(0, 5, 40)) + 0.5 + 0.01 * g.normal(size=40), (1, 1, 0)),
        (np.linspace(0, 5, 5), np.ones(5), [1.0, 0.5, 0.0], 1.0, 5),
        (np.zeros(3), np.ones(3), (0.0, 1.0, 0.0), 0.0),
    ],
    wireworld_heads: lambda g: [
        (g.choice(4, (16, 18), p=[0.3, 0.1, 0.1, 0.5]), 12),
        (np.array([[1]]), 3),
        (np.zeros((0, 2), int), 1),
    ],
    langtons_ants: lambda g: [(20, [(5, 5, 0), (12, 9, 2)], 300), (3, [(0, 0, 1)], 10), (4, [], 5)],
    nagel_schreckenberg: lambda g: [(100, 30, 60), (10, 10, 5, 2, 0.0, 4), (5, 0, 3), (3, 4, 1)],
    periodic_cell_pairs: lambda g: [
        (g.uniform(0, 10, (60, 2)), 10.0, 1.3),
        (g.uniform(0, 3, (7, 2)), 3.0, 1.5),
        (np.zeros((0, 2)), 1.0, 0.5),
    ],
    linked_cell_density: lambda g: [
        (g.random((80, 2)), 0.2),
        (g.random((5, 2)).astype(np.float32), 1.0),
        (np.zeros((1, 2)), 0.1),
    ],
    connect_four: lambda g: [([3, 3, 2, 4],), ([0, 1, 0, 1, 0, 1, 0],), ([2] * 7,)],
    knights_reach: lambda g: [(8, (0, 0)), (5, (2, 2), {(0, 1), (1, 0)}), (1, (0, 0))],
    lights_out: lambda g: [(g.integers(0, 2, (4, 4)),), (np.ones((2, 3), np.int8),), (np.zeros((1, 1), int),)],
    muskingum_reaches: lambda g: [
        (10 + 50 * np.exp(-(((np.arange(60) - 15) / 6.0) ** 2)), [{"K": 2.0, "x": 0.1}, {"K": 1.5}]),
        ([1, 5, 2], [{"K": 0.8}], 1.0, 2),
        ([1, 5, 2], [{"K": 3.0, "x": 0.4}]),
        ([], [{"K": 1.0}]),
    ],
    bucket_catchment: lambda g: [
        (g.exponential(3.0, 200) * (g.random(200) < 0.3), np.full(200, 2.0), [80.0, 150.0, 30.0], [1.0, 2.5, 0.5]),
        (g.random(5).astype(np.float32), np.zeros(5, np.float32), (1.0,), (1,)),
        (np.zeros(0), np.zeros(0), [], []),
    ],
    mass_action: lambda g: [
        ({"A": 1.0, "B": 3.0, "X": 1.0, "Y": 1.0, "D": 0.0, "E": 0.0}, _BRUSSELATOR, 2.0),
        ({"N": 100, "M": 0}, [(["N"], ["M"], 0.7)], 1.0, 0.1, 1e-3),
        ({"N": 1.0}, [], 0.5),
    ],
    titration_curve: lambda g: [
        ([2.15, 7.2, 12.35], 0.1, np.linspace(0, 80, 33)),
        ([4.76], 0.05, [0.0, 5.0]),
        ([4.76], 0.1, []),
    ],
}
