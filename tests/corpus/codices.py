"""Finite elements and volumes from triplets, spectral methods, codecs, and what crystals diffract."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass

import numpy as np


# elements and volumes ---------------------------------------------------------------------------------------------------
def triangles_stiffness(nodes, triangles, kappa=1.0):
    """P1 stiffness in triplets, Dirichlet on the x=0 edge, dense solve."""
    rows, cols, vals = [], [], []
    load = np.zeros(len(nodes))
    for e, tri in enumerate(triangles):
        p = nodes[tri]
        b = np.array([p[1, 1] - p[2, 1], p[2, 1] - p[0, 1], p[0, 1] - p[1, 1]])
        c = np.array([p[2, 0] - p[1, 0], p[0, 0] - p[2, 0], p[1, 0] - p[0, 0]])
        area = 0.5 * abs(b[0] * c[1] - b[1] * c[0])
        if area < 1e-14:
            raise ValueError(f"triangle {e} is degenerate")
        ke = kappa * (np.outer(b, b) + np.outer(c, c)) / (4 * area)
        for i in range(3):
            load[tri[i]] += area / 3
            for j in range(3):
                rows.append(tri[i])
                cols.append(tri[j])
                vals.append(ke[i, j])
    k = np.zeros((len(nodes), len(nodes)))
    np.add.at(k, (rows, cols), vals)
    fixed = np.flatnonzero(nodes[:, 0] == 0.0)
    free = np.setdiff1d(np.arange(len(nodes)), fixed)
    u = np.zeros(len(nodes))
    u[free] = np.linalg.solve(k[np.ix_(free, free)], load[free])
    return u, len(vals), float(u @ k @ u)


def _mesh(n):
    g = np.linspace(0, 1, n + 1)
    nodes = np.array([(x, y) for y in g for x in g])
    tri = []
    for j in range(n):
        for i in range(n):
            a = j * (n + 1) + i
            tri.append((a, a + 1, a + n + 2))
            tri.append((a, a + n + 2, a + n + 1))
    return nodes, np.array(tri)


def triangles_stiffness_cases(rng):
    bad_nodes, bad_tri = _mesh(2)
    bad_nodes = bad_nodes.copy()
    bad_nodes[1] = bad_nodes[0]
    return [_mesh(5), (*_mesh(1), 2.5), (bad_nodes, bad_tri)]


class CSR:
    def __init__(self, n):
        self.n = n
        self.entries = {}

    def add(self, i, j, v):
        self.entries[i, j] = self.entries.get((i, j), 0.0) + v

    def freeze(self):
        self.indptr = np.zeros(self.n + 1, dtype=np.int64)
        self.indices, self.data = [], []
        for i, j in sorted(self.entries):
            self.indptr[i + 1] += 1
            self.indices.append(j)
            self.data.append(self.entries[i, j])
        self.indptr = np.cumsum(self.indptr)
        self.indices = np.array(self.indices, dtype=np.int64)
        self.data = np.array(self.data, dtype=float)
        return self

    def dot(self, x):
        y = np.zeros(self.n)
        for i in range(self.n):
            for k in range(self.indptr[i], self.indptr[i + 1]):
                y[i] += self.data[k] * x[self.indices[k]]
        return y


def volumes_on_graph(permeability, sources, tol=1e-9):
    """Two-point flux between cells of a grid, harmonic means, conjugate gradients with Jacobi."""
    ny, nx = permeability.shape
    m = CSR(ny * nx)
    for j in range(ny):
        for i in range(nx):
            a = j * nx + i
            m.add(a, a, 1e-2)
            for dj, di in ((0, 1), (1, 0)):
                jj, ii = j + dj, i + di
                if jj < ny and ii < nx:
                    b = jj * nx + ii
                    k1, k2 = permeability[j, i], permeability[jj, ii]
                    t = 2 * k1 * k2 / (k1 + k2)
                    m.add(a, a, t)
                    m.add(b, b, t)
                    m.add(a, b, -t)
                    m.add(b, a, -t)
    m.freeze()
    diag = np.array([m.entries[i, i] for i in range(m.n)])
    rhs = np.zeros(m.n)
    for (j, i), q in sources.items():
        rhs[j * nx + i] += q
    x = np.zeros(m.n)
    r = rhs - m.dot(x)
    z = r / diag
    p = z.copy()
    residuals = [float(np.sqrt(r @ r))]
    while residuals[-1] > tol and len(residuals) < 500:
        ap = m.dot(p)
        rz = r @ z
        alpha = rz / (p @ ap)
        x += alpha * p
        r -= alpha * ap
        z = r / diag
        p = z + (r @ z) / rz * p
        residuals.append(float(np.sqrt(r @ r)))
    return x.reshape(ny, nx), len(residuals), len(m.data)


def volumes_on_graph_cases(rng):
    return [
        (rng.uniform(0.5, 2, (5, 6)), {(0, 0): 1.0, (4, 5): -1.0}),
        (np.ones((1, 4)), {(0, 1): 2.0}),
        (np.ones((2, 2)), {}),
    ]


def beam_cubic_elements(n, length, ei, loads, supports=("clamped", "free")):
    h = length / n
    ke = (
        ei
        / h**3
        * np.array(
            [
                [12, 6 * h, -12, 6 * h],
                [6 * h, 4 * h * h, -6 * h, 2 * h * h],
                [-12, -6 * h, 12, -6 * h],
                [6 * h, 2 * h * h, -6 * h, 4 * h * h],
            ]
        )
    )
    k = np.zeros((2 * n + 2, 2 * n + 2))
    for e in range(n):
        k[2 * e : 2 * e + 4, 2 * e : 2 * e + 4] += ke
    f = np.zeros(2 * n + 2)
    for position, force in loads:
        e = min(int(position // h), n - 1)
        s = position / h - e
        f[2 * e : 2 * e + 4] += force * np.array(
            [1 - 3 * s**2 + 2 * s**3, h * (s - 2 * s**2 + s**3), 3 * s**2 - 2 * s**3, h * (s**3 - s**2)]
        )
    fixed = []
    for end, kind in zip((0, n), supports):
        if kind == "clamped":
            fixed += [2 * end, 2 * end + 1]
        elif kind == "pinned":
            fixed.append(2 * end)
        elif kind != "free":
            raise KeyError(kind)
    free = [i for i in range(2 * n + 2) if i not in fixed]
    u = np.zeros(2 * n + 2)
    u[free] = np.linalg.solve(k[np.ix_(free, free)], f[free])
    reactions = {i: float(k[i] @ u - f[i]) for i in fixed}
    return u[::2], u[1::2], reactions


def beam_cubic_elements_cases(rng):
    return [
        (8, 2.0, 3.0, [(2.0, -1.0)]),
        (5, 1.0, 1.0, [(0.3, 1.0), (0.77, -2.0)], ("pinned", "pinned")),
        (4, 1.0, 1.0, [], ("clamped", "clamped")),
        (2, 1.0, 1.0, [(0.5, 1.0)], ("glued", "free")),
    ]


def muscl_euler(rho, u, p, dx, t_end, gamma=1.4, cfl=0.4):
    """Conserved variables in a (3, n) array, minmod slopes, Rusanov fluxes."""
    w = np.stack([rho, rho * u, p / (gamma - 1) + 0.5 * rho * u * u])

    def primitive(w):
        r = w[0]
        v = w[1] / r
        return r, v, (gamma - 1) * (w[2] - 0.5 * r * v * v)

    def flux(w):
        r, v, q = primitive(w)
        return np.array([r * v, r * v * v + q, (w[2] + q) * v])

    t, steps = 0.0, 0
    while t < t_end:
        r, v, q = primitive(w)
        if np.any(q <= 0) or np.any(r <= 0):
            raise RuntimeError(f"negative pressure at t={t:.3f}")
        speed = np.max(np.abs(v) + np.sqrt(gamma * q / r))
        dt = min(cfl * dx / speed, t_end - t)
        g = np.pad(w, ((0, 0), (2, 2)), mode="edge")
        left, right = g[:, 1:-1] - g[:, :-2], g[:, 2:] - g[:, 1:-1]
        slope = np.where(left * right > 0, np.sign(left) * np.minimum(abs(left), abs(right)), 0.0)
        wl = (g[:, 1:-1] + 0.5 * slope)[:, :-1]
        wr = (g[:, 1:-1] - 0.5 * slope)[:, 1:]
        f = 0.5 * (flux(wl) + flux(wr)) - 0.5 * speed * (wr - wl)
        w = w - dt / dx * (f[:, 1:] - f[:, :-1])
        t += dt
        steps += 1
    return primitive(w), steps


def muscl_euler_cases(rng):
    x = np.linspace(0, 1, 60)
    left = x < 0.5
    return [
        (np.where(left, 1.0, 0.125), np.zeros(60), np.where(left, 1.0, 0.1), 1 / 60, 0.1),
        (np.ones(12), rng.normal(0, 0.1, 12), np.ones(12), 0.1, 0.2, 5 / 3),
        (np.ones(6), np.array([-9.0, -9, -9, 9, 9, 9]), 0.01 * np.ones(6), 0.1, 1.0),
    ]


# spectra ----------------------------------------------------------------------------------------------------------------
def ks_contour_etdrk4(u0, length, dt, steps, every=10):
    """ETDRK4 with contour integrals."""
    n = u0.size
    v = np.fft.fft(u0)
    k = 2 * np.pi * np.fft.fftfreq(n, length / n)
    lin = k**2 - k**4
    e, e2 = np.exp(dt * lin), np.exp(dt * lin / 2)
    m = 16
    r = np.exp(1j * np.pi * (np.arange(1, m + 1) - 0.5) / m)
    lr = dt * lin[:, None] + r[None, :]
    q = dt * np.real(np.mean((np.exp(lr / 2) - 1) / lr, axis=1))
    f1 = dt * np.real(np.mean((-4 - lr + np.exp(lr) * (4 - 3 * lr + lr**2)) / lr**3, axis=1))
    f2 = dt * np.real(np.mean((2 + lr + np.exp(lr) * (-2 + lr)) / lr**3, axis=1))
    f3 = dt * np.real(np.mean((-4 - 3 * lr - lr**2 + np.exp(lr) * (4 - lr)) / lr**3, axis=1))
    g = -0.5j * k

    def nonlinear(v):
        return g * np.fft.fft(np.real(np.fft.ifft(v)) ** 2)

    saved = [u0]
    for s in range(1, steps + 1):
        nv = nonlinear(v)
        a = e2 * v + q * nv
        na = nonlinear(a)
        b = e2 * v + q * na
        nb = nonlinear(b)
        c = e2 * a + q * (2 * nb - nv)
        nc = nonlinear(c)
        v = e * v + nv * f1 + 2 * (na + nb) * f2 + nc * f3
        if s % every == 0:
            saved.append(np.real(np.fft.ifft(v)))
    return np.vstack(saved)


def ks_contour_etdrk4_cases(rng):
    x = 32 * np.pi * np.arange(64) / 64
    return [(np.cos(x / 16) * (1 + np.sin(x / 16)), 32 * np.pi, 0.25, 20), (rng.normal(size=16), 10.0, 0.05, 3, 2)]


def chebyshev_collocation(n, f, a=-1.0, b=1.0, left=0.0, right=0.0):
    """u'' + u' = f(x) with Dirichlet ends, by the differentiation matrix."""
    if n == 0:
        return np.array([a]), np.array([left])
    x = np.cos(np.pi * np.arange(n + 1) / n)
    c = np.hstack([2, np.ones(n - 1), 2]) * (-1) ** np.arange(n + 1)
    big = np.tile(x, (n + 1, 1)).T
    d = np.outer(c, 1 / c) / (big - big.T + np.eye(n + 1))
    d -= np.diag(d.sum(axis=1))
    d *= 2 / (b - a)
    xs = a + (b - a) * (x + 1) / 2
    op = d @ d + d
    rhs = f(xs)
    op[0, :] = 0
    op[0, 0] = 1
    op[-1, :] = 0
    op[-1, -1] = 1
    rhs[0], rhs[-1] = right, left
    return xs, np.linalg.solve(op, rhs)


