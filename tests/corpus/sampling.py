"""Resampling, validation and scores."""

import math

import numpy as np

from tests.corpus.models import _blobs


def bootstrap_statistics(x, statistic, n_boot=50, seed=0, level=0.9):
    """Percentile intervals of a statistic given as a name or a function."""
    rng = np.random.default_rng(seed)
    known = {"mean": np.mean, "median": np.median, "std": lambda a: np.std(a, ddof=1)}
    f = known[statistic] if isinstance(statistic, str) else statistic
    values = []
    for _ in range(n_boot):
        sample = x[rng.integers(0, len(x), len(x))]
        values.append(f(sample))
    values = np.sort(values)
    tail = (1 - level) / 2
    return f(x), np.quantile(values, [tail, 1 - tail]), np.std(values, ddof=1)


def permutation_test(a, b, n_perm, seed):
    rng = np.random.default_rng(seed)
    observed = abs(a.mean() - b.mean())
    pooled = np.concatenate([a, b])
    count = 0
    for _ in range(n_perm):
        rng.shuffle(pooled)
        if abs(pooled[: len(a)].mean() - pooled[len(a) :].mean()) >= observed - 1e-12:
            count += 1
    return observed, (count + 1) / (n_perm + 1)


def mcmc_regression(x, y, n_samples, step, seed, burn=20):
    """Random-walk Metropolis over the parameters of a line; acceptance counted, the step adapted during burn-in."""
    rng = np.random.default_rng(seed)

    def log_posterior(theta):
        a, b, log_s = theta
        s = math.exp(log_s)
        resid = y - a - b * x
        return -0.5 * np.sum(resid**2) / s**2 - len(y) * log_s - 0.5 * (a * a + b * b) / 100

    theta = np.zeros(3)
    current = log_posterior(theta)
    chain = np.empty((n_samples, 3))
    accepted = 0
    for i in range(n_samples + burn):
        proposal = theta + step * rng.standard_normal(3)
        candidate = log_posterior(proposal)
        if np.log(rng.random()) < candidate - current:
            theta, current = proposal, candidate
            accepted += 1
        if i < burn:
            if (i + 1) % 10 == 0:
                step *= 1.5 if accepted / (i + 1) > 0.4 else 0.7
        else:
            chain[i - burn] = theta
    return chain, accepted / (n_samples + burn), step


def ridge_cross_validated(X, y, lambdas, folds=4):
    """The penalty of least validation error by contiguous folds."""
    n, d = X.shape
    index = np.arange(n)
    errors = {}
    for lam in lambdas:
        total = 0.0
        for part in np.array_split(index, folds):
            train = np.setdiff1d(index, part)
            mu, sd = X[train].mean(0), X[train].std(0)
            sd[sd == 0] = 1.0
            A = (X[train] - mu) / sd
            w = np.linalg.solve(A.T @ A + lam * np.eye(d), A.T @ (y[train] - y[train].mean()))
            pred = (X[part] - mu) / sd @ w + y[train].mean()
            total += float(((pred - y[part]) ** 2).sum())
        errors[lam] = total / n
    best = min(errors, key=errors.get)
    return best, errors


def roc_curve(scores, labels):
    order = np.argsort(-scores, kind="mergesort")
    tps = np.cumsum(labels[order] == 1)
    fps = np.cumsum(labels[order] != 1)
    distinct = np.append(np.nonzero(np.diff(scores[order]))[0], len(scores) - 1)
    tpr, fpr = tps[distinct] / max(tps[-1], 1), fps[distinct] / max(fps[-1], 1)
    tpr, fpr = np.insert(tpr, 0, 0), np.insert(fpr, 0, 0)
    return fpr, tpr, np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2)


def confusion_report(truth, predicted, labels=None):
    """A confusion matrix with precision, recall and F1 in a dict by class."""
    classes = sorted(set(truth.tolist()) | set(predicted.tolist())) if labels is None else list(labels)
    where = {c: i for i, c in enumerate(classes)}
    matrix = np.zeros((len(classes), len(classes)), dtype=int)
    for t, p in zip(truth, predicted):
        matrix[where[t], where[p]] += 1
    report = {}
    for c, i in where.items():
        tp = matrix[i, i]
        precision = tp / matrix[:, i].sum() if matrix[:, i].sum() else 0.0
        recall = tp / matrix[i].sum() if matrix[i].sum() else 0.0
        f1 = 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
        report[c] = {"precision": precision, "recall": recall, "f1": f1}
    return matrix, report


