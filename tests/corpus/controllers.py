"""Control theory, attitude and orbits, solvers with adaptive steps and events, and splines."""

import math

import numpy as np


def bouncing_ball(h0, v0, restitution, dt=1e-3, bounces=5):
    """Symplectic Euler, each bounce located by bisection inside the step."""
    g = 9.81
    t, h, v = 0.0, h0, v0
    times = []
    while len(times) < bounces and t < 20.0:
        hn = h + v * dt - 0.5 * g * dt**2
        if hn < 0:
            lo, hi = 0.0, dt
            for _ in range(40):
                mid = 0.5 * (lo + hi)
                if h + v * mid - 0.5 * g * mid**2 > 0:
                    lo = mid
                else:
                    hi = mid
            t += hi
            v = -restitution * (v - g * hi)
            h = 0.0
            times.append(t)
            if v < 1e-3:
                break
        else:
            h = hn
            v -= g * dt
            t += dt
    return np.array(times)


def rkf45(f, t0, y0, t1, tol=1e-6, h=0.1):
    A = [
        [],
        [1 / 4],
        [3 / 32, 9 / 32],
        [1932 / 2197, -7200 / 2197, 7296 / 2197],
        [439 / 216, -8, 3680 / 513, -845 / 4104],
        [-8 / 27, 2, -3544 / 2565, 1859 / 4104, -11 / 40],
    ]
    B4 = [25 / 216, 0, 1408 / 2565, 2197 / 4104, -1 / 5, 0]
    B5 = [16 / 135, 0, 6656 / 12825, 28561 / 56430, -9 / 50, 2 / 55]
    C = [0, 1 / 4, 3 / 8, 12 / 13, 1, 1 / 2]
    t = t0
    y = np.array(y0, dtype=float)
    ts, ys = [t], [y]
    while t < t1:
        if t + h > t1:
            h = t1 - t
        k = []
        for i in range(6):
            yi = y.copy()
            for j in range(i):
                yi += h * A[i][j] * k[j]
            k.append(f(t + C[i] * h, yi))
        y4 = y + h * sum(b * ki for b, ki in zip(B4, k))
        y5 = y + h * sum(b * ki for b, ki in zip(B5, k))
        err = np.linalg.norm(y5 - y4)
        if err <= tol:
            t += h
            y = y5
            ts.append(t)
            ys.append(y)
        h *= min(4.0, max(0.1, 0.84 * (tol / (err + 1e-16)) ** 0.25))
    return np.array(ts), np.array(ys)


def f_lv(t, y):
    return np.array([1.1 * y[0] - 0.4 * y[0] * y[1], 0.1 * y[0] * y[1] - 0.4 * y[1]])


def bogacki_shampine(f, span, y0, rtol=1e-4, atol=1e-7):
    t, tf = span
    y = np.asarray(y0, float)
    h = (tf - t) / 50
    k1 = f(t, y)
    steps = rejected = 0
    while t < tf:
        h = min(h, tf - t)
        k2 = f(t + h / 2, y + h * k1 / 2)
        k3 = f(t + 0.75 * h, y + 0.75 * h * k2)
        ynew = y + h * (2 * k1 + 3 * k2 + 4 * k3) / 9
        k4 = f(t + h, ynew)
        e = h * (-5 * k1 + 6 * k2 + 8 * k3 - 9 * k4) / 72
        scale = atol + rtol * np.maximum(np.abs(y), np.abs(ynew))
        err = np.sqrt(np.mean((e / scale) ** 2))
        if err < 1:
            t, y, k1 = t + h, ynew, k4
            steps += 1
        else:
            rejected += 1
        h *= min(5, max(0.2, 0.9 * err ** (-1 / 3) if err > 0 else 5))
    return t, y, steps, rejected


def thermostat(hours, outside, setpoint, band=0.5, dt=0.01):
    """Hysteresis controller; returns the history and the switching times."""
    T = outside[0]
    heating = False
    n = int(hours / dt)
    temps = np.empty(n)
    switches = []
    for k in range(n):
        ext = np.interp(k * dt, np.arange(len(outside)), outside)
        if heating and T > setpoint + band:
            heating = False
            switches.append((k * dt, "off"))
        elif not heating and T < setpoint - band:
            heating = True
            switches.append((k * dt, "on"))
        T += dt * (0.3 * (ext - T) + (6.0 if heating else 0.0))
        temps[k] = T
    return temps, switches


