"""`bisect` in sorted arrays whose elements only a run knows."""

from bisect import bisect, bisect_left, bisect_right

import numpy as np
import pytest

import hybrid as hy


def places(a, x):
    return [bisect_right(a, v) for v in x], bisect_left(a, x[0]), type(bisect_left(a, x[1]))


def ranks(a, x):
    out = np.zeros(len(x), int)
    for i in range(len(x)):
        out[i] = bisect(a, x[i])
    return out


def between(a, x):
    return bisect_left(a, x[0], 1, 4)


@pytest.mark.parametrize("dtype", [int, float, np.int32])
@pytest.mark.parametrize("size", [0, 1, 5, 40])
def test_places_in_a_sorted_array(dtype, size):
    rng = np.random.default_rng(size)
    a, x = np.sort(rng.integers(0, 20, size)).astype(dtype), rng.integers(0, 22, 7).astype(dtype)
    assert hy.function(places, strict=True)(a, x) == places(a, x)
    assert np.array_equal(hy.function(ranks, strict=True)(a, x), ranks(a, x))


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_limits_are_pythons():
    a, x = np.arange(6), np.array([2, 5])
    assert hy.function(between)(a, x) == between(a, x)
