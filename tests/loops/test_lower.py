"""From groups to kernels: every shape of nest against NumPy, accuracy of sums, and no dependence on the number of threads."""

from __future__ import annotations

from textwrap import dedent

import numpy as np
import pytest

from hybrid.core import dtype as dt
from hybrid.core.config import config
from hybrid.core.errors import IndexingError
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import evaluate
from hybrid.ir.text import parse
from hybrid.loops.nest import For, Load, Scratch, expressions, walk, walk_expr
from hybrid.ops import contract, index
from hybrid.ops import reduce as r
from hybrid.ops.family import draw
from hybrid.runtime.plan import Plan
from tests import tools

# The shape and axes that each nest is for.
REDUCTIONS = {
    "one row": ((17,), (0,)),
    "rows": ((33, 130), (1,)),
    "short rows": ((4000, 3), (1,)),
    "rows on threads": ((70, 700), (1,)),
    "rows of two axes": ((12, 5, 40), (1, 2)),
    "pieces": ((50_003,), (0,)),
    "pieces of an even size": ((65_536,), (0,)),
    "pieces of few rows": ((3, 40_100), (1,)),
    "everything of two axes": ((400, 130), (0, 1)),
    "columns": ((40, 33), (0,)),
    "columns in tiles": ((50, 2500), (0,)),
    "columns in pieces": ((3001, 40), (0,)),
    "columns in even pieces": ((2048, 16), (0,)),
    "columns of the middle axis": ((6, 90, 70), (1,)),
    "columns of two axes": ((30, 20, 50), (0, 1)),
    "columns of two kept axes": ((60, 20, 3), (0,)),
    "columns of two kept axes, in pieces": ((900, 30, 2), (0,)),
    "columns around a reduced axis": ((5, 40, 2, 3), (1,)),
    "outer and inner axes": ((20, 7, 30), (0, 2)),
    "nothing": ((0, 5), (0,)),
    "no results": ((5, 0), (0,)),
    "axes of size 1": ((1, 40, 1), (0, 2)),
    "no axes": ((6, 7), ()),
}  # fmt: skip


def reduction(primitive, shape, axes, dtype):
    builder = Builder("reduced")
    x = builder.input(TensorType(np.dtype(dtype), shape), "x")
    return builder.finish(builder.append(primitive, (x,), {"axes": axes}))


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "float16"])
def test_sums(name, dtype):
    shape, axes = REDUCTIONS[name]
    x = draw(np.random.default_rng(1), np.dtype(dtype), shape, -1, 1)
    graph = reduction(r.sum, shape, axes, dtype)
    (got,) = tools.execute(graph, [x], "llvm")
    assert tools.agree(r.sum, ((x,), {"axes": axes}), got, np.asarray(evaluate(graph, x)[0]))


@pytest.mark.parametrize("name", [n for n, (shape, axes) in REDUCTIONS.items() if not any(shape[a] == 0 for a in axes)])
def test_extremes_and_nan(name):
    shape, axes = REDUCTIONS[name]
    rng = np.random.default_rng(2)
    x = rng.normal(size=shape)
    if x.size:
        x.reshape(-1)[rng.integers(x.size, size=2)] = np.nan, -np.inf
    for primitive in (r.max, r.min):
        graph = reduction(primitive, shape, axes, "float64")
        (got,) = tools.execute(graph, [x], "llvm")
        assert tools.same_bits(got, np.asarray(evaluate(graph, x)[0]))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_the_interpreter_agrees(name):
    """One lane, one thread, in Python: small enough versions of the same nests."""
    shape, axes = REDUCTIONS[name]
    if np.prod(shape, dtype=int) > 12_000:
        shape = tuple(n if n < 100 else 67 for n in shape)
    x = draw(np.random.default_rng(3), dt.int64, shape, -99, 99)
    graph = reduction(r.sum, shape, axes, "int64")
    assert tools.same_bits(tools.execute(graph, [x], "python")[0], np.asarray(evaluate(graph, x)[0]))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_sums_do_not_depend_on_threads(name):
    shape, axes = REDUCTIONS[name]
    x = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    plan = Plan(tools.lower(reduction(r.sum, shape, axes, "float32")))
    found = []
    for threads in (1, 2, 3):
        with config.override(threads=threads):
            found.append(plan.run([x])[0].tobytes())
    assert len(set(found)) == 1


def test_sums_are_as_exact_as_pairwise_ones():
    """A million equal tenths: adding one by one would lose four digits."""
    x = np.full(1_000_000, 0.1, np.float32)
    exact = float(np.float32(0.1)) * x.size
    for shape, axes in (((x.size,), (0,)), ((1000, 1000), (0,)), ((1000, 1000), (1,))):
        (got,) = tools.execute(reduction(r.sum, shape, axes, "float32"), [x.reshape(shape)], "llvm")
        share = exact / got.size
        assert np.max(np.abs(got - share)) <= 2 * np.spacing(np.float32(share))


