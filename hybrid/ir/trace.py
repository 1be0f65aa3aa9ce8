"""Recording: the active trace of this thread, storage cells that make views and writes pure, and the one way to record an op.

A traced array is a `Symbol`: a storage cell plus a chain of views. Reading applies the chain to the cell's current
value; writing puts the new elements back through the chain and gives the cell a new value. So `a[1:-1] += b` and writes
through `a.T` leave a pure graph, and every other view of the same storage sees them.
"""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

from hybrid.core.errors import EscapeError, TraceError
from hybrid.core.shape import TensorType, contiguous_strides
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Literal, Source
from hybrid.ir.primitive import Primitive

SNAPSHOT_BYTES = 1 << 20  # captured arrays up to this size are watched for writes while tracing; a comparison takes 0.1 ms
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LIBRARIES = tuple(os.path.join(folder, "") for folder in (_PACKAGE, os.path.dirname(np.__file__)))
Chain = tuple[tuple[Primitive, Mapping[str, Any]], ...]


class Cell:
    """One block of storage: its current value, whether it was written, and what outlives the call."""

    __slots__ = ("trace", "value", "origin", "written", "writeable", "name")

    def __init__(self, trace: Trace, value: Atom, writeable: bool = True, name: str = ""):
        self.trace, self.value, self.origin, self.written, self.writeable, self.name = (
            trace,
            value,
            value,
            False,
            writeable,
            name,
        )


class Symbol:
    """A traced array: `cell` seen through `chain`.

    `kind` is what the undecorated code would hold: a "tensor", an "ndarray", a NumPy "scalar" or a "python" number.
    `proto` is a NumPy array of the right dtype, shape and strides over no memory, so that NumPy itself decides what is a view.
    """

    __slots__ = ("cell", "chain", "type", "kind", "_proto", "argument")

    def __init__(self, cell: Cell, type: TensorType, kind: str, chain: Chain = (), proto: np.ndarray | None = None,
                 argument: int | None = None):  # fmt: skip
        self.cell, self.chain, self.type, self.kind, self._proto, self.argument = cell, chain, type, kind, proto, argument

    @property
    def proto(self) -> np.ndarray:
        if self._proto is None:
            steps = contiguous_strides(self.type.shape)
            self._proto = prototype(self.type.dtype, self.type.shape, tuple(s * self.type.dtype.itemsize for s in steps))
        return self._proto


def prototype(dtype: np.dtype, shape: tuple, strides: tuple) -> np.ndarray:
    """An array header over one element of storage: to be indexed and reshaped, never read."""
    return np.lib.stride_tricks.as_strided(np.empty(1, dtype), shape, strides)


class Concretise(Exception):
    """Run-time numbers were asked for their value: trace again with those arguments static."""

    def __init__(self, arguments: frozenset[int], what: str, at: Source | None):
        super().__init__(f"{what} needs the value of a number")
        self.arguments, self.what, self.at = arguments, what, at


class Trace:
    """The recording of one call. Use as a context manager: inside, operations on symbols go to `builder`."""

    def __init__(self, name: str):
        self.builder = Builder(name)
        self.alive = True
        self.outer: Trace | None = None
        self.captured: dict[int, Cell] = {}
        self.cells: list[Cell] = []
        self.snapshots: dict[int, bytes] = {}  # contents of captured arrays, by id
        self.numbers: dict[Atom, int] = {}  # graph inputs that are numbers -> the argument
        self.checks: list[Atom] = []  # Python numbers that must be finite: where Python would have raised, they are not
        self.made: list[weakref.ref] = []  # every tensor over a symbol of this trace
        self.scalars = False  # whether a NumPy scalar became a literal: NumPy computed something meanwhile
        self.failure: BaseException | None = None  # what a `demand` raised, whether or not the traced code caught it

    def __enter__(self) -> Trace:
        self.outer = _state.trace
        _state.trace = self
        _count(1)
        return self

    def __exit__(self, *error: object) -> None:
        _state.trace = self.outer
        self.alive = False
        _count(-1)

    def argument(
        self, type: TensorType, kind: str, name: str, index: int, *, strides: tuple | None = None, writeable: bool = True
    ) -> Symbol:
        """A new input of the graph, with the caller's strides (in bytes) for view decisions."""
        cell = Cell(self, self.builder.input(type, name), writeable, name)
        self.cells.append(cell)
        if kind in ("scalar", "python"):
            self.numbers[cell.value] = index
        proto = prototype(type.dtype, type.shape, strides) if strides is not None else None
        return Symbol(cell, type, kind, proto=proto, argument=index)

    def capture(self, array: np.ndarray, kind: str) -> Symbol:
        """The symbol of an array that the traced code reached from outside; its contents are read at every call."""
        cell = self.captured.get(id(array))
        if cell is None:
            cell = self.captured[id(array)] = Cell(
                self, self.builder.constant(array), bool(array.flags.writeable), "a captured array"
            )
            self.cells.append(cell)
            if array.nbytes <= SNAPSHOT_BYTES:
                self.snapshots[id(array)] = array.tobytes()
        else:
            self.unchanged(id(array))
        return Symbol(
            cell, TensorType(array.dtype, array.shape), kind, proto=prototype(array.dtype, array.shape, array.strides)
        )

    def fail(self, error: BaseException) -> None:
        """Note an error that ends this trace even where the traced code catches it."""
        self.failure = self.failure or error

    def unchanged(self, *keys: int) -> None:
        """Refuse captured arrays that plain NumPy wrote meanwhile, and undo that: a graph reads them as a call finds them."""
        for key in keys or self.snapshots:
            array, before = self.builder.constants[key][1], self.snapshots.get(key)
            if before is not None and array.tobytes() != before:
                array[...] = np.frombuffer(before, array.dtype).reshape(array.shape)
                raise TraceError(
                    "a NumPy array that is not an argument is written where tracing cannot see it",
                    got=f"shape {array.shape}",
                    fix="pass the array in as an argument",
                    at=user_line(),
                )

    def record(
        self, primitive: Primitive, inputs: tuple[Atom, ...], params: Mapping[str, Any] | None = None
    ) -> tuple[Atom, ...]:
        if "raise" in np.geterr().values():
            error = TraceError("np.errstate asks for floating-point errors, which compiled code does not raise", at=user_line())
            self.fail(error)
            raise error
        return self.builder.append(primitive, inputs, params, user_line())

    def fresh(self, atom: Atom, kind: str) -> Symbol:
        """A new array holding `atom`."""
        return Symbol(Cell(self, atom), atom.type, kind)

    def one(self, primitive: Primitive, *inputs: Atom, **params: Any) -> Atom:
        return self.record(primitive, inputs, params)[0]


