"""Accumulators in vector registers: many partial results at once, summed in blocks with compensation, combined in a fixed tree.

A float sum goes `slots` (plain sums of at most `FOLD` terms) → `high + low` (TwoSum, Knuth) → a tree over the lanes. The order
depends on the extent and the number of lanes alone. float16 and bfloat16 accumulate in float32.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from hybrid.codegen import estimate
from hybrid.codegen.instructions import NARROW, TYPE, Value, constant, convert, is_nan, mangled, operate, vector
from hybrid.codegen.target import Target
from hybrid.codegen.values import Values, iota
from hybrid.core import dtype as dt
from hybrid.core.errors import CompileError
from hybrid.loops.nest import Accumulate, Declare, For, If, Stmt, While, bodies, identity

# Terms a slot adds one after another before it is folded into the compensated sum: as many as in the leaf of NumPy's
# pairwise sum (128 over 8 accumulators), so no sum is less accurate than NumPy's.
FOLD = 16
FOLD_ALONE = 8  # of a scalar sum, which has no tree over lanes and slots: 7 additions, as NumPy's smallest sums


class State(NamedTuple):
    """Stack slots, which LLVM keeps in registers: plain partial results and, for a compensated sum, the total so far."""

    slots: list[str]
    high: str | None
    low: str | None


class Accumulator:
    """One `Declare`. Inside a vector loop there is one result for each lane; outside, the lanes are combined by `finish`."""

    def __init__(self, values: Values, stmt: Declare, compensated: bool):
        self.values = values
        self.name, self.op, self.dtype = stmt.name, stmt.op, stmt.dtype
        self.computed = dt.float32 if stmt.dtype in NARROW else stmt.dtype
        self.compensated = compensated
        self.home = values.lanes
        self.open = 0  # loops around the emitter that accumulate into it
        self._start = values.e.reserve()
        self._states: dict[int, State] = {}
        self.pending = False  # some slot may hold terms that `fold` has not seen
        self.long = False  # `fold` certainly runs
        self._folded = ""  # where it stands whether `fold` has run, so that short sums need no compensation
        self._final = constant(identity(self.op, self.dtype), self.dtype, self.home)

    def add(self, value: Value, slot: int) -> None:
        """Accumulate a value, in the lanes of the mask where there is one."""
        values, e = self.values, self.values.e
        lanes = values.lanes
        value = e.splat(convert(e, value, self.computed), lanes)
        if values.mask is not None:
            value = e.select(values.mask, value, constant(identity(self.op, self.computed), self.computed, lanes))
        place = self._slot(lanes, slot)
        self._write(place, operate(e, self.op, value, self._read(place, lanes)))
        self.pending = True

    def fold(self) -> None:
        """End of a block: the slots join the compensated sum."""
        if not self.compensated:
            return
        if self._folded:
            self.values.e.emit(f"store i1 true, ptr {self._folded}")
        for lanes, state in self._states.items():
            assert state.high is not None and state.low is not None
            high, low = self._add_pair(self._read(state.high, lanes), self._read(state.low, lanes), self._slots(state, lanes))
            self._write(state.high, high)
            self._write(state.low, low)
            for slot in state.slots:
                self._write(slot, constant(0, self.computed, lanes))
        self.pending = False

    def finish(self) -> None:
        """Combine everything into the value that a `Ref` reads from here on."""
        e = self.values.e
        if self.long or not (self.compensated and self.pending and self._folded):
            self._final = self._total()
            return
        # Up to a block the slots hold all terms, and short sums are most often waited for.
        long, short, done = e.label("long"), e.label("short"), e.label("summed")
        e.branch(e.let(f"load i1, ptr {self._folded}"), long, short)
        ends = []
        for label, compensated in ((long, True), (short, False)):
            e.start(label)
            total = self._total(compensated)
            ends.append(f"[ {total.text}, %{e.block} ]")
            e.jump(done)
        e.start(done)
        self._final = total._replace(text=e.let(f"phi {total.type} {', '.join(ends)}"))

    def read(self) -> Value:
        if not self.open:
            return self._final
        if self.home != self.values.lanes:
            raise CompileError(f"accumulator {self.name} is read inside the vector loop that carries it",
                               fix="read it after the loop, or make the loop serial")  # fmt: skip
        return self._total()

    # Combination

    def _total(self, compensated: bool = True) -> Value:
        e, parts = self.values.e, []
        for lanes, state in self._states.items():
            high = self._slots(state, lanes)
            low = None
            if self.compensated and compensated:
                assert state.high is not None and state.low is not None
                pending, high, low = high, self._read(state.high, lanes), self._read(state.low, lanes)
                if self.pending or self.open:
                    high, low = self._add_pair(high, low, pending)
            parts.append(self._across(high, low) if lanes > self.home else (high, low))
        if not parts:
            return constant(identity(self.op, self.dtype), self.dtype, self.home)
        high, low = parts[0]
        for other in parts[1:]:
            high, low = self._join((high, low), other)
        return convert(e, high if low is None else self._rounded(high, low)[0], self.dtype)

    def _across(self, high: Value, low: Value | None) -> tuple[Value, Value | None]:
        """The lanes combined in a tree that halves them; integers, where order is nothing, by one intrinsic."""
        e = self.values.e
        if not dt.is_float(self.computed):
            intrinsic = _REDUCTION[dt.KIND[self.computed], self.op]
            name = f"llvm.vector.reduce.{intrinsic}.{mangled(TYPE[self.computed], high.lanes)}"
            return Value(e.call(name, TYPE[self.computed], high.operand), self.computed), None
        while high.lanes > 1:
            left, right = self._halves(high)
            lows = (None, None) if low is None else self._halves(low)
            high, low = self._join((left, lows[0]), (right, lows[1]))
        return high, low

    def _join(self, a: tuple[Value, Value | None], b: tuple[Value, Value | None]) -> tuple[Value, Value | None]:
        e = self.values.e
        if a[1] is None or b[1] is None:
            return operate(e, self.op, a[0], b[0]), None
        high, error = self._two_sum(a[0], b[0])
        return high, operate(e, "add", operate(e, "add", a[1], b[1]), error)

    def _add_pair(self, high: Value, low: Value, term: Value) -> tuple[Value, Value]:
        """(high + low) + term. The low part stays below an ulp of the high one, so that a billion errors add up well."""
        total, error = self._two_sum(high, term)
        return self._rounded(total, operate(self.values.e, "add", low, error))

    def _rounded(self, high: Value, low: Value) -> tuple[Value, Value]:
        """high + low as the nearest float and the rest (Fast2Sum, Dekker)."""
        e = self.values.e
        total = operate(e, "add", high, low)
        rest = operate(e, "sub", low, operate(e, "sub", total, high))
        # An infinity leaves inf - inf in the low part; the high one alone is then right.
        lost = is_nan(e, rest)
        return e.select(lost, high, total), e.select(lost, constant(0, self.computed), rest)

    def _halves(self, value: Value) -> tuple[Value, Value]:
        e, half, kind = self.values.e, value.lanes // 2, value.type

        def part(first: int) -> Value:
            if half == 1:
                return Value(e.let(f"extractelement {value.operand}, i64 {first}"), value.dtype)
            order = iota("i32", half, first=first)
            text = e.let(f"shufflevector {kind} {value.text}, {kind} poison, <{half} x i32> {order}")
            return Value(text, value.dtype, half)

        return part(0), part(half)

    def _two_sum(self, a: Value, b: Value) -> tuple[Value, Value]:
        """a + b rounded, and the rounding error exactly (Knuth)."""
        e = self.values.e
        total = e.binary("fadd", a, b)
        second = e.binary("fsub", total, a)
        first = e.binary("fsub", total, second)
        return total, e.binary("fadd", e.binary("fsub", a, first), e.binary("fsub", b, second))

    def _slots(self, state: State, lanes: int) -> Value:
        found = [self._read(slot, lanes) for slot in state.slots]
        while len(found) > 1:
            pairs = zip(found[::2], found[1::2])
            found = [operate(self.values.e, self.op, a, b) for a, b in pairs] + found[len(found) & ~1 :]
        return found[0]

    # Storage

    def _slot(self, lanes: int, slot: int) -> str:
        state = self._states.get(lanes)
        if state is None:
            pair = [self._allocate(lanes), self._allocate(lanes)] if self.compensated else [None, None]
            if self.compensated and not self._folded:
                self._folded = self.values.e.fresh("folded")
                self.values.prologue.append(f"  {self._folded} = alloca i1")
                self._start.append(f"  store i1 false, ptr {self._folded}")
            state = self._states[lanes] = State([], *pair)
        while len(state.slots) <= slot:
            state.slots.append(self._allocate(lanes))
        return state.slots[slot]

    def _allocate(self, lanes: int) -> str:
        kind, place = vector(TYPE[self.computed], lanes), self.values.e.fresh("acc")
        start = constant(identity(self.op, self.computed), self.computed, lanes)
        self.values.prologue.append(f"  {place} = alloca {kind}")
        self._start.append(f"  store {start.operand}, ptr {place}")
        return place

    def _read(self, place: str, lanes: int) -> Value:
        return Value(self.values.e.let(f"load {vector(TYPE[self.computed], lanes)}, ptr {place}"), self.computed, lanes)

    def _write(self, place: str, value: Value) -> None:
        self.values.e.emit(f"store {value.operand}, ptr {place}")


_REDUCTION = {
    **{(kind, name): name for kind in "iu" for name in ("add", "mul", "and", "or")},
    ("i", "min"): "smin", ("i", "max"): "smax", ("u", "min"): "umin", ("u", "max"): "umax",
    **{("b", name): "or" for name in ("add", "max", "or")}, **{("b", name): "and" for name in ("mul", "min", "and")},
}  # fmt: skip


def accumulated(body: tuple[Stmt, ...], nested: bool = True) -> dict[str, None]:
    """Accumulators that a statement list adds to, in order; those of its inner loops too if `nested`."""
    found: dict[str, None] = {}
    for stmt in body:
        if isinstance(stmt, Accumulate):
            found[stmt.name] = None
        elif isinstance(stmt, If) or nested:
            for inner in bodies(stmt):
                found |= accumulated(inner, nested)
    return found


def needs_compensation(stmt: Declare, rest: tuple[Stmt, ...], lanes: int, target: Target) -> bool:
    """Whether a float sum may add more than `FOLD` terms one after another; `rest` is what follows the declaration."""
    return stmt.op == "add" and dt.is_float(stmt.dtype) and _longest_chain(rest, stmt.name, lanes, target) > FOLD


def _longest_chain(body: tuple[Stmt, ...], name: str, lanes: int, target: Target) -> float:
    total: float = 0
    for stmt in body:
        if isinstance(stmt, Accumulate):
            total += (stmt.name == name) * (1 if lanes > 1 else FOLD / FOLD_ALONE)
        elif isinstance(stmt, If):
            total += max(_longest_chain(body, name, lanes, target) for body in bodies(stmt))
        elif isinstance(stmt, While):
            total += inf if name in accumulated((stmt,)) else 0
        elif isinstance(stmt, For):
            if name not in accumulated((stmt,)):
                continue  # how wide it is takes longer to find out
            width = estimate.lanes(stmt, target) if lanes == 1 and stmt.kind != "serial" else 1
            inner = _longest_chain(stmt.body, name, max(lanes, width), target)
            if inner:
                step = width * estimate.unroll(stmt) if width > 1 else 1
                # A remainder of up to `unroll - 1` vectors and a tail come on top of the unrolled loop.
                trips = -(-stmt.extent // step) + (step > width) if isinstance(stmt.extent, int) else inf
                total += inner * trips
    return total
