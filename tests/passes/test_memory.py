"""The memory plan: arrays alive at once never overlap, and dead ones give their place away."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hybrid.passes.memory import ALIGNMENT, Interval, place


@pytest.mark.parametrize("seed", range(60))
def test_arrays_alive_at_once_never_overlap(seed):
    rng = np.random.default_rng(seed)
    steps = int(rng.integers(1, 12))
    intervals = []
    for k in range(int(rng.integers(1, 25))):
        first = int(rng.integers(steps))
        intervals.append(Interval(f"v{k}", int(rng.integers(1, 4000)), first, int(rng.integers(first, steps))))
    offsets, size = place(intervals)
    assert list(offsets) == [it.name for it in intervals]
    for it in intervals:
        assert offsets[it.name] % ALIGNMENT == 0
        assert 0 <= offsets[it.name] <= size - it.size
    for a, b in itertools.combinations(intervals, 2):
        apart = offsets[a.name] + a.size <= offsets[b.name] or offsets[b.name] + b.size <= offsets[a.name]
        assert apart or a.last < b.first or b.last < a.first
    rounded = {it.name: -(-it.size // ALIGNMENT) * ALIGNMENT for it in intervals}
    peak = max(sum(rounded[it.name] for it in intervals if it.first <= t <= it.last) for t in range(steps))
    assert peak <= size <= sum(rounded.values())


def test_a_chain_needs_two_places():
    offsets, size = place([Interval(f"t{k}", 640, k, k + 1) for k in range(20)])
    assert size == 2 * 640
    assert all(offsets[f"t{k}"] != offsets[f"t{k + 1}"] for k in range(19))


def test_nothing_to_place():
    assert place([]) == ({}, 0)
