"""A part of an array, or all of it, is returned where nobody else knows the array."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import TraceError
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

SAMPLES = [np.random.default_rng(seed).random(7) for seed in range(4)]


def cut_short(x):
    out = np.zeros((len(x), 2))
    for k in range(len(x)):
        out[k] = 2 * x[k]
        if x[k] > 0.8:
            out = out[: k + 1]
            break
    return out, len(out)


def without_a_head(x):
    y = 2 * x
    while len(y) and y[0] < 1:
        y = y[1:]
    y[:1] = 7
    return y


def twice(x):
    y = x + 1
    if x[0] > 0.5:
        y = y[1:]
    return y, y


def beside_the_whole(x):
    out = np.zeros(len(x))
    y = out
    if x[0] > 0.5:
        y = out[2:]
    return y, out


@pytest.mark.parametrize("f", [cut_short, without_a_head, twice])
def test_a_part_is_an_array_of_its_own(f):
    strict = function(f, strict=True)
    for x in SAMPLES:
        assert alike(strict(x), f(x))
    first, second = function(twice)(SAMPLES[0])
    assert first is second


def test_a_part_beside_the_whole_is_pythons():
    with pytest.raises(TraceError, match="all of another one"):
        function(beside_the_whole, strict=True)(SAMPLES[0])
