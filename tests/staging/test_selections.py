"""What a mask selects, read and written after it has been an array, in branches, and carried through loops."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from tests.staging.conftest import same

X = np.random.default_rng(11).random(60)


def alike(f, *args, strict=True):
    """Call a function undecorated and decorated, twice."""
    decorated = hy.function(f, strict=strict)
    for _ in range(2):
        mine, theirs = ([a.copy() if isinstance(a, np.ndarray) else a for a in args] for _ in "ab")
        got, want = decorated(*mine), f(*theirs)
        assert same(got, want), f"{got}, not {want}"
        assert same(mine, theirs)


def test_elements_that_were_written_are_in_sums():
    def total(x):
        kept = x[x > 0.5]
        kept[0] = 100.0
        return kept.sum(), kept * 2, np.mean(kept), kept.copy(), kept.astype(np.float32)

    alike(total, X)


def test_arithmetic_in_place_reaches_the_array():
    def scaled(x):
        kept = x[x > 0.5]
        first = kept[0]
        kept *= 2
        return first, kept[0], kept.sum(), kept

    alike(scaled, X)


def test_views_show_the_elements():
    def shifted(x):
        kept = x[x > 0.5]
        rest = kept[1:]
        kept += 1
        rest *= 3
        return kept.sum(), kept * 2, kept.std(), rest.copy()

    alike(shifted, X)


def test_sorting_in_place_counts():
    def ordered(x):
        kept = x[x > 0.5]
        kept.sort()
        return kept - kept.mean(), np.diff(kept)

    alike(ordered, X)


@pytest.mark.parametrize("c", [0.0, 3.0])
def test_an_array_made_in_a_branch_is_known_after_it(c):
    def counted(x, c):
        kept = x[x > 0.5]
        n = 0
        if c > x[0]:
            n = len(kept) + kept[0]
        return n + len(kept) * 2 + kept[1]

    alike(counted, X, c)


@pytest.mark.parametrize("c", [0.0, 3.0])
def test_ways_write_in_their_own_manner(c):
    def written(x, c):
        kept = x[x > 0.3]
        if c > x[0]:
            kept *= 1.5
        else:
            kept[1] = 7
        kept += 1
        return kept, kept.sum()

    alike(written, X, c)


def test_loops_read_and_write_the_elements():
    def running(x):
        kept = x[x > 0.3]
        total = 0.0
        for i in range(len(kept)):
            total += kept.sum()
            kept[i] = total
        return kept, total

    alike(running, X)


def test_rounds_select_from_what_was_selected():
    def clipped(x, sigma, most):
        kept = x[np.isfinite(x)]
        low, high, n = -np.inf, np.inf, 0
        while n < most:
            if kept.size == 0:
                break
            middle, spread = np.median(kept), kept.std()
            low, high = middle - sigma * spread, middle + sigma * spread
            new = kept[(kept >= low) & (kept <= high)]
            n += 1
            if new.size == kept.size:
                break
            kept = new
        kept -= kept.sum()
        return kept, low, high, n

    x = np.concatenate([X, [np.nan, 20.0, -30.0, np.inf]])
    for most in (0, 1, 9):
        alike(clipped, x, 1.5, most)
    alike(clipped, np.full(4, np.nan), 1.5, 9)


def test_an_argument_is_left_alone_by_rounds_that_rebind_it():
    def clipped(x):
        for _ in range(7):
            x = x[np.abs(x - x.mean()) < 1.5 * x.std()]
        x -= x.mean()
        return x

    alike(clipped, X)


@pytest.mark.filterwarnings("ignore::hybrid.FallbackWarning")
def test_a_second_name_of_a_selection_sees_what_is_written():
    def named(x, n):
        kept = x[x > 0.1]
        old = kept
        for _ in range(n):
            kept = kept[np.abs(kept - kept.mean()) < 1.6 * kept.std()]
        kept[0] = 70
        return kept, old

    def chosen(x, c):
        kept = x[x > 0.3]
        old = kept
        if c > x[0]:
            kept = kept * 2
        kept[0] = 70
        return kept, old.copy()

    for n in (0, 1, 5, 6):
        alike(named, X, n, strict=False)
    for c in (0.0, 5.0):
        alike(chosen, X, c, strict=False)


def test_selections_change_places():
    def swapped(x):
        a, b = x[x > 0.4], x[x <= 0.4]
        for _ in range(7):
            a, b = b, a
        return a, b

    alike(swapped, X)


def test_a_selection_made_anew_in_each_round():
    def distinct(grid):
        for i in range(9):
            row = grid[i][grid[i] > 0]
            box = grid[i // 3 : i // 3 + 3]
            box = box[box > 0]
            for part in (row, box):
                if len(np.unique(part)) != len(part):
                    return False
        return True

    grid = np.random.default_rng(4).integers(0, 9, (9, 9))
    alike(distinct, grid)
    alike(distinct, np.arange(81).reshape(9, 9))


@pytest.mark.parametrize("missing", ([], [2, 5], [0, 1, 2, 3, 4, 5, 7]))
def test_interpolation_between_selected_points(missing):
    def filled(x, y, at):
        good = ~np.isnan(y)
        return np.interp(at, x[good], y[good])

    y = np.arange(8.0) ** 2
    y[missing] = np.nan
    alike(filled, np.arange(8.0), y, np.linspace(-1, 9, 13))


def test_interpolation_between_values_that_occur():
    def matched(source, reference):
        _, where, counts = np.unique(source.ravel(), return_inverse=True, return_counts=True)
        values, others = np.unique(reference.ravel(), return_counts=True)
        return np.interp(np.cumsum(counts) / source.size, np.cumsum(others) / reference.size, values)[where].reshape(
            source.shape
        )

    rng = np.random.default_rng(2)
    alike(matched, rng.integers(0, 9, (6, 6)), rng.integers(3, 15, (7, 7)))


def test_what_is_selected_takes_another_shape():
    def columns_dropped(image, count):
        for _ in range(count):
            rows, columns = image.shape
            keep = np.ones(image.shape, dtype=bool)
            for i in range(rows):
                keep[i, int(image[i].argmin())] = False
            image = image[keep].reshape(rows, columns - 1)
        return image

    def apart(d):
        n = len(d)
        others = ~np.eye(n, dtype=bool)
        return d[others].reshape(n, n - 1).max(axis=1), d[others].reshape(n, -1).min(axis=1), d[others].reshape(-1, 1) * 2

    alike(columns_dropped, X[:42].reshape(6, 7), 3)
    alike(apart, X[:49].reshape(7, 7))


@pytest.mark.parametrize(
    "shape", [(2, -1), (-1, 2), (3, 2), (-1, -1), (0, -1), (1, -1), (-1, 1), (5, 1), (-1,), (5,), (), (2, 2, -1)]
)
def test_selections_that_do_not_fit_a_shape_raise_numpys_error(shape):
    def shaped(x):
        return x[x > 0].reshape(shape) * 2

    decorated, x = hy.function(shaped), np.array([1.0, -1.0, 2.0, 3.0, 4.0, -2.0, 5.0])
    for given in (x, x + 10, -x, 0 * x, x):
        outcomes = []
        for f in (shaped, decorated):
            try:
                outcomes.append(f(given))
            except ValueError as error:
                outcomes.append(str(error))
        assert same(*outcomes)


def test_a_shape_that_selections_take_shares_their_memory():
    def through(x):
        kept = x[x > 0]
        table = kept.reshape(2, -1)
        table[0, 0] = 99.0
        return kept * 1, table.sum()

    alike(through, np.array([1.0, -1.0, 2.0, 3.0, 4.0]))


def test_lists_that_grow_together_fit_a_linear_system():
    def fitted(first, rounds):
        at, found = [first, first + 1.0], [1.0, 2.0]
        for k in range(rounds):
            a, f = np.array(at), np.array(found)
            kernel = np.exp(-0.5 * np.subtract.outer(a, a) ** 2) + 0.1 * np.eye(len(a))
            weights = np.linalg.solve(kernel, f)
            at.append(at[-1] + 0.5 + weights[0] * k)
            found.append(weights @ f)
        return at, found, np.linalg.solve(kernel, np.stack([f, 2 * f], axis=1))

    def close(got, want):
        return all(np.allclose(a, b, rtol=1e-9) for a, b in zip(got, want, strict=True))

    decorated = hy.function(fitted, strict=True)
    for rounds in (4, 7, 2):
        assert close(decorated(0.3, rounds), fitted(0.3, rounds))
