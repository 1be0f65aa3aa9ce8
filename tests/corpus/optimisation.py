"""Optimisation and nonlinear equations: quasi-Newton, least squares, line searches, the simplex method."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np


def rosenbrock(x):
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_gradient(x):
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


def _backtrack(f, x, p, fx, slope, c1=1e-4, shrink=0.5):
    t = 1.0
    while f(x + t * p) > fx + c1 * t * slope:
        t *= shrink
        if t < 1e-12:
            break
    return t


def bfgs(x0, gtol=1e-6, max_iter=100):
    """Inverse Hessian updates, backtracking, skipped where curvature is not positive."""
    x = np.asarray(x0, dtype=float)
    n = x.size
    H = np.eye(n)
    fx, g = rosenbrock(x), rosenbrock_gradient(x)
    path = [x]
    for k in range(max_iter):
        if np.linalg.norm(g) < gtol:
            return {"x": x, "fun": fx, "nit": k, "success": True, "path": np.array(path)}
        p = -H @ g
        if g @ p >= 0:
            H = np.eye(n)
            p = -g
        t = _backtrack(rosenbrock, x, p, fx, g @ p)
        s = t * p
        x = x + s
        g_new = rosenbrock_gradient(x)
        y = g_new - g
        sy = s @ y
        if sy > 1e-10:
            rho = 1 / sy
            I = np.eye(n)
            H = (I - rho * np.outer(s, y)) @ H @ (I - rho * np.outer(y, s)) + rho * np.outer(s, s)
        g, fx = g_new, rosenbrock(x)
        path.append(x)
    return {"x": x, "fun": fx, "nit": max_iter, "success": False, "path": np.array(path)}


def lbfgs(x0, m=5, max_iter=60, gtol=1e-5):
    """Two-loop recursion over lists of limited length."""
    x = np.array(x0, dtype=float)
    S, Y = [], []
    g = rosenbrock_gradient(x)
    k = 0
    while k < max_iter and np.max(np.abs(g)) > gtol:
        q = g.copy()
        alphas = []
        for s, y in zip(reversed(S), reversed(Y)):
            a = (s @ q) / (y @ s)
            q -= a * y
            alphas.append(a)
        if S:
            q *= (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1])
        for s, y, a in zip(S, Y, reversed(alphas)):
            q += s * (a - (y @ q) / (y @ s))
        t = _backtrack(rosenbrock, x, -q, rosenbrock(x), -(g @ q))
        new = x - t * q
        g_new = rosenbrock_gradient(new)
        if (new - x) @ (g_new - g) > 1e-12:
            S.append(new - x)
            Y.append(g_new - g)
            if len(S) > m:
                S.pop(0)
                Y.pop(0)
        x, g = new, g_new
        k += 1
    return x, k


def levenberg_marquardt(t, y, p0, max_iter=50, lam=1e-3, tol=1e-10):
    """A damped exponential fitted to data; damping up and down by ten."""
    p = np.array(p0, dtype=float)
    if p.shape != (3,):
        raise ValueError(f"three parameters expected, got {p.shape}")

    def model(p):
        return p[0] * np.exp(-p[1] * t) + p[2]

    def jacobian(p):
        e = np.exp(-p[1] * t)
        return np.stack([e, -p[0] * t * e, np.ones_like(t)], axis=1)

    r = y - model(p)
    cost = r @ r
    for it in range(max_iter):
        J = jacobian(p)
        A = J.T @ J
        g = J.T @ r
        step = np.linalg.solve(A + lam * np.diag(np.diag(A)), g)
        trial = y - model(p + step)
        if trial @ trial < cost:
            p, r = p + step, trial
            improvement = cost - r @ r
            cost = r @ r
            lam = max(lam / 10, 1e-12)
            if improvement < tol * cost:
                break
        else:
            lam *= 10
            if lam > 1e10:
                break
    return p, cost, it + 1


def simplex_method(c, A, b):
    """The tableau method with Bland's rule: maximise c x with A x ≤ b, x ≥ 0."""
    m, n = A.shape
    T = np.zeros((m + 1, n + m + 1))
    T[:m, :n] = A
    T[:m, n : n + m] = np.eye(m)
    T[:m, -1] = b
    T[-1, :n] = -c
    basis = list(range(n, n + m))
    pivots = 0
    while True:
        candidates = np.where(T[-1, :-1] < -1e-9)[0]
        if len(candidates) == 0:
            break
        j = candidates[0]
        ratios = np.full(m, np.inf)
        positive = T[:m, j] > 1e-12
        ratios[positive] = T[:m, -1][positive] / T[:m, j][positive]
        i = np.argmin(ratios)
        if ratios[i] == np.inf:
            raise ValueError("unbounded")
        T[i] /= T[i, j]
        for k in range(m + 1):
            if k != i and T[k, j] != 0:
                T[k] -= T[k, j] * T[i]
        basis[i] = j
        pivots += 1
    x = np.zeros(n + m)
    x[basis] = T[:m, -1]
    return x[:n], T[-1, -1], pivots


@dataclass
class Adam:
    lr: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.999
    step_count: int = 0
    m: np.ndarray | None = None
    v: np.ndarray | None = None

    def step(self, x, g):
        if self.m is None:
            self.m, self.v = np.zeros_like(x), np.zeros_like(x)
        self.step_count += 1
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g * g
        m_hat = self.m / (1 - self.beta1**self.step_count)
        v_hat = self.v / (1 - self.beta2**self.step_count)
        return x - self.lr * m_hat / (np.sqrt(v_hat) + 1e-8)


