"""Long lists of numbers among the arguments, as arrays: whatever a function does with them but change them.

They are as long as the arrays are, which may be a size that only a call knows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.control.fixed import Lent
from hybrid.control.join import Spec
from hybrid.control.lists import MANY, Listed
from hybrid.control.own import numbers
from hybrid.control.structure import Layout
from hybrid.core import dtype as dt
from hybrid.core.shape import Size
from hybrid.frontend import integers
from hybrid.frontend.indexing import getitem
from hybrid.frontend.values import converted, operand, sized, stretched, symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.requests import Changing
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

LEAST = 32  # items that there are in any case


class Given(Lent):
    """One of the lists.

    Args:
        index: which leaf of the arguments it is.
        array: of all its numbers.
        kinds: the classes of the numbers of an item; where they differ, the array is of bits.
        rows: whether an item is a tuple of them.
    """

    def __init__(self, trace: Trace, index: int, array: Any, kinds: tuple[type, ...], rows: bool):
        specs = tuple(Spec("python", dt.float64 if kind is float else dt.int64) for kind in kinds)
        columns = [array] if not rows else [getitem(array, (slice(None), k)) for k in range(len(kinds))]
        columns = [_as(trace, column, spec.dtype) for column, spec in zip(columns, specs)]
        self.size: Size = symbol(trace, array).type.shape[0]
        layout: Layout = specs if rows else specs[0]
        super().__init__(trace, layout, columns, tr.literal(0, dt.int64), sized(trace, self.size), self.size)
        self.leaf = index
        self.of_others: tuple[list, ...] = ([],)

    def length(self) -> Any:
        return integers.integer(self.trace, self.size)

    def rounds(self) -> tuple[Size, Callable[[Any], Any]]:
        return self.size, self._known

    def _known(self, place: Any) -> Any:
        """The item at a place that is surely one."""
        return self._built(self.layout, itertools.count(), place)

    def __getitem__(self, index: Any) -> Any:
        if type(index) is int and -LEAST <= index < LEAST:
            return self._known(index)
        return super().__getitem__(index)

    def _place(self, at: Atom) -> Any:
        self.trace.ranges[at] = 0, self.size - 1
        return integers.python(self.trace, at)

    def _changing(self) -> None:
        error = Changing(frozenset((self.leaf,)), "changing a list", tr.user_line())
        self.trace.fail(error)
        raise error

    def copy(self) -> Listed:
        return self._part(None, None)

    def own(self) -> Listed:
        """A list of the same items that the function may change, with room for some more."""
        out, room = self._like(), MANY * self.trace.room
        for buffer in self.buffers:
            zeros = stretched(self.trace, tr.literal(0, symbol(self.trace, buffer).type.dtype), (room,))
            out.buffers.append(np.concatenate([buffer, wrap(self.trace.fresh(zeros, "ndarray"))]))
        out.capacity = self.size + room  # type: ignore[assignment]
        out.ends = numbers(self.trace, tr.literal(0, dt.int64), sized(self.trace, self.size))
        return out

    def array(self, dtype: Any) -> Any:
        """What `np.array` makes of it."""
        trace, whole = self.trace, isinstance(self.layout, tuple)
        atoms = [tr.read(symbol(trace, column)) for column in self.buffers]
        own = np.result_type(*(atom.type.dtype for atom in atoms)) if dtype is None else dt.canonical(dtype)
        made = [wrap(trace.fresh(converted(trace, atom, own), "ndarray")) for atom in atoms]
        return np.stack(made, axis=1) if whole else made[0]


def _as(trace: Trace, column: Any, dtype: np.dtype) -> Any:
    """A column of the array in its dtype: bits, where the items hold numbers of several."""
    atom = operand(trace, column, symbol(trace, column).type.dtype)
    if atom.type.dtype == dtype:
        return column
    return wrap(trace.fresh(trace.one(e.bitcast, atom, dtype=dtype), "ndarray"))
