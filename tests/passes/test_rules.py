"""Every rule of simplification, proved on its own: both sides give the same bits, and the left one becomes the right one."""

from __future__ import annotations

import itertools

import ml_dtypes
import numpy as np
import pytest

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError
from hybrid.core.shape import TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Literal, evaluate
from hybrid.ir.text import parse
from hybrid.ops import elementwise as e
from hybrid.passes.cleanup import eliminate_dead
from hybrid.passes.match import Call, Pattern
from hybrid.passes.rules import RULES, STRUCTURE, Rule, simplify
from tests import tools


# arithmetic -----------------------------------------------------------------------------------------------------------
def values(dtype: np.dtype) -> np.ndarray:
    """Random values and the hard ones: NaN, infinities, both zeros, the ends of the range."""
    rng = np.random.default_rng(5)
    if dtype == dt.bool_:
        return np.array([False, True])
    if dt.is_integer(dtype):
        info = np.iinfo(dtype)
        return np.array([info.min, info.max, 0, 1, *rng.integers(info.min, info.max, 6, dtype=dtype)], dtype)
    if dt.is_complex(dtype):
        parts = [0.0, -0.0, 1.5, -2.0, np.inf, np.nan]
        return np.array([complex(a, b) for a in parts for b in parts], dtype)
    info = ml_dtypes.finfo(dtype)
    hard = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, info.max, info.smallest_subnormal]
    return np.array([*hard, *rng.normal(0, 3, 6)], dtype)


def conditions(p: Pattern) -> set[str]:
    """The wildcards that stand for booleans whatever the dtype."""
    if not isinstance(p, Call):
        return set()
    found = set().union(*map(conditions, p.args))
    if p.primitive is e.select:
        head = p.args[0]
        while isinstance(head, Call):
            head = head.args[0]
        found.add(head.name)
    return found


def has_literal(p: Pattern) -> bool:
    return any(map(has_literal, p.args)) if isinstance(p, Call) else not p.name


def apply(p: Pattern, builder: Builder, inputs: dict, dtype: np.dtype):
    if isinstance(p, Call):
        return builder.append(p.primitive, tuple(apply(a, builder, inputs, dtype) for a in p.args))[0]
    return inputs[p.name] if p.name else Literal(np.asarray(p.value, dtype)[()], TensorType(dtype, ()))


def cases(rule: Rule):
    """A graph for each dtype that the rule's primitives take, with all combinations of values for its wildcards."""
    truths = conditions(rule.pattern)
    for dtype in dt.ALL:
        if dt.KIND[dtype] not in rule.kinds or (dt.is_complex(dtype) and has_literal(rule.pattern)):
            continue
        dtypes = [dt.bool_ if name in truths else dtype for name in rule.names]
        rows = list(itertools.product(*map(values, dtypes)))
        arrays = [np.array(column, d) for column, d in zip(zip(*rows), dtypes, strict=True)]
        builder = Builder("left")
        inputs = {name: builder.input(TensorType(a.dtype, a.shape), name) for name, a in zip(rule.names, arrays, strict=True)}
        try:
            yield builder.finish([apply(rule.pattern, builder, inputs, dtype)]), arrays
        except DTypeError:
            continue


def text(rule: Rule) -> str:
    return f"{rule.head}({', '.join(rule.names)})"


@pytest.mark.parametrize("rule", [r for r in RULES if r.exact], ids=text)
def test_rules_keep_every_bit(rule):
    tried = 0
    for graph, arrays in cases(rule):
        simple = simplify(graph)
        assert simple is not graph, f"the rule does not apply to\n{graph}"
        (before,), (after,) = evaluate(graph, *arrays), evaluate(simple, *arrays)
        assert tools.same_bits(np.asarray(after), np.asarray(before)), f"{graph}\n{simple}"
        tried += 1
    assert tried


@pytest.mark.parametrize("rule", [r for r in RULES if not r.exact], ids=text)
def test_inexact_rules_wait_to_be_asked(rule):
    for graph, _ in cases(rule):
        assert simplify(graph) is graph
        assert len(simplify(graph, exact=False).eqns) < len(graph.eqns)


