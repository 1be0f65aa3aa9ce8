"""New arrays: from data, filled, counted, from other libraries. A trace records them, and so what is written into them."""

from __future__ import annotations

import operator
from array import array as typed_array
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Shape, Size
from hybrid.frontend import exchange, integers
from hybrid.frontend.calls import as_tensor, implements, traced, unsupported
from hybrid.frontend.elementwise import apply, cast
from hybrid.frontend.elementwise import select as choose
from hybrid.frontend.inspection import on_cpu
from hybrid.frontend.layouts import in_order
from hybrid.frontend.values import (
    Value,
    active,
    allocated,
    assembled,
    concrete,
    dtype_of,
    holds_tensor,
    kind_of,
    laid_out,
    like,
    operand,
    shape_of,
    sized,
    strong,
    symbol,
    tracing,
    unwrap,
    wrap,
)
from hybrid.ir import trace as tr
from hybrid.ir.lifted import followable
from hybrid.ops import elementwise as e
from hybrid.ops import view as v

_FARTHEST = 2**62  # the number of a diagonal that no matrix has


def sizes(shape: Any) -> Shape:
    """A shape as NumPy takes it: a tuple of integers, or one integer."""
    if type(shape) is int and shape >= 0:
        return (shape,)
    items = tuple(shape) if isinstance(shape, (tuple, list, np.ndarray)) else (shape,)
    out = tuple(_length(size) for size in items)
    if any(size < 0 for size in out if isinstance(size, int)):
        raise ValueError("negative dimensions are not allowed")
    return out


def _length(size: Any) -> Size:
    """A size that a constructor was given: a traced one must be no less than zero."""
    if isinstance(size, (bool, np.bool_)):
        raise TypeError(f"expected a sequence of integers or a single integer, got '{size!r}'")
    if not isinstance(size, (Value, Dim)) or tr.current() is None:
        return operator.index(size)
    trace = active()
    length = integers.size_of(trace, size)
    known = trace.ask("ge", length, 0)
    if known is None:
        trace.assume(trace.one(e.ge, sized(trace, length), tr.literal(0, dt.int64)), "a size is not negative")
    return length if known is not False else -1


def _recorded(array: np.ndarray, kind: str) -> Any:
    """A fresh traced array with the contents of one that nobody else holds: what is in it is known.

    A graph has no texts: an array of these stays NumPy's, which computes what is asked of it while tracing. Branches and loops
    watch it as they watch other objects, if it is not too large for that.
    """
    trace = active()
    if array.dtype.kind in "US" and kind == "ndarray" and array.nbytes <= tr.SNAPSHOT_BYTES:
        return array
    atom = tr.read(trace.capture(array, kind))
    trace.known[atom] = array
    return wrap(trace.fresh(atom, kind))


def _filled(shape: Shape, value: Any, dtype: np.dtype, kind: str) -> Any:
    """A new array of one value; in a trace, a broadcast."""
    trace = tr.current()
    if trace is None:
        return wrap(np.full(shape, concrete(value), dtype))
    atom = operand(trace, cast(value, dtype) if isinstance(value, Value) else value, dtype)
    return wrap(trace.fresh(trace.one(v.broadcast, atom, shape=shape) if shape else atom, kind))


# From data ---------------------------------------------------------------------------------------------------------------
@followable
def _tensor(data: Any, dtype: Any) -> Any:
    trace = tr.current()
    if trace is not None and (isinstance(data, Value) or holds_tensor((data,))):
        atom = tr.read(symbol(trace, assembled(trace, data)))
        return cast(wrap(trace.fresh(atom, "tensor")), dt.canonical(dtype, _natural(atom.type.dtype, data)))
    array = np.array(concrete(data), None if dtype is None else dt.canonical(dtype))
    if dtype is None:
        array = array.astype(_natural(array.dtype, data), copy=False)
    dt.canonical(array.dtype)
    return wrap(array) if trace is None else _recorded(array, "tensor")


