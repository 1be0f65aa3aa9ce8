"""Chains, survival, seasons, queues, portfolios and smoothers, as a statistician keeps them in a folder."""

from __future__ import annotations

import math
from collections import defaultdict, namedtuple

import numpy as np

Trace = namedtuple("Trace", "samples accept_rate divergences")


def leapfrog(q, p, grad, eps, L):
    q, p = q.copy(), p.copy()
    p -= 0.5 * eps * grad(q)
    for i in range(L):
        q += eps * p
        if i != L - 1:
            p -= eps * grad(q)
    p -= 0.5 * eps * grad(q)
    return q, -p


def hamiltonian_mc(X, y, n_samples=30, eps=0.05, L=8, prior=1.0, warmup=10, seed=0):
    """Hamiltonian Monte Carlo of a logistic regression; the step is tuned while it warms up."""
    rng = np.random.default_rng(seed)

    def potential(w):
        z = X @ w
        return np.sum(np.logaddexp(0, z) - y * z) + 0.5 * w @ w / prior**2

    def gradient(w):
        z = X @ w
        return X.T @ (1 / (1 + np.exp(-z)) - y) + w / prior**2

    w = np.zeros(X.shape[1])
    samples = []
    accepted = divergences = 0
    for it in range(warmup + n_samples):
        p = rng.standard_normal(w.size)
        q_new, p_new = leapfrog(w, p, gradient, eps, L)
        dH = potential(q_new) - potential(w) + 0.5 * (p_new @ p_new - p @ p)
        if dH > 1000:
            divergences += 1
        took = math.log(rng.random()) < -dH
        if took:
            w = q_new
        if it < warmup:
            eps *= 1.1 if took else 0.8
        else:
            accepted += took
            samples.append(w)
    return Trace(np.array(samples), accepted / n_samples, divergences)


def survival_by_group(times, events, groups=None, at=None):
    """Survival curves by group with Greenwood's standard errors, medians, and a log-rank statistic of two groups."""
    times = np.asarray(times, dtype=float)
    events = np.asarray(events, dtype=bool)
    if groups is None:
        groups = ["all"] * len(times)
    curves = {}
    for g in sorted(set(groups)):
        mask = np.array([k == g for k in groups])
        t, e = times[mask], events[mask]
        order = np.argsort(t, kind="stable")
        t, e = t[order], e[order]
        s, var, n = 1.0, 0.0, len(t)
        grid, surv, se = [0.0], [1.0], [0.0]
        i = 0
        while i < len(t):
            now = t[i]
            died = leaving = 0
            while i < len(t) and t[i] == now:
                died += e[i]
                leaving += 1
                i += 1
            if died:
                s *= 1 - died / n
                if n > died:
                    var += died / (n * (n - died))
                grid.append(now)
                surv.append(s)
                se.append(s * math.sqrt(var))
            n -= leaving
        surv = np.array(surv)
        below = np.nonzero(surv <= 0.5)[0]
        curves[g] = {"t": np.array(grid), "s": surv, "se": np.array(se), "median": grid[below[0]] if len(below) else None}
    if at is not None:
        for c in curves.values():
            c["at"] = c["s"][np.searchsorted(c["t"], at, side="right") - 1]
    if len(curves) != 2:
        return curves
    first = np.array([k == sorted(set(groups))[0] for k in groups])
    observed = expected = variance = 0.0
    for now in np.unique(times[events]):
        risk = times >= now
        n, n1 = risk.sum(), (risk & first).sum()
        d = ((times == now) & events).sum()
        d1 = ((times == now) & events & first).sum()
        observed += d1
        expected += d * n1 / n
        if n > 1:
            variance += d * (n1 / n) * (1 - n1 / n) * (n - d) / (n - 1)
    return curves, (observed - expected) ** 2 / variance


