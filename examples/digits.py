"""Handwritten digits: k-means and multinomial logistic regression, the gradient written by hand in NumPy.

python -m examples.digits
"""

from __future__ import annotations

import numpy as np

import hybrid as hy
from examples.compare import Comparison, compare, table


def kmeans_step(points, centres):
    """Lloyd: every point joins its nearest centre, every centre moves to the mean of its points."""
    distance = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    nearest = distance.argmin(axis=1)
    member = (nearest[:, None] == np.arange(len(centres))).astype(points.dtype)
    size = member.sum(axis=0)
    moved = np.where(size[:, None] > 0, member.T @ points / np.maximum(size, 1)[:, None], centres)
    return moved, nearest, distance.min(axis=1).mean()


def regression_step(weights, bias, points, labels, rate):
    """One step of gradient descent on the mean cross-entropy of softmax(points @ weights + bias)."""
    logits = points @ weights + bias
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    total = exponentials.sum(axis=1, keepdims=True)
    target = (labels[:, None] == np.arange(weights.shape[1])).astype(points.dtype)
    loss = -np.mean(np.sum(target * (shifted - np.log(total)), axis=1))
    slope = (exponentials / total - target) / len(points)
    return weights - rate * (points.T @ slope), bias - rate * slope.sum(axis=0), loss


def accuracy(weights, bias, points, labels):
    return np.mean(np.argmax(points @ weights + bias, axis=1) == labels)


fast_kmeans_step = hy.function(kmeans_step)
fast_regression_step = hy.function(regression_step)


def load() -> tuple[np.ndarray, np.ndarray]:
    """1797 images of 8 by 8 pixels as float64 rows in 0..1, and the digit each one shows."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.data / 16, bunch.target


def kmeans(step, points, clusters: int = 10, rounds: int = 20):
    centres = points[:clusters]
    for _ in range(rounds):
        centres, nearest, spread = step(points, centres)
    return centres, nearest, spread


def regression(step, points, labels, steps: int = 200, rate: float = 0.5):
    weights, bias = np.zeros((points.shape[1], 10)), np.zeros(10)
    for _ in range(steps):
        weights, bias, loss = step(weights, bias, points, labels, rate)
    return weights, bias, loss


def run() -> list[Comparison]:
    points, labels = load()
    start = np.zeros((64, 10)), np.zeros(10)
    return [
        compare("k-means step, 1797 x 64, 10 centres", kmeans_step, fast_kmeans_step, (points, points[:10]), rtol=1e-9),
        compare("logistic regression step, 1797 x 64", regression_step, fast_regression_step, (*start, points, labels, 0.5),
                rtol=1e-9, atol=1e-12),
    ]  # fmt: skip


if __name__ == "__main__":
    points, labels = load()
    print(table(run()))
    _, nearest, spread = kmeans(fast_kmeans_step, points)
    purity = sum(np.bincount(labels[nearest == cluster]).max() for cluster in np.unique(nearest)) / len(labels)
    print(f"\nk-means: mean squared distance {spread:.4f}, {purity:.1%} of the images share their cluster's commonest digit")
    weights, bias, loss = regression(fast_regression_step, points[:1500], labels[:1500])
    print(
        f"regression: loss {loss:.4f}, {accuracy(weights, bias, points[1500:], labels[1500:]):.1%} right on 297 unseen images"
    )
