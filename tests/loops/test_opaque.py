"""OPAQUE operations in bodies of loops: those that become loops and those that NumPy is called for, on every back end."""

from __future__ import annotations

import numpy as np
import pytest

import hybrid.ops  # noqa: F401  fills the table
from hybrid.core import dtype as dt
from hybrid.core.errors import AssumptionError, IndexingError
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Graph, evaluate
from hybrid.ir.primitive import TABLE, Kind, Primitive, infer
from hybrid.ir.verify import verify
from tests import tools

OPAQUE = [name for name, row in TABLE.items() if row.kind is Kind.OPAQUE]
RNG = np.random.default_rng(3)


def in_loop(primitive: Primitive, operands, params, *, over_first: bool = False) -> tuple[Graph, list[np.ndarray]]:
    """A loop of two rounds that computes one thing; `over_first`: out of its own result, in the memory of the first operand."""
    types = [TensorType(a.dtype, a.shape) for a in operands]
    outs = infer(primitive, types, params)
    builder = Builder("around")
    given = [builder.input(t) for t in types]
    inner = Builder("body")
    if over_first:
        held = [inner.input(t) for t in types]
        made = inner.append(primitive, tuple(held), params)
        start = (given[0],)
    else:
        _, held = [inner.input(t) for t in outs], [inner.input(t) for t in types]
        made = inner.append(primitive, tuple(held), params)
        start = tuple(builder.input(t) for t in outs)
        given = [*start, *given]
    kept = {"carried": len(start), "count": 2, "symbol": "step", "test": None, "body": inner.body(list(made))}
    arrays = [*operands, *([np.zeros(t.shape, t.dtype) for t in outs] if not over_first else ())]
    return verify(builder.finish(builder.append(TABLE["loop"], tuple(given), kept))), arrays


def compare(primitive: Primitive, operands, params, backend: str, **how) -> None:
    if any(dt.is_complex(a.dtype) for a in operands):
        return
    graph, arrays = in_loop(primitive, operands, params, **how)
    if any(dt.is_complex(atom.type.dtype) for atom in graph.outputs):
        return
    for got, want in zip(tools.execute(graph, arrays, backend), evaluate(graph, *arrays), strict=True):
        assert tools.same_bits(got, np.asarray(want)), f"{operands} {params}\n{backend}: {got!r}\neager: {want!r}"


@pytest.mark.parametrize("name", OPAQUE)
@pytest.mark.parametrize("backend", ["llvm", "python"])
def test_samples(name, backend):
    for operands, params in TABLE[name].sample(np.random.default_rng(1)):
        compare(TABLE[name], operands, params, backend)


@pytest.mark.parametrize("name", ["solve", "argsort", "scatter", "searchsorted"])
def test_samples_numba(name):
    operands, params = TABLE[name].sample(np.random.default_rng(1))[0]
    compare(TABLE[name], operands, params, "numba")


HARD = np.array([3.0, np.nan, -0.0, 0.0, np.inf, -np.inf, 2.0, 2.0, np.nan, -1.0, 0.0, -0.0])


@pytest.mark.parametrize("backend", ["llvm", "python"])
@pytest.mark.parametrize("dtype", [dt.float64, dt.float32, dt.float16, dt.bfloat16, dt.int8, dt.uint64, dt.bool_])
@pytest.mark.parametrize("axis", [0, 1])
def test_sorts(backend, dtype, axis):
    with np.errstate(all="ignore"):
        x = RNG.permuted(np.stack([HARD] * 4), axis=1).astype(dtype)
    for over_first in (False, True):
        # NumPy's default order of zeros of both signs depends on the processor.
        compare(TABLE["sort"], (x,), {"axis": axis, "kind": "stable"}, backend, over_first=over_first)
    for kind in ("stable", "quicksort"):
        compare(TABLE["argsort"], (x,), {"axis": axis, "kind": kind}, backend)
    for size in (0, 1, 2, 33):
        compare(TABLE["sort"], (RNG.integers(0, 9, (2, size)).astype(dtype),), {"axis": axis}, backend)


@pytest.mark.parametrize("backend", ["llvm", "python"])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_running_totals_over_themselves(backend, name):
    for dtype in (dt.float16, dt.float32, dt.int8, dt.int64):
        for axis in (0, 1):
            compare(TABLE[name], (RNG.integers(-3, 4, (3, 5)).astype(dtype),), {"axis": axis}, backend, over_first=True)


