"""Functions of the user's that Numba compiled (core/jitted) as kernels call them.

define internal i32 @numba.scaled.0(ptr x, ptr out, i64 python, i64 sizes, double k, i64 n, i64 m)

First go the arrays: arguments, then the places of results, a number's too, and of the status; then the codes to give where the
function has raised or gives no new array, and where arrays have other sizes; then numbers, each as a double or i64; the sizes
of the arguments' arrays, and those that results must have. Numba passes an array as seven fields; its owner is none, so that
nothing is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import count

import numpy as np

from hybrid.codegen.flags import support
from hybrid.codegen.instructions import TYPE
from hybrid.codegen.target import host
from hybrid.core import dtype as dt
from hybrid.core import jitted
from hybrid.core.jitted import Jitted, Part
from hybrid.runtime import engine
from hybrid.runtime.cache import object_for

_OWNER, _DATA, _SHAPE, _STRIDES = 0, 4, 5, 6  # fields of an array


def is_jitted(function: str) -> bool:
    """Whether this is the symbol of such a function."""
    return function.startswith(jitted.PREFIX)


def source(functions: Iterable[str]) -> str:
    """LLVM text of functions, given by their symbols."""
    head = (
        "declare i32 @hybrid_flags_before()",
        "declare void @hybrid_flags_after(i32)",
        "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)",
    )
    return "\n".join([*head, *(_Definition(jitted.known(name)).text() for name in sorted(functions))])


def symbols(functions: Iterable[str]) -> dict[str, int]:
    """Addresses of the external symbols of `source`, for `engine.load`."""
    code = _code()
    found = {name: code.address(name) for name in ("hybrid_flags_before", "hybrid_flags_after")}
    for name in functions:
        function = jitted.known(name)
        found |= {f"{name}.function": function.address, f"{name}.release": function.release}
    return found


class _Definition:
    def __init__(self, function: Jitted):
        self.function, self.lines = function, list[str]()
        self.numbers = count()

    def text(self) -> str:
        f, name = self.function, self.function.symbol
        arrays = [k for k, part in enumerate(f.arguments) if part.is_array]
        parameters = [f"ptr %x{k}" for k in arrays] + [f"ptr %r{k}" for k in range(len(f.results))]
        parameters += ["ptr %status"] if f.fails else []
        parameters += ["i64 %python", "i64 %sizes"]
        parameters += [
            f"{'double' if dt.is_float(p.dtype) else 'i64'} %x{k}" for k, p in enumerate(f.arguments) if not p.is_array
        ]
        parameters += [f"i64 %x{k}.{axis}" for k in arrays for axis in range(f.arguments[k].ndim or 0)]
        parameters += [f"i64 %r{k}.{axis}" for k, part in enumerate(f.results) for axis in range(part.ndim or 0)]
        returned = _returned(f)
        self.emit(f"%ret = alloca {returned}")
        self.emit("%error = alloca ptr")
        self.emit(f"store {returned} zeroinitializer, ptr %ret")
        self.emit("store ptr null, ptr %error")
        given = ["ptr %ret", "ptr %error"]
        for k, part in enumerate(f.arguments):
            given += self.array(k, part) if part.is_array else [self.number(k, part.dtype)]
        flags = self.let("call i32 @hybrid_flags_before()")
        status = self.let(f"call i32 @{name}.function({', '.join(given)})")
        self.emit(f"call void @hybrid_flags_after(i32 {flags})")
        self.results(status, returned)
        out = [f"@{name}.function = external global i8", f"@{name}.release = external global i8"]
        return "\n".join([*out, f"define internal i32 @{name}({', '.join(parameters)}) noinline nounwind {{", *self.lines, "}"])

    # pieces -----------------------------------------------------------------------------------------------------------
    def emit(self, line: str) -> None:
        self.lines.append(f"  {line}")

    def let(self, what: str) -> str:
        name = f"%v{next(self.numbers)}"
        self.emit(f"{name} = {what}")
        return name

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")

    def product(self, factors: Sequence[str], by: int = 1) -> str:
        value = str(by)
        for factor in factors:
            value = self.let(f"mul i64 {value}, {factor}")
        return value

    def array(self, k: int, part: Part) -> list[str]:
        """An array's fields as operands: owner, object, elements, bytes of each, data, sizes, strides."""
        sizes = [f"%x{k}.{axis}" for axis in range(part.ndim or 0)]
        bytes_ = part.dtype.itemsize
        inner = [sizes[:axis] if part.order == "F" else sizes[axis + 1 :] for axis in range(len(sizes))]
        steps = [self.product(rest, bytes_) for rest in inner]
        fields = [self.product(sizes), str(bytes_)]
        return [
            "ptr null", "ptr null", *(f"i64 {x}" for x in fields), f"ptr %x{k}",
            *(f"i64 {x}" for x in sizes), *(f"i64 {x}" for x in steps),
        ]  # fmt: skip

    def number(self, k: int, dtype: np.dtype) -> str:
        kind = _kind(dtype)
        if kind in ("double", "i64"):
            return f"{kind} %x{k}"
        return f"{kind} {self.let(f'fptrunc double %x{k} to float' if kind == 'float' else f'trunc i64 %x{k} to {kind}')}"

    def results(self, status: str, returned: str) -> None:
        """Hand out what the function gives, and give back the memory of its arrays; or say why not."""
        f = self.function
        tuple_ = f"getelementptr inbounds {returned}, ptr %ret, i32 0" if f.nests else None
        at = [self.let(f"{tuple_}, i32 {k}") if tuple_ else "%ret" for k in range(len(f.results))]
        arrays = [k for k, part in enumerate(f.results) if part.is_array]
        owners = {k: self.field(at[k], f.results[k], _OWNER) for k in arrays}
        good, same = [self.let(f"icmp eq i32 {status}, 0")], []
        for k in arrays:
            good.append(self.let(f"icmp ne ptr {owners[k]}, null"))
            same += self.lies(at[k], f.results[k], [f"%r{k}.{axis}" for axis in range(f.results[k].ndim or 0)])
        sound, fits = self.all(good), self.all(same)
        take = self.let(f"and i1 {sound}, {fits}")
        self.emit(f"br i1 {take}, label %take, label %done")
        self.label("take")
        for k, part in enumerate(f.results):
            if part.is_array:
                data = self.let(f"load ptr, ptr {self.place(at[k], part, _DATA)}")
                bytes_ = self.product([f"%r{k}.{axis}" for axis in range(part.ndim or 0)], part.dtype.itemsize)
                self.emit(f"call void @llvm.memcpy.p0.p0.i64(ptr %r{k}, ptr {data}, i64 {bytes_}, i1 false)")
            else:
                self.handed_out(k, at[k], part)
        if f.fails:
            self.emit("store i64 0, ptr %status")
        self.emit("br label %done")
        self.label("done")
        for k in arrays:
            self.emit(f"%owned{k} = icmp ne ptr {owners[k]}, null")
            self.emit(f"br i1 %owned{k}, label %give{k}, label %given{k}")
            self.label(f"give{k}")
            self.emit(f"call void @{f.symbol}.release(ptr {owners[k]})")
            self.emit(f"br label %given{k}")
            self.label(f"given{k}")
        why = self.let(f"select i1 {sound}, i64 %sizes, i64 %python")
        code = self.let(f"select i1 {take}, i64 0, i64 {why}")
        self.emit(f"ret i32 {self.let(f'trunc i64 {code} to i32')}")

    def lies(self, at: str, part: Part, sizes: Sequence[str]) -> list[str]:
        """Whether an array that the function gives has these sizes, and no gaps."""
        wanted = {_SHAPE: sizes[::-1] if part.order == "F" else sizes}
        if part.order == "A":
            wanted[_STRIDES] = [self.product(sizes[axis + 1 :], part.dtype.itemsize) for axis in range(len(sizes))]
        found = []
        for field, numbers in wanted.items():
            table = self.place(at, part, field)
            for axis, number in enumerate(numbers):
                place = self.let(f"getelementptr inbounds i64, ptr {table}, i64 {axis}")
                found.append(self.let(f"icmp eq i64 {self.let(f'load i64, ptr {place}')}, {number}"))
        return found

    def place(self, at: str, part: Part, field: int) -> str:
        return self.let(f"getelementptr inbounds {_struct(part)}, ptr {at}, i32 0, i32 {field}")

    def field(self, at: str, part: Part, field: int) -> str:
        return self.let(f"load ptr, ptr {self.place(at, part, field)}")

    def all(self, conditions: Sequence[str]) -> str:
        value = "true"
        for condition in conditions:
            value = self.let(f"and i1 {value}, {condition}")
        return value

    def handed_out(self, k: int, at: str, part: Part) -> None:
        """A number as Python has it: of 64 bits, or a truth value."""
        own, kept = _kind(part.dtype), _kind(part.kept)
        found = self.let(f"load {own}, ptr {at}")
        if own != kept:
            how = "fpext" if own == "float" else "zext" if part.dtype.kind == "u" else "sext"
            found = self.let(f"{how} {own} {found} to {kept}")
        self.emit(f"store {kept} {found}, ptr %r{k}")


