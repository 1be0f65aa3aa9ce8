"""Prices, rates and risks."""

import math

import numpy as np


def _norm_cdf(x):
    return 0.5 * (1.0 + math.erf(x / math.sqrt(2.0)))


def black_scholes(S, K, T, r, sigma, kind="call"):
    if kind not in ("call", "put"):
        raise ValueError(f"unknown kind of option: {kind!r}")
    d1 = (math.log(S / K) + (r + 0.5 * sigma**2) * T) / (sigma * math.sqrt(T))
    d2 = d1 - sigma * math.sqrt(T)
    if kind == "call":
        return S * _norm_cdf(d1) - K * math.exp(-r * T) * _norm_cdf(d2)
    return K * math.exp(-r * T) * _norm_cdf(-d2) - S * _norm_cdf(-d1)


def black_scholes_chain(S, strikes, T, r, sigma):
    """A whole chain, the normal distribution by the Abramowitz–Stegun polynomial."""

    def cdf(x):
        k = 1 / (1 + 0.2316419 * np.abs(x))
        poly = k * (0.319381530 + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429))))
        tail = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi) * poly
        return np.where(x >= 0, 1 - tail, tail)

    d1 = (np.log(S / strikes) + (r + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    d2 = d1 - sigma * np.sqrt(T)
    call = S * cdf(d1) - strikes * np.exp(-r * T) * cdf(d2)
    put = call - S + strikes * np.exp(-r * T)
    return {"call": call, "put": put, "delta": cdf(d1)}


def american_put(S0, K, T, r, sigma, steps):
    """Cox–Ross–Rubinstein with early exercise."""
    dt = T / steps
    u = np.exp(sigma * np.sqrt(dt))
    d = 1 / u
    p = (np.exp(r * dt) - d) / (u - d)
    disc = np.exp(-r * dt)
    S = S0 * d ** np.arange(steps, -1, -1) * u ** np.arange(0, steps + 1)
    V = np.maximum(K - S, 0)
    for i in range(steps - 1, -1, -1):
        S = S0 * d ** np.arange(i, -1, -1) * u ** np.arange(0, i + 1)
        V[: i + 1] = disc * (p * V[1 : i + 2] + (1 - p) * V[0 : i + 1])
        V = V[:-1]
        V = np.maximum(V, K - S)
    return V[0]


def binomial_loops(S, K, T, r, sigma, n):
    dt = T / n
    u = math.exp(sigma * math.sqrt(dt))
    q = (math.exp(r * dt) - 1 / u) / (u - 1 / u)
    values = [0.0] * (n + 1)
    for j in range(n + 1):
        values[j] = max(0.0, S * u ** (2 * j - n) - K)
    for i in range(n - 1, -1, -1):
        for j in range(i + 1):
            values[j] = math.exp(-r * dt) * (q * values[j + 1] + (1 - q) * values[j])
    return values[0]


def monte_carlo_asian(S0, K, T, r, sigma, steps, paths, seed):
    rng = np.random.default_rng(seed)
    dt = T / steps
    S = np.full(paths, S0, dtype=float)
    total = np.zeros(paths)
    for _ in range(steps):
        S *= np.exp((r - 0.5 * sigma**2) * dt + sigma * np.sqrt(dt) * rng.standard_normal(paths))
        total += S
    payoff = np.maximum(total / steps - K, 0)
    price = np.exp(-r * T) * payoff.mean()
    return price, payoff.std(ddof=1) / np.sqrt(paths)


def monte_carlo_barrier(S0, barrier, mu, sigma, dt, steps, paths):
    """Knock-outs path by path with the global generator; stops a path early."""
    np.random.seed(7)
    alive = 0
    for _ in range(paths):
        s = S0
        for _ in range(steps):
            s *= math.exp((mu - 0.5 * sigma**2) * dt + sigma * math.sqrt(dt) * np.random.normal())
            if s <= barrier:
                break
        else:
            alive += 1
    return alive / paths


def implied_vol_newton(price, S, K, T, r):
    sigma = 0.3
    for i in range(100):
        d1 = (np.log(S / K) + (r + sigma * sigma / 2) * T) / (sigma * np.sqrt(T))
        d2 = d1 - sigma * np.sqrt(T)
        value = S * _norm_cdf(d1) - K * np.exp(-r * T) * _norm_cdf(d2)
        vega = S * np.sqrt(T) * np.exp(-d1 * d1 / 2) / np.sqrt(2 * np.pi)
        diff = value - price
        if abs(diff) < 1e-10:
            return sigma, i
        if vega < 1e-12:
            raise ArithmeticError("vega vanished")
        sigma -= diff / vega
    return sigma, 100


def implied_vol_bisection(prices, S, strikes, T, r):
    """One bisection per quote; NaN where the price is outside the no-arbitrage bounds."""
    out = np.empty(len(prices))
    for i, (price, K) in enumerate(zip(prices, strikes)):
        if not max(S - K * math.exp(-r * T), 0.0) < price < S:
            out[i] = np.nan
            continue
        lo, hi = 1e-4, 5.0
        while hi - lo > 1e-8:
            mid = (lo + hi) / 2
            if black_scholes(S, K, T, r, mid) > price:
                hi = mid
            else:
                lo = mid
        out[i] = (lo + hi) / 2
    return out


def ewma_volatility(returns, lam=0.94):
    var = np.empty_like(returns)
    var[0] = returns[0] ** 2
    for t in range(1, returns.shape[0]):
        var[t] = lam * var[t - 1] + (1 - lam) * returns[t - 1] ** 2
    return np.sqrt(var)


def max_drawdown(prices):
    peak = prices[0]
    worst = 0.0
    begin = end = peak_at = 0
    for i, p in enumerate(prices):
        if p > peak:
            peak = p
            peak_at = i
        drawdown = (peak - p) / peak
        if drawdown > worst:
            worst = drawdown
            begin, end = peak_at, i
    return worst, (begin, end)


def bond_yield(price, face, coupon, years, lo=0.0, hi=1.0):
    def value(y):
        total = 0.0
        for t in range(1, years + 1):
            total += coupon / (1 + y) ** t
        return total + face / (1 + y) ** years

    if not value(hi) <= price <= value(lo):
        raise ValueError("the yield is not bracketed")
    while hi - lo > 1e-10:
        mid = 0.5 * (lo + hi)
        if value(mid) > price:
            lo = mid
        else:
            hi = mid
    return 0.5 * (lo + hi)


def garch_likelihood(params, r):
    omega, alpha, beta = params
    if omega <= 0 or alpha < 0 or beta < 0 or alpha + beta >= 1:
        return np.inf
    n = r.shape[0]
    sigma2 = np.zeros(n)
    sigma2[0] = np.var(r)
    for t in range(1, n):
        sigma2[t] = omega + alpha * r[t - 1] ** 2 + beta * sigma2[t - 1]
    return 0.5 * np.sum(np.log(2 * np.pi) + np.log(sigma2) + r**2 / sigma2)


def moving_average_crossover(prices, fast, slow):
    """A little back test: positions, trades and the final equity."""
    position = 0
    cash, units = 1000.0, 0.0
    trades = []
    for t in range(slow, len(prices)):
        f = prices[t - fast : t].mean()
        s = prices[t - slow : t].mean()
        if f > s and position == 0:
            units, cash, position = cash / prices[t], 0.0, 1
            trades.append((t, "buy"))
        elif f < s and position == 1:
            cash, units, position = units * prices[t], 0.0, 0
            trades.append((t, "sell"))
    return cash + units * prices[-1], trades


def amortisation(principal, rate, periods):
    payment = principal * rate / (1 - (1 + rate) ** -periods)
    table = np.zeros((periods, 3))
    balance = principal
    for k in range(periods):
        interest = balance * rate
        balance -= payment - interest
        table[k] = [interest, payment - interest, balance]
    return payment, table


def _prices(rng, n):
    return 100 * np.exp(np.cumsum(0.01 * rng.standard_normal(n)))


CASES = {
    black_scholes: lambda rng: [
        (100.0, 95.0, 0.5, 0.02, 0.25),
        (100, 110, 1, 0.0, 0.3, "put"),
        (100.0, 95.0, 0.5, 0.02, 0.25, "swap"),
        (-1.0, 95.0, 0.5, 0.02, 0.25),
        (100.0, 95.0, 0.5, 0.02, 0.0),
    ],
    black_scholes_chain: lambda rng: [
        (100.0, np.linspace(60, 140, 400), 0.5, 0.02, 0.25),
        (np.float32(90), np.array([90, 100], np.float32), 1.0, 0.0, 0.1),
        (100.0, np.array([]), 0.5, 0.02, 0.25),
    ],
    american_put: lambda rng: [(100.0, 105.0, 1.0, 0.05, 0.2, 40), (10, 12, 1, 0.01, 0.3, 1)],
    binomial_loops: lambda rng: [(100.0, 100.0, 1.0, 0.05, 0.2, 40), (50.0, 60.0, 0.5, 0.01, 0.4, 3)],
    monte_carlo_asian: lambda rng: [(100.0, 100.0, 1.0, 0.05, 0.2, 12, 500, 1), (100, 90, 1, 0.0, 0.1, 2, 3, 9)],
    monte_carlo_barrier: lambda rng: [(100.0, 90.0, 0.0, 0.2, 0.02, 20, 40), (100.0, 0.0, 0.0, 0.1, 0.1, 3, 2)],
    implied_vol_newton: lambda rng: [(10.0, 100.0, 100.0, 1.0, 0.02), (0.0, 100.0, 1000.0, 0.01, 0.0)],
    implied_vol_bisection: lambda rng: [
        (np.array([12.0, 7.0, 3.0, 120.0]), 100.0, np.array([95.0, 100.0, 110.0, 100.0]), 0.7, 0.01),
        ([5.0], 50.0, [49.0], 1.0, 0.0),
    ],
    ewma_volatility: lambda rng: [
        (0.01 * rng.standard_normal(500),),
        (rng.standard_normal(6).astype(np.float32), 0.9),
        (np.array([0.5]),),
    ],
    max_drawdown: lambda rng: [(_prices(rng, 500),), (np.array([5.0, 4.0, 6.0, 3.0], np.float32),), ([3, 2, 1],)],
    bond_yield: lambda rng: [(950.0, 1000.0, 45.0, 10), (1100.0, 1000.0, 80.0, 3), (5000.0, 1000.0, 10.0, 5)],
    garch_likelihood: lambda rng: [
        (np.array([1e-5, 0.1, 0.85]), 0.01 * rng.standard_normal(400)),
        ((0.1, 0.2, 0.3), rng.standard_normal(3)),
        (np.array([-1.0, 0.1, 0.1]), np.zeros(4)),
    ],
    moving_average_crossover: lambda rng: [(_prices(rng, 150), 5, 20), (_prices(rng, 4), 1, 2)],
    amortisation: lambda rng: [(200000.0, 0.004, 120), (100, 0.1, 1)],
}
