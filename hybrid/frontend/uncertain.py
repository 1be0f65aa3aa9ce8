"""Numbers that are of one class on most ways through a function and of another on some (`ir.trace.Maybe`).

`s = 0.0; for …: s += x[i]` leaves a NumPy number after the first round, and a Python float where there was none. Most
operations give the same for both: then they are recorded without looking. Elsewhere the call is Python's unless the
number is what it is said to be (`ir.trace.read` sees to that).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import TensorType
from hybrid.frontend.values import Value, kind_of, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Maybe, Symbol, Trace
from hybrid.ops import elementwise as e

_DTYPES = {bool: dt.bool_, int: dt.int64, float: dt.float64, complex: dt.complex128}


def is_uncertain(x: Any) -> bool:
    return isinstance(x, Value) and type(x._data) is Symbol and x._data.maybe is not None


def certain(x: Any) -> Any:
    """The number, taken for what it is said to be."""
    if not is_uncertain(x):
        return x
    data = x._data
    return wrap(Symbol(data.cell, data.type, data.kind, data.chain, data._proto, data.argument))


def _otherwise(x: Any) -> Any:
    """The number, taken for what it may be instead."""
    if not is_uncertain(x):
        return x
    data = x._data
    return wrap(Symbol(data.cell, TensorType(_DTYPES[data.maybe.instead], (), weak=True), "python"))


def settle(
    trace: Trace, operands: tuple, promotion: Callable[[tuple], np.dtype], may_raise: bool
) -> tuple[tuple, Maybe | None]:
    """Operands to compute with, and what is uncertain about a result of rank 0.

    `may_raise`: Python's operator raises an error for some numbers where NumPy's gives infinity.
    """
    unsure = [x for x in operands if is_uncertain(x)]
    if not unsure:
        return operands, None
    plain = tuple(map(certain, operands))
    classes = {x._data.maybe.instead for x in unsure}
    numbers = all(is_uncertain(x) or kind_of(x) == "python" for x in operands)
    if (
        len(classes) > 1
        or None in classes
        or (numbers and may_raise)
        or promotion(plain) != promotion(tuple(map(_otherwise, operands)))
    ):
        for x in unsure:
            tr.read(x._data)  # assumes that it is what it is said to be
        return plain, None
    if not numbers:
        return plain, None  # a NumPy operand makes the result NumPy's
    holds: Atom = unsure[0]._data.maybe.holds
    for x in unsure[1:]:
        holds = trace.one(e.and_, holds, x._data.maybe.holds)
    return plain, Maybe(holds, classes.pop())


def marked(x: Any, maybe: Maybe | None) -> Any:
    """A result with its uncertainty."""
    data = unwrap(x)
    if maybe is None or type(data) is not Symbol or data.kind not in ("scalar", "python"):
        return x
    if data.type.dtype == dt.bool_:
        maybe = Maybe(maybe.holds, bool)  # of a comparison
    elif maybe.instead is complex and not dt.is_complex(data.type.dtype):
        maybe = Maybe(maybe.holds, float)  # of a part, or an absolute value
    return wrap(Symbol(data.cell, data.type, data.kind, data.chain, data._proto, data.argument, maybe))
