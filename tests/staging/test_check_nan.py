"""`config.check_nan` and `config.check_inf`: the first operation that makes a NaN or an infinity, eager and compiled."""

from __future__ import annotations

import math
import threading
import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.config import config
from hybrid.core.errors import HybridError, NotFiniteError
from hybrid.staging.function import FallbackWarning, function
from tests.tools import in_subprocess


@pytest.fixture(autouse=True)
def checking():
    with config.override(check_nan=True):
        yield


def line_of(f, offset):
    return f"test_check_nan.py:{f.__code__.co_firstlineno + offset}"


def logs(x):
    y = x - 1
    return np.log(y) + 1


def root(x, n):
    total = np.zeros_like(x)
    for k in range(n):
        y = x - k
        total += np.sqrt(y)
    return total


def test_a_compiled_call_names_operation_line_and_place():
    f, x = function(logs), np.array([[2.0, 3.0], [0.5, 0.25]])
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError) as caught:
        f(x)
    error = str(caught.value)
    assert "log gives a NaN at index (1, 0), and 1 more of 4" in error and "operands -0.5" in error
    assert f"{line_of(logs, 2)}: return np.log(y) + 1" in error
    assert isinstance(caught.value, NotFiniteError) and isinstance(caught.value, HybridError)
    np.testing.assert_allclose(f(x + 2), logs(x + 2), rtol=1e-15)


@pytest.mark.parametrize("n", [3, 12])
def test_a_round_of_a_loop(n):
    f = function(root)
    f(np.arange(20.0, 30.0), n)
    with pytest.raises(FloatingPointError, match=r"sqrt gives a NaN at index 0(.|\n)*operands -0\.5") as caught:
        f(np.array([1.5, 30.0]), n)
    assert line_of(root, 4) in str(caught.value)
    assert n == 3 or "in round 2" in str(caught.value)


def test_a_while_loop_and_a_branch():
    @function
    def newton(x):
        while x > -2:
            x = x - 1
            if x < 0:
                x = np.log(x)
        return x

    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"log gives a NaN(.|\n)*operands -0.5"):
        newton(np.float64(2.5))
    with pytest.raises(FloatingPointError, match="in round 2"):
        newton(np.float64(2.5))


def test_nans_that_come_in_are_nobodys_fault():
    x = np.array([1.5, np.nan])
    np.testing.assert_array_equal(function(logs)(x), logs(x))
    with np.errstate(all="ignore"):
        assert np.isinf(function(lambda x: 1 / x)(np.zeros(2))).all()


def test_infinities_are_asked_for_apart():
    f = function(lambda x: 1 / x)
    with config.override(check_nan=False, check_inf=True):
        with pytest.raises(FloatingPointError, match=r"div gives -?inf at index 1"):
            f(np.array([1.0, 0.0]))
        with np.errstate(all="ignore"):
            assert np.isnan(function(logs)(np.zeros(2))).all()
    with np.errstate(all="ignore"):
        assert np.isinf(f(np.array([1.0, 0.0]))[1])


MAKERS = (
    np.sqrt, hy.sqrt, lambda x: (x + 1)[1:] / (x + 1)[1:], lambda x: x[:0].mean(), lambda x: (x + 1) / (x + 1).sum() * np.inf,
)  # fmt: skip


@pytest.mark.parametrize("make", MAKERS)
def test_eager_tensors(make):
    x = hy.tensor(np.array([1.0, -1.0]))
    with np.errstate(all="ignore"):
        with pytest.raises(FloatingPointError, match=r"gives a NaN(.|\n)*test_check_nan.py"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            make(x)
        with config.override(check_nan=False):
            assert np.isnan(np.sqrt(x)[1])


def test_plain_python_is_checked_by_numpy():
    @function
    def f(x):
        return [np.sqrt(x)] if x.tolist()[0] < 0 else x

    with pytest.raises(FloatingPointError, match=r"invalid value(.|\n)*test_check_nan.py") as caught:
        f(np.array([-1.0]))
    assert "return [np.sqrt(x)]" in str(caught.value)


def test_what_python_raises_stays_what_it_raises():
    @function
    def f(x):
        total = 0.0
        for k in range(10):
            total += math.sqrt(5.0 - k) + x[k]
        return total

    with pytest.raises(ValueError, match=r"math domain|nonnegative"):
        f(np.ones(10))


def test_nothing_is_written_before_the_error():
    @function
    def f(x):
        x += 1
        x[...] = np.log(x)

    x = np.array([1.0, -3.0])
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError):
        f(x)
    assert x.tolist() == [1.0, -3.0]


def test_switched_on_and_off_it_reaches_calls_that_machine_code_took():
    f, x = function(logs), np.array([0.0])
    with config.override(check_nan=False), np.errstate(all="ignore"):
        f(x), f(x)
        assert f.stats()["native_calls"] > 0
    for _ in range(2):
        with np.errstate(all="ignore"), pytest.raises(FloatingPointError):
            f(x)
    with config.override(check_nan=False), np.errstate(all="ignore"):
        assert np.isnan(f(x))


def test_other_threads_and_the_environment():
    seen = []

    def work():
        try:
            function(logs)(np.zeros(1))
        except FloatingPointError as error:
            seen.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(seen) == 1
    source = (
        "import numpy as np, hybrid as hy\ntry:\n    hy.function(lambda x: np.sqrt(x))(np.array([-1.0]))\n"
        "except FloatingPointError: print('found')"
    )
    assert in_subprocess(source, HYBRID_CHECK_NAN="1").stdout == "found\n"


def test_a_function_that_stays_python_may_call_decorated_ones():
    inner = function(logs, strict=True)

    @function
    def outer(x):
        assert x.tolist()
        return inner(x)

    with pytest.warns(FallbackWarning):
        np.testing.assert_array_equal(outer(np.array([3.0])), logs(np.array([3.0])))
    with pytest.raises(FloatingPointError, match="log gives a NaN"):
        outer(np.array([0.5]))


def test_in_place_operations_of_eager_tensors():
    x = hy.tensor(np.array([0.0, 1.0]))
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match=r"divide gives a NaN at index 0"):
        x /= hy.tensor(np.array([0.0, 1.0]))