class _State(threading.local):
    trace: Trace | None = None
    eager: int = 0  # depth of `with hybrid.eager()`


_state = _State()
_lock = threading.Lock()
# How many traces are open on any thread: while it is zero, eager operations skip every check.
open_traces = 0


def _count(step: int) -> None:
    global open_traces
    with _lock:
        open_traces += step


def after_fork() -> None:
    """Forget the traces of other threads, which a child process does not have."""
    global open_traces, _lock
    _lock = threading.Lock()
    open_traces, trace = 0, _state.trace
    while trace is not None:
        open_traces, trace = open_traces + 1, trace.outer


def current() -> Trace | None:
    """This thread's innermost open trace."""
    return _state.trace


def state() -> _State:
    return _state


def user_line() -> Source | None:
    """The innermost frame outside the package and NumPy: the line the user wrote."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARIES):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return None
    return Source(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def live(symbol: Symbol) -> Trace:
    """The trace of a symbol, or `EscapeError` once that has ended."""
    trace = symbol.cell.trace
    if not trace.alive or trace is not _state.trace:
        raise EscapeError(
            "a traced tensor was used outside the call that made it",
            got=f"{symbol.type} from the trace of {trace.builder.name!r}",
            expected="values of the current call",
            fix="return it from the decorated function instead of keeping it in a global, an attribute or a list",
        )
    return trace


def read(symbol: Symbol) -> Atom:
    """The current value: the cell's, seen through the chain."""
    trace = live(symbol)
    atom = symbol.cell.value
    for primitive, params in symbol.chain:
        atom = trace.one(primitive, atom, **params)
    return atom


def write(symbol: Symbol, value: Atom) -> None:
    """Replace the elements this symbol shows."""
    trace, cell = live(symbol), symbol.cell
    if not cell.writeable or symbol.kind in ("scalar", "python"):
        raise ValueError("assignment destination is read-only")
    bases = [cell.value]
    for primitive, params in symbol.chain[:-1]:
        bases.append(trace.one(primitive, bases[-1], **params))
    for (primitive, params), base in zip(reversed(symbol.chain), reversed(bases), strict=False):
        if primitive.put is None:
            raise ValueError("assignment destination is read-only")
        value = primitive.put(trace.one, base, value, **params)
    cell.value = value
    cell.written = True


def view(
    symbol: Symbol, primitive: Primitive, params: Mapping[str, Any], type: TensorType, kind: str, proto: np.ndarray
) -> Symbol:
    """A symbol that shares this one's storage."""
    live(symbol)
    return Symbol(symbol.cell, type, kind, (*symbol.chain, (primitive, params)), proto)


def demand(symbol: Symbol, what: str) -> np.ndarray:
    """The value Python asks for, where tracing knows it; else numbers become static, and arrays raise `TraceError`."""
    trace = live(symbol)
    if isinstance(symbol.cell.value, Literal):
        return np.asarray(symbol.cell.value.value)
    behind = _numbers_behind(trace, symbol.cell.value)
    error = Concretise(behind, what, user_line()) if behind else TraceError(
        f"{what} needs a value that is only known when the compiled code runs",
        got=f"a traced {symbol.type}",
        fix="use np.where or array operations, or leave this function undecorated",
        at=user_line(),
    )  # fmt: skip
    trace.fail(error)
    raise error


def _numbers_behind(trace: Trace, atom: Atom) -> frozenset[int]:
    """The arguments a value is computed from, if they are all numbers; else none."""
    producers = {var: eqn for eqn in trace.builder.eqns for var in eqn.outputs}
    found, pending, seen = set(), [atom], set()
    while pending:
        atom = pending.pop()
        if isinstance(atom, Literal) or atom in seen:
            continue
        seen.add(atom)
        if atom in trace.numbers:
            found.add(trace.numbers[atom])
        elif atom in producers:
            pending += producers[atom].inputs
        else:
            return frozenset()
    return frozenset(found)


def literal(value: Any, dtype: np.dtype, weak: bool = False) -> Literal:
    """A scalar written into the graph; out-of-range Python integers raise OverflowError as NumPy does."""
    return Literal(np.asarray(value, dtype)[()], TensorType(dtype, (), weak))
