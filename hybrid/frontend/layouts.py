"""In which order the elements of arrays lie that branches and loops leave, and of those that are made in an order asked for.

What a reshape of an array shares memory with depends on it. Where it is one order or another, a reshape is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core.errors import TraceError
from hybrid.frontend.values import laid_out, unwrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Symbol, Trace
from hybrid.ops import elementwise as e

ROWS = "C"
_PARTS = "parts"  # of larger arrays


def layout_of(value: Any) -> Any:
    """C's order, the axes from slowest to fastest, or that elements are apart."""
    data = unwrap(value)
    header = data.proto if type(data) is Symbol else data
    if not isinstance(header, np.ndarray) or header.flags.c_contiguous:
        return ROWS
    order = tuple(sorted(range(header.ndim), key=lambda axis: -header.strides[axis]))
    return order if header.transpose(order).flags.c_contiguous else _PARTS


def in_order(value: Any, order: str) -> Any:
    """A new array whose elements lie in an order that NumPy was asked for."""
    data = unwrap(value)
    if order not in ("F", "f") or type(data) is not Symbol:
        return value
    return laid_out(value, np.empty(data.cell.trace.hinted(data.type.shape), np.uint8, "F"))


def like_all(trace: Trace, value: Any, layouts: set[Any]) -> Any:
    """A new array that is laid out as whatever it is on each way, if that is one layout."""
    data = unwrap(value)
    if type(data) is not Symbol or data.kind not in ("ndarray", "tensor"):
        return value
    (layout, *others) = layouts
    if others or layout == _PARTS:
        trace.unsure.add(data.cell)
    elif layout != ROWS:
        shape = data.cell.trace.hinted(tuple(data.type.shape[axis] for axis in layout))
        laid_out(value, np.empty(shape, np.uint8).transpose(np.argsort(layout)))
    return value


@dataclass(frozen=True, slots=True)
class Turned:
    """Of an array that is reversed or transposed on one way of a branch, or in some rounds.

    Attributes:
        predicate: of the branch; None where it is not known in the end.
        straight: when it lies in C's order.
        transposed: whether arrays that are made of it are laid out as it is.
    """

    predicate: Atom | None
    straight: Atom | None
    transposed: bool


def _turn_of(value: Any) -> tuple[tuple[int, ...], bool]:
    """The axes from slowest to fastest, and whether some go backwards."""
    header = _header(value)
    axes = [axis for axis, size in enumerate(header.shape) if size != 1]
    return tuple(sorted(axes, key=lambda k: -abs(header.strides[k]))), any(header.strides[k] < 0 for k in axes)


def _header(value: Any) -> np.ndarray:
    data = unwrap(value)
    return data.proto if type(data) is Symbol else np.asarray(data)


def note_turned(trace: Trace, value: Any, ways: tuple, predicate: Atom | None = None) -> None:
    """Note of an array that comes from two ways if it lies in another order on one of them.

    Args:
        ways: what it is on either way, None for nothing.
        predicate: what the ways depend on, where that is a number at the end, too.
    """
    data, given = unwrap(value), [unwrap(way) for way in ways]
    if type(data) is not Symbol or any(0 in way.shape for way in map(_header, given)):
        return  # an array without elements lies in no order
    turns = [_turn_of(way) for way in given]
    straight = [turn == (tuple(sorted(turn[0])), False) for turn in turns]
    before = [trace.turned[way.cell] for way in given if type(way) is Symbol and way.cell in trace.turned]
    same = turns[0] == turns[1] and not turns[0][1]
    if not before and (all(straight) or same):
        return
    transposed = turns[0][0] != turns[1][0] or any(turned.transposed for turned in before)
    out = Turned(None, None, transposed)
    if predicate is not None and trace.region is None and not before and any(straight):
        out = Turned(predicate, predicate if straight[0] else trace.one(e.not_, predicate), transposed)
    trace.turned[data.cell] = out


def decide(trace: Trace, results: Iterable[Any]) -> None:
    """See to it that results lie in memory as they do undecorated: assume the way on which they are not turned."""
    if not trace.turned:
        return
    atoms = {cell.origin: turned for cell, turned in trace.turned.items()}
    wanted: list[Turned] = []
    for x in map(unwrap, results):
        if type(x) is not Symbol or x.kind not in ("ndarray", "tensor"):
            continue
        if x.cell in trace.turned:
            wanted.append(trace.turned[x.cell])
        else:
            wanted += [atoms[atom] for atom in _made_of(trace, x) if atom in atoms and atoms[atom].transposed]
    for turned in dict.fromkeys(wanted):
        error = TraceError("how a result lies in memory depends on the way that was taken", at=tr.user_line(),
                           fix="return a copy, np.array(y, order='C')")  # fmt: skip
        if turned.straight is None or turned.predicate is None:
            raise error
        asked = tr.undecided(trace, turned.predicate, error)
        if asked is not error:
            raise asked
        trace.assume(turned.straight, "a result is not turned in memory")


def _made_of(trace: Trace, x: Symbol) -> set[Atom]:
    """The arrays that an array is made of, and may be laid out as."""
    found: set[Atom] = {x.cell.value}
    for eqn in reversed(trace.builder.eqns):
        if not found.isdisjoint(eqn.outputs):
            found.update(atom for atom in eqn.inputs if len(atom.type.shape) > 1)
    return found


def ask(trace: Trace, value: Any) -> None:
    """Note that something depends on how an array is laid out, or refuse that where nobody knows."""
    data = unwrap(value)
    if type(data) is not Symbol:
        return
    if data.cell in trace.unsure:
        raise TraceError("whether a reshape is a view depends on the way that was taken, which only a run can tell",
                         fix="reshape a copy", at=tr.user_line())  # fmt: skip
    trace.asked.add(data.cell)


def settle(trace: Trace, head: Any, layouts: set[Any]) -> None:
    """Refuse a round that asked for the layout of a variable which enters another round with another one."""
    data = unwrap(head)
    if len(layouts) > 1 and type(data) is Symbol and data.cell in trace.asked:
        raise TraceError("whether a reshape is a view depends on the round", fix="reshape a copy", at=tr.user_line())
