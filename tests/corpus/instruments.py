"""Signals, images, sound, samples and prices: functions with options and reports, as in the scripts of a laboratory."""

from __future__ import annotations

import math
from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np

Peak = namedtuple("Peak", "index height width")


def peaks_with_widths(signal, min_height=0.0, min_distance=3, rel=0.5):
    """Local maxima, the higher first where two are too near, and their widths at a fraction of the height."""
    s = np.asarray(signal, dtype=float)
    candidates = [i for i in range(1, len(s) - 1) if s[i] > s[i - 1] and s[i] >= s[i + 1] and s[i] >= min_height]
    candidates.sort(key=lambda i: -s[i])
    taken = []
    for i in candidates:
        if all(abs(i - j) >= min_distance for j in taken):
            taken.append(i)
    peaks = []
    for i in sorted(taken):
        level = s[i] * rel
        left = i
        while left > 0 and s[left] > level:
            left -= 1
        right = i
        while right < len(s) - 1 and s[right] > level:
            right += 1
        peaks.append(Peak(i, s[i], right - left))
    return peaks


class Biquad:
    """A second-order section in transposed direct form II, with state."""

    def __init__(self, b, a):
        self.b = np.asarray(b, float) / a[0]
        self.a = np.asarray(a, float) / a[0]
        self.z1 = self.z2 = 0.0

    @classmethod
    def peaking(cls, f0, gain_db, q, fs):
        A = 10 ** (gain_db / 40)
        w = 2 * math.pi * f0 / fs
        alpha = math.sin(w) / (2 * q)
        b = [1 + alpha * A, -2 * math.cos(w), 1 - alpha * A]
        a = [1 + alpha / A, -2 * math.cos(w), 1 - alpha / A]
        return cls(b, a)

    def process(self, block):
        out = np.zeros_like(block, dtype=float)
        for n, x in enumerate(block):
            y = self.b[0] * x + self.z1
            self.z1 = self.b[1] * x - self.a[1] * y + self.z2
            self.z2 = self.b[2] * x - self.a[2] * y
            out[n] = y
        return out


def graphic_equalizer(audio, bands, fs=8000, block=64):
    """Blocks of sound through peaking filters {frequency: gain in dB}; level before and after in dB."""
    chain = [Biquad.peaking(f, g, 1.4, fs) for f, g in bands.items()]
    out = np.empty(len(audio))
    for start in range(0, len(audio), block):
        piece = audio[start : start + block]
        for section in chain:
            piece = section.process(piece)
        out[start : start + block] = piece

    def level(x):
        return 20 * np.log10(np.sqrt(np.mean(np.square(x))) + 1e-12)

    return out, f"in {level(audio):.2f} dB, out {level(out):.2f} dB"


def envelope_adsr(n, fs, attack=0.01, decay=0.02, sustain=0.6, release=0.03, curve="linear"):
    """An ADSR envelope of n samples; segments are cut off where there is no room."""
    a, d, r = (int(t * fs) for t in (attack, decay, release))
    s = max(n - a - d - r, 0)
    parts = [np.linspace(0, 1, a, endpoint=False), np.linspace(1, sustain, d, endpoint=False)]
    parts.append(np.full(s, sustain))
    parts.append(np.linspace(sustain, 0, r))
    env = np.concatenate(parts)[:n]
    if curve == "exponential":
        env = (np.exp(3 * env) - 1) / (math.exp(3) - 1)
    assert env.max() <= 1.0 + 1e-12
    return env


def retinex_lines(image, sigmas=(1.0, 3.0), eps=1e-6):
    """Log image minus blurred log images, stretched to bytes."""
    img = image.astype(np.float64) + 1.0
    acc = np.zeros_like(img)
    for sigma in sigmas:
        radius = int(3 * sigma)
        k = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
        k /= k.sum()
        blurred = np.zeros_like(img)
        padded = np.pad(img, ((radius, radius), (0, 0)), mode="edge")
        for i, w in enumerate(k):
            blurred += w * padded[i : i + img.shape[0], :]
        tmp = np.zeros_like(img)
        padded = np.pad(blurred, ((0, 0), (radius, radius)), mode="edge")
        for i, w in enumerate(k):
            tmp += w * padded[:, i : i + img.shape[1]]
        acc += np.log(img) - np.log(tmp)
    acc /= len(sigmas)
    lo, hi = np.percentile(acc, (1, 99))
    out = np.clip((acc - lo) / max(hi - lo, eps), 0, 1)
    return (255 * out).astype(np.uint8)


