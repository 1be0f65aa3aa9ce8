"""Variables of one name in a function and in one that it defines are two."""

from __future__ import annotations

import hybrid as hy


def test_a_loop_carries_its_own_variable_and_one_of_its_name_around_it():
    """It used to take one for the other, and never ended."""

    def function(n, x):
        k = 0

        def add(value):
            nonlocal k
            k += value

        def count(limit):
            k = 0
            while k < limit:
                add(k * 2)
                k += 1
            return k

        return count(n), k * x

    assert hy.function(function, strict=True)(10, 0.5) == function(10, 0.5) == (10, 45.0)


def test_a_loop_over_letters_that_stand_in_the_source_binds_its_variable():
    def function(xs):
        state, visits = "A", 0
        for x in xs:
            if x > 0.5:
                for k in "AB":
                    if k != state:
                        break
                state = k
                visits += 1
        return state, visits

    xs = [0.9, 0.1, 0.7, 0.8]
    for given in (xs, xs[:3], xs * 5):
        assert hy.function(function, strict=True)(given) == function(given)
