"""Econometrics and finance: estimators, filters, trees, books."""

import heapq
import math
from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np

OLSResult = namedtuple("OLSResult", "beta se tstat r2 resid")


def ols_robust(y, x, add_constant=True, cov="hc1"):
    """Least squares with classical, White or Newey–West standard errors."""
    y = np.asarray(y, dtype=float)
    x = np.asarray(x, dtype=float)
    if x.ndim == 1:
        x = x[:, None]
    if add_constant:
        x = np.column_stack([np.ones(len(x)), x])
    n, k = x.shape
    if n <= k:
        raise ValueError(f"{n} observations for {k} parameters")
    xtx_inv = np.linalg.inv(x.T @ x)
    beta = xtx_inv @ x.T @ y
    e = y - x @ beta
    if cov == "classical":
        v = e @ e / (n - k) * xtx_inv
    else:
        meat = (x * e[:, None] ** 2).T @ x
        if cov == "hc1":
            meat *= n / (n - k)
        elif cov == "hac":
            lags = int(4 * (n / 100) ** (2 / 9))
            for lag in range(1, lags + 1):
                g = (x[lag:] * e[lag:, None]).T @ (x[:-lag] * e[:-lag, None])
                meat += (1 - lag / (lags + 1)) * (g + g.T)
        else:
            raise ValueError(f"unknown covariance {cov!r}")
        v = xtx_inv @ meat @ xtx_inv
    se = np.sqrt(np.diag(v))
    tss = np.sum((y - y.mean()) ** 2)
    r2 = 1 - e @ e / tss if tss > 0 else np.nan
    return OLSResult(beta, se, beta / se, r2, e)


def rolling_beta(asset, market, window=20, min_obs=10):
    """Betas over moving windows with missing returns."""
    n = len(asset)
    beta = np.full(n, np.nan)
    for t in range(window - 1, n):
        a, m = asset[t - window + 1 : t + 1], market[t - window + 1 : t + 1]
        ok = ~(np.isnan(a) | np.isnan(m))
        if ok.sum() < min_obs:
            continue
        a, m = a[ok], m[ok]
        var = m.var()
        beta[t] = ((a - a.mean()) * (m - m.mean())).mean() / var if var > 0 else 0.0
    return beta


def gjr_garch(params, returns, full=False):
    """Negative log likelihood of GJR-GARCH(1, 1); infinite outside its region."""
    omega, alpha, gamma, beta = params
    if omega <= 0 or alpha < 0 or beta < 0 or alpha + beta + gamma / 2 >= 1:
        return np.inf
    n = len(returns)
    h = np.empty(n)
    h[0] = np.var(returns)
    for t in range(1, n):
        r = returns[t - 1]
        h[t] = omega + (alpha + gamma * (r < 0)) * r**2 + beta * h[t - 1]
    ll = 0.5 * np.sum(np.log(2 * np.pi) + np.log(h) + returns**2 / h)
    return (ll, h) if full else ll


def coordinate_fit(returns, start=(1e-5, 0.05, 0.05, 0.85), rounds=8):
    """Fits the above by steps along each coordinate that grow or shrink."""
    best = list(start)
    value = gjr_garch(best, returns)
    steps = [0.3 * abs(p) + 1e-6 for p in best]
    path = [value]
    for _ in range(rounds):
        for k in range(len(best)):
            for sign in (1, -1):
                trial = best.copy()
                trial[k] += sign * steps[k]
                v = gjr_garch(trial, returns)
                if v < value:
                    best, value = trial, v
                    steps[k] *= 1.5
                    break
            else:
                steps[k] *= 0.5
        path.append(value)
        if len(path) > 2 and path[-2] - path[-1] < 1e-9:
            break
    return best, value, path


@dataclass
class LocalLevel:
    """A random walk seen through noise."""

    q: float
    r: float
    mean: float = 0.0
    var: float = 1e6
    loglik: float = field(default=0.0, init=False)

    def update(self, y):
        prior = self.var + self.q
        if np.isnan(y):
            self.var = prior
            return self.mean
        f = prior + self.r
        v = y - self.mean
        gain = prior / f
        self.mean = self.mean + gain * v
        self.var = prior * (1 - gain)
        self.loglik -= 0.5 * (math.log(2 * math.pi * f) + v * v / f)
        return self.mean


