"""The texts behind `f.explain()` and HYBRID_DEBUG: what became of each line."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybrid.core import jitted, tree
from hybrid.core.config import config
from hybrid.core.shape import Shape, product
from hybrid.ir.graph import Atom, Eqn, Var, bodies, has_effects
from hybrid.ir.primitive import Kind
from hybrid.loops.nest import Call
from hybrid.ops.draw import bitgen
from hybrid.ops.island import island
from hybrid.passes.fuse import FEW_ROWS, ROW_LIMIT
from hybrid.passes.pipeline import disabled
from hybrid.passes.steps import Bind, Group, HostCall, MatMul, Procedure, Stage, number
from hybrid.runtime.profile import Profile
from hybrid.runtime.program import title
from hybrid.staging import listing, unrolled
from hybrid.staging.signature import ArrayLeaf, SameLeaf

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled
    from hybrid.staging.function import Function


def calls(compiled: Compiled) -> int:
    return compiled.calls + compiled.native_calls


# explain --------------------------------------------------------------------------------------------------------------
def explanation(f: Any) -> str:
    """The text of `f.explain()`."""
    name = getattr(f.function, "__qualname__", "function").rpartition("<locals>.")[2]
    traces = sorted(f.traces, key=lambda compiled: compiled.number)  # as they were made, not as they were used
    if traces:
        lines = [f"{name}: traced {_times(len(traces))}, called {_times(sum(calls(c) for c in traces))}"]
    else:
        lines = [f"{name}: {'no trace' if config.jit else 'no trace, since hybrid.config.jit is off'}"]
    for k, compiled in enumerate(traces):
        structure = compiled.traced.arguments
        lines.append(f"trace {k + 1}: {name}({signature(f, structure, compiled)})")
        lines.append(f"  reason    {compiled.reason}")
        lines += [f"  {line}" for line in _body(f, structure, compiled)]
    lines += [f"sizes are numbers: {reason}" for reason in f._sizes.fixed()]
    lines += [f"integers are parts of the code: {reason}" for reason in f._sizes.constant()]
    lines += [f"left to Python, which is quicker: {times}" for times in f.paces or ()]
    lines += [f"runs as plain Python: {reason}" for reason in dict.fromkeys(f._fallbacks.values())]
    lines += [f"some calls run as plain Python: {reason}" for reason in f._passing if reason not in f._fallbacks.values()]
    return "\n".join(lines)


def signature(f: Any, structure: tree.Structure, compiled: Compiled) -> str:
    """The arguments of a trace by name and type."""
    names = f.parameters.names(structure)
    return ", ".join(
        f"{name} is {names[leaf.index]}" if isinstance(leaf, SameLeaf) else f"{name}: {leaf}"
        for name, leaf in zip(names, compiled.traced.leaves)
    )


def _body(f: Any, structure: tree.Structure, compiled: Compiled) -> Iterator[str]:
    lowered = compiled.lowered
    counts = (
        (len(lowered.work) - len(lowered.products), "kernel"),
        (len(lowered.products), "BLAS call"),
        (len(host_calls(lowered)), "host call"),
    )
    made = ", ".join(_plural(n, what) for n, what in counts if n) or "nothing to compute"
    before, after = len(compiled.traced.graph.eqns), len(compiled.graph.eqns)
    yield f"{_plural(before, 'equation')}, {after} after simplification: {made}"
    yield from steps(lowered)
    for call in lowered.inner_calls:
        cost = f" ({call.cost})" if call.cost.count else ""
        what = f"NumPy computes {call.name} where {call.only}" if call.only else f"host call in a loop: {call.name}{cost}"
        if call.native is not None:
            what = f"machine code calls {_called(call)}"
        yield f"{what}{f' at {call.source}' if call.source else ''}"
    told = Counter(compiled.traced.islands)  # several of one line, where a loop is written out
    yield from (f"island    {call}{'' if times == 1 else f' ({times} of these calls)'}" for call, times in told.items())
    yield from (f"unrolled  {loop}" for loop in unrolled.rows(compiled.traced.unrolled))
    yield from (f"note      {note}" for note in compiled.traced.notes)
    if compiled.traced.writes:
        names = f.parameters.names(structure)
        written = [f"`{names[w]}`" if isinstance(w, int) else "a captured array" for w in compiled.traced.writes]
        yield f"writes    {', '.join(dict.fromkeys(written))}"
    alone = compiled.within or any(made and not made[0].only_recognises for made in compiled.entries.values())
    native = f"{compiled.native_calls} by machine code alone, " if alone else ""
    why = "" if native else f": {_through_python(compiled, structure)}"
    yield f"calls     {native}{compiled.calls} through Python{why}"
    yield "times     " + ", ".join(f"{stage} {1e3 * s:.1f} ms" for stage, s in compiled.seconds.items())


def _called(call: Call) -> str:
    """What C function a call in machine code goes to."""
    function = call.native.function if call.native is not None else call.name
    if function.startswith(jitted.PREFIX):
        return f"{jitted.known(function).name}, compiled by Numba"
    return f"NumPy's {function.removeprefix('numpy.')}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def host_calls(lowered: Any) -> list[Any]:
    """What NumPy computes between kernels; it is only asked where a generator keeps its bits."""
    return [step for step in lowered.host_calls if step.eqn.primitive is not bitgen]


def steps(lowered: Any) -> list[str]:
    """Each kernel, BLAS call and host call: its name, the user's lines, what it does, why it is apart from those it reads."""
    rows: list[tuple[str, str, str]] = []
    homes: dict[Var, tuple[str, Group]] = {}
    for name, step, eqns in parts(lowered):
        rows.append((name, lines_of(eqns) or "-", _what(step, eqns)))
        if isinstance(step, Group):
            for before, group in dict.fromkeys(homes[var] for var in step.reads if var in homes):
                rows.append(("", "", f"apart from {before}: {_apart(group, step)}"))
            homes.update((var, (name, step)) for var in step.results)
    wide = [max((len(row[k]) for row in rows), default=0) for k in (0, 1)]
    return [f"{name:<{wide[0]}}  {at:<{wide[1]}}  {what}" for name, at, what in rows]


