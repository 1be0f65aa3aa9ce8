"""Dense kernels as loop nests and as slices: products of several matrices, solvers, stencils, statistics, dynamic programs."""

import numpy as np


def two_products(alpha, beta, A, B, C, D):
    D[:] = alpha * A @ B @ C + beta * D


def three_products(A, B, C, D):
    E = np.zeros((A.shape[0], B.shape[1]), A.dtype)
    F = np.zeros((C.shape[0], D.shape[1]), A.dtype)
    for i in range(A.shape[0]):
        for j in range(B.shape[1]):
            for k in range(A.shape[1]):
                E[i, j] += A[i, k] * B[k, j]
    for i in range(C.shape[0]):
        for j in range(D.shape[1]):
            F[i, j] = np.dot(C[i, :], D[:, j])
    return E @ F


def adi_sweeps(steps, n, u):
    """Alternating directions with the Thomas recurrences of each sweep kept in work arrays."""
    v = np.empty(u.shape, dtype=u.dtype)
    p = np.empty(u.shape, dtype=u.dtype)
    q = np.empty(u.shape, dtype=u.dtype)
    dx, dy, dt = 1.0 / n, 1.0 / n, 1.0 / steps if steps else 1.0
    mul1, mul2 = 2.0 * dt / (dx * dx), dt / (dy * dy)
    a = -mul1 / 2.0
    b = 1.0 + mul1
    c = a
    d = -mul2 / 2.0
    e = 1.0 + mul2
    f = d
    for t in range(1, steps + 1):
        v[0, 1 : n - 1] = 1.0
        p[1 : n - 1, 0] = 0.0
        q[1 : n - 1, 0] = v[0, 1 : n - 1]
        for j in range(1, n - 1):
            p[1 : n - 1, j] = -c / (a * p[1 : n - 1, j - 1] + b)
            q[1 : n - 1, j] = (
                -d * u[j, 0 : n - 2] + (1.0 + 2.0 * d) * u[j, 1 : n - 1] - f * u[j, 2:n] - a * q[1 : n - 1, j - 1]
            ) / (a * p[1 : n - 1, j - 1] + b)
        v[n - 1, 1 : n - 1] = 1.0
        for j in range(n - 2, 0, -1):
            v[j, 1 : n - 1] = p[1 : n - 1, j] * v[j + 1, 1 : n - 1] + q[1 : n - 1, j]
        u[1 : n - 1, 0] = 1.0
        p[1 : n - 1, 0] = 0.0
        q[1 : n - 1, 0] = u[1 : n - 1, 0]
        for j in range(1, n - 1):
            p[1 : n - 1, j] = -f / (d * p[1 : n - 1, j - 1] + e)
            q[1 : n - 1, j] = (
                -a * v[0 : n - 2, j] + (1.0 + 2.0 * a) * v[1 : n - 1, j] - c * v[2:n, j] - d * q[1 : n - 1, j - 1]
            ) / (d * p[1 : n - 1, j - 1] + e)
        u[1 : n - 1, n - 1] = 1.0
        for j in range(n - 2, 0, -1):
            u[1 : n - 1, j] = p[1 : n - 1, j] * u[1 : n - 1, j + 1] + q[1 : n - 1, j]


def atax(A, x):
    return (A @ x) @ A


def bicg(A, p, r):
    s = np.zeros(A.shape[1], A.dtype)
    q = np.zeros(A.shape[0], A.dtype)
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            s[j] += r[i] * A[i, j]
            q[i] += A[i, j] * p[j]
    return s, q


def cholesky_rows(A):
    """In place, by rows; the upper half is left as it was."""
    A[0, 0] = np.sqrt(A[0, 0])
    for i in range(1, A.shape[0]):
        for j in range(i):
            A[i, j] -= np.dot(A[i, :j], A[j, :j])
            A[i, j] /= A[j, j]
        A[i, i] -= np.dot(A[i, :i], A[i, :i])
        A[i, i] = np.sqrt(A[i, i])


def correlation(M, float_n, data):
    mean = np.mean(data, axis=0)
    stddev = np.std(data, axis=0)
    stddev[stddev <= 0.1] = 1.0
    data -= mean
    data /= np.sqrt(float_n) * stddev
    corr = np.eye(M, dtype=data.dtype)
    for i in range(M - 1):
        corr[i + 1 : M, i] = corr[i, i + 1 : M] = data[:, i] @ data[:, i + 1 : M]
    return corr


