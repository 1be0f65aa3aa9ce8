"""Checks of what the passes after the graph leave: programs, and places in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hybrid.core.errors import GraphError
from hybrid.core.shape import Size
from hybrid.ir.graph import Var
from hybrid.passes.memory import ALIGNMENT, Interval
from hybrid.passes.steps import Group, Program, Step


def verify_program(program: Program) -> Program:
    """The program, if every step reads what is there before it, no value is made twice, and every result is made.

    Raises:
        GraphError: naming the step and the value.
    """
    there: set[Var] = {*program.graph.inputs, *(var for var, _ in program.graph.constants)}
    made: set[Var] = set()
    for k, step in enumerate(program.steps):
        for var in step.reads:
            if var not in there:
                raise GraphError(f"step {k} of the program reads a value that is not there yet", got=var.type, at=_source(step))
        if isinstance(step, Group):
            _verify_stages(step, k)
        for var in step.results:
            if var in made:
                raise GraphError(f"step {k} of the program makes a value again", got=var.type, at=_source(step))
            made.add(var)
        there |= made
    for k, var in enumerate(program.outputs):
        if var not in there:
            raise GraphError(f"no step of the program makes result {k}", got=var.type)
    return program


def _verify_stages(group: Group, number: int) -> None:
    own, done = {stage.target for stage in group.stages}, set[Var]()
    for stage in group.stages:
        for var, _ in stage.reads:
            if var in own - done and var is not stage.target:
                raise GraphError(f"a stage of step {number} reads a later one", got=var.type, at=_source(group))
        done.add(stage.target)


def _source(step: Step) -> object:
    eqns = [stage.eqn for stage in step.stages] if isinstance(step, Group) else [getattr(step, "eqn", None)]
    return next((eqn.source for eqn in eqns if eqn is not None and eqn.source), None)


def verify_places(intervals: Sequence[Interval], offsets: Mapping[str, Size], size: Size) -> None:
    """Refuse a memory plan in which two arrays that are alive at once share bytes. Symbolic places are compared by name.

    Raises:
        GraphError: naming the two arrays.
    """
    for k, one in enumerate(intervals):
        start = offsets[one.name]
        if isinstance(start, int) and (
            start % ALIGNMENT or (isinstance(size, int) and not 0 <= start <= start + one.size <= size)
        ):  # type: ignore[operator]
            raise GraphError(f"{one.name} lies outside the arena, or between cache lines", got=f"{start} of {size} bytes")
        for other in intervals[:k]:
            if one.last < other.first or other.last < one.first:
                continue
            begin = offsets[other.name]
            numbers = all(isinstance(x, int) for x in (start, begin, one.size, other.size))
            if start < begin + other.size and begin < start + one.size if numbers else start == begin:  # type: ignore[operator]
                raise GraphError(
                    f"{one.name} and {other.name} are alive at once in one place", got=f"bytes {start} and {begin}"
                )
