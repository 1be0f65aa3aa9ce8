"""LLVM instructions as text: typed values of one or many lanes, and the simple operations of the loop language on them.

Knows nothing of loops, buffers or kernels: `Emitter` collects the body of one LLVM function, `operate` and `convert` give
every operation NumPy's meaning. Values of bfloat16 are kept as the 16-bit integers LLVM stores well everywhere.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import CompileError

TYPE: dict[np.dtype, str] = {
    dt.bool_: "i1", dt.float16: "half", dt.bfloat16: "i16", dt.float32: "float", dt.float64: "double",
    **{dtype: f"i{8 * dtype.itemsize}" for dtype in dt.INTEGERS},
}  # fmt: skip
MEMORY: dict[np.dtype, str] = {**TYPE, dt.bool_: "i8"}
NARROW = (dt.float16, dt.bfloat16)  # computed in float32 and rounded after every operation, as NumPy does
_SUFFIX = {"float": "f32", "double": "f64", "half": "f16"}


def vector(scalar: str, lanes: int) -> str:
    """The type of `lanes` values side by side; one lane is the scalar itself."""
    return scalar if lanes == 1 else f"<{lanes} x {scalar}>"


def mangled(scalar: str, lanes: int) -> str:
    """A type as it ends the name of an overloaded intrinsic: `v16f32`."""
    return ("" if lanes == 1 else f"v{lanes}") + _SUFFIX.get(scalar, scalar)


def symbol(name: str) -> str:
    """A name as LLVM takes it after `@` or `%`."""
    return name if re.fullmatch(r"[A-Za-z0-9._$-]+", name) else '"' + name.replace('"', "'").replace("\\", "/") + '"'


def literal(value: object, dtype: np.dtype) -> str:
    """A scalar constant. Floats are written as the bits of a double, which LLVM reads exactly."""
    scalar = np.asarray(value, dtype)
    if dtype == dt.bool_:
        return "true" if scalar else "false"
    if dtype == dt.float16:
        return f"0xH{int(scalar.view(np.uint16)):04X}"
    if dtype == dt.bfloat16:
        return str(int(scalar.view(np.int16)))
    if dt.is_float(dtype):
        return f"0x{struct.unpack('<Q', struct.pack('<d', float(scalar)))[0]:016X}"
    return str(int(scalar))


class Value(NamedTuple):
    """An SSA value or a constant. One lane means it is the same for all lanes of the loop around it."""

    text: str
    dtype: np.dtype
    lanes: int = 1

    @property
    def type(self) -> str:
        return vector(TYPE[self.dtype], self.lanes)

    @property
    def operand(self) -> str:
        return f"{self.type} {self.text}"

    @property
    def is_constant(self) -> bool:
        return self.text[0] != "%"


def constant(value: object, dtype: np.dtype, lanes: int = 1) -> Value:
    text = literal(value, dtype)
    return Value(text if lanes == 1 else f"splat ({TYPE[dtype]} {text})", dtype, lanes)


class Emitter:
    """The body of one LLVM function: lines with fresh names, blocks, places to be filled in later, and what it declares."""

    def __init__(self, declares: dict[str, str]):
        self.declares = declares  # name -> declaration, shared by the functions of a module
        self.lines: list[str | list[str]] = []
        self.block = "entry"
        self._count = 0
        self._splats: dict[Value, Value] = {}

    def fresh(self, hint: str = "v") -> str:
        self._count += 1
        return f"%{hint}{self._count}"

    def emit(self, line: str) -> None:
        self.lines.append("  " + line)

    def let(self, text: str, hint: str = "v") -> str:
        """Name the result of an instruction."""
        name = self.fresh(hint)
        self.lines.append(f"  {name} = {text}")
        return name

    def reserve(self) -> list[str]:
        """A place in the text whose lines come later."""
        place: list[str] = []
        self.lines.append(place)
        return place

    def text(self) -> str:
        return "\n".join("\n".join(line) if isinstance(line, list) else line for line in self.lines if line)

    # Blocks

    def label(self, hint: str) -> str:
        return self.fresh(hint)[1:]

    def start(self, label: str) -> None:
        """Begin a block; the one before must have ended in a jump or a branch."""
        self.lines.append(f"{label}:")
        self.block = label
        self._splats = {}

    def jump(self, label: str) -> None:
        self.emit(f"br label %{label}")

    def branch(self, condition: str, then: str, otherwise: str) -> None:
        self.emit(f"br i1 {condition}, label %{then}, label %{otherwise}")

    # Instructions

    def splat(self, value: Value, lanes: int) -> Value:
        """The same value in every lane."""
        if value.lanes == lanes:
            return value
        if value.is_constant:
            return Value(f"splat ({value.operand})", value.dtype, lanes)
        known = self._splats.get(value)
        if known is None or known.lanes != lanes:
            text = self.splat_text(TYPE[value.dtype], value.text, lanes)
            known = self._splats[value] = Value(text, value.dtype, lanes)
        return known

    def splat_text(self, scalar: str, text: str, lanes: int) -> str:
        """A vector of that LLVM type with this in every lane."""
        kind = vector(scalar, lanes)
        first = self.let(f"insertelement {kind} poison, {scalar} {text}, i64 0")
        return self.let(f"shufflevector {kind} {first}, {kind} poison, <{lanes} x i32> zeroinitializer")

    def binary(self, opcode: str, a: Value, b: Value) -> Value:
        return Value(self.let(f"{opcode} {a.type} {a.text}, {b.text}"), a.dtype, a.lanes)

    def compare(self, predicate: str, a: Value, b: Value) -> Value:
        """`icmp` or `fcmp` with the predicate, e.g. `"icmp slt"`."""
        return Value(self.let(f"{predicate} {a.type} {a.text}, {b.text}"), dt.bool_, a.lanes)

    def select(self, condition: Value, then: Value, otherwise: Value) -> Value:
        lanes = max(condition.lanes, then.lanes, otherwise.lanes)
        then, otherwise = self.splat(then, lanes), self.splat(otherwise, lanes)
        return then._replace(text=self.let(f"select {condition.operand}, {then.operand}, {otherwise.operand}"))

    def intrinsic(self, name: str, *args: Value, flags: str = "") -> Value:
        """An LLVM intrinsic overloaded on the type of its operands; `flags` are trailing immediates."""
        first = args[0]
        full = f"llvm.{name}.{mangled(TYPE[first.dtype], first.lanes)}"
        return first._replace(text=self.call(full, first.type, *(a.operand for a in args), *([flags] if flags else [])))

    def call(self, name: str, result: str, *operands: str, attributes: str = "", site: str = "") -> str:
        """Call a function from outside, declaring it. Operands are `type value`; `site` are attributes of this call."""
        if name not in self.declares:
            types = ", ".join(_type_of(operand) for operand in operands)
            self.declares[name] = f"declare {result} @{symbol(name)}({types})" + (f" {attributes}" if attributes else "")
        text = f"call {result} @{symbol(name)}({', '.join(operands)})" + (f" {site}" if site else "")
        if result == "void":
            self.emit(text)
            return ""
        return self.let(text)

    def cast(self, opcode: str, value: Value, dtype: np.dtype) -> Value:
        target = vector(TYPE[dtype], value.lanes)
        return Value(self.let(f"{opcode} {value.operand} to {target}"), dtype, value.lanes)

    def bitcast(self, value: Value, dtype: np.dtype) -> Value:
        """The same bits as another dtype of the same width."""
        if dt.bool_ in (value.dtype, dtype):
            if value.dtype == dtype:
                return value
            if dtype == dt.bool_:
                return self.cast("trunc", value, dtype)
            return self.cast("zext", value, dtype)
        if TYPE[value.dtype] == TYPE[dtype]:
            return value._replace(dtype=dtype)
        return self.cast("bitcast", value, dtype)

    def any(self, value: Value) -> str:
        """Whether any lane is true."""
        if value.lanes == 1:
            return value.text
        return self.call(f"llvm.vector.reduce.or.{mangled('i1', value.lanes)}", "i1", value.operand)

    def negated(self, condition: Value) -> Value:
        return self.binary("xor", condition, constant(True, dt.bool_, condition.lanes))

    def both(self, a: Value | None, b: Value | None) -> Value | None:
        """The conjunction of two conditions, None standing for true."""
        if a is None or b is None:
            return b if a is None else a
        lanes = max(a.lanes, b.lanes)
        return self.binary("and", self.splat(a, lanes), self.splat(b, lanes))


def _type_of(operand: str) -> str:
    """The type in `type value`, where the type may have spaces: `<16 x float> %v1`, `float splat`…"""
    return operand[: operand.index(">") + 1] if operand[0] == "<" else operand.partition(" ")[0]


# Operations: one rule for each name, as an opcode or a function of (emitter, *values).

Rule = str | Callable[..., Value]


def operate(e: Emitter, name: str, *args: Value) -> Value:
    """A simple operation with NumPy's meaning. CompileError where NumPy has none for the dtype."""
    if name == "select":
        return e.select(*args)
    lanes = max(a.lanes for a in args)
    operands = tuple(e.splat(a, lanes) for a in args)
    dtype = operands[-1].dtype
    if dtype in NARROW:
        return _narrow(e, name, operands)
    table = _FLOAT if dt.is_float(dtype) else _BOOL if dtype == dt.bool_ else _INTEGER
    rule = table.get(name)
    if rule is None:
        raise CompileError(f"{name} has no meaning for {dt.SHORT[dtype]}", expected=", ".join(sorted(table)))
    return e.binary(rule, *operands) if isinstance(rule, str) else rule(e, *operands)