def blob_statistics(mask, min_area=2):
    """Connected blobs of a mask by a stack: for each its area, centroid and bounding box, largest first."""
    h, w = mask.shape
    seen = np.zeros_like(mask, dtype=bool)
    blobs = []
    for y in range(h):
        for x in range(w):
            if not mask[y, x] or seen[y, x]:
                continue
            stack = [(y, x)]
            seen[y, x] = True
            pixels = []
            while stack:
                cy, cx = stack.pop()
                pixels.append((cy, cx))
                for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                    ny, nx = cy + dy, cx + dx
                    if 0 <= ny < h and 0 <= nx < w and mask[ny, nx] and not seen[ny, nx]:
                        seen[ny, nx] = True
                        stack.append((ny, nx))
            if len(pixels) < min_area:
                continue
            ys = [p[0] for p in pixels]
            xs = [p[1] for p in pixels]
            blobs.append(
                {
                    "area": len(pixels),
                    "centroid": (sum(ys) / len(ys), sum(xs) / len(xs)),
                    "bbox": (min(ys), min(xs), max(ys), max(xs)),
                }
            )
    blobs.sort(key=lambda b: b["area"], reverse=True)
    return blobs


def anova_table(groups):
    """One-way analysis of variance: rows of a table, and as text."""
    k = len(groups)
    n = sum(len(g) for g in groups)
    grand = sum(g.sum() for g in groups) / n
    ss_between = sum(len(g) * (g.mean() - grand) ** 2 for g in groups)
    ss_within = sum(((g - g.mean()) ** 2).sum() for g in groups)
    ms_between = ss_between / (k - 1)
    ms_within = ss_within / (n - k)
    F = ms_between / ms_within
    rows = [("between", k - 1, ss_between, ms_between), ("within", n - k, ss_within, ms_within)]
    lines = [f"{'source':10s}{'df':>4s}{'SS':>12s}{'MS':>12s}"]
    for name, df, ss, ms in rows:
        lines.append(f"{name:10s}{df:4d}{ss:12.4f}{ms:12.4f}")
    lines.append(f"F = {F:.4f}")
    return F, "\n".join(lines)


@dataclass
class OnlineStats:
    """Mean, variance and extremes of a stream."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    outliers: list = field(default_factory=list)

    def push(self, x):
        if self.n > 5 and self.m2 > 0:
            sd = math.sqrt(self.m2 / (self.n - 1))
            if abs(x - self.mean) > 3 * sd:
                self.outliers.append(x)
                return False
        self.n += 1
        delta = x - self.mean
        self.mean += delta / self.n
        self.m2 += delta * (x - self.mean)
        self.low = min(self.low, x)
        self.high = max(self.high, x)
        return True


def stream_monitor(values):
    stats = OnlineStats()
    kept = sum(stats.push(float(v)) for v in values)
    return kept, stats.mean, stats.m2 / max(stats.n - 1, 1), (stats.low, stats.high), stats.outliers


def ks_and_rank_sum(x, y):
    """Kolmogorov–Smirnov distance and Mann–Whitney's U, with ranks that share ties."""
    pooled = np.concatenate([x, y])
    order = np.argsort(pooled, kind="stable")
    ranks = np.empty(len(pooled))
    i = 0
    while i < len(pooled):
        j = i
        while j + 1 < len(pooled) and pooled[order[j + 1]] == pooled[order[i]]:
            j += 1
        ranks[order[i : j + 1]] = 0.5 * (i + j) + 1
        i = j + 1
    U = ranks[: len(x)].sum() - len(x) * (len(x) + 1) / 2
    grid = np.sort(pooled)
    cdf_x = np.searchsorted(np.sort(x), grid, side="right") / len(x)
    cdf_y = np.searchsorted(np.sort(y), grid, side="right") / len(y)
    d = np.abs(cdf_x - cdf_y)
    return {"D": d.max(), "at": grid[d.argmax()], "U": U, "larger": "x" if U > len(x) * len(y) / 2 else "y"}


class Portfolio:
    def __init__(self, cash, fee=0.001):
        self.cash = cash
        self.fee = fee
        self.units = {}
        self.log = []

    def buy(self, day, name, price, amount):
        cost = price * amount * (1 + self.fee)
        if cost > self.cash:
            return False
        self.cash -= cost
        self.units[name] = self.units.get(name, 0) + amount
        self.log.append((day, name, amount))
        return True

    def sell(self, day, name, price):
        amount = self.units.pop(name, 0)
        if amount:
            self.cash += price * amount * (1 - self.fee)
            self.log.append((day, name, -amount))

    def value(self, prices):
        return self.cash + sum(prices[n] * u for n, u in self.units.items())


