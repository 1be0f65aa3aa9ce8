"""`checkpoint`: the same values and derivatives, from less that is kept."""

import gc
import weakref

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError, GradientError

X = np.array([0.3, 1.2, 2.7])


def f(x, w=None):
    y = np.sin(x) * np.exp(x)
    return np.tanh(y if w is None else y * w)


C = hy.checkpoint(f)


def both(g, *args):
    eager, compiled = g(*args), hy.function(g, strict=True)(*args)
    np.testing.assert_allclose(compiled, eager, rtol=1e-12, atol=1e-14)
    return eager


@pytest.mark.parametrize("derivative", [
    lambda g: lambda x: hy.grad(lambda x: g(x).sum())(x),
    lambda g: lambda x: hy.jvp(g, (x,), (x,))[1],
    lambda g: lambda x: hy.hessian(lambda x: g(x).sum())(x),
    lambda g: lambda x: hy.jacobian(hy.grad(lambda x: g(x).sum()), mode="reverse")(x),
    lambda g: g,
])  # fmt: skip
def test_derivatives(derivative):
    np.testing.assert_allclose(both(derivative(C), X), derivative(f)(X), rtol=1e-12)


def test_it_runs_again():
    calls = []

    def counted(x):
        calls.append(1)
        return np.sin(x)

    hy.grad(lambda x: hy.checkpoint(counted)(x).sum())(X)
    assert len(calls) == 2
    hy.checkpoint(counted)(X)
    assert len(calls) == 3
    x = hy.tensor(X, requires_grad=True)
    with hy.no_grad():
        assert not hy.checkpoint(counted)(x).requires_grad


def test_backward_and_tensors_it_closes_over():
    found = []
    for g in (f, C):
        x, w = hy.tensor(X, requires_grad=True), hy.tensor(X + 1, requires_grad=True)
        z = w * 2

        def inner(y, g=g, z=z):
            return g(y, z)

        outer = hy.checkpoint(inner) if g is C else inner
        loss = outer(x).sum() + z.sum()
        loss.backward()
        found.append((x.grad, w.grad))
        first = hy.grad_of(g(x, w).sum(), x, create_graph=True)
        x.grad = None
        first.sum().backward()
        found[-1] += (x.grad,)
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_only_the_arguments_are_kept():
    inside = []

    def deep(x):
        y = np.sin(x)
        inside.append(weakref.ref(y))
        return np.exp(y)

    x = hy.tensor(X, requires_grad=True)
    out = hy.checkpoint(deep)(x)
    gc.collect()
    assert inside[0]() is None
    out.sum().backward()
    np.testing.assert_allclose(x.grad, np.exp(np.sin(X)) * np.cos(X))
    with pytest.raises(GradientError, match="freed"):
        out.sum().backward()


def test_random_numbers_are_drawn_alike():
    def dropped(x):
        return x * (hy.random.random(3, dtype="float64") < 0.5) * np.random.random(3)

    out, back = hy.vjp(hy.checkpoint(dropped), X)
    states = hy.random.random(2), np.random.random()
    np.testing.assert_allclose(back(np.ones(3))[0] * X, out)
    hy.random.seed(3)
    np.random.seed(3)
    out, back = hy.vjp(hy.checkpoint(dropped), X)
    after = np.random.get_state()[1].copy(), np.random.get_state()[2]
    back(np.ones(3))
    assert (np.random.get_state()[1] == after[0]).all() and np.random.get_state()[2] == after[1]
    assert states is not None


def test_a_loop_of_checkpoints_computes_again_in_its_rounds():
    def loss(x, wrap=hy.checkpoint):
        def step(s, k):
            return np.sin(np.sin(s)) * x[k]

        step = wrap(step)
        s = x[:3]
        for k in range(20):
            s = step(s, k)
        return s.sum()

    x = np.linspace(0.5, 2, 20)
    eager = both(lambda x: hy.grad(loss)(x), x)
    np.testing.assert_allclose(eager, hy.grad(lambda x: loss(x, lambda g: g))(x), rtol=1e-12)
    graph = str(hy.function(lambda x: hy.grad(loss)(x)).graph(x))
    assert graph.count("= loop(") == 2 and "barrier" in graph
    forward = graph[: graph.index("barrier")]
    assert forward.count("f64[20,3] = update_slice") == 1  # what a round begins with, and nothing from inside it


def test_a_model_of_layers():
    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(4, 4)) / 2, rng.normal(size=4)) for _ in range(6)]

    def loss(layers, x, wrap):
        layer = wrap(lambda p, x: np.tanh(x @ p[0] + p[1]))
        for p in layers:
            x = layer(p, x)
        return (x**2).mean()

    x = rng.normal(size=(5, 4))
    plain = hy.grad(lambda p, x: loss(p, x, lambda g: g))(layers, x)
    checked = hy.grad(lambda p, x: loss(p, x, hy.checkpoint))(layers, x)
    compiled = hy.function(lambda p, x: hy.grad(lambda p, x: loss(p, x, hy.checkpoint))(p, x), strict=True)(layers, x)
    for a, b, c in zip(plain, checked, compiled):
        for k in range(2):
            np.testing.assert_allclose(b[k], a[k], rtol=1e-12)
            np.testing.assert_allclose(c[k], a[k], rtol=1e-9, atol=1e-12)


def test_what_cannot_be_run_again_is_an_error():
    def writes(x):
        x[0] = 1.0
        return x * 2

    with pytest.raises(GradientError, match="writes into an argument"):
        hy.grad(lambda x: hy.checkpoint(writes)(x * 1).sum())(X)
    x, w = hy.tensor(X, requires_grad=True), hy.tensor(X)
    out = hy.checkpoint(lambda x, w: x * w)(x, w)
    w[0] = 7.0
    out.sum().backward()  # small arrays are copied
    np.testing.assert_array_equal(x.grad, X)
    big = hy.tensor(np.ones(10_000))
    y = hy.tensor(np.ones(10_000), requires_grad=True)
    out = hy.checkpoint(lambda y, w: y * w)(y, big)
    big[...] = 7.0
    with pytest.raises(GradientError, match="was written since"):
        out.sum().backward()
    turn = []

    def fickle(x):
        turn.append(1)
        return x if len(turn) == 1 else (x, x)

    with pytest.raises(GradientError, match="other results"):
        hy.grad(lambda x: hy.checkpoint(fickle)(x * 2).sum())(X)
    with pytest.raises(ArgumentError, match="takes a function"):
        hy.checkpoint(3)
