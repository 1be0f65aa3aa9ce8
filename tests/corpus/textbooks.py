"""Linear algebra, interpolation and quadrature by hand, as chapters of numerical analysis print them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


def sylvester_triangular(A, T, C):
    """X with A X + X T = C for an upper triangular T, column after column (the last step of Bartels and Stewart)."""
    A, T, C = np.asarray(A, dtype=float), np.asarray(T, dtype=float), np.asarray(C, dtype=float)
    m, n = C.shape
    if A.shape != (m, m) or T.shape != (n, n):
        raise ValueError(f"shapes {A.shape}, {T.shape} and {C.shape} do not fit")
    X = np.zeros((m, n))
    eye = np.eye(m)
    for k in range(n):
        rhs = C[:, k] - X[:, :k] @ T[:k, k]
        X[:, k] = np.linalg.solve(A + T[k, k] * eye, rhs)
    residual = np.linalg.norm(A @ X + X @ T - C)
    return X, residual


def lu_complete(A, tol=1e-12):
    """P A Q = L U with the largest element of the remaining block as the pivot; also the rank."""
    U = np.array(A, dtype=float)
    n = U.shape[0]
    L = np.eye(n)
    p, q = np.arange(n), np.arange(n)
    rank = n
    for k in range(n):
        block = np.abs(U[k:, k:])
        i, j = np.unravel_index(np.argmax(block), block.shape)
        if block[i, j] <= tol:
            rank = k
            break
        i, j = i + k, j + k
        if i != k:
            U[[k, i]] = U[[i, k]]
            L[[k, i], :k] = L[[i, k], :k]
            p[[k, i]] = p[[i, k]]
        if j != k:
            U[:, [k, j]] = U[:, [j, k]]
            q[[k, j]] = q[[j, k]]
        for r in range(k + 1, n):
            L[r, k] = U[r, k] / U[k, k]
            U[r, k:] -= L[r, k] * U[k, k:]
            U[r, k] = 0.0
    return p, q, L, U, rank


class LsqrInfo(NamedTuple):
    x: np.ndarray
    iterations: int
    residual: float
    stopped_by: str


def _sym_ortho(a, b):
    """A stable plane rotation: c, s and r."""
    if b == 0:
        return np.sign(a), 0.0, abs(a)
    elif a == 0:
        return 0.0, np.sign(b), abs(b)
    elif abs(b) > abs(a):
        tau = a / b
        s = np.sign(b) / np.sqrt(1 + tau * tau)
        c = s * tau
        r = b / s
    else:
        tau = b / a
        c = np.sign(a) / np.sqrt(1 + tau * tau)
        s = c * tau
        r = a / c
    return c, s, r


def lsqr(A, b, damp=0.0, atol=1e-9, maxiter=None):
    """Paige and Saunders' bidiagonalisation for min |Ax - b|."""
    m, n = A.shape
    maxiter = 2 * n if maxiter is None else maxiter
    x = np.zeros(n)
    u = np.array(b, dtype=float)
    beta = np.linalg.norm(u)
    if beta > 0:
        u /= beta
    v = A.T @ u
    alfa = np.linalg.norm(v)
    if alfa == 0:
        return LsqrInfo(x, 0, float(beta), "orthogonal right-hand side")
    v /= alfa
    w = v.copy()
    rhobar, phibar = alfa, beta
    for itn in range(1, maxiter + 1):
        u = A @ v - alfa * u
        beta = np.linalg.norm(u)
        if beta > 0:
            u *= 1 / beta
            v = A.T @ u - beta * v
            alfa = np.linalg.norm(v)
            if alfa > 0:
                v *= 1 / alfa
        if damp > 0:
            rhobar1 = np.sqrt(rhobar**2 + damp**2)
            phibar *= rhobar / rhobar1
        else:
            rhobar1 = rhobar
        cs, sn, rho = _sym_ortho(rhobar1, beta)
        theta = sn * alfa
        rhobar = -cs * alfa
        phi = cs * phibar
        phibar = sn * phibar
        x = x + (phi / rho) * w
        w = v - (theta / rho) * w
        if abs(phibar * alfa * cs) < atol * max(1.0, np.linalg.norm(b)):
            return LsqrInfo(x, itn, float(np.linalg.norm(A @ x - b)), "tolerance")
    return LsqrInfo(x, maxiter, float(np.linalg.norm(A @ x - b)), "iterations")


