"""Containers that are met twice in what a call leaves: one object, as undecorated."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy


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
