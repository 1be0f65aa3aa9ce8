"""Looking inside a decorated function: every stage as text, what happened and why, and what it cost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core.config import config
from hybrid.core.errors import CompileError
from hybrid.frontend.values import Value
from hybrid.ir.graph import Graph, run
from hybrid.passes.fuse import Group, HostCall

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled
    from hybrid.staging.function import Function


class Inspection:
    """The methods of a decorated function that show its stages. Each takes the arguments of a call and traces it if need be."""

    _find: Callable[[tuple, dict], Any]
    _fallbacks: dict[Any, str]
    _traces: Any
    _log: list[str]
    function: Callable

    def _compiled(self, args: tuple, kwargs: dict) -> tuple[Compiled, list]:
        found = self._find(args, kwargs)
        if found is None:
            reason = next(reversed(self._fallbacks.values()), "it is being traced by another function")
            raise CompileError("this call is not compiled", got=reason, fix="f.eager(...) runs it as plain Python")
        return found

    def trace(self, *args: Any, **kwargs: Any) -> Graph:
        """The graph of this call before any pass."""
        return self._compiled(args, kwargs)[0].traced.graph

    def graph(self, *args: Any, **kwargs: Any) -> Graph:
        """The graph of this call after simplification."""
        return self._compiled(args, kwargs)[0].graph

    def loops(self, *args: Any, **kwargs: Any) -> str:
        """The fused kernels of this call as loops."""
        return str(self._compiled(args, kwargs)[0].lowered)

    def numba(self, *args: Any, **kwargs: Any) -> str:
        """The kernels of this call as Numba source, which runs as it stands."""
        from hybrid.codegen.python import emit

        return "\n\n".join(emit(kernel, numba=True) for kernel in self._compiled(args, kwargs)[0].lowered.kernels)

    def llvm(self, *args: Any, **kwargs: Any) -> str:
        """The kernels of this call as LLVM IR, before LLVM's own passes."""
        from hybrid.runtime import native

        return native.emit(self._compiled(args, kwargs)[0].lowered).text

    def asm(self, *args: Any, **kwargs: Any) -> str:
        """The machine code of this call's kernels, as assembly."""
        from hybrid.codegen.target import host
        from hybrid.runtime import engine, native

        return engine.assembly(native.emit(self._compiled(args, kwargs)[0].lowered).text, host())

    def stats(self) -> dict[str, Any]:
        """Counts over all traces: traces, calls, kernels, host calls, seconds spent compiling."""
        traces = list(self._traces.values())
        return {
            "traces": len(traces),
            "calls": sum(c.calls + (c.entry.calls if c.entry else 0) for c in traces),
            "native_calls": sum(c.entry.calls for c in traces if c.entry),
            "kernels": sum(len(c.lowered.work) for c in traces),
            "host_calls": sum(len(c.lowered.host_calls) for c in traces),
            "compile_seconds": sum(sum(c.seconds.values()) for c in traces),
            "fallbacks": list(dict.fromkeys(self._fallbacks.values())),
        }

    def explain(self) -> str:
        """What was traced and why, what was fused, what runs on the host, and what runs as plain Python."""
        name = getattr(self.function, "__qualname__", "function")
        traces = list(self._traces.values())
        lines = [f"{name}: traced {len(traces)} time{'s' if len(traces) != 1 else ''}"]
        for k, compiled in enumerate(traces):
            lowered = compiled.lowered
            signature = ", ".join(map(str, compiled.traced.leaves))
            lines.append(f"  trace {k + 1} ({compiled.reason}): {name}({signature})")
            before, after = len(compiled.traced.graph.eqns), len(compiled.graph.eqns)
            lines.append(f"    {before} equations, {after} after simplification, {len(lowered.work)} kernel{'s' if len(lowered.work) != 1 else ''}")
            for step in lowered.program.steps:
                lines.append(f"    {_step(step)}")
            if compiled.traced.writes:
                lines.append(f"    writes into {len(compiled.traced.writes)} of its arguments or captured arrays")
            how = "native entry" if compiled.entry else "called through Python"
            lines.append(f"    {how}; compiled in {1e3 * sum(compiled.seconds.values()):.1f} ms")
        lines += [f"  runs as plain Python: {reason}" for reason in dict.fromkeys(self._fallbacks.values())]
        return "\n".join(lines)

    def verify(self, *args: Any, **kwargs: Any) -> str:
        """Run this call eagerly and compiled, and compare; arguments are copied, so writes are not seen by the caller.

        Returns:
            A sentence saying that they agree.

        Raises:
            CompileError: naming the first operation whose value differs, with the user's line.
        """
        compiled, values = self._compiled(args, kwargs)
        arrays = [compiled._input(compiled.traced.leaves[k], _copy(values[k])) for k in compiled.traced.inputs]
        expected = run(compiled.traced.graph, arrays)
        got = compiled.plan.run([a.copy() for a in arrays])
        for k, array in enumerate(got):
            atom = compiled.traced.graph.outputs[k]
            want = np.asarray(expected[atom] if atom in expected else atom.value)  # type: ignore[index,union-attr]
            if not close(array, want):
                where = _first_difference(self, compiled, arrays, expected)
                raise CompileError(f"result {k} differs between eager and compiled", got=_difference(array, want), at=where)
        return f"{len(got)} results agree"

    def dot(self, *args: Any, **kwargs: Any) -> str:
        """The graph of this call in Graphviz's language."""
        from hybrid.staging.pictures import dot

        return dot(self._compiled(args, kwargs)[0].lowered)

    def html(self, *args: Any, **kwargs: Any) -> str:
        """A page that shows the source, graph, kernels and machine code of this call side by side; save it and open it."""
        from hybrid.staging.pictures import html

        return html(self, self._compiled(args, kwargs)[0], args, kwargs)