def covariance(M, float_n, data):
    data -= np.mean(data, axis=0)
    cov = np.zeros((M, M), dtype=data.dtype)
    for i in range(M):
        cov[i:M, i] = cov[i, i:M] = data[:, i] @ data[:, i:M] / (float_n - 1.0)
    return cov


def deriche(alpha, image):
    """Recursive edge detector: forward and backward passes along each axis."""
    k = (1.0 - np.exp(-alpha)) * (1.0 - np.exp(-alpha)) / (1.0 + alpha * np.exp(-alpha) - np.exp(2.0 * alpha))
    a1 = a5 = k
    a2 = a6 = k * np.exp(-alpha) * (alpha - 1.0)
    a3 = a7 = k * np.exp(-alpha) * (alpha + 1.0)
    a4 = a8 = -k * np.exp(-2.0 * alpha)
    b1 = 2.0 ** (-alpha)
    b2 = -np.exp(-2.0 * alpha)
    c1 = c2 = 1
    W, H = image.shape
    y1 = np.empty_like(image)
    y1[:, 0] = a1 * image[:, 0]
    y1[:, 1] = a1 * image[:, 1] + a2 * image[:, 0] + b1 * y1[:, 0]
    for j in range(2, H):
        y1[:, j] = a1 * image[:, j] + a2 * image[:, j - 1] + b1 * y1[:, j - 1] + b2 * y1[:, j - 2]
    y2 = np.empty_like(image)
    y2[:, -1] = 0.0
    y2[:, -2] = a3 * image[:, -1]
    for j in range(H - 3, -1, -1):
        y2[:, j] = a3 * image[:, j + 1] + a4 * image[:, j + 2] + b1 * y2[:, j + 1] + b2 * y2[:, j + 2]
    out = c1 * (y1 + y2)
    y1[0, :] = a5 * out[0, :]
    y1[1, :] = a5 * out[1, :] + a6 * out[0, :] + b1 * y1[0, :]
    for i in range(2, W):
        y1[i, :] = a5 * out[i, :] + a6 * out[i - 1, :] + b1 * y1[i - 1, :] + b2 * y1[i - 2, :]
    y2[-1, :] = 0.0
    y2[-2, :] = a7 * out[-1, :]
    for i in range(W - 3, -1, -1):
        y2[i, :] = a7 * out[i + 1, :] + a8 * out[i + 2, :] + b1 * y2[i + 1, :] + b2 * y2[i + 2, :]
    out[:] = c2 * (y1 + y2)
    return out


def doitgen(A, C4):
    nr, nq, np_ = A.shape
    total = np.zeros(np_, A.dtype)
    for r in range(nr):
        for q in range(nq):
            for p in range(np_):
                total[p] = 0
                for s in range(np_):
                    total[p] += A[r, q, s] * C4[s, p]
            for p in range(np_):
                A[r, q, p] = total[p]


def durbin(r):
    y = np.empty_like(r)
    alpha = -r[0]
    beta = 1.0
    y[0] = -r[0]
    for k in range(1, r.shape[0]):
        beta *= 1.0 - alpha * alpha
        alpha = -(r[k] + np.dot(np.flip(r[:k]), y[:k])) / beta
        y[:k] += alpha * np.flip(y[:k])
        y[k] = alpha
    return y


def fdtd_te(steps, ex, ey, hz, pulse):
    for t in range(steps):
        ey[0, :] = pulse[t]
        ey[1:, :] -= 0.5 * (hz[1:, :] - hz[:-1, :])
        ex[:, 1:] -= 0.5 * (hz[:, 1:] - hz[:, :-1])
        hz[:-1, :-1] -= 0.7 * (ex[:-1, 1:] - ex[:-1, :-1] + ey[1:, :-1] - ey[:-1, :-1])


def gemm_rows(alpha, beta, C, A, B):
    for i in range(C.shape[0]):
        C[i, :] *= beta
        for k in range(A.shape[1]):
            C[i, :] += alpha * A[i, k] * B[k, :]
    return C


def gemver(alpha, beta, A, u1, v1, u2, v2, w, x, y, z):
    A += np.outer(u1, v1) + np.outer(u2, v2)
    x += beta * y @ A + z
    w += alpha * A @ x


