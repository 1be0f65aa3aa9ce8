"""Queues, caches, schedulers and markets: discrete simulations and the arithmetic of finance, as scripts hold them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np


def lindley_queue(n, arrival_rate=0.9, service_rate=1.0, servers=1, seed=0):
    """Waiting times of a first-come queue with several servers, by Lindley's and Kiefer-Wolfowitz's recursion."""
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / arrival_rate, n))
    service = rng.exponential(1 / service_rate, n)
    free_at = np.zeros(servers)
    wait = np.zeros(n)
    for i in range(n):
        k = np.argmin(free_at)
        start = max(arrivals[i], free_at[k])
        wait[i] = start - arrivals[i]
        free_at[k] = start + service[i]
    return {"mean": wait.mean(), "p95": np.percentile(wait, 95), "served": free_at, "waited": np.count_nonzero(wait)}


class SetAssociativeCache:
    """Tags and ages in arrays."""

    def __init__(self, size, line, ways):
        self.line = line
        self.sets = size // (line * ways)
        self.tags = np.full((self.sets, ways), -1, dtype=np.int64)
        self.age = np.zeros((self.sets, ways), dtype=np.int64)
        self.hits = self.misses = 0

    def access(self, address, now):
        block = address // self.line
        index, tag = block % self.sets, block // self.sets
        for w in range(self.tags.shape[1]):
            if self.tags[index, w] == tag:
                self.age[index, w] = now
                self.hits += 1
                return True
        victim = int(self.age[index].argmin())
        self.tags[index, victim] = tag
        self.age[index, victim] = now
        self.misses += 1
        return False


def cache_misses(addresses, size=1024, line=16, ways=2):
    """Hits of a set-associative cache over a trace of addresses, and which accesses missed."""
    cache = SetAssociativeCache(size, line, ways)
    missed = np.zeros(len(addresses), dtype=bool)
    for t, address in enumerate(addresses):
        missed[t] = not cache.access(address, t + 1)
    return cache.hits, cache.misses, missed


@dataclass
class Process:
    pid: int
    arrival: int
    burst: int
    left: int = 0
    level: int = 0
    finish: int = -1
    log: list = field(default_factory=list)


def feedback_queues(arrival, burst, quanta=(2, 4, 8)):
    """A multilevel feedback queue of processes with slices that grow; turnaround times and the Gantt chart."""
    jobs = [Process(i, int(a), int(b), int(b)) for i, (a, b) in enumerate(zip(arrival, burst))]
    pending = sorted(jobs, key=lambda p: (p.arrival, p.pid))
    queues = [deque() for _ in quanta]
    time, gantt = 0, []
    while pending or any(queues):
        while pending and pending[0].arrival <= time:
            queues[0].append(pending.pop(0))
        level = next((i for i, q in enumerate(queues) if q), None)
        if level is None:
            time = pending[0].arrival
            continue
        job = queues[level].popleft()
        run = min(quanta[level], job.left)
        gantt.append((job.pid, time, time + run))
        time += run
        job.left -= run
        while pending and pending[0].arrival <= time:
            queues[0].append(pending.pop(0))
        if job.left == 0:
            job.finish = time
        else:
            job.level = min(level + 1, len(quanta) - 1)
            queues[job.level].append(job)
    turnaround = np.array([p.finish - p.arrival for p in jobs])
    return turnaround, turnaround.mean(), gantt


def bankers_safe(available, maximum, allocation, request=None):
    """The banker's algorithm: whether a state is safe, and in which order all may finish."""
    need = maximum - allocation
    work = available.copy()
    if request is not None:
        who, amount = request
        if np.any(amount > need[who]):
            raise ValueError(f"process {who} asks for more than its claim")
        if np.any(amount > work):
            return False, []
        work -= amount
        need[who] -= amount
        allocation = allocation.copy()
        allocation[who] += amount
    n = len(allocation)
    finish = [False] * n
    order = []
    while len(order) < n:
        for i in range(n):
            if not finish[i] and (need[i] <= work).all():
                work += allocation[i]
                finish[i] = True
                order.append(i)
                break
        else:
            return False, order
    return True, order


