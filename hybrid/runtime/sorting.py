"""NumPy's C functions that sort (core/npysort) as kernels call them: on all rows of an array, one after another on each thread.

define internal i32 @numpy.sort.f64.stable(ptr x, i64 rows, i64 n, i64 all)                  returns a `Code`
define internal i32 @numpy.argsort.f64.stable(ptr x, ptr order, i64 rows, i64 n, i64 all)

`n` is the length of each row, but of the last, which ends where all elements do.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from hybrid.codegen.flags import support
from hybrid.codegen.target import host
from hybrid.core import npysort
from hybrid.loops.nest import Code
from hybrid.runtime import engine, threads
from hybrid.runtime.cache import object_for

# Elements for a thread to begin with: to sort them takes 20 µs in rows of 50 float64, 70 in rows of 500 (NumPy 2.4, AVX-512).
LEAST = 8192


def is_sort(function: str) -> bool:
    """Whether this is the symbol of such a function."""
    return function.startswith(("numpy.sort.", "numpy.argsort."))


def source(functions: Iterable[str]) -> str:
    """LLVM text of functions, given by their symbols."""
    return "\n".join(["declare i32 @hybrid_sort(ptr, ptr, ptr, i64, i64, i64, i64)", *map(_definition, sorted(functions))])


def symbols(functions: Iterable[str]) -> dict[str, int]:
    """Addresses of the external symbols of `source`, for `engine.load`."""
    rows = {f"{name}.row": npysort.address(*npysort.parts(name)) for name in functions}
    return {"hybrid_sort": _code().address("hybrid_sort"), **rows}


def _definition(name: str) -> str:
    dtype, _, indices = npysort.parts(name)
    order, given = ("ptr %order", "ptr %order, ") if indices else ("ptr null", "")
    called = f"ptr @{name}.row, ptr %x, {order}, i64 %rows, i64 %n, i64 %all, i64 {dtype.itemsize}"
    return "\n".join([f"@{name}.row = external global i8",
                      f"define internal i32 @{name}(ptr %x, {given}i64 %rows, i64 %n, i64 %all) nounwind {{",
                      f"  %code = call i32 @hybrid_sort({called})", "  ret i32 %code", "}"])  # fmt: skip


@lru_cache(maxsize=1)
def _code() -> engine.Module:
    code = object_for(_SOURCE + threads.SUPPORT + support(host()), host(), quick=True)
    return engine.load(code, ("hybrid_sort",), threads.symbols())


# Comparing NaN raises floating-point flags, which are lowered again: NumPy says nothing of them either.
_SOURCE = f"""
%hybrid.rows = type {{ ptr, ptr, ptr, i64, i64, i64, i32 }}  ; function, x, order, n, all, bytes of an element, code

define i32 @hybrid_sort(ptr %function, ptr %x, ptr %order, i64 %rows, i64 %n, i64 %all, i64 %bytes) nounwind {{
entry:
  %job = alloca %hybrid.rows
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %work, label %nothing
work:
  %job.0 = insertvalue %hybrid.rows poison, ptr %function, 0
  %job.1 = insertvalue %hybrid.rows %job.0, ptr %x, 1
  %job.2 = insertvalue %hybrid.rows %job.1, ptr %order, 2
  %job.3 = insertvalue %hybrid.rows %job.2, i64 %n, 3
  %job.4 = insertvalue %hybrid.rows %job.3, i64 %all, 4
  %job.5 = insertvalue %hybrid.rows %job.4, i64 %bytes, 5
  %job.6 = insertvalue %hybrid.rows %job.5, i32 0, 6
  store %hybrid.rows %job.6, ptr %job
  %grain = udiv i64 {LEAST}, %n
  call void @hybrid_parallel(ptr @hybrid_sort_rows, i64 %rows, i64 %grain, ptr %job)
  %place = getelementptr %hybrid.rows, ptr %job, i64 0, i32 6
  %code = load i32, ptr %place
  ret i32 %code
nothing:
  ret i32 0
}}

define internal void @hybrid_sort_rows(i64 %low, i64 %high, ptr %data) nounwind {{
entry:
  %job = load %hybrid.rows, ptr %data
  %function = extractvalue %hybrid.rows %job, 0
  %x = extractvalue %hybrid.rows %job, 1
  %order = extractvalue %hybrid.rows %job, 2
  %n = extractvalue %hybrid.rows %job, 3
  %all = extractvalue %hybrid.rows %job, 4
  %bytes = extractvalue %hybrid.rows %job, 5
  %step = mul i64 %n, %bytes
  %indices = icmp ne ptr %order, null
  %flags = call i32 @hybrid_flags()
  %some = icmp slt i64 %low, %high
  br i1 %some, label %row, label %end
row:
  %r = phi i64 [ %low, %entry ], [ %r.next, %next ]
  %so.far = phi i32 [ 0, %entry ], [ %statuses, %next ]
  %skipped = mul i64 %r, %step
  %at = getelementptr i8, ptr %x, i64 %skipped
  %before = mul i64 %r, %n
  %left = sub i64 %all, %before
  %length = call i64 @llvm.smin.i64(i64 %n, i64 %left)
  br i1 %indices, label %number, label %sort
number:
  %line = getelementptr i64, ptr %order, i64 %before
  br label %count
count:
  %k = phi i64 [ 0, %number ], [ %k.next, %count ]
  %place = getelementptr i64, ptr %line, i64 %k
  store i64 %k, ptr %place
  %k.next = add i64 %k, 1
  %more = icmp slt i64 %k.next, %length
  br i1 %more, label %count, label %argsort
argsort:
  %found = call i32 %function(ptr %at, ptr %line, i64 %length, ptr null)
  br label %next
sort:
  %sorted = call i32 %function(ptr %at, i64 %length, ptr null)
  br label %next
next:
  %status = phi i32 [ %found, %argsort ], [ %sorted, %sort ]
  %statuses = or i32 %so.far, %status
  %r.next = add i64 %r, 1
  %again = icmp slt i64 %r.next, %high
  br i1 %again, label %row, label %quit
quit:
  %failed = icmp ne i32 %statuses, 0
  br i1 %failed, label %tell, label %end
tell:
  %p.code = getelementptr %hybrid.rows, ptr %data, i64 0, i32 6
  %others = atomicrmw umax ptr %p.code, i32 {Code.MEMORY:d} monotonic
  br label %end
end:
  call void @hybrid_flags_clear()
  call void @hybrid_flags_raise(i32 %flags)
  ret void
}}
"""
