"""Life tables, portfolios, texts and series, as an office keeps them in one file."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np


# life tables and portfolios ---------------------------------------------------------------------------------------------
def life_table(q, radix=100_000):
    """l, d, L, T and e of a column of probabilities of dying."""
    q = np.asarray(q, dtype=float)
    if np.any((q < 0) | (q > 1)):
        raise ValueError("probabilities must lie in [0, 1]")
    n = len(q)
    lx = np.empty(n)
    dx = np.empty(n)
    alive = float(radix)
    for age in range(n):
        lx[age] = alive
        dx[age] = alive * q[age]
        alive -= dx[age]
    Lx = lx - 0.5 * dx
    Tx = Lx[::-1].cumsum()[::-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        ex = np.where(lx > 0, Tx / lx, 0.0)
    return {"lx": lx, "dx": dx, "Lx": Lx, "Tx": Tx, "ex": ex}


def policy_reserves(q, sum_assured, term, i=0.03):
    """Net premium of a term assurance and its reserves by the recursion, year by year."""
    v = 1 / (1 + i)
    p = 1.0
    annuity = assurance = 0.0
    for t in range(term):
        annuity += p * v**t
        assurance += p * q[t] * v ** (t + 1)
        p *= 1 - q[t]
    premium = sum_assured * assurance / annuity
    reserves = [0.0]
    for t in range(term):
        reserves.append(((reserves[-1] + premium) * (1 + i) - q[t] * sum_assured) / (1 - q[t]))
    return premium, reserves


def chain_ladder(triangle):
    """Development factors of a run-off triangle with NaN below the diagonal, and the reserve."""
    tri = triangle.copy()
    n = tri.shape[0]
    factors = []
    for j in range(n - 1):
        known = ~np.isnan(tri[:, j + 1])
        factors.append(tri[known, j + 1].sum() / tri[known, j].sum())
    latest = np.array([row[~np.isnan(row)][-1] for row in tri])
    for i in range(n):
        for j in range(1, n):
            if np.isnan(tri[i, j]):
                tri[i, j] = tri[i, j - 1] * factors[j - 1]
    return np.array(factors), tri, tri[:, -1] - latest


class Portfolio:
    """Cash and positions with first-in first-out lots."""

    def __init__(self, cash):
        self.cash = cash
        self.lots = defaultdict(list)
        self.realised = 0.0
        self.journal = []

    def buy(self, name, units, price, fee=1.0):
        cost = units * price + fee
        if cost > self.cash:
            raise RuntimeError(f"cannot pay {cost:.2f} with {self.cash:.2f}")
        self.cash -= cost
        self.lots[name].append([units, price])
        self.journal.append(("buy", name, units))

    def sell(self, name, units, price, fee=1.0):
        left = units
        while left > 0 and self.lots[name]:
            lot = self.lots[name][0]
            used = min(left, lot[0])
            self.realised += used * (price - lot[1])
            lot[0] -= used
            left -= used
            if lot[0] == 0:
                self.lots[name].pop(0)
        self.cash += (units - left) * price - fee
        self.journal.append(("sell", name, units - left))


def lots_in_order(orders, cash=10_000.0):
    book = Portfolio(cash)
    for side, name, units, price in orders:
        if side == "B":
            book.buy(name, units, price)
        else:
            book.sell(name, units, price)
    held = {k: sum(u for u, _ in lots) for k, lots in book.lots.items()}
    return round(book.cash, 6), round(book.realised, 6), held, book.journal


def rebalancing(prices, weights, band=0.05, cost=0.001):
    """Wealth with weights put back whenever one has left its band."""
    weights = np.asarray(weights)
    units = weights / prices[0]
    wealth, trades = [], 0
    for day, p in enumerate(prices):
        value = units * p
        total = value.sum()
        if np.abs(value / total - weights).max() > band:
            target = weights * total
            total -= cost * np.abs(target - value).sum()
            units = weights * total / p
            trades += 1
        wealth.append(total)
    wealth = np.array(wealth)
    drawdown = 1 - wealth / np.maximum.accumulate(wealth)
    return wealth, trades, drawdown.max()


def long_only_frontier(returns, n=5, iterations=200):
    """Long-only weights by projected gradients for several risk aversions."""
    mu, cov = returns.mean(axis=0), np.cov(returns, rowvar=False)

    def project(v):
        u = np.sort(v)[::-1]
        css = np.cumsum(u) - 1
        rho = np.nonzero(u - css / np.arange(1, len(u) + 1) > 0)[0][-1]
        return np.maximum(v - css[rho] / (rho + 1), 0)

    frontier = []
    for aversion in np.logspace(0, 2, n):
        w = np.full(len(mu), 1 / len(mu))
        for k in range(iterations):
            new = project(w + 0.1 * (mu - aversion * cov @ w))
            if np.abs(new - w).max() < 1e-10:
                break
            w = new
        frontier.append((float(w @ mu), float(np.sqrt(w @ cov @ w)), w))
    return frontier


def rolling_shortfall(pnl, levels=(0.95, 0.99), window=50):
    """Value at risk and shortfall over rolling windows; NaN until the window is full."""
    out = {}
    for level in levels:
        var = np.full(len(pnl), np.nan)
        es = np.full_like(var, np.nan)
        for t in range(window, len(pnl)):
            losses = -np.sort(pnl[t - window : t])
            k = max(int(np.floor((1 - level) * window)), 1)
            var[t] = losses[k - 1]
            es[t] = losses[:k].mean()
        out[level] = (var, es, int(np.sum(-pnl[window:] > var[window:])))
    return out


# texts and sequences ----------------------------------------------------------------------------------------------------
def characters_by_chance(text, order=2, length=60, seed=0):
    """A chain of characters learnt from a text, and a text drawn from it."""
    table = {}
    for k in range(len(text) - order):
        table.setdefault(text[k : k + order], []).append(text[k + order])
    rng = np.random.default_rng(seed)
    state = text[:order]
    out = state
    for _ in range(length):
        options = table.get(state)
        if options is None:
            break
        c = options[rng.integers(len(options))]
        out += c
        state = state[1:] + c
    entropy = 0.0
    for followers in table.values():
        p = np.array(list(Counter(followers).values())) / len(followers)
        entropy -= len(followers) / max(len(text) - order, 1) * np.sum(p * np.log2(p))
    return out, entropy, len(table)


def tfidf(documents, query):
    """Scores of documents for a query by tf-idf and the cosine."""
    tokens = [[w.strip(".,").lower() for w in d.split()] for d in documents]
    df = Counter(w for doc in tokens for w in set(doc))
    vocab = sorted(df)
    index = {w: k for k, w in enumerate(vocab)}
    m = np.zeros((len(documents), len(vocab)))
    for row, doc in enumerate(tokens):
        for w in doc:
            m[row, index[w]] += 1
    idf = np.log((1 + len(documents)) / (1 + np.array([df[w] for w in vocab]))) + 1
    m *= idf
    norms = np.linalg.norm(m, axis=1)
    q = np.zeros(len(vocab))
    for w in query.lower().split():
        if w in index:
            q[index[w]] += idf[index[w]]
    if not q.any():
        return []
    scores = m @ q / (norms * np.linalg.norm(q))
    return [(int(k), float(scores[k])) for k in np.argsort(-scores, kind="stable")]


def codon_usage(seq):
    """Relative usage of codons within an amino acid's family, from an array of bases 0..3."""
    families = {0: (0, 1, 2, 3), 1: (16, 17, 18, 19), 2: (5, 6), 3: (60, 61, 63)}
    counts = np.zeros(64, dtype=np.int64)
    for k in range(0, len(seq) - 2, 3):
        counts[16 * seq[k] + 4 * seq[k + 1] + seq[k + 2]] += 1
    usage = {}
    for name, codons in families.items():
        total = sum(counts[c] for c in codons)
        if total == 0:
            continue
        for c in codons:
            usage[name, c] = len(codons) * counts[c] / total
    gc = np.mean((seq == 1) | (seq == 2)) if len(seq) else 0.0
    return usage, gc, counts.max()