def token_bucket(arrivals, sizes, rate, burst, queue_limit=None):
    """Traffic shaped by a token bucket: when packets leave, and which are dropped."""
    tokens, last = burst, 0.0
    depart = np.full(len(arrivals), np.nan)
    dropped = 0
    busy_until = 0.0
    for i in range(len(arrivals)):
        now = max(arrivals[i], busy_until)
        if queue_limit is not None and now - arrivals[i] > queue_limit:
            dropped += 1
            continue
        tokens = min(burst, tokens + rate * (now - last))
        last = now
        if sizes[i] <= tokens:
            tokens -= sizes[i]
            depart[i] = now
        elif sizes[i] > burst:
            dropped += 1
        else:
            delay = (sizes[i] - tokens) / rate
            tokens = 0.0
            last = depart[i] = busy_until = now + delay
    return depart, dropped, tokens


def snakes_ladders(squares, jumps, die=6, trials=0, seed=0):
    """The expected length of snakes and ladders by a Markov chain, and by playing it."""
    n = squares
    t = np.zeros((n + 1, n + 1))
    for i in range(n):
        for roll in range(1, die + 1):
            j = i + roll
            if j > n:
                j = i
            t[i, jumps.get(j, j)] += 1 / die
    t[n, n] = 1.0
    q = t[:n, :n]
    expected = np.linalg.solve(np.eye(n) - q, np.ones(n))[0]
    rng = np.random.default_rng(seed)
    lengths = np.zeros(trials, dtype=int)
    for k in range(trials):
        pos = 0
        while pos != n:
            j = pos + int(rng.integers(1, die + 1))
            if j <= n:
                pos = jumps.get(j, j)
            lengths[k] += 1
    return expected, lengths


def blackjack_hands(n, threshold=17, decks=1, seed=0):
    """Hands of blackjack against a dealer from shuffled shoes."""
    rng = np.random.default_rng(seed)

    def value(hand):
        total = sum(hand)
        aces = hand.count(11)
        while total > 21 and aces:
            total -= 10
            aces -= 1
        return total

    cards = np.tile(np.array([2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10, 11]), 4 * decks)
    wins = losses = pushes = 0
    for _ in range(n):
        shoe = list(rng.permutation(cards))
        player = [shoe.pop(), shoe.pop()]
        dealer = [shoe.pop(), shoe.pop()]
        while value(player) < threshold:
            player.append(shoe.pop())
        if value(player) > 21:
            losses += 1
            continue
        while value(dealer) < 17:
            dealer.append(shoe.pop())
        p, d = value(player), value(dealer)
        if d > 21 or p > d:
            wins += 1
        elif p < d:
            losses += 1
        else:
            pushes += 1
    return wins, losses, pushes


def technical_indicators(close, high, low, period=14, fast=12, slow=26, signal=9):
    """Wilder's RSI, MACD, the average true range and the parabolic SAR over price arrays."""

    def ema(x, span):
        out = np.empty_like(x)
        k = 2 / (span + 1)
        out[0] = x[0]
        for t in range(1, len(x)):
            out[t] = k * x[t] + (1 - k) * out[t - 1]
        return out

    n = len(close)
    delta = np.diff(close)
    gain, loss = np.where(delta > 0, delta, 0.0), np.where(delta < 0, -delta, 0.0)
    rsi = np.full(n, np.nan)
    if n > period:
        up, down = gain[:period].mean(), loss[:period].mean()
        for t in range(period, n):
            if t > period:
                up = (up * (period - 1) + gain[t - 1]) / period
                down = (down * (period - 1) + loss[t - 1]) / period
            rsi[t] = 100.0 if down == 0 else 100 - 100 / (1 + up / down)
    macd = ema(close, fast) - ema(close, slow)
    tr = high - low
    tr[1:] = np.maximum(tr[1:], np.maximum(np.abs(high[1:] - close[:-1]), np.abs(low[1:] - close[:-1])))
    sar = np.zeros(n)
    bull, af, ep = True, 0.02, high[0]
    sar[0] = low[0]
    for i in range(1, n):
        sar[i] = sar[i - 1] + af * (ep - sar[i - 1])
        if bull:
            if low[i] < sar[i]:
                bull, sar[i], ep, af = False, ep, low[i], 0.02
            elif high[i] > ep:
                ep, af = high[i], min(af + 0.02, 0.2)
        else:
            if high[i] > sar[i]:
                bull, sar[i], ep, af = True, ep, high[i], 0.02
            elif low[i] < ep:
                ep, af = low[i], min(af + 0.02, 0.2)
    return {"rsi": rsi, "macd": macd, "histogram": macd - ema(macd, signal), "atr": ema(tr, period), "sar": sar}


