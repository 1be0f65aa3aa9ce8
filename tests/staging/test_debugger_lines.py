"""Breakpoints of `f.debug()`: every visit of a line counts, in rounds that are written out, and at lines without operations."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
import scipy.signal

from hybrid.staging.function import function
from tests.staging.test_debugger import replayed

X = np.arange(8.0)


def line(f, offset):
    return f.__code__.co_firstlineno + offset


def stops(said, f, offset):
    """How often it stopped at a line."""
    return len(re.findall(rf"^> .*\({line(f, offset)}\)", said, re.M))


def short(x):
    s = 0.0
    for i in range(4): s = s + x[i] * 2  # noqa: E701  # fmt: skip
    return s


def test_rounds_that_share_a_line():
    f = function(short)
    result, said = replayed(f, (X,), f"b {line(short, 2)}, i == 2", "c", "p i, s", "c", "p i", "c")
    assert result == short(X) and "(2, np.float64(2.0))" in said
    assert "NameError" not in said and stops(said, short, 2) == 2  # where it begins, and there
    _, said = replayed(f, (X,), f"b {line(short, 2)}", "c", "p i", "c", "p i", "c", "p i", "c", "c")
    assert re.findall(r"^\d$", said, re.M) == ["1", "2", "3"]


def named(x):
    t = 0.0
    for name in ("a", "bb", "ccc"):
        n = len(name)
        t = t + x.sum() * n
    return t


def test_a_line_that_makes_no_operation():
    f = function(named)
    result, said = replayed(f, (X,), f"b {line(named, 3)}, name == 'bb'", "c", "p name, n, t", "c")
    assert result == named(X) and "('bb', 1, np.float64(28.0))" in said and stops(said, named, 3) == 1


def test_the_line_of_the_return_and_the_last_values():
    f = function(named)
    _, said = replayed(f, (X,), f"b {line(named, 5)}", "c", "p t", "n", "p t, n", "c")
    assert "np.float64(168.0)" in said and "--Return--" in said and "(np.float64(168.0), 3)" in said
    assert stops(said, named, 5) == 2


def test_until_and_next_in_rounds_that_are_written_out():
    f = function(named)
    _, said = replayed(f, (X,), f"unt {line(named, 5)}", "p n, t", "c")
    assert "(3, np.float64(168.0))" in said
    _, said = replayed(f, (X,), "n", "n", "n", "n", "p n", "c")
    assert len(re.findall("^> ", said, re.M)) == 5 and re.search("^2$", said, re.M)


def branchy(x):
    s = 0.0
    for i in range(len(x)):
        v = x[i] * 2
        if v > 5:
            s = s + v
    return s


def test_a_way_that_is_not_taken_is_not_stopped_at():
    """Both ways of a short branch are computed."""
    f = function(branchy)
    result, said = replayed(f, (X,), f"b {line(branchy, 5)}", "c", "p i, v, s", "c", "p i")
    assert result == branchy(X) and "(3, np.float64(6.0), np.float64(0.0))" in said and re.search(r"^4$", said, re.M)
    _, said = replayed(f, (X,), f"b {line(branchy, 5)}, i == 1", "c")
    assert stops(said, branchy, 5) == 0
    _, said = replayed(f, (X,), f"b {line(branchy, 5)}, i == 6", "c", "p s", "c")
    assert stops(said, branchy, 5) == 1 and f"np.float64({branchy(X[:6])})" in said


class Scale:
    def __init__(self):
        self.by, self.names = 2.0, ["a"]

    def apply(self, x):
        a = x * self.by
        b = a - 1
        return b


def test_a_method_shows_its_object():
    scale = Scale()

    @function
    def f(x):
        return scale.apply(x) * 2

    _, said = replayed(f, (X,), f"b {line(Scale.apply, 2)}", "c", "p self.by, self.names, a.shape", "p self", "c")
    assert "(2.0, ['a'], (8,))" in said and "Scale(by=2.0" in said


def listed(x):
    parts = [x[i] * i for i in range(3)]
    pair = {"first": parts[0], "all": parts}
    return pair["first"] + sum(p * p for p in parts)


def test_comprehensions_and_containers():
    f = function(listed)
    _, said = replayed(f, (X,), f"b {line(listed, 1)}, i == 2", "c", "p i", "c", "c")
    assert re.search(r"^2$", said, re.M) and "NameError" not in said
    _, said = replayed(f, (X,), f"b {line(listed, 3)}", "c", "p parts", "p pair['all'][2]")
    assert "[np.float64(0.0), np.float64(1.0), np.float64(4.0)]" in said and "\nnp.float64(4.0)\n" in said


def halve(x, k):
    y = x / k
    return y


def nested(x):
    t = x
    for k in (1, 2, 4):
        t = t + halve(t, k)
    return t


def test_before_a_helper_is_called_and_in_it():
    f = function(nested)
    after_one = X + X
    _, said = replayed(
        f, (X,), f"b {line(nested, 3)}, k == 2", "c", "p t", f"b {line(halve, 2)}", "c", "p y, k", "c", "p k", "c"
    )
    assert repr(after_one) in said and f"({after_one / 2!r}, 2)" in said and "\n4\n" in said


def smallest_first(a, lo, hi):
    if lo < hi:
        i = lo
        for j in range(lo, hi):
            if a[j] < a[hi]:
                a[i], a[j] = a[j], a[i]
                i += 1
        a[i], a[hi] = a[hi], a[i]
        smallest_first(a, lo, i - 1)
        smallest_first(a, i + 1, hi)


def ordered(x):
    y = x.copy()
    smallest_first(y, 0, len(y) - 1)
    return y


class Falling:
    def __init__(self, height):
        self.height, self.speed = height, 0.0

    def step(self):
        self.speed += 1.0
        self.height -= self.speed


def fall(x):
    bodies = [Falling(v) for v in x]
    for body in bodies:
        body.step()
    return sum(body.height for body in bodies)


def peaks(x):
    places, _ = scipy.signal.find_peaks(x)
    return x[places] * 2


@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
@pytest.mark.parametrize("f", [ordered, fall, peaks], ids=lambda f: f.__name__)
def test_what_takes_several_attempts_to_trace(f):
    """Recursions, instances in storage, calls between compiled parts."""
    x = np.sin(np.arange(20.0))
    result, said = replayed(function(f), (x,), f"b {line(f, 2)}", "c", "p x.shape")
    np.testing.assert_allclose(result, f(x))
    assert f"({line(f, 2)})" in said and "(20,)" in said


def test_who_traces_python_goes_on():
    """A debugger or a coverage tool."""
    f = function(short)

    def tracer(frame, event, arg):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        replayed(f, (X,), "c")
        after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert after is tracer
