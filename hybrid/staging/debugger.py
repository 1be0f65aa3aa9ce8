"""Behind `f.debug()`: the graph of a call evaluated operation by operation under pdb, at the user's lines, with values.

Every operation runs inside a frame of its own whose code has the user's file, line and function name, so that pdb's own
commands for looking around work on it. Nothing is traced by the interpreter: the replay decides where to stop.
"""

from __future__ import annotations

import io
import linecache
import pdb
import sys
from bdb import BdbQuit, Breakpoint
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from hybrid.core.errors import AssumptionError, TraceError
from hybrid.frontend.complex_parts import view_of
from hybrid.frontend.values import Value, wrap
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Source, Var, apply, observed, read, rounds, run
from hybrid.ir.requests import Learned, Recursive, Writing
from hybrid.ir.text import literal, names_of, param
from hybrid.staging import aside
from hybrid.staging.attempts import Attempts
from hybrid.staging.compare import copied, undecorated
from hybrid.staging.packed import unpacked
from hybrid.staging.reads import Reads
from hybrid.staging.signature import ArrayLeaf, describe
from hybrid.staging.state import held, with_state
from hybrid.staging.traced import Traced, taken
from hybrid.staging.tracing import trace
from hybrid.staging.visits import UNKNOWN, Held, Symbolic, Visit, Visits

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled

Recorded = TypeVar("Recorded")
_HOOK = "__hybrid_operation__"


def debug(f: Any, known: Compiled, args: tuple, kwargs: dict, commands: Sequence[str] | None = None, stdout: Any = None) -> Any:
    """Replay a call.

    Args:
        known: its trace.
        commands: what to type at the prompts; None: standard input. After the last one the call runs to its end.
        stdout: where to print; None: standard output.
    """
    from hybrid.staging.compiled import Compiled

    state = known.traced.state
    bound = f._packed(copied(with_state(f.parameters.bind(args, kwargs), state)))
    values, structure = f._flat(bound)
    # Sizes are numbers here, as the user knows them.
    leaves = tuple(describe(v) if isinstance(leaf, ArrayLeaf) else leaf for leaf, v in zip(known.traced.leaves, values))

    def record(writing: Writing, recursive: frozenset[CodeType]) -> tuple[Traced, Reads, Visits]:
        name, reads, visits = (
            getattr(f.function, "__name__", "function"),
            Reads.of(f.function, unpacked(bound), state),
            Visits(),
        )
        try:
            with aside.aside(), visits:
                traced = trace(f.function, name, structure, leaves, values, f.parameters.names(structure), reads, {}, writing,
                               frozenset(), recursive, state, f._room, f._empty, f._read)  # fmt: skip
        except BaseException:
            reads.restore()
            raise
        return traced, reads, visits

    traced, reads, visits = _recorded(record)
    compiled = Compiled(traced, reads, known.backend, "debug")
    arrays = [taken(traced.leaves[k], values[k]) for k in traced.inputs]
    replay = Replay(f.function, visits, traced.graph, commands, stdout)
    refusal = compiled.refuses(values, bound)
    try:
        if refusal is not None:
            raise AssumptionError(refusal.reason)
        with compiled.draws.during(values, undo=True), observed(replay.perform):
            values_of = run(traced.graph, arrays)
        outputs = [read(values_of, atom) for atom in traced.graph.outputs]
        replay.end(traced.graph, values_of)
    except AssumptionError as error:
        replay.message(f"*** Python makes this call: {error.what}")
        again = copied(with_state(f.parameters.bind(args, kwargs), state))
        with held(state, again[2].values() if state else ()):
            return undecorated(f, again)
    except BdbQuit:
        return None
    finally:
        replay.forget_breakpoints()
    for where, array in zip(traced.writes, outputs[traced.visible :]):
        if isinstance(where, int):
            given = values[where]
            np.copyto(given._data if isinstance(given, Value) else given, array)
    with held(state, ()):  # a replay leaves nothing behind
        return compiled.finish(values, bound, [np.array(array) for array in outputs])


def _recorded(record: Callable[[Writing, frozenset[CodeType]], Recorded]) -> Recorded:
    """What comes of the first attempt that succeeds, of those that have found the trace which is known."""
    attempts = Attempts()
    recursive: frozenset[CodeType] = frozenset()
    while attempts.next is not None:
        try:
            return record(attempts.next, recursive)
        except Learned:
            continue
        except Recursive as found:
            if found.code in recursive:
                raise
            recursive |= {found.code}
        except TraceError as found:
            attempts.fail(found)
            recursive = frozenset()
    assert attempts.error is not None
    raise attempts.error


