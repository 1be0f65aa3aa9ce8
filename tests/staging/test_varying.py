"""Arrays whose sizes a run decides: joined after branches, carried by loops, returned early."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from tests.staging.conftest import outcome, same

X = np.random.default_rng(5).normal(size=40)


def compiled(f, *cases, backend=None):
    strict = hy.function(f, strict=True, backend=backend)
    for case in cases:
        assert same(outcome(strict, case, {}), outcome(f, case, {})), case


def invisible(f, *cases):
    decorated = hy.function(f)
    for case in cases:
        for _ in range(2):
            assert same(outcome(decorated, case, {}), outcome(f, case, {})), case


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_two_ways_leave_arrays_of_two_sizes(backend):
    def parts(x, c):
        y = x[:3] * 2 if x[0] > c else x[:5] * 3
        y[0] = 7
        return y.sum(), y, len(y), np.concatenate([y, y])

    def columns(x, c):
        y = np.outer(x, x)
        if x[0] > c:
            y = y[:, 1:3]
        y[0] = 7
        return y.sum(axis=1), y.T @ y

    def found(x, c):
        at = np.nonzero(x > c)[0]
        if len(at) == 0:
            at = np.array([np.argmax(x)])
        return at, x[at]

    def none_or_some(x, c):
        more = np.array([1.0, 2.0]) if x[0] > c else np.zeros(0)
        return np.concatenate([x, more]), more.sum()

    for f in (parts, columns, found, none_or_some):
        compiled(f, (X, -50.0), (X, 50.0), (X, 0.5), backend=backend)


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_rounds_leave_fewer_elements_or_more(backend):
    def clipped(x, limit):
        for _ in range(6):
            x = x[abs(x - x.mean()) < limit * x.std()]
        return x, x.mean()

    def escaped(x, limit):
        z, c, at, n = np.zeros(len(x)), x * 1.0, np.arange(len(x)), np.zeros(len(x))
        for i in range(30):
            if not len(z):
                break
            np.multiply(z, z, z)
            np.add(z, c, z)
            out = abs(z) > limit
            n[at[out]] = i + 1
            np.logical_not(out, out)
            z, at, c = z[out], at[out], c[out]
        return n, z, c

    def appended(x, limit):
        out = np.zeros(0)
        for k in range(len(x)):
            if x[k] > limit:
                out = np.append(out, x[k] * 2)
        return out

    def stacked(x, limit):
        rows = np.zeros((0, 3))
        for k in range(10):
            if x[k] > limit:
                rows = np.vstack([rows, x[k : k + 3]])
        return rows, rows.sum(axis=0)

    def orthogonal(x, limit):
        a = x.reshape(8, 5)
        q = np.zeros((8, 0))
        for j in range(5):
            v = a[:, j] - q @ (q.T @ a[:, j])
            if np.linalg.norm(v) > limit:
                q = np.column_stack([q, v / np.linalg.norm(v)])
        return q

    for f in (clipped, escaped, appended, stacked, orthogonal):
        compiled(f, (X, 1.5), (X, 2.5), (X, 30.0), backend=backend)


def test_a_loop_of_unknown_length_makes_an_array_longer():
    def longer(x, limit):
        out = x[:1] * 1
        while out.sum() < limit:
            out = np.append(out, out[-1] + 2.5)
        return out

    compiled(longer, (X, 1.5), (X, 922.5), (X, 2e7))  # the last has more elements than there is room for at first


@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_arrays_returned_early(backend):
    def until(x, limit):
        for j in range(len(x)):
            if x[j] > limit:
                return x[: j + 1] * 2
        return x * 3

    def basis(x, limit):
        table = np.zeros((len(x), 9))
        for j in range(8):
            table[:, j] = x * j
            if x[j] > limit:
                return table[:, : j + 1], j
        return table, -1

    for f in (until, basis):
        compiled(f, (X, 0.5), (X, -3.5), (X, 30.5), backend=backend)


def test_who_else_knows_such_an_array_sees_what_is_written():
    def written(x, c):
        a = x * 2
        y = a[1:4] if x[0] > c else x[:2] * 1
        z = np.outer(x, x)
        w = z[:, :2] if x[0] > c else z[:, :3] + 1
        w[0] = 5
        return z, w.shape, y

    def selected(x, c):
        a = x[x > 0]
        y = a if x[0] > c else x[:3] * 1
        y[0] = 99
        return a.sum()

    def of_an_argument(x, c):
        y = x
        for _ in range(12):
            if y[0] < c:
                y = y[::-1]
        return y

    with pytest.warns(hy.FallbackWarning):
        for f in (written, selected, of_an_argument):
            invisible(f, (X, -50.0), (X, 50.0))


def test_an_argument_that_no_round_has_changed_is_returned_itself():
    def clipped(x, limit):
        while True:
            kept = abs(x - x.mean()) < limit * x.std()
            if kept.all():
                return x
            x = x[kept]

    compiled(clipped, (X, 1.5), (X, 2.0))
    f = hy.function(clipped)
    assert same(f(X, 1.5), clipped(X, 1.5))
    with pytest.warns(hy.FallbackWarning, match="takes for granted"):
        assert f(X, 30.0) is X


def test_a_grid_of_numpys_may_get_another_shape():
    def grid(x, n):
        rows, columns = np.mgrid[0:n, 0:n]
        square = x[rows] * 2
        rows.shape = n * n
        return square, x[rows] + 1, rows, columns

    def index(x, n):
        at = np.add.outer(np.arange(n), np.arange(n))
        square = x[at] * 2
        at.shape = n * n
        return square, x[at] + 1

    compiled(grid, (X, 4))
    invisible(grid, (X, 4), (X, 5))
    decorated = hy.function(index)
    assert same(decorated(X, 4), index(X, 4))
