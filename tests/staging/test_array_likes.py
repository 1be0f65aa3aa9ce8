"""Lists and tuples of traced numbers where NumPy takes arrays."""

from __future__ import annotations

import cmath

import numpy as np
import pytest

import hybrid as hy
from hybrid import FallbackWarning
from tests.staging.conftest import same

CALLS = {
    "concatenate": lambda x: np.concatenate(([x[-1]], x, (x[0], 1))),
    "hstack": lambda x: np.hstack(([x[0]], x, [0.0, x[1]])),
    "vstack": lambda x: np.vstack(([x[0], x[1]], [1, 2])),
    "stack": lambda x: np.stack([[x[0], x[1]], [1, 2]]),
    "column_stack": lambda x: np.column_stack(([x[0], x[1], 2], x)),
    "append": lambda x: np.append(x, [x[0], 1]),
    "insert": lambda x: np.insert(x, 1, [x[0]]),
    "diag": lambda x: np.diag([1.0, 1.0, x[0]]),
    "dot": lambda x: np.dot([x[0], 1.0], [x[1], x[2]]),
    "cross": lambda x: np.cross([x[0], 1, 0], [0, 1, x[1]]),
    "outer": lambda x: np.outer([x[0], 1], [1, x[1]]),
    "kron": lambda x: np.kron([x[0], 1], [1, x[1]]),
    "einsum": lambda x: np.einsum("i,i->", [x[0], 1], [1, x[1]]),
    "solve": lambda x: np.linalg.solve([[2.0, x[0]], [0, 1.0]], [1.0, x[2]]),
    "det": lambda x: np.linalg.det([[x[0], 1], [2, x[1]]]),
    "inv": lambda x: np.linalg.inv([[x[0], 1], [2, 5 * x[1]]]),
    "lstsq": lambda x: np.linalg.lstsq([[x[0], 1], [1, 2], [3, 4.0]], [1, 2, x[1]], rcond=None)[0],
    "polyfit": lambda x: np.polyfit([0, 1, x[2]], [x[0], x[1], 2], 1),
    "polyval": lambda x: np.polyval([x[0], 1, 2], x),
    "interp": lambda x: np.interp(x[2], [0, x[0], 2], [1, 2, x[1]]),
    "where": lambda x: np.where(x[0] > 1, [x[0], x[1], 1], x),
    "clip": lambda x: np.clip(x, [0, x[0], 1], [x[1], 2, 2]),
    "flip": lambda x: np.flip([x[0], 1]),
    "tile": lambda x: np.tile([x[0], 1], 2),
    "triu": lambda x: np.triu([[x[0], 1], [2, x[1]]]),
    "meshgrid": lambda x: np.meshgrid([x[0], 1], [1, 2, x[1]]),
    "trapezoid": lambda x: np.trapezoid([x[0], x[1], 2], x),
    "fft": lambda x: np.fft.fft([x[0], 1, 2, x[1]]),
}


@pytest.mark.parametrize("name", CALLS)
def test_lists_of_numbers_are_arrays(name):
    x, f = np.array([1.0, 2.5, 3.0]), CALLS[name]
    assert same(hy.function(f, strict=True)(x), f(x))


def test_borders_in_a_loop():
    def flux(u, n):
        for _ in range(n):
            padded = np.concatenate(([u[-1]], u, [u[0]]))
            u = u - 0.1 * (padded[1:-1] - padded[:-2])
        return u

    u = np.sin(np.arange(9.0))
    assert same(hy.function(flux, strict=True)(u, 7), flux(u, 7))


def test_polar_coordinates_of_complex_numbers():
    def turned(x, y):
        total, z = 0.0, 0j
        for i in range(len(x)):
            h = complex(x[i], y[i])
            r, p = cmath.polar(h)
            total += cmath.phase(h) + cmath.phase(x[i]) + r
            z += cmath.rect(r * 2, p) + cmath.rect(x[i], i)
        return total, z

    decorated = hy.function(turned, strict=True)
    for x, y in ((np.arange(-3.0, 5), np.arange(8.0) - 2), (np.zeros(8), np.arange(8.0)), (np.zeros(8), np.zeros(8))):
        got, want = decorated(x, y), turned(x, y)
        assert type(got[0]) is float and type(got[1]) is complex
        np.testing.assert_allclose(got, want)


def test_counts_of_a_length_that_a_run_finds_out():
    def counted(x):
        return np.bincount(x, minlength=x.max() + 2)

    x = np.array([1, 3, 3])
    assert same(hy.function(counted, strict=True)(x), counted(x))


def test_numbers_of_either_class_are_elements():
    """`1.0` on one way and a NumPy number on the other: in an array both are the same."""

    def rotated(a):
        for k in range(len(a) - 1):
            c, s = 1.0, 0.0
            if a[k + 1, k] != 0:
                r = np.hypot(a[k, k], a[k + 1, k])
                c, s = a[k, k] / r, a[k + 1, k] / r
            a[k : k + 2] = np.array([[c, s], [-s, c]]) @ a[k : k + 2]
        return a

    a = np.triu(np.random.default_rng(2).random((8, 8)), -1)
    a[3, 2] = 0
    np.testing.assert_allclose(hy.function(rotated, strict=True)(a.copy()), rotated(a.copy()), atol=1e-14)


class Holder:
    def __init__(self, made):
        self.made = made


@pytest.mark.parametrize("kind", [np.matrix, np.recarray, np.ma.MaskedArray])
def test_arrays_of_other_classes_that_are_reached(kind):
    """They are written in every call, not only while the first is traced."""

    def push(holder):
        holder.made += 1.0

    plain, fast = (Holder(np.array([[3.0, 1.0]]).view(kind)) for _ in range(2))
    decorated = hy.function(push)
    with pytest.warns(FallbackWarning, match="rules of its own"):
        decorated(fast)
    push(plain)
    for _ in range(2):
        push(plain)
        decorated(fast)
        assert type(fast.made) is kind
        np.testing.assert_array_equal(np.asarray(fast.made), np.asarray(plain.made))
