"""What a function that is traced writes into objects, classes, modules, globals and closures: other threads never see it."""

from __future__ import annotations

import copy
import dataclasses
import functools
import pickle
import sys
import threading
import types
import warnings

import numpy as np
import pytest

from hybrid.core import shadows
from hybrid.staging.function import FallbackWarning, function
from hybrid.staging.reads import Reads

X = np.arange(3.0)
TOTAL, RATE = 0.0, 1.0
SETTINGS = types.ModuleType("settings_of_a_test")
SETTINGS.rate = 1.0


class Plain:
    factor = 0.5

    def __init__(self):
        self.t, self.n = 0.0, 3


class Slots:
    __slots__ = ("t", "u")

    def __init__(self):
        self.t = 0.0


class Both(Slots):
    def __init__(self):
        super().__init__()
        self.z = 1.0


class Property:
    def __init__(self):
        self._t = 0.0

    @property
    def t(self):
        return self._t

    @t.setter
    def t(self, value):
        self._t = value


class Lazy(Plain):
    def __getattr__(self, name):
        if name != "lazy":
            raise AttributeError(name)
        self.lazy = self.t + 1
        return self.lazy


class Adds(Plain):
    def __add__(self, other):
        self.t = self.t + other
        return self.t


class Counted:
    made = 0.0


@dataclasses.dataclass
class Data:
    t: float = 0.0
    m: list = dataclasses.field(default_factory=lambda: [1.0, 2.0])


def count(x):
    global TOTAL
    TOTAL = TOTAL + x.sum()
    return TOTAL


def scaled(v):
    return v * TOTAL


def counted(n):
    for i in range(n):
        yield TOTAL + i


