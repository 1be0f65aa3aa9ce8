"""Integer arithmetic that is heard where it wraps around: NumPy's scalars warn of it, and so do its integer divisions.

What wrapped is noted in variables of the function, one for each type, which LLVM keeps in registers: of integers the sign bits
count. Where the function ends, it raises the processor's overflow flag (see codegen/flags). How an addition is watched depends
on the code around it:

- A lane of a vector is negative, or true, where it wrapped around.
- A scalar branches, never taken, to where it is noted: one instruction more.
- A loop over scalars that could be repeated, since it reads nothing that it writes but its own sums, does not ask each
  addition. It looks at the sizes of what is added and multiplied, as LLVM can in vectors; where they are such that something
  may have wrapped around, the loop runs again from its first values and watches each operation. So sums need not be made in
  order, nor 64-bit products as ones of 128.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hybrid.codegen.instructions import Emitter, Value, constant, convert, hidden, operate
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Size
from hybrid.loops.nest import HEARD, Expr, For, Let, Load, Op, Store, walk_expr

if TYPE_CHECKING:
    from hybrid.codegen.llvm import _Nest
    from hybrid.codegen.values import Values

_BRANCHING = ("add", "sub", "mul")  # those of which LLVM tells whether they wrapped around
_SHORT = {True: 1 << 31, False: 1 << 32}  # the products of signed and unsigned numbers below these fit 64 bits
_SIGNED = {1: dt.int8, 2: dt.int16, 4: dt.int32, 8: dt.int64}
_UNSIGNED = {1: dt.uint8, 2: dt.uint16, 4: dt.uint32, 8: dt.uint64}


class Sum(NamedTuple):
    """`total = total ± item`, the total an element that stays the same in every round."""

    stored: Store
    total: Load
    item: Expr
    operation: str


class Notes:
    """Where a function notes what wraps around."""

    def __init__(self) -> None:
        self.cells: dict[str, Value] = {}  # addresses of variables, by the type of what they hold
        self.doubts: dict[str, Value] | None = None  # of the loop around, if it can be repeated: negative where it has to be
        self.beginning: list[str] = []  # of that loop
        self.sums: dict[int, tuple[Sum, str]] = {}  # by their stores, and the most that a round may add


def evaluate(values: Values, expr: Op, args: list[Value]) -> Value | None:
    """An operation that says where it wraps around; None for those that are silent."""
    if expr.name in HEARD:
        return _heard(values, expr.name, args)
    if expr.name.startswith("fits_") and expr.args[0].dtype == dt.int64:
        return _fits(values.e, expr.name, *args)
    if expr.name == "floordiv" and dt.is_integer(expr.dtype):
        _division(values, *args)
    return None


def _heard(values: Values, name: str, args: list[Value]) -> Value:
    """An operator of NumPy's integer scalars."""
    e, lanes, silent = values.e, max(arg.lanes for arg in args), HEARD[name]
    operands = [e.splat(arg, lanes) for arg in args]
    if lanes == 1 and values.wraps.doubts is None and silent in _BRANCHING:
        out, wrapped = _with_overflow(e, silent, *operands)
        _branch(values, wrapped)
        return out
    out = operate(e, silent, *operands)
    if values.wraps.doubts is not None and silent == "mul" and out.dtype.itemsize == 8:
        _hear(values, _beyond(e, e.binary("or", *(_length(e, x) for x in operands)), _SHORT[_signed(out)]))
    else:
        _hear(values, _WRAPPED[silent](e, out, *operands))
    return out


def _fits(e: Emitter, name: str, a: Value, b: Value) -> Value:
    """Whether a result fits 64 bits. Of a scalar LLVM makes one instruction of it and the result."""
    lanes, operation = max(a.lanes, b.lanes), name.removeprefix("fits_")
    a, b = e.splat(a, lanes), e.splat(b, lanes)
    if lanes == 1:
        return e.negated(_with_overflow(e, operation, a, b)[1])
    wrapped = _WRAPPED[operation](e, operate(e, operation, a, b), a, b)
    assert wrapped is not None
    return e.compare("icmp sge", wrapped, constant(0, wrapped.dtype, lanes))


