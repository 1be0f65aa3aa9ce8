"""Linear algebra by hand."""

import math

import numpy as np


def matmul_loops(A, B):
    n, k = A.shape
    m = B.shape[1]
    C = np.zeros((n, m), dtype=A.dtype)
    for i in range(n):
        for j in range(m):
            for p in range(k):
                C[i, j] += A[i, p] * B[p, j]
    return C


def lu_doolittle(A):
    n = A.shape[0]
    L = np.eye(n)
    U = np.zeros((n, n))
    for i in range(n):
        for j in range(i, n):
            U[i, j] = A[i, j] - L[i, :i] @ U[:i, j]
        for j in range(i + 1, n):
            L[j, i] = (A[j, i] - np.dot(L[j, :i], U[:i, i])) / U[i, i]
    return L, U


def lu_partial_pivoting(A):
    A = A.copy()
    n = A.shape[0]
    piv = np.arange(n)
    sign = 1
    for k in range(n - 1):
        p = k + np.argmax(np.abs(A[k:, k]))
        if A[p, k] == 0:
            raise ValueError("matrix is singular")
        if p != k:
            A[[k, p]] = A[[p, k]]
            piv[k], piv[p] = piv[p], piv[k]
            sign = -sign
        A[k + 1 :, k] /= A[k, k]
        A[k + 1 :, k + 1 :] -= np.outer(A[k + 1 :, k], A[k, k + 1 :])
    return A, piv, sign * np.prod(np.diag(A))


def cholesky_scalar(A):
    n = len(A)
    L = np.zeros_like(A)
    for i in range(n):
        for j in range(i + 1):
            s = 0.0
            for k in range(j):
                s += L[i, k] * L[j, k]
            if i == j:
                if A[i, i] - s <= 0:
                    raise np.linalg.LinAlgError("matrix is not positive definite")
                L[i, j] = math.sqrt(A[i, i] - s)
            else:
                L[i, j] = (A[i, j] - s) / L[j, j]
    return L


def cholesky_columns(A):
    L = np.tril(A)
    n = L.shape[0]
    for j in range(n):
        L[j:, j] -= L[j:, :j] @ L[j, :j]
        L[j:, j] /= np.sqrt(L[j, j])
    return L


def forward_substitution(L, b):
    x = np.zeros_like(b)
    for i in range(len(b)):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return x


def back_substitution(U, b):
    n = b.shape[0]
    x = np.empty(n)
    for i in range(n - 1, -1, -1):
        x[i] = (b[i] - np.sum(U[i, i + 1 :] * x[i + 1 :])) / U[i, i]
    return x


def gram_schmidt(A):
    """QR by the modified Gram–Schmidt process."""
    m, n = A.shape
    Q = A.astype(float)
    R = np.zeros((n, n))
    for k in range(n):
        R[k, k] = np.linalg.norm(Q[:, k])
        Q[:, k] /= R[k, k]
        for j in range(k + 1, n):
            R[k, j] = Q[:, k] @ Q[:, j]
            Q[:, j] -= R[k, j] * Q[:, k]
    return Q, R


def householder_qr(A):
    R = A.copy()
    m, n = R.shape
    Q = np.eye(m)
    for k in range(min(m - 1, n)):
        x = R[k:, k]
        v = x.copy()
        v[0] += np.copysign(np.linalg.norm(x), x[0])
        v /= np.linalg.norm(v)
        R[k:, k:] -= 2 * np.outer(v, v @ R[k:, k:])
        Q[:, k:] -= 2 * np.outer(Q[:, k:] @ v, v)
    return Q, np.triu(R)


def givens_qr(A):
    R = A.copy()
    m, n = R.shape
    for j in range(n):
        for i in range(m - 1, j, -1):
            a, b = R[i - 1, j], R[i, j]
            if b == 0:
                continue
            r = math.hypot(a, b)
            c, s = a / r, b / r
            rows = R[i - 1 : i + 1, :].copy()
            R[i - 1] = c * rows[0] + s * rows[1]
            R[i] = -s * rows[0] + c * rows[1]
    return R