def _copy(value: Any) -> Any:
    data = value._data if isinstance(value, Value) else value
    return np.array(data) if isinstance(data, np.ndarray) else data


def _step(step: Any) -> str:
    if isinstance(step, HostCall):
        where = f" at {step.eqn.source}" if step.eqn.source else ""
        return f"host call {step.eqn.primitive.name}{where}: {step.eqn.primitive.reason or 'its dtype has no loops'}"
    if isinstance(step, Group):
        return f"kernel over {list(step.outer_shape)}: " + ", ".join(s.eqn.primitive.name if s.eqn else "elementwise" for s in step.stages)
    return f"BLAS {step.eqn.primitive.name} at {step.eqn.source}"


def close(got: np.ndarray, want: np.ndarray) -> bool:
    """Equal up to what reordering a sum may change; exactly equal for integers and booleans."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return False
    if got.dtype.kind in "biu":
        return bool(np.array_equal(got, want))
    wide = np.complex128 if got.dtype.kind == "c" else np.float64
    a, b = got.astype(wide), want.astype(wide)
    eps = {2: 2e-2, 4: 1e-4, 8: 1e-9 if got.dtype.kind == "f" else 1e-4, 16: 1e-9}[got.dtype.itemsize]
    scale = np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
    return bool(np.allclose(a, b, rtol=eps, atol=eps * 1e-2 * scale, equal_nan=True))


def _difference(got: np.ndarray, want: np.ndarray) -> str:
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{list(got.shape)} compiled, {want.dtype}{list(want.shape)} eager"
    bad = np.unravel_index(np.argmax(np.abs(np.nan_to_num(got.astype(float) - want.astype(float)))), got.shape or (1,))
    place = tuple(int(i) for i in bad)[: got.ndim]
    return f"{got[place]} compiled, {want[place]} eager, at index {place}"


def _first_difference(f: Any, compiled: Compiled, arrays: list[np.ndarray], expected: dict) -> str:
    """The first equation whose value differs when it is asked for as a result of its own."""
    from hybrid.passes.pipeline import group
    from hybrid.runtime.plan import Plan
    from hybrid.runtime.program import build

    graph = compiled.traced.graph
    for eqn in graph.eqns:
        part = graph.replace(outputs=eqn.outputs)
        got = Plan(build(group(part, compiled.strides), compiled.strides), compiled.backend).run(arrays)
        if not all(close(a, np.asarray(expected[v])) for a, v in zip(got, eqn.outputs)):
            return f"{eqn.primitive.name} at {eqn.source}: {eqn.source.text if eqn.source else ''}"
    return "none alone: only the fused kernels differ"


def announce(f: Function, compiled: Compiled) -> None:
    """The HYBRID_DEBUG ladder: 1 calls · 2 kernels and times · 3 graph · 4 loops · 5 LLVM · 6 every pass."""
    out = sys.stderr
    name = getattr(f.function, "__qualname__", "function")
    signature = ", ".join(map(str, compiled.traced.leaves))
    print(f"hybrid: traced {name}({signature}): {compiled.reason}", file=out)
    if config.debug >= 2:
        times = ", ".join(f"{k} {1e3 * s:.1f} ms" for k, s in compiled.seconds.items())
        print(f"hybrid: {len(compiled.lowered.work)} kernels; {times}", file=out)
    if config.debug >= 6:
        for note in compiled.optimised[1]:
            print(f"hybrid: {note}\n{note.graph}", file=out)
    elif config.debug >= 3:
        print(compiled.graph, file=out)
    if config.debug >= 4:
        print(compiled.lowered, file=out)
    if config.debug >= 5:
        from hybrid.runtime import native

        print(native.emit(compiled.lowered).text, file=out)