class PID:
    def __init__(self, kp, ki, kd, lo=-np.inf, hi=np.inf):
        self.kp, self.ki, self.kd = kp, ki, kd
        self.lo, self.hi = lo, hi
        self.integral = 0.0
        self.last = None

    def __call__(self, error, dt):
        d = 0.0 if self.last is None else (error - self.last) / dt
        self.last = error
        u = self.kp * error + self.ki * (self.integral + error * dt) + self.kd * d
        if self.lo < u < self.hi:
            self.integral += error * dt
        return min(max(u, self.lo), self.hi)


def cart_velocity(target, n, dt=0.02):
    pid = PID(2.0, 0.8, 0.05, -3.0, 3.0)
    x = v = 0.0
    out = np.zeros((n, 3))
    for k in range(n):
        u = pid(target - x, dt)
        a = u - 0.5 * v
        v += a * dt
        x += v * dt
        out[k] = x, v, u
    return out


def riccati_iterate(A, B, Q, R, tol=1e-9, itmax=500):
    P = Q.copy()
    for it in range(itmax):
        K = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
        Pn = Q + A.T @ P @ (A - B @ K)
        if np.max(np.abs(Pn - P)) < tol:
            return K, Pn, it
        P = Pn
    raise RuntimeError("no convergence")


def routh_array(coeffs):
    n = len(coeffs)
    cols = (n + 1) // 2
    R = np.zeros((n, cols))
    R[0, : len(coeffs[0::2])] = coeffs[0::2]
    R[1, : len(coeffs[1::2])] = coeffs[1::2]
    for i in range(2, n):
        if R[i - 1, 0] == 0:
            R[i - 1, 0] = 1e-6
        for j in range(cols - 1):
            R[i, j] = (R[i - 1, 0] * R[i - 2, j + 1] - R[i - 2, 0] * R[i - 1, j + 1]) / R[i - 1, 0]
    changes = 0
    for i in range(1, n):
        if R[i, 0] * R[i - 1, 0] < 0:
            changes += 1
    return R, changes


def bode_margins(num, den, w):
    s = 1j * w
    H = np.polyval(num, s) / np.polyval(den, s)
    mag = 20 * np.log10(np.abs(H))
    phase = np.degrees(np.unwrap(np.angle(H)))
    gm = pm = None
    for k in range(len(w) - 1):
        if mag[k] >= 0 > mag[k + 1]:
            f = mag[k] / (mag[k] - mag[k + 1])
            pm = 180 + phase[k] + f * (phase[k + 1] - phase[k])
        if phase[k] >= -180 > phase[k + 1]:
            f = (phase[k] + 180) / (phase[k] - phase[k + 1])
            gm = -(mag[k] + f * (mag[k + 1] - mag[k]))
    return gm, pm


def madgwick_step(q, gyro, acc, beta=0.1, dt=0.01):
    q0, q1, q2, q3 = q
    for (gx, gy, gz), a in zip(gyro, acc):
        n = np.linalg.norm(a)
        if n == 0:
            continue
        ax, ay, az = a / n
        f = np.array([2 * (q1 * q3 - q0 * q2) - ax, 2 * (q0 * q1 + q2 * q3) - ay, 2 * (0.5 - q1**2 - q2**2) - az])
        J = np.array([[-2 * q2, 2 * q3, -2 * q0, 2 * q1], [2 * q1, 2 * q0, 2 * q3, 2 * q2], [0, -4 * q1, -4 * q2, 0]])
        step = J.T @ f
        step /= np.linalg.norm(step)
        qd = 0.5 * np.array(
            [
                -q1 * gx - q2 * gy - q3 * gz,
                q0 * gx + q2 * gz - q3 * gy,
                q0 * gy - q1 * gz + q3 * gx,
                q0 * gz + q1 * gy - q2 * gx,
            ]
        )
        q0, q1, q2, q3 = np.array([q0, q1, q2, q3]) + (qd - beta * step) * dt
        m = math.sqrt(q0 * q0 + q1 * q1 + q2 * q2 + q3 * q3)
        q0, q1, q2, q3 = q0 / m, q1 / m, q2 / m, q3 / m
    return q0, q1, q2, q3


