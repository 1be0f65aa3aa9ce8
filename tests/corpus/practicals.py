"""Crowds, traffic, growth, money and networks: practicals that fill a page of a notebook each."""

from __future__ import annotations

import bisect
import math
from collections import defaultdict

import numpy as np


def _limit(v, top):
    norm = np.linalg.norm(v, axis=1, keepdims=True)
    too_fast = norm[:, 0] > top
    v[too_fast] = v[too_fast] / norm[too_fast] * top
    return v


def boids(position, velocity, steps, size=100.0, rules=None, radius=15.0, personal=4.0):
    """Reynolds' flocking on a torus: cohesion, alignment and separation with all pairs of distances."""
    weights = {"cohesion": 0.01, "alignment": 0.125, "separation": 0.05, "top": 3.0}
    weights.update(rules or {})
    n = len(position)
    polarisation = np.zeros(steps)
    for t in range(steps):
        delta = position[None, :, :] - position[:, None, :]
        delta -= size * np.round(delta / size)
        dist = np.sqrt((delta**2).sum(axis=2))
        near = (dist < radius) & ~np.eye(n, dtype=bool)
        close = near & (dist < personal)
        count = near.sum(axis=1)
        some = np.maximum(count, 1)[:, None]
        cohesion = (delta * near[..., None]).sum(axis=1) / some
        alignment = near @ velocity / some - velocity
        alignment[count == 0] = 0
        separation = -(delta * close[..., None]).sum(axis=1)
        velocity += weights["cohesion"] * cohesion + weights["alignment"] * alignment + weights["separation"] * separation
        velocity = _limit(velocity, weights["top"])
        position = (position + velocity) % size
        speed = np.linalg.norm(velocity, axis=1)
        polarisation[t] = np.linalg.norm((velocity / np.maximum(speed, 1e-12)[:, None]).mean(axis=0))
    return position, velocity, polarisation


def traffic_nasch(length, density, steps, vmax=5, p=0.3, seed=0):
    """Nagel and Schreckenberg's ring road: the road as it was at every step, and the flow."""
    rng = np.random.default_rng(seed)
    ncars = int(round(density * length))
    if ncars == 0:
        return np.full((steps, length), -1), 0.0
    x = np.sort(rng.choice(length, ncars, replace=False))
    v = np.zeros(ncars, dtype=int)
    roads = np.full((steps, length), -1)
    passed = 0
    for t in range(steps):
        v = np.minimum(v + 1, vmax)
        gap = (np.roll(x, -1) - x - 1) % length
        if ncars == 1:
            gap = np.array([length - 1])
        v = np.minimum(v, gap)
        brake = rng.random(ncars) < p
        v[brake] = np.maximum(v[brake] - 1, 0)
        new = x + v
        passed += np.count_nonzero(new >= length)
        x = new % length
        roads[t, x] = v
    return roads, passed / steps


def _unhappy(grid, i, j, want):
    n, m = grid.shape
    me = grid[i, j]
    same = other = 0
    for di in (-1, 0, 1):
        for dj in (-1, 0, 1):
            if di == 0 and dj == 0:
                continue
            neighbour = grid[(i + di) % n, (j + dj) % m]
            if neighbour == 0:
                continue
            if neighbour == me:
                same += 1
            else:
                other += 1
    return same + other > 0 and same / (same + other) < want


def schelling(grid, want=0.4, sweeps=20, seed=1):
    """Segregation: who has too few neighbours of its kind moves to an empty place, in place."""
    rng = np.random.default_rng(seed)
    n, m = grid.shape
    moves = []
    for _ in range(sweeps):
        moved = 0
        for i in range(n):
            for j in range(m):
                if grid[i, j] == 0 or not _unhappy(grid, i, j, want):
                    continue
                empty = np.argwhere(grid == 0)
                if len(empty) == 0:
                    raise ValueError("nowhere to go")
                a, b = empty[rng.integers(len(empty))]
                grid[a, b], grid[i, j] = grid[i, j], 0
                moved += 1
        moves.append(moved)
        if moved == 0:
            break
    return moves


