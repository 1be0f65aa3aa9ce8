"""`match` on values that only a run knows."""

from __future__ import annotations

import numpy as np

from hybrid.staging.function import function

DATA = np.arange(40) % 9


def test_values_alternatives_guards_and_the_rest(invisible):
    def f(x):
        n = 0
        for i in range(len(x)):
            match x[i]:
                case 0:
                    n += 1
                case 1 | 2:
                    n += 10
                case k if k > 5:
                    n += 100 * k
                case _:
                    n -= 1
        return n

    invisible(f, DATA)


def test_pairs(invisible):
    def f(x, y):
        n = 0
        for i in range(len(x)):
            match int(x[i]), int(y[i]):
                case 0, 0:
                    n += 1
                case 0, k:
                    n += 10 * k
                case _, 1:
                    break
                case _:
                    n += 1000
        return n

    invisible(f, DATA % 3, DATA % 4 + 1)


def test_a_return_from_a_case_and_a_name_bound_without_a_match(invisible):
    def f(x):
        match x[0] * 2:
            case 4:
                return x + 1
            case y if y > 100:
                return x - 1
        return y * x

    for first in (2, 60, 5):
        invisible(f, np.array([first, 1, 2]))


def test_patterns_that_look_inside_stay_pythons():
    def f(x, kind):
        match kind:
            case {"scale": s}:
                return x * s
            case [a, *_]:
                return x + a
            case str():
                return x - 1
        return x

    decorated = function(f)
    for kind in ({"scale": 2}, [3, 4], "k", 7):
        assert np.array_equal(decorated(DATA, kind), f(DATA, kind))
