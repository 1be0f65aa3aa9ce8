"""Storage whose items turn out to be of several kinds: `rows.append((i, None))` after a loop that appended pairs of numbers.

What stands there already is rewritten in place, one number of an item after another; those that stay what they were are kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from hybrid.control.items import atoms_of, is_text, item_of, types_of
from hybrid.control.plain import State
from hybrid.control.structure import Layout, RowLayout
from hybrid.core.shape import Size
from hybrid.frontend import integers
from hybrid.frontend.indexing import getitem, setitem
from hybrid.frontend.values import stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.trace import Trace

_NO_STATE = State((), tuple, lambda values: None, frozenset(), frozenset(), frozenset())


def recast(trace: Trace, before: Layout, after: Layout, buffers: Iterator[Any], capacity: Size) -> Iterator[Any]:
    """The arrays of the numbers of items that had another layout."""
    if isinstance(before, tuple) and before != after and not is_text(after):
        for part, other in zip(before, after):
            yield from recast(trace, part, other, buffers, capacity)
        return
    given = list(itertools.islice(buffers, len(types_of(before))))
    if before == after or isinstance(before, RowLayout):
        yield from given
        return
    made = []
    for type_ in types_of(after):
        zeros = stretched(trace, tr.literal(0, type_.dtype), (capacity, *type_.shape))
        made.append(wrap(trace.fresh(zeros, "ndarray")))

    if before is None:  # there is no item yet
        yield from made
        return

    def move(k: Any) -> None:
        parts = (tr.read(symbol(trace, getitem(buffer, k))) for buffer in given)
        for buffer, atom in zip(made, atoms_of(trace, item_of(trace, before, parts), after)):
            setitem(buffer, k, wrap(trace.fresh(atom, "ndarray")))

    places = range(capacity) if isinstance(capacity, int) else trace.handlers.builtin(range)(integers.integer(trace, capacity))
    trace.handlers.for_(places, move, _NO_STATE)
    yield from made