def dla(size, particles, seed=2):
    """Diffusion limited aggregation from a seed in the middle: the order in which cells froze, and the radius of gyration."""
    rng = np.random.default_rng(seed)
    frozen = np.zeros((size, size), dtype=np.int32)
    c = size // 2
    frozen[c, c] = 1
    radius = 1.0
    moves = ((0, 1), (1, 0), (0, -1), (-1, 0))
    for k in range(2, particles + 2):
        angle = 2 * math.pi * rng.random()
        x, y = int(c + (radius + 2) * math.cos(angle)), int(c + (radius + 2) * math.sin(angle))
        while True:
            dx, dy = moves[rng.integers(4)]
            x, y = x + dx, y + dy
            far = math.hypot(x - c, y - c)
            if far > 2 * radius + 5 or not (0 < x < size - 1 and 0 < y < size - 1):
                angle = 2 * math.pi * rng.random()
                x, y = int(c + (radius + 2) * math.cos(angle)), int(c + (radius + 2) * math.sin(angle))
                x, y = min(max(x, 1), size - 2), min(max(y, 1), size - 2)
                continue
            if frozen[x, y]:
                continue
            if frozen[x - 1, y] or frozen[x + 1, y] or frozen[x, y - 1] or frozen[x, y + 1]:
                frozen[x, y] = k
                radius = max(radius, far)
                break
        if radius > c - 4:
            break
    i, j = np.nonzero(frozen)
    return frozen, np.sqrt(np.mean((i - i.mean()) ** 2 + (j - j.mean()) ** 2))


def parallel_tempering(couplings, betas, sweeps=20, seed=0):
    """An Ising spin glass at several temperatures that exchange their replicas."""
    rng = np.random.default_rng(seed)
    n, R = len(couplings), len(betas)
    spins = rng.choice([-1, 1], size=(R, n))
    energy = -0.5 * np.einsum("ri,ij,rj->r", spins, couplings, spins)
    best, best_spins = energy.min(), spins[energy.argmin()].copy()
    swaps = np.zeros(R - 1, dtype=int)
    for sweep in range(sweeps):
        for r in range(R):
            for _ in range(n):
                i = rng.integers(n)
                dE = 2 * spins[r, i] * (couplings[i] @ spins[r])
                if dE <= 0 or rng.random() < np.exp(-betas[r] * dE):
                    spins[r, i] *= -1
                    energy[r] += dE
            if energy[r] < best:
                best = energy[r]
                best_spins[:] = spins[r]
        for r in range(sweep % 2, R - 1, 2):
            delta = (betas[r + 1] - betas[r]) * (energy[r + 1] - energy[r])
            if delta >= 0 or rng.random() < np.exp(delta):
                spins[[r, r + 1]] = spins[[r + 1, r]]
                energy[r], energy[r + 1] = energy[r + 1], energy[r]
                swaps[r] += 1
    return best, best_spins, swaps, energy


def american_psor(S_max, K, r, sigma, T, M=20, N=10, omega=1.2, tol=1e-6, kind="put"):
    """An American option by Crank-Nicolson and projected successive over-relaxation."""
    S = np.linspace(0, S_max, M + 1)
    if kind == "put":
        payoff = np.maximum(K - S, 0)
    elif kind == "call":
        payoff = np.maximum(S - K, 0)
    else:
        raise ValueError(f"unknown kind {kind!r}")
    dt = T / N
    i = np.arange(M + 1)
    alpha = 0.25 * dt * (sigma**2 * i**2 - r * i)
    beta = -0.5 * dt * (sigma**2 * i**2 + r)
    gamma = 0.25 * dt * (sigma**2 * i**2 + r * i)
    V = payoff.copy()
    boundary = np.zeros(N)
    total = 0
    for n in range(N):
        b = alpha[1:-1] * V[:-2] + (1 + beta[1:-1]) * V[1:-1] + gamma[1:-1] * V[2:]
        x = V.copy()
        error = tol + 1
        while error > tol:
            error = 0.0
            for j in range(1, M):
                y = (b[j - 1] + alpha[j] * x[j - 1] + gamma[j] * x[j + 1]) / (1 - beta[j])
                new = max(payoff[j], x[j] + omega * (y - x[j]))
                error += (new - x[j]) ** 2
                x[j] = new
            error = math.sqrt(error)
            total += 1
        V = x
        exercised = np.nonzero((V <= payoff + 1e-10) & (payoff > 0))[0]
        boundary[n] = S[exercised[-1] if kind == "put" else exercised[0]] if len(exercised) else np.nan
    return V, boundary, total


