"""Arrays of the items of lists whose length only a run knows."""

from __future__ import annotations

from typing import Any

from hybrid.control.items import Layout
from hybrid.control.join import Spec
from hybrid.control.lists import Listed
from hybrid.control.own import plain
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.frontend import integers
from hybrid.frontend.elementwise import cast
from hybrid.frontend.values import symbol, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ops import elementwise as e
from hybrid.ops import view as v


def array(given: Listed, dtype: Any = None) -> Any:
    """What `np.array` makes of a list: an array of a length that only a run knows."""
    trace, layout = given.trace, given.layout
    known = type(layout) is Spec and not layout.maybe and layout.kind not in ("tensor", "known")
    if given.held is not None or not known or (trace.region is not None and not trace.inside):
        return ListedArray(given, dtype)
    own = layout.dtype
    given = given.straight()
    (buffer,) = given.buffers
    first, count = tr.read(given.ends[0]), given._count()
    if layout.shape or (dtype is None and own != dt.float64):  # of nothing NumPy makes an empty vector of float64
        trace.assume(trace.one(e.gt, count, tr.literal(0, dt.int64)), "a list is not empty")
    start, size = integers.bound(trace, first, 0, given.capacity), integers.bound(trace, count, 0, given.capacity)
    rest = layout.shape
    zeros, ones = (0,) * len(rest), (1,) * len(rest)
    atom = trace.one(v.slice_, tr.read(symbol(trace, buffer)), start=(start, *zeros), step=(1, *ones), shape=(size, *rest))
    made = wrap(trace.fresh(atom, "ndarray"))
    return made if dtype is None else cast(made, dt.canonical(dtype))


def arrays(args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """Arguments of a library's function, with arrays for lists whose items only a run knows."""

    def one(x: Any) -> Any:
        return array(x) if isinstance(x, Listed) and x.held is None else plain(x)

    return tuple(map(one, args)), {name: one(x) for name, x in kwargs.items()}


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
