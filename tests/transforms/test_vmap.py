"""`vmap` against a loop over the examples: eagerly, inside decorated functions, over decorated functions, and nested."""

import numpy as np
import pytest

import hybrid as hy
from hybrid.core import tree
from hybrid.core.errors import ArgumentError, TraceError

RNG = np.random.default_rng(0)
X, W, Y = RNG.normal(size=(6, 5)), RNG.normal(size=5), RNG.normal(size=6)


def loss(w, x, y):
    return (np.tanh(x @ w) - y) ** 2


def normalised(x):
    centred = x - x.mean()
    return centred / np.sqrt((centred * centred).sum()) + np.sort(x)[::-1]


def branches_and_loops(x):
    if x.sum() > 0:
        return x * 2
    s = x
    for i in range(3):
        s = s * x[i]
    while s.sum() < 1:
        s = s + 0.3
    return s


def in_place(x):
    y = hy.zeros(5, dtype=float)
    y[1:] = x[:-1]
    part = y[::2]
    part += x[0]
    return y


def several(x):
    return {"sum": x.sum(), "outer": np.outer(x, x[:2]), "last": (x[-1], x > 0)}


def expected(f, *stacks):
    rows = [f(*row) for row in zip(*stacks)]
    return tree.unflatten(tree.flatten(rows[0])[1], [np.stack(c) for c in zip(*[tree.flatten(r)[0] for r in rows])])


def agree(got, want):
    (found, a), (wanted, b) = tree.flatten(got), tree.flatten(want)
    assert a == b
    for x, y in zip(found, wanted):
        x = np.asarray(x)
        assert x.dtype == y.dtype and x.shape == y.shape
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("f", [normalised, in_place, several], ids=lambda f: f.__name__)
def test_examples_one_by_one_give_the_same(f):
    want = expected(lambda x: tree.map_leaves(np.asarray, f(hy.tensor(x, dtype=float))), X)
    agree(hy.vmap(f)(X), want)
    agree(hy.function(hy.vmap(f), strict=True)(X), want)


def test_values_decide_only_where_the_function_is_decorated():
    want = expected(branches_and_loops, X)
    agree(hy.vmap(hy.function(branches_and_loops, strict=True))(X), want)
    agree(hy.function(lambda x: hy.vmap(branches_and_loops)(x), strict=True)(X), want)
    with pytest.raises(TraceError, match="one for each example"):
        hy.vmap(branches_and_loops)(X)


@pytest.mark.parametrize("wrapped", [lambda f: f, lambda f: hy.function(f, strict=True)], ids=["eager", "decorated"])
def test_gradients_of_examples(wrapped):
    want = np.stack([hy.grad(loss)(W, x, y) for x, y in zip(X, Y)])
    each = wrapped(hy.vmap(hy.grad(loss), in_axes=(None, 0, 0)))
    agree(each(W, X, Y), want)
    inner = hy.vmap(hy.grad(hy.function(loss, strict=True)), in_axes=(None, 0, 0))
    agree(inner(W, X, Y), want)
    whole = wrapped(hy.grad(lambda w: hy.vmap(loss, in_axes=(None, 0, 0))(w, X, Y).sum()))
    np.testing.assert_allclose(whole(W), want.sum(0), rtol=1e-12)


def test_axes_of_arguments_and_results():
    a = np.arange(6.0).reshape(2, 3)
    got = hy.vmap(lambda a, b: {"s": a + b, "p": a * b}, in_axes=(1, 0), out_axes={"s": 1, "p": 0})(a, np.arange(3.0))
    agree(got["s"], a + np.arange(3.0))
    agree(got["p"], (a * np.arange(3.0)).T)
    agree(hy.vmap(lambda d: d["a"] * d["b"], in_axes=({"a": 0, "b": None},))({"a": X, "b": W}), X * W)
    agree(hy.vmap(lambda x: 1.0, axis_size=3, in_axes=(None,))(2.0), np.ones(3))
    agree(hy.vmap(lambda a: (a, 7.0), out_axes=(0, None))(W)[0], W)


def test_nested():
    agree(hy.vmap(hy.vmap(lambda a, b: a * b, in_axes=(None, 0)), in_axes=(0, None))(W, Y), np.outer(W, Y))
    agree(hy.function(hy.vmap(hy.vmap(np.dot, in_axes=(None, 0)), in_axes=(0, None)), strict=True)(X, X), X @ X.T)


def test_tensors_and_arrays_come_back_as_they_came():
    assert type(hy.vmap(np.sin)(X)) is np.ndarray
    assert type(hy.vmap(np.sin)(hy.tensor(X))) is hy.Tensor


@pytest.mark.parametrize("wrapped", [lambda f: f, lambda f: hy.function(f, strict=True)], ids=["eager", "decorated"])
def test_random_numbers(wrapped):
    def noisy(x):
        return x + hy.random.normal()

    zeros = np.zeros(4)
    with pytest.raises(TraceError, match="random"):
        wrapped(hy.vmap(noisy))(zeros)
    shared = wrapped(hy.vmap(noisy, randomness="same"))
    first, second = shared(zeros), shared(zeros)
    assert (first == first[0]).all() and (second == second[0]).all() and first[0] != second[0]