def tensor(data: Any, dtype: Any = None, requires_grad: bool = False) -> Any:
    """A new tensor with a copy of the data.

    Args:
        data: numbers, nested sequences, arrays or tensors. Python floats become the default float (float32), complex
            numbers pairs of it, arrays keep their dtype.
        dtype: what to convert to.
        requires_grad: whether gradients with respect to it are asked for; the data are detached then.

    >>> hy.tensor([[1, 2], [3, 4]]).dtype, hy.tensor([0.5]).dtype
    (dtype('int64'), dtype('float32'))
    """
    out = _tensor(data, dtype)
    return out.detach().requires_grad_() if requires_grad else out


def _natural(dtype: np.dtype, data: Any) -> np.dtype:
    """The dtype of a new tensor for the one that NumPy gives the data: the default one for Python's floats."""
    if dtype not in (dt.float64, dt.complex128) or _has_float64(data):
        return dtype
    return dt.default_complex() if dtype == dt.complex128 else dt.default_float()


def _has_float64(data: Any) -> bool:
    """Whether the data holds numbers of a dtype that the user chose: NumPy's, or those of another library's array."""
    if isinstance(data, (list, tuple)):
        return any(map(_has_float64, data))
    if isinstance(data, Value):
        return kind_of(data) != "python"
    known = (np.ndarray, np.generic, memoryview, typed_array)
    return isinstance(data, known) or hasattr(data, "__array__") or hasattr(data, "__array_interface__")


@followable
def asarray(obj: Any, dtype: Any = None, *, device: str | None = None, copy: bool | None = None) -> Any:
    """The data as a tensor, sharing memory with an array where dtype and `copy` allow it.

    `copy=False` raises ValueError where an array would have to be converted.

    >>> x = np.zeros(2)
    >>> hy.asarray(x).numpy() is x
    True
    """
    on_cpu(device)
    trace = tr.current()
    if trace is not None and (isinstance(obj, Value) or holds_tensor((obj,))):
        if not isinstance(obj, Value) or kind_of(obj) in ("python", "scalar"):
            if copy is False:
                raise ValueError("Unable to avoid copy while creating an array as requested.")
            return tensor(obj, dtype)
        data = symbol(trace, obj)
        if copy or dtype not in (None, data.type.dtype):
            if copy is False:
                raise ValueError("Unable to avoid copy while creating an array as requested.")
            return laid_out(tensor(obj, dtype), like(obj))
        return as_tensor(obj if isinstance(obj, Value) else wrap(data))
    if isinstance(obj, (np.ndarray, Value)):
        return wrap(np.array(concrete(obj), None if dtype is None else dt.canonical(dtype), copy=copy))
    if copy is False:
        return wrap(np.asarray(concrete(obj), None if dtype is None else dt.canonical(dtype), copy=False))
    return tensor(obj, dtype)


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Any:
    """A tensor over the memory of another library's array, by DLPack.

    >>> hy.from_dlpack(np.arange(3.0))
    tensor([0., 1., 2.], dtype=float64)
    """
    on_cpu(device)
    return wrap(exchange.take(x, copy))


# Filled ------------------------------------------------------------------------------------------------------------------
def full(shape: Any, fill_value: Any, dtype: Any = None, *, device: str | None = None) -> Any:
    """A tensor of one value; without `dtype`, the value's (the default float for a Python float).

    >>> hy.full((2, 2), 7)
    tensor([[7, 7],
            [7, 7]], dtype=int64)
    """
    on_cpu(device)
    natural = _natural(strong(fill_value), fill_value) if dtype is None else None
    return _filled(sizes(shape), fill_value, dt.canonical(dtype, natural), "tensor")


def zeros(shape: Any, dtype: Any = None, *, device: str | None = None) -> Any:
    """A tensor of zeros, of the default float without `dtype`.

    >>> hy.zeros((2, 2))
    tensor([[0., 0.],
            [0., 0.]], dtype=float32)
    """
    if not tr.open_traces and device is None:
        return wrap(np.zeros(sizes(shape), dt.canonical(dtype, dt.default_float())))
    return full(shape, 0, dt.canonical(dtype, dt.default_float()), device=device)


