"""A `Kernel` as LLVM IR text: explicit vectors, tails, accumulators, checks, and loops cut into ranges for threads.

    define internal i32 @kernel(ptr noalias buffers…, i64 sizes…)      returns a `Code`

A vector loop runs `lanes` iterations at a time with the same operations as one iteration alone, so that a value never depends
on the lane it falls into. Parallel loops become a function over a range, handed to `@hybrid_parallel` of runtime/threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import numpy as np

from hybrid.codegen import calls, estimate, pairs, wraps
from hybrid.codegen.instructions import MEMORY, TYPE, Emitter, Value, symbol
from hybrid.codegen.reduce import FOLD, FOLD_ALONE, Accumulator, accumulated, needs_compensation
from hybrid.codegen.room import grown
from hybrid.codegen.shared import often
from hybrid.codegen.target import SCALAR_LOOPS, Target
from hybrid.codegen.values import Array, Values, iota
from hybrid.core import dtype as dt
from hybrid.core.errors import CompileError
from hybrid.core.shape import Dim
from hybrid.loops.nest import (
    Accumulate,
    Call,
    Check,
    Code,
    Declare,
    For,
    If,
    Invoke,
    Kernel,
    Let,
    Routine,
    Scratch,
    Stmt,
    Store,
    While,
    names_used,
    walk,
)

STACK_LIMIT = 64 * 1024  # bytes of scratch on a thread's stack; more comes from malloc
ALIGNMENT = 64  # a cache line and the widest vector


def emit_module(parts: Iterable[str], declares: Iterable[str] = ()) -> str:
    """One module from kernels and other pieces of LLVM text; what several declare, or one defines, is declared once or not."""
    lines = [line for part in (*parts, "\n".join(declares)) for line in part.splitlines()]
    defined = {_name_of(line) for line in lines if line.startswith("define ")}
    declared: dict[str, str] = {}
    body = []
    for line in lines:
        if line.startswith("declare "):
            declared.setdefault(_name_of(line), line)
        else:
            body.append(line)
    return "\n".join([*body, "", *(line for name, line in declared.items() if name not in defined), ""])


def _name_of(line: str) -> str:
    return line[line.index("@") : line.index("(", line.index("@"))]


def emit_kernel(kernel: Kernel, target: Target, ranges: Sequence[str] = ()) -> str:
    """LLVM text of a kernel: an internal function over its buffers and sizes, what it calls, and declarations.

    CompileError where the nest is malformed or an operation has no meaning for its dtype.

    Args:
        ranges: loops that run over part of their extent, on the calling thread: for each the function takes its first index
            and the one after its last, between buffers and sizes.
    """
    text = _KernelText(kernel, target)
    arrays = {buffer.name: Array(f"%{symbol('buffer.' + buffer.name)}", buffer.dtype, buffer.size) for buffer in kernel.buffers}
    nest = _Nest(text)
    nest.arrays = dict(arrays)
    nest.ranges = {name: (f"%{symbol('low.' + name)}", f"%{symbol('high.' + name)}") for name in ranges}
    nest.threads = not ranges
    nest.block(kernel.body)
    bounds = [f"i64 {bound}" for pair in nest.ranges.values() for bound in pair]
    main = nest.function(kernel.name, [*(f"ptr noalias {array.pointer}" for array in arrays.values()), *bounds])
    title = f"; {kernel.name}" + (f"  {' '.join(kernel.source.split())}" if kernel.source else "")
    parts = [title, *text.globals.values(), *text.helpers.values(), *text.functions, main, *text.declares.values()]
    return "\n".join(parts) + "\n"


class _KernelText:
    """What the functions of one kernel share."""

    def __init__(self, kernel: Kernel, target: Target):
        self.kernel, self.target = kernel, target
        self.declares: dict[str, str] = {}
        self.helpers: dict[str, str] = {}
        self.globals: dict[str, str] = {}
        self.functions: list[str] = []
        self.marks = f" {SCALAR_LOOPS}" if estimate.is_scalar(kernel) else ""
        self.often = often(kernel.body)
        self.sizes = [f"i64 %{symbol('size.' + name)}" for name in kernel.symbols]
        self.routines: dict[str, tuple[str, list[str], list[str]]] = {}  # function, arrays from outside, of them by value


class _Nest(Values):
    """One LLVM function: the kernel, or a range of one of its parallel loops."""

    def __init__(self, text: _KernelText):
        super().__init__(Emitter(text.declares), text.kernel.name, text.helpers, text.kernel.symbols)
        self.shared, self.target, self.often = text, text.target, text.often
        self.marks = f' "prefer-vector-width"="{text.target.vector_bits}"{text.marks}'
        self.ranges: dict[str, tuple[str, str]] = {}  # of loops that do not run over all of their extent
        self.threads = True  # whether parallel loops run on threads
        self.repeated = 0  # loops around the emitter
        self.slot = 0  # copy of the unrolled body, hence the slot of an accumulator
        self.fails = False
        self.stack_limit, self.floor = STACK_LIMIT, ""  # floor: the address that the stack of routines may not pass
        self._scratch: dict[int, Array] = {}
        self._stack = 0
        self._heap: list[str] = []
        self.grown: dict[int, tuple[str, str]] = {}  # scratch of sizes found out here: where its address and its bytes are kept
        self._opening = self.e.reserve()
        self.e.start("body")

    def function(self, name: str, parameters: list[str]) -> str:
        """The finished definition."""
        e = self.e
        if self._heap:
            self.fails = True
            absent = [f"  %absent{at} = icmp eq ptr {pointer}, null" for at, pointer in enumerate(self._heap)]
            merged = [f"  %none{at + 1} = or i1 %none{at}, %absent{at}" for at in range(len(self._heap))]
            self.prologue += [*absent, "  %none0 = icmp eq i32 0, 1", *merged]
            self._opening.append(f"  br i1 %none{len(self._heap)}, label %starved, label %body\nstarved:")
            self._opening += [f"  store i32 {int(Code.MEMORY)}, ptr %code", "  br label %exit"]
        else:
            self._opening.append("  br label %body")
        if self.fails:
            self.prologue[:0] = ["  %code = alloca i32", "  store i32 0, ptr %code"]
            e.jump("exit")
            e.start("exit")
            wraps.report(self)
            for pointer in (*self._heap, *(e.let(f"load ptr, ptr {place}", "p") for place, _ in self.grown.values())):
                e.call("free", "void", f"ptr {pointer}")
            e.emit(f"ret i32 {e.let('load i32, ptr %code')}")
        else:
            wraps.report(self)
            e.emit("ret i32 0")
        # Inlined, a function would lose what `noalias` says of its parameters.
        attributes = f"nounwind noinline{self.marks}"
        header = f"define internal i32 @{symbol(name)}({', '.join([*parameters, *self.shared.sizes])}) {attributes} {{"
        return f"{header}\nentry:\n{e.text()}\n}}"

    # Statements

    def block(self, body: tuple[Stmt, ...]) -> None:
        names, arrays = dict(self.names), dict(self.arrays)
        self.statements(body, {})
        self.names, self.arrays = names, arrays

    def statements(self, body: tuple[Stmt, ...], declared: dict[str, None], after: tuple[Stmt, ...] = ()) -> None:
        """Statements one by one, before `after` in the same block; to `declared` go the block's accumulators."""
        skip = -1
        for at, stmt in enumerate(body):
            self.forget()
            if at == skip:
                continue
            following = body[at + 1] if at + 1 < len(body) else None
            if isinstance(stmt, Store) and isinstance(following, Store) and pairs.store(self, stmt, following):
                skip = at + 1
                continue
            if isinstance(stmt, Declare):
                compensated = needs_compensation(stmt, (*body[at + 1 :], *after), self.lanes, self.target)
                self.bind(stmt.name, Accumulator(self, stmt, compensated))
                declared[stmt.name] = None
            else:
                self.statement(stmt)
            for name in accumulated((stmt,)) if declared else ():
                if name in declared:
                    self.accumulator(name).finish()
        self.forget()

    def statement(self, stmt: Stmt) -> None:
        if isinstance(stmt, Let):
            self.bind(stmt.name, self.evaluate(stmt.value))
        elif isinstance(stmt, Store):
            self.store(stmt, wraps.total(self, stmt) if id(stmt) in self.wraps.sums else self.evaluate(stmt.value))
        elif isinstance(stmt, Accumulate):
            self.accumulator(stmt.name).add(self.evaluate(stmt.value), self.slot)
        elif isinstance(stmt, For):
            if stmt.kind in ("parallel", "flat") and self.threads and self.lanes == 1:
                self.parallel(stmt)
            else:
                self.loop(stmt, *self.ranges.get(stmt.index) or ("0", self.extent(stmt)))
        elif isinstance(stmt, While):
            self.repeat(stmt)
        elif isinstance(stmt, Check):
            self.check(stmt)
        elif isinstance(stmt, Call):
            calls.python(self, stmt)
        elif isinstance(stmt, If):
            self.conditional(stmt)
        elif isinstance(stmt, Scratch):
            self.arrays[stmt.name] = self.scratch(stmt)
        elif isinstance(stmt, Routine):
            calls.define(self, stmt)
        elif isinstance(stmt, Invoke):
            calls.invoke(self, stmt)
        else:
            raise CompileError(f"kernel {self.kernel} has a statement of no known kind", got=type(stmt).__name__)

    def accumulator(self, name: str) -> Accumulator:
        found = self.names.get(name)
        if not isinstance(found, Accumulator):
            raise CompileError(f"kernel {self.kernel} accumulates into a name that is not declared in scope", got=name)
        return found

    def scratch(self, stmt: Scratch) -> Array:
        known = self._scratch.get(id(stmt))  # a body written out several times shares its arrays
        if known is not None:
            return known
        if stmt.size == 1:
            known = self._scratch[id(stmt)] = self.cell(stmt.dtype)
            # LLVM may make anything of what was never stored, even of the code around it.
            self.e.emit(f"store {MEMORY[stmt.dtype]} zeroinitializer, ptr {known.pointer}")
            return known
        if isinstance(stmt.size, Dim) and not stmt.size.symbols <= self.symbols:
            return grown(self, stmt)
        pointer, place = self.e.fresh("scratch"), self.prologue
        bytes_ = stmt.size * stmt.dtype.itemsize
        if isinstance(bytes_, int) and self._stack + bytes_ <= self.stack_limit:
            self._stack += bytes_
            place.append(f"  {pointer} = alloca [{max(1, bytes_)} x i8], align {ALIGNMENT}")
        else:
            # Sizes depend on symbols alone, so that the entry block can allocate for every iteration.
            self.e.declares.setdefault("malloc", "declare ptr @malloc(i64)")
            amount = self.size(bytes_ + ALIGNMENT)
            place.append(f"  {pointer} = call ptr @malloc(i64 {amount})")
            self._heap.append(pointer)
        known = self._scratch[id(stmt)] = Array(pointer, stmt.dtype, stmt.size)
        return known

    def cell(self, dtype: np.dtype) -> Array:
        """A variable: memory that LLVM keeps in a register, since its address goes nowhere."""
        pointer = self.e.fresh("cell")
        self.prologue.append(f"  {pointer} = alloca {MEMORY[dtype]}")
        return Array(pointer, dtype, 1, cell=True)

    def check(self, stmt: Check) -> None:
        e, good = self.e, self.evaluate(stmt.condition)
        bad = e.negated(good)
        if self.mask is not None and (self.sparse or bad.lanes > 1):
            bad = e.both(self.mask, bad) or bad
        failed, passed = e.label("failed"), e.label("passed")
        e.branch(e.call("llvm.expect.i1", "i1", f"i1 {e.any(bad)}", "i1 false"), failed, passed)
        e.start(failed)
        self.leave(str(stmt.code.noted(stmt.note)))
        e.start(passed)

    def leave(self, code: str) -> None:
        """End the function with a code."""
        self.fails = True
        self.e.emit(f"store i32 {code}, ptr %code")
        self.e.jump("exit")

    @contextmanager
    def carrying(self, body: tuple[Stmt, ...]) -> Iterator[list[Accumulator]]:
        """Around statements that run any number of times, or never: the accumulators from outside that they add to."""
        carried = [self.accumulator(name) for name in accumulated(body) if name in self.names]
        pending = [accumulator for accumulator in carried if accumulator.pending]
        for accumulator in carried:
            accumulator.open += 1
        yield carried
        for accumulator in carried:
            accumulator.open -= 1
        for accumulator in pending:
            accumulator.pending = True

    def conditional(self, stmt: If) -> None:
        condition = self.evaluate(stmt.condition)
        if condition.lanes > 1:
            before = self.mask, self.sparse
            for taken, body in ((condition, stmt.body), (self.e.negated(condition), stmt.orelse)):
                if body:
                    self.mask, self.sparse = self.e.both(before[0], taken), True
                    self.branch(body)
            self.mask, self.sparse = before
            return
        then, after = self.e.label("then"), self.e.label("after")
        otherwise = self.e.label("else") if stmt.orelse else after
        self.e.branch(condition.text, then, otherwise)
        self.e.start(then)
        self.branch(stmt.body)
        self.e.jump(after)
        if stmt.orelse:
            self.e.start(otherwise)
            self.branch(stmt.orelse)
            self.e.jump(after)
        self.e.start(after)

    def branch(self, body: tuple[Stmt, ...]) -> None:
        with self.carrying(body):
            self.block(body)

    # Loops

    def extent(self, stmt: For) -> str:
        """How often a loop runs; not negative where its iterations are counted in vectors."""
        extent = stmt.extent
        if not isinstance(extent, Dim):
            return str(max(0, extent))
        text = self.size(extent)
        if stmt.kind == "serial" or (extent.symbols <= self.symbols and all(c > 0 for _, c in extent.terms)):
            return text
        return self.e.call("llvm.smax.i64", "i64", f"i64 {text}", "i64 0")

    def repeat(self, stmt: While) -> None:
        if self.lanes > 1:
            raise CompileError(f"kernel {self.kernel} has a while loop inside a vector loop")
        e, again, inside, left = self.e, self.e.label("while"), self.e.label("inside"), self.e.label("left")
        names, arrays = dict(self.names), dict(self.arrays)
        declared: dict[str, None] = {}
        with self.carrying((*stmt.test, *stmt.body)) as carried:
            self.repeated += 1
            e.jump(again)
            e.start(again)
            self.statements(stmt.test, declared, stmt.body)
            e.branch(self.evaluate(stmt.condition).text, inside, left)
            e.start(inside)
            self.statements(stmt.body, declared)
            for accumulator in carried:
                if accumulator.pending:
                    accumulator.fold()
            e.jump(again)
            e.start(left)
            self.repeated -= 1
        self.names, self.arrays = names, arrays

    def loop(self, stmt: For, start: str, stop: str) -> None:
        """Iterations `start … stop - 1` of a loop, vectorised where it may be."""
        with self.carrying(stmt.body):
            direct = [self.accumulator(name) for name in accumulated(stmt.body, nested=False) if name in self.names]
            blocked = [accumulator for accumulator in direct if accumulator.compensated]
            lanes = estimate.lanes(stmt, self.target) if stmt.kind in ("vector", "flat") and self.lanes == 1 else 1
            for accumulator in blocked:
                if accumulator.pending:
                    accumulator.fold()
            self.repeated += 1
            if lanes > 1 or (blocked and self.lanes == 1 and not estimate.reads(stmt.body, accumulated(stmt.body))):
                self.vector(stmt, start, stop, lanes, blocked)
            elif self.e.block != "body" and start == "0" and estimate.unrolls_fully(stmt):
                for at in range(int(stop)):
                    self.iteration(stmt, str(at))
            else:
                steps = FOLD if self.lanes > 1 else FOLD_ALONE
                run = partial(self.blocks, start, stop, 1, blocked, lambda index: self.iteration(stmt, index), steps)
                wraps.loop(self, stmt, start, stop, run)
            self.repeated -= 1
        for accumulator in blocked:
            if accumulator.open and accumulator.pending:
                accumulator.fold()

    def iteration(self, stmt: For, index: str) -> None:
        """The body for one index, or for `lanes` indices from there."""
        before = dict(self.names)
        self.bind(stmt.index, Value(index, dt.int64))
        self.block(stmt.body)
        self.names = before

    def vector(self, stmt: For, start: str, stop: str, lanes: int, blocked: list[Accumulator]) -> None:
        copies = estimate.unroll(stmt)
        rest = copies if copies > 1 else 0  # the slot of what the unrolled loop leaves, so that none adds more than a block

        def body(index: str, mask: Value | None = None, slot: int = rest) -> None:
            self.lanes, self.lane_index, self.mask, self.slot = lanes, stmt.index if lanes > 1 else None, mask, slot
            self.iteration(stmt, index)
            self.lanes, self.lane_index, self.mask, self.slot = 1, None, None, 0

        def unrolled(index: str) -> None:
            for copy in range(copies):
                body(self._integer("add", index, str(copy * lanes)), slot=copy)

        at, steps = start, FOLD if lanes > 1 else FOLD_ALONE
        if copies > 1:
            stop_unrolled = self.rounded(at, stop, copies * lanes)
            self.blocks(at, stop_unrolled, copies * lanes, blocked, unrolled, steps)
            at = stop_unrolled
        stop_vectors = self.rounded(at, stop, lanes) if lanes > 1 else stop
        # After an unrolled loop fewer than `copies` vectors remain: no block is full.
        self.blocks(at, stop_vectors, lanes, [] if copies > 1 else blocked, body, steps)
        if lanes > 1:
            self.tail(stmt, stop_vectors, stop, lanes, body)

    def tail(self, stmt: For, start: str, stop: str, lanes: int, body: Callable[[str, Value], None]) -> None:
        """The last `stop - start < lanes` iterations."""
        e = self.e
        if start == stop:
            return
        rest = int(stop) - int(start) if start[0] != "%" and stop[0] != "%" else 0
        # LLVM 22 writes too many bytes where a narrowing conversion meets a masked store of one known lane.
        if not estimate.has_masks(self.target) or rest == 1:
            self.counted(start, stop, 1, lambda index: self.iteration(stmt, index))
            return
        if rest:
            body(start, self.lanes_below(str(rest), lanes))
            return
        some, masked, done = e.let(f"icmp slt i64 {start}, {stop}"), e.label("tail"), e.label("done")
        e.branch(some, masked, done)
        e.start(masked)
        body(start, self.lanes_below(e.let(f"sub i64 {stop}, {start}"), lanes))
        e.jump(done)
        e.start(done)

    def lanes_below(self, count: str, lanes: int) -> Value:
        """The mask of the first `count` lanes."""
        # The empty assembly hides the count: nor may inlining make it known that one lane is left, and into lanes known to be
        # left out LLVM would put zeros, which may raise floating-point flags. The comparison fills 128 bits: LLVM widens
        # shorter ones, and the lanes it adds come out true in a store of bytes.
        e, dtype = self.e, next(d for d in dt.UNSIGNED if d.itemsize * lanes >= 16)
        known = e.let(f'call i64 asm "", "=r,0"(i64 {count})')
        left = Value(known if dtype == dt.uint64 else e.let(f"trunc i64 {known} to {TYPE[dtype]}"), dtype)
        return e.compare("icmp ult", Value(iota(TYPE[dtype], lanes), dtype, lanes), e.splat(left, lanes))

    def rounded(self, start: str, stop: str, step: int) -> str:
        """The last index from `start` in whole steps (a power of two), at most `stop`."""
        if start[0] != "%" and stop[0] != "%":
            return str(int(start) + (int(stop) - int(start)) // step * step)
        count = stop if start == "0" else self.e.let(f"sub i64 {stop}, {start}")
        return self._integer("add", start, self.e.let(f"and i64 {count}, {-step}"))

    def blocks(
        self, start: str, stop: str, step: int, folded: list[Accumulator], body: Callable[[str], None], steps: int = FOLD
    ) -> None:
        """A counted loop, stopping every `steps` steps to fold the accumulators, but not at its end."""
        literal = start[0] != "%" and stop[0] != "%"
        if not folded or (literal and int(stop) - int(start) <= steps * step):
            self.counted(start, stop, step, body)
            return
        for accumulator in folded:
            accumulator.long |= literal and accumulator.open == 1

        def block(first: str) -> None:
            e, fold, next_ = self.e, self.e.label("fold"), self.e.label("next")
            after = e.let(f"add i64 {first}, {steps * step}")
            last = e.call("llvm.smin.i64", "i64", f"i64 {after}", f"i64 {stop}")
            self.counted(first, last, step, body)
            e.branch(e.let(f"icmp slt i64 {after}, {stop}"), fold, next_)
            e.start(fold)
            for accumulator in folded:
                accumulator.fold()
                accumulator.pending = True  # the last block goes past
            e.jump(next_)
            e.start(next_)

        self.counted(start, stop, steps * step, block)

    def counted(self, start: str, stop: str, step: int, body: Callable[[str], None]) -> None:
        """`for index in range(start, stop, step)` tested at its end, so that loads of what never changes can leave it."""
        e, literal = self.e, start[0] != "%" and stop[0] != "%"
        if literal and int(stop) - int(start) <= step:
            if int(start) < int(stop):
                body(start)
            return
        loop, done, before = e.label("loop"), e.label("done"), e.block
        if literal:
            e.jump(loop)
        else:
            e.branch(e.let(f"icmp slt i64 {start}, {stop}"), loop, done)
        e.start(loop)
        phi, index = e.reserve(), e.fresh("i")
        body(index)
        following = e.let(f"add nuw nsw i64 {index}, {step}")
        # LLVM unrolls a loop that ends at equality, which steps of one never miss.
        more = e.let(f"icmp {'ne' if step == 1 else 'slt'} i64 {following}, {stop}")
        phi.append(f"  {index} = phi i64 [ {start}, %{before} ], [ {following}, %{e.block} ]")
        e.branch(more, loop, done)
        e.start(done)

    # Threads

    def parallel(self, stmt: For) -> None:
        """A loop over a range each for the threads; in place where it is too short to share."""
        width = estimate.lanes(stmt, self.target) if stmt.kind == "flat" else 1
        cost = estimate.midway(estimate.picoseconds(stmt.body, width, self.target), stmt)
        if isinstance(cost, int):
            grain = str(max(1, estimate.RANGE_PS // max(1, cost)))
        else:
            least = self.e.call("llvm.smax.i64", "i64", f"i64 {self.size(cost)}", "i64 1")
            quotient = self.e.let(f"sdiv i64 {estimate.RANGE_PS}, {least}")
            grain = self.e.call("llvm.smax.i64", "i64", f"i64 {quotient}", "i64 1")
        if isinstance(stmt.extent, int) and grain[0] != "%" and stmt.extent <= int(grain):
            self.loop(stmt, "0", self.extent(stmt))
            return
        name, fails, operands = self.outline(stmt)
        sizes = self.shared.sizes
        fields = ["i32", *(operand.partition(" ")[0] for operand in (*operands, *sizes))]
        self.shared.functions.append(_task(name, fields, fails))
        e, extent = self.e, self.extent(stmt)
        alone, shared, done = e.label("alone"), e.label("shared"), e.label("ran")
        codes = []
        if self.repeated:
            # Inside a loop a range too short for two threads is not worth the detour.
            enough = e.let(f"icmp sge i64 {extent}, {self._integer('mul', grain, '2')}")
            e.branch(enough, shared, alone)
            e.start(alone)
            code = e.let(f"call i32 @{symbol(name)}({', '.join(['i64 0', f'i64 {extent}', *operands, *sizes])})")
            codes.append(f"[ {code}, %{alone} ]")
            e.jump(done)
            e.start(shared)
        layout = f"{{ {', '.join(fields)} }}"
        context = e.fresh("context")
        self.prologue.append(f"  {context} = alloca {layout}, align {ALIGNMENT}")
        for at, operand in enumerate(["i32 0", *operands, *sizes]):
            field = e.let(f"getelementptr inbounds {layout}, ptr {context}, i32 0, i32 {at}", "p")
            e.emit(f"store {operand}, ptr {field}")
        e.emit(f"call void @hybrid_parallel(ptr @{symbol(name + '.task')}, i64 {extent}, i64 {grain}, ptr {context})")
        code = e.let(f"load i32, ptr {context}") if fails else "0"
        if self.repeated:
            codes.append(f"[ {code}, %{shared} ]")
            e.jump(done)
            e.start(done)
            code = e.let(f"phi i32 {', '.join(codes)}")
        if fails:
            failed, passed = e.label("failed"), e.label("passed")
            e.branch(e.let(f"icmp ne i32 {code}, 0"), failed, passed)
            e.start(failed)
            self.leave(code)
            e.start(passed)

    def outline(self, stmt: For) -> tuple[str, bool, list[str]]:
        """A function that runs a range of a loop; its name, whether it can fail, and what it is given after the range."""
        name = f"{self.shared.kernel.name}.range{len(self.shared.functions) // 2}"
        nest = _Nest(self.shared)
        used, stored = names_used(stmt.body), {s.buffer for s in walk(stmt.body) if isinstance(s, Store)}
        parameters, operands = ["i64 %low", "i64 %high"], []
        for key, array in self.arrays.items():
            if key not in used:
                continue
            kind, given = "ptr", array.pointer
            if array.cell and key not in stored:
                # By value: a variable whose address is taken could not live in a register, here or there.
                kind = MEMORY[array.dtype]
                given = self.e.let(f"load {kind}, ptr {array.pointer}")
                nest.arrays[key] = nest.cell(array.dtype)
                nest.prologue.append(f"  store {kind} %{symbol('value.' + key)}, ptr {nest.arrays[key].pointer}")
                parameters.append(f"{kind} %{symbol('value.' + key)}")
            else:
                pointer = f"%{symbol('buffer.' + key)}"
                nest.arrays[key] = array._replace(pointer=pointer)
                parameters.append(f"ptr noalias {pointer}")
            operands.append(f"{kind} {given}")
        for key, value in self.names.items():
            if key in used:
                scalar = self.lookup(key, value.dtype)
                operands.append(scalar.operand)
                nest.bind(key, scalar._replace(text=f"%{symbol('value.' + key)}"))
                parameters.append(f"{scalar.type} %{symbol('value.' + key)}")
        nest.loop(stmt, "%low", "%high")
        self.shared.functions.append(nest.function(name, parameters))
        return name, nest.fails, operands


def _task(name: str, fields: list[str], fails: bool) -> str:
    """What a thread is given: unpacks the context, runs its range, and keeps the largest code."""
    layout = f"{{ {', '.join(fields)} }}"
    lines, operands = [], ["i64 %low", "i64 %high"]
    for at, field in enumerate(fields[1:], 1):
        lines.append(f"  %p{at} = getelementptr inbounds {layout}, ptr %data, i32 0, i32 {at}")
        lines.append(f"  %x{at} = load {field}, ptr %p{at}")
        operands.append(f"{field} %x{at}")
    lines.append(f"  %code = call i32 @{symbol(name)}({', '.join(operands)})")
    if fails:
        lines += ["  %failed = icmp ne i32 %code, 0", "  br i1 %failed, label %report, label %done", "report:"]
        lines += ["  %before = atomicrmw umax ptr %data, i32 %code monotonic", "  br label %done", "done:"]
    header = f"define internal void @{symbol(name + '.task')}(i64 %low, i64 %high, ptr %data) nounwind {{"
    return "\n".join([header, *lines, "  ret void", "}"])
