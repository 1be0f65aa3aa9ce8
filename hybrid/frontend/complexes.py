"""Python's complex numbers in a trace, where they are not NumPy's: they raise, and divide and take powers by other formulas.

What raises is handed over to Python, as in `integers.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hybrid.core import dtype as dt
from hybrid.frontend import integers
from hybrid.frontend.values import Value, dtype_of, kind_of, operand, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Literal
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

C128 = dt.complex128
LARGEST_POWER = 100  # beyond it, Python takes logarithms
_ORDER = {"less": "<", "less_equal": "<=", "greater": ">", "greater_equal": ">="}


def arithmetic(trace: Trace, name: str, operands: tuple) -> Any:
    """The result of a Python operator on Python numbers, some of them complex; None where NumPy's is the same."""
    if not all(kind_of(x) == "python" for x in operands) or complex not in map(dtype_of, operands):
        return None
    if name in _ORDER:
        left, right = (_name(x) for x in operands)
        raise TypeError(f"'{_ORDER[name]}' not supported between instances of '{left}' and '{right}'")
    if name == "power":
        n = _whole(operands[1])
        return None if n is None else integers.python(trace, power(trace, operand(trace, operands[0], C128), n))
    make = _EXACT.get(name)
    return None if make is None else integers.python(trace, make(trace, *(operand(trace, x, C128) for x in operands)))


def taken(trace: Trace, operands: tuple) -> tuple:
    """Operands as Python's operators take them: a complex number left of an np.float64, which is a float, takes it for one."""
    if len(operands) != 2 or kind_of(operands[0]) != "python" or dtype_of(operands[0]) is not complex:
        return operands
    left, right = operands
    if kind_of(right) != "scalar" or dtype_of(right) != dt.float64:
        return operands
    number = wrap(trace.fresh(operand(trace, right, dt.float64), "python")) if isinstance(right, Value) else float(right)
    return left, number


def is_order(name: str, operands: tuple) -> bool:
    """Whether Python, unlike NumPy, has no such comparison."""
    return name in _ORDER and any(dt.is_complex(dt.promote(dtype_of(x))) for x in operands)


def is_apart(name: str, operands: tuple) -> bool:
    """Whether an operation on complex numbers raises in Python for some that NumPy takes."""
    is_complex = any(dt.is_complex(dt.promote(dtype_of(x))) for x in operands)
    return is_complex and (name in _ORDER or name in ("absolute", "true_divide", "power"))


def _name(x: Any) -> str:
    kind = dtype_of(x)
    return kind.__name__ if isinstance(kind, type) else str(kind)


def _whole(x: Any) -> int | None:
    """The exponent with which Python multiplies, where the trace knows it."""
    data = unwrap(x)
    atom = data.cell.value if isinstance(x, Value) and type(data) is tr.Symbol and not data.chain else None
    value = atom.value if isinstance(atom, Literal) else None if isinstance(x, Value) else data
    if not isinstance(value, (int, float, complex)) and value is None:
        return None
    number = complex(value)
    small = number.imag == 0 and abs(number.real) <= LARGEST_POWER and number.real == math.floor(number.real)
    return int(number.real) if small else None


def _infinite(trace: Trace, size: Atom) -> Atom:
    return trace.one(e.eq, size, tr.literal(math.inf, dt.float64))


def quotient(trace: Trace, a: Atom, b: Atom) -> Atom:
    """a / b as Python divides: Smith's algorithm with quotients where NumPy multiplies by a reciprocal."""
    one = trace.one
    (ar, ai), (br, bi) = ((one(e.real, z), one(e.imag, z)) for z in (a, b))
    zero = tr.literal(0, C128)
    trace.assume(one(e.ne, b, zero), "a divisor is not zero")
    flat = one(e.ge, one(e.abs, br), one(e.abs, bi))
    long, short = one(e.select, flat, br, bi), one(e.select, flat, bi, br)
    ratio = one(e.div, short, long)
    below = one(e.add, long, one(e.mul, short, ratio))
    # (ar + ai·ratio, ai - ar·ratio), or (ar·ratio + ai, ai·ratio - ar)
    first, second = one(e.select, flat, ar, ai), one(e.select, flat, ai, ar)
    re = one(e.add, first, one(e.mul, second, ratio))
    im = one(e.select, flat, one(e.sub, ai, one(e.mul, ar, ratio)), one(e.sub, one(e.mul, ai, ratio), ar))
    return one(e.complex_, one(e.div, re, below), one(e.div, im, below))


def power(trace: Trace, z: Atom, n: int) -> Atom:
    """zⁿ by squaring, from 1: where Python multiplies 1 by z, a zero may change its sign."""
    unit: Atom = tr.literal(1, C128)
    out, rest, square = unit, abs(n), z
    while rest:
        if rest & 1:
            out = trace.one(e.mul, out, square)
        rest >>= 1
        square = trace.one(e.mul, square, square) if rest else square
    if n < 0:
        out = quotient(trace, unit, out)
    if n:
        integers.finite(trace, out)
    return out


def absolute(trace: Trace, z: Atom) -> Atom:
    """|z|, which Python refuses where it overflows."""
    size = trace.one(e.cabs, z)
    allowed = trace.one(e.not_, _infinite(trace, size))
    for part in (e.real, e.imag):
        allowed = trace.one(e.or_, allowed, _infinite(trace, trace.one(e.abs, trace.one(part, z))))
    trace.assume(allowed, "an absolute value does not overflow")
    return size


_EXACT: dict[str, Callable[..., Atom]] = {"true_divide": quotient, "absolute": absolute}


def to_complex(x: Any) -> Any:
    """`complex(x)` of a traced number."""
    trace = tr.current()
    assert trace is not None
    return integers.python(trace, operand(trace, integers.taken_out(trace, x), C128))


def joined(trace: Trace, x: Any, y: Any) -> Any:
    """`complex(x, y)`: x + iy, each a real or a complex number."""
    parts: list[tuple[Atom, Atom | None]] = []
    for given in (x, y):
        if dt.is_complex(dt.promote(dtype_of(given))):
            whole = operand(trace, given, C128)
            parts.append((trace.one(e.real, whole), trace.one(e.imag, whole)))
        else:
            parts.append((operand(trace, given, dt.float64), None))
    (re, own), (im, turned) = parts
    re = re if turned is None else trace.one(e.sub, re, turned)
    im = im if own is None else trace.one(e.add, im, own)
    return integers.python(trace, trace.one(e.complex_, re, im))
