"""Trees, finite differences, paths, curves, portfolios and back-tests."""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

TRADING_DAYS = 252
SQRT2PI = math.sqrt(2 * math.pi)


class Greeks(NamedTuple):
    delta: float
    gamma: float
    theta: float


@dataclass(frozen=True)
class Option:
    strike: float
    expiry: float
    call: bool = True
    american: bool = False

    def payoff(self, s):
        return np.maximum(s - self.strike, 0.0) if self.call else np.maximum(self.strike - s, 0.0)


def trinomial_tree(S, K, T, r, sigma, steps, call=True, american=False):
    """Boyle's tree with an option in a dataclass; the price and three Greeks from its first nodes."""
    option = Option(K, T, call, american)
    dt = option.expiry / steps
    dx = sigma * np.sqrt(3 * dt)
    nu = r - 0.5 * sigma**2
    edx = np.exp(dx)
    pu = 0.5 * ((sigma**2 * dt + nu**2 * dt**2) / dx**2 + nu * dt / dx)
    pd = 0.5 * ((sigma**2 * dt + nu**2 * dt**2) / dx**2 - nu * dt / dx)
    pm = 1.0 - pu - pd
    disc = np.exp(-r * dt)
    s = S * edx ** np.arange(-steps, steps + 1)
    v = option.payoff(s)
    keep = {}
    for i in reversed(range(steps)):
        v = disc * (pu * v[2:] + pm * v[1:-1] + pd * v[:-2])
        if option.american:
            v = np.maximum(v, option.payoff(s[steps - i : steps + i + 1]))
        if i <= 1:
            keep[i] = v
    price = v[0]
    if steps < 2:
        return price, None
    up, mid, down = keep[1][2], keep[1][1], keep[1][0]
    delta = (up - down) / (S * edx - S / edx)
    gamma = ((up - mid) / (S * edx - S) - (mid - down) / (S - S / edx)) / (0.5 * (S * edx - S / edx))
    return price, Greeks(delta, gamma, (mid - price) / dt)


def _thomas(a, b, c, d):
    n = len(d)
    cp, dp, x = np.empty(n), np.empty(n), np.empty(n)
    cp[0], dp[0] = c[0] / b[0], d[0] / b[0]
    for i in range(1, n):
        m = b[i] - a[i] * cp[i - 1]
        cp[i] = c[i] / m
        dp[i] = (d[i] - a[i] * dp[i - 1]) / m
    x[-1] = dp[-1]
    for i in range(n - 2, -1, -1):
        x[i] = dp[i] - cp[i] * x[i + 1]
    return x


def crank_nicolson_option(S0, K, T, r, sigma, m, n, kind="put", american=False, s_max=None):
    if kind not in {"put", "call"}:
        raise ValueError("kind must be 'put' or 'call', not {!r}".format(kind))  # noqa: UP032
    s_max = s_max or 4 * K
    s = np.linspace(0, s_max, m + 1)
    dt = T / n
    j = np.arange(1, m)
    alpha = 0.25 * dt * (sigma**2 * j**2 - r * j)
    beta = -0.5 * dt * (sigma**2 * j**2 + r)
    gamma = 0.25 * dt * (sigma**2 * j**2 + r * j)
    v = np.maximum(K - s, 0) if kind == "put" else np.maximum(s - K, 0)
    exercise = v.copy()
    for k in range(n):
        tau = (k + 1) * dt
        lower = K * math.exp(-r * tau) if kind == "put" else 0.0
        upper = 0.0 if kind == "put" else s_max - K * math.exp(-r * tau)
        if american:
            lower = K if kind == "put" else lower
        rhs = alpha * v[:-2] + (1 + beta) * v[1:-1] + gamma * v[2:]
        rhs[0] += alpha[0] * lower
        rhs[-1] += gamma[-1] * upper
        v[1:-1] = _thomas(-alpha, 1 - beta, -gamma, rhs)
        v[0], v[-1] = lower, upper
        if american:
            np.maximum(v, exercise, out=v)
    return float(np.interp(S0, s, v))


