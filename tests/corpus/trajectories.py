"""Ordinary differential equations: Runge–Kutta, adaptive, symplectic, multistep and implicit integrators."""

import math
from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np

Result = namedtuple("Result", "t y nfev success", defaults=(True,))
G = 6.674e-11


def _rk4_step(f, t, y, h, *args):
    k1 = f(t, y, *args)
    k2 = f(t + h / 2, y + h / 2 * k1, *args)
    k3 = f(t + h / 2, y + h / 2 * k2, *args)
    k4 = f(t + h, y + h * k3, *args)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _oscillator(t, y, omega, zeta=0.1):
    return np.array([y[1], -2 * zeta * omega * y[1] - omega**2 * y[0] + math.cos(t)])


def rk4_oscillator(y0, t_end, n, omega=2.0):
    """A table of states on an even grid."""
    t = np.linspace(0, t_end, n + 1)
    y = np.zeros((n + 1, len(y0)))
    y[0] = y0
    for i in range(n):
        y[i + 1] = _rk4_step(_oscillator, t[i], y[i], t[i + 1] - t[i], omega)
    return t, y


def _sir(state, beta, gamma):
    s, i, r = state
    n = s + i + r
    infection = beta * s * i / n
    return (-infection, infection - gamma * i, gamma * i)


def sir_euler(s, i, r, beta, gamma, days, per_day=10):
    """Tuples of floats; the day of the peak and whether it died out."""
    dt = 1.0 / per_day
    curve = [i]
    state = (s, i, r)
    peak, peak_day = i, 0
    for day in range(1, days + 1):
        for _ in range(per_day):
            ds, di, dr = _sir(state, beta, gamma)
            state = (state[0] + dt * ds, state[1] + dt * di, state[2] + dt * dr)
        curve.append(state[1])
        if state[1] > peak:
            peak, peak_day = state[1], day
        if state[1] < 1e-3:
            return {"curve": np.array(curve), "peak": peak, "day": peak_day, "died_out": True}
    return {"curve": np.array(curve), "peak": peak, "day": peak_day, "died_out": False}


def _three_body(y, mass):
    pos, vel = y[:3], y[3:]
    acc = np.zeros_like(pos)
    for i in range(3):
        for j in range(3):
            if i == j:
                continue
            d = pos[j] - pos[i]
            acc[i] += mass[j] * d / np.linalg.norm(d) ** 3
    return np.vstack((vel, acc))


def three_body_rk4(pos, vel, mass, dt, steps):
    """The figure of eight, states stacked in one array."""
    y = np.vstack((pos, vel))
    path = np.empty((steps + 1, 3, 2))
    path[0] = pos
    for n in range(steps):
        k1 = _three_body(y, mass)
        k2 = _three_body(y + 0.5 * dt * k1, mass)
        k3 = _three_body(y + 0.5 * dt * k2, mass)
        k4 = _three_body(y + dt * k3, mass)
        y = y + dt / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        path[n + 1] = y[:3]
    kinetic = 0.5 * np.sum(mass[:, None] * y[3:] ** 2)
    return path, kinetic


# Dormand–Prince
DP_A = [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
]
DP_C = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1])
DP_B5 = np.array([35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0])
DP_B4 = np.array([5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40])


def dormand_prince(y0, t_end, rtol=1e-6, atol=1e-9, mu=1.0, max_steps=2000):
    """Van der Pol with the embedded pair 5(4); accepted points are appended to lists."""

    def f(t, y):
        return np.array([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])

    t, y, h = 0.0, np.asarray(y0, dtype=float), 0.2
    ts, ys, nfev, rejected = [t], [y], 0, 0
    while t < t_end and len(ts) + rejected < max_steps:
        h = min(h, t_end - t)
        k = np.zeros((7, len(y)))
        for s in range(7):
            dy = np.zeros(len(y))
            for j, a in enumerate(DP_A[s]):
                dy += a * k[j]
            k[s] = f(t + DP_C[s] * h, y + h * dy)
            nfev += 1
        y5 = y + h * (DP_B5 @ k)
        err = h * ((DP_B5 - DP_B4) @ k)
        scale = atol + rtol * np.maximum(np.abs(y), np.abs(y5))
        norm = np.sqrt(np.mean((err / scale) ** 2))
        if norm <= 1:
            t, y = t + h, y5
            ts.append(t)
            ys.append(y)
        else:
            rejected += 1
        h *= min(5.0, max(0.2, 0.9 * norm ** (-1 / 5) if norm > 0 else 5.0))
    return Result(np.array(ts), np.array(ys), nfev, t >= t_end)


