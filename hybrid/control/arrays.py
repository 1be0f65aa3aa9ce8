"""Arrays of the items of lists whose length only a run knows."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from hybrid.control.given import Given, GivenTable
from hybrid.control.items import Layout, is_traced
from hybrid.control.join import PYTHON, Spec
from hybrid.control.lists import Listed
from hybrid.control.own import Own, plain
from hybrid.core import dtype as dt
from hybrid.core.errors import EMPTY, TraceError
from hybrid.frontend import integers
from hybrid.frontend.elementwise import cast
from hybrid.frontend.indexing import register_lists
from hybrid.frontend.values import NUMBERS, Value, active, converted, operand, symbol, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Literal
from hybrid.ops import elementwise as e
from hybrid.ops import view as v


def array(given: Listed, dtype: Any = None, returned: bool = False) -> Any:
    """What `np.array` makes of a list: an array of a length that only a run knows.

    `returned`: where the function that is traced returns it, so that nobody else asks for its shape and dtype.
    """
    if isinstance(given, (Given, GivenTable)):
        return given.array(dtype)
    trace, parts = given.trace, _columns(given.layout)
    if given.held is not None or parts is None or (trace.region is not None and not trace.inside):
        return ListedArray(given, dtype)
    own = np.result_type(*(part.dtype for part in parts))
    given = given.straight()
    first, count = tr.read(given.ends[0]), given._count()
    tuples = isinstance(given.layout, tuple)
    if tuples or parts[0].shape or (dtype is None and own != dt.float64):  # of nothing NumPy makes an empty vector of float64
        some = trace.one(e.gt, count, tr.literal(0, dt.int64))
        if returned and trace.empty and not isinstance(some, Literal):
            return ListedArray(given, dtype)
        trace.assume(some, EMPTY if returned else "a list is not empty")
    start, size = integers.bound(trace, first, 0, given.capacity), integers.bound(trace, count, 0, given.capacity)
    buffers = iter(given.buffers)
    columns = []
    for part in parts:
        columns.append(tr.read(symbol(trace, next(buffers))))
        if part.maybe:
            next(buffers)  # whether it is NumPy's
    rest = (len(parts),) if tuples else parts[0].shape
    atom = columns[0]
    if tuples:
        same = [wrap(trace.fresh(converted(trace, column, own), "ndarray")) for column in columns]
        atom = tr.read(symbol(trace, np.stack(same, axis=1)))
    zeros, ones = (0,) * len(rest), (1,) * len(rest)
    atom = trace.one(v.slice_, atom, start=(start, *zeros), step=(1, *ones), shape=(size, *rest))
    made = wrap(trace.fresh(atom, "ndarray"))
    return made if dtype is None else cast(made, dt.canonical(dtype))


def _columns(layout: Layout) -> list[Spec] | None:
    """The specs of the numbers that items are, or tuples of numbers; None where NumPy would make something else of them."""
    parts = list(layout) if isinstance(layout, tuple) else [layout]
    for part in parts:
        if not isinstance(part, Spec) or part.kind in ("tensor", "known") or (part.shape and len(parts) > 1):
            return None
        if part.maybe and not (isinstance(part.instead, type) and PYTHON[part.instead] == part.dtype):
            return None
    return parts or None  # type: ignore[return-value]


def of_columns(layout: Layout, columns: Sequence[np.ndarray], dtype: Any) -> np.ndarray | None:
    """The array of the items whose numbers these are, as `np.array` makes it of them; None where it must be asked."""
    parts = _columns(layout)
    if parts is None or not len(columns[0]):
        return None
    given, own = iter(columns), np.result_type(*(part.dtype for part in parts))
    if dtype is not None and not (np.dtype(dtype).kind in "fc" and np.can_cast(own, dtype, "same_kind")):
        return None
    found = []
    for part in parts:
        found.append(next(given))
        if part.maybe:
            next(given)
    out = np.stack(found, axis=1, dtype=own) if isinstance(layout, tuple) else found[0].copy()
    return out if dtype is None else out.astype(dtype, copy=False)


def has_lists(x: Any) -> bool:
    """Whether an argument of a library's function is a list of ours, or has some in it whose items only a run knows."""
    return isinstance(x, Own) or _holds_lists(x)


