"""Neighbouring elements, the parts of complex numbers, as whole vectors: one load or store for both parts of every lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybrid.codegen.instructions import MEMORY, mangled, vector
from hybrid.core.affine import Affine
from hybrid.core.shape import Dim
from hybrid.loops.nest import Const, Ref, Store

if TYPE_CHECKING:
    from hybrid.codegen.values import Array, Values


def part_of(array: Array, offset: Affine) -> int | None:
    """Which element of a pair of neighbours an offset means, in an array of such pairs (an even number, at even places)."""
    sizes = (array.size, *offset.terms.values())
    even = all(c % 2 == 0 for size in sizes for c in ((c for _, c in size.terms) if isinstance(size, Dim) else (size,)))
    return offset.const % 2 if even and isinstance(offset.const, int) else None


def store(at: Values, first: Store, second: Store) -> bool:
    """Two neighbouring elements in every lane, the parts of complex numbers, as one store; False where they are not."""
    array = at.array(first.buffer, first.value.dtype)
    if first.buffer != second.buffer or second.offset != first.offset + 1 or at.lanes == 1:
        return False
    if not all(isinstance(stmt.value, (Ref, Const)) for stmt in (first, second)):
        return False  # the second value may be read from where the first goes
    base, step, varying = at.address(first.offset)
    if varying is not None or step != 2:
        return False
    e, lanes, scalar = at.e, at.lanes, MEMORY[array.dtype]
    left, right = (at._stored(e.splat(at.evaluate(stmt.value), lanes)) for stmt in (first, second))
    value, wide = _zipped(at, left.text, right.text, scalar), vector(scalar, 2 * lanes)
    where = at.pointer(array, base, at.mask is None)
    if at.mask is None:
        e.emit(f"store {wide} {value}, ptr {where}, align {array.dtype.itemsize}")
    else:
        e.call(f"llvm.masked.store.{mangled(scalar, 2 * lanes)}.p0", "void", f"{wide} {value}", f"ptr {where}",
               f"i32 {array.dtype.itemsize}", f"{vector('i1', 2 * lanes)} {_pairs_of_mask(at)}")  # fmt: skip
    return True


def _zipped(at: Values, left: str, right: str, scalar: str) -> str:
    """The lanes of two vectors in turn."""
    lanes, kind = at.lanes, vector(scalar, at.lanes)
    order = ", ".join(f"i32 {lane}, i32 {lanes + lane}" for lane in range(lanes))
    return at.e.let(f"shufflevector {kind} {left}, {kind} {right}, <{2 * lanes} x i32> <{order}>")


def _pairs_of_mask(at: Values) -> str:
    assert at.mask is not None
    mask = at.e.splat(at.mask, at.lanes).text
    return _zipped(at, mask, mask, "i1")


def load(at: Values, array: Array, offset: Affine, part: int) -> str:
    """One part of each pair of neighbours. Loads of the other part read the same vector, once."""
    e, lanes, scalar = at.e, at.lanes, MEMORY[array.dtype]
    wide, alignment = vector(scalar, 2 * lanes), array.dtype.itemsize
    where = at.pointer(array, at.address(offset - part).base, at.mask is None)
    if at.mask is None:
        found = e.let(f"load {wide}, ptr {where}, align {alignment}")
    else:
        rest = "zeroinitializer"
        if not at.sparse:  # lanes beyond the end hold the first pair, and raise no floating-point flags of their own
            pair, both = vector(scalar, 2), ", ".join("i32 0, i32 1" for _ in range(lanes))
            first = e.let(f"load {pair}, ptr {where}, align {alignment}")
            rest = e.let(f"shufflevector {pair} {first}, {pair} poison, <{2 * lanes} x i32> <{both}>")
        found = e.call(f"llvm.masked.load.{mangled(scalar, 2 * lanes)}.p0", wide, f"ptr {where}", f"i32 {alignment}",
                       f"{vector('i1', 2 * lanes)} {_pairs_of_mask(at)}", f"{wide} {rest}")  # fmt: skip
    order = ", ".join(f"i32 {2 * lane + part}" for lane in range(lanes))
    return e.let(f"shufflevector {wide} {found}, {wide} poison, <{lanes} x i32> <{order}>")
