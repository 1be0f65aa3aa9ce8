"""Epidemics, kinetics, rockets, wells, chains and stars, as the scripts of a lecture turned into functions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

DEFAULTS = {"beta": 0.4, "sigma": 0.2, "gamma": 0.1, "waning": 0.01, "births": 0.0}


def seirs_days(N, days, initial=None, seed=0, interventions=(), **overrides):
    """A stochastic SEIRS epidemic by days; each intervention (day, factor) changes the contact rate from then on."""
    params = {**DEFAULTS, **overrides}
    unknown = set(overrides) - set(DEFAULTS)
    if unknown:
        raise TypeError(f"unknown parameters: {sorted(unknown)}")
    rng = np.random.default_rng(seed)
    state = {"S": N - 10, "E": 5, "I": 5, "R": 0}
    if initial is not None:
        state.update(initial)
    factor = 1.0
    table = np.zeros((days + 1, 4), dtype=np.int64)
    table[0] = list(state.values())
    peak = (0, state["I"])
    for day in range(1, days + 1):
        for start, f in interventions:
            if day == start:
                factor = f
        force = factor * params["beta"] * state["I"] / max(N, 1)
        infected = rng.binomial(state["S"], 1 - math.exp(-force))
        onset = rng.binomial(state["E"], 1 - math.exp(-params["sigma"]))
        recovered = rng.binomial(state["I"], 1 - math.exp(-params["gamma"]))
        lost = rng.binomial(state["R"], 1 - math.exp(-params["waning"]))
        state["S"] += lost - infected
        state["E"] += infected - onset
        state["I"] += onset - recovered
        state["R"] += recovered - lost
        table[day] = state["S"], state["E"], state["I"], state["R"]
        if state["I"] > peak[1]:
            peak = (day, int(state["I"]))
        if state["E"] + state["I"] == 0:
            return table[: day + 1], peak, "died out"
    return table, peak, "endemic"


TABLEAU_C = (0, 1 / 4, 3 / 8, 12 / 13, 1, 1 / 2)
TABLEAU_A = [
    [],
    [1 / 4],
    [3 / 32, 9 / 32],
    [1932 / 2197, -7200 / 2197, 7296 / 2197],
    [439 / 216, -8, 3680 / 513, -845 / 4104],
    [-8 / 27, 2, -3544 / 2565, 1859 / 4104, -11 / 40],
]
TABLEAU_4 = np.array([25 / 216, 0, 1408 / 2565, 2197 / 4104, -1 / 5, 0])
TABLEAU_5 = np.array([16 / 135, 0, 6656 / 12825, 28561 / 56430, -9 / 50, 2 / 55])


def brusselator(t, y, a, b):
    u, v = y
    return np.array([a + u * u * v - (b + 1) * u, b * u - u * u * v])


def van_der_pol(t, y, mu):
    return np.array([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])


def fehlberg(rhs, span, y0, args=(), rtol=1e-5, atol=1e-8, first=0.01, max_steps=2000):
    """Runge–Kutta–Fehlberg with a proportional controller; times, states and counts."""
    t, end = span
    y = np.array(y0, dtype=float)
    h = first
    ts, ys = [t], [y]
    accepted = rejected = 0
    while t < end:
        if accepted + rejected >= max_steps:
            raise RuntimeError(f"more than {max_steps} steps")
        h = min(h, end - t)
        k = []
        for c, row in zip(TABLEAU_C, TABLEAU_A):
            yi = y.copy()
            for a, kj in zip(row, k):
                yi += h * a * kj
            k.append(rhs(t + c * h, yi, *args))
        K = np.array(k)
        y5 = y + h * TABLEAU_5 @ K
        err = h * np.abs((TABLEAU_5 - TABLEAU_4) @ K)
        ratio = np.max(err / (atol + rtol * np.maximum(np.abs(y), np.abs(y5))))
        if ratio <= 1:
            t += h
            y = y5
            ts.append(t)
            ys.append(y)
            accepted += 1
        else:
            rejected += 1
        h *= min(5.0, max(0.2, 0.9 * (1 / max(ratio, 1e-10)) ** 0.2))
    return np.array(ts), np.stack(ys), {"accepted": accepted, "rejected": rejected}


def fehlberg_brusselator(a, b, y0, end=3.0, rtol=1e-5):
    """The Brusselator's orbit and its extremes."""
    ts, ys, counts = fehlberg(brusselator, (0.0, end), y0, (a, b), rtol=rtol)
    return ts[-1], ys[-1], ys.max(axis=0), ys.min(axis=0), counts


