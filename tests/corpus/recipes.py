"""Numerical recipes as a wiki collects them: nodes, roots, quadrature, geometry, primes, sequences, matrices, words."""

import math
from dataclasses import dataclass

import numpy as np


def legendre(n, x):
    p0, p1 = np.ones_like(x), x
    if n == 0:
        return p0, np.zeros_like(x)
    for k in range(2, n + 1):
        p0, p1 = p1, ((2 * k - 1) * x * p1 - (k - 1) * p0) / k
    return p1, n * (x * p1 - p0) / (x**2 - 1)


def gauss_nodes(n, tol=1e-14):
    x = np.cos(np.pi * (np.arange(1, n + 1) - 0.25) / (n + 0.5))
    error = 10 * tol
    iters = 0
    while error > tol and iters < 50:
        p, dp = legendre(n, x)
        dx = -p / dp
        x = x + dx
        iters += 1
        error = max(abs(dx))
    p, dp = legendre(n, x)
    w = 2 / ((1 - x**2) * dp**2)
    return x, w, iters


def gauss_quadrature(f, a, b, n=5):
    x, w, _ = gauss_nodes(n)
    return 0.5 * (b - a) * sum(w * f(0.5 * (b - a) * x + 0.5 * (b + a)))


def lu_pivots(A):
    """PA = LU with a permutation matrix."""
    n = len(A)
    P = np.eye(n)
    U = A.astype(float).copy()
    L = np.zeros((n, n))
    for k in range(n):
        p = k + np.argmax(np.abs(U[k:, k]))
        if p != k:
            U[[k, p]] = U[[p, k]]
            P[[k, p]] = P[[p, k]]
            L[[k, p], :k] = L[[p, k], :k]
        if U[k, k] == 0:
            raise np.linalg.LinAlgError("singular")
        L[k, k] = 1.0
        for i in range(k + 1, n):
            L[i, k] = U[i, k] / U[k, k]
            U[i, k:] -= L[i, k] * U[k, k:]
    return P, L, U


def romberg_stop(f, a, b, eps=1e-10, nmax=20):
    Q = np.zeros((nmax, nmax), float)
    converged = False
    for i in range(0, nmax):
        N = 2**i
        h = (b - a) / N
        Q[i, 0] = h * (0.5 * f(a) + sum(f(a + k * h) for k in range(1, N)) + 0.5 * f(b))
        for k in range(0, i):
            n = k + 2
            Q[i, k + 1] = 1.0 / (4 ** (n - 1) - 1) * (4 ** (n - 1) * Q[i, k] - Q[i - 1, k])
        if i > 0:
            if abs(Q[i, k + 1] - Q[i, k]) < eps:
                converged = True
                break
    return Q[i, k + 1], N, converged


def rk4_table(f, y0, t0, t1, n):
    vx = [0] * (n + 1)
    vy = [0] * (n + 1)
    h = (t1 - t0) / float(n)
    vx[0] = x = t0
    vy[0] = y = y0
    for i in range(1, n + 1):
        k1 = h * f(x, y)
        k2 = h * f(x + 0.5 * h, y + 0.5 * k1)
        k3 = h * f(x + 0.5 * h, y + 0.5 * k2)
        k4 = h * f(x + h, y + k3)
        vx[i] = x = t0 + i * h
        vy[i] = y = y + (k1 + k2 + k2 + k3 + k3 + k4) / 6
    return vx, vy


def clip_polygon(subject, clip):
    """Sutherland–Hodgman."""

    def inside(p):
        return (cp2[0] - cp1[0]) * (p[1] - cp1[1]) > (cp2[1] - cp1[1]) * (p[0] - cp1[0])

    def intersection():
        dc = [cp1[0] - cp2[0], cp1[1] - cp2[1]]
        dp = [s[0] - e[0], s[1] - e[1]]
        n1 = cp1[0] * cp2[1] - cp1[1] * cp2[0]
        n2 = s[0] * e[1] - s[1] * e[0]
        n3 = 1.0 / (dc[0] * dp[1] - dc[1] * dp[0])
        return [(n1 * dp[0] - n2 * dc[0]) * n3, (n1 * dp[1] - n2 * dc[1]) * n3]

    output = subject
    cp1 = clip[-1]
    for cp2 in clip:
        input_list = output
        output = []
        if not input_list:
            break
        s = input_list[-1]
        for e in input_list:
            if inside(e):
                if not inside(s):
                    output.append(intersection())
                output.append(e)
            elif inside(s):
                output.append(intersection())
            s = e
        cp1 = cp2
    return output