def holt_winters(y, period=4, alpha=0.3, beta=0.1, gamma=0.2, horizon=4, seasonal="additive"):
    """Triple exponential smoothing: fitted values, forecasts and the sum of squared errors."""
    if seasonal not in ("additive", "multiplicative"):
        raise ValueError(f"seasonal={seasonal!r}")
    if len(y) < 2 * period:
        raise ValueError("two full seasons are needed")
    mult = seasonal == "multiplicative"
    level = np.mean(y[:period])
    trend = (np.mean(y[period : 2 * period]) - level) / period
    season = [(v / level if mult else v - level) for v in y[:period]]
    fitted, sse = [], 0.0
    for t, v in enumerate(y):
        s = season[t % period]
        forecast = (level + trend) * s if mult else level + trend + s
        fitted.append(forecast)
        sse += (v - forecast) ** 2
        previous = level
        level = alpha * (v / s if mult else v - s) + (1 - alpha) * (level + trend)
        trend = beta * (level - previous) + (1 - beta) * trend
        season[t % period] = gamma * (v / level if mult else v - level) + (1 - gamma) * s
    ahead = []
    for h in range(1, horizon + 1):
        s = season[(len(y) + h - 1) % period]
        ahead.append((level + h * trend) * s if mult else level + h * trend + s)
    return np.array(fitted), np.array(ahead), sse


def best_holt_winters(y, period=4, grid=(0.1, 0.4, 0.8)):
    """The smoothing constants that fit best among a grid."""
    best = None
    for a in grid:
        for b in grid:
            for g in grid:
                _, _, sse = holt_winters(y, period, a, b, g)
                if best is None or sse < best[0]:
                    best = (sse, a, b, g)
    return best, holt_winters(y, period, *best[1:])[1]


def bank_counter(arrivals, services, n_tellers=2, patience=None, closes=None):
    """Customers at tellers: waits, who left, utilisation and the longest queue; a list says when each teller is free."""
    free = [0.0] * n_tellers
    busy = [0.0] * n_tellers
    waits, starts = [], []
    left = turned_away = 0
    for k, (a, s) in enumerate(zip(arrivals, services)):
        if closes is not None and a > closes:
            turned_away = len(arrivals) - k
            break
        j = free.index(min(free))
        start = max(a, free[j])
        if patience is not None and start - a > patience:
            left += 1
            continue
        waits.append(start - a)
        starts.append(start)
        free[j] = start + s
        busy[j] += s
    end = max(free)
    longest = 0
    for a in arrivals:
        inside = sum(1 for w, st in zip(waits, starts) if st - w <= a < st)
        longest = max(longest, inside)
    mean = sum(waits) / len(waits) if waits else float("nan")
    return {
        "mean_wait": mean,
        "max_wait": max(waits, default=0.0),
        "utilisation": [b / end for b in busy] if end > 0 else None,
        "left": left,
        "turned_away": turned_away,
        "longest": longest,
    }


def project_simplex(v, total=1.0):
    """The nearest point whose entries are not negative and sum to a total (Duchi et al. 2008)."""
    u = np.sort(v)[::-1]
    css = np.cumsum(u) - total
    rho = np.nonzero(u * np.arange(1, len(v) + 1) > css)[0][-1]
    return np.maximum(v - css[rho] / (rho + 1), 0)


def long_only_portfolio(returns, risk_aversion=3.0, cap=None, tol=1e-9, max_iter=500, names=()):
    """Mean and variance traded off by projected gradients with backtracking; a report by name if there are names."""
    R = np.asarray(returns)
    mu = R.mean(axis=0)
    C = np.cov(R, rowvar=False)
    n = mu.size
    w = np.full(n, 1 / n)
    f = lambda x: 0.5 * risk_aversion * x @ C @ x - mu @ x
    step = 1.0
    for it in range(max_iter):
        g = risk_aversion * (C @ w) - mu
        fw = f(w)
        while True:
            cand = project_simplex(w - step * g)
            if cap is not None:
                cand = np.minimum(cand, cap)
                cand /= cand.sum()
            d = cand - w
            if f(cand) <= fw + g @ d + (d @ d) / (2 * step) + 1e-15 or step < 1e-6:
                break
            step *= 0.5
        w = cand
        if np.abs(d).max() < tol:
            break
        step *= 1.2
    vol = math.sqrt(w @ C @ w)
    if len(names):
        held = sorted(((float(wi), name) for wi, name in zip(w, names) if wi > 1e-3), reverse=True)
        return "; ".join(f"{name} {wi:.1%}" for wi, name in held), vol
    return w, float(mu @ w), vol, it


