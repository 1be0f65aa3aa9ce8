"""Variables that are one of several known objects: strings and None."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.core.errors import EscapeError, TraceError
from hybrid.staging.function import FallbackWarning, function
from tests.staging.conftest import same as alike

X = np.array([-0.2, 0.7, 0.95, 0.1, -0.5, 2.0])
Y = np.array([1.1, 0.2, -3.0, -2.0, 0.0, 0.0])
NAMES = ("a", "b", "c", "b")
RATES = {"up": 2.0, "down": 3.0}


def sign(x):
    return "up" if x[0] > 0 else "down"


def absent(x):
    found = None
    for v in x:
        if v > 1:
            found = "big"
        elif v > 0.5 and found is None:
            found = "some"
    return found


def walk(x):
    state, switches = "off", 0
    for v in x:
        if state == "off" and v > 0.5:
            state = "on"
            switches += 1
        elif state == "on" and v < 0:
            state = "off"
    return state, switches


def asked(x):
    s = "up" if x[0] > 0 else "down"
    t = "up" if x[1] > 0 else None
    u = "up" if x[2] > 0 else ""
    return (
        (s == t, s != t, s == "up", s in ("up", "left"), s not in ("up",), t is None, t is not None),
        (isinstance(s, str), isinstance(t, str), type(s) is str, 1 if u else 0, not u),
    )


def looked_up(x):
    s = "up" if x[0] > 0 else "down"
    return RATES[s] * x, {"s": s, "both": (s, 1)}, [s, "left"]


def named(x):
    return NAMES[int(np.argmax(x[:4]))], [NAMES[k] for k in np.argsort(x[:3])]


def labels(x):
    out = []
    for v in x:
        out.append(("p" if v > 0 else "n" if v < 0 else "z", v))
    return out, out[2][0]


def several(x):
    best = "none"
    for i in range(len(x)):
        if x[i] > 0.5:
            best = i
        elif x[i] < -1:
            best = "low"
    return best


def returned(x):
    for i in range(len(x)):
        if x[i] > 1.5:
            return "big", i
        if x[i] < -1.5:
            return "small", i
    return "none", -1


class Machine:
    def __init__(self):
        self.mode = "idle"

    def __call__(self, v):
        if self.mode == "idle" and v > 0:
            self.mode = "run"
        elif self.mode == "run" and v < 0:
            self.mode = "done"
        return self.mode


def machine(x):
    m, log = Machine(), []
    for v in x:
        log.append(m(v))
    return log, m.mode


def formatted(x):
    return f"{sign(x)}!"


def raising(x):
    s = "up" if x[0] > 0 else "down"
    if s == "up":
        raise ValueError(s)
    return s


@pytest.mark.parametrize("f", [sign, absent, walk, asked, looked_up, named, labels, several, returned, machine, formatted])
def test_a_variable_is_one_of_several_objects(f):
    compiled = function(f, strict=True)
    for x in (X, Y, -X, X[::-1].copy(), np.float32(Y), X[:3]):
        assert alike(compiled(x), f(x)), x


def test_what_it_decides_is_raised_by_python():
    compiled = function(raising, strict=True)
    assert compiled(X) == "down"
    with pytest.raises(ValueError, match="up"):
        compiled(Y)


def in_an_array(x):
    return np.array([sign(x)])


@pytest.mark.parametrize("f", [in_an_array])
def test_what_cannot_be_asked_is_pythons(f):
    with pytest.raises(TraceError):
        function(f, strict=True)(X)
    with pytest.warns(FallbackWarning):
        got = function(f)(X)
    assert str(got) == str(f(X))


class Box:
    pass


def test_one_that_is_kept_is_found_out():
    box = Box()

    def keeps(x):
        setattr(box, "name", "up" if x[0] > 0 else "down")  # noqa: B010
        return x * 2

    with pytest.raises((EscapeError, TraceError)):
        function(keeps, strict=True)(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        function(keeps)(X)
    assert type(box.name) is str
    assert box.name == "down"


def test_items_at_computed_places_are_computed_numbers():
    def picked(x, levels):
        k = int(np.argmax(x[: len(levels)]))
        return levels[k], [x[0], x[1]][k % 2], (x[2] * 2, x[3])[-1 - k % 2]

    def walked(x, times):
        k = 0
        while k < len(times) and times[k] < x[0]:
            k += 1
        return k

    compiled = function(picked, strict=True)
    for x in (X, Y):
        assert alike(compiled(x, [0.5, 1.5]), picked(x, [0.5, 1.5]))
        assert alike(compiled(x, (0.5, 1.5, 2.5)), picked(x, (0.5, 1.5, 2.5)))
    compiled = function(walked, strict=True)
    for times in ([0.5, 1.0, 7.0], [-1.0, -0.5], [2.0]):
        assert compiled(X, times) == walked(X, times)
        assert compiled(Y, times) == walked(Y, times)


def test_membership_among_computed_integers():
    def others(x):
        low, high = int(np.argmin(x)), int(np.argmax(x))
        total = 0
        for k in range(len(x)):
            if k in (low, high):
                continue
            total += k
        return total, [k for k in range(len(x)) if k not in (low, high)], low in [2, high]

    compiled = function(others, strict=True)
    for x in (X, Y, X[:2]):
        assert alike(compiled(x), others(x))


KEYS = ["123A", "456B", "789C", "*0#D"]


@pytest.mark.parametrize("c", [-9.0, 0.0, 9.0])
def test_texts_that_a_run_has_chosen_are_put_together(c):
    """Each text is asked, and what they give is one of several texts or numbers, too."""

    def key(x, c):
        if x[0] > c:
            return KEYS[int(np.argmax(x[:4]))][int(np.argmax(x[4:8]))]
        return None

    def named(x, c):
        state = "open" if x[0] > c else "closed"
        sign = "+" if x[1] > 0 else "-"
        return state.upper() + sign, "pre_" + state, state + state, state[0], state[-2:], state.startswith("o")

    def asked(x, c):
        state, n = ("open" if x[0] > c else "closed"), 0
        state += "!"
        for k in range(9):
            if x[k] > 0:
                state = "up" if x[k] > 1 else "down"
            n += len(state)
        return n, state, "e" in state, state in "upper"

    def letter(x, c):
        return "ACDEFGHIKLMNPQRSTVWY"[int(abs(x[0]) * 4)]

    x = np.random.default_rng(5).normal(size=40)
    for f in (key, named, asked, letter):
        strict = function(f, strict=True)
        for y in (x, -x):
            assert strict(y, c) == f(y, c)


def test_a_known_array_that_is_returned_twice_is_one():
    f = function(lambda x: (np.diag_indices(len(x)), x + 1), strict=True)
    for _ in range(2):
        (rows, columns), _ = f(np.ones(4))
        assert rows is columns
        np.testing.assert_array_equal(rows, np.arange(4))
