"""`x[mask]` inside a trace: the selected elements, known by place but not in number.

Arithmetic with numbers and with other selections by the same mask, sums over all elements, and writing back to `x[mask]`
never need the number, so they are recorded on whole arrays. Anything else is refused with the way out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend import reductions
from hybrid.frontend.elementwise import TABLE, cast, store
from hybrid.frontend.values import active, shape_of, unsupported, unwrap, wrap
from hybrid.ir import trace as tr


def _refuse() -> NoReturn:
    raise unsupported(
        "a boolean mask read, whose size is known only at run time,", "use np.where(mask, x, fill), or reduce with where=mask"
    )


class _UnknownSize:
    """The type of a selection: a dtype without a shape."""

    __slots__ = ("dtype",)
    weak = False

    def __init__(self, dtype: np.dtype):
        self.dtype = dtype

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        _refuse()

    def _needs_the_number(self, *args: Any) -> NoReturn:
        _refuse()

    __len__ = __array__ = __getitem__ = __setitem__ = __iter__ = __bool__ = __float__ = __int__ = __index__ = _needs_the_number

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
        if method is None or args[:1] != (self,) or args[1:] or kwargs:
            _refuse()
        return method(self)

    def matches(self, x: Any) -> bool:
        """Whether x goes with each selected element: a number, or a selection by the same mask."""
        if isinstance(x, Masked):
            return tr.read(unwrap(x.mask)) is tr.read(unwrap(self.mask))
        return np.isscalar(x) or shape_of(x) == ()

    sum, prod, mean, var, std = map(_whole, (reductions.sum, reductions.prod, reductions.mean, reductions.var, reductions.std))
    any, all = _whole(reductions.any), _whole(reductions.all)

    def copy(self) -> Masked:
        """The same selection."""
        return Masked(self.full, self.mask)

    def astype(self, dtype: Any) -> Masked:
        """The selected elements in another dtype."""
        return Masked(cast(self.full, dt.canonical(dtype)), self.mask)


_REDUCTIONS: dict[Callable, Callable] = {
    np.sum: Masked.sum, np.prod: Masked.prod, np.mean: Masked.mean, np.var: Masked.var, np.std: Masked.std, np.any: Masked.any,
    np.all: Masked.all, np.copy: Masked.copy,
}  # fmt: skip


def select(x: Any, mask: Any) -> Masked:
    """`x[mask]` for a mask of x's shape."""
    # The elements are a copy: a later write to x does not change them, nor one to them x.
    return Masked(wrap(active().fresh(tr.read(unwrap(x)), unwrap(x).kind)), mask)
