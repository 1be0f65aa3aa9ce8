"""Containers that are met twice in what a call leaves: one object, as undecorated."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

import hybrid as hy
from hybrid.export import load, save


class Model:
    pass


def pairs(x):
    a = [x.sum(), 1]
    return a, a, {"a": a, "b": (x[0], a)}


def collected(x):
    found = []
    for v in x:
        if v > 1:
            found.append(v)
    return {"found": found, "again": found}


def fitted(model, x):
    model.losses = []
    for k in range(4):
        model.losses.append(float(x.sum()) * k)
    model.last = {"losses": model.losses, "x": x * 2}
    return model.losses, model.last


def stored(model, x):
    found = []
    for v in x:
        if v > 1:
            found.append(float(v))
    model.found = found
    return found


def into_both(first, second, x):
    new = {"x": x * 2}
    first["new"] = new
    second.append(new)
    return new


def shown(value, seen):
    """What it is and holds, and where a container or an array has been met before."""
    if isinstance(value, (list, dict, np.ndarray, Model)):
        if id(value) in seen:
            return "again", seen[id(value)]
        seen[id(value)] = len(seen)
    if isinstance(value, np.ndarray):
        return value.tolist()
    value = vars(value) if isinstance(value, Model) else value
    if isinstance(value, dict):
        return [(key, shown(item, seen)) for key, item in value.items()]
    return [shown(item, seen) for item in value] if isinstance(value, (list, tuple)) else (type(value), value)


CASES = [(pairs, ()), (collected, ()), (fitted, (Model,)), (stored, (Model,)), (into_both, (dict, list))]


@pytest.mark.parametrize(("program", "makes"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_it_is_one_object(program, makes):
    f = hy.function(program, strict=True)
    own, others = [make() for make in makes], [make() for make in makes]
    for k in range(5):
        seen, known = {}, {}
        x = np.arange(4.0) + k
        got, want = f(*own, x), program(*others, x)
        assert shown([got, own], seen) == shown([want, others], known)
    assert sum(trace.native_calls for trace in f.traces) >= 3


class Moments(NamedTuple):
    mean: float
    spread: float


def moments(x):
    return Moments(x.mean(), x.std())


def doubled(x):
    made = moments(x)
    pair = (x + 1, made)
    return {"one": made, "two": [made, pair]}, pair


def handed_back(state, x):
    return {"state": state, "second": state[1]}, state[0] + x


def test_tuples_are_one_object_too():
    f, g = hy.function(doubled, strict=True), hy.function(handed_back, strict=True)
    for k in range(5):
        found, pair = f(np.arange(4.0) + k)
        one, (two, other) = found["one"], found["two"]
        assert one is two and other is pair and pair[1] is one and type(one) is Moments and one == moments(np.arange(4.0) + k)
        state = Moments(float(k), (1.0, k))
        given, number = g(state, 2.0)
        assert given["state"] is state and given["second"] is state[1] and number == k + 2.0
    assert sum(trace.native_calls for trace in f.traces) >= 3 and sum(trace.native_calls for trace in g.traces) >= 2


def test_tuples_that_are_handed_back_can_be_followed_and_saved(tmp_path):
    f = hy.function(handed_back)
    given, number = f(state := (hy.tensor(1.0), (hy.tensor(2.0), 3)), 2.0)
    assert given["state"] is state and float(number) == 3.0
    assert hy.grad(lambda a: f((a * a, (a, 3)), 2.0)[0]["state"][0])(3.0) == 6.0
    save(f, path := tmp_path / "handed_back.hybrid", (np.ones(2), (np.zeros(2), 3)), 2.0)
    given, total = load(path)((np.ones(2), (np.arange(2.0), 3)), 2.0)
    first, (second, three) = given["state"]
    assert first.tolist() == [1, 1] and second.tolist() == [0, 1] and three == 3 and total.tolist() == [3, 3]
    assert type(given["second"]) is tuple and given["second"][0] is second


def replaced_by_tuples(items, factor):
    for k in range(len(items)):
        name, number = items[k]
        items[k] = (name, number * factor)
    return items, items[0]


def test_a_tuple_that_takes_the_place_of_one_is_another():
    f = hy.function(replaced_by_tuples, strict=True)
    for k in range(4):
        items = [(2, k + 0.5), (3, 1.5)]
        got, first = f(items, 2.0)
        assert got is items and first is items[0] and items == [(2, 2 * k + 1.0), (3, 3.0)]
