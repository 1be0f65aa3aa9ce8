"""Estimation, search and control as theses and their repositories have it: filters, swarms, samplers, portfolios, pilots."""

from __future__ import annotations

import copy
import math

import numpy as np


# search without gradients -----------------------------------------------------------------------------------------------
def cma_es(f, xmean, sigma=0.3, stopeval=400, seed=0, stopfitness=1e-10):
    """Covariance matrix adaptation, line for line after the 100-line program of its author."""
    rng = np.random.default_rng(seed)
    N = len(xmean)
    xmean = np.array(xmean, dtype=float)
    lam = 4 + int(3 * np.log(N))
    mu = lam // 2
    weights = np.log(lam / 2 + 0.5) - np.log(np.arange(1, mu + 1))
    weights = weights / weights.sum()
    mueff = weights.sum() ** 2 / (weights**2).sum()
    cc = (4 + mueff / N) / (N + 4 + 2 * mueff / N)
    cs = (mueff + 2) / (N + mueff + 5)
    c1 = 2 / ((N + 1.3) ** 2 + mueff)
    cmu = min(1 - c1, 2 * (mueff - 2 + 1 / mueff) / ((N + 2) ** 2 + mueff))
    damps = 1 + 2 * max(0, np.sqrt((mueff - 1) / (N + 1)) - 1) + cs
    pc, ps = np.zeros(N), np.zeros(N)
    B, D, C = np.eye(N), np.ones(N), np.eye(N)
    invsqrtC = np.eye(N)
    eigeneval, counteval = 0, 0
    chiN = N**0.5 * (1 - 1 / (4 * N) + 1 / (21 * N**2))
    best = []
    while counteval < stopeval:
        arx, arfitness = np.zeros((lam, N)), np.zeros(lam)
        for k in range(lam):
            arx[k] = xmean + sigma * B @ (D * rng.standard_normal(N))
            arfitness[k] = f(arx[k])
            counteval += 1
        arindex = np.argsort(arfitness)
        arfitness = arfitness[arindex]
        xold = xmean
        xmean = weights @ arx[arindex[:mu]]
        ps = (1 - cs) * ps + np.sqrt(cs * (2 - cs) * mueff) * invsqrtC @ (xmean - xold) / sigma
        hsig = np.linalg.norm(ps) / np.sqrt(1 - (1 - cs) ** (2 * counteval / lam)) / chiN < 1.4 + 2 / (N + 1)
        pc = (1 - cc) * pc + hsig * np.sqrt(cc * (2 - cc) * mueff) * (xmean - xold) / sigma
        artmp = (arx[arindex[:mu]] - xold) / sigma
        C = (
            (1 - c1 - cmu) * C
            + c1 * (np.outer(pc, pc) + (1 - hsig) * cc * (2 - cc) * C)
            + cmu * artmp.T @ np.diag(weights) @ artmp
        )
        sigma = sigma * np.exp((cs / damps) * (np.linalg.norm(ps) / chiN - 1))
        if counteval - eigeneval > lam / (c1 + cmu) / N / 10:
            eigeneval = counteval
            C = np.triu(C) + np.triu(C, 1).T
            D2, B = np.linalg.eigh(C)
            D = np.sqrt(D2)
            invsqrtC = B @ np.diag(1 / D) @ B.T
        best.append(arfitness[0])
        if arfitness[0] <= stopfitness:
            break
    return best, counteval, np.diag(C).sum() > 0


class SwarmParticle:
    def __init__(self, x0, rng):
        self.rng = rng
        self.position_i = []
        self.velocity_i = []
        self.pos_best_i = []
        self.err_best_i = -1
        self.err_i = -1
        for i in range(len(x0)):
            self.velocity_i.append(rng.uniform(-1, 1))
            self.position_i.append(x0[i])

    def evaluate(self, costFunc):
        self.err_i = costFunc(self.position_i)
        if self.err_i < self.err_best_i or self.err_best_i == -1:
            self.pos_best_i = self.position_i.copy()
            self.err_best_i = self.err_i

    def update_velocity(self, pos_best_g):
        w, c1, c2 = 0.5, 1, 2
        for i in range(len(self.position_i)):
            r1, r2 = self.rng.random(), self.rng.random()
            vel_cognitive = c1 * r1 * (self.pos_best_i[i] - self.position_i[i])
            vel_social = c2 * r2 * (pos_best_g[i] - self.position_i[i])
            self.velocity_i[i] = w * self.velocity_i[i] + vel_cognitive + vel_social

    def update_position(self, bounds):
        for i in range(len(self.position_i)):
            self.position_i[i] = self.position_i[i] + self.velocity_i[i]
            if self.position_i[i] > bounds[i][1]:
                self.position_i[i] = bounds[i][1]
            if self.position_i[i] < bounds[i][0]:
                self.position_i[i] = bounds[i][0]


