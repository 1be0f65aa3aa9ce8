"""Root finding, quadrature, interpolation and extrapolation, as in a course's notebooks."""

import math
from collections import namedtuple

import numpy as np

Root = namedtuple("Root", "root iterations flag")


def _polynomial(x):
    return x**3 - 2 * x - 5


def brent(a, b, tol=1e-12, max_iter=100):
    """Brent's method on a cubic, with its many branches."""
    fa, fb = _polynomial(a), _polynomial(b)
    if fa * fb > 0:
        raise ValueError("root must be bracketed")
    c, fc = a, fa
    d = e = b - a
    for it in range(max_iter):
        if fb * fc > 0:
            c, fc = a, fa
            d = e = b - a
        if abs(fc) < abs(fb):
            a, b, c = b, c, b
            fa, fb, fc = fb, fc, fb
        tol1 = 2 * 2.2e-16 * abs(b) + 0.5 * tol
        m = 0.5 * (c - b)
        if abs(m) <= tol1 or fb == 0:
            return Root(b, it, "converged")
        if abs(e) >= tol1 and abs(fa) > abs(fb):
            s = fb / fa
            if a == c:
                p, q = 2 * m * s, 1 - s
            else:
                q, r = fa / fc, fb / fc
                p = s * (2 * m * q * (q - r) - (b - a) * (r - 1))
                q = (q - 1) * (r - 1) * (s - 1)
            if p > 0:
                q = -q
            p = abs(p)
            if 2 * p < min(3 * m * q - abs(tol1 * q), abs(e * q)):
                e, d = d, p / q
            else:
                d, e = m, m
        else:
            d, e = m, m
        a, fa = b, fb
        if abs(d) > tol1:
            b += d
        else:
            b += math.copysign(tol1, m)
        fb = _polynomial(b)
    return Root(b, max_iter, "iterations")


def muller(coefficients, x0, x1, x2, max_iter=50, tol=1e-10):
    """A complex root of a polynomial from three real points."""
    p = np.polyval
    for i in range(max_iter):
        h1, h2 = x1 - x0, x2 - x1
        d1 = (p(coefficients, x1) - p(coefficients, x0)) / h1
        d2 = (p(coefficients, x2) - p(coefficients, x1)) / h2
        a = (d2 - d1) / (h2 + h1)
        b = a * h2 + d2
        c = p(coefficients, x2)
        root = np.sqrt(b * b - 4 * a * c + 0j)
        den = b + root if abs(b + root) > abs(b - root) else b - root
        step = -2 * c / den
        x0, x1, x2 = x1, x2, x2 + step
        if abs(step) < tol:
            return x2, i + 1
    return x2, max_iter


def durand_kerner(coefficients, tol=1e-12, max_iter=500):
    """All roots at once, each update using the newest of the others."""
    c = np.asarray(coefficients, dtype=complex)
    c = c / c[0]
    n = len(c) - 1
    roots = (0.4 + 0.9j) ** np.arange(n)
    for k in range(max_iter):
        largest = 0.0
        for i in range(n):
            value = c[0]
            for a in c[1:]:
                value = value * roots[i] + a
            others = np.prod(roots[i] - np.delete(roots, i))
            delta = value / others
            roots[i] -= delta
            largest = max(largest, abs(delta))
        if largest < tol:
            break
    return roots[np.argsort(roots.real)], k


def halley_kepler(mean_anomaly, e, tol=1e-12):
    """Kepler's equation for many anomalies; only those not yet converged go on."""
    M = np.mod(mean_anomaly, 2 * np.pi)
    E = np.where(e < 0.8, M, np.pi) * np.ones_like(M)
    active = np.ones(M.shape, dtype=bool)
    rounds = 0
    while active.any() and rounds < 50:
        Ea = E[active]
        f = Ea - e * np.sin(Ea) - M[active]
        f1 = 1 - e * np.cos(Ea)
        f2 = e * np.sin(Ea)
        step = f / (f1 - 0.5 * f * f2 / f1)
        E[active] = Ea - step
        active[active] = np.abs(step) > tol
        rounds += 1
    return E, rounds


def adaptive_simpson(a, b, eps=1e-9, power=0.5):
    """Recursion with the error shared between halves."""

    def f(x):
        return x**power * math.exp(-x)

    def simpson(fa, fm, fb, h):
        return h / 6 * (fa + 4 * fm + fb)

    def recurse(a, b, fa, fm, fb, whole, eps, depth):
        m = (a + b) / 2
        fl, fr = f((a + m) / 2), f((m + b) / 2)
        left, right = simpson(fa, fl, fm, m - a), simpson(fm, fr, fb, b - m)
        delta = left + right - whole
        if depth <= 0 or abs(delta) <= 15 * eps:
            return left + right + delta / 15
        return recurse(a, m, fa, fl, fm, left, eps / 2, depth - 1) + recurse(m, b, fm, fr, fb, right, eps / 2, depth - 1)

    fa, fm, fb = f(a), f((a + b) / 2), f(b)
    return recurse(a, b, fa, fm, fb, simpson(fa, fm, fb, b - a), eps, 12)