def is_simple(name: str, dtype: np.dtype) -> bool:
    """Whether `operate` emits this directly, for the dtype of the operands."""
    table = _FLOAT if dt.is_float(dtype) else _BOOL if dtype == dt.bool_ else _INTEGER
    return name == "select" or name in table or (name.startswith("fits_") and dtype == dt.int64)


def _comparison(ordered: str, signed: str, unsigned: str) -> tuple[Rule, Rule]:
    def floats(e: Emitter, a: Value, b: Value) -> Value:
        return e.compare(f"fcmp {ordered}", a, b)

    def integers(e: Emitter, a: Value, b: Value) -> Value:
        return e.compare(f"icmp {signed if dt.KIND[a.dtype] == 'i' else unsigned}", a, b)

    return floats, integers


_COMPARE = {
    "eq": _comparison("oeq", "eq", "eq"), "ne": _comparison("une", "ne", "ne"),
    "lt": _comparison("olt", "slt", "ult"), "le": _comparison("ole", "sle", "ule"),
    "gt": _comparison("ogt", "sgt", "ugt"), "ge": _comparison("oge", "sge", "uge"),
}  # fmt: skip


def is_nan(e: Emitter, a: Value) -> Value:
    return e.compare("fcmp uno", a, a)


def _extremum(predicate: str) -> Rule:
    # NumPy's: the first operand where it is smaller or NaN, else the second. The inner select is one x86 instruction.
    def rule(e: Emitter, a: Value, b: Value) -> Value:
        return e.select(is_nan(e, a), a, e.select(e.compare(predicate, a, b), a, b))

    return rule


