"""Calls: which of NumPy's functions is which of ours, and what is done eagerly and where there is no compiled form."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core.errors import TraceError
from hybrid.frontend import values
from hybrid.frontend.quick import FORMS, JOINS
from hybrid.frontend.values import (
    NUMBERS,
    Value,
    active,
    assembled,
    concrete,
    holds_tensor,
    kind_of,
    read,
    result_kind,
    symbol,
    tracing,
    wrap,
)
from hybrid.ir import finite, lifted
from hybrid.ir import trace as tr
from hybrid.ir.graph import Source
from hybrid.ir.primitive import Primitive
from hybrid.ir.trace import Symbol

_SCALARS = NUMBERS - {int, float, bool, complex}
_PLAIN = NUMBERS | {type(None), str, type}
_SETTINGS = frozenset(("axis", "keepdims", "dtype", "ddof"))
_INTEGERS = frozenset((int,))
_Lifted = lifted.Lifted


def _plain(args: tuple) -> list | None:
    """The arguments of the commonest calls with arrays for tensors; None for other calls, and where no tensor is among them."""
    if len(args) > 3:
        return None
    out, found = [], False
    for x in args:
        kind = type(x)
        if kind is values.tensor_class:
            x = x._data
            if type(x) is not np.ndarray:
                return None
            found = True
        elif kind is tuple or kind is list:
            if x and type(x[0]) is values.tensor_class:
                arrays = []
                for item in x:
                    if type(item) is not values.tensor_class or type(item._data) is not np.ndarray:
                        return None
                    arrays.append(item._data)
                x, found = arrays, True
            elif not _INTEGERS.issuperset(map(type, x)):
                return None
        elif kind not in _PLAIN:
            return None
        out.append(x)
    return out if found else None


def are_settings(kwargs: dict) -> bool:
    """Whether these keywords mean the same to NumPy's function, its method and our shorter form."""
    for name, x in kwargs.items():
        if name not in _SETTINGS or not (type(x) in _PLAIN or type(x) is tuple or isinstance(x, np.dtype)):
            return False
    return True


def _called(function: Callable) -> str:
    """What a user calls a NumPy function."""
    module = function.__module__.removeprefix("numpy").removeprefix(".")
    return f"np.{module}.{function.__name__}" if module else f"np.{function.__name__}"


