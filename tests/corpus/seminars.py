"""Pictures, signals, molecules, animals and the ground below: programs of seminars in NumPy, many of them with objects."""

from __future__ import annotations

import numpy as np


# pictures ---------------------------------------------------------------------------------------------------------------
def _gauss_1d(sigma):
    radius = int(np.ceil(3 * sigma))
    t = np.arange(-radius, radius + 1)
    k = np.exp(-0.5 * (t / sigma) ** 2)
    return k / k.sum()


def _smooth(img, sigma):
    k = _gauss_1d(sigma)
    r = len(k) // 2
    padded = np.pad(img, ((r, r), (0, 0)), mode="reflect")
    rows = sum(w * padded[i : i + img.shape[0]] for i, w in enumerate(k))
    padded = np.pad(rows, ((0, 0), (r, r)), mode="reflect")
    return sum(w * padded[:, i : i + img.shape[1]] for i, w in enumerate(k))


def dog_keypoints(img, octaves=2, scales=2, sigma=1.2, contrast=0.02):
    """Extrema in differences of Gaussians over a pyramid, those on edges left out."""
    base = img.astype(np.float64)
    base = (base - base.min()) / (np.ptp(base) or 1.0)
    k = 2 ** (1.0 / scales)
    keypoints = []
    for octave in range(octaves):
        gaussians = [_smooth(base, sigma * k**s) for s in range(scales + 3)]
        dogs = [b - a for a, b in zip(gaussians, gaussians[1:])]
        for s in range(1, len(dogs) - 1):
            stack = np.stack(dogs[s - 1 : s + 2])
            d = dogs[s]
            for y in range(1, d.shape[0] - 1):
                for x in range(1, d.shape[1] - 1):
                    v = d[y, x]
                    if abs(v) < contrast:
                        continue
                    cube = stack[:, y - 1 : y + 2, x - 1 : x + 2]
                    if not (v == cube.max() or v == cube.min()):
                        continue
                    dxx = d[y, x + 1] + d[y, x - 1] - 2 * v
                    dyy = d[y + 1, x] + d[y - 1, x] - 2 * v
                    dxy = (d[y + 1, x + 1] - d[y + 1, x - 1] - d[y - 1, x + 1] + d[y - 1, x - 1]) / 4
                    det = dxx * dyy - dxy**2
                    if det <= 0 or (dxx + dyy) ** 2 / det > 12.1:
                        continue
                    keypoints.append((x * 2**octave, y * 2**octave, sigma * k**s * 2**octave, v))
        base = gaussians[scales][::2, ::2]
        if min(base.shape) < 12:
            break
    return np.array(keypoints).reshape(-1, 4)


def _bilinear(img, x, y):
    h, w = img.shape
    x = np.clip(x, 0, w - 1.001)
    y = np.clip(y, 0, h - 1.001)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    fx, fy = x - x0, y - y0
    top = img[y0, x0] * (1 - fx) + img[y0, x0 + 1] * fx
    bottom = img[y0 + 1, x0] * (1 - fx) + img[y0 + 1, x0 + 1] * fx
    return top * (1 - fy) + bottom * fy


def _halve(img):
    return 0.25 * (img[:-1:2, :-1:2] + img[1::2, :-1:2] + img[:-1:2, 1::2] + img[1::2, 1::2])


