"""`update` and `subtract` of dicts and counters that branches and loops change: counters add, and take any iterable of keys."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest

from hybrid.staging.function import function

X = np.random.default_rng(0).integers(0, 6, 15).astype(float)


def counts_of_a_dict(x):
    c = Counter()
    for v in x:
        c[int(v)] += 1
        c.update({int(v): 2, 7: 1})
    return c


def counts_of_a_counter(x):
    c, d = Counter(), Counter()
    for v in x:
        d[int(v)] += 1
    for v in x:
        c[int(v) + 3] += 1
        c.update(d)
    return c, d


def counted_keys(x):
    c, whole = Counter(), Counter({9: 4})
    for v in x:
        c.update([int(v), int(v) + 1])
        whole.update(c)
    whole.update(int(v) for v in x)
    whole.update(c.keys())
    whole.update(range(3))
    return c, whole


def taken_away(x):
    c = Counter()
    for v in x:
        c[int(v)] += 1
    c.subtract({1: 2, 8: 1})
    c.subtract([int(v) % 3 for v in x])
    c.subtract(Counter(int(v) for v in x))
    return c


def pairs(x):
    t = {}
    for v in x:
        t.update([(int(v), v * 2), (int(v) + 1, v)])
    t.update(zip([1, 2, 3], [0.5, 1.5, 2.5]))
    t.update((k, float(k)) for k in range(12, 14))
    return t


def other_kinds(x):
    t, o = defaultdict(int), OrderedDict()
    for v in x:
        t[int(v)] += 1
        o[int(v)] = 2
    t.update({3: 9})
    t.update([(4, 7), (11, 1)])
    o.update(t)
    return dict(t), dict(o)


@pytest.mark.parametrize("f", [counts_of_a_dict, counts_of_a_counter, counted_keys, taken_away, pairs, other_kinds])
def test_tables_are_updated(f):
    compiled = function(f, strict=True)
    for x in (X, X[:3], X + 1):
        want, got = f(x), compiled(x)
        assert want == got
        for one, other in zip(want, got) if isinstance(want, tuple) else [(want, got)]:
            assert list(one.items()) == list(other.items())
            assert type(one) is type(other)


def test_only_counters_subtract():
    def f(x):
        t = {}
        for v in x:
            t[int(v)] = v
        t.subtract({1: 2})
        return t

    with pytest.raises(AttributeError, match="no attribute 'subtract'"):
        function(f)(X)
