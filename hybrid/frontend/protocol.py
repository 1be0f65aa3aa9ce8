"""How NumPy's own functions reach tensors: `__array_ufunc__` and `__array_function__`, by table."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend import (  # noqa: F401 (they enter their functions)
    bits,
    borders,
    editing,
    einstein,
    factors,
    filters,
    folds,
    gathering,
    halves,
    histograms,
    images,
    joins,
    linear,
    orders,
    polynomials,
    quantiles,
    queries,
    ranges,
    reductions,
    samples,
    scimath,
    selected,
    series,
    shaping,
    signals,
    special,
    spectral,
    unions,
    windows,
)
from hybrid.frontend.calls import FUNCTIONS, Unsupported, between, evaluate, rewrap, unsupported
from hybrid.frontend.compositions import SPECIAL, divmod_, modf
from hybrid.frontend.elementwise import TABLE, cast
from hybrid.frontend.indexing import fold_at
from hybrid.frontend.linear import matmul
from hybrid.frontend.masked import Masked
from hybrid.frontend.values import active, assembled, concrete, kind_of, operand, strong, tracing, wrap
from hybrid.ir import finite, lifted
from hybrid.ir import trace as tr
from hybrid.ops import library as lib

_WHOLE: dict[Any, Callable] = {
    np.matmul: matmul,
    np.divmod: divmod_,
    np.modf: modf,
    np.frexp: bits.frexp,
}  # ufuncs that are no maps
_WHOLE |= {
    getattr(np, form.__name__): form
    for form in (samples.matvec, samples.vecmat, samples.vecdot, bits.bitwise_count)
    if hasattr(np, form.__name__)  # newer NumPys have all of them
}
_PRODUCTS = frozenset(ufunc for ufunc in _WHOLE if ufunc.__name__ in ("matvec", "vecmat", "vecdot", "bitwise_count", "frexp"))
_REDUCE = {
    np.add: reductions.sum, np.multiply: reductions.prod, np.maximum: reductions.max, np.minimum: reductions.min,
    np.logical_and: reductions.all, np.logical_or: reductions.any,
}  # fmt: skip
_ACCUMULATE = {
    np.add: orders.cumsum, np.multiply: orders.cumprod, np.maximum: orders.cummax, np.minimum: orders.cummin,
}  # fmt: skip


def namespace() -> Any:
    """The module that array-API consumers call functions of: the root package."""
    return sys.modules[__name__.partition(".")[0]]


def ufunc_form(ufunc: Any) -> Callable | None:
    """Our function for a ufunc; SciPy's are known by name, so that SciPy need not be loaded."""
    known = TABLE.get(ufunc) or _WHOLE.get(ufunc)
    if known is None:
        name, scipy = getattr(ufunc, "__name__", ""), sys.modules.get("scipy.special")
        if name in SPECIAL and scipy is not None and getattr(scipy, name, None) is ufunc:
            known = SPECIAL[name]
    return known


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict) -> Any:
    """What `ufunc.method(*inputs, **kwargs)` means when a tensor is among the arguments."""
    if not tr.open_traces:
        try:
            return _eager_ufunc(ufunc, method, inputs, kwargs)
        except lifted.Followed:
            return lifted.follow(_ufunc(ufunc, method), inputs, kwargs)
    if any(isinstance(x, Masked) for x in inputs):
        return NotImplemented  # it knows what goes with a selection
    out: tuple = kwargs.get("out") or ()
    trace = tracing(*inputs, *out, *(x for name, x in kwargs.items() if name != "out"))
    if trace is None:
        return _eager_ufunc(ufunc, method, inputs, kwargs)
    if method == "outer":
        inputs = tuple(map(_lasting, inputs))
    if method in ("__call__", "outer"):
        inputs = halves.widened(inputs, product=ufunc is np.matmul)
    single = {**kwargs, "out": out[0]} if len(out) == 1 else kwargs
    if method == "__call__":
        known = ufunc_form(ufunc)
        if known is not None:
            try:
                if ufunc in _PRODUCTS and single.keys() - {"axis"}:
                    raise unsupported(f"np.{ufunc.__name__} with these keywords")
                return known(*inputs, **single)
            except Unsupported as error:
                return between(ufunc, inputs, kwargs, f"np.{ufunc.__name__}", error)
    elif method in ("reduce", "accumulate", "reduceat") and (known := _folding(ufunc, method)) is not None:
        names = ("indices", "axis", "dtype", "out") if method == "reduceat" else ("axis", "dtype", "out", "keepdims")
        try:
            return known(inputs[0], **_positional(inputs[1:], names), **single)
        except Unsupported as error:
            return between(getattr(ufunc, method), inputs, kwargs, f"np.{ufunc.__name__}.{method}", error)
    elif method == "reduce" and ufunc in _REDUCE:
        return _REDUCE[ufunc](
            inputs[0], **{"axis": 0, **_positional(inputs[1:], ("axis", "dtype", "out", "keepdims")), **single}
        )
    elif method == "accumulate" and ufunc in _ACCUMULATE:
        return _ACCUMULATE[ufunc](inputs[0], **{"axis": 0, **_positional(inputs[1:], ("axis", "dtype", "out")), **single})
    elif method == "outer" and ufunc in TABLE:
        a, b = inputs
        return TABLE[ufunc](shaping.reshape(a, (*np.shape(a), *(1,) * np.ndim(b))), b, **single)
    elif method == "at":
        return _at(ufunc, *inputs)
    name = _name(ufunc, method)
    return between(getattr(ufunc, method), inputs, kwargs, name, unsupported(name))


