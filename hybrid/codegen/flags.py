"""The processor's sticky floating-point flags in LLVM IR: which of them code has raised since they were last cleared.

They are a cheap sign that NumPy might have warned, no proof: a comparison with a NaN or an unused lane of a vector raises them,
too. On processors other than x86-64 and AArch64 there are none.
"""

from __future__ import annotations

import re

from hybrid.codegen.target import Target

INVALID, DIVIDE, OVER, UNDER = 1, 2, 4, 8  # bits of what `@hybrid_flags` gives

# x86's MXCSR: invalid 0, denormal 1, zero divide 2, overflow 3, underflow 4. It is written only where that changes something.
_X86 = """
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)

define internal void @hybrid_flags_clear() nounwind {
  %place = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %place)
  %word = load i32, ptr %place
  %raised = and i32 %word, 29
  %any = icmp ne i32 %raised, 0
  br i1 %any, label %write, label %done
write:
  %clean = and i32 %word, -64
  store i32 %clean, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  br label %done
done:
  ret void
}

define internal i32 @hybrid_flags() nounwind {
  %place = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %place)
  %word = load i32, ptr %place
  %invalid = and i32 %word, 1
  %others = lshr i32 %word, 1
  %rest = and i32 %others, 14
  %all = or i32 %invalid, %rest
  ret i32 %all
}

define internal void @hybrid_flags_raise(i32 %flags) nounwind {
  %place = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %place)
  %word = load i32, ptr %place
  %invalid = and i32 %flags, 1
  %others = and i32 %flags, 14
  %rest = shl i32 %others, 1
  %both = or i32 %invalid, %rest
  %new = or i32 %word, %both
  %same = icmp eq i32 %new, %word
  br i1 %same, label %done, label %write
write:
  store i32 %new, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  br label %done
done:
  ret void
}
"""

# AArch64's FPSR has the bits in our order.
_ARM = """
define internal void @hybrid_flags_clear() nounwind {
  %word = call i64 asm sideeffect "mrs $0, fpsr", "=r,~{memory}"()
  %clean = and i64 %word, -16
  call void asm sideeffect "msr fpsr, $0", "r,~{memory}"(i64 %clean)
  ret void
}

define internal i32 @hybrid_flags() nounwind {
  %word = call i64 asm sideeffect "mrs $0, fpsr", "=r,~{memory}"()
  %low = and i64 %word, 15
  %all = trunc i64 %low to i32
  ret i32 %all
}

define internal void @hybrid_flags_raise(i32 %flags) nounwind {
  %word = call i64 asm sideeffect "mrs $0, fpsr", "=r,~{memory}"()
  %more = zext i32 %flags to i64
  %new = or i64 %word, %more
  call void asm sideeffect "msr fpsr, $0", "r,~{memory}"(i64 %new)
  ret void
}
"""

_NONE = """
define internal void @hybrid_flags_clear() nounwind {
  ret void
}

define internal i32 @hybrid_flags() nounwind {
  ret i32 0
}

define internal void @hybrid_flags_raise(i32 %flags) nounwind {
  ret void
}
"""


def probe(target: Target, name: str, place: str) -> list[str]:
    """Lines that put into the i32 `%name` a number that is not zero where a flag is up; `place`: memory for four bytes."""
    source = support(target)
    if source is _X86:
        return [f"call void @llvm.x86.sse.stmxcsr(ptr {place})", f"%{name}.word = load i32, ptr {place}",
                f"%{name} = and i32 %{name}.word, 29"]  # fmt: skip
    return [f"%{name} = call i32 @hybrid_flags()"]


def support(target: Target) -> str:
    """`@hybrid_flags_clear()`, `i32 @hybrid_flags()` and `@hybrid_flags_raise(i32)`, for a module that calls them."""
    architecture = target.triple.partition("-")[0]
    if architecture in ("x86_64", "amd64"):
        return _X86
    return _ARM if re.match(r"aarch64|arm64", architecture) else _NONE
