"""Fusion: which values are stored, and which of them one pass over memory computes together.

A *stage* is a value that is stored or reduced; everything else is recomputed where it is read (`access`). A *group* is
a set of stages that share their `outer` loop axes: within one iteration of those, the stages run one after another on a
row that stays in cache. So softmax (max, sum of exponentials, quotient) and LayerNorm are one group each. A group whose
stages have no inner axes is an ordinary fused elementwise loop.
"""

from __future__ import annotations

from collections.abc import Mapping

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.shape import Quotient, Shape, Size, contiguous_strides, product
from hybrid.ir.graph import Atom, Eqn, Graph, Literal, Var, symbols_of, uses
from hybrid.ir.primitive import Kind
from hybrid.ops import view
from hybrid.passes.access import (
    Index,
    NotAffine,
    axes_index,
    flat_offset,
    is_flat,
    is_part,
    offset_of,
    read_twice,
    reduced_index,
    reduced_shape,
    view_index,
)
from hybrid.passes.cleanup import assumes, needed_by
from hybrid.passes.contract import product_of
from hybrid.passes.steps import (
    BLAS_WORK,
    SMALL,
    Bind,
    Group,
    HostCall,
    MatMul,
    Operand,
    Procedure,
    Program,
    Stage,
    Step,
    by_rows,
    is_large,
    lowers,
    number,
)

# Work in units of roughly one vector instruction per element.
KEEP_COST = 8  # recomputing a value costs more than storing and loading it above this
KEEP_NUMBER_COST = 400  # the same for a number: 40 updates of two, each with a check of its own, took 25 s to compile
LOAD_COST = 1
FEW_ROWS = 8  # fewer rows than this cannot keep the cores busy when rows are long
ROW_LIMIT = 65_536  # elements of a row that still stay in the second-level cache
# Stages of a group, and reductions that the recomputation of a value may go back beyond: with neither limit, grouping and
# lowering 2 000 steps of `y = sin(y) + z; z = y.sum()` took 130 s, each step making `y` from the first on.
MOST_STAGES = 32
FAR_BACK = 16
ATTEMPTS = 6  # at a grouping; most programs take one or two


