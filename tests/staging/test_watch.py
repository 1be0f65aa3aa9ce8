"""What branches and loops change in Python's own objects is never lost, however the object is reached."""

import functools
from collections import Counter, OrderedDict, defaultdict, deque
from types import SimpleNamespace

import numpy as np
import pytest

import hybrid as hy
from hybrid.control import watch
from hybrid.control.watch import Watch
from hybrid.core.errors import TraceError

pytestmark = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")


class Tally:
    def __init__(self):
        self.n = 0

    def hit(self):
        self.n += 1


class Slotted:
    __slots__ = ("n",)


class Items(list):
    pass


def closure():
    log = []

    def hit():
        log.append(1)

    return hit, lambda: len(log)


def closure_of_closure():
    tally = Tally()

    def outer():
        def inner():
            tally.hit()

        inner()

    return outer, lambda: tally.n


def bound_method():
    tally = Tally()
    return tally.hit, lambda: tally.n


def partial():
    tally = Tally()
    return functools.partial(tally.hit), lambda: tally.n


def slots():
    held = Slotted()
    held.n = 0

    def hit():
        held.n += 1

    return hit, lambda: held.n


def key(held):
    def hit():
        held["n"] += 1

    return hit, lambda: held["n"]


def list_of_ones(held):
    def hit():
        held.append(1)

    return hit, lambda: len(held)


def deep():
    held = SimpleNamespace(a=SimpleNamespace(a=SimpleNamespace(a=SimpleNamespace(a=[SimpleNamespace(n=0)]))))

    def hit():
        held.a.a.a.a[0].n += 1

    return hit, lambda: held.a.a.a.a[0].n


def function_attribute():
    def hit():
        hit.n += 1

    hit.n = 0
    return hit, lambda: hit.n


def default():
    def hit(log=[]):  # noqa: B006
        log.append(1)
        return len(log)

    return hit, lambda: hit() - 1


def class_attribute():
    class Own:
        n = 0

    def hit():
        Own.n += 1

    return hit, lambda: Own.n


