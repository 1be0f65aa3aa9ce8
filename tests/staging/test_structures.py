"""Named tuples, dicts and dataclasses that branches and loops make, and functions return."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import hybrid as hy

Root = namedtuple("Root", "x rounds", defaults=(0,))


@dataclass
class Fit:
    slope: float
    steps: int = 0


def test_a_named_tuple_from_a_loop_or_after_it():
    def halve(x, limit):
        for k in range(50):
            x = x / 2
            if x < limit:
                return Root(x, k)
        return Root(x, rounds=50)

    decorated = hy.function(halve, strict=True)
    for x in (10.0, 1e40, 0.5):
        got = decorated(x, 0.1)
        assert type(got) is Root and got == halve(x, 0.1)


@pytest.mark.parametrize("make", [lambda x, k: {"x": x, "k": k}, lambda x, k: Fit(x, k)])
def test_a_new_dict_or_dataclass_from_a_loop_or_after_it(make):
    def dictionary(x, limit):
        for k in range(50):
            for _ in range(6):
                x = x * 0.9
            if x < limit:
                return {"x": x, "k": k, "all": (x, k)}
        return {"x": x, "k": 50, "all": (x, 0)}

    def instance(x, limit):
        while x > limit:
            x = x / 2
            if x > 1e6:
                return Fit(x, 1)
        return Fit(x)

    for function in (dictionary, instance):
        decorated = hy.function(function, strict=True)
        for x in (10.0, 1e40, 0.05):
            assert decorated(x, 0.1) == function(x, 0.1)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_a_dict_that_somebody_knows_stays_that_dict():
    def either(x, d):
        if x > 0:
            return d
        return {"x": x}

    def written(x, d):
        if x > 0:
            d = {"x": 0.0}
        d["y"] = 2 * x
        return d

    def twice(x):
        d = {"x": x}
        e = d
        if x > 0:
            d = {"x": 2 * x}
        d["x"] += 1
        return d, e

    for x in (1.0, -1.0):
        given = {"x": 5.0}
        got = hy.function(either)(x, given)
        assert got == either(x, given) and (got is given) == (x > 0)
        assert hy.function(written)(x, given) == written(x, {"x": 5.0}) and ("y" in given) == (x <= 0)
        assert hy.function(twice)(x) == twice(x)


def test_an_argument_that_is_returned_early_is_that_argument():
    def relax(u, tol):
        for k in range(100):
            worst = 0.0
            for i in range(1, len(u) - 1):
                change = 0.5 * (u[i - 1] + u[i + 1]) - u[i]
                u[i] += change
                worst = max(worst, abs(change))
            if worst < tol:
                return u, k
        return u, 100

    decorated = hy.function(relax, strict=True)
    for tol in (1e-3, 0.0):
        a, b = np.linspace(0, 1, 9) ** 2, np.linspace(0, 1, 9) ** 2
        got, rounds = decorated(a, tol)
        _, expected = relax(b, tol)
        assert got is a and rounds == expected
        np.testing.assert_allclose(a, b, rtol=1e-12)
