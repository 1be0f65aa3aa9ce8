"""Beams, trusses, soils, flows and solvers: what a course in numerical methods hands out."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass

import numpy as np

Solution = namedtuple("Solution", ["x", "iterations", "history", "converged"])


def member_stiffness(xi, xj, area, young):
    """Stiffness of a bar in global axes, its length and direction."""
    d = np.asarray(xj, dtype=float) - np.asarray(xi, dtype=float)
    length = np.hypot(d[0], d[1])
    c, s = d / length
    T = np.array([[c, s, 0, 0], [0, 0, c, s]])
    k = area * young / length * np.array([[1.0, -1.0], [-1.0, 1.0]])
    return T.T @ k @ T, length, (c, s)


def pin_jointed_truss(nodes, members, supports, loads, young=200e9):
    """Displacements, reactions and member forces of a plane truss.

    nodes: list of (x, y); members: list of (i, j, area); supports: {node: "xy"}; loads: {node: (fx, fy)}.
    """
    ndof = 2 * len(nodes)
    K = np.zeros((ndof, ndof))
    F = np.zeros(ndof)
    for i, j, area in members:
        assert i != j, "a member needs two ends"
        k, _, _ = member_stiffness(nodes[i], nodes[j], area, young)
        dofs = [2 * i, 2 * i + 1, 2 * j, 2 * j + 1]
        K[np.ix_(dofs, dofs)] += k
    for n, (fx, fy) in loads.items():
        F[2 * n] += fx
        F[2 * n + 1] += fy
    fixed = []
    for n, directions in supports.items():
        if "x" in directions:
            fixed.append(2 * n)
        if "y" in directions:
            fixed.append(2 * n + 1)
    free = np.setdiff1d(np.arange(ndof), fixed)
    u = np.zeros(ndof)
    u[free] = np.linalg.solve(K[np.ix_(free, free)], F[free])
    reactions = (K @ u - F)[fixed]
    forces = []
    for i, j, area in members:
        _, length, (c, s) = member_stiffness(nodes[i], nodes[j], area, young)
        stretch = (u[2 * j] - u[2 * i]) * c + (u[2 * j + 1] - u[2 * i + 1]) * s
        forces.append(young * area / length * stretch)
    return {"u": u.reshape(-1, 2), "reactions": dict(zip(fixed, reactions)), "forces": np.array(forces)}


@dataclass
class BeamResult:
    x: np.ndarray
    deflection: np.ndarray
    moment: np.ndarray
    tip: float
    largest: tuple


def beam_elements(length, n_elements, stiffness, load, left="clamped", right="free"):
    """A beam on Hermite elements under a distributed load: deflection, moment at midspans and where it bends most."""
    h = length / n_elements
    EI = stiffness if callable(stiffness) else (lambda x: stiffness)
    q = np.broadcast_to(np.asarray(load, dtype=float), (n_elements,))
    ndof = 2 * (n_elements + 1)
    K, f = np.zeros((ndof, ndof)), np.zeros(ndof)
    pattern = np.array(
        [
            [12, 6 * h, -12, 6 * h],
            [6 * h, 4 * h**2, -6 * h, 2 * h**2],
            [-12, -6 * h, 12, -6 * h],
            [6 * h, 2 * h**2, -6 * h, 4 * h**2],
        ]
    )
    for e in range(n_elements):
        sl = slice(2 * e, 2 * e + 4)
        K[sl, sl] += EI((e + 0.5) * h) / h**3 * pattern
        f[sl] += q[e] * h / 12 * np.array([6, h, 6, -h])
    conditions = {"clamped": [0, 1], "pinned": [0], "free": []}
    try:
        held = conditions[left] + [ndof - 2 + d for d in conditions[right]]
    except KeyError as error:
        raise ValueError(f"unknown support {error}") from None
    keep = np.ones(ndof, dtype=bool)
    keep[held] = False
    d = np.zeros(ndof)
    d[keep] = np.linalg.solve(K[keep][:, keep], f[keep])
    w, theta = d[::2], d[1::2]
    x = np.linspace(0, length, n_elements + 1)
    mid = np.array([EI((e + 0.5) * h) * (theta[e + 1] - theta[e]) / h for e in range(n_elements)])
    k = int(np.abs(w).argmax())
    return BeamResult(x=x, deflection=w, moment=mid, tip=float(w[-1]), largest=(k, float(w[k])))


def matrix_free_poisson(f, h, tol=1e-8, maxiter=None, precondition=False, x0=None):
    """Conjugate gradients for -Δu = f with zero edges, never forming the matrix."""

    def apply(u):
        out = 4 * u
        out[1:] -= u[:-1]
        out[:-1] -= u[1:]
        out[:, 1:] -= u[:, :-1]
        out[:, :-1] -= u[:, 1:]
        return out / h**2

    def jacobi(r):
        return r * (h**2 / 4) if precondition else r

    x = np.zeros_like(f) if x0 is None else x0.copy()
    maxiter = maxiter or f.size
    r = f - apply(x)
    z = jacobi(r)
    p = z.copy()
    rz = np.vdot(r, z)
    norm = np.linalg.norm(f)
    history = []
    iterations = 0
    while iterations < maxiter:
        res = np.linalg.norm(r) / norm if norm > 0 else 0.0
        history.append(res)
        if res < tol:
            return Solution(x, iterations, history, True)
        Ap = apply(p)
        alpha = rz / np.vdot(p, Ap)
        x += alpha * p
        r -= alpha * Ap
        z = jacobi(r)
        new = np.vdot(r, z)
        p = z + (new / rz) * p
        rz = new
        iterations += 1
    return Solution(x, iterations, history, False)


class PolynomialModel:
    """Least squares in a scaled monomial basis, with ridge if asked for."""

    def __init__(self, degree, ridge=0.0):
        if degree < 0:
            raise ValueError("degree must not be negative")
        self.degree, self.ridge = degree, ridge
        self.coef_ = None

    def _basis(self, x):
        return np.vander((x - self.mean_) / self.scale_, self.degree + 1, increasing=True)

    def fit(self, x, y):
        self.mean_ = x.mean()
        self.scale_ = x.std() or 1.0
        A = self._basis(x)
        n = A.shape[1]
        Q, R = np.zeros_like(A), np.zeros((n, n))
        if self.ridge > 0:
            A = np.vstack([A, np.sqrt(self.ridge) * np.eye(n)])
            y = np.concatenate([y, np.zeros(n)])
            Q = np.zeros_like(A)
        for j in range(n):
            v = A[:, j].copy()
            for i in range(j):
                R[i, j] = Q[:, i] @ v
                v -= R[i, j] * Q[:, i]
            R[j, j] = np.sqrt(v @ v)
            Q[:, j] = v / R[j, j]
        b = Q.T @ y
        c = np.zeros(n)
        for i in reversed(range(n)):
            c[i] = (b[i] - R[i, i + 1 :] @ c[i + 1 :]) / R[i, i]
        self.coef_ = c
        return self

    def predict(self, x):
        if self.coef_ is None:
            raise RuntimeError("fit first")
        return self._basis(x) @ self.coef_

    def score(self, x, y):
        r = y - self.predict(x)
        return 1.0 - (r @ r) / ((y - y.mean()) ** 2).sum()


def choose_degree(x, y, degrees=(1, 2, 3, 4), folds=3, ridge=0.0):
    """Cross-validated choice of a polynomial's degree; the model's numbers at the best."""
    idx = np.arange(len(x))
    table = {}
    for d in degrees:
        errors = []
        for k in range(folds):
            test = idx % folds == k
            model = PolynomialModel(d, ridge).fit(x[~test], y[~test])
            errors.append(np.mean((model.predict(x[test]) - y[test]) ** 2))
        table[d] = float(np.mean(errors))
    best = min(table, key=table.get)
    final = PolynomialModel(best, ridge).fit(x, y)
    return best, table, final.coef_, round(float(final.score(x, y)), 6)


def semi_lagrangian(field, u, v, dt=0.5, steps=4, clamp=True):
    """A tracer carried backwards along a wind on a periodic grid, interpolated bilinearly; the mass after each step."""
    ny, nx = field.shape
    Y, X = np.meshgrid(np.arange(ny), np.arange(nx), indexing="ij")
    c = field.astype(np.float64)
    masses = np.empty(steps)
    for n in range(steps):
        xd = X - dt * u
        yd = Y - dt * v
        # one correction with the wind at the midpoint
        xm, ym = (X + xd) / 2, (Y + yd) / 2
        i, j = np.rint(ym).astype(int) % ny, np.rint(xm).astype(int) % nx
        xd, yd = X - dt * u[i, j], Y - dt * v[i, j]
        x0, y0 = np.floor(xd).astype(int), np.floor(yd).astype(int)
        fx, fy = xd - x0, yd - y0
        x0, y0 = x0 % nx, y0 % ny
        x1, y1 = (x0 + 1) % nx, (y0 + 1) % ny
        low, high = c.min(), c.max()
        c = (1 - fy) * ((1 - fx) * c[y0, x0] + fx * c[y0, x1]) + fy * ((1 - fx) * c[y1, x0] + fx * c[y1, x1])
        if clamp:
            np.clip(c, low, high, out=c)
        masses[n] = c.sum()
    return c, masses


def cheb(n):
    """Chebyshev points and the differentiation matrix (Trefethen)."""
    if n == 0:
        return np.zeros((1, 1)), np.ones(1)
    x = np.cos(np.pi * np.arange(n + 1) / n)
    c = np.hstack([2, np.ones(n - 1), 2]) * (-1) ** np.arange(n + 1)
    X = np.tile(x, (n + 1, 1)).T
    dX = X - X.T
    D = np.outer(c, 1 / c) / (dX + np.eye(n + 1))
    D = D - np.diag(D.sum(axis=1))
    return D, x


def spectral_bratu(n=12, lam=0.7, tol=1e-7, verbose=False):
    """u'' + λ e^u = 0 with zero ends, by Newton on a Chebyshev grid."""
    D, x = cheb(n)
    D2 = (D @ D)[1:-1, 1:-1]
    u = np.zeros(n - 1)
    change, it = 1.0, 0
    while change > tol:
        F = D2 @ u + lam * np.exp(u)
        J = D2 + np.diag(lam * np.exp(u))
        du = np.linalg.solve(J, -F)
        u = u + du
        change = np.linalg.norm(du, np.inf)
        it += 1
        if verbose:
            print(f"{it:2d}  {change:.1e}")
        if it > 20:
            raise RuntimeError("no convergence")
    full = np.concatenate(([0.0], u, [0.0]))
    return x, full, it


class Tridiagonal:
    """Factorised once, solved many times."""

    def __init__(self, lower, diag, upper):
        n = len(diag)
        self.n = n
        self.lower = np.array(lower, dtype=float)
        self.upper = np.array(upper, dtype=float)
        self.pivot = np.empty(n)
        self.pivot[0] = diag[0]
        for i in range(1, n):
            m = self.lower[i - 1] / self.pivot[i - 1]
            self.lower[i - 1] = m
            self.pivot[i] = diag[i] - m * self.upper[i - 1]
        self.solves = 0

    def solve(self, rhs):
        self.solves += 1
        y = np.array(rhs, dtype=float)
        for i in range(1, self.n):
            y[i] -= self.lower[i - 1] * y[i - 1]
        y[-1] /= self.pivot[-1]
        for i in range(self.n - 2, -1, -1):
            y[i] = (y[i] - self.upper[i] * y[i + 1]) / self.pivot[i]
        return y


def soil_temperature(surface, depth=1.0, nodes=12, diffusivity=0.0018, dt=1.0, deep=None):
    """Implicit heat flow in a soil column driven by the surface's temperature; the profile of each hour and damping."""
    dz = depth / (nodes - 1)
    r = diffusivity * dt / dz**2
    lower = np.full(nodes - 1, -r)
    upper = np.full(nodes - 1, -r)
    diag = np.full(nodes, 1 + 2 * r)
    diag[0] = diag[-1] = 1.0
    upper[0] = 0.0
    lower[-1] = 0.0 if deep is not None else -1.0
    system = Tridiagonal(lower, diag, upper)
    T = np.full(nodes, np.mean(surface) if deep is None else deep, dtype=float)
    record = np.zeros((len(surface), nodes))
    for hour, Ts in enumerate(surface):
        rhs = T.copy()
        rhs[0] = Ts
        rhs[-1] = 0.0 if deep is None else deep
        T = system.solve(rhs)
        record[hour] = T
    amplitude = np.ptp(record, axis=0) / 2
    damping = amplitude[amplitude > 0.05 * amplitude[0]]
    return record, damping, system.solves


