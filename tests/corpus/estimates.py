"""Statistics and money: samplers, mixtures, trees, particles, curves and books, with the state and reports of real scripts."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


def nuts_like_hmc(data, start, samples, step, leaps, rng, adapt=10, target=0.8):
    """Hamiltonian Monte Carlo for a normal's mean and log scale, with dual averaging of the step."""
    n, total, squares = len(data), data.sum(), (data**2).sum()

    def log_density(q):
        mu, s = q
        return -n * s - 0.5 * np.exp(-2 * s) * (squares - 2 * mu * total + n * mu**2) - 0.5 * (mu**2 / 100 + s**2)

    def gradient(q):
        mu, s = q
        w = np.exp(-2 * s)
        return np.array([w * (total - n * mu) - mu / 100, -n + w * (squares - 2 * mu * total + n * mu**2) - s])

    q = np.array(start, dtype=float)
    chain = np.empty((samples, 2))
    accepted = 0
    log_bar, h_bar, anchor = 0.0, 0.0, math.log(10 * step)
    for k in range(samples + adapt):
        p = rng.normal(size=2)
        energy = 0.5 * p @ p - log_density(q)
        new, momentum = q.copy(), p + 0.5 * step * gradient(q)
        for leap in range(leaps):
            new += step * momentum
            if leap != leaps - 1:
                momentum += step * gradient(new)
        momentum += 0.5 * step * gradient(new)
        change = energy - (0.5 * momentum @ momentum - log_density(new))
        probability = min(1.0, math.exp(change)) if np.isfinite(change) and change > -700 else 0.0
        if rng.uniform() < probability:
            q = new
            accepted += k >= adapt
        if k < adapt:
            m = k + 1
            h_bar = (1 - 1 / (m + 10)) * h_bar + (target - probability) / (m + 10)
            log_step = anchor - math.sqrt(m) / 0.05 * h_bar
            log_bar = m**-0.75 * log_step + (1 - m**-0.75) * log_bar
            step = math.exp(log_step)
            if k == adapt - 1:
                step = math.exp(log_bar)
        else:
            chain[k - adapt] = q
    mean = chain.mean(axis=0)
    centred = chain - mean
    lag = (centred[1:] * centred[:-1]).sum(axis=0) / np.maximum((centred**2).sum(axis=0), 1e-300)
    return chain, accepted / samples, step, lag


@dataclass
class Node:
    feature: int = -1
    threshold: float = 0.0
    left: object = None
    right: object = None
    value: float = 0.0

    def predict(self, row):
        if self.left is None:
            return self.value
        return (self.left if row[self.feature] <= self.threshold else self.right).predict(row)


def grow_tree(x, y, depth, min_leaf):
    node = Node(value=float(y.mean()))
    if depth == 0 or len(y) < 2 * min_leaf or np.ptp(y) == 0:
        return node
    best = 0.0
    parent = ((y - y.mean()) ** 2).sum()
    for j in range(x.shape[1]):
        order = np.argsort(x[:, j], kind="stable")
        xs, ys = x[order, j], y[order]
        left_sum, left_sq = np.cumsum(ys), np.cumsum(ys**2)
        for i in range(min_leaf - 1, len(y) - min_leaf):
            if xs[i] == xs[i + 1]:
                continue
            nl, nr = i + 1, len(y) - i - 1
            sse = left_sq[i] - left_sum[i] ** 2 / nl
            sse += (left_sq[-1] - left_sq[i]) - (left_sum[-1] - left_sum[i]) ** 2 / nr
            gain = parent - sse
            if gain > best + 1e-12:
                best = gain
                node.feature, node.threshold = j, float(0.5 * (xs[i] + xs[i + 1]))
    if node.feature >= 0:
        mask = x[:, node.feature] <= node.threshold
        node.left = grow_tree(x[mask], y[mask], depth - 1, min_leaf)
        node.right = grow_tree(x[~mask], y[~mask], depth - 1, min_leaf)
    return node


