"""Runs a lowered program from Python, on any back end: the way of calls that the native entry does not take.

The native entry takes calls whose arguments lie flat; everything else (containers, host calls, other back ends,
profiling) comes through `Plan.run`, which costs some microseconds more.
"""

from __future__ import annotations

import ctypes
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core.errors import AssumptionError, CompileError, EmptyError, IndexingError, RoomError, VariesError, WarnedError
from hybrid.core.shape import Dim, Shape, Size, evaluate
from hybrid.ir.graph import Literal, apply, sizes_of
from hybrid.ir.graph import sizes as ir_sizes
from hybrid.ir.sizes import all_sizes
from hybrid.loops.nest import Buffer, Code
from hybrid.passes.fuse import quotients
from hybrid.passes.memory import ALIGNMENT
from hybrid.passes.steps import Bind, HostCall
from hybrid.runtime import flags, native, pool, profile, threads
from hybrid.runtime.program import Gemm, Lowered, Matrix, Segment, Work, title

_NOTHING = np.empty(0, np.uint8)


def fail(status: int, notes: Sequence[str]) -> None:
    """Raise what stands for what a kernel returned (see `Code`)."""
    code, note = status & 0xFF, status >> 8
    if code == Code.PYTHON:
        what = notes[note - 1] if note else "functions between compiled parts do as they did while tracing"
        raise AssumptionError(f"compiled code takes for granted that {what}, which these values do not fulfil")
    if code == Code.SIZES:
        raise VariesError(notes[note - 1], notes[note - 1])
    if code == Code.ROOM:
        raise RoomError("a container has more items than there is room for")
    if code == Code.EMPTY:
        raise EmptyError("a list that is returned as an array is empty")
    if code == Code.WARNED:
        raise WarnedError("a library warns of these values")
    if code == Code.INDEX:
        raise IndexingError("an index is out of bounds", fix="call f.eager(...) with the same arguments to see which")
    if code == Code.MEMORY:
        raise MemoryError("a compiled kernel could not allocate its scratch memory")
    raise CompileError("a compiled kernel failed", got=f"code {code}")


