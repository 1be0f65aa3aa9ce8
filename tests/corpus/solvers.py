"""Solvers as they stand in course work and small packages: a class or a function with options, and a report at the end."""

from __future__ import annotations

import math

import numpy as np


def advection_diffusion(u0, speed=1.0, nu=0.01, dx=0.1, t_end=0.5, cfl=0.4, scheme="upwind", bc="periodic"):
    """March u_t + c u_x = nu u_xx with a step chosen for stability; returns the field, the time and the history of mass."""
    assert u0.ndim == 1, "one dimension only"
    u = u0.astype(float).copy()
    dt = min(cfl * dx / max(abs(speed), 1e-12), 0.5 * cfl * dx**2 / max(nu, 1e-12))
    steps = int(np.ceil(t_end / dt))
    dt = t_end / steps
    mass = [u.sum() * dx]
    for n in range(steps):
        if bc == "periodic":
            um, up = np.roll(u, 1), np.roll(u, -1)
        else:
            um = np.concatenate(([u[0]], u[:-1]))
            up = np.concatenate((u[1:], [u[-1]]))
        if scheme == "upwind":
            adv = (u - um) if speed > 0 else (up - u)
        elif scheme == "central":
            adv = 0.5 * (up - um)
        else:
            raise ValueError(f"unknown scheme: {scheme}")
        u = u - speed * dt / dx * adv + nu * dt / dx**2 * (up - 2 * u + um)
        mass.append(u.sum() * dx)
    info = {"dt": dt, "steps": steps, "peak": float(np.max(np.abs(u)))}
    return u, np.array(mass), info


class Mesh1D:
    """Nodes and two-node elements, refined where an indicator is large."""

    def __init__(self, nodes):
        self.nodes = np.sort(np.asarray(nodes, dtype=float))

    @property
    def sizes(self):
        return np.diff(self.nodes)

    def refine(self, marked):
        new = []
        for k in range(len(self.nodes) - 1):
            new.append(self.nodes[k])
            if marked[k]:
                new.append(0.5 * (self.nodes[k] + self.nodes[k + 1]))
        new.append(self.nodes[-1])
        return Mesh1D(new)


def assemble_1d(mesh, kappa, source):
    n = len(mesh.nodes)
    K = np.zeros((n, n))
    F = np.zeros(n)
    for e, h in enumerate(mesh.sizes):
        a, b = mesh.nodes[e], mesh.nodes[e + 1]
        mid = 0.5 * (a + b)
        k = kappa(mid) / h
        K[e : e + 2, e : e + 2] += k * np.array([[1.0, -1.0], [-1.0, 1.0]])
        F[e : e + 2] += 0.5 * h * source(mid)
    return K, F


def adaptive_fem(nodes, contrast, levels=3, fraction=0.5):
    """Adaptive linear elements for -(kappa u')' = f with u = 0 at both ends: solve, estimate, mark, refine."""
    kappa = lambda x: 1.0 if x < 0.5 else contrast
    source = lambda x: math.exp(-100 * (x - 0.3) ** 2)
    mesh = Mesh1D(nodes)
    history = []
    for _ in range(levels):
        K, F = assemble_1d(mesh, kappa, source)
        u = np.zeros(len(mesh.nodes))
        u[1:-1] = np.linalg.solve(K[1:-1, 1:-1], F[1:-1])
        mids = 0.5 * (mesh.nodes[:-1] + mesh.nodes[1:])
        flux = np.array([kappa(m) for m in mids]) * np.diff(u) / mesh.sizes
        jumps = np.zeros(len(mesh.nodes))
        jumps[1:-1] = np.abs(np.diff(flux))
        eta = np.sqrt(mesh.sizes) * (jumps[:-1] + jumps[1:])
        history.append((len(mesh.nodes), float(eta.max())))
        mesh = mesh.refine(eta > fraction * eta.max())
    return mesh.nodes, history