def gradient_boosting(x, y, x_test, rounds=10, rate=0.3, depth=2, min_leaf=2):
    """Regression trees fitted to residuals, one after the other."""
    base = y.mean()
    fitted = np.full(len(y), base)
    out = np.full(len(x_test), base)
    losses, features = [], {}
    for _ in range(rounds):
        residual = y - fitted
        tree = grow_tree(x, residual, depth, min_leaf)
        if tree.left is None:
            break
        features[tree.feature] = features.get(tree.feature, 0) + 1
        fitted += rate * np.array([tree.predict(row) for row in x])
        out += rate * np.array([tree.predict(row) for row in x_test])
        losses.append(float(np.mean((y - fitted) ** 2)))
    return out, losses, dict(sorted(features.items()))


def gp_optimise(grid, start, rounds, length=0.2, noise=1e-6, acquisition="ei", kappa=2.0):
    """Bayesian optimisation on a grid: a Gaussian process with its own Cholesky, expected improvement or a bound."""

    def objective(t):
        return math.sin(3 * t) + t**2 - 0.7 * t

    def kernel(a, b):
        return np.exp(-0.5 * np.subtract.outer(a, b) ** 2 / length**2)

    chosen = list(start)
    xs = [float(grid[i]) for i in chosen]
    ys = [objective(t) for t in xs]
    trace = []
    for _ in range(rounds):
        a, f = np.array(xs), np.array(ys)
        mean, spread = f.mean(), f.std() or 1.0
        L = np.linalg.cholesky(kernel(a, a) + noise * np.eye(len(a)))
        weights = np.linalg.solve(L.T, np.linalg.solve(L, (f - mean) / spread))
        cross = kernel(grid, a)
        mu = cross @ weights * spread + mean
        v = np.linalg.solve(L, cross.T)
        var = np.maximum(1 - (v**2).sum(axis=0), 1e-12)
        sd = np.sqrt(var) * spread
        if acquisition == "ei":
            z = (min(ys) - mu) / sd
            cdf = np.array([0.5 * (1 + math.erf(t / math.sqrt(2))) for t in z])
            score = (min(ys) - mu) * cdf + sd * np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)
        elif acquisition == "lcb":
            score = kappa * sd - mu
        else:
            raise ValueError(acquisition)
        score[chosen] = -np.inf
        k = int(np.argmax(score))
        chosen.append(k)
        xs.append(float(grid[k]))
        ys.append(objective(xs[-1]))
        trace.append(min(ys))
    best = min(range(len(ys)), key=ys.__getitem__)
    return chosen, xs[best], ys[best], trace


def particle_smoother(observations, particles, seed, resample="systematic", threshold=0.5):
    """A stochastic volatility model: bootstrap filter with three ways to resample and backward simulation of one path."""
    rng = np.random.default_rng(seed)
    phi, sigma, beta = 0.95, 0.3, 0.6
    n = len(observations)
    x = rng.normal(0, sigma / math.sqrt(1 - phi**2), particles)
    logw = np.full(particles, -math.log(particles))
    history, weights = np.empty((n, particles)), np.empty((n, particles))
    loglik, resampled = 0.0, []
    for t, y in enumerate(observations):
        if t:
            x = phi * x + sigma * rng.normal(size=particles)
        logw = logw - 0.5 * x - 0.5 * (y / beta) ** 2 * np.exp(-x)
        top = logw.max()
        w = np.exp(logw - top)
        loglik += top + math.log(w.sum())
        w /= w.sum()
        history[t], weights[t] = x, w
        ess = 1 / np.sum(w**2)
        if ess < threshold * particles:
            resampled.append(t)
            if resample == "systematic":
                u = (rng.random() + np.arange(particles)) / particles
                index = np.searchsorted(np.cumsum(w), u)
                index = np.minimum(index, particles - 1)
            elif resample == "residual":
                copies = np.floor(particles * w).astype(int)
                index = np.repeat(np.arange(particles), copies)
                rest = particles - len(index)
                if rest:
                    extra = particles * w - copies
                    index = np.concatenate([index, rng.choice(particles, rest, p=extra / extra.sum())])
            else:
                index = rng.choice(particles, particles, p=w)
            x = x[index]
            logw = np.full(particles, -math.log(particles))
        else:
            logw = np.log(w)
    path = np.empty(n)
    k = rng.choice(particles, p=weights[-1])
    path[-1] = history[-1, k]
    for t in range(n - 2, -1, -1):
        lw = np.log(weights[t]) - 0.5 * ((path[t + 1] - phi * history[t]) / sigma) ** 2
        w = np.exp(lw - lw.max())
        path[t] = history[t, rng.choice(particles, p=w / w.sum())]
    return loglik, resampled, path, (history * weights).sum(axis=1)