def _name(ufunc: np.ufunc, method: str) -> str:
    """What a user calls a ufunc's method."""
    name = (lib.name_of_ufunc(ufunc) or f"the ufunc {ufunc.__name__}").replace("numpy.", "np.")
    return name + (f".{method}" if method != "__call__" else "")


@functools.cache
def _ufunc(ufunc: np.ufunc, method: str) -> Callable:
    """A ufunc's method as one function of tensors."""

    def call(*inputs: Any, **kwargs: Any) -> Any:
        return getattr(ufunc, method)(*inputs, **kwargs)

    call.__name__ = _name(ufunc, method)
    return call


@functools.cache
def _function(function: Callable) -> Callable:
    """A NumPy function that has no form of ours, as one of tensors."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return apply_function(function, args, kwargs)

    call.by_library = True  # type: ignore[attr-defined]
    return call


def _folding(ufunc: np.ufunc, method: str) -> Callable | None:
    """What folds a ufunc over an axis, step by step, where no reduction of its own does."""
    if method == "reduceat":
        form = _REDUCE[ufunc] if ufunc in _REDUCE else functools.partial(folds.reduce, ufunc)
        return functools.partial(folds.reduceat, form)
    own = _REDUCE if method == "reduce" else _ACCUMULATE
    return None if ufunc in own else functools.partial(getattr(folds, method), ufunc)


def _flat(args: tuple) -> tuple:
    """Arguments, and the items of those that are lists."""
    return tuple(item for x in args for item in (x if type(x) in (list, tuple) else (x,)))


def _lasting(x: Any) -> Any:
    """An operand of `ufunc.outer`, which makes arrays of Python's numbers first: they are not weak then."""
    if isinstance(x, (list, tuple)) or kind_of(x) != "python":
        return x
    return wrap(active().fresh(operand(active(), x, strong(x)), "scalar"))


_AT: dict[Any, str] = {
    np.add: "add", np.subtract: "add", np.multiply: "mul", np.maximum: "max", np.minimum: "min", np.bitwise_and: "and",
    np.bitwise_or: "or", np.bitwise_xor: "xor",
}  # fmt: skip
_AT_OF_BOOLS: dict[Any, str] = {
    np.multiply: "mul", np.maximum: "max", np.minimum: "min", np.bitwise_and: "and", np.bitwise_or: "or", np.bitwise_xor: "xor",
    np.logical_and: "and", np.logical_or: "or", np.logical_xor: "xor",
}  # fmt: skip


