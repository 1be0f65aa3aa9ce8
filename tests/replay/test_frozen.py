"""Complaints about values that a compiled function kept from its first call."""

import argparse
import enum
import os
import sys
import threading
import types
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

import hybrid as hy

X = np.arange(4.0)
SCALE = 2.0
NAMES = ["CAD", "EUR"]
TABLE = {"a": 1.0, "b": 2.0}
WEIGHTS = [np.ones(4), np.full(4, 2.0)]
settings = types.ModuleType("settings")
settings.flag, settings.nested = True, types.SimpleNamespace(depth=1)


def helper(x):
    return x + 1


def follows(f, change, *args):
    """The decorated function gives what the undecorated one does, before and after a change."""
    decorated = hy.function(f, strict=True)
    for _ in range(2):
        np.testing.assert_array_equal(decorated(*args), f(*args))
    before = np.asarray(f(*args))
    change()
    assert not np.array_equal(before, f(*args)), "the change changes nothing"
    for _ in range(2):
        np.testing.assert_array_equal(decorated(*args), f(*args))
    return decorated


# numba/numba#8359, #6525: globals are frozen when compiled
def test_a_global_number(monkeypatch):
    follows(lambda x: x * SCALE, lambda: monkeypatch.setattr(sys.modules[__name__], "SCALE", 5.0), X)


# numba/numba#3732: a global list of strings; pytorch/pytorch#93724: its contents
def test_a_global_lists_contents(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "NAMES", ["CAD", "EUR"])
    follows(lambda x: x if NAMES[-1] == "EUR" else -x, lambda: NAMES.append("GBP"), X)


def test_a_global_dicts_contents(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "TABLE", {"a": 1.0, "b": 2.0})
    follows(lambda x: x * TABLE["a"] + TABLE.get("c", 0.0), lambda: TABLE.update(c=3.0), X)


# pytorch/pytorch#189042: the order of a dict's keys was not guarded
def test_a_dicts_order():
    table = {"a": 1.0, "b": 2.0}

    def turn():
        table["a"] = table.pop("a")

    follows(lambda x: x * next(iter(table.values())), turn, X)
    ordered = OrderedDict(a=1.0, b=2.0)
    follows(lambda x: x * next(iter(ordered.values())), lambda: ordered.move_to_end("a"), X)


# pytorch/pytorch#189042: a dict argument, reordered
def test_a_dict_arguments_order():
    f = hy.function(lambda x, d: x * next(iter(d.values())), strict=True)
    for d in ({"a": 1.0, "b": 2.0}, {"b": 2.0, "a": 1.0}) * 2:
        np.testing.assert_array_equal(f(X, d), X * next(iter(d.values())))


# jax-ml/jax#1426: a local variable of the enclosing function
def test_a_closure():
    a = 10

    def change():
        nonlocal a
        a = 20

    follows(lambda x: (x**2).sum() * a, change, X)


# jax-ml/jax#1348: `global g; g = g + 1`
def test_a_global_that_the_function_itself_counts():
    space = {}
    exec("g = 0\ndef f(x):\n    global g\n    g = g + 1\n    return x * g", space)
    f = hy.function(space["f"], strict=True)
    for k in range(1, 5):
        np.testing.assert_array_equal(f(X), X * k)
    assert space["g"] == 4 and type(space["g"]) is int and len(f.traces) == 1


# jax-ml/jax#13992, #28418: an object with a hash and an attribute that is changed later
def test_objects_that_hash_by_what_they_hold():
    class Static:
        def __init__(self, v):
            self.v = v

        def __hash__(self):
            return hash(self.v)

        def __eq__(self, other):
            return isinstance(other, Static) and self.v == other.v

        def f(self, x):
            return x + self.v

    f = hy.function(lambda s, x: x + s.v, strict=True)
    g = hy.function(Static.f, strict=True)
    s = Static(100)
    for v in (100, 0, 0, 100, 7):
        s.v = v
        np.testing.assert_array_equal(f(s, X), X + v)
        np.testing.assert_array_equal(g(s, X), X + v)


# pytorch/pytorch#109203, #93782: a global function, or a lambda in a variable, is rebound
def test_a_helper_that_is_rebound(monkeypatch):
    follows(lambda x: helper(x), lambda: monkeypatch.setattr(sys.modules[__name__], "helper", lambda x: x * 9), X)
    inner = lambda x: x + 1

    def change():
        nonlocal inner
        inner = lambda x: x - 1

    follows(lambda x: inner(x), change, X)


# pytorch/pytorch#197860: the code of an inlined method is replaced
def test_a_method_whose_code_is_replaced():
    class Model:
        def m(self, x):
            return x * 2.0

    def other(self, x):
        return x * 9.0

    model = Model()
    follows(lambda x: model.m(x), lambda: setattr(Model.m, "__code__", other.__code__), X)
    follows(lambda x: model.m(x), lambda: setattr(Model, "m", lambda self, x: x - 3), X)
    follows(lambda x: model.m(x), lambda: setattr(model, "m", lambda x: x + 30), X)


