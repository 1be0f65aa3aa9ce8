"""Lists that are put into lists and dicts, which have them from then on."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function
from tests.staging.conftest import same as alike

RNG = np.random.default_rng(5)
CASES = RNG.standard_normal(20), np.array([1.0, -1.0, 2.0, 0.6]), -np.ones(4), RNG.standard_normal(50)


def rebound(x):
    groups, current = [], [x[0]]
    for v in x[1:]:
        if abs(v - current[-1]) <= 0.5:
            current.append(v)
        else:
            groups.append(current)
            current = [v]
    groups.append(current)
    return groups


def emptied(x):
    groups, current = [], []
    for i in range(len(x)):
        if x[i] > 0:
            current.append(i)
        elif current:
            groups.append(current)
            current = []
    if current:
        groups.append(current)
    return groups, len(groups)


def last_of_all(x):
    groups = [[x[0]]]
    for v in x[1:]:
        if abs(v - groups[-1][-1]) > 0.5:
            groups.append([v])
        else:
            groups[-1].append(v)
    return groups


def long_rows(x):
    rows = []
    for i in range(10):
        row = []
        for v in x:
            if v > 0.2 * i - 1:
                row.append(v)
        if len(row) > 2:
            rows.append(row)
    return rows, [len(row) for row in rows]


def in_tuples(x):
    parts, part = [], []
    for v in x:
        part.append(v)
        if v < 0:
            parts.append((len(part), part))
            part = []
    return parts, part


def in_dicts(x):
    found = {}
    for i, v in enumerate(x):
        row = [i, v]
        if int(v) not in found:
            found[int(v)] = row
    return found


@pytest.mark.parametrize("f", [rebound, emptied, last_of_all, long_rows, in_tuples, in_dicts], ids=lambda f: f.__name__)
def test_lists_become_those_of_another(f):
    compiled = function(f, strict=True)
    for x in CASES:
        assert alike(compiled(x), f(x)), x


def the_same_again(x):
    rows, same = [], [0.0]
    for i in range(20):
        if x[i % len(x)] > 0:
            rows.append(same)
    if rows:
        rows[0].append(1.0)
    return rows, same


def used_later(x):
    groups, total = [], 0
    for v in x:
        row = [v, 1.0]
        if v > 0:
            groups.append(row)
            groups[-1].append(2 * v)
            total += len(row)
    return groups, total


def known_to_a_tuple(x):
    groups, row = [], [0.5]
    kept = (row, 1)
    for v in x:
        if v > 0:
            groups.append([v])
    groups.append(row)
    groups[-1].append(2.0)
    return groups, len(kept[0])


@pytest.mark.parametrize("f", [the_same_again, used_later, known_to_a_tuple], ids=lambda f: f.__name__)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_lists_with_two_names_are_pythons(f):
    compiled = function(f)
    for x in CASES:
        assert alike(compiled(x), f(x)), x
