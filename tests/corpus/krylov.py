"""Dense and iterative linear algebra as one writes it by hand."""

import math
from collections import namedtuple

import numpy as np

EPS = np.finfo(float).eps
Solution = namedtuple("Solution", ["x", "iterations", "residual", "converged"])


def gmres(A, b, x0=None, max_iter=None, tol=1e-10):
    """Arnoldi with Givens rotations, no restart."""
    n = len(b)
    max_iter = max_iter or n
    x = np.zeros(n) if x0 is None else x0.astype(float)
    r = b - A @ x
    beta = np.linalg.norm(r)
    if beta == 0:
        return x, [0.0]
    Q = np.zeros((n, max_iter + 1))
    H = np.zeros((max_iter + 1, max_iter))
    cs, sn = np.zeros(max_iter), np.zeros(max_iter)
    e1 = np.zeros(max_iter + 1)
    e1[0] = beta
    Q[:, 0] = r / beta
    errors = [1.0]
    k = 0
    for k in range(max_iter):
        q = A @ Q[:, k]
        for i in range(k + 1):
            H[i, k] = q @ Q[:, i]
            q = q - H[i, k] * Q[:, i]
        H[k + 1, k] = np.linalg.norm(q)
        if H[k + 1, k] > 1e-14:
            Q[:, k + 1] = q / H[k + 1, k]
        for i in range(k):
            temp = cs[i] * H[i, k] + sn[i] * H[i + 1, k]
            H[i + 1, k] = -sn[i] * H[i, k] + cs[i] * H[i + 1, k]
            H[i, k] = temp
        t = np.hypot(H[k, k], H[k + 1, k])
        cs[k], sn[k] = H[k, k] / t, H[k + 1, k] / t
        H[k, k] = cs[k] * H[k, k] + sn[k] * H[k + 1, k]
        H[k + 1, k] = 0.0
        e1[k + 1] = -sn[k] * e1[k]
        e1[k] = cs[k] * e1[k]
        errors.append(abs(e1[k + 1]) / beta)
        if errors[-1] <= tol:
            break
    y = np.zeros(k + 1)
    for i in range(k, -1, -1):
        y[i] = (e1[i] - H[i, i + 1 : k + 1] @ y[i + 1 : k + 1]) / H[i, i]
    return x + Q[:, : k + 1] @ y, errors


def bicgstab(A, b, tol=1e-10, max_iter=100):
    """Van der Vorst's method, with its ways of breaking down."""
    x = np.zeros_like(b)
    r = b - A.dot(x)
    r0 = r.copy()
    rho = alpha = omega = 1.0
    v = p = np.zeros_like(b)
    norm_b = np.linalg.norm(b) or 1.0
    for it in range(1, max_iter + 1):
        rho_new = np.dot(r0, r)
        if abs(rho_new) < 1e-300:
            return Solution(x, it, np.linalg.norm(r) / norm_b, False)
        beta = (rho_new / rho) * (alpha / omega)
        p = r + beta * (p - omega * v)
        v = A.dot(p)
        alpha = rho_new / np.dot(r0, v)
        s = r - alpha * v
        if np.linalg.norm(s) / norm_b < tol:
            x = x + alpha * p
            return Solution(x, it, np.linalg.norm(s) / norm_b, True)
        t = A.dot(s)
        omega = np.dot(t, s) / np.dot(t, t)
        x = x + alpha * p + omega * s
        r = s - omega * t
        rho = rho_new
        if np.linalg.norm(r) / norm_b < tol:
            return Solution(x, it, np.linalg.norm(r) / norm_b, True)
    return Solution(x, max_iter, np.linalg.norm(r) / norm_b, False)


def arnoldi(A, v, m):
    """An orthonormal basis and the Hessenberg matrix; fewer columns when the space is exhausted."""
    n = A.shape[0]
    V = np.zeros((n, m + 1), dtype=A.dtype)
    H = np.zeros((m + 1, m), dtype=A.dtype)
    V[:, 0] = v / np.linalg.norm(v)
    for j in range(m):
        w = A @ V[:, j]
        for i in range(j + 1):
            H[i, j] = np.vdot(V[:, i], w)
            w -= H[i, j] * V[:, i]
        H[j + 1, j] = np.linalg.norm(w)
        if H[j + 1, j] < 1e-12:
            return V[:, : j + 1], H[: j + 1, : j + 1]
        V[:, j + 1] = w / H[j + 1, j]
    return V, H