def evaluate(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """NumPy's own function on the arrays behind the tensors; its results are tensors where an argument was one."""
    plain, named, found = [], {}, False
    for x in args:
        a = concrete(x)
        found = found or a is not x  # only a tensor becomes another object
        plain.append(a)
    for name, x in kwargs.items():
        a = named[name] = concrete(x)
        found = found or a is not x
    if tr.open_traces:
        out = finite.checked(getattr(function, "__name__", "an operation"), function, *plain, **named)
    else:
        out = function(*plain, **named)
    return rewrap(out) if found else out


def rewrap(out: Any) -> Any:
    """What NumPy gave, with tensors for its arrays and scalars."""
    kind = type(out)
    if kind in _SCALARS or isinstance(out, (np.generic, np.ndarray)):
        return wrap(out) if kind in _SCALARS or out.dtype.kind in "biufcV" else out
    if kind is tuple or kind is list:
        return kind([rewrap(item) for item in out])
    if isinstance(out, tuple) and hasattr(out, "_fields"):
        return type(out)(*(rewrap(item) for item in out))
    return out


FUNCTIONS: dict[Callable, Callable] = {}  # NumPy's function -> ours


def implements(numpy_function: Callable, *also: Callable) -> Callable:
    """Declare the traced form of a NumPy function; eager calls go to NumPy itself, with the same arguments.

    The decorated body runs only inside a trace, with the caller's arguments as they are. The result keeps the body's
    signature and docstring, and works as a method of `Tensor` too.
    """

    def decorate(body: Callable) -> Callable:
        quick, join = FORMS.get(numpy_function, numpy_function), JOINS.get(numpy_function, numpy_function)

        @functools.wraps(body)
        def function(*args: Any, **kwargs: Any) -> Any:
            if tr.open_traces:
                if tracing(*args, *kwargs.values()) is not None:
                    try:
                        result = body(*args, **kwargs)
                        return _of_one_class(result, args) if type(result) in (tuple, list) else result
                    except Unsupported as error:
                        return between(numpy_function, args, kwargs, _called(numpy_function), error)
            elif len(args) == 1 and not kwargs and type(x := args[0]) is values.tensor_class and isinstance(x._data, _Lifted):
                return lifted.follow_one(function, x)
            elif (not kwargs or are_settings(kwargs)) and (plain := _plain(args)) is not None:
                made = (quick if type(plain[0]) is np.ndarray else join)(*plain, **kwargs)
                return wrap(made) if type(made) is np.ndarray else rewrap(made)
            elif lifted.among(args):
                return lifted.follow(function, args, kwargs)
            try:
                result = evaluate(numpy_function, *args, **kwargs)
            except lifted.Followed:
                return lifted.follow(function, args, kwargs)
            return kwargs["out"] if kwargs and kwargs.get("out") is not None else result

        for known in (numpy_function, *also):
            FUNCTIONS[known] = function
        function.forms = quick, join  # type: ignore[attr-defined]  # what an eager call comes to, of one array and of several
        return function

    return decorate


def _of_one_class(results: Any, args: tuple) -> Any:
    """Several results as eager calls give them: tensors, where any argument is one, those made of numbers beside it, too."""
    flat = (item for x in args for item in (x if type(x) in (tuple, list) else (x,)))
    if not any(isinstance(x, Value) and kind_of(x) == "tensor" for x in flat):
        return results
    return type(results)(as_tensor(traced(x)) if isinstance(x, Value) or type(x) is np.ndarray else x for x in results)


def as_tensor(x: Any) -> Any:
    """The same traced value, in the same memory, as a tensor."""
    data = x._data
    if data.kind in ("tensor", "python"):
        return x
    if data.kind == "ndarray":
        return wrap(Symbol(data.cell, data.type, "tensor", data.chain, data.proto))
    return wrap(active().fresh(tr.read(data), "tensor"))


def traced(x: Any) -> Any:
    """x as a tensor of the current trace: arrays captured, scalars made literals, lists of traced numbers put together."""
    if isinstance(x, Value) and type(x._data) is Symbol:
        return x
    if type(x) in (list, tuple) and holds_tensor(x):
        return assembled(active(), x)
    return wrap(symbol(active(), x))


class Unsupported(TraceError):
    """What eager code can do and a graph cannot."""


def _raise(function: Callable, args: tuple, kwargs: dict, name: str, error: TraceError) -> Any:
    raise error


# A call of a library function that has no compiled form, between compiled parts; `islands` enters its own here.
elsewhere: Callable[..., Any] = _raise


def between(function: Callable, args: tuple, kwargs: dict, name: str, error: TraceError) -> Any:
    """The call of a library's function that turned out to have no compiled form."""
    trace = active()
    if trace.failure is error:
        trace.failure = None
    try:
        return elsewhere(function, args, kwargs, name, error)
    except TraceError as raised:
        trace.failure = trace.failure or raised
        raise


def unsupported(
    what: str, fix: str = "leave this function undecorated, or compute it outside", at: Source | None = None
) -> TraceError:
    """The error for what eager code can do and a graph cannot; the trace fails even where the traced code catches it."""
    error = Unsupported(f"{what} is not compiled yet", fix=fix, at=at or tr.user_line())
    trace = tr.current()
    if trace is not None:
        trace.failure = trace.failure or error
    return error


def bind(primitive: Primitive, *operands: Any, **params: Any) -> Any:
    """One application of a primitive to operands that fit it as they are: evaluated now, or recorded."""
    trace = tracing(*operands)
    if trace is None:
        arrays = [np.asarray(concrete(x)) for x in operands]
        out = finite.checked(primitive.name, primitive.eval, *arrays, **params)
        return rewrap(out) if holds_tensor(operands) else out
    atoms = trace.record(primitive, tuple(read(trace, x) for x in operands), params)
    made = tuple(wrap(trace.fresh(atom, result_kind(operands, atom.type.shape))) for atom in atoms)
    return made if len(made) > 1 else made[0]
