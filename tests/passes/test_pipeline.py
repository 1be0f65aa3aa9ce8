"""Every pass prints what it did, can be verified, and can be switched off by name."""

import dataclasses

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import GraphError
from hybrid.passes import pipeline
from hybrid.passes.memory import Interval
from hybrid.passes.verify import verify_places, verify_program

RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((40, 60)), RNG.standard_normal((60, 50))


def work(x, w):
    h = np.maximum(x @ w, 0.0)
    order = np.fft.fft(h, axis=1).real
    y = (order - order.max(axis=1, keepdims=True)) * h
    return y / (1 + (y * y).sum(axis=0)), np.cumsum(h.T @ y, axis=0)


def test_debug_shows_every_pass(capsys):
    with hy.config.override(debug=6, verify=True):
        hy.function(work, strict=True)(X, W)
    said = capsys.readouterr().err
    for name in pipeline.NAMES:
        assert f"hybrid: {name}: " in said
    assert "steps taken into matrix products" in said and "equations in" in said and "bytes of arena" in said


@pytest.mark.parametrize("name", pipeline.NAMES)
def test_each_pass_can_be_switched_off(name):
    with hy.config.override(disable_passes=name, verify=True):
        f = hy.function(work, strict=True)
        for got, want in zip(f(X, W), work(X, W)):
            np.testing.assert_allclose(got, want, rtol=1e-8)


def test_without_a_memory_plan_nothing_shares_memory():
    def f(a, x):
        a += np.sort(np.sort(x, axis=0) @ x.T, axis=1) @ x

    def plan(**settings):
        with hy.config.override(**settings):
            decorated, a = hy.function(f, strict=True), X.copy()
            decorated(a, X)
        want = X.copy()
        f(want, X)
        np.testing.assert_allclose(a, want)
        return decorated.traces[0].lowered

    shared, apart = plan(), plan(disable_passes="memory")
    assert shared.arena_size < apart.arena_size and shared.plan != apart.plan
    assert len(set(apart.arena.values())) == len(apart.arena)


def program():
    traced = hy.function(lambda x: (np.exp(x).sum(axis=0), np.sort(x, axis=1) * 2)).trace(X)
    return pipeline.group(pipeline.optimise(traced)[0])


def test_damaged_programs_are_refused():
    good = program()
    assert verify_program(good) is good and len(good.steps) > 2
    for damaged, what in (
        (good.steps[::-1], "not there yet"),
        (good.steps[:-1], "no step of the program makes result"),
        ((*good.steps, good.steps[0]), "makes a value again"),
    ):
        with pytest.raises(GraphError, match=what):
            verify_program(dataclasses.replace(good, steps=tuple(damaged)))


def test_damaged_memory_plans_are_refused():
    alive = [Interval("a", 100, 0, 2), Interval("b", 100, 1, 3), Interval("c", 64, 3, 4)]
    verify_places(alive, {"a": 0, "b": 128, "c": 0}, 256)
    for places, size, what in (
        ({"a": 0, "b": 64, "c": 0}, 256, "b and a are alive at once"),
        ({"a": 0, "b": 128, "c": 128}, 256, "c and b are alive at once"),
        ({"a": 0, "b": 192, "c": 0}, 256, "outside the arena"),
        ({"a": 4, "b": 128, "c": 0}, 256, "between cache lines"),
    ):
        with pytest.raises(GraphError, match=what):
            verify_places(alive, places, size)


def test_graphs_with_functions_of_numba_are_verified():
    import numba

    clip = numba.njit(lambda x: x if x < 1 else 1.0)
    with hy.config.override(verify=True):
        assert hy.function(lambda x: clip(x) * 2, strict=True)(3.0) == 2.0
