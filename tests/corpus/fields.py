"""Fields on grids as they are stepped in courses: Euler's equations, moving ice, sound, flow around a step, heat in a fin."""

from __future__ import annotations

import numpy as np


def euler_hllc(rho, u, p, length, t_end, cfl=0.5, gamma=1.4, limiter="minmod", max_steps=200):
    """Solve the one-dimensional Euler equations with MUSCL reconstruction and the HLLC flux.

    Returns density, velocity, pressure and a dictionary that says how the run went.
    """
    if limiter not in ("minmod", "superbee", "none"):
        raise ValueError(f"unknown limiter {limiter!r}")
    n = len(rho)
    dx = length / n

    def slope(q):
        a = q[:, 1:-1] - q[:, :-2]
        b = q[:, 2:] - q[:, 1:-1]
        if limiter == "none":
            return np.zeros_like(a)
        if limiter == "minmod":
            return np.where(a * b > 0, np.sign(a) * np.minimum(np.abs(a), np.abs(b)), 0.0)
        s1 = np.where(a * b > 0, np.sign(a) * np.minimum(2 * np.abs(a), np.abs(b)), 0.0)
        s2 = np.where(a * b > 0, np.sign(a) * np.minimum(np.abs(a), 2 * np.abs(b)), 0.0)
        return np.where(np.abs(s1) > np.abs(s2), s1, s2)

    def conserved(w):
        return np.stack([w[0], w[0] * w[1], w[2] / (gamma - 1) + 0.5 * w[0] * w[1] ** 2])

    def primitive(q):
        v = q[1] / q[0]
        return np.stack([q[0], v, (gamma - 1) * (q[2] - 0.5 * q[0] * v**2)])

    def flux(w, q):
        return np.stack([q[1], q[1] * w[1] + w[2], w[1] * (q[2] + w[2])])

    def hllc(wl, wr):
        ql, qr = conserved(wl), conserved(wr)
        cl, cr = np.sqrt(gamma * wl[2] / wl[0]), np.sqrt(gamma * wr[2] / wr[0])
        sl = np.minimum(wl[1] - cl, wr[1] - cr)
        sr = np.maximum(wl[1] + cl, wr[1] + cr)
        top = wr[2] - wl[2] + ql[1] * (sl - wl[1]) - qr[1] * (sr - wr[1])
        sm = top / (wl[0] * (sl - wl[1]) - wr[0] * (sr - wr[1]))
        fl, fr = flux(wl, ql), flux(wr, qr)

        def star(w, q, s):
            scale = w[0] * (s - w[1]) / (s - sm)
            energy = q[2] / w[0] + (sm - w[1]) * (sm + w[2] / (w[0] * (s - w[1])))
            return scale * np.stack([np.ones_like(sm), sm, energy])

        out = np.where(sl >= 0, fl, fr)
        out = np.where((sl < 0) & (sm >= 0), fl + sl * (star(wl, ql, sl) - ql), out)
        return np.where((sm < 0) & (sr > 0), fr + sr * (star(wr, qr, sr) - qr), out)

    q = conserved(np.array([rho, u, p], dtype=float))
    t, steps = 0.0, 0
    info = {"steps": 0, "status": "ok"}
    while t < t_end:
        if steps >= max_steps:
            info["status"] = "too many steps"
            break
        w = primitive(q)
        dt = cfl * dx / np.max(np.abs(w[1]) + np.sqrt(gamma * w[2] / w[0]))
        dt = min(dt, t_end - t)
        ghost = np.pad(w, ((0, 0), (2, 2)), mode="edge")
        d = slope(ghost)
        left = ghost[:, 1:-1] + 0.5 * d
        right = ghost[:, 1:-1] - 0.5 * d
        f = hllc(left[:, :-1], right[:, 1:])
        q = q - dt / dx * (f[:, 1:] - f[:, :-1])
        t += dt
        steps += 1
    info["steps"], info["time"] = steps, t
    w = primitive(q)
    return w[0], w[1], w[2], info


