"""Chains of elementwise arithmetic: what fusion and vector mathematics are worth."""

from __future__ import annotations

import math

import numba
import numpy as np
from numba import prange
from scipy.special import erf

from bench.engines import both, jax, numexpr, plain, torch
from bench.measure import Case

C = math.sqrt(2 / math.pi)
ROOT_HALF = math.sqrt(0.5)
RATE = 0.03


def normal_vector():
    return (np.random.default_rng(0).standard_normal(2**20, dtype=np.float32) * 2,)


def options(dtype):
    def columns():
        rng = np.random.default_rng(1)
        low_high = ((50, 150), (50, 150), (0.1, 2.0), (0.1, 0.6))
        return tuple(rng.uniform(low, high, 1_000_000).astype(dtype) for low, high in low_high)

    return columns


def gelu(x):
    return 0.5 * x * (1 + np.tanh(C * (x + 0.044715 * x * x * x)))


def _gelu_loop(x):
    out = np.empty_like(x)
    for i in prange(x.size):
        v = x[i]
        out[i] = np.float32(0.5) * v * (np.float32(1) + math.tanh(np.float32(C) * (v + np.float32(0.044715) * v * v * v)))
    return out


gelu_numba = numba.njit(parallel=True)(_gelu_loop)
gelu_numba_cached = numba.njit(parallel=True, cache=True)(_gelu_loop)


def gelu_jax():
    import jax

    return lambda x: jax.nn.gelu(x, approximate=True)


def gelu_torch():
    import torch

    def function(x):
        return torch.nn.functional.gelu(x, approximate="tanh")

    return function


def gelu_numexpr():
    import numexpr

    half, one, c, cubic = (np.float32(v) for v in (0.5, 1, C, 0.044715))

    def evaluate(x):
        values = {"x": x, "half": half, "one": one, "c": c, "cubic": cubic}
        return numexpr.evaluate("half * x * (one + tanh(c * (x + cubic * x * x * x)))", values)

    return evaluate


def call_price(spot, strike, years, volatility):
    root = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (RATE + 0.5 * volatility**2) * years) / root
    d2 = d1 - root
    above, below = 0.5 * (1 + erf(d1 * ROOT_HALF)), 0.5 * (1 + erf(d2 * ROOT_HALF))
    return spot * above - strike * np.exp(-RATE * years) * below


@numba.njit(parallel=True)
def call_price_numba(spot, strike, years, volatility):
    out = np.empty_like(spot)
    kind = spot.dtype.type
    for i in prange(spot.size):
        root = volatility[i] * math.sqrt(years[i])
        d1 = (math.log(spot[i] / strike[i]) + (kind(RATE) + kind(0.5) * volatility[i] ** 2) * years[i]) / root
        d2 = d1 - root
        above = kind(0.5) * (kind(1) + math.erf(d1 * kind(ROOT_HALF)))
        below = kind(0.5) * (kind(1) + math.erf(d2 * kind(ROOT_HALF)))
        out[i] = spot[i] * above - strike[i] * math.exp(-kind(RATE) * years[i]) * below
    return out


def call_price_jax():
    import jax.numpy as jnp
    from jax.scipy.stats import norm

    def price(spot, strike, years, volatility):
        root = volatility * jnp.sqrt(years)
        d1 = (jnp.log(spot / strike) + (RATE + 0.5 * volatility**2) * years) / root
        return spot * norm.cdf(d1) - strike * jnp.exp(-RATE * years) * norm.cdf(d1 - root)

    return price


def call_price_torch():
    import torch

    def price(spot, strike, years, volatility):
        root = volatility * torch.sqrt(years)
        d1 = (torch.log(spot / strike) + (RATE + 0.5 * volatility**2) * years) / root
        return spot * torch.special.ndtr(d1) - strike * torch.exp(-RATE * years) * torch.special.ndtr(d1 - root)

    return price


def polynomial(x):
    return 1.5 * x * x + 0.25 * x + 3.0


@numba.njit(parallel=True)
def polynomial_numba(x):
    out = np.empty_like(x)
    for i in prange(x.size):
        out[i] = np.float32(1.5) * x[i] * x[i] + np.float32(0.25) * x[i] + np.float32(3)
    return out


def polynomial_any():
    return polynomial


def polynomial_numexpr():
    import numexpr

    a, b, c = np.float32(1.5), np.float32(0.25), np.float32(3)

    def evaluate(x):
        return numexpr.evaluate("a * x * x + b * x + c", {"x": x, "a": a, "b": b, "c": c})

    return evaluate


def _call_prices(dtype: str, rtol: float, atol: float) -> Case:
    engines = {
        **both(call_price),
        "Numba": plain(call_price_numba),
        "JAX": jax(call_price_jax),
        **torch(call_price_torch),
    }
    title = f"Black–Scholes call prices, 1 000 000 {dtype}"
    return Case(title, options(dtype), call_price, engines, rtol=rtol, atol=atol, threads=(1, 0))


GELU = Case(
    "tanh-GELU, 2²⁰ float32",
    normal_vector,
    gelu,
    {
        **both(gelu),
        "Numba": plain(gelu_numba),
        "JAX": jax(gelu_jax),
        **torch(gelu_torch),
        "numexpr": numexpr(gelu_numexpr),
    },
    rtol=1e-5,
    atol=1e-6,
    threads=(1, 0),
)
POLYNOMIAL = Case(
    "1.5 x² + 0.25 x + 3, 2²⁰ float32",
    normal_vector,
    polynomial,
    {
        **both(polynomial),
        "Numba": plain(polynomial_numba),
        "JAX": jax(polynomial_any),
        **torch(polynomial_any),
        "numexpr": numexpr(polynomial_numexpr),
    },
    rtol=1e-5,
    threads=(1, 0),
)
# Prices of a few cents are differences of numbers near 100: the absolute tolerance is some 10 units in their last place.
CASES = (GELU, POLYNOMIAL, _call_prices("float32", 1e-4, 2e-4), _call_prices("float64", 1e-11, 1e-11))
