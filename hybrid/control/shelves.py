"""Sets of integers with CPython's own tables that are in no container: what operators make of such sets, and copies in whose
order others are iterated over. Each is the only item of a list that nobody else knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hybrid.control import algorithms, probing
from hybrid.control.inner import InnerSet, is_integer_layout
from hybrid.control.items import layout_of_item, together
from hybrid.control.lists import Listed
from hybrid.control.mapped import ALIVE
from hybrid.control.own import plain
from hybrid.control.sets import FEWER, OPERATORS, SetOf, is_as_entered
from hybrid.control.structure import Layout, RowLayout
from hybrid.core import dtype as dt
from hybrid.ir import trace as tr
from hybrid.ir.trace import Trace


class Shelf(Listed):
    """A list of one set."""

    def __init__(self, trace: Trace, layout: Layout):
        super().__init__(trace, [])
        self.room //= FEWER
        self.store([set()], RowLayout(layout, set))


def shelved(trace: Trace, layout: Layout) -> InnerSet:
    """A new set."""
    out = Shelf(trace, layout)._item(tr.literal(0, dt.int64))
    out.is_row = False
    return out


def in_order(items: SetOf) -> InnerSet | None:
    """A set as CPython has it; None where nobody knows its order."""
    if isinstance(items, InnerSet):
        known = items.entries.layout is not None and items.is_ordered
        if known:
            items.assume_ordered()
        return items if known else None
    if items.unordered:
        return items.again()
    if not items.as_entered or not is_integer_layout(items.entries.layout[0]):
        return None
    items.assume_as_entered()
    out = shelved(items.trace, items.entries.layout)
    out.run(algorithms.add_all, items._iterated())
    return out


def made(trace: Trace, function: Callable | str, *operands: Any) -> Any:
    """What an operator makes of two sets, of which one at least is a table of CPython's; None where its order is not known."""
    given = [plain(operand) for operand in operands]
    if any(not isinstance(operand, (SetOf, set, frozenset)) for operand in given):
        return None
    if not any(isinstance(operand, InnerSet) for operand in given):
        return None
    layout: Layout = None
    for operand in given:
        if not isinstance(operand, SetOf):
            for item in operand:
                layout = together(layout, (layout_of_item(item), (), ALIVE), None)
            if not is_as_entered(operand):
                return None
        elif operand.entries.layout is not None:
            layout = together(layout, operand.entries.layout, None)
    if layout is None or not is_integer_layout(layout[0]):
        return None
    given = [in_order(operand) if isinstance(operand, SetOf) else operand for operand in given]
    if None in [operand for operand in given if not isinstance(operand, set)]:
        return None
    out = shelved(trace, layout)
    trace.handlers.algorithm(_FUNCTIONS[function] if len(given) > 1 else probing.take)(out, *given)
    return out


_FUNCTIONS = {
    algorithms.add_common: probing.intersect,
    algorithms.add_missing: probing.subtract,
    algorithms.add_all: probing.unite,
    "and_": probing.intersect,
    "sub": probing.subtract,
    "or_": probing.unite,
}
OPERATORS["made"] = made
OPERATORS["in_order"] = in_order
