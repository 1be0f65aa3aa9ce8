"""Calls in LLVM text: of Python, of C functions, and of a kernel's own routines, which recursions become.

    define internal i32 @kernel.routine(what it uses from around it, values, arrays, i64 %floor, sizes)      returns a `Code`

Of a routine, arrays go as addresses, which nothing else in the function has; variables that it does not change go by value,
and stay in registers. Where its frame lies below `%floor` the stack is about to run out, and the call is Python's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid.codegen.instructions import MEMORY, symbol
from hybrid.codegen.values import Array, Value
from hybrid.core import dtype as dt
from hybrid.core.errors import CompileError
from hybrid.core.shape import Dim
from hybrid.loops.nest import Call, Check, Code, Invoke, Kernel, Native, Routine, names_used, stored, walk

if TYPE_CHECKING:
    from hybrid.codegen.llvm import _Nest

STACK_EACH = 256  # bytes of scratch on the stack for each call; more comes from malloc
STACK_DEPTH = 2 << 20  # bytes of stack that all calls may take: of the 8 MB that threads have on Linux


# Python ----------------------------------------------------------------------------------------------------------------
def host_symbol(kernel: Kernel, call: Call) -> str:
    """The external symbol whose address is the Python object that a call of this kernel goes to."""
    return f"hybrid_host.{symbol(kernel.name)}.{kernel.calls.index(call)}"


def python(nest: _Nest, stmt: Call) -> None:
    """Python, through `@hybrid_host` of runtime/host: it is given where the arrays lie, and the values of names."""
    if nest.lanes > 1:
        raise CompileError(f"kernel {nest.kernel} calls Python inside a vector loop", got=stmt.name)
    if stmt.native is not None:
        _native(nest, stmt, stmt.native)
        return
    e, site = nest.e, host_symbol(nest.shared.kernel, stmt)
    words = [f"ptr {nest.array(slot.buffer, dt.real_of(slot.dtype)).pointer}" for slot in stmt.slots]
    words += [f"i64 {nest.size(Dim.symbol(name))}" for name in stmt.symbols]
    block = e.fresh("block")
    nest.prologue.append(f"  {block} = alloca [{max(len(words), 1)} x i64]")
    for at, word in enumerate(words):
        e.emit(f"store {word}, ptr {e.let(f'getelementptr inbounds i64, ptr {block}, i64 {at}', 'p')}")
    e.declares.setdefault("hybrid_host", "declare i32 @hybrid_host(ptr, ptr, i64)  ; object, words, bytes")
    nest.shared.globals[site] = f"@{site} = external global i8"
    code = e.let(f"call i32 @hybrid_host(ptr @{site}, ptr {block}, i64 {8 * len(words)})")
    _ended(nest, code)


def _ended(nest: _Nest, code: str) -> None:
    """End the kernel, too, where what it called ended with this code."""
    failed, passed = nest.e.label("failed"), nest.e.label("passed")
    nest.e.branch(nest.e.let(f"icmp ne i32 {code}, 0"), failed, passed)
    nest.e.start(failed)
    nest.leave(code)
    nest.e.start(passed)


def _native(nest: _Nest, stmt: Call, native: Native) -> None:
    """A C function in Python's stead."""
    rest = [nest.evaluate(expr) for expr in native.rest]
    if native.arrays:
        dtypes = {slot.buffer: dt.real_of(slot.dtype) for slot in stmt.slots}
        places = [f"ptr {nest.array(name, dtypes[name]).pointer}" for name in native.arrays]
        _ended(nest, nest.e.call(native.function, "i32", *places, *(nest.evaluate(expr).operand for expr in native.operands)))
        results = [value.text for value in rest]
    else:
        operands = [nest.evaluate(expr) for expr in native.operands]
        out = nest.e.call(native.function, MEMORY[stmt.writes[-1].dtype], *(value.operand for value in operands))
        results = [*(value.text for value in rest), out]
    for slot, text in zip(stmt.writes, results):
        nest.e.emit(f"store {MEMORY[slot.dtype]} {text}, ptr {nest.array(slot.buffer, slot.dtype).pointer}")