def gesummv(alpha, beta, A, B, x):
    tmp, y = np.zeros_like(x), np.zeros_like(x)
    for i in range(len(x)):
        for j in range(len(x)):
            tmp[i] = A[i, j] * x[j] + tmp[i]
            y[i] = B[i, j] * x[j] + y[i]
        y[i] = alpha * tmp[i] + beta * y[i]
    return y


def gramschmidt(A):
    Q = np.zeros_like(A)
    R = np.zeros((A.shape[1], A.shape[1]), dtype=A.dtype)
    for k in range(A.shape[1]):
        nrm = np.dot(A[:, k], A[:, k])
        R[k, k] = np.sqrt(nrm)
        Q[:, k] = A[:, k] / R[k, k]
        for j in range(k + 1, A.shape[1]):
            R[k, j] = np.dot(Q[:, k], A[:, j])
            A[:, j] -= Q[:, k] * R[k, j]
    return Q, R


def heat_3d(steps, A, B):
    def relax(dst, src):
        mid = src[1:-1, 1:-1, 1:-1]
        dst[1:-1, 1:-1, 1:-1] = (
            0.125 * (src[2:, 1:-1, 1:-1] - 2.0 * mid + src[:-2, 1:-1, 1:-1])
            + 0.125 * (src[1:-1, 2:, 1:-1] - 2.0 * mid + src[1:-1, :-2, 1:-1])
            + 0.125 * (src[1:-1, 1:-1, 2:] - 2.0 * mid + src[1:-1, 1:-1, 0:-2])
            + mid
        )

    for t in range(1, steps):
        relax(B, A)
        relax(A, B)


def jacobi_1d(steps, A, B):
    for t in range(1, steps):
        B[1:-1] = 0.33333 * (A[:-2] + A[1:-1] + A[2:])
        A[1:-1] = 0.33333 * (B[:-2] + B[1:-1] + B[2:])


def jacobi_2d(steps, A, B):
    n = A.shape[0]
    for _ in range(steps):
        for i in range(1, n - 1):
            for j in range(1, n - 1):
                B[i, j] = 0.2 * (A[i, j] + A[i, j - 1] + A[i, 1 + j] + A[1 + i, j] + A[i - 1, j])
        A[1:-1, 1:-1] = B[1:-1, 1:-1]


def lu_in_place(A):
    for i in range(A.shape[0]):
        for j in range(i):
            A[i, j] -= A[i, :j] @ A[:j, j]
            A[i, j] /= A[j, j]
        for j in range(i, A.shape[0]):
            A[i, j] -= A[i, :i] @ A[:i, j]


def ludcmp(A, b):
    x = np.zeros_like(b)
    y = np.zeros_like(b)
    n = A.shape[0]
    lu_in_place(A)
    for i in range(n):
        y[i] = b[i] - A[i, :i] @ y[:i]
    for i in range(n - 1, -1, -1):
        x[i] = (y[i] - A[i, i + 1 :] @ x[i + 1 :]) / A[i, i]
    return x, y


def mvt(x1, x2, y1, y2, A):
    x1 += A @ y1
    x2 += y2 @ A


def match(b1, b2):
    if b1 + b2 == 3:
        return 1
    else:
        return 0


def nussinov(N, seq):
    """Pairs in the folding of an RNA strand."""
    table = np.zeros((N, N), np.int32)
    for i in range(N - 1, -1, -1):
        for j in range(i + 1, N):
            if j - 1 >= 0:
                table[i, j] = max(table[i, j], table[i, j - 1])
            if i + 1 < N:
                table[i, j] = max(table[i, j], table[i + 1, j])
            if j - 1 >= 0 and i + 1 < N:
                if i < j - 1:
                    table[i, j] = max(table[i, j], table[i + 1, j - 1] + match(seq[i], seq[j]))
                else:
                    table[i, j] = max(table[i, j], table[i + 1, j - 1])
            for k in range(i + 1, j):
                table[i, j] = max(table[i, j], table[i, k] + table[k + 1, j])
    return table


