"""Elementary functions that a kernel computes very often are functions of the kernel's."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from hybrid.codegen.shared import MANY

NAMES = ("sin", "exp", "tanh", "log1p", "arctan")


def chain(name, count):
    function = getattr(np, name)

    def f(x, m):
        y = x
        for k in range(count):
            y = function(-y if name == "exp" else y) * 0.9 + np.where(m, 0.01 * k, 0.1)
        return np.where(m, function(x), y)

    return f


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_of_few(name, dtype):
    """Vectors, their rest, and single numbers."""
    for size in (1, 7, 67):
        x = np.linspace(0, 2, size).astype(dtype)
        m = np.arange(size) % 3 == 0
        many, few = hy.function(chain(name, MANY + 6), strict=True)(x, m), chain(name, MANY + 6)(x, m)
        np.testing.assert_allclose(many, few, rtol={8: 1e-12, 4: 2e-5, 2: 4e-2}[np.dtype(dtype).itemsize])


def test_arguments_that_are_rescued():
    """Of sines of large numbers, which the platform computes."""
    x = np.array([1e12, 0.5, -1e15, np.inf, np.nan, 2.0, 3.0])

    def f(x):
        total = np.zeros_like(x)
        for k in range(MANY + 6):
            total = total + np.sin(x * (k + 1))
        return total

    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(hy.function(f, strict=True)(x), f(x), rtol=1e-11)
