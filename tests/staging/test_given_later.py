"""What a class is given after a trace where it had nothing: `getattr` with a default, `hasattr` and `try` ask for it."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import pytest

from hybrid.staging.function import function

quiet = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning", "ignore::hybrid.RetraceWarning")


def simple():
    class P:
        def __init__(self, x):
            self.x = x

        def scaled(self):
            return self.x * getattr(self, "scale", 1.0)

    return P


def with_hook():
    class P:
        def __init__(self, x):
            self.x = x

        def __getattr__(self, name):
            if name == "scale":
                return 1.0
            raise AttributeError(name)

    return P


def derived():
    return type("Q", (simple(),), {})


def data():
    @dataclass
    class P:
        x: float

        def scaled(self):
            return self.x * getattr(self, "scale", 1.0)

    return P


def asked(p):
    return p.x * getattr(p, "scale", 1.0)


def has(p):
    return p.x * p.scale if hasattr(p, "scale") else p.x


def tried(p):
    try:
        scale = p.scale
    except AttributeError:
        scale = 1.0
    return p.x * scale


def computed(p, name="sca"):
    return p.x * getattr(p, name + "le", 1.0)


def of_class(p):
    return p.x * getattr(type(p), "scale", 1.0)


def method(p):
    return p.scaled() if hasattr(p, "scaled") else asked(p)


@quiet
@pytest.mark.parametrize("kind", [simple, with_hook, derived, data])
@pytest.mark.parametrize("ask", [asked, has, tried, computed, of_class, method])
@pytest.mark.parametrize("given", [5.0, property(lambda self: self.x + 1)], ids=["number", "property"])
@pytest.mark.parametrize("how", ["argument", "made", "listed"])
def test_an_attribute_that_a_class_is_given(kind, ask, given, how):
    cls = kind()
    if ask is of_class:
        given = 7.0  # a property of a class is no number

    def total(ps):
        out = 0.0
        for p in ps:
            out += ask(p)
        return out

    calls = {
        "argument": (ask, lambda: cls(2.0)),
        "made": (lambda x: ask(cls(x)), lambda: 2.0),
        "listed": (total, lambda: [cls(1.0), cls(2.0), cls(3.0)]),
    }
    plain, argument = calls[how]
    f = function(plain)
    for _ in range(3):
        assert f(argument()) == plain(argument())
    cls.scale = given
    for _ in range(3):
        assert f(argument()) == plain(argument())
    del cls.scale
    assert f(argument()) == plain(argument())


def test_what_copy_keeps_in_a_class_is_no_change():
    class P:
        def __init__(self, x):
            self.x = x

    def copied(x):
        p = P(x)
        q = copy.copy(p)
        q.x += 1.0
        return p.x, q.x

    f = function(copied, strict=True)
    assert f(1.0) == (1.0, 2.0)
    copy.copy(P(1.0))
    for _ in range(3):
        assert f(2.0) == (2.0, 3.0)


def test_a_class_attribute_that_the_function_makes_is_made_by_each_call():
    class P:
        pass

    def first(x):
        P.seen = x * 2
        return x

    f = function(first)
    for x in (1.0, 2.0, 3.0):
        assert f(x) == x and P.seen == 2 * x
        del P.seen
