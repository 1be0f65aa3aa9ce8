"""Errors that are caught; generator functions: batches, windows, patches and orbits; an alignment whose states are letters."""

from __future__ import annotations

import numpy as np


def minibatches(X, y, size, rng):
    order = rng.permutation(len(X))
    for start in range(0, len(X), size):
        chosen = order[start : start + size]
        yield X[chosen], y[chosen]


def ridge_by_minibatches(X, y, size, epochs, rate, seed):
    """Stochastic gradients over shuffled batches, until the loss gets no better."""
    rng = np.random.default_rng(seed)
    w, losses = np.zeros(X.shape[1]), []
    for _ in range(epochs):
        total = 0.0
        for xs, ys in minibatches(X, y, size, rng):
            residual = xs @ w - ys
            total += (residual**2).sum()
            w -= rate * (xs.T @ residual / len(ys) + 1e-3 * w)
        losses.append(total / len(X))
        if len(losses) > 2 and losses[-1] > losses[-2]:
            break
    return w, losses


class EdgeDetector:
    def __init__(self, kernels):
        self.kernels = kernels

    def patches(self, image):
        h, w = image.shape
        for i in range(h - 2):
            for j in range(w - 2):
                yield image[i : i + 3, j : j + 3], i, j

    def respond(self, image):
        out = np.zeros((image.shape[0] - 2, image.shape[1] - 2, len(self.kernels)))
        for patch, i, j in self.patches(image):
            out[i, j] = np.sum(patch * self.kernels, axis=(1, 2))
        return out


def edges_by_patches(image, kernels, threshold):
    detector = EdgeDetector(kernels)
    strength = np.abs(detector.respond(image)).max(axis=2)
    return strength, int((strength > threshold).sum())


def hailstones(n):
    while n != 1:
        yield n
        n = n // 2 if n % 2 == 0 else 3 * n + 1
    yield 1


def hailstone_summits(limit, ceiling):
    """The highest point of each orbit, of those that stay below a ceiling; the rest are given up at once."""
    summits, given_up = np.zeros(limit, dtype=np.int64), 0
    for start in range(1, limit):
        top = 0
        for value in hailstones(start):
            if value > ceiling:
                given_up += 1
                break
            top = max(top, value)
        summits[start] = top
    return summits, given_up


