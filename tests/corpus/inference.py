"""Statistics and learning."""

import math

import numpy as np


def kmeans(X, k, max_iter=50):
    centres = X[:k].copy()
    labels = np.zeros(len(X), dtype=int)
    for it in range(max_iter):
        for i in range(len(X)):
            best = np.inf
            for c in range(k):
                d = np.sum((X[i] - centres[c]) ** 2)
                if d < best:
                    best = d
                    labels[i] = c
        new = centres.copy()
        for c in range(k):
            members = X[labels == c]
            if len(members):
                new[c] = members.mean(axis=0)
        if np.allclose(new, centres):
            break
        centres = new
    return centres, labels, it


def kmeans_broadcast(X, centres, iterations):
    for _ in range(iterations):
        d = ((X[:, None, :] - centres[None]) ** 2).sum(-1)
        labels = d.argmin(1)
        onehot = (labels[:, None] == np.arange(len(centres))).astype(X.dtype)
        counts = onehot.sum(0)
        centres = (onehot.T @ X) / np.maximum(counts, 1)[:, None]
    return centres, labels


def em_gaussians(x, k, iterations):
    """A mixture of normal distributions in one dimension."""
    n = x.size
    weights = np.ones(k) / k
    means = np.linspace(x.min(), x.max(), k)
    variances = np.full(k, x.var())
    log_likelihood = []
    resp = np.zeros((n, k))
    for _ in range(iterations):
        for j in range(k):
            resp[:, j] = weights[j] * np.exp(-0.5 * (x - means[j]) ** 2 / variances[j]) / np.sqrt(2 * np.pi * variances[j])
        total = resp.sum(axis=1, keepdims=True)
        log_likelihood.append(np.log(total).sum())
        resp /= total
        nk = resp.sum(axis=0)
        weights = nk / n
        means = resp.T @ x / nk
        variances = np.array([resp[:, j] @ (x - means[j]) ** 2 / nk[j] for j in range(k)]) + 1e-9
    return weights, means, variances, log_likelihood


def logistic_regression(X, y, lr=0.1, epochs=100, l2=0.0):
    w = np.zeros(X.shape[1])
    b = 0.0
    losses = np.zeros(epochs)
    for epoch in range(epochs):
        p = 1 / (1 + np.exp(-(X @ w + b)))
        losses[epoch] = -np.mean(y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12))
        w -= lr * (X.T @ (p - y) / len(y) + l2 * w)
        b -= lr * np.mean(p - y)
    return w, b, losses


def perceptron(X, y, epochs):
    w = np.zeros(X.shape[1] + 1)
    errors = 0
    for _ in range(epochs):
        errors = 0
        for xi, target in zip(X, y):
            predicted = 1 if np.dot(xi, w[1:]) + w[0] >= 0.0 else -1
            update = 0.1 * (target - predicted)
            w[1:] += update * xi
            w[0] += update
            errors += int(update != 0.0)
        if errors == 0:
            return w, True
    return w, False


def kalman_1d(z, q, r, x0=0.0, p0=1.0):
    n = len(z)
    xhat = np.zeros(n)
    P = np.zeros(n)
    x, p = x0, p0
    for k in range(n):
        p = p + q
        gain = p / (p + r)
        x = x + gain * (z[k] - x)
        p = (1 - gain) * p
        xhat[k] = x
        P[k] = p
    return xhat, P


def kalman_matrix(zs, F, H, Q, R):
    """Constant-velocity tracking; missing measurements are NaN."""
    x = np.zeros((F.shape[0], 1))
    P = np.eye(F.shape[0]) * 100.0
    out = []
    for z in zs:
        x = F @ x
        P = F @ P @ F.T + Q
        if not np.isnan(z):
            S = H @ P @ H.T + R
            K = P @ H.T @ np.linalg.inv(S)
            x = x + K @ (z - H @ x)
            P = (np.eye(len(x)) - K @ H) @ P
        out.append(x[:, 0])
    return np.array(out)


