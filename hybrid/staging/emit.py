"""LLVM IR of a native entry: check what the trace depends on, allocate results, compute, return; or pass the call on.

No address of this process stands in the text, so its object code can be cached on disk: an entry reads them from its
`EntrySpec`'s table of words, the one symbol it imports.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.codegen.flags import probe, support
from hybrid.codegen.target import host
from hybrid.core import dtype as dt
from hybrid.core.errors import CompileError
from hybrid.core.shape import Dim, Size, product, symbols
from hybrid.loops.nest import Code
from hybrid.runtime.pool import LARGE
from hybrid.staging import capi
from hybrid.staging.expected import (
    ComplexGuard,
    Guard,
    NumbersGuard,
    ScalarGuard,
)
from hybrid.staging.floats import KEPT
from hybrid.staging.generators import SUPPORT as GENERATORS
from hybrid.staging.generators import Held
from hybrid.staging.spec import (
    ACTIVE,
    ARENA,
    CALLS,
    CAPACITY,
    ENTRY,
    HELD,
    LEFT,
    NEXT,
    TABLE,
    AddressStep,
    ArgumentResult,
    ArrayResult,
    CallResult,
    ChoiceResult,
    ComputeStep,
    EntrySpec,
    ListResult,
    MadeResult,
    ObjectResult,
    PythonStep,
    RepeatResult,
    Results,
    SizeResult,
    SizeStep,
    Step,
    Temporary,
    ViewResult,
    arrays,
    items,
    large,
    size_of,
)
from hybrid.staging.support import SUPPORT

# An arena up to this size is kept between calls. Filling 256 MiB of fresh pages took 60 ms where warm ones took 8; beyond it,
# a server with a hundred traces should not hold gigabytes for the biggest batch it has ever seen.
ARENA_LIMIT = 256 << 20
ALIGNMENT = 64


def emit_entry(spec: EntrySpec, compute: str) -> str:
    """LLVM IR of `ptr @entry(ptr self, ptr args, i64 nargs, ptr kwnames)` for a spec.

    `compute` names a function of this module or one it is loaded with, `i32 (ptr slots, i64 …)`, that gives 0, or another
    number where it failed.
    CompileError for a spec that contradicts itself.
    """
    return _Entry(spec).emit(compute)


@dataclass(frozen=True)
class _Memory:
    """Where a result or temporary lies: its bytes, its array where it has one, and that one's place in `%owned`."""

    data: str
    array: str = ""
    place: int = 0


