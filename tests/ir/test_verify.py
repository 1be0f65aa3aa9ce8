"""A malformed graph is refused with the equation that is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hybrid.core.errors import GraphError
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Eqn, Graph, Literal, Source, Var
from hybrid.ir.verify import verify
from hybrid.ops import elementwise as e

VECTOR = TensorType(np.dtype("float32"), (3,))


@pytest.fixture
def graph() -> Graph:
    builder = Builder("g")
    x = builder.input(VECTOR, "x")
    return builder.finish(builder.append(e.exp, builder.append(e.neg, (x,))))


def test_good_graphs_pass(graph):
    assert verify(graph) is graph


def test_use_before_definition(graph):
    with pytest.raises(GraphError, match="used before it is defined"):
        verify(graph.replace(eqns=graph.eqns[::-1]))


def test_a_value_of_nowhere(graph):
    with pytest.raises(GraphError, match="used before it is defined"):
        verify(graph.replace(eqns=(Eqn(e.neg, (Var(VECTOR),), {}, graph.eqns[1].outputs),)))


def test_two_definitions(graph):
    with pytest.raises(GraphError, match="defined twice"):
        verify(graph.replace(eqns=(graph.eqns[0], *graph.eqns)))
    with pytest.raises(GraphError, match="defined twice"):
        verify(graph.replace(inputs=graph.inputs * 2))


def test_a_result_that_is_never_computed(graph):
    with pytest.raises(GraphError, match="never computed"):
        verify(graph.replace(outputs=(Var(VECTOR),)))


def test_a_type_that_inference_does_not_give(graph):
    wrong = Var(TensorType(np.dtype("float32"), (4,)))
    with pytest.raises(GraphError, match="another type than declared") as caught:
        verify(graph.replace(eqns=(graph.eqns[0], replace(graph.eqns[1], outputs=(wrong,))), outputs=(wrong,)))
    assert "exp(f32[3])" in str(caught.value)


def test_operands_that_the_primitive_refuses(graph):
    flag = Literal(np.bool_(True), TensorType(np.dtype(bool), ()))
    with pytest.raises(GraphError, match="cannot take its operands"):
        verify(graph.replace(eqns=(replace(graph.eqns[0], inputs=(flag,)), graph.eqns[1])))


def test_the_number_of_results(graph):
    with pytest.raises(GraphError):
        verify(graph.replace(eqns=(graph.eqns[0], replace(graph.eqns[1], outputs=(*graph.outputs, Var(VECTOR))))))


def test_a_primitive_outside_the_table(graph):
    stranger = replace(e.exp, name="stranger")
    with pytest.raises(GraphError, match="not in the table"):
        verify(graph.replace(eqns=(graph.eqns[0], replace(graph.eqns[1], primitive=stranger))))


def test_a_literal_with_axes(graph):
    with pytest.raises(GraphError, match="not a scalar"):
        verify(graph.replace(eqns=(replace(graph.eqns[0], inputs=(Literal(np.float32(1), VECTOR),)), graph.eqns[1])))


def test_a_captured_array_of_another_type(graph):
    with pytest.raises(GraphError, match="captured array"):
        verify(graph.replace(constants=((Var(VECTOR), np.zeros(4, np.float32)),)))


def test_the_users_line_is_shown(graph):
    source = Source(__file__, 1, "here")
    wrong = replace(graph.eqns[1], inputs=(Var(VECTOR),), source=source)
    with pytest.raises(GraphError, match=r"test_verify.py:1"):
        verify(graph.replace(eqns=(graph.eqns[0], wrong)))
