"""Functions of `math` that are written out in Python and converted: what they give and raise, number for number."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hybrid as hy

NUMBERS = (0.0, -0.0, 1.0, -1.5, 5e-324, -2.2e-308, 1e308, 1.7976931348623157e308, -1.7976931348623157e308, math.inf, -math.inf,
           math.nan, 0.1, 2.5, 3.5, 1e-310, -7.3)  # fmt: skip
POWERS = (0, 3, -3, 1023, 1024, -1074, -1080, 2000, -2000)


def outcome(f, *given):
    try:
        got = f(*given)
    except (ValueError, OverflowError) as error:
        return type(error)
    return type(got), repr(got)


@pytest.mark.parametrize(
    "f, given",
    [(lambda x: math.frexp(x), [(x,) for x in NUMBERS]), (lambda x: math.ulp(x), [(x,) for x in NUMBERS]),
     (lambda x: math.ldexp(x, 3), [(x,) for x in NUMBERS]),
     (lambda x, n: math.ldexp(x, n), [(x, n) for x in NUMBERS for n in POWERS]),
     (lambda x, y: math.remainder(x, y), [(x, y) for x in NUMBERS for y in (*NUMBERS[::2], 0.3)])],
    ids=["frexp", "ulp", "ldexp by a constant", "ldexp", "remainder"],
)  # fmt: skip
def test_parts_of_floats(f, given):
    compiled = hy.function(f)
    for numbers in given:
        assert outcome(compiled, *numbers) == outcome(f, *numbers), numbers
    assert " host " not in compiled.explain()


def test_elements_of_arrays():
    def f(x, n):
        return math.frexp(x[0]), math.ulp(x[1]), math.remainder(x[2], 0.3), math.ldexp(x[0], int(n[1]))

    given = np.array([1.3, 2.7, 5.5]), np.array([1, 2])
    compiled = hy.function(f, strict=True)
    assert compiled(*given) == f(*given)
    assert [type(x) for x in compiled(*given)] == [tuple, float, float, float]
    assert " host " not in compiled.explain()
    with pytest.raises(TypeError):
        hy.function(lambda x, n: math.ldexp(x, n))(1.5, np.int64(2))  # no integer of Python's


def test_distances():
    x, y = np.arange(5.0), np.arange(5.0) ** 2
    for f, given in [(lambda d: math.dist((d, 1.0), (2.0, d)), (0.7,)), (lambda d: math.dist([d], [3]), (0.7,)),
                     (lambda x, y: math.dist(x[:3], y[:3]), (x, y)), (lambda x: math.dist(x, (0, 0)), (np.array([3, 4]),)),
                     (lambda x: math.dist(x[:2].tolist(), (1, 1)), (x,))]:  # fmt: skip
        compiled = hy.function(f, strict=True)
        assert compiled(*given) == pytest.approx(f(*given), rel=4 * np.finfo(float).eps)
        assert type(compiled(*given)) is float
        assert " host " not in compiled.explain()
    assert hy.function(lambda x, y: math.dist(x, y), strict=True)(x, y) == math.dist(x, y)  # of more coordinates: Python's
    with pytest.raises(ValueError, match="same number of dimensions"):
        hy.function(lambda d: math.dist((d, 1.0), (2.0,)))(0.7)


def test_powers_with_a_modulus():
    def powers(a, e, m):
        return [pow(int(x), e, m) for x in a], pow(e, 3), pow(2, int(a[0]), m)

    compiled, given = hy.function(powers, strict=True), np.array([3, 5, -7, 0, 16])
    for e, m in [(0, 13), (10, 13), (12345, 998244353), (5, -17), (3, 1)]:
        assert repr(compiled(given, e, m)) == repr(powers(given, e, m))
    given[3] = 1
    assert repr(compiled(given, -1, 101)) == repr(powers(given, -1, 101))
    for e, m, message in [(-1, 15, "not invertible"), (2, 0, "cannot be 0")]:
        with pytest.raises(ValueError, match=message):
            hy.function(powers)(given, e, m)