@dataclass
class Stage:
    name: str
    dry: float
    fuel: float
    thrust: float
    isp: float


@dataclass
class Flight:
    t: list = field(default_factory=list)
    altitude: list = field(default_factory=list)
    speed: list = field(default_factory=list)
    events: list = field(default_factory=list)


G0 = 9.80665


def air_density(h):
    return 1.225 * math.exp(-h / 8500.0) if h < 1e5 else 0.0


def staged_rocket(specs, payload, dt=0.5, area=0.8, drag=0.3, limit=120.0):
    """A vertical flight of stages (name, dry, fuel, thrust, isp) up to apogee or a time limit."""
    stages = [Stage(*s) for s in specs]
    flight = Flight()
    t, h, v = 0.0, 0.0, 0.0
    current = 0
    while t < limit and v >= 0:
        mass = payload + sum(s.dry + s.fuel for s in stages[current:])
        thrust = 0.0
        if current < len(stages):
            s = stages[current]
            burn = s.thrust / (s.isp * G0)
            used = min(burn * dt, s.fuel)
            thrust = s.thrust * used / (burn * dt)
            s.fuel -= used
            if s.fuel <= 0:
                flight.events.append((round(t, 3), f"{s.name} burnt out"))
                current += 1
        g = G0 * (6.371e6 / (6.371e6 + h)) ** 2
        d = 0.5 * air_density(h) * drag * area * v * abs(v)
        acc = (thrust - d) / mass - g
        if t == 0 and acc < 0:
            raise ValueError("it does not lift off")
        v += acc * dt
        h += v * dt
        t += dt
        flight.t.append(t)
        flight.altitude.append(h)
        flight.speed.append(v)
    top = max(flight.altitude)
    return flight, top, len(flight.t)


def numerov(E, V, x):
    """The wave function from the left, and how often it crosses zero."""
    h2 = (x[1] - x[0]) ** 2
    k2 = 2 * (E - V)
    psi = np.zeros_like(x)
    psi[1] = 1e-5
    nodes = 0
    for i in range(1, len(x) - 1):
        a = 2 * (1 - 5 * h2 * k2[i] / 12) * psi[i]
        b = (1 + h2 * k2[i - 1] / 12) * psi[i - 1]
        psi[i + 1] = (a - b) / (1 + h2 * k2[i + 1] / 12)
        if psi[i + 1] * psi[i] < 0:
            nodes += 1
    return psi, nodes


