"""What a program is made of: groups of stages, matrix products, host calls and procedures, in order of execution."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.cost import Cost
from hybrid.core.shape import Dim, Shape, Size, contiguous_strides, product
from hybrid.ir.graph import Atom, Eqn, Graph, Var, bodies
from hybrid.ir.primitive import Kind
from hybrid.ops import view
from hybrid.passes.access import PARTS, Index, offset_of, reduced_shape
from hybrid.passes.contract import Product

SMALL = 16_384  # elements below which one core finishes before a second has started
BLAS_WORK = 32**3  # multiply-adds below which a generated loop beats the call of a BLAS
LOOP_WORK = 8 * BLAS_WORK  # the same inside a kernel, where the call goes through Python
SHORT_AXIS = 8  # an innermost axis below this leaves most vector lanes empty
UNKNOWN = 1 << 20  # a symbolic size is taken for large


@dataclass(frozen=True, eq=False, slots=True)
class Stage:
    """One value computed by a group: the reduction or elementwise tree of `atom`, stored in `target`."""

    target: Var  # names the buffer; equals atom except for copies into results
    atom: Atom
    eqn: Eqn | None  # of a reduction or WRITE; None: an elementwise tree
    reads: tuple[tuple[Var, Index | Affine], ...]
    regions: tuple[tuple[tuple[Var, Index | Affine], ...], ...] = ()  # of a WRITE: what each operand reads, at its own places
    base: Var | None = None  # the stored array whose elements, in order, a WRITE begins with, or that another stage copies

    @property
    def shape(self) -> Shape:
        return self.target.type.shape

    @property
    def reduces(self) -> bool:
        return self.eqn is not None and self.eqn.primitive.kind in (Kind.REDUCE, Kind.CONTRACT)

    @property
    def writes(self) -> bool:
        return self.eqn is not None and self.eqn.primitive.kind is Kind.WRITE


@dataclass(eq=False, slots=True)
class Group:
    """Stages in order over `outer` common leading axes. `alone`: a shape of loop of its own (column reduction, WRITE)."""

    stages: list[Stage]
    outer: int
    alone: bool
    stored: set[Var] = field(default_factory=set)  # targets that other steps or the caller read

    @property
    def outer_shape(self) -> Shape:
        return self.stages[0].shape[: self.outer]

    @property
    def reads(self) -> Iterator[Var]:
        own = {stage.target for stage in self.stages}
        return (var for stage in self.stages for var, _ in stage.reads if var not in own)

    @property
    def results(self) -> Iterator[Var]:
        return (stage.target for stage in self.stages if stage.target in self.stored)


@dataclass(frozen=True, eq=False, slots=True)
class Operand:
    """A stored array seen through views: element (i0, i1, …) lies at `offset`."""

    var: Var
    offset: Affine


@dataclass(eq=False, slots=True)
class MatMul:
    """A contraction that goes to BLAS, and elementwise work on its result (see `passes/epilogue.py`)."""

    eqn: Eqn
    left: Operand
    right: Operand
    product: Product
    epilogue: Group | None = None
    axes: tuple[int, ...] = ()  # of the epilogue: those that close an axis of the product

    @property
    def operands(self) -> tuple[Var, Var]:
        return self.left.var, self.right.var

    @property
    def reads(self) -> Iterator[Var]:
        more = self.epilogue.reads if self.epilogue else ()
        return (var for var in (*self.operands, *more) if var is not self.eqn.output)

    @property
    def results(self) -> Iterator[Var]:
        return iter((*self.eqn.outputs, *(self.epilogue.results if self.epilogue else ())))


@dataclass(eq=False, slots=True)
class HostCall:
    """A primitive with no lowering: statements of its own where they can be spelled out, else a call of NumPy's."""

    eqn: Eqn
    cost: Cost = field(default_factory=Cost)

    @property
    def spelled(self) -> bool:
        """Whether statements compute it, be it only where it is small, or the call of a C function."""
        if self.eqn.primitive.native is not None:
            return True
        if self.eqn.primitive.kind is not Kind.OPAQUE:
            return not is_called(self.eqn)
        return limits(self.eqn) is not None

    @property
    def reads(self) -> Iterator[Var]:
        return (atom for atom in self.eqn.inputs if isinstance(atom, Var))

    @property
    def results(self) -> Iterator[Var]:
        return iter(self.eqn.outputs)


