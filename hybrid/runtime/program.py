"""From a fused program to steps that run: kernels and BLAS calls gathered into native segments, host calls between them.

i32 @segment0(ptr slots, i64 sizes…)      calls its kernels in order; returns 0, or the first `Code` that is not
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Shape, Size, contiguous_strides
from hybrid.ir.graph import Graph, Var
from hybrid.ir.text import names_of
from hybrid.loops import schedule
from hybrid.loops.lower import Context, lower
from hybrid.loops.nest import Buffer, Kernel, Load, Store
from hybrid.loops.pull import LOCAL
from hybrid.passes.access import axes_index, offset_of
from hybrid.passes.fuse import Group, HostCall, MatMul, Program
from hybrid.passes.memory import Interval, place


@dataclass(frozen=True, slots=True)
class Matrix:
    """A BLAS operand: rows `stride` elements apart, from element `offset` of a buffer; transposed where columns are."""

    buffer: str
    offset: int
    stride: int
    transposed: bool


@dataclass(frozen=True, slots=True)
class Gemm:
    """`c[m,n] = a[m,k] @ b[k,n]`, row-major."""

    name: str
    dtype: np.dtype
    m: int
    n: int
    k: int
    a: Matrix
    b: Matrix
    c: str
    stride: int  # from row to row of c
    batch: tuple[tuple[int, int, int, int], ...] = ()  # (extent, steps in a, b and c)
    source: str = ""

    @property
    def buffers(self) -> tuple[Buffer, ...]:
        return tuple(
            Buffer(n, self.dtype, 0, role) for n, role in ((self.a.buffer, "in"), (self.b.buffer, "in"), (self.c, "out"))
        )

    @property
    def symbols(self) -> tuple[str, ...]:
        return ()  # sizes of matrix products are numbers

    def __str__(self) -> str:
        sides = [f"{x.buffer}{'.T' if x.transposed else ''}" for x in (self.a, self.b)]
        times = "".join(f"{extent} x " for extent, *_ in self.batch)
        result = f"{times}{dt.SHORT[self.dtype]}[{self.m},{self.n}]"
        return f"blas {self.name}({sides[0]}, {sides[1]}) -> {self.c}: {result}, {self.k} deep"


Work = Kernel | Gemm


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """Native work without interruption. `buffers` is the order of its slots."""

    name: str
    work: tuple[Work, ...]
    buffers: tuple[str, ...]
    symbols: tuple[str, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Lowered:
    """A program as loops: what every back end starts from."""

    graph: Graph
    program: Program
    steps: tuple[Segment | HostCall, ...]
    names: Mapping[Var, str]
    outputs: tuple[str, ...]  # the buffer of each result
    writebacks: tuple[tuple[int, Var], ...]  # result k is copied into this input's array at the end
    types: Mapping[str, tuple[np.dtype, Size]] = field(default_factory=dict)  # of every buffer: dtype, elements
    arena: Mapping[str, int] = field(default_factory=dict)  # byte offsets of intermediate buffers
    arena_size: int = 0

    @property
    def work(self) -> tuple[Work, ...]:
        return tuple(w for step in self.steps if isinstance(step, Segment) for w in step.work)

    @property
    def only_segment(self) -> Segment | None:
        """The one native segment of a program that needs nothing else."""
        return self.steps[0] if len(self.steps) == 1 and isinstance(self.steps[0], Segment) else None

    @property
    def kernels(self) -> tuple[Kernel, ...]:
        return tuple(w for w in self.work if isinstance(w, Kernel))

    @property
    def host_calls(self) -> tuple[HostCall, ...]:
        return tuple(step for step in self.steps if isinstance(step, HostCall))

    def __str__(self) -> str:
        parts: list[str] = []
        for step in self.steps:
            if isinstance(step, Segment):
                parts += map(str, step.work)
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
    graph = program.graph
    names = _buffer_names(program)
    moved = _in_place(program, writebacks, strides, program.outputs[:visible])
    names.update((result, names[target]) for result, target in moved.items())
    writebacks = [(k, var) for k, var in writebacks if program.outputs[k] not in moved]
    names.update((dying, names[result]) for dying, result in _reused(program, {*moved, *moved.values()}).items())
    spans = {var: span(var.type.shape, strides[var]) for var in strides}
    sources = {*graph.inputs, *(var for var, _ in graph.constants)}
    kept = sources | {var for step in program.steps for var in step.results}
    context = Context(graph.producers, {v: names[v] for v in names if v in kept}, strides, spans)
    types: dict[str, tuple[np.dtype, Size]] = {names[v]: (v.type.dtype, spans.get(v, v.type.size)) for v in kept}
    steps: list[Segment | HostCall] = []
    pending: list[Work] = []
    count = 0

    def flush() -> None:
        if pending:
            buffers = tuple(dict.fromkeys(b.name for w in pending for b in w.buffers))
            symbols = tuple(sorted({s for w in pending for s in w.symbols}))
            steps.append(Segment(f"segment{len(steps)}", tuple(pending), buffers, symbols))
            pending.clear()

    for step in program.steps:
        if isinstance(step, HostCall):
            flush()
            steps.append(step)
        elif isinstance(step, MatMul):
            pending.append(_gemm(step, names, f"g{count}"))
            count += 1
        else:
            kernel = lower(step, context, f"k{count}")
            types.update((b.name, (b.dtype, b.size)) for b in kernel.buffers if b.name not in types)
            if kernel.body:  # results without elements need none
                pending.append(kernel)
            count += 1
    for k, var in writebacks:
        pending.append(_copy(f"k{count}", program.outputs[k], var, names, strides, spans))
        count += 1
    flush()
    outputs = tuple(names[var] for var in program.outputs[:visible])
    arena, size = _plan_memory(steps, types, names, {*outputs, *(names[v] for v in sources)})
    return Lowered(graph, program, tuple(steps), names, outputs, tuple(writebacks), types, arena, size)


def _in_place(
    program: Program, writebacks: Sequence[tuple[int, Var]], strides: Mapping[Var, Shape], visible: Sequence[Var]
) -> dict[Var, Var]:
    """Results that may be computed straight into the memory they are written back to: result -> input.

    Only where the kernel that makes the result reads the old value at the very place it writes, and nobody reads the old value
    after it: `x += y` then touches memory once.
    """
    out: dict[Var, Var] = {}
    for k, target in writebacks:
        result = program.outputs[k]
        home = next((s for s in program.steps if result in s.results), None)
        if not isinstance(home, Group) or home.alone or any(s.reduces for s in home.stages):
            continue
        if target in strides or result in visible or result.type != target.type.with_shape(target.type.shape):
            continue
        after = program.steps[program.steps.index(home) + 1 :]
        place = axes_index(target.type.shape)
        same_place = all(index == place for s in home.stages for var, index in s.reads if var is target)
        if same_place and not any(target in step.reads for step in after) and result not in out:
            out[result] = target
    return out


def _reused(program: Program, taken: set[Var]) -> dict[Var, Var]:
    """Intermediate values that may live where a result of their last reader goes: value -> result.

    An elementwise kernel that reads a value for the last time, at the very place where it writes a result of the same type,
    may write over it; so the result of a matrix product becomes the result of its epilogue.
    """
    sources = {*program.graph.inputs, *(var for var, _ in program.graph.constants), *program.outputs}
    made = {var for step in program.steps if not isinstance(step, HostCall) for var in step.results}
    last = {var: step for step in program.steps for var in step.reads}
    out: dict[Var, Var] = {}
    for step in program.steps:
        if not isinstance(step, Group) or step.alone or any(s.reduces for s in step.stages):
            continue
        reads: dict[Var, set] = {}
        for stage in step.stages:
            for var, index in stage.reads:
                reads.setdefault(var, set()).add(index)
        free = [var for var in step.results if var not in taken]
        for var, indices in reads.items():
            fits = var in made and var not in sources and last[var] is step and indices == {axes_index(var.type.shape)}
            result = next((r for r in free if r.type == var.type), None)
            if fits and result is not None:
                # The result may itself go where a later one goes; names are settled from the last step back.
                out[var] = result
                free.remove(result)
    return _settled(out)


def _settled(moves: dict[Var, Var]) -> dict[Var, Var]:
    """Chains of moves followed to their end."""
    out = {}
    for var, target in moves.items():
        while target in moves:
            target = moves[target]
        out[var] = target
    return out


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

    shape = target.type.shape
    plain = contiguous_strides(shape)
    names_ = [f"i{a}" for a in range(len(shape))]
    index = axes_index(shape)
    layout = strides.get(target, plain)
    axes = schedule.merge(names_, shape, [offset_of(index, plain), offset_of(index, layout)])
    load = Load(names[source], offset_of(axes.index, plain), source.type.dtype)
    body = (Store(names[target], offset_of(axes.index, layout), load),)
    buffers = (Buffer(names[source], source.type.dtype, source.type.size, "in"),
               Buffer(names[target], target.type.dtype, spans.get(target, target.type.size), "out"))  # fmt: skip
    return Kernel(name, buffers, schedule.elementwise(axes, body))


def _int(size: Size) -> int:
    assert isinstance(size, int)
    return size


def _gemm(step: MatMul, names: Mapping[Var, str], name: str) -> Gemm:
    p = step.product
    a = Matrix(names[step.left.var], _int(step.left.offset.const), p.a.stride, p.a.transposed)
    b = Matrix(names[step.right.var], _int(step.right.offset.const), p.b.stride, p.b.transposed)
    out = step.eqn.output
    return Gemm(
        name, out.type.dtype, p.rows, p.columns, p.depth, a, b, names[out], p.stride, p.batch, str(step.eqn.source or "")
    )


def _plan_memory(
    steps: Sequence[Segment | HostCall], types: Mapping[str, tuple[np.dtype, Size]], names: Mapping[Var, str], fixed: set[str]
) -> tuple[dict[str, int], int]:
    """Arena places for buffers that live inside one segment; the rest are arrays of their own."""
    homes: dict[str, set[int]] = {}
    life: dict[str, list[int]] = {}
    clock = 0
    for s, step in enumerate(steps):
        if isinstance(step, HostCall):
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
        if name in fixed or name in crossing or isinstance(size, Dim):
            continue
        intervals.append(Interval(name, max(size, 1) * dtype.itemsize, times[0], times[-1]))
    return place(intervals)
