"""Generated from the primitive table: every row's types, values and derivative, on the row's own samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hybrid as hy
from hybrid.core import dtype as dt
from hybrid.core.shape import TensorType
from hybrid.ir.primitive import NO_GRADIENT, TABLE, Custom, Derivative, Kind, Linear, Partials, Primitive, infer

ROWS = sorted(TABLE)
STEP = 1e-6
SMOOTH = {dt.float64, dt.complex128}


def samples(row: Primitive) -> list:
    return list(row.sample(np.random.default_rng(0)))


def as_tuple(value: Any) -> tuple:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("name", ROWS)
def test_values_have_the_inferred_type(name):
    row = TABLE[name]
    cases = samples(row)
    assert cases or name == "again"  # which has a meaning inside a recursion alone: its sample is that of one
    for operands, params in cases:
        types = infer(row, [TensorType(np.asarray(x).dtype, np.shape(x)) for x in operands], params)
        with np.errstate(all="ignore"):
            results = as_tuple(row.eval(*operands, **params))
        assert [(t.dtype, t.shape) for t in types] == [(r.dtype, r.shape) for r in results]


@pytest.mark.parametrize("name", ROWS)
def test_a_row_says_how_it_runs_and_differentiates(name):
    row = TABLE[name]
    assert isinstance(row.derivative, Derivative)
    assert row.body or row.index or row.regions or row.kind is Kind.CONTRACT or row.reason


def smooth(row: Primitive) -> list:
    """Samples in double precision, with results that are not empty."""
    out = []
    for operands, params in samples(row):
        inexact = [x for x in operands if dt.is_inexact(np.asarray(x).dtype)]
        result = as_tuple(row.eval(*operands, **params))[0]
        if inexact and all(x.dtype in SMOOTH for x in inexact) and result.dtype in SMOOTH and result.size:
            out.append((operands, params))
    return out


def with_derivative(kind: type) -> list[str]:
    return [name for name in ROWS if isinstance(TABLE[name].derivative, kind)]


def direction(rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
    """A random tangent; zero for operands that are not differentiated."""
    if not dt.is_inexact(x.dtype):
        return np.zeros_like(x)
    out = rng.normal(size=x.shape)
    return (out + 1j * rng.normal(size=x.shape)).astype(x.dtype) if dt.is_complex(x.dtype) else out.astype(x.dtype)


def moved(x: np.ndarray, t: np.ndarray, h: float) -> np.ndarray:
    return x + h * t if dt.is_inexact(x.dtype) else x


def difference(row: Primitive, operands: tuple, tangents: tuple, params: dict) -> tuple:
    """The central difference (f(x + ht) - f(x - ht)) / 2h."""
    ahead, behind = (as_tuple(row.eval(*(moved(x, t, h) for x, t in zip(operands, tangents)), **params)) for h in (STEP, -STEP))
    return tuple((a - b) / (2 * STEP) for a, b in zip(ahead, behind))


def inner(a: Any, b: Any) -> float:
    """Re Σ conj(a)·b, over arrays or tuples of them."""
    if isinstance(a, tuple):
        return sum(inner(x, y) for x, y in zip(a, b) if x is not None)
    return float(np.sum(np.conj(np.asarray(a)) * np.asarray(b)).real)


def tensors(values: tuple) -> tuple:
    return tuple(hy.asarray(np.asarray(v)) for v in values)


@pytest.mark.parametrize("name", with_derivative(Partials))
def test_partials_are_finite_differences(name):
    row, rng = TABLE[name], np.random.default_rng(1)
    cases = smooth(row)
    assert cases or name == "again"  # which has a meaning inside a recursion alone: its sample is that of one
    for operands, params in cases:
        y = hy.asarray(np.asarray(row.eval(*operands, **params)))
        partials = row.derivative.rule(y, *tensors(operands), **params)
        assert len(partials) == len(operands)
        for k, partial in enumerate(partials):
            if partial is None:
                continue
            tangents = tuple(direction(rng, x) if i == k else np.zeros_like(x) for i, x in enumerate(operands))
            expected = difference(row, operands, tangents, params)[0]
            np.testing.assert_allclose(np.asarray(partial) * tangents[k], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", with_derivative(Partials))
def test_partials_keep_the_dtype(name):
    row = TABLE[name]
    for operands, params in samples(row):
        if all(dt.is_float(np.asarray(x).dtype) for x in operands):
            with np.errstate(all="ignore"):
                y = hy.asarray(np.asarray(row.eval(*operands, **params)))
                partials = row.derivative.rule(y, *tensors(operands), **params)
            assert all(p is None or isinstance(p, (int, float)) or p.dtype == y.dtype for p in partials)


@pytest.mark.parametrize("name", with_derivative(Linear))
def test_adjoints_of_linear_rows(name):
    """⟨v, f(x)⟩ = ⟨adjoint v, x⟩: for the operands together where f is linear, for each alone where f is a product."""
    row, rng = TABLE[name], np.random.default_rng(2)
    cases = smooth(row)
    assert cases or name == "again"  # which has a meaning inside a recursion alone: its sample is that of one
    for operands, params in cases:
        y = np.asarray(row.eval(*operands, **params))
        v = direction(rng, y)
        back = row.derivative.adjoint(hy.asarray(v), *tensors(operands), **params)
        assert len(back) == len(operands)
        for g, x in zip(back, operands):
            assert g is None or g.shape == x.shape
        if row.kind is Kind.CONTRACT:
            for g, x in zip(back, operands):
                np.testing.assert_allclose(inner(g, x), inner(v, y), rtol=1e-10, atol=1e-10)
        else:
            total = sum(inner(g, x) for g, x in zip(back, operands) if g is not None)
            np.testing.assert_allclose(total, inner(v, y), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", with_derivative(Custom))
def test_custom_rules(name):
    """The jvp is the finite difference, and ⟨v, jvp t⟩ = ⟨vjp v, t⟩."""
    row, rng = TABLE[name], np.random.default_rng(3)
    cases = smooth(row)
    assert cases or name == "again"  # which has a meaning inside a recursion alone: its sample is that of one
    for operands, params in cases:
        raw = row.eval(*operands, **params)
        y = tensors(raw) if isinstance(raw, tuple) else tensors((raw,))[0]
        tangents = tuple(direction(rng, x) for x in operands)
        if name in ("cholesky", "eigh"):
            tangents = tuple(t + t.mT for t in tangents)  # they read one triangle of a symmetric matrix
        forward = row.derivative.jvp(tensors(operands), tensors(tangents), y, **params)
        expected = difference(row, operands, tangents, params)
        for got, want in zip(as_tuple(forward), expected):
            np.testing.assert_allclose(np.asarray(got), want, rtol=1e-5, atol=1e-6)
        v = tuple(direction(rng, np.asarray(part)) for part in as_tuple(raw))
        back = row.derivative.vjp(tensors(v) if isinstance(raw, tuple) else tensors(v)[0], y, *tensors(operands), **params)
        assert len(back) == len(operands)
        np.testing.assert_allclose(inner(as_tuple(back), tangents), inner(v, as_tuple(forward)), rtol=1e-8, atol=1e-8)


def test_no_gradient_is_said_aloud():
    assert repr(NO_GRADIENT) == "NO_GRADIENT"
    assert all(TABLE[name].derivative is NO_GRADIENT for name in ("floor", "argsort", "eq", "iota"))
