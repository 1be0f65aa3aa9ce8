"""What one eager operation costs.

Eight float32 elements, so that the arithmetic is nothing and the way to it is everything.
"""

from __future__ import annotations

import operator

import numpy as np

from bench.engines import jax, plain, torch_eager
from bench.measure import Call, Case


def two_vectors():
    rng = np.random.default_rng(0)
    return rng.standard_normal(8, dtype=np.float32), rng.standard_normal(8, dtype=np.float32)


def one_vector():
    return two_vectors()[:1]


def tensors(function):
    """hybrid's own eager type."""

    def prepare(*arrays):
        import hybrid as hy

        return Call(function, tuple(hy.tensor(a) for a in arrays))

    return prepare


def hybrid_tanh(*arrays):
    import hybrid as hy

    return tensors(hy.tanh)(*arrays)


def jax_tanh():
    import jax.numpy as jnp

    return jnp.tanh


def torch_tanh():
    import torch

    return torch.tanh


def add():
    return operator.add


CASES = (
    Case(
        "x + y",
        two_vectors,
        operator.add,
        {
            "hybrid": tensors(operator.add),
            "NumPy": plain(operator.add),
            "JAX": jax(add, jit=False),
            "PyTorch": torch_eager(add),
        },
        rtol=1e-6,
    ),
    Case(
        "tanh(x)",
        one_vector,
        np.tanh,
        {"hybrid": hybrid_tanh, "NumPy": plain(np.tanh), "JAX": jax(jax_tanh, jit=False), "PyTorch": torch_eager(torch_tanh)},
        rtol=1e-6,
    ),
)
