"""Fixed points and scans: transport, deconvolution, registration, power flow, factors, hashes, curves that fill space."""

from __future__ import annotations

import math

import numpy as np


def sinkhorn(cost, a, b, reg, rounds):
    kernel = np.exp(-cost / reg)
    u, v = np.ones_like(a), np.ones_like(b)
    for k in range(rounds):
        u = a / (kernel @ v)
        v = b / (kernel.T @ u)
        if k % 5 == 0:
            gap = np.abs(u * (kernel @ v) - a).sum()
            if gap < 1e-9:
                break
    plan = u[:, None] * kernel * v
    return plan, (plan * cost).sum(), k


def lucy_richardson(blurred, psf, rounds):
    estimate = np.full_like(blurred, blurred.mean())
    mirror = psf[::-1]
    for _ in range(rounds):
        predicted = np.convolve(estimate, psf, mode="same")
        ratio = np.where(predicted > 1e-12, blurred / np.maximum(predicted, 1e-12), 0.0)
        estimate *= np.convolve(ratio, mirror, mode="same")
    return estimate, np.abs(np.convolve(estimate, psf, mode="same") - blurred).max()


def tv_denoise(image, weight, rounds):
    """Chambolle's projection: the dual field stays within the unit disc."""
    px, py = np.zeros_like(image), np.zeros_like(image)
    for _ in range(rounds):
        div = np.zeros_like(image)
        div[:-1] += px[:-1]
        div[1:] -= px[:-1]
        div[:, :-1] += py[:, :-1]
        div[:, 1:] -= py[:, :-1]
        target = div - image / weight
        gx, gy = np.zeros_like(image), np.zeros_like(image)
        gx[:-1] = target[1:] - target[:-1]
        gy[:, :-1] = target[:, 1:] - target[:, :-1]
        norm = 1 + 0.25 * np.hypot(gx, gy)
        px = (px + 0.25 * gx) / norm
        py = (py + 0.25 * gy) / norm
    return image - weight * div if rounds else image.copy()


def icp_2d(points, target, rounds):
    moved = points.copy()
    angle, error = 0.0, np.inf
    for _ in range(rounds):
        d = ((moved[:, None] - target[None]) ** 2).sum(-1)
        nearest = target[d.argmin(axis=1)]
        p, q = moved.mean(axis=0), nearest.mean(axis=0)
        a, b = moved - p, nearest - q
        turn = math.atan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum())
        c, s = math.cos(turn), math.sin(turn)
        moved = a @ np.array([[c, s], [-s, c]]) + q
        angle += turn
        before, error = error, np.sqrt(((moved - nearest) ** 2).sum(-1).mean())
        if before - error < 1e-12:
            break
    return moved, angle, error


def power_flow(admittance, injection, slack, rounds, tolerance):
    n = len(injection)
    v = np.full(n, slack, dtype=complex)
    for step in range(rounds):
        largest = 0.0
        for i in range(1, n):
            current = np.conj(injection[i] / v[i])
            others = admittance[i] @ v - admittance[i, i] * v[i]
            new = (current - others) / admittance[i, i]
            largest = max(largest, abs(new - v[i]))
            v[i] = new
        if largest < tolerance:
            break
    return np.abs(v), np.angle(v), step


def nmf_multiplicative(data, w, h, rounds):
    losses = np.empty(rounds)
    for k in range(rounds):
        h *= (w.T @ data) / (w.T @ w @ h + 1e-9)
        w *= (data @ h.T) / (w @ (h @ h.T) + 1e-9)
        losses[k] = ((data - w @ h) ** 2).sum()
    return losses, w @ h


def cordic(angle, bits):
    x, y, z, gain = 1.0, 0.0, angle, 1.0
    for k in range(bits):
        t = 2.0**-k
        sign = 1.0 if z >= 0 else -1.0
        x, y = x - sign * y * t, y + sign * x * t
        z -= sign * math.atan(t)
        gain *= math.sqrt(1 + t * t)
    return x / gain, y / gain, abs(z) < 2.0 ** (1 - bits)


def bloom_filter(keys, asked, size, hashes):
    bits = np.zeros(size, dtype=bool)
    for key in keys:
        h = int(key) & 0xFFFFFFFF
        for _ in range(hashes):
            h = (h * 2654435761 + 40503) & 0xFFFFFFFF
            bits[h % size] = True
    found = []
    for key in asked:
        h, seen = int(key) & 0xFFFFFFFF, True
        for _ in range(hashes):
            h = (h * 2654435761 + 40503) & 0xFFFFFFFF
            if not bits[h % size]:
                seen = False
                break
        found.append(seen)
    return found, bits.sum()


def perlin_noise(angles, x, y):
    n = angles.shape[0] - 1
    i, j = np.floor(x).astype(int) % n, np.floor(y).astype(int) % n
    u, v = x - np.floor(x), y - np.floor(y)

    def corner(di, dj):
        a = angles[i + di, j + dj]
        return np.cos(a) * (u - di) + np.sin(a) * (v - dj)

    def fade(t):
        return t * t * t * (t * (6 * t - 15) + 10)

    top = corner(0, 0) + fade(u) * (corner(1, 0) - corner(0, 0))
    bottom = corner(0, 1) + fade(u) * (corner(1, 1) - corner(0, 1))
    return top + fade(v) * (bottom - top)


def hilbert_index(order, xs, ys):
    out = np.zeros(len(xs), dtype=np.int64)
    side = 1 << order
    for k in range(len(xs)):
        x, y, d, s = int(xs[k]), int(ys[k]), 0, side // 2
        while s > 0:
            rx = 1 if x & s else 0
            ry = 1 if y & s else 0
            d += s * s * ((3 * rx) ^ ry)
            if ry == 0:
                if rx == 1:
                    x, y = side - 1 - x, side - 1 - y
                x, y = y, x
            s //= 2
        out[k] = d
    return out


