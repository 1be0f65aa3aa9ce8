"""Clusters, mixtures, trees, chains and filters as classes and functions that their authors would write."""

import math
from collections import Counter, namedtuple
from dataclasses import dataclass

import numpy as np

Split = namedtuple("Split", ["feature", "threshold", "gain", "polarity"])


class KMeans:
    def __init__(self, k, max_iter=30, tol=1e-6, seed=0):
        self.k, self.max_iter, self.tol = k, max_iter, tol
        self.rng = np.random.default_rng(seed)
        self.centres = None
        self.inertia_ = None

    def _seed(self, X):
        centres = [X[self.rng.integers(len(X))]]
        for _ in range(1, self.k):
            d2 = np.min([np.sum((X - c) ** 2, axis=1) for c in centres], axis=0)
            total = d2.sum()
            p = d2 / total if total > 0 else np.full(len(X), 1 / len(X))
            centres.append(X[self.rng.choice(len(X), p=p)])
        return np.array(centres)

    def fit(self, X):
        if len(X) < self.k:
            raise ValueError(f"n_samples={len(X)} should be >= n_clusters={self.k}")
        self.centres = self._seed(X)
        for iteration in range(self.max_iter):
            labels = self.predict(X)
            new = np.array([X[labels == j].mean(axis=0) if np.any(labels == j) else self.centres[j] for j in range(self.k)])
            shift = np.linalg.norm(new - self.centres)
            self.centres = new
            if shift < self.tol:
                break
        self.inertia_ = float(np.sum((X - self.centres[self.predict(X)]) ** 2))
        self.n_iter_ = iteration + 1
        return self

    def predict(self, X):
        return np.argmin(((X[:, None] - self.centres[None]) ** 2).sum(axis=2), axis=1)


def kmeans_plus_plus(X, k, seed=0):
    model = KMeans(k, seed=seed).fit(X)
    return model.centres, model.predict(X), model.inertia_, model.n_iter_


def gmm_full(X, means, n_iter=20, tol=1e-4, reg=1e-6):
    """EM with full covariances; stops when the likelihood does."""
    n, d = X.shape
    k = len(means)
    means = means.copy()
    covs = np.array([np.cov(X.T) + reg * np.eye(d) for _ in range(k)])
    weights = np.ones(k) / k
    previous = -np.inf
    for it in range(n_iter):
        logp = np.zeros((n, k))
        for j in range(k):
            diff = X - means[j]
            L = np.linalg.cholesky(covs[j])
            z = np.linalg.solve(L, diff.T)
            logdet = 2 * np.sum(np.log(np.diag(L)))
            logp[:, j] = np.log(weights[j]) - 0.5 * (d * np.log(2 * np.pi) + logdet + np.sum(z**2, axis=0))
        top = logp.max(axis=1, keepdims=True)
        norm = top + np.log(np.exp(logp - top).sum(axis=1, keepdims=True))
        resp = np.exp(logp - norm)
        loglik = norm.sum()
        nk = resp.sum(axis=0) + 1e-12
        weights = nk / n
        means = (resp.T @ X) / nk[:, None]
        for j in range(k):
            diff = X - means[j]
            covs[j] = (resp[:, j, None] * diff).T @ diff / nk[j] + reg * np.eye(d)
        if abs(loglik - previous) < tol:
            break
        previous = loglik
    return weights, means, covs, loglik, it


def pca_svd(X, n_components=None, whiten=False):
    mean = X.mean(axis=0)
    U, s, Vt = np.linalg.svd(X - mean, full_matrices=False)
    k = n_components or len(s)
    if k > len(s):
        raise ValueError("too many components")
    signs = np.sign(Vt[np.arange(len(s)), np.argmax(np.abs(Vt), axis=1)])
    Vt = Vt * signs[:, None]
    scores = (X - mean) @ Vt[:k].T
    variance = s**2 / max(len(X) - 1, 1)
    if whiten:
        scores = scores / np.sqrt(variance[:k])
    return scores, variance[:k] / variance.sum(), np.cumsum(variance)[:k]