def _unary(intrinsic: str) -> Rule:
    return lambda e, a: e.intrinsic(intrinsic, a)


_FLOAT: dict[str, Rule] = {
    "add": "fadd", "sub": "fsub", "mul": "fmul", "div": "fdiv",
    "min": _extremum("fcmp olt"), "max": _extremum("fcmp ogt"),
    "neg": lambda e, a: a._replace(text=e.let(f"fneg {a.operand}")),
    "abs": _unary("fabs"), "floor": _unary("floor"), "ceil": _unary("ceil"), "trunc": _unary("trunc"),
    "rint": _unary("rint"), "sqrt": _unary("sqrt"),
    "copysign": lambda e, a, b: e.intrinsic("copysign", a, b),
    "fma": lambda e, a, b, c: e.intrinsic("fma", a, b, c),
    "isnan": is_nan,
    **{name: floats for name, (floats, _) in _COMPARE.items()},
}  # fmt: skip


_BOOL: dict[str, Rule] = {
    "add": "or", "mul": "and", "min": "and", "max": "or", "and": "and", "or": "or", "xor": "xor",
    "not": lambda e, a: e.binary("xor", a, constant(True, dt.bool_, a.lanes)),
    **{name: integers for name, (_, integers) in _COMPARE.items()},
}  # fmt: skip


