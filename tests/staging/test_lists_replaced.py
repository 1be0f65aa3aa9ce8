"""Lists in a list of which another one takes the place: `rows[i] = [...]`, exchanges, and `rows[i] += [...]`."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function
from tests.staging.test_selections import alike

NUMBERS = np.arange(30)[::-1].copy()


def _rows(p):
    rows = [[] for _ in range(8)]
    for k in p:
        rows[int(k) % 8].append(int(k))
    return rows


def eliminated(p):
    a = [[float((i * j + k) % 7 + 9 * (i == j)) for j in range(6)] for i, k in enumerate(p[:6])]
    for c in range(6):
        pivot = max(range(c, 6), key=lambda r: abs(a[r][c]))
        a[c], a[pivot] = a[pivot], a[c]
        a[c] = [x / a[c][c] for x in a[c]]
        for i in range(6):
            if i != c:
                f = a[i][c]
                a[i] = [x - f * y for x, y in zip(a[i], a[c])]
    return a


def longer(p):
    rows = _rows(p)
    for k in p:
        rows[int(k) % 8] = rows[int(k) % 8][1:] + [1, 2, int(k)]
    return rows


def changed_afterwards(p):
    rows = _rows(p)
    for k in p:
        rows[int(k) % 8] = [1, int(k)]
        rows[int(k) % 8].append(7)
        rows[int(k) % 8][0] += 7
    return rows


def added_in_place(p):
    rows = _rows(p)
    for k in p:
        rows[int(k) % 8] += [1]
        rows[int(k) % 8] += rows[(int(k) + 3) % 8][:2]
        if len(rows[int(k) % 8]) < 9:
            rows[int(k) % 8] += rows[int(k + 1) % 8]
    return rows


def given_up_before(p):
    rows = _rows(p)
    top = rows.pop()
    rows[3] = [9, 9, 9]
    rows.append([1])
    rows[7] = [4, 4]
    return top + rows[3], rows


def by_named_rows(p):
    n = len(p)
    table = [[0] * (n + 1) for _ in range(n + 1)]
    for i in range(1, n + 1):
        row = [0] * (n + 1)
        for j in range(1, n + 1):
            row[j] = max(table[i - 1][j], row[j - 1]) + int(p[j - 1] == p[i - 1])
        table[i] = row
    return table[n][n]


@pytest.mark.parametrize("f", [eliminated, longer, changed_afterwards, added_in_place, given_up_before, by_named_rows])
def test_lists_that_are_replaced(f):
    alike(f, NUMBERS)
    alike(f, NUMBERS * 3 % 11)


def bins(p):
    room, filled = [], []
    for size in p:
        for b in range(len(room)):
            if room[b] >= size:
                room[b] -= size
                filled[b].append(size)
                break
        else:
            room.append(40 - size)
            filled.append([size])
    places = list(range(len(p)))
    for k in p:
        del places[int(k) % len(places)]
    return filled, places


def test_lists_that_a_loop_adds_are_added_by_a_loop():
    compiled = function(bins, strict=True)
    assert compiled(NUMBERS) == bins(NUMBERS)
    assert compiled.stats()["kernels"] < 10


# names for what stood there, and for what was put there --------------------------------------------------------------------
def kept_by_its_name(p):
    rows = _rows(p)
    old = rows[int(p[0]) % 8]
    rows[int(p[0]) % 8] = [1, 2]
    return len(old), rows


def kept_by_its_name_in_a_loop(p):
    rows = _rows(p)
    old = rows[3]
    total = 0
    for k in p:
        total += len(old)
        rows[int(k) % 8] = [1, 2]
    return total, rows


def exchanged_in_a_loop(p):
    rows = _rows(p)
    old = rows[3]
    total = i = 0
    while i < len(p):
        total += sum(old)
        rows[3], rows[i % 8] = rows[i % 8], rows[3]
        i += 1
    return total


def changed_by_its_name(p):
    rows = _rows(p)
    new = [int(v) for v in p]
    rows[int(p[0]) % 8] = new
    new[0] = 100
    return rows


def changed_in_its_place(p):
    def made(a):
        return [int(v) for v in a]

    rows = _rows(p)
    new = made(p)
    rows[int(p[0]) % 8] = new
    rows[int(p[1]) % 8].append(7)
    return new, rows


def put_twice(p):
    rows = _rows(p)
    rows.append(rows[2])
    for k in p:
        rows[int(k) % 9].append(1)
    return rows


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize(
    "f",
    [kept_by_its_name, kept_by_its_name_in_a_loop, exchanged_in_a_loop, changed_by_its_name, changed_in_its_place, put_twice],
)
def test_a_list_with_two_names_is_pythons(f):
    alike(f, NUMBERS, strict=False)
    alike(f, NUMBERS * 3 % 11, strict=False)
