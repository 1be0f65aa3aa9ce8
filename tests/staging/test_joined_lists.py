"""Lists of arrays whose length only a run knows, joined along any axis."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy


def found(a):
    return [a[:, j].copy() for j in range(a.shape[1]) if a[0, j] > 0]


def blocks(a):
    rows = []
    for j in range(a.shape[1]):
        if a[0, j] > 0:
            rows.append(a[:, j].copy())
    return np.block(rows), np.block([rows])


def basis(a):
    rows = []
    for j in range(a.shape[1]):
        w = a[:, j] - a[:, j].mean()
        if w @ w > 1:
            rows.append(w / np.sqrt(w @ w))
    if not rows:
        return np.empty((len(a), 0))
    return np.column_stack(rows)


JOINS = [
    lambda a: np.hstack(found(a)),
    lambda a: np.column_stack(found(a)),
    lambda a: np.dstack(found(a)),
    lambda a: np.hstack([np.outer(x, x) for x in found(a)]),
    lambda a: np.column_stack([np.outer(x, x) for x in found(a)]),
    lambda a: np.dstack([np.outer(x, x) for x in found(a)]),
    lambda a: np.concatenate([np.outer(x, x) for x in found(a)], axis=1),
    lambda a: np.concatenate([np.outer(x, x) for x in found(a)], axis=None),
    lambda a: np.hstack([x[0] for x in found(a)]),
]


@pytest.mark.parametrize("f", JOINS)
def test_lists_whose_length_only_a_run_knows_are_joined_along_any_axis(f, invisible):
    rng = np.random.default_rng(3)
    for shape in ((3, 9), (2, 20)):
        a = rng.standard_normal(shape)
        invisible(f, a)
        assert hy.function(f)(a).strides == f(a).strides


def test_a_matrix_of_the_columns_that_were_found(invisible):
    invisible(basis, np.random.default_rng(3).standard_normal((5, 4)))
    invisible(basis, np.zeros((3, 2)), compiled=False)


def test_a_list_whose_length_only_a_run_knows_is_a_level_of_blocks():
    a, compiled = np.random.default_rng(3).standard_normal((3, 9)), hy.function(blocks)
    with pytest.warns(hy.FallbackWarning, match="np.block"):
        got = compiled(a)
    for one, other in zip(got, blocks(a)):
        np.testing.assert_array_equal(one, other)
