"""Partial differential equations, quantum mechanics and models of many parts, one lesson each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def _tridiagonal_solve(a, b, c, d):
    n = len(d)
    cp, dp = np.zeros(n), np.zeros(n)
    cp[0], dp[0] = c[0] / b[0], d[0] / b[0]
    for i in range(1, n):
        m = b[i] - a[i] * cp[i - 1]
        cp[i] = c[i] / m
        dp[i] = (d[i] - a[i] * dp[i - 1]) / m
    x = np.zeros(n)
    x[-1] = dp[-1]
    for i in range(n - 2, -1, -1):
        x[i] = dp[i] - cp[i] * x[i + 1]
    return x


def radial_diffusion(n, steps, dt, radius=1.0, alpha=0.1, hot=100.0, convective=None):
    """Implicit heat conduction in a long cylinder; a fixed or a convective surface."""
    r = np.linspace(0, radius, n)
    dr = r[1] - r[0]
    T = np.zeros(n)
    lam = alpha * dt / dr**2
    a, b, c = np.zeros(n), np.zeros(n), np.zeros(n)
    b[0], c[0] = 1 + 4 * lam, -4 * lam
    a[1:-1] = -lam * (1 - dr / (2 * r[1:-1]))
    b[1:-1] = 1 + 2 * lam
    c[1:-1] = -lam * (1 + dr / (2 * r[1:-1]))
    if convective is None:
        b[-1] = 1.0
    else:
        a[-1], b[-1] = -1.0, 1.0 + convective * dr
    centre = np.zeros(steps + 1)
    for k in range(steps):
        d = T.copy()
        d[-1] = hot if convective is None else convective * dr * hot
        T = _tridiagonal_solve(a, b, c, d)
        centre[k + 1] = T[0]
    reached = np.nonzero(centre > 0.5 * hot)[0]
    return T, centre, (int(reached[0]) if reached.size else None)


def _flux(h, q, g):
    return q, q**2 / h + 0.5 * g * h**2


def dam_break_maccormack(h, q, dx, t_end, g=9.81, cfl=0.8, viscosity=0.1):
    """MacCormack's predictor and corrector for shallow water in a channel, with a limit on the time step."""
    h, q = h.astype(float).copy(), q.astype(float).copy()
    t, steps = 0.0, 0
    mass = h.sum() * dx
    while t < t_end:
        speed = np.max(np.abs(q / h) + np.sqrt(g * h))
        dt = min(cfl * dx / speed, t_end - t)
        f1, f2 = _flux(h, q, g)
        hp, qp = h.copy(), q.copy()
        hp[:-1] = h[:-1] - dt / dx * (f1[1:] - f1[:-1])
        qp[:-1] = q[:-1] - dt / dx * (f2[1:] - f2[:-1])
        f1, f2 = _flux(hp, qp, g)
        hn, qn = h.copy(), q.copy()
        hn[1:-1] = 0.5 * (h[1:-1] + hp[1:-1] - dt / dx * (f1[1:-1] - f1[:-2]))
        qn[1:-1] = 0.5 * (q[1:-1] + qp[1:-1] - dt / dx * (f2[1:-1] - f2[:-2]))
        hn[1:-1] += viscosity * (h[2:] - 2 * h[1:-1] + h[:-2])
        qn[1:-1] += viscosity * (q[2:] - 2 * q[1:-1] + q[:-2])
        hn[0], hn[-1] = hn[1], hn[-2]
        qn[0], qn[-1] = 0.0, 0.0
        h, q = hn, qn
        t += dt
        steps += 1
        if np.any(h <= 0):
            raise FloatingPointError(f"dry bed after {steps} steps")
    return {"h": h, "q": q, "steps": steps, "mass error": h.sum() * dx - mass}


