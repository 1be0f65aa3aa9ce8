"""Recursions of the graph as routines of a kernel.

The state of a recursion (arrays that its calls write, variables that they rebind) lies in one place, which all calls write:
in the graph a call takes a value of the state and gives the next. Whatever else lies there when a call is made, and is read
afterwards, is given another place (`overwritten`, `is_late`). Numbers go into a call by value; arrays that are new in each
call, and results, by the names of the caller's places.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Eqn, Literal, Var, bodies
from hybrid.ir.rebuild import substituted
from hybrid.loops.nest import Buffer, Call, Check, Code, Const, Expr, Invoke, Let, Load, Ref, Routine, Slot, Stmt, Store
from hybrid.loops.pull import as_reals
from hybrid.passes.steps import Procedure, Step

if TYPE_CHECKING:
    from hybrid.loops.procedure import _Lowering

_START = Affine.of(0)
MARGIN = 64  # calls before Python's limit from which on Python itself makes the call: it counts some of C's functions, too
MOST = 20_000  # calls inside each other at most: other back ends than LLVM do not look at the stack


@dataclass(frozen=True, slots=True)
class Routined:
    """A recursion whose body is being lowered: the routine, the places of its state, and the name of the depth left in it."""

    name: str
    state: tuple[str, ...]
    depth: str


def recursion(lowering: _Lowering, eqn: Eqn, targets: Sequence[str]) -> list[Stmt]:
    """The routine and its first call."""
    state, given, body = eqn.params["state"], eqn.params["given"], eqn.params["body"]
    out = [stmt for atom, target in zip(eqn.inputs[:state], targets) for stmt in lowering.copy(atom, target)]
    name, depth = f"{lowering.fresh('r')}_{lowering.name}", lowering.fresh("v")
    if not lowering.depth:
        lowering.depth = lowering.place(dt.int64, 1)
    numbers: dict[Var, Atom] = {}
    for var, target in zip(body.inputs[:state], targets):
        lowering.names[var] = target
        lowering.strides.pop(var, None)
    for var, atom in zip(body.inputs[state + given :], eqn.inputs[state + given :]):
        if isinstance(atom, Literal):
            numbers[var] = atom
        elif var is not atom:
            lowering.names[var] = lowering.names[atom]
            if atom in lowering.strides:
                lowering.strides[var], lowering.spans[var] = lowering.strides[atom], lowering.spans.get(atom, atom.type.size)
    outside, lowering.scratch = lowering.scratch, []
    lowering.apart += len(outside)
    values: list[Ref] = [Ref(depth, dt.int64)]
    reads: list[Buffer] = []
    entered: list[Stmt] = [
        Check(values[0] > Const(0, dt.int64), Code.PYTHON, lowering.note("a recursion is not too deep", eqn.source))
    ]
    for var in body.inputs[state : state + given]:
        lowering.strides.pop(var, None)
        if var.type.shape:
            lowering.names[var] = f"{lowering.fresh('g')}_{lowering.name}"
            reads.append(Buffer(lowering.names[var], *as_reals(var.type.dtype, var.type.size), "in"))
            continue
        values.append(Ref(lowering.fresh("v"), var.type.dtype))
        lowering.names[var] = lowering.place(var.type.dtype, 1)
        entered.append(Store(lowering.names[var], _START, values[-1]))
    results = [f"{lowering.fresh('g')}_{lowering.name}" for _ in body.outputs[state:]]
    kinds = [as_reals(atom.type.dtype, atom.type.size) for atom in body.outputs[state:]]
    writes = [Buffer(result, *kind, "out") for result, kind in zip(results, kinds)]
    around = lowering.routines
    lowering.routines = {**around, eqn.params["name"]: Routined(name, tuple(targets[:state]), depth)}
    graph = substituted(body, numbers)
    inner = lowering.body(graph, [*targets[:state], *results], set(body.inputs[:state]))
    lowering.routines = around
    mine, made, lowering.scratch = lowering.outermost(), len(lowering.scratch), outside
    lowering.apart += made - len(outside)
    routine = Routine(name, tuple(values), tuple(reads), tuple(writes), (*mine, *entered, *inner))
    first, arguments = _arguments(lowering, eqn.inputs[state : state + given])
    left: Expr = Load(lowering.depth, _START, dt.int64)
    if lowering.routines:
        left = Ref(next(reversed(lowering.routines.values())).depth, dt.int64) - Const(1, dt.int64)
    numbers_given = tuple(a for a in arguments if isinstance(a, Expr))
    arrays = tuple(a for a in arguments if isinstance(a, str))
    return [*out, routine, *first, Invoke(name, (left, *numbers_given), arrays, tuple(targets[state:]))]


def again(lowering: _Lowering, eqn: Eqn, targets: Sequence[str]) -> list[Stmt]:
    """A call of the routine from inside it."""
    routine, state = lowering.routines[eqn.params["name"]], eqn.params["state"]
    out, arguments = _arguments(lowering, eqn.inputs[state:], routine.state)
    moves = []
    for atom, place in zip(eqn.inputs[:state], routine.state):
        if isinstance(atom, Var) and lowering.names[atom] in set(routine.state) - {place}:  # which another value is put into
            between = Var(atom.type)
            lowering.names[between] = lowering.place(atom.type.dtype, atom.type.size)
            out += lowering.copy(atom, lowering.names[between])
            atom = between
        moves.append((atom, place))
    for atom, place in moves:
        out += lowering.copy(atom, place)
    left = Ref(routine.depth, dt.int64) - Const(1, dt.int64)
    numbers = tuple(a for a in arguments if isinstance(a, Expr))
    arrays = tuple(a for a in arguments if isinstance(a, str))
    return [*out, Invoke(routine.name, (left, *numbers), arrays, tuple(targets[state:]))]


def _arguments(lowering: _Lowering, atoms: Sequence[Atom], state: Sequence[str] = ()) -> tuple[list[Stmt], list[Expr | str]]:
    """What a call is given: numbers, and the names of arrays; those that lie in state, or in another layout, are copied."""
    out: list[Stmt] = []
    arguments: list[Expr | str] = []
    for atom in atoms:
        if isinstance(atom, Literal) or not atom.type.shape:
            value = lowering.value(atom)
            if isinstance(value, Load) and value.buffer in state:
                name = lowering.fresh("v")  # before the state is put in its place
                out.append(Let(name, value))
                value = Ref(name, value.dtype)
            arguments.append(value)
        elif atom in lowering.strides or lowering.names[atom] in state:
            place = lowering.place(atom.type.dtype, atom.type.size)
            out += lowering.copy(atom, place)
            arguments.append(place)
        else:
            arguments.append(lowering.names[atom])
    return out, arguments


# places ----------------------------------------------------------------------------------------------------------------
def overwritten(lowering: _Lowering, step: Step) -> dict[str, Var | None]:
    """The places of state that calls in a step write, and the step's own result that then lies there, if it is a call."""
    if not isinstance(step, Procedure):
        return {}
    found: dict[str, Var | None] = {name: None for called in _calls(step.eqn) if called.params["name"] in lowering.routines
                                    for name in lowering.routines[called.params["name"]].state}  # fmt: skip
    if step.eqn.primitive.body == "again":
        found.update(zip(lowering.routines[step.eqn.params["name"]].state, step.eqn.outputs))
    return found


