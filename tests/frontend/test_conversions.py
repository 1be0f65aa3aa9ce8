"""Conversions that NumPy refuses or warns of: of complex numbers to real ones, and of arrays to numbers and elements."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import hybrid as hy

Z, ONE, X = np.array([1 + 2j, 3j]), np.array([2.0]), np.arange(3.0)


def into_array(z):
    x = np.zeros(2)
    x[:] = z
    return x


def into_element(z):
    x = np.zeros(2)
    x[0] = z[0] if isinstance(z, np.ndarray) else z
    return x


def array_into_element(x, y):
    x[0] = y
    return x


def array_into_element_of_rows(x, y):
    rows = x.reshape(1, 3)
    rows[0, 1] = y[:1].reshape(1, 1)
    return rows


def added_to_element(x, y):
    x[1] += y
    return x


def in_a_loop(x, y):
    for i in range(len(x)):
        x[i] = y * i
    return x


def list_into_element(x, y):
    x[0] = [1.0]
    return x


def nested_list(x, y):
    x[:1] = [[1.0]]
    return x


def array_into_part(x, y):
    x[:1] = y.reshape(1, 1)
    x[...] = y
    return x


CASES = [
    (lambda z: z.astype(float), Z),
    (lambda z: z.astype(np.complex64), Z),
    (lambda z: z.astype(bool), Z),
    (lambda z: np.array(z, dtype=np.float32), Z),
    (lambda z: float(z[0]), Z),
    (lambda z: int(z[0]), Z),
    (lambda z: np.float64(z[0]), Z),
    (into_array, Z),
    (into_element, Z),
    (into_element, 2j),
    (float, 2j),
    (lambda z: int(z), 2j),
    (lambda z: np.float32(z), 2j),
    (lambda z: np.int64(z), 2j),
    (lambda z: np.asarray(z, dtype=float), 2j),
    (lambda z: np.complex64(z), 2j),
    (array_into_element, X, ONE),
    (array_into_element_of_rows, X, ONE),
    (added_to_element, X, ONE),
    (in_a_loop, X, ONE),
    (list_into_element, X, ONE),
    (nested_list, X, ONE),
    (array_into_part, X, ONE),
    (lambda x: float(x), ONE),
    (lambda x: int(x), ONE),
    (lambda x: bool(x), ONE),
    (lambda x: x.item(), ONE),
]


def outcome(function, values):
    values = tuple(v.copy() if isinstance(v, np.ndarray) else v for v in values)
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        try:
            result = repr(function(*values))
        except (TypeError, ValueError) as error:
            result = repr(error)
    said = [(w.category, str(w.message)) for w in record if not issubclass(w.category, hy.FallbackWarning)]
    return result, repr(values), said


@pytest.mark.parametrize("case", range(len(CASES)))
def test_what_numpy_refuses_or_warns_of(case):
    function, *values = CASES[case]
    decorated = hy.function(lambda *args: function(*args))
    for _ in range(2):
        assert outcome(decorated, values) == outcome(function, values)


def test_a_number_that_a_round_makes_complex_is_no_conversion():
    def roots(a, b, c):
        x = a
        for _ in range(3):
            step = np.sqrt(b * b - 4 * a * c + 0j)
            x = x + (step if abs(b + step) > abs(b - step) else -step)
        return x

    decorated = hy.function(roots, strict=True)
    for values in ((1.0, 2.0, 3.0), (2.0, 5.0, 1.0)):
        np.testing.assert_allclose(decorated(*values), roots(*values))


# What text says of dtypes ----------------------------------------------------------------------------------------------------
TAKING = [
    lambda x, d: np.multiply(x, 2, dtype=d),
    lambda x, d: x.astype(d),
    lambda x, d: np.zeros(3, d),
    lambda x, d: np.full(2, 1, dtype=d),
    lambda x, d: np.asarray(x, dtype=d),
    lambda x, d: x.sum(dtype=d),
    lambda x, d: np.cumsum(x, dtype=d),
    lambda x, d: np.std(x, dtype=d),
    lambda x, d: np.equal(x, 1, dtype=d),
    lambda x, d: np.concatenate([x, x], dtype=d),
    lambda x, d: np.stack([x, x], dtype=d, casting="unsafe"),
    lambda x, d: np.result_type(d, x),
    lambda x, d: np.eye(2, dtype=d),
]


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
@pytest.mark.parametrize("text", ["i8", "u8", "f16", "f32", "c16", "?", ">i4"])
def test_text_means_what_it_means_to_numpy(text):
    """The graph calls int8 i8, NumPy int64; other orders of bytes, and dtypes that ufuncs refuse, are Python's."""
    for function in TAKING:
        found = []
        for f in (function, hy.function(function, static="d")):
            try:
                result = f(np.arange(3), text)
                found.append((repr(result), getattr(result, "dtype", None)))
            except TypeError:
                found.append(TypeError)
        assert found[0] == found[1]