@pytest.mark.parametrize("backend", ["llvm", "python"])
@pytest.mark.parametrize("op", ["set", "add"])
def test_writes_at_computed_places(backend, op):
    for dtype in (dt.float64, dt.float16, dt.int8, dt.bool_):
        x = RNG.integers(0, 2, (4, 5, 3)).astype(dtype)
        for axis in range(3):
            for index in (np.array([1, -1, 1]), np.array([[0, 2], [-3, 0]]), np.asarray(2), np.array([], np.int64)):
                value = RNG.integers(0, 2, x.shape[:axis] + index.shape + x.shape[axis + 1 :]).astype(dtype)
                for over_first in (False, True):
                    compare(TABLE["scatter"], (x, index, value), {"axis": axis, "op": op}, backend, over_first=over_first)
            along = RNG.integers(-3, 3, x.shape[:axis] + (2,) + x.shape[axis + 1 :])
            value = RNG.integers(0, 2, along.shape).astype(dtype)
            compare(TABLE["scatter_along"], (x, along, value), {"axis": axis, "op": op}, backend, over_first=True)


@pytest.mark.parametrize("backend", ["llvm", "python"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_searches(backend, side):
    for table in (np.sort(HARD), HARD, np.zeros(0), np.arange(7.0)):  # out of order, too: what NumPy makes of it
        for x in (HARD.reshape(3, 4), np.asarray(2.0), np.zeros(0)):
            compare(TABLE["searchsorted"], (table, x), {"side": side}, backend)


@pytest.mark.parametrize("backend", tools.BACKENDS)
def test_errors_end_the_call(backend):
    index = np.array([0, 5])
    graph, arrays = in_loop(TABLE["scatter"], (np.zeros(5), index, np.ones(2)), {"axis": 0, "op": "set"})
    with pytest.raises(IndexingError):
        tools.execute(graph, arrays, backend)
    graph, arrays = in_loop(TABLE["solve"], (np.zeros((2, 2)), np.ones((2, 1))), {})
    with pytest.raises(AssumptionError):
        tools.execute(graph, arrays, backend)


def systems(rng, n):
    """Well-behaved, badly scaled, nearly singular, singular, with and without numbers that are none."""
    plain = rng.normal(size=(n, n))
    yield plain
    yield plain * 10.0 ** rng.integers(-6, 6, (n, 1))
    if n > 1:
        near = plain.copy()
        near[-1] = near[0] * (1 + 1e-13)
        yield near
        yield np.eye(n)[rng.permutation(n)]
    holed = plain.copy()
    holed[0, -1] = np.nan
    yield holed
    yield np.where(np.eye(n) > 0, np.inf, plain)


@pytest.mark.parametrize("backend", ["llvm", "python"])
@pytest.mark.parametrize("dtype", [dt.float32, dt.float64])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 16, 17])
def test_small_linear_systems(backend, dtype, n):
    rng = np.random.default_rng(n)
    tolerance = {"rtol": 1e-3 if dtype == dt.float32 else 1e-8, "atol": 0}

    def agree(name, *operands):
        graph, arrays = in_loop(TABLE[name], operands, {})
        try:
            with np.errstate(all="ignore"):
                want = evaluate(graph, *arrays)
        except np.linalg.LinAlgError:
            with pytest.raises(AssumptionError):
                tools.execute(graph, arrays, backend)
            return
        for got, expected in zip(tools.execute(graph, arrays, backend), want, strict=True):
            assert got.dtype == expected.dtype
            scale = np.max(np.abs(expected[np.isfinite(expected)]), initial=0.0)
            np.testing.assert_allclose(got, expected, **{**tolerance, "atol": tolerance["rtol"] * scale}, equal_nan=True)

    for a in systems(rng, n):
        a = a.astype(dtype)
        with np.errstate(all="ignore"):
            square = a @ a.T + np.eye(n, dtype=dtype)
        agree("solve", a, rng.normal(size=(n, 2)).astype(dtype))
        agree("det", a)
        agree("cholesky", a)
        agree("cholesky", square)
    agree("solve", np.zeros((n, n), dtype), np.ones((n, 1), dtype))
    agree("det", np.zeros((n, n), dtype))
