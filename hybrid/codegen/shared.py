"""Elementary functions that one kernel computes very often: each is a function of the kernel's, which it calls.

Written out each time, as is best where there are few, 3000 sines took 20 s to compile: LLVM takes some 6 ms for each.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hybrid.codegen.estimate import nodes_of
from hybrid.codegen.instructions import Value, symbol
from hybrid.loops.nest import Op, Ref, Stmt, op

if TYPE_CHECKING:
    from hybrid.codegen.values import Values

MANY = 64  # such operations in one kernel
_FUNCTIONS = frozenset(
    ("sigmoid", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
     "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc", "cbrt", "lgamma")
)  # fmt: skip


def often(body: tuple[Stmt, ...]) -> frozenset[str]:
    """The names of the functions of one number that statements compute very often."""
    counts = Counter(node.name for node in nodes_of(body) if isinstance(node, Op) and node.name in _FUNCTIONS)
    return frozenset(name for name, count in counts.items() if count > MANY)


def function(inner: Values, name: str, expr: Op, argument: Value, marks: str) -> str:
    """The function of that name which computes an operation of as many lanes; `inner` evaluates where its emitter stands."""
    inner.lanes = argument.lanes
    inner.bind("x", argument)
    found = inner.e.splat(inner.evaluate(op(expr.name, Ref("x", argument.dtype))), argument.lanes)
    mask = f", {inner.mask.type} %mask" if inner.mask is not None else ""
    header = f"define internal {argument.type} @{symbol(name)}({argument.type} %x{mask}) noinline nounwind{marks} {{"
    return f"{header}\nentry:\n{inner.e.text()}\n  ret {found.operand}\n}}"
