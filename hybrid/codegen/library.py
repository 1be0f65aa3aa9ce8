"""SciPy's own C functions of special functions (core/scipyspecial), as kernels call them.

    define internal double @scipy.psi.d.f64(double)      calls @cython.psi.d

At poles and where they overflow they raise floating-point flags, which SciPy's ufuncs lower again: such calls are Python's a
few times (staging/floats). To lower them here, too, would double the time of a Bessel function (two reads of MXCSR: 9 ns).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import scipyspecial
from hybrid.core.errors import CompileError
from hybrid.core.scipyspecial import parts
from hybrid.loops.nest import FOREIGN, Convert, Expr, Op, op

_EXTERNAL = "cython."
_SHORT = {dt.float32: "f32", dt.float64: "f64"}
_CALLED = re.compile(rf"@({re.escape(scipyspecial.PREFIX)}[\w.]+)\(")


def widened(expr: Op) -> Expr | None:
    """A function of float32 that SciPy computes in float64; None where it has one of the operands' own dtype."""
    function, _ = parts(expr.name)
    if expr.dtype == dt.float64 or (expr.dtype == dt.float32 and scipyspecial.is_narrow(function)):
        return None
    if expr.dtype != dt.float32:
        raise CompileError(f"{expr.name} has no meaning for {dt.SHORT[expr.dtype]}")
    return Convert(op(expr.name, *(Convert(arg, dt.float64) for arg in expr.args)), dt.float32)


def scalar_name(name: str, dtype: np.dtype) -> str:
    """What computes an operation for one number: a function of the C library, a foreign one, or a routine of `source`."""
    if name.startswith(scipyspecial.PREFIX):
        return f"{name}.{_SHORT[dtype]}"
    return name if dtype == dt.float64 or name.startswith(FOREIGN) else name + "f"


def called(texts: Iterable[str]) -> list[str]:
    """The routines that these texts call."""
    return sorted({name for text in texts for name in _CALLED.findall(text)})


def source(routines: Iterable[str]) -> str:
    """The definitions of routines."""
    return "\n".join(map(_definition, routines))


def addresses(routines: Iterable[str]) -> dict[str, int]:
    """Addresses of the external symbols of `source`, for `engine.load`."""
    return {outside: scipyspecial.address(*asked) for outside, asked, _, _ in map(_parts, routines)}


def external(name: str, dtype: np.dtype) -> tuple[str, str]:
    """The function of C that computes an operation, and its signature: f for float32."""
    function, signature = parts(name)
    return function, signature.replace("d", "f") if dtype == dt.float32 and scipyspecial.is_narrow(function) else signature


def numba_sources(externals: Iterable[tuple[str, str]]) -> list[str]:
    """Python source of the functions as Numba calls them: `special_psi_d(x, 0)`."""
    types = {"d": "ctypes.c_double", "f": "ctypes.c_float", "l": "ctypes.c_int64"}
    lines = []
    for function, signature in sorted(externals):
        given = ", ".join(types[kind] for kind in (signature[-1], *signature))
        place = f'"{scipyspecial.MODULE}", "{scipyspecial.capsule(function, signature)}"'
        found = f"numba.extending.get_cython_function_address({place})"
        lines.append(f"special_{function}_{signature} = ctypes.CFUNCTYPE({given}, ctypes.c_int)({found})")
    return ["\n".join(lines)] if lines else []


def _parts(name: str) -> tuple[str, tuple[str, str], str, str]:
    """Of a routine: the external symbol, the function of C that it is, the routine's signature and its type."""
    operation, _, short = name.rpartition(".")
    dtype, kind = (dt.float32, "float") if short == "f32" else (dt.float64, "double")
    asked = external(operation, dtype)
    return f"{_EXTERNAL}{'.'.join(asked)}", asked, parts(operation)[1], kind


def _definition(name: str) -> str:
    outside, _, signature, kind = _parts(name)
    types = ["i64" if letter == "l" else kind for letter in signature]
    given = [f"{type} %{'n' if letter == 'l' else 'x'}{k}" for k, (letter, type) in enumerate(zip(signature, types))]
    parameters = ", ".join(f"{kind} %x{k}" for k in range(len(types)))
    lines = [f"declare {kind} @{outside}({', '.join([*types, 'i32'])})", "declare i64 @llvm.fptosi.sat.i64.f64(double)",
             f"define internal {kind} @{name}({parameters}) alwaysinline nounwind {{"]  # fmt: skip
    for k, letter in enumerate(signature):
        if letter == "l":
            lines.append(f"  %n{k} = call i64 @llvm.fptosi.sat.i64.f64(double %x{k})")
    return "\n".join([*lines, f"  %y = call {kind} @{outside}({', '.join([*given, 'i32 0'])})", f"  ret {kind} %y", "}"])


def is_called(names: Iterable[str]) -> bool:
    """Whether some of these operations are such functions."""
    return any(name.startswith(scipyspecial.PREFIX) for name in names)
