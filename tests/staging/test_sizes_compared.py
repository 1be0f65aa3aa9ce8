"""Operations whose size only a run knows: loops where it is small, NumPy's call where it is not; the same results."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid as hy
from hybrid.ops.linalg import SMALL

SIZES = (7, 5, 0, 1, 2, 3)
BEYOND = {"sort": 32, "factors": SMALL, "products": 64}


def sort_rows(x):
    out = np.empty_like(x)
    for i in range(len(x)):
        out[i] = np.sort(x[i])
    return out


def rank_rows(x):
    out = np.zeros(x.shape, dtype=np.int64)
    for i in range(len(x)):
        out[i] = np.argsort(-x[i], kind="stable")
    return out


def medians(x):
    return np.array([np.median(row) for row in x]) if x.size else x


def sorted_once(x):
    return np.sort(x, axis=1), np.argsort(x[0]) if len(x) else None


def steps_of_newton(x):
    a = x @ x.T + len(x) * np.eye(len(x))
    b = np.ones(len(x))
    for _ in range(3):
        b = np.linalg.solve(a, b) + 1
    return b, np.linalg.det(a / len(x)), np.linalg.cholesky(a)


def factors_in_a_loop(x):
    total, roots = 0.0, np.zeros((3, len(x), len(x)))
    for k in range(3):
        a = x @ x.T + (k + len(x)) * np.eye(len(x))
        total += np.linalg.det(a / (len(x) + k))
        roots[k] = np.linalg.cholesky(a)
    return total, roots


def powers(x):
    out = step = x @ x.T / len(x)
    for _ in range(40):
        out = out @ step / (1 + np.abs(out).max())
    return out


def gram(x, w):
    total = np.zeros((x.shape[1], x.shape[1]))
    for k in range(len(w)):
        total += (w[k] * x.T) @ x
    return total


def rows_of(function, rng):
    limit = BEYOND["factors" if function in (steps_of_newton, factors_in_a_loop) else "sort"]
    return [rng.normal(size=(n + 1, n)).astype(np.float64) for n in (*SIZES[:2], limit, limit + 1, 2 * limit, *SIZES[2:])]


@pytest.mark.parametrize("function", [sort_rows, rank_rows, medians, sorted_once], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16])
def test_orders(function, dtype):
    f = hy.function(function, strict=True)
    for x in rows_of(function, np.random.default_rng(0)):
        x = (8 * x).round().astype(dtype) if dtype == np.int16 else x.astype(dtype)
        if x.ndim == 2 and x.shape[1] == 0 and function is medians:
            continue  # a median of nothing warns
        np.testing.assert_equal(f(x), function(x))
    assert len(f.traces) <= 4


@pytest.mark.parametrize("function", [steps_of_newton, factors_in_a_loop, powers], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_linear_algebra(function, dtype):
    f = hy.function(function)
    for x in rows_of(function, np.random.default_rng(1)):
        if len(x) < 2 and function is powers:
            continue
        want, got = function(x.astype(dtype)), f(x.astype(dtype))
        for a, b in zip(want, got) if isinstance(want, tuple) else ((want, got),):
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_allclose(
                b, a, rtol=2e-3 if dtype == np.float32 else 1e-9, atol=1e-3 if dtype == np.float32 else 1e-9
            )


def test_products_of_both_sizes():
    f = hy.function(gram, strict=True)
    rng = np.random.default_rng(2)
    for rows, columns in ((5, 3), (6, 4), (4, 64), (300, 40), (0, 3), (3, 0), (2, 2)):
        x, w = rng.normal(size=(rows, columns)), rng.normal(size=40)
        np.testing.assert_allclose(f(x, w), gram(x, w), atol=1e-10)
    assert "NumPy computes dot_general where n1*n2*n2 > 262144" in str(f.explain())


def test_no_python_is_called_for_small_ones(monkeypatch):
    """The calls of NumPy that a kernel makes go through `code_of`: with small sizes there is none, and for sorts and linear
    algebra with no size."""
    from hybrid.codegen import host

    calls = []
    known = host.code_of
    monkeypatch.setattr(host, "code_of", lambda call, *rest: calls.append(call.name) or known(call, *rest))
    rng = np.random.default_rng(3)
    for function in (sort_rows, factors_in_a_loop, powers):
        f, made = hy.function(function), []
        for n in (5, 6, 7, 200):
            calls.clear()
            f(rng.normal(size=(n, n)))
            made.append(len(calls))
        assert made[:3] == [0, 0, 0] and (made[3] > 0) is (function is powers), (function, made)


def singular(a, b):
    for _ in range(2):
        b = np.linalg.solve(a, b)
    return b


def test_errors_are_the_users():
    f = hy.function(singular)
    for n in (3, 4, 5, 20, 21):
        with pytest.raises(np.linalg.LinAlgError, match="Singular"):
            f(np.ones((n, n)), np.ones(n))
        np.testing.assert_allclose(f(2 * np.eye(n), np.ones(n)), np.full(n, 0.25))


@pytest.mark.parametrize("shape", [(300, 40), (3, 60, 50)])
def test_numpy_is_called_with_transposed_operands_as_they_lie(shape):
    """Large products inside a loop: no copy is made of a matrix that is transposed there."""

    def gram(x, steps):
        total = np.zeros((*shape[:-2], shape[-1], shape[-1]))
        for _ in range(steps):
            total = np.swapaxes(x, -1, -2) @ (x * (1 + total.max())) / 1e3
            if total.max() > 1e9:
                break
        return total

    x, f = np.sin(np.arange(float(np.prod(shape)))).reshape(shape), hy.function(gram, strict=True)
    np.testing.assert_allclose(f(x, 5), gram(x, 5), rtol=1e-12)
    assert f"python dot_general(x[{','.join(map(str, shape))}], " in str(f.loops(x, 5))
