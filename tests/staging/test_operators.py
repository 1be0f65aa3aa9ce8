"""Operators that a user's class defines in Python have their control flow and calls open, as its methods do."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.arange(6.0) - 1


class Tensor:
    def __init__(self, data, parents=()):
        self.data = np.asarray(data, dtype=float)
        self.grad = np.zeros_like(self.data)
        self.parents = parents

    def __add__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        return Tensor(self.data + other.data, (self, other))

    __radd__ = __add__

    def __mul__(self, other):
        other = other if isinstance(other, Tensor) else Tensor(other)
        return Tensor(self.data * other.data, (self, other))

    def __rmul__(self, other):
        return self * other

    def __neg__(self):
        return self * -1

    def __sub__(self, other):
        return self + (-other)

    def __matmul__(self, other):
        return Tensor(np.array([np.sum(self.data * row) for row in other.data]))

    def __truediv__(self, number):
        data = self.data
        for _ in range(6):
            data = data / number
        return Tensor(data)

    def __len__(self):
        return len(self.data)

    def __pow__(self, n):
        data = self.data**n
        if self.data.sum() > 0:
            data = -data
        return Tensor(data)


class Vector:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __add__(self, other):
        if not isinstance(other, Vector):
            return NotImplemented
        return Vector(self.x + other.x, self.y + other.y)

    def __mul__(self, s):
        return Vector(self.x * s, self.y * s)

    __rmul__ = __mul__


class Reflected(Vector):
    def __radd__(self, other):
        return Vector(other.x - self.x, 7)


class Other:
    def __radd__(self, other):
        return other.x * 3


def arrays(x):
    a = Tensor(x)
    b = 2.0 * a + 1 - a * x[0]
    return (b - a).data, len(b), (1 + -a).data


def branches(x):
    return (Tensor(x) ** 2).data, (Tensor(-x) ** 3).data


def loops(x):
    return (Tensor(x) / 1.5).data, (Tensor(x) @ Tensor(np.outer(x, x))).data


def vectors(x):
    v = Vector(x[0], x[1])
    for k in range(len(x)):
        v = v + 2 * Vector(x[k], 1.0) * 0.5
    return v.x, v.y


def the_subclass_first(x):
    v = Vector(x[0], x[1]) + Reflected(x[1], x[2])
    return v.x, v.y


def the_other_after_all(x):
    return Vector(x[1], x[2]) + Other()


def nobody(x):
    return Vector(x[0], x[1]) + 3


@pytest.mark.parametrize("f", [arrays, branches, loops, vectors, the_subclass_first, the_other_after_all])
def test_operators_are_compiled(f):
    strict = function(f, strict=True)
    for x in (X, X - 7):
        assert alike(strict(x), f(x))


def test_an_operation_that_nobody_defines_raises_what_python_raises():
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \+: 'Vector' and 'int'"):
        function(nobody)(X)


def spreads(zs, deviations=(0.5, 0.2)):
    covariance = np.diag(np.square(deviations))
    total = covariance.copy()
    for z in zs:
        total += np.outer(z, z)
    return total, covariance


def test_a_copy_of_what_numpy_made_of_known_numbers_may_be_written():
    zs = np.arange(20.0).reshape(10, 2)
    strict = function(spreads, strict=True)
    for _ in range(2):
        assert alike(strict(zs), spreads(zs))


def until(x, n):
    k, done = 0, False
    while not done:
        k += 1
        done = bool(x[k] > 3 or k >= n)
    return k, done


def test_the_truth_of_a_number_does_not_depend_on_its_class():
    strict = function(until, strict=True)
    for n in (2, 30):
        assert alike(strict(np.arange(40.0), n), until(np.arange(40.0), n))


def test_a_complex_number_left_of_a_numpy_float_takes_it_for_a_python_float():
    def both(z, v):
        return z * v, v * z, z + v, z - v, v - z, z / v, z**v, 1j * v, v * 1j, z == v, v == z, z != v, v != 1j, 1j == v  # noqa: SIM300

    f = function(both)
    for z in (1j, 2 + 1j):
        for v in (np.float64(2.5), np.float32(2.5), np.int64(2), 2.5, np.complex128(1j)):
            for _ in range(2):
                want, got = both(z, v), f(z, v)
                assert [type(x) for x in got] == [type(x) for x in want]
                np.testing.assert_allclose(got, want, 1e-6)