def chebyshev_collocation_cases(rng):
    return [(12, np.exp), (8, np.sin, 0.0, 2.0, 1.0, -1.0), (0, np.exp), (1, np.cos)]


def lomb_scargle_clean(t, y, freqs, n_clean=3, gain=0.8):
    """Subtract the strongest sinusoid again and again."""
    resid = y - np.mean(y)
    components = []
    power = np.zeros_like(freqs)
    for _ in range(n_clean):
        for i, f in enumerate(freqs):
            w = 2 * np.pi * f
            tau = np.arctan2(np.sum(np.sin(2 * w * t)), np.sum(np.cos(2 * w * t))) / (2 * w)
            c, s = np.cos(w * (t - tau)), np.sin(w * (t - tau))
            power[i] = 0.5 * (np.dot(resid, c) ** 2 / np.dot(c, c) + np.dot(resid, s) ** 2 / np.dot(s, s))
        best = int(np.argmax(power))
        f = freqs[best]
        basis = np.column_stack((np.cos(2 * np.pi * f * t), np.sin(2 * np.pi * f * t)))
        coef, *_ = np.linalg.lstsq(basis, resid, rcond=None)
        resid = resid - gain * basis @ coef
        components.append({"freq": f, "amp": np.hypot(*coef), "phase": np.arctan2(coef[1], coef[0])})
        if components[-1]["amp"] < 1e-3:
            break
    return components, resid.std(), power


