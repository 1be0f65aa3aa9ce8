"""The chain of native entries in front of a Python function, and the builtin that runs it.

Entries have CPython's fastcall signature. One whose guards miss tail-calls the next, and the chain ends in
`PyObject_Vectorcall` itself, whose first argument, the builtin's `self`, is the Python function that traces. So a
function that has not been compiled needs no machine code of ours, and a new trace is one pointer written.
"""

from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from hybrid.core.errors import CompileError
from hybrid.staging import capi, late
from hybrid.staging.expected import (
    AliasGuard,
    ArrayGuard,
    BoundGuard,
    ClassGuard,
    ComplexGuard,
    ContainerGuard,
    FloatGuard,
    FloatValueGuard,
    FunctionGuard,
    Guard,
    IntGuard,
    LongGuard,
    NumbersGuard,
    SameGuard,
    ScalarGuard,
    TextGuard,
)
from hybrid.staging.spec import (
    ABSENT,
    ACTIVE,
    ENTRY,
    NEXT,
    TABLE,
    AddressStep,
    ArgumentResult,
    ArrayResult,
    AttributeRead,
    CallResult,
    ChoiceResult,
    ComputeStep,
    DictRead,
    EntrySpec,
    ItemRead,
    ListResult,
    Load,
    MadeResult,
    MethodRead,
    ObjectResult,
    OrderRead,
    PythonStep,
    Read,
    RepeatResult,
    Results,
    SizeRead,
    SizeResult,
    SizeStep,
    Source,
    Step,
    Temporary,
    TensorLayout,
    ViewResult,
    WordRead,
    items,
)

__all__ = [
    "Guard", "ArrayGuard", "FloatGuard", "LongGuard", "FloatValueGuard", "ComplexGuard", "ScalarGuard", "IntGuard",
    "SameGuard", "FunctionGuard", "BoundGuard", "TextGuard", "ClassGuard", "AliasGuard", "ContainerGuard", "NumbersGuard",
    "ABSENT", "Load", "Read", "WordRead", "DictRead", "ItemRead", "SizeRead", "AttributeRead", "MethodRead", "OrderRead",
    "Results", "ArrayResult", "ListResult", "ArgumentResult", "ViewResult", "ObjectResult", "RepeatResult", "MadeResult",
    "SizeResult", "ChoiceResult", "CallResult", "items", "Temporary", "Step", "ComputeStep", "SizeStep", "PythonStep",
    "AddressStep", "Source", "EntrySpec", "TensorLayout", "emit_entry", "imports", "supported", "Dispatcher", "ENTRY",
]  # fmt: skip

supported = capi.supported


def emit_entry(spec: EntrySpec, compute: str) -> str:
    """LLVM text of a trace's entry; see `hybrid.staging.emit`, which is imported when something compiles."""
    from hybrid.staging import emit

    return emit.emit_entry(spec, compute)


# PyMethodDef: const char *ml_name; PyCFunction ml_meth; int ml_flags; const char *ml_doc.
_METHOD = struct.Struct("=QQi4xQ")
_METH = 8


class Module(Protocol):
    """Loaded code, as the engine gives it."""

    def address(self, name: str) -> int: ...


def imports(spec: EntrySpec) -> dict[str, int]:
    """The addresses to load the spec's entry with."""
    lists = any(isinstance(guard, NumbersGuard) for guard in spec.flat)
    return {TABLE: spec.table.address, **(late.module("hybrid.staging.numbers").imports() if lists else {})}


class _Trace:
    """An entry in place: its spec, and the code and table that must outlive every call."""

    __slots__ = ("spec", "address", "held")

    def __init__(self, spec: EntrySpec, module: Module):
        self.spec, self.address = spec, module.address(ENTRY)
        # The garbage collector runs the finalisers of garbage in any order, and one of them may call the function. It does
        # not look into object arrays, so what these hold (neither refers to anything) is freed after the last of them.
        self.held = np.empty(2, object)
        self.held[:] = module, spec.table


class _Chain:
    """The traces of one function, newest first, and those removed while a call was still inside."""

    __slots__ = ("traces", "retired")

    def __init__(self) -> None:
        self.traces: list[_Trace] = []
        self.retired: list[_Trace] = []


class Dispatcher:
    """A builtin function that tries its compiled traces, newest first, then calls `slow(*args, **kwargs)`.

    The builtin owns all that the machine code refers to, visibly to the garbage collector, so it may outlive the dispatcher.
    CompileError where `supported()` is False.

    >>> Dispatcher(lambda x: x + 1, "increment").callable(2)
    3
    """

    __slots__ = ("callable", "_chain", "_method", "_lock", "__weakref__")
    callable: Callable[..., Any]

    def __init__(self, slow: Callable[..., Any], name: str, doc: str | None = None):
        if reason := capi.unsupported():
            raise CompileError("native entries do not work with this Python", got=reason)
        # A builtin reads its method table even while it is freed. In bytes inside a tuple, which the garbage collector
        # cannot clear, the table and its texts live exactly as long as the builtin does.
        texts, table = (name.encode(), (doc or "").encode()), bytes(_METHOD.size)
        self._method = capi.bytes_address(table)
        starts = [capi.bytes_address(text) for text in texts]
        end = capi.address("PyObject_Vectorcall")
        fields = _METHOD.pack(starts[0], end, capi.METH_FASTCALL_KEYWORDS, starts[1] if doc else 0)
        ctypes.memmove(self._method, fields, _METHOD.size)
        self._chain = _Chain()
        self._lock = threading.RLock()  # reentrant: a garbage collection inside may run code that removes traces
        self.callable = capi.new_builtin(self._method, slow, (table, texts, self._chain))

    def unlock(self) -> None:
        """In a child of fork, which does not have the thread that may have held the lock."""
        self._lock = threading.RLock()

    @property
    def specs(self) -> tuple[EntrySpec, ...]:
        """The traces in the order in which a call tries them."""
        return tuple(trace.spec for trace in self._chain.traces)

    def push(self, module: Module, spec: EntrySpec) -> None:
        """Put a trace in front of those that take no fewer sizes: one that was made for a size knows more of it.

        Those that only recognise calls, for Python to make them, stay behind all others. `module` was loaded with
        `imports(spec)`; pushed again, a trace moves.
        """
        with self._lock:
            traces = [_Trace(spec, module), *self._without(spec)]
            self._relink(sorted(traces, key=lambda trace: (trace.spec.only_recognises, trace.spec.freedom)))

    def remove(self, spec: EntrySpec) -> None:
        """Take a trace out; its code is freed once no call is inside it."""
        with self._lock:
            self._relink(self._without(spec))

    def clear(self) -> None:
        """Take all traces out."""
        with self._lock:
            self._relink([])

    def _without(self, spec: EntrySpec) -> list[_Trace]:
        return [trace for trace in self._chain.traces if trace.spec is not spec]

    def _relink(self, traces: list[_Trace]) -> None:
        chain, address = self._chain, capi.address("PyObject_Vectorcall")
        # From the end, so that a call on another thread finds a chain that ends at every moment.
        for trace in reversed(traces):
            trace.spec.table.words[NEXT] = address
            address = trace.address
        ctypes.c_uint64.from_address(self._method + _METH).value = address
        gone = [trace for trace in chain.traces if trace not in traces]
        chain.traces = traces
        chain.retired = [trace for trace in chain.retired + gone if trace.spec.table.words[ACTIVE]]
