"""Codes, schedules, triangles, pictures, strings of a guitar, tides and rays: tools from all sorts of drawers."""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass

import numpy as np


def lzw_roundtrip(data, max_bits=10):
    """Lempel–Ziv–Welch there and back: the codes, the ratio and whether the bytes survived."""
    data = bytes(data)
    table = {bytes([i]): i for i in range(256)}
    codes = []
    w = b""
    for value in data:
        c = bytes([value])
        if w + c in table:
            w = w + c
        else:
            codes.append(table[w])
            if len(table) < 1 << max_bits:
                table[w + c] = len(table)
            w = c
    if w:
        codes.append(table[w])
    back = {i: bytes([i]) for i in range(256)}
    out = bytearray()
    previous = b""
    for code in codes:
        entry = back[code] if code in back else previous + previous[:1]
        out += entry
        if previous and len(back) < 1 << max_bits:
            back[len(back)] = previous + entry[:1]
        previous = entry
    bits = sum(max(9, int(code).bit_length()) for code in codes)
    return codes, bits / max(8 * len(data), 1), bytes(out) == data


def arithmetic_coder(symbols, counts):
    """An adaptive arithmetic coder with 16-bit ranges, decoded again at once."""
    FULL, HALF, QUARTER = 1 << 16, 1 << 15, 1 << 14
    freq = list(counts)
    low, high, pending = 0, FULL - 1, 0
    bits = []

    def put(bit):
        nonlocal pending
        bits.append(bit)
        bits.extend([1 - bit] * pending)
        pending = 0

    for s in symbols:
        if freq[s] == 0:
            raise ValueError(f"symbol {s} cannot occur")
        total, start = sum(freq), sum(freq[:s])
        span = high - low + 1
        high = low + span * (start + freq[s]) // total - 1
        low = low + span * start // total
        while True:
            if high < HALF:
                put(0)
            elif low >= HALF:
                put(1)
                low -= HALF
                high -= HALF
            elif low >= QUARTER and high < 3 * QUARTER:
                pending += 1
                low -= QUARTER
                high -= QUARTER
            else:
                break
            low, high = 2 * low, 2 * high + 1
        freq[s] += 1
    pending += 1
    put(0 if low < QUARTER else 1)
    p = np.bincount(symbols, minlength=len(freq)) / max(len(symbols), 1)
    entropy = -sum(pi * math.log2(pi) for pi in p if pi > 0)
    return bits, len(bits) / max(len(symbols), 1), entropy