def derman_toy_tree(zero_yields, volatilities, tol=1e-10):
    """A Black-Derman-Toy short-rate tree calibrated level by level with the secant method on state prices."""
    n = len(zero_yields)
    rates = np.zeros((n, n))
    rates[0, 0] = zero_yields[0]
    prices = np.zeros((n + 1, n + 1))
    prices[0, 0] = 1.0
    steps = 0
    for t in range(n):
        if t > 0:
            target = (1 + zero_yields[t]) ** -(t + 1)
            spread = math.exp(2 * volatilities[t])

            def mismatch(base):
                total = 0.0
                for j in range(t + 1):
                    total += prices[t, j] / (1 + base * spread**j)
                return total - target

            x0, x1 = 0.5 * zero_yields[t], zero_yields[t]
            f0, f1 = mismatch(x0), mismatch(x1)
            while abs(f1) > tol:
                x0, x1, f0 = x1, x1 - f1 * (x1 - x0) / (f1 - f0), f1
                f1 = mismatch(x1)
                steps += 1
            for j in range(t + 1):
                rates[t, j] = x1 * spread**j
        for j in range(t + 1):
            half = 0.5 * prices[t, j] / (1 + rates[t, j])
            prices[t + 1, j] += half
            prices[t + 1, j + 1] += half
    return rates, prices, steps


def mortgage_pool(balance, coupon, months, psa=100, fee=0.0, default_curve=None):
    """Cash flows of a mortgage pool under the PSA prepayment model, row by row."""
    r = coupon / 12
    table = np.zeros((months, 5))
    remaining = balance
    for m in range(1, months + 1):
        cpr = 0.06 * min(m / 30, 1.0) * psa / 100
        smm = 1 - (1 - cpr) ** (1 / 12)
        interest = remaining * r
        left = months - m + 1
        payment = remaining * r / (1 - (1 + r) ** -left) if r > 0 else remaining / left
        scheduled = payment - interest
        lost = 0.0
        if default_curve is not None and m - 1 < len(default_curve):
            lost = default_curve[m - 1] * remaining
        prepaid = smm * max(remaining - scheduled - lost, 0.0)
        remaining -= scheduled + prepaid + lost
        table[m - 1] = interest - fee * remaining / 12, scheduled, prepaid, lost, remaining
        if remaining < 0.005:
            table = table[:m]
            break
    principal = table[:, 1] + table[:, 2]
    life = (np.arange(1, len(table) + 1) * principal).sum() / principal.sum() / 12
    return table, life