def zipf_slope(words):
    """The slope of log frequency by log rank, the type-token ratio and the hapaxes."""
    freq = {}
    for w in words:
        freq[w] = freq.get(w, 0) + 1
    if len(freq) < 2:
        raise ValueError("too few words")
    ranked = sorted(freq.items(), key=lambda kv: (-kv[1], kv[0]))
    x = np.log(np.arange(1, len(ranked) + 1))
    y = np.log([n for _, n in ranked])
    slope, intercept = np.polyfit(x, y, 1)
    return slope, intercept, len(freq) / len(words), [w for w, n in ranked if n == 1][:5]


# series -----------------------------------------------------------------------------------------------------------------
class HoltWinters:
    """Additive trend and season, its state in attributes."""

    def __init__(self, period, alpha=0.3, beta=0.05, gamma=0.2):
        self.period = period
        self.alpha, self.beta, self.gamma = alpha, beta, gamma
        self.fitted = []

    def fit(self, y):
        m = self.period
        if len(y) < 2 * m:
            raise ValueError(f"need {2 * m} observations, got {len(y)}")
        self.level = np.mean(y[:m])
        self.trend = (np.mean(y[m : 2 * m]) - self.level) / m
        self.season = [v - self.level for v in y[:m]]
        sse = 0.0
        for t, obs in enumerate(y):
            s = self.season[t % m]
            forecast = self.level + self.trend + s
            self.fitted.append(forecast)
            sse += (obs - forecast) ** 2
            last = self.level
            self.level = self.alpha * (obs - s) + (1 - self.alpha) * (self.level + self.trend)
            self.trend = self.beta * (self.level - last) + (1 - self.beta) * self.trend
            self.season[t % m] = self.gamma * (obs - self.level) + (1 - self.gamma) * s
        self.n = len(y)
        return sse

    def predict(self, h):
        return np.array([self.level + (k + 1) * self.trend + self.season[(self.n + k) % self.period] for k in range(h)])


