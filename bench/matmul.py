"""Matrix products, alone and with the arithmetic that usually follows them."""

from __future__ import annotations

import numba
import numpy as np
from numba import prange

from bench.engines import both, jax, plain, torch
from bench.measure import Case


def square(n):
    def matrices():
        rng = np.random.default_rng(0)
        return rng.standard_normal((n, n), dtype=np.float32), rng.standard_normal((n, n), dtype=np.float32)

    return matrices


def layer():
    rng = np.random.default_rng(1)
    return (*square(1024)(), rng.standard_normal(1024, dtype=np.float32))


def product(x, w):
    return x @ w


def dense_relu(x, w, b):
    return np.maximum(x @ w + b, 0)


@numba.njit
def product_numba(x, w):
    return x @ w


@numba.njit(parallel=True)
def dense_relu_numba(x, w, b):
    out = x @ w
    for i in prange(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = max(out[i, j] + b[j], np.float32(0))
    return out


def product_any():
    return product


def dense_relu_jax():
    import jax

    return lambda x, w, b: jax.nn.relu(x @ w + b)


def dense_relu_torch():
    import torch

    return lambda x, w, b: torch.relu(x @ w + b)


PRODUCT = {**both(product), "Numba": plain(product_numba), "JAX": jax(product_any), **torch(product_any)}
CASES = (
    Case("x @ w, 1024³ float32", square(1024), product, PRODUCT, rtol=1e-3, atol=1e-3),
    Case(
        "relu(x @ w + b), 1024³ float32",
        layer,
        dense_relu,
        {**both(dense_relu), "Numba": plain(dense_relu_numba), "JAX": jax(dense_relu_jax), **torch(dense_relu_torch)},
        rtol=1e-3,
        atol=1e-3,
    ),
    Case("x @ w, 64³ float32", square(64), product, PRODUCT, rtol=1e-3, atol=1e-4),
)
