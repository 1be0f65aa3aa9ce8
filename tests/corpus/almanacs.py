"""Number theory, linear algebra by hand and geometry in the plane, as Rosetta Code, lecture notes and gists write them."""

from __future__ import annotations

import math
from collections import namedtuple

import numpy as np

Calipers = namedtuple("Calipers", ["diameter", "width", "pair"])


def linear_sieve(n):
    """Least prime factors, Moebius, totient and divisor counts up to n in one pass."""
    lp = [0] * (n + 1)
    mu = [1] * (n + 1)
    phi = [1] * (n + 1)
    primes = []
    for i in range(2, n + 1):
        if lp[i] == 0:
            lp[i] = i
            mu[i] = -1
            phi[i] = i - 1
            primes.append(i)
        for p in primes:
            if p > lp[i] or i * p > n:
                break
            lp[i * p] = p
            if p == lp[i]:
                mu[i * p] = 0
                phi[i * p] = phi[i] * p
            else:
                mu[i * p] = -mu[i]
                phi[i * p] = phi[i] * (p - 1)
    mertens = np.cumsum(mu[1:])
    return primes, np.array(phi), mertens


def garner_crt(residues, moduli):
    """The Chinese remainder by mixed radix digits: x, the digits, and the product of the moduli."""

    def inverse(a, m):
        old_r, r, old_s, s = a % m, m, 1, 0
        while r:
            q = old_r // r
            old_r, r = r, old_r - q * r
            old_s, s = s, old_s - q * s
        if old_r != 1:
            raise ValueError("moduli must be coprime")
        return old_s % m

    k = len(moduli)
    digits = np.zeros(k, dtype=np.int64)
    for i in range(k):
        x = residues[i]
        for j in range(i):
            x = (x - digits[j]) * inverse(moduli[j], moduli[i]) % moduli[i]
        digits[i] = x % moduli[i]
    total, product = 0, 1
    for d, m in zip(digits, moduli):
        total += d * product
        product *= m
    return total, digits, product