def lambert_universal(r1, r2, tof, mu=1.0):
    """Universal variable Lambert solver (Bate, Mueller, White)."""

    def C(z):
        if z > 1e-6:
            return (1 - math.cos(math.sqrt(z))) / z
        if z < -1e-6:
            return (math.cosh(math.sqrt(-z)) - 1) / -z
        return 0.5

    def S(z):
        if z > 1e-6:
            return (math.sqrt(z) - math.sin(math.sqrt(z))) / math.sqrt(z) ** 3
        if z < -1e-6:
            return (math.sinh(math.sqrt(-z)) - math.sqrt(-z)) / math.sqrt(-z) ** 3
        return 1 / 6

    n1, n2 = np.linalg.norm(r1), np.linalg.norm(r2)
    cosd = np.dot(r1, r2) / (n1 * n2)
    A = math.sqrt(n1 * n2 * (1 + cosd))
    lo, hi = -4 * math.pi, 4 * math.pi**2
    z = 0.0
    for _ in range(200):
        y = n1 + n2 + A * (z * S(z) - 1) / math.sqrt(C(z))
        if y < 0:
            lo = z
            z = 0.5 * (lo + hi)
            continue
        chi = math.sqrt(y / C(z))
        t = (chi**3 * S(z) + A * math.sqrt(y)) / math.sqrt(mu)
        if abs(t - tof) < 1e-10:
            break
        if t <= tof:
            lo = z
        else:
            hi = z
        z = 0.5 * (lo + hi)
    f = 1 - y / n1
    g = A * math.sqrt(y / mu)
    gd = 1 - y / n2
    return (r2 - f * r1) / g, (gd * r2 - r1) / g


def l1_point(mu, tol=1e-12):
    g = (mu / 3) ** (1 / 3)
    k = 0
    while True:
        f = g**5 - (3 - mu) * g**4 + (3 - 2 * mu) * g**3 - mu * g**2 + 2 * mu * g - mu
        fp = 5 * g**4 - 4 * (3 - mu) * g**3 + 3 * (3 - 2 * mu) * g**2 - 2 * mu * g + 2 * mu
        new = g - f / fp
        k += 1
        if abs(new - g) < tol or k > 50:
            return 1 - mu - new, k
        g = new


def akima(x, y, xi):
    n = len(x)
    m = np.diff(y) / np.diff(x)
    m = np.concatenate([[3 * m[0] - 2 * m[1], 2 * m[0] - m[1]], m, [2 * m[-1] - m[-2], 3 * m[-1] - 2 * m[-2]]])
    t = np.zeros(n)
    for i in range(n):
        w1 = abs(m[i + 3] - m[i + 2])
        w2 = abs(m[i + 1] - m[i])
        if w1 + w2 == 0:
            t[i] = (m[i + 1] + m[i + 2]) / 2
        else:
            t[i] = (w1 * m[i + 1] + w2 * m[i + 2]) / (w1 + w2)
    out = np.zeros_like(xi)
    for k, v in enumerate(xi):
        j = min(max(np.searchsorted(x, v, side="right") - 1, 0), n - 2)
        h = x[j + 1] - x[j]
        slope = (y[j + 1] - y[j]) / h
        c = (3 * slope - 2 * t[j] - t[j + 1]) / h
        d = (t[j] + t[j + 1] - 2 * slope) / h**2
        u = v - x[j]
        out[k] = y[j] + u * (t[j] + u * (c + u * d))
    return out


def smoothing_spline(y, lam):
    n = len(y)
    D = np.zeros((n - 2, n))
    for i in range(n - 2):
        D[i, i : i + 3] = [1, -2, 1]
    A = np.eye(n) + lam * D.T @ D
    L = np.zeros_like(A)
    for i in range(n):
        for j in range(max(0, i - 2), i + 1):
            s = A[i, j] - L[i, max(0, i - 2) : j] @ L[j, max(0, i - 2) : j]
            if i == j:
                L[i, j] = np.sqrt(s)
            else:
                L[i, j] = s / L[j, j]
    z = np.zeros(n)
    for i in range(n):
        z[i] = (y[i] - L[i, :i] @ z[:i]) / L[i, i]
    for i in reversed(range(n)):
        z[i] = (z[i] - L[i + 1 :, i] @ z[i + 1 :]) / L[i, i]
    return z


