"""One compiled trace: the graph through every stage, the plan that runs it from Python, and its native entry."""

from __future__ import annotations

import contextlib
import functools
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.control.arrays import of_columns
from hybrid.control.items import types_of, unpacked
from hybrid.core import tree
from hybrid.core.config import config
from hybrid.core.errors import TraceError
from hybrid.core.lazily import cached_property
from hybrid.core.shape import Dim, Shape
from hybrid.frontend.complex_parts import view_of
from hybrid.frontend.values import Value, wrap
from hybrid.ir import finite
from hybrid.ir.graph import Eqn, Graph, Var, bodies, evaluate, has_effects, sizes, symbols_of, walk
from hybrid.ir.requests import too_many
from hybrid.ir.verify import verify
from hybrid.staging import entry, guards
from hybrid.staging.arguments import SHARED
from hybrid.staging.containers import leaf_at, reached, structure_at
from hybrid.staging.drawing import Drawing
from hybrid.staging.fallback import Refusal
from hybrid.staging.floats import KEPT, Flagged, Watch
from hybrid.staging.herds import Leaving, meet
from hybrid.staging.instances import Objects, Stored, lists_of
from hybrid.staging.ours import is_met, meets, share_memory
from hybrid.staging.pace import FIRST, Counted, Paces, timed
from hybrid.staging.packed import Packed, given, packed
from hybrid.staging.parameters import Bound
from hybrid.staging.reads import Reads
from hybrid.staging.signature import ArrayLeaf, ListLeaf, NumberLeaf, PartLeaf, SameLeaf, ScalarLeaf, StaticLeaf, describe
from hybrid.staging.traced import (
    Argument,
    Computed,
    Constant,
    Held,
    Items,
    Path,
    Picked,
    Repeat,
    Result,
    Traced,
    View,
    assembled,
    taken,
)
from hybrid.staging.tracing import one_of

if TYPE_CHECKING:
    from hybrid.passes import pipeline
    from hybrid.passes.steps import Program
    from hybrid.runtime.program import Lowered
    from hybrid.staging.steps import Work

Made = tuple[entry.EntrySpec, Any]  # a native entry and its loaded module
Form = tuple[int, tuple[str, ...]]  # of a call: how many arguments come by position, and the names of the others
# Kernels of branches and loops in one program, each of which takes some 5 ms to compile, and equations in their bodies, 0.5 ms.
MANY_PROCEDURES = 320
MANY_INSIDE = 10_000
MANY_KERNELS, MANY_OPERATIONS = 400, 3000  # a program of more kernels and of more operations takes 10 s and more
MANY_DISTINCT = 32  # containers that a native entry compares with one another, where it changes one
GIL_BYTES = 1 << 18  # traffic above which a call is long enough to let other Python threads run
LENT_BYTES = 1 << 14  # the same where it sorts or factors matrices: an svd of 32 rows takes 0.2 ms
_numbers = itertools.count()  # of traces, in the order in which they are made


