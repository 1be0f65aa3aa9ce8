"""Programs with objects: estimators with fitted state, filters, dataclasses, named tuples, closures and callbacks."""

from __future__ import annotations

import collections
import functools
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


class StandardScaler:
    def __init__(self, with_mean=True, with_std=True):
        self.with_mean = with_mean
        self.with_std = with_std
        self.n_seen_ = 0

    def partial_fit(self, X):
        if self.n_seen_ == 0:
            self.mean_ = np.zeros(X.shape[1])
            self.M2_ = np.zeros(X.shape[1])
        for row in X:
            self.n_seen_ += 1
            delta = row - self.mean_
            self.mean_ = self.mean_ + delta / self.n_seen_
            self.M2_ += delta * (row - self.mean_)
        return self

    def transform(self, X):
        X = np.array(X, dtype=float)
        if X.ndim != 2:
            raise ValueError(f"Expected 2D array, got {X.ndim}D array instead")
        if self.with_mean:
            X -= self.mean_
        if self.with_std:
            scale = np.sqrt(self.M2_ / self.n_seen_)
            scale[scale == 0.0] = 1.0
            X /= scale
        return X


def scale_batches(batches, new, with_std=True):
    scaler = StandardScaler(with_std=with_std)
    for X in batches:
        scaler.partial_fit(X)
    return scaler.transform(new), scaler.n_seen_, scaler.mean_


class KalmanFilter:
    def __init__(self, F, H, Q, R, x0, P0):
        self.F, self.H, self.Q, self.R = F, H, Q, R
        self.x, self.P = x0, P0
        self.log_likelihood = 0.0

    def predict(self):
        self.x = self.F @ self.x
        self.P = self.F @ self.P @ self.F.T + self.Q
        return self.x

    def update(self, z):
        if z is None:
            return
        y = z - self.H @ self.x
        S = self.H @ self.P @ self.H.T + self.R
        K = np.linalg.solve(S, self.H @ self.P).T
        self.x = self.x + K @ y
        self.P = (np.eye(len(self.x)) - K @ self.H) @ self.P
        self.log_likelihood -= 0.5 * (y @ np.linalg.solve(S, y) + np.log(np.linalg.det(S)))


def track_with_gaps(zs, dt, q, r):
    F = np.array([[1, dt], [0, 1]])
    H = np.array([[1.0, 0.0]])
    kf = KalmanFilter(F, H, q * np.eye(2), np.array([[r]]), np.zeros(2), np.eye(2) * 10)
    path = []
    for z in zs:
        kf.predict()
        kf.update(None if np.isnan(z) else np.array([z]))
        path.append(kf.x.copy())
    return np.array(path), kf.log_likelihood


@dataclass
class Particle:
    pos: np.ndarray
    vel: np.ndarray
    mass: float = 1.0
    history: list = field(default_factory=list)

    @property
    def kinetic(self):
        return 0.5 * self.mass * np.dot(self.vel, self.vel)

    def step(self, force, dt):
        self.vel = self.vel + force / self.mass * dt
        self.pos = self.pos + self.vel * dt
        self.history.append(self.kinetic)


def springs_of_particles(positions, masses, k, steps, dt=0.01):
    ps = [Particle(p, np.zeros_like(p), m) for p, m in zip(positions, masses)]
    for _ in range(steps):
        forces = []
        for i, p in enumerate(ps):
            f = np.zeros_like(p.pos)
            if i > 0:
                f += k * (ps[i - 1].pos - p.pos)
            if i + 1 < len(ps):
                f += k * (ps[i + 1].pos - p.pos)
            forces.append(f)
        for p, f in zip(ps, forces):
            p.step(f, dt)
    return [p.pos for p in ps], sum(p.kinetic for p in ps), [h for p in ps for h in p.history][-3:]


class Fit(NamedTuple):
    coef: np.ndarray
    intercept: float
    r2: float
    n_iter: int = 0


def huber_regression(x, y, delta=1.35, max_iter=50, tol=1e-8):
    X = np.column_stack([np.ones_like(x), x])
    beta = np.linalg.lstsq(X, y, rcond=None)[0]
    for it in range(max_iter):
        r = y - X @ beta
        s = np.median(np.abs(r)) / 0.6745
        u = np.abs(r) / max(s, 1e-12)
        w = np.where(u <= delta, 1.0, delta / np.maximum(u, 1e-300))
        XtW = X.T * w
        new = np.linalg.solve(XtW @ X, XtW @ y)
        if np.max(np.abs(new - beta)) < tol:
            break
        beta = new
    resid = y - X @ beta
    return Fit(beta[1:], float(beta[0]), 1 - resid.var() / y.var(), it)