def hamming_secded(words, flips=()):
    """Hamming (8, 4) with overall parity: encode, flip some bits, decode; what was corrected and what was only noticed."""
    G = np.array([[1, 1, 0, 1], [1, 0, 1, 1], [1, 0, 0, 0], [0, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    H = np.array([[1, 0, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1]])
    words = np.atleast_2d(words)
    code = words @ G.T % 2
    code = np.concatenate([code, code.sum(axis=1, keepdims=True) % 2], axis=1)
    for row, bit in flips:
        code[row, bit] ^= 1
    corrected, detected = [], []
    out = np.empty_like(words)
    for i, received in enumerate(code):
        syndrome = H @ received[:7] % 2
        where = int(syndrome @ [1, 2, 4])
        parity = received.sum() % 2
        if where and parity:
            received[where - 1] ^= 1
            corrected.append((i, where - 1))
        elif where:
            detected.append(i)
        elif parity:
            received[7] ^= 1
            corrected.append((i, 7))
        out[i] = received[[2, 4, 5, 6]]
    return out, code, corrected, detected


def cheapest_script(a, b, costs=None):
    """The cheapest script that turns one string into another, as operations and as alignment."""
    costs = {"sub": 1, "ins": 1, "del": 1, **(costs or {})}
    m, n = len(a), len(b)
    D = np.zeros((m + 1, n + 1), dtype=int)
    D[:, 0] = np.arange(m + 1) * costs["del"]
    D[0] = np.arange(n + 1) * costs["ins"]
    for i in range(1, m + 1):
        for j in range(1, n + 1):
            same = a[i - 1] == b[j - 1]
            swap = D[i - 1, j - 1] + (0 if same else costs["sub"])
            D[i, j] = min(swap, D[i - 1, j] + costs["del"], D[i, j - 1] + costs["ins"])
    ops, top, bottom = [], "", ""
    i, j = m, n
    while i > 0 or j > 0:
        if i and j and D[i, j] == D[i - 1, j - 1] + (0 if a[i - 1] == b[j - 1] else costs["sub"]):
            ops.append("keep" if a[i - 1] == b[j - 1] else f"{a[i - 1]}->{b[j - 1]}")
            i, j = i - 1, j - 1
            top, bottom = a[i] + top, b[j] + bottom
        elif i and D[i, j] == D[i - 1, j] + costs["del"]:
            i -= 1
            ops.append("-" + a[i])
            top, bottom = a[i] + top, "-" + bottom
        else:
            j -= 1
            ops.append("+" + b[j])
            top, bottom = "-" + top, b[j] + bottom
    return int(D[m, n]), ops[::-1], top, bottom


def wrap_paragraph(words, width=20):
    """Line breaks that leave the least sum of cubed gaps."""
    n = len(words)
    lengths = [len(w) for w in words]
    if n and max(lengths) > width:
        raise ValueError(f"{max(words, key=len)!r} is wider than {width}")
    best = [0.0] + [math.inf] * n
    split = [0] * (n + 1)
    for end in range(1, n + 1):
        used = -1
        for start in range(end - 1, -1, -1):
            used += lengths[start] + 1
            if used > width:
                break
            gap = 0 if end == n else (width - used) ** 3
            if best[start] + gap < best[end]:
                best[end] = best[start] + gap
                split[end] = start
    lines = []
    end = n
    while end > 0:
        lines.insert(0, " ".join(words[split[end] : end]))
        end = split[end]
    return lines, best[n]


@dataclass
class Task:
    name: str
    duration: float
    after: tuple = ()
    early: float = 0.0
    late: float = 0.0

    @property
    def slack(self):
        return self.late - self.early


def critical_path(plan, resources=None):
    """Earliest and latest starts, the critical tasks, and how many run at once; with resources, a greedy schedule."""
    tasks = {name: Task(name, d, tuple(after)) for name, (d, *after) in plan.items()}
    order, seen = [], set()
    while len(order) < len(tasks):
        ready = [t for t in tasks.values() if t.name not in seen and all(a in seen for a in t.after)]
        if not ready:
            raise ValueError("the tasks wait for each other")
        for t in ready:
            t.early = max((tasks[a].early + tasks[a].duration for a in t.after), default=0.0)
            order.append(t)
            seen.add(t.name)
    end = max(t.early + t.duration for t in order)
    for t in reversed(order):
        followers = [f for f in order if t.name in f.after]
        t.late = min((f.late for f in followers), default=end) - t.duration
    critical = [t.name for t in order if abs(t.slack) < 1e-9]
    load = np.zeros(int(math.ceil(end)))
    for t in order:
        load[int(t.early) : int(math.ceil(t.early + t.duration))] += 1
    if resources is None:
        return end, critical, load
    running, clock, done, waiting = [], 0.0, {}, deque(order)
    while waiting or running:
        for t in list(waiting):
            if len(running) < resources and all(done.get(a, math.inf) <= clock for a in t.after):
                heapq.heappush(running, (clock + t.duration, t.name))
                waiting.remove(t)
        clock, name = heapq.heappop(running)
        done[name] = clock
    return end, critical, load, clock, done


def in_circumcircle(tri, p):
    (ax, ay), (bx, by), (cx, cy) = tri - p
    det = (
        (ax * ax + ay * ay) * (bx * cy - cx * by)
        - (bx * bx + by * by) * (ax * cy - cx * ay)
        + (cx * cx + cy * cy) * (ax * by - bx * ay)
    )
    return det > 0


def bowyer_watson(points, margin=20.0):
    """Delaunay triangles, inserted point by point; sorted index triples and the sum of their areas."""
    pts = np.asarray(points, dtype=float)
    n = len(pts)
    if n < 3:
        raise ValueError("three points at least")
    centre, size = pts.mean(axis=0), np.ptp(pts, axis=0).max() * margin
    corners = centre + size * np.array([[-1.0, -1.0], [1.0, -1.0], [0.0, 1.5]])
    xy = np.vstack([pts, corners])
    triangles = [(n, n + 1, n + 2)]
    for k in range(n):
        bad = [t for t in triangles if in_circumcircle(xy[list(t)], xy[k])]
        edges = {}
        for a, b, c in bad:
            for e in ((a, b), (b, c), (c, a)):
                key = (min(e), max(e))
                edges[key] = None if key in edges else e
        triangles = [t for t in triangles if t not in bad]
        triangles += [(a, b, k) for a, b in filter(None, edges.values())]
    final = sorted(tuple(sorted(t)) for t in triangles if max(t) < n)
    area = 0.0
    for a, b, c in final:
        u, v = xy[b] - xy[a], xy[c] - xy[a]
        area += abs(u[0] * v[1] - u[1] * v[0]) / 2
    return final, area


def contour_cells(z, level, x=None, y=None):
    """Segments of a contour line, ambiguous cells split by the mean; their number by case and their whole length."""
    ny, nx = z.shape
    x = np.arange(nx) if x is None else x
    y = np.arange(ny) if y is None else y

    def cut(p, q):
        (x0, y0, v0), (x1, y1, v1) = p, q
        t = (level - v0) / (v1 - v0)
        return x0 + t * (x1 - x0), y0 + t * (y1 - y0)

    table = {
        1: [(3, 0)],
        2: [(0, 1)],
        3: [(3, 1)],
        4: [(1, 2)],
        6: [(0, 2)],
        7: [(3, 2)],
        8: [(2, 3)],
        9: [(2, 0)],
        11: [(2, 1)],
        12: [(1, 3)],
        13: [(1, 0)],
        14: [(0, 3)],
    }
    segments = []
    tally = np.zeros(16, dtype=int)
    for i in range(ny - 1):
        for j in range(nx - 1):
            corners = [
                (x[j], y[i], z[i, j]),
                (x[j + 1], y[i], z[i, j + 1]),
                (x[j + 1], y[i + 1], z[i + 1, j + 1]),
                (x[j], y[i + 1], z[i + 1, j]),
            ]
            case = sum(1 << k for k, c in enumerate(corners) if c[2] > level)
            tally[case] += 1
            if case in (0, 15):
                continue
            if case in (5, 10):
                mean = sum(c[2] for c in corners) / 4
                pairs = [(3, 2), (1, 0)] if (mean > level) == (case == 5) else [(3, 0), (1, 2)]
            else:
                pairs = table[case]
            for a, b in pairs:
                p = cut(corners[a], corners[(a + 1) % 4])
                q = cut(corners[b], corners[(b + 1) % 4])
                segments.append((p, q))
    length = sum(math.hypot(q[0] - p[0], q[1] - p[1]) for p, q in segments)
    return len(segments), length, tally


def slic_superpixels(image, n_segments=6, compactness=0.1, iterations=3):
    """Superpixels of a grey image by k-means in windows; labels, centres and how many pixels each has."""
    h, w = image.shape
    S = max(int(np.sqrt(h * w / n_segments)), 1)
    centres = []
    for i in range(S // 2, h, S):
        for j in range(S // 2, w, S):
            centres.append([image[i, j], i, j])
    centres = np.array(centres, dtype=float)
    labels = -np.ones((h, w), dtype=int)
    for _ in range(iterations):
        dist = np.full((h, w), np.inf)
        for k, (value, ci, cj) in enumerate(centres):
            i0, i1 = max(int(ci) - S, 0), min(int(ci) + S + 1, h)
            j0, j1 = max(int(cj) - S, 0), min(int(cj) + S + 1, w)
            ii, jj = np.mgrid[i0:i1, j0:j1]
            d = (image[i0:i1, j0:j1] - value) ** 2 + compactness * ((ii - ci) ** 2 + (jj - cj) ** 2) / S**2
            window = dist[i0:i1, j0:j1]
            closer = d < window
            window[closer] = d[closer]
            labels[i0:i1, j0:j1][closer] = k
        for k in range(len(centres)):
            i, j = np.nonzero(labels == k)
            if len(i) == 0:
                continue
            centres[k] = image[i, j].mean(), i.mean(), j.mean()
    return labels, centres, np.bincount(labels.ravel(), minlength=len(centres))


class PluckedString:
    """Karplus–Strong: a ring of noise that is averaged as it goes round."""

    def __init__(self, frequency, rate, decay=0.996, rng=None):
        self.n = int(rate // frequency)
        if self.n < 2:
            raise ValueError(f"{frequency} Hz is too high")
        rng = rng or np.random.default_rng(0)
        self.ring = rng.uniform(-1, 1, self.n)
        self.decay = decay
        self.head = 0

    def tick(self):
        nxt = (self.head + 1) % self.n
        value = self.ring[self.head]
        self.ring[self.head] = self.decay * 0.5 * (value + self.ring[nxt])
        self.head = nxt
        return value


def guitar(notes, rate=2000, seconds=0.05, strum=0.005, reverb=None):
    """A chord, one string after the other, through an echo with feedback; normalised to 16 bits."""
    n = int(rate * seconds)
    rng = np.random.default_rng(42)
    strings = [PluckedString(f, rate, rng=rng) for f in notes]
    out = np.zeros(n)
    for k, s in enumerate(strings):
        start = int(k * strum * rate)
        for i in range(start, n):
            out[i] += s.tick()
    if reverb:
        delay, gain = reverb
        for i in range(delay, n):
            out[i] += gain * out[i - delay]
    peak = np.abs(out).max()
    pcm = np.int16(out / peak * 32767) if peak > 0 else np.zeros(n, dtype=np.int16)
    crossings = np.count_nonzero(np.diff(np.signbit(out)))
    return pcm, peak, int(crossings)


CONSTITUENTS = {"M2": 12.4206, "S2": 12.0, "K1": 23.9345, "O1": 25.8193}


def tide_fit(hours, level, names=("M2", "K1"), predict=None):
    """Amplitudes and phases of tides by least squares through gaps, and what they predict."""
    level = np.asarray(level, dtype=float)
    ok = ~np.isnan(level)
    unknown = [n for n in names if n not in CONSTITUENTS]
    if unknown:
        raise KeyError(", ".join(unknown))

    def design(t):
        cols = [np.ones_like(t)]
        for n in names:
            w = 2 * np.pi / CONSTITUENTS[n]
            cols += [np.cos(w * t), np.sin(w * t)]
        return np.column_stack(cols)

    t = np.asarray(hours, dtype=float)
    A = design(t[ok])
    coef = np.linalg.lstsq(A, level[ok], rcond=None)[0]
    report = {}
    for k, n in enumerate(names):
        c, s = coef[1 + 2 * k : 3 + 2 * k]
        report[n] = (float(np.hypot(c, s)), float(np.degrees(np.arctan2(s, c)) % 360))
    residual = level[ok] - A @ coef
    skill = 1 - residual.var() / level[ok].var()
    if predict is None:
        return coef[0], report, skill
    future = design(np.asarray(predict, dtype=float)) @ coef
    high = [i for i in range(1, len(future) - 1) if future[i - 1] < future[i] >= future[i + 1]]
    return coef[0], report, skill, future, high


def seismic_rays(velocities, thicknesses, angles, max_depth=None):
    """Rays through horizontal layers by Snell's law, down and back: offsets, times and the layer where each turns."""
    v = np.asarray(velocities, dtype=float)
    offsets, times, turned = np.zeros(len(angles)), np.zeros(len(angles)), []
    for r, angle in enumerate(angles):
        p = np.sin(np.radians(angle)) / v[0]
        depth, where = 0.0, -1
        for layer, h in enumerate(thicknesses):
            s = p * v[layer]
            if s >= 1:
                where = layer
                break
            c = np.sqrt(1 - s * s)
            offsets[r] += 2 * h * s / c
            times[r] += 2 * h / (v[layer] * c)
            depth += h
            if max_depth is not None and depth >= max_depth:
                where = layer
                break
        if where < 0:
            offsets[r] = times[r] = np.nan
        turned.append(where)
    if np.isnan(times).all():
        return None
    order = np.argsort(offsets)
    apparent = np.diff(offsets[order]) / np.diff(times[order])
    return offsets, times, turned, apparent


def _ridge(rng, n, m):
    i, j = np.mgrid[:n, :m]
    return np.sin(i / 2.0) + np.cos(j / 3.0) + 0.1 * rng.standard_normal((n, m))


WORDS = "the quick brown fox jumps over the lazy dog again".split()  # noqa: SIM905  # as anybody writes it
PLAN = {
    "dig": (3.0,),
    "order": (2,),
    "pour": (1.5, "dig", "order"),
    "cure": (4, "pour"),
    "frame": (2, "pour"),
    "roof": (1, "cure", "frame"),
}
CASES = {
    lzw_roundtrip: lambda rng: [
        (b"TOBEORNOTTOBEORTOBEORNOT",),
        (rng.integers(0, 3, 60).astype(np.uint8),),
        (b"",),
        (b"aaaaaaaaaaaaaaaa", 9),
    ],
    arithmetic_coder: lambda rng: [
        ([0, 1, 0, 2, 0, 0, 1], [1, 1, 1]),
        (rng.integers(0, 4, 40).tolist(), (5, 1, 1, 2)),
        ([0, 1], [1, 0]),
    ],
    hamming_secded: lambda rng: [
        (rng.integers(0, 2, (6, 4)), [(0, 3), (2, 7), (4, 1), (4, 5)]),
        ([1, 0, 1, 1],),
        (rng.integers(0, 2, (3, 4)).astype(np.uint8), ((1, 0),)),
    ],
    cheapest_script: lambda rng: [
        ("kitten", "sitting"),
        ("intention", "execution", {"sub": 2}),
        ("", "abc"),
        ("flaw", "lawn", {"ins": 3, "del": 2}),
    ],
    wrap_paragraph: lambda rng: [(WORDS, 12), (["a"] * 9, 3), ([],), (["incomprehensible"], 5)],
    critical_path: lambda rng: [
        (PLAN,),
        (PLAN, 1),
        ({"a": (1, "b"), "b": (2, "a")},),
        ({"x": (2.5,), "y": (1.0,), "z": (0.5, "x")}, 2),
    ],
    bowyer_watson: lambda rng: [
        (rng.random((9, 2)),),
        (rng.normal(0, 5, (6, 2)).astype(np.float32), 50.0),
        ([(0, 0), (4, 0), (1, 3)],),
        ([(0, 0)],),
    ],
    contour_cells: lambda rng: [
        (_ridge(rng, 6, 8), 0.5),
        (_ridge(rng, 5, 4).astype(np.float32), 0.0, np.linspace(0, 1, 4), np.linspace(0, 2, 5)),
        (np.eye(4), 0.5),
        (np.zeros((3, 3)), 1.0),
    ],
    slic_superpixels: lambda rng: [
        (rng.random((12, 14)),),
        (rng.random((6, 9)).astype(np.float32), 4, 0.5, 2),
        (np.arange(16.0).reshape(4, 4), 1),
    ],
    guitar: lambda rng: [([110.0, 138.6, 164.8],), ([220], 1000, 0.03, 0.0, (7, 0.4)), ((900.0, 3000.0),)],
    tide_fit: lambda rng: [
        (np.arange(48.0), 1.5 * np.cos(np.arange(48) / 2) + 0.1 * rng.standard_normal(48)),
        (
            np.arange(60),
            np.where(np.arange(60) % 7 == 0, np.nan, np.sin(np.arange(60) / 2.0)),
            ("M2", "S2", "O1"),
            np.arange(60, 84),
        ),
        ([0, 3, 6, 9, 12, 15], [1, 2, 1, 0, 1, 2], ["S2"], [18, 21, 24, 27]),
        ([0.0, 1.0], [1.0, 2.0], ("X9",)),
    ],
    seismic_rays: lambda rng: [
        ([1.5, 2.0, 3.5, 5.0], [0.5, 1.0, 2.0, 1.0], np.arange(5, 50, 5)),
        ((2, 3), (1, 1), [10, 20.0], 1.5),
        (np.array([3.0, 2.0], dtype=np.float32), np.array([1.0, 1.0]), (30, 60)),
    ],
}
