"""Matrices factored and solved by hand, with the options and error paths of a small library."""

from __future__ import annotations

import numpy as np


def golub_kahan(a, compute_uv=True, tol=0.0):
    """Reduce a matrix to upper bidiagonal form by Householder reflections from both sides."""
    a = np.array(a, dtype=float)
    m, n = a.shape
    if m < n:
        raise ValueError("golub_kahan needs at least as many rows as columns")
    u = np.eye(m) if compute_uv else None
    v = np.eye(n) if compute_uv else None

    def house(x):
        w = x.copy()
        alpha = np.linalg.norm(x)
        if alpha <= tol:
            return w, 0.0
        w[0] += alpha if x[0] >= 0 else -alpha
        return w, 2.0 / (w @ w)

    for k in range(n):
        w, beta = house(a[k:, k])
        a[k:, k:] -= beta * np.outer(w, w @ a[k:, k:])
        if compute_uv:
            u[:, k:] -= beta * np.outer(u[:, k:] @ w, w)
        if k < n - 2:
            w, beta = house(a[k, k + 1 :])
            a[k:, k + 1 :] -= beta * np.outer(a[k:, k + 1 :] @ w, w)
            if compute_uv:
                v[:, k + 1 :] -= beta * np.outer(v[:, k + 1 :] @ w, w)
    b = np.triu(np.tril(a[:n], 1))
    if not compute_uv:
        return b
    return u, b, v


def restarted_gmres(matvec_kind, a, b, x0=None, restart=10, max_restarts=10, tol=1e-8, callback=None):
    """GMRES(m) with Givens rotations; `matvec_kind` says how the matrix is stored."""
    n = len(b)

    if matvec_kind == "dense":

        def matvec(x):
            return a @ x
    elif matvec_kind == "tridiagonal":
        lo, d, up = a

        def matvec(x):
            y = d * x
            y[1:] += lo * x[:-1]
            y[:-1] += up * x[1:]
            return y
    else:
        raise NotImplementedError(matvec_kind)

    x = np.zeros(n) if x0 is None else x0.astype(float)
    norm_b = np.linalg.norm(b) or 1.0
    history = []
    for _outer in range(max_restarts):
        r = b - matvec(x)
        beta = np.linalg.norm(r)
        history.append(beta / norm_b)
        if beta / norm_b < tol:
            return x, 0, history
        q = np.zeros((restart + 1, n))
        h = np.zeros((restart + 1, restart))
        cs, sn = np.zeros(restart), np.zeros(restart)
        g = np.zeros(restart + 1)
        g[0] = beta
        q[0] = r / beta
        used = 0
        for j in range(restart):
            w = matvec(q[j])
            for i in range(j + 1):
                h[i, j] = np.dot(q[i], w)
                w = w - h[i, j] * q[i]
            h[j + 1, j] = np.linalg.norm(w)
            if h[j + 1, j] > 1e-14:
                q[j + 1] = w / h[j + 1, j]
            for i in range(j):
                t = cs[i] * h[i, j] + sn[i] * h[i + 1, j]
                h[i + 1, j] = -sn[i] * h[i, j] + cs[i] * h[i + 1, j]
                h[i, j] = t
            r = np.hypot(h[j, j], h[j + 1, j])
            cs[j], sn[j] = h[j, j] / r, h[j + 1, j] / r
            h[j, j], h[j + 1, j] = r, 0.0
            g[j + 1] = -sn[j] * g[j]
            g[j] = cs[j] * g[j]
            used = j + 1
            if callback is not None:
                callback(abs(g[j + 1]) / norm_b)
            if abs(g[j + 1]) / norm_b < tol:
                break
        y = np.zeros(used)
        for i in range(used - 1, -1, -1):
            y[i] = (g[i] - h[i, i + 1 : used] @ y[i + 1 :]) / h[i, i]
        x = x + q[:used].T @ y
    return x, max_restarts, history


