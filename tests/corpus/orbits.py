"""Differential equations stepped by hand: adaptive with events, stiff, symplectic, with constraints, between two ends."""

from __future__ import annotations

import math
from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np

Result = namedtuple("Result", "t y events nfev status")


def rk45_events(mu, y0, t_span, rtol=1e-6, atol=1e-9, first_step=None, max_step=math.inf):
    """Van der Pol's oscillator by Dormand and Prince's pair; upward zeros are found by bisection of the interpolant."""
    c = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1])
    a = [
        [],
        [1 / 5],
        [3 / 40, 9 / 40],
        [44 / 45, -56 / 15, 32 / 9],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
        [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
    b5 = np.array([35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0])
    b4 = np.array([5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40])
    nfev = 0

    def f(t, y):
        nonlocal nfev
        nfev += 1
        return np.array([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])

    t, t_end = t_span
    y = np.array(y0, dtype=float)
    h = first_step if first_step is not None else 0.01 * (t_end - t)
    ts, ys, events = [t], [y], []
    status = "finished"
    k = np.zeros((7, y.size))
    k[0] = f(t, y)
    while t < t_end:
        h = min(h, t_end - t, max_step)
        if h < 1e-12:
            status = "step too small"
            break
        for s in range(1, 7):
            dy = np.zeros_like(y)
            for j, w in enumerate(a[s]):
                dy += w * k[j]
            k[s] = f(t + c[s] * h, y + h * dy)
        y_new = y + h * (b5 @ k)
        error = h * ((b5 - b4) @ k)
        scale = atol + rtol * np.maximum(np.abs(y), np.abs(y_new))
        norm = np.sqrt(np.mean((error / scale) ** 2))
        if norm <= 1:
            if y[0] < 0 <= y_new[0]:
                lo, hi = 0.0, 1.0
                for _ in range(40):
                    mid = 0.5 * (lo + hi)
                    h00 = (1 + 2 * mid) * (1 - mid) ** 2
                    h10 = mid * (1 - mid) ** 2
                    h01 = mid**2 * (3 - 2 * mid)
                    h11 = mid**2 * (mid - 1)
                    value = h00 * y[0] + h10 * h * k[0, 0] + h01 * y_new[0] + h11 * h * k[6, 0]
                    if value < 0:
                        lo = mid
                    else:
                        hi = mid
                events.append(t + hi * h)
            t += h
            y = y_new
            k[0] = k[6]
            ts.append(t)
            ys.append(y)
        factor = 5.0 if norm == 0 else min(5.0, max(0.2, 0.9 * norm ** (-0.2)))
        h *= factor
    return Result(np.array(ts), np.array(ys), events, nfev, status)


@dataclass
class Counter:
    steps: int = 0
    newton: int = 0
    failures: int = 0
    orders: list = field(default_factory=list)


def bdf2_variable(rates, y0, t_end, h0, tol=1e-4, newton_tol=1e-10, max_newton=8):
    """Robertson-like kinetics by the two-step backward differentiation formula; steps halve when Newton fails."""
    k1, k2, k3 = rates

    def f(y):
        r1, r2, r3 = k1 * y[0], k2 * y[1] * y[2], k3 * y[1] ** 2
        return np.array([-r1 + r2, r1 - r2 - r3, r3])

    def jac(y):
        j = np.zeros((3, 3))
        j[0, 0], j[0, 1], j[0, 2] = -k1, k2 * y[2], k2 * y[1]
        j[1, 0], j[1, 1], j[1, 2] = k1, -k2 * y[2] - 2 * k3 * y[1], -k2 * y[1]
        j[2, 1] = 2 * k3 * y[1]
        return j

    count = Counter()
    y_old, y = None, np.asarray(y0, dtype=float)
    t, h = 0.0, h0
    out = [(0.0, *y)]
    while t < t_end and count.steps < 500:
        h = min(h, t_end - t)
        if y_old is None:
            history, gamma, order = y, 1.0, 1
        else:
            history, gamma, order = (4 * y - y_old) / 3, 2 / 3, 2
        z = y.copy()
        converged = False
        for _ in range(max_newton):
            g = z - history - gamma * h * f(z)
            dz = np.linalg.solve(np.eye(3) - gamma * h * jac(z), -g)
            z = z + dz
            count.newton += 1
            if np.max(np.abs(dz)) < newton_tol:
                converged = True
                break
        if not converged or np.any(z < -tol):
            count.failures += 1
            h /= 2
            y_old = None
            continue
        t += h
        count.steps += 1
        count.orders.append(order)
        grow = np.abs(z - y).max() < tol
        y_old, y = (None if grow else y), z
        if grow:
            h *= 2
        out.append((t, *y))
    return np.array(out), count


def shake_pendulums(masses, lengths, angles, dt, steps, gravity=9.81, tol=1e-10):
    """A chain of pendulums as points on rigid bars: velocity Verlet with SHAKE and a check that the bars keep their length."""
    n = len(masses)
    pos = np.zeros((n + 1, 2))
    for i, (length, angle) in enumerate(zip(lengths, angles), start=1):
        pos[i] = pos[i - 1] + length * np.array([math.sin(angle), -math.cos(angle)])
    previous = pos.copy()
    inverse = np.concatenate(([0.0], 1.0 / np.asarray(masses)))
    energies, rounds = [], np.zeros(steps, dtype=int)
    for step in range(steps):
        new = pos.copy()
        new[1:] = 2 * pos[1:] - previous[1:]
        new[1:, 1] -= gravity * dt**2
        for it in range(500):
            worst = 0.0
            for i in range(n):
                d = new[i + 1] - new[i]
                gap = d @ d - lengths[i] ** 2
                worst = max(worst, abs(gap))
                if abs(gap) > tol:
                    old = pos[i + 1] - pos[i]
                    g = gap / (2 * (inverse[i] + inverse[i + 1]) * (d @ old))
                    new[i] += g * inverse[i] * old
                    new[i + 1] -= g * inverse[i + 1] * old
            if worst <= tol:
                rounds[step] = it
                break
        else:
            raise RuntimeError(f"SHAKE did not converge in step {step}")
        velocity = (new - previous) / (2 * dt)
        kinetic = 0.5 * sum(m * (v**2).sum() for m, v in zip(masses, velocity[1:]))
        potential = gravity * sum(m * y for m, y in zip(masses, pos[1:, 1]))
        energies.append(kinetic + potential)
        previous, pos = pos, new
    return pos, np.array(energies), rounds


def shooting_bvp(f_name, ends, n, guess, method="secant", tol=1e-9, max_iter=25):
    """y'' = f(t, y, y') between two ends: the slope is found by secant or Newton on the variational equation."""
    problems = {
        "bratu": (lambda t, y, v: -np.exp(y), lambda t, y, v: (-np.exp(y), 0.0)),
        "duffing": (lambda t, y, v: -y - 0.1 * y**3 - 0.05 * v, lambda t, y, v: (-1 - 0.3 * y**2, -0.05)),
    }
    try:
        f, partials = problems[f_name]
    except KeyError:
        raise ValueError(f"no problem {f_name}; choose from {sorted(problems)}") from None
    (ta, ya), (tb, yb) = ends
    h = (tb - ta) / n

    def rhs(t, s):
        py, pv = partials(t, s[0], s[1])
        return np.array([s[1], f(t, s[0], s[1]), s[3], py * s[2] + pv * s[3]])

    def integrate(slope):
        s = np.array([ya, slope, 0.0, 1.0])
        path = np.empty(n + 1)
        path[0] = ya
        for i in range(n):
            t = ta + i * h
            k1 = rhs(t, s)
            k2 = rhs(t + h / 2, s + h / 2 * k1)
            k3 = rhs(t + h / 2, s + h / 2 * k2)
            k4 = rhs(t + h, s + h * k3)
            s = s + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
            path[i + 1] = s[0]
        return path, s[0] - yb, s[2]

    z = guess
    path, miss, slope = integrate(z)
    tried = [(z, miss)]
    if method == "secant":
        z0, m0 = z, miss
        z = z + 0.1
    for _ in range(max_iter):
        if method == "newton":
            if abs(miss) < tol:
                break
            z -= miss / slope
            path, miss, slope = integrate(z)
        else:
            path, miss, _unused = integrate(z)
            if abs(miss) < tol or miss == m0:
                tried.append((z, miss))
                break
            z0, m0, z = z, miss, z - miss * (z - z0) / (miss - m0)
        tried.append((z, miss))
    return path, z, tried


class Body:
    def __init__(self, name, mass, position, velocity):
        self.name = name
        self.mass = mass
        self.position = np.array(position, dtype=float)
        self.velocity = np.array(velocity, dtype=float)
        self.trail = []

    def kinetic(self):
        return 0.5 * self.mass * np.dot(self.velocity, self.velocity)

    def __repr__(self):
        return f"Body({self.name}, m={self.mass:g})"


def forest_ruth(bodies, dt, steps, g=1.0, softening=0.0, record=5):
    """Bodies as objects, a fourth-order symplectic step, trails kept in lists."""
    theta = 1 / (2 - 2 ** (1 / 3))
    drift = [theta / 2, (1 - theta) / 2, (1 - theta) / 2, theta / 2]
    kick = [theta, 1 - 2 * theta, theta]
    system = [Body(*b) for b in bodies]

    def accelerations():
        acc = {b.name: np.zeros(3) for b in system}
        for i, one in enumerate(system):
            for other in system[i + 1 :]:
                d = other.position - one.position
                r2 = d @ d + softening**2
                pull = g * d / (r2 * np.sqrt(r2))
                acc[one.name] += other.mass * pull
                acc[other.name] -= one.mass * pull
        return acc

    def energy():
        total = sum(b.kinetic() for b in system)
        for i in range(len(system)):
            for j in range(i):
                gap = np.linalg.norm(system[i].position - system[j].position)
                total -= g * system[i].mass * system[j].mass / gap
        return total

    start = energy()
    for step in range(steps):
        for stage in range(4):
            for b in system:
                b.position += drift[stage] * dt * b.velocity
            if stage < 3:
                acc = accelerations()
                for b in system:
                    b.velocity += kick[stage] * dt * acc[b.name]
        if step % record == 0:
            for b in system:
                b.trail.append(b.position.copy())
    drift_of_energy = abs((energy() - start) / start)
    return {b.name: np.array(b.trail) for b in system}, drift_of_energy, [repr(b) for b in system]


def _two(rng):
    return [
        ("sun", 1.0, [0, 0, 0], [0, 0, 0]),
        ("earth", 1e-3, [1, 0, 0], [0, 1, 0.1]),
        ("mars", 1e-4, (1.5, 0, 0), (0, 0.8, 0)),
    ]


CASES = {
    rk45_events: lambda rng: [
        (1.0, [2.0, 0.0], (0.0, 15.0)),
        (5.0, (0.5, 0.1), (0, 10), 1e-4, 1e-6, 0.1, 0.5),
        (0.0, np.array([0, -1]), (0.0, 7.0)),
    ],
    bdf2_variable: lambda rng: [
        ((0.04, 10.0, 30.0), [1.0, 0.0, 0.0], 5.0, 0.01),
        ((1.0, 2.0, 3.0), (0.5, 0.25, 0.25), 2.0, 0.05, 1e-3),
        ((0.04, 1e4, 3e7), np.array([1, 0, 0]), 1e-3, 1e-3, 1e-4, 1e-12, 2),
    ],
    shake_pendulums: lambda rng: [
        ([1.0, 2.0], [1.0, 0.5], [0.5, 1.0], 0.01, 60),
        (np.array([1.0, 1.0, 0.5]), np.array([0.3, 0.3, 0.4]), rng.uniform(-1, 1, 3), 0.005, 40, 1.62),
        ([1.0], [1.0], [3.0], 0.02, 30, 9.81, 1e-14),
    ],
    shooting_bvp: lambda rng: [
        ("bratu", ((0.0, 0.0), (1.0, 0.0)), 40, 0.5),
        ("duffing", ((0.0, 1.0), (2.0, -0.5)), 30, 0.0, "newton"),
        ("bratu", ((0, 0), (1, 0)), 20, 1, "newton", 1e-6),
        ("airy", ((0, 0), (1, 0)), 20, 1),
    ],
    forest_ruth: lambda rng: [(_two(rng), 0.02, 40), (_two(rng)[:2], 0.05, 30, 2.0, 0.01, 3), (_two(rng), 0.01, 0)],
}