def sturm_count(d, e2, x):
    """How many eigenvalues of a symmetric tridiagonal matrix are below x."""
    count = 0
    q = d[0] - x
    if q < 0:
        count += 1
    for i in range(1, len(d)):
        if q == 0.0:
            q = 1e-300
        q = d[i] - x - e2[i - 1] / q
        if q < 0:
            count += 1
    return count


def sturm_eigenvalues(d, e, first=0, last=None, tol=1e-10):
    """Eigenvalues first … last of a symmetric tridiagonal matrix by bisection within Gershgorin's discs."""
    n = len(d)
    last = n if last is None else last
    assert 0 <= first < last <= n, "no such eigenvalues"
    radius = np.zeros(n)
    radius[:-1] += np.abs(e)
    radius[1:] += np.abs(e)
    low, high = np.min(d - radius), np.max(d + radius)
    e2 = e**2
    values = np.empty(last - first)
    calls = 0
    for k in range(first, last):
        a, b = low, high
        while b - a > tol * max(abs(a), abs(b), 1.0):
            mid = 0.5 * (a + b)
            calls += 1
            if sturm_count(d, e2, mid) > k:
                b = mid
            else:
                a = mid
        values[k - first] = 0.5 * (a + b)
    return values, calls


def hermite_table(x, y, dy, at):
    """Hermite's interpolation by divided differences with every node twice."""
    n = len(x)
    z = np.repeat(np.asarray(x, dtype=float), 2)
    Q = np.zeros((2 * n, 2 * n))
    for i in range(n):
        Q[2 * i, 0] = y[i]
        Q[2 * i + 1, 0] = y[i]
        Q[2 * i + 1, 1] = dy[i]
        if i != 0:
            Q[2 * i, 1] = (Q[2 * i, 0] - Q[2 * i - 1, 0]) / (z[2 * i] - z[2 * i - 1])
    for i in range(2, 2 * n):
        for j in range(2, i + 1):
            Q[i, j] = (Q[i, j - 1] - Q[i - 1, j - 1]) / (z[i] - z[i - j])
    coefficients = np.diag(Q).copy()
    at = np.atleast_1d(np.asarray(at, dtype=float))
    value = np.full(at.shape, coefficients[-1])
    for k in range(2 * n - 2, -1, -1):
        value = value * (at - z[k]) + coefficients[k]
    return coefficients, value


WEIGHTS = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [-3, 3, -2, -1], [2, -2, 1, 1]], dtype=float)


def bicubic_patches(z, xs, ys):
    """Bicubic interpolation of a table with unit spacing, its slopes by central differences."""
    ny, nx = z.shape
    zx, zy, zxy = np.zeros_like(z), np.zeros_like(z), np.zeros_like(z)
    zx[:, 1:-1] = (z[:, 2:] - z[:, :-2]) / 2
    zx[:, 0], zx[:, -1] = z[:, 1] - z[:, 0], z[:, -1] - z[:, -2]
    zy[1:-1] = (z[2:] - z[:-2]) / 2
    zy[0], zy[-1] = z[1] - z[0], z[-1] - z[-2]
    zxy[1:-1, 1:-1] = (z[2:, 2:] - z[2:, :-2] - z[:-2, 2:] + z[:-2, :-2]) / 4
    out = np.empty(len(xs), dtype=z.dtype)
    for k, (x, y) in enumerate(zip(xs, ys)):
        j, i = min(int(x), nx - 2), min(int(y), ny - 2)
        t, u = x - j, y - i
        F = np.empty((4, 4))
        F[:2, :2] = z[i : i + 2, j : j + 2].T
        F[2:, :2] = zx[i : i + 2, j : j + 2].T
        F[:2, 2:] = zy[i : i + 2, j : j + 2].T
        F[2:, 2:] = zxy[i : i + 2, j : j + 2].T
        c = WEIGHTS @ F @ WEIGHTS.T
        total = 0.0
        for a in range(3, -1, -1):
            total = t * total + ((c[a, 3] * u + c[a, 2]) * u + c[a, 1]) * u + c[a, 0]
        out[k] = total
    return out