class Compiled(Counted):
    """A trace and everything made from it. Stages are made when first asked for."""

    def __init__(self, traced: Traced, reads: Reads, backend: str, reason: str, strict: bool = False,
                 paces: Paces | None = None):  # fmt: skip
        self.strict, self.paces, self.number = strict, paces, next(_numbers)
        self.traced, self.reads, self.backend, self.reason = traced, reads, backend, reason
        self.variants: tuple[Compiled, ...] = ()  # the same call, traced for other values of what the function reads
        self.cost = 0.0  # seconds to record and compile it
        self.calls = self.missed = 0  # missed: those that Python had to make after all
        self.seconds: dict[str, float] = {}
        self.entries: dict[Form, Made | None] = {}  # None: only Python can make such a call
        self.within: entry.Dispatcher | None = None  # behind entries that only recognise calls
        self.operation: Any = None  # what it is to a transform, and whether its results are anything to one: `staging.followed`
        self.returns_followed: bool | None = None
        self._seen_calls = 0
        self._native_before = 0  # of the calls by machine code, those before the last one that Python drove
        self.watch = Watch(bool(traced.writes) or has_effects(traced.graph), traced.heard)

    # stages -----------------------------------------------------------------------------------------------------------
    @cached_property
    def optimised(self) -> tuple[Graph, tuple[pipeline.Note, ...]]:
        if config.verify:
            verify(self.traced.graph)
        from hybrid.passes import pipeline  # what only compiling needs is imported then, not with `import hybrid`

        constructs = [eqn for eqn in self.traced.graph.eqns if bodies(eqn)]
        _refuse_many(constructs, 2, self.traced)  # as many may become one, and before passes take seconds
        return self._timed("passes", lambda: pipeline.optimise(self.traced.graph))

    @property
    def graph(self) -> Graph:
        return self.optimised[0]

    @cached_property
    def lowered(self) -> Lowered:
        from hybrid.passes import pipeline
        from hybrid.runtime.program import build

        graph, strides = self.graph, self.strides
        _refuse_many([eqn for eqn in graph.eqns if bodies(eqn)], 1, self.traced)  # grouping takes longer than all before it
        writebacks = [(self.traced.visible + k, self._written(where)) for k, where in enumerate(self.traced.writes)]

        def make() -> Lowered:
            program = pipeline.group(graph, strides)
            _refuse_interpreted(program, self.traced, self.strict)
            low = build(program, strides, self.traced.visible, writebacks)
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
    def refuses(self, values: Sequence[Any], bound: Bound) -> Refusal | None:
        """Why this one call must run as plain Python although the trace fits it, or None."""
        traced = self.traced
        arrays = {
            k: _data(v)
            for k, v in enumerate(values)
            if isinstance(v, (Value, np.ndarray)) and not isinstance(traced.leaves[k], (SameLeaf, PartLeaf, StaticLeaf))
        }
        arrays |= {-1 - k: array for k, (_, array) in enumerate(traced.graph.constants)}
        known = {where if type(where) is int else id(where) for where in traced.writes}
        written = [k for k, a in arrays.items() if (id(a) if k < 0 else k) in known]
        if is_met(written, arrays):
            return Refusal(None, SHARED)
        own = [array for x in values if type(x) is Packed for array in x.arrays()]
        if own and (meet(own) or meets(own, [*arrays.values(), *(read for _, read, _ in self.reads.contents)])):
            return Refusal(None, "an array that is an attribute of an object in a list shares memory with another array")
        if any(share_memory(arrays[w], read) for w in written for _, read, _ in self.reads.contents):
            return Refusal(None, "a written argument shares memory with an array that NumPy read while it was traced")
        held = [_at(bound, path) for path in traced.containers]
        held += [row for x in values if type(x) is Packed and x.changed and x.row is list for row in x.items]
        held += [vars(x) for x in held if type(getattr(x, "__dict__", None)) is dict]
        if traced.containers or traced.rebinds:
            held += [x.items for x in values if type(x) is Packed and not any(x.items is one for one in held)]
            held = held if traced.told_apart else list({id(x): x for x in held}.values())
            held += self._reached
        if len(set(map(id, held))) < len(held):
            return Refusal(None, "a container that is changed, or asked which it is, comes twice among the arguments")
        if any(one_of(values[k], traced.generators) is not known for k, known in traced.passed):
            return Refusal(None, "a random generator is an argument in some calls and not in others, and reached otherwise too")
        if traced.checks is not None:
            inputs = [taken(traced.leaves[k], values[k]) for k in traced.inputs]
            if not all(np.isfinite(number) for number in evaluate(traced.checks, *inputs)):
                return Refusal(None, "Python arithmetic of its numbers raises, or gives an infinity or a complex number")
        return None

    def __call__(self, values: Sequence[Any], bound: Bound) -> Any:
        """Run on the arguments of one call and their leaves, which must have this trace's key.

        Raises:
            Flagged: Python has to make this call, for what NumPy says of its floating-point errors.
        """
        self.calls += 1
        if self.paces is not None:
            before, self._native_before = self._native_before, self.native_calls
            self.paces.driven = before == self._native_before and self._as_python
        traced = self.traced
        arrays = [taken(traced.leaves[k], values[k]) for k in traced.inputs]
        if finite.wanted():
            finite.check(traced.graph, arrays)
        # Where there are no results, there may be assumptions.
        outputs, acts = self._run(arrays, values) if traced.graph.outputs or traced.graph.eqns else ([], ())
        for where in traced.writes:
            if isinstance(where, int):
                given, used = _data(values[where]), arrays[traced.inputs.index(where)]
                if used is not given:
                    np.copyto(given, used)
        out = self.finish(values, bound, outputs)
        for act in acts:
            act()
        return out

    def finish(self, values: Sequence[Any], bound: Bound, outputs: Sequence[np.ndarray]) -> Any:
        """What the call returns, from the results of the graph; containers among the arguments are updated."""
        traced = self.traced
        known = self.sizes_of(values) if traced.sizes else {}
        made: list[Any] = []
        objects = Objects(traced.stored, outputs, [given(values[k]) for k in lists_of(traced.stored).values()])
        known.update((symbol, int(outputs[index])) for symbol, index in traced.late.items())
        with sizes(known) if known else contextlib.nullcontext():
            for result in traced.results:
                made.append(self._give(result, values, bound, outputs, made, objects))
        return assembled(traced, [_at(bound, path) for path, _ in traced.updates], made)

    def sizes_of(self, values: Sequence[Any]) -> dict[str, int]:
        """What the symbols among the sizes of arguments stand for in a call."""
        known: dict[str, int] = {}
        for k in self.traced.inputs:
            leaf = self.traced.leaves[k]
            for size, found in zip(leaf.shape, _shape(values[k])) if isinstance(leaf, ArrayLeaf) else ():
                if isinstance(size, Dim):
                    known[next(iter(size.symbols))] = found
        return self.traced.all_sizes(known)

    def _run(self, arrays: list[np.ndarray], values: Sequence[Any]) -> tuple[list[np.ndarray], Sequence[Callable[[], Any]]]:
        """The plan's results, and what is to be done when nothing can fail any more.

        Where it fails, NumPy's generators are left as they were, for Python to draw the same.
        """
        if not self.draws.acts:
            return self._watched(arrays, True), ()
        held = self.watch.held
        with self.draws.during(values, keep=held) as acts:
            return self._watched(arrays, held or self.draws.fails), acts

    @property
    def _listed(self) -> set[Path]:
        """The lists of numbers among the arguments that are changed, of which the entry looks at each."""
        traced = self.traced
        paths = [path for path, nesting in traced.updates if nesting.kind is None]
        return {path for path in paths if isinstance(traced.leaves[leaf_at(traced.arguments, path)], ListLeaf)}

    @cached_property
    def _reached(self) -> tuple[Any, ...]:
        """The containers that the function reaches otherwise than by its arguments."""
        traced = self.traced
        return reached(self.reads.reads, (*traced.state, *(place for place, _ in traced.rebinds)))

    def _watched(self, arrays: list[np.ndarray], kept: bool) -> list[np.ndarray]:
        """The plan's results, unless Python has to repeat the call; `kept`: what the call does can be undone."""
        from hybrid.runtime.flags import Seen  # as the plan

        traced, watch, seen = self.traced, self.watch, Seen()
        written = [arrays[traced.inputs.index(w)] if isinstance(w, int) else w for w in traced.writes]
        keeps = watch.held or sum(array.nbytes for array in written) <= KEPT
        before = [array.copy() for array in written] if keeps else []
        outputs = self.plan.run(arrays, seen)
        undone = not watch.effects or (kept and len(before) == len(traced.writes))
        if not seen.flags:
            watch.passed()
            return outputs
        if watch.repeats(seen.flags, undone):
            for array, values in zip(written, before):
                np.copyto(array, values)
            raise Flagged(seen.flags)
        return outputs

    @cached_property
    def draws(self) -> Drawing:
        """What its calls do besides giving results."""
        return Drawing(self.graph)

    @classmethod
    def _give(
        cls, result: Result, values: Sequence[Any], bound: Any, outputs: Sequence[np.ndarray], made: list[Any], kept: Objects
    ) -> Any:
        match result:
            case Computed(index, kind, chain, otherwise):
                out = view_of(outputs[index], chain)
                if otherwise is not None and not outputs[otherwise[0]]:
                    other = otherwise[1]
                    return (
                        other(out.item()) if isinstance(other, type) else cls._give(other, values, bound, outputs, made, kept)
                    )
                if kind == "tensor":
                    return wrap(out)
                return out if kind == "ndarray" else out[()] if kind == "scalar" else out.item()
            case Picked(index, options):
                return options[int(outputs[index])]
            case Stored(index, kinds):
                return kept(kinds, outputs[index].reshape(1))[0]
            case Items(index, layout, array, make):
                first, end = int(outputs[index]), int(outputs[index + 1])
                pool = outputs[index + 2 + len(types_of(layout)) :]
                columns = [column[first:end] for column in outputs[index + 2 : index + 2 + len(types_of(layout))]]
                if type(make) is Leaving:
                    return make(columns, kept)
                if array is not False and (whole := of_columns(layout, columns, array)) is not None:
                    return whole
                items = unpacked(layout, iter(columns), end - first, pool, kept)
                if make is not None:
                    return make(items)
                return items if array is False else np.array(items, array)
            case Argument(index):
                return given(values[index])
            case Held(path):
                return _at(bound, path)
            case Repeat(index):
                return made[index]
            case View(base, chain, kind):
                out = view_of((_data(values[base]) if isinstance(base, int) else base)[...], chain)
                return wrap(out) if kind == "tensor" else out
            case Constant(value, copy):
                return value.copy() if copy else value
        return result

    # the native entry -------------------------------------------------------------------------------------------------
    @property
    def native_calls(self) -> int:
        """Calls that machine code made."""
        within = sum(spec.calls for spec in self.within.specs) if self.within else 0
        return within + sum(made[0].calls for made in self.entries.values() if made and not made[0].only_recognises)

    def used_natively(self) -> bool:
        """Whether an entry took a call since this was last asked."""
        before, self._seen_calls = self._seen_calls, sum(made[0].calls for made in self.entries.values() if made)
        return self._seen_calls > before

    def refresh(self) -> None:
        """Let native entries know of new objects that mean what the trace read: an equal float, say, under the same name."""
        for made in self.entries.values():
            if made:
                guards.refresh(made[0])

    def make_entry(self, form: Form, order: tuple[int, ...]) -> Made | None:
        """The entry for calls of this form and its loaded module; None where only Python can make the call.

        Args:
            form: how many arguments come by position, and the names of the others in the order of the call.
            order: the leaf that each of them is.
        """
        spec = self._spec(form[1], order) if self.backend == "llvm" and entry.supported() else None
        self.entries[form] = None
        if spec is None:
            return None
        self.entries[form] = made = self._loaded(spec)
        self.grant(FIRST)
        if spec.only_recognises and self.within is None:
            self._make_within()
        return made

    def _loaded(self, spec: entry.EntrySpec) -> Made:
        from hybrid.runtime import native

        text, names = entry.emit_entry(spec, "segment0"), tuple(segment.name for segment in self.lowered.segments)
        below = self.plan.module
        module = self._timed("entry", lambda: native.load_glue(text, entry.ENTRY, entry.imports(spec), names, below))
        self.watch.tables.append(spec.table.words)
        self.watch.sync()
        return spec, module

    def _spec(self, keywords: tuple[str, ...], order: tuple[int, ...]) -> entry.EntrySpec | None:
        traced, lowered = self.traced, self.lowered
        found, reads = guards.arguments(traced, order), guards.reads(self.reads)
        if found is None or reads is None:
            return None
        checked, loads, places, containers = found
        own = [path for path in traced.containers if path not in self._listed]
        others = self._reached if traced.containers or traced.rebinds else ()
        kinds = {
            path: structure_at(traced.arguments, path).kind or list for path in own
        }  # a leaf that is a container is a list
        strangers = [(containers[path], x) for path in own for x in others if type(x) is kinds[path]]
        distinct = [containers[path] for path in own if traced.told_apart] + [places[k] for k in traced.apart]
        if len(distinct) > MANY_DISTINCT or len(strangers) > MANY_DISTINCT**2:
            return None
        finite = guards.finite(traced, places)
        if finite is None:
            return None
        from hybrid.staging.steps import work

        source = self.draws.source(traced, places)
        held = source is not None
        by_python = (self.draws.acts and not held) or bool(self.reads.contents)
        done = None if by_python else work(traced, lowered, places, self._asked(held), self.strides, held, containers)
        if done is None:
            done, source = self._recognised(places), None
        if done is None:
            return None
        return self._spec_of(
            done, places, guards=checked, loads=loads, reads=reads, finite=finite, keywords=keywords, source=source,
            apart=tuple(x for x in others if isinstance(x, list)), distinct=tuple(distinct), strangers=tuple(strangers),
        )  # fmt: skip

    def _spec_of(self, done: Work, places: dict[int, int], **checks: Any) -> entry.EntrySpec:
        from hybrid.passes.steps import number

        traced, lowered = self.traced, self.lowered
        segments = lowered.segments
        types = [lowered.types[name] for segment in segments for name in segment.buffers]
        moved = sum(number(size) * dtype.itemsize for dtype, size in types)
        calls_python, alone = any(segment.calls_python for segment in segments), done.alone
        # What NumPy computes for few values only takes the interpreter's lock for the time of that call.
        often = any(call.native is None and not call.only for call in lowered.inner_calls)
        long = LENT_BYTES if any(call.native and call.native.arrays for call in lowered.inner_calls) else GIL_BYTES
        return entry.EntrySpec(
            **checks, results=done.results, slots=alone.slots if alone else (), symbols=alone.symbols if alone else (),
            temporaries=done.temporaries, steps=None if alone else done.steps, arena=lowered.arena_size,
            written=tuple(places[w] if isinstance(w, int) else w for w in traced.writes),
            release_gil=moved > long and not often, calls_python=calls_python,
            quotients=traced.quotients, conditions=traced.conditions, tensor=_layout(),
            flagged=self._asked(checks.get("source") is not None) if done.steps else None, counted=self._is_counted,
        )  # fmt: skip

    def _asked(self, holds: bool = False) -> Callable[[int, bool], bool]:
        """Whether a call of a native entry is Python's, for the flags that it raised. No method: entries hold it, and machine
        code in cycles of objects is freed whenever the garbage collector comes along.

        `holds`: the entry itself undoes what has been drawn.
        """
        if not self.draws.acts:
            return self.watch.flagged
        return functools.partial(_flagged, self.watch, holds or self.draws.fails, not self.traced.writes)

    def _recognised(self, places: dict[int, int]) -> Work | None:
        """The work of an entry that recognises a call, and leaves it to `_run_recognised`."""
        from hybrid.staging.steps import Work

        if self.traced.updates or any(isinstance(result, Held) for result in self.traced.results):
            return None
        given = tuple(entry.ArgumentResult(places[k]) for k in range(len(self.traced.leaves)))
        return Work(entry.CallResult(self._run_recognised, given), (), ())

    def _run_recognised(self, *values: Any) -> Any:
        """A call with these leaves, which a native entry has checked; NotImplemented where it is to come the slow way."""
        traced, start = self.traced, time.perf_counter_ns()
        raw, values = values, packed((values, {}))[0]
        if any(one_of(values[k], traced.generators) is not known for k, known in traced.passed):
            return NotImplemented
        if any(describe(values[k]) != traced.leaves[k] for k, _ in traced.passed):
            return NotImplemented  # bits from elsewhere
        written = [_data(values[where] if isinstance(where, int) else where) for where in traced.writes]
        for _, array, before in self.reads.contents:
            if array.tobytes() != before or any(share_memory(target, array) for target in written):
                return NotImplemented
        if self.within is not None and not self.watch.held:
            return self._run_within(raw, start)
        try:
            return self(values, ((), {}))
        except Flagged as flagged:
            self.watch.again(flagged.flags)
        except Exception:
            pass  # met again there, and said
        return NotImplemented

    # what a recognised call runs ----------------------------------------------------------------------------------------
    def _make_within(self) -> None:
        """An entry for the leaves of calls that another one has recognised: machine code that draws, and asks NumPy between
        kernels, while Python holds the generators and does afterwards what nobody can undo."""
        from hybrid.staging.steps import work

        traced = self.traced
        places = {k: k for k in range(len(traced.leaves))}
        checked = [guards.of_leaf(traced, k) for k in places]
        done = work(traced, self.lowered, places, self._asked(), self.strides)
        if done is None or any(guard is None for guard in checked):
            return
        spec, module = self._loaded(self._spec_of(done, places, guards=tuple(checked)))
        self.within = entry.Dispatcher(_missed, "within")
        self.within.push(module, spec)

    @cached_property
    def _free(self) -> list[int]:
        """The leaves whose sizes or values differ from call to call."""
        found = enumerate(self.traced.leaves)
        return [k for k, leaf in found if isinstance(leaf, (NumberLeaf, ScalarLeaf)) or symbols_of(getattr(leaf, "shape", ()))]

    def _run_within(self, values: Sequence[Any], start: int) -> Any:
        within, paces = self.within, self.paces
        assert within is not None
        if not self.draws.acts:
            return within.callable(*values)
        pace = None
        if paces is not None and self._as_python and timed():
            pace = paces.of((self.number, *(_shape_or_number(values[k]) for k in self._free)))
            if pace.leaves:
                paces.leaving[threading.get_ident()] = pace
                return NotImplemented
        try:
            with self.draws.during(values) as acts:
                out = within.callable(*values)
                if out is NotImplemented:
                    raise _Missed
        except _Missed:
            return out
        for act in acts:
            act()
        if pace is not None:
            pace.took(start)
        return out