class CholeskyFactor:
    """A lower factor that is kept up to date when columns are added to or taken from A = sum x xᵀ."""

    def __init__(self, a):
        n = a.shape[0]
        self.lower = np.zeros((n, n))
        for j in range(n):
            s = a[j, j] - self.lower[j, :j] @ self.lower[j, :j]
            if s <= 0:
                raise np.linalg.LinAlgError(f"leading minor of order {j + 1} is not positive")
            self.lower[j, j] = np.sqrt(s)
            for i in range(j + 1, n):
                self.lower[i, j] = (a[i, j] - self.lower[i, :j] @ self.lower[j, :j]) / self.lower[j, j]

    def update(self, x, sign=+1):
        x = x.copy()
        lower = self.lower
        n = x.size
        for k in range(n):
            inside = lower[k, k] ** 2 + sign * x[k] ** 2
            if inside <= 0:
                raise np.linalg.LinAlgError("downdate leaves the matrix indefinite")
            r = np.sqrt(inside)
            c, s = r / lower[k, k], x[k] / lower[k, k]
            lower[k, k] = r
            if k + 1 < n:
                lower[k + 1 :, k] = (lower[k + 1 :, k] + sign * s * x[k + 1 :]) / c
                x[k + 1 :] = c * x[k + 1 :] - s * lower[k + 1 :, k]
        return self

    def solve(self, b):
        n = len(b)
        y = np.zeros(n)
        for i in range(n):
            y[i] = (b[i] - np.dot(self.lower[i, :i], y[:i])) / self.lower[i, i]
        for i in range(n - 1, -1, -1):
            y[i] = (y[i] - self.lower[i + 1 :, i] @ y[i + 1 :]) / self.lower[i, i]
        return y

    @property
    def logdet(self):
        return 2 * np.log(np.diag(self.lower)).sum()


def recursive_regression(x, y, window, ridge=1e-3):
    """Least squares in a moving window; each step updates and downdates the Cholesky factor of the normal equations."""
    n, k = x.shape
    factor = CholeskyFactor(ridge * np.eye(k))
    xy = np.zeros(k)
    coefficients = np.full((n, k), np.nan)
    logdets = []
    for t in range(n):
        factor.update(x[t])
        xy += x[t] * y[t]
        if t >= window:
            try:
                factor.update(x[t - window], sign=-1)
            except np.linalg.LinAlgError as error:
                print(f"restart at {t}: {error}")
                inside = x[t - window + 1 : t + 1]
                factor = CholeskyFactor(inside.T @ inside + ridge * np.eye(k))
            xy -= x[t - window] * y[t - window]
        if t >= window - 1:
            coefficients[t] = factor.solve(xy)
            logdets.append(factor.logdet)
    return coefficients, logdets


def pade_exponential(a, order=6, check=True):
    """exp(A) by a diagonal Padé approximant with scaling and squaring; solves by its own elimination."""
    a = np.asarray(a)
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise ValueError("expected a square matrix, got shape " + str(a.shape))
    n = a.shape[0]
    norm = np.abs(a).sum(axis=1).max()
    squarings = 0
    while norm > 0.5:
        norm /= 2
        squarings += 1
    a = a / 2**squarings
    c = 1.0
    power = np.eye(n, dtype=a.dtype)
    numerator, denominator = power.copy(), power.copy()
    for k in range(1, order + 1):
        c *= (order - k + 1) / (k * (2 * order - k + 1))
        power = a @ power
        numerator = numerator + c * power
        denominator = denominator + (c if k % 2 == 0 else -c) * power
    left, right = denominator.copy(), numerator.copy()
    for col in range(n):
        pivot = col + int(np.argmax(np.abs(left[col:, col])))
        if pivot != col:
            left[[col, pivot]] = left[[pivot, col]]
            right[[col, pivot]] = right[[pivot, col]]
        for row in range(col + 1, n):
            factor = left[row, col] / left[col, col]
            left[row, col:] -= factor * left[col, col:]
            right[row] -= factor * right[col]
    for row in range(n - 1, -1, -1):
        right[row] = (right[row] - left[row, row + 1 :] @ right[row + 1 :]) / left[row, row]
    for _ in range(squarings):
        right = right @ right
    if check:
        assert np.all(np.isfinite(right)), "overflow in the exponential"
    return right


