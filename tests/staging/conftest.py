"""Decorated against undecorated: the same values, types, writes and errors."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest

from hybrid.frontend.tensor import Tensor
from hybrid.staging.function import function


def same(got, want):
    """Whether two results are what a user could not tell apart, but for the last bits of floats."""
    if type(got) is not type(want):
        return False
    if isinstance(got, (tuple, list)):
        return len(got) == len(want) and all(map(same, got, want))
    if isinstance(got, dict):
        return list(got) == list(want) and all(same(got[k], want[k]) for k in got)
    if dataclasses.is_dataclass(got) and not isinstance(got, type):
        return all(same(getattr(got, f.name), getattr(want, f.name)) for f in dataclasses.fields(got))
    if isinstance(got, Tensor):
        return same(got.numpy(), want.numpy())
    if isinstance(got, (np.ndarray, np.generic)):
        if got.dtype != want.dtype or got.shape != want.shape:
            return False
        return (
            np.array_equal(got, want)
            if got.dtype.kind not in "fc"
            else np.allclose(got, want, rtol=1e-6, atol=0, equal_nan=True)
        )
    if isinstance(got, float):
        return got == want or (got != got and want != want) or abs(got - want) < 1e-12 * abs(want)
    return got == want


def outcome(f, args, kwargs):
    """What a call gives, and what it leaves in its arguments; or the error it raises."""
    args, kwargs = copy.deepcopy((args, kwargs))
    try:
        result = f(*args, **kwargs)
    except Exception as error:
        return type(error), str(error)
    return result, args, kwargs


@pytest.fixture
def invisible():
    """Call a function undecorated and, several times, decorated; `compiled` says that it may not fall back to Python."""

    def check(f, /, *args, compiled=True, **kwargs):
        decorated = function(f)
        want = outcome(f, args, kwargs)
        for _ in range(3):
            got = outcome(decorated, args, kwargs)
            assert same(got, want), f"{got} decorated, {want} undecorated"
        if compiled:
            assert not decorated.stats()["fallbacks"] and decorated.stats()["traces"] == 1, decorated.explain()
        return decorated

    return check
