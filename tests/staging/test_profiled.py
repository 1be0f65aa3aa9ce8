"""Programs that are profiled while they are traced: what watches for effects makes room for cProfile, and gives it back."""

from __future__ import annotations

import cProfile
import pstats
import time

import numpy as np

import hybrid as hy


def plain(x):
    return x + 1


def test_a_profiler_goes_on_after_a_trace_that_is_watched():
    @hy.function
    def f(x):
        if len(x) > 100:
            time.sleep(1)
        return np.sqrt((x * x).sum())

    x = np.array([3.0, 4.0])
    profile = cProfile.Profile()
    profile.enable()
    try:
        first, second = f(x), f(x)
        plain(x)
    finally:
        profile.disable()
    assert first == second == 5
    assert any(name == "plain" for _, _, name in pstats.Stats(profile).stats)