def momentum_backtest(prices, names, cash=1000.0, lookback=5):
    """Hold the asset that rose most; the value by day, the trades and the fall from the top."""
    book = Portfolio(cash)
    curve = []
    holding = None
    for day in range(lookback, len(prices)):
        today = dict(zip(names, prices[day]))
        rise = prices[day] / prices[day - lookback] - 1
        best = names[int(np.argmax(rise))]
        if best != holding:
            if holding is not None:
                book.sell(day, holding, today[holding])
            amount = int(book.cash / (today[best] * (1 + book.fee)))
            if amount and book.buy(day, best, today[best], amount):
                holding = best
        curve.append(book.value(today))
    curve = np.array(curve)
    fall = 1 - curve / np.maximum.accumulate(curve)
    return curve, book.log, fall.max()


def cashflow_report(flows, rates=(0.03, 0.05, 0.08)):
    """Present values for several rates, the internal rate by bisection, and a line of text for each."""
    t = np.arange(len(flows))
    values = {r: float(np.sum(flows / (1 + r) ** t)) for r in rates}
    lo, hi = -0.9, 1.0

    def npv(rate):
        return sum(c / (1 + rate) ** k for k, c in enumerate(flows))

    irr = None
    if npv(lo) * npv(hi) < 0:
        for _ in range(60):
            mid = 0.5 * (lo + hi)
            if npv(lo) * npv(mid) <= 0:
                hi = mid
            else:
                lo = mid
        irr = 0.5 * (lo + hi)
    text = [f"{r:.1%}: {v:10.2f}" for r, v in values.items()]
    return values, irr, text


CASES = {
    peaks_with_widths: lambda rng: [
        (np.sin(np.arange(60) / 3.0) + 0.1 * rng.random(60),),
        (rng.random(40), 0.3, 5),
        (rng.integers(0, 9, 50), 4, 2, 0.25),
        (np.zeros(5),),
    ],
    graphic_equalizer: lambda rng: [
        (rng.standard_normal(300), {200: 3.0, 1000: -6.0}),
        (np.sin(np.arange(256) * 0.3), {500.0: 6.0}, 4000, 100),
        (np.zeros(70), {100: 1.0, 2000: 2.0, 3000: -2.0}),
    ],
    envelope_adsr: lambda rng: [(200, 1000), (64, 2000, 0.01, 0.01, 0.3, 0.005, "exponential"), (30, 1000)],
    retinex_lines: lambda rng: [
        (rng.integers(0, 256, (24, 30)).astype(np.uint8),),
        (rng.random((16, 16)).astype(np.float32) * 100, (0.7,)),
        (np.full((12, 15), 9),),
    ],
    blob_statistics: lambda rng: [
        (rng.random((12, 14)) > 0.6,),
        (rng.integers(0, 2, (9, 9)), 1),
        (np.zeros((4, 4), bool),),
    ],
    anova_table: lambda rng: [
        ([rng.normal(0, 1, 8), rng.normal(0.5, 1, 9), rng.normal(1, 1, 7)],),
        ([rng.random(20), rng.random(5)],),
        ([np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([2.0, 2.5]), np.array([9.0, 8.0])],),
    ],
    stream_monitor: lambda rng: [
        (np.r_[rng.normal(5, 1, 30), 40.0, rng.normal(5, 1, 10)],),
        (rng.random(12).astype(np.float32),),
        ([1, 2, 3],),
    ],
    ks_and_rank_sum: lambda rng: [
        (rng.normal(0, 1, 30), rng.normal(0.4, 1, 25)),
        (rng.integers(0, 6, 20).astype(float), rng.integers(1, 7, 20).astype(float)),
        (np.array([1.0]), np.array([2.0, 0.5])),
    ],
    momentum_backtest: lambda rng: [
        (100 * np.exp(np.cumsum(rng.normal(0, 0.02, (40, 3)), axis=0)), ["A", "B", "C"]),
        (50 * np.exp(np.cumsum(rng.normal(0.01, 0.03, (25, 2)), axis=0)), ("gold", "oil"), 500.0, 3),
        (np.full((9, 2), 10.0), ["x", "y"]),
    ],
    cashflow_report: lambda rng: [
        (np.array([-100.0, 30.0, 40.0, 50.0]),),
        (np.array([-10.0, 1.0, 2.0, 3.0, 9.0]), (0.01, 0.1)),
        (np.array([5.0, 5.0, 5.0]),),
    ],
}
