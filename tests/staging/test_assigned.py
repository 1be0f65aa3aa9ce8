"""Texts that only the ways out of a loop bind."""

from __future__ import annotations

import ast
import inspect
import textwrap

import numpy as np
import pytest

import hybrid as hy
from hybrid.staging.assigned import bound_by_exits

XS = [np.array(x) for x in ([0.1, 0.2, 3.0], [0.1, -4.0, 9.0], [0.1, 0.2, 0.3], [5.0], [0.0] * 7)]


def found_or_not(x):
    for k in range(len(x)):
        if x[k] > 1.0:
            status = "big"
            break
    else:
        status = "none"
    return status, k


def two_ways(x):
    for k in range(len(x)):
        if x[k] > 1.0:
            status = "big"
            break
        if x[k] < -1.0:
            status = "small"
            break
    else:
        k, status = -1, "none"
    return k, status + "!"


def endless(x):
    k, total = 0, 0.0
    while True:
        k += 1
        total += x[k % len(x)]
        if total > 4.0:
            why = "total"
            break
        elif total < -3:
            why, total = "negative", 0.0
            break
        if k > 20:
            why = "rounds"
            break
    return why, k, total


def kind_of_ways(x):
    for v in x:
        if v > 1.0:
            if v > 4.0:
                kind = "huge"
            else:
                kind = "big"
            break
    else:
        kind = "none"
    return {"kind": kind, "is huge": kind == "huge"}


def inner(x):
    counts = 0
    for start in range(len(x)):
        for k in range(start, len(x)):
            if x[k] > 1.0:
                verdict = "up"
                break
        else:
            verdict = "flat"
        if verdict == "up":
            counts += 1
    return counts


@pytest.mark.parametrize("f", [found_or_not, two_ways, endless, kind_of_ways, inner])
def test_texts_of_exits(f):
    compiled = hy.function(f, strict=True)
    for x in [*XS, *XS]:
        assert compiled(x) == f(x)


def maybe_unbound(x):
    for k in range(len(x)):
        if x[k] > 1.0:
            status = "big"
            break
    return status, k


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_what_may_be_unbound_says_so():
    compiled = hy.function(maybe_unbound)
    assert compiled(XS[0]) == maybe_unbound(XS[0])
    with pytest.raises(UnboundLocalError):
        compiled(XS[2])


BODIES = {
    "for k in x:\n    if k: a = 1; break\nelse: a = 2": {"a"},
    "for k in x:\n    if k: a = 1; break": set(),
    "for k in x:\n    if k: break\nelse: a = 2": set(),
    "while True:\n    if f(): a = 1; break\n    if g(): a, b = 2, 3; break": {"a"},
    "while f():\n    a = 1\n    break": set(),
    "a = 0\nfor k in x:\n    if k: a = 1; break\nelse: a = 2": set(),
    "for k in x:\n    if k: a = 1; break\n    print(a)\nelse: a = 2": set(),
    "for k in x:\n    if k: a: int; break\nelse: a = 2": set(),
    "for k in x:\n    if k: a += 1; break\nelse: a = 2": set(),
    "for k in x:\n    with f(): a = 1; break\nelse: a = 2": {"a"},
    "for k in x:\n    with f(): a = 1\n    break\nelse: a = 2": set(),
    "try:\n    for k in x:\n        if k: a = 1; break\n    else: a = 2\nfinally: pass": set(),
    "for k in x:\n    if k: a = 1; break\nelse: a = 2\ndel a": set(),
    "for k in x:\n    if k: a = 1; break\nelse: a = 2\ndef g(): return a": set(),
    "for k in x:\n    for m in x:\n        a = 1\n        break\n    if k: break\nelse: a = 2": set(),
    "for k in x:\n    if k: a = 1; break\n    elif m: continue\n    else: return 3\nelse: raise ValueError": {"a"},
    "for k in x:\n    match k:\n        case 1: break\n    a = 1\n    break\nelse: a = 2": set(),
}


@pytest.mark.parametrize("body", BODIES)
def test_which_names_are_bound_on_all_ways_out(body):
    assert bound_by_exits(ast.parse(body).body) == BODIES[body]


def test_the_functions_above():
    for f in (found_or_not, two_ways, endless, kind_of_ways, inner):
        names = bound_by_exits(ast.parse(textwrap.dedent(inspect.getsource(f))).body[0].body)
        assert names & {"status", "why", "kind", "verdict"}
