"""`x[mask]` inside a trace: the selected elements, known by place but not in number.

Arithmetic with numbers and with other selections by the same mask, reductions of all elements, and writing back to
`x[mask]` never need the number, so they are recorded on whole arrays. Anything else is refused with the way out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from hybrid.core import dtype as dt
from hybrid.frontend import reductions
from hybrid.frontend.elementwise import TABLE, cast, store
from hybrid.frontend.values import Value, active, shape_of, unsupported, unwrap, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Source
from hybrid.ir.trace import Cell, Symbol


def _refuse(asked: Any = None, *_: Any) -> NoReturn:
    raise unsupported(
        "a boolean mask read, whose size is known only at run time,",
        "use np.where(mask, x, fill), or reduce with where=mask",
        getattr(asked, "at", None),
    )


class _UnknownSize:
    """The type of a selection: a dtype without a shape."""

    __slots__ = ("dtype", "at")
    weak = False

    def __init__(self, dtype: np.dtype, at: Source | None):
        self.dtype, self.at = dtype, at

    shape = ndim = size = nbytes = property(_refuse)


class _Selection(Cell):
    """Storage that cannot be read as an array."""

    __slots__ = ("at",)
    at: Source | None
    value = property(_refuse, lambda self, atom: None)  # type: ignore[assignment]


def _whole(reduction: Callable) -> Callable:
    """A reduction of all selected elements, as a method."""

    def method(self: Masked, *args: Any, **keywords: Any) -> Any:
        if args or keywords:
            _refuse()
        return reduction(self.full, where=self.mask)

    method.__doc__ = reduction.__doc__
    return method


class Masked(NDArrayOperatorsMixin, Value):
    """The elements of `full`, a copy, where `mask` holds, in order."""

    __slots__ = ("full", "mask")
    full: Any
    mask: Any

    def __init__(self, full: Any, mask: Any):
        self.full, self.mask = full, mask
        at = tr.user_line()  # it may be refused as late as in a result, when that line has been left
        cell = _Selection(active(), None)  # type: ignore[arg-type]
        cell.at = at
        self._data = Symbol(cell, _UnknownSize(full.dtype, at), unwrap(full).kind)  # type: ignore[arg-type]

    @property
    def dtype(self) -> np.dtype:
        return self.full.dtype

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        _refuse()

    __len__ = __array__ = __getitem__ = __setitem__ = __iter__ = __bool__ = __float__ = __int__ = __index__ = _refuse

    sum, prod, mean, var, std = map(_whole, (reductions.sum, reductions.prod, reductions.mean, reductions.var, reductions.std))
    any, all = _whole(reductions.any), _whole(reductions.all)

    def copy(self) -> Masked:
        """The same selection."""
        return Masked(_copied(self.full), self.mask)

    def astype(self, dtype: Any) -> Masked:
        """The selected elements in another dtype."""
        return Masked(_copied(cast(self.full, dt.canonical(dtype))), self.mask)

    def matches(self, x: Any) -> bool:
        """Whether x goes with each selected element: a number, or a selection by the same mask."""
        if isinstance(x, Masked):
            return tr.read(unwrap(x.mask)) is tr.read(unwrap(self.mask))
        return shape_of(x) == ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        known = TABLE.get(ufunc)
        out = kwargs.pop("out", ())
        if known is None or method != "__call__" or kwargs or not all(self.matches(x) for x in (*inputs, *out)):
            _refuse()
        result = known(*(x.full if isinstance(x, Masked) else x for x in inputs))
        if out:
            store(active(), out[0].full, result)
            return out[0]
        return Masked(result, self.mask)

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        method = _REDUCTIONS.get(function)
        if method is None or len(args) != 1 or kwargs:
            _refuse()
        return method(self)


_REDUCTIONS: dict[Callable, Callable] = {
    np.sum: Masked.sum, np.prod: Masked.prod, np.mean: Masked.mean, np.var: Masked.var, np.std: Masked.std, np.any: Masked.any,
    np.all: Masked.all, np.copy: Masked.copy,
}  # fmt: skip


def _copied(x: Any) -> Any:
    return wrap(active().fresh(tr.read(unwrap(x)), unwrap(x).kind))


def select(x: Any, mask: Any) -> Masked:
    """`x[mask]` for a mask of x's shape."""
    return Masked(_copied(x), _copied(mask))
