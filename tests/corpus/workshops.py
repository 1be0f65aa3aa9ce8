"""Deep learning with layers and optimisers as objects, Bayesian inference, filters as classes."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

import numpy as np


# layers as classes ------------------------------------------------------------------------------------------------------
class Dense:
    def __init__(self, n_in, n_out, rng):
        self.params = {"W": rng.normal(0, np.sqrt(2.0 / n_in), (n_in, n_out)), "b": np.zeros(n_out)}
        self.grads = {}
        self.cache = None

    def forward(self, x):
        self.cache = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dy):
        self.grads["W"] = self.cache.T @ dy
        self.grads["b"] = dy.sum(axis=0)
        return dy @ self.params["W"].T


class LeakyReLU:
    params, grads = {}, {}

    def __init__(self, slope=0.01):
        self.slope = slope

    def forward(self, x):
        self.mask = x > 0
        return np.where(self.mask, x, self.slope * x)

    def backward(self, dy):
        return np.where(self.mask, dy, self.slope * dy)


class RMSProp:
    def __init__(self, lr=1e-2, rho=0.9, eps=1e-8):
        self.lr, self.rho, self.eps = lr, rho, eps
        self.state = {}

    def update(self, layers):
        for i, layer in enumerate(layers):
            for name in layer.params:
                key = (i, name)
                g = layer.grads[name]
                if key not in self.state:
                    self.state[key] = np.zeros_like(g)
                self.state[key] = self.rho * self.state[key] + (1 - self.rho) * g**2
                layer.params[name] -= self.lr * g / (np.sqrt(self.state[key]) + self.eps)


class Sequential:
    def __init__(self, *layers):
        self.layers = list(layers)
        self.history = []

    def fit(self, x, y, epochs, batch, optimiser, rng, verbose=False):
        n = len(x)
        for epoch in range(epochs):
            order = rng.permutation(n)
            total = 0.0
            for start in range(0, n, batch):
                idx = order[start : start + batch]
                out = x[idx]
                for layer in self.layers:
                    out = layer.forward(out)
                diff = out - y[idx]
                total += float((diff**2).sum())
                grad = 2 * diff / len(idx)
                for layer in reversed(self.layers):
                    grad = layer.backward(grad)
                optimiser.update(self.layers)
            self.history.append(total / n)
            if verbose and epoch % 5 == 0:
                print(f"epoch {epoch:3d} loss {self.history[-1]:.4f}")
        return self.history


def train_regressor(x, y, hidden=8, epochs=12, seed=0, verbose=False):
    rng = np.random.default_rng(seed)
    net = Sequential(Dense(x.shape[1], hidden, rng), LeakyReLU(0.1), Dense(hidden, y.shape[1], rng))
    history = net.fit(x, y, epochs, 16, RMSProp(lr=5e-3), rng, verbose)
    return history, net.layers[0].params["W"], net.layers[-1].params["b"]


def train_regressor_cases(rng):
    def make(n, d, **kw):
        x = rng.normal(size=(n, d))
        return x, np.column_stack([np.sin(x[:, 0]), x.sum(axis=1)])

    return [(*make(64, 3),), (*make(40, 2), 5, 6, 3, True), (*make(1, 4), 4, 3)]


class BatchNorm1d:
    def __init__(self, d, momentum=0.9):
        self.gamma = np.ones(d)
        self.beta = np.zeros(d)
        self.running = {"mean": np.zeros(d), "var": np.ones(d)}
        self.momentum = momentum

    def __call__(self, x, training=True):
        if training:
            mu, var = x.mean(axis=0), x.var(axis=0)
            for name, value in (("mean", mu), ("var", var)):
                self.running[name] = self.momentum * self.running[name] + (1 - self.momentum) * value
        else:
            mu, var = self.running["mean"], self.running["var"]
        self.inv = 1.0 / np.sqrt(var + 1e-5)
        self.xhat = (x - mu) * self.inv
        return self.gamma * self.xhat + self.beta

    def backward(self, dy):
        m = dy.shape[0]
        dg = (dy * self.xhat).sum(axis=0)
        db = dy.sum(axis=0)
        dx = self.gamma * self.inv / m * (m * dy - db - self.xhat * dg)
        return dx, dg, db


def batchnorm_stream(batches, eps_train=0.1):
    bn = BatchNorm1d(batches[0].shape[1])
    norms = []
    for k, x in enumerate(batches):
        y = bn(x)
        dx, dg, db = bn.backward(np.tanh(y) - 1.0)
        bn.gamma -= eps_train * dg / len(x)
        bn.beta -= eps_train * db / len(x)
        norms.append((k, float(np.abs(dx).max()), float(np.linalg.norm(bn.gamma))))
    test = bn(batches[-1], training=False)
    return norms, test, bn.running


def batchnorm_stream_cases(rng):
    return [
        ([rng.normal(2.0, 3.0, (32, 4)) for _ in range(6)],),
        ([rng.normal(size=(5, 2)) for _ in range(2)], 0.5),
        ([rng.normal(size=(8, 3)).astype(np.float32)],),
    ]


class GRUCell:
    def __init__(self, nx, nh, seed):
        rng = np.random.default_rng(seed)
        self.p = {}
        for gate in "zrh":
            self.p["W" + gate] = rng.uniform(-0.5, 0.5, (nh, nx))
            self.p["U" + gate] = rng.uniform(-0.5, 0.5, (nh, nh))
            self.p["b" + gate] = np.zeros(nh)

    @staticmethod
    def sigmoid(a):
        return 1.0 / (1.0 + np.exp(-a))

    def step(self, x, h):
        p = self.p
        z = self.sigmoid(p["Wz"] @ x + p["Uz"] @ h + p["bz"])
        r = self.sigmoid(p["Wr"] @ x + p["Ur"] @ h + p["br"])
        cand = np.tanh(p["Wh"] @ x + p["Uh"] @ (r * h) + p["bh"])
        return (1 - z) * h + z * cand


def gru_encoder(sequence, nh=6, seed=1, return_all=False):
    cell = GRUCell(sequence.shape[1], nh, seed)
    h = np.zeros(nh)
    states = []
    for x in sequence:
        h = cell.step(x, h)
        states.append(h)
        if not np.isfinite(h).all():
            raise FloatingPointError("state diverged")
    if return_all:
        return np.array(states)
    return h


def gru_encoder_cases(rng):
    bad = rng.normal(size=(6, 3))
    bad[3, 1] = np.nan
    return [
        (rng.normal(size=(30, 3)),),
        (rng.normal(size=(12, 2)), 4, 5, True),
        (np.zeros((0, 2)), 3),
        (bad,),
    ]


def attention_heads(x, wq, wk, wv, wo, heads=2, causal=True):
    n, d = x.shape
    dh = d // heads
    if d % heads:
        raise ValueError(f"{d} channels do not split into {heads} heads")
    outs, maps = [], {}
    for h in range(heads):
        s = slice(h * dh, (h + 1) * dh)
        q, k, v = x @ wq[:, s], x @ wk[:, s], x @ wv[:, s]
        score = q @ k.T / np.sqrt(dh)
        if causal:
            score[np.triu_indices(n, 1)] = -np.inf
        score -= score.max(axis=-1, keepdims=True)
        a = np.exp(score)
        a /= a.sum(axis=-1, keepdims=True)
        maps[f"head{h}"] = a
        outs.append(a @ v)
    y = np.concatenate(outs, axis=1) @ wo
    y += x
    mu = y.mean(-1, keepdims=True)
    sd = y.std(-1, keepdims=True)
    return (y - mu) / (sd + 1e-6), maps


def attention_heads_cases(rng):
    def ws(d, t=float):
        return [rng.normal(size=(d, d)).astype(t) for _ in range(4)]

    return [
        (rng.normal(size=(10, 8)), *ws(8)),
        (rng.normal(size=(5, 6)), *ws(6), 3, False),
        (rng.normal(size=(4, 6)).astype(np.float32), *ws(6, np.float32)),
        (rng.normal(size=(3, 5)), *ws(5)),
    ]


def conv2d_im2col_backward(x, w, stride=1, pad=1):
    """Loss is half the squared output; gradients by col2im."""
    n, c, hgt, wid = x.shape
    f, _, kh, kw = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    oh = (hgt + 2 * pad - kh) // stride + 1
    ow = (wid + 2 * pad - kw) // stride + 1
    cols = np.empty((n, c, kh, kw, oh, ow), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            cols[:, :, i, j] = xp[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride]
    cols2 = cols.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1)
    out = cols2 @ w.reshape(f, -1).T
    dw = (out.T @ cols2).reshape(w.shape)
    dcols = (out @ w.reshape(f, -1)).reshape(n, oh, ow, c, kh, kw).transpose(0, 3, 4, 5, 1, 2)
    dxp = np.zeros_like(xp)
    for i in range(kh):
        for j in range(kw):
            dxp[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride] += dcols[:, :, i, j]
    dx = dxp[:, :, pad : pad + hgt, pad : pad + wid] if pad else dxp
    return 0.5 * float((out**2).sum()), dx, dw


def conv2d_im2col_backward_cases(rng):
    return [
        (rng.normal(size=(2, 3, 8, 8)), rng.normal(size=(4, 3, 3, 3))),
        (rng.normal(size=(1, 1, 7, 5)).astype(np.float32), rng.normal(size=(2, 1, 3, 3)).astype(np.float32), 2, 0),
    ]


@dataclass
class TrainLog:
    loss: list = field(default_factory=list)
    accuracy: list = field(default_factory=list)
    best: float = np.inf
    best_epoch: int = -1

    def add(self, epoch, loss, acc):
        self.loss.append(loss)
        self.accuracy.append(acc)
        if loss < self.best:
            self.best, self.best_epoch = loss, epoch

    @property
    def stale(self):
        return len(self.loss) - 1 - self.best_epoch


def softmax_early_stopping(x, labels, classes, lr=0.5, patience=5, max_epochs=60):
    n, d = x.shape
    onehot = np.zeros((n, classes))
    onehot[np.arange(n), labels] = 1
    split = int(0.75 * n)
    params = {"W": np.zeros((d, classes)), "b": np.zeros(classes)}
    velocity = {k: np.zeros_like(v) for k, v in params.items()}
    log = TrainLog()
    best = None

    def predict(z):
        z = z @ params["W"] + params["b"]
        z = np.exp(z - z.max(axis=1, keepdims=True))
        return z / z.sum(axis=1, keepdims=True)

    for epoch in range(max_epochs):
        p = predict(x[:split])
        err = (p - onehot[:split]) / split
        grads = {"W": x[:split].T @ err, "b": err.sum(0)}
        for k in params:
            velocity[k] = 0.9 * velocity[k] - lr * grads[k]
            params[k] += velocity[k]
        pv = predict(x[split:])
        loss = -np.mean(np.log(pv[np.arange(n - split), labels[split:]] + 1e-12))
        log.add(epoch, loss, np.mean(pv.argmax(axis=1) == labels[split:]))
        if log.best_epoch == epoch:
            best = {k: v.copy() for k, v in params.items()}
        if log.stale >= patience:
            break
    return log.best, log.best_epoch, len(log.loss), best, log.accuracy


def softmax_early_stopping_cases(rng):
    def make(n, d, c):
        y = rng.integers(0, c, n)
        return rng.normal(size=(n, d)) + 2 * np.eye(c, d)[y], y, c

    return [make(80, 4, 3), (*make(24, 2, 2), 2.0, 2)]


# inference --------------------------------------------------------------------------------------------------------------
def hmc_leapfrog(data, n_samples, eps=0.05, steps=12, seed=7):
    rng = np.random.default_rng(seed)
    n, s, ss = len(data), data.sum(), (data**2).sum()

    def potential(q):
        mu, ls = q
        v = np.exp(2 * ls)
        return n * ls + 0.5 * (ss - 2 * mu * s + n * mu * mu) / v + 0.5 * mu**2 / 100 + 0.5 * ls**2

    def gradient(q):
        mu, ls = q
        v = np.exp(2 * ls)
        return np.array([(n * mu - s) / v + mu / 100, n - (ss - 2 * mu * s + n * mu * mu) / v + ls])

    q = np.array([data.mean(), np.log(data.std() + 1e-3)])
    chain, accepted, divergent = [], 0, []
    for it in range(n_samples):
        p0 = rng.standard_normal(2)
        q1, p = q.copy(), p0 - 0.5 * eps * gradient(q)
        for i in range(steps):
            q1 += eps * p
            if i != steps - 1:
                p -= eps * gradient(q1)
        p -= 0.5 * eps * gradient(q1)
        dh = potential(q) + 0.5 * p0 @ p0 - potential(q1) - 0.5 * p @ p
        if not np.isfinite(dh) or dh < -1000:
            divergent.append(it)
            continue
        if np.log(rng.random()) < dh:
            q = q1
            accepted += 1
        chain.append(q)
    return np.array(chain), accepted / max(1, n_samples), divergent


def hmc_leapfrog_cases(rng):
    return [(rng.normal(1.0, 2.0, 40), 60), (rng.normal(size=5), 10, 0.3, 4, 2)]


def gibbs_changepoint(counts, n_iter=100, burn=20, seed=3, a=2.0, b=1.0):
    rng = np.random.default_rng(seed)
    n = len(counts)
    if n < 3:
        raise ValueError("need at least three years")
    cum = np.concatenate([[0], np.cumsum(counts)])
    tau = n // 2
    trace = {"tau": [], "l1": [], "l2": []}
    for it in range(n_iter):
        l1 = rng.gamma(a + cum[tau], 1.0 / (b + tau))
        l2 = rng.gamma(a + cum[n] - cum[tau], 1.0 / (b + n - tau))
        logp = np.array([cum[t] * np.log(l1) - t * l1 + (cum[n] - cum[t]) * np.log(l2) - (n - t) * l2 for t in range(1, n)])
        prob = np.exp(logp - logp.max())
        prob /= prob.sum()
        tau = 1 + int(np.searchsorted(np.cumsum(prob), rng.random()))
        tau = min(tau, n - 1)
        if it >= burn:
            trace["tau"].append(tau)
            trace["l1"].append(l1)
            trace["l2"].append(l2)
    summary = {k: (np.mean(v), np.percentile(v, [5, 95])) for k, v in trace.items()}
    return summary, np.bincount(trace["tau"], minlength=n)


def gibbs_changepoint_cases(rng):
    return [
        (np.concatenate([rng.poisson(6, 20), rng.poisson(2, 15)]),),
        (rng.poisson(3, 8), 30, 0),
        (np.array([1, 2]),),
    ]


def ensemble_walkers(x, y, err, n_walkers=8, n_steps=30, stretch=2.0, seed=11):
    """Goodman & Weare for a straight line."""
    rng = np.random.default_rng(seed)

    def log_prob(theta):
        m, c, lnf = theta
        if not (-5 < m < 5 and -10 < c < 10 and -8 < lnf < 1):
            return -np.inf
        model = m * x + c
        s2 = err**2 + model**2 * np.exp(2 * lnf)
        return -0.5 * np.sum((y - model) ** 2 / s2 + np.log(s2))

    pos = np.array([0.5, 1.0, -2.0]) + 0.1 * rng.standard_normal((n_walkers, 3))
    lp = np.array([log_prob(p) for p in pos])
    chain = np.empty((n_steps, n_walkers, 3))
    accepts = np.zeros(n_walkers, dtype=int)
    for s in range(n_steps):
        for k in range(n_walkers):
            j = rng.integers(n_walkers - 1)
            if j >= k:
                j += 1
            z = ((stretch - 1.0) * rng.random() + 1) ** 2 / stretch
            prop = pos[j] + z * (pos[k] - pos[j])
            new = log_prob(prop)
            if np.log(rng.random()) < 2 * np.log(z) + new - lp[k]:
                pos[k] = prop
                lp[k] = new
                accepts[k] += 1
        chain[s] = pos
    best = np.unravel_index(0, (n_steps, n_walkers))
    return chain.reshape(-1, 3).mean(axis=0), accepts, lp.max(), best


def ensemble_walkers_cases(rng):
    x = np.sort(rng.uniform(0, 5, 25))
    return [
        (x, 0.7 * x + 1.2 + rng.normal(0, 0.3, 25), np.full(25, 0.3)),
        (x[:1], x[:1] * 2, np.ones(1), 4, 5),
    ]


# filters as classes -----------------------------------------------------------------------------------------------------
class KalmanTracker:
    """Constant velocity in the plane, gated measurements, missing ones as None."""

    def __init__(self, dt, q=0.1, r=0.5, gate=9.21):
        self.F = np.eye(4)
        self.F[0, 2] = self.F[1, 3] = dt
        self.H = np.zeros((2, 4))
        self.H[0, 0] = self.H[1, 1] = 1
        self.Q = q * np.diag([dt**3 / 3, dt**3 / 3, dt, dt])
        self.R = r * np.eye(2)
        self.x = None
        self.P = 10 * np.eye(4)
        self.gate = gate
        self.rejected = 0
        self.track = []

    def predict(self):
        self.x = self.F @ self.x
        self.P = self.F @ self.P @ self.F.T + self.Q

    def update(self, z):
        if self.x is None:
            self.x = np.array([z[0], z[1], 0.0, 0.0])
            return True
        nu = z - self.H @ self.x
        S = self.H @ self.P @ self.H.T + self.R
        if nu @ np.linalg.solve(S, nu) > self.gate:
            self.rejected += 1
            return False
        K = np.linalg.solve(S, self.H @ self.P).T
        self.x = self.x + K @ nu
        self.P = (np.eye(4) - K @ self.H) @ self.P
        return True


def track_with_none(measurements, dt=1.0):
    kf = KalmanTracker(dt)
    used = []
    for z in measurements:
        if kf.x is not None:
            kf.predict()
        if z is None:
            used.append(False)
        else:
            used.append(kf.update(z))
        if kf.x is not None:
            kf.track.append(kf.x[:2].copy())
    return np.array(kf.track), kf.rejected, used, np.trace(kf.P)


def track_with_none_cases(rng):
    path = np.cumsum(rng.normal(1, 0.2, (20, 2)), axis=0)
    first = [p + rng.normal(0, 0.5, 2) for p in path]
    first[7] = None
    first[12] = np.array([500.0, -300.0])
    return [(first,), ([None, None, np.array([1.0, 2.0])], 0.5), ([],)]


class ParticleFilter:
    def __init__(self, n, rng):
        self.rng = rng
        self.particles = rng.uniform(0, 10, (n, 2))
        self.weights = np.full(n, 1.0 / n)
        self.log = {"ess": [], "resampled": []}

    def move(self, control, noise):
        self.particles += control + self.rng.normal(0, noise, self.particles.shape)

    def weigh(self, ranges, landmarks, sigma):
        for lm, r in zip(landmarks, ranges):
            d = np.hypot(*(self.particles - lm).T)
            self.weights *= np.exp(-0.5 * ((d - r) / sigma) ** 2)
        self.weights += 1e-300
        self.weights /= self.weights.sum()

    def resample(self):
        n = len(self.weights)
        ess = 1.0 / np.sum(self.weights**2)
        self.log["ess"].append(ess)
        if ess < n / 2:
            positions = (np.arange(n) + self.rng.random()) / n
            idx = np.searchsorted(np.cumsum(self.weights), positions).clip(max=n - 1)
            self.particles = self.particles[idx]
            self.weights.fill(1.0 / n)
            self.log["resampled"].append(len(self.log["ess"]) - 1)


def localise_robot(controls, ranges, landmarks, n=100, seed=5):
    pf = ParticleFilter(n, np.random.default_rng(seed))
    estimates = []
    for u, r in zip(controls, ranges):
        pf.move(u, 0.1)
        pf.weigh(r, landmarks, 0.5)
        pf.resample()
        estimates.append(np.average(pf.particles, axis=0, weights=pf.weights))
    return np.array(estimates), pf.log


def localise_robot_cases(rng):
    lm = np.array([[0.0, 0.0], [10.0, 0.0], [5.0, 9.0]])
    u = np.full((15, 2), 0.3)
    pos = 2 + np.cumsum(u, axis=0)
    r = np.linalg.norm(pos[:, None] - lm[None], axis=2)
    return [(u, r, lm), (u[:1], r[:1], lm, 10, 1)]


def sliding_gate(stream, width=8, k=3.0):
    """Moving median and MAD over a deque; what is out goes to a list by its kind."""
    window = deque(maxlen=width)
    clean, out = [], defaultdict(list)
    for i, v in enumerate(stream):
        if np.isnan(v):
            out["missing"].append(i)
            continue
        if len(window) == width:
            med = np.median(window)
            mad = 1.4826 * np.median(np.abs(np.array(window) - med))
            if abs(v - med) > k * mad + 1e-9:
                out["high" if v > med else "low"].append(i)
                continue
        window.append(v)
        clean.append(float(v))
    return clean, dict(out), list(window)


def sliding_gate_cases(rng):
    x = rng.normal(size=60)
    x[[20, 41]] = 9.0, -12.0
    x[30] = np.nan
    return [(x,), (rng.normal(size=12).astype(np.float32), 4, 1.0), (np.array([]),)]


CASES = {
    train_regressor: train_regressor_cases,
    batchnorm_stream: batchnorm_stream_cases,
    gru_encoder: gru_encoder_cases,
    attention_heads: attention_heads_cases,
    conv2d_im2col_backward: conv2d_im2col_backward_cases,
    softmax_early_stopping: softmax_early_stopping_cases,
    hmc_leapfrog: hmc_leapfrog_cases,
    gibbs_changepoint: gibbs_changepoint_cases,
    ensemble_walkers: ensemble_walkers_cases,
    track_with_none: track_with_none_cases,
    localise_robot: localise_robot_cases,
    sliding_gate: sliding_gate_cases,
}