def power_iterations_deflated(A, k=2, tol=1e-9, maxiter=500):
    """The k largest eigenpairs of a symmetric matrix, one after the other; each with how long it took."""
    B = np.array(A, dtype=float)
    if not np.allclose(B, B.T):
        raise ValueError("the matrix is not symmetric")
    n = B.shape[0]
    pairs = []
    for j in range(min(k, n)):
        v = np.ones(n) / np.sqrt(n)
        v[j] += 0.5
        v /= np.linalg.norm(v)
        lam = 0.0
        for it in range(maxiter):
            w = B @ v
            new = v @ w
            size = np.linalg.norm(w)
            if size == 0:
                break
            v = w / size
            if abs(new - lam) < tol * max(1.0, abs(new)):
                lam = new
                break
            lam = new
        else:
            it = -1
        pairs.append((lam, v, it))
        B -= lam * np.outer(v, v)
    values = np.array([p[0] for p in pairs])
    vectors = np.column_stack([p[1] for p in pairs])
    return values, vectors, [p[2] for p in pairs]


def _spd(rng, n):
    a = rng.standard_normal((n, n))
    return a @ a.T + n * np.eye(n)


def _signal(rng, n):
    x = np.sort(rng.uniform(-2, 3, n))
    return x, 0.5 * x**3 - x + rng.normal(0, 0.2, n)