def lanczos(A, q, k, reorthogonalise=True):
    """Tridiagonal coefficients and Ritz values of a symmetric matrix."""
    n = len(q)
    alpha, beta = [], []
    Q = [q / np.linalg.norm(q)]
    for j in range(min(k, n)):
        w = A @ Q[j]
        a = w @ Q[j]
        alpha.append(a)
        w = w - a * Q[j]
        if j > 0:
            w -= beta[-1] * Q[j - 1]
        if reorthogonalise:
            for u in Q:
                w -= (w @ u) * u
        b = np.sqrt(w @ w)
        if b < 1e-10:
            break
        beta.append(b)
        Q.append(w / b)
    m = len(alpha)
    T = np.zeros((m, m))
    for i in range(m):
        T[i, i] = alpha[i]
        if i + 1 < m:
            T[i, i + 1] = T[i + 1, i] = beta[i]
    return np.linalg.eigvalsh(T), np.array(alpha), np.array(beta)


def crout(A):
    """LU with ones on the diagonal of U, element by element."""
    n = A.shape[0]
    L = np.zeros((n, n))
    U = np.identity(n)
    for j in range(n):
        for i in range(j, n):
            total = 0
            for k in range(j):
                total += L[i][k] * U[k][j]
            L[i][j] = A[i][j] - total
        if L[j][j] == 0:
            raise ZeroDivisionError(f"pivot {j} is zero")
        for i in range(j + 1, n):
            total = 0
            for k in range(j):
                total += L[j][k] * U[k][i]
            U[j][i] = (A[j][i] - total) / L[j][j]
    return L, U


def lu_solve_scaled(A, b):
    """Gaussian elimination with scaled row pivoting and index vector, as in Cheney and Kincaid."""
    a = np.array(A, dtype=float)
    n = len(b)
    index = list(range(n))
    scale = [max(abs(a[i, j]) for j in range(n)) for i in range(n)]
    for k in range(n - 1):
        biggest = 0.0
        for i in range(k, n):
            r = abs(a[index[i], k] / scale[index[i]])
            if r > biggest:
                biggest, pivot = r, i
        index[pivot], index[k] = index[k], index[pivot]
        for i in range(k + 1, n):
            m = a[index[i], k] / a[index[k], k]
            a[index[i], k] = m
            for j in range(k + 1, n):
                a[index[i], j] -= m * a[index[k], j]
    y = np.array(b, dtype=float)
    for k in range(n - 1):
        for i in range(k + 1, n):
            y[index[i]] -= a[index[i], k] * y[index[k]]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        total = y[index[i]]
        for j in range(i + 1, n):
            total -= a[index[i], j] * x[j]
        x[i] = total / a[index[i], i]
    return x, index


def ldlt(A):
    """L D Lᵀ without square roots; None where a pivot vanishes."""
    n = A.shape[0]
    L = np.eye(n, dtype=A.dtype)
    d = np.zeros(n, dtype=A.dtype)
    for j in range(n):
        d[j] = A[j, j] - np.sum(L[j, :j] ** 2 * d[:j])
        if abs(d[j]) < 1e-12:
            return None
        for i in range(j + 1, n):
            L[i, j] = (A[i, j] - np.sum(L[i, :j] * L[j, :j] * d[:j])) / d[j]
    return L, d


def _house(x):
    sigma = x[1:] @ x[1:]
    v = x.copy()
    v[0] = 1.0
    if sigma == 0 and x[0] >= 0:
        return v, 0.0
    if sigma == 0:
        return v, 2.0
    mu = math.sqrt(x[0] ** 2 + sigma)
    v[0] = x[0] - mu if x[0] <= 0 else -sigma / (x[0] + mu)
    beta = 2 * v[0] ** 2 / (sigma + v[0] ** 2)
    v /= v[0]
    return v, beta


def hessenberg(A):
    """Reduction by Householder reflections after Golub and Van Loan."""
    H = np.array(A, dtype=float, copy=True)
    n = H.shape[0]
    Q = np.eye(n)
    for k in range(n - 2):
        v, beta = _house(H[k + 1 :, k])
        H[k + 1 :, k:] -= beta * np.outer(v, v @ H[k + 1 :, k:])
        H[:, k + 1 :] -= beta * np.outer(H[:, k + 1 :] @ v, v)
        Q[:, k + 1 :] -= beta * np.outer(Q[:, k + 1 :] @ v, v)
    return H, Q


