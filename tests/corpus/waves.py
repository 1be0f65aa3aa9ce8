"""Partial differential equations: waves, diffusion, flow and fields, stepped in time or relaxed."""

from dataclasses import dataclass, replace

import numpy as np

# Lattice–Boltzmann D2Q9: directions, weights and opposite directions
E = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1], [1, 1], [-1, 1], [-1, -1], [1, -1]])
W = np.array([4 / 9] + [1 / 9] * 4 + [1 / 36] * 4)
OPPOSITE = [0, 3, 4, 1, 2, 7, 8, 5, 6]


def _laplacian(u, h=1.0):
    out = np.zeros_like(u)
    out[1:-1, 1:-1] = (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1]) / h**2
    return out


def wave_2d(u, v, c, dt, steps, damping=0.0, record_every=None):
    """Leapfrog on a membrane with fixed edges; snapshots every so many steps."""
    if c * dt > 1 / np.sqrt(2):
        raise ValueError(f"unstable: c*dt = {c * dt:.3f}")
    u, v = u.copy(), v.copy()
    snapshots = []
    for n in range(steps):
        v += dt * (c**2 * _laplacian(u) - damping * v)
        u += dt * v
        if record_every and n % record_every == 0:
            snapshots.append(u.copy())
    energy = 0.5 * np.sum(v**2) + 0.5 * c**2 * sum(np.sum(g**2) for g in np.gradient(u))
    return u, energy, snapshots


def wave_1d_boundaries(u0, courant, nt, boundary="fixed"):
    """Second-order wave equation; the boundary is fixed, free or periodic."""
    nx = len(u0)
    history = np.zeros((nt + 1, nx))
    history[0] = u0
    history[1] = u0
    r2 = courant**2
    for n in range(1, nt):
        now, before = history[n], history[n - 1]
        history[n + 1, 1:-1] = 2 * now[1:-1] - before[1:-1] + r2 * (now[2:] - 2 * now[1:-1] + now[:-2])
        if boundary == "fixed":
            history[n + 1, 0] = history[n + 1, -1] = 0
        elif boundary == "free":
            history[n + 1, 0] = history[n + 1, 1]
            history[n + 1, -1] = history[n + 1, -2]
        elif boundary == "periodic":
            for i, left, right in ((0, -1, 1), (-1, -2, 0)):
                history[n + 1, i] = 2 * now[i] - before[i] + r2 * (now[right] - 2 * now[i] + now[left])
        else:
            raise ValueError(f"unknown boundary {boundary!r}")
    return history


def diffusion_variable(u, kappa, dx, t_end, safety=0.9):
    """Explicit diffusion with a conductivity that varies in space, until a given time."""
    u = np.array(u, dtype=float)
    dt_max = safety * dx**2 / (2 * kappa.max())
    t, count = 0.0, 0
    while t < t_end:
        dt = min(dt_max, t_end - t)
        face = 0.5 * (kappa[1:] + kappa[:-1])
        flux = -face * np.diff(u) / dx
        u[1:-1] -= dt / dx * np.diff(flux)
        u[0] -= dt / dx * flux[0]
        u[-1] += dt / dx * flux[-1]
        t += dt
        count += 1
    return u, t, count


def diffusion_loops_3d(u, alpha, steps):
    """Three loops and two buffers that change places."""
    nx, ny, nz = u.shape
    new = u.copy()
    for _ in range(steps):
        for i in range(1, nx - 1):
            for j in range(1, ny - 1):
                for k in range(1, nz - 1):
                    new[i, j, k] = u[i, j, k] + alpha * (
                        u[i + 1, j, k] + u[i - 1, j, k] + u[i, j + 1, k] + u[i, j - 1, k]
                        + u[i, j, k + 1] + u[i, j, k - 1] - 6.0 * u[i, j, k]
                    )  # fmt: skip
        u, new = new, u
    return u


def _godunov(ul, ur):
    fl, fr = 0.5 * ul**2, 0.5 * ur**2
    s = 0.5 * (ul + ur)
    shock = np.where(s > 0, fl, fr)
    rarefaction = np.where(ul > 0, fl, np.where(ur < 0, fr, 0.0))
    return np.where(ul > ur, shock, rarefaction)