@dataclass(eq=False, slots=True)
class Procedure:
    """Branches, loops, assumptions and sizes: statements of their own, around those of the bodies (`loops/procedure.py`)."""

    eqn: Eqn
    binds: tuple[Eqn, ...] = ()  # those before it in the program whose symbols it mentions, in order

    @property
    def reads(self) -> Iterator[Var]:
        return (atom for eqn in (*self.binds, self.eqn) for atom in eqn.inputs if isinstance(atom, Var))

    @property
    def results(self) -> Iterator[Var]:
        return iter(self.eqn.outputs)


@dataclass(eq=False, slots=True)
class Bind:
    """A number that becomes a size: of arrays that steps after it make and read."""

    eqn: Eqn

    @property
    def symbol(self) -> str:
        return self.eqn.params["symbol"]

    @property
    def reads(self) -> Iterator[Var]:
        return (atom for atom in self.eqn.inputs if isinstance(atom, Var))

    @property
    def results(self) -> Iterator[Var]:
        return iter(())


Step = Group | MatMul | HostCall | Procedure | Bind


@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """Steps in order of execution, and the variable that holds each result of the graph."""

    graph: Graph
    steps: tuple[Step, ...]
    outputs: tuple[Var, ...]
    notes: tuple[Any, ...] = ()  # what the passes that made it say

    def __str__(self) -> str:
        return "\n".join(_describe(step) for step in self.steps)


def _describe(step: Step) -> str:
    if isinstance(step, Group):
        names = ", ".join(s.eqn.primitive.name if s.eqn else "map" for s in step.stages)
        return f"kernel over {list(step.outer_shape)}: {names}"
    if isinstance(step, (Procedure, Bind)):
        return f"procedure {step.eqn.primitive.name}" if isinstance(step, Procedure) else f"size {step.symbol}"
    after = f", then on its panels: {_describe(step.epilogue)}" if isinstance(step, MatMul) and step.epilogue else ""
    return f"{'blas' if isinstance(step, MatMul) else 'host'} {step.eqn.primitive.name}{after}"


def element_offset(var: Var, index: Index | Affine, strides: Mapping[Var, Shape]) -> Affine:
    """Where in memory an element that a stage reads lies."""
    return index if isinstance(index, Affine) else offset_of(index, strides.get(var) or contiguous_strides(var.type.shape))


def number(size: Size) -> int:
    return UNKNOWN if isinstance(size, Dim) else size


def lowers(eqn: Eqn) -> bool:
    """Whether the equation can become loops."""
    p = eqn.primitive
    if p.kind is Kind.CONTROL:
        return all(nests(inner) for body in bodies(eqn).values() for inner in body.eqns)
    if p.kind is Kind.OPAQUE or (p.body is None and p.kind in (Kind.MAP, Kind.REDUCE)):
        return False
    if _is_complex(eqn) and p.kind is not Kind.WRITE:
        return p.body in ("complex", *PARTS)  # see `passes/complex.py`
    return p.lowers is None or p.lowers(*(atom.type for atom in eqn.inputs), **eqn.params)


def nests(eqn: Eqn) -> bool:
    """Whether the equation can stand in the body of a branch or loop: as loops, or as a call of NumPy from inside them."""
    return lowers(eqn) or eqn.primitive.kind is Kind.OPAQUE or (eqn.primitive.kind is not Kind.CONTROL and not _is_complex(eqn))


def is_called(eqn: Eqn) -> bool:
    """Whether NumPy computes it, or may, even in the body of a branch or loop."""
    found = limits(eqn)
    return found is None or bool(found)


