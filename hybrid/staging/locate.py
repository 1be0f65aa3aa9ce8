"""The first operation at which compiled code and the graph, evaluated op by op, part; in loops, the round."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core.shape import Shape
from hybrid.ir.graph import Eqn, Graph, Source, Var, apply, evaluate, observed, read, run, sizes_of, symbols_of
from hybrid.ir.rebuild import specialised

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled

ALONE = 300  # operations that are compiled one by one, where none differs when all are asked for at once
SHOWN = 3  # operands a report shows


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation whose compiled result is not what its definition gives."""

    name: str
    source: Source | None
    what: str
    operands: tuple[Any, ...]
    rounds: tuple[int, ...] = ()

    def __str__(self) -> str:
        at = f" at {self.source}: {self.source.text}" if self.source else ""
        turn = f", in round {', '.join(map(str, self.rounds))}" if self.rounds else ""
        shown = "".join(f"\n  operand:  {_short(x)}" for x in self.operands[:SHOWN])
        return f"first in {self.name}{at}{turn}\n  gives:    {self.what}{shown}"


def first(compiled: Compiled, fresh: Callable[[], list[np.ndarray]]) -> tuple[Operation | None, str]:
    """The operation, or why none can be named. `fresh` gives the inputs of a call, each time as new copies."""
    arrays = fresh()
    traced = compiled.traced
    try:
        expected = evaluate(traced.graph, *arrays)
    except Exception as error:
        return None, f"op by op the graph raises {type(error).__name__}, as it should: compiled code misses it"
    found = _Seeker(compiled.backend).first(traced.graph, arrays)
    if found is not None:
        return found, ""
    with _restored(compiled):
        mine = fresh()
        got = compiled.plan.run(mine) if traced.graph.outputs else []
        got += [mine[traced.inputs.index(w)] if isinstance(w, int) else w.copy() for w in traced.writes]
    if all(close(np.asarray(a), np.asarray(b)) for a, b in zip(got, expected)):
        return None, "compiled code does what the graph says: the trace itself is wrong; please report it"
    return None, "no operation alone: only the fused kernels differ"


class _restored:
    """What a compiled call writes into captured arrays is undone."""

    def __init__(self, compiled: Compiled):
        self.arrays = [w for w in compiled.traced.writes if isinstance(w, np.ndarray)]

    def __enter__(self) -> None:
        self.before = [a.copy() for a in self.arrays]

    def __exit__(self, *error: object) -> None:
        for array, before in zip(self.arrays, self.before):
            np.copyto(array, before)


