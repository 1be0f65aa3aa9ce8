"""Sets, dicts and deques in lists and dicts whose places are known: each is changed by loops as if it had a name of its own."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from hybrid.staging.function import function
from tests.staging.test_selections import alike

X = np.random.default_rng(0).random(30)


def sets(x):
    seen = [set() for _ in range(3)]
    for v in x:
        for k in range(3):
            seen[k].add(int(v * 10) % (k + 2))
    return [len(s) for s in seen], seen


def dicts(x):
    counts = [{} for _ in range(2)]
    for v in x:
        key = int(v * 5)
        counts[0][key] = counts[0].get(key, 0) + 1
        counts[1][key] = v
    return counts


def queues(x):
    waiting, done = [deque() for _ in range(2)], 0
    for v in x:
        if v > 0.5:
            waiting[0].append(v)
        elif waiting[0]:
            waiting[1].append(waiting[0].popleft())
            done += 1
    return [list(q) for q in waiting], done


def by_keys(x):
    seen = {name: set() for name in ("a", "b")}
    for v in x:
        seen["a"].add(int(v * 7))
        seen["b"].add(int(v * 3))
    return len(seen["a"]), seen


def written_one_by_one(x):
    seen = [set(), {}, deque()]
    for v in x:
        seen[0].add(int(v * 7))
        seen[1][int(v * 3)] = v
        seen[2].append(v)
    return len(seen[0]), seen[1], list(seen[2])


def by_another_name(x):
    seen = [set() for _ in range(2)]
    first = seen[0]
    for v in x:
        seen[0].add(int(v * 7))
    first.add(99)
    return len(first), seen


def beside_lists(x):
    kept, seen = [[] for _ in range(3)], [set() for _ in range(3)]
    for k in range(3):
        for v in x:
            if int(v * 9) % 3 == k and int(v * 9) not in seen[k]:
                seen[k].add(int(v * 9))
                kept[k].append(v)
    return kept, seen


PROGRAMS = [sets, dicts, queues, by_keys, written_one_by_one, by_another_name, beside_lists]


@pytest.mark.parametrize("f", PROGRAMS)
def test_containers_in_lists(f):
    alike(f, X)
    alike(f, X[:0])


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_containers_that_change_places():
    def exchanged(x):
        seen = [set() for _ in range(2)]
        for v in x:
            seen[0].add(int(v * 9))
            seen[0], seen[1] = seen[1], seen[0]
        return seen

    def picked(x):
        seen = [set() for _ in range(2)]
        for v in x:
            seen[int(v > 0.5)].add(int(v * 9))
        return seen

    for f in (exchanged, picked):
        assert function(f)(X) == f(X)
