"""Branches and loops of decorated functions, in the corners where they once differed from Python."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from hybrid.control import branch
from hybrid.staging.function import FallbackWarning, function


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", FallbackWarning)
        yield


# Raising ---------------------------------------------------------------------------------------------------------------
def test_a_way_that_raises_and_nothing_else(invisible):
    def f(x, t):
        if t > 0:
            pass
        else:
            x[7] = 1

    decorated = invisible(f, np.zeros(3), np.float64(1))
    with pytest.raises(IndexError, match="index 7 is out of bounds"):
        decorated(np.zeros(3), np.float64(-1))


def test_a_way_that_raises_leaves_lists_alone(invisible):
    def f(x):
        out = []
        if x.sum() > 0:
            pass
        else:
            out.append(x)
            x[7] = 1
        return out

    invisible(f, np.ones(3))


# Numbers written into integers -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "uint64", "bool", "float32"])
@pytest.mark.parametrize("value", [3.7, -1.0, 300.0, np.inf, np.nan, 1e30])
@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_floats_written_into_elements(invisible, dtype, value, kind):
    def f(x, values):
        for i in range(len(x)):
            x[i] = values[i] * 1

    def g(x, number):
        x[1:] = number
        return x

    invisible(f, np.zeros(5, dtype), np.full(5, value, kind), compiled=False)
    invisible(g, np.zeros(5, dtype), kind(value), compiled=False)


def test_integers_written_into_narrower_elements(invisible):
    def f(x, n):
        for i in range(n):
            x[i] = x[i] + i * 40

    def g(x, n):
        for i in range(n):
            x[i] = i * 40

    for dtype in ("int8", "uint8", "int16"):
        for h in (f, g):
            invisible(h, np.zeros(9, dtype), 3)
            invisible(h, np.zeros(9, dtype), 9, compiled=False)


# What a variable stands for --------------------------------------------------------------------------------------------
def test_an_argument_rebound_in_a_loop_that_does_not_run(invisible):
    def f(a, c):
        while c > 0:
            c -= 1
            a = a @ a
        a[0] *= 0.5
        return a

    decorated = invisible(f, np.eye(3), np.int64(0), compiled=False)
    a = np.eye(3)
    assert decorated(a, np.int64(0)) is a
    invisible(f, np.eye(3), np.int64(2))


def test_arguments_that_change_places(invisible):
    def f(x, y, c):
        while c > 0:
            c -= 1
            x, y = y, x
        x[0] = 1

    for rounds in (0, 1, 2):
        invisible(f, np.zeros(4), np.full(4, 7.0), np.int64(rounds), compiled=False)


def test_arguments_handed_down(invisible):
    def f(old, new, steps):
        for _ in range(steps):
            old, new = new, 2 * new - old
        new[0] += 1
        old[0] += 1
        return new

    for steps in (0, 1, 2, 5):
        invisible(f, np.zeros(3), np.ones(3), steps, compiled=False)


def test_an_array_rebound_in_a_loop_and_written_under_another_name(invisible):
    def f(x, c):
        a = x * 1
        b = a
        while c > 0:
            c -= 1
            a = a + 1
        a[0] = 9
        return b + 0, a + 0

    def g(x, c):
        a = x * 1
        b = a
        while c > 0:
            c -= 1
            b[0] = 3
            a = a + 1
        return a + 0

    for rounds in (0, 1, 3):
        invisible(f, np.zeros(3), np.int64(rounds), compiled=False)
        invisible(g, np.zeros(3), np.int64(rounds), compiled=False)


def test_an_argument_returned_from_a_loop(invisible):
    def f(x, y):
        for i in range(len(x)):
            if x[i] > 0:
                return y
        return x

    decorated = invisible(f, np.array([-1.0, 1, 2, 3, 4, 5]), np.ones(3), compiled=False)
    x, y = np.ones(6), np.ones(3)
    assert decorated(x, y) is y
    assert decorated(-x, y) is not y


def test_variables_nobody_reads_after_the_loop(invisible):
    def f(x, y, n):
        for _ in range(n):
            kept = y
            y = x
            del kept

    def g(x, y, s):
        for _, v in zip(y, x):
            s, v = v, s

    invisible(f, np.ones(7, np.float32), np.ones(7), 7, compiled=False)
    invisible(g, np.ones(5, np.float16), np.ones(5, bool), np.float64(3), compiled=False)


def test_an_array_numpy_made_on_one_way(invisible):
    def f(x, table):
        w = np.zeros(3)
        if x.max() > 0:
            w = np.array(table)
        return w + x

    invisible(f, np.ones(3), [1.0, 2, 3])
    invisible(f, -np.ones(3), [1.0, 2, 3])


# Places and lengths that only a run knows ------------------------------------------------------------------------------
def test_a_row_at_a_place_that_a_branch_computes(invisible):
    def f(a, y, s):
        if s > 0:
            a[int(a[0] @ y) % len(y)] = 1

    for n in (1, 3):
        invisible(f, np.ones((n, n)), np.ones(n), np.float64(1))


def test_slices_at_numbers_from_arrays(invisible):
    def f(x, y, c):
        while c > 0:
            c -= 1
            x[math.floor(y[0]) :] += x[1]

    def g(x, y, n):
        for i in range(n):
            stop = int(y[0]) - i
            x[:stop:-1] = x[:stop:-1][::-1] * 2

    for start in (-9.0, -1, 0, 2, 9):
        invisible(f, np.arange(3.0), np.full(2, start), np.int64(2))
        invisible(g, np.arange(5.0), np.full(2, start), 5)


def test_slices_at_numpy_integers(invisible):
    def f(x, k):
        x[k::1] *= 2
        return x[: k + 1]

    for k in (0, 2, -3):
        invisible(f, np.arange(7.0), np.int64(k))


# Explaining ------------------------------------------------------------------------------------------------------------
def test_explain_of_branches_loops_and_empty_results():
    def f(x, empty, n):
        total = 0.0
        for i in range(n):
            if x[i] > 0:
                total += x[i]
        return total, empty + 1

    decorated = function(f)
    x = np.ones(9)
    decorated(x, np.zeros(0), 9)
    assert "loop of" in decorated.explain()


# Found by random testing -----------------------------------------------------------------------------------------------
def test_variables_that_a_loop_did_not_bind(invisible):
    def f(x, c):
        while c > 0:
            c -= 1
            m = x * 2
        return m[1:], m

    def g(x, c):
        if c > 0:
            m = x * 2
        m[1:] = 5
        return m

    for h in (f, g):
        decorated = invisible(h, np.ones(3), np.float64(1))
        with pytest.raises(UnboundLocalError, match="local variable 'm'"):
            decorated(np.ones(3), np.float64(-1))


def test_an_array_returned_from_an_inner_branch(invisible):
    def f(x, s):
        for i in range(3):
            if x[i] > s:
                if x[i] < 9:
                    return x
        return x * 2

    decorated = function(f)
    x = np.arange(4.0)
    assert decorated(x, 1.0) is x
    assert decorated(x, 5.0) is not x


def test_a_part_of_an_argument_at_a_computed_place():
    def f(a, y):
        return a[int(y.sum()) % 2]

    a = np.eye(2)
    assert np.shares_memory(function(f)(a, np.ones(3)), a)


def test_a_view_beside_what_it_shows():
    def f(x):
        w = np.roll(x, 1)
        return w, w[:], w

    a, b, c = function(f)(np.arange(3.0))
    assert a is c and a is not b and np.shares_memory(a, b)


def test_floats_are_no_bounds(invisible):
    def f(x, y):
        if y[0] > 0:
            x[y[1] :] = 1

    invisible(f, np.zeros(3), np.ones(2), compiled=False)


def test_a_number_found_by_a_loop_bounds_a_slice(invisible):
    def f(a, x):
        k = int(x[0])
        for i in range(k):
            a[i] += 1
        a[:k] *= 2
        a[k] += 3
        return k

    invisible(f, np.ones((6, 6)), np.full(3, 2.0), compiled=False)


def test_outer_products_of_slices(invisible):
    def f(a):
        for k in range(len(a)):
            a[k + 1 :, k] /= a[k, k]
            a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])

    invisible(f, np.eye(7) * 9 + 1)


def test_places_by_remainders(invisible):
    def f(x, y, n):
        for i in range(3 * n):
            y[i // 3] += x[(i * 7 + 1) % n] + x[-i % n]

    decorated = invisible(f, np.arange(5.0), np.zeros(5), 5)
    assert decorated.loops(np.arange(5.0), np.zeros(5), 5).count("check") <= 1


def test_extremes_of_slices_that_turn_out_empty(invisible):
    def f(x, n):
        largest, place = -9.0, 0
        for i in range(n):
            largest = max(largest, x[: n - i].max())
            place += x[: n - i].argmax()
        return largest, place

    def g(x, c):
        while c > 0:
            c -= 1
            m = x[: int(c)].max()
        return m

    invisible(f, np.arange(7.0), 7)
    decorated = function(g)
    with pytest.raises(ValueError, match="zero-size array"):
        decorated(np.arange(7.0), np.float64(2))


def test_rounding_what_is_not_finite(invisible):
    def f(x):
        return round(x.sum()), round(x[0])

    decorated = invisible(f, np.array([1.5, 2.5]))
    with pytest.raises(OverflowError, match="cannot convert float infinity"):
        decorated(np.array([np.inf, 1.0]))


def test_numpy_numbers_of_counters():
    def f(n):
        c, t = np.uint8(0), np.float32(0)
        for i in range(n):
            c = np.uint8(i)
            t = t + np.float32(i) * np.int8(i % 7)
        return c, t

    for n in (10, 300):  # the second leaves uint8
        outcomes = []
        for g in (f, function(f)):
            try:
                outcomes.append([(type(x), x) for x in g(n)])
            except OverflowError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]


def test_totals_of_columns_whose_number_changes_with_the_round(invisible):
    def f(x, m):
        cov = np.zeros((m, m))
        for i in range(m):
            cov[i:m, i] = cov[i, i:m] = x[:, i] @ x[:, i:m]
        return cov

    decorated = invisible(f, np.random.default_rng(0).random((60, 20)), 20)
    for rows, columns in [(3, 1), (1, 2), (11, 6)]:
        x = np.random.default_rng(rows).random((rows, columns))
        np.testing.assert_allclose(decorated(x, columns), f(x, columns), rtol=1e-12)


def test_short_loops_in_one_another_are_not_written_out_without_end(invisible):
    def f(x):
        total = np.zeros((3, 3))
        for a in range(3):
            for b in range(3):
                for c in range(4):
                    for d in range(2):
                        for e in range(3):
                            if a - d >= 0:
                                total[a, b] += x[c, d] * x[d, e] - x[e, b]
        return total

    decorated = invisible(f, np.random.default_rng(0).random((4, 4)))
    assert len(decorated.traces[0].graph.eqns) < 20


def test_complex_numbers_go_to_numpy_from_inside_loops():
    def propagate(x):
        z = x + 0j
        for k in range(9):
            z = np.fft.ifft(np.fft.fft(z) * np.exp(-0.1j * k))
            z[k % 3] *= 2
        return z

    def frames(x):
        out = np.zeros((9, 4), dtype=complex)
        for k in range(9):
            out[k] = np.fft.rfft(x * k).conj() if x[k % 6] > 0 else np.fft.rfft(x[::-1])
        return out

    def iterate(x):
        a = np.array([[1, 2j], [3, 4 - 1j]]) * x[0]
        b = np.ones(2, dtype=complex)
        for _ in range(9):
            b = np.linalg.solve(a, b)
            b /= np.abs(b).max()
        return b

    x = np.random.default_rng(0).normal(size=6)
    for f in (propagate, frames, iterate):
        compiled = function(f, strict=True)
        for given in (x, x[::-1].copy(), -x):
            np.testing.assert_allclose(compiled(given), f(given), rtol=1e-9, atol=1e-12)


def test_what_a_generator_that_has_ended_has_read_need_not_be_there(invisible):
    """`sum(… for … in p)` has read p when it is done; a lambda in it, or a generator that is kept, has not."""

    def ended(x, c):
        total = 0.0
        for i in range(1, 20):
            if x[i] < c:
                continue
            p = [x[i - 1], x[i], x[i + 1]]
            best = max(range(3), key=lambda k: p[k])
            total += sum(a * b for a, b in zip(p, reversed(p))) + sum(sum(a * b for a in p) for b in p[:2]) + best
        return total

    def kept(x, c):
        out, later = 0.0, None
        for i in range(3):
            if x[i] < c:
                continue
            p = [x[i], x[i + 1]]
            later = list((lambda: p[0] * k) for k in range(2))  # noqa: B023
        for f in later or ():
            out += f()
        return out

    x = np.random.default_rng(4).normal(size=30)
    for c in (-9.0, 0.0, 9.0):
        invisible(ended, x, c)
        invisible(kept, x, c, compiled=False)


def test_a_function_of_too_many_branches_is_given_up(monkeypatch):
    """Words and letters are written out: thousands of branches take longer to record than Python needs for the call."""

    def letters(x):
        found = 0
        for letter in "abcdefghijklmnopqrstuvwxyz":
            if x[0] > ord(letter):
                found += int(x[1])
        return found

    x = np.array([105.0, 2.0])
    monkeypatch.setattr(branch, "FEW", 0)
    monkeypatch.setattr(branch, "MANY", 20)
    compiled = function(letters)
    assert compiled(x) == letters(x) == 16
    assert "more than 20 branches depend on values" in compiled.explain()
    monkeypatch.undo()
    compiled = function(letters, strict=True)
    assert compiled(x) == 16