def _division(values: Values, a: Value, b: Value) -> None:
    """What `a // b` of integers says besides that b is zero: the least integer divided by -1 wraps around."""
    e, lanes = values.e, max(a.lanes, b.lanes)
    a, b = e.splat(a, lanes), e.splat(b, lanes)
    minus = constant(-1, b.dtype, lanes) if _signed(b) else None
    if minus is None or (b.is_constant and b.text != minus.text):
        return
    least = e.compare("icmp eq", a, constant(np.iinfo(a.dtype).min, a.dtype, lanes))
    _hear(values, e.binary("and", least, e.compare("icmp eq", b, minus)))


def report(values: Values) -> None:
    """Where a function ends: raise the flag if anything wrapped around."""
    e = values.e
    if not values.wraps.cells:
        return
    loud, quiet = e.label("loud"), e.label("quiet")
    _rarely(e, _any(e, values.wraps.cells), loud, quiet)
    # An overflow that LLVM neither knows nor leaves out.
    huge = hidden(e, constant(np.finfo(np.float64).max, dt.float64), values.prologue)
    bits = e.bitcast(e.binary("fmul", huge, huge), dt.int64)
    e.emit(f'call void asm sideeffect "", "r"({bits.operand})')
    e.jump(quiet)
    e.start(quiet)


# Notes -----------------------------------------------------------------------------------------------------------------
def _hear(values: Values, wrapped: Value | None) -> None:
    """Note that a result wrapped around where this is true, or negative; None: nowhere."""
    if wrapped is None or wrapped.is_constant:
        return
    e, mask = values.e, values.mask
    if wrapped.dtype == dt.bool_ and (wrapped.lanes > 1 or values.wraps.doubts is not None):
        wrapped = e.cast("sext", wrapped, dt.int8)
    if mask is not None and wrapped.lanes > 1:
        wrapped = e.select(mask, wrapped, constant(0, wrapped.dtype))
    _add_to(e, _cell(values, wrapped), wrapped)


def _branch(values: Values, wrapped: Value) -> None:
    """Note that a scalar wrapped around where it did, and cost next to nothing where it did not."""
    e = values.e
    loud, on = e.label("wrapped"), e.label("on")
    _rarely(e, wrapped.text, loud, on)
    e.emit(f"store i1 true, ptr {_cell(values, wrapped)}")
    e.jump(on)
    e.start(on)


def _cell(values: Values, kind: Value) -> str:
    """The variable for notes of a type."""
    notes = values.wraps
    cells = notes.cells if notes.doubts is None else notes.doubts
    found = cells.get(kind.type)
    if found is None:
        found = cells[kind.type] = kind._replace(text=values.e.fresh("wrapped"))
        values.prologue.append(f"  {found.text} = alloca {kind.type}")
        place = values.prologue if notes.doubts is None else notes.beginning
        place.append(f"  store {kind.type} zeroinitializer, ptr {found.text}")
    return found.text


def _any(e: Emitter, cells: dict[str, Value]) -> str:
    """Whether something is noted in some of these variables."""
    found = "false"
    for cell in cells.values():
        noted = cell._replace(text=e.let(f"load {cell.type}, ptr {cell.text}"))
        if noted.dtype != dt.bool_:
            noted = e.compare("icmp slt", noted, constant(0, noted.dtype, noted.lanes))
        found = e.let(f"or i1 {found}, {e.any(noted)}")
    return found


def _add_to(e: Emitter, cell: str, note: Value) -> None:
    before = note._replace(text=e.let(f"load {note.type}, ptr {cell}"))
    e.emit(f"store {e.binary('or', before, note).operand}, ptr {cell}")


def _rarely(e: Emitter, condition: str, then: str, otherwise: str) -> None:
    """Branch, and begin the block that is hardly ever run."""
    e.branch(e.call("llvm.expect.i1", "i1", f"i1 {condition}", "i1 false"), then, otherwise)
    e.start(then)


def _with_overflow(e: Emitter, name: str, a: Value, b: Value) -> tuple[Value, Value]:
    """The result, and whether it wrapped around, in every lane."""
    lanes, bits, sign = a.lanes, 8 * a.dtype.itemsize, "s" if _signed(a) else "u"
    truth, shape = ("i1", "") if lanes == 1 else (f"<{lanes} x i1>", f"v{lanes}")
    both = f"{{ {a.type}, {truth} }}"
    pair = e.call(f"llvm.{sign}{name}.with.overflow.{shape}i{bits}", both, a.operand, b.operand)
    out, wrapped = (e.let(f"extractvalue {both} {pair}, {at}") for at in range(2))
    return a._replace(text=out), Value(wrapped, dt.bool_, lanes)


def _signed(a: Value) -> bool:
    return dt.KIND[a.dtype] == "i"


