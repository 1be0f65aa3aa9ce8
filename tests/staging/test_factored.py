"""What a `try` around `solve`, `inv` and `cholesky` asks first: whether a matrix has a factorisation."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy


def solved(a, b):
    try:
        return np.linalg.solve(a, b) * 2
    except np.linalg.LinAlgError:
        return b * 0


def inverse(a, b):
    try:
        x = np.linalg.inv(a)
    except np.linalg.LinAlgError as e:
        return b - len(str(e))
    return x @ b


def root(a, b):
    for jitter in (0.0, 1e-3, 10.0):
        try:
            low = np.linalg.cholesky(a + jitter * np.eye(len(a)))
            break
        except np.linalg.LinAlgError:
            pass
    else:
        return b * 0
    return low @ b


def matrices(n, dtype):
    random = np.random.default_rng(n)
    a = random.normal(size=(n, n))
    yield a
    yield a @ a.T + np.eye(n)
    yield np.ones((n, n))
    yield np.zeros((n, n))
    yield np.triu(a)
    yield np.diag(np.r_[np.ones(n - 1), 0.0])
    yield np.diag(np.r_[np.ones(n - 1), 1e-300])
    yield np.eye(n) * 1e-200  # whose determinant is 0 as a float64
    yield np.diag(np.r_[np.ones(n - 1), np.inf])
    yield a * 0 + np.nan
    yield -np.eye(n)


@pytest.mark.parametrize("program", [solved, inverse, root])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_matrices_of_all_kinds(program, dtype):
    f = hy.function(program)
    for n in (3, 5, 16, 17, 30):
        for a in matrices(n, dtype):
            with np.errstate(all="ignore"):
                a = np.nan_to_num(a, posinf=9) if dtype is np.int64 else a
                given, b = a.astype(dtype), np.arange(1.0, n + 1)
                want, got = program(given, b), f(given, b)
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=2e-3 if dtype is np.float32 else 1e-6, atol=1e-300)


def test_machine_code_finds_out_by_itself():
    for program in (solved, inverse, root):
        for n in (4, 40):
            f = hy.function(program, strict=True)
            f(np.eye(n), np.ones(n))
            text = f.explain()
            assert "host call" not in text and "runs as NumPy" not in text  # but where a matrix is nearly singular
