"""Crystals, reductions of astronomical images, control loops, recommenders and clusters."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict, deque
from dataclasses import dataclass, field

import numpy as np


def niggli_like_reduction(basis, max_iter=50):
    """Gauss-Selling reduction of three vectors in rows, in place."""
    count = 0
    while count < max_iter:
        count += 1
        changed = False
        order = np.argsort([np.dot(v, v) for v in basis], kind="stable")
        basis[:] = basis[order]
        for i, j in [(1, 0), (2, 0), (2, 1)]:
            mu = round(float(basis[i] @ basis[j]) / float(basis[j] @ basis[j]))
            if mu != 0:
                basis[i] -= mu * basis[j]
                changed = True
        if not changed:
            break
    else:
        raise RuntimeError("no convergence")
    lengths = np.linalg.norm(basis, axis=1)
    cosines = [float(basis[i] @ basis[j] / (lengths[i] * lengths[j])) for i, j in itertools.combinations(range(3), 2)]
    return lengths, cosines, count, abs(np.linalg.det(basis))


def niggli_like_reduction_cases(rng):
    return [
        (np.array([[3.0, 0, 0], [10.0, 3.1, 0], [-7.0, 8.0, 4.0]]),),
        (np.eye(3),),
        (rng.normal(size=(3, 3)) + 4,),
        (np.eye(3) * 2, 0),
    ]


SYMMETRY = {
    "P1": ["x,y,z"],
    "P-1": ["x,y,z", "-x,-y,-z"],
    "P21/c": ["x,y,z", "-x,y+1/2,-z+1/2", "-x,-y,-z", "x,-y+1/2,z+1/2"],
}


def parse_symop(text):
    rot, trans = np.zeros((3, 3)), np.zeros(3)
    for row, part in enumerate(text.split(",")):
        sign = 1
        i = 0
        while i < len(part):
            ch = part[i]
            if ch == "-":
                sign = -1
            elif ch == "+":
                sign = 1
            elif ch in "xyz":
                rot[row, "xyz".index(ch)] = sign
            elif ch.isdigit():
                num, den = part[i:].split("/")
                trans[row] = sign * int(num) / int(den)
                break
            i += 1
    return rot, trans


def expand_asymmetric_unit(group, sites, tol=1e-3):
    if group not in SYMMETRY:
        raise KeyError(f"unknown space group {group}")
    ops = [parse_symop(op) for op in SYMMETRY[group]]
    unique, multiplicity = [], []
    for site in sites:
        found = []
        for rot, trans in ops:
            new = (rot @ site + trans) % 1.0
            for old in found:
                delta = new - old
                delta -= np.round(delta)
                if np.abs(delta).max() < tol:
                    break
            else:
                found.append(new)
        unique.extend(found)
        multiplicity.append(len(found))
    return np.array(unique), multiplicity


def expand_asymmetric_unit_cases(rng):
    return [
        ("P21/c", rng.uniform(size=(4, 3))),
        ("P-1", np.array([[0.0, 0, 0], [0.5, 0.5, 0.5], [0.1, 0.2, 0.3]])),
        ("P6", np.zeros((1, 3))),
        ("P1", np.zeros((0, 3))),
    ]


# astronomy --------------------------------------------------------------------------------------------------------------
def calibrate_frames(frames, bias, flat, sigma=3.0):
    """Bias, flat, cosmic rays by sigma clipping along the stack."""
    master = np.median(np.stack(bias), axis=0)
    norm = flat - master
    norm /= np.median(norm)
    with np.errstate(divide="ignore", invalid="ignore"):
        stack = np.array([(f - master) / norm for f in frames])
    stack[~np.isfinite(stack)] = np.nan
    masked = np.zeros(stack.shape, dtype=bool)
    for _ in range(3):
        work = np.where(masked, np.nan, stack)
        med = np.nanmedian(work, axis=0)
        dev = np.nanstd(work, axis=0)
        new = np.abs(stack - med) > sigma * dev
        if not (new & ~masked).any():
            break
        masked |= new
    combined = np.nanmean(np.where(masked, np.nan, stack), axis=0)
    return combined, masked.sum(axis=(1, 2)), np.nanmax(combined)


def calibrate_frames_cases(rng):
    frames = [rng.poisson(200, (12, 14)).astype(float) for _ in range(7)]
    frames[2][4, 5] = 9000
    flat = rng.normal(1.0, 0.02, (12, 14)) * 1000 + 50
    return [(frames, [np.full((12, 14), 50.0)] * 3, flat), (frames[:3], [np.full((12, 14), 40)], flat, 1.0)]


@dataclass
class Source:
    x: float
    y: float
    flux: float
    pixels: list = field(default_factory=list, repr=False)


def detect_sources(image, threshold=5.0, min_pixels=3):
    sky = np.median(image)
    noise = 1.4826 * np.median(np.abs(image - sky))
    if noise == 0:
        return []
    hot = image - sky > threshold * noise
    seen = np.zeros_like(hot)
    ny, nx = image.shape
    sources = []
    for y in range(ny):
        for x in range(nx):
            if not hot[y, x] or seen[y, x]:
                continue
            queue = deque([(y, x)])
            seen[y, x] = True
            pixels = []
            while queue:
                cy, cx = queue.popleft()
                pixels.append((cy, cx))
                for dy in (-1, 0, 1):
                    for dx in (-1, 0, 1):
                        py, px = cy + dy, cx + dx
                        if 0 <= py < ny and 0 <= px < nx and hot[py, px] and not seen[py, px]:
                            seen[py, px] = True
                            queue.append((py, px))
            if len(pixels) < min_pixels:
                continue
            w = np.array([image[p] - sky for p in pixels])
            ys, xs = zip(*pixels)
            flux = w.sum()
            sources.append(Source(float(np.dot(xs, w) / flux), float(np.dot(ys, w) / flux), float(flux), pixels))
    sources.sort(key=lambda s: s.flux, reverse=True)
    return [(s.x, s.y, s.flux, len(s.pixels)) for s in sources]


def detect_sources_cases(rng):
    yy, xx = np.mgrid[:30, :34]
    image = rng.normal(100, 2, (30, 34))
    for cy, cx, f in ((8, 9, 90), (20, 25, 60), (15, 4, 40)):
        image += f * np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 3)
    return [(image,), (np.ones((4, 4)),)]


def transit_box_search(time, flux, periods, durations, min_depth=0.0):
    best = {"snr": -1.0}
    table = np.zeros((len(periods), len(durations)))
    for a, period in enumerate(periods):
        phase = (time % period) / period
        order = np.argsort(phase)
        ph, f = phase[order], flux[order]
        csum = np.concatenate(([0.0], np.cumsum(f)))
        for b, dur in enumerate(durations):
            q = dur / period
            if q >= 1:
                table[a, b] = np.nan
                continue
            for i in range(len(ph)):
                j = np.searchsorted(ph, ph[i] + q)
                n_in = j - i
                n_out = len(ph) - n_in
                if n_in < 2 or n_out < 2:
                    continue
                inside = (csum[j] - csum[i]) / n_in
                outside = (csum[-1] - csum[j] + csum[i]) / n_out
                depth = outside - inside
                snr = depth * math.sqrt(n_in)
                if depth > min_depth and snr > table[a, b]:
                    table[a, b] = snr
                    if snr > best["snr"]:
                        best = dict(snr=snr, period=period, duration=dur, t0=ph[i] * period, depth=depth)
    return best, table


def transit_box_search_cases(rng):
    t = np.sort(rng.uniform(0, 20, 120))
    f = 1 + rng.normal(0, 0.001, 120)
    f[(t % 3.3) < 0.3] -= 0.01
    return [(t, f, np.linspace(2, 4, 14), [0.2, 0.4]), (t[:5], f[:5], np.array([1.0]), [0.1, 2.0], 0.5)]


def kepler_ephemeris(elements, dates, tol=1e-12):
    """Positions of planets by their elements in a dict of dicts; eccentric anomaly by Newton."""
    out = {}
    for name, el in elements.items():
        e = el["e"]
        if not 0 <= e < 1:
            raise ValueError(f"{name}: e = {e:g}")
        rows = []
        for d in dates:
            m = math.fmod(el["M0"] + el.get("n", 0.01) * d, 2 * math.pi)
            big = m if e < 0.8 else math.pi
            for it in range(50):
                delta = (big - e * math.sin(big) - m) / (1 - e * math.cos(big))
                big -= delta
                if abs(delta) < tol:
                    break
            nu = 2 * math.atan2(math.sqrt(1 + e) * math.sin(big / 2), math.sqrt(1 - e) * math.cos(big / 2))
            r = el["a"] * (1 - e * math.cos(big))
            i, om = el.get("i", 0.0), el.get("om", 0.0)
            rows.append((r * math.cos(nu + om), r * math.sin(nu + om) * math.cos(i), r * math.sin(nu + om) * math.sin(i), it))
        out[name] = np.array(rows)
    return out


def kepler_ephemeris_cases(rng):
    return [
        ({"a": dict(a=1.0, e=0.1, M0=0.3), "b": dict(a=5.2, e=0.85, M0=2.0, i=0.1, om=1.0, n=0.002)}, np.arange(0.0, 400, 25)),
        ({"hyper": {"a": 1.0, "e": 1.5, "M0": 0.0}}, [0.0]),
        ({}, [1.0, 2.0]),
        ({"c": {"a": 2, "e": 0, "M0": 0}}, [0, 10, 20]),
    ]


# control ----------------------------------------------------------------------------------------------------------------
class PID:
    def __init__(self, kp, ki, kd, limits=(None, None)):
        self.kp, self.ki, self.kd = kp, ki, kd
        self.lo, self.hi = limits
        self.integral = 0
        self.last = None
        self.log = {"p": [], "i": [], "d": [], "u": []}

    def __call__(self, setpoint, y, dt):
        err = setpoint - y
        self.integral += self.ki * err * dt
        d = 0.0 if self.last is None else -self.kd * (y - self.last) / dt
        self.last = y
        u = self.kp * err + self.integral + d
        if self.hi is not None and u > self.hi:
            self.integral -= u - self.hi
            u = self.hi
        elif self.lo is not None and u < self.lo:
            self.integral += self.lo - u
            u = self.lo
        for k, v in zip("pidu", (self.kp * err, self.integral, d, u)):
            self.log[k].append(v)
        return u


def pid_level_logs(setpoints, dt=0.5, limits=(0.0, 1.5), area=2.0, cd=0.6):
    pid = PID(2.0, 0.4, 0.1, limits)
    level, levels = 0.0, []
    for sp in setpoints:
        inflow = pid(sp, level, dt)
        outflow = cd * math.sqrt(max(level, 0.0))
        level = max(0.0, level + dt * (inflow - outflow) / area)
        levels.append(level)
    overshoot = max(levels, default=0.0) - max(setpoints, default=0.0)
    return levels, overshoot, {k: np.array(v) for k, v in pid.log.items()}


def pid_level_logs_cases(rng):
    return [
        (np.repeat([1.0, 2.0, 0.5], 30),),
        ([1, 1, 1, 2], 1.0, (None, None)),
        ([],),
    ]


def mpc_projected_gradient(a, b, x0, horizon, q, r, umin, umax, steps=10):
    """Condensed QP each step, solved by projected gradient, warm started with the shifted plan."""
    n, m = b.shape
    powers = [np.eye(n)]
    for _ in range(horizon):
        powers.append(a @ powers[-1])
    phi = np.vstack(powers[1:])
    gamma = np.zeros((n * horizon, m * horizon))
    for i in range(horizon):
        for j in range(i + 1):
            gamma[i * n : (i + 1) * n, j * m : (j + 1) * m] = powers[i - j] @ b
    qbar = np.kron(np.eye(horizon), q)
    h = gamma.T @ qbar @ gamma + r * np.eye(m * horizon)
    lip = np.linalg.norm(h, 2)
    plan = np.zeros(m * horizon)
    x, xs, us, iters = np.array(x0, dtype=float), [], [], []
    for _ in range(steps):
        f = gamma.T @ (qbar @ (phi @ x))
        for it in range(200):
            new = np.clip(plan - (h @ plan + f) / lip, umin, umax)
            if np.max(np.abs(new - plan)) < 1e-8:
                break
            plan = new
        u = plan[:m]
        x = a @ x + b @ u
        xs.append(x)
        us.append(u.copy())
        iters.append(it)
        plan = np.concatenate([plan[m:], np.zeros(m)])
    return np.array(xs), np.array(us), iters


def mpc_projected_gradient_cases(rng):
    a = np.array([[1.0, 0.2], [0.0, 1.0]])
    b = np.array([[0.02], [0.2]])
    return [
        (a, b, [2.0, 0.0], 8, np.eye(2), 0.1, -1.0, 1.0),
        (a, np.eye(2), [1, -1], 3, np.diag([1.0, 2.0]), 0.5, -0.2, 0.2, 4),
    ]


class GridWorld:
    MOVES = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}

    def __init__(self, rows):
        self.rows = rows
        self.start = next((r, c) for r, line in enumerate(rows) for c, ch in enumerate(line) if ch == "S")
        self.visits = defaultdict(int)

    def step(self, state, action):
        dr, dc = self.MOVES[action]
        r, c = state[0] + dr, state[1] + dc
        if not (0 <= r < len(self.rows) and 0 <= c < len(self.rows[0])) or self.rows[r][c] == "#":
            r, c = state
        self.visits[r, c] += 1
        ch = self.rows[r][c]
        return (r, c), {"G": 10.0, "X": -10.0}.get(ch, -1.0), ch in "GX"


def sarsa_gridworld(rows, episodes=40, alpha=0.4, gamma=0.95, eps=0.2, seed=0):
    rng = np.random.default_rng(seed)
    world = GridWorld(rows)
    q = defaultdict(lambda: {a: 0.0 for a in GridWorld.MOVES})

    def choose(s):
        if rng.random() < eps:
            return "UDLR"[rng.integers(4)]
        values = q[s]
        return max(values, key=values.get)

    returns = []
    for _ in range(episodes):
        s, total, done, n = world.start, 0.0, False, 0
        a = choose(s)
        while not done and n < 60:
            s2, reward, done = world.step(s, a)
            a2 = choose(s2)
            target = reward + (0 if done else gamma * q[s2][a2])
            q[s][a] += alpha * (target - q[s][a])
            s, a = s2, a2
            total += reward
            n += 1
        returns.append(total)
    policy = {s: max(v, key=v.get) for s, v in q.items()}
    return returns, policy, dict(world.visits)


def sarsa_gridworld_cases(rng):
    return [(["S...", ".#X.", "...G"],), (["SG"], 5, 0.1, 0.9, 0.5, 2)]


# recommenders and clusters ----------------------------------------------------------------------------------------------
def pam_medoids(dist, k, max_iter=20):
    n = len(dist)
    if k > n:
        raise ValueError("more medoids than points")
    medoids = [int(np.argmin(dist.sum(axis=1)))]
    while len(medoids) < k:
        near = dist[:, medoids].min(axis=1)
        gains = {c: np.maximum(near - dist[:, c], 0).sum() for c in range(n) if c not in medoids}
        medoids.append(max(gains, key=gains.get))
    cost = dist[:, medoids].min(axis=1).sum()
    for it in range(max_iter):
        swap, best = None, cost
        for i in range(k):
            for c in set(range(n)) - set(medoids):
                trial = medoids[:i] + [c] + medoids[i + 1 :]
                t = dist[:, trial].min(axis=1).sum()
                if t < best - 1e-12:
                    best, swap = t, (i, c)
        if swap is None:
            break
        medoids[swap[0]] = swap[1]
        cost = best
    return sorted(medoids), cost, np.array(sorted(medoids))[dist[:, sorted(medoids)].argmin(axis=1)], it


def pam_medoids_cases(rng):
    x = np.vstack([rng.normal(c, 0.4, (4, 2)) for c in (0, 3, 6)])
    d = np.linalg.norm(x[:, None] - x[None], axis=-1)
    return [(d, 3), (d[:5, :5], 1), (d[:2, :2], 3)]


def dbscan_sets(points, eps, min_pts=4):
    n = len(points)
    neighbours = {}
    for i in range(n):
        d2 = ((points - points[i]) ** 2).sum(axis=1)
        neighbours[i] = set(np.flatnonzero(d2 <= eps * eps).tolist())
    labels = [None] * n
    cluster = -1
    for i in range(n):
        if labels[i] is not None:
            continue
        if len(neighbours[i]) < min_pts:
            labels[i] = -1
            continue
        cluster += 1
        labels[i] = cluster
        seeds = sorted(neighbours[i] - {i})
        while seeds:
            j = seeds.pop()
            if labels[j] == -1:
                labels[j] = cluster
            if labels[j] is not None:
                continue
            labels[j] = cluster
            if len(neighbours[j]) >= min_pts:
                seeds += [k for k in sorted(neighbours[j]) if labels[k] is None or labels[k] == -1]
    sizes = {c: labels.count(c) for c in set(labels)}
    return np.array(labels, dtype=int), sizes


def dbscan_sets_cases(rng):
    pts = np.vstack([rng.normal(0, 0.3, (20, 2)), rng.normal(3, 0.3, (20, 2)), rng.uniform(-2, 5, (6, 2))])
    return [(pts, 0.5), (pts[:6].astype(np.float32), 0.2, 2), (np.zeros((0, 2)), 1.0), (np.zeros((1, 2)), 1.0, 1)]


def apriori_rules(baskets, min_support=0.3, min_conf=0.6):
    n = len(baskets)
    items = sorted({i for b in baskets for i in b})
    level = [frozenset([i]) for i in items]
    support = {}
    size = 1
    while level:
        counts = {c: sum(1 for b in baskets if c <= b) for c in level}
        kept = {c: v / n for c, v in counts.items() if v / n >= min_support}
        support.update(kept)
        keys = sorted(kept, key=sorted)
        size += 1
        level = []
        for a, b in itertools.combinations(keys, 2):
            u = a | b
            if len(u) == size and u not in level and all(u - {x} in kept for x in u):
                level.append(u)
    rules = []
    for s in support:
        for r in range(1, len(s)):
            for lhs in itertools.combinations(sorted(s), r):
                conf = support[s] / support[frozenset(lhs)]
                if conf >= min_conf:
                    rules.append((lhs, tuple(sorted(s - set(lhs))), round(conf, 3)))
    rules.sort(key=lambda t: (-t[2], t[0], t[1]))
    return rules, len(support)


def apriori_rules_cases(rng):
    names = ["tea", "milk", "bread", "jam", "eggs"]
    baskets = [set(np.array(names)[rng.random(5) < 0.55].tolist()) for _ in range(20)]
    return [(baskets,), ([{"a", "b"}, {"a"}], 0.5, 0.5), ([{1}],)]


def als_recommender(ratings, rank=3, reg=0.1, sweeps=8, seed=4):
    """Ratings as a list of (user, item, stars)."""
    rng = np.random.default_rng(seed)
    by_user, by_item = defaultdict(list), defaultdict(list)
    for u, i, r in ratings:
        by_user[u].append((i, r))
        by_item[i].append((u, r))
    nu, ni = max(by_user) + 1, max(by_item) + 1
    users, items = rng.normal(0, 0.1, (nu, rank)), rng.normal(0, 0.1, (ni, rank))
    history = []
    for sweep in range(sweeps):
        for table, mine, other in ((by_user, users, items), (by_item, items, users)):
            for k, seen in table.items():
                idx = [j for j, _ in seen]
                r = np.array([s for _, s in seen], dtype=float)
                m = other[idx]
                mine[k] = np.linalg.solve(m.T @ m + reg * len(idx) * np.eye(rank), m.T @ r)
        sse = sum((r - users[u] @ items[i]) ** 2 for u, i, r in ratings)
        history.append(math.sqrt(sse / len(ratings)))
        if sweep > 1 and history[-2] - history[-1] < 1e-4:
            break
    top = {u: np.argsort(-(items @ users[u]), kind="stable")[:3].tolist() for u in by_user}
    return history, top


def als_recommender_cases(rng):
    r = [(int(u), int(i), int(rng.integers(1, 6))) for u in range(8) for i in rng.permutation(10)[:5]]
    return [(r,), ([(0, 0, 3.5)], 1), ([(0, 1, 4), (2, 1, 2)], 2, 0.5, 3)]


CASES = {
    niggli_like_reduction: niggli_like_reduction_cases,
    expand_asymmetric_unit: expand_asymmetric_unit_cases,
    calibrate_frames: calibrate_frames_cases,
    detect_sources: detect_sources_cases,
    transit_box_search: transit_box_search_cases,
    kepler_ephemeris: kepler_ephemeris_cases,
    pid_level_logs: pid_level_logs_cases,
    mpc_projected_gradient: mpc_projected_gradient_cases,
    sarsa_gridworld: sarsa_gridworld_cases,
    pam_medoids: pam_medoids_cases,
    dbscan_sets: dbscan_sets_cases,
    apriori_rules: apriori_rules_cases,
    als_recommender: als_recommender_cases,
}
