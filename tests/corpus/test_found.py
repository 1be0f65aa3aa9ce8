"""What the corpus found, each in its smallest form."""

import numpy as np
import pytest

import hybrid as hy


def test_an_array_made_inside_keeps_what_nested_loops_write():
    def rounds(n):
        a = np.arange(n)
        k = 0
        while k < 3:
            for i in range(n):
                a[i] += 1
            k += 1
        return a

    np.testing.assert_array_equal(hy.function(rounds)(3), [3, 4, 5])


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("n", [5, 50])
def test_a_generator_made_inside_draws_at_every_step(n):
    def draws(n, seed):
        rng = np.random.default_rng(seed)
        out = np.empty(n)
        for i in range(n):
            out[i] = rng.random()
        return out

    decorated = hy.function(draws)
    for seed in (1, 2):
        np.testing.assert_array_equal(decorated(n, seed), draws(n, seed))


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_a_generator_without_a_seed_draws_anew_at_every_call():
    def noise(x):
        return x + np.random.default_rng().random()

    decorated = hy.function(noise)
    assert len({float(decorated(0.0)) for _ in range(4)}) == 4


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_numbers_that_start_as_integers_and_go_on_as_floats():
    def halve(a, b):
        while b - a > 0.1:
            c = (a + b) / 2
            if c > 0.3:
                b = c
            else:
                a = c
        return a, b

    assert hy.function(halve)(0, 1) == halve(0, 1)
