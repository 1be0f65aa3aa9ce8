"""Images: morphology, edges, transforms of blocks, matching."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114])
QUANTISATION = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
])  # fmt: skip


def erode(img, size=3):
    """Grey-level erosion: the minimum over a square window, edges extended."""
    r = size // 2
    padded = np.pad(img, r, mode="edge")
    out = img.copy()
    for dy in range(size):
        for dx in range(size):
            np.minimum(out, padded[dy : dy + img.shape[0], dx : dx + img.shape[1]], out=out)
    return out


def dilate(img, size=3):
    r = size // 2
    padded = np.pad(img, r, mode="edge")
    windows = [padded[dy : dy + img.shape[0], dx : dx + img.shape[1]] for dy in range(size) for dx in range(size)]
    return np.max(np.stack(windows), axis=0)


def top_hat(img, size=3):
    opened = dilate(erode(img, size), size)
    return img - opened


def binary_dilation(mask, kernel, iterations=1):
    """By loops over the structuring element."""
    h, w = mask.shape
    kh, kw = kernel.shape
    cy, cx = kh // 2, kw // 2
    current = mask.astype(bool)
    for _ in range(iterations):
        result = np.zeros_like(current)
        for y in range(h):
            for x in range(w):
                if not current[y, x]:
                    continue
                for i in range(kh):
                    for j in range(kw):
                        yy, xx = y + i - cy, x + j - cx
                        if kernel[i, j] and 0 <= yy < h and 0 <= xx < w:
                            result[yy, xx] = True
        current = result
    return current


def gaussian_kernel(sigma, radius=None):
    if sigma <= 0:
        raise ValueError("sigma must be positive")
    if radius is None:
        radius = int(3 * sigma + 0.5)
    x = np.arange(-radius, radius + 1)
    k = np.exp(-(x**2) / (2 * sigma**2))
    return k / k.sum()


def gaussian_blur(img, sigma=1.0):
    """Separable, the border reflected."""
    k = gaussian_kernel(sigma)
    r = len(k) // 2
    img = np.asarray(img, dtype=float)
    tmp = np.zeros_like(img)
    padded = np.pad(img, ((0, 0), (r, r)), mode="reflect")
    for i, weight in enumerate(k):
        tmp += weight * padded[:, i : i + img.shape[1]]
    out = np.zeros_like(img)
    padded = np.pad(tmp, ((r, r), (0, 0)), mode="reflect")
    for i, weight in enumerate(k):
        out += weight * padded[i : i + img.shape[0], :]
    return out


def canny(img, low=0.1, high=0.3):
    """Gradient, thinning, two thresholds and a stack of pixels to follow."""
    gx = np.zeros(img.shape)
    gy = np.zeros(img.shape)
    gx[:, 1:-1] = (img[:, 2:] - img[:, :-2]) / 2
    gy[1:-1, :] = (img[2:, :] - img[:-2, :]) / 2
    mag = np.hypot(gx, gy)
    angle = np.rad2deg(np.arctan2(gy, gx)) % 180
    h, w = img.shape
    thin = np.zeros_like(mag)
    for y in range(1, h - 1):
        for x in range(1, w - 1):
            a = angle[y, x]
            if a < 22.5 or a >= 157.5:
                n1, n2 = mag[y, x - 1], mag[y, x + 1]
            elif a < 67.5:
                n1, n2 = mag[y - 1, x - 1], mag[y + 1, x + 1]
            elif a < 112.5:
                n1, n2 = mag[y - 1, x], mag[y + 1, x]
            else:
                n1, n2 = mag[y - 1, x + 1], mag[y + 1, x - 1]
            if mag[y, x] >= n1 and mag[y, x] >= n2:
                thin[y, x] = mag[y, x]
    peak = thin.max()
    strong = thin > high * peak
    weak = thin > low * peak
    edges = strong.copy()
    stack = list(zip(*np.nonzero(strong)))
    while stack:
        y, x = stack.pop()
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                ny, nx = y + dy, x + dx
                if 0 <= ny < h and 0 <= nx < w and weak[ny, nx] and not edges[ny, nx]:
                    edges[ny, nx] = True
                    stack.append((ny, nx))
    return edges


class Line(NamedTuple):
    rho: float
    theta: float
    votes: int


def hough_lines(edges, n_theta=45, threshold=4):
    """The votes, and the lines with at least so many of them."""
    thetas = np.linspace(-np.pi / 2, np.pi / 2, n_theta, endpoint=False)
    h, w = edges.shape
    diagonal = int(np.ceil(np.hypot(h, w)))
    rhos = np.arange(-diagonal, diagonal + 1)
    votes = np.zeros((len(rhos), n_theta), dtype=np.int64)
    cos_t, sin_t = np.cos(thetas), np.sin(thetas)
    ys, xs = np.nonzero(edges)
    for i in range(len(xs)):
        for t in range(n_theta):
            rho = round(xs[i] * cos_t[t] + ys[i] * sin_t[t]) + diagonal
            votes[rho, t] += 1
    lines = []
    for r, t in np.argwhere(votes >= threshold):
        lines.append(Line(float(rhos[r]), float(thetas[t]), int(votes[r, t])))
    lines.sort(key=lambda line: -line.votes)
    return votes, lines[:10]


def hough_circle(edges, radius):
    h, w = edges.shape
    acc = np.zeros((h, w), dtype=int)
    angles = np.deg2rad(np.arange(0, 360, 15))
    for y, x in np.argwhere(edges):
        a = np.rint(x - radius * np.cos(angles)).astype(int)
        b = np.rint(y - radius * np.sin(angles)).astype(int)
        inside = (a >= 0) & (a < w) & (b >= 0) & (b < h)
        np.add.at(acc, (b[inside], a[inside]), 1)
    best = np.unravel_index(np.argmax(acc), acc.shape)
    return acc, best


def label_two_pass(mask):
    """Connected components by rows, with equivalences in a list."""
    h, w = mask.shape
    labels = np.zeros((h, w), dtype=np.int32)
    parent = [0]

    def find(a):
        while parent[a] != a:
            a = parent[a]
        return a

    for y in range(h):
        for x in range(w):
            if not mask[y, x]:
                continue
            up = labels[y - 1, x] if y > 0 else 0
            left = labels[y, x - 1] if x > 0 else 0
            if up == 0 and left == 0:
                parent.append(len(parent))
                labels[y, x] = len(parent) - 1
            elif up and left:
                a, b = find(up), find(left)
                labels[y, x] = min(a, b)
                parent[max(a, b)] = min(a, b)
            else:
                labels[y, x] = max(up, left)
    count = 0
    final = {0: 0}
    for y in range(h):
        for x in range(w):
            root = find(labels[y, x])
            if root not in final:
                count += 1
                final[root] = count
            labels[y, x] = final[root]
    return labels, count


def label_union_array(mask):
    """The same, with the parents in an array and numbers given at the end."""
    h, w = mask.shape
    parent = np.arange(h * w)

    def find(i):
        root = i
        while parent[root] != root:
            root = parent[root]
        while parent[i] != root:
            parent[i], i = root, parent[i]
        return root

    def union(a, b):
        ra, rb = find(a), find(b)
        if ra != rb:
            parent[max(ra, rb)] = min(ra, rb)

    for y in range(h):
        for x in range(w):
            if mask[y, x]:
                if x + 1 < w and mask[y, x + 1]:
                    union(y * w + x, y * w + x + 1)
                if y + 1 < h and mask[y + 1, x]:
                    union(y * w + x, (y + 1) * w + x)
    roots = np.array([find(i) for i in range(h * w)], dtype=int).reshape(h, w)
    roots[~mask] = -1
    values, labels = np.unique(roots, return_inverse=True)
    return labels.reshape(h, w), len(values)


def flood_fill(image, seed, value):
    """In place; the number of pixels that were changed."""
    y, x = seed
    old = image[y, x]
    if old == value:
        return 0
    h, w = image.shape
    stack = [(y, x)]
    changed = 0
    while stack:
        y, x = stack.pop()
        if y < 0 or y >= h or x < 0 or x >= w or image[y, x] != old:
            continue
        image[y, x] = value
        changed += 1
        stack.extend([(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)])
    return changed


def dct_matrix(n):
    m = np.empty((n, n))
    for k in range(n):
        for i in range(n):
            m[k, i] = np.cos(np.pi * k * (2 * i + 1) / (2 * n))
    m[0] *= np.sqrt(1 / n)
    m[1:] *= np.sqrt(2 / n)
    return m


def jpeg_blocks(img, quality=50):
    """Blocks of 8 × 8: transformed, quantised, brought back, and how far off that is."""
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    table = np.clip(np.floor((QUANTISATION * scale + 50) / 100), 1, 255)
    C = dct_matrix(8)
    h, w = img.shape
    if h % 8 or w % 8:
        raise ValueError(f"shape {img.shape} is no multiple of 8")
    out = np.empty_like(img)
    coefficients = np.zeros((h, w), dtype=np.int16)
    nonzero = 0
    for y in range(0, h, 8):
        for x in range(0, w, 8):
            block = img[y : y + 8, x : x + 8].astype(np.float64) - 128
            q = np.round(C @ block @ C.T / table)
            coefficients[y : y + 8, x : x + 8] = q
            nonzero += np.count_nonzero(q)
            back = C.T @ (q * table) @ C + 128
            out[y : y + 8, x : x + 8] = np.clip(np.rint(back), 0, 255)
    mse = np.mean((img.astype(float) - out) ** 2)
    psnr = 10 * np.log10(255**2 / mse) if mse > 0 else float("inf")
    return out, coefficients, nonzero, psnr


def zigzag(block):
    """The elements of a square along its diagonals."""
    n = block.shape[0]
    out = np.empty(n * n, dtype=block.dtype)
    i = j = 0
    for k in range(n * n):
        out[k] = block[i, j]
        if (i + j) % 2 == 0:
            if j == n - 1:
                i += 1
            elif i == 0:
                j += 1
            else:
                i, j = i - 1, j + 1
        else:
            if i == n - 1:
                j += 1
            elif j == 0:
                i += 1
            else:
                i, j = i + 1, j - 1
    return out


@dataclass
class Match:
    row: int
    col: int
    score: float


def match_template(img, template):
    """Normalised cross-correlation at every place and the best of them."""
    H, W = img.shape
    h, w = template.shape
    if h > H or w > W:
        raise ValueError("the template is larger than the image")
    t = template - template.mean()
    t_norm = np.sqrt((t**2).sum())
    scores = np.zeros((H - h + 1, W - w + 1))
    best = Match(0, 0, -np.inf)
    for y in range(H - h + 1):
        for x in range(W - w + 1):
            patch = img[y : y + h, x : x + w]
            p = patch - patch.mean()
            denominator = np.sqrt((p**2).sum()) * t_norm
            score = (p * t).sum() / denominator if denominator > 1e-12 else 0.0
            scores[y, x] = score
            if score > best.score:
                best = Match(y, x, score)
    return scores, best.row, best.col, best.score


def clahe_tiles(img, tiles=2, clip=4.0):
    """Histogram equalisation tile by tile, the histograms clipped."""
    h, w = img.shape
    th, tw = h // tiles, w // tiles
    out = np.zeros_like(img)
    for i in range(tiles):
        for j in range(tiles):
            rows = slice(i * th, (i + 1) * th if i < tiles - 1 else h)
            cols = slice(j * tw, (j + 1) * tw if j < tiles - 1 else w)
            tile = img[rows, cols]
            hist = np.bincount(tile.ravel(), minlength=256)
            limit = max(1, int(clip * tile.size / 256))
            excess = np.maximum(hist - limit, 0).sum()
            hist = np.minimum(hist, limit) + excess // 256
            cdf = hist.cumsum()
            lut = (cdf * 255 // max(cdf[-1], 1)).astype(np.uint8)
            out[rows, cols] = lut[tile]
    return out


def bilateral(img, radius=2, sigma_space=1.5, sigma_range=0.1):
    h, w = img.shape
    out = np.zeros((h, w), dtype=img.dtype)
    for y in range(h):
        for x in range(w):
            y0, y1 = max(y - radius, 0), min(y + radius + 1, h)
            x0, x1 = max(x - radius, 0), min(x + radius + 1, w)
            patch = img[y0:y1, x0:x1]
            yy, xx = np.mgrid[y0:y1, x0:x1]
            space = ((yy - y) ** 2 + (xx - x) ** 2) / (2 * sigma_space**2)
            value = (patch - img[y, x]) ** 2 / (2 * sigma_range**2)
            weights = np.exp(-space - value)
            out[y, x] = (weights * patch).sum() / weights.sum()
    return out


def rotate_nearest(img, degrees, fill=0):
    """About the centre, every pixel looked up where it came from."""
    h, w = img.shape[:2]
    cy, cx = (h - 1) / 2, (w - 1) / 2
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    out = np.full_like(img, fill)
    for y in range(h):
        for x in range(w):
            sy = round(c * (y - cy) - s * (x - cx) + cy)
            sx = round(s * (y - cy) + c * (x - cx) + cx)
            if 0 <= sy < h and 0 <= sx < w:
                out[y, x] = img[sy, sx]
    return out


def sobel_rgb(rgb, threshold=None):
    grey = rgb @ LUMA
    kx = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    ky = kx.T
    h, w = grey.shape
    mag = np.zeros((h, w))
    for i in range(1, h - 1):
        for j in range(1, w - 1):
            window = grey[i - 1 : i + 2, j - 1 : j + 2]
            sx, sy = np.sum(kx * window), np.sum(ky * window)
            mag[i, j] = (sx**2 + sy**2) ** 0.5
    if threshold is not None:
        return mag > threshold
    return mag


def zhang_suen(img):
    """Thinning to lines one pixel wide."""
    img = img.copy()
    changing = True
    rounds = 0
    while changing:
        changing = False
        for step in range(2):
            to_clear = []
            for i in range(1, img.shape[0] - 1):
                for j in range(1, img.shape[1] - 1):
                    if img[i, j] != 1:
                        continue
                    p = [
                        img[i - 1, j], img[i - 1, j + 1], img[i, j + 1], img[i + 1, j + 1],
                        img[i + 1, j], img[i + 1, j - 1], img[i, j - 1], img[i - 1, j - 1],
                    ]  # fmt: skip
                    neighbours = sum(p)
                    transitions = sum(a == 0 and b == 1 for a, b in zip(p, p[1:] + p[:1]))
                    if step == 0:
                        ok = p[0] * p[2] * p[4] == 0 and p[2] * p[4] * p[6] == 0
                    else:
                        ok = p[0] * p[2] * p[6] == 0 and p[0] * p[4] * p[6] == 0
                    if 2 <= neighbours <= 6 and transitions == 1 and ok:
                        to_clear.append((i, j))
            for i, j in to_clear:
                img[i, j] = 0
                changing = True
        rounds += 1
    return img, rounds


def local_binary_pattern(img):
    h, w = img.shape
    codes = np.zeros((h - 2, w - 2), dtype=np.uint8)
    offsets = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    centre = img[1:-1, 1:-1]
    for bit, (dy, dx) in enumerate(offsets):
        neighbour = img[1 + dy : h - 1 + dy, 1 + dx : w - 1 + dx]
        codes |= ((neighbour >= centre) << bit).astype(np.uint8)
    return codes, np.histogram(codes, bins=8, range=(0, 256))[0]


def harris_corners(img, k=0.04, threshold=0.1):
    iy, ix = np.gradient(img)
    sums = {}
    for name, product in (("xx", ix * ix), ("yy", iy * iy), ("xy", ix * iy)):
        acc = np.zeros_like(product)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                acc += np.roll(np.roll(product, dy, axis=0), dx, axis=1)
        sums[name] = acc
    response = sums["xx"] * sums["yy"] - sums["xy"] ** 2 - k * (sums["xx"] + sums["yy"]) ** 2
    cutoff = threshold * response.max()
    corners = []
    for y in range(1, img.shape[0] - 1):
        for x in range(1, img.shape[1] - 1):
            if response[y, x] > cutoff and response[y, x] == response[y - 1 : y + 2, x - 1 : x + 2].max():
                corners.append((y, x))
    return response, corners


def seeded_watershed(levels, markers):
    """Flooding level by level; pixels between two basins stay 0."""
    labels = markers.copy()
    h, w = levels.shape
    for level in np.unique(levels):
        grew = True
        while grew:
            grew = False
            new = labels.copy()
            for y in range(h):
                for x in range(w):
                    if labels[y, x] or levels[y, x] > level:
                        continue
                    found = 0
                    for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                        ny, nx = y + dy, x + dx
                        if 0 <= ny < h and 0 <= nx < w and labels[ny, nx] > 0:
                            if found and labels[ny, nx] != found:
                                found = -1
                                break
                            found = labels[ny, nx]
                    if found > 0:
                        new[y, x] = found
                        grew = True
            labels = new
    return labels


def _byte(rng, *shape):
    return rng.integers(0, 256, shape).astype(np.uint8)


def _blocky(rng, n):
    a = np.zeros((n, n), np.int64)
    a[2 : n // 2, 3 : n - 2] = 1
    a[n // 3 : n - 1, n // 2 - 1 : n // 2 + 2] = 1
    return a


CASES = {
    erode: lambda rng: [(rng.random((40, 30)),), (_byte(rng, 7, 9), 5), (rng.random((1, 1)).astype(np.float32),)],
    dilate: lambda rng: [(rng.random((40, 30)),), (_byte(rng, 7, 9), 5), (rng.integers(0, 9, (2, 3)), 1)],
    top_hat: lambda rng: [(rng.random((40, 30)),), (_byte(rng, 7, 9), 5)],
    binary_dilation: lambda rng: [
        (rng.random((25, 20)) > 0.9, np.ones((3, 3))),
        (rng.integers(0, 2, (6, 6)), np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]), 2),
        (np.zeros((3, 2)), np.ones((1, 2), bool), 0),
    ],
    gaussian_kernel: lambda rng: [(1.5,), (2, 3), (0.7, 0), (-1.0,)],
    gaussian_blur: lambda rng: [
        (rng.random((40, 30)), 1.5),
        (_byte(rng, 12, 9),),
        (rng.random((8, 8)).astype(np.float32), 0.5),
    ],
    canny: lambda rng: [
        (gaussian_blur(rng.random((24, 24)), 1.2),),
        (rng.random((5, 7)).astype(np.float32), 0.2, 0.5),
        (np.zeros((4, 4)),),
    ],
    hough_lines: lambda rng: [(rng.random((15, 15)) > 0.85,), (np.eye(8, dtype=int), 30, 5), (np.zeros((3, 3)),)],
    hough_circle: lambda rng: [(rng.random((20, 20)) > 0.9, 5.3), (np.ones((2, 2)), 1.1), (np.zeros((3, 4)), 2.5)],
    label_two_pass: lambda rng: [(rng.random((15, 15)) > 0.5,), (np.ones((3, 2), int),), (np.zeros((2, 2), bool),)],
    label_union_array: lambda rng: [(rng.random((15, 15)) > 0.5,), (np.ones((3, 2), bool),), (np.zeros((2, 2), bool),)],
    flood_fill: lambda rng: [
        (rng.integers(0, 2, (16, 16)), (3, 4), 7),
        (np.zeros((3, 5)), (0, 0), 1.5),
        (np.ones((2, 2), np.uint8), (1, 1), 1),
        (np.ones((2, 2), np.uint8), (2, 1), 5),
    ],
    dct_matrix: lambda rng: [(8,), (1,), (12,)],
    jpeg_blocks: lambda rng: [
        (_byte(rng, 24, 32),),
        (_byte(rng, 8, 8), 20),
        (np.full((8, 16), 128, np.uint8), 90),
        (_byte(rng, 9, 8),),
    ],
    zigzag: lambda rng: [(rng.integers(0, 99, (8, 8)),), (rng.random((3, 3)),), (np.ones((1, 1), np.float32),)],
    match_template: lambda rng: [
        (rng.random((20, 18)), rng.random((4, 5))),
        (_byte(rng, 6, 6), _byte(rng, 2, 2)),
        (np.ones((4, 4)), np.ones((4, 4))),
        (np.ones((4, 4)), np.ones((5, 4))),
    ],
    clahe_tiles: lambda rng: [(_byte(rng, 32, 40),), (_byte(rng, 9, 7), 3, 1.0), (np.full((4, 4), 3, np.uint8), 1)],
    bilateral: lambda rng: [(rng.random((14, 12)),), (rng.random((3, 4)).astype(np.float32), 1), (rng.random((1, 1)), 0)],
    rotate_nearest: lambda rng: [(rng.random((20, 16)), 30), (_byte(rng, 6, 6, 3), 90.0, 9), (rng.integers(0, 9, (3, 2)), 180)],
    sobel_rgb: lambda rng: [
        (rng.random((18, 15, 3)),),
        (_byte(rng, 6, 5, 3), 100),
        (rng.random((2, 2, 3)), 0.5),
        (rng.random((4, 4)),),
    ],
    zhang_suen: lambda rng: [(_blocky(rng, 16),), (np.zeros((4, 4), np.uint8),), (np.ones((6, 5), np.int32),)],
    local_binary_pattern: lambda rng: [(_byte(rng, 20, 24),), (rng.random((3, 3)),), (np.zeros((5, 4), np.float32),)],
    harris_corners: lambda rng: [
        (gaussian_blur(rng.random((24, 24)), 1.0),),
        (rng.random((4, 5)), 0.05, 0.01),
        (np.zeros((3, 3)),),
    ],
    seeded_watershed: lambda rng: [
        (rng.integers(0, 4, (12, 12)), np.where(rng.random((12, 12)) > 0.95, rng.integers(1, 5, (12, 12)), 0)),
        (np.zeros((3, 3)), np.array([[1, 0, 0], [0, 0, 0], [0, 0, 2]])),
    ],
}
