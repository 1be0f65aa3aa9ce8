"""`a *= 2`, `a |= b` and their like change the container itself, which may have other names."""

from collections import Counter, deque

import numpy as np
import pytest

import hybrid as hy

X = np.abs(np.random.default_rng(0).normal(size=15))


def lists(x):
    a = [1.0]
    b = a
    b *= 2
    b += [float(x[0])]
    c = b
    c *= 2
    return a, a is c


def repeated_in_a_branch(x):
    a = [1.0]
    b = a
    for _ in x[:3]:
        a *= 2
    if x[0] > 0.5:
        a *= 2
    return b


def rows(x):
    rows = [[0.0] * 2 for _ in range(3)]
    first = rows[0]
    first *= 2
    for i, v in enumerate(x):
        rows[i % 3] += [float(v)]
    return rows


def queues(x):
    q = deque([1.0, 2.0])
    p = q
    q += [float(x[0])]
    q *= 2
    return list(p), p is q


def known_sets(x):
    a, c = {8, 16}, {1, 2, 3, 40}
    b, d = a, c
    a |= {0, 24, 1}
    a |= {32, 40, 7}
    c &= {2, 3, 17}
    c ^= {2, 9}
    if x[0] > 0:
        c.add(5)
    return list(b), a is b, sorted(d), c is d


def sets_of_a_run(x):
    a, c = {int(v * 5) for v in x}, set()
    b, d = a, c
    for v in x:
        c.add(int(v * 5))
    a &= {1, 2, 3, 0}
    c ^= {1, 2, 3, 0, 50}
    c -= {50}
    return sorted(b), sorted(d), a is b


def sets_in_branches(x):
    s, t = {1, 2, 8}, {1, 2, 8}
    r, u = s, t
    if x[0] > 0.5:
        s |= {3, 16}
    else:
        s &= {2, 8}
    for v in x:
        t ^= {int(v * 3)}
    return sorted(r), sorted(u)


def dicts(x):
    d = {"a": 1.0}
    e = d
    d |= {"b": float(x[0])}
    return e, d is e, d | {"c": 2}


def counters(x):
    c = Counter("aab")
    d = c
    c += Counter("b")
    for v in x:
        c["x"] += int(v > 0.5)
    return sorted(d.items()), c is d


@pytest.mark.parametrize(
    "f", [lists, repeated_in_a_branch, rows, queues, known_sets, sets_of_a_run, sets_in_branches, dicts, counters]
)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_the_container_itself_is_changed(f):
    compiled = hy.function(f)
    for x in (X, X[::-1].copy(), X[:12]):
        assert repr(compiled(x)) == repr(f(x))


def test_a_set_of_the_callers_is_changed_itself():
    def f(s, x):
        s |= {int(x[0] * 30)}
        s &= {1, 3}
        return len(s)

    given, expected = {1, 2}, {1, 2}
    with pytest.warns(hy.FallbackWarning):
        got = hy.function(f)(given, X)
    assert got == f(expected, X) and given == expected


@pytest.mark.parametrize("f", [lists, queues, known_sets, sets_of_a_run, sets_in_branches])
def test_it_is_compiled(f):
    assert repr(hy.function(f, strict=True)(X)) == repr(f(X))