def _apart(first: Group, then: Group) -> str:
    """Why a kernel that reads another's result is not one with it, from the conditions of fusion."""
    if "fuse" in disabled():
        return "fusion is switched off"
    if first.alone or then.alone:
        return "a reduction over leading axes, or a write, has loops of its own"
    stages = (*first.stages, *then.stages)
    ranks = {len(stage.shape) for stage in stages if stage.reduces}
    if len(ranks) != 1 or len({stage.shape[: max(ranks)] for stage in stages}) > 1:
        return "their loops do not align"
    rows = number(product(stages[0].shape[: ranks.pop()]))
    row = max(number(product(_extent(stage))) for stage in stages) // max(rows, 1)
    if row > ROW_LIMIT:
        return f"rows of {row} elements leave the cache before they are read again"
    return f"{_plural(rows, 'row')} cannot keep the processors busy" if rows < FEW_ROWS else "a value is read at several places"


def _extent(stage: Stage) -> Shape:
    """Everything a stage loops over, reduced axes included."""
    return stage.eqn.inputs[0].type.shape if stage.reduces and stage.eqn else stage.shape


def parts(lowered: Any) -> Iterator[tuple[str, Any, list[Eqn]]]:
    """Name, step and equations of everything that runs, in order; copies into written arrays have no step."""
    producers = lowered.graph.producers
    work = {w.name: w for w in lowered.work}
    count = 0
    for step in lowered.program.steps:
        if isinstance(step, Bind) or (isinstance(step, HostCall) and not step.spelled):
            called = "bits" if isinstance(step, HostCall) and step.eqn.primitive is bitgen else "host"
            yield called if isinstance(step, HostCall) else "size", step, _covered(step, producers)
            continue
        made = work.pop(f"{'g' if isinstance(step, MatMul) else 'k'}{count}", None)
        count += 1
        if made is not None:  # results without elements need no kernel
            yield title(made), step, _covered(step, producers)
    for copy in work.values():
        yield title(copy), None, []


def _covered(step: Any, producers: dict[Var, Eqn]) -> list[Eqn]:
    """The equations a step computes, from what it stores up to what it reads."""
    if isinstance(step, (HostCall, Bind)):
        return [step.eqn]
    if isinstance(step, Procedure):
        return [*step.binds, step.eqn]
    if isinstance(step, MatMul):
        roots: list[tuple[list[Atom], set[Var]]] = [([*step.eqn.outputs], set(step.operands))]
    else:
        roots = []
    group = step.epilogue if isinstance(step, MatMul) else step
    for stage in group.stages if group else ():
        roots.append(([stage.atom] if stage.eqn is None else [*stage.eqn.outputs], {var for var, _ in stage.reads}))
    found: set[Eqn] = set()
    for stack, ends in roots:
        while stack:
            atom = stack.pop()
            if isinstance(atom, Var) and atom not in ends and atom in producers and producers[atom] not in found:
                found.add(producers[atom])
                stack.extend(producers[atom].inputs)
    return [eqn for eqn in dict.fromkeys(producers.values()) if eqn in found]


def lines_of(eqns: list[Eqn]) -> str:
    """`file.py:5-7, 9`, the user's lines behind these equations."""
    by_file: dict[str, set[int]] = {}
    for eqn in eqns:
        if eqn.source:
            by_file.setdefault(Path(eqn.source.file).name, set()).add(eqn.source.line)
    return ", ".join(f"{file}:{_ranges(sorted(lines))}" for file, lines in by_file.items())


