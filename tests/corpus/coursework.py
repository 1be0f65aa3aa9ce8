"""Simulations of fields and particles: programs of courses and well-known gists, objects where their authors used them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


# finite volumes (after a widely read gist on the Kelvin-Helmholtz instability) ------------------------------------------
def _conserved(rho, vx, vy, P, gamma, vol):
    mass = rho * vol
    momx = rho * vx * vol
    momy = rho * vy * vol
    energy = (P / (gamma - 1) + 0.5 * rho * (vx**2 + vy**2)) * vol
    return mass, momx, momy, energy


def _primitive(mass, momx, momy, energy, gamma, vol):
    rho = mass / vol
    vx = momx / rho / vol
    vy = momy / rho / vol
    P = (energy / vol - 0.5 * rho * (vx**2 + vy**2)) * (gamma - 1)
    return rho, vx, vy, P


def _gradient(f, dx):
    R, L = -1, 1
    f_dx = (np.roll(f, R, axis=0) - np.roll(f, L, axis=0)) / (2 * dx)
    f_dy = (np.roll(f, R, axis=1) - np.roll(f, L, axis=1)) / (2 * dx)
    return f_dx, f_dy


def _limit_slopes(f, dx, f_dx, f_dy):
    R, L = -1, 1
    f_dx = np.maximum(0.0, np.minimum(1.0, ((f - np.roll(f, L, axis=0)) / dx) / (f_dx + 1.0e-8 * (f_dx == 0)))) * f_dx
    f_dx = np.maximum(0.0, np.minimum(1.0, (-(f - np.roll(f, R, axis=0)) / dx) / (f_dx + 1.0e-8 * (f_dx == 0)))) * f_dx
    f_dy = np.maximum(0.0, np.minimum(1.0, ((f - np.roll(f, L, axis=1)) / dx) / (f_dy + 1.0e-8 * (f_dy == 0)))) * f_dy
    f_dy = np.maximum(0.0, np.minimum(1.0, (-(f - np.roll(f, R, axis=1)) / dx) / (f_dy + 1.0e-8 * (f_dy == 0)))) * f_dy
    return f_dx, f_dy


def _faces(f, f_dx, f_dy, dx):
    R = -1
    f_XL = np.roll(f - f_dx * dx / 2, R, axis=0)
    f_XR = f + f_dx * dx / 2
    f_YL = np.roll(f - f_dy * dx / 2, R, axis=1)
    f_YR = f + f_dy * dx / 2
    return f_XL, f_XR, f_YL, f_YR


def _rusanov(rho_L, rho_R, vx_L, vx_R, vy_L, vy_R, P_L, P_R, gamma):
    en_L = P_L / (gamma - 1) + 0.5 * rho_L * (vx_L**2 + vy_L**2)
    en_R = P_R / (gamma - 1) + 0.5 * rho_R * (vx_R**2 + vy_R**2)
    rho_star = 0.5 * (rho_L + rho_R)
    momx_star = 0.5 * (rho_L * vx_L + rho_R * vx_R)
    momy_star = 0.5 * (rho_L * vy_L + rho_R * vy_R)
    en_star = 0.5 * (en_L + en_R)
    P_star = (gamma - 1) * (en_star - 0.5 * (momx_star**2 + momy_star**2) / rho_star)
    flux_mass = momx_star
    flux_momx = momx_star**2 / rho_star + P_star
    flux_momy = momx_star * momy_star / rho_star
    flux_energy = (en_star + P_star) * momx_star / rho_star
    C_L = np.sqrt(gamma * P_L / rho_L) + np.abs(vx_L)
    C_R = np.sqrt(gamma * P_R / rho_R) + np.abs(vx_R)
    C = np.maximum(C_L, C_R)
    flux_mass -= C * 0.5 * (rho_L - rho_R)
    flux_momx -= C * 0.5 * (rho_L * vx_L - rho_R * vx_R)
    flux_momy -= C * 0.5 * (rho_L * vy_L - rho_R * vy_R)
    flux_energy -= C * 0.5 * (en_L - en_R)
    return flux_mass, flux_momx, flux_momy, flux_energy


def _apply_fluxes(F, flux_F_X, flux_F_Y, dx, dt):
    L = 1
    F += -dt * dx * flux_F_X
    F += dt * dx * np.roll(flux_F_X, L, axis=0)
    F += -dt * dx * flux_F_Y
    F += dt * dx * np.roll(flux_F_Y, L, axis=1)
    return F


def kelvin_helmholtz(N=32, t_end=0.1, use_limiter=False, courant_fac=0.4, gamma=5 / 3):
    """Two streams slide past each other in a periodic box: MUSCL-Hancock in the primitive variables."""
    boxsize = 1.0
    dx = boxsize / N
    vol = dx**2
    xlin = np.linspace(0.5 * dx, boxsize - 0.5 * dx, N)
    Y, X = np.meshgrid(xlin, xlin)
    w0, sigma = 0.1, 0.05 / np.sqrt(2.0)
    rho = 1.0 + (np.abs(Y - 0.5) < 0.25)
    vx = -0.5 + (np.abs(Y - 0.5) < 0.25)
    vy = (
        w0 * np.sin(4 * np.pi * X) * (np.exp(-((Y - 0.25) ** 2) / (2 * sigma**2)) + np.exp(-((Y - 0.75) ** 2) / (2 * sigma**2)))
    )
    P = 2.5 * np.ones(X.shape)
    Mass, Momx, Momy, Energy = _conserved(rho, vx, vy, P, gamma, vol)
    t, steps = 0.0, 0
    while t < t_end:
        rho, vx, vy, P = _primitive(Mass, Momx, Momy, Energy, gamma, vol)
        dt = courant_fac * np.min(dx / (np.sqrt(gamma * P / rho) + np.sqrt(vx**2 + vy**2)))
        rho_dx, rho_dy = _gradient(rho, dx)
        vx_dx, vx_dy = _gradient(vx, dx)
        vy_dx, vy_dy = _gradient(vy, dx)
        P_dx, P_dy = _gradient(P, dx)
        if use_limiter:
            rho_dx, rho_dy = _limit_slopes(rho, dx, rho_dx, rho_dy)
            vx_dx, vx_dy = _limit_slopes(vx, dx, vx_dx, vx_dy)
            vy_dx, vy_dy = _limit_slopes(vy, dx, vy_dx, vy_dy)
            P_dx, P_dy = _limit_slopes(P, dx, P_dx, P_dy)
        rho_prime = rho - 0.5 * dt * (vx * rho_dx + rho * vx_dx + vy * rho_dy + rho * vy_dy)
        vx_prime = vx - 0.5 * dt * (vx * vx_dx + vy * vx_dy + (1 / rho) * P_dx)
        vy_prime = vy - 0.5 * dt * (vx * vy_dx + vy * vy_dy + (1 / rho) * P_dy)
        P_prime = P - 0.5 * dt * (gamma * P * (vx_dx + vy_dy) + vx * P_dx + vy * P_dy)
        rho_XL, rho_XR, rho_YL, rho_YR = _faces(rho_prime, rho_dx, rho_dy, dx)
        vx_XL, vx_XR, vx_YL, vx_YR = _faces(vx_prime, vx_dx, vx_dy, dx)
        vy_XL, vy_XR, vy_YL, vy_YR = _faces(vy_prime, vy_dx, vy_dy, dx)
        P_XL, P_XR, P_YL, P_YR = _faces(P_prime, P_dx, P_dy, dx)
        fm_X, fx_X, fy_X, fe_X = _rusanov(rho_XL, rho_XR, vx_XL, vx_XR, vy_XL, vy_XR, P_XL, P_XR, gamma)
        fm_Y, fy_Y, fx_Y, fe_Y = _rusanov(rho_YL, rho_YR, vy_YL, vy_YR, vx_YL, vx_YR, P_YL, P_YR, gamma)
        Mass = _apply_fluxes(Mass, fm_X, fm_Y, dx, dt)
        Momx = _apply_fluxes(Momx, fx_X, fx_Y, dx, dt)
        Momy = _apply_fluxes(Momy, fy_X, fy_Y, dx, dt)
        Energy = _apply_fluxes(Energy, fe_X, fe_Y, dx, dt)
        t += dt
        steps += 1
    return rho, P, t, steps


# stable fluids ----------------------------------------------------------------------------------------------------------
class FluidCube:
    """Stam's solver in a box of (N+2)² cells, the outer ones being walls."""

    def __init__(self, N, diffusion=0.0, viscosity=0.0, dt=0.1, iterations=4):
        self.N, self.diff, self.visc, self.dt, self.iterations = N, diffusion, viscosity, dt, iterations
        self.density = np.zeros((N + 2, N + 2))
        self.u = np.zeros((N + 2, N + 2))
        self.v = np.zeros((N + 2, N + 2))
        self.u_prev = np.zeros((N + 2, N + 2))
        self.v_prev = np.zeros((N + 2, N + 2))
        self.s = np.zeros((N + 2, N + 2))

    def add_density(self, x, y, amount):
        self.density[y, x] += amount

    def add_velocity(self, x, y, du, dv):
        self.u[y, x] += du
        self.v[y, x] += dv

    def set_bnd(self, b, x):
        x[0, 1:-1] = -x[1, 1:-1] if b == 2 else x[1, 1:-1]
        x[-1, 1:-1] = -x[-2, 1:-1] if b == 2 else x[-2, 1:-1]
        x[1:-1, 0] = -x[1:-1, 1] if b == 1 else x[1:-1, 1]
        x[1:-1, -1] = -x[1:-1, -2] if b == 1 else x[1:-1, -2]
        x[0, 0] = 0.5 * (x[1, 0] + x[0, 1])
        x[0, -1] = 0.5 * (x[1, -1] + x[0, -2])
        x[-1, 0] = 0.5 * (x[-2, 0] + x[-1, 1])
        x[-1, -1] = 0.5 * (x[-2, -1] + x[-1, -2])

    def lin_solve(self, b, x, x0, a, c):
        for _ in range(self.iterations):
            x[1:-1, 1:-1] = (x0[1:-1, 1:-1] + a * (x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:])) / c
            self.set_bnd(b, x)

    def diffuse(self, b, x, x0, rate):
        a = self.dt * rate * self.N * self.N
        self.lin_solve(b, x, x0, a, 1 + 4 * a)

    def project(self, u, v, p, div):
        h = 1.0 / self.N
        div[1:-1, 1:-1] = -0.5 * h * (u[1:-1, 2:] - u[1:-1, :-2] + v[2:, 1:-1] - v[:-2, 1:-1])
        p[:] = 0
        self.set_bnd(0, div)
        self.set_bnd(0, p)
        self.lin_solve(0, p, div, 1, 4)
        u[1:-1, 1:-1] -= 0.5 * (p[1:-1, 2:] - p[1:-1, :-2]) / h
        v[1:-1, 1:-1] -= 0.5 * (p[2:, 1:-1] - p[:-2, 1:-1]) / h
        self.set_bnd(1, u)
        self.set_bnd(2, v)

    def advect(self, b, d, d0, u, v):
        N = self.N
        dt0 = self.dt * N
        for j in range(1, N + 1):
            for i in range(1, N + 1):
                x = min(max(i - dt0 * u[j, i], 0.5), N + 0.5)
                y = min(max(j - dt0 * v[j, i], 0.5), N + 0.5)
                i0, j0 = int(x), int(y)
                s1, t1 = x - i0, y - j0
                s0, t0 = 1 - s1, 1 - t1
                d[j, i] = s0 * (t0 * d0[j0, i0] + t1 * d0[j0 + 1, i0]) + s1 * (t0 * d0[j0, i0 + 1] + t1 * d0[j0 + 1, i0 + 1])
        self.set_bnd(b, d)

    def step(self):
        self.diffuse(1, self.u_prev, self.u, self.visc)
        self.diffuse(2, self.v_prev, self.v, self.visc)
        self.project(self.u_prev, self.v_prev, self.u, self.v)
        self.advect(1, self.u, self.u_prev, self.u_prev, self.v_prev)
        self.advect(2, self.v, self.v_prev, self.u_prev, self.v_prev)
        self.project(self.u, self.v, self.u_prev, self.v_prev)
        self.diffuse(0, self.s, self.density, self.diff)
        self.advect(0, self.density, self.s, self.u, self.v)


