"""What raises where nobody needs a result raises compiled, too."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.optimize

import hybrid as hy
from hybrid.ir.graph import walk


def element(x):
    x[int(x[0])]
    return 1


def elements(x):
    x[x]
    return x + 1


def along(x):
    np.take_along_axis(x, x, 0)
    return 1


def row(x):
    x.reshape(2, 2)[int(x[0])]
    return 1


def rest_of_a_row(x):
    x.reshape(2, 2)[int(x[0]), 1:]
    return 1


def written(x):
    scratch = np.zeros(4)
    scratch[x] = 1
    return x.sum()


def added(x):
    scratch = np.zeros(4)
    np.add.at(scratch, x, 1.0)
    return x.sum()


def in_a_loop(x):
    total = 0
    for k in range(len(x)):
        x[x[k : k + 1]]
        total += k
    return total


def in_a_dead_branch(x):
    if x[1] > 0:
        a = x[x]
    else:
        a = x
    b = a + 1  # noqa: F841
    return x.sum()


def in_a_dead_loop(x):
    a = x * 0
    k = x[1]
    while k > 0:
        a = a + x[x]
        k = k - 1
    return x.sum()


def inverse(x):
    np.linalg.inv((x - x[0]).reshape(2, 2) * 1.0)
    return 1


def factor(x):
    np.linalg.cholesky(-x[0] * np.eye(2))
    return x.sum()


def solution(x):
    np.linalg.solve((x - x[0]).reshape(2, 2) * 1.0, np.ones(2))
    return 1


def spectrum(x):
    np.linalg.svdvals(np.where(x.reshape(2, 2) > 3, np.nan, 1.0))
    return x.sum()


def fitted(x):
    np.linalg.lstsq(np.diag(x - 1.0), np.ones(4), rcond=None)
    scipy.linalg.cholesky(np.diag(x - 1.0))
    return x + 1


def assigned(x):
    """Between compiled parts, and of the kind that no graph can hold."""
    scipy.optimize.linear_sum_assignment(np.where(x.reshape(2, 2) > 3, np.nan, 1.0))
    return x * 2


ONE = [element, elements, along, row, rest_of_a_row, written, added, in_a_loop, in_a_dead_branch, in_a_dead_loop,
       inverse, factor, solution, spectrum, fitted, assigned]  # fmt: skip


def outcome(function, *args):
    try:
        return repr(function(*args))
    except Exception as error:
        return type(error), str(error)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")  # SciPy computes some of them
@pytest.mark.parametrize("function", ONE, ids=lambda f: f.__name__)
@pytest.mark.parametrize("x", [[7, 5, 4, 9], [1, 0, 1, 0], [0, 3, -4, 2], [0, 0, 0, -5], [1, 3, 4, 2], [2, 2, 2, 2]], ids=str)
def test_errors_of_what_nobody_needs(function, x):
    compiled = hy.function(function)
    for _ in range(2):
        assert outcome(compiled, np.array(x)) == outcome(function, np.array(x))


def test_sizes_that_change():
    compiled = hy.function(elements)
    for n in (2, 3, 5, 8):
        good, bad = np.arange(n), np.arange(n) + 1
        assert outcome(compiled, good) == outcome(elements, good)
        assert outcome(compiled, bad) == outcome(elements, bad)


def test_one_check_for_one_index():
    """What is needed checks the same index: nothing is added."""

    def twice(x, at):
        x[at] * 2
        return (x + 1)[at]

    x, at = np.arange(5.0), np.array([1, -5, 4])
    compiled = hy.function(twice)
    compiled(x, at)
    assert not [eqn for eqn in walk(compiled.graph(x, at)) if eqn.primitive.name == "check"]
    bad = np.array([0, 5])
    assert outcome(compiled, x, bad) == outcome(twice, x, bad)


@pytest.mark.parametrize("n", [1, 2, 4, 9])
def test_tries_know_before(n):
    """An index out of bounds is found by machine code, which goes on with the clause."""

    def picked(x, y):
        v, w = int(x[0]), int(y[0])
        try:
            s = x[v]
            s = 12 // w
        except IndexError:
            s = -1
        return s

    def gathered(x, y):
        try:
            out = x[y]
        except IndexError:
            out = y * 2
        return out + 1

    for function in (picked, gathered):
        compiled = hy.function(function, strict=True)
        for first in range(-5, 6):
            x, y = np.full(n, first), np.full(n, 3)
            assert outcome(compiled, x, y) == outcome(function, x, y)
