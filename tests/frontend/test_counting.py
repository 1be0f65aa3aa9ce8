"""`np.bincount`, `np.unravel_index`, and arrays made of lists, inside compiled functions."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.staging.function import FallbackWarning, function

X = np.random.default_rng(5).integers(0, 6, 20)
W = np.random.default_rng(6).random(20)


def same(f, *args, strict=True):
    want, got = f(*args), function(f, strict=strict)(*args)
    pairs = zip(want, got) if isinstance(want, tuple) else [(want, got)]
    for a, b in pairs:
        assert type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)


@pytest.mark.parametrize("x", [X, X[:0], X.astype(np.uint8), X > 3], ids=["integers", "empty", "bytes", "bools"])
def test_bincount(x):
    same(np.bincount, x)
    same(lambda x: np.bincount(x, minlength=9), x)
    same(lambda x, w: np.bincount(x, weights=w, minlength=7), x, W[: len(x)])
    same(lambda x: np.bincount(x, np.arange(len(x))), x)


def test_bincount_of_integers_that_are_larger_than_minlength():
    same(lambda x: np.bincount(x, minlength=2), X)
    same(lambda x, w: np.bincount(x, weights=w, minlength=2)[:4], X, W)
    counted = function(lambda x, n: np.bincount(x, minlength=n) * 2, strict=True)
    for x, n in ((X, 9), (X, 2), (X * 3, 2), (X, 9), (X[:0], 3)):
        np.testing.assert_array_equal(counted(x, n), np.bincount(x, minlength=n) * 2)


def test_bincount_leaves_errors_to_python():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        with pytest.raises(ValueError, match="must have no negative elements"):
            function(lambda x: np.bincount(x, minlength=9))(X - 3)


def test_a_histogram_of_bytes():
    def equalised(image):
        running = np.bincount(image.ravel(), minlength=256).cumsum()
        return (running * 255 // running[-1]).astype(np.uint8)[image]

    same(equalised, np.random.default_rng(7).integers(0, 256, (9, 7)).astype(np.uint8))


def test_unravel_index():
    same(lambda x: np.unravel_index(np.argmax(x), x.shape), W.reshape(4, 5))
    same(lambda x: np.unravel_index(np.argsort(x.ravel()), x.shape), W.reshape(5, 4))
    with pytest.raises(ValueError, match="out of bounds"):
        function(lambda x: np.unravel_index(x, (2, 2)))(X)


def test_pythons_numbers_in_a_list_are_not_weak():
    x = W.astype(np.float32)
    same(lambda x: np.array([x[0], 1.5]), x)
    same(lambda x: np.array([x[0], 3]), x)
    same(lambda x: x[:2] + [x[0], 1.5], x)
    same(lambda x: np.where([x[0] > 0, True], [x[0], 3], x[:2]), x)
    same(lambda x: np.array([x[0] > 0, 2]), x)


def test_a_range_is_assigned_as_an_array():
    def f(x):
        d = np.zeros((len(x), 3))
        d[:, 0] = range(len(x))
        d[0] = range(3)
        return d * x[0]

    same(f, W)


def test_members_among_a_number_that_only_a_run_knows():
    def f(a, x, t):
        others = x[x > t]
        return np.isin(a, others), np.isin(a, others, invert=True), np.setdiff1d(a, others), np.intersect1d(a, others)

    for dtype in (np.int64, np.uint8, np.float32, np.float64):
        compiled = function(f, strict=True)
        for t, n in [(-1, 6), (3, 20), (3, 12), (100, 5)]:
            draw = np.random.default_rng(n).integers
            given = draw(0, 9, 14).astype(dtype), draw(0, 9, n).astype(dtype), t
            for want, got in zip(f(*given), compiled(*given), strict=True):
                assert want.dtype == got.dtype and np.array_equal(want, got)


def test_lists_that_grow_together_are_rows_and_columns():
    def f(x):
        rows, cols, vals = [], [], []
        for i in range(len(x) - 1):
            if x[i] > 0.3:
                rows.append(i)
                cols.append(i + 1)
                vals.append(x[i])
        matrix = np.zeros((len(x), len(x)))
        np.add.at(matrix, (rows, cols), vals)
        matrix[cols, rows] = 2
        return (
            matrix,
            np.column_stack((rows, vals)),
            np.array([rows, vals]),
            np.stack((rows, cols)),
            np.concatenate([rows, vals]),
        )

    same(f, W)
    same(f, W[:7])


def test_lists_that_do_not_grow_together_are_no_matrix():
    def f(x):
        low, high = [], []
        for v in x:
            (high if v > 0.5 else low).append(v)
        return np.array([low, high])

    def g(x):
        low, high = [], []
        for v in x:
            if v > 0.5:
                high.append(v)
            else:
                low.append(v)
        return np.column_stack((low, high))

    for h in (f, g):
        for x in (W, np.array([0.1, 0.9, 0.2, 0.7, 0.8, 0.3])):
            try:
                want = h(x)
            except ValueError as error:
                with warnings.catch_warnings(), pytest.raises(ValueError) as raised:
                    warnings.simplefilter("ignore", FallbackWarning)
                    function(h)(x)
                assert str(raised.value) == str(error)
            else:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", FallbackWarning)
                    assert np.array_equal(function(h)(x), want)