def _givens(a, b):
    if b == 0:
        return 1.0, 0.0
    if abs(b) > abs(a):
        tau = -a / b
        s = 1 / math.sqrt(1 + tau**2)
        return s * tau, s
    tau = -b / a
    c = 1 / math.sqrt(1 + tau**2)
    return c, c * tau


def hessenberg_qr_step(H, shifts):
    """QR steps with given shifts on a Hessenberg matrix, in place, by Givens rotations kept in a list."""
    n = H.shape[0]
    for mu in shifts:
        for i in range(n):
            H[i, i] -= mu
        rotations = []
        for k in range(n - 1):
            c, s = _givens(H[k, k], H[k + 1, k])
            G = np.array([[c, -s], [s, c]])
            H[k : k + 2, k:] = G @ H[k : k + 2, k:]
            rotations.append(G)
        for k, G in enumerate(rotations):
            H[: k + 2, k : k + 2] = H[: k + 2, k : k + 2] @ G.T
        H[np.diag_indices(n)] += mu
    return H


def qr_algorithm(A, tol=1e-9, max_iter=200):
    """Eigenvalues of a symmetric matrix with Wilkinson's shift and deflation."""
    T = A.astype(float)
    n = T.shape[0]
    values = np.empty(n)
    iterations = 0
    while n > 1:
        while abs(T[n - 1, n - 2]) > tol and iterations < max_iter:
            d = (T[n - 2, n - 2] - T[n - 1, n - 1]) / 2
            off = T[n - 1, n - 2]
            sign = 1 if d >= 0 else -1
            mu = T[n - 1, n - 1] - sign * off**2 / (abs(d) + math.hypot(d, off))
            Q, R = np.linalg.qr(T[:n, :n] - mu * np.eye(n))
            T[:n, :n] = R @ Q + mu * np.eye(n)
            iterations += 1
        values[n - 1] = T[n - 1, n - 1]
        n -= 1
    if len(values):
        values[0] = T[0, 0]
    return np.sort(values)[::-1]


def rayleigh_quotient_iteration(A, x, tol=1e-12, max_iter=8):
    """Cubic convergence towards some eigenpair."""
    x = x / np.linalg.norm(x)
    mu = x @ A @ x
    for i in range(max_iter):
        try:
            y = np.linalg.solve(A - mu * np.eye(len(x)), x)
        except np.linalg.LinAlgError:
            return mu, x, i
        x = y / np.linalg.norm(y)
        new = x @ A @ x
        if abs(new - mu) < tol * abs(new):
            return new, x, i + 1
        mu = new
    return mu, x, max_iter


def block_thomas(lower, diagonal, upper, rhs):
    """A block tridiagonal system; blocks are stacked along the first axis."""
    n, m = rhs.shape
    D = diagonal.copy()
    d = rhs.copy()
    for i in range(1, n):
        w = np.linalg.solve(D[i - 1].T, lower[i - 1].T).T
        D[i] = D[i] - w @ upper[i - 1]
        d[i] = d[i] - w @ d[i - 1]
    x = np.zeros((n, m))
    x[-1] = np.linalg.solve(D[-1], d[-1])
    for i in reversed(range(n - 1)):
        x[i] = np.linalg.solve(D[i], d[i] - upper[i] @ x[i + 1])
    return x


def thomas_in_place(a, b, c, d):
    """Solves in d and spoils b; raises on a zero pivot."""
    n = d.size
    for i in range(1, n):
        if b[i - 1] == 0.0:
            raise ZeroDivisionError(f"zero pivot in row {i - 1}")
        m = a[i - 1] / b[i - 1]
        b[i] -= m * c[i - 1]
        d[i] -= m * d[i - 1]
    d[-1] /= b[-1]
    for i in range(n - 2, -1, -1):
        d[i] = (d[i] - c[i] * d[i + 1]) / b[i]


def jacobi_iteration(A, b, x0=None, tol=1e-8, max_iter=500):
    """x ← D⁻¹(b − R x), with a table of residuals."""
    D = np.diag(A)
    if np.any(D == 0):
        raise ValueError("zero on the diagonal")
    if not np.all(2 * np.abs(D) > np.abs(A).sum(axis=1)):
        print("not diagonally dominant")
    R = A - np.diagflat(D)
    x = np.zeros_like(b) if x0 is None else x0
    table = []
    for k in range(max_iter):
        new = (b - R @ x) / D
        change = np.linalg.norm(new - x, np.inf)
        table.append((k, change))
        x = new
        if change < tol:
            break
    return x, table


