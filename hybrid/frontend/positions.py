"""Where a mask holds: places whose number becomes a size that only a run knows (`integers.bound`).

They are found by one loop that writes each place over the one before until the mask has held there; what a mask selects is
gathered from them.
"""

from __future__ import annotations

from typing import Any

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Shape, Size, TensorType, product
from hybrid.frontend import integers
from hybrid.frontend.calls import traced
from hybrid.frontend.elementwise import cast
from hybrid.frontend.values import active, kind_of, operand, result_kind, shape_of, sized, strong, wrap
from hybrid.ir import trace as tr
from hybrid.ir.builder import Builder
from hybrid.ir.graph import Atom, Graph
from hybrid.ir.trace import Trace
from hybrid.ops import control
from hybrid.ops import elementwise as e
from hybrid.ops import index as ix
from hybrid.ops import reduce as r
from hybrid.ops import view as v


def positions(trace: Trace, mask: Atom) -> Atom:
    """The places where a mask holds, counted over all its elements in order: int64 of a size that only a run knows."""
    total = mask.type.size
    flat = mask if mask.type.ndim == 1 else trace.one(v.reshape, mask, shape=(total,))
    key = ("positions", id(flat))
    known = trace.builder.known(key)
    if known is not None:
        return known[0]
    count = integers.bound(trace, trace.one(r.sum, trace.one(e.convert, flat, dtype=dt.int64), axes=(0,)), 0, total)
    room = (count + 1,)
    empty = trace.one(v.broadcast, tr.literal(0, dt.int64), shape=room)
    params = {"carried": 2, "count": total, "symbol": trace.fresh_symbol("step"), "test": None}
    body = _next_place(trace, count, room, total, params["symbol"])  # type: ignore[arg-type]
    _, places = trace.record(control.loop, (tr.literal(0, dt.int64), empty, flat), {**params, "body": body})
    found = trace.one(v.slice_, places, start=(0,), step=(1,), shape=(count,))
    trace.builder.remember(key, (found,))
    return found


def _next_place(trace: Trace, count: Size, room: Shape, total: Size, step: str) -> Graph:
    """The body: `places[k] = step`, and one place on if the mask holds there. Nothing depends on a jump."""
    builder, here = Builder("places"), trace.fresh_symbol("size")
    k, places, mask = (builder.input(TensorType(dtype, shape)) for dtype, shape in (
        (dt.int64, ()), (dt.int64, room), (dt.bool_, (total,))))  # fmt: skip
    at, now = Dim.symbol(here), Dim.symbol(step)

    def one(primitive: Any, *inputs: Atom, **params: Any) -> Atom:
        return builder.append(primitive, inputs, params, tr.user_line())[0]

    builder.append(control.bind, (k,), {"symbol": here, "high": count})
    place = one(v.reshape, one(control.size, value=now), shape=(1,))
    written = one(v.update_slice, places, place, start=(at,), step=(1,))
    holds = one(v.reshape, one(v.slice_, mask, start=(now,), step=(1,), shape=(1,)), shape=())
    following = one(e.add, k, one(e.convert, holds, dtype=dt.int64))
    return Graph("places", (k, places, mask), tuple(builder.eqns), (following, written), (), {})


def _truth(trace: Trace, x: Any) -> Atom:
    return operand(trace, cast(traced(x), dt.bool_), dt.bool_)


def gathered(trace: Trace, x: Any, places: Atom, rank: int) -> Any:
    """x at places, counted over its first `rank` axes, that are known to be inside."""
    shape = shape_of(x)
    atom = operand(trace, x, strong(x))
    flat = trace.one(v.reshape, atom, shape=(product(shape[:rank]), *shape[rank:])) if rank != 1 else atom
    out = trace.one(ix.take, flat, places, axis=0, checked=False)
    return wrap(trace.fresh(out, result_kind((x,), out.type.shape)))


def masked(x: Any, mask: Any) -> Any:
    """`x[mask]` for a mask over the leading axes of x."""
    trace = active()
    if not shape_of(mask):  # a truth value: all of x, once or not at all
        x, mask = _as_one(trace, traced(x)), _as_one(trace, traced(mask))
    return gathered(trace, traced(x), positions(trace, _truth(trace, mask)), len(shape_of(mask)))


def _as_one(trace: Trace, x: Any) -> Any:
    """x with an axis of one place in front."""
    kind = "tensor" if kind_of(x) == "tensor" else "ndarray"
    return wrap(trace.fresh(trace.one(v.reshape, operand(trace, x, strong(x)), shape=(1, *shape_of(x))), kind))


def indices_of(mask: Any) -> tuple:
    """For each axis the indices where a mask holds, in order."""
    trace, shape = active(), shape_of(mask)
    rest, out = positions(trace, _truth(trace, mask)), []
    for size in reversed(shape[1:]):
        length = sized(trace, size)
        out.append(trace.one(e.mod, rest, length))
        rest = trace.one(e.floordiv, rest, length)
    kind = "tensor" if kind_of(mask) == "tensor" else "ndarray"
    return tuple(wrap(trace.fresh(atom, kind)) for atom in (rest, *reversed(out)))
