"""Operands: from what a user passes (tensors, arrays, scalars) to graph atoms of one dtype and shape, and back.

Every frontend function takes two ways through here: with no trace open it calls NumPy and wraps the result; inside a
trace it promotes, broadcasts and records.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError, EscapeError, TraceError
from hybrid.core.shape import Shape, contiguous_strides
from hybrid.core.shape import broadcast as broadcast_shapes
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Literal, Source
from hybrid.ir.primitive import Primitive
from hybrid.ir.trace import Symbol, Trace
from hybrid.ops import elementwise as e
from hybrid.ops import view as v


class Value:
    """The base of `Tensor`: one slot for an ndarray (eager) or a `Symbol` (traced)."""

    __slots__ = ("_data", "__weakref__")
    _data: Any


tensor_class: type[Value] = Value  # the Tensor class enters itself here, once


def register_tensor(cls: type[Value]) -> None:
    global tensor_class
    tensor_class = cls


def wrap(data: Any) -> Any:
    """A tensor over an ndarray (or NumPy scalar) or a symbol, without a copy."""
    out = tensor_class.__new__(tensor_class)
    if type(data) is Symbol:
        data.cell.trace.made.append(weakref.ref(out))  # so that the end of the trace can tell who kept one
        out._data = data
    else:
        out._data = data if type(data) is np.ndarray else np.asarray(data)
    return out


def unwrap(x: Any) -> Any:
    return x._data if isinstance(x, Value) else x


def tracing(*operands: Any) -> Trace | None:
    """The trace that must record an operation on these operands, or None to evaluate it now."""
    if not tr.open_traces:
        _refuse_escaped(operands)
        return None
    trace = tr.current()
    if trace is None:
        _refuse_escaped(operands)
        return None
    # A concrete tensor or array was captured: it is read at call time, so even operations on it alone are recorded.
    return trace if any(isinstance(x, np.ndarray) for x in operands) or holds_tensor(operands) else None


def active() -> Trace:
    """This thread's open trace, in code that only runs inside one."""
    trace = tr.current()
    assert trace is not None
    return trace


def _refuse_escaped(operands: tuple) -> None:
    for x in operands:
        if isinstance(x, Value) and type(x._data) is Symbol:
            tr.live(x._data)
            raise EscapeError("a traced tensor was used outside its trace")


def symbol(trace: Trace, x: Any) -> Symbol:
    """The symbol of a tensor or array; concrete arrays are captured by reference."""
    data = unwrap(x)
    if type(data) is Symbol:
        return data
    if type(data) is np.ndarray:
        if data.dtype not in dt.SHORT:
            raise DTypeError(f"arrays of dtype {data.dtype} cannot be traced", expected=", ".join(map(str, dt.ALL)))
        return trace.capture(data, "tensor" if isinstance(x, Value) else "ndarray")
    if isinstance(data, (np.generic, bool, int, float, complex)):
        trace.scalars = trace.scalars or isinstance(data, np.generic)
        dtype = dtype_of(data)
        return trace.fresh(tr.literal(data, dtype if not isinstance(dtype, type) else dt.of_python(data)), "scalar")
    return symbol(trace, np.asarray(data))


def assembled(trace: Trace, x: Any) -> Any:
    """A list as the array NumPy would make of it; anything else as it is."""
    if type(x) not in (list, tuple):
        return x
    if not holds_tensor(x):
        return np.asarray(x)
    parts = [assembled(trace, item) for item in x]
    dtype = dt.promote(*map(dtype_of, parts))
    shape = shape_of(parts[0])
    if any(shape_of(part) != shape for part in parts):
        raise ValueError("setting an array element with a sequence: the parts differ in shape")
    rows = [trace.one(v.reshape, operand(trace, part, dtype), shape=(1, *shape)) for part in parts]
    kind = "tensor" if any(kind_of(part) == "tensor" for part in parts) else "ndarray"
    return wrap(trace.fresh(trace.one(v.concatenate, *rows, axis=0), kind))


def read(trace: Trace, x: Any) -> Atom:
    return tr.read(symbol(trace, x))


def dtype_of(x: Any) -> np.dtype | type:
    """A dtype, or the Python type of a weak scalar, as `dtype.promote` takes them."""
    data = unwrap(x)
    if type(data) is Symbol:
        return (
            {"f": float, "c": complex, "b": bool}.get(dt.KIND[data.type.dtype], int)
            if data.kind == "python"
            else data.type.dtype
        )
    if isinstance(data, (np.ndarray, np.generic)):
        if data.dtype not in dt.SHORT:
            raise DTypeError(f"dtype {data.dtype} cannot be traced", expected=", ".join(map(str, dt.ALL)))
        return data.dtype
    if type(data) in (bool, int, float, complex):
        return type(data)
    raise DTypeError(f"{type(data).__name__} is not an array or a number", got=repr(data)[:80])


