"""`:=` in conditions that only a run decides."""

from __future__ import annotations

import ast
import textwrap

import numpy as np
import pytest

import hybrid as hy
from hybrid.staging.walrus import without_walrus

XS = np.random.default_rng(1).random(8)


def newton(x):
    n = 0
    while (e := abs(x * x - 2.0)) > 1e-9:
        x = x - (x * x - 2) / (2 * x)
        n += 1
    return x, e, n


def newton_at_most(x):
    n = 0
    while (n := n + 1) < 50 and abs(f := x * x - 2.0) > 1e-9:
        x = x - f / (2 * x)
    return x, n, f


def both(xs):
    out = []
    for v in xs:
        if (w := v * 2) > 1 and (u := w + 1) < 3:
            out.append(u)
    return out


def either(x, y):
    if not (d := x - y) > 0 or (q := d * 2) > 10:
        return d
    return q


def until_small(xs):
    total = 0.0
    while len(xs) > 0 and (m := xs.max()) > 0.5:
        if m > 0.95:
            xs = xs[xs < m]
            continue
        xs = xs[xs < m]
        total += m
    return total


def first(xs):
    k = 0
    while k < len(xs) and not (found := xs[k] > 0.9):
        k += 1
    return k, found


def in_sequence(x):
    y = (z := x + 1) * 2 + (w := z * z)
    if x > 0:
        return y, z, w
    elif (v := y - 1) > 0 and (u := v * v) > 4:
        return u, v, w
    return (t := x, t * 2)


def found_twice(x):
    return x + (x := 5.0) * x, x


CASES = [
    (newton, [(1.5,), (3.0,)]), (newton_at_most, [(1.5,), (3.0,), (1e9,)]), (both, [(XS,), (XS * 3,)]),
    (either, [(1.0, 2.0), (3.0, 1.0), (30.0, 1.0)]), (until_small, [(XS,), (XS[:0],)]), (first, [(XS,), (XS * 0,)]),
    (in_sequence, [(1.0,), (-2.0,), (-0.5,), (-9.0,)]), (found_twice, [(1.0,), (2.5,)]),
]  # fmt: skip


@pytest.mark.parametrize(("f", "cases"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_it_binds_what_it_binds_undecorated(f, cases):
    g = hy.function(f, strict=True)
    for args in (*cases, *cases):
        assert str(g(*args)) == str(f(*args))


def rewritten(source):
    return ast.unparse(ast.fix_missing_locations(ast.Module(without_walrus(ast.parse(textwrap.dedent(source)).body), [])))


def test_what_is_evaluated_before_stays_before():
    for source in ("y = a[0] + (b := f())", "y = g() + (b := f())", "y = x.a + (b := f())", "y = x + (x := f())",
                   "y = (a if p else (b := c))", "y = [b for v in x if (b := v)]", "y = 0 < c < (b := f())",
                   "y = p and (b := f())", "y += (b := f())", "z[i] = (b := f())"):  # fmt: skip
        assert rewritten(source) == ast.unparse(ast.parse(source)), source
    assert rewritten("y = n + (b := f()) * (c := b)") == "b = f()\nc = b\ny = n + b * c"
    assert rewritten("global n\ny = n + (b := f())") == "global n\ny = n + (b := f())"
    assert rewritten("y = np.abs(b := f())") == "b = f()\ny = np.abs(b)"
