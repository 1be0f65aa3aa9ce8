"""What is read at places that only a run knows, low bits of integers, and membership."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.staging.function import function

TABLE = np.arange(256)[::-1].copy()
STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
KEY = [3, 1, 4, 1, 5]
MASK = 0xFFFFFFFF
DATA = np.arange(40) % 9


def test_an_array_of_the_module_is_read_at_computed_places(invisible):
    def f(x):
        total = 0
        for i in range(len(x)):
            total += TABLE[x[i]]
        return total, TABLE[x], TABLE[x[0] : x[5]]

    invisible(f, DATA)


def test_an_array_of_the_module_is_read_as_a_call_finds_it(invisible):
    def f(x):
        return TABLE[x]

    decorated = invisible(f, DATA)
    before = TABLE[0]
    try:
        TABLE[0] = -1
        assert np.array_equal(decorated(DATA), f(DATA))
    finally:
        TABLE[0] = before


def test_tuples_and_lists_of_numbers_are_read_at_computed_places(invisible):
    def f(x):
        y = z = total = 0
        for i in range(len(x)):
            dy, dz = STEPS[x[i] & 3]
            y, z = y + dy, z + dz
            total = total * KEY[i % 5] % 1001 + KEY[-1 - i % 5]
        return y, z, total

    invisible(f, DATA)


def test_a_place_outside_of_a_tuple_raises(invisible):
    def f(x):
        total = 0
        for i in range(len(x)):
            total += KEY[x[i]]
        return total

    decorated = invisible(f, DATA[:5])
    with pytest.raises(IndexError, match="list index out of range"):
        decorated(DATA[:7])


def test_a_list_that_changes_between_calls(invisible):
    def f(x):
        total = 0
        for i in range(len(x)):
            total += KEY[x[i]]
        return total

    decorated = invisible(f, DATA[:5])
    KEY[2] = 400
    try:
        assert decorated(DATA[:5]) == f(DATA[:5]) == 410
    finally:
        KEY[2] = 4


def test_products_beyond_64_bits_of_which_low_bits_are_taken(invisible):
    def murmur(words):
        h = 7
        for k in words:
            k = (int(k) * 0xCC9E2D51) & MASK
            k = ((k << 15) | (k >> 17)) & MASK
            h = (((h ^ k) << 13 | h >> 19) * 5 + 0xE6546B64) % 2**32
        return h

    invisible(murmur, np.arange(2**32 - 50, 2**32))


def test_low_bits_of_negative_numbers_and_of_what_is_no_integer(invisible):
    def f(x, y, m):
        total = 0
        for i in range(len(x)):
            total = (total - int(x[i]) * 1234567890123456789) & 1023
            total = total + (int(x[i]) - 5) % 8
        return total, (y * 3 + 1) % 4, (m + m) % m, (y + y) % m, (x + 1) & 3

    invisible(f, DATA, 2.5, 3)


def test_a_mask_that_is_no_mask_leaves_integers_exact(invisible):
    def f(x):
        h = 1
        for i in range(len(x)):
            h = (h * 31 + int(x[i])) % 1000003
        return h, (h * h + 1) & -4

    invisible(f, DATA)


def test_membership_of_numbers_only_a_run_knows(invisible):
    def f(x):
        count = 0
        for i in range(len(x)):
            if x[i] in (1, 3) or x[i] not in {2, 5}:
                count += 1
            if all(x[j] != x[i] for j in range(2)):
                count += 100
            if any(x[j] == x[i] for j in range(2)):
                count += 10000
            count += min(x[j] for j in range(3))
        return count

    invisible(f, DATA)


def test_lists_of_traced_numbers_for_reductions(invisible):
    def f(x):
        total = 0
        for i in range(len(x)):
            total += np.argmin((x[i], 2.5, x[0])) * 10 + np.max([x[i], 3])
        return total, np.maximum([x[0], x[1]], x[2])

    invisible(f, np.linspace(0, 5, 9))


def test_items_of_an_array_of_known_numbers_are_known(invisible):
    def f(x):
        shifts = np.array([[0, 1], [1, 0], [2, 2]])
        for k, (a, b) in enumerate(shifts):
            x = np.roll(x, a) + k * x[shifts[k, 1]] + b
        return x

    invisible(f, np.arange(5.0))


def test_characters_at_computed_places():
    def aligned(a, b):
        h = np.zeros((len(a) + 1, len(b) + 1), dtype=int)
        for i in range(1, len(a) + 1):
            for j in range(1, len(b) + 1):
                h[i, j] = max(h[i - 1, j], h[i, j - 1], h[i - 1, j - 1] + (a[i - 1] == b[j - 1]))
        return h[-1, -1], h

    def found(text, pattern):
        skip, j = [0] * len(pattern), 0
        for i in range(1, len(pattern)):
            while j > 0 and pattern[i] != pattern[j]:
                j = skip[j - 1]
            if pattern[i] == pattern[j]:
                j += 1
            skip[i] = j
        at, j = -1, 0
        for i in range(len(text)):
            while j > 0 and text[i] != pattern[j]:
                j = skip[j - 1]
            if text[i] == pattern[j]:
                j += 1
            if j == len(pattern):
                at = i - j + 1
                break
        return at

    def hashed(data, places):
        h = 7
        for k in range(len(places)):
            h = (h * 31 + data[places[k]]) & 0xFFFF
        return h, data[places[0]]

    def letter(text, places):
        best = ""
        for k in range(len(places)):
            if text[places[k]] == "p":
                best = text[places[k]]
        return best

    places = np.array([2, -1, 0, 3, 3, 1])
    calls = ((aligned, ("GATTACAGATT", "TACGATTAGA")), (found, ("abacabadabacabae", "abacabae")),
             (hashed, (b"bytes", places)), (letter, ("sample", places)))  # fmt: skip
    for f, args in calls:
        got, want = function(f, strict=True)(*args), f(*args)
        assert type(got) is type(want)
        for one, other in zip(got, want) if isinstance(got, tuple) else ((got, want),):
            assert type(one) is type(other)
            np.testing.assert_array_equal(one, other)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_places_outside_a_text_are_pythons():
    def second(text, k):
        total = 0
        for i in range(5):
            total += text[k[i]] == "a"
        return total

    decorated = function(second)
    assert decorated("banana", np.arange(5)) == second("banana", np.arange(5))
    with pytest.raises(IndexError, match="string index out of range"):
        decorated("banana", np.arange(5) + 3)
