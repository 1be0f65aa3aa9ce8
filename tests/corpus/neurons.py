"""Neuroscience: spiking cells and networks, plasticity, spike trains."""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


@dataclass
class LIFParams:
    tau: float = 20.0
    v_rest: float = -65.0
    v_reset: float = -70.0
    v_th: float = -50.0
    r: float = 10.0
    t_ref: float = 2.0


class SpikeTrain(NamedTuple):
    times: list
    count: int
    rate: float


def lif_single(current, dt=0.1, params=None):
    """Membrane potential and spikes of one leaky integrate-and-fire cell."""
    p = params or LIFParams()
    v = np.full(len(current), p.v_rest)
    refractory = 0.0
    spikes = []
    for t in range(1, len(current)):
        if refractory > 0:
            v[t] = p.v_reset
            refractory -= dt
            continue
        dv = (-(v[t - 1] - p.v_rest) + p.r * current[t]) / p.tau
        v[t] = v[t - 1] + dv * dt
        if v[t] >= p.v_th:
            v[t - 1] = 20.0
            v[t] = p.v_reset
            spikes.append(t * dt)
            refractory = p.t_ref
    duration = len(current) * dt
    return v, SpikeTrain(spikes, len(spikes), len(spikes) / duration * 1000 if duration else 0.0)


class LIFNetwork:
    """All-to-all network of cells with exponential synapses."""

    def __init__(self, weights, params=LIFParams(), tau_syn=5.0):
        n = weights.shape[0]
        if weights.shape != (n, n):
            raise ValueError("weights must be square")
        self.w = weights
        self.p = params
        self.tau_syn = tau_syn
        self.v = np.full(n, params.v_rest)
        self.i_syn = np.zeros(n)
        self.ref = np.zeros(n)
        self.t = 0.0

    def step(self, external, dt):
        active = self.ref <= 0
        self.v[active] += dt / self.p.tau * (self.p.v_rest - self.v[active] + self.p.r * (self.i_syn + external)[active])
        self.ref[~active] -= dt
        fired = self.v >= self.p.v_th
        self.v[fired] = self.p.v_reset
        self.ref[fired] = self.p.t_ref
        self.i_syn += -self.i_syn * dt / self.tau_syn + self.w @ fired
        self.t += dt
        return fired


def lif_network(weights, drive, steps, dt=0.5):
    """Raster of a network and its population rate."""
    net = LIFNetwork(weights)
    raster = np.zeros((steps, len(weights)), dtype=bool)
    for k in range(steps):
        raster[k] = net.step(drive, dt)
    rate = raster.mean(axis=1)
    return raster, rate, net.v, net.t


def izhikevich(n_exc, n_inh, steps, seed=0):
    """The thousand-cell script of 2003, smaller."""
    rng = np.random.default_rng(seed)
    re, ri = rng.random(n_exc), rng.random(n_inh)
    a = np.r_[0.02 * np.ones(n_exc), 0.02 + 0.08 * ri]
    b = np.r_[0.2 * np.ones(n_exc), 0.25 - 0.05 * ri]
    c = np.r_[-65 + 15 * re**2, -65 * np.ones(n_inh)]
    d = np.r_[8 - 6 * re**2, 2 * np.ones(n_inh)]
    s = np.c_[0.5 * rng.random((n_exc + n_inh, n_exc)), -rng.random((n_exc + n_inh, n_inh))]
    v = -65.0 * np.ones(n_exc + n_inh)
    u = b * v
    firings = []
    for t in range(steps):
        thalamic = np.r_[5 * rng.standard_normal(n_exc), 2 * rng.standard_normal(n_inh)]
        fired = np.where(v >= 30)[0]
        for j in fired:
            firings.append((t, int(j)))
        v[fired] = c[fired]
        u[fired] += d[fired]
        thalamic += s[:, fired].sum(axis=1)
        for _ in range(2):
            v += 0.5 * (0.04 * v**2 + 5 * v + 140 - u + thalamic)
        u += a * (b * v - u)
    return v, u, firings


