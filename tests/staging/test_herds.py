"""Lists of the caller's objects: their attributes are columns of a trace, which it reads and leaves in the very objects."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pytest

from hybrid import FallbackWarning, function
from hybrid.control.attributes import attributes_of


@dataclass
class Point:
    x: float
    v: float
    n: int = 0
    alive: bool = True

    def move(self, dt):
        self.x += self.v * dt
        return self

    @property
    def energy(self):
        return 0.5 * self.v**2


class Agent:
    scale = 2.0

    def __init__(self, x, name):
        self.x, self.name, self.friend = x, name, None

    def grow(self):
        self.x += Agent.scale
        return self.x

    def weight(self):
        return self.x * self.scale


@dataclass(frozen=True)
class Fixed:
    a: float
    b: int


class Heavier(Point):
    pass


@dataclass(slots=True)
class Slotted:
    x: float
    v: float = 1.0
    n: int = 2
    alive: bool = True

    @property
    def energy(self):
        return 0.5 * self.v**2

    def move(self, dt):
        self.x += self.v * dt
        return self


class Both(Slotted):
    def __init__(self, x, v, n, alive):
        super().__init__(x, v, n, alive)
        self.more = x


WORLD: list = []
RATE = 0.5


def points(count, kind=Point):
    rng = np.random.default_rng(3)
    return [
        kind(float(rng.normal()), float(rng.normal()), int(rng.integers(9)), bool(rng.random() > 0.3)) for _ in range(count)
    ]


def agents(count):
    rng = np.random.default_rng(4)
    return [Agent(float(rng.normal()), f"agent {k}") for k in range(count)]


def fixed(count):
    return [Fixed(p.x, p.n) for p in points(count)]


def moved(ps):
    for p in ps:
        p.move(0.1)


def attracted(ps):
    for i, a in enumerate(ps):
        for b in ps[i + 1 :]:
            d = b.x - a.x
            force = 0.01 * d / (abs(d) * d * d + 0.1)
            a.v += force
            b.v -= force
    for p in ps:
        p.move(0.1)
    return sum(p.energy for p in ps)


def themselves(ps):
    return [p.move(0.1) for p in ps], ps[0], ps[-1], ps[1:3], ps


def living(ps):
    return [p for p in ps if p.alive], [p.n for p in reversed(ps)], {k: p for k, p in enumerate(ps)}


def extremes(ps):
    return min(ps, key=lambda p: p.v), max(ps, key=lambda p: p.x), sorted(ps, key=lambda p: p.x), max(p.x for p in ps)


def none_found(ps):
    best = None
    for p in ps:
        if p.x > 100 and (best is None or p.x > best.x):
            best = p
    return best


def killed(ps):
    for p in ps:
        if p.x < 0:
            p.alive = False
            p.n += 1
    return sum(1 for p in ps if p.alive), any(p.n > 7 for p in ps)


def of_another_class(ps):
    for p in ps:
        p.n = p.n / 2 if p.x > 0 else p.n


def exchanged(ps):
    for i in range(len(ps) - 1):
        if ps[i].x > ps[i + 1].x:
            ps[i].x, ps[i + 1].x = ps[i + 1].x, ps[i].x


def others_made(ps):
    made = [Point(2 * p.x, p.v) for p in ps]
    both = list(ps)
    both.append(Point(9.0, 9.0))
    return made, both


def kept_the_largest(ps):
    best = ps[0]
    for p in ps[1:]:
        if p.x > best.x:
            best = p
    best.v = 0.0
    return best.x, [p is best for p in ps]


def cooled(ps):
    k = 0
    while any(p.x > 0 for p in ps) and k < 50:
        for p in ps:
            p.x -= 0.1
        k += 1
    return k


def set_by_name(ps):
    for p in ps:
        setattr(p, "x", getattr(p, "x") + RATE)  # noqa: B009, B010
    return np.array([p.x for p in ps]) * 2


class Model:
    def __init__(self):
        self.w, self.b = np.ones(3), np.zeros(3)

    def train(self, x, steps):
        out = []
        for _ in range(steps):
            loss = ((self.w * x + self.b) ** 2).sum()
            for name in ("w", "b"):
                setattr(self, name, getattr(self, name) - 0.1 * loss)
            out.append(float(loss))
        return out


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_attributes_of_others_are_set_by_name():
    compiled, one, other, x = function(Model.train), Model(), Model(), np.array([0.1, 0.2, 0.3])
    for _ in range(3):
        np.testing.assert_allclose(compiled(one, x, 20), other.train(x, 20))
        np.testing.assert_allclose(one.w, other.w)


COMPILED = [
    moved, attracted, themselves, living, extremes, none_found, killed, of_another_class, exchanged, others_made,
    kept_the_largest, cooled, set_by_name,
]  # fmt: skip


def seen(value, names):
    """A value with its classes, and with the names of the objects that were there."""
    if id(value) in names:
        return names[id(value)]
    if isinstance(value, (list, tuple)):
        return type(value), [seen(one, names) for one in value]
    if isinstance(value, dict):
        return [(seen(key, names), seen(one, names)) for key, one in value.items()]
    if isinstance(value, np.ndarray):
        return value.tolist(), value.dtype
    own = None if isinstance(value, Enum) else attributes_of(value)
    return type(value), seen(own, names) if own else repr(value)


def outcome(f, *args):
    """What a call gives or raises, and what it leaves in the objects of lists among its arguments."""
    lists = [x for x in args if isinstance(x, list)]
    names = {id(one): (i, k) for i, items in enumerate(lists) for k, one in enumerate(items)}
    names |= {id(items): i for i, items in enumerate(lists)}
    try:
        out = seen(f(*args), names)
    except Exception as error:
        out = type(error), str(error)
    return out, [[(type(one), seen(attributes_of(one), names)) for one in items] for items in lists]


@pytest.mark.parametrize("f", COMPILED)
def test_compiled_for_any_number_of_objects(f):
    compiled = function(f, strict=True)
    for count in (9, 12, 2, 30, 9):
        assert outcome(compiled, points(count)) == outcome(f, points(count))
    assert len(compiled.traces) <= 2  # a part of two is none of many


def test_one_trace_takes_other_objects_of_the_class():
    compiled = function(attracted, strict=True)
    ps, qs = points(8), points(8)
    for _ in range(3):
        assert outcome(compiled, ps) == outcome(attracted, qs)
    assert outcome(compiled, points(5)) == outcome(attracted, points(5))
    assert compiled.traces[0].native_calls == 3


@pytest.mark.parametrize("kind", [Slotted, Both, Heavier])
@pytest.mark.parametrize("f", [attracted, extremes, killed, others_made, kept_the_largest])
def test_slots_and_derived_classes(f, kind):
    compiled = function(f, strict=True)
    for count in (9, 12, 2):
        assert outcome(compiled, points(count, kind)) == outcome(f, points(count, kind))
    assert len(compiled.traces) == 1
    if f is kept_the_largest:
        compiled(points(5, kind))
        assert compiled.traces[0].native_calls


def traded(ps):
    for k in range(0, len(ps) - 1, 2):
        a, b = ps[k], ps[k + 1]
        if a.x > b.x:
            a.x -= 0.5
            b.x += 0.5
    for p in ps:
        p.n = 2 * p.n
    return sum(p.x for p in ps), max(ps, key=lambda p: p.x), [type(p.n) is int for p in ps], [p.x for p in ps]


def test_floats_and_ints_in_one_attribute():
    def make(count):
        ps = points(count)
        for k, p in enumerate(ps):
            p.x, p.n = (3 * k if k % 3 else 0.5), (k if k % 2 else -1.5)
        return ps

    compiled = function(traded, strict=True)
    for count in (6, 9, 2, 6):
        ps, qs = make(count), make(count)
        for _ in range(3):
            assert outcome(compiled, ps) == outcome(traded, qs)
    assert len(compiled.traces) == 1 and compiled.traces[0].native_calls == 11


class State(Enum):
    WELL = 1
    ILL = 2
    IMMUNE = 3


class Person:
    def __init__(self, x, state, name):
        self.x, self.state, self.name, self.days, self.home = x, state, name, 0, None


def people(count, well="well", ill="ill"):
    rng = np.random.default_rng(1)
    return [Person(float(rng.random()), well if k else ill, f"person {k}") for k in range(count)]


def infected(ps):
    for p in ps:
        if p.state == "ill":
            p.days += 1
            for q in ps:
                if q.state == "well" and abs(p.x - q.x) < 0.1:
                    q.state = "ill"
            if p.days > 2:
                p.state = "immune"
    return sum(1 for p in ps if p.state == "ill"), [p.state for p in ps], [p for p in ps if p.state != "well"]


def infected_members(ps):
    for p in ps:
        if p.state is State.ILL:
            p.days += 1
            for q in ps:
                if q.state == State.WELL and abs(p.x - q.x) < 0.1:
                    q.state = State.ILL
            if p.days > 2:
                p.state = State.IMMUNE
    return sum(1 for p in ps if p.state is State.ILL), max(ps, key=lambda p: p.days), ps[0].home is None


@pytest.mark.parametrize("f", [infected, infected_members])
def test_texts_and_members_of_enumerations(f):
    compiled, states = function(f), ("well", "ill") if f is infected else (State.WELL, State.ILL)
    for count in (10, 30, 10):
        ps, qs = people(count, *states), people(count, *states)
        for _ in range(5):
            assert outcome(compiled, ps) == outcome(f, qs)
    assert len(compiled.traces) == 2  # without and with the third
    assert "plain Python" not in compiled.explain()


def test_texts_that_are_equal_and_not_one_object():
    compiled, ps, qs = function(infected, strict=True), people(10), people(10)
    for p, q in zip(ps, qs):
        p.state = q.state = "".join(list(p.state))
    for _ in range(5):
        assert outcome(compiled, ps) == outcome(infected, qs)


def _twice(ps):
    return ps + ps[:1]


def _mixed(ps):
    return ps[:-1] + points(1, Heavier)


def _changed(change):
    def made(ps):
        change(ps[3])
        return ps

    return made


ODD = {
    "an object twice": _twice,
    "another class": _mixed,
    "other numbers": _changed(lambda p: setattr(p, "n", 2.5)),
    "large": _changed(lambda p: setattr(p, "n", 2**70)),
    "NumPy's": _changed(lambda p: setattr(p, "x", np.float64(2.5))),
    "more": _changed(lambda p: setattr(p, "more", 1)),
    "less": _changed(lambda p: delattr(p, "v")),
    "not a number": _changed(lambda p: setattr(p, "x", math.nan)),
    "minus zero": _changed(lambda p: setattr(p, "x", -0.0)),
    "another order": _changed(lambda p: p.__dict__.update(x=p.__dict__.pop("x"))),
}


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("f", [moved, themselves, extremes, killed, exchanged, kept_the_largest])
def test_lists_that_are_others(f, kind):
    compiled, change = function(f), ODD[kind]
    for make in (points, lambda n: change(points(n)), points, lambda n: change(points(n))):
        assert outcome(compiled, make(9)) == outcome(f, make(9))


def told_from(ps, one):
    for p in ps:
        p.v = one.v
    one.v += 1
    return [p is one for p in ps], one in ps, ps[0].v


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_an_object_that_is_another_argument():
    compiled = function(told_from)
    for index in (None, 2, None, 4, 2):
        args = []
        for _ in range(2):
            ps = points(9)
            args.append((ps, Point(1.0, 2.0) if index is None else ps[index]))
        assert outcome(compiled, *args[0]) == outcome(told_from, *args[1])


def crossed(ps, qs):
    total = 0.0
    for p in ps:
        for q in qs:
            total += p.x * q.v
        p.x = total
    return total


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_lists_that_share_objects():
    compiled = function(crossed)
    for pair in (lambda a, b: (a, b), lambda a, b: (a, a), lambda a, b: (a, a[::-1]), lambda a, b: (a, b)):
        assert outcome(compiled, *pair(points(6), points(7))) == outcome(crossed, *pair(points(6), points(7)))


def in_the_world(ps):
    for p in ps:
        p.x += 1
    for p in WORLD:
        p.x *= 2
    return sum(p.x for p in ps)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_objects_that_are_reached_otherwise():
    compiled = function(in_the_world)
    try:
        for index in (0, 3, None, 3):
            found = []
            for f in (compiled, in_the_world):
                ps = points(5)
                WORLD[:] = [] if index is None else [ps[index]]
                found.append(outcome(f, ps))
            assert found[0] == found[1]
    finally:
        WORLD.clear()


def raising(ps):
    for p in ps:
        p.x += 1
        if p.n == 7:
            raise ValueError(f"seven: {p.n}")
    return sum(1 / p.n for p in ps)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_errors_leave_what_was_done_before_them():
    compiled = function(raising)
    for count in (9, 2, 12, 30):
        assert outcome(compiled, points(count)) == outcome(raising, points(count))


def grown(items):
    return [one.grow() for one in items], sum(one.weight() for one in items)


def named(items):
    return [one.name for one in items if one.x > 0]


def renamed(items):
    for one in items:
        one.name = "z"
        one.friend = items[0]


def appended(items):
    items.append(Agent(1.0, "last"))
    return len(items)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("f", [grown, named, renamed, appended])
def test_attributes_that_are_no_numbers(f):
    compiled = function(f)
    for count in (5, 7, 5):
        assert outcome(compiled, agents(count)) == outcome(f, agents(count))


def test_what_the_class_has_is_read_at_each_call():
    class Weight:
        factor = 1.0

        def __init__(self, x):
            self.x = x

        def value(self):
            return self.x * self.factor

    def total(items):
        return sum(one.value() for one in items)

    compiled, items = function(total, strict=True), [Weight(1.0), Weight(2.0), Weight(3.0)]
    assert compiled(items) == 6
    Weight.factor = 2.0
    assert compiled(items) == 12
    Weight.value = lambda self: self.x + 100
    assert compiled(items) == 306
    Weight.x = property(lambda self: 7.0)  # stands before the attributes of the objects
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        assert function(total)(items) == total(items) == 321


def frozen_sum(items):
    return sum(one.a * one.b for one in items), max(items, key=lambda one: one.a)


def frozen_set(items):
    for one in items:
        one.a = 1.0


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("f", [frozen_sum, frozen_set])
def test_frozen_dataclasses(f):
    compiled = function(f)
    for count in (5, 7):
        assert outcome(compiled, fixed(count)) == outcome(f, fixed(count))


class System:
    def __init__(self, items):
        self.items, self.time, self.energies = items, 0.0, []

    def step(self, dt):
        for p in self.items:
            p.v -= p.x * dt
        for p in self.items:
            p.x += p.v * dt
        self.time += dt
        self.energies.append(self.energy())

    def energy(self):
        return sum(p.energy + 0.5 * p.x**2 for p in self.items)

    def fastest(self):
        return max(self.items, key=lambda p: abs(p.v))


@dataclass
class Box:
    items: list
    time: float = 0.0


def in_a_box(box, dt):
    for p in box.items:
        p.x += p.v * dt
    box.time += dt
    return box.items[-1]


@pytest.mark.parametrize("count", [3, 20])
def test_lists_in_attributes(count):
    compiled, one, other = function(System.step, strict=True), System(points(count)), System(points(count))
    fastest = function(System.fastest, strict=True)
    for k in range(6):
        compiled(one, 0.1)
        other.step(0.1)
        assert fastest(one) is one.items[other.items.index(other.fastest())]
        if k == 3:  # another list, of other objects and more of them
            one.items, other.items = points(count + 2), points(count + 2)
    assert [vars(p) for p in one.items] == [vars(p) for p in other.items]
    assert (one.time, one.energies) == (other.time, other.energies)


def test_lists_in_dataclasses():
    compiled, one, other = function(in_a_box, strict=True), Box(points(6)), Box(points(6))
    for _ in range(4):
        assert compiled(one, 0.1) is one.items[-1]
        in_a_box(other, 0.1)
    assert (vars(one), [vars(p) for p in one.items]) == (vars(other), [vars(p) for p in other.items])


def test_verify_leaves_the_objects_alone():
    ps, items = points(5), agents(5)
    before = [dict(vars(one)) for one in (*ps, *items)]
    assert function(moved).verify(ps) and function(grown).verify(items)
    assert [vars(one) for one in (*ps, *items)] == before


def test_explain_names_the_attributes():
    compiled = function(moved)
    compiled(points(5))
    assert "Point(x, v, n, alive)" in compiled.explain()


SMALL = [Point(3.0, 1.0), Point(1.0, 2.0), Point(2.0, 3.0)]


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_records_that_were_there_are_no_copies():
    """They were: a sorted list held new objects, where the old ones were dataclasses among the arguments, or global."""
    records = [{"x": 3.0}, {"x": 1.0}, {"x": 2.0}]
    found = function(lambda ps: sorted(ps, key=lambda p: p["x"]))(records)
    assert [[q is p for q in records].index(True) for p in found] == [1, 2, 0]
    found = function(lambda scale: sorted(SMALL, key=lambda p: p.x * scale))(2.0)
    assert [[q is p for q in SMALL].index(True) for p in found] == [1, 2, 0]
    slotted = [Slotted(3.0), Slotted(1.0), Slotted(2.0)]
    found = function(lambda ps: sorted(ps, key=lambda p: p.x))(slotted)
    assert [[q is p for q in slotted].index(True) for p in found] == [1, 2, 0]
