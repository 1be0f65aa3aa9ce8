"""Complaints about being traced again: for every learning rate, for every batch, without a reason, without an end."""

import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import hybrid as hy

X = np.linspace(-1, 1, 12).reshape(3, 4)
X60 = np.arange(60.0)


def traces(f):
    return f.stats()["traces"]


# pytorch/pytorch#149405, #119778: a float argument was a constant, each value of it a new compilation
def test_float_arguments_are_inputs():
    f = hy.function(lambda x, y: x * y, strict=True)
    for y in np.linspace(0.1, 50, 300):
        np.testing.assert_array_equal(f(X, float(y)), X * float(y))
    assert traces(f) == 1


# pytorch/pytorch#171320: the product of two float arguments made a guard on the product's value
def test_arithmetic_of_floats_does_not_ask_for_their_values():
    @hy.function(strict=True)
    def step(p, a, b):
        p *= p * (a * b) + a**2 / (1 + b) - min(a, 3.0)
        return p

    for k in range(1, 50):
        got, want = X.copy(), X.copy()
        np.testing.assert_allclose(step(got, 0.01 * k, 1.0 + k), step.eager(want, 0.01 * k, 1.0 + k), rtol=1e-13)
        np.testing.assert_allclose(got, want, rtol=1e-13)
    assert traces(step) == 1


# pytorch/pytorch#130467, #163093, #120934: an optimiser's learning rate, an attribute that a scheduler rebinds
# pytorch/pytorch#133898: its momenta, floats in a tuple
def test_a_scheduler_may_change_an_optimisers_numbers():
    class Adam:
        def __init__(self, shape):
            self.lr, self.betas, self.t = 0.1, (0.9, 0.99), 0
            self.m, self.v = np.zeros(shape), np.zeros(shape)

        @staticmethod
        def step(p, g, m, v, lr, betas, t):
            m *= betas[0]
            m += (1 - betas[0]) * g
            v *= betas[1]
            v += (1 - betas[1]) * g * g
            p -= lr * (m / (1 - betas[0] ** t)) / (np.sqrt(v / (1 - betas[1] ** t)) + 1e-8)

    one, two = Adam(X.shape), Adam(X.shape)
    step = hy.function(Adam.step, strict=True)
    p, q = X.copy(), X.copy()
    for k in range(1, 40):
        lr, betas = 0.1 * 0.95**k, (0.9 - 0.001 * k, 0.99)
        step(p, np.cos(p), one.m, one.v, lr, betas, float(k))
        Adam.step(q, np.cos(q), two.m, two.v, lr, betas, float(k))
        np.testing.assert_allclose(p, q, rtol=1e-12)
    assert traces(step) == 1


# pytorch/pytorch#130467 again, with the rate read from the object
def test_an_attribute_that_changes_at_every_call_is_read_at_every_call():
    class Sgd:
        lr = 1.0

        def step(self, p):
            p -= self.lr * p

    sgd = Sgd()
    step = hy.function(Sgd.step, strict=True)
    for k in range(30):
        sgd.lr = 0.5 ** (k + 1)
        p = X.copy()
        step(sgd, p)
        np.testing.assert_array_equal(p, X - sgd.lr * X)
    assert traces(step) == 2


# tensorflow/tensorflow#38561, #38002: variable-length inputs were retraced per length
def test_a_thousand_batch_sizes_are_two_traces():
    f = hy.function(lambda x, w: np.maximum(x @ w, 0).mean(axis=0), strict=True)
    w = np.random.default_rng(0).random((4, 3))
    for n in [*range(1, 60), 1, 2, 7, 333]:
        x = np.random.default_rng(n).random((n, 4))
        np.testing.assert_allclose(f(x, w), np.maximum(x @ w, 0).mean(axis=0), rtol=1e-13)
    assert traces(f) <= 3  # one row may be a trace of its own: it broadcasts


# tensorflow/tensorflow#24726: a concrete function for each Python scalar
def test_integers_that_are_only_calculated_with_are_three_traces():
    f = hy.function(lambda x, n: x * n, strict=True)
    for n in range(40):
        np.testing.assert_array_equal(f(X, n), X * n)
    assert traces(f) == 3


def test_integers_whose_value_is_asked_for_end_in_a_warning_that_names_them():
    f = hy.function(lambda x, n: {f"{n} rows": x.sum()})
    with pytest.warns(hy.RetraceWarning, match="`n`"):
        for n in range(1, 12):
            assert f(np.ones((n, 2)), n) == {f"{n} rows": 2 * n}


def test_shapes_of_integers_that_vary_are_three_traces():
    for f in (lambda x, n: x.reshape(n, -1).sum(axis=1), lambda x, n: x.reshape(-1, n).mean(axis=0)):
        g = hy.function(f, strict=True)
        for n in (2, 3, 4, 5, 6, 10, 12, 60, 1):
            for x in (X60, X60.reshape(5, 12), X60.reshape(3, 4, 5).transpose(2, 0, 1).copy()):
                np.testing.assert_allclose(g(x, n), f(x, n))
        assert traces(g) <= 9
        for n in (7, 0, -1):
            with pytest.raises(ValueError) as own:
                f(X60, n)
            with pytest.raises(ValueError) as theirs:
                g(X60, n)
            assert str(own.value) == str(theirs.value)


