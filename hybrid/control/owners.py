"""Whose an array is that a way of a branch leaves: an argument, a part of something, known to somebody else, or new."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend.masked import Masked
from hybrid.frontend.values import unwrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Symbol

YES, NO = tr.literal(True, dt.bool_), tr.literal(False, dt.bool_)


def argument_of(one: Any, other: Any) -> tuple[int, tuple[Atom, Atom]] | None:
    """Which argument an array is that is a new one otherwise, and on which ways it is new."""
    first, second = _whose(one), _whose(other)
    if first is None or second is None:
        return None
    given = {argument for argument, _ in (first, second) if argument >= 0}
    return (given.pop(), (first[1], second[1])) if len(given) == 1 else None


def _whose(value: Any) -> tuple[int, Atom] | None:
    """Which argument an array is, or -1, and whether it is new; None for a part, or where others may know it."""
    data = unwrap(value)
    if type(data) is not Symbol or data.kind not in ("ndarray", "tensor") or is_part(value):
        return None
    if data.cell.given is not None:
        return given_of(data)
    if data.argument is not None:
        return data.argument, NO
    return None if is_owned(value) or data.cell.like else (-1, YES)


def given_of(array: Symbol) -> tuple[int, Atom] | None:
    """Which argument a whole array is that nobody has written since it was joined, and when it is new instead."""
    written = array.cell.given is not None and array.cell.value is not array.cell.origin
    return None if array.chain or array.maybe is not None or written else array.cell.given


def is_part(value: Any) -> bool:
    """Whether something is a view, or may be one."""
    data = unwrap(value)
    inside = type(data) is Symbol and type(value) is not Masked
    return inside and (bool(data.chain) or data.cell.whole is not data.cell or data.cell.is_part)


def is_owned(value: Any) -> bool:
    """Whether somebody outside may know the array, too."""
    data = unwrap(value)
    return isinstance(data, np.ndarray) or (type(data) is Symbol and (bool(data.cell.name) or data.cell.shared is not None))
