"""Pictures as in a course on image processing: edges, thresholds, shapes, compression, all from loops, masks and queues."""

from __future__ import annotations

from collections import Counter, deque

import numpy as np


def gaussian_kernel_1d(sigma, truncate=3.0):
    """A normalised Gaussian of length 2 * radius + 1."""
    radius = int(truncate * sigma + 0.5)
    x = np.arange(-radius, radius + 1)
    k = np.exp(-0.5 * (x / sigma) ** 2)
    return k / k.sum()


def canny_full(image, sigma=1.0, low=0.1, high=0.25):
    """Smooth, differentiate, thin, and follow the edges: Canny's detector without a library."""
    if image.ndim == 3:
        image = image @ np.array([0.299, 0.587, 0.114])
    img = image.astype(float)
    if img.max() > 1:
        img = img / 255.0
    k = gaussian_kernel_1d(sigma)
    r = len(k) // 2
    padded = np.pad(img, r, mode="reflect")
    smooth = np.apply_along_axis(lambda row: np.convolve(row, k, mode="valid"), 1, padded)
    smooth = np.apply_along_axis(lambda col: np.convolve(col, k, mode="valid"), 0, smooth)
    gy, gx = np.gradient(smooth)
    magnitude = np.hypot(gx, gy)
    if magnitude.max() > 0:
        magnitude /= magnitude.max()
    angle = np.rad2deg(np.arctan2(gy, gx)) % 180
    h, w = magnitude.shape
    thin = np.zeros_like(magnitude)
    for i in range(1, h - 1):
        for j in range(1, w - 1):
            a = angle[i, j]
            if a < 22.5 or a >= 157.5:
                q, s = magnitude[i, j + 1], magnitude[i, j - 1]
            elif a < 67.5:
                q, s = magnitude[i + 1, j + 1], magnitude[i - 1, j - 1]
            elif a < 112.5:
                q, s = magnitude[i + 1, j], magnitude[i - 1, j]
            else:
                q, s = magnitude[i - 1, j + 1], magnitude[i + 1, j - 1]
            if magnitude[i, j] >= q and magnitude[i, j] >= s:
                thin[i, j] = magnitude[i, j]
    strong = thin >= high
    weak = (thin >= low) & ~strong
    edges = strong.copy()
    stack = list(zip(*np.nonzero(strong)))
    while stack:
        i, j = stack.pop()
        for di in (-1, 0, 1):
            for dj in (-1, 0, 1):
                y, x = i + di, j + dj
                if 0 <= y < h and 0 <= x < w and weak[y, x] and not edges[y, x]:
                    edges[y, x] = True
                    stack.append((y, x))
    return edges.astype(np.uint8) * 255, thin


def multi_otsu(image, classes=3, bins=32):
    """Thresholds that part a histogram into classes, by trying all pairs with running sums, and the image so parted."""
    if classes not in (2, 3):
        raise NotImplementedError("only two or three classes")
    counts, edges = np.histogram(image, bins=bins)
    p = counts / counts.sum()
    centres = 0.5 * (edges[1:] + edges[:-1])
    weight = np.concatenate([[0], np.cumsum(p)])
    moment = np.concatenate([[0], np.cumsum(p * centres)])

    def between(a, b):
        w = weight[b] - weight[a]
        return 0.0 if w == 0 else (moment[b] - moment[a]) ** 2 / w

    best, chosen = -1.0, ()
    if classes == 2:
        for t in range(1, bins):
            value = between(0, t) + between(t, bins)
            if value > best:
                best, chosen = value, (t,)
    else:
        for t in range(1, bins - 1):
            for u in range(t + 1, bins):
                value = between(0, t) + between(t, u) + between(u, bins)
                if value > best:
                    best, chosen = value, (t, u)
    thresholds = edges[list(chosen)]
    return thresholds, np.digitize(image, thresholds).astype(np.uint8), best