def cds_bootstrap(tenors, spreads, rate=0.02, recovery=0.4, frequency=4):
    """Piecewise constant hazard rates that reprice credit default swaps, and the curve of survival."""

    def survival(t, knots, hazards):
        total, last = 0.0, 0.0
        for knot, h in zip(knots, hazards):
            if t <= knot:
                return math.exp(-(total + h * (t - last)))
            total += h * (knot - last)
            last = knot
        return math.exp(-(total + hazards[-1] * (t - last)))

    def value(spread, tenor, knots, hazards):
        premium = protection = 0.0
        q_last = 1.0
        for k in range(1, int(tenor * frequency) + 1):
            t = k / frequency
            q, df = survival(t, knots, hazards), math.exp(-rate * t)
            premium += df * q / frequency + 0.5 * df * (q_last - q) / frequency
            protection += df * (q_last - q)
            q_last = q
        return spread * premium - (1 - recovery) * protection

    hazards = []
    for n, (tenor, spread) in enumerate(zip(tenors, spreads)):
        low, high = 0.0, 5.0
        knots = tenors[: n + 1]
        assert value(spread, tenor, knots, hazards + [low]) >= 0, "the spread falls too fast"
        for _ in range(60):
            mid = 0.5 * (low + high)
            if value(spread, tenor, knots, hazards + [mid]) > 0:
                low = mid
            else:
                high = mid
        hazards.append(0.5 * (low + high))
    curve = np.array([survival(t, tenors, hazards) for t in np.arange(0, tenors[-1] + 0.5, 0.5)])
    return np.array(hazards), curve


def merton_jumps(s0, mu, sigma, lam, jump_mean, jump_std, T=1.0, steps=50, paths=100, seed=4, strikes=(90.0, 100.0, 110.0)):
    """Paths with lognormal jumps, European calls on them, and the series of Black-Scholes prices they estimate."""
    rng = np.random.default_rng(seed)
    dt = T / steps
    k = np.exp(jump_mean + 0.5 * jump_std**2) - 1
    drift = (mu - lam * k - 0.5 * sigma**2) * dt
    logs = np.zeros((paths, steps + 1))
    logs[:, 0] = np.log(s0)
    for i in range(1, steps + 1):
        z = rng.standard_normal(paths)
        jumps = rng.poisson(lam * dt, paths)
        size = jump_mean * jumps + jump_std * np.sqrt(jumps) * rng.standard_normal(paths)
        logs[:, i] = logs[:, i - 1] + drift + sigma * np.sqrt(dt) * z + size
    final = np.exp(logs[:, -1])
    prices = {}
    for strike in strikes:
        payoff = np.exp(-mu * T) * np.maximum(final - strike, 0)
        exact = 0.0
        for n in range(15):
            s = np.sqrt(sigma**2 + n * jump_std**2 / T)
            r = mu - lam * k + n * np.log(1 + k) / T
            d1 = (np.log(s0 / strike) + (r + 0.5 * s**2) * T) / (s * np.sqrt(T))
            d2 = d1 - s * np.sqrt(T)
            N1, N2 = 0.5 * (1 + math.erf(d1 / math.sqrt(2))), 0.5 * (1 + math.erf(d2 / math.sqrt(2)))
            weight = np.exp(-lam * (1 + k) * T) * (lam * (1 + k) * T) ** n / math.factorial(n)
            exact += weight * (s0 * N1 - strike * np.exp(-r * T) * N2)
        prices[strike] = (payoff.mean(), payoff.std() / np.sqrt(paths), exact)
    return np.exp(logs), prices


