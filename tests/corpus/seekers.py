"""Optimisers and tables of decisions: whole routines with options, bounds, restarts, tracebacks and reports."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np


def quasi_newton(problem, x0, *, gtol=1e-6, max_iter=100, c1=1e-4, c2=0.9, verbose=0):
    """BFGS with a line search for the strong Wolfe conditions, as in Nocedal and Wright."""
    evaluations = {"f": 0, "g": 0}

    def beale(x):
        return (1.5 - x[0] + x[0] * x[1]) ** 2 + (2.25 - x[0] + x[0] * x[1] ** 2) ** 2

    def beale_gradient(x):
        a, b = 1.5 - x[0] + x[0] * x[1], 2.25 - x[0] + x[0] * x[1] ** 2
        return np.array([2 * a * (x[1] - 1) + 2 * b * (x[1] ** 2 - 1), 2 * a * x[0] + 4 * b * x[0] * x[1]])

    def quartic(x):
        return np.sum((x - 1.0) ** 4 + 0.5 * x**2)

    def quartic_gradient(x):
        return 4 * (x - 1.0) ** 3 + x

    function, gradient = {"beale": (beale, beale_gradient), "quartic": (quartic, quartic_gradient)}[problem]

    def fun(x):
        evaluations["f"] += 1
        return function(x)

    def grad(x):
        evaluations["g"] += 1
        return gradient(x)

    def line_search(x, p, f0, g0):
        d0 = g0 @ p
        low, high, alpha = 0.0, math.inf, 1.0
        for _ in range(30):
            f = fun(x + alpha * p)
            if f > f0 + c1 * alpha * d0:
                high = alpha
            else:
                d = grad(x + alpha * p) @ p
                if d < c2 * d0:
                    low = alpha
                elif d > -c2 * d0:
                    high = alpha
                else:
                    return alpha
            alpha = 2 * alpha if high == math.inf else 0.5 * (low + high)
        return alpha

    x = np.asarray(x0, dtype=float)
    n = len(x)
    h = np.eye(n)
    f, g = fun(x), grad(x)
    message = "maximum number of iterations"
    for k in range(max_iter):
        if np.linalg.norm(g, np.inf) < gtol:
            message = "converged"
            break
        p = -h @ g
        if p @ g >= 0:
            h = np.eye(n)
            p = -g
        alpha = line_search(x, p, f, g)
        s = alpha * p
        x_new = x + s
        g_new = grad(x_new)
        y = g_new - g
        sy = s @ y
        if sy > 1e-10:
            rho = 1.0 / sy
            left = np.eye(n) - rho * np.outer(s, y)
            h = left @ h @ left.T + rho * np.outer(s, s)
        x, g, f = x_new, g_new, fun(x_new)
        if verbose and k % verbose == 0:
            print(f"{k:4d}  f = {f:.6e}  |g| = {np.abs(g).max():.3e}")
    return {"x": x, "fun": f, "jac": g, "nfev": evaluations["f"], "njev": evaluations["g"], "message": message}


def nelder_mead_bounded(centre, x0, bounds=None, step=0.1, max_iter=200, xatol=1e-6, fatol=1e-6):
    """The downhill simplex with bounds by clipping, sorted with a list of (value, point) pairs."""

    def objective(x):
        return float(np.sum(np.abs(x - centre) ** 1.5) + 0.1 * np.cos(5 * x).sum())

    def clip(x):
        if bounds is None:
            return x
        lower, upper = zip(*bounds)
        return np.minimum(np.maximum(x, lower), upper)

    n = len(x0)
    simplex = [(objective(clip(np.array(x0, float))), clip(np.array(x0, float)))]
    for i in range(n):
        x = np.array(x0, float)
        x[i] += step if x[i] == 0 else step * x[i]
        x = clip(x)
        simplex.append((objective(x), x))
    nit = 0
    counts = defaultdict(int)
    while nit < max_iter:
        simplex.sort(key=lambda pair: pair[0])
        best, worst, second = simplex[0], simplex[-1], simplex[-2]
        spread = max(np.max(np.abs(x - best[1])) for _, x in simplex[1:])
        if spread <= xatol and abs(worst[0] - best[0]) <= fatol:
            break
        nit += 1
        centroid = np.mean([x for _, x in simplex[:-1]], axis=0)
        xr = clip(centroid + (centroid - worst[1]))
        fr = objective(xr)
        if fr < best[0]:
            xe = clip(centroid + 2 * (centroid - worst[1]))
            fe = objective(xe)
            counts["expand"] += fe < fr
            simplex[-1] = (fe, xe) if fe < fr else (fr, xr)
        elif fr < second[0]:
            counts["reflect"] += 1
            simplex[-1] = (fr, xr)
        else:
            xc = clip(centroid + (0.5 if fr < worst[0] else -0.5) * (centroid - worst[1]))
            fc = objective(xc)
            if fc < min(fr, worst[0]):
                counts["contract"] += 1
                simplex[-1] = (fc, xc)
            else:
                counts["shrink"] += 1
                for i in range(1, n + 1):
                    x = best[1] + 0.5 * (simplex[i][1] - best[1])
                    simplex[i] = (objective(x), x)
    return simplex[0][1], simplex[0][0], nit, dict(counts)


def interior_point_qp(q, c, a, b, max_iter=30, tol=1e-8, sigma=0.1):
    """Minimise x'Qx/2 + c'x under Ax <= b with a primal-dual interior point method; returns x, multipliers and a log."""
    m, n = a.shape
    if b.shape != (m,):
        raise ValueError(f"b has shape {b.shape}, expected {(m,)}")
    x = np.zeros(n)
    s = np.maximum(b - a @ x, 1.0)
    z = np.ones(m)
    log = []
    for it in range(max_iter):
        mu = s @ z / m
        rd = q @ x + c + a.T @ z
        rp = a @ x + s - b
        log.append((it, mu, np.linalg.norm(rd), np.linalg.norm(rp)))
        if max(mu, *log[-1][2:]) < tol:
            break
        kkt = np.block(
            [[q, a.T, np.zeros((n, m))], [a, np.zeros((m, m)), np.eye(m)], [np.zeros((m, n)), np.diag(s), np.diag(z)]]
        )
        rhs = -np.concatenate([rd, rp, s * z - sigma * mu])
        step = np.linalg.solve(kkt, rhs)
        dx, dz, ds = step[:n], step[n : n + m], step[n + m :]
        alpha = 1.0
        for i in range(m):
            if ds[i] < 0:
                alpha = min(alpha, -0.95 * s[i] / ds[i])
            if dz[i] < 0:
                alpha = min(alpha, -0.95 * z[i] / dz[i])
        x += alpha * dx
        z += alpha * dz
        s += alpha * ds
    active = [i for i in range(m) if z[i] > s[i]]
    return x, z, np.array(log), active


def two_phase_simplex(c, a_ub, b_ub, maximise=True, bland=True):
    """The tableau method with artificial variables where a right-hand side is negative."""
    a = np.array(a_ub, dtype=float)
    b = np.array(b_ub, dtype=float)
    m, n = a.shape
    flip = b < 0
    a[flip] *= -1
    b[flip] *= -1
    slack = np.diag(np.where(flip, -1.0, 1.0))
    artificial = np.eye(m)[:, flip]
    k = artificial.shape[1]
    tableau = np.hstack([a, slack, artificial, b[:, None]])
    basis = []
    extra = iter(range(n + m, n + m + k))
    for i in range(m):
        basis.append(next(extra) if flip[i] else n + i)

    def run(cost):
        reduced = np.append(cost, 0.0)
        for i, j in enumerate(basis):
            reduced = reduced - reduced[j] * tableau[i]
        while True:
            candidates = np.where(reduced[:-1] < -1e-9)[0]
            if candidates.size == 0:
                return "optimal", -reduced[-1]
            j = candidates[0] if bland else candidates[np.argmin(reduced[candidates])]
            ratios = [(tableau[i, -1] / tableau[i, j], basis[i], i) for i in range(m) if tableau[i, j] > 1e-9]
            if not ratios:
                return "unbounded", -np.inf
            _, _, i = min(ratios)
            tableau[i] /= tableau[i, j]
            for r in range(m):
                if r != i:
                    tableau[r] -= tableau[r, j] * tableau[i]
            reduced -= reduced[j] * tableau[i]
            basis[i] = int(j)

    if k:
        phase_one = np.concatenate([np.zeros(n + m), np.ones(k)])
        _, infeasible = run(phase_one)
        if infeasible > 1e-9:
            return "infeasible", None, None
        tableau[:, n + m : n + m + k] = 0
    cost = np.zeros(n + m + k)
    cost[:n] = -np.asarray(c, float) if maximise else np.asarray(c, float)
    status, value = run(cost)
    x = np.zeros(n)
    for i, j in enumerate(basis):
        if j < n:
            x[j] = tableau[i, -1]
    return status, x, -value if maximise else value


class Annealer:
    def __init__(self, distances, rng, t_max=2.0, t_min=0.01):
        self.d = distances
        self.rng = rng
        self.t_max, self.t_min = t_max, t_min
        self.state = list(range(len(distances)))
        self.best, self.best_energy = None, None
        self.accepted = 0

    def energy(self, state=None):
        state = self.state if state is None else state
        return sum(self.d[state[i - 1]][state[i]] for i in range(len(state)))

    def move(self):
        i, j = sorted(self.rng.choice(len(self.state), 2, replace=False))
        candidate = self.state[:i] + self.state[i : j + 1][::-1] + self.state[j + 1 :]
        return candidate

    def anneal(self, steps):
        e = self.energy()
        self.best, self.best_energy = self.state[:], e
        factor = -math.log(self.t_max / self.t_min)
        for k in range(steps):
            t = self.t_max * math.exp(factor * k / steps)
            candidate = self.move()
            new = self.energy(candidate)
            if new < e or math.exp((e - new) / t) > self.rng.random():
                self.state, e = candidate, new
                self.accepted += 1
                if e < self.best_energy:
                    self.best, self.best_energy = candidate[:], e
        return self.best, self.best_energy


def anneal_tour(points, steps, seed, **schedule):
    """The round trip through points by two-opt moves, annealed."""
    d = np.sqrt(((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=-1))
    annealer = Annealer(d, np.random.default_rng(seed), **schedule)
    tour, length = annealer.anneal(steps)
    start = tour.index(0)
    return tour[start:] + tour[:start], length, annealer.accepted / max(steps, 1)


def genetic_schedule(durations, machines, population, generations, seed, elite=2, mutation=0.2):
    """Jobs on machines: tournament selection, uniform crossover, mutation; the best makespan of each generation is kept."""
    rng = np.random.RandomState(seed)
    jobs = len(durations)
    pool = rng.randint(0, machines, (population, jobs))
    history = []

    def makespan(genes):
        load = np.zeros(machines, dtype=durations.dtype)
        np.add.at(load, genes, durations)
        return load.max()

    for g in range(generations):
        fitness = np.array([makespan(ind) for ind in pool])
        order = np.argsort(fitness, kind="stable")
        pool, fitness = pool[order], fitness[order]
        history.append(fitness[0])
        if g > 5 and len(set(history[-5:])) == 1 and history[-1] == durations.sum() / machines:
            break
        children = [pool[i].copy() for i in range(elite)]
        while len(children) < population:
            a, b = rng.randint(0, population, 2), rng.randint(0, population, 2)
            mother, father = pool[a.min()], pool[b.min()]
            mask = rng.rand(jobs) < 0.5
            child = np.where(mask, mother, father)
            for j in range(jobs):
                if rng.rand() < mutation / jobs * 2:
                    child[j] = rng.randint(machines)
            children.append(child)
        pool = np.array(children)
    return pool[0], history


def knapsack_bounded(weights, values, counts, capacity):
    """Binary splitting of bounded items, a table of choices, and the items in the order of the table."""
    pieces = []
    for i, (w, v, c) in enumerate(zip(weights, values, counts)):
        k = 1
        while c > 0:
            take = min(k, c)
            pieces.append((i, take, w * take, v * take))
            c -= take
            k *= 2
    best = [[0] * (capacity + 1) for _ in range(len(pieces) + 1)]
    for r, (_, _, w, v) in enumerate(pieces, 1):
        for cap in range(capacity + 1):
            best[r][cap] = best[r - 1][cap]
            if w <= cap and best[r - 1][cap - w] + v > best[r][cap]:
                best[r][cap] = best[r - 1][cap - w] + v
    chosen = {}
    cap = capacity
    for r in range(len(pieces), 0, -1):
        if best[r][cap] != best[r - 1][cap]:
            i, take, w, _ = pieces[r - 1]
            chosen[i] = chosen.get(i, 0) + take
            cap -= w
    return best[-1][capacity], sorted(chosen.items()), capacity - cap


def affine_alignment(s, t, match=2, mismatch=-1, gap_open=-3, gap_extend=-1, local=False):
    """Gotoh's three tables with a traceback into two strings and a line of marks."""
    n, m = len(s), len(t)
    neg = -(10**6)
    M = np.full((n + 1, m + 1), neg)
    X = np.full((n + 1, m + 1), neg)
    Y = np.full((n + 1, m + 1), neg)
    M[0, 0] = 0
    for i in range(1, n + 1):
        X[i, 0] = 0 if local else gap_open + (i - 1) * gap_extend
    for j in range(1, m + 1):
        Y[0, j] = 0 if local else gap_open + (j - 1) * gap_extend
    for i, j in itertools.product(range(1, n + 1), range(1, m + 1)):
        score = match if s[i - 1] == t[j - 1] else mismatch
        M[i, j] = score + max(M[i - 1, j - 1], X[i - 1, j - 1], Y[i - 1, j - 1])
        if local:
            M[i, j] = max(M[i, j], 0)
        X[i, j] = max(M[i - 1, j] + gap_open, X[i - 1, j] + gap_extend)
        Y[i, j] = max(M[i, j - 1] + gap_open, Y[i, j - 1] + gap_extend)
    if local:
        i, j = np.unravel_index(np.argmax(M), M.shape)
        table = "M"
    else:
        i, j = n, m
        table = max("MXY", key=lambda name: {"M": M, "X": X, "Y": Y}[name][n, m])
    score = int({"M": M, "X": X, "Y": Y}[table][i, j])
    top, marks, bottom = [], [], []
    while i > 0 or j > 0:
        if table == "M":
            if i == 0 or j == 0 or (local and M[i, j] == 0):
                break
            step = match if s[i - 1] == t[j - 1] else mismatch
            top.append(s[i - 1])
            bottom.append(t[j - 1])
            marks.append("|" if s[i - 1] == t[j - 1] else ".")
            here = M[i, j] - step
            i, j = i - 1, j - 1
            table = "M" if here == M[i, j] else "X" if here == X[i, j] else "Y"
        elif table == "X":
            top.append(s[i - 1])
            bottom.append("-")
            marks.append(" ")
            table = "M" if X[i, j] == M[i - 1, j] + gap_open else "X"
            i -= 1
        else:
            top.append("-")
            bottom.append(t[j - 1])
            marks.append(" ")
            table = "M" if Y[i, j] == M[i, j - 1] + gap_open else "Y"
            j -= 1
    return score, "".join(reversed(top)), "".join(reversed(marks)), "".join(reversed(bottom))


