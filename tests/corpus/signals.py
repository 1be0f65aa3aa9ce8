"""Images and signals."""

import numpy as np


def convolve_2d(image, kernel):
    """Same-size correlation with the flipped kernel, zero padding."""
    kh, kw = kernel.shape
    flipped = kernel[::-1, ::-1]
    padded = np.pad(image, ((kh // 2, kh // 2), (kw // 2, kw // 2)))
    out = np.zeros_like(image)
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            out[i, j] = np.sum(padded[i : i + kh, j : j + kw] * flipped)
    return out


def median_filter(image, size=3):
    half = size // 2
    out = image.copy()
    rows, cols = image.shape
    for i in range(half, rows - half):
        for j in range(half, cols - half):
            window = image[i - half : i + half + 1, j - half : j + half + 1]
            out[i, j] = np.median(window)
    return out


def median_by_sorting(signal, k):
    """A running median with the window insertion-sorted by hand."""
    n = len(signal)
    out = np.empty(n)
    window = np.empty(2 * k + 1)
    for i in range(n):
        count = 0
        for j in range(max(0, i - k), min(n, i + k + 1)):
            v = signal[j]
            pos = count
            while pos > 0 and window[pos - 1] > v:
                window[pos] = window[pos - 1]
                pos -= 1
            window[pos] = v
            count += 1
        out[i] = window[count // 2]
    return out


def equalise_histogram(image):
    hist = np.zeros(256, dtype=int)
    for value in image.ravel():
        hist[value] += 1
    cdf = np.cumsum(hist)
    nonzero = cdf[cdf > 0]
    lut = np.clip(np.round((cdf - nonzero[0]) / max(1, image.size - nonzero[0]) * 255), 0, 255).astype(np.uint8)
    return lut[image]


def integral_image(image):
    rows, cols = image.shape
    S = np.zeros((rows + 1, cols + 1), dtype=np.int64)
    for i in range(rows):
        total = 0
        for j in range(cols):
            total += image[i, j]
            S[i + 1, j + 1] = S[i, j + 1] + total
    return S


def box_blur(image, r):
    """Mean over a window from the integral image."""
    S = np.zeros((image.shape[0] + 1, image.shape[1] + 1))
    S[1:, 1:] = image.cumsum(0).cumsum(1)
    w = 2 * r + 1
    return (S[w:, w:] - S[:-w, w:] - S[w:, :-w] + S[:-w, :-w]) / w**2


def otsu(image):
    hist, _ = np.histogram(image, bins=256, range=(0, 256))
    total = image.size
    sum_all = np.dot(np.arange(256), hist)
    weight_b = sum_b = 0.0
    best, threshold = -1.0, 0
    for t in range(256):
        weight_b += hist[t]
        if weight_b == 0:
            continue
        weight_f = total - weight_b
        if weight_f == 0:
            break
        sum_b += t * hist[t]
        between = weight_b * weight_f * (sum_b / weight_b - (sum_all - sum_b) / weight_f) ** 2
        if between > best:
            best = between
            threshold = t
    return threshold


def fft_radix2(x):
    """In-place Cooley–Tukey after a bit-reversal permutation."""
    n = len(x)
    if n & (n - 1) != 0:
        raise ValueError(f"length {n} is not a power of two")
    X = x.astype(complex)
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            X[i], X[j] = X[j], X[i]
    length = 2
    while length <= n:
        w = np.exp(-2j * np.pi / length)
        for start in range(0, n, length):
            twiddle = 1.0 + 0j
            for k in range(length // 2):
                u = X[start + k]
                v = X[start + k + length // 2] * twiddle
                X[start + k] = u + v
                X[start + k + length // 2] = u - v
                twiddle *= w
        length <<= 1
    return X


def fft_recursive(x):
    n = x.shape[0]
    if n == 1:
        return x.astype(complex)
    even, odd = fft_recursive(x[::2]), fft_recursive(x[1::2])
    t = np.exp(-2j * np.pi * np.arange(n // 2) / n) * odd
    return np.concatenate([even + t, even - t])


def fir_filter(x, taps):
    y = np.zeros(len(x))
    for n in range(len(x)):
        for k in range(len(taps)):
            if n - k >= 0:
                y[n] += taps[k] * x[n - k]
    return y


def iir_biquad(x, b, a):
    """Direct form II transposed."""
    y = np.empty_like(x)
    z1 = z2 = 0.0
    for n, xn in enumerate(x):
        yn = b[0] * xn + z1
        z1 = b[1] * xn - a[1] * yn + z2
        z2 = b[2] * xn - a[2] * yn
        y[n] = yn
    return y


def moving_average(x, w):
    if w < 1 or w > len(x):
        raise ValueError("window must be between 1 and the length of the signal")
    out = np.empty(len(x) - w + 1)
    total = x[:w].sum()
    out[0] = total / w
    for i in range(w, len(x)):
        total += x[i] - x[i - w]
        out[i - w + 1] = total / w
    return out


def run_lengths(x):
    """Values, starts and lengths of the runs."""
    if x.size == 0:
        return x, np.array([], dtype=int), np.array([], dtype=int)
    change = np.flatnonzero(x[1:] != x[:-1]) + 1
    starts = np.concatenate(([0], change))
    lengths = np.diff(np.append(starts, x.size))
    return x[starts], starts, lengths


def zero_crossings(x):
    signs = np.sign(x)
    for i in range(1, len(signs)):
        if signs[i] == 0:
            signs[i] = signs[i - 1]
    return np.where(np.diff(signs) != 0)[0]


def canny_gradient(image):
    """Sobel gradients and non-maximum suppression along the quantised direction."""
    gx = np.zeros_like(image)
    gy = np.zeros_like(image)
    gx[1:-1, 1:-1] = (
        image[:-2, 2:] + 2 * image[1:-1, 2:] + image[2:, 2:] - image[:-2, :-2] - 2 * image[1:-1, :-2] - image[2:, :-2]
    )
    gy[1:-1, 1:-1] = (
        image[2:, :-2] + 2 * image[2:, 1:-1] + image[2:, 2:] - image[:-2, :-2] - 2 * image[:-2, 1:-1] - image[:-2, 2:]
    )
    magnitude = np.hypot(gx, gy)
    angle = np.rad2deg(np.arctan2(gy, gx)) % 180
    out = np.zeros_like(image)
    for i in range(1, image.shape[0] - 1):
        for j in range(1, image.shape[1] - 1):
            a = angle[i, j]
            if a < 22.5 or a >= 157.5:
                p, q = magnitude[i, j - 1], magnitude[i, j + 1]
            elif a < 67.5:
                p, q = magnitude[i - 1, j - 1], magnitude[i + 1, j + 1]
            elif a < 112.5:
                p, q = magnitude[i - 1, j], magnitude[i + 1, j]
            else:
                p, q = magnitude[i - 1, j + 1], magnitude[i + 1, j - 1]
            if magnitude[i, j] >= p and magnitude[i, j] >= q:
                out[i, j] = magnitude[i, j]
    return out, angle


def hysteresis(strong, weak):
    """Weak pixels that touch strong ones, flooded with a stack."""
    out = strong.copy()
    rows, cols = out.shape
    stack = list(zip(*np.nonzero(strong)))
    while stack:
        i, j = stack.pop()
        for di in (-1, 0, 1):
            for dj in (-1, 0, 1):
                r, c = i + di, j + dj
                if 0 <= r < rows and 0 <= c < cols and weak[r, c] and not out[r, c]:
                    out[r, c] = True
                    stack.append((r, c))
    return out


def floyd_steinberg(image):
    """Error-diffusion dithering on a copy."""
    img = image.astype(float)
    h, w = img.shape
    for y in range(h):
        for x in range(w):
            old = img[y, x]
            new = 255.0 if old > 127 else 0.0
            img[y, x] = new
            err = old - new
            if x + 1 < w:
                img[y, x + 1] += err * 7 / 16
            if y + 1 < h:
                if x > 0:
                    img[y + 1, x - 1] += err * 3 / 16
                img[y + 1, x] += err * 5 / 16
                if x + 1 < w:
                    img[y + 1, x + 1] += err / 16
    return img.astype(np.uint8)


def bilinear_resize(image, height, width):
    out = np.empty((height, width), dtype=image.dtype)
    sy, sx = image.shape[0] / height, image.shape[1] / width
    for i in range(height):
        for j in range(width):
            y = min((i + 0.5) * sy - 0.5, image.shape[0] - 1)
            x = min((j + 0.5) * sx - 0.5, image.shape[1] - 1)
            y0, x0 = max(int(np.floor(y)), 0), max(int(np.floor(x)), 0)
            y1, x1 = min(y0 + 1, image.shape[0] - 1), min(x0 + 1, image.shape[1] - 1)
            dy, dx = y - y0, x - x0
            top = image[y0, x0] * (1 - dx) + image[y0, x1] * dx
            bottom = image[y1, x0] * (1 - dx) + image[y1, x1] * dx
            out[i, j] = top * (1 - dy) + bottom * dy
    return out


def find_peaks(x, height, distance):
    """Local maxima above a height; of those too close, the taller stays."""
    candidates = [i for i in range(1, len(x) - 1) if x[i - 1] < x[i] >= x[i + 1] and x[i] >= height]
    keep = np.ones(len(candidates), dtype=bool)
    for k in np.argsort(x[candidates])[::-1] if candidates else []:
        if keep[k]:
            for m in range(len(candidates)):
                if m != k and abs(candidates[m] - candidates[k]) < distance:
                    keep[m] = False
    return np.array(candidates, dtype=int)[keep]


def autocorrelation(x, lags):
    x = x - x.mean()
    c0 = np.dot(x, x)
    return np.array([1.0 if k == 0 else np.dot(x[:-k], x[k:]) / c0 for k in range(lags)])


CASES = {
    convolve_2d: lambda rng: [
        (rng.random((24, 30)), rng.random((3, 5))),
        (rng.random((5, 4)).astype(np.float32), np.ones((3, 3), np.float32)),
        (rng.integers(0, 9, (4, 4)), np.array([[1]])),
    ],
    median_filter: lambda rng: [
        (rng.random((16, 14)),),
        (rng.integers(0, 255, (6, 7)).astype(np.uint8), 5),
        (rng.random((2, 2)),),
    ],
    median_by_sorting: lambda rng: [(rng.random(120), 4), (rng.integers(0, 9, 10), 1), (np.zeros(0), 2)],
    equalise_histogram: lambda rng: [
        (rng.integers(20, 120, (40, 40)).astype(np.uint8),),
        (np.full((2, 3), 7, np.uint8),),
    ],
    integral_image: lambda rng: [(rng.integers(0, 255, (30, 40)),), (rng.integers(0, 9, (2, 1)),), (np.zeros((0, 3), int),)],
    box_blur: lambda rng: [(rng.random((60, 50)), 2), (rng.integers(0, 255, (7, 5)).astype(np.uint8), 1)],
    otsu: lambda rng: [
        (np.concatenate([rng.integers(10, 60, 500), rng.integers(150, 220, 400)]),),
        (np.zeros((3, 3), np.uint8),),
    ],
    fft_radix2: lambda rng: [(rng.random(128),), (np.array([3.0]),), (rng.random(6),)],
    fft_recursive: lambda rng: [(rng.random(64),), (rng.random(2).astype(np.float32),)],
    fir_filter: lambda rng: [
        (rng.random(150), rng.random(12)),
        (np.arange(3), np.array([1, 2, 3, 4])),
        (np.zeros(0), np.ones(2)),
    ],
    iir_biquad: lambda rng: [
        (rng.random(400), np.array([0.2, 0.4, 0.2]), np.array([1.0, -0.5, 0.3])),
        (rng.random(9).astype(np.float32), (0.2, 0.4, 0.2), (1.0, -0.5, 0.3)),
    ],
    moving_average: lambda rng: [(rng.random(300), 7), (rng.integers(0, 9, 5), 5), (rng.random(3), 4)],
    run_lengths: lambda rng: [(rng.integers(0, 3, 100),), (np.zeros(4),), (np.zeros(0),), (rng.random(20) > 0.5,)],
    zero_crossings: lambda rng: [(rng.standard_normal(200),), (np.array([1, 0, -1, 0, 2]),), (np.ones(3),)],
    canny_gradient: lambda rng: [(rng.random((24, 20)),), (rng.random((3, 4)).astype(np.float32),), (rng.random((2, 2)),)],
    hysteresis: lambda rng: [
        (rng.random((12, 12)) > 0.9, rng.random((12, 12)) > 0.4),
        (np.zeros((2, 2), bool), np.ones((2, 2), bool)),
    ],
    floyd_steinberg: lambda rng: [(rng.integers(0, 256, (20, 20)).astype(np.uint8),), (rng.random((1, 4)) * 255,)],
    bilinear_resize: lambda rng: [(rng.random((10, 12)), 17, 9), (rng.random((3, 3)).astype(np.float32), 2, 5)],
    find_peaks: lambda rng: [(rng.random(60), 0.5, 4), (np.zeros(5), 1.0, 2)],
    autocorrelation: lambda rng: [(rng.standard_normal(300), 12), (rng.random(4), 1)],
}
