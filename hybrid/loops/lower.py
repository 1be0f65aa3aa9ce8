"""From a fused group to one kernel. The group's shape decides the nest:

elementwise       every stage of one shape, no reduction         flat or parallel/…/vector loops, several stores
rows              reductions along the row, stages in levels     parallel outer { vector loops, one per level }
split reduction   few outputs, long rows                         parallel pieces into partial results, then one fold
columns           reduction across memory                        tiles of running totals in cache, rows in order
regions           WRITE                                          one nest per region of the result
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.errors import CompileError
from hybrid.core.shape import Shape, Size, contiguous_strides, product
from hybrid.ir.graph import Atom, Eqn, Var
from hybrid.ir.primitive import Kind
from hybrid.loops import columns, schedule
from hybrid.loops.nest import Accumulate, Buffer, Declare, Expr, For, Kernel, Let, Load, Ref, Scratch, Stmt, Store, convert, op
from hybrid.loops.pull import Names, Puller, as_reals
from hybrid.loops.share import share
from hybrid.passes.access import Index, axes_index, offset_of, reduced_index, reduced_shape
from hybrid.passes.fuse import KEEP_COST
from hybrid.passes.steps import SMALL, Group, Stage, number

SCRATCH_BYTES = 32 * 1024  # a kept row must stay in the first-level cache
PIECES = 32  # parallel pieces of a long reduction; fixed, so that results don't depend on the number of threads
PIECE_STEP = 1024  # pieces are whole numbers of these
BESIDE = 16  # elements in a row of regions side by side, on average, from which on they are written row by row
WIDE = {dt.float16: dt.float32, dt.bfloat16: dt.float32}  # half precision accumulates in float32


@dataclass(eq=False)
class Context:
    """What lowering needs to know of the program around a group."""

    producers: Mapping[Var, Eqn]
    names: Mapping[Var, str]  # of every stored array
    strides: Mapping[Var, Shape]  # of inputs that are not C-contiguous
    spans: Mapping[Var, Size] = field(default_factory=dict)  # elements from first to last, where strided
    fresh: Names | None = None  # of the kernel that several groups go into; None: each has one of its own
    room: Callable[[Size], Size] = lambda size: size  # the most elements that a size of a body becomes
    notes: list[str] = field(default_factory=list)  # the program's assumptions, each with its line


def lower(group: Group, context: Context, name: str, loops: Collection[str] = ()) -> Kernel:
    """The kernel of one group; of an epilogue, with loops of these names over the axes of its product."""
    return _Kernel(group, context, name, loops).build()


def accumulator(eqn: Eqn, dtype: np.dtype) -> tuple[str, np.dtype]:
    """The operator and dtype in which a reduction or contraction accumulates."""
    if eqn.primitive.kind is Kind.CONTRACT:
        return ("or", dt.bool_) if dtype == dt.bool_ else ("add", WIDE.get(dtype, dtype))
    assert eqn.primitive.body is not None
    return eqn.primitive.body, WIDE.get(dtype, dtype)


def element(eqn: Eqn, puller: Puller, index: Index, reduced: Index, dtype: np.dtype) -> Expr:
    """What one step of a reduction adds."""
    parts = [convert(puller.pull(atom, i), dtype) for atom, i in reduced_index(eqn, index, reduced)]
    if len(parts) == 1:
        return parts[0]
    return op("and" if dtype == dt.bool_ else "mul", *parts)


Override = Callable[[Var, Index], Expr | None]


class _Kernel:
    def __init__(self, group: Group, context: Context, name: str, own_loops: Collection[str]):
        self.group, self.context, self.name, self.own_loops = group, context, name, own_loops
        self.fresh = context.fresh or Names()
        self.temporaries: dict[str, Buffer] = {}
        self.loads: dict[Var, None] = {}
        self.stores: dict[Var, None] = {}
        self.without: dict[tuple[Var, ...], dict[Var, str]] = {}  # the names of all but these

    def build(self) -> Kernel:
        stages = self.group.stages
        first = stages[0]
        body: tuple[Stmt, ...]
        if all(0 in stage.shape for stage in stages):
            body = ()
        elif first.writes:
            body = self.regions(first)
        elif first.reduces and self.group.alone:
            body = columns.lower(self, first)
        elif not any(s.reduces for s in stages):
            body = self.elementwise()
        elif len(stages) == 1 and self.is_long(first):
            body = self.split(first)
        else:
            body = self.rows()
        return Kernel(self.name, self.buffers(), body, self.source())

    def source(self) -> str:
        eqns = [s.eqn or self.context.producers.get(s.atom) for s in self.group.stages]  # type: ignore[arg-type]
        lines = [str(eqn.source) for eqn in eqns if eqn is not None and eqn.source]
        return lines[-1] if lines else ""

    # what every nest uses ---------------------------------------------------------------------------------------------
    def puller(self, override=lambda var, index: None, hide: tuple[Var, ...] = ()) -> Puller:
        names = self.context.names
        if hide:
            names = self.without.get(hide) or self.without.setdefault(hide, {v: n for v, n in names.items() if v not in hide})
        return Puller(self.context.producers, names, self.context.strides, self.fresh, override)

    def store(self, target: Var, index: Index, value: Expr) -> Store:
        return self.store_flat(target, offset_of(index, contiguous_strides(target.type.shape)), value)

    def store_all(self, target: Var, index: Index, values: Sequence[Expr]) -> list[Store]:
        """The stores of one element: of both parts of a complex number."""
        offset = offset_of(index, contiguous_strides(target.type.shape)) * len(values)
        return [self.store_flat(target, offset + part, value) for part, value in enumerate(values)]

    def store_flat(self, target: Var, offset: Affine, value: Expr) -> Store:
        self.stores[target] = None
        return Store(self.context.names[target], offset, value)

    def temporary(self, dtype: np.dtype, size: Size) -> str:
        """A buffer that lives only while the kernel runs; the plan gives it memory."""
        name = f"{self.name}_part{len(self.temporaries)}"
        self.temporaries[name] = Buffer(name, dtype, size, "inout")
        return name

    def buffers(self) -> tuple[Buffer, ...]:
        names, spans = self.context.names, self.context.spans
        # A result written in place has the name of the array it overwrites.
        loads, stores = ({names[var]: var for var in side} for side in (self.loads, self.stores))
        out = []
        for name, var in {**stores, **loads}.items():
            role = "inout" if name in loads and name in stores else "out" if name in stores else "in"
            out.append(Buffer(name, *as_reals(var.type.dtype, spans.get(var, var.type.size)), role))
        return (*sorted(out, key=lambda b: b.role == "out"), *self.temporaries.values())

    def values(self, puller: Puller, stage: Stage, index: Index) -> tuple[Expr, ...]:
        """One element of an elementwise stage, always recomputed: a number, or both parts of a complex one."""
        if not dt.is_complex(stage.target.type.dtype):
            return (self.value(puller, stage, index),)
        eqn = self.context.producers.get(stage.atom) if stage.atom is stage.target else None  # type: ignore[call-overload]
        if eqn is None:
            return puller.parts(stage.atom, index)
        return tuple(puller.pull(part, index) for part in eqn.inputs)

    def value(self, puller: Puller, stage: Stage, index: Index) -> Expr:
        """One element of a stage of real numbers."""
        atom = stage.atom
        if atom is not stage.target or not isinstance(atom, Var):
            return puller.pull(atom, index)
        children, build = puller.through(atom, index if atom.type.shape else ())
        return build(*(puller.pull(a, i) for a, i in children))

    # elementwise ------------------------------------------------------------------------------------------------------
    def elementwise(self) -> tuple[Stmt, ...]:
        shape = self.group.stages[0].shape
        names = [f"i{a}" for a in range(len(shape))]
        dry = self._element_body(axes_index(shape), Names())
        axes = schedule.merge(names, shape, dry[1], self.own_loops)
        if self.own_loops and axes.names != tuple(self.own_loops):
            raise CompileError("an epilogue's loops are not those of its product", got=axes.names, expected=self.own_loops)
        body, _, puller = self._element_body(axes.index, self.fresh)
        self.loads |= puller.loaded
        return schedule.elementwise(axes, body)

    def _element_body(self, index: Index, fresh: Names) -> tuple[tuple[Stmt, ...], list[Affine], Puller]:
        targets = tuple(s.target for s in self.group.stages)
        puller = Puller(
            self.context.producers,
            {v: n for v, n in self.context.names.items() if v not in targets},
            self.context.strides,
            fresh,
        )
        statements: list[Stmt] = []
        stores: list[Store] = []
        for stage in self.group.stages:
            values = self.values(puller, stage, index)
            statements += self._take_lets(puller)
            names = [fresh("v") for _ in values]
            statements += map(Let, names, values)
            values = puller.define(stage.target, index, names)
            if stage.target in self.group.stored:
                stores += self.store_all(stage.target, index, values)
        # Stores come last: one of them may overwrite, in place, what another value still reads.
        body = share(statements, fresh) if len(stores) > 1 else tuple(statements)
        *rest, last = body
        if len(stores) == 1 and isinstance(last, Let) and stores[0].value is values[0]:
            store = stores[0]
            return (*rest, Store(store.buffer, store.offset, last.value)), [*puller.affines, store.offset], puller
        return (*body, *stores), [*puller.affines, *(s.offset for s in stores)], puller

    # rows -------------------------------------------------------------------------------------------------------------
    def levels(self) -> dict[Var, int]:
        """How many finished reductions of this group lie below each stage."""
        own = {s.target: s for s in self.group.stages}
        level: dict[Var, int] = {}
        for stage in self.group.stages:
            below = [level[var] + own[var].reduces for var, _ in stage.reads if var in own]
            level[stage.target] = max(below, default=0)
        return level

    def inner_shape(self, stage: Stage) -> Shape:
        assert not stage.reduces or stage.eqn is not None
        return reduced_shape(stage.eqn) if stage.reduces and stage.eqn else stage.shape[self.group.outer :]

    def loops(self) -> list[tuple[Shape, list[Stage]]]:
        """Stages that share one inner loop, in order of execution."""
        level = self.levels()
        out: list[tuple[Shape, list[Stage]]] = []
        for depth in range(max(level.values()) + 1):
            here: dict[Shape, list[Stage]] = {}
            for stage in self.group.stages:
                if level[stage.target] == depth and (stage.reduces or 0 not in stage.shape):
                    here.setdefault(self.inner_shape(stage), []).append(stage)
            out += here.items()
        return out

    def rows(self) -> tuple[Stmt, ...]:
        outer_shape = self.group.outer_shape
        outer = axes_index(outer_shape)
        loops = self.loops()
        kept = self.keep(loops, outer)
        outer_axes = schedule.merge(
            [f"i{a}" for a in range(len(outer_shape))], outer_shape, self._row_body(loops, outer, kept, Names())[1]
        )
        body, _, loaded = self._row_body(loops, outer_axes.index, kept, self.fresh)
        self.loads |= loaded
        work = number(product(outer_shape)) * max(number(product(inner)) for inner, _ in loops)
        kind = "parallel" if work > SMALL and outer_axes.names else "serial"
        return schedule.over(outer_axes, body, kind)

    def keep(self, loops: list, outer: Index) -> dict[Var, int]:
        """Costly values that several loops pull at the same place: value -> the loop that keeps it in a scratch row."""
        keep: dict[Var, int] = {}
        seen: dict[Var, int] = {}
        for k, (inner, _) in enumerate(loops):
            puller = self._dry_run(loops[k], outer, self._results({}))
            small = number(product(inner))
            place = (*outer, *axes_index(inner, "j"))
            for (key, at), var in puller.visited.items():
                if at != place or var.type.shape[self.group.outer :] != inner:
                    continue
                costly = puller.costs.get((key, at), 0) >= KEEP_COST and small * var.type.dtype.itemsize <= SCRATCH_BYTES
                if var in seen and costly:
                    keep.setdefault(var, seen[var])
                seen.setdefault(var, k)
        # What later loops pull only through another kept value is not worth a row.
        used: set[Var] = set()
        for k, loop in enumerate(loops):
            self._dry_run(loop, outer, self._kept_results({v for v, first in keep.items() if first < k}, used))
        return {var: k for var, k in keep.items() if var in used}

    def _dry_run(self, loop: tuple[Shape, list[Stage]], outer: Index, override: Override) -> Puller:
        puller = self.puller(override, tuple(s.target for s in self.group.stages))
        for stage in loop[1]:
            self._pull_stage(puller, stage, outer, axes_index(loop[0], "j"))
        return puller

    def _kept_results(self, kept: set[Var], used: set[Var]) -> Override:
        finished = self._results({})

        def override(var: Var, index: Index) -> Expr | None:
            if var in kept:
                used.add(var)
                return Ref("?", var.type.dtype)
            return finished(var, index)

        return override

    def _results(self, done: dict[Var, Expr]) -> Override:
        """Finished reductions of this row, by name."""
        reduces = {s.target: s for s in self.group.stages if s.reduces}

        def override(var: Var, index: Index) -> Expr | None:
            if var in done:
                return done[var]
            return Ref("?", var.type.dtype) if var in reduces else None

        return override

    def _pull_stage(self, puller: Puller, stage: Stage, outer: Index, inner: Index) -> tuple[Expr, ...]:
        if stage.reduces:
            assert stage.eqn is not None
            _, dtype = accumulator(stage.eqn, stage.target.type.dtype)
            return (element(stage.eqn, puller, outer, inner, dtype),)
        return self.values(puller, stage, (*outer, *inner))

    def _row_body(
        self, loops: list, outer: Index, kept: dict[Var, int], fresh: Names
    ) -> tuple[tuple[Stmt, ...], list[Affine], dict[Var, None]]:
        """All loops of one row, the outer accesses they make, and what they load."""
        done: dict[Var, Expr] = {}
        rows: dict[Var, tuple[str, Shape]] = {}
        statements: list[Stmt] = []
        affines: list[Affine] = []
        loaded: dict[Var, None] = {}
        stored: set[Var] = set()
        for k, (inner, stages) in enumerate(loops):
            keeps = [var for var, first in kept.items() if first == k]
            for var in keeps:
                rows[var] = (fresh("row"), inner)
                statements.append(Scratch(rows[var][0], var.type.dtype, self.context.room(product(inner))))
            names = [f"j{k}_{a}" for a in range(len(inner))]
            trial = self._loop_body(
                stages,
                keeps,
                outer,
                tuple(map(Affine.var, names)) if 1 not in inner else _unit(names, inner),
                done,
                rows,
                stored,
                Names(),
            )
            axes = schedule.merge(names, inner, trial[2])
            body, results, used, puller = self._loop_body(stages, keeps, outer, axes.index, done, rows, stored, fresh)
            affines += used
            loaded |= puller.loaded
            for name, op_name, dtype, _ in results:
                statements.append(Declare(name, op_name, dtype))
            statements += schedule.innermost_vector(axes, body)
            for name, _, dtype, stage in results:
                value = convert(Ref(name, dtype), stage.target.type.dtype)
                done[stage.target] = value
                if stage.target in self.group.stored:
                    statements.append(self.store(stage.target, outer, value))
                    affines.append(offset_of(outer, contiguous_strides(stage.shape)))
            stored |= {s.target for s in stages if s.target in self.group.stored}
        return tuple(statements), affines, loaded

    def _loop_body(self, stages: list[Stage], keeps: list[Var], outer: Index, inner: Index, done: dict[Var, Expr],
                   rows: dict[Var, tuple[str, Shape]], stored: set[Var], fresh: Names):  # fmt: skip
        own = {s.target for s in self.group.stages}
        finished = self._results(done)
        here = (*outer, *inner)

        def override(var: Var, index: Index) -> Expr | None:
            if var in rows and var not in keeps and index == here:
                name, shape = rows[var]
                offset = offset_of(inner, contiguous_strides(shape))
                return Load(name, offset, var.type.dtype)
            return finished(var, index)

        puller = self.puller(override, tuple(own - stored))
        puller.fresh = fresh
        statements: list[Stmt] = []
        results: list[tuple[str, str, np.dtype, Stage]] = []
        affines: list[Affine] = []
        for var in sorted(keeps, key=lambda v: v.type.ndim):
            children, build = puller.through(var, here)
            value = build(*(puller.pull(a, i) for a, i in children))
            statements += self._take_lets(puller)
            name = fresh("v")
            statements.append(Let(name, value))
            offset = offset_of(inner, contiguous_strides(rows[var][1]))
            affines.append(offset)
            statements.append(Store(rows[var][0], offset, *puller.define(var, here, [name])))
        for stage in stages:
            values = self._pull_stage(puller, stage, outer, inner)
            statements += self._take_lets(puller)
            if stage.reduces:
                assert stage.eqn is not None
                op_name, dtype = accumulator(stage.eqn, stage.target.type.dtype)
                name = fresh("a")
                results.append((name, op_name, dtype, stage))
                statements.append(Accumulate(name, *values))
                continue
            more = [fresh("v") for _ in values]
            statements += map(Let, more, values)
            values = puller.define(stage.target, here if stage.target.type.shape else (), more)
            if stage.target in self.group.stored:
                stores = self.store_all(stage.target, here, values)
                affines += [store.offset for store in stores]
                statements += stores
        return share(statements, fresh), results, [*puller.affines, *affines], puller

    @staticmethod
    def _take_lets(puller: Puller) -> list[Stmt]:
        out = list(puller.lets)
        puller.lets.clear()
        return out

    # split reductions -------------------------------------------------------------------------------------------------
    def is_long(self, stage: Stage) -> bool:
        assert stage.eqn is not None
        row = number(product(reduced_shape(stage.eqn)))
        return row > 2 * SMALL and number(product(stage.shape)) < PIECES and isinstance(product(reduced_shape(stage.eqn)), int)

    def split(self, stage: Stage) -> tuple[Stmt, ...]:
        """Pieces of the reduction on threads into partial results, then a fold in fixed order."""
        assert stage.eqn is not None
        eqn = stage.eqn
        op_name, dtype = accumulator(eqn, stage.target.type.dtype)
        shape, extents = stage.shape, reduced_shape(eqn)
        outer = axes_index(shape)
        names = [f"r{a}" for a in range(len(extents))]
        trial = self.puller()
        element(eqn, trial, outer, axes_index(extents, "r"), dtype)
        axes = schedule.merge(names, extents, trial.affines)
        first, length = axes.names[0], int(axes.extents[0])  # type: ignore[arg-type]
        step = PIECE_STEP if len(axes.names) == 1 else 1
        piece = max(-(-length // PIECES) // step, 1) * step
        count = length // piece
        partial = self.temporary(dtype, product(shape) * count)
        slot = offset_of(outer, contiguous_strides(shape)) * count

        def run(start: Affine, extent: int, into: str, tag: str) -> tuple[Stmt, ...]:
            puller = self.puller()
            puller.fresh = self.fresh
            rename = {n: Affine.var(f"{n}{tag}") for n in axes.names}
            rename[first] = start + Affine.var(f"{first}{tag}")
            value = element(eqn, puller, outer, tuple(i.substitute(rename) for i in axes.index), dtype)
            self.loads.update(puller.loaded)
            body = (*puller.lets, Accumulate(into, value))
            inner = schedule.Axes((), tuple(f"{n}{tag}" for n in axes.names), (extent, *axes.extents[1:]))
            return schedule.innermost_vector(inner, body)

        p = Affine.var("p0")
        pieces = (Declare("a0", op_name, dtype), *run(p * piece, piece, "a0", "p"), Store(partial, slot + p, Ref("a0", dtype)))
        outside = schedule.plain([f"i{a}" for a in range(len(shape))], shape)
        tail = length - count * piece
        fold: tuple[Stmt, ...] = (
            Declare("b0", op_name, dtype),
            For("q0", count, (Accumulate("b0", Load(partial, slot + Affine.var("q0"), dtype)),)),
        )
        if tail:
            fold = (*fold, *run(Affine.of(count * piece), tail, "b0", "q"))
        fold = (*fold, self.store(stage.target, outer, convert(Ref("b0", dtype), stage.target.type.dtype)))
        return (For("p0", count, schedule.over(outside, pieces), "parallel"), *schedule.over(outside, fold))

    # regions ----------------------------------------------------------------------------------------------------------
    def regions(self, stage: Stage) -> tuple[Stmt, ...]:
        """One nest per region, in the order of writing; rows of regions side by side are written together."""
        eqn = stage.eqn
        assert eqn is not None and eqn.primitive.regions is not None
        out: list[Stmt] = []
        groups = self._beside(stage)
        alone = [group[0] for group in groups if len(group) == 1 and product(group[0][1].type.shape) == 1]
        if len(alone) == len(groups) > 1 and not dt.is_complex(stage.target.type.dtype):
            return self._elements(alone, stage.target)
        for beside in groups:
            together = len(beside) > 1
            body: list[Stmt] = []
            for n, atom, start, step in beside:
                shape = atom.type.shape
                names = [f"i{beside[0][0] if together and not a else n}_{a}" for a in range(len(shape))]
                plain = schedule.plain(names, shape)
                _, affines = self._region(atom, plain.index, start, step, stage.target, Names())
                axes = schedule.merge(names, shape, affines, names[:1] if together else ())
                part, _ = self._region(atom, axes.index, start, step, stage.target, self.fresh)
                if together:
                    axes = schedule.Axes(axes.index, axes.names[1:], axes.extents[1:])
                body += schedule.innermost_vector(axes, part) if together else schedule.elementwise(axes, part)
            out += [For(f"i{beside[0][0]}_0", beside[0][1].type.shape[0], tuple(body), "parallel")] if together else body
        return tuple(out)

    def _elements(self, regions: list[tuple[int, Atom, tuple, tuple]], target: Var) -> tuple[Stmt, ...]:
        """Regions of one element each. What one of them is computed from is not computed again for the next: the states
        that a loop goes through, written out and put into an array, would take time by the square of their number."""
        puller = self.puller(hide=(target,))
        puller.fresh = self.fresh
        values: list[Stmt] = []
        stores: list[Stmt] = []
        for _, atom, start, _ in regions:
            index = (Affine.of(0),) * atom.type.ndim
            value, name = puller.pull(atom, index), self.fresh("v")
            values += [*puller.lets, Let(name, value)]
            puller.lets.clear()
            for seen, there in puller.views(atom, index):
                puller.define(seen, there, [name])
            stores.append(self.store(target, tuple(map(Affine.of, start)), Ref(name, value.dtype)))
        self.loads |= puller.loaded
        return (*share(values, self.fresh), *stores)

    def _beside(self, stage: Stage) -> list[list[tuple[int, Atom, tuple, tuple]]]:
        """The regions of a WRITE in groups: those that lie side by side in long rows, if none overlap."""
        eqn = stage.eqn
        assert eqn is not None and eqn.primitive.regions is not None
        found: list[tuple[int, Atom, tuple, tuple]] = []
        there = stage.base is not None and self.context.names[stage.base] == self.context.names[stage.target]
        for n, (operand, start, step) in enumerate(eqn.primitive.regions(*(a.type for a in eqn.inputs), **eqn.params)):
            atom = eqn.inputs[operand]
            if not (n == 0 and there) and not any(size == 0 for size in atom.type.shape):
                found.append((n, atom, start, step))
        if not eqn.primitive.disjoint:
            return [[one] for one in found]
        groups: list[list] = []
        for one in found:
            _, atom, start, _ = one
            before = groups[-1][0] if groups else None
            rows = None if before is None else (before[1].type.shape[:1], before[2][:1])
            if atom.type.ndim > 1 and rows == (atom.type.shape[:1], start[:1]):
                groups[-1].append(one)
            else:
                groups.append([one])
        out = []
        for group in groups:
            shape = group[0][1].type.shape
            whole = sum(number(product(atom.type.shape[1:])) for _, atom, _, _ in group)
            wide = len(group) > 1 and number(shape[0]) >= schedule.FEW and whole >= BESIDE * len(group)
            out += [group] if wide else [[one] for one in group]
        return out

    def _region(
        self, atom: Atom, index: Index, start: tuple, step: tuple, target: Var, fresh: Names
    ) -> tuple[tuple[Stmt, ...], list[Affine]]:
        puller = self.puller(hide=(target,))
        puller.fresh = fresh
        there = tuple(i * by + first for i, by, first in zip(index, step, start))
        statements: tuple[Stmt, ...]
        if dt.is_complex(target.type.dtype):
            values = puller.parts(atom, index)
            names = [fresh("v") for _ in values]
            stores = self.store_all(target, there, [Ref(n, value.dtype) for n, value in zip(names, values)])
            statements = (*share([*puller.lets, *map(Let, names, values)], fresh), *stores)  # both before either is stored
        else:
            stores = [self.store(target, there, puller.pull(atom, index))]
            statements = (*puller.lets, *stores)
        self.loads |= puller.loaded
        return statements, [*puller.affines, *(store.offset for store in stores)]


def _unit(names: list[str], extents: Shape) -> Index:
    return tuple(Affine.of(0) if e == 1 else Affine.var(n) for n, e in zip(names, extents))