def _flagged(watch: Watch, drawn: bool, all_drawn: bool, flags: int, undone: bool) -> bool:
    """What has been drawn is undone, too, if the states of the generators are known: `drawn`."""
    return watch.flagged(flags, drawn and (undone or all_drawn))


class _Missed(Exception):
    """Machine code has left a call to Python: what it drew is undone."""


def _missed(*values: Any) -> Any:
    return NotImplemented


def _refuse_interpreted(program: Program, traced: Traced, strict: bool) -> None:
    """TraceError for a branch or loop that cannot be native: Python runs it faster than NumPy could, equation by equation.

    For many of them: a loop with branches that was written out, which would take seconds to compile. And where they do so
    little besides calling NumPy that Python, which calls it faster than a kernel does, is done first; not under `strict`, which
    asks for compiled code.
    """
    from hybrid.passes.steps import Procedure, called_in, lowers, without_nesting
    from hybrid.passes.worth import is_quick, saved

    _refuse_many([step.eqn for step in program.steps if isinstance(step, Procedure)], 1, traced)
    if len(program.steps) > MANY_KERNELS and len(traced.graph.eqns) > MANY_OPERATIONS:
        why = traced.spelled or "they are no loop of the program"
        raise TraceError(f"more than {MANY_KERNELS} kernels one after another: {why}")  # not tried again: that takes as long
    for step in program.steps:
        eqn = getattr(step, "eqn", None)
        if eqn is not None and bodies(eqn) and not lowers(eqn):
            inside = sorted(without_nesting(eqn))
            raise TraceError(f"a branch or loop needs {', '.join(inside)}, which kernels do not have", at=eqn.source)
    quick = list(filter(is_quick, traced.graph.eqns))
    if quick and saved(traced.graph) <= 0:
        names = ", ".join(sorted({eqn.params["call"].name for eqn in quick}))
        raise TraceError(f"it does little but call {names}, which Python does faster", at=quick[0].source)
    called = [eqn for step in program.steps if isinstance(step, Procedure) for eqn in called_in(step.eqn)]
    if called and not strict and saved(traced.graph) <= 0:  # as traced: complex numbers have not become pairs
        names = ", ".join(sorted({eqn.params.get("function", eqn.primitive.name) for eqn in called}))
        raise TraceError(
            f"a branch or loop does little but call NumPy ({names}), which Python does faster", at=called[0].source
        )


def _refuse_many(found: Sequence[Eqn], times: int, traced: Traced) -> None:
    """TraceError for more branches and loops than so many times the limits; short loops may then stay loops."""
    inside = sum(1 for eqn in found for body in bodies(eqn).values() for _ in walk(body))
    if len(found) > times * MANY_PROCEDURES or inside > times * MANY_INSIDE:
        limit = MANY_PROCEDURES if len(found) > times * MANY_PROCEDURES else len(found) - 1
        long = TraceError(too_many(limit, traced.spelled), at=found[-1].source)
        long.again = traced.again
        raise long


def _data(value: Any) -> np.ndarray:
    return value._data if isinstance(value, Value) else value


def _shape(value: Any) -> tuple[int, ...]:
    return value.shape if isinstance(value, Packed) else _data(value).shape


def _shape_or_number(value: Any) -> Any:
    return len(value) if type(value) is list else getattr(value, "shape", ()) or value


def _layout() -> entry.TensorLayout:
    return entry.TensorLayout(type(wrap(np.empty(0))), "_data", {})


def _at(bound: Bound, path: Path) -> Any:
    """The container at a path inside the arguments."""
    node: Any = bound
    for k in path:
        node = tree.children(node)[k]  # type: ignore[index]
    return given(node)
