"""Finite elements, multigrid, spectra, splines and images as numerical recipes and course notes write them."""

import numpy as np


def fem_bar(nodes, E, A, body, traction):
    n = len(nodes)
    K = np.zeros((n, n))
    F = np.zeros(n)
    for e in range(n - 1):
        h = nodes[e + 1] - nodes[e]
        if h <= 0:
            raise ValueError(f"element {e} has length {h}")
        ke = E * A / h * np.array([[1, -1], [-1, 1]])
        fe = body * h / 2 * np.ones(2)
        dofs = [e, e + 1]
        K[np.ix_(dofs, dofs)] += ke
        F[dofs] += fe
    F[-1] += traction
    free = np.arange(1, n)
    u = np.zeros(n)
    u[free] = np.linalg.solve(K[free][:, free], F[free])
    stress = E * np.diff(u) / np.diff(nodes)
    return u, stress, K[0] @ u - F[0]


def fem_poisson_triangles(points, triangles, f, boundary):
    n = len(points)
    K, b = np.zeros((n, n)), np.zeros(n)
    area_total = 0.0
    for tri in triangles:
        P = points[tri]
        B = np.column_stack((np.ones(3), P))
        area = 0.5 * abs(np.linalg.det(B))
        grads = np.linalg.inv(B)[1:, :]
        Ke = area * grads.T @ grads
        xc = P.mean(axis=0)
        for i in range(3):
            for j in range(3):
                K[tri[i], tri[j]] += Ke[i, j]
            b[tri[i]] += area * f(xc[0], xc[1]) / 3
        area_total += area
    for k in boundary:
        K[k, :] = 0
        K[k, k] = 1
        b[k] = 0
    return np.linalg.solve(K, b), area_total


def _load(x, y):
    return 2 * np.pi**2 * np.sin(np.pi * x) * np.sin(np.pi * y)


def _unit_load(x, y):
    return 1.0


def truss_2d(nodes, bars, EA, supports, loads):
    ndof = 2 * len(nodes)
    K = np.zeros((ndof, ndof))
    for a, b in bars:
        d = nodes[b] - nodes[a]
        L = np.hypot(*d)
        c, s = d / L
        T = np.array([-c, -s, c, s])
        idx = np.array([2 * a, 2 * a + 1, 2 * b, 2 * b + 1])
        K[idx[:, None], idx] += EA / L * np.outer(T, T)
    f = np.zeros(ndof)
    for dof, value in loads.items():
        f[dof] = value
    free = np.setdiff1d(np.arange(ndof), supports)
    u = np.zeros(ndof)
    u[free] = np.linalg.solve(K[np.ix_(free, free)], f[free])
    forces = []
    for a, b in bars:
        d = nodes[b] - nodes[a]
        L = np.linalg.norm(d)
        forces.append(EA / L * np.dot(d / L, u[2 * b : 2 * b + 2] - u[2 * a : 2 * a + 2]))
    return u.reshape(-1, 2), forces


def multigrid_1d(f, levels, cycles, nu=2):
    def smooth(u, f, h, sweeps):
        for _ in range(sweeps):
            u[1:-1:2] = 0.5 * (u[:-2:2] + u[2::2] + h * h * f[1:-1:2])
            u[2:-1:2] = 0.5 * (u[1:-2:2] + u[3::2] + h * h * f[2:-1:2])
        return u

    def residual(u, f, h):
        r = np.zeros_like(u)
        r[1:-1] = f[1:-1] + (u[:-2] - 2 * u[1:-1] + u[2:]) / h**2
        return r

    def vcycle(u, f, h, level):
        u = smooth(u, f, h, nu)
        if level > 1 and len(u) > 3:
            r = residual(u, f, h)
            coarse = r[::2].copy()
            coarse[1:-1] = 0.25 * (r[1:-3:2] + 2 * r[2:-2:2] + r[3:-1:2])
            e = vcycle(np.zeros_like(coarse), coarse, 2 * h, level - 1)
            fine = np.zeros_like(u)
            fine[::2] = e
            fine[1::2] = 0.5 * (e[:-1] + e[1:])
            u += fine
        return smooth(u, f, h, nu)

    h = 1 / (len(f) - 1)
    u = np.zeros_like(f)
    norms = []
    for _ in range(cycles):
        u = vcycle(u, f, h, levels)
        norms.append(np.linalg.norm(residual(u, f, h)) * np.sqrt(h))
    return u, norms


