"""`cond`, `while_loop`, `fori_loop` and `scan` by hand: eagerly, compiled, and their derivatives."""

import numpy as np
import pytest

import hybrid as hy
from hybrid.core import tree
from hybrid.core.errors import ArgumentError, TraceError

X = np.array([0.3, 1.2, 2.7])


def same(eager, compiled):
    a, b = tree.flatten(eager), tree.flatten(compiled)
    assert a[1] == b[1]
    for p, q in zip(a[0], b[0]):
        assert type(p) is type(q)
        assert np.asarray(p).dtype == np.asarray(q).dtype
        np.testing.assert_allclose(q, p, rtol=1e-12)


CASES = {
    "cond": (lambda x: hy.cond(x[0] > 1, lambda a, b: (a, b), lambda a, b: (b, a), x * 1, x * 2), X),
    "cond of no operands": (lambda x: hy.cond(x[0] > 1, lambda: x[1], lambda: x.sum()), X),
    "fori": (lambda x: hy.fori_loop(0, x.shape[0], lambda i, s: s + x[i] * i, 0.0), np.arange(9.0)),
    "fori to an argument": (lambda n: hy.fori_loop(2, n, lambda i, s: (s[0] + i, s[1] * 2), (0, 1.0)), 9),
    "while": (lambda x: hy.while_loop(lambda s: s.sum() < 100, lambda s: s * 2, x), X),
    "while over a dict": (
        lambda x: hy.while_loop(lambda s: s["n"] < 10, lambda s: {"n": s["n"] + 1, "v": s["v"] * 0.5}, {"n": 0, "v": x}), X,
    ),
    "scan": (lambda x: hy.scan(lambda c, z: (np.sin(c + z), c * z), x[0], x), np.linspace(0, 1, 9)),
    "scan of tensors": (lambda x: hy.scan(lambda c, z: (c + z.sum(), z * c), x[0], x.reshape((-1, 1))), hy.arange(12.0)),
    "scan backward": (lambda x: hy.scan(lambda c, z: (c + z.sum(), z * c), x[0], x.reshape(-1, 1), reverse=True),
                      np.arange(12.0)),
    "scan of no ys": (lambda x: hy.scan(lambda c, z: (c + z, None), 0.0, x), X),
    "scan of a number of rounds": (lambda n: hy.scan(lambda c, _: (c * 2, {"a": c}), 1.0, None, length=n), 7),
    "scan of several": (lambda x: hy.scan(lambda c, z: ((c[0] + z["a"], c[1] * 0.5), (z["b"] * c[0], z["a"] > 3)), (x[0], x),
                                          {"a": np.arange(8.0), "b": np.ones((8, 3))}), X),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_compiled_as_eager(name):
    f, x = CASES[name]
    same(f(x), hy.function(f, strict=True)(x))


def test_they_are_loops_of_the_graph():
    for name, count in (("fori", 1), ("while", 1), ("scan", 1)):
        f, x = CASES[name]
        assert str(hy.function(f).graph(x)).count("= loop(") == count
    assert "= cond(" in str(hy.function(CASES["cond"][0]).graph(X))


def recurrence(x):
    c, ys = hy.scan(lambda c, z: (np.tanh(c + z), (c * z, np.sin(c))), x[0], x)
    return c + ys[0].sum() * ys[1].sum()


def rounds(x):
    return hy.fori_loop(0, 30, lambda i, s: np.sin(s) * x[2] / 4 + x[i % 3], x[0])


def ways(x):
    return hy.cond(x.sum() > 3, lambda x: np.sin(x) * 2, lambda x: x * x, x).sum()


@pytest.mark.parametrize("f", [recurrence, rounds, ways])
def test_derivatives(f):
    for x in (X, X / 3):
        hy.check_grads(f, (x,))
        gradient = hy.grad(f)(x)
        np.testing.assert_allclose(hy.function(lambda x: hy.grad(f)(x), strict=True)(x), gradient, rtol=1e-11)
        np.testing.assert_allclose(hy.function(lambda x: hy.hessian(f)(x), strict=True)(x), hy.hessian(f)(x), rtol=1e-9,
                                   atol=1e-12)  # fmt: skip
        t = hy.tensor(x, requires_grad=True)
        f(t).backward()
        np.testing.assert_allclose(t.grad, gradient, rtol=1e-12)


def test_the_way_back_of_a_scan_copies_no_array():
    def f(x):
        c, ys = hy.scan(lambda c, z: (np.tanh(c + z), c), x[0], x)
        return c.sum() + (ys * ys).sum()

    x = np.random.default_rng(0).normal(size=(50, 8))
    compiled = hy.function(lambda x: hy.grad(f)(x), strict=True)
    np.testing.assert_allclose(compiled(x), hy.grad(f)(x), rtol=1e-11)
    assert "scratch f64[400]" not in str(compiled.loops(x))


def test_while_loops_forward():
    def f(x):
        return hy.while_loop(lambda s: s.sum() < 100, lambda s: s * 2 + np.sin(s), x).sum()

    hy.check_grads(f, (X,))
    same(hy.jvp(f, (X,), (X,)), hy.function(lambda x: hy.jvp(f, (x,), (x,)), strict=True)(X))


def test_sizes_that_vary():
    compiled = hy.function(lambda x: hy.grad(recurrence)(x), strict=True)
    for n in (3, 5, 6, 9):
        x = np.linspace(0.1, 1, n)
        np.testing.assert_allclose(compiled(x), hy.grad(recurrence)(x), rtol=1e-11)
    assert compiled.stats()["traces"] <= 2


def test_ys_that_change_their_type():
    def f(x):
        return hy.scan(lambda c, z: (c + z, c), 0, x)[1]

    with pytest.warns(hy.FallbackWarning, match="of one type in all rounds"):
        same(f(X), hy.function(f)(X))
    with pytest.raises(TraceError):
        hy.function(f, strict=True)(X)


def test_errors():
    for match, call in (
        ("returns \\(carry, y\\)", lambda: hy.scan(lambda c, x: c, 0.0, X)),
        ("how many rounds", lambda: hy.scan(lambda c, x: (c, x), 0.0, None)),
        ("equally long", lambda: hy.scan(lambda c, x: (c, x), 0.0, (X, X[:2]))),
        ("equally long", lambda: hy.scan(lambda c, x: (c, x), 0.0, X, length=2)),
        ("number among xs", lambda: hy.scan(lambda c, x: (c, x), 0.0, 1.0)),
        ("over nothing", lambda: hy.scan(lambda c, x: (c, x), 0.0, X[:0])),
        ("another nesting", lambda: hy.scan(lambda c, x: ((c, c), x), 0.0, X)),
        ("another nesting", lambda: hy.while_loop(lambda s: True, lambda s: (s, s), 1)),
        ("another nesting", lambda: hy.fori_loop(0, 3, lambda i, s: (s, s), 1)),
        ("differ in shape", lambda: hy.scan(lambda c, x: (c + 1, np.ones(c + 1)), 0, X)),
        ("nest differently", lambda: hy.scan(lambda c, x: (c + 1, (x,) * (c + 1)), 0, X)),
    ):
        with pytest.raises(ArgumentError, match=match):
            call()