def first_quiet_stretch(x, size, factor):
    """Where windows that half overlap first vary less than a part of the whole."""

    def windows():
        for start in range(0, len(x) - size + 1, max(size // 2, 1)):
            yield start, x[start : start + size]

    limit = factor * x.std()
    for start, window in windows():
        if window.std() < limit:
            return start, window.mean()
    return None


def alignment_by_letters(a, b, match=2, mismatch=-1, opening=-3, extending=-1):
    """Gotoh's alignment with a gap's opening and extension, traced back by the letters of its tables."""
    n, m = len(a), len(b)
    M = np.full((n + 1, m + 1), -(10**9), dtype=np.int64)
    X, Y = np.full_like(M, -(10**9)), np.full_like(M, -(10**9))
    M[0, 0] = 0
    for i in range(1, n + 1):
        X[i, 0] = opening + (i - 1) * extending
    for j in range(1, m + 1):
        Y[0, j] = opening + (j - 1) * extending
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            s = match if a[i - 1] == b[j - 1] else mismatch
            M[i, j] = s + max(M[i - 1, j - 1], X[i - 1, j - 1], Y[i - 1, j - 1])
            X[i, j] = max(M[i - 1, j] + opening, X[i - 1, j] + extending)
            Y[i, j] = max(M[i, j - 1] + opening, Y[i, j - 1] + extending)
    tables = {"M": M, "X": X, "Y": Y}
    i, j = n, m
    state = max(tables, key=lambda k: tables[k][n, m])
    moves = []
    while i > 0 or j > 0:
        moves.append(state)
        if state == "M":
            s = match if a[i - 1] == b[j - 1] else mismatch
            for k in "MXY":
                if M[i, j] == s + tables[k][i - 1, j - 1]:
                    break
            state = k
            i -= 1
            j -= 1
        elif state == "X":
            state = "M" if X[i, j] == M[i - 1, j] + opening else "X"
            i -= 1
        else:
            state = "M" if Y[i, j] == M[i, j - 1] + opening else "Y"
            j -= 1
    return int(M[n, m]), "".join(reversed(moves))


class Unbalanced(ValueError):
    pass


def rpn_batch(programs):
    """Stack machines: what each program leaves, or how it failed."""

    values, failures = [], np.zeros(3, int)
    for codes in programs:
        stack = []
        try:
            for c in codes:
                if c >= 0:
                    stack.append(int(c))
                elif c == -1:
                    b, a = stack.pop(), stack.pop()
                    stack.append(a + b)
                else:
                    b, a = stack.pop(), stack.pop()
                    stack.append(a // b)
            if len(stack) != 1:
                raise Unbalanced("items are left")
        except ZeroDivisionError:
            failures[0] += 1
        except IndexError:
            failures[1] += 1
        except Unbalanced:
            failures[2] += 1
        else:
            values.append(stack[0])
    return values, failures


def gp_likelihood_with_jitter(x, y, scales, noise):
    """Log likelihoods of Gaussian processes; covariances that are not definite get jitter until they are."""
    d2 = (x[:, None] - x[None, :]) ** 2
    found, tries = [], 0
    for s in scales:
        K = np.exp(-0.5 * d2 / s**2)
        jitter = noise
        while True:
            try:
                L = np.linalg.cholesky(K + jitter * np.eye(len(x)))
                break
            except np.linalg.LinAlgError:
                tries += 1
                jitter = max(10 * jitter, 1e-12)
        a = np.linalg.solve(L.T, np.linalg.solve(L, y))
        found.append(-0.5 * (y @ a) - np.log(np.diag(L)).sum())
    return np.array(found), tries


def robust_newton(starts, c, most):
    """Roots of x³ - 2x + c from many starts, with what went wrong elsewhere."""

    def newton(x):
        for k in range(most):
            slope = 3 * x * x - 2
            step = (x**3 - 2 * x + c) / slope
            x -= step
            if abs(step) < 1e-12:
                return x, k
        raise RuntimeError("no convergence")

    roots, log, rounds = [], [], 0
    for start in starts:
        try:
            root, used = newton(float(start))
        except ZeroDivisionError:
            log.append("flat")
        except (RuntimeError, OverflowError) as error:
            log.append(type(error).__name__)
        else:
            roots.append(root)
            rounds += used
        finally:
            rounds += 1
    return roots, log, rounds


def _dna(rng, n):
    return "".join(rng.choice(list("ACGT"), n))


CASES = {
    rpn_batch: lambda rng: [
        (np.array([[3, 4, -1], [3, 0, -3], [1, 2, 3], [-1, 2, 2]]),),
        (rng.integers(-3, 4, (60, 7)),),
        (np.array([[1], [0]]),),
    ],
    gp_likelihood_with_jitter: lambda rng: [
        (np.linspace(0, 1, 12), rng.standard_normal(12), [0.05, 0.1, 0.3], 1e-3),
        (np.linspace(0, 1, 20), rng.standard_normal(20) * 1e-3, [0.1, 0.05, 0.02], 1e-6),
        (np.array([0.0, 1.0]), np.array([1.0, -1.0]), [1.0], 0.0),
    ],
    robust_newton: lambda rng: [
        (np.linspace(-2, 2, 9), 1.5, 30),
        (np.zeros(3), 2.0, 25),
        (rng.standard_normal(30), -1.0, 12),
    ],
    ridge_by_minibatches: lambda rng: [
        (rng.standard_normal((60, 4)), rng.standard_normal(60), 16, 5, 0.1, 1),
        (np.ones((3, 1)), np.ones(3), 2, 3, 0.5, 0),
        (rng.standard_normal((200, 6)), rng.standard_normal(200), 25, 8, 0.3, 7),
    ],
    edges_by_patches: lambda rng: [
        (rng.random((20, 24)), rng.standard_normal((4, 3, 3)), 1.0),
        (np.eye(5), np.ones((1, 3, 3)), 2),
        (rng.integers(0, 256, (12, 9)), rng.standard_normal((2, 3, 3)), 300.0),
    ],
    hailstone_summits: lambda rng: [(60, 5000), (2, 10), (300, 1000)],
    first_quiet_stretch: lambda rng: [
        (np.r_[rng.standard_normal(60), 0.01 * rng.standard_normal(60)], 10, 0.3),
        (np.arange(8.0), 4, 0.1),
        (rng.standard_normal(300), 7, 0.5),
    ],
    alignment_by_letters: lambda rng: [
        ("GATTACAGATT", "GCATGCTTA"),
        ("A", "A"),
        ("ACG", "T"),
        (_dna(rng, 40), _dna(rng, 35), 3, -2, -5, -2),
    ],
}