def _qp(rng, n, m):
    g = rng.standard_normal((n, n))
    return g @ g.T + np.eye(n), rng.standard_normal(n), rng.standard_normal((m, n)), rng.uniform(0.5, 2, m)


CASES = {
    quasi_newton: lambda rng: [("beale", [1.0, 1.0]), ("quartic", rng.standard_normal(6)), ("quartic", np.zeros(3, int))],
    nelder_mead_bounded: lambda rng: [
        (np.array([0.3, -0.2]), [1.0, 1.0]),
        (rng.uniform(0, 1, 3), (0.0, 0.5, 0.5), [(0, 1), (0, 0.4), (-1, 1)], 0.2, 60),
        (np.array([2.0]), np.array([0.0]), None, 0.5, 100, 1e-3, 1e-3),
    ],
    interior_point_qp: lambda rng: [
        _qp(rng, 4, 6),
        (*_qp(rng, 2, 3), 10, 1e-5),
        (np.eye(2), np.array([-2, -5]), np.array([[1, 2], [-1, 2], [-1, -2]]), np.array([6, 2, 2])),
        (np.eye(2), np.zeros(2), np.eye(2), np.zeros(3)),
    ],
    two_phase_simplex: lambda rng: [
        ([3, 5], [[1, 0], [0, 2], [3, 2]], [4, 12, 18]),
        (np.array([1.0, 2.0, -1.0]), rng.uniform(0.1, 1, (4, 3)), np.array([4.0, -0.5, 3.0, 5.0]), True, False),
        ([1, 1], [[-1, -1], [1, 0], [0, 1]], [-2, 4, 3], False),
        ([1, 1], [[1, 1], [-1, -1]], [1, -3]),
        ([1, 1], [[-1, 1]], [1]),
    ],
    anneal_tour: lambda rng: [
        (rng.uniform(0, 1, (9, 2)), 60, 3),
        (rng.uniform(0, 5, (6, 3)), 40, 7),
        (rng.uniform(0, 1, (4, 2)), 0, 1),
    ],
    genetic_schedule: lambda rng: [
        (rng.integers(1, 20, 12), 3, 10, 8, 5),
        (rng.uniform(1, 5, 8), 2, 8, 5, 1, 1, 0.5),
        (np.array([2, 2, 2, 2]), 2, 8, 15, 9),
    ],
    knapsack_bounded: lambda rng: [
        ([3, 4, 5], [30, 50, 60], [5, 2, 1], 17),
        (rng.integers(1, 8, 6), rng.integers(1, 30, 6), rng.integers(1, 6, 6), 25),
        ((2, 3), (1.5, 2.5), (10, 10), 13),
    ],
    affine_alignment: lambda rng: [
        ("GATTACAGATT", "GCATGCAGT"),
        ("ACGTACGTTAG", "TTACGTAG", 2, -1, -3, -1, True),
        ("AAAA", "AA", 1, -2, -2, 0),
        ("", "ACG"),
    ],
}
