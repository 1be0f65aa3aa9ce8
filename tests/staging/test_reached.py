"""Objects that a function reaches in ways of their own: among any number of arguments, in sets and keys, in two lists."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hybrid as hy


class P:
    def __init__(self, a: float):
        self.a = a


class Base:
    k = 2.0

    def __init__(self, a: float):
        self.a = a


class Derived(Base):
    pass


SHARED = [P(float(i)) for i in range(4)]


def both_lists(ps):
    for p in ps:
        p.a += 1
    for p in SHARED:
        p.a *= 2
    return SHARED[0].a


def any_number(*ps, **named):
    for p in ps:
        p.a += 1
    for p in named.values():
        p.a *= 2
    return sum(p.a for p in ps)


def each_of(ps):
    for p in ps:
        p.a += 1
    return sum(p.a for p in ps)


def values_of(ps: Any) -> list[float]:
    return [p.a for p in ps]


def compare(function: Any, given: Any, calls: int = 4) -> None:
    """Compiled and plain, on the same objects put back, in several calls; `given`: the arguments of a call."""
    compiled, (args, kwargs) = hy.function(function), given
    for _ in range(calls):
        twins, others = copy.deepcopy((args, kwargs))
        expected = function(*twins, **others)
        assert compiled(*args, **kwargs) == expected
        for mine, other in zip((*args, *kwargs.values()), (*twins, *others.values())):
            if isinstance(mine, P):
                assert mine.a == other.a
            else:
                assert sorted(values_of(mine)) == sorted(values_of(other))


def test_objects_among_any_number_of_arguments():
    compare(any_number, ((P(1.0), P(2.0)), {}))
    compare(any_number, ((P(1.0), P(2.0)), {"q": P(3.0)}))
    compare(any_number, ((), {"q": P(3.0), "r": P(4.0)}))


def test_what_is_read_of_any_number_of_arguments_may_change():
    compiled = hy.function(lambda *ps: ps[0].a + ps[1].a)
    p, q = P(1.0), P(2.0)
    for value in (1.0, 5.0, 7.0):
        p.a = value
        assert compiled(p, q) == value + 2


@pytest.mark.parametrize("make", [set, frozenset, dict.fromkeys, lambda ps: dict(enumerate(ps)).values()])
def test_objects_in_sets_keys_and_views(make):
    ps = [P(float(i)) for i in range(4)]
    compiled, given = hy.function(each_of), make(ps)
    for call in range(4):
        assert compiled(given) == 6 + 4 * (call + 1)
        assert values_of(ps) == [i + call + 1.0 for i in range(4)]


@pytest.mark.parametrize("make", [set, frozenset, dict.fromkeys])
def test_objects_in_a_set_of_a_closure(make):
    ps = [P(float(i)) for i in range(4)]
    held = make(ps)
    compiled = hy.function(lambda x: each_of(held) * x)
    for call in range(4):
        assert compiled(2.0) == 2 * (6 + 4 * (call + 1))


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_the_same_list_as_an_argument_and_as_a_global():
    for p, value in zip(SHARED, range(4)):
        p.a = float(value)
    compiled, expected = hy.function(both_lists), [0.0, 1.0, 2.0, 3.0]
    for _ in range(3):
        expected = [(value + 1) * 2 for value in expected]
        assert compiled(SHARED) == expected[0]
        assert values_of(SHARED) == expected


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_what_a_failed_trace_wrote_into_objects_of_a_view_is_undone():
    ps = [P(float(i)) for i in range(3)]

    def f(view):
        for p in view:
            p.a += 1
        return view[0]

    for call in range(2):
        with pytest.raises(TypeError, match="not subscriptable"):
            hy.function(f)(dict(enumerate(ps)).values())
        assert values_of(ps) == [i + call + 1.0 for i in range(3)]


class Checked:
    """A descriptor that keeps values in `__dict__`, under its own name."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        return instance.__dict__[self.name]

    def __set__(self, instance, value):
        instance.__dict__[self.name] = abs(value)


class WithChecked:
    b = Checked()

    def __init__(self, a):
        self.a, self.b = a, a


def test_descriptors_that_keep_values_in_the_dict():
    ps = [WithChecked(float(i)) for i in range(4)]

    @hy.function
    def f(ps):
        for p in ps:
            p.b = p.b + p.a
        return sum(p.b for p in ps)

    for call in range(4):
        assert f(ps) == 6.0 * (call + 2)
        assert [p.b for p in ps] == [i * (call + 2.0) for i in range(4)]


