"""Containers among the arguments: machine code looks into them, misses what is not what was traced, and holds what it uses."""

from __future__ import annotations

import gc
import itertools
import sys
import threading
import warnings
import weakref
from collections import OrderedDict, namedtuple
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from hybrid.core import tree
from hybrid.frontend.values import wrap
from hybrid.staging.entry import (
    ArgumentResult,
    ArrayGuard,
    ContainerGuard,
    EntrySpec,
    FloatGuard,
    IntGuard,
    SameGuard,
)
from hybrid.staging.function import function
from tests.staging.test_entry import F8, FAIL, compiled

Pair = namedtuple("Pair", "a b")


@dataclass(slots=True)
class Slots:
    a: np.ndarray
    b: float = 1.0


@dataclass
class Loose:
    a: np.ndarray
    b: float = 1.0


def arrays(count, size=8):
    return [np.random.default_rng(k).standard_normal(size) for k in range(count)]


@contextmanager
def quiet():
    """Where Python makes the call, it says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def hits(f):
    return sum(spec.calls for spec in f.__hybrid__._dispatcher.specs)


def hit(f, *args, **kwargs):
    """Whether machine code took this call, once it was traced; and that it gives what plain Python does."""
    f(*args, **kwargs)
    before = hits(f)
    got, want = f(*args, **kwargs), f.eager(*args, **kwargs)
    np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-12)
    return hits(f) == before + 1


A, B, C, D = arrays(4)


@pytest.mark.parametrize(
    "argument",
    [
        (A, B), [A, B], Pair(A, B), {"a": A, "b": B}, {1: A, -7: B}, {"a": A, 3: B}, ((A,), [B]), {"x": {"y": [A, (B, None)]}},
        [A, A], (A, 2.5), [A, 2, "text", True, None], (A, np.float32(3)), [wrap(A), 2.5], Slots(A), (A, (), [], {}),
        Loose(A), [Loose(A, 2.5), Loose(B)],
    ],
    ids=range(17),
)  # fmt: skip
def test_containers_of_every_kind_go_to_machine_code(argument):
    def total(x):
        leaves = [leaf for leaf in tree.flatten(x)[0] if not isinstance(leaf, (str, bool))]
        return sum(leaves)

    assert hit(function(total, strict=True), argument)
    assert hit(function(lambda *, x: total(x), strict=True), x=argument)


@pytest.mark.parametrize("argument", [{(1, 2): A}, OrderedDict(a=A)], ids=["keys", "class"])
def test_others_stay_with_python(argument):
    f = function(lambda x: next(iter(x.values())) * 2)
    with quiet():
        assert not hit(f, argument)


def test_misses_go_the_slow_way_and_are_right():
    class Dict(dict):
        pass

    f = function(lambda p: p["a"] * 2 - p["b"])
    assert hit(f, {"a": A, "b": B}) and hit(f, {"".join(["", "a"]): B, "b": A})
    traced = f.stats()["traces"]
    before = hits(f)
    for argument in (
        {"b": B, "a": A}, {"a": A, "b": B, "c": C}, {"a": A, "b": B[:1]}, {"a": A.astype("f4"), "b": B}, {"a": A, "b": 2.5},
        {"a": A, "b": B[::-1]}, {"a": wrap(A), "b": B}, {"a": A, "b": 2}, {"a": A, "b": B, 3: None},
    ):  # fmt: skip
        np.testing.assert_allclose(f(argument), f.eager(argument), rtol=1e-12)
    for wrong, error in (({"a": A}, KeyError), ({"a": A, "b": B[:4]}, ValueError), ([A, B], TypeError)):
        with pytest.raises(error):
            f(wrong)
    assert hits(f) == before and f.stats()["traces"] == traced + 9
    with quiet():
        np.testing.assert_allclose(f(Dict(a=A, b=B)), 2 * A - B)


def test_order_counts_where_the_function_can_see_it():
    f = function(lambda p: np.stack([x * k for k, x in enumerate(p.values())]), strict=True)
    for order in itertools.permutations("abc"):
        assert hit(f, {key: x for key, x in zip(order, (A, B, C))})


def test_keys_that_are_equal_strings():
    f = function(lambda p: p["weight"] + 1, strict=True)
    f({"weight": A})
    before = hits(f)
    key = "".join(["wei", "ght"])
    assert key is not sys.intern(key)
    np.testing.assert_array_equal(f({key: A}), A + 1)
    assert hits(f) == before + 1
    for other in ("weighs", b"weight", 7, ("weight",)):
        with pytest.raises(KeyError):
            f({other: A})
    assert hits(f) == before + 1


def test_keys_removed_and_put_back_keep_their_order():
    f = function(lambda p: p["a"] - p["b"], strict=True)
    p = {"a": A, "x": C, "b": B}
    del p["x"]
    assert hit(f, p)
    p["a"] = p.pop("a")
    before = hits(f)
    np.testing.assert_array_equal(f(p), A - B)
    assert hits(f) == before


def test_classes_are_exact():
    class Other(namedtuple("Other", "a b")):
        pass

    class List(list):
        pass

    guards = [(tuple, (A, B)), (list, [A, B]), (Pair, Pair(A, B)), (Other, Other(A, B))]
    for cls, fitting in guards:
        item = ArrayGuard(F8, (8,))
        f = compiled(EntrySpec((ContainerGuard(cls, (item, item)),), ArgumentResult(2), ()))
        for kind in (tuple, list, List, Pair._make, Other._make):
            argument = kind((A, B))
            assert (f(argument) is B) == (type(argument) is type(fitting))
        for argument in ((), [], (A,), [A, B, C], None, A, "ab", {"a": A, "b": B}):
            assert f(argument) == "miss"


def test_slots_that_are_empty_miss():
    f = compiled(EntrySpec((ContainerGuard(Slots, (ArrayGuard(F8, (8,)), FloatGuard()), ("a", "b")),), ArgumentResult(1), ()))
    whole = Slots(A)
    assert f(whole) is A
    del whole.b
    assert f(whole) == "miss"


def test_indices_count_containers_before_their_items():
    inner = ContainerGuard(list, (IntGuard(300), FloatGuard()))
    outer = ContainerGuard(dict, (inner, SameGuard(None), ArrayGuard(F8, (8,))), ("l", 5, "x"))
    results = tuple(ArgumentResult(k) for k in range(7))
    f = compiled(EntrySpec((outer, FloatGuard()), results, ()))
    argument = {"l": [300, 1.5], 5: None, "x": A}
    got = f(argument, 2.5)
    expected = (argument, argument["l"], 300, 1.5, None, A, 2.5)
    assert got[0] is argument and got[1] is argument["l"] and got[5] is A and got[2:5] == expected[2:5] and got[6] == 2.5
    assert f({"l": [301, 1.5], 5: None, "x": A}, 2.5) == f({"l": [300, 1.5], 6: None, "x": A}, 2.5) == "miss"


@pytest.mark.parametrize("kernel", ["hit", "error"])
def test_reference_counts(kernel):
    item = ArrayGuard(F8, (8,))
    spec = EntrySpec((ContainerGuard(dict, (item, item), ("a", "b")),), ArgumentResult(1), ())
    f = compiled(spec, **({"compute": FAIL} if kernel == "error" else {}))
    a, b = arrays(2)
    argument, wrong = {"a": a, "b": b}, {"a": a, "b": b[:4]}
    before = sys.getrefcount(a), sys.getrefcount(b), sys.getrefcount(argument)
    for _ in range(100):
        if kernel == "error":
            assert f(argument) == "miss"
        else:
            assert f(argument) is a
        assert f(wrong) == "miss"
    assert (sys.getrefcount(a), sys.getrefcount(b), sys.getrefcount(argument)) == before


def test_writes_inside_containers_reach_them_and_overlaps_are_python_s():
    @function(strict=False)
    def step(p, g):
        p["w"] -= 0.5 * g[0]
        p["b"] *= 2
        return p["w"].sum()

    p, g = {"w": A.copy(), "b": B.copy()}, [C]
    for _ in range(3):
        step(p, g)
    before = hits(step)
    step(p, g)
    assert hits(step) == before + 1
    np.testing.assert_allclose(p["w"], A - 2 * C)
    np.testing.assert_allclose(p["b"], 16 * B)
    base = np.zeros(12)
    shared, plain = {"w": base[:8], "b": base[4:]}, base.copy()
    base[:] = plain[:] = np.arange(12)
    with quiet():
        step(shared, g)
    step.eager({"w": plain[:8], "b": plain[4:]}, g)
    np.testing.assert_array_equal(base, plain)
    assert hits(step) == before + 1


def test_one_array_twice_is_one_argument():
    @function(strict=True)
    def f(p, x):
        p["a"] += 1
        return x * 2

    a, b = A.copy(), B.copy()
    for _ in range(2):
        np.testing.assert_array_equal(f({"a": a}, b), 2 * b)
        np.testing.assert_array_equal(f({"a": a}, a), 2 * a)
    before = hits(f)
    np.testing.assert_array_equal(f({"a": a}, a), 2 * a)
    assert hits(f) == before + 1


def test_a_container_emptied_by_another_thread_meanwhile():
    size = 1 << 18
    f = function(lambda p: np.tanh(np.sin(p["x"]) * np.exp(p["y"])), strict=True)
    expected = f({"x": np.ones(size), "y": np.zeros(size)})
    stop, p, wrong = threading.Event(), {}, []

    def empty():
        while not stop.is_set():
            p.clear()

    def fill():
        for _ in range(60):
            p["x"], p["y"] = np.ones(size), np.zeros(size)
            try:
                wrong.append(not np.array_equal(f(p), expected))
            except KeyError:
                continue

    worker = threading.Thread(target=empty)
    worker.start()
    fill()
    stop.set()
    worker.join()
    assert not any(wrong)


def test_what_is_held_is_let_go():
    f = function(lambda p: p["x"] + p["t"][0], strict=True)

    p = {"x": np.ones(4), "t": (np.ones(4),)}
    for _ in range(3):
        f(p)
    alive = weakref.ref(p["x"])
    del p
    gc.collect()
    assert alive() is None


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_attributes_that_an_instance_has_not_always():
    def looked(p):
        return p.a * 2 if not hasattr(p, "extra") else p.a + p.extra

    f = function(looked)
    for extra in (None, None, 3.0, 4.0, None):
        p = Loose(A)
        if extra is not None:
            p.extra = extra
        assert np.array_equal(f(p), looked(p))
    del p.b
    assert np.array_equal(f(p), looked(p))
