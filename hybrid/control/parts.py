"""Parts of one array, `x[lo:hi]` along its first axis, of which only a run knows where they begin and how long they are.

Two numbers stand for such a part wherever a variable has to be one value of the graph: after a branch (`y = x[:k]`), from
round to round (`s = s[1:]`), from call to call (`sort(a[:p])`). Its elements stay where they are: it is read and written there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hybrid.core.errors import TraceError
from hybrid.core.shape import Size, TensorType
from hybrid.frontend import integers
from hybrid.frontend.values import sized, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Symbol, Trace
from hybrid.ops import control
from hybrid.ops import view as v


class Found(dict):
    """Where a part lies: parameters of a slice that may turn out to be the whole array, which NumPy would not have sliced."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a variable holds: a part of `whole`."""

    whole: Symbol
    maybe = False
    is_number = True  # it has no storage of its own

    @property
    def types(self) -> list[TensorType]:
        """Of what `atoms` gives."""
        return [control.I64, control.I64]

    def certain(self) -> Part:
        return self

    def holds(self, value: Any) -> bool:
        return first_of(self.whole, value) is not None

    def atoms(self, trace: Trace, value: Any) -> list[Atom]:
        """The first element and the number of them."""
        first = first_of(self.whole, value)
        assert first is not None
        return [sized(trace, first), sized(trace, unwrap(value).type.shape[0])]

    def made(self, trace: Trace, parts: list[Atom]) -> Any:
        """The part that two numbers stand for; whoever gave them kept it inside the array."""
        whole = self.whole
        size, rest = whole.type.shape[0], whole.type.shape[1:]
        first, count = (integers.bound(trace, atom, 0, size) for atom in parts)
        trace.bounds.add(size - first - count)  # type: ignore[arg-type]
        shape = (count, *rest)
        params = Found(start=(first, *(0 for _ in rest)), step=(1,) * len(shape), shape=shape)
        header = tr.prototype(whole.type.dtype, trace.hinted(shape), whole.proto.strides)
        chain = (*whole.chain, (v.slice_, params))
        return wrap(Symbol(whole.cell, whole.type.with_shape(shape), whole.kind, chain, header))


def first_of(whole: Any, value: Any) -> Size | None:
    """Which element of `whole` a value begins with that shows elements of it from there on; None for any other value."""
    data = unwrap(value)
    if type(whole) is not Symbol or type(data) is not Symbol or not whole.type.shape or whole.kind not in ("ndarray", "tensor"):
        return None
    depth, first = len(whole.chain), 0
    if data.cell is not whole.cell or data.chain[:depth] != whole.chain or data.type.shape[1:] != whole.type.shape[1:]:
        return None
    if not data.type.shape:
        return None
    for primitive, params in data.chain[depth:]:
        if primitive is not v.slice_ or set(params["step"]) != {1} or any(start != 0 for start in params["start"][1:]):
            return None
        first = first + params["start"][0]
    return first


def common_whole(a: Any, b: Any) -> Symbol | None:
    """The array that two values are both parts of, one of them at least not all of it."""
    x, y = unwrap(a), unwrap(b)
    if type(x) is not Symbol or type(y) is not Symbol or x.cell is not y.cell or not x.type.shape or x.maybe or y.maybe:
        return None
    every = x.cell.value.type  # of the storage, if both are seen in it without another view between
    rank = len(every.shape)
    wholes = [x, y]
    if rank == len(x.type.shape):
        header = tr.prototype(every.dtype, x.cell.trace.hinted(every.shape), x.proto.strides)
        wholes.append(Symbol(x.cell, every, x.kind, (), header))
    for whole in wholes:
        if first_of(whole, x) is not None and first_of(whole, y) is not None:
            return whole
    return None


def refuse_whole(data: Symbol) -> None:
    """TraceError for a part of an array that others have, too, among the results: it may be the array itself."""
    if data.chain and isinstance(data.chain[-1][1], Found):
        raise TraceError("an array is returned that may be all of another one, or a part of it", at=tr.user_line())