@pytest.mark.parametrize(
    "line", ["add(x, f32(0.0))", "mul(x, f32(0.0))", "sub(x, x)", "sub(x, f32(-0.0))", "div(x, x)", "add(f32(0.0), x)"]
)
def test_what_floats_do_not_allow_is_left(line):
    graph = parse(f"graph g(x: f32[4]) {{\n  t0: f32[4] = {line}\n  return t0\n}}")
    assert simplify(graph) is graph


# structure ------------------------------------------------------------------------------------------------------------
# name of the rule, equations on x: f32[3,4] and y: f32[3,2], and what is left of them.
REWRITES = [
    ("no_change_of_dtype", "a: f32[3,4] = convert(x, dtype=f32)", 0),
    ("widening_and_back", "b: f64[3,4] = convert(x, dtype=f64); a: f32[3,4] = convert(b, dtype=f32)", 0),
    ("same_shape", "a: f32[3,4] = reshape(x, shape=(3, 4))", 0),
    ("reshape_of_reshape", "b: f32[12] = reshape(x, shape=(12,)); a: f32[2,6] = reshape(b, shape=(2, 6))", 1),
    ("identity_transpose", "a: f32[3,4] = transpose(x, perm=(0, 1))", 0),
    ("transpose_of_transpose", "b: f32[4,3] = transpose(x, perm=(1, 0)); a: f32[3,4] = transpose(b, perm=(1, 0))", 0),
    ("transpose_of_product", "b: f32[4,2] = dot_general(x, y, contract=((0,), (0,)), batch=((), ())); "
                             "a: f32[2,4] = transpose(b, perm=(1, 0))", 1),
    ("update_of_transpose",
     "b: f32[4,3] = transpose(x, perm=(1, 0)); d: f32[2,3] = transpose(y, perm=(1, 0)); "
     "c: f32[4,3] = update_slice(b, d, start=(1, 0), step=(1, 1)); a: f32[3,4] = transpose(c, perm=(1, 0))", 1),
    ("joined_parts", "b: f32[3,8] = concatenate(x, x, axis=1); a: f32[6,8] = concatenate(b, b, axis=0)", 1),
    ("broadcast_of_broadcast",
     "b: f32[2,3,4] = broadcast(x, shape=(2, 3, 4)); a: f32[5,2,3,4] = broadcast(b, shape=(5, 2, 3, 4))", 1),
    ("whole_slice", "a: f32[3,4] = slice(x, start=(0, 0), step=(1, 1), shape=(3, 4))", 0),
    ("slice_of_slice", "b: f32[3,2] = slice(x, start=(0, 3), step=(1, -2), shape=(3, 2)); "
                       "a: f32[2,1] = slice(b, start=(2, 1), step=(-2, 1), shape=(2, 1))", 1),
    ("slice_of_update", "b: f32[3,4] = update_slice(x, y, start=(0, 1), step=(1, 2)); "
                        "a: f32[3,2] = slice(b, start=(0, 1), step=(1, 2), shape=(3, 2))", 0),
    ("update_of_update", "b: f32[3,4] = update_slice(x, y, start=(0, 1), step=(1, 2)); c: f32[3,2] = neg(y); "
                         "a: f32[3,4] = update_slice(b, c, start=(0, 1), step=(1, 2))", 2),
    ("whole_update", "c: f32[3,4] = neg(x); a: f32[3,4] = update_slice(x, c, start=(0, 0), step=(1, 1))", 1),
    ("nothing_to_reduce", "a: f32[3,4] = sum(x, axes=())", 0),
    ("single_part", "a: f32[3,4] = concatenate(x, axis=1)", 0),
    ("operand_itself", "b: f32[3,4] = mark(x, tag=3); a: f32[3,4] = stop(b, tag=0)", 0),
    ("sums_of_one_product", "a: f32[3,4,3,2] = dot_general(x, y, contract=((), ()), batch=((), ()))", 6),
    ("sums_of_one_product",
     "b: f32[3,4,1] = reshape(x, shape=(3, 4, 1)); c: f32[3,1,2] = reshape(y, shape=(3, 1, 2)); "
     "a: f32[3,4,2] = dot_general(b, c, contract=((2,), (1,)), batch=((0,), (0,)))", 8),
    ("axes_of_a_matrix",
     "b: f32[3,1,4] = reshape(x, shape=(3, 1, 4)); c: f32[64,3,64,4] = broadcast(b, shape=(64, 3, 64, 4)); "
     "d: f32[3,4,1] = reshape(x, shape=(3, 4, 1)); e: f32[3,4,64] = broadcast(d, shape=(3, 4, 64)); "
     "a: f32[64,64,64] = dot_general(c, e, contract=((1, 3), (0, 1)), batch=((), ()))", 7),
]  # fmt: skip
# Looks like one of those, but is not.
KEPT = [
    "b: f16[3,4] = convert(x, dtype=f16); a: f32[3,4] = convert(b, dtype=f32)",
    "b: i64[3,4] = convert(x, dtype=i64); c: f64[3,4] = convert(b, dtype=f64); a: i64[3,4] = convert(c, dtype=i64)",
    "b: f32[3,4] = update_slice(x, y, start=(0, 1), step=(1, 2)); "
    "a: f32[3,2] = slice(b, start=(0, 0), step=(1, 2), shape=(3, 2))",
    "b: f32[3,4] = update_slice(x, y, start=(0, 1), step=(1, 2)); a: f32[3,4] = update_slice(b, y, start=(0, 0), step=(1, 2))",
    # Computed once more, what was written would be read from the array as it was before.
    "c: f32[3,2] = slice(x, start=(0, 1), step=(1, 2), shape=(3, 2)); d: f32[3,2] = div(c, y); "
    "b: f32[3,4] = update_slice(x, d, start=(0, 1), step=(1, 2)); "
    "a: f32[3,2] = slice(b, start=(0, 1), step=(1, 2), shape=(3, 2))",
]


