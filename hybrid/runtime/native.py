"""A lowered program as one LLVM module, and that module loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hybrid.codegen.instructions import symbol
from hybrid.codegen.llvm import emit_kernel, emit_module
from hybrid.codegen.target import Target, host
from hybrid.core import dtype as dt
from hybrid.loops.nest import Kernel
from hybrid.runtime import blas, cache, engine, threads
from hybrid.runtime.program import Gemm, Lowered, Segment


@dataclass(frozen=True)
class Native:
    """LLVM text, with what it needs from outside."""

    text: str
    exports: tuple[str, ...]
    imports: Mapping[str, int] = field(default_factory=dict)

    def load(self, target: Target | None = None) -> engine.Module:
        return engine.load(cache.object_for(self.text, target or host()), self.exports, self.imports)


def emit(
    lowered: Lowered, *, extra: str = "", exports: tuple[str, ...] = (), imports: Mapping[str, int] | None = None
) -> Native:
    """The module of a lowered program. `extra` is LLVM text that may call its segments, such as a native entry."""
    target = host()
    segments = [step for step in lowered.steps if isinstance(step, Segment)]
    parts: list[str] = []
    needed = dict(imports or {})
    kernels = [emit_kernel(kernel, target) for kernel in lowered.kernels]
    if any("@hybrid_parallel" in text for text in kernels):
        parts.append(threads.SUPPORT)
        needed |= threads.symbols()
    dtypes = sorted({w.dtype for w in lowered.work if isinstance(w, Gemm)}, key=str)
    parts += [blas.emit_gemm(dtype) for dtype in dtypes]
    needed |= blas.symbols(*dtypes)
    parts += [*kernels, *map(_segment, segments), extra]
    return Native(emit_module(parts), (*exports, *(s.name for s in segments)), needed)


def _segment(segment: Segment) -> str:
    sizes = [f"i64 %{symbol('size.' + name)}" for name in segment.symbols]
    lines = [f"define i32 @{segment.name}({', '.join(['ptr %slots', *sizes])}) nounwind {{", "entry:"]
    for k, name in enumerate(segment.buffers):
        lines.append(f"  %a{k} = getelementptr inbounds ptr, ptr %slots, i64 {k}")
        lines.append(f"  %{symbol('b.' + name)} = load ptr, ptr %a{k}")
    for k, work in enumerate(segment.work):
        lines += _call(work) if isinstance(work, Kernel) else _gemm(work)
        lines.append(f"  %ok.{symbol_tail(work.name)} = icmp eq i32 %code.{symbol_tail(work.name)}, 0")
        lines.append(f"  br i1 %ok.{symbol_tail(work.name)}, label %next{k}, label %fail{k}")
        lines += [f"fail{k}:", f"  ret i32 %code.{symbol_tail(work.name)}", f"next{k}:"]
    return "\n".join([*lines, "  ret i32 0", "}"])


def symbol_tail(name: str) -> str:
    return name.replace('"', "")


def _call(kernel: Kernel) -> list[str]:
    operands = [f"ptr %{symbol('b.' + b.name)}" for b in kernel.buffers]
    operands += [f"i64 %{symbol('size.' + s)}" for s in kernel.symbols]
    return [f"  %code.{kernel.name} = call i32 @{symbol(kernel.name)}({', '.join(operands)})"]


def _gemm(work: Gemm) -> list[str]:
    """Loops over the batch around one call."""
    scalar = {dt.float32: "float", dt.float64: "double"}[work.dtype]
    tag, lines = work.name, []
    offsets = [str(work.a.offset), str(work.b.offset), "0"]
    for level, (_, *steps) in enumerate(work.batch):
        index, outer = f"%{tag}.i{level}", f"{tag}.loop{level}"
        lines += [f"  br label %{tag}.enter{level}", f"{tag}.enter{level}:", f"  br label %{outer}", f"{outer}:"]
        lines.append(f"  {index} = phi i64 [ 0, %{tag}.enter{level} ], [ {index}.next, %{tag}.latch{level} ]")
        for side, step in enumerate(steps):
            lines.append(f"  %{tag}.m{level}.{side} = mul i64 {index}, {step}")
            lines.append(f"  %{tag}.o{level}.{side} = add i64 {offsets[side]}, %{tag}.m{level}.{side}")
            offsets[side] = f"%{tag}.o{level}.{side}"
    buffers = (work.a.buffer, work.b.buffer, work.c)
    for side, (name, offset) in enumerate(zip(buffers, offsets)):
        lines.append(f"  %{tag}.p{side} = getelementptr inbounds {scalar}, ptr %{symbol('b.' + name)}, i64 {offset}")
    sizes = ", ".join(f"i64 {size}" for size in (work.m, work.n, work.k))
    a, b = (f"ptr %{tag}.p{k}, i64 {m.stride}, i32 {int(m.transposed)}" for k, m in enumerate((work.a, work.b)))
    operands = f"{sizes}, {a}, {b}, ptr %{tag}.p2, i64 {work.stride}, {scalar} 1.0, {scalar} 0.0"
    code = f"%code.{tag}" if not work.batch else f"%{tag}.code"
    lines.append(f"  {code} = call i32 @hybrid_gemm_{dt.SHORT[work.dtype]}({operands})")
    for level in reversed(range(len(work.batch))):
        index = f"%{tag}.i{level}"
        lines += [f"  br label %{tag}.latch{level}", f"{tag}.latch{level}:"]
        if level == len(work.batch) - 1:
            # Sizes are the same for every product, so the last code speaks for all.
            lines.append(f"  %{tag}.seen = add i32 %{tag}.code, 0")
        lines += [
            f"  {index}.next = add i64 {index}, 1",
            f"  %{tag}.more{level} = icmp slt i64 {index}.next, {work.batch[level][0]}",
        ]
        lines += [f"  br i1 %{tag}.more{level}, label %{tag}.loop{level}, label %{tag}.exit{level}", f"{tag}.exit{level}:"]
    if work.batch:
        lines.append(f"  %code.{tag} = add i32 %{tag}.seen, 0")
    return lines
