"""Attributes that users give to decorated functions: counted, read, made and dropped inside and outside, as undecorated."""

from __future__ import annotations

import copy
import functools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hybrid as hy

X = np.array([1.0, 2.0])


@hy.function
def counted(x):
    counted.calls += 1
    return x * counted.calls


def test_every_call_counts():
    @functools.partial(hy.function, strict=True)
    def f(x):
        f.calls += 1
        return x * f.calls

    f.calls = 0
    for k in range(4):
        assert f.calls == k
        np.testing.assert_array_equal(f(X), X * (k + 1))
    f.calls = 100
    np.testing.assert_array_equal(f(X), X * 101)
    assert f.calls == f.__wrapped__.calls == 101 and type(f.calls) is int


def test_an_attribute_that_was_given_before():
    def f(x):
        f.calls += 1
        return x * f.calls

    f.calls = 0
    plain, f = f, hy.function(f, strict=True)
    for k in range(3):
        np.testing.assert_array_equal(f(X), X * (k + 1))
    assert f.calls == plain.calls == 3


def makes(decorate: Callable) -> tuple:
    @decorate
    def f(x):
        if not hasattr(f, "n"):
            f.n = 0
        f.n += 1
        return x * f.n

    return [f(X) for _ in range(4)], f.n


def keeps(decorate: Callable) -> tuple:
    @decorate
    def f(n, x):
        if n not in f.known:
            f.known[n] = n * 2.0
        f.history.append(n)
        f.last = x * n
        return x * f.known[n]

    f.known, f.history = {}, []
    return [f(k, X) for k in (1, 2, 1, 3, 2)], f.known, f.history, f.last


def reads(decorate: Callable) -> tuple:
    @decorate
    def f(x):
        return x * getattr(f, "k", 1.0)

    f.k = 2.0
    out = [f(X), f(X)]
    f.k = np.array([3.0, 5.0])
    out += [f(X), f(X)]
    f.__wrapped__.k = 7.0 if hasattr(f, "__wrapped__") else 0.0
    out += [f(X), f(X)]
    f.__dict__["k"] = 11.0
    out += [f(X)]
    del f.k
    return *out, f(X), f(X), hasattr(f, "k")


def branches(decorate: Callable) -> tuple:
    @decorate
    def f(x):
        if x.sum() > 3:
            f.big += 1
        for v in x:
            if v > 1:
                f.items += 1
        return x

    f.big = f.items = 0
    return [f(X * k / 2) for k in range(6)], f.big, f.items


def others(decorate: Callable) -> tuple:
    @decorate
    def g(x):
        g.calls += 1
        return x * g.k

    @decorate
    def f(x):
        g.k += 1
        return g(x) + g(x)

    g.calls, g.k = 0, 1.0
    return [f(X) for _ in range(3)], g(X), g.calls, g.k


def calls_itself(decorate: Callable) -> tuple:
    @decorate
    def fib(n):
        fib.calls += 1
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    fib.calls = 0
    return fib(9), fib.calls, fib(4), fib.calls


def on_methods(decorate: Callable) -> tuple:
    class A:
        @decorate
        def m(self, x):
            A.m.calls += 1
            return x * A.m.calls

        m.calls = 0

    a = A()
    return [a.m(X) for _ in range(3)], A.m.calls, a.m.calls


def of_a_wrapper(decorate: Callable) -> tuple:
    def counts(f):
        @functools.wraps(f)
        def g(*args):
            g.n += 1
            return f(*args)

        g.n = 0
        return g

    @decorate
    @counts
    def inside(x):
        return x * 2

    @counts
    @decorate
    def outside(x):
        return x * 2

    return [(inside(X), outside(X)) for _ in range(3)], inside.n, outside.n


def with_names_of_the_engine(decorate: Callable) -> list:
    out = []
    for name in ("lock", "function", "strict", "backend", "parameters", "traces", "eager", "stats", "explain", "call",
                 "_traces", "_state", "_log", "_slow", "_find"):  # fmt: skip

        @decorate
        def f(x):
            return x * 2

        setattr(f, name, 7)
        out.append((f(X), f(X), getattr(f, name), f.__dict__))
    return out


def with_such_names_inside(decorate: Callable) -> tuple:
    @decorate
    def f(x):
        f.lock += 1.0
        f.stats = f.lock * 2
        f._state = x
        return x * f.lock

    f.lock = 1.0
    return [f(X) for _ in range(3)], f.lock, f.stats, f._state


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def undecorated(f: Callable) -> Callable:
    f.__wrapped__ = f  # type: ignore[attr-defined]
    return f


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("program", [makes, keeps, branches, others, calls_itself, on_methods, of_a_wrapper,
                                     with_names_of_the_engine, with_such_names_inside], ids=lambda f: f.__name__)  # fmt: skip
def test_attributes_are_those_of_the_undecorated(program):
    assert same(program(hy.function), program(lambda f: f))


def test_attributes_that_are_read_may_change_or_go():
    assert same(reads(hy.function), reads(undecorated))


def test_what_wraps_a_decorated_function_gets_its_attributes():
    @hy.function
    def f(x):
        "What it does."
        return x

    f.a, f.b = 1, [2]

    @functools.wraps(f)
    def g(x):
        return f(x)

    assert f.__dict__ == {"a": 1, "b": [2]} and vars(g) == {"a": 1, "b": [2], "__wrapped__": f}
    assert g.b is f.b and (g.__name__, g.__doc__, g.__qualname__) == ("f", "What it does.", f.__wrapped__.__qualname__)


def test_copies_and_pickles_have_them():
    counted.calls = 0
    for twin in (copy.copy(counted), copy.deepcopy(counted), pickle.loads(pickle.dumps(counted))):
        assert twin is counted
        before = counted.calls
        np.testing.assert_array_equal(twin(X), X * (before + 1))
    assert counted.calls == 3


def test_names_and_texts_can_be_set():
    @hy.function
    def f(x, k=2.0):
        return x * k

    f.__name__, f.__doc__, f.__qualname__, f.__defaults__ = "g", "Other.", "m.g", (3.0,)
    assert (f.__name__, f.__doc__, f.__qualname__, f.__wrapped__.__name__) == ("g", "Other.", "m.g", "g")
    np.testing.assert_array_equal(f(X), X * 3)


def test_what_is_not_there_is_missed_as_on_a_function():
    @hy.function
    def f(x):
        return x

    with pytest.raises(AttributeError, match="'function' object has no attribute 'nothing'"):
        f.nothing
    with pytest.raises(AttributeError):
        del f.nothing
    assert "explain" in dir(f) and "__code__" in dir(f)


def test_attributes_of_decorated_functions_among_arguments():
    f = hy.function(lambda x: x)
    compiled = hy.function(lambda fs, x: sum(g(x) * g.scale for g in fs))
    single = hy.function(lambda g, x: g(x) * g.scale)
    for scale in (2.0, 2.0, 3.0, 5.0):
        f.scale = scale
        assert compiled([f, f], 1.5) == 3.0 * scale and single(f, 1.5) == 1.5 * scale