def simpson_stack(a, b, tol=1e-8):
    """Adaptive quadrature with an explicit stack of intervals."""
    f = lambda x: np.sin(1 / x) * x
    stack = [(a, b, tol)]
    total, evaluations = 0.0, 0
    while stack:
        lo, hi, eps = stack.pop()
        mid = 0.5 * (lo + hi)
        coarse = (hi - lo) / 6 * (f(lo) + 4 * f(mid) + f(hi))
        q1, q3 = 0.5 * (lo + mid), 0.5 * (mid + hi)
        fine = (hi - lo) / 12 * (f(lo) + 4 * f(q1) + 2 * f(mid) + 4 * f(q3) + f(hi))
        evaluations += 5
        if abs(fine - coarse) < 15 * eps or hi - lo < 1e-6:
            total += fine + (fine - coarse) / 15
        else:
            stack.append((lo, mid, eps / 2))
            stack.append((mid, hi, eps / 2))
    return total, evaluations


def gauss_kronrod(f_name, a, b, limit=20, tol=1e-9):
    """Seven and fifteen points; the worst interval of a list is split."""
    nodes = np.array([
        0.991455371120813, 0.949107912342759, 0.864864423359769, 0.741531185599394,
        0.586087235467691, 0.405845151377397, 0.207784955007898, 0.0,
    ])  # fmt: skip
    wk = np.array([
        0.022935322010529, 0.063092092629979, 0.104790010322250, 0.140653259715525,
        0.169004726639267, 0.190350578064785, 0.204432940075298, 0.209482141084728,
    ])  # fmt: skip
    wg = np.array([0.129484966168870, 0.279705391489277, 0.381830050505119, 0.417959183673469])
    f = {"exp": np.exp, "sqrt": np.sqrt, "step": lambda x: np.where(x > 0.3, 1.0, 0.0)}[f_name]
    x = np.concatenate([-nodes, nodes[-2::-1]])
    w15 = np.concatenate([wk, wk[-2::-1]])
    w7 = np.zeros(15)
    w7[1::2] = np.concatenate([wg, wg[-2::-1]])

    def rule(lo, hi):
        half = 0.5 * (hi - lo)
        y = f(0.5 * (lo + hi) + half * x)
        k = half * np.dot(w15, y)
        return k, abs(k - half * np.dot(w7, y))

    intervals = [(a, b, *rule(a, b))]
    while len(intervals) < limit and sum(i[3] for i in intervals) > tol:
        intervals.sort(key=lambda i: i[3])
        lo, hi, _, _ = intervals.pop()
        mid = 0.5 * (lo + hi)
        intervals.append((lo, mid, *rule(lo, mid)))
        intervals.append((mid, hi, *rule(mid, hi)))
    return sum(i[2] for i in intervals), sum(i[3] for i in intervals), len(intervals)