def local_level_grid(y, ratios=(0.01, 0.1, 1.0, 10.0), r=1.0):
    """The signal-to-noise ratio of greatest likelihood, and the filter's path with it."""
    best, table = None, {}
    for q in ratios:
        model = LocalLevel(q * r, r)
        path = np.array([model.update(v) for v in y])
        table[q] = model.loglik
        if best is None or model.loglik > best[0]:
            best = (model.loglik, q, path)
    return best, table


def bootstrap_filter(y, n, rng, phi=0.95, sigma=0.3, beta=0.7):
    """Stochastic volatility by a particle filter that resamples when few particles count."""
    particles = rng.normal(0, sigma / math.sqrt(1 - phi**2), n)
    weights = np.full(n, 1 / n)
    means, loglik, resampled = [], 0.0, 0
    for obs in y:
        particles = phi * particles + sigma * rng.normal(size=n)
        scale = beta * np.exp(particles / 2)
        like = np.exp(-0.5 * (obs / scale) ** 2) / (scale * np.sqrt(2 * np.pi))
        weights = weights * like
        total = weights.sum()
        if total < 1e-300:
            weights[:] = 1 / n
            total = 1e-300
        else:
            weights /= total
        loglik += np.log(total)
        means.append(float(weights @ particles))
        if 1 / np.sum(weights**2) < n / 2:
            positions = (rng.random() + np.arange(n)) / n
            index = np.searchsorted(np.cumsum(weights), positions)
            particles = particles[np.minimum(index, n - 1)]
            weights = np.full(n, 1 / n)
            resampled += 1
    return np.array(means), loglik, resampled


@dataclass(frozen=True)
class Contract:
    spot: float
    strike: float
    rate: float
    sigma: float
    maturity: float
    kind: str = "put"
    american: bool = True

    def payoff(self, s):
        if self.kind == "call":
            return np.maximum(s - self.strike, 0.0)
        if self.kind == "put":
            return np.maximum(self.strike - s, 0.0)
        raise ValueError(f"unknown kind {self.kind!r}")


def leisen_reimer(spot, strike, rate, sigma, maturity, steps=51, kind="put", american=True):
    """A binomial tree with Peizer–Pratt probabilities; price, delta and the exercise boundary."""
    contract = Contract(spot, strike, rate, sigma, maturity, kind, american)
    if steps % 2 == 0:
        steps += 1

    def invert(z):
        a = (z / (steps + 1 / 3 + 0.1 / (steps + 1))) ** 2 * (steps + 1 / 6)
        return 0.5 + math.copysign(1, z) * 0.5 * math.sqrt(1 - math.exp(-a))

    dt = maturity / steps
    d1 = (math.log(spot / strike) + (rate + sigma**2 / 2) * maturity) / (sigma * math.sqrt(maturity))
    d2 = d1 - sigma * math.sqrt(maturity)
    p, pd = invert(d2), invert(d1)
    growth = math.exp(rate * dt)
    u = growth * pd / p
    d = (growth - p * u) / (1 - p)
    j = np.arange(steps + 1)
    values = contract.payoff(spot * u**j * d ** (steps - j))
    boundary = []
    delta = None
    for n in range(steps - 1, -1, -1):
        j = np.arange(n + 1)
        s = spot * u**j * d ** (n - j)
        if n == 0:
            delta = (values[1] - values[0]) / (spot * (u - d))
        values = (p * values[1:] + (1 - p) * values[:-1]) / growth
        if american:
            early = contract.payoff(s)
            exercise = early > values
            boundary.append(float(s[exercise].max()) if exercise.any() else None)
            values = np.where(exercise, early, values)
    return float(values[0]), float(delta), boundary[::-1]


