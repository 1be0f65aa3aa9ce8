"""A lowered program as text to read or to keep: Numba source that needs nothing of this package, LLVM IR, assembly."""

from __future__ import annotations

import keyword
from collections.abc import Iterator
from itertools import chain

import numpy as np

from hybrid.codegen.python import emit
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Size
from hybrid.passes.fuse import quotients
from hybrid.runtime.program import Gemm, Lowered, Matrix

_HALF = (dt.float16, dt.bfloat16)  # Numba has neither: their kernels take the bits
_TAKEN = frozenset(keyword.kwlist) | {"np", "math", "numba", "bfloat16", "flat", "matrix", "Fraction"}

_FLAT = '''def flat(array, dtype, size):
    """The memory of an array from its first element on, as the kernels see it."""
    array = np.asarray(array, dtype)
    return np.lib.stride_tricks.as_strided(array, (size,), (array.itemsize,))'''

_MATRIX = '''def matrix(memory, start, shape, strides):
    """Part of a flat array as matrices: element [i, j, …] lies at start + i*strides[0] + j*strides[1] + …."""
    steps = [step * memory.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(memory[start:], shape, steps)'''


def numba(lowered: Lowered) -> str:
    """The kernels, and where the program is kernels and BLAS calls alone, a function that allocates, calls them and returns.

    The function takes the graph's inputs, then the arrays it captured, and returns its visible results. It writes into the
    arrays that the decorated function writes into.
    """
    imports: dict[str, None] = {}
    blocks: dict[str, None] = {}
    for kernel in lowered.kernels:
        for block in emit(kernel, numba=True).strip().split("\n\n\n"):
            lines = block.splitlines()
            if all(line.startswith(("import ", "from ")) or not line for line in lines):
                imports.update((line, None) for line in lines if line)
            else:
                blocks[block.strip("\n")] = None
    if lowered.host_calls:
        calls = [f"{step.eqn.primitive.name} ({step.eqn.source})" for step in lowered.host_calls]
        blocks[f"# Between the kernels NumPy computes: {', '.join(calls)}."] = None
    elif lowered.inner_calls:
        calls = [f"{call.name} ({call.source})" for call in lowered.inner_calls]
        blocks[f"# `python_…` are C functions of an address, in which NumPy computes: {', '.join(calls)}."] = None
    elif len(lowered.steps) == len(lowered.segments) <= 1:
        imports["import numpy as np"] = None
        if any(dtype == dt.bfloat16 for dtype, _ in lowered.types.values()):
            imports["from ml_dtypes import bfloat16"] = None
        blocks[_FLAT] = None
        if lowered.products:
            blocks[_MATRIX] = None
        blocks["\n".join(_driver(lowered))] = None
    ordered = sorted(imports, key=lambda line: ("numpy" in line or "ml_dtypes" in line or "numba" in line, line))
    return "\n\n\n".join(["\n".join(ordered), *blocks]).strip() + "\n"


def llvm(lowered: Lowered) -> str:
    """The whole program as LLVM IR, before LLVM's own passes."""
    from hybrid.runtime import native

    return native.emit(lowered).text


def asm(lowered: Lowered) -> str:
    """The machine code of the program, as assembly for this machine."""
    from hybrid.codegen.target import host
    from hybrid.runtime import engine

    # Unwind tables and symbol bookkeeping say nothing of what runs.
    noise = (".cfi_", ".file", ".ident", ".addrsig", ".size", ".type")
    return "\n".join(line for line in engine.assembly(llvm(lowered), host()).splitlines() if not line.strip().startswith(noise))


def _driver(lowered: Lowered) -> Iterator[str]:
    graph = lowered.graph
    functions = {kernel.name for kernel in lowered.kernels}
    local: dict[str, str] = {}
    for name in lowered.types:
        out = name
        while out in _TAKEN or out in functions or out in local.values():
            out += "_"
        local[name] = out
    sources = [lowered.names[v] for v in chain(graph.inputs, (var for var, _ in graph.constants))]
    title = graph.name if graph.name.isidentifier() and graph.name not in functions | _TAKEN else "program"
    used = dict.fromkeys(b.name for work in lowered.work for b in work.buffers)
    yield f"def {title}({', '.join(local[name] for name in sources)}):"
    yield from _sizes(lowered, local)
    for name in sources:
        dtype, size = lowered.types[name]
        yield f"    {local[name]} = flat({local[name]}, {_spelt(dtype)}, {size}){'.view(np.uint16)' if dtype in _HALF else ''}"
    for name in (n for n in dict.fromkeys((*used, *lowered.outputs)) if n not in sources):
        dtype, size = lowered.types[name]
        yield f"    {local[name]} = np.empty({size}, {'np.uint16' if dtype in _HALF else _spelt(dtype)})"
    for work in lowered.work:
        if isinstance(work, Gemm):
            yield f"    {_matmul(work, local)}"
        kernel = work.epilogue if isinstance(work, Gemm) else work
        if kernel is not None:
            yield f"    if {kernel.name}({', '.join((*(local[b.name] for b in kernel.buffers), *kernel.symbols))}):"
            yield '        raise IndexError("an index is out of bounds")'
    results = []
    for name, var in zip(lowered.outputs, lowered.program.outputs):
        bits = f".view({_spelt(var.type.dtype)})" if var.type.dtype in _HALF else ""
        results.append(f"{local[name]}{bits}.reshape({', '.join(map(str, var.type.shape)) or '()'})")
    yield f"    return {', '.join(results) or None}"


def _sizes(lowered: Lowered, local: dict[str, str]) -> Iterator[str]:
    """The symbols that are sizes of arguments, and those that are computed from them."""
    seen: set[str] = set()
    for var in lowered.graph.inputs:
        for axis, size in enumerate(var.type.shape):
            if isinstance(size, Dim) and (symbol := next(iter(size.symbols))) not in seen:
                seen.add(symbol)
                yield f"    {symbol} = {local[lowered.names[var]]}.shape[{axis}]"
    for symbol, quotient in quotients(lowered.graph).items():
        yield f"    {symbol} = ({quotient.dividend}) // {quotient.divisor}"


def _spelt(dtype: np.dtype) -> str:
    return "bfloat16" if dtype == dt.bfloat16 else f"np.{dtype.name}"


def _matmul(work: Gemm, local: dict[str, str]) -> str:
    lead = tuple(extent for extent, *_ in work.batch)

    def matrix(buffer: str, start: Size, rows: Size, columns: Size, strides: tuple[Size, Size], side: int) -> str:
        steps = (*(axis[1 + side] for axis in work.batch), *strides)
        return f"matrix({local[buffer]}, {start}, {(*lead, rows, columns)}, {steps})"

    def steps(m: Matrix) -> tuple[Size, Size]:
        return (1, m.stride) if m.transposed else (m.stride, 1)

    a = matrix(work.a.buffer, work.a.offset, work.m, work.k, steps(work.a), 0)
    b = matrix(work.b.buffer, work.b.offset, work.k, work.n, steps(work.b), 1)
    return f"{matrix(work.c, 0, work.m, work.n, (work.stride, 1), 2)}[...] = {a} @ {b}"
