"""Number theory, linear algebra by hand and plane geometry, as lecture notes and collections of algorithms have them."""

from __future__ import annotations

import math
from collections import deque, namedtuple

import numpy as np

Circle = namedtuple("Circle", "x y r")


def tonelli_shanks(n, p):
    """A square root of n modulo an odd prime, or None."""
    n %= p
    if n == 0:
        return 0
    if pow(n, (p - 1) // 2, p) != 1:
        return None
    q, s = p - 1, 0
    while q % 2 == 0:
        q //= 2
        s += 1
    if s == 1:
        return pow(n, (p + 1) // 4, p)
    z = 2
    while pow(z, (p - 1) // 2, p) != p - 1:
        z += 1
    m, c, t, r = s, pow(z, q, p), pow(n, q, p), pow(n, (q + 1) // 2, p)
    while t != 1:
        i, t2 = 0, t
        while t2 != 1:
            t2 = t2 * t2 % p
            i += 1
        b = pow(c, 1 << (m - i - 1), p)
        m, c = i, b * b % p
        t, r = t * c % p, r * b % p
    return min(r, p - r)


def baby_giant(g, h, p):
    """A discrete logarithm by baby steps in a dict and giant steps, or -1."""
    m = math.isqrt(p - 1) + 1
    table = {}
    e = 1
    for j in range(m):
        if e not in table:
            table[e] = j
        e = e * g % p
    factor = pow(g, p - 1 - m, p)
    gamma = h % p
    for i in range(m):
        if gamma in table:
            return i * m + table[gamma]
        gamma = gamma * factor % p
    return -1


def lll_reduce(basis, delta=0.75):
    """Lenstra, Lenstra and Lovász: a reduced basis of a lattice."""
    b = np.array(basis, dtype=float)
    n = len(b)

    def gram_schmidt():
        q = np.zeros_like(b)
        mu = np.eye(n)
        for i in range(n):
            q[i] = b[i]
            for j in range(i):
                mu[i, j] = b[i] @ q[j] / (q[j] @ q[j])
                q[i] -= mu[i, j] * q[j]
        return q, mu

    q, mu = gram_schmidt()
    k = 1
    swaps = 0
    while k < n:
        for j in range(k - 1, -1, -1):
            r = round(mu[k, j])
            if r != 0:
                b[k] -= r * b[j]
                q, mu = gram_schmidt()
        if q[k] @ q[k] >= (delta - mu[k, k - 1] ** 2) * (q[k - 1] @ q[k - 1]):
            k += 1
        else:
            b[[k, k - 1]] = b[[k - 1, k]]
            q, mu = gram_schmidt()
            swaps += 1
            k = max(k - 1, 1)
    return b.astype(np.int64), swaps


def permanent_ryser(a):
    """The permanent of a matrix by Ryser's formula in the order of a Gray code."""
    n = a.shape[0]
    row_sums = np.zeros(n, dtype=a.dtype)
    total = a.dtype.type(0)
    old_gray = 0
    sign = -1 if n % 2 else 1
    for k in range(1, 1 << n):
        gray = k ^ (k >> 1)
        changed = gray ^ old_gray
        j = changed.bit_length() - 1
        if gray & changed:
            row_sums += a[:, j]
        else:
            row_sums -= a[:, j]
        old_gray = gray
        sign = -sign
        total += (-1 if bin(gray).count("1") % 2 else 1) * np.prod(row_sums)
    return total * (-1) ** n


def hermite_form(matrix):
    """The Hermite normal form of an integer matrix as a list of lists, by Euclid's algorithm on rows."""
    a = [[int(x) for x in row] for row in matrix]
    m, n = len(a), len(a[0])
    r = 0
    for c in range(n):
        if r == m:
            break
        while True:
            nonzero = [i for i in range(r, m) if a[i][c] != 0]
            if not nonzero:
                break
            pivot = min(nonzero, key=lambda i: abs(a[i][c]))
            a[r], a[pivot] = a[pivot], a[r]
            if a[r][c] < 0:
                a[r] = [-x for x in a[r]]
            done = True
            for i in range(r + 1, m):
                q = a[i][c] // a[r][c]
                if q:
                    a[i] = [x - q * y for x, y in zip(a[i], a[r])]
                if a[i][c]:
                    done = False
            if done:
                break
        if a[r][c] == 0:
            continue
        for i in range(r):
            q = a[i][c] // a[r][c]
            a[i] = [x - q * y for x, y in zip(a[i], a[r])]
        r += 1
    return a, r


def solve_mod(a, b, p):
    """Linear equations modulo a prime: Gauss-Jordan on lists of lists with inverses by Fermat."""
    n = len(a)
    m = [[int(x) % p for x in row] + [int(y) % p] for row, y in zip(a, b)]
    for col in range(n):
        pivot = next((r for r in range(col, n) if m[r][col]), None)
        if pivot is None:
            raise ValueError("singular modulo p")
        m[col], m[pivot] = m[pivot], m[col]
        inv = pow(m[col][col], p - 2, p)
        m[col] = [x * inv % p for x in m[col]]
        for r in range(n):
            if r != col and m[r][col]:
                f = m[r][col]
                m[r] = [(x - f * y) % p for x, y in zip(m[r], m[col])]
    return [row[-1] for row in m]


def invert_lists(matrix):
    """The inverse and the determinant of a matrix of nested lists, as one writes it without NumPy."""
    n = len(matrix)
    a = [list(map(float, row)) for row in matrix]
    inv = [[float(i == j) for j in range(n)] for i in range(n)]
    det = 1.0
    for i in range(n):
        p = max(range(i, n), key=lambda r: abs(a[r][i]))
        if abs(a[p][i]) < 1e-12:
            raise ZeroDivisionError("the matrix is singular")
        if p != i:
            a[i], a[p] = a[p], a[i]
            inv[i], inv[p] = inv[p], inv[i]
            det = -det
        pivot = a[i][i]
        det *= pivot
        for j in range(n):
            a[i][j] /= pivot
            inv[i][j] /= pivot
        for r in range(n):
            if r != i:
                factor = a[r][i]
                for j in range(n):
                    a[r][j] -= factor * a[i][j]
                    inv[r][j] -= factor * inv[i][j]
    return inv, det


def householder_tridiagonal(a):
    """A symmetric matrix made tridiagonal by reflections, by slices that shrink."""
    a = np.array(a, dtype=float)
    n = len(a)
    q = np.eye(n)
    for k in range(n - 2):
        x = a[k + 1 :, k].copy()
        alpha = -np.sign(x[0]) * np.linalg.norm(x) if x[0] != 0 else -np.linalg.norm(x)
        if alpha == 0:
            continue
        v = x
        v[0] -= alpha
        v /= np.linalg.norm(v)
        a[k + 1 :, k:] -= 2 * np.outer(v, v @ a[k + 1 :, k:])
        a[k:, k + 1 :] -= 2 * np.outer(a[k:, k + 1 :] @ v, v)
        q[:, k + 1 :] -= 2 * np.outer(q[:, k + 1 :] @ v, v)
    return np.diag(a).copy(), np.diag(a, 1).copy(), q


def karatsuba(a, b, base=1000):
    """The product of two long numbers, lists of digits to a base, by Karatsuba's recursion."""

    def add(u, v):
        out = [0] * max(len(u), len(v))
        for i, x in enumerate(u):
            out[i] += x
        for i, x in enumerate(v):
            out[i] += x
        return out

    def multiply(u, v):
        if len(u) < 4 or len(v) < 4:
            out = [0] * (len(u) + len(v))
            for i, x in enumerate(u):
                for j, y in enumerate(v):
                    out[i + j] += x * y
            return out
        h = max(len(u), len(v)) // 2
        u0, u1, v0, v1 = u[:h], u[h:], v[:h], v[h:]
        low = multiply(u0, v0)
        high = multiply(u1, v1)
        mid = multiply(add(u0, u1), add(v0, v1))
        out = [0] * (len(u) + len(v) + 1)
        for i, x in enumerate(mid):
            out[i + h] += x
        for i, x in enumerate(low):
            out[i] += x
            out[i + h] -= x
        for i, x in enumerate(high):
            out[i + 2 * h] += x
            out[i + h] -= x
        return out

    digits = multiply(list(a), list(b))
    carry = 0
    for i in range(len(digits)):
        carry, digits[i] = divmod(digits[i] + carry, base)
    while len(digits) > 1 and digits[-1] == 0:
        digits.pop()
    return digits


def enclosing_circle(points, seed=0):
    """The smallest circle around points: Welzl's moves, without recursion, in a random order."""
    pts = points[np.random.default_rng(seed).permutation(len(points))]

    def inside(c, p):
        return c is not None and math.hypot(p[0] - c.x, p[1] - c.y) <= c.r * (1 + 1e-12)

    def two(p, q):
        x, y = (p[0] + q[0]) / 2, (p[1] + q[1]) / 2
        return Circle(x, y, math.hypot(p[0] - x, p[1] - y))

    def three(p, q, s):
        ax, ay, bx, by = q[0] - p[0], q[1] - p[1], s[0] - p[0], s[1] - p[1]
        d = 2 * (ax * by - ay * bx)
        if d == 0:
            return None
        ux = (by * (ax * ax + ay * ay) - ay * (bx * bx + by * by)) / d
        uy = (ax * (bx * bx + by * by) - bx * (ax * ax + ay * ay)) / d
        return Circle(p[0] + ux, p[1] + uy, math.hypot(ux, uy))

    c = None
    for i, p in enumerate(pts):
        if inside(c, p):
            continue
        c = Circle(p[0], p[1], 0.0)
        for j in range(i):
            q = pts[j]
            if inside(c, q):
                continue
            c = two(p, q)
            for k in range(j):
                if not inside(c, pts[k]):
                    c = three(p, q, pts[k])
    return c


def calipers(points):
    """A convex hull by monotone chains, its diameter and the width of the narrowest strip by rotating calipers."""
    pts = sorted(map(tuple, points.tolist()))

    def cross(o, a, b):
        return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])

    def half(seq):
        chain = []
        for p in seq:
            while len(chain) >= 2 and cross(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        return chain[:-1]

    hull = half(pts) + half(reversed(pts))
    n = len(hull)
    far = 1
    diameter, width = 0.0, math.inf
    for i in range(n):
        a, b = hull[i], hull[(i + 1) % n]
        while abs(cross(a, b, hull[(far + 1) % n])) > abs(cross(a, b, hull[far])):
            far = (far + 1) % n
        c = hull[far]
        length = math.dist(a, b)
        diameter = max(diameter, math.dist(a, c), math.dist(b, c))
        width = min(width, abs(cross(a, b, c)) / length)
    return np.array(hull), diameter, width


def half_planes(normals, offsets, box=10.0):
    """The polygon where all n·x ≤ d: half planes sorted by angle and a deque of lines."""
    lines = [(1.0, 0.0, box), (0.0, 1.0, box), (-1.0, 0.0, box), (0.0, -1.0, box)]
    lines += [(float(n[0]), float(n[1]), float(d)) for n, d in zip(normals, offsets)]
    lines.sort(key=lambda l: math.atan2(l[1], l[0]))

    def meet(l1, l2):
        det = l1[0] * l2[1] - l1[1] * l2[0]
        return (l1[2] * l2[1] - l1[1] * l2[2]) / det, (l1[0] * l2[2] - l1[2] * l2[0]) / det

    def outside(line, p):
        return line[0] * p[0] + line[1] * p[1] > line[2] + 1e-9

    dq = deque()
    for line in lines:
        while len(dq) >= 2 and outside(line, meet(dq[-1], dq[-2])):
            dq.pop()
        while len(dq) >= 2 and outside(line, meet(dq[0], dq[1])):
            dq.popleft()
        if dq and abs(dq[-1][0] * line[1] - dq[-1][1] * line[0]) < 1e-12:
            if line[2] < dq[-1][2]:
                dq.pop()
            else:
                continue
        dq.append(line)
    while len(dq) > 2 and outside(dq[0], meet(dq[-1], dq[-2])):
        dq.pop()
    while len(dq) > 2 and outside(dq[-1], meet(dq[0], dq[1])):
        dq.popleft()
    if len(dq) < 3:
        return np.empty((0, 2)), 0.0
    corners = np.array([meet(dq[i], dq[(i + 1) % len(dq)]) for i in range(len(dq))])
    x, y = corners.T
    return corners, 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def union_area(rectangles):
    """The area covered by rectangles: a sweep over the events along x with counts between compressed coordinates of y."""
    ys = sorted({float(y) for r in rectangles for y in (r[1], r[3])})
    index = {y: i for i, y in enumerate(ys)}
    events = []
    for x1, y1, x2, y2 in rectangles:
        events.append((x1, 1, index[float(y1)], index[float(y2)]))
        events.append((x2, -1, index[float(y1)], index[float(y2)]))
    events.sort()
    count = [0] * len(ys)
    area = 0.0
    last = events[0][0]
    for x, step, lo, hi in events:
        covered = 0.0
        for i in range(len(ys) - 1):
            if count[i] > 0:
                covered += ys[i + 1] - ys[i]
        area += covered * (x - last)
        last = x
        for i in range(lo, hi):
            count[i] += step
    return area


def cohen_sutherland(segments, window):
    """Segments clipped to a window by region codes."""
    xmin, ymin, xmax, ymax = window
    inside, left, right, bottom, top = 0, 1, 2, 4, 8

    def code(x, y):
        c = inside
        if x < xmin:
            c |= left
        elif x > xmax:
            c |= right
        if y < ymin:
            c |= bottom
        elif y > ymax:
            c |= top
        return c

    kept = []
    for x0, y0, x1, y1 in segments:
        c0, c1 = code(x0, y0), code(x1, y1)
        while True:
            if not (c0 | c1):
                kept.append((x0, y0, x1, y1))
                break
            if c0 & c1:
                break
            out = c0 or c1
            if out & top:
                x, y = x0 + (x1 - x0) * (ymax - y0) / (y1 - y0), ymax
            elif out & bottom:
                x, y = x0 + (x1 - x0) * (ymin - y0) / (y1 - y0), ymin
            elif out & right:
                x, y = xmax, y0 + (y1 - y0) * (xmax - x0) / (x1 - x0)
            else:
                x, y = xmin, y0 + (y1 - y0) * (xmin - x0) / (x1 - x0)
            if out == c0:
                x0, y0 = x, y
                c0 = code(x0, y0)
            else:
                x1, y1 = x, y
                c1 = code(x1, y1)
    return np.array(kept).reshape(-1, 4)


def visvalingam(points, keep):
    """A polyline simplified by taking out the point of the smallest triangle, again and again."""

    def area(a, b, c):
        return 0.5 * abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1]))

    index = list(range(len(points)))
    largest = 0.0
    while len(index) > max(keep, 2):
        areas = [area(points[index[i - 1]], points[index[i]], points[index[i + 1]]) for i in range(1, len(index) - 1)]
        k = int(np.argmin(areas))
        largest = max(largest, areas[k])
        del index[k + 1]
    return points[index], largest


