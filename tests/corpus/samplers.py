"""Samplers, simulations and searches: chains and filters that draw, trees in lists, queues, tables, dates and masks."""

import contextlib
import heapq
import itertools
import math
import warnings
from collections import defaultdict, deque

import numpy as np


def adaptive_metropolis(logp, x0, n, rng, target=0.234):
    d = len(x0)
    x, lp = np.array(x0, float), logp(x0)
    mean, cov, scale = x.copy(), np.eye(d), 2.38**2 / d
    chain = np.empty((n, d))
    accepted = 0
    for t in range(1, n + 1):
        L = np.linalg.cholesky(scale * cov + 1e-8 * np.eye(d))
        prop = x + L @ rng.standard_normal(d)
        lq = logp(prop)
        a = math.exp(min(0.0, lq - lp))
        if rng.random() < a:
            x, lp = prop, lq
            accepted += 1
        gamma = 1 / (t + 1) ** 0.6
        diff = x - mean
        mean = mean + gamma * diff
        cov = cov + gamma * (np.outer(diff, diff) - cov)
        scale *= math.exp(gamma * (a - target))
        chain[t - 1] = x
    return chain, accepted / n if n else math.nan


def _banana(x):
    return -0.5 * (x[0] ** 2 / 4 + (x[1] + 0.3 * x[0] ** 2) ** 2)


def _gauss(x):
    return -0.5 * np.sum(np.asarray(x) ** 2)


def gibbs_change_point(counts, iters, a=1.0, b=1.0):
    n = len(counts)
    tau = n // 2
    lam1 = lam2 = 1.0
    draws = []
    for _ in range(iters):
        lam1 = np.random.gamma(a + counts[:tau].sum(), 1 / (tau + b))
        lam2 = np.random.gamma(a + counts[tau:].sum(), 1 / (n - tau + b))
        logp = np.array(
            [counts[:k].sum() * np.log(lam1) - k * lam1 + counts[k:].sum() * np.log(lam2) - (n - k) * lam2 for k in range(1, n)]
        )
        p = np.exp(logp - logp.max())
        tau = int(np.random.choice(np.arange(1, n), p=p / p.sum()))
        draws.append((float(lam1), float(lam2), tau))
    return draws


def rejection_sample_disc(n, seed=None):
    rng = np.random.default_rng(seed)
    points = []
    tries = 0
    while len(points) < n:
        tries += 1
        x, y = rng.uniform(-1, 1, size=2)
        if x * x + y * y <= 1:
            points.append((x, y))
    return np.array(points), tries


def systematic_resampling(weights, rng):
    N = len(weights)
    positions = (rng.random() + np.arange(N)) / N
    indexes = np.zeros(N, "i")
    cumulative = np.cumsum(weights)
    cumulative[-1] = 1.0
    i, j = 0, 0
    while i < N:
        if positions[i] < cumulative[j]:
            indexes[i] = j
            i += 1
        else:
            j += 1
    return indexes


def simulated_annealing_tsp(D, steps, T0=1.0, cooling=0.995, seed=0):
    rs = np.random.RandomState(seed)
    n = len(D)
    tour = list(range(n))

    def length(t):
        return sum(D[t[i - 1], t[i]] for i in range(n))

    cur = best = length(tour)
    best_tour = tour[:]
    T = T0
    for _ in range(steps):
        i, j = sorted(rs.choice(n, 2, replace=False))
        new = tour[:i] + tour[i : j + 1][::-1] + tour[j + 1 :]
        cand = length(new)
        if cand < cur or rs.rand() < np.exp((cur - cand) / T):
            tour, cur = new, cand
            if cur < best:
                best, best_tour = cur, new[:]
        T *= cooling
    return best_tour, float(best)