def burgers_godunov(u, dx, t_end, cfl=0.5):
    """Inviscid Burgers by Godunov's exact flux, time steps from the largest speed."""
    t, steps = 0.0, 0
    while t < t_end and steps < 10_000:
        speed = np.max(np.abs(u))
        if speed == 0:
            break
        dt = min(cfl * dx / speed, t_end - t)
        padded = np.concatenate(([u[-1]], u, [u[0]]))
        flux = _godunov(padded[:-1], padded[1:])
        u = u - dt / dx * (flux[1:] - flux[:-1])
        t += dt
        steps += 1
    return u, steps


def _minmod(a, b):
    return np.where(a * b > 0, np.sign(a) * np.minimum(np.abs(a), np.abs(b)), 0)


def muscl_advection(q, speed, dx, dt, steps, limiter="minmod"):
    """Advection with slopes limited by minmod, superbee or van Leer, periodic; two Runge–Kutta stages."""

    def slopes(q):
        left, right = q - np.roll(q, 1), np.roll(q, -1) - q
        if limiter == "minmod":
            return _minmod(left, right)
        if limiter == "superbee":
            a, b = _minmod(right, 2 * left), _minmod(2 * right, left)
            return np.where(np.abs(a) > np.abs(b), a, b)
        if limiter == "vanleer":
            product = left * right
            total = left + right
            safe = np.where(total == 0, 1, total)
            return np.where(product > 0, 2 * product / safe, 0)
        raise KeyError(limiter)

    def rate(q):
        face = q + 0.5 * slopes(q) if speed > 0 else np.roll(q - 0.5 * slopes(q), -1)
        return -speed / dx * (face - np.roll(face, 1))

    for _ in range(steps):
        predicted = q + dt * rate(q)
        q = 0.5 * (q + predicted + dt * rate(predicted))
    return q


def _build_up_b(b, rho, dt, u, v, dx, dy):
    dudx = (u[1:-1, 2:] - u[1:-1, 0:-2]) / (2 * dx)
    dvdy = (v[2:, 1:-1] - v[0:-2, 1:-1]) / (2 * dy)
    b[1:-1, 1:-1] = rho * (
        1 / dt * (dudx + dvdy)
        - dudx**2
        - 2 * ((u[2:, 1:-1] - u[0:-2, 1:-1]) / (2 * dy) * (v[1:-1, 2:] - v[1:-1, 0:-2]) / (2 * dx))
        - dvdy**2
    )
    return b


def _pressure_poisson(p, dx, dy, b, nit):
    pn = np.empty_like(p)
    for _q in range(nit):
        pn = p.copy()
        p[1:-1, 1:-1] = (
            (pn[1:-1, 2:] + pn[1:-1, 0:-2]) * dy**2 + (pn[2:, 1:-1] + pn[0:-2, 1:-1]) * dx**2
        ) / (2 * (dx**2 + dy**2)) - dx**2 * dy**2 / (2 * (dx**2 + dy**2)) * b[1:-1, 1:-1]  # fmt: skip
        p[:, -1] = p[:, -2]
        p[0, :] = p[1, :]
        p[:, 0] = p[:, 1]
        p[-1, :] = 0
    return p


