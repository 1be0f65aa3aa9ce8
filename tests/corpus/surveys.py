"""Polygons, pictures made by hand, epidemics and queues, as surveyors of all kinds keep them in one file."""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque, namedtuple
from dataclasses import dataclass, field

import numpy as np


# geometry ---------------------------------------------------------------------------------------------------------------
class Polygon:
    """A polygon without holes."""

    def __init__(self, vertices):
        vertices = np.asarray(vertices, dtype=float)
        if vertices.ndim != 2 or vertices.shape[1] != 2:
            raise ValueError(f"expected an (n, 2) array, got {vertices.shape}")
        if len(vertices) < 3:
            raise ValueError("a polygon needs three vertices")
        self.v = vertices

    @property
    def area(self):
        x, y = self.v.T
        return 0.5 * (np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))

    def centroid(self):
        x, y = self.v[:, 0], self.v[:, 1]
        cross = x * np.roll(y, -1) - np.roll(x, -1) * y
        return np.array([((x + np.roll(x, -1)) * cross).sum(), ((y + np.roll(y, -1)) * cross).sum()]) / (6 * self.area)

    def perimeter(self):
        total = 0.0
        for a, b in zip(self.v, np.roll(self.v, -1, axis=0)):
            total += math.hypot(b[0] - a[0], b[1] - a[1])
        return total

    def is_convex(self):
        sign = 0
        n = len(self.v)
        for i in range(n):
            (x0, y0), (x1, y1), (x2, y2) = self.v[i], self.v[(i + 1) % n], self.v[(i + 2) % n]
            z = (x1 - x0) * (y2 - y1) - (y1 - y0) * (x2 - x1)
            if z == 0:
                continue
            if sign == 0:
                sign = 1 if z > 0 else -1
            elif (z > 0) != (sign > 0):
                return False
        return True


def polygon_report(vertices):
    p = Polygon(vertices)
    if p.area < 0:
        p = Polygon(p.v[::-1])
    return {
        "area": p.area,
        "centroid": p.centroid(),
        "perimeter": p.perimeter(),
        "convex": p.is_convex(),
        "compactness": 4 * np.pi * p.area / p.perimeter() ** 2,
    }


def line_sweep_crossings(segments):
    """Pairs of segments (x0, y0, x1, y1) that cross, by a sweep with a set of those that are active."""
    events = []
    for k, (x0, _, x1, _) in enumerate(segments):
        events.append((min(x0, x1), 0, k))
        events.append((max(x0, x1), 1, k))
    events.sort()

    def side(p, q, r):
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    active, found = [], []
    for _, kind, k in events:
        if kind == 1:
            active.remove(k)
            continue
        a, b = segments[k, :2], segments[k, 2:]
        for j in active:
            c, d = segments[j, :2], segments[j, 2:]
            if side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0:
                found.append((min(j, k), max(j, k)))
        active.append(k)
    return sorted(found)


def smallest_disc(points, tol=1e-9):
    """The smallest circle around points, by Welzl's incremental loops."""

    def around(a, b):
        c = (a + b) / 2
        return c, np.linalg.norm(a - c)

    def through(a, b, c):
        d = 2 * (a[0] * (b[1] - c[1]) + b[0] * (c[1] - a[1]) + c[0] * (a[1] - b[1]))
        if abs(d) < 1e-14:
            return max((around(a, b), around(a, c), around(b, c)), key=lambda disc: disc[1])
        a2, b2, c2 = a @ a, b @ b, c @ c
        x = (a2 * (b[1] - c[1]) + b2 * (c[1] - a[1]) + c2 * (a[1] - b[1])) / d
        y = (a2 * (c[0] - b[0]) + b2 * (a[0] - c[0]) + c2 * (b[0] - a[0])) / d
        centre = np.array([x, y])
        return centre, np.linalg.norm(a - centre)

    if len(points) == 0:
        return None
    centre, radius = points[0], 0.0
    for i in range(1, len(points)):
        if np.linalg.norm(points[i] - centre) <= radius + tol:
            continue
        centre, radius = points[i], 0.0
        for j in range(i):
            if np.linalg.norm(points[j] - centre) <= radius + tol:
                continue
            centre, radius = around(points[i], points[j])
            for k in range(j):
                if np.linalg.norm(points[k] - centre) > radius + tol:
                    centre, radius = through(points[i], points[j], points[k])
    return centre, radius