class Plan:
    """A lowered program, ready to run on one back end.

    Args:
        lowered: what to run.
        backend: "llvm" machine code, "numba" Numba-compiled source, or "python" the same source interpreted.
    """

    def __init__(self, lowered: Lowered, backend: str = "llvm"):
        self.lowered, self.backend = lowered, backend
        graph = lowered.graph
        self._inputs = tuple(lowered.names[var] for var in graph.inputs)
        self._constants = tuple((lowered.names[var], array) for var, array in graph.constants)
        self._symbolic = any(isinstance(size, Dim) for var in graph.inputs for size in var.type.shape)
        self._quotients = quotients(graph)
        self._written = {lowered.names[var] for var in lowered.written}
        # Results that are arrays of their own, which own their memory: a flat one that is reshaped would be its view.
        shown = zip(reversed(lowered.outputs), reversed(lowered.program.outputs))
        self._shapes = {name: var.type.shape for name, var in shown}
        self._functions: dict[str, Callable[..., int]] = {}
        self.module: Any = None  # machine code of the segments
        if backend == "llvm":
            threads.sync()
            self.module = native.emit(lowered).load()

    def run(self, arrays: Sequence[np.ndarray], seen: flags.Seen | None = None) -> list[np.ndarray]:
        """The results for these inputs (arrays as the signature describes them), in fresh arrays.

        `seen` gathers the floating-point flags that are raised.
        """
        known = all_sizes(sizes_of(self.lowered.graph, arrays), self._quotients) if self._symbolic else {}
        env: dict[str, np.ndarray] = dict(zip(self._inputs, arrays, strict=True))
        env.update((name, _reachable(array)) for name, array in self._constants)
        arena = _NOTHING
        if self.lowered.arena:
            arena = pool.empty((evaluate(self.lowered.arena_size, known) + 64,), np.dtype(np.uint8))
            arena = arena[-arena.ctypes.data % 64 :]
        for step in self.lowered.steps:
            if isinstance(step, HostCall):
                self._host(step, env, known, seen)
            elif isinstance(step, Bind):
                known[step.symbol] = int(self._found(self.lowered.names[next(step.reads)], env, known).reshape(())[()])
            else:
                self._segment(step, env, arena, known, seen)
        for name, array in self._constants:
            if name in self._written and env[name] is not array:
                np.copyto(array, env[name])
        outputs = [
            self._result(name, var.type.shape, env, known)
            for name, var in zip(self.lowered.outputs, self.lowered.program.outputs)
        ]
        return outputs

    def _result(self, name: str, shape: tuple, env: dict[str, np.ndarray], sizes: dict[str, int]) -> np.ndarray:
        found, wanted = self._found(name, env, sizes), _shape(shape, sizes)
        return found if found.shape == wanted else found.reshape(wanted)

    def _found(self, name: str, env: dict[str, np.ndarray], sizes: dict[str, int]) -> np.ndarray:
        """A computed array; those without elements no kernel makes."""
        return env[name] if name in env else self._fresh(name, sizes)

    def _fresh(self, name: str, sizes: dict[str, int]) -> np.ndarray:
        dtype, size = self.lowered.types[name]
        count = size.evaluate(sizes) if isinstance(size, Dim) else size
        shape = _shape(self._shapes[name], sizes) if name in self._shapes else (count,)
        return pool.empty(shape if math.prod(shape) == count else (count,), dtype)

    def _host(self, step: HostCall, env: dict[str, np.ndarray], sizes: dict[str, int], seen: flags.Seen | None) -> None:
        eqn, names = step.eqn, self.lowered.names
        operands = []
        for atom in eqn.inputs:
            array = np.asarray(atom.value) if isinstance(atom, Literal) else self._found(names[atom], env, sizes)
            # Native segments leave results as flat memory.
            operands.append(array if array.ndim == atom.type.ndim else array.reshape(_shape(atom.type.shape, sizes)))
        start = time.perf_counter_ns()
        said = np.errstate(all="call", call=seen.note) if seen is not None else np.errstate(all="ignore")
        with said, ir_sizes(sizes) as known:
            out = apply(eqn, operands)
        step.cost.add(start)
        sizes.update((symbol, known[symbol]) for symbol in eqn.params.get("defines", ()))
        if profile.active:
            profile.record(
                f"host {eqn.primitive.name}",
                str(eqn.source or ""),
                start,
                time.perf_counter_ns(),
                sum(a.nbytes for a in (*operands, *out)),
            )
        for var, array in zip(eqn.outputs, out):
            env[names[var]] = np.ascontiguousarray(array)

    def _segment(
        self, segment: Segment, env: dict[str, np.ndarray], arena: np.ndarray, sizes: dict[str, int], seen: flags.Seen | None
    ) -> None:
        lowered = self.lowered
        for name in segment.buffers:
            if name in env:
                continue
            if name in lowered.arena:
                dtype, size = lowered.types[name]
                at = -(-evaluate(lowered.arena[name], sizes) // ALIGNMENT) * ALIGNMENT
                count = size.evaluate(sizes) if isinstance(size, Dim) else size
                env[name] = arena[at : at + count * dtype.itemsize].view(dtype)
            else:
                env[name] = self._fresh(name, sizes)
        if self.backend == "llvm" and not profile.active:
            native, pointers = self._native(segment), self._pointers(segment.buffers, env)
            values = [sizes[s] for s in segment.symbols]
            self._flagged(lambda: native(pointers, *values), seen)
            return
        for work in segment.work:
            run = self._one(work)
            start = time.perf_counter_ns()
            self._flagged(lambda run=run: run(env, sizes), seen)  # type: ignore[misc]
            if profile.active:
                moved = sum(env[name].nbytes for name in _names(work))
                profile.record(title(work), work.source, start, time.perf_counter_ns(), moved)

    @staticmethod
    def _pointers(names: Sequence[str], env: dict[str, np.ndarray]) -> Any:
        return (ctypes.c_void_p * max(len(names), 1))(*(env[n].__array_interface__["data"][0] for n in names))

    def _flagged(self, run: Callable[[], int], seen: flags.Seen | None) -> None:
        """Run a part, and note the flags that its machine code raises."""
        looks = seen is not None and self.backend == "llvm"
        if looks:
            flags.clear()
        code = run()
        if looks:
            assert seen is not None
            seen.look()
        if code:
            fail(code, self.lowered.notes)

    def _native(self, segment: Segment) -> Callable[..., int]:
        function = self._functions.get(segment.name)
        if function is None:
            function = self._functions[segment.name] = _function(self.module, segment)
        return function

    def _one(self, work: Work) -> Callable[[dict[str, np.ndarray], dict[str, int]], int]:
        """One kernel or BLAS call by itself: for profiling, and for the back ends that are Python functions."""
        if self.backend == "llvm":
            alone = self._alone(work)
            return lambda env, sizes: alone(self._pointers(_names(work), env), *(sizes[s] for s in work.symbols))
        if isinstance(work, Gemm):
            after = self._one(work.epilogue) if work.epilogue else lambda env, sizes: 0
            return lambda env, sizes: _numpy_gemm(work, env, sizes) or after(env, sizes)
        function = self._functions.get(work.name)
        if function is None:
            from hybrid.codegen import python  # not needed for machine code

            make = python.compile_numba if self.backend == "numba" else python.interpret
            function = self._functions[work.name] = make(work)
        return lambda env, sizes: function(
            *(_flat(env[b.name], b, sizes) for b in work.buffers), *(sizes[s] for s in work.symbols)
        )

    def _alone(self, work: Work) -> Callable[..., int]:
        key = f"alone {work.name}"
        function = self._functions.get(key)
        if function is None:
            single = Segment("segment0", (work,), _names(work), work.symbols)
            part = Lowered(self.lowered.graph, self.lowered.program, (single,), self.lowered.names, (), ())
            module = native.emit(part).load()
            function = _function(module, single)
            function.module = module  # type: ignore[attr-defined]
            self._functions[key] = function
        return function


def _function(module: Any, segment: Segment) -> Callable[..., int]:
    # One that calls Python keeps the GIL: to get it back from a busy thread takes 5 ms each time.
    make = ctypes.PYFUNCTYPE if segment.calls_python else ctypes.CFUNCTYPE
    kind = make(ctypes.c_int, ctypes.c_void_p, *[ctypes.c_int64] * len(segment.symbols))
    return kind(module.address(segment.name))


def _names(work: Work) -> tuple[str, ...]:
    """The buffers of a kernel or BLAS call, each once."""
    return tuple(dict.fromkeys(b.name for b in work.buffers))


def _shape(shape: Shape, sizes: dict[str, int]) -> tuple[int, ...]:
    return tuple(evaluate(size, sizes) for size in shape)


def _reachable(array: np.ndarray) -> np.ndarray:
    """The array itself where loops can walk it (no negative or odd strides), or a copy of it."""
    flags = array.flags
    direct = flags.c_contiguous or all(s >= 0 and s % array.itemsize == 0 for s in array.strides)
    return array if direct and flags.aligned else np.array(array, order="C")


def _flat(array: np.ndarray, buffer: Buffer, sizes: dict[str, int]) -> np.ndarray:
    """The memory of an array as the loops see it: linear, from its first element, the parts of complex numbers one by one."""
    count = buffer.size.evaluate(sizes) if isinstance(buffer.size, Dim) else buffer.size
    if array.flags.c_contiguous:
        return array.reshape(-1).view(buffer.dtype)
    return np.lib.stride_tricks.as_strided(array.real, (count,), (buffer.dtype.itemsize,))


def _numpy_gemm(work: Gemm, env: dict[str, np.ndarray], sizes: dict[str, int]) -> int:
    """A BLAS call on the back ends that are Python."""
    item = work.dtype.itemsize
    lead = tuple(extent for extent, *_ in work.batch)

    def matrix(buffer: str, start: Size, rows: Size, columns: Size, strides: tuple[Size, Size], side: int) -> np.ndarray:
        array, offset = env[buffer], evaluate(start, sizes)
        steps = _shape((*(axis[1 + side] for axis in work.batch), *strides), sizes)
        shape = _shape((*lead, rows, columns), sizes)
        reach = offset + 1 + sum((size - 1) * step for size, step in zip(shape, steps)) if 0 not in shape else 0
        memory = np.lib.stride_tricks.as_strided(array, (max(reach, 0),), (item,))
        return np.lib.stride_tricks.as_strided(memory[offset:], shape, tuple(s * item for s in steps))

    def steps(m: Matrix) -> tuple[Size, Size]:
        return (1, m.stride) if m.transposed else (m.stride, 1)

    a = matrix(work.a.buffer, work.a.offset, work.m, work.k, steps(work.a), 0)
    b = matrix(work.b.buffer, work.b.offset, work.k, work.n, steps(work.b), 1)
    matrix(work.c, 0, work.m, work.n, (work.stride, 1), 2)[...] = a @ b
    return 0