def _is_signed(a: Value) -> bool:
    return dt.KIND[a.dtype] == "i"


def _number(b: Value) -> int:
    """An integer constant, be it one for all lanes."""
    return int(b.text.rpartition(" ")[2].rstrip(")"))


def _by_sign(signed: str, unsigned: str) -> Rule:
    return lambda e, a, b: e.intrinsic(signed if _is_signed(a) else unsigned, a, b)


def _shift(left: bool) -> Rule:
    # A shift by the width or more gives what shifting one bit at a time would; LLVM leaves it undefined.
    def rule(e: Emitter, a: Value, b: Value) -> Value:
        bits = 8 * a.dtype.itemsize
        if b.is_constant and 0 <= _number(b) < bits:
            return e.binary("shl" if left else "ashr" if _is_signed(a) else "lshr", a, b)
        inside = e.compare("icmp ult", b, constant(bits, a.dtype, a.lanes))
        if not left and _is_signed(a):
            return e.binary("ashr", a, e.select(inside, b, constant(bits - 1, a.dtype, a.lanes)))
        zero = constant(0, a.dtype, a.lanes)
        return e.select(inside, e.binary("shl" if left else "lshr", a, e.select(inside, b, zero)), zero)

    return rule


def _divide(e: Emitter, a: Value, b: Value) -> tuple[Value, Value, Value]:
    """(quotient towards zero, the divisor made harmless, whether the divisor was zero). INT_MIN / -1 wraps to INT_MIN."""
    dtype, lanes = a.dtype, a.lanes
    zero, one = constant(0, dtype, lanes), constant(1, dtype, lanes)
    if b.is_constant and b.text not in (zero.text, constant(-1, dtype, lanes).text if _is_signed(a) else zero.text):
        return e.binary("sdiv" if _is_signed(a) else "udiv", a, b), b, constant(False, dt.bool_, lanes)
    nothing = e.compare("icmp eq", b, zero)
    harmful = nothing
    if _is_signed(a):
        least, minus = constant(np.iinfo(dtype).min, dtype, lanes), constant(-1, dtype, lanes)
        overflow = e.binary("and", e.compare("icmp eq", a, least), e.compare("icmp eq", b, minus))
        harmful = e.binary("or", nothing, overflow)
    divisor = e.select(harmful, one, b)
    if lanes == 1 or dtype.itemsize == 8:
        return e.binary("sdiv" if _is_signed(a) else "udiv", a, divisor), divisor, nothing
    # No processor divides vectors of integers. A quotient of n-bit integers that is not a whole number is at least 2**-n
    # (relatively) below the next one, so rounding it to 2n bits or more and truncating is exact.
    wide = dt.float64 if dtype.itemsize == 4 else dt.float32
    ratio = e.binary("fdiv", convert(e, a, wide), convert(e, divisor, wide))
    if dtype.itemsize == 4:
        return e.cast("fptosi" if _is_signed(a) else "fptoui", ratio, dtype), divisor, nothing
    return e.cast("trunc", e.cast("fptosi", ratio, dt.int32), dtype), divisor, nothing


def _remainder(e: Emitter, a: Value, b: Value) -> Value:
    quotient, divisor, nothing = _divide(e, a, b)
    return _unless(e, nothing, e.binary("sub", a, e.binary("mul", quotient, divisor)), b)


