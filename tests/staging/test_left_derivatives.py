"""What Python takes out of tensors that are differentiated: never a wrong gradient in silence, and the same in a trace."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import GradientError

TAKEN = {
    "float": lambda a: float(a.sum()) * a.sum(),
    "item": lambda a: a.sum().item() * a.sum(),
    "tolist": lambda a: a.max().tolist() * a.sum(),
    "math": lambda a: math.sin(a[0]) * a.sum(),
    "asarray": lambda a: np.asarray(a * a).sum(),
    "array": lambda a: np.array(a * a).sum(),
}


@pytest.mark.parametrize("f", TAKEN.values(), ids=TAKEN)
def test_eager_transforms_say_what_they_cannot_follow(f):
    x = np.array([1.0, 2.0])
    for transform in (hy.grad(f), lambda x: hy.jvp(f, (x,), (x,))):
        with pytest.raises(GradientError, match="out of the computation that is differentiated"):
            transform(x)


@pytest.mark.parametrize("f", TAKEN.values(), ids=TAKEN)
def test_a_trace_follows_numbers_of_arrays(f):
    x, step = np.array([1.0, 2.0]), 1e-6
    want = [(f(x + d) - f(x - d)) / (2 * step) for d in step * np.eye(2)]
    np.testing.assert_allclose(hy.function(hy.grad(f), strict=True)(x), want, rtol=1e-6)


@pytest.mark.parametrize("name", ["float", "item", "tolist", "math"])
def test_numbers_of_tensors_are_values(name):
    f = TAKEN[name]
    found = []
    for decorate in (lambda step: step, lambda step: hy.function(step, strict=True)):
        w = hy.tensor([2.0, 3.0], requires_grad=True)

        decorate(lambda w=w: f(w).backward())()
        found.append(w.grad)
    np.testing.assert_array_equal(found[0], found[1])
    assert found[0].dtype == found[1].dtype
    with pytest.raises(GradientError, match="out of the computation"):
        hy.function(hy.grad(f))(hy.tensor([2.0, 3.0]))


def test_detached_leaves_in_a_trace():
    w = hy.tensor([2.0, 3.0], requires_grad=True)

    @hy.function(strict=True)
    def step():
        (w * w.detach() + hy.stop_gradient(w)).sum().backward()

    step()
    np.testing.assert_array_equal(w.grad, [2.0, 3.0])


def test_a_captured_leaf_is_read_at_every_call():
    w = hy.tensor(2.0, requires_grad=True)

    @hy.function(strict=True)
    def scaled(x):
        return x * w.item()

    first = scaled(np.ones(2))
    with hy.no_grad():
        w += 5
    np.testing.assert_array_equal(first, [2.0, 2.0])
    np.testing.assert_array_equal(scaled(np.ones(2)), [7.0, 7.0])
    assert type(first) is np.ndarray


def test_arrays_of_what_requires_gradients():
    w = hy.tensor([2.0, 3.0], requires_grad=True)
    with pytest.raises(GradientError, match="NumPy array"):
        np.asarray(w * 2)
    np.testing.assert_array_equal(np.asarray(w.detach()), [2.0, 3.0])
    with hy.no_grad():
        np.testing.assert_array_equal(np.asarray(w), [2.0, 3.0])


def test_copies_of_leaves_are_leaves():
    w = hy.tensor([2.0, 3.0], requires_grad=True)
    (w * w).sum().backward()
    for again in (copy.deepcopy(w), copy.deepcopy([w])[0], pickle.loads(pickle.dumps(w))):
        assert again.requires_grad and again.is_leaf
        again.grad = None
        (3 * again).sum().backward()
        np.testing.assert_array_equal(again.grad, [3.0, 3.0])
    np.testing.assert_array_equal(copy.deepcopy(w).grad, [4.0, 6.0])
    np.testing.assert_array_equal(w.grad, [4.0, 6.0])
    assert not pickle.loads(pickle.dumps(w * 2)).requires_grad