def genetic_onemax(n_bits, pop_size, generations, rng, p_mut=0.02):
    pop = rng.integers(0, 2, (pop_size, n_bits))
    best = []
    for _ in range(generations):
        fitness = pop.sum(axis=1)
        best.append(int(fitness.max()))
        a, b = rng.integers(0, pop_size, (2, pop_size))
        parents = np.where((fitness[a] >= fitness[b])[:, None], pop[a], pop[b])
        cut = rng.integers(1, n_bits, pop_size)
        mates = parents[rng.permutation(pop_size)]
        child = np.where(np.arange(n_bits) < cut[:, None], parents, mates)
        flip = rng.random(child.shape) < p_mut
        pop = np.where(flip, 1 - child, child)
    return best, pop


def differential_evolution(f, bounds, popsize, iters, seed):
    rng = np.random.default_rng(seed)
    lo, hi = np.asarray(bounds, float).T
    d = len(lo)
    pop = lo + rng.random((popsize, d)) * (hi - lo)
    cost = np.array([f(p) for p in pop])
    for _ in range(iters):
        for i in range(popsize):
            idx = [k for k in range(popsize) if k != i]
            a, b, c = pop[rng.choice(idx, 3, replace=False)]
            trial = np.clip(a + 0.8 * (b - c), lo, hi)
            cross = rng.random(d) < 0.7
            if not np.any(cross):
                cross[rng.integers(0, d)] = True
            trial = np.where(cross, trial, pop[i])
            ft = f(trial)
            if ft < cost[i]:
                cost[i] = ft
                pop[i] = trial
    k = np.argmin(cost)
    return pop[k], cost[k]


def _sphere(x):
    return np.sum((x - 0.5) ** 2)


def mm1_queue(arrivals, services):
    n = len(arrivals)
    start = np.empty(n)
    finish = np.empty(n)
    free = 0.0
    for k in range(n):
        start[k] = max(arrivals[k], free)
        finish[k] = free = start[k] + services[k]
    waits = start - arrivals
    in_system = [int(np.sum((arrivals <= t) & (finish > t))) for t in arrivals]
    with np.errstate(invalid="ignore"):
        util = services.sum() / finish[-1] if n else np.nan
    return waits.mean() if n else 0.0, max(in_system, default=0), util


def event_simulation(jobs, servers):
    free = [(0.0, s) for s in range(servers)]
    heapq.heapify(free)
    log = []
    for at, work in jobs:
        when, s = heapq.heappop(free)
        begin = max(when, at)
        heapq.heappush(free, (begin + work, s))
        log.append((s, begin, begin + work))
    return log, max(free)[0] if free else None


def barnes_hut(pos, mass, theta=0.5):
    class Node:
        def __init__(self, centre, half):
            self.centre, self.half = centre, half
            self.mass, self.com = 0.0, np.zeros(2)
            self.body, self.children = None, None

    def insert(node, i, depth=0):
        if node.children is None and node.body is None:
            node.body = i
        else:
            if node.children is None:
                node.children = {}
                old, node.body = node.body, None
                push(node, old, depth)
            push(node, i, depth)
        node.com = (node.com * node.mass + pos[i] * mass[i]) / (node.mass + mass[i])
        node.mass += mass[i]

    def push(node, i, depth):
        if depth > 30:
            raise RecursionError("two bodies at one place")
        q = (bool(pos[i, 0] > node.centre[0]), bool(pos[i, 1] > node.centre[1]))
        if q not in node.children:
            h = node.half / 2
            node.children[q] = Node(node.centre + h * np.where(q, 1, -1), h)
        insert(node.children[q], i, depth + 1)

    def force(node, i):
        if node is None or node.mass == 0 or node.body == i:
            return np.zeros(2)
        d = node.com - pos[i]
        r = np.sqrt(d @ d + 1e-4)
        if node.children is None or 2 * node.half / r < theta:
            return node.mass * d / r**3
        return sum((force(c, i) for c in node.children.values()), np.zeros(2))

    root = Node((pos.max(0) + pos.min(0)) / 2, max(np.ptp(pos, axis=0).max() / 2, 1e-9))
    for i in range(len(pos)):
        insert(root, i)
    return np.array([force(root, i) for i in range(len(pos))])


