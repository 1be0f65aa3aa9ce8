"""Python integers while tracing: exact where Python is exact, and known as polynomials over sizes where that is possible.

A loop's counter, the size of an axis and what is computed from them by `+ - *` stay polynomials (`Trace.size_of`), so that
`A[i, :i]` is a slice whose shape fusion and loops understand. Any other number used as an index or a bound becomes a
symbol of its own. Arithmetic that leaves 64 bits, or raises in Python, hands the call over to Python (`check`).
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import IndexingError
from hybrid.core.shape import Dim, Size, TensorType
from hybrid.frontend import uncertain
from hybrid.frontend.calls import unsupported
from hybrid.frontend.uncertain import EXACT_FLOAT
from hybrid.frontend.values import Value, active, dtype_of, kind_of, operand, read, sized, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.catching import IN_BOUNDS
from hybrid.ir.graph import Atom, Literal
from hybrid.ir.primitive import Primitive
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import control
from hybrid.ops import elementwise as e
from hybrid.ops import view as v

LARGEST = 1 << 62
_ZERO = tr.literal(0, dt.int64)


def is_traced_integer(item: Any) -> bool:
    """Whether an index is a run-time integer: of Python's, of NumPy's, or an array of rank 0."""
    return (
        isinstance(item, Value)
        and type(item._data) is Symbol
        and item._data.type.shape == ()
        and dt.is_integer(item._data.type.dtype)
    )


def is_size(trace: Trace, item: Any) -> bool:
    """Whether a number is known as a polynomial over sizes."""
    return is_traced_integer(item) and item._data.kind == "python" and trace.size_of(item._data.cell.value) is not None


def integer(trace: Trace, size: Size) -> Any:
    """A size as the Python integer it is: a plain one, or a traced one that is known as this polynomial."""
    if not isinstance(size, Dim):
        return int(size)
    return python(trace, sized(trace, size))


def python(trace: Trace, atom: Atom) -> Any:
    """A traced value as a Python number."""
    return wrap(Symbol(Cell(trace, atom, mutable=False), TensorType(atom.type.dtype, (), weak=True), "python"))


def index(trace: Trace, item: Any) -> Any:
    """What `operator.index` gives: a Python integer, also of one of NumPy's. A size stays one."""
    if not isinstance(item, Value):
        return item if isinstance(item, Dim) else operator.index(item)
    if kind_of(item) == "python" and dtype_of(item) == dt.int64:
        return item
    if not is_traced_integer(item) and dtype_of(item) != dt.bool_:
        raise TypeError(f"a {dtype_of(item)} number cannot be interpreted as an integer")
    return python(trace, operand(trace, uncertain.number(trace, item), dt.int64))


def size_of(trace: Trace, item: Any) -> Size:
    """An integer as a size; one that is no polynomial gets a symbol of its own."""
    if isinstance(item, Dim):
        return item
    if not isinstance(item, Value):
        return operator.index(item)
    dtype = unwrap(item).dtype if not isinstance(unwrap(item), Symbol) else unwrap(item).type.dtype
    if not dt.is_integer(dtype) and not (kind_of(item) == "python" and dtype == dt.bool_):
        raise TypeError(f"a {dtype} number cannot be interpreted as an integer")
    return bound(trace, operand(trace, uncertain.number(trace, item), dt.int64))


def bound(trace: Trace, atom: Atom, low: Size | None = None, high: Size | None = None) -> Size:
    """The size a number is, known to lie between two others."""
    known = trace.size_of(atom)
    if known is None:
        if low is None and high is None:
            low, high = trace.ranges.get(atom, (None, None))
        symbol = trace.fresh_symbol("size")
        trace.record(control.bind, (atom,), {"symbol": symbol, "high": high})
        known = Dim.symbol(symbol)
        trace.know_size(atom, known)
        trace.bounds.know(symbol, low, high)
        trace.bound[symbol] = atom
    return known


def exceeds(size: Size, limit: int, what: str) -> bool:
    """Whether a size is greater than a number, which this call decides for its trace."""
    held = active().ask("gt", size, limit)
    if held is None:
        raise unsupported(f"{what} of a size that only a run knows")
    return held


# Indices and slices ----------------------------------------------------------------------------------------------------
def stated(trace: Trace, item: Any) -> Size:
    """A size that an argument says: a polynomial over sizes stays one, and Python is asked for any other number."""
    return size_of(trace, item) if isinstance(item, Dim) or is_size(trace, item) else operator.index(item)


