"""The BLAS that SciPy brings, for machine code: addresses of its Fortran routines, and a row-major gemm over them.

The pointers come from the `cython_blas` extension, loaded without importing `scipy.linalg`.
"""

from __future__ import annotations

import ctypes
import importlib
from functools import lru_cache
from types import ModuleType

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import CompileError, DTypeError
from hybrid.loops.nest import Code
from hybrid.runtime import extension

_MODULE = "scipy.linalg.cython_blas"
_PREFIX = {dt.float32: "s", dt.float64: "d", dt.complex64: "c", dt.complex128: "z"}
_LLVM = {dt.float32: "float", dt.float64: "double", dt.complex64: "{ float, float }", dt.complex128: "{ double, double }"}

# (set, get) by vendor, looked up in the libraries that SciPy's extension is linked to.
_THREAD_CONTROLS = (
    ("scipy_openblas_set_num_threads", "scipy_openblas_get_num_threads"),
    ("openblas_set_num_threads", "openblas_get_num_threads"),
    ("MKL_Set_Num_Threads", "MKL_Get_Max_Threads"),
)


def pointer(name: str) -> int:
    """The address of a routine (`"sgemm"`, `"dgemv"`, …): Fortran convention, every argument by pointer, 32-bit integers."""
    capsule = _extension().__pyx_capi__.get(name)
    if capsule is None:
        raise CompileError(f"SciPy's BLAS has no routine {name!r}", fix="use the name of a BLAS routine such as 'sgemm'")
    signature = _capsule_name(capsule)
    if b"int *" not in signature:
        raise CompileError(f"SciPy's {name} does not take 32-bit integers", got=signature.decode(), expected="int *",
                           fix="install a SciPy wheel from PyPI")  # fmt: skip
    return _capsule_pointer(capsule, signature)


def symbols(*dtypes: np.dtype) -> dict[str, int]:
    """Addresses of the external symbols of `emit_gemm` for these dtypes, for `engine.load`."""
    out = {f"hybrid_blas_{_PREFIX[dtype]}gemm": pointer(f"{_PREFIX[dtype]}gemm") for dtype in dtypes}
    control = _thread_control()
    if control is not None:
        assign, read = (ctypes.cast(function, ctypes.c_void_p).value or 0 for function in control)
        out |= {"hybrid_blas_set": assign, "hybrid_blas_get": read, "hybrid_blas_state": ctypes.addressof(_state)}
    return out


def set_threads(count: int) -> int:
    """Let this BLAS use `count` threads from now on, in the whole process; how many it used before.

    1 is for callers that run panels on threads of their own. 0 comes back, and nothing changes, where the BLAS has no such
    control (Apple's Accelerate): such a BLAS must not be called from several threads at once for speed.
    """
    control = _thread_control()
    if control is None:
        return 0
    assign, read = control
    before = read()
    assign(count)
    return before


class _State(ctypes.Structure):
    """What calls of `emit_single` share: how many are inside, and the thread count to put back (0: none)."""

    _fields_ = [("inside", ctypes.c_int64), ("before", ctypes.c_int64)]


_state = _State()


def emit_single() -> str:
    """LLVM text of `void @hybrid_blas_enter()` and `@hybrid_blas_leave()`: between them BLAS keeps to the calling thread.

    The count of threads belongs to the whole process. The first call inside takes it down to 1, the last one out puts it back;
    where two meet at that moment, one of them may run with BLAS' own threads, which is only slower.
    """
    if _thread_control() is None:
        return "\n".join(
            f"define internal void @hybrid_blas_{name}() nounwind {{\n  ret void\n}}" for name in ("enter", "leave")
        )
    return """
@hybrid_blas_state = external global { i64, i64 }
declare void @hybrid_blas_set(i32)
declare i32 @hybrid_blas_get()

define internal void @hybrid_blas_enter() nounwind {
entry:
  %inside = atomicrmw add ptr @hybrid_blas_state, i64 1 acq_rel
  %now = call i32 @hybrid_blas_get()
  %several = icmp sgt i32 %now, 1
  br i1 %several, label %lower, label %done
lower:
  %count = zext i32 %now to i64
  %before = getelementptr inbounds { i64, i64 }, ptr @hybrid_blas_state, i32 0, i32 1
  store atomic i64 %count, ptr %before monotonic, align 8
  call void @hybrid_blas_set(i32 1)
  br label %done
done:
  ret void
}

define internal void @hybrid_blas_leave() nounwind {
entry:
  %inside = atomicrmw sub ptr @hybrid_blas_state, i64 1 acq_rel
  %last = icmp eq i64 %inside, 1
  br i1 %last, label %look, label %done
look:
  %before = getelementptr inbounds { i64, i64 }, ptr @hybrid_blas_state, i32 0, i32 1
  %count = atomicrmw xchg ptr %before, i64 0 acq_rel
  %lowered = icmp sgt i64 %count, 1
  br i1 %lowered, label %raise, label %done
raise:
  %threads = trunc i64 %count to i32
  call void @hybrid_blas_set(i32 %threads)
  br label %done
done:
  ret void
}
"""


