"""Arrays of texts that tracing knows: letters of a sequence, the cells of a map."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.staging.fallback import FallbackWarning
from hybrid.staging.function import function
from tests.staging.conftest import same as alike

X = np.array([0.9, 0.1, 0.8])


def counted(text, x):
    s = np.array(list(text))
    return {c: int((s == c).sum()) for c in "ACGT"}, x * (s[:3] == "A")


def cells(text, x):
    found = np.array([list(text[k : k + 4]) for k in range(0, 8, 4)])
    row, column = np.argwhere(found == "T")[0]
    return (found == "G").sum(axis=0), x[row] * column, "".join(found[0])


def in_a_loop(text, x):
    s, total = np.array(list(text)), 0.0
    for k in range(len(s)):
        if s[k] == "A":
            total += x[k % 3]
    return total


def written_before(text, x):
    s = np.array(list(text))
    s[0] = "Z"
    try:
        s[1] = "Y"
    except ValueError:
        return 0, x[0]
    return s, x[0]


def written_in_a_branch(text, x):
    s = np.array(list(text))
    if x[0] > 0.5:
        s[0] = "Z"
    return s, x[0]


def views(text, x):
    s = np.array(list(text))
    return s, s[1:], x[0]


def at_a_computed_place(text, x):
    return np.array(["b", "a", "c"])[np.argsort(x)], x[0]


@pytest.mark.parametrize("f", [counted, cells, in_a_loop, written_before])
def test_texts_are_known(f):
    strict = function(f, strict=True)
    for text in ("ACGTTGCA", "TTTTACGG", "ACGTTGCA"):
        assert alike(strict(text, X), f(text, X))
        assert alike(strict(text, -X), f(text, -X))


@pytest.mark.parametrize("f", [written_in_a_branch, views, at_a_computed_place])
def test_what_a_run_decides_is_pythons(f):
    decorated = function(f)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for x in (X, -X):
            got, want = decorated("ACGTTGCA", x), f("ACGTTGCA", x)
            assert alike(got, want)
            assert np.shares_memory(got[0], got[1]) == np.shares_memory(want[0], want[1])


def test_an_array_of_texts_is_new_in_every_call():
    decorated = function(written_before)
    assert decorated("ACGT", X)[0] is not decorated("ACGT", X)[0]
    assert decorated("ACGT", X)[0].flags.writeable