def lomb_scargle_clean_cases(rng):
    t = np.sort(rng.uniform(0, 20, 50))
    y = 2 * np.sin(2 * np.pi * 0.31 * t) + np.cos(2 * np.pi * 0.72 * t) + 0.1 * rng.normal(size=50)
    return [(t, y, np.linspace(0.05, 1, 40)), (t[:6], y[:6], np.linspace(0.1, 0.5, 5), 1)]


# codecs -----------------------------------------------------------------------------------------------------------------
class HuffNode:
    def __init__(self, weight, symbol=None, left=None, right=None):
        self.weight, self.symbol, self.left, self.right = weight, symbol, left, right

    def __lt__(self, other):
        return self.weight < other.weight


def huffman_roundtrip(data):
    counts = Counter(data.tolist())
    heap = [HuffNode(w, s) for s, w in sorted(counts.items())]
    heapq.heapify(heap)
    while len(heap) > 1:
        a, b = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, HuffNode(a.weight + b.weight, None, a, b))
    codes = {}

    def walk(node, prefix):
        if node.symbol is not None:
            codes[node.symbol] = prefix or "0"
            return
        walk(node.left, prefix + "0")
        walk(node.right, prefix + "1")

    if heap:
        walk(heap[0], "")
    bits = "".join(codes[v] for v in data.tolist())
    inverse = {v: k for k, v in codes.items()}
    out, word = [], ""
    for bit in bits:
        word += bit
        if word in inverse:
            out.append(inverse[word])
            word = ""
    assert out == data.tolist()
    return codes, len(bits), len(bits) / max(1, len(data))


