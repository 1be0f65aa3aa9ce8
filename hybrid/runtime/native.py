"""A lowered program as one LLVM module, and that module loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hybrid.codegen.instructions import symbol
from hybrid.codegen.llvm import emit_kernel, emit_module
from hybrid.codegen.target import Target, host
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Size
from hybrid.loops.nest import Kernel
from hybrid.runtime import blas, cache, engine, threads
from hybrid.runtime.program import Gemm, Lowered, Matrix, Segment


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
    # A segment that only the entry calls may be inlined into it.
    linkage = "internal " if extra else ""
    parts += [*kernels, *(_segment(s, linkage) for s in segments), extra]
    names = exports if extra else tuple(s.name for s in segments)
    return Native(emit_module(parts), names, needed)


def _segment(segment: Segment, linkage: str) -> str:
    sizes = [f"i64 %{symbol('size.' + name)}" for name in segment.symbols]
    lines = [f"define {linkage}i32 @{segment.name}({', '.join(['ptr %slots', *sizes])}) nounwind {{", "entry:"]
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
    lines: list[str] = []
    counter = iter(range(1_000))

    def size(value: Size) -> str:
        if not isinstance(value, Dim):
            return str(value)
        total = "0"
        for monomial, c in value.terms:
            term = str(c)
            for name in monomial:
                out = f"%{work.name}.s{next(counter)}"
                lines.append(f"  {out} = mul i64 {term}, %{symbol('size.' + name)}")
                term = out
            out = f"%{work.name}.s{next(counter)}"
            lines.append(f"  {out} = add i64 {total}, {term}")
            total = out
        return total

    scalar = {dt.float32: "float", dt.float64: "double"}[work.dtype]

    def matrix(side: str, m: Matrix) -> str:
        pointer = f"%{work.name}.{side}"
        lines.append(f"  {pointer} = getelementptr inbounds {scalar}, ptr %{symbol('b.' + m.buffer)}, i64 {size(m.offset)}")
        return f"ptr {pointer}, i64 {size(m.stride)}, i32 {int(m.transposed)}"

    sizes = ", ".join(f"i64 {size(s)}" for s in (work.m, work.n, work.k))
    a, b = matrix("a", work.a), matrix("b", work.b)
    call = f"{sizes}, {a}, {b}, ptr %{symbol('b.' + work.c)}, i64 {size(work.n)}, {scalar} 1.0, {scalar} 0.0"
    return [*lines, f"  %code.{work.name} = call i32 @hybrid_gemm_{dt.SHORT[work.dtype]}({call})"]
