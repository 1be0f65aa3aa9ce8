"""Signals tracked, transformed and decoded: objects that keep state from sample to sample, and transforms with options."""

from __future__ import annotations

import math
import warnings

import numpy as np


class UnscentedKalman:
    """The scaled unscented filter of Wan and van der Merwe for additive noise."""

    def __init__(self, dim_x, dim_z, f, h, alpha=0.5, beta=2.0, kappa=None):
        self.n, self.m = dim_x, dim_z
        self.f, self.h = f, h
        kappa = 3 - dim_x if kappa is None else kappa
        self.lam = alpha**2 * (dim_x + kappa) - dim_x
        self.wm = np.full(2 * dim_x + 1, 0.5 / (dim_x + self.lam))
        self.wc = self.wm.copy()
        self.wm[0] = self.lam / (dim_x + self.lam)
        self.wc[0] = self.wm[0] + 1 - alpha**2 + beta
        self.x = np.zeros(dim_x)
        self.P = np.eye(dim_x)
        self.Q = np.eye(dim_x) * 1e-3
        self.R = np.eye(dim_z) * 1e-2
        self.log_likelihood = 0.0

    def sigma_points(self):
        root = np.linalg.cholesky((self.n + self.lam) * self.P)
        points = np.empty((2 * self.n + 1, self.n))
        points[0] = self.x
        for i in range(self.n):
            points[i + 1] = self.x + root[:, i]
            points[self.n + i + 1] = self.x - root[:, i]
        return points

    def predict(self, **kw):
        moved = np.array([self.f(p, **kw) for p in self.sigma_points()])
        self.x = self.wm @ moved
        d = moved - self.x
        self.P = (self.wc[:, None] * d).T @ d + self.Q

    def update(self, z):
        if z is None:
            return
        points = self.sigma_points()
        seen = np.array([self.h(p) for p in points])
        mean = self.wm @ seen
        dz, dx = seen - mean, points - self.x
        S = np.einsum("i,ij,ik->jk", self.wc, dz, dz) + self.R
        C = np.einsum("i,ij,ik->jk", self.wc, dx, dz)
        K = C @ np.linalg.inv(S)
        y = z - mean
        self.x = self.x + K @ y
        self.P = self.P - K @ S @ K.T
        self.P = 0.5 * (self.P + self.P.T)
        self.log_likelihood -= 0.5 * (y @ np.linalg.solve(S, y) + np.log(np.linalg.det(2 * np.pi * S)))


def track_radar(measurements, dt, site=(0.0, 0.0), q=1e-3):
    """Range and bearing to position and velocity; a missing measurement is NaN."""

    def move(s, dt):
        return np.array([s[0] + dt * s[2], s[1] + dt * s[3], s[2], s[3]])

    def observe(s):
        dx, dy = s[0] - site[0], s[1] - site[1]
        return np.array([math.hypot(dx, dy), math.atan2(dy, dx)])

    ukf = UnscentedKalman(4, 2, move, observe)
    ukf.Q = q * np.diag([dt**3 / 3, dt**3 / 3, dt, dt])
    ukf.R = np.diag([0.05, 0.001])
    r, b = measurements[0]
    ukf.x[:2] = r * np.cos(b) + site[0], r * np.sin(b) + site[1]
    track = np.zeros((len(measurements), 4))
    skipped = []
    for k, z in enumerate(measurements):
        ukf.predict(dt=dt)
        if np.isnan(z).any():
            skipped.append(k)
            ukf.update(None)
        else:
            ukf.update(z)
        track[k] = ukf.x
    return track, np.trace(ukf.P), ukf.log_likelihood, skipped