def _sphere(x):
    total = 0
    for v in x:
        total += v**2
    return total


def _rastrigin(x):
    return 10 * len(x) + sum(v * v - 10 * math.cos(2 * math.pi * v) for v in x)


def _rosen(x):
    x = np.asarray(x)
    return float(np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))


def particle_swarm(cost, x0, bounds, num_particles=15, maxiter=30, seed=0):
    """A swarm of objects whose coordinates are lists, as in the gist that most people start from."""
    rng = np.random.default_rng(seed)
    err_best_g, pos_best_g = -1, []
    swarm = [SwarmParticle(x0, rng) for _ in range(num_particles)]
    for _ in range(maxiter):
        for particle in swarm:
            particle.evaluate(cost)
            if particle.err_i < err_best_g or err_best_g == -1:
                pos_best_g = list(particle.position_i)
                err_best_g = float(particle.err_i)
        for particle in swarm:
            particle.update_velocity(pos_best_g)
            particle.update_position(bounds)
    return pos_best_g, err_best_g


def _dominates(a, b):
    return np.all(a <= b) and np.any(a < b)


def nsga2_fronts(objectives):
    """Fast sorting into fronts that do not dominate one another, and the crowding distance of each point."""
    n, m = objectives.shape
    S = [[] for _ in range(n)]
    count = np.zeros(n, dtype=int)
    rank = np.full(n, -1)
    fronts = [[]]
    for p in range(n):
        for q in range(n):
            if _dominates(objectives[p], objectives[q]):
                S[p].append(q)
            elif _dominates(objectives[q], objectives[p]):
                count[p] += 1
        if count[p] == 0:
            rank[p] = 0
            fronts[0].append(p)
    i = 0
    while fronts[i]:
        following = []
        for p in fronts[i]:
            for q in S[p]:
                count[q] -= 1
                if count[q] == 0:
                    rank[q] = i + 1
                    following.append(q)
        i += 1
        fronts.append(following)
    del fronts[-1]
    distance = np.zeros(n)
    for front in fronts:
        for k in range(m):
            order = sorted(front, key=lambda p: objectives[p, k])
            distance[order[0]] = distance[order[-1]] = np.inf
            span = objectives[order[-1], k] - objectives[order[0], k]
            if span == 0:
                continue
            for j in range(1, len(order) - 1):
                distance[order[j]] += (objectives[order[j + 1], k] - objectives[order[j - 1], k]) / span
    return fronts, rank, distance


def natural_evolution(f, w, npop=50, sigma=0.1, alpha=0.001, iterations=100, seed=0):
    """Natural evolution strategies in a dozen lines, with the mean and the spread of the rewards."""
    rng = np.random.default_rng(seed)
    w = w.copy()
    curve = []
    for i in range(iterations):
        N = rng.standard_normal((npop, w.size))
        R = np.zeros(npop)
        for j in range(npop):
            w_try = w + sigma * N[j]
            R[j] = -f(w_try)
        if R.std() == 0:
            return w, curve
        A = (R - np.mean(R)) / np.std(R)
        w = w + alpha / (npop * sigma) * np.dot(N.T, A)
        if i % 10 == 0:
            curve.append((i, float(R.mean()), float(-f(w))))
    return w, curve


# optimisation with multipliers ------------------------------------------------------------------------------------------
def _shrinkage(x, kappa):
    return np.maximum(0, x - kappa) - np.maximum(0, -x - kappa)