def bootstrap_interval(x, replicates, alpha, seed):
    rng = np.random.default_rng(seed)
    means = np.empty(replicates)
    for b in range(replicates):
        sample = x[rng.integers(0, len(x), len(x))]
        means[b] = sample.mean()
    means.sort()
    return means[int(alpha / 2 * replicates)], means[int((1 - alpha / 2) * replicates)]


def welford(x):
    count = 0
    mean = 0.0
    m2 = 0.0
    for value in x:
        count += 1
        delta = value - mean
        mean += delta / count
        m2 += delta * (value - mean)
    if count < 2:
        return mean, float("nan")
    return mean, m2 / (count - 1)


def kde(points, samples, bandwidth=None):
    if bandwidth is None:
        bandwidth = 1.06 * samples.std() * len(samples) ** (-1 / 5)
    density = np.zeros(len(points))
    for i, p in enumerate(points):
        u = (p - samples) / bandwidth
        density[i] = np.exp(-0.5 * u**2).sum()
    return density / (len(samples) * bandwidth * math.sqrt(2 * math.pi))


def histogram(x, bins, low, high):
    """Counts, underflow and overflow."""
    counts = np.zeros(bins, dtype=int)
    under = over = 0
    width = (high - low) / bins
    for v in x:
        if v < low:
            under += 1
        elif v >= high:
            over += 1
        else:
            counts[int((v - low) / width)] += 1
    return counts, under, over


def pca_power(X, components, iterations=50):
    """Leading directions by power iteration with deflation."""
    Xc = X - X.mean(axis=0)
    C = Xc.T @ Xc / (len(X) - 1)
    vectors = np.zeros((components, X.shape[1]))
    values = np.zeros(components)
    for c in range(components):
        v = np.ones(X.shape[1]) / np.sqrt(X.shape[1])
        for _ in range(iterations):
            v = C @ v
            v /= np.sqrt((v * v).sum())
        values[c] = v @ C @ v
        vectors[c] = v
        C -= values[c] * np.outer(v, v)
    return values, vectors


def linear_regression(x, y):
    """Normal equations, residuals, R² and standard errors."""
    X = np.column_stack([np.ones(len(x)), x])
    XtX = X.T @ X
    beta = np.linalg.solve(XtX, X.T @ y)
    residuals = y - X @ beta
    ss_res = residuals @ residuals
    ss_tot = np.sum((y - y.mean()) ** 2)
    errors = np.sqrt(np.diag(np.linalg.inv(XtX)) * ss_res / (len(y) - X.shape[1]))
    return {"beta": beta, "r2": 1 - ss_res / ss_tot, "errors": errors}


def gibbs_bivariate(n, rho, burn, rng):
    x = y = 0.0
    s = math.sqrt(1 - rho * rho)
    samples = np.empty((n, 2))
    for i in range(-burn, n):
        x = rng.normal(rho * y, s)
        y = rng.normal(rho * x, s)
        if i >= 0:
            samples[i] = x, y
    return samples


def metropolis(log_density_at, n, step, rng):
    """A chain on a tabulated target; returns the acceptance rate as well."""
    chain = np.zeros(n)
    accepted = 0
    x = 0.0
    logp = -0.5 * x**2 + log_density_at
    for i in range(n):
        proposal = x + step * rng.standard_normal()
        candidate = -0.5 * proposal**2 + log_density_at
        if math.log(rng.random()) < candidate - logp:
            x, logp = proposal, candidate
            accepted += 1
        chain[i] = x
    return chain, accepted / n


def lasso_coordinate_descent(X, y, lam, sweeps):
    n, p = X.shape
    beta = np.zeros(p)
    norms = (X**2).sum(axis=0)
    residual = y.copy()
    for _ in range(sweeps):
        for j in range(p):
            if norms[j] == 0:
                continue
            residual += X[:, j] * beta[j]
            rho = X[:, j] @ residual
            beta[j] = np.sign(rho) * max(abs(rho) - lam, 0.0) / norms[j]
            residual -= X[:, j] * beta[j]
    return beta


