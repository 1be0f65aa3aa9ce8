"""A lowered program as one LLVM module, and that module loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hybrid.codegen import draws, library
from hybrid.codegen.foreign import linked
from hybrid.codegen.instructions import symbol
from hybrid.codegen.llvm import emit_kernel, emit_module
from hybrid.codegen.target import Target, host
from hybrid.loops.nest import Kernel
from hybrid.runtime import blas, cache, engine, gufuncs, jitted, sorting, threads
from hybrid.runtime import host as python
from hybrid.runtime.matmul import cuts, emit_matmul
from hybrid.runtime.program import Lowered, Segment


@dataclass(frozen=True)
class Native:
    """LLVM text, with what it needs from outside."""

    text: str
    exports: tuple[str, ...]
    imports: Mapping[str, int] = field(default_factory=dict)
    held: object = None  # what imports are addresses of

    def load(self, target: Target | None = None) -> engine.Module:
        return engine.load(cache.object_for(self.text, target or host()), self.exports, self.imports, self.held)


class Glue:
    """Small machine code over a module's segment, and that module: one is no use without the other."""

    __slots__ = ("module", "below")

    def __init__(self, module: engine.Module, below: engine.Module):
        self.module, self.below = module, below

    def address(self, name: str) -> int:
        return self.module.address(name)


def load_glue(text: str, export: str, imports: Mapping[str, int], segments: Sequence[str], below: engine.Module) -> Glue:
    """Load LLVM text that calls a loaded module's segments. It is compiled quickly, and equal texts share their code."""
    whole = "\n".join([text, *(f"declare i32 @{segment}(ptr)" for segment in segments), ""])
    code = cache.object_for(whole, host(), quick=True)
    return Glue(engine.load(code, (export,), {**imports, **{name: below.address(name) for name in segments}}), below)


def emit(lowered: Lowered) -> Native:
    """The module of a lowered program."""
    target = host()
    segments = [step for step in lowered.steps if isinstance(step, Segment)]
    parts: list[str] = []
    needed: dict[str, int] = {}
    kernels = [emit_kernel(work, target) for work in lowered.work if isinstance(work, Kernel)]
    products = lowered.products
    if products:
        dtypes = sorted({work.dtype for work in products}, key=str)
        parts += [blas.emit_single(), *map(blas.emit_gemm, dtypes), *(emit_matmul(work, target) for work in products)]
        needed |= blas.symbols(*dtypes)
    if any("@hybrid_parallel" in text for text in kernels) or any(cuts(work, target) for work in products):
        parts.append(threads.SUPPORT)
        needed |= threads.symbols()
    objects = python.callbacks(work for work in lowered.work if isinstance(work, Kernel))
    if objects:
        needed |= python.symbols(objects)
    used = {call.native.function for call in lowered.inner_calls if call.native is not None}
    sorts = {name for name in used if sorting.is_sort(name)}
    if sorts:
        parts.append(sorting.source(sorts))
        needed |= sorting.symbols(sorts)
    lent = {name for name in used if gufuncs.is_loop(name)}
    if lent:
        parts.append(gufuncs.source(lent))
        needed |= gufuncs.symbols(lent)
    user = {name for name in used if jitted.is_jitted(name)}
    if user:
        parts.append(jitted.source(user))
        needed |= jitted.symbols(user)
    drawn = used - sorts - lent - user
    if drawn:
        parts.append(draws.source(drawn))
        needed |= {symbol: at for name in drawn for symbol, at in draws.symbols(name).items()}
    routines = library.called((*parts, *kernels))
    if routines:
        parts.append(library.source(routines))
        needed |= library.addresses(routines)
    parts += [*kernels, *map(_segment, segments)]
    return Native(linked(emit_module(parts)), tuple(s.name for s in segments), needed, objects)


def _segment(segment: Segment) -> str:
    sizes = [f"i64 %{symbol('size.' + name)}" for name in segment.symbols]
    lines = [f"define i32 @{segment.name}({', '.join(['ptr %slots', *sizes])}) nounwind {{", "entry:"]
    for k, name in enumerate(segment.buffers):
        lines.append(f"  %a{k} = getelementptr inbounds ptr, ptr %slots, i64 {k}")
        lines.append(f"  %{symbol('b.' + name)} = load ptr, ptr %a{k}")
    for k, work in enumerate(segment.work):
        operands = [f"ptr %{symbol('b.' + buffer.name)}" for buffer in work.buffers]
        operands += [f"i64 %{symbol('size.' + s)}" for s in work.symbols]
        lines.append(f"  %code{k} = call i32 @{symbol(work.name)}({', '.join(operands)})")
        lines += [f"  %ok{k} = icmp eq i32 %code{k}, 0", f"  br i1 %ok{k}, label %next{k}, label %fail{k}"]
        lines += [f"fail{k}:", f"  ret i32 %code{k}", f"next{k}:"]
    return "\n".join([*lines, "  ret i32 0", "}"])
