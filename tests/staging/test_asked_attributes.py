"""What programs ask of what they were given: `hasattr`, `getattr` with a default, and `except AttributeError`."""

from __future__ import annotations

import collections
import numbers
from collections import abc
from typing import SupportsFloat, SupportsIndex

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import TraceError
from hybrid.staging.function import function

quiet = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning", "ignore::hybrid.RetraceWarning")

VALUES = {
    "float": 1.5, "complex": 1 + 2j, "float64": np.float64(2.5), "float32": np.float32(2.0), "int64": np.int64(3),
    "array": np.ones(2), "ints": np.array([1, 2]), "rank 0": np.array(2.0), "text": "abc", "int": 4,
    "list": [1.0, 2.0], "tuple": (1.0, 2.0), "dict": {"a": 1.0}, "tensor": hy.tensor([1.0, 2.0]),
}  # fmt: skip


def asked(x):
    return [
        hasattr(x, "shape"), hasattr(x, "ndim"), hasattr(x, "dtype"), hasattr(x, "size"), hasattr(x, "__len__"),
        hasattr(x, "__iter__"), hasattr(x, "__getitem__"), hasattr(x, "__array__"), hasattr(x, "__float__"),
        hasattr(x, "__index__"), hasattr(x, "real"), hasattr(x, "is_integer"), hasattr(x, "hex"), hasattr(x, "tolist"),
        hasattr(x, "item"), hasattr(x, "detach"), hasattr(x, "numpy"), hasattr(x, "exp"), hasattr(x, "abs"),
        hasattr(x, "backward"), hasattr(x, "requires_grad"), hasattr(x, "append"), hasattr(x, "items"), hasattr(x, "upper"),
        hasattr(x, "iloc"), hasattr(x, "T"), hasattr(x, "copy"), callable(x), hasattr(x, "__array_interface__"),
        hasattr(x, "mro"),
    ]  # fmt: skip


def with_default(x):
    return getattr(x, "ndim", -1), getattr(x, "detach", None) is None, getattr(x, "shape", ()), getattr(x, "upper", 0) == 0


def tried(x):
    try:
        dims = len(x.shape)
    except AttributeError:
        dims = -1
    try:
        x.exp
        found = "exp"
    except AttributeError as error:
        found = str(error)
    return dims, found


def duck(x):
    """As library code does it."""
    if hasattr(x, "detach"):
        x = x.detach().numpy()
    if not hasattr(x, "__len__"):
        x = [x]
    return sum(x) if len(x) < 2 else x[0]


@quiet
@pytest.mark.parametrize("ask", [asked, with_default, tried, duck])
@pytest.mark.parametrize("value", VALUES)
def test_answers_are_those_of_what_came_in(ask, value):
    f, x = function(ask), VALUES[value]
    if ask is duck and value in ("dict", "rank 0"):
        return  # it raises
    for _ in range(3):
        assert f(x) == ask(x)


@pytest.mark.parametrize("ask", [asked, with_default, duck])
@pytest.mark.parametrize("value", ["float", "array", "float64"])
def test_asking_does_not_end_the_trace(ask, value):
    x = VALUES[value]
    assert function(lambda x: (ask(x), x * 2), strict=True)(x)[0] == ask(x)


def test_what_the_function_makes():
    def made(x):
        y, items, names = x * 2, [x, x + 1], {"x": x}
        for k in range(len(x)):
            items.append(x[k])
        return [hasattr(one, name) for one in (y, y[0], items, names) for name in ("append", "shape", "items", "backward")]

    f = function(made)
    assert f(np.ones(3)) == made(np.ones(3))


def test_a_number_of_either_class():
    def either(x):
        total = 0.0
        for value in x:
            total += value
        return hasattr(total, "dtype"), total

    f = function(either)
    for x in (np.ones(3), np.ones(0), np.ones(3)):
        assert f(x) == either(x)


@quiet
def test_what_is_missing_is_pythons_error():
    for x, name in ((1.5, "float"), (np.ones(2), "numpy.ndarray")):
        with pytest.raises(AttributeError, match=f"'{name}' object has no attribute 'softmax'"):
            function(lambda x: x.softmax(0))(x)


def test_methods_by_their_other_names():
    f = function(lambda x: (x.conjugate(), x.__add__(1), x.__abs__()), strict=True)
    for x in (1.5, np.float64(2.5), 1 + 2j):
        assert f(x) == (x.conjugate(), x + 1, abs(x))
    assert np.array_equal(function(lambda x: x.conjugate().__mul__(2.0), strict=True)(np.ones(2)), [2.0, 2.0])


def test_names_are_asked_of_instances_too():
    Pair = collections.namedtuple("Pair", "a b")
    f = function(lambda p: (hasattr(p, "a"), hasattr(p, "c"), getattr(p, "c", 7.0), p.a * 2), strict=True)
    assert f(Pair(1.0, 2.0)) == (True, False, 7.0, 2.0)
    with pytest.raises((AttributeError, TraceError)):
        function(lambda p: p.c)(Pair(1.0, 2.0))


ABSTRACT = (
    abc.Iterable, abc.Sequence, abc.MutableSequence, abc.Mapping, abc.Sized, abc.Hashable, abc.Callable, abc.Container, abc.Set,
    abc.Collection, abc.Reversible, numbers.Number, numbers.Real, numbers.Integral, numbers.Complex, np.generic, np.floating,
    np.integer, (list, tuple), (int, float, np.number), str, bool, object, np.ndarray, hy.Tensor, SupportsFloat, SupportsIndex,
)  # fmt: skip


@quiet
@pytest.mark.parametrize("value", [*VALUES, "long list"])
def test_abstract_classes_are_asked_of_what_came_in(value):
    def kinds(x):
        return [isinstance(x, cls) for cls in ABSTRACT], isinstance(x, abc.Iterable), isinstance(x, (abc.Sized, str))

    f, x = function(kinds), VALUES.get(value, [1.0] * 20)
    for _ in range(3):
        assert f(x) == kinds(x)


def test_a_number_is_put_into_a_list_and_a_list_is_not():
    def total(x):
        items = list(x) if isinstance(x, abc.Iterable) else [x]
        return sum(items)

    f = function(total, strict=True)
    for x in (2.5, np.float64(1.5), (1.0, 2.0), 3.5):
        assert f(x) == total(x)


@pytest.mark.parametrize(
    "ask",
    [
        np.shape,
        np.size,
        lambda x: [np.shape(x), np.size(x), np.shape(x)[0]],
        lambda x: {"shape": np.shape(x), "most": max(np.shape(x))},
        lambda x: f"{np.shape(x)} {np.size(x)}",
        lambda x: np.shape(x) == (4,),
    ],
)
@pytest.mark.parametrize("of", [np.ones, lambda n: [1.0] * (n + 17), lambda n: np.ones((n, 2))[:, 0]])
def test_shapes_are_numbers_where_sizes_vary(ask, of):
    def asked_of(x):
        return ask(x)

    f = function(asked_of)
    for n in (3, 4, 5, 4):
        got, want = f(of(n)), asked_of(of(n))
        assert repr(got) == repr(want) and type(got) is type(want)
