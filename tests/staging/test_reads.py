"""Nothing is silently frozen: what a function reads besides its arguments is seen when it changes."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import random
import time
import types
import uuid
import warnings

import numpy as np
import pytest

import hybrid as hy
from hybrid.staging.function import FallbackWarning, RetraceWarning, function

V = np.arange(4.0)
LR = 0.5
TABLE = np.zeros(4)
SETTINGS = {"scale": 2.0, "layers": [1, 2]}
MODULE = types.ModuleType("users_module")
MODULE.flag = True
pair = (1, "a")


def helper(x):
    return x * LR


def ways(f, *args):
    """The value of three calls: the second and third by machine code where there is an entry."""
    first, second, third = f(*args), f(*args), f(*args)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, third)
    return first[1]


def test_globals(monkeypatch):
    f = function(lambda x: x * LR)
    assert ways(f, V) == 0.5
    monkeypatch.setitem(globals(), "LR", 0.25)
    assert ways(f, V) == 0.25
    assert "global `LR` changed 0.5 -> 0.25" in f.explain()
    monkeypatch.setitem(globals(), "LR", 0.5)
    assert ways(f, V) == 0.5 and f.stats()["native_calls"] >= 6
    assert len(f.__hybrid__._log) == 2  # the first trace was kept


def test_globals_of_helpers_and_rebound_helpers(monkeypatch):
    f = function(lambda x: helper(x) + 1)
    assert ways(f, V) == 1.5
    monkeypatch.setitem(globals(), "LR", 2.0)
    assert ways(f, V) == 3
    monkeypatch.setitem(globals(), "helper", lambda x: x * 10)
    assert ways(f, V) == 11


def test_a_shadowed_builtin(monkeypatch):
    f = function(lambda x: x * len("abc"))
    assert ways(f, V) == 3
    monkeypatch.setitem(globals(), "len", lambda s: 7)
    assert ways(f, V) == 7


def test_an_equal_value_is_no_change(monkeypatch):
    f = function(lambda x: x * LR)
    ways(f, V)
    for _ in range(20):
        monkeypatch.setitem(globals(), "LR", float("0.5"))  # another object each time
        ways(f, V)
    assert f.stats()["traces"] == 1 and f.stats()["native_calls"] > 40


def test_closures():
    scale, shift = 2.0, None

    @function
    def f(x):
        return x * scale if shift is None else x * scale + shift

    assert ways(f, V) == 2
    scale = 3.0
    assert ways(f, V) == 3
    shift = 1
    assert ways(f, V) == 4
    shift = None
    assert ways(f, V) == 3 and f.stats()["native_calls"] >= 8


def test_defaults_and_code():
    def f(x, scale=2.0, *, shift=1.0):
        return x * scale + shift

    decorated = function(f)
    assert ways(decorated, V) == 3
    f.__defaults__ = (5.0,)
    assert ways(decorated, V) == 6
    f.__kwdefaults__ = {"shift": 0.0}
    assert ways(decorated, V) == 5
    f.__code__ = (lambda x, scale=2.0, *, shift=1.0: x - scale).__code__
    assert ways(decorated, V) == -4


class Layer:
    kind = "linear"

    def __init__(self, w, b=0.0):
        self.w, self.b = w, b
        self.training = True

    @property
    def gain(self):
        return self.b + 1

    def __call__(self, x):
        return x * self.w + self.b if self.training else x * 0

    def scaled(self, x):
        return self(x) * self.gain if self.kind == "linear" else x


class Net:
    def __init__(self):
        self.first, self.second = Layer(2.0), Layer(np.ones(4))
        self.options = {"depth": 1}

    @function
    def forward(self, x):
        return self.second.scaled(self.first(x)) * self.options["depth"]


def test_attribute_chains_of_objects():
    net = Net()
    assert ways(net.forward, V) == 2
    net.first.w = 3.0
    assert ways(net.forward, V) == 3
    net.second.w[:] = 2  # an array is read at every call
    assert ways(net.forward, V) == 6
    net.second.w = np.ones(4)
    assert ways(net.forward, V) == 3
    net.second.b = 1.0
    assert ways(net.forward, V) == 8
    net.second.training = False
    assert ways(net.forward, V) == 0
    net.second.training = True
    net.second.kind = "other"
    assert ways(net.forward, V) == 3
    net.options["depth"] = 2
    assert ways(net.forward, V) == 6
    net.first = Layer(5.0)
    assert ways(net.forward, V) == 10
    other = Net()
    assert ways(other.forward, V) == 2 and ways(net.forward, V) == 10


def test_objects_as_arguments_in_closures_and_globals():
    @dataclasses.dataclass
    class Config:
        lr: float = 0.5
        nesterov: bool = False

    config = Config()

    class Plain:
        rate = 2.0

    plain = Plain()
    f = function(lambda x, p: x * p.rate * config.lr * (2 if config.nesterov else 1))
    assert ways(f, V, plain) == 1
    config.lr = 1.0
    assert ways(f, V, plain) == 2
    config.nesterov = True
    assert ways(f, V, plain) == 4
    Plain.rate = 1.0
    assert ways(f, V, plain) == 2
    plain.rate = 3.0
    assert ways(f, V, plain) == 6


def test_slots():
    class Slotted:
        __slots__ = ("w",)

    held = Slotted()
    held.w = 2.0
    f = function(lambda x: x * held.w)
    assert ways(f, V) == 2
    held.w = 3.0
    assert ways(f, V) == 3


def test_modules_and_containers(monkeypatch):
    f = function(lambda x: x * SETTINGS["scale"] if MODULE.flag else x)
    assert ways(f, V) == 2
    monkeypatch.setitem(SETTINGS, "scale", 4.0)
    assert ways(f, V) == 4
    monkeypatch.setattr(MODULE, "flag", False)
    assert ways(f, V) == 1
    g = function(lambda x: [x := x * k for k in SETTINGS["layers"]][-1] * pair[0])
    assert ways(g, V) == 2
    SETTINGS["layers"].append(5)
    try:
        assert ways(g, V) == 10
    finally:
        SETTINGS["layers"].pop()


def test_what_inner_functions_and_comprehensions_read():
    scale = 2.0
    model = Layer(3.0)

    @function
    def f(x, m):
        def inner(y):
            return y * scale

        return sum([inner(x) * m.w for _ in range(2)])

    assert ways(f, V, model) == 12
    scale = 1.0
    assert ways(f, V, model) == 6
    model.w = 1.0
    assert ways(f, V, model) == 2


def test_captured_arrays(monkeypatch):
    f = function(lambda x: x + TABLE)
    assert ways(f, V) == 1
    TABLE[:] = 1
    assert ways(f, V) == 2
    monkeypatch.setitem(globals(), "TABLE", np.full(4, 5.0))
    assert ways(f, V) == 6
    weights = hy.tensor(np.ones(4))
    g = function(lambda x: (x * weights).numpy() if x is None else x * weights)
    assert ways(g, V) == 1
    weights += 1
    assert ways(g, V) == 2
    weights = hy.tensor(np.full(4, 7.0))
    assert ways(g, V) == 7


def test_arrays_that_numpy_itself_read():
    table = np.ones(4)
    f = function(lambda x: x * np.sin(table))
    assert ways(f, V) == math.sin(1)
    table[1] = 2
    assert ways(f, V) == math.sin(2)


def test_objects_that_go_into_variables_loops_and_calls():
    model, layers = Layer(2.0), [Layer(2.0), Layer(3.0)]

    def total(x, parts):
        for part in parts:
            x = x * part.w
        return x

    @function
    def f(x):
        alias = model
        return total(x, layers) + alias.w + model.b

    assert ways(f, V) == 8
    model.w = 3.0
    assert ways(f, V) == 9
    layers[1].w = 4.0
    assert ways(f, V) == 11
    model.b = 1.0
    assert ways(f, V) == 12
    layers.append(Layer(10.0))
    assert ways(f, V) == 84
    layers[0] = Layer(1.0)
    assert ways(f, V) == 44 and f.stats()["native_calls"] == 2 * f.stats()["traces"]


def test_lists_and_dicts_of_parameters():
    class Net:
        def __init__(self):
            self.layers = [(np.full((4, 4), 0.5), np.zeros(4)) for _ in range(2)]
            self.named = {"scale": 2.0, 3: {"deep": [1.0]}}

        @function
        def forward(self, x):
            for w, b in self.layers:
                x = x @ w + b
            return x * self.named["scale"] + self.named[3]["deep"][-1]

    net = Net()
    f = Net.__dict__["forward"]
    assert ways(net.forward, V) == 13
    net.layers[0][1][:] = 1
    assert ways(net.forward, V) == 17
    net.named["scale"] = float("2.0")  # the same value
    assert ways(net.forward, V) == 17 and f.stats()["traces"] == 1
    net.named[3]["deep"][-1] = 2.0
    assert ways(net.forward, V) == 18
    net.layers.pop()
    assert ways(net.forward, V) == 10
    net.layers[0] = (np.eye(4), np.zeros(4))
    assert ways(net.forward, V) == 4
    net.named["scale"] = 3.0
    assert ways(net.forward, V) == 5


def draw_legacy(x):
    return x + np.random.rand(4)


def draw_python(x):
    return x + random.gauss(0, 1)


def draw_generator(x):
    return x + GENERATOR.normal(size=4)


def tell_time(x):
    return x + time.perf_counter()


def say(x):
    print("said", end="")
    return x


def look_around(x):
    return x * globals()["LR"]


def make_name(x):
    return x + float(uuid.uuid4().int)


GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("f, warns", [(draw_legacy, False), (draw_python, True), (draw_generator, False)])
def test_random_numbers_are_those_of_the_undecorated_function(f, warns):
    def seed():
        np.random.seed(0)
        random.seed(0)
        globals()["GENERATOR"] = np.random.default_rng(0)

    seed()
    want = [f(V) for _ in range(3)]
    seed()
    decorated = function(f)
    with pytest.warns(FallbackWarning, match="random") if warns else contextlib.nullcontext():
        got = [decorated(V) for _ in range(3)]
    np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("f", [tell_time, look_around, make_name])
def test_effects_and_what_is_new_at_every_call(f, capsys):
    decorated = function(f)
    with pytest.warns(FallbackWarning, match=r"it calls [\w.]+\(\).*test_reads\.py:\d+"):
        for _ in range(3):
            decorated(V)
    assert capsys.readouterr().out == ""


def test_what_is_printed_is_printed_at_every_call(capsys):
    decorated = function(say)
    for _ in range(3):
        decorated(V)
    assert capsys.readouterr().out == "said" * 3


def test_a_function_that_changes_what_it_reads_runs_as_plain_python():
    queue, seen = bytearray(), set()

    def append(x):
        queue.append(len(x))
        return x

    def add(x):
        seen.add(len(x) + len(seen))
        return x

    for f in (append, add):
        decorated = function(f)
        with pytest.warns(FallbackWarning, match="it changes"):
            for _ in range(3):
                decorated(V)
    assert list(queue) == 3 * [len(V)] and seen == {len(V), len(V) + 1, len(V) + 2}


def test_a_value_that_always_changes_is_left_to_python():
    name = ""
    f = function(lambda x: x + int(name))
    with pytest.warns((RetraceWarning, FallbackWarning)) as record:
        for count in range(20):
            name = str(count)
            assert f(V)[1] == 1 + count
    assert [w.category for w in record] == [RetraceWarning, FallbackWarning]
    assert f.stats()["traces"] == 4


def test_arrays_that_the_graph_and_numpy_both_read():
    weights = np.ones(3)
    f = function(lambda x: x + weights + weights * 2)
    np.testing.assert_array_equal(f(np.zeros(3)), [3.0] * 3)
    weights += 1
    np.testing.assert_array_equal(f(np.zeros(3)), [6.0] * 3)
    g = function(lambda x: x * weights + weights.sum())
    np.testing.assert_array_equal(g(np.zeros(3)), [6.0] * 3)
    weights += 1
    np.testing.assert_array_equal(g(np.zeros(3)), [9.0] * 3)


def test_large_arrays_that_only_numpy_reads_are_refused():
    table = np.ones(1 << 18)
    f = function(lambda x: x + (table * 2)[:3])
    with pytest.warns(FallbackWarning, match="too large to be watched"):
        np.testing.assert_array_equal(f(np.zeros(3)), [2.0] * 3)
    table += 1
    np.testing.assert_array_equal(f(np.zeros(3)), [4.0] * 3)
    g = function(lambda x: x + table[:3], strict=True)  # read by the graph alone
    np.testing.assert_array_equal(g(np.zeros(3)), [2.0] * 3)


def test_names_of_libraries_that_somebody_replaces(monkeypatch):
    def wave(x):
        return np.sin(x) * math.pi + np.linalg.norm(x)

    compiled = hy.function(wave)
    for name, holder, new in (
        ("pi", math, 3.0),
        ("sin", np, np.cos),
        ("sin", np, lambda x: x * 2),
        ("norm", np.linalg, lambda x: LR),
    ):
        for _ in range(3):
            assert np.allclose(compiled(V), wave(V))
        with monkeypatch.context() as patch:
            patch.setattr(holder, name, new)
            for _ in range(3):
                assert np.allclose(compiled(V), wave(V))
    assert np.allclose(compiled(V), wave(V))


def test_a_function_that_replaces_a_constant_of_a_library(monkeypatch):
    monkeypatch.setattr(math, "tau", 6.0)

    def program(x):
        math.tau = 1.0
        return x * math.tau

    with pytest.warns(match=r"math\.tau"):
        assert np.array_equal(hy.function(program)(V), V) and math.tau == 1.0


def test_bound_methods_of_classes_are_left_as_they_are():
    """They are other objects at each access; once the class was left with one of its own, which its subclasses inherited."""

    class Parent: ...

    class Child(Parent): ...

    class Grandchild(Child): ...

    def f(x):
        count, rest = 0, Parent.__subclasses__()
        while rest:
            rest += rest.pop().__subclasses__()
            count += 1
            if count > 9:
                raise RuntimeError("endless")
        return x * count

    before = dict(vars(Parent))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hy.FallbackWarning)
        assert hy.function(f)(np.ones(2)).tolist() == [2, 2]
    assert dict(vars(Parent)) == before
    assert Child.__subclasses__() == [Grandchild]


class Popping:
    def __init__(self):
        self.items = [3.0, 2.0, 1.0]
        self.pop = self.items.pop


def test_methods_of_containers_under_names_of_their_own():
    """Nothing leads from `pop = items.pop` to the items: such a call was made once, and its result kept."""
    entries = {"a": 1.0}
    get, pop, following = entries.get, [5.0, 4.0, 3.0].pop, iter((1.0, 2.0, 3.0)).__next__
    thing, table = Popping(), [1.0, 2.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for f, want in ((lambda x: x * pop(), [3, 4, 5]), (lambda x: x * following(), [1, 2, 3]),
                        (lambda x: x * thing.pop(), [1, 2, 3])):  # fmt: skip
            decorated = function(f)
            assert [float(decorated(np.ones(1))[0]) for _ in want] == want
        decorated = function(lambda x: x * get("a"))
        assert decorated(V)[1] == 1
        entries["a"] = 7.0
        assert decorated(V)[1] == 7
        seen: list = []

        @function
        def noting(x, note):
            note(len(seen))
            return x + 1

        for _ in range(3):
            noting(V, seen.append)
        assert seen == [0, 1, 2]
    # Called by their own name, they are followed as ever.
    assert function(lambda x: x * entries.get("a") + table.index(2.0), strict=True)(V)[1] == 8