def wavelet_packet(x, level, wavelet="db2", threshold=None, mode="soft"):
    """Decompose to a dictionary of nodes, shrink the leaves, reconstruct; the entropies choose nothing but are returned."""
    s3 = np.sqrt(3)
    filters = {
        "haar": np.array([1.0, 1.0]) / np.sqrt(2),
        "db2": np.array([1 + s3, 3 + s3, 3 - s3, 1 - s3]) / (4 * np.sqrt(2)),
    }
    if wavelet not in filters:
        raise KeyError(wavelet)
    lo = filters[wavelet]
    hi = lo[::-1] * (-1) ** np.arange(len(lo))
    n = len(x)
    if n % 2**level:
        raise ValueError(f"length {n} is not a multiple of {2**level}")

    def down(v):
        half = len(v) // 2
        a, d = np.zeros(half), np.zeros(half)
        for k in range(half):
            for j in range(len(lo)):
                sample = v[(2 * k + j) % len(v)]
                a[k] += lo[j] * sample
                d[k] += hi[j] * sample
        return a, d

    def up(a, d):
        v = np.zeros(2 * len(a))
        for k in range(len(a)):
            for j in range(len(lo)):
                v[(2 * k + j) % len(v)] += lo[j] * a[k] + hi[j] * d[k]
        return v

    nodes = {"": np.asarray(x, dtype=float)}
    for depth in range(level):
        for path in [p for p in nodes if len(p) == depth]:
            nodes[path + "a"], nodes[path + "d"] = down(nodes[path])
    leaves = [p for p in nodes if len(p) == level]
    entropy = {}
    for p in leaves:
        e = nodes[p] ** 2
        e = e[e > 0]
        entropy[p] = float(-(e * np.log(e)).sum())
    if threshold is None:
        sigma = np.median(np.abs(nodes["d" * level])) / 0.6745
        threshold = sigma * np.sqrt(2 * np.log(n))
    for p in leaves:
        if "d" in p:
            c = nodes[p]
            nodes[p] = np.sign(c) * np.maximum(np.abs(c) - threshold, 0) if mode == "soft" else c * (np.abs(c) > threshold)
    for depth in range(level - 1, -1, -1):
        for path in [p for p in nodes if len(p) == depth]:
            nodes[path] = up(nodes[path + "a"], nodes[path + "d"])
    return nodes[""], entropy, threshold


def mixed_radix_fft(x, inverse=False):
    """A recursive transform for any length: even, multiple of three, and the direct sum for what is left."""
    x = np.asarray(x, dtype=np.complex128)
    sign = 2j * np.pi if inverse else -2j * np.pi

    def transform(v):
        n = v.shape[0]
        if n == 1:
            return v
        for p in (2, 3):
            if n % p == 0:
                parts = [transform(v[r::p]) for r in range(p)]
                k = np.arange(n)
                out = np.zeros(n, dtype=complex)
                for r, part in enumerate(parts):
                    out += np.exp(sign * r * k / n) * np.tile(part, p)
                return out
        k = np.arange(n)
        return np.exp(sign * np.outer(k, k) / n) @ v

    y = transform(x)
    if inverse:
        y /= len(x)
    return y


class AdaptiveFilter:
    """Recursive least squares with forgetting, or normalised LMS; the same interface."""

    def __init__(self, order, kind="rls", **options):
        self.order = order
        self.kind = kind
        self.w = np.zeros(order)
        self.buffer = np.zeros(order)
        if kind == "rls":
            self.forget = options.get("forget", 0.99)
            self.p = np.eye(order) * options.get("delta", 100.0)
        elif kind == "nlms":
            self.mu = options.get("mu", 0.5)
        else:
            raise ValueError(f"unknown kind {kind!r}")

    def __call__(self, sample, desired):
        self.buffer = np.roll(self.buffer, 1)
        self.buffer[0] = sample
        y = self.w @ self.buffer
        e = desired - y
        if self.kind == "rls":
            pi = self.p @ self.buffer
            k = pi / (self.forget + self.buffer @ pi)
            self.w += k * e
            self.p = (self.p - np.outer(k, pi)) / self.forget
        else:
            self.w += self.mu * e * self.buffer / (1e-8 + self.buffer @ self.buffer)
        return y, e


def identify_system(x, taps, order, kind="rls", noise=0.0, seed=0, **options):
    """Learn an unknown filter from its input and output; say when the error has settled."""
    rng = np.random.default_rng(seed)
    d = np.convolve(x, taps)[: len(x)] + noise * rng.standard_normal(len(x))
    f = AdaptiveFilter(order, kind, **options)
    errors = np.empty(len(x))
    settled = None
    for i, (sample, wanted) in enumerate(zip(x, d)):
        _, errors[i] = f(sample, wanted)
        if settled is None and i >= 10 and np.mean(errors[i - 9 : i + 1] ** 2) < 1e-3:
            settled = i
    misalignment = np.linalg.norm(f.w[: len(taps)] - taps) / np.linalg.norm(taps)
    if settled is None:
        warnings.warn("the filter did not settle", RuntimeWarning, stacklevel=1)
    return f.w, errors, settled, misalignment