class LogisticRegression:
    def __init__(self, C=1.0, max_iter=25, tol=1e-8):
        self.C = C
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X, y):
        A = np.column_stack((np.ones(len(X)), X))
        w = np.zeros(A.shape[1])
        penalty = np.eye(len(w)) / self.C
        penalty[0, 0] = 0
        for self.n_iter in range(1, self.max_iter + 1):  # noqa: B020
            p = 1 / (1 + np.exp(-(A @ w)))
            gradient = A.T @ (p - y) + penalty @ w
            hessian = (A * (p * (1 - p))[:, None]).T @ A + penalty
            step = np.linalg.solve(hessian, gradient)
            w = w - step
            if np.abs(step).max() < self.tol:
                break
        self.intercept, self.coef = w[0], w[1:]
        return self

    def predict_proba(self, X):
        return 1 / (1 + np.exp(-(X @ self.coef + self.intercept)))


def logistic_newton(X, y, C=1.0):
    model = LogisticRegression(C=C).fit(X, y)
    p = model.predict_proba(X)
    labels = np.where(p > 0.5, 1, 0)
    return model.intercept, model.coef, float((labels == y).mean()), model.n_iter


def knn_vote(train, labels, queries, k=3, weighted=False):
    """The neighbours' votes in a Counter; ties go to the smaller label."""
    out = []
    for q in queries:
        d = np.sqrt(((train - q) ** 2).sum(axis=1))
        nearest = np.argsort(d, kind="stable")[:k]
        votes = Counter()
        for i in nearest:
            votes[int(labels[i])] += 1 / (d[i] + 1e-9) if weighted else 1
        best = max(votes.values())
        out.append(min(c for c, v in votes.items() if v == best))
    return np.array(out)


def best_stump(X, y, w):
    """The decision stump of least weighted error, all thresholds tried."""
    best = Split(-1, 0.0, -np.inf, 1)
    for f in range(X.shape[1]):
        for threshold in np.unique(X[:, f]):
            for polarity in (1, -1):
                pred = np.where(polarity * X[:, f] < polarity * threshold, -1, 1)
                gain = 0.5 - np.sum(w[pred != y])
                if gain > best.gain:
                    best = Split(f, threshold, gain, polarity)
    return best


def adaboost(X, y, rounds):
    n = len(y)
    w = np.full(n, 1 / n)
    ensemble = []
    score = np.zeros(n)
    for _ in range(rounds):
        stump = best_stump(X, y, w)
        err = max(0.5 - stump.gain, 1e-10)
        if err >= 0.5:
            break
        alpha = 0.5 * np.log((1 - err) / err)
        pred = np.where(stump.polarity * X[:, stump.feature] < stump.polarity * stump.threshold, -1, 1)
        w = w * np.exp(-alpha * y * pred)
        w /= w.sum()
        score += alpha * pred
        ensemble.append((stump.feature, stump.threshold, alpha))
    return ensemble, np.sign(score).astype(int), w


def _gini(y):
    if len(y) == 0:
        return 0.0
    p = np.bincount(y) / len(y)
    return 1 - np.sum(p**2)


def decision_tree(X, y, max_depth=3, min_leaf=2):
    """Grown recursively as nested dicts, then asked for its own training points."""

    def grow(X, y, depth):
        values, counts = np.unique(y, return_counts=True)
        leaf = {"label": int(values[np.argmax(counts)]), "n": len(y)}
        if depth == 0 or len(values) == 1:
            return leaf
        best, best_cost = None, _gini(y)
        for f in range(X.shape[1]):
            order = np.argsort(X[:, f])
            xs, ys = X[order, f], y[order]
            for i in range(min_leaf, len(y) - min_leaf + 1):
                if xs[i - 1] == xs[min(i, len(y) - 1)]:
                    continue
                cost = (i * _gini(ys[:i]) + (len(y) - i) * _gini(ys[i:])) / len(y)
                if cost < best_cost - 1e-12:
                    best, best_cost = (f, 0.5 * (xs[i - 1] + xs[i])), cost
        if best is None:
            return leaf
        f, t = best
        left = X[:, f] < t
        return {
            "feature": f,
            "threshold": t,
            "left": grow(X[left], y[left], depth - 1),
            "right": grow(X[~left], y[~left], depth - 1),
        }

    def ask(node, row):
        while "label" not in node:
            node = node["left"] if row[node["feature"]] < node["threshold"] else node["right"]
        return node["label"]

    tree = grow(X, y, max_depth)
    return tree, np.array([ask(tree, row) for row in X])


