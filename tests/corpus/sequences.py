"""Sequences of integers: primes of every kind, divisors, digits, fractions."""

import math
from fractions import Fraction

import numpy as np


def bernoulli(n):
    A = [Fraction(0)] * (n + 1)
    out = []
    for m in range(n + 1):
        A[m] = Fraction(1, m + 1)
        for j in range(m, 0, -1):
            A[j - 1] = j * (A[j - 1] - A[j])
        out.append(A[0])
    return [float(b) for b in out]


def bernoulli_floats(n):
    B = np.zeros(n + 1)
    B[0] = 1
    for m in range(1, n + 1):
        total = 0.0
        c = 1.0
        for k in range(m):
            total += c * B[k]
            c = c * (m + 1 - k) / (k + 1)
        B[m] = -total / (m + 1)
    return B


def sieve_wheel(n):
    """Odd numbers only."""
    is_prime = np.ones((n + 1) // 2, dtype=bool)
    is_prime[:1] = False
    for i in range(3, int(n**0.5) + 1, 2):
        if is_prime[i // 2]:
            is_prime[i * i // 2 :: i] = False
    primes = 2 * np.nonzero(is_prime)[0] + 1
    return np.concatenate([[2], primes]) if n > 2 else primes


def sieve_sundaram(n):
    marked = [False] * (n + 1)
    for i in range(1, n + 1):
        j = i
        while i + j + 2 * i * j <= n:
            marked[i + j + 2 * i * j] = True
            j += 1
    return [2 * i + 1 for i in range(1, n + 1) if not marked[i]]


def is_prime(n):
    if n < 2:
        return False
    if n % 2 == 0:
        return n == 2
    d = 3
    while d * d <= n:
        if n % d == 0:
            return False
        d += 2
    return True


def twin_primes(limit):
    return [(p, p + 2) for p in range(3, limit, 2) if is_prime(p) and is_prime(p + 2)]


def goldbach(n):
    for p in range(2, n // 2 + 1):
        if is_prime(p) and is_prime(n - p):
            return p, n - p
    return None


def totients(n):
    phi = np.arange(n + 1)
    for p in range(2, n + 1):
        if phi[p] == p:
            phi[p::p] -= phi[p::p] // p
    return phi


def mobius(n):
    mu = np.ones(n + 1, dtype=np.int8)
    seen = np.zeros(n + 1, dtype=bool)
    for p in range(2, n + 1):
        if seen[p]:
            continue
        for k in range(p, n + 1, p):
            seen[k] = True
            mu[k] *= -1
        for k in range(p * p, n + 1, p * p):
            mu[k] = 0
    return mu


def perfect_numbers(limit):
    found = []
    for n in range(2, limit):
        total = 1
        for d in range(2, int(math.sqrt(n)) + 1):
            if n % d == 0:
                total += d + (n // d if n // d != d else 0)
        if total == n:
            found.append(n)
    return found


def classify_numbers(limit):
    sums = np.zeros(limit + 1, dtype=np.int64)
    for d in range(1, limit // 2 + 1):
        sums[2 * d :: d] += d
    n = np.arange(1, limit + 1)
    s = sums[1:]
    return {"deficient": int((s < n).sum()), "perfect": n[s == n].tolist(), "abundant": int(np.count_nonzero(s > n))}


def collatz_path(n):
    path = [n]
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        path.append(n)
    return path


def happy_numbers(count):
    happy = []
    n = 1
    while len(happy) < count:
        m = n
        seen = set()
        while m != 1 and m not in seen:
            seen.add(m)
            total = 0
            while m:
                m, digit = divmod(m, 10)
                total += digit * digit
            m = total
        if m == 1:
            happy.append(n)
        n += 1
    return happy


def digital_roots(values):
    roots, steps = np.empty_like(values), np.zeros_like(values)
    for k, n in enumerate(values):
        while n >= 10:
            total = 0
            while n > 0:
                total += n % 10
                n //= 10
            n = total
            steps[k] += 1
        roots[k] = n
    return roots, steps


def egyptian_fraction(num, den):
    parts = []
    while num:
        unit = -(-den // num)
        parts.append(unit)
        num, den = num * unit - den, den * unit
        g = math.gcd(num, den)
        if g > 1:
            num //= g
            den //= g
    return parts


def fibonacci_matrix(n):
    result = np.eye(2, dtype=np.int64)
    base = np.array([[1, 1], [1, 0]], dtype=np.int64)
    while n > 0:
        if n & 1:
            result = result @ base
        base = base @ base
        n >>= 1
    return result[0, 1]


def continued_sqrt(n, terms):
    """The continued fraction of a square root, and its convergents."""
    m, d, a0 = 0, 1, math.isqrt(n)
    a = a0
    expansion = [a0]
    if a0 * a0 == n:
        return expansion, float(a0)
    for _ in range(terms):
        m = d * a - m
        d = (n - m * m) // d
        a = (a0 + m) // d
        expansion.append(a)
    value = float(expansion[-1])
    for q in reversed(expansion[:-1]):
        value = q + 1.0 / value
    return expansion, value


def pascal_rows(n):
    row = [1]
    rows = []
    for _ in range(n):
        rows.append(row)
        row = [1] + [a + b for a, b in zip(row, row[1:])] + [1]
    return rows


def pascal_matrix(n, modulus=None):
    P = np.zeros((n, n), dtype=np.int64)
    P[:, 0] = 1
    for i in range(1, n):
        for j in range(1, i + 1):
            P[i, j] = P[i - 1, j - 1] + P[i - 1, j]
            if modulus is not None:
                P[i, j] %= modulus
    return P


CASES = {
    pascal_rows: lambda r: [(15,), (1,), (0,)],
    pascal_matrix: lambda r: [(25,), (12, 7), (1,), (0,)],
    bernoulli: lambda r: [(10,), (0,), (1,)],
    bernoulli_floats: lambda r: [(20,), (0,), (1,)],
    sieve_wheel: lambda r: [(2000,), (10,), (3,), (2,)],
    sieve_sundaram: lambda r: [(150,), (1,), (0,)],
    twin_primes: lambda r: [(300,), (3,), (14,)],
    goldbach: lambda r: [(396,), (4,), (3,), (11,)],
    totients: lambda r: [(300,), (1,), (0,)],
    mobius: lambda r: [(300,), (1,), (0,)],
    perfect_numbers: lambda r: [(600,), (2,), (7,)],
    classify_numbers: lambda r: [(600,), (1,), (6,)],
    collatz_path: lambda r: [(27,), (1,), (8,)],
    happy_numbers: lambda r: [(8,), (0,), (1,)],
    digital_roots: lambda r: [(r.integers(0, 10**9, 60),), (np.array([5, 99], np.int32),), (np.zeros(0, int),)],
    egyptian_fraction: lambda r: [(43, 48), (5, 121), (0, 3), (1, 7)],
    fibonacci_matrix: lambda r: [(70,), (0,), (1,), (10,)],
    continued_sqrt: lambda r: [(23, 12), (16, 5), (2, 0)],
}