def wagner_whitin(demand, setup, holding):
    """Lot sizes of least cost, each batch made in the period in which the stock is empty."""
    n = len(demand)
    best, made = np.full(n + 1, np.inf), np.zeros(n + 1, dtype=int)
    best[0] = 0.0
    for t in range(1, n + 1):
        for s in range(t, 0, -1):
            total = best[s - 1] + setup + sum(holding * (k - s) * demand[k - 1] for k in range(s, t + 1))
            if total < best[t]:
                best[t], made[t] = total, s
    lots, t = np.zeros(n), n
    while t > 0:
        s = made[t]
        lots[s - 1] = demand[s - 1 : t].sum()
        t = s - 1
    return best[n], lots


def alpha_beta_track(measured, dt, alpha, beta):
    x, v = measured[0] if len(measured) else 0.0, 0.0
    track, lost = [], 0
    for z in measured:
        x += dt * v
        if np.isnan(z):
            lost += 1
            track.append(x)
            continue
        r = z - x
        x += alpha * r
        v += beta * r / dt
        track.append(x)
    return np.array(track), v, lost


def _distribution(r, n):
    p = r.random(n) + 0.1
    return p / p.sum()


def _network(r, n):
    y = -1 / (r.uniform(0.02, 0.05, (n, n)) + 1j * r.uniform(0.1, 0.2, (n, n)))
    y = np.triu(y, 1) + np.triu(y, 1).T
    return y - np.diag(y.sum(axis=0))


def _turned(points, angle, shift):
    c, s = np.cos(angle), np.sin(angle)
    return points @ np.array([[c, s], [-s, c]]) + shift


def _clouds(r, n, angle):
    points = r.uniform(-5, 5, (n, 2))
    noise = 0.01 * r.standard_normal((n, 2))
    return points, _turned(points, angle, np.array([0.1, -0.05])) + noise


CASES = {
    sinkhorn: lambda r: [
        (r.random((6, 8)), _distribution(r, 6), _distribution(r, 8), 0.1, 40),
        (r.random((3, 3)), np.full(3, 1 / 3), np.full(3, 1 / 3), 1.0, 100),
        (np.zeros((1, 2)), np.ones(1), np.array([0.5, 0.5]), 0.5, 3),
    ],
    lucy_richardson: lambda r: [
        (np.convolve(np.repeat([0.0, 1.0, 0.2, 0.0], 8), [0.2, 0.6, 0.2], "same"), np.array([0.2, 0.6, 0.2]), 20),
        (r.random(15), np.array([0.25, 0.5, 0.25]), 3),
        (np.ones(9), np.array([1.0]), 2),
    ],
    tv_denoise: lambda r: [(r.random((12, 9)), 0.2, 15), (np.eye(6), 1.0, 4), (r.random((3, 3)), 0.1, 0)],
    icp_2d: lambda r: [(*_clouds(r, 20, 0.05), 15), (*_clouds(r, 5, 0.02), 4), (*_clouds(r, 9, -0.1), 2)],
    power_flow: lambda r: [
        (_network(r, 4), np.array([0, -0.3 - 0.1j, -0.2 - 0.05j, 0.1 + 0j]), 1.0, 50, 1e-9),
        (_network(r, 3), np.array([0, 0.1 + 0.02j, -0.2 - 0.1j]), 1.02, 5, 1e-12),
        (_network(r, 2), np.array([0j, -0.1 + 0j]), 1.0, 30, 1e-6),
    ],
    nmf_multiplicative: lambda r: [
        (r.random((9, 7)), r.random((9, 3)), r.random((3, 7)), 20),
        (r.random((4, 4)), r.random((4, 1)), r.random((1, 4)), 5),
        (np.ones((2, 3)), np.ones((2, 2)), np.full((2, 3), 0.5), 3),
    ],
    cordic: lambda r: [(0.7, 30), (-1.2, 16), (0.0, 4), (1.0, 0)],
    bloom_filter: lambda r: [
        (r.integers(0, 1000, 20), r.integers(0, 1000, 30), 256, 3),
        (np.arange(5), np.arange(10), 64, 2),
        (np.array([], dtype=np.int64), np.arange(3), 16, 1),
    ],
    perlin_noise: lambda r: [
        (r.uniform(0, 6.28, (9, 9)), r.uniform(0, 8, (16, 16)), r.uniform(0, 8, (16, 16))),
        (r.uniform(0, 6.28, (3, 3)), np.linspace(-3, 3, 40), np.linspace(5, 0, 40)),
        (np.zeros((2, 2)), np.array([0.5]), np.array([0.25])),
    ],
    hilbert_index: lambda r: [
        (4, r.integers(0, 16, 30), r.integers(0, 16, 30)),
        (1, np.array([0, 0, 1, 1]), np.array([0, 1, 1, 0])),
        (10, np.array([1023, 5]), np.array([0, 77])),
    ],
    wagner_whitin: lambda r: [
        (r.integers(5, 60, 12).astype(float), 54.0, 0.4),
        (np.array([10.0, 0.0, 30.0]), 20.0, 1.0),
        (np.array([5.0]), 1.0, 0.1),
    ],
    alpha_beta_track: lambda r: [
        (np.cumsum(r.standard_normal(60)), 0.1, 0.85, 0.005),
        (np.array([1.0, np.nan, 2.0, 2.5]), 1.0, 0.5, 0.1),
        (np.array([]), 0.5, 0.5, 0.1),
        (np.arange(5), 1.0, 0.9, 0.2),
    ],
}