def preconditioned_cg(A, b, preconditioner="jacobi", tol=1e-7):
    """Conjugate gradients with a table of preconditioners."""
    diagonal = A.diagonal()

    def ssor(r):
        y = np.zeros_like(r)
        for i in range(len(r)):
            y[i] = (r[i] - A[i, :i] @ y[:i]) / diagonal[i]
        y *= diagonal
        for i in range(len(r) - 1, -1, -1):
            y[i] = (y[i] - A[i, i + 1 :] @ y[i + 1 :]) / diagonal[i]
        return y

    apply = {"none": lambda r: r, "jacobi": lambda r: r / diagonal, "ssor": ssor}[preconditioner]
    x = np.zeros(b.shape)
    r = b - A @ x
    z = apply(r)
    p = z
    rz = r @ z
    history = [float(np.linalg.norm(r))]
    while history[-1] > tol and len(history) < 2 * len(b) + 2:
        Ap = A @ p
        alpha = rz / (p @ Ap)
        x += alpha * p
        r = r - alpha * Ap
        z = apply(r)
        rz, old = r @ z, rz
        p = z + rz / old * p
        history.append(float(np.linalg.norm(r)))
    return x, len(history)


def svd_one_sided_jacobi(A, tol=1e-10, sweeps=30):
    """Hestenes' method: columns made orthogonal by rotations."""
    U = A.copy().astype(np.float64)
    m, n = U.shape
    V = np.eye(n)
    for _ in range(sweeps):
        rotated = False
        for p in range(n - 1):
            for q in range(p + 1, n):
                alpha = np.dot(U[:, p], U[:, p])
                beta = np.dot(U[:, q], U[:, q])
                gamma = np.dot(U[:, p], U[:, q])
                if abs(gamma) <= tol * math.sqrt(alpha * beta):
                    continue
                rotated = True
                zeta = (beta - alpha) / (2 * gamma)
                t = math.copysign(1.0, zeta) / (abs(zeta) + math.sqrt(1 + zeta * zeta))
                c = 1 / math.sqrt(1 + t * t)
                s = c * t
                for M in (U, V):
                    left = M[:, p].copy()
                    M[:, p] = c * left - s * M[:, q]
                    M[:, q] = s * left + c * M[:, q]
        if not rotated:
            break
    sigma = np.linalg.norm(U, axis=0)
    order = np.argsort(sigma)[::-1]
    return U[:, order] / np.where(sigma[order] > 0, sigma[order], 1), sigma[order], V[:, order]


def randomized_range(A, omega, power=1):
    """Subspace iteration from a given test matrix; rank at which the diagonal of R falls."""
    Y = A @ omega
    for _ in range(power):
        Q, _ = np.linalg.qr(Y)
        Z, _ = np.linalg.qr(A.T @ Q)
        Y = A @ Z
    Q, R = np.linalg.qr(Y)
    d = np.abs(np.diag(R))
    rank = int(np.sum(d > d.max() * 1e-10)) if d.size else 0
    return Q[:, :rank] @ (Q[:, :rank].T @ A), rank


class Givens:
    """A rotation in the plane of two rows."""

    def __init__(self, i, k, c, s):
        self.i, self.k, self.c, self.s = i, k, c, s

    def apply(self, M):
        top, bottom = M[self.i].copy(), M[self.k].copy()
        M[self.i] = self.c * top + self.s * bottom
        M[self.k] = -self.s * top + self.c * bottom
        return M


def least_squares_givens(A, b):
    """Full-rank least squares by rotations of [A | b] that are objects of a small class."""
    m, n = A.shape
    if m < n:
        raise ValueError("underdetermined")
    M = np.column_stack([A, b]).astype(float)
    for j in range(n):
        for i in range(m - 1, j, -1):
            r = math.hypot(M[i - 1, j], M[i, j])
            if r == 0:
                continue
            Givens(i - 1, i, M[i - 1, j] / r, M[i, j] / r).apply(M)
    x = np.zeros(n)
    for j in range(n - 1, -1, -1):
        x[j] = (M[j, n] - M[j, j + 1 : n] @ x[j + 1 :]) / M[j, j]
    return x, np.linalg.norm(M[n:, n])


