"""The image pipeline of the examples: blur, unsharp mask, Sobel edges and a tone curve on a photograph of 427 × 640 pixels.

NumPy and hybrid run `examples/image_pipeline.py` as it stands. The others are written as their users would: convolutions in
PyTorch, the same array code in JAX, loops in Numba.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numba import prange

from bench.engines import both, jax, plain, torch
from bench.measure import Case
from examples.image_pipeline import KERNEL, develop, photographs

SHARPNESS, INK = 1.2, 0.7
WEIGHTS = np.array(KERNEL, np.float32)
RADIUS = len(KERNEL) // 2


def photograph():
    return (photographs()["china"],)


def pipeline(photo):
    return develop(photo, SHARPNESS, INK)


@numba.njit(parallel=True)
def pipeline_numba(photo):
    one, sharpness, ink = np.float32(1), np.float32(SHARPNESS), np.float32(INK)
    height, width, _ = photo.shape
    image = np.empty(photo.shape, np.float32)
    tall = np.empty(photo.shape, np.float32)
    sharp = np.empty(photo.shape, np.float32)
    grey = np.empty((height, width), np.float32)
    edges = np.empty((height, width), np.float32)
    for y in prange(height):
        for x in range(width):
            for c in range(3):
                image[y, x, c] = photo[y, x, c] / np.float32(255)
    for y in prange(height):
        for x in range(width):
            for c in range(3):
                total = np.float32(0)
                for k in range(WEIGHTS.size):
                    total += WEIGHTS[k] * image[min(max(y + k - RADIUS, 0), height - 1), x, c]
                tall[y, x, c] = total
    for y in prange(height):
        for x in range(width):
            for c in range(3):
                total = np.float32(0)
                for k in range(WEIGHTS.size):
                    total += WEIGHTS[k] * tall[y, min(max(x + k - RADIUS, 0), width - 1), c]
                value = image[y, x, c] + sharpness * (image[y, x, c] - total)
                sharp[y, x, c] = min(max(value, np.float32(0)), one)
            red, green, blue = sharp[y, x, 0], sharp[y, x, 1], sharp[y, x, 2]
            grey[y, x] = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    strongest = np.zeros(height, np.float32)
    for y in prange(height):
        up, down = max(y - 1, 0), min(y + 1, height - 1)
        for x in range(width):
            left, right = max(x - 1, 0), min(x + 1, width - 1)
            a = grey[up, right] - grey[up, left] + grey[down, right] - grey[down, left]
            a += np.float32(2) * (grey[y, right] - grey[y, left])
            b = grey[down, left] - grey[up, left] + grey[down, right] - grey[up, right]
            b += np.float32(2) * (grey[down, x] - grey[up, x])
            edges[y, x] = math.sqrt(a * a + b * b)
            strongest[y] = max(strongest[y], edges[y, x])
    scale = ink / strongest.max()
    for y in prange(height):
        for x in range(width):
            for c in range(3):
                v = sharp[y, x, c]
                dark, light = np.float32(2) * v * v, one - np.float32(2) * (one - v) * (one - v)
                tone = dark if v < np.float32(0.5) else light
                image[y, x, c] = np.float32(0.5) * (v + tone) * (one - scale * edges[y, x])
    return image


def pipeline_jax():
    import jax.numpy as jnp

    def blur(image):
        height, width, _ = image.shape
        tall = jnp.pad(image, ((RADIUS, RADIUS), (0, 0), (0, 0)), mode="edge")
        image = sum(weight * tall[i : i + height] for i, weight in enumerate(KERNEL))
        wide = jnp.pad(image, ((0, 0), (RADIUS, RADIUS), (0, 0)), mode="edge")
        return sum(weight * wide[:, i : i + width] for i, weight in enumerate(KERNEL))

    def function(photo):
        image = photo.astype(jnp.float32) / 255
        sharp = jnp.clip(image + SHARPNESS * (image - blur(image)), 0, 1)
        p = jnp.pad(0.299 * sharp[..., 0] + 0.587 * sharp[..., 1] + 0.114 * sharp[..., 2], 1, mode="edge")
        across = (p[:-2, 2:] - p[:-2, :-2]) + 2 * (p[1:-1, 2:] - p[1:-1, :-2]) + (p[2:, 2:] - p[2:, :-2])
        down = (p[2:, :-2] - p[:-2, :-2]) + 2 * (p[2:, 1:-1] - p[:-2, 1:-1]) + (p[2:, 2:] - p[:-2, 2:])
        edges = jnp.sqrt(across**2 + down**2)
        tone = jnp.where(sharp < 0.5, 2 * sharp**2, 1 - 2 * (1 - sharp) ** 2)
        return (0.5 * sharp + 0.5 * tone) * (1 - INK * (edges / edges.max())[..., None])

    return function


def pipeline_torch():
    import torch
    from torch.nn.functional import conv2d, pad

    weights = torch.from_numpy(WEIGHTS)
    column, row = weights.reshape(1, 1, -1, 1).repeat(3, 1, 1, 1), weights.reshape(1, 1, 1, -1).repeat(3, 1, 1, 1)
    sobel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
    filters = torch.stack([sobel, sobel.T])[:, None]
    luma = torch.tensor([0.299, 0.587, 0.114])

    def function(photo):
        image = photo.permute(2, 0, 1).float()[None] / 255
        soft = conv2d(pad(image, (0, 0, RADIUS, RADIUS), mode="replicate"), column, groups=3)
        soft = conv2d(pad(soft, (RADIUS, RADIUS, 0, 0), mode="replicate"), row, groups=3)
        sharp = torch.clamp(image + SHARPNESS * (image - soft), 0, 1)
        grey = (sharp * luma[:, None, None]).sum(1, keepdim=True)
        gradient = conv2d(pad(grey, (1, 1, 1, 1), mode="replicate"), filters)
        edges = gradient.square().sum(1, keepdim=True).sqrt()
        tone = torch.where(sharp < 0.5, 2 * sharp**2, 1 - 2 * (1 - sharp) ** 2)
        inked = (0.5 * sharp + 0.5 * tone) * (1 - INK * edges / edges.max())
        return inked[0].permute(1, 2, 0)

    return function


CASES = (
    Case(
        "photograph, 427 × 640 × 3, float32",
        photograph,
        pipeline,
        {**both(pipeline), "Numba": plain(pipeline_numba), "JAX": jax(pipeline_jax), **torch(pipeline_torch)},
        rtol=1e-4,
        atol=1e-4,
    ),
)