def ramer_douglas_peucker(track, eps=0.1):
    """A track with fewer points, by a stack of index ranges."""
    keep = np.zeros(len(track), dtype=bool)
    if len(track) == 0:
        return track[keep]
    keep[0] = keep[-1] = True
    stack = [(0, len(track) - 1)]
    while stack:
        lo, hi = stack.pop()
        if hi - lo < 2:
            continue
        d = track[hi] - track[lo]
        length = np.hypot(*d)
        rel = track[lo + 1 : hi] - track[lo]
        dist = np.abs(d[0] * rel[:, 1] - d[1] * rel[:, 0]) / length if length > 0 else np.hypot(rel[:, 0], rel[:, 1])
        worst = int(np.argmax(dist))
        if dist[worst] > eps:
            keep[lo + 1 + worst] = True
            stack += [(lo, lo + 1 + worst), (lo + 1 + worst, hi)]
    return track[keep]


class Quad:
    """A quadtree of points; four children after `cap` points."""

    def __init__(self, x, y, half, cap=4):
        self.x, self.y, self.half, self.cap = x, y, half, cap
        self.points = []
        self.children = None

    def insert(self, p):
        if abs(p[0] - self.x) > self.half or abs(p[1] - self.y) > self.half:
            return False
        if self.children is None:
            if len(self.points) < self.cap or self.half < 1e-6:
                self.points.append(p)
                return True
            h = self.half / 2
            self.children = [Quad(self.x + sx * h, self.y + sy * h, h, self.cap) for sx in (-1, 1) for sy in (-1, 1)]
            for q in self.points:
                any(c.insert(q) for c in self.children)
            self.points = []
        return any(c.insert(p) for c in self.children)

    def count(self, x, y, r):
        if abs(x - self.x) > self.half + r or abs(y - self.y) > self.half + r:
            return 0
        n = sum((px - x) ** 2 + (py - y) ** 2 <= r * r for px, py in self.points)
        if self.children is not None:
            n += sum(c.count(x, y, r) for c in self.children)
        return n


def quadtree_counts(points, queries, r):
    tree = Quad(0.0, 0.0, 1.0)
    inserted = 0
    for x, y in points.tolist():
        inserted += tree.insert((x, y))
    return inserted, [tree.count(x, y, r) for x, y in queries]


Triangle = namedtuple("Triangle", "a b c")


def ear_cutting(poly):
    """Triangles of a simple polygon, ears cut one after the other."""
    idx = list(range(len(poly)))
    area = sum(poly[i - 1][0] * poly[i][1] - poly[i][0] * poly[i - 1][1] for i in idx)
    if area < 0:
        idx.reverse()
    out = []

    def cross(o, a, b):
        return (poly[a][0] - poly[o][0]) * (poly[b][1] - poly[o][1]) - (poly[a][1] - poly[o][1]) * (poly[b][0] - poly[o][0])

    while len(idx) > 3:
        for k in range(len(idx)):
            i, j, m = idx[k - 1], idx[k], idx[(k + 1) % len(idx)]
            if cross(i, j, m) <= 0:
                continue
            if any(cross(i, j, p) >= 0 and cross(j, m, p) >= 0 and cross(m, i, p) >= 0 for p in idx if p not in (i, j, m)):
                continue
            out.append(Triangle(i, j, m))
            del idx[k]
            break
        else:
            raise ArithmeticError(f"no ear among {len(idx)} vertices")
    out.append(Triangle(*idx))
    return out


