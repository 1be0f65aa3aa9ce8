"""NumPy's heavier functions on a million numbers or so: orders, sets, counts, running totals, look-ups, windows.

hybrid runs NumPy's expression, decorated. JAX and PyTorch run their own function of that meaning, compiled, or as it is where
`torch.compile` has nothing to add; where one has none, its row is missing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.engines import both, jax, torch_eager
from bench.measure import Case

COUNT = 1_000_000
CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def numbers():
    return (np.random.default_rng(0).standard_normal(COUNT),)


def whole():
    return (np.random.default_rng(1).integers(0, 1000, COUNT),)


def far_apart():
    return (np.random.default_rng(7).integers(-(2**62), 2**62, COUNT),)


def matrix():
    return (np.random.default_rng(2).standard_normal((2000, 500)),)


def table_and_places():
    rng = np.random.default_rng(3)
    return np.sort(rng.random(10_000)), rng.random(COUNT)


def matrix_and_indices():
    (x,) = matrix()
    return x, np.argsort(x, axis=1)


def curve():
    x, xp = table_and_places()[::-1]
    return x, xp, np.sin(20 * xp)


def signal_and_kernel():
    rng = np.random.default_rng(4)
    return rng.standard_normal(COUNT), rng.standard_normal(101)


def three_matrices():
    rng = np.random.default_rng(5)
    return rng.standard_normal((300, 400)), rng.standard_normal((400, 500)), rng.standard_normal((500, 20))


def batches():
    rng = np.random.default_rng(6)
    return rng.standard_normal((64, 128, 32)), rng.standard_normal((64, 32, 128))


def by_jax(make: Callable) -> Callable[[], Callable]:
    """A function of jax.numpy, which is imported where it is built."""

    def build():
        import jax.numpy as jnp

        return make(jnp)

    return build


def by_torch(make: Callable) -> Callable[[], Callable]:
    def build():
        import torch

        return make(torch)

    return build


def case(title: str, inputs: Callable, function: Callable, in_jax: Callable | None, in_torch: Callable | None, **close) -> Case:
    engines = both(function)
    if in_jax is not None:
        engines["JAX"] = jax(by_jax(in_jax))
    if in_torch is not None:
        engines["PyTorch"] = torch_eager(by_torch(in_torch))
    return Case(title, inputs, function, engines, **(close or CLOSE))


CASES = (
    case("sort, 10⁶ float64", numbers, lambda x: np.sort(x), lambda jnp: jnp.sort, lambda t: lambda x: t.sort(x)[0]),
    case("sort rows, 2000 × 500", matrix, lambda x: np.sort(x, axis=1), lambda jnp: lambda x: jnp.sort(x, axis=1),
         lambda t: lambda x: t.sort(x, dim=1)[0]),
    case("argsort, 10⁶ float64", numbers, lambda x: np.argsort(x), lambda jnp: jnp.argsort, lambda t: t.argsort),
    case("unique of 10⁶ int64 below 1000", whole, lambda x: np.unique(x), None, lambda t: t.unique),
    case("unique of 10⁶ int64 below 1000, counted", whole, lambda x: np.unique(x, return_counts=True)[1], None,
         lambda t: lambda x: t.unique(x, return_counts=True)[1]),
    case("unique of 10⁶ int64, nearly all distinct", far_apart, lambda x: np.unique(x), None, lambda t: t.unique),
    case("searchsorted, 10⁶ in 10⁴", table_and_places, lambda a, v: np.searchsorted(a, v),
         lambda jnp: jnp.searchsorted, lambda t: t.searchsorted),
    case("histogram, 10⁶ in 100 bins", numbers, lambda x: np.histogram(x, 100)[0],
         lambda jnp: lambda x: jnp.histogram(x, 100)[0], lambda t: lambda x: t.histogram(x, 100)[0]),
    case("cumsum, 10⁶ float64", numbers, lambda x: np.cumsum(x), lambda jnp: jnp.cumsum, lambda t: lambda x: t.cumsum(x, 0)),
    case("cumsum along columns, 2000 × 500", matrix, lambda x: np.cumsum(x, axis=0),
         lambda jnp: lambda x: jnp.cumsum(x, axis=0), lambda t: lambda x: t.cumsum(x, 0)),
    case("einsum ij,jk,kl->il", three_matrices, lambda a, b, c: np.einsum("ij,jk,kl->il", a, b, c, optimize=True),
         lambda jnp: lambda a, b, c: jnp.einsum("ij,jk,kl->il", a, b, c),
         lambda t: lambda a, b, c: t.einsum("ij,jk,kl->il", a, b, c)),
    case("einsum bij,bjk->bik", batches, lambda a, b: np.einsum("bij,bjk->bik", a, b, optimize=True),
         lambda jnp: lambda a, b: jnp.einsum("bij,bjk->bik", a, b), lambda t: lambda a, b: t.einsum("bij,bjk->bik", a, b)),
    case("median, 10⁶ float64", numbers, lambda x: np.median(x), lambda jnp: jnp.median,
         lambda t: lambda x: t.quantile(x, 0.5)),
    case("median of rows, 2000 × 500", matrix, lambda x: np.median(x, axis=1), lambda jnp: lambda x: jnp.median(x, axis=1),
         lambda t: lambda x: t.quantile(x, 0.5, dim=1)),
    case("percentile 5, 50, 95 of 10⁶", numbers, lambda x: np.percentile(x, [5, 50, 95]),
         lambda jnp: lambda x: jnp.percentile(x, jnp.array([5, 50, 95])), None),
    case("interp, 10⁶ in 10⁴", curve, lambda x, xp, fp: np.interp(x, xp, fp), lambda jnp: jnp.interp, None),
    case("convolve, 10⁶ with 101", signal_and_kernel, lambda a, v: np.convolve(a, v, "same"),
         lambda jnp: lambda a, v: jnp.convolve(a, v, "same"), None),
    case("pad, 2000 × 500 by 8", matrix, lambda x: np.pad(x, 8), lambda jnp: lambda x: jnp.pad(x, 8),
         lambda t: lambda x: t.nn.functional.pad(x, (8, 8, 8, 8))),
    case("pad by reflection, 2000 × 500 by 8", matrix, lambda x: np.pad(x, 8, mode="reflect"),
         lambda jnp: lambda x: jnp.pad(x, 8, mode="reflect"),
         lambda t: lambda x: t.nn.functional.pad(x[None], (8, 8, 8, 8), mode="reflect")[0]),
    case("take_along_axis, 2000 × 500", matrix_and_indices, lambda x, k: np.take_along_axis(x, k, axis=1),
         lambda jnp: lambda x, k: jnp.take_along_axis(x, k, axis=1), lambda t: lambda x, k: t.take_along_dim(x, k, dim=1)),
    case("bincount, 10⁶ below 1000", whole, lambda x: np.bincount(x, minlength=1000),
         lambda jnp: lambda x: jnp.bincount(x, length=1000), lambda t: lambda x: t.bincount(x, minlength=1000)),
)  # fmt: skip