def francis_eigenvalues(a, max_sweeps=200, eps=1e-12):
    """All eigenvalues of a real matrix: Hessenberg form, then shifted QR steps with deflation; 2 x 2 blocks give pairs."""
    h = a.astype(np.float64).copy()
    n = h.shape[0]
    for k in range(n - 2):
        x = h[k + 1 :, k].copy()
        s = np.sqrt((x**2).sum())
        if s == 0:
            continue
        x[0] += np.copysign(s, x[0])
        x /= np.linalg.norm(x)
        h[k + 1 :, k:] -= 2 * np.outer(x, x @ h[k + 1 :, k:])
        h[:, k + 1 :] -= 2 * np.outer(h[:, k + 1 :] @ x, x)
    values = []
    hi = n - 1
    sweeps = 0
    while hi >= 0:
        if hi == 0:
            values.append(complex(h[0, 0]))
            break
        lo = hi
        while lo > 0 and abs(h[lo, lo - 1]) > eps * (abs(h[lo, lo]) + abs(h[lo - 1, lo - 1])):
            lo -= 1
        if lo == hi:
            values.append(complex(h[hi, hi]))
            hi -= 1
            continue
        tr = h[hi, hi] + h[hi - 1, hi - 1]
        det = h[hi, hi] * h[hi - 1, hi - 1] - h[hi, hi - 1] * h[hi - 1, hi]
        disc = tr * tr / 4 - det
        if lo == hi - 1:
            root = np.sqrt(complex(disc))
            values.extend([complex(tr / 2 + root), complex(tr / 2 - root)])
            hi -= 2
            continue
        sweeps += 1
        if sweeps > max_sweeps:
            raise RuntimeError("no convergence")
        p = h[lo, lo] ** 2 + h[lo, lo + 1] * h[lo + 1, lo] - tr * h[lo, lo] + det
        q = h[lo + 1, lo] * (h[lo, lo] + h[lo + 1, lo + 1] - tr)
        r = h[lo + 1, lo] * h[lo + 2, lo + 1]
        for k in range(lo, hi - 1):
            w = np.array([p, q, r])
            size = np.sqrt(w @ w)
            if size > 0:
                w[0] += size if w[0] >= 0 else -size
                w /= np.sqrt(w @ w)
                left = max(k - 1, lo)
                h[k : k + 3, left:] -= 2 * np.outer(w, w @ h[k : k + 3, left:])
                last = min(k + 4, hi + 1)
                h[:last, k : k + 3] -= 2 * np.outer(h[:last, k : k + 3] @ w, w)
            p, q = h[k + 1, k], h[k + 2, k]
            if k < hi - 2:
                r = h[k + 3, k]
        w = np.array([p, q])
        size = np.hypot(p, q)
        if size > 0:
            w[0] += size if w[0] >= 0 else -size
            w /= np.hypot(w[0], w[1])
            k = hi - 1
            h[k : k + 2, k - 1 :] -= 2 * np.outer(w, w @ h[k : k + 2, k - 1 :])
            h[: hi + 1, k : k + 2] -= 2 * np.outer(h[: hi + 1, k : k + 2] @ w, w)
    return sorted(values, key=lambda z: (round(z.real, 6), round(z.imag, 6)))


def _spd(rng, n):
    m = rng.standard_normal((n, n))
    return m @ m.T + n * np.eye(n)


CASES = {
    golub_kahan: lambda rng: [
        (rng.standard_normal((8, 5)),),
        (rng.standard_normal((6, 6)), False),
        (rng.integers(-3, 4, (7, 3)), True),
        (rng.standard_normal((3, 6)),),
    ],
    restarted_gmres: lambda rng: [
        ("dense", _spd(rng, 20), rng.standard_normal(20)),
        ("tridiagonal", (np.full(29, -1.0), np.full(30, 3.0), np.full(29, -1.5)), np.ones(30), np.zeros(30, int), 6, 20),
        ("dense", np.eye(5), np.zeros(5)),
        ("csr", None, np.zeros(5)),
    ],
    recursive_regression: lambda rng: [
        (rng.standard_normal((40, 3)), rng.standard_normal(40), 12),
        (rng.standard_normal((25, 2)).astype(np.float32), rng.standard_normal(25).astype(np.float32), 8, 0.1),
        (rng.standard_normal((15, 4)), rng.standard_normal(15), 6, 1.0),
    ],
    pade_exponential: lambda rng: [
        (rng.standard_normal((5, 5)),),
        (rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3)), 8),
        (np.array([[0, 1], [-1, 0]]), 5, False),
        (rng.standard_normal((3, 4)),),
    ],
    francis_eigenvalues: lambda rng: [
        (rng.standard_normal((6, 6)),),
        (_spd(rng, 5),),
        (np.array([[0, -1], [1, 0]]),),
        (rng.standard_normal((9, 9)).astype(np.float32), 300, 1e-6),
    ],
}