def huffman_roundtrip_cases(rng):
    return [(rng.geometric(0.4, 80),), (np.array([5, 5, 5]),), (np.array([], dtype=int),)]


def lz77_tokens(data, window=32, lookahead=8):
    tokens, i, n = [], 0, len(data)
    while i < n:
        best_len, best_off = 0, 0
        for j in range(max(0, i - window), i):
            k = 0
            while k < lookahead and i + k < n - 1 and data[j + k] == data[i + k]:
                k += 1
            if k > best_len:
                best_len, best_off = k, i - j
        tokens.append((best_off, best_len, int(data[i + best_len])))
        i += best_len + 1
    out = []
    for off, length, nxt in tokens:
        for _ in range(length):
            out.append(out[-off])
        out.append(nxt)
    return tokens, np.array(out, dtype=data.dtype), 3 * len(tokens) / max(n, 1)


def lz77_tokens_cases(rng):
    return [(rng.integers(0, 3, 70).astype(np.uint8),), (np.zeros(9, np.int32), 4, 3), (np.zeros(0, np.uint8),)]


def delta_rice(samples, k=2):
    """Zigzagged differences, Rice-coded to bits and back."""
    bits = []
    prev = 0
    for s in samples:
        d = int(s) - prev
        prev = int(s)
        z = 2 * d if d >= 0 else -2 * d - 1
        q, r = z >> k, z & ((1 << k) - 1)
        bits.extend([1] * q)
        bits.append(0)
        for b in reversed(range(k)):
            bits.append((r >> b) & 1)
    packed = np.packbits(np.array(bits, dtype=np.uint8))
    stream = iter(np.unpackbits(packed)[: len(bits)].tolist())
    decoded, value = [], 0
    while len(decoded) < len(samples):
        q = 0
        while next(stream):
            q += 1
        r = 0
        for _ in range(k):
            r = (r << 1) | next(stream)
        z = (q << k) | r
        value += z // 2 if z % 2 == 0 else -(z + 1) // 2
        decoded.append(value)
    return packed, decoded, len(bits)


def delta_rice_cases(rng):
    return [(np.cumsum(rng.integers(-6, 7, 50)),), (rng.integers(0, 30, 10).astype(np.int16), 3), (np.array([], int), 1)]


@dataclass
class Frame:
    kind: int
    seq: int
    payload: bytes

    def crc(self, table):
        c = 0xFFFF
        for b in bytes([self.kind, self.seq & 0xFF]) + self.payload:
            c = ((c << 8) & 0xFFFF) ^ table[(c >> 8) ^ b]
        return c


