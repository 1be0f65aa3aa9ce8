"""Dynamic programming over tables."""

import numpy as np


def edit_distance(a, b):
    n, m = len(a), len(b)
    D = np.zeros((n + 1, m + 1), dtype=np.int64)
    D[:, 0] = np.arange(n + 1)
    D[0, :] = np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            cost = 0 if a[i - 1] == b[j - 1] else 1
            D[i, j] = min(D[i - 1, j] + 1, D[i, j - 1] + 1, D[i - 1, j - 1] + cost)
    return D[n, m]


def longest_common_subsequence(a, b):
    """The table, then the walk back through it."""
    n, m = len(a), len(b)
    L = np.zeros((n + 1, m + 1), dtype=int)
    for i in range(n):
        for j in range(m):
            if a[i] == b[j]:
                L[i + 1, j + 1] = L[i, j] + 1
            else:
                L[i + 1, j + 1] = max(L[i + 1, j], L[i, j + 1])
    out = []
    i, j = n, m
    while i > 0 and j > 0:
        if a[i - 1] == b[j - 1]:
            out.append(a[i - 1])
            i -= 1
            j -= 1
        elif L[i - 1, j] >= L[i, j - 1]:
            i -= 1
        else:
            j -= 1
    return np.array(out[::-1], dtype=a.dtype)


def knapsack(weights, values, capacity):
    best = np.zeros(capacity + 1, dtype=values.dtype)
    for w, v in zip(weights, values):
        for c in range(capacity, w - 1, -1):
            if best[c - w] + v > best[c]:
                best[c] = best[c - w] + v
    return best[capacity]


def knapsack_rows(weights, values, capacity):
    """One row per item by slices; then which items were taken."""
    n = len(weights)
    K = np.zeros((n + 1, capacity + 1))
    for i in range(n):
        w = weights[i]
        K[i + 1] = K[i]
        if w <= capacity:
            K[i + 1, w:] = np.maximum(K[i, w:], K[i, : capacity + 1 - w] + values[i])
    taken = np.zeros(n, dtype=bool)
    c = capacity
    for i in range(n - 1, -1, -1):
        if K[i + 1, c] != K[i, c]:
            taken[i] = True
            c -= weights[i]
    return K[-1, -1], taken


def matrix_chain(p):
    n = len(p) - 1
    m = np.zeros((n, n))
    split = np.full((n, n), -1)
    for length in range(2, n + 1):
        for i in range(n - length + 1):
            j = i + length - 1
            m[i, j] = np.inf
            for k in range(i, j):
                q = m[i, k] + m[k + 1, j] + p[i] * p[k + 1] * p[j + 1]
                if q < m[i, j]:
                    m[i, j] = q
                    split[i, j] = k
    return m[0, n - 1], split


def viterbi(pi, A, B, obs):
    n_states = A.shape[0]
    T = len(obs)
    delta = np.zeros((T, n_states))
    psi = np.zeros((T, n_states), dtype=int)
    with np.errstate(divide="ignore"):
        logA, logB = np.log(A), np.log(B)
        delta[0] = np.log(pi) + logB[:, obs[0]]
    for t in range(1, T):
        for s in range(n_states):
            scores = delta[t - 1] + logA[:, s]
            psi[t, s] = np.argmax(scores)
            delta[t, s] = scores[psi[t, s]] + logB[s, obs[t]]
    path = np.zeros(T, dtype=int)
    path[-1] = np.argmax(delta[-1])
    for t in range(T - 2, -1, -1):
        path[t] = psi[t + 1, path[t + 1]]
    return path, np.max(delta[-1])


