"""Random numbers under `vmap`: decorated as undecorated, to the last bit, and generators that stand where they stood."""

import numpy as np
import pytest

import hybrid as hy
from hybrid.core import tree
from hybrid.core.errors import TraceError

X = np.arange(6.0).reshape(3, 2) - 2
OWN = hy.random.default_rng(7)


def one_draw(x):
    return x + hy.random.normal(size=(2,))


def several(x):
    a, b = hy.random.normal(), OWN.uniform(size=(2,))
    return x * a + b, OWN.integers(5, size=(3,)), hy.random.permutation(4)


def in_a_branch(x):
    if hy.random.normal(size=(2,))[0] > 0:
        x = x + hy.random.uniform()
    return x + hy.random.normal(size=(2,))


def in_a_loop(x):
    for _ in range(40):
        x = x + hy.random.normal(size=(2,)) * x[0]
    return x


def until(x):
    s = x.sum()
    while s < 3:
        s = s + hy.random.uniform()
    return s


def of_every_row(x):
    return hy.vmap(lambda e: e + OWN.normal(), randomness="different")(x)


def beside_numpys(x):
    return OWN.normal(size=(2,)) + np.random.uniform(size=2) + x


def kept_together(x):
    return hy.vmap(one_draw, randomness="different")(x)


def gradient(x):
    return hy.grad(lambda x: (hy.vmap(several, randomness="different")(x)[0] ** 2).sum())(x)


def gradients(x):
    return hy.vmap(hy.grad(lambda x: (in_a_loop(x) ** 2).sum()), randomness="different")(x)


def of_a_new_generator(x):
    made = hy.random.default_rng(3)
    return hy.vmap(lambda row: row + made.normal(size=(2,)), randomness="different")(x), made.normal()


def batch(f, randomness="different"):
    return hy.vmap(f, randomness=randomness)


def run(f):
    """Two calls from the same start, and where they leave the generators."""
    hy.random.seed(0)
    OWN.state = np.array([5, 3], np.uint64)
    np.random.seed(0)
    calls = [[np.asarray(x) for x in tree.flatten(f(X))[0]] for _ in range(2)]
    return [*calls[0], *calls[1], OWN.state, np.asarray(hy.random.normal()), np.asarray(np.random.uniform())]


EXAMPLES = [one_draw, several, in_a_branch, in_a_loop, until, of_every_row, beside_numpys]


@pytest.mark.parametrize("f", [*map(batch, EXAMPLES), gradient, gradients, of_a_new_generator], ids=lambda f: f.__name__)
def test_numbers_of_each_examples_own(f):
    for got, wanted in zip(run(hy.function(f, strict=True)), run(f), strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_examples_with_as_many_numbers_each_are_computed_together():
    assert "loop" not in str(hy.function(batch(one_draw)).graph(X))
    assert "loop" not in str(hy.function(batch(of_every_row)).graph(X))
    assert "loop" in str(hy.function(batch(in_a_branch)).graph(X))


def test_a_number_of_examples_that_only_a_call_knows():
    def f(n):
        x = hy.random.normal(size=(n, 2))
        return batch(in_a_branch)(x), kept_together(x)

    decorated = hy.function(f, strict=True)
    for n in (3, 5, 4):
        for got, wanted in zip(run(lambda x, n=n: decorated(n)), run(lambda x, n=n: f(n)), strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("f", [one_draw, several, in_a_loop], ids=lambda f: f.__name__)
def test_numbers_that_examples_share(f):
    for got, wanted in zip(run(hy.function(batch(f, "same"), strict=True)), run(batch(f, "same")), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("f", [one_draw, several, in_a_branch], ids=lambda f: f.__name__)
def test_nobody_said_whose_the_numbers_are(f):
    for way in (hy.vmap(f), hy.function(hy.vmap(f), strict=True)):
        with pytest.raises(TraceError, match="vmap of a function that draws random numbers"):
            way(X)


def test_nobody_said_so_of_a_generator_that_is_no_global():
    def made(x):
        r = hy.random.default_rng(3)
        return hy.vmap(lambda row: row + r.normal(size=(2,)))(x)

    def given(r, x):
        return hy.vmap(lambda row: row + r.normal(size=(2,)))(x)

    for f, args in ((made, (X,)), (given, (OWN, X))):
        with pytest.raises(TraceError, match="vmap of a function that draws random numbers"):
            hy.function(f, strict=True)(*args)


def test_generators_that_begin_alike_go_their_own_ways():
    def f(x):
        a, b = hy.random.default_rng(3), hy.random.default_rng(3)
        return hy.vmap(lambda row: row * a.normal(size=(2,)) + b.uniform() + b.uniform(), randomness="different")(x), a.normal()

    for got, wanted in zip(run(hy.function(f)), run(f), strict=True):
        np.testing.assert_array_equal(got, wanted)
