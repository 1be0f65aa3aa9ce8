"""Writes into an array of what is computed from other elements of it, also where they are written backwards."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy


def backwards_by_a_row(b):
    b[::-1] += b[2]
    return b


def backwards_by_a_part(b):
    t = b[1, -1::-2]
    b[::-1, ::2] *= t
    return t.copy()


def by_a_row(b):
    b *= b[1]
    return b


def columns_backwards(b):
    b[:, ::-1] -= b[:, 1:2]
    return b.sum()


def some_rows_backwards(b):
    b[3::-1] += b[4]
    b[:0:-1] += b[0]
    return b


FUNCTIONS = [backwards_by_a_row, backwards_by_a_part, by_a_row, columns_backwards, some_rows_backwards]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("shape", [(5, 3), (6, 5), (50, 7), (130, 40)], ids=str)
@pytest.mark.parametrize("order", "CF")
def test_what_is_read_is_what_was_there(function, shape, order):
    for dtype in (np.int64, np.float64, np.float32):
        start = np.array(np.random.default_rng(0).integers(1, 5, shape), dtype=dtype, order=order)
        ours, others = start.copy(order="K"), start.copy(order="K")
        got, want = hy.function(function, strict=True)(ours), function(others)
        assert np.array_equal(got, want) and np.array_equal(ours, others)