def _kind(dtype: np.dtype) -> str:
    """How Numba keeps a number in memory and passes it."""
    return "i8" if dtype == dt.bool_ else TYPE[dtype]


def _struct(part: Part) -> str:
    return f"{{ptr, ptr, i64, i64, ptr, [{part.ndim} x i64], [{part.ndim} x i64]}}" if part.is_array else _kind(part.dtype)


def _returned(f: Jitted) -> str:
    if f.hands_on is not None:
        return _struct(f.arguments[f.hands_on])
    if not f.results:
        return "ptr"
    return f"{{{', '.join(map(_struct, f.results))}}}" if f.nests else _struct(f.results[0])


@lru_cache(maxsize=1)
def _code() -> engine.Module:
    code = object_for(_SOURCE + support(host()), host(), quick=True)
    return engine.load(code, ("hybrid_flags_before", "hybrid_flags_after"), {})


# Nobody hears of the flags that Numba's code raises, so ours must not take them for its own.
_SOURCE = """
define i32 @hybrid_flags_before() nounwind {
  %flags = call i32 @hybrid_flags()
  ret i32 %flags
}

define void @hybrid_flags_after(i32 %flags) nounwind {
  %now = call i32 @hybrid_flags()
  %same = icmp eq i32 %now, %flags
  br i1 %same, label %done, label %lower
lower:
  call void @hybrid_flags_clear()
  call void @hybrid_flags_raise(i32 %flags)
  br label %done
done:
  ret void
}
"""