def seidel_2d(steps, N, A):
    for t in range(0, steps - 1):
        for i in range(1, N - 1):
            A[i, 1:-1] += (
                A[i - 1, :-2] + A[i - 1, 1:-1] + A[i - 1, 2:] + A[i, 2:] + A[i + 1, :-2] + A[i + 1, 1:-1] + A[i + 1, 2:]
            )
            for j in range(1, N - 1):
                A[i, j] += A[i, j - 1]
                A[i, j] /= 9.0


def symm(alpha, beta, C, A, B):
    temp2 = np.empty((C.shape[1],), dtype=C.dtype)
    C *= beta
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            C[:i, j] += alpha * B[i, j] * A[i, :i]
            temp2[j] = B[:i, j] @ A[i, :i]
        C[i, :] += alpha * B[i, :] * A[i, i] + alpha * temp2


def syr2k(alpha, beta, C, A, B):
    for i in range(A.shape[0]):
        C[i, : i + 1] *= beta
        for k in range(A.shape[1]):
            C[i, : i + 1] += A[: i + 1, k] * alpha * B[i, k] + B[: i + 1, k] * alpha * A[i, k]


def syrk(alpha, beta, C, A):
    for i in range(A.shape[0]):
        C[i, : i + 1] *= beta
        for k in range(A.shape[1]):
            C[i, : i + 1] += alpha * A[i, k] * A[: i + 1, k]


def trisolv(L, x, b):
    for i in range(x.shape[0]):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]


def trmm(alpha, A, B):
    for i in range(B.shape[0]):
        for j in range(B.shape[1]):
            B[i, j] += np.dot(A[i + 1 :, i], B[i + 1 :, j])
    B *= alpha


def matrix(rng, *shape, dtype=np.float64):
    return rng.uniform(0.1, 1.0, shape).astype(dtype)


def definite(rng, n, dtype=np.float64):
    a = rng.uniform(0, 1, (n, n))
    return (a @ a.T + n * np.eye(n)).astype(dtype)


def shapes(make, *sizes, dtypes=(np.float64, np.float32)):
    """Cases of several sizes in double precision, and the last one in the other type too."""
    return lambda rng: [make(rng, *s, dtypes[0]) for s in sizes] + [make(rng, *sizes[-1], t) for t in dtypes[1:]]


