"""Expressions of a loop nest as LLVM values: offsets, loads and stores, elementary functions, one scalar or many lanes.

A value is *uniform* (one scalar for all lanes) until it depends on the index of the vector loop, and then *varying*.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial, reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hybrid.codegen import library, pairs, shared, wraps
from hybrid.codegen.composed import compose
from hybrid.codegen.instructions import (
    MEMORY,
    TYPE,
    Emitter,
    Value,
    constant,
    convert,
    hidden,
    is_constant,
    is_nothing,
    is_simple,
    mangled,
    operate,
    symbol,
    vector,
)
from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import CompileError
from hybrid.core.shape import Dim, Size, product
from hybrid.loops.nest import (
    Bitcast,
    Const,
    Convert,
    Expr,
    Index,
    Load,
    Op,
    Ref,
    Rescue,
    Store,
    children,
)

if TYPE_CHECKING:
    from hybrid.codegen.reduce import Accumulator

# Lanes that are gathered and scattered one at a time. On a Zen 5, 16 floats at a stride take 2.0 ns by hand and 3.6 ns by
# vgatherdps, at indices from memory 3.0 and 4.8 ns; other processors have no gather at all.
LANES_BY_HAND = 16
INTERLEAVED = (2, 3, 4)  # steps for which whole vectors are loaded and shuffled: complex parts, colour channels
# The C library's functions are called as unknown ones: what LLVM knows of them it applies to constants and to scalars only,
# and not always rightly (LLVM 22 takes fmod(nan, nan) for undefined where it can prove that the operands are NaN).
LIBM = "nounwind memory(none)"
ZEROS = 512  # bytes of the array of zeros that guarded loads read instead: 64 lanes of 8 bytes

_DIVISIONS = frozenset(("floordiv", "mod", "fmod"))


class Array(NamedTuple):
    """A buffer or scratch array: its first element's address. A cell is a scratch array of one element."""

    pointer: str
    dtype: np.dtype
    size: Size
    cell: bool = False


class Address(NamedTuple):
    """Offset of each lane: `base + step * lane + varying[lane]`."""

    base: str
    step: Size
    varying: Value | None


