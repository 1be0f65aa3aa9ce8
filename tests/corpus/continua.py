"""Fields and particles that move in small steps, and what papers on earth, sky and matter compute."""

from __future__ import annotations

import numpy as np


def swift_hohenberg(u, r, L, dt, steps):
    """Exponential time differencing in Fourier space, first order, with the cubic term taken explicitly."""
    n = u.shape[0]
    k = 2 * np.pi * np.fft.fftfreq(n, L / n)
    kx, ky = np.meshgrid(k, k)
    q = kx**2 + ky**2
    lin = r - (1 - q) ** 2
    e = np.exp(lin * dt)
    with np.errstate(divide="ignore", invalid="ignore"):
        phi = np.where(np.abs(lin) > 1e-12, (e - 1) / lin, dt)
    v = np.fft.fft2(u)
    dealias = (np.abs(kx) < k.max() * 2 / 3) & (np.abs(ky) < k.max() * 2 / 3)
    history = np.empty(steps)
    for step in range(steps):
        nonlinear = np.fft.fft2(-(u**3)) * dealias
        v = e * v + phi * nonlinear
        u = np.real(np.fft.ifft2(v))
        history[step] = np.sqrt(np.mean(u**2))
    return u, history


class Grid:
    """Barkley's excitable medium with its two fields, stepped in place."""

    def __init__(self, n, a=0.75, b=0.06, eps=0.02, h=0.5, dt=0.02):
        self.n, self.a, self.b, self.eps, self.h, self.dt = n, a, b, eps, h, dt
        self.u = np.zeros((n, n))
        self.v = np.zeros((n, n))
        self.u[: n // 2, :] = 1.0
        self.v[:, : n // 2] = a / 2

    def laplacian(self, f):
        p = np.pad(f, 1, mode="edge")
        return (p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * f) / self.h**2

    def step(self):
        threshold = (self.v + self.b) / self.a
        reaction = self.u * (1 - self.u) * (self.u - threshold) / self.eps
        du = reaction + self.laplacian(self.u)
        self.v += self.dt * (self.u - self.v)
        self.u += self.dt * du
        np.clip(self.u, 0, 1, out=self.u)


def barkley_spiral(n, steps, record_every=10, **parameters):
    """A spiral wave from crossed gradients: final fields, and how much of the medium was excited over time."""
    grid = Grid(n, **parameters)
    excited = []
    for k in range(steps):
        grid.step()
        if k % record_every == 0:
            excited.append(float(np.mean(grid.u > 0.5)))
    return grid.u, grid.v, excited


def granular_hopper(x, v, radius, steps, dt=2e-4, kn=2e4, gamma=5.0, g=9.81, width=1.0):
    """Discs that fall on a floor between two walls: linear springs and dampers on contact, in place."""
    n = len(x)
    mass = np.pi * radius**2
    contacts = np.zeros(steps, dtype=int)
    for s in range(steps):
        force = np.zeros((n, 2))
        force[:, 1] -= mass * g
        for i in range(n):
            for j in range(i + 1, n):
                dx = x[j, 0] - x[i, 0]
                dy = x[j, 1] - x[i, 1]
                reach = radius[i] + radius[j]
                d2 = dx * dx + dy * dy
                if d2 >= reach * reach:
                    continue
                d = d2**0.5
                nx, ny = dx / d, dy / d
                vn = (v[j, 0] - v[i, 0]) * nx + (v[j, 1] - v[i, 1]) * ny
                f = kn * (reach - d) - gamma * vn
                f = max(f, 0.0)
                force[i, 0] -= f * nx
                force[i, 1] -= f * ny
                force[j, 0] += f * nx
                force[j, 1] += f * ny
                contacts[s] += 1
            if x[i, 1] < radius[i]:
                force[i, 1] += kn * (radius[i] - x[i, 1]) - gamma * v[i, 1]
            if x[i, 0] < radius[i]:
                force[i, 0] += kn * (radius[i] - x[i, 0]) - gamma * v[i, 0]
            elif x[i, 0] > width - radius[i]:
                force[i, 0] -= kn * (x[i, 0] - width + radius[i]) + gamma * v[i, 0]
        v += dt * force / mass[:, None]
        x += dt * v
    kinetic = 0.5 * np.sum(mass * np.sum(v**2, axis=1))
    return contacts, kinetic


def dg_advection(k_cells, order, t_end, speed=1.0, upwind=True):
    """Discontinuous Galerkin in Legendre modes with the low-storage Runge-Kutta method of five stages."""
    rk4a = [
        0.0,
        -567301805773 / 1357537059087,
        -2404267990393 / 2016746695238,
        -3550918686646 / 2091501179385,
        -1275806237668 / 842570457699,
    ]
    rk4b = [
        1432997174477 / 9575080441755,
        5161836677717 / 13612068292357,
        1720146321549 / 2090206949498,
        3134564353537 / 4481467310338,
        2277821191437 / 14882151754819,
    ]
    n = order + 1
    h = 2 * np.pi / k_cells
    nodes, weights = np.polynomial.legendre.leggauss(n + 2)
    V = np.polynomial.legendre.legvander(nodes, order)
    centre = (np.arange(k_cells) + 0.5) * h
    xq = centre[:, None] + 0.5 * h * nodes[None, :]
    norm = (2 * np.arange(n) + 1) / 2
    u = np.sin(xq) @ (V * weights[:, None]) * norm
    D = np.zeros((n, n))
    for i in range(n):
        for j in range(i - 1, -1, -2):
            D[i, j] = 2.0
    sign = (-1.0) ** np.arange(n)

    def rhs(u):
        right = u.sum(axis=1)
        left = u @ sign
        if upwind:
            flux = speed * right
        else:
            flux = 0.5 * speed * (right + np.roll(left, -1))
        inflow = np.roll(flux, 1)
        return (speed * u @ D.T - flux[:, None] + inflow[:, None] * sign) * norm * 2 / h

    dt = 0.3 * h / (speed * (2 * order + 1))
    steps = int(np.ceil(t_end / dt))
    dt = t_end / steps
    res = np.zeros_like(u)
    for _ in range(steps):
        for a, b in zip(rk4a, rk4b):
            res = a * res + dt * rhs(u)
            u = u + b * res
    exact = np.sin(xq - speed * t_end)
    error = np.sqrt(np.sum((u @ V.T - exact) ** 2 * weights) * h / 2)
    return u, error


def shallow_ice(bed, thickness, years, dt=0.5, dx=1000.0, A=1e-16, n=3, ela=1500.0, gradient=0.004):
    """A glacier by the shallow ice approximation: staggered diffusivities, mass balance that rises with height."""
    rho_g = 910.0 * 9.81
    gamma = 2 * A * rho_g**n / (n + 2)
    H = np.asarray(thickness, dtype=float).copy()
    volume = []
    t = 0.0
    while t < years:
        s = bed + H
        Hx = 0.5 * (H[1:, :] + H[:-1, :])
        sx = (s[1:, :] - s[:-1, :]) / dx
        Dx = gamma * Hx ** (n + 2) * np.abs(sx) ** (n - 1)
        Hy = 0.5 * (H[:, 1:] + H[:, :-1])
        sy = (s[:, 1:] - s[:, :-1]) / dx
        Dy = gamma * Hy ** (n + 2) * np.abs(sy) ** (n - 1)
        limit = max(Dx.max(), Dy.max())
        step = dt if limit == 0 else min(dt, 0.2 * dx**2 / limit)
        qx, qy = -Dx * sx, -Dy * sy
        dH = np.zeros_like(H)
        dH[1:-1, :] -= (qx[1:, :] - qx[:-1, :]) / dx
        dH[:, 1:-1] -= (qy[:, 1:] - qy[:, :-1]) / dx
        balance = np.minimum(gradient * (s - ela), 2.0)
        H = np.maximum(H + step * (dH + balance), 0.0)
        H[[0, -1], :] = 0.0
        H[:, [0, -1]] = 0.0
        t += step
        volume.append(H.sum() * dx * dx * 1e-9)
    return H, np.array(volume)


def _discs(rng, n):
    side = int(np.ceil(np.sqrt(n)))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)[:n]
    x = 0.06 + 0.88 * grid / side + rng.uniform(-0.005, 0.005, (n, 2))
    return x, rng.normal(0, 0.2, (n, 2)), rng.uniform(0.4, 0.5, n) / side


def _valley(rng, n):
    y, x = np.mgrid[0:n, 0:n] / (n - 1)
    return 1000 + 1200 * y + 300 * (2 * x - 1) ** 2 + 20 * rng.normal(size=(n, n))


def kirchhoff_migration(data, dt, source_x, receiver_x, nx, nz, dx, dz, velocity, aperture=60.0):
    """Diffraction stacks in depth: every trace is summed along its travel times, within an aperture."""
    nt, ntr = data.shape
    image = np.zeros((nz, nx))
    x = np.arange(nx) * dx
    z = (np.arange(nz) + 1) * dz
    cos_limit = np.cos(np.deg2rad(aperture))
    for k in range(ntr):
        for ix in range(nx):
            rs = np.sqrt((x[ix] - source_x[k]) ** 2 + z**2)
            rr = np.sqrt((x[ix] - receiver_x[k]) ** 2 + z**2)
            t = (rs + rr) / velocity / dt
            it = t.astype(int)
            inside = (it < nt - 1) & (z / rr > cos_limit)
            frac = t[inside] - it[inside]
            amp = (1 - frac) * data[it[inside], k] + frac * data[it[inside] + 1, k]
            image[inside, ix] += amp * (z[inside] / rr[inside]) / np.sqrt(rr[inside] + 1)
    return image


def dedisperse(spectra, freqs, tsamp, dms, width=8):
    """A pulsar search: channels shifted by the dispersion delay for each trial, smoothed, the best signal to noise."""
    nchan, nsamp = spectra.shape
    cleaned = spectra - np.median(spectra, axis=1, keepdims=True)
    mad = np.median(np.abs(cleaned), axis=1)
    cleaned[mad == 0] = 0
    good = mad > 0
    cleaned[good] /= 1.4826 * mad[good, None]
    plane = np.zeros((len(dms), nsamp))
    ref = freqs.max()
    for i, dm in enumerate(dms):
        delays = np.rint(4.149e3 * dm * (freqs**-2.0 - ref**-2.0) / tsamp).astype(int)
        for c in range(nchan):
            plane[i] += np.roll(cleaned[c], -delays[c])
    plane /= np.sqrt(max(good.sum(), 1))
    best = (-np.inf, None, None, None)
    w = 1
    while w <= width:
        smooth = np.apply_along_axis(lambda row: np.convolve(row, np.ones(w) / np.sqrt(w), mode="same"), 1, plane)
        k = np.unravel_index(smooth.argmax(), smooth.shape)
        if smooth[k] > best[0]:
            best = (float(smooth[k]), float(dms[k[0]]), int(k[1]), w)
        w *= 2
    return plane, best


def rachford_rice_flash(z, Tc, Pc, omega, T, P, kij=0.0, tol=1e-9, max_iter=100):
    """Vapour and liquid of a mixture by the Peng-Robinson equation of state and successive substitution."""
    R = 8.314462618
    z = np.asarray(z, dtype=float)
    kappa = 0.37464 + 1.54226 * omega - 0.26992 * omega**2
    alpha = (1 + kappa * (1 - np.sqrt(T / Tc))) ** 2
    a = 0.45724 * R**2 * Tc**2 / Pc * alpha
    b = 0.0778 * R * Tc / Pc
    aij = np.sqrt(np.outer(a, a)) * (1 - kij * (1 - np.eye(len(z))))

    def fugacity(x, vapour):
        am, bm = x @ aij @ x, x @ b
        A, B = am * P / (R * T) ** 2, bm * P / (R * T)
        roots = np.roots([1, -(1 - B), A - 3 * B**2 - 2 * B, -(A * B - B**2 - B**3)])
        real = np.real(roots[np.abs(np.imag(roots)) < 1e-8])
        real = real[real > B]
        Z = real.max() if vapour else real.min()
        s = np.sqrt(2)
        ln = b / bm * (Z - 1) - np.log(Z - B)
        ln -= A / (2 * s * B) * (2 * (aij @ x) / am - b / bm) * np.log((Z + (1 + s) * B) / (Z + (1 - s) * B))
        return np.exp(ln), Z

    K = Pc / P * np.exp(5.373 * (1 + omega) * (1 - Tc / T))
    beta = 0.5
    for it in range(max_iter):
        low, high = 1 / (1 - K.max()), 1 / (1 - K.min())
        if np.sum(z * (K - 1)) <= 0:
            beta = 0.0
        elif np.sum(z * (1 - 1 / K)) >= 0:
            beta = 1.0
        else:
            low, high = 0.0, 1.0
            for _ in range(60):
                beta = 0.5 * (low + high)
                if np.sum(z * (K - 1) / (1 + beta * (K - 1))) > 0:
                    low = beta
                else:
                    high = beta
        x = z / (1 + beta * (K - 1))
        y = K * x
        x, y = x / x.sum(), y / y.sum()
        phi_l, Zl = fugacity(x, False)
        phi_v, Zv = fugacity(y, True)
        new = phi_l / phi_v
        change = np.sum((new / K - 1) ** 2)
        K = new
        if change < tol:
            break
    return {"beta": beta, "x": x, "y": y, "Z": (Zl, Zv), "iterations": it + 1}


def morse_dvr(n, xmin, xmax, depth, width, mass=1.0, levels=5):
    """Vibrational levels of a Morse oscillator in Colbert's and Miller's discrete variables, with the transition moments."""
    x = np.linspace(xmin, xmax, n)
    dx = x[1] - x[0]
    i = np.arange(n)
    diff = i[:, None] - i[None, :]
    with np.errstate(divide="ignore"):
        T = np.where(diff == 0, np.pi**2 / 3, 2.0 / diff**2.0)
    T *= (-1.0) ** diff / (2 * mass * dx**2)
    V = depth * (1 - np.exp(-width * x)) ** 2
    E, psi = np.linalg.eigh(T + np.diag(V))
    psi = psi / np.sqrt(dx)
    psi *= np.sign(psi[np.abs(psi).argmax(axis=0), np.arange(n)])
    moments = np.abs(psi[:, :levels].T @ (x[:, None] * psi[:, :levels])) * dx
    return E[:levels], moments


def _pulse(rng, nchan, nsamp, dm, tsamp):
    freqs = np.linspace(1500.0, 1200.0, nchan)
    data = rng.normal(10, 1, (nchan, nsamp))
    for c, f in enumerate(freqs):
        data[c, (nsamp // 4 + int(round(4.149e3 * dm * (f**-2 - 1500.0**-2) / tsamp))) % nsamp] += 8
    return data, freqs, tsamp


ALKANES = (
    np.array([190.6, 305.3, 369.8, 425.1]), np.array([45.99e5, 48.72e5, 42.48e5, 37.96e5]), np.array([0.012, 0.1, 0.152, 0.2]),
)  # fmt: skip

CASES = {
    swift_hohenberg: lambda rng: [
        (rng.normal(0, 0.1, (64, 64)), 0.2, 40.0, 0.5, 20),
        (rng.normal(0, 0.1, (32, 32)), 0.5, 20.0, 0.2, 20),
        (rng.normal(0, 0.1, (16, 16)), -0.1, 10.0, 1.0, 10),
    ],
    barkley_spiral: lambda rng: [(64, 80), (32, 20, 7)],
    granular_hopper: lambda rng: [(*_discs(rng, 16), 40), (*_discs(rng, 9), 30, 1e-3), (*_discs(rng, 4), 50)],
    dg_advection: lambda rng: [(40, 2, 1.0), (20, 2, 0.5, -1.0, False), (10, 1, 0.2)],
    shallow_ice: lambda rng: [
        (_valley(rng, 48), np.zeros((48, 48)), 30.0),
        (_valley(rng, 20), np.full((20, 20), 50.0), 20.0, 0.25),
        (_valley(rng, 16), np.ones((16, 16), dtype=np.int64), 5.0, 1.0, 500.0),
    ],
    kirchhoff_migration: lambda rng: [
        (rng.normal(size=(300, 8)), 2e-3, np.linspace(0, 500, 8), np.linspace(100, 600, 8), 30, 80, 10.0, 8.0, 2000.0),
        (rng.normal(size=(80, 4)), 4e-3, np.zeros(4), np.arange(4) * 50.0, 10, 12, 20.0, 20.0, 1500.0, 45.0),
        (rng.normal(size=(40, 2)).astype(np.float32), 4e-3, [0, 100], [50, 20], 5, 6, 20, 10, 1500),
    ],
    dedisperse: lambda rng: [
        (*_pulse(rng, 32, 512, 60.0, 1e-3), np.arange(0.0, 120.0, 10.0)),
        (*_pulse(rng, 16, 128, 20.0, 1e-3), np.array([0, 10, 20, 30]), 2),
        (np.zeros((4, 32)), np.linspace(1500, 1200, 4), 1e-2, [0.0, 5.0], 4),
    ],
    rachford_rice_flash: lambda rng: [
        ([0.4, 0.3, 0.2, 0.1], *ALKANES, 250.0, 10e5),
        ([0.25] * 4, *ALKANES, 400.0, 5e5, 0.02),
        (np.array([0.7, 0.1, 0.1, 0.1]), *ALKANES, 200.0, 20e5, 0.0, 1e-6, 5),
    ],
    morse_dvr: lambda rng: [(100, -1.0, 6.0, 10.0, 1.0), (80, -1.0, 5.0, 8.0, 0.8, 2.0, 3), (40, -2, 8, 5, 1, 1, 2)],
}