def bound_states(potential, x, count=2, tol=1e-6):
    """Energies and normalised states of a well by bisection on the number of nodes."""
    V = potential(x)
    energies, states = [], []
    for n in range(count):
        lo, hi = V.min(), V.max()
        if not lo < hi:
            raise ValueError("a flat potential binds nothing")
        while hi - lo > tol:
            mid = (lo + hi) / 2
            psi, nodes = numerov(mid, V, x)
            if nodes > n:
                hi = mid
            else:
                lo = mid
        E = 0.5 * (lo + hi)
        psi, _ = numerov(lo, V, x)
        psi /= np.sqrt(np.sum(psi**2) * (x[1] - x[0]))
        energies.append(E)
        states.append(np.abs(psi[: len(x) // 2]).max())
    return np.asarray(energies), states


def michaelis_menten_fit(s, v, start=None, maxiter=50):
    """Vmax and Km by damped Gauss–Newton, with standard errors; a Lineweaver–Burk line starts it."""
    s, v = np.asarray(s, float), np.asarray(v, float)
    if s.shape != v.shape:
        raise ValueError(f"{s.size} concentrations but {v.size} rates")
    if start is None:
        ok = (s > 0) & (v > 0)
        slope, icpt = np.polyfit(1 / s[ok], 1 / v[ok], 1)
        start = (1 / icpt, slope / icpt)
    theta = np.array(start, dtype=float)

    def residual(th):
        return v - th[0] * s / (th[1] + s)

    r = residual(theta)
    cost = r @ r
    for it in range(maxiter):
        vmax, km = theta
        J = np.column_stack((s / (km + s), -vmax * s / (km + s) ** 2))
        step, *_ = np.linalg.lstsq(J, r, rcond=None)
        lam = 1.0
        while True:
            trial = theta + lam * step
            new = residual(trial)
            if new @ new <= cost or lam < 1e-6:
                break
            lam /= 2
        done = np.all(np.abs(trial - theta) <= 1e-10 * np.abs(theta))
        theta, r, cost = trial, new, new @ new
        if done:
            break
    cov = np.linalg.inv(J.T @ J) * cost / max(len(s) - 2, 1)
    return {"Vmax": theta[0], "Km": theta[1], "se": np.sqrt(np.diag(cov)), "sse": cost, "iterations": it + 1}


class Cluster:
    """Point masses under their own gravity, softened."""

    G = 1.0

    def __init__(self, masses, positions, velocities, eps=0.05):
        self.m = np.asarray(masses, dtype=np.float64)
        self.x = np.array(positions, dtype=np.float64)
        self.v = np.array(velocities, dtype=np.float64)
        self.eps = eps
        self.time = 0.0
        self.log = []

    def acceleration(self):
        d = self.x[None, :, :] - self.x[:, None, :]
        r2 = (d**2).sum(-1) + self.eps**2
        w = self.G * self.m[None, :] * r2**-1.5
        np.fill_diagonal(w, 0.0)
        return np.einsum("ij,ijk->ik", w, d)

    @property
    def energy(self):
        kinetic = 0.5 * np.sum(self.m * np.sum(self.v**2, axis=1))
        potential = 0.0
        for i in range(len(self.m)):
            for j in range(i):
                r = np.sqrt(np.sum((self.x[i] - self.x[j]) ** 2) + self.eps**2)
                potential -= self.G * self.m[i] * self.m[j] / r
        return kinetic + potential

    def step(self, dt):
        a = self.acceleration()
        self.v += 0.5 * dt * a
        self.x += dt * self.v
        self.v += 0.5 * dt * self.acceleration()
        self.time += dt


def cluster_run(masses, positions, velocities, dt=0.01, steps=30, every=10):
    """Leapfrog with a log of (time, energy error); escapers at the end."""
    c = Cluster(masses, positions, velocities)
    e0 = c.energy
    for n in range(steps):
        c.step(dt)
        if (n + 1) % every == 0:
            c.log.append((c.time, (c.energy - e0) / abs(e0)))
    centre = np.average(c.x, axis=0, weights=c.m)
    radius = np.linalg.norm(c.x - centre, axis=1)
    return c.x, c.log, np.flatnonzero(radius > 2 * np.median(radius)).tolist()


def chain_modes(masses, springs, fixed=True, damping=None):
    """Frequencies and modes of masses between springs, participation of each mode, and the decay times if damped."""
    n = len(masses)
    expected = n + 1 if fixed else n - 1
    if len(springs) != expected:
        raise ValueError(f"{n} masses need {expected} springs, not {len(springs)}")
    K = np.zeros((n, n))
    for i, k in enumerate(springs):
        a, b = (i - 1, i) if fixed else (i, i + 1)
        for p, q, sign in ((a, a, 1), (b, b, 1), (a, b, -1), (b, a, -1)):
            if 0 <= p < n and 0 <= q < n:
                K[p, q] += sign * k
    root = 1 / np.sqrt(np.asarray(masses, dtype=float))
    w2, vectors = np.linalg.eigh(root[:, None] * K * root)
    omega = np.sqrt(np.clip(w2, 0, None))
    modes = root[:, None] * vectors
    for j in range(n):
        k = np.argmax(np.abs(modes[:, j]))
        modes[:, j] /= modes[k, j]
    gamma = modes.T @ np.asarray(masses) / np.einsum("ij,i,ij->j", modes, np.asarray(masses, float), modes)
    out = {"omega": omega, "modes": modes, "participation": gamma}
    if damping:
        out["decay"] = [2 / (damping * w) if w > 0 else float("inf") for w in omega]
    return out


def lambert_time(r1, r2, dt, mu=1.0, prograde=True):
    """Velocities at both ends of the arc that takes a given time, by bisection on universal variables."""
    r1, r2 = np.asarray(r1, float), np.asarray(r2, float)
    n1, n2 = np.linalg.norm(r1), np.linalg.norm(r2)
    cosine = np.dot(r1, r2) / (n1 * n2)
    z = np.cross(r1, r2)[2]
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    if (z < 0) == prograde:
        angle = 2 * math.pi - angle
    A = math.sin(angle) * math.sqrt(n1 * n2 / (1 - math.cos(angle)))
    if abs(A) < 1e-12:
        raise ValueError("the points lie on one line")

    def stumpff(psi):
        if psi > 1e-6:
            s = math.sqrt(psi)
            return (1 - math.cos(s)) / psi, (s - math.sin(s)) / s**3
        if psi < -1e-6:
            s = math.sqrt(-psi)
            return (1 - math.cosh(s)) / psi, (math.sinh(s) - s) / s**3
        return 0.5, 1 / 6

    low, high, psi = -4 * math.pi**2, 4 * math.pi**2, 0.0
    c2, c3 = stumpff(psi)
    for _ in range(200):
        y = n1 + n2 + A * (psi * c3 - 1) / math.sqrt(c2)
        if A > 0 and y < 0:
            low = psi
            psi = (low + high) / 2
            c2, c3 = stumpff(psi)
            continue
        chi = math.sqrt(y / c2)
        t = (chi**3 * c3 + A * math.sqrt(y)) / math.sqrt(mu)
        if abs(t - dt) < 1e-9:
            break
        if t <= dt:
            low = psi
        else:
            high = psi
        psi = (low + high) / 2
        c2, c3 = stumpff(psi)
    f, g, gdot = 1 - y / n1, A * math.sqrt(y / mu), 1 - y / n2
    return (r2 - f * r1) / g, (gdot * r2 - r1) / g


def _rates(rng, n, noise=0.02):
    s = np.geomspace(0.1, 20, n)
    return s, 3.0 * s / (1.5 + s) * (1 + rng.normal(0, noise, n))


SATURN = [("first", 2000.0, 20000.0, 4.5e5, 260.0), ("second", 500.0, 4000.0, 9e4, 320.0)]
CASES = {
    seirs_days: lambda rng: [
        (2000, 40),
        (500, 25, {"I": 50, "S": 445}, 3, ((5, 0.2), (15, 1.5))),
        (20, 60, {"E": 1, "I": 0}, 1),
        (100, 0),
    ],
    fehlberg_brusselator: lambda rng: [
        (1.0, 3.0, [1.5, 3.0]),
        (2, 4, (1, 1), 1.0, 1e-3),
        (1.0, 1.7, np.float32([1.0, 2.0]), 2.0),
    ],
    staged_rocket: lambda rng: [
        (SATURN, 500.0),
        (SATURN[1:], 300.0, 1.0),
        ([("dud", 100, 100, 10.0, 200)], 1.0),
        (SATURN, 2500.0, 0.25, 2.0, 0.5, 30.0),
    ],
    bound_states: lambda rng: [
        (lambda x: 0.5 * x**2, np.linspace(-5, 5, 121)),
        (lambda x: np.where(np.abs(x) < 1, -4.0, 0.0), np.linspace(-4, 4, 81), 1, 1e-4),
        (lambda x: 0 * x, np.linspace(-1, 1, 20)),
    ],
    michaelis_menten_fit: lambda rng: [
        _rates(rng, 12),
        (*_rates(rng, 8, 0.1), (1.0, 1.0)),
        ([1, 2, 5, 10], [1.2, 1.7, 2.4, 2.6]),
        ([1.0, 2.0], [1.0, 2.0, 3.0]),
    ],
    cluster_run: lambda rng: [
        (np.ones(5) / 5, rng.normal(0, 1, (5, 3)), rng.normal(0, 0.3, (5, 3))),
        ([1.0, 0.001], [[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]], 0.02, 20, 4),
        (rng.random(4).astype(np.float32), rng.normal(0, 1, (4, 2)), np.zeros((4, 2)), 0.05, 3, 5),
    ],
    chain_modes: lambda rng: [
        ([1.0, 2.0, 1.0], [3.0, 1.0, 1.0, 3.0]),
        ([1, 1, 4, 1], [10.0, 5.0, 2.0], False, 0.1),
        (np.array([1.0, 3.0]), np.ones(3), True, 0.02),
        ([1.0], [1.0]),
    ],
    lambert_time: lambda rng: [
        ([1.0, 0.0, 0.0], [0.0, 1.2, 0.1], 1.8),
        ([1.0, 0.2, 0.0], [-0.9, 0.8, 0.2], 4.0, 1.0, True),
        ([1, 0, 0], [0, 1, 0], 7.0, 1.0, False),
        ([1, 0, 0], [2, 0, 0], 1.0),
    ],
}
