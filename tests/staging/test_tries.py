"""`try` statements whose bodies raise for values that only a run knows."""

import math

import numpy as np
import pytest

import hybrid as hy

X, Y = np.array([3, 0, 2, 5, 0, 1, 0, 4]), np.array([0, 2, 0, 1, 3, 0, 0, 2])
F = np.array([0.5, -1.0, 0.0, 2.5, -0.25, 4.0])


def divided(a, b):
    out = []
    for x, y in zip(a, b):
        try:
            out.append(int(x) // int(y))
        except ZeroDivisionError:
            out.append(-1)
    return out


def counted(keys):
    counts = {}
    for k in keys:
        try:
            counts[int(k)] += 1
        except KeyError:
            counts[int(k)] = 1
    return counts


def looked_up(keys, table):
    total = 0
    for k in keys:
        try:
            total += table[int(k)]
        except (KeyError, IndexError):
            total -= 100
    return total


def found(x, values):
    known, out = [int(v) for v in values], []
    for v in x:
        try:
            out.append(known.index(int(v)))
        except ValueError:
            out.append(-1)
    return out


def popped(n):
    items, total = list(range(n)), 0
    for _ in range(n + 3):
        try:
            total += items.pop()
        except IndexError:
            total += 100
    return total


def elements(x, places):
    out = []
    for k in places:
        try:
            out.append(x[int(k)] * 2)
        except IndexError:
            out.append(-1)
    return out


def own_errors(x):
    def root(v):
        if v < 0:
            raise ValueError(f"{v} is negative")
        return math.sqrt(v)

    total, bad = 0.0, 0
    for v in x:
        try:
            total += root(v)
        except ValueError:
            bad += 1
    return total, bad


class Worse(ArithmeticError):
    pass


def raised_in_the_body(x):
    total = 0.0
    for v in x:
        try:
            if v > 2:
                raise Worse
            elif v < 0:
                raise ArithmeticError
            total += v
        except ArithmeticError:
            total -= 1
            continue
        total *= 1.5
    return total


def returned(x):
    for k, v in enumerate(x):
        try:
            return k, 6 // int(v)
        except ZeroDivisionError:
            continue
    return None


def left(x):
    k = 0
    while True:
        try:
            v = 6 // int(x[k])
            break
        except ZeroDivisionError:
            k += 1
    return k, v


def of_floats(x):
    total = 0.0
    for v in x:
        try:
            total += 1.0 / float(v) + math.log(float(v))
        except ZeroDivisionError:
            total -= 1.0
        except ValueError:
            total -= 10.0
    return total


def logarithms(x):
    out = []
    for v in x:
        try:
            out.append(math.log(float(v)))
        except ValueError:
            out.append(-99.0)
    return out


def written(x, y):
    for k, v in enumerate(y):
        try:
            x[k] = 6 // int(v)
        except ZeroDivisionError:
            x[k] = -1
    return x


def two_divisions(x):
    total = 0
    for v in x:
        try:
            total += 6 // int(v) + 3 // (int(v) - 1)
        except ZeroDivisionError:
            total += 1
    return total


STRICT = [
    (divided, [(X, Y), (X[:3], Y[:3])]),
    (counted, [(X,), (Y,), (X[:1],)]),
    (looked_up, [(X, {0: 1, 3: 7}), (Y, {0: 1, 3: 7})]),
    (found, [(X, Y[:3]), (Y, X[:3])]),
    (popped, [(2,), (4,), (5,)]),
    (elements, [(F, X * 3 - 8), (F[:2], Y)]),
    (own_errors, [(F,), (F[:2],)]),
    (raised_in_the_body, [(F,), (F[:2],)]),
    (returned, [(X,), (X[1:2],), (X[4:],)]),
    (left, [(X,), (X[1:],), (X[4:],)]),
    (logarithms, [(F,), (F[1:3],)]),
    (written, [(X, Y), (Y, X)]),
    (two_divisions, [(X,), (Y,)]),
]


@pytest.mark.parametrize("function, cases", STRICT, ids=[function.__name__ for function, _ in STRICT])
def test_compiled_as_a_whole(function, cases):
    compiled = hy.function(function, strict=True)
    for _ in range(2):
        for args in cases:
            got, want = (f(*(a.copy() if isinstance(a, np.ndarray) else a for a in args)) for f in (compiled, function))
            assert repr(got) == repr(want)


def changed_before(a, b):
    n, out = 0, []
    for x, y in zip(a, b):
        try:
            n += 1
            out.append(int(x) // int(y))
        except ZeroDivisionError:
            out.append(n)
    return out, n


def changed_by_a_call(x):
    seen = []

    def f(v):
        seen.append(int(v))
        return 6 // int(v)

    total = 0
    for v in x:
        try:
            total += f(v)
        except ZeroDivisionError:
            total -= 1
    return total, seen


def printed_before(x):
    for v in x:
        try:
            print("divided by", end=" ")
            print(6 // int(v))
        except ZeroDivisionError:
            print("zero")


def drawn_before(x, rng):
    total = 0.0
    for v in x:
        try:
            total += rng.random() + 6 // int(v)
        except ZeroDivisionError:
            total += 10 * rng.random()
    return total, rng.random()


def another_error_first(keys, x, table):
    out = []
    for k, v in zip(keys, x):
        try:
            out.append(table[int(k)] // int(v))
        except ZeroDivisionError:
            out.append(-1)
    return out


def taken_from_a_list(x):
    items, out = [1, 2, 3], []
    for v in x:
        try:
            out.append(items.pop() // int(v))
        except ZeroDivisionError:
            out.append(-1)
        except IndexError:
            out.append(-2)
    return out, items


def named(x):
    out = []
    for v in x:
        try:
            out.append(6 // int(v))
        except ZeroDivisionError as error:
            out.append(str(error))
    return out


def least(x):
    try:
        return min(int(v) for v in x if v > 3)
    except IndexError:
        return -1
    except ValueError:
        return -2


def deep(x, depth):
    try:
        return 6 // int(x[depth]) if depth >= 24 else deep(x, depth + 1) + 12 // int(x[depth])
    except ZeroDivisionError:
        return depth


def in_one_another(x, y):
    def inner(a, b):
        try:
            return a // b
        except ZeroDivisionError:
            return 100

    total = 0
    for a, b in zip(x, y):
        try:
            total += inner(int(a), int(b)) // int(a)
        except ZeroDivisionError:
            total += 1000
    return total


class Counter:
    def __init__(self):
        self.calls = 0

    def divide(self, v):
        self.calls += 1
        return 6 // v


def attributes(x):
    counter, total = Counter(), 0
    for v in x:
        try:
            total += counter.divide(int(v))
        except ZeroDivisionError:
            total -= 1
    return total, counter.calls


OTHERS = [
    (changed_before, lambda: [(X, Y), (Y, X)]),
    (changed_by_a_call, lambda: [(X,), (Y,)]),
    (printed_before, lambda: [(X,), (Y,)]),
    (drawn_before, lambda: [(X, np.random.default_rng(1)), (Y, np.random.default_rng(2))]),
    (another_error_first, lambda: [(X, Y, {0: 1, 1: 4, 2: 3, 3: 1, 4: 2, 5: 6}), (X, Y, {0: 1, 3: 1}), (X, Y, {})]),
    (taken_from_a_list, lambda: [(X[:3],), (X,)]),
    (named, lambda: [(X,), (Y,)]),
    (least, lambda: [(X,), (Y,)]),
    (of_floats, lambda: [(F,), (F[:1],)]),
    (deep, lambda: [(np.ones(25), 0), (np.r_[np.ones(20), 0, np.ones(4)], 0)]),
    (in_one_another, lambda: [(X, Y), (Y, X)]),
    (attributes, lambda: [(X,), (Y,)]),
]


@pytest.mark.parametrize("function, cases", OTHERS, ids=[function.__name__ for function, _ in OTHERS])
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_as_undecorated(function, cases, capsys):
    def outcome(f, *args):
        try:
            return repr(f(*args)), capsys.readouterr().out
        except Exception as error:
            return repr(error), capsys.readouterr().out

    compiled = hy.function(function)
    for _ in range(3):
        for args, same in zip(cases(), cases()):
            assert outcome(compiled, *args) == outcome(function, *same)