class Values:
    """Evaluates expressions where the emitter stands.

    `lanes` iterations of the loop over `lane_index` are in hand, those of `mask` if there is one; `sparse` says that the mask
    may be empty.
    """

    def __init__(self, e: Emitter, kernel: str, helpers: dict[str, str], symbols: Collection[str] = ()):
        self.e = e
        self.kernel = kernel
        self.helpers = helpers  # name -> definition of a function or constant of this kernel
        self.symbols = frozenset(symbols)  # sizes that the function is given; others are names in scope
        self.names: dict[str, Value | Accumulator] = {}
        self._age: dict[str, int] = {}
        self.arrays: dict[str, Array] = {}
        self.lanes = 1
        self.lane_index: str | None = None
        self.mask: Value | None = None
        self.wraps = wraps.Notes()
        self.often: frozenset[str] = frozenset()  # operations that are calls of a function of the kernel's (`shared`)
        self.marks = ""  # attributes of functions
        self.sparse = False
        self.prologue = e.reserve()  # the entry block, which dominates everything
        self._sizes: dict[Size, str] = {}
        self._memo: dict[int, Value] = {}
        self._rewrites: dict[int, tuple[Expr, Expr | None]] = {}

    # Integers

    def size(self, size: Size) -> str:
        """A size as an i64, computed once in the entry block; where it is used if it mentions names in scope."""
        if not isinstance(size, Dim):
            return str(size)
        if not size.symbols <= self.symbols:
            address = self.address(Affine(None, size))
            if address.varying is not None or address.step != 0:
                raise CompileError(f"kernel {self.kernel} has a size that differs from lane to lane", got=size)
            return address.base
        if size not in self._sizes:
            total = "0"
            for monomial, coefficient in size.terms:
                term = str(coefficient)
                for name in monomial:
                    term = self._integer("mul", term, f"%{symbol('size.' + name)}", self.prologue)
                total = self._integer("add", total, term, self.prologue)
            self._sizes[size] = total
        return self._sizes[size]

    def _integer(self, opcode: str, a: str, b: str, place: list[str] | None = None) -> str:
        """`a + b` or `a * b` on i64, with the constants folded."""
        if _is_number(a) and _is_number(b):
            return str(int(a) + int(b) if opcode == "add" else int(a) * int(b))
        neutral = "0" if opcode == "add" else "1"
        if neutral in (a, b):
            return b if a == neutral else a
        if opcode == "mul" and "0" in (a, b):
            return "0"
        if place is None:
            return self.e.let(f"{opcode} i64 {a}, {b}")
        name = self.e.fresh()
        place.append(f"  {name} = {opcode} i64 {a}, {b}")
        return name

    def address(self, affine: Affine) -> Address:
        base, varying = "0", None
        step: Size = 0
        # Outer names first: the sum of those that do not change leaves the inner loop as one value.
        terms = self._terms(affine)
        for names in sorted(terms, key=lambda names: max((self._age.get(name, 0) for name in names), default=-1)):
            coefficient = terms[names]
            values = [self.lookup(name, dt.int64) for name in names]
            own = names.count(self.lane_index) if self.lane_index is not None else 0
            if own > 1 or any(value.lanes > 1 for value in values):
                lanes = [self.e.splat(self._of_lanes(name), self.lanes) for name in names]
                if coefficient != 1:
                    lanes.append(self.e.splat(Value(self.size(coefficient), dt.int64), self.lanes))
                term = reduce(partial(self.e.binary, "mul"), lanes)
                varying = term if varying is None else self.e.binary("add", varying, term)
                continue
            if own:
                others = [Dim.symbol(name) for name in names if name != self.lane_index]
                step = step + product(others) * coefficient
            text = self.size(coefficient)
            for value in values:
                text = self._integer("mul", value.text, text)
            base = self._integer("add", base, text)
        return Address(base, step, varying)

    def _terms(self, affine: Affine) -> dict[tuple[str, ...], Size]:
        """An affine form as a polynomial over names in scope: coefficients that only sizes appear in, by the names' product."""
        terms: dict[tuple[str, ...], Size] = {}
        for own, size in (((), affine.const), *(((name,), size) for name, size in affine.terms.items())):
            if not isinstance(size, Dim) or size.symbols <= self.symbols:
                terms[own] = terms.get(own, 0) + size
                continue
            for monomial, number in size.terms:
                names = tuple(sorted((*own, *(name for name in monomial if name not in self.symbols))))
                part = product(Dim.symbol(name) for name in monomial if name in self.symbols) * number
                terms[names] = terms.get(names, 0) + part
        return {names: size for names, size in terms.items() if size != 0}

    def _of_lanes(self, name: str) -> Value:
        """A name's value in each lane, that of the vector loop's index too."""
        value = self.lookup(name, dt.int64)
        return self.integers(Address(value.text, 1, None)) if name == self.lane_index else value

    def integers(self, address: Address) -> Value:
        """The offsets themselves, as int64 values."""
        base = Value(address.base, dt.int64)
        if address.step == 0 and address.varying is None:
            return base
        total = address.varying
        if address.step != 0:
            steps = Value(iota("i64", self.lanes, address.step if isinstance(address.step, int) else 1), dt.int64, self.lanes)
            if not isinstance(address.step, int):
                steps = self.e.binary("mul", steps, self.e.splat(Value(self.size(address.step), dt.int64), self.lanes))
            total = steps if total is None else self.e.binary("add", total, steps)
        assert total is not None
        return total if address.base == "0" else self.e.binary("add", total, self.e.splat(base, self.lanes))

    def bind(self, name: str, value: Value | Accumulator) -> None:
        """Name a scalar until the end of the block."""
        self.names[name] = value
        self._age[name] = len(self._age)

    def lookup(self, name: str, dtype: np.dtype) -> Value:
        found = self.names.get(name)
        if found is None:
            scope = ", ".join(self.names)
            raise CompileError(f"kernel {self.kernel} reads a name that is not in scope", got=name, expected=scope)
        if not isinstance(found, Value):
            found = found.read()
        if found.dtype != dtype:
            raise CompileError(f"kernel {self.kernel} reads {name} as another dtype", got=dtype, expected=found.dtype)
        return found

    # Expressions

    def evaluate(self, root: Expr) -> Value:
        """The value of an expression; nodes already met since `forget` are not evaluated again."""
        memo, stack = self._memo, [root]
        while stack:
            expr = stack[-1]
            if id(expr) in memo:
                stack.pop()
                continue
            rewritten = self._rewritten(expr) if isinstance(expr, Op) else None
            called = isinstance(expr, Op) and rewritten is not None and expr.name in self.often
            below = children(expr) if rewritten is None or called else (rewritten,)
            pending = [child for child in below if id(child) not in memo]
            if pending:
                stack.extend(reversed(pending))
                continue
            stack.pop()
            if called:
                memo[id(expr)] = self._shared(expr, memo[id(below[0])])  # type: ignore[arg-type]
            else:
                memo[id(expr)] = self._emit(expr) if rewritten is None else memo[id(rewritten)]
        return memo[id(root)]

    def _shared(self, expr: Op, arg: Value) -> Value:
        """A call of the function that computes an operation for all of the kernel."""
        name = f"{self.kernel}.{expr.name}.{arg.dtype}.v{arg.lanes}"
        masked = self.mask is not None and arg.lanes > 1
        name += f".m{int(self.sparse)}" if masked else ""
        if name not in self.helpers:
            self.helpers[name] = ""
            inner = Values(Emitter(self.e.declares), self.kernel, self.helpers, self.symbols)
            inner.mask, inner.sparse = Value("%mask", dt.bool_, arg.lanes) if masked else None, self.sparse
            self.helpers[name] = shared.function(inner, name, expr, arg._replace(text="%x"), self.marks)
        mask = [self.e.splat(self.mask, arg.lanes).operand] if masked else []  # type: ignore[arg-type]
        operands = ", ".join([arg.operand, *mask])
        return Value(self.e.let(f"call {arg.type} @{symbol(name)}({operands})"), expr.dtype, arg.lanes)

    def forget(self) -> None:
        """Begin a statement: what was loaded before may have been overwritten, or may not dominate."""
        self._memo = {}

    def _rewritten(self, expr: Op) -> Expr | None:
        """What an operation without an instruction of its own is made of; kept, since every copy of the body asks."""
        known = self._rewrites.get(id(expr))
        if known is None:
            known = self._rewrites[id(expr)] = (expr, compose(expr))
        return known[1]

    def _emit(self, expr: Expr) -> Value:
        memo = self._memo
        if isinstance(expr, Op):
            args = [memo[id(arg)] for arg in expr.args]
            # What LLVM computes itself raises no flags.
            if all(map(is_constant, args)):
                args = [hidden(self.e, arg, self.prologue) for arg in args]
            elif expr.name in _DIVISIONS and is_nothing(args[1]):
                args[1] = hidden(self.e, args[1], self.prologue)
            if (found := wraps.evaluate(self, expr, args)) is not None:
                return found
            if is_simple(expr.name, expr.args[-1].dtype):
                return operate(self.e, expr.name, *args)
            return self._libm(expr, args)
        if isinstance(expr, Const):
            return constant(expr.value, expr.dtype)
        if isinstance(expr, Ref):
            return self.lookup(expr.name, expr.dtype)
        if isinstance(expr, Load):
            return self.load(expr, None if expr.guard is None else memo[id(expr.guard)])
        if isinstance(expr, Convert):
            return convert(self.e, memo[id(expr.arg)], expr.dtype)
        if isinstance(expr, Bitcast):
            return self.e.bitcast(memo[id(expr.arg)], expr.dtype)
        if isinstance(expr, Index):
            return self.integers(self.address(expr.affine))
        assert isinstance(expr, Rescue)
        return self._rescue(expr)

    # The platform's scalar functions

    def _libm(self, expr: Op, args: list[Value]) -> Value:
        name = library.scalar_name(expr.name, expr.dtype)
        lanes = max(arg.lanes for arg in args)
        if lanes == 1:
            return Value(self._call_libm(name, args), expr.dtype)
        fast = Value("poison", expr.dtype, lanes)
        return self._lane_by_lane(name, constant(True, dt.bool_, lanes), fast, [self.e.splat(arg, lanes) for arg in args])

    def _call_libm(self, name: str, args: list[Value]) -> str:
        operands = (arg.operand for arg in args)
        return self.e.call(name, args[0].type, *operands, attributes=LIBM, site="nobuiltin")

    def _rescue(self, expr: Rescue) -> Value:
        e, name = self.e, library.scalar_name(expr.name, expr.dtype)
        condition, fast, *args = (self._memo[id(child)] for child in children(expr))
        lanes = max(value.lanes for value in (condition, fast, *args))
        fast = e.splat(fast, lanes)
        if lanes > 1:
            where = e.splat(condition, lanes)
            where = e.both(where, self.mask) or where
        else:
            where = condition
        rare = e.call("llvm.expect.i1", "i1", f"i1 {e.any(where)}", "i1 false")
        before, cold, joined = e.block, e.label("rescue"), e.label("rescued")
        e.branch(rare, cold, joined)
        e.start(cold)
        if lanes == 1:
            slow = self._call_libm(name, args)
        else:
            slow = self._lane_by_lane(name, where, fast, [e.splat(arg, lanes) for arg in args]).text
        e.jump(joined)
        e.start(joined)
        return fast._replace(text=e.let(f"phi {fast.type} [ {fast.text}, %{before} ], [ {slow}, %{cold} ]"))

    def _lane_by_lane(self, name: str, where: Value, fast: Value, args: list[Value]) -> Value:
        """`fast`, except for the scalar function `name` in the lanes of `where`: a call to a loop kept out of line."""
        scalar, lanes = TYPE[fast.dtype], fast.lanes
        helper = f"{self.kernel}.{name}.v{lanes}"
        if helper not in self.helpers:
            self.helpers[helper] = _lane_loop(helper, name, scalar, lanes, len(args))
            if name not in self.e.declares:
                types = ", ".join([scalar] * len(args))
                self.e.declares[name] = f"declare {scalar} @{name}({types}) {LIBM}"
        operands = ", ".join(value.operand for value in (where, fast, *args))
        return fast._replace(text=self.e.let(f"call {fast.type} @{symbol(helper)}({operands})"))

    # Memory

    def pointer(self, array: Array, offset: str, inbounds: bool = True) -> str:
        if offset == "0":
            return array.pointer
        scalar = MEMORY[array.dtype]
        return self.e.let(f"getelementptr {'inbounds ' if inbounds else ''}{scalar}, ptr {array.pointer}, i64 {offset}", "p")

    def array(self, name: str, dtype: np.dtype) -> Array:
        found = self.arrays.get(name)
        if found is None or found.dtype != dtype:
            raise CompileError(f"kernel {self.kernel} has no such array", got=f"{name} of {dtype}",
                               expected=", ".join(f"{key} of {array.dtype}" for key, array in self.arrays.items()))  # fmt: skip
        return found

    def load(self, expr: Load, guard: Value | None) -> Value:
        e, array, dtype, lanes = self.e, self.array(expr.buffer, expr.dtype), expr.dtype, self.lanes
        base, step, varying = address = self.address(expr.offset)
        scalar, alignment = MEMORY[dtype], dtype.itemsize
        if varying is None and step == 0:
            needed = e.both(guard, self.mask if self.sparse else None)
            where = self._guarded(self.pointer(array, base, needed is None), needed)
            found = self._loaded(Value(e.let(f"load {scalar}, ptr {where}, align {alignment}"), dtype))
            return found if guard is None or guard.lanes == 1 else e.select(guard, found, constant(0, dtype))
        kind = vector(scalar, lanes)
        if varying is None and step in (1, -1):
            uniform = guard is None or guard.lanes == 1
            mask = self.mask if uniform else e.both(self.mask, guard)
            lowest = base if step == 1 else self._integer("add", base, str(1 - lanes))
            where = self.pointer(array, lowest, guard is None and mask is None)
            if uniform:
                where = self._guarded(where, guard)
            if mask is None:
                text = e.let(f"load {kind}, ptr {where}, align {alignment}")
            else:
                mask = mask if step == 1 else self._reversed(mask)
                rest = self._rest(array, base, guard)
                text = e.call(f"llvm.masked.load.{mangled(scalar, lanes)}.p0", kind, f"ptr {where}", f"i32 {alignment}",
                              mask.operand, f"{kind} {rest}")  # fmt: skip
            found = Value(text, dtype, lanes)
            return self._loaded(found if step == 1 else self._reversed(found, scalar))
        if guard is None and varying is None and step == 2 and (part := pairs.part_of(array, expr.offset)) is not None:
            return self._loaded(Value(pairs.load(self, array, expr.offset, part), dtype, lanes))
        mask = e.both(self.mask, guard)
        if mask is None and varying is None and isinstance(step, int) and step in INTERLEAVED:
            return self._loaded(Value(self._interleaved(array, base, step), dtype, lanes))
        if mask is None and lanes <= LANES_BY_HAND:
            text = "poison"
            for lane, where in enumerate(self._lane_pointers(array, address)):
                element = e.let(f"load {scalar}, ptr {where}, align {alignment}")
                text = e.let(f"insertelement {kind} {text}, {scalar} {element}, i64 {lane}")
            return self._loaded(Value(text, dtype, lanes))
        rest = "zeroinitializer" if mask is None or varying is not None else self._rest(array, base, guard)
        mask = e.splat(mask or constant(True, dt.bool_), lanes)
        pointers = self._pointers(array, address)
        text = e.call(f"llvm.masked.gather.{mangled(scalar, lanes)}.v{lanes}p0", kind, f"<{lanes} x ptr> {pointers}",
                      f"i32 {alignment}", mask.operand, f"{kind} {rest}")  # fmt: skip
        return self._loaded(Value(text, dtype, lanes))

    def _rest(self, array: Array, first: str, guard: Value | None) -> str:
        """What the lanes beyond a loop's end hold: the first lane's element, so that they raise no flags of their own.

        With zeros, a division would divide zero by zero there.
        """
        if guard is not None or self.sparse or array.dtype == dt.bool_:
            return "zeroinitializer"
        scalar = MEMORY[array.dtype]
        text = self.e.let(f"load {scalar}, ptr {self.pointer(array, first)}, align {array.dtype.itemsize}")
        return self.e.splat_text(scalar, text, self.lanes)

    def store(self, stmt: Store, value: Value) -> None:
        e, array, dtype = self.e, self.array(stmt.buffer, stmt.value.dtype), stmt.value.dtype
        base, step, varying = address = self.address(stmt.offset)
        scalar, alignment, lanes = MEMORY[dtype], dtype.itemsize, self.lanes
        if lanes == 1:
            where = self.pointer(array, base)
            e.emit(f"store {scalar} {self._stored(value).text}, ptr {where}, align {alignment}")
            return
        value = self._stored(e.splat(value, lanes))
        kind, mask = vector(scalar, lanes), self.mask
        if varying is None and step in (1, -1):
            if step == -1:
                value, mask = self._reversed(value, scalar), None if mask is None else self._reversed(mask)
                base = self._integer("add", base, str(1 - lanes))
            where = self.pointer(array, base, mask is None)
            if mask is None:
                e.emit(f"store {kind} {value.text}, ptr {where}, align {alignment}")
            else:
                e.call(f"llvm.masked.store.{mangled(scalar, lanes)}.p0", "void", f"{kind} {value.text}", f"ptr {where}",
                       f"i32 {alignment}", mask.operand)  # fmt: skip
            return
        if mask is None and lanes <= LANES_BY_HAND:
            for lane, where in enumerate(self._lane_pointers(array, address)):
                element = e.let(f"extractelement {kind} {value.text}, i64 {lane}")
                e.emit(f"store {scalar} {element}, ptr {where}, align {alignment}")
            return
        pointers = self._pointers(array, address)
        mask = mask or constant(True, dt.bool_, lanes)
        e.call(f"llvm.masked.scatter.{mangled(scalar, lanes)}.v{lanes}p0", "void", f"{kind} {value.text}",
               f"<{lanes} x ptr> {pointers}", f"i32 {alignment}", mask.operand)  # fmt: skip

    def _guarded(self, pointer: str, guard: Value | None) -> str:
        """The pointer, or one to zeros where the guard is false (in every lane)."""
        if guard is None:
            return pointer
        zeros = f"{self.kernel}.zeros"
        self.helpers.setdefault(zeros, f"@{symbol(zeros)} = internal constant [{ZEROS} x i8] zeroinitializer, align 64")
        return self.e.let(f"select i1 {self.e.any(guard)}, ptr {pointer}, ptr @{symbol(zeros)}", "p")

    def _pointers(self, array: Array, address: Address) -> str:
        """One pointer for each lane. Offsets inside a small array fit 32 bits, which gather twice as many at once."""
        scalar, lanes = MEMORY[array.dtype], self.lanes
        if address.varying is None:
            pointer = self.pointer(array, address.base, inbounds=False)
            offsets = self.integers(address._replace(base="0"))
        else:
            pointer, offsets = array.pointer, self.integers(address)
            if offsets.lanes > 1 and isinstance(array.size, int) and array.size < 2**31:
                offsets = self.e.cast("sext", self.e.cast("trunc", offsets, dt.int32), dt.int64)
        offsets = self.e.splat(offsets, lanes)
        return self.e.let(f"getelementptr {scalar}, ptr {pointer}, <{lanes} x i64> {offsets.text}", "p")

    def _lane_pointers(self, array: Array, address: Address) -> Iterator[str]:
        """The lanes' addresses one by one."""
        if address.varying is None and isinstance(address.step, int):
            first = self.pointer(array, address.base)
            for lane in range(self.lanes):
                yield self.pointer(array._replace(pointer=first), str(lane * address.step))
            return
        offsets = self.e.splat(self.integers(address), self.lanes)
        for lane in range(self.lanes):
            yield self.pointer(array, self.e.let(f"extractelement {offsets.operand}, i64 {lane}"))

    def _interleaved(self, array: Array, base: str, step: int) -> str:
        """Every `step`-th element: `step` vectors side by side, the last one ending at the last element needed, then picked."""
        e, lanes, scalar = self.e, self.lanes, MEMORY[array.dtype]
        kind, first, result = vector(scalar, lanes), self.pointer(array, base), ""
        for window in range(step):
            start = min(window * lanes, (lanes - 1) * step + 1 - lanes)
            where = self.pointer(array._replace(pointer=first), str(start))
            found = e.let(f"load {kind}, ptr {where}, align {array.dtype.itemsize}")
            if window == 0:
                result = found
                continue
            order = []
            for lane in range(lanes):
                home = min(lane * step // lanes, step - 1)
                kept = lane if window > 1 else lane * step
                order.append(lanes + lane * step - start if home == window else kept if home < window else "poison")
            picks = ", ".join(f"i32 {pick}" for pick in order)
            result = e.let(f"shufflevector {kind} {result}, {kind} {found}, <{lanes} x i32> <{picks}>")
        return result

    def _reversed(self, value: Value, scalar: str = "i1") -> Value:
        kind, order = vector(scalar, value.lanes), iota("i32", value.lanes, -1, value.lanes - 1)
        text = self.e.let(f"shufflevector {kind} {value.text}, {kind} poison, <{value.lanes} x i32> {order}")
        return value._replace(text=text)

    def _loaded(self, value: Value) -> Value:
        """A bool is a byte in memory and a bit in registers."""
        if value.dtype != dt.bool_:
            return value
        zero = "0" if value.lanes == 1 else "zeroinitializer"
        return value._replace(text=self.e.let(f"icmp ne {vector('i8', value.lanes)} {value.text}, {zero}"))

    def _stored(self, value: Value) -> Value:
        if value.dtype != dt.bool_:
            return value
        return value._replace(text=self.e.let(f"zext {value.operand} to {vector('i8', value.lanes)}"))


def iota(scalar: str, lanes: int, step: int = 1, first: int = 0) -> str:
    """The constant vector `first, first + step, …`."""
    return "<" + ", ".join(f"{scalar} {first + step * lane}" for lane in range(lanes)) + ">"


def _is_number(text: str) -> bool:
    return text[0] != "%"


def _lane_loop(helper: str, name: str, scalar: str, lanes: int, arity: int) -> str:
    """A function that calls a scalar function for some lanes of its vector arguments."""
    kind = vector(scalar, lanes)
    parameters = "".join(f", {kind} %x{at}" for at in range(arity))
    taken = "\n".join(f"  %y{at} = extractelement {kind} %x{at}, i64 %lane" for at in range(arity))
    operands = ", ".join(f"{scalar} %y{at}" for at in range(arity))
    return f"""define internal {kind} @{symbol(helper)}(<{lanes} x i1> %where, {kind} %fast{parameters}) cold noinline nounwind
{{
entry:
  br label %loop
loop:
  %lane = phi i64 [ 0, %entry ], [ %next, %latch ]
  %result = phi {kind} [ %fast, %entry ], [ %merged, %latch ]
  %here = extractelement <{lanes} x i1> %where, i64 %lane
  br i1 %here, label %call, label %latch
call:
{taken}
  %value = call {scalar} @{name}({operands}) nobuiltin
  %inserted = insertelement {kind} %result, {scalar} %value, i64 %lane
  br label %latch
latch:
  %merged = phi {kind} [ %result, %loop ], [ %inserted, %call ]
  %next = add i64 %lane, 1
  %more = icmp ult i64 %next, {lanes}
  br i1 %more, label %loop, label %done
done:
  ret {kind} %merged
}}"""