WAYS = {
    "closure": closure,
    "closure of a closure": closure_of_closure,
    "bound method": bound_method,
    "partial": partial,
    "slots": slots,
    "deep": deep,
    "function attribute": function_attribute,
    "default": default,
    "class attribute": class_attribute,
    "counter": lambda: key(Counter()),
    "defaultdict": lambda: key(defaultdict(int)),
    "ordered": lambda: key(OrderedDict(n=0)),
    "subclass of list": lambda: list_of_ones(Items()),
    "deque": lambda: list_of_ones(deque()),
    "bytearray": lambda: list_of_ones(bytearray()),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n", [3, 50])
def test_a_change_in_a_branch_is_made_as_often_as_the_branch_is_taken(way, n):
    made = WAYS[way]

    def count(x):
        hit, counted = made()
        for i in range(len(x)):
            if x[i] > 0:
                hit()
        return counted()

    x = np.random.default_rng(n).standard_normal(n)
    decorated = hy.function(count)
    for values in (x, -x, np.abs(x), -np.abs(x)):
        assert decorated(values) == count(values)


def test_an_attribute_as_the_variable_of_a_loop_that_is_left_early():
    def halvings(x, n):
        tally = Tally()
        for tally.n in range(1, n + 1):
            x = x / 2
            if x < 1e-3:
                break
        return tally.n, x

    assert hy.function(halvings)(1.0, 40) == halvings(1.0, 40)


def test_what_changed_is_put_back():
    held = [Counter(a=1), deque([1, 2]), bytearray(b"ab"), Slotted(), Tally(), {1, 2}, Items([3])]
    held[3].n = 4
    seen = Watch((), (held,))
    held[0]["b"] = 2
    held[1].append(3)
    held[2].append(3)
    del held[3].n
    held[4].m = 1
    held[5].add(3)
    held[6].clear()
    assert seen.changed() is not None
    seen.restore()
    assert seen.changed() is None
    assert held[:3] == [Counter(a=1), deque([1, 2]), bytearray(b"ab")]
    assert (held[3].n, vars(held[4]), held[5], held[6]) == (4, {"n": 0}, {1, 2}, [3])


def test_more_objects_than_can_be_watched_are_refused(monkeypatch):
    monkeypatch.setattr(watch, "MANY", 10)
    with pytest.raises(TraceError, match="more than 10 objects"):
        Watch((), ([[k] for k in range(20)],))


# Variables that objects hold ---------------------------------------------------------------------------------------------
class Account:
    def __init__(self):
        self.total, self.best, self.fills = 0.0, None, {"up": 0, "down": 0.0}

    def add(self, v):
        self.total += v
        if self.best is None or v > self.best:
            self.best = v


def filled(x):
    account, last = Account(), [0, [1, 2]]
    for v in x:
        if v > 0:
            account.add(v)
            account.fills["up"] += 1
            last[1][0] += 1
        else:
            account.fills["down"] -= v
        if account.total > 20:
            break
    return account.total, account.best, account.fills, last


def until(x):
    tally, i = Counter(even=0, odd=0), 0
    while i < len(x) and tally["odd"] < 5:
        tally["odd" if i % 2 else "even"] += 1
        i += 1
    return dict(tally), i


def smoothed(x):
    state = SimpleNamespace(mean=np.zeros(3))
    for v in x:
        state.mean = state.mean * 0.5 + v
        state.mean[0] += 1
    return state.mean


def made_on_both_ways(x):
    state = Tally()
    if x.sum() > 0:
        state.n = x * 2
    else:
        state.n = x * 3
    return state.n


@pytest.mark.parametrize("f", [filled, until, smoothed, made_on_both_ways])
@pytest.mark.parametrize("n", [0, 3, 40])
def test_attributes_and_items_are_variables_of_branches_and_loops(f, n):
    x, decorated = np.random.default_rng(n).standard_normal(n), hy.function(f, strict=True)
    for values in (x, -x, np.abs(x), -np.abs(x)):
        assert repr(decorated(values)) == repr(f(values))
    assert not any("written out" in line for line in decorated.explain().splitlines())


def test_items_of_an_argument_are_written_as_often_as_branches_are_taken():
    def count(x, tally):
        for v in x:
            if v > 0:
                tally["n"] += 1
                tally["sum"] += v

    x = np.random.default_rng(0).standard_normal(30)
    want, got = {"n": 1, "sum": 0.5}, {"n": 1, "sum": 0.5}
    decorated = hy.function(count, strict=True)
    for values in (x, -x):
        count(values, want)
        decorated(values, got)
        assert got == want


def _maybe_in_a_branch(x):
    state = Tally()
    if x.sum() > 0:
        state.m = 1
    return hasattr(state, "m"), getattr(state, "m", None)


def _maybe_in_a_loop(x):
    state, i = Tally(), 0
    while i < len(x) and x[i] > 0:
        state.m = x[i]
        i += 1
    return hasattr(state, "m"), getattr(state, "m", None)


def _maybe_a_key(x):
    found = {}
    for v in x:
        if v > 0:
            found["up"] = v
        else:
            found["down"] = v
    return found


@pytest.mark.parametrize("f", [_maybe_in_a_branch, _maybe_in_a_loop, _maybe_a_key])
def test_whether_there_is_an_attribute_or_a_key_is_python_s(f):
    x, decorated = np.array([1.0, 2.0, -1.0, 3.0]), hy.function(f)
    for values in (x, -x, x, np.zeros(0), x[::-1].copy()):
        assert repr(decorated(values)) == repr(f(values))


def test_a_list_that_grows_beside_an_attribute_in_one_branch():
    def taken(x):
        tally, found = Tally(), []
        for i in range(len(x)):
            if x[i] > 0:
                tally.n += 1
                if x[i] > 0.5:
                    found.append(x[i])
                    tally.n += 1
        return tally.n, found

    x, decorated = np.random.default_rng(1).standard_normal(40), hy.function(taken, strict=True)
    for values in (x, -x, x[:2]):
        assert decorated(values) == taken(values)
