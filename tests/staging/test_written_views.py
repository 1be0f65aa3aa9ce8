"""Writes through views of arguments that lie in memory otherwise than in rows, inside branches, loops and early returns."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function

LAYOUTS = {
    "rows": lambda a: a.copy(),
    "columns": lambda a: np.asfortranarray(a),
    "steps": lambda a: np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2],
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
}


def flat_in_branch(a):
    if a[0, 0] > 0:
        a.flat[0] = 1
    return a.sum()


def reshaped_in_branch(a):
    if a[0, 1] > 0:
        total = a.reshape(-1)[3] + a.ravel()[::5].sum()
        a.flat[7] = total
    return a[1, 1]


def flat_in_loop(a):
    for k in range(20):
        a.flat[k] += a.flat[k + 1]
    return a.flat[3]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("program", [flat_in_branch, reshaped_in_branch, flat_in_loop])
def test_elements_in_order_of_arrays_of_any_layout(program, layout):
    compiled = function(program, strict=True)
    for seed in range(4):
        a = np.random.default_rng(seed).normal(size=(6, 6))
        want, got = LAYOUTS[layout](a), LAYOUTS[layout](a)
        result = program(want)
        assert np.isclose(compiled(got), result, rtol=1e-13) and np.allclose(got, want, rtol=1e-13)