def convex_hull(points):
    """Andrew's monotone chain; the indices of the corners, counter-clockwise."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    n = len(points)
    if n < 3:
        return order

    def cross(o, a, b):
        return (points[a, 0] - points[o, 0]) * (points[b, 1] - points[o, 1]) - (points[a, 1] - points[o, 1]) * (
            points[b, 0] - points[o, 0]
        )

    hull = np.zeros(2 * n, dtype=np.int64)
    k = 0
    for i in range(n):
        while k >= 2 and cross(hull[k - 2], hull[k - 1], order[i]) <= 0:
            k -= 1
        hull[k] = order[i]
        k += 1
    lower = k + 1
    for i in range(n - 2, -1, -1):
        while k >= lower and cross(hull[k - 2], hull[k - 1], order[i]) <= 0:
            k -= 1
        hull[k] = order[i]
        k += 1
    return hull[: k - 1]


def gift_wrapping(points):
    """Jarvis' march."""
    start = int(np.argmin(points[:, 0]))
    hull = []
    at = start
    while True:
        hull.append(at)
        best = (at + 1) % len(points)
        for j in range(len(points)):
            d1 = points[best] - points[at]
            d2 = points[j] - points[at]
            turn = d1[0] * d2[1] - d1[1] * d2[0]
            if turn < 0:
                best = j
        at = best
        if at == start or len(hull) > len(points):
            break
    return hull


def shoelace(points):
    x, y = points[:, 0], points[:, 1]
    area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
    perimeter = np.hypot(np.diff(x, append=x[:1]), np.diff(y, append=y[:1])).sum()
    cx = ((x + np.roll(x, 1)) * (x * np.roll(y, 1) - np.roll(x, 1) * y)).sum()
    return area, perimeter, cx


def closest_pair(points):
    """By brute force, with the pair."""
    best = None
    shortest = float("inf")
    n = len(points)
    for i in range(n):
        for j in range(i + 1, n):
            d = math.hypot(points[i][0] - points[j][0], points[i][1] - points[j][1])
            if d < shortest:
                shortest = d
                best = (i, j)
    return shortest, best


def point_in_polygon(x, y, poly):
    n = len(poly)
    inside = False
    p1x, p1y = poly[0]
    for i in range(n + 1):
        p2x, p2y = poly[i % n]
        if y > min(p1y, p2y):
            if y <= max(p1y, p2y):
                if x <= max(p1x, p2x):
                    if p1y != p2y:
                        xinters = (y - p1y) * (p2x - p1x) / (p2y - p1y) + p1x
                    if p1x == p2x or x <= xinters:
                        inside = not inside
        p1x, p1y = p2x, p2y
    return inside


def levenshtein(s, t):
    """Two rows, over characters."""
    if not s:
        return len(t)
    previous = np.arange(len(t) + 1)
    for i, a in enumerate(s):
        current = previous + 1
        for j, b in enumerate(t):
            if a == b:
                current[j + 1] = min(current[j + 1], previous[j])
            else:
                current[j + 1] = min(current[j + 1], previous[j] + 1, current[j] + 1)
        current[1:] = np.minimum.accumulate(current[1:] - np.arange(len(t))) + np.arange(len(t)) if len(t) else current[1:]
        previous = current
    return previous[-1]