def polynomial_class(coeffs, x, *more, derivative=0):
    class Poly:
        def __init__(self, c):
            self.c = np.trim_zeros(np.atleast_1d(c), "b")

        def __call__(self, t):
            acc = 0 * t
            for a in self.c[::-1]:
                acc = acc * t + a
            return acc

        def deriv(self):
            return Poly(self.c[1:] * np.arange(1, len(self.c)))

        def __mul__(self, other):
            return Poly(np.convolve(self.c, other.c))

        def __len__(self):
            return len(self.c)

    p = Poly(coeffs)
    for c in more:
        p = p * Poly(c)
    for _ in range(derivative):
        p = p.deriv()
    return p(x), len(p)


class Ring:
    __slots__ = ("data", "head", "full")

    def __init__(self, size, dtype=float):
        self.data = np.zeros(size, dtype)
        self.head = 0
        self.full = False

    def push(self, v):
        self.data[self.head] = v
        self.head = (self.head + 1) % len(self.data)
        self.full = self.full or self.head == 0

    def view(self):
        return np.roll(self.data, -self.head) if self.full else self.data[: self.head]


def ring_zscores(x, size):
    ring = Ring(size, x.dtype)
    out = np.full(len(x), np.nan)
    for i, v in enumerate(x):
        if ring.full:
            w = ring.data
            sd = w.std()
            out[i] = (v - w.mean()) / sd if sd > 0 else 0.0
        ring.push(v)
    return out, ring.view()


class Matrix2:
    def __init__(self, a):
        self.a = a

    def __matmul__(self, o):
        return Matrix2(self.a @ o.a)

    def __add__(self, o):
        return Matrix2(self.a + (o.a if isinstance(o, Matrix2) else o))

    __radd__ = __add__

    def __getitem__(self, k):
        return self.a[k]

    def __eq__(self, o):
        return np.array_equal(self.a, o.a)

    @classmethod
    def rotation(cls, t):
        c, s = np.cos(t), np.sin(t)
        return cls(np.array([[c, -s], [s, c]]))

    @staticmethod
    def trace(m):
        return m[0, 0] + m[1, 1]


def rotation_products(angles):
    total = functools.reduce(lambda a, b: a @ b, (Matrix2.rotation(t) for t in angles), Matrix2(np.eye(2)))
    shifted = 1 + total
    return total.a, Matrix2.trace(shifted), total == Matrix2.rotation(angles[0] if len(angles) else 0.0)


def registry_of_kernels(X, Y, name, **params):
    registry = {}

    def register(f):
        registry[f.__name__] = f
        return f

    @register
    def rbf(X, Y, gamma=None):
        if gamma is None:
            gamma = 1.0 / X.shape[1]
        d = (X**2).sum(1)[:, None] + (Y**2).sum(1)[None, :] - 2 * X @ Y.T
        return np.exp(-gamma * d)

    @register
    def polynomial(X, Y, degree=3, coef0=1):
        return (X @ Y.T + coef0) ** degree

    @register
    def laplacian(X, Y, *, gamma=0.5):
        return np.exp(-gamma * np.abs(X[:, None] - Y[None]).sum(-1))

    try:
        kernel = registry[name]
    except KeyError:
        raise ValueError(f"unknown kernel {name!r}; choose from {sorted(registry)}") from None
    return kernel(X, Y, **params)


def call_kernel(X, Y, name, params):
    return registry_of_kernels(X, Y, name, **params)


def minimise_with_callback(x0, lr, steps, momentum=0.0):
    trace = []
    best = None

    def objective(x):
        return np.sum((x - 1) ** 2) + np.prod(np.cos(x))

    def numeric_gradient(f, x, eps=1e-6):
        g = np.empty_like(x)
        for i in range(x.size):
            old = x[i]
            x[i] = old + eps
            hi = f(x)
            x[i] = old - eps
            lo = f(x)
            x[i] = old
            g[i] = (hi - lo) / (2 * eps)
        return g

    def callback(k, x, f):
        nonlocal best
        trace.append(f)
        if best is None or f < best[1]:
            best = (k, f)
        return len(trace) > 3 and abs(trace[-1] - trace[-2]) < 1e-10

    x, v = x0.astype(float), np.zeros(len(x0))
    for k in range(steps):
        v = momentum * v - lr * numeric_gradient(objective, x)
        x += v
        if callback(k, x, objective(x)):
            break
    return x, trace[-1] if trace else None, best