def union_find_percolation(n, order):
    parent = list(range(n * n + 2))
    size = [1] * (n * n + 2)

    def find(a):
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        return a

    def union(a, b):
        a, b = find(a), find(b)
        if a == b:
            return
        if size[a] < size[b]:
            a, b = b, a
        parent[b] = a
        size[a] += size[b]

    open_ = np.zeros((n, n), bool)
    top, bottom = n * n, n * n + 1
    for count, site in enumerate(order, 1):
        r, c = divmod(int(site), n)
        open_[r, c] = True
        if r == 0:
            union(site, top)
        if r == n - 1:
            union(site, bottom)
        for dr, dc in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            rr, cc = r + dr, c + dc
            if 0 <= rr < n and 0 <= cc < n and open_[rr, cc]:
                union(site, rr * n + cc)
        if find(top) == find(bottom):
            return count / (n * n), open_
    return None, open_


def sliding_puzzle_ida(start, limit=12):
    goal = (1, 2, 3, 4, 5, 6, 7, 8, 0)

    def h(s):
        return sum(abs(i // 3 - (v - 1) // 3) + abs(i % 3 - (v - 1) % 3) for i, v in enumerate(s) if v)

    def moves(s):
        z = s.index(0)
        r, c = divmod(z, 3)
        for dr, dc, name in ((-1, 0, "U"), (1, 0, "D"), (0, -1, "L"), (0, 1, "R")):
            if 0 <= r + dr < 3 and 0 <= c + dc < 3:
                t = list(s)
                k = (r + dr) * 3 + c + dc
                t[z], t[k] = t[k], t[z]
                yield name, tuple(t)

    def search(path, g, bound):
        s = path[-1]
        f = g + h(s)
        if f > bound:
            return f, None
        if s == goal:
            return f, ""
        low = math.inf
        for name, t in moves(s):
            if t not in path:
                path.append(t)
                cost, way = search(path, g + 1, bound)
                if way is not None:
                    return cost, name + way
                low = min(low, cost)
                path.pop()
        return low, None

    start = tuple(int(v) for v in np.ravel(start))
    if sorted(start) != list(range(9)):
        raise ValueError(f"not a puzzle: {start}")
    bound = h(start)
    while bound <= limit:
        bound, way = search([start], 0, bound)
        if way is not None:
            return way
    return None


def word_ladder(words, first, last):
    words = set(words)
    queue = deque([(first, [first])])
    seen = {first}
    while queue:
        word, path = queue.popleft()
        if word == last:
            return path
        for i in range(len(word)):
            for ch in "abcdefghijklmnopqrstuvwxyz":
                new = word[:i] + ch + word[i + 1 :]
                if new in words and new not in seen:
                    seen.add(new)
                    queue.append((new, path + [new]))
    return None


def markov_text(text, order, length, seed):
    model = defaultdict(list)
    for k in range(len(text) - order):
        model[text[k : k + order]].append(text[k + order])
    rng = np.random.RandomState(seed)
    out = text[:order]
    for _ in range(length):
        options = model.get(out[-order:])
        if not options:
            break
        out += options[rng.randint(len(options))]
    return out, len(model)


def daily_to_monthly(dates, values):
    months = dates.astype("datetime64[M]")
    out = {}
    for m in np.unique(months):
        out[str(m)] = float(np.nanmean(values[months == m]))
    gaps = np.flatnonzero(np.diff(dates) > np.timedelta64(1, "D"))
    return out, dates[gaps + 1] if len(gaps) else None


def masked_climatology(field, missing=-999.0):
    m = np.ma.masked_equal(field, missing)
    anomaly = m - m.mean(axis=0)
    return anomaly.filled(np.nan), int(m.count()), np.ma.getmaskarray(m).sum(axis=0)


def records_by_magnitude(catalogue, cut):
    strong = catalogue[catalogue["mag"] >= cut]
    order = np.argsort(strong["mag"], kind="stable")[::-1]
    strong = strong[order]
    catalogue["mag"] += 0.1
    return strong["name"].tolist(), strong["depth"].mean() if len(strong) else None, catalogue["mag"]


def describe_state(state):
    match state:
        case {"kind": "circle", "r": r}:
            return "circle", math.pi * r**2
        case {"kind": "polygon", "points": pts} if len(pts) >= 3:
            x, y = np.asarray(pts, float).T
            return "polygon", 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
        case [w, h]:
            return "box", w * h
        case np.ndarray(ndim=1) | list():
            return "many", sum(state)
        case _:
            raise TypeError(f"cannot measure {type(state).__name__}")


def regula_falsi_walrus(coeffs, a, b, tol=1e-9):
    f = lambda t: np.polyval(coeffs, t)
    fa, fb = f(a), f(b)
    if fa * fb > 0:
        raise ValueError(f"no sign change on [{a}, {b}]: f(a) = {fa:.3g}, f(b) = {fb:.3g}")
    n = 0
    while (n := n + 1) < 100 and abs(fc := f(c := (a * fb - b * fa) / (fb - fa))) > tol:
        if fa * fc < 0:
            b, fb = c, fc
        else:
            a, fa = c, fc
    return c, n


def quiet_log_ratio(p, q):
    with np.errstate(divide="ignore", invalid="ignore"), contextlib.suppress(ZeroDivisionError):
        ratio = np.log(p / q)
        bad = ~np.isfinite(ratio)
        if bad.any():
            warnings.warn(f"{int(bad.sum())} of {ratio.size} ratios are not finite", RuntimeWarning, stacklevel=2)
            ratio = np.where(bad, 0.0, ratio)
        return float(np.sum(p * ratio))
    return None


def truth_table(expr_ids, n):
    rows = []
    for bits in itertools.product([False, True], repeat=n):
        acc = bits[0]
        for b, op in zip(bits[1:], expr_ids):
            acc = (acc and b) if op == 0 else (acc or b) if op == 1 else acc != b
        rows.append(acc)
    return np.array(rows), sum(rows)


_DATES = np.array(["2021-01-30", "2021-01-31", "2021-02-01", "2021-02-04", "2021-03-01"], "datetime64[D]")
_TEXT = "the cat sat on the mat and the rat sat on the cat"


def _quakes():
    return np.array(
        [("a", 5.1, 10.0), ("b", 6.3, 30.0), ("c", 4.0, 5.0), ("d", 6.3, 70.0)],
        [("name", "U4"), ("mag", "f8"), ("depth", "f4")],
    )


def _cities(r, n):
    p = r.uniform(size=(n, 2))
    return np.hypot(*(p[:, None] - p[None]).transpose(2, 0, 1))


CASES = {
    adaptive_metropolis: lambda r: [
        (_banana, [0.5, 0.1], 40, np.random.default_rng(5)),
        (_gauss, np.zeros(3), 10, np.random.default_rng(1)),
        (_gauss, np.zeros(1), 0, np.random.default_rng(1)),
    ],
    gibbs_change_point: lambda r: [
        (np.concatenate([r.poisson(2, 12), r.poisson(6, 10)]), 6),
        (np.array([1, 2]), 2),
        (np.array([3.0, 4.0, 9.0]), 3, 2),
    ],
    rejection_sample_disc: lambda r: [(20, 3), (1, 4), (0, 1)],
    systematic_resampling: lambda r: [
        (r.dirichlet(np.ones(12)), np.random.default_rng(2)),
        (np.array([1.0]), np.random.default_rng(2)),
        (np.array([0.2, 0.3, 0.5], np.float32), np.random.default_rng(8)),
        (np.array([]), np.random.default_rng(2)),
    ],
    simulated_annealing_tsp: lambda r: [(_cities(r, 7), 40), (_cities(r, 3), 5, 0.1, 0.9, 2), (np.zeros((1, 1)), 2)],
    genetic_onemax: lambda r: [
        (16, 10, 8, np.random.default_rng(3)),
        (2, 3, 1, np.random.default_rng(3)),
        (1, 3, 1, np.random.default_rng(3)),
    ],
    differential_evolution: lambda r: [
        (_sphere, [(-1, 1), (0, 2)], 6, 5, 3),
        (_gauss, np.array([[0, 1]]), 4, 2, 1),
        (_sphere, [(-1, 1)], 3, 1, 1),
    ],
    mm1_queue: lambda r: [
        (np.cumsum(r.exponential(1, 30)), r.exponential(0.8, 30)),
        (np.array([0, 1, 2]), np.array([3, 1, 1])),
        (np.array([]), np.array([])),
        (np.zeros(2), np.zeros(2)),
    ],
    event_simulation: lambda r: [
        ([(float(a), float(b)) for a, b in zip(np.cumsum(r.exponential(1, 20)), r.exponential(2, 20))], 3),
        ([(0, 2), (0, 2), (1, 1)], 2),
        ([], 1),
        ([(1, 1)], 0),
    ],
    barnes_hut: lambda r: [
        (r.normal(size=(12, 2)), r.uniform(1, 2, 12)),
        (np.array([[0.0, 0.0], [1.0, 1.0]]), np.ones(2), 0.9),
        (np.zeros((2, 2)), np.ones(2)),
        (np.array([[1.0, 2.0]]), np.array([3.0])),
    ],
    union_find_percolation: lambda r: [(6, r.permutation(36)), (1, [0]), (3, np.array([0, 4, 8])), (2, np.array([1, 9]))],
    sliding_puzzle_ida: lambda r: [
        (np.array([[1, 2, 3], [4, 0, 6], [7, 5, 8]]),),
        ([1, 2, 3, 4, 5, 6, 7, 8, 0],),
        ([1, 2, 3, 4, 5, 6, 8, 7, 0], 3),
        ([1, 1],),
    ],
    word_ladder: lambda r: [
        (["hot", "dot", "dog", "lot", "log", "cog"], "hit", "cog"),
        (["hot"], "hit", "cog"),
        ([], "a", "a"),
    ],
    markov_text: lambda r: [(_TEXT, 2, 30, 1), (_TEXT, 3, 20, 2), ("ab", 2, 5, 0)],
    daily_to_monthly: lambda r: [
        (_DATES, r.normal(size=5)),
        (_DATES[:1], np.array([1.0])),
        (_DATES[:2], np.array([np.nan, np.nan])),
    ],
    masked_climatology: lambda r: [
        (np.where(r.random((5, 3)) < 0.2, -999.0, 1.5),),
        (np.full((2, 2), -999.0),),
        (np.arange(4).reshape(2, 2), 3),
    ],
    records_by_magnitude: lambda r: [(_quakes(), 5.0), (_quakes(), 9.0), (_quakes()[:0], 1.0)],
    describe_state: lambda r: [
        ({"kind": "circle", "r": 2.0},),
        ({"kind": "polygon", "points": r.normal(size=(5, 2))},),
        ((3, 4),),
        ([1, 2, 3],),
        (np.arange(3.0),),
        ({"kind": "polygon", "points": [(0, 0)]},),
        ("text",),
    ],
    regula_falsi_walrus: lambda r: [([1.0, 0, -2], 0.0, 2.0), (np.array([1, -6, 11, -6]), 2.5, 3.7), ([1, 0, 1], -1.0, 1.0)],
    quiet_log_ratio: lambda r: [
        (r.dirichlet(np.ones(5)), r.dirichlet(np.ones(5))),
        (np.array([0.5, 0.5]), np.array([1.0, 0.0])),
        (0.0, 0.0),
        (np.array([]), np.array([])),
    ],
    truth_table: lambda r: [([0, 1, 2], 4), (np.array([2, 2]), 3), ([], 1), ([], 0)],
}
