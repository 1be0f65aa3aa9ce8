"""In which order the elements of arrays lie that branches and loops leave, and of those that are made in an order asked for.

What a reshape of an array shares memory with depends on it. Where it is one order or another, a reshape is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core.errors import TraceError
from hybrid.frontend.values import laid_out, unwrap
from hybrid.ir import trace as tr
from hybrid.ir.trace import Symbol, Trace

ROWS = "C"
_PARTS = "parts"  # of larger arrays


def layout_of(value: Any) -> Any:
    """C's order, the axes from slowest to fastest, or that elements are apart."""
    data = unwrap(value)
    header = data.proto if type(data) is Symbol else data
    if not isinstance(header, np.ndarray) or header.flags.c_contiguous:
        return ROWS
    order = tuple(sorted(range(header.ndim), key=lambda axis: -header.strides[axis]))
    return order if header.transpose(order).flags.c_contiguous else _PARTS


def in_order(value: Any, order: str) -> Any:
    """A new array whose elements lie in an order that NumPy was asked for."""
    data = unwrap(value)
    if order not in ("F", "f") or type(data) is not Symbol:
        return value
    return laid_out(value, np.empty(data.cell.trace.hinted(data.type.shape), np.uint8, "F"))


def like_all(trace: Trace, value: Any, layouts: set[Any]) -> Any:
    """A new array that is laid out as whatever it is on each way, if that is one layout."""
    data = unwrap(value)
    if type(data) is not Symbol or data.kind not in ("ndarray", "tensor"):
        return value
    (layout, *others) = layouts
    if others or layout == _PARTS:
        trace.unsure.add(data.cell)
    elif layout != ROWS:
        shape = data.cell.trace.hinted(tuple(data.type.shape[axis] for axis in layout))
        laid_out(value, np.empty(shape, np.uint8).transpose(np.argsort(layout)))
    return value


def ask(trace: Trace, value: Any) -> None:
    """Note that something depends on how an array is laid out, or refuse that where nobody knows."""
    data = unwrap(value)
    if type(data) is not Symbol:
        return
    if data.cell in trace.unsure:
        raise TraceError("whether a reshape is a view depends on the way that was taken, which only a run can tell",
                         fix="reshape a copy", at=tr.user_line())  # fmt: skip
    trace.asked.add(data.cell)


def settle(trace: Trace, head: Any, layouts: set[Any]) -> None:
    """Refuse a round that asked for the layout of a variable which enters another round with another one."""
    data = unwrap(head)
    if len(layouts) > 1 and type(data) is Symbol and data.cell in trace.asked:
        raise TraceError("whether a reshape is a view depends on the round", fix="reshape a copy", at=tr.user_line())
