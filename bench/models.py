"""The models whose gradients are measured, as users of NumPy write them, and what they are given.

`np` is NumPy, or JAX's; the parameters come first.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

HEADS = 8


def _weights(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    """Matrices and filters scaled for unit variance, vectors small."""
    return [
        (rng.standard_normal(s) / np.sqrt(np.prod(s[1:]) if len(s) == 4 else s[0] if len(s) > 1 else 100)).astype("f4")
        for s in shapes
    ]


def digits_and_layers():
    rng = np.random.default_rng(0)
    images, labels = rng.standard_normal((128, 784), dtype=np.float32), rng.integers(0, 10, 128)
    return (*_weights(rng, (784, 512), (512,), (512, 256), (256,), (256, 10), (10,)), images, labels)


def layers_and_moments():
    *layers, images, labels = digits_and_layers()
    moments = [np.zeros_like(w) for _ in range(2) for w in layers]
    return (*layers, *moments, np.ones((), np.float32), images, labels)


def tokens_and_block():
    rng = np.random.default_rng(1)
    vectors = [np.ones(256, np.float32), *_weights(rng, (256,))] * 2
    matrices = _weights(rng, (256, 768), (256, 256), (256, 1024), (1024,), (1024, 256), (256,))
    return (*vectors, *matrices, rng.standard_normal((8, 128, 256), dtype=np.float32))


def pictures_and_lenet():
    rng = np.random.default_rng(2)
    shapes = (6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (400, 120), (120,), (120, 84), (84,), (84, 10), (10,)
    return (*_weights(rng, *shapes), rng.standard_normal((32, 1, 28, 28), dtype=np.float32), rng.integers(0, 10, 32))


def small_net_and_direction():
    rng = np.random.default_rng(3)
    shapes = (64, 128), (128,), (128, 10), (10,)
    points, labels = rng.standard_normal((256, 64), dtype=np.float32), rng.integers(0, 10, 256)
    return (*_weights(rng, *shapes), *_weights(rng, *shapes), points, labels)


def small_net_and_examples():
    *_, points, labels = arrays = small_net_and_direction()
    return (*arrays[:4], points, labels)


def swings():
    rng = np.random.default_rng(4)
    return np.array([9.0, 0.2], np.float32), rng.standard_normal((1000, 16), dtype=np.float32) * np.float32(0.1)


def cross_entropy(logits, labels, np=np):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels])


def mlp(w1, b1, w2, b2, w3, b3, images, labels, np=np):
    hidden = np.maximum(images @ w1 + b1, 0)
    hidden = np.maximum(hidden @ w2 + b2, 0)
    return cross_entropy(hidden @ w3 + b3, labels, np)


def layer_norm(x, scale, shift, np=np):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + 1e-5) * scale + shift


def block(s1, t1, s2, t2, qkv, out, w1, b1, w2, b2, x, np=np):
    """Pre-norm attention and a GELU network; the loss is the mean square of what comes out."""
    batch, length, width = x.shape
    joint = (layer_norm(x, s1, t1, np) @ qkv).reshape(batch, length, 3, HEADS, width // HEADS)
    q, k, v = joint.transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(-1, -2) / (width // HEADS) ** 0.5
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    mixed = (e / e.sum(axis=-1, keepdims=True)) @ v
    x = x + mixed.transpose(0, 2, 1, 3).reshape(batch, length, width) @ out
    hidden = layer_norm(x, s2, t2, np) @ w1 + b1
    hidden = 0.5 * hidden * (1 + np.tanh(0.7978845608 * (hidden + 0.044715 * hidden * hidden * hidden)))
    x = x + hidden @ w2 + b2
    return (x * x).mean()


def convolve(x, filters, bias):
    windows = sliding_window_view(x, filters.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,ocij->nohw", windows, filters, optimize=True) + bias[:, None, None]


def pool(x):
    n, channels, height, width = x.shape
    return x.reshape(n, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))


def lenet(f1, c1, f2, c2, w1, b1, w2, b2, w3, b3, images, labels):
    x = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    x = pool(np.maximum(convolve(x, f1, c1), 0))
    x = pool(np.maximum(convolve(x, f2, c2), 0))
    x = np.maximum(x.reshape(len(x), -1) @ w1 + b1, 0)
    x = np.maximum(x @ w2 + b2, 0)
    return cross_entropy(x @ w3 + b3, labels)


def small_net(w1, b1, w2, b2, points, labels, np=np):
    return cross_entropy(np.tanh(points @ w1 + b1) @ w2 + b2, labels, np)


def one_example(w1, b1, w2, b2, point, label, np=np):
    logits = np.tanh(point @ w1 + b1) @ w2 + b2
    top = logits.max()
    return np.log(np.exp(logits - top).sum()) + top - logits[label]


def pendulum(constants, pushes):
    """Sixteen damped pendulums that are pushed at random: the mean square of the angle over a thousand steps."""
    angle, speed, total = np.full(16, 1.0, pushes.dtype), np.zeros(16, pushes.dtype), 0.0
    for k in range(len(pushes)):
        speed = speed + 0.01 * (pushes[k] - constants[0] * np.sin(angle) - constants[1] * speed)
        angle = angle + 0.01 * speed
        total = total + (angle * angle).mean()
    return total / len(pushes)