def cheb_matrix(N):
    if N == 0:
        return np.array([[0.0]]), np.array([1.0])
    x = np.cos(np.pi * np.arange(N + 1) / N)
    c = np.hstack([2, np.ones(N - 1), 2]) * (-1) ** np.arange(N + 1)
    X = np.tile(x, (N + 1, 1)).T
    dX = X - X.T
    D = np.outer(c, 1 / c) / (dX + np.eye(N + 1))
    D -= np.diag(D.sum(axis=1))
    return D, x


def wave_spectral(u0, c, dt, steps):
    n = len(u0)
    k = 2 * np.pi * np.fft.fftfreq(n, 1 / n)
    u, old = u0.copy(), u0.copy()
    energy = []
    for _ in range(steps):
        lap = np.real(np.fft.ifft(-(k**2) * np.fft.fft(u)))
        u, old = 2 * u - old + (c * dt) ** 2 * lap, u
        energy.append(float(np.sum((u - old) ** 2)) / dt**2)
    return u, energy


def bspline_basis(i, p, U, u):
    if p == 0:
        return 1.0 if U[i] <= u < U[i + 1] else 0.0
    left = right = 0.0
    if U[i + p] != U[i]:
        left = (u - U[i]) / (U[i + p] - U[i]) * bspline_basis(i, p - 1, U, u)
    if U[i + p + 1] != U[i + 1]:
        right = (U[i + p + 1] - u) / (U[i + p + 1] - U[i + 1]) * bspline_basis(i + 1, p - 1, U, u)
    return left + right


def nurbs_curve(ctrl, weights, p, samples):
    n = len(ctrl)
    if n <= p:
        raise ValueError(f"need more than {p} control points, got {n}")
    U = np.concatenate((np.zeros(p), np.linspace(0, 1, n - p + 1), np.ones(p)))
    curve = np.empty((samples, ctrl.shape[1]))
    for s, u in enumerate(np.linspace(0, 1, samples, endpoint=False)):
        N = np.array([bspline_basis(i, p, U, u) for i in range(n)])
        w = N * weights
        curve[s] = w @ ctrl / w.sum()
    return curve


def marching_segments(Z, level):
    table = {
        1: [(3, 0)],
        2: [(0, 1)],
        3: [(3, 1)],
        4: [(1, 2)],
        5: [(3, 2), (0, 1)],
        6: [(0, 2)],
        7: [(3, 2)],
        8: [(2, 3)],
        9: [(2, 0)],
        10: [(3, 0), (1, 2)],
        11: [(2, 1)],
        12: [(1, 3)],
        13: [(1, 0)],
        14: [(0, 3)],
    }
    segments = []
    for i in range(Z.shape[0] - 1):
        for j in range(Z.shape[1] - 1):
            v = (Z[i, j], Z[i, j + 1], Z[i + 1, j + 1], Z[i + 1, j])
            case = sum(1 << k for k in range(4) if v[k] > level)
            for a, b in table.get(case, ()):
                ends = []
                for edge in (a, b):
                    t = (level - v[edge]) / (v[(edge + 1) % 4] - v[edge])
                    y, x = [(i, j + t), (i + t, j + 1), (i + 1, j + 1 - t), (i + 1 - t, j)][edge]
                    ends.append((float(y), float(x)))
                segments.append(tuple(ends))
    return segments


def radon_sinogram(image, angles):
    n = image.shape[0]
    c = (n - 1) / 2
    y, x = np.mgrid[:n, :n] - c
    sino = np.zeros((n, len(angles)), image.dtype if image.dtype.kind == "f" else float)
    for k, theta in enumerate(np.deg2rad(angles)):
        xs = np.cos(theta) * x - np.sin(theta) * y + c
        ys = np.sin(theta) * x + np.cos(theta) * y + c
        x0, y0 = np.floor(xs).astype(int), np.floor(ys).astype(int)
        ok = (x0 >= 0) & (x0 < n - 1) & (y0 >= 0) & (y0 < n - 1)
        x0c, y0c = np.clip(x0, 0, n - 2), np.clip(y0, 0, n - 2)
        fx, fy = xs - x0, ys - y0
        v = (
            image[y0c, x0c] * (1 - fx) * (1 - fy)
            + image[y0c, x0c + 1] * fx * (1 - fy)
            + image[y0c + 1, x0c] * (1 - fx) * fy
            + image[y0c + 1, x0c + 1] * fx * fy
        )
        sino[:, k] = np.where(ok, v, 0).sum(axis=0)
    return sino