def strong(x: Any) -> np.dtype:
    """The dtype of an operand, a lone Python number counted as NumPy does."""
    dtype = dtype_of(x)
    return dt.promote(dtype) if isinstance(dtype, type) else dtype


def shape_of(x: Any) -> tuple[Any, ...]:
    data = unwrap(x)
    return data.type.shape if type(data) is Symbol else np.shape(data)


def kind_of(x: Any) -> str:
    data = unwrap(x)
    if type(data) is Symbol:
        return data.kind
    if isinstance(x, Value):
        return "tensor"
    if isinstance(data, np.ndarray):
        return "ndarray"
    return "python" if type(data) in (bool, int, float, complex) else "scalar"


def result_kind(operands: tuple, shape: Shape, *, python: bool = False) -> str:
    """What NumPy would hand back: scalars where every operand has rank 0, tensors where any operand is one."""
    kinds = {kind_of(x) for x in operands}
    if "tensor" in kinds:
        return "tensor"
    if shape:
        return "ndarray"
    return "python" if python and kinds == {"python"} else "scalar"


def operand(trace: Trace, x: Any, dtype: np.dtype, shape: Shape | None = None) -> Atom:
    """The atom of x in this dtype, stretched to `shape` unless it has rank 0."""
    data = unwrap(x)
    if type(data) in (bool, int, float, complex):
        return tr.literal(data, dtype)
    atom = read(trace, x)
    atom = converted(trace, atom, dtype)
    if shape is not None and atom.type.shape != shape and atom.type.shape != ():
        atom = trace.one(v.broadcast, atom, shape=shape)
    return atom


def converted(trace: Trace, atom: Atom, dtype: np.dtype) -> Atom:
    if atom.type.dtype == dtype:
        return atom
    if isinstance(atom, Literal) and not dt.is_complex(atom.type.dtype):
        with np.errstate(all="ignore"):
            return tr.literal(np.asarray(atom.value).astype(dtype), dtype)
    return trace.one(e.convert, atom, dtype=dtype)


def stretched(trace: Trace, atom: Atom, shape: Shape) -> Atom:
    """Broadcast to exactly this shape, rank 0 included."""
    return atom if atom.type.shape == shape else trace.one(v.broadcast, atom, shape=shape)


def record_map(
    trace: Trace, primitive: Primitive, operands: tuple, dtype: np.dtype, *, python: bool = False, **params: Any
) -> Any:
    """One MAP over promoted, broadcast operands; a tensor in the kind NumPy would give."""
    shape = broadcast_shapes(*(shape_of(x) for x in operands))
    inputs = tuple(operand(trace, x, dtype, shape) for x in operands)
    if shape and all(atom.type.shape == () for atom in inputs):
        inputs = tuple(stretched(trace, atom, shape) for atom in inputs)
    out = trace.fresh(trace.one(primitive, *inputs, **params), result_kind(operands, shape, python=python))
    order = _axis_order(operands, shape)
    if order != tuple(range(len(shape))):
        steps = dict(zip(order, contiguous_strides(tuple(shape[a] for a in order))))
        itemsize = out.type.dtype.itemsize
        out._proto = tr.prototype(out.type.dtype, shape, tuple(steps[a] * itemsize for a in range(len(shape))))
    return wrap(out)


def _axis_order(operands: tuple, shape: Shape) -> tuple[int, ...]:
    """The axes from slowest to fastest of what NumPy would allocate: as in the operands, where those agree.

    The graph keeps every array in C order; this only tells which reshapes of the result are views.
    """
    orders = set()
    for x in operands:
        data = unwrap(x)
        header = data._proto if type(data) is Symbol else data
        if type(header) is np.ndarray and header.shape == shape and not header.flags.c_contiguous:
            orders.add(tuple(sorted(range(len(shape)), key=lambda axis: -abs(header.strides[axis]))))
        elif shape_of(x) == shape:
            orders.add(tuple(range(len(shape))))
    return orders.pop() if len(orders) == 1 else tuple(range(len(shape)))


def record(trace: Trace, primitive: Primitive, x: Any, *more: Atom, kind: str | None = None, **params: Any) -> Any:
    """One primitive on the current value of x (and further atoms), as a new array."""
    out = trace.one(primitive, read(trace, x), *more, **params)
    return wrap(trace.fresh(out, kind or result_kind((x,), out.type.shape)))


def as_view(trace: Trace, x: Any, primitive: Primitive, proto: np.ndarray, *, scalar: bool = False, **params: Any) -> Any:
    """A tensor that shares x's storage, with the header NumPy gave."""
    source = symbol(trace, x)
    type_ = source.type.with_shape(proto.shape)
    kind = source.kind
    if kind != "tensor":
        kind = "scalar" if scalar else "ndarray"
    return wrap(tr.view(source, primitive, params, type_, kind, proto))