def thin_plate_spline(points, values, where, smooth=0.0):
    """The surface of least bending through scattered values."""

    def phi(r):
        with np.errstate(divide="ignore", invalid="ignore"):
            out = r**2 * np.log(r)
        out[r == 0] = 0
        return out

    n = len(points)
    d = np.sqrt(((points[:, None, :] - points[None, :, :]) ** 2).sum(axis=-1))
    K = phi(d)
    if smooth:
        K[np.diag_indices(n)] += smooth
    P = np.c_[np.ones(n), points]
    top = np.hstack([K, P])
    bottom = np.hstack([P.T, np.zeros((3, 3))])
    system = np.vstack([top, bottom])
    weights = np.linalg.solve(system, np.append(values, np.zeros(3)))
    r = np.sqrt(((where[:, None, :] - points[None, :, :]) ** 2).sum(axis=-1))
    surface = phi(r) @ weights[:n] + weights[n] + where @ weights[n + 1 :]
    bending = weights[:n] @ K @ weights[:n]
    return {"surface": surface, "affine": weights[n:], "bending": bending}


def gauss_jordan(a, b):
    """Numerical Recipes' gaussj: a becomes its inverse and b the solutions, both in place."""
    n = a.shape[0]
    m = b.shape[1]
    indxc = np.zeros(n, dtype=int)
    indxr = np.zeros(n, dtype=int)
    ipiv = np.zeros(n, dtype=int)
    for i in range(n):
        big = 0.0
        irow = icol = 0
        for j in range(n):
            if ipiv[j] != 1:
                for k in range(n):
                    if ipiv[k] == 0:
                        if abs(a[j, k]) >= big:
                            big = abs(a[j, k])
                            irow, icol = j, k
        ipiv[icol] += 1
        if irow != icol:
            for l in range(n):
                a[irow, l], a[icol, l] = a[icol, l], a[irow, l]
            for l in range(m):
                b[irow, l], b[icol, l] = b[icol, l], b[irow, l]
        indxr[i], indxc[i] = irow, icol
        if a[icol, icol] == 0.0:
            raise ValueError("gaussj: singular matrix")
        pivinv = 1.0 / a[icol, icol]
        a[icol, icol] = 1.0
        a[icol] *= pivinv
        b[icol] *= pivinv
        for ll in range(n):
            if ll != icol:
                dum = a[ll, icol]
                a[ll, icol] = 0.0
                a[ll] -= a[icol] * dum
                b[ll] -= b[icol] * dum
    for l in range(n - 1, -1, -1):
        if indxr[l] != indxc[l]:
            a[:, [indxr[l], indxc[l]]] = a[:, [indxc[l], indxr[l]]]


def _refine(edges, weight, damping=1.5):
    """New edges of the grid so that every bin holds as much of the smoothed weight."""
    bins = len(weight)
    smooth = weight.copy()
    smooth[1:-1] = (weight[:-2] + weight[1:-1] + weight[2:]) / 3
    smooth[0], smooth[-1] = (weight[0] + weight[1]) / 2, (weight[-2] + weight[-1]) / 2
    total = smooth.sum()
    if total == 0:
        return edges
    r = smooth / total
    ok = (r > 0) & (r < 1)
    compressed = np.zeros(bins)
    compressed[ok] = ((r[ok] - 1) / np.log(r[ok])) ** damping
    target = compressed.sum() / bins
    new = edges.copy()
    accumulated, j = 0.0, 0
    for i in range(1, bins):
        while accumulated < target:
            accumulated += compressed[j]
            j += 1
        accumulated -= target
        new[i] = edges[j] - accumulated / compressed[j - 1] * (edges[j] - edges[j - 1])
    return new