def k_medoids(points, k, metric="euclidean", seed=None, max_iter=50):
    """Partitioning around medoids: build greedily or at random, then swap while it helps."""
    metrics = {
        "euclidean": lambda a, b: np.sqrt(((a - b) ** 2).sum(-1)),
        "manhattan": lambda a, b: np.abs(a - b).sum(-1),
        "chebyshev": lambda a, b: np.abs(a - b).max(-1),
    }
    d = metrics[metric](points[:, None], points[None])
    n = len(points)
    if not 1 <= k <= n:
        raise ValueError(f"k must be between 1 and {n}, not {k}")
    if seed is None:
        medoids = [int(d.sum(axis=0).argmin())]
        while len(medoids) < k:
            nearest = d[:, medoids].min(axis=1)
            gains = np.maximum(nearest[:, None] - d, 0).sum(axis=0)
            gains[medoids] = -1
            medoids.append(int(gains.argmax()))
    else:
        medoids = np.random.default_rng(seed).permutation(n)[:k].tolist()
    cost = d[:, medoids].min(axis=1).sum()
    swaps = 0
    improved = True
    while improved and swaps < max_iter:
        improved = False
        best = (cost, None, None)
        for i in range(k):
            for candidate in range(n):
                if candidate in medoids:
                    continue
                trial = medoids[:i] + [candidate] + medoids[i + 1 :]
                new = d[:, trial].min(axis=1).sum()
                if new < best[0] - 1e-12:
                    best = (new, i, candidate)
        if best[1] is not None:
            cost, i, candidate = best
            medoids[i] = candidate
            swaps += 1
            improved = True
    labels = d[:, medoids].argmin(axis=1)
    return medoids, labels, cost, swaps


class YieldCurve:
    """Discount factors at pillars, log-linear between them."""

    def __init__(self):
        self.times = [0.0]
        self.logs = [0.0]

    def add(self, t, df):
        self.times.append(t)
        self.logs.append(math.log(df))

    def discount(self, t):
        if t <= self.times[-1]:
            return math.exp(np.interp(t, self.times, self.logs))
        slope = (self.logs[-1] - self.logs[-2]) / (self.times[-1] - self.times[-2])
        return math.exp(self.logs[-1] + slope * (t - self.times[-1]))


