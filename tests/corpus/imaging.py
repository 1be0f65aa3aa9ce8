"""Images and signals: programs of courses on computer vision and on signal processing."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

Flow = namedtuple("Flow", "u v")


CIRCLE = [
    (0, 3), (1, 3), (2, 2), (3, 1), (3, 0), (3, -1), (2, -2), (1, -3),
    (0, -3), (-1, -3), (-2, -2), (-3, -1), (-3, 0), (-3, 1), (-2, 2), (-1, 3),
]  # fmt: skip


def fast_corners(img, threshold=20, n=9, nonmax=True):
    """FAST: corners where n neighbours in a row on a circle are all brighter or all darker than the middle."""
    h, w = img.shape
    score = np.zeros((h, w), dtype=np.int32)
    for y in range(3, h - 3):
        for x in range(3, w - 3):
            centre = int(img[y, x])
            ring = [int(img[y + dy, x + dx]) for dx, dy in CIRCLE]
            for sign in (1, -1):
                run = best = 0
                for k in range(16 + n - 1):
                    if sign * (ring[k % 16] - centre) > threshold:
                        run += 1
                        best = max(best, run)
                    else:
                        run = 0
                if best >= n:
                    score[y, x] = max(score[y, x], sum(abs(p - centre) for p in ring))
    corners = []
    for y in range(3, h - 3):
        for x in range(3, w - 3):
            s = score[y, x]
            if s == 0:
                continue
            if nonmax and s < score[y - 1 : y + 2, x - 1 : x + 2].max():
                continue
            corners.append((x, y, int(s)))
    return np.array(corners, dtype=np.int64).reshape(-1, 3)


def _dlt(src, dst):
    rows = []
    for (x, y), (u, v) in zip(src, dst):
        rows.append([-x, -y, -1, 0, 0, 0, u * x, u * y, u])
        rows.append([0, 0, 0, -x, -y, -1, v * x, v * y, v])
    _, _, vt = np.linalg.svd(np.array(rows))
    H = vt[-1].reshape(3, 3)
    return H / H[2, 2]


def _transfer(H, points):
    homogeneous = np.hstack([points, np.ones((len(points), 1))]) @ H.T
    return homogeneous[:, :2] / homogeneous[:, 2:]


def ransac_homography(src, dst, iterations=200, tolerance=2.0, seed=0, confidence=0.999):
    """A homography by the direct linear transform of four matches, the best of as many tries as the outliers ask for."""
    rng = np.random.default_rng(seed)
    n = len(src)
    best, best_count = None, 0
    needed, k = iterations, 0
    while k < needed:
        pick = rng.choice(n, 4, replace=False)
        H = _dlt(src[pick], dst[pick])
        error = np.linalg.norm(_transfer(H, src) - dst, axis=1)
        inliers = error < tolerance
        count = int(inliers.sum())
        if count > best_count:
            best, best_count = inliers, count
            ratio = count / n
            if ratio > 0.999:
                needed = k
            else:
                needed = min(iterations, int(np.ceil(np.log(1 - confidence) / np.log(1 - ratio**4))))
        k += 1
    if best is None or best_count < 4:
        raise ValueError("no homography found")
    return _dlt(src[best], dst[best]), best, k


def phase_correlation(fixed, moving, upsample=1, window=True):
    """The shift between two images from the phases of their spectra, refined by a parabola."""
    assert fixed.shape == moving.shape, "shapes differ"
    h, w = fixed.shape
    if window:
        win = np.outer(np.hanning(h), np.hanning(w))
        fixed, moving = fixed * win, moving * win
    cross = np.fft.fft2(fixed) * np.conj(np.fft.fft2(moving))
    cross /= np.maximum(np.abs(cross), 1e-15)
    surface = np.real(np.fft.ifft2(cross))
    py, px = np.unravel_index(np.argmax(surface), surface.shape)

    def parabola(left, mid, right):
        d = left - 2 * mid + right
        return 0.0 if d == 0 else 0.5 * (left - right) / d

    dy = py + parabola(surface[py - 1, px], surface[py, px], surface[(py + 1) % h, px])
    dx = px + parabola(surface[py, px - 1], surface[py, px], surface[py, (px + 1) % w])
    if dy > h / 2:
        dy -= h
    if dx > w / 2:
        dx -= w
    return np.array([dy, dx]), float(surface.max())


def burg(x, order):
    """Burg's recursion: autoregressive coefficients, residual power and reflection coefficients."""
    f = np.array(x, dtype=float)[1:]
    b = np.array(x, dtype=float)[:-1]
    a = np.array([1.0])
    power = np.mean(np.abs(x) ** 2)
    reflections = []
    for m in range(order):
        k = -2.0 * np.dot(f, b) / (np.dot(f, f) + np.dot(b, b))
        a = np.concatenate([a, [0.0]])
        a = a + k * a[::-1]
        power *= 1 - k * k
        reflections.append(k)
        f, b = (f + k * b)[1:], (b + k * f)[:-1]
    return a, power, np.array(reflections)


