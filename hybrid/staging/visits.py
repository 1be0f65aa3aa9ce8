"""Which lines of the user's are come to while a call is traced, and what variables hold there: what `f.debug()` stops at.

A line may make many operations, or none: `n = len(name)`. In a loop that is written out it is come to in every round. So lines
are heard of as Python runs them, and each *visit* of one is kept with the operations before and after it.
"""

from __future__ import annotations

import functools
import linecache
import os
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from hybrid.control.own import Own
from hybrid.frontend.values import Value
from hybrid.ir import lines
from hybrid.ir import trace as tr
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Graph, Source, Var, bodies
from hybrid.ir.trace import Chain, Symbol, Trace
from hybrid.staging.exits import PREFIX

MOST = 64  # items of a container that are shown
DEEP = 3  # containers and objects within one another
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype, np.ndarray, range, slice,
          type, types.ModuleType)  # fmt: skip
_STDLIB = sysconfig.get_path("stdlib")


@dataclass(frozen=True, slots=True)
class Symbolic:
    """A traced number or array: the stored value it shows, through which views, as what kind of object."""

    atom: Atom
    chain: Chain
    kind: str


@dataclass(frozen=True, slots=True)
class Held:
    """A container or an object, `make(parts)`, of which some parts may be traced."""

    make: Callable[[list], Any]
    parts: list


@dataclass(frozen=True, slots=True)
class Visit:
    """A line that is come to.

    Args:
        serial: the same for all operations that are made before the next line of this function.
        names: the user's variables.
        ways: the conditions of branches around it, and which way each must go.
    """

    source: Source
    serial: int
    names: dict[str, Any]
    ways: tuple[tuple[Atom, bool], ...]


class Unknown:
    """What cannot be shown."""

    def __repr__(self) -> str:
        return "?"


UNKNOWN = Unknown()


