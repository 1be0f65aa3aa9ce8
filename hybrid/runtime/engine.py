"""LLVM text to machine code, and machine code into this process and out again.

Object code is position-independent and names what it needs from outside, so the same bytes can be cached on disk, loaded
by any process on this machine, or linked ahead of time. Code is loaded by ORC: dropping a `Module` frees it.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm

from hybrid.codegen.foreign import split
from hybrid.codegen.target import LLVM, SCALAR_LOOPS, Target, host
from hybrid.core.errors import CompileError
from hybrid.loops.nest import FOREIGN

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()

# Beyond these lengths of a module's longest function, in characters, LLVM does less (a triple loop has 5 000). With its loops
# written out by LLVM a kernel of 200 loops took 7 s, else 0.2. Values that live across thousands of blocks after all of O3
# made register allocation quadratic: 100 branches with `sin` and `exp` took 3.5 s, with the passes of vector loops 0.5.
LONG = 32_000
HUGE = 400_000

# An ORC instance keeps 10 KiB for every library it ever linked, and nothing but its end gives them back. So it serves this
# many links and ends with the last of their modules. An instance takes 0.3 ms to make and 160 KiB.
_LINKS_PER_INSTANCE = 64
_links = itertools.count()
_instance: Any = None


def compile_object(text: str, target: Target, quick: bool = False) -> bytes:
    """Object code (ELF or Mach-O, as the host loads) for a module of LLVM IR. CompileError where the text is not LLVM IR.

    `quick` leaves out every optimisation: for glue that runs once a call, in a third of the time.
    """
    with LLVM:
        if quick:
            return _machine(target, 0).emit_object(_parsed(text, target))
        return _machine(target).emit_object(_optimised(text, target))


def assembly(text: str, target: Target) -> str:
    """What `compile_object` would emit, as assembly to read."""
    with LLVM:
        return _machine(target).emit_assembly(_optimised(text, target))


def load(object_code: bytes, exports: tuple[str, ...], imports: Mapping[str, int], held: object = None) -> Module:
    """Link object code into this process.

    `imports` gives the addresses of external symbols; the C library's are found by name. Only functions named in `exports`
    can be asked for. `held` lives as long as the module: what the imports are addresses of. CompileError where a symbol is
    missing or the bytes are not object code for this machine.
    """
    with LLVM:  # the builder, too, comes and goes inside it
        return _linked(object_code, exports, imports, held)


def _linked(object_code: bytes, exports: tuple[str, ...], imports: Mapping[str, int], held: object) -> Module:
    builder = llvm.JITLibraryBuilder().add_object_img(object_code).add_current_process()
    for name, address in imports.items():
        builder.import_symbol(name, address)
    for name in exports:
        builder.export_symbol(name)
    try:
        linker, name = _linker()
        return Module(builder.link(linker, name), linker, held)
    except RuntimeError as error:
        absent = [name for name in _undefined(object_code) if name not in imports]
        raise CompileError("machine code could not be loaded", got=str(error).strip(),
                           expected=f"in `imports` or in the C library: {', '.join(absent)}" if absent else None,
                           ) from None  # fmt: skip


class Module:
    """Loaded machine code. It lives as long as this object: whoever holds an address must hold the module too."""

    __slots__ = ("_tracker", "_linker", "_held", "__weakref__")

    def __init__(self, tracker: Any, linker: Any, held: object = None):
        self._tracker, self._linker, self._held = tracker, linker, held

    def address(self, name: str) -> int:
        """Where an exported function starts."""
        return self._tracker[name]

    def __del__(self, lock: Any = LLVM) -> None:  # bound early: module globals may be gone at exit
        with lock:
            del self._tracker, self._linker


@lru_cache
def _machine(target: Target, level: int = 2) -> Any:
    return llvm.Target.from_triple(target.triple).create_target_machine(
        cpu=target.cpu, features=target.features, opt=level, reloc="pic", codemodel="small", jit=True
    )


def _linker() -> tuple[Any, str]:
    """The ORC instance to link the next module with, and a name it has not seen."""
    global _instance
    number = next(_links) % _LINKS_PER_INSTANCE
    if number == 0:
        # The small code model needs a module's segments beside each other, and only JITLink promises that.
        _instance = llvm.create_lljit_compiler(_machine(host()), use_jit_link=True, suppress_errors=True)
    return _instance, f"hybrid.{number}"


def _parsed(text: str, target: Target) -> Any:
    # A context of its own: what a module adds to the global one would never be freed.
    module = None
    try:
        context = llvm.create_context()
        text, *others = split(text)
        module = llvm.parse_assembly(text, context)
        for other in others:
            found = llvm.parse_assembly(other, context)
            module.link_in(found)
        for function in module.functions if others else ():
            if function.name.startswith(FOREIGN) and not function.is_declaration:
                function.linkage = "internal"
                function.add_function_attribute("alwaysinline")
        module.verify()
    except RuntimeError as error:
        if module is not None:
            module.close()  # the error's traceback holds both, and its context must not be the first to go
        raise _rejected(text, str(error)) from None
    module.triple = target.triple
    return module


def _optimised(text: str, target: Target) -> Any:
    module = _parsed(text, target)
    longest = max(map(len, text.split("\ndefine ")))
    if SCALAR_LOOPS in text and longest <= HUGE:
        # Loops that came as they were written, one scalar after another, get all that LLVM can do.
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = options.slp_vectorization = options.loop_interleaving = True
        options.loop_unrolling = longest <= LONG
        builder = llvm.create_pass_builder(_machine(target), options)
        builder.getModulePassManager().run(module, builder)
        return _without_jumps(module, target)
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(_machine(target), options)
    _tidy().run(module, builder)
    scalar_loops = _scalar_loops(text) if longest <= HUGE else None
    if scalar_loops:
        passes = builder.getFunctionPassManager()
        for function in module.functions:
            if function.name in scalar_loops and not function.is_declaration:
                passes.run(function, builder)
    return module


@lru_cache(maxsize=1)
def _tidy() -> Any:
    # The code generator's vector loops need nothing more: with LLVM's O2 they run no faster and compile in twice the time
    # (tanh-GELU: 0.2 ms of passes and 5.4 of instruction selection and the rest, against 7.3 and 5.5).
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    return passes


def _scalar_loops(text: str) -> set[str]:
    """Functions that loop and read scalars from memory: LLVM's function pipeline (LICM, GVN, …) pays there.

    It takes 1 to 3 ms. A recurrence through memory ran 2.5 times as fast with it, a 5×5 convolution 1.3 times.
    """
    return {name.strip('"') for name, body in _FUNCTION.findall(text) if " = phi " in body and _SCALAR_LOAD.search(body)}


def _without_jumps(module: Any, target: Target) -> Any:
    """The same module, in which the least of two integers is no jump.

    LLVM 22 makes jumps of conditional moves along a loop's recurrence; those of an edit distance are predicted badly, and it
    ran 1.7 times as long. It leaves alone what is said to be unpredictable. Printing and reading back takes 1 ms.
    """
    text = str(module)
    if not _LEAST.search(text):
        return module
    return _parsed(f"{_LEAST.sub(_selected, text)}\n!{_UNPREDICTABLE} = !{{}}\n", target)


def _selected(call: re.Match) -> str:
    name, sign, order, kind, a, b = call.groups()
    least = f"%order.{name[1:]}"  # LLVM's own names are numbers, with which no other name may begin
    compared = f"  {least} = icmp {sign}{'lt' if order == 'min' else 'gt'} {kind} {a}, {b}"
    return f"{compared}\n  {name} = select i1 {least}, {kind} {a}, {kind} {b}, !unpredictable !{_UNPREDICTABLE}"


_LEAST = re.compile(
    r"^  (%[\w.]+) = (?:tail )?call (?:noundef )?i\d+ @llvm\.([su])(min|max)\.i\d+\((i\d+) ([^ ,]+), i\d+ ([^ ,)]+)\).*$",
    re.MULTILINE,
)
_UNPREDICTABLE = 999_999  # a number that no metadata of the module has
_FUNCTION = re.compile(r'^define [^@]*@("[^"]*"|[\w.$-]+)\((.*?)^}', re.MULTILINE | re.DOTALL)
_SCALAR_LOAD = re.compile(r" = load (?!<|ptr|%|i1,)")  # i1 is a flag of the generator's own: bools are bytes


def _undefined(object_code: bytes) -> list[str]:
    """Names an ELF object needs from outside, for the error message; other formats, or no object at all, give none."""
    if object_code[:4] != b"\x7fELF":
        return []
    sections = {section.name(): section.data() for section in llvm.ObjectFileRef.from_data(object_code).sections()}
    symbols, names = sections.get(b".symtab", b""), sections.get(b".strtab", b"")
    found = ((name, section) for name, _, _, section, _, _ in struct.iter_unpack("<IBBHQQ", symbols))
    return [names[name : names.index(b"\0", name)].decode() for name, section in found if name and not section]


def _rejected(text: str, message: str) -> CompileError:
    where = re.search(r"<string>:(\d+):(\d+): error: (.*)", message)
    if where is None:
        return CompileError("LLVM rejected the generated code", got=message.strip())
    number = int(where[1])
    return CompileError(
        f"LLVM rejected the generated code at line {number}: {where[3]}", got=text.splitlines()[number - 1].strip()
    )
