"""`np.int16(x)` of arrays and lists, and `np.mgrid` between bounds that only a run knows."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.random.default_rng(7).uniform(0, 9, 6)


def to_sixteen_bits(x):
    return np.int16(x / np.abs(x).max() * 32767)


def of_every_kind(x):
    return np.float32(x), np.uint8(x), np.bool_(x > 4), np.complex128([x[0], x[1]]), np.bool_(x[0]), np.int64([x[2], 3])


def the_same_array(x):
    y = np.float64(x)
    y[0] = 5.0
    return y


def a_copy_of_another_kind(x):
    y = np.float32(x)
    y[0] = 5.0
    return y, x


def windows(x, reach):
    out = np.zeros(len(x))
    for k in range(len(x)):
        low, high = max(int(x[k]) - reach, 0), min(int(x[k]) + reach, 9)
        yy, xx = np.mgrid[low:high, 0:9:2]
        rows, columns = np.ogrid[low:high, 1:4]
        out[k] = (yy * xx).sum() + (rows - columns).sum() + np.mgrid[low:high].sum()
    return out


def one_window(x, k):
    low = int(x[k])
    return np.mgrid[low : low + 3, 0:2], np.ogrid[low : 2 * low]


def known_grids(x):
    rows, columns = np.ogrid[0:6, 0:2]
    rows[2] = 7
    return x[:, None] * columns + rows, rows


@pytest.mark.parametrize(
    ("f", "args"),
    [
        (to_sixteen_bits, ()), (of_every_kind, ()), (the_same_array, ()), (a_copy_of_another_kind, ()),
        (windows, (2,)), (windows, (0,)), (one_window, (3,)), (known_grids, ()),
    ],
)  # fmt: skip
def test_casts_and_grids(f, args):
    strict = function(f, strict=True)
    for _ in range(2):
        mine, theirs = X.copy(), X.copy()
        assert alike(strict(mine, *args), f(theirs, *args))
        assert alike(mine, theirs)


def test_what_is_its_argument():
    x = X.copy()
    assert function(the_same_array, strict=True)(x) is x