class _Fuser:
    def __init__(self, graph: Graph, strides: Mapping[Var, Shape], separate: bool, serial: bool, products: bool):
        self.graph, self.strides, self.separate, self.serial = graph, strides, separate, serial
        self.producers, self.readers = graph.producers, uses(graph)
        self.sources = {*graph.inputs, *(var for var, _ in graph.constants)}
        self.host = {eqn for eqn in graph.eqns if not lowers(eqn) or (serial and products and is_large(eqn))}
        stored = (Kind.REDUCE, Kind.CONTRACT, Kind.WRITE, Kind.CONTROL)
        made = (eqn.outputs for eqn in graph.eqns if eqn in self.host or eqn.primitive.kind in stored or separate)
        self.finished = self.sources.union(*made)  # what no group computes again
        self.costs: dict[Var, int] = {}
        self.groups: dict[Var, set[Group]] = {}  # those that read a value, in the attempt under way
        self.sized = {eqn: found for eqn in graph.eqns if (found := symbols_of(eqn))}

    # what is stored ---------------------------------------------------------------------------------------------------
    def is_stage(self, var: Var, kept: set[Var]) -> bool:
        """Whether reading `var` is a load (or a finished reduction) rather than a recomputation."""
        return var in self.finished or var in kept

    def layout(self, var: Var) -> Shape:
        return self.strides.get(var) or contiguous_strides(var.type.shape)

    def cost(self, var: Var, kept: set[Var]) -> int:
        """Cost of pulling one element, down to loads."""
        stack = [var]
        while stack:
            at = stack[-1]
            if at in self.costs:
                stack.pop()
                continue
            if self.is_stage(at, kept):
                self.costs[at] = LOAD_COST
                continue
            eqn = self.producers[at]
            below = [a for a in eqn.inputs if isinstance(a, Var)]
            missing = [a for a in below if a not in self.costs]
            if missing:
                stack.extend(missing)
                continue
            own = eqn.primitive.cost if eqn.primitive.kind is Kind.MAP else 0
            self.costs[at] = min(own + sum(self.costs[a] for a in below), 1000)
        return self.costs[var]

    def walk(self, roots: list[tuple[Atom, Index]], kept: set[Var], through: Var | None = None) -> tuple[dict, dict[Var, set]]:
        """Loads under these roots, in order, and the indices at which every other value is pulled, `through` among them."""
        reads: dict[tuple[Var, Index | Affine], None] = {}
        visits: dict[Var, set] = {}
        stack = list(reversed(roots))

        def unknown(atom: Atom, index: Index, size: object) -> str:
            stack.append((atom, index))
            return f"@{id(atom)}:{index!r}"

        while stack:
            atom, index = stack.pop()
            if isinstance(atom, Literal):
                continue
            if atom.type.shape == ():
                index = ()
            if atom is not through and self.is_stage(atom, kept):
                reads[atom, index] = None
                continue
            seen = visits.setdefault(atom, set())
            if index in seen:
                continue
            seen.add(index)
            eqn = self.producers[atom]
            if eqn.primitive.kind is Kind.MAP:
                stack.extend((operand, index) for operand in reversed(eqn.inputs))
                continue
            below = view_index(eqn, index, unknown)
            if below is not None:
                stack.append((eqn.inputs[0], below))
                continue
            operand = eqn.inputs[0]
            made = self.producers.get(operand) if isinstance(operand, Var) and not self.is_stage(operand, kept) else None
            if made is not None and is_part(made):
                operand = made.inputs[0]
            if not isinstance(operand, Var) or not self.is_stage(operand, kept) or not is_flat(operand, self.layout(operand)):
                raise NotAffine(eqn.inputs[0])
            reads[operand, flat_offset(eqn, index)] = None
        return reads, visits

    def far_back(self, kept: set[Var]) -> set[Var]:
        """Values to store because they are made of others from before many reductions, one after another."""
        level: dict[Var, int] = {}  # reductions below a value, one after another, and how many of them
        first: dict[Var, int] = {}  # below the earliest value that is computed again for it
        chosen: set[Var] = set()
        for eqn in self.graph.eqns:
            below = [atom for atom in eqn.inputs if isinstance(atom, Var)]
            reduces = eqn.primitive.kind in (Kind.REDUCE, Kind.CONTRACT)
            height = max((level.get(atom, 0) for atom in below), default=0) + reduces
            again = [first.get(atom, height) for atom in below if not self.is_stage(atom, kept) and atom not in chosen]
            level.update((var, height) for var in eqn.outputs)
            earliest = min(again, default=height)
            if eqn.primitive.kind is Kind.MAP and eqn.output.type.shape and height - earliest >= FAR_BACK:
                chosen.add(eqn.output)
                earliest = height
            first.update((var, earliest) for var in eqn.outputs)
        return chosen

    # stages -----------------------------------------------------------------------------------------------------------
    def operand(self, atom: Atom, kept: set[Var]) -> Operand | None:
        """A BLAS operand: a stored array through views alone."""
        if isinstance(atom, Literal):
            return None
        index = axes_index(atom.type.shape)
        while not self.is_stage(atom, kept):
            eqn = self.producers[atom]
            if eqn.primitive.kind is not Kind.VIEW or len(eqn.inputs) > 1:
                return None
            below = view_index(eqn, index, lambda *_: "")
            if below is None:
                return None
            atom, index = eqn.inputs[0], below  # type: ignore[assignment]
            if isinstance(atom, Literal):
                return None
        return Operand(atom, offset_of(index, self.layout(atom)))

    def blas(self, eqn: Eqn, kept: set[Var]) -> MatMul | set[Var] | None:
        """The contraction as matrix products, the operands that must be stored first, or None where loops do better."""
        if self.serial or eqn.primitive.kind is not Kind.CONTRACT or eqn.output.type.dtype not in (dt.float32, dt.float64):
            return None
        found = [self.operand(atom, kept) for atom in eqn.inputs]
        # An operand that is computed, or whose memory no BLAS can walk, is stored in order.
        stored = [offset_of(axes_index(a.type.shape), contiguous_strides(a.type.shape)) for a in eqn.inputs]
        offsets = [own.offset if own else plain for own, plain in zip(found, stored)]
        product = product_of(eqn, *offsets)
        if product is None:
            product, found = product_of(eqn, *stored), [None, None]
        if product is None or min(number(product.rows), number(product.columns)) < 2 or number(product.work) < BLAS_WORK:
            return None
        missing = {a for a, own in zip(eqn.inputs, found) if own is None and isinstance(a, Var)}
        if missing - kept:
            return missing
        if None in found:
            return None
        left, right = found
        assert left is not None and right is not None
        return MatMul(eqn, left, right, product)

    def stage(self, target: Var, atom: Atom, kept: set[Var], visits: dict[Var, dict[Var, set]]) -> Stage:
        eqn: Eqn | None = self.producers.get(atom) if isinstance(atom, Var) and target is atom else None
        index = axes_index(target.type.shape)
        roots: list[tuple[Atom, Index]]
        through: Var | None = None
        made: Eqn | None = None
        if eqn is not None and eqn.primitive.kind in (Kind.REDUCE, Kind.CONTRACT):
            roots = reduced_index(eqn, index, axes_index(reduced_shape(eqn), "r"))
        elif eqn is not None and eqn.primitive.kind is Kind.WRITE:
            roots = [(a, axes_index(a.type.shape)) for a in eqn.inputs]
        elif eqn is not None:  # a stored MAP or VIEW: pulled here, loaded elsewhere
            roots, eqn, made, through = [(target, index)], None, eqn, target
        else:
            roots = [(atom, index)]
        walks = [self.walk([root], kept, through) for root in roots]
        reads = dict.fromkeys(read for found, _ in walks for read in found)
        seen: dict[Var, set] = {}
        for _, found in walks:
            for var, indices in found.items():
                seen.setdefault(var, set()).update(indices)
        for var, indices in seen.items():
            visits.setdefault(var, {}).setdefault(target, set()).update(indices)
        regions = tuple(tuple(found) for found, _ in walks) if eqn and eqn.primitive.kind is Kind.WRITE else ()
        return Stage(target, atom, eqn, tuple(reads), regions, self.base(eqn or made, kept))

    def base(self, eqn: Eqn | None, kept: set[Var]) -> Var | None:
        """The stored array that a WRITE, or a reshape, begins with, its elements in the same order."""
        while eqn is not None and (eqn.primitive.kind is Kind.WRITE or eqn.primitive is view.reshape):
            atom = eqn.inputs[0]
            if not isinstance(atom, Var) or self.is_stage(atom, kept):
                return atom if isinstance(atom, Var) and is_flat(atom, self.layout(atom)) else None
            eqn = self.producers[atom]
        return None

    def settled(
        self, target: Var, atom: Atom, kept: set[Var], visits: dict[Var, dict[Var, set]], lacking: set[Var]
    ) -> tuple[Stage, set[Var]]:
        """The stage. What it reads at places that no loop has an expression for goes to `lacking` and what is kept, and so
        does what these values in turn need."""
        pending: list[tuple[Var, Atom]] = [(target, atom)]
        while True:
            at = pending[-1]
            try:
                stage = self.stage(*at, kept, visits)
            except NotAffine as error:
                if not isinstance(error.operand, Var) or error.operand in kept or error.operand in self.sources:
                    raise
                lacking.add(error.operand)
                kept = kept | {error.operand}
                pending.append((error.operand, error.operand))
                continue
            pending.pop()
            if not pending:
                return stage, kept

    # groups -----------------------------------------------------------------------------------------------------------
    def attempt(self, kept: set[Var]) -> tuple[Program, set[Var]]:
        """One grouping with these stored values, and the values that had better be stored too."""
        self.costs.clear()
        self.groups.clear()
        outputs, copies = self.results(kept)
        steps: list[Step] = []
        home: dict[Var, Step] = {}
        needs: dict[Step, set[Step]] = {}
        visits: dict[Var, dict[Var, set]] = {}
        given = {} if self.serial else quotients(self.graph)  # sizes that are known before the program starts
        wanted = needed_by(self.graph, given)
        late = self.sizes_outside()
        binds: dict[str, Eqn] = {}  # sizes that only procedures know: made where they are needed
        bound: dict[str, Step] = {}  # size symbols -> the step that gives them their value
        barrier: Step | None = None  # what comes after an assumption relies on it
        lacking: set[Var] = set()  # values that have to be stored, found on the way; then this attempt is in vain
        for eqn in self.graph.eqns:
            step: Step | None = None
            if eqn not in wanted:
                continue
            if eqn in self.host:
                step = HostCall(eqn)
            elif eqn.primitive.body == "bind" and not self.serial:
                symbol = eqn.params["symbol"]
                if symbol not in late:
                    binds[symbol] = eqn
                    continue
                step = bound[symbol] = Bind(eqn)
            elif eqn.primitive.kind is Kind.CONTROL:
                step = Procedure(eqn, _binds_of(eqn, binds))
            elif isinstance(blas := self.blas(eqn, kept), set):
                lacking |= blas
                kept = kept | blas
                continue
            elif blas is not None:
                step = blas
            elif self.is_stage(eqn.output, kept):
                after = {bound[name] for name in self.symbols(eqn.output, kept) if name in bound} | (
                    {barrier} if barrier else set()
                )
                stage, kept = self.settled(eqn.output, eqn.output, kept, visits, lacking)
                self.place(stage, steps, home, needs, after)
                continue
            if step is not None:
                steps.append(step)
                needs[step] = {home[var] for var in step.reads if var in home} | ({barrier} if barrier else set())
                needs[step] |= {bound[name] for name in symbols_of(eqn) if name in bound}
                home.update((var, step) for var in step.results)
                bound.update((symbol, step) for symbol in eqn.params.get("defines", ()))
                if isinstance(step, Procedure):
                    bound.update({eqn.params["symbol"]: step} if eqn.primitive.body == "bind" else {})
                    barrier = step if assumes(eqn) else barrier
        for target, atom in copies:
            stage, kept = self.settled(target, atom, kept, visits, lacking)
            self.place(stage, steps, home, needs, {barrier} if barrier else set())
        if lacking:
            return Program(self.graph, (), ()), lacking
        self._mark_stored(steps, home, outputs)
        return Program(self.graph, tuple(_ordered(steps, needs)), tuple(outputs)), self.regretted(visits, home, kept)

    def sizes_outside(self) -> set[str]:
        """The symbols that are sizes of whole arrays, and those that these are computed from."""
        found: set[str] = set()
        for eqn in reversed(self.graph.eqns):
            if eqn.primitive.kind is not Kind.CONTROL:
                found |= symbols_of(eqn)
            elif eqn.primitive.body == "bind":
                continue
            found |= {name for var in eqn.outputs for name in symbols_of(var.type)}
            found |= {name for atom in eqn.inputs for name in symbols_of(atom.type)}
        return found

    def results(self, kept: set[Var]) -> tuple[list[Var], list[tuple[Var, Atom]]]:
        """A variable of its own for every result; results that are inputs, literals or repeats are copied into one."""
        outputs: list[Var] = []
        copies: list[tuple[Var, Atom]] = []
        for atom in self.graph.outputs:
            if isinstance(atom, Var) and atom not in self.sources and atom not in outputs:
                outputs.append(atom)
            else:
                fresh = Var(atom.type)
                copies.append((fresh, atom))
                outputs.append(fresh)
        return outputs, copies

    def symbols(self, var: Var, kept: set[Var]) -> set[str]:
        """The size symbols that a stage mentions: in its equation, and in those recomputed for it."""
        found: set[str] = set()
        if not self.sized:
            return found
        stack, seen = [var], {var}
        while stack:
            at = stack.pop()
            eqn = self.producers.get(at)
            if eqn is not None and (at is var or not self.is_stage(at, kept)):
                found |= self.sized.get(eqn, frozenset())
                below = [atom for atom in eqn.inputs if isinstance(atom, Var) and atom not in seen]
                seen.update(below)
                stack += below
        return found

    def place(
        self, stage: Stage, steps: list[Step], home: dict[Var, Step], needs: dict[Step, set[Step]], after: set[Step]
    ) -> None:
        """Put a stage into the first group that can take it, else into a new one; `after`: what it relies on besides."""
        depends = {home[var] for var, _ in stage.reads if var in home} | after
        candidates: dict[Step, None] = dict.fromkeys(home[var] for var, _ in reversed(stage.reads) if var in home)
        mine = {var for var, _ in stage.reads}
        readers = {group for var in mine for group in self.groups.get(var, ())}
        candidates |= dict.fromkeys(s for s in reversed(steps) if s in readers) if readers else {}
        alone = stage.writes or (stage.reduces and not by_rows(stage, self.strides))
        if not alone and not self.separate:
            below: set[Step] | None = None
            for group in candidates:
                if not isinstance(group, Group) or group.alone or len(group.stages) >= MOST_STAGES:
                    continue
                below = _below(depends, needs) if below is None else below
                if group in below:  # nothing relies on itself: another of `depends` does
                    continue
                if self.serial and _waits(group, depends, steps):
                    continue
                outer = self.common_outer(stage, group)
                if outer is None:
                    continue
                group.stages.append(stage)
                group.outer = outer
                self.read_by(group, stage)
                needs[group] |= depends - {group}
                home[stage.target] = group
                return
        group = Group([stage], len(stage.shape), alone)
        steps.append(group)
        self.read_by(group, stage)
        needs[group] = depends
        home[stage.target] = group

    def read_by(self, group: Group, stage: Stage) -> None:
        for var, _ in stage.reads:
            self.groups.setdefault(var, set()).add(group)

    def common_outer(self, stage: Stage, group: Group) -> int | None:
        """How many leading axes the group would share with this stage in it, or None where they don't go together."""
        own = {s.target: s for s in group.stages}
        outer = len(stage.shape) if stage.reduces else min(len(stage.shape), group.outer)
        if stage.reduces and outer > group.outer:
            return None
        while outer and stage.shape[:outer] != group.stages[0].shape[:outer]:
            if stage.reduces:
                return None
            outer -= 1
        position = axes_index(stage.shape)
        if stage.reduces:
            assert stage.eqn is not None
            position = (*position, *axes_index(reduced_shape(stage.eqn), "r"))
        for var, index in stage.reads:
            if var not in own:
                continue
            if isinstance(index, Affine):
                return None
            if own[var].reduces:
                rank = len(own[var].shape)
                if index != position[:rank]:
                    return None
                outer = min(outer, rank)
            elif index != position[: len(index)] or (len(index) != len(position)):
                return None
        if any(s.reduces and len(s.shape) != outer for s in (*group.stages, stage)):
            return None
        if not any(s.reduces for s in (*group.stages, stage)):
            return outer if all(s.shape == stage.shape for s in group.stages) and outer == len(stage.shape) else None
        rows = number(product(stage.shape[:outer]))
        sizes = [_inner_size(s, outer) for s in (*group.stages, stage)]
        longest = max(size if isinstance(size, int) else ROW_LIMIT for size in sizes)  # few rows are longer
        fits = rows * longest <= SMALL or (rows >= FEW_ROWS and longest <= ROW_LIMIT)
        return outer if fits else None

    def regretted(self, visits: dict[Var, dict[Var, set]], home: dict[Var, Step], kept: set[Var]) -> set[Var]:
        """Costly values that are recomputed at several indices, or by several kernels."""
        chosen: set[Var] = set()
        for eqn in self.graph.eqns:
            by_stage = visits.get(eqn.output) if eqn.primitive.kind is Kind.MAP else None
            if not by_stage or (var := eqn.output) in kept:
                continue
            keep = KEEP_NUMBER_COST if var.type.size == 1 else KEEP_COST
            times = sum(max(len(indices) for indices in group) for group in _by_home(by_stage, home))
            if times == 1 or self._repeats_its_reader(var, visits):
                continue
            if (times - 1) * self.cost(var, kept | chosen) >= keep:
                chosen.add(var)
                self.costs.clear()  # what is made of this value is cheaper now
        return chosen

    def _repeats_its_reader(self, var: Var, visits: dict[Var, dict[Var, set]]) -> bool:
        """Whether the value is pulled wherever one elementwise reader is: then that one is the one to store."""
        for eqn in self.readers.get(var, ()):
            if eqn.primitive.kind is Kind.MAP and visits.get(eqn.output) == visits[var]:
                return True
        return False

    def _mark_stored(self, steps: list[Step], home: dict[Var, Step], outputs: list[Var]) -> None:
        read = set(outputs)
        for step in steps:
            read.update(step.reads)
        for step in steps:
            if isinstance(step, Group):
                step.stored = {s.target for s in step.stages if s.target in read}


