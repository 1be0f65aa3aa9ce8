"""SciPy's sparse matrices: products with arrays in compiled code, and what is read of a matrix that somebody writes into."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import hybrid as hy
from hybrid.staging.fallback import FallbackWarning


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def product(a, x):
    return a @ x


def reflected(a, x):
    return x @ a


def dotted(a, x):
    return a.dot(x)


def starred(a, x):
    return a * x


def added(a, x):
    out = np.ones((a.shape[0], *x.shape[1:]), np.result_type(a.dtype, x.dtype))
    out += a @ x
    return out


def transposed(a, x):
    return a.T @ x


def matrix(rng, layout, shape, dtype=np.float64, kind="matrix"):
    full = (rng.normal(size=shape) * 3).astype(dtype)
    full[rng.random(shape) < 0.5] = 0
    return getattr(sp, f"{layout}_{kind}")(full)


def same(made, wanted):
    assert type(made) is type(wanted)
    if isinstance(wanted, np.ndarray):
        assert made.shape == wanted.shape
        for axis in np.flatnonzero(np.array(made.shape) > 1):
            assert made.strides[axis] == wanted.strides[axis]
    assert made.dtype == wanted.dtype and made.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("kind", ["matrix", "array"])
@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "dia"])
def test_products_with_vectors_are_compiled(rng, layout, kind):
    a = matrix(rng, layout, (5, 7), kind=kind)
    for function in (product, reflected, dotted, added, transposed, *[starred] * (kind == "matrix")):
        if layout == "dia" and function is reflected:
            continue
        x = rng.normal(size=5 if function in (reflected, transposed) else 7)
        f = hy.function(function, strict=True)
        for y in (x, x * 2, np.rint(x * 9).astype(np.int64)):
            same(f(a, y), function(a, y))


@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
def test_products_with_several_vectors_lie_as_scipys_do(rng, layout):
    a = matrix(rng, layout, (5, 7))
    for columns in (1, 3):
        x = rng.normal(size=(7, columns))
        same(hy.function(product, strict=True)(a, x), a @ x)
        same(hy.function(reflected, strict=True)(a.T, x.T), x.T @ a.T)


@pytest.mark.parametrize("dtype", [np.float32, np.complex128, np.int32, np.int64])
def test_dtypes_of_products(rng, dtype):
    a = matrix(rng, "csr", (4, 4), dtype)
    for other in (np.float32, np.float64, np.int64, np.complex64):
        x = rng.normal(size=4).astype(other)
        same(hy.function(product, strict=True)(a, x), a @ x)


def test_elements_that_stand_twice_are_added(rng):
    at = np.array([0, 1, 1, 5, 0]), np.array([2, 2, 2, 0, 2])
    a, x = sp.coo_matrix((np.arange(1.0, 6.0), at), shape=(6, 6)), rng.normal(size=6)
    same(hy.function(product, strict=True)(a, x), a @ x)


@pytest.mark.parametrize("layout", ["bsr", "lil", "dia"])
def test_other_products_are_scipys_between_compiled_parts(rng, layout):
    a, x = matrix(rng, layout, (4, 4)), rng.normal(size=4)

    def f(a, x):
        return np.cos(x @ a + 1) * 2

    made = hy.function(f)
    with pytest.warns(FallbackWarning, match="rmatmul.* is called between compiled parts"):
        np.testing.assert_allclose(made(a, x), f(a, x), rtol=1e-12)


def test_sizes_that_do_not_fit(rng):
    a = matrix(rng, "csr", (5, 7))
    with pytest.raises(ValueError, match="dimension mismatch"), warnings.catch_warnings():
        warnings.simplefilter("ignore", FallbackWarning)
        hy.function(product)(a, np.ones(6))


def conjugate_gradients(a, b, steps):
    x, r = np.zeros_like(b), b.copy()
    p, rho = r.copy(), r @ r
    k = 0
    for k in range(steps):  # noqa: B007
        ap = a @ p
        alpha = rho / (p @ ap)
        x += alpha * p
        r -= alpha * ap
        rho, before = r @ r, rho
        if np.sqrt(rho) < 1e-10:
            break
        p = r + rho / before * p
    return x, k


def test_a_solver_is_one_loop(rng):
    a = sp.diags([-np.ones(29), np.full(30, 2.5), -np.ones(29)], [-1, 0, 1]).tocsr()
    f = hy.function(conjugate_gradients, strict=True)
    for _ in range(3):
        b = rng.normal(size=30)
        (x, k), (y, n) = f(a, b, 100), conjugate_gradients(a, b, 100)
        assert k == n
        np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-14)
        a.data *= 1.25
        a.data[3] += 0.5
    assert len(f.traces) == 1


READS = {
    "data": lambda a, x: a.data * 2,
    "sum": lambda a, x: a.sum() * x,
    "number": lambda a, x: a.data[1] * x,
    "element": lambda a, x: a[1, 1] * x,
    "diagonal": lambda a, x: a.diagonal() + x,
    "full": lambda a, x: a.toarray() @ x,
    "transpose": lambda a, x: a.T.data.sum() * x,
    "converted": lambda a, x: a.tocsc().data.sum() * x,
    "made": lambda a, x: sp.csr_matrix(a).sum() * x,
    "product": product,
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.filterwarnings("ignore::hybrid.staging.fallback.FallbackWarning")
def test_what_is_read_of_a_matrix_is_read_anew(name):
    """A matrix among the arguments was taken for what it was at the first call."""
    function, x = READS[name], np.arange(4.0)
    a = sp.csr_matrix(np.diag([1.0, 2.0, 3.0, 4.0]) + np.eye(4, k=1))
    f = hy.function(function)
    same(f(a, x), function(a, x))
    a.data[:] = 3
    same(f(a, x), function(a, x))
    a.data = a.data * np.arange(7.0)
    same(f(a, x), function(a, x))
    a.data[1:] = 5
    same(f(a, x), function(a, x))


def test_large_matrices_are_not_copied_to_be_watched(rng):
    """The arrays of a transpose are others that show the same memory."""
    a = sp.random(3000, 3000, 0.03, "csr", rng=rng)
    assert a.indices.nbytes > 1 << 20
    x, f = rng.normal(size=3000), hy.function(transposed, strict=True)
    same(f(a, x), transposed(a, x))
    a.data *= 2
    same(f(a, x), transposed(a, x))
