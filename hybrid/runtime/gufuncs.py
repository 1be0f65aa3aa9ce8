"""NumPy's C loops of linear algebra and Fourier transforms (core/npyloops) as kernels call them.

define internal i32 @numpy.loop.linalg.svd_s.d(ptr a, ptr u, ptr s, ptr vh, ptr failed, i64 rows, i64 m, i64 n, i64 p)

The arrays lie in C order; `failed` is an int64 that becomes 1 where LAPACK failed, 0 elsewhere. The result is Code.OK.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from hybrid.codegen.flags import support
from hybrid.codegen.target import host
from hybrid.core import npyloops
from hybrid.runtime import engine
from hybrid.runtime.cache import object_for


def is_loop(function: str) -> bool:
    """Whether this is the symbol of such a function."""
    return function.startswith(npyloops.PREFIX)


def source(functions: Iterable[str]) -> str:
    """LLVM text of functions, given by their symbols."""
    return "\n".join(["declare i64 @hybrid_loop(ptr, ptr, ptr, ptr, ptr)", *map(_definition, sorted(functions))])


def symbols(functions: Iterable[str]) -> dict[str, int]:
    """Addresses of the external symbols of `source`, for `engine.load`."""
    found = {name: npyloops.parts(name).addresses for name in functions}
    named = {f"{name}.{what}": at for name, both in found.items() for what, at in zip(("function", "data"), both)}
    return {"hybrid_loop": _code().address("hybrid_loop"), **named}


def _definition(name: str) -> str:
    found = npyloops.parts(name)
    operands = [f"%x{k}" for k in range(len(found.dtypes))]
    parameters = [f"ptr {x}" for x in (*operands, "%failed")] + [f"i64 %size.{size}" for size in ("", *found.sizes)]
    lines: list[str] = []

    def multiplied(sizes: Sequence[str], bytes_: int) -> str:
        value = str(bytes_)
        for size in sizes:
            lines.append(f"  %v{len(lines)} = mul i64 {value}, %size.{size}")
            value = f"%v{len(lines) - 1}"
        return value

    between, within = [], []
    for k, dtype in enumerate(found.dtypes):
        first, *rest = (multiplied(sizes, dtype.itemsize) for sizes in found.strides(k))
        between.append("0" if found.shared(k) else first)
        within += rest
    tables = {"operands": [f"ptr {x}" for x in operands],
              "sizes": [f"i64 %size.{size}" for size in ("", *found.sizes)],
              "strides": [f"i64 {step}" for step in (*between, *within)]}  # fmt: skip
    for table, entries in tables.items():
        lines.append(f"  %{table} = alloca [{len(entries)} x i64]")
        for at, entry in enumerate(entries):
            lines += [f"  %{table}.{at} = getelementptr i64, ptr %{table}, i64 {at}", f"  store {entry}, ptr %{table}.{at}"]
    data = f"@{name}.data" if found.addresses[1] else "null"
    called = ", ".join(f"ptr {x}" for x in (f"@{name}.function", "%operands", "%sizes", "%strides", data))
    return "\n".join([f"@{name}.function = external global i8", f"@{name}.data = external global i8",
                      f"define internal i32 @{name}({', '.join(parameters)}) nounwind {{", *lines,
                      f"  %invalid = call i64 @hybrid_loop({called})", "  store i64 %invalid, ptr %failed",
                      "  ret i32 0", "}"])  # fmt: skip


@lru_cache(maxsize=1)
def _code() -> engine.Module:
    code = object_for(_SOURCE + support(host()), host(), quick=True)
    return engine.load(code, ("hybrid_loop",), {})


# Flags that are up stay up: those of Fourier transforms are signs that NumPy may have warned, as those of kernels are.
_SOURCE = """
define i64 @hybrid_loop(ptr %function, ptr %operands, ptr %sizes, ptr %strides, ptr %data) nounwind {
  %flags = call i32 @hybrid_flags()
  call void @hybrid_flags_clear()
  call void %function(ptr %operands, ptr %sizes, ptr %strides, ptr %data)
  %raised = call i32 @hybrid_flags()
  call void @hybrid_flags_raise(i32 %flags)
  %invalid = and i32 %raised, 1
  %failed = zext i32 %invalid to i64
  ret i64 %failed
}
"""
