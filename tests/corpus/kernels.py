"""Kernels that compilers for Python compare themselves on: npbench, Pythran's and Numba's collections, in plain NumPy."""

import math

import numpy as np


def cholesky2(A):
    A[:] = np.linalg.cholesky(A) + np.triu(A, k=1)


def covariance2(M, data):
    return np.cov(np.transpose(data))


def clipping(array_1, array_2, a, b, c):
    return np.clip(array_1, 2, 10) * a + array_2 * b + c


def conv2d_bias(input, weights, bias):
    K = weights.shape[0]
    N = input.shape[0]
    H_out = input.shape[1] - K + 1
    W_out = input.shape[2] - K + 1
    C_out = weights.shape[3]
    output = np.empty((N, H_out, W_out, C_out), dtype=np.float32)
    for i in range(H_out):
        for j in range(W_out):
            output[:, i, j, :] = np.sum(
                input[:, i : i + K, j : j + K, :, np.newaxis] * weights[np.newaxis, :, :, :],
                axis=(1, 2, 3),
            )
    return output + bias


def floyd_warshall_in_place(path):
    for k in range(path.shape[0]):
        path[:] = np.minimum(path[:], np.add.outer(path[:, k], path[k, :]))


def l2_norms(x):
    return np.sqrt(np.sum(np.abs(x) ** 2, 1))


def wdist(A, B, W):
    k, m = A.shape
    _, n = B.shape
    D = np.zeros((m, n))
    for ii in range(m):
        for jj in range(n):
            wdiff = (A[:, ii] - B[:, jj]) / W[:, ii]
            D[ii, jj] = np.sqrt((wdiff**2).sum())
    return D


def make_decision(E, L):
    # energy and label of each cell, neighbours to the right and below
    K = L.max()
    N, M = L.shape
    out = np.zeros((K + 1, N, M), dtype=bool)
    for k in range(K + 1):
        mask = L == k
        out[k] = mask & (E < E[mask].mean() if mask.any() else False)
    return out.sum(axis=(1, 2)), out.any(axis=0)


def local_maxima(data, mode):
    wsize = data.shape
    result = np.ones(data.shape, bool)
    for pos in np.ndindex(data.shape):
        myval = data[pos]
        for offset in np.ndindex((3,) * data.ndim):
            neighbor_idx = tuple(mode(p, o - 1, w) for (p, o, w) in zip(pos, offset, wsize))
            result[pos] &= data[neighbor_idx] <= myval
    return result


def _wrap(pos, offset, bound):
    return (pos + offset) % bound


def _clip(pos, offset, bound):
    return min(max(pos + offset, 0), bound - 1)


def _reflect(pos, offset, bound):
    idx = pos + offset
    return min(2 * (bound - 1) - idx, max(idx, -idx))


def growcut(image, state, state_next, window_radius):
    changes = 0
    sqrt_3 = math.sqrt(3.0)
    height = image.shape[0]
    width = image.shape[1]
    for j in range(width):
        for i in range(height):
            winning_colony = state[i, j, 0]
            defense_strength = state[i, j, 1]
            for jj in range(max(0, j - window_radius), min(j + window_radius + 1, width)):
                for ii in range(max(0, i - window_radius), min(i + window_radius + 1, height)):
                    if ii != i or jj != j:
                        d = image[i, j] - image[ii, jj]
                        s = np.sum(d**2)
                        gval = 1.0 - np.sqrt(s) / sqrt_3
                        attack_strength = gval * state[ii, jj, 1]
                        if attack_strength > defense_strength:
                            defense_strength = attack_strength
                            winning_colony = state[ii, jj, 0]
                            changes += 1
            state_next[i, j, 0] = winning_colony
            state_next[i, j, 1] = defense_strength
    return changes


def evolve_vortices(n, steps, width):
    grid_shape = (n, width)

    def laplacian(grid):
        return np.roll(grid, +1, 0) + np.roll(grid, -1, 0) + np.roll(grid, +1, 1) + np.roll(grid, -1, 1) - 4 * grid

    def evolve(grid, dt, D=1):
        return grid + dt * D * laplacian(grid)

    grid = np.zeros(grid_shape)
    block_low = int(grid_shape[0] * 0.4)
    block_high = int(grid_shape[0] * 0.5)
    grid[block_low:block_high, block_low:block_high] = 0.005
    for i in range(steps):
        grid = evolve(grid, 0.1)
    return grid


