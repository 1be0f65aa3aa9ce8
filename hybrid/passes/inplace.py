"""Which values of a program are computed straight into memory that is there already: an argument's, or another value's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from hybrid.core.shape import Shape
from hybrid.ir.graph import Var
from hybrid.passes.reuse import checks_first, computed, donors, may_fail
from hybrid.passes.steps import Group, HostCall, Program, Step


def in_place(
    program: Program, writebacks: Sequence[tuple[int, Var]], strides: Mapping[Var, Shape], visible: Sequence[Var]
) -> dict[Var, Var]:
    """Values that may be computed straight into the memory that a result is written back to: value -> input.

    A result goes there if the kernel that makes it reads the old value at the very place it writes, and nobody reads the old
    value after it: `x += y` then touches memory once. And so does what the result is made of, step by step: of
    `x[1:-1] = y; x[0] = a; x[-1] = b` each write stores its own elements alone.
    """
    out: dict[Var, Var] = {}
    if not writebacks:
        return out
    last = _last_readers(program)
    producers, stored = program.graph.producers, {var for step in program.steps for var in step.results}
    # An error, or a call that turns out to be Python's, must leave the arguments as they were: it comes before all writes.
    sure = max((k for k, step in enumerate(program.steps) if any(map(may_fail, computed(step, producers, stored)))), default=-1)
    for k, target in writebacks:
        result = program.outputs[k]
        same = (result.type.dtype, result.type.size) == (target.type.dtype, target.type.size)
        if same and target not in strides and result not in visible:
            out.update(dict.fromkeys(_chain(program, result, target, last, sure, out), target))
    return out


def _chain(program: Program, result: Var, target: Var, last: Mapping[Var, int], sure: int, taken: Collection[Var]) -> list[Var]:
    """The result and the values it is made of, the last one first, that may all live in the target's memory.

    Args:
        last: the step that reads each value last.
        sure: the last step that may fail. It may itself change the target, if it cannot fail once it has begun to, and what
            it changes may be a mere reshape of the target; nothing before it may write there.
        taken: values that live in another's memory.
    """
    homes = {var: k for k, step in enumerate(program.steps) for var in step.results}
    found: list[Var] = []
    most, value = 0, result
    while value in homes and value not in taken:
        at = homes[value]
        step = program.steps[at]
        over = target in donors(step, value)
        if at < sure and not (over and _copies(step)):
            break
        found.append(value)
        first = checks_first(step)
        begins = over and first if isinstance(step, HostCall) or at == sure else True
        if begins and last.get(target, -1) <= at and (over or target not in set(step.reads)):
            most = len(found)
        if over or ((at == sure or isinstance(step, HostCall)) and not first):
            break
        below = (v for v in donors(step, value) if v in homes and last[v] == at and v not in program.outputs)
        if (before := next(below, None)) is None:
            break
        value = before
    return found[:most]


def given_on(program: Program, taken: Collection[Var]) -> dict[Var, Var]:
    """Intermediate values that may live where a result of their last reader goes: value -> result.

    An elementwise kernel that reads a value for the last time, at the very place where it writes a result of the same type,
    may write over it. An epilogue may so write over its product, but not over the product's operands.
    """
    sources = {*program.graph.inputs, *(var for var, _ in program.graph.constants), *program.outputs, *taken}
    made = {var for step in program.steps if not isinstance(step, HostCall) for var in step.results}
    last = _last_readers(program)
    out: dict[Var, Var] = {}
    for k, step in enumerate(program.steps):
        for result in () if isinstance(step, HostCall) else step.results:
            dying = (var for var in donors(step, result) if var in made and var not in sources and last[var] == k)
            if result not in taken and (var := next((v for v in dying if v not in out), None)) is not None:
                # The result may itself go where a later one goes; names are settled from the last step back.
                out[var] = result
    return _settled(out)


def _last_readers(program: Program) -> dict[Var, int]:
    """The step that reads each value last, or makes it if none does."""
    return {var: k for k, step in enumerate(program.steps) for var in (*step.results, *step.reads)}


def _settled(moves: dict[Var, Var]) -> dict[Var, Var]:
    """Chains of moves followed to their end."""
    out = {}
    for var, target in moves.items():
        while target in moves:
            target = moves[target]
        out[var] = target
    return out


def stays(group: Group, names: Mapping[Var, str]) -> bool:
    """Whether a group only copies an array, in another shape, to where it lies."""
    stage = group.stages[0]
    return _copies(group) and names[stage.base] == names[stage.target]  # type: ignore[index]


def _copies(step: Step) -> bool:
    """Whether a step gives an array in another shape, and nothing else."""
    if not isinstance(step, Group) or len(step.stages) > 1:
        return False
    return step.stages[0].base is not None and not step.stages[0].writes
