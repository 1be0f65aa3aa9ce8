"""Where each operand is read when an element of a result is wanted: the index algebra that fusion and lowering share.

An index is a tuple of affine forms over loop variables. Pulling element `index` of a MAP pulls the same element of its
operands; pulling it from a VIEW pulls element `view.index(index)` of operand 0; and so on down to stored arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hybrid.core.affine import Affine
from hybrid.core.shape import Shape, contiguous_strides, product
from hybrid.ir.graph import Atom, Eqn, Graph, Var
from hybrid.ir.primitive import Kind
from hybrid.ops.contract import free_axes

Index = tuple[Affine, ...]
MANY_NUMBERS = 500  # computed in one graph: a transform of 64 numbers in lists, at 1 400 of them, took 13 s to compile
PARTS = ("real", "imag")  # operations that read one part of complex numbers, in their order in memory


class NotAffine(Exception):
    """The view merges axes of an operand that is not stored in one piece: it must be stored first."""

    def __init__(self, operand: Atom):
        super().__init__(operand)
        self.operand = operand


class Gather:
    """What a VIEW's index map may ask for: the value of an integer operand, as a named unknown.

    Args:
        eqn: the view.
        name: gives the unknown's name for (operand, index, size of the indexed axis).
    """

    def __init__(self, eqn: Eqn, name: Callable[[Atom, Index, object], str]):
        self.eqn, self.name = eqn, name

    def gather(self, operand: int, index: Sequence, size: object) -> Affine:
        return Affine.var(self.name(self.eqn.inputs[operand], as_index(index), size))


def as_index(items: Sequence) -> Index:
    return tuple(item if isinstance(item, Affine) else Affine.of(item) for item in items)


def axes_index(shape: Shape, prefix: str = "i") -> Index:
    """One loop variable per axis; axes of size 1 stay at 0."""
    return tuple(Affine.of(0) if size == 1 else Affine.var(f"{prefix}{a}") for a, size in enumerate(shape))


def view_index(eqn: Eqn, index: Index, name: Callable[[Atom, Index, object], str]) -> Index | None:
    """The index of operand 0 that a VIEW reads, or None where it is not affine."""
    types = [atom.type for atom in eqn.inputs]
    assert eqn.primitive.index is not None
    out = eqn.primitive.index(index, types, Gather(eqn, name), **eqn.params)
    return None if out is None else as_index(out)


def is_part(eqn: Eqn) -> bool:
    """Whether the equation reads the real or the imaginary parts of complex numbers, which lie side by side in memory."""
    return eqn.primitive.body in PARTS


def reduced_index(eqn: Eqn, index: Index, reduced: Index) -> list[tuple[Atom, Index]]:
    """What a REDUCE or CONTRACT reads at result `index` and reduction variables `reduced`."""
    if eqn.primitive.kind is Kind.REDUCE:
        axes, kept, over = eqn.params["axes"], iter(index), iter(reduced)
        operand = eqn.inputs[0]
        return [(operand, tuple(next(over) if a in axes else next(kept) for a in range(operand.type.ndim)))]
    contract, batch = eqn.params["contract"], eqn.params["batch"]
    lead, at = len(batch[0]), len(batch[0])
    out: list[tuple[Atom, Index]] = []
    for side in (0, 1):
        atom = eqn.inputs[side]
        free = free_axes(atom.type.ndim, contract[side], batch[side])
        place: dict[int, Affine] = dict(zip(batch[side], index[:lead]))
        place.update(zip(free, index[at : at + len(free)]))
        place.update(zip(contract[side], reduced))
        at += len(free)
        out.append((atom, tuple(place[a] for a in range(atom.type.ndim))))
    return out


def reduced_shape(eqn: Eqn) -> Shape:
    """The extents of the reduction variables."""
    if eqn.primitive.kind is Kind.REDUCE:
        return tuple(eqn.inputs[0].type.shape[a] for a in eqn.params["axes"])
    return tuple(eqn.inputs[0].type.shape[a] for a in eqn.params["contract"][0])


def offset_of(index: Index, strides: Shape) -> Affine:
    out = Affine.of(0)
    for i, step in zip(index, strides, strict=True):
        out = out + i * step
    return out


def own_place(index: Index | Affine, shape: Shape, loop: Shape) -> bool:
    """Whether loops over shape `loop` that read a C-contiguous array of this shape here walk its memory in order, once."""
    if product(shape) != product(loop):
        return False
    if not loop and not shape:
        return True
    offset = index if isinstance(index, Affine) else offset_of(index, contiguous_strides(shape))
    return offset == offset_of(axes_index(loop), contiguous_strides(loop))


def flat_offset(eqn: Eqn, index: Index) -> Affine:
    """The linear place of a reshaped element: reshape keeps it."""
    return offset_of(index, contiguous_strides(eqn.output.type.shape))


def is_flat(var: Var, strides: Shape) -> bool:
    """Whether the array lies in one piece, in order."""
    want = contiguous_strides(var.type.shape)
    return all(size == 1 or a == b for size, a, b in zip(var.type.shape, strides, want, strict=True))


def read_twice(graph: Graph, readers: Mapping[Var, Sequence[Eqn]]) -> set[Var]:
    """The computed numbers that several equations read, where there are very many: loops over items that were written out.

    Stored, they are what a walk from a number to what it is made of ends at; else it goes through all of that for each.
    """
    numbers = [eqn.output for eqn in graph.eqns if eqn.primitive.kind is Kind.MAP and not eqn.output.type.shape]
    return {var for var in numbers if len(readers.get(var, ())) > 1} if len(numbers) > MANY_NUMBERS else set()