@dataclass
class Visits:
    """Hears of lines and operations while it is entered."""

    of: dict[Var, Visit] = field(default_factory=dict)  # that an operation belongs to
    before: dict[Var, list[Visit]] = field(default_factory=dict)  # since the operation before it, and none of its own line
    after: dict[Var, list[Visit]] = field(default_factory=dict)  # after the last operation of a body
    at_last: list[Visit] = field(default_factory=list)  # after all operations

    def __enter__(self) -> None:
        self._serial = 0
        self._lines: dict[int, int] = {}  # of frames, by id: the visit they are in
        self._waiting: dict[Builder, list[Visit]] = {}
        self._newest: dict[Builder, Var] = {}
        self._spy, tr.state().spy = tr.state().spy, self._note
        self._tracer = sys.gettrace()
        sys.settrace(self._called)

    def __exit__(self, *error: object) -> None:
        sys.settrace(self._tracer)
        tr.state().spy = self._spy
        for builder, visits in self._waiting.items():
            if builder.outer is None:
                self.at_last = visits
            elif builder in self._newest:
                self.after.setdefault(self._newest[builder], []).extend(visits)
        self._lines, self._waiting, self._newest = {}, {}, {}

    def firsts(self, graph: Graph) -> set[Var]:
        """Of each visit that no other operation came before, the first operation."""
        met = {visit.serial for visits in (*self.before.values(), *self.after.values()) for visit in visits}
        found: set[Var] = set()
        for var in _results(graph):
            visit = self.of.get(var)
            if visit is not None and visit.serial not in met:
                met.add(visit.serial)
                found.add(var)
        return found

    # what is heard ----------------------------------------------------------------------------------------------------
    def _called(self, frame: FrameType, event: str, arg: Any) -> Any:
        return self._came if _is_users(frame.f_code.co_filename) else None

    def _came(self, frame: FrameType, event: str, arg: Any) -> Any:
        trace = tr.current()
        if event == "line" and trace is not None:
            self._serial += 1
            self._lines[id(frame)] = self._serial
            self._waiting.setdefault(trace.builder, []).append(self._visit(trace, frame, self._serial))
        return self._came

    def _note(self, trace: Trace, made: tuple[Atom, ...], frame: FrameType | None) -> None:
        var = next((atom for atom in made if isinstance(atom, Var)), None)
        if var is None or var in self.of or frame is None:
            return
        visit = self.of[var] = self._visit(trace, frame, self._lines.get(id(frame), 0))
        waiting = self._waiting.pop(trace.builder, [])
        if waiting and waiting[-1].serial == visit.serial:
            waiting.pop()
        if waiting:
            self.before[var] = waiting
        self._newest[trace.builder] = var

    def _visit(self, trace: Trace, frame: FrameType, serial: int) -> Visit:
        source = Source(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
        return Visit(source, serial, _names(trace, frame), tuple(_ways(trace)))


@functools.cache
def _is_users(file: str) -> bool:
    """Whether code may have a line that somebody wants to stop at: what dataclasses make of texts has none."""
    standard = file.startswith(_STDLIB) and f"{os.sep}site-packages{os.sep}" not in file
    return not standard and file != "<string>" and lines.is_users(file) and bool(linecache.getlines(file))


def _results(graph: Graph) -> Iterator[Var]:
    for eqn in graph.eqns:
        yield from eqn.outputs
        for body in bodies(eqn).values():
            yield from _results(body)


def _ways(trace: Trace) -> Iterator[tuple[Atom, bool]]:
    region = trace.region
    while region is not None:
        if region.predicate is not None:
            yield region.predicate, region.builder.name == "then"
        region = region.outer


# variables --------------------------------------------------------------------------------------------------------------
def _names(trace: Trace, frame: FrameType) -> dict[str, Any]:
    """The variables of a frame, and of those around it: the bodies of branches and loops are functions of their own."""
    held: dict[str, Any] = {}
    at: FrameType | None = frame
    while at is not None:
        for name, value in at.f_locals.items():
            if name not in held and not name.startswith((PREFIX, ".")):
                held[name] = _seen(trace, value)
        at = _around(at)
    return {name: value for name, value in held.items() if value is not UNKNOWN}


def _around(frame: FrameType) -> FrameType | None:
    """The frame of the function that a function stands in, which has called it by way of us."""
    at = frame.f_back
    while at is not None and lines.is_library(at.f_code.co_filename):
        at = at.f_back
    return at if at is not None and frame.f_code in at.f_code.co_consts else None


def _seen(trace: Trace, value: Any, depth: int = 0) -> Any:
    """What a variable holds now: traced values by what they show, plain ones as they are."""
    symbol = value._data if isinstance(value, Value) else None
    if type(symbol) is Symbol:
        shown = symbol.cell.trace is trace and not symbol.cell.lost
        return Symbolic(trace.value_of(symbol.cell), symbol.chain, symbol.kind) if shown else UNKNOWN
    if isinstance(value, _PLAIN) or (isinstance(value, types.FunctionType) and value.__closure__ is None):
        return value
    if isinstance(value, Own):
        value = value.held
    if depth == DEEP:
        return UNKNOWN
    kind = type(value)
    if kind in (list, tuple, set, frozenset) and len(value) <= MOST:
        return Held(kind, [_seen(trace, item, depth + 1) for item in value])
    if kind is dict and len(value) <= MOST:
        return _of_dict(trace, value, dict, depth)
    attributes = None if value is None else _attributes(value)
    if attributes is None or len(attributes) > MOST:
        return UNKNOWN
    return _of_dict(trace, attributes, type(kind.__name__, (types.SimpleNamespace,), {}), depth)


def _of_dict(trace: Trace, value: dict, kind: Callable, depth: int) -> Held:
    keys = list(value)

    def make(parts: list) -> Any:
        found = dict(zip(keys, parts))
        return found if kind is dict else kind(**found)

    return Held(make, [_seen(trace, value[key], depth + 1) for key in keys])


def _attributes(value: Any) -> dict | None:
    """Those of an instance of a class written in Python, without asking it."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    file = getattr(sys.modules.get(type(value).__module__), "__file__", None)
    return found if type(found) is dict and type(file) is str and _is_users(file) else None
