"""Which lists have arrays in common: an array that is put into two of them, or into one twice, is one object.

Storage copies the elements of an array that is put into a list. What a result is made of would be another array for each time,
so lists that have one in common are not returned together, nor is a list that has it twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hybrid.control.items import TWICE, Layout, RowLayout, borrowed, has_arrays, members
from hybrid.core.errors import TraceError
from hybrid.frontend.values import unwrap
from hybrid.ir.trace import Cell, Symbol, Trace


class Family:
    """Lists made of one another, in which an item is one object.

    Attributes:
        borrows: who else may know their arrays (`items.borrowed`).
        parts: families whose items they may have, too: of lists that were put into one, or that one may be.
        others: families that have an array which is in one of these lists.
    """

    def __init__(self, *parts: Family) -> None:
        self.borrows: int = max((part.borrows for part in parts), default=0)
        self.parts, self.others = set(parts), set[Family]()

    def takes(self, trace: Trace, item: Any) -> None:
        """Note who else may know the arrays of an item that is put into one of the lists, and has them from now on."""
        self.borrows = max(self.borrows, borrowed(item))
        for cell in _arrays(item):
            for other in _keepers(trace, cell):
                if other in self.whole():
                    self.borrows = max(self.borrows, TWICE)
                else:
                    self.others.add(other)
                    other.others.add(self)
            trace.keeps(cell, self)

    def joins(self, other: Family) -> None:
        """Note that a list of another family is put into one of these."""
        twice = any(not family.others.isdisjoint(self.whole()) for family in other.whole())
        self.borrows = max(self.borrows, other.borrows, TWICE * twice)
        self.parts.add(other)

    def whole(self) -> set[Family]:
        """This and all that it has parts of."""
        found, pending = set(), [self]
        while pending:
            family = pending.pop()
            if family not in found:
                found.add(family)
                pending += family.parts
        return found

    def meets(self, other: Family) -> bool:
        """Whether an array may be in a list of either."""
        own, theirs = self.whole(), other.whole()
        return not own.isdisjoint(theirs) or any(not theirs.isdisjoint(family.others) for family in own)


def _arrays(item: Any) -> Iterator[Cell]:
    """The storage of the arrays among the parts of an item."""
    if (parts := members(item)) is not None:
        for part in parts:
            yield from _arrays(part)
        return
    data = unwrap(item)
    if type(data) is Symbol and data.kind in ("ndarray", "tensor"):
        yield data.cell


def _keepers(trace: Trace, cell: Cell) -> set[Family]:
    """The families of the lists that an array has been put into, on the way to where the trace stands."""
    region, found = trace.region, set(trace.keepers.get(cell, ()))
    while region is not None:
        found.update(region.keepers.get(cell, ()))
        region = region.outer
    return found


def _holds_arrays(layout: Layout) -> bool:
    """Whether items are or have arrays, or are lists of such."""
    if isinstance(layout, RowLayout):
        return _holds_arrays(layout.inner)
    return any(map(_holds_arrays, layout)) if isinstance(layout, tuple) else has_arrays(layout)


def refuse_met(lists: list[Any]) -> None:
    """TraceError for lists of arrays that are returned, of which one array may be in two."""
    families = [own.family for own in lists if _holds_arrays(getattr(own, "layout", None))]
    for k, family in enumerate(families):
        if any(family.meets(other) for other in families[:k]):
            raise TraceError("arrays of a list are returned in another one, too")
