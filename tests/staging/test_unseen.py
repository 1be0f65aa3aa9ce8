"""What no chain of names leads to: it is found another way, or the function runs as plain Python and says why."""

from __future__ import annotations

import collections
import decimal
import functools
import hashlib
import importlib
import inspect
import operator
import sys
import threading
import types
import uuid
import weakref

import numpy as np
import pytest

from hybrid.core.errors import TraceError
from hybrid.staging.function import function

quiet = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning", "ignore::hybrid.RetraceWarning")
RATE = 1.0


class Holder:
    rate = 7.0

    def __init__(self):
        self.rate = 1.0


class One:
    def value(self):
        return 1.0


class Two:
    def value(self):
        return 2.0


held = Holder()
by_name = weakref.WeakValueDictionary(held=held)
by_object = weakref.WeakKeyDictionary({held: 1.0})
reference = weakref.ref(held)
get_rate = operator.attrgetter("rate")
chained = collections.ChainMap({"a": 1.0}, {"rate": 1.0})
user_dict = collections.UserDict(rate=1.0)
user_list = collections.UserList([1.0])


@functools.cache
def remembered(n):
    return n * RATE


@functools.singledispatch
def dispatched(n):
    return RATE


@dispatched.register
def _(n: int):
    return RATE * 10


def change(rate):
    global RATE
    RATE = rate
    held.rate = by_object[held] = chained.maps[1]["rate"] = user_dict["rate"] = user_list[0] = rate
    sys.modules["module_by_name"].rate = rate
    remembered.cache_clear()


@pytest.fixture(autouse=True)
def module(monkeypatch):
    made = types.ModuleType("module_by_name")
    monkeypatch.setitem(sys.modules, "module_by_name", made)
    yield
    change(1.0)


def imported_inside(x):
    import sys

    return x * sys.modules[__name__].RATE


def from_a_namespace(x):
    names = {}
    exec("y = RATE * 2", globals(), names)
    return x * names["y"]


def through_all_attributes(x):
    for name in dir(held):
        if not name.startswith("_"):
            x = x * getattr(held, name)
    return x


def through_what_vars_gives(x):
    for value in vars(held).values():
        x = x * value
    return x


WAYS = {
    "__import__": lambda x: x * __import__("module_by_name").rate,
    "import_module": lambda x: x * importlib.import_module("module_by_name").rate,
    "sys.modules": lambda x: x * sys.modules["module_by_name"].rate,
    "sys.modules, own name": lambda x: x * getattr(sys.modules[__name__], "RATE"),  # noqa: B009
    "sys.modules, vars": lambda x: x * vars(sys.modules[__name__])["RATE"],
    "sys imported inside": imported_inside,
    "globals()": lambda x: x * globals()["RATE"],
    "eval": lambda x: x * eval("RATE"),
    "exec": from_a_namespace,
    "__globals__": lambda x: x * change.__globals__["RATE"],
    "frame": lambda x: x * sys._getframe().f_globals["RATE"],
    "current frame": lambda x: x * inspect.currentframe().f_globals["RATE"],
    "weak reference": lambda x: x * reference().rate,
    "weak values": lambda x: x * by_name["held"].rate,
    "weak keys": lambda x: x * by_object[held],
    "attrgetter": lambda x: x * operator.attrgetter("rate")(held),
    "kept attrgetter": lambda x: x * get_rate(held),
    "computed name": lambda x: x * getattr(held, "".join(["ra", "te"])),
    "__getattribute__": lambda x: x * held.__getattribute__("rate"),
    "getattr_static": lambda x: x * inspect.getattr_static(held, "rate"),
    "getmembers": lambda x: x * dict(inspect.getmembers(held))["rate"],
    "dir": through_all_attributes,
    "vars": through_what_vars_gives,
    "vars, item": lambda x: x * vars(held)["rate"],
    "__dict__.get": lambda x: x * held.__dict__.get("rate", 100.0),
    "ChainMap": lambda x: x * chained["rate"],
    "UserDict": lambda x: x * user_dict["rate"],
    "UserList": lambda x: x * user_list[0],
    "cache": lambda x: x * remembered(3),
    "singledispatch": lambda x: x * dispatched(3),
}


@quiet
@pytest.mark.parametrize("way", WAYS)
def test_what_is_read_another_way_is_seen_when_it_changes(way):
    plain, f, x = WAYS[way], function(WAYS[way]), np.arange(3.0)
    for rate in (1.0, 1.0, 2.0, 3.0):
        change(rate)
        want, got = plain(x), f(x)
        assert type(got) is np.ndarray and np.array_equal(got, want), rate


