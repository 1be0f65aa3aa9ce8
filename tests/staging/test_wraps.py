"""NumPy's integer scalars warn where they wrap around, arrays do not: compiled calls do as undecorated ones."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid import function
from hybrid.runtime import flags
from hybrid.staging.traced import taken

DTYPES = (np.int8, np.uint16, np.int32, np.int64, np.uint64)


def said(f, *args):
    """The result, and what it warned of, line by line."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        out = f(*args)
    return out, {(str(w.message), w.lineno) for w in record}


def elementwise(a, b):
    out = np.zeros((8, a.shape[0]), a.dtype)
    for i in range(a.shape[0]):
        out[0, i] = a[i] + b[i]
        out[1, i] = a[i] - b[i]
        out[2, i] = a[i] * b[i]
        out[3, i] = a[i] // b[i]
        out[4, i] = -a[i]
        out[5, i] = abs(a[i])
        out[6, i] = 3 * a[i]
        out[7, i] = a[i] - b[i] if a[i] > b[i] else b[i] - a[i]
    return out


def products_alone(a, b):
    out = np.zeros(a.shape[0], a.dtype)
    for i in range(a.shape[0]):
        out[i] = a[i] * b[i]
    return out


def sums(a, b):
    total, product, less = a[0], b[0], a[0]
    for i in range(1, a.shape[0]):
        total = total + a[i] * b[i]
    for x in b:
        product *= x
    for i in range(a.shape[0]):
        less -= b[i]
    return total, product, less, sum(a)


def together(a, b):
    total, rest = a[0], b[0]
    out = np.zeros(a.shape[0], a.dtype)
    for i in range(a.shape[0]):
        total += a[i]
        rest = rest - a[i]
        out[i] = a[i] + 1
    return total, rest, out


def branching(a, b):
    total, i = a[0], 0
    while i < a.shape[0] - 1:
        i += 1
        total = total + a[i] if a[i] > b[i] else total - b[i]
    return total


def recurrence(a, b):
    c = a.copy()
    for i in range(1, c.shape[0]):
        c[i] = c[i - 1] + c[i]
    return c


def matrices(a, b):
    x, y, c = a[:4].reshape(2, 2), b[:4].reshape(2, 2), np.zeros((2, 2), a.dtype)
    for i in range(2):
        for j in range(2):
            for k in range(2):
                c[i, j] += x[i, k] * y[k, j]
    return c


def operands(dtype, size):
    """Small numbers, and some among which one is as large or as small as can be, or -1."""
    info, rng = np.iinfo(dtype), np.random.default_rng(size)
    for end, at in ((None, 0), (info.max, 2), (info.min, -1), (-1 if info.min else 1, -1)):
        x = rng.integers(1, 3, size).astype(dtype)
        if end is not None:
            x[at] = end
        yield x


@pytest.mark.parametrize("program", [elementwise, products_alone, sums, together, branching, recurrence, matrices])
def test_scalars_say_where_they_wrap_around(program):
    compiled, heard = function(program, strict=True), 0
    for dtype in DTYPES:
        small, large, least, minus = operands(dtype, 37)
        for a, b in ((small, small), (large, small), (small, large), (least, minus), (least, small), (large, large)):
            want, warned = said(program, a, b)
            for _ in range(2):
                got, also = said(compiled, a, b)
                assert also == warned, (dtype, a, b)
                assert all(map(np.array_equal, want, got)) if isinstance(want, tuple) else np.array_equal(want, got)
            heard += bool(warned)
    assert heard > 5


@pytest.mark.parametrize("program", [products_alone, sums, together, branching, recurrence, matrices])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_numbers_that_fit_raise_no_flag(program, dtype):
    """Also those that loops look at twice: operands so long that they might not."""
    info, rng = np.iinfo(dtype), np.random.default_rng(0)
    small = rng.integers(1, 5, 6).astype(dtype), rng.integers(1, 3, 6).astype(dtype)
    long = small[0] * 0, np.array([1, 1, -1, -1, 1, 1], dtype)
    long[0][[2, 3]] = info.max - 7, -(info.max - 9)
    compiled = function(program, strict=True)
    for a, b in (small, long if program in (products_alone, sums, together) else small):
        assert said(program, a, b)[1] == set()
        compiled(a, b)
        found, call = compiled.__hybrid__._find((a, b), {})
        seen = flags.Seen()
        found.plan.run([taken(found.traced.leaves[k], call.values[k]) for k in found.traced.inputs], seen)
        assert not seen.flags & ~flags.UNDER


def test_arrays_wrap_around_in_silence():
    def f(a, b):
        return a + b, a * b, -a, abs(a), np.add(a[0], b[0]), np.negative(a[0]), a[0] << 1, a[0] ** 2, np.array(a[0]) + a[0]

    a = np.array([-128, 127], np.int8)
    want, got = said(f, a, a), said(function(f, strict=True), a, a)
    assert want[1] == got[1] == set()
    assert all(map(np.array_equal, want[0], got[0]))


def test_errors_of_wrapping_are_raised_where_asked_for():
    def f(a):
        return a[0] * a[1]

    a, compiled = np.array([2**40, 2**40]), function(f, strict=True)
    assert compiled(a % 1000) == f(a % 1000)
    for _ in range(2):
        with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow encountered in scalar multiply"):
            compiled(a)
        with np.errstate(over="ignore"):
            assert compiled(a) == 0


def test_division_of_the_least_integer_is_heard_in_arrays_too():
    def f(a, b):
        return a // b, np.divmod(a, b), a % b

    a, compiled = np.array([-(2**63), 5]), function(f, strict=True)
    b = np.array([-1, 2])
    for _ in range(2):
        (want, warned), (got, also) = said(f, a, b), said(compiled, a, b)
        assert also == warned and {text for text, _ in also} == {
            "overflow encountered in floor_divide",
            "overflow encountered in divmod",
        }
        assert np.array_equal(want[0], got[0]) and np.array_equal(want[1], got[1]) and np.array_equal(want[2], got[2])