# Each operation: numbers that are negative where it wrapped around, which LLVM adds up in vectors, as it does no comparisons.
def _add(e: Emitter, out: Value, a: Value, b: Value) -> Value:
    if _signed(a):
        return e.binary("and", e.binary("xor", a, out), e.binary("xor", b, out))
    both, one = e.binary("and", a, b), e.binary("or", a, b)
    return e.binary("or", both, e.binary("and", one, operate(e, "not", out)))


def _sub(e: Emitter, out: Value, a: Value, b: Value) -> Value:
    if _signed(a):
        return e.binary("and", e.binary("xor", a, b), e.binary("xor", a, out))
    rest = operate(e, "not", a)
    return e.binary("or", e.binary("and", rest, b), e.binary("and", e.binary("or", rest, b), out))


def _mul(e: Emitter, out: Value, a: Value, b: Value) -> Value:
    if _signed(a) and (a.is_constant or b.is_constant):
        return _times(e, out, *((b, a) if a.is_constant else (a, b)))
    if a.dtype.itemsize == 8:
        return _long_product(e, a, b)
    bits = 8 * a.dtype.itemsize
    wide = (_SIGNED if _signed(a) else _UNSIGNED)[2 * a.dtype.itemsize]
    product = e.binary("mul", convert(e, a, wide), convert(e, b, wide))
    if _signed(a):
        product = e.binary("add", product, constant(1 << bits - 1, wide, a.lanes))
    return _beyond(e, product, 1 << bits)


