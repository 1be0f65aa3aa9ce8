"""`x[mask]` inside a trace: the selected elements, known by place but not in number.

Arithmetic with numbers and with other selections by the same mask, reductions of all elements, and writing back to
`x[mask]` never need the number, so they are recorded on whole arrays. Anything else packs the elements into an array, where
the selection was made, since whatever follows may ask for it. From the first write to that array it alone counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from hybrid.core import dtype as dt
from hybrid.frontend import reductions
from hybrid.frontend.elementwise import TABLE, cast, store
from hybrid.frontend.positions import masked
from hybrid.frontend.values import Value, active, shape_of, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.aliases import Storage
from hybrid.ir.trace import Cell, Symbol


class _UnknownSize:
    """The type of a selection, whose shape is asked for only where it must be."""

    __slots__ = ("dtype", "selection")
    weak = False

    def __init__(self, dtype: np.dtype, selection: Masked):
        self.dtype, self.selection = dtype, selection

    def __getattr__(self, name: str) -> Any:
        return getattr(unwrap(self.selection.packed).type, name)


class _Selection(Cell):
    """Storage that is an array as soon as somebody reads it."""

    __slots__ = ("selection",)
    selection: Masked

    @property
    def value(self) -> Any:  # type: ignore[override]
        return tr.read(unwrap(self.selection.packed))

    @value.setter
    def value(self, atom: Any) -> None:
        if atom is not None:
            self.selection.packed[...] = wrap(self.trace.fresh(atom, "ndarray"))

    @property
    def whole(self) -> Storage:
        return unwrap(self.selection.packed).cell.whole


def _whole(reduction: Callable) -> Callable:
    """A reduction of all selected elements, as a method."""

    def method(self: Masked, *args: Any, **keywords: Any) -> Any:
        if args or keywords or not self.is_whole():
            return reduction(self.packed, *args, **keywords)
        return reduction(self.full, where=self.mask)

    method.__doc__ = reduction.__doc__
    return method


class Masked(NDArrayOperatorsMixin, Value):
    """The elements of `full`, a copy, where `mask` holds, in order."""

    __slots__ = ("full", "mask", "_packed", "_frozen")
    full: Any
    mask: Any

    def __init__(self, full: Any, mask: Any):
        self.full, self.mask = full, mask
        self._packed: Any = None
        self._frozen = ""  # why nobody may write it
        cell = _Selection(active(), None)  # type: ignore[arg-type]
        cell.selection = self
        self._data = Symbol(cell, _UnknownSize(full.dtype, self), unwrap(full).kind)  # type: ignore[arg-type]

    @property
    def packed(self) -> Any:
        """The elements themselves, as an array of a size that only a run knows."""
        if self._packed is None:
            trace = active()
            home = self._data.cell.home
            with _within(trace, home if _is_around(trace, home) else trace.region):
                self._packed = masked(self.full, self.mask)
            unwrap(self._packed).cell.frozen = self._frozen
        return self._packed

    def freeze(self, why: str) -> None:
        """Refuse all writes from here on."""
        self._frozen = self._frozen or why
        if self._packed is not None:
            unwrap(self._packed).cell.frozen = why

    def twin(self, other: Masked) -> None:
        """Note that the two are one array in some runs: who writes one cannot read the other any more."""
        if other._frozen:
            self.freeze(other._frozen)
        around = _is_around(active(), other._data.cell.home)
        if not around and other._packed is None:
            return  # made in a body that is closed, where nothing else stood for it
        unwrap(self.packed).cell.stands_for([unwrap(other.packed).cell])

    def is_whole(self) -> bool:
        """Whether `full` and `mask` still say what the elements are, in the next round of loops too."""
        trace, home = active(), self._data.cell.home
        packed = None if self._packed is None else unwrap(self._packed).cell
        if packed is not None and (packed.written or packed.home is not home):
            return False
        region = trace.region
        while region is not home:
            if region is None or region.loop or packed in region.values:
                return False
            region = region.outer
        return True

    @property
    def dtype(self) -> np.dtype:
        return self.full.dtype

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.packed, name)

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, Masked) and index.dtype == dt.bool_ and self.matches(index):
            return Masked(_copied(self.full), _AND(self.mask, index.full))
        return self.packed[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.packed[index] = value

    def __iter__(self) -> Any:
        return iter(self.packed)

    def __bool__(self) -> bool:
        return bool(self.packed)

    def __float__(self) -> float:
        return float(self.packed)

    def __int__(self) -> int:
        return int(self.packed)

    def __matmul__(self, other: Any) -> Any:
        return self.packed @ other

    def __rmatmul__(self, other: Any) -> Any:
        return other @ self.packed

    sum, prod, mean, var, std = map(_whole, (reductions.sum, reductions.prod, reductions.mean, reductions.var, reductions.std))
    any, all = _whole(reductions.any), _whole(reductions.all)

    def copy(self) -> Any:
        """The same selection."""
        if not self.is_whole():
            return self.packed.copy()
        return Masked(_copied(self.full), self.mask)

    def astype(self, dtype: Any) -> Any:
        """The selected elements in another dtype."""
        if not self.is_whole():
            return self.packed.astype(dtype)
        return Masked(_copied(cast(self.full, dt.canonical(dtype))), self.mask)

    def matches(self, x: Any) -> bool:
        """Whether x goes with each selected element: a number, or a selection by the same mask."""
        if isinstance(x, Masked):
            return x.is_whole() and self.is_whole() and tr.read(unwrap(x.mask)) is tr.read(unwrap(self.mask))
        return shape_of(x) == ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        known = TABLE.get(ufunc)
        out = kwargs.pop("out", ())
        whole = self.is_whole() and all(self.matches(x) for x in (*inputs, *out)) and all(map(_is_new, out))
        if known is None or method != "__call__" or kwargs or not whole:
            outs = {"out": tuple(map(_whole_of, out))} if out else {}
            result = getattr(ufunc, method)(*map(_whole_of, inputs), **outs, **kwargs)
            return out[0] if len(out) == 1 else result
        result = known(*(x.full if isinstance(x, Masked) else x for x in inputs))
        if out:
            store(active(), out[0].full, result)
            return out[0]
        return Masked(result, self.mask)

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        method = _REDUCTIONS.get(function)
        if method is None or len(args) != 1 or kwargs:
            return function(*map(_whole_of, args), **{name: _whole_of(x) for name, x in kwargs.items()})
        return method(self)


_REDUCTIONS: dict[Callable, Callable] = {
    np.sum: Masked.sum, np.prod: Masked.prod, np.mean: Masked.mean, np.var: Masked.var, np.std: Masked.std, np.any: Masked.any,
    np.all: Masked.all, np.copy: Masked.copy,
}  # fmt: skip


_AND = TABLE[np.logical_and]


def _whole_of(x: Any) -> Any:
    """x, with the elements of selections in it as arrays."""
    if type(x) in (list, tuple):
        return type(x)(map(_whole_of, x))
    return x.packed if isinstance(x, Masked) else x


def _is_new(x: Any) -> bool:
    """Whether a selection may be written as a whole: nobody has its elements as an array, nor is it from around a branch."""
    return isinstance(x, Masked) and x._packed is None and not x._frozen and x._data.cell.home is active().region


def _is_around(trace: tr.Trace, home: tr.Region | None) -> bool:
    region = trace.region
    while region is not home and region is not None:
        region = region.outer
    return region is home


@contextmanager
def _within(trace: tr.Trace, region: tr.Region | None) -> Iterator[None]:
    """Record in a region around what is being recorded."""
    before = trace.region, trace.builder
    trace.region, trace.builder = region, trace.root if region is None else region.builder
    try:
        yield
    finally:
        trace.region, trace.builder = before


def _copied(x: Any) -> Any:
    return wrap(active().fresh(tr.read(unwrap(x)), unwrap(x).kind))


def select(x: Any, mask: Any) -> Masked:
    """`x[mask]` for a mask of x's shape."""
    return Masked(_copied(x), _copied(mask))