class _Seeker:
    def __init__(self, backend: str):
        self.backend = backend

    def first(self, graph: Graph, arrays: Sequence[Any], rounds: tuple[int, ...] = ()) -> Operation | None:
        graph = specialised(graph, sizes_of(graph, arrays))
        env, known = _execution(graph, arrays)
        candidates = [eqn for eqn in graph.eqns if eqn.outputs and not any(symbols_of(var.type) for var in eqn.outputs)]
        outputs = [var for eqn in candidates for var in eqn.outputs]
        together = self.values(graph, outputs, arrays)
        for eqn in candidates if together is not None else ():
            assert together is not None
            if any(not close(together[var], np.asarray(env[var])) for var in eqn.outputs):
                return self.within(eqn, env, known, together, rounds)
        for eqn in candidates[:ALONE]:
            alone = self.values(graph, eqn.outputs, arrays)
            if alone is not None and any(not close(alone[var], np.asarray(env[var])) for var in eqn.outputs):
                return self.within(eqn, env, known, alone, rounds)
        return None

    def values(self, graph: Graph, outputs: Sequence[Var], arrays: Sequence[Any]) -> dict[Var, Any] | None:
        """What compiled code gives for some values of a graph; None where they have no compiled form of their own."""
        from hybrid.passes.pipeline import group, optimise
        from hybrid.runtime.plan import Plan
        from hybrid.runtime.program import build

        strides = {var: _strides(array) for var, array in graph.constants if not array.flags.c_contiguous}
        try:
            part = optimise(graph.replace(outputs=tuple(outputs)))[0]
            plan = Plan(build(group(part, strides), strides), self.backend)
            mine = [np.array(a, order="C", copy=True) for a in arrays]
            return dict(zip(outputs, plan.run(mine), strict=True))
        except Exception:  # a part of a program need not be one that compiles, or may fail where the whole hands over to Python
            return None

    def within(self, eqn: Eqn, env: Mapping[Var, Any], known: Mapping[str, int], got: Mapping[Var, Any],
               rounds: tuple[int, ...]) -> Operation:  # fmt: skip
        """The operation itself, or the one inside a branch or loop."""
        operands = [np.asarray(read(env, atom)) for atom in eqn.inputs]
        inner = None
        if eqn.primitive.body == "cond":
            branch = eqn.params["then" if operands[0] else "orelse"]
            inner = self.first(specialised(branch, known), operands[1:], rounds=rounds)
        elif eqn.primitive.body == "loop":
            inner = self.in_loop(eqn, operands, known, rounds)
        if inner is not None:
            return inner
        wrong = next(var for var in eqn.outputs if not close(got[var], np.asarray(env[var])))
        what = difference(got[wrong], np.asarray(env[wrong]), "op by op")
        return Operation(eqn.primitive.name, eqn.source, what, tuple(operands), rounds)

    def in_loop(
        self, eqn: Eqn, operands: list[np.ndarray], known: Mapping[str, int], rounds: tuple[int, ...]
    ) -> Operation | None:
        """The operation in the first round after which the state differs."""
        params = {name: specialised(value, known) for name, value in eqn.params.items()}
        carried, count = params["carried"], params["count"]

        def state(number: int) -> list[np.ndarray]:
            return [np.asarray(x) for x in eqn.primitive.eval(*operands, **{**params, "count": number})]

        def differs(number: int) -> bool:
            graph, outputs = _application(eqn, {**params, "count": number})
            got = self.values(graph, outputs, operands)
            return got is not None and any(not close(got[var], want) for var, want in zip(outputs, state(number)))

        high = 1
        while not differs(high):
            if (count is not None and high >= count) or high > 1 << 20:
                return None
            high = min(2 * high, count) if count is not None else 2 * high
        low = high // 2  # the state agrees after `low` rounds
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if differs(middle) else (middle, high)
        body = specialised(params["body"], {**known, params["symbol"]: high - 1})
        fixed = operands[carried:]
        turn = (*rounds, high - 1)
        inner = self.first(body, [*(state(high - 1) if high > 1 else operands[:carried]), *fixed], rounds=turn)
        if inner is not None:
            return inner
        graph, outputs = _application(eqn, {**params, "count": high})
        got, want = self.values(graph, outputs, operands), state(high)
        assert got is not None
        k = next(k for k, var in enumerate(outputs) if not close(got[var], want[k]))
        return Operation("loop", eqn.source, difference(got[outputs[k]], want[k], "op by op"), tuple(operands), turn)


def _application(eqn: Eqn, params: dict[str, Any]) -> tuple[Graph, tuple[Var, ...]]:
    """One equation as a graph of its own."""
    inputs = tuple(Var(atom.type) for atom in eqn.inputs)
    outputs = tuple(Var(var.type) for var in eqn.outputs)
    return Graph("part", inputs, (Eqn(eqn.primitive, inputs, params, outputs, eqn.source),), outputs), outputs


def _execution(graph: Graph, arrays: Sequence[Any]) -> tuple[dict[Var, Any], dict[str, int]]:
    """Every value of a graph evaluated op by op, and what its size symbols stand for."""
    known: dict[str, int] = {}

    def look(eqn: Eqn, operands: Sequence[Any], within: Graph, values: Mapping[Var, Any]) -> tuple:
        if within is graph and eqn.primitive.body == "bind":
            known[eqn.params["symbol"]] = int(operands[0])
        return apply(eqn, operands)

    with observed(look):
        return run(graph, arrays), known


def _strides(array: np.ndarray) -> Shape:
    return tuple(step // array.itemsize for step in array.strides)


# values ---------------------------------------------------------------------------------------------------------------
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


def difference(got: np.ndarray, want: np.ndarray, other: str) -> str:
    """Where two arrays are furthest apart."""
    if got.dtype != want.dtype or got.shape != want.shape:
        return f"{got.dtype}{list(got.shape)} compiled, {want.dtype}{list(want.shape)} {other}"
    wide = np.complex128 if got.dtype.kind == "c" else np.float64
    with np.errstate(all="ignore"):
        # A NaN or an infinity on one side only is as far apart as can be.
        apart = np.nan_to_num(np.abs(got.astype(wide) - want.astype(wide)), nan=np.inf, posinf=np.inf)
    apart = np.where((got == want) | ((got != got) & (want != want)), 0, apart)
    place = tuple(int(i) for i in np.unravel_index(np.argmax(apart), got.shape)) if got.ndim else ()
    where = f", at index {place}" if place else ""
    return f"{got[place]} compiled, {want[place]} {other}{where}"


def _short(x: np.ndarray) -> str:
    if not x.ndim:
        return str(x)
    numbers = ", ".join(map(str, x.ravel()[:4])) + (", ..." if x.size > 4 else "")
    return f"{x.dtype}{list(x.shape)}: {numbers}"