def power_iteration(A, x, tol=1e-10, max_iter=1000):
    value = 0.0
    for k in range(max_iter):
        y = A @ x
        x = y / np.linalg.norm(y)
        new = x @ A @ x
        if abs(new - value) < tol * abs(new):
            break
        value = new
    else:
        raise RuntimeError("power iteration did not converge")
    return new, x, k + 1


def conjugate_gradient(A, b, tol=1e-8):
    x = np.zeros_like(b)
    r = b - A @ x
    p = r.copy()
    rs = r @ r
    it = 0
    while np.sqrt(rs) > tol and it < 10 * len(b):
        Ap = A @ p
        alpha = rs / (p @ Ap)
        x += alpha * p
        r -= alpha * Ap
        rs_new = r @ r
        p = r + (rs_new / rs) * p
        rs = rs_new
        it += 1
    return x, it


def jacobi_eigenvalues(A, tol=1e-10):
    """Classical Jacobi rotations on a symmetric matrix: largest off-diagonal element first."""
    A = A.copy()
    n = A.shape[0]
    V = np.eye(n)
    while n > 1:
        off = np.abs(np.triu(A, 1))
        p, q = np.unravel_index(np.argmax(off), off.shape)
        if off[p, q] < tol:
            break
        theta = 0.5 * np.arctan2(2 * A[p, q], A[q, q] - A[p, p])
        c, s = np.cos(theta), np.sin(theta)
        J = np.eye(n)
        J[p, p] = J[q, q] = c
        J[p, q] = s
        J[q, p] = -s
        A = J.T @ A @ J
        V = V @ J
    return np.sort(np.diag(A)), V


def thomas(a, b, c, d):
    n = len(d)
    w = np.zeros(n - 1)
    g = np.zeros(n)
    x = np.zeros(n)
    w[0] = c[0] / b[0]
    g[0] = d[0] / b[0]
    for i in range(1, n - 1):
        w[i] = c[i] / (b[i] - a[i - 1] * w[i - 1])
    for i in range(1, n):
        g[i] = (d[i] - a[i - 1] * g[i - 1]) / (b[i] - a[i - 1] * w[i - 1])
    x[n - 1] = g[n - 1]
    for i in reversed(range(n - 1)):
        x[i] = g[i] - w[i] * x[i + 1]
    return x


def gauss_elimination(A, b):
    """Solves in place: the caller's A and b are overwritten."""
    n = len(b)
    for i in range(n):
        best = i
        for r in range(i + 1, n):
            if abs(A[r, i]) > abs(A[best, i]):
                best = r
        if best != i:
            for c in range(n):
                A[i, c], A[best, c] = A[best, c], A[i, c]
            b[i], b[best] = b[best], b[i]
        assert A[i, i] != 0, f"zero pivot in column {i}"
        for r in range(i + 1, n):
            factor = A[r, i] / A[i, i]
            for c in range(i, n):
                A[r, c] -= factor * A[i, c]
            b[r] -= factor * b[i]
    x = np.zeros(n)
    for i in range(n - 1, -1, -1):
        total = b[i]
        for c in range(i + 1, n):
            total -= A[i, c] * x[c]
        x[i] = total / A[i, i]
    return x


def determinant_bareiss(M):
    """Fraction-free elimination in integers."""
    M = M.copy()
    n = M.shape[0]
    sign, prev = 1, 1
    for k in range(n - 1):
        if M[k, k] == 0:
            for r in range(k + 1, n):
                if M[r, k] != 0:
                    M[[k, r]] = M[[r, k]]
                    sign = -sign
                    break
            else:
                return 0
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                M[i, j] = (M[i, j] * M[k, k] - M[i, k] * M[k, j]) // prev
        prev = M[k, k]
    return sign * int(M[-1, -1])