def exposure_profile(notional, fixed, maturities, paths=100, steps=24, kappa=0.2, theta=0.03, vol=0.01, seed=9):
    """Expected and potential exposure of a netting set of swaps under Vasicek's short rate, and the adjustment for credit."""
    rng = np.random.default_rng(seed)
    horizon = max(maturities)
    dt = horizon / steps
    r = np.full(paths, 0.02)
    epe, ene, pfe = np.zeros(steps + 1), np.zeros(steps + 1), np.zeros(steps + 1)

    def bond(r, tau):
        B = (1 - np.exp(-kappa * tau)) / kappa
        A = np.exp((theta - vol**2 / (2 * kappa**2)) * (B - tau) - vol**2 * B**2 / (4 * kappa))
        return A * np.exp(-B * r)

    for s in range(steps + 1):
        t = s * dt
        value = np.zeros(paths)
        for n, c, m in zip(notional, fixed, maturities):
            if t >= m:
                continue
            dates = np.arange(np.floor(t * 2) / 2 + 0.5, m + 1e-9, 0.5)
            annuity = np.zeros(paths)
            for d in dates:
                annuity += 0.5 * bond(r, d - t)
            value += n * (1 - bond(r, m - t) - c * annuity)
        epe[s] = np.maximum(value, 0).mean()
        ene[s] = np.minimum(value, 0).mean()
        pfe[s] = np.percentile(value, 95)
        r = r + kappa * (theta - r) * dt + vol * np.sqrt(dt) * rng.standard_normal(paths)
    default = np.exp(-0.02 * dt * np.arange(steps)) - np.exp(-0.02 * dt * np.arange(1, steps + 1))
    cva = 0.6 * np.sum(0.5 * (epe[1:] + epe[:-1]) * default)
    return epe, ene, pfe, cva


def hawkes(mu, alpha, beta, horizon, seed=5):
    """Events of a self-exciting process by Ogata's thinning, and the likelihood of what was drawn."""
    if alpha >= beta:
        raise ValueError("the process explodes")
    rng = np.random.default_rng(seed)
    times, t, excited = [], 0.0, 0.0
    while True:
        upper = mu + excited
        wait = rng.exponential(1 / upper)
        t += wait
        if t > horizon:
            break
        excited *= math.exp(-beta * wait)
        if rng.random() * upper <= mu + excited:
            times.append(t)
            excited += alpha
    events = np.array(times)
    A = np.zeros(len(events))
    for i in range(1, len(events)):
        A[i] = np.exp(-beta * (events[i] - events[i - 1])) * (1 + A[i - 1])
    loglik = np.sum(np.log(mu + alpha * A)) - mu * horizon
    loglik -= alpha / beta * np.sum(1 - np.exp(-beta * (horizon - events)))
    counts = [bisect.bisect(times, x) for x in range(int(horizon) + 1)]
    return events, loglik, counts


def tour_length(tour, D):
    return sum(D[tour[i - 1], tour[i]] for i in range(len(tour)))


def two_opt(points, start=0, max_rounds=50):
    """A tour by the nearest neighbour, then reversals of its parts for as long as they shorten it."""
    n = len(points)
    D = np.hypot(points[:, None, 0] - points[None, :, 0], points[:, None, 1] - points[None, :, 1])
    unvisited = set(range(n))
    unvisited.remove(start)
    order = [start]
    while unvisited:
        here = order[-1]
        nearest = min(unvisited, key=lambda c: (D[here, c], c))
        order.append(nearest)
        unvisited.remove(nearest)
    tour = np.array(order)
    lengths = [tour_length(tour, D)]
    improved = True
    while improved and len(lengths) <= max_rounds:
        improved = False
        for i in range(1, n - 1):
            for j in range(i + 1, n):
                a, b, c, d = tour[i - 1], tour[i], tour[j], tour[(j + 1) % n]
                if D[a, c] + D[b, d] < D[a, b] + D[c, d] - 1e-12:
                    tour[i : j + 1] = tour[i : j + 1][::-1]
                    improved = True
        lengths.append(tour_length(tour, D))
    return tour, np.array(lengths)


