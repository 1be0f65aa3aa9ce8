"""Lists that change places in a loop: the rows of a table of which two are kept, `prev, cur = cur, prev`."""

import numpy as np
import pytest

import hybrid as hy


def swapped(s, t):
    prev, cur = [0] * (len(t) + 1), [0] * (len(t) + 1)
    for i in range(len(s)):
        for j in range(len(t)):
            cur[j + 1] = prev[j] + 1 if s[i] == t[j] else max(prev[j + 1], cur[j])
        prev, cur = cur, prev
    return prev[len(t)]


def handed_on(s, t):
    prev, cur = [0] * (len(t) + 1), [0] * (len(t) + 1)
    for i in range(len(s)):
        for j in range(len(t)):
            cur[j + 1] = prev[j] + 1 if s[i] == t[j] else max(prev[j + 1], cur[j])
        prev, cur = cur, [0] * (len(t) + 1)
    return prev[len(t)], cur


def rotated(s, t):
    a, b, c = [0] * 4, [1] * 4, [2] * 4
    for i in range(len(s)):
        a[i % 4] += int(s[i])
        b[(i + 1) % 4] -= a[0]
        a, b, c = b, c, a
    return a, b, c


def until(s, t):
    prev, cur, i = [0.0] * 4, [1.0] * 4, 0
    while i < len(s) and cur[0] < 20:
        cur[i % 4] += float(s[i])
        prev, cur, i = cur, prev, i + 1
    return prev, cur, i


@pytest.mark.parametrize("function", [swapped, handed_on, rotated, until])
def test_a_loop_carries_lists_that_change_places(function):
    rng = np.random.default_rng(1)
    compiled = hy.function(function, strict=True)
    for n in (9, 40, 41):
        s, t = rng.integers(0, 4, (2, n))
        assert compiled(s, t) == function(s, t)
    assert "written out" not in str(compiled.explain())


def known_elsewhere(s):
    prev, cur = [0] * 4, [1] * 4
    old = prev
    for i in range(len(s)):
        cur[i % 4] += int(s[i])
        old[0] += 1
        prev, cur = cur, prev
    return prev, cur


def one_list(s):
    prev = cur = [0] * 4
    for i in range(len(s)):
        cur[i % 4] += int(s[i])
        prev, cur = cur, prev
    return prev[0], cur[0]


def left_before(s):
    prev, cur, old = [0] * 4, [1] * 4, [2] * 4
    for i in range(len(s)):
        cur[i % 4] += int(s[i])
        old = prev
        prev, cur = cur, prev
    old[0] = 99
    return prev, cur


@pytest.mark.parametrize("function", [known_elsewhere, one_list, left_before])
def test_lists_with_two_names_stay_one(function):
    compiled = hy.function(function)
    for n in (9, 40):
        s = np.random.default_rng(2).integers(0, 4, n)
        assert compiled(s) == function(s)