def spearman(x, y):
    def ranks(a):
        order = a.argsort()
        r = np.empty(len(a))
        r[order] = np.arange(len(a))
        return r

    rx, ry = ranks(x), ranks(y)
    rx -= rx.mean()
    ry -= ry.mean()
    return (rx @ ry) / np.sqrt((rx @ rx) * (ry @ ry))


def _blobs(rng, n):
    return np.concatenate([rng.standard_normal((n, 2)) + c for c in ([0, 0], [4, 4], [0, 5])])


CASES = {
    kmeans: lambda rng: [(rng.permutation(_blobs(rng, 15)), 3), (rng.random((2, 1)), 1), (np.zeros((4, 2), np.float32), 2)],
    kmeans_broadcast: lambda rng: [
        (_blobs(rng, 60), rng.standard_normal((4, 2)), 8),
        (rng.random((3, 2)).astype(np.float32), np.ones((1, 2), np.float32), 2),
    ],
    em_gaussians: lambda rng: [
        (np.concatenate([rng.standard_normal(80), 5 + rng.standard_normal(60)]), 2, 15),
        (rng.random(5), 1, 2),
    ],
    logistic_regression: lambda rng: [
        (rng.standard_normal((80, 4)), rng.integers(0, 2, 80).astype(float)),
        (rng.random((3, 1)), np.array([0, 1, 1]), 1.0, 3, 0.1),
    ],
    perceptron: lambda rng: [
        (_blobs(rng, 10)[:20], np.repeat([-1, 1], 10), 20),
        (rng.random((4, 3)).astype(np.float32), np.array([1, -1, 1, -1], np.int8), 2),
    ],
    kalman_1d: lambda rng: [
        (rng.standard_normal(200), 1e-4, 0.1),
        (np.array([1, 2, 3]), 0.1, 1, 0, 2),
        (np.zeros(0), 1.0, 1.0),
    ],
    kalman_matrix: lambda rng: [
        (
            np.where(rng.random(40) < 0.2, np.nan, np.arange(40.0)),
            np.array([[1.0, 1.0], [0.0, 1.0]]),
            np.array([[1.0, 0.0]]),
            0.01 * np.eye(2),
            np.array([[0.5]]),
        ),
        (np.array([np.nan]), np.eye(1), np.eye(1), np.eye(1), np.eye(1)),
    ],
    bootstrap_interval: lambda rng: [(rng.random(60), 50, 0.1, 1), (np.array([2.0]), 4, 0.5, 2)],
    welford: lambda rng: [(rng.random(500),), (rng.integers(0, 9, 5),), (np.array([2.0], np.float32),), (np.zeros(0),)],
    kde: lambda rng: [(np.linspace(-2, 2, 40), rng.standard_normal(60)), (rng.random(2), rng.random(3), 0.5)],
    histogram: lambda rng: [(rng.random(400), 10, 0.1, 0.9), (rng.integers(0, 10, 9), 3, 0, 9), (np.zeros(0), 2, 0.0, 1.0)],
    pca_power: lambda rng: [(rng.standard_normal((60, 5)), 3), (rng.standard_normal((4, 2)), 1, 3)],
    linear_regression: lambda rng: [
        (np.arange(50.0), 2 * np.arange(50.0) + rng.random(50)),
        (np.arange(4), np.array([1, 3, 2, 5])),
    ],
    gibbs_bivariate: lambda rng: [(80, 0.7, 20, np.random.default_rng(2)), (1, 0.0, 0, np.random.default_rng(2))],
    metropolis: lambda rng: [(0.3, 100, 0.9, np.random.default_rng(8)), (0.0, 2, 0.1, np.random.default_rng(8))],
    lasso_coordinate_descent: lambda rng: [
        (rng.standard_normal((40, 6)), rng.standard_normal(40), 2.0, 10),
        (np.zeros((3, 2)), np.ones(3), 0.1, 2),
    ],
    spearman: lambda rng: [(rng.random(80), rng.random(80)), (np.arange(4), np.array([3, 1, 2, 0], np.int16))],
}
