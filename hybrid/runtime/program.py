"""From a fused program to steps that run: kernels and BLAS calls gathered into native segments, host calls between them.

i32 @segment0(ptr slots, i64 sizes…)      calls its kernels in order; returns 0, or the first `Code` that is not
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.config import config
from hybrid.core.shape import Dim, Shape, Size, contiguous_strides, symbols
from hybrid.ir.graph import Graph, Var
from hybrid.ir.text import names_of
from hybrid.loops import schedule
from hybrid.loops.lower import Context, lower
from hybrid.loops.nest import Buffer, Call, Kernel
from hybrid.loops.procedure import lower_procedure
from hybrid.loops.pull import LOCAL, as_reals, element_copy
from hybrid.passes.access import axes_index, offset_of
from hybrid.passes.contract import BatchAxis
from hybrid.passes.fuse import quotients
from hybrid.passes.inplace import given_on, in_place, stays
from hybrid.passes.memory import Interval, place
from hybrid.passes.pipeline import disabled
from hybrid.passes.steps import Bind, Group, HostCall, MatMul, Program
from hybrid.passes.verify import verify_places


@dataclass(frozen=True, slots=True)
class Matrix:
    """A BLAS operand: rows `stride` elements apart, from element `offset` of a buffer; transposed where columns are."""

    buffer: str
    offset: Size
    stride: Size
    transposed: bool


@dataclass(frozen=True, slots=True)
class Gemm:
    """`c[m,n] = a[m,k] @ b[k,n]`, row-major, and elementwise work on `c` that runs on each part of it once that is there."""

    name: str
    dtype: np.dtype
    m: Size
    n: Size
    k: Size
    a: Matrix
    b: Matrix
    c: str
    stride: Size  # from row to row of c
    batch: tuple[BatchAxis, ...] = ()  # (extent, steps in a, b and c)
    source: str = ""
    epilogue: Kernel | None = None
    loops: tuple[str, ...] = ()  # of the epilogue: over each axis of the batch, rows and columns

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        roles = {self.a.buffer: "in", self.b.buffer: "in", self.c: "out"}
        own = {name: Buffer(name, self.dtype, 0, role) for name, role in roles.items()}
        more = self.epilogue.buffers if self.epilogue else ()
        return (*own.values(), *(buffer for buffer in more if buffer.name not in own))

    @property
    def sizes(self) -> tuple[Size, ...]:
        """All sizes, offsets and strides of the product."""
        batch = (size for axis in self.batch for size in axis)
        return (self.m, self.n, self.k, self.a.offset, self.a.stride, self.b.offset, self.b.stride, self.stride, *batch)

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted({*symbols(*self.sizes), *(self.epilogue.symbols if self.epilogue else ())}))

    def __str__(self) -> str:
        sides = [f"{x.buffer}{'.T' if x.transposed else ''}" for x in (self.a, self.b)]
        times = "".join(f"{extent} x " for extent, *_ in self.batch)
        result = f"{times}{dt.SHORT[self.dtype]}[{self.m},{self.n}]"
        text = f"blas {self.name}({sides[0]}, {sides[1]}) -> {self.c}: {result}, {self.k} deep"
        return f"{text}, then on its panels\n{self.epilogue}" if self.epilogue else text


Work = Kernel | Gemm


def title(work: Work) -> str:
    """What profiles and explanations call it: `k0`, `g1`, or `g1+k1` for a product with its epilogue."""
    return f"{work.name}+{work.epilogue.name}" if isinstance(work, Gemm) and work.epilogue else work.name


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """Native work without interruption. `buffers` is the order of its slots."""

    name: str
    work: tuple[Work, ...]
    buffers: tuple[str, ...]
    symbols: tuple[str, ...]

    @property
    def calls_python(self) -> bool:
        return any(call.native is None for work in self.work if isinstance(work, Kernel) for call in work.calls)


@dataclass(frozen=True, eq=False, slots=True)
class Lowered:
    """A program as loops: what every back end starts from."""

    graph: Graph
    program: Program
    steps: tuple[Segment | HostCall | Bind, ...]
    names: Mapping[Var, str]
    outputs: tuple[str, ...]  # the buffer of each result
    writebacks: tuple[tuple[int, Var], ...]  # result k is copied into this input's array at the end
    written: frozenset[Var] = frozenset()  # inputs and captured arrays that are written, those in place among them
    types: Mapping[str, tuple[np.dtype, Size]] = field(default_factory=dict)  # of every buffer: dtype, elements
    arena: Mapping[str, Size] = field(default_factory=dict)  # byte offsets of intermediate buffers, to be rounded up to a line
    arena_size: Size = 0
    notes: tuple[str, ...] = ()  # the assumptions that kernels check (see `Check.note`)
    plan: str = ""  # what the memory plan did

    @property
    def work(self) -> tuple[Work, ...]:
        return tuple(w for step in self.steps if isinstance(step, Segment) for w in step.work)

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(step for step in self.steps if isinstance(step, Segment))

    @property
    def products(self) -> tuple[Gemm, ...]:
        return tuple(w for w in self.work if isinstance(w, Gemm))

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        """Every kernel, epilogues of products among them."""
        own = (w.epilogue if isinstance(w, Gemm) else w for w in self.work)
        return tuple(kernel for kernel in own if kernel is not None)

    @property
    def host_calls(self) -> tuple[HostCall, ...]:
        return tuple(step for step in self.steps if isinstance(step, HostCall))

    @property
    def inner_calls(self) -> tuple[Call, ...]:
        """Calls that kernels make: of Python in bodies of branches and loops, of functions of C anywhere."""
        return tuple(call for kernel in self.kernels for call in kernel.calls)

    @property
    def python_calls(self) -> tuple[Call, ...]:
        """Those of them that are of Python."""
        return tuple(call for call in self.inner_calls if call.native is None)

    def __str__(self) -> str:
        parts: list[str] = []
        for step in self.steps:
            if isinstance(step, Segment):
                parts += map(str, step.work)
            elif isinstance(step, Bind):
                parts.append(f"size {step.symbol} = {self.names.get(next(step.reads), '')}")
            else:
                where = f"  # {step.eqn.source}" if step.eqn.source else ""
                parts.append(f"host {step.eqn.primitive.name}{where}: {step.eqn.primitive.reason}")
        return "\n".join(parts)


def build(
    program: Program, strides: Mapping[Var, Shape], visible: int | None = None, writebacks: Sequence[tuple[int, Var]] = ()
) -> Lowered:
    """Lower every group, and plan memory.

    Args:
        program: from `fuse`.
        strides: element strides of inputs and captured arrays that are not C-contiguous.
        visible: how many results the caller is given; the rest only feed `writebacks`.
        writebacks: (result, input): results that are copied into an argument's or captured array's memory at the end.
    """
    graph, planned = program.graph, "memory" not in disabled()
    names = _buffer_names(program)
    moved = in_place(program, writebacks, strides, program.outputs[:visible]) if planned else {}
    reused = given_on(program, {*moved, *moved.values()}) if planned else {}
    plan = [f"{names[result]} is written over {names[target]}" for result, target in moved.items()]
    plan += [f"{names[dying]} lives in {names[result]}" for dying, result in reused.items()]
    names.update((result, names[target]) for result, target in moved.items())
    written = frozenset(var for _, var in writebacks)
    writebacks = [(k, var) for k, var in writebacks if program.outputs[k] not in moved]
    names.update((dying, names[result]) for dying, result in reused.items())
    spans = {var: span(var.type.shape, strides[var]) for var in strides}
    sources = {*graph.inputs, *(var for var, _ in graph.constants)}
    kept = sources | {var for step in program.steps for var in step.results}
    context = Context(graph.producers, {v: names[v] for v in names if v in kept}, strides, spans)
    types: dict[str, tuple[np.dtype, Size]] = {names[v]: (v.type.dtype, spans.get(v, v.type.size)) for v in kept}
    steps: list[Segment | HostCall | Bind] = []
    pending: list[Work] = []
    count = 0

    def flush() -> None:
        if pending:
            buffers = tuple(dict.fromkeys(b.name for w in pending for b in w.buffers))
            symbols = tuple(sorted({s for w in pending for s in w.symbols}))
            steps.append(Segment(f"segment{len(steps)}", tuple(pending), buffers, symbols))
            pending.clear()

    for step in program.steps:
        if isinstance(step, Bind) or (isinstance(step, HostCall) and not step.spelled):
            flush()
            steps.append(step)
        elif isinstance(step, MatMul):
            work = _gemm(step, names, context, count)
            types.update((b.name, (b.dtype, b.size)) for b in work.buffers if b.name not in types)
            pending.append(work)
            count += 1
        elif not (isinstance(step, Group) and stays(step, names)):
            name = f"k{count}"
            kernel = lower(step, context, name) if isinstance(step, Group) else lower_procedure(step, context, name)
            types.update((b.name, (b.dtype, b.size)) for b in kernel.buffers if b.name not in types)
            if kernel.body:  # results without elements need none
                pending.append(kernel)
            count += 1
    for k, var in writebacks:
        pending.append(_copy(f"k{count}", program.outputs[k], var, names, strides, spans))
        count += 1
    flush()
    if not steps:
        steps.append(Segment("segment0", (), (), ()))  # of nothing, so that machine code can make the call
    outputs = tuple(names[var] for var in program.outputs[:visible])
    arena, size = _plan_memory(steps, types, names, {*outputs, *(names[v] for v in sources)}, _given(graph), planned)
    plan += [f"{name} at {offset} of {size} bytes" for name, offset in arena.items()]
    return Lowered(
        graph, program, tuple(steps), names, outputs, tuple(writebacks), written, types, arena, size, tuple(context.notes),
        "\n".join(plan)
    )  # fmt: skip


def span(shape: Shape, strides: Shape) -> Size:
    """Elements from the first to the last of a strided array."""
    if any(size == 0 for size in shape):
        return 0
    last: Size = 1
    for size, step in zip(shape, strides):
        last = last + (size - 1) * step
    return last


def _buffer_names(program: Program) -> dict[Var, str]:
    """The graph's names, `out0` … for copies among the results; none that lowering uses for itself."""
    names = names_of(program.graph)
    names.update((var, f"out{k}") for k, var in enumerate(program.outputs) if var not in names)
    taken: set[str] = set()
    for var, name in names.items():
        while name in taken or (LOCAL.fullmatch(name.rstrip("_")) and not name.endswith("_")):
            name += "_"
        taken.add(name)
        names[var] = name
    return names


