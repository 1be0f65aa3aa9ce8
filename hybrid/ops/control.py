"""Control flow as equations: branches and loops over whole graphs, assumptions, and sizes known only at run time.

The graphs in `params` take an equation's operands, in order; values from around them come in as operands too.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import SILENT, AssumptionError, GraphError, WarnedError
from hybrid.core.shape import Shape, Size, TensorType
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Graph, Literal, Var, bind_size, evaluate, in_round
from hybrid.ir.primitive import NO_GRADIENT, Kind, Primitive, Sample, register
from hybrid.ops import elementwise as e

I64, BOOL = TensorType(dt.int64, ()), TensorType(dt.bool_, ())


def _same_types(what: str, given: Sequence[TensorType], wanted: Sequence[TensorType]) -> None:
    if [(t.dtype, t.shape) for t in given] != [(t.dtype, t.shape) for t in wanted]:
        raise GraphError(what, got=", ".join(map(str, given)), expected=", ".join(map(str, wanted)))


# size: a symbolic size as a number -------------------------------------------------------------------------------------
def _size_sample(rng: np.random.Generator) -> list[Sample]:
    return [((), {"value": 7})]


size = register(Primitive(
    "size", Kind.MAP, lambda value: np.asarray(value, np.int64), lambda value: I64, NO_GRADIENT, _size_sample, body="size",
))  # fmt: skip


# bind: a number as a symbolic size -------------------------------------------------------------------------------------
def _eval_bind(x: Any, symbol: str, high: Size | None) -> tuple:
    bind_size(symbol, int(x))
    return ()


def _infer_bind(x: TensorType, symbol: str, high: Size | None) -> tuple:
    _same_types("bind takes one int64", (x,), (I64,))
    return ()


# `high`, where it is known, bounds the number from above: arrays of that many elements get memory for the most there can be.
bind = register(Primitive(
    "bind", Kind.CONTROL, _eval_bind, _infer_bind, NO_GRADIENT, lambda rng: [((np.asarray(3),), {"symbol": "n", "high": 9})],
    body="bind",
))  # fmt: skip


# check: an assumption of the trace -------------------------------------------------------------------------------------
def _eval_check(condition: Any, what: str) -> tuple:
    if not condition:
        raise (WarnedError if what == SILENT else AssumptionError)(what)
    return ()


def _infer_check(condition: TensorType, what: str) -> tuple:
    _same_types("check takes one bool", (condition,), (BOOL,))
    return ()


check = register(Primitive(
    "check", Kind.CONTROL, _eval_check, _infer_check, NO_GRADIENT, lambda rng: [((np.asarray(True),), {"what": "it holds"})],
    body="check",
))  # fmt: skip


# cond: one of two graphs -----------------------------------------------------------------------------------------------
def _eval_cond(predicate: Any, *operands: Any, then: Graph, orelse: Graph) -> tuple:
    return tuple(map(np.array, evaluate(then if predicate else orelse, *operands)))


def _infer_cond(predicate: TensorType, *operands: TensorType, then: Graph, orelse: Graph) -> tuple:
    _same_types("cond takes one bool", (predicate,), (BOOL,))
    for graph in (then, orelse):
        _same_types("a branch takes cond's operands", [var.type for var in graph.inputs], list(operands))
    _same_types("both branches give the same types", [a.type for a in then.outputs], [a.type for a in orelse.outputs])
    return tuple(TensorType(a.type.dtype, a.type.shape) for a in then.outputs)


def _sample_cond(rng: np.random.Generator) -> list[Sample]:
    def body(double: bool) -> Graph:
        builder = Builder("body")
        x = builder.input(TensorType(dt.float64, (3,)), "x")
        y = builder.append(e.add, (x, x))[0] if double else builder.append(e.neg, (x,))[0]
        return builder.body([y])

    x = rng.normal(size=3)
    return [((np.asarray(flag), x), {"then": body(True), "orelse": body(False)}) for flag in (True, False)]


cond = register(Primitive("cond", Kind.CONTROL, _eval_cond, _infer_cond, NO_GRADIENT, _sample_cond, body="cond"))


# loop: a body again and again ------------------------------------------------------------------------------------------
def _eval_loop(*operands: Any, carried: int, count: int | None, symbol: str, test: Graph | None, body: Graph) -> tuple:
    state, fixed, step = list(operands[:carried]), operands[carried:], 0
    while count is None or step < count:
        with in_round(symbol, step):
            if test is not None and not evaluate(test, *state, *fixed)[0]:
                break
            state = list(evaluate(body, *state, *fixed))
        step += 1
    return tuple(map(np.array, state))


def _infer_loop(*operands: TensorType, carried: int, count: Size | None, symbol: str, test: Graph | None, body: Graph) -> tuple:
    if count is None and test is None:
        raise GraphError("a loop has a count, a test or both")
    for graph in (body, test) if test is not None else (body,):
        _same_types("a loop's graphs take its operands", [var.type for var in graph.inputs], list(operands))
    if test is not None:
        _same_types("a loop's test gives one bool", [a.type for a in test.outputs], [BOOL])
    _same_types("a loop's body gives what it carries", [a.type for a in body.outputs], list(operands[:carried]))
    return tuple(TensorType(t.dtype, t.shape) for t in operands[:carried])


def _sample_loop(rng: np.random.Generator) -> list[Sample]:
    def graph(test: bool) -> Graph:
        builder = Builder("test" if test else "body")
        total, x = (builder.input(TensorType(dt.float64, shape), name) for name, shape in (("total", ()), ("x", (3,))))
        limit = builder.append(e.convert, (builder.append(size, (), {"value": 4})[0],), {"dtype": dt.float64})[0]
        out = builder.append(e.lt, (total, limit))[0] if test else builder.append(e.add, (total, limit))[0]
        if not test:
            return Graph("body", (total, x), tuple(builder.eqns), (out,))
        return Graph("test", (total, x), tuple(builder.eqns), (out,))

    operands = (np.asarray(0.0), rng.normal(size=3))
    kept = {"carried": 1, "symbol": "step", "body": graph(False)}
    return [(operands, {**kept, "count": 5, "test": None}), (operands, {**kept, "count": None, "test": graph(True)})]


# Operands: `carried` values that each round replaces by what `body` gives, then what stays. `count` rounds, `symbol` counting
# them, or as long as `test` holds before a round, or both.
loop = register(Primitive("loop", Kind.CONTROL, _eval_loop, _infer_loop, NO_GRADIENT, _sample_loop, body="loop"))


# recursion: a body that runs itself -------------------------------------------------------------------------------------
class _Running(threading.local):
    """The recursions under way on this thread: the bodies, and the operands that stay."""

    def __init__(self) -> None:
        self.bodies: dict[str, tuple[Graph, tuple]] = {}


_running = _Running()


def _eval_recursion(*operands: Any, name: str, state: int, given: int, body: Graph) -> tuple:
    before = _running.bodies
    _running.bodies = {**before, name: (body, operands[state + given :])}
    try:
        return tuple(map(np.array, evaluate(body, *operands)))
    finally:
        _running.bodies = before


def _infer_recursion(*operands: TensorType, name: str, state: int, given: int, body: Graph) -> tuple:
    _same_types("a recursion's body takes its operands", [var.type for var in body.inputs], list(operands))
    _same_types("a recursion's body gives its state first", [a.type for a in body.outputs[:state]], list(operands[:state]))
    return tuple(TensorType(a.type.dtype, a.type.shape) for a in body.outputs)


def _sample_recursion(rng: np.random.Generator) -> list[Sample]:
    """The sum of 1 … n, added to what is there."""
    ways, total, n = [], Var(TensorType(dt.float64, ())), Var(I64)
    for name in ("then", "orelse"):
        builder = Builder(name)
        out: Atom = total
        if name == "orelse":
            (scale,) = builder.append(e.convert, (n,), {"dtype": dt.float64})
            (more,) = builder.append(e.add, (total, scale))
            (fewer,) = builder.append(e.sub, (n, Literal(np.int64(1), I64)))
            (out,) = builder.append(again, (more, fewer), {"name": "sample", "state": 1, "dtypes": (), "shapes": ()})
        ways.append(Graph(name, (total, n), tuple(builder.eqns), (out,)))
    builder = Builder("body")
    (done,) = builder.append(e.le, (n, Literal(np.int64(0), I64)))
    made = builder.append(cond, (done, total, n), {"then": ways[0], "orelse": ways[1]})
    body = Graph("body", (total, n), tuple(builder.eqns), made)
    return [((np.asarray(0.5), np.asarray(6)), {"name": "sample", "state": 1, "given": 1, "body": body})]


# Operands: `state` values that `body` replaces, `given` values of this call, then what stays in all of them. `body` takes them
# and gives the state and results. In it, and in the bodies inside it, `again` of the same `name` runs it anew; what its
# results are is said there, since nobody knows before the body is finished.
recursion = register(Primitive(
    "recursion", Kind.CONTROL, _eval_recursion, _infer_recursion, NO_GRADIENT, _sample_recursion, body="recursion",
))  # fmt: skip


def _eval_again(*operands: Any, name: str, state: int, dtypes: tuple[np.dtype, ...], shapes: tuple[Shape, ...]) -> tuple:
    body, fixed = _running.bodies[name]
    return tuple(map(np.array, evaluate(body, *operands, *fixed)))


def _infer_again(
    *operands: TensorType, name: str, state: int, dtypes: tuple[np.dtype, ...], shapes: tuple[Shape, ...]
) -> tuple:
    return (*(TensorType(t.dtype, t.shape) for t in operands[:state]), *map(TensorType, dtypes, shapes))


again = register(Primitive(
    "again", Kind.CONTROL, _eval_again, _infer_again, NO_GRADIENT, lambda rng: [], body="again",
))  # fmt: skip
