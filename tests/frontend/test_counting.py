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


def test_bincount_leaves_errors_and_longer_results_to_python():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        same(lambda x: np.bincount(x, minlength=2), X, strict=False)
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