def admm_lasso(A, b, lambd, rho=1.0, alpha=1.6, max_iter=100, abstol=1e-4, reltol=1e-2, quiet=True):
    """The lasso by the alternating direction method of multipliers, after the script that goes with the monograph."""
    m, n = A.shape
    Atb = A.T @ b
    x, z, u = np.zeros(n), np.zeros(n), np.zeros(n)
    if m >= n:
        L = np.linalg.cholesky(A.T @ A + rho * np.eye(n))
    else:
        L = np.linalg.cholesky(np.eye(m) + (1 / rho) * (A @ A.T))
    U = L.T
    history = {"objval": [], "r_norm": [], "s_norm": [], "eps_pri": [], "eps_dual": []}
    for k in range(max_iter):
        q = Atb + rho * (z - u)
        if m >= n:
            x = np.linalg.solve(U, np.linalg.solve(L, q))
        else:
            x = q / rho - (A.T @ np.linalg.solve(U, np.linalg.solve(L, A @ q))) / rho**2
        zold = z
        x_hat = alpha * x + (1 - alpha) * zold
        z = _shrinkage(x_hat + u, lambd / rho)
        u = u + (x_hat - z)
        history["objval"].append(0.5 * np.sum((A @ x - b) ** 2) + lambd * np.linalg.norm(z, 1))
        history["r_norm"].append(np.linalg.norm(x - z))
        history["s_norm"].append(np.linalg.norm(-rho * (z - zold)))
        history["eps_pri"].append(np.sqrt(n) * abstol + reltol * max(np.linalg.norm(x), np.linalg.norm(-z)))
        history["eps_dual"].append(np.sqrt(n) * abstol + reltol * np.linalg.norm(rho * u))
        if not quiet:
            print(f"{k:3d}\t{history['r_norm'][k]:10.4f}\t{history['objval'][k]:10.2f}")
        if history["r_norm"][k] < history["eps_pri"][k] and history["s_norm"][k] < history["eps_dual"][k]:
            break
    return z, history


def _numerical_gradient(f, x, eps=1e-6):
    g = np.zeros_like(x)
    for i in range(x.size):
        step = np.zeros_like(x)
        step[i] = eps
        g[i] = (f(x + step) - f(x - step)) / (2 * eps)
    return g


def _descend(f, x, max_iter=60, tol=1e-5):
    g = _numerical_gradient(f, x)
    H = np.eye(x.size)
    for _ in range(max_iter):
        if np.linalg.norm(g) < tol:
            break
        p = -H @ g
        if g @ p > 0:
            H, p = np.eye(x.size), -g
        t, fx = 1.0, f(x)
        while f(x + t * p) > fx + 1e-4 * t * (g @ p):
            t *= 0.5
            if t < 1e-10:
                return x
        s = t * p
        g_new = _numerical_gradient(f, x + s)
        y = g_new - g
        sy = s @ y
        if sy > 1e-10:
            rho = 1.0 / sy
            V = np.eye(x.size) - rho * np.outer(s, y)
            H = V @ H @ V.T + rho * np.outer(s, s)
        x, g = x + s, g_new
    return x


def augmented_lagrangian(f, constraints, x0, mu=10.0, outer=6, tol=1e-4):
    """Equality constraints by multipliers and a quadratic penalty, the inner problems by BFGS on differences."""
    x = np.array(x0, dtype=float)
    lam = np.zeros(len(constraints))
    trace = []
    for _ in range(outer):

        def lagrangian(z):
            c = np.array([h(z) for h in constraints])
            return f(z) + lam @ c + 0.5 * mu * (c @ c)

        x = _descend(lagrangian, x)
        c = np.array([h(x) for h in constraints])
        violation = np.abs(c).max()
        trace.append((f(x), violation))
        if violation < tol:
            break
        lam = lam + mu * c
        if len(trace) > 1 and violation > 0.25 * trace[-2][1]:
            mu *= 5.0
    return x, lam, trace


# samplers ---------------------------------------------------------------------------------------------------------------
class EnsembleSampler:
    """Goodman and Weare's stretch move, walkers in two halves."""

    def __init__(self, nwalkers, ndim, log_prob, args=(), a=2.0, seed=0):
        self.nwalkers, self.ndim, self.log_prob, self.args, self.a = nwalkers, ndim, log_prob, args, a
        self.rng = np.random.default_rng(seed)
        self.chain = []
        self.naccepted = np.zeros(nwalkers)

    def _compute(self, p):
        return np.array([self.log_prob(row, *self.args) for row in p])

    def sample(self, p0, iterations):
        p = p0.copy()
        lp = self._compute(p)
        half = self.nwalkers // 2
        for _ in range(iterations):
            for first in (True, False):
                S = np.arange(half) if first else np.arange(half, self.nwalkers)
                other = np.arange(half, self.nwalkers) if first else np.arange(half)
                zz = ((self.a - 1.0) * self.rng.random(len(S)) + 1) ** 2 / self.a
                rint = self.rng.integers(len(other), size=len(S))
                q = p[other[rint]] - zz[:, None] * (p[other[rint]] - p[S])
                newlp = self._compute(q)
                lnpdiff = (self.ndim - 1.0) * np.log(zz) + newlp - lp[S]
                accept = lnpdiff > np.log(self.rng.random(len(S)))
                p[S[accept]] = q[accept]
                lp[S[accept]] = newlp[accept]
                self.naccepted[S[accept]] += 1
            self.chain.append(p.copy())
        return p, lp

    @property
    def acceptance_fraction(self):
        return self.naccepted / len(self.chain)

    def get_chain(self, discard=0, flat=False):
        chain = np.array(self.chain[discard:])
        return chain.reshape(-1, self.ndim) if flat else chain


