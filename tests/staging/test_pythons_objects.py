"""Objects of Python's own library: what they hold is read anew, and what is done to them is done at every call."""

from __future__ import annotations

import array
import collections
import contextvars
import statistics

import numpy as np
import pytest

import hybrid as hy

pytestmark = pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
X = np.arange(1.0, 4.0)

READ = {
    "array": (lambda: array.array("d", [2.0, 3.0]), lambda o, x: x * o[0], lambda o: o.__setitem__(0, 5.0)),
    "memoryview": (lambda: memoryview(np.ones(3)), lambda o, x: x * o[1] + np.asarray(o), lambda o: o.__setitem__(1, 9.0)),
    "slots": (lambda: statistics.NormalDist(1, 2), lambda o, x: x * o.mean, lambda o: setattr(o, "_mu", 9.0)),
    "context": (lambda: contextvars.ContextVar("q", default=2.0), lambda o, x: x * o.get(), lambda o: o.set(9.0)),
    "list": (lambda: collections.UserList([2.0]), lambda o, x: x * o[0] + len(o), lambda o: o.append(5.0)),
    "dict": (lambda: collections.UserDict(k=2.0), lambda o, x: x * o["k"], lambda o: o.update(k=5.0)),
}


@pytest.mark.parametrize("kind", READ)
def test_what_arguments_hold_is_read_anew(kind):
    made, function, change = READ[kind]
    one, other, compiled = made(), made(), hy.function(function)
    for _ in range(3):
        np.testing.assert_array_equal(compiled(one, X), function(other, X))
        change(one)
        change(other)


def popped(o, x):
    return x * o.pop()


def appended(o, x):
    o.append(5.0)
    return x * len(o)


def counted(o, x):
    o[1] += 1
    return x * o[1]


def grown(o, x):
    o[1].append(3.0)
    return x * len(o[1])


def contents(o):
    return bytes(o) if isinstance(o, memoryview) else repr(o)


CHANGED = {
    "set": (lambda: {1.0, 2.0, 3.0, 5.0}, popped),
    "list": (lambda: collections.UserList([1.0]), appended),
    "memoryview": (lambda: memoryview(bytearray(b"abc")), counted),
    "objects": (lambda: np.array([1.0, [2.0]], dtype=object), grown),
}


@pytest.mark.parametrize("given", ["argument", "default", "cell"])
@pytest.mark.parametrize("kind", CHANGED)
def test_what_is_done_to_them_is_done_at_every_call(kind, given):
    """It was done once, while the call was traced."""
    made, function = CHANGED[kind]

    def taking(o):
        if given == "cell":
            return lambda x: function(o, x)
        return (lambda x, o=o: function(o, x)) if given == "default" else lambda o, x: function(o, x)

    one, other = made(), made()
    plain, compiled = taking(other), hy.function(taking(one))
    for _ in range(3):
        beside = [(one, X), (other, X)] if given == "argument" else [(X,), (X,)]
        np.testing.assert_array_equal(compiled(*beside[0]), plain(*beside[1]))
        assert contents(one) == contents(other)