def quotients(graph: Graph) -> dict[str, Quotient]:
    """The symbols that stand for a quotient, by a number, of sizes that are known before a program starts; in order."""
    producers = graph.producers
    known = set(symbols_of(tuple(var.type for var in graph.inputs)))
    found: dict[str, Quotient] = {}
    for eqn in graph.eqns:
        atom = eqn.inputs[0] if eqn.primitive.body == "bind" else None
        made = producers.get(atom) if isinstance(atom, Var) else None
        if made is not None and made.primitive.name == "floordiv" and isinstance(made.inputs[1], Literal):
            whole = made.inputs[0]
            source = producers.get(whole) if isinstance(whole, Var) else None
            if source is not None and source.primitive.name == "size" and symbols_of(source.params["value"]) <= known:
                known.add(eqn.params["symbol"])
                found[eqn.params["symbol"]] = Quotient(source.params["value"], int(made.inputs[1].value))
    return found


def _binds_of(eqn: Eqn, known: Mapping[str, Eqn]) -> tuple[Eqn, ...]:
    """The equations that give an equation's symbols their values, and those of these, in order."""
    wanted, found = set(symbols_of(eqn)), []
    for symbol, bind in reversed(list(known.items())):
        if symbol in wanted:
            found.append(bind)
            wanted |= symbols_of(bind)
    return tuple(reversed(found))