def fbcorr(imgs, filters):
    n_imgs, n_rows, n_cols, n_channels = imgs.shape
    n_filters, height, width, n_ch2 = filters.shape
    output = np.zeros((n_imgs, n_filters, n_rows - height + 1, n_cols - width + 1))
    for ii in range(n_imgs):
        for rr in range(n_rows - height + 1):
            for cc in range(n_cols - width + 1):
                for hh in range(height):
                    for ww in range(width):
                        for jj in range(n_channels):
                            for ff in range(n_filters):
                                imgval = imgs[ii, rr + hh, cc + ww, jj]
                                filterval = filters[ff, hh, ww, jj]
                                output[ii, ff, rr, cc] += imgval * filterval
    return output


def grouping(values):
    diff = np.concatenate(([1], np.diff(values)))
    idx = np.concatenate((np.where(diff)[0], [len(values)]))
    return values[idx[:-1]], np.diff(idx)


def hasting(y, t, a1, a2, b1, b2, d1, d2):
    yprime = np.empty((3,))
    yprime[0] = y[0] * (1.0 - y[0]) - a1 * y[0] * y[1] / (1.0 + b1 * y[0])
    yprime[1] = a1 * y[0] * y[1] / (1.0 + b1 * y[0]) - a2 * y[1] * y[2] / (1.0 + b2 * y[1]) - d1 * y[1]
    yprime[2] = a2 * y[1] * y[2] / (1.0 + b2 * y[1]) - d2 * y[2]
    return yprime


def histogram_pythran(data, bin_width):
    minimum = data.min()
    nbins = int((data.max() - minimum) / bin_width) + 1
    counts = [0] * nbins
    for x in data:
        counts[int((x - minimum) / bin_width)] += 1
    return minimum, counts


def log_likelihood(a, b, c):
    return np.sum(np.log(np.exp(-((a - b) ** 2) / (2 * c**2)) / (np.sqrt(2 * np.pi) * c)))


def lstsqr(x, y):
    x_avg = np.average(x)
    y_avg = np.average(y)
    dx = x - x_avg
    dy = y - y_avg
    var_x = np.sum(dx**2)
    cov_xy = np.sum(dx * dy)
    slope = cov_xy / var_x
    y_interc = y_avg - slope * x_avg
    return (slope, y_interc)


def normalize_complex_arr(a):
    a_oo = a - a.real.min() - 1j * a.imag.min()
    return a_oo / np.abs(a_oo).max()


def periodic_dist(x, y, z, L, periodicX, periodicY, periodicZ):
    N = len(x)
    xtemp = np.tile(x, (N, 1))
    ytemp = np.tile(y, (N, 1))
    ztemp = np.tile(z, (N, 1))
    dx = xtemp - xtemp.T
    dy = ytemp - ytemp.T
    dz = ztemp - ztemp.T
    if periodicX:
        dx[dx > L / 2] = dx[dx > L / 2] - L
        dx[dx < -L / 2] = dx[dx < -L / 2] + L
    if periodicY:
        dy[dy > L / 2] = dy[dy > L / 2] - L
        dy[dy < -L / 2] = dy[dy < -L / 2] + L
    if periodicZ:
        dz[dz > L / 2] = dz[dz > L / 2] - L
        dz[dz < -L / 2] = dz[dz < -L / 2] + L
    d = np.sqrt(dx**2 + dy**2 + dz**2)
    d[d == 0] = -1
    return d, dx, dy, dz


def reverse_cumsum(x):
    return np.cumsum(x[::-1])[::-1]


def slowparts(d, re, preDz, preWz, SRW, RSW, yxV, xyU, resid):
    fprime = lambda x: 1 - np.power(np.tanh(x), 2)
    partialDU = np.zeros((d + 1, re, 2 * d, d))
    for k in range(2 * d):
        for i in range(d):
            partialDU[:, :, k, i] = fprime(preDz[k]) * fprime(preWz[i]) * (SRW[i, k] + RSW[i, k]) * yxV[:, :, i]
    return np.tensordot(partialDU, resid, axes=([1, 0], [1, 0]))


def smoothing(x, alpha):
    s = x.copy()
    for i in range(1, len(x)):
        s[i] = alpha * x[i] + (1 - alpha) * s[i - 1]
    return s


