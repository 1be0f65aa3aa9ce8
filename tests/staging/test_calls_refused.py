"""Calls that are Python's though others of the function are compiled: raised where it is strict, and told with a line."""

import warnings

import numpy as np
import pytest

import hybrid as hy


def both(a, b):
    a[0] = 1.5
    b += 1
    return b[::2]


def bits():
    a = np.zeros(6)
    return a, a.view(np.int64)  # views of two dtypes are no slices of one array


def test_strict_raises_for_one_call_that_is_left_to_python():
    f = hy.function(both, strict=True)
    for _ in range(2):
        with pytest.raises(hy.errors.TraceError, match=r"shares memory with another one \(test_calls_refused\.py:\d+\)"):
            f(*bits())
    a, b = np.zeros(6), np.zeros(6, np.int64)
    np.testing.assert_array_equal(f(a, b), [1, 1, 1])
    assert a[0] == 1.5


def test_explain_tells_of_calls_that_ran_as_plain_python():
    f = hy.function(both)
    a, b = np.zeros(6), np.zeros(6, np.int64)
    f(a, b)
    assert "plain Python" not in f.explain()
    with pytest.warns(hy.FallbackWarning, match=r"shares memory with another one \(test_calls_refused\.py:\d+\)"):
        f(*bits())
    f(*bits())
    assert f.explain().count("some calls run as plain Python: a written argument shares memory with another one (") == 1
    f.clear()
    assert "plain Python" not in f.explain()


def test_a_reason_without_a_line_gets_that_of_the_function():
    def doubled(x):
        for v in x:
            yield 2 * v

    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        hy.function(doubled)([1.0])
        hy.function(lambda x: x * 2)(np.array(["2020-01-01"], "M8[D]") - np.datetime64("2019-01-01"))
    line = doubled.__code__.co_firstlineno
    texts = [str(told.message) for told in record]
    assert texts[0].endswith(f"generator functions are not compiled (test_calls_refused.py:{line})")
    assert "test_calls_refused.py:" in texts[1]