def _unless(e: Emitter, nothing: Value, value: Value, b: Value) -> Value:
    """The value; zero where the divisor b is zero, and there also the processor's flag for an invalid operation."""
    if nothing.is_constant:
        return value
    # Zero times infinity raises it, and gives a NaN whose low bits are zeros.
    wide = dt.float32 if b.dtype.itemsize <= 2 else dt.float64
    product = e.binary("fmul", convert(e, b, wide), constant(float("inf"), wide, b.lanes))
    bits = e.bitcast(product, dt.uint32 if wide == dt.float32 else dt.uint64)
    if b.dtype.itemsize == 8:
        zero = e.binary("shl", bits, constant(13, bits.dtype, b.lanes))._replace(dtype=b.dtype)
    else:
        zero = e.cast("trunc", bits, b.dtype)
    return e.select(nothing, zero, value)


def _floor_division(e: Emitter, a: Value, b: Value) -> tuple[Value, Value]:
    if _is_signed(a) and b.is_constant and (n := _number(b)) > 0 and not n & (n - 1):
        # A shift rounds down by itself. LLVM does not see that in what corrects a quotient towards zero.
        by, mask = (constant(k, a.dtype, a.lanes) for k in (n.bit_length() - 1, n - 1))
        return e.binary("ashr", a, by), e.binary("and", a, mask)
    quotient, divisor, nothing = _divide(e, a, b)
    remainder = e.binary("sub", a, e.binary("mul", quotient, divisor))
    if _is_signed(a):
        zero = constant(0, a.dtype, a.lanes)
        uneven = e.compare("icmp ne", remainder, zero)
        opposite = e.compare("icmp slt", e.binary("xor", remainder, divisor), zero)
        below = e.binary("and", uneven, opposite)
        quotient = e.binary("add", quotient, e.cast("sext", below, a.dtype))
        remainder = e.binary("add", remainder, e.select(below, divisor, zero))
    return _unless(e, nothing, quotient, b), _unless(e, nothing, remainder, b)


def _power(e: Emitter, a: Value, b: Value) -> Value:
    """Integer power by squaring, wrapping; 0 for negative exponents, which NumPy refuses."""
    kind, zero, one = a.type, constant(0, a.dtype, a.lanes), constant(1, a.dtype, a.lanes)
    before, loop, done = e.block, e.label("power"), e.label("powered")
    e.jump(loop)
    e.start(loop)
    phis = e.reserve()
    result, base, rest = (Value(e.fresh(), a.dtype, a.lanes) for _ in range(3))
    odd = e.compare("icmp ne", e.binary("and", rest, one), zero)
    following = (
        e.select(odd, e.binary("mul", result, base), result),
        e.binary("mul", base, base),
        e.binary("lshr", rest, one),
    )
    more = e.any(e.compare("icmp ne", following[2], zero))
    for phi, first, then in zip((result, base, rest), (one, a, b), following):
        phis.append(f"  {phi.text} = phi {kind} [ {first.text}, %{before} ], [ {then.text}, %{loop} ]")
    e.branch(more, loop, done)
    e.start(done)
    return e.select(e.compare("icmp slt", b, zero), zero, following[0]) if _is_signed(a) else following[0]


_INTEGER: dict[str, Rule] = {
    "add": "add", "sub": "sub", "mul": "mul", "and": "and", "or": "or", "xor": "xor",
    "fmod": _remainder,
    "floordiv": lambda e, a, b: _floor_division(e, a, b)[0],
    "mod": lambda e, a, b: _floor_division(e, a, b)[1],
    "min": _by_sign("smin", "umin"), "max": _by_sign("smax", "umax"),
    "shl": _shift(left=True), "shr": _shift(left=False), "pow": _power,
    "neg": lambda e, a: e.binary("sub", constant(0, a.dtype, a.lanes), a),
    "abs": lambda e, a: e.intrinsic("abs", a, flags="i1 false") if _is_signed(a) else a,
    "not": lambda e, a: e.binary("xor", a, constant(-1 if _is_signed(a) else np.iinfo(a.dtype).max, a.dtype, a.lanes)),
    **{name: integers for name, (_, integers) in _COMPARE.items()},
}  # fmt: skip
# Those of NumPy's scalars have the same values; `codegen/wraps` says where they wrap around.
_INTEGER |= {f"scalar_{name}": _INTEGER[name] for name in ("add", "sub", "mul", "neg", "abs")}