def specialconvolve(a):
    rowconvol = a[1:-1, :] + a[:-2, :] + a[2:, :]
    colconvol = rowconvol[:, 1:-1] + rowconvol[:, :-2] + rowconvol[:, 2:] - 9 * a[1:-1, 1:-1]
    return colconvol


def vibr_energy(harmonic, anharmonic, i):
    return np.exp(-harmonic * i - anharmonic * (i**2))


def cronbach(itemscores):
    itemvars = itemscores.var(axis=1, ddof=1)
    tscores = itemscores.sum(axis=0)
    nitems = len(itemscores)
    return nitems / (nitems - 1) * (1 - itemvars.sum() / tscores.var(ddof=1))


def rosen_der(x):
    xm = x[1:-1]
    xm_m1 = x[:-2]
    xm_p1 = x[2:]
    der = np.zeros_like(x)
    der[1:-1] = 200 * (xm - xm_m1**2) - 400 * (xm_p1 - xm**2) * xm - 2 * (1 - xm)
    der[0] = -400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0])
    der[-1] = 200 * (x[-1] - x[-2] ** 2)
    return der


def allpairs_distances(d):
    X = np.arange(-d, d, dtype=float).reshape(d, 2)
    Y = X[::-1] * 0.5
    result = np.zeros((X.shape[0], Y.shape[0]), X.dtype)
    for i in range(X.shape[0]):
        for j in range(Y.shape[0]):
            result[i, j] = np.sum((X[i, :] - Y[j, :]) ** 2)
    return result


def check_mask(db, mask=(1, 0, 1)):
    out = np.zeros(db.shape[0], dtype=bool)
    for idx, line in enumerate(db):
        target, vector = line[0], line[1:]
        if (mask == np.bitwise_and(mask, vector)).all():
            if target == 1:
                out[idx] = 1
    return out


def create_grid(x):
    N = x.shape[0]
    z = np.zeros((N, N, 3))
    z[:, :, 0] = x.reshape(-1, 1)
    z[:, :, 1] = x
    fast_grid = z.reshape(N * N, 3)
    return fast_grid


def repeating(x, nvar_out):
    nvar_in = x.shape[0]
    return np.repeat(np.repeat(x, int(nvar_out / nvar_in), 0), 2, -1)[::2]


def wave_simulation(h, u, v, steps):
    g, dt = 9.81, 0.02
    H = np.ones_like(h)
    for _ in range(steps):
        dhdx = H[:, 1:] - H[:, :-1]
        u[:, 1:-1] -= g * dt * (dhdx + h[:, 1:] - h[:, :-1])
        v[1:-1, :] -= g * dt * (h[1:, :] - h[:-1, :])
        h -= dt * H * (u[:, 1:] - u[:, :-1] + v[1:, :] - v[:-1, :])
    return float(h.sum()), h


