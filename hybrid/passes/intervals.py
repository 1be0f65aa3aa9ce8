"""Between which numbers integers lie, and a graph without the checks that this answers.

`n += 1` cannot overflow in any loop that ends, nor `total += byte`; and `table[x & 255]` needs no look at the table's length.
What a loop carries is followed as a change of what it was: rounds times the change of one bound it, and no round can overflow
as long as none before it has.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Size, TensorType
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Var, bodies, walk
from hybrid.ops import elementwise as e

ROUNDS = 1 << 50  # of all loops in one another, at most: these take two weeks at a nanosecond each
LONGEST = 1 << 47  # an axis of bytes in all the memory that there may be
DEEP = 5  # loops in one another whose bodies are followed: each takes three times as long as what is in it


@dataclass(frozen=True, slots=True)
class Span:
    """The integers from `low` to `high`, both included."""

    low: int
    high: int

    def __or__(self, other: Span) -> Span:
        return Span(min(self.low, other.low), max(self.high, other.high))

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Span) -> Span:
        return Span(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Span) -> Span:
        return _corners(lambda a, b: a * b, self, other)

    def within(self, other: Span) -> bool:
        return other.low <= self.low and self.high <= other.high


@dataclass(frozen=True, slots=True)
class Change:
    """A variable as it was before a round, and what has been added: in all `by`, and `each` in every round of a loop inside."""

    of: Var
    by: Span
    each: Span


@dataclass(frozen=True, slots=True)
class Value:
    """One of some integers, or a variable that was changed; None for no such way."""

    span: Span | None = None
    change: Change | None = None


NOTHING = Span(0, 0)
TRUTH = Span(0, 1)
SURE = Value(Span(1, 1))


def _corners(operation: Callable[[int, int], int], a: Span, b: Span) -> Span:
    found = [operation(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    return Span(min(found), max(found))


@functools.cache
def _whole(dtype: np.dtype) -> Span | None:
    """All numbers of a dtype; None for one that is no integer."""
    if dtype == dt.bool_:
        return TRUTH
    if not dt.is_integer(dtype):
        return None
    info = np.iinfo(dtype)
    return Span(int(info.min), int(info.max))


def _joined(a: Value | None, b: Value | None) -> Value | None:
    """One or the other."""
    if a is None or b is None:
        return None
    change = a.change or b.change
    if a.change is not None and b.change is not None:
        if a.change.of is not b.change.of:
            return None
        change = Change(a.change.of, a.change.by | b.change.by, a.change.each | b.change.each)
    span = a.span if b.span is None else b.span if a.span is None else a.span | b.span
    return Value(span, change)


def _shifted(value: Value, by: Span) -> Value:
    """A value with one of some numbers added."""
    span = None if value.span is None else value.span + by
    change = value.change
    return Value(span, change and Change(change.of, change.by + by, change.each + (by | NOTHING)))


class _Follow:
    """One walk over a graph, from what is known of its inputs."""

    def __init__(self, sizes: dict[str, Span], rewrites: bool, keeps: bool, deep: int = 0, around: bool = False):
        self.sizes, self.rewrites, self.deep = sizes, rewrites, deep
        self.keeps, self.around = keeps, around  # whether checks around loops in loops stay, and whether this is around one
        self.known: dict[Var, Value | None] = {}
        self.chosen: dict[Var, Atom] = {}  # selections that are always of the same operand

    def graph(self, graph: Graph, given: Sequence[Value | None]) -> tuple[Graph, list[Value | None]]:
        """The graph without checks that need not be made, and what is known of its outputs."""
        self.known.update(zip(graph.inputs, given, strict=True))
        eqns = tuple([kept for eqn in graph.eqns if (kept := self.equation(eqn)) is not None])
        known = [self.of(atom) for atom in graph.outputs]
        if len(eqns) == len(graph.eqns) and all(map(operator.is_, eqns, graph.eqns)):
            return graph, known
        return graph.replace(eqns=eqns, outputs=tuple(map(self.atom, graph.outputs))), known

    def atom(self, atom: Atom) -> Atom:
        return atom if isinstance(atom, Literal) else self.chosen.get(atom, atom)

    def of(self, atom: Atom) -> Value | None:
        """What is known of a number, or of the elements of an array."""
        if isinstance(atom, Literal):
            return _of_literal(atom)
        found = self.known.get(atom)
        if found is None:
            whole = _whole(atom.type.dtype)
            return None if whole is None else Value(whole)
        return found

    def span(self, atom: Atom) -> Span | None:
        """Between which numbers something lies; None for floats, and for changes."""
        value = self.of(atom)
        return None if value is None or value.change is not None else value.span

    def equation(self, eqn: Eqn) -> Eqn | None:
        """What becomes of an equation."""
        if self.chosen:
            inputs = tuple(map(self.atom, eqn.inputs))
            if not all(map(operator.is_, inputs, eqn.inputs)):
                eqn = Eqn(eqn.primitive, inputs, eqn.params, eqn.outputs, eqn.source)
        name = eqn.primitive.name
        if name == "check":
            drops = self.rewrites and not (self.keeps and self.around)
            return None if drops and self.of(eqn.inputs[0]) == SURE else eqn
        if name == "select" and self.selected(eqn):
            return None
        if name == "loop":
            return self.loop(eqn)
        if name == "cond":
            return self.cond(eqn)
        if name == "bind":
            self.bind(eqn)
            return eqn
        if inner := bodies(eqn):  # of functions that call themselves
            return self.rewritten(eqn, {key: self.body(body, [None] * len(body.inputs))[0] for key, body in inner.items()})
        if len(eqn.outputs) == 1 and (whole := _whole(eqn.outputs[0].type.dtype)) is not None:
            made = self.known[eqn.outputs[0]] = _fitting(self.result(eqn), whole)
            if self.rewrites and name in _HEARD and made is not None and made.change is None:
                return Eqn(_HEARD[name], eqn.inputs, eqn.params, eqn.outputs, eqn.source)
        return eqn

    def selected(self, eqn: Eqn) -> bool:
        """Whether a selection is always of the same operand, which then stands for it."""
        condition, made = self.span(eqn.inputs[0]), eqn.outputs[0]
        if not self.rewrites or condition is None or condition == TRUTH:
            return False
        taken = eqn.inputs[1 if condition.low else 2]
        if not isinstance(taken, Var) or taken.type != made.type:  # a size that is bound stays one that only a run knows
            return False
        self.chosen[made] = taken
        return True

    def result(self, eqn: Eqn) -> Value | None:
        """What is known of an equation's result, were there no last integer."""
        name, inputs = eqn.primitive.name.removeprefix("scalar_"), eqn.inputs
        if name == "size":
            return _value(self.size(eqn.params["value"]))
        if name in _SAME or (name == "convert" and _is_whole(inputs[0].type)):
            return self.of(inputs[0])
        if name in ("select", "concatenate", "update_slice"):
            parts = [self.of(atom) for atom in (inputs[1:] if name == "select" else inputs)]
            out = parts[0]
            for part in parts[1:]:
                out = _joined(out, part)
            return out
        if name in ("add", "sub"):
            return self.sum(name, *inputs)
        if name in _BINARY and len(inputs) == 2:
            a, b = map(self.span, inputs)
            return None if a is None or b is None else _value(_BINARY[name](a, b))
        if name in _UNARY:
            a = self.span(inputs[0])
            return None if a is None else _value(_UNARY[name](a))
        return None

    def sum(self, name: str, a: Atom, b: Atom) -> Value | None:
        left, right, by = self.of(a), self.of(b), self.span(b)
        if left is not None and by is not None:
            return _shifted(left, by if name == "add" else NOTHING - by)
        other = self.span(a)
        return None if name == "sub" or right is None or other is None else _shifted(right, other)

    def size(self, size: Size) -> Span | None:
        """Between which numbers a size lies."""
        if not isinstance(size, Dim):
            return Span(size, size)
        out = NOTHING
        for monomial, factor in size.terms:
            part = Span(factor, factor)
            for symbol in monomial:
                if symbol not in self.sizes:
                    return None
                part = part * self.sizes[symbol]
            out = out + part
        return out

    def bind(self, eqn: Eqn) -> None:
        found = self.span(eqn.inputs[0])  # the equation's bound from above holds only after the check that follows it
        if found is not None:
            self.sizes[eqn.params["symbol"]] = found

    # branches and loops ------------------------------------------------------------------------------------------------
    def body(self, graph: Graph, given: Sequence[Value | None]) -> tuple[Graph, list[Value | None]]:
        return _Follow(dict(self.sizes), self.rewrites, self.keeps, self.deep, self.around).graph(graph, given)

    def rewritten(self, eqn: Eqn, inner: Mapping[str, Graph]) -> Eqn:
        if not self.rewrites or all(inner[name] is eqn.params[name] for name in inner):
            return eqn
        return Eqn(eqn.primitive, eqn.inputs, {**eqn.params, **inner}, eqn.outputs, eqn.source)

    def cond(self, eqn: Eqn) -> Eqn:
        given = [self.of(atom) for atom in eqn.inputs[1:]]
        then, left = self.body(eqn.params["then"], given)
        orelse, right = self.body(eqn.params["orelse"], given)
        self.known.update((var, _joined(a, b)) for var, a, b in zip(eqn.outputs, left, right))
        return self.rewritten(eqn, {"then": then, "orelse": orelse})

    def loop(self, eqn: Eqn) -> Eqn:
        if self.deep >= DEEP:
            return eqn
        carried, body, test = eqn.params["carried"], eqn.params["body"], eqn.params["test"]
        before = [self.of(atom) for atom in eqn.inputs]
        count = eqn.params["count"]
        size = None if count is None else self.size(count)
        rounds = ROUNDS if size is None else max(min(size.high, ROUNDS), 0)
        around = any(other.primitive.name == "loop" for other in walk(body))
        inner = _Follow(dict(self.sizes), False, self.keeps, self.deep + 1, around)
        inner.sizes[eqn.params["symbol"]] = Span(0, max(rounds - 1, 0))
        found: list[Value | None] = [None] * carried
        for _ in range(2):  # the second time with what the first has found of other variables
            given = [_unchanged(var) if known is None else known for known, var in zip(found, body.inputs)]
            _, after = inner.body(body, [*given, *before[carried:]])
            settled = [
                old if old is not None else _carried(var, first, last, rounds)
                for old, var, first, last in zip(found, body.inputs, before, after)
            ]
            if settled == found:
                break
            found = settled
        self.known.update(zip(eqn.outputs, found))
        if not self.rewrites:
            return eqn
        inner.rewrites = True
        given = [*found, *before[carried:]]
        parts = {"body": inner.body(body, given)[0]}
        if isinstance(test, Graph):
            parts["test"] = inner.body(test, given)[0]
        return self.rewritten(eqn, parts)


