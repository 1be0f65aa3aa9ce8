"""Training steps in decorated functions: leaves that are captured and leaves that are arguments, step for step as eagerly."""

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import NoLeafError


def leaves():
    rng = np.random.default_rng(0)
    return [hy.tensor(rng.random((8, 4)), requires_grad=True), hy.tensor(np.zeros(4), requires_grad=True)]


BATCHES = [(np.random.default_rng(k).random((16, 8)), np.random.default_rng(k).random((16, 4))) for k in range(6)]


def loss_of(parameters, x, y):
    w, b = parameters
    return ((hy.tanh(x @ w + b) - y) ** 2).mean()


def step(parameters, x, y, rate=0.1):
    loss = loss_of(parameters, x, y)
    loss.backward()
    with hy.no_grad():
        for p in parameters:
            p -= rate * p.grad
            p.grad = None
    return loss.item()


def with_captured(parameters):
    moments = [hy.zeros(p.shape, dtype=np.float64) for p in parameters]

    def momentum(x, y):
        loss = loss_of(parameters, x, y)
        loss.backward()
        with hy.no_grad():
            for p, m in zip(parameters, moments):
                m *= 0.9
                m += p.grad
                p -= 0.1 * m
                p.grad = None
        return loss.item()

    return momentum


def same(ours, theirs):
    for p, q in zip(ours, theirs, strict=True):
        assert np.allclose(p.detach(), q.detach(), rtol=1e-12)


def by_machine_code(f):
    return [line for line in str(f.explain()).splitlines() if "by machine code alone" in line][-1].split()[1]


def test_captured_leaves_are_updated_by_machine_code():
    one, other = leaves(), leaves()
    plain, compiled = with_captured(one), hy.function(with_captured(other), strict=True)
    for x, y in BATCHES:
        assert np.isclose(plain(x, y), compiled(x, y), rtol=1e-12)
        same(one, other)
    assert len(compiled.traces) == 1 and by_machine_code(compiled) == str(len(BATCHES) - 1)


@pytest.mark.parametrize("strict", (False, True))
def test_leaves_may_be_arguments(strict):
    one, other = leaves(), leaves()
    compiled = hy.function(step, strict=strict)
    for x, y in BATCHES:
        assert np.isclose(step(one, x, y), compiled(other, x, y), rtol=1e-12)
        same(one, other)
    assert len(compiled.traces) == 1 and by_machine_code(compiled) == str(len(BATCHES) - 1)
    assert "f64[8,4]" in str(compiled.explain())


def test_each_leaf_gets_its_own_gradient():
    def back(w, x):
        (w * x).sum().backward()

    compiled = hy.function(back)
    x = np.arange(4.0)
    for k in range(5):
        w = hy.tensor(np.full(4, k + 1.0), requires_grad=True)
        for n in (1, 2, 3):  # gradients add up
            compiled(w, x)
            assert np.array_equal(w.grad, n * x)
        w.grad = None
        compiled(w, x * 2)
        assert np.array_equal(w.grad, 2 * x)


def test_a_leaf_that_is_none_any_more():
    def back(w, x):
        loss = (w * x).sum()
        if loss.requires_grad:
            loss.backward()
        return loss.item()

    compiled = hy.function(back)
    w, x = hy.tensor(np.ones(3), requires_grad=True), np.arange(3.0)
    for _ in range(3):
        assert compiled(w, x) == 3.0
    assert np.array_equal(w.grad, 3 * x)
    w.grad = None
    w.requires_grad = False
    assert compiled(w, x) == 3.0 and w.grad is None


def test_backward_of_what_no_leaf_has_a_part_in():
    compiled = hy.function(lambda w: (w * 2).sum().backward(), strict=True)
    with pytest.raises(NoLeafError, match="no gradient flows"):
        compiled(hy.tensor([1.0, 2.0]))


def test_gradients_that_add_up_over_calls_take_no_trace_each():
    def back(w, b):
        def step(x, y):
            loss = ((hy.tanh(x @ w + b) - y) ** 2).mean()
            loss.backward()
            return loss.item()

        return step

    rng = np.random.default_rng(0)
    made = [[hy.tensor(a, requires_grad=True) for a in (np.ones((4, 3)) / 4, np.zeros(3))] for _ in range(2)]
    plain, compiled = back(*made[0]), hy.function(back(*made[1]), strict=True)
    for round_ in range(5):
        kept = None
        for _ in range(3):
            x, y = rng.normal(size=(8, 4)), rng.normal(size=(8, 3))
            assert np.isclose(plain(x, y), compiled(x, y), rtol=1e-14)
            for want, got in zip(*made):
                np.testing.assert_allclose(got.grad, want.grad, rtol=1e-12)
            now = [leaf.grad for leaves in made for leaf in leaves]
            assert kept is None or all(a is b for a, b in zip(kept, now))  # what is added goes into the same memory
            kept = now
        for leaf in (*made[0], *made[1]):
            leaf.grad = None if round_ % 2 else hy.zeros_like(leaf.detach())
    assert len(compiled.traces) <= 3 and compiled.stats()["native_calls"] >= 8


def test_a_gradient_with_a_graph_of_its_own_is_not_written_into():
    x = hy.tensor([1.0, 2.0], requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    (x**2).sum().backward()
    assert first is not x.grad and np.array_equal(first.detach(), [3.0, 12.0]) and np.array_equal(x.grad.detach(), [5.0, 16.0])
