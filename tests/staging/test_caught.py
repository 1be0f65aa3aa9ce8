"""Errors that the traced code catches: the engine's own are none of them, though they are TypeErrors."""

import numpy as np
import pytest

import hybrid as hy

X = np.array([0.5, -1.0, 2.0])


def text_and_number(x):
    n = 0
    try:
        for v in x:
            ("a" + (int(v) if v < 0 else "b"))
            n += 1
    except TypeError:
        return n
    return -1


def number_and_text(x):
    n = 0
    try:
        for v in x:
            ((int(v) if v < 0 else "b") + "a")
            n += 1
    except TypeError:
        return n
    return -1


def number_or_tuple(x):
    n = 0
    try:
        for v in x:
            ((int(v) if v < 0 else (1,)) + (2,))
            n += 1
    except TypeError:
        return n
    return -1


def all_of_them(x):
    try:
        return float(x[0]) if x[0] > 0 else {1: 2}[int(x[0])]
    except Exception as error:
        return type(error).__name__


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("function", (text_and_number, number_and_text, number_or_tuple, all_of_them), ids=lambda f: f.__name__)
def test_a_clause_of_the_users(function):
    compiled = hy.function(function)
    for _ in range(2):
        for x in (X, X[:1], X[1:], X[::-1]):
            assert compiled(x) == function(x)