def prime_count(limit):
    """How many primes there are up to a limit: Lucy's method on two arrays."""
    r = int(limit**0.5)
    small = np.arange(r + 1) - 1
    large = np.array([0] + [limit // i - 1 for i in range(1, r + 1)])
    for p in range(2, r + 1):
        if small[p] == small[p - 1]:
            continue
        below = small[p - 1]
        q = p * p
        for i in range(1, min(r, limit // q) + 1):
            d = i * p
            if d <= r:
                large[i] -= large[d] - below
            else:
                large[i] -= small[limit // d] - below
        for i in range(r, q - 1, -1):
            small[i] -= small[i // p] - below
    return large[1]


def aliquot_kinds(n):
    """Sums of proper divisors by a sieve; deficient, perfect and abundant numbers, amicable pairs."""
    sums = np.zeros(n + 1, dtype=np.int64)
    for d in range(1, n // 2 + 1):
        sums[2 * d :: d] += d
    kinds = {"deficient": 0, "perfect": 0, "abundant": 0}
    amicable = []
    for i in range(1, n + 1):
        s = sums[i]
        if s < i:
            kinds["deficient"] += 1
        elif s == i:
            kinds["perfect"] += 1
        else:
            kinds["abundant"] += 1
            if s <= n and sums[s] == i:
                amicable.append((i, int(s)))
    return kinds, amicable


def pentagonal_partitions(n, modulus=10**9 + 7):
    """Partition numbers by Euler's pentagonal recurrence, modulo a prime."""
    p = [0] * (n + 1)
    p[0] = 1
    for i in range(1, n + 1):
        total, k, sign = 0, 1, 1
        while True:
            g = k * (3 * k - 1) // 2
            if g > i:
                break
            total += sign * p[i - g]
            g += k
            if g <= i:
                total += sign * p[i - g]
            k += 1
            sign = -sign
        p[i] = total % modulus
    return np.array(p)


def lu_lists(a, b):
    """Doolittle with pivoting over lists of lists: P, L, U, the solution and the determinant."""
    n = len(a)
    p = [[float(i == j) for i in range(n)] for j in range(n)]
    u = [row[:] for row in a]
    l = [[0.0] * n for _ in range(n)]
    sign = 1.0
    for j in range(n):
        row = max(range(j, n), key=lambda i: abs(u[i][j]))
        if u[row][j] == 0:
            raise ZeroDivisionError("singular matrix")
        if row != j:
            u[j], u[row] = u[row], u[j]
            p[j], p[row] = p[row], p[j]
            l[j], l[row] = l[row], l[j]
            sign = -sign
        l[j][j] = 1.0
        for i in range(j + 1, n):
            f = u[i][j] / u[j][j]
            l[i][j] = f
            for k in range(j, n):
                u[i][k] -= f * u[j][k]
    y = [0.0] * n
    for i in range(n):
        y[i] = sum(p[i][k] * b[k] for k in range(n)) - sum(l[i][k] * y[k] for k in range(i))
    x = [0.0] * n
    for i in range(n - 1, -1, -1):
        x[i] = (y[i] - sum(u[i][k] * x[k] for k in range(i + 1, n))) / u[i][i]
    det = sign
    for i in range(n):
        det *= u[i][i]
    return p, l, u, x, det


def faddeev_leverrier(a):
    """The characteristic polynomial, the determinant and the inverse by traces."""
    n = a.shape[0]
    coeffs = np.zeros(n + 1)
    coeffs[0] = 1.0
    m = np.zeros_like(a, dtype=float)
    for k in range(1, n + 1):
        m = a @ m + coeffs[k - 1] * np.eye(n)
        coeffs[k] = -np.trace(a @ m) / k
    det = (-1) ** n * coeffs[n]
    if abs(coeffs[n]) < 1e-12:
        return coeffs, det, None
    return coeffs, det, -m / coeffs[n]


def tql_implicit(d, e, vectors=True):
    """Eigenvalues of a symmetric tridiagonal matrix by QL with implicit shifts, as in Numerical Recipes."""
    n = len(d)
    d = d.copy()
    e = np.append(e[: n - 1], 0.0)
    z = np.eye(n)
    for l in range(n):
        iteration = 0
        while True:
            m = l
            while m < n - 1:
                dd = abs(d[m]) + abs(d[m + 1])
                if abs(e[m]) <= 1e-15 * dd:
                    break
                m += 1
            if m == l:
                break
            iteration += 1
            if iteration == 50:
                raise RuntimeError("too many iterations in tqli")
            g = (d[l + 1] - d[l]) / (2.0 * e[l])
            r = math.hypot(g, 1.0)
            g = d[m] - d[l] + e[l] / (g + math.copysign(r, g))
            s = c = 1.0
            p = 0.0
            for i in range(m - 1, l - 1, -1):
                f = s * e[i]
                b = c * e[i]
                r = math.hypot(f, g)
                e[i + 1] = r
                if r == 0.0:
                    d[i + 1] -= p
                    e[m] = 0.0
                    break
                s = f / r
                c = g / r
                g = d[i + 1] - p
                r = (d[i] - g) * s + 2.0 * c * b
                p = s * r
                d[i + 1] = g + p
                g = c * r - b
                if vectors:
                    for k in range(n):
                        f = z[k, i + 1]
                        z[k, i + 1] = s * z[k, i] + c * f
                        z[k, i] = c * z[k, i] - s * f
            else:
                d[l] -= p
                e[l] = g
                e[m] = 0.0
    return (d, np.abs(z)) if vectors else d


def cyclic_reduction(a, b, c, d):
    """Tridiagonal systems of 2^k - 1 rows by odd-even reduction with strided slices."""
    n = len(b)
    a, b, c, d = (np.array(v, dtype=float) for v in (a, b, c, d))
    x = np.zeros(n)
    stride = 1
    while stride < (n + 1) // 2:
        i = np.arange(2 * stride - 1, n, 2 * stride)
        left, right = i - stride, i + stride
        alpha = -a[i] / b[left]
        gamma = -c[i] / b[right]
        b[i] += alpha * c[left] + gamma * a[right]
        d[i] += alpha * d[left] + gamma * d[right]
        a[i] = alpha * a[left]
        c[i] = gamma * c[right]
        stride *= 2
    mid = stride - 1
    x[mid] = d[mid] / b[mid]
    while stride > 1:
        half = stride // 2
        for i in range(half - 1, n, stride):
            total = d[i]
            if i - half >= 0:
                total -= a[i] * x[i - half]
            if i + half < n:
                total -= c[i] * x[i + half]
            x[i] = total / b[i]
        stride = half
    return x


def quickhull(points):
    """A convex hull by recursion over the points outside each edge, indices in order."""

    def side(idx, a, b):
        p = points[idx]
        return (b[0] - a[0]) * (p[:, 1] - a[1]) - (b[1] - a[1]) * (p[:, 0] - a[0])

    def build(idx, i, j):
        if len(idx) == 0:
            return []
        s = side(idx, points[i], points[j])
        far = idx[np.argmax(s)]
        left = idx[side(idx, points[i], points[far]) > 0]
        right = idx[side(idx, points[far], points[j]) > 0]
        return [*build(left, i, far), int(far), *build(right, far, j)]

    idx = np.arange(len(points))
    lo, hi = int(points[:, 0].argmin()), int(points[:, 0].argmax())
    s = side(idx, points[lo], points[hi])
    return [lo, *build(idx[s > 0], lo, hi), hi, *build(idx[s < 0], hi, lo)]


def _diagonally_dominant(rng, n):
    a, c = rng.uniform(-1, 1, n), rng.uniform(-1, 1, n)
    a[0] = c[-1] = 0
    return a, 3 + rng.random(n), c, rng.standard_normal(n)


CASES = {
    linear_sieve: lambda rng: [(60,), (2,), (200,)],
    garner_crt: lambda rng: [([2, 3, 2], [3, 5, 7]), ([5, 1, 9, 12], [7, 11, 13, 17]), ([1, 2], [4, 6])],
    prime_count: lambda rng: [(1000,), (100,), (5000,)],
    aliquot_kinds: lambda rng: [(300,), (30,), (1300,)],
    pentagonal_partitions: lambda rng: [(60,), (10, 97), (1,)],
    lu_lists: lambda rng: [
        (rng.standard_normal((5, 5)).tolist(), rng.standard_normal(5).tolist()),
        ([[1.0, 3.0, 5.0], [2.0, 4.0, 7.0], [1.0, 1.0, 0.0]], [1.0, 2.0, 3.0]),
        ([[1.0, 2.0], [2.0, 4.0]], [1.0, 1.0]),
    ],
    faddeev_leverrier: lambda rng: [(rng.standard_normal((5, 5)),), (rng.integers(-3, 4, (3, 3)),), (np.ones((2, 2)),)],
    tql_implicit: lambda rng: [
        (rng.standard_normal(6), rng.standard_normal(5)),
        (np.full(5, 2.0), np.full(5, -1.0), False),
        (rng.standard_normal(3), np.zeros(2)),
    ],
    cyclic_reduction: lambda rng: [_diagonally_dominant(rng, 15), _diagonally_dominant(rng, 7), _diagonally_dominant(rng, 1)],
    quickhull: lambda rng: [
        (rng.standard_normal((15, 2)),),
        (rng.random((6, 2)).astype(np.float32),),
        (np.array([[0, 0], [2, 0], [1, 3]]),),
    ],
}
