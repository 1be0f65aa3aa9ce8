"""Arrays of sizes that only a run knows: what a mask selects, and lengths that are computed."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy

CHOSEN = [
    lambda x, a: x[x > 0],
    lambda x, a: x[x > 0] * 2,
    lambda x, a: len(x[x > 0]),
    lambda x, a: x[x > 0].shape,
    lambda x, a: x[x > 0][0],
    lambda x, a: np.sort(x[x > 0])[::-1],
    lambda x, a: x[x > 0][1:],
    lambda x, a: np.concatenate([x, x[x > 0]]),
    lambda x, a: x[x > 0] + x[x > 0].sum(),
    lambda x, a: x[x > 0].max(),
    lambda x, a: np.zeros_like(x[x > 0]),
    lambda x, a: x[x > 0].T,
    lambda x, a: x[x > 0].sum(0),
    lambda x, a: x[x > 9],
    lambda x, a: x[x > 0].reshape(-1, 1),
    lambda x, a: a[a > 0],
    lambda x, a: a[a[:, 0] > 0],
    lambda x, a: a[:, a[0] > 0],
    lambda x, a: a[a > 0].cumsum(),
    lambda x, a: np.where(x > 0),
    lambda x, a: np.nonzero(a > 0),
    lambda x, a: (a > 0).nonzero(),
    lambda x, a: np.flatnonzero(a > 0),
    lambda x, a: np.argwhere(a > 0),
    lambda x, a: np.compress(x > 0, x),
    lambda x, a: np.compress(x > 0, a, axis=0),
    lambda x, a: np.extract(a > 0, a),
    lambda x, a: np.zeros((x > 0).sum()),
    lambda x, a: np.arange(np.count_nonzero(x > 0)) * 2,
    lambda x, a: np.unique(np.round(x)),
    lambda x, a: np.unique(np.round(a), return_counts=True),
    lambda x, a: np.unique(np.round(x), return_index=True, return_inverse=True),
    lambda x, a: np.unique(np.where(x > 0, np.nan, x)),
    lambda x, a: a[np.nonzero(a > 0)],
    lambda x, a: x[: int(x.max())],
    lambda x, a: x[int(x.max()) :].sum(),
    lambda x, a: x[np.where(x > 0)[0]],
    lambda x, a: x[x > 0][::2],
    lambda x, a: np.outer(x[x > 0], x),
    lambda x, a: x[x > 0][:, None] + x[x > 0],
    lambda x, a: (x[x > 0] ** 2).mean(),
    lambda x, a: x[x > 0] @ x[x > 0],
]


def data(n):
    rng = np.random.default_rng(n)
    return np.append(rng.normal(size=n - 1) * 2, 2.5), rng.normal(size=(n, 3))


@pytest.mark.parametrize("function", CHOSEN, ids=range(len(CHOSEN)))
def test_results_of_sizes_that_only_a_run_knows(function, invisible):
    for n in (6, 7, 12):
        invisible(function, *data(n))
    decorated = hy.function(function, strict=True)
    for n in (6, 7, 12, 8):
        decorated(*data(n))
    assert len(decorated.traces) <= 2


def test_values_for_the_elements_that_a_mask_selects(invisible):
    def ranks(x):
        m = x > 0
        x[m] = np.arange(m.sum())
        return x

    def parts(x, y):
        positive, rest = x[x > 0], x[x <= 0]
        y[: len(positive)] = positive
        y[len(positive) :] = rest
        return positive.size

    def clusters(x, labels):
        means = np.zeros(3)
        for c in range(3):
            means[c] = x[labels == c].mean()
        return means

    x = data(9)[0]
    invisible(ranks, x)
    invisible(parts, x, np.zeros(9))
    invisible(clusters, x, np.arange(9) % 3)


def test_selections_that_turn_out_otherwise(invisible):
    def extremes(x):
        return x[x > 0].max()

    f = hy.function(extremes)
    for x in (np.array([1.0, -1.0, 3.0]), np.array([1.0, 2.0, 3.0])):
        assert f(x) == 3
    with pytest.raises(ValueError, match="zero-size array"):
        f(-np.ones(3))


def test_sums_of_two_selections(invisible):
    def both(x, y):
        return x[x > 0] + y[y > 0]

    x = np.array([1.0, -1.0, 3.0, 4.0])
    invisible(both, x, x[::-1].copy())
    invisible(both, x, np.abs(x), compiled=False)


def test_a_selection_under_an_old_name_after_a_continue():
    def variances(x, width):
        out = np.full(len(x), np.nan)
        for t in range(width - 1, len(x)):
            part = x[t - width + 1 : t + 1]
            ok = ~np.isnan(part)
            if ok.sum() < 2:
                continue
            part = part[ok]
            out[t] = part.var()
        return out

    x = np.arange(12.0) % 5
    x[[2, 3, 7]] = np.nan
    for width in (2, 3, 5):
        np.testing.assert_allclose(hy.function(variances, strict=True)(x, width), variances(x, width))


def test_masks_of_rows_and_columns_are_let_go():
    def plastic(pre, post, w):
        x, y = np.zeros(w.shape[0]), np.zeros(w.shape[1])
        for t in range(len(pre)):
            s, r = pre[t] > 0, post[t] > 0
            x[s] += 1
            y[r] += 1
            w[:, r] += 0.1 * x[:, None] * (1 - w[:, r])
            w[s] -= 0.05 * y[None, :] * w[s]
        return w

    rng = np.random.default_rng(0)
    pre, post = rng.random((30, 6)) < 0.2, rng.random((30, 4)) < 0.2
    got = hy.function(plastic, strict=True)(pre, post, np.full((6, 4), 0.5))
    np.testing.assert_allclose(got, plastic(pre, post, np.full((6, 4), 0.5)))
