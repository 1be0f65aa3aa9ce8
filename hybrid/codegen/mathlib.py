"""Elementary functions, once for all targets: `expand` rewrites one into operations every code generator has."""

from __future__ import annotations

from hybrid.codegen import mathlib_exp, mathlib_random, mathlib_special, mathlib_trig
from hybrid.codegen.mathlib_core import FORMATS
from hybrid.loops.nest import Expr, Op

EXPANSIONS = {**mathlib_exp.EXPANSIONS, **mathlib_trig.EXPANSIONS, **mathlib_special.EXPANSIONS}
WORDS = {"threefry": mathlib_random.threefry}  # functions of 64-bit integers


def expand(op: Op) -> Expr | None:
    """The expansion of `op` on float32, float64 or words; None where the platform's own scalar function is to be called."""
    if op.name in WORDS:
        return WORDS[op.name](*op.args)
    fmt = FORMATS.get(op.dtype)
    expansion = EXPANSIONS.get(op.name)
    return None if fmt is None or expansion is None else expansion(fmt, *op.args)
