"""Special methods of the user's classes, whose control flow is open, and functions that look for numbers in lists."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hybrid as hy


class Vector:
    def __init__(self, *parts):
        self.parts = parts

    def __abs__(self):
        return math.hypot(*self.parts)

    def __len__(self):
        return len(self.parts)

    def __getitem__(self, k):
        return self.parts[k] if k >= 0 else -self.parts[k]

    def __float__(self):
        return float(max(self.parts))

    def __int__(self):
        return int(self.parts[0])

    def __round__(self, digits=0):
        return Vector(*(round(part, digits) for part in self.parts))

    def __lt__(self, other):
        return abs(self) < abs(other)

    def __eq__(self, other):
        return all(a == b for a, b in zip(self.parts, other.parts)) if isinstance(other, Vector) else NotImplemented

    def __add__(self, other):
        return Vector(*(a + b for a, b in zip(self.parts, other.parts)))


def asked(x):
    v = Vector(x[0], x[1]) + Vector(1.0, 2.0)
    return abs(v), len(v), v[0] + v[-1], float(v), int(v), round(v, 1).parts, abs(round(v))


def compared(x):
    one, other = Vector(x[0], x[1]), Vector(x[1], x[2])
    return one < other, one > other, one == other, one == one, one == 3, one != other


def in_a_loop(x):
    total, longest = Vector(0.0, 0.0), 0.0
    for k in range(len(x) - 1):
        total = total + Vector(x[k], x[k + 1])
        if abs(total) > longest:
            longest = abs(total)
    return longest, total[1]


def places(x):
    values = [x[0], x[1], x[2], 9.0]
    return values.index(x[2]), values.index(max(values)), (x[1], x[0]).index(x[0]), x.tolist().index(min(x))


def from_iterators(x):
    return (
        np.fromiter((v * v for v in x), float),
        np.fromiter([v for v in x if v > 1], np.float32),
        np.fromiter(map(abs, x), float),
    )


@pytest.mark.parametrize("f", [asked, compared, in_a_loop, places, from_iterators])
def test_what_classes_say(f):
    g = hy.function(f, strict=True)
    for x in (np.array([3.0, 1.5, 2.0]), np.array([0.5, -1.0, 4.25]), np.array([1.0, 2.0, 3.0])):
        got, want = g(x), f(x)
        assert [type(part) for part in got] == [type(part) for part in want] and str(got) == str(want)


def test_what_is_in_no_list():
    g = hy.function(lambda x, y: [x[0], x[1]].index(y))
    assert g(np.array([1.0, 2.0]), 2.0) == 1
    with pytest.raises(ValueError, match=r"is not in list"):
        g(np.array([1.0, 2.0]), 5.0)


class Converted:
    def __init__(self, x):
        self.x = x

    def __float__(self):
        return self.x[0]  # a np.float64, of which Python makes a float, and says so

    def __int__(self):
        return self.x.astype(int)[0]  # none of Python's: it raises

    def __len__(self):
        return self.x.astype(int)[1]


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning", "ignore::DeprecationWarning")
def test_what_python_makes_of_numpys_numbers():
    x = np.array([1.5, 2.0])
    for convert in (float, len):
        f = hy.function(lambda x, convert=convert: convert(Converted(x)))
        for _ in range(3):
            assert type(f(x)) is type(convert(Converted(x))) and f(x) == convert(Converted(x))
    f = hy.function(lambda x: int(Converted(x)))
    for _ in range(3):
        with pytest.raises(TypeError, match="returned non-int"):
            f(x)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
@pytest.mark.parametrize("f", [
    lambda x: np.fromiter([x, x], float), lambda x: np.fromiter(v for v in x), lambda x: np.fromiter((v for v in x), float, 9),
])  # fmt: skip
def test_what_numpy_makes_no_vector_of(f):
    x = np.arange(3.0)
    with pytest.raises((TypeError, ValueError)) as wanted:
        f(x)
    with pytest.raises(wanted.type) as raised:
        hy.function(f)(x)
    assert str(raised.value) == str(wanted.value)