@pytest.mark.parametrize("count", [1, 4])
def test_class_variables_that_come_to_stand_before_inherited_ones(count):
    class Inner(Derived):
        pass

    ps = [Inner(float(i + 1)) for i in range(count)]
    total = count * (count + 1) / 2
    scaled = hy.function(lambda ps: sum(p.a * p.k for p in ps))
    assert scaled(ps) == 2 * total
    Inner.k = 3.0
    assert scaled(ps) == 3 * total
    del Inner.k
    assert scaled(ps) == 2 * total


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("name, method", [
    ("__eq__", lambda self, other: self.a == other.a),
    ("__bool__", lambda self: self.a > 0),
    ("__len__", lambda self: 0),
    ("__setattr__", lambda self, name, value: object.__setattr__(self, name, -value)),
    ("__getattribute__", lambda self, name: 7.0 if name == "a" else object.__getattribute__(self, name)),
    ("a", property(lambda self: 3.0, lambda self, value: None)),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_special_methods_that_a_class_is_given_later(count, name, method):
    class Own(P):
        pass

    ps, twins = ([Own(0.0) for _ in range(count)] for _ in range(2))

    def f(ps):
        for p in ps:
            p.a = p.a + 1
        return [bool(p) for p in ps], ps[0] == ps[-1], ps.index(ps[-1])

    compiled = hy.function(f)
    for now in (False, True, False):
        if now:
            setattr(Own, name, method)
        elif name in vars(Own):
            delattr(Own, name)
        for _ in range(2):
            assert compiled(ps) == f(twins)
            assert [vars(p) for p in ps] == [vars(p) for p in twins]


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_objects_that_share_their_attributes():
    class Shared:
        common: dict = {}

        def __init__(self):
            self.__dict__ = self.common
            self.a = 1.0

    ps = [Shared() for _ in range(4)]
    compiled = hy.function(each_of)
    for call in range(3):
        assert compiled(ps) == 4 * (1 + 4.0 * (call + 1))


def test_objects_in_arrays():
    ps = np.array([P(float(i)) for i in range(3)], object)
    with pytest.warns(hy.FallbackWarning):
        compiled = hy.function(each_of)
        for call in range(3):
            assert compiled(ps) == 3 + 3 * (call + 1)


SCALE = 2.0
TABLE = {"k": 2.0}
HELD = P(2.0)


class Calls:
    @hy.function
    def __call__(self, x):
        return x * SCALE * HELD.a * TABLE["k"]

    @hy.function
    def method(self, x):
        return self(x)


def reads(x):
    return x * SCALE * HELD.a * TABLE["k"]


def weighed(table, held, x):
    return x * SCALE * held.a * table["k"]


CALLABLES: dict[str, Callable] = {
    "function": reads,
    "decorated": hy.function(reads),
    "decorated twice": hy.function(hy.function(reads)),
    "decorated object": hy.function(Calls()),
    "decorated method": hy.function(Calls().method),
    "object": Calls(),
    "method": Calls().method,
    "partial": functools.partial(weighed, TABLE, HELD),
    "partial of decorated": functools.partial(hy.function(weighed), TABLE, HELD),
    "decorated partial": hy.function(functools.partial(weighed, TABLE, HELD)),
    "partial of a partial": functools.partial(functools.partial(hy.function(weighed), TABLE), HELD),
    "keywords": functools.partial(lambda x, table, held: weighed(table, held, x), table=TABLE, held=HELD),
    "vectorized": np.vectorize(reads),
    "vectorized decorated": np.vectorize(hy.function(reads)),
    "decorated vectorized": hy.function(np.vectorize(reads)),
    "proxy": lambda x, table=types.MappingProxyType(TABLE): weighed(table, HELD, x),
    "proxy asked": lambda x, table=types.MappingProxyType(TABLE): x * SCALE * HELD.a * table.get("k"),
}


def first(held, x):
    return held[0](x)


def by_name(held, x):
    return held["f"](x)


def of_a_closure(f):
    return hy.function(lambda x: f(x))


def of_a_default(f):
    return hy.function(lambda x, f=f: f(x))


def of_a_default_in_a_dict(f):
    return hy.function(lambda x, fs={"f": (f,)}: fs["f"][0](x))


def of_an_object_in_a_closure(f):
    held = types.SimpleNamespace(fs=[functools.partial(f)])
    return hy.function(lambda x: held.fs[0](x))


WAYS: dict[str, Callable] = {
    "argument": lambda f: functools.partial(hy.function(lambda f, x: f(x)), f),
    "list": lambda f: functools.partial(hy.function(first), [f]),
    "dict": lambda f: functools.partial(hy.function(by_name), {"f": f}),
    "proxy": lambda f: functools.partial(hy.function(by_name), types.MappingProxyType({"f": f})),
    "partial in a dict": lambda f: functools.partial(hy.function(by_name), {"f": functools.partial(f)}),
    "object": lambda f: functools.partial(hy.function(lambda held, x: held.a(x)), P(f)),
    "any number": lambda f: functools.partial(hy.function(lambda x, *fs: fs[1](x)), np.arange(3.0), f, f),
    "closure": of_a_closure,
    "default": of_a_default,
    "default in a dict": of_a_default_in_a_dict,
    "object in a closure": of_an_object_in_a_closure,
}


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CALLABLES)
def test_what_functions_among_arguments_read(name, way, monkeypatch):
    compiled, x = WAYS[way](CALLABLES[name]), np.arange(3.0)
    given = () if way == "any number" else (x,)
    space, product = globals(), 8.0
    for change in (None, lambda: monkeypatch.setitem(space, "SCALE", 3.0), lambda: monkeypatch.setattr(HELD, "a", 5.0),
                   lambda: monkeypatch.setitem(TABLE, "k", 7.0)):  # fmt: skip
        if change is not None:
            change()
            product = SCALE * HELD.a * TABLE["k"]
        for _ in range(2):
            np.testing.assert_array_equal(compiled(*given), x * product)
    assert product == 105.0


@pytest.mark.parametrize("bound", [False, True])
@pytest.mark.parametrize("key", ["a", "b"])
@pytest.mark.parametrize("show", [types.MappingProxyType, dict.values, dict.items, dict.keys])
def test_what_is_only_shown_of_a_dict_may_change(show, key, bound):
    def f(shown, x):
        return x * len(list(shown)), [item for item in shown]

    held = {"a": 2.0}
    shown = show(held)
    compiled = hy.function(lambda x: f(shown, x)) if bound else functools.partial(hy.function(f), shown)
    for value in (held.get(key), 5.0, 7.0):
        held |= {} if value is None else {key: value}
        for _ in range(2):
            assert compiled(3.0) == f(shown, 3.0)


def test_items_of_a_proxy_may_change():
    nested, x = {"in": {"k": 2.0}, "array": np.ones(3)}, np.arange(3.0)
    proxy = types.MappingProxyType(nested)

    def f(p, x):
        return p["in"]["k"] * x + p["array"] * len(p)

    for compiled in (functools.partial(hy.function(f), proxy), hy.function(lambda x: f(proxy, x))):
        for change in (lambda: None, lambda: nested["in"].update(k=5.0), lambda: nested["array"].fill(4.0),
                       lambda: nested.update(array=np.arange(3.0)), lambda: nested.setdefault("more", 1.0)):  # fmt: skip
            change()
            for _ in range(2):
                np.testing.assert_array_equal(compiled(x), f(proxy, x))


def test_what_a_partial_holds_may_change():
    array, x = np.ones(3), np.arange(3.0)
    held = functools.partial(lambda a, x, k=1.0, j=1.0: a.tolist()[0] * x * k * j, array, k=2.0)
    held.scale = 1.0
    compiled = hy.function(lambda f, x: f(x) * f.scale)
    for change in (lambda: None, lambda: array.fill(3.0), lambda: held.keywords.update(k=5.0),
                   lambda: held.keywords.update(j=7.0), lambda: setattr(held, "scale", 11.0)):  # fmt: skip
        change()
        for _ in range(2):
            np.testing.assert_array_equal(compiled(held, x), held(x) * held.scale)
    assert compiled(held, x)[1] == 3 * 5 * 7 * 11


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_what_a_partial_holds_is_changed_in_the_call():
    items, array = [1.0], np.ones(3)

    def grow(items, array, x):
        items.append(x)
        array += x
        return sum(items) * array

    held, calls = functools.partial(grow, items, array), ([1.0], np.ones(3))
    compiled = hy.function(lambda f, x: f(x))
    for k in range(4):
        np.testing.assert_array_equal(compiled(held, float(k)), grow(*calls, float(k)))
        assert items == calls[0] and list(array) == list(calls[1])


def test_attributes_of_functions_in_containers_may_change():
    def f(x):
        return x

    f.scale = 2.0
    compiled = hy.function(lambda fs, x: sum(g(x) * g.scale for g in fs))
    for scale in (2.0, 3.0, 5.0):
        f.scale = scale
        assert compiled([f, f], 1.5) == 3.0 * scale


def test_gradients_of_a_decorated_function_whose_global_changes(monkeypatch):
    inner = hy.function(lambda x: (x * SCALE).sum())
    gradient, x = hy.grad(inner), np.arange(3.0)
    for scale in (2.0, 2.0, 3.0, 5.0):
        monkeypatch.setitem(globals(), "SCALE", scale)
        np.testing.assert_array_equal(gradient(x), np.full(3, scale))