def windowed(seq, size, step=1):
    for k in range(0, len(seq) - size + 1, step):
        yield seq[k : k + size]


def permutation_entropy(x, order=3, delay=1, normalise=True):
    counts = collections.Counter()
    for w in windowed(x, order * delay):
        counts[tuple(int(k) for k in np.argsort(w[::delay], kind="stable"))] += 1
    total = sum(counts.values())
    h = -sum(c / total * np.log2(c / total) for c in counts.values())
    if normalise:
        h /= np.log2(np.prod(np.arange(1, order + 1)))
    return h, len(counts)


class Layer:
    def params(self):
        return []


class Dense(Layer):
    def __init__(self, w, b):
        self.w, self.b = w, b
        self.dw, self.db = np.zeros_like(w), np.zeros_like(b)

    def params(self):
        return [(self.w, self.dw), (self.b, self.db)]

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, g):
        self.dw[...] = self.x.T @ g
        self.db[...] = g.sum(0)
        return g @ self.w.T


class LeakyReLU(Layer):
    slope = 0.1

    def forward(self, x):
        self.mask = x < 0
        y = x.copy()
        y[self.mask] *= self.slope
        return y

    def backward(self, g):
        return np.where(self.mask, self.slope * g, g)


def fit_sequential(x, y, w1, b1, w2, b2, epochs, lr=0.05, clip=None):
    layers = [Dense(w1, b1), LeakyReLU(), Dense(w2, b2)]
    losses = []
    for _ in range(epochs):
        h = x
        for layer in layers:
            h = layer.forward(h)
        diff = h - y
        losses.append(float(np.mean(diff**2)))
        g = 2 * diff / diff.size
        for layer in reversed(layers):
            g = layer.backward(g)
        params = [p for layer in layers for p in layer.params()]
        if clip is not None:
            norm = np.sqrt(sum((d**2).sum() for _, d in params))
            if norm > clip:
                for _, d in params:
                    d *= clip / norm
        for p, d in params:
            p -= lr * d
    return losses


class Box(NamedTuple):
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def area(self):
        return max(self.x1 - self.x0, 0) * max(self.y1 - self.y0, 0)

    def meet(self, o):
        return Box(max(self.x0, o.x0), max(self.y0, o.y0), min(self.x1, o.x1), min(self.y1, o.y1))


def iou_table(a, b):
    out = np.zeros((len(a), len(b)))
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            p1, q1 = Box(*p), Box(*q)
            inter = p1.meet(q1).area
            union = p1.area + q1.area - inter
            out[i, j] = inter / union if union else 0.0
    return out


class BankAccountError(Exception):
    pass


def ledger_with_rollback(balances, transfers):
    done, failed = 0, []
    for k, (src, dst, amount) in enumerate(transfers):
        before = balances.copy()
        try:
            if amount <= 0:
                raise BankAccountError(f"transfer {k}: amount must be positive")
            balances[src] -= amount
            if balances[src] < 0:
                raise BankAccountError(f"transfer {k}: account {src} is short by {-balances[src]:.2f}")
            balances[dst] += amount
            done += 1
        except (BankAccountError, IndexError) as e:
            balances[:] = before
            failed.append(str(e))
        finally:
            total = balances.sum()
    return done, failed, float(total) if len(transfers) else None


def _dense(r, d, h, o, dtype=float):
    return [r.normal(size=(d, h)).astype(dtype), np.zeros(h, dtype), r.normal(size=(h, o)).astype(dtype), np.zeros(o, dtype)]


def _boxes(r, n):
    low = r.uniform(0, 5, (n, 2))
    return np.hstack([low, low + r.uniform(0, 4, (n, 2))])


_Z = np.array([0.0, 1.0, np.nan, 2.5, np.nan, np.nan, 6.0])