def stable_fluid(N, frames, diffusion=1e-5, viscosity=1e-5, angle=0.3):
    """Dye and a jet in the middle of the box; the dye after some frames and how much there was at each."""
    fluid = FluidCube(N, diffusion, viscosity)
    totals = []
    c = N // 2
    for frame in range(frames):
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                fluid.add_density(c + dx, c + dy, 10.0)
        fluid.add_velocity(c, c, 2.0 * np.cos(angle * frame), 2.0 * np.sin(angle * frame))
        fluid.step()
        totals.append(float(fluid.density.sum()))
    return fluid.density, totals


# first arrivals ---------------------------------------------------------------------------------------------------------
def fast_sweeping(slowness, source, h=1.0, tol=1e-9, max_sweeps=20):
    """|∇T| = s by Gauss-Seidel sweeps in four directions."""
    ny, nx = slowness.shape
    T = np.full((ny, nx), 1e10)
    T[source] = 0.0
    for sweep in range(max_sweeps):
        change = 0.0
        for sy in (1, -1):
            for sx in (1, -1):
                for i in range(ny)[::sy]:
                    for j in range(nx)[::sx]:
                        if (i, j) == source:
                            continue
                        a = min(T[i - 1, j] if i > 0 else 1e10, T[i + 1, j] if i < ny - 1 else 1e10)
                        b = min(T[i, j - 1] if j > 0 else 1e10, T[i, j + 1] if j < nx - 1 else 1e10)
                        f = slowness[i, j] * h
                        if abs(a - b) >= f:
                            t = min(a, b) + f
                        else:
                            t = 0.5 * (a + b + np.sqrt(2 * f * f - (a - b) ** 2))
                        if t < T[i, j]:
                            change = max(change, T[i, j] - t)
                            T[i, j] = t
        if change < tol:
            return T, sweep + 1
    return T, max_sweeps