def ones(shape: Any, dtype: Any = None, *, device: str | None = None) -> Any:
    """A tensor of ones, of the default float without `dtype`.

    >>> hy.ones(3, dtype="int64")
    tensor([1, 1, 1], dtype=int64)
    """
    if not tr.open_traces and device is None:
        return wrap(np.ones(sizes(shape), dt.canonical(dtype, dt.default_float())))
    return full(shape, 1, dt.canonical(dtype, dt.default_float()), device=device)


def empty(shape: Any, dtype: Any = None, *, device: str | None = None) -> Any:
    """A tensor to be filled; in a trace, its elements are zeros.

    >>> hy.empty((2, 3)).shape
    (2, 3)
    """
    if tr.current() is not None:
        return zeros(shape, dtype, device=device)
    on_cpu(device)
    return wrap(np.empty(sizes(shape), dt.canonical(dtype, dt.default_float())))


def _like(x: Any, value: Any, dtype: Any, shape: Any, order: str) -> Any:
    x = traced(x)
    kind = "tensor" if kind_of(x) == "tensor" else "ndarray"
    made = _filled(shape_of(x) if shape is None else sizes(shape), value, dt.canonical(dtype, x.dtype), kind)
    return laid_out(made, like(x, order)) if shape is None else in_order(made, order)


@implements(np.zeros_like)
def zeros_like(
    a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    """Zeros in the shape and dtype of an array.

    >>> hy.zeros_like(np.ones((2, 2)))
    array([[0., 0.],
           [0., 0.]])
    """
    return _like(a, 0, dtype, shape, order)


@implements(np.ones_like)
def ones_like(a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None) -> Any:
    """Ones in the shape and dtype of an array.

    >>> hy.ones_like([1, 2])
    array([1, 1])
    """
    return _like(a, 1, dtype, shape, order)


@implements(np.empty_like)
def empty_like(
    prototype: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *, device: Any = None
) -> Any:
    """An array to be filled, in the shape and dtype of another; in a trace, its elements are zeros.

    >>> hy.empty_like(np.ones((2, 2))).shape
    (2, 2)
    """
    return _like(prototype, 0, dtype, shape, order)


@implements(np.full_like)
def full_like(a: Any, fill_value: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None, *,
              device: Any = None) -> Any:  # fmt: skip
    """One value in the shape and dtype of an array.

    >>> hy.full_like([1.0, 2.0], 3)
    array([3., 3.])
    """
    return _like(a, fill_value, dtype, shape, order)


# Counted -----------------------------------------------------------------------------------------------------------------
def _counted(array: np.ndarray, kind: str) -> Any:
    """A range that NumPy made; in a trace, start + i·step where that gives the same bits, else the array itself."""
    if tr.current() is None:
        return wrap(array)
    if array.dtype not in (dt.int32, dt.int64, dt.float32, dt.float64) or len(array) < 2:
        return _recorded(array, kind)
    start, step = array[0].item(), (array[1] - array[0]).item()
    line = np.arange(len(array)).astype(array.dtype) * array.dtype.type(step) + array.dtype.type(start)
    if not np.array_equal(line, array):
        return _recorded(array, kind)
    trace = active()
    place = wrap(trace.fresh(trace.one(e.iota, shape=array.shape, axis=0), kind))
    return cast(place, array.dtype) * step + start


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None, *, device: str | None = None) -> Any:
    """start, start + step, … before stop; of Python floats in the default float.

    >>> hy.arange(3), hy.arange(0, 1, 0.5)
    (tensor([0, 1, 2], dtype=int64), tensor([0. , 0.5], dtype=float32))
    """
    on_cpu(device)
    bounds: tuple[Any, Any] = (0, start) if stop is None else (start, stop)
    floating = dtype is None and any(dtype_of(x) is float for x in (*bounds, step))
    arange_: Any = np.arange  # its overloads know no values of unknown type
    array = arange_(bounds[0], bounds[1], step, None if dtype is None else dt.canonical(dtype))
    return _counted(array.astype(dt.default_float()) if floating else array, "tensor")


def counted(count: Size) -> Any:
    """0, 1, 2, … as int64."""
    trace = active()
    return wrap(trace.fresh(trace.one(e.iota, shape=(count,), axis=0), "ndarray"))


