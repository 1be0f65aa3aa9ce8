"""Keys of dicts and items of sets in storage: numbers, names, and tuples of these, as numbers.

A number is found by its value; of which class it is, NumPy's or Python's, the first such key says. A float is found by its
bits: two are equal where these are, except for the zeros, of which -0 has the bits of 0, and for NaNs, which are other keys
each time and hand the call to Python.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import Enum
from typing import Any

import numpy as np

from hybrid.control.items import common_layout, is_traced, layout_of_item
from hybrid.control.join import Spec, atoms, forms
from hybrid.control.structure import Layout, is_parts
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.frontend import uncertain
from hybrid.frontend.chosen import is_member
from hybrid.frontend.values import Value, operand
from hybrid.ir import trace as tr
from hybrid.ir.forms import Kept, Known
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

MIX = 0x9E3779B97F4A7C15 - 2**64  # 2**64 over the golden ratio: spreads neighbours over all bits (Knuth, vol. 3, 6.4)
_NAMES = (str, bytes, type(None))  # classes whose objects are equal only where they are the same to a trace


def check_keys(layout: Layout) -> None:
    """TraceError for keys that are neither numbers nor names."""
    if isinstance(layout, tuple):
        for part in layout:
            check_keys(part)
        return
    if isinstance(layout, Known):
        return
    if isinstance(layout, Spec) and layout.options and not layout.maybe:
        if all(_is_name(option.value) or _is_itself(option) for option in layout.options):
            return
    elif isinstance(layout, Spec) and all(map(_is_found, forms(layout))):
        return
    raise TraceError(
        "keys that only a run knows must be integers, floats, names, or tuples of these", got=str(layout), at=tr.user_line()
    )


def _is_name(value: Any) -> bool:
    """Whether an object is equal to those only that are the same to a trace."""
    return is_member(value) or (isinstance(value, _NAMES) and not isinstance(value, Enum))


def _is_itself(option: Known) -> bool:
    """Whether an instance in storage is equal to itself only."""
    kind: Any = option.value
    return type(option) is Kept and kind.__eq__ is object.__eq__ and kind.__hash__ is object.__hash__


def _is_found(form: Any) -> bool:
    """Whether something of a form is a number that a key can be found by."""
    if not isinstance(form, Spec) or form.options or not form.is_number:
        return False
    return (dt.is_integer(form.dtype) and form.dtype != dt.uint64) or form.dtype in (dt.float64, dt.bool_)


def _by_bits(layout: Spec) -> bool:
    """Whether keys of a layout are found by the bits of a float: some may be floats."""
    return any(isinstance(form, Spec) and dt.is_float(form.dtype) for form in forms(layout))


def identity(trace: Trace, layout: Layout, stored: Iterator[Atom]) -> Iterator[Atom]:
    """The numbers that a key is found by, from those that stand for it in storage."""
    if isinstance(layout, tuple):
        for part in layout:
            yield from identity(trace, part, stored)
    elif isinstance(layout, Spec):
        yield next(stored) if layout.options else _value(trace, layout, stored, _by_bits(layout))


def _value(trace: Trace, layout: Spec, stored: Iterator[Atom], by_bits: bool) -> Atom:
    own = next(stored)
    if by_bits and not dt.is_float(own.type.dtype):
        own = trace.one(e.convert, own, dtype=dt.float64)
    own = wide(trace, own)
    if not layout.maybe:
        return own
    holds = next(stored)
    if not isinstance(layout.instead, Spec):
        return own  # a number of Python's has the same value
    return trace.one(e.select, holds, own, _value(trace, layout.instead, stored, by_bits))


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
        if dt.is_float(own.dtype) and not _by_bits(layout):
            raise TraceError("keys of a dict are of several kinds", at=tr.user_line())
        yield _found_by(trace, key, _by_bits(layout))


def _found_by(trace: Trace, key: Any, by_bits: bool) -> Atom:
    """The number that a number is found by."""
    if not by_bits:
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
        yield layout.options.index(Known(key)) if layout.options else _bits(key) if _by_bits(layout) else int(key)


def _bits(key: Any) -> int:
    if key != key:
        raise TraceError("a key of a dict or set is a NaN", at=tr.user_line())
    return struct.unpack("<q", struct.pack("<d", float(key) + 0.0))[0]


def wide(trace: Trace, atom: Atom) -> Atom:
    """The number by which a number that is a key is found."""
    if dt.is_float(atom.type.dtype):
        return trace.one(e.bitcast, trace.one(e.add, atom, tr.literal(0.0, dt.float64)), dtype=dt.int64)
    return atom if atom.type.dtype == dt.int64 else trace.one(e.convert, atom, dtype=dt.int64)