def holt_winters_grid(y, period=12, horizon=6):
    """The smoothing weights with the least error on a small grid, and the forecast."""
    best = None
    for alpha in (0.1, 0.3, 0.6):
        for gamma in (0.1, 0.4):
            model = HoltWinters(period, alpha=alpha, gamma=gamma)
            sse = model.fit(y)
            if best is None or sse < best[0]:
                best = (sse, alpha, gamma, model)
    sse, alpha, gamma, model = best
    return {"alpha": alpha, "gamma": gamma, "sse": sse, "forecast": model.predict(horizon), "fitted": np.array(model.fitted)}


def arima_by_hand(y, p=2, d=1, steps=5):
    """AR(p) of differences by least squares, forecasts summed up again."""
    tails = []
    z = np.asarray(y, dtype=float)
    for _ in range(d):
        tails.append(z[-1])
        z = np.diff(z)
    X = np.column_stack([np.ones(len(z) - p)] + [z[p - k - 1 : len(z) - k - 1] for k in range(p)])
    coef, *_ = np.linalg.lstsq(X, z[p:], rcond=None)
    resid = z[p:] - X @ coef
    history = list(z)
    forecast = []
    for _ in range(steps):
        nxt = coef[0] + sum(coef[k + 1] * history[-k - 1] for k in range(p))
        history.append(nxt)
        forecast.append(nxt)
    out = np.array(forecast)
    for tail in reversed(tails):
        out = tail + np.cumsum(out)
    n = len(resid)
    aic = n * np.log(resid @ resid / n) + 2 * (p + 1)
    return coef, out, aic


def binary_segmentation(x, min_size=5, penalty=None):
    """Change points of the mean by splitting segments while it pays."""
    n = len(x)
    if penalty is None:
        penalty = 2 * np.log(max(n, 2)) * np.var(np.diff(x)) / 2 if n > 1 else 0.0
    s = np.concatenate(([0.0], np.cumsum(x)))
    todo, changes = [(0, n)], []
    while todo:
        a, b = todo.pop()
        best, where = 0.0, None
        mean = (s[b] - s[a]) / max(b - a, 1)
        for k in range(a + min_size, b - min_size + 1):
            left = (s[k] - s[a]) / (k - a)
            right = (s[b] - s[k]) / (b - k)
            gain = (k - a) * (left - mean) ** 2 + (b - k) * (right - mean) ** 2
            if gain > best:
                best, where = gain, k
        if where is not None and best > penalty:
            changes.append(where)
            todo.append((a, where))
            todo.append((where, b))
    return sorted(changes)


def cusum_monitor(x, target, drift=0.5, threshold=5.0):
    """Two-sided CUSUM with restarts; alarms as (index, 'up' or 'down', where it began)."""
    up = down = 0.0
    start_up = start_down = 0
    alarms = []
    trace = np.empty((len(x), 2))
    for k, v in enumerate(x):
        up, down = max(0.0, up + v - target - drift), max(0.0, down - v + target - drift)
        if up == 0:
            start_up = k + 1
        if down == 0:
            start_down = k + 1
        trace[k] = up, down
        if up > threshold or down > threshold:
            alarms.append((k, "up" if up > threshold else "down", start_up if up > threshold else start_down))
            up = down = 0.0
            start_up = start_down = k + 1
    return alarms, trace


