"""A BLAS call as LLVM text: cut over our threads by panels of the result or by the batch, each a single-threaded call.

BLAS' own threads wait for each other spinning, which on a busy machine takes time slices of 8 ms, even for products of 30 µs.
Panels of our own cost some packing twice, and keep one pool of threads for everything.
"""

from __future__ import annotations

from math import prod

from hybrid.core import dtype as dt
from hybrid.runtime.program import Gemm

# Rows and columns of one call at most: fixed, so that the bits of a result don't depend on the number of threads. A product of
# 1024³ took 8.0 ms on two threads in such panels, 8.3 in half of them, 7.7 to 8.4 by BLAS' own threads.
ROWS, COLUMNS = 512, 512
UNIT = 32  # panels are whole numbers of register tiles
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
    return count > 1 and count * each >= 2 * PIECE


def _pieces(work: Gemm) -> tuple[int, int]:
    """How many pieces there can be, and the multiply-adds of one."""
    if work.batch:
        return prod(extent for extent, *_ in work.batch), work.m * work.n * work.k
    rows, columns = _panels(work)
    return -(-work.m // rows) * -(-work.n // columns), rows * columns * work.k


def _panels(work: Gemm) -> tuple[int, int]:
    """Rows and columns of one panel: everything, where there is no work for two threads."""
    if work.m * work.n * work.k < 2 * PIECE:
        return work.m, work.n
    # Small products are cut finer, so that two threads have something to do.
    rows, columns = (most if size >= 2 * most else most // 2 for size, most in ((work.m, ROWS), (work.n, COLUMNS)))
    return _even(work.m, rows), _even(work.n, columns)


def _even(size: int, limit: int) -> int:
    """The length of pieces of nearly one length, in whole units."""
    count = -(-size // limit)
    return min(size, -(-size // (count * UNIT)) * UNIT)


def _task(work: Gemm) -> str:
    scalar = _SCALAR[work.dtype]
    lines = [f"define internal void @{work.name}.task(i64 %low, i64 %high, ptr %data) nounwind {{", "entry:"]
    for at, name in enumerate("abc"):
        lines.append(f"  %{name}.at = getelementptr inbounds {_CONTEXT}, ptr %data, i32 0, i32 {at}")
        lines.append(f"  %{name}.start = load ptr, ptr %{name}.at")
    lines += ["  br label %loop", "loop:", "  %t = phi i64 [ %low, %entry ], [ %next, %passed ]"]
    lines += _batch_piece(work) if work.batch else _panel_piece(work)
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
    lines += [
        "  %next = add i64 %t, 1",
        "  %more = icmp slt i64 %next, %high",
        "  br i1 %more, label %loop, label %done",
        "done:",
    ]
    return "\n".join([*lines, "  ret void", "}"])


def _panel_piece(work: Gemm) -> list[str]:
    """Panel t of the result, row of panels by row."""
    rows, columns = _panels(work)
    across = -(-work.n // columns)
    lines = []
    for at, panel, size, count in (("div", rows, work.m, "m"), ("rem", columns, work.n, "n")):
        lines += [
            f"  %{count}.t = u{at} i64 %t, {across}",
            f"  %{count}.first = mul i64 %{count}.t, {panel}",
            f"  %{count}.end = add i64 %{count}.first, {panel}",
            f"  %{count}.last = call i64 @llvm.smin.i64(i64 %{count}.end, i64 {size})",
            f"  %{count} = sub i64 %{count}.last, %{count}.first",
        ]
    a_step = 1 if work.a.transposed else work.a.stride
    b_step = work.b.stride if work.b.transposed else 1
    return [
        *lines,
        f"  %a.skip = mul i64 %m.first, {a_step}",
        f"  %a.offset = add i64 %a.skip, {work.a.offset}",
        f"  %b.skip = mul i64 %n.first, {b_step}",
        f"  %b.offset = add i64 %b.skip, {work.b.offset}",
        f"  %c.skip = mul i64 %m.first, {work.stride}",
        "  %c.offset = add i64 %c.skip, %n.first",
    ]


def _batch_piece(work: Gemm) -> list[str]:
    """Product t of the batch."""
    lines: list[str] = []
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
