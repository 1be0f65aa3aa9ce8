"""Ledgers, schedules and small estimates: money to the cent, sets of customers, games, numbers, nets in plain NumPy."""

import itertools
import math
from collections import deque

import numpy as np


def split_bill(amounts, shares):
    total = round(float(amounts.sum()), 2)
    owed = [round(total * s, 2) for s in shares]
    owed[0] = round(owed[0] + total - sum(owed), 2)
    return total, owed


def fifo_gains(buys, sells):
    lots = deque()
    for q, p in buys:
        lots.append((q, p))
    gains = 0.0
    for q, p in sells:
        while q > 0 and lots:
            have, cost = lots.popleft()
            used = min(q, have)
            gains += used * (p - cost)
            q -= used
            if have > used:
                lots.appendleft((have - used, cost))
    return round(gains, 2), len(lots)


def loan_table(principal, rate, months):
    r = rate / 12
    payment = round(principal * r / (1 - (1 + r) ** -months), 2)
    balance, rows = principal, []
    for k in range(1, months + 1):
        interest = round(balance * r, 2)
        part = min(payment - interest, balance)
        balance = round(balance - part, 2)
        rows.append((k, interest, round(part, 2), balance))
        if balance <= 0:
            break
    return payment, rows


def tax_brackets(incomes, limits, rates):
    out = []
    for income in incomes.tolist():
        tax, low = 0.0, 0.0
        for limit, rate in zip(limits, rates):
            if income <= low:
                break
            tax += (min(income, limit) - low) * rate
            low = limit
        out.append(round(tax, 2))
    return out


def subset_products(primes, limit):
    found = {1}
    for p in primes:
        for v in sorted(found):
            if v * p <= limit:
                found.add(v * p)
    return sorted(found)


def first_missing(x):
    have = set(x.tolist())
    return next(k for k in itertools.count() if k not in have)


def shift_schedule(requests, slots):
    taken = [False] * slots
    placed = []
    for want in requests:
        at = next((s for s in range(int(want), slots) if not taken[s]), None)
        if at is not None:
            taken[at] = True
        placed.append(at)
    return placed, sum(taken)


def nim_winner(heaps):
    total = 0
    for h in heaps:
        total ^= int(h)
    if total == 0:
        return None
    high = 1 << (total.bit_length() - 1)
    for i, h in enumerate(heaps):
        if int(h) & high:
            return i, int(h) - (int(h) ^ total)
    return None


def egyptian_multiply(a, b):
    out = []
    for x, y in zip(a.tolist(), b.tolist()):
        total = 0
        while x:
            if x & 1:
                total += y
            x >>= 1
            y <<= 1
        out.append(total)
    return out


def digit_powers(limit):
    found = []
    for n in range(10, limit):
        digits, m = [], n
        while m:
            m, d = divmod(m, 10)
            digits.append(d)
        k = len(digits)
        if sum(d**k for d in digits) == n:
            found.append(n)
    return found