def component_table(binary, connectivity=4, min_area=1):
    """Label by breadth first search and measure: area, box, centroid, perimeter and shape of each component."""
    h, w = binary.shape
    labels = np.zeros((h, w), dtype=np.int32)
    steps = [(0, 1), (1, 0), (0, -1), (-1, 0)]
    if connectivity == 8:
        steps += [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    current = 0
    table = []
    for i in range(h):
        for j in range(w):
            if not binary[i, j] or labels[i, j]:
                continue
            current += 1
            labels[i, j] = current
            queue = deque([(i, j)])
            pixels = []
            perimeter = 0
            while queue:
                y, x = queue.popleft()
                pixels.append((y, x))
                for k, (dy, dx) in enumerate(steps):
                    a, b = y + dy, x + dx
                    outside = not (0 <= a < h and 0 <= b < w) or not binary[a, b]
                    if outside:
                        perimeter += k < 4
                    elif labels[a, b] == 0:
                        labels[a, b] = current
                        queue.append((a, b))
            points = np.array(pixels)
            if len(points) < min_area:
                labels[labels == current] = 0
                continue
            table.append(
                {
                    "label": current,
                    "area": len(points),
                    "bbox": (*points.min(axis=0).tolist(), *(points.max(axis=0) + 1).tolist()),
                    "centroid": tuple(points.mean(axis=0)),
                    "roundness": 4 * np.pi * len(points) / perimeter**2,
                }
            )
    return labels, table


def seam_resize(image, columns, rows=0, keep_energy=False):
    """Carve seams out of a grey image, columns first, then rows of what is left."""
    img = image.copy()
    energies = []

    def carve(img):
        h, w = img.shape
        gy = np.abs(np.diff(img, axis=0, append=img[-1:]))
        gx = np.abs(np.diff(img, axis=1, append=img[:, -1:]))
        cost = gx + gy
        back = np.zeros((h, w), dtype=int)
        for i in range(1, h):
            for j in range(w):
                lo, hi = max(j - 1, 0), min(j + 2, w)
                k = lo + np.argmin(cost[i - 1, lo:hi])
                back[i, j] = k
                cost[i, j] += cost[i - 1, k]
        j = int(np.argmin(cost[-1]))
        energies.append(cost[-1, j])
        keep = np.ones((h, w), dtype=bool)
        for i in range(h - 1, -1, -1):
            keep[i, j] = False
            j = back[i, j]
        return img[keep].reshape(h, w - 1)

    for _ in range(columns):
        img = carve(img)
    for _ in range(rows):
        img = carve(img.T).T
    return (img, energies) if keep_energy else img


def dct_codec(image, quality=50):
    """Blocks of eight, cosine transform, quantisation, zigzag runs and an entropy in bits; then the way back."""
    assert 1 <= quality <= 100
    table = np.add.outer(np.arange(8), np.arange(8)) * 4 + 12
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    table = np.clip((table * scale + 50) // 100, 1, 255)
    n = np.arange(8)
    basis = np.cos((2 * n + 1) * n[:, None] * np.pi / 16) / 2
    basis[0] /= np.sqrt(2)
    order = sorted(((i, j) for i in range(8) for j in range(8)), key=lambda p: (p[0] + p[1], p[(p[0] + p[1]) % 2]))
    h, w = image.shape
    padded = np.pad(image, ((0, -h % 8), (0, -w % 8)), mode="edge").astype(float) - 128
    out = np.empty_like(padded)
    symbols = []
    previous = 0
    for y in range(0, padded.shape[0], 8):
        for x in range(0, padded.shape[1], 8):
            block = padded[y : y + 8, x : x + 8]
            q = np.rint(basis @ block @ basis.T / table).astype(int)
            scan = [int(q[p]) for p in order]
            symbols.append(("dc", scan[0] - previous))
            previous = scan[0]
            run = 0
            for value in scan[1:]:
                if value == 0:
                    run += 1
                else:
                    symbols.append((run, value))
                    run = 0
            if run:
                symbols.append("eob")
            out[y : y + 8, x : x + 8] = basis.T @ (q * table) @ basis
    counts = Counter(symbols)
    total = sum(counts.values())
    bits = -sum(c * np.log2(c / total) for c in counts.values())
    decoded = np.clip(np.round(out[:h, :w] + 128), 0, 255).astype(image.dtype)
    mse = np.mean((decoded.astype(float) - image) ** 2)
    psnr = np.inf if mse == 0 else 10 * np.log10(255**2 / mse)
    return decoded, float(bits), psnr, counts.most_common(1)[0][1]


def _photo(rng, h, w):
    y, x = np.mgrid[:h, :w]
    return np.clip(128 + 80 * np.sin(x / 3) * np.cos(y / 4) + 5 * rng.standard_normal((h, w)), 0, 255).astype(np.uint8)


def _discs(rng, n):
    y, x = np.mgrid[:n, :n]
    return ((x - n // 3) ** 2 + (y - n // 3) ** 2 < (n // 5) ** 2) * 1.0 + 0.05 * rng.random((n, n))


CASES = {
    canny_full: lambda rng: [
        (_discs(rng, 24),),
        (_photo(rng, 20, 27), 0.8, 0.05, 0.3),
        (rng.random((16, 16, 3)).astype(np.float32), 1.4),
        (np.zeros((12, 12)),),
    ],
    multi_otsu: lambda rng: [
        (_photo(rng, 20, 20),),
        (np.concatenate([rng.normal(k, 0.3, 60) for k in (0, 3, 6)]).reshape(12, 15), 3, 24),
        (_discs(rng, 20), 2, 50),
        (_discs(rng, 10), 4),
    ],
    component_table: lambda rng: [
        (rng.random((14, 17)) < 0.45,),
        ((rng.random((12, 12)) < 0.4).astype(np.uint8), 8, 3),
        (np.zeros((5, 5), dtype=bool),),
    ],
    seam_resize: lambda rng: [
        (rng.random((12, 15)), 3),
        (_photo(rng, 9, 9).astype(float), 2, 2, True),
        (rng.random((6, 8)).astype(np.float32), 0, 1),
    ],
    dct_codec: lambda rng: [(_photo(rng, 24, 16),), (_photo(rng, 13, 21), 90), (np.full((8, 8), 128, np.uint8), 10)],
}
