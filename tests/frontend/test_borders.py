"""`np.pad` in all of its modes against NumPy's: values, dtypes, layouts, sizes that vary, derivatives."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from tests.names.against import differs

HOW = [
    {}, {"constant_values": 3}, {"constant_values": (1, 2)}, {"mode": "edge"}, {"mode": "reflect"}, {"mode": "symmetric"},
    {"mode": "wrap"}, {"mode": "maximum"}, {"mode": "minimum"}, {"mode": "mean"}, {"mode": "median"},
    {"mode": "mean", "stat_length": 2}, {"mode": "maximum", "stat_length": (1, 2)}, {"mode": "median", "stat_length": 3},
    {"mode": "linear_ramp"}, {"mode": "linear_ramp", "end_values": (5, -4)}, {"mode": "reflect", "reflect_type": "odd"},
    {"mode": "symmetric", "reflect_type": "odd"},
]  # fmt: skip
WIDTHS = [((7,), 11), ((1,), (2, 0)), ((3, 4), ((0, 5), (1, 0))), ((40, 30), 3), ((2, 3, 4), ((0, 0), (2, 1), (0, 7)))]


def padding(width, **how):
    return hy.function(lambda x: np.pad(x, width, **how), strict=True)


def drawn(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) * 9).astype(dtype) if dtype != "bool" else rng.random(shape) < 0.5


@pytest.mark.parametrize("how", HOW, ids=str)
def test_modes(how):
    for shape, width in WIDTHS:
        for dtype in ("float64", "float32", "uint8", "complex64") if shape == (3, 4) else ("float64",):
            if dtype == "complex64" and how.get("mode") in ("maximum", "minimum", "median"):
                continue  # a host call
            x = np.abs(drawn(shape, "int32")).astype(dtype) if dtype == "uint8" else drawn(shape, dtype)
            f = padding(width, **how)
            for given in (x, np.asfortranarray(x)):
                want = np.pad(given, width, **how)
                why = differs(f(given), want)
                assert not why, f"{shape} {width} {dtype}: {why}"


def test_no_host_call():
    for how in HOW:
        f = padding(2, **how)
        f(np.arange(5.0))
        assert "host" not in f.explain()


@pytest.mark.parametrize("how", HOW[:1] + HOW[3:10] + HOW[14:15], ids=str)
def test_sizes_vary(how):
    f = padding(((2, 1), (1, 3)), **how)
    for rows, columns in ((4, 5), (6, 7), (3, 9), (8, 4), (5, 5)):
        x = drawn((rows, columns), "float64", rows)
        assert not differs(f(x), np.pad(x, ((2, 1), (1, 3)), **how))
    assert len(f.traces) <= 2


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_a_border_that_becomes_wider_than_the_array():
    f = hy.function(lambda x: np.pad(x, 4, mode="reflect"))
    for size in (9, 7, 5, 3, 2, 8):
        x = np.arange(float(size))
        assert not differs(f(x), np.pad(x, 4, mode="reflect"))


@pytest.mark.parametrize("how", HOW[:1] + HOW[4:5] + HOW[11:12] + HOW[15:17], ids=str)
def test_derivatives(how):
    hy.check_grads(lambda x: np.sum(np.sin(np.pad(x, ((2, 1), (0, 6)), **how))), [drawn((3, 4), "float64") / 9])


@pytest.mark.parametrize(("width", "how"), [(1, {"mode": "no"}), (1, {"mode": "edge", "end_values": 3}), (-1, {}),
                                            (1, {"mode": "mean", "stat_length": -1})])  # fmt: skip
@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_errors(width, how):
    x = np.arange(5, dtype=np.uint8)
    with pytest.raises(Exception) as plain:
        np.pad(x, width, **how)
    with pytest.raises(type(plain.value)):
        hy.function(lambda x: np.pad(x, width, **how))(x)


def test_blocks_are_one_kernel():
    """A mosaic writes every element once, rows side by side in one loop."""
    f = padding(9, mode="reflect")
    x = drawn((40, 50), "float64")
    f(x)
    assert f.explain().count("  k") == 1 and str(f.loops(x)).count("parallel") <= 3