class StefanSolver:
    """Melting of a bar by the enthalpy method; the front is where the liquid fraction passes one half."""

    def __init__(self, n, length, k=(2.2, 0.6), c=(2.0, 4.2), latent=334.0):
        self.dx = length / n
        self.k_solid, self.k_liquid = k
        self.c_solid, self.c_liquid = c
        self.latent = latent
        self.h = np.full(n, -5.0 * self.c_solid)
        self.time = 0.0
        self.history = []

    def temperature(self):
        h = self.h
        return np.where(h < 0, h / self.c_solid, np.where(h > self.latent, (h - self.latent) / self.c_liquid, 0.0))

    def fraction(self):
        return np.clip(self.h / self.latent, 0, 1)

    def step(self, dt, hot):
        temp = self.temperature()
        f = self.fraction()
        k = f * self.k_liquid + (1 - f) * self.k_solid
        face = 2 * k[1:] * k[:-1] / (k[1:] + k[:-1])
        q = np.empty(len(temp) + 1)
        q[1:-1] = -face * np.diff(temp) / self.dx
        q[0] = -k[0] * (temp[0] - hot) / (self.dx / 2)
        q[-1] = 0.0
        self.h += dt / self.dx * (q[:-1] - q[1:])
        self.time += dt

    def front(self):
        f = self.fraction()
        solid = np.nonzero(f < 0.5)[0]
        if len(solid) == 0:
            return self.dx * len(f)
        i = solid[0]
        if i == 0:
            return 0.0
        return self.dx * (i - 0.5 + (f[i - 1] - 0.5) / (f[i - 1] - f[i]))


def stefan_problem(n, length, hot, dt, steps, every=10, verbose=False):
    """Run the solver and return the positions of the front at the times recorded."""
    assert dt > 0, "time step must be positive"
    solver = StefanSolver(n, length)
    for k in range(steps):
        solver.step(dt, hot)
        if (k + 1) % every == 0:
            x = solver.front()
            solver.history.append((solver.time, x))
            if verbose:
                print(f"t = {solver.time:8.4f}  front at {x:.5f}")
    history = np.array(solver.history)
    return history, solver.temperature(), solver.fraction().sum() * solver.dx