def lucas_kanade_pyramid(first, second, points, window=7, levels=2, iterations=8, eps=0.01):
    """Points followed from one picture to the next, coarse to fine; their status is False where texture is missing."""
    pyramid = [(first.astype(float), second.astype(float))]
    for _ in range(levels - 1):
        a, b = pyramid[-1]
        pyramid.append((_halve(a), _halve(b)))
    r = window // 2
    dy, dx = np.mgrid[-r : r + 1, -r : r + 1]
    moved = np.zeros((len(points), 2))
    status = np.ones(len(points), dtype=bool)
    for i, (px, py) in enumerate(points):
        g = np.zeros(2)
        for level in reversed(range(levels)):
            I, J = pyramid[level]
            x, y = px / 2**level, py / 2**level
            patch = _bilinear(I, x + dx, y + dy)
            Ix = (_bilinear(I, x + dx + 1, y + dy) - _bilinear(I, x + dx - 1, y + dy)) / 2
            Iy = (_bilinear(I, x + dx, y + dy + 1) - _bilinear(I, x + dx, y + dy - 1)) / 2
            G = np.array([[np.sum(Ix * Ix), np.sum(Ix * Iy)], [np.sum(Ix * Iy), np.sum(Iy * Iy)]])
            if np.linalg.eigvalsh(G)[0] < 1e-3 * window**2:
                status[i] = False
                break
            v = np.zeros(2)
            for _ in range(iterations):
                delta = patch - _bilinear(J, x + dx + g[0] + v[0], y + dy + g[1] + v[1])
                step = np.linalg.solve(G, np.array([np.sum(delta * Ix), np.sum(delta * Iy)]))
                v += step
                if np.hypot(*step) < eps:
                    break
            g = 2 * (g + v) if level > 0 else g + v
        moved[i] = px + g[0], py + g[1]
    return moved, status


def snake(img, init, alpha=0.05, beta=0.1, gamma=0.2, w_edge=2.0, iterations=40, tol=1e-3):
    """Kass, Witkin and Terzopoulos: a closed contour drawn to edges, stiff by a circulant matrix."""
    smooth = _smooth(img.astype(float), 1.5)
    gy, gx = np.gradient(smooth)
    edge = gx**2 + gy**2
    edge /= edge.max() or 1.0
    ey, ex = np.gradient(edge)
    n = len(init)
    eye = np.eye(n)
    second = np.roll(eye, -1, axis=0) + np.roll(eye, -1, axis=1) - 2 * eye
    fourth = np.roll(eye, -2, axis=0) + np.roll(eye, -2, axis=1) - 4 * second - 2 * eye
    inverse = np.linalg.inv(eye + gamma * (-alpha * second + beta * fourth))
    x, y = init[:, 0].astype(float), init[:, 1].astype(float)
    for it in range(iterations):
        fx, fy = w_edge * _bilinear(ex, x, y), w_edge * _bilinear(ey, x, y)
        xn, yn = inverse @ (x + gamma * fx), inverse @ (y + gamma * fy)
        moved = np.max(np.hypot(xn - x, yn - y))
        x, y = xn, yn
        if moved < tol:
            break
    return np.stack([x, y], axis=1), it + 1


def hog_descriptor(img, cell=8, block=2, bins=9, eps=1e-5, transform_sqrt=False):
    """Histograms of oriented gradients, cells by loops, blocks normalised with clipping."""
    img = np.sqrt(img) if transform_sqrt else img.astype(float)
    gx, gy = np.zeros(img.shape), np.zeros(img.shape)
    gx[:, 1:-1] = img[:, 2:] - img[:, :-2]
    gy[1:-1, :] = img[2:, :] - img[:-2, :]
    magnitude = np.hypot(gx, gy)
    orientation = np.rad2deg(np.arctan2(gy, gx)) % 180
    rows, cols = img.shape[0] // cell, img.shape[1] // cell
    hist = np.zeros((rows, cols, bins))
    width = 180 / bins
    for r in range(rows):
        for c in range(cols):
            mags = magnitude[r * cell : (r + 1) * cell, c * cell : (c + 1) * cell].ravel()
            angles = orientation[r * cell : (r + 1) * cell, c * cell : (c + 1) * cell].ravel()
            for m, a in zip(mags, angles):
                position = a / width - 0.5
                low = int(np.floor(position))
                share = position - low
                hist[r, c, low % bins] += m * (1 - share)
                hist[r, c, (low + 1) % bins] += m * share
    features = []
    for r in range(rows - block + 1):
        for c in range(cols - block + 1):
            v = hist[r : r + block, c : c + block].ravel()
            v = v / np.sqrt(np.sum(v**2) + eps**2)
            v = np.minimum(v, 0.2)
            features.append(v / np.sqrt(np.sum(v**2) + eps**2))
    return np.concatenate(features)


