"""Tones, digits and bases: transforms of lists that call themselves, texts that grow, columns that are found."""

from __future__ import annotations

import cmath
import math

import numpy as np

DTMF_ROWS = (697, 770, 852, 941)
DTMF_COLS = (1209, 1336, 1477, 1633)
KEYPAD = ["123A", "456B", "789C", "*0#D"]


def fft_rosetta(x):
    N = len(x)
    if N <= 1:
        return x
    even = fft_rosetta(x[0::2])
    odd = fft_rosetta(x[1::2])
    T = [cmath.exp(-2j * cmath.pi * k / N) * odd[k] for k in range(N // 2)]
    return [even[k] + T[k] for k in range(N // 2)] + [even[k] - T[k] for k in range(N // 2)]


def dominant_tones(samples, fs, count=3):
    n = 1
    while n < len(samples):
        n *= 2
    padded = list(samples) + [0.0] * (n - len(samples))
    spec = fft_rosetta(padded)
    mags = [(abs(c), k) for k, c in enumerate(spec[: n // 2])]
    mags.sort(reverse=True)
    return [(k * fs / n, m) for m, k in mags[:count]]


def tone_power(block, freq, fs):
    k = int(0.5 + len(block) * freq / fs)
    w = 2 * math.pi * k / len(block)
    coeff = 2 * math.cos(w)
    s1 = s2 = 0.0
    for x in block:
        s0 = x + coeff * s1 - s2
        s2, s1 = s1, s0
    return s1 * s1 + s2 * s2 - coeff * s1 * s2


def dtmf_decode(signal, fs=8000, block=205, threshold=100.0):
    digits = ""
    last = None
    for start in range(0, len(signal) - block + 1, block):
        seg = signal[start : start + block]
        rows = [tone_power(seg, f, fs) for f in DTMF_ROWS]
        cols = [tone_power(seg, f, fs) for f in DTMF_COLS]
        r, c = rows.index(max(rows)), cols.index(max(cols))
        key = KEYPAD[r][c] if min(rows[r], cols[c]) > threshold else None
        if key is not None and key != last:
            digits += key
        last = key
    return digits


def mgs_rank(A, tol=1e-9):
    """Modified Gram-Schmidt; returns basis columns, kept indices and coefficients as a dict."""
    basis = []
    kept = []
    coef = {}
    for j in range(A.shape[1]):
        w = A[:, j].astype(float).copy()
        norm0 = np.sqrt(np.sum(w**2))
        for i, q in enumerate(basis):
            c = float(np.sum(q * w))
            coef[i, j] = c
            w -= c * q
        nrm = np.sqrt(np.sum(w**2))
        if nrm > tol * max(norm0, 1):
            basis.append(w / nrm)
            kept.append(j)
    if not basis:
        return np.empty((A.shape[0], 0)), kept, coef
    return np.column_stack(basis), kept, coef


def quadratic_factors(h):
    """Eigenvalues of a quasi-triangular matrix, block by block from the end: real parts and imaginary parts."""
    real, imag = [], []
    hi = len(h)
    while hi > 0:
        if hi == 1 or abs(h[hi - 1, hi - 2]) < 1e-12:
            real.append(h[hi - 1, hi - 1])
            imag.append(0.0)
            hi -= 1
            continue
        a, b, c, d = h[hi - 2 : hi, hi - 2 : hi].ravel()
        half, disc = (a + d) / 2, (a - d) ** 2 / 4 + b * c
        root = np.sqrt(abs(disc))
        real += [half + root, half - root] if disc >= 0 else [half, half]
        imag += [0.0, 0.0] if disc >= 0 else [root, -root]
        hi -= 2
    return np.array(real), np.array(imag)


def _quasi_triangular(rng, n, pairs):
    h = np.triu(rng.standard_normal((n, n)))
    for k in pairs:
        h[k + 1, k] = rng.standard_normal()
    return h


def _dtmf(keys, fs=8000, n=410):
    out = []
    t = np.arange(n) / fs
    for k in keys:
        r = next(i for i, row in enumerate(KEYPAD) if k in row)
        c = KEYPAD[r].index(k)
        out.append(np.sin(2 * np.pi * DTMF_ROWS[r] * t) + np.sin(2 * np.pi * DTMF_COLS[c] * t))
        out.append(np.zeros(n))
    return np.concatenate(out)


CASES = {
    dominant_tones: lambda rng: [
        (np.sin(np.arange(12) * 0.7), 100.0),
        ([1.0], 8.0, 1),
        (rng.standard_normal(300).tolist(), 8000, 5),
    ],
    dtmf_decode: lambda rng: [(_dtmf("1"),), (np.zeros(100),), (_dtmf("4092#A"),), (_dtmf("77").tolist(),)],
    mgs_rank: lambda rng: [
        (rng.standard_normal((6, 4)),),
        (np.array([[1, 2, 3], [2, 4, 6.5]]),),
        (rng.standard_normal((60, 5)) @ rng.standard_normal((5, 20)),),
    ],
    quadratic_factors: lambda rng: [
        (_quasi_triangular(rng, 7, (0, 3)),),
        (_quasi_triangular(rng, 2, ()),),
        (_quasi_triangular(rng, 40, range(1, 39, 3)),),
    ],
}