def adaptive_euler_heun(y, t_end, tol):
    """Step doubling with scalars in plain Python floats."""
    t, h = 0.0, 0.1
    accepted = rejected = 0
    while t < t_end:
        if t + h > t_end:
            h = t_end - t
        k1 = -2 * t * y
        k2 = -2 * (t + h) * (y + h * k1)
        error = abs(h / 2 * (k2 - k1))
        if error < tol or h < 1e-6:
            t += h
            y += h / 2 * (k1 + k2)
            accepted += 1
        else:
            rejected += 1
        h *= 0.9 * (tol / error) ** 0.5 if error > 0 else 2.0
    return y, accepted, rejected


# Yoshida's coefficients of order four
_W1 = 1 / (2 - 2 ** (1 / 3))
_W0 = -(2 ** (1 / 3)) * _W1
YOSHIDA_C = (_W1 / 2, (_W0 + _W1) / 2, (_W0 + _W1) / 2, _W1 / 2)
YOSHIDA_D = (_W1, _W0, _W1, 0.0)


def yoshida_kepler(q, p, dt, steps):
    """The Kepler problem in place, energy at each step."""
    energy = np.zeros(steps)
    for n in range(steps):
        for c, d in zip(YOSHIDA_C, YOSHIDA_D):
            q += c * dt * p
            if d:
                r = np.sqrt(q[0] ** 2 + q[1] ** 2)
                p -= d * dt * q / r**3
        energy[n] = 0.5 * p.dot(p) - 1 / np.hypot(q[0], q[1])
    return energy


def henon_heiles_section(x, y, px, py, dt, crossings, max_steps=20000):
    """Points where the orbit crosses x = 0 upwards, by leapfrog and linear interpolation."""
    points = []
    for _ in range(max_steps):
        x_old, y_old, py_old = x, y, py
        px -= 0.5 * dt * (x + 2 * x * y)
        py -= 0.5 * dt * (y + x * x - y * y)
        x += dt * px
        y += dt * py
        px -= 0.5 * dt * (x + 2 * x * y)
        py -= 0.5 * dt * (y + x * x - y * y)
        if x_old < 0 <= x:
            w = -x_old / (x - x_old)
            points.append((y_old + w * (y - y_old), py_old + w * (py - py_old)))
            if len(points) == crossings:
                break
        if x * x + y * y > 100:
            raise OverflowError("escaped")
    return np.array(points).reshape(-1, 2)


def backward_euler_newton(y0, rate, t_end, n, tol=1e-10):
    """The stiff logistic equation; Newton in each step, with a count of iterations."""
    h = t_end / n
    ys = [y0]
    total = 0
    for _ in range(n):
        y_old = ys[-1]
        y = y_old
        for _it in range(50):
            g = y - y_old - h * rate * y * (1 - y)
            dg = 1 - h * rate * (1 - 2 * y)
            step = g / dg
            y -= step
            total += 1
            if abs(step) < tol:
                break
        else:
            raise RuntimeError("Newton did not converge")
        ys.append(y)
    return ys, total


def _robertson(y):
    r1, r2, r3 = 0.04 * y[0], 1e4 * y[1] * y[2], 3e7 * y[1] ** 2
    return np.array([-r1 + r2, r1 - r2 - r3, r3])


def _robertson_jacobian(y):
    return np.array(
        [
            [-0.04, 1e4 * y[2], 1e4 * y[1]],
            [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]],
            [0.0, 6e7 * y[1], 0.0],
        ]
    )


def bdf2_robertson(y0, h, steps, newton_tol=1e-12):
    """BDF2 after one step of backward Euler, Newton with the exact Jacobian."""
    history = np.zeros((steps + 1, 3))
    history[0] = y0
    iterations = []
    for n in range(steps):
        if n == 0:
            constant, beta = history[0], h
        else:
            constant, beta = (4 * history[n] - history[n - 1]) / 3, 2 * h / 3
        y = history[n].copy()
        for k in range(1, 21):
            residual = y - constant - beta * _robertson(y)
            delta = np.linalg.solve(np.eye(3) - beta * _robertson_jacobian(y), -residual)
            y += delta
            if np.max(np.abs(delta)) < newton_tol:
                break
        iterations.append(k)
        history[n + 1] = y
    return history, iterations


