"""`==` and `!=` with what is no array: element by element, as NumPy, eager and decorated."""

import operator

import numpy as np
import pytest

import hybrid as hy

X = np.arange(6.0).reshape(2, 3)


class Thing:
    """Compares by identity."""


OTHERS = {"None": None, "str": "a", "bytes": b"a", "object": Thing(), "dict": {}, "set": {1}, "type": int, "range": range(3)}


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("compare", [operator.eq, operator.ne])
@pytest.mark.parametrize("other", OTHERS.values(), ids=list(OTHERS))
def test_an_array_is_compared_element_by_element(compare, other):
    want = compare(X, other)
    for found in (hy.function(lambda x: compare(x, other))(X), hy.function(lambda x: compare(other, x))(X)):
        assert type(found) is np.ndarray
        np.testing.assert_array_equal(found, want)
    eager = compare(hy.asarray(X), other)
    assert isinstance(eager, hy.Tensor)
    np.testing.assert_array_equal(eager.numpy(), want)


@pytest.mark.parametrize("number", [3.0, np.float64(3.0)])
def test_a_number_is_not_none(number):
    strict = hy.function(lambda x: (x == None, x != None), strict=True)  # noqa: E711
    assert strict(number) == (False, True)
    assert [type(part) for part in strict(number)] == [type(number == None), type(number != None)]  # noqa: E711


def test_a_range_is_a_sequence_of_numbers():
    def f(x):
        x += range(3)
        return x * range(3) + range(len(x), len(x) + 3)

    want = f(X.copy())
    np.testing.assert_array_equal(hy.function(f, strict=True)(X.copy()), want)
    np.testing.assert_array_equal(f(hy.asarray(X.copy())).numpy(), want)


def test_in_converted_code():
    def f(x, y):
        total = 0.0
        for k in range(len(x)):
            if x[k, 0] > 1:
                total += x[k, 0]
        return total, (x == y).sum(), x[..., 0] != y

    with pytest.warns(hy.FallbackWarning, match="compared with a NoneType"):
        total, same, other = hy.function(f)(X, None)
    assert (total, same) == (3.0, 0) and other.all() and other.shape == (2,)
