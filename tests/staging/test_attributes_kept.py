"""Attributes of objects of unusual classes, and of those that a property makes when it is first asked for."""

from __future__ import annotations

import enum
import functools
import sys
import threading
import types

import numpy as np
import pytest

from hybrid.staging.function import function

RATE = 1.0


class Cached:
    def __init__(self):
        self.t, self.w = 1.0, np.ones(3)

    @functools.cached_property
    def scaled(self):
        return self.w * self.t

    @functools.cached_property
    def size(self):
        return float(self.w.sum())


class Local(threading.local):
    t = 1.0


class Failure(Exception):
    def __init__(self):
        self.t = 1.0


class Row(list):
    def __init__(self):
        self.t = 1.0


class Options(types.SimpleNamespace):
    pass


class Named(type):
    def __setattr__(cls, name, value):
        raise AttributeError(name)


class Closed(metaclass=Named):
    def __init__(self):
        self.t = 1.0


class Color(enum.Enum):
    RED = 1


def add_to(holder):
    def f(x):
        holder.t = holder.t + x.sum()
        return holder.t * x

    return f


def member():
    Color.RED.t = 1.0
    return Color.RED


def plain():
    def f():
        pass

    f.t = 1.0
    return f


KINDS = [Cached, Local, Failure, Row, Closed, member, plain, lambda: Options(t=1.0), lambda: types.SimpleNamespace(t=1.0)]


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("make", KINDS)
def test_an_attribute_is_rebound(make):
    seen = []
    for decorate in (lambda f: f, function):
        holder = make()
        f = decorate(add_to(holder))
        seen.append([(f(np.arange(3.0) + k), holder.t) for k in range(4)])
    for (one, t), (other, u) in zip(*seen):
        np.testing.assert_allclose(one, other)
        assert t == u


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_a_cached_property_is_made_where_it_is_asked_for():
    def once(holder):
        def f(x):
            holder.t = holder.t + x.sum()
            return holder.scaled * x + holder.size

        return f

    seen = []
    for decorate in (lambda f: f, function):
        holder = Cached()
        f = decorate(once(holder))
        seen.append([(f(np.arange(3.0) + k), list(vars(holder)), holder.scaled) for k in range(4)])
    for one, other in zip(*seen):
        np.testing.assert_equal(one, other)


def bump(v):
    global RATE
    RATE = RATE + v
    return RATE


def by_import(x):
    import tests.staging.test_attributes_kept as module

    bump(x.sum())
    return module.RATE * x


def by_name(x):
    bump(x.sum())
    return getattr(THIS, "RATE") * x + vars(THIS)["RATE"]  # noqa: B009


def by_attribute(x):
    THIS.RATE = THIS.RATE + x.sum()
    return bump(1.0) * x


THIS = sys.modules[__name__]


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("f", [by_import, by_name, by_attribute])
def test_globals_that_are_attributes_too(f, monkeypatch):
    seen = []
    for decorate in (lambda f: f, function):
        monkeypatch.setattr(THIS, "RATE", 1.0)
        g = decorate(f)
        seen.append([(g(np.arange(3.0) + k), RATE) for k in range(4)])
    for (one, t), (other, u) in zip(*seen):
        np.testing.assert_allclose(one, other)
        assert t == u
    assert type(THIS) is types.ModuleType
