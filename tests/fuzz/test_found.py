"""Programs that once came out wrong, as random testing found them, each cut down to its point."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.frontend.values import wrap
from hybrid.staging.function import function
from tests.fuzz.programs import array


def agrees(f, *makers):
    """Eager and compiled calls of `f` give equal results and leave equal arguments, twice."""
    compiled = function(f, strict=True)
    for _ in range(2):
        mine, theirs = ([make() for make in makers] for _ in range(2))
        want, got = as_tuple(f(*mine)), as_tuple(compiled(*theirs))
        for a, b in zip((*want, *mine), (*got, *theirs), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-6 if np.asarray(a).dtype == np.float32 else 1e-14, strict=True)


def as_tuple(results):
    return results if isinstance(results, tuple) else () if results is None else (results,)


@pytest.mark.parametrize("dtype, narrow", [("int64", "int32"), ("int32", "int8"), ("int64", "int8"), ("int32", "int16")])
def test_narrowing_stores_only_its_own_bytes(dtype, narrow):
    """One iteration left over after whole vectors: a masked store of one known lane wrote the width it was converted from."""
    for columns in (3, 5, 9, 17, 33):

        def f(a, out, columns=columns):
            out[:, :columns] = (a * 3).astype(narrow)

        shape = (3, columns)
        agrees(
            f, lambda shape=shape: array(1, dtype, shape, "window"), lambda columns=columns: array(2, narrow, (3, columns + 9))
        )


def test_values_that_host_calls_read_outlive_their_kernel():
    def f(a, b):
        low = np.minimum(a, a)
        b[:4, -1::-2] -= np.sum(a, keepdims=True)
        np.maximum(b, b, out=b)
        return np.cumsum(low, axis=0)

    agrees(f, lambda: array(946312, "float64", (3, 4), "transposed"), lambda: array(2, "float64", (5, 1)))


def test_a_stored_reshape_is_not_read_in_place():
    """The reader's element (i, j) is another element of what it reshapes, so they share no loop."""

    def f(a, b):
        wide = a.reshape(2, 600)
        clipped = np.where(wide > 0.5, 0.5, wide)
        return np.max(b) - np.min(b), clipped.reshape(300, 4), b * (np.max(b) - np.min(b))

    agrees(f, lambda: array(1, "float32", (300, 4)), lambda: array(2, "float64", (300, 4)))


def test_reshape_of_strided_arguments():
    def f(a):
        return np.abs(a).reshape(2, 600), a.reshape(600, 2).T

    for layout in ("window", "fortran", "reversed", "strided"):
        agrees(f, lambda layout=layout: array(558192, "float64", (300, 4), layout))


def test_captured_arrays_of_negative_strides():
    order = np.arange(8)[::-1]
    agrees(lambda a: a[:, order] + a[:, :8], lambda: array(3, "float64", (3, 8)))


def test_written_captured_arrays_of_negative_strides():
    kept = np.arange(6.0)
    backwards = wrap(kept[::-1])

    def f(a):
        backwards[1:] += a
        return a + 1

    compiled = function(f, strict=True)
    compiled(np.ones(5))
    np.testing.assert_array_equal(kept, [1, 2, 3, 4, 5, 5])
    compiled(np.ones(5))
    np.testing.assert_array_equal(kept, [2, 3, 4, 5, 6, 5])


def test_results_without_elements():
    def f(a):
        spread = np.std(a, axis=-1, keepdims=True)
        nothing = np.diff(spread, axis=1)
        return nothing, nothing.sum(), np.cumsum(nothing * 2, axis=1), np.max(nothing, axis=0)

    agrees(f, lambda: array(4, "float64", (33, 17)))


def test_one_index_into_axes_of_two_sizes():
    """A negative index means another element of each."""
    places = np.array([-1, 0, -2])

    def f(a, b):
        return a[places] + b[places], a[places] * b[places]

    agrees(f, lambda: array(5, "float64", (4,)), lambda: array(6, "float64", (7,)))


def test_a_gathered_row_read_by_two_results():
    """The index is bound once for all that the loop body reads with it."""

    def f(a):
        best = np.argmax(a, axis=1) % 17
        return np.take(a, best, axis=1), np.take(a, best, axis=1) * 2, a + 1

    agrees(f, lambda: array(906978, "float64", (33, 17), "reversed"))


@pytest.mark.parametrize("size", [9, 17, 3001, 40_001])
def test_bytes_beyond_the_last_iteration_stay(size):
    """The mask of the last vector held lanes that LLVM had added to its comparison."""

    def f(a, flags):
        flags[:size] = a // -1.5 > a[::-1]

    makers = (lambda: array(7, "float64", (size,)), lambda: array(8, "bool", (size + 40,)))
    agrees(f, *makers)


def test_arguments_named_like_what_kernels_name():
    def f(a0, b, i0, p, r0, v0, row0, total0wa, k0_part0):
        mixed = np.exp(a0) * b + i0 * p - r0
        return mixed / mixed.sum(axis=1, keepdims=True), (v0 + row0).sum(axis=0), (total0wa * k0_part0).sum()

    for backend in ("llvm", "python"):
        compiled = function(f, strict=True, backend=backend)
        arguments = [array(k, "float64", (30, 20)) for k in range(9)]
        for got, want in zip(compiled(*arguments), f(*arguments), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-9)
    assert "kernel k0" in compiled.loops(*arguments)