CASES = {
    scale_batches: lambda r: [
        ([r.normal(size=(5, 3)), r.normal(size=(4, 3))], r.normal(size=(2, 3))),
        ([np.ones((2, 2), int)], [[1, 2], [3, 4]]),
        ([np.ones((2, 2))], np.ones(2), False),
        ([r.normal(size=(3, 2)).astype(np.float32)], r.normal(size=(1, 2)).astype(np.float32)),
    ],
    track_with_gaps: lambda r: [(r.normal(size=12).cumsum(), 0.5, 0.01, 1.0), (_Z, 1, 0.1, 0.5), (np.array([]), 1.0, 0.1, 1.0)],
    springs_of_particles: lambda r: [
        (r.normal(size=(4, 3)), r.uniform(1, 2, 4), 5.0, 10),
        (np.eye(2), (1, 2), 1, 3, 0.5),
        (np.zeros((0, 3)), [], 1.0, 2),
        (np.arange(4).reshape(2, 2), [1.0, 1.0], 2, 2),
    ],
    huber_regression: lambda r: [
        (np.arange(12.0), 2 * np.arange(12.0) + r.standard_cauchy(12)),
        (np.arange(4.0), np.arange(4.0) + 1),
        (np.ones(3), np.arange(3.0)),
        (np.arange(5), np.array([1, 2, 3, 4, 50])),
    ],
    polynomial_class: lambda r: [
        (r.normal(size=4), np.linspace(-1, 1, 5)),
        ([1, 2, 0], 3, [1, 1]),
        ([1.0, 1.0], np.float32(2), np.array([0.0, 1.0])),
        (np.zeros(3), np.arange(3.0)),
    ],
    ring_zscores: lambda r: [
        (r.normal(size=20), 5),
        (np.array([1, 1, 1, 5, 7]), 3),
        (np.array([], np.float32), 2),
        (r.normal(size=4), 1),
        (np.arange(3.0), 0),
    ],
    rotation_products: lambda r: [(r.normal(size=5),), (np.array([0.3]),), (np.array([]),), ([1, 2],)],
    call_kernel: lambda r: [
        (r.normal(size=(5, 3)), r.normal(size=(4, 3)), "rbf", {}),
        (r.normal(size=(2, 3)), r.normal(size=(1, 3)), "rbf", {"gamma": 2}),
        (np.arange(6).reshape(3, 2), np.arange(4).reshape(2, 2), "polynomial", {"degree": 2}),
        (np.ones((2, 2)), np.ones((2, 2)), "laplacian", {"gamma": 0.1}),
        (np.ones((2, 2)), np.ones((2, 2)), "cosine", {}),
        (np.ones((2, 2)), np.ones((2, 2)), "polynomial", {"gamma": 1}),
    ],
    minimise_with_callback: lambda r: [(r.normal(size=3), 0.05, 20), (np.array([2, 3]), 0.1, 5, 0.9), (np.zeros(1), 0.1, 0)],
    permutation_entropy: lambda r: [
        (r.normal(size=40),),
        (np.arange(9), 3),
        (r.integers(0, 3, 20), 2, 2, False),
        (np.array([1.0]), 3),
    ],
    fit_sequential: lambda r: [
        (r.normal(size=(8, 3)), r.normal(size=(8, 1)), *_dense(r, 3, 4, 1), 6),
        (r.normal(size=(4, 2)).astype("f"), r.normal(size=(4, 2)).astype("f"), *_dense(r, 2, 3, 2, "f"), 3, 0.1, 0.5),
        (np.zeros((1, 1)), np.zeros((1, 1)), *_dense(r, 1, 1, 1), 0),
        (np.zeros((2, 3)), np.zeros((2, 1)), *_dense(r, 2, 2, 1), 1),
    ],
    iou_table: lambda r: [
        (_boxes(r, 5), _boxes(r, 4)),
        (np.array([[0, 0, 2, 2]]), np.array([[1, 1, 3, 3], [5, 5, 5, 5]])),
        (np.zeros((0, 4)), _boxes(r, 2)),
        ([(0, 0, 1, 1)], [(0, 0, 0, 0), (0.5, 0, 1, 1)]),
        (np.ones((1, 3)), np.ones((1, 4))),
    ],
    ledger_with_rollback: lambda r: [
        (r.uniform(10, 90, 4), [(0, 1, 5.0), (1, 2, 500.0), (2, 3, -1.0), (3, 0, 2.5)]),
        (np.array([10, 20]), [(0, 1, 3)]),
        (np.array([1.0]), []),
        (np.array([5.0, 1.0]), [(0, 7, 2.0), (0, 1, 2.0)]),
    ],
}