def _times(e: Emitter, out: Value, x: Value, factor: Value) -> Value:
    """Of a product with a constant: the distances from the ends of what does not wrap around."""
    info, by = np.iinfo(x.dtype), int(factor.text.rpartition(" ")[2].rstrip(")"))
    if by in (0, 1):
        return constant(0, x.dtype, x.lanes)
    if by == -1:
        return _neg(e, out, x)
    least, greatest = sorted(-(-int(end) // by) if (end < 0) == (by > 0) else int(end) // by for end in (info.min, info.max))
    low, high = (constant(end, x.dtype, x.lanes) for end in (least, greatest))
    return e.binary("or", e.binary("sub", x, low), e.binary("sub", high, x))


def _long_product(e: Emitter, a: Value, b: Value) -> Value:
    """No processor multiplies vectors of 64 bits to 128: short operands do not wrap, others are multiplied one by one."""
    limit = constant(_SHORT[_signed(a)], dt.uint64, a.lanes)
    long = e.any(e.compare("icmp uge", e.binary("or", _length(e, a), _length(e, b)), limit))
    before, cold, joined = e.block, e.label("long"), e.label("multiplied")
    _rarely(e, long, cold, joined)
    _, wrapped = _with_overflow(e, "mul", a, b)
    e.jump(joined)
    e.start(joined)
    none = constant(False, dt.bool_, a.lanes).text
    wrapped = wrapped._replace(text=e.let(f"phi {wrapped.type} [ {none}, %{before} ], [ {wrapped.text}, %{cold} ]"))
    return e.cast("sext", wrapped, dt.int64)


def _neg(e: Emitter, out: Value, x: Value) -> Value:
    return e.binary("and" if _signed(x) else "or", x, out)


def _abs(e: Emitter, out: Value, x: Value) -> Value | None:
    return out if _signed(x) else None


_WRAPPED: dict[str, Callable[..., Value | None]] = {"add": _add, "sub": _sub, "mul": _mul, "neg": _neg, "abs": _abs}


def _length(e: Emitter, x: Value) -> Value:
    """The bits of a number that its sign does not say."""
    if not _signed(x):
        return x
    sign = e.binary("ashr", x, constant(8 * x.dtype.itemsize - 1, x.dtype, x.lanes))
    return e.binary("xor", x, sign)._replace(dtype=_UNSIGNED[x.dtype.itemsize])


def _beyond(e: Emitter, x: Value, limit: int | str) -> Value:
    """A number that is negative where x, unsigned, is not below a limit, which is given in 64 bits."""
    bits = 8 * x.dtype.itemsize
    x = x._replace(dtype=_SIGNED[x.dtype.itemsize])
    if isinstance(limit, int):
        room = constant((1 << bits - 1) - limit, x.dtype, x.lanes)
    else:
        text = e.let(f"sub i64 {1 << bits - 1 if bits < 64 else -1 << 63}, {limit}")
        room = convert(e, Value(text, dt.int64), x.dtype)
    return e.binary("or", e.binary("add", x, room), x)  # what is negative itself may not be any more


# Loops that can be repeated --------------------------------------------------------------------------------------------
def loop(nest: _Nest, stmt: For, start: str, stop: str, run: Callable[[], None]) -> None:
    """Run a loop over scalars so that its arithmetic is heard; `run` emits it."""
    sums = _sums(stmt) if nest.lanes == 1 and nest.wraps.doubts is None else None
    if sums is None:
        run()
        return
    e, again, done = nest.e, nest.e.label("again"), nest.e.label("heard")
    if start[0] == "%" or stop[0] == "%":  # there may be no round, and no total to read
        some = e.label("some")
        e.branch(e.let(f"icmp slt i64 {start}, {stop}"), some, done)
        e.start(some)
    notes, doubts = nest.wraps, dict[str, Value]()
    notes.doubts, notes.beginning = doubts, e.reserve()
    nest.forget()
    firsts = [nest.evaluate(found.total) for found in sums]
    zeros = e.call("llvm.ctlz.i64", "i64", f"i64 {e.let(f'sub i64 {stop}, {start}')}", "i1 false")
    for found, first in zip(sums, firsts):
        # Of the numbers that a dtype has, half are left for the first value, and half for what is added, in all rounds.
        half = (int(np.iinfo(first.dtype).max) + 1) // 2
        _hear(nest, _beyond(e, _length(e, first), half))
        each = e.let(f"lshr i64 {half}, {e.let(f'sub i64 64, {zeros}')}")
        notes.sums[id(found.stored)] = found, each
    run()
    notes.doubts = None
    notes.sums.clear()
    _rarely(e, _any(e, doubts), again, done)
    for found, first in zip(sums, firsts):
        nest.store(found.stored, first)
    run()
    e.jump(done)
    e.start(done)


def total(nest: _Nest, stmt: Store) -> Value:
    """What a sum of a loop that can be repeated becomes in a round."""
    found, each = nest.wraps.sums[id(stmt)]
    before, item = nest.evaluate(found.total), nest.evaluate(found.item)
    _hear(nest, _beyond(nest.e, _length(nest.e, item), each))
    return operate(nest.e, found.operation, before, item)


def _sums(stmt: For) -> list[Sum] | None:
    """The sums of a loop that may run twice; None for other loops, and for those in which nothing is heard.

    It may where it reads nothing that it writes: but for sums, which begin anew from their first values.
    """
    if stmt.kind != "serial" or not all(isinstance(inner, (Let, Store)) for inner in stmt.body):
        return None
    values = [inner.value for inner in stmt.body if isinstance(inner, (Let, Store))]
    if not any(isinstance(node, Op) and node.name in HEARD for node in _nodes(values)):
        return None
    stores = [inner for inner in stmt.body if isinstance(inner, Store)]
    changing = {stmt.index, *(inner.name for inner in stmt.body if isinstance(inner, Let))}
    places = [inner.buffer for inner in stores]
    found = [_sum(inner, changing) for inner in stores]
    sums = [each for each in found if each is not None and places.count(each.stored.buffer) == 1]
    own = {id(each.stored): [each.item] for each in sums}
    read = [expr for inner in stmt.body if isinstance(inner, (Let, Store)) for expr in own.get(id(inner), [inner.value])]
    touched = {node.buffer for node in _nodes(read) if isinstance(node, Load)}
    return None if touched & {*places} else sums


def _sum(stmt: Store, changing: set[str]) -> Sum | None:
    value = stmt.value
    if not isinstance(value, Op) or value.name not in ("scalar_add", "scalar_sub"):
        return None
    names = {*stmt.offset.terms, *(name for size in (*stmt.offset.terms.values(), stmt.offset.const) for name in _names(size))}
    if names & changing or (value.name == "scalar_sub" and dt.KIND[value.dtype] == "u"):
        return None
    left, right = value.args
    for before, item in ((left, right), (right, left))[: 2 if value.name == "scalar_add" else 1]:
        if isinstance(before, Load) and before.guard is None and (before.buffer, before.offset) == (stmt.buffer, stmt.offset):
            return Sum(stmt, before, item, HEARD[value.name])
    return None


def _names(size: Size) -> frozenset[str]:
    return size.symbols if isinstance(size, Dim) else frozenset()


def _nodes(roots: list[Expr]) -> Iterator[Expr]:
    seen: set[int] = set()
    for root in roots:
        yield from walk_expr(root, seen)
