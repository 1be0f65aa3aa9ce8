"""Histograms against NumPy's: even and other edges, weights, densities, ranges, dtypes, several dimensions."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from tests.names.against import differs

_rng = np.random.default_rng(0)
OPERANDS = {
    "x": _rng.normal(size=300), "y": _rng.normal(size=300), "f": _rng.normal(size=300).astype(np.float32),
    "i": _rng.integers(-50, 50, 300), "b": _rng.integers(0, 256, 300).astype(np.uint8), "w": _rng.random(300),
    "k": _rng.integers(1, 5, 300), "c": np.full(9, 3.0), "e": np.zeros(0), "m": _rng.normal(size=(40, 5)),
    "n": np.where(_rng.random(300) < 0.1, np.nan, _rng.normal(size=300)), "s": np.full(9, 3), "v": np.sort(_rng.random(7)),
    "l": np.array([-(2**63), 2**63 - 1, 0, 5, -7]),
}  # fmt: skip
FORMS = [
    "np.histogram(x)", "np.histogram(x, 100)", "np.histogram(x, 7, density=True)", "np.histogram(x, 7, (-1, 1))",
    "np.histogram(n, 7, (-1, 1))", "np.histogram(x, [-1, 0, 0.5, 2])", "np.histogram(x, v)", "np.histogram(x, 5, weights=w)",
    "np.histogram(x, 5, weights=k)", "np.histogram(x, 5, (-1, 1), weights=w, density=True)", "np.histogram(x, v, weights=w)",
    "np.histogram(f, 9)", "np.histogram(f, 9, (-1, 1))", "np.histogram(i, 9)", "np.histogram(b, 20)", "np.histogram(b, 256)",
    "np.histogram(i, 9, (0, 20))", "np.histogram(i, [0, 3, 9])", "np.histogram(c, 4)", "np.histogram(s, 4)",
    "np.histogram(e, 4)", "np.histogram(m, 4)", "np.histogram(l, 3)", "np.histogram(x, 1)", "np.histogram_bin_edges(x, 5)",
    "np.histogram_bin_edges(i, 5)", "np.histogram_bin_edges(x, [1, 2])", "np.histogram2d(x, y)", "np.histogram2d(x, y, 4)",
    "np.histogram2d(x, y, [3, 4], [[-1, 1], [-2, 2]])", "np.histogram2d(x, y, v)", "np.histogram2d(x, y, [v, 3], weights=w)",
    "np.histogram2d(x, f, 4, density=True)", "np.histogramdd(m, 2)", "np.histogramdd((x, y, w), (2, 3, 4), density=True)",
    "np.histogram2d(i, i, 5)", "np.histogramdd(x, 3)",
]  # fmt: skip


def called(text):
    return eval(f"lambda {', '.join(OPERANDS)}: {text}", {"np": np})


@pytest.mark.parametrize("text", FORMS)
def test_forms(text):
    f = called(text)
    want, g = f(*OPERANDS.values()), hy.function(f, strict=True)
    for _ in range(2):
        assert not differs(g(*OPERANDS.values()), want)
    assert "host" not in g.explain()


@pytest.mark.parametrize("seed", range(8))
def test_edges_that_elements_lie_on(seed):
    rng = np.random.default_rng(seed)
    bins = int(rng.integers(1, 60))
    low, high = sorted(rng.normal(size=2) * 10.0 ** rng.integers(-9, 9))
    x = rng.choice(np.linspace(low, high, bins + 1), 500)
    x = np.concatenate([x, np.nextafter(x, np.inf), np.nextafter(x, -np.inf)])
    for how in ({"bins": bins}, {"bins": bins, "range": (low, high)}):
        assert not differs(hy.function(lambda x, how=how: np.histogram(x, **how), strict=True)(x), np.histogram(x, **how))


def test_sizes_vary():
    f = hy.function(lambda x, w: np.histogram(x, 6, weights=w), strict=True)
    for size in (5, 9, 1, 300):
        x, w = _rng.normal(size=size), _rng.random(size)
        assert not differs(f(x, w), np.histogram(x, 6, weights=w))
    assert len(f.traces) <= 3


def test_derivatives():
    x = OPERANDS["x"][:40]
    hy.check_grads(lambda w: np.sum(np.sin(np.histogram(x, 6, weights=w)[0])), [OPERANDS["w"][:40]])


@pytest.mark.parametrize("text", ["np.histogram(n)", "np.histogram(x, 0)", "np.histogram(x, [2, 1])",
                                  "np.histogram(x, 5, (2, 1))",
                                  "np.histogram(x, 3, weights=w[:4])", "np.histogram2d(x, y[:4])", "np.histogramdd(m, (2, 3))",
                                  "np.histogram(x + 1e20 * (x > 9), 1 << 60)"])  # fmt: skip
@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning", "ignore:invalid value:RuntimeWarning")
def test_errors(text):
    with pytest.raises(Exception) as plain:
        called(text)(*OPERANDS.values())
    with pytest.raises(type(plain.value)):
        hy.function(called(text))(*OPERANDS.values())
