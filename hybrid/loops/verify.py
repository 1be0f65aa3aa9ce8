"""The loop verifier: whatever it accepts, every code generator may translate without looking twice.

It checks names and scopes, dtypes, where loops may stand, that iterations which may run at once do not touch the same element,
and that offsets of known size stay in bounds. Where no proof is found, stores count as colliding and offsets as in bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import gcd
from typing import NoReturn

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import CompileError
from hybrid.core.shape import Dim, Size
from hybrid.loops import nest, text

_ANY, _NUMBER, _INTEGER, _BITS, _FLOAT = "biuf", "iuf", "iu", "biu", "f"
# The dtype kinds each op is defined on, where that is not floats alone.
_KINDS: dict[str, str] = {
    **dict.fromkeys(("add", "mul", "min", "max", "eq", "ne", "lt", "le", "gt", "ge", "select"), _ANY),
    **dict.fromkeys(("sub", "neg", "abs", "floordiv", "mod", "fmod", "pow"), _NUMBER),
    **dict.fromkeys(("and", "or", "xor", "not"), _BITS),
    **dict.fromkeys(("shl", "shr"), _INTEGER),
}  # fmt: skip
_CONCURRENT = ("parallel", "flat", "vector")


def takes(op: str, dtype: np.dtype) -> bool:
    """Whether the op is defined on operands of this dtype (for `select`, of its branches)."""
    return dt.KIND[dtype] in _KINDS.get(op, _FLOAT)


def verify(kernel: nest.Kernel) -> None:
    """Raise `CompileError`, naming the statement, unless the kernel is well formed."""
    _Verifier(kernel).run()


@dataclass(frozen=True, slots=True)
class _Name:
    kind: str  # index | let | accumulator | scratch | buffer
    dtype: np.dtype
    size: Size = 0  # elements of an array, extent of an index
    loops: int = 0  # how many loops enclose the definition
    affine: Affine | None = None  # what a let-bound index stands for, over loop indices
    op: str = ""


@dataclass(slots=True)
class _Access:
    """A load or store: its offset over loop indices and dynamic integers, and the loops around it."""

    stmt: nest.Stmt
    buffer: str
    offset: Affine
    loops: tuple[nest.For, ...]
    stores: bool
    shared: int  # how many of the loops enclose the definition of the array
    dynamic: dict[str, int]  # let-bound integers in the offset -> how many of the loops enclose their definition

    @property
    def key(self) -> tuple:
        return self.stores, self.offset, tuple(map(id, self.loops))


@dataclass
class _Verifier:
    kernel: nest.Kernel
    scope: dict[str, _Name] = field(default_factory=dict)
    loops: list[nest.For] = field(default_factory=list)
    guarded: int = 0  # enclosing branches
    accesses: list[_Access] = field(default_factory=list)
    symbols: frozenset[str] = frozenset()

    # -- errors -----------------------------------------------------------------------------------------------------------

    def fail(self, what: str, stmt: nest.Stmt | None = None, **rows: object) -> NoReturn:
        at = text.render_statement(self.kernel, stmt) if stmt is not None else None
        raise CompileError(f"kernel {self.kernel.name}: {what}", at=at, **rows)

    # -- names ------------------------------------------------------------------------------------------------------------

    def define(self, name: str, entry: _Name, stmt: nest.Stmt | None) -> None:
        if not name.isidentifier():
            self.fail(f"{name!r} is not a name", stmt, expected="a Python identifier")
        if name in self.scope or name in self.symbols:
            self.fail(f"{name} is defined twice", stmt)
        self.scope[name] = entry

    def run(self) -> None:
        self.symbols = frozenset(self.kernel.symbols)
        if not self.kernel.name.isidentifier():
            self.fail(f"{self.kernel.name!r} is not a name", expected="a Python identifier")
        for buffer in self.kernel.buffers:
            if buffer.role not in ("in", "out", "inout"):
                self.fail(f"buffer {buffer.name} has an unknown role", got=buffer.role, expected="in, out or inout")
            self.real(buffer.dtype, None)
            self.define(buffer.name, _Name("buffer", buffer.dtype, buffer.size), None)
        self.block(self.kernel.body)
        self.check_loads_of_outputs()
        self.check_races()

    # -- statements -------------------------------------------------------------------------------------------------------

    def block(self, body: tuple[nest.Stmt, ...]) -> None:
        outside = dict(self.scope)
        for stmt in body:
            self.statement(stmt)
        self.scope = outside

    def statement(self, stmt: nest.Stmt) -> None:
        for root in nest.expressions(stmt):
            for node in text.in_order(root):
                self.expression(node, stmt)
        match stmt:
            case nest.For():
                self.loop(stmt)
            case nest.If():
                self.boolean(stmt.condition, "a branch condition", stmt)
                self.guarded += 1
                self.block(stmt.body)
                self.guarded -= 1
            case nest.Let():
                affine = self.resolve(stmt.value.affine) if isinstance(stmt.value, nest.Index) else None
                self.define(stmt.name, _Name("let", stmt.value.dtype, 0, len(self.loops), affine), stmt)
            case nest.Store():
                self.store(stmt)
            case nest.Declare():
                self.declare(stmt)
            case nest.Accumulate():
                self.accumulate(stmt)
            case nest.Scratch():
                self.real(stmt.dtype, stmt)
                self.define(stmt.name, _Name("scratch", stmt.dtype, stmt.size, len(self.loops)), stmt)
            case nest.Check():
                self.boolean(stmt.condition, "a check", stmt)
                if not isinstance(stmt.code, nest.Code) or stmt.code is nest.Code.OK:
                    self.fail("a check needs an error code", stmt, got=stmt.code)
            case _:
                self.fail(f"{type(stmt).__name__} is not a statement")

    def loop(self, loop: nest.For) -> None:
        if loop.kind not in ("serial", *_CONCURRENT):
            self.fail("unknown kind of loop", loop, got=loop.kind, expected="serial, vector, parallel or flat")
        if isinstance(loop.extent, int) and loop.extent < 0:
            self.fail("a loop cannot run a negative number of times", loop, got=loop.extent)
        if loop.kind in ("parallel", "flat") and (self.loops or self.guarded):
            self.fail(f"a {loop.kind} loop stands outermost", loop, fix="make the inner loop serial or vector")
        around = next((outer for outer in self.loops if outer.kind in ("vector", "flat")), None)
        if loop.kind == "vector" and around is not None:
            self.fail(
                f"a vector loop cannot stand inside {around.kind} loop {around.index}", loop, fix="make one of them serial"
            )
        outside = dict(self.scope)
        self.define(loop.index, _Name("index", dt.int64, loop.extent, len(self.loops) + 1), loop)
        self.loops.append(loop)
        self.block(loop.body)
        self.loops.pop()
        self.scope = outside

    def store(self, stmt: nest.Store) -> None:
        array = self.array(stmt.buffer, stmt)
        role = next((b.role for b in self.kernel.buffers if b.name == stmt.buffer), "inout")
        if role == "in":
            self.fail(f"{stmt.buffer} is an input and cannot be stored to", stmt, fix="give the buffer the role inout")
        self.same(stmt.value.dtype, array.dtype, f"the value stored in {stmt.buffer}", stmt)
        self.access(stmt.buffer, stmt.offset, stmt, stores=True)

    def declare(self, stmt: nest.Declare) -> None:
        self.real(stmt.dtype, stmt)
        if stmt.op not in nest.REDUCERS:
            self.fail(f"{stmt.op} does not accumulate", stmt, expected=", ".join(nest.REDUCERS))
        if not takes(stmt.op, stmt.dtype):
            self.fail(f"{stmt.op} is not defined on {stmt.dtype}", stmt)
        self.define(stmt.name, _Name("accumulator", stmt.dtype, 0, len(self.loops), op=stmt.op), stmt)

    def accumulate(self, stmt: nest.Accumulate) -> None:
        entry = self.scope.get(stmt.name)
        if entry is None or entry.kind != "accumulator":
            self.fail(f"{stmt.name} is not an accumulator in scope", stmt)
        self.same(stmt.value.dtype, entry.dtype, f"the value added to {stmt.name}", stmt)
        for loop in self.loops[entry.loops :]:
            if loop.kind in ("parallel", "flat"):
                self.fail(f"accumulator {stmt.name} is carried across {loop.kind} loop {loop.index}", stmt,
                          fix="declare it inside, store partial results and combine them in a serial loop")  # fmt: skip

    # -- expressions ------------------------------------------------------------------------------------------------------

    def expression(self, node: nest.Expr, stmt: nest.Stmt) -> None:
        self.real(node.dtype, stmt)
        match node:
            case nest.Const():
                self.same(np.asarray(node.value).dtype, node.dtype, "a constant", stmt)
            case nest.Ref():
                self.reference(node, stmt)
            case nest.Index():
                self.resolve(node.affine, stmt)
                self.same(node.dtype, dt.int64, "an index", stmt)
            case nest.Load():
                array = self.array(node.buffer, stmt)
                self.same(node.dtype, array.dtype, f"a load of {node.buffer}", stmt)
                if node.guard is not None:
                    self.boolean(node.guard, "a guard", stmt)
                self.access(node.buffer, node.offset, stmt, stores=False, guarded=node.guard is not None)
            case nest.Op():
                self.operation(node, stmt)
            case nest.Bitcast():
                if node.arg.dtype.itemsize != node.dtype.itemsize or dt.bool_ in (node.arg.dtype, node.dtype):
                    self.fail(
                        "a bitcast keeps the width and is not defined on bool", stmt, got=f"{node.arg.dtype} to {node.dtype}"
                    )
            case nest.Rescue():
                self.boolean(node.condition, "a rescue's condition", stmt)
                self.operation(nest.Op(node.name, node.args, node.dtype), stmt)
                self.same(node.fast.dtype, node.dtype, "a rescue's fast value", stmt)
            case nest.Convert():
                pass
            case _:
                self.fail(f"{type(node).__name__} is not an expression", stmt)

    def reference(self, node: nest.Ref, stmt: nest.Stmt) -> None:
        entry = self.scope.get(node.name)
        if entry is None or entry.kind not in ("let", "accumulator"):
            self.fail(f"{node.name} is not a scalar in scope", stmt, expected=self.visible("let", "accumulator"))
        self.same(node.dtype, entry.dtype, f"the reference to {node.name}", stmt)
        if entry.kind == "accumulator":
            for loop in self.loops[entry.loops :]:
                if loop.kind != "serial" and any(
                    isinstance(s, nest.Accumulate) and s.name == node.name for s in nest.walk(loop.body)
                ):
                    self.fail(f"accumulator {node.name} has no value until {loop.kind} loop {loop.index} has ended", stmt)

    def operation(self, node: nest.Op, stmt: nest.Stmt) -> None:
        if node.name not in nest.OPS:
            self.fail(f"unknown op {node.name}", stmt)
        arity, result = nest.OPS[node.name]
        if len(node.args) != arity:
            self.fail(f"{node.name} takes {arity} operands", stmt, got=len(node.args))
        operands = node.args
        if node.name == "select":
            self.boolean(node.args[0], "select's condition", stmt)
            operands = node.args[1:]
        for arg in operands[1:]:
            self.same(arg.dtype, operands[0].dtype, f"an operand of {node.name}", stmt)
        if not takes(node.name, operands[0].dtype):
            self.fail(f"{node.name} is not defined on {operands[0].dtype}", stmt)
        self.same(node.dtype, dt.bool_ if result == "bool" else operands[0].dtype, f"the result of {node.name}", stmt)

    def real(self, dtype: np.dtype, stmt: nest.Stmt | None) -> None:
        if dtype not in dt.KIND or dt.is_complex(dtype):
            self.fail(f"loops have no dtype {dtype}", stmt, fix="split complex numbers into their parts")

    def same(self, got: np.dtype, expected: np.dtype, what: str, stmt: nest.Stmt) -> None:
        if got != expected:
            self.fail(f"{what} has the wrong dtype", stmt, got=got, expected=expected)

    def boolean(self, node: nest.Expr, what: str, stmt: nest.Stmt) -> None:
        self.same(node.dtype, dt.bool_, what, stmt)

    # -- offsets ----------------------------------------------------------------------------------------------------------

    def array(self, name: str, stmt: nest.Stmt) -> _Name:
        entry = self.scope.get(name)
        if entry is None or entry.kind not in ("buffer", "scratch"):
            self.fail(f"{name} is not an array in scope", stmt, expected=self.visible("buffer", "scratch"))
        return entry

    def visible(self, *kinds: str) -> str:
        return ", ".join(name for name, entry in self.scope.items() if entry.kind in kinds) or "nothing is"

    def resolve(self, form: Affine, stmt: nest.Stmt | None = None) -> Affine:
        """The form over loop indices, as far as let-bound names are themselves affine."""
        for name in form.terms:
            entry = self.scope.get(name)
            if entry is None or entry.kind not in ("index", "let") or entry.dtype != dt.int64:
                self.fail(
                    f"{name} is not an index or an int64 in scope", stmt, got=repr(form), expected=self.visible("index", "let")
                )
        return form.substitute({n: a for n in form.terms if (a := self.scope[n].affine) is not None})

    def access(self, buffer: str, offset: Affine, stmt: nest.Stmt, stores: bool, guarded: bool = False) -> None:
        resolved = self.resolve(offset, stmt)
        dynamic = {name: self.scope[name].loops for name in resolved.terms if self.scope[name].kind == "let"}
        self.accesses.append(_Access(stmt, buffer, resolved, tuple(self.loops), stores, self.scope[buffer].loops, dynamic))
        if guarded or self.guarded or dynamic or any(loop.extent == 0 for loop in self.loops):
            return
        size = self.scope[buffer].size
        low, high = _interval([(c, 0, self.scope[name].size - 1) for name, c in resolved.terms.items()])
        if low is None or high is None:
            return
        low, high = low + resolved.const, high + resolved.const
        if _positive(-low) or _positive(high - size + 1):
            self.fail(
                f"{buffer}[{offset!r}] is out of bounds", stmt, got=f"offsets {low} to {high}", expected=f"0 to {size - 1}"
            )

    def check_loads_of_outputs(self) -> None:
        stored = {access.buffer for access in self.accesses if access.stores}
        outputs = {b.name for b in self.kernel.buffers if b.role == "out"}
        for access in self.accesses:
            if not access.stores and access.buffer in outputs - stored:
                self.fail(f"{access.buffer} is an output that holds nothing yet", access.stmt, fix="give it the role inout")

    # -- iterations that run at once --------------------------------------------------------------------------------------

    def check_races(self) -> None:
        groups: dict[tuple[int, str], dict[tuple, _Access]] = {}
        depths: dict[int, int] = {}
        for access in self.accesses:
            for depth, loop in enumerate(access.loops):
                if loop.kind in _CONCURRENT and loop.extent not in (0, 1) and access.shared <= depth:
                    groups.setdefault((id(loop), access.buffer), {}).setdefault(access.key, access)
                    depths[id(loop)] = depth
        for (identity, buffer), group in groups.items():
            for store in (access for access in group.values() if access.stores):
                for other in group.values():
                    if not _apart(store, other, depths[identity]):
                        self.race(store, other, store.loops[depths[identity]], buffer)

    def race(self, store: _Access, other: _Access, loop: nest.For, buffer: str) -> NoReturn:
        deed = "store to" if other.stores else "load what another stores in"
        self.fail(f"iterations of {loop.kind} loop {loop.index} may {deed} the same element of {buffer}", store.stmt,
                  got=f"offsets {store.offset!r} and {other.offset!r}" if other is not store else f"offset {store.offset!r}",
                  fix="make the loop serial, or give each iteration elements of its own")  # fmt: skip


def _apart(a: _Access, b: _Access, depth: int) -> bool:
    """Whether two accesses never meet in different iterations of the loop at `depth`: a proof, never a guess.

    The distance of the offsets is sum(c·v) + const over integer variables v of known range; the loop's own variable is the
    difference of its two iterations, zero only if they are one. Loops around it have one value on both sides.
    """
    loop, span = a.loops[depth], a.loops[depth].extent - 1
    if any(defined > depth for access in (a, b) for defined in access.dynamic.values()):
        return False
    const = a.offset.const - b.offset.const
    ranges: dict[Size, tuple[Size, Size]] = {}  # coefficient -> range of the sum of the variables that have it

    def add(c: Size, low: Size, high: Size) -> None:
        if c != 0 and (low != 0 or high != 0):
            before = ranges.get(c, (0, 0))
            ranges[c] = before[0] + low, before[1] + high

    for outer in a.loops[:depth]:
        add(a.offset.coefficient(outer.index) - b.offset.coefficient(outer.index), 0, outer.extent - 1)
    if any(a.offset.coefficient(name) != b.offset.coefficient(name) for name in (*a.dynamic, *b.dynamic)):
        return False
    for inner in a.loops[depth + 1 :]:
        add(a.offset.coefficient(inner.index), 0, inner.extent - 1)
    for inner in b.loops[depth + 1 :]:
        add(b.offset.coefficient(inner.index), 1 - inner.extent, 0)
    own, theirs = a.offset.coefficient(loop.index), b.offset.coefficient(loop.index)
    if own == theirs and own != 0:
        mine = (own, -span, span)
        terms = [(c, *reach) for c, reach in ranges.items()]
        return _never_zero([mine, *terms], const) or _forces_zero(mine, terms, const)
    add(own, 0, span)
    add(theirs, -span, 0)
    return _never_zero([(c, *reach) for c, reach in ranges.items()], const)


_Term = tuple[Size, Size, Size]  # coefficient, least and greatest value of its variable


def _forces_zero(mine: _Term, terms: list[_Term], const: Size) -> bool:
    """Whether c·v + sum(terms) + const = 0 implies v = 0: mixed radix, largest coefficient first.

    A term that outweighs all others together can only be cancelled by being zero; without it the next is the largest.
    """
    rest = list(terms)
    while True:
        if _outweighs(mine, rest, const):
            return True
        largest = next((t for t in rest if _outweighs(t, [mine, *(o for o in rest if o is not t)], const)), None)
        if largest is None:
            return False
        rest = [t for t in rest if t is not largest]


def _outweighs(term: _Term, others: list[_Term], const: Size) -> bool:
    low, high = _interval(others)
    if low is None or high is None:
        return False
    weight = term[0] if _positive(term[0]) else -term[0]
    return _positive(weight - (high + const)) and _positive(weight + low + const)


def _never_zero(terms: list[_Term], const: Size) -> bool:
    """Whether sum(terms) + const has one sign throughout, or const is no multiple of the coefficients' common divisor."""
    low, high = _interval(terms)
    if low is not None and high is not None and (_positive(low + const) or _positive(-(high + const))):
        return True
    numbers = [c for c, _, _ in terms if isinstance(c, int)]
    return bool(terms) and len(numbers) == len(terms) and isinstance(const, int) and const % gcd(*numbers) != 0


def _interval(terms: list[_Term]) -> tuple[Size, Size] | tuple[None, None]:
    """Least and greatest value of sum(c·v), or None where the sign of a coefficient is not known."""
    low: Size = 0
    high: Size = 0
    for c, least, greatest in terms:
        if not _positive(c) and not _positive(-c):
            return None, None
        least, greatest = (least, greatest) if _positive(c) else (greatest, least)
        low, high = low + c * least, high + c * greatest
    return low, high


def _positive(size: Size) -> bool:
    """Whether a polynomial is positive for every value of its symbols from 1 on: n = 1 + n', all coefficients non-negative.

    Size zero is left out because loops over it run no iteration.
    """
    if not isinstance(size, Dim):
        return size > 0
    shifted = size.evaluate({name: Dim.symbol(name) + 1 for name in size.symbols})  # type: ignore[misc]
    if not isinstance(shifted, Dim):
        return shifted > 0
    terms = dict(shifted.terms)
    return terms.get((), 0) > 0 and all(c >= 0 for c in terms.values())