def dtw_barycentre(series, iterations=3):
    """Averages series of one length under dynamic time warping."""
    centre = np.mean(series, axis=0)
    n = centre.size
    for _ in range(iterations):
        buckets = [[] for _ in range(n)]
        for s in series:
            cost = np.full((n + 1, n + 1), np.inf)
            cost[0, 0] = 0
            for i in range(1, n + 1):
                for j in range(1, n + 1):
                    cost[i, j] = (centre[i - 1] - s[j - 1]) ** 2 + min(cost[i - 1, j], cost[i, j - 1], cost[i - 1, j - 1])
            i = j = n
            while i > 0 and j > 0:
                buckets[i - 1].append(s[j - 1])
                step = np.argmin([cost[i - 1, j - 1], cost[i - 1, j], cost[i, j - 1]])
                if step == 0:
                    i, j = i - 1, j - 1
                elif step == 1:
                    i -= 1
                else:
                    j -= 1
        centre = np.array([np.mean(b) for b in buckets])
    return centre


def _orders(rng, n, sells=0.4):
    names = ["ABC", "XYZ", "QQQ"]
    return [
        ("S" if rng.random() < sells else "B", names[rng.integers(3)], int(rng.integers(1, 9)), float(rng.integers(10, 60)))
        for _ in range(n)
    ]


def _triangle(rng, n):
    tri = np.cumsum(rng.uniform(10, 100, (n, n)), axis=1)
    tri[np.add.outer(np.arange(n), np.arange(n)) >= n] = np.nan
    return tri


_TEXT = "the cat sat on the mat and the rat sat on the cat while the dog that chased the rat sat on the hat "

_DOCS = ["The cat sat.", "A dog sat on the mat, the mat was red.", "Birds fly over red mats.", "cat and dog"]


CASES = {
    life_table: lambda g: [(np.minimum(1, 0.001 * 1.1 ** np.arange(80)),), ([0.5, 1.0, 1.0], 10), ([0.1, 1.2],), ([],)],
    policy_reserves: lambda g: [(0.002 * 1.09 ** np.arange(40), 50_000, 30), ([0.1, 0.2], 1000.0, 2, 0.0), ([0.1], 1.0, 3)],
    chain_ladder: lambda g: [(_triangle(g, 8),), (_triangle(g, 2),), (np.full((1, 1), 3.0),)],
    lots_in_order: lambda g: [
        (_orders(g, 40),),
        (_orders(g, 200, 0.1), 500.0),
        ([],),
        ([("B", "A", 5, 10), ("S", "A", 9, 12)],),
    ],
    rebalancing: lambda g: [
        (np.exp(g.normal(0, 0.05, (250, 3)).cumsum(axis=0)), [0.5, 0.3, 0.2]),
        (np.exp(g.normal(0, 0.02, (30, 2)).cumsum(axis=0)).astype(np.float32), (0.5, 0.5), 0.01),
        (np.ones((1, 2)), [0.4, 0.6]),
    ],
    long_only_frontier: lambda g: [(g.normal(0.01, 0.1, (120, 5)),), (g.normal(0.01, 0.1, (30, 2)), 3, 50)],
    rolling_shortfall: lambda g: [(g.normal(size=200),), (g.normal(size=80).astype(np.float32), (0.9,), 20), (np.zeros(10),)],
    characters_by_chance: lambda g: [(_TEXT * 3,), (_TEXT, 1, 20, 5), ("ab",), ("",)],
    tfidf: lambda g: [(_DOCS, "red cat"), (_DOCS * 5, "the dog"), (_DOCS, "zebra"), (["one"], "one")],
    codon_usage: lambda g: [(g.integers(0, 4, 600),), (g.integers(0, 4, 5).astype(np.uint8),), (np.zeros(0, int),)],
    zipf_slope: lambda g: [(_TEXT.split(),), (["a", "b", "a"],), (["a"],), ([],)],
    holt_winters_grid: lambda g: [
        (10 + 3 * np.sin(np.arange(96) * np.pi / 6) + g.normal(size=96),),
        (g.random(12).tolist(), 4, 3),
        (g.random(5), 4),
    ],
    arima_by_hand: lambda g: [
        (g.normal(size=120).cumsum(),),
        (g.normal(size=40).astype(np.float32), 1, 0, 3),
        (np.arange(30) ** 2, 3, 2),
    ],
    binary_segmentation: lambda g: [
        (np.repeat([0.0, 3.0, -1.0, 2.0], 40) + 0.3 * g.normal(size=160),),
        (g.normal(size=30).astype(np.float32), 3, 1.0),
        (np.zeros(0),),
        (np.ones(1),),
    ],
    cusum_monitor: lambda g: [
        (g.normal(size=150) + np.repeat([0, 2, -2], 50), 0.0),
        (g.integers(0, 9, 30).tolist(), 4),
        ([], 1.0),
    ],
    dtw_barycentre: lambda g: [(g.normal(size=(4, 15)),), (g.random((1, 6)), 1), (g.random((2, 1)),)],
}
