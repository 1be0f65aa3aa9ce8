"""Options of `hybrid.function` that cannot be meant: what, got, expected and fix, where the function is decorated."""

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import ArgumentError


def scaled(x, n=2):
    return x * n


WRONG = {
    "strict": ["maybe", "False", 1, 0, None, []],
    "static": [1.5, True, ["nope"], 9, [None], "x,n"],
    "dynamic": ["x", 0, {0: 0}, {"nope": 0}, {"x": "a"}, {"x": None}, {"x": [0, 1.5]}, {"x": {0: "n"}}, {"x": True}],
    "signature": ["f64[n]", 3, [1, 2], {"x": 1}, (None,), [hy.Spec((2,), "float64")] * 3],
    "backend": ["LLVM", "cuda", 3, True, "", ["llvm"]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_an_option_cannot_be(name, value):
    with pytest.raises(ArgumentError, match=rf"(?s){name}.*\n +(got|expected): "):
        hy.function(scaled, **{name: value})
    with pytest.raises(ArgumentError, match=name):
        hy.function(**{name: value})(scaled)


def test_strict_and_backend_are_looked_at_before_there_is_a_function():
    for options in ({"strict": "maybe"}, {"backend": "cuda"}):
        with pytest.raises(ArgumentError):
            hy.function(**options)


@pytest.mark.parametrize("options", [
    {"strict": True}, {"static": "n"}, {"static": ["n"]}, {"static": {"n"}}, {"static": -1}, {"dynamic": {"x": 0}},
    {"dynamic": {"x": (0,)}},
    {"dynamic": True}, {"signature": [hy.Spec((None,), "float64")]}, {"backend": "python"}, {"backend": None},
])  # fmt: skip
def test_what_it_can_be(options):
    assert hy.function(scaled, **options)(np.ones(2)).tolist() == [2.0, 2.0]