def louvain_level(W, max_passes=10):
    """The first level of Louvain's method: communities by moving one node after another, and the graph of communities."""
    n = W.shape[0]
    m2 = W.sum()
    degree = W.sum(axis=1)
    community = np.arange(n)
    total = degree.astype(float).copy()
    for passes in range(max_passes):
        moved = False
        for v in range(n):
            old = community[v]
            links = defaultdict(float)
            for u in np.flatnonzero(W[v]):
                if u != v:
                    links[community[u]] += W[v, u]
            total[old] -= degree[v]
            best, best_gain = old, links.get(old, 0.0) - total[old] * degree[v] / m2
            for c in sorted(links):
                gain = links[c] - total[c] * degree[v] / m2
                if gain > best_gain + 1e-12:
                    best, best_gain = c, gain
            total[best] += degree[v]
            community[v] = best
            moved |= bool(best != old)
        if not moved:
            break
    labels, community = np.unique(community, return_inverse=True)
    k = len(labels)
    B = np.zeros((k, k))
    np.add.at(B, (community[:, None], community[None, :]), W)
    modularity = np.trace(B) / m2 - np.sum((B.sum(axis=1) / m2) ** 2)
    return community, B, modularity, passes + 1


def stoer_wagner(weights):
    """The lightest cut of an undirected graph, and one of its sides."""
    w = np.array(weights)
    n = len(w)
    merged = [[i] for i in range(n)]
    alive = list(range(n))
    best, side = np.inf, None
    while len(alive) > 1:
        a = alive[0]
        attached = w[a].copy()
        inside = [a]
        rest = alive[1:]
        while rest:
            k = max(rest, key=lambda v: attached[v])
            inside.append(k)
            rest.remove(k)
            if rest:
                attached += w[k]
        s, t = inside[-2], inside[-1]
        cut = attached[t]
        if cut < best:
            best, side = cut, sorted(merged[t])
        merged[s] += merged[t]
        w[s] += w[t]
        w[:, s] = w[s]
        w[s, s] = 0
        alive.remove(t)
    return best, side


def minimum_mean_cycle(n, edges, weights):
    """Karp's algorithm; None where there is no cycle."""
    D = np.full((n + 1, n), np.inf)
    parent = np.full((n + 1, n), -1)
    D[0] = 0.0
    for k in range(1, n + 1):
        for (u, v), w in zip(edges, weights):
            if D[k - 1, u] + w < D[k, v]:
                D[k, v] = D[k - 1, u] + w
                parent[k, v] = u
    best, where = np.inf, -1
    for v in range(n):
        if np.isinf(D[n, v]):
            continue
        worst = max((D[n, v] - D[k, v]) / (n - k) for k in range(n) if np.isfinite(D[k, v]))
        if worst < best:
            best, where = worst, v
    if where < 0:
        return None
    walk = [where]
    for k in range(n, 0, -1):
        walk.append(int(parent[k, walk[-1]]))
    return float(best), walk[::-1]


def _glass(rng, n):
    J = np.triu(rng.standard_normal((n, n)), 1)
    return J + J.T


