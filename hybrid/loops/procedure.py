"""From a branch or loop of the graph to one kernel: the statements of its bodies, one after another, inside `For`, `While`
and `If`, and every value that a body keeps in a place of its own.

A body's equations are grouped as a program's are (`passes/fuse`); each group becomes statements. Numbers live in scratch
cells of one element, which the code generator keeps in registers. An array that a body writes stays where it is when
nobody looks at its old contents afterwards: `x[i] = …` in a loop stores one element.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from operator import and_ as op_and

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import EMPTY, ROOM, SILENT
from hybrid.core.npyrandom import FILLED
from hybrid.core.shape import Dim, Shape, Size, contiguous_strides, product
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Var, resolved, sizes, symbols_of
from hybrid.ir.primitive import Kind
from hybrid.ir.rebuild import substituted
from hybrid.loops import recursions, schedule
from hybrid.loops.lower import Context, lower
from hybrid.loops.nest import (
    Buffer,
    Call,
    Check,
    Code,
    Const,
    Expr,
    For,
    If,
    Index,
    Invoke,
    Kernel,
    Let,
    Load,
    Native,
    Ref,
    Run,
    Scratch,
    Slot,
    Stmt,
    Store,
    While,
    expressions,
    stored,
    walk,
    walk_expr,
)
from hybrid.loops.opaque import spell
from hybrid.loops.pull import Names, as_reals, element_copy
from hybrid.loops.recursions import Routined, depth_left
from hybrid.passes.access import axes_index, offset_of
from hybrid.passes.fuse import fuse
from hybrid.passes.reuse import NEVER, donors, read_elsewhere
from hybrid.passes.steps import Group, HostCall, Procedure, Program, limits, over_transposed

KEPT = 64  # sets of sizes that a call of NumPy is remembered for: working them out takes as long as a small call
_START = Affine.of(0)
_CODES = {ROOM: Code.ROOM, SILENT: Code.WARNED, EMPTY: Code.EMPTY}  # of assumptions that fail; any other: PYTHON


def lower_procedure(step: Procedure | HostCall, context: Context, name: str) -> Kernel:
    """The kernel of one branch, loop or assumption of a program, or of an operation that is spelled out."""
    return _Lowering(context, name).kernel(step, context)


class _Lowering:
    """One kernel under construction. `names` and `strides`: where the values of all bodies entered so far lie."""

    def __init__(self, context: Context, name: str):
        self.name, self.fresh = name, Names()
        self.names: dict[Var, str] = dict(context.names)
        self.strides: dict[Var, Shape] = dict(context.strides)
        self.spans = dict(context.spans)
        self.notes = context.notes
        self.scratch: list[Scratch] = []
        self.highest: dict[str, Size] = {}  # the most that a symbol of a body can be
        self.groups = 0
        self.inner: set[str] = set()  # scratch arrays that stand in a body, since that finds out how large they are
        self.apart = 0  # scratch arrays of routines, and of those around the one being made
        self.routines: dict[str, Routined] = {}  # the recursions around the statements being made
        self.depth = ""  # where the kernel keeps how deep they may go
        self.whole = False  # whether one operation is all of the kernel

    def kernel(self, step: Procedure | HostCall, context: Context) -> Kernel:
        given = (*step.reads, *step.results)
        outside = {self.names[var]: as_reals(var.type.dtype, self.spans.get(var, var.type.size)) for var in given}
        self.whole = isinstance(step, HostCall)
        if isinstance(step, HostCall):
            sizes, body = [], self.operation(step.eqn, context)
        else:
            sizes = [stmt for bind in step.binds for stmt in self.control(bind, [])]
            body = self.control(step.eqn, [self.names[var] for var in step.results])
        if self.depth:
            body = [depth_left(self.depth), *body]
        # Arrays whose number of elements the kernel finds out have room for the most there can be, where that is known.
        inside = self.made_inside([*sizes, *body], 0)
        statements = (*self.outermost(), *inside)
        return Kernel(self.name, tuple(_buffers(statements, outside)), statements, str(step.eqn.source or ""))

    # places -------------------------------------------------------------------------------------------------------------
    def place(self, dtype: np.dtype, size: Size) -> str:
        """A scratch array of the kernel, with room for the largest that its size becomes."""
        dtype, size = as_reals(dtype, size)
        most = self.largest(size)
        name = f"m{self.apart + len(self.scratch)}_{self.name}"
        self.scratch.append(Scratch(name, dtype, most if isinstance(most, Dim) else max(most, 1)))
        return name

    def outermost(self) -> list[Scratch]:
        """The scratch arrays whose size is known where the kernel or routine begins."""
        return [scratch for scratch in self.scratch if scratch.name not in self.inner]

    def made_inside(self, body: list[Stmt], first: int) -> list[Stmt]:
        """A body with the arrays, from the `first` scratch array on, whose size mentions what it binds: made after that."""
        bound = {stmt.name: at for at, stmt in enumerate(body) if isinstance(stmt, Let)}
        after: dict[int, list[Stmt]] = {}
        for scratch in self.scratch[first:]:
            symbols = scratch.size.symbols if isinstance(scratch.size, Dim) else ()
            places = [bound[symbol] for symbol in symbols if symbol in bound]
            if places and scratch.name not in self.inner:
                self.inner.add(scratch.name)
                after.setdefault(max(places), []).append(scratch)
        return [each for at, stmt in enumerate(body) for each in (stmt, *after.get(at, ()))] if after else body

    def largest(self, size: Size) -> Size:
        """A bound of a size that mentions no symbol of a body; those are never negative."""
        for symbol in reversed(list(self.highest)):
            if not isinstance(size, Dim) or symbol not in size.symbols:
                continue
            bound: Size = 0
            for monomial, factor in size.terms:
                times = monomial.count(symbol)
                if times and factor < 0:
                    continue
                part: Size = 1
                for name in monomial:
                    part = part * (self.highest[symbol] if name == symbol else Dim.symbol(name))
                bound = bound + part * factor
            size = bound
        return size

    def value(self, atom: Atom) -> Expr:
        """A number, from where it lies."""
        if isinstance(atom, Literal):
            return Const(atom.value, atom.type.dtype)
        return Load(self.names[atom], _START, atom.type.dtype)

    def copy(self, atom: Atom, target: str) -> Iterator[Stmt]:
        """A value into another place."""
        shape = atom.type.shape
        if isinstance(atom, Literal) or not shape:
            if isinstance(atom, Literal) or self.names[atom] != target:
                yield Store(target, _START, self.value(atom))
        elif self.names[atom] != target and 0 not in shape:
            names = [f"i{a}" for a in range(len(shape))]
            plain = contiguous_strides(shape)
            layout = self.strides.get(atom) or plain
            index = axes_index(shape)
            axes = schedule.merge(names, shape, [offset_of(index, plain), offset_of(index, layout)])
            there, here = offset_of(axes.index, plain), offset_of(axes.index, layout)
            yield from schedule.elementwise(axes, tuple(element_copy(target, there, self.names[atom], here, atom.type.dtype)))

    # control ------------------------------------------------------------------------------------------------------------
    def control(self, eqn: Eqn, targets: Sequence[str]) -> list[Stmt]:
        """The statements of a CONTROL equation whose results go into `targets`."""
        match eqn.primitive.body:
            case "bind":
                if _is_bounded(eqn):
                    self.highest[eqn.params["symbol"]] = eqn.params["high"]
                return [Let(eqn.params["symbol"], self.value(eqn.inputs[0]))]
            case "check":
                code = _CODES.get(eqn.params["what"], Code.PYTHON)
                return [Check(self.value(eqn.inputs[0]), code, self.note(eqn.params["what"], eqn.source))]
            case "cond":
                return self.branch(eqn, targets)
            case "recursion":
                return recursions.recursion(self, eqn, targets)
            case "again":
                return recursions.again(self, eqn, targets)
            case _:
                return self.loop(eqn, targets)

    def note(self, what: str, source: object) -> int:
        """The number of an assumption of the program."""
        text = f"{what} ({source})" if source else what
        if text not in self.notes:
            self.notes.append(text)
        return self.notes.index(text) + 1

    def branch(self, eqn: Eqn, targets: Sequence[str]) -> list[Stmt]:
        name = self.fresh("v")
        ways = []
        for word in ("then", "orelse"):
            graph = self.enter(eqn.params[word], eqn.inputs[1:])
            ways.append(tuple(self.body(graph, targets, {var for var in graph.inputs if self.names[var] in targets})))
        return [Let(name, self.value(eqn.inputs[0])), If(Ref(name, dt.bool_), *ways)]

    def loop(self, eqn: Eqn, targets: Sequence[str]) -> list[Stmt]:
        carried, count, symbol = eqn.params["carried"], eqn.params["count"], eqn.params["symbol"]
        out = [stmt for atom, target in zip(eqn.inputs, targets) for stmt in self.copy(atom, target)]
        if count is not None:
            self.highest[symbol] = count - 1
        graph = self.enter(eqn.params["body"], eqn.inputs, targets)
        inner = tuple(self.body(graph, targets, set(graph.inputs[:carried])))
        if eqn.params["test"] is None:
            return [*out, For(symbol, count, inner)]
        verdict = self.place(dt.bool_, 1)
        asked = tuple(self.body(self.enter(eqn.params["test"], eqn.inputs, targets), [verdict], set()))
        go_on = Load(verdict, _START, dt.bool_)
        if count is None:
            return [*out, While(asked, go_on, inner)]
        counter = self.place(dt.int64, 1)
        round_ = Let(symbol, Load(counter, _START, dt.int64))
        more = (Ref(symbol, dt.int64) < Index(Affine.of(count))) & go_on
        step = Store(counter, _START, Ref(symbol, dt.int64) + Const(1, dt.int64))
        return [*out, Store(counter, _START, Const(0, dt.int64)), While((round_, *asked), more, (*inner, step))]

    def enter(self, graph: Graph, operands: Sequence[Atom], targets: Sequence[str] = ()) -> Graph:
        """A body with its inputs in their places: carried ones in `targets`, the others where the operands lie."""
        numbers = {}
        for k, (var, atom) in enumerate(zip(graph.inputs, operands)):
            if k < len(targets):
                self.names[var] = targets[k]
                self.strides.pop(var, None)
            elif isinstance(atom, Literal):
                numbers[var] = atom
            elif var is not atom:
                self.names[var] = self.names[atom]
                if atom in self.strides:
                    self.strides[var], self.spans[var] = self.strides[atom], self.spans.get(atom, atom.type.size)
        return substituted(graph, numbers)

    # bodies -------------------------------------------------------------------------------------------------------------
    def body(self, graph: Graph, targets: Sequence[str], owned: set[Var]) -> list[Stmt]:
        """The statements of a body; its results end up in `targets`. Memory of `owned` inputs may be written over."""
        first = len(self.scratch)
        made = tuple(dict.fromkeys(a for a in graph.outputs if isinstance(a, Var) and a not in set(graph.inputs)))
        whole = over_transposed(graph.replace(outputs=made))
        strides = {var: self.strides[var] for var in graph.inputs if var in self.strides}
        self.highest.update((eqn.params["symbol"], eqn.params["high"]) for eqn in graph.eqns if _is_bounded(eqn))
        keep: frozenset[Var] = frozenset()
        while True:
            program = fuse(whole, strides, serial=True, keep=keep)
            last = _last_reads(program, graph)
            apart = read_elsewhere(program, last) - keep
            if not apart:
                break
            keep |= apart
        moved = self.settle(program, graph, targets, owned, last)
        known = {var: self.names[var] for var in (*graph.inputs, *(v for step in program.steps for v in step.results))}
        context = Context(program.graph.producers, known, strides, self.spans, self.fresh, self.largest, self.notes)
        out: list[Stmt] = moved
        for step in program.steps:
            if isinstance(step, Procedure):
                out += self.control(step.eqn, [self.names[var] for var in step.results])
            elif isinstance(step, HostCall):
                out += self.operation(step.eqn, context)
            else:
                assert isinstance(step, Group)
                out += self.group(step, context)
        return self.made_inside([*out, *self.results(graph.outputs, targets)], first)

    def group(self, group: Group, context: Context) -> tuple[Stmt, ...]:
        self.groups += 1
        kernel = lower(group, context, f"{self.name}_{self.groups}")
        known = set(context.names.values())
        self.scratch += [Scratch(b.name, b.dtype, self.largest(b.size)) for b in kernel.buffers if b.name not in known]
        return kernel.body

    def operation(self, eqn: Eqn, context: Context) -> list[Stmt]:
        """Loops, a call of NumPy, or whichever does better with the sizes that a run has."""
        unknown = limits(eqn)
        if unknown is None:
            return [self.call(eqn)]
        if not unknown:
            return spell(eqn, self)
        name, beyond = self.fresh("v"), " or ".join(f"{size} > {most}" for size, most in unknown)
        small = functools.reduce(op_and, (Index(Affine.of(size)) < Const(most + 1, dt.int64) for size, most in unknown))
        if eqn.primitive.kind is Kind.CONTRACT:
            loops = self.contraction(eqn, context)
        else:
            with self.below(unknown):
                loops = spell(eqn, self)
        return [Let(name, small), If(Ref(name, dt.bool_), tuple(loops), (self.call(eqn, beyond),))]

    def contraction(self, eqn: Eqn, context: Context) -> list[Stmt]:
        given = tuple(dict.fromkeys(atom for atom in eqn.inputs if isinstance(atom, Var)))
        strides = {var: self.strides[var] for var in given if var in self.strides}
        steps = fuse(Graph(eqn.primitive.name, given, (eqn,), eqn.outputs), strides, serial=True, products=False).steps
        return [stmt for step in steps if isinstance(step, Group) for stmt in self.group(step, context)]

    @contextlib.contextmanager
    def below(self, unknown: Sequence[tuple[Size, int]]) -> Iterator[None]:
        """Scratch arrays made here have room for sizes of up to so much, where these are made of one symbol."""
        before = self.highest
        most: dict[str, Size] = {}
        for size, limit in unknown:
            assert isinstance(size, Dim)
            if len(size.symbols) == 1 and all(factor > 0 for monomial, factor in size.terms if monomial):
                least = dict(size.terms).get((), 0)  # of a size that grows with its symbol: n + 2 <= 16 where n <= 14
                most[min(size.symbols)] = max(limit - least, 0)
        self.highest = before | most
        try:
            yield
        finally:
            self.highest = before

    def call(self, eqn: Eqn, only: str = "") -> Call:
        """Python, for what has no loops, or none for some operands: `only` says for which."""

        def slot(var: Var) -> Slot:
            shape = var.type.shape
            return Slot(self.names[var], var.type.dtype, shape, self.strides.get(var) or contiguous_strides(shape))

        given = tuple(slot(atom) for atom in eqn.inputs if isinstance(atom, Var))
        taken = tuple(map(slot, eqn.outputs))
        mentioned = [size for each in (*given, *taken) for size in each.sizes if isinstance(size, Dim)]
        symbols = symbols_of(eqn).union(*(size.symbols for size in mentioned))
        note = self.note(f"{eqn.title} does as it did while tracing", eqn.source)
        return Call(eqn.title, _numpy(eqn), given, taken, tuple(sorted(symbols)), str(eqn.source or ""),
                    self.native(eqn), note, only)  # fmt: skip

    def native(self, eqn: Eqn) -> Native | None:
        """The C function that does the same."""
        if eqn.primitive.native is None:
            return None
        function, first = eqn.primitive.native(**eqn.params)
        after = self.value(eqn.inputs[0]) + Const(1, dt.int64)
        operands, rest = tuple(map(self.value, eqn.inputs[first:])), (after,) * (len(eqn.outputs) - 1)
        out = eqn.outputs[-1]
        if not out.type.shape:
            return Native(function, operands, rest)
        count = Index(Affine.of(product(out.type.shape)))
        return Native(FILLED + function, (count, *operands), rest, (self.names[out],))

    def settle(
        self, program: Program, graph: Graph, targets: Sequence[str], owned: set[Var], last: Mapping[Var, int]
    ) -> list[Stmt]:
        """Give every value that the body stores a place: that of one it may write over, its target, or a new one.

        Calls of a recursion write where its state lies. What is read there afterwards gets another place, from the start:
        gives the statements that copy inputs there.
        """
        apart: set[Var] = set()
        places, count = {var: self.names[var] for var in graph.inputs}, len(self.scratch)
        while True:
            del self.scratch[count:]
            moved: list[Stmt] = []
            for var in graph.inputs:
                if var in apart:
                    self.names[var] = places[var]
                    place = self.place(var.type.dtype, var.type.size)
                    moved += self.copy(var, place)
                    self.names[var] = place
                    self.strides.pop(var, None)
            late = self.settled(program, graph, targets, owned - apart, last, apart)
            if late <= apart:
                return moved
            apart |= late

    def settled(
        self, program: Program, graph: Graph, targets: Sequence[str], owned: set[Var], last: Mapping[Var, int], apart: set[Var]
    ) -> set[Var]:
        """Settle, keeping `apart` what has to lie elsewhere than state of recursions; gives what should be, too."""
        wanted = {atom: target for atom, target in reversed(list(zip(graph.outputs, targets))) if isinstance(atom, Var)}
        dwellers: dict[str, list[Var]] = {}
        late: set[Var] = set()
        for var in graph.inputs:
            dwellers.setdefault(self.names[var], []).append(var)
        mine = set(owned)
        for k, step in enumerate(program.steps):
            overwritten = recursions.overwritten(self, step) if self.routines else {}
            for name in overwritten:
                late |= {var for var in dwellers.get(name, ()) if recursions.is_late(step, var, last.get(var, -1), k)}
            for result in list(step.results):
                donor = next((d for d in donors(step, result) if d in mine and last.get(d) == k), None)
                target = wanted.get(result)
                if result in overwritten.values():
                    self.names[result] = next(name for name, var in overwritten.items() if var is result)
                elif result in apart:
                    self.names[result] = self.place(result.type.dtype, result.type.size)
                elif donor is not None:
                    self.names[result] = self.names[donor]
                    mine.remove(donor)
                elif target is not None and all(last.get(v, -1) < k for v in dwellers.get(target, ())):
                    self.names[result] = target
                else:
                    self.names[result] = self.place(result.type.dtype, result.type.size)
                self.strides.pop(result, None)
                dwellers.setdefault(self.names[result], []).append(result)
                mine.add(result)
        return late

    def results(self, outputs: Sequence[Atom], targets: Sequence[str]) -> Iterator[Stmt]:
        """Results into their targets, all at once: none is overwritten before it has been copied."""
        moves = [(a, t) for a, t in zip(outputs, targets) if isinstance(a, Literal) or self.names[a] != t]
        overwritten = {target for _, target in moves}
        late: list[Stmt] = []
        for atom, target in moves:
            if isinstance(atom, Literal) or self.names[atom] not in overwritten:
                late += self.copy(atom, target)
            elif not atom.type.shape:
                name = self.fresh("v")
                yield Let(name, self.value(atom))
                late.append(Store(target, _START, Ref(name, atom.type.dtype)))
            else:
                between = Var(atom.type)
                self.names[between] = self.place(atom.type.dtype, atom.type.size)
                yield from self.copy(atom, self.names[between])
                late += self.copy(between, target)
        yield from late


def _numpy(eqn: Eqn) -> Run:
    """The meaning of an equation, for operands that are no literals, and the values of the symbols in its params."""
    literals = [(k, np.asarray(atom.value)) for k, atom in enumerate(eqn.inputs) if isinstance(atom, Literal)]
    evaluate, params, sized = eqn.primitive.eval, eqn.params, bool(symbols_of(tuple(eqn.params.values())))
    kept: dict[tuple[int, ...], dict[str, object]] = {}  # the params, for the values of the symbols

    def run(operands: Sequence[np.ndarray], known: Mapping[str, int]) -> Sequence[np.ndarray]:
        if literals:
            operands = list(operands)
            for k, value in literals:
                operands.insert(k, value)
        given = kept.get(tuple(known.values())) if sized else params
        if given is None:
            with sizes(known):
                given = {name: resolved(value) for name, value in params.items()}
            if len(kept) >= KEPT:
                kept.clear()
            kept[tuple(known.values())] = given
        # A copy of a context takes a tenth of the time of `np.errstate`, and no other thread is inside it.
        _noted.kind = None
        out = _QUIET.copy().run(evaluate, *operands, **given)
        if _noted.kind is not None:
            _HUGE * _HUGE  # raises a floating-point flag of the processor, as a kernel would: NumPy has lowered its own
        return out if isinstance(out, tuple) else (out,)

    return run


class _Noted(threading.local):
    """The last floating-point error of a call of NumPy on this thread."""

    kind: str | None = None


_noted = _Noted()
_HUGE = 1e300


def _note(kind: str, flag: int) -> None:
    _noted.kind = kind


def _quiet() -> contextvars.Context:
    """A context in which floating-point errors of NumPy's pass unsaid, as in kernels, but for a note of them."""
    context = contextvars.Context()
    context.run(np.seterrcall, _note)
    context.run(np.seterr, all="call", under="ignore")
    return context