class BoxTracker:
    """One tracked box: a Kalman filter over centre, area, aspect and their speeds, as in SORT."""

    count = 0

    def __init__(self, bbox, ident):
        self.F = np.eye(7)
        self.F[0, 4] = self.F[1, 5] = self.F[2, 6] = 1
        self.H = np.eye(4, 7)
        self.R = np.diag([1.0, 1.0, 10.0, 10.0])
        self.P = np.diag([10.0, 10, 10, 10, 1e4, 1e4, 1e4])
        self.Q = np.diag([1.0, 1, 1, 1, 0.01, 0.01, 1e-4])
        self.x = np.zeros(7)
        self.x[:4] = self.to_z(bbox)
        self.id, self.time_since_update, self.hits, self.history = ident, 0, 0, []

    @staticmethod
    def to_z(b):
        w, h = b[2] - b[0], b[3] - b[1]
        return np.array([b[0] + w / 2, b[1] + h / 2, w * h, w / h])

    def to_box(self):
        w = np.sqrt(self.x[2] * self.x[3])
        h = self.x[2] / w
        return np.array([self.x[0] - w / 2, self.x[1] - h / 2, self.x[0] + w / 2, self.x[1] + h / 2])

    def predict(self):
        if self.x[6] + self.x[2] <= 0:
            self.x[6] = 0.0
        self.x = self.F @ self.x
        self.P = self.F @ self.P @ self.F.T + self.Q
        self.time_since_update += 1
        self.history.append(self.to_box())
        return self.history[-1]

    def update(self, bbox):
        self.time_since_update = 0
        self.history = []
        self.hits += 1
        S = self.H @ self.P @ self.H.T + self.R
        K = self.P @ self.H.T @ np.linalg.inv(S)
        self.x = self.x + K @ (self.to_z(bbox) - self.H @ self.x)
        self.P = (np.eye(7) - K @ self.H) @ self.P


def _iou(a, b):
    xx1, yy1 = max(a[0], b[0]), max(a[1], b[1])
    xx2, yy2 = min(a[2], b[2]), min(a[3], b[3])
    inter = max(0.0, xx2 - xx1) * max(0.0, yy2 - yy1)
    return inter / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter)


def sort_tracker(frames, iou_threshold=0.3, max_age=2, min_hits=1):
    """Boxes of every frame given to tracks by overlap, greedily; rows of frame, id and box."""
    trackers, rows, born = [], [], 0
    for t, detections in enumerate(frames):
        predicted = [trk.predict() for trk in trackers]
        pairs = sorted(
            ((_iou(d, p), i, j) for i, d in enumerate(detections) for j, p in enumerate(predicted)), key=lambda m: -m[0]
        )
        used_d, used_t = set(), set()
        for overlap, i, j in pairs:
            if overlap < iou_threshold:
                break
            if i in used_d or j in used_t:
                continue
            trackers[j].update(detections[i])
            used_d.add(i)
            used_t.add(j)
        for i, d in enumerate(detections):
            if i not in used_d:
                trackers.append(BoxTracker(d, born))
                born += 1
        for trk in list(trackers):
            if trk.time_since_update == 0 and (trk.hits >= min_hits or t < min_hits):
                rows.append(np.concatenate(([t, trk.id], trk.to_box())))
            if trk.time_since_update > max_age:
                trackers.remove(trk)
    return np.array(rows).reshape(-1, 6), born, [trk.id for trk in trackers]