def iterative_refinement(A, b, digits=3, max_iter=5, tol=1e-12):
    """LU by hand in low precision, corrected by residuals in double."""
    n = len(A)
    LU = A.astype(np.float32).copy()
    piv = np.arange(n)
    for k in range(n - 1):
        p = k + np.argmax(np.abs(LU[k:, k]))
        if p != k:
            LU[[k, p]] = LU[[p, k]]
            piv[[k, p]] = piv[[p, k]]
        LU[k + 1 :, k] /= LU[k, k]
        LU[k + 1 :, k + 1 :] -= np.outer(LU[k + 1 :, k], LU[k, k + 1 :])

    def solve(r):
        y = r[piv].astype(np.float32)
        for i in range(n):
            y[i] -= LU[i, :i] @ y[:i]
        for i in range(n - 1, -1, -1):
            y[i] = (y[i] - LU[i, i + 1 :] @ y[i + 1 :]) / LU[i, i]
        return y.astype(float)

    x = solve(b)
    norms = []
    for it in range(max_iter):
        r = b - A @ x
        norms.append(np.linalg.norm(r))
        if norms[-1] < tol * np.linalg.norm(b):
            break
        x += solve(r)
    return x.round(digits), len(norms), norms[0] > norms[-1]


def jacobi_svd_rank(A, tol=None):
    """Numerical rank, null space and pseudo-inverse, with a message for the log."""
    U, s, Vt = np.linalg.svd(A)
    if tol is None:
        tol = s.max() * max(A.shape) * np.finfo(A.dtype).eps
    rank = int(np.sum(s > tol))
    pinv = (Vt[:rank].T / s[:rank]) @ U[:, :rank].T
    null = Vt[rank:].T
    message = f"rank {rank} of {min(A.shape)}, condition {s[0] / s[rank - 1]:.1e}" if rank else "zero matrix"
    return {"rank": rank, "pinv": pinv, "nullity": null.shape[1], "message": message}


