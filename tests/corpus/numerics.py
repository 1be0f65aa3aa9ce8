"""Roots, integrals, interpolation, ordinary differential equations."""

import math

import numpy as np


def bisection(f, a, b, tol=1e-12):
    fa, fb = f(a), f(b)
    if fa * fb > 0:
        raise ValueError("f(a) and f(b) must have different signs")
    steps = 0
    while (b - a) / 2 > tol:
        c = (a + b) / 2
        fc = f(c)
        if fc == 0:
            break
        if fa * fc < 0:
            b = c
        else:
            a, fa = c, fc
        steps += 1
    return (a + b) / 2, steps


def newton_sqrt(a, tol=1e-15):
    if a < 0:
        raise ValueError("square root of a negative number")
    x = a if a > 1 else 1.0
    for _ in range(60):
        better = 0.5 * (x + a / x)
        if abs(better - x) <= tol * better:
            return better
        x = better
    return x


def newton_system(x, tol=1e-12, max_iter=30):
    """Two circles' crossing, with the Jacobian by hand."""
    history = []
    for _ in range(max_iter):
        F = np.array([x[0] ** 2 + x[1] ** 2 - 4, (x[0] - 1) ** 2 + x[1] ** 2 - 3])
        J = np.array([[2 * x[0], 2 * x[1]], [2 * (x[0] - 1), 2 * x[1]]])
        step = np.linalg.solve(J, -F)
        x = x + step
        history.append(float(np.linalg.norm(step)))
        if history[-1] < tol:
            break
    return x, history


def secant(a, b, n=50):
    def f(x):
        return math.cos(x) - x

    for k in range(n):
        if f(b) == f(a):
            return b, k
        a, b = b, b - f(b) * (b - a) / (f(b) - f(a))
        if abs(b - a) < 1e-14:
            return b, k + 1
    raise RuntimeError("the secant method did not converge")


def simpson(y, h):
    n = len(y) - 1
    if n % 2 == 1:
        raise ValueError("an even number of intervals is needed")
    total = y[0] + y[-1]
    for i in range(1, n):
        if i % 2 == 0:
            total += 2 * y[i]
        else:
            total += 4 * y[i]
    return total * h / 3


def trapezoid_adaptive(a, b, tol=1e-8):
    """Doubles the intervals until the sum settles."""
    f = lambda x: np.exp(-x * x)
    n = 1
    h = b - a
    T = 0.5 * h * (f(a) + f(b))
    while True:
        mid = a + h * (np.arange(n) + 0.5)
        new = 0.5 * (T + h * f(mid).sum())
        n *= 2
        h /= 2
        if abs(new - T) < tol or n > 1 << 12:
            return new, n
        T = new


def romberg(a, b, levels):
    R = np.zeros((levels, levels))
    for k in range(levels):
        n = 2**k
        h = (b - a) / n
        x = a + h * np.arange(n + 1)
        y = np.sin(x) * np.exp(-x)
        R[k, 0] = h * (0.5 * y[0] + y[1:-1].sum() + 0.5 * y[-1])
        for j in range(1, k + 1):
            R[k, j] = R[k, j - 1] + (R[k, j - 1] - R[k - 1, j - 1]) / (4**j - 1)
    return R[-1, -1], R


def rk45(y, t, t_end, tol, mu):
    """Adaptive Runge–Kutta–Fehlberg on van der Pol's oscillator."""

    def f(y):
        return np.array([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])

    h = 0.1
    ts, ys = [t], [y]
    rejected = 0
    while t < t_end:
        h = min(h, t_end - t)
        k1 = f(y)
        k2 = f(y + h * k1 / 4)
        k3 = f(y + h * (3 * k1 + 9 * k2) / 32)
        k4 = f(y + h * (1932 * k1 - 7200 * k2 + 7296 * k3) / 2197)
        k5 = f(y + h * (439 / 216 * k1 - 8 * k2 + 3680 / 513 * k3 - 845 / 4104 * k4))
        k6 = f(y + h * (-8 / 27 * k1 + 2 * k2 - 3544 / 2565 * k3 + 1859 / 4104 * k4 - 11 / 40 * k5))
        error = np.max(np.abs(k1 / 360 - 128 * k3 / 4275 - 2197 * k4 / 75240 + k5 / 50 + 2 * k6 / 55)) * h
        if error <= tol:
            t += h
            y = y + h * (16 / 135 * k1 + 6656 / 12825 * k3 + 28561 / 56430 * k4 - 9 / 50 * k5 + 2 / 55 * k6)
            ts.append(t)
            ys.append(y)
        else:
            rejected += 1
        h *= min(4.0, max(0.1, 0.9 * (tol / max(error, 1e-300)) ** 0.2))
    return np.array(ts), np.array(ys), rejected