# signals ----------------------------------------------------------------------------------------------------------------
def morlet_transform(x, dt, dj=0.25, s0=None, omega0=6.0):
    """Torrence and Compo's wavelet analysis: power, periods, the cone of influence and what red noise would give."""
    n = len(x)
    variance = np.var(x, ddof=1)
    x = x - np.mean(x)
    s0 = 2 * dt if s0 is None else s0
    J = int(np.log2(n * dt / s0) / dj)
    scales = s0 * 2 ** (np.arange(J + 1) * dj)
    nfft = 2 ** int(np.ceil(np.log2(n)))
    freqs = 2 * np.pi * np.fft.fftfreq(nfft, dt)
    xhat = np.fft.fft(x, nfft)
    wave = np.zeros((len(scales), n), dtype=complex)
    for j, s in enumerate(scales):
        norm = np.sqrt(s * freqs[1]) * np.pi**-0.25 * np.sqrt(nfft)
        daughter = norm * np.exp(-((s * freqs - omega0) ** 2) / 2) * (freqs > 0)
        wave[j] = np.fft.ifft(xhat * daughter)[:n]
    fourier_factor = 4 * np.pi / (omega0 + np.sqrt(2 + omega0**2))
    period = fourier_factor * scales
    coi = fourier_factor / np.sqrt(2) * dt * np.minimum(np.arange(1, n + 1), np.arange(n, 0, -1))
    lag1 = np.corrcoef(x[:-1], x[1:])[0, 1]
    fk = dt / period
    red = variance * (1 - lag1**2) / (1 + lag1**2 - 2 * lag1 * np.cos(2 * np.pi * fk))
    power = np.abs(wave) ** 2
    return {"power": power, "period": period, "coi": coi, "significant": power > 2.996 * red[:, None]}


def music_directions(snapshots, sources, spacing=0.5, grid=181):
    """MUSIC: directions of arrival at a line of sensors, from the noise subspace of their covariance."""
    m, n = snapshots.shape
    if sources >= m:
        raise ValueError("more sources than sensors can tell apart")
    R = snapshots @ snapshots.conj().T / n
    J = np.fliplr(np.eye(m))
    R = 0.5 * (R + J @ R.conj() @ J)
    values, vectors = np.linalg.eigh(R)
    noise = vectors[:, : m - sources]
    angles = np.linspace(-90, 90, grid)
    spectrum = np.zeros(grid)
    for k, theta in enumerate(np.deg2rad(angles)):
        a = np.exp(-2j * np.pi * spacing * np.arange(m) * np.sin(theta))
        spectrum[k] = 1.0 / np.real(a.conj() @ noise @ noise.conj().T @ a)
    spectrum = 10 * np.log10(spectrum / spectrum.max())
    peaks = [k for k in range(1, grid - 1) if spectrum[k - 1] < spectrum[k] > spectrum[k + 1]]
    peaks.sort(key=lambda k: spectrum[k], reverse=True)
    return sorted(float(angles[k]) for k in peaks[:sources]), spectrum


# the ground below -------------------------------------------------------------------------------------------------------
def magnetotelluric_1d(resistivities, thicknesses, frequencies):
    """Wait's recursion: apparent resistivity and phase of a layered Earth, from the bottom up for each frequency."""
    mu = 4 * np.pi * 1e-7
    n = len(resistivities)
    out = []
    for frequency in frequencies:
        w = 2 * np.pi * frequency
        impedances = list(range(n))
        impedances[n - 1] = np.sqrt(w * mu * resistivities[n - 1] * 1j)
        for j in range(n - 2, -1, -1):
            resistivity, thickness = resistivities[j], thicknesses[j]
            dj = np.sqrt((w * mu * (1.0 / resistivity)) * 1j)
            wj = dj * resistivity
            ej = np.exp(-2 * thickness * dj)
            below = impedances[j + 1]
            rj = (wj - below) / (wj + below)
            re = rj * ej
            impedances[j] = wj * ((1 - re) / (1 + re))
        Z = impedances[0]
        absZ = abs(Z)
        out.append([frequency, (absZ * absZ) / (mu * w), np.degrees(np.arctan2(Z.imag, Z.real))])
    return np.array(out)