def frame_stream_crc(messages, poly=0x1021, corrupt=()):
    table = []
    for i in range(256):
        c = i << 8
        for _ in range(8):
            c = ((c << 1) ^ poly) & 0xFFFF if c & 0x8000 else (c << 1) & 0xFFFF
        table.append(c)
    stream = bytearray()
    for s, m in enumerate(messages):
        frame = Frame(1 if len(m) < 6 else 2, s, m)
        stream += bytes([0x7E, frame.kind, s & 0xFF, len(m)]) + m + frame.crc(table).to_bytes(2, "big")
    for at in corrupt:
        stream[at] ^= 0x10
    good, errors, i = [], 0, 0
    while i < len(stream):
        if stream[i] != 0x7E or i + 4 > len(stream):
            i += 1
            continue
        kind, seq, n = stream[i + 1 : i + 4]
        payload = bytes(stream[i + 4 : i + 4 + n])
        given = int.from_bytes(stream[i + 4 + n : i + 6 + n], "big")
        if Frame(kind, seq, payload).crc(table) == given:
            good.append((kind, seq, payload))
            i += 6 + n
        else:
            errors += 1
            i += 1
    return good, errors, len(stream)


def frame_stream_crc_cases(rng):
    return [([b"hello", b"spectrum", b"", b"xyz"],), ([b"hello", b"again"], 0x8005, (5,)), ([],)]


# crystals ---------------------------------------------------------------------------------------------------------------
FORM = {"Na": (4.76, 3.28), "Cl": (11.46, 7.13)}


def structure_factors(cell, atoms, hkl_max=2, b_iso=1.0):
    a, b, c, al, be, ga = cell
    al, be, ga = np.deg2rad([al, be, ga])
    v = a * b * c * np.sqrt(1 - np.cos(al) ** 2 - np.cos(be) ** 2 - np.cos(ga) ** 2 + 2 * np.cos(al) * np.cos(be) * np.cos(ga))
    g = np.array(
        [
            [a * a, a * b * np.cos(ga), a * c * np.cos(be)],
            [a * b * np.cos(ga), b * b, b * c * np.cos(al)],
            [a * c * np.cos(be), b * c * np.cos(al), c * c],
        ]
    )
    gstar = np.linalg.inv(g)
    table = {}
    for h in range(-hkl_max, hkl_max + 1):
        for k in range(-hkl_max, hkl_max + 1):
            for l in range(hkl_max + 1):
                if h == k == l == 0:
                    continue
                hkl = np.array([h, k, l])
                d = 1.0 / np.sqrt(hkl @ gstar @ hkl)
                s2 = 1 / (4 * d * d)
                total = 0j
                for name, xyz in atoms:
                    amp, wid = FORM[name]
                    total += amp * np.exp(-wid * s2) * np.exp(-b_iso * s2) * np.exp(2j * np.pi * np.dot(hkl, xyz))
                if abs(total) > 1e-6:
                    table[h, k, l] = (d, abs(total) ** 2)
    strongest = sorted(table, key=lambda t: -table[t][1])[:5]
    rings = {}
    for hkl, (d, inten) in table.items():
        key = round(d, 4)
        rings[key] = rings.get(key, 0.0) + inten
    return float(v), len(table), [table[s] for s in strongest], rings


def structure_factors_cases(rng):
    fcc = [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    salt = [("Na", np.array(p)) for p in fcc] + [("Cl", (np.array(p) + [0.5, 0, 0]) % 1) for p in fcc]
    return [
        ((5.64, 5.64, 5.64, 90, 90, 90), salt),
        ((4.0, 5.0, 6.0, 80.0, 95.0, 110.0), [("Na", np.zeros(3)), ("Cl", np.array([0.3, 0.2, 0.7]))], 2, 0.5),
        ((4.0, 5.0, 6.0, 90, 90, 90), [("Xe", np.zeros(3))], 1),
    ]


CASES = {
    triangles_stiffness: triangles_stiffness_cases,
    volumes_on_graph: volumes_on_graph_cases,
    beam_cubic_elements: beam_cubic_elements_cases,
    muscl_euler: muscl_euler_cases,
    ks_contour_etdrk4: ks_contour_etdrk4_cases,
    chebyshev_collocation: chebyshev_collocation_cases,
    lomb_scargle_clean: lomb_scargle_clean_cases,
    huffman_roundtrip: huffman_roundtrip_cases,
    lz77_tokens: lz77_tokens_cases,
    delta_rice: delta_rice_cases,
    frame_stream_crc: frame_stream_crc_cases,
    structure_factors: structure_factors_cases,
}