def acoustic_layers(c, rho, source, receivers, dx, dt, sponge=10, order=4):
    """Sound in a layered medium, staggered in space and time, with a sponge at both ends."""
    n = c.size
    if np.max(c) * dt / dx > 0.9:
        raise ValueError("unstable: reduce dt")
    coefficients = {2: (1.0,), 4: (9 / 8, -1 / 24)}[order]
    kappa = rho * c**2
    damp = np.ones(n)
    ramp = np.exp(-((0.03 * np.arange(sponge, 0, -1)) ** 2))
    damp[:sponge] *= ramp
    damp[-sponge:] *= ramp[::-1]
    pressure = np.zeros(n)
    velocity = np.zeros(n + 1)
    traces = np.zeros((len(receivers), len(source)))
    buoyancy = 1.0 / (0.5 * (rho[1:] + rho[:-1]))
    reach = len(coefficients)
    for it in range(len(source)):
        gradient = np.zeros(n - 1)
        for m, a in enumerate(coefficients):
            inner = slice(m, n - 1 - m)
            gradient[inner] += a * (pressure[2 * m + 1 :] - pressure[: n - 2 * m - 1])
        velocity[1:-1] -= dt / dx * buoyancy * gradient
        divergence = velocity[1:] - velocity[:-1]
        if reach > 1:
            divergence[1:-1] = coefficients[0] * divergence[1:-1] + coefficients[1] * (velocity[3:] - velocity[:-3])
        pressure -= dt / dx * kappa * divergence
        pressure[n // 4] += dt * source[it]
        pressure *= damp
        velocity[:-1] *= damp
        for r, position in enumerate(receivers):
            traces[r, it] = pressure[position]
    picks = []
    for trace in traces:
        loud = np.where(np.abs(trace) > 0.1 * np.abs(trace).max())[0]
        picks.append(int(loud[0]) if loud.size else None)
    return traces, picks


def simple_cavity(n, reynolds, rounds=30, alpha_u=0.6, alpha_p=0.3, tol=1e-6):
    """Lid-driven cavity by the SIMPLE algorithm on a staggered grid, with point relaxations written out."""
    h = 1.0 / n
    nu = 1.0 / reynolds
    u = np.zeros((n + 1, n + 2))
    v = np.zeros((n + 2, n + 1))
    p = np.zeros((n + 2, n + 2))
    du = np.zeros_like(u)
    dv = np.zeros_like(v)
    residuals = []
    for _it in range(rounds):
        u[:, -1] = 2.0 - u[:, -2]
        u[:, 0] = -u[:, 1]
        v[0, :] = -v[1, :]
        v[-1, :] = -v[-2, :]
        new = u.copy()
        for i in range(1, n):
            for j in range(1, n + 1):
                fe = 0.5 * h * (u[i + 1, j] + u[i, j])
                fw = 0.5 * h * (u[i - 1, j] + u[i, j])
                fn = 0.5 * h * (v[i, j] + v[i + 1, j])
                fs = 0.5 * h * (v[i, j - 1] + v[i + 1, j - 1])
                ae = max(-fe, nu - fe / 2, 0)
                aw = max(fw, nu + fw / 2, 0)
                an = max(-fn, nu - fn / 2, 0)
                as_ = max(fs, nu + fs / 2, 0)
                ap = (ae + aw + an + as_ + fe - fw + fn - fs) / alpha_u
                du[i, j] = h / ap
                total = ae * u[i + 1, j] + aw * u[i - 1, j] + an * u[i, j + 1] + as_ * u[i, j - 1]
                new[i, j] = (total + (p[i, j] - p[i + 1, j]) * h) / ap + (1 - alpha_u) * u[i, j]
        newv = v.copy()
        for i in range(1, n + 1):
            for j in range(1, n):
                fe = 0.5 * h * (u[i, j] + u[i, j + 1])
                fw = 0.5 * h * (u[i - 1, j] + u[i - 1, j + 1])
                fn = 0.5 * h * (v[i, j + 1] + v[i, j])
                fs = 0.5 * h * (v[i, j - 1] + v[i, j])
                ae, aw = max(-fe, nu - fe / 2, 0), max(fw, nu + fw / 2, 0)
                an, as_ = max(-fn, nu - fn / 2, 0), max(fs, nu + fs / 2, 0)
                ap = (ae + aw + an + as_ + fe - fw + fn - fs) / alpha_u
                dv[i, j] = h / ap
                total = ae * v[i + 1, j] + aw * v[i - 1, j] + an * v[i, j + 1] + as_ * v[i, j - 1]
                newv[i, j] = (total + (p[i, j] - p[i, j + 1]) * h) / ap + (1 - alpha_u) * v[i, j]
        u[1:-1, 1:-1], v[1:-1, 1:-1] = new[1:-1, 1:-1], newv[1:-1, 1:-1]
        b = h * (u[:-1, 1:-1] - u[1:, 1:-1] + v[1:-1, :-1] - v[1:-1, 1:])
        correction = np.zeros((n + 2, n + 2))
        for _ in range(20):
            ae, aw = h * du[1:, 1:-1], h * du[:-1, 1:-1]
            an, as_ = h * dv[1:-1, 1:], h * dv[1:-1, :-1]
            total = ae + aw + an + as_
            correction[1:-1, 1:-1] = (
                ae * correction[2:, 1:-1] + aw * correction[:-2, 1:-1]
                + an * correction[1:-1, 2:] + as_ * correction[1:-1, :-2] + b
            ) / np.where(total == 0, 1, total)  # fmt: skip
        p += alpha_p * correction
        u[1:-1, 1:-1] += du[1:-1, 1:-1] * (correction[1:-2, 1:-1] - correction[2:-1, 1:-1])
        v[1:-1, 1:-1] += dv[1:-1, 1:-1] * (correction[1:-1, 1:-2] - correction[1:-1, 2:-1])
        residuals.append(np.abs(b).sum())
        if residuals[-1] < tol:
            break
    centre = 0.5 * (u[n // 2, 1:-1] + u[n // 2 + (n % 2), 1:-1])
    return centre, p[1:-1, 1:-1] - p[1, 1], residuals


def fin_transient(radii, k, rho_c, h, ambient, base, dt, t_max, theta=1.0, steady=1e-4):
    """Temperature of an annular fin: finite volumes, the theta rule, and a tridiagonal solver that overwrites nothing."""

    def solve(lower, diag, upper, rhs):
        m = len(diag)
        cp, dp = [0.0] * m, [0.0] * m
        cp[0], dp[0] = upper[0] / diag[0], rhs[0] / diag[0]
        for i in range(1, m):
            denominator = diag[i] - lower[i] * cp[i - 1]
            cp[i] = upper[i] / denominator if i < m - 1 else 0.0
            dp[i] = (rhs[i] - lower[i] * dp[i - 1]) / denominator
        x = np.empty(m)
        x[-1] = dp[-1]
        for i in reversed(range(m - 1)):
            x[i] = dp[i] - cp[i] * x[i + 1]
        return x

    n = len(radii) - 1
    centres = 0.5 * (radii[:-1] + radii[1:])
    areas = np.pi * (radii[1:] ** 2 - radii[:-1] ** 2)
    temp = np.full(n, float(ambient))
    conduct = np.zeros(n + 1)
    conduct[1:-1] = 2 * np.pi * radii[1:-1] * k / np.diff(centres)
    conduct[0] = 2 * np.pi * radii[0] * k / (centres[0] - radii[0])
    loss = 2 * h * areas
    mass = rho_c * areas / dt
    t, log = 0.0, []
    while True:
        diag = mass + theta * (conduct[:-1] + conduct[1:] + loss)
        lower = -theta * conduct[:-1]
        upper = -theta * conduct[1:]
        lower[0] = 0
        padded = np.concatenate(([base], temp, temp[-1:]))
        explicit = conduct[:-1] * (padded[:-2] - temp) + conduct[1:] * (padded[2:] - temp) + loss * (ambient - temp)
        rhs = mass * temp + (1 - theta) * explicit + theta * loss * ambient
        rhs[0] += theta * conduct[0] * base
        new = solve(lower, diag, upper, rhs)
        change = np.linalg.norm(new - temp, np.inf)
        temp = new
        t += dt
        log.append(change)
        if change < steady:
            reason = "steady"
            break
        if t >= t_max - 1e-12:
            reason = "time"
            break
    heat = conduct[0] * (base - temp[0])
    efficiency = heat / (loss.sum() * (base - ambient))
    return temp, {"reason": reason, "t": round(t, 6), "efficiency": efficiency, "log": log}


def _tube(rng, n, dtype):
    left = np.arange(n) < n // 2
    return (
        np.where(left, 1.0, 0.125).astype(dtype),
        (0.1 * rng.standard_normal(n)).astype(dtype),
        np.where(left, 1.0, 0.1).astype(dtype),
    )


def _layers(rng, n, steps, dtype=float):
    c = np.where(np.arange(n) < n // 2, 1500.0, 2500.0).astype(dtype)
    rho = np.where(np.arange(n) < n // 3, 1000.0, 2000.0).astype(dtype)
    t = np.arange(steps) - 15.0
    return c, rho, ((1 - 0.1 * t**2) * np.exp(-0.05 * t**2)).astype(dtype)


CASES = {
    euler_hllc: lambda rng: [
        (*_tube(rng, 100, float), 1.0, 0.1),
        (*_tube(rng, 64, np.float32), 1.0, 0.15, 0.4, 1.4, "superbee"),
        (*_tube(rng, 50, float), 2.0, 0.5, 0.8, 5 / 3, "none", 12),
        (*_tube(rng, 50, float), 2.0, 0.5, 0.8, 5 / 3, "vanleer"),
    ],
    stefan_problem: lambda rng: [
        (40, 0.1, 20.0, 1e-3, 300),
        (25, 0.2, 35.0, 2e-3, 120, 40, True),
        (10, 0.1, 20, 1e-3, 9),
        (10, 0.1, 20.0, -1e-3, 9),
    ],
    acoustic_layers: lambda rng: [
        (*_layers(rng, 200, 150), [20, 100, 150], 1.0, 2e-4),
        (*_layers(rng, 120, 80), (30, 60), 1.0, 3e-4, 15, 2),
        (*_layers(rng, 150, 60, np.float32), np.array([40, 41]), 1.0, 2e-4),
        (*_layers(rng, 100, 60), [40], 1.0, 1e-3),
    ],
    simple_cavity: lambda rng: [(10, 100.0, 12), (7, 50.0, 8, 0.5, 0.2), (6, 10.0, 20, 0.6, 0.3, 1e-2)],
    fin_transient: lambda rng: [
        (np.linspace(0.01, 0.05, 21), 50.0, 3.5e6 * 1e-3, 30.0, 20.0, 100.0, 0.5, 20.0),
        (np.geomspace(0.02, 0.08, 12), 200.0, 2.4e3, 10.0, 25, 80, 1.0, 50, 0.5, 1.0),
        (np.linspace(0.01, 0.02, 9, dtype=np.float32), 20.0, 4e3, 100.0, 0.0, 50.0, 0.1, 3.0, 1.0, 0.0),
    ],
}
