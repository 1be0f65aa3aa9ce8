"""A function that no call of which is compiled costs next to nothing, and gets another chance now and then."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import Function


def test_calls_that_are_not_looked_at(monkeypatch):
    seen = []

    def f(x):
        seen.append(len(x.tobytes()))
        return x + 1

    g = hy.function(f)
    with pytest.warns(FallbackWarning):
        g(np.zeros(2))
    looked = []
    find = type(g.__hybrid__)._trace_for
    monkeypatch.setattr(type(g.__hybrid__), "_trace_for", lambda self, *args: looked.append(1) or find(self, *args))
    for _ in range(200):
        np.testing.assert_array_equal(g(np.zeros(2)), np.ones(2))
    assert len(seen) == 201 and len(looked) < 15


def test_another_chance():
    def f(x):
        return x.tobytes() if isinstance(x, np.ndarray) and x.size == 2 else x * 2

    g = hy.function(f)
    with pytest.warns(FallbackWarning):
        for _ in range(100):
            assert g(np.zeros(2)) == bytes(16)
    for _ in range(200):
        assert g(np.ones(3)).tolist() == [2, 2, 2]
    assert g.stats()["traces"] == 1 and g.stats()["native_calls"] > 100


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_refused_calls_rest_where_others_are_compiled(monkeypatch):
    def f(x):
        return x.tobytes() if isinstance(x, np.ndarray) and x.size == 2 else x * 2

    g = hy.function(f)
    for _ in range(3):
        assert g(np.ones(3)).tolist() == [2, 2, 2]
    looked = []
    find = type(g.__hybrid__)._trace_for
    monkeypatch.setattr(type(g.__hybrid__), "_trace_for", lambda self, *args: looked.append(1) or find(self, *args))
    for _ in range(400):
        assert g(np.zeros(2)) == bytes(16)
    assert len(looked) < 45
    native = g.stats()["native_calls"]
    for _ in range(9):
        assert g(np.ones(3)).tolist() == [2, 2, 2]
    assert g.stats()["native_calls"] == native + 9
    for _ in range(200):  # a new size is compiled, if not at once
        assert g(np.ones(5)).tolist() == [2] * 5
    assert g.stats()["native_calls"] > native + 100


def test_calls_that_raise_are_not_traced_every_time(monkeypatch):
    def f(x, y):
        return (x + y).sum()

    g = hy.function(f)
    traced = []
    compile_ = type(g.__hybrid__)._compile
    monkeypatch.setattr(type(g.__hybrid__), "_compile", lambda self, *args: traced.append(1) or compile_(self, *args))
    for _ in range(300):
        with pytest.raises(ValueError, match=r"shapes \(3,\) \(4,\) $"):
            g(np.ones(3), np.ones(4))
    assert len(traced) < 12
    assert g(np.ones(3), np.ones(3)) == 6


def test_calls_that_no_longer_raise_are_compiled():
    def f(x, options):
        return x * options["scale"]

    options: dict[str, float] = {}
    g = hy.function(f)
    for _ in range(10):
        with pytest.raises(KeyError):
            g(np.ones(3), options)
    options["scale"] = 2.0
    for _ in range(100):
        assert g(np.ones(3), options).tolist() == [2, 2, 2]
    assert g.stats()["native_calls"] > 20


def test_errors_of_calls_that_are_not_looked_at():
    g = hy.function(lambda x: x.tobytes()[9])
    with pytest.warns(FallbackWarning):
        for _ in range(20):
            g(np.zeros(2))
    with pytest.raises(IndexError) as error:
        g(np.zeros(1))
    assert all("hybrid" not in frame.path.parts[-3:-1] for frame in error.traceback[1:])


def test_calls_inside_one_that_is_too_deep_are_not_traced(monkeypatch):
    """Each would be traced to Python's limit: an endless recursion took seconds to end."""
    traced = []
    record = Function._recorded
    monkeypatch.setattr(Function, "_recorded", lambda self, *args, **more: (traced.append(1), record(self, *args, **more))[1])

    @hy.function
    def endless(x):
        return endless(x + 1)

    for _ in range(2):
        with pytest.raises(RecursionError):
            endless(np.ones(3))
    assert len(traced) < 10

    @hy.function
    def doubled(x):
        return x * 2

    np.testing.assert_array_equal(doubled(np.ones(3)), np.full(3, 2.0))


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_calls_that_take_long_to_look_at_rest_at_once(monkeypatch):
    def f(pairs):
        return len(pairs), "".join(map(str, pairs[:2]))

    g = hy.function(f)
    pairs = [(k, k + 1) for k in range(4_200)]
    g(pairs)
    looked = []
    find = type(g.__hybrid__)._trace_for
    monkeypatch.setattr(type(g.__hybrid__), "_trace_for", lambda self, *args: looked.append(1) or find(self, *args))
    for _ in range(60):
        assert g(pairs) == f(pairs)
    assert len(looked) < 3


def test_calls_that_raise_rest_where_compiled_code_has_failed(monkeypatch):
    def f(x):
        if x[0] > 2:
            raise ValueError("too large")
        return x * 2

    g = hy.function(f)
    assert g(np.ones(3)).tolist() == [2, 2, 2]
    looked = []
    find = type(g.__hybrid__)._trace_for
    monkeypatch.setattr(type(g.__hybrid__), "_trace_for", lambda self, *args: looked.append(1) or find(self, *args))
    for k in range(400):
        with pytest.raises(ValueError, match="too large"):
            g(np.full(3, 9.0))
        if k % 7 == 0:
            assert g(np.ones(3)).tolist() == [2, 2, 2]
    assert len(looked) < 30