def isotonic(y, weights=None, increasing=True):
    """Pool adjacent violators: the monotone sequence nearest to another."""
    y = np.asarray(y, dtype=float)
    if y.ndim != 1:
        raise ValueError("one dimension, please")
    w = np.ones_like(y) if weights is None else np.asarray(weights, dtype=float)
    if not increasing:
        return isotonic(y[::-1], w[::-1])[::-1]
    blocks = []
    for value, weight in zip(y, w):
        blocks.append([value, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            v2, w2, n2 = blocks.pop()
            v1, w1, n1 = blocks.pop()
            blocks.append([(v1 * w1 + v2 * w2) / (w1 + w2), w1 + w2, n1 + n2])
    out = np.empty_like(y)
    pos = 0
    for value, _, count in blocks:
        out[pos : pos + count] = value
        pos += count
    return out


def lowess(x, y, frac=0.5, iterations=2, delta=0.0):
    """Cleveland's robust local lines."""
    n = len(x)
    k = int(math.ceil(frac * n))
    order = np.argsort(x)
    xs, ys = np.asarray(x, float)[order], np.asarray(y, float)[order]
    fit = np.zeros(n)
    robust = np.ones(n)
    for _ in range(iterations + 1):
        last = -np.inf
        for i in range(n):
            if delta > 0 and xs[i] - last <= delta:
                fit[i] = fit[i - 1]
                continue
            last = xs[i]
            d = np.abs(xs - xs[i])
            h = np.sort(d)[k - 1]
            u = np.clip(d / h if h > 0 else d, 0, 1)
            w = robust * (1 - u**3) ** 3
            sw = w.sum()
            xm, ym = (w * xs).sum() / sw, (w * ys).sum() / sw
            sxx = (w * (xs - xm) ** 2).sum()
            slope = (w * (xs - xm) * (ys - ym)).sum() / sxx if sxx > 1e-12 else 0.0
            fit[i] = ym + slope * (xs[i] - xm)
        res = ys - fit
        s = np.median(np.abs(res))
        if s == 0:
            break
        robust = (1 - np.clip(res / (6 * s), -1, 1) ** 2) ** 2
    out = np.empty(n)
    out[order] = fit
    return out


def crosstab_chi2(rows, cols):
    """Counts by two labels with chi², Cramér's V and the cell that departs most."""
    table = defaultdict(lambda: defaultdict(int))
    for r, c in zip(rows, cols):
        table[r][c] += 1
    rnames = sorted(table)
    cnames = sorted({c for r in table.values() for c in r})
    M = np.array([[table[r][c] for c in cnames] for r in rnames], dtype=float)
    total = M.sum()
    E = np.outer(M.sum(1), M.sum(0)) / total
    resid = (M - E) / np.sqrt(E)
    chi2 = float((resid**2).sum())
    dof = (len(rnames) - 1) * (len(cnames) - 1)
    v = math.sqrt(chi2 / total / max(min(M.shape) - 1, 1))
    i, j = np.unravel_index(np.abs(resid).argmax(), resid.shape)
    return M, chi2, dof, round(v, 4), f"{rnames[i]}/{cnames[j]} {'over' if resid[i, j] > 0 else 'under'}"


class LoanBook:
    """Loans that amortise, default and recover."""

    def __init__(self, recovery=0.4):
        self.recovery = recovery
        self.loans = []
        self.losses = 0.0
        self.month = 0

    def add(self, principal, rate, months):
        r = rate / 12
        payment = principal / months if r == 0 else principal * r / (1 - (1 + r) ** -months)
        self.loans.append({"balance": principal, "r": r, "payment": payment, "alive": True})
        return self

    def advance(self, defaults):
        cash = 0.0
        for i, loan in enumerate(self.loans):
            if not loan["alive"]:
                continue
            if defaults[i]:
                cash += self.recovery * loan["balance"]
                self.losses += (1 - self.recovery) * loan["balance"]
                loan["balance"], loan["alive"] = 0.0, False
                continue
            interest = loan["balance"] * loan["r"]
            paid = min(loan["payment"], loan["balance"] + interest)
            loan["balance"] -= paid - interest
            cash += paid
            if loan["balance"] < 0.005:
                loan["alive"] = False
        self.month += 1
        return cash


def loan_book(specs, hazard=0.02, months=12, recovery=0.4, seed=0):
    """Cash flows of a pool by month, what is lost and what is still owed."""
    rng = np.random.default_rng(seed)
    book = LoanBook(recovery)
    for principal, rate, term in specs:
        book.add(principal, rate, term)
    flows = np.zeros(months)
    for m in range(months):
        flows[m] = book.advance(rng.random(len(book.loans)) < hazard)
        if not any(loan["alive"] for loan in book.loans):
            flows = flows[: m + 1]
            break
    owed = [round(loan["balance"], 2) for loan in book.loans]
    return flows, book.losses, owed, book.month


def _design(rng, n, k):
    X = rng.standard_normal((n, k))
    return X, (X @ np.arange(1, k + 1) + rng.normal(0, 1, n) > 0).astype(float)


def _noisy(rng, n):
    x = rng.uniform(0, 10, n)
    return x, np.sin(x) + rng.normal(0, 0.3, n)


def _seasons(rng, n):
    return 20 + 0.3 * np.arange(n) + 4 * np.sin(np.arange(n) * np.pi / 2) + rng.normal(0, 0.5, n)


CASES = {
    hamiltonian_mc: lambda rng: [
        _design(rng, 30, 3),
        (*_design(rng, 12, 2), 10, 0.2, 4, 2.0, 0, 7),
        (*_design(rng, 20, 1), 15, 0.01, 1),
    ],
    survival_by_group: lambda rng: [
        (rng.integers(1, 9, 20), rng.random(20) < 0.7, ["a" if k % 3 else "b" for k in range(20)]),
        ([6, 6, 6, 7, 10, 13], [1, 1, 0, 1, 0, 1]),
        (rng.exponential(5, 12), np.ones(12, int), None, [1.0, 4.0]),
    ],
    best_holt_winters: lambda rng: [(_seasons(rng, 16),), (_seasons(rng, 12).tolist(), 3, (0.2, 0.5)), (np.arange(5), 4)],
    bank_counter: lambda rng: [
        (np.cumsum(rng.exponential(1, 15)), rng.exponential(1.5, 15)),
        (sorted(rng.uniform(0, 5, 10).tolist()), [1.0] * 10, 1, 2.0),
        ([0.5, 1.0, 9.0, 9.5], [2, 2, 2, 2], 3, None, 8.0),
        ([], [], 2),
    ],
    long_only_portfolio: lambda rng: [
        (rng.normal(0.01, 0.05, (30, 5)),),
        (rng.normal(0.01, 0.05, (24, 3)), 1.0, 0.5, 1e-6, 50, ["gold", "wheat", "tin"]),
        (rng.normal(0, 1, (10, 2)).tolist(), 10),
    ],
    isotonic: lambda rng: [
        ([1, 3, 2, 4, 3.5, 5],),
        (rng.standard_normal(15), rng.random(15) + 0.1),
        (rng.random(8).astype(np.float32), None, False),
        (np.eye(2),),
    ],
    lowess: lambda rng: [_noisy(rng, 20), (*_noisy(rng, 15), 0.8, 0, 0.5), (np.arange(6), np.arange(6) ** 2, 0.67, 1)],
    crosstab_chi2: lambda rng: [
        (["x", "y", "x", "y", "x", "x"], ["p", "q", "p", "q", "q", "p"]),
        ([1, 2, 3, 1, 2, 3, 3], [True, False, True, True, False, False, True]),
        (list("aabbccab"), list("uvuvuuvv")),
    ],
    loan_book: lambda rng: [
        ([(1000.0, 0.05, 12), (5000.0, 0.08, 24), (250.0, 0.0, 5)],),
        ([(1e4, 0.12, 6)], 0.3, 12, 0.2, 3),
        ([(900, 0, 3), (800, 0.1, 4)], 0.0, 8),
    ],
}