# contractions ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "sizes", [(1, 1, 1), (3, 4, 5), (17, 1, 9), (1, 40, 33), (64, 64, 64), (70, 33, 129), (5, 0, 4), (0, 3, 4)]
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_matrix_products(sizes, dtype):
    m, k, n = sizes
    rng = np.random.default_rng(5)
    for flip_a in (False, True):
        for flip_b in (False, True):
            a = draw(rng, np.dtype(dtype), (k, m) if flip_a else (m, k))
            b = draw(rng, np.dtype(dtype), (n, k) if flip_b else (k, n))
            params = {"contract": ((0 if flip_a else 1,), (1 if flip_b else 0,)), "batch": ((), ())}
            graph, arrays = tools.application(contract.dot_general, [((a, b), params)])
            for backend in ("llvm",) if m * n * k > 5000 else ("llvm", "python"):
                (got,) = tools.execute(graph, arrays, backend)
                assert tools.agree(contract.dot_general, ((a, b), params), got, np.asarray(evaluate(graph, a, b)[0]))


# gathers --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("backend", ["llvm", "python"])
@pytest.mark.parametrize("wrong", [4, -5, 2**40])
def test_gathers_check_their_bounds(backend, wrong):
    x, places = np.arange(4.0), np.array([0, -4, 3, wrong])
    graph, arrays = tools.application(index.take, [((x, places), {"axis": 0})])
    with pytest.raises(IndexingError, match="out of bounds"):
        tools.execute(graph, arrays, backend)


# structure ------------------------------------------------------------------------------------------------------------
def kinds(kernel) -> list[str]:
    return [stmt.kind for stmt in walk(kernel.body) if isinstance(stmt, For)]


def test_neighbouring_axes_become_one_loop():
    graph = parse("graph g(x: f32[4,5,6]) {\n  t0: f32[4,5,6] = exp(x)\n  return t0\n}")
    (kernel,) = tools.lower(graph).kernels
    assert kinds(kernel) == ["flat"] and kernel.body[0].extent == 120


def test_strided_axes_stay_apart():
    graph = parse("graph g(x: f32[4,5,6]) {\n  t0: f32[4,5,6] = exp(x)\n  return t0\n}")
    (kernel,) = tools.lower(graph, {graph.inputs[0]: (60, 10, 1)}).kernels
    assert sorted(stmt.extent for stmt in walk(kernel.body) if isinstance(stmt, For)) == [4, 5, 6]


def test_the_exponentials_of_softmax_are_kept_in_a_row():
    text = """\
    graph softmax(x: f32[64,100]) {
      t0: f32[64] = reduce_max(x, axes=(1,))
      t1: f32[64,1] = reshape(t0, shape=(64, 1))
      t2: f32[64,100] = broadcast(t1, shape=(64, 100))
      t3: f32[64,100] = sub(x, t2)
      t4: f32[64,100] = exp(t3)
      t5: f32[64] = sum(t4, axes=(1,))
      t6: f32[64,1] = reshape(t5, shape=(64, 1))
      t7: f32[64,100] = broadcast(t6, shape=(64, 100))
      t8: f32[64,100] = div(t4, t7)
      return t8
    }"""
    graph = parse(dedent(text))
    (kernel,) = tools.lower(graph).kernels
    assert [stmt.size for stmt in walk(kernel.body) if isinstance(stmt, Scratch)] == [100]
    x = np.random.default_rng(6).normal(size=(64, 100)).astype(np.float32)
    np.testing.assert_allclose(tools.execute(graph, [x], "llvm")[0], evaluate(graph, x)[0], rtol=1e-6)


def test_results_without_elements_make_no_kernel():
    graph = parse("graph g(x: f32[4,0]) {\n  t0: f32[4,0] = exp(x)\n  t1: f32[0] = sum(t0, axes=(0,))\n  return t0, t1\n}")
    lowered = tools.lower(graph)
    assert not lowered.kernels
    results = Plan(lowered).run([np.empty((4, 0), np.float32)])
    assert [a.shape for a in results] == [(4, 0), (0,)]


# Products by the axes that are summed over, and whether both operands then lie along one axis.
PRODUCTS = {
    "rows by columns": ((16, 20), (20, 24), (1,), (0,)),
    "rows by rows": ((16, 20), (24, 20), (1,), (1,)),
    "columns by columns": ((20, 16), (20, 24), (0,), (0,)),
    "a row by a matrix": ((20,), (20, 24), (0,), (0,)),
    "a matrix by a column": ((16, 20), (20,), (1,), (0,)),
    "a matrix across by a column": ((20, 16), (20,), (0,), (0,)),
}


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_products_go_along_memory(name, dtype):
    a_shape, b_shape, left, right = PRODUCTS[name]
    rng = np.random.default_rng(5)
    a, b = (draw(rng, np.dtype(dtype), shape, -3, 3) for shape in (a_shape, b_shape))
    builder = Builder("product")
    given = [builder.input(TensorType(x.dtype, x.shape)) for x in (a, b)]
    graph = builder.finish(builder.append(contract.dot_general, tuple(given), {"contract": (left, right), "batch": ((), ())}))
    (got,) = Plan(tools.lower(graph)).run([a, b])
    want = np.tensordot(a.astype(np.float64), b.astype(np.float64), (left, right))
    np.testing.assert_allclose(
        got, want, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-5 if dtype == "float32" else 1e-12
    )
    (kernel,) = tools.lower(graph).kernels
    lanes = [loop for loop in walk(kernel.body) if isinstance(loop, For) and loop.kind == "vector"]
    steps = {
        node.offset.coefficient(loop.index)
        for loop in lanes
        for stmt in walk(loop.body)
        for root in expressions(stmt)
        for node in walk_expr(root)
        if isinstance(node, Load)
    }
    assert lanes and steps <= {0, 1}