CASES = {
    two_products: shapes(
        lambda r, n, m, t: (
            1.5,
            1.2,
            matrix(r, n, m, dtype=t),
            matrix(r, m, n, dtype=t),
            matrix(r, n, m, dtype=t),
            matrix(r, n, m, dtype=t),
        ),
        (40, 50),
        (1, 3),
        (0, 2),
        (8, 5),
    ),
    three_products: shapes(
        lambda r, n, m, t: (
            matrix(r, n, m, dtype=t),
            matrix(r, m, n, dtype=t),
            matrix(r, n, m, dtype=t),
            matrix(r, m, n, dtype=t),
        ),
        (24, 30),
        (1, 1),
        (0, 3),
        (5, 4),
    ),
    adi_sweeps: shapes(lambda r, s, n, t: (s, n, matrix(r, n, n, dtype=t)), (6, 40), (1, 5), (0, 4), (3, 12)),
    atax: shapes(lambda r, n, m, t: (matrix(r, n, m, dtype=t), matrix(r, m, dtype=t)), (100, 80), (1, 1), (0, 3), (7, 2)),
    bicg: shapes(
        lambda r, n, m, t: (matrix(r, n, m, dtype=t), matrix(r, m, dtype=t), matrix(r, n, dtype=t)),
        (60, 70),
        (1, 2),
        (0, 3),
        (6, 5),
    ),
    cholesky_rows: shapes(lambda r, n, t: (definite(r, n, t),), (50,), (1,), (0,), (7,)),
    correlation: shapes(lambda r, m, n, t: (m, t(n), matrix(r, n, m, dtype=t)), (20, 60), (1, 3), (2, 5), (6, 11)),
    covariance: shapes(lambda r, m, n, t: (m, float(n), matrix(r, n, m, dtype=t)), (20, 60), (1, 3), (2, 1), (6, 11)),
    deriche: shapes(lambda r, w, h, t: (0.25, matrix(r, w, h, dtype=t)), (40, 50), (2, 2), (1, 4), (9, 7)),
    doitgen: shapes(
        lambda r, q, p, t: (matrix(r, q, q + 1, p, dtype=t), matrix(r, p, p, dtype=t)), (10, 12), (1, 1), (0, 2), (3, 5)
    ),
    durbin: shapes(lambda r, n, t: (matrix(r, n, dtype=t),), (100,), (1,), (0,), (9,)),
    fdtd_te: shapes(
        lambda r, s, n, t: (
            s,
            matrix(r, n, n + 2, dtype=t),
            matrix(r, n, n + 2, dtype=t),
            matrix(r, n, n + 2, dtype=t),
            np.arange(s, dtype=t),
        ),
        (12, 40),
        (0, 3),
        (4, 1),
        (5, 9),
    ),
    gemm_rows: shapes(
        lambda r, n, m, t: (1.5, 1.2, matrix(r, n, m, dtype=t), matrix(r, n, m, dtype=t), matrix(r, m, m, dtype=t)),
        (30, 40),
        (1, 1),
        (0, 3),
        (7, 5),
    ),
    gemver: shapes(
        lambda r, n, t: (1.5, 1.2, matrix(r, n, n, dtype=t), *(matrix(r, n, dtype=t) for _ in range(8))),
        (60,),
        (1,),
        (0,),
        (5,),
    ),
    gesummv: shapes(
        lambda r, n, t: (1.5, 1.2, matrix(r, n, n, dtype=t), matrix(r, n, n, dtype=t), matrix(r, n, dtype=t)),
        (60,),
        (1,),
        (0,),
        (5,),
    ),
    gramschmidt: shapes(lambda r, m, n, t: (matrix(r, m, n, dtype=t),), (40, 30), (1, 1), (3, 0), (7, 5)),
    heat_3d: shapes(
        lambda r, s, n, t: (s, matrix(r, n, n, n, dtype=t), matrix(r, n, n, n, dtype=t)), (6, 14), (1, 4), (3, 2), (4, 6)
    ),
    jacobi_1d: shapes(lambda r, s, n, t: (s, matrix(r, n, dtype=t), matrix(r, n, dtype=t)), (40, 200), (0, 4), (3, 2), (4, 9)),
    jacobi_2d: shapes(
        lambda r, s, n, t: (s, matrix(r, n, n, dtype=t), matrix(r, n, n, dtype=t)), (8, 30), (0, 4), (3, 2), (4, 9)
    ),
    lu_in_place: shapes(lambda r, n, t: (definite(r, n, t),), (50,), (1,), (0,), (7,)),
    ludcmp: shapes(lambda r, n, t: (definite(r, n, t), matrix(r, n, dtype=t)), (50,), (1,), (0,), (7,)),
    mvt: shapes(
        lambda r, n, t: (*(matrix(r, n, dtype=t) for _ in range(4)), matrix(r, n, n, dtype=t)), (90,), (1,), (0,), (8,)
    ),
    nussinov: lambda r: [(n, r.integers(0, 4, max(n, 1))) for n in (40, 1, 0, 12)] + [(9, r.integers(0, 4, 5))],
    seidel_2d: shapes(lambda r, s, n, t: (s, n, matrix(r, n, n, dtype=t)), (8, 40), (1, 4), (3, 2), (4, 9)),
    symm: shapes(
        lambda r, m, n, t: (1.5, 1.2, matrix(r, m, n, dtype=t), matrix(r, m, m, dtype=t), matrix(r, m, n, dtype=t)),
        (30, 40),
        (1, 1),
        (0, 2),
        (5, 6),
    ),
    syr2k: shapes(
        lambda r, m, n, t: (1.5, 1.2, matrix(r, n, n, dtype=t), matrix(r, n, m, dtype=t), matrix(r, n, m, dtype=t)),
        (30, 40),
        (1, 1),
        (2, 0),
        (5, 6),
    ),
    syrk: shapes(
        lambda r, m, n, t: (1.5, 1.2, matrix(r, n, n, dtype=t), matrix(r, n, m, dtype=t)), (30, 40), (1, 1), (2, 0), (5, 6)
    ),
    trisolv: shapes(lambda r, n, t: (definite(r, n, t), matrix(r, n, dtype=t), matrix(r, n, dtype=t)), (80,), (1,), (0,), (7,)),
    trmm: shapes(
        lambda r, m, n, t: (1.5, matrix(r, m, m, dtype=t), matrix(r, m, n, dtype=t)), (30, 40), (1, 1), (0, 2), (5, 6)
    ),
}
