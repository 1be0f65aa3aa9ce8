"""A BLAS call as LLVM text: cut over our threads by the batch and by panels of the result, each a single-threaded call.

BLAS' own threads wait for each other spinning, which on a busy machine takes time slices of 8 ms, even for products of 30 µs.
Panels of our own cost some packing twice, keep one pool of threads for everything, and let an epilogue work on each panel
while that is in cache.
"""

from __future__ import annotations

from collections.abc import Mapping

from hybrid.codegen import estimate
from hybrid.codegen.instructions import symbol
from hybrid.codegen.llvm import emit_kernel
from hybrid.codegen.target import Target
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Size, product
from hybrid.passes.steps import number
from hybrid.runtime.program import Gemm

# Rows and columns of one call at most: fixed, so that the bits of a result don't depend on the number of threads. A product of
# 1024³ took 8.0 ms on two threads in such panels, 8.3 in half of them, 7.7 to 8.4 by BLAS' own threads.
ROWS, COLUMNS = 512, 512
UNIT = 32  # panels are whole numbers of register tiles
TILE = 16  # the smallest such tile, for products that are two pieces
PIECE = 1 << 20  # multiply-adds that keep one core busy for 20 µs in float32, 40 in float64
STEP_PS = 3 * 14  # of an epilogue's estimated time, for memory out of cache, that a multiply-add takes
_SCALAR = {dt.float32: "float", dt.float64: "double"}


def emit_matmul(work: Gemm, target: Target) -> str:
    """LLVM text of `internal i32 @<name>(ptr buffers…, i64 sizes…)`, over `blas.emit_gemm` and, where it `cuts`, `threads`.

    The work is cut into pieces: one panel of one product of the batch, then the epilogue over it.
    """
    lines, count, grain = _grain(work, target)
    if cuts(work, target):
        run = f"call void @hybrid_parallel(ptr @{work.name}.task, i64 {count}, i64 {grain}, ptr %data)"
    else:
        run = f"call void @{work.name}.task(i64 0, i64 {count}, ptr %data)"
    context, operands = _context(work), _operands(work)
    lines = [f"define internal i32 @{work.name}({', '.join(operands)}) nounwind {{", f"  %data = alloca {context}", *lines]
    lines.append("  store i32 0, ptr %data")
    for at, operand in enumerate(operands, 1):
        lines.append(f"  %at{at} = getelementptr inbounds {context}, ptr %data, i32 0, i32 {at}")
        lines.append(f"  store {operand}, ptr %at{at}")
    lines += ["  call void @hybrid_blas_enter()", f"  {run}", "  call void @hybrid_blas_leave()"]
    lines += ["  %code = load i32, ptr %data", "  ret i32 %code", "}"]
    epilogue = [emit_kernel(work.epilogue, target, work.loops)] if work.epilogue else []
    return "\n".join([*epilogue, _task(work, target), *lines])


def cuts(work: Gemm, target: Target) -> bool:
    """Whether the product is worth more than one thread, or may be."""
    if any(isinstance(size, Dim) for size in (work.m, work.n, work.k)):
        return True
    count, each = _pieces(work, target)
    return count > 1 and count * each >= 2 * PIECE