def _copy(
    name: str, source: Var, target: Var, names: Mapping[Var, str], strides: Mapping[Var, Shape], spans: Mapping[Var, Size]
) -> Kernel:
    """The last step of a written argument: its new value into its memory."""

    shape, dtype, count, span = target.type.shape, target.type.dtype, source.type.size, spans.get(target, target.type.size)
    layout = strides.get(target, contiguous_strides(shape))
    plain = contiguous_strides(shape)
    names_ = [f"i{a}" for a in range(len(shape))]
    index = axes_index(shape)
    axes = schedule.merge(names_, shape, [offset_of(index, plain), offset_of(index, layout)])
    there, here = offset_of(axes.index, layout), offset_of(axes.index, plain)
    body = tuple(element_copy(names[target], there, names[source], here, dtype))
    sides = (source, count, "in"), (target, span, "out")
    buffers = tuple(Buffer(names[var], *as_reals(dtype, size), role) for var, size, role in sides)
    return Kernel(name, buffers, schedule.elementwise(axes, body))


def _gemm(step: MatMul, names: Mapping[Var, str], context: Context, count: int) -> Gemm:
    p, loops = step.product, tuple(f"i{axis}" for axis in step.axes)
    a = Matrix(names[step.left.var], step.left.offset.const, p.a.stride, p.a.transposed)
    b = Matrix(names[step.right.var], step.right.offset.const, p.b.stride, p.b.transposed)
    out = step.eqn.output
    epilogue = lower(step.epilogue, context, f"k{count}", loops) if step.epilogue else None
    return Gemm(f"g{count}", out.type.dtype, p.rows, p.columns, p.depth, a, b, names[out], p.stride, p.batch,
                str(step.eqn.source or ""), epilogue, loops)  # fmt: skip