# pictures ---------------------------------------------------------------------------------------------------------------
def unsharp(image, radius=1, amount=0.5, threshold=0):
    """A box-blurred copy subtracted; uint8 in, uint8 out."""
    if image.dtype != np.uint8:
        raise TypeError(f"expected uint8, got {image.dtype}")
    h, w = image.shape
    padded = np.pad(image.astype(np.float32), radius, mode="edge")
    blur = np.zeros((h, w), np.float32)
    for dy in range(2 * radius + 1):
        for dx in range(2 * radius + 1):
            blur += padded[dy : dy + h, dx : dx + w]
    blur /= (2 * radius + 1) ** 2
    detail = image - blur
    detail[np.abs(detail) < threshold] = 0
    return np.clip(np.rint(image + amount * detail), 0, 255).astype(np.uint8)


def floodfill_regions(mask):
    """Labels of 4-connected regions with a deque, their sizes and bounding boxes."""
    labels = np.zeros(mask.shape, dtype=int)
    boxes = {}
    sizes = []
    rows, cols = mask.shape
    for r in range(rows):
        for c in range(cols):
            if not mask[r, c] or labels[r, c]:
                continue
            n = len(sizes) + 1
            queue = deque([(r, c)])
            labels[r, c] = n
            size, box = 0, [r, c, r, c]
            while queue:
                y, x = queue.popleft()
                size += 1
                box = [min(box[0], y), min(box[1], x), max(box[2], y), max(box[3], x)]
                for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                    yy, xx = y + dy, x + dx
                    if 0 <= yy < rows and 0 <= xx < cols and mask[yy, xx] and labels[yy, xx] == 0:
                        labels[yy, xx] = n
                        queue.append((yy, xx))
            sizes.append(size)
            boxes[n] = tuple(box)
    return labels, sizes, boxes