def matrix_exponential(A, order=8):
    """Scaling and squaring of a Padé approximant."""
    norm = np.linalg.norm(A, 1)
    s = max(0, int(math.log2(norm)) + 2) if norm > 0 else 0
    B = A / 2**s
    n = A.shape[0]
    term = N = D = np.eye(n)
    c = 1.0
    for k in range(1, order + 1):
        c *= (order - k + 1) / (k * (2 * order - k + 1))
        term = B @ term
        N = N + c * term
        D = D + (-1) ** k * c * term
    E = np.linalg.solve(D, N)
    for _ in range(s):
        E = E @ E
    return E


def condition_estimate(A, steps=5):
    """Hager's estimate of the 1-norm condition number."""
    n = A.shape[0]
    inverse_t = np.linalg.inv(A).T
    x = np.full(n, 1 / n)
    estimate = 0.0
    for _ in range(steps):
        y = inverse_t.T @ x
        estimate = max(estimate, np.abs(y).sum())
        xi = np.where(y >= 0, 1.0, -1.0)
        z = inverse_t @ xi
        j = np.argmax(np.abs(z))
        if abs(z[j]) <= z @ x:
            break
        x = np.zeros(n)
        x[j] = 1.0
    return estimate * np.abs(A).sum(axis=0).max()


def band_cholesky(ab):
    """Lower band storage in place: ab[d, j] is A[j + d, j]."""
    bands, n = ab.shape
    for j in range(n):
        if ab[0, j] <= 0:
            raise np.linalg.LinAlgError(f"leading minor {j + 1} is not positive")
        ab[0, j] = math.sqrt(ab[0, j])
        reach = min(bands, n - j)
        for d in range(1, reach):
            ab[d, j] /= ab[0, j]
        for k in range(1, reach):
            for d in range(k, reach):
                ab[d - k, j + k] -= ab[d, j] * ab[k, j]
    return ab


def _spd(rng, n, dtype=np.float64):
    M = rng.standard_normal((n, n))
    return (M @ M.T + n * np.eye(n)).astype(dtype)


def _dominant(rng, n, dtype=np.float64):
    return (rng.standard_normal((n, n)) + 2 * n * np.eye(n)).astype(dtype)


def _tridiagonal(rng, n):
    return rng.random(max(n - 1, 0)), 3 + rng.random(n), rng.random(max(n - 1, 0)), rng.random(n)


