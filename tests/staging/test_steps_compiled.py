"""Training steps run compiled at every call, whatever they leave behind; what only computes stays one operation of the tape."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy


def leaves():
    rng = np.random.default_rng(0)
    return [hy.tensor(rng.standard_normal(s).astype(np.float32), requires_grad=True) for s in ((4, 3), (3,))]


def forget_at_the_end(w, b):
    def step(x):
        loss = (x @ w + b).tanh().mean()
        loss.backward()
        with hy.no_grad():
            for p in (w, b):
                p -= 0.1 * p.grad
                p.grad = None
        return loss

    return step


def forget_at_the_start(w, b):
    def step(x):
        w.grad = b.grad = None
        loss = (x @ w + b).tanh().mean()
        loss.backward()
        with hy.no_grad():
            for p in (w, b):
                p -= 0.1 * p.grad
        return loss.item()

    return step


def by_tape(w, b):
    def step(x):
        with hy.GradientTape() as tape:
            loss = (x @ w + b).tanh().mean()
        gradients = tape.gradient(loss, [w, b])
        with hy.no_grad():
            for p, g in zip((w, b), gradients, strict=True):
                p -= 0.1 * g
        return loss

    return step


def by_tape_alone(w, b):
    def step(x):
        with hy.GradientTape() as tape:
            loss = (x @ w + b).tanh().mean()
        return [g.detach() for g in tape.gradient(loss, [w, b])]

    return step


@pytest.mark.parametrize("make", [forget_at_the_end, forget_at_the_start, by_tape, by_tape_alone])
def test_steps_stay_compiled(make):
    x = np.random.default_rng(1).standard_normal((5, 4)).astype(np.float32)
    plain, fast = leaves(), leaves()
    slow, quick = make(*plain), hy.function(make(*fast), strict=True)
    for _ in range(6):
        want, got = slow(x), quick(x)
        for g, e in zip(got if isinstance(got, list) else [got], want if isinstance(want, list) else [want], strict=True):
            assert type(g) is type(e)
            np.testing.assert_allclose(hy.stop_gradient(g), hy.stop_gradient(e), rtol=1e-5)
    for p, q in zip(plain, fast, strict=True):
        np.testing.assert_allclose(p.detach(), q.detach(), rtol=1e-5)
        assert (p.grad is None) == (q.grad is None)
    assert sum(trace.calls + trace.native_calls for trace in quick.traces) == 6


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_what_writes_elsewhere_and_returns_something_to_differentiate_is_differentiated():
    found = []
    for decorate in (lambda f: f, hy.function):
        w, b = leaves()
        mean = hy.zeros(3, dtype=hy.float32)

        def forward(x, w=w, b=b, mean=mean):
            y = x @ w + b
            with hy.no_grad():
                mean[...] = 0.9 * mean + 0.1 * y.mean(axis=0)
            return y.tanh().sum()

        fast = decorate(forward)
        for _ in range(2):
            fast(np.ones((5, 4), np.float32)).backward()
        found.append((w.grad, b.grad, mean))
    for got, want in zip(*found, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5)
