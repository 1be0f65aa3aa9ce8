"""Programs of labs and desks: solvers, images, tones, filters, portfolios."""

from __future__ import annotations

import math
import random
from collections import deque
from itertools import accumulate

import numpy as np


def newton_krylov(residual, x0, tol=1e-9, maxit=20, verbose=False):
    """Newton with finite-difference Jacobian, backtracking line search; returns a history of dicts."""
    x = np.array(x0, float)
    history = []
    f = residual(x)
    for k in range(maxit):
        norm = float(np.linalg.norm(f))
        history.append({"iter": k, "norm": norm, "step": None})
        if verbose:
            print(f"{k:3d} {norm:12.5e}")
        if norm < tol:
            return x, history
        jac = np.empty((f.size, x.size))
        for j in range(x.size):
            h = 1e-7 * max(1.0, abs(x[j]))
            xp = x.copy()
            xp[j] += h
            jac[:, j] = (residual(xp) - f) / h
        dx = np.linalg.solve(jac, -f)
        lam = 1.0
        while lam > 1e-4:
            xt = x + lam * dx
            ft = residual(xt)
            if np.linalg.norm(ft) < (1 - 1e-4 * lam) * norm:
                break
            lam /= 2
        history[-1]["step"] = lam
        x, f = xt, ft
    raise RuntimeError(f"no convergence after {maxit} iterations, |f| = {np.linalg.norm(f):.1e}")


def _circles(x):
    return np.array([x[0] ** 2 + x[1] ** 2 - 4, x[0] * x[1] - 1])


def _broyden_tri(x):
    y = (3 - 2 * x) * x + 1
    y[1:] -= x[:-1]
    y[:-1] -= 2 * x[1:]
    return y


def _no_root(x):
    return x * x + 1.0


def newton_krylov_cases(rng):
    return [
        (_circles, [2.0, 0.3]),
        (_broyden_tri, -np.ones(6), 1e-8),
        (_circles, (1.0, 0.2), 1e-9, 20, True),
        (_no_root, [0.7], 1e-9, 3),
    ]


WEATHER = {
    "states": ("Healthy", "Fever"),
    "start": {"Healthy": 0.6, "Fever": 0.4},
    "trans": {"Healthy": {"Healthy": 0.7, "Fever": 0.3}, "Fever": {"Healthy": 0.4, "Fever": 0.6}},
    "emit": {
        "Healthy": {"normal": 0.5, "cold": 0.4, "dizzy": 0.1},
        "Fever": {"normal": 0.1, "cold": 0.3, "dizzy": 0.6},
    },
}


def viterbi_dicts(observations, model=WEATHER):
    states, start, trans, emit = (model[k] for k in ("states", "start", "trans", "emit"))
    v = [{s: (math.log(start[s]) + math.log(emit[s][observations[0]]), None) for s in states}]
    for t in range(1, len(observations)):
        row = {}
        for s in states:
            best, prev = max((v[t - 1][r][0] + math.log(trans[r][s]), r) for r in states)
            row[s] = (best + math.log(emit[s][observations[t]]), prev)
        v.append(row)
    last = max(states, key=lambda s: v[-1][s][0])
    path = [last]
    for row in reversed(v[1:]):
        path.append(row[path[-1]][1])
    return path[::-1], v[-1][last][0]


def viterbi_dicts_cases(rng):
    return [
        (["normal", "cold", "dizzy"],),
        (["dizzy"] * 6 + ["normal"] * 4,),
        (["cold"],),
        (["normal", "fine"],),
        ([],),
    ]


def pretty_print_dp(words, width):
    """Minimum raggedness line breaking, cubic penalty, then justified lines."""
    n = len(words)
    prefix = list(accumulate((len(w) for w in words), initial=0))
    cost = [0] + [None] * n
    back = [0] * (n + 1)
    for j in range(1, n + 1):
        for i in range(j, 0, -1):
            length = prefix[j] - prefix[i - 1] + (j - i)
            if length > width:
                break
            slack = 0 if j == n else (width - length) ** 3
            if cost[i - 1] is not None and (cost[j] is None or cost[i - 1] + slack < cost[j]):
                cost[j] = cost[i - 1] + slack
                back[j] = i - 1
    if cost[n] is None:
        raise ValueError("a word is wider than the line")
    lines, j = [], n
    while j > 0:
        lines.append(" ".join(words[back[j] : j]).ljust(width, "."))
        j = back[j]
    return cost[n], "\n".join(reversed(lines))