def lsm_put(spot, strike, rate, sigma, maturity, steps, paths, seed=7, degree=2):
    """American put by regression on simulated paths, antithetic."""
    rng = np.random.default_rng(seed)
    dt = maturity / steps
    half = rng.standard_normal((paths // 2, steps))
    z = np.vstack([half, -half])
    s = spot * np.exp(np.cumsum((rate - sigma**2 / 2) * dt + sigma * np.sqrt(dt) * z, axis=1))
    cash = np.maximum(strike - s[:, -1], 0)
    when = np.full(len(s), steps - 1)
    disc = np.exp(-rate * dt)
    for t in range(steps - 2, -1, -1):
        itm = s[:, t] < strike
        if itm.sum() <= degree:
            continue
        x = s[itm, t] / strike
        basis = np.vander(x, degree + 1)
        y = cash[itm] * disc ** (when[itm] - t)
        coef = np.linalg.lstsq(basis, y, rcond=None)[0]
        keep = basis @ coef
        now = strike - s[itm, t]
        rows = np.flatnonzero(itm)[now > keep]
        cash[rows] = now[now > keep]
        when[rows] = t
    present = cash * np.exp(-rate * dt * (when + 1))
    return max(strike - spot, present.mean()), present.std() / np.sqrt(len(present))


def swap_curve(tenors, rates, frequency=2, queries=()):
    """Discount factors from par swaps, bootstrapped with log-linear interpolation."""
    known_t, known_df = [0.0], [1.0]

    def df(t):
        if t >= known_t[-1] and len(known_t) > 1:
            slope = (math.log(known_df[-1]) - math.log(known_df[-2])) / (known_t[-1] - known_t[-2])
            return known_df[-1] * math.exp(slope * (t - known_t[-1]))
        for k in range(1, len(known_t)):
            if t <= known_t[k]:
                w = (t - known_t[k - 1]) / (known_t[k] - known_t[k - 1])
                return math.exp((1 - w) * math.log(known_df[k - 1]) + w * math.log(known_df[k]))
        raise ValueError("nothing to extrapolate from")

    for tenor, rate in zip(tenors, rates):
        lo, hi = 0.01, 1.5
        known_t.append(tenor)
        known_df.append(0.5)
        for _ in range(60):
            mid = 0.5 * (lo + hi)
            known_df[-1] = mid
            annuity = sum(df(k / frequency) / frequency for k in range(1, int(round(tenor * frequency)) + 1))
            if rate * annuity + mid > 1.0:
                hi = mid
            else:
                lo = mid
    zero = {t: -math.log(d) / t for t, d in zip(known_t[1:], known_df[1:])}
    return np.array(known_df), zero, [df(q) for q in queries]


def efficient_frontier(mu, cov, targets, long_only=True, max_iter=2000, lr=0.05):
    """Weights for several returns by projected gradients on the simplex with a penalty."""

    def project(v):
        u = np.sort(v)[::-1]
        css = np.cumsum(u)
        rho = np.nonzero(u * np.arange(1, len(v) + 1) > css - 1)[0][-1]
        return np.maximum(v - (css[rho] - 1) / (rho + 1), 0)

    results = []
    for target in targets:
        w = np.full(len(mu), 1 / len(mu))
        for it in range(max_iter):
            grad = 2 * cov @ w + 20 * (w @ mu - target) * mu
            new = w - lr * grad
            new = project(new) if long_only else new / new.sum()
            if np.abs(new - w).max() < 1e-9:
                break
            w = new
        results.append({"target": target, "weights": w, "risk": float(np.sqrt(w @ cov @ w)), "iterations": it})
    return results


def limit_order_book(orders):
    """Price-time priority with heaps; fills and what is left of the book."""
    bids, asks, fills = [], [], []
    for k, (side, price, size) in enumerate(orders):
        if size <= 0:
            raise ValueError(f"order {k} has the size {size}")
        book, other = (bids, asks) if side == "B" else (asks, bids)
        sign = 1 if side == "B" else -1
        while size > 0 and other and sign * (price - abs(other[0][0])) >= 0:
            key, order_id, available = heapq.heappop(other)
            traded = min(size, available)
            fills.append((k, order_id, abs(key), traded))
            size -= traded
            if available > traded:
                heapq.heappush(other, (key, order_id, available - traded))
        if size > 0:
            heapq.heappush(book, (-sign * price, k, size))
    depth = {"bid": sum(b[2] for b in bids), "ask": sum(a[2] for a in asks)}
    spread = abs(asks[0][0]) - abs(bids[0][0]) if bids and asks else None
    return fills, depth, spread


def drawdown_table(prices, top=3):
    """The deepest drawdowns: start, trough, recovery, depth."""
    peak, start = prices[0], 0
    trough, trough_at = prices[0], 0
    table = []
    inside = False
    for t in range(len(prices)):
        p = prices[t]
        if p >= peak:
            if inside:
                table.append((start, trough_at, t, trough / peak - 1))
                inside = False
            peak, start = p, t
        else:
            if not inside or p < trough:
                trough, trough_at = p, t
            inside = True
    if inside:
        table.append((start, trough_at, None, trough / peak - 1))
    table.sort(key=lambda row: row[3])
    return table[:top]


def var_backtest(returns, window=50, level=0.95):
    """Historical VaR day by day; Kupiec's and Christoffersen's statistics."""
    n = len(returns)
    breaches = np.zeros(n, dtype=bool)
    var = np.full(n, np.nan)
    for t in range(window, n):
        var[t] = -np.quantile(returns[t - window : t], 1 - level)
        breaches[t] = returns[t] < -var[t]
    hits = breaches[window:].astype(int)
    x, m = int(hits.sum()), len(hits)
    if m == 0:
        return var, x, float("nan"), None
    p = 1 - level
    rate = x / m

    def loglik(q, k, total):
        if q in (0, 1):
            return 0.0
        return (total - k) * math.log(1 - q) + k * math.log(q)

    kupiec = -2 * (loglik(p, x, m) - loglik(rate, x, m))
    trans = np.zeros((2, 2), dtype=int)
    for a, b in zip(hits[:-1], hits[1:]):
        trans[a, b] += 1
    return var, x, kupiec, trans


def pairs_trading(a, b, window=30, entry=2.0, exit_=0.5, cost=1e-4):
    """Hedge ratio, z-score, positions and the money made by a spread."""
    n = len(a)
    position = 0
    positions = np.zeros(n, dtype=int)
    pnl = np.zeros(n)
    trades = []
    for t in range(window, n):
        xa, xb = a[t - window : t], b[t - window : t]
        xc = xb - xb.mean()
        ratio = (xc * (xa - xa.mean())).sum() / (xc * xc).sum()
        spread = xa - ratio * xb
        z = (a[t] - ratio * b[t] - spread.mean()) / spread.std()
        pnl[t] = position * ((a[t] - a[t - 1]) - ratio * (b[t] - b[t - 1]))
        old = position
        if position == 0 and abs(z) > entry:
            position = -1 if z > 0 else 1
        elif position != 0 and abs(z) < exit_:
            position = 0
        if position != old:
            pnl[t] -= cost * abs(position - old)
            trades.append((t, old, position))
        positions[t] = position
    equity = pnl.cumsum()
    sharpe = pnl.mean() / pnl.std() * np.sqrt(252) if pnl.std() > 0 else 0.0
    return positions, equity, sharpe, trades


def hull_white_tree(rates, a=0.1, sigma=0.01, dt=1.0):
    """A trinomial tree fitted to zero rates; the shifts and state prices."""
    n = len(rates)
    dr = sigma * math.sqrt(3 * dt)
    jmax = int(math.ceil(0.184 / (a * dt)))
    q = {0: 1.0}
    alphas = []
    for i in range(n):
        price = math.exp(-rates[i] * (i + 1) * dt)
        total = sum(q[j] * math.exp(-j * dr * dt) for j in q)
        alpha = math.log(total / price) / dt
        alphas.append(alpha)
        nxt = {}
        for j in sorted(q):
            x = a * j * dt
            if j >= jmax:
                moves, probs = (0, -1, -2), (7 / 6 + (x * x - 3 * x) / 2, -1 / 3 - x * x + 2 * x, 1 / 6 + (x * x - x) / 2)
            elif j <= -jmax:
                moves, probs = (2, 1, 0), (1 / 6 + (x * x + x) / 2, -1 / 3 - x * x - 2 * x, 7 / 6 + (x * x + 3 * x) / 2)
            else:
                moves, probs = (1, 0, -1), (1 / 6 + (x * x - x) / 2, 2 / 3 - x * x, 1 / 6 + (x * x + x) / 2)
            disc = q[j] * math.exp(-(alpha + j * dr) * dt)
            for m, p in zip(moves, probs):
                nxt[j + m] = nxt.get(j + m, 0.0) + disc * p
        q = nxt
    return np.array(alphas), q


def _returns(rng, n, vol=0.01):
    return rng.normal(0, vol, n)


def _path(rng, n):
    return 100 * np.exp(np.cumsum(rng.normal(0, 0.02, n)))


def _gappy(rng, n):
    x = rng.normal(0, 0.01, n)
    x[rng.random(n) < 0.3] = np.nan
    return x


CASES = {
    ols_robust: lambda rng: [
        (rng.normal(size=60), rng.normal(size=(60, 3))),
        (np.arange(40), rng.normal(size=40), True, "hac"),
        (rng.normal(size=10).astype(np.float32), rng.normal(size=(10, 2)).astype(np.float32), False, "classical"),
        ([1.0, 2.0], [1.0, 2.0]),
        (np.ones(5), np.arange(5.0), True, "hc9"),
    ],
    rolling_beta: lambda rng: [
        (_returns(rng, 80), _returns(rng, 80)),
        (_gappy(rng, 40), _gappy(rng, 40), 10, 5),
        (np.ones(5), np.ones(5), 3, 1),
        (np.zeros(0), np.zeros(0)),
    ],
    coordinate_fit: lambda rng: [
        (_returns(rng, 120),),
        (_returns(rng, 20, 0.1).astype(np.float32), (1e-3, 0.1, 0.0, 0.8), 3),
        (np.array([0.01, -0.02]), (1e-5, 0.5, 0.5, 0.6), 2),
    ],
    local_level_grid: lambda rng: [
        (np.cumsum(rng.normal(size=60)) + rng.normal(size=60),),
        ([1.0, float("nan"), 2.0], (0.5,), 2.0),
        (np.zeros(0),),
    ],
    bootstrap_filter: lambda rng: [
        (_returns(rng, 30, 0.8), 60, np.random.default_rng(1)),
        ([0.1, -50.0, 0.3], 20, np.random.default_rng(2), 0.9, 0.1),
        ([], 5, np.random.default_rng(3)),
    ],
    leisen_reimer: lambda rng: [
        (100.0, 105.0, 0.05, 0.2, 1.0),
        (100.0, 95.0, 0.02, 0.3, 0.5, 10, "call", False),
        (40.0, 40.0, 0.1, 0.4, 0.25, 3),
        (100.0, 100.0, 0.05, 0.2, 1.0, 5, "straddle"),
    ],
    lsm_put: lambda rng: [(36.0, 40.0, 0.06, 0.2, 1.0, 10, 200), (50.0, 40.0, 0.06, 0.2, 0.5, 4, 20, 1, 1)],
    swap_curve: lambda rng: [
        ([1, 2, 3, 5, 7, 10], [0.02, 0.022, 0.025, 0.027, 0.03, 0.031], 2, (0.5, 4.0, 12.0)),
        (np.array([1.0, 2.0]), np.array([0.05, 0.04]), 1),
        ([], [], 2, ()),
        ([], [], 2, (1.0,)),
    ],
    efficient_frontier: lambda rng: [
        (rng.normal(0.05, 0.02, 4), np.cov(rng.normal(0, 0.2, (4, 60))), (0.04, 0.06), True, 200),
        (np.array([0.1, 0.2]), np.eye(2) * 0.04, [0.15], False, 50),
        (np.array([0.1]), np.eye(1), []),
    ],
    limit_order_book: lambda rng: [
        ([("B" if rng.random() < 0.5 else "S", int(rng.integers(95, 106)), int(rng.integers(1, 20))) for _ in range(60)],),
        ([("B", 100, 5), ("S", 99, 7)],),
        ([],),
        ([("S", 100, 0)],),
    ],
    drawdown_table: lambda rng: [
        (_path(rng, 200),),
        (np.array([100, 90, 80, 120, 110]), 1),
        ([1.0],),
        (np.zeros(0),),
    ],
    var_backtest: lambda rng: [
        (_returns(rng, 150),),
        (_returns(rng, 30).astype(np.float32), 10, 0.9),
        (_returns(rng, 5), 5),
        (np.arange(12), 4, 0.75),
    ],
    pairs_trading: lambda rng: [
        (_path(rng, 150), _path(rng, 150)),
        (_path(rng, 20), _path(rng, 20), 5, 1.0, 0.2),
        (np.zeros(0), np.zeros(0)),
        (np.array([1, 2, 4, 3]), np.array([2, 1, 3, 5]), 2, 0.5),
    ],
    hull_white_tree: lambda rng: [([0.02, 0.025, 0.03, 0.032],), (np.array([0.05]), 0.5, 0.02, 0.5), ([],), ([0.01] * 6, 0.3)],
}