def lbm_cylinder_step(f, mask, tau, steps):
    idx = np.arange(9)
    cx = np.array([0, 0, 1, 1, 1, 0, -1, -1, -1])
    cy = np.array([0, 1, 1, 0, -1, -1, -1, 0, 1])
    w = np.array([4 / 9, 1 / 9, 1 / 36, 1 / 9, 1 / 36, 1 / 9, 1 / 36, 1 / 9, 1 / 36])
    for _ in range(steps):
        for i, x, y in zip(idx, cx, cy):
            f[:, :, i] = np.roll(f[:, :, i], x, axis=1)
            f[:, :, i] = np.roll(f[:, :, i], y, axis=0)
        bounced = f[mask, :]
        bounced = bounced[:, [0, 5, 6, 7, 8, 1, 2, 3, 4]]
        rho = np.sum(f, 2)
        ux = np.sum(f * cx, 2) / rho
        uy = np.sum(f * cy, 2) / rho
        feq = np.zeros(f.shape)
        for i, x, y, wi in zip(idx, cx, cy, w):
            cu = x * ux + y * uy
            feq[:, :, i] = rho * wi * (1 + 3 * cu + 9 * cu**2 / 2 - 3 * (ux**2 + uy**2) / 2)
        f += -(1.0 / tau) * (f - feq)
        f[mask, :] = bounced
    ux[mask] = 0
    uy[mask] = 0
    return np.hypot(ux, uy)


def gauss_seidel_until(A, b, x0=None, tol=1e-10, maxit=200):
    x = np.zeros_like(b, dtype=float) if x0 is None else x0
    for it in range(1, maxit + 1):
        change = 0.0
        for i in range(len(b)):
            s = np.dot(A[i, :i], x[:i]) + np.dot(A[i, i + 1 :], x[i + 1 :])
            new = (b[i] - s) / A[i, i]
            change = max(change, abs(new - x[i]))
            x[i] = new
        if change < tol:
            return x, it
    raise RuntimeError(f"no convergence in {maxit} sweeps, last change {change:.2e}")


def gaussian_process(X, y, Xs, length=1.0, noise=1e-2, optimise=()):
    def kernel(a, b, l):
        return np.exp(-0.5 * ((a[:, None] - b[None, :]) / l) ** 2)

    def nll(l):
        L = np.linalg.cholesky(kernel(X, X, l) + noise * np.eye(len(X)))
        a = np.linalg.solve(L.T, np.linalg.solve(L, y))
        return 0.5 * y @ a + np.log(np.diag(L)).sum() + 0.5 * len(X) * np.log(2 * np.pi)

    scores = {l: nll(l) for l in optimise}
    if scores:
        length = min(scores, key=scores.get)
    L = np.linalg.cholesky(kernel(X, X, length) + noise * np.eye(len(X)))
    alpha = np.linalg.solve(L.T, np.linalg.solve(L, y))
    Ks = kernel(X, Xs, length)
    v = np.linalg.solve(L, Ks)
    return Ks.T @ alpha, 1 - np.sum(v**2, axis=0), length


def svd_compress(image, energy=0.9):
    U, s, Vt = np.linalg.svd(image.astype(float), full_matrices=False)
    share = np.cumsum(s**2) / np.sum(s**2)
    k = int(np.searchsorted(share, energy)) + 1
    approx = U[:, :k] * s[:k] @ Vt[:k]
    return np.clip(approx, 0, 255).round().astype(np.uint8), k, 1 - k * sum(image.shape) / image.size


def sobel_watermark(image, text, strength=1):
    bits = np.unpackbits(np.frombuffer(text.encode(), np.uint8))
    if bits.size > image.size:
        raise ValueError(f"{bits.size} bits do not fit into {image.size} pixels")
    out = image.copy().ravel()
    out[: bits.size] = (out[: bits.size] & ~np.uint8(1)) | bits * strength
    decoded = np.packbits(out[: bits.size] & 1).tobytes().decode()
    return out.reshape(image.shape), decoded


def _mesh(n):
    x = np.linspace(0, 1, n)
    points = np.array([(a, b) for b in x for a in x])
    tri = [
        t
        for j in range(n - 1)
        for i in range(n - 1)
        for t in ([j * n + i, j * n + i + 1, (j + 1) * n + i], [j * n + i + 1, (j + 1) * n + i + 1, (j + 1) * n + i])
    ]
    edge = [k for k, p in enumerate(points) if 0 in p or 1 in p]
    return points, np.array(tri), edge


_TRUSS = np.array([[0.0, 0], [1, 0], [2, 0], [0.5, 1], [1.5, 1]])
_BARS = [(0, 1), (1, 2), (0, 3), (1, 3), (1, 4), (2, 4), (3, 4)]

