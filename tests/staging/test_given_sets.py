"""Sets, bytes and arrays of numbers among the arguments that a function changes: every call's own are changed."""

from __future__ import annotations

import array
import math

import numpy as np
import pytest

import hybrid as hy
from hybrid.core.errors import TraceError

pytestmark = pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")

MADE = {
    "set": lambda: {1.0},
    "bytes": lambda: bytearray(b"abc"),
    "numbers": lambda: array.array("d", [math.nan, 2.0]),
}


def added(o, x):
    o.add(3.0)
    return x * len(o)


def removed(o, x):
    o.discard(1.0)
    return x * len(o)


def replaced(o, x):
    o[1] = 7
    return x * o[1]


def appended(o, x):
    o.append(9)
    return x * len(o)


CALLS = [("set", added), ("set", removed), ("bytes", replaced), ("bytes", appended)]
CALLS += [("numbers", replaced), ("numbers", appended)]


@pytest.mark.parametrize(("kind", "function"), CALLS)
@pytest.mark.parametrize("given", [lambda o: o, lambda o: [o], lambda o: {"o": o}])
def test_changes_happen_at_every_call(kind, function, given):
    """They happened at the first call alone, for calls with equal ones after it."""

    def f(c, x):
        return function(c if not isinstance(c, (list, dict)) else c[0] if isinstance(c, list) else c["o"], x)

    compiled, x = hy.function(f), np.ones(2)
    for _ in range(4):
        one, other = MADE[kind](), MADE[kind]()
        assert repr(compiled(given(one), x)) == repr(f(given(other), x))
        assert repr(one) == repr(other)


def test_what_is_only_read_is_compiled():
    f = hy.function(lambda o, x: x * len(o), strict=True)
    for _ in range(2):
        assert f({1.0, 2.0}, np.ones(2)).tolist() == [2, 2]
    with pytest.raises(TraceError, match="it changes a set among its arguments"):
        hy.function(added, strict=True)({1.0}, np.ones(2))
