"""Functions of arrays that the user compiled with Numba, called by machine code: no Python in between."""

from __future__ import annotations

import gc
import math
import threading
import warnings

import numba
import numpy as np
import pytest
from numba.core.runtime import _nrt_python, rtsys

import hybrid as hy
from hybrid.core.errors import ArgumentError, HybridError
from hybrid.staging.function import function

DTYPES = ["float64", "float32", "int64", "int32", "uint8", "bool", "complex128", "complex64"]


@numba.njit
def reversed_twice(x):
    out = np.empty((2, x.shape[0]), x.dtype)
    for i in range(x.shape[0]):
        out[0, i] = x[i]
        out[1, i] = x[x.shape[0] - 1 - i]
    return out


@numba.njit
def mirrored(x):
    for i in range(x.shape[0] // 2):
        x[i], x[-1 - i] = x[-1 - i], x[i]


@numba.njit
def relax(u, f, h, steps=3):
    for _ in range(steps):
        for i in range(1, len(u) - 1):
            u[i] = 0.5 * (u[i - 1] + u[i + 1] + h * h * f[i])


@numba.njit
def exchange(a, b):
    for i in range(len(a)):
        a[i], b[i] = b[i], a[i] + 1


@numba.njit
def weights(a, i, j, k, flag, small):
    return a[i] * j + k, i + j, flag and a[0] > 0, small * np.float32(0.1), len(a)


@numba.njit
def total(x):
    s = 0.0
    for v in np.nditer(x):
        s += v.item()
    return s, x.sum(), x.ravel()[1]


@numba.njit
def rows(x):
    return x * 2, x.sum(axis=0), x.T.copy()


@numba.njit
def picked(x, i):
    if i >= len(x):
        raise IndexError("beyond the end")
    return x[i] * 2


@numba.njit
def shared(x):
    return x[1:]


@numba.njit(fastmath=True)
def fast(x):
    s = 0.0
    for v in x:
        s += v
    return s


@numba.njit(parallel=True)
def spread(x):
    out = np.empty_like(x)
    for i in numba.prange(len(x)):
        out[i] = x[i] ** 2
    return out


@numba.njit("float64[:](float64[:], float64)")
def signed(x, k):
    return x * k


@numba.njit
def nothing(x):
    x[0] = 5


@numba.njit
def spectrum(a, b):
    return np.linalg.solve(a, b)


def equal(a, b):
    if isinstance(a, tuple):
        return type(b) is tuple and len(a) == len(b) and all(map(equal, a, b))
    same = type(a) is type(b) and np.asarray(a).dtype == np.asarray(b).dtype and np.shape(a) == np.shape(b)
    return same and np.array_equal(a, b, equal_nan=np.asarray(a).dtype.kind in "fc") and np.shape(a) == np.shape(b)


def agrees(program, *args, times=2):
    """A strict function gives what plain Python gives, in its arguments, too; its trace calls no Python."""
    f = function(program, strict=True)
    for _ in range(times):
        own, theirs = ([np.array(x) if isinstance(x, np.ndarray) else x for x in args] for _ in range(2))
        want, got = program(*own), f(*theirs)
        assert equal(want, got), (want, got)
        assert all(np.array_equal(a, b) for a, b in zip(own, theirs))
    assert f.stats()["host_calls"] == 0
    return f


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype):
    x = np.arange(-3, 4).astype(dtype)
    agrees(lambda x: reversed_twice(x), x)
    agrees(lambda x: mirrored(x[::2]), x)


def test_numbers_come_back_as_numba_gives_them():
    agrees(lambda a, i, k: weights(a, i, 3, k, True, np.float32(0.3)), np.arange(4.0), 2, 0.5)
    agrees(lambda a, i: weights(a, i, i, i, False, np.float32(2)), np.arange(-4, 4, dtype=np.int16), 5)


@pytest.mark.parametrize("layout", [lambda x: x, lambda x: x.T, lambda x: x[:, ::2], lambda x: np.asfortranarray(x)])
def test_layouts(layout):
    x = np.random.default_rng(1).normal(size=(37, 24)).astype(np.float32)
    agrees(lambda x: total(layout(x * 1.5)), x)
    agrees(lambda x: rows(layout(x)), x)
    f = function(lambda x: total(x), strict=True)
    for given in (x, x.T, x[:, ::2], np.asfortranarray(x)):
        assert equal(f(given), total(given))


def test_sizes_that_vary_follow_those_of_arguments():
    f = function(lambda x: reversed_twice(x * 2)[1] + x, strict=True)
    for size in (3, 5, 8, 1, 0, 8):
        x = np.arange(float(size))
        assert equal(f(x), f.eager(x))
    assert len(f.traces) <= 3


def test_what_is_written_in_loops_stays_where_it_is():
    def program(f, n):
        u = np.zeros(len(f))
        for k in range(n):
            relax(u, f, 0.1)
            if u[1] > 1e-3:
                relax(u, f, 0.2, k)
        return u

    f = agrees(program, np.linspace(0, 1, 40), 30)
    assert "machine code calls relax, compiled by Numba" in f.explain()


