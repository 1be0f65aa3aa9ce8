"""Reductions along the rows and down the columns of a 4096 × 1024 float32 matrix: reading memory once is the whole game."""

from __future__ import annotations

import math

import numba
import numpy as np
from numba import prange

from bench.engines import both, jax, plain, torch
from bench.measure import Case

EPSILON = 1e-5


def matrix():
    return (np.random.default_rng(0).standard_normal((4096, 1024), dtype=np.float32),)


def matrix_and_scale():
    rng = np.random.default_rng(1)
    return (*matrix(), rng.standard_normal(1024, dtype=np.float32), rng.standard_normal(1024, dtype=np.float32))


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@numba.njit(parallel=True)
def softmax_numba(x):
    out = np.empty_like(x)
    for i in prange(x.shape[0]):
        top = np.float32(-np.inf)
        for j in range(x.shape[1]):
            top = max(top, x[i, j])
        total = np.float32(0)
        for j in range(x.shape[1]):
            out[i, j] = math.exp(x[i, j] - top)
            total += out[i, j]
        for j in range(x.shape[1]):
            out[i, j] /= total
    return out


def softmax_jax():
    import jax

    return lambda x: jax.nn.softmax(x, axis=1)


def softmax_torch():
    import torch

    return lambda x: torch.softmax(x, dim=1)


def layer_norm(x, scale, shift):
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    return centred / np.sqrt(variance + EPSILON) * scale + shift


@numba.njit(parallel=True)
def layer_norm_numba(x, scale, shift):
    out = np.empty_like(x)
    rows, columns = x.shape
    for i in prange(rows):
        total = np.float32(0)
        for j in range(columns):
            total += x[i, j]
        mean = total / np.float32(columns)
        squares = np.float32(0)
        for j in range(columns):
            squares += (x[i, j] - mean) ** 2
        inverse = np.float32(1) / math.sqrt(squares / np.float32(columns) + np.float32(EPSILON))
        for j in range(columns):
            out[i, j] = (x[i, j] - mean) * inverse * scale[j] + shift[j]
    return out


def layer_norm_jax():
    import jax.numpy as jnp

    def function(x, scale, shift):
        centred = x - jnp.mean(x, axis=1, keepdims=True)
        variance = jnp.mean(centred * centred, axis=1, keepdims=True)
        return centred / jnp.sqrt(variance + EPSILON) * scale + shift

    return function


def layer_norm_torch():
    import torch

    def function(x, scale, shift):
        return torch.nn.functional.layer_norm(x, (1024,), scale, shift, EPSILON)

    return function


def logsumexp(x):
    top = x.max(axis=1, keepdims=True)
    return np.log(np.exp(x - top).sum(axis=1)) + top[:, 0]


@numba.njit(parallel=True)
def logsumexp_numba(x):
    out = np.empty(x.shape[0], x.dtype)
    for i in prange(x.shape[0]):
        top = np.float32(-np.inf)
        for j in range(x.shape[1]):
            top = max(top, x[i, j])
        total = np.float32(0)
        for j in range(x.shape[1]):
            total += math.exp(x[i, j] - top)
        out[i] = math.log(total) + top
    return out


def logsumexp_jax():
    import jax

    return lambda x: jax.nn.logsumexp(x, axis=1)


def logsumexp_torch():
    import torch

    return lambda x: torch.logsumexp(x, dim=1)


def column_sum(x):
    return x.sum(axis=0)


@numba.njit(parallel=True)
def column_sum_numba(x):
    out = np.zeros(x.shape[1], x.dtype)
    for i in prange(x.shape[0]):
        out += x[i]
    return out


def column_sum_any():
    return lambda x: x.sum(0)


CASES = (
    Case(
        "softmax",
        matrix,
        softmax,
        {**both(softmax), "Numba": plain(softmax_numba), "JAX": jax(softmax_jax), **torch(softmax_torch)},
        rtol=1e-4,
    ),
    Case(
        "LayerNorm with scale and shift",
        matrix_and_scale,
        layer_norm,
        {**both(layer_norm), "Numba": plain(layer_norm_numba), "JAX": jax(layer_norm_jax), **torch(layer_norm_torch)},
        rtol=1e-4,
        atol=1e-5,
    ),
    Case(
        "logsumexp",
        matrix,
        logsumexp,
        {**both(logsumexp), "Numba": plain(logsumexp_numba), "JAX": jax(logsumexp_jax), **torch(logsumexp_torch)},
        rtol=1e-5,
    ),
    Case(
        "column sum",
        matrix,
        column_sum,
        {**both(column_sum), "Numba": plain(column_sum_numba), "JAX": jax(column_sum_any), **torch(column_sum_any)},
        rtol=1e-4,
        atol=1e-3,
    ),
)