def place(trace: Trace, item: Any, length: Size) -> Size:
    """Where along an axis an integer points: counted from the front, and checked."""
    at = size_of(trace, item)
    negative = trace.ask("lt", at, 0)
    if negative is None:
        given, end = sized(trace, at), sized(trace, length)
        wrapped = trace.one(e.select, trace.one(e.lt, given, _ZERO), trace.one(e.add, given, end), given)
        at = bound(trace, wrapped, 0, length - 1)
        _require(trace, e.ge, at, 0, IN_BOUNDS)
        if not trace.bounds.below(size_of(trace, item), length):
            _require(trace, e.lt, at, length, IN_BOUNDS)
        return at
    if negative:
        at = at + length
    inside = trace.ask("ge", at, 0) if negative else trace.ask("lt", at, length)
    if inside is None:
        _require(trace, e.ge if negative else e.lt, at, 0 if negative else length, IN_BOUNDS)
    if inside is False:
        raise IndexingError(f"index {at - length if negative else at} is out of bounds for axis with size {length}")
    return at


def span(trace: Trace, item: slice, length: Size) -> tuple[Size, Size, Size]:
    """First element, step and number of elements of a slice, as `slice.indices` finds them."""
    if not isinstance(length, Dim) and not any(isinstance(part, (Value, Dim)) for part in (item.start, item.stop, item.step)):
        first, stop, step = item.indices(length)
        count = len(range(first, stop, step))
        return (first, step, count) if count else (0, 1, 0)
    given = 1 if item.step is None else item.step
    by: Size = size_of(trace, given) if isinstance(given, Value) else operator.index(given)
    if by == 0:
        raise ValueError("slice step cannot be zero")
    if isinstance(by, Dim) and not trace.bounds.nonnegative(by - 1):
        _require(trace, e.ge, by, 1, "a slice goes upwards")
    up = isinstance(by, Dim) or by > 0
    low: Size = 0 if up else -1
    high = length if up else length - 1
    begin = (low if up else high) if item.start is None else _clipped(trace, item.start, length, low, high)
    end = (high if up else low) if item.stop is None else _clipped(trace, item.stop, length, low, high)
    number = steps(trace, end - begin if up else begin - end, by if up else -by, length)
    return (0, 1, 0) if type(number) is int and number == 0 else (begin, by, number)


def steps(trace: Trace, distance: Size, by: Size, most: Size | None = None) -> Size:
    """How many steps of `by`, which is positive, begin before a distance is reached: none where it is negative."""
    some = trace.ask("ge" if by == 1 else "gt", distance, 0)
    if some is False:
        return 0
    if by == 1:
        return distance if some else _end(trace, trace.one(e.maximum, sized(trace, distance), _ZERO), 0, most)
    rounded = trace.quotient(distance + (by - 1), by) if some and isinstance(by, int) else None
    if rounded is not None:
        return rounded
    ratio = trace.one(e.floordiv, sized(trace, distance + (by - 1)), sized(trace, by))
    if isinstance(ratio, Literal):
        return max(int(ratio.value), 0)
    return _end(trace, trace.one(e.maximum, ratio, _ZERO), 0, most)


def _clipped(trace: Trace, part: Any, length: Size, low: Size, high: Size) -> Size:
    """An end of a slice: counted from the front, and moved into the array."""
    at = size_of(trace, part)
    negative = trace.ask("lt", at, 0)
    if negative is not None:
        counted = at + length if negative else at
        under, over = trace.ask("lt", counted, low), trace.ask("gt", counted, high)
        if under is False and over is False:
            return counted
        if under or over:
            return low if under else high
    given, end = sized(trace, at), sized(trace, length)
    wrapped = trace.one(e.select, trace.one(e.lt, given, _ZERO), trace.one(e.add, given, end), given)
    inside = trace.one(e.minimum, trace.one(e.maximum, wrapped, sized(trace, low)), sized(trace, high))
    if low == -1:  # symbols of sizes are never negative
        return _end(trace, trace.one(e.add, inside, tr.literal(1, dt.int64)), 0, high + 1) - 1
    return _end(trace, inside, low, high)


def _end(trace: Trace, atom: Atom, low: Size, high: Size | None) -> Size:
    """A computed end or length of a slice."""
    known = trace.size_of(atom)
    return bound(trace, atom, low, high) if known is None else known


def is_late(trace: Trace, size: Size | None) -> bool:
    """Whether nothing outside of branches and loops knows a size, and the trace is there."""
    return not trace.inside and (size is None or (isinstance(size, Dim) and any(name in trace.bound for name in size.symbols)))


