"""Black–Scholes: the price and the Greeks of a million European calls, written in plain NumPy.

python -m examples.black_scholes
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.special import erf

import hybrid as hy
from examples.compare import Comparison, compare, table


class Quote(NamedTuple):
    """The value of a call and its derivatives by spot, spot twice, volatility, time and rate."""

    price: np.ndarray
    delta: np.ndarray
    gamma: np.ndarray
    vega: np.ndarray
    theta: np.ndarray
    rho: np.ndarray


def normal_cdf(x):
    return 0.5 * (1.0 + erf(x / math.sqrt(2.0)))


def normal_pdf(x):
    return np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def quote(spot, strike, years, volatility, rate):
    """Hull, Options, Futures and Other Derivatives, chapters 15 and 19."""
    root = volatility * np.sqrt(years)
    d1 = (np.log(spot / strike) + (rate + 0.5 * volatility**2) * years) / root
    d2 = d1 - root
    density = normal_pdf(d1)
    in_the_money = normal_cdf(d2)
    discounted = strike * np.exp(-rate * years)
    delta = normal_cdf(d1)
    return Quote(
        price=spot * delta - discounted * in_the_money,
        delta=delta,
        gamma=density / (spot * root),
        vega=spot * density * np.sqrt(years),
        theta=-0.5 * spot * density * volatility / np.sqrt(years) - rate * discounted * in_the_money,
        rho=years * discounted * in_the_money,
    )


fast_quote = hy.function(quote)


def market(options: int, dtype: str = "float64") -> tuple:
    """Random contracts: spot and strike in money, maturity in years, volatility and rate per year."""
    rng = np.random.default_rng(20)
    spot, strike = rng.uniform(50, 150, options), rng.uniform(50, 150, options)
    years, volatility = rng.uniform(0.1, 2.0, options), rng.uniform(0.1, 0.6, options)
    return (*(column.astype(dtype) for column in (spot, strike, years, volatility)), 0.03)


def run(options: int = 1_000_000) -> list[Comparison]:
    # A price far out of the money is a difference of nearly equal numbers, hence the absolute part (prices are around 10).
    return [compare(f"Black-Scholes, {options:,} options", quote, fast_quote, market(options), rtol=1e-11, atol=1e-11)]


if __name__ == "__main__":
    print(table(run()))
    one = fast_quote(*market(1))
    print("\n" + "  ".join(f"{name} {value[0]:.4f}" for name, value in one._asdict().items()))