SQUARE = [(0, 0), (4, 0), (4, 3), (0, 3)]
CASES = {
    pin_jointed_truss: lambda rng: [
        ([(0.0, 0.0), (4.0, 0.0), (2.0, 3.0)], [(0, 1, 1e-3), (1, 2, 1e-3), (0, 2, 1e-3)], {0: "xy", 1: "y"}, {2: (1e4, -2e4)}),
        (
            SQUARE,
            [(0, 1, 2e-3), (1, 2, 1e-3), (2, 3, 1e-3), (3, 0, 1e-3), (0, 2, 1.5e-3)],
            {0: "xy", 3: "x"},
            {2: (0, -5e3), 1: (1e3, 0)},
        ),
        (SQUARE[:3], [(0, 1, 2e-3), (1, 1, 1e-3)], {0: "xy"}, {}),
        (SQUARE[:3], [(0, 1, 2e-3), (1, 2, 1e-3), (0, 2, 1e-3)], {0: "xy", 1: "xy"}, {2: (7.0, -1.0)}, 70e9),
    ],
    beam_elements: lambda rng: [
        (2.0, 8, 1e4, -100.0),
        (3.0, 6, lambda x: 1e4 * (1 + 0.2 * x), rng.uniform(-200, 0, 6), "pinned", "pinned"),
        (2.0, 5, 5e3, -10, "clamped", "pinned"),
        (2.0, 5, 5e3, -10, "clamped", "glued"),
    ],
    matrix_free_poisson: lambda rng: [
        (np.ones((9, 9)), 0.1),
        (rng.standard_normal((7, 12)), 1 / 8, 1e-6, 15, True),
        (np.zeros((4, 4)), 0.2),
        (rng.standard_normal((6, 6)), 0.5, 1e-10, None, False, rng.standard_normal((6, 6))),
    ],
    choose_degree: lambda rng: [
        _signal(rng, 40),
        (*_signal(rng, 25), (0, 2, 5), 5, 0.1),
        (*_signal(rng, 12), [1, 3]),
        (*_signal(rng, 12), (-1,)),
    ],
    semi_lagrangian: lambda rng: [
        (rng.random((12, 16)), np.full((12, 16), 1.3), np.full((12, 16), -0.4)),
        (rng.random((8, 8)).astype(np.float32), rng.normal(0, 1, (8, 8)), rng.normal(0, 1, (8, 8)), 1.0, 3, False),
        (rng.integers(0, 5, (5, 7)), np.ones((5, 7)), np.zeros((5, 7)), 2.0, 2),
    ],
    spectral_bratu: lambda rng: [(), (8, 2.0, 1e-6, True), (16, 0.5), (10, 6.0)],
    soil_temperature: lambda rng: [
        (15 + 10 * np.sin(np.arange(24) / 24 * 2 * np.pi),),
        (rng.normal(10, 3, 10), 2.0, 9, 0.003, 0.5, 8.0),
        ([5.0, 7.0, 6.0, 2.0], 0.5, 6),
    ],
    power_iterations_deflated: lambda rng: [
        (_spd(rng, 6),),
        (_spd(rng, 4).astype(np.float32), 3),
        ([[2, 1], [1, 3]], 5),
        ([[2, 1], [0, 3]],),
        (np.zeros((3, 3)), 1),
    ],
}