def _invertible(rng, n):
    return (rng.standard_normal((n, n)) + 3 * np.eye(n)).round(3)


def _segments(rng, n, dtype=float):
    s = rng.uniform(-3, 3, (n, 4)).astype(dtype)
    return s


def _rectangles(rng, n):
    low = rng.integers(0, 12, (n, 2))
    return np.hstack((low, low + rng.integers(1, 6, (n, 2))))


CASES = {
    tonelli_shanks: lambda rng: [(10, 13), (5, 41), (3, 7), (14, 23), (44402, 100049)],
    baby_giant: lambda rng: [(5, 33, 58), (2, 77, 101), (3, 13, 17), (2, 5, 10007)],
    lll_reduce: lambda rng: [
        (np.array([[1, 1, 1], [-1, 0, 2], [3, 5, 6]]),),
        (rng.integers(-30, 30, (4, 4)),),
        ([[201, 37], [1648, 297]],),
    ],
    permanent_ryser: lambda rng: [(rng.integers(-3, 4, (5, 5)),), (rng.uniform(0, 1, (4, 4)),), (np.ones((3, 3), np.float32),)],
    hermite_form: lambda rng: [(rng.integers(-9, 9, (4, 5)),), ([[2, 4], [3, 5], [1, 1]],), (np.zeros((2, 2), int),)],
    solve_mod: lambda rng: [
        (rng.integers(0, 97, (5, 5)), rng.integers(0, 97, 5), 97),
        ([[1, 2], [3, 4]], [5, 6], 7),
        ([[1, 2], [2, 4]], [5, 6], 7),
    ],
    invert_lists: lambda rng: [(_invertible(rng, 5).tolist(),), ([[2, 1], [1, 1]],), ([[1, 2], [2, 4]],)],
    householder_tridiagonal: lambda rng: [
        ((lambda m: m + m.T)(rng.standard_normal((6, 6))),),
        (np.diag([1, 2, 3]),),
        ((lambda m: m + m.T)(rng.standard_normal((4, 4)).astype(np.float32)),),
    ],
    karatsuba: lambda rng: [
        (rng.integers(0, 1000, 12).tolist(), rng.integers(0, 1000, 9).tolist()),
        ([9, 9, 9], [9, 9], 10),
        ([0], [5, 1, 2, 3, 4], 10),
    ],
    enclosing_circle: lambda rng: [
        (rng.standard_normal((20, 2)),),
        (np.array([[0.0, 0], [2, 0], [1, 1]]), 3),
        (np.zeros((1, 2)),),
    ],
    calipers: lambda rng: [
        (rng.standard_normal((20, 2)),),
        (rng.integers(0, 9, (12, 2)),),
        (np.array([[0, 0], [4, 0], [0, 3.0]]),),
    ],
    half_planes: lambda rng: [
        (rng.standard_normal((6, 2)), rng.uniform(1, 5, 6)),
        ([(1, 1), (-1, 1)], [2, 3], 4.0),
        ([(1, 0), (-1, 0)], [-2, -2]),
    ],
    union_area: lambda rng: [(_rectangles(rng, 10),), ([(0, 0, 2, 2), (1, 1, 3, 3)],), (_rectangles(rng, 4) * 0.5,)],
    cohen_sutherland: lambda rng: [
        (_segments(rng, 12), (-1.0, -1.0, 1.5, 1.0)),
        ([(0, 0, 5, 5), (-5, 3, 5, 3)], (0, 0, 2, 2)),
        (_segments(rng, 5, np.float32), (-1, -1, 1, 1)),
    ],
    visvalingam: lambda rng: [
        (np.cumsum(rng.standard_normal((15, 2)), 0), 6),
        (rng.integers(0, 9, (8, 2)), 3),
        (rng.standard_normal((3, 2)), 5),
    ],
}
