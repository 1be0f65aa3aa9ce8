"""Graph text prints and parses back to the same graph; what cannot be read is refused with its line."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hybrid.core import dtype as dt
from hybrid.core.errors import GraphError, HybridError
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Literal, evaluate
from hybrid.ir.primitive import TABLE
from hybrid.ir.text import literal, parse
from hybrid.staging.function import function
from tests import tools
from tests.fuzz.checks import compiled_source, quiet
from tests.fuzz.writer import generate

GOOD = """\
graph g(x: f32[3,n], y: f64[]~) {
  const c0: i64[2]
  t0: f32[3,n] = neg(x)  # file.py:3
  t1: bool[3,n] = lt(t0, f32(-0.0))
  t2: f32[3] = sum(t0, axes=(1,))
  return t2, t1, c0, f64(nan)
}"""


def test_text_parses_back():
    graph = parse(GOOD, {"c0": np.arange(2)})
    assert str(graph) == GOOD.replace("  # file.py:3", "")
    assert str(parse(str(graph), {"c0": np.arange(2)})) == str(graph)


HERE = ("island", "jitted", "jitted_failing", "bitgen")  # functions and generators that only this process has


@pytest.mark.parametrize("name", sorted(name for name, row in TABLE.items() if not row.effect and name not in HERE))
def test_every_row_of_the_table_prints_and_parses(name):
    graph, _ = tools.application(TABLE[name], list(TABLE[name].sample(np.random.default_rng(1))))
    assert str(parse(str(graph))) == str(graph)


@pytest.mark.parametrize("name", sorted(name for name, row in TABLE.items() if row.effect))
def test_calls_of_what_lives_in_this_program_print_only(name):
    graph, _ = tools.application(TABLE[name], list(TABLE[name].sample(np.random.default_rng(1))))
    with pytest.raises(GraphError, match="line 2"):
        parse(str(graph))


@pytest.mark.parametrize("seed", range(60))
def test_graphs_of_random_programs_print_and_parse(seed):
    program = generate(5000 + seed)
    with quiet():
        graph = function(compiled_source(program), strict=True).trace(*program.values())
    constants = {f"c{k}": array for k, (_, array) in enumerate(graph.constants)}
    again = parse(str(graph), constants)
    assert str(again) == re.sub(r"  # .*", "", str(graph))
    arrays = [np.asarray(value, var.type.dtype) for var, value in zip(graph.inputs, inputs(graph, program), strict=True)]
    for a, b in zip(evaluate(graph, *arrays), evaluate(again, *arrays), strict=True):
        assert tools.same_bits(np.asarray(a), np.asarray(b))


def inputs(graph, program):
    """The arguments that are inputs: every one but repeats."""
    given = dict(zip((name for name, _ in program.arguments), program.values(), strict=True))
    return [given[graph.names[var]] for var in graph.inputs]


@pytest.mark.parametrize("dtype", dt.ALL, ids=str)
def test_literals_keep_their_bits(dtype):
    values = (
        [0, 1] if dt.KIND[dtype] in "bu" else [0, 1, -3] if dt.is_integer(dtype) else [0.0, -0.0, 0.1, 1e-4, -np.inf, np.nan]
    )
    if dt.is_complex(dtype):
        values = [complex(0.1, -2.5), complex(1, 0), 0j]
    for value in values:
        made = Literal(np.asarray(value, dtype)[()], TensorType(dtype, ()))
        again = parse(f"graph g(x: f32[]) {{\n  return {literal(made)}\n}}").outputs[0]
        assert tools.same_bits(np.asarray(again.value), np.asarray(made.value))


def test_names_are_the_users_where_they_can_be():
    builder = Builder("g")
    for name in ("x", "x", "t0", "class", "c3", "", "ünder"):
        builder.input(TensorType(np.dtype("float32"), ()), name)
    graph = builder.finish(builder.inputs)
    assert str(parse(str(graph))) == str(graph)
    assert str(graph).startswith("graph g(x: f32[], x_: f32[], t0_: f32[], ")


# what cannot be read --------------------------------------------------------------------------------------------------
BAD_LINES = {
    "no primitive": "t0: f32[3] = frobnicate(x)",
    "unknown name": "t0: f32[3] = neg(nothing)",
    "unknown dtype": "t0: f33[3] = neg(x)",
    "no type": "t0 = neg(x)",
    "no call": "t0: f32[3] = x",
    "no equation": "what is this",
    "wrong result": "t0: f32[4] = neg(x)",
    "wrong dtype": "t0: f64[3] = neg(x)",
    "wrong operands": "t0: f32[3] = add(x, f64(1.0))",
    "missing param": "t0: f32[] = sum(x)",
    "unknown param": "t0: f32[] = sum(x, axes=(0,), depth=3)",
    "bad param": "t0: f32[] = sum(x, axes=0)",
    "defined twice": "x: f32[3] = neg(x)",
    "python": "t0: f32[3] = __import__('os').getcwd()",
    "a call as operand": "t0: f32[3] = neg(exit())",
    "broken syntax": "t0: f32[3] = neg(x",
    "two results of one": "t0: f32[3], t1: f32[3] = neg(x)",
    "literal of nothing": "t0: f32[] = neg(f32())",
    "literal of text": "t0: f32[] = neg(f32('a'))",
    "missing constant": "const c0: f32[3]",
    "an object": "t0: i64[], t1: f64[3] = draw(i64(0), call=<Generator.standard_normal((3,))>)",
    "unknown dtype of a param": "t0: f32[3] = convert(x, dtype=f33)",
    "negative size": "t0: f32[-3] = neg(x)",
    "size beyond memory": "t0: f32[99999999999999999999] = neg(x)",
    "size of text": "t0: f32['a'] = neg(x)",
    "size of a fraction": "t0: f32[1.5] = neg(x)",
    "deep": f"t0: f32[3] = neg({'(' * 300}x{')' * 300})",
    "deeper": f"t0: f32[3] = neg({'-' * 5000}x)",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_LINES)
def test_bad_lines_are_refused_by_number(name):
    text = f"graph g(x: f32[3]) {{\n  q: f32[3] = exp(x)\n  {BAD_LINES[name]}\n  return x\n}}"
    with pytest.raises(GraphError, match="line 3") as caught:
        parse(text)
    assert BAD_LINES[name] in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "graph", "graph g() {", "graph g(x: f32[3]) {\n}", "x\ny\n}", "graph g(x: f32[3]) {\n  return x"]
)
def test_texts_that_are_no_graph_are_refused(text):
    with pytest.raises(GraphError):
        parse(text)


@pytest.mark.parametrize("seed", range(200))
def test_damaged_texts_never_crash(seed):
    """A character lost, doubled or changed gives a graph or a GraphError, nothing else."""
    rng = np.random.default_rng(seed)
    at = int(rng.integers(len(GOOD)))
    other = chr(int(rng.integers(32, 127)))
    damaged = [
        GOOD[:at] + GOOD[at + 1 :],
        GOOD[:at] + GOOD[at] + GOOD[at:],
        GOOD[:at] + other + GOOD[at + 1 :],
        GOOD[:at] + other + GOOD[at:],
    ]
    for text in damaged:
        try:
            parse(text, {"c0": np.arange(2)})
        except HybridError as error:
            assert isinstance(error, GraphError), text
