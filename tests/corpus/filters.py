"""Signals: filters, transforms by hand, wavelets, resampling."""

import math
from collections import deque, namedtuple

import numpy as np

Spectrum = namedtuple("Spectrum", ["freqs", "power"])


def bit_reverse(n):
    bits = n.bit_length() - 1
    order = np.zeros(n, dtype=int)
    for i in range(n):
        r = 0
        for b in range(bits):
            if i & (1 << b):
                r |= 1 << (bits - 1 - b)
        order[i] = r
    return order


def fft_iterative(x):
    """Bit reversal, then butterflies in place."""
    n = len(x)
    if n == 0 or n & (n - 1):
        raise ValueError("the length must be a power of two")
    y = np.asarray(x, dtype=complex)[bit_reverse(n)]
    m = 2
    while m <= n:
        w_m = np.exp(-2j * np.pi / m)
        for k in range(0, n, m):
            w = 1.0
            for j in range(m // 2):
                t = w * y[k + j + m // 2]
                u = y[k + j]
                y[k + j] = u + t
                y[k + j + m // 2] = u - t
                w *= w_m
        m *= 2
    return y


def dft_real_loops(x):
    """Real and imaginary parts by sums of cosines and sines."""
    n = len(x)
    re, im = np.zeros(n), np.zeros(n)
    for k in range(n):
        for t in range(n):
            angle = 2 * math.pi * k * t / n
            re[k] += x[t] * math.cos(angle)
            im[k] -= x[t] * math.sin(angle)
    return re, im


def goertzel(samples, rate, target):
    n = len(samples)
    k = int(0.5 + n * target / rate)
    w = 2 * math.pi * k / n
    coeff = 2 * math.cos(w)
    s_prev = s_prev2 = 0.0
    for s in samples:
        s_prev, s_prev2 = s + coeff * s_prev - s_prev2, s_prev
    return s_prev2**2 + s_prev**2 - coeff * s_prev * s_prev2


def haar(x, levels=None):
    """The fast wavelet transform, the coarsest first."""
    x = np.array(x, dtype=float)
    n = len(x)
    if levels is None:
        levels = int(np.log2(n)) if n else 0
    length = n
    for _ in range(levels):
        if length % 2:
            raise ValueError(f"cannot halve {length}")
        half = length // 2
        even, odd = x[:length:2].copy(), x[1:length:2].copy()
        x[:half] = (even + odd) / np.sqrt(2)
        x[half:length] = (even - odd) / np.sqrt(2)
        length = half
    return x


def haar_2d(img):
    out = img.astype(float)
    h, w = out.shape
    tmp = np.empty_like(out)
    for i in range(h):
        for j in range(w // 2):
            tmp[i, j] = (out[i, 2 * j] + out[i, 2 * j + 1]) / 2
            tmp[i, w // 2 + j] = (out[i, 2 * j] - out[i, 2 * j + 1]) / 2
    for j in range(w):
        for i in range(h // 2):
            out[i, j] = (tmp[2 * i, j] + tmp[2 * i + 1, j]) / 2
            out[h // 2 + i, j] = (tmp[2 * i, j] - tmp[2 * i + 1, j]) / 2
    return out


def daubechies_step(signal):
    s3 = np.sqrt(3.0)
    h = np.array([1 + s3, 3 + s3, 3 - s3, 1 - s3]) / (4 * np.sqrt(2))
    g = h[::-1] * np.array([1, -1, 1, -1])
    n = signal.size
    half = n // 2
    approx, detail = np.zeros(half), np.zeros(half)
    for i in range(half):
        for k in range(4):
            approx[i] += h[k] * signal[(2 * i + k) % n]
            detail[i] += g[k] * signal[(2 * i + k) % n]
    return approx, detail


def denoise_wavelet(x, threshold=0.5, mode="soft"):
    details = []
    a = x
    while len(a) % 2 == 0 and len(a) > 2:
        even, odd = a[0::2], a[1::2]
        details.append((even - odd) / np.sqrt(2))
        a = (even + odd) / np.sqrt(2)
    for d in reversed(details):
        if mode == "soft":
            d = np.sign(d) * np.maximum(np.abs(d) - threshold, 0)
        elif mode == "hard":
            d = np.where(np.abs(d) > threshold, d, 0)
        else:
            raise ValueError(f"unknown mode {mode!r}")
        up = np.empty(2 * len(a))
        up[0::2] = (a + d) / np.sqrt(2)
        up[1::2] = (a - d) / np.sqrt(2)
        a = up
    return a


class OnePole:
    """A low pass whose state goes on from call to call."""

    def __init__(self, alpha, state=0.0):
        self.alpha = alpha
        self.state = state

    def __call__(self, x):
        self.state += self.alpha * (x - self.state)
        return self.state


def smooth_by_object(x, alpha):
    f = OnePole(alpha, x[0])
    return np.array([f(v) for v in x])


class Biquad:
    def __init__(self, b, a):
        self.b = [c / a[0] for c in b]
        self.a = [c / a[0] for c in a]
        self.z1 = 0.0
        self.z2 = 0.0

    def step(self, x):
        y = self.b[0] * x + self.z1
        self.z1 = self.b[1] * x - self.a[1] * y + self.z2
        self.z2 = self.b[2] * x - self.a[2] * y
        return y

    def process(self, xs):
        out = np.empty(len(xs))
        for i, x in enumerate(xs):
            out[i] = self.step(x)
        return out


def equaliser(x, rate=8000.0, cutoffs=(500.0, 1500.0), q=0.707):
    """A cascade of two low-pass sections from their cutoffs."""
    for f in cutoffs:
        w0 = 2 * np.pi * f / rate
        alpha = np.sin(w0) / (2 * q)
        c = np.cos(w0)
        section = Biquad([(1 - c) / 2, 1 - c, (1 - c) / 2], [1 + alpha, -2 * c, 1 - alpha])
        x = section.process(x)
    return x


def lfilter(b, a, x, zi=None):
    """Direct form II transposed."""
    b, a = np.atleast_1d(b).astype(float), np.atleast_1d(a).astype(float)
    if a[0] == 0:
        raise ValueError("a[0] must not be zero")
    n = max(len(a), len(b))
    b = np.concatenate([b, np.zeros(n - len(b))]) / a[0]
    a = np.concatenate([a, np.zeros(n - len(a))]) / a[0]
    z = np.zeros(n - 1) if zi is None else zi.copy()
    y = np.zeros(len(x))
    for i in range(len(x)):
        y[i] = b[0] * x[i] + (z[0] if n > 1 else 0)
        for j in range(n - 2):
            z[j] = b[j + 1] * x[i] + z[j + 1] - a[j + 1] * y[i]
        if n > 1:
            z[-1] = b[-1] * x[i] - a[-1] * y[i]
    return y, z


def windowed_sinc(cutoff, taps=31, window="hamming"):
    if taps % 2 == 0:
        taps += 1
    m = np.arange(taps) - taps // 2
    h = np.sinc(2 * cutoff * m)
    windows = {"hamming": np.hamming, "hann": np.hanning, "blackman": np.blackman}
    h *= windows[window](taps)
    return h / np.sum(h)


def resample_linear(x, old_rate, new_rate):
    n_new = int(len(x) * new_rate / old_rate)
    out = np.zeros(n_new, dtype=x.dtype)
    for i in range(n_new):
        pos = i * old_rate / new_rate
        left = int(pos)
        frac = pos - left
        if left + 1 < len(x):
            out[i] = x[left] * (1 - frac) + x[left + 1] * frac
        else:
            out[i] = x[-1]
    return out


def upsample_polyphase(x, up, down, h):
    """Zeros between samples, a filter, then every `down`-th."""
    stuffed = np.zeros(len(x) * up)
    stuffed[::up] = x
    filtered = np.convolve(stuffed, h, mode="same") * up
    return filtered[::down]


def catmull_rom(points, per_segment=5):
    path = []
    for i in range(1, len(points) - 2):
        p0, p1, p2, p3 = points[i - 1], points[i], points[i + 1], points[i + 2]
        for t in np.linspace(0, 1, per_segment, endpoint=False):
            path.append(
                0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3)
            )
    return np.array(path)


def welch(x, rate=1.0, segment=32, overlap=16):
    step = segment - overlap
    window = np.hanning(segment)
    scale = rate * (window**2).sum()
    total = np.zeros(segment // 2 + 1)
    count = 0
    for start in range(0, len(x) - segment + 1, step):
        piece = x[start : start + segment]
        piece = (piece - piece.mean()) * window
        total += np.abs(np.fft.rfft(piece)) ** 2 / scale
        count += 1
    if count == 0:
        return None
    total[1:-1] *= 2
    return Spectrum(np.fft.rfftfreq(segment, 1 / rate), total / count)


def spectrogram(x, size=16, hop=8):
    frames = 1 + (len(x) - size) // hop
    out = np.empty((size // 2 + 1, frames))
    for f in range(frames):
        out[:, f] = np.abs(np.fft.rfft(x[f * hop : f * hop + size] * np.hanning(size)))
    return 20 * np.log10(np.maximum(out, 1e-10))


def lms(x, d, taps=4, mu=0.05):
    """An adaptive filter: its weights, output and error."""
    w = np.zeros(taps)
    y = np.zeros(len(x))
    e = np.zeros(len(x))
    for n in range(taps - 1, len(x)):
        u = x[n - taps + 1 : n + 1][::-1]
        y[n] = w @ u
        e[n] = d[n] - y[n]
        w += mu * e[n] * u
    return w, y, e


def levinson_durbin(r, order):
    a = np.zeros(order + 1)
    a[0] = 1.0
    error = r[0]
    k = np.zeros(order)
    for i in range(1, order + 1):
        acc = r[i]
        for j in range(1, i):
            acc += a[j] * r[i - j]
        if error == 0:
            raise ZeroDivisionError("the signal has no energy")
        k[i - 1] = -acc / error
        new = a.copy()
        for j in range(1, i):
            new[j] = a[j] + k[i - 1] * a[i - j]
        new[i] = k[i - 1]
        a = new
        error *= 1 - k[i - 1] ** 2
    return a, error, k


def savitzky_golay(y, window=5, order=2):
    half = window // 2
    powers = np.arange(order + 1)
    A = np.arange(-half, half + 1)[:, None] ** powers
    coefficients = np.linalg.pinv(A)[0]
    first = y[0] - np.abs(y[1 : half + 1][::-1] - y[0])
    last = y[-1] + np.abs(y[-half - 1 : -1][::-1] - y[-1])
    extended = np.concatenate((first, y, last))
    return np.convolve(coefficients[::-1], extended, mode="valid")


def running_median(x, k=3):
    """A window kept as a deque."""
    window = deque(maxlen=k)
    out = []
    for v in x:
        window.append(v)
        out.append(sorted(window)[len(window) // 2])
    return np.array(out)


def schmitt_trigger(x, low, high):
    state = False
    out = np.zeros(len(x), dtype=bool)
    edges = []
    for i, v in enumerate(x):
        if not state and v > high:
            state = True
            edges.append(i)
        elif state and v < low:
            state = False
        out[i] = state
    return out, edges


def mu_law(x, mu=255, bits=8):
    compressed = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
    codes = np.clip(((compressed + 1) / 2 * (2**bits - 1)).round(), 0, 2**bits - 1).astype(np.uint8)
    back = codes / (2**bits - 1) * 2 - 1
    return codes, np.sign(back) * ((1 + mu) ** np.abs(back) - 1) / mu


def adpcm_encode(samples, step=16):
    """Four bits a sample, the step adapted."""
    predicted = 0
    codes = np.zeros(len(samples), dtype=np.uint8)
    for i in range(len(samples)):
        diff = int(samples[i]) - predicted
        sign = 0
        if diff < 0:
            sign, diff = 8, -diff
        level = min(7, diff // step)
        codes[i] = sign | level
        delta = level * step + step // 2
        predicted += -delta if sign else delta
        predicted = max(-32768, min(32767, predicted))
        step = step * 2 if level >= 6 else max(4, step - step // 8)
    return codes, predicted, step


def dtmf(signal, rate=8000):
    """The key of a tone, by the power at eight frequencies."""
    rows, cols = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    keys = ["123A", "456B", "789C", "*0#D"]
    if np.abs(signal).max() < 1e-3:
        return None
    row = max(range(4), key=lambda i: goertzel(signal, rate, rows[i]))
    col = max(range(4), key=lambda i: goertzel(signal, rate, cols[i]))
    return keys[row][col]


def overlap_add(x, h, block=16):
    n = 1
    while n < block + len(h) - 1:
        n *= 2
    H = np.fft.rfft(h, n)
    y = np.zeros(len(x) + len(h) - 1)
    for start in range(0, len(x), block):
        piece = x[start : start + block]
        part = np.fft.irfft(np.fft.rfft(piece, n) * H, n)
        end = min(start + n, len(y))
        y[start:end] += part[: end - start]
    return y


def pitch_yin(x, rate, low=50.0, high=500.0, threshold=0.15):
    tau_min, tau_max = int(rate / high), int(rate / low)
    w = len(x) - tau_max
    if w <= 0:
        return 0.0
    d = np.zeros(tau_max)
    for tau in range(1, tau_max):
        d[tau] = ((x[:w] - x[tau : tau + w]) ** 2).sum()
    cumulative = np.ones(tau_max)
    running = 0.0
    for tau in range(1, tau_max):
        running += d[tau]
        cumulative[tau] = d[tau] * tau / running if running > 0 else 1.0
    tau = tau_min
    while tau < tau_max:
        if cumulative[tau] < threshold:
            while tau + 1 < tau_max and cumulative[tau + 1] < cumulative[tau]:
                tau += 1
            return rate / tau
        tau += 1
    return 0.0


def _tone(n, rate, *frequencies):
    t = np.arange(n) / rate
    return sum(np.sin(2 * np.pi * f * t) for f in frequencies)


CASES = {
    bit_reverse: lambda rng: [(64,), (1,), (8,)],
    fft_iterative: lambda rng: [(rng.random(64),), ([1, 2, 3, 4],), (np.array([2.5]),), (rng.random(6),)],
    dft_real_loops: lambda rng: [
        (rng.random(40),),
        (rng.integers(0, 9, 5),),
        (np.zeros(0),),
        (rng.random(3).astype(np.float32),),
    ],
    goertzel: lambda rng: [
        (rng.random(200), 8000, 770),
        ([1.0, -1.0, 1.0, -1.0], 4, 2),
        (rng.random(9).astype(np.float32), 9.0, 1.0),
        ([], 1, 1),
    ],
    haar: lambda rng: [(rng.random(64),), ([4, 6, 10, 12], 1), (np.array([3]),), (rng.random(6),)],
    haar_2d: lambda rng: [(rng.random((16, 32)),), (rng.integers(0, 255, (4, 2)).astype(np.uint8),), (np.zeros((0, 2)),)],
    daubechies_step: lambda rng: [(rng.random(64),), (np.arange(4),), (rng.random(8).astype(np.float32),)],
    denoise_wavelet: lambda rng: [
        (rng.standard_normal(64),),
        (rng.standard_normal(12), 0.3, "hard"),
        (np.arange(5),),
        (rng.random(8), 0.1, "none"),
    ],
    smooth_by_object: lambda rng: [
        (rng.random(100), 0.1),
        (np.arange(4), 0.5),
        (rng.random(5).astype(np.float32), 0.25),
        (np.zeros(0), 0.5),
    ],
    equaliser: lambda rng: [(rng.random(100),), (rng.integers(0, 9, 5), 4000, (300,)), (np.zeros(0),)],
    lfilter: lambda rng: [
        (np.array([0.2, 0.3]), np.array([1.0, -0.4, 0.1]), rng.random(80)),
        ([1, 2, 1], 2, np.arange(6)),
        (0.5, 1.0, rng.random(5).astype(np.float32)),
        ([1.0, 0.5], [1.0, 0.2], rng.random(5), np.array([0.7])),
        ([1.0], [0.0, 1.0], np.ones(3)),
    ],
    windowed_sinc: lambda rng: [(0.2,), (0.1, 10, "hann"), (0.25, 1, "blackman"), (0.25, 5, "kaiser")],
    resample_linear: lambda rng: [
        (rng.random(60), 44100, 48000),
        (rng.random(7).astype(np.float32), 3, 1),
        (np.arange(5), 2, 5),
    ],
    upsample_polyphase: lambda rng: [(rng.random(50), 3, 2, np.ones(5) / 5), (np.arange(4), 2, 1, np.array([0.5, 1, 0.5]))],
    catmull_rom: lambda rng: [(rng.random((8, 2)),), (np.arange(8).reshape(4, 2), 2), (rng.random((3, 2)),)],
    welch: lambda rng: [(rng.standard_normal(200), 100.0), (rng.random(64).astype(np.float32), 1.0, 16, 8), (rng.random(10),)],
    spectrogram: lambda rng: [(rng.standard_normal(200),), (np.zeros(16),), (rng.random(40), 8, 4)],
    lms: lambda rng: [
        (rng.standard_normal(120), rng.standard_normal(120)),
        (np.arange(6.0), np.ones(6), 2, 0.01),
        (np.ones(2), np.ones(2)),
    ],
    levinson_durbin: lambda rng: [(np.exp(-0.3 * np.arange(10)), 8), (np.array([4, 2, 1]), 1), (np.zeros(4), 2)],
    savitzky_golay: lambda rng: [(rng.random(60),), (np.arange(9), 7, 3), (rng.random(20).astype(np.float32), 3, 1)],
    running_median: lambda rng: [(rng.random(60), 5), (np.array([3, 1, 2, 9, 5]),), (np.zeros(0), 3)],
    schmitt_trigger: lambda rng: [
        (rng.standard_normal(150), -0.5, 0.5),
        (np.array([0, 3, 2, 0, 3]), 1, 2),
        (np.zeros(0), 0.0, 1.0),
    ],
    mu_law: lambda rng: [(rng.uniform(-1, 1, 200),), (rng.uniform(-1, 1, 5).astype(np.float32), 100, 4), (0.3,)],
    adpcm_encode: lambda rng: [(rng.integers(-3000, 3000, 200).astype(np.int16),), ([0, 100, -100, 5], 4), (np.zeros(0),)],
    dtmf: lambda rng: [(_tone(205, 8000, 770, 1336),), (_tone(205, 8000, 941, 1209).astype(np.float32),), (np.zeros(10),)],
    overlap_add: lambda rng: [
        (rng.random(100), rng.random(9)),
        (np.arange(5), np.array([1, 2]), 4),
        (rng.random(16), np.ones(1)),
    ],
    pitch_yin: lambda rng: [
        (_tone(500, 2000, 110.0), 2000),
        (np.zeros(200), 1000, 20.0, 100.0),
        (np.ones(5), 8000),
        (rng.random(300), 2000),
    ],
}
