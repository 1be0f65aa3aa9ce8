"""Draws from NumPy's generators whose number follows the sizes of arguments: two traces for any number of sizes."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function

RNG, LEGACY = np.random.default_rng(), np.random.RandomState()


def noise(x):
    return x + RNG.normal(size=x.shape)


def legacy(x):
    return x * np.random.rand(len(x)) + np.random.randn(*x.shape) + LEGACY.uniform(-1, 1, size=x.shape)


def given(x, rng=RNG):
    return rng.standard_normal((len(x), 3)) @ np.ones(3), rng.integers(0, 5, len(x)), rng.random(2 * len(x) + 1)


def order(x):
    return x[RNG.permutation(len(x))], RNG.permutation(x), np.random.permutation(len(x))


def chosen(x):
    return RNG.choice(x, size=len(x) // 2), np.random.choice(len(x), 5), RNG.choice(len(x), len(x) // 2, replace=False)


def mixed(x):
    RNG.shuffle(x)
    return RNG.normal(x, 2.0), RNG.poisson(np.abs(x)), RNG.normal(x.mean(), size=x.size).sum()


def steps(x):
    total = 0.0
    for k in range(len(x)):
        total += x[k] * RNG.normal() + RNG.normal(size=len(x)).max()
    return total


def where(x):
    return RNG.normal(size=len(x)) if len(x) > 9 else RNG.random(len(x))


def reset():
    RNG.bit_generator.state = np.random.PCG64(5).state
    LEGACY.seed(6)
    np.random.seed(7)


@pytest.mark.parametrize("program", [noise, legacy, given, order, chosen, mixed, steps, where])
def test_as_many_numbers_as_an_argument_has(program):
    compiled, seen = function(program, strict=True), []
    for f in (program, compiled):
        reset()
        seen.append([])
        for n in (7, 9, 4, 12, 30, 1, 11, 8, 5, 17):
            x = np.arange(float(n)) + 1
            out = f(x)
            seen[-1].append((x, *(out if isinstance(out, tuple) else (out,))))
        seen[-1].append((RNG.random(), LEGACY.rand(), np.random.rand()))
    for want, got in zip(*seen):
        for a, b in zip(want, got, strict=True):
            assert type(a) is type(b) and np.allclose(a, b, rtol=1e-12) and np.asarray(a).dtype == np.asarray(b).dtype
    assert len(compiled.traces) <= (3 if program is where else 2)


def test_sizes_that_a_method_refuses():
    compiled = function(lambda x: RNG.choice(5, size=len(x), replace=False))
    assert [len(compiled(np.zeros(n))) for n in (3, 4, 2)] == [3, 4, 2]
    reset()
    with pytest.raises(ValueError, match="larger sample"):
        compiled(np.zeros(6))
    assert len(compiled(np.zeros(5))) == 5
    after = RNG.random()
    reset()
    RNG.choice(5, size=5, replace=False)
    assert RNG.random() == after


def of_a_share(n, share):
    rng = np.random.default_rng(0)
    k = round(n * share)
    x, mixed = np.sort(rng.choice(n, k, replace=False)), rng.permutation(k)
    for t in range(3):
        v = np.minimum(np.roll(x, -1) - x, t + np.roll(mixed, k - 1))
        slow = rng.random(k) < 0.3
        v[slow] = 0
        x = (x + v) % n
    return x, np.roll(x, 7)


def test_as_many_as_a_number_says():
    compiled = function(of_a_share, strict=True)
    for n, share in ((30, 0.3), (30, 0.5), (12, 0.5), (10, 0.1)):
        for got, want in zip(compiled(n, share), of_a_share(n, share), strict=True):
            np.testing.assert_array_equal(got, want)


def test_a_roll_of_an_array_whose_size_only_a_run_knows():
    def f(x, by):
        kept = x[x > 0.5]
        return np.roll(kept, 1), np.roll(kept, -3), np.roll(kept, by), np.roll(kept, len(kept))

    compiled = function(f, strict=True)
    for size in (10, 3, 50, 1, 0):
        x = np.random.default_rng(size).random(size)
        for got, want in zip(compiled(x, size), f(x, size), strict=True):
            np.testing.assert_array_equal(got, want)


def counted(x):
    k = int(x.sum())
    return RNG.normal(1.0, 2.0, (k, 3)), RNG.random(np.count_nonzero(x)), np.random.randn(k, 2), LEGACY.uniform(-1, 1, k)


def counted_in_a_loop(x):
    total, hits = 0.0, np.zeros((len(x), 2))
    for k in range(len(x)):
        total += RNG.exponential(2.0, x[k]).sum() + RNG.integers(0, 9, size=int(x[k])).sum()
        total += np.random.normal(0, 1, x[k]).sum()
        hit = RNG.random(len(x)) < 0.5
        if hit.any():
            hits[hit] = RNG.normal(0, 1, (np.count_nonzero(hit), 2))
    return total, hits


@pytest.mark.parametrize("program", [counted, counted_in_a_loop])
def test_as_many_numbers_as_only_a_run_knows(program):
    compiled, seen = function(program, strict=True), []
    for f in (program, compiled):
        reset()
        seen.append([])
        for x in ([3, 0, 2], [0, 0, 0], [5, 1, 300], [1, 1, 1, 2]):
            seen[-1] += f(np.array(x))
        seen[-1] += [RNG.random(), LEGACY.rand(), np.random.rand()]
    for a, b in zip(*seen, strict=True):
        assert type(a) is type(b) and np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-12)


def test_no_fewer_numbers_than_none():
    compiled = function(lambda x: RNG.random(x.sum()), strict=True)
    assert len(compiled(np.array([2, 1]))) == 3
    with pytest.raises(ValueError, match="negative dimensions"):
        function(lambda x: RNG.random(x.sum()))(np.array([-2, 1]))
