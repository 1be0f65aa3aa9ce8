"""Filters, pilots, models and baskets as objects: estimation, control, statistics and finance."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


# filters ----------------------------------------------------------------------------------------------------------------
class UnscentedKalman:
    def __init__(self, x, P, Q, R, fx, hx, alpha=0.5, beta=2.0, kappa=0.0):
        self.x, self.P, self.Q, self.R, self.fx, self.hx = x.copy(), P.copy(), Q, R, fx, hx
        n = len(x)
        self.n, lam = n, alpha**2 * (n + kappa) - n
        self.c = n + lam
        self.Wm = np.full(2 * n + 1, 0.5 / self.c)
        self.Wc = self.Wm.copy()
        self.Wm[0] = lam / self.c
        self.Wc[0] = lam / self.c + (1 - alpha**2 + beta)
        self.log_likelihood = 0.0

    def sigma_points(self):
        U = np.linalg.cholesky(self.c * self.P)
        points = np.zeros((2 * self.n + 1, self.n))
        points[0] = self.x
        for k in range(self.n):
            points[k + 1] = self.x + U[:, k]
            points[self.n + k + 1] = self.x - U[:, k]
        return points

    def predict(self, dt):
        self.points = np.array([self.fx(s, dt) for s in self.sigma_points()])
        self.x = self.Wm @ self.points
        y = self.points - self.x
        self.P = y.T @ np.diag(self.Wc) @ y + self.Q

    def update(self, z):
        Z = np.array([self.hx(s) for s in self.points])
        zp = self.Wm @ Z
        S, Pxz = self.R.copy(), np.zeros((self.n, len(z)))
        for w, s, zi in zip(self.Wc, self.points, Z):
            S += w * np.outer(zi - zp, zi - zp)
            Pxz += w * np.outer(s - self.x, zi - zp)
        K = Pxz @ np.linalg.inv(S)
        innovation = z - zp
        self.x = self.x + K @ innovation
        self.P = self.P - K @ S @ K.T
        self.log_likelihood -= 0.5 * (innovation @ np.linalg.solve(S, innovation) + np.log(np.linalg.det(2 * np.pi * S)))


def _turn(s, dt):
    x, y, v, heading, omega = s
    return np.array([x + v * np.cos(heading) * dt, y + v * np.sin(heading) * dt, v, heading + omega * dt, omega])


def _range_bearing(s):
    return np.array([np.hypot(s[0], s[1]), np.arctan2(s[1], s[0])])


def unscented_track(zs, dt=0.5, q=0.01, r=(0.5, 0.02), x0=(10.0, 5.0, 1.0, 0.0, 0.1)):
    """A turning target by range and bearing."""
    ukf = UnscentedKalman(np.array(x0), np.eye(5), q * np.eye(5), np.diag(np.square(r)), _turn, _range_bearing)
    xs, cov = [], []
    for z in zs:
        ukf.predict(dt)
        ukf.update(z)
        xs.append(ukf.x.copy())
        cov.append(np.trace(ukf.P))
    return np.array(xs), cov, ukf.log_likelihood


# control ----------------------------------------------------------------------------------------------------------------
@dataclass
class PID:
    kp: float
    ki: float
    kd: float
    limits: tuple = (-math.inf, math.inf)
    integral: float = 0.0
    last_error: float | None = None

    def __call__(self, error, dt):
        derivative = 0.0 if self.last_error is None else (error - self.last_error) / dt
        self.last_error = error
        self.integral += error * dt
        out = self.kp * error + self.ki * self.integral + self.kd * derivative
        low, high = self.limits
        if out > high or out < low:
            self.integral -= error * dt
            out = min(max(out, low), high)
        return out


@dataclass
class Quadrotor:
    mass: float = 1.2
    inertia: float = 0.03
    arm: float = 0.25
    state: np.ndarray = field(default_factory=lambda: np.zeros(6))

    def derivative(self, s, u1, u2):
        x, z, phi, vx, vz, w = s
        return np.array([vx, vz, w, -u1 * np.sin(phi) / self.mass, u1 * np.cos(phi) / self.mass - 9.81, u2 / self.inertia])

    def step(self, u1, u2, dt):
        s = self.state
        k1 = self.derivative(s, u1, u2)
        k2 = self.derivative(s + dt / 2 * k1, u1, u2)
        k3 = self.derivative(s + dt / 2 * k2, u1, u2)
        k4 = self.derivative(s + dt * k3, u1, u2)
        self.state = s + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def fly_waypoints(waypoints, dt=0.01, t_max=4.0, radius=0.15):
    """A planar quadrotor by cascaded PID: state, forces and the times at which waypoints were reached."""
    quad = Quadrotor()
    height = PID(8.0, 2.0, 6.0, limits=(-8.0, 12.0))
    lateral, attitude = PID(0.4, 0.0, 0.5, limits=(-0.6, 0.6)), PID(6.0, 0.0, 0.9)
    history, reached, target = [], [], 0
    for n in range(int(t_max / dt)):
        if target == len(waypoints):
            break
        goal = waypoints[target]
        x, z, phi = quad.state[:3]
        if math.hypot(goal[0] - x, goal[1] - z) < radius:
            reached.append(n * dt)
            target += 1
            continue
        u1 = quad.mass * (9.81 + height(goal[1] - z, dt)) / max(np.cos(phi), 0.5)
        phi_des = -lateral(goal[0] - x, dt)
        u2 = attitude(phi_des - phi, dt) * quad.inertia
        quad.step(u1, u2, dt)
        history.append(np.append(quad.state, [u1, u2]))
    return np.array(history), reached, quad


# finance ----------------------------------------------------------------------------------------------------------------
class Estimate(NamedTuple):
    price: float
    stderr: float
    paths: int


def _path_batches(total, size):
    while total > 0:
        yield min(size, total)
        total -= size


def basket_option(spots, weights, vols, corr, strike, r, T, n_paths=20000, batch=4096, seed=0, antithetic=True):
    """A call on a basket with the geometric basket as control variate, paths in batches."""
    d = len(spots)
    spots, weights, vols = np.asarray(spots, float), np.asarray(weights, float), np.asarray(vols, float)
    if not np.isclose(weights.sum(), 1.0):
        raise ValueError(f"weights sum to {weights.sum():.3f}")
    L = np.linalg.cholesky(corr)
    rng = np.random.default_rng(seed)
    cov = np.outer(vols, vols) * corr
    var_g = weights @ cov @ weights
    mu_g = weights @ np.log(spots) + (r - 0.5 * weights @ vols**2) * T
    s = math.sqrt(var_g * T)
    d2 = (mu_g - math.log(strike)) / s
    cdf = lambda v: 0.5 * (1 + math.erf(v / math.sqrt(2)))
    exact = math.exp(-r * T) * (math.exp(mu_g + s * s / 2) * cdf(d2 + s) - strike * cdf(d2))
    values, controls = [], []
    for n in _path_batches(n_paths, batch):
        z = rng.standard_normal((n, d)) @ L.T
        for sign in (1.0, -1.0) if antithetic else (1.0,):
            log_s = np.log(spots) + (r - 0.5 * vols**2) * T + vols * math.sqrt(T) * sign * z
            values.append(np.maximum(np.exp(log_s) @ weights - strike, 0))
            controls.append(np.maximum(np.exp(log_s @ weights) - strike, 0))
    v, c = np.exp(-r * T) * np.concatenate(values), np.exp(-r * T) * np.concatenate(controls)
    b = np.cov(v, c)[0, 1] / c.var(ddof=1)
    adjusted = v - b * (c - exact)
    return Estimate(float(adjusted.mean()), float(adjusted.std(ddof=1) / math.sqrt(len(adjusted))), len(adjusted))


# statistics -------------------------------------------------------------------------------------------------------------
class Link:
    def __call__(self, mu):
        raise NotImplementedError


class LogLink(Link):
    def __call__(self, mu):
        return np.log(mu)

    def inverse(self, eta):
        return np.exp(eta)

    def derivative(self, mu):
        return 1 / mu


class LogitLink(Link):
    def __call__(self, mu):
        return np.log(mu / (1 - mu))

    def inverse(self, eta):
        return 1 / (1 + np.exp(-eta))

    def derivative(self, mu):
        return 1 / (mu * (1 - mu))


class GLM:
    families = {"poisson": (LogLink, lambda mu: mu), "binomial": (LogitLink, lambda mu: mu * (1 - mu))}

    def __init__(self, family="poisson", fit_intercept=True, max_iter=25, tol=1e-8):
        link, self.variance = self.families[family]
        self.link, self.family = link(), family
        self.fit_intercept, self.max_iter, self.tol = fit_intercept, max_iter, tol
        self.coef_ = None

    def _design(self, X):
        return np.column_stack([np.ones(len(X)), X]) if self.fit_intercept else X

    def fit(self, X, y, weights=None):
        A = self._design(X)
        w0 = np.ones(len(y)) if weights is None else weights
        mu = (y + y.mean()) / 2
        eta = self.link(mu)
        self.deviances_ = []
        for it in range(self.max_iter):
            g = self.link.derivative(mu)
            z = eta + (y - mu) * g
            w = w0 / (g**2 * self.variance(mu))
            XtW = A.T * w
            beta = np.linalg.solve(XtW @ A, XtW @ z)
            eta = A @ beta
            mu = self.link.inverse(eta)
            self.deviances_.append(self._deviance(y, mu))
            if self.coef_ is not None and np.max(np.abs(beta - self.coef_)) < self.tol:
                break
            self.coef_ = beta
        self.n_iter_ = it + 1
        self.cov_ = np.linalg.inv((A.T * w) @ A)
        return self

    def _deviance(self, y, mu):
        with np.errstate(divide="ignore", invalid="ignore"):
            d = np.where(y > 0, y * np.log(y / mu), 0.0)
            if self.family == "poisson":
                return 2 * np.sum(d - (y - mu))
            return 2 * np.sum(d + np.where(y < 1, (1 - y) * np.log((1 - y) / (1 - mu)), 0.0))

    def predict(self, X):
        if self.coef_ is None:
            raise RuntimeError("fit first")
        return self.link.inverse(self._design(X) @ self.coef_)


def fit_glm(X, y, family="poisson", **options):
    """A generalised linear model as an object, by iteratively reweighted least squares."""
    model = GLM(family, **options).fit(X, y)
    return {
        "coef": model.coef_,
        "se": np.sqrt(np.diag(model.cov_)),
        "deviance": model.deviances_,
        "n_iter": model.n_iter_,
        "fitted": model.predict(X),
    }


def _radar_track(rng, n):
    s, out = np.array([10.0, 5.0, 1.0, 0.0, 0.1]), []
    for _ in range(n):
        s = _turn(s, 0.5)
        out.append(_range_bearing(s) + rng.normal(0, [0.3, 0.01]))
    return np.array(out)


def _counts(rng, n, p, family):
    X = rng.normal(size=(n, p))
    eta = 0.3 + X @ np.linspace(0.5, -0.4, p)
    y = rng.poisson(np.exp(eta)) if family == "poisson" else rng.random(n) < 1 / (1 + np.exp(-eta))
    return X, y.astype(float), family


CASES = {
    unscented_track: lambda rng: [
        (_radar_track(rng, 12),),
        (_radar_track(rng, 12), 0.5, 0.05, (1.0, 0.1)),
        (_radar_track(rng, 12).astype(np.float32),),
    ],
    fly_waypoints: lambda rng: [
        ([(0.5, 1.0), (1.0, 1.5)],),
        (np.array([[0.0, 0.5]]), 0.02, 2.0, 0.1),
        ([(0.1, 0.1)], 0.01, 1.0, 0.2),
        ([], 0.01, 1.0),
    ],
    basket_option: lambda rng: [
        ([100, 95, 110], [0.4, 0.3, 0.3], [0.2, 0.3, 0.25], 0.5 + 0.5 * np.eye(3), 100.0, 0.03, 1.0),
        ([50.0, 60.0], [0.5, 0.5], [0.1, 0.4], np.eye(2), 55.0, 0.0, 0.5, 3000, 1000, 4, False),
        ([50.0, 60.0], [0.5, 0.4], [0.1, 0.4], np.eye(2), 55.0, 0.0, 0.5),
    ],
    fit_glm: lambda rng: [
        (*_counts(rng, 200, 4, "poisson"),),
        (*_counts(rng, 80, 2, "poisson"),),
        (rng.normal(size=(30, 2)), rng.random(30) * 0.8 + 0.1, "binomial"),
    ],
}
