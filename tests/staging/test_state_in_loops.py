"""Globals, classes, and what closures and objects around hold: branches and loops change them as they change variables."""

import numpy as np
import pytest

import hybrid as hy


class Switch:
    on = False
    count = 0
    best = None

    def __init__(self):
        self.on, self.times = False, 0

    def hit(self, v):
        if v > 2:
            self.on = True
        else:
            self.on = False


class Numbered:
    count = 0
    level = 0.0

    def __init__(self, v):
        Numbered.count += 1
        self.v, self.number = v, Numbered.count
        if v > Numbered.level:
            Numbered.level = v

    @classmethod
    def total(cls):
        return cls.count


class Slotted:
    __slots__ = ("n",)

    def __init__(self):
        self.n = 0


SERVERS = [Slotted() for _ in range(3)]
SWITCH, TABLE, ITEMS, NUMBERS, NAMES = Switch(), {}, [], np.zeros(3), set()


def counter():
    n, on = 0, False

    def up(v):
        nonlocal n, on
        n += 1
        if v > 2:
            on = True
        else:
            on = False
        return n, on

    return up


up = counter()


def begin():
    global up
    SWITCH.__init__()
    for server in SERVERS:
        server.n = 0
    TABLE.clear()
    TABLE.update(on=False, n=0)
    ITEMS[:] = [0, 0]
    NUMBERS[:] = 0
    NAMES.clear()
    up = counter()
    Switch.on, Switch.count, Switch.best = False, 0, None
    Numbered.count, Numbered.level = 0, 0.0


def left():
    slots = [server.n for server in SERVERS]
    classes = Switch.on, Switch.count, Switch.best, Numbered.count, Numbered.level
    return slots, vars(SWITCH).copy(), TABLE.copy(), ITEMS[:], NUMBERS.tolist(), NAMES.copy(), classes


def attribute(x):
    for v in x:
        if v > 2:
            SWITCH.times += 1
    return SWITCH.times


def method(x):
    for v in x:
        SWITCH.hit(v)
    return SWITCH.on


def entry(x):
    known = TABLE
    for v in x:
        known["n"] += 1
        if v > 2:
            TABLE["on"] = True
        else:
            TABLE["on"] = False
    return TABLE["on"]


def item(x):
    for v in x:
        if v > 2:
            ITEMS[1] = 3
        else:
            ITEMS[1] = 0
    return ITEMS[1]


def element(x):
    for v in x:
        if v > 2:
            NUMBERS[0] = 3
        else:
            NUMBERS[0] = 0
    return NUMBERS.sum()


def one_element(x):
    if x.sum() > 2:
        NUMBERS[0] = 3
    else:
        NUMBERS[0] = 0
    return NUMBERS.sum()


def members(x):
    for v in x:
        if v > 2:
            NAMES.add(1)
        else:
            NAMES.discard(1)
    return len(NAMES)


def of_a_class(x):
    for v in x:
        Switch.count += 1
        if v > 2:
            Switch.on = True
        else:
            Switch.on = False
    return Switch.on


def or_none(x):
    for v in x:
        if Switch.best is None or v > Switch.best:
            Switch.best = float(v)
    return Switch.best


def put(switch, value):
    switch.times = value


def by_a_function(x):
    for v in x:
        if v > 2:
            put(SWITCH, 5)
        else:
            put(SWITCH, 0)
    return SWITCH.times


def of_a_closure(x):
    n, on = 0, False
    for v in x:
        n, on = up(v)
    return n, on


def numbered(x):
    made = [Numbered(float(v)) for v in x]
    return [(one.v, one.number) for one in made], Numbered.total()


def some_numbered(x):
    made = []
    for v in x:
        if v > 1:
            made.append(Numbered(float(v)))
    return [(one.v, one.number) for one in made], Numbered.level


def keys_of_a_sort(x):
    def key(v):
        SWITCH.times += 1
        return -v

    return sorted(x.tolist(), key=key), SWITCH.times


def slots_of_items(x):
    for v in x:
        server = min(SERVERS, key=lambda s: s.n)
        server.n += int(v) + 5
        SERVERS[int(v) % 3].n += 1
    return [server.n for server in SERVERS]


def new_entry(x):
    for v in x:
        if v > 2 and "n" in TABLE:
            del TABLE["n"]
    return len(TABLE)


CALLS = [np.arange(5.0), np.arange(5.0)[::-1].copy(), np.zeros(0), np.ones(1), np.arange(12.0) - 5, np.arange(30.0) % 7]
COMPILED = [attribute, method, entry, item, element, one_element, of_a_class, or_none, by_a_function, numbered, some_numbered]
COMPILED += [keys_of_a_sort]


@pytest.mark.parametrize("function", [*COMPILED, members, slots_of_items, of_a_closure, new_entry])
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_what_is_around(function):
    begin()
    want = [(function(x), left()) for x in CALLS]
    begin()
    compiled = hy.function(function, strict=function in COMPILED)
    assert [(compiled(x), left()) for x in CALLS] == want
