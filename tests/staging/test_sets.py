"""Displays of sets and dicts with numbers that only a run knows, and the operators of sets."""

import numpy as np
import pytest

import hybrid as hy

X = np.random.default_rng(1).integers(0, 40, 40)


def operators(x):
    a = {int(v) for v in x[:9]}
    b = {int(v) for v in x[5:]}
    return len(a | b), len(a & b), len(a - b), sorted(a ^ b), sorted(a ^ {1, 2, 30}), sorted({1, 2} | a), sorted({1, 18} - a)


def comparisons(x):
    a = {int(v) for v in x[:9]}
    b = {int(v) for v in x[5:]}
    return (
        a == b,
        a != b,
        a <= b,
        a < (a | b),
        a >= b,
        a > b,
        a == {1},
        a == 3,
        a.isdisjoint(b),
        a.issubset(a | b),
        a.issuperset(b),
    )


def methods(x):
    a = {int(v) for v in x[:9]}
    b = [int(v) for v in x[5:]]
    return len(a.union(b, {90})), len(a.intersection(b)), len(a.difference(b)), len(a.symmetric_difference(b)), sorted(a.copy())


def merged(x):
    seen, odd = set(), set()
    for v in x.tolist():
        seen |= {v, v + 1}
        if v % 2:
            odd.add(v)
        if len(odd) > 4:
            odd -= {v, 3}
    return len(seen), sorted(odd)


def displays(x):
    u, v = int(x[0]), int(x[1])
    return {u, v}, {u: 1.0, v: 2.0}, {(u, 0): v}, 3 in {u, v, 3}


def paths(x):
    current = {int(x[0]): 1}
    for v in x[1:6]:
        new = {}
        for k, c in current.items():
            for d in (k + int(v), k - int(v)):
                new[d] = new.get(d, 0) + c
        current = new
    return current


@pytest.mark.parametrize("f", [operators, comparisons, methods, merged, displays, paths])
def test_sets_and_dicts_of_numbers_that_only_a_run_knows(f):
    compiled = hy.function(f, strict=True)
    for x in (X, X[:35], X[::-1].copy()):
        assert repr(compiled(x)) == repr(f(x))


def test_the_class_is_that_of_the_left_operand():
    f = lambda x: frozenset((1, 2)) & {int(v) for v in x}
    with pytest.warns(hy.FallbackWarning):
        got = hy.function(f)(X)
    assert got == f(X) and type(got) is frozenset
