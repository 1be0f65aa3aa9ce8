"""Loops of Python's own numbers: what they find may be a size, as it may undecorated."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy


def doubled(x):
    n = 1
    while n < len(x):
        n *= 2
    return np.fft.rfft(x, n)


def halved(x, levels=0):
    n = len(x)
    while n % 2 == 0 and n > 1:
        n //= 2
        levels += 1
    return x.reshape(n, -1).sum(axis=1), levels


def digits(x, base):
    left, found = len(x) * 37, []
    while left:
        found.append(left % base)
        left //= base
    return x[: len(found)] * np.array(found[::-1]), len(found)


def broken_off(x, limit):
    k = 0
    while True:
        k += 3
        if k * k > limit:
            break
    return np.zeros(k) + x.sum()


def inside_another(x, rounds):
    out = np.zeros(8)
    for r in range(rounds):
        step = 1
        while step < 8:
            out[:step] += x[r % len(x)]
            step *= 2
        width = 1
        while width * width < 8:
            width += 1
        out[:width] -= np.arange(width)
    return out


def found_out(x):
    n = 1
    while n < x[0]:
        n *= 2
    return n * x


def counted_and_used(x):
    k, total = 0, 0.0
    while k < len(x):
        total += x[k] * k
        k += 1
    return total, k


CASES = {doubled: (9, 9, 12, 20), halved: (12, 16, 7, 40), counted_and_used: (3, 5, 9, 100), found_out: (4, 5, 6)}


@pytest.mark.parametrize("function", CASES, ids=lambda f: f.__name__)
def test_what_is_found_is_what_python_finds(function):
    decorated = hy.function(function, strict=True)
    for size in CASES[function]:
        x = np.arange(size) + 5.0
        got, want = decorated(x), function(x)
        for a, b in zip(got, want) if isinstance(want, tuple) else [(got, want)]:
            assert type(a) is type(b) and np.allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "values"), [(digits, (2, 3, 10, 7)), (broken_off, (10, 50, 200)), (inside_another, (3, 5, 9))]
)
def test_numbers_that_vary(function, values):
    decorated, x = hy.function(function), np.arange(9.0)
    for value in (*values, *values):
        got, want = decorated(x, value), function(x, value)
        for a, b in zip(got, want) if isinstance(want, tuple) else [(got, want)]:
            assert np.array_equal(a, b)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_lists_and_attributes_that_a_loop_changes_are_changed_once():
    class Box:
        count = 0

    def filled(box, items, x):
        k = 0
        while k < 5:
            k += 1
            box.count = box.count + 1
            items.append(k)
        return x * k

    decorated = hy.function(filled)
    for _ in range(3):
        box, other, items, others = Box(), Box(), [1], [1]
        assert np.array_equal(decorated(box, items, np.ones(2)), filled(other, others, np.ones(2)))
        assert box.count == other.count == 5 and items == others