def bootstrap_and_price(instruments, bonds, frequency=2):
    """Build a curve from deposits and swaps, Newton on each pillar, then price bonds and their key-rate durations."""
    curve = YieldCurve()
    for kind, maturity, rate in sorted(instruments, key=lambda item: item[1]):
        if kind == "deposit":
            curve.add(maturity, 1 / (1 + rate * maturity))
        elif kind == "swap":
            times = [(i + 1) / frequency for i in range(int(round(maturity * frequency)))]
            known = sum(curve.discount(t) for t in times if t <= curve.times[-1])
            unknown = [t for t in times if t > curve.times[-1]]
            last_t, last_log = curve.times[-1], curve.logs[-1]
            x = last_log - rate * (maturity - last_t)
            for _ in range(50):
                annuity, slope = known, 0.0
                for t in unknown:
                    share = (t - last_t) / (maturity - last_t)
                    df = math.exp(last_log + share * (x - last_log))
                    annuity += df
                    slope += share * df
                error = rate / frequency * annuity + math.exp(x) - 1
                x -= error / (rate / frequency * slope + math.exp(x))
                if abs(error) < 1e-14:
                    break
            curve.add(maturity, math.exp(x))
        else:
            raise ValueError(f"unknown instrument {kind}")
    prices = {}
    for name, (coupon, maturity) in bonds.items():
        flows = [(t / frequency, coupon / frequency) for t in range(1, int(maturity * frequency) + 1)]
        flows[-1] = (flows[-1][0], flows[-1][1] + 1.0)
        price = sum(c * curve.discount(t) for t, c in flows)
        duration = sum(t * c * curve.discount(t) for t, c in flows) / price
        prices[name] = (round(100 * price, 4), round(duration, 4))
    zero = [-curve.logs[i] / curve.times[i] for i in range(1, len(curve.times))]
    return np.array(zero), prices


def longstaff_bermudan(s0, strikes, weights, vol, corr, r, t, dates, paths, seed, degree=2, antithetic=True):
    """A Bermudan put on a basket: correlated paths, regression on polynomials of the basket, and a standard error."""
    rng = np.random.default_rng(seed)
    assets = len(s0)
    root = np.linalg.cholesky(corr)
    dt = t / dates
    half = paths // 2 if antithetic else paths
    z = rng.standard_normal((dates, half, assets))
    if antithetic:
        z = np.concatenate([z, -z], axis=1)
    shocks = z @ root.T
    logs = np.cumsum((r - 0.5 * vol**2) * dt + vol * np.sqrt(dt) * shocks, axis=0)
    basket = (s0 * np.exp(logs)) @ weights
    results = []
    for strike in strikes:
        payoff = np.maximum(strike - basket, 0)
        cash = payoff[-1].copy()
        exercised = np.full(cash.shape, dates - 1)
        for k in range(dates - 2, -1, -1):
            cash *= np.exp(-r * dt)
            inside = np.flatnonzero(payoff[k] > 0)
            if inside.size <= degree:
                continue
            m = basket[k, inside] / strike
            design = np.vander(m, degree + 1)
            beta, *_ = np.linalg.lstsq(design, cash[inside], rcond=None)
            now = payoff[k, inside] > design @ beta
            where = inside[now]
            cash[where] = payoff[k, where]
            exercised[where] = k
        cash *= np.exp(-r * dt)
        results.append((float(strike), cash.mean(), cash.std(ddof=1) / np.sqrt(len(cash)), exercised.mean()))
    return results


def garch_fit(returns, start=(0.05, 0.1, 0.8), max_iter=150, students_t=None):
    """Maximum likelihood of GARCH(1,1) by coordinate pattern search on transformed parameters."""
    e = returns - returns.mean()
    n = len(e)
    calls = [0]

    def unpack(theta):
        omega = math.exp(theta[0])
        a, b = math.exp(theta[1]), math.exp(theta[2])
        return omega, a / (1 + a + b), b / (1 + a + b)

    def negative(theta):
        calls[0] += 1
        omega, alpha, beta = unpack(theta)
        h = e.var()
        total = 0.0
        for t in range(n):
            if h <= 0:
                return math.inf
            if students_t is None:
                total += 0.5 * (math.log(2 * math.pi) + math.log(h) + e[t] ** 2 / h)
            else:
                v = students_t
                total += 0.5 * math.log(h) + (v + 1) / 2 * math.log1p(e[t] ** 2 / (h * (v - 2)))
            h = omega + alpha * e[t] ** 2 + beta * h
        return total

    omega, alpha, beta = start
    rest = 1 - alpha - beta
    theta = [math.log(omega * e.var()), math.log(alpha / rest), math.log(beta / rest)]
    best = negative(theta)
    sizes = [0.5] * 3
    it = 0
    while it < max_iter and max(sizes) > 1e-4:
        for i in range(3):
            for direction in (1, -1):
                trial = list(theta)
                trial[i] += direction * sizes[i]
                value = negative(trial)
                if value < best:
                    best, theta = value, trial
                    sizes[i] *= 1.5
                    break
            else:
                sizes[i] *= 0.5
            it += 1
    omega, alpha, beta = unpack(theta)
    return {"omega": omega, "alpha": alpha, "beta": beta, "loglik": -best, "calls": calls[0]}


