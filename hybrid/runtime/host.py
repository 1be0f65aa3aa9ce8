"""Python objects as machine code calls them: `hybrid_host`, and the objects that the calls of a program's kernels go to."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from hybrid.codegen.calls import host_symbol
from hybrid.codegen.flags import support
from hybrid.codegen.host import Callback
from hybrid.codegen.target import host
from hybrid.loops.nest import Code, Kernel
from hybrid.runtime import engine
from hybrid.runtime.cache import object_for


def callbacks(kernels: Iterable[Kernel]) -> dict[str, Callback]:
    """An object for each call in these kernels, by the symbol that stands for its address. Machine code does not hold them."""
    return {host_symbol(kernel, call): Callback(call) for kernel in kernels for call in kernel.calls if call.native is None}


def symbols(objects: dict[str, Callback]) -> dict[str, int]:
    """Addresses of the external symbols that kernels with these objects need, for `engine.load`."""
    return {"hybrid_host": _code().address("hybrid_host"), **{name: id(value) for name, value in objects.items()}}


@lru_cache(maxsize=1)
def _code() -> engine.Module:
    return engine.load(object_for(_SOURCE + support(host()), host(), quick=True), ("hybrid_host",), {})


# i32 hybrid_host(object, words, bytes) gives object(bytes(words)) as a Code. A thread that let go of the GIL takes it for the
# time of the call. An exception stays set in the thread, for whoever called the kernel from Python. NumPy lowers the
# processor's floating-point flags: those that the kernel has raised before are raised again.
_SOURCE = f"""
declare i32 @PyGILState_Ensure()
declare void @PyGILState_Release(i32)
declare ptr @PyBytes_FromStringAndSize(ptr, i64)
declare ptr @PyObject_CallFunctionObjArgs(ptr, ...)
declare i64 @PyLong_AsLong(ptr)
declare void @Py_DecRef(ptr)

define i32 @hybrid_host(ptr %object, ptr %words, i64 %bytes) nounwind {{
entry:
  %flags = call i32 @hybrid_flags()
  %state = call i32 @PyGILState_Ensure()
  %given = call ptr @PyBytes_FromStringAndSize(ptr %words, i64 %bytes)
  %starved = icmp eq ptr %given, null
  br i1 %starved, label %done, label %call
call:
  %result = call ptr (ptr, ...) @PyObject_CallFunctionObjArgs(ptr %object, ptr %given, ptr null)
  call void @Py_DecRef(ptr %given)
  %raised = icmp eq ptr %result, null
  br i1 %raised, label %done, label %read
read:
  %number = call i64 @PyLong_AsLong(ptr %result)
  call void @Py_DecRef(ptr %result)
  %small = trunc i64 %number to i32
  br label %done
done:
  %code = phi i32 [ {Code.RAISED:d}, %entry ], [ {Code.RAISED:d}, %call ], [ %small, %read ]
  call void @PyGILState_Release(i32 %state)
  call void @hybrid_flags_raise(i32 %flags)
  ret i32 %code
}}
"""