def test_a_functions_own_code_and_defaults():
    def f(x, k=2.0, *, j=1.0):
        return x * k + j

    def g(x, k=2.0, *, j=1.0):
        return x - k - j

    follows(f, lambda: setattr(f, "__defaults__", (3.0,)), X)
    follows(f, lambda: setattr(f, "__kwdefaults__", {"j": -1.0}), X)
    follows(f, lambda: setattr(f, "__code__", g.__code__), X)


# a mutable default, Python's own trap: the function sees what was put into it
def test_a_mutable_default():
    def f(x, seen=[1.0]):  # noqa: B006
        return x * len(seen) + seen[-1]

    follows(f, lambda: f.__defaults__[0].append(5.0), X)


# pytorch/pytorch#138226: dataclasses; the attribute of an attribute
def test_attributes_of_objects():
    @dataclass
    class Inner:
        depth: int = 1

    @dataclass
    class Outer:
        inner: Inner
        scale: float = 1.0

    o = Outer(Inner())
    follows(lambda x: x * o.inner.depth * o.scale, lambda: setattr(o.inner, "depth", 4), X)
    follows(lambda x: x * o.inner.depth * o.scale, lambda: setattr(o, "scale", 0.5), X)
    follows(lambda x: x * o.inner.depth * o.scale, lambda: setattr(o, "inner", Inner(9)), X)


def test_class_attributes_shadowing_and_deletion():
    class Base:
        k = 2.0

    class Model(Base):
        pass

    model = Model()
    follows(lambda x: x * model.k, lambda: setattr(Base, "k", 3.0), X)
    follows(lambda x: x * model.k, lambda: setattr(Model, "k", 4.0), X)
    follows(lambda x: x * model.k, lambda: setattr(model, "k", 5.0), X)
    follows(lambda x: x * model.k, lambda: delattr(model, "k"), X)
    follows(lambda x: x * getattr(model, "extra", 1.0), lambda: setattr(model, "extra", 2.0), X)
    follows(lambda x: x * (2.0 if hasattr(model, "more") else 1.0), lambda: setattr(model, "more", 1), X)


def test_properties_and_getattr():
    class Lazy:
        def __init__(self):
            self._k, self.table = 2.0, {"z": 1.0}

        @property
        def k(self):
            return self._k * 2

        def __getattr__(self, name):
            return self.__dict__["table"][name]

    lazy = Lazy()
    follows(lambda x: x * lazy.k, lambda: setattr(lazy, "_k", 7.0), X)
    follows(lambda x: x * lazy.z, lambda: lazy.table.update(z=3.0), X)


# numba/numba#8359: flags of modules
def test_a_modules_flags():
    follows(lambda x: x if settings.flag else -x, lambda: setattr(settings, "flag", False), X)
    follows(lambda x: x * settings.nested.depth, lambda: setattr(settings.nested, "depth", 3), X)


def test_environment_variables(monkeypatch):
    monkeypatch.setenv("REPLAY_SCALE", "2")
    f = lambda x: x * float(os.environ["REPLAY_SCALE"])
    decorated = hy.function(f)
    for text in ("2", "3", "2"):
        monkeypatch.setenv("REPLAY_SCALE", text)
        np.testing.assert_array_equal(decorated(X), X * float(text))


def test_containers_of_arrays():
    weights = [np.ones(4), np.full(4, 2.0)]
    follows(lambda x: x @ weights[1], lambda: weights[1].__setitem__(0, 50.0) or weights[1].__imul__(2), X)
    follows(lambda x: x @ weights[1], lambda: weights.__setitem__(1, np.full(4, 7.0)), X)
    follows(lambda x: sum(x @ w for w in weights), lambda: weights.append(np.ones(4)), X)
    nested = {"layer": [{"w": np.ones(4)}]}
    follows(lambda x: x * nested["layer"][0]["w"], lambda: nested["layer"][0].update(w=np.zeros(4) + 3), X)


def test_sets_deques_and_membership():
    names, queue = {"a"}, deque([1.0, 2.0], maxlen=2)
    follows(lambda x: x if "b" in names else -x, lambda: names.add("b"), X)
    follows(lambda x: x * queue[0], lambda: queue.append(5.0), X)


def test_enumerations_and_types():
    class Mode(enum.Enum):
        FAST = 1
        SLOW = 2

    mode = [Mode.FAST]
    follows(lambda x: x if mode[0] is Mode.FAST else -x, lambda: mode.__setitem__(0, Mode.SLOW), X)
    dtype = [np.float32]
    follows(lambda x: (x / 3).astype(dtype[0]), lambda: dtype.__setitem__(0, np.float16), X)