class GaussianNB:
    def fit(self, X, y):
        self.classes = np.unique(y)
        self.prior, self.mean, self.var = {}, {}, {}
        for c in self.classes:
            rows = X[y == c]
            self.prior[c] = len(rows) / len(X)
            self.mean[c] = rows.mean(axis=0)
            self.var[c] = rows.var(axis=0) + 1e-9
        return self

    def log_joint(self, X):
        columns = []
        for c in self.classes:
            ll = -0.5 * np.sum(np.log(2 * np.pi * self.var[c]) + (X - self.mean[c]) ** 2 / self.var[c], axis=1)
            columns.append(np.log(self.prior[c]) + ll)
        return np.stack(columns, axis=1)


def naive_bayes_gaussian(X, y, queries):
    model = GaussianNB().fit(X, y)
    joint = model.log_joint(queries)
    return model.classes[joint.argmax(axis=1)], joint


def naive_bayes_text(documents, labels, query, alpha=1.0):
    """Word counts in dicts of Counters with Laplace smoothing."""
    counts, totals, vocabulary = {}, Counter(labels), set()
    for words, label in zip(documents, labels):
        counts.setdefault(label, Counter()).update(words.split())
        vocabulary |= set(words.split())
    scores = {}
    for label, table in sorted(counts.items()):
        size = sum(table.values()) + alpha * len(vocabulary)
        score = math.log(totals[label] / len(labels))
        for word in query.split():
            if word in vocabulary:
                score += math.log((table[word] + alpha) / size)
        scores[label] = score
    return max(scores, key=scores.get) if scores else None, scores


def hmm_baum_welch(obs, A, B, pi, n_iter=5):
    """Scaled forward and backward passes; the matrices are re-estimated in place."""
    T, N = len(obs), len(pi)
    history = []
    for _ in range(n_iter):
        alpha, beta, scale = np.zeros((T, N)), np.zeros((T, N)), np.zeros(T)
        alpha[0] = pi * B[:, obs[0]]
        scale[0] = alpha[0].sum()
        alpha[0] /= scale[0]
        for t in range(1, T):
            alpha[t] = (alpha[t - 1] @ A) * B[:, obs[t]]
            scale[t] = alpha[t].sum()
            alpha[t] /= scale[t]
        beta[-1] = 1
        for t in range(T - 2, -1, -1):
            beta[t] = A @ (B[:, obs[t + 1]] * beta[t + 1]) / scale[t + 1]
        gamma = alpha * beta
        xi = np.zeros((N, N))
        for t in range(T - 1):
            xi += np.outer(alpha[t], B[:, obs[t + 1]] * beta[t + 1]) * A / scale[t + 1]
        pi[:] = gamma[0]
        A[:] = xi / xi.sum(axis=1, keepdims=True)
        for m in range(B.shape[1]):
            B[:, m] = gamma[obs == m].sum(axis=0)
        B /= gamma.sum(axis=0)[:, None]
        history.append(np.log(scale).sum())
        if len(history) > 1 and abs(history[-1] - history[-2]) < 1e-8:
            break
    return np.array(history)


