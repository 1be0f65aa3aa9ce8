"""Arrays of several lengths in a list, looked up at a place that only a run knows: `for v in neighbours[u]`.

They stand one after another in one array of the whole call, if nobody writes them; the one at a place is a part of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.control.fixed import outside
from hybrid.control.items import IN_LIST, is_kept, returned
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim
from hybrid.frontend import integers
from hybrid.frontend.indexing import getitem
from hybrid.frontend.values import Value, assembled, symbol, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.trace import Symbol, Trace

MOST, FOUND = 256, 16  # arrays of one list; those among them whose lengths a run finds, each by machine code of its own


@dataclass(frozen=True, slots=True)
class Ragged:
    """Arrays one after another: that at place k begins at `begins[k]` and ends where the next begins."""

    arrays: Sequence[Any]  # which they are
    whole: Any
    begins: Any

    def item(self, trace: Trace, index: Any) -> Any:
        """The array at a place."""
        places = (getitem(self.begins[part], index) for part in (slice(None, -1), slice(1, None)))
        first, end = (tr.read(symbol(trace, place)) for place in places)
        for atom in (first, end):
            trace.ranges[atom] = 0, symbol(trace, self.whole).type.shape[0]
        out = getitem(self.whole, slice(integers.python(trace, first), integers.python(trace, end)))
        cell = unwrap(out).cell
        cell.frozen, cell.shared = IN_LIST, returned()
        return out


def ragged(trace: Trace, items: Sequence[Any]) -> Ragged | None:
    """Arrays of one dtype that differ in length at most; None where they are none, or may change."""
    if not 0 < len(items) <= MOST or any(not _is_array(item) for item in items):
        return None
    types = [symbol(trace, item).type for item in items]
    if any(type_.dtype != types[0].dtype or type_.shape[1:] != types[0].shape[1:] or not type_.shape for type_ in types):
        return None
    if sum(isinstance(type_.shape[0], Dim) for type_ in types) > FOUND:
        return None
    made = [data.cell.home for item in items if type(data := unwrap(item)) is Symbol]
    if any(home is not None for home in made) or not all(map(is_kept, items)):
        return None
    with outside(trace):
        sizes = [type_.shape[0] for type_ in types]
        whole = np.concatenate([wrap(symbol(trace, item)) for item in items])
        if any(isinstance(size, Dim) for size in sizes):
            begins = np.cumsum(assembled(trace, [0, *(integers.integer(trace, size) for size in sizes)]))
            whole = whole[: begins[-1]]  # as long as one number says: what is compared to a sum of many sizes takes seconds
        else:
            known = np.cumsum([0, *sizes])
            known.flags.writeable = False
            begins = wrap(trace.capture(known, "ndarray", private=True))
    return Ragged(items, whole, begins)


def _is_array(item: Any) -> bool:
    if type(item) is np.ndarray:
        return item.dtype in dt.SHORT
    return isinstance(item, Value) and type(item._data) is Symbol and item._data.kind == "ndarray"
