"""The user's own Numba functions that take arrays: what they give, and what they write into their arguments."""

from __future__ import annotations

import warnings

import numba
import numpy as np
import pytest

from hybrid.passes import worth
from hybrid.staging.function import FallbackWarning, function

TABLE = np.zeros(4)


@numba.njit
def scaled(x, k=2.0):
    out = np.empty_like(x)
    for i in range(len(x)):
        out[i] = x[i] * i + k
    return out


@numba.njit
def inner(x):
    x[0] += 1


@numba.njit
def add_one(x):
    for i in range(len(x)):
        x[i] += 1
    inner(x)


@numba.njit
def add_backwards(a, b):
    for i in range(len(a)):
        a[i] += b[-1 - i]


@numba.njit
def large_ones(x):
    return x[x > 1]


@numba.njit
def part(x):
    return x[1:]


@numba.njit
def refuses(x):
    x[0] = 5
    if x[1] > 2:
        raise ValueError("too much")
    return x.sum()


@numba.njit
def several(x, k):
    return x * k, x.sum(), len(x), x[0] > 1


@numba.njit
def loud(x):
    print(x[0])
    return x + 1


def whole(x):
    add_one(x)
    return x.sum()


def views(x):
    add_one(x[::2])
    y = np.zeros((4, 4))
    add_one(y[:, 2])
    add_one(x.reshape(-1)[1:])
    return y


def twice(x):
    add_backwards(x, x)
    return x * 2


def apart(x):
    y = x.copy()
    add_backwards(x, y)
    return x + y


def captured(x):
    add_one(TABLE)
    return TABLE + x[:4]


def selected(x):
    return large_ones(x) + 1


def aliased(x):
    part(x)[0] = 7
    return x


def numbers(x):
    return several(x, 2), several(x, 0.5), scaled(x), scaled(x, k=1.0), scaled(x.astype(np.float32))


def caught(x):
    try:
        return refuses(x)
    except ValueError as error:
        return str(error)


def in_loop(x):
    for _ in range(6):
        add_one(x)
    return x


def outcome(f, x):
    TABLE[:] = len(x)
    try:
        result = f(x)
    except ValueError as error:
        result = str(error)
    return result if isinstance(result, tuple) else (result,), x, TABLE.copy()


def alike(a, b):
    if isinstance(a, tuple):
        return type(b) is tuple and len(a) == len(b) and all(map(alike, a, b))
    return type(a) is type(b) and np.array_equal(a, b) and np.asarray(a).dtype == np.asarray(b).dtype


@pytest.mark.parametrize(
    "program", [whole, views, twice, apart, captured, selected, aliased, numbers, caught, in_loop, refuses.py_func]
)
@pytest.mark.parametrize("quick", [0, worth.ISLAND])
def test_results_and_writes(monkeypatch, program, quick):
    monkeypatch.setattr(worth, "ISLAND", -(10**9) if quick == 0 else quick)  # between compiled parts whatever it costs
    compiled = function(program)
    for k, size in enumerate((4, 4, 6, 9, 4)):
        x = np.arange(float(size)) + (k % 3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            want, got = outcome(program, x.copy()), outcome(compiled, x.copy())
        assert alike(want, got)


def test_where_much_is_around_them_it_is_compiled():
    compiled = function(lambda x: (np.sin(np.exp(-large_ones(np.cos(x) * 2 + 1))) * np.sqrt(np.abs(x)).sum() + x[0]).sum())
    x = np.linspace(0, 3, 400_000)
    with pytest.warns(FallbackWarning, match="large_ones is called between compiled parts"):
        for k in (0, 0.5, 1, 0.2):  # how much it gives follows from values, as a second call shows
            assert np.isclose(compiled(x + k), compiled.eager(x + k))
    assert len(compiled.traces) == 1


def test_other_effects_are_pythons(capfd):
    compiled = function(lambda x: loud(x) * 2)
    with pytest.warns(FallbackWarning, match="loud, compiled by Numba"):
        for _ in range(2):
            compiled(np.ones(3))
    assert capfd.readouterr().out == "1.0\n" * 2