def viterbi_log(obs, log_a, log_b, log_pi):
    T, N = len(obs), len(log_pi)
    delta = np.full((T, N), -np.inf)
    back = np.zeros((T, N), dtype=int)
    delta[0] = log_pi + log_b[:, obs[0]]
    for t in range(1, T):
        for j in range(N):
            scores = delta[t - 1] + log_a[:, j]
            k = np.argmax(scores)
            back[t, j] = k
            delta[t, j] = scores[k] + log_b[j, obs[t]]
    path = [int(np.argmax(delta[-1]))]
    for t in range(T - 1, 0, -1):
        path.append(int(back[t, path[-1]]))
    return path[::-1], delta[-1].max()


@dataclass
class Gaussian:
    mean: np.ndarray
    cov: np.ndarray


def kalman_smoother(zs, F, H, Q, R, x0, P0):
    """Rauch–Tung–Striebel over lists of dataclasses, Joseph's form, missing measurements skipped."""
    filtered, predicted = [], []
    state = Gaussian(x0, P0)
    eye = np.eye(len(x0))
    loglik = 0.0
    for z in zs:
        prior = Gaussian(F @ state.mean, F @ state.cov @ F.T + Q)
        predicted.append(prior)
        if z is None:
            state = prior
        else:
            y = z - H @ prior.mean
            S = H @ prior.cov @ H.T + R
            K = np.linalg.solve(S.T, (prior.cov @ H.T).T).T
            IKH = eye - K @ H
            state = Gaussian(prior.mean + K @ y, IKH @ prior.cov @ IKH.T + K @ R @ K.T)
            loglik -= 0.5 * (y @ np.linalg.solve(S, y) + np.log(np.linalg.det(S)) + len(y) * np.log(2 * np.pi))
        filtered.append(state)
    smoothed = [filtered[-1]]
    for k in range(len(zs) - 2, -1, -1):
        C = filtered[k].cov @ F.T @ np.linalg.inv(predicted[k + 1].cov)
        mean = filtered[k].mean + C @ (smoothed[0].mean - predicted[k + 1].mean)
        cov = filtered[k].cov + C @ (smoothed[0].cov - predicted[k + 1].cov) @ C.T
        smoothed.insert(0, Gaussian(mean, cov))
    return np.array([s.mean for s in smoothed]), np.array([s.cov for s in smoothed]), loglik


def elastic_net(X, y, lam, ratio=0.5, tol=1e-8, max_sweeps=200):
    """Coordinate descent with residual updates and soft thresholds."""

    def soft(z, g):
        if z > g:
            return z - g
        if z < -g:
            return z + g
        return 0.0

    n, d = X.shape
    w = np.zeros(d)
    r = y.astype(float).copy()
    norms = (X**2).sum(axis=0)
    for sweep in range(max_sweeps):
        biggest = 0.0
        for j in range(d):
            if norms[j] == 0.0:
                continue
            old = w[j]
            rho = X[:, j] @ r + norms[j] * old
            w[j] = soft(rho, n * lam * ratio) / (norms[j] + n * lam * (1 - ratio))
            if w[j] != old:
                r -= (w[j] - old) * X[:, j]
                biggest = max(biggest, abs(w[j] - old))
        if biggest < tol:
            break
    return w, sweep + 1, np.count_nonzero(w)


def _blobs(rng, n, d=2):
    return np.concatenate([rng.standard_normal((n, d)) + 4 * c for c in range(3)])


def _hmm(rng, n, m):
    return rng.dirichlet(np.ones(n), n), rng.dirichlet(np.ones(m), n), rng.dirichlet(np.ones(n))


TRACK = (np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([[1.0, 0.0]]), 0.01 * np.eye(2), np.array([[0.5]]))
TEXTS = (["good fun good", "bad boring", "fun film", "bad bad film"], ["pos", "neg", "pos", "neg"])

