"""Errors in compiled code are those of the undecorated function: class, message, the user's line, and no frames of ours."""

from __future__ import annotations

import gc
import math
import os
import traceback
import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import HybridError, TraceError
from hybrid.staging.function import function

OURS = os.path.dirname(hy.__file__)


def index_array(x, i):
    y = x * 2
    return y[i] + 1


def index_in_loop(x, i):
    out = np.zeros(4)
    for k in range(20):
        out[k - i] += x[k]
    return out


def write_out_of_bounds(x, i):
    x[0] = 7
    x[i] = 1
    return x


def take_many(x, i):
    return np.take(x, np.arange(3) * i)


def fancy(x, i):
    return x[np.array([0, 1, 2]) * i]


def assertion(x, i):
    total = (x + 1).sum()
    assert total < 0, "too much"
    return total


def assertion_in_loop(x, i):
    s = 0.0
    for k in range(len(x)):
        s += x[k]
        assert s < 2, f"round {k}"
    return s


def integer_division(x, i):
    n = int(x[1])
    return (n + 1) // (n - 1)


def python_division(x, i):
    y = float(x[1])
    return 1 / (y - 1)


def modulo(x, i):
    s = 0
    for k in range(10):
        s += 100 % (9 - k)
    return s + x[0]


def raises_by_itself(x, i):
    y = x * 2
    if y[1] > 0:
        raise ValueError(f"not this: {i}")
    return y


def raises_in_helper(x, i):
    y = x + 1
    return _refuse(y) * 2


def _refuse(v):
    if v.sum() > 1:
        raise KeyError("sum")
    return v


def raises_in_loop(x, i):
    k = 0
    while True:
        k += 1
        if k > 12:
            raise RuntimeError("no end")
        x[0] += 1


def raises_from(x, i):
    try:
        return x[i + 100]
    except IndexError as error:
        raise LookupError("gone") from error


def finally_and_raise(x, i):
    try:
        x[0] = 3
        return x[i + 100]
    finally:
        x[1] = 4


def singular(x, i):
    a = np.zeros((3, 3))
    return np.linalg.inv(a + x[0])


def singular_solve(x, i):
    a = np.outer(x[:3], x[:3])
    return np.linalg.solve(a * 0, x[:3])


def cholesky(x, i):
    return np.linalg.cholesky(-np.eye(3) * x[1])


def shapes(x, i):
    y = x + 1
    return y + np.ones(7)


def reshape(x, i):
    y = x * 2
    return y.reshape(3, -1)


def matmul(x, i):
    return np.ones((2, 3)) @ x


def broadcast_write(x, i):
    x[:3] = np.ones(4)
    return x


def bad_axis(x, i):
    return (x * 2).sum(axis=3)


def math_domain(x, i):
    return math.sqrt(x[1] - 100) + 1


def math_log(x, i):
    total = 0.0
    for k in range(10):
        total += math.log(5.0 - k)
    return total + x[0]


def overflow(x, i):
    return math.exp(x[1] * 1e6)


def to_integer(x, i):
    return int(x[1] * np.inf)


def attribute(x, i):
    return (x * 2).nothing


def missing_name(x, i):
    y = x + 1
    return y + nowhere  # noqa: F821


def unbound(x, i):
    if x[0] > 100:
        y = x
    return y


def wrong_arguments(x, i):
    return _refuse(x, i, 3)


def type_error(x, i):
    return (x + 1) + "a"


def zero_step(x, i):
    return x[:: i - i]


def unpack(x, i):
    a, b = x[:3] * 2
    return a + b


def empty_max(x, i):
    return (x * 2)[:0].max()


def concatenate(x, i):
    return np.concatenate([x * 2, np.ones((2, 2))])


def key(x, i):
    table = {"a": x}
    return table["b"] + 1


def recursion(x, i):
    return recursion(x, i) + 1


def read_only(x, i):
    y = np.broadcast_to(x, (2, len(x)))
    y[0, 0] = 1
    return y


def python_integers(x, i):
    out = np.zeros(3, np.int8)
    out[0] = 1000 * i
    return out


def negative_power(x, i):
    return np.arange(3) ** -i


def float_error(x, i):
    with np.errstate(divide="raise"):
        return 1 / (x * 0)


def shift(x, i):
    n = int(x[1])
    return 1 << (n - 10)


def repeats(x, i):
    n = int(x[1])
    return np.zeros(n - 10)


def search(x, i):
    return list(range(3)).index(int(x[5]))


def string(x, i):
    return float("abc") + x


def interpolation(x, i):
    return np.interp(x, [0.0, 1.0], [1.0])