class _Entry(Held):
    """Writes one entry: straight-line code over SSA names, with exits to `miss` before ACTIVE is counted and `fail` after."""

    def __init__(self, spec: EntrySpec):
        super().__init__(spec)
        self.owned = 0  # references the call holds so far, in `%owned`
        self.memory: dict[tuple[str, int], _Memory] = {}  # of each ("result", k) and ("temporary", k)
        self.made: list[str] = []  # per ArrayResult: the object returned for it
        self.results = arrays(spec)
        self.steps = (ComputeStep("", spec.slots, spec.symbols),) if spec.steps is None else spec.steps
        self.bound: set[str] = set()  # symbols that steps have bound
        self.raised: list[str] = []  # by each step: the floating-point flags, or where one is all only whether there are some

    # Results

    def own(self, value: str) -> int:
        """Note a new reference, to be dropped at `fail` unless it is given away before; null fails here."""
        place, self.owned = self.owned, self.owned + 1
        self.put(f"store ptr {value}, ptr {self.at('%owned', 8 * place)}")
        self.require(self.icmp("ne", "ptr", value, "null"), "fail")
        return place

    def hold(self) -> None:
        """Keep what the caller's containers hold: other code may change them before the call returns."""
        for item in self.lent:
            self.call("Py_IncRef", "void", f"ptr {item}")
            self.put(f"store ptr {item}, ptr {self.at('%owned', 8 * self.owned)}")
            self.owned += 1

    def give(self, place: int) -> None:
        self.put(f"store ptr null, ptr {self.at('%owned', 8 * place)}")

    def room(self, kind: str, index: int) -> _Memory:
        """The memory of a result or temporary, which is made when it is first asked for."""
        found = self.memory.get((kind, index))
        if found is None:
            wanted = self.results[index] if kind == "result" else self.spec.temporaries[index]
            found = self.memory[kind, index] = self.allocate(wanted)
        return found

    def allocate(self, wanted: ArrayResult | Temporary) -> _Memory:
        if isinstance(wanted, ArrayResult):
            number = wanted.kind in ("scalar", "python")
            if wanted.kind not in ("ndarray", "tensor", "scalar", "python") or (number and wanted.shape):
                raise CompileError("an ArrayResult is an ndarray, a tensor, or a number of shape ()", got=str(wanted))
        else:
            number = wanted.number
            if wanted.filled:
                raise CompileError("a temporary is read before a step has filled it", got=str(wanted))
        if number:
            return _Memory(self.alloca(f"[{wanted.dtype.itemsize} x i8]", 16))
        dims = self.alloca(f"[{max(len(wanted.shape), 1)} x i64]")
        for axis, size in enumerate(wanted.shape):
            self.put(f"store i64 {self.size(size)}, ptr {self.at(dims, 8 * axis)}")
        array = self.new_array(wanted, dims)
        if not self.bound.isdisjoint(symbols(*wanted.shape)):
            self.require(self.icmp("ne", "ptr", array, "null"), "unmade")
        place = self.own(array)
        return _Memory(self.load("ptr", array, capi.DATA), array, place)

    def new_array(self, result: ArrayResult | Temporary, dims: str) -> str:
        descr, handlers, bytes_ = self.ref(result.dtype), self.spec.handlers, size_of(result)
        self.call("Py_IncRef", "void", f"ptr {descr}")  # PyArray_NewFromDescr takes it over
        like = (f"ptr {self.ref(np.ndarray)}", f"ptr {descr}", f"i32 {len(result.shape)}", f"ptr {dims}")
        order = f"i32 {int(isinstance(result, ArrayResult) and result.fortran)}"

        def plain() -> str:
            return self.call("PyArray_NewFromDescr", "ptr", *like, "ptr null", "ptr null", order, "ptr null")

        def pooled() -> str:
            both = ", ".join(f"ptr {self.ref(handler)}" for handler in handlers or ())
            return self.support("pooled", f"ptr @hybrid_entry_pooled({', '.join(like)}, {order}, {both})")

        if handlers is None or large(bytes_) is False:
            return plain()
        if large(bytes_):
            return pooled()
        return self.either(self.icmp("sge", "i64", self.size(bytes_), LARGE), pooled, plain, "ptr")

    def build(self, results: Results) -> tuple[str, int]:
        """The object for a result, and the place that owns its reference."""
        match results:
            case tuple() | list() | dict():
                return self.container(results)
            case ArrayResult(dtype, _, kind):
                value, place = self.finish(self.room("result", len(self.made)), dtype, kind)
                self.made.append(value)
                return value, place
            case MadeResult(index, kind):
                return self.finish(self.room("temporary", index), self.spec.temporaries[index].dtype, kind, kept=True)
            case ListResult(first, end, columns, rows):
                ends = [f"i64 {self.load('i64', self.room('temporary', k).data)}" for k in (first, end)]
                value = self.support("listed", f"ptr @hybrid_entry_listed({', '.join(ends)}, {self.columns(columns)}, "
                                               f"{self.reals(columns, rows)})")  # fmt: skip
                return value, self.own(value)
            case SizeResult(size):
                value = self.call("PyLong_FromLongLong", "ptr", f"i64 {self.size(size)}")
                return value, self.own(value)
            case ChoiceResult(flag, first, second):
                held = self.icmp("ne", "i8", self.load("i8", self.room("temporary", flag).data), 0)
                value = self.either(held, lambda: self.given(first), lambda: self.given(second), "ptr")
                return value, self.own(value)
            case CallResult(function, operands):
                value = self.python(function, operands)
                place = self.own(value)
                self.require(self.icmp("ne", "ptr", value, self.ref(NotImplemented)), "error")
                return value, place
            case ViewResult():
                return self.view(results)
            case ArgumentResult(index):
                value = self.objects[index]
            case ObjectResult(constant):
                value = self.ref(constant)
            case None:
                value = self.ref(None)
            case RepeatResult(index):
                if index >= len(self.made):
                    raise CompileError("a result can only repeat one before it", got=str(results))
                value = self.made[index]
        self.call("Py_IncRef", "void", f"ptr {value}")
        return value, self.own(value)

    def columns(self, temporaries: tuple[int, ...]) -> str:
        """Pointers to the numbers of the items of a list."""
        given = self.alloca(f"[{len(temporaries)} x ptr]")
        for at, index in enumerate(temporaries):
            self.put(f"store ptr {self.room('temporary', index).data}, ptr {self.at(given, 8 * at)}")
        return f"ptr {given}"

    def reals(self, temporaries: tuple[int, ...], rows: bool) -> str:
        """How many numbers a row has (none: it is one), and which of them are floats."""
        bits = sum(1 << at for at, k in enumerate(temporaries) if self.spec.temporaries[k].dtype == dt.float64)
        return f"i64 {len(temporaries) if rows else 0}, i64 {bits}"

    def view(self, result: ViewResult) -> tuple[str, int]:
        base, descr = self.objects[result.index], self.ref(result.dtype)
        dims, steps = (self.alloca(f"[{max(len(result.shape), 1)} x i64]") for _ in range(2))
        for axis, (size, step) in enumerate(zip(result.shape, result.strides)):
            self.put(f"store i64 {size}, ptr {self.at(dims, 8 * axis)}")
            self.put(f"store i64 {step}, ptr {self.at(steps, 8 * axis)}")
        kept = capi.WRITEABLE if result.writeable else 0
        flags = self.let(f"and i32 {self.load('i32', base, capi.FLAGS)}, {kept}")
        flags = self.let(f"or i32 {flags}, {capi.ALIGNED}")
        data = self.at(self.views[result.index].data, result.offset)
        self.call("Py_IncRef", "void", f"ptr {descr}")  # PyArray_NewFromDescr takes it over
        value = self.call("PyArray_NewFromDescr", "ptr", f"ptr {self.ref(np.ndarray)}", f"ptr {descr}",
                          f"i32 {len(result.shape)}", f"ptr {dims}", f"ptr {steps}", f"ptr {data}", f"i32 {flags}",
                          "ptr null")  # fmt: skip
        place = self.own(value)
        self.call("Py_IncRef", "void", f"ptr {base}")  # PyArray_SetBaseObject takes it over, even where it fails
        code = self.call("PyArray_SetBaseObject", "i32", f"ptr {value}", f"ptr {base}")
        self.require(self.icmp("eq", "i32", code, 0), "fail")
        return value, place

    def given(self, result: Results) -> str:
        """The object for one way of a choice, whose reference is handed on."""
        sizes = dict(self.sizes)
        value, place = self.build(result)
        self.give(place)
        self.sizes = sizes
        return value

    def python(self, function: object, operands: Sequence[Results]) -> str:
        """What a Python function gives for these, or null."""
        values = [self.build(operand)[0] for operand in operands]
        stack = self.alloca(f"[{max(len(values), 1)} x ptr]")
        for at, value in enumerate(values):
            self.put(f"store ptr {value}, ptr {self.at(stack, 8 * at)}")
        given = f"ptr {stack}", f"i64 {len(values)}", "ptr null"
        return self.call("PyObject_Vectorcall", "ptr", f"ptr {self.ref(function)}", *given)

    def finish(self, memory: _Memory, dtype: np.dtype, kind: str, kept: bool = False) -> tuple[str, int]:
        """The object of this kind over some memory; `kept`: others may be made of it, too."""
        data, array = memory.data, memory.array
        if kind == "scalar":
            value = self.call("PyArray_Scalar", "ptr", f"ptr {data}", f"ptr {self.ref(dtype)}", "ptr null")
            return value, self.own(value)
        if kind == "python":
            return self.python_number(data, dtype)
        place = memory.place
        if kept:
            self.call("Py_IncRef", "void", f"ptr {array}")
            place = self.own(array)
        if kind == "ndarray":
            return array, place
        layout = self.layout()
        value = self.call("PyType_GenericAlloc", "ptr", f"ptr {self.ref(layout.cls)}", "i64 0")
        owner = self.own(value)
        for slot, default in layout.defaults.items():
            held = self.ref(default)
            self.call("Py_IncRef", "void", f"ptr {held}")
            self.put(f"store ptr {held}, ptr {self.at(value, capi.slot_offset(layout.cls, slot))}")
        self.put(f"store ptr {array}, ptr {self.at(value, capi.slot_offset(layout.cls, layout.data_slot))}")
        self.give(place)
        return value, owner

    def python_number(self, data: str, dtype: np.dtype) -> tuple[str, int]:
        if dtype == np.float64:
            value = self.call("PyFloat_FromDouble", "ptr", f"double {self.load('double', data)}")
        elif dtype == np.complex128:
            parts = [f"double {self.load('double', data, offset)}" for offset in (0, 8)]
            value = self.call("PyComplex_FromDoubles", "ptr", *parts)
        elif dtype == np.int64:
            value = self.call("PyLong_FromLongLong", "ptr", f"i64 {self.load('i64', data)}")
        elif dtype == np.bool_:
            true = self.icmp("ne", "i8", self.load("i8", data), 0)
            value = self.let(f"select i1 {true}, ptr {self.ref(True)}, ptr {self.ref(False)}")
            self.call("Py_IncRef", "void", f"ptr {value}")
        else:
            raise CompileError("a Python number comes from a float64, a complex128, an int64 or a bool", got=str(dtype))
        return value, self.own(value)

    def container(self, results: tuple | list | dict) -> tuple[str, int]:
        built = [self.build(item) for item in items(results)]
        kind = {tuple: "Tuple", list: "List", dict: "Dict"}[type(results)]
        value = self.call(f"Py{kind}_New", "ptr", *([] if kind == "Dict" else [f"i64 {len(built)}"]))
        owner = self.own(value)
        keys = iter(results)
        for at, (item, place) in enumerate(built):
            if kind == "Dict":
                key = self.ref(next(keys))
                code = self.call("PyDict_SetItem", "i32", f"ptr {value}", f"ptr {key}", f"ptr {item}")
                self.require(self.icmp("eq", "i32", code, 0), "fail")
                self.call("Py_DecRef", "void", f"ptr {item}")  # the dict took a reference of its own
                self.give(place)
            else:
                self.give(place)  # PyTuple_SetItem and PyList_SetItem take the reference even where they fail
                code = self.call(f"Py{kind}_SetItem", "i32", f"ptr {value}", f"i64 {at}", f"ptr {item}")
                self.require(self.icmp("eq", "i32", code, 0), "fail")
        return value, owner

    # The computation

    def scratch(self, others: str) -> tuple[str, str]:
        """Scratch memory aligned to 64, and what to free after the call (null where the arena is kept)."""
        need = self.let(f"add i64 {self.size(self.spec.arena + self.words)}, 64")

        def kept() -> str:
            return self.either(self.icmp("ule", "i64", need, self.word(CAPACITY, "i64")), lambda: self.word(ARENA), grow, "ptr")

        def grow() -> str:
            self.call("PyMem_RawFree", "void", f"ptr {self.word(ARENA)}")
            fresh = self.call("PyMem_RawMalloc", "ptr", f"i64 {need}")
            failed = self.icmp("eq", "ptr", fresh, "null")
            self.store_word(ARENA, "ptr", fresh)
            self.store_word(CAPACITY, "i64", self.let(f"select i1 {failed}, i64 0, i64 {need}"))
            return fresh

        def fresh() -> str:
            memory = self.call("PyMem_RawMalloc", "ptr", f"i64 {need}")
            self.put(f"store ptr {memory}, ptr {owned}")
            return memory

        owned = self.alloca("ptr")
        # The first of several concurrent calls has the arena: as long as it runs, ACTIVE is not zero for the others.
        alone = self.icmp("eq", "i64", others, 0)
        small = self.icmp("ule", "i64", need, ARENA_LIMIT)
        memory = self.either(self.let(f"and i1 {alone}, {small}"), kept, fresh, "ptr")
        self.require(self.icmp("ne", "ptr", memory, "null"), "nomemory")
        return self.support("ptrmask", f"ptr @llvm.ptrmask.p0.i64(ptr {self.at(memory, 63)}, i64 -64)"), owned

    @property
    def words(self) -> Size:
        """Bytes of scratch memory for the numbers of lists, behind the rest."""
        return sum((_words(self.spec.flat[index]) + ALIGNMENT for index in self.lists), 0)

    def unpack(self, arena: str) -> None:
        """Put the numbers of lists where compute functions find them; nobody has changed one since it was checked."""
        first = self.spec.arena
        for index in self.lists:
            place = self.at(arena, self.size(first + ALIGNMENT - 1))
            self.values[index] = self.support("ptrmask", f"ptr @llvm.ptrmask.p0.i64(ptr {place}, i64 -{ALIGNMENT})")
            self.require(self.unpacked(index, self.values[index]), "error")
            first = first + _words(self.spec.flat[index]) + ALIGNMENT
        self.alone()

    def slot(self, kind: str, value: Any, arena: str) -> str:
        if kind == "arg" and value in self.views:
            return self.views[value].data
        if kind == "arg" and value in self.values and isinstance(self.spec.flat[value], (ScalarGuard, NumbersGuard)):
            return self.values[value]
        if kind == "arg" and value in self.values:
            pair = isinstance(self.spec.flat[value], ComplexGuard)
            place = self.alloca("[2 x double]" if pair else "double")
            for offset in (0, 8)[: 1 + pair]:
                number = self.load("double", self.values[value], offset)
                self.put(f"store double {number}, ptr {self.at(place, offset)}")
            return place
        if (kind == "result" and value < len(self.results)) or (kind == "temporary" and value < len(self.spec.temporaries)):
            return self.room(kind, value).data
        if kind == "const":
            return self.load("ptr", self.ref(value), capi.DATA)
        if kind == "arena" and arena:
            place = self.at(arena, self.size(value))
            if not isinstance(value, Dim):
                return place
            return self.support("ptrmask", f"ptr @llvm.ptrmask.p0.i64(ptr {self.at(place, 63)}, i64 -64)")
        raise CompileError("a slot points to nothing", got=f"{kind} {value!r}",
                           expected="an array, float or complex argument, a result, a constant or the arena")  # fmt: skip

    def emit(self, compute: str) -> str:
        spec = self.spec
        self.guards()
        if spec.flagged:
            self.require(self.icmp("eq", "i64", self.word(HELD, "i64"), 0))
        if spec.counted:
            self.require(self.icmp("sgt", "i64", self.word(LEFT, "i64"), 0))
            self.add_word(LEFT, -1)
        others = self.add_word(ACTIVE, 1)
        self.add_word(CALLS, 1)
        guarded = len(self.lines)
        self.hold()
        if spec.source:
            self.take()
        if spec.steps is None:
            self.settle()
        kept = self.keep() if spec.flagged and spec.written else ""
        arena, freed = self.scratch(others) if spec.arena != 0 or self.lists else ("", "")
        self.unpack(arena)
        for step in self.steps:
            self.step(step, arena, compute)
        if freed:
            self.call("PyMem_RawFree", "void", f"ptr {self.load('ptr', freed)}")
            self.put(f"store ptr null, ptr {freed}")
        if spec.flagged:
            self.require(self.expected(kept), "error")
        self.settle()
        value, place = self.build(spec.results)
        if spec.source:
            self.let_go()
        if spec.steps is not None:
            self.give(place)
            self.support("drop", f"void @hybrid_entry_drop(ptr %owned, i64 {self.owned})")
        else:
            for item in self.lent:
                self.call("Py_DecRef", "void", f"ptr {item}")
        self.leave(value)
        self.exits(freed)
        # `fail` may be reached before all places are filled.
        self.lines.insert(guarded, f"  store [{self.owned} x ptr] zeroinitializer, ptr %owned")
        self.lines[guarded:guarded] = [f"  store ptr null, ptr {place}" for place in (freed, self.lock) if place]
        return "\n".join([
            f"@{TABLE} = external global [{len(spec.table.words)} x i64], align 8",
            *({**SUPPORT, **GENERATORS}[name] for name in sorted(self.used)),
            *([support(host())] if spec.flagged else []),
            f"define ptr @{ENTRY}(ptr %self, ptr %args, i64 %nargs, ptr %kwnames) {{",
            "start:", f"  %owned = alloca [{self.owned} x ptr], align 8", *self.allocas, *self.lines, "}", "",
        ])  # fmt: skip

    def keep(self) -> str:
        """Copy what is about to be written, where that is little; gives whether it has been copied."""
        self.before = self.alloca(f"[{KEPT} x i8]", 64)
        return self.copied(back=False)

    def copied(self, back: bool) -> str:
        spans, count = self.spans
        given = f"ptr {spans}, i64 {count}, ptr {self.before}, i64 {KEPT}, i1 {'true' if back else 'false'}"
        self.used.add("memcpy")
        return self.support("copied", f"i1 @hybrid_entry_copied({given})")

    def settle(self) -> None:
        """Memory for the results that have none yet."""
        for k in range(len(self.results)):
            self.room("result", k)
        for k, temporary in enumerate(self.spec.temporaries):
            if not temporary.filled:
                self.room("temporary", k)

    def step(self, step: Step, arena: str, compute: str) -> None:
        match step:
            case ComputeStep(name, given, free):
                slots = self.alloca(f"[{max(len(given), 1)} x ptr]")
                for at, (kind, value) in enumerate(given):
                    self.put(f"store ptr {self.slot(kind, value, arena)}, ptr {self.at(slots, 8 * at)}")
                sizes = "".join(f", i64 {self.size(Dim.symbol(symbol))}" for symbol in free)
                code = self.compute(f"call i32 @{name or compute}(ptr {slots}{sizes})")
                if self.spec.calls_python:
                    self.require(self.icmp("ne", "i32", code, int(Code.RAISED)), "fail")
                self.require(self.icmp("eq", "i32", code, 0), "error")
            case SizeStep(symbol, (kind, value)):
                self.bound.add(symbol)
                self.sizes[Dim.symbol(symbol)] = self.load("i64", self.slot(kind, value, arena))
            case AddressStep(temporary, gauss):
                address = self.let(f"ptrtoint ptr {self.gauss if gauss else self.address} to i64")
                self.put(f"store i64 {address}, ptr {self.room('temporary', temporary).data}")
            case PythonStep(function, operands, results):
                found = self.python(function, operands)
                self.own(found)
                self.require(self.icmp("ne", "ptr", found, self.ref(None)), "error")
                for at, index in enumerate(results):
                    array = self.load("ptr", found, capi.tuple_items() + 8 * at)
                    self.memory["temporary", index] = _Memory(self.load("ptr", array, capi.DATA), array)

    def compute(self, call: str) -> str:
        if not (self.spec.release_gil or self.spec.calls_python):
            return self.watched(call)
        # Another thread may give a Tensor other data meanwhile; arguments themselves are held by the caller.
        for array in self.inner:
            self.call("Py_IncRef", "void", f"ptr {array}")
        thread = self.call("PyEval_SaveThread", "ptr") if self.spec.release_gil else None
        code = self.watched(call)
        if thread is not None:
            self.call("PyEval_RestoreThread", "void", f"ptr {thread}")
        for array in self.inner:
            self.call("Py_DecRef", "void", f"ptr {array}")
        return code

    def watched(self, call: str) -> str:
        """Make the call, and note the floating-point flags that it raises."""
        if not self.spec.flagged:
            return self.let(call)
        # Asked for in line: entries are compiled without optimisation, where a call takes 1 ns.
        place, lowered, lower, inside = self.alloca("i32"), self.fresh("lowered"), self.fresh("lower"), self.fresh("compute")
        before, after = self.fresh("before"), self.fresh("after")
        self.lines += [f"  {line}" for line in probe(host(), before, place)]
        self.put(f"%{lowered} = icmp eq i32 %{before}, 0")
        self.put(f"br i1 %{lowered}, label %{inside}, label %{lower}")
        self.label(lower)
        self.put("call void @hybrid_flags_clear()")
        self.put(f"br label %{inside}")
        self.label(inside)
        code = self.let(call)
        self.lines += [f"  {line}" for line in probe(host(), after, place)]
        self.raised.append(f"%{after}" if len(self.steps) == 1 else self.flags(f"%{after}"))
        return code

    def flags(self, some: str) -> str:
        """The flags that are up now, where there are some."""
        up = self.icmp("ne", "i32", some, 0)
        return self.either(up, lambda: self.let("call i32 @hybrid_flags()"), lambda: "0", "i32")

    def expected(self, kept: str) -> str:
        """Whether no flags were raised, or none that say that the call is Python's; `kept`: whether writes can be undone."""
        raised = self.raised[0] if self.raised else "0"
        for more in self.raised[1:]:
            raised = self.let(f"or i32 {raised}, {more}")

        def ask() -> str:
            # Where there was one step they are still up: nothing but the thread's state has been touched since.
            found = self.let("call i32 @hybrid_flags()") if len(self.steps) == 1 else raised
            number = self.call("PyLong_FromLongLong", "ptr", f"i64 {self.let(f'zext i32 {found} to i64')}")
            place = self.alloca("[2 x ptr]")
            self.put(f"store ptr {number}, ptr {place}")
            undone = self.let(f"select i1 {kept or 'false'}, ptr {self.ref(True)}, ptr {self.ref(False)}")
            self.put(f"store ptr {undone}, ptr {self.at(place, 8)}")
            call = f"ptr {self.ref(self.spec.flagged)}", f"ptr {place}", "i64 2", "ptr null"
            answer = self.call("PyObject_Vectorcall", "ptr", *call)
            self.call("Py_DecRef", "void", f"ptr {number}")  # a small one: always there
            self.require(self.icmp("ne", "ptr", answer, "null"), "fail")
            self.call("Py_DecRef", "void", f"ptr {answer}")  # True and False outlive their references
            heard = self.icmp("eq", "ptr", answer, self.ref(False))
            return self.either(heard, lambda: "true", undo, "i1") if kept else heard

        def undo() -> str:
            self.copied(back=True)
            return "false"

        return self.either(self.icmp("eq", "i32", raised, 0), lambda: "true", ask, "i1")

    def leave(self, value: str) -> None:
        # The last act: once ACTIVE is zero, a removed entry's code may be freed as soon as the GIL changes hands.
        self.add_word(ACTIVE, -1)
        self.put(f"ret ptr {value}")

    def exits(self, freed: str) -> None:
        def release() -> None:
            if self.spec.source:
                self.put_back()
            self.support("drop", f"void @hybrid_entry_drop(ptr %owned, i64 {self.owned})")
            if freed:
                self.call("PyMem_RawFree", "void", f"ptr {self.load('ptr', freed)}")

        if freed:
            self.label("nomemory")
            self.call("PyErr_NoMemory", "ptr")
            self.put("br label %fail")
        if self.spec.source:
            self.untaken()
        if self.bound:  # a size that a run has found may be negative
            self.label("unmade")
            self.call("PyErr_Clear", "void")
            self.put("br label %error")
        # What cannot be computed here is Python's call: it raises its own error, at the user's line.
        self.label("error")
        release()
        self.add_word(ACTIVE, -1)
        self.put("br label %miss")
        self.label("fail")
        release()
        self.leave("null")
        self.label("miss")
        self.put(f"%next = musttail call ptr {self.word(NEXT)}(ptr %self, ptr %args, i64 %nargs, ptr %kwnames)")
        self.put("ret ptr %next")


def _words(guard: Guard) -> Size:
    """Bytes of the numbers of a list."""
    assert isinstance(guard, NumbersGuard)
    return 8 * product(guard.shape)
