"""The loop verifier: whatever it accepts, every code generator may translate without looking twice.

It checks names and scopes, dtypes, where loops may stand, that iterations which may run at once do not touch the same element,
and that offsets of known size stay in bounds. Where no proof is found, stores count as colliding and offsets as in bounds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import CompileError
from hybrid.core.scipyspecial import OPERATIONS
from hybrid.core.shape import Dim, Size
from hybrid.core.signs import Signs
from hybrid.loops import nest, text
from hybrid.loops.disjoint import Span, apart, split

_ANY, _NUMBER, _INTEGER, _BITS, _FLOAT = "biuf", "iuf", "iu", "biu", "f"
# The dtype kinds each op is defined on, where that is not floats alone.
_KINDS: dict[str, str] = {
    **dict.fromkeys(("add", "mul", "min", "max", "eq", "ne", "lt", "le", "gt", "ge", "select"), _ANY),
    **dict.fromkeys(("sub", "neg", "abs", "floordiv", "mod", "fmod", "pow"), _NUMBER),
    **dict.fromkeys(("and", "or", "xor", "not"), _BITS),
    **dict.fromkeys(("shl", "shr", *nest.HEARD), _INTEGER),
}  # fmt: skip
_CONCURRENT = ("parallel", "flat", "vector")


def takes(op: str, dtype: np.dtype) -> bool:
    """Whether the op is defined on operands of this dtype (for `select`, of its branches)."""
    if op in nest.ON_WORDS:
        return dtype == dt.uint64
    if op in OPERATIONS:
        return dtype in (dt.float32, dt.float64)
    return dtype == dt.int64 if op.startswith(("fits_", nest.FOREIGN)) else dt.KIND[dtype] in _KINDS.get(op, _FLOAT)


def verify(kernel: nest.Kernel) -> None:
    """Raise `CompileError`, naming the statement, unless the kernel is well formed."""
    _Verifier(kernel).run()


@dataclass(frozen=True, slots=True)
class _Name:
    kind: str  # index | let | accumulator | scratch | buffer | routine
    dtype: np.dtype
    size: Size = 0  # elements of an array
    loops: int = 0  # how many loops enclose the definition
    stands_for: Size | None = None  # what a let-bound index is, over loop indices and dynamic integers
    op: str = ""
    routine: nest.Routine | None = None


@dataclass(slots=True)
class _Access:
    """A load or store: its offset over sizes, loop indices and dynamic integers, and the loops around it."""

    stmt: nest.Stmt
    buffer: str
    form: Affine
    offset: Size
    loops: tuple[nest.For, ...]
    spans: tuple[Span, ...]
    stores: bool
    shared: int  # how many of the loops enclose the definition of the array
    dynamic: int  # how many enclose the innermost definition of a dynamic integer in the offset

    @property
    def key(self) -> tuple:
        return self.stores, self.offset, tuple(map(id, self.loops))


@dataclass
class _Verifier:
    kernel: nest.Kernel
    scope: dict[str, _Name] = field(default_factory=dict)
    loops: list[nest.For] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)  # of `loops`
    guarded: int = 0  # enclosing branches and while loops
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
            self.fixed(buffer.size, None)
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
        if not isinstance(stmt, nest.While):
            self.expressions(stmt)
        match stmt:
            case nest.For():
                self.loop(stmt)
            case nest.If():
                self.boolean(stmt.condition, "a branch condition", stmt)
                self.guarded += 1
                self.block(stmt.body)
                self.block(stmt.orelse)
                self.guarded -= 1
            case nest.While():
                self.repeat(stmt)
            case nest.Let():
                index = self.resolve(stmt.value.affine) if isinstance(stmt.value, nest.Index) else None
                self.define(stmt.name, _Name("let", stmt.value.dtype, 0, len(self.loops), index), stmt)
            case nest.Store():
                self.store(stmt)
            case nest.Declare():
                self.declare(stmt)
            case nest.Accumulate():
                self.accumulate(stmt)
            case nest.Scratch():
                self.real(stmt.dtype, stmt)
                if any(loop.kind in _CONCURRENT for loop in self.loops):
                    self.fixed(stmt.size, stmt)
                self.known(stmt.size, stmt)
                self.define(stmt.name, _Name("scratch", stmt.dtype, stmt.size, len(self.loops)), stmt)
            case nest.Check():
                self.boolean(stmt.condition, "a check", stmt)
                if not isinstance(stmt.code, nest.Code) or stmt.code is nest.Code.OK:
                    self.fail("a check needs an error code", stmt, got=stmt.code)
            case nest.Call():
                self.call(stmt)
            case nest.Routine():
                self.routine(stmt)
            case nest.Invoke():
                self.invoke(stmt)
            case _:
                self.fail(f"{type(stmt).__name__} is not a statement")

    def loop(self, loop: nest.For) -> None:
        if loop.kind not in ("serial", *_CONCURRENT):
            self.fail("unknown kind of loop", loop, got=loop.kind, expected="serial, vector, parallel or flat")
        barred = _CONCURRENT if loop.kind in ("parallel", "flat") else ("vector", "flat") if loop.kind == "vector" else ()
        around = next((outer for outer in self.loops if outer.kind in barred), None)
        if around is not None:
            self.fail(
                f"a {loop.kind} loop cannot stand inside {around.kind} loop {around.index}", loop, fix="make one of them serial"
            )
        outside = dict(self.scope)
        span = Span(loop.index, self.known(loop.extent, loop))
        self.define(loop.index, _Name("index", dt.int64, 0, len(self.loops) + 1), loop)
        self.loops.append(loop)
        self.spans.append(span)
        self.block(loop.body)
        self.loops.pop()
        self.spans.pop()
        self.scope = outside

    def repeat(self, stmt: nest.While) -> None:
        around = next((outer for outer in self.loops if outer.kind in ("vector", "flat")), None)
        if around is not None:
            self.fail(
                f"a while loop cannot stand inside {around.kind} loop {around.index}", stmt, fix="make that parallel or serial"
            )
        outside = dict(self.scope)
        self.guarded += 1
        for inner in stmt.test:
            self.statement(inner)
        self.expressions(stmt)
        self.boolean(stmt.condition, "a loop condition", stmt)
        self.block(stmt.body)
        self.guarded -= 1
        self.scope = outside

    def store(self, stmt: nest.Store) -> None:
        array = self.array(stmt.buffer, stmt)
        role = next((b.role for b in self.kernel.buffers if b.name == stmt.buffer), "inout")
        if role == "in":
            self.fail(f"{stmt.buffer} is an input and cannot be stored to", stmt, fix="give the buffer the role inout")
        self.same(stmt.value.dtype, array.dtype, f"the value stored in {stmt.buffer}", stmt)
        self.access(stmt.buffer, stmt.offset, stmt, stores=True)

    def call(self, stmt: nest.Call) -> None:
        around = next((loop for loop in self.loops if loop.kind in _CONCURRENT), None)
        if around is not None:
            self.fail(f"Python cannot be called in {around.kind} loop {around.index}", stmt, fix="make that serial")
        for name in stmt.symbols:
            self.known(Dim.symbol(name), stmt)
        if stmt.native is not None:
            for name in stmt.native.arrays:
                if name not in {slot.buffer for slot in stmt.slots}:
                    self.fail(f"{stmt.native.function} takes what the call does", stmt, got=name)
            numbers = not any(slot.shape for slot in stmt.writes)
            if not stmt.native.arrays and not (numbers and len(stmt.native.rest) == len(stmt.writes) - 1):
                self.fail(f"{stmt.native.function} gives one number, and the others have values", stmt,
                          got=", ".join(slot.buffer for slot in stmt.writes))  # fmt: skip
            for value in stmt.native.operands:
                if value.dtype not in (dt.int64, dt.float64):
                    self.fail(f"{stmt.native.function} takes float64 and int64", stmt, got=value.dtype)
            for value, slot in zip(stmt.native.rest, stmt.writes):
                self.same(value.dtype, slot.dtype, f"the value of {slot.buffer}", stmt)
        for k, slot in enumerate(stmt.slots):
            array, stores = self.array(slot.buffer, stmt), k >= len(stmt.reads)
            if stores and any(b.name == slot.buffer and b.role == "in" for b in self.kernel.buffers):
                self.fail(f"{slot.buffer} is an input and cannot be stored to", stmt, fix="give the buffer the role inout")
            self.same(dt.real_of(slot.dtype), array.dtype, f"what Python is given as {slot.buffer}", stmt)
            if len(slot.shape) != len(slot.strides):
                self.fail(f"{slot.buffer} needs one stride for each axis", stmt, got=slot.strides, expected=slot.shape)
            unnamed = {s for size in slot.sizes if isinstance(size, Dim) for s in size.symbols} - {*stmt.symbols}
            if unnamed:
                self.fail(f"the shape of {slot.buffer} depends on sizes that are not passed on", stmt, got=", ".join(unnamed))
            empty = any(size == 0 for size in slot.shape)
            last = sum(((size - 1) * step for size, step in zip(slot.shape, slot.strides)), 0)
            last = last * 2 + 1 if dt.real_of(slot.dtype) != slot.dtype else last  # complex numbers are pairs to loops
            self.access(slot.buffer, Affine.of(0 if empty else last), stmt, stores, guarded=empty)

    def routine(self, stmt: nest.Routine) -> None:
        self.serial(stmt, f"routine {stmt.name} cannot stand")
        self.define(stmt.name, _Name("routine", dt.int64, routine=stmt), stmt)
        outside = dict(self.scope)
        for value in stmt.values:
            self.real(value.dtype, stmt)
            self.define(value.name, _Name("let", value.dtype, 0, len(self.loops)), stmt)
        for buffers, role in ((stmt.reads, "in"), (stmt.writes, "out")):
            for buffer in buffers:
                if buffer.role != role:
                    self.fail(f"array {buffer.name} of a routine has the wrong role", stmt, got=buffer.role, expected=role)
                self.real(buffer.dtype, stmt)
                self.fixed(buffer.size, stmt)
                self.define(buffer.name, _Name("buffer", buffer.dtype, buffer.size, len(self.loops)), stmt)
        given = {buffer.name for buffer in stmt.reads}
        for inner in nest.walk(stmt.body):
            if not given.isdisjoint(nest.stored(inner)):
                self.fail("an array that a routine reads cannot be stored to", inner)
        self.guarded += 1  # nothing is known of where it is invoked
        self.block(stmt.body)
        self.guarded -= 1
        self.scope = outside

    def invoke(self, stmt: nest.Invoke) -> None:
        self.serial(stmt, f"routine {stmt.name} cannot be invoked")
        routine = self.scope[stmt.name].routine if stmt.name in self.scope else None
        if routine is None:
            self.fail(f"{stmt.name} is not a routine in scope", stmt, expected=self.visible("routine"))
        numbers = [len(part) for part in (stmt.values, stmt.reads, stmt.writes)]
        wanted = [len(part) for part in (routine.values, routine.reads, routine.writes)]
        if numbers != wanted:
            self.fail(f"{stmt.name} takes other values and arrays", stmt, got=numbers, expected=wanted)
        for value, parameter in zip(stmt.values, routine.values):
            self.same(value.dtype, parameter.dtype, f"the value of {parameter.name}", stmt)
        for k, (name, buffer) in enumerate(zip(stmt.buffers, routine.buffers)):
            array, stores = self.array(name, stmt), k >= len(stmt.reads)
            self.same(array.dtype, buffer.dtype, f"the array {buffer.name}", stmt)
            if stores and (stmt.buffers.count(name) > 1 or any(b.name == name and b.role == "in" for b in self.kernel.buffers)):
                self.fail(f"{name} cannot be stored to", stmt, fix="give the routine another array")
            self.access(name, Affine.of(buffer.size - 1), stmt, stores)

    def serial(self, stmt: nest.Stmt, what: str) -> None:
        around = next((loop for loop in self.loops if loop.kind in _CONCURRENT), None)
        if around is not None:
            self.fail(f"{what} in {around.kind} loop {around.index}", stmt, fix="make that serial")

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

    def expressions(self, stmt: nest.Stmt) -> None:
        for root in nest.expressions(stmt):
            for node in text.in_order(root):
                self.expression(node, stmt)

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

    def fixed(self, size: Size, stmt: nest.Stmt | None) -> None:
        """A size that is known before the kernel runs."""
        if isinstance(size, Dim) and not size.symbols <= self.symbols:
            self.fail(
                f"the size {size} of an array depends on names of the kernel's own",
                stmt,
                expected=", ".join(sorted(self.symbols)) or "a number",
            )

    def known(self, size: Size, stmt: nest.Stmt | None, form: object = None) -> Size:
        """A size over sizes, loop indices and dynamic integers: let-bound indices are put in."""
        names = size.symbols - self.symbols if isinstance(size, Dim) else ()
        for name in names:
            entry = self.scope.get(name)
            if entry is None or entry.kind not in ("index", "let") or entry.dtype != dt.int64:
                self.fail(f"{name} is not an index or an int64 in scope", stmt, got=repr(form or size),
                          expected=self.visible("index", "let"))  # fmt: skip
        bound = {name: entry.stands_for for name in names if (entry := self.scope[name]).stands_for is not None}
        if not bound:
            return size
        return size.evaluate({name: bound.get(name, Dim.symbol(name)) for name in size.symbols})  # type: ignore

    def resolve(self, form: Affine, stmt: nest.Stmt | None = None) -> Size:
        """The value of an affine form as such a size."""
        total = form.const
        for name, c in form.terms.items():
            if name in self.symbols:
                self.fail(f"{name} is not an index or an int64 in scope", stmt, got=repr(form),
                          expected=self.visible("index", "let"))  # fmt: skip
            total = total + c * Dim.symbol(name)
        return self.known(total, stmt, form)

    def access(self, buffer: str, form: Affine, stmt: nest.Stmt, stores: bool, guarded: bool = False) -> None:
        offset = self.resolve(form, stmt)
        names = offset.symbols - self.symbols if isinstance(offset, Dim) else frozenset()
        dynamic = max((self.scope[name].loops for name in names if self.scope[name].kind == "let"), default=0)
        shared = self.scope[buffer].loops
        self.accesses.append(_Access(stmt, buffer, form, offset, tuple(self.loops), tuple(self.spans), stores, shared, dynamic))
        if not (guarded or self.guarded):
            self.bounds(buffer, form, offset, stmt)

    def bounds(self, buffer: str, form: Affine, offset: Size, stmt: nest.Stmt) -> None:
        """Fail where every extent is a matter of sizes alone and the least or greatest offset lies outside."""
        signs, size = Signs(self.symbols), self.scope[buffer].size
        terms: list[tuple[Size, Size, Size]] = []
        for span in self.spans:
            parts, extent = split(offset, span.index), span.extent
            local = not extent.symbols <= self.symbols if isinstance(extent, Dim) else extent <= 0
            if parts is None or local:
                return
            terms.append((parts[0], 0, span.extent - 1))
            offset = parts[1]
        terms = [term for term in terms if term[0] != 0]
        low, high = signs.interval(terms)
        if low is None or high is None:
            return
        low, high = low + offset, high + offset
        if signs.positive(-low) or signs.positive(high - size + 1):
            self.fail(f"{buffer}[{form!r}] is out of bounds", stmt, got=f"offsets {low} to {high}", expected=f"0 to {size - 1}")

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
                several = isinstance(loop.extent, Dim) or loop.extent > 1
                if loop.kind in _CONCURRENT and several and access.shared <= depth:
                    groups.setdefault((id(loop), access.buffer), {}).setdefault(access.key, access)
                    depths[id(loop)] = depth
        for (identity, buffer), group in groups.items():
            for store in (access for access in group.values() if access.stores):
                for other in group.values():
                    depth = depths[identity]
                    if max(store.dynamic, other.dynamic) > depth or not apart(
                        store.offset, store.spans, other.offset, other.spans, depth, Signs(self.symbols)
                    ):
                        self.race(store, other, store.loops[depth], buffer)

    def race(self, store: _Access, other: _Access, loop: nest.For, buffer: str) -> NoReturn:
        deed = "store to" if other.stores else "load what another stores in"
        self.fail(f"iterations of {loop.kind} loop {loop.index} may {deed} the same element of {buffer}", store.stmt,
                  got=f"offsets {store.form!r} and {other.form!r}" if other is not store else f"offset {store.form!r}",
                  fix="make the loop serial, or give each iteration elements of its own")  # fmt: skip
