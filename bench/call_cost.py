"""What calling a compiled function costs.

`x * y + x` on two vectors of eight float32: checking the arguments, finding the code and making the result.
"""

from __future__ import annotations

import numba
import numpy as np

from bench.eager_op import two_vectors
from bench.engines import both, jax, numexpr, plain, torch
from bench.measure import Case


def formula(x, y):
    return x * y + x


@numba.njit
def formula_numba(x, y):
    return x * y + x


@numba.njit
def formula_numba_loop(x, y):
    out = np.empty_like(x)
    for i in range(x.size):
        out[i] = x[i] * y[i] + x[i]
    return out


def build():
    return formula


def formula_numexpr():
    import numexpr

    def evaluate(x, y):
        return numexpr.evaluate("x * y + x")

    return evaluate


CASES = (
    Case(
        "f(x, y) on 8 + 8 elements",
        two_vectors,
        formula,
        {
            **both(formula),
            "Numba": plain(formula_numba),
            "Numba, written as a loop": plain(formula_numba_loop),
            "JAX": jax(build),
            **torch(build),
            "numexpr": numexpr(formula_numexpr),
        },
        rtol=1e-6,
        atol=1e-6,
    ),
)
