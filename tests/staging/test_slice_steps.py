"""Slices whose step only a run knows."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function
from tests.staging.conftest import outcome
from tests.staging.conftest import same as alike

RANDOM = np.random.default_rng(0).random


def totients(phi):
    for p in range(2, len(phi)):
        if phi[p] == p:
            phi[p::p] -= phi[p::p] // p
    return phi


def divisor_sums(n):
    sums = np.zeros(n, np.int64)
    for d in range(1, n // 2 + 1):
        sums[2 * d :: d] += d
    return sums


def strided(x, k):
    out = np.zeros((len(k), 4))
    for i in range(len(k)):
        out[i] = x[:: k[i]].sum(), x[1 : -1 : k[i]].max(), len(x[i :: k[i]]), x[5 : i : k[i]].sum()
    return out


def columns(m):
    total = np.zeros(m.shape[0], m.dtype)
    for k in range(1, m.shape[1]):
        total += m[:, ::k].sum(axis=1)
        m[k // 3 :: k, ::k] *= 0.5
    return total


def comb(x):
    y = np.zeros_like(x)
    for k in range(1, len(x) // 2 + 1):
        y[: len(x[::k])] += x[::k]
        y[::k] = y[::k][::-1] * 0.5
    return y


@pytest.mark.parametrize(
    "f, cases",
    [
        (totients, [(np.arange(300),), (np.arange(7),), (np.arange(1),)]),
        (divisor_sums, [(300,), (1,), (0,)]),
        (
            strided,
            [(RANDOM(50), np.arange(1, 20)), (RANDOM(5), np.arange(1, 9)), (RANDOM(5), np.array([1, 7, 100, 2, 3, 2**62]))],
        ),
        (columns, [(RANDOM((9, 30)),), (RANDOM((30, 7)).astype(np.float32),), (RANDOM((4, 1)),)]),
        (comb, [(RANDOM(40),), (RANDOM(3),), (RANDOM(0),)]),
    ],
)
def test_steps_of_a_round(f, cases):
    compiled = function(f, strict=True)
    for case in cases:
        got, want = outcome(compiled, case, {}), outcome(f, case, {})
        assert alike(got, want), (got, want)
    assert not any(loop.why for trace in compiled.traces for loop in trace.traced.unrolled)


@pytest.mark.parametrize("steps", [[1, 2, 0, 1, 1, 1], [1, 2, -1, 1, 1, 1]])
def test_steps_below_one_are_python_s(steps):
    compiled, x = function(strided), RANDOM(9)
    assert alike(outcome(compiled, (x, np.arange(1, 9)), {}), outcome(strided, (x, np.arange(1, 9)), {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        got, want = (outcome(f, (x, np.array(steps)), {}) for f in (compiled, strided))
    assert alike(got, want), (got, want)
