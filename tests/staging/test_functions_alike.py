"""Functions that are made anew for each call, and are alike, share a trace; which one it was can still be told."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy

X = np.arange(4.0)
quietly = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")


def integral(f, low, high, n):
    h, total = (high - low) / n, 0.0
    for k in range(n):
        total += f(low + (k + 0.5) * h)
    return total * h


def made():
    return lambda x: x + 1


def test_a_lambda_for_each_call_is_traced_once():
    decorated = hy.function(integral, strict=True)
    for n in range(8, 40):
        assert decorated(lambda x: x * x, 0.0, 1.0, n) == integral(lambda x: x * x, 0.0, 1.0, n)
    assert decorated.stats()["traces"] <= 3 and decorated.stats()["native_calls"] > 20


def test_functions_that_hold_something_else_are_others():
    def held(power):
        return lambda x: x**power

    decorated = hy.function(integral, strict=True)
    for power in (2, 3):
        want = integral(held(power), 0.0, 1.0, 9)
        assert decorated(lambda x, p=power: x**p, 0.0, 1.0, 9) == want
        assert decorated(held(power), 0.0, 1.0, 9) == want


@quietly
def test_the_function_that_was_given_is_returned_and_written():
    def both(f, x):
        return f, f(x)

    def counted(f, x):
        f.count = x.sum()
        return f(x)

    returning, writing = hy.function(both), hy.function(counted)
    for k in range(4):
        f = made()
        assert returning(f, X)[0] is f
        writing(f, X * k)
        assert f.count == 6.0 * k


@quietly
def test_which_of_two_it_is():
    first = made()

    def same(f, g, x):
        return f is g, f == g, f(x) + g(x)

    def known(f, x):
        return f is first, f(x)

    pair, one = hy.function(same), hy.function(known)
    for _ in range(2):
        for f, g in ((first, first), (first, made()), (made(), made()), (made(), first)):
            assert pair(f, g, X)[:2] == same(f, g, X)[:2]
            assert one(f, X)[0] is known(f, X)[0]


class Field:
    def __init__(self, rate):
        self.rate = rate

    def slope(self, x):
        return self.rate * x


def test_methods_and_classes_are_recognised_natively():
    def stepped(f, x, dtype):
        return (x + f(x)).astype(dtype)

    decorated, fields = hy.function(stepped, strict=True), [Field(2.0), Field(3.0)]
    for k in range(8):
        field = fields[k > 5]
        got, want = decorated(field.slope, X, np.float32), stepped(field.slope, X, np.float32)
        assert got.dtype == want.dtype and np.array_equal(got, want)
    assert decorated.stats()["native_calls"] >= 5
    fields[1].rate = 5.0
    assert np.array_equal(decorated(fields[1].slope, X, float), stepped(fields[1].slope, X, float))