def clenshaw_curtis(n, a=-1.0, b=1.0):
    """Weights by the explicit cosine sum; the integral of a Runge function."""
    theta = np.pi * np.arange(n + 1) / n
    x = np.cos(theta)
    w = np.zeros(n + 1)
    for k in range(n + 1):
        ck = 1 if k in (0, n) else 2
        s = 0.0
        for j in range(1, n // 2 + 1):
            bj = 1 if 2 * j == n else 2
            s += bj / (4 * j**2 - 1) * np.cos(2 * j * theta[k])
        w[k] = ck / n * (1 - s)
    y = 1 / (1 + 25 * (0.5 * (b - a) * x + 0.5 * (a + b)) ** 2)
    return 0.5 * (b - a) * np.sum(w * y), x, w


def tanh_sinh(f, h=0.1, tol=1e-12):
    """Double exponential quadrature over (-1, 1), terms until they vanish."""
    total = f(0.0) * np.pi / 2
    k = 1
    while True:
        t = k * h
        u = np.pi / 2 * np.sinh(t)
        x = np.tanh(u)
        w = np.pi / 2 * np.cosh(t) / np.cosh(u) ** 2
        term = w * (f(x) + f(-x))
        if abs(term) < tol or k > 200:
            break
        total += term
        k += 1
    return h * total, k


def monotone_cubic(x, y, xq):
    """Fritsch–Carlson slopes, then Hermite pieces found by searchsorted."""
    n = len(x)
    if n < 2:
        raise ValueError("need two points")
    delta = np.diff(y) / np.diff(x)
    m = np.empty(n)
    m[0], m[-1] = delta[0], delta[-1]
    m[1:-1] = (delta[:-1] + delta[1:]) / 2
    for k in range(n - 1):
        if delta[k] == 0:
            m[k] = m[k + 1] = 0
            continue
        alpha, beta = m[k] / delta[k], m[k + 1] / delta[k]
        if alpha < 0:
            m[k] = 0
        s = alpha**2 + beta**2
        if s > 9:
            tau = 3 / np.sqrt(s)
            m[k] = tau * alpha * delta[k]
            m[k + 1] = tau * beta * delta[k]
    i = np.clip(np.searchsorted(x, xq) - 1, 0, n - 2)
    h = x[i + 1] - x[i]
    t = (xq - x[i]) / h
    h00, h10 = (1 + 2 * t) * (1 - t) ** 2, t * (1 - t) ** 2
    h01, h11 = t**2 * (3 - 2 * t), t**2 * (t - 1)
    return h00 * y[i] + h10 * h * m[i] + h01 * y[i + 1] + h11 * h * m[i + 1]


def _cox_de_boor(t, k, i, x):
    if k == 0:
        return 1.0 if t[i] <= x < t[i + 1] else 0.0
    left = right = 0.0
    if t[i + k] != t[i]:
        left = (x - t[i]) / (t[i + k] - t[i]) * _cox_de_boor(t, k - 1, i, x)
    if t[i + k + 1] != t[i + 1]:
        right = (t[i + k + 1] - x) / (t[i + k + 1] - t[i + 1]) * _cox_de_boor(t, k - 1, i + 1, x)
    return left + right


def bspline_recursive(knots, control, degree, at):
    """Every basis function at every point, recursively."""
    n = len(knots) - degree - 1
    assert n >= degree + 1 and len(control) >= n
    return np.array([sum(control[i] * _cox_de_boor(knots, degree, i, x) for i in range(n)) for x in at])


def de_boor(k, x, t, c, p):
    """One point of a spline by de Boor's triangle."""
    d = [c[j + k - p] for j in range(0, p + 1)]
    for r in range(1, p + 1):
        for j in range(p, r - 1, -1):
            alpha = (x - t[j + k - p]) / (t[j + 1 + k - r] - t[j + k - p])
            d[j] = (1.0 - alpha) * d[j - 1] + alpha * d[j]
    return d[p]


def barycentric(x, y, xq):
    """Barycentric interpolation with exact hits kept."""
    n = len(x)
    w = np.ones(n)
    for j in range(n):
        for k in range(n):
            if k != j:
                w[j] /= x[j] - x[k]
    numerator = np.zeros_like(xq)
    denominator = np.zeros_like(xq)
    exact = np.full(len(xq), -1)
    for j in range(n):
        diff = xq - x[j]
        hit = diff == 0
        exact[hit] = j
        diff[hit] = 1.0
        numerator += w[j] * y[j] / diff
        denominator += w[j] / diff
    out = numerator / denominator
    hits = exact >= 0
    out[hits] = y[exact[hits]]
    return out


def neville(x, y, at):
    """Neville's table in one array that shrinks."""
    p = list(y)
    n = len(x)
    for k in range(1, n):
        for i in range(n - k):
            p[i] = ((at - x[i + k]) * p[i] + (x[i] - at) * p[i + 1]) / (x[i] - x[i + k])
    return p[0]


def wynn_epsilon(terms):
    """Shanks' transform of the partial sums of a series."""
    s = np.cumsum(terms)
    n = len(s)
    e = np.zeros((n + 1, n + 1))
    for i in range(1, n + 1):
        e[i, 1] = s[i - 1]
    for j in range(2, n + 1):
        for i in range(j, n + 1):
            d = e[i, j - 1] - e[i - 1, j - 1]
            if abs(d) < 1e-30:
                return e[i, j - 1]
            e[i, j] = e[i - 1, j - 2] + 1.0 / d
    return e[n, n if n % 2 else n - 1]


def ridders_derivative(x, h=0.5, ntab=10, con=1.4, safe=2.0):
    """Richardson's table for a derivative that stops when the error grows."""
    f = lambda z: math.sin(z) * math.exp(z / 2)
    if h == 0:
        raise ValueError("h must be nonzero")
    a = np.zeros((ntab, ntab))
    a[0, 0] = (f(x + h) - f(x - h)) / (2 * h)
    err, answer = float("inf"), 0.0
    for i in range(1, ntab):
        h /= con
        a[0, i] = (f(x + h) - f(x - h)) / (2 * h)
        fac = con * con
        for j in range(1, i + 1):
            a[j, i] = (a[j - 1, i] * fac - a[j - 1, i - 1]) / (fac - 1)
            fac *= con * con
            errt = max(abs(a[j, i] - a[j - 1, i]), abs(a[j, i] - a[j - 1, i - 1]))
            if errt <= err:
                err, answer = errt, a[j, i]
        if abs(a[i, i] - a[i - 1, i - 1]) >= safe * err:
            break
    return answer, err < 1e-6


CASES = {
    brent: lambda rng: [(2.0, 3.0), (0, 10), (1.0, 4.0, 1e-3), (2.0, 3.0, 1e-12, 2), (3.0, 4.0)],
    muller: lambda rng: [
        (np.array([1.0, 0, 0, 1]), 0.5, 1.0, 1.5), (np.array([1.0, -6, 11, -6]), 0.0, 0.5, 1.7), ([1, 0, 1], 0.0, 1.0, 2.5, 3),
    ],
    durand_kerner: lambda rng: [([1, -6, 11, -6],), (rng.random(12) + 1,), (np.array([2.0, 4.0]),), ([1, 0, 0, 1], 1e-3, 3)],
    halley_kepler: lambda rng: [
        (np.linspace(0, 12, 1000), 0.3), (np.linspace(-3, 3, 50), 0.95), (np.zeros(0), 0.1), (np.arange(5.0), 0.0),
    ],
    adaptive_simpson: lambda rng: [(0.0, 3.0), (0, 1, 1e-4), (1.0, 1.0), (0.5, 2.0, 1e-9, 2)],
    simpson_stack: lambda rng: [(0.05, 2.0), (0.5, 1.0, 1e-3), (0.02, 0.03, 1e-10)],
    gauss_kronrod: lambda rng: [("sqrt", 0.0, 1.0), ("exp", -1.0, 1), ("step", 0.0, 1.0, 6), ("log", 0.0, 1.0)],
    clenshaw_curtis: lambda rng: [(60,), (7,), (2, 0.0, 1.0), (1,)],
    tanh_sinh: lambda rng: [(lambda x: np.sqrt(1 - x * x),), (lambda x: 1.0, 0.5), (lambda x: x**3, 0.2, 1e-6), (np.exp, 0.05)],
    monotone_cubic: lambda rng: [
        (np.arange(40.0), np.sort(rng.random(40)), rng.random(500) * 39),
        (np.arange(5.0), np.array([0.0, 0, 1, 1, 5]), np.linspace(-1, 5, 20)),
        (np.array([0.0, 1.0]), np.array([1.0, 3.0]), np.array([0.5])), (np.zeros(1), np.zeros(1), np.zeros(1)),
    ],
    bspline_recursive: lambda rng: [
        (np.array([0, 0, 0, 0, 0.3, 0.6, 1, 1, 1, 1]), rng.random(6), 3, np.linspace(0, 0.99, 20)),
        ([0, 1, 2, 3, 4, 5], [1.0, 2.0, 3.0], 2, [2.5, 2.0, 7.0]), ([0, 1, 2], [1.0], 2, [0.5]),
    ],
    de_boor: lambda rng: [
        (4, 0.4, np.array([0, 0, 0, 0, 0.3, 0.6, 1, 1, 1, 1]), rng.random(6), 3),
        (2, 2.5, [0, 1, 2, 3, 4, 5], [1.0, 2.0, 3.0], 2),
        (3, 0.1, np.array([0, 0, 0, 0, 0.3, 0.6, 1, 1, 1, 1]), rng.random((6, 2)), 3),
    ],
    barycentric: lambda rng: [
        (np.cos(np.arange(12)), rng.random(12), np.linspace(-0.9, 0.9, 100)),
        (np.arange(4.0), np.arange(4.0) ** 2, np.arange(4) / 2),
        (np.zeros(1), np.ones(1), np.array([0.0, 1.0])), (np.arange(3.0), np.ones(3), np.zeros(0)),
    ],
    neville: lambda rng: [
        (np.arange(20) / 4, rng.random(20), 1.3), ([0, 1, 2], [0, 1, 4], 1.5), ([0.0], [5.0], 2.0), ([1, 1], [1, 2], 0),
    ],
    wynn_epsilon: lambda rng: [
        ((-1.0) ** np.arange(20) / (np.arange(20) + 1),), (0.5 ** np.arange(8),), (np.array([1.0]),), (np.zeros(4),),
    ],
    ridders_derivative: lambda rng: [(1.0,), (0, 0.1), (2.0, 0.5, 3), (1.0, 0)],
}  # fmt: skip
