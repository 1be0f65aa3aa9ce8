"""Several writes into an argument, one after another: each stores its own elements where they lie, and what is read between
the writes is what is there then."""

from __future__ import annotations

import linecache
import re

import numpy as np
import pytest

import hybrid as hy


def boundaries(u):
    u[0, :] = u[1, :]
    u[-1, :] = u[-2, :]
    u[:, 0] = u[:, 1]
    u[:, -1] = 2 * u[:, -2] - u[:, -3]


def periodic(u):
    u[0] = u[-2]
    u[-1] = u[1]


def scaled(u):
    u *= 2
    u += 1
    u[0] = 0.0
    u[1:] -= 3


def raveled(u):
    flat = u.ravel()
    flat[::7] += 1.5
    flat[5:9] = 2.0
    flat[3] = flat[4]


def other_rows(u):
    rows = u.reshape(-1, 2)
    rows[3] = 7.0
    rows[1:3] *= -1
    u[2] = 4.0


def stencil(u):
    u[1:-1, 1:-1] = 0.25 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2])
    u[0] = u[1]
    u[:, -1] = 1.0


def on_the_diagonal(u):
    n = len(u)
    u[np.arange(n), np.arange(n)] += 2.0


def filled(u):
    np.fill_diagonal(u, 3.0)


def at_places(u):
    u[[1, 3, 1]] = u[[0, 2, 4]] * 2


def along(u):
    np.put_along_axis(u, np.argmax(u, axis=1)[:, None], -1.0, axis=1)


WRITES = [boundaries, periodic, scaled, raveled, other_rows, stencil, filled, on_the_diagonal, at_places, along]


@pytest.mark.parametrize("f", WRITES, ids=lambda f: f.__name__)
def test_writes_are_the_undecorated_ones(f):
    decorated = hy.function(f, strict=True)
    for rows, columns in ((6, 8), (8, 8), (31, 32)):
        a = np.random.default_rng(rows).standard_normal((rows, columns))
        b = a.copy()
        f(a), decorated(b)
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("f", [boundaries, periodic, scaled, raveled, other_rows], ids=lambda f: f.__name__)
def test_nothing_is_copied(f):
    decorated = hy.function(f, strict=True)
    decorated(np.ones((6, 8)))
    lowered = decorated.traces[0].lowered
    assert not lowered.writebacks and lowered.arena_size == 0
    assert {buffer.name for kernel in lowered.kernels for buffer in kernel.buffers} == {"u"}


def test_a_stencil_needs_one_copy():
    decorated = hy.function(stencil, strict=True)
    decorated(np.ones((6, 8)))
    assert not decorated.traces[0].lowered.writebacks and len(decorated.traces[0].lowered.arena) == 1


def test_old_values_that_are_read_later_are_kept():
    def f(x, y):
        old = x * 1.0
        x[0] = 5.0
        before = old[1] + x[2]
        x[1:3] = y[:2]
        y[:] = x[::-1]
        x[-1] = before
        return old.sum(), x[0] * 2, y

    decorated = hy.function(f, strict=True)
    for _ in range(2):
        a, b = np.arange(6.0), np.arange(6.0) * 10
        c, d = a.copy(), b.copy()
        expected, got = f(a, b), decorated(c, d)
        assert expected[:2] == got[:2] and got[2] is d
        np.testing.assert_array_equal([a, b], [c, d])


def test_an_error_leaves_everything_as_undecorated_code_does():
    def f(x, i):
        x[0] = 1.0
        x[1:3] = 2.0
        x[i] = 3.0
        x[-1] = 4.0

    decorated = hy.function(f)
    for i in (3, 4, -1, 2):
        a, b = np.zeros(6), np.zeros(6)
        f(a, i), decorated(b, i)
        np.testing.assert_array_equal(a, b)
    for i in (6, -7, 100):
        a, b = np.zeros(6), np.zeros(6)
        with pytest.raises(IndexError):
            f(a, i)
        with pytest.raises(IndexError):
            decorated(b, i)
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("f", [on_the_diagonal, at_places, along], ids=lambda f: f.__name__)
def test_places_that_only_a_run_knows_are_written_where_they_are(f):
    decorated = hy.function(f, strict=True)
    u = np.ones((6, 8))
    decorated(u)
    lowered = decorated.traces[0].lowered
    assert not lowered.writebacks and lowered.arena_size < u.nbytes


