"""Dicts and sets in containers whose items tracing knows, `[{i} for i in range(n)]`: they are put into the pool at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hybrid.control.inner import LOST, PROBES, TablePool, is_integer_layout
from hybrid.control.items import columns_of, constant, is_traced
from hybrid.control.keys import table
from hybrid.control.own import Own, plain
from hybrid.control.rows import TABLES
from hybrid.control.sets import is_as_entered
from hybrid.control.structure import SMALLEST, Layout, RowLayout, is_parts
from hybrid.core import dtype as dt
from hybrid.frontend.indexing import setitem
from hybrid.ir import trace as tr


class Laid:
    """The tables of some known dicts or sets, one after another in a pool."""

    def __init__(self, pool: TablePool):
        self.pool, self.top = pool, SMALLEST
        self.entries: list[tuple] = []
        self.places: list[int] = []
        self.index: list[tuple[int, np.ndarray]] = []

    def columns(self, items: Sequence, layout: Layout) -> list[Any] | None:
        """The numbers of items that have such tables as parts."""
        if isinstance(layout, RowLayout):
            known = [plain(item) for item in items]
            if any(isinstance(item, Own) for item in known):
                return None
            numbers = [self.laid(item, layout) for item in known]
            return None if None in numbers else [np.array(column) for column in zip(*numbers)]  # type: ignore[arg-type]
        if not is_parts(layout):
            return columns_of(items, layout)
        parts = [self.columns([item[k] for item in items], part) for k, part in enumerate(layout)]
        return None if None in parts else [column for part in parts for column in part or ()]

    def laid(self, known: Any, layout: RowLayout) -> tuple[int, ...] | None:
        """The numbers that know the table of one of them."""
        entries = [(item, ()) for item in known] if layout.kind is set else list(known.items())
        if any(is_traced(key) or is_traced(value) for key, value in entries) or not entries:
            return None if entries else layout.empty
        if layout.kind is set and not is_as_entered(known):
            self.pool.note(LOST)
        keys, key_layout = [key for key, _ in entries], self.pool.layout[0]
        by_slots = layout.kind is set and is_integer_layout(key_layout)
        room = SMALLEST
        for count in range(1, len(keys) + 1):
            if count * 5 >= (room - 1) * 3:
                room = max(SMALLEST, 1 << (count * (4 if layout.kind is set and count <= 50000 else 2)).bit_length())
        first, self.top = self.top, self.top + room
        self.index.append((first, _slots(keys) if by_slots else table(keys, key_layout, room)))
        self.places += range(first, first + len(keys))
        self.entries += [(*entry, True) for entry in entries]
        return first, len(keys), room, len(keys), 0

    def write(self) -> bool:
        """Put them into the pool; False where they cannot be."""
        columns = columns_of(self.entries, self.pool.layout) if self.entries else []
        if columns is None or any(not isinstance(column, np.ndarray) for column in columns):
            return False
        self.pool._reserve(self.top)
        if self.entries:
            index = np.zeros(self.top, np.int64)
            for first, slots in self.index:
                index[first : first + len(slots)] = slots + 1
            for buffer, column in zip((*self.pool.buffers, self.pool.index), (*columns, index)):
                whole = column if column is index else np.zeros(self.top, column.dtype)
                if column is not index:
                    whole[self.places] = column
                setitem(buffer, slice(0, self.top), constant(self.pool.trace, whole))
        self.pool._set_end(tr.literal(self.top, dt.int64))
        return True


def columns(owner: Any, given: Sequence) -> list[Any] | None:
    """The numbers of items with tables, which are put into the pool; None where they have to be put in one by one."""
    if owner.pool is None or not isinstance(owner.pool, TablePool) or owner.pool.pool is not None:
        return None
    if owner.pool.layout is None:
        return None  # all are empty
    others = owner.trace.handlers.others
    if any(id(plain(part)) in others.reached for item in given for part in (item if is_parts(item) else (item,))):
        return None  # copies of the caller's
    laid = Laid(owner.pool)
    found = laid.columns(given, owner.layout)
    return found if found is not None and laid.write() else None


def _slots(keys: list) -> np.ndarray:
    """The table of a set of CPython's into which some integers are put."""
    slots = np.full(SMALLEST, -1, np.int64)
    for k, _ in enumerate(keys):
        _enter(slots, keys, k)
        if (k + 1) * 5 >= (len(slots) - 1) * 3:
            before = [entry for entry in slots.tolist() if entry >= 0]
            slots = np.full(1 << ((k + 1) * (4 if k < 50000 else 2)).bit_length(), -1, np.int64)
            for entry in before:
                _enter(slots, keys, entry)
    return slots


def _enter(slots: np.ndarray, keys: list, k: int) -> None:
    slots[next(at for at in _search(int(keys[k]), len(slots)) if slots[at] < 0)] = k


def _search(key: int, size: int) -> Iterator[int]:
    """The places at which CPython looks for an integer."""
    rest = hash(key) % 2**64
    at = rest & (size - 1)
    while True:
        yield from range(at, at + (PROBES if at + PROBES < size else 0) + 1)
        rest >>= 5
        at = (at * 5 + 1 + rest) & (size - 1)


TABLES["columns"] = columns
