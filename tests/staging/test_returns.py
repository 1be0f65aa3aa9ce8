"""Early returns from loops that fill what is returned."""

from __future__ import annotations

import ast

import numpy as np
import pytest

import hybrid as hy
from hybrid.staging.returns import after_loops


def iterated(x, tolerance, rounds):
    history = []
    x = x.copy()
    for k in range(rounds):
        size = np.abs(x).max()
        history.append(size)
        if size < tolerance:
            return x, k, history
        x = x * 0.5
    return x, rounds, history


def in_two_loops(x, tolerance, rounds):
    seen, x = [], x * 1.0
    for outer in range(rounds):
        for inner in range(3):
            x = 0.7 * x
            seen.append(x[0])
            if x[0] < tolerance:
                return x, seen, outer, inner
        if x[1] < tolerance:
            return x, seen, outer, -1
    else:
        x = x + 1.0
    return x, seen, rounds, -2


def until_something(x, tolerance, rounds):
    steps, x = [], 1.0 * x
    while True:
        x = x - 0.3
        steps.append(float(x.sum()))
        if x[0] < tolerance:
            return x * 2, steps
        elif len(steps) >= rounds:
            return x, steps


def raises_where_it_returns(x, tolerance, rounds):
    seen = []
    for k in range(rounds):
        seen.append(x[0] / (k + 1))
        if seen[k] < tolerance:
            return seen, x[k + 100 * (k > 3)]
    return seen, x[-1]


@pytest.mark.parametrize("program", [iterated, in_two_loops, until_something])
def test_what_a_loop_fills_is_returned_from_it(program):
    compiled = hy.function(program, strict=True)
    for tolerance, rounds in ((0.1, 40), (0.1, 34), (1e-9, 12), (5.0, 20)):
        got, want = (f(np.array([3.0, 2.0]), tolerance, rounds) for f in (compiled, program))
        assert type(got) is type(want) and len(got) == len(want)
        assert all(type(a) is type(b) and np.allclose(a, b, rtol=1e-12) for a, b in zip(got, want))


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_an_error_of_what_is_returned_is_raised():
    compiled = hy.function(raises_where_it_returns)
    x = np.array([3.0, 2.0])
    assert compiled(x, 1.6, 30) == raises_where_it_returns(x, 1.6, 30)
    with pytest.raises(IndexError):
        compiled(x, 0.2, 30)


@pytest.mark.parametrize("kept", [
    "for x in xs:\n    if x: return x",
    "for x in xs:\n    try:\n        seen.append(x)\n        return seen\n    finally: pass",
    "for x in xs:\n    with x: return seen\n    seen.append(x)",
    "for x in xs:\n    def f(): return seen\n    seen.append(x)",
    "for x in xs:\n    seen.append(x)\n    if x: return other",
    "for x in xs:\n    seen = [x]\n    seen.append(x)\n    if x: return seen",
])  # fmt: skip
def test_other_returns_stay(kept):
    body = ast.parse(f"def f(xs):\n    {kept.replace(chr(10), chr(10) + '    ')}").body[0].body
    before = ast.dump(ast.Module(body, []))
    after, invented = after_loops(body)
    assert not invented and ast.dump(ast.Module(after, [])) == before
