"""The short way of the commonest calls on a tape: what the long way gives, and takes from it what it cannot do."""

from __future__ import annotations

import gc
import operator
import warnings
import weakref

import numpy as np
import pytest

import hybrid as hy
from hybrid.ir import lifted
from hybrid.transforms import lane, levels

PLACES, MASK = np.array([6, 1, -2]), np.arange(8) % 3 == 0
CALLS = {
    "add": lambda x, m: x + m,
    "constant": lambda x, m: 2.0 * x,
    "power": lambda x, m: x**2,
    "product": lambda x, m: m @ x,
    "sum": lambda x, m: m.sum(axis=1),
    "slice": lambda x, m: m[1:5, ::2],
    "stack": lambda x, m: hy.stack([x, m[0]]),
    "array index": lambda x, m: x[PLACES],
    "tensor index": lambda x, m: m[hy.tensor(PLACES)],
    "index of no axes": lambda x, m: x[np.array(3)],
    "no index": lambda x, m: m[np.array([], np.int64)],
    "mask": lambda x, m: x[MASK],
    "array condition": lambda x, m: hy.where(MASK, x, m),
    "tensor condition": lambda x, m: hy.where(hy.tensor(MASK), m, 0.0),
    "take": lambda x, m: hy.take(m, PLACES, axis=1),
    "dtype": lambda x, m: x.astype(np.float32),
    "dtype object": lambda x, m: m.astype(np.dtype("f4")),
    "array operand": lambda x, m: x * np.arange(8.0),
    "list and axis": lambda x, m: np.stack([x, x**2], 1),
    "list before a list": lambda x, m: np.choose([0, 1] * 4, [x, m[1]]),
    "two lists": lambda x, m: np.concatenate([x, m[0]], 0),
    "integer first": lambda x, m: 3 - x,
    "integer last": lambda x, m: np.maximum(x, 0) + x // 2 + x % 2,
    "comparison": lambda x, m: (x > 0) * x + (m[0] >= 1) * 2.0,
    "comparisons of two": lambda x, m: hy.where(x < m[2], x, m[0]),
    "new memory behind a view": lambda x, m: np.roll(x, 2) + np.roll(m, 1)[0],
    "real part": lambda x, m: (x * (1 + 2j)).real,
    "same dtype": lambda x, m: x.astype(np.float64) * x,
    "number": lambda x, m: x[-3],
    "row": lambda x, m: m[2],
    "all": lambda x, m: m[...] * x[None],
    "slice from a tuple": lambda x, m: m[::-2, 3] + m[None, 1:5, 0],
    "columns as one": lambda x, m: m.T.reshape(64)[::3],
    "layouts": lambda x, m: (m.T + m).reshape(4, 16) @ hy.concatenate([x, x])[::-1],
    "one after the other": lambda x, m: hy.tanh(hy.exp(-abs(x)))[1:].sum() * m.mean(),
    "column times row": lambda x, m: (x[:, None] * m[0]).T.sum(axis=0),
    "arrays of another dtype": lambda x, m: x * np.arange(8, dtype=np.int64) + MASK,
}


def outcome(call) -> list:
    x = hy.tensor(np.linspace(-1, 2, 8), requires_grad=True)
    m = hy.tensor(np.linspace(1, 3, 64).reshape(8, 8), requires_grad=True)
    y = call(x, m)
    (y * np.arange(float(y.size)).reshape(y.shape)).sum().backward()
    return [y.dtype, y.shape, y.requires_grad, *(None if a is None else np.asarray(a) for a in (y.detach(), x.grad, m.grad))]


@pytest.mark.parametrize("name", CALLS)
def test_as_the_long_way(name):
    short = [outcome(CALLS[name]) for _ in range(2)][1]  # the second call finds what the first has entered
    lifted.enter(
        levels.follow,
        lambda function, x: levels.follow(function, (x,), {}),
        lambda function, x, other: levels.follow(function, (x, other), {}),
        lambda x, index: levels.follow(operator.getitem, (x, index), {}),
    )
    try:
        long = outcome(CALLS[name])
    finally:
        lifted.enter(lane.follow, lane.follow_one, lane.follow_two, lane.item)
    np.testing.assert_equal(short, long)


@pytest.mark.parametrize("index", [np.array([8]), np.array([0, -9]), hy.tensor(np.array([9]))])
def test_an_index_out_of_bounds(index):
    x = hy.tensor(np.arange(8.0), requires_grad=True)
    for _ in range(2):
        with pytest.raises(IndexError, match="out of bounds for axis 0 with size 8"):
            x[index]


def test_arrays_of_a_call_are_not_kept():
    x = hy.tensor(np.arange(8.0), requires_grad=True)
    places = np.arange(3)
    alive = weakref.ref(places)
    for _ in range(2):
        hy.take(x, places)
    del places
    gc.collect()
    assert alive() is None


def test_arrays_that_others_hold_get_another_shape():
    array = np.arange(8.0)
    x = hy.asarray(array)
    x.requires_grad = True
    for _ in range(2):
        (x * 2.0).sum()
    for held in (array, x.detach().numpy()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            held.shape = 2, 4
    y = (x * x).sum()
    y.backward()
    np.testing.assert_array_equal(x.grad, 2 * np.arange(8.0))