def _numerical_jacobian(f, y, eps=1e-7):
    f0 = f(y)
    J = np.empty((len(f0), len(y)))
    for j in range(len(y)):
        shifted = y.copy()
        shifted[j] += eps
        J[:, j] = (f(shifted) - f0) / eps
    return J


def implicit_midpoint(y, h, steps, k=1.0):
    """A rotor with gyroscopic terms, Newton with a numerical Jacobian that is kept for a few steps."""

    def f(z):
        return np.array([z[1] * z[2] * (k - 2), z[0] * z[2] * 3, -z[0] * z[1]])

    J = None
    invariants = []
    for n in range(steps):
        z = y + h * f(y)
        if J is None or n % 5 == 0:
            J = np.eye(3) - 0.5 * h * _numerical_jacobian(f, y)
        for _ in range(10):
            g = z - y - h * f(0.5 * (y + z))
            if np.linalg.norm(g) < 1e-10:
                break
            z -= np.linalg.solve(J, g)
        y = z
        invariants.append(float(y @ y))
    return y, invariants


def adams_bashforth_moulton(y0, t_end, n, decay=1.0):
    """Predictor and corrector of order four, started by Runge–Kutta; past slopes in a list."""

    def f(t, y):
        return -decay * y + np.sin(t)

    h = t_end / n
    t = 0.0
    y = np.atleast_1d(np.asarray(y0, dtype=float))
    slopes = [f(t, y)]
    for step in range(n):
        if step < 3:
            y = _rk4_step(f, t, y, h)
        else:
            f0, f1, f2, f3 = slopes[-1], slopes[-2], slopes[-3], slopes[-4]
            predicted = y + h / 24 * (55 * f0 - 59 * f1 + 37 * f2 - 9 * f3)
            y = y + h / 24 * (9 * f(t + h, predicted) + 19 * f0 - 5 * f1 + f2)
        t += h
        slopes.append(f(t, y))
    return y, len(slopes)


def bulirsch_stoer(y, x, htot, nstep_sequence=(2, 4, 6, 8), eps=1e-8):
    """Modified midpoint with extrapolation in a table; the error with it."""

    def derivs(x, y):
        return np.array([y[1], -y[0] - 0.1 * y[1] ** 3])

    table = []
    for k, nstep in enumerate(nstep_sequence):
        h = htot / nstep
        ym, yn = y, y + h * derivs(x, y)
        for i in range(1, nstep):
            ym, yn = yn, ym + 2 * h * derivs(x + i * h, yn)
        row = [0.5 * (ym + yn + h * derivs(x + htot, yn))]
        for j in range(k):
            factor = (nstep / nstep_sequence[k - j - 1]) ** 2 - 1
            row.append(row[j] + (row[j] - table[-1][j]) / factor)
        if k > 0 and np.max(np.abs(row[-1] - row[-2])) < eps:
            return row[-1], k + 1
        table.append(row)
    return table[-1][-1], len(nstep_sequence)


@dataclass
class Body:
    mass: float
    x: np.ndarray
    v: np.ndarray
    track: list = field(default_factory=list)

    def kick(self, a, dt):
        self.v = self.v + a * dt

    def drift(self, dt):
        self.x = self.x + self.v * dt
        self.track.append(self.x)


def _attraction(a, b, soft=0.0):
    d = b.x - a.x
    return b.mass * d / (d @ d + soft**2) ** 1.5


def solar_system(masses, positions, velocities, dt, steps, soft=0.01):
    """Bodies as dataclasses with methods."""
    bodies = [Body(m, x, v) for m, x, v in zip(masses, positions, velocities)]
    for _ in range(steps):
        for body in bodies:
            total = np.zeros(positions.shape[1])
            for other in bodies:
                if other is not body:
                    total += _attraction(body, other, soft)
            body.kick(total, dt)
        for body in bodies:
            body.drift(dt)
    return [np.array(b.track) for b in bodies], np.array([b.v for b in bodies])


