"""Indexing and assignment against NumPy: every kind of index, eager and traced, with views that stay views."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.ir.graph import evaluate

READS = [
    "x[0]", "x[-1]", "x[1, 2]", "x[1, 2, 3]", "x[0, 1, ...]", "x[0, 1, 2, ...]", "x[:]", "x[1:]", "x[:, 1:3]", "x[::2]",
    "x[::-1]", "x[..., -1]", "x[:, ::-2, 1]", "x[3:1]", "x[5:]", "x[None]", "x[:, None, 1]", "x[..., None]",
    "x[-100:100]", "x[()]", "x[...]", "x[1][2][3]", "x[1:][0]", "x[[0, 1]]", "x[[1, -1, 0], 2]", "x[:, [0, 2]]",
    "x[[0, 1], [1, 2]]", "x[[0, 1], :, [1, 2]]", "x[:, [0, 1], [1, 2]]", "x[0, :, [1, 2]]", "x[[[0], [1]], [0, 1, 2]]",
    "x[np.array([1, 0])]", "x[np.array(1)]", "x[..., [True, False, True, False]]", "x[[]]",
    "x[[True, False]]", "x[[True, False], 1]", "x[np.ix_([0, 1], [0, 2])]", "x[1:, [0, 1]][:, 1:]", "x[i]",
    "x[i, 1:]", "x[:, i]", "x[i, i + 1]", "x[x[0, 0, :2].astype(int) % 2]", "x[:, np.argmax(x[0, :, 0])]",
    "x[i][1:, ::2]", "x[[0, 1], None, 1]", "x[range(2)]", "x[:, range(2, 0, -1)]", "x[range(0)]", "x[[0, 1], range(1, 3)]",
]  # fmt: skip


@pytest.mark.parametrize("source", READS)
def test_reads(source, check, check_eager):
    function = eval(f"lambda x, i: {source}", {"np": np})
    for x in (np.arange(24.0).reshape(2, 3, 4), np.arange(24, dtype=np.int32).reshape(4, 3, 2).T):
        check(function, x, 1)
        check_eager(function, x, 1)


WRITES = [
    "x[0] = 1", "x[:] = 5", "x[1, 2] = x[0, 0]", "x[1, 2, 3] = 9", "x[:, 1:3] = 2.5", "x[::-1] = x", "x[1:] += x[:-1]",
    "x[..., 0] -= 1", "x[:, ::2] *= 3", "x[None, 0] = 4", "x.T[0] = 1", "x[1:].reshape(-1)[0] = 3", "x += 1", "x *= x",
    "x -= x[0]", "x[[0, 1]] = 1", "x[:, [0, 2]] = x[:, [2, 0]]", "x[[0, 1], [1, 2]] = 7", "x[[0, 1], [1, 2]] += 7",
    "x[[0, 1], :, [1, 2]] = np.arange(3)", "x[x > 5] = 0", "x[x > 5] = -x[0, 0, 0]", "x[x[:, :, 0] > 3] = np.arange(4)",
    "x[i] = 3", "x[i, 1:] += 2", "x[:, i] = x[:, 0]", "x[i, i, i] = 5", "x[i][1:] = 3", "x[i] *= 2", "x[i, 1:][0] += 3",
    "x[0], x[1] = x[1].copy(), x[0].copy()", "x[0] = x[1] = 2", "x[...] = np.ones((1, 1, 2, 3, 4))", "x[1:1] = 5",
    "x.fill(2)", "np.copyto(x, 3)", "np.copyto(x, x[0], where=x > 3)", "np.add(x, 1, out=x)", "np.sqrt(x, out=x)",
    "np.fill_diagonal(x[0], 8)", "np.put_along_axis(x, np.argmax(x, 2, keepdims=True), 0, 2)",
    "np.add.at(x, [0, 0, 1], 1)", "np.sum(x, 0, out=x[0])", "np.cumsum(x, 1, out=x)",
    "x[x[0, 0, :2].astype(int) % 2] = 3", "x[:, [True, False, True]] = 6", "x[:, range(2)] = 6", "x[0, 0] = [1, 2, 3, 4]",
    "x[:, 0, 0] = [x[0, 0, 1], 5]", "x[:2] = x[0:1]",
]  # fmt: skip


@pytest.mark.parametrize("source", WRITES)
def test_writes(source, check, check_eager):
    scope: dict = {"np": np}
    exec(f"def function(x, i):\n    y = x[0]\n    {source}\n    return x * 2, y + 1", scope)
    for x in (np.arange(24.0).reshape(2, 3, 4), np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))):
        check(scope["function"], x, 1)
        check_eager(scope["function"], x, 1)


def test_assignment_of_a_view_to_itself_records_nothing(check):
    def function(x):
        x[1:-1] += 1.0

    graph = check(function, np.arange(6.0))
    assert [eqn.primitive.name for eqn in graph.eqns] == ["slice", "add", "update_slice"]


def test_loops_over_rows(check):
    def function(x):
        total = np.zeros_like(x[0])
        for row in x:
            total += row
        for k in range(1, len(x)):
            x[k] -= x[k - 1]
        return total

    check(function, np.arange(12.0).reshape(4, 3))


def test_traced_rows_are_views(check):
    def function(x, i):
        row = x[i]
        row += 1
        x[i, 0] = 100
        return row.sum(), x[i]

    check(function, np.arange(12.0).reshape(4, 3), 2)


SELECTIONS = [
    "x[x > 3] *= 2", "x[x > 3] = x[x > 3] ** 2 - 1", "x[x > 3] += x[x > 3]", "x[m] -= 1", "x[m] = 0", "x[x < s] = s",
    "x[~m] = -x[~m]", "x[0, 0, 0] = x[x > 3].sum()", "x[0, 0, 0] = x[m].mean()", "x[0, 0, 0] = np.sum(2 * x[x > 3])",
    "x[0] = np.std(x[x > 3])", "y = x[m]; y += 1; x[m] = y", "y = x[m]; x[m] = 0; x[m] = y * s",
    "x[0, 0, 0] = np.any(x[m] > 3)", "x[m] = np.sqrt(x[m])",
]  # fmt: skip


@pytest.mark.parametrize("source", SELECTIONS)
def test_selections_by_a_mask(source, check, check_eager):
    scope: dict = {"np": np}
    exec(f"def function(x, m, s):\n    {source}\n    return x + 1", scope)
    x = np.arange(24.0).reshape(2, 3, 4)
    for arguments in ((x, x % 3 == 1, 2.5), (x, np.ones((2, 3, 4), bool), 7.0)):
        check(scope["function"], *arguments)
        check_eager(scope["function"], *arguments)


@pytest.mark.parametrize(
    "source", ["x[5]", "x[0, 0, 0, 0]", "x[..., ...]", "x[[0, 7]]", "x[0.5]", "x[np.zeros((2, 2), bool)]", "x['a']"]
)
def test_errors_have_numpys_type(source, traced):
    function = eval(f"lambda x: {source}", {"np": np})
    x = np.zeros((2, 3, 4))
    with pytest.raises(IndexError):
        function(x)
    with pytest.raises(IndexError):
        evaluate(traced(function, x), x)