def _districts(rng, blocks, size, inside=0.8, across=0.1):
    n = blocks * size
    same = np.equal.outer(np.arange(n) // size, np.arange(n) // size)
    W = np.triu(rng.random((n, n)) < np.where(same, inside, across), 1)
    return (W | W.T).astype(float)


CASES = {
    boids: lambda rng: [
        (rng.uniform(0, 100, (20, 2)), rng.normal(0, 1, (20, 2)), 10),
        (rng.uniform(0, 40, (6, 2)), rng.normal(0, 4, (6, 2)), 5, 40.0, {"top": 2.0}, 30.0),
        (rng.uniform(0, 50, (5, 3)).astype(np.float32), np.ones((5, 3), dtype=np.float32), 3, 50.0),
    ],
    traffic_nasch: lambda rng: [(60, 0.3, 20), (30, 0.0, 5), (25, 0.04, 8, 3, 0.0), (40, 0.9, 10, 5, 0.5, 8)],
    schelling: lambda rng: [
        (rng.choice([0, 1, 2], (6, 7), p=[0.2, 0.4, 0.4]), 0.4, 5),
        (np.array([[1, 1], [1, 1]]), 0.5, 3),
    ],
    dla: lambda rng: [(31, 25), (15, 40, 5), (21, 3, 0)],
    parallel_tempering: lambda rng: [
        (_glass(rng, 10), np.array([0.1, 0.5, 1.0, 2.0]), 5),
        (_glass(rng, 6), [0.2, 1.0], 4, 3),
        (np.sign(_glass(rng, 5)), (0.5, 0.6, 0.7), 3, 8),
    ],
    american_psor: lambda rng: [
        (100.0, 50.0, 0.1, 0.4, 5 / 12),
        (80, 40, 0.05, 0.3, 1, 16, 5, 1.0, 1e-4, "call"),
        (100.0, np.float32(45), 0.0, 0.2, 0.5, 10, 4),
        (100.0, 50.0, 0.1, 0.4, 1.0, 10, 5, 1.2, 1e-6, "straddle"),
    ],
    cds_bootstrap: lambda rng: [
        ((1, 2), (0.02, 0.025), 0.01, 0.2, 2),
        ([1, 2, 5], [0.05, 0.04, 0.001]),
    ],
    merton_jumps: lambda rng: [
        (100.0, 0.05, 0.2, 0.5, -0.1, 0.15),
        (100.0, 0.02, 0.3, 1.0, 0.0, 0.1, 0.5, 10, 40, 1, (80.0,)),
        (50, 0.0, 0.1, 2.0, -0.05, 0.02, 2.0, 8, 20, 2, (45, 55)),
    ],
    exposure_profile: lambda rng: [
        ([10], [0.02], [1], 30, 4),
        ((1.0, -2.0), (0.01, 0.02), (0.5, 1.0), 20, 3, 0.5, 0.04, 0.02, 1),
    ],
    hawkes: lambda rng: [(1.0, 0.5, 1.5, 30.0), (0.2, 0.1, 2.0, 10, 3), (0.5, 2.0, 1.0, 5.0), (1e-3, 0.5, 1.0, 1.0, 2)],
    two_opt: lambda rng: [
        (rng.random((25, 2)),),
        (rng.integers(0, 10, (12, 2)), 3),
    ],
    louvain_level: lambda rng: [
        (_districts(rng, 3, 6),),
        (np.array([[0, 1.5, 0], [1.5, 0, 0.5], [0, 0.5, 0]]),),
    ],
    stoer_wagner: lambda rng: [
        (_districts(rng, 2, 7, 0.9, 0.2) * np.add.outer(np.arange(14) % 3, np.arange(14) % 3),),
        ([[0, 2, 3, 0], [2, 0, 1, 4], [3, 1, 0, 2], [0, 4, 2, 0]],),
        (np.array([[0, 7], [7, 0]], dtype=np.int16),),
    ],
    minimum_mean_cycle: lambda rng: [
        (4, [(0, 1), (1, 2), (2, 0), (2, 3), (3, 1)], [1.0, 2.0, 3.0, -1.0, 0.5]),
        (6, [(int(a), int(b)) for a, b in rng.integers(0, 6, (15, 2))], rng.normal(0, 2, 15)),
        (3, [(0, 1), (1, 2)], [1, 1]),
    ],
}