def kaprekar_steps(numbers):
    out = []
    for n in numbers:
        n, steps = int(n), 0
        while n != 6174 and n != 0 and steps < 10:
            d = sorted((n // 1000, n // 100 % 10, n // 10 % 10, n % 10))
            low = d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3]
            high = d[3] * 1000 + d[2] * 100 + d[1] * 10 + d[0]
            n = high - low
            steps += 1
        out.append(steps)
    return out


def farey(n):
    a, b, c, d = 0, 1, 1, n
    out = [(a, b)]
    while c <= n:
        k = (n + b) // d
        a, b, c, d = c, d, k * c - a, k * d - b
        out.append((a, b))
    return out


def stern_brocot(x, eps):
    whole = math.floor(x)
    lo, hi = (whole, 1), (whole + 1, 1)
    for _ in range(60):
        mid = (lo[0] + hi[0], lo[1] + hi[1])
        v = mid[0] / mid[1]
        if abs(v - x) < eps:
            return mid
        if v < x:
            lo = mid
        else:
            hi = mid
    return lo


def quadratic_residues(p):
    residues = set()
    for a in range(1, p):
        residues.add(a * a % p)
    return [1 if a in residues else -1 for a in range(1, p)]


def linear_probe_counts(keys, size):
    table = [-1] * size
    probes = 0
    for key in keys.tolist():
        at = key % size
        while table[at] >= 0 and table[at] != key:
            at = (at + 1) % size
            probes += 1
        table[at] = key
    return table, round(probes / len(keys), 3)


def squeeze_excite(x, w1, b1, w2, b2):
    s = x.mean(axis=(2, 3))
    h = np.maximum(s @ w1 + b1, 0)
    g = 1 / (1 + np.exp(-(h @ w2 + b2)))
    return x * g[:, :, None, None]


def depthwise_conv(x, k):
    n, c, h, w = x.shape
    kh, kw = k.shape[1:]
    out = np.zeros((n, c, h - kh + 1, w - kw + 1))
    for i in range(kh):
        for j in range(kw):
            out += x[:, :, i : i + out.shape[2], j : j + out.shape[3]] * k[None, :, i, j, None, None]
    return out


def rotary_embedding(q, base=10000.0):
    t, d = q.shape
    freq = base ** (-np.arange(0, d, 2) / d)
    angle = np.outer(np.arange(t), freq)
    cos, sin = np.cos(angle), np.sin(angle)
    out = np.empty_like(q)
    out[:, 0::2] = q[:, 0::2] * cos - q[:, 1::2] * sin
    out[:, 1::2] = q[:, 0::2] * sin + q[:, 1::2] * cos
    return out


def grouped_query_attention(q, k, v, groups):
    heads, t, d = q.shape
    out = np.empty_like(q)
    mask = np.triu(np.full((t, t), -np.inf), 1)
    for h in range(heads):
        g = h // groups
        s = q[h] @ k[g].T / np.sqrt(d) + mask
        s -= s.max(axis=-1, keepdims=True)
        p = np.exp(s)
        out[h] = (p / p.sum(axis=-1, keepdims=True)) @ v[g]
    return out


def mixture_of_experts(x, gate, experts, top):
    logits = x @ gate
    out = np.zeros((len(x), experts.shape[2]))
    load = [0] * len(experts)
    for i in range(len(x)):
        chosen = np.argsort(-logits[i], kind="stable")[:top]
        w = np.exp(logits[i, chosen] - logits[i, chosen].max())
        w /= w.sum()
        for e, p in zip(chosen, w):
            out[i] += p * (x[i] @ experts[e])
            load[e] += 1
    return out, load


def group_norm(x, groups, eps=1e-5):
    n, c, h, w = x.shape
    g = x.reshape(n, groups, -1)
    g = (g - g.mean(axis=2, keepdims=True)) / np.sqrt(g.var(axis=2, keepdims=True) + eps)
    return g.reshape(n, c, h, w)


def weight_pruning(w, fraction):
    k = int(w.size * fraction)
    cut = np.sort(np.abs(w), axis=None)[k]
    mask = np.abs(w) >= cut
    return np.where(mask, w, 0), round(1 - mask.mean(), 4)


def int8_quantise(x):
    scale = np.abs(x).max() / 127
    if scale == 0:
        return np.zeros(x.shape, np.int8), 1.0
    q = np.clip(np.rint(x / scale), -127, 127).astype(np.int8)
    return q, float(scale)


def elo_season(games, players, k=32):
    rating = [1500.0] * players
    for a, b, score in games:
        expected = 1 / (1 + 10 ** ((rating[b] - rating[a]) / 400))
        change = round(k * (score - expected), 2)
        rating[a] += change
        rating[b] -= change
    return rating, max(range(players), key=lambda p: rating[p])


def round_robin(n):
    teams = list(range(n))
    rounds = []
    for _ in range(n - 1):
        rounds.append([(teams[i], teams[n - 1 - i]) for i in range(n // 2)])
        teams = [teams[0], teams[-1], *teams[1:-1]]
    return rounds


def tournament_bracket(strength, r):
    alive = list(range(len(strength)))
    while len(alive) > 1:
        winners = []
        for a, b in zip(alive[::2], alive[1::2]):
            p = strength[a] / (strength[a] + strength[b])
            winners.append(a if r.random() < p else b)
        alive = winners
    return alive[0]


def reorder_point(demand, lead, target):
    totals = sorted(sum(demand[k : k + lead]) for k in range(len(demand) - lead + 1))
    at = min(int(math.ceil(target * len(totals))), len(totals)) - 1
    return totals[at], round(sum(totals) / len(totals), 2)


def benford(values):
    counts = [0] * 9
    for v in values:
        v = abs(float(v))
        if v == 0:
            continue
        while v >= 10:
            v /= 10
        while v < 1:
            v *= 10
        counts[int(v) - 1] += 1
    n = sum(counts)
    return counts, round(sum((c / n - math.log10(1 + 1 / d)) ** 2 for d, c in enumerate(counts, 1)), 6)


def cash_denominations(amounts, coins):
    used = dict.fromkeys(coins, 0)
    for amount in amounts:
        cents = int(round(float(amount) * 100))
        for c in coins:
            n, cents = divmod(cents, c)
            used[c] += n
    return used


def _games(r, n, players):
    return [(int(a), int((a + 1 + b) % players), float(s)) for a, b, s in
            zip(r.integers(0, players, n), r.integers(0, players - 1, n), r.choice([0, 0.5, 1], n))]  # fmt: skip


CASES = {
    split_bill: lambda r: [(r.uniform(1, 30, 9), [0.25, 0.25, 0.5]), (np.array([0.1]), [1 / 3, 1 / 3, 1 / 3])],
    fifo_gains: lambda r: [([(int(q), float(p)) for q, p in zip(r.integers(1, 9, 8), r.uniform(9, 11, 8))],
                            [(int(q), float(p)) for q, p in zip(r.integers(1, 9, 5), r.uniform(9, 12, 5))])],
    loan_table: lambda r: [(10000.0, 0.05, 24), (500.0, 0.2, 6)],
    tax_brackets: lambda r: [(r.uniform(0, 2e5, 30), (1e4, 4e4, 9e4, math.inf), (0.0, 0.1, 0.25, 0.4))],
    subset_products: lambda r: [((2, 3, 5, 7, 11), 400), ((13,), 5)],
    first_missing: lambda r: [(r.integers(0, 20, 30),), (np.arange(7),), (np.array([5, 4]),)],
    shift_schedule: lambda r: [(r.integers(0, 20, 25), 22), (np.array([0, 0, 0]), 2)],
    nim_winner: lambda r: [(r.integers(0, 60, 5),), (np.array([3, 3]),), ([1, 4, 5],)],
    egyptian_multiply: lambda r: [(r.integers(0, 1000, 20), r.integers(0, 1000, 20))],
    digit_powers: lambda r: [(500,), (12,)],
    kaprekar_steps: lambda r: [(r.integers(0, 10000, 12),)],
    farey: lambda r: [(9,), (1,)],
    stern_brocot: lambda r: [(math.pi, 1e-6), (2.5, 1e-9), (-0.3, 1e-4)],
    quadratic_residues: lambda r: [(31,)],
    linear_probe_counts: lambda r: [(r.integers(0, 500, 30), 41), (np.arange(3), 5)],
    squeeze_excite: lambda r: [
        (r.normal(size=(2, 4, 5, 5)), r.normal(size=(4, 2)), np.zeros(2), r.normal(size=(2, 4)), np.ones(4)),
    ],
    depthwise_conv: lambda r: [(r.normal(size=(2, 3, 7, 6)), r.normal(size=(3, 3, 2)))],
    rotary_embedding: lambda r: [(r.normal(size=(9, 8)),), (r.normal(size=(3, 4)), 100.0)],
    grouped_query_attention: lambda r: [(r.normal(size=(4, 6, 5)), r.normal(size=(2, 6, 5)), r.normal(size=(2, 6, 5)), 2)],
    mixture_of_experts: lambda r: [(r.normal(size=(7, 5)), r.normal(size=(5, 4)), r.normal(size=(4, 5, 3)), 2)],
    group_norm: lambda r: [(r.normal(size=(2, 6, 3, 4)), 3), (r.normal(size=(1, 2, 2, 2)), 1)],
    weight_pruning: lambda r: [(r.normal(size=(8, 9)), 0.5), (np.arange(6.0).reshape(2, 3), 0.2)],
    int8_quantise: lambda r: [(r.normal(size=(5, 7)),), (np.zeros((2, 2)),)],
    elo_season: lambda r: [(_games(r, 9, 4), 4), ([(0, 1, 1.0)], 2)],
    round_robin: lambda r: [(8,), (2,)],
    tournament_bracket: lambda r: [(r.uniform(1, 9, 16), np.random.default_rng(4)), (np.ones(2), np.random.default_rng(1))],
    reorder_point: lambda r: [(r.integers(0, 20, 40).tolist(), 5, 0.95), ([3, 4, 5, 6], 2, 0.5)],
    benford: lambda r: [(r.lognormal(3, 3, 60),), (np.array([0.0, 12.0, -3.5]),)],
    cash_denominations: lambda r: [(r.uniform(0, 90, 20).round(2), (2000, 500, 100, 25, 10, 5, 1)), ([0.29], (25, 1))],
}  # fmt: skip
