"""Cells, planets, reactions, maps, polygons and small networks: helpers, dictionaries of parameters and classes."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import numpy as np


class Layer:
    def __init__(self, n_in, n_out, activation, rng):
        self.W = rng.standard_normal((n_in, n_out)) * np.sqrt(2.0 / n_in)
        self.b = np.zeros(n_out)
        self.activation = activation

    def __call__(self, x):
        z = x @ self.W + self.b
        if self.activation == "relu":
            return np.maximum(z, 0)
        if self.activation == "tanh":
            return np.tanh(z)
        if self.activation == "softmax":
            e = np.exp(z - z.max(axis=-1, keepdims=True))
            return e / e.sum(axis=-1, keepdims=True)
        return z


def residual_classifier(x, hidden=16, blocks=2, classes=4, names=None, seed=0):
    """A network of residual blocks with weights from a seed: class and confidence for each row."""
    rng = np.random.default_rng(seed)
    stem = Layer(x.shape[1], hidden, "relu", rng)
    body = [(Layer(hidden, hidden, "tanh", rng), Layer(hidden, hidden, None, rng)) for _ in range(blocks)]
    head = Layer(hidden, classes, "softmax", rng)
    h = stem(x)
    for first, second in body:
        h = h + second(first(h))
        h = (h - h.mean(axis=1, keepdims=True)) / (h.std(axis=1, keepdims=True) + 1e-5)
    p = head(h)
    k = p.argmax(axis=1)
    conf = p[np.arange(len(p)), k]
    if names is None:
        return k, conf
    return [names[i] for i in k], conf, f"{names[int(np.bincount(k, minlength=classes).argmax())]} leads"


def kv_cache_decoder(prompt, steps=5, vocab=11, dim=8, heads=2, seed=1):
    """Greedy decoding with cached keys and values, one token at a time."""
    rng = np.random.default_rng(seed)
    E = rng.standard_normal((vocab, dim)) / math.sqrt(dim)
    Wq, Wk, Wv, Wo = (rng.standard_normal((dim, dim)) / math.sqrt(dim) for _ in range(4))
    keys, values = [], []
    tokens = list(prompt)
    scores = []

    def step(token, pos):
        x = E[token] + np.sin(pos / 10000 ** (np.arange(dim) / dim))
        q = (x @ Wq).reshape(heads, -1)
        keys.append((x @ Wk).reshape(heads, -1))
        values.append((x @ Wv).reshape(heads, -1))
        K, V = np.stack(keys, axis=1), np.stack(values, axis=1)
        w = np.einsum("hd,htd->ht", q, K) / math.sqrt(dim // heads)
        w = np.exp(w - w.max(axis=1, keepdims=True))
        w /= w.sum(axis=1, keepdims=True)
        y = x + np.einsum("ht,htd->hd", w, V).reshape(-1) @ Wo
        return E @ y

    for pos, t in enumerate(tokens):
        logits = step(t, pos)
    for _ in range(steps):
        nxt = int(np.argmax(logits))
        scores.append(float(logits[nxt]))
        tokens.append(nxt)
        logits = step(nxt, len(tokens) - 1)
    return tokens, scores


CODONS = {a + b + c: "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"[16 * i + 4 * j + k]
          for i, a in enumerate("TCAG") for j, b in enumerate("TCAG") for k, c in enumerate("TCAG")}  # fmt: skip


def open_reading_frames(dna, min_length=2):
    """Proteins between a start and a stop codon in the three frames of both strands."""
    complement = {"A": "T", "T": "A", "G": "C", "C": "G"}
    reverse = "".join(complement[c] for c in reversed(dna))
    found = []
    for strand, seq in (("+", dna), ("-", reverse)):
        for frame in range(3):
            protein, start = "", -1
            for i in range(frame, len(seq) - 2, 3):
                aa = CODONS[seq[i : i + 3]]
                if start < 0:
                    if aa == "M":
                        start, protein = i, "M"
                elif aa == "*":
                    if len(protein) >= min_length:
                        found.append((strand, frame, start, protein))
                    start = -1
                else:
                    protein += aa
    return max(found, key=lambda f: len(f[3])) if found else None, len(found)


def position_weights(sites, background=0.25, pseudo=0.5):
    """A weight matrix of aligned sites, its information by column, and the consensus."""
    letters = "ACGT"
    arr = np.array([list(s) for s in sites])
    counts = np.array([(arr == c).sum(axis=0) for c in letters]) + pseudo
    freq = counts / counts.sum(axis=0)
    pwm = np.log2(freq / background)
    info = (freq * pwm).sum(axis=0)
    consensus = "".join(letters[i] for i in freq.argmax(axis=0))
    return pwm, info, consensus


def elements_from_state(r, v, mu=398600.4418):
    """Classical elements of an orbit and what kind it is."""
    h = np.cross(r, v)
    n = np.cross([0.0, 0.0, 1.0], h)
    rn, vn = np.linalg.norm(r), np.linalg.norm(v)
    e_vec = ((vn**2 - mu / rn) * r - np.dot(r, v) * v) / mu
    e = np.linalg.norm(e_vec)
    energy = vn**2 / 2 - mu / rn
    a = -mu / (2 * energy) if abs(energy) > 1e-9 else np.inf
    inc = np.degrees(np.arccos(h[2] / np.linalg.norm(h)))
    raan = np.degrees(np.arctan2(n[1], n[0])) % 360 if np.linalg.norm(n) > 0 else 0.0
    kind = "circular" if e < 1e-3 else "elliptic" if e < 1 else "hyperbolic"
    period = 2 * np.pi * np.sqrt(a**3 / mu) if e < 1 else None
    return {"a": a, "e": e, "i": inc, "raan": raan, "kind": kind, "period": period}


def ground_track(a, e, inc, days=0.05, step=120.0, station=(50.0, 10.0), mu=398600.4418):
    """Longitude and latitude below a satellite, and the passes over a station as (rise, set)."""
    n = math.sqrt(mu / a**3)
    t = np.arange(0, days * 86400, step)
    M = np.mod(n * t, 2 * np.pi)
    E = M.copy()
    for _ in range(50):
        dE = (E - e * np.sin(E) - M) / (1 - e * np.cos(E))
        E -= dE
        if np.max(np.abs(dE)) < 1e-12:
            break
    nu = 2 * np.arctan2(np.sqrt(1 + e) * np.sin(E / 2), np.sqrt(1 - e) * np.cos(E / 2))
    lat = np.degrees(np.arcsin(np.sin(np.radians(inc)) * np.sin(nu)))
    lon = np.degrees(np.arctan2(np.cos(np.radians(inc)) * np.sin(nu), np.cos(nu))) - 360 * t / 86164.1
    lon = (lon + 180) % 360 - 180
    near = np.hypot(lat - station[0], (lon - station[1] + 180) % 360 - 180) < 25
    passes, rise = [], None
    for ti, up in zip(t, near):
        if up and rise is None:
            rise = ti
        elif not up and rise is not None:
            passes.append((rise, ti))
            rise = None
    return np.column_stack([lon, lat]), passes


def reaction_network(species, reactions, t_end=1.0, dt=0.01):
    """Mass action: reactions are (reactants, products, rate); concentrations by name at the end and in time."""
    names = list(species)
    index = {s: k for k, s in enumerate(names)}
    c = np.array([species[s] for s in names], dtype=float)

    def rates(c):
        d = np.zeros_like(c)
        for reactants, products, k in reactions:
            rate = k
            for s in reactants:
                rate = rate * c[index[s]]
            for s in reactants:
                d[index[s]] -= rate
            for s in products:
                d[index[s]] += rate
        return d

    history = [c.copy()]
    for _ in range(int(round(t_end / dt))):
        k1 = rates(c)
        k2 = rates(c + 0.5 * dt * k1)
        c = c + dt * k2
        history.append(c.copy())
    return {s: c[index[s]] for s in names}, np.array(history)


def equilibrium_composition(K, feed, tol=1e-10):
    """Extents of A + B <-> C and C <-> D by Newton with a numerical Jacobian and damping."""
    x = np.array([0.1, 0.05])

    def residual(x):
        a, b = feed[0] - x[0], feed[1] - x[0]
        c, d = feed[2] + x[0] - x[1], feed[3] + x[1]
        return np.array([c - K[0] * a * b, d - K[1] * c])

    trail = []
    for it in range(50):
        f = residual(x)
        norm = np.abs(f).max()
        trail.append(norm)
        if norm < tol:
            break
        J = np.empty((2, 2))
        for j in range(2):
            step = np.zeros(2)
            step[j] = 1e-7
            J[:, j] = (residual(x + step) - f) / 1e-7
        dx = np.linalg.solve(J, -f)
        scale = 1.0
        while np.abs(residual(x + scale * dx)).max() > norm and scale > 1e-4:
            scale /= 2
        x = x + scale * dx
    else:
        raise RuntimeError("no convergence")
    return x.round(6), it, f"{it} iterations"


def variogram_bins(points, values, width=0.2, n_bins=5):
    """An empirical variogram by loops, and the exponential model that fits best on a grid."""
    sums = defaultdict(float)
    counts = defaultdict(int)
    for i, j in itertools.combinations(range(len(points)), 2):
        d = math.dist(points[i], points[j])
        b = int(d / width)
        if b < n_bins:
            sums[b] += 0.5 * (values[i] - values[j]) ** 2
            counts[b] += 1
    h = np.array([(b + 0.5) * width for b in sorted(counts)])
    gamma = np.array([sums[b] / counts[b] for b in sorted(counts)])
    best = None
    for sill in np.linspace(0.5, 1.5, 5) * gamma.max():
        for rng_ in (0.1, 0.3, 0.6, 1.0):
            err = np.sum((sill * (1 - np.exp(-h / rng_)) - gamma) ** 2)
            if best is None or err < best[0]:
                best = (err, sill, rng_)
    return h, gamma, {"error": best[0], "sill": best[1], "range": best[2]}


def watershed_labels(dem):
    """D8 descent of every cell to its pit; labels, and the area of each basin."""
    h, w = dem.shape
    nxt = {}
    for i in range(h):
        for j in range(w):
            low, to = dem[i, j], (i, j)
            for di in (-1, 0, 1):
                for dj in (-1, 0, 1):
                    a, b = i + di, j + dj
                    if 0 <= a < h and 0 <= b < w and dem[a, b] < low:
                        low, to = dem[a, b], (a, b)
            nxt[i, j] = to
    labels = np.zeros((h, w), dtype=int)
    pits = []
    for cell in nxt:
        at = cell
        while nxt[at] != at:
            at = nxt[at]
        if at not in pits:
            pits.append(at)
        labels[cell] = pits.index(at) + 1
    return labels, pits, np.bincount(labels.ravel())[1:]


def ear_clipping(polygon):
    """Triangles of a simple polygon, as triples of indices."""

    def cross(o, a, b):
        return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])

    def inside(p, a, b, c):
        return cross(a, b, p) >= 0 and cross(b, c, p) >= 0 and cross(c, a, p) >= 0

    n = len(polygon)
    area = 0.5 * sum(cross((0, 0), polygon[i], polygon[(i + 1) % n]) for i in range(n))
    idx = list(range(n)) if area > 0 else list(range(n - 1, -1, -1))
    triangles = []
    guard = 0
    while len(idx) > 3 and guard < 3 * n:
        guard += 1
        for k in range(len(idx)):
            i, j, l = idx[k - 1], idx[k], idx[(k + 1) % len(idx)]
            a, b, c = polygon[i], polygon[j], polygon[l]
            if cross(a, b, c) <= 0:
                continue
            if any(inside(polygon[m], a, b, c) for m in idx if m not in (i, j, l)):
                continue
            triangles.append((i, j, l))
            idx.pop(k)
            break
    triangles.append(tuple(idx))
    return triangles, abs(area)


def _sites(rng, n, width):
    return ["".join(rng.choice(list("ACGT"), width, p=[0.4, 0.2, 0.3, 0.1])) for _ in range(n)]


CASES = {
    residual_classifier: lambda rng: [
        (rng.standard_normal((12, 6)),),
        (rng.standard_normal((5, 3)).astype(np.float32), 8, 1, 3),
        (rng.standard_normal((9, 4)), 8, 3, 3, ["cat", "dog", "owl"], 2),
    ],
    kv_cache_decoder: lambda rng: [([1, 2, 3],), ((4,), 8, 7), ([0, 5, 9, 9], 3, 11, 12, 3, 4)],
    open_reading_frames: lambda rng: [
        ("ATGGCCTTTTAAATGCATGGGTAG",),
        ("".join(rng.choice(list("ACGT"), 120)), 3),
        ("AAAA",),
    ],
    position_weights: lambda rng: [(_sites(rng, 12, 8),), (_sites(rng, 5, 5), 0.25, 1.0), (["ACGT", "ACGA"],)],
    elements_from_state: lambda rng: [
        (np.array([7000.0, 0.0, 0.0]), np.array([0.0, 5.0, 5.5])),
        (np.array([7000.0, 1000.0, 300.0]), np.array([1.0, 11.0, 3.0])),
        (np.array([8000.0, 0.0, 0.0]), np.array([0.0, 0.0, 7.0586])),
    ],
    ground_track: lambda rng: [
        (7000.0, 0.001, 51.6),
        (26600.0, 0.7, 63.4, 0.5, 600.0),
        (7200.0, 0.0, 98.0, 0.1, 60.0, (0.0, 0.0)),
    ],
    reaction_network: lambda rng: [
        ({"A": 1.0, "B": 0.5, "C": 0.0}, [(["A", "B"], ["C"], 2.0), (["C"], ["A", "B"], 0.5)]),
        ({"x": 1.0, "y": 0.0}, [(["x"], ["y"], 1.5)], 0.5, 0.02),
        ({"E": 0.1, "S": 1, "ES": 0, "P": 0}, [(["E", "S"], ["ES"], 10), (["ES"], ["E", "S"], 1), (["ES"], ["E", "P"], 2)]),
    ],
    equilibrium_composition: lambda rng: [
        ((2.0, 0.5), (1.0, 1.0, 0.0, 0.0)),
        (np.array([10.0, 3.0]), np.array([1.0, 2.0, 0.1, 0.0])),
        ((0.1, 0.1), [1.0, 0.5, 0.0, 0.2]),
    ],
    variogram_bins: lambda rng: [
        (rng.random((15, 2)), rng.random(15)),
        (rng.random((25, 2)), rng.standard_normal(25), 0.1, 8),
        (rng.random((6, 3)).tolist(), [1.0, 2.0, 0.5, 3.0, 1.0, 2.0]),
    ],
    watershed_labels: lambda rng: [
        (rng.random((8, 9)),),
        (rng.integers(0, 5, (6, 6)),),
        (np.add.outer(np.arange(5.0), np.arange(4.0)),),
    ],
    ear_clipping: lambda rng: [
        (np.array([[0, 0], [4, 0], [4, 3], [2, 1], [0, 3.0]]),),
        ([(0, 0), (0, 2), (2, 2), (2, 0)],),
        ([(0.0, 0.0), (3.0, 0.0), (3.0, 2.0), (2.0, 2.0), (2.0, 1.0), (1.0, 1.0), (1.0, 2.0), (0.0, 2.0)],),
    ],
}
