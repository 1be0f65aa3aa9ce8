"""What a loop body costs and how it is best run: lanes, unrolling, the size of a thread's share. Static and approximate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from hybrid.codegen.foreign import any_called
from hybrid.codegen.instructions import NARROW, is_simple
from hybrid.codegen.library import is_called
from hybrid.codegen.target import Target
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Size
from hybrid.loops.nest import (
    Accumulate,
    Call,
    Check,
    Declare,
    Expr,
    For,
    If,
    Invoke,
    Kernel,
    Let,
    Load,
    Op,
    Ref,
    Rescue,
    Routine,
    Scratch,
    Stmt,
    Store,
    While,
    bodies,
    expressions,
    names_of,
    walk,
    walk_expr,
)

SIMPLE_PS = 250  # one instruction, two a cycle at 2 GHz: the slow end of today's processors
ELEMENTARY = 12  # instructions in an exp or a log (16 to 25, at a better throughput)
CALLED = 120  # those of a special function of SciPy's, at the throughput of one scalar (20 to 100 ns)
BYTE_PS = 100  # 10 GB/s, one core's share of memory
# Handing a range to another thread costs 1-5 µs, or 100 where its core is busy; in cache, work takes a third of this.
RANGE_PS = 60_000_000
# Python called from a kernel, with a small operation of NumPy: 1 µs each.
CALL_PS = 2_000_000
NATIVE_PS = 5_000  # of a C function: a number drawn from a generator
WRITTEN_OUT = 64  # rounds of short loops, one in another, written out at most
STREAMED = 1 << 13  # elements: less than 64 KiB stay in the nearest cache
# Iterations of a loop that runs until something holds, or as often as a number from memory says.
UNKNOWN_TRIPS = 16


def nodes_of(body: tuple[Stmt, ...]) -> Iterator[Expr]:
    """Every distinct node of a statement list and the statements inside it."""
    seen: set[int] = set()
    for stmt in walk(body):
        for root in expressions(stmt):
            yield from walk_expr(root, seen)


def can_vectorise(loop: For) -> bool:
    """Whether iterations may run side by side: the same inner iterations for all, no vector loop or array inside, stores
    that move with the index."""
    moving = {loop.index}
    for stmt in walk(loop.body):
        if isinstance(stmt, (Scratch, While, Call, Routine, Invoke)) or (isinstance(stmt, For) and stmt.kind != "serial"):
            return False
        if isinstance(stmt, For) and isinstance(stmt.extent, Dim) and moving & stmt.extent.symbols:
            return False
        # A name bound inside may vary from lane to lane; assuming that it does costs nothing.
        moving |= {stmt.name} if hasattr(stmt, "name") else set()
        if isinstance(stmt, Store) and not moving & names_of(stmt.offset):
            return False
    return True


def lanes(loop: For, target: Target) -> int:
    """Iterations a vector loop runs side by side: one register of the width it computes in most."""
    if not can_vectorise(loop) or loop.extent in (0, 1) or calls_foreign(loop.body):
        return 1  # LLVM vectorises what becomes of foreign functions
    if is_called(node.name for node in nodes_of(loop.body) if isinstance(node, Op)):
        return 1  # a loop over the lanes around a call took 15 ns each
    widths: Counter[int] = Counter()
    moved: Counter[int] = Counter()
    for node in nodes_of(loop.body):
        if isinstance(node, (Op, Rescue)) and node.args[-1].dtype != dt.bool_:
            dtype = node.args[-1].dtype
            widths[4 if dtype in NARROW else dtype.itemsize] += 4 if dt.is_float(dtype) else 1
        elif isinstance(node, Load):
            moved[node.dtype.itemsize] += 1
    for stmt in walk(loop.body):
        if isinstance(stmt, Declare):
            widths[4 if stmt.dtype in NARROW else stmt.dtype.itemsize] += 1
        elif isinstance(stmt, (Store, Accumulate)):
            dtype = stmt.value.dtype
            if isinstance(stmt, Store):
                moved[dtype.itemsize] += 1
            elif dtype != dt.bool_:
                widths[4 if dtype in NARROW else dtype.itemsize] += 1
    common = (widths or moved or Counter({8: 1})).most_common()
    width = max(size for size, count in common if count == common[0][1])
    found = max(1, target.vector_bits // (8 * width))
    if has_masks(target) and any(isinstance(stmt, For) and _is_light(stmt.body) for stmt in loop.body):
        # One accumulator for each lane: several registers of lanes hide the latency of its additions.
        found = min(64, 4 * found)
    if isinstance(loop.extent, int):
        # Short loops: one masked vector where masks are free, else the vectors that fit.
        # LLVM fills a register of 128 bits up with zeros, which raise floating-point flags: no vector of floats is shorter.
        least = max(1, 16 // width) if width >= 4 else 1
        while found > 1 and (found // 2 >= max(loop.extent, least) if has_masks(target) else found > loop.extent):
            found //= 2
        if found < least:
            found = 1
    return found


def calls_foreign(body: tuple[Stmt, ...]) -> bool:
    """Whether functions of another compiler are called."""
    return any_called(node.name for node in nodes_of(body) if isinstance(node, Op))


def _is_light(body: tuple[Stmt, ...]) -> bool:
    return any(isinstance(stmt, Accumulate) for stmt in body) and operations(body) <= 8


def has_masks(target: Target) -> bool:
    """Whether every load, store and operation can leave lanes alone at no cost, so that a loop's tail is one masked vector."""
    return target.has("avx512vl") and target.has("avx512bw")


