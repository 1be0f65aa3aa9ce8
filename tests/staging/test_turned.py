"""New arrays that are reversed, transposed or in Fortran's order on one way: results lie in memory as they do undecorated."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function


def reversed_(x, c):
    y = x * 2
    if c.sum() > 0:
        y = y[::-1]
    return y


def transposed(x, c):
    y = x + 1
    if c.sum() > 0:
        y = y.T
    return y, y + 1, y.sum(axis=0)


def in_fortran_order(x, c):
    y = x + 1
    if c.sum() > 0:
        y = np.asfortranarray(y)
    return y


def made_in_fortran_order(x, c):
    y = np.zeros(x.shape)
    if c.sum() > 0:
        y = np.zeros(x.shape, order="F")
    y[0] = x[0]
    return y


def on_both_ways(x, c):
    y = x * 2
    return y[:, ::-1] if c.sum() > 0 else y[::-1]


def an_argument(x, c):
    y = x
    if c.sum() > 0:
        y = x.T
    return y + 1


def returned_early(x, c):
    y = x * 2
    if c.sum() > 0:
        return y.T
    return y


def or_none(x, c):
    y, z = x * 2, None
    if c.sum() > 0:
        z = y.T
    return z


def nested(x, c):
    y = x * 2
    if c.sum() > 0:
        if c[0] > 1:
            y = y.T
    return y


def twice(x, c):
    y = x * 2
    if c.sum() > 0:
        y = y.T
    if c[0] > 1:
        y = np.flip(y)
    return y


def in_a_loop(x, c):
    y = x * 2
    for i in range(c.shape[0]):
        if c[i] > 0:
            y = y.T
    return y


def every_round(x, c):
    y = x * 2
    for _ in range(int(c[0]) % 5):
        y = y[::-1]
    return y


def in_a_dict(x, c):
    y = x * 2
    if c.sum() > 0:
        y = np.rot90(y)
    return {"a": y, "b": [y * 1]}


def only_read(x, c):
    y = x * 2
    if c.sum() > 0:
        y = y.T
    return np.ascontiguousarray(y), y.sum(axis=0), y[0].sum()


def one_axis(x, c):
    y = x[0] * 2
    if c.sum() > 0:
        y = y[::-1]
    return y, y * 2


def by_a_number(x, n):
    y = x * 2
    if n > 2:
        y = y.T
    return y


def described(result):
    if isinstance(result, dict):
        return [described(part) for part in result.values()]
    if isinstance(result, (tuple, list)):
        return [described(part) for part in result]
    if not isinstance(result, np.ndarray):
        return result
    return result.strides, result.flags.c_contiguous, result.flags.f_contiguous, result.tolist()


CASES = [reversed_, transposed, in_fortran_order, made_in_fortran_order, on_both_ways, an_argument, returned_early, or_none,
         nested, twice, in_a_loop, every_round, in_a_dict, only_read, one_axis]  # fmt: skip


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("f", CASES)
@pytest.mark.parametrize("shape", [(3, 3), (2, 3)])
def test_strides_are_those_of_python(f, shape):
    decorated, x = function(f), np.arange(float(np.prod(shape))).reshape(shape)
    for k in (1.0, -1.0, 2.0, -2.0, 1.0, 3.0):
        c = np.full(3, k)
        assert described(decorated(x, c)) == described(f(x, c))


@pytest.mark.parametrize("f", [reversed_, transposed, in_fortran_order, returned_early, only_read, one_axis])
def test_the_way_that_does_not_turn_is_compiled(f):
    x, c = np.arange(9.0).reshape(3, 3), np.full(3, -1.0)
    strict = function(f, strict=True)
    for _ in range(3):
        assert described(strict(x, c)) == described(f(x, c))
    assert strict.stats()["traces"] == 1


def test_a_way_that_a_number_decides_is_compiled():
    x, strict = np.arange(9.0).reshape(3, 3), function(by_a_number, strict=True)
    for n in (1, 3, 1, 3, 5):
        assert described(strict(x, n)) == described(by_a_number(x, n))