_QUIET = _quiet()


def _is_bounded(eqn: Eqn) -> bool:
    return eqn.primitive.body == "bind" and eqn.params["high"] is not None


def _last_reads(program: Program, graph: Graph) -> dict[Var, int]:
    """The step that reads each value last; results are read after all of them."""
    last = {var: k for k, step in enumerate(program.steps) for var in step.reads}
    return last | {atom: NEVER for atom in graph.outputs if isinstance(atom, Var)}


def _buffers(statements: tuple[Stmt, ...], outside: Mapping[str, tuple[np.dtype, Size]]) -> Iterator[Buffer]:
    """The arrays from outside that statements use, results last."""
    loads: dict[str, None] = {}
    stores: dict[str, None] = {}
    for stmt in walk(statements):
        stores.update(dict.fromkeys(stored(stmt)))
        loads.update(dict.fromkeys(stmt.reads if isinstance(stmt, Invoke) else ()))
        loads.update((slot.buffer, None) for slot in (stmt.reads if isinstance(stmt, Call) else ()))
        for root in expressions(stmt):
            loads.update((node.buffer, None) for node in walk_expr(root) if isinstance(node, Load))
    for name in (*loads, *(name for name in stores if name not in loads)):
        if name in outside:
            role = "in" if name not in stores else "inout" if name in loads else "out"
            yield Buffer(name, *outside[name], role)
