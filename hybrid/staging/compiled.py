"""One compiled trace: the graph through every stage, the plan that runs it from Python, and its native entry."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.config import config
from hybrid.core.shape import Shape
from hybrid.frontend.values import Value, wrap
from hybrid.ir.graph import Graph, Var
from hybrid.ir.verify import verify
from hybrid.passes import pipeline
from hybrid.runtime.program import Lowered, Segment, build
from hybrid.staging import entry
from hybrid.staging.signature import ArrayLeaf, Leaf, NumberLeaf, SameLeaf, ScalarLeaf, StaticLeaf
from hybrid.staging.tracing import Argument, Computed, Constant, Repeat, Traced, View, view_of

GIL_BYTES = 1 << 18  # traffic above which a call is long enough to let other Python threads run


class Compiled:
    """A trace and everything made from it. Stages are made when first asked for."""

    def __init__(self, traced: Traced, backend: str, reason: str):
        self.traced, self.backend, self.reason = traced, backend, reason
        self.calls = 0
        self.seconds: dict[str, float] = {}
        self.entry: entry.EntrySpec | None = None

    # stages -----------------------------------------------------------------------------------------------------------
    @cached_property
    def optimised(self) -> tuple[Graph, tuple[pipeline.Note, ...]]:
        if config.verify:
            verify(self.traced.graph)
        return self._timed("passes", lambda: pipeline.optimise(self.traced.graph))

    @property
    def graph(self) -> Graph:
        return self.optimised[0]

    @cached_property
    def lowered(self) -> Lowered:
        graph, strides = self.graph, self.strides
        writebacks = [(self.traced.visible + k, self._written(where)) for k, where in enumerate(self.traced.writes)]

        def make() -> Lowered:
            low = build(pipeline.group(graph, strides), strides, self.traced.visible, writebacks)
            if config.verify:
                from hybrid.loops.verify import verify as verify_loops

                for kernel in low.kernels:
                    verify_loops(kernel)
            return low

        return self._timed("lower", make)

    @cached_property
    def plan(self) -> Any:
        from hybrid.runtime.plan import Plan  # llvmlite is imported when something compiles, not with `import hybrid`

        return self._timed("compile", lambda: Plan(self.lowered, self.backend))

    def _timed(self, name: str, make: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        out = make()
        self.seconds[name] = time.perf_counter() - start
        return out

    @property
    def strides(self) -> dict[Var, Shape]:
        out: dict[Var, Shape] = {}
        for var, k in zip(self.traced.graph.inputs, self.traced.inputs):
            leaf = self.traced.leaves[k]
            if isinstance(leaf, ArrayLeaf) and leaf.element_strides is not None:
                out[var] = leaf.element_strides
        for var, array in self.traced.graph.constants:
            if not array.flags.c_contiguous and all(s >= 0 and s % array.itemsize == 0 for s in array.strides):
                out[var] = tuple(s // array.itemsize for s in array.strides)
        return out

    def _written(self, where: int | np.ndarray) -> Var:
        if isinstance(where, int):
            return self.traced.graph.inputs[self.traced.inputs.index(where)]
        return next(var for var, array in self.traced.graph.constants if array is where)

    # running from Python ----------------------------------------------------------------------------------------------
    def __call__(self, values: Sequence[Any]) -> Any:
        """Run on the leaves of one call, which must have this trace's key."""
        self.calls += 1
        traced = self.traced
        arrays = [self._input(traced.leaves[k], values[k]) for k in traced.inputs]
        outputs = self.plan.run(arrays) if traced.graph.outputs else []
        for where in traced.writes:
            if isinstance(where, int):
                leaf, given = traced.leaves[where], _data(values[where])
                if isinstance(leaf, ArrayLeaf) and not leaf.direct:
                    np.copyto(given, arrays[traced.inputs.index(where)])
        made: list[Any] = []
        for result in traced.results:
            made.append(self._give(result, values, outputs, made))
        return tree.unflatten(traced.structure, made)

    @staticmethod
    def _input(leaf: Leaf, value: Any) -> np.ndarray:
        if isinstance(leaf, ArrayLeaf):
            array = _data(value)
            return array if leaf.direct and array.flags.aligned else np.array(array, order="C")
        assert isinstance(leaf, (ScalarLeaf, NumberLeaf))
        return np.asarray(value, leaf.dtype)

    @staticmethod
    def _give(result: Any, values: Sequence[Any], outputs: list[np.ndarray], made: list[Any]) -> Any:
        if isinstance(result, Computed):
            out = outputs[result.index]
            if result.kind == "tensor":
                return wrap(out)
            return out if result.kind == "ndarray" else out[()] if result.kind == "scalar" else out.item()
        if isinstance(result, Argument):
            return values[result.index]
        if isinstance(result, Repeat):
            return made[result.index]
        if isinstance(result, View):
            base = _data(values[result.base]) if isinstance(result.base, int) else result.base
            out = view_of(base, result.chain)
            return wrap(out) if result.kind == "tensor" else out
        assert isinstance(result, Constant)
        return result.value.copy() if result.copy else result.value

    # the native entry -------------------------------------------------------------------------------------------------
    def make_entry(self, positional: int, keywords: tuple[str, ...], flat: bool) -> tuple[entry.EntrySpec, Any] | None:
        """The entry for calls of this form and its loaded module; None where only Python can make the call.

        Args:
            positional: how many leaves come by position; the rest by keyword.
            keywords: names of those, in order.
            flat: every argument is one leaf.
        """
        if not flat or self.backend != "llvm" or not entry.supported():
            return None
        spec = self._spec(keywords)
        if spec is None:
            return None
        from hybrid.runtime import native
        from hybrid.runtime.plan import Plan

        segment = self.lowered.steps[0]
        assert isinstance(segment, Segment)

        def load() -> Any:
            text = entry.emit_entry(spec, segment.name)
            return native.emit(self.lowered, extra=text, exports=(entry.ENTRY,), imports=entry.imports(spec)).load()

        module = self._timed("compile", load)
        self.__dict__["plan"] = Plan(self.lowered, self.backend, module)  # the same machine code serves calls from Python
        self.entry = spec
        return spec, module

    def _spec(self, keywords: tuple[str, ...]) -> entry.EntrySpec | None:
        traced, lowered = self.traced, self.lowered
        if len(lowered.steps) != 1 or not isinstance(lowered.steps[0], Segment) or lowered.steps[0].symbols:
            return None
        guards = [_guard(leaf, k in traced.writes) for k, leaf in enumerate(traced.leaves)]
        order: dict[int, int] = {}
        results = [_entry_result(r, lowered, order) for r in traced.results]
        if None in guards or any(r is None for r in results):
            return None
        slots = self._slots(lowered.steps[0], order)
        if slots is None:
            return None
        from hybrid.runtime.plan import fail

        moved = sum(int(lowered.types[name][1]) * lowered.types[name][0].itemsize for name in lowered.steps[0].buffers)  # type: ignore[arg-type]
        return entry.EntrySpec(
            guards=tuple(guards), results=tree.unflatten(traced.structure, results), slots=slots, keywords=keywords, arena=lowered.arena_size,
            written=tuple(traced.writes), release_gil=moved > GIL_BYTES, tensor=_layout(), on_error=fail,
        )  # fmt: skip

    def _slots(self, segment: Segment, order: dict[int, int]) -> tuple[tuple[str, Any], ...] | None:
        """Where each buffer of the segment comes from."""
        traced, lowered = self.traced, self.lowered
        where: dict[str, tuple[str, Any]] = {}
        for var, k in zip(lowered.graph.inputs, traced.inputs):
            where[lowered.names[var]] = ("arg", k)
        for var, array in lowered.graph.constants:
            if not array.flags.c_contiguous and var not in self.strides:
                return None
            where[lowered.names[var]] = ("const", array)
        for k, name in enumerate(lowered.outputs):
            if k not in order:
                return None
            where[name] = ("result", order[k])
        where.update((name, ("arena", offset)) for name, offset in lowered.arena.items())
        return tuple(where[name] for name in segment.buffers)


