"""Deques and lists that a run fills, compared; items taken out of a deque by their places; what a deque has not."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.random.default_rng(11).random(9)


def compared(x):
    d, e, items = deque(maxlen=4), deque(maxlen=4), []
    for v in x:
        d.append(v)
        e.append(v)
        items.append(v)
        if v > 0.9:
            e.append(0.0)
    return d == d, d == e, d != e, d == items, items == items, list(d) == list(e)


def rows_compared(x):
    rows = [[] for _ in range(3)]
    for k in range(len(x)):
        rows[k % 3].append(x[k // 3])
    return [rows[i] == rows[(i + 1) % 3] for i in range(3)], rows[0] != rows[1]


def taken_out(x):
    d = deque()
    for v in x:
        d.append(v)
    del d[0], d[-1], d[2]
    return d, sorted(d), sorted(d, reverse=True)


def sorted_in_place(x):
    d = deque()
    for v in x:
        d.append(v)
    d.sort()
    return d


@pytest.mark.parametrize("f", [compared, rows_compared, taken_out])
def test_deques(f):
    strict = function(f, strict=True)
    for x in (X, X[:6], np.full(9, 0.95), np.full(9, 0.5)):
        assert alike(strict(x), f(x))


def test_a_deque_has_no_sort():
    with pytest.raises(AttributeError, match="no attribute 'sort'"):
        function(sorted_in_place)(X)