def _medoid_points(rng):
    return np.concatenate([rng.normal(c, 0.4, (6, 2)) for c in ((0, 0), (3, 0), (0, 3))])


_MARKET = [("swap", 2.0, 0.03), ("deposit", 0.5, 0.02), ("deposit", 1.0, 0.025), ("swap", 5.0, 0.035)]

CASES = {
    nuts_like_hmc: lambda rng: [
        (rng.normal(1, 2, 30), [0.0, 0.0], 25, 0.05, 5, rng),
        (rng.normal(-3, 0.5, 12), np.array([0, 0]), 15, 0.2, 3, np.random.default_rng(4), 20, 0.6),
        (np.array([1, 2, 4]), (1, 1), 10, 0.3, 2, np.random.default_rng(5), 0),
    ],
    gradient_boosting: lambda rng: [
        (x := rng.uniform(-1, 1, (30, 3)), np.sin(3 * x[:, 0]) + x[:, 1], rng.uniform(-1, 1, (5, 3))),
        (rng.integers(0, 4, (20, 2)), rng.standard_normal(20), rng.integers(0, 4, (4, 2)), 5, 0.5, 3, 1),
        (rng.random((6, 2)).astype(np.float32), np.ones(6, np.float32), rng.random((2, 2)).astype(np.float32)),
    ],
    gp_optimise: lambda rng: [
        (np.linspace(-1, 2, 60), [5, 30], 6),
        (np.linspace(-1, 2, 25), (0, 12, 24), 4, 0.5, 1e-4, "lcb"),
        (np.linspace(0, 1, 9), [1, 2], 3, 0.1, 1e-6, "pi"),
    ],
    particle_smoother: lambda rng: [
        (rng.standard_normal(20), 50, 1),
        (rng.standard_normal(12) * 2, 30, 2, "residual", 0.9),
        (rng.standard_normal(8).astype(np.float32), 25, 3, "multinomial", 1.0),
    ],
    k_medoids: lambda rng: [
        (_medoid_points(rng), 3),
        (_medoid_points(rng).astype(np.float32), 2, "manhattan", 4),
        (rng.integers(0, 9, (10, 3)), 4, "chebyshev"),
        (_medoid_points(rng), 30),
    ],
    bootstrap_and_price: lambda rng: [
        (_MARKET, {"short": (0.03, 2), "long": (0.04, 5)}),
        (_MARKET[:3], {"only": (0.02, 3)}, 1),
        ([("future", 1, 0.02)], {}),
    ],
    longstaff_bermudan: lambda rng: [
        (
            np.array([100.0, 95.0]),
            [90, 100, 110],
            np.array([0.5, 0.5]),
            np.array([0.2, 0.3]),
            np.array([[1, 0.4], [0.4, 1]]),
            0.03,
            1.0,
            6,
            200,
            7,
        ),
        (np.array([100.0]), (95.0,), np.ones(1), np.array([0.25]), np.eye(1), 0.01, 0.5, 4, 99, 8, 3, False),
        (np.array([10, 20]), [1.0], np.array([1, 0]), np.array([0.1, 0.1]), np.eye(2), 0.0, 1.0, 3, 40, 9),
    ],
    garch_fit: lambda rng: [
        (rng.standard_normal(60),),
        (rng.standard_t(5, 40), (0.1, 0.2, 0.6), 30, 6.0),
        (rng.standard_normal(50).astype(np.float32), (0.05, 0.05, 0.9), 12),
    ],
}