def shooting_blasius(eta_max, n, lo=0.0, hi=1.0, tol=1e-8):
    """f''' + f f''/2 = 0 with f'(∞) = 1, by bisection on f''(0)."""
    h = eta_max / n

    def rhs(y):
        return np.array([y[1], y[2], -0.5 * y[0] * y[2]])

    def shoot(guess):
        y = np.array([0.0, 0.0, guess])
        for _ in range(n):
            k1 = rhs(y)
            k2 = rhs(y + h * k1)
            y = y + h / 2 * (k1 + k2)
        return y[1] - 1

    if shoot(lo) * shoot(hi) > 0:
        raise ValueError("no change of sign")
    while hi - lo > tol:
        mid = 0.5 * (lo + hi)
        if shoot(mid) > 0:
            hi = mid
        else:
            lo = mid
    return 0.5 * (lo + hi)


def projectile_drag(speed, angle, drag=0.01, dt=0.01, height=0.0):
    """Flight until the ground is hit: time, range and highest point."""
    angle = np.deg2rad(angle)
    x, y = 0.0, height
    vx, vy = speed * np.cos(angle), speed * np.sin(angle)
    t = 0.0
    top = y
    while y >= 0:
        v = np.sqrt(vx**2 + vy**2)
        ax, ay = -drag * v * vx, -9.81 - drag * v * vy
        x_old, y_old = x, y
        x, y = x + vx * dt, y + vy * dt
        vx, vy = vx + ax * dt, vy + ay * dt
        top = max(top, y)
        t += dt
    w = y_old / (y_old - y)
    return t - dt + w * dt, x_old + w * (x - x_old), top


def lyapunov_exponents(x, steps, a=1.4, b=0.3):
    """Of the Hénon map, by QR of the tangent map."""
    Q = np.eye(2)
    sums = np.zeros(2)
    for _ in range(steps):
        J = np.array([[-2 * a * x[0], 1.0], [b, 0.0]])
        Q, R = np.linalg.qr(J @ Q)
        sums += np.log(np.abs(np.diag(R)))
        x = np.array([1 - a * x[0] ** 2 + x[1], b * x[0]])
    return sums / max(steps, 1), x


def hodgkin_huxley(current, dt=0.01, v=-65.0):
    """A neuron's spikes, gates advanced by exponential Euler; one current per step."""
    m, h, n = 0.05, 0.6, 0.32
    trace = np.empty(len(current))
    spikes = []
    above = False
    for i, inj in enumerate(current):
        am = 1.0 if abs(v + 40) < 1e-9 else 0.1 * (v + 40) / (1 - np.exp(-(v + 40) / 10))
        bm = 4 * np.exp(-(v + 65) / 18)
        ah, bh = 0.07 * np.exp(-(v + 65) / 20), 1 / (1 + np.exp(-(v + 35) / 10))
        an = 0.1 if abs(v + 55) < 1e-9 else 0.01 * (v + 55) / (1 - np.exp(-(v + 55) / 10))
        bn = 0.125 * np.exp(-(v + 65) / 80)
        m = am / (am + bm) + (m - am / (am + bm)) * np.exp(-dt * (am + bm))
        h = ah / (ah + bh) + (h - ah / (ah + bh)) * np.exp(-dt * (ah + bh))
        n = an / (an + bn) + (n - an / (an + bn)) * np.exp(-dt * (an + bn))
        ionic = 120 * m**3 * h * (v - 50) + 36 * n**4 * (v + 77) + 0.3 * (v + 54.387)
        v += dt * (inj - ionic)
        trace[i] = v
        if v > 0 and not above:
            spikes.append(i * dt)
        above = v > 0
    return trace, spikes


EIGHT = (
    np.array([[0.97000436, -0.24308753], [-0.97000436, 0.24308753], [0.0, 0.0]]),
    np.array([[0.466203685, 0.43236573], [0.466203685, 0.43236573], [-0.93240737, -0.86473146]]),
    np.ones(3),
)


def _eight():
    return tuple(a.copy() for a in EIGHT)


