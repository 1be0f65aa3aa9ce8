"""Reductions, orders and running totals against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core import dtype as dt
from hybrid.ops.family import draw

NAMES = (
    "sum", "prod", "mean", "var", "std", "max", "min", "all", "any", "argmax", "argmin", "count_nonzero", "ptp", "median",
    "nansum", "nanmean", "nanmax", "nanmin", "cumsum", "cumprod", "sort", "argsort",
)  # fmt: skip
DTYPES = (dt.bool_, dt.int8, dt.int32, dt.uint16, dt.float16, dt.float32, dt.float64)
SHAPES = ((6,), (3, 4), (2, 3, 5))
ONE_AXIS = ("argmax", "argmin", "cumsum", "cumprod", "sort", "argsort", "median")


@pytest.mark.parametrize("name", NAMES)
def test_dtypes_and_axes(name, check, check_eager):
    function, rng = getattr(np, name), np.random.default_rng(0)
    for dtype in DTYPES:
        if dtype == dt.bool_ and name in ("ptp",):
            continue
        for shape in SHAPES:
            x = draw(rng, dtype, shape, -2, 2)
            axes = [None, 0, -1] + ([(0, -1)] if len(shape) > 1 and name not in ONE_AXIS else [])
            for axis in axes:
                if name == "argsort":
                    x = rng.permutation(x.size).reshape(shape).astype(dtype)
                check(lambda x, axis=axis: function(x, axis=axis), x, tolerance=64)
                check_eager(lambda x, axis=axis: function(x, axis=axis), x)


@pytest.mark.parametrize(
    "name", ["sum", "prod", "mean", "var", "std", "max", "min", "all", "any", "argmax", "ptp", "median", "nanmax"]
)
def test_keepdims(name, check):
    function = getattr(np, name)
    x = draw(np.random.default_rng(0), dt.float32, (3, 4))
    check(lambda x: function(x, axis=1, keepdims=True), x, tolerance=32)
    check(lambda x: function(x, keepdims=True), x, tolerance=32)


CASES = [
    "x.sum()", "x.sum(0)", "x.sum(axis=(0, 1))", "x.mean(1)", "x.max()", "x.min(axis=0)", "x.argmax()", "x.argmin(1)",
    "x.std(ddof=1)", "x.var(0)", "np.sum(x, dtype=np.float64)", "np.sum(x, initial=3.0)", "np.sum(x, where=x > 0)",
    "np.sum(x, axis=1, where=x > 0)", "np.max(x, initial=1.5)", "np.max(x, axis=1, initial=0.0, where=x > 0)",
    "np.mean(x, where=x > 0)", "np.mean(x, axis=0, where=x > -9)", "np.var(x, correction=1)",
    "np.std(x, axis=1, where=x > -9)", "np.average(x)", "np.average(x, weights=x * x)",
    "np.average(x, axis=1, weights=np.abs(x))",
    "np.average(x, axis=1, weights=np.abs(x[0]))", "np.average(x, 0, np.abs(x[:, 0]))",
    "x.cumsum(1)", "x.cumprod(0)", "x.all()", "x.any(0)",
    "np.count_nonzero(x > 0, axis=0)", "np.linalg.norm(x)", "np.median(x, axis=1)", "np.add.reduce(x, 0)",
    "np.add.reduce(x, None)", "np.logical_and.reduce(x > 0, axis=1)", "np.take_along_axis(x, np.argsort(x, 1), 1)",
    "(x - x.mean(0)) / x.std(0)", "np.sum(3.0 * x) + np.prod(x)",
]  # fmt: skip


@pytest.mark.parametrize("source", CASES)
def test_keywords_and_methods(source, check, check_eager):
    function = eval(f"lambda x: {source}", {"np": np})
    for dtype in (np.float32, np.float64):
        x = np.random.default_rng(3).normal(size=(4, 5)).astype(dtype)
        check(function, x, tolerance=64)
        check_eager(function, x)


def test_nan_wins(check):
    x = np.array([[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
    for name in ("max", "min", "argmax", "argmin", "sum", "mean", "sort", "median", "nanmax", "nansum", "nanmean"):
        check(lambda x, name=name: getattr(np, name)(x, axis=1), x)


def test_rank_zero(check):
    check(lambda x: (np.sum(x), np.max(x), np.mean(x), np.argmax(x)), np.float32(2.5))
    check(lambda x: (np.sum(x), np.mean(x)), 2.5)
    check(lambda x: (x.sum(), x.sum(keepdims=True)), np.array(2.5, np.float32))


@pytest.mark.parametrize(
    "source", ["np.max(x)", "np.min(x, axis=0)", "np.argmax(x)", "np.sum(x, axis=2)", "np.sum(x, axis=(0, 0))"]
)
def test_errors_are_numpys(source, traced):
    function = eval(f"lambda x: {source}", {"np": np})
    x = np.zeros((0, 3))
    with pytest.raises(ValueError):
        function(x)
    with pytest.raises(ValueError):
        traced(function, x)


def test_empty_sums(check):
    for shape, axis in (((0, 3), 0), ((0, 3), 1), ((3, 0), 1)):
        check(lambda x, axis=axis: (np.sum(x, axis), np.prod(x, axis), np.all(x, axis)), np.zeros(shape))


def test_out(check, check_eager):
    def function(x, y):
        np.sum(x, axis=0, out=y)
        return x.mean(axis=0, out=y)

    x, y = np.arange(12.0).reshape(3, 4), np.zeros(4)
    check(function, x, y)
    check_eager(function, x, y)


def test_sort_in_place(check, check_eager):
    def function(x):
        x.sort()
        return x[0]

    check(function, np.array([3.0, 1.0, 2.0]))
    check_eager(function, np.array([3.0, 1.0, 2.0]))