def limits(eqn: Eqn) -> list[tuple[Size, int]] | None:
    """Sizes that only a run knows, and up to what they leave it to loops, in the body of a branch or loop; None: NumPy
    computes it whatever they are."""
    p, types = eqn.primitive, [atom.type for atom in eqn.inputs]
    if p.kind is Kind.OPAQUE and p.body is not None and (p.with_complex or not _is_complex(eqn)):
        if p.lowers is not None and not p.lowers(*types, **eqn.params):
            return None
        found = p.limits(*types, **eqn.params) if p.limits is not None else ()
    else:
        if not lowers(eqn):
            return None
        found = [(_work(eqn), LOOP_WORK)] if p.kind is Kind.CONTRACT and min(t.ndim for t in types) > 1 else ()
    if any(isinstance(size, int) and size > most for size, most in found):
        return None
    return [(size, most) for size, most in dict(found).items() if isinstance(size, Dim)]


def called_in(eqn: Eqn) -> Iterator[Eqn]:
    """The host calls in the bodies of a branch or loop."""
    for body in bodies(eqn).values():
        for inner in body.eqns:
            yield from called_in(inner) if bodies(inner) else (inner,) if is_called(inner) else ()


def without_nesting(eqn: Eqn) -> set[str]:
    """What keeps a branch or loop from becoming a kernel."""
    if eqn.primitive.kind is Kind.CONTROL:
        return {name for body in bodies(eqn).values() for inner in body.eqns for name in without_nesting(inner)}
    return set() if nests(eqn) else {f"{eqn.primitive.name} of complex numbers"}


def _is_complex(eqn: Eqn) -> bool:
    return any(dt.is_complex(t.dtype) for t in (*(a.type for a in eqn.inputs), *(v.type for v in eqn.outputs)))


def is_large(eqn: Eqn) -> bool:
    """A matrix product that loops would take much longer for than a BLAS, or may."""
    if eqn.primitive.kind is not Kind.CONTRACT or min(atom.type.ndim for atom in eqn.inputs) < 2:
        return False
    work = _work(eqn)
    return isinstance(work, Dim) or work > LOOP_WORK


def over_transposed(graph: Graph) -> Graph:
    """Products of matrices that NumPy is called for take a transposed operand as it lies: a BLAS walks it either way."""
    producers = graph.producers
    eqns = tuple(_over_transposed(e, producers) if e.primitive.kind is Kind.CONTRACT and is_large(e) else e for e in graph.eqns)
    return graph if all(a is b for a, b in zip(eqns, graph.eqns)) else graph.replace(eqns=eqns)


def _over_transposed(eqn: Eqn, producers: Mapping[Var, Eqn]) -> Eqn:
    contract, batch = list(eqn.params["contract"]), list(eqn.params["batch"])
    atoms: list[Atom] = list(eqn.inputs)
    for side, atom in enumerate(atoms):
        below = producers.get(atom) if isinstance(atom, Var) else None
        if below is None or below.primitive is not view.transpose or atom.type.ndim != len(batch[side]) + 2:
            continue
        perm = below.params["perm"]
        along = tuple(perm[axis] for axis in batch[side])
        if len(contract[side]) == 1 and atom.type.ndim - 1 not in along:  # the last axis in memory is one of the matrix
            atoms[side], batch[side] = below.inputs[0], along
            contract[side] = (perm[contract[side][0]],)
    if all(a is b for a, b in zip(atoms, eqn.inputs)):
        return eqn
    return dataclasses.replace(
        eqn, inputs=tuple(atoms), params={**eqn.params, "contract": tuple(contract), "batch": tuple(batch)}
    )


def _work(eqn: Eqn) -> Size:
    """Multiply-adds of a CONTRACT equation."""
    return product(reduced_shape(eqn)) * eqn.output.type.size


def by_rows(stage: Stage, strides: Mapping[Var, Shape]) -> bool:
    """Whether a reduction runs along memory: fewer operands jump in its last axis than in the last kept one, or as many
    and more of them go step by step."""
    assert stage.eqn is not None
    kept = [axis for axis, size in enumerate(stage.shape) if size != 1]
    if not kept:
        return True
    last = f"r{len(reduced_shape(stage.eqn)) - 1}", f"i{kept[-1]}"
    offsets = [element_offset(var, index, strides) for var, index in stage.reads]
    along, across = ([offset.coefficient(axis) for offset in offsets] for axis in last)
    jumps, others = (sum(step not in (0, 1) for step in steps) for steps in (along, across))
    if jumps != others and number(stage.shape[kept[-1]]) >= SHORT_AXIS:
        return jumps < others
    return along.count(1) >= across.count(1)
