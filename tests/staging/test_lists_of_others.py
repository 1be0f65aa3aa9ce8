"""Lists of the caller's that are put into a function's own: whoever changes one through either changes it in both."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import hybrid as hy

X = np.array([0.9, 0.1, 0.8, 0.7, 0.2, 0.95])
POINTS = [[0.9, 0.1], [0.2, 0.3], [0.8, 0.1], [0.6, 0.4], [0.4, 0.9], [0.7, 0.2]]


def kept_then_changed(points, x):
    keep = []
    for i in range(len(points)):
        if x[i] > 0.5:
            keep.append(points[i])
    keep[0][0] = 7.0
    return len(keep)


def kept_then_changed_by_its_name(points, x):
    keep = []
    for i in range(len(points)):
        if x[i] > 0.5:
            keep.append(points[i])
    points[0][0] = 5.0
    return keep[0][0]


def changed_in_later_rounds(points, x):
    keep = []
    for i in range(len(points)):
        if keep:
            keep[-1][0] += 1.0
        if x[i] > 0.5:
            keep.append(points[i])
    return len(keep)


def kept_of_a_loop_over_them(points, x):
    keep = []
    for p in points:
        if p[0] > 0.5:
            keep.append(p)
    keep[-1].append(x[0])
    return len(keep)


def in_a_dict(points, x):
    found = {}
    for i, p in enumerate(points):
        found[i] = p
    found[3][0] = 5.0 * x[0]


def least(points, x):
    best = points[0]
    for p in points:
        if p[0] < best[0]:
            best = p
    best[1] = -x[0]
    return best


def latest(points, x):
    last = None
    for p in points:
        if p[0] > x[2] - 0.3:
            last = p
    if last is not None:
        last[0] = 9.0
    return last


CHANGES = [kept_then_changed, kept_then_changed_by_its_name, changed_in_later_rounds, kept_of_a_loop_over_them, in_a_dict,
           least, latest]  # fmt: skip


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("times", [1, 8])
@pytest.mark.parametrize("function", CHANGES)
def test_changes_show_in_both(function, times):
    f, given = hy.function(function), (copy.deepcopy(POINTS * times), np.tile(X, times))
    for _ in range(2):
        ours, theirs = (copy.deepcopy(given[0]), given[1].copy()), (copy.deepcopy(given[0]), given[1].copy())
        assert repr(f(*ours)) == repr(function(*theirs))
        assert ours[0] == theirs[0]


def test_lists_that_are_only_read_are_compiled():
    @hy.function(strict=True)
    def f(points, x):
        keep, groups = [], [[] for _ in range(3)]
        for i in range(len(points)):
            if x[i] > 0.5:
                keep.append(points[i])
            groups[int(3 * x[i])].append(points[i][0])
        groups[1].append(3.0)
        return sum(p[0] for p in keep), groups

    assert f(copy.deepcopy(POINTS), X) == f.eager(copy.deepcopy(POINTS), X)