CASES = {
    fem_bar: lambda r: [
        (np.linspace(0, 1, 7), 2.0, 1.5, 1.0, 0.5),
        (np.array([0, 1, 3]), 1, 1, 0, 1),
        (np.array([0.0, 1.0, 0.5]), 1.0, 1.0, 0.0, 1.0),
        (np.array([0.0]), 1.0, 1.0, 1.0, 1.0),
    ],
    fem_poisson_triangles: lambda r: [
        (*_mesh(4)[:2], _load, _mesh(4)[2]),
        (*_mesh(3)[:2], _unit_load, _mesh(3)[2]),
        (*_mesh(2)[:2], _load, []),
    ],
    truss_2d: lambda r: [
        (_TRUSS, _BARS, 100.0, [0, 1, 5], {3: -1.0, 7: 0.5}),
        (_TRUSS[:2], [(0, 1)], 10, [0, 1, 3], {2: 2.0}),
        (_TRUSS, _BARS[:3], 1.0, [0, 1], {3: -1.0}),
    ],
    multigrid_1d: lambda r: [
        (np.sin(np.pi * np.linspace(0, 1, 33)), 4, 3),
        (np.ones(5), 2, 2, 1),
        (np.ones(3, np.float32), 1, 1),
        (np.ones(6), 2, 1),
    ],
    cheb_matrix: lambda r: [(6,), (1,), (0,)],
    wave_spectral: lambda r: [
        (np.exp(-(np.linspace(-3, 3, 32) ** 2)), 1.0, 0.01, 10),
        (np.ones(5), 2, 0.1, 3),
        (np.array([1.0, 2]), 1.0, 0.1, 0),
        (np.zeros(8, np.float32), 1.0, 0.5, 2),
    ],
    nurbs_curve: lambda r: [
        (r.normal(size=(6, 2)), np.ones(6), 3, 9),
        (np.eye(3), np.array([1, 2, 1]), 2, 4),
        (np.eye(2), np.ones(2), 2, 3),
        (r.normal(size=(4, 1)), r.uniform(1, 2, 4), 1, 5),
    ],
    marching_segments: lambda r: [
        (r.normal(size=(6, 5)), 0.0),
        (np.array([[0, 1], [1, 0]]), 0.5),
        (np.zeros((3, 3)), 0.5),
        (np.array([[np.nan, 1.0], [0.0, 2.0]]), 0.5),
    ],
    radon_sinogram: lambda r: [
        (r.uniform(size=(10, 10)), np.arange(0, 180, 30)),
        (np.eye(5, dtype=np.float32), [0, 45.0]),
        (r.integers(0, 9, (4, 4)), np.array([90])),
        (np.ones((3, 3)), []),
    ],
    lbm_cylinder_step: lambda r: [
        (1 + 0.1 * r.random((8, 12, 9)), r.random((8, 12)) < 0.2, 0.6, 4),
        (np.ones((3, 3, 9)), np.zeros((3, 3), bool), 1, 1),
        (np.ones((2, 2, 9)), np.zeros((2, 2), bool), 0.6, 0),
    ],
    gauss_seidel_until: lambda r: [
        (r.uniform(size=(6, 6)) + 8 * np.eye(6), r.normal(size=6)),
        (np.array([[4, 1], [1, 3]]), np.array([1, 2])),
        (np.array([[1.0, 2], [3, 1]]), np.ones(2), None, 1e-9, 5),
        (np.eye(2), np.ones(2), np.zeros(2)),
    ],
    gaussian_process: lambda r: [
        (np.sort(r.uniform(0, 5, 8)), r.normal(size=8), np.linspace(0, 5, 6)),
        (np.arange(4.0), np.arange(4), np.array([1.5]), 1.0, 0.1, (0.5, 1.0, 2.0)),
        (np.zeros(2), np.ones(2), np.zeros(1), 1.0, -1.0),
        (np.arange(3), np.ones(3), np.array([])),
    ],
    svd_compress: lambda r: [
        (r.integers(0, 255, (9, 12)).astype(np.uint8),),
        (np.outer(np.arange(5), np.arange(6)).astype(np.uint8), 0.5),
        (np.ones((3, 2)), 0.9),
        (np.zeros((2, 2), np.uint8),),
    ],
    sobel_watermark: lambda r: [
        (r.integers(0, 255, (9, 12)).astype(np.uint8), "hello"),
        (np.zeros((4, 4), np.uint8), "å"),
        (np.zeros((2, 2), np.uint8), "no"),
        (np.zeros((2, 2), np.uint8), ""),
    ],
}