def longstaff_schwartz(S0, K, T, r, sigma, steps, paths, seed=42, degree=2):
    """American put by regression on polynomials of the paths in the money."""
    rng = np.random.default_rng(seed)
    dt = T / steps
    z = rng.standard_normal((steps, paths // 2))
    z = np.concatenate([z, -z], axis=1)
    s = S0 * np.exp(np.cumsum((r - 0.5 * sigma**2) * dt + sigma * np.sqrt(dt) * z, axis=0))
    cash = np.maximum(K - s[-1], 0.0)
    for t in range(steps - 2, -1, -1):
        cash *= np.exp(-r * dt)
        itm = s[t] < K
        if np.count_nonzero(itm) > degree:
            basis = np.vander(s[t, itm] / K, degree + 1)
            beta, *_ = np.linalg.lstsq(basis, cash[itm], rcond=None)
            exercise = K - s[t, itm]
            cash[itm] = np.where(exercise > basis @ beta, exercise, cash[itm])
    cash *= np.exp(-r * dt)
    return max(cash.mean(), K - S0), cash.std() / np.sqrt(len(cash))


def heston_paths(S0, v0, kappa, theta, xi, rho, r, T, steps, n, rng):
    dt = T / steps
    s = np.full(n, S0, dtype=float)
    v = np.full(n, v0, dtype=float)
    out = np.empty((steps + 1, n))
    out[0] = s
    for k in range(1, steps + 1):
        z1 = rng.standard_normal(n)
        z2 = rho * z1 + np.sqrt(1 - rho**2) * rng.standard_normal(n)
        vp = np.maximum(v, 0)
        s *= np.exp((r - 0.5 * vp) * dt + np.sqrt(vp * dt) * z1)
        v += kappa * (theta - vp) * dt + xi * np.sqrt(vp * dt) * z2
        out[k] = s
    return out, v


def greeks_by_bumping(S, K, T, r, sigma, h=1e-4):
    """All first-order sensitivities of a call by central differences of keyword arguments."""

    def price(S, K, T, r, sigma):
        d1 = (math.log(S / K) + (r + sigma * sigma / 2) * T) / (sigma * math.sqrt(T))
        d2 = d1 - sigma * math.sqrt(T)
        n = lambda x: 0.5 * math.erfc(-x / math.sqrt(2))
        return S * n(d1) - K * math.exp(-r * T) * n(d2)

    base = dict(S=S, K=K, T=T, r=r, sigma=sigma)
    result = {"price": price(**base)}
    for name, label in [("S", "delta"), ("T", "theta"), ("r", "rho"), ("sigma", "vega")]:
        up, down = dict(base), dict(base)
        step = h * max(1.0, abs(base[name]))
        up[name] += step
        down[name] -= step
        slope = (price(**up) - price(**down)) / (2 * step)
        result[label] = -slope if label == "theta" else slope
    return result


def bootstrap_curve(maturities, rates, frequency=1):
    """Discount factors from par swap rates, one after another."""
    discounts = []
    for n, (t, c) in enumerate(zip(maturities, rates)):
        annuity = sum(discounts) / frequency
        df = (1 - c * annuity) / (1 + c / frequency)
        if df <= 0:
            raise ArithmeticError(f"negative discount factor at {t}")
        discounts.append(df)
    discounts = np.array(discounts)
    zero = -np.log(discounts) / np.asarray(maturities)
    forward = np.append(zero[:1], -np.diff(np.log(discounts)) / np.diff(maturities))
    return discounts, zero, forward


def nelson_siegel(params, tau):
    b0, b1, b2, lam = params
    x = tau / lam
    with np.errstate(divide="ignore", invalid="ignore"):
        loading = np.where(x == 0, 1.0, (1 - np.exp(-x)) / x)
    return b0 + b1 * loading + b2 * (loading - np.exp(-x))


def nelson_siegel_fit(tau, y, lam_grid):
    """Linear least squares for each decay; the best of them."""
    best = (np.inf, None, None)
    for lam in lam_grid:
        x = tau / lam
        load = (1 - np.exp(-x)) / x
        A = np.column_stack([np.ones_like(tau), load, load - np.exp(-x)])
        coef, *_ = np.linalg.lstsq(A, y, rcond=None)
        err = float(np.sum((A @ coef - y) ** 2))
        if err < best[0]:
            best = (err, coef, lam)
    return best


def minimum_variance(cov, target=None, mu=None):
    """Weights of least variance, with an expected return when asked for."""
    n = cov.shape[0]
    ones = np.ones(n)
    if target is None:
        w = np.linalg.solve(cov, ones)
        return w / w.sum()
    if mu is None:
        raise TypeError("mu is needed for a target")
    kkt = np.zeros((n + 2, n + 2))
    kkt[:n, :n] = cov
    kkt[:n, n] = kkt[n, :n] = ones
    kkt[:n, n + 1] = kkt[n + 1, :n] = mu
    rhs = np.zeros(n + 2)
    rhs[n], rhs[n + 1] = 1, target
    return np.linalg.solve(kkt, rhs)[:n]


def risk_parity(cov, budget=None, tol=1e-10, max_iter=500):
    """Cyclical coordinate descent for equal risk contributions."""
    n = len(cov)
    b = np.full(n, 1.0 / n) if budget is None else np.asarray(budget, dtype=float)
    x = 1 / np.sqrt(np.diag(cov))
    x /= x.sum()
    it = 0
    err = 1.0
    while err > tol and it < max_iter:
        old = x.copy()
        for i in range(n):
            a = cov[i, i]
            c = cov[i] @ x - a * x[i]
            x[i] = (-c + np.sqrt(c * c + 4 * a * b[i])) / (2 * a)
        err = np.max(np.abs(x - old))
        it += 1
    w = x / x.sum()
    contributions = w * (cov @ w)
    return w, contributions / contributions.sum(), it


def garch_simulate(omega, alpha, beta, n, seed, burn=50):
    if alpha + beta >= 1:
        raise ValueError(f"not stationary: alpha + beta = {alpha + beta:.2f}")
    rng = np.random.RandomState(seed)
    z = rng.standard_normal(n + burn)
    h = np.empty(n + burn)
    r = np.empty(n + burn)
    h[0] = omega / (1 - alpha - beta)
    r[0] = np.sqrt(h[0]) * z[0]
    for t in range(1, n + burn):
        h[t] = omega + alpha * r[t - 1] ** 2 + beta * h[t - 1]
        r[t] = np.sqrt(h[t]) * z[t]
    return r[burn:], np.sqrt(h[burn:] * TRADING_DAYS)


def backtest_mean_reversion(prices, window, entry=1.0, exit=0.2, cost=0.0005):
    """A state machine over z-scores that keeps a list of trades."""
    cash, position, entry_price = 1.0, 0, 0.0
    trades = []
    equity = np.ones(len(prices))
    for t in range(window, len(prices)):
        past = prices[t - window : t]
        sd = past.std()
        z = (prices[t] - past.mean()) / sd if sd > 0 else 0.0
        if position == 0:
            if z > entry:
                position, entry_price = -1, prices[t]
                trades.append({"t": t, "side": "short", "price": prices[t]})
            elif z < -entry:
                position, entry_price = 1, prices[t]
                trades.append({"t": t, "side": "long", "price": prices[t]})
        elif abs(z) < exit:
            ret = position * (prices[t] / entry_price - 1) - 2 * cost
            cash *= 1 + ret
            trades[-1]["return"] = ret
            position = 0
        equity[t] = cash * (1 + position * (prices[t] / entry_price - 1) if position else 1)
    wins = [tr for tr in trades if tr.get("return", 0) > 0]
    return equity, trades, len(wins)


class Account:
    """Cash and positions; every fill is recorded."""

    def __init__(self, cash):
        self.cash = cash
        self.positions = defaultdict(float)
        self.fills = []

    def order(self, t, name, amount, price):
        if amount == 0:
            return
        self.cash -= amount * price
        self.positions[name] += amount
        self.fills.append((t, name, amount, price))

    def value(self, prices):
        return self.cash + sum(amount * prices[name] for name, amount in self.positions.items())


def rebalance_portfolio(prices, weights, cash, every=5):
    """Back to the target weights every few days."""
    account = Account(cash)
    n = len(next(iter(prices.values())))
    values = np.zeros(n)
    for t in range(n):
        today = {name: series[t] for name, series in prices.items()}
        if t % every == 0:
            total = account.value(today)
            for name, w in weights.items():
                target = math.floor(w * total / today[name])
                account.order(t, name, target - account.positions[name], today[name])
        values[t] = account.value(today)
    return values, account.fills, dict(account.positions)


def performance(returns, periods=TRADING_DAYS, rf=0.0):
    """The usual statistics of a series of returns."""
    r = np.asarray(returns, dtype=float)
    if r.size == 0:
        return {"sharpe": float("nan"), "drawdown": 0.0, "hit": None}
    excess = r - rf / periods
    wealth = np.cumprod(1 + r)
    peak = np.maximum.accumulate(wealth)
    downside = excess[excess < 0]
    sd = excess.std(ddof=1) if r.size > 1 else 0.0
    stats = {
        "annual": wealth[-1] ** (periods / r.size) - 1,
        "volatility": sd * np.sqrt(periods),
        "sharpe": excess.mean() / sd * np.sqrt(periods) if sd > 0 else 0.0,
        "sortino": excess.mean() / np.sqrt(np.mean(downside**2)) if downside.size else np.inf,
        "drawdown": (1 - wealth / peak).max(),
        "hit": np.mean(r > 0),
    }
    streak = best = 0
    for x in r:
        streak = streak + 1 if x > 0 else 0
        best = max(best, streak)
    stats["streak"] = best
    return stats


def historical_var(pnl, level=0.95, window=None):
    data = np.sort(pnl if window is None else pnl[-window:])
    k = int((1 - level) * len(data))
    var = -data[k]
    tail = data[: k + 1]
    return var, -tail.mean()


def bond_duration_convexity(face, coupon, ytm, years, freq=2):
    n = int(years * freq)
    c = face * coupon / freq
    y = ytm / freq
    price = duration = convexity = 0.0
    for k in range(1, n + 1):
        cf = c + (face if k == n else 0)
        df = (1 + y) ** -k
        price += cf * df
        duration += k / freq * cf * df
        convexity += k * (k + 1) * cf * df / freq**2
    if price == 0:
        return None
    return price, duration / price / (1 + y), convexity / price / (1 + y) ** 2


def xirr(days, amounts, guess=0.1, tol=1e-9):
    """The rate at which irregular payments are worth nothing: Newton, then bisection."""
    if not (any(a > 0 for a in amounts) and any(a < 0 for a in amounts)):
        raise ValueError("payments of both signs are needed")

    def npv(rate):
        return sum(a / (1 + rate) ** (d / 365.0) for d, a in zip(days, amounts))

    rate = guess
    for _ in range(50):
        f = npv(rate)
        slope = (npv(rate + 1e-6) - f) / 1e-6
        if slope == 0:
            break
        new = rate - f / slope
        if new <= -0.99:
            break
        if abs(new - rate) < tol:
            return new
        rate = new
    lo, hi = -0.99, 10.0
    while hi - lo > tol:
        mid = (lo + hi) / 2
        if npv(mid) * npv(lo) > 0:
            lo = mid
        else:
            hi = mid
    return (lo + hi) / 2


def order_book_match(orders):
    """Limit orders `(side, price, size)` matched in order of price and time."""
    bids, asks, trades = [], [], []
    for k, (side, price, size) in enumerate(orders):
        book, other = (bids, asks) if side == "buy" else (asks, bids)
        while size > 0 and other:
            best = min(other) if side == "buy" else max(other, key=lambda o: (o[0], -o[1]))
            if (side == "buy" and best[0] > price) or (side == "sell" and best[0] < price):
                break
            filled = min(size, best[2])
            trades.append((best[0], filled, best[1], k))
            size -= filled
            other.remove(best)
            if best[2] > filled:
                other.append((best[0], best[1], best[2] - filled))
        if size > 0:
            book.append((price, k, size))
    volume = sum(q for _, q, _, _ in trades)
    vwap = sum(p * q for p, q, _, _ in trades) / volume if volume else None
    return trades, vwap, len(bids), len(asks)


def vasicek_calibrate(rates, dt):
    """The mean-reverting rate by regression of each value on the one before."""
    x, y = rates[:-1], rates[1:]
    n = len(x)
    sx, sy, sxx, sxy, syy = x.sum(), y.sum(), x @ x, x @ y, y @ y
    a = (n * sxy - sx * sy) / (n * sxx - sx**2)
    b = (sy - a * sx) / n
    sd = np.sqrt((n * syy - sy**2 - a * (n * sxy - sx * sy)) / n / (n - 2))
    kappa = -np.log(a) / dt
    return {"kappa": kappa, "theta": b / (1 - a), "sigma": sd * np.sqrt(-2 * np.log(a) / dt / (1 - a**2))}


def _walk(rng, n, s=0.01):
    return 100 * np.exp(np.cumsum(s * rng.standard_normal(n)))


def _cov(rng, n):
    a = rng.standard_normal((n, 2 * n))
    return a @ a.T / (2 * n)


def _orders(rng, n):
    return [(("buy", "sell")[int(k)], round(float(p), 1), int(q))
            for k, p, q in zip(rng.integers(0, 2, n), 100 + rng.standard_normal(n), rng.integers(1, 9, n))]  # fmt: skip


CASES = {
    trinomial_tree: lambda rng: [
        (100.0, 95.0, 1.0, 0.05, 0.2, 60),
        (100, 110, 1, 0.03, 0.3, 40, False, True),
        (50.0, 50.0, 0.5, 0.0, 0.4, 1),
    ],
    crank_nicolson_option: lambda rng: [
        (100.0, 100.0, 1.0, 0.05, 0.2, 60, 30),
        (90, 100, 0.5, 0.02, 0.3, 20, 10, "put", True),
        (100.0, 95.0, 1.0, 0.05, 0.25, 30, 12, "call"),
        (1.0, 1.0, 1.0, 0.1, 0.1, 10, 5, "swap"),
    ],
    longstaff_schwartz: lambda rng: [(36.0, 40.0, 1.0, 0.06, 0.2, 20, 400), (40, 40, 1, 0.05, 0.3, 3, 20, 7, 1)],
    heston_paths: lambda rng: [
        (100.0, 0.04, 2.0, 0.04, 0.3, -0.7, 0.02, 1.0, 30, 50, np.random.default_rng(5)),
        (1, 0.1, 1, 0.1, 0.5, 0.0, 0.0, 1, 2, 0, np.random.default_rng(5)),
    ],
    greeks_by_bumping: lambda rng: [(100.0, 105.0, 0.75, 0.03, 0.25), (50, 50, 1, 0, 0.2, 1e-5), (0.0, 1.0, 1.0, 0.0, 0.1)],
    bootstrap_curve: lambda rng: [
        (np.arange(1.0, 8.0), 0.02 + 0.002 * np.arange(7.0)),
        ([1, 2, 3], [0.05, 0.05, 0.06]),
        ([1, 2], [0.1, 1.5]),
        (np.array([1.0]), np.array([0.03])),
    ],
    nelson_siegel: lambda rng: [
        ((0.04, -0.02, 0.01, 1.5), np.linspace(0, 10, 50)),
        (np.array([3.0, 1, 2, 4]), np.array([1, 2], np.float32)),
        ([1, 2, 3], np.arange(3)),
    ],
    nelson_siegel_fit: lambda rng: [
        (np.linspace(0.5, 10, 12), 0.03 + 0.001 * rng.standard_normal(12), np.linspace(0.5, 4, 10)),
        (np.array([1.0, 2, 5, 9]), np.array([1.0, 2, 1, 3]), []),
    ],
    minimum_variance: lambda rng: [
        (_cov(rng, 6),),
        (_cov(rng, 4), 0.1, rng.random(4)),
        (np.eye(2), 1.0),
        (np.zeros((2, 2)),),
        (_cov(rng, 3).astype(np.float32), 1, np.arange(3)),
    ],
    risk_parity: lambda rng: [
        (_cov(rng, 6),),
        (_cov(rng, 3), [0.5, 0.3, 0.2]),
        (np.array([[2.0]]),),
        (_cov(rng, 4), None, 1e-3, 2),
    ],
    garch_simulate: lambda rng: [(1e-5, 0.1, 0.85, 300, 3), (0.1, 0.2, 0.3, 1, 1, 0), (0.1, 0.5, 0.6, 10, 1)],
    backtest_mean_reversion: lambda rng: [
        (_walk(rng, 200), 20),
        (_walk(rng, 60).astype(np.float32), 5, 0.5),
        (np.full(10, 3.0), 4),
        (np.arange(3), 5),
    ],
    rebalance_portfolio: lambda rng: [
        ({"a": _walk(rng, 40), "b": _walk(rng, 40)}, {"a": 0.6, "b": 0.4}, 10000.0),
        ({"x": np.array([1, 2, 3])}, {"x": 1.0}, 10, 2),
        ({"x": np.zeros(2)}, {"x": 1.0}, 1.0),
    ],
    performance: lambda rng: [
        (0.01 * rng.standard_normal(250),),
        ([0.01, 0.02],),
        (np.zeros(0),),
        (np.array([0.1], np.float32), 12, 0.02),
        ([-0.01, 0.02, -0.03], 12),
    ],
    historical_var: lambda rng: [
        (rng.standard_normal(300),),
        (rng.standard_normal(50), 0.9, 20),
        (np.arange(10), 0.5),
        (np.zeros(0),),
    ],
    bond_duration_convexity: lambda rng: [(100.0, 0.05, 0.04, 10), (1000, 0, 0.02, 2.5, 4), (100.0, 0.05, 0.04, 0)],
    xirr: lambda rng: [
        ([0, 100, 365, 700], [-1000.0, 200.0, 300.0, 700.0]),
        ((0, 365), (-100, 110)),
        ([0, 1], [1.0, 2.0]),
        ([0, 365], [-1000, 1], 0.1, 1e-6),
    ],
    order_book_match: lambda rng: [(_orders(rng, 60),), ([],), ([("buy", 10, 5), ("sell", 9, 3), ("sell", 9.5, 4)],)],
    vasicek_calibrate: lambda rng: [
        (0.03 + 0.01 * np.cumsum(rng.standard_normal(100)) * 0.9, 1 / 252),
        (np.array([0.1, 0.2, 0.15, 0.12]), 1),
    ],
}
