"""Results that are an argument itself in some calls and a new array in others: `if norm > most: g = g * (most / norm)`."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid import FallbackWarning, function


def clip(g, m):
    n = np.linalg.norm(g)
    if n > m:
        g = g * (m / n)
    return g


def clip2(g, m):
    n = np.linalg.norm(g)
    if n <= m:
        return g
    return g * (m / n)


def three(x, c):
    if c > 2:
        y = x * 2
    elif c > 1:
        y = x + 1
    else:
        y = x
    return y


def three2(x, c):
    if c > 2:
        return x
    if c > 1:
        return x + 1
    return x * 3


def loop(x, c):
    for k in range(3):
        if c > k:
            x = x * 2
    return x


def wr(x, c):
    if c > 1:
        y = x * 2
    else:
        y = x
    y += 1
    return y


def wr2(x, c):
    if c > 1:
        y = x * 2
    else:
        y = x
    x += 1
    return y


def both(x, c):
    y = x * 2 if c > 1 else x
    return x, y


def dic(x, c):
    y = x if c > 1 else x + 1
    return {"y": y, "z": y}


def lst(x, c):
    y = x if c > 1 else x + 1
    return [y, x]


def view(x, c):
    y = x if c > 1 else x + 1
    return y[1:]


def as_float(x, c):
    if c > 1:
        x = x.astype(float)
    return x


def helper(x, c):
    return clip(x, c).sum(), clip(x, c)


PROGRAMS = (clip, clip2, three, three2, loop, wr, wr2, both, dic, lst, view, as_float, helper)
PLAIN = (wr2, both, lst)  # which of two arrays is meant where only a run can tell


def arrays(result):
    return (
        list(result.values()) if isinstance(result, dict) else list(result) if isinstance(result, (tuple, list)) else [result]
    )


def seen(program, x, c):
    """The values of what is returned, which is the argument or a view of it, and what the argument holds then."""
    found = arrays(program(x, c))
    whose = [(one is x, getattr(one, "base", None) is x) for one in found]
    return whose, [one is found[0] for one in found], [np.asarray(one).round(9).tolist() for one in found], x.tolist()


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_argument_or_a_new_array(program):
    fast = function(program)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        for _ in range(2):
            for c in (0.5, 1.5, 2.5, 100.0):
                for size in (3, 5):
                    x = np.arange(1.0, size + 1)
                    assert seen(fast, x.copy(), c) == seen(program, x.copy(), c)
    if program not in PLAIN:
        function(program, strict=True)(np.ones(3), 1.0)