# float16 and bfloat16


def _narrow(e: Emitter, name: str, args: Sequence[Value]) -> Value:
    dtype, lanes = args[-1].dtype, args[-1].lanes
    if name in ("neg", "abs", "copysign"):
        sign, rest = constant(0x8000, dt.uint16, lanes), constant(0x7FFF, dt.uint16, lanes)
        bits = [e.bitcast(a, dt.uint16) for a in args]
        if name == "neg":
            return e.bitcast(e.binary("xor", bits[0], sign), dtype)
        magnitude = e.binary("and", bits[0], rest)
        if name == "abs":
            return e.bitcast(magnitude, dtype)
        return e.bitcast(e.binary("or", magnitude, e.binary("and", bits[1], sign)), dtype)
    # A fused multiply-add has up to three times the bits of an operand: float64 keeps what float32 would round first.
    wide = dt.float64 if name == "fma" else dt.float32
    result = operate(e, name, *(convert(e, a, wide) for a in args))
    if result.dtype == dt.bool_:
        return result
    return _round_narrow(e, _round_to_odd(e, result) if name == "fma" else result, dtype)


def _widen(e: Emitter, value: Value) -> Value:
    """float16 or bfloat16 as float32, exactly."""
    if value.dtype == dt.float16:
        return e.cast("fpext", value, dt.float32)
    high = e.binary("shl", e.cast("zext", value, dt.uint32), constant(16, dt.uint32, value.lanes))
    return e.bitcast(high, dt.float32)


def _round_narrow(e: Emitter, value: Value, dtype: np.dtype) -> Value:
    """float32 rounded to the nearest float16 or bfloat16, ties to even."""
    lanes = value.lanes
    if dtype == dt.float16:
        # LLVM moves the rounding of a scalar before a copysign whose sign comes from a float64, which it then rounds to
        # float16 by a library function that few systems have. The fence, no instruction, keeps it here.
        return e.cast("fptrunc", e.intrinsic("arithmetic.fence", value) if lanes == 1 else value, dtype)
    bits, half = e.bitcast(value, dt.uint32), constant(16, dt.uint32, lanes)
    high = e.binary("lshr", bits, half)
    even = e.binary("and", high, constant(1, dt.uint32, lanes))
    nearest = e.binary("add", e.binary("add", bits, constant(0x7FFF, dt.uint32, lanes)), even)
    quiet = e.binary("or", high, constant(0x40, dt.uint32, lanes))  # rounding could carry a NaN's bits into infinity
    rounded = e.select(is_nan(e, value), quiet, e.binary("lshr", nearest, half))
    return e.cast("trunc", rounded, dt.uint16)._replace(dtype=dtype)


def _round_to_odd(e: Emitter, value: Value) -> Value:
    """float64 as float32 with an inexact result's last bit set, so that rounding again rounds only once (Boldo, Melquiond)."""
    near = e.cast("fptrunc", value, dt.float32)
    back = e.cast("fpext", near, dt.float64)
    above = e.compare("fcmp ogt", e.intrinsic("fabs", back), e.intrinsic("fabs", value))
    bits = e.binary("sub", e.bitcast(near, dt.uint32), e.cast("zext", above, dt.uint32))
    inexact = e.cast("zext", e.compare("fcmp one", back, value), dt.uint32)
    return e.bitcast(e.binary("or", bits, inexact), dt.float32)


# Conversions