# level sets -------------------------------------------------------------------------------------------------------------
def _one_sided(phi, h):
    p = np.pad(phi, 1, mode="edge")
    return (
        (phi - p[1:-1, :-2]) / h,
        (p[1:-1, 2:] - phi) / h,
        (phi - p[:-2, 1:-1]) / h,
        (p[2:, 1:-1] - phi) / h,
    )


def _godunov_norm(phi, h, sign):
    a, b, c, d = _one_sided(phi, h)
    ap, am = np.maximum(a, 0), np.minimum(a, 0)
    bp, bm = np.maximum(b, 0), np.minimum(b, 0)
    cp, cm = np.maximum(c, 0), np.minimum(c, 0)
    dp, dm = np.maximum(d, 0), np.minimum(d, 0)
    outward = np.sqrt(np.maximum(ap**2, bm**2) + np.maximum(cp**2, dm**2))
    inward = np.sqrt(np.maximum(am**2, bp**2) + np.maximum(cm**2, dp**2))
    return np.where(sign > 0, outward, inward)


def level_set_shrink(phi, h, steps, speed=-1.0, reinit_every=5, curvature=0.0):
    """A front that moves along its normal, its distance function made anew every few steps; the area inside after each."""
    phi = phi.copy()
    area = np.empty(steps)
    for n in range(steps):
        F = np.full_like(phi, speed)
        if curvature:
            gy, gx = np.gradient(phi, h)
            norm = np.sqrt(gx**2 + gy**2) + 1e-12
            kappa = np.gradient(gx / norm, h, axis=1) + np.gradient(gy / norm, h, axis=0)
            F -= curvature * np.clip(kappa, -1 / h, 1 / h)
        phi -= 0.4 * h * F * _godunov_norm(phi, h, F) / max(abs(F).max(), 1e-12)
        if (n + 1) % reinit_every == 0:
            phi0 = phi.copy()
            s = phi0 / np.sqrt(phi0**2 + h**2)
            for _ in range(8):
                phi = phi - 0.4 * h * s * (_godunov_norm(phi, h, s) - 1)
        area[n] = np.count_nonzero(phi < 0) * h * h
    return phi, area


