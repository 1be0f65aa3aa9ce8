"""Finite differences and relaxation on grids."""

import numpy as np


def heat_1d(u0, alpha, steps):
    """Explicit Euler for the heat equation, two buffers swapped."""
    u = u0.copy()
    new = np.empty_like(u)
    for _ in range(steps):
        new[1:-1] = u[1:-1] + alpha * (u[2:] - 2 * u[1:-1] + u[:-2])
        new[0] = new[-1] = 0.0
        u, new = new, u
    return u


def heat_2d(u, kappa, dx, steps):
    dt = dx * dx / (4 * kappa)
    for _ in range(steps):
        lap = (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]) / dx**2
        u[1:-1, 1:-1] += dt * kappa * lap
    return u


def wave_1d(u, c, dx, dt, nt):
    """Leapfrog in time; returns the history of the midpoint and the last field."""
    r2 = (c * dt / dx) ** 2
    prev = u.copy()
    cur = u.copy()
    cur[1:-1] = u[1:-1] + 0.5 * r2 * (u[2:] - 2 * u[1:-1] + u[:-2])
    middle = np.zeros(nt)
    for n in range(nt):
        nxt = np.zeros_like(cur)
        nxt[1:-1] = 2 * cur[1:-1] - prev[1:-1] + r2 * (cur[2:] - 2 * cur[1:-1] + cur[:-2])
        prev = cur
        cur = nxt
        middle[n] = cur[len(cur) // 2]
    return middle, cur


def burgers(u, nu, dx, dt, nt):
    """Viscous Burgers with upwind advection and periodic ends."""
    for _ in range(nt):
        un = u.copy()
        for i in range(1, len(u) - 1):
            u[i] = un[i] - un[i] * dt / dx * (un[i] - un[i - 1]) + nu * dt / dx**2 * (un[i + 1] - 2 * un[i] + un[i - 1])
        u[0] = un[0] - un[0] * dt / dx * (un[0] - un[-2]) + nu * dt / dx**2 * (un[1] - 2 * un[0] + un[-2])
        u[-1] = u[0]
    return u


def advection_upwind(q, velocity, dx, cfl, t_end):
    """Time steps of varying length until t_end, with the sign of the velocity deciding the stencil."""
    t = 0.0
    steps = 0
    dt = cfl * dx / np.max(np.abs(velocity))
    while t < t_end:
        dt = min(dt, t_end - t)
        left = np.roll(q, 1)
        right = np.roll(q, -1)
        flux = np.where(velocity > 0, velocity * (q - left), velocity * (right - q))
        q = q - dt / dx * flux
        t += dt
        steps += 1
    return q, t, steps


def laplace_jacobi(p, tol):
    """Sweeps until the relative change is small."""
    change = tol + 1
    sweeps = 0
    while change > tol:
        pn = p.copy()
        p[1:-1, 1:-1] = 0.25 * (pn[1:-1, 2:] + pn[1:-1, :-2] + pn[2:, 1:-1] + pn[:-2, 1:-1])
        p[:, -1] = p[:, -2]
        change = np.abs(p - pn).sum() / (np.abs(pn).sum() + 1e-12)
        sweeps += 1
    return p, sweeps


def gauss_seidel(u, f, h, tol=1e-5, max_iter=400):
    n, m = u.shape
    for it in range(max_iter):
        residual = 0.0
        for i in range(1, n - 1):
            for j in range(1, m - 1):
                new = 0.25 * (u[i + 1, j] + u[i - 1, j] + u[i, j + 1] + u[i, j - 1] - h * h * f[i, j])
                residual = max(residual, abs(new - u[i, j]))
                u[i, j] = new
        if residual < tol:
            return it
    return max_iter


def red_black_sor(u, omega, sweeps):
    """Successive over-relaxation, colour by colour through strided slices."""
    for _ in range(sweeps):
        for colour in (0, 1):
            for first in (1, 2):
                second = 1 + (first + colour + 1) % 2
                c = u[first:-1:2, second:-1:2]
                n = u[first - 1 : -2 : 2, second:-1:2]
                s = u[first + 1 :: 2, second:-1:2]
                w = u[first:-1:2, second - 1 : -2 : 2]
                e = u[first:-1:2, second + 1 :: 2]
                c += omega * (0.25 * (n + s + w + e) - c)


def _tridiagonal(a, b, c, d):
    n = len(d)
    cp = np.zeros(n)
    dp = np.zeros(n)
    cp[0] = c / b
    dp[0] = d[0] / b
    for i in range(1, n):
        m = b - a * cp[i - 1]
        cp[i] = c / m
        dp[i] = (d[i] - a * dp[i - 1]) / m
    x = np.zeros(n)
    x[n - 1] = dp[n - 1]
    for i in range(n - 2, -1, -1):
        x[i] = dp[i] - cp[i] * x[i + 1]
    return x


def adi(u, r, steps):
    """Alternating directions for the heat equation: rows implicit, then columns implicit."""
    n, m = u.shape
    for _ in range(steps):
        half = u.copy()
        for j in range(1, m - 1):
            rhs = r / 2 * u[1:-1, j - 1] + (1 - r) * u[1:-1, j] + r / 2 * u[1:-1, j + 1]
            half[1:-1, j] = _tridiagonal(-r / 2, 1 + r, -r / 2, rhs)
        for i in range(1, n - 1):
            rhs = r / 2 * half[i - 1, 1:-1] + (1 - r) * half[i, 1:-1] + r / 2 * half[i + 1, 1:-1]
            u[i, 1:-1] = _tridiagonal(-r / 2, 1 + r, -r / 2, rhs)
    return u


def gray_scott(u, v, du, dv, feed, kill, steps):
    def laplacian(z):
        return z[:-2, 1:-1] + z[1:-1, :-2] - 4 * z[1:-1, 1:-1] + z[1:-1, 2:] + z[2:, 1:-1]

    for _ in range(steps):
        lu, lv = laplacian(u), laplacian(v)
        a, b = u[1:-1, 1:-1], v[1:-1, 1:-1]
        uvv = a * b * b
        a += du * lu - uvv + feed * (1 - a)
        b += dv * lv + uvv - (feed + kill) * b
        for z in (u, v):
            z[0, :] = z[-2, :]
            z[-1, :] = z[1, :]
            z[:, 0] = z[:, -2]
            z[:, -1] = z[:, 1]
    return v


def shallow_water(h, u, dt, dx, g, steps):
    """Lax–Friedrichs on the conserved pair (h, hu)."""
    q = np.array([h, h * u])
    for _ in range(steps):
        flux = np.empty_like(q)
        flux[0] = q[1]
        flux[1] = q[1] ** 2 / q[0] + 0.5 * g * q[0] ** 2
        q[:, 1:-1] = 0.5 * (q[:, 2:] + q[:, :-2]) - dt / (2 * dx) * (flux[:, 2:] - flux[:, :-2])
        q[:, 0] = q[:, 1]
        q[:, -1] = q[:, -2]
    return {"h": q[0], "u": q[1] / q[0]}


def crank_nicolson(u, lam, steps):
    n = u.size
    A = np.diag(np.full(n, 1 + lam)) + np.diag(np.full(n - 1, -lam / 2), 1) + np.diag(np.full(n - 1, -lam / 2), -1)
    B = np.diag(np.full(n, 1 - lam)) + np.diag(np.full(n - 1, lam / 2), 1) + np.diag(np.full(n - 1, lam / 2), -1)
    history = [u]
    for _ in range(steps):
        history.append(np.linalg.solve(A, B @ history[-1]))
    return np.stack(history)


def _f32(*arrays):
    return tuple(a.astype(np.float32) for a in arrays)


CASES = {
    heat_1d: lambda rng: [
        (rng.random(400), 0.2, 151),
        (rng.random(33).astype(np.float32), 0.2, 10),
        (rng.random(2), 0.2, 3),
        (rng.random(5), 0.1, 0),
    ],
    heat_2d: lambda rng: [
        (rng.random((40, 50)), 1.3, 0.1, 50),
        (rng.random((9, 7)).astype(np.float32), 1.0, 0.5, 5),
        (rng.random((2, 2)), 1.0, 1.0, 2),
    ],
    wave_1d: lambda rng: [(np.sin(np.linspace(0, np.pi, 301)), 1.0, 0.01, 0.005, 120), (rng.random(7), 2.0, 0.1, 0.01, 3)],
    burgers: lambda rng: [(1 + rng.random(80), 0.07, 0.05, 0.001, 30), (rng.random(3), 0.1, 0.5, 0.01, 4)],
    advection_upwind: lambda rng: [
        (rng.random(200), rng.standard_normal(200), 0.01, 0.9, 0.2),
        (rng.random(10), np.ones(10), 0.1, 0.5, 0.3),
    ],
    laplace_jacobi: lambda rng: [(rng.random((20, 24)), 1e-4), (rng.random((6, 5)).astype(np.float32), 1e-2)],
    gauss_seidel: lambda rng: [
        (rng.random((14, 12)), rng.random((14, 12)), 0.1),
        (*_f32(rng.random((6, 9)), rng.random((6, 9))), 0.1, 1e-3, 20),
        (rng.random((2, 2)), rng.random((2, 2)), 0.1),
    ],
    red_black_sor: lambda rng: [(rng.random((41, 43)), 1.7, 20), (rng.random((11, 13)).astype(np.float32), 1.5, 3)],
    adi: lambda rng: [(rng.random((18, 20)), 0.4, 5), (rng.random((5, 4)), 1.0, 2)],
    gray_scott: lambda rng: [
        (np.ones((32, 32)), 0.3 * rng.random((32, 32)), 0.16, 0.08, 0.06, 0.062, 40),
        (np.ones((6, 8), np.float32), rng.random((6, 8)).astype(np.float32), 0.16, 0.08, 0.06, 0.062, 3),
    ],
    shallow_water: lambda rng: [
        (1 + rng.random(200), np.zeros(200), 1e-3, 0.05, 9.81, 60),
        (1 + rng.random(5), rng.random(5), 1e-3, 0.1, 9.81, 2),
    ],
    crank_nicolson: lambda rng: [(rng.random(40), 0.5, 15), (rng.random(4), 0.1, 1)],
}
