"""Sorts by NumPy's own C functions: the bits that NumPy gives, for all dtypes, kinds, layouts and lengths; and without them."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from hybrid.core import dtype as dt
from hybrid.core import npysort
from hybrid.loops import sorting

RNG = np.random.default_rng(5)
ODD = np.array([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 1.0, 1.0])


def numbers(dtype, shape):
    if not dt.is_inexact(dtype):
        return (RNG.normal(size=shape) * 20).astype(np.int64).astype(dtype)
    x = np.where(RNG.random(shape) < 0.4, RNG.choice(ODD, shape), RNG.normal(size=shape))
    if not dt.is_complex(dtype):
        return x.astype(dtype)
    out = np.empty(shape, dtype)
    out.real, out.imag = x, RNG.permutation(x.ravel()).reshape(shape)
    return out


def agree(f, *args):
    """Compiled as a whole, without a host call, a function gives the same arrays as plain."""
    compiled = hy.function(f, strict=True)
    wanted = f(*args)
    for _ in range(2):
        for got, want in zip(compiled(*args), wanted, strict=True):
            assert got.dtype == want.dtype and got.shape == want.shape and (not got.size or got.strides == want.strides)
            assert got.tobytes() == want.tobytes()
    assert compiled.stats()["host_calls"] == 0


@pytest.mark.parametrize("dtype", npysort.DTYPES, ids=dt.SHORT.get)
def test_bits_are_numpys(dtype):
    def orders(x):
        out = []
        for kind in (None, "stable", "heapsort"):
            for axis in range(x.ndim):
                out += [np.sort(x, axis, kind), np.argsort(x, axis, kind)]
        return out

    for shape in ((7,), (300,), (5, 40), (3, 70, 2), (1, 1), (4, 0)):
        agree(orders, numbers(dtype, shape))


@pytest.mark.parametrize("dtype", [dt.float64, dt.float16, dt.complex128], ids=dt.SHORT.get)
def test_layouts(dtype):
    x = numbers(dtype, (12, 66, 4))
    for view in (x[::2], x[:, ::3], x[..., 1], x.T, np.asfortranarray(x), x[:, ::-1], np.broadcast_to(x[:1], x.shape)):
        agree(lambda x: (np.sort(x, 0), np.argsort(x, 0), np.sort(x, 1), np.argsort(x), np.sort(x, None)), view)


def test_many_rows_on_threads():
    for shape in ((3000, 9), (200, 400), (2, 60000)):
        x = numbers(dt.float64, shape)
        agree(lambda x: (np.sort(x), np.argsort(x, stable=True), np.sort(x.T, 0)), x)


def test_lengths_that_only_a_run_knows():
    f = hy.function(lambda x: (np.sort(x, 0), np.argsort(x, 1), np.sort(x * 2)), strict=True)
    for shape in ((3, 4), (50, 7), (7, 50), (0, 3), (3, 0), (1, 1)):
        x = numbers(dt.float64, shape)
        for got, want in zip(f(x), f.eager(x), strict=True):
            assert got.tobytes() == want.tobytes()
    assert f.stats()["host_calls"] == 0


def test_in_loops_and_in_place():
    def medians(x, out):
        for k in range(x.shape[0]):
            row = np.sort(x[k] - out[k])
            out[k] = row[row.shape[0] // 2]
        x.sort(axis=0)
        return out

    f, x = hy.function(medians, strict=True), numbers(dt.int64, (30, 41))
    a, b = x.copy(), x.copy()
    assert f(a, np.zeros(30)).tobytes() == medians(b, np.zeros(30)).tobytes() and a.tobytes() == b.tobytes()


def test_nan_is_not_warned_of():
    x = np.array([[np.nan, 1.0, np.nan, -1.0] * 9] * 3)
    f = hy.function(lambda x: (np.sort(x), np.argsort(x, 0)))
    with np.errstate(all="raise"):
        for _ in range(2):
            f(x)
    assert f.stats()["native_calls"] >= 1


def test_without_the_functions_numpy_is_called(monkeypatch):
    monkeypatch.setattr(npysort, "address", lambda *_: 0)
    x = numbers(dt.float64, (4, 40))
    f = hy.function(lambda x: (np.sort(x), np.argsort(x, 0)), strict=True)
    for got, want in zip(f(x), f.eager(x), strict=True):
        assert got.tobytes() == want.tobytes()
    assert f.stats()["host_calls"] == 2


def test_another_numpy_has_none(monkeypatch):
    monkeypatch.setattr(npysort, "_MAJOR", "9")
    assert npysort.address.__wrapped__(dt.float64, "stable", False) == 0
    assert npysort.address.__wrapped__(dt.bfloat16, "stable", False) == 0


def test_whatever_is_asked_for_of_errors():
    with np.errstate(all="raise"):
        assert all(npysort.address.__wrapped__(dtype, "quicksort", True) for dtype in npysort.DTYPES)


def test_a_function_that_sorts_otherwise_is_not_taken():
    ascending = npysort.address(dt.int64, "stable", False)
    assert all(npysort._agrees(ascending, x, "stable", False) for x in npysort._examples(dt.int64))
    assert not all(npysort._agrees(ascending, x.view(np.uint64), "stable", False) for x in npysort._examples(dt.int64))


@pytest.mark.parametrize("call", [np.sort, np.argsort])
def test_what_numpy_does_not_take(call):
    for kwargs in ({"kind": "foo"}, {"kind": "stable", "stable": True}, {"order": "f"}, {"axis": 3}):
        with pytest.raises(Exception) as want:
            call(np.zeros(3), **kwargs)
        with pytest.raises(type(want.value)):
            hy.function(lambda x, kwargs=kwargs: call(x, **kwargs))(np.zeros(3))


@pytest.mark.parametrize("dtype", [dt.int8, dt.uint16, dt.int32, dt.uint64], ids=dt.SHORT.get)
def test_many_distinct_integers(dtype):
    def sets(x):
        least, *parts = np.unique(x, True, True, True)
        return [np.unique(x), *np.unique(x, return_counts=True), least, *parts, np.unique(x, return_inverse=True)[1]]

    f, most = hy.function(sets, strict=True), np.iinfo(dtype).max
    for size in (1, 1000, 1025, 9000):
        for high in (7, most):
            x = RNG.integers(np.iinfo(dtype).min, high, size, dtype, endpoint=True)
            for got, want in zip(f(x), sets(x), strict=True):
                assert got.dtype == want.dtype and got.tobytes() == want.tobytes()
    assert f.stats()["host_calls"] == 0


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_long_vectors_in_pieces(threads, monkeypatch):
    monkeypatch.setattr(sorting, "LONG", 64)
    with hy.config.override(threads=threads):
        f = hy.function(lambda x: np.sort(x), strict=True)
        g = hy.function(lambda x: (np.sort(x, stable=True), np.sort(x[::-1]), np.unique(x)), strict=True)
        for dtype in (dt.float64, dt.float32, dt.int64, dt.uint32):
            for size in (64, 65, 71, 1000, 4097, 9001, 63, 1):
                for x in (RNG.normal(size=size) * 9, RNG.normal(size=size).round(), np.arange(size), -np.arange(size)):
                    x = np.abs(x).astype(dtype) if dtype == dt.uint32 else (x + 0.0).astype(dtype)
                    assert f(x).tobytes() == np.sort(x).tobytes()
                    for got, want in zip(g(x), g.eager(x), strict=True):
                        assert got.tobytes() == want.tobytes()
            if dt.is_float(dtype):
                x = numbers(dtype, (5000,))
                assert f(x).tobytes() == np.sort(x).tobytes()
        agree(lambda x: (np.sort(x, None), np.sort(x.reshape(1, -1))), numbers(dt.int32, (40, 50)))
        x = np.arange(300)[::-1].copy()
        hy.function(lambda x: x.sort(), strict=True)(x)
        assert x.tolist() == list(range(300))