def graph_of(body: str):
    lines = "".join(f"  {line.strip()}\n" for line in body.split(";"))
    return parse(f"graph g(x: f32[3,4], y: f32[3,2]) {{\n{lines}  return a\n}}")


def results(graph) -> np.ndarray:
    rng = np.random.default_rng(2)
    return np.asarray(evaluate(graph, rng.normal(size=(3, 4)).astype("f"), rng.normal(size=(3, 2)).astype("f"))[0])


@pytest.mark.parametrize("name, body, left", REWRITES, ids=[name for name, *_ in REWRITES])
def test_views_that_cancel(name, body, left):
    graph = graph_of(body)
    simple = eliminate_dead(simplify(graph))
    assert len(simple.eqns) == left
    assert tools.same_bits(results(simple), results(graph))


@pytest.mark.parametrize("body", KEPT)
def test_views_that_only_seem_to_cancel(body):
    graph = graph_of(body)
    assert simplify(graph) is graph


def test_every_structural_rule_has_a_case():
    assert {rule.__name__ for rules in STRUCTURE.values() for rule in rules} <= {name for name, *_ in REWRITES}


def test_integers_beyond_a_double_are_not_taken_for_doubles():
    """int64 -> float64 is safe for NumPy, but 2**53 + 1 comes back as 2**53."""
    graph = parse(
        "graph g(x: i64[2]) {\n  t0: f64[2] = convert(x, dtype=f64)\n  t1: i64[2] = convert(t0, dtype=i64)\n  return t1\n}"
    )
    assert simplify(graph) is graph
    narrow = parse(
        "graph g(x: i32[2]) {\n  t0: f64[2] = convert(x, dtype=f64)\n  t1: i32[2] = convert(t0, dtype=i32)\n  return t1\n}"
    )
    assert not eliminate_dead(simplify(narrow)).eqns