# routines --------------------------------------------------------------------------------------------------------------
def define(outer: _Nest, stmt: Routine) -> None:
    """A function of what it uses from around it, the values and arrays of a call, and how deep the stack may be."""
    if stmt.name in outer.shared.routines:
        return  # it stands in a body that is written out several times
    used, inside = names_used(stmt.body), list(walk(stmt.body))
    for name in used & outer.shared.routines.keys():
        used |= {*outer.shared.routines[name][1]}
    changed = {name for inner in inside for name in stored(inner)}
    outside = [key for key in outer.arrays if key in used]
    names = [key for key in outer.names if key in used]
    by_value = [key for key in outside if outer.arrays[key].cell and key not in changed]
    function = f"{outer.shared.kernel.name}.{stmt.name}"
    outer.shared.routines[stmt.name] = function, [*outside, *names], by_value
    nest = type(outer)(outer.shared)
    nest.threads, nest.stack_limit, nest.floor = False, STACK_EACH, "%floor"
    parameters = []
    for key in outside:
        array, value = outer.arrays[key], f"%{symbol('value.' + key)}"
        if key in by_value:
            nest.arrays[key] = nest.cell(array.dtype)
            nest.prologue.append(f"  store {MEMORY[array.dtype]} {value}, ptr {nest.arrays[key].pointer}")
            parameters.append(f"{MEMORY[array.dtype]} {value}")
        else:
            nest.arrays[key] = array._replace(pointer=f"%{symbol('buffer.' + key)}", cell=False)
            parameters.append(f"ptr noalias {nest.arrays[key].pointer}")
    for key in names:
        scalar = outer.lookup(key, outer.names[key].dtype)
        nest.bind(key, scalar._replace(text=f"%{symbol('value.' + key)}"))
        parameters.append(f"{scalar.type} %{symbol('value.' + key)}")
    for given in stmt.values:
        number = Value(f"%{symbol('value.' + given.name)}", given.dtype)
        nest.bind(given.name, number)
        parameters.append(number.operand)
    for buffer in stmt.buffers:
        nest.arrays[buffer.name] = Array(f"%{symbol('buffer.' + buffer.name)}", buffer.dtype, buffer.size)
        parameters.append(f"ptr noalias {nest.arrays[buffer.name].pointer}")
    e, deep, room = nest.e, nest.e.label("deep"), nest.e.label("room")
    e.branch(e.let(f"icmp ult i64 {_frame(nest)}, %floor"), deep, room)
    e.start(deep)
    nest.leave(str(_too_deep(stmt)))
    e.start(room)
    nest.block(stmt.body)
    outer.shared.functions.append(nest.function(function, [*parameters, "i64 %floor"]))


def _too_deep(stmt: Routine) -> int:
    """What a kernel returns where the stack ends: as where a routine's first check says that it has gone too deep."""
    return next((each.code.noted(each.note) for each in stmt.body if isinstance(each, Check)), int(Code.PYTHON))


def _frame(nest: _Nest) -> str:
    """About where the stack ends now."""
    nest.e.declares.setdefault("llvm.frameaddress.p0", "declare ptr @llvm.frameaddress.p0(i32 immarg)")
    return nest.e.let(f"ptrtoint ptr {nest.e.let('call ptr @llvm.frameaddress.p0(i32 0)', 'p')} to i64")


def invoke(nest: _Nest, stmt: Invoke) -> None:
    e, (function, outside, by_value) = nest.e, nest.shared.routines[stmt.name]
    given = [nest.evaluate(value).operand for value in stmt.values]
    operands = []
    for key in outside:
        if key in by_value:
            kind = MEMORY[nest.arrays[key].dtype]
            operands.append(f"{kind} {e.let(f'load {kind}, ptr {nest.arrays[key].pointer}')}")
        elif key in nest.arrays:
            operands.append(f"ptr {nest.arrays[key].pointer}")
        else:
            operands.append(nest.lookup(key, nest.names[key].dtype).operand)
    operands += [*given, *(f"ptr {nest.arrays[name].pointer}" for name in stmt.buffers)]
    floor = nest.floor or e.let(f"sub i64 {_frame(nest)}, {STACK_DEPTH}")
    arguments = ", ".join([*operands, f"i64 {floor}", *nest.shared.sizes])
    code = e.let(f"call i32 @{symbol(function)}({arguments})")
    _ended(nest, code)