def cavity_flow(nt, u, v, dt, dx, dy, p, rho, nu, nit=20):
    """The lid-driven cavity in twelve steps to Navier–Stokes."""
    b = np.zeros(u.shape)
    for _n in range(nt):
        un = u.copy()
        vn = v.copy()
        b = _build_up_b(b, rho, dt, u, v, dx, dy)
        p = _pressure_poisson(p, dx, dy, b, nit)
        u[1:-1, 1:-1] = (
            un[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (un[1:-1, 1:-1] - un[1:-1, 0:-2])
            - vn[1:-1, 1:-1] * dt / dy * (un[1:-1, 1:-1] - un[0:-2, 1:-1])
            - dt / (2 * rho * dx) * (p[1:-1, 2:] - p[1:-1, 0:-2])
            + nu * (
                dt / dx**2 * (un[1:-1, 2:] - 2 * un[1:-1, 1:-1] + un[1:-1, 0:-2])
                + dt / dy**2 * (un[2:, 1:-1] - 2 * un[1:-1, 1:-1] + un[0:-2, 1:-1])
            )
        )  # fmt: skip
        v[1:-1, 1:-1] = (
            vn[1:-1, 1:-1]
            - un[1:-1, 1:-1] * dt / dx * (vn[1:-1, 1:-1] - vn[1:-1, 0:-2])
            - vn[1:-1, 1:-1] * dt / dy * (vn[1:-1, 1:-1] - vn[0:-2, 1:-1])
            - dt / (2 * rho * dy) * (p[2:, 1:-1] - p[0:-2, 1:-1])
            + nu * (
                dt / dx**2 * (vn[1:-1, 2:] - 2 * vn[1:-1, 1:-1] + vn[1:-1, 0:-2])
                + dt / dy**2 * (vn[2:, 1:-1] - 2 * vn[1:-1, 1:-1] + vn[0:-2, 1:-1])
            )
        )  # fmt: skip
        u[0, :] = u[:, 0] = u[:, -1] = 0
        u[-1, :] = 1
        v[0, :] = v[-1, :] = v[:, 0] = v[:, -1] = 0
    return u, v, p


def stream_function_vorticity(psi, omega, reynolds, dt, steps, tol=1e-4, sweeps=50):
    """The cavity once more, by stream function and vorticity, relaxed until it changes little."""
    n = psi.shape[0]
    h = 1.0 / (n - 1)
    residuals = []
    for _ in range(steps):
        for _sweep in range(sweeps):
            old = psi.copy()
            psi[1:-1, 1:-1] = 0.25 * (
                old[2:, 1:-1] + old[:-2, 1:-1] + old[1:-1, 2:] + old[1:-1, :-2] + h * h * omega[1:-1, 1:-1]
            )
            if np.abs(psi - old).max() < tol:
                break
        omega[1:-1, 0] = -2 * psi[1:-1, 1] / h**2
        omega[1:-1, -1] = -2 * psi[1:-1, -2] / h**2
        omega[0, 1:-1] = -2 * psi[1, 1:-1] / h**2
        omega[-1, 1:-1] = -2 * psi[-2, 1:-1] / h**2 - 2 / h
        dpx = psi[1:-1, 2:] - psi[1:-1, :-2]
        dpy = psi[2:, 1:-1] - psi[:-2, 1:-1]
        dox = omega[1:-1, 2:] - omega[1:-1, :-2]
        doy = omega[2:, 1:-1] - omega[:-2, 1:-1]
        change = -0.25 * (dpy * dox - dpx * doy) / h**2
        change += (
            omega[1:-1, 2:] + omega[1:-1, :-2] + omega[2:, 1:-1] + omega[:-2, 1:-1] - 4 * omega[1:-1, 1:-1]
        ) / (reynolds * h**2)  # fmt: skip
        omega[1:-1, 1:-1] += dt * change
        residuals.append(float(np.sqrt(np.mean(change**2))))
    return residuals


def fdtd_1d(ke, nsteps, source_at, eps=1.0, sigma=0.0):
    """A pulse along a line, with absorbing ends that remember two steps (Sullivan)."""
    ex = np.zeros(ke)
    hy = np.zeros(ke)
    low, high = [0.0, 0.0], [0.0, 0.0]
    half = ke // 2
    ca = np.ones(ke)
    cb = np.full(ke, 0.5)
    loss = 0.5 * sigma
    ca[half:] = (1 - loss) / (1 + loss)
    cb[half:] = 0.5 / (eps * (1 + loss))
    for t in range(1, nsteps + 1):
        for k in range(1, ke):
            ex[k] = ca[k] * ex[k] + cb[k] * (hy[k - 1] - hy[k])
        ex[source_at] += np.exp(-0.5 * ((40 - t) / 12) ** 2)
        ex[0] = low.pop(0)
        low.append(ex[1])
        ex[ke - 1] = high.pop(0)
        high.append(ex[ke - 2])
        for k in range(ke - 1):
            hy[k] = hy[k] + 0.5 * (ex[k] - ex[k + 1])
    return ex, hy


def fdtd_2d(nx, ny, steps, wavelength=12.0, dtype=np.float64):
    """Transverse-magnetic Yee grid, a soft sinusoidal source in the middle, a conducting strip."""
    ez = np.zeros((nx, ny), dtype)
    hx = np.zeros((nx, ny - 1), dtype)
    hy = np.zeros((nx - 1, ny), dtype)
    metal = np.zeros((nx, ny), dtype=bool)
    metal[nx // 4, ny // 4 : 3 * ny // 4] = True
    courant = 1 / np.sqrt(2.0)
    for t in range(steps):
        hx -= courant * (ez[:, 1:] - ez[:, :-1])
        hy += courant * (ez[1:, :] - ez[:-1, :])
        ez[1:-1, 1:-1] += courant * ((hy[1:, 1:-1] - hy[:-1, 1:-1]) - (hx[1:-1, 1:] - hx[1:-1, :-1]))
        ez[nx // 2, ny // 2] += np.sin(2 * np.pi * courant * t / wavelength)
        ez[metal] = 0
    return ez, np.sum(ez**2) + np.sum(hx**2) + np.sum(hy**2)


def schrodinger_split_step(psi, x, potential, dt, steps, mass=1.0, hbar=1.0):
    """Strang splitting with the kinetic part in Fourier space; norms and mean positions on the way."""
    dx = x[1] - x[0]
    k = 2 * np.pi * np.fft.fftfreq(len(x), dx)
    half_v = np.exp(-0.5j * potential * dt / hbar)
    full_t = np.exp(-0.5j * hbar * k**2 * dt / mass)
    norms = np.empty(steps)
    means = np.empty(steps)
    for i in range(steps):
        psi = half_v * np.fft.ifft(full_t * np.fft.fft(half_v * psi))
        density = np.abs(psi) ** 2
        norms[i] = density.sum() * dx
        means[i] = (x * density).sum() * dx / norms[i]
    return psi, norms, means


def imaginary_time(x, potential, dtau, tol=1e-8, max_iter=500):
    """The ground state by imaginary time with finite differences."""
    dx = x[1] - x[0]
    psi = np.exp(-((x - x.mean()) ** 2))
    psi /= np.sqrt(np.sum(psi**2) * dx)
    energy, previous = 0.0, np.inf
    iterations = 0
    while abs(energy - previous) > tol and iterations < max_iter:
        previous = energy
        second = np.zeros_like(psi)
        second[1:-1] = (psi[2:] - 2 * psi[1:-1] + psi[:-2]) / dx**2
        h_psi = -0.5 * second + potential * psi
        energy = np.sum(psi * h_psi) * dx
        psi = psi - dtau * h_psi
        psi /= np.sqrt(np.sum(psi**2) * dx)
        iterations += 1
    return energy, psi, iterations


def _equilibrium(rho, ux, uy):
    usq = 1.5 * (ux**2 + uy**2)
    feq = np.zeros((9, *rho.shape))
    for i in range(9):
        cu = 3 * (E[i, 0] * ux + E[i, 1] * uy)
        feq[i] = rho * W[i] * (1 + cu + 0.5 * cu**2 - usq)
    return feq


def lattice_boltzmann(f, obstacle, tau, steps, force=1e-4):
    """D2Q9 with bounce-back at an obstacle, driven along x, periodic."""
    for _ in range(steps):
        for i, (cx, cy) in enumerate(E):
            f[i] = np.roll(np.roll(f[i], cx, axis=0), cy, axis=1)
        bounced = f[:, obstacle][OPPOSITE, :]
        rho = np.sum(f, axis=0)
        ux = np.sum(E[:, 0, None, None] * f, axis=0) / rho + force * tau / rho
        uy = np.sum(E[:, 1, None, None] * f, axis=0) / rho
        f += (_equilibrium(rho, ux, uy) - f) / tau
        f[:, obstacle] = bounced
    speed = np.hypot(ux, uy)
    speed[obstacle] = 0
    return rho, speed


def lattice_boltzmann_d1q3(rho, tau, steps):
    """Diffusion on three populations, cell by cell."""
    n = rho.size
    w = (2 / 3, 1 / 6, 1 / 6)
    f = np.zeros((3, n))
    for k in range(3):
        f[k] = w[k] * rho
    for _ in range(steps):
        for x in range(n):
            local = f[0, x] + f[1, x] + f[2, x]
            for k in range(3):
                f[k, x] -= (f[k, x] - w[k] * local) / tau
        last = f[1, n - 1]
        for x in range(n - 1, 0, -1):
            f[1, x] = f[1, x - 1]
        f[1, 0] = last
        first = f[2, 0]
        for x in range(n - 1):
            f[2, x] = f[2, x + 1]
        f[2, n - 1] = first
    return f.sum(axis=0)


def _smooth(u, f, h, sweeps):
    for _ in range(sweeps):
        u[1:-1:2] = 0.5 * (u[:-2:2] + u[2::2] + h * h * f[1:-1:2])
        u[2:-1:2] = 0.5 * (u[1:-2:2] + u[3::2] + h * h * f[2:-1:2])
    return u


def _residual(u, f, h):
    r = np.zeros_like(u)
    r[1:-1] = f[1:-1] + (u[2:] - 2 * u[1:-1] + u[:-2]) / h**2
    return r


def _v_cycle(u, f, h, sweeps=2):
    if len(u) <= 3:
        u[1] = 0.5 * h * h * f[1]
        return u
    u = _smooth(u, f, h, sweeps)
    r = _residual(u, f, h)
    coarse = np.zeros((len(u) + 1) // 2)
    coarse[1:-1] = 0.25 * (r[1:-3:2] + 2 * r[2:-2:2] + r[3:-1:2])
    e = _v_cycle(np.zeros_like(coarse), coarse, 2 * h, sweeps)
    u[2:-2:2] += e[1:-1]
    u[1:-1:2] += 0.5 * (e[:-1] + e[1:])
    return _smooth(u, f, h, sweeps)


def multigrid_poisson(f, tol=1e-8, max_cycles=30):
    """-u'' = f with V cycles until the residual is small."""
    n = len(f)
    if (n - 1) & (n - 2):
        raise ValueError("the number of points must be a power of two plus one")
    u = np.zeros(n)
    h = 1 / (n - 1)
    history = [np.linalg.norm(_residual(u, f, h))]
    while history[-1] > tol * history[0] and len(history) <= max_cycles:
        u = _v_cycle(u, f, h)
        history.append(np.linalg.norm(_residual(u, f, h)))
    return u, history


def sor_poisson(phi, rho, h, omega=None, tol=1e-6, max_iter=300):
    """Successive over-relaxation point by point, with the best factor for a square."""
    ny, nx = phi.shape
    if omega is None:
        omega = 2 / (1 + np.sin(np.pi / max(nx, ny)))
    for iteration in range(max_iter):
        worst = 0.0
        for j in range(1, ny - 1):
            for i in range(1, nx - 1):
                r = phi[j, i + 1] + phi[j, i - 1] + phi[j + 1, i] + phi[j - 1, i] - 4 * phi[j, i] + h * h * rho[j, i]
                phi[j, i] += omega * 0.25 * r
                worst = max(worst, abs(r))
        if worst < tol:
            return phi, iteration + 1, True
    return phi, max_iter, False


@dataclass(frozen=True)
class Grid:
    dx: float
    dt: float
    steps: int
    periodic: bool = True

    @property
    def ratio(self):
        return self.dt / self.dx


def lax_wendroff(u, speed, dx, dt, steps, periodic=True):
    """Lax–Wendroff on a grid described by a dataclass."""
    grid = Grid(dx, dt, steps, periodic)
    if not grid.periodic:
        grid = replace(grid, steps=min(grid.steps, 10))
    c = speed * grid.ratio
    for _ in range(grid.steps):
        if grid.periodic:
            right, left = np.roll(u, -1), np.roll(u, 1)
        else:
            right, left = np.append(u[1:], u[-1]), np.insert(u[:-1], 0, u[0])
        u = u - 0.5 * c * (right - left) + 0.5 * c**2 * (right - 2 * u + left)
    return u


def kdv_pseudospectral(u, length, dt, steps):
    """Korteweg–de Vries with an integrating factor and RK4 in Fourier space."""
    n = u.size
    k = np.fft.fftfreq(n, d=length / n) * 2 * np.pi
    ik3 = 1j * k**3
    e = np.exp(dt * ik3 / 2)
    e2 = e**2
    v = np.fft.fft(u)
    g = -0.5j * dt * k
    for _ in range(steps):
        a = g * np.fft.fft(np.real(np.fft.ifft(v)) ** 2)
        b = g * np.fft.fft(np.real(np.fft.ifft(e * (v + a / 2))) ** 2)
        c = g * np.fft.fft(np.real(np.fft.ifft(e * v + b / 2)) ** 2)
        d = g * np.fft.fft(np.real(np.fft.ifft(e2 * v + e * c)) ** 2)
        v = e2 * v + (e2 * a + 2 * e * (b + c) + d) / 6
    return np.fft.ifft(v).real


def _euler_flux(q, gamma):
    rho, mom, energy = q
    vel = mom / rho
    p = (gamma - 1) * (energy - 0.5 * rho * vel**2)
    return np.array([mom, mom * vel + p, (energy + p) * vel]), vel, p


def sod_rusanov(n, t_end, gamma=1.4, cfl=0.4):
    """The Sod shock tube with the Rusanov flux and a check of positivity."""
    x = (np.arange(n) + 0.5) / n
    rho = np.where(x < 0.5, 1.0, 0.125)
    p = np.where(x < 0.5, 1.0, 0.1)
    q = np.stack([rho, np.zeros(n), p / (gamma - 1)])
    t = 0.0
    while t < t_end:
        f, vel, p = _euler_flux(q, gamma)
        if (p < 0).any() or np.isnan(q).any():
            raise FloatingPointError("negative pressure")
        c = np.abs(vel) + np.sqrt(gamma * p / q[0])
        dt = min(cfl / n / c.max(), t_end - t)
        a = np.maximum(c[:-1], c[1:])
        flux = 0.5 * (f[:, :-1] + f[:, 1:]) - 0.5 * a * (q[:, 1:] - q[:, :-1])
        q[:, 1:-1] -= dt * n * (flux[:, 1:] - flux[:, :-1])
        t += dt
    return dict(x=x, rho=q[0], u=q[1] / q[0], p=p)


def fisher_kpp_implicit(u, diffusivity, growth, dx, dt, steps):
    """Reaction explicitly, diffusion by a dense matrix factored once."""
    n = len(u)
    r = diffusivity * dt / dx**2
    A = np.diag(np.full(n, 1 + 2 * r)) + np.diag(np.full(n - 1, -r), 1) + np.diag(np.full(n - 1, -r), -1)
    A[0, 0] = A[-1, -1] = 1 + r
    inverse = np.linalg.inv(A)
    front = []
    for step in range(steps):
        u = inverse @ (u + dt * growth * u * (1 - u))
        above = np.flatnonzero(u > 0.5)
        front.append(int(above[-1]) if above.size else None)
        if step > 5 and front[-1] == n - 1:
            break
    return u, front


def _bump(n, dtype=np.float64):
    x = np.linspace(0, 1, n, dtype=dtype)
    return np.exp(-200 * (x - 0.4) ** 2).astype(dtype)


def _membrane(n, m, dtype=np.float64):
    u = np.outer(np.hanning(n), np.hanning(m)).astype(dtype)
    return u, np.zeros_like(u)


def _cavity(n, nt, nit=20):
    return nt, np.zeros((n, n)), np.zeros((n, n)), 0.001, 2 / (n - 1), 2 / (n - 1), np.zeros((n, n)), 1.0, 0.1, nit


def _lbm(rng, nx, ny):
    f = W[:, None, None] * (1 + 0.01 * rng.standard_normal((9, nx, ny)))
    x, y = np.mgrid[:nx, :ny]
    return f, (x - nx / 4) ** 2 + (y - ny / 2) ** 2 < (ny / 6) ** 2


def _packet(n):
    x = np.linspace(-10, 10, n, endpoint=False)
    return np.exp(-((x + 3) ** 2) + 2j * x), x


CASES = {
    wave_2d: lambda rng: [
        (*_membrane(40, 50), 1.0, 0.1, 30),
        (*_membrane(21, 17), 1.0, 0.2, 12, 0.1, 4),
        (*_membrane(12, 12, np.float32), 0.5, 0.5, 5),
        (*_membrane(8, 8), 2.0, 0.5, 3),
    ],
    wave_1d_boundaries: lambda rng: [
        (_bump(200), 0.9, 100), (_bump(50), 0.5, 30, "free"), (_bump(50), 0.5, 30, "periodic"),
        (_bump(20, np.float32), 1.0, 5), (_bump(9), 0.5, 4, "open"),
    ],
    diffusion_variable: lambda rng: [
        (_bump(100), 1 + rng.random(100), 0.01, 0.002),
        (np.arange(12), np.ones(12), 1.0, 3.0, 0.5),
        ([0, 1, 0, 0], np.array([1.0, 2.0, 3.0, 4.0]), 0.5, 0.0),
    ],
    diffusion_loops_3d: lambda rng: [
        (rng.random((14, 12, 10)), 0.1, 6), (rng.random((5, 5, 5)).astype(np.float32), 0.1, 3), (rng.random((2, 2, 2)), 0.1, 4),
        (rng.random((4, 4, 4)), 0.2, 0),
    ],
    burgers_godunov: lambda rng: [
        (np.sin(2 * np.pi * np.linspace(0, 1, 200)), 0.005, 0.3), (np.zeros(10), 0.1, 1.0), (-_bump(40), 0.025, 0.2, 0.9),
        (_bump(16, np.float32), 0.0625, 0.1),
    ],
    muscl_advection: lambda rng: [
        (_bump(300), 1.0, 1 / 300, 0.001, 40), (_bump(60), -1.0, 1 / 60, 0.005, 20, "superbee"),
        (np.where(_bump(50) > 0.5, 1.0, 0.0), 1.0, 0.02, 0.01, 10, "vanleer"), (_bump(20), 1.0, 0.05, 0.01, 2, "koren"),
    ],
    cavity_flow: lambda rng: [_cavity(30, 8), _cavity(12, 3, 5), _cavity(5, 0), _cavity(41, 2)],
    stream_function_vorticity: lambda rng: [
        (np.zeros((24, 24)), np.zeros((24, 24)), 100.0, 1e-3, 8),
        (np.zeros((9, 9)), np.zeros((9, 9)), 10, 1e-3, 5, 1e-9, 5), (np.zeros((6, 6)), np.zeros((6, 6)), 1.0, 1e-3, 0),
    ],
    fdtd_1d: lambda rng: [(200, 60, 100), (80, 50, 20, 4.0, 0.04), (20, 3, 5), (10, 2, 12)],
    fdtd_2d: lambda rng: [(60, 50, 30), (16, 21, 10, 5.0), (12, 12, 4, 12.0, np.float32), (20, 20, 0)],
    schrodinger_split_step: lambda rng: [
        (*_packet(256), 0.5 * _packet(256)[1] ** 2, 0.01, 20), (*_packet(100), np.zeros(100), 0.02, 5, 2.0),
        (*_packet(32), np.ones(32), 0.1, 0),
    ],
    imaginary_time: lambda rng: [
        (np.linspace(-5, 5, 101), 0.5 * np.linspace(-5, 5, 101) ** 2, 0.004),
        (np.linspace(-2, 2, 21), np.zeros(21), 0.01, 1e-4),
        (np.linspace(-4, 4, 41), np.abs(np.linspace(-4, 4, 41)), 0.01, 1e-12, 7),
    ],
    lattice_boltzmann: lambda rng: [
        (*_lbm(rng, 40, 24), 0.8, 10), (*_lbm(rng, 12, 10), 0.6, 3, 1e-3), (np.ones((9, 6, 5)), np.zeros((6, 5), bool), 1.0, 2),
        (*_lbm(rng, 8, 8), 0.8, 0),
    ],
    lattice_boltzmann_d1q3: lambda rng: [(_bump(100), 0.8, 50), (np.ones(5), 1.0, 3), (np.arange(8), 0.7, 4)],
    multigrid_poisson: lambda rng: [
        (np.ones(129),), (rng.standard_normal(33), 1e-6), (np.ones(5),), (np.ones(3),), (np.ones(12),),
    ],
    sor_poisson: lambda rng: [
        (np.zeros((20, 24)), rng.standard_normal((20, 24)), 0.1), (np.ones((6, 6)), np.zeros((6, 6)), 0.2, 1.0, 1e-3),
        (np.zeros((2, 2)), np.ones((2, 2)), 0.5),
    ],
    lax_wendroff: lambda rng: [
        (_bump(200), 1.0, 0.005, 0.004, 50), (_bump(30), -1.0, 0.1, 0.05, 20, False),
        (_bump(10, np.float32), 1.0, 0.1, 0.05, 3),
    ],
    kdv_pseudospectral: lambda rng: [
        (3 / np.cosh(np.linspace(-10, 10, 128)) ** 2, 20.0, 1e-3, 20), (np.zeros(16), 5.0, 1e-2, 2),
        (_bump(30, np.float32), 1.0, 1e-6, 3),
    ],
    sod_rusanov: lambda rng: [(200, 0.1), (50, 0.2, 1.4, 0.9), (20, 0.05, 1.67), (40, 0.2, 1.4, 3.0)],
    fisher_kpp_implicit: lambda rng: [
        (np.where(np.arange(60) < 5, 1.0, 0.0), 1.0, 1.0, 1.0, 0.5, 30), (np.zeros(8), 1.0, 1.0, 1.0, 0.1, 4),
    ],
}  # fmt: skip