def _by_home(by_stage: dict[Var, set], home: dict[Var, Step]) -> list[list[set]]:
    groups: dict[Step, list[set]] = {}
    for target, indices in by_stage.items():
        groups.setdefault(home[target], []).append(indices)
    return list(groups.values())


def _inner_size(stage: Stage, outer: int) -> Size:
    inner = product(stage.shape[outer:])
    return inner * product(reduced_shape(stage.eqn)) if stage.reduces and stage.eqn else inner


def _below(steps: set[Step], needs: dict[Step, set[Step]]) -> set[Step]:
    """Everything that these steps rely on, themselves only where another of them does."""
    seen: set[Step] = set()
    stack = list(steps)
    while stack:
        fresh = needs[stack.pop()] - seen
        seen |= fresh
        stack += fresh
    return seen


def _waits(group: Step, depends: set[Step], steps: list[Step]) -> bool:
    """Whether a group would have to wait for a branch or loop that comes after it, which may write over what it reads."""
    later = []
    for step in reversed(steps):
        if step is group:
            break
        later.append(step)
    loops = [k for k, step in enumerate(later) if isinstance(step, Procedure) and step.eqn.primitive.body in ("loop", "cond")]
    return bool(loops) and not depends.isdisjoint(later[: loops[-1] + 1])


