"""Arrays made in loops, of sizes that only a round knows: memory grows with them."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy


def votes(labels, ballots):
    total = 0.0
    for r in range(len(labels)):
        count = np.zeros(labels[r] + 1)
        for w in range(len(ballots)):
            if ballots[w] >= 0:
                count[ballots[w] % len(count)] += 1.0
        smooth = np.sqrt(count) * 2 + np.arange(labels[r] + 1)
        total += count.argmax() + smooth.sum()
        labels[r] = 7
    return total


def outcome(f, labels, ballots):
    labels = labels.copy()
    try:
        return f(labels, ballots), labels
    except Exception as error:
        return type(error), str(error), labels


@pytest.mark.parametrize("most", [1, 20, 200_000])
@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_arrays_of_sizes_that_rounds_find_out(most, backend):
    rng = np.random.default_rng(most)
    few = backend == "python" and most > 1000  # the interpreter takes half a second for one such array
    labels, ballots = rng.integers(0, most, 3 if few else 12), rng.integers(0, 1000, 30)
    want = outcome(votes, labels, ballots)
    decorated = hy.function(votes, strict=True, backend=backend)
    for _ in range(2):
        got = outcome(decorated, labels, ballots)
        np.testing.assert_allclose(got[0], want[0])
        np.testing.assert_array_equal(got[1], want[1])


@pytest.mark.parametrize("bad", [-1, -5, 1 << 40, 1 << 61, 1 << 62, (1 << 63) - 2])
def test_sizes_that_no_array_can_have_are_pythons(bad):
    """The errors are NumPy's, and so is what was written before."""
    rng = np.random.default_rng(5)
    labels, ballots = rng.integers(0, 9, 12), rng.integers(0, 1000, 30)
    decorated = hy.function(votes)
    outcome(decorated, labels, ballots)
    labels[6] = bad
    want, got = outcome(votes, labels, ballots), outcome(decorated, labels, ballots)
    assert got[:-1] == want[:-1]
    np.testing.assert_array_equal(got[-1], want[-1])


def test_calls_of_a_recursion_have_room_of_their_own():
    def spread(x, depth):
        n = int(x[depth]) + depth
        mine = np.zeros(n + 1)
        for k in range(n + 1):
            mine[k] = k * x[depth]
        below = spread(x, depth - 1) if depth > 0 else 0.0
        return below + mine.sum() + mine[n]

    x = np.random.default_rng(3).integers(1, 50, 80).astype(float)
    decorated = hy.function(spread)
    for depth in (70, 71, 72):
        assert decorated(x, depth) == pytest.approx(spread(x, depth))


def test_matrices_that_shrink_are_taken_apart():
    def deflated(a, n):
        s = 0.0
        while n > 1:
            q, r = np.linalg.qr(a[:n, :n])
            w = np.linalg.svd(a[: n + 1, :n], full_matrices=False)[1]
            s += abs(r[n - 1, n - 1]) + w[0] + q.shape[0]
            n -= 1
        return s

    a = np.random.default_rng(0).random((8, 8))
    assert hy.function(deflated, strict=True)(a, 6) == pytest.approx(deflated(a, 6))