def emit_gemm(dtype: np.dtype) -> str:
    """LLVM text of `i32 @hybrid_gemm_<dtype>(m, n, k, a, lda, transa, b, ldb, transb, c, ldc, alpha, beta)`.

    Row-major `C[m,n] = alpha * op(A)[m,k] @ op(B)[k,n] + beta * C`, where op transposes if the flag is not 0. Sizes and leading
    dimensions (elements from row to row) are i64, flags i32, alpha and beta of the element type (complex: `{ T, T }`).
    C is not read where beta is 0. Returns 0, or `Code.MEMORY` where a size passes the 32 bits this BLAS counts in.
    """
    if dtype not in _PREFIX:
        raise DTypeError(f"BLAS has no gemm for {dtype}", expected=", ".join(map(str, _PREFIX)))
    # Fortran stores columns, so row-major C = A B is its C' = B' A': the operands change places and nothing is copied.
    # A matrix of one row has any stride for NumPy, while BLAS insists on the row's length.
    number, routine = _LLVM[dtype], f"@hybrid_blas_{_PREFIX[dtype]}gemm"
    return f"""
define internal i32 @hybrid_gemm_{dt.SHORT[dtype]}(i64 %m, i64 %n, i64 %k, ptr %a, i64 %lda, i32 %transa, ptr %b, i64 %ldb,
    i32 %transb, ptr %c, i64 %ldc, {number} %alpha, {number} %beta) nounwind {{
entry:
  %p.ta = alloca i8
  %p.tb = alloca i8
  %p.m = alloca i32
  %p.n = alloca i32
  %p.k = alloca i32
  %p.lda = alloca i32
  %p.ldb = alloca i32
  %p.ldc = alloca i32
  %p.alpha = alloca {number}
  %p.beta = alloca {number}
  %ta = icmp ne i32 %transa, 0
  %tb = icmp ne i32 %transb, 0
{_leading("a", rows="%m", columns="%k", flag="%ta")}
{_leading("b", rows="%k", columns="%n", flag="%tb")}
{_leading("c", rows="%m", columns="%n", flag="false")}
  %or.1 = or i64 %m, %n
  %or.2 = or i64 %or.1, %k
  %or.3 = or i64 %or.2, %ld.a
  %or.4 = or i64 %or.3, %ld.b
  %or.5 = or i64 %or.4, %ld.c
  %fits = icmp ule i64 %or.5, {2**31 - 1}
  br i1 %fits, label %some, label %exit
some:
  %rows = icmp eq i64 %m, 0
  %columns = icmp eq i64 %n, 0
  %empty = or i1 %rows, %columns
  br i1 %empty, label %exit, label %call
call:
  %char.a = select i1 %ta, i8 {ord("T")}, i8 {ord("N")}
  %char.b = select i1 %tb, i8 {ord("T")}, i8 {ord("N")}
  %i.m = trunc i64 %m to i32
  %i.n = trunc i64 %n to i32
  %i.k = trunc i64 %k to i32
  %i.lda = trunc i64 %ld.a to i32
  %i.ldb = trunc i64 %ld.b to i32
  %i.ldc = trunc i64 %ld.c to i32
  store i8 %char.a, ptr %p.ta
  store i8 %char.b, ptr %p.tb
  store i32 %i.m, ptr %p.m
  store i32 %i.n, ptr %p.n
  store i32 %i.k, ptr %p.k
  store i32 %i.lda, ptr %p.lda
  store i32 %i.ldb, ptr %p.ldb
  store i32 %i.ldc, ptr %p.ldc
  store {number} %alpha, ptr %p.alpha
  store {number} %beta, ptr %p.beta
  call void {routine}(ptr %p.tb, ptr %p.ta, ptr %p.n, ptr %p.m, ptr %p.k, ptr %p.alpha, ptr %b, ptr %p.ldb,
    ptr %a, ptr %p.lda, ptr %p.beta, ptr %c, ptr %p.ldc)
  br label %exit
exit:
  %code = phi i32 [ {Code.MEMORY:d}, %entry ], [ 0, %some ], [ 0, %call ]
  ret i32 %code
}}
declare void {routine}(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
"""


def _leading(matrix: str, rows: str, columns: str, flag: str) -> str:
    """`%ld.<matrix>`: the given leading dimension, or at least the length of a row where there is one row or none."""
    return f"""\
  %height.{matrix} = select i1 {flag}, i64 {columns}, i64 {rows}
  %width.{matrix} = select i1 {flag}, i64 {rows}, i64 {columns}
  %least.{matrix} = call i64 @llvm.smax.i64(i64 %width.{matrix}, i64 1)
  %flat.{matrix} = icmp sle i64 %height.{matrix}, 1
  %ld.{matrix} = select i1 %flat.{matrix}, i64 %least.{matrix}, i64 %ld{matrix}"""


@lru_cache(maxsize=1)
def _extension() -> ModuleType:
    return extension.load(_MODULE) or importlib.import_module(_MODULE)


@lru_cache(maxsize=1)
def _thread_control() -> tuple | None:
    # dlsym on the extension's handle also searches the libraries it is linked to.
    library = ctypes.CDLL(str(_extension().__file__))
    for assign, read in _THREAD_CONTROLS:
        if hasattr(library, assign):
            return getattr(library, assign), getattr(library, read)
    return None


_capsule_name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))
_capsule_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