def silhouette(X, labels):
    D = np.sqrt(((X[:, None, :] - X[None, :, :]) ** 2).sum(-1))
    scores = np.zeros(len(X))
    for i in range(len(X)):
        own = (labels == labels[i]) & (np.arange(len(X)) != i)
        if not own.any():
            continue
        a = D[i, own].mean()
        b = min((D[i, labels == c].mean() for c in np.unique(labels) if c != labels[i]), default=0.0)
        scores[i] = (b - a) / max(a, b)
    return scores.mean()


def particle_filter(observations, n, rng, process=1.0, noise=1.0):
    """Bootstrap filter of a random walk with systematic resampling when few particles are left."""
    x = rng.normal(0, 1, n)
    w = np.full(n, 1.0 / n)
    means, resampled = [], 0
    for z in observations:
        x = x + rng.normal(0, process, n)
        w *= np.exp(-0.5 * ((z - x) / noise) ** 2) + 1e-300
        w /= w.sum()
        means.append(np.sum(w * x))
        if 1 / np.sum(w**2) < n / 2:
            positions = (np.arange(n) + rng.random()) / n
            cumulative = np.cumsum(w)
            cumulative[-1] = 1.0
            idx = np.zeros(n, dtype=int)
            i = j = 0
            while i < n:
                if positions[i] < cumulative[j]:
                    idx[i] = j
                    i += 1
                else:
                    j += 1
            x = x[idx]
            w = np.full(n, 1.0 / n)
            resampled += 1
    return np.array(means), resampled


CASES = {
    bootstrap_statistics: lambda rng: [
        (rng.random(40), "mean"),
        (rng.random(15), "median", 20, 3, 0.8),
        (rng.integers(0, 9, 10), "std"),
        (rng.random(5), np.max, 5),
        (rng.random(3), "mode"),
    ],
    permutation_test: lambda rng: [(rng.random(15), rng.random(12) + 0.2, 60, 3), (np.array([1, 2]), np.array([3]), 5, 1)],
    mcmc_regression: lambda rng: [
        (np.arange(10.0), 2 * np.arange(10.0) + rng.random(10), 80, 0.1, 3),
        (np.array([1, 2]), np.array([1, 2]), 3, 0.5, 1, 0),
    ],
    ridge_cross_validated: lambda rng: [
        (rng.standard_normal((24, 3)), rng.standard_normal(24), [0.1, 1.0, 10.0]),
        (rng.random((4, 1)), np.arange(4), (1,), 2),
        (rng.random((4, 2)), rng.random(4), []),
    ],
    roc_curve: lambda rng: [
        (rng.random(50), rng.integers(0, 2, 50)),
        (np.array([0.5, 0.5, 0.1], np.float32), np.array([1, 0, 1])),
        (np.array([3, 2, 1]), np.zeros(3, int)),
        (np.zeros(0), np.zeros(0, int)),
    ],
    confusion_report: lambda rng: [
        (rng.integers(0, 3, 40), rng.integers(0, 3, 40)),
        (np.array([1, 1]), np.array([2, 1]), (1, 2, 3)),
        (np.zeros(0, int), np.zeros(0, int)),
        (np.array([9]), np.array([1]), [1]),
    ],
    silhouette: lambda rng: [
        (_blobs(rng, 6), np.repeat([0, 1, 2], 6)),
        (rng.random((4, 2)), np.array([0, 0, 0, 1])),
        (rng.random((2, 2)).astype(np.float32), np.array([1, 1])),
    ],
    particle_filter: lambda rng: [
        (np.cumsum(rng.standard_normal(15)), 60, np.random.default_rng(3)),
        ([1.0, 9.0], 10, np.random.default_rng(1), 0.1, 0.1),
        ([], 4, np.random.default_rng(1)),
    ],
}