@pytest.mark.parametrize("wrong", [7, -8, 2**40])
def test_one_wrong_place_among_many_writes_nothing(wrong):
    def f(x, places, values):
        x[places] = values

    decorated = hy.function(f)
    for places in ([0, 1, 2], [3, wrong, 5], [6, 6, -1], [wrong, 0, 0], [1, 2, wrong]):
        a, b = np.zeros(7), np.zeros(7)
        given = np.array(places), np.array([1.0, 2.0, 3.0])
        if wrong in places:
            with pytest.raises(IndexError):
                f(a, *given)
            with pytest.raises(IndexError):
                decorated(b, *given)
            assert not b.any()
        else:
            f(a, *given), decorated(b, *given)
        np.testing.assert_array_equal(a, b)


def test_arguments_that_share_memory():
    def f(x, y):
        x[0] = y[1]
        x[1:] *= y[:-1]
        x[-1] = y[0]

    decorated = hy.function(f)
    for second in (slice(None), slice(1, 6), slice(5, None, -1)):
        a = np.arange(1.0, 9.0)
        b = a.copy()
        f(a[:6][: len(a[:6][second])], a[:6][second])
        decorated(b[:6][: len(b[:6][second])], b[:6][second])
        np.testing.assert_array_equal(a, b)


PLACES = [
    "x[{i}]", "x[{i}:{j}]", "x[::{k}]", "x[{i}, {k}]", "x[:, {k}]", "x[{i}:{j}, {k}:]", "x.T[{k}]", "x.ravel()[{i}:{j}]",
    "x.reshape(-1)[{k}::{k}]", "x.reshape(2, -1)[1]", "x[-{i}]", "x[::-1][{i}]", "x[p, q]", "x[p]", "x[:, q]", "x[p + {i}, q]",
]  # fmt: skip
VALUES = [
    "2.0", "a", "{same} * 2 + a", "{same}[::-1]", "y.max()", "x[{k}, {i}]", "x.sum()", "np.sqrt(np.abs({same}))", "y[0, 0]",
    "np.cumsum({same}, axis=0)", "x[p, q].sum()", "x[0, 1] + y[1, 0]",
]  # fmt: skip


def program(rng):
    """Writes at random places of two arrays, of what is read at the same or at other places."""
    lines = ["def f(x, y, a, p, q):", "    kept = []"]
    for _ in range(rng.integers(2, 6)):
        numbers = {"i": int(rng.integers(1, 3)), "j": int(rng.integers(3, 6)), "k": int(rng.integers(1, 4))}
        place = PLACES[rng.integers(len(PLACES))].format(**numbers)
        value = VALUES[rng.integers(len(VALUES))].format(same=place, **numbers)
        if rng.random() < 0.3:
            place, value = (re.sub(r"\b[xy]\b", lambda name: "yx"["xy".index(name[0])], text) for text in (place, value))
        lines.append(f"    {place} {rng.choice(['=', '=', '+=', '*='])} {value}")
        if rng.random() < 0.2:
            lines.append(f"    kept.append({rng.choice(['x[1, 1]', 'y.sum()', 'x[2] * 1.0', 'x.T[0] + y[0, 1]'])})")
    return "\n".join([*lines, "    return kept"]) + "\n"


@pytest.mark.parametrize("seed", range(40))
def test_random_writes(seed):
    rng = np.random.default_rng(seed)
    source = program(rng)
    name = f"<writes {seed}>"
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    space = {"np": np}
    exec(compile(source, name, "exec"), space)
    f = space["f"]
    decorated = hy.function(f)
    for rows in (6, 8):
        given = [rng.uniform(0.5, 1.5, (rows, 6)) for _ in range(2)]
        first, second = ([x.copy() for x in given] for _ in range(2))
        places = rng.integers(-6, 4, 3), rng.integers(0, 6, 3)
        try:
            expected = f(*first, 0.5, *places)
        except (ValueError, IndexError, TypeError) as error:
            with pytest.raises(type(error)):
                decorated(*second, 0.5, *places)
        else:
            got = decorated(*second, 0.5, *places)
            for a, b in zip(expected, got, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-13, err_msg=source)
        for a, b in zip(first, second):
            np.testing.assert_allclose(a, b, rtol=1e-13, err_msg=source)


def rows_beside_moving_ones(x):
    for k in range(len(x) - 1):
        x[k : k + 2] = x[0:1] * 0.5 + x[k : k + 2]
    for k in range(3):
        x[k : k + 2] = x[0:1] * 0.5
    for k in range(len(x)):
        x[k] = x[0] + x[-1]
        x[-1] = x[k]


def test_rows_that_may_be_the_written_ones():
    decorated = hy.function(rows_beside_moving_ones, strict=True)
    for n in (4, 5, 9, 30):
        a = np.random.default_rng(n).random((n, 3))
        b = a.copy()
        rows_beside_moving_ones(a), decorated(b)
        np.testing.assert_array_equal(a, b)