def vegas(f, low, high, calls=1000, iterations=5, bins=20, seed=0):
    """Lepage's adaptive importance sampling: the weighted mean, its error and chi squared per degree of freedom."""
    rng = np.random.default_rng(seed)
    dims = len(low)
    grid = np.tile(np.linspace(0.0, 1.0, bins + 1), (dims, 1))
    span = np.asarray(high, dtype=float) - np.asarray(low, dtype=float)
    results, errors = [], []
    for _ in range(iterations):
        u = rng.random((calls, dims)) * bins
        k = u.astype(int)
        x = np.empty((calls, dims))
        jac = np.full(calls, np.prod(span))
        for d in range(dims):
            width = np.diff(grid[d])
            x[:, d] = grid[d, k[:, d]] + (u[:, d] - k[:, d]) * width[k[:, d]]
            jac *= bins * width[k[:, d]]
        values = f(low + x * span) * jac
        for d in range(dims):
            weight = np.bincount(k[:, d], weights=values**2, minlength=bins)
            grid[d] = _refine(grid[d], weight)
        results.append(values.mean())
        errors.append(values.std(ddof=1) / np.sqrt(calls))
    results, errors = np.array(results), np.array(errors)
    w = 1 / np.maximum(errors, 1e-300) ** 2
    mean = np.sum(w * results) / np.sum(w)
    chi2 = np.sum(w * (results - mean) ** 2) / (iterations - 1)
    return mean, 1 / np.sqrt(np.sum(w)), chi2, grid


DIRECTIONS = {2: (1, 0, [1]), 3: (2, 1, [1, 3]), 4: (3, 1, [1, 3, 1]), 5: (3, 2, [1, 1, 1]), 6: (4, 1, [1, 1, 3, 3])}


def sobol_points(n, dims=2, bits=30):
    """The first n points of Sobol's sequence in Gray code order."""
    if dims > 6:
        raise NotImplementedError("no direction numbers for that many dimensions")
    V = np.zeros((dims, bits), dtype=np.int64)
    for j in range(bits):
        V[0, j] = 1 << (bits - 1 - j)
    for d in range(1, dims):
        s, a, m = DIRECTIONS[d + 1]
        for j in range(min(s, bits)):
            V[d, j] = m[j] << (bits - 1 - j)
        for j in range(s, bits):
            value = V[d, j - s] ^ (V[d, j - s] >> s)
            for k in range(1, s):
                value ^= ((a >> (s - 1 - k)) & 1) * V[d, j - k]
            V[d, j] = value
    points = np.zeros((n, dims))
    x = np.zeros(dims, dtype=np.int64)
    for i in range(1, n):
        c, value = 0, i - 1
        while value & 1:
            value >>= 1
            c += 1
        x ^= V[:, c]
        points[i] = x / (1 << bits)
    return points


def denman_beavers(A, tol=1e-12, maxiter=50, verbose=False):
    """The principal square root of a matrix and its inverse."""
    Y = np.array(A, dtype=complex if np.iscomplexobj(A) else float)
    Z = np.eye(len(Y), dtype=Y.dtype)
    for it in range(maxiter):
        Ynext = 0.5 * (Y + np.linalg.inv(Z))
        Z = 0.5 * (Z + np.linalg.inv(Y))
        change = np.abs(Ynext - Y).max()
        Y = Ynext
        if verbose:
            print(f"iteration {it}: {change:.1e}")
        if change < tol:
            break
    else:
        raise RuntimeError("no convergence")
    return Y, Z, it + 1


def _symmetric(rng, n):
    a = rng.standard_normal((n, n))
    return a @ a.T + n * np.eye(n)