def _unchanged(var: Var) -> Value | None:
    return Value(change=Change(var, NOTHING, NOTHING)) if _is_whole(var.type) else None


def _carried(var: Var, first: Value | None, last: Value | None, rounds: int) -> Value | None:
    """What a variable is in all rounds, by what it is before them and what one leaves."""
    whole = _whole(var.type.dtype)
    if whole is None or first is None or last is None or (last.change is not None and last.change.of is not var):
        return None
    out = _joined(first, Value(last.span)) if last.span is not None else first
    assert out is not None
    if last.change is None:
        return out
    by, each = last.change.by | NOTHING, last.change.each | NOTHING
    span, change = out.span, out.change
    if span is not None:
        span = span + Span(max(by.low * rounds, each.low * ROUNDS), max(min(by.high * rounds, each.high * ROUNDS), 0))
        if not span.within(whole):
            return None
    if change is not None:
        change = Change(change.of, change.by + Span(by.low * rounds, by.high * rounds), change.each + each)
    return Value(span, change)


def _fitting(value: Value | None, whole: Span) -> Value | None:
    """A result as far as it does not leave its dtype, where it would wrap around."""
    if value is None or (value.span is not None and not value.span.within(whole)):
        return None
    return value


def _value(span: Span | None) -> Value | None:
    return None if span is None else Value(span)


