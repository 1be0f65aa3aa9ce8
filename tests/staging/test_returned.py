"""What is returned is the argument where Python returns it, and a new array where that is one."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from itertools import pairwise

import numpy as np
import pytest

import hybrid as hy


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("limit", [100.0, 0.0, -1.0])
def test_an_argument_that_rounds_leave_alone_is_what_returns(limit):
    """Whether a round rebinds it only a run knows: a result that holds what the argument holds may be that."""

    def doubled(u, limit):
        n = 0
        while n < 7:
            if u.sum() > limit:
                break
            u = u * 2
            n += 1
        return u, n

    def stepped(u, limit):
        for _ in range(9):
            if u[0] < limit:
                u = u + 1
        return u

    for f in (doubled, stepped):
        decorated = hy.function(f)
        for values in ([1.0, 2.0, 4.0], [0.0, 3.0, np.nan], [0.0, 0.0, 0.0]):
            for _ in range(2):
                x, y = np.array(values), np.array(values)
                want, got = f(x, limit), decorated(y, limit)
                want, got = (out[0] if isinstance(out, tuple) else out for out in (want, got))
                np.testing.assert_array_equal(got, want)
                assert (got is y) == (want is x)


def test_known_containers_of_every_kind_are_new_in_each_call():
    def f(x):
        return x.sum(), Counter(), {"a", "b"}, deque([1, 2], 5), OrderedDict(a=1), defaultdict(int, b=2)

    strict = hy.function(f, strict=True)
    for _ in range(2):
        first, second = strict(np.ones(3)), strict(np.ones(3))
        assert repr(first) == repr(f(np.ones(3)))
        assert not any(a is b for a, b in zip(first[1:], second[1:]))


def test_known_containers_that_a_call_fills_are_new_in_each_call():
    def filled(make, put):
        def f(n):
            items = make()
            put(items, n)
            return items, [items]

        return f

    kinds = [(set, set.add), (deque, deque.append), (Counter, lambda c, n: c.update([n]))]
    for f in (filled(make, put) for make, put in kinds):
        decorated = hy.function(f)
        for n in (3, 3, 3, 4, 5, 6, 6):
            (first, (again,)), (second, _) = decorated(n), decorated(n)
            assert first == second == f(n)[0] and type(first) is type(f(n)[0])
            assert first is again and first is not second


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_containers_that_a_function_reads_are_returned_and_kept_themselves():
    class Kept:
        def __init__(self):
            self.items, self.pair, self.log, self.table = [1.0], (1.0, [2.0]), [], {}

    near, table, record = [1.0], {"a": [2.0]}, Kept()

    def returned(x):
        return near, {"x": x, "of": table, "again": near}, [table["a"]]

    def attributes(self, x):
        return vars(self), x

    def left(self, x):
        self.log.append(self.items)
        self.log.append(self.pair)
        self.table[x] = self.items
        self.last = self.pair
        return self.items

    decorated, leaving = hy.function(returned), hy.function(left)
    for x in (1.0, 2.0, 3.0):
        first, second, third = decorated(x)
        assert first is near and second["of"] is table and second["again"] is near and third[0] is table["a"]
        assert leaving(record, x) is record.items
        assert hy.function(attributes)(record, x)[0] is vars(record)
        assert record.log[-2] is record.items and record.log[-1] is record.pair
        assert record.table[x] is record.items and record.last is record.pair
    near.append(2.0)
    assert decorated(1.0)[0] == [1.0, 2.0]


class Made:
    def __init__(self) -> None:
        self.level = 1


def new_on_both_ways(x, limit):
    found, raw, queue, seen = set(), bytearray(b"ab"), deque([1]), Counter("ab")
    if x > limit:
        return 0.0, found, raw, queue, seen, np.array([1.0, 2.0]), {"found": found}
    return x, found, raw, queue, seen, np.array([1.0, 2.0]), {"found": found}


def an_instance_on_both_ways(x, limit):
    made = Made()
    if x > limit:
        return 0.0, made
    return x, made


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("program", [new_on_both_ways, an_instance_on_both_ways])
def test_each_call_has_its_own_whatever_way_it_takes(program):
    f = hy.function(program)
    calls = [f(x, 2.5) for x in (1.0, 2.0, 3.0, 4.0)]
    for one, other in pairwise(calls):
        assert not any(a is b for a, b in zip(one[1:], other[1:]))
    if program is new_on_both_ways:
        calls[0][1].add(5)
        assert f(1.0, 2.5)[1] == set() and calls[0][6]["found"] is calls[0][1] and f.stats()["fallbacks"] == []