def _peak(x):
    return np.exp(-20 * ((x - 0.4) ** 2).sum(axis=1))


CASES = {
    sylvester_triangular: lambda rng: [
        (_symmetric(rng, 6), np.triu(rng.random((4, 4))) + np.eye(4), rng.random((6, 4))),
        (_symmetric(rng, 3).astype(np.float32), np.eye(3, dtype=np.float32), rng.random((3, 3)).astype(np.float32)),
        (np.eye(3), np.eye(2), np.ones((2, 3))),
    ],
    lu_complete: lambda rng: [
        (rng.standard_normal((8, 8)),),
        (np.outer(np.arange(1, 5), np.arange(4.0)),),
        ([[1, 2], [3, 4]],),
        (rng.integers(-5, 6, (5, 5)).astype(np.int32), 1e-9),
    ],
    lsqr: lambda rng: [
        (rng.standard_normal((20, 8)), rng.standard_normal(20)),
        (rng.standard_normal((6, 6)), np.zeros(6)),
        (rng.standard_normal((9, 7)), rng.integers(-3, 4, 9), 0.0, 1e-9, 3),
    ],
    sturm_eigenvalues: lambda rng: [
        (rng.standard_normal(10), rng.random(9)),
        (np.full(7, 2.0), np.full(6, -1.0), 2, 5, 1e-6),
        (np.array([3.0, 1.0, 2.0]), np.zeros(2)),
        (np.ones(4), np.ones(3), 3, 2),
    ],
    hermite_table: lambda rng: [
        ([1.3, 1.6, 1.9], [0.620086, 0.4554022, 0.2818186], [-0.5220232, -0.5698959, -0.5811571], 1.5),
        (np.linspace(0, 2, 5), np.sin(np.linspace(0, 2, 5)), np.cos(np.linspace(0, 2, 5)), rng.uniform(0, 2, 7)),
        ((0, 1), (1, 2), (0, 0), [0.25, 0.5]),
    ],
    bicubic_patches: lambda rng: [
        (rng.random((7, 9)), rng.uniform(0, 8, 20), rng.uniform(0, 6, 20)),
        (rng.random((4, 5)).astype(np.float32), np.array([0.0, 3.99, 4.0]), np.array([0.5, 3.0, 1.0])),
        (np.add.outer(np.arange(4.0), np.arange(6.0) ** 2), [1.5, 2.25], [0.5, 2.75]),
    ],
    thin_plate_spline: lambda rng: [
        (rng.random((15, 2)), rng.random(15), rng.random((30, 2))),
        (rng.random((6, 2)), np.ones(6), rng.random((3, 2)), 0.1),
        (np.array([[0, 0], [1, 0], [0, 1], [1, 1]]), np.array([0, 1, 1, 0]), np.array([[0.5, 0.5], [0, 0]])),
    ],
    gauss_jordan: lambda rng: [
        (rng.standard_normal((7, 7)), rng.standard_normal((7, 2))),
        (np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [2.0, 1.0, 0.0]]), np.eye(3)),
        (rng.standard_normal((4, 4)).astype(np.float32), np.ones((4, 1), dtype=np.float32)),
        (np.ones((3, 3)), np.ones((3, 1))),
    ],
    vegas: lambda rng: [
        (_peak, np.zeros(2), np.ones(2), 300),
        (lambda x: x[:, 0] * np.sin(x[:, 1]), np.array([0, -1]), np.array([2, 3]), 200, 4, 10, 5),
    ],
    sobol_points: lambda rng: [(40, 3), (16,), (9, 6, 20), (4, 7)],
    denman_beavers: lambda rng: [
        (_symmetric(rng, 5),),
        (np.array([[33, 24], [48, 57]]), 1e-10, 50, True),
        (_symmetric(rng, 3) + 1j * np.eye(3),),
        (np.array([[-1.0, 0.5], [0.0, -1.0]]), 1e-12, 10),
    ],
}
