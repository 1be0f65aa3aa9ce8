"""Dead code goes; reshapes move onto operands only where nothing else reads what they reshape."""

from __future__ import annotations

import numpy as np

from hybrid.ir.graph import evaluate
from hybrid.ir.text import parse
from hybrid.ir.verify import verify
from hybrid.passes.cleanup import eliminate_dead, sink_views
from tests import tools

X = np.random.default_rng(3).normal(size=(3, 4)).astype(np.float32)


def graph(*lines: str, results: str = "a", constants: dict | None = None):
    return parse("\n".join(["graph g(x: f32[3,4]) {", *(f"  {line}" for line in lines), f"  return {results}", "}"]), constants)


def same(before, after) -> None:
    verify(after)
    for a, b in zip(evaluate(before, X), evaluate(after, X), strict=True):
        assert tools.same_bits(np.asarray(a), np.asarray(b))


def primitives(g) -> list[str]:
    return [eqn.primitive.name for eqn in g.eqns]


def test_what_no_result_needs_is_dropped():
    g = graph(
        "const c0: f32[3,4]", "b: f32[3,4] = exp(c0)", "c: f32[3,4] = sin(b)", "a: f32[3,4] = neg(x)", constants={"c0": X}
    )
    out = eliminate_dead(g)
    assert primitives(out) == ["neg"] and not out.constants and out.inputs == g.inputs
    assert eliminate_dead(out) is out


def test_inputs_stay_when_nothing_reads_them():
    g = graph("a: f32[3,4] = broadcast(f32(1.0), shape=(3, 4))")
    assert eliminate_dead(g).inputs == g.inputs


def test_a_merging_reshape_moves_below_elementwise_work():
    g = graph("b: f32[3,4] = exp(x)", "c: f32[3,4] = mul(b, f32(2.0))", "a: f32[12] = reshape(c, shape=(12,))")
    out = sink_views(g)
    assert primitives(out) == ["reshape", "exp", "mul"]
    same(g, out)


def test_a_value_read_in_its_own_shape_keeps_it():
    g = graph("b: f32[3,4] = exp(x)", "c: f32[12] = reshape(b, shape=(12,))", "a: f32[12] = neg(c)", results="a, b")
    assert sink_views(g) is g


def test_splitting_reshapes_are_index_maps_already():
    g = graph("b: f32[3,4] = exp(x)", "a: f32[3,2,2] = reshape(b, shape=(3, 2, 2))")
    assert sink_views(g) is g


def test_operands_that_are_views_are_not_stored_in_that_shape():
    g = graph(
        "b: f32[3,4] = slice(x, start=(0, 3), step=(1, -1), shape=(3, 4))",
        "c: f32[3,4] = exp(b)",
        "a: f32[12] = reshape(c, shape=(12,))",
    )
    assert sink_views(g) is g


def test_rank_0_operands_go_with_any_shape():
    g = graph("b: f32[] = sum(x, axes=(0, 1))", "c: f32[3,4] = mul(x, b)", "a: f32[4,3] = reshape(c, shape=(4, 3))")
    same(g, sink_views(g))
