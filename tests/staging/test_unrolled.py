"""Which loops `f.explain()` says were written out: over whatever they go, with their rounds, operations and reason."""

import numpy as np
import pytest

import hybrid as hy


def unrolled(f, *args):
    """The rows about such loops, after a call."""
    f(*args)
    lines = [line.strip() for line in f.explain().splitlines()]
    return [line.partition("  ")[2].split(":", 1)[1].partition("  ")[2] for line in lines if line.startswith("unrolled  ")]


def over_a_text(x):
    for letter in "abc":
        x = x + ord(letter)
    return x


def over_items(x, weights={"a": 1.0, "b": 2.0}):  # noqa: B006
    for _, w in weights.items():
        x = x * w
    return x


def over_keys_and_values(x, weights={"a": 1.0, "b": 2.0}):  # noqa: B006
    for k in weights:
        x = x * weights[k]
    for w in weights.values():
        x = x + w
    return x


def over_pairs(x):
    for a, b in zip((1, 2), (3, 4)):
        x = x * a + b
    for i, v in enumerate([5.0, 6.0, 7.0]):
        x = x * i - v
    return x


def over_a_set(x):
    for q in {1, 2, 3}:
        x = x - q
    return x


def over_rows(x):
    for row in np.eye(3):
        x = x + row.sum()
    return x


def over_a_range(x):
    for i in range(3):
        x = x * (i + 2)
    return x


def pieces():
    yield 1.0
    yield 2.0


def counted(n):
    for i in range(n):  # noqa: UP028
        yield i


def over_generators(x):
    for piece in pieces():
        x = x + piece
    for i in counted(3):
        x = x * (i + 1.5)
    for i in counted(1000):  # is a loop
        x[0] += i
    return x


def in_comprehensions(x):
    parts = [x * v for v in (1.0, 2.0)]
    named = {k: x + 1 for k in "ab"}
    return parts[1] + named["a"] + sum(x[i] for i in range(3)) + max(x[j] for j in range(2))


PROGRAMS = {
    over_a_text: ['for letter in "abc": 3 rounds, 3 operations'],
    over_items: ["for _, w in weights.items(): 2 rounds, 2 operations"],
    over_keys_and_values: ["for k in weights: 2 rounds, 2 operations", "for w in weights.values(): 2 rounds, 2 operations"],
    over_pairs: ["for a, b in zip((1, 2), (3, 4)): 2 rounds, 4 operations",
                 "for i, v in enumerate([5.0, 6.0, 7.0]): 3 rounds, 6 operations"],
    over_a_set: ["for q in {1, 2, 3}: 3 rounds, 3 operations"],
    over_a_range: ["for i in range(3): 3 rounds, 3 operations"],
    over_generators: ["for piece in pieces(): body made 2 times, 2 operations", "for i in range(n): 3 rounds, 3 operations",
                      "for i in counted(3): body made 3 times, 3 operations"],
}  # fmt: skip


@pytest.mark.parametrize("function", PROGRAMS, ids=lambda function: function.__name__)
def test_loops_over_anything_are_told(function):
    f = hy.function(function, strict=True)
    assert unrolled(f, np.arange(4.0)) == PROGRAMS[function]
    np.testing.assert_array_equal(f(np.arange(4.0)), function(np.arange(4.0)))


def test_rows_of_an_array():
    (row,) = unrolled(hy.function(over_rows), np.ones(3))
    assert row.startswith("for row in np.eye(3): 3 rounds, ")


def test_comprehensions_are_told_apart_where_they_share_a_line():
    rows = unrolled(hy.function(in_comprehensions), np.arange(3.0))
    assert [row.partition(":")[0] for row in rows] == [
        "for v in (1.0, 2.0)", 'for k in "ab"', "for i in range(3)", "for j in range(2)",
    ]  # fmt: skip


def test_a_loop_of_known_numbers():
    """It finds a size, so that it runs while tracing."""

    @hy.function(strict=True)
    def padded(x):
        size = 1
        while size < 6:
            size *= 2
        return np.stack(np.split(x, size)) * 2.0

    assert unrolled(padded, np.ones(16)) == ["while size < 6: 3 rounds, nothing to compute"]
    assert padded(np.ones(16)).shape == (8, 2)


def test_the_reason_is_told_where_there_is_one():
    @hy.function(strict=True)
    def grows(x):
        for _ in range(6):
            x = np.stack([x, x])
        return x

    (row,) = unrolled(grows, np.ones(2))
    head, _, why = row.partition("; written out since ")
    assert head.startswith("for _ in range(6): 6 rounds, ") and "`x`" in why


def test_a_while_loop_with_a_reason():
    @hy.function(strict=True)
    def doubles(x):
        xs = [x]
        while len(xs) < 5:
            xs = [*xs, np.stack([xs[-1], xs[-1]])]
        return xs[-1]

    (row,) = unrolled(doubles, np.ones(2))
    assert row.startswith("while len(xs) < 5: 4 rounds, ") and "; written out since a list of several kinds" in row


def test_attempts_that_were_given_up_do_not_count():
    """The body of the outer loop is recorded until its variables settle."""

    @hy.function(strict=True)
    def nested(x):
        total = 0
        for i in range(100):
            for q in (1, 2):
                total = total + x[i % 3] * q
        return total

    (row,) = unrolled(nested, np.arange(3.0))
    assert row.startswith("for q in (1, 2): 2 rounds, ")


def test_a_helper_that_is_called_twice_is_told_once():
    def helper(x):
        for a in (1.0, 2.0):
            x = x * a
        return x

    @hy.function(strict=True)
    def f(x):
        return helper(x) + helper(x + 1)

    assert unrolled(f, np.arange(3.0)) == ["for a in (1.0, 2.0): 4 rounds in 2 goes, 4 operations"]


def test_the_file_and_line_are_the_users():
    f = hy.function(over_a_text)
    f(np.ones(2))
    assert f"test_unrolled.py:{over_a_text.__code__.co_firstlineno + 1}  for letter" in f.explain()