class ODEResult(dict):
    """A dict whose items are attributes, too."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError as e:
            raise AttributeError(name) from e


def integrate_adaptive(f, t_span, y0, rtol=1e-5, atol=1e-8, h0=None, max_steps=2000):
    """Heun–Euler pairs with a controller of the step; the result has t, y, nfev, status and message."""
    t, t_end = t_span
    y = np.array(y0, dtype=float)
    h = h0 if h0 is not None else (t_end - t) / 100
    ts, ys = [t], [y]
    nfev = rejected = 0
    status = 0
    while t < t_end:
        if len(ts) > max_steps:
            status = -1
            break
        h = min(h, t_end - t)
        k1 = f(t, y)
        k2 = f(t + h, y + h * k1)
        nfev += 2
        err = 0.5 * h * (k2 - k1)
        scale = atol + rtol * np.maximum(np.abs(y), np.abs(y + h * k1))
        norm = np.sqrt(np.mean((err / scale) ** 2))
        if norm <= 1:
            t = t + h
            y = y + 0.5 * h * (k1 + k2)
            ts.append(t)
            ys.append(y)
        else:
            rejected += 1
        h *= min(5.0, max(0.2, 0.9 / math.sqrt(norm))) if norm > 0 else 5.0
    message = {0: "The solver reached the end.", -1: "Too many steps."}[status]
    return ODEResult(t=np.array(ts), y=np.array(ys).T, nfev=nfev, rejected=rejected, status=status, message=message)


def predator_prey_runs(y0, alphas, t_end, rtol=1e-4):
    """Populations at the end of a run for each growth rate, and the mean of the prey."""
    table = {}
    for alpha in alphas:

        def rhs(t, y, alpha=alpha):
            prey, pred = y
            return np.array([alpha * prey - 0.4 * prey * pred, 0.1 * prey * pred - 0.4 * pred])

        sol = integrate_adaptive(rhs, (0.0, t_end), y0, rtol=rtol)
        table[alpha] = (sol.y[0, -1], sol.y[1, -1], float(sol.y[0].mean()), sol.nfev)
    return table


def gradient_descent_race(A, b, x0, methods=("plain", "momentum", "nesterov", "adam"), lr=0.02, iters=60):
    """Which method gets lowest on a quadratic; returns the winner, and every curve."""

    def loss(x):
        return 0.5 * x @ A @ x - b @ x

    def grad(x):
        return A @ x - b

    curves = {}
    for method in methods:
        x = x0.copy()
        v = np.zeros_like(x)
        m = np.zeros_like(x)
        curve = np.empty(iters)
        for k in range(iters):
            if method == "plain":
                x -= lr * grad(x)
            elif method == "momentum":
                v = 0.9 * v - lr * grad(x)
                x += v
            elif method == "nesterov":
                v_prev = v
                v = 0.9 * v - lr * grad(x)
                x += -0.9 * v_prev + 1.9 * v
            else:
                g = grad(x)
                m = 0.9 * m + 0.1 * g
                v = 0.999 * v + 0.001 * g * g
                x -= lr * (m / (1 - 0.9 ** (k + 1))) / (np.sqrt(v / (1 - 0.999 ** (k + 1))) + 1e-8)
            curve[k] = loss(x)
        curves[method] = curve
    winner = min(curves, key=lambda name: curves[name][-1])
    return winner, curves


def trust_region_dogleg(f, grad, hess, x0, radius=1.0, max_radius=10.0, gtol=1e-6, max_iter=100):
    x = np.asarray(x0, dtype=float)
    for k in range(max_iter):
        g = grad(x)
        if np.linalg.norm(g) < gtol:
            return x, k, True
        B = hess(x)
        full = -np.linalg.solve(B, g)
        if np.linalg.norm(full) <= radius:
            p = full
        else:
            cauchy = -(g @ g) / (g @ B @ g) * g
            if np.linalg.norm(cauchy) >= radius:
                p = radius * cauchy / np.linalg.norm(cauchy)
            else:
                d = full - cauchy
                a, bq, c = d @ d, 2 * cauchy @ d, cauchy @ cauchy - radius**2
                tau = (-bq + math.sqrt(bq * bq - 4 * a * c)) / (2 * a)
                p = cauchy + tau * d
        predicted = -(g @ p + 0.5 * p @ B @ p)
        rho = (f(x) - f(x + p)) / predicted
        if rho < 0.25:
            radius *= 0.25
        elif rho > 0.75 and abs(np.linalg.norm(p) - radius) < 1e-10:
            radius = min(2 * radius, max_radius)
        if rho > 0.1:
            x = x + p
    return x, max_iter, False


def fit_rosenbrock(start, a=1.0, b=10.0):
    """The minimum of Rosenbrock's valley from a starting point, by a dogleg."""

    def f(z):
        return (a - z[0]) ** 2 + b * (z[1] - z[0] ** 2) ** 2

    def grad(z):
        return np.array([-2 * (a - z[0]) - 4 * b * z[0] * (z[1] - z[0] ** 2), 2 * b * (z[1] - z[0] ** 2)])

    def hess(z):
        return np.array([[2 - 4 * b * (z[1] - 3 * z[0] ** 2), -4 * b * z[0]], [-4 * b * z[0], 2 * b]])

    x, iterations, converged = trust_region_dogleg(f, grad, hess, start)
    assert converged or iterations > 1
    return x, iterations, converged


def assignment_auction(value, eps=0.01):
    """Bertsekas' auction: persons bid for objects until everybody has one."""
    n = len(value)
    price = np.zeros(n)
    owner = [None] * n
    waiting = list(range(n))
    rounds = 0
    while waiting:
        i = waiting.pop(0)
        gains = value[i] - price
        j = int(gains.argmax())
        best = gains[j]
        gains[j] = -np.inf
        price[j] += best - gains.max() + eps
        if owner[j] is not None:
            waiting.append(owner[j])
        owner[j] = i
        rounds += 1
    total = sum(value[owner[j], j] for j in range(n))
    return owner, total, rounds