def programs():
    """Functions that write something of what lies around them, and what that is then."""
    a, slots, both, prop, lazy, adds, data, inner = Plain(), Slots(), Both(), Property(), Lazy(), Adds(), Data(), 0.0

    def more(x):
        nonlocal inner
        inner = inner + x.sum()
        return inner

    def of_inner(v):
        return v * inner

    def attribute(x):
        a.t = a.t + x.sum()
        return a.t * x

    def new_attribute(x):
        a.cache = x * 2
        return a.cache + x

    def class_default(x):
        a.factor = a.factor + x.sum()
        return a.factor * x

    def in_slots(x):
        slots.t = slots.t + x.sum()
        slots.u = slots.t * 2
        return slots.u * x

    def in_both(x):
        both.t, both.z = both.t + x.sum(), both.z * 2
        return both.t * x + both.z

    def by_property(x):
        prop.t = prop.t + x.sum()
        return prop.t * x

    def of_a_class(x):
        Counted.made += x.sum()
        return Counted.made * x

    def of_a_module(x):
        SETTINGS.rate = SETTINGS.rate + x.sum()
        return SETTINGS.rate * x

    def of_globals(x):
        return count(x) * x + scaled(1.0)

    def of_a_closure(x):
        return more(x) * x + of_inner(2.0)

    def in_a_loop(x):
        nonlocal inner
        for i in range(x.shape[0]):
            if x[i] > 0:
                inner, a.t = inner + x[i], a.t - x[i]
                a.n += 1
        return inner, a.t

    def copied(x):
        a.t = a.t + x.sum()
        return copy.copy(a).t * x

    def deeply_copied(x):
        both.t = both.t + x.sum()
        both.z = both.z + 1.0
        other = copy.deepcopy(both)
        return other.t * x + other.z

    def by_name(x):
        a.t = a.t + x.sum()
        return a.t * x + vars(a)["t"]

    def as_dict(x):
        data.t = data.t + x.sum()
        return dataclasses.asdict(data)["t"] * x + dataclasses.replace(data, m=[]).t

    def pickled(x):
        a.n = a.n + 1
        return pickle.loads(pickle.dumps(a)).n * x

    def deleted_and_set(x):
        t = a.t
        del a.t
        a.t = t + x.sum()
        return x * 1

    def made_when_asked(x):
        lazy.t = lazy.t + x.sum()
        return lazy.lazy * x

    def by_an_operator(x):
        return (adds + x.sum()) * x

    def mapped(x):
        count(x)
        return list(map(scaled, [1.0, 2.0]))

    def by_a_key(x):
        count(x)
        return max([1.0, -2.0], key=scaled) * x

    def generated(x):
        count(x)
        return sum(counted(3)) * x

    def reduced(x):
        more(x)
        return functools.reduce(lambda p, q: p + of_inner(q), [1.0, 2.0, 3.0])

    def partial(x):
        more(x)
        return functools.partial(of_inner, 3.0)() * x

    def nested(x):
        def step(y):
            nonlocal inner
            a.t, inner = a.t + 1, inner + 1
            return y * inner

        return step(x) + step(x)

    def raising(x):
        a.t = a.t + 1
        count(x)
        if x.sum() > 2:
            raise ValueError("too much")
        return x * a.t

    found = {name: f for name, f in locals().items() if isinstance(f, types.FunctionType) and f not in (more, of_inner)}

    def state():
        objects = [list(vars(one).items()) for one in (a, both, prop, lazy, adds, data)]
        held = [getattr(one, name, None) for one in (slots, both) for name in ("t", "u")]
        return [*objects, *held, inner, TOTAL, Counted.made, SETTINGS.rate]

    return found, state


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setitem(globals(), "TOTAL", 0.0)
    monkeypatch.setattr(SETTINGS, "rate", 1.0)
    monkeypatch.setattr(Counted, "made", 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        yield


NAMES = sorted(programs()[0])


def bodies():
    """What stands in the classes, but for what Python keeps there and what the programs change."""
    kinds = (Plain, Slots, Both, Property, Lazy, Adds, Counted, Data)
    return [
        [(name, id(member)) for name, member in vars(kind).items() if name not in ("__slotnames__", "made")] for kind in kinds
    ]


@pytest.mark.parametrize("name", NAMES)
def test_written_as_undecorated(name, monkeypatch):
    before, results = bodies(), []
    for decorate in (lambda f: f, function):
        monkeypatch.setitem(globals(), "TOTAL", 0.0)
        SETTINGS.rate, Counted.made = 1.0, 0.0
        found, state = programs()
        f, seen = decorate(found[name]), []
        for k in range(4):
            try:
                result = f(X * (k - 1))
            except ValueError as error:
                result = repr(error)
            seen.append((result, copy.deepcopy(state())))
        results.append(seen)
    for one, other in zip(*results):
        np.testing.assert_equal(one, other)
    assert bodies() == before and type(SETTINGS) is types.ModuleType
    assert not shadows._standing and not shadows._active and not shadows._modules


SEEN = ["attribute", "new_attribute", "class_default", "in_slots", "in_both", "by_property", "of_a_class", "of_a_module",
        "of_globals", "of_a_closure", "in_a_loop", "nested", "raising"]  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_other_threads_see_what_python_would_show(name):
    """Threads that change places every 10 us look at everything all the time that first calls take."""
    strange: list = []

    def values(state):
        for one in state:
            yield from (value for _, value in one) if isinstance(one, list) else (one,)

    def look(state, ends):
        while not ends:
            found = state()
            strange.extend(v for v in values(found) if type(v).__module__.startswith("hybrid"))

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for _ in range(4):
            found, state = programs()
            f, ends = function(found[name]), []
            threads = [threading.Thread(target=look, args=(state, ends)) for _ in range(2)]
            for thread in threads:
                thread.start()
            try:
                f(X)
            except ValueError:
                pass
            finally:
                ends.append(True)
                for thread in threads:
                    thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not strange


def test_an_interrupt_while_tracing_leaves_everything_as_it_was(monkeypatch):
    a, inner = Plain(), 0.0

    def f(x):
        nonlocal inner
        a.t, inner = a.t + x.sum(), inner + 1
        a.extra = x
        Counted.made += 1
        return count(x) * a.t

    def interrupted(self):
        assert type(a.t) is not float and Counted.made == 1.0
        raise KeyboardInterrupt

    before = dict(vars(a))
    monkeypatch.setattr(Reads, "made", interrupted)
    with pytest.raises(KeyboardInterrupt):
        function(f)(X)
    assert vars(a) == before and inner == TOTAL == Counted.made == 0.0
    assert not shadows._standing and not shadows._active


def test_two_threads_trace_methods_of_one_class():
    class Model:
        def __init__(self):
            self.t, self.m = 0.0, np.zeros(3)

        def step(self, x):
            self.t += x.sum()
            self.m = 0.5 * self.m + x
            return self.m * self.t

    models, results = [Model() for _ in range(8)], [None] * 8
    barrier = threading.Barrier(8)

    def run(k):
        step = function(models[k].step)
        barrier.wait()
        results[k] = [step(X + k) for _ in range(3)]

    threads = [threading.Thread(target=run, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(8):
        plain = Model()
        np.testing.assert_allclose(results[k], [plain.step(X + k) for _ in range(3)])
        np.testing.assert_allclose(models[k].m, plain.m)
        assert models[k].t == plain.t
    assert not shadows._standing


def test_what_others_find_while_something_stands_in():
    """Reading, writing, deleting, copying and asking the class, on a thread that does not trace."""
    kinds = (Plain, Slots, Both, Lazy)
    mine = [kind() for kind in kinds]
    traced = shadows.Shadows()
    for one in mine:
        traced.add(one, "t")
    traced.add_class(Plain, "factor")
    out: list = []

    def other():
        for one, kind in zip(mine, kinds):
            fresh = kind()
            fresh.t = 5.0
            out.append((one.t, fresh.t, copy.copy(fresh).t, copy.deepcopy(one).t))
            del fresh.t
            out.append((hasattr(fresh, "t"), vars(fresh) if hasattr(fresh, "__dict__") else None))
            with pytest.raises(AttributeError, match=r"t"):
                fresh.t
        out.append((Plain.factor, Plain().factor, shadows.body(Plain)["factor"]))

    with traced.cast():
        for one in mine:
            one.t = 7.0
        shadows.put_into(Plain).factor = 9.0
        assert [one.t for one in mine] == [7.0] * 4 and Plain.factor == 9.0 == Plain().factor
        assert [copy.copy(one).t for one in mine] == [7.0] * 4
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert traced.changed(()) is not None
    assert out[0::2] == [(0.0, 5.0, 5.0, 0.0)] * 4 + [(0.5, 0.5, 0.5)]
    assert out[1::2] == [(False, {"n": 3}), (False, None), (False, {"z": 1.0}), (False, {"n": 3})]
    assert [one.t for one in mine] == [0.0] * 4 and Plain.factor == 0.5