def _pieces(work: Gemm, target: Target) -> tuple[int, int]:
    """How many pieces there can be, and the multiply-adds of one; symbolic sizes are taken for large."""
    rows, columns = _panels(work, target)
    m, n, batch = number(work.m), number(work.n), number(_batch(work))
    count = batch * -(-m // rows) * -(-n // columns)
    return count, max(1, batch * m * n * _depth(work, target) // max(count, 1))


def _grain(work: Gemm, target: Target) -> tuple[list[str], str, str]:
    """The number of pieces, and of those that one thread should take at least; with the lines that compute them."""
    if not work.symbols:
        count, each = _pieces(work, target)
        return [], str(count), str(max(1, -(-PIECE // each)))
    sizes = _Sizes("g")
    text = str(sizes(_batch(work)))
    work_of_one = sizes(work.k)
    for side, size, panel in zip("mn", (work.m, work.n), _panels(work, target)):
        whole = sizes(size)
        sizes.let(f"{side}.pieces", f"mul i64 {text}, {sizes.panels(side, size, panel)}")
        sizes.let(f"{side}.each", f"call i64 @llvm.umin.i64(i64 {whole}, i64 {panel})")
        sizes.let(f"{side}.work", f"mul i64 {work_of_one}, %g.{side}.each")
        text, work_of_one = f"%g.{side}.pieces", f"%g.{side}.work"
    sizes.let("some", f"call i64 @llvm.umax.i64(i64 {work_of_one}, i64 1)")
    sizes.let("few", f"udiv i64 {PIECE}, %g.some")
    sizes.let("grain", "call i64 @llvm.umax.i64(i64 %g.few, i64 1)")
    return sizes.lines, text, "%g.grain"


class _Sizes:
    """Lines that compute sizes, each once, from the operands that are symbols."""

    def __init__(self, prefix: str):
        self.prefix, self.lines, self.known = prefix, [], {}  # type: tuple[str, list[str], dict[Size, str]]
        self.count = 0

    def let(self, name: str, value: str) -> str:
        self.lines.append(f"  %{self.prefix}.{name} = {value}")
        return f"%{self.prefix}.{name}"

    def __call__(self, size: Size) -> str:
        if not isinstance(size, Dim):
            return str(size)
        if size not in self.known:
            total = "0"
            for monomial, factor in size.terms:
                term = str(factor)
                for name in monomial:
                    term = self.fresh(f"mul i64 {term}, %{symbol('size.' + name)}")
                total = self.fresh(f"add i64 {total}, {term}")
            self.known[size] = total
        return self.known[size]

    def panels(self, side: str, size: Size, panel: int) -> str:
        """How many panels of a size there are."""
        if isinstance(size, int):
            return str(-(-size // panel))
        self.let(f"{side}.up", f"add i64 {self(size)}, {panel - 1}")
        return self.let(f"{side}.count", f"udiv i64 %{self.prefix}.{side}.up, {panel}")

    def fresh(self, value: str) -> str:
        self.count += 1
        return self.let(f"s{self.count}", value)


def _batch(work: Gemm) -> Size:
    return product(extent for extent, *_ in work.batch)


def _depth(work: Gemm, target: Target) -> int:
    """The multiply-adds that an element of the result takes, or the time of as many."""
    if work.epilogue is None:
        return number(work.k)
    whole = estimate.picoseconds(work.epilogue.body, 1, target)
    if not isinstance(whole, int):
        return number(work.k)
    return number(work.k) + whole // (STEP_PS * number(_batch(work)) * number(work.m) * number(work.n))


def _panels(work: Gemm, target: Target) -> tuple[int, int]:
    """Rows and columns of one panel: everything, where there is no work for two threads."""
    m, n = work.m, work.n
    if isinstance(m, int) and isinstance(n, int):
        if m * n * _depth(work, target) < 2 * PIECE:
            return m, n
        if work.batch:
            return _even(m, ROWS), _even(n, COLUMNS)
    # Small products are cut finer, so that two threads have something to do.
    rows, columns = _finer(m, ROWS), _finer(n, COLUMNS)
    return _halved(rows, columns) if (rows, columns) == (m, n) else (rows, columns)


def _finer(size: Size, most: int) -> int:
    if not isinstance(size, int):
        return most // 2
    return _even(size, most if size >= 2 * most else most // 2)


def _halved(m: int, n: int) -> tuple[int, int]:
    """The panels of a product in two pieces, along its longer side."""
    if m >= n:
        return _even(m, -(-m // 2), TILE), n
    return m, _even(n, -(-n // 2), TILE)


def _even(size: int, limit: int, unit: int = UNIT) -> int:
    """The length of pieces of nearly one length, in whole units."""
    count = -(-size // limit)
    return min(size, -(-size // (count * unit)) * unit)


def _names(work: Gemm) -> list[str]:
    return [f"%{symbol('buffer.' + buffer.name)}" for buffer in work.buffers]


def _operands(work: Gemm) -> list[str]:
    """Buffers and sizes, typed."""
    return [f"ptr {name}" for name in _names(work)] + [f"i64 %{symbol('size.' + name)}" for name in work.symbols]


def _context(work: Gemm) -> str:
    """What the threads share: the code, and the operands."""
    return f"{{ {', '.join(['i32', *(operand.split()[0] for operand in _operands(work))])} }}"


def _task(work: Gemm, target: Target) -> str:
    """`void @<name>.task(i64 low, i64 high, ptr data)`: a range of the pieces."""
    context, scalar = _context(work), _SCALAR[work.dtype]
    lines = [f"define internal void @{work.name}.task(i64 %low, i64 %high, ptr %data) nounwind {{", "entry:"]
    for at, operand in enumerate(_operands(work), 1):
        kind, name = operand.split()
        lines.append(f"  %at{at} = getelementptr inbounds {context}, ptr %data, i32 0, i32 {at}")
        lines.append(f"  {name} = load {kind}, ptr %at{at}")
    sizes, panels = _Sizes("z"), _panels(work, target)
    text = {size: sizes(size) for size in work.sizes}
    counts = {side: sizes.panels(side, size, panel) for side, size, panel in zip("mn", (work.m, work.n), panels)}
    lines += [*sizes.lines, "  br label %loop", "loop:", "  %t = phi i64 [ %low, %entry ], [ %next, %passed ]"]
    lines += _piece(work, panels, counts, text)
    for name, buffer in (("a", work.a.buffer), ("b", work.b.buffer), ("c", work.c)):
        pointer = f"%{symbol('buffer.' + buffer)}"
        lines.append(f"  %{name} = getelementptr inbounds {scalar}, ptr {pointer}, i64 %{name}.offset")
    a, b = (f"ptr %{name}, i64 {text[m.stride]}, i32 {int(m.transposed)}" for name, m in (("a", work.a), ("b", work.b)))
    call = f"i64 %m, i64 %n, i64 {text[work.k]}, {a}, {b}, ptr %c, i64 {text[work.stride]}, {scalar} 1.0, {scalar} 0.0"
    lines += [f"  %code = call i32 @hybrid_gemm_{dt.SHORT[work.dtype]}({call})", "  %good = icmp eq i32 %code, 0"]
    if work.epilogue:
        lines += ["  br i1 %good, label %epilogue, label %failed", "epilogue:", *_epilogue(work)]
        lines += ["  %fine = icmp eq i32 %after, 0", "  br i1 %fine, label %passed, label %failed", "failed:"]
        lines += ["  %why = phi i32 [ %code, %loop ], [ %after, %epilogue ]"]
    else:
        lines += ["  br i1 %good, label %passed, label %failed", "failed:", "  %why = phi i32 [ %code, %loop ]"]
    lines += ["  %before = atomicrmw umax ptr %data, i32 %why monotonic", "  br label %passed", "passed:"]
    lines += ["  %next = add i64 %t, 1", "  %more = icmp slt i64 %next, %high"]
    lines += ["  br i1 %more, label %loop, label %done", "done:", "  ret void", "}"]
    return "\n".join(lines)


def _epilogue(work: Gemm) -> list[str]:
    """The kernel over one panel: its loops over the batch stay at one product, the last two run over rows and columns."""
    assert work.epilogue is not None
    operands = [f"ptr %{symbol('buffer.' + buffer.name)}" for buffer in work.epilogue.buffers]
    lines = []
    for level in range(len(work.batch)):
        lines.append(f"  %after{level} = add i64 %i{level}, 1")
        operands += [f"i64 %i{level}", f"i64 %after{level}"]
    operands += [f"i64 %{side}.{end}" for side in "mn" for end in ("first", "last")]
    operands += [f"i64 %{symbol('size.' + name)}" for name in work.epilogue.symbols]
    return [*lines, f"  %after = call i32 @{symbol(work.epilogue.name)}({', '.join(operands)})"]


def _piece(work: Gemm, panels: tuple[int, int], counts: Mapping[str, str], text: Mapping[Size, str]) -> list[str]:
    """Piece t: products of the batch in order, each row of panels by row."""
    lines: list[str] = []
    rest = "%t"
    for side, size, panel in zip("nm", (work.n, work.m), reversed(panels)):
        count = counts[side]
        lines += [
            f"  %{side}.t = urem i64 {rest}, {count}",
            f"  %{side}.rest = udiv i64 {rest}, {count}",
            f"  %{side}.first = mul i64 %{side}.t, {panel}",
            f"  %{side}.end = add i64 %{side}.first, {panel}",
            f"  %{side}.last = call i64 @llvm.smin.i64(i64 %{side}.end, i64 {text[size]})",
            f"  %{side} = sub i64 %{side}.last, %{side}.first",
        ]
        rest = f"%{side}.rest"
    terms: dict[str, list[tuple[str, Size]]] = {
        "a": [("%m.first", 1 if work.a.transposed else work.a.stride)],
        "b": [("%n.first", work.b.stride if work.b.transposed else 1)],
        "c": [("%m.first", work.stride), ("%n.first", 1)],
    }
    for level in reversed(range(len(work.batch))):
        extent, *steps = work.batch[level]
        lines += [f"  %i{level} = urem i64 {rest}, {text[extent]}", f"  %rest{level} = udiv i64 {rest}, {text[extent]}"]
        rest = f"%rest{level}"
        for name, step in zip("abc", steps):
            terms[name].append((f"%i{level}", step))
    for name, start in (("a", work.a.offset), ("b", work.b.offset), ("c", 0)):
        total = text.get(start, "0")
        for at, (index, step) in enumerate(terms[name]):
            last = at == len(terms[name]) - 1
            lines.append(f"  %{name}.skip{at} = mul i64 {index}, {text.get(step, '1')}")
            lines.append(f"  %{name}.{'offset' if last else f'sum{at}'} = add i64 {total}, %{name}.skip{at}")
            total = f"%{name}.sum{at}"
    return lines