# material points --------------------------------------------------------------------------------------------------------
def mpm_elastic_blocks(x, v, steps, n_grid=24, dt=2e-4, E=1000.0, nu=0.2, gravity=-30.0):
    """The 88-line material point method for an elastic jelly: particles to grid and back, quadratic kernels."""
    n = len(x)
    x, v = x.copy(), v.copy()
    C = np.zeros((n, 2, 2))
    F = np.tile(np.eye(2), (n, 1, 1))
    dx, inv_dx = 1 / n_grid, float(n_grid)
    p_vol, p_rho = (dx * 0.5) ** 2, 1.0
    p_mass = p_vol * p_rho
    mu0, lam0 = E / (2 * (1 + nu)), E * nu / ((1 + nu) * (1 - 2 * nu))
    for _ in range(steps):
        grid_v = np.zeros((n_grid, n_grid, 2))
        grid_m = np.zeros((n_grid, n_grid))
        for p in range(n):
            base = (x[p] * inv_dx - 0.5).astype(int)
            fx = x[p] * inv_dx - base
            w = [0.5 * (1.5 - fx) ** 2, 0.75 - (fx - 1) ** 2, 0.5 * (fx - 0.5) ** 2]
            F[p] = (np.eye(2) + dt * C[p]) @ F[p]
            J = F[p, 0, 0] * F[p, 1, 1] - F[p, 0, 1] * F[p, 1, 0]
            Finv_T = np.array([[F[p, 1, 1], -F[p, 1, 0]], [-F[p, 0, 1], F[p, 0, 0]]]) / J
            stress = mu0 * (F[p] - Finv_T) + lam0 * np.log(J) * Finv_T
            affine = -dt * p_vol * 4 * inv_dx * inv_dx * (stress @ F[p].T) + p_mass * C[p]
            for i in range(3):
                for j in range(3):
                    offset = np.array([i, j])
                    dpos = (offset - fx) * dx
                    weight = w[i][0] * w[j][1]
                    grid_v[base[0] + i, base[1] + j] += weight * (p_mass * v[p] + affine @ dpos)
                    grid_m[base[0] + i, base[1] + j] += weight * p_mass
        mask = grid_m > 0
        grid_v[mask] /= grid_m[mask][:, None]
        grid_v[mask, 1] += dt * gravity
        grid_v[:3, :, 0] = np.maximum(grid_v[:3, :, 0], 0)
        grid_v[-3:, :, 0] = np.minimum(grid_v[-3:, :, 0], 0)
        grid_v[:, :3, 1] = np.maximum(grid_v[:, :3, 1], 0)
        grid_v[:, -3:, 1] = np.minimum(grid_v[:, -3:, 1], 0)
        for p in range(n):
            base = (x[p] * inv_dx - 0.5).astype(int)
            fx = x[p] * inv_dx - base
            w = [0.5 * (1.5 - fx) ** 2, 0.75 - (fx - 1.0) ** 2, 0.5 * (fx - 0.5) ** 2]
            new_v = np.zeros(2)
            new_C = np.zeros((2, 2))
            for i in range(3):
                for j in range(3):
                    dpos = np.array([i, j]) - fx
                    g_v = grid_v[base[0] + i, base[1] + j]
                    weight = w[i][0] * w[j][1]
                    new_v += weight * g_v
                    new_C += 4 * inv_dx * weight * np.outer(g_v, dpos)
            v[p], C[p] = new_v, new_C
            x[p] += dt * v[p]
    return x, v, F


