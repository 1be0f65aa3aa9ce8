"""A BLAS call as LLVM text: cut over our threads by rows, columns or the batch, each piece one single-threaded call.

BLAS' own threads wait for each other spinning, which on a busy machine takes time slices of 8 ms, even for products of 30 µs.
Pieces of our own cost a second packing of the smaller operand and keep one pool of threads for everything.
"""

from __future__ import annotations

from math import prod

from hybrid.core import dtype as dt
from hybrid.runtime.program import Gemm

UNIT = 32  # rows or columns that are never cut: several register tiles of any BLAS
PIECE = 1 << 21  # multiply-adds that keep one core busy for some 30 µs
_SCALAR = {dt.float32: "float", dt.float64: "double"}
_CONTEXT = "{ ptr, ptr, ptr, i32 }"  # a, b, c, code


def emit_matmul(work: Gemm) -> str:
    """LLVM text of `internal i32 @<name>(ptr a, ptr b, ptr c)`, over `blas.emit_gemm` and, where it `cuts`, threads.SUPPORT."""
    count, each = _pieces(work)
    if cuts(work):
        run = f"call void @hybrid_parallel(ptr @{work.name}.task, i64 {count}, i64 {max(1, -(-PIECE // each))}, ptr %data)"
    else:
        run = f"call void @{work.name}.task(i64 0, i64 {count}, ptr %data)"
    return f"""
{_task(work)}
define internal i32 @{work.name}(ptr %a, ptr %b, ptr %c) nounwind {{
  %data = alloca {_CONTEXT}
  %b.at = getelementptr inbounds {_CONTEXT}, ptr %data, i32 0, i32 1
  %c.at = getelementptr inbounds {_CONTEXT}, ptr %data, i32 0, i32 2
  %code.at = getelementptr inbounds {_CONTEXT}, ptr %data, i32 0, i32 3
  store ptr %a, ptr %data
  store ptr %b, ptr %b.at
  store ptr %c, ptr %c.at
  store i32 0, ptr %code.at
  call void @hybrid_blas_enter()
  {run}
  call void @hybrid_blas_leave()
  %code = load i32, ptr %code.at
  ret i32 %code
}}
"""


def cuts(work: Gemm) -> bool:
    """Whether the product is worth more than one thread."""
    count, each = _pieces(work)
    return count * each >= 2 * PIECE


def _pieces(work: Gemm) -> tuple[int, int]:
    """How many pieces there can be, and the multiply-adds of one."""
    if work.batch:
        return prod(extent for extent, *_ in work.batch), work.m * work.n * work.k
    return -(-max(work.m, work.n) // UNIT), UNIT * min(work.m, work.n) * work.k


def _task(work: Gemm) -> str:
    scalar = _SCALAR[work.dtype]
    lines = [f"define internal void @{work.name}.task(i64 %low, i64 %high, ptr %data) nounwind {{", "entry:"]
    for at, name in enumerate("abc"):
        lines.append(f"  %{name}.at = getelementptr inbounds {_CONTEXT}, ptr %data, i32 0, i32 {at}")
        lines.append(f"  %{name}.start = load ptr, ptr %{name}.at")
    lines += _batch_piece(work) if work.batch else _part_piece(work)
    for name in "abc":
        lines.append(f"  %{name} = getelementptr inbounds {scalar}, ptr %{name}.start, i64 %{name}.offset")
    a, b = (f"ptr %{name}, i64 {side.stride}, i32 {int(side.transposed)}" for name, side in (("a", work.a), ("b", work.b)))
    call = f"i64 %m, i64 %n, i64 {work.k}, {a}, {b}, ptr %c, i64 {work.stride}, {scalar} 1.0, {scalar} 0.0"
    lines += [
        f"  %code = call i32 @hybrid_gemm_{dt.SHORT[work.dtype]}({call})",
        "  %bad = icmp ne i32 %code, 0",
        "  br i1 %bad, label %failed, label %passed",
        "failed:",
        f"  %code.at = getelementptr inbounds {_CONTEXT}, ptr %data, i32 0, i32 3",
        "  store atomic i32 %code, ptr %code.at monotonic, align 4",
        "  br label %passed",
        "passed:",
    ]
    if work.batch:
        lines += [
            "  %next = add i64 %t, 1",
            "  %more = icmp slt i64 %next, %high",
            "  br i1 %more, label %loop, label %done",
            "done:",
        ]
    return "\n".join([*lines, "  ret void", "}"])


def _part_piece(work: Gemm) -> list[str]:
    """Rows (or columns, where there are more of them) low*UNIT … high*UNIT - 1."""
    by_rows = work.m >= work.n
    size = work.m if by_rows else work.n
    cut, whole = ("m", "n") if by_rows else ("n", "m")
    step_a = (1 if work.a.transposed else work.a.stride) if by_rows else 0
    step_b = 0 if by_rows else (work.b.stride if work.b.transposed else 1)
    step_c = work.stride if by_rows else 1
    lines = [
        f"  %first = mul i64 %low, {UNIT}",
        f"  %end = mul i64 %high, {UNIT}",
        f"  %last = call i64 @llvm.smin.i64(i64 %end, i64 {size})",
        f"  %{cut} = sub i64 %last, %first",
        f"  %{whole} = add i64 {work.n if by_rows else work.m}, 0",
    ]
    for name, step, offset in (("a", step_a, work.a.offset), ("b", step_b, work.b.offset), ("c", step_c, 0)):
        lines += [f"  %{name}.skip = mul i64 %first, {step}", f"  %{name}.offset = add i64 %{name}.skip, {offset}"]
    return lines


def _batch_piece(work: Gemm) -> list[str]:
    """Whole products low … high - 1 of the batch, in a loop."""
    lines = ["  br label %loop", "loop:", "  %t = phi i64 [ %low, %entry ], [ %next, %passed ]"]
    rest = "%t"
    totals = {"a": str(work.a.offset), "b": str(work.b.offset), "c": "0"}
    for level in reversed(range(len(work.batch))):
        extent, *steps = work.batch[level]
        lines += [f"  %i{level} = urem i64 {rest}, {extent}", f"  %rest{level} = udiv i64 {rest}, {extent}"]
        rest = f"%rest{level}"
        for name, step in zip("abc", steps):
            lines.append(f"  %{name}.step{level} = mul i64 %i{level}, {step}")
            lines.append(f"  %{name}.sum{level} = add i64 {totals[name]}, %{name}.step{level}")
            totals[name] = f"%{name}.sum{level}"
    lines += [f"  %{name}.offset = add i64 {totals[name]}, 0" for name in "abc"]
    return [*lines, f"  %m = add i64 {work.m}, 0", f"  %n = add i64 {work.n}, 0"]