def market_maker(steps, gamma=0.1, sigma=2.0, k=1.5, a=140.0, s0=100.0, horizon=1.0, seed=0, verbose=False):
    """Avellaneda and Stoikov's market maker: reservation prices, Poisson fills, inventory and wealth."""
    rng = np.random.default_rng(seed)
    dt = horizon / steps
    s, q, cash = s0, 0, 0.0
    log = np.zeros((steps, 4))
    for t in range(steps):
        left = horizon - t * dt
        reservation = s - q * gamma * sigma**2 * left
        spread = gamma * sigma**2 * left + 2 / gamma * np.log(1 + gamma / k)
        bid, ask = reservation - spread / 2, reservation + spread / 2
        if rng.random() < a * np.exp(-k * (s - bid)) * dt:
            q += 1
            cash -= bid
        if rng.random() < a * np.exp(-k * (ask - s)) * dt:
            q -= 1
            cash += ask
        s += sigma * np.sqrt(dt) * (1 if rng.random() < 0.5 else -1)
        log[t] = s, q, cash, cash + q * s
    if verbose:
        print(f"final wealth {log[-1, 3]:.4f} inventory {q}")
    return log[-1, 3], q, log


def _requests(rng, n, top):
    return np.cumsum(rng.exponential(1.0, n)), rng.uniform(0.1, top, n)


def _ohlc(rng, n, dtype=float):
    close = 100 + np.cumsum(rng.standard_normal(n))
    return close.astype(dtype), (close + rng.random(n)).astype(dtype), (close - rng.random(n)).astype(dtype)


_CLAIMS = np.array([[7, 5, 3], [3, 2, 2], [9, 0, 2], [2, 2, 2], [4, 3, 3]])
_HELD = np.array([[0, 1, 0], [2, 0, 0], [3, 0, 2], [2, 1, 1], [0, 0, 2]])

CASES = {
    lindley_queue: lambda rng: [(40,), (25, 1.8, 1.0, 2, 4), (3, 5.0)],
    cache_misses: lambda rng: [
        (rng.integers(0, 3000, 60),),
        (rng.integers(0, 400, 40).tolist(), 128, 8, 4),
        (np.arange(0, 64, 4, dtype=np.int32), 64, 16, 1),
    ],
    feedback_queues: lambda rng: [(np.arange(5), rng.integers(1, 20, 5)), ([0, 30], [5, 3], (1, 3)), ([4], [2])],
    bankers_safe: lambda rng: [
        (np.array([3, 3, 2]), _CLAIMS, _HELD),
        (np.array([3, 3, 2]), _CLAIMS, _HELD, (1, np.array([1, 0, 2]))),
        (np.array([0, 0, 0]), _CLAIMS, _HELD),
        (np.array([3, 3, 2]), _CLAIMS, _HELD, (1, np.array([9, 0, 0]))),
    ],
    token_bucket: lambda rng: [
        (*_requests(rng, 30, 3.0), 1.2, 4.0),
        (*_requests(rng, 20, 5.0), 0.5, 4, 6.0),
        (np.array([0.0, 1.0]), np.array([1, 9]), 1, 2),
    ],
    snakes_ladders: lambda rng: [(20, {3: 11, 17: 5}, 6, 5), (10, {}, 4), (30, {2: 20, 25: 1, 28: 12}, 6, 3, 8)],
    blackjack_hands: lambda rng: [(12,), (6, 15, 2, 7), (0,)],
    technical_indicators: lambda rng: [_ohlc(rng, 40), (*_ohlc(rng, 25, np.float32), 5, 3, 6, 4), _ohlc(rng, 8)],
    derman_toy_tree: lambda rng: [
        (np.array([0.1, 0.11, 0.12, 0.125, 0.13]), np.array([0.2, 0.19, 0.18, 0.17, 0.16])),
        ([0.03, 0.035, 0.04], [0.1, 0.1, 0.1], 1e-8),
        (np.array([0.05]), np.array([0.2])),
    ],
    mortgage_pool: lambda rng: [
        (100000.0, 0.06, 60),
        (5e5, 0.0, 24, 150),
        (1000, 0.05, 36, 300, 0.002, rng.uniform(0, 0.01, 12)),
    ],
    market_maker: lambda rng: [(40,), (25, 0.5, 1.0, 1.5, 140.0, 50.0, 1.0, 4, True), (5, 0.01)],
}
