"""Whose memory a result may have: values that a step reads, where it may write over them once nobody else needs them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from hybrid.core.affine import Affine
from hybrid.core.shape import Dim, Shape, Size, contiguous_strides, product
from hybrid.core.signs import Signs
from hybrid.ir.graph import Atom, Eqn, Graph, Var, anywhere
from hybrid.ir.primitive import Kind
from hybrid.passes.access import Index, axes_index, is_part, offset_of, own_place
from hybrid.passes.cleanup import assumes, is_checked
from hybrid.passes.steps import Group, HostCall, MatMul, Procedure, Program, Stage, Step, called_in, element_offset, is_called

# OPAQUE operations that can change their first operand into their result.
IN_PLACE = frozenset(("scatter", "scatter_along", "sort", "cumulate_add", "cumulate_mul", "cumulate_max",
                      "cumulate_min"))  # fmt: skip

NEVER = 1 << 30  # the step that last reads a value which nobody reads any more: results of the body


def donors(step: Step, result: Var) -> Iterable[Var]:
    """Values that the step reads and whose place it could give to a result, were they not needed any more."""
    return (var for var in _readable(step, result) if (var.type.dtype, var.type.size) == (result.type.dtype, result.type.size))


def _readable(step: Step, result: Var) -> Iterable[Var]:
    if isinstance(step, Procedure):
        yield from handed_on(step.eqn, result)
    elif isinstance(step, HostCall):
        base = _changed(step.eqn, result)
        # Spelled in loops, a step of this kind begins with a copy of what it changes, or reads it line by line as it writes.
        if not is_called(step.eqn) and isinstance(base, Var) and step.eqn.inputs.count(base) == 1:
            yield base
    elif isinstance(step, Group) and step.stages[0].writes:
        stage = step.stages[0]
        if stage.base is not None and _is_whole(stage) and _spares(stage, stage.base):
            yield stage.base
        elif stage.base is None and _is_whole(stage):  # it begins with what is made of one, element by element
            elsewhere = {var for reads in stage.regions[1:] for var, _ in reads}
            yield from (var for var in _own(stage.regions[0], stage.shape) if var not in elsewhere)
    elif isinstance(step, Group) and not step.alone and not any(s.reduces for s in step.stages):
        yield from _own((read for stage in step.stages for read in stage.reads), step.stages[0].shape)
    elif isinstance(step, MatMul) and step.epilogue is not None and result is not step.eqn.output:
        # The product first, whose panels are in cache; never an operand, which other panels still read.
        found = [var for var in _readable(step.epilogue, result) if var not in step.operands]
        yield from sorted(found, key=lambda var: var is not step.eqn.output)


def _changed(eqn: Eqn, result: Var) -> Atom | None:
    """The operand that an OPAQUE operation may change into a result."""
    if eqn.primitive.body == "jitted":
        k = eqn.outputs.index(result)
        return eqn.inputs[k] if k < eqn.params["call"].writes else None
    return eqn.inputs[0] if eqn.primitive.body in IN_PLACE else None


def _own(reads: Iterable[tuple[Var, Index | Affine]], loop: Shape) -> Iterable[Var]:
    """What loops read at their own places alone."""
    found: dict[Var, bool] = {}
    for var, index in reads:
        found[var] = found.get(var, True) and own_place(index, var.type.shape, loop)
    return (var for var, own in found.items() if own)


def checks_first(step: Step) -> bool:
    """Whether a step that changes its first operand in place cannot fail once it has begun to: it checks all places first."""
    return isinstance(step, HostCall) and not is_called(step.eqn) and is_checked(step.eqn)


def computed(step: Step, producers: Mapping[Var, Eqn], stored: Collection[Var]) -> Iterable[Eqn]:
    """The equations that a step computes, those that it takes into its loops among them; `stored`: what the steps give."""
    if isinstance(step, MatMul) and step.epilogue is not None:
        yield from computed(step.epilogue, producers, stored)
    if not isinstance(step, Group):
        yield from (*(step.binds if isinstance(step, Procedure) else ()), step.eqn)
        return
    targets = {stage.target for stage in step.stages}
    seen: set[Eqn] = set()
    todo: list[Atom] = [stage.atom for stage in step.stages]
    while todo:
        atom = todo.pop()
        eqn = producers.get(atom) if isinstance(atom, Var) else None
        if eqn is not None and eqn not in seen:
            seen.add(eqn)
            yield eqn
            todo += [operand for operand in eqn.inputs if operand not in stored and operand not in targets]


def may_fail(eqn: Eqn) -> bool:
    """Whether a call may end at this equation: an assumption, an index that is checked, an error of NumPy's."""
    return assumes(eqn) or anywhere(eqn, _raises) or any(called_in(eqn))


def _raises(eqn: Eqn) -> bool:
    return is_checked(eqn) if eqn.primitive.indexed else eqn.primitive.raises


def read_elsewhere(program: Program, last: Mapping[Var, int]) -> frozenset[Var]:
    """What a WRITE puts into an array it might write over, computed from other elements of that array: to be stored first."""
    found: set[Var] = set()
    for k, step in enumerate(program.steps):
        if isinstance(step, Procedure):
            given = {base for result in step.eqn.outputs for base in handed_on(step.eqn, result)}
            found.update(*(_elements(program, step.eqn, base) for base in given if k < last.get(base, NEVER) < NEVER))
            continue
        stage = step.stages[0] if isinstance(step, Group) and step.stages[0].writes else None
        if stage is None or stage.eqn is None or stage.base is None:
            continue
        base = stage.base
        if last.get(base) == k:
            found |= {v for v in stage.eqn.inputs[1:] if isinstance(v, Var) and not _spares(stage, base)}
        elif last.get(base, NEVER) < NEVER:
            found |= _elements(program, stage.eqn, base)
    return frozenset(found)