# plasma -----------------------------------------------------------------------------------------------------------------
def landau_damping(nx, nv, steps, k=0.5, alpha=0.05, vmax=5.0, dt=0.1):
    """Vlasov-Poisson by splitting: each row shifted in space, each column in velocity, by linear interpolation."""
    L = 2 * np.pi / k
    x = np.arange(nx) * L / nx
    v = np.linspace(-vmax, vmax, nv)
    f = (1 + alpha * np.cos(k * x))[:, None] * np.exp(-(v**2) / 2)[None, :] / np.sqrt(2 * np.pi)
    modes = np.fft.fftfreq(nx, L / nx) * 2 * np.pi
    energy = []
    for n in range(steps):
        for j in range(nv):
            f[:, j] = np.interp((x - v[j] * dt / 2) % L, x, f[:, j], period=L)
        rho = 1 - np.trapezoid(f, v, axis=1)
        rho_k = np.fft.fft(rho)
        E_k = np.zeros(nx, dtype=complex)
        E_k[1:] = rho_k[1:] / (1j * modes[1:])
        E = np.real(np.fft.ifft(E_k))
        for i in range(nx):
            f[i] = np.interp(v + E[i] * dt, v, f[i], left=0.0, right=0.0)
        for j in range(nv):
            f[:, j] = np.interp((x - v[j] * dt / 2) % L, x, f[:, j], period=L)
        energy.append(0.5 * np.sum(E**2) * L / nx)
    return f, np.array(energy)


# seismograms ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Survey:
    dx: float
    dt: float
    nt: int
    f0: float = 12.0
    source: tuple = (3, 10)
    receivers: tuple = ()
    sponge: int = 6


def _ricker(t, f0):
    a = (np.pi * f0 * (t - 1.2 / f0)) ** 2
    return (1 - 2 * a) * np.exp(-a)


def _sponge_profile(shape, width, strength=0.015):
    profile = np.ones(shape)
    for k in range(width):
        w = np.exp(-((strength * (width - k)) ** 2))
        profile[k : -k or None, k] = np.minimum(profile[k : -k or None, k], w)
        profile[k : -k or None, -1 - k] = np.minimum(profile[k : -k or None, -1 - k], w)
        profile[-1 - k, k : -k or None] = np.minimum(profile[-1 - k, k : -k or None], w)
    return profile