def _holds_lists(x: Any) -> bool:
    return type(x) in (list, tuple) and any(isinstance(part, Listed) and not _is_known(part) for part in x)


def _is_known(given: Listed) -> bool:
    return given.held is not None and not isinstance(given, Given)


def array_of(x: Any) -> Any:
    """An array for a list whose items only a run knows; anything else as it is, and lists as Python's own."""
    if _holds_lists(x):
        return type(x)(map(array_of, x))
    if isinstance(x, Listed) and x.held is None:
        return array(x)
    own = plain(x)
    return list(own) if type(own) is deque and any(map(is_traced, own)) else own  # NumPy would ask each item of a deque


def arrays(args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Arguments of a library's function, with arrays for lists whose items only a run knows."""
    return tuple(map(array_of, args)), {name: array_of(x) for name, x in kwargs.items()}


class ListedArray:
    """The array of a list's items, whose length only a run knows: it can be returned."""

    def __init__(self, given: Listed, dtype: Any):
        self._found, self._dtype, self._trace = given.outputs(False), dtype, given.trace

    def outputs(self) -> tuple[list[Atom], Layout, Any]:
        return (*self._found, self._dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__array__":
            raise AttributeError(name)
        error = TraceError("an array has a length that only a run knows", at=tr.user_line())
        self._trace.fail(error)
        raise error

    def _refuse(self, *args: Any) -> Any:
        return self.__getattr__("len")

    __len__ = __iter__ = __getitem__ = __setitem__ = __eq__ = __bool__ = __add__ = __radd__ = __sub__ = __rsub__ = _refuse  # type: ignore[assignment]
    __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = __neg__ = __abs__ = __lt__ = __gt__ = _refuse
    __le__ = __ge__ = __ne__ = __matmul__ = __rmatmul__ = __floordiv__ = __mod__ = __float__ = __int__ = __index__ = _refuse  # type: ignore[assignment]
    __hash__ = object.__hash__


register_lists(array_of)


def may_contain(items: Any, item: Any) -> bool:
    """Whether only a run knows what `item in items` is, of an array."""
    if tr.current() is None or not (isinstance(items, Value) or type(items) is np.ndarray):
        return False
    compared = isinstance(item, (Value, np.ndarray)) or type(item) in NUMBERS
    return compared and any(type(unwrap(x)) is tr.Symbol for x in (items, item))


def contains(items: Any, item: Any) -> Any:
    """`item in items`, of an array: whether any element is equal."""
    found = np.any(items == item)
    return integers.python(active(), operand(active(), found, dt.bool_))


def refuse_identity(left: Any, right: Any) -> None:
    """TraceError where only a run knows whether two arrays are one: a round may begin with what another variable was."""
    one, two = unwrap(left), unwrap(right)
    given = [data.argument for data in (one, two) if _is_array(data) and data.argument is not None]
    if given and any(type(data) is np.ndarray for data in (one, two)):
        raise TraceError("which array it is is asked of an argument and of an array that is known", at=tr.user_line())
    if one is two or not (_is_array(one) and _is_array(two)):
        return
    if len(given) == 2:
        one.cell.trace.handlers.others.arrays |= set(given)
    if not one.cell.is_never(two.cell) or any(map(_enters_round, (one, two))):
        raise TraceError("which array it is only a run can tell", at=tr.user_line())


def _is_array(data: Any) -> bool:
    return type(data) is tr.Symbol and data.kind in ("ndarray", "tensor")


def _enters_round(data: tr.Symbol) -> bool:
    home = data.cell.home
    return home is not None and home.loop and data.cell.origin in home.builder.inputs
