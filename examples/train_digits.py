"""A small network learns to read digits, by PyTorch's habits and by TensorFlow's; a whole training step is one function.

python -m examples.train_digits
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import hybrid as hy
from examples.compare import Comparison, compare, table
from examples.digits import load

RATE, MOMENTUM, BATCH = 0.1, 0.9, 100


def network(seed: int = 0) -> list[hy.Tensor]:
    """Weights and biases of 64 - 48 - 10, float32, that gradients are asked for."""
    rng = np.random.default_rng(seed)
    shapes = (64, 48), (48,), (48, 10), (10,)
    return [hy.tensor(rng.standard_normal(s, dtype=np.float32) / 8, requires_grad=True) for s in shapes]


def logits(layers, images):
    w1, b1, w2, b2 = layers
    return hy.relu(images @ w1 + b1) @ w2 + b2


def cross_entropy(layers, images, labels):
    return -hy.log_softmax(logits(layers, images))[np.arange(len(labels)), labels].mean()


def training(layers: list[hy.Tensor]) -> Callable:
    """PyTorch's way: `backward` fills `.grad`, the update is not remembered."""
    velocity = [hy.zeros_like(w) for w in layers]

    def step(images, labels):
        loss = cross_entropy(layers, images, labels)
        loss.backward()
        with hy.no_grad():
            for w, v in zip(layers, velocity, strict=True):
                v *= MOMENTUM
                v += w.grad
                w -= RATE * v
                w.grad = None
        return loss.detach()

    return step


def training_with_tape(layers: list[hy.Tensor]) -> Callable:
    """TensorFlow's way, plain gradient descent."""

    def step(images, labels):
        with hy.GradientTape() as tape:
            loss = cross_entropy(layers, images, labels)
        with hy.no_grad():
            for w, g in zip(layers, tape.gradient(loss, layers), strict=True):
                w -= RATE * g
        return loss.detach()

    return step


def train(step: Callable, images: np.ndarray, labels: np.ndarray, epochs: int = 10) -> list[float]:
    """The loss of each batch."""
    rng, losses = np.random.default_rng(1), []
    for _ in range(epochs):
        for batch in np.split(rng.permutation(len(images)), len(images) // BATCH):
            losses.append(float(step(images[batch], labels[batch])))
    return losses


def pictures() -> tuple[np.ndarray, np.ndarray]:
    points, labels = load()
    return points.astype(np.float32), labels


def accuracy(layers: list[hy.Tensor], images: np.ndarray, labels: np.ndarray) -> float:
    with hy.no_grad():
        return float((logits(layers, images).argmax(axis=1) == labels).mean())


def run() -> list[Comparison]:
    images, labels = pictures()
    batch = images[:BATCH], labels[:BATCH]
    return [
        compare(f"training step, {name}", make(network()), hy.function(make(network()), strict=True), batch, rtol=1e-3)
        for name, make in (("backward and momentum", training), ("gradient tape", training_with_tape))
    ]


if __name__ == "__main__":
    images, labels = pictures()
    for name, make in (("backward and momentum", training), ("gradient tape", training_with_tape)):
        plain, fast = network(), network()
        slow = train(make(plain), images[:1500], labels[:1500])
        losses = train(hy.function(make(fast), strict=True), images[:1500], labels[:1500])
        np.testing.assert_allclose(losses, slow, rtol=1e-2)
        print(f"{name}: loss {losses[0]:.3f} to {losses[-1]:.3f}, eager {slow[-1]:.3f}; ", end="")
        print(f"{accuracy(fast, images[1500:], labels[1500:]):.1%} right on 297 unseen images")
    print("\n" + table(run()))