def _rate_pair(v):
    am = 0.1 * (v + 40) / (1 - math.exp(-(v + 40) / 10)) if abs(v + 40) > 1e-7 else 1.0
    bm = 4 * math.exp(-(v + 65) / 18)
    ah = 0.07 * math.exp(-(v + 65) / 20)
    bh = 1 / (1 + math.exp(-(v + 35) / 10))
    an = 0.01 * (v + 55) / (1 - math.exp(-(v + 55) / 10)) if abs(v + 55) > 1e-7 else 0.1
    bn = 0.125 * math.exp(-(v + 65) / 80)
    return (am, bm), (ah, bh), (an, bn)


def hh_cable(n, stim, t_stop, dt=0.02, g_axial=2.0):
    """Compartments of Hodgkin–Huxley membrane coupled along a cable; when the spike passes each."""
    v = [-65.0] * n
    gates = [[0.05, 0.6, 0.32] for _ in range(n)]
    arrival = [None] * n
    steps = int(t_stop / dt)
    for k in range(steps):
        new = v[:]
        for c in range(n):
            m, h, g = gates[c]
            rates = _rate_pair(v[c])
            ionic = 120 * m**3 * h * (v[c] - 50) + 36 * g**4 * (v[c] + 77) + 0.3 * (v[c] + 54.387)
            axial = 0.0
            if c > 0:
                axial += g_axial * (v[c - 1] - v[c])
            if c < n - 1:
                axial += g_axial * (v[c + 1] - v[c])
            inject = stim if c == 0 and k * dt < 1.0 else 0.0
            new[c] = v[c] + dt * (inject + axial - ionic)
            for q, (alpha, beta) in enumerate(rates):
                gates[c][q] += dt * (alpha * (1 - gates[c][q]) - beta * gates[c][q])
            if arrival[c] is None and new[c] > 0:
                arrival[c] = k * dt
        v = new
    return np.array(v), arrival