def adam_class(x, steps, lr=0.1):
    """An optimiser with state of its own, made by the function."""
    optimiser = Adam(lr=lr)
    losses = []
    for _ in range(steps):
        losses.append(rosenbrock(x))
        x = optimiser.step(x, rosenbrock_gradient(x))
    return x, losses, optimiser.step_count


def powell_directions(x, cycles=5):
    """Line searches by golden section along directions that are replaced."""
    invphi = (math.sqrt(5) - 1) / 2

    def line(x, d):
        a, b = -2.0, 2.0
        while b - a > 1e-6:
            c, e = b - invphi * (b - a), a + invphi * (b - a)
            if rosenbrock(x + c * d) < rosenbrock(x + e * d):
                b = e
            else:
                a = c
        return (a + b) / 2 * d

    directions = [row for row in np.eye(len(x))]
    for _ in range(cycles):
        start = x.copy()
        for d in directions:
            x = x + line(x, d)
        new = x - start
        length = np.linalg.norm(new)
        if length < 1e-8:
            break
        directions = directions[1:] + [new / length]
        x = x + line(x, directions[-1])
    return x, rosenbrock(x)


def broyden(x, tol=1e-10, max_iter=50):
    """Broyden's good update for two equations."""

    def F(x):
        return np.array([x[0] ** 2 + x[1] ** 2 - 4, np.exp(x[0]) + x[1] - 1])

    J = np.array([[2 * x[0], 2 * x[1]], [np.exp(x[0]), 1.0]])
    f = F(x)
    k = 0
    while np.linalg.norm(f) > tol:
        if k == max_iter:
            raise RuntimeError(f"no convergence after {k} iterations")
        s = np.linalg.solve(J, -f)
        x = x + s
        f_new = F(x)
        y = f_new - f
        J += np.outer(y - J @ s, s) / (s @ s)
        f = f_new
        k += 1
    return x, k


def remez(degree, n=200, max_iter=20):
    """The best polynomial for exp on [-1, 1] by exchanging points of greatest error."""
    x = np.cos(np.pi * np.arange(degree + 2) / (degree + 1))[::-1]
    grid = np.linspace(-1, 1, n)
    coefficients, level = np.zeros(degree + 1), 0.0
    for it in range(max_iter):
        V = np.vander(x, degree + 1, increasing=True)
        signs = (-1.0) ** np.arange(degree + 2)
        solution = np.linalg.solve(np.column_stack([V, signs]), np.exp(x))
        coefficients, level = solution[:-1], abs(solution[-1])
        error = np.exp(grid) - sum(c * grid**k for k, c in enumerate(coefficients))
        changes = np.flatnonzero(np.diff(np.sign(error)) != 0) + 1
        edges = np.concatenate([[0], changes, [n]])
        extrema = [grid[lo + np.argmax(np.abs(error[lo:hi]))] for lo, hi in pairwise(edges)]
        if len(extrema) != degree + 2:
            break
        x = np.array(extrema)
        if np.max(np.abs(error)) - level < 1e-10:
            break
    return coefficients, level, it


def _data(rng, n, dtype=np.float64):
    t = np.linspace(0, 4, n, dtype=dtype)
    return t, (2.5 * np.exp(-1.3 * t) + 0.5 + 0.01 * rng.standard_normal(n)).astype(dtype)


CASES = {
    bfgs: lambda rng: [(np.array([-1.2, 1.0, 0.5]),), ([1, 1],), (np.array([0.0, 0.0]), 1e-6, 3), (np.full(5, -1.0), 1e-3)],
    lbfgs: lambda rng: [(np.zeros(8),), ([1, 1], 3), (np.array([-1.2, 1.0]), 2, 10)],
    levenberg_marquardt: lambda rng: [
        (*_data(rng, 100), [1.0, 1.0, 0.0]), (*_data(rng, 10), (1, 1, 1), 3), (*_data(rng, 20, np.float32), [2.0, 1.0, 0.4]),
        (*_data(rng, 5), [1.0, 1.0]),
    ],
    simplex_method: lambda rng: [
        (rng.random(8), rng.random((6, 8)) + 0.1, rng.random(6) + 1),
        (np.array([3, 2]), np.array([[1, 1], [1, 3]]), np.array([4, 6])),
        (np.array([1.0]), np.array([[-1.0]]), np.array([1.0])), (np.array([-1.0, -2.0]), np.eye(2), np.ones(2)),
    ],
    adam_class: lambda rng: [
        (np.zeros(10), 50), (np.array([-1.2, 1.0]), 3, 0.01), (np.zeros(3, np.float32), 4), (np.ones(2), 0),
    ],
    powell_directions: lambda rng: [(np.array([-1.2, 1.0]),), (np.zeros(4), 2), (np.ones(2),), (np.array([0.0, 0.0]), 0)],
    broyden: lambda rng: [(np.array([1.0, -1.7]),), (np.array([-1.5, 1.0]), 1e-4), (np.array([1.0, 1.0]), 1e-14, 3)],
    remez: lambda rng: [(4,), (1,), (2, 50, 1), (6, 400)],
}  # fmt: skip