def _data(value: Any) -> np.ndarray:
    return value._data if isinstance(value, Value) else value


def _layout() -> entry.TensorLayout:
    return entry.TensorLayout(type(wrap(np.empty(0))), "_data", {})


def _guard(leaf: Leaf, written: bool) -> Any:
    if isinstance(leaf, ArrayLeaf):
        if not leaf.direct:
            return None
        return entry.ArrayGuard(leaf.dtype, leaf.shape, leaf.strides, leaf.tensor, written)
    if isinstance(leaf, NumberLeaf):
        return entry.FloatGuard() if leaf.python is float else entry.ComplexGuard()
    if isinstance(leaf, SameLeaf):
        return entry.AliasGuard(leaf.index)
    if isinstance(leaf, StaticLeaf):
        if leaf.python is int:
            return entry.IntGuard(leaf.value) if -(2**63) <= leaf.value < 2**63 else None
        if leaf.value is None or leaf.python is bool or leaf.key == ("object", id(leaf.value)):
            return entry.SameGuard(leaf.value)
        if leaf.python is str:
            return entry.SameGuard(leaf.value)
    return None


def _entry_result(result: Any, lowered: Lowered, order: dict[int, int]) -> Any:
    """The entry's form of a result; `order` numbers the arrays it allocates."""
    if isinstance(result, Computed):
        if result.kind == "python" or result.index in order:
            return None
        var = lowered.program.outputs[result.index]
        order[result.index] = len(order)
        return entry.ArrayResult(var.type.dtype, var.type.shape, result.kind)
    if isinstance(result, Argument):
        return entry.ArgumentResult(result.index)
    if isinstance(result, Constant) and not result.copy:
        return entry.ObjectResult(result.value)
    return None
