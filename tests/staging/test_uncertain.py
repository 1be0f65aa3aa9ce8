"""Variables that are of one class in some runs and of another in others: numbers, None, strings, or nothing."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function
from tests.staging.conftest import same as alike


def same(f, *cases):
    """Compiled as a whole, a function gives what it gives undecorated."""
    compiled = function(f, strict=True)
    for case in cases:
        assert alike(compiled(*case), f(*case)), (case, compiled(*case), f(*case))


ONE_TO_SIX = np.arange(1.0, 7.0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "uint8", "int32", "int64", "uint64"])
@pytest.mark.parametrize("limit", [2, 100])
def test_a_number_that_may_have_stayed_as_it_was(dtype, limit):
    def whole(x, t):
        s = 0
        for v in x:
            if v > t:
                s += v
        return s, s * 2, s + 1, s / 3, s**2, s * 2.5, abs(s), s > 1, s == 0, not s, np.sqrt(s)

    def broken(x, t):
        s = 0.1
        for v in x:
            if v > t:
                s = v
        y, z = np.zeros(3), np.zeros(3, np.float32)
        y[:] = s
        z[0] = s
        return s, s * 2, s + 1, s / 3, s * 2.5, abs(s), s > 1, s == 0, np.sqrt(s), y, z

    same(whole, (ONE_TO_SIX.astype(dtype), limit))
    same(broken, (ONE_TO_SIX.astype(dtype), limit))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_arrays_of_numbers_of_either_class(dtype):
    def rows(x):
        out, narrow = np.zeros((len(x), 3)), np.zeros((len(x), 2), np.float32)
        for n, v in enumerate(x):
            least = max(v - 3, 0.1)
            out[n] = v, least, n
            narrow[n] = [least, 2 * least]
        return out, narrow, np.array([least, 1], dtype=float)

    def joined(x):
        v, out = x[0], []
        for _ in range(4):
            out.append(np.hstack([v, 2, 0.5]).sum() + np.append(np.ones(2), v)[-1] + np.array([v, 0.25])[0])
            v = np.float64(v) / 4 + 0.25
        return out

    for f in (rows, joined):
        same(f, (ONE_TO_SIX.astype(dtype),), (ONE_TO_SIX[::-1].astype(dtype),))


def test_values_are_not_rounded_to_the_other_class():
    def last(x, s):
        for v in x:
            s = v
        return s

    def either(x, k):
        if x.sum() > 0:
            k = x[0]
        return k

    assert function(last)(np.zeros(0, np.float32), 0.1) == 0.1
    with pytest.warns(UserWarning, match="takes for granted"):
        assert function(either)(-np.ones(3), 2**60 + 1) == 2**60 + 1
    assert function(either)(-np.ones(3, np.float32), 0.1) == 0.1


def test_none_until_something_is_found():
    def first(x, t):
        best = None
        for i in range(len(x)):
            if x[i] > t and best is None:
                best = i
        return best

    def largest(x):
        best = None
        for v in x:
            if best is None or v > best:
                best = v
        return best

    def gaps(x, t):
        last, hits = None, 0
        for v in x:
            if last is not None and v - last > t:
                hits += 1
            last = v
        return hits, last

    same(first, (ONE_TO_SIX, 2.5), (ONE_TO_SIX, 9.0))
    same(largest, (ONE_TO_SIX[::-1].copy(),), (ONE_TO_SIX[:1],), (np.zeros(0),))
    same(gaps, (np.array([1.0, 2, 5, 6, 9, 9]), 2.0), (np.zeros(0), 2.0))


def test_a_string_a_number_or_another_number_is_returned():
    def status(x, t):
        if x.sum() > 20:
            return "big"
        for i in range(len(x)):
            if x[i] == t:
                return i
        return x.min()

    same(status, (ONE_TO_SIX, 2.0), (np.array([1.0, -2, -3, 4, 5, -6]), 4.0), (np.zeros(6), 4.0))


def test_a_loop_may_return_none_early():
    def sift(a, root, end):
        while 2 * root + 1 < end:
            child = 2 * root + 1
            if child + 1 < end and a[child] < a[child + 1]:
                child += 1
            if a[root] >= a[child]:
                return
            a[root], a[child] = a[child], a[root]
            root = child

    def heap(a):
        for start in range(len(a) // 2 - 1, -1, -1):
            sift(a, start, len(a))
        return a

    same(heap, (np.random.default_rng(0).permutation(30),))


def test_found_is_bound_in_the_loop_or_after_it():
    def search(x, target):
        i = 0
        while i < len(x):
            if x[i] >= target:
                found = True
                break
            i += 1
        else:
            found, i = False, -1
        return i, found

    same(search, (ONE_TO_SIX, 4.0), (ONE_TO_SIX, 40.0), (np.zeros(0), 1.0))


def test_what_is_asked_of_a_class():
    def f(x, t):
        s = 0.0
        for v in x:
            if v > t:
                s += v
        flag, other = bool(x[0] > 1), x[0] > 1
        return isinstance(s, np.floating), isinstance(s, float), flag is True, other is True, flag is not False, None is s

    same(f, *((ONE_TO_SIX.astype(d), t) for d in ("f", "d") for t in (2.5, 9.0)), (ONE_TO_SIX + 1, 2.0))


def test_python_arithmetic_still_raises():
    def f(x, t):
        s = 0.0
        for v in x:
            if v > t:
                s = v
        return 1.0 / s

    compiled = function(f)
    assert compiled(ONE_TO_SIX, 2.0) == 1 / 6.0
    with pytest.raises(ZeroDivisionError):
        compiled(ONE_TO_SIX, 9.0)


def test_python_integers_still_grow():
    def f(x, t, s):
        for v in x:
            if v > t:
                s = v
        return s + s

    compiled = function(f)
    assert compiled(np.arange(6), 2, 2**62) == 10
    with pytest.warns(UserWarning):
        assert compiled(np.arange(6), 9, 2**62) == 2**63


# Sizes, rounds and places ------------------------------------------------------------------------------------------------
def test_sizes_that_only_a_run_knows_go_together():
    def parts(x, offsets):
        y, m = np.zeros_like(x), np.zeros((len(offsets) - 1, 3))
        for i in range(len(offsets) - 1):
            a, b = offsets[i], offsets[i + 1]
            y[a:b] = x[: b - a] * 2
            y[: b - a] += x[a:b]
            m[i] = x[a:b].mean(), x[a:b].std(ddof=1), x[a:b] @ x[: b - a]
        return y, m

    x = np.random.default_rng(0).random(20)
    same(parts, (x, np.array([0, 4, 9, 20])), (x, np.array([0, 2, 4, 6, 8, 11, 20])))
    with pytest.raises(ValueError, match="broadcast"):
        function(lambda x, n: [x[: n[k]] + x[: n[k + 1]] for k in range(len(n) - 1)])(x, np.arange(2, 9))


def test_rounds_that_raise_are_not_made():
    def search(x, v):
        lo, hi = 0, len(x) - 1
        while lo <= hi:
            mid = (lo + hi) // 2
            if x[mid] == v:
                return mid
            lo, hi = (mid + 1, hi) if x[mid] < v else (lo, mid - 1)
        return -1

    same(search, (ONE_TO_SIX, 4.0), (np.zeros(0), 4.0))


def test_an_error_of_numpys_own_is_no_refusal():
    def f(x, y):
        x += y
        return x

    with pytest.raises(TypeError, match="Cannot cast ufunc 'add' output"):
        function(f, strict=True)(np.zeros(3, int), np.zeros(3))


def test_arrays_that_may_be_one_stay_one():
    def rounds(x, n):
        a = x + 1
        b = a
        for _ in range(int(n.sum())):
            b = b * 2
        return a, b

    def places(x, n):
        y = x * 2
        return y, y[int(n.sum())]

    def swaps(x, n):
        y = np.zeros_like(x)
        while n > 0:
            n -= 1
            y, x = x, y
        return y

    x = np.arange(6.0).reshape(3, 2)
    with pytest.warns(UserWarning):
        a, b = function(rounds)(x, np.array([0]))
    assert a is b
    with pytest.warns(UserWarning):
        y, row = function(places)(x, np.array([1]))
    assert np.shares_memory(y, row)
    with pytest.warns(UserWarning):
        assert function(swaps)(x, 1) is x


@pytest.mark.filterwarnings("ignore:.*takes for granted")
def test_a_recursion_that_soon_ends():
    def reflected(x):
        return 1 / reflected(1 - x) if x < 0.5 else x * x

    def digits(n):
        return 1 if n < 10 else 1 + digits(n // 10)

    same(reflected, (0.25,), (0.75,), (np.float64(0.25),))
    compiled = function(lambda x: digits(int(x.sum())))
    assert [compiled(np.array([n])) for n in (7, 70, 700, 7 * 10**9)] == [1, 2, 3, 10]


# A tuple or an array, or None ------------------------------------------------------------------------------------------
def test_a_tuple_or_none():
    def closest(x):
        best, least = None, float("inf")
        for i in range(len(x)):
            for j in range(i + 1, len(x)):
                if abs(x[i] - x[j]) < least:
                    least, best = abs(x[i] - x[j]), (i, j)
        return least, best

    def first(x):
        for i in range(len(x)):
            if x[i] > 0.5:
                return i, x[i]
        return None

    def greatest(x):
        best = None
        for i in range(len(x)):
            if best is None or x[i] > best[1]:
                best = i, x[i]
        if not best:
            return -1
        k, value = best
        return k, value, isinstance(best, tuple), len(best), best[1:], *best

    rng = np.random.default_rng(0)
    for f in (closest, first, greatest):
        same(f, *((rng.random(n),) for n in (40, 1, 0, 2, 3)), (np.zeros(9),))


def test_none_again():
    def last_rise(x, limit):
        found, count = None, 0
        k = 1
        while k < len(x):
            if x[k] > x[k - 1]:
                found = (k, x[k] - x[k - 1])
            elif x[k] < limit:
                found = None
                count += 1
            k += 1
        return found, count

    x = np.random.default_rng(1).random(30)
    same(last_rise, (x, 0.2), (x, 0.0), (x[:0], 0.5), (x, 2.0))


def test_what_none_cannot_do_is_python_s():
    def f(x):
        pair = None
        for i in range(len(x)):
            if x[i] > 0.5:
                pair = (i, i + 1)
        a, b = pair
        return a * b

    compiled = function(f)
    assert compiled(np.ones(9)) == 72
    with pytest.raises(TypeError, match="cannot unpack non-iterable NoneType"):
        compiled(np.zeros(9))


def test_an_array_or_none():
    def unless(x, t):
        return None if x.sum() > t else x * 2

    def pair(x, t):
        return (x * 2, 3) if x.sum() > t else (None, 4)

    def best_of(x, rounds):
        best, least = None, np.inf
        for _ in range(rounds):
            x = x * 0.9 - 0.01
            if abs(x).sum() < least:
                least, best = abs(x).sum(), x.copy()
        if best is None:
            return least, None
        return best.sum() + least, best

    same(unless, (np.ones(4), 3.0), (np.ones(4), 5.0))
    same(pair, (np.ones(4), 3.0), (np.ones(4), 5.0))
    same(best_of, (np.ones(4), 30), (np.zeros(3), 9))


def test_a_known_integer_on_one_way_has_a_quotient_and_a_remainder():
    def f(k):
        z = 0.5
        if k > 0:
            z = 0
        return z % 10, z // 10, z

    compiled = function(f, strict=True)
    for k in (1.0, -1.0, 2.0):
        assert [(type(a), a) for a in compiled(k)] == [(type(a), a) for a in f(k)]


@pytest.mark.parametrize("number", [np.complex128(1 + 2j), np.complex128(0)])
def test_complex_numbers_of_numpy_beside_pythons(number):
    """One compiled call after the first raised what `int(1 + 2j)` raises."""

    def f(u):
        return u and 1, u or 2.5, max([u, 2, 3]), sorted([u, 1, 2]), 1 if abs(u) > 1 else u

    made = function(f, strict=True)
    for _ in range(3):
        assert repr(made(number)) == repr(f(number))


def test_parts_of_pythons_numbers():
    def f(a):
        u = a[0].item()
        return u.real, u.imag, np.real(u), np.imag(u), u.conjugate(), np.vdot(u, u)

    for a in (np.array([True]), np.array([3]), np.array([-0.0]), np.array([2 + 3j])):
        assert repr(function(f, strict=True)(a)) == repr(f(a))


@pytest.mark.parametrize("number", [np.complex128(1 + 2j), np.bool_(True)])
@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_what_cannot_be_rounded(number):
    for f in (lambda u: round(u, 1), lambda u: round(u, 0), round, lambda u: round(u, -1)):
        for called in (f, function(f)):
            with pytest.raises(TypeError, match="__round__"):
                called(number)
