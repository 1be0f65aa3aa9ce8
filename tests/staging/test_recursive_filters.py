"""Recursive filters of scipy.signal, written as loops, against SciPy: to the last bit, with derivatives."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.signal as sg

import hybrid as hy
from hybrid.staging.fallback import FallbackWarning
from tests.tools import Lending

RNG = np.random.default_rng(0)
X, M, T = RNG.normal(size=80), RNG.normal(size=(6, 50)), RNG.normal(size=(4, 30, 3))
ORDERS = (1, 2, 5)


def same(f, *args, native=True):
    compiled = hy.function(f, strict=True) if native else Lending(f)
    for _ in range(2):
        got, want = compiled(*args), f(*args)
    for a, b in zip(*((part if isinstance(part, tuple) else (part,)) for part in (got, want)), strict=True):
        assert a.dtype == b.dtype
        if native:
            np.testing.assert_array_equal(a, b)
            assert a.strides == b.strides
        else:  # what begins with a solved system
            np.testing.assert_allclose(a, b, rtol=1e-5 if b.dtype == np.float32 else 1e-12)
    assert not native or "host" not in compiled.explain()


@pytest.mark.parametrize("order", ORDERS)
def test_transfer_functions(order):
    b, a = sg.butter(order, 0.2)
    same(lambda b, a, x: sg.lfilter(b, 1.5 * a, x), b, a, X)
    same(lambda b, a, x: sg.lfilter(b, a, x), *(part.astype("f4") for part in (b, a, X)))
    same(lambda b, a, x: sg.lfilter(b, a, x), b.astype("f4"), a.astype("f4"), (M * 9).astype(int))
    same(lambda a, x: sg.lfilter(0.5, a, x), a, X)
    same(lambda b, x: sg.lfilter(b, [1.0, -0.5], x), b, X)
    for x in (M, T, np.asfortranarray(M), M[::-1, ::2]):
        for axis in range(-1, x.ndim):
            same(lambda b, a, x, axis=axis: sg.lfilter(b, a, x, axis), b, a, x)


@pytest.mark.parametrize("order", ORDERS)
def test_states(order):
    b, a = sg.butter(order, 0.2)
    start = RNG.normal(size=order)
    same(lambda b, a, x, zi: sg.lfilter(b, a, x, zi=zi), b, a, X, start)
    same(lambda b, a, x, zi: sg.lfilter(b, a, x, -1, zi), b, a, M, start[None])
    same(lambda b, a, x, zi: sg.lfilter(b, a, x, axis=0, zi=zi), b, a, M, start[:, None])


@pytest.mark.parametrize("order", ORDERS)
def test_sections(order):
    sos = sg.butter(order, 0.2, output="sos")
    same(lambda sos, x: sg.sosfilt(sos, x), sos.astype("f4"), X.astype("f4"))
    for x in (X, M, T):
        for axis in range(-1, x.ndim):
            same(lambda sos, x, axis=axis: sg.sosfilt(sos, x, axis), sos, x)
    for axis, shape in enumerate(((2, 50), (6, 2))):
        zi = RNG.normal(size=(len(sos), *shape))
        compiled = hy.function(lambda sos, x, zi, axis=axis: sg.sosfilt(sos, x, axis, zi), strict=True)
        for got, want in zip(compiled(sos, M, zi), sg.sosfilt(sos, M, axis, zi)):
            np.testing.assert_array_equal(got, want)
        assert "host" not in compiled.explain()


@pytest.mark.parametrize("order", ORDERS)
def test_steady_states(order):
    b, a = sg.butter(order, 0.2)
    same(lambda b, a: sg.lfilter_zi(b, 2 * a), b, a, native=False)
    same(lambda a: sg.lfilter_zi([0.5, 1.0], a), a.astype("f4"), native=False)


@pytest.mark.parametrize("padtype", ("odd", "even", "constant", None))
def test_there_and_back(padtype):
    b, a = sg.butter(3, 0.2)
    same(lambda b, a, x: sg.filtfilt(b, a, x, padtype=padtype), b, a, X, native=False)
    same(lambda b, a, x: sg.filtfilt(b, a, x, 1, padtype, padlen=4), b, a, T, native=False)


def test_lengths_that_vary():
    b, a = sg.butter(2, 0.3)
    compiled = hy.function(lambda x: sg.lfilter(b, a, x), strict=True)
    for size in (20, 31, 44, 57):
        np.testing.assert_array_equal(compiled(X[:size]), sg.lfilter(b, a, X[:size]))
    assert compiled.stats()["traces"] <= 2
    assert "host" not in compiled.explain()


def test_derivatives():
    b, a = sg.butter(2, 0.3)
    sos = sg.butter(3, 0.3, output="sos")

    def loss(b, a, x):
        return np.sum(sg.lfilter(b, a, x) ** 2) + np.sum(sg.filtfilt(b, a, x) ** 3) + np.sum(sg.sosfilt(sos, x) ** 2)

    found = hy.grad(hy.function(loss), argnums=(0, 1, 2))(b, a, X)
    for which, place in ((0, 1), (1, 2), (2, 0), (2, 40)):
        step = [np.zeros_like(part) for part in (b, a, X)]
        step[which][place] = 1e-6
        more, less = ([part + sign * one for part, one in zip((b, a, X), step)] for sign in (1, -1))
        np.testing.assert_allclose(found[which][place], (loss(*more) - loss(*less)) / 2e-6, rtol=1e-5)


@pytest.mark.parametrize("f", (
    lambda a, x: sg.lfilter([1.0], 0 * a, x), lambda a, x: sg.lfilter([1.0], a, x, axis=2),
    lambda a, x: sg.lfilter([1.0], a, x, zi=x), lambda a, x: sg.sosfilt(a[None, :], x),
    lambda a, x: sg.filtfilt([1.0], a, x[:5]), lambda a, x: sg.sosfilt(np.ones((1, 6)) + a[0], x),
))  # fmt: skip
def test_errors(f):
    a = np.array([1.0, -0.5])
    with pytest.raises(Exception) as want:
        f(a, X)
    with pytest.raises(type(want.value)), warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        hy.function(f)(a, X)


def test_complex_filters_are_computed_by_scipy():
    b, a = sg.butter(2, 0.3)
    same(lambda b, a, x: sg.lfilter(b, a, x), b, a, X + 1j, native=False)