class Replay(pdb.Pdb):
    """pdb's commands over the operations of one execution."""

    def __init__(self, function: Callable, visits: Visits, graph: Graph, commands: Sequence[str] | None, stdout: Any):
        typed = None if commands is None else io.StringIO("".join(f"{line}\n" for line in commands))
        super().__init__(stdin=typed, stdout=stdout, nosigint=True, readrc=False)
        if typed is not None:
            self.use_rawinput = False
            self.prompt = ""
        self.function, self.visits, self.firsts = function, visits, visits.firsts(graph)
        self.before = {b.number for b in Breakpoint.bpbynumber if b is not None}
        self.frames: list[FrameType] = []
        self.shown: list[str] = []  # the operation of each frame
        self.known: list[Mapping[Var, Any]] = []  # what has been computed, in the graph of each frame
        self.graph = graph
        self.titles: dict[Graph, dict[Var, str]] = {}
        self.deepest, self.line, self.finished = sys.maxsize, 0, False  # stop at this depth or above it, beyond this line

    # the execution ----------------------------------------------------------------------------------------------------
    def perform(self, eqn: Eqn, operands: Sequence[Any], graph: Graph, env: Mapping[Var, Any]) -> tuple:
        """Compute one operation inside a frame at the user's line, after a stop if it is time for one."""
        if eqn.source is None or not eqn.outputs:
            return apply(eqn, operands)  # what the engine asks for itself

        results: list[tuple] = []
        var = eqn.outputs[0]

        def operation() -> None:
            self.frames.append(sys._getframe(1))
            try:
                if self._stops(eqn):
                    self.interaction(self.frames[-1], None)
                results.append(apply(eqn, operands))
            finally:
                self.frames.pop()

        self.known.append(env)
        try:
            for visit in self.visits.before.get(var, ()):
                self._pass(visit, graph, env)
            self.shown.append(self._text(eqn, graph))
            try:
                self._run(eqn.source, operation, self._names(self.visits.of.get(var), graph, env))
            finally:
                self.shown.pop()
            for visit in self.visits.after.get(var, ()):
                self._pass(visit, graph, {**env, **dict(zip(eqn.outputs, results[0]))})
        finally:
            self.known.pop()
        return results[0]

    def _pass(self, visit: Visit, graph: Graph, env: Mapping[Var, Any]) -> None:
        """Come to a line that is met before its operations, or has none."""

        def come() -> None:
            self.frames.append(sys._getframe(1))
            try:
                if self.break_here(self.frames[-1]):
                    self.interaction(self.frames[-1], None)
            finally:
                self.frames.pop()

        self.known.append(env)
        self.shown.append("")
        try:
            if not self.finished and self._is_taken(visit):
                self._run(visit.source, come, self._names(visit, graph, env))
        finally:
            self.known.pop()
            self.shown.pop()

    def end(self, graph: Graph, env: Mapping[Var, Any]) -> None:
        """A last stop, where the results can be seen."""
        self.known.append(env)
        for visit in self.visits.at_last:
            self._pass(visit, graph, env)
        last = next(iter(self.visits.at_last[-1:]), None)
        source = next((eqn.source for eqn in reversed(graph.eqns) if eqn.source is not None), None)
        source = source if last is None else last.source
        if self.finished or source is None or self.deepest < 0:
            return

        def stop() -> None:
            self.frames.append(sys._getframe(1))
            try:
                self.message("--Return--")
                self.interaction(self.frames[-1], None)
            finally:
                self.frames.pop()

        self.shown.append("")
        self._run(source, stop, self._names(last, graph, env))

    def _run(self, source: Source, action: Callable[[], None], names: dict[str, Any]) -> None:
        exec(_code(source), {**self._globals(source), _HOOK: action}, names)

    def _globals(self, source: Source) -> dict[str, Any]:
        code = getattr(self.function, "__code__", None)
        if code is not None and code.co_filename == source.file:
            return self.function.__globals__  # type: ignore[attr-defined]
        module = next((m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == source.file), None)
        return {} if module is None else vars(module)

    def _names(self, visit: Visit | None, graph: Graph, env: Mapping[Var, Any]) -> dict[str, Any]:
        """What the names at an operation stand for: those of the graph, and over them the user's variables."""
        names = {name: env[var] for var, name in self._title(graph).items() if var in env}
        shown = {} if visit is None else {name: self._shown(seen) for name, seen in visit.names.items()}
        return names | {name: value for name, value in shown.items() if value is not UNKNOWN}

    def _shown(self, seen: Any) -> Any:
        """The value that a variable has now."""
        if isinstance(seen, Held):
            return seen.make([self._shown(part) for part in seen.parts])
        if not isinstance(seen, Symbolic):
            return seen
        found, value = self._value(seen.atom)
        return _KINDS[seen.kind](view_of(np.asarray(value), seen.chain)) if found else UNKNOWN

    def _is_taken(self, visit: Visit | None) -> bool:
        """Whether a line is on the ways that its branches go: of short branches both ways are computed."""
        asked = () if visit is None else [(self._value(atom), way) for atom, way in visit.ways]
        return all(bool(value) == way for (found, value), way in asked if found)

    def _value(self, atom: Atom) -> tuple[bool, Any]:
        if isinstance(atom, Literal):
            return True, atom.value
        return next(((True, env[atom]) for env in reversed(self.known) if atom in env), (False, None))

    def _title(self, graph: Graph) -> dict[Var, str]:
        if graph not in self.titles:
            self.titles[graph] = names_of(graph)
        return self.titles[graph]

    def _text(self, eqn: Eqn, graph: Graph) -> str:
        names = self._title(graph)
        given = [literal(a) if isinstance(a, Literal) else names[a] for a in eqn.inputs]
        params = {name: value for name, value in eqn.params.items() if value is not None and not isinstance(value, Graph)}
        given += [f"{name}={param(value)}" for name, value in params.items()]
        turn = f"  (round {', '.join(map(str, rounds()))})" if rounds() else ""
        return f"{', '.join(f'{names[v]}: {v.type}' for v in eqn.outputs)} = {eqn.primitive.name}({', '.join(given)}){turn}"

    def forget_breakpoints(self) -> None:
        """Those of this replay; they would stop the next one, and pdb itself."""
        for number in {b.number for b in Breakpoint.bpbynumber if b is not None} - self.before:
            self.clear_bpbynumber(number)

    # where to stop ----------------------------------------------------------------------------------------------------
    def _stops(self, eqn: Eqn) -> bool:
        assert eqn.source is not None
        if self.finished or not self._is_taken(self.visits.of.get(eqn.outputs[0])):
            return False
        if len(self.frames) <= self.deepest and eqn.source.line > self.line:
            return True
        # A line is many operations: a breakpoint on it is met once.
        return eqn.outputs[0] in self.firsts and self.break_here(self.frames[-1])

    def _until(self, deepest: int, line: int = 0) -> bool:
        self.deepest, self.line = deepest, line
        return True

    def do_step(self, arg: str) -> bool:
        """s(tep): the next operation, inside branches and loops too."""
        return self._until(sys.maxsize)

    def do_next(self, arg: str) -> bool:
        """n(ext): the next operation that is not inside this branch or loop."""
        return self._until(len(self.frames))

    def do_return(self, arg: str) -> bool:
        """r(eturn): the operation after the round or branch that this one is in."""
        return self._until(len(self.frames) - 1)

    def do_until(self, arg: str) -> bool | None:
        """unt(il) [line]: the next operation of a line beyond this one, or beyond the given one."""
        line = int(arg) - 1 if arg.strip().isdigit() else self.frames[-1].f_lineno
        return self._until(len(self.frames), line)

    def do_continue(self, arg: str) -> bool:
        """c(ont(inue)): until a breakpoint."""
        return self._until(-1)

    def do_quit(self, arg: str) -> bool:
        """q(uit): leave the replay."""
        raise BdbQuit

    def do_EOF(self, arg: str) -> bool:
        """The end of what is typed: no more stops."""
        self.finished = True
        return True

    def do_graph(self, arg: str) -> None:
        """graph: the graph that is being replayed."""
        self.message(str(self.graph))

    def do_jump(self, arg: str) -> None:
        """A replay goes forwards only."""
        self.error("a replay has its order from the graph")

    do_s, do_n, do_r, do_unt, do_c, do_cont, do_q, do_exit, do_j = (
        do_step, do_next, do_return, do_until, do_continue, do_continue, do_quit, do_quit, do_jump
    )  # fmt: skip
    do_run = do_restart = do_debug = do_jump

    # what is shown ----------------------------------------------------------------------------------------------------
    def get_stack(self, f: FrameType | None, t: Any) -> tuple[list[tuple[FrameType, int]], int]:
        """The operations that are under way: a loop, and the one inside it."""
        return [(frame, frame.f_lineno) for frame in self.frames], max(0, len(self.frames) - 1)

    def print_stack_entry(self, frame_lineno: tuple[FrameType, int], prompt_prefix: str = "\n-> ") -> None:
        super().print_stack_entry(frame_lineno, prompt_prefix)
        k = next((k for k, frame in enumerate(self.frames) if frame is frame_lineno[0]), -1)
        if k >= 0 and self.shown[k]:
            self.message(f"   {self.shown[k]}")


_KINDS: dict[str, Callable[[np.ndarray], Any]] = {
    "tensor": wrap, "ndarray": np.asarray, "python": lambda array: array.item(), "scalar": lambda array: array[()],
}  # fmt: skip
_codes: dict[Source, CodeType] = {}


def _code(source: Source) -> CodeType:
    """Code that calls the hook, at a line of the user's."""
    if source not in _codes:
        first = source.line
        while first > 1 and f"def {source.function}(" not in linecache.getline(source.file, first):
            first -= 1
        made = compile("\n" * (source.line - first) + f"{_HOOK}()", source.file, "exec")
        _codes[source] = made.replace(co_name=source.function, co_firstlineno=first)  # which moves all lines
    return _codes[source]