def _is_whole(type: TensorType) -> bool:
    return _whole(type.dtype) is not None


def _of_literal(literal: Literal) -> Value | None:
    return Value(Span(int(literal.value), int(literal.value))) if _is_whole(literal.type) else None


# what operations do to spans ---------------------------------------------------------------------------------------------
def _and(a: Span, b: Span) -> Span | None:
    tops = [x.high for x in (a, b) if x.low >= 0]
    return Span(0, min(tops)) if tops else None


def _or(a: Span, b: Span) -> Span | None:
    bits = max(a.high.bit_length(), b.high.bit_length())
    return Span(0, (1 << bits) - 1) if a.low >= 0 and b.low >= 0 else None


def _mod(a: Span, b: Span) -> Span | None:
    if b.low < 1:
        return None
    return a if a.low >= 0 and a.high < b.low else Span(0, b.high - 1)


def _floordiv(a: Span, b: Span) -> Span | None:
    return _corners(lambda x, y: x // y, a, b) if b.low >= 1 else None


def _shr(a: Span, b: Span) -> Span | None:
    return _corners(lambda x, y: x >> y, a, b) if b.low >= 0 and b.high < 64 else None


def _shl(a: Span, b: Span) -> Span | None:
    return _corners(lambda x, y: x << y, a, b) if b.low >= 0 and b.high < 64 else None


def _fits(operation: Callable[[Span, Span], Span]) -> Callable[[Span, Span], Span]:
    whole = Span(-(2**63), 2**63 - 1)
    return lambda a, b: SURE.span if operation(a, b).within(whole) else TRUTH  # type: ignore[return-value]


def _ordered(sure: Callable[[Span, Span], bool], never: Callable[[Span, Span], bool]) -> Callable[[Span, Span], Span]:
    return lambda a, b: Span(1, 1) if sure(a, b) else NOTHING if never(a, b) else TRUTH


_BINARY: dict[str, Callable[[Span, Span], Span | None]] = {
    "mul": Span.__mul__, "min": lambda a, b: Span(min(a.low, b.low), min(a.high, b.high)),
    "max": lambda a, b: Span(max(a.low, b.low), max(a.high, b.high)), "and": _and, "or": _or, "xor": _or, "mod": _mod,
    "floordiv": _floordiv, "shr": _shr, "shl": _shl, "fits_add": _fits(Span.__add__), "fits_sub": _fits(Span.__sub__),
    "fits_mul": _fits(Span.__mul__),
    "lt": _ordered(lambda a, b: a.high < b.low, lambda a, b: a.low >= b.high),
    "le": _ordered(lambda a, b: a.high <= b.low, lambda a, b: a.low > b.high),
    "gt": _ordered(lambda a, b: a.low > b.high, lambda a, b: a.high <= b.low),
    "ge": _ordered(lambda a, b: a.low >= b.high, lambda a, b: a.high < b.low),
    "ne": _ordered(lambda a, b: a.high < b.low or a.low > b.high, lambda a, b: a.low == a.high == b.low == b.high),
    "eq": _ordered(lambda a, b: a.low == a.high == b.low == b.high, lambda a, b: a.high < b.low or a.low > b.high),
}  # fmt: skip
# Operations of NumPy's integer scalars, which say when they wrap around, and those that say nothing.
_HEARD = {"scalar_add": e.add, "scalar_sub": e.sub, "scalar_mul": e.mul, "scalar_neg": e.neg, "scalar_abs": e.abs}
_UNARY: dict[str, Callable[[Span], Span | None]] = {
    "neg": lambda a: NOTHING - a,
    "abs": lambda a: Span(max(a.low, -a.high, 0), max(a.high, -a.low)),
}
# What gives elements of its first operand.
_SAME = frozenset(("reshape", "broadcast", "slice", "transpose", "take", "take_along", "diagonal", "windows", "mark", "stop",
                   "barrier", "reduce_max", "reduce_min", "sort", "cummax", "cummin"))  # fmt: skip


def without_checks(graph: Graph) -> Graph:
    """The graph without the checks that cannot fail.

    In a loop around others, which is not where time is spent, they stay unless all go: from a check LLVM knows what holds
    behind it. (Without `i > 0` it looked twice at each place that a sieve writes: 2.1 ms, not 1.1.)
    """
    if not _has_checks(graph):
        return graph
    sizes = {name: Span(0, LONGEST) for name in _symbols(var.type for var in graph.inputs)}
    unknown: list[Value | None] = [None] * len(graph.inputs)
    made = _Follow(dict(sizes), True, False).graph(graph, unknown)[0]
    return _Follow(sizes, True, True).graph(graph, unknown)[0] if made is not graph and _has_checks(made) else made


def _has_checks(graph: Graph) -> bool:
    return any(eqn.primitive.name == "check" for eqn in walk(graph))


def _symbols(types: Iterable[TensorType]) -> set[str]:
    return {name for type_ in types for size in type_.shape if isinstance(size, Dim) for name in size.symbols}
