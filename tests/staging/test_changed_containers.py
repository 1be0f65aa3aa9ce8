"""Dicts, lists and dataclasses of the caller's that a call changes, by machine code and the few words of Python after it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

import hybrid as hy


def adam(params, grads, m, v, t, lr=1e-3):
    for k in params:
        m[k] = 0.9 * m[k] + 0.1 * grads[k]
        v[k] = 0.99 * v[k] + 0.01 * grads[k] ** 2
        params[k] = params[k] - lr * m[k] / (1 - 0.9**t) / (np.sqrt(v[k]) + 1e-8)
    return params


@dataclass
class State:
    x: np.ndarray
    steps: int = 0
    energy: float = 0.0


def moved(state, dt):
    state.x = state.x + dt
    state.steps += 1
    state.energy = (state.x**2).sum()
    return state.energy


def collected(layers, x):
    layers[0] = layers[0] * 2
    layers[1]["w"] = x + layers[0]
    layers[1]["n"] += 1
    return layers[1]["w"].sum()


def new_key(settings, x):
    settings["last"] = x * settings["rate"]
    return x


def tables(n=4):
    rng = np.random.default_rng(n)
    return [{f"W{k}": rng.uniform(size=(n, 3)) for k in range(3)} for _ in range(4)]


def flat(x):
    if isinstance(x, dict):
        return [part for key, item in x.items() for part in (key, *flat(item))]
    if isinstance(x, (list, tuple)):
        return [part for item in x for part in flat(item)]
    if isinstance(x, State):
        return flat(vars(x))
    return [type(x), np.asarray(x).dtype, np.asarray(x).tolist()]


CASES = {
    adam: lambda: (*tables(), 3.0),
    moved: lambda: (State(np.arange(3.0)), 0.5),
    collected: lambda: ([np.arange(3.0), {"w": np.zeros(3), "n": 1}], np.ones(3)),
}


@pytest.mark.parametrize("function", CASES, ids=lambda f: f.__name__)
def test_calls_are_machine_codes(function):
    decorated, ours, others = hy.function(function, strict=True), CASES[function](), CASES[function]()
    for _ in range(8):
        got, want = decorated(*ours), function(*others)
        assert flat(got) == flat(want)
        assert flat(ours) == flat(others)
    assert decorated.stats()["native_calls"] >= 3


def test_a_key_that_is_new():
    decorated, ours, others = hy.function(new_key, strict=True), {"rate": 2.0}, {"rate": 2.0}
    for k in range(4):
        decorated(ours, np.ones(2) * k)
        new_key(others, np.ones(2) * k)
        assert flat(ours) == flat(others)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_one_container_under_two_names():
    def both(a, b):
        a["x"] = a["x"] + 1.0
        b["x"] = b["x"] * 2.0
        return a["x"] + b["x"]

    known = {"x": np.ones(2)}

    def with_another(a):
        a["x"] = a["x"] + 1.0
        return known["x"] * a["x"]

    decorated, reading = hy.function(both), hy.function(with_another)
    for _ in range(3):
        for same in (False, True, False):
            a, c = {"x": np.arange(2.0)}, {"x": np.arange(2.0)}
            b, d = (a, c) if same else ({"x": np.ones(2)}, {"x": np.ones(2)})
            assert np.array_equal(decorated(a, b), both(c, d)) and flat([a, b]) == flat([c, d])
        known["x"] = np.ones(2)
        first = reading(known).tolist(), known["x"].tolist()
        known["x"] = np.ones(2)
        assert first == (with_another(known).tolist(), known["x"].tolist())
        assert np.array_equal(reading({"x": np.ones(2)}), with_another({"x": np.ones(2)}))


def test_a_call_that_fails_changes_nothing_that_python_would_not():
    def picked(table, x, k):
        table["before"] = x * 2
        table["after"] = x[k]
        return table["after"]

    decorated = hy.function(picked, strict=True)
    x = np.arange(3.0)
    ours, others = ({"before": np.zeros(3), "after": 0.0} for _ in range(2))
    for k in (1, 2, 5, 0, -7):
        for f, table in ((decorated, ours), (picked, others)):
            if abs(k) < 3:
                f(table, x, k)
            else:
                with pytest.raises(IndexError):
                    f(table, x, k)
        assert flat(ours) == flat(others)
