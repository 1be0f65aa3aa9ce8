"""The call of a function of the user's that Numba compiled: arrays as they lie, or copied into the order it was compiled for.

What it may write into has the place of a result, which is the operand's where nobody needs that any more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from hybrid.core import dtype as dt
from hybrid.core.affine import Affine
from hybrid.core.jitted import Jitted
from hybrid.core.shape import contiguous_strides, product
from hybrid.ir.graph import Atom, Eqn, Literal
from hybrid.loops.gufuncs import moved
from hybrid.loops.nest import Code, Const, Expr, Index, Load, Native, Slot, Stmt, convert
from hybrid.loops.places import Places


def call(eqn: Eqn, places: Places) -> Iterator[Stmt]:
    function: Jitted = eqn.params["call"]
    for atom, var in zip(eqn.inputs[: function.writes], eqn.outputs):
        yield from places.copy(atom, places.names[var])
    made = places.call(eqn)
    if not function.address:
        yield made
        return
    slots, arrays, numbers, sizes = list(made.reads), [], {}, {}
    at = 0  # among the slots, which literals have none of
    for k, (place, atom) in enumerate(zip(function.places, eqn.inputs)):
        part = function.arguments[place]
        if not part.is_array:
            numbers[place] = _number(atom, places)
        elif k < function.writes:
            arrays.append((place, places.names[eqn.outputs[k]]))
        else:
            before, slots[at] = _whole(slots[at], places)
            yield from before
            arrays.append((place, slots[at].buffer))
        if part.is_array:
            given = [Index(Affine.of(size)) for size in atom.type.shape]
            sizes[place] = given[::-1] if part.order == "F" else given  # which is transposed
        at += not isinstance(atom, Literal)
    taken = [places.names[var] for var in eqn.outputs[function.writes :]]
    results = [Index(Affine.of(size)) for var in eqn.outputs[function.writes :] for size in var.type.shape]
    codes = (Code.PYTHON.noted(made.note), Code.SIZES.noted(places.note(eqn.params["site"], eqn.source)))
    native = Native(
        function.symbol,
        (
            *(Const(code, dt.int64) for code in codes),
            *(numbers[place] for place in sorted(numbers)),
            *(size for place in sorted(sizes) for size in sizes[place]),
            *results,
        ),
        arrays=(*(name for _, name in sorted(arrays)), *taken),
    )
    yield dataclasses.replace(made, reads=tuple(slots), native=native)


def _number(atom: Atom, places: Places) -> Expr:
    """A number as an operand of a C function: a float64 or int64."""
    dtype = atom.type.dtype
    value = Const(atom.value, dtype) if isinstance(atom, Literal) else Load(places.names[atom], Affine.of(0), dtype)
    wide = dt.float64 if dt.is_float(dtype) else dt.int64
    return value if dtype == wide else convert(value, wide)


def _whole(slot: Slot, places: Places) -> tuple[list[Stmt], Slot]:
    """An operand in C order without gaps."""
    strides = contiguous_strides(slot.shape)
    if strides == slot.strides:
        return [], slot
    name = places.place(slot.dtype, product(slot.shape))
    copy = moved(name, slot.dtype, strides, slot.buffer, slot.dtype, slot.strides, slot.shape)
    return list(copy), Slot(name, slot.dtype, slot.shape, strides)