@pytest.mark.parametrize("way", ["__import__", "sys.modules, own name", "frame", "weak values", "__getattribute__"])
def test_the_reason_is_said(way):
    change(1.0)
    with pytest.raises(TraceError, match=r"tracing|compiled code"):
        function(WAYS[way], strict=True)(np.arange(3.0))


class Counted:
    rate = 2.0

    @functools.cache  # noqa: B019
    def scaled(self, n):
        return self.rate * n


@quiet
def test_caches_keep_nothing_of_a_trace():
    counted, x = Counted(), np.arange(3.0)

    def through_method(x):
        return x * counted.scaled(3)

    def both(x):
        return x * remembered(3) * RATE

    f, g = function(through_method), function(both)
    for rate in (1.0, 2.0, 3.0, 4.0):
        change(rate)
        counted.rate = rate
        Counted.scaled.cache_clear()
        assert np.array_equal(f(x), x * 3 * rate) and np.array_equal(g(x), x * 3 * rate * rate)
        assert type(remembered(3)) is float and type(counted.scaled(3)) is float


@functools.lru_cache(maxsize=2)
def remembered_few(n):
    return n * RATE


@quiet
@pytest.mark.parametrize("cache", [remembered, remembered_few])
def test_what_a_cache_forgets_after_the_trace(cache):
    """Its value stays what it was when another is read anew, and is not the old one once it is emptied or too full."""

    def scaled(x):
        return x * cache(3)

    f, x = function(scaled), np.arange(3.0)
    for rate, more in ((2.0, ()), (5.0, (7, 8)), (6.0, (1, 2, 4))):
        kept = cache(3)
        global RATE
        RATE = rate
        for _ in range(3):
            assert np.array_equal(f(x), x * kept)
        cache.cache_clear()
        for n in more:
            cache(n)
        for _ in range(3):
            assert np.array_equal(f(x), x * 3 * rate)
    if cache is remembered_few:
        RATE = 9.0
        cache(7), cache(8)
        assert np.array_equal(f(x), x * 27.0) and np.array_equal(f(x), x * cache(3))


@quiet
def test_caches_keep_nothing_that_a_call_sets_before():
    def rebinding(x):
        global RATE
        RATE = float(x.sum())
        return remembered(5)

    f = function(rebinding)
    for n in (3, 4, 3):
        remembered.cache_clear()
        assert f(np.arange(float(n))) == 5.0 * RATE == 5.0 * sum(range(n)) == remembered(5)


@quiet
def test_a_function_for_one_more_class():
    @functools.singledispatch
    def scale(n):
        return 1.0

    f, x = function(lambda x, n: x * scale(n)), np.arange(3.0)
    assert np.array_equal(f(x, 2), x) and np.array_equal(f(x, 2), x)
    scale.register(int, lambda n: 100.0)
    assert np.array_equal(f(x, 2), 100 * x)


@quiet
def test_attributes_that_only_the_class_has_left():
    def kept(x):
        return x * vars(held).get("rate", 100.0)

    def needed(x):
        return x * vars(held)["rate"]

    x, f, g = np.arange(3.0), function(kept), function(needed)
    for rate in (1.0, 2.0, 3.0):
        held.rate = rate
        assert np.array_equal(f(x), x * rate) and np.array_equal(g(x), x * rate)
    del held.rate
    assert np.array_equal(f(x), x * 100)
    with pytest.raises(KeyError):
        g(x)
    held.rate = 4.0
    assert np.array_equal(f(x), x * 4) and np.array_equal(g(x), x * 4)


@quiet
def test_objects_in_containers_that_become_others():
    one = One()
    items, named = [one], {"one": one}

    def of_argument(x, items):
        return x * items[0].value()

    def of_all(x, items):
        for item in items:
            x = x * item.value()
        return x

    def of_closure(x):
        return x * items[0].value() * named["one"].value()

    x = np.arange(3.0)
    for plain, args in ((of_argument, (x, items)), (of_all, (x, items)), (of_closure, (x,))):
        f = function(plain)
        for kind in (One, One, Two, One):
            one.__class__ = kind
            assert np.array_equal(f(*args), plain(*args))
        one.value = lambda: 5.0
        assert np.array_equal(f(*args), plain(*args))
        del one.value
        assert np.array_equal(f(*args), plain(*args))


@quiet
def test_decimal_numbers_have_the_digits_of_their_context():
    def third(x):
        return x * float(decimal.Decimal(1) / decimal.Decimal(3))

    f, x = function(third), np.arange(3.0)
    for digits in (28, 28, 3):
        with decimal.localcontext() as context:
            context.prec = digits
            assert np.array_equal(f(x), third(x))


