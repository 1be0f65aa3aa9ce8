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
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core.errors import AssumptionError
from hybrid.frontend.complex_parts import view_of
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Source, Var, apply, evaluate, observed, rounds
from hybrid.ir.text import literal, names_of, param
from hybrid.ir.trace import Chain, Symbol, Trace
from hybrid.staging import aside
from hybrid.staging.compare import copied, undecorated
from hybrid.staging.packed import unpacked
from hybrid.staging.reads import Reads
from hybrid.staging.signature import ArrayLeaf, describe
from hybrid.staging.state import held, with_state
from hybrid.staging.traced import taken
from hybrid.staging.tracing import trace

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled

_HOOK = "__hybrid_operation__"
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype, range, slice)
Seen = tuple[Atom, Chain, str]  # a variable: the stored value it shows, through which views, as what kind of object


def debug(f: Any, known: Compiled, args: tuple, kwargs: dict, commands: Sequence[str] | None = None, stdout: Any = None) -> Any:
    """Replay a call.

    Args:
        known: its trace.
        commands: what to type at the prompts; None: standard input. After the last one the call runs to its end.
        stdout: where to print; None: standard output.
    """
    from hybrid.staging.compiled import Compiled

    variables = _Variables()
    state = known.traced.state
    bound = f._packed(copied(with_state(f.parameters.bind(args, kwargs), state)))
    values, structure = f._flat(bound)
    reads = Reads.of(f.function, unpacked(bound), state)
    with aside.aside(), variables:
        name = getattr(f.function, "__name__", "function")
        # Sizes are numbers here, as the user knows them.
        leaves = tuple(describe(v) if isinstance(leaf, ArrayLeaf) else leaf for leaf, v in zip(known.traced.leaves, values))
        traced = trace(f.function, name, structure, leaves, values, f.parameters.names(structure), reads, {},
                       state=state)  # fmt: skip
    compiled = Compiled(traced, reads, known.backend, "debug")
    arrays = [taken(traced.leaves[k], values[k]) for k in traced.inputs]
    replay = Replay(f.function, variables, commands, stdout)
    refusal = compiled.refuses(values, bound)
    try:
        if refusal is not None:
            raise AssumptionError(refusal.reason)
        with compiled.draws.during(values, undo=True), observed(replay.perform):
            outputs = evaluate(traced.graph, *arrays)
        replay.end(traced.graph, dict(zip(traced.graph.inputs, arrays)), outputs)
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


class _Variables:
    """What the user's variables hold when each operation is recorded."""

    def __init__(self) -> None:
        self.at: dict[Var, dict[str, Seen | Any]] = {}

    def __enter__(self) -> None:
        self.before, tr.state().spy = tr.state().spy, self.note

    def __exit__(self, *error: object) -> None:
        tr.state().spy = self.before

    def note(self, trace: Trace, made: tuple[Atom, ...], frame: FrameType | None) -> None:
        """Keep the variables of the frame: traced ones by what they show, plain ones as they are."""
        var = next((atom for atom in made if isinstance(atom, Var)), None)
        if var is None or var in self.at or frame is None:
            return
        held: dict[str, Any] = {}
        for name, value in frame.f_locals.items():
            symbol = value._data if isinstance(value, Value) else None
            if type(symbol) is Symbol and symbol.cell.trace is trace and not symbol.cell.lost:
                held[name] = (trace.value_of(symbol.cell), symbol.chain, symbol.kind)
            elif isinstance(value, _PLAIN):
                held[name] = value
        self.at[var] = held


class Replay(pdb.Pdb):
    """pdb's commands over the operations of one execution."""

    def __init__(self, function: Callable, variables: _Variables, commands: Sequence[str] | None, stdout: Any):
        typed = None if commands is None else io.StringIO("".join(f"{line}\n" for line in commands))
        super().__init__(stdin=typed, stdout=stdout, nosigint=True, readrc=False)
        if typed is not None:
            self.use_rawinput = False
            self.prompt = ""
        self.function, self.variables = function, variables
        self.before = {b.number for b in Breakpoint.bpbynumber if b is not None}
        self.frames: list[FrameType] = []
        self.shown: list[str] = []  # the operation of each frame
        self.known: list[Mapping[Var, Any]] = []  # what has been computed, in the graph of each frame
        self.graph: Graph | None = None
        self.titles: dict[Graph, dict[Var, str]] = {}
        self.last: tuple[Source | None, tuple[int, ...]] = None, ()
        self.deepest, self.line, self.finished = sys.maxsize, 0, False  # stop at this depth or above it, beyond this line

    # the execution ----------------------------------------------------------------------------------------------------
    def perform(self, eqn: Eqn, operands: Sequence[Any], graph: Graph, env: Mapping[Var, Any]) -> tuple:
        """Compute one operation inside a frame at the user's line, after a stop if it is time for one."""
        if eqn.source is None or not eqn.outputs:
            return apply(eqn, operands)  # what the engine asks for itself

        self.graph = self.graph or graph
        results: list[tuple] = []

        def operation() -> None:
            self.frames.append(sys._getframe(1))
            try:
                if self._stops(eqn):
                    self.interaction(self.frames[-1], None)
                results.append(apply(eqn, operands))
            finally:
                self.frames.pop()

        self.known.append(env)
        self.shown.append(self._text(eqn, graph))
        try:
            self._run(eqn.source, operation, self._names(eqn, graph, env))
        finally:
            self.known.pop()
            self.shown.pop()
        return results[0]

    def end(self, graph: Graph, inputs: Mapping[Var, Any], outputs: Sequence[Any]) -> None:
        """A last stop, where the results can be seen."""
        source = next((eqn.source for eqn in reversed(graph.eqns) if eqn.source is not None), None)
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
        names = self._title(graph)
        held = {names[var]: array for var, array in inputs.items()}
        held |= {names[atom]: value for atom, value in zip(graph.outputs, outputs) if isinstance(atom, Var)}
        self._run(source, stop, held)

    def _run(self, source: Source, action: Callable[[], None], names: dict[str, Any]) -> None:
        exec(_code(source), {**self._globals(source), _HOOK: action}, names)

    def _globals(self, source: Source) -> dict[str, Any]:
        code = getattr(self.function, "__code__", None)
        if code is not None and code.co_filename == source.file:
            return self.function.__globals__  # type: ignore[attr-defined]
        module = next((m for m in list(sys.modules.values()) if getattr(m, "__file__", None) == source.file), None)
        return {} if module is None else vars(module)

    def _names(self, eqn: Eqn, graph: Graph, env: Mapping[Var, Any]) -> dict[str, Any]:
        """What the names at an operation stand for: those of the graph, and over them the user's variables."""
        names = {name: env[var] for var, name in self._title(graph).items() if var in env}
        held = next((self.variables.at[var] for var in eqn.outputs if var in self.variables.at), {})
        for name, seen in held.items():
            if not isinstance(seen, tuple):
                names[name] = seen
                continue
            found, value = self._value(seen[0])
            if found:
                array = view_of(np.asarray(value), seen[1])
                names[name] = _KINDS[seen[2]](array)
        return names

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
        depth, here = len(self.frames), (eqn.source, rounds())
        before, self.last = self.last, here
        if self.finished:
            return False
        if depth <= self.deepest and eqn.source.line > self.line:
            return True
        # A line is many operations: a breakpoint on it is met once.
        return here != before and self.break_here(self.frames[-1])

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