CASES = {
    kmeans_plus_plus: lambda rng: [
        (_blobs(rng, 15), 3),
        (rng.random((4, 1)).astype(np.float32), 2, 3),
        (np.zeros((3, 2)), 2),
        (np.ones((1, 2)), 2),
    ],
    gmm_full: lambda rng: [
        (_blobs(rng, 20), rng.standard_normal((3, 2)) * 3),
        (rng.random((6, 2)), rng.random((1, 2)), 2),
        (rng.random((5, 3)), rng.random((2, 3)), 0),
    ],
    pca_svd: lambda rng: [
        (rng.standard_normal((30, 5)), 2),
        (rng.standard_normal((6, 3)).astype(np.float32),),
        (rng.random((8, 4)), 3, True),
        (np.eye(3), 5),
    ],
    logistic_newton: lambda rng: [
        (rng.standard_normal((60, 3)), (rng.random(60) > 0.4).astype(int)),
        (rng.random((5, 1)), np.array([0.0, 1, 0, 1, 1]), 0.1),
        (np.zeros((2, 2)), np.array([0, 1])),
    ],
    knn_vote: lambda rng: [
        (_blobs(rng, 10), np.repeat([0, 1, 2], 10), rng.standard_normal((12, 2)) * 3),
        (rng.random((4, 2)).astype(np.float32), np.array([2, 1, 1, 2]), rng.random((2, 2)), 2, True),
        (np.arange(6).reshape(3, 2), [5, 6, 5], np.zeros((0, 2))),
        (np.zeros((0, 2)), [], np.zeros((1, 2))),
    ],
    best_stump: lambda rng: [
        (rng.standard_normal((30, 3)), rng.choice([-1, 1], 30), np.full(30, 1 / 30)),
        (np.array([[1], [2], [2]]), np.array([1, -1, -1]), np.ones(3) / 3),
        (np.zeros((2, 0)), np.ones(2), np.ones(2)),
    ],
    adaboost: lambda rng: [
        (rng.standard_normal((25, 2)), rng.choice([-1, 1], 25), 4),
        (np.array([[0.0], [1.0]]), np.array([-1, 1]), 2),
    ],
    decision_tree: lambda rng: [
        (_blobs(rng, 8), np.repeat([0, 1, 2], 8)),
        (rng.integers(0, 3, (10, 2)), rng.integers(0, 2, 10), 2, 1),
        (np.ones((2, 1)), np.array([1, 1])),
    ],
    naive_bayes_gaussian: lambda rng: [
        (_blobs(rng, 10), np.repeat([0, 1, 2], 10), rng.standard_normal((5, 2)) * 4),
        (rng.random((4, 2)).astype(np.float32), np.array([3, 3, 7, 7]), rng.random((2, 2)).astype(np.float32)),
    ],
    naive_bayes_text: lambda rng: [(*TEXTS, "good film"), (*TEXTS, "unknown words", 0.5), ([], [], "x")],
    hmm_baum_welch: lambda rng: [
        (rng.integers(0, 3, 40), *_hmm(rng, 3, 3)),
        (np.array([0, 1, 1, 0]), *_hmm(rng, 2, 2), 2),
        (np.array([0, 5]), *_hmm(rng, 2, 2)),
    ],
    viterbi_log: lambda rng: [
        (rng.integers(0, 4, 30), *map(np.log, _hmm(rng, 3, 4))),
        ([0, 1], *map(np.log, _hmm(rng, 2, 2))),
        (np.array([1]), *(np.log(a).astype(np.float32) for a in _hmm(rng, 2, 3))),
        (np.zeros(0, int), *map(np.log, _hmm(rng, 2, 2))),
    ],
    kalman_smoother: lambda rng: [
        ([None if k % 5 == 3 else np.array([k + rng.standard_normal()]) for k in range(20)], *TRACK, np.zeros(2), np.eye(2)),
        ([np.array([1.0])], *TRACK, np.zeros(2), np.eye(2)),
        ([], *TRACK, np.zeros(2), np.eye(2)),
    ],
    elastic_net: lambda rng: [
        (rng.standard_normal((40, 6)), rng.standard_normal(40), 0.05),
        (np.eye(3), np.array([3, 1, 0]), 0.1, 1.0),
        (np.zeros((2, 2)), np.ones(2), 1.0),
    ],
}