CASES = {
    rk4_oscillator: lambda rng: [
        ([1.0, 0.0], 10.0, 400), (np.array([0, 1]), 1.0, 5, 3), (np.zeros(2, np.float32), 1.0, 0), ((0.5, 0.5), 2.0, 20, 0.5),
    ],
    sir_euler: lambda rng: [
        (990.0, 10.0, 0.0, 0.3, 0.1, 160), (1000, 1, 0, 0.05, 0.5, 100), (5.0, 1.0, 0.0, 1.0, 0.1, 3, 2),
        (0, 0, 0, 1.0, 1.0, 2),
    ],
    three_body_rk4: lambda rng: [(*_eight(), 0.01, 60), (*_eight(), 0.02, 1), (*_eight(), 0.01, 0)],
    dormand_prince: lambda rng: [
        ([2.0, 0.0], 4.0), ((2, 0), 1.0, 1e-4, 1e-6, 5.0), ([2.0, 0.0], 0.0), ([1.0, 1.0], 50.0, 1e-8, 1e-10, 1.0, 20),
    ],
    adaptive_euler_heun: lambda rng: [(1.0, 3.0, 1e-6), (1, 0.5, 1e-3), (0.0, 1.0, 1e-3), (2.0, 0.0, 1e-3)],
    yoshida_kepler: lambda rng: [
        (np.array([1.0, 0.0]), np.array([0.0, 1.1]), 0.01, 400), (np.array([0.5, 0.0]), np.array([0.0, 1.5]), 0.05, 3),
        (np.array([1, 0]), np.array([0, 1]), 0.1, 2), (np.ones(2), np.zeros(2), 0.1, 0),
    ],
    henon_heiles_section: lambda rng: [
        (0.0, 0.1, 0.3, 0.0, 0.02, 8), (0.0, 0.1, 0.3, 0.1, 0.05, 3, 50), (0.0, 2.0, 1.0, 1.0, 0.05, 10),
        (0.1, 0, 0, 0, 0.1, 5, 0),
    ],
    backward_euler_newton: lambda rng: [(0.01, 10.0, 2.0, 100), (0.5, 1.0, 1.0, 3, 1e-3), (1, 5.0, 1.0, 4), (0.2, 1e3, 5.0, 2)],
    bdf2_robertson: lambda rng: [
        (np.array([1.0, 0.0, 0.0]), 1e-3, 40), ([1, 0, 0], 1e-2, 3), (np.array([1.0, 0.0, 0.0]), 1e-3, 0),
    ],
    implicit_midpoint: lambda rng: [
        (np.array([1.0, 0.2, 0.1]), 0.05, 40), (np.array([0.1, 0.0, 1.0]), 0.1, 3, 2.0), (np.ones(3), 0.1, 0),
    ],
    adams_bashforth_moulton: lambda rng: [(1.0, 5.0, 200), ([1, 2, 3], 1.0, 10, 0.5), (1, 1.0, 2), (np.zeros(0), 1.0, 5)],
    bulirsch_stoer: lambda rng: [
        (np.array([1.0, 0.0]), 0.0, 0.5), (np.array([1.0, 0.0]), 0.0, 2.0, (2, 4)),
        (np.array([0, 1]), 0.0, 0.1, (2, 4, 8), 1e-2),
    ],
    solar_system: lambda rng: [
        (np.array([1.0, 1e-3, 1e-4]), np.array([[0.0, 0], [1, 0], [2, 0]]), np.array([[0.0, 0], [0, 1], [0, 0.7]]), 0.01, 8),
        ([1.0, 1.0], np.array([[0.0, 0, 0], [1, 0, 0]]), np.zeros((2, 3)), 0.1, 2, 0.1),
        ([1.0], np.zeros((1, 2)), np.ones((1, 2)), 0.1, 3),
    ],
    shooting_blasius: lambda rng: [(8.0, 80), (6.0, 30, 0.1, 0.6, 1e-4), (5.0, 10, 2.0, 3.0)],
    projectile_drag: lambda rng: [(30.0, 45.0), (10, 60, 0.0, 0.05), (5.0, -20.0, 0.1, 0.01, 10.0), (np.float32(8), 80.0)],
    lyapunov_exponents: lambda rng: [(np.array([0.1, 0.1]), 300), (np.array([0.0, 0.0]), 3, 1.2), (np.array([0.1, 0.1]), 0)],
    hodgkin_huxley: lambda rng: [
        (np.full(3000, 10.0),), (np.zeros(20), 0.05), (np.full(300, 5, np.float32), 0.01, -40.0), ([10.0, 20.0, 0], 0.01),
        (np.zeros(0),),
    ],
}  # fmt: skip