def convert(e: Emitter, value: Value, dtype: np.dtype) -> Value:
    """NumPy's `astype`; floats outside an integer's range give what x86's truncating conversions give NumPy."""
    source, lanes = value.dtype, value.lanes
    if source == dtype:
        return value
    if source in NARROW:
        return convert(e, _widen(e, value), dtype)
    if dtype == dt.bool_:
        predicate = "fcmp une" if dt.is_float(source) else "icmp ne"
        return e.compare(predicate, value, constant(0, source, lanes))
    if dt.is_float(source):
        return _from_float(e, value, dtype)
    if dtype in NARROW:
        return _round_narrow(e, convert(e, value, dt.float32), dtype)
    if dt.is_float(dtype):
        return e.cast("sitofp" if _is_signed(value) else "uitofp", value, dtype)
    if source != dt.bool_ and source.itemsize >= dtype.itemsize:
        return value._replace(dtype=dtype) if source.itemsize == dtype.itemsize else e.cast("trunc", value, dtype)
    return e.cast("sext" if _is_signed(value) else "zext", value, dtype)


def _from_float(e: Emitter, value: Value, dtype: np.dtype) -> Value:
    """float32 or float64 to another float or to an integer."""
    if dtype == dt.float16 and value.dtype == dt.float64:
        return _round_narrow(e, _round_to_odd(e, value), dtype)
    if dtype in NARROW:  # bfloat16 by way of float32, as ml_dtypes
        return _round_narrow(e, convert(e, value, dt.float32), dtype)
    if dt.is_float(dtype):
        return e.cast("fpext" if dtype == dt.float64 else "fptrunc", value, dtype)
    if dtype.itemsize <= 2:
        return convert(e, _truncate(e, value, dt.int32), dtype)
    if dtype == dt.uint32:
        return convert(e, _truncate(e, value, dt.int64), dtype)
    if dtype == dt.uint64:
        lanes = value.lanes
        upper = e.compare("fcmp oge", value, constant(2.0**63, value.dtype, lanes))
        moved = e.select(upper, e.binary("fsub", value, constant(2.0**63, value.dtype, lanes)), value)
        flip = e.select(upper, constant(-(2**63), dt.int64, lanes), constant(0, dt.int64, lanes))
        return e.binary("xor", _truncate(e, moved, dt.int64), flip)._replace(dtype=dtype)
    return _truncate(e, value, dtype)


def _truncate(e: Emitter, value: Value, dtype: np.dtype) -> Value:
    """To int32 or int64 towards zero; the most negative integer where that does not fit, and for NaN."""
    lanes, least = value.lanes, int(np.iinfo(dtype).min)
    # Scaled so that what does not fit overflows, and raises the processor's flag for it; then ∞ - ∞ is NaN, all others are 0.
    scale = math.ldexp(1.0, np.finfo(value.dtype).maxexp - (8 * dtype.itemsize - 1))
    scaled = e.binary("fmul", value, constant(scale, value.dtype, lanes))
    fits = e.compare("fcmp olt", e.binary("fsub", scaled, scaled), constant(1.0, value.dtype, lanes))
    inside = e.select(fits, value, constant(0, value.dtype, lanes))
    return e.select(fits, e.cast("fptosi", inside, dtype), constant(least, dtype, lanes))


def is_constant(value: Value) -> bool:
    """Whether a float is written out."""
    return value.lanes == 1 and dt.is_inexact(value.dtype) and not value.text.startswith("%")


def is_nothing(value: Value) -> bool:
    """Whether an integer is a zero written out."""
    return not dt.is_inexact(value.dtype) and value.text == constant(0, value.dtype, value.lanes).text


def hidden(e: Emitter, value: Value, place: list[str]) -> Value:
    """A constant of which LLVM knows nothing, in a register from `place` on."""
    cell, out = e.fresh("hidden"), value._replace(text=e.fresh())
    place += [f"  {cell} = alloca {value.type}", f"  store {value.operand}, ptr {cell}"]
    place.append(f"  {out.text} = load volatile {value.type}, ptr {cell}")
    return out