def jaro(s, t):
    s_len, t_len = len(s), len(t)
    if s_len == 0 and t_len == 0:
        return 1
    match_distance = (max(s_len, t_len) // 2) - 1
    s_matches = [False] * s_len
    t_matches = [False] * t_len
    matches = 0
    transpositions = 0
    for i in range(s_len):
        start = max(0, i - match_distance)
        end = min(i + match_distance + 1, t_len)
        for j in range(start, end):
            if t_matches[j]:
                continue
            if s[i] != t[j]:
                continue
            s_matches[i] = True
            t_matches[j] = True
            matches += 1
            break
    if matches == 0:
        return 0
    k = 0
    for i in range(s_len):
        if not s_matches[i]:
            continue
        while not t_matches[k]:
            k += 1
        if s[i] != t[k]:
            transpositions += 1
        k += 1
    return (matches / s_len + matches / t_len + (matches - transpositions / 2) / matches) / 3


def patience_sort_lis(x):
    """The longest increasing subsequence itself, by piles and back pointers."""
    n = len(x)
    M = np.zeros(n + 1, dtype=int)
    P = np.zeros(n, dtype=int)
    L = 0
    for i in range(n):
        lo, hi = 1, L
        while lo <= hi:
            mid = (lo + hi) // 2
            if x[M[mid]] < x[i]:
                lo = mid + 1
            else:
                hi = mid - 1
        P[i] = M[lo - 1]
        M[lo] = i
        L = max(L, lo)
    S = np.zeros(L, dtype=x.dtype)
    k = M[L]
    for i in range(L - 1, -1, -1):
        S[i] = x[k]
        k = P[k]
    return S


def knapsack_trace(weights, values, limit):
    """Which items, from the whole table."""
    n = len(weights)
    table = np.zeros((n + 1, limit + 1), dtype=values.dtype)
    for j in range(1, n + 1):
        wt, val = weights[j - 1], values[j - 1]
        for w in range(1, limit + 1):
            if wt > w:
                table[j, w] = table[j - 1, w]
            else:
                table[j, w] = max(table[j - 1, w], table[j - 1, w - wt] + val)
    chosen = []
    w = limit
    for j in range(n, 0, -1):
        if table[j, w] != table[j - 1, w]:
            chosen.append(j - 1)
            w -= weights[j - 1]
    return table[n, limit], chosen


def agm(a, g, tolerance=1e-15):
    steps = 0
    while abs(a - g) > tolerance:
        a, g = (a + g) / 2.0, math.sqrt(a * g)
        steps += 1
    return a, steps


def kahan_sum(x):
    total = compensation = 0.0
    for value in x:
        y = value - compensation
        t = total + y
        compensation = (t - total) - y
        total = t
    return total


def newton_polynomial(x, y):
    n = len(x)
    coef = np.zeros([n, n])
    coef[:, 0] = y
    for j in range(1, n):
        for i in range(n - j):
            coef[i][j] = (coef[i + 1][j - 1] - coef[i][j - 1]) / (x[i + j] - x[i])
    return coef[0]


@dataclass
class Line:
    start: np.ndarray
    end: np.ndarray

    def at(self, t):
        return (1 - t) * self.start + t * self.end

    @property
    def length(self):
        return np.linalg.norm(self.end - self.start)


def bezier(control, n):
    """De Casteljau's points, with lines between lines."""
    curve = np.empty((n, control.shape[1]))
    for k in range(n):
        t = k / (n - 1) if n > 1 else 0.0
        points = [p for p in control]
        while len(points) > 1:
            points = [Line(a, b).at(t) for a, b in zip(points, points[1:])]
        curve[k] = points[0]
    return curve, sum(Line(curve[k], curve[k + 1]).length for k in range(n - 1))


def bresenham(x0, y0, x1, y1):
    dx, dy = abs(x1 - x0), -abs(y1 - y0)
    sx = 1 if x0 < x1 else -1
    sy = 1 if y0 < y1 else -1
    err = dx + dy
    points = []
    while True:
        points.append((x0, y0))
        if x0 == x1 and y0 == y1:
            break
        e2 = 2 * err
        if e2 >= dy:
            err += dy
            x0 += sx
        if e2 <= dx:
            err += dx
            y0 += sy
    return points


def kronecker_power(A, n):
    out = A.copy()
    for _ in range(n - 1):
        out = np.kron(out, A)
    return out


def strassen(A, B, leaf=8):
    n = len(A)
    if n <= leaf or n % 2:
        return A @ B
    h = n // 2
    a, b, c, d = A[:h, :h], A[:h, h:], A[h:, :h], A[h:, h:]
    e, f, g, k = B[:h, :h], B[:h, h:], B[h:, :h], B[h:, h:]
    p1 = strassen(a, f - k, leaf)
    p2 = strassen(a + b, k, leaf)
    p3 = strassen(c + d, e, leaf)
    p4 = strassen(d, g - e, leaf)
    p5 = strassen(a + d, e + k, leaf)
    p6 = strassen(b - d, g + k, leaf)
    p7 = strassen(a - c, e + f, leaf)
    out = np.empty((n, n), A.dtype)
    out[:h, :h] = p5 + p4 - p2 + p6
    out[:h, h:] = p1 + p2
    out[h:, :h] = p3 + p4
    out[h:, h:] = p1 + p5 - p3 - p7
    return out


def rref(M):
    A = M.astype(float)
    lead = 0
    rows, cols = A.shape
    for r in range(rows):
        if lead >= cols:
            return A
        i = r
        while A[i, lead] == 0:
            i += 1
            if i == rows:
                i = r
                lead += 1
                if lead == cols:
                    return A
        A[[i, r]] = A[[r, i]]
        A[r] = A[r] / A[r, lead]
        for i in range(rows):
            if i != r:
                A[i] = A[i] - A[i, lead] * A[r]
        lead += 1
    return A


SQUARE = [[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [0.0, 2.0]]
GRID = np.array([[0.0, 1], [0, 0], [1, 0], [1, 1], [0.5, 0.5]])

CASES = {
    gauss_nodes: lambda r: [(12,), (1,), (5, 1e-3), (2,)],
    gauss_quadrature: lambda r: [(np.exp, -3, 3), (np.sin, 0.0, 1.0, 3), (np.abs, -1, 2, 12)],
    lu_pivots: lambda r: [
        (r.random((24, 24)),),
        (np.array([[1, 3, 5], [2, 4, 7], [1, 1, 0]]),),
        (np.zeros((2, 2)),),
        (np.ones((1, 1)),),
        (np.zeros((0, 0)),),
    ],
    romberg_stop: lambda r: [(math.sin, 0.0, 2.0), (math.exp, 0, 1, 1e-3), (math.sqrt, 0.0, 1.0, 1e-12, 6)],
    rk4_table: lambda r: [(lambda x, y: x * math.sqrt(y), 1, 0, 10, 100), (lambda x, y: -y, 1.0, 0.0, 1.0, 1)],
    clip_polygon: lambda r: [
        ([[0.5, -1.0], [3.0, 1.0], [0.5, 3.0]], SQUARE),
        ([[5.0, 5.0], [6.0, 5.0], [6.0, 6.0]], SQUARE),
        (SQUARE, SQUARE[:3]),
    ],
    convex_hull: lambda r: [
        (r.random((80, 2)),),
        (GRID,),
        (np.zeros((2, 2)),),
        (np.zeros((0, 2)),),
        (r.integers(0, 5, (20, 2)),),
    ],
    gift_wrapping: lambda r: [(r.random((60, 2)),), (GRID,), (np.zeros((1, 2)),), (np.zeros((0, 2)),)],
    shoelace: lambda r: [(r.random((50, 2)),), (np.array(SQUARE),), (np.array(SQUARE, np.float32),), (np.zeros((0, 2)),)],
    closest_pair: lambda r: [
        (r.random((40, 2)),),
        ([(0, 0), (3, 4)],),
        ([(0.0, 1.0)],),
        (r.random((5, 2)).astype(np.float32),),
    ],
    point_in_polygon: lambda r: [
        (1.0, 1.0, SQUARE),
        (3, 1, SQUARE),
        (np.float64(0.5), np.float64(0.6), r.random((30, 2))),
        (0.0, 0.0, []),
    ],
    levenshtein: lambda r: [("kitten", "sitting"), ("", "ab"), ("ab", ""), ("a", "a")],
    jaro: lambda r: [("MARTHA", "MARHTA"), ("", ""), ("abc", "xyz"), ("DIXON", "DICKSONX")],
    patience_sort_lis: lambda r: [(r.integers(0, 1000, 200),), (r.random(40),), (np.arange(5.0),), (np.array([3]),)],
    knapsack_trace: lambda r: [
        (r.integers(1, 9, 12), r.integers(1, 40, 12), 30),
        (np.array([3, 4]), np.array([1.5, 2.0]), 5),
        (np.zeros(0, int), np.zeros(0, int), 4),
    ],
    agm: lambda r: [(1.0, 0.5**0.5), (1, 1), (24.0, 6.0, 1e-3)],
    kahan_sum: lambda r: [(r.random(300),), (r.random(30).astype(np.float32),), ([0.1] * 10,), ([],), (np.arange(4),)],
    newton_polynomial: lambda r: [
        (np.arange(12.0), r.random(12)),
        ([0, 1], [2, 5]),
        (np.zeros(0), np.zeros(0)),
        (np.zeros(2), np.ones(2)),
    ],
    bezier: lambda r: [(r.random((4, 2)), 20), (r.random((1, 3)), 1), (r.random((3, 2)), 0)],
    bresenham: lambda r: [(0, 0, 30, 17), (3, 3, 3, 3), (5, 2, -4, 0)],
    kronecker_power: lambda r: [(np.array([[0, 1], [1, 1]]), 5), (r.random((2, 3)), 1), (np.ones((1, 1)), 3)],
    strassen: lambda r: [
        (r.random((32, 32)), r.random((32, 32))),
        (r.random((9, 9)), r.random((9, 9))),
        (r.integers(0, 9, (4, 4)), r.integers(0, 9, (4, 4)), 1),
    ],
    rref: lambda r: [
        (r.random((12, 15)),),
        (np.array([[1, 2, -1, -4], [2, 3, -1, -11], [-2, 0, -3, 22]]),),
        (np.zeros((2, 3)),),
        (np.ones((3, 1)),),
    ],
}