def colour_quantise(pixels, k=4):
    """Median cut: the box with the widest range is split at its median."""
    boxes = [pixels]
    while len(boxes) < k:
        widths = [np.ptp(b, axis=0).max() if len(b) > 1 else -1 for b in boxes]
        w = int(np.argmax(widths))
        if widths[w] <= 0:
            break
        b = boxes.pop(w)
        axis = np.ptp(b, axis=0).argmax()
        b = b[b[:, axis].argsort(kind="stable")]
        boxes.extend([b[: len(b) // 2], b[len(b) // 2 :]])
    return np.array([b.mean(axis=0) for b in boxes if len(b)])


def equalise_tiles(image, tile=8, clip=0.05):
    """Histogram equalisation tile by tile, in place; bins above the clip limit are spread."""
    h, w = image.shape
    for r in range(0, h, tile):
        for c in range(0, w, tile):
            block = image[r : r + tile, c : c + tile]
            hist = np.bincount(block.ravel(), minlength=256).astype(float)
            limit = max(1.0, clip * block.size)
            excess = np.maximum(hist - limit, 0).sum()
            hist = np.minimum(hist, limit) + excess / 256
            cdf = hist.cumsum()
            block[...] = (255 * cdf[block] / cdf[-1]).astype(image.dtype)


def rle_mask(mask):
    """COCO's run lengths of a mask in column order, its area and the mask again."""
    flat = mask.T.reshape(-1)
    counts, last, run = [], 0, 0
    for v in flat:
        if v != last:
            counts.append(run)
            run, last = 0, v
        run += 1
    counts.append(run)
    back = np.zeros(flat.size, dtype=mask.dtype)
    pos = 0
    for k, n in enumerate(counts):
        if k % 2:
            back[pos : pos + n] = 1
        pos += n
    return counts, sum(counts[1::2]), back.reshape(mask.shape[::-1]).T


# epidemics and queues ---------------------------------------------------------------------------------------------------
@dataclass
class Compartments:
    s: float
    e: float
    i: float
    r: float
    log: list = field(default_factory=list)

    def step(self, beta, sigma, gamma, dt):
        n = self.s + self.e + self.i + self.r
        new_e = beta * self.s * self.i / n * dt
        new_i = sigma * self.e * dt
        new_r = gamma * self.i * dt
        self.s -= new_e
        self.e += new_e - new_i
        self.i += new_i - new_r
        self.r += new_r
        self.log.append((self.s, self.e, self.i, self.r))


def seir_interventions(population, seeds, schedule, days, dt=0.25, verbose=False):
    """SEIR with rates that change on given days {day: beta}; the peak and when it is."""
    c = Compartments(population - seeds, 0.0, seeds, 0.0)
    beta = 0.3
    for day in range(days):
        beta = schedule.get(day, beta)
        for _ in range(int(1 / dt)):
            c.step(beta, 1 / 5.2, 1 / 7, dt)
        if verbose and day % 20 == 0:
            print(f"day {day:3d}: {c.i:8.1f} infectious")
        if c.i < 0.5:
            print("extinct on day", day)
            break
    infectious = [row[2] for row in c.log]
    if not infectious:
        return None
    peak = max(infectious)
    return peak, infectious.index(peak) * dt, np.array(c.log)[:: int(1 / dt)]


def contact_tracing(contacts, start, p, rng):
    """An outbreak over a contact dict by generations; who infected whom."""
    infected_by = {start: None}
    generation = [start]
    sizes = [1]
    while generation:
        nxt = []
        for person in generation:
            for other in contacts.get(person, []):
                if other not in infected_by and rng.random() < p:
                    infected_by[other] = person
                    nxt.append(other)
        generation = nxt
        if nxt:
            sizes.append(len(nxt))
    secondary = Counter(v for v in infected_by.values() if v is not None)
    return sizes, dict(secondary), len(infected_by)


def clinic(arrivals, services, urgent, nurses=2):
    """Patients by priority at a few nurses, an event loop with two heaps."""
    events = [(t, 0, k) for k, t in enumerate(arrivals.tolist())]
    heapq.heapify(events)
    waiting = []
    idle = nurses
    waits = np.zeros(len(arrivals))
    longest = 0
    now = 0.0
    while events:
        now, kind, k = heapq.heappop(events)
        if kind == 0:
            heapq.heappush(waiting, (0 if urgent[k] else 1, now, k))
            longest = max(longest, len(waiting))
        else:
            idle += 1
        while idle and waiting:
            _, came, who = heapq.heappop(waiting)
            waits[who] = now - came
            idle -= 1
            heapq.heappush(events, (now + float(services[who]), 1, who))
    stats = {"mean": waits.mean() if len(waits) else 0.0, "longest queue": longest, "closed": now}
    return waits, stats


def gillespie_sis(n, beta, gamma, seeds, t_max, rng):
    """Susceptible again after the disease; exact events until a time or extinction."""
    t, i = 0.0, seeds
    times, counts = [t], [i]
    while i > 0:
        rates = np.array([beta * i * (n - i) / n, gamma * i])
        total = rates.sum()
        t += rng.exponential(1 / total)
        if t > t_max:
            break
        i += 1 if rng.random() * total < rates[0] else -1
        times.append(t)
        counts.append(i)
    return np.array(times), np.array(counts)


class Elevator:
    """Goes on in its direction while somebody wants to."""

    def __init__(self, floors):
        self.floor, self.direction, self.floors = 0, 1, floors
        self.calls = set()
        self.path = [0]

    def call(self, floor):
        if not 0 <= floor < self.floors:
            raise ValueError(f"no floor {floor}")
        self.calls.add(floor)

    def move(self):
        if not self.calls:
            return False
        ahead = [f for f in self.calls if (f - self.floor) * self.direction >= 0]
        if not ahead:
            self.direction = -self.direction
            ahead = list(self.calls)
        target = min(ahead, key=lambda f: abs(f - self.floor))
        self.calls.discard(target)
        self.floor = target
        self.path.append(target)
        return True


def elevator_day(requests, floors=10):
    lift = Elevator(floors)
    for when, floor in enumerate(requests):
        lift.call(int(floor))
        if when % 3 == 2:
            lift.move()
    while lift.move():
        pass
    travelled = sum(abs(b - a) for a, b in zip(lift.path, lift.path[1:]))
    return lift.path, travelled


def _star(rng, n):
    angle = np.sort(rng.uniform(0, 2 * np.pi, n))
    return (rng.uniform(0.5, 1.5, n) * np.array([np.cos(angle), np.sin(angle)])).T


CASES = {
    polygon_report: lambda g: [(_star(g, 12),), ([(0, 0), (0, 2), (3, 2), (3, 0)],), (np.zeros((2, 2)),), (np.ones(4),)],
    line_sweep_crossings: lambda g: [(g.random((25, 4)),), (g.random((1, 4)),), (np.zeros((0, 4)),)],
    smallest_disc: lambda g: [(g.normal(size=(40, 2)),), (g.random((1, 2)),), (np.zeros((0, 2)),), (np.ones((5, 2)),)],
    ramer_douglas_peucker: lambda g: [
        (np.c_[np.arange(60.0), g.normal(size=60).cumsum()], 0.8),
        (g.random((2, 2)).astype(np.float32),),
        (np.zeros((0, 2)),),
        (g.random((30, 2)).astype(np.float32), 0.2),
    ],
    quadtree_counts: lambda g: [
        (g.uniform(-1, 1, (60, 2)), g.uniform(-1, 1, (5, 2)), 0.4),
        (g.uniform(-2, 2, (12, 2)), g.uniform(-1, 1, (2, 2)), 0.1),
        (np.zeros((6, 2)), np.zeros((1, 2)), 0.5),
    ],
    ear_cutting: lambda g: [(_star(g, 9)[::-1],), ([(0, 0), (1, 0), (0, 1)],), (np.zeros((5, 2)),)],
    unsharp: lambda g: [
        (g.integers(0, 256, (20, 24)).astype(np.uint8),),
        (g.integers(0, 256, (9, 7)).astype(np.uint8), 2, 1.5, 10),
        (g.random((4, 4)),),
    ],
    floodfill_regions: lambda g: [(g.random((20, 24)) < 0.5,), (np.ones((3, 3), int),), (np.zeros((0, 4), bool),)],
    colour_quantise: lambda g: [(g.integers(0, 256, (200, 3)),), (g.random((50, 3)), 7), (np.ones((5, 3)), 4)],
    equalise_tiles: lambda g: [
        (g.integers(0, 90, (24, 24)).astype(np.uint8),),
        (g.integers(0, 256, (10, 13)).astype(np.uint8), 4, 0.2),
        (np.zeros((0, 3), np.uint8),),
    ],
    rle_mask: lambda g: [((g.random((12, 15)) < 0.4).astype(np.uint8),), (np.ones((2, 2), int),), (np.zeros((0, 3), int),)],
    seir_interventions: lambda g: [
        (1e5, 10.0, {30: 0.1, 60: 0.25}, 120),
        (1e4, 5.0, {0: 0.05}, 100, 0.5, True),
        (1000, 1, {}, 0),
    ],
    contact_tracing: lambda g: [
        ({k: g.integers(0, 60, 4).tolist() for k in range(60)}, 0, 0.4, np.random.default_rng(3)),
        ({"a": ["b", "c"], "b": ["d"]}, "a", 0.9, np.random.default_rng(4)),
        ({}, 7, 0.5, np.random.default_rng(5)),
    ],
    clinic: lambda g: [
        (np.sort(g.uniform(0, 100, 80)), g.exponential(2.0, 80), g.random(80) < 0.2),
        (np.sort(g.uniform(0, 10, 20)), g.exponential(2.0, 20).astype(np.float32), g.random(20) < 0.5, 1),
        (np.zeros(0), np.zeros(0), np.zeros(0, bool)),
    ],
    gillespie_sis: lambda g: [
        (200, 2.0, 1.0, 5, 4.0, np.random.default_rng(8)),
        (50, 0.2, 1.0, 3, 50.0, np.random.default_rng(9)),
        (50, 0.2, 1.0, 0, 1.0, np.random.default_rng(10)),
    ],
    elevator_day: lambda g: [(g.integers(0, 10, 40),), ([3, 1, 2], 4), ([], 5), ([2, 11],)],
}