def acoustic_shot(c, survey: Survey):
    """Acoustic waves of fourth order in space from one shot, recorded at receivers; soft sponges at three sides."""
    assert c.max() * survey.dt / survey.dx < 0.6, "time step too large"
    nz, nx = c.shape
    p, pold, pnew = np.zeros((nz, nx)), np.zeros((nz, nx)), np.zeros((nz, nx))
    d2x, d2z = np.zeros((nz, nx)), np.zeros((nz, nx))
    damp = _sponge_profile(c.shape, survey.sponge)
    seis = np.zeros((len(survey.receivers), survey.nt))
    src = np.diff(_ricker(np.arange(survey.nt + 1) * survey.dt, survey.f0)) / survey.dt
    isz, isx = survey.source
    for it in range(survey.nt):
        d2x[:, 2:-2] = (
            -p[:, :-4] / 12 + 4 / 3 * p[:, 1:-3] - 5 / 2 * p[:, 2:-2] + 4 / 3 * p[:, 3:-1] - p[:, 4:] / 12
        ) / survey.dx**2
        d2z[2:-2] = (-p[:-4] / 12 + 4 / 3 * p[1:-3] - 5 / 2 * p[2:-2] + 4 / 3 * p[3:-1] - p[4:] / 12) / survey.dx**2
        pnew[:] = 2 * p - pold + c**2 * survey.dt**2 * (d2x + d2z)
        pnew[isz, isx] += src[it] / survey.dx**2 * survey.dt**2
        pnew *= damp
        p *= damp
        pold, p, pnew = p, pnew, pold
        for k, (iz, ix) in enumerate(survey.receivers):
            seis[k, it] = p[iz, ix]
    return seis, p


def _layers(nz, nx, *speeds):
    c = np.empty((nz, nx))
    edges = np.linspace(0, nz, len(speeds) + 1).astype(int)
    for top, bottom, speed in zip(edges[:-1], edges[1:], speeds):
        c[top:bottom] = speed
    return c


def _jelly(rng, n):
    return 0.3 + 0.3 * rng.random((n, 2)), rng.normal(0, 1, (n, 2))


def _circle(n, r):
    y, x = np.mgrid[0:n, 0:n] / (n - 1.0)
    return np.sqrt((x - 0.5) ** 2 + (y - 0.5) ** 2) - r


CASES = {
    kelvin_helmholtz: lambda rng: [
        (32, 0.05),
        (16, 0.03, True),
        (32, 0.02, False, 0.3, 1.4),
    ],
    stable_fluid: lambda rng: [
        (10, 1),
        (10, 1, 1e-3, 1e-3),
        (10, 1, 0.0, 0.0, -0.7),
    ],
    fast_sweeping: lambda rng: [
        (rng.uniform(0.5, 2.0, (24, 20)), (3, 4)),
        (np.ones((9, 13), dtype=np.float32), (0, 12), 0.5),
        (rng.uniform(1, 10, (15, 15)), (14, 0), 2.0, 1e-9, 1),
        (np.ones((5, 6), dtype=np.int64), (2, 2)),
    ],
    level_set_shrink: lambda rng: [
        (_circle(40, 0.35), 1 / 39, 20),
        (_circle(25, 0.2), 1 / 24, 10, 1.0, 3),
        (_circle(31, 0.3).astype(np.float32), 1 / 30, 8, -0.5, 4, 0.01),
    ],
    mpm_elastic_blocks: lambda rng: [
        (*_jelly(rng, 12), 3, 16),
        (*_jelly(rng, 12), 3, 16, 1e-4, 500.0),
        (*_jelly(rng, 12), 3, 16, 1e-5, 900.0, 0.3),
    ],
    landau_damping: lambda rng: [
        (32, 40, 8),
        (16, 24, 5, 0.4),
        (20, 31, 4, 0.5, 0.1, 6.0, 0.05),
    ],
    acoustic_shot: lambda rng: [
        (_layers(50, 60, 1500.0, 2000.0, 3000.0), Survey(5.0, 0.0008, 200, receivers=((3, 20), (3, 30), (3, 50)))),
        (_layers(30, 30, 2000.0), Survey(10.0, 0.001, 60, 20.0, (15, 15), ((2, 2), (28, 10)), 4)),
        (_layers(20, 25, 1000.0, 4000.0), Survey(4.0, 0.001, 20)),
        (_layers(20, 24, 1000.0, 1500.0).astype(np.float32), Survey(5.0, 0.001, 40, receivers=((1, 5),), sponge=3)),
    ],
}