def unroll(loop: For) -> int:
    """Vectors in flight. In a loop that accumulates a lone addition waits for the one before, in one that streams the loads
    wait for the cache (1.5 x² + 0.25 x + 3 of 4 MiB: 67 µs for 79). A long body hides both."""
    body = loop.body
    if not any(isinstance(stmt, Accumulate) for stmt in body):
        return 4 if _streams(loop) else 1
    size = operations(body)
    return 4 if size <= 6 else 2 if size <= 16 else 1


def _streams(loop: For) -> bool:
    """Whether a loop waits for memory more than it computes, over arrays that need not fit the nearest cache."""
    large = not isinstance(loop.extent, int) or loop.extent >= STREAMED
    return loop.kind == "flat" and large and operations(loop.body) <= 24


def is_scalar(kernel: Kernel) -> bool:
    """Whether a kernel spends its time in loops of scalars: LLVM then unrolls, vectorises and schedules them."""
    return any(_scalar_loop(stmt) for stmt in kernel.body)


def _scalar_loop(stmt: Stmt) -> bool:
    if isinstance(stmt, (While, If, Routine)):
        return not isinstance(stmt, If) or any(map(_scalar_loop, (*stmt.body, *stmt.orelse)))
    if not isinstance(stmt, For):
        return False
    if stmt.kind in ("vector", "flat"):
        return calls_foreign(stmt.body)
    if any(isinstance(inner, (For, While)) for inner in walk(stmt.body)):
        return any(map(_scalar_loop, stmt.body))
    return stmt.kind == "serial" and not unrolls_fully(stmt)


def reads(body: tuple[Stmt, ...], names: Collection[str]) -> bool:
    """Whether some of these accumulators are read while they are added to."""
    return any(isinstance(node, Ref) and node.name in names for node in nodes_of(body))


def operations(body: tuple[Stmt, ...]) -> int:
    """Instructions of one iteration, inner loops counted once."""
    return len(body) + sum(_instructions(node) for node in nodes_of(body))


def unrolls_fully(loop: For) -> bool:
    """Whether a short serial loop is better written out: stencil taps, small matrices."""
    if not isinstance(loop.extent, int) or loop.extent > 8 or loop.extent * operations(loop.body) > 64:
        return False
    return loop.extent * _rounds(loop.body) <= WRITTEN_OUT


def _rounds(body: tuple[Stmt, ...]) -> int:
    """How often the innermost of short loops would stand there, were all of them written out."""
    loops = (stmt for stmt in body if isinstance(stmt, For) and stmt.kind == "serial")
    return max((s.extent * _rounds(s.body) for s in loops if isinstance(s.extent, int) and s.extent <= 8), default=1)


def picoseconds(body: tuple[Stmt, ...], width: int, target: Target) -> Size:
    """The time of one iteration on one thread, with `width` iterations side by side; over names known before the body."""
    total: Size = 0
    bound: dict[str, Size] = {}
    seen: set[int] = set()
    for stmt in body:
        if isinstance(stmt, For):
            inner = lanes(stmt, target) if stmt.kind == "vector" and width == 1 else width
            total = total + stmt.extent * midway(picoseconds(stmt.body, inner, target), stmt)
            continue
        if isinstance(stmt, Call):
            total = total + (CALL_PS if stmt.native is None else NATIVE_PS)
        elif isinstance(stmt, Store):
            total = total + BYTE_PS * stmt.value.dtype.itemsize
        once: Size = 0
        for root in expressions(stmt):
            for node in walk_expr(root, seen):
                once = once + SIMPLE_PS * _instructions(node) // width
                if isinstance(node, Load):
                    once = once + BYTE_PS * node.dtype.itemsize
        for inside in bodies(stmt):
            once = once + picoseconds(inside, width, target)
        total = total + (UNKNOWN_TRIPS * once if isinstance(stmt, While) else once)
        if isinstance(stmt, (Accumulate, Check)):
            total = total + SIMPLE_PS // width
        elif isinstance(stmt, Let):
            bound[stmt.name] = UNKNOWN_TRIPS
    return _replaced(total, bound)


def midway(cost: Size, loop: For) -> Size:
    """The cost of the iterations of a loop on average, where it depends on the index: that between the first and the last."""
    if not isinstance(cost, Dim) or loop.index not in cost.symbols:
        return cost
    ends = _replaced(cost, {loop.index: 0}) + _replaced(cost, {loop.index: loop.extent})
    return sum((Dim({names: c // 2}) for names, c in ends.terms), 0) if isinstance(ends, Dim) else ends // 2


def _replaced(size: Size, values: dict[str, Size]) -> Size:
    if not isinstance(size, Dim) or not values.keys() & size.symbols:
        return size
    return size.evaluate({name: values.get(name, Dim.symbol(name)) for name in size.symbols})  # type: ignore[misc]


def _instructions(node: Expr) -> int:
    if not isinstance(node, Op):
        return int(not isinstance(node, Ref))
    if is_called((node.name,)):
        return CALLED
    return 1 if is_simple(node.name, node.args[-1].dtype) else ELEMENTARY
