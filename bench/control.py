"""Loops and branches written in Python: ten programs of the repertoire, undecorated, decorated and compiled by Numba.

All three run the same source. Numba's integers wrap, and its indices are not checked; hybrid's do what Python's do. One
processor: none of these loops is parallel as it stands.
"""

from __future__ import annotations

from collections.abc import Callable

import numba
import numpy as np

from bench.engines import hybrid, plain
from bench.measure import Case


def matmul(a, b):
    n, depth, m = a.shape[0], a.shape[1], b.shape[1]
    c = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            for k in range(depth):
                c[i, j] += a[i, k] * b[k, j]
    return c


def logistic_map(start):
    x = start[0]
    for _ in range(1_000_000):
        x = 3.7 * x * (1.0 - x)
    return np.array([x])


def floyd_warshall(weights):
    d, n = weights.copy(), weights.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if d[i, k] + d[k, j] < d[i, j]:
                    d[i, j] = d[i, k] + d[k, j]
    return d


def edit_distance(a, b):
    n, m = a.shape[0], b.shape[0]
    d = np.zeros((n + 1, m + 1), np.int64)
    for i in range(n + 1):
        d[i, 0] = i
    for j in range(m + 1):
        d[0, j] = j
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = 0 if a[i - 1] == b[j - 1] else 1
            d[i, j] = min(d[i - 1, j] + 1, d[i, j - 1] + 1, d[i - 1, j - 1] + cost)
    return d[n]


def crc32(data):
    crc = 0xFFFFFFFF
    for i in range(data.shape[0]):
        crc ^= int(data[i])
        for _ in range(8):
            crc = (crc >> 1) ^ 0xEDB88320 if crc & 1 else crc >> 1
    return np.array([crc ^ 0xFFFFFFFF])


def mandelbrot(xs, ys):
    counts = np.zeros((ys.shape[0], xs.shape[0]), np.int64)
    for i in range(ys.shape[0]):
        for j in range(xs.shape[0]):
            x = y = 0.0
            k = 0
            while k < 100 and x * x + y * y <= 4.0:
                x, y = x * x - y * y + xs[j], 2.0 * x * y + ys[i]
                k += 1
            counts[i, j] = k
    return counts


def gauss_seidel(grid):
    u = grid.copy()
    for _ in range(20):
        for i in range(1, u.shape[0] - 1):
            for j in range(1, u.shape[1] - 1):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
    return u


def triangular_solve(lower, b):
    n = b.shape[0]
    x = np.zeros(n)
    for i in range(n):
        total = b[i]
        for j in range(i):
            total -= lower[i, j] * x[j]
        x[i] = total / lower[i, i]
    return x


def sieve(limits):
    n = limits.shape[0]
    prime = np.ones(n + 1, np.bool_)
    prime[0] = prime[1] = False
    i = 2
    while i * i <= n:
        if prime[i]:
            for j in range(i * i, n + 1, i):
                prime[j] = False
        i += 1
    return prime


def lcg(seed):
    state = int(seed[0])
    total = 0
    for _ in range(1_000_000):
        state = (1103515245 * state + 12345) % 2147483648
        total += state >> 16
    return np.array([state, total])


def _random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def triangle():
    lower = np.tril(_random(5).standard_normal((600, 600))) / 600
    return lower + np.eye(600), _random(6).standard_normal(600)


INPUTS: dict[Callable, tuple[str, Callable[[], tuple[np.ndarray, ...]]]] = {
    matmul: ("matrix product by three loops, 100³", lambda: (_random(0).random((100, 100)), _random(1).random((100, 100)))),
    logistic_map: ("logistic map, 10⁶ rounds", lambda: (np.array([0.4]),)),
    floyd_warshall: ("Floyd–Warshall, 100 nodes", lambda: (_random(2).random((100, 100)),)),
    edit_distance: ("edit distance, 1000 × 1000", lambda: (_random(3).integers(0, 4, 1000), _random(4).integers(0, 4, 1000))),
    crc32: ("CRC-32 bit by bit, 10⁵ bytes", lambda: (_random(7).integers(0, 256, 100_000).astype(np.uint8),)),
    mandelbrot: ("Mandelbrot set, 200 × 200", lambda: (np.linspace(-2, 0.5, 200), np.linspace(-1.2, 1.2, 200))),
    gauss_seidel: ("Gauss–Seidel, 20 sweeps of 150 × 150", lambda: (_random(8).random((150, 150)),)),
    triangular_solve: ("triangular solve, 600", triangle),
    sieve: ("sieve of Eratosthenes, 10⁶", lambda: (np.zeros(1_000_000, np.int8),)),
    lcg: ("linear congruential generator, 10⁶ rounds", lambda: (np.array([42]),)),
}

CASES = tuple(
    Case(
        title, inputs, function, {"hybrid": hybrid(function), "Numba": plain(numba.njit(function)), "CPython": plain(function)},
        rtol=1e-9, threads=(1,),
    )
    for function, (title, inputs) in INPUTS.items()
)  # fmt: skip
