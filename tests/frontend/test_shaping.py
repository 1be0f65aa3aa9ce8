"""Views, joins, gathers and patterns against NumPy: values, dtypes, and what is a view of what."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy

CASES = [
    "x.reshape(4, 6)", "x.reshape((-1, 2))", "x.reshape(-1)", "np.reshape(x, (6, 4), order='F')", "x.ravel()",
    "x.ravel('F')", "x.flatten()", "x.T", "x.transpose(2, 0, 1)", "x.transpose((1, 0, 2))", "np.transpose(x)",
    "x.swapaxes(0, 2)", "np.moveaxis(x, 0, -1)", "x.mT", "np.moveaxis(x, (0, 1), (2, 0))", "np.rollaxis(x, 2)",
    "np.expand_dims(x, 1)", "np.expand_dims(x, (0, -1))", "np.squeeze(x[:1])", "x[:1].squeeze(0)",
    "np.broadcast_to(x, (5, 2, 3, 4))", "np.flip(x)", "np.flip(x, 1)", "np.flip(x, (0, 2))", "np.fliplr(x)",
    "np.flipud(x)", "np.rot90(x)", "np.rot90(x, 2)", "np.rot90(x, 3, (1, 2))", "np.roll(x, 2)", "np.roll(x, 1, axis=1)",
    "np.roll(x, (1, 2), axis=(0, 2))", "np.concatenate([x, x])", "np.concatenate([x, 2 * x], axis=2)",
    "np.concatenate((x, x), axis=None)", "np.stack([x, x], axis=1)", "np.concatenate([x, np.ones((2, 3, 1))], axis=-1)",
    "np.vstack([x, x])", "np.hstack([x, x])", "np.dstack([x, x])", "np.stack(x)", "np.column_stack([x[0, 0], x[1, 1]])",
    "np.append(x, x)", "np.split(x, 2)", "np.split(x, [1, 3], axis=2)", "np.array_split(x, 3, axis=2)", "np.hsplit(x, 3)",
    "np.vsplit(x, 2)", "np.unstack(x, axis=1)", "np.atleast_1d(x)", "np.atleast_2d(x[0, 0])", "np.atleast_3d(x[0])",
    "np.tile(x, 2)", "np.tile(x, (2, 1, 3))", "np.tile(x[0], (2, 2, 1))", "np.repeat(x, 3)", "np.repeat(x, 2, axis=1)",
    "x.repeat([1, 2, 0], 1)", "np.pad(x, 1)", "np.pad(x, ((0, 1), (2, 0), (1, 1)))", "np.pad(x, 2, constant_values=1.5)",
    "np.pad(x[0], 1, constant_values=(3, 4))", "np.pad(x, 1, mode='edge')", "np.pad(x, 1, mode='reflect')",
    "np.pad(x, 2, mode='symmetric')", "np.pad(x, 2, mode='wrap')", "np.pad(x[0, 0], (7, 9), mode='reflect')",
    "np.take(x, 3)", "np.take(x, [0, -1], axis=1)", "x.take([[0, 1], [2, 3]], axis=2)",
    "np.take(x, [0, 9], axis=1, mode='clip')", "np.take(x, [-5, 9], axis=1, mode='wrap')", "np.tril(x)", "np.triu(x, 1)",
    "np.tril(x[0], -1)", "np.diagonal(x)", "np.diagonal(x, 1, 1, 2)", "np.diagonal(x[0], -1)", "x.trace()",
    "np.trace(x[0], 1)", "np.diag(x[0, 0])", "np.diag(x[0, 0], -2)", "np.diag(x[0])", "np.diag(x[0], 2)",
    "np.meshgrid(x[0, 0], x[0, :, 0])", "np.meshgrid(x[0, 0], x[0, :, 0], indexing='ij')", "np.diff(x)",
    "np.diff(x, 2, axis=1)", "np.diff(x[0, 0], prepend=0)", "np.trapezoid(x)", "np.trapezoid(x, dx=0.5, axis=1)",
    "np.trapezoid(x[0], x[0, 0])", "np.copy(x)", "x.copy()", "x.astype(np.int32)", "x.astype(np.float64, copy=False)",
    "np.zeros_like(x)", "np.ones_like(x, dtype=np.int8)", "np.full_like(x, 2.5)", "np.shape(x)",
    "(np.ndim(x), np.size(x), np.size(x, 1))", "np.broadcast_arrays(x, x[0])", "len(x)", "[row.sum() for row in x]",
    "np.array_equal(np.shape(x), (2, 3, 4))", "x.view()", "np.matrix_transpose(x)", "np.permute_dims(x, (1, 0, 2))",
]  # fmt: skip


@pytest.mark.parametrize("source", CASES)
def test_shapes(source, check, check_eager):
    function = eval(f"lambda x: {source}", {"np": np})
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    check(function, x)
    check(function, x.astype(np.float32))
    check(function, np.asfortranarray(x))
    check_eager(function, x)


VIEWS = [
    "x.T", "x.reshape(6, 4)", "x.reshape(-1)", "x.ravel()", "x[1]", "x[:, ::2]", "np.flip(x, 0)",
    "x.swapaxes(0, 1).reshape(3, 2, 4)", "x.transpose(1, 0, 2).reshape(3, 8)", "np.squeeze(x[:1])",
    "np.expand_dims(x, 0)", "np.split(x, 2)[1]", "x.flatten()", "x.copy()", "np.atleast_2d(x)", "x[..., 0]", "x[None]",
    "np.moveaxis(x, 0, 2)", "x[::-1, 1:]", "x.mT", "x.astype(x.dtype)", "x[0, 1, 2:]",
]  # fmt: skip


@pytest.mark.parametrize("source", VIEWS)
def test_writing_through_what_numpy_says_is_a_view(source, check, check_eager):
    view = eval(f"lambda x: {source}", {"np": np})

    def function(x):
        y = view(x)
        y += 1.0
        y[..., 0] = 7.0
        return y * 2, x.sum()

    for x in (np.arange(24.0).reshape(2, 3, 4), np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))):
        check(function, x)
        check_eager(function, x)


@pytest.mark.parametrize("source", ["np.broadcast_to(x, (2, 3))", "np.diagonal(np.diag(x))"])
def test_read_only_views(source):
    with pytest.raises(ValueError, match="read-only"):
        eval(source, {"np": np, "x": hy.ones(3)})[...] = 1


@pytest.mark.parametrize("source", [
    "x.reshape(5, 5)", "x.reshape(-1, 5)", "x.reshape(-1, -1)", "np.concatenate([x, x[0]])",
    "np.concatenate([x, x[:, :1]])", "np.stack([x, x[0]])", "x.transpose(0, 0, 1)", "x.transpose(0, 1)",
    "np.squeeze(x, 0)", "np.split(x, 3)", "np.take(x, np.array([0.5]))", "np.broadcast_to(x, (3,))",
    "np.expand_dims(x, 9)", "x.reshape(2, 3, 4)[5]",
])  # fmt: skip
def test_errors_have_numpys_type(source, traced):
    function = eval(f"lambda x: {source}", {"np": np})
    x = np.zeros((2, 3, 4))
    with pytest.raises((ValueError, TypeError, IndexError)) as expected:
        function(x)
    builtin = next(kind for kind in (ValueError, TypeError, IndexError) if issubclass(expected.type, kind))
    with pytest.raises(builtin):
        traced(function, x)


@pytest.mark.parametrize("view", [lambda a: a[::2], lambda a: a.T, lambda a: a[:, 1:], lambda a: a])
def test_ravel_is_a_view_only_of_one_piece(view):
    def write(a):
        b = view(a)
        np.ravel(b)[0] = 7.0
        return b.ravel() * 2

    a, c = np.arange(24.0).reshape(4, 6), np.arange(24.0).reshape(4, 6)
    np.testing.assert_array_equal(hy.function(write, strict=True)(a), write(c))
    np.testing.assert_array_equal(a, c)


@pytest.mark.parametrize(
    "layout", [np.asfortranarray, np.ascontiguousarray, lambda a: a.T, lambda a: a[:, ::2], lambda a: a[::-1]]
)
def test_results_lie_as_their_operands_do(layout):
    """Writing through a reshape reaches a computed array where NumPy's reshape is a view, and only there."""

    def write(a):
        b = a + 1
        c = (b * 2).reshape(-1)
        b.reshape(-1)[0] = 100.0
        c[1] = 50.0
        return b, c

    a = layout(np.arange(24.0).reshape(4, 6))
    for got, want in zip(hy.function(write, strict=True)(a), write(a)):
        np.testing.assert_array_equal(got, want)


def test_rolls_by_what_only_a_run_knows():
    def all_ways(x, by):
        rows = np.zeros_like(x)
        for k in range(len(x)):
            rows[k] = np.roll(x[k], by[k])
        return rows, np.roll(x, by.sum()), np.roll(x, (by[0], -by[1]), axis=(0, 1)), np.roll(x, -int(by[1]), -1)

    compiled = hy.function(all_ways, strict=True)
    for by in ([0, 0], [1, 2], [-7, 3], [4, 5], [100, -100], [-1, -1]):
        for x in (np.arange(10.0).reshape(2, 5), np.arange(2).reshape(2, 1)):
            for got, want in zip(compiled(x, np.array(by)), all_ways(x, np.array(by))):
                np.testing.assert_array_equal(got, want, strict=True)
