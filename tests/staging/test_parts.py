"""Variables that stand for a part of one array, of which only a run knows where it begins and how long it is."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import HybridError
from hybrid.staging.function import function
from tests.staging.conftest import outcome
from tests.staging.conftest import same as alike

X = np.random.default_rng(3).normal(size=40)


def same(f, *cases, backend=None):
    compiled = function(f, strict=True, backend=backend)
    for case in cases:
        assert alike(outcome(compiled, case, {}), outcome(f, case, {})), case


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_from_round_to_round(backend):
    def eaten(s):
        total = 0.0
        while len(s) > 0 and total < 5:
            total = total + s[0] ** 2
            s = s[1:]
        return total, len(s)

    def ends(s, t):
        while len(s) > 1 and s[-1] > t:
            s[-1] = t
            s = s[1:-1]
        return s.sum()

    def halves(s, x):
        low = 0
        while len(s) > 0:
            m = len(s) // 2
            if s[m] < x:
                low = low + m + 1
                s = s[m + 1 :]
            else:
                s = s[:m]
        return low

    same(eaten, (X,), (X[:3],), (X * 0,), backend=backend)
    same(ends, (np.abs(X), 0.1), (X, 0.0), backend=backend)
    same(halves, (np.sort(X), 0.1), (np.sort(X), 9.0), (np.sort(X)[:7], -9.0), backend=backend)


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_depending_on_a_condition(backend):
    def either(x, k):
        y = x
        if x.sum() > 0:
            y = x[: int(k[0])]
        return y.sum() + len(y), y[0]

    def written(x, k):
        y = x[int(k[0]) :] if x[0] > 0 else x[:-2]
        y *= 2
        return y.max()

    k = np.array([3])
    same(either, (X, k), (-X, k), (X[:9], k), backend=backend)
    same(written, (X, k), (-X, k), backend=backend)


@pytest.mark.filterwarnings("ignore:.*plain Python")
def test_what_may_be_the_array_itself_is_returned_by_python():
    def rest(x):
        while len(x) > 0 and x[0] < 0:
            x = x[1:]
        return x

    with pytest.raises(HybridError, match="all of another one, or a part of it"):
        function(rest, strict=True)(X)
    compiled = function(rest)
    for x in (np.abs(X), -np.abs(X), X):
        assert alike(compiled(x), rest(x)) and (compiled(x) is x) == (rest(x) is x)


def pairs(x, n):
    total, high = 0.0, n
    while high > 1:
        a, b = x[high - 2 : high]
        total += a - b
        high -= 2 if a > 0.5 else 1
    return total


def blocks(h, n):
    found, high = 0.0, n
    while high > 1:
        a, b, c, d = h[high - 2 : high, high - 2 : high].ravel()
        found += a * d - b * c
        high -= 2 if a > 0.5 else 1
    return found


def windows(x, places):
    total = 0.0
    for i in places:
        a, b, c = x[i : i + 3]
        total += a * b - c
    return total


def test_a_part_is_taken_apart_by_as_many_variables_as_it_has_elements(invisible):
    rng = np.random.default_rng(2)
    invisible(pairs, rng.random(20), 20)
    invisible(blocks, rng.random((9, 9)), 9)
    invisible(windows, rng.random(9), np.array([1, 6, 3]))


def test_a_part_of_fewer_elements_than_variables_is_an_error():
    compiled, x = function(windows), np.arange(9.0)
    assert compiled(x, np.array([0, 1])) == windows(x, np.array([0, 1]))
    with pytest.raises(ValueError, match="not enough values to unpack"):
        compiled(x, np.array([0, 7]))