CASES = {
    gmres: lambda rng: [
        (_dominant(rng, 40), rng.random(40)), (_dominant(rng, 12), rng.random(12), rng.random(12), 5), (np.eye(4), np.zeros(4)),
        (_dominant(rng, 3), np.array([1, 2, 3])),
    ],
    bicgstab: lambda rng: [
        (_dominant(rng, 60), rng.random(60)), (_dominant(rng, 8), np.zeros(8)), (_dominant(rng, 20), rng.random(20), 1e-14, 3),
        (_dominant(rng, 9, np.float32), rng.random(9).astype(np.float32), 1e-4), (np.eye(3), np.ones(4)),
    ],
    arnoldi: lambda rng: [
        # With a large multiple of the identity added, NumPy's own result would be right to three digits only.
        (rng.standard_normal((50, 50)), rng.random(50), 12), (np.eye(5), np.ones(5), 3),
        (rng.standard_normal((6, 6)).astype(np.float32), np.ones(6, np.float32), 4),
    ],
    lanczos: lambda rng: [
        (_spd(rng, 40), rng.random(40), 10), (_spd(rng, 12), rng.random(12), 6, False), (np.eye(3), np.ones(3), 3),
        (_spd(rng, 3), np.ones(3), 5),
    ],
    crout: lambda rng: [(_dominant(rng, 24),), (_dominant(rng, 3),), (np.zeros((2, 2)),), (np.array([[4, 3], [6, 3]]),)],
    lu_solve_scaled: lambda rng: [
        (_dominant(rng, 24), rng.random(24)), ([[3, -13, 9], [-6, 4, 1], [6, -2, 2]], [3, 4, 5]),
        (rng.random((6, 6)), rng.random(6)),
    ],
    ldlt: lambda rng: [(_spd(rng, 30),), (_spd(rng, 5, np.float32),), (np.zeros((3, 3)),), (np.zeros((0, 0)),)],
    hessenberg: lambda rng: [
        (rng.random((30, 30)),), (rng.random((2, 2)),), (np.diag([1.0, 2.0, 3.0, 4.0]),), (-np.eye(4, k=-1),),
    ],
    hessenberg_qr_step: lambda rng: [
        (np.triu(rng.random((20, 20)), -1), [0.5, 0.1, 0.0]), (np.triu(rng.random((4, 4)), -1), np.array([1.0, 0.3])),
        (np.diag([1.0, 2.0, 3.0]), [0.0]), (np.eye(3), []),
    ],
    qr_algorithm: lambda rng: [(_spd(rng, 10),), (np.diag([3, 1, 2]),), (np.array([[5.0]]),), (_spd(rng, 6), 1e-12, 4)],
    rayleigh_quotient_iteration: lambda rng: [
        (_spd(rng, 30), rng.random(30)), (np.diag([1.0, 2.0, 4.0]), np.array([1.0, 0.0, 0.0])),
        (_spd(rng, 5), rng.random(5), 1e-12, 1),
    ],
    block_thomas: lambda rng: [
        (rng.random((19, 3, 3)), rng.random((20, 3, 3)) + 6 * np.eye(3), rng.random((19, 3, 3)), rng.random((20, 3))),
        (rng.random((1, 2, 2)), rng.random((2, 2, 2)) + 3 * np.eye(2), rng.random((1, 2, 2)), rng.random((2, 2))),
        (np.zeros((0, 2, 2)), np.eye(2)[None], np.zeros((0, 2, 2)), np.ones((1, 2))),
        (np.zeros((1, 2, 2)), np.zeros((2, 2, 2)), np.zeros((1, 2, 2)), np.ones((2, 2))),
    ],
    thomas_in_place: lambda rng: [
        _tridiagonal(rng, 500), _tridiagonal(rng, 2), (np.ones(2), np.zeros(3), np.ones(2), np.ones(3)), _tridiagonal(rng, 1),
    ],
    jacobi_iteration: lambda rng: [
        (_dominant(rng, 40), rng.random(40)), (rng.random((4, 4)), rng.random(4), None, 1e-8, 6), (np.eye(3) - 1, np.ones(3)),
        (_dominant(rng, 5), np.ones(5), np.ones(5), 1e-3),
    ],
    preconditioned_cg: lambda rng: [
        (_spd(rng, 40), rng.random(40)), (_spd(rng, 12), rng.random(12), "ssor"), (_spd(rng, 6), rng.random(6), "none", 1e-4),
        (_spd(rng, 3), np.zeros(3)), (_spd(rng, 3), np.ones(3), "ilu"),
    ],
    svd_one_sided_jacobi: lambda rng: [
        (rng.random((20, 8)),), (rng.random((4, 3)).astype(np.float32),), (np.diag([1, 3, 2]),), (rng.random((5, 1)),),
    ],
    randomized_range: lambda rng: [
        (rng.random((40, 5)) @ rng.random((5, 30)), rng.random((30, 8))), (rng.random((6, 6)), rng.random((6, 3)), 0),
        (np.zeros((4, 4)), np.ones((4, 2))),
    ],
    least_squares_givens: lambda rng: [
        (rng.random((30, 5)), rng.random(30)), (np.array([[1, 1], [1, 2], [1, 3]]), np.array([1, 2, 2])),
        (rng.random((2, 3)), rng.random(2)),
        (np.eye(3), np.ones(3)),
    ],
    matrix_exponential: lambda rng: [
        (rng.random((12, 12)),), (np.zeros((3, 3)),), (30 * rng.random((4, 4)), 6), (np.array([[0, 1], [-1, 0]]),),
    ],
    condition_estimate: lambda rng: [(_dominant(rng, 20),), (np.eye(3),), (np.zeros((2, 2)),), (rng.random((6, 6)), 1)],
    band_cholesky: lambda rng: [
        (np.vstack([4 + rng.random(100), rng.random(100), 0.5 * rng.random(100)]),),
        (np.array([[4.0, 4.0, 4.0], [1.0, 1.0, 1.0]]),),
        (np.array([[1.0, 1.0], [2.0, 0.0]]),), (np.ones((1, 5)),),
    ],
}  # fmt: skip