def _require(trace: Trace, comparison: Any, left: Size, right: Size, what: str) -> None:
    trace.assume(trace.one(comparison, sized(trace, left), sized(trace, right)), what)


# Arithmetic ------------------------------------------------------------------------------------------------------------
def _is_python_integer(x: Any) -> bool:
    if type(x) in (int, bool):
        return True
    return isinstance(x, Value) and kind_of(x) == "python" and dt.KIND[unwrap(x).type.dtype] in "ib"


_POLYNOMIAL: dict[str, Callable[..., Size]] = {
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "negative": operator.neg, "positive": operator.pos,
}  # fmt: skip
_COMPARED = {
    "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq", "not_equal": "ne",
}  # fmt: skip


def arithmetic(trace: Trace, name: str, operands: tuple) -> Any:
    """An operator on Python integers, where it needs care; None where the elementwise function says it all."""
    if not all(map(_is_python_integer, operands)) or not any(isinstance(x, Value) for x in operands):
        return None
    if any(isinstance(x, Value) and dt.KIND[unwrap(x).type.dtype] == "b" for x in operands):
        if name in _BITS:
            return None
        if name == "positive":
            return python(trace, operand(trace, operands[0], dt.int64))
        if name == "invert":  # of the integer that a Python bool is
            if sys.version_info >= (3, 12):
                raise unsupported("~ of a bool, of which Python warns")
            return python(trace, trace.one(e.not_, operand(trace, operands[0], dt.int64)))
    if any(type(x) is int and not -(2**63) <= x < 2**63 for x in operands):
        return _with_wide(name, operands)
    atoms = [operand(trace, x, dt.int64) for x in operands]
    sizes = [trace.size_of(atom) for atom in atoms]
    if None not in sizes:
        if name in _COMPARED:
            left, right = sizes
            return trace.ask(_COMPARED[name], left, right)  # type: ignore[arg-type]
        if name in ("floor_divide", "remainder"):
            whole, by = sizes
            quotient = trace.quotient(whole, by) if type(by) is int else None  # type: ignore[arg-type]
            if quotient is not None:
                return integer(trace, quotient if name == "floor_divide" else whole - quotient * by)  # type: ignore[operator]
        if name in _POLYNOMIAL:
            out = _POLYNOMIAL[name](*sizes)
            if trace.bounds.nonnegative(LARGEST - out) and trace.bounds.nonnegative(out + LARGEST):
                return integer(trace, out)
    make = _CHECKED.get(name)
    if make is None:
        return None
    made = make(trace, *atoms)
    if name in ("remainder", "floor_divide"):
        _know_range(trace, name, made, *sizes)
    return python(trace, made)


def _with_wide(name: str, operands: tuple) -> bool:
    """An operator on a number of 64 bits and a constant of more: a comparison, which depends on the constant's sign only."""
    if name not in _COMPARED:
        raise unsupported("arithmetic with integers of more than 64 bits")
    return getattr(operator, _COMPARED[name])(*(0 if isinstance(x, Value) else x for x in operands))


def _know_range(trace: Trace, name: str, out: Atom, left: Size | None, right: Size | None) -> None:
    """Keep what a division says about its result: 0 <= a % b < b for positive b, 0 <= a // b <= a where both are positive."""
    if right is None or not trace.bounds.nonnegative(right - 1):
        return
    if name == "remainder":
        trace.ranges[out] = 0, right - 1
    elif left is not None and trace.bounds.nonnegative(left):
        trace.ranges[out] = 0, left


_BITS = frozenset(("bitwise_and", "bitwise_or", "bitwise_xor"))


def _add(trace: Trace, a: Atom, b: Atom) -> Atom:
    return _fitting(trace, e.fits_add, e.add, a, b)


def _subtract(trace: Trace, a: Atom, b: Atom) -> Atom:
    return _fitting(trace, e.fits_sub, e.sub, a, b)


def _multiply(trace: Trace, a: Atom, b: Atom) -> Atom:
    return _fitting(trace, e.fits_mul, e.mul, a, b)


def _fitting(trace: Trace, fits: Primitive, operation: Primitive, a: Atom, b: Atom) -> Atom:
    trace.assume(trace.one(fits, a, b), "a Python integer fits 64 bits")
    return trace.one(operation, a, b)


def _float(trace: Trace, a: Atom) -> Atom:
    return tr.literal(float(a.value), dt.float64) if isinstance(a, Literal) else trace.one(e.convert, a, dtype=dt.float64)


