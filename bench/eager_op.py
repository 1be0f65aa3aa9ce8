"""What one eager operation costs.

Eight float32 elements, so that the arithmetic is nothing and the way to it is everything.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np

from bench.engines import jax, plain, torch_eager
from bench.measure import Call, Case


def two_vectors():
    rng = np.random.default_rng(0)
    return rng.standard_normal(8, dtype=np.float32), rng.standard_normal(8, dtype=np.float32)


def one_vector():
    return two_vectors()[:1]


def one_matrix():
    return (two_vectors()[0].reshape(2, 4),)


def two_matrices():
    a, b = two_vectors()
    return a.reshape(2, 4), b.reshape(4, 2)


def a_mask_and_two_vectors():
    a, b = two_vectors()
    return a > 0, a, b


def tensors(load: Callable):
    """hybrid's own eager type; `load` gives the function once its library is there."""

    def prepare(*arrays):
        import hybrid as hy

        return Call(load(), tuple(hy.tensor(a) for a in arrays))

    return prepare


def named(module: str, name: str) -> Callable:
    """`module.name`, imported in the process that measures it."""

    def load():
        import importlib

        return getattr(importlib.import_module(module), name)

    return load


def everywhere(title: str, inputs: Callable, function: Callable) -> Case:
    """The same expression on every engine's arrays."""
    return Case(
        title,
        inputs,
        function,
        {
            "hybrid": tensors(lambda: function),
            "NumPy": plain(function),
            "JAX": jax(lambda: function, jit=False),
            "PyTorch": torch_eager(lambda: function),
        },
        rtol=1e-5,
    )


def called(title: str, inputs: Callable, name: str, spread: Callable = lambda f: f, torch: str = "") -> Case:
    """The function of one name in every engine's namespace; `spread` makes the call of it."""
    return Case(
        title,
        inputs,
        spread(getattr(np, name)),
        {
            "hybrid": tensors(lambda: spread(named("hybrid", name)())),
            "NumPy": plain(spread(getattr(np, name))),
            "JAX": jax(lambda: spread(named("jax.numpy", name)()), jit=False),
            "PyTorch": torch_eager(lambda: spread(named("torch", torch or name)())),
        },
        rtol=1e-5,
    )


CASES = (
    everywhere("x + y", two_vectors, operator.add),
    everywhere("x + 1.0", one_vector, lambda x: x + 1.0),
    everywhere("x < y", two_vectors, operator.lt),
    everywhere("x += y", two_vectors, operator.iadd),
    everywhere("a @ b", two_matrices, operator.matmul),
    everywhere("x[1:3]", one_vector, lambda x: x[1:3]),
    everywhere("a[:, 1]", one_matrix, lambda a: a[:, 1]),
    everywhere("x[m]", a_mask_and_two_vectors, lambda m, x, y: x[m]),
    called("tanh(x)", one_vector, "tanh"),
    called("maximum(x, y)", two_vectors, "maximum"),
    called("clip(x, -1, 1)", one_vector, "clip", lambda f: lambda x: f(x, -1.0, 1.0)),
    called("where(m, x, y)", a_mask_and_two_vectors, "where"),
    called("sum(x)", one_vector, "sum"),
    called("sum(a, axis=1)", one_matrix, "sum", lambda f: lambda a: f(a, axis=1)),
    called("mean(x)", one_vector, "mean"),
    called("var(x)", one_vector, "var", lambda f: lambda x: f(x, ddof=0) if f.__module__ != "torch" else f(x, correction=0)),
    called("any(m)", a_mask_and_two_vectors, "any", lambda f: lambda m, x, y: f(m)),
    called("argmax(x)", one_vector, "argmax"),
    called("cumsum(x)", one_vector, "cumsum", lambda f: lambda x: f(x, 0)),
    called("concatenate((x, y))", two_vectors, "concatenate", lambda f: lambda x, y: f((x, y))),
    called("stack((x, y))", two_vectors, "stack", lambda f: lambda x, y: f((x, y))),
    called("matmul(a, b)", two_matrices, "matmul"),
    called("dot(x, y)", two_vectors, "dot"),
)
