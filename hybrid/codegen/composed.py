"""Operations that are made of simpler ones: elementary functions, remainders, neighbours of narrow floats."""

from __future__ import annotations

from hybrid.codegen import library, mathlib
from hybrid.codegen.instructions import NARROW, is_simple
from hybrid.core import dtype as dt
from hybrid.core.errors import CompileError
from hybrid.core.scipyspecial import PREFIX
from hybrid.loops.nest import FOREIGN, ON_WORDS, Bitcast, Const, Convert, Expr, Op, op, select

COMPOSED = frozenset({
    "mod", "floordiv", "sigmoid", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos",
    "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "cbrt", "pow", "hypot", "fmod",
    "nextafter", "lgamma", *ON_WORDS,
})  # fmt: skip


def compose(expr: Op) -> Expr | None:
    """The same value in simpler operations; None for those with an instruction or a scalar function of their own."""
    dtype = expr.args[-1].dtype
    if is_simple(expr.name, dtype) or expr.name.startswith(FOREIGN):
        return None
    if expr.name.startswith(PREFIX):
        return library.widened(expr)
    if expr.name not in COMPOSED or not (dtype == dt.uint64 if expr.name in ON_WORDS else dt.is_float(dtype)):
        raise CompileError(f"{expr.name} has no meaning for {dt.SHORT[dtype]}")
    if dtype in NARROW:
        if expr.name == "nextafter":
            return _next_narrow(*expr.args)
        wide = op(expr.name, *(Convert(arg, dt.float32) for arg in expr.args))
        return Convert(wide, dtype)
    if expr.name == "mod":
        return _modulus(*expr.args)
    if expr.name == "floordiv":
        return _floor_quotient(*expr.args)
    expansion = mathlib.expand(expr)
    if expansion is None and expr.name == "sigmoid":
        return 1 / (1 + op("exp", -expr.args[0]))
    return expansion


def _next_narrow(a: Expr, b: Expr) -> Expr:
    """The neighbour of a 16-bit float: one more or less as an integer, away from zero or towards it.

    Of two equal operands (zeros may differ in sign) NumPy's float16 gives the first, bfloat16 and C the second.
    """
    here, there = Convert(a, dt.float32), Convert(b, dt.float32)
    bits, least = Bitcast(a, dt.uint16), (Bitcast(b, dt.uint16) & 0x8000) | 1
    moved = select(op("eq", there > here, here > 0), bits + 1, bits - 1)
    neighbour = Bitcast(select(op("eq", here, 0), least, moved), a.dtype)
    ordered = select(op("eq", here, there), a if a.dtype == dt.float16 else b, neighbour)
    return select(op("isnan", here) | op("isnan", there), Convert(here + there, a.dtype), ordered)


def _modulus(a: Expr, b: Expr) -> Expr:
    """NumPy's float remainder: C's `fmod` brought to the sign of the divisor."""
    rest = op("fmod", a, b)
    opposite = (b < 0) ^ (rest < 0)
    signed = select(op("ne", rest, 0), select(opposite, rest + b, rest), op("copysign", Const(0, b.dtype), b))
    return select(op("eq", b, 0), rest, signed)


def _floor_quotient(a: Expr, b: Expr) -> Expr:
    """NumPy's float floor division: exact from the remainder, then rounded to the nearest whole number below."""
    rest, ratio = op("fmod", a, b), a / b
    less = op("and", op("ne", rest, 0), (b < 0) ^ (rest < 0))
    quotient = (a - rest) / b
    quotient = select(less, quotient - 1, quotient)
    whole = op("floor", quotient)
    whole = select(quotient - whole > 0.5, whole + 1, whole)
    return select(op("eq", b, 0), ratio, select(op("ne", quotient, 0), whole, op("copysign", Const(0, a.dtype), ratio)))