def _small(trace: Trace, estimate: Atom) -> None:
    """The float estimate of an integer leaves room for its rounding below 2**63."""
    limit = tr.literal(9.2e18, dt.float64)
    trace.assume(trace.one(e.lt, trace.one(e.abs, estimate), limit), "a Python integer fits 64 bits")


def _nonzero(trace: Trace, b: Atom) -> None:
    trace.assume(trace.one(e.ne, b, _ZERO), "a divisor is not zero")


def _floor_divide(trace: Trace, a: Atom, b: Atom) -> Atom:
    _nonzero(trace, b)
    if not isinstance(b, Literal) or b.value == -1:
        _small(trace, _float(trace, a))  # the least integer divided by -1 does not fit
    return trace.one(e.floordiv, a, b)


def _remainder(trace: Trace, a: Atom, b: Atom) -> Atom:
    _nonzero(trace, b)
    return trace.one(e.mod, a, b)


def _true_divide(trace: Trace, a: Atom, b: Atom) -> Atom:
    _nonzero(trace, b)
    for x in (a, b):
        size, limit = trace.size_of(x), tr.literal(EXACT_FLOAT, dt.int64)
        if size is not None and trace.bounds.nonnegative(EXACT_FLOAT - size) and trace.bounds.nonnegative(EXACT_FLOAT + size):
            continue
        trace.assume(trace.one(e.le, trace.one(e.abs, x), limit), "the integers of a division are floats too")
    return trace.one(e.div, _float(trace, a), _float(trace, b))


def _power(trace: Trace, a: Atom, b: Atom) -> Atom:
    if isinstance(b, Literal) and 0 <= b.value <= 16:
        out: Atom = tr.literal(1, dt.int64)
        for _ in range(int(b.value)):
            out = _multiply(trace, out, a) if not isinstance(out, Literal) else a
        return out
    if isinstance(a, Literal) and a.value == 2:
        return _left_shift(trace, tr.literal(1, dt.int64), b)  # a negative power is a float: Python's
    size = trace.size_of(b)
    if size is not None and not trace.bounds.nonnegative(size):  # of a counter, which a loop that is written out knows
        raise unsupported("a power of Python integers that may be negative, and then is a float", "write it as a product")
    few = trace.one(e.and_, trace.one(e.ge, b, _ZERO), trace.one(e.lt, b, tr.literal(64, dt.int64)))
    trace.assume(few, "an integer power is neither negative nor large")
    _small(trace, trace.one(e.pow, _float(trace, a), _float(trace, b)))
    made: Atom = tr.literal(1, dt.int64)
    for bit in range(6):  # products wrap, and those that are taken do not
        taken = trace.one(e.ne, trace.one(e.and_, b, tr.literal(1 << bit, dt.int64)), _ZERO)
        made = trace.one(e.select, taken, trace.one(e.mul, made, a), made)
        a = trace.one(e.mul, a, a)
    return made


def _left_shift(trace: Trace, a: Atom, b: Atom) -> Atom:
    # Seen as unsigned, both a negative count and one above 62 are large.
    few = trace.one(e.and_, trace.one(e.ge, b, _ZERO), trace.one(e.lt, b, tr.literal(63, dt.int64)))
    trace.assume(few, "an integer is shifted by fewer than 63 bits")
    shifted = trace.one(e.shl, a, b)
    trace.assume(trace.one(e.eq, trace.one(e.shr, shifted, b), a), "a Python integer fits 64 bits")
    return shifted


def _right_shift(trace: Trace, a: Atom, b: Atom) -> Atom:
    trace.assume(trace.one(e.ge, b, _ZERO), "an integer is shifted by no negative count")
    return trace.one(e.shr, a, trace.one(e.minimum, b, tr.literal(63, dt.int64)))


# Low bits --------------------------------------------------------------------------------------------------------------
class Ring:
    """Arithmetic on Python integers of which only the low bits may matter: `name` of `a` and `b`, not done yet."""

    def __init__(self, name: str, a: Any, b: Any):
        self.name, self.a, self.b = name, a, b

    def exact(self) -> Any:
        """The Python integer; one that leaves 64 bits hands the call over to Python."""
        a, b = (x.exact() if type(x) is Ring else x for x in (self.a, self.b))
        return getattr(operator, self.name)(a, b)

    def low(self, trace: Trace) -> Atom:
        """The lowest 64 bits."""
        if self.name == "lshift" and not (type(self.b) is int and 0 <= self.b < 63):
            return operand(trace, self.exact(), dt.int64)
        return trace.one(_RING[self.name], *(_low(trace, x) for x in (self.a, self.b)))