def pi_buffon(darts, seed):
    rng = np.random.RandomState(seed)
    success = 0
    for i in range(darts):
        x, y = rng.random_sample(), rng.random_sample()
        if (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.25:
            success += 1
    return 4 * success / darts


def sum_primes(limit):
    def is_prime(n):
        if n < 2:
            return False
        if n == 2:
            return True
        max = int(math.ceil(math.sqrt(n)))
        i = 2
        while i <= max:
            if n % i == 0:
                return False
            i += 1
        return True

    return sum(x for x in range(2, limit) if is_prime(x))


def deriv_3d(v, h):
    out = np.zeros_like(v)
    out[1:-1, 1:-1, 1:-1] = (
        -6 * v[1:-1, 1:-1, 1:-1]
        + v[2:, 1:-1, 1:-1] + v[:-2, 1:-1, 1:-1]
        + v[1:-1, 2:, 1:-1] + v[1:-1, :-2, 1:-1]
        + v[1:-1, 1:-1, 2:] + v[1:-1, 1:-1, :-2]
    ) / (h * h)  # fmt: skip
    return out


def extrema(A, out=None):
    if out is None:
        out = np.empty(A.shape[0], dtype=np.intp)
    for i in range(A.shape[0]):
        best, at = -np.inf, -1
        for j in range(A.shape[1]):
            if A[i, j] > best:
                best, at = A[i, j], j
        out[i] = at
    return out


def _definite(r, n):
    a = r.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


def _growcut(r, n, dtype):
    state = np.zeros((n, n, 2), dtype)
    state[0, 0] = 1
    state[n - 1, n - 1] = (2, 1)
    return r.uniform(size=(n, n, 3)).astype(dtype), state, np.empty_like(state), 2


CASES = {
    cholesky2: lambda r: [(_definite(r, 9),), (np.eye(1),), (-np.eye(3),), (np.zeros((0, 0)),)],
    covariance2: lambda r: [
        (5, r.normal(size=(20, 5))),
        (1, r.integers(0, 9, (6, 1))),
        (2, np.ones((3, 2))),
        (4, np.ones((1, 4))),
    ],
    clipping: lambda r: [
        (r.integers(0, 1000, (9, 8)), r.integers(0, 1000, (9, 8)), 4, 3, 9),
        (r.normal(size=5) * 9, np.full(5, np.nan), 2, 1.5, 1),
        (np.zeros((0, 3), np.int32), 1, 2, 3, 4),
    ],
    conv2d_bias: lambda r: [
        (r.random((2, 8, 8, 3), np.float32), r.random((3, 3, 3, 4), np.float32), r.random(4, np.float32)),
        (r.random((1, 2, 2, 1)), r.random((2, 2, 1, 1)), np.zeros(1)),
        (r.random((1, 2, 2, 1)), r.random((3, 3, 1, 1)), np.zeros(1)),
    ],
    floyd_warshall_in_place: lambda r: [
        (r.integers(1, 50, (12, 12)),),
        (r.uniform(1, 9, (5, 5)).astype(np.float32),),
        (np.full((2, 2), np.inf),),
        (np.zeros((0, 0), int),),
    ],
    l2_norms: lambda r: [
        (r.normal(size=(9, 4)),),
        (r.normal(size=(3, 4)) + 1j,),
        (r.integers(-9, 9, (4, 2)).astype(np.int8),),
        (np.zeros((0, 3)),),
        (np.ones(3),),
    ],
    wdist: lambda r: [
        (r.normal(size=(4, 6)), r.normal(size=(4, 5)), r.uniform(1, 2, (4, 6))),
        (r.integers(0, 5, (2, 3)), r.integers(0, 5, (2, 1)), np.ones((2, 3), int)),
        (np.ones((2, 2)), np.ones((2, 2)), np.zeros((2, 2))),
    ],
    make_decision: lambda r: [
        (r.uniform(size=(6, 7)), r.integers(0, 4, (6, 7))),
        (np.ones((2, 2)), np.full((2, 2), 2)),
        (np.zeros((0, 2)), np.zeros((0, 2), int)),
    ],
    local_maxima: lambda r: [
        (r.integers(0, 9, (6, 5)), _wrap),
        (r.uniform(size=(4, 4)), _clip),
        (r.uniform(size=(3, 6)), _reflect),
        (np.array([[np.nan, 1.0], [2.0, 2.0]]), _wrap),
        (r.normal(size=7), _clip),
    ],
    growcut: lambda r: [_growcut(r, 6, np.float64), _growcut(r, 4, np.float32), _growcut(r, 1, np.float64)],
    evolve_vortices: lambda r: [(20, 12, 20), (5, 3, 8), (1, 0, 1)],
    fbcorr: lambda r: [
        (r.normal(size=(2, 5, 6, 3)), r.normal(size=(2, 2, 2, 3))),
        (r.integers(0, 5, (1, 3, 3, 1)), r.integers(0, 5, (1, 3, 3, 1))),
        (np.ones((1, 3, 3, 2)), np.ones((1, 2, 2, 1))),
    ],
    grouping: lambda r: [
        (np.sort(r.integers(0, 9, 40)),),
        (np.array([1.5, 1.5, 2.5]),),
        (np.array([4]),),
        (np.array([], int),),
    ],
    hasting: lambda r: [
        (r.uniform(size=3), 0.0, 5, 0.1, 3, 2, 0.4, 0.01),
        (np.array([1, 2, 3]), 1, 5, 1, 3, 2, 4, 1),
        (np.ones(2), 0.0, 5, 0.1, 3, 2, 0.4, 0.01),
    ],
    histogram_pythran: lambda r: [
        (r.normal(size=50), 0.4),
        (r.integers(0, 30, 20), 3),
        (np.array([2.0]), 1.0),
        (np.array([]), 1.0),
        (np.array([1.0, np.nan]), 0.5),
    ],
    log_likelihood: lambda r: [
        (r.normal(size=30), 0.1, 1.2),
        (r.normal(size=5).astype(np.float32), 0.1, 2),
        (np.array([80.0]), 0, 1),
        (np.array([]), 0.0, 1.0),
    ],
    lstsqr: lambda r: [
        (r.normal(size=30), r.normal(size=30)),
        (np.arange(5), np.arange(5) * 2 + 1),
        (np.ones(3), np.ones(3)),
        (np.array([1.0]), np.array([2.0])),
    ],
    normalize_complex_arr: lambda r: [
        (r.normal(size=9) + 1j * r.normal(size=9),),
        (np.arange(4.0),),
        ((r.normal(size=3) + 1j).astype(np.complex64),),
        (np.array([], complex),),
    ],
    periodic_dist: lambda r: [
        (*r.uniform(0, 10, (3, 8)), 10, True, True, False),
        (*r.uniform(0, 4, (3, 3)), 4.0, False, False, True),
        (*np.arange(6).reshape(3, 2), 2, True, True, True),
    ],
    reverse_cumsum: lambda r: [
        (r.normal(size=20),),
        (r.integers(0, 100, 9).astype(np.uint8),),
        (np.array([True, False, True]),),
        (np.array([], np.float32),),
        (r.normal(size=(2, 3)),),
    ],
    slowparts: lambda r: [
        (
            2,
            3,
            r.normal(size=4),
            r.normal(size=2),
            r.normal(size=(2, 4)),
            r.normal(size=(2, 4)),
            r.normal(size=(3, 3, 2)),
            0,
            r.normal(size=(3, 3)),
        )
    ],
    smoothing: lambda r: [
        (r.normal(size=30), 0.3),
        (r.integers(0, 50, 9), 0.5),
        (np.array([]), 0.1),
        (np.array([1.0, np.nan, 2]), 0.5),
    ],
    specialconvolve: lambda r: [
        (r.normal(size=(8, 9)),),
        (r.integers(0, 255, (4, 5)).astype(np.uint8),),
        (np.ones((2, 2)),),
        (np.ones(4),),
    ],
    vibr_energy: lambda r: [(r.uniform(size=6), r.uniform(size=6), r.uniform(size=6)), (1, 2, 3), (0.5, np.float32(0.1), 2)],
    cronbach: lambda r: [
        (r.integers(0, 6, (5, 20)),),
        (r.normal(size=(3, 4)).astype(np.float32),),
        (np.ones((2, 3)),),
        (np.ones((1, 3)),),
    ],
    rosen_der: lambda r: [
        (r.normal(size=9),),
        (r.integers(-3, 3, 6),),
        (np.array([1.0, 2.0]),),
        (np.array([1.0]),),
        (r.normal(size=5).astype(np.float32),),
    ],
    allpairs_distances: lambda r: [(6,), (1,), (0,)],
    check_mask: lambda r: [(r.integers(0, 2, (12, 4)),), (r.integers(0, 4, (5, 3)), [2, 1]), (np.zeros((0, 4), int),)],
    create_grid: lambda r: [(r.normal(size=5),), (np.arange(3),), (np.array([]),)],
    repeating: lambda r: [(r.normal(size=(3, 4)), 9), (r.integers(0, 5, (2, 1)), 5), (np.ones((4, 2)), 2)],
    wave_simulation: lambda r: [
        (r.uniform(size=(5, 6)), np.zeros((5, 7)), np.zeros((6, 6)), 8),
        (r.random((2, 2), np.float32), np.zeros((2, 3), np.float32), np.zeros((3, 2), np.float32), 1),
        (np.ones((2, 2), int), np.zeros((2, 3)), np.zeros((3, 2)), 1),
    ],
    pi_buffon: lambda r: [(200, 3), (1, 5), (0, 1)],
    sum_primes: lambda r: [(120,), (2,), (3,)],
    deriv_3d: lambda r: [
        (r.normal(size=(5, 4, 6)), 0.1),
        (r.integers(0, 9, (3, 3, 3)), 2),
        (np.ones((1, 2, 2), np.float32), 0.5),
    ],
    extrema: lambda r: [
        (r.normal(size=(5, 6)),),
        (np.array([[np.nan, 1, 1], [2, np.nan, 2]]),),
        (np.zeros((2, 0)),),
        (r.integers(0, 3, (3, 4)), np.zeros(3, np.int8)),
    ],
}