def _ranges(lines: list[int]) -> str:
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def _what(step: Any, eqns: list[Eqn]) -> str:
    if step is None:
        return "copies a result into a written array"
    if isinstance(step, HostCall):
        if step.spelled:
            return step.eqn.title
        if step.eqn.primitive is bitgen:
            return "what one of NumPy's generators draws from"
        cost = f" ({step.cost})" if step.cost.count else ""
        if step.eqn.primitive is island:
            return f"{step.eqn.title} runs as Python{cost}: {step.eqn.primitive.reason}"
        library = "SciPy" if step.eqn.title.startswith("scipy.") else "NumPy"
        return f"{step.eqn.title} runs as {library}{cost}: {step.eqn.primitive.reason or 'its dtype has no loops'}"
    if isinstance(step, Bind):
        return f"a number becomes {step.symbol}, a size"
    if isinstance(step, MatMul):
        after = f", then {_ops([eqn for eqn in eqns if eqn is not step.eqn])} on its panels" if step.epilogue else ""
        return f"BLAS {' @ '.join(str(atom.type) for atom in step.eqn.inputs)}{after}"
    if isinstance(step, Procedure):
        inside = [eqn for body in bodies(step.eqn).values() for eqn in body.eqns]
        return f"{step.eqn.primitive.name} of {_ops(inside)}" if inside else step.eqn.primitive.name
    return f"{_ops(eqns)} over {list(max(map(_extent, step.stages), key=lambda shape: number(product(shape))))}"


def _ops(eqns: list[Eqn]) -> str:
    # Views cost nothing inside a kernel; they are worth a word where there is nothing else.
    computed = [eqn for eqn in eqns if eqn.primitive.kind is not Kind.VIEW] or eqns
    counts = Counter(eqn.primitive.name for eqn in computed)
    return ", ".join(name if count == 1 else f"{name} ×{count}" for name, count in counts.items()) or "copy"


def _through_python(compiled: Compiled, structure: tree.Structure) -> str:
    """Why this trace has no native entry."""
    traced = compiled.traced
    if compiled.backend != "llvm":
        return f"the {compiled.backend} back end"
    if has_effects(compiled.graph):
        return "it draws random numbers or prints"
    if compiled.reads.contents:
        return "it depends on the contents of an array"
    if traced.updates:
        return "it changes a container"
    if any(child.kind is not None for side in structure.children for child in side.children):
        return "arguments inside containers"
    if any(isinstance(leaf, ArrayLeaf) and not leaf.direct for leaf in traced.leaves):
        return "an array with negative or odd strides is copied first"
    return "the form of its arguments or results"


# HYBRID_DEBUG ---------------------------------------------------------------------------------------------------------
def announce(f: Function, compiled: Compiled) -> None:
    """What one new trace says: 1 calls · 2 kernels and times · 3 graph · 4 loops · 5 LLVM · 6 every pass."""
    level = config.debug
    structure = compiled.traced.arguments
    _say(f"traced {compiled.traced.graph.name}({signature(f, structure, compiled)}): {compiled.reason}")
    if level >= 2:
        for line in _body(f, structure, compiled):
            if not line.startswith("calls "):  # there were none yet
                _say(f"  {line}")
    if level >= 6:
        lowered = compiled.lowered
        for note in (*compiled.optimised[1], *lowered.program.notes):
            _say(str(note), note.result)
        _say(f"memory: {lowered.arena_size} bytes of arena", lowered.plan or None)
    elif level >= 3:
        _say("graph", compiled.graph)
    if level >= 4:
        _say("loops", compiled.lowered)
    if level >= 5:
        _say("LLVM", listing.llvm(compiled.lowered))


def say_call(f: Function, compiled: Compiled, run: Callable[[], Any]) -> Any:
    """Make a call and say which trace took it and how long; from level 2 on, how long each kernel."""
    number = sorted(f.traces, key=lambda known: known.number).index(compiled) + 1 if compiled in f.traces else 0
    with Profile() if config.debug >= 2 else contextlib.nullcontext() as profile:
        start = time.perf_counter()
        result = run()
        took = time.perf_counter() - start
    name = compiled.traced.graph.name
    _say(f"called {name}: trace {number}, {1e6 * took:.0f} µs", profile if profile and profile.events else None)
    return result


def say_plain(f: Function, reason: str) -> None:
    """Say that a call ran as plain Python."""
    _say(f"called {getattr(f.function, '__name__', 'a function')}: as plain Python, since {reason}")


def _say(headline: str, text: object = None) -> None:
    print(f"hybrid: {headline}" if text is None else f"hybrid: {headline}\n{text}", file=sys.stderr)