@implements(np.linspace)
def spaced(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    """`np.linspace` between numbers, or in a number, that only a call brings."""
    (count,) = sizes(integers.stated(active(), num))
    own = dt.promote(dtype_of(assembled(active(), start)), dtype_of(assembled(active(), stop)), float)
    start, stop = traced(start), traced(stop)
    if shape_of(start) or shape_of(stop) or retstep:
        return _between_arrays(start, stop, count, endpoint, retstep, own, dtype, axis)
    place, parts = counted(count), count - 1 if endpoint else count
    low, high = cast(start, own), cast(stop, own)
    step = (high - low) / integers.integer(active(), parts) if integers.exceeds(parts, 0, "np.linspace") else high - low
    line = cast(place, own) * step + low
    if endpoint and integers.exceeds(count, 1, "np.linspace"):
        line = choose(place == integers.integer(active(), count - 1), high, line)
    target = dt.canonical(dtype, own)
    return cast(apply(e.floor, line) if dt.is_integer(target) else line, target)


def _between_arrays(
    start: Any, stop: Any, count: Size, endpoint: bool, retstep: bool, own: np.dtype, dtype: Any, axis: int
) -> Any:
    """`np.linspace` along a new axis, and if asked for the step; its steps are multiplied after, where one is zero."""
    if not isinstance(count, int) or count < 2:
        raise unsupported("np.linspace between arrays, in one number or one that only a run knows")
    low, high = cast(start, own), cast(stop, own)
    parts, delta = count - 1 if endpoint else count, high - low
    rank = len(shape_of(delta))
    k = CONSTRUCTORS[np.array](np.arange(count).reshape(-1, *(1,) * rank).astype(own))
    step = delta / parts
    flat = (step == 0).any() if rank else step == 0
    line = choose(flat, k / parts * delta, k * step) + low
    if endpoint:
        line = choose(k == count - 1, high, line)
    target = dt.canonical(dtype, own)
    line = laid_out(cast(apply(e.floor, line) if dt.is_integer(target) else line, target), allocated((k, delta)))
    line = line.transpose((*range(1, axis % (rank + 1) + 1), 0, *range(axis % (rank + 1) + 1, rank + 1)))
    return (line, step) if retstep else line


def linspace(
    start: Any, stop: Any, num: int = 50, *, endpoint: bool = True, dtype: Any = None, device: str | None = None
) -> Any:
    """Evenly spaced numbers from start to stop, both included unless `endpoint=False`.

    >>> hy.linspace(0, 1, 5)
    tensor([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    on_cpu(device)
    target = dt.canonical(dtype, dt.default_float())
    if tracing(start, stop, num) is not None:
        return as_tensor(spaced(start, stop, num, endpoint, dtype=target))
    return _counted(np.linspace(concrete(start), concrete(stop), num, endpoint, dtype=target), "tensor")


def _near(k: Any) -> Any:
    """The number of a diagonal, no farther out than any matrix goes."""
    return min(max(k, -_FARTHEST), _FARTHEST) if type(k) is int else k


def _eye(rows: int, columns: int | None, k: int, dtype: np.dtype, kind: str) -> Any:
    trace = tr.current()
    if trace is None:
        return wrap(np.eye(rows, columns, k, dtype))
    shape = sizes((rows, rows if columns is None else columns))
    row, column = (wrap(trace.fresh(trace.one(e.iota, shape=shape, axis=a), kind)) for a in (0, 1))
    return cast(apply(e.eq, column, row + _near(k)), dtype)


def eye(n_rows: int, n_cols: int | None = None, /, *, k: int = 0, dtype: Any = None, device: str | None = None) -> Any:
    """Ones on the k-th diagonal, zeros elsewhere.

    >>> hy.eye(2), hy.eye(2, 3, k=1).shape
    (tensor([[1., 0.],
            [0., 1.]], dtype=float32), (2, 3))
    """
    on_cpu(device)
    return _eye(n_rows, n_cols, k, dt.canonical(dtype, dt.default_float()), "tensor")


def identity_like(x: Any) -> Any:
    """The identity matrix of x's last axis, in its dtype."""
    return _eye(shape_of(x)[-1], None, 0, x.dtype, "tensor" if kind_of(x) == "tensor" else "ndarray")


def _tri(rows: int, columns: int | None, k: int, dtype: np.dtype, kind: str) -> Any:
    trace = tr.current()
    if trace is None:
        return wrap(np.tri(rows, columns, k, dtype))
    shape = sizes((rows, rows if columns is None else columns))
    row, column = (wrap(trace.fresh(trace.one(e.iota, shape=shape, axis=a), kind)) for a in (0, 1))
    return cast(apply(e.le, column, row + _near(k)), dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Ones on and below the k-th diagonal, zeros above.

    >>> hy.tri(3)
    tensor([[1., 0., 0.],
            [1., 1., 0.],
            [1., 1., 1.]], dtype=float32)
    """
    return _tri(N, M, k, dt.canonical(dtype, dt.default_float()), "tensor")


# NumPy's constructors take no tensor, so nothing leads them here: code conversion looks them up and calls these in a trace.
CONSTRUCTORS: dict[Callable, Callable] = {}


def _constructs(function: Callable) -> Callable:
    def decorate(body: Callable) -> Callable:
        CONSTRUCTORS[function] = body
        return body

    return decorate


@_constructs(np.zeros)
def _np_zeros(shape: Any, dtype: Any = float, order: str = "C", *, device: Any = None, like: Any = None) -> Any:
    return in_order(_filled(sizes(shape), 0, dt.canonical(dtype, dt.float64), "ndarray"), order)


@_constructs(np.empty)
def _np_empty(shape: Any, dtype: Any = float, order: str = "C", *, device: Any = None, like: Any = None) -> Any:
    return in_order(_filled(sizes(shape), 0, dt.canonical(dtype, dt.float64), "ndarray"), order)


@_constructs(np.ndarray)
def _np_ndarray(shape: Any, dtype: Any = float, *rest: Any, **named: Any) -> Any:
    if rest or named:
        return np.ndarray(shape, dtype, *rest, **named)  # a view of a buffer
    return _np_empty(shape, dtype)


@_constructs(np.ones)
def _np_ones(shape: Any, dtype: Any = None, order: str = "C", *, device: Any = None, like: Any = None) -> Any:
    return in_order(_filled(sizes(shape), 1, dt.canonical(dtype, dt.float64), "ndarray"), order)


@_constructs(np.full)
def _np_full(shape: Any, fill_value: Any, dtype: Any = None, order: str = "C", *, device: Any = None, like: Any = None) -> Any:
    value = traced(assembled(tr.current(), fill_value))  # type: ignore[arg-type]
    return in_order(_filled(sizes(shape), value, dt.canonical(dtype, value.dtype), "ndarray"), order)


@_constructs(np.eye)
def _np_eye(
    N: int, M: int | None = None, k: int = 0, dtype: Any = float, order: str = "C", *, device: Any = None, like: Any = None
) -> Any:
    return in_order(_eye(N, M, k, dt.canonical(dtype, dt.float64), "ndarray"), order)


@_constructs(np.identity)
def _np_identity(n: int, dtype: Any = None, *, like: Any = None) -> Any:
    return _eye(n, None, 0, dt.canonical(dtype, dt.float64), "ndarray")


@_constructs(np.tri)
def _np_tri(N: int, M: int | None = None, k: int = 0, dtype: Any = float, *, like: Any = None) -> Any:
    return _tri(N, M, k, dt.canonical(dtype, dt.float64), "ndarray")


@_constructs(np.arange)
def _np_arange(*args: Any, **kwargs: Any) -> Any:
    bounds = [*args[:2], kwargs.get("start"), kwargs.get("stop")]
    if not any(isinstance(x, Value) and not shape_of(x) for x in bounds):
        return _counted(np.arange(*args, **kwargs), "ndarray")
    return _run_time_arange(*args, **kwargs)


def _run_time_arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None, **rest: Any) -> Any:
    """Numbers from start up to stop, of which a size is known only when a call comes in, or runs."""
    start, stop = (0, start) if stop is None else (start, stop)
    trace = active()
    if type(step) in (int, float) and step == 0:
        raise ZeroDivisionError("division by zero")
    if not all(type(x) is int or integers.is_traced_integer(x) for x in (start, stop, step)):
        return _stepped(start, stop, step, dtype)
    if type(step) is not int:
        raise unsupported("np.arange in steps that only a run knows", "use start + step * np.arange(n)")
    distance = integers.size_of(trace, stop) - integers.size_of(trace, start)
    count = integers.steps(trace, distance if step > 0 else -distance, abs(step))
    place = wrap(trace.fresh(trace.one(e.iota, shape=(count,), axis=0), "ndarray"))
    return cast(place * step + start, dt.canonical(dtype, dt.int64))


def _stepped(start: Any, stop: Any, step: Any, dtype: Any) -> Any:
    """In steps that are no whole numbers: as many as begin before the end."""
    if not all(type(x) in (int, float) or (isinstance(x, Value) and kind_of(x) == "python") for x in (start, stop, step)):
        raise unsupported("np.arange of numbers that only a run knows", "use start + step * np.arange(n)")
    if given := [x for x in (start, stop, step) if isinstance(x, Value) and tr.of_arguments(unwrap(x))]:
        float(given[0])  # type: ignore[arg-type]  # a trace for each: programs say a step and a duration
    trace, reach = active(), apply(e.ceil, integers.to_float((stop - start) / step))
    some = trace.one(e.maximum, operand(trace, integers.to_int(reach), dt.int64), tr.literal(0, dt.int64))
    count = integers.bound(trace, some, 0)
    line = cast(counted(count), dt.float64) * ((start + step) - start) + start
    return cast(line, dt.canonical(dtype, dt.float64))


@_constructs(np.linspace)
def _np_linspace(start: Any, stop: Any, num: int = 50, *args: Any, **kwargs: Any) -> Any:
    if tracing(start, stop, num) is not None:
        return spaced(start, stop, num, *args, **kwargs)
    made: Any = np.linspace(start, stop, num, *args, **kwargs)
    return (_counted(made[0], "ndarray"), made[1]) if type(made) is tuple else _counted(made, "ndarray")


def _lies(data: Any, order: str | None) -> bool:
    """Whether an array lies in memory as it is asked for."""
    flags = data.proto.flags
    return {"C": flags.c_contiguous, "F": flags.f_contiguous}.get((order or "K").upper(), True)


@_constructs(np.array)
def _np_array(
    object: Any, dtype: Any = None, *, copy: bool | None = True, order: str = "K", ndmin: int = 0, **rest: Any
) -> Any:
    trace = active()
    if isinstance(object, Value) or holds_tensor((object,)):
        x = traced(assembled(trace, object, valued=dtype is not None))
        data = unwrap(x)
        if not copy and data.kind in ("tensor", "ndarray") and dtype in (None, x.dtype) and _lies(data, order):
            made = x if data.kind == "ndarray" else wrap(tr.Symbol(data.cell, data.type, "ndarray", data.chain, data.proto))
        elif copy is False:
            raise ValueError("an array without a copy is asked for, of another dtype or order than it has (use copy=None)")
        else:
            out = cast(x, dt.canonical(dtype, x.dtype))
            made = laid_out(trace.fresh(tr.read(unwrap(out)), "ndarray"), like(x, order or "K"))
        more = ndmin - len(shape_of(made))
        return made if more <= 0 else made[(None,) * more]
    return _recorded(np.array(object, dtype, order=order, ndmin=ndmin, **rest), "ndarray")  # type: ignore[call-overload]


@_constructs(np.asarray)
def _np_asarray(
    a: Any, dtype: Any = None, order: Any = None, *, device: Any = None, copy: bool | None = None, like: Any = None
) -> Any:
    if isinstance(a, np.ndarray) and not isinstance(a, Value) and not copy:
        return np.asarray(a, dtype, order=order)
    if not copy and isinstance(a, Value) and kind_of(a) == "ndarray" and dtype in (None, strong(a)) and _lies(unwrap(a), order):
        return a
    return _np_array(a, dtype, copy=copy, order=order)


CONSTRUCTORS.update({np.zeros_like: zeros_like, np.ones_like: ones_like, np.empty_like: empty_like, np.full_like: full_like})
CONSTRUCTORS[np.ascontiguousarray] = CONSTRUCTORS[np.asanyarray] = _np_asarray