def _weno_left(v):
    """Fifth order reconstruction at the right face of each cell, periodic."""
    eps = 1e-6
    vmm, vm, vp, vpp = np.roll(v, 2), np.roll(v, 1), np.roll(v, -1), np.roll(v, -2)
    p0 = (2 * vmm - 7 * vm + 11 * v) / 6
    p1 = (-vm + 5 * v + 2 * vp) / 6
    p2 = (2 * v + 5 * vp - vpp) / 6
    b0 = 13 / 12 * (vmm - 2 * vm + v) ** 2 + 0.25 * (vmm - 4 * vm + 3 * v) ** 2
    b1 = 13 / 12 * (vm - 2 * v + vp) ** 2 + 0.25 * (vm - vp) ** 2
    b2 = 13 / 12 * (v - 2 * vp + vpp) ** 2 + 0.25 * (3 * v - 4 * vp + vpp) ** 2
    a0, a1, a2 = 0.1 / (eps + b0) ** 2, 0.6 / (eps + b1) ** 2, 0.3 / (eps + b2) ** 2
    return (a0 * p0 + a1 * p1 + a2 * p2) / (a0 + a1 + a2)


def weno5_advection(u, speed=1.0, periods=0.2, cfl=0.4):
    """Linear advection by WENO5 and the third order Runge-Kutta method of Shu and Osher."""
    n = u.size
    dx = 1.0 / n

    def L(u):
        if speed >= 0:
            face = speed * _weno_left(u)
            return -(face - np.roll(face, 1)) / dx
        face = speed * _weno_left(u[::-1])[::-1]
        return -(np.roll(face, -1) - face) / dx

    t, end = 0.0, periods / abs(speed)
    dt = cfl * dx / abs(speed)
    variation = [np.abs(np.diff(u)).sum()]
    while t < end - 1e-14:
        if t + dt > end:
            dt = end - t
        u1 = u + dt * L(u)
        u2 = 0.75 * u + 0.25 * (u1 + dt * L(u1))
        u = u / 3 + 2 / 3 * (u2 + dt * L(u2))
        t += dt
        variation.append(np.abs(np.diff(u)).sum())
    return u, np.array(variation)


