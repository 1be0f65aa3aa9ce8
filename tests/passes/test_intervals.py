"""Checks that cannot fail are dropped, and no others."""

from __future__ import annotations

import linecache
import random

import numpy as np
import pytest

import hybrid as hy
from hybrid.ir.graph import walk

FITS, INDEX = "a Python integer fits 64 bits", "an index is in bounds"


def generator(seed):
    state, total = int(seed[0]), 0
    for _ in range(1000):
        state = (1103515245 * state + 12345) % 2147483648
        total += state >> 16
    return state, total


def counted(x, bound):
    found = 0
    for v in x:
        if v > bound:
            found += 1
        else:
            found -= 2
    return found


def longest_run(x, bound):
    best = run = 0
    for v in x:
        run = run + 1 if v > bound else 0
        best = max(best, run)
    return best


def inversions(x):
    found = 0
    for i in range(len(x)):
        for j in range(i):
            found += 1 if x[j] > x[i] else 0
    return found


def halvings(x, bound):
    rounds = 0
    while x > bound:
        x *= 0.5
        rounds += 1
    return rounds


def masked(codes):
    out = np.zeros(16, np.int64)
    for code in codes:
        out[int(code) & 15] += 1
    return out


def hashed(codes):
    out = np.zeros(10, np.int64)
    for code in codes:
        out[code % 10] = code // 3
    return out


X = np.random.default_rng(0).random(50)
CODES = np.random.default_rng(1).integers(-1000, 1000, 40)


@pytest.mark.parametrize("function, args", [
    (generator, (np.array([42]),)), (counted, (X, 0.5)), (longest_run, (X, 0.3)), (inversions, (X,)), (halvings, (1.0, 1e-6)),
    (masked, (CODES,)), (hashed, (CODES,)),
])  # fmt: skip
def test_no_check_is_left(function, args):
    f = hy.function(function, strict=True)
    np.testing.assert_array_equal(f(*args), function(*args))
    compiled = f.traces[0]
    assert checks(compiled.traced.graph)
    assert not checks(compiled.graph)


def checks(graph):
    return [eqn.params["what"] for eqn in walk(graph) if eqn.primitive.name == "check"]


def product(numbers):
    out = 1
    for n in numbers:
        out *= int(n)
    return out


def from_top(data):
    total = 2**63 - 300
    for byte in data:
        total += int(byte)
    return total


def squares(data):
    total = 0
    for n in data:
        total += int(n) * int(n)
    return total


def doubled(start):
    for _ in range(70):
        start = start + start
    return start


def swapped(a, b):
    for _ in range(100):
        a, b = b, a + b
    return a


def other_way(start, data):
    for n in data:
        start -= int(n)
    return start


def beyond(codes):
    out = np.zeros(8, np.int64)
    for code in codes:
        out[int(code) & 15] += 1
    return out


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("function, args", [
    (product, (np.arange(1, 40),)), (from_top, (np.full(50, 255, np.uint8),)), (squares, (np.full(9, 2**30),)),
    (squares, (np.full(9, 2**31),)), (doubled, (1,)), (swapped, (0, 1)), (other_way, (-(2**62), np.full(9, 2**60))),
])  # fmt: skip
def test_integers_that_do_not_fit_are_pythons(function, args):
    f = hy.function(function)
    for _ in range(3):
        assert f(*args) == function(*args)
        assert type(f(*args)) is int


def test_an_index_that_may_be_out_of_bounds_is_looked_at():
    f, codes = hy.function(beyond), np.arange(16, 24)
    np.testing.assert_array_equal(f(codes), beyond(codes))
    assert INDEX in checks(f.traces[0].graph)
    with pytest.raises(IndexError):
        f(codes + 1)


def test_checks_around_loops_stay_where_others_do():
    def sieve(limit):
        prime, i = np.ones(len(limit) + 1, np.bool_), 2
        while i * i <= len(limit):
            if prime[i]:
                for j in range(i * i, len(limit) + 1, i):
                    prime[j] = False
            i += 1
        return prime

    f = hy.function(sieve, strict=True)
    np.testing.assert_array_equal(f(np.ones(100)), sieve(np.ones(100)))
    assert "a range goes upwards" in checks(f.traces[0].graph)


def test_wrapping_scalars_still_warn():
    @hy.function
    def f(x):
        total = np.int64(2**62)
        for v in x:
            total += v
        return total

    with pytest.warns(RuntimeWarning, match="overflow"), np.errstate(over="warn"):
        assert f(np.array([2**61, 2**61, 2**61])) == f.eager(np.array([2**61, 2**61, 2**61]))


def test_switched_off_by_name():
    with hy.config.override(disable_passes="drop_checks"):
        f = hy.function(counted)
        assert f(X, 0.5) == counted(X, 0.5)
        assert FITS in checks(f.traces[0].graph)


NUMBERS = (0, 1, 2, 3, 7, 15, 16, 255, 1000, 2**31 - 1, 2**31, 2**32, 2**61, 2**62 - 1, 2**62, 2**63 - 1)
OPERATORS = ("+", "-", "*", "//", "%", "&", "|", "^", ">>")


def program(seed: int) -> str:
    """A loop over two integers of Python's, with whatever else: most of them overflow sooner or later, or look as if."""
    draw = random.Random(seed)
    lines = ["def program(a, b, data):", f"    x, y, n = {draw.choice(('a', 'int(data[0])', '0', '5'))}, b, 0"]

    def value() -> str:
        found = draw.choice(("x", "y", "n", "int(v)", str(draw.choice(NUMBERS)), str(-draw.choice(NUMBERS))))
        return f"({found})"

    def expression() -> str:
        first, operator, second = value(), draw.choice(OPERATORS), value()
        if operator in ("//", "%"):
            second = str(draw.choice(NUMBERS[1:]))
        if operator == ">>":
            second = str(draw.randrange(60))
        whole = f"({first} {operator} {second})"
        return f"({whole} & {draw.choice(NUMBERS)})" if draw.random() < 0.3 else whole

    lines.append("    for v in data:")
    for _ in range(draw.randint(1, 4)):
        target, made = draw.choice("xyn"), expression()
        kind = draw.random()
        if kind < 0.3:
            lines += [f"        if {value()} < {value()}:", f"            {target} = {made}"]
        elif kind < 0.5:
            lines.append(f"        {target} += {draw.choice((1, 2, 255, -1, -7))}")
        elif kind < 0.6:
            lines += [
                f"        for k in range({draw.randint(1, 5)}):",
                f"            {target} += int(v) % {draw.randint(1, 9)} + k",
            ]
        else:
            lines.append(f"        {target} = {made}")
    return "\n".join([*lines, "    return x, y, n"])


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("seed", range(30))
def test_random_programs(seed):
    source, name = program(seed), f"<integers {seed}>"
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    space: dict = {}
    exec(compile(source, name, "exec"), space)
    f, draw = hy.function(space["program"]), random.Random(seed)
    for turn in range(4):
        a, b = (draw.choice((1, -1)) * draw.choice(NUMBERS) for _ in range(2))
        data = np.random.default_rng(turn).integers(-(2 ** draw.randint(1, 62)), 2 ** draw.randint(1, 62), 6)
        assert f(a, b, data) == f.eager(a, b, data), source
