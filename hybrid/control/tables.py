"""Lists, tuples and texts, read at a place that only a run knows: `STEPS[k]`, `codes[data[i] & 63]`, `"ACGT"[k]`.

Each number of an item becomes an array that the graph holds. What is in a list counts at the time of reading: a trace is
made of what its lists hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.control import fixed, handles, ragged
from hybrid.control.join import PYTHON, Spec, atoms, common, form_of, made, spec_of
from hybrid.core import dtype as dt
from hybrid.frontend import chosen, integers
from hybrid.frontend.indexing import getitem
from hybrid.frontend.values import Value, assembled, wrap
from hybrid.ir import trace as tr
from hybrid.ir.forms import Known
from hybrid.ir.trace import Symbol, Trace

MOST = 256  # items of a list: more than that nobody compares before the next call
LONGEST = 1 << 20  # characters of a text, of which each becomes an integer


def holds_traced(index: Any) -> bool:
    """Whether what stands in brackets has a part that only a run knows."""
    if isinstance(index, tuple):
        return any(map(holds_traced, index))
    if isinstance(index, slice):
        return any(map(holds_traced, (index.start, index.stop, index.step)))
    return isinstance(index, Value) and type(index._data) is Symbol


def is_number(x: Any) -> bool:
    """Whether something is a number that only a run knows."""
    return isinstance(x, Value) and type(x._data) is Symbol and not x._data.type.shape


@dataclass(frozen=True, slots=True)
class _Names:
    """Known objects: which of `options` each is."""

    which: np.ndarray
    options: tuple[Known, ...]


class Tables:
    """Those of one trace, by the list or tuple and what it held."""

    def __init__(self) -> None:
        self.known: dict[tuple, tuple[Any, Any]] = {}

    def item(self, trace: Trace, items: list | tuple, index: Any) -> Any:
        """`items[index]`; None where the items are not all of one make."""
        if not items or len(items) > MOST:
            return None
        if all(type(item) is list for item in items):
            return self._row(trace, items, index)
        if any(map(is_number, items)):
            return _computed(trace, items, index)
        if any(map(handles.is_handle, items)):
            return _kept(trace, items, index)
        key = id(items), tuple(_marks(items))
        if key not in self.known:
            self.known[key] = items, _columns(items)
        columns = self.known[key][1]
        if isinstance(columns, ragged.Ragged):
            return columns.item(trace, index)
        if columns is not None:
            return _picked(trace, columns, index)
        if (arrays := ragged.ragged(trace, items)) is not None:
            self.known[key] = items, arrays
            return arrays.item(trace, index)
        if any(type(item) is not tuple or len(item) != len(items[0]) for item in items):
            return None
        parts = [self.item(trace, column, index) for column in zip(*items)]  # some of them are computed
        return None if not parts or any(part is None for part in parts) else tuple(parts)

    def _row(self, trace: Trace, lists: list | tuple, index: Any) -> Any:
        """`lists[index]`, a list; None where they are not lists of numbers, or of tuples of them."""
        key = id(lists), tuple(_marks(lists))
        if key not in self.known:
            self.known[key] = lists, fixed.rows(trace, lists)
        found = self.known[key][1]
        return None if found is None else found.item(trace, index)

    def entry(self, trace: Trace, entries: dict, key: Any) -> tuple[Any, Any] | None:
        """`entries[key]` and whether there is such a key; None where keys or values are of no make that is known here."""
        place = fixed.position(trace, list(entries), key) if len(entries) <= MOST else None
        if place is None:
            return None
        marks = id(entries), tuple(_marks(entries.values()))
        values = self.known.setdefault(marks, (entries, list(entries.values())))[1]
        value = self.item(trace, values, place[0])
        return None if value is None else (value, place[1])

    def letter(self, trace: Trace, text: str | bytes, index: Any) -> Any:
        """`text[index]`; None where it has too many different characters."""
        if not text or len(text) > LONGEST:
            return None
        if (type(text), text) not in self.known:
            self.known[type(text), text] = text, _columns(tuple(text))
        columns = self.known[type(text), text][1]
        return None if columns is None else _picked(trace, columns, index)


def _marks(items: Any) -> Iterator[Any]:
    """What tells contents from others: numbers by class and value, everything else by identity."""
    for item in items:
        if type(item) in PYTHON:
            yield type(item), item
        elif type(item) in (tuple, list):
            yield type(item), *_marks(item)
        else:
            yield id(item)


def _columns(items: Any) -> Any:
    """An array of Python numbers of one class, a tuple of such, or None."""
    kind = type(items[0])
    if kind not in PYTHON and all(isinstance(form_of(item), Known) for item in items):
        return _names(items)
    if any(type(item) is not kind for item in items):
        return None
    if kind in PYTHON:
        if kind is int and not all(-(2**63) <= item < 2**63 for item in items):
            return None
        made = np.array(items, PYTHON[kind])
        made.flags.writeable = False
        return made
    if kind is not tuple or not items[0] or any(len(item) != len(items[0]) for item in items):
        return None
    parts = tuple(_columns(column) for column in zip(*items))
    return None if any(part is None for part in parts) else parts


def _names(items: Any) -> _Names | None:
    """Known objects, strings above all; None for too many."""
    found: list[Any] = [form_of(item) for item in items]
    options = tuple(dict.fromkeys(found))
    places = {form: k for k, form in enumerate(options)}
    return None if len(options) > chosen.MOST else _Names(_columns([places[form] for form in found]), options)


def _kept(trace: Trace, items: list | tuple, index: Any) -> Any:
    """An item of those that are instances in storage, or None."""
    spec = form_of(items[0])
    for item in items:
        spec = spec and common(spec, form_of(item))
    if not isinstance(spec, Spec) or not spec.options:
        return None
    numbers = [integers.python(trace, atoms(trace, item, spec)[0]) for item in items]
    return made(trace, spec, [tr.read(getitem(assembled(trace, numbers), index)._data)])


def _computed(trace: Trace, items: list | tuple, index: Any) -> Any:
    """An item of those of which some are computed; None where they are not numbers of one class."""
    spec = spec_of(items[0])
    if spec is None or not spec.is_number or spec.maybe or any(spec_of(item) != spec for item in items):
        return None
    picked = getitem(assembled(trace, list(items)), index)
    return made(trace, spec, [tr.read(picked._data)])


def _picked(trace: Trace, columns: Any, index: Any) -> Any:
    if isinstance(columns, _Names):
        which = tr.read(_picked(trace, columns.which, index)._data)
        return made(trace, Spec("known", dt.int64, options=columns.options), [which])
    if isinstance(columns, tuple):
        return tuple(_picked(trace, part, index) for part in columns)
    picked = getitem(wrap(trace.capture(columns, "ndarray", private=True)), index)
    atom = tr.read(picked._data)
    if columns.dtype == dt.int64 and columns.size:
        trace.ranges[atom] = int(columns.min()), int(columns.max())
    return integers.python(trace, atom)