def _line_log_prob(theta, x, y, yerr):
    m, b, log_f = theta
    if not (-5.0 < m < 5.0 and -10.0 < b < 10.0 and -10.0 < log_f < 1.0):
        return -np.inf
    model = m * x + b
    sigma2 = yerr**2 + model**2 * np.exp(2 * log_f)
    return -0.5 * np.sum((y - model) ** 2 / sigma2 + np.log(sigma2))


def ensemble_line_fit(x, y, yerr, nwalkers=16, steps=30, seed=2):
    """A line with underestimated errors: quantiles of the three parameters."""
    rng = np.random.default_rng(seed)
    p0 = np.array([1.0, 0.0, -1.0]) + 1e-2 * rng.standard_normal((nwalkers, 3))
    sampler = EnsembleSampler(nwalkers, 3, _line_log_prob, args=(x, y, yerr), seed=seed)
    sampler.sample(p0, steps)
    flat = sampler.get_chain(discard=steps // 3, flat=True)
    return np.percentile(flat, [16, 50, 84], axis=0), sampler.acceptance_fraction.mean()


class Source:
    """A point of the prior's square and where it lies on the plane, for nested sampling."""

    def __init__(self, rng):
        self.u, self.v = rng.random(), rng.random()
        self.logL, self.logWt = 0.0, 0.0
        self.locate()

    def locate(self):
        self.x = 4.0 * self.u - 2.0
        self.y = 2.0 * self.v


def _lighthouse_logl(x, y, D):
    logL = 0.0
    for d in D:
        logL += math.log((y / math.pi) / ((d - x) * (d - x) + y * y))
    return logL


def _logaddexp(x, y):
    return x + math.log1p(math.exp(y - x)) if x > y else y + math.log1p(math.exp(x - y))


def nested_lighthouse(D, n=12, iterations=60, seed=0):
    """Skilling's lighthouse: nested sampling with objects that are explored, copied and replaced."""
    rng = np.random.default_rng(seed)
    obj = [Source(rng) for _ in range(n)]
    for o in obj:
        o.logL = _lighthouse_logl(o.x, o.y, D)
    samples = []
    H, logZ = 0.0, -1e300
    logwidth = math.log(1.0 - math.exp(-1.0 / n))
    for _ in range(iterations):
        worst = min(range(n), key=lambda i: obj[i].logL)
        obj[worst].logWt = logwidth + obj[worst].logL
        logZnew = _logaddexp(logZ, obj[worst].logWt)
        H = math.exp(obj[worst].logWt - logZnew) * obj[worst].logL + math.exp(logZ - logZnew) * (H + logZ) - logZnew
        logZ = logZnew
        samples.append(copy.copy(obj[worst]))
        other = int(rng.integers(n))
        while other == worst and n > 1:
            other = int(rng.integers(n))
        logLstar = obj[worst].logL
        obj[worst] = copy.copy(obj[other])
        step, accept, reject = 0.1, 0, 0
        for _ in range(20):
            new = copy.copy(obj[worst])
            new.u += step * (2.0 * rng.random() - 1.0)
            new.v += step * (2.0 * rng.random() - 1.0)
            new.u -= math.floor(new.u)
            new.v -= math.floor(new.v)
            new.locate()
            new.logL = _lighthouse_logl(new.x, new.y, D)
            if new.logL > logLstar:
                obj[worst] = new
                accept += 1
            else:
                reject += 1
            if accept > reject:
                step *= math.exp(1.0 / accept)
            elif accept < reject:
                step /= math.exp(1.0 / reject)
        logwidth -= 1.0 / n
    x = y = 0.0
    for s in samples:
        w = math.exp(s.logWt - logZ)
        x += w * s.x
        y += w * s.y
    return logZ, H, (x, y)


def spike_and_slab(X, y, sweeps=30, tau2=1.0, prior=0.3, seed=0):
    """Gibbs sampling over which features matter, one at a time; how often each was in."""
    rng = np.random.default_rng(seed)
    n, p = X.shape
    beta, gamma, sigma2 = np.zeros(p), np.zeros(p, dtype=bool), 1.0
    resid = y - X @ beta
    xtx = (X**2).sum(axis=0)
    counts, draws = np.zeros(p), []
    for sweep in range(sweeps):
        for j in rng.permutation(p):
            resid += X[:, j] * beta[j]
            v = 1.0 / (xtx[j] / sigma2 + 1.0 / tau2)
            m = v * (X[:, j] @ resid) / sigma2
            log_odds = 0.5 * np.log(v / tau2) + 0.5 * m * m / v + np.log(prior / (1 - prior))
            if rng.random() < 1.0 / (1.0 + np.exp(-np.clip(log_odds, -500, 500))):
                gamma[j] = True
                beta[j] = m + np.sqrt(v) * rng.standard_normal()
            else:
                gamma[j] = False
                beta[j] = 0.0
            resid -= X[:, j] * beta[j]
        sigma2 = 1.0 / rng.gamma(1.0 + n / 2, 1.0 / (1.0 + 0.5 * resid @ resid))
        if sweep >= sweeps // 2:
            counts += gamma
            draws.append(sigma2)
    return counts / max(len(draws), 1), beta, float(np.mean(draws))


def _line(rng, n):
    x = np.sort(10 * rng.random(n))
    yerr = 0.1 + 0.3 * rng.random(n)
    return x, -0.9 * x + 4.3 + yerr * rng.standard_normal(n), yerr


def _sparse(rng, n, p):
    X = rng.normal(size=(n, p))
    return X, X[:, 0] * 2 - X[:, min(2, p - 1)] + 0.5 * rng.normal(size=n)


CASES = {
    cma_es: lambda rng: [
        (_sphere, [0.5, -0.3, 0.2, 0.9], 0.3, 160),
        (_rosen, np.array([0.1, 0.2]), 0.5, 60, 3),
        (_rastrigin, [0.3, 0.4, -0.1], 0.2, 70, 1, 5.0),
    ],
    particle_swarm: lambda rng: [
        (_rastrigin, [5, 5], [(-10, 10), (-10, 10)], 4, 4),
        (_sphere, [3.0, -1.0, 2.5], [(-5, 5), (-5, 5), (0, 3)], 2, 3, 4),
        (_rosen, [1.5, 1.5], [(-2, 2), (-2, 2)], 3, 2),
    ],
    nsga2_fronts: lambda rng: [
        (rng.random((30, 2)),),
        (np.ones((30, 2)),),
        (rng.random((30, 2)).astype(np.float32),),
    ],
    natural_evolution: lambda rng: [
        (_rosen, rng.normal(size=4), 30, 0.1, 0.01, 40),
        (_sphere, np.array([0.5, 0.1, -0.3]), 10, 0.1, 0.02, 12),
        (lambda w: 1.0, np.zeros(2)),
    ],
    admm_lasso: lambda rng: [
        (rng.normal(size=(60, 30)), rng.normal(size=60), 2.0),
        (rng.normal(size=(15, 40)), rng.normal(size=15), 0.5, 1.0, 1.0, 25),
        (rng.normal(size=(10, 4)), rng.normal(size=10), 0.1, 2.0, 1.8, 5, 1e-4, 1e-2, False),
    ],
    augmented_lagrangian: lambda rng: [
        (lambda z: (z[0] - 2) ** 2 + (z[1] - 1) ** 2, [lambda z: z[0] - 2 * z[1] + 1], [0.0, 0.0]),
        (_sphere, [lambda z: z.sum() - 1, lambda z: z[0] * z[1] - 0.05], [0.6, 0.2, 0.3]),
        (lambda z: np.exp(z[0]) + z[1] ** 2, [lambda z: z[0] + z[1] - 1], [1, 1], 1.0, 3),
    ],
    ensemble_line_fit: lambda rng: [
        (*_line(rng, 40),),
        (*_line(rng, 10), 8, 12, 5),
        (*_line(rng, 20), 6, 5),
    ],
    nested_lighthouse: lambda rng: [
        (np.array([4.73, 0.45, -1.73, 1.09, 2.19, 0.12, 1.31, 1.00, 1.32, 1.07, 0.86, -0.49]),),
        ([1.0, -0.5, 0.25], 5, 15, 3),
        (rng.standard_cauchy(8), 8, 20, 1),
    ],
    spike_and_slab: lambda rng: [
        (*_sparse(rng, 60, 12),),
        (*_sparse(rng, 20, 3), 10, 4.0, 0.5, 1),
        (*_sparse(rng, 9, 6), 8),
    ],
}