def kuramoto_sivashinsky(n=64, t_end=5.0, h=0.25, length=32 * np.pi, M=16):
    """The ETDRK4 script of Kassam and Trefethen."""
    x = length * np.arange(1, n + 1) / n
    u = np.cos(2 * np.pi * x / length) * (1 + np.sin(2 * np.pi * x / length))
    v = np.fft.fft(u)
    k = np.concatenate([np.arange(0, n // 2), [0], np.arange(-n // 2 + 1, 0)]) * 2 * np.pi / length
    L = k**2 - k**4
    E, E2 = np.exp(h * L), np.exp(h * L / 2)
    r = np.exp(1j * np.pi * (np.arange(1, M + 1) - 0.5) / M)
    LR = h * np.tile(L, (M, 1)).T + np.tile(r, (n, 1))
    Q = h * np.real(np.mean((np.exp(LR / 2) - 1) / LR, axis=1))
    f1 = h * np.real(np.mean((-4 - LR + np.exp(LR) * (4 - 3 * LR + LR**2)) / LR**3, axis=1))
    f2 = h * np.real(np.mean((2 + LR + np.exp(LR) * (-2 + LR)) / LR**3, axis=1))
    f3 = h * np.real(np.mean((-4 - 3 * LR - LR**2 + np.exp(LR) * (4 - LR)) / LR**3, axis=1))
    uu, tt = [u], [0.0]
    nmax = round(t_end / h)
    nplt = max(nmax // 5, 1)
    g = -0.5j * k
    for step in range(1, nmax + 1):
        t = step * h
        Nv = g * np.fft.fft(np.real(np.fft.ifft(v)) ** 2)
        a = E2 * v + Q * Nv
        Na = g * np.fft.fft(np.real(np.fft.ifft(a)) ** 2)
        b = E2 * v + Q * Na
        Nb = g * np.fft.fft(np.real(np.fft.ifft(b)) ** 2)
        c = E2 * a + Q * (2 * Nb - Nv)
        Nc = g * np.fft.fft(np.real(np.fft.ifft(c)) ** 2)
        v = E * v + Nv * f1 + 2 * (Na + Nb) * f2 + Nc * f3
        if step % nplt == 0:
            u = np.real(np.fft.ifft(v))
            uu.append(u)
            tt.append(t)
    return np.array(uu), np.array(tt)


def vortex_panels(x, y, alpha=0.0):
    """Pressure coefficients and lift of an aerofoil by linear vortex panels (Kuethe and Chow)."""
    m = len(x) - 1
    xc, yc = (x[:-1] + x[1:]) / 2, (y[:-1] + y[1:]) / 2
    S = np.hypot(np.diff(x), np.diff(y))
    theta = np.arctan2(np.diff(y), np.diff(x))
    rhs = np.sin(theta - alpha)
    cn1, cn2, ct1, ct2 = (np.zeros((m, m)) for _ in range(4))
    for i in range(m):
        for j in range(m):
            if i == j:
                cn1[i, j], cn2[i, j] = -1.0, 1.0
                ct1[i, j] = ct2[i, j] = 0.5 * np.pi
                continue
            A = -(xc[i] - x[j]) * np.cos(theta[j]) - (yc[i] - y[j]) * np.sin(theta[j])
            B = (xc[i] - x[j]) ** 2 + (yc[i] - y[j]) ** 2
            C = np.sin(theta[i] - theta[j])
            D = np.cos(theta[i] - theta[j])
            E = (xc[i] - x[j]) * np.sin(theta[j]) - (yc[i] - y[j]) * np.cos(theta[j])
            F = np.log(1 + S[j] * (S[j] + 2 * A) / B)
            G = np.arctan2(E * S[j], B + A * S[j])
            P = (xc[i] - x[j]) * np.sin(theta[i] - 2 * theta[j]) + (yc[i] - y[j]) * np.cos(theta[i] - 2 * theta[j])
            Q = (xc[i] - x[j]) * np.cos(theta[i] - 2 * theta[j]) - (yc[i] - y[j]) * np.sin(theta[i] - 2 * theta[j])
            cn2[i, j] = D + 0.5 * Q * F / S[j] - (A * C + D * E) * G / S[j]
            cn1[i, j] = 0.5 * D * F + C * G - cn2[i, j]
            ct2[i, j] = C + 0.5 * P * F / S[j] + (A * D - C * E) * G / S[j]
            ct1[i, j] = 0.5 * C * F - D * G - ct2[i, j]
    an, at = np.zeros((m + 1, m + 1)), np.zeros((m, m + 1))
    an[:m, 0], an[:m, m] = cn1[:, 0], cn2[:, -1]
    at[:, 0], at[:, m] = ct1[:, 0], ct2[:, -1]
    an[:m, 1:m] = cn1[:, 1:] + cn2[:, :-1]
    at[:, 1:m] = ct1[:, 1:] + ct2[:, :-1]
    an[m, 0] = an[m, m] = 1.0
    gamma = np.linalg.solve(an, np.append(rhs, 0.0))
    velocity = np.cos(theta - alpha) + at @ gamma
    cp = 1 - velocity**2
    lift = -np.sum(cp * S * np.cos(theta)) * np.cos(alpha) + np.sum(cp * S * np.sin(theta)) * np.sin(alpha)
    return cp, gamma, lift


def heisenberg_chain(sites, J=1.0, field=0.0, periodic=True):
    """The Hamiltonian of spins one half in the basis of bit patterns, its lowest energies and the magnetisation."""
    dim = 1 << sites
    H = np.zeros((dim, dim))
    bonds = sites if periodic and sites > 2 else sites - 1
    for state in range(dim):
        up = 0
        for i in range(sites):
            up += (state >> i) & 1
        H[state, state] -= field * (up - sites / 2)
        for i in range(bonds):
            j = (i + 1) % sites
            si, sj = (state >> i) & 1, (state >> j) & 1
            if si == sj:
                H[state, state] += J / 4
            else:
                H[state, state] -= J / 4
                H[state ^ (1 << i) ^ (1 << j), state] += J / 2
    energies, vectors = np.linalg.eigh(H)
    ground = vectors[:, 0] ** 2
    number = np.array([bin(s).count("1") for s in range(dim)])
    return energies[:4], float(ground @ (number - sites / 2)), H


def graphene_bands(n=20, t=2.7, onsite=0.0, overlap=0.0):
    """Energies along Γ–K–M–Γ, the bands' gap and the density of states."""
    a1, a2 = np.array([np.sqrt(3) / 2, 0.5]), np.array([np.sqrt(3) / 2, -0.5])
    corners = {
        "G": np.array([0.0, 0.0]),
        "K": np.array([2 * np.pi / np.sqrt(3), 2 * np.pi / 3]),
        "M": np.array([2 * np.pi / np.sqrt(3), 0.0]),
    }
    path, ticks = [], [0]
    for start, stop in ("GK", "KM", "MG"):
        s = np.linspace(0, 1, n, endpoint=False)[:, None]
        path.append((1 - s) * corners[start] + s * corners[stop])
        ticks.append(ticks[-1] + n)
    k = np.vstack(path)
    f = 1 + np.exp(1j * k @ a1) + np.exp(1j * k @ a2)
    H = np.zeros((len(k), 2, 2), dtype=complex)
    H[:, 0, 0], H[:, 1, 1] = onsite, -onsite
    H[:, 0, 1] = -t * f
    H[:, 1, 0] = -t * f.conj()
    E = np.linalg.eigvalsh(H)
    if overlap:
        E = E / (1 + overlap * np.abs(f)[:, None] * np.array([-1, 1]))
    gap = (E[:, 1] - E[:, 0]).min()
    dos, edges = np.histogram(E.ravel(), bins=15, density=True)
    return E, ticks, gap, dos, edges


def barrier_transmission(energies, potentials, widths, mass=1.0):
    """Transmission through steps of potential by products of 2×2 matrices."""
    T = np.zeros(len(energies))
    layers = np.concatenate(([0.0], potentials, [0.0]))
    for n, E in enumerate(energies):
        if E <= 0:
            continue
        k = np.sqrt(2 * mass * (E - layers + 0j))
        k[np.abs(k) < 1e-12] = 1e-12
        M = np.eye(2, dtype=complex)
        for i in range(len(layers) - 1):
            ratio = k[i + 1] / k[i]
            D = 0.5 * np.array([[1 + ratio, 1 - ratio], [1 - ratio, 1 + ratio]])
            M = M @ D
            if i < len(widths):
                phase = 1j * k[i + 1] * widths[i]
                M = M @ np.array([[np.exp(-phase), 0], [0, np.exp(phase)]])
        T[n] = (k[-1] / k[0]).real / abs(M[0, 0]) ** 2
    return T


def scf_two_electrons(S, h, eri, tol=1e-8, max_cycles=60, mixing=None):
    """Restricted Hartree-Fock with given integrals: the energy, the orbitals and how it converged."""
    s, U = np.linalg.eigh(S)
    assert np.all(s > 0), "the overlap matrix is not positive"
    X = U @ np.diag(s**-0.5) @ U.T
    n = S.shape[0]
    P = np.zeros((n, n))
    E_old, history = 0.0, []
    converged = False
    cycle = 0
    while not converged and cycle < max_cycles:
        G = np.zeros((n, n))
        for mu in range(n):
            for nu in range(n):
                G[mu, nu] = np.sum(P * (eri[mu, nu] - 0.5 * eri[mu, :, nu, :]))
        F = h + G
        E = 0.5 * np.sum(P * (h + F))
        eps, C = np.linalg.eigh(X.T @ F @ X)
        C = X @ C
        P_new = 2 * np.outer(C[:, 0], C[:, 0])
        change = np.sqrt(np.mean((P_new - P) ** 2))
        P = P_new if mixing is None or cycle == 0 else mixing * P_new + (1 - mixing) * P
        history.append((E, change))
        converged = bool(change < tol and abs(E - E_old) < tol)
        E_old = E
        cycle += 1
    return E, eps, P, history, converged


GATES = {
    "h": np.array([[1, 1], [1, -1]]) / np.sqrt(2),
    "x": np.array([[0, 1], [1, 0]]),
    "z": np.array([[1, 0], [0, -1]]),
    "t": np.diag([1, np.exp(0.25j * np.pi)]),
}


def _apply(state, gate, target, n):
    psi = np.moveaxis(state.reshape((2,) * n), target, 0)
    psi = np.tensordot(gate, psi, axes=(1, 0))
    return np.moveaxis(psi, 0, target).reshape(-1)


def quantum_circuit(n, program, shots=0, seed=7):
    """Amplitudes after a list of gates such as ("h", 0) and ("cx", 0, 1); counts of measurements if asked for."""
    state = np.zeros(2**n, dtype=complex)
    state[0] = 1.0
    for name, *qubits in program:
        if name == "cx":
            control, target = qubits
            bits = np.arange(2**n)
            on = (bits >> (n - 1 - control)) & 1 == 1
            swapped = state[bits ^ (1 << (n - 1 - target))]
            state = np.where(on, swapped, state)
        elif name in GATES:
            state = _apply(state, GATES[name], qubits[0], n)
        else:
            raise KeyError(name)
    p = np.abs(state) ** 2
    if not shots:
        return state, p
    rng = np.random.default_rng(seed)
    drawn = rng.choice(2**n, size=shots, p=p / p.sum())
    values, counts = np.unique(drawn, return_counts=True)
    return state, {format(int(v), f"0{n}b"): int(c) for v, c in zip(values, counts)}


def lindblad_decay(H, jumps, rho, t_end=1.0, steps=50):
    """The master equation of an open system by the classical Runge-Kutta method; populations and purity."""

    def rhs(r):
        out = -1j * (H @ r - r @ H)
        for rate, L in jumps:
            Ld = L.conj().T
            out += rate * (L @ r @ Ld - 0.5 * (Ld @ L @ r + r @ Ld @ L))
        return out

    rho = rho.astype(np.complex128)
    dt = t_end / steps
    populations = np.zeros((steps + 1, len(rho)))
    purity = np.zeros(steps + 1)
    for n in range(steps + 1):
        populations[n] = np.diag(rho).real
        purity[n] = np.trace(rho @ rho).real
        k1 = rhs(rho)
        k2 = rhs(rho + 0.5 * dt * k1)
        k3 = rhs(rho + 0.5 * dt * k2)
        k4 = rhs(rho + dt * k3)
        rho = rho + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return populations, purity, rho


@dataclass
class Dendrite:
    tau: float = 3e-4
    epsilon: float = 0.01
    delta: float = 0.02
    arms: int = 6
    latent: float = 1.8
    alpha: float = 0.9
    gamma: float = 10.0
    dx: float = 0.03
    dt: float = 1e-4
    history: list = field(default_factory=list)


def kobayashi_dendrite(n, steps, params=None, seed=None):
    """Solidification into an undercooled melt: Kobayashi's phase field with anisotropy."""
    p = params or Dendrite()

    def lap(a):
        return (np.roll(a, 1, 0) + np.roll(a, -1, 0) + np.roll(a, 1, 1) + np.roll(a, -1, 1) - 4 * a) / p.dx**2

    def dxc(a):
        return (np.roll(a, -1, 0) - np.roll(a, 1, 0)) / (2 * p.dx)

    def dyc(a):
        return (np.roll(a, -1, 1) - np.roll(a, 1, 1)) / (2 * p.dx)

    phi, T = np.zeros((n, n)), np.zeros((n, n))
    c = n // 2
    phi[c - 2 : c + 3, c - 2 : c + 3] = 1.0
    rng = None if seed is None else np.random.default_rng(seed)
    for step in range(steps):
        theta = np.arctan2(dyc(phi), dxc(phi))
        eps = p.epsilon * (1 + p.delta * np.cos(p.arms * theta))
        deps = -p.epsilon * p.arms * p.delta * np.sin(p.arms * theta)
        term1 = dyc(eps * deps * dxc(phi))
        term2 = -dxc(eps * deps * dyc(phi))
        m = p.alpha / np.pi * np.arctan(p.gamma * (1.0 - T))
        if rng is not None:
            m += 0.01 * (rng.random((n, n)) - 0.5)
        old = phi.copy()
        phi = phi + p.dt / p.tau * (term1 + term2 + eps**2 * lap(phi) + phi * (1 - phi) * (phi - 0.5 + m))
        T = T + p.dt * lap(T) + p.latent * (phi - old)
        if step % 10 == 0:
            p.history.append(float(phi.mean()))
    return phi, T, p.history


def cloth(rows, cols, steps, dt=0.01, stiffness=400.0, damping=0.5, gravity=9.81):
    """A hanging cloth of masses and springs, its corners fixed: semi-implicit Euler steps."""
    rest = 1.0 / (cols - 1)
    gx, gy = np.meshgrid(np.linspace(0, 1, cols), np.arange(rows) * rest)
    pos = np.stack([gx, np.zeros_like(gx), -gy], axis=-1)
    vel = np.zeros_like(pos)
    fixed = np.zeros((rows, cols), dtype=bool)
    fixed[0, 0] = fixed[0, -1] = True
    lowest = []
    for _ in range(steps):
        force = np.zeros_like(pos)
        force[..., 2] -= gravity
        force -= damping * vel
        for di, dj in [(0, 1), (1, 0), (1, 1), (0, 2), (2, 0)]:
            if di >= rows or dj >= cols:
                continue
            a, b = pos[: rows - di, : cols - dj], pos[di:, dj:]
            d = b - a
            length = np.linalg.norm(d, axis=-1, keepdims=True)
            pull = stiffness * (length - rest * np.hypot(di, dj)) * d / length
            force[: rows - di, : cols - dj] += pull
            force[di:, dj:] -= pull
        vel += dt * force
        vel[fixed] = 0.0
        pos += dt * vel
        lowest.append(pos[..., 2].min())
    return pos, vel, np.array(lowest)


def _l96(x, F):
    return (np.roll(x, -1, axis=-1) - np.roll(x, 2, axis=-1)) * np.roll(x, 1, axis=-1) - x + F


def lorenz96_enkf(n=12, members=10, cycles=6, every=2, F=8.0, dt=0.05, inflation=1.05, seed=3):
    """An ensemble Kalman filter with perturbed observations of a chaotic ring; errors before and after each analysis."""
    rng = np.random.default_rng(seed)

    def step(x):
        k1 = _l96(x, F)
        k2 = _l96(x + dt / 2 * k1, F)
        k3 = _l96(x + dt / 2 * k2, F)
        k4 = _l96(x + dt * k3, F)
        return x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    truth = F + rng.standard_normal(n)
    for _ in range(20):
        truth = step(truth)
    X = truth + rng.standard_normal((members, n))
    H = np.eye(n)[::every]
    R = 0.25 * np.eye(len(H))
    errors = np.empty((cycles, 2))
    for c in range(cycles):
        for _ in range(2):
            truth, X = step(truth), step(X)
        errors[c, 0] = np.sqrt(np.mean((X.mean(axis=0) - truth) ** 2))
        mean = X.mean(axis=0)
        A = inflation * (X - mean)
        X = mean + A
        Pf = A.T @ A / (members - 1)
        K = Pf @ H.T @ np.linalg.inv(H @ Pf @ H.T + R)
        y = H @ truth + 0.5 * rng.standard_normal(len(H))
        for m in range(members):
            perturbed = y + 0.5 * rng.standard_normal(len(H))
            X[m] += K @ (perturbed - H @ X[m])
        errors[c, 1] = np.sqrt(np.mean((X.mean(axis=0) - truth) ** 2))
    return errors, X, truth


def daisyworld(luminosities, black=0.2, white=0.2, death=0.3, q=20.0, fertile=1.0):
    """Watson and Lovelock's planet of black and white daisies, each luminosity run to its steady state."""
    sigma, flux = 5.67e-8, 917.0
    albedo = {"black": 0.25, "white": 0.75, "ground": 0.5}
    table = np.zeros((len(luminosities), 4))

    def growth(T):
        b = 1 - 0.003265 * (22.5 - T) ** 2
        return b if b > 0 else 0.0

    for n, lum in enumerate(luminosities):
        ab, aw = max(black, 0.01), max(white, 0.01)
        for it in range(1000):
            bare = fertile - ab - aw
            planet = bare * albedo["ground"] + ab * albedo["black"] + aw * albedo["white"]
            T = (flux * lum * (1 - planet) / sigma) ** 0.25 - 273.15
            Tb = q * (planet - albedo["black"]) + T
            Tw = q * (planet - albedo["white"]) + T
            dab = ab * (bare * growth(Tb) - death)
            daw = aw * (bare * growth(Tw) - death)
            ab, aw = max(ab + 0.1 * dab, 0.01), max(aw + 0.1 * daw, 0.01)
            if max(abs(dab), abs(daw)) < 1e-5:
                break
        table[n] = ab, aw, T, it
        black, white = ab, aw
    return table


def _aerofoil(n, thickness=0.12):
    beta = np.linspace(0, 2 * np.pi, n + 1)
    x = 0.5 * (1 + np.cos(beta))
    y = 5 * thickness * (0.2969 * np.sqrt(x) - 0.126 * x - 0.3516 * x**2 + 0.2843 * x**3 - 0.1036 * x**4)
    return x, np.where(beta < np.pi, -y, y)


def _hydrogen(scale=1.0):
    S = np.array([[1.0, 0.6593], [0.6593, 1.0]])
    h = np.array([[-1.1204, -0.9584], [-0.9584, -1.1204]]) * scale
    eri = np.full((2, 2, 2, 2), 0.4441)
    eri[0, 0, 0, 0] = eri[1, 1, 1, 1] = 0.7746
    eri[0, 0, 1, 1] = eri[1, 1, 0, 0] = 0.5697
    for i in ((0, 1, 0, 1), (1, 0, 0, 1), (0, 1, 1, 0), (1, 0, 1, 0)):
        eri[i] = 0.2970
    return S, h, eri


LOWER = np.array([[0.0, 1.0], [0.0, 0.0]])
CASES = {
    radial_diffusion: lambda rng: [(15, 20, 0.05), (8, 30, 0.2, 0.5, 0.3, 10, 4.0), (5, 3, 0.01)],
    dam_break_maccormack: lambda rng: [
        (np.where(np.arange(40) < 20, 2.0, 1.0), np.zeros(40), 0.5, 1.0),
        (1 + rng.random(12), np.zeros(12), 1.0, 0.5, 9.81, 0.5),
        (np.where(np.arange(30) < 10, 5, 1).astype(np.int32), np.zeros(30, dtype=np.float32), 1.0, 1.0, 9.81, 0.9, 0.02),
        (np.where(np.arange(30) < 10, 50.0, 1e-3), np.zeros(30), 1.0, 2.0, 9.81, 1.5, 0.0),
    ],
    weno5_advection: lambda rng: [
        (np.where(np.abs(np.arange(40) / 40 - 0.5) < 0.2, 1.0, 0.0),),
        (np.sin(2 * np.pi * np.arange(32) / 32).astype(np.float32), 1.0, 0.05),
    ],
    kuramoto_sivashinsky: lambda rng: [(16, 1.0, 1 / 3), (32, 0.5, 0.125, 50.0, 8)],
    vortex_panels: lambda rng: [_aerofoil(12), (*_aerofoil(8, 0.2), 0.1), (*_aerofoil(5), np.float32(0.05))],
    heisenberg_chain: lambda rng: [(4,), (5, -1.0, 0.3, False), (2, 1, 0.5), (3, 2.0, 0.1)],
    graphene_bands: lambda rng: [(), (7, 1.0, 0.2), (5, 2.7, 0.0, 0.1)],
    barrier_transmission: lambda rng: [
        (np.linspace(0.1, 3, 12), [1.0, 0.0, 1.0], [1.0, 2.0, 1.0]),
        (np.array([1.0, 1.5], dtype=np.float32), [1.0], [2.0]),
    ],
    scf_two_electrons: lambda rng: [
        _hydrogen(),
        (*_hydrogen(1.1), 1e-6, 40, 0.5),
        (*_hydrogen(), 1e-8, 1),
        (-np.eye(2), *_hydrogen()[1:]),
    ],
    quantum_circuit: lambda rng: [
        (3, [("h", 0), ("cx", 0, 1), ("cx", 1, 2), ("t", 2), ("h", 1)]),
        (2, [("x", 1), ("h", 0), ("cx", 0, 1)], 100),
        (4, [("h", q) for q in range(4)] + [("z", 2)], 50, 1),
        (1, [("y", 0)]),
    ],
    lindblad_decay: lambda rng: [
        (np.array([[0.5, 0.2], [0.2, -0.5]]), [(0.3, LOWER)], np.array([[0, 0], [0, 1]])),
        (np.diag([1.0, 2.0]), [], np.full((2, 2), 0.5), 2.0, 20),
    ],
    kobayashi_dendrite: lambda rng: [(16, 12, Dendrite(arms=4, delta=0.05)), (10, 5, None, 4)],
    cloth: lambda rng: [(6, 7, 30), (2, 3, 10, 0.02, 100.0), (4, 4, 5, 0.005, 1000.0, 0.0, 1)],
    lorenz96_enkf: lambda rng: [(8, 5, 3, 1, 6.0)],
    daisyworld: lambda rng: [
        (np.linspace(0.6, 1.6, 6),),
        ([1.0], 0.0, 0.0, 0.2),
        (np.array([0.9, 1.3], dtype=np.float32), 0.3, 0.1, 0.3, 10.0, 0.8),
    ],
}