def rational_floater(x, y, d, t):
    n = len(x) - 1
    w = np.zeros(n + 1)
    for k in range(n + 1):
        s = 0.0
        for i in range(max(0, k - d), min(k, n - d) + 1):
            p = 1.0
            for j in range(i, i + d + 1):
                if j != k:
                    p *= 1 / abs(x[k] - x[j])
            s += p
        w[k] = (-1) ** (k - d) * s
    out = np.empty(len(t))
    for m, tt in enumerate(t):
        hit = np.where(x == tt)[0]
        if hit.size:
            out[m] = y[hit[0]]
        else:
            q = w / (tt - x)
            out[m] = q @ y / q.sum()
    return out


CASES = {
    bouncing_ball: lambda r: [(1.0, 0.0, 0.8), (0.5, 2.0, 0.5, 0.01, 30), (0.0, 0.0, 0.5)],
    rkf45: lambda r: [(f_lv, 0.0, [10.0, 5.0], 3.0), (lambda t, y: -y, 0, [1], 1, 1e-8), (lambda t, y: y, 1.0, [1.0], 1.0)],
    bogacki_shampine: lambda r: [(f_lv, (0.0, 5.0), [10, 5]), (lambda t, y: np.cos(t) * y, (0.0, 2.0), [1.0], 1e-6)],
    thermostat: lambda r: [(24, 5 + 5 * r.random(25), 20.0), (0.0, [3.0], 20.0), (2, np.full(3, 40.0), 20)],
    cart_velocity: lambda r: [(1.0, 300), (0.0, 3), (5, 0)],
    riccati_iterate: lambda r: [
        (np.array([[1.0, 0.1], [0, 1]]), np.array([[0.005], [0.1]]), np.eye(2), np.eye(1)),
        (np.eye(2) * 2, np.zeros((2, 1)), np.eye(2), np.eye(1), 1e-9, 5),
    ],
    routh_array: lambda r: [([1.0, 2.0, 3.0, 4.0, 5.0],), (np.array([1, 6, 11, 6]),), ([1, 0, 1],), ([1.0, 2.0],)],
    bode_margins: lambda r: [
        ([10.0], [1, 6, 11, 6], np.logspace(-2, 2, 400)),
        ([1.0], [1, 1.0], np.logspace(-1, 1, 20)),
        ([1000.0], [1, 3, 3, 1], np.logspace(-2, 2, 300)),
    ],
    madgwick_step: lambda r: [
        ((1.0, 0.0, 0.0, 0.0), r.normal(size=(30, 3)), r.normal(size=(30, 3))),
        ((1.0, 0.0, 0.0, 0.0), np.zeros((3, 3)), np.zeros((3, 3))),
    ],
    lambert_universal: lambda r: [
        (np.array([1.0, 0.1, 0.2]), np.array([-0.3, 1.4, 0.1]), 1.8),
        (np.array([5000.0, 10000, 2100]), np.array([-14600.0, 2500, 7000]), 3600.0, 398600.0),
    ],
    l1_point: lambda r: [(0.01215,), (3.003e-6,), (0.5,)],
    akima: lambda r: [
        (np.arange(10.0), r.random(10), np.linspace(-0.5, 9.5, 40)),
        (np.arange(4.0), np.ones(4), np.array([0.0, 3.0])),
        (np.array([0.0, 1, 2]), np.array([0.0, 1, 4]), np.zeros(0)),
    ],
    smoothing_spline: lambda r: [(r.random(30), 10.0), (np.arange(3), 1), (np.arange(3.0), 0.0)],
    rational_floater: lambda r: [
        (np.linspace(-1, 1, 11), r.random(11), 3, np.linspace(-1, 1, 21)),
        (np.arange(3.0), np.arange(3.0), 0, np.array([0.5, 1.0])),
    ],
}