def _ordered(steps: list[Step], needs: dict[Step, set[Step]]) -> list[Step]:
    """Dependencies first, otherwise in program order."""
    out: list[Step] = []
    done: set[Step] = set()

    def visit(step: Step) -> None:
        stack: list[tuple[Step, bool]] = [(step, False)]
        while stack:
            at, ready = stack.pop()
            if at in done:
                continue
            if ready:
                done.add(at)
                out.append(at)
                continue
            stack.append((at, True))
            stack.extend((n, False) for n in sorted(needs[at], key=steps.index, reverse=True) if n not in done)

    for step in steps:
        visit(step)
    return out


def fuse(
    graph: Graph, strides: Mapping[Var, Shape] | None = None, separate: bool = False, serial: bool = False,
    keep: frozenset[Var] = frozenset(), products: bool = True,
) -> Program:  # fmt: skip
    """Group the graph into kernels, BLAS calls and host calls.

    Args:
        graph: simplified and without dead code.
        strides: element strides of inputs that are not C-contiguous.
        separate: one kernel per equation, to tell fusion's mistakes from others.
        serial: for a body inside a kernel: matrix products become loops, too.
        keep: values that must be stored.
        products: whether large matrix products of such a body are left to a BLAS.
    """
    fuser = _Fuser(graph, strides or {}, separate, serial, products)
    kept = {atom for atom in graph.outputs if isinstance(atom, Var) and atom not in fuser.sources} | keep
    for eqn in graph.eqns:
        if eqn in fuser.host or eqn.primitive.kind is Kind.CONTROL:
            kept.update(atom for atom in eqn.inputs if isinstance(atom, Var) and atom not in fuser.sources)
    kept |= fuser.far_back(kept) | read_twice(graph, fuser.readers)
    attempts = 0
    while True:
        try:
            program, regretted = fuser.attempt(kept)
        except NotAffine as error:
            if not isinstance(error.operand, Var) or error.operand not in fuser.sources:
                raise
            return fuse(_copied(graph, error.operand), strides, separate, serial, keep)
        attempts += 1
        if not regretted or (attempts >= ATTEMPTS and program.steps):  # without steps: what a stage needs is not stored
            return program
        kept = kept | regretted


def _copied(graph: Graph, source: Var) -> Graph:
    """The graph with its reshapes of a strided input reading a copy that lies in one piece."""
    shape = source.type.shape
    whole = {"start": (0,) * len(shape), "step": (1,) * len(shape), "shape": shape}
    copy = Eqn(view.slice_, (source,), whole, (Var(source.type),))

    def reads_copy(eqn: Eqn) -> Eqn:
        if eqn.primitive is not view.reshape or eqn.inputs[0] is not source:
            return eqn
        return Eqn(eqn.primitive, (copy.output,), eqn.params, eqn.outputs, eqn.source)

    return graph.replace(eqns=(copy, *map(reads_copy, graph.eqns)))