def concrete(x: Any) -> Any:
    """The array behind a tensor, also inside lists and tuples; anything else is x itself. Escaped tensors are refused."""
    if isinstance(x, Value):
        if type(x._data) is Symbol:
            _refuse_escaped((x,))
        return x._data
    if type(x) in (list, tuple) and holds_tensor(x):
        return type(x)(concrete(item) for item in x)
    return x


def evaluate(function: Callable, *args: Any, **kwargs: Any) -> Any:
    """NumPy's own function on the arrays behind the tensors; its results are tensors where an argument was one."""
    plain = [concrete(x) for x in args]
    found = any(a is not b for a, b in zip(plain, args))  # only a tensor becomes another object
    if kwargs:
        given = kwargs
        kwargs = {name: concrete(x) for name, x in given.items()}
        found = found or any(kwargs[name] is not x for name, x in given.items())
    out = function(*plain, **kwargs)
    return rewrap(out) if found else out


def rewrap(out: Any) -> Any:
    """What NumPy gave, with tensors for its arrays and scalars."""
    if isinstance(out, (np.ndarray, np.generic)):
        return wrap(out) if out.dtype.kind in "biufcV" else out
    if type(out) in (tuple, list):
        return type(out)(rewrap(item) for item in out)
    if isinstance(out, tuple) and hasattr(out, "_fields"):
        return type(out)(*(rewrap(item) for item in out))
    return out


def holds_tensor(args: Any) -> bool:
    """Whether some argument is or holds a tensor."""
    return any(isinstance(x, Value) or (type(x) in (list, tuple) and holds_tensor(x)) for x in args)


# Methods of ndarray that do what NumPy's function of that name does, without its detour of 0.5 to 1 µs.
_METHODS = frozenset(("all", "any", "argmax", "argmin", "cumsum", "max", "mean", "min", "prod", "ravel", "reshape", "squeeze",
                      "std", "sum", "take", "transpose", "var"))  # fmt: skip
_NUMBERS = frozenset((int, float, bool, complex, type(None)))


def _plain(args: tuple) -> list | None:
    """The arguments of the commonest calls, a tensor first, with arrays for tensors; None for all other calls."""
    if not args or len(args) > 3 or type(args[0]) is not tensor_class:
        return None
    out = []
    for x in args:
        kind = type(x)
        if kind is tensor_class:
            x = x._data
            if type(x) is not np.ndarray or x.dtype.kind == "V":
                return None
        elif kind not in _NUMBERS and not (kind is tuple and all(type(item) is int for item in x)):
            return None
        out.append(x)
    return out


FUNCTIONS: dict[Callable, Callable] = {}  # NumPy's function -> ours


def implements(numpy_function: Callable, *also: Callable) -> Callable:
    """Declare the traced form of a NumPy function; eager calls go to NumPy itself, with the same arguments.

    The decorated body runs only inside a trace, with the caller's arguments as they are. The result keeps the body's
    signature and docstring, and works as a method of `Tensor` too.
    """

    def decorate(body: Callable) -> Callable:
        quick = getattr(np.ndarray, numpy_function.__name__) if numpy_function.__name__ in _METHODS else numpy_function

        @functools.wraps(body)
        def function(*args: Any, **kwargs: Any) -> Any:
            if tr.open_traces:
                if tracing(*args, *kwargs.values()) is not None:
                    return body(*args, **kwargs)
            elif not kwargs and (plain := _plain(args)) is not None:
                made = quick(*plain)
                return wrap(made) if type(made) is np.ndarray else rewrap(made)
            result = evaluate(numpy_function, *args, **kwargs)
            return kwargs["out"] if kwargs and kwargs.get("out") is not None else result

        for known in (numpy_function, *also):
            FUNCTIONS[known] = function
        return function

    return decorate


def traced(x: Any) -> Any:
    """x as a tensor of the current trace, arrays captured and scalars made literals."""
    if isinstance(x, Value) and type(x._data) is Symbol:
        return x
    return wrap(symbol(active(), x))


def unsupported(
    what: str, fix: str = "leave this function undecorated, or compute it outside", at: Source | None = None
) -> TraceError:
    """The error for what eager code can do and a graph cannot; the trace fails even where the traced code catches it."""
    error = TraceError(f"{what} is not compiled yet", fix=fix, at=at or tr.user_line())
    trace = tr.current()
    if trace is not None:
        trace.failure = trace.failure or error
    return error


def bind(primitive: Primitive, *operands: Any, **params: Any) -> Any:
    """One application of a primitive to operands that fit it as they are: evaluated now, or recorded."""
    trace = tracing(*operands)
    if trace is None:
        out = primitive.eval(*(np.asarray(concrete(x)) for x in operands), **params)
        return rewrap(out) if holds_tensor(operands) else out
    atoms = trace.record(primitive, tuple(read(trace, x) for x in operands), params)
    made = tuple(wrap(trace.fresh(atom, result_kind(operands, atom.type.shape))) for atom in atoms)
    return made if len(made) > 1 else made[0]