CASES = [value for value in list(globals().values()) if getattr(value, "__code__", None)
         and value.__code__.co_varnames[:2] == ("x", "i") and not value.__name__.startswith("_")]  # fmt: skip


def outcome(f, x, i):
    try:
        return f(x, i), None
    except Exception as error:
        return None, error


def places(error):
    """The frames of an error and of what it came from, below the one that called."""
    chain = []
    while error is not None:
        chain.append([(f.filename, f.lineno, f.name) for f in traceback.extract_tb(error.__traceback__)][1:])
        error = error.__cause__ or error.__context__
    return chain


@pytest.fixture
def no_collections():
    """Where a recursion ends the stack, finalisers of other tests' garbage would raise, too."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collections")
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("plain", CASES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("kind", ["ndarray", "tensor"])
def test_the_error_is_the_users(plain, kind, strict):
    f = function(plain, strict=strict)
    for _ in range(7):  # traced, native, given up
        a, b = np.arange(20.0), np.arange(20.0)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            want, expected = outcome(plain, a if kind == "ndarray" else hy.tensor(a, dtype="float64"), 9)
            got, error = outcome(f, b if kind == "ndarray" else hy.tensor(b, dtype="float64"), 9)
        refused = strict and isinstance(error, HybridError)  # what cannot be compiled, or an error found while tracing
        assert refused or type(error) is type(expected), error
        assert not refused or isinstance(error, (TraceError, type(expected))), error
        if not refused:
            np.testing.assert_array_equal(a, b)
        if expected is None:
            np.testing.assert_allclose(np.asarray(got), np.asarray(want))
            continue
        assert refused or str(error) == str(expected)
        mine, theirs = places(error), places(expected)
        if kind == "ndarray" and not refused and not isinstance(error, RecursionError):
            assert mine == theirs
        assert not any(file.startswith(OURS) for frames in mine for file, _, _ in frames), mine


def test_the_text_of_an_error_need_not_be_known():
    def pivots(a):
        for i in range(len(a)):
            if a[i] == 0:
                raise ZeroDivisionError("pivot %d of %d is %s" % (i, len(a), a[i]))  # noqa: UP031
            if a[i] < 0:
                raise ValueError(f"negative: {a[i]:.3f}")
            a[i] = 1 / a[i]
        return a

    decorated = hy.function(pivots, strict=True)
    np.testing.assert_array_equal(decorated(np.arange(1.0, 9)), pivots(np.arange(1.0, 9)))
    for bad in ([1.0, 0.0, 2.0, 3.0, 4.0], [1.0, 2.0, -0.25, 1.0, 0.0]):
        with pytest.raises((ZeroDivisionError, ValueError)) as want:
            pivots(np.array(bad))
        with pytest.raises(want.type) as got:
            hy.function(pivots)(np.array(bad))
        assert str(got.value) == str(want.value)


def test_an_error_that_is_caught_keeps_its_text():
    def caught(x):
        if x > 0:
            try:
                raise ValueError(f"x is {x}")
            except ValueError as error:
                return str(error)
            except:  # noqa: E722
                return "none"
        return "negative"

    decorated = hy.function(caught)
    for x in (1.5, -2.0, 2.5):
        assert decorated(x) == caught(x)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_an_error_of_an_operation_that_is_caught_keeps_its_text():
    def added(a, b):
        try:
            return a + b
        except ValueError as error:
            return str(error)

    def found(a, b):
        try:
            return a.reshape(b.shape), float(a[b.size])
        except (ValueError, IndexError, TypeError) as error:
            return [type(error), *error.args]

    for f in (added, found):
        decorated = hy.function(f)
        for a, b in ((3, 3), (3, 4), (4, 5), (5, 2), (3, 4)):
            x, y = np.ones(a), np.ones(b)
            assert repr(decorated(x, y)) == repr(f(x, y))


def test_an_error_that_nobody_looks_at_is_compiled():
    def added(a, b):
        try:
            return a + b
        except ValueError:
            return a

    decorated = hy.function(added, strict=True)
    for _ in range(2):
        np.testing.assert_array_equal(decorated(np.ones(3), np.ones(4)), np.ones(3))


def test_a_nested_function_that_calls_itself_is_taken_to_end():
    def halves(a, b):
        def part(a, b):
            middle = (a + b) / 2
            if b - a < 0.6:
                return middle * middle * (b - a)
            return part(a, middle) + part(middle, b)

        return part(a, b)

    decorated = hy.function(halves, strict=True)
    assert decorated(0.0, 1.0) == halves(0.0, 1.0)