def fitzhugh_nagumo(i_ext, t_max=100.0, dt=0.1, a=0.7, b=0.8, eps=0.08):
    """Trajectory, number of spikes and whether it came to rest."""
    n = int(round(t_max / dt))
    v, w = -1.0, -0.5
    traj = np.zeros((n, 2))
    spikes, above = 0, False
    for k in range(n):
        dv = v - v**3 / 3 - w + i_ext
        dw = eps * (v + a - b * w)
        v, w = v + dt * dv, w + dt * dw
        traj[k] = v, w
        if v > 1.0 and not above:
            spikes += 1
            above = True
        elif v < 0.0:
            above = False
    resting = bool(np.ptp(traj[-n // 4 :, 0]) < 1e-2)
    return traj, spikes, resting


def stdp_weights(pre, post, w0=0.5, a_plus=0.01, a_minus=0.012, tau=20.0, nearest=False):
    """Weight after pairs of spikes, bounded, with its history."""
    w = w0
    history = [w]
    for tp in post:
        pairs = [tp - t for t in pre]
        if nearest and pairs:
            pairs = [min(pairs, key=abs)]
        for delta in pairs:
            if delta > 0:
                w += a_plus * math.exp(-delta / tau)
            elif delta < 0:
                w -= a_minus * math.exp(delta / tau)
        w = min(1.0, max(0.0, w))
        history.append(w)
    return w, history


def stdp_traces(pre, post, steps, eta=0.05, tau_pre=10.0, tau_post=20.0):
    """Plasticity by traces on a matrix of synapses; the weights are written in place."""
    n_pre, n_post = pre.shape[1], post.shape[1]
    w = np.full((n_pre, n_post), 0.5)
    x, y = np.zeros(n_pre), np.zeros(n_post)
    for t in range(min(steps, len(pre))):
        x *= np.exp(-1 / tau_pre)
        y *= np.exp(-1 / tau_post)
        s, r = pre[t] > 0, post[t] > 0
        x[s] += 1
        y[r] += 1
        w[:, r] += eta * x[:, None] * (1 - w[:, r])
        w[s] -= eta * 0.5 * y[None, :] * w[s]
        np.clip(w, 0, 1, out=w)
    return w, x, y


def isi_statistics(spikes, bins=5):
    """CV, local variation, Fano factor and histogram of intervals."""
    spikes = np.sort(spikes)
    isi = np.diff(spikes)
    stats = {"n": len(spikes), "rate": 0.0, "cv": float("nan"), "lv": float("nan")}
    if len(isi) == 0:
        return stats, None
    stats["rate"] = len(isi) / (spikes[-1] - spikes[0])
    stats["cv"] = float(isi.std() / isi.mean())
    if len(isi) > 1:
        total = 0.0
        for a, b in zip(isi[:-1], isi[1:]):
            total += ((a - b) / (a + b)) ** 2
        stats["lv"] = 3 * total / (len(isi) - 1)
    hist, edges = np.histogram(isi, bins=bins)
    return stats, (hist, edges)


def spike_distance(a, b, cost=1.0):
    """Victor and Purpura's distance."""
    n, m = len(a), len(b)
    if cost == 0:
        return abs(n - m)
    g = np.zeros((n + 1, m + 1))
    g[:, 0] = np.arange(n + 1)
    g[0, :] = np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            g[i, j] = min(g[i - 1, j] + 1, g[i, j - 1] + 1, g[i - 1, j - 1] + cost * abs(a[i - 1] - b[j - 1]))
    return g[n, m]


def cross_correlogram(reference, target, window=50.0, width=5.0):
    """Counts of time differences, with a moving start index."""
    n_bins = int(2 * window / width)
    counts = np.zeros(n_bins, dtype=int)
    start = 0
    for t in reference:
        while start < len(target) and target[start] < t - window:
            start += 1
        j = start
        while j < len(target) and target[j] < t + window:
            counts[int((target[j] - t + window) // width)] += 1
            j += 1
    return counts


def poisson_raster(rates, duration, dt, rng, refractory=0.0):
    """Spike times of every cell, drawn interval by interval."""
    trains = defaultdict(list)
    for cell, rate in enumerate(rates):
        t = 0.0
        while rate > 0:
            t += refractory - math.log(1.0 - rng.random()) / rate
            if t >= duration:
                break
            trains[cell].append(t)
    raster = np.zeros((len(rates), int(duration / dt)), dtype=np.uint8)
    for cell in trains:
        for t in trains[cell]:
            raster[cell, min(int(t / dt), raster.shape[1] - 1)] = 1
    return raster, sum(len(v) for v in trains.values())


def hopfield(patterns, probe, sweeps=10, order=None):
    """Recall by asynchronous updates until nothing changes; the energies on the way."""
    n = patterns.shape[1]
    w = patterns.T @ patterns / n
    np.fill_diagonal(w, 0)
    state = probe.copy()
    order = range(n) if order is None else order
    energies = [-0.5 * state @ w @ state]
    for sweep in range(sweeps):
        changed = False
        for i in order:
            new = 1 if w[i] @ state >= 0 else -1
            if new != state[i]:
                state[i] = new
                changed = True
        energies.append(-0.5 * state @ w @ state)
        if not changed:
            break
    overlaps = patterns @ state / n
    return state, overlaps, energies, sweep


def receptive_field(stimulus, spikes, depth=5):
    """Spike-triggered average and the covariance's leading direction."""
    n, d = stimulus.shape
    total = np.zeros((depth, d))
    rows = []
    for t in range(depth - 1, n):
        if spikes[t] == 0:
            continue
        snippet = stimulus[t - depth + 1 : t + 1]
        total += spikes[t] * snippet
        rows.append(snippet.ravel())
    count = spikes[depth - 1 :].sum()
    if count == 0:
        return total, None
    sta = total / count
    cov = np.cov(np.array(rows).T) if len(rows) > 1 else np.eye(depth * d)
    values, vectors = np.linalg.eigh(np.atleast_2d(cov))
    return sta, values[-1]


def wilson_cowan(p, q, t_max=50.0, dt=0.1, **overrides):
    """Excitatory and inhibitory populations; weights by keyword."""
    par = dict(wee=16.0, wei=12.0, wie=15.0, wii=3.0, te=1.0, ti=2.0)
    par.update(overrides)

    def s(x, a, theta):
        return 1 / (1 + np.exp(-a * (x - theta))) - 1 / (1 + np.exp(a * theta))

    n = int(t_max / dt)
    e, i = np.zeros(n + 1), np.zeros(n + 1)
    e[0], i[0] = 0.1, 0.05
    for k in range(n):
        de = -e[k] + (1 - e[k]) * s(par["wee"] * e[k] - par["wei"] * i[k] + p, 1.3, 4.0)
        di = -i[k] + (1 - i[k]) * s(par["wie"] * e[k] - par["wii"] * i[k] + q, 2.0, 3.7)
        e[k + 1] = e[k] + dt * de / par["te"]
        i[k + 1] = i[k] + dt * di / par["ti"]
    return e, i, (e[n // 2 :].max() - e[n // 2 :].min())


CASES = {
    lif_single: lambda rng: [
        (rng.uniform(1.0, 3.0, 800),),
        (np.full(200, 5.0, np.float32), 0.5, LIFParams(tau=10.0)),
        (np.zeros(5),),
        ([],),
    ],
    lif_network: lambda rng: [
        (rng.normal(0, 1.5, (12, 12)), rng.uniform(1.0, 3.0, 12), 120),
        (np.zeros((2, 2)), np.array([0, 5]), 20, 1.0),
        (np.zeros((2, 3)), 1.0, 3),
        (np.ones((1, 1)), np.array([9.0]), 0),
    ],
    izhikevich: lambda rng: [(16, 4, 60), (3, 0, 10, 1), (1, 1, 0)],
    hh_cable: lambda rng: [(4, 60.0, 8.0), (1, 30, 2.0, 0.05), (2, 0.0, 0.1)],
    fitzhugh_nagumo: lambda rng: [(0.5,), (0, 30.0, 0.2), (1.5, 0.4, 0.1)],
    stdp_weights: lambda rng: [
        (np.sort(rng.uniform(0, 500, 20)), np.sort(rng.uniform(0, 500, 25))),
        ([10.0, 30.0], [12.0, 25.0], 0.2, 0.1, 0.1, 10.0, True),
        ([], [1.0, 2.0]),
        (np.array([1, 2, 3]), np.array([2, 3])),
    ],
    stdp_traces: lambda rng: [
        (rng.random((80, 6)) < 0.2, rng.random((80, 4)) < 0.2, 80),
        (np.eye(3, dtype=int), np.ones((3, 2), int), 10),
        (np.zeros((0, 2)), np.zeros((0, 2)), 5),
    ],
    isi_statistics: lambda rng: [
        (rng.uniform(0, 100, 50),),
        (np.array([3.0, 1.0, 2.0], np.float32), 3),
        ([5],),
        (np.array([1, 4]),),
    ],
    spike_distance: lambda rng: [
        (np.sort(rng.uniform(0, 10, 20)), np.sort(rng.uniform(0, 10, 24))),
        ([1.0, 2.0], [], 0.5),
        ([1, 2, 3], [1], 0),
        (np.array([1.0], np.float32), np.array([1.25], np.float32), 3),
    ],
    cross_correlogram: lambda rng: [
        (np.sort(rng.uniform(0, 1000, 80)), np.sort(rng.uniform(0, 1000, 90))),
        ([10.0], [5.0, 12.0, 300.0], 10.0, 1.0),
        (np.zeros(0), np.ones(3)),
    ],
    poisson_raster: lambda rng: [
        ([10.0, 0.0, 30.0], 2.0, 0.01, np.random.default_rng(3)),
        (np.array([5.0]), 1.0, 0.1, np.random.default_rng(4), 0.05),
        ([], 1.0, 0.1, np.random.default_rng(5)),
    ],
    hopfield: lambda rng: [
        (np.sign(rng.normal(size=(3, 24))), np.sign(rng.normal(size=24))),
        (np.array([[1, -1, 1, -1]]), np.array([1, -1, -1, -1]), 3, [3, 2, 1, 0]),
        (np.ones((1, 2)), np.array([-1.0, 1.0]), 1),
        (np.ones((1, 2)), np.ones(2), 0),
    ],
    receptive_field: lambda rng: [
        (rng.normal(size=(60, 3)), rng.poisson(0.5, 60)),
        (rng.normal(size=(10, 1)), np.zeros(10, int), 2),
        (np.ones((4, 2)), np.array([0, 0, 1, 0]), 2),
    ],
    wilson_cowan: lambda rng: [(1.25, 0.0), (0, 0, 5.0, 0.5), (2.0, 0.5, 3.0, 0.1)],
}