def _elements(program: Program, write: Eqn, base: Var) -> set[Var]:
    """Single elements of an array, read before it is written and needed after: `x[i], x[j] = x[j], x[i]`."""
    views: set[Atom] = {base}
    found: set[Var] = set()
    for eqn in program.graph.eqns[: program.graph.eqns.index(write)]:
        if not eqn.inputs or eqn.inputs[0] not in views or not (eqn.primitive.kind is Kind.VIEW or is_part(eqn)):
            continue
        (found if eqn.output.type.size == 1 else views).add(eqn.output)
    return found


def _spares(stage: Stage, base: Var) -> bool:
    """Whether a WRITE reads `base`, for what it puts there, only where it writes at that moment, or where it never writes."""
    eqn = stage.eqn
    assert eqn is not None and eqn.primitive.regions is not None
    regions = eqn.primitive.regions(*(atom.type for atom in eqn.inputs), **eqn.params)
    written = [(start, step, eqn.inputs[operand].type.shape) for operand, start, step in regions[1:]]
    for own, reads in zip(written, stage.regions[1:]):
        start, step, shape = own
        here = tuple(i * by + first for i, by, first in zip(axes_index(shape), step, start))
        for var, index in reads if product(shape) != 1 else ():
            if var is not base or index == here:
                continue
            if isinstance(index, Affine) or var.type.shape != stage.shape:
                if element_offset(var, index, {}) != offset_of(here, contiguous_strides(stage.shape)):
                    return False
                continue
            others = [region for region in written if region is not own or not _beside(index, here, shape)]
            if not all(_miss(index, shape, *region, stage.shape) for region in others):
                return False
    return True


def _beside(index: Index, here: Index, loop: Shape) -> bool:
    """Whether a loop reads where it writes, or a row of its own beside that one: `x[0] = x[n]`."""
    return all(at == own or (size == 1 and at.is_constant) for at, own, size in zip(index, here, loop))


def _miss(index: Index, loop: Shape, start: Shape, step: Shape, shape: Shape, whole: Shape) -> bool:
    """Whether what loops over shape `loop` read here is no element of a region: along some axis all lies before or after it."""
    known = Signs(frozenset().union(*map(_sizes, (*loop, *shape, *whole))))
    for at, first, by, size in zip(index, start, step, shape):
        ends = [(c, loop[int(name[1:])] - 1) for name, c in at.terms.items() if name[0] == "i"]
        if len(ends) < len(at.terms):
            continue  # at a place that only a run knows
        least, most = known.interval([(c, 0, most) for c, most in ends])
        last = first + by * (size - 1)
        if not isinstance(by, int):
            continue  # nobody knows which way it goes
        first, last = (first, last) if by >= 0 else (last, first)
        before = most is not None and known.positive(first - (most + at.const))
        if before or (least is not None and known.positive(least + at.const - last)):
            return True
    return False


def _sizes(size: Size) -> frozenset[str]:
    """The symbols that are 1 at least where a loop over this size runs: of a product, all; of other sums, none need be."""
    return size.symbols if isinstance(size, Dim) and len(size.terms) == 1 else frozenset()


def _is_whole(stage: Stage) -> bool:
    """Whether a WRITE begins with the whole of its first operand."""
    eqn = stage.eqn
    assert eqn is not None and eqn.primitive.regions is not None
    _, start, step = eqn.primitive.regions(*(atom.type for atom in eqn.inputs), **eqn.params)[0]
    return eqn.inputs[0].type.shape == stage.shape and set(start) <= {0} and set(step) <= {1}


def handed_on(eqn: Eqn, result: Var) -> Iterable[Var]:
    """The operand that a branch or loop hands on, written or not, as a result."""
    k = eqn.outputs.index(result)
    if eqn.primitive.body == "loop":
        operand: Atom | None = eqn.inputs[k]
    elif eqn.primitive.body in ("recursion", "again"):
        operand = eqn.inputs[k] if k < eqn.params["state"] else None
    else:
        origins = {_origin(eqn.params[word], eqn.params[word].outputs[k]) for word in ("then", "orelse")}
        at = origins.pop()
        operand = eqn.inputs[1 + at] if at is not None and not origins else None
    if isinstance(operand, Var) and eqn.inputs.count(operand) == 1:
        yield operand


def _origin(graph: Graph, atom: Atom) -> int | None:
    """Which input an output is, written any number of times."""
    producers = graph.producers
    while atom not in graph.inputs:
        eqn = producers.get(atom) if isinstance(atom, Var) else None
        if eqn is None:
            return None
        if eqn.primitive.kind is Kind.WRITE:
            atom = eqn.inputs[0]
        elif eqn.primitive.kind is Kind.CONTROL:
            below = list(handed_on(eqn, atom))  # type: ignore[arg-type]
            if not below:
                return None
            atom = below[0]
        else:
            return None
    return graph.inputs.index(atom)  # type: ignore[arg-type]
