"""Arrays in Fortran's order or in larger strides that pass through branches and loops: what a reshape of them is a view of."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hybrid.staging.function import function

LAYOUTS = {
    "rows": lambda a: a.copy(),
    "columns": np.asfortranarray,
    "turned": lambda a: a.T,
    "steps": lambda a: np.repeat(np.repeat(a.T, 2, 0), 2, 1)[::2, ::2].T,
}


def made_in_order(a, n):
    out = np.zeros((4, 4), order="F"), np.full((4, 4), a[0, 0], order="F"), np.ones_like(a, order="F"), np.eye(4, order="F")
    for each in out:
        line = each.ravel()
        line[1] = 5
    return out, a.ravel("A"), a.flatten("A"), a.copy("F").ravel("K")


def added_in_loop(a, n):
    b = np.zeros((4, 4), order="F")
    for _ in range(n):
        b = b + a
    line = b.T.ravel()
    line[0] = 9
    return b


def doubled_in_loop(a, n):
    b = a.T
    for _ in range(n):
        b = b * 2
        line = b.ravel()
        line[1] = 7
    return b


def either(a, n):
    b = a.T.copy() if n > 2 else a * 2
    line = b.ravel()
    line[1] = 7
    return b


def same_on_both_ways(a, n):
    b = a * 2 if a[0, 0] > 0 else a * 3
    line = b.reshape(-1)
    line[0] = 5
    return b


def until_large(a, n):
    b = a
    while b.sum() < 50:
        b = np.abs(b) * 2 + 1
    line = b.ravel()
    line[2] = 1
    return b


def by_elements(a, n):
    b = np.vectorize(lambda v: v + 1)(a)
    line = b.reshape(-1)
    line[0] = 5
    return b


PROGRAMS = (made_in_order, added_in_loop, doubled_in_loop, either, same_on_both_ways, until_large, by_elements)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_reshapes_are_views_of_what_they_are_undecorated(program, layout):
    compiled = function(program)
    for seed, n in enumerate((2, 30, 1, 0, 3)):
        a = np.random.default_rng(seed).normal(size=(4, 4))
        given, other = LAYOUTS[layout](a.copy()), LAYOUTS[layout](a.copy())
        want = program(given, n)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got = compiled(other, n)
        assert np.allclose(np.asarray(want[0]), np.asarray(got[0])) and np.allclose(given, other)
        assert all(np.allclose(x, y) for x, y in zip(want, got))


def test_the_result_of_dot_goes_only_into_what_numpy_takes():
    def program(a, out):
        np.dot(a, a, out=out)
        return out

    compiled = function(program)
    a = np.arange(9.0).reshape(3, 3)
    assert np.array_equal(compiled(a, np.zeros((3, 3))), a @ a)
    for out in (np.zeros((3, 3), order="F"), np.zeros((6, 6))[::2, ::2], np.zeros((3, 3), np.float32), np.zeros((1, 3, 3))):
        with pytest.raises(ValueError, match="not acceptable"):
            compiled(a, out)


def test_windows_cut_at_the_end_of_columns_meet_in_a_branch():
    """The sizes that stand for late ones need not broadcast where those of the call do."""

    def sweep(h, low, high):
        h = h.copy()
        while high > 0:
            for k in range(low, high - 1):
                w = np.array([h[k, k], h[k + 1, k], 1.0])
                size = np.sqrt(w @ w)
                if size > 0:
                    w[0] += size if w[0] >= 0 else -size
                    left = max(k - 1, low)
                    h[k : k + 3, left:] -= 0.01 * np.outer(w, w @ h[k : k + 3, left:])
            high -= 1
        return h

    h = np.random.default_rng(0).random((6, 6))
    decorated = function(sweep, strict=True)
    for low, high in ((0, 5), (1, 4), (0, 3)):
        np.testing.assert_allclose(decorated(h, low, high), sweep(h, low, high), rtol=1e-12)


def test_places_in_columns_chosen_one_after_another():
    def medoids(d, count):
        chosen = [int(d.sum(axis=0).argmin())]
        while len(chosen) < count:
            nearest = d[:, chosen].min(axis=1)
            gains = np.maximum(nearest[:, None] - d, 0).sum(axis=0)
            gains[chosen] = -1
            chosen.append(int(gains.argmax()))
        return chosen, d[:, chosen].argmin(axis=1)

    d = np.random.default_rng(0).random((12, 12))
    compiled = function(medoids, strict=True)
    for count in (3, 5, 1):
        got, want = compiled(d + d.T, count), medoids(d + d.T, count)
        assert got[0] == want[0] and np.array_equal(got[1], want[1])


def test_places_in_columns_of_any_size():
    def places(x):
        part = x[:, 1:]
        places = np.argmin(part), np.argmax(x.T), np.argsort(part, axis=None), np.argmin(x[::2], keepdims=True)
        return *places, part.argmin(axis=1), np.argmax(x.T, axis=0)

    compiled = function(places, strict=True)
    for n in (4, 5, 6, 9):
        x = np.random.default_rng(n).random((n, n + 1))
        assert all(np.array_equal(got, want) for got, want in zip(compiled(x), places(x), strict=True))
    assert compiled.stats()["traces"] == 2