def test_random_numbers_of_each_example():
    hy.random.seed(3)
    got = hy.vmap(lambda x: x + hy.random.normal(), randomness="different")(np.zeros(4))
    hy.random.seed(3)
    assert got.tolist() == [hy.random.normal() for _ in range(4)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hy.vmap(np.sin, in_axes=(0, 0))(X), "in_axes has an entry for each argument"),
        (lambda: hy.vmap(np.add)(X, W), "different numbers of examples"),
        (lambda: hy.vmap(np.sin)(3.0), "an axis that an argument does not have"),
        (lambda: hy.vmap(np.sin, in_axes=None)(X), "maps no argument"),
        (lambda: hy.vmap(np.sin, out_axes=None)(X), "the same for all examples"),
        (lambda: hy.vmap(np.sin, randomness="some"), "no such randomness"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


# Derivatives that users give, of many examples -----------------------------------------------------------------------------
@hy.custom_gradient
def tripled(w, x):
    y = np.tanh(w @ x)
    return y, lambda g: (2 * np.outer(g * (1 - y * y), x), 3 * (w.T @ (g * (1 - y * y))))


kept = hy.checkpoint(lambda w, x: np.tanh(w @ np.tanh(w @ x)))


def of_rule(w, x):
    return tripled(w, x).sum()


def of_checkpoint(w, x):
    return kept(w, x).sum()


def of_both(w, x):
    for _ in range(2):
        x = kept(w, x) + tripled(w, x)
    return x.sum()


def of_a_branch(w, x):
    if x[0] > 0:
        return tripled(w, x).sum()
    return kept(w, x).sum() * 2


def of_a_loop(w, x):
    while (x * x).sum() > 0.3:
        x = tripled(w * 0.3, x)
    return x.sum()


@pytest.mark.parametrize("f", [of_rule, of_checkpoint, of_both, of_a_branch, of_a_loop])
def test_given_derivatives_of_many_examples(f):
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(3, 3)), rng.normal(size=(4, 3))
    each = [np.stack(parts) for parts in zip(*(hy.grad(f, (0, 1))(w, row) for row in x))]
    of_each = hy.vmap(hy.grad(f, (0, 1)), in_axes=(None, 0))

    def total(w, x):
        return hy.vmap(f, in_axes=(None, 0))(w, x).sum()

    decorated = hy.function(f, strict=True)
    ways = [hy.function(of_each, strict=True), hy.vmap(hy.grad(decorated, (0, 1)), in_axes=(None, 0))]
    totals = [hy.grad(hy.function(total, strict=True), (0, 1)), hy.function(hy.grad(total, (0, 1)), strict=True)]
    if f not in (of_a_branch, of_a_loop):  # which need one value when they run as they are
        ways.append(of_each)
        totals.append(hy.grad(total, (0, 1)))
    for way in ways:
        for got, wanted in zip(way(w, x), each):
            np.testing.assert_allclose(got, wanted, rtol=1e-11)
    for way in totals:
        shared, own = way(w, x)
        np.testing.assert_allclose(shared, each[0].sum(0), rtol=1e-11)
        np.testing.assert_allclose(own, each[1], rtol=1e-11)


def test_given_derivatives_of_many_examples_need_no_loop_over_them():
    x = np.ones((5, 3))
    for f in (of_rule, of_checkpoint):
        graph = hy.function(hy.vmap(hy.grad(f, 1), in_axes=(None, 0))).graph(np.eye(3), x)
        assert "loop" not in str(graph)


def test_a_rule_that_could_fail_is_run_only_for_examples_that_ask_for_it():
    @hy.custom_gradient
    def divided(x):
        return x * 1.0, lambda g: np.linalg.solve(np.eye(2) * x[0], g)

    def f(x):
        return divided(x).sum() if x[0] > 0.5 else x.sum()

    x = np.array([[0.0, 1.0], [2.0, 3.0]])
    for way in (hy.vmap(hy.grad(f)), hy.grad(lambda x: hy.vmap(f)(x).sum())):
        np.testing.assert_allclose(hy.function(way, strict=True)(x), [[1, 1], [0.5, 0.5]])


def test_answers_that_are_the_same_for_all_examples_decide():
    def f(x):
        return x * 2 if np.isreal(x).all() else x

    np.testing.assert_array_equal(hy.vmap(f)(X), X * 2)


def test_rules_of_operations_hold_forward_through_a_batch():
    """The operation itself has no derivative, in a loop over the examples neither: nobody asks for it."""

    @hy.op(vjp=lambda g, y, x: 3 * g, jvp=lambda primals, tangents, y: 5 * tangents[0])
    def tabled(x):
        return np.sin(x)

    def along(x):
        return hy.jvp(lambda x: hy.vmap(lambda row: tabled(row).sum())(x), (x,), (np.ones((6, 5)),))[1]

    np.testing.assert_allclose(along(X), np.full(6, 25.0))
    np.testing.assert_allclose(hy.function(along)(X), np.full(6, 25.0))
    np.testing.assert_allclose(hy.grad(lambda x: hy.vmap(lambda row: tabled(row).sum())(x).sum())(X), np.full((6, 5), 3.0))