def regularisation_path(X, y, lambdas, folds=3, seed=0):
    """Ridge coefficients for each penalty, and the one with the least error in cross-validation."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    parts = np.array_split(order, folds)
    errors = {}
    for lam in lambdas:
        err = 0.0
        for part in parts:
            train = np.setdiff1d(order, part)
            A = X[train].T @ X[train] + lam * np.eye(X.shape[1])
            w = np.linalg.solve(A, X[train].T @ y[train])
            err += np.mean((X[part] @ w - y[part]) ** 2)
        errors[lam] = err / folds
    best = min(errors, key=errors.get)
    A = X.T @ X + best * np.eye(X.shape[1])
    return best, np.linalg.solve(A, X.T @ y), list(errors.values())


def _spd(rng, n):
    a = rng.standard_normal((n, n))
    return a @ a.T / n + np.eye(n)


CASES = {
    advection_diffusion: lambda rng: [
        (np.exp(-((np.arange(64) * 0.1 - 3) ** 2)),),
        (rng.random(50).astype(np.float32), -0.7, 0.02, 0.05, 0.2, 0.3, "central"),
        (np.where(np.arange(40) > 20, 1.0, 0.0), 1.0, 0.005, 0.1, 0.3, 0.4, "upwind", "open"),
        (np.ones(8), 1.0, 0.1, 0.1, 0.1, 0.4, "quick"),
    ],
    adaptive_fem: lambda rng: [
        (np.linspace(0, 1, 9), 10.0),
        (np.linspace(0, 1, 17), 0.1, 4),
        ([0.0, 0.1, 0.35, 0.6, 1.0], 3.0, 3, 0.3),
    ],
    iterative_refinement: lambda rng: [
        (_spd(rng, 12), rng.standard_normal(12)),
        (rng.standard_normal((30, 30)) + 6 * np.eye(30), rng.standard_normal(30), 4),
        (np.array([[0.0, 2.0], [1.0, 1.0]]), np.array([2.0, 3.0])),
    ],
    jacobi_svd_rank: lambda rng: [
        (rng.standard_normal((5, 3)),),
        (np.outer(rng.random(4), rng.random(6)),),
        (np.zeros((3, 3)),),
        (rng.random((4, 4)).astype(np.float32), 0.5),
    ],
    predator_prey_runs: lambda rng: [
        ([10.0, 5.0], (1.0, 1.1), 2.0),
        (np.array([8.0, 2.0]), [0.9], 4.0, 1e-3),
        ([3, 1], (0.5, 0.7, 1.2), 1.0),
    ],
    gradient_descent_race: lambda rng: [
        (_spd(rng, 6), rng.random(6), np.zeros(6)),
        (_spd(rng, 10), rng.random(10), rng.random(10), ("plain", "adam"), 0.05, 40),
        (np.diag([1.0, 20.0]), np.ones(2), np.array([3.0, -1.0])),
    ],
    fit_rosenbrock: lambda rng: [([-1.2, 1.0],), (np.array([0.0, 0.0]), 1.0, 100.0), ((2.0, -1.0), 0.5)],
    assignment_auction: lambda rng: [
        (rng.random((6, 6)),),
        (rng.random((15, 15)), 0.002),
        (np.array([[3.0, 1.0], [3.0, 2.0]]),),
    ],
    regularisation_path: lambda rng: [
        ((X := rng.standard_normal((30, 4))), X @ np.ones(4) + 0.1 * rng.standard_normal(30), [0.01, 0.1, 1.0, 10.0]),
        ((X := rng.standard_normal((21, 3))), X[:, 0] - X[:, 2], np.logspace(-3, 2, 5), 4, 3),
        ((X := rng.standard_normal((12, 2))), X.sum(axis=1), (1, 2), 3),
    ],
}
