"""Python's numbers to the last digit and bit: `round(x, n)`, `bit_length`, `bit_count` and bools that only a run knows."""

import math
import sys

import numpy as np
import pytest

import hybrid as hy

EDGES = (0.0, -0.0, math.inf, -math.inf, math.nan, 5e-324, 2.675, 1.005, 0.125, -2.5, 1e308, 2.0**51 + 0.5, 2.0**53 + 2)


def to_hundreds(x):
    out = []
    for i in range(len(x)):
        v = float(x[i])
        out += [round(v, -2), round(v, -1), round(v, -15)]
    return out


def to_none(x):
    out = []
    for i in range(len(x)):
        out.append(round(float(x[i]), 0))
    return out


def to_two(x):
    out = []
    for i in range(len(x)):
        out.append(round(float(x[i]), 2))
    return out


def to_seventeen(x):
    out = []
    for i in range(len(x)):
        out.append(round(float(x[i]), 17))
    return out


def to_most(x):
    out = []
    for i in range(len(x)):
        out.append(round(float(x[i]), 22))
    return out


def bits(x):
    out = []
    for i in range(len(x)):
        v = int(x[i])
        out.append((v.bit_length(), v.bit_count()))
    return out


def tens(x):
    out = []
    for i in range(len(x)):
        v = int(x[i])
        out.append((round(v, -1), round(v, -3), round(v * 2, ndigits=1)))
    return out


def powers(x):
    out = []
    for i in range(len(x)):
        k = int(x[i])
        out.append((10**k, 3**k, (-2) ** k, k**k, 0**k, 2 ** (3 * k)))
    return out


def best_mask(x):
    best, at = -1.0, None
    for mask in range(1, 1 << 5):
        total = 0.0
        for k in range(5):
            if mask >> k & 1:
                total += x[k]
        if best < total <= 2.0:
            best, at = total, mask
    return at.bit_count(), at.bit_length()


def integral(x):
    count = 0
    for i in range(len(x)):
        if float(x[i]).is_integer():
            count += 1
    return count


def added(x, start):
    total = start
    for v in x:
        total += v
    return round(total, 2)


def _floats(rng, n):
    """Random ones, halves and their neighbours."""
    halves = (rng.integers(0, 10**6, 300) + 0.5) / 10.0**n
    many = (halves, np.nextafter(halves, 9e9), np.nextafter(halves, 0), (rng.integers(2**50, 2**54, 300) + 0.5) / 10.0**n)
    spread = rng.normal(size=300) * 10.0 ** rng.integers(-12, 18, 300)
    return np.concatenate([np.array(EDGES), spread, *many])


@pytest.mark.parametrize("f, n", [(to_none, 0), (to_two, 2), (to_seventeen, 17), (to_most, 22)])
def test_a_float_is_rounded_to_decimals_as_python_does_to_the_bit(f, n):
    x = _floats(np.random.default_rng(n), n)
    assert np.array(hy.function(f, strict=True)(x)).tobytes() == np.array(f(x)).tobytes()


def test_a_float_is_rounded_to_tens():
    rng = np.random.default_rng(5)
    near = [
        rng.integers(-400, 400, 300) * 5.0,
        np.nextafter(rng.integers(-40, 40, 300) * 5.0, 0),
        [0.0, -0.0, -3.0, 2.0**52 + 1],
    ]
    x = np.concatenate([*near, rng.normal(size=300) * 10.0 ** rng.integers(-2, 16, 300)])
    x = x[abs(x) < 2**53]
    assert np.array(hy.function(to_hundreds, strict=True)(x)).tobytes() == np.array(to_hundreds(x)).tobytes()


def test_the_bits_of_integers_are_counted():
    x = np.concatenate(
        [np.random.default_rng(3).integers(-(2**63), 2**63 - 1, 50), [0, 1, -1, 2**63 - 1, -(2**63)], 1 << np.arange(63)]
    )
    assert hy.function(bits, strict=True)(x) == bits(x)


def test_integers_are_rounded_to_tens():
    x = np.random.default_rng(4).integers(-2000, 2000, 80) // 5 * 5
    assert hy.function(tens, strict=True)(x) == tens(x)


def test_powers_of_integers_are_exact():
    compiled = hy.function(powers, strict=True)
    x = np.arange(16)
    assert compiled(x) == powers(x)
    with pytest.warns(hy.FallbackWarning):  # more than 64 bits
        assert hy.function(powers)(x + 10) == powers(x + 10)


def test_a_number_that_was_none_at_first_has_bits():
    x = np.abs(np.random.default_rng(6).normal(size=5))
    assert hy.function(best_mask, strict=True)(x) == best_mask(x)
    with pytest.raises(AttributeError, match="NoneType"):
        hy.function(best_mask)(x + 9)


def test_whether_a_float_is_an_integer():
    x = np.array([*EDGES, 3.0, -1e300, 0.1])
    assert hy.function(integral, strict=True)(x) == integral(x)


@pytest.mark.parametrize("x, start", [([1.005, 2.5], 0.0), ([], 1.005), ([], 2.675), ([0.285], 0), ([], 3)])
def test_numpys_numbers_and_pythons_are_rounded_each_in_its_way(x, start):
    x = np.array(x)
    got, want = hy.function(added)(x, start), added(x, start)
    assert (type(got), got) == (type(want), want)


def integral_parts(x):
    out = []
    for i in range(len(x)):
        out.append((round(x[i]), math.floor(x[i]), math.ceil(x[i]), int(x[i])))
    return out, round(x[0]), math.floor(x[0]), math.ceil(x[-1]), round(int(x[0])), math.floor(int(x[0]))


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.float64, np.float32])
def test_integers_that_no_float_holds_are_rounded_as_python_rounds_numpys(dtype):
    largest = 2**62 - 3 if dtype == np.int64 else 100
    x = np.array([largest, 3, largest - 2, 0], dtype)
    for _ in range(2):
        got, want = hy.function(integral_parts, strict=True)(x), integral_parts(x)
        assert got == want
        assert [type(v) for v in got[1:]] == [type(v) for v in want[1:]]


def inverted(x, y):
    out = []
    for i in range(len(x)):
        above, below = float(x[i]) > y[i] * 1.0, float(x[i]) < float(y[i])
        out.append(~below)
        out.append(~(below and above) + 1)
    return out, ~(float(x[0]) > 1.0), ~(x[0] > 1.0)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python warns of it")
def test_the_bits_of_a_python_bool_are_those_of_an_integer():
    x, y = np.array([1.0, -2, 3.5]), np.array([2.0, -3, 3.5])
    got, want = hy.function(inverted)(x, y), inverted(x, y)
    assert repr(got) == repr(want)


def identities(x):
    out = []
    for i in range(len(x)):
        numpys, pythons = x[i] > 0, float(x[i]) > 0
        out.append((numpys is np.True_, np.False_ is numpys, numpys is not np.True_, numpys is True, pythons is True))
        out.append((True is pythons, pythons is np.True_, pythons.conjugate() == 1, +pythons == 1, False is pythons))
    return out, (x > 0).any() is np.True_, x is np.True_, +pythons, pythons.conjugate()


def test_bools_are_known_by_their_class():
    decorated = hy.function(identities, strict=True)
    for x in (np.array([1.0, -2]), np.array([-1.0, -2]), np.array([3, 1])):
        for _ in range(2):
            assert repr(decorated(x)) == repr(identities(x))
