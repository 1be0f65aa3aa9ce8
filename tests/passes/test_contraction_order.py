"""Contractions whose summed axes lie among the others reach a BLAS, as convolutions written with windows do."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import hybrid as hy


def convolve(x, filters):
    return np.einsum("nchwij,ocij->nohw", sliding_window_view(x, filters.shape[2:], axis=(2, 3)), filters)


def both_ends(x, y):
    return np.einsum("abc,cda->bd", x, y)


def batched(x, y):
    return np.einsum("abcd,cabe->bde", x, y)


CASES = {
    "convolution": (convolve, (8, 6, 14, 14), (16, 6, 5, 5)),
    "both ends": (both_ends, (24, 40, 30), (30, 40, 24)),
    "batched": (batched, (20, 6, 25, 30), (25, 20, 6, 40)),
}


@pytest.mark.parametrize(("f", "left", "right"), CASES.values(), ids=CASES)
def test_summed_axes_among_others(f, left, right):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(left), rng.standard_normal(right)
    fast = hy.function(f, strict=True)
    np.testing.assert_allclose(fast(x, y), f(x, y), rtol=1e-10, atol=1e-10)
    assert "BLAS" in fast.explain()


def test_the_gradient_of_a_convolution():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((8, 6, 14, 14)), rng.standard_normal((16, 6, 5, 5))
    slope = hy.function(hy.grad(lambda x, w: (convolve(x, w) ** 2).sum(), (0, 1)), strict=True)
    dx, dw = slope(x, w)
    out, wanted = 2 * convolve(x, w), np.zeros_like(x)
    for i in range(5):
        for j in range(5):
            wanted[:, :, i : i + 10, j : j + 10] += np.einsum("nohw,oc->nchw", out, w[:, :, i, j])
    np.testing.assert_allclose(dx, wanted, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(dw, np.einsum("nohw,nchwij->ocij", out, sliding_window_view(x, (5, 5), (2, 3))), rtol=1e-9)
    assert slope.explain().count("BLAS f64") >= 3


@pytest.mark.parametrize("channels", [1, 6])
def test_windows_are_copied_along_the_longer_rows(channels):
    """The result's last axes are places in the picture, and so are those of the copy that BLAS multiplies."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((8, channels, 14, 14)), rng.standard_normal((16, channels, 5, 5))
    fast = hy.function(convolve, strict=True)
    np.testing.assert_allclose(fast(x, w), convolve(x, w), rtol=1e-10, atol=1e-10)
    (product,) = [line for line in str(fast.loops(x, w)).splitlines() if line.startswith("blas")]
    assert f"f64[16,800], {25 * channels} deep" in product and ".T" not in product


PRODUCTS = {
    "whole": lambda x, y: np.einsum("ab,bc->ca", x, y),
    "rows last": lambda x, y: np.einsum("ab,bcd->cda", x, y.reshape(30, 5, 8)),
    "columns last": lambda x, y: np.einsum("eab,bc->eac", x.reshape(4, 6, 30), y),
    "rows inside": lambda x, y: np.einsum("eab,bc->eca", x.reshape(4, 6, 30), y),
    "split rows": lambda x, y: np.einsum("eab,bc->aec", x.reshape(4, 6, 30), y),
    "batch": lambda x, y: np.einsum("eab,ebc->eca", x.reshape(4, 6, 30), np.stack([y] * 4)),
    "batch last": lambda x, y: np.einsum("eab,ebc->cae", x.reshape(4, 6, 30), np.stack([y] * 4)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_axes_of_products_in_any_order(name):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((24, 30)), rng.standard_normal((30, 40))
    np.testing.assert_allclose(hy.function(PRODUCTS[name], strict=True)(x, y), PRODUCTS[name](x, y), rtol=1e-10, atol=1e-10)