def pretty_print_dp_cases(rng):
    t = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "and", "runs", "away", "from", "the", "hounds"]
    return [(t, 20), (t, 10), (["a"], 5), (["incomprehensible"], 5)]


def morph_gradient(img, footprint):
    """Grey dilation minus erosion with an arbitrary footprint, reflected border."""

    def rank(op, init):
        h, w = footprint.shape
        ph, pw = h // 2, w // 2
        padded = np.pad(img, ((ph, ph), (pw, pw)), mode="reflect")
        out = np.full(img.shape, init, dtype=img.dtype)
        for dy, dx in zip(*np.nonzero(footprint)):
            window = padded[dy : dy + img.shape[0], dx : dx + img.shape[1]]
            out = op(out, window)
        return out

    lo = np.iinfo(img.dtype).min if img.dtype.kind in "iu" else -np.inf
    hi = np.iinfo(img.dtype).max if img.dtype.kind in "iu" else np.inf
    grad = rank(np.maximum, lo) - rank(np.minimum, hi)
    counts = np.bincount(grad.astype(np.int64).ravel(), minlength=4)[:4]
    return grad, counts


def morph_gradient_cases(rng):
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
    return [
        (rng.integers(0, 255, (12, 15), dtype=np.uint8), cross),
        (rng.random((8, 8)) * 5, np.ones((3, 5), bool)),
        (np.zeros((4, 4), np.int16), cross),
        (rng.integers(-50, 50, (20, 10)), np.ones((3, 3), int)),
    ]


DTMF = {(697, 1209): "1", (697, 1336): "2", (697, 1477): "3", (770, 1209): "4", (770, 1336): "5", (770, 1477): "6",
        (852, 1209): "7", (852, 1336): "8", (852, 1477): "9", (941, 1336): "0"}  # fmt: skip


def goertzel_power(samples, freq, rate):
    k = 2 * math.cos(2 * math.pi * freq / rate)
    s1 = s2 = 0.0
    for v in samples:
        s1, s2 = v + k * s1 - s2, s1
    return s1 * s1 + s2 * s2 - k * s1 * s2


def decode_tones(signal, rate=8000, block=160, floor=50.0):
    """Touch tones decoded into digits, silence removes repeats."""
    digits, last = "", None
    for start in range(0, len(signal) - block + 1, block):
        chunk = signal[start : start + block]
        low = {f: goertzel_power(chunk, f, rate) for f in (697, 770, 852, 941)}
        high = {f: goertzel_power(chunk, f, rate) for f in (1209, 1336, 1477)}
        lo, hi = max(low, key=low.get), max(high, key=high.get)
        key = DTMF.get((lo, hi)) if low[lo] > floor and high[hi] > floor else None
        if key is not None and key != last:
            digits += key
        last = key
    return digits


def _tones(text, rate=8000):
    inv = {v: k for k, v in DTMF.items()}
    t = np.arange(320) / rate
    parts = []
    for ch in text:
        a, b = inv[ch]
        parts += [np.sin(2 * np.pi * a * t) + np.sin(2 * np.pi * b * t), np.zeros(160)]
    return np.concatenate(parts)


def decode_tones_cases(rng):
    return [(_tones("159"),), (_tones("0"),), (np.zeros(500),), (_tones("7733")[:1200] + 0.01,), (np.zeros(10),)]


def nlms_identify(x, d, taps=8, mu=0.5, leak=0.0, record=5):
    """Normalised LMS with a deque as delay line and snapshots of the weights."""
    line = deque([0.0] * taps, maxlen=taps)
    w = np.zeros(taps)
    err = np.empty(len(x))
    snaps = []
    for n, (xn, dn) in enumerate(zip(x, d)):
        line.appendleft(xn)
        u = np.array(line)
        err[n] = dn - w @ u
        w = (1 - mu * leak) * w + mu * err[n] * u / (1e-6 + u @ u)
        if n % record == 0:
            snaps.append((n, w.copy()))
    mse = [float(np.mean(err[i : i + 10] ** 2)) for i in range(0, len(err), 10)]
    return w, snaps[-1], len(snaps), mse