def csr_matvec(data, indices, indptr, x):
    y = np.zeros(len(indptr) - 1, dtype=data.dtype)
    for row in range(len(y)):
        for k in range(indptr[row], indptr[row + 1]):
            y[row] += data[k] * x[indices[k]]
    return y


def _spd(rng, n):
    m = rng.random((n, n))
    return m @ m.T + n * np.eye(n)


def _csr(rng, n):
    counts = rng.integers(0, 4, n)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    return rng.random(indptr[-1]), rng.integers(0, n, indptr[-1]), indptr, rng.random(n)


CASES = {
    matmul_loops: lambda rng: [
        (rng.random((30, 20)), rng.random((20, 25))),
        (rng.integers(0, 9, (3, 4)), rng.integers(0, 9, (4, 2))),
        (rng.random((2, 0)), rng.random((0, 3))),
        (rng.random((5, 6)).astype(np.float32), rng.random((6, 1)).astype(np.float32)),
    ],
    lu_doolittle: lambda rng: [(_spd(rng, 20),), (_spd(rng, 1),)],
    lu_partial_pivoting: lambda rng: [(rng.random((20, 20)),), (rng.random((1, 1)),), (np.zeros((3, 3)),)],
    cholesky_scalar: lambda rng: [(_spd(rng, 20),), (_spd(rng, 5).astype(np.float32),), (-np.eye(2),), (np.zeros((0, 0)),)],
    cholesky_columns: lambda rng: [(_spd(rng, 30),), (_spd(rng, 1),)],
    forward_substitution: lambda rng: [
        (np.tril(_spd(rng, 60)), rng.random(60)),
        (np.tril(_spd(rng, 4)).astype(np.float32), rng.random(4).astype(np.float32)),
        (np.zeros((0, 0)), np.zeros(0)),
    ],
    back_substitution: lambda rng: [(np.triu(_spd(rng, 60)), rng.random(60)), (np.ones((1, 1)), np.ones(1))],
    gram_schmidt: lambda rng: [(rng.random((30, 12)),), (rng.integers(1, 9, (4, 2)),)],
    householder_qr: lambda rng: [(rng.random((20, 12)),), (rng.random((3, 3)).astype(np.float32),)],
    givens_qr: lambda rng: [(rng.random((14, 9)),), (np.triu(rng.random((3, 3))),)],
    power_iteration: lambda rng: [
        (_spd(rng, 30), np.ones(30)),
        (_spd(rng, 3), np.ones(3), 1e-4),
        (np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1.0, 2.0]), 0.0, 5),
    ],
    conjugate_gradient: lambda rng: [
        (_spd(rng, 50), rng.random(50)),
        (_spd(rng, 4).astype(np.float32), rng.random(4).astype(np.float32), 1e-3),
        (_spd(rng, 3), np.zeros(3)),
    ],
    jacobi_eigenvalues: lambda rng: [(_spd(rng, 7),), (_spd(rng, 1),)],
    thomas: lambda rng: [
        (rng.random(199), 3 + rng.random(200), rng.random(199), rng.random(200)),
        (rng.random(1), 3 + rng.random(2), rng.random(1), rng.random(2)),
        (np.zeros(0), np.ones(1), np.zeros(0), np.ones(1)),
    ],
    gauss_elimination: lambda rng: [
        (rng.random((15, 15)), rng.random(15)),
        (rng.random((4, 4))[::-1].T, rng.random(8)[::2]),
        (np.zeros((2, 2)), np.ones(2)),
    ],
    determinant_bareiss: lambda rng: [(rng.integers(-4, 5, (6, 6)),), (np.array([[0, 1], [0, 2]]),), (np.array([[7]]),)],
    csr_matvec: lambda rng: [_csr(rng, 200), _csr(rng, 3), (np.zeros(0), np.zeros(0, int), np.zeros(1, int), np.zeros(0))],
}
