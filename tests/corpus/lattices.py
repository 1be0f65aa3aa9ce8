"""Lattices, walks and clusters, with stacks, sets and lists."""

import math

import numpy as np


def potts_heat_bath(spins, q, beta, sweeps, seed):
    """Potts spins chosen from their conditional distribution; energies per sweep."""
    rng = np.random.default_rng(seed)
    L = spins.shape[0]
    energy = np.zeros(sweeps)
    for sweep in range(sweeps):
        for i in range(L):
            for j in range(L):
                neighbours = [spins[i - 1, j], spins[(i + 1) % L, j], spins[i, j - 1], spins[i, (j + 1) % L]]
                weights = np.empty(q)
                for s in range(q):
                    weights[s] = math.exp(beta * sum(1 for nb in neighbours if nb == s))
                cumulative = np.cumsum(weights)
                spins[i, j] = np.searchsorted(cumulative, rng.random() * cumulative[-1])
        energy[sweep] = -np.sum(spins == np.roll(spins, 1, 0)) - np.sum(spins == np.roll(spins, 1, 1))
    return energy


def wolff_cluster(spins, beta, updates, seed=0):
    """Clusters grown with a stack; the sizes are returned."""
    rng = np.random.default_rng(seed)
    n = spins.shape[0]
    p_add = 1.0 - np.exp(-2.0 * beta)
    sizes = []
    for _ in range(updates):
        i, j = rng.integers(0, n, 2)
        s = spins[i, j]
        spins[i, j] = -s
        stack = [(i, j)]
        size = 1
        while stack:
            a, b = stack.pop()
            for x, y in ((a + 1, b), (a - 1, b), (a, b + 1), (a, b - 1)):
                x, y = x % n, y % n
                if spins[x, y] == s and rng.random() < p_add:
                    spins[x, y] = -s
                    stack.append((x, y))
                    size += 1
        sizes.append(size)
    return sizes


def percolation_union_find(open_sites):
    """Hoshen–Kopelman labels; whether a cluster joins the top to the bottom."""
    rows, cols = open_sites.shape
    labels = np.zeros((rows, cols), dtype=np.int64)
    parent = [0]

    def find(a):
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        return a

    for i in range(rows):
        for j in range(cols):
            if not open_sites[i, j]:
                continue
            up = labels[i - 1, j] if i > 0 else 0
            left = labels[i, j - 1] if j > 0 else 0
            if up == 0 and left == 0:
                parent.append(len(parent))
                labels[i, j] = len(parent) - 1
            elif up and left:
                a, b = find(up), find(left)
                parent[max(a, b)] = min(a, b)
                labels[i, j] = min(a, b)
            else:
                labels[i, j] = up or left
    for i in range(rows):
        for j in range(cols):
            if labels[i, j]:
                labels[i, j] = find(labels[i, j])
    top = set(labels[0][labels[0] > 0].tolist())
    bottom = set(labels[-1][labels[-1] > 0].tolist())
    return labels, bool(top & bottom)


def percolation_flood(grid):
    """Flow from the top row until nothing changes."""
    full = np.zeros_like(grid, dtype=bool)
    full[0] = grid[0]
    changed = True
    rounds = 0
    while changed:
        spread = full.copy()
        spread[1:] |= full[:-1]
        spread[:-1] |= full[1:]
        spread[:, 1:] |= full[:, :-1]
        spread[:, :-1] |= full[:, 1:]
        spread &= grid.astype(bool)
        changed = bool((spread != full).any())
        full = spread
        rounds += 1
    return full, rounds, full[-1].any()


def self_avoiding_walk(n, seed):
    """A walk that stops where it is trapped."""
    rng = np.random.RandomState(seed)
    position = (0, 0)
    visited = {position}
    path = [position]
    moves = [(1, 0), (-1, 0), (0, 1), (0, -1)]
    for step in range(n):
        free = [(position[0] + dx, position[1] + dy) for dx, dy in moves]
        free = [p for p in free if p not in visited]
        if not free:
            break
        position = free[rng.randint(len(free))]
        visited.add(position)
        path.append(position)
    xs = np.array(path)
    return xs, float(np.hypot(*xs[-1]))


def mean_square_displacement(trajectory, max_lag=None):
    n = len(trajectory)
    max_lag = max_lag or n // 4
    msd = np.zeros(max_lag)
    for lag in range(1, max_lag + 1):
        diff = trajectory[lag:] - trajectory[:-lag]
        msd[lag - 1] = np.mean(np.sum(diff**2, axis=1))
    lags = np.arange(1, max_lag + 1)
    slope = np.polyfit(lags, msd, 1)[0] if max_lag > 1 else msd[0]
    return lags, msd, slope / (2 * trajectory.shape[1])


CASES = {
    potts_heat_bath: lambda rng: [
        (rng.integers(0, 3, (8, 8)), 3, 0.8, 3, 5),
        (np.zeros((2, 2), np.int8), 2, 0.1, 2, 1),
        (np.zeros((0, 0), int), 2, 1.0, 1, 1),
    ],
    wolff_cluster: lambda rng: [
        (rng.choice([-1, 1], (10, 10)), 0.4, 10),
        (np.ones((3, 3), np.int8), 2.0, 2, 4),
        (np.ones((2, 2), int), 0.1, 0),
    ],
    percolation_union_find: lambda rng: [
        (rng.random((15, 15)) < 0.62,),
        (rng.random((10, 12)) < 0.4,),
        (np.zeros((3, 2), bool),),
        (np.ones((2, 2), int),),
    ],
    percolation_flood: lambda rng: [
        (rng.random((20, 20)) < 0.62,),
        (np.zeros((3, 3), bool),),
        (rng.integers(0, 2, (5, 4)),),
        (np.zeros((0, 3), bool),),
    ],
    self_avoiding_walk: lambda rng: [(60, 3), (200, 9), (0, 1)],
    mean_square_displacement: lambda rng: [
        (np.cumsum(rng.standard_normal((200, 2)), axis=0),),
        (rng.random((9, 3)).astype(np.float32), 4),
        (np.arange(8).reshape(4, 2),),
        (np.zeros((1, 2)),),
    ],
}
