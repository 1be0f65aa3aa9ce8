"""What a function that is differentiated keeps is what it would have kept by itself: no tensors."""

from __future__ import annotations

import collections
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

import hybrid as hy


class Pair(NamedTuple):
    first: object
    second: object


class Model:
    seen: object = None

    def __init__(self):
        self.last = self.nested = None
        self.history = []

    def forward(self, w):
        self.last = w * 2
        self.nested = (w, {"sum": w.sum()}, Pair(w + 1, [w.max()]))
        self.history.append(w.sum())
        Model.seen = w[0]
        return self.last


class Slotted:
    __slots__ = ("last",)


@dataclass
class Inner:
    model: Model


GLOBAL = None
NAMED: dict = {}
RING: collections.deque = collections.deque(maxlen=2)


def helper(w):
    global GLOBAL
    GLOBAL = w.sum()
    NAMED["w"] = w
    RING.append(w * 3)


def loss(w, inner, out, slotted):
    helper(w)
    out.append(w - 1)
    slotted.last = w.mean()
    return (inner.model.forward(w) ** 2).sum()


def kept(call):
    """What a call of `loss` keeps."""
    NAMED.clear()
    RING.clear()
    model, out, slotted = Model(), [], Slotted()
    call(np.arange(3.0), Inner(model), out, slotted)
    return [vars(model), out, slotted.last, GLOBAL, dict(NAMED), list(RING), Model.seen]


def shown(x):
    """Classes and values."""
    if isinstance(x, (list, tuple)):
        return type(x), [shown(item) for item in x]
    if isinstance(x, dict):
        return {name: shown(item) for name, item in x.items()}
    return type(x), repr(x)


TRANSFORMS = {
    "grad": hy.grad,
    "value_and_grad": hy.value_and_grad,
    "jacobian": hy.jacobian,
    "vjp": lambda f: lambda w, *rest: hy.vjp(lambda w: f(w, *rest), w),
    "jvp": lambda f: lambda w, *rest: hy.jvp(lambda w: f(w, *rest), (w,), (w,)),
    "of decorated code": lambda f: hy.grad(hy.function(f)),
    "of a gradient": lambda f: hy.grad(lambda w, *rest: hy.value_and_grad(f)(w, *rest)[0]),
}


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_what_is_kept_is_no_tensor(transform):
    assert shown(kept(TRANSFORMS[transform](loss))) == shown(kept(loss))


def test_numbers_stay_pythons():
    model = Model()

    def square(x):
        model.last = x * 2
        return x * x

    assert hy.grad(square)(3.0) == 6.0 and type(model.last) is float and model.last == 6.0


def test_what_is_kept_where_the_call_raises():
    model = Model()

    def raising(w):
        model.last = w * 2
        raise KeyError("w")

    with pytest.raises(KeyError):
        hy.grad(raising)(np.ones(2))
    assert type(model.last) is np.ndarray


def test_tensors_are_kept_where_tensors_come_in():
    model = Model()

    def f(w):
        model.last = w * 2
        return (model.last * w).sum()

    hy.grad(f)(hy.tensor([1.0, 2.0]))
    assert isinstance(model.last, hy.Tensor) and not model.last.requires_grad and model.last.tolist() == [2.0, 4.0]


def test_variables_of_functions_around():
    count = total = None

    def f(w):
        nonlocal count, total
        count, total = 1, w.sum()
        return (w * w).sum()

    hy.grad(f)(np.ones(3))
    assert count == 1 and type(total) is np.float64 and total == 3.0
