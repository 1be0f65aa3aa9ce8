"""Keys of dicts and items of sets in storage: integers, floats, names, and tuples of these, as numbers.

A float is found by its bits: two are equal where these are, except for the zeros, of which -0 has the bits of 0, and for NaNs,
which are other keys each time and hand the call to Python.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from hybrid.control.items import common_layout, is_traced, layout_of_item
from hybrid.control.join import Spec, atoms
from hybrid.control.structure import Layout, is_parts
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.frontend import uncertain
from hybrid.frontend.values import Value, operand
from hybrid.ir import trace as tr
from hybrid.ir.forms import Known
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

MIX = 0x9E3779B97F4A7C15 - 2**64  # 2**64 over the golden ratio: spreads neighbours over all bits (Knuth, vol. 3, 6.4)
_NAMES = (str, bytes, type(None))  # classes whose objects are equal only where they are the same to a trace


def check_keys(layout: Layout) -> None:
    """TraceError for keys that are neither numbers of one kind nor names."""
    if isinstance(layout, tuple):
        for part in layout:
            check_keys(part)
        return
    if isinstance(layout, Known):
        return
    if isinstance(layout, Spec) and layout.options and not layout.maybe:
        if all(isinstance(option.value, _NAMES) for option in layout.options):
            return
    elif isinstance(layout, Spec) and layout.is_number and not layout.maybe:
        if (dt.is_integer(layout.dtype) and layout.dtype != dt.uint64) or layout.dtype == dt.float64:
            return
    raise TraceError(
        "keys that only a run knows must be integers, floats, names, or tuples of these", got=str(layout), at=tr.user_line()
    )


def takes(layout: Layout, key: Any) -> bool:
    """Whether the names in a key are among those that a layout knows."""
    if isinstance(layout, tuple):
        return not is_parts(key) or len(key) != len(layout) or all(map(takes, layout, key))
    if isinstance(layout, Known) or layout.options:
        return common_layout(layout, layout_of_item(key)) == layout
    return True


def key_atoms(trace: Trace, key: Any, layout: Layout) -> Iterator[Atom]:
    """The numbers of a key."""
    if isinstance(layout, tuple):
        if not is_parts(key) or len(key) != len(layout):
            raise TraceError("keys of a dict are tuples of several lengths, or not all tuples", at=tr.user_line())
        for part, own in zip(key, layout):
            yield from key_atoms(trace, part, own)
    elif isinstance(layout, Known):
        if is_traced(key) or Known(key) != layout:
            raise TraceError("keys of a dict are of several kinds", at=tr.user_line())
    elif layout.options:
        yield from atoms(trace, key, layout)
    else:
        if not isinstance(layout_of_item(key), Spec):
            raise TraceError("keys of a dict are of several kinds", at=tr.user_line())
        key = uncertain.number(trace, key)
        check_keys(own := layout_of_item(key))
        if dt.is_float(own.dtype) and not dt.is_float(layout.dtype):
            raise TraceError("keys of a dict are of several kinds", at=tr.user_line())
        yield _found_by(trace, key, layout.dtype)


def _found_by(trace: Trace, key: Any, dtype: np.dtype) -> Atom:
    """The number that a number is found by, among keys of a dtype."""
    if not dt.is_float(dtype):
        return operand(trace, key, dt.int64) if isinstance(key, Value) else tr.literal(int(key), dt.int64)
    if not isinstance(key, Value):
        return tr.literal(_bits(key), dt.int64)
    atom = uncertain.shared(trace, key, dt.float64, tr.literal(True, dt.bool_))
    trace.assume(trace.one(e.eq, atom, atom), "a key of a dict or set is no NaN")
    return wide(trace, atom)


def table(keys: list, layout: Layout, size: int) -> np.ndarray:
    """The table of some known keys: `Mapped.place` in Python."""
    out = np.full(size, -1, np.int64)
    for entry, key in enumerate(keys):
        at = 0
        for number in _numbers(key, layout):
            mixed = ((at ^ number) * MIX + 2**63) % 2**64 - 2**63
            at = mixed ^ (mixed >> 29)
        while out[at % size] >= 0:
            at += 1
        out[at % size] = entry
    return out


def _numbers(key: Any, layout: Layout) -> Iterator[int]:
    if isinstance(layout, tuple):
        for part, own in zip(key, layout):
            yield from _numbers(part, own)
    elif isinstance(layout, Spec):
        yield layout.options.index(Known(key)) if layout.options else _bits(key) if dt.is_float(layout.dtype) else int(key)


def _bits(key: Any) -> int:
    if key != key:
        raise TraceError("a key of a dict or set is a NaN", at=tr.user_line())
    return struct.unpack("<q", struct.pack("<d", float(key) + 0.0))[0]


def wide(trace: Trace, atom: Atom) -> Atom:
    """The number by which a number that is a key is found."""
    if dt.is_float(atom.type.dtype):
        return trace.one(e.bitcast, trace.one(e.add, atom, tr.literal(0.0, dt.float64)), dtype=dt.int64)
    return atom if atom.type.dtype == dt.int64 else trace.one(e.convert, atom, dtype=dt.int64)
