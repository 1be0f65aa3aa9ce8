"""Members of enumerations: picked by branches, compared, asked, computed with, and keys of dicts."""

from __future__ import annotations

import math
from enum import Enum, Flag, IntEnum, StrEnum, auto

import numpy as np
import pytest

from hybrid import FallbackWarning, function

RNG = np.random.default_rng(1)
DATA = [RNG.random(n) for n in (40, 5, 1, 0)]


class State(Enum):
    OPEN = 1
    CLOSED = 2
    BROKEN = 3

    @property
    def cost(self):
        return 2.5 if self is State.OPEN else 1.0

    def next(self):
        if self is State.OPEN:
            return State.CLOSED
        return State.OPEN


class Level(IntEnum):
    LOW = 1
    HIGH = 5


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Access(Flag):
    READ = auto()
    WRITE = auto()


RATES = {State.OPEN: 0.5, State.CLOSED: 2.0, State.BROKEN: 0.0}


def machine(xs):
    state, cost, log = State.OPEN, 0.0, []
    for x in xs:
        cost += state.cost * x
        if x > 0.5:
            state = state.next()
        log.append(state)
    return state, cost, log, state.value, state.name


def matched(xs):
    state, n = State.OPEN, 0
    for x in xs:
        match state:
            case State.OPEN:
                state = State.CLOSED
            case State.CLOSED:
                state = State.BROKEN if x > 0.7 else State.OPEN
            case _:
                n += 1
                state = State.OPEN
    return state, n


def keys(xs):
    state, total, counts, sums = State.OPEN, 0.0, {State.OPEN: 0, State.CLOSED: 0}, {}
    for x in xs:
        total += RATES[state] * x
        counts[state] += 1
        state = State.CLOSED if x > 0.5 else State.OPEN
        sums[state] = sums.get(state, 0.0) + x
    return total, counts, sums


def numbers(xs):
    level, total, weight = Level.LOW, 0, 1.0
    for x in xs:
        total = total * 2 % 1001 + Level.HIGH
        level = Level.HIGH if x > 0.6 else Level.LOW
        weight = weight * 0.5 + level * x - level / 2
        if level > x * 4:
            total -= level
        if total > level:
            weight += 1
    return total, weight, level + 1, -level, level == 5


def names(xs):
    colour, n = Colour.RED, 0
    for x in xs:
        colour = Colour.BLUE if x > 0.5 else Colour.RED
        if colour == "red":
            n += 1
        if colour is Colour.BLUE:
            n += 10
    return n, colour, colour.value


def flags(xs):
    access, n = Access.READ, 0
    for x in xs:
        access = Access.READ | Access.WRITE if x > 0.5 else Access.READ
        if access & Access.WRITE:
            n += 1
    return n, access


def perhaps(xs):
    state, n = None, 0
    for x in xs:
        if state is None and x > 0.3:
            state = State.OPEN
        elif state in (State.OPEN, State.CLOSED) and x < 0.2:
            state = State.BROKEN
        if state == State.BROKEN:
            n += 1
    return n, state


def table(xs):
    states = [State.OPEN, State.CLOSED, State.BROKEN]
    return sum(states[int(x * 3)].value for x in xs)


def same(a, b):
    if isinstance(a, (tuple, list)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, Enum) or a is None or isinstance(a, str):
        return a is b or a == b
    return type(a) is type(b) and math.isclose(a, b, rel_tol=1e-12)


PROGRAMS = (machine, matched, keys, numbers, names, flags, perhaps, table)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_members_are_those_of_python(program):
    decorated = function(program, strict=True)
    for xs in DATA:
        for given in (xs, xs.tolist()):
            assert same(program(given), decorated(given))


def test_a_number_or_a_text_is_compared_as_what_it_is():
    def f(xs):
        seen, n = 0.0, 0
        for x in xs:
            if x > 0.7:
                seen = "hot"
            elif x < 0.3:
                seen = x
            n += 1 if seen == "hot" else 100
            if seen in ("hot", "cold"):
                n += 10000
        return n

    for xs in DATA:
        assert function(f, strict=True)(xs) == f(xs)


class Agent:
    def __init__(self, energy):
        self.energy, self.fed = energy, 0

    def feed(self, x):
        self.energy += x
        if self.energy > 2:
            self.fed += 1


def test_objects_of_a_caller_are_picked_at_computed_places():
    def f(agents, order):
        for k in order:
            agents[k].feed(0.5)
        return max(a.energy for a in agents)

    decorated, order = function(f, strict=True), RNG.integers(0, 4, 30)
    for _ in range(2):
        ours, theirs = ([Agent(0.1 * k) for k in range(4)] for _ in range(2))
        assert decorated(ours, order) == f(theirs, order)
        assert [vars(a) for a in ours] == [vars(a) for a in theirs]


def test_a_dict_or_none():
    def f(w, xs):
        least, best = 1e9, None
        for x in xs:
            w = w - 0.1 * (w - x)
            loss = float(np.sum((w - 0.5) ** 2))
            if loss < least:
                least, best = loss, {"w": w.copy(), "loss": loss}
        return least, best

    def g(xs):
        best = None
        for k, x in enumerate(xs):
            one = {"k": k, "x": x}
            if best is None or one["x"] > best["x"]:
                best = one
        return None if best is None else best["k"], best

    for xs in DATA:
        (least, best), (a, b) = f(np.ones(3), xs), function(f)(np.ones(3), xs)
        assert least == a and (best is b is None or (best.keys() == b.keys() and np.allclose(best["w"], b["w"])))
        assert function(g, strict=True)(xs) == g(xs)


def test_a_dict_that_is_changed_by_its_other_name_is_pythons():
    def f(xs):
        best = None
        for k, x in enumerate(xs):
            one = {"k": k, "x": x}
            if best is None or one["x"] > best["x"]:
                best = one
            one["x"] += 100.0
        return best

    with pytest.warns(FallbackWarning, match="changed"):
        assert function(f)(DATA[0]) == f(DATA[0])


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.uint8, np.bool_, np.complex64, np.float64])
def test_members_that_are_integers_are_not_weak(dtype):
    """Beside an array NumPy takes them for integers of 64 bits, unlike Python's own."""

    class Kind(IntEnum):
        TWO = 2

    def f(x, member):
        return x * member, member + x, x[0] / member, x**member, int(x[1].real) * member

    x = np.array([1, 3]).astype(dtype)
    for _ in range(2):
        for made, wanted in zip(function(f, strict=True)(x, Kind.TWO), f(x, Kind.TWO)):
            assert repr(made) == repr(wanted) and type(made) is type(wanted)
