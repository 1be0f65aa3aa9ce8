"""Objects that come to have one `__dict__` after they were traced, or have had one and come to have two."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from hybrid.staging.function import function

quiet = pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning", "ignore::hybrid.RetraceWarning")


class Plain:
    def __init__(self, x):
        self.x = x


@dataclass
class Data:
    x: float


@dataclass
class Derived(Data):
    def step(self):
        self.x += 1.0
        return self.x


first, second = Plain(1.0), Plain(2.0)


def both(a, b):
    a.x += 1.0
    return a.x * 10 + b.x


def of_globals(a, b):
    first.x += 1.0
    return first.x * 10 + second.x


def all_of(items):
    for one in items:
        one.x += 1.0
    return items[0].x


def compared(f, plain, a, b):
    """Calls of both, on objects that are alike."""
    for _ in range(3):
        assert f(*a) == plain(*b)
        assert [vars(one) for one in flat(a)] == [vars(one) for one in flat(b)]


def flat(args):
    return [one for x in args for one in (x if isinstance(x, list) else [x])]


def share(a):
    a[0].__dict__ = a[1].__dict__


def part(a):
    a[0].__dict__ = dict(a[0].__dict__)


@quiet
@pytest.mark.parametrize("kind", [Plain, Data, Derived])
@pytest.mark.parametrize("at_first", [False, True], ids=["apart", "shared"])
def test_two_objects(kind, at_first):
    f, a, b = function(both), (kind(1.0), kind(2.0)), (kind(1.0), kind(2.0))
    for change in (share, part, share) if at_first else (part, share, part, share):
        change(a), change(b)
        compared(f, both, a, b)


@quiet
def test_two_globals():
    global first, second
    f, plain, mine, theirs = function(of_globals), of_globals, (Plain(1.0), Plain(2.0)), (Plain(1.0), Plain(2.0))
    for change in (part, share, part, share):
        change(mine), change(theirs)
        for _ in range(3):
            found = []
            for call, (first, second) in ((f, mine), (plain, theirs)):  # noqa: B007
                found.append(call(0.0, 0.0))
            assert found[0] == found[1]
            assert [vars(one) for one in mine] == [vars(one) for one in theirs]


@quiet
@pytest.mark.parametrize("count", [2, 3, 20, 40])
@pytest.mark.parametrize("kind", [Plain, Data])
def test_objects_in_a_list(count, kind):
    f = function(all_of)
    a, b = ([kind(float(k)) for k in range(count)] for _ in range(2))
    for change in (part, share, part, share):
        change(a), change(b)
        compared(f, all_of, (a,), (b,))
