"""The builder records equal work once, folds literals, keeps constants by identity; rebuilding returns what did not change."""

from __future__ import annotations

import numpy as np
import pytest

from hybrid.core.errors import DTypeError, GraphError, ShapeError
from hybrid.core.shape import Dim, TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Literal, evaluate, uses
from hybrid.ir.primitive import Kind, Primitive, register
from hybrid.ir.rebuild import rebuild
from hybrid.ir.trace import literal
from hybrid.ops import elementwise as e
from hybrid.ops import reduce as r

F32 = np.dtype("float32")


def vector(builder: Builder, name: str = "x"):
    return builder.input(TensorType(F32, (3,)), name)


def test_equal_work_is_recorded_once():
    builder = Builder("g")
    x, y = vector(builder), vector(builder, "y")
    assert builder.append(e.add, (x, y)) is builder.append(e.add, (x, y))
    assert builder.append(e.add, (x, y)) != builder.append(e.add, (y, x))
    assert builder.append(r.sum, (x,), {"axes": (0,)}) is builder.append(r.sum, (x,), {"axes": (0,)})
    assert len(builder.eqns) == 3


def test_literals_are_told_apart_by_their_bits():
    builder = Builder("g")
    x = vector(builder)
    made = [builder.append(e.mul, (x, literal(v, F32)))[0] for v in (0.0, -0.0, np.nan, 1.0, 1.0)]
    assert made[3] is made[4] and len({id(m) for m in made}) == 4


def test_literals_fold():
    builder = Builder("g")
    (total,) = builder.append(e.add, (literal(1.5, F32), literal(2.0, F32)))
    assert isinstance(total, Literal) and total.value == np.float32(3.5) and not builder.eqns
    (infinite,) = builder.append(e.sub, (literal(np.inf, F32), literal(2.0, F32)))
    assert infinite.value == np.inf


def test_what_numpy_warns_of_is_left_to_the_run():
    builder = Builder("g")
    builder.append(e.div, (literal(1.0, F32), literal(0.0, F32)))
    assert [eqn.primitive for eqn in builder.eqns] == [e.div]


def test_a_captured_array_is_one_variable():
    builder = Builder("g")
    array = np.arange(3.0)
    assert builder.constant(array) is builder.constant(array)
    assert builder.constant(array) is not builder.constant(array.copy())


def test_inference_refuses_what_does_not_fit():
    builder = Builder("g")
    x = vector(builder)
    with pytest.raises(ShapeError):
        builder.append(e.add, (x, builder.input(TensorType(F32, (4,)))))
    with pytest.raises(DTypeError):
        builder.append(e.add, (x, literal(1, np.dtype("int32"))))
    assert not builder.eqns


def test_symbolic_sizes_carry_through():
    builder = Builder("g")
    x = builder.input(TensorType(F32, (Dim.symbol("n"), 4)))
    (total,) = builder.append(r.sum, (x,), {"axes": (1,)})
    assert str(total.type) == "f32[n]"


def test_rebuild_returns_the_same_graph_where_nothing_changes():
    builder = Builder("g")
    x = vector(builder)
    (y,) = builder.append(e.exp, (x,))
    graph = builder.finish(builder.append(e.add, (y, y)))
    assert rebuild(graph) is graph
    assert rebuild(graph, lambda b, eqn, inputs: None) is graph
    assert [len(eqns) for eqns in uses(graph).values()] == [1, 2]


def test_rebuild_rewrites_and_renumbers():
    builder = Builder("g")
    x = vector(builder)
    (y,), (z,) = builder.append(e.exp, (x,)), builder.append(e.sin, (x,))
    graph = builder.finish(builder.append(e.add, (y, z)))
    out = rebuild(graph, lambda b, eqn, inputs: b.append(e.exp, inputs) if eqn.primitive is e.sin else None)
    assert [eqn.primitive.name for eqn in out.eqns] == ["exp", "add"]
    value = np.array([0.0, 1.0, 2.0], np.float32)
    np.testing.assert_array_equal(evaluate(out, value)[0], 2 * np.exp(value))


def test_the_table_refuses_rows_without_their_rules():
    def row(**parts):
        given = {
            "name": "test_row",
            "kind": Kind.MAP,
            "eval": abs,
            "infer": abs,
            "derivative": e.abs.derivative,
            "sample": list,
        }
        return Primitive(**{**given, **parts})

    for parts in ({"name": "add"}, {"derivative": None}, {"kind": Kind.VIEW}, {"kind": Kind.WRITE}, {}):
        with pytest.raises(GraphError):
            register(row(**parts))
