"""`a is b` of arrays and containers among the arguments: what was two objects while tracing may be one in a call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import hybrid as hy

pytestmark = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")


@dataclass
class Point:
    x: float


def two_of(kind):
    return {
        "array": (np.ones(2), np.ones(2)), "list": ([1, 2], [1, 2]), "numbers": (list(range(40)), list(range(40))),
        "dict": ({"a": 1}, {"a": 1}), "record": (Point(1.0), Point(1.0)),
    }[kind]  # fmt: skip


@pytest.mark.parametrize("kind", ["array", "list", "numbers", "dict", "record"])
def test_two_arguments(kind):
    f = hy.function(lambda a, b: (a is b, a is not b))
    one, other = two_of(kind)
    for a, b in 3 * [(one, one), (one, other), (other, one), (other, other)]:
        assert f(a, b) == (a is b, a is not b)


def test_items_of_one():
    f = hy.function(lambda items: (items[0] is items[1], any(items[2] is item for item in items[:2])))
    one, other, third = [1], [1], [2]
    for items in 3 * [[one, one, third], [one, other, third], [one, other, one], [third, third, third]]:
        assert f(items) == (items[0] is items[1], any(items[2] is item for item in items[:2]))


def written_into(x, y, out=None):
    if out is x:
        x = x.copy()
    if y is x:
        y = y * 2
    return x + y, out is None, out is y


def test_what_results_go_into():
    f, a, b = hy.function(written_into), np.ones(3), np.full(3, 2.0)
    for args in 2 * [(a, b), (a, b, a), (a, a), (a, b, b), (a, a, a), (b, a), (a, b, np.ones(3)), (a, a, b)]:
        got, want = f(*args), written_into(*args)
        assert got[1:] == want[1:] and got[0].tolist() == want[0].tolist()


KNOWN, ITEMS = np.ones(2), [3]


def test_what_the_function_knows():
    f, g = hy.function(lambda x: (x is KNOWN, x + 1)), hy.function(lambda items: items is ITEMS)
    for _ in range(3):
        assert not f(np.ones(2))[0] and f(KNOWN)[0]
        assert not g([3]) and g(ITEMS)


def put_back(one, other, x):
    one.append(x)
    seen, many = other[-1], len(other)
    one.pop()
    return seen, many, len(other)


INNER = [1.0, 2.0]
OUTER = [INNER]


def put_back_in_another(inner, x):
    inner.append(x)
    total = sum(OUTER[0])
    inner.pop()
    return total


def test_a_list_that_is_as_it_was_in_the_end():
    f, g = hy.function(put_back), hy.function(put_back_in_another)
    for _ in range(3):
        one = [1.0, 2.0]
        assert f(one, [5.0], 3.0) == (5.0, 1, 1)
        assert f(one, one, 3.0) == (3.0, 3, 2) and one == [1.0, 2.0]
        assert g([4.0], 3.0) == 3.0 and g(INNER, 3.0) == 6.0


def replaced(one, other, key, x):
    before = one[key]
    one[key] = x
    seen = other[key]
    one[key] = before
    return seen


def exchanged(one, other):
    one[0], one[1] = one[1], one[0]
    first = other[0]
    one[0], one[1] = one[1], one[0]
    return first


def exchanged_in_another(one):
    return exchanged(one, INNER), exchanged(INNER, one)


@pytest.mark.parametrize(
    ("make", "key"), [(lambda: [1.0, 2.0], 0), (lambda: [np.ones(2), 2.0], 1), (lambda: {"k": 1.0, "l": 2.0}, "k")]
)
def test_an_item_that_is_put_back(make, key):
    f = hy.function(replaced)
    for _ in range(3):
        one, other = make(), make()
        assert f(one, other, key, 7.0) == replaced(one, other, key, 7.0) != 7.0
        assert f(one, one, key, 7.0) == 7.0
    assert sum(trace.calls + trace.native_calls for trace in f.traces) >= 3  # those with two containers are compiled


def test_items_that_change_places_and_back():
    f, g = hy.function(exchanged), hy.function(exchanged_in_another)
    for _ in range(3):
        one = [1.0, 2.0]
        assert f(one, [5.0, 6.0]) == 5.0 and f(one, one) == 2.0 and one == [1.0, 2.0]
        assert g([7.0, 8.0]) == (1.0, 7.0) and g(INNER) == (2.0, 2.0) and INNER == [1.0, 2.0]
