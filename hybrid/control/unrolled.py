"""Which loops a trace writes out, round by round: where each stands, how many rounds it makes, and what these record.

What is recorded on trial and given up is no part of the program: whoever gives something up cuts `Trace.unrolled` back to
the length that it had before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hybrid.ir import lines
from hybrid.ir.graph import Eqn, bodies
from hybrid.ir.trace import Trace


@dataclass(frozen=True)
class Site:
    """A loop of the user's: its file and line; of a comprehension those of its items, their column, and the name it binds."""

    file: str
    line: int
    column: int
    variable: str


@dataclass(slots=True)
class Unrolled:
    """A loop that was written out.

    Args:
        why: it is no loop of the graph; empty where it is short, or where Python knows all that it goes over.
        part: whether this is one round of several, which the loop of a generator function makes.
    """

    site: Site
    rounds: int = 0
    operations: int = 0
    why: str = ""
    part: bool = False


def rounds(trace: Trace | None, body: Any, items: Iterable, why: str = "", part: bool = False) -> Iterable:
    """The items of a loop that is written out, which is noted."""
    site = None if trace is None else _site(body)
    return items if trace is None or site is None else _noted(trace, Unrolled(site, why=why, part=part), items)


def _noted(trace: Trace, loop: Unrolled, items: Iterable) -> Iterator[Any]:
    trace.unrolled.append(loop)
    builder, before = trace.builder, len(trace.builder.eqns)
    try:
        for item in items:
            loop.rounds += 1
            yield item
    finally:
        loop.operations = _operations(builder.eqns[before:])


def _operations(eqns: Sequence[Eqn]) -> int:
    return len(eqns) + sum(_operations(body.eqns) for eqn in eqns for body in bodies(eqn).values())


def _site(body: Any) -> Site | None:
    """Where the user wrote a loop, of which this is the body, or makes an item; None for one of ours or of a library's."""
    code = getattr(getattr(body, "__wrapped__", body), "__code__", None)
    if code is None or lines.is_library(code.co_filename):
        return None
    line, column = code.co_firstlineno, -1
    if code.co_name == "<lambda>":  # several may stand in one line
        starts = (start for at, _, start, end in code.co_positions() if at == line and start is not None and start != end)
        column = min(starts, default=-1)
    return Site(code.co_filename, line, column, next(iter(code.co_varnames), ""))
