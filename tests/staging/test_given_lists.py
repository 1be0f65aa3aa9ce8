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


def of_branches(x):
    out = []
    for i in range(0, len(x) - 1, 2):
        out += [x[i]] if x[i] > x[i + 1] else [x[i + 1], x[i]]
    names = ["a", "b"] if x[0] > 0 else ["c"]
    return out, names


def roots(a, b, c):
    d = b * b - 4 * a * c
    if d < 0:
        return []
    if d == 0:
        return [-b / (2 * a)]
    s = d**0.5
    return [(-b - s) / (2 * a), (-b + s) / (2 * a)]


def all_roots(x):
    total, count = 0.0, 0
    for k in range(len(x) - 2):
        found = roots(x[k], x[k + 1], x[k + 2])
        count += len(found)
        for v in found:
            total += v
    return total, count, roots(x[0], x[1], x[2])


@pytest.mark.parametrize("f", [of_branches, all_roots], ids=lambda f: f.__name__)
def test_new_lists_of_several_lengths_are_joined(f):
    compiled = function(f, strict=True)
    for x in (*CASES, np.array([1.0, 2.0, 1.0, 0.6])):
        assert alike(compiled(x), f(x)), x


def one_of_two(x):
    rows = [[1.0, 2.0], [3.0]]
    row = rows[0] if x[0] > 0 else rows[1]
    row.append(x[1])
    return rows


def known_by_name(x):
    a, b = [1.0], [2.0, 3.0]
    return a if x[0] > 0 else b, sum(a), len(b)


@pytest.mark.parametrize("f", [one_of_two, known_by_name], ids=lambda f: f.__name__)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_lists_that_others_know_are_not_joined(f):
    compiled = function(f)
    for x in (*CASES, -CASES[0]):
        assert alike(compiled(x), f(x)), x
