"""Arrays that a branch or round makes and two variables stand for: a write to one is seen in the other."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hybrid as hy


def on_both_ways(x, n):
    if x[0] > 0.5:
        best = x * n
        other = best
    else:
        best = x + n
        other = best
    other[0] = 99
    return best, other


def on_one_way(x, n):
    if x[0] > 0.5:
        best = x * n
        other = best
    else:
        best = x + n
        other = x - n
    other[0] = 99
    return best


def or_none(x, n):
    best = other = None
    if x[0] > 0.5:
        best = x * n
        other = best
    if best is not None:
        other[0] = 99
    return best


def as_a_view(x, n):
    if x[0] > 0.5:
        best = x * n
        other = best[1:]
    else:
        best = x + n
        other = best[1:]
    other[0] = 99
    return best


def in_a_tuple(x, n):
    if x[0] > 0.5:
        y = x * n
        pair = (y, n)
    else:
        y = x + n
        pair = (y, 1)
    pair[0][1] = 99
    return y


class Layer:
    def __init__(self):
        self.seen = np.zeros(8)

    def run(self, x, n):
        if x[0] > 0.5:
            y = x * n
            self.seen = y
        else:
            y = x + n
            self.seen = y
        return y


def as_an_attribute(x, n):
    layer = Layer()
    y = layer.run(x, n)
    y[0] = 99
    return y, layer.seen[0]


def attributes_in_a_loop(x, n):
    layer, total = Layer(), 0.0
    for k in range(n):
        y = layer.run(x, k)
        y[0] = total
        total += layer.seen[0] + layer.seen[1]
    return total


def given_back(x, n):
    def made():
        if x[0] > 0.5:
            a = x * n
            return a, a
        a = x + n
        return a, a

    one, two = made()
    one[0] = 99
    return two


def until_found(x, n):
    k = 0
    while True:
        if x[k] > 0.5:
            best = x * k
            other = best
            break
        k += 1
    other[0] = 99
    return best, other


def the_last_of_some(x, n):
    best = other = None
    for k in range(n):
        if x[k] > 0.5:
            best = x * k
            other = best
    if best is not None:
        other[0] = 99
    return best


def written_in_the_next_round(x, n):
    best, other, total = x * 1, x * 2, 0.0
    for k in range(n):
        other[0] += 1
        total += best[0]
        if x[k] > 0.5:
            best = x * k
            other = best
    return total


def none_written_in_the_next_round(x, n):
    best, other, total = None, None, 0.0
    for k in range(n):
        if best is not None:
            other[0] += 1
            total += best[0]
        if x[k] > 0.5:
            best = x * k
            other = best
    return total


def behind_by_one(x, n):
    old, new = x * 1, x * 2
    for k in range(n):
        old = new
        new = x * k
        if x[k] > 0.5:
            new = old
    new[0] = 99
    return old[0], new[1]


FUNCTIONS = [
    on_both_ways, on_one_way, or_none, as_a_view, in_a_tuple, as_an_attribute, attributes_in_a_loop, given_back, until_found,
    the_last_of_some, written_in_the_next_round, none_written_in_the_next_round, behind_by_one,
]  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS)
def test_a_write_is_seen_by_all_names(f):
    decorated = hy.function(f)
    for seed in range(6):
        x = np.random.default_rng(seed).random(8)
        x[0], x[-1] = seed % 2, 1
        want = f(x.copy(), 6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hy.FallbackWarning)
            got = decorated(x.copy(), 6)
        assert type(want) is type(got)
        if isinstance(want, tuple):
            assert (want[0] is want[1]) == (got[0] is got[1])
        for a, b in zip(want if isinstance(want, tuple) else (want,), got if isinstance(got, tuple) else (got,)):
            np.testing.assert_array_equal(np.asarray(a, float), np.asarray(b, float))


@pytest.mark.parametrize("f", [on_both_ways, or_none, in_a_tuple, as_an_attribute])
def test_one_array_is_compiled(f):
    hy.function(f, strict=True)(np.linspace(0, 1, 8), 6)


def new_in_every_round(x, n):
    u, v, total = x * 1, x * 2, 0.0
    for k in range(20):
        total += v[1] * u[0]
        w = u + x[k % 8]
        u = w
        v = w
    v[0] = 9
    return u, v, total


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y


class Linear:
    def __init__(self, w):
        self.w = w

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, g):
        out = g @ self.w.T
        self.w = self.w - 0.1 * (self.x.T @ g)
        return out


def layers(x, n):
    first, middle, last = Linear(np.eye(8)), Tanh(), Linear(np.ones((8, 2)))
    losses = []
    for _ in range(20):
        y = last.forward(middle.forward(first.forward(x[:, None] * x)))
        losses.append((y**2).sum())
        g = last.backward(2 * y)
        first.backward(g * (1 - middle.y**2))
    return losses


def which(x, n):
    u = v = x * 2
    same = 0
    for k in range(12):
        if u is v:
            same += 1
        w = u * 0.5
        u = w
        if k % 3 == 0:
            v = w
    return same


@pytest.mark.parametrize("f", [new_in_every_round, layers])
def test_an_array_that_is_new_in_every_round_has_two_names(f):
    x = np.random.default_rng(3).random(8)
    want, got = f(x, 6), hy.function(f, strict=True)(x, 6)
    for a, b in zip(want, got):
        np.testing.assert_allclose(b, a, rtol=1e-12)
    assert (want[0] is want[1]) == (got[0] is got[1])


def test_which_array_it_is_is_asked_of_python():
    x = np.random.default_rng(3).random(8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        assert hy.function(which)(x, 6) == which(x, 6)