# pytorch/pytorch#111569: state that belongs to a thread, such as NumPy's error settings, was frozen or global
def test_numpys_error_state_is_that_of_the_call():
    def f(x, y):
        return x / y

    decorated = hy.function(f)
    zero = np.zeros(4)
    for _ in range(2):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(decorated(X, zero), f(X, zero))
            calls = decorated.stats()["native_calls"]
            np.testing.assert_array_equal(decorated(X, zero), f(X, zero))
            assert decorated.stats()["native_calls"] == calls + 1
        with np.errstate(all="raise"), pytest.raises(FloatingPointError):
            decorated(X, zero)
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(decorated(X, X + 1), X / (X + 1))
    decorated(X, X + 1)
    calls = decorated.stats()["native_calls"]
    decorated(X, X + 1)
    assert decorated.stats()["native_calls"] == calls + 1 and not decorated.stats()["fallbacks"]


# the first call under np.errstate(all="raise") says nothing about the next ones
def test_a_first_call_that_is_to_raise():
    decorated = hy.function(lambda x, y: x / y)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        decorated(X, X * 0)
    decorated(X, X + 1)
    assert decorated.stats()["traces"] == 1 and not decorated.stats()["fallbacks"]


def test_errstate_inside_the_function():
    def f(x):
        with np.errstate(divide="ignore", invalid="ignore"):
            return 1 / x

    decorated = hy.function(f)
    for _ in range(3):
        np.testing.assert_array_equal(decorated(X), f(X))


def test_objects_with_items_of_their_own():
    class Table:
        def __init__(self):
            self.rows = {"a": 1.0}

        def __getitem__(self, name):
            return self.rows[name]

        def __len__(self):
            return int(self.rows["a"])

    table = Table()
    follows(lambda x: x * table["a"], lambda: table.rows.update(a=5.0), X)
    follows(lambda x: x * len(table), lambda: table.rows.update(a=6.0), X)
    pair = ([1.0, 2.0], 3.0)
    follows(lambda x: x * pair[0][1], lambda: pair[0].append(0) or pair[0].__setitem__(1, 9.0), X)


# pytorch/pytorch#196897: a captured array rebound to one of the same type and shape
def test_a_captured_array_that_is_rebound_or_written():
    w = np.ones(4)

    def rebind():
        nonlocal w
        w = np.full(4, 3.0)

    follows(lambda x: x * w, rebind, X)
    follows(lambda x: x * w, lambda: w.__imul__(2), X)


# numba/numba#3732: a list that is too long to compare at every call
def test_a_long_list():
    table = [float(k) for k in range(900)]
    follows(lambda x: x * sum(table), lambda: table.__setitem__(700, -1e9), X)
    longer = [float(k) for k in range(5000)]
    f = hy.function(lambda x: x * sum(longer))
    for k in range(3):
        longer[4000] = 7e9 * k
        if k:
            np.testing.assert_array_equal(f(X), X * sum(longer))
        else:
            with pytest.warns(hy.FallbackWarning, match="`longer` is too large to be watched"):
                np.testing.assert_array_equal(f(X), X * sum(longer))


# options of the command line, in an object of the standard library's
def test_namespaces_of_the_standard_library():
    options = argparse.Namespace(lr=0.1, mode="sgd")
    follows(lambda x: x * options.lr, lambda: setattr(options, "lr", 0.2), X)
    inner = lambda o, x: x if o.mode == "sgd" else -x
    follows(lambda x: inner(options, x), lambda: setattr(options, "mode", "adam"), X)
    f = hy.function(lambda x, o: x * o.lr, strict=True)
    for options.lr in (1.0, 1.0, 3.0, 1.0):
        np.testing.assert_array_equal(f(X, options), X * options.lr)


# pytorch/pytorch#111569: what one thread set was taken for all
def test_what_is_local_to_a_thread():
    local = threading.local()
    f = hy.function(lambda x: x * local.scale, strict=True)

    def work(scale):
        local.scale = scale
        return [f(X)[1] for _ in range(3)]

    with ThreadPoolExecutor(4) as pool:
        scales = [1.0, 2.0, 3.0, 4.0]
        assert list(pool.map(work, scales)) == [[s] * 3 for s in scales]


# one key's value goes, another's comes, the dict is as large as before
def test_dicts_of_other_classes():
    counts, lists = Counter(a=1, b=2), defaultdict(list, a=[1.0])
    follows(lambda x: x * max(counts.values()), lambda: counts.update(b=7), X)
    follows(lambda x: x * len(lists["a"]) + len(lists), lambda: lists["a"].append(2.0), X)
    samples = array("d", [1.0, 2.0])
    follows(lambda x: x * sum(samples), lambda: samples.__setitem__(0, 9.0), X)


def test_a_builtin_that_is_shadowed():
    space = {"X": X}
    exec("def f(x):\n    return x * abs(-2.0)", space)
    follows(space["f"], lambda: space.update(abs=lambda v: v), X)
