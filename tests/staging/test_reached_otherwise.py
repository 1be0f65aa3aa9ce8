"""Containers among the arguments that the function reaches otherwise, too: what it does to the one is seen in the other."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

import hybrid as hy

pytestmark = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")


@dataclass
class Point:
    x: float
    v: float


class World:
    def __init__(self) -> None:
        self.point, self.levels = Point(1.0, 2.0), [1.0, 2.0]

    def moves_its_own(self, p):
        self.point.x += 1.0
        return p.x

    def moves_another(self, p):
        p.x += 1.0
        return self.point.x

    def appends_to_its_own(self, levels):
        self.levels.append(2.0)
        return len(levels)

    def appends_to_another(self, levels):
        levels.append(2.0)
        return len(self.levels)


WORLD, LEVELS, POINTS, TABLE = World(), [1.0, 2.0], [Point(1.0, 2.0)], {"a": 1.0, "point": Point(1.0, 2.0)}


def reset():
    WORLD.point, WORLD.levels = Point(1.0, 2.0), [1.0, 2.0]
    LEVELS[:], POINTS[:] = [1.0, 2.0], [Point(1.0, 2.0)]
    TABLE.update(a=1.0, point=Point(1.0, 2.0))


def an_attribute(p):
    p.x += 1.0
    return WORLD.point.x


def anothers_attribute(p):
    WORLD.point.x += 1.0
    return p.x


def in_a_loop(p):
    for _ in range(3):
        WORLD.point.x += 1.0
    return p.x


def on_one_way(p):
    if p.v > 1.0:
        WORLD.point.x += 1.0
    return p.x


def put_back(p):
    before, p.x = p.x, 9.0
    seen, p.x = WORLD.point.x, before
    return seen


def put_back_elsewhere(p):
    before, WORLD.point.x = WORLD.point.x, 9.0
    seen, WORLD.point.x = p.x, before
    return seen


def which_it_is(p):
    WORLD.point.x = 4.0
    return p.x, p is WORLD.point


def an_item(p):
    p.x += 1.0
    return POINTS[0].x


def anothers_item(p):
    POINTS[0].x += 1.0
    return p.x


def of_a_dict(p):
    TABLE["point"].x += 1.0
    return p.x


def inside(points):
    WORLD.point.x += 1.0
    return points[0].x


def numbers(levels):
    LEVELS[0] += 1.0
    return levels[0]


def numbers_of_an_object(levels):
    WORLD.levels[0] += 1.0
    return levels[0]


def entries(table):
    TABLE["a"] += 1.0
    return table["a"]


CASES = [
    *((f, lambda: WORLD.point) for f in (an_attribute, anothers_attribute, in_a_loop, on_one_way, put_back)),
    (put_back_elsewhere, lambda: WORLD.point),
    (which_it_is, lambda: WORLD.point), (an_item, lambda: POINTS[0]), (anothers_item, lambda: POINTS[0]),
    (of_a_dict, lambda: TABLE["point"]), (inside, lambda: [WORLD.point]), (numbers, lambda: LEVELS),
    (numbers_of_an_object, lambda: WORLD.levels), (entries, lambda: TABLE),
]  # fmt: skip


def another(value):
    """As much in objects of its own."""
    if isinstance(value, Point):
        return Point(value.x + 3, value.v)
    if isinstance(value, dict):
        return {key: another(item) for key, item in value.items()}
    return [another(item) for item in value] if isinstance(value, list) else value + 3


def shown(found, value):
    return repr((found, value, WORLD.point, WORLD.levels, LEVELS, POINTS, TABLE))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(("program", "own"), CASES, ids=[f.__name__ for f, _ in CASES])
def test_what_is_known_by_two_names(program, own, first):
    f = hy.function(program)
    for k in range(6):
        seen = []
        for call in (program, f):
            reset()
            value = own() if (k % 2 == 0) is first else another(own())
            seen.append(shown(call(value), value))
        assert seen[0] == seen[1]
    assert sum(trace.calls + trace.native_calls for trace in f.traces) >= 2  # those with a container of their own are compiled


@pytest.mark.parametrize("method", ["moves_its_own", "moves_another", "appends_to_its_own", "appends_to_another"])
def test_what_an_object_has_and_gets(method):
    f, program = hy.function(getattr(World, method)), getattr(World, method)
    one, other = World(), World()
    for k in range(6):
        found = []
        for call, world in ((f, one), (program, other)):
            own = world.point if "moves" in method else world.levels
            value = own if k % 2 else another(own)
            found.append(repr((call(world, value), value, world.point, world.levels)))
        assert found[0] == found[1]


def test_what_only_counts_takes_one_container_twice():
    counter = SimpleNamespace(calls=0)

    def total(one, other):
        counter.calls += 1
        return one["a"] + other["a"]

    f = hy.function(total, strict=True)
    for k in range(4):
        table = {"a": float(k)}
        assert f(table, table) == 2.0 * k and counter.calls == k + 1
