"""What lies in the memory of other arrays: real and imaginary parts, and bits that are seen as another dtype's; angles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend import uncertain
from hybrid.frontend.calls import implements, traced, unsupported
from hybrid.frontend.compositions import NAMES
from hybrid.frontend.values import active, as_view, header_of, kind_of, laid_out, shape_of, strong, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, resolved
from hybrid.ir.primitive import Primitive
from hybrid.ir.trace import Cell, Chain, Symbol
from hybrid.ops import elementwise as e
from hybrid.ops import view as v

# As views, where the primitives give new arrays.
_PARTS: dict[Primitive, Callable[..., np.ndarray]] = {e.real: np.real, e.imag: np.imag, e.convert: np.ndarray.view}


class Part(Cell):
    """What is seen of each element of another array: storage that reads it from there, and writes it."""

    __slots__ = ("base", "params", "see")

    def __init__(self, base: Symbol, see: Primitive, params: dict[str, Any]):
        super().__init__(base.cell.trace, None, base.cell.writeable, base.cell.name)  # type: ignore[arg-type]
        self.base, self.see, self.params = base, see, params

    @property
    def value(self) -> Atom:  # type: ignore[override]
        return self.trace.one(self.see, tr.read(self.base), **self.params)

    @value.setter
    def value(self, atom: Atom) -> None:
        one, old = self.trace.one, tr.read(self.base)
        if self.see is e.convert:
            raise unsupported("a write to the bytes of booleans")
        if self.see is e.bitcast:
            tr.write(self.base, one(e.bitcast, atom, dtype=old.type.dtype))
            return
        parts = (one(e.real, old), atom) if self.see is e.imag else (atom, one(e.imag, old))
        tr.write(self.base, one(e.complex_, *parts))


def in_memory(symbol: Symbol) -> Symbol:
    """The storage that an array lies in, where that is a part of another's elements, and the way it is seen."""
    while isinstance(symbol.cell, Part):
        base, seen = symbol.cell.base, (symbol.cell.see, symbol.cell.params)
        symbol = Symbol(base.cell, symbol.type, symbol.kind, (*base.chain, seen, *symbol.chain), symbol.proto)
    return symbol


def view_of(array: np.ndarray, chain: Chain) -> np.ndarray:
    """What is seen of an array: the view that an undecorated function would return."""
    for primitive, params in chain:
        see = _PARTS.get(primitive, primitive.eval)
        array = see(array, **{name: resolved(value) for name, value in params.items()})
    return array


def _part(x: Any, see: Primitive, params: dict[str, Any], dtype: np.dtype) -> Any:
    if uncertain.is_uncertain(x):
        return uncertain.pick(active(), x, lambda one: _part(one, see, params, dtype))
    source = unwrap(x)
    cell = Part(source, see, params)
    if source.kind in ("scalar", "python"):
        return wrap(active().fresh(cell.value, source.kind))
    proto = tr.prototype(dtype, source.proto.shape, source.proto.strides)
    order = tuple(sorted(range(proto.ndim), key=lambda axis: -abs(proto.strides[axis])))
    if order != tuple(range(proto.ndim)):
        active().orders[cell] = order
    return wrap(Symbol(cell, source.type.with_dtype(dtype), source.kind, proto=proto))


def bits(x: Any, dtype: Any) -> Any:
    """`x.view(dtype)` of elements as wide as those of x, while tracing."""
    own, new = strong(x), np.dtype(dtype)
    if own == new:
        return x[...]
    alike = dt.supported(new) and own.itemsize == new.itemsize and new != dt.bool_
    if not alike or dt.is_complex(own) or dt.is_complex(new):
        raise unsupported(f"a view of {own} as {new}", "use astype to convert values")
    return _part(x, e.convert if own == dt.bool_ else e.bitcast, {"dtype": new}, new)


@implements(np.real)
def real(val: Any) -> Any:
    """The real part, as a view; a real array is its own.

    >>> hy.real(np.array([1 + 2j, 3]))
    array([1., 3.])
    """
    x = traced(val)
    if dt.is_complex(strong(x)):
        return _part(x, e.real, {}, dt.real_of(x.dtype))
    return +x if kind_of(x) == "python" and x.dtype == dt.bool_ else x  # that of a bool is an int


@implements(np.imag)
def imag(val: Any) -> Any:
    """The imaginary part, as a view; read-only zeros for a real array.

    >>> hy.imag(np.array([1 + 2j, 3]))
    array([2., 0.])
    """
    x = traced(val)
    if dt.is_complex(strong(x)):
        return _part(x, e.imag, {}, dt.real_of(x.dtype))
    kind, trace, shape = kind_of(x), active(), shape_of(x)
    zero = tr.literal(0, dt.int64 if kind == "python" and x.dtype == dt.bool_ else x.dtype)
    if kind in ("scalar", "python"):
        return wrap(trace.fresh(zero, kind))
    zeros = wrap(trace.fresh(trace.one(v.broadcast, zero, shape=shape) if shape else zero, kind))
    header = header_of(x)
    laid_out(zeros, np.empty(header.shape, np.uint8, "F") if header is not None and header.flags.fnc else None)
    return as_view(trace, zeros, v.broadcast, np.broadcast_to(unwrap(zeros).proto, trace.hinted(shape)), shape=shape)


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Any:
    """The angle of complex numbers, in radians or degrees.

    >>> hy.angle(1j, deg=True), hy.angle([1.0, -1.0])
    (np.float64(90.0), array([0.        , 3.14159265]))
    """
    x = traced(z)
    phase = NAMES["arctan2"](imag(x), real(x)) if dt.is_complex(strong(x)) else NAMES["arctan2"](0, x)
    return phase * (180 / math.pi) if deg else phase