_RING = {"add": e.add, "sub": e.sub, "mul": e.mul, "lshift": e.shl, "and_": e.and_, "or_": e.or_, "xor": e.xor}


def _low(trace: Trace, x: Any) -> Atom:
    if type(x) is Ring:
        return x.low(trace)
    return operand(trace, x if isinstance(x, Value) else (x + 2**63) % 2**64 - 2**63, dt.int64)


def ring(name: str, a: Any, b: Any) -> Any:
    """An operator in an expression whose low bits alone may matter: left for later where that is only known later."""
    if all(type(x) is Ring or (_is_python_integer(x) and not uncertain.is_uncertain(x)) for x in (a, b)):
        if isinstance(a, (Ring, Value)) or isinstance(b, (Ring, Value)):
            return Ring(name, a, b)
    a, b = (x.exact() if type(x) is Ring else x for x in (a, b))
    return getattr(operator, name)(a, b)


def low_bits(trace: Trace, value: Ring, bits: int) -> Any:
    """`value & bits` for bits that are not negative: exact, however large the value is."""
    out = trace.one(e.and_, value.low(trace), tr.literal(bits, dt.int64))
    trace.ranges[out] = 0, bits
    return python(trace, out)


def _negative(trace: Trace, a: Atom) -> Atom:
    return _subtract(trace, _ZERO, a)


def _absolute(trace: Trace, a: Atom) -> Atom:
    return trace.one(e.maximum, a, _negative(trace, a))


_CHECKED: dict[str, Callable[..., Atom]] = {
    "add": _add, "subtract": _subtract, "multiply": _multiply, "floor_divide": _floor_divide, "remainder": _remainder,
    "true_divide": _true_divide, "power": _power, "left_shift": _left_shift, "right_shift": _right_shift,
    "negative": _negative, "absolute": _absolute,
}  # fmt: skip


_GUARDED = frozenset((e.add, e.sub, e.mul, e.div, e.neg))  # what native entries compute of their number arguments


def finite(trace: Trace, number: Atom) -> None:
    """Hand the call over to Python where it would have raised instead of giving this number."""
    if trace.region is None and number.type.dtype == dt.float64 and _is_guard(trace, number):
        trace.checks.append(number)  # looked at before anything is computed
        return
    difference = trace.one(e.sub, number, number)
    trace.assume(trace.one(e.eq, difference, tr.literal(0, number.type.dtype)), "Python arithmetic gives a finite number")


def _is_guard(trace: Trace, number: Atom) -> bool:
    """Whether a number is a little arithmetic of number arguments, which can be looked at before the call."""
    producers = trace.builder.producers()
    pending = [number]
    for _ in range(32):
        if not pending:
            return True
        atom = pending.pop()
        if isinstance(atom, Literal) or atom in trace.numbers:
            continue
        eqn = producers.get(atom)
        if eqn is None or eqn.primitive not in _GUARDED:
            return False
        pending += eqn.inputs
    return False


# Conversions -----------------------------------------------------------------------------------------------------------
def to_float(x: Any) -> Any:
    """`float(x)` of a traced number."""
    trace = active()
    return python(trace, operand(trace, taken_out(trace, uncertain.number(trace, x)), dt.float64))


def taken_out(trace: Trace, x: Any) -> Any:
    """What Python makes a number of: of a tensor it has the value alone, and no gradient flows back."""
    if kind_of(x) != "tensor" or not dt.is_inexact((atom := read(trace, x)).type.dtype):
        return x
    return wrap(trace.fresh(trace.one(v.stop, atom, tag=v.NUMBER), "tensor"))


def to_int(x: Any) -> Any:
    """`int(x)` of a traced number: towards zero."""
    trace = active()
    x = uncertain.number(trace, x)
    dtype = unwrap(x).type.dtype
    if dt.is_float(dtype):
        given = operand(trace, x, dt.float64)
        _small(trace, given)  # false for a NaN, too
        return python(trace, trace.one(e.convert, trace.one(e.trunc, given), dtype=dt.int64))
    if dtype == dt.uint64:
        limit = tr.literal(np.iinfo(np.int64).max, dt.uint64)
        trace.assume(trace.one(e.le, operand(trace, x, dt.uint64), limit), "a Python integer fits 64 bits")
    return python(trace, operand(trace, x, dt.int64))