def nlms_identify_cases(rng):
    x = rng.normal(size=60)
    h = np.array([0.5, -0.3, 0.2])
    return [
        (x, np.convolve(x, h)[:60]),
        (x[:25], x[:25] * 2, 3),
        (x.tolist(), x.tolist(), 4, 0.1, 0.01, 7),
        (x[:5], x[:5], 2),
    ]


def acf_pitch(x, rate, fmin=80, fmax=500, unbiased=False):
    """Pitch from autocorrelation with parabolic interpolation; None when unvoiced."""
    x = x - np.mean(x)
    n = len(x)
    acf = np.correlate(x, x, mode="full")[n - 1 :]
    if unbiased:
        acf = acf / np.arange(n, 0, -1)
    if acf[0] == 0:
        return None
    acf = acf / acf[0]
    lo, hi = int(rate / fmax), min(int(rate / fmin), n - 2)
    k = lo + int(np.argmax(acf[lo : hi + 1]))
    if acf[k] < 0.3:
        return None
    a, b, c = acf[k - 1], acf[k], acf[k + 1]
    shift = 0.5 * (a - c) / (a - 2 * b + c)
    return {"f0": rate / (k + shift), "strength": b, "lag": k}


def acf_pitch_cases(rng):
    t = np.arange(400) / 8000
    return [
        (np.sin(2 * np.pi * 220 * t), 8000),
        (np.zeros(300), 8000),
        (rng.normal(size=300), 8000),
        (np.sin(2 * np.pi * 150 * t) ** 3, 8000, 60, 400, True),
    ]


def mc_pi_strata(batches, seed, tol=0.01, max_points=5000):
    """Stratified Monte Carlo until the standard error is small, using random.Random."""
    gen = random.Random(seed)
    total, estimates = 0, []
    while total < max_points:
        hits = 0
        for i in range(batches):
            for j in range(batches):
                x, y = (i + gen.random()) / batches, (j + gen.random()) / batches
                hits += x * x + y * y <= 1
        total += batches * batches
        estimates.append(4 * hits / batches**2)
        if len(estimates) >= 3:
            m = sum(estimates) / len(estimates)
            var = sum((e - m) ** 2 for e in estimates) / (len(estimates) - 1)
            if math.sqrt(var / len(estimates)) < tol:
                break
    return sum(estimates) / len(estimates), total, len(estimates)


def mc_pi_strata_cases(rng):
    return [(10, 1), (5, 2), (3, 3, 1e-9, 100), (20, 4)]


def tangency_weights(returns, rf=0.0, allow_short=True, names=None):
    """Mean-variance by hand: shrunk covariance, tangency, long-only by dropping the most negative."""
    mu = returns.mean(axis=0) - rf
    cov = np.cov(returns, rowvar=False)
    n = len(mu)
    shrink = 0.1
    cov = (1 - shrink) * cov + shrink * np.trace(cov) / n * np.eye(n)
    active = list(range(n))
    while True:
        raw = np.linalg.solve(cov[np.ix_(active, active)], mu[active])
        w = raw / raw.sum()
        if allow_short or (w >= 0).all() or len(active) == 1:
            break
        active.remove(active[int(np.argmin(w))])
    weights = np.zeros(n)
    weights[active] = w
    names = names or [f"asset{i}" for i in range(n)]
    risk = float(np.sqrt(weights @ cov @ weights))
    contrib = weights * (cov @ weights) / risk
    table = {name: (round(float(wt), 4), round(float(c), 4)) for name, wt, c in zip(names, weights, contrib) if abs(wt) > 1e-12}
    return table, risk, float(mu @ weights) / risk


def tangency_weights_cases(rng):
    r = rng.normal(0.01, 0.05, (60, 4)) + np.array([0.01, 0.0, 0.005, 0.02])
    return [
        (r,),
        (r - 0.01, 0.001, False),
        (r[:, :2], 0.0, False, ["US", "EU"]),
        (rng.normal(-0.005, 0.05, (40, 6)), 0.0, False),
    ]


CASES = {
    newton_krylov: newton_krylov_cases,
    viterbi_dicts: viterbi_dicts_cases,
    pretty_print_dp: pretty_print_dp_cases,
    morph_gradient: morph_gradient_cases,
    decode_tones: decode_tones_cases,
    nlms_identify: nlms_identify_cases,
    acf_pitch: acf_pitch_cases,
    mc_pi_strata: mc_pi_strata_cases,
    tangency_weights: tangency_weights_cases,
}
