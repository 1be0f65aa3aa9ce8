"""Products, einsum, numpy.linalg and numpy.fft against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy

MATMULS = [
    ((3, 4), (4, 5)),
    ((4,), (4,)),
    ((3, 4), (4,)),
    ((4,), (4, 5)),
    ((2, 3, 4), (4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 3, 4), (4,)),
    ((5, 1, 3, 4), (2, 4, 5)),
    ((4,), (2, 4, 5)),
    ((3, 0), (0, 2)),
    ((3, 4), (2, 4, 5)),
]


@pytest.mark.parametrize("shapes", MATMULS, ids=str)
def test_matmul(shapes, check, check_eager):
    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64, np.int32):
        a, b = (rng.integers(-4, 4, shape).astype(dtype) for shape in shapes)
        check(lambda a, b: a @ b, a, b)
        check(lambda a, b: np.matmul(a, b), a, b)
        check(lambda a, b: np.dot(a, b), a, b)
        check_eager(lambda a, b: a @ b, a, b)


@pytest.mark.parametrize("shapes", [((3, 4), (5, 4)), ((3,), (4,)), ((), (3,)), ((2, 3, 4), (3, 4, 5))], ids=str)
def test_matmul_errors(shapes, traced):
    a, b = np.ones(shapes[0]), np.ones(shapes[1])
    with pytest.raises(ValueError) as expected:
        np.matmul(a, b)
    with pytest.raises(ValueError) as got:
        traced(lambda a, b: a @ b, a, b)
    assert str(expected.value)[:40] == str(got.value)[:40]


PRODUCTS = [
    "np.dot(a, b.T)", "np.dot(a, 2.0)", "np.dot(a[0], b[0])", "np.inner(a, b)", "np.inner(a[0], b[0])",
    "np.outer(a[0], b[0])", "np.vdot(a, b)", "np.tensordot(a, b, axes=2)", "np.tensordot(a, b, axes=([1], [1]))",
    "np.tensordot(a, b, axes=(0, 0))", "np.kron(a, b)", "np.cross(a[:, :3], b[:, :3])", "np.linalg.vecdot(a, b)",
    "np.einsum('ij,kj->ik', a, b)", "np.einsum('ij,ij->', a, b)", "np.einsum('ij,ij->i', a, b)", "np.einsum('ij->ji', a)",
    "np.einsum('ij->j', a)", "np.einsum('ij', a)", "np.einsum('ji', a)", "np.einsum('ij,kj', a, b)",
    "np.einsum('i,j->ij', a[0], b[0])", "np.einsum('...j,...j->...', a, b)", "np.einsum('...ij,kj->...ik', a, b)",
    "np.einsum('ii->i', a[:, :3])", "np.einsum('ii', a[:, :3])", "np.einsum('ij,kj,kl->il', a, b, b)",
    "np.einsum('bi,bj->bij', a, b)", "a.dot(b.T)", "np.linalg.norm(a)", "np.linalg.norm(a, axis=1)",
    "np.linalg.norm(a, 1, axis=0)", "np.linalg.norm(a, np.inf)", "np.linalg.norm(a, 'fro')", "np.linalg.norm(a[0], 3)",
    "np.linalg.norm(a[0], np.inf)", "np.linalg.norm(a, axis=1, keepdims=True)", "np.linalg.norm(a[0], 0)",
    "np.linalg.norm(a, -1)", "np.linalg.norm(a, axis=(0, 1), keepdims=True)", "np.trace(a)", "np.linalg.norm(a[0], 1)",
    "np.matmul(a, b.T, out=np.zeros_like(a[:, :3]))",
]  # fmt: skip


@pytest.mark.parametrize("source", PRODUCTS)
def test_products(source, check, check_eager):
    function = eval(f"lambda a, b: {source}", {"np": np})
    rng = np.random.default_rng(1)
    for dtype in (np.float64, np.float32):
        a, b = rng.normal(size=(3, 4)).astype(dtype), rng.normal(size=(3, 4)).astype(dtype)
        check(function, a, b, tolerance=64)
        check_eager(function, a, b)


SQUARE = [
    "np.linalg.solve(a, b)", "np.linalg.solve(a, b[:, 0])", "np.linalg.inv(a)", "np.linalg.det(a)",
    "np.linalg.cholesky(a @ a.mT)", "np.linalg.cholesky(a @ a.mT, upper=True)", "np.linalg.eigh(a + a.mT)",
    "np.linalg.qr(b)", "np.linalg.svd(b, full_matrices=False)", "np.linalg.svd(b, compute_uv=False)",
    "np.linalg.solve(np.stack([a, 2 * a]), b)",
]  # fmt: skip


@pytest.mark.parametrize("source", SQUARE)
def test_linalg(source, check, check_eager):
    function = eval(f"lambda a, b: {source}", {"np": np})
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(3, 3)) + 4 * np.eye(3), rng.normal(size=(3, 2))
    check(function, a, b, tolerance=512)
    check_eager(function, a, b)


def test_a_singular_matrix_raises_when_it_runs(traced):
    from hybrid.ir.graph import evaluate

    with pytest.raises(np.linalg.LinAlgError):
        evaluate(traced(lambda a: np.linalg.inv(a), np.zeros((2, 2))), np.zeros((2, 2)))


FFTS = [
    "np.fft.fft(x)", "np.fft.fft(x, 8, axis=0)", "np.fft.ifft(x, norm='ortho')", "np.fft.rfft(x)", "np.fft.rfft(x, 5)",
    "np.fft.irfft(np.fft.rfft(x), 6)", "np.fft.irfft(np.fft.rfft(x))", "np.fft.fft2(x)",
    "np.fft.ifft2(np.fft.fft2(x)).real", "np.fft.fftn(x)", "np.fft.fft(x, norm='forward')", "np.fft.fftshift(x)",
    "np.fft.ifftshift(x, axes=1)", "np.fft.rfft(x, norm='ortho')", "np.fft.irfft(np.fft.rfft(x), norm='forward')",
]  # fmt: skip


@pytest.mark.parametrize("source", FFTS)
def test_fft(source, check, check_eager):
    function = eval(f"lambda x: {source}", {"np": np})
    for dtype in (np.float64, np.float32):
        x = np.random.default_rng(3).normal(size=(4, 6)).astype(dtype)
        check(function, x, tolerance=64)
        check_eager(function, x)


def test_dot_general_agrees_with_einsum():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(4, 2, 6, 5))
    got = hy.dot_general(hy.asarray(a), hy.asarray(b), ((3,), (3,)), ((2, 0), (0, 1)))
    np.testing.assert_allclose(got.numpy(), np.einsum("xabc,bxdc->bxad", a, b))