def _calls(eqn: Eqn) -> list[Eqn]:
    if eqn.primitive.body == "again":
        return [eqn]
    return [call for body in bodies(eqn).values() for inner in body.eqns for call in _calls(inner)]


def is_late(step: Step, var: Var, last: int, now: int) -> bool:
    """Whether a value is still needed after a step that writes over its place."""
    if last != now:
        return last > now
    eqn = step.eqn  # type: ignore[union-attr]
    if eqn.primitive.body == "loop":
        return var in eqn.inputs[eqn.params["carried"] :]  # every round reads it
    if eqn.primitive.body == "recursion":
        return var in eqn.inputs[eqn.params["state"] + eqn.params["given"] :]  # so does every call
    return False  # a branch sees to it itself, and a call takes it as it is


# depth -----------------------------------------------------------------------------------------------------------------
def depth_left(place: str) -> Call:
    """Asks Python how many calls may stand inside each other, once for each run of a kernel."""
    return Call("recursion_limit", _depth_left, (), (Slot(place, dt.int64, (), ()),))


def _depth_left(operands: Sequence[np.ndarray], sizes: Mapping[str, int]) -> Sequence[np.ndarray]:
    frame: FrameType | None = tr.user_frame()
    depth = 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return (np.asarray(min(sys.getrecursionlimit() - depth - MARGIN, MOST)),)