def test_two_arguments_are_written():
    def program(a, b):
        exchange(a, b)
        c = a * 2
        exchange(c, b)
        return c, a + b

    agrees(program, np.arange(4.0), np.ones(4))


def test_the_same_array_twice_is_pythons():
    f = function(lambda a: exchange(a, a))
    with pytest.warns(hy.FallbackWarning, match="two of its arguments may be one array"):
        for _ in range(2):
            own, theirs = np.arange(4.0), np.arange(4.0)
            exchange(own, own)
            f(theirs)
            assert np.array_equal(own, theirs)


def test_errors_are_numbas_and_what_came_before_is_written():
    def program(x, i):
        x[0] += 1
        return picked(x, i) + picked(x, 0)

    f = agrees(program, np.arange(3.0), 2)
    x = np.zeros(3)
    with pytest.raises(IndexError, match="beyond the end"):
        f(x, 7)
    assert x[0] == 1
    unused = function(lambda x: (picked(x, 9), x * 2)[1])
    with pytest.raises(IndexError, match="beyond the end"):
        unused(x)


def test_an_error_in_a_loop_is_raised_after_the_rounds_before():
    def program(x):
        for i in range(100):
            x[0] = i
            picked(x, i)

    own, theirs = np.zeros(40), np.zeros(40)
    for f, x in ((program, own), (function(program), theirs)):
        with pytest.raises(IndexError):
            f(x)
    assert own[0] == theirs[0] == 40


def test_views_of_arguments_are_pythons():
    def program(x):
        shared(x)[0] = 7
        return x * 2

    f = function(program)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(2):
            assert np.array_equal(f(np.zeros(3)), [0, 14, 0])


def test_fast_math_threads_and_signatures():
    x = np.random.default_rng(2).normal(size=1000)
    agrees(lambda x: fast(x * 2), x)
    agrees(lambda x: spread(x).sum(), np.arange(1000))
    agrees(lambda x: signed(x, 2.0)[::2], x)
    agrees(lambda a, b: spectrum(a, b) * 2, np.eye(3) * 2 + 1, np.arange(3.0))


def test_memory_is_given_back():
    f = function(lambda x: rows(x)[1] * 2, strict=True)
    x = np.ones((30, 20))
    f(x)
    gc.collect()
    _nrt_python.memsys_enable_stats()
    before = rtsys.get_allocation_stats()
    for _ in range(50):
        f(x)
    after = rtsys.get_allocation_stats()
    assert after.alloc - before.alloc == after.free - before.free > 0


def test_many_threads():
    f = function(lambda x: reversed_twice(x)[1] * 2, strict=True)
    wrong: list[int] = []

    def work(k):
        x = np.full(50, float(k))
        if not all(np.array_equal(f(x), x * 2) for _ in range(30)):
            wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("backend", ["numba", "python"])
def test_other_back_ends(backend):
    def program(f, x):
        u = np.zeros(len(f))
        for _ in range(4):
            relax(u, f, 0.1)
        return u, reversed_twice(x)[1]

    f = function(program, backend=backend)
    x, y = np.linspace(0, 1, 10), np.arange(3)
    assert equal(f(x, y), program(x, y))


def test_looking_inside_and_saving(tmp_path):
    f = function(lambda x: reversed_twice(x)[1] * 2)
    x = np.arange(3.0)
    f(x)
    assert "reversed_twice, compiled by Numba" in f.explain()
    assert "jitted" in str(f.graph(x)) and f.verify(x)
    with pytest.raises(ArgumentError, match="reversed_twice"):
        hy.export.save(f.graph(x), tmp_path / "f.hy")


def test_there_is_no_derivative():
    with pytest.raises(HybridError, match="derivative"):
        hy.grad(lambda x: reversed_twice(x * 2)[1].sum())(np.arange(3.0))


@numba.njit
def squared(x):
    for i in range(len(x)):
        x[i] = x[i] ** 2
    return x


@numba.njit
def perhaps(x, other):
    if len(x) > 2:
        return x
    return other


@numba.njit
def polar(x, y):
    return math.hypot(x, y), math.atan2(y, x), math.erf(x)


def test_an_argument_comes_back():
    agrees(lambda x: (squared(x), squared(x[::2]) + 1), np.arange(5.0))
    f = function(lambda x: squared(x), strict=True)
    x = np.arange(3.0)
    assert f(x) is x and f(x) is x
    assert np.array_equal(x, [0, 1, 16])
    g = function(lambda x, y: perhaps(x, y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert g(x, x + 1) is x and g(x, x + 1) is x


def test_numbers_alone():
    f = agrees(lambda x, y: polar(x, y)[1] + polar(y, x)[2], 1.5, 2.0)
    assert f(0.5, 0.25) == polar(0.5, 0.25)[1] + polar(0.25, 0.5)[2]


def test_nothing_comes_back():
    def program(x):
        result = nothing(x)
        return result, x[0]

    agrees(program, np.zeros(3))