# tensorflow/tensorflow#44033, theislab/scCODA#13: "triggered retracing", but for which argument?
def test_a_retrace_names_the_argument_and_both_types():
    f = hy.function(lambda x, scale, mode="fast": x * scale)
    f(X, 2.0)
    f(X.astype(np.float32), 2.0)
    f(X, 2.0, mode="slow")
    f(X, 2.0, mode="fast")
    text = f.explain()
    for reason in ("`x` changed f64[3,4] -> f32[3,4]", "`mode` is given", "`mode` changed 'slow' -> 'fast'"):
        assert reason in text


# tensorflow/tensorflow#31175, jax-ml/jax#19570, patrick-kidger/equinox#268: a bound method is a new object at each access
def test_bound_methods_of_one_object_share_traces():
    class Model:
        def __init__(self):
            self.w = np.arange(4.0)

        def loss(self, x):
            return (x * self.w).sum()

    model = Model()
    apply = hy.function(lambda f, x: f(x) + 1, strict=True)
    for _ in range(5):
        assert apply(model.loss, X) == model.loss(X) + 1
    assert traces(apply) == 1
    method = hy.function(model.loss, strict=True)
    for _ in range(5):
        assert method(X) == model.loss(X)
    assert traces(method) == 1


# jax-ml/jax#1637: equal, but not identical, partials and static values
def test_equal_static_values_are_one_trace():
    @dataclass(frozen=True)
    class Config:
        power: int
        names: tuple

    f = hy.function(lambda x, c: x**c.power, strict=True)
    for _ in range(5):
        np.testing.assert_array_equal(f(X, Config(2, ("a", "b"))), X**2)
    assert traces(f) == 1
    np.testing.assert_array_equal(f(X, Config(3, ("a", "b"))), X**3)


# pytorch/pytorch#110803: switching between train() and eval() recompiled every time
def test_flags_that_go_to_and_fro_keep_their_traces():
    class Layer:
        training = True

        def forward(self, x):
            return x * 0.5 if self.training else x

    layer = Layer()
    forward = hy.function(Layer.forward, strict=True)
    for k in range(20):
        layer.training = k % 2 == 0
        np.testing.assert_array_equal(forward(layer, X), X * 0.5 if layer.training else X)
    assert traces(forward) == 2


# pytorch/pytorch#128071: sixteen layers, each with an index of its own, hit the recompile limit
def test_many_instances_of_a_class_are_right_and_bounded():
    class Block:
        def __init__(self, k):
            self.index, self.w = k, np.full(4, float(k))

        def forward(self, x):
            return x + self.w if self.index % 2 else x - self.w

    blocks = [Block(k) for k in range(16)]
    forward = hy.function(Block.forward)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the index makes trace after trace may be said
        for _ in range(3):
            for block in blocks:
                np.testing.assert_array_equal(forward(block, X), block.forward(X))
    assert traces(forward) <= hy.config.max_traces


# pytorch/pytorch#93724: a trace per length of a list that grows
def test_a_list_argument_of_any_length_is_right():
    f = hy.function(lambda parts: sum(p.sum() for p in parts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.RetraceWarning)
        for n in range(1, 12):
            parts = [np.full(3, float(k)) for k in range(n)]
            assert f(parts) == sum(p.sum() for p in parts)


# jax-ml/jax#4572: a decorated function called by several decorated ones was compiled for each
def test_one_function_called_by_others_is_inlined_not_recompiled():
    inner = hy.function(lambda x: np.tanh(x) + 1, strict=True)
    callers = [hy.function(lambda x, k=k: inner(x) * k, strict=True) for k in (2.0, 3.0, 4.0)]
    for k, f in zip((2.0, 3.0, 4.0), callers):
        np.testing.assert_allclose(f(X), (np.tanh(X) + 1) * k, rtol=1e-13)
    assert traces(inner) == 0


# pytorch/pytorch#120934, tensorflow/tensorflow#62854: the cache of one function grew without a bound
def test_the_traces_of_one_function_are_bounded():
    f = hy.function(lambda x: x + 1)
    with hy.config.override(max_traces=4), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for rank in range(1, 9):
            for dtype in (np.float32, np.float64, np.int32):
                x = np.ones((2,) * rank, dtype)
                np.testing.assert_array_equal(f(x), x + 1)
        assert len(f.traces) <= 4


# pytorch/pytorch#141258: NumPy's integers and Python's were one thing, or a compilation for each value
def test_numpy_integers_are_inputs_and_keep_their_type():
    f = hy.function(lambda x, n: (x * n, n + 1), strict=True)
    for n in range(30):
        a, b = f(X, np.int32(n))
        np.testing.assert_array_equal(a, X * n)
        assert type(b) is np.int32 and b == n + 1
    assert traces(f) == 1