def _texture(rng, n, m, dtype=np.uint8):
    img = rng.random((n, m))
    for _ in range(3):
        img = (img + np.roll(img, 1, 0) + np.roll(img, 1, 1) + np.roll(img, -1, 0)) / 4
    return (255 * (img - img.min()) / np.ptp(img)).astype(dtype)


def _disc(n, r):
    y, x = np.mgrid[0:n, 0:n] - n / 2
    return (np.hypot(x, y) < r).astype(float)


def _ring(n, centre, r):
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return centre + r * np.stack([np.cos(t), np.sin(t)], axis=1)


def _detections(rng, n, objects):
    start = rng.uniform(0, 100, (objects, 2))
    speed = rng.normal(0, 3, (objects, 2))
    frames = []
    for t in range(n):
        centre = start + t * speed + rng.normal(0, 0.3, (objects, 2))
        boxes = np.hstack([centre - 8, centre + 8])
        frames.append(boxes[rng.random(objects) > 0.1])
    return frames


def _arrivals(rng, m, n, degrees):
    A = np.exp(-1j * np.pi * np.arange(m)[:, None] * np.sin(np.deg2rad(degrees)))
    s = rng.normal(size=(len(degrees), n)) + 1j * rng.normal(size=(len(degrees), n))
    return A @ s + 0.1 * (rng.normal(size=(m, n)) + 1j * rng.normal(size=(m, n)))


CASES = {
    dog_keypoints: lambda rng: [
        (_texture(rng, 40, 40),),
        (_texture(rng, 30, 26, float), 1, 3, 1.0, 0.01),
        (np.zeros((16, 16)),),
    ],
    lucas_kanade_pyramid: lambda rng: [
        (a := _texture(rng, 48, 48, float), np.roll(a, (1, 2), (0, 1)), [(20.0, 22.0), (30.5, 15.0), (12.0, 30.0)]),
        (a := _texture(rng, 40, 32), np.roll(a, 1, 0), np.array([[12.0, 15.0]]), 5, 1),
        (np.ones((24, 24)), np.ones((24, 24)), [(10.0, 10.0)]),
    ],
    snake: lambda rng: [
        (_disc(50, 15), _ring(40, 25, 20)),
        (_texture(rng, 30, 30), _ring(20, 15, 8).astype(np.float32), 0.1, 0.2, 0.1, 5.0, 10),
        (np.zeros((20, 20)), _ring(12, 10, 5), 0.01, 0.01, 0.1, 1.0, 6),
    ],
    hog_descriptor: lambda rng: [
        (_texture(rng, 40, 32),),
        (_texture(rng, 24, 24, float), 4, 3, 6, 1e-5, True),
        (_texture(rng, 20, 20, np.float32), 6),
    ],
    sort_tracker: lambda rng: [
        (_detections(rng, 20, 4),),
        (_detections(rng, 6, 2), 0.1, 1, 2),
        ([np.zeros((0, 4)), np.array([[0.0, 0, 4, 4]]), np.zeros((0, 4))],),
    ],
    morlet_transform: lambda rng: [
        (np.sin(np.arange(256) * 0.3) + rng.normal(size=256), 0.25),
        (rng.normal(size=100), 1.0, 0.5, 4.0),
        (rng.normal(size=60).astype(np.float32), 0.1, 0.25, None, 5.0),
    ],
    music_directions: lambda rng: [
        (_arrivals(rng, 8, 100, np.array([-20.0, 10.0, 33.0])), 3),
        (_arrivals(rng, 5, 40, np.array([5.0])), 1, 0.5, 91),
        (_arrivals(rng, 3, 10, np.array([5.0])), 3),
    ],
    magnetotelluric_1d: lambda rng: [
        ([300, 2500, 0.8, 3000, 2500], [200, 400, 40, 500], np.logspace(-4, 4, 60)),
        (np.array([100.0, 10.0]), np.array([500.0]), [0.01, 1.0, 100.0]),
        ([50.0], [], [1, 10]),
    ],
}