def _at(ufunc: np.ufunc, x: Any, index: Any, *values: Any) -> None:
    """`ufunc.at`, which writes into its operand."""
    op = (_AT_OF_BOOLS if strong(x) == np.bool_ else _AT).get(ufunc)
    given = [shaping.as_array(assembled(active(), value)) for value in values]
    single = isinstance(index, (int, np.integer, np.ndarray)) and np.ndim(index) == 0
    fits = len(given) == 1 and not (single and np.ndim(given[0]) >= np.ndim(x))
    if op is not None and fits and _computes_in_own(op, strong(x), _least(values[0], strong(x))):
        value = cast(given[0], strong(x))
        try:
            return fold_at(x, index, TABLE[np.negative](value) if ufunc is np.subtract else value, op)
        except Unsupported as error:
            if active().failure is error:
                active().failure = None
    try:
        return folds.at(ufunc, x, index, *given)
    except Unsupported as error:
        if active().failure is error:
            active().failure = None
    return editing.by_call(ufunc.at, x, index, *values)


def _least(x: Any, beside: np.dtype) -> np.dtype:
    """A dtype that holds a value: the one beside it, for a number of Python's that fits."""
    fits = type(x) is int and dt.is_integer(beside) and np.iinfo(beside).min <= x <= np.iinfo(beside).max
    return beside if fits and beside != dt.uint64 else strong(shaping.as_array(x))


def _computes_in_own(op: str, own: np.dtype, given: np.dtype) -> bool:
    """Whether it is all the same if a value is cast first, where NumPy casts each result, whatever it loses."""
    wide = dt.promote(own, given)
    if op in ("and", "or", "xor") and dt.is_inexact(wide):
        return False  # which NumPy refuses
    if dt.is_integer(own):  # what wraps around at the end has wrapped around on the way
        same = dt.is_integer(wide) and op not in ("max", "min")
    else:
        same = dt.KIND[wide] == dt.KIND[own] and own != dt.float16 and (op not in ("max", "min") or not dt.is_complex(own))
    return wide == own or same


def _positional(values: tuple, names: tuple[str, ...]) -> dict:
    return dict(zip(names, values))


def _eager_ufunc(ufunc: np.ufunc, method: str, inputs: tuple, kwargs: dict) -> Any:
    known = TABLE.get(ufunc) if method == "__call__" and not kwargs else None
    if known is not None:
        return known(*inputs)
    out = kwargs.get("out")
    result = finite.checked(
        ufunc.__name__, getattr(ufunc, method), *map(concrete, inputs), **{name: concrete(x) for name, x in kwargs.items()}
    )
    if out is not None:
        parts = result if isinstance(result, tuple) else (result,)
        given = tuple(rewrap(part) if place is None else place for place, part in zip(out, parts))
        return given[0] if len(out) == 1 else given
    return rewrap(result) if method != "at" else None


def apply_function(function: Callable, args: tuple, kwargs: dict) -> Any:
    """What a NumPy function means when a tensor is among its arguments."""
    known = FUNCTIONS.get(function)
    if known is not None:
        if tr.open_traces:
            halves.refuse_mixed(function, _flat((*args, *kwargs.values())))
        return known(*args, **kwargs)
    if not tr.open_traces and lifted.among(_flat((*args, *kwargs.values()))):
        return lifted.follow(_function(function), args, kwargs)
    if tracing(*args, *kwargs.values()) is not None:
        name = f"np.{function.__module__.removeprefix('numpy').removeprefix('.')}.{function.__name__}".replace("..", ".")
        return between(function, args, kwargs, name, unsupported(name))
    return evaluate(function, *args, **kwargs)