def euler_lotka_volterra(prey, predators, a, b, c, d, dt, n):
    out = np.zeros((n, 2))
    for i in range(n):
        out[i, 0] = prey
        out[i, 1] = predators
        prey, predators = prey + dt * (a * prey - b * prey * predators), predators + dt * (c * prey * predators - d * predators)
    return out


def gauss_legendre(n):
    """Nodes and weights by Newton's method on the recurrence."""
    x = np.zeros(n)
    w = np.zeros(n)
    for i in range((n + 1) // 2):
        z = math.cos(math.pi * (i + 0.75) / (n + 0.5))
        while True:
            p1, p2 = 1.0, 0.0
            for j in range(n):
                p1, p2 = ((2 * j + 1) * z * p1 - j * p2) / (j + 1), p1
            pp = n * (z * p1 - p2) / (z * z - 1)
            z_old = z
            z = z_old - p1 / pp
            if abs(z - z_old) < 1e-15:
                break
        x[i], x[n - 1 - i] = -z, z
        w[i] = w[n - 1 - i] = 2 / ((1 - z * z) * pp * pp)
    return x, w


def cubic_spline(x, y, at):
    """Natural spline: second derivatives by the Thomas algorithm, then evaluation."""
    n = len(x)
    y2 = np.zeros(n)
    u = np.zeros(n)
    for i in range(1, n - 1):
        sig = (x[i] - x[i - 1]) / (x[i + 1] - x[i - 1])
        p = sig * y2[i - 1] + 2.0
        y2[i] = (sig - 1.0) / p
        u[i] = (y[i + 1] - y[i]) / (x[i + 1] - x[i]) - (y[i] - y[i - 1]) / (x[i] - x[i - 1])
        u[i] = (6.0 * u[i] / (x[i + 1] - x[i - 1]) - sig * u[i - 1]) / p
    for k in range(n - 2, -1, -1):
        y2[k] = y2[k] * y2[k + 1] + u[k]
    out = np.empty(len(at))
    for m, v in enumerate(at):
        lo, hi = 0, n - 1
        while hi - lo > 1:
            mid = (lo + hi) >> 1
            if x[mid] > v:
                hi = mid
            else:
                lo = mid
        h = x[hi] - x[lo]
        a, b = (x[hi] - v) / h, (v - x[lo]) / h
        out[m] = a * y[lo] + b * y[hi] + ((a**3 - a) * y2[lo] + (b**3 - b) * y2[hi]) * h * h / 6
    return out


def horner(coefficients, x):
    result = 0
    for c in reversed(coefficients):
        result = result * x + c
    return result


def continued_fraction(x, terms):
    """Partial quotients and the convergents they make."""
    quotients = []
    value = x
    for _ in range(terms):
        q = math.floor(value)
        quotients.append(q)
        rest = value - q
        if rest < 1e-9:
            break
        value = 1 / rest
    h, h_prev, k, k_prev = quotients[0], 1, 1, 0
    for q in quotients[1:]:
        h, h_prev = q * h + h_prev, h
        k, k_prev = q * k + k_prev, k
    return quotients, (h, k)


def richardson(x, h, levels):
    """The derivative of log(x)·sin(x) by extrapolated central differences."""
    f = lambda z: math.log(z) * math.sin(z)
    D = [[0.0] * levels for _ in range(levels)]
    for i in range(levels):
        D[i][0] = (f(x + h) - f(x - h)) / (2 * h)
        for j in range(1, i + 1):
            D[i][j] = D[i][j - 1] + (D[i][j - 1] - D[i - 1][j - 1]) / (4**j - 1)
        h /= 2
    return D[levels - 1][levels - 1]


def lagrange(xs, ys, at):
    total = np.zeros_like(at, dtype=float)
    for i in range(len(xs)):
        term = np.full_like(total, ys[i])
        for j in range(len(xs)):
            if i != j:
                term *= (at - xs[j]) / (xs[i] - xs[j])
        total += term
    return total


def divided_differences(x, y):
    coef = np.array(y, dtype=float)
    n = len(x)
    for j in range(1, n):
        coef[j:n] = (coef[j:n] - coef[j - 1 : n - 1]) / (x[j:n] - x[0 : n - j])
    return coef


def bessel_j0_series(x):
    term = np.ones_like(x)
    total = np.ones_like(x)
    k = 0
    while np.abs(term).max(initial=0.0) > 1e-17 and k < 200:
        k += 1
        term *= -(x * x) / (4.0 * k * k)
        total += term
    return total, k


def golden_section(a, b, tol):
    g = (math.sqrt(5) - 1) / 2
    f = lambda x: (x - 2) ** 4 + math.sin(3 * x)
    c, d = b - g * (b - a), a + g * (b - a)
    fc, fd = f(c), f(d)
    while abs(b - a) > tol:
        if fc < fd:
            b, d, fd = d, c, fc
            c = b - g * (b - a)
            fc = f(c)
        else:
            a, c, fc = c, d, fd
            d = a + g * (b - a)
            fd = f(d)
    return (a + b) / 2


def nelder_mead(simplex, max_iter=200, tol=1e-8):
    """Rosenbrock's function from a given simplex."""

    def f(p):
        return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2

    values = np.array([f(p) for p in simplex])
    for it in range(max_iter):
        order = np.argsort(values)
        simplex, values = simplex[order], values[order]
        if values[-1] - values[0] < tol:
            break
        centre = simplex[:-1].mean(axis=0)
        reflected = 2 * centre - simplex[-1]
        fr = f(reflected)
        if fr < values[0]:
            expanded = 3 * centre - 2 * simplex[-1]
            fe = f(expanded)
            simplex[-1], values[-1] = (expanded, fe) if fe < fr else (reflected, fr)
        elif fr < values[-2]:
            simplex[-1], values[-1] = reflected, fr
        else:
            contracted = 0.5 * (centre + simplex[-1])
            fc = f(contracted)
            if fc < values[-1]:
                simplex[-1], values[-1] = contracted, fc
            else:
                for i in range(1, len(simplex)):
                    simplex[i] = 0.5 * (simplex[0] + simplex[i])
                    values[i] = f(simplex[i])
    return simplex[0], values[0], it


def gamma_lanczos(x):
    g = [
        0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
        -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
    ]  # fmt: skip
    if x < 0.5:
        return math.pi / (math.sin(math.pi * x) * gamma_lanczos(1 - x))
    x -= 1
    a = g[0]
    t = x + 7.5
    for i in range(1, len(g)):
        a += g[i] / (x + i)
    return math.sqrt(2 * math.pi) * t ** (x + 0.5) * math.exp(-t) * a


def _cubic(x):
    return x**3 - x - 2


CASES = {
    bisection: lambda rng: [(_cubic, 1.0, 2.0), (math.cos, 1, 2, 1e-6), (_cubic, 2.0, 3.0)],
    newton_sqrt: lambda rng: [(2.0,), (1e-8,), (-1.0,), (0.0,), (np.float64(9),)],
    newton_system: lambda rng: [(np.array([1.0, 1.0]),), (np.array([2.0, -1.0]), 1e-3, 2), (np.array([0.0, 0.0]),)],
    secant: lambda rng: [(0.0, 1.0), (0.7, 0.7), (0.0, 1.0, 2)],
    simpson: lambda rng: [(np.sin(np.linspace(0, 1, 101)), 0.01), (np.arange(3), 1), (np.ones(4), 0.5)],
    trapezoid_adaptive: lambda rng: [(0.0, 1.0), (0, 3, 1e-3)],
    romberg: lambda rng: [(0.0, 2.0, 6), (0, 1, 1)],
    rk45: lambda rng: [(np.array([2.0, 0.0]), 0.0, 6.0, 1e-6, 1.5), (np.array([1.0, 0.5]), 0, 0.05, 1e-2, 0.0)],
    euler_lotka_volterra: lambda rng: [(10.0, 5.0, 1.1, 0.4, 0.1, 0.4, 0.01, 300), (1, 1, 1, 1, 1, 1, 0.5, 2)],
    gauss_legendre: lambda rng: [(12,), (1,), (5,)],
    cubic_spline: lambda rng: [
        (np.arange(12.0), rng.random(12), np.linspace(0, 11, 60)),
        (np.array([0, 1]), np.array([3, 4]), [0.25]),
    ],
    horner: lambda rng: [
        (rng.random(30), 0.7),
        ([1, 2, 3], np.arange(4.0)),
        ((1, 2, 3), 5),
        ([], 2.0),
    ],
    continued_fraction: lambda rng: [(math.pi, 10), (0.5, 5), (3.0, 1)],
    richardson: lambda rng: [(2.0, 0.4, 6), (1, 0.5, 1)],
    lagrange: lambda rng: [(np.arange(6.0), rng.random(6), rng.random(40)), ([0, 1], [1, 3], np.array([2]))],
    divided_differences: lambda rng: [(np.sort(rng.random(15)), rng.random(15)), (np.array([1.0]), [2])],
    bessel_j0_series: lambda rng: [(np.linspace(0, 8, 60),), (np.array([0.5], np.float32),), (np.zeros(0),)],
    golden_section: lambda rng: [(0.0, 4.0, 1e-5), (1, 2, 0.1)],
    nelder_mead: lambda rng: [(np.array([[-1.0, 1.0], [0.5, 1.0], [0.0, -1.0]]),), (rng.random((3, 2)), 2)],
    gamma_lanczos: lambda rng: [(5.5,), (0.25,), (1,), (-0.5,)],
}
