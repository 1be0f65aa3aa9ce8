"""Texts that loops make longer: what comes back, and where the text is read in between."""

import numpy as np
import pytest

import hybrid as hy

X = np.array([0.5, -1.0, 2.0, 2.5, -0.25, -3.0, 1.0])


def to_base(n, base):
    digits, text = "0123456789ABCDEF", ""
    while n > 0:
        text = digits[n % base] + text
        n //= base
    return text or "0"


def traceback(a, b):
    n, m = len(a), len(b)
    S = np.zeros((n + 1, m + 1), int)
    S[:, 0], S[0] = -np.arange(n + 1), -np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            S[i, j] = max(S[i - 1, j - 1] + (1 if a[i - 1] == b[j - 1] else -1), S[i - 1, j] - 1, S[i, j - 1] - 1)
    x, y = "", ""
    i, j = n, m
    while i > 0 or j > 0:
        if i > 0 and j > 0 and S[i, j] == S[i - 1, j - 1] + (1 if a[i - 1] == b[j - 1] else -1):
            x = a[i - 1] + x
            y = b[j - 1] + y
            i -= 1
            j -= 1
        elif i > 0 and S[i, j] == S[i - 1, j] - 1:
            x, y = a[i - 1] + x, "-" + y
            i -= 1
        else:
            x = "-" + x
            y = b[j - 1] + y
            j -= 1
    return x, y


def runs(x):
    out, i = "", 0
    while i < len(x):
        j = i
        while j < len(x) and (x[j] > 0) == (x[i] > 0):
            j += 1
        out += f"{j - i}x{'+' if x[i] > 0 else '-'} "
        i = j
    return out


def drawn(g):
    out: str = ""
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            out += "#" if g[i, j] > 0.5 else "."
        out += "\n"
    return out


def on_both_sides(x):
    out = "|"
    for v in x:
        out = ("<" if v < 0 else "(") + out + (">" if v < 0 else ")")
    return out


def without_repeats(x):
    out = ""
    for v in x:
        mark = "+" if v > 0 else "-"
        if not out or out[-1] != mark:
            out += mark
    return out, len(out), out[::-1], out[1:3]


def read_in_between(x):
    out, seen = "", 0
    for v in x:
        out += "a" if v > 0 else "b"
        before = out
        out += "c"
        seen += len(before)
    return out, seen, out == "acbc", [1 if letter == "c" else 0 for letter in out]


def begun_anew(x):
    total = 0
    for i in range(len(x)):
        line = ""
        for j in range(i):
            line += "a" if x[j] > 0 else "b"
        if line and line[-1] == "a":
            total += len(line)
    return total


def of_known_pieces(x):
    name = ""
    for k in range(3):
        name += str(k)
    return {name: x * 2}


STRICT = [
    (to_base, [(10, 2), (255, 16), (0, 2), (12345, 7), (99, 3)]),
    (traceback, [("ACCGT", "ACGTT"), ("GATTACA", "GCATGCT"), ("", "AC"), ("A", "A")]),
    (runs, [(X,), (X[:3],), (X[:0],)]),
    (drawn, [(np.eye(3),), (np.eye(4, 2),)]),
    (on_both_sides, [(X,), (X[:2],)]),
    (without_repeats, [(X,), (X[:4],), (X[:0],)]),
    (read_in_between, [(X,), (X[:1],), (X[:2],)]),
    (begun_anew, [(X,), (X[:2],)]),
    (of_known_pieces, [(1.5,), (2.5,)]),
]


@pytest.mark.parametrize("function, cases", STRICT, ids=[function.__name__ for function, _ in STRICT])
def test_compiled_as_a_whole(function, cases):
    compiled = hy.function(function, strict=True)
    for _ in range(2):
        for args in cases:
            assert repr(compiled(*args)) == repr(function(*args))


def no_text(x):
    out = ""
    for v in x:
        out += 1 if v > 0 else 2
    return out


def no_text_before(x):
    out = ""
    for v in x:
        out = int(v) + out
    return out


def halfway(x):
    out = "."
    try:
        for v in x:
            out = "a" + out + (int(v) if v < 0 else "b")
    except TypeError:
        return out
    return out


def unbound(x):
    for v in x:
        if v > 3:
            out = ""
        out += "a"
    return out


def number_at_last(x):
    out = ""
    for _ in x:
        out += "a"
    out = len(out)
    return out


def of_another_function(x):
    out = ""

    def add():
        nonlocal out
        out += "a"

    for _ in x:
        add()
    return out


def in_a_comprehension(x):
    out = ""
    for v in x:
        out += "a" if v > 0 else "b"
    return [out for out in ("p", "q")], out


def as_a_key(x):
    table, word = {"": 0}, ""
    for v in x:
        letter = "a" if v > 0 else "b"
        if word + letter in table:
            word += letter
        else:
            table[word + letter] = len(table)
            word = ""
    return table


def of_a_parameter(x, out=""):
    for v in x:
        out += "a" if v > 0 else "b"
    return out


@pytest.mark.parametrize(
    "function",
    (
        no_text,
        no_text_before,
        halfway,
        unbound,
        number_at_last,
        of_another_function,
        in_a_comprehension,
        as_a_key,
        of_a_parameter,
    ),
    ids=lambda f: f.__name__,
)
@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_as_undecorated(function):
    def outcome(f, *args):
        try:
            return f(*args)
        except Exception as error:
            return type(error), str(error)

    compiled = hy.function(function)
    for _ in range(3):
        for x in (X, X[:1], X[:0]):
            assert outcome(compiled, x) == outcome(function, x)
