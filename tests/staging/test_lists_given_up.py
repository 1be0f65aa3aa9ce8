"""Lists that a list or deque of lists gives up: searches along paths, stacks, lots that are sold first in, first out."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest

from tests.staging.test_selections import alike

X = np.random.default_rng(0).random(12)


def replaced(x):
    lots, total = deque(), 0.0
    for v in x:
        lots.append([v, v * 2])
        if v > 0.5 and len(lots) > 1:
            first = lots.popleft()
            lots.append([9.0])
            total += first[0] * 3 + sum(first) + len(first)
    return total, len(lots)


def grown(x):
    stack, total = [[0]], 0
    while stack and total < 500:
        top = stack.pop()
        total += sum(top)
        if len(top) < 4:
            stack.append([top[0] + 1, 2])
            stack.append([top[0] + 1, 3, 4])
            total += top[-1]
        if len(top) == 3:
            stack.append([5, 6, 7, 8])
    return total


def walked(x):
    queue, total, best = deque([(0, [0])]), 0, None
    while queue:
        u, path = queue.popleft()
        total += len(path)
        if u > 6 and best is None:
            best = u
        if len(path) < 4:
            for v in (2 * u + 1, 2 * u + 2):
                queue.append((v, path + [v]))
    return total, best


def found(x):
    queue = deque([[0]])
    while queue:
        path = queue.popleft()
        if path[-1] == 11:
            return path
        for v in (2 * path[-1] + 1, 2 * path[-1] + 2):
            if v < 20:
                queue.append(path + [v])
    return None


def kept_on_the_other_way(x):
    stack, rounds = [], 0
    for v in x:
        stack.append([v])
    while stack:
        top = stack[-1]
        if top[0] > 0.5 or len(top) > 3:
            stack.pop()
        else:
            top.append(1.0)
        rounds += 1
    return rounds


def used_after_it_was_given_up(x):
    stack, total = [], 0.0
    for v in x:
        stack.append([v])
    while len(stack) > 1:
        below, top = stack[-2], stack[-1]
        stack.pop()
        stack[-1].append(top[0])
        total += len(below) + top[-1]
    return total


def changed_after_it_was_given_up(x):
    stack = [[1, 2]]
    for v in x:
        top = stack.pop()
        top.append(int(v * 9))
        stack.append(top)
    return stack


@pytest.mark.parametrize("f", [replaced, grown, walked, found, kept_on_the_other_way])
def test_lists_that_are_given_up(f):
    alike(f, X)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("f", [used_after_it_was_given_up, changed_after_it_was_given_up])
def test_what_happens_to_them_afterwards_is_pythons(f):
    alike(f, X, strict=False)