def bpsk_receiver(bits, samples_per_bit, noise, seed, frequency_offset=0.0, loop_gain=0.1):
    """Root-raised-cosine pulses, a Costas loop, sampling, differential decoding, and the bit errors."""
    rng = np.random.default_rng(seed)
    sps = samples_per_bit
    encoded = np.zeros(len(bits) + 1, dtype=int)
    for i, b in enumerate(bits):
        encoded[i + 1] = encoded[i] ^ int(b)
    symbols = 1 - 2 * encoded
    t = np.arange(-4 * sps, 4 * sps + 1) / sps
    beta = 0.35
    pulse = np.empty_like(t)
    for i, ti in enumerate(t):
        if abs(ti) < 1e-9:
            pulse[i] = 1 + beta * (4 / np.pi - 1)
        elif abs(abs(ti) - 1 / (4 * beta)) < 1e-9:
            pulse[i] = (
                beta
                / math.sqrt(2)
                * ((1 + 2 / np.pi) * math.sin(np.pi / (4 * beta)) + (1 - 2 / np.pi) * math.cos(np.pi / (4 * beta)))
            )
        else:
            top = math.sin(np.pi * ti * (1 - beta)) + 4 * beta * ti * math.cos(np.pi * ti * (1 + beta))
            pulse[i] = top / (np.pi * ti * (1 - (4 * beta * ti) ** 2))
    pulse /= np.sqrt(np.sum(pulse**2))
    up = np.zeros(len(symbols) * sps)
    up[::sps] = symbols
    sent = np.convolve(up, pulse)
    carrier = np.exp(1j * (2 * np.pi * frequency_offset * np.arange(len(sent)) + 0.4))
    received = sent * carrier + noise * (rng.standard_normal(len(sent)) + 1j * rng.standard_normal(len(sent)))
    matched = np.convolve(received, pulse)
    strobe = matched[8 * sps : 8 * sps + len(symbols) * sps : sps]
    phase, frequency = 0.0, 0.0
    decided = np.zeros(len(symbols), dtype=int)
    phases = []
    for i, z in enumerate(strobe):
        z = z * np.exp(-1j * phase)
        error = z.real * z.imag
        frequency += loop_gain**2 / 4 * error
        phase += frequency + loop_gain * error
        phase = (phase + np.pi) % (2 * np.pi) - np.pi
        phases.append(phase)
        decided[i] = z.real < 0
    out = decided[1:] ^ decided[:-1]
    wrong = int(np.count_nonzero(out != np.asarray(bits)))
    return out, wrong, np.array(phases)


def _radar(rng, n):
    t = np.arange(n) * 0.5
    x, y = 10 + 0.8 * t, 5 - 0.3 * t
    z = np.stack([np.hypot(x, y), np.arctan2(y, x)], axis=1)
    return z + rng.standard_normal((n, 2)) * [0.1, 0.01]


def _gap(z, k):
    z[k] = np.nan
    return z


CASES = {
    track_radar: lambda rng: [
        (_radar(rng, 20), 0.5),
        (_gap(_radar(rng, 15), 6), 0.5, (1.0, -2.0), 1e-2),
        (_gap(_gap(_radar(rng, 9), 3), 4).astype(np.float32), 1, (0, 0)),
    ],
    wavelet_packet: lambda rng: [
        (rng.standard_normal(32), 3),
        (np.sin(np.arange(48) / 4) + 0.1 * rng.standard_normal(48), 2, "haar", 0.2, "hard"),
        (np.arange(8), 1, "haar", 0),
        (np.arange(10.0), 2),
    ],
    mixed_radix_fft: lambda rng: [
        (rng.standard_normal(24),),
        (rng.standard_normal(35) + 1j * rng.standard_normal(35), True),
        ([1, 2, 3, 4, 5, 6],),
        (np.float32([3.0]),),
    ],
    identify_system: lambda rng: [
        (rng.standard_normal(120), np.array([0.5, -0.3, 0.2]), 4),
        (rng.standard_normal(80), np.array([1.0, 0.4]), 3, "nlms", 0.01, 4),
        (rng.standard_normal(30), np.array([1, 2, 3]), 5, "nlms", 0.5, 4),
        (rng.standard_normal(30), np.array([1.0]), 5, "kalman"),
    ],
    bpsk_receiver: lambda rng: [
        (rng.integers(0, 2, 40), 4, 0.05, 1),
        ([1, 0, 1, 1, 0, 0, 1], 8, 0.2, 2, 1e-4),
        (rng.random(25) < 0.5, 5, 0.0, 3, 2e-4, 0.2),
    ],
}
