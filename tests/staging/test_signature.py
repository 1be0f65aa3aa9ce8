"""Keys of calls, the names of their leaves, and what is static."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from hybrid.core import tree
from hybrid.core.errors import ArgumentError, TraceError
from hybrid.staging.parameters import Parameters
from hybrid.staging.signature import ArrayLeaf, NumberLeaf, SameLeaf, ScalarLeaf, StaticLeaf, describe, describe_all, static_key

X = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        (X, "f32[3,4]", ArrayLeaf),
        (X.T, "f32[4,3] strides (4, 16)", ArrayLeaf),
        (np.broadcast_to(X, (2, 3, 4)), "f32[2,3,4] strides (0, 16, 4) read-only", ArrayLeaf),
        (hy.tensor([1.0]), "f32[1] tensor", ArrayLeaf),
        (np.float32(1), "np.float32", ScalarLeaf),
        (np.True_, "np.bool", ScalarLeaf),
        (1.5, "float", NumberLeaf),
        (1j, "complex", NumberLeaf),
        (3, "3", StaticLeaf),
        (True, "True", StaticLeaf),
        ("s", "'s'", StaticLeaf),
        (len, "<built-in function len>", StaticLeaf),
    ],
)
def test_leaves(value, text, kind):
    leaf = describe(value)
    assert type(leaf) is kind and str(leaf) == text
    assert leaf == describe(value) and hash(leaf) == hash(describe(value))


def test_layouts_kernels_can_walk():
    raw = np.zeros(49, np.uint8)
    for array, direct, overlapping in [
        (X, True, False), (X.T, True, False), (X[:, ::2], True, False), (X[::-1], False, False),
        (raw[1:].view(np.float32), False, False),
        (np.broadcast_to(X, (2, 3, 4)), True, True), (np.lib.stride_tricks.sliding_window_view(X, 2, axis=1), True, True),
        (np.zeros((0, 4), np.float32), True, False), (X[:1].T, True, False),
    ]:  # fmt: skip
        leaf = describe(array)
        assert (leaf.direct, leaf.overlapping) == (direct, overlapping), leaf


def test_the_same_array_twice_is_one_leaf_and_the_same_number_is_not():
    y = X.copy()
    assert describe_all([X, y, X, 1.5, 1.5], [False] * 5)[2] == SameLeaf(0)
    assert [type(leaf) for leaf in describe_all([X, y, 1.5, 1.5], [False] * 4)] == [
        ArrayLeaf,
        ArrayLeaf,
        NumberLeaf,
        NumberLeaf,
    ]
    tensor = hy.tensor(X)
    assert not any(isinstance(leaf, SameLeaf) for leaf in describe_all([tensor, tensor.numpy()], [False] * 2))


def test_static_numbers_and_keys():
    assert type(describe(1.5, static=True)) is StaticLeaf and describe(1.5, True) != describe(2.5, True)
    assert describe(np.float32(1), True) == describe(np.float32(1), True) != describe(np.float64(1), True)
    assert describe(1) != describe(True) != describe(1.0, True)
    assert static_key(0.0) != static_key(-0.0) and static_key(float("nan")) == static_key(-float("nan"))
    assert static_key(complex(0, -0.0)) != static_key(0j)
    thing = object()
    assert describe(thing) == describe(thing) != describe(object())


def test_what_a_trace_cannot_depend_on():
    for value in (
        np.array(["a"]),
        np.zeros(2, ">f4"),
        np.ma.zeros(2),
        np.longdouble(1),
        iter([1]),
        (k for k in ()),
        np.datetime64("2020"),
    ):
        with pytest.raises(TraceError):
            describe(value)


def names(f, *args, **kwargs):
    parameters = Parameters(f, ())
    return parameters.names(tree.flatten(parameters.bind(args, kwargs))[1])


def test_names_of_leaves():
    def f(a, b=1, *rest, c=2, **others):
        pass

    assert names(f, 1) == ["a"]
    assert names(f, 1, c=3, b=2) == ["a", "b", "c"]
    assert names(f, 1, 2, 3, [4, {"k": 5}], c=(6, None), z=7) == ["a", "b", "rest0", "rest1_0", "rest1_1", "c_0", "z"]
    assert names(f, [1], 2) == ["a_0", "b"]
    assert names(print, 1, 2, end=3) == ["args0", "args1", "end"]


def test_calls_are_brought_into_one_form():
    parameters = Parameters(lambda a, b=1, *, c=2: None, ())
    assert parameters.bind((1,), {"b": 2}) == parameters.bind((1, 2), {}) == ((1, 2), {})
    assert parameters.order(1, ("c", "b")) == (0, 2, 1)
    assert parameters.order(0, ("b", "a")) == (1, 0)
    assert parameters.order(5, ()) is None
    assert Parameters(lambda **k: None, ()).order(0, ("x", "a")) == (0, 1)


def test_static_parameters():
    parameters = Parameters(lambda a, b, *rest, c: None, ("b", -1))
    bound = parameters.bind((1, [2, 3], 4), {"c": (5, 6)})
    assert parameters.static_flags(tree.flatten(bound)[1]) == [False, True, True, False, True, True]
    assert Parameters(lambda a: None, 0).static == Parameters(lambda a: None, "a").static == {"a"}
    with pytest.raises(ArgumentError):
        Parameters(lambda a: None, 3)
