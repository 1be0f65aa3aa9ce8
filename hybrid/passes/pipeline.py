"""The passes in order. A pass is a function `Graph -> Graph`; each can be printed, verified and switched off by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hybrid.core.config import config
from hybrid.core.errors import ArgumentError
from hybrid.core.shape import Shape
from hybrid.ir.graph import Graph, Var
from hybrid.ir.verify import verify
from hybrid.passes import complex, epilogue
from hybrid.passes.cleanup import delay_writes, eliminate_dead, sink_views
from hybrid.passes.errors import keep_errors
from hybrid.passes.fuse import fuse
from hybrid.passes.intervals import without_checks
from hybrid.passes.rules import simplify, without_rules
from hybrid.passes.steps import Program
from hybrid.passes.verify import verify_program


@dataclass(frozen=True, slots=True)
class Pass:
    """A named step of the pipeline."""

    name: str
    run: Callable[[Graph], Graph]


@dataclass(frozen=True, slots=True)
class Note:
    """What one pass did."""

    name: str
    said: str
    microseconds: float
    result: object  # the graph, or the program, that it left

    def __str__(self) -> str:
        return f"{self.name}: {self.said} ({self.microseconds:.0f} µs)"


def _counted(before: int, after: int) -> str:
    return "nothing to do" if before == after else f"{before} -> {after} equations"


DEFAULT: tuple[Pass, ...] = (
    Pass("keep_errors", keep_errors), Pass("simplify", simplify), Pass("drop_checks", without_checks),
    Pass("sink_views", sink_views), Pass("eliminate_dead", eliminate_dead), Pass("delay_writes", delay_writes),
)  # fmt: skip
NAMES = (*(p.name for p in DEFAULT), "fuse", "epilogues", "memory")  # the last by `runtime/program.py`


def disabled() -> frozenset[str]:
    """Passes switched off by `config.disable_passes`."""
    names = frozenset(name.strip() for name in config.disable_passes.split(",") if name.strip())
    unknown = names - set(NAMES)
    if unknown:
        raise ArgumentError(f"config.disable_passes names no pass: {', '.join(sorted(unknown))}", expected=", ".join(NAMES))
    return names


def optimise(graph: Graph, passes: tuple[Pass, ...] = DEFAULT) -> tuple[Graph, tuple[Note, ...]]:
    """Run the passes; with `config.verify`, check the graph after each."""
    off, notes = disabled(), []
    graph = without_rules(graph)
    for step in passes:
        if step.name in off:
            continue
        start, before = time.perf_counter(), len(graph.eqns)
        graph = step.run(graph)
        if config.verify:
            verify(graph)
        notes.append(Note(step.name, _counted(before, len(graph.eqns)), _since(start), graph))
    return graph, tuple(notes)


def group(graph: Graph, strides: Mapping[Var, Shape] | None = None) -> Program:
    """Split complex numbers and fuse, or with "fuse" switched off give every equation a kernel of its own."""
    off, notes = disabled(), []
    start, before = time.perf_counter(), len(graph.eqns)
    parted = complex.split(graph)
    if parted is not graph:
        graph = eliminate_dead(sink_views(simplify(parted)))
        notes.append(Note("split_complex", _counted(before, len(graph.eqns)), _since(start), graph))
    start = time.perf_counter()
    program = fuse(graph, strides, separate="fuse" in off)
    notes.append(Note("fuse", f"{len(graph.eqns)} equations in {len(program.steps)} steps", _since(start), program))
    if not off & {"fuse", "epilogues"}:
        start, before = time.perf_counter(), len(program.steps)
        program = epilogue.attach(program, strides or {})
        taken = before - len(program.steps)
        said = f"{taken} of {before} steps taken into matrix products" if taken else "nothing to do"
        notes.append(Note("epilogues", said, _since(start), program))
    if config.verify:
        verify_program(program)
    return replace(program, notes=tuple(notes))


def _since(start: float) -> float:
    return (time.perf_counter() - start) * 1e6