def dtw(x, y, window=None):
    n, m = len(x), len(y)
    if window is None:
        window = max(n, m)
    window = max(window, abs(n - m))
    D = np.full((n + 1, m + 1), np.inf)
    D[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(max(1, i - window), min(m, i + window) + 1):
            cost = abs(x[i - 1] - y[j - 1])
            D[i, j] = cost + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    return D[n, m]


def smith_waterman(a, b, match=2, mismatch=-1, gap=-1):
    H = np.zeros((len(a) + 1, len(b) + 1), dtype=np.int32)
    best, where = 0, (0, 0)
    for i in range(1, H.shape[0]):
        for j in range(1, H.shape[1]):
            diag = H[i - 1, j - 1] + (match if a[i - 1] == b[j - 1] else mismatch)
            H[i, j] = max(0, diag, H[i - 1, j] + gap, H[i, j - 1] + gap)
            if H[i, j] > best:
                best = H[i, j]
                where = (i, j)
    return best, where


def longest_increasing(x):
    if len(x) == 0:
        return 0
    lengths = [1] * len(x)
    for i in range(len(x)):
        for j in range(i):
            if x[j] < x[i] and lengths[j] + 1 > lengths[i]:
                lengths[i] = lengths[j] + 1
    return max(lengths)


def coin_change(coins, amount):
    fewest = [0] + [amount + 1] * amount
    for a in range(1, amount + 1):
        for coin in coins:
            if coin <= a:
                fewest[a] = min(fewest[a], fewest[a - coin] + 1)
    return fewest[amount] if fewest[amount] <= amount else -1


def seam_carving(energy):
    """Cheapest top-to-bottom seam, with the energy accumulated row by row."""
    rows, cols = energy.shape
    M = energy.copy()
    for i in range(1, rows):
        for j in range(cols):
            lo = max(j - 1, 0)
            M[i, j] += M[i - 1, lo : j + 2].min()
    seam = np.empty(rows, dtype=np.intp)
    seam[-1] = M[-1].argmin()
    for i in range(rows - 2, -1, -1):
        j = seam[i + 1]
        lo = max(j - 1, 0)
        seam[i] = lo + M[i, lo : j + 2].argmin()
    return seam, M[-1].min()


def max_subarray(x):
    """Kadane's algorithm with the bounds of the best run."""
    best = x[0]
    current = x[0]
    start = first = last = 0
    for i in range(1, len(x)):
        if current < 0:
            current = x[i]
            start = i
        else:
            current = current + x[i]
        if current > best:
            best, first, last = current, start, i
    return best, first, last + 1


CASES = {
    edit_distance: lambda rng: [
        (rng.integers(0, 4, 40), rng.integers(0, 4, 35)),
        (rng.integers(0, 2, 3).astype(np.uint8), rng.integers(0, 2, 5).astype(np.uint8)),
        (np.zeros(0, int), np.arange(3)),
        ("kitten", "sitting"),
    ],
    longest_common_subsequence: lambda rng: [
        (rng.integers(0, 4, 30), rng.integers(0, 4, 40)),
        (np.array([1], np.int32), np.array([1], np.int32)),
        (np.arange(3), np.zeros(0, int)),
    ],
    knapsack: lambda rng: [
        (rng.integers(1, 20, 25), rng.integers(1, 100, 25), 120),
        (rng.integers(1, 5, 4), rng.random(4), 7),
        (np.zeros(0, int), np.zeros(0), 5),
    ],
    knapsack_rows: lambda rng: [
        (rng.integers(1, 20, 25), rng.random(25), 150),
        ([3, 4, 2], [4.0, 5.0, 3.0], 6),
        (np.array([10]), np.array([1.0]), 5),
    ],
    matrix_chain: lambda rng: [(rng.integers(1, 40, 16),), ([10, 30, 5, 60],), (np.array([3, 4]),)],
    viterbi: lambda rng: [
        (np.full(4, 0.25), rng.dirichlet(np.ones(4), 4), rng.dirichlet(np.ones(5), 4), rng.integers(0, 5, 60)),
        (np.array([1.0, 0.0]), np.eye(2), np.full((2, 3), 1 / 3), np.array([2, 0])),
    ],
    dtw: lambda rng: [
        (rng.random(40), rng.random(45)),
        (rng.random(20), rng.random(18), 3),
        (rng.random(5).astype(np.float32), rng.random(1).astype(np.float32)),
    ],
    smith_waterman: lambda rng: [
        (rng.integers(0, 4, 40), rng.integers(0, 4, 30)),
        ("TACGGGCCCGCTAC", "TAGCCCTATCGGTCA"),
        (np.zeros(1, int), np.ones(1, int)),
    ],
    longest_increasing: lambda rng: [(rng.permutation(80),), (rng.random(5),), (np.zeros(0),)],
    coin_change: lambda rng: [([1, 5, 10, 25], 137), ([4, 6], 7), ([2], 0)],
    seam_carving: lambda rng: [(rng.random((20, 30)),), (rng.integers(0, 255, (4, 3)),), (rng.random((1, 1)),)],
    max_subarray: lambda rng: [(rng.standard_normal(300),), (rng.integers(-9, 9, 30),), (np.array([-2.0]),), (np.zeros(0),)],
}