def _plan_memory(
    steps: Sequence[Segment | HostCall | Bind], types: Mapping[str, tuple[np.dtype, Size]], names: Mapping[Var, str],
    fixed: set[str], given: set[str], shared: bool = True,
) -> tuple[dict[str, Size], Size]:  # fmt: skip
    """Arena places for buffers that live inside one segment; the rest are arrays of their own.

    Args:
        fixed: buffers that have memory already.
        given: symbols that are known before the program starts.
        shared: whether a place is given to another buffer once the first is dead.
    """
    homes: dict[str, set[int]] = {}
    life: dict[str, list[int]] = {}
    clock = 0
    for s, step in enumerate(steps):
        if isinstance(step, (HostCall, Bind)):
            for var in step.reads:
                homes.setdefault(names[var], set()).add(s)
            continue
        for work in step.work:
            for buffer in work.buffers:
                homes.setdefault(buffer.name, set()).add(s)
                life.setdefault(buffer.name, []).append(clock)
            clock += 1
    crossing = {n for n, where in homes.items() if len(where) > 1}
    intervals = []
    for name, times in life.items():
        dtype, size = types[name]
        if name not in fixed and name not in crossing and symbols(size) <= given:
            size = size if isinstance(size, Dim) else max(size, 1)
            first, last = (times[0], times[-1]) if shared else (0, clock)
            intervals.append(Interval(name, size * dtype.itemsize, first, last))
    offsets, total = place(intervals)
    if config.verify:
        verify_places(intervals, offsets, total)
    return offsets, total


def _given(graph: Graph) -> set[str]:
    """The symbols that are known before a program starts."""
    return {*symbols(*(size for var in graph.inputs for size in var.type.shape)), *quotients(graph)}
