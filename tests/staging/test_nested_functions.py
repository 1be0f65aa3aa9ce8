"""Nested functions: what they read is read where they are called, unless something of them outlives that."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from hybrid.staging.liveness import CONSUMERS, called_only
from tests.staging.test_selections import alike

X = np.random.default_rng(0).random(12)


def rebinds_what_is_around_it(x):
    best = None

    def update(i):
        nonlocal best
        if best is None or x[i] < x[best]:
            best = i

    for i in range(len(x)):
        update(i)
    return best


def reads_what_is_bound_on_each_way(x):
    y = x * 2

    def at(k):
        return y[k]

    total = 0.0
    for k in range(len(x)):
        if x[k] > 0.5:
            y = x * 3
            total += at(k)
        else:
            y = x * 4
    return total + at(0)


def calls_another(x):
    def outer(i):
        return inner(i) + 1

    def inner(i):
        return x[i] * scale

    scale, total = 2.0, 0.0
    for i in range(len(x)):
        scale = scale + x[i]
        total += outer(i)
    return total


def calls_itself_behind_a_return(x):
    rounds = 0
    while True:
        if x[0] < 0.01 * rounds:
            return rounds
        seen = np.zeros(len(x), int)

        def visit(u):
            seen[u] = 1  # noqa: B023  # called in its own round only
            for v in (2 * u + 1, 2 * u + 2):
                if v < len(x) and not seen[v] and x[v] > 0.2:  # noqa: B023
                    visit(v)

        visit(0)
        rounds += 1 + seen.sum()


def made_in_a_round(x):
    count = 0
    for i in range(len(x)):

        def square(v):
            return v * v + count  # noqa: B023

        if x[i] > 0.5:
            continue
        count += 1
        x[i] = square(x[i])
    return count


def makes_another(x):
    scale = 1.0

    def make():
        return lambda: scale * x[0]

    late = make()
    scale = 2.0
    if x[0] > 0.5:
        scale = 3.0
    return late()


def makes_a_generator(x):
    def items(n):
        for i in range(n):
            yield x[i] * scale

    scale = 1.0
    late = items(3)
    scale = 5.0
    return sum(late)


@pytest.mark.parametrize("f", [rebinds_what_is_around_it, reads_what_is_bound_on_each_way, calls_another, made_in_a_round,
                               calls_itself_behind_a_return, makes_another, makes_a_generator])  # fmt: skip
@pytest.mark.parametrize("x", [X, X * 0.5, 1 - X * 0.4])
def test_nested_functions(f, x):
    alike(f, x)


@pytest.mark.parametrize(
    "source, names",
    [
        ("def f(): return x\nf()", {"f": {"x"}}),
        ("def f(): return x + g()\ndef g(): return y\nf()\ng()", {"f": {"x", "g", "y"}, "g": {"y"}}),
        ("def f(): return x\nf()\nz = f", {}),
        ("def f(): return x\nf = f()", {}),
        ("def f(): yield x\nf()", {}),
        ("def f(): return lambda: x\nf()", {}),
        ("def f(): return sum(x * y for y in x)\nf()", {"f": {"x", "sum"}}),
        ("def f(): return (x * y for y in x)\nf()", {}),
        ("@wrap\ndef f(): return x\nf()", {}),
        ("def f(): return x\ndef f(): return y\nf()", {}),
    ],
)
def test_which_functions_are_only_called(source, names):
    assert called_only(ast.parse(source).body, CONSUMERS) == names
