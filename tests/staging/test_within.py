"""Calls that draw or print: a native entry recognises them, and machine code runs them while Python holds the generators."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import hybrid as hy
from hybrid.core import npyrandom

BITS = [np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.SFC64, np.random.Philox]


@pytest.mark.parametrize("kind", BITS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("legacy", [False, True], ids=["Generator", "RandomState"])
def test_a_state_is_put_back(kind, legacy):
    generator = np.random.RandomState(kind(5)) if legacy else np.random.Generator(kind(5))
    for draws in (0, 1, 2, 3, 700):
        words = [generator.random() for _ in range(draws)] + [generator.standard_normal()]
        mark = npyrandom.mark(generator)
        assert mark is not None and len(words) == draws + 1
        first = [generator.standard_normal(5), generator.bytes(3), generator.random(700)]
        mark.put_back()
        again = [generator.standard_normal(5), generator.bytes(3), generator.random(700)]
        assert all(np.array_equal(a, b) for a, b in zip(first, again))


def test_generators_that_are_not_known_have_no_mark():
    class Mine(np.random.PCG64):
        pass

    class Own(np.random.Generator):
        pass

    assert npyrandom.mark(np.random.Generator(Mine(1))) is None
    assert npyrandom.mark(Own(np.random.PCG64(1))) is None


def metropolis(steps, rng, step=0.5):
    x, kept = 0.0, np.empty(steps)
    for k in range(steps):
        y = x + step * rng.normal()
        if np.log(rng.random()) < 0.5 * (x * x - y * y):
            x = y
        kept[k] = x
    return kept.mean(), kept


def test_chains_are_made_by_machine_code():
    decorated = hy.function(metropolis, strict=True)
    ours, theirs = np.random.default_rng(1), np.random.default_rng(1)
    for steps in (50, 60, 70, 80):
        got, want = decorated(steps, ours), metropolis(steps, theirs)
        np.testing.assert_array_equal(got[1], want[1])
        np.testing.assert_allclose(got[0], want[0], rtol=1e-14)
    assert ours.bit_generator.state == theirs.bit_generator.state
    assert decorated.stats()["native_calls"] >= 1


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_a_call_that_is_pythons_after_all_draws_the_same(make):
    def f(rng, x, i):
        x[0] = rng.normal()
        first = rng.random()
        return x[i] * first + rng.standard_normal(2)

    decorated = hy.function(f)
    ours, theirs = make(2), make(2)
    for i in (1, 2, 9, 1, -7, 2, 1):
        a, b = np.arange(3.0), np.arange(3.0)
        if i in (9, -7):
            with pytest.raises(IndexError):
                f(theirs, a, i)
            with pytest.raises(IndexError):
                decorated(ours, b, i)
        else:
            np.testing.assert_allclose(decorated(ours, b, i), f(theirs, a, i), rtol=1e-14)
        np.testing.assert_array_equal(a, b)
    assert ours.random() == theirs.random()


def test_generators_made_of_a_seed_begin_anew_in_every_call():
    def f(n, seed, mean):
        rng, old = np.random.default_rng(7), np.random.RandomState(8)
        total = 0.0
        for _ in range(n):
            total += rng.normal(mean) + old.normal(mean) + old.randint(9)
        return total

    decorated = hy.function(f)
    for n in (10, 20, 10, 20, 3, 10):
        np.testing.assert_allclose(decorated(n, 0, float(n)), f(n, 0, float(n)), rtol=1e-14)

    values = {n: f(n, 0, 1.0) for n in (100, 200)}
    wrong = []

    def many(n):
        for _ in range(50):
            if not np.isclose(decorated(n, 0, 1.0), values[n], rtol=1e-12):
                wrong.append(n)

    threads = [threading.Thread(target=many, args=(n,)) for n in (100, 200, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.filterwarnings("error::hybrid.FallbackWarning")
def test_what_is_printed_is_printed_once(capsys):
    def f(x, k):
        print("row", k, "is", x[k])
        return x[k] * 2

    decorated = hy.function(f)
    for k in (0, 1, 2, 1, 0, 2):
        assert decorated(np.arange(3.0), k) == 2.0 * k
    with pytest.raises(IndexError):
        decorated(np.arange(3.0), 5)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"row {k} is {float(k)}" for k in (0, 1, 2, 1, 0, 2)]


def test_errors_of_floats_are_heard():
    def f(rng, x):
        return np.log(x) + rng.random()

    decorated = hy.function(f)
    ours, theirs = np.random.default_rng(4), np.random.default_rng(4)
    for x in (1.0, 2.0, 3.0):
        np.testing.assert_allclose(decorated(ours, np.full(2, x)), f(theirs, np.full(2, x)), rtol=1e-14)
    heard = 0
    for _ in range(4):
        with np.errstate(all="raise"):
            try:
                decorated(ours, np.zeros(2))
            except FloatingPointError:
                heard += 1
    assert heard >= 3


def test_draws_of_a_loop_after_one_between_kernels():
    def f(rng, n):
        x, total = rng.permutation(400), 0.0
        for k in range(n):
            total = total + x[k] * rng.random()
        return total, x

    decorated = hy.function(f, strict=True)
    ours, theirs = np.random.default_rng(6), np.random.default_rng(6)
    for n in (3, 30, 30, 30, 300):
        got, want = decorated(ours, n), f(theirs, n)
        assert got[0] == want[0] and np.array_equal(got[1], want[1])
    assert decorated.stats()["native_calls"] > 0