class RLS:
    """Recursive least squares with a forgetting factor."""

    def __init__(self, taps, lam=0.99, delta=100.0):
        self.w = np.zeros(taps)
        self.P = np.eye(taps) * delta
        self.lam = lam

    def update(self, x, d):
        Px = self.P @ x
        g = Px / (self.lam + x @ Px)
        e = d - self.w @ x
        self.w = self.w + g * e
        self.P = (self.P - np.outer(g, Px)) / self.lam
        return e


def rls_identify(x, d, taps=8, lam=0.99):
    """A filter identified from its input and output: coefficients, errors, how far they fell in decibels."""
    filt = RLS(taps, lam)
    errors = np.zeros(len(x))
    buffer = np.zeros(taps)
    for n in range(len(x)):
        buffer[1:] = buffer[:-1]
        buffer[0] = x[n]
        errors[n] = filt.update(buffer, d[n])
    quarter = len(x) // 4
    gain = 10 * math.log10(np.mean(errors[:quarter] ** 2) / np.mean(errors[-quarter:] ** 2))
    return filt.w, errors, gain


def sample_entropy(x, m=2, r=None):
    """Richman's and Moorman's: minus the log of how often runs that are alike stay alike one step longer."""
    x = np.asarray(x, dtype=float)
    n = len(x)
    if n <= m + 1:
        raise ValueError("too short")
    tol = 0.2 * x.std() if r is None else r
    a = b = 0
    for i in range(n - m):
        for j in range(i + 1, n - m):
            for k in range(m):
                if abs(x[i + k] - x[j + k]) > tol:
                    break
            else:
                b += 1
                if abs(x[i + m] - x[j + m]) <= tol:
                    a += 1
    if a == 0 or b == 0:
        return float("inf")
    return -math.log(a / b)


def _scene(rng, h, w):
    y, x = np.mgrid[0:h, 0:w]
    img = 90 + 50 * np.sin(x / 5.0) * np.cos(y / 7.0) + 40 * ((x - w / 2) ** 2 + (y - h / 2) ** 2 < (h / 4) ** 2)
    return np.clip(img + rng.normal(0, 3, (h, w)), 0, 255)


def _matches(rng, n, outliers):
    H = np.array([[1.1, 0.1, 5.0], [-0.05, 0.95, -3.0], [1e-4, 2e-4, 1.0]])
    src = rng.uniform(0, 200, (n, 2))
    dst = _transfer(H, src) + rng.normal(0, 0.3, (n, 2))
    dst[:outliers] = rng.uniform(0, 200, (outliers, 2))
    return src, dst


def _filtered(rng, n, h):
    x = rng.normal(size=n)
    return x, np.convolve(x, h)[:n] + 0.01 * rng.normal(size=n)


def _shifted(img, dy, dx):
    return img, np.roll(img, (dy, dx), axis=(0, 1))


CASES = {
    fast_corners: lambda rng: [
        (_scene(rng, 24, 30).astype(np.uint8), 10),
        (rng.integers(0, 255, (20, 24), dtype=np.uint8), 30, 7, False),
        (np.zeros((12, 12), dtype=np.uint8),),
    ],
    ransac_homography: lambda rng: [
        _matches(rng, 120, 50),
        (*_matches(rng, 40, 5), 50, 3.0, 3),
        (*_matches(rng, 12, 0), 20, 1e-9, 1),
        (*_matches(rng, 30, 30), 10, -1.0),
    ],
    phase_correlation: lambda rng: [
        _shifted(rng.normal(size=(128, 150)), 12, -20),
        (*_shifted(_scene(rng, 64, 64), 3, 5), 1, False),
        (rng.normal(size=(8, 8)), rng.normal(size=(8, 9))),
        _shifted(rng.normal(size=(31, 33)).astype(np.float32), -2, 1),
    ],
    burg: lambda rng: [
        (np.cumsum(rng.normal(size=4000)) * 0.01 + rng.normal(size=4000), 32),
        (np.sin(np.arange(300) * 0.3) + 0.1 * rng.normal(size=300), 8),
        (list(rng.normal(size=50)), 3),
        (rng.normal(size=80).astype(np.float32), 5),
    ],
    rls_identify: lambda rng: [
        (*_filtered(rng, 300, np.array([0.8, -0.4, 0.2, 0.1])),),
        (*_filtered(rng, 200, np.array([1.0, 0.5])), 4, 0.95),
        (*_filtered(rng, 100, np.array([1.0])), 2, 1.0),
    ],
    sample_entropy: lambda rng: [
        (rng.normal(size=120),),
        (np.sin(np.arange(120) * 0.2), 3, 0.1),
        (list(range(30)), 2, 0.01),
        ([1.0, 2.0], 2),
    ],
}