SHOWN = np.array([1.23456789, 2.0])


@quiet
def test_texts_of_arrays_are_as_the_options_say_at_each_call():
    def shown(x):
        return str(SHOWN), f"{SHOWN} of {SHOWN[:1]}", x * 2

    def sets(x):
        np.set_printoptions(precision=4)
        return x * 2

    f, g, x = function(shown), function(sets), np.arange(3.0)
    for precision in (8, 3, 8, 2):
        with np.printoptions(precision=precision):
            for _ in range(3):
                assert f(x)[:2] == shown(x)[:2]
    assert f.stats()["traces"] <= 4
    with np.printoptions():
        for _ in range(3):
            np.set_printoptions(precision=8)
            g(x)
            assert np.get_printoptions()["precision"] == 4


@quiet
def test_what_a_cached_function_does_at_its_first_call_is_done_once():
    calls: list[int] = []
    counts = np.zeros(4)

    @functools.cache
    def noted(n):
        calls.append(n)
        counts[n] += 1
        return 2.0 * n

    def scaled(x, n):
        return x * noted(n)

    f, x = function(scaled), np.arange(3.0)
    for n in (1, 2, 1, 3):
        assert np.array_equal(f(x, n), x * 2 * n)
    assert calls == [1, 2, 3] and counts.tolist() == [0, 1, 1, 1]
    noted.cache_clear()
    f(x, 1)
    assert calls == [1, 2, 3, 1] and counts.tolist() == [0, 2, 1, 1]


# What is dropped, counted, and who calls -------------------------------------------------------------------------------
dropped: list = []


class Dropped:
    made = 0

    def __init__(self, x):
        self.x = x
        Dropped.made += 1

    def __del__(self):
        Dropped.made -= 1
        dropped.append(self.x)


class Derived(Dropped):
    pass


class Plain:
    def __init__(self, x):
        self.x = x


def in_a_loop(x):
    total = 0.0
    for k in range(3):
        one = Dropped(x + k)
        total += one.x
    return total


def of_the_class_of_another(x, other=Dropped(0.0)):  # noqa: B008
    return type(other)(x).x * 2


def of_its_own(x):
    class Own:
        def __del__(self):
            dropped.append(1)

    Own()
    return x * 2


def weak(x):
    one = Plain(x)
    seen = weakref.ref(one)
    del one
    return x * 2 if seen() is None else x * 3


def finalized(x):
    one = Plain(x)
    weakref.finalize(one, dropped.append, 5)
    return one.x * 2


DROPS = [lambda x: Dropped(x).x * 2, lambda x: Derived(x).x * 2, lambda x: x + Dropped.made, in_a_loop,
         of_the_class_of_another, of_its_own, weak, finalized]  # fmt: skip


@quiet
@pytest.mark.parametrize("drop", DROPS)
def test_what_happens_when_an_object_is_dropped_happens_in_each_call(drop):
    f = function(drop)
    for _ in range(4):
        dropped.clear()
        want, said = drop(2.0), list(dropped)
        dropped.clear()
        assert f(2.0) == want and dropped == said


def callers(x):
    return sys._getframe(1).f_code.co_name, inspect.stack()[1].function, inspect.currentframe().f_back.f_code.co_name


@quiet
def test_functions_that_look_at_frames_are_called_by_their_caller_alone():
    f = function(callers)

    def caller():
        return f(1.0)

    for _ in range(3):
        assert caller() == ("caller",) * 3


@quiet
def test_what_libraries_say_of_the_moment():
    def moment(x):
        return x, threading.current_thread().name, np.geterr()["divide"], len(sys.argv), "no_such_module" in sys.modules

    f, seen = function(moment), []

    def check():
        seen.append(f(1.0) == moment(1.0))

    check()
    other = threading.Thread(target=check)
    other.start()
    other.join()
    with np.errstate(divide="raise"):
        check()
    sys.argv.append("more")
    sys.modules["no_such_module"] = sys
    check()
    del sys.argv[-1], sys.modules["no_such_module"]
    check()
    assert seen == [True] * 5


@quiet
def test_identifiers_are_new():
    f = function(lambda x: (x, uuid.uuid1().hex))
    assert len({f(1.0)[1] for _ in range(5)}) == 5


checksum = hashlib.md5()


@quiet
def test_objects_of_c_code_are_changed_once_in_each_call():
    def summed(x):
        checksum.update(b"a")
        return x, checksum.hexdigest()

    f, want = function(summed), hashlib.md5()
    for _ in range(4):
        want.update(b"a")
        assert f(1.0) == (1.0, want.hexdigest())
