"""`sum`, `any`, `all`, `max` and `min` of generators and arrays, as loops."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function
from tests.staging.conftest import same as alike


def same(f, *cases):
    """Compiled as a whole, a function gives what it gives undecorated."""
    compiled = function(f, strict=True)
    for case in cases:
        assert alike(compiled(*case), f(*case)), (case, compiled(*case), f(*case))


RANDOM = np.random.default_rng(0).random


def test_sums_of_generators():
    scale = 3.0

    def f(x, y):
        total = sum(a * b for a, b in zip(x, y))
        polynomial = sum(c * 0.5**k for k, c in enumerate(x))
        nested = sum(sum(a * b for b in y) for a in x)
        unpacked = sum(i * a - b for i, (a, b) in enumerate(zip(x, y)))
        g = lambda v: v * scale
        return total, polynomial, nested, unpacked, sum((g(v) for v in x), 10.0), sum(x), sum(range(len(x)))

    same(f, *((RANDOM(n), RANDOM(n)) for n in (30, 0, 1, 3, 5)), (RANDOM(9), RANDOM(4)), (np.arange(9), np.arange(9)))


def test_sums_of_rows_and_of_few():
    same(lambda m: sum(r * 2 for r in m), (np.ones((9, 3)),), (np.ones((2, 3)),), (np.ones((0, 3)),))
    same(
        lambda x: (sum(v for v in x if v > 0.5), sum(1 for v in x if 0.2 < v < 0.9)), (RANDOM(40),), (RANDOM(3),), (RANDOM(0),)
    )


def test_as_many_as_only_a_run_knows():
    def f(x):
        n = 0
        while x.sum() < 1e6:
            x, n = x * 2, n + 1
        return sum(x[0] / (k + 1) for k in range(n)), n, max(x[0] / (k + 1) for k in range(n))

    same(f, (RANDOM(9),), (RANDOM(1),))


def test_quantifiers_stop_where_python_s_do():
    def primes(x):
        out = np.zeros(len(x), bool)
        for i in range(len(x)):
            out[i] = x[i] > 1 and all(x[i] % d != 0 for d in range(2, int(np.sqrt(x[i])) + 1))
        return out

    def any_of(x):
        return any(v < 0 for v in x), all(v > -2 for v in x), any(x), all(x), not any(v > 2 for v in x if v)

    def guarded(x):
        return any(x[k] == 0 or x[5] / x[k] > 3 for k in range(len(x)))

    same(primes, (np.arange(60),))
    same(any_of, *((RANDOM(n) - shift,) for n in (40, 3, 1, 0) for shift in (0, 0.5, 3)))
    same(guarded, (np.arange(9.0),), (np.ones(9),))


@pytest.mark.parametrize(
    "x",
    [RANDOM(40), RANDOM(2), np.array([1, np.nan, 2, 3, 4, 5]), np.full(7, np.nan), np.arange(9), np.arange(3), RANDOM(7) > 0.5],
    ids=lambda x: f"{x.dtype}{len(x)}",
)  # fmt: skip
def test_greatest_and_least_are_python_s(x):
    same(lambda x: (max(v * 1.5 for v in x), min(abs(v - 3.0) for v in x), max(x), min(x)), (x,))


def test_nothing_has_no_greatest():
    compiled = function(lambda x: max(v * v for v in x))
    assert compiled(np.arange(9.0)) == 64
    with pytest.raises(ValueError, match=r"arg is an empty sequence|iterable argument is empty"):
        compiled(np.zeros(0))


def test_an_error_in_an_item_is_python_s():
    compiled = function(lambda x, k: sum(x[i + k] for i in range(len(x))))
    assert compiled(np.arange(9.0), 0) == 36
    with pytest.raises(IndexError, match="index 9 is out of bounds"):
        compiled(np.arange(9.0), 1)


def test_names_of_the_generator_are_its_own():
    def f(x, k):
        total = sum(k * v for k, v in enumerate(x))
        return total + k, sum(k for _, k, _ in zip(x, x, x))

    same(f, (RANDOM(9), 4))


def test_functions_of_the_same_name_are_the_user_s():
    def f(x):
        def sum(items):
            return [next(items), *items]

        return sum(v + 1 for v in x), math.fsum(v for v in range(3))

    x = np.arange(6.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        assert alike(function(f)(x), f(x))


def test_extremes_with_keys_and_defaults():
    def f(x, n):
        near, far = min(range(n), key=lambda k: abs(x[k]), default=-1), max(range(n), key=lambda k: x[k], default=-1)
        return near, far, max([x[0], 3.0], default=7), max((), default=x[0])

    same(f, *((RANDOM(8) - 0.5, n) for n in (0, 1, 4, 7, 2)))


def test_lists_of_several_lengths_together():
    def unequal(x, y, n):
        total = 0.0
        for a, b, c in zip(x, y, range(n)):
            total += a * b + c
        return total

    def grown(x, n):
        kept, places = [], []
        while n > 1:
            kept.append(x[n])
            places.append(n)
            n -= 1
        return sum(a * k for a, k in zip(kept, places)), kept

    sizes = ((5, 3, 4), (3, 5, 4), (6, 7, 8), (9, 2, 50), (4, 9, 1), (0, 4, 2))
    same(unequal, *((RANDOM(a), RANDOM(b), n) for a, b, n in sizes))
    same(grown, (RANDOM(9), 6), (RANDOM(9), 0), (RANDOM(9), 8))


def test_zip_asks_for_equal_lengths():
    def f(x, y):
        total = 0.0
        for a, b in zip(x, y, strict=True):
            total += a * b
        return total

    compiled = function(f)
    for a, b in ((5, 5), (4, 4), (7, 7), (4, 6), (6, 3), (0, 0)):
        x, y = RANDOM(a), RANDOM(b)
        if a == b:
            assert alike(compiled(x, y), f(x, y))
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FallbackWarning)
            with pytest.raises(ValueError, match="zip") as ours:
                compiled(x, y)
        with pytest.raises(ValueError, match="zip") as pythons:
            f(x, y)
        assert str(ours.value) == str(pythons.value)


def test_a_sorted_list_is_unpacked():
    def f(x):
        total = 0.0
        for k in range(len(x) - 1):
            low, high = sorted(x[k : k + 2])
            total += high - 2 * low
        return total

    def three(x):
        a, b, c = sorted(v for v in x if v > 0.5)
        return a - b * c

    same(f, (RANDOM(9),), (RANDOM(2),))
    same(three, (np.array([0.7, 0.1, 0.9, 0.6, 0.2]),), (np.array([0.6, 0.7, 0.8]),))
    compiled = function(three)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for x in (np.ones(2), np.ones(4)):
            with pytest.raises(ValueError, match="unpack"):
                compiled(x)


def test_known_items_of_which_a_run_takes_some():
    def sums(x):
        places = [0, 1, 2]
        return sum(x[m] for m in places if x[m] > 0.2), sum(x[m] for m in (3, 4) if x[m] > 2)

    def quantified(x):
        places = list(range(5))
        return any(x[m] > 0.9 for m in places if x[m] != 2), all(x[m] > 0.5 for m in (0, 3) if x[m] > 0.1)

    def extremes(x):
        return max((x[m] for m in [3, 1] if x[m] > 0.5), default=0.0), any(m > x[0] for m in (3, 1) if m > x[1])

    def shrinking(x):
        left, n = list(range(5)), 0
        while len(left) > 3:
            for k in range(len(left)):
                i = left[k]
                if any(x[m] > x[i] for m in left if m not in (i, 7)):
                    continue
                left.pop(k)
                n += 1
                break
        return n, left

    for f in (sums, quantified, extremes, shrinking):
        same(f, (RANDOM(6),), (np.zeros(6),), (np.ones(6),))


def test_defaults_of_arrays():
    def f(x):
        return max(x, default=2.0), min(x[x > 0.5], default=7.0), max(x[x > 9], default=-1.0), max(x[:0], default=3)

    same(f, (RANDOM(9),), (RANDOM(1),), (RANDOM(30),))
