"""Operands: from what a user passes (tensors, arrays, scalars) to graph atoms of one dtype and shape, and back.

Every frontend function takes two ways through here: with no trace open it calls NumPy and wraps the result; inside a
trace it promotes, broadcasts and records.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import DTypeError, EscapeError, TraceError
from hybrid.core.shape import Dim, Shape, Size, TensorType, broadcast
from hybrid.ir import lifted
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Literal
from hybrid.ir.primitive import Primitive, infer
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import control
from hybrid.ops import elementwise as e
from hybrid.ops import view as v

_new = object.__new__


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
    out = _new(tensor_class)
    if type(data) is np.ndarray or isinstance(data, lifted.Lifted):
        out._data = data
    elif type(data) is Symbol:
        data.cell.trace.made.append(weakref.ref(out))  # so that the end of the trace can tell who kept one
        out._data = data
    else:
        out._data = np.asarray(data)
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
        if isinstance(x, Value) and type(x._data) is not np.ndarray:
            if type(x._data) is not Symbol:
                raise lifted.Followed
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
    if isinstance(data, lifted.Lifted):
        array = data.array("a captured tensor")
        trace.followed[id(array)] = x
        captured = trace.capture(array, "tensor")
        lifted.tape.seen(trace, x, captured)
        return captured
    if isinstance(data, (np.generic, bool, int, float, complex)):
        trace.scalars = trace.scalars or isinstance(data, np.generic)
        dtype = dtype_of(data)
        return trace.fresh(tr.literal(data, dtype if not isinstance(dtype, type) else dt.of_python(data)), "scalar")
    if isinstance(data, Dim):
        return Symbol(Cell(trace, sized(trace, data), mutable=False), TensorType(dt.int64, (), weak=True), "python")
    return symbol(trace, np.asarray(data))


def sized(trace: Trace, size: Size) -> Atom:
    """A size as a number of the graph."""
    if not isinstance(size, Dim):
        return tr.literal(size, dt.int64)
    bound = [trace.bound.get(name) for name in sorted(size.symbols)]
    if len(bound) == 1 and size == Dim.symbol(*size.symbols) and bound[0] is not None:
        return bound[0]
    if not trace.inside and None not in bound:
        # Outside of loops a symbol that a number was given is known to procedures alone: the numbers do as well.
        return _polynomial(trace, size)
    atom = trace.one(control.size, value=size)
    trace.know_size(atom, size)
    return atom


def _polynomial(trace: Trace, size: Dim) -> Atom:
    total: Atom = tr.literal(0, dt.int64)
    for monomial, factor in size.terms:
        term: Atom = tr.literal(factor, dt.int64)
        for name in monomial:
            term = trace.one(e.mul, term, trace.bound[name])
        total = trace.one(e.add, total, term)
    trace.know_size(total, size)
    return total


_alike: list[Callable[[Trace, list, bool], list]] = []  # what knows of numbers of uncertain class enters itself here, once


def register_alike(alike: Callable[[Trace, list, bool], list]) -> None:
    _alike[:] = [alike]


def assembled(trace: Trace, x: Any, valued: bool = False) -> Any:
    """A list or range as the array NumPy would make of it; anything else as it is.

    `valued`: its dtype does not matter, as where its elements are written into another array.
    """
    if type(x) not in (list, tuple, range):
        return x
    if type(x) is range or not holds_tensor(x):
        return np.asarray(x)
    if type(x[0]) in (list, tuple) and (nest := _nest(x)) is not None:
        shape, numbers = nest
        flat = assembled(trace, numbers, valued)
        return wrap(trace.fresh(trace.one(v.reshape, read(trace, flat), shape=shape), kind_of(flat)))
    parts = [_of_any_class(assembled(trace, item, valued)) for item in x]
    if any(getattr(unwrap(part), "maybe", None) is not None for part in parts):
        parts = _alike[0](trace, parts, valued)
    if any(type(part) is int and not -(2**63) <= part < 2**63 for part in parts):
        error = TraceError("an array is made of integers of more than 64 bits", at=tr.user_line())
        trace.fail(error)  # also where the traced code catches it
        raise error
    dtype = dt.promote(*(dt.promote(dtype_of(part)) for part in parts))  # Python's numbers in a list are not weak
    shape = shape_of(parts[0])
    if any(len(own := shape_of(part)) != len(shape) or not all(map(agree, repeat(trace), shape, own)) for part in parts):
        raise ValueError("setting an array element with a sequence: the parts differ in shape")
    rows = [trace.one(v.reshape, cut(trace, operand(trace, part, dtype), shape), shape=(1, *shape)) for part in parts]
    kind = "tensor" if any(kind_of(part) == "tensor" for part in parts) else "ndarray"
    return wrap(trace.fresh(trace.one(v.concatenate, *rows, axis=0), kind))


def _nest(x: Any) -> tuple[tuple[int, ...], list] | None:
    """The shape and the numbers of lists in lists that are all of one shape; None where they are not, or hold arrays."""
    if type(x) not in (list, tuple):
        return ((), [x]) if type(x) in NUMBERS or (isinstance(x, Value) and shape_of(x) == ()) else None
    found = [_nest(item) for item in x]
    if not found or any(nest is None or nest[0] != found[0][0] for nest in found):  # type: ignore[index]
        return None
    return (len(x), *found[0][0]), [one for nest in found for one in nest[1]]  # type: ignore[index,union-attr]


def _of_any_class(x: Any) -> Any:
    """A number of NumPy's or Python's, which is one element of an array in either class."""
    data, maybe = unwrap(x), getattr(unwrap(x), "maybe", None)
    same = maybe is not None and isinstance(maybe.instead, type) and np.dtype(maybe.instead) == data.type.dtype
    return wrap(Symbol(data.cell, data.type, data.kind)) if same else x


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
    if isinstance(data, (np.ndarray, np.generic, lifted.Lifted)):
        if data.dtype not in dt.SHORT:
            raise DTypeError(f"dtype {data.dtype} cannot be traced", expected=", ".join(map(str, dt.ALL)))
        return data.dtype
    if type(data) in (bool, int, float, complex):
        return type(data)
    if isinstance(data, Dim):
        return int
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
    return "python" if type(data) in (bool, int, float, complex) or isinstance(data, Dim) else "scalar"


def result_kind(operands: tuple, shape: Shape, *, python: bool = False) -> str:
    """What NumPy would hand back: scalars where every operand has rank 0, tensors where any operand is one."""
    kinds = {kind_of(x) for x in operands}
    if "tensor" in kinds:
        return "tensor"
    if shape:
        return "ndarray"
    return "python" if python and kinds == {"python"} else "scalar"


def broadcast_shapes(*shapes: Shape) -> Shape:
    """NumPy's broadcast of shapes, inside a trace; sizes that nothing tells apart are compared as they are in this call."""
    if not any(isinstance(size, Dim) for shape in shapes for size in shape):
        return broadcast(*shapes)
    out: list[Size] = []
    for axis in range(1, 1 + max(map(len, shapes))):
        sizes = [shape[-axis] for shape in shapes if len(shape) >= axis and shape[-axis] != 1]
        first = min(sizes, key=lambda size: isinstance(size, Dim), default=1)
        for size in sizes:
            if size != first and not meet(active(), first, size):
                broadcast(*shapes)  # raises NumPy's error
        out.append(first)
    return tuple(reversed(out))


def stretches(shape: Shape, target: Shape) -> bool:
    """Whether broadcasting a shape with another gives the other."""
    out = broadcast_shapes(shape, target)
    return len(out) == len(target) and not any(b == 1 and a != 1 for a, b in zip(out, target))


def meet(trace: Trace, one: Size, other: Size) -> bool:
    """Whether two different sizes, none of them 1, may be taken for equal, since a run checks it: `cut` makes them so."""
    same = trace.ask("eq", one, other)
    if same is None:
        trace.assume(trace.one(e.eq, sized(trace, one), sized(trace, other)), "sizes that meet are equal")
    elif same or 1 in trace.hinted((one, other)):
        alone = all(isinstance(size, int) or size == Dim.symbol(*list(size.symbols)[:1]) for size in (one, other))
        raise trace.specialise("broadcasting", one, other, same=alone if same else None)
    return same is None


def agree(trace: Trace, one: Size, other: Size) -> bool:
    """Whether sizes that may not be stretched are equal, or may be taken for equal: those of two lists that grow together."""
    return one == other or (isinstance(one, Dim) and isinstance(other, Dim) and meet(trace, one, other))


def operand(trace: Trace, x: Any, dtype: np.dtype, shape: Shape | None = None) -> Atom:
    """The atom of x in this dtype, stretched to `shape` unless it has rank 0."""
    data = unwrap(x)
    if type(data) in (bool, int, float, complex):
        return tr.literal(data, dtype)
    atom = read(trace, x)
    if type(data) is Symbol and data.kind == "python" and dt.is_integer(dtype) and dt.is_integer(atom.type.dtype):
        fitting(trace, atom, dtype)
    atom = converted(trace, atom, dtype)
    if shape is not None and atom.type.shape != shape and atom.type.shape != ():
        atom = stretched(trace, atom, shape)
    return atom


def fitting(trace: Trace, atom: Atom, dtype: np.dtype) -> None:
    """Hand the call over to Python where an int64 does not fit an integer dtype: NumPy refuses Python integers that don't."""
    limits, known = np.iinfo(dtype), trace.size_of(atom)
    for comparison, limit, sign in ((e.ge, int(limits.min), 1), (e.le, int(limits.max), -1)):
        if -(2**63) < limit < 2**63 - 1 and (known is None or not trace.bounds.nonnegative((known - limit) * sign)):
            trace.assume(
                trace.one(comparison, atom, tr.literal(limit, dt.int64)), "a Python integer fits the integers of an array"
            )


def converted(trace: Trace, atom: Atom, dtype: np.dtype) -> Atom:
    """An atom as the user's code converts it."""
    if dt.is_complex(atom.type.dtype) and not dt.is_complex(dtype) and dtype != dt.bool_:
        # NumPy warns, Python's own complex numbers raise: both are plain Python's to do.
        raise TraceError("a conversion discards the imaginary part", at=tr.user_line(), fix="take .real")
    return recast(trace, atom, dtype)


def recast(trace: Trace, atom: Atom, dtype: np.dtype) -> Atom:
    """An atom in a dtype that it is in where its value counts."""
    if atom.type.dtype == dtype:
        return atom
    if isinstance(atom, Literal) and not dt.is_complex(atom.type.dtype):
        with np.errstate(all="ignore"):
            return tr.literal(np.asarray(atom.value).astype(dtype), dtype)
    return trace.one(e.convert, atom, dtype=dtype)


def stretched(trace: Trace, atom: Atom, shape: Shape) -> Atom:
    """Broadcast to exactly this shape, rank 0 included."""
    atom = cut(trace, atom, shape)
    return atom if atom.type.shape == shape else trace.one(v.broadcast, atom, shape=shape)


def cut(trace: Trace, atom: Atom, shape: Shape) -> Atom:
    """The same elements in sizes written as they are in `shape`, where a check says that they are those."""
    own = atom.type.shape
    wanted = tuple(a if a == 1 else b for a, b in zip(own, shape[len(shape) - len(own) :]))
    if wanted == own:
        return atom
    return trace.one(v.slice_, atom, start=(0,) * len(own), step=(1,) * len(own), shape=wanted)


def record_map(
    trace: Trace, primitive: Primitive, operands: tuple, dtype: np.dtype, *, python: bool = False, **params: Any
) -> Any:
    """One MAP over promoted, broadcast operands; a tensor in the kind NumPy would give."""
    shape = broadcast_shapes(*(shape_of(x) for x in operands))
    inputs = tuple(operand(trace, x, dtype, shape) for x in operands)
    if shape and all(atom.type.shape == () for atom in inputs):
        inputs = tuple(stretched(trace, atom, shape) for atom in inputs)
    out = trace.fresh(trace.one(primitive, *inputs, **params), result_kind(operands, shape, python=python))
    return laid_out(out, allocated(operands))


# Layout: the graph keeps every array in C order, but which reshapes of a result are views depends on where NumPy would have put
# its elements. NumPy is asked: it allocates a byte for each, which nobody touches.
def header_of(x: Any) -> np.ndarray | None:
    """The header of an array; None for a scalar, and for what lies in C order."""
    data = unwrap(x)
    header = data._proto if type(data) is Symbol else data
    return header if type(header) is np.ndarray and not header.flags.c_contiguous else None


def allocated(operands: tuple, axes: Sequence[Sequence[int]] | None = None) -> np.ndarray | None:
    """What NumPy's iterator allocates for a result over these operands; None where that is in C order.

    Args:
        axes: for each operand and the result, its axis for each axis of the iteration, -1 for none; left out: broadcasting.
    """
    if axes is None and all(header_of(x) is None for x in operands):
        return None
    headers = _headers(operands, agree=axes is None)
    access: list[list[str]] = [*[["readonly"]] * len(headers), ["writeonly" if axes is None else "readwrite", "allocate"]]
    types = [*[None] * len(headers), np.uint8]
    flags = ["zerosize_ok", "reduce_ok"]
    axes = None if axes is None else list(map(list, axes))
    iterator: Any = np.nditer  # its annotations know no operand that is allocated
    return iterator([*headers, None], flags, access, types, order="K", op_axes=axes).operands[-1]


def _headers(operands: tuple, agree: bool) -> list[np.ndarray]:
    """Headers of operands; `agree`: they broadcast, as the call's own sizes do where those that stand for them do not."""
    given = [0 if isinstance(x, Dim) else unwrap(x) for x in operands]  # a size that stands for a number
    found = [data.proto if type(data) is Symbol else np.asarray(data) for data in given]
    if not agree or not any(type(data) is Symbol for data in given):
        return found
    shapes = [shape_of(x) for x in operands]
    whole = broadcast_shapes(*shapes)
    for k, (header, shape) in enumerate(zip(found, shapes)):
        wanted = active().hinted(tuple(a if a == 1 else b for a, b in zip(shape, whole[len(whole) - len(shape) :])))
        if header.shape != wanted:
            found[k] = tr.prototype(header.dtype, wanted, header.strides)
    return found


def laid_out(x: Any, made: np.ndarray | None) -> Any:
    """A new array, as a tensor, whose elements lie in the order of those of `made`, which has its shape; None: in C order."""
    out = unwrap(x)
    out._proto = None
    out.cell.trace.orders.pop(out.cell, None)
    if made is not None and not made.flags.c_contiguous:
        steps = made.strides
        out.cell.trace.orders[out.cell] = tuple(sorted(range(made.ndim), key=lambda axis: -abs(steps[axis])))
        itemsize = out.type.dtype.itemsize
        out._proto = tr.prototype(out.type.dtype, made.shape, tuple(step // made.itemsize * itemsize for step in steps))
    return wrap(out) if type(x) is Symbol else x


def stacked(operands: tuple, shape: tuple, core: int = 2) -> np.ndarray | None:
    """What NumPy allocates for matrices, `core` axes each, over stacks of operands with two such axes."""
    if len(shape) <= core or all(header_of(x) is None for x in operands):
        return None
    shape = active().hinted(shape)
    protos = [data.proto if type(data) is Symbol else data for data in map(unwrap, operands)]
    leads = [tr.prototype(x.dtype, x.shape[:-2], x.strides[:-2]) for x in protos if x.ndim > 2]
    made = allocated(tuple(leads))
    if made is None:
        return None
    inner = np.empty(shape[len(shape) - core :], np.uint8)
    return tr.prototype(inner.dtype, shape, (*(step * inner.size for step in made.strides), *inner.strides))


def joined(parts: Sequence, axis: int, shape: tuple) -> np.ndarray | None:
    """What NumPy allocates for arrays joined along an axis, of this shape; None where that is in C order."""
    if all(header_of(x) is None for x in parts):
        return None
    shape = active().hinted(shape)
    headers = [data.proto if type(data) is Symbol else data for data in map(unwrap, parts)]
    order: list[int] = []
    for axis in range(len(shape)):
        order.insert(_place(axis, order, headers), axis)
    packed = np.empty([shape[axis] for axis in order], np.uint8)
    return packed.transpose(sorted(range(len(order)), key=order.__getitem__))


def _place(axis: int, order: list[int], headers: list[np.ndarray]) -> int:
    """Where NumPy's sort puts an axis among earlier ones: before those that are faster in the first array with an opinion.

    Any array in which the earlier one is not faster keeps it in front; axes of size 1 say nothing.
    """
    place = len(order)
    for at in reversed(range(len(order))):
        other = order[at]
        having = [x.strides for x in headers if x.shape[axis] != 1 and x.shape[other] != 1]
        if not having:
            continue
        if any(abs(steps[axis]) <= abs(steps[other]) for steps in having):
            break
        place = at
    return place


def like(x: Any, order: str = "K") -> np.ndarray | None:
    """What `np.empty_like(x, order=order)` allocates; None where that is in C order."""
    header = header_of(x)
    made = None if header is None or order == "C" else np.empty_like(header, np.uint8, order)  # type: ignore[call-overload]
    if order == "F" and header is None:
        shape = shape_of(x)
        made = np.empty(active().hinted(shape) if type(unwrap(x)) is Symbol else shape, np.uint8, "F")
    return made


def record(trace: Trace, primitive: Primitive, x: Any, *more: Atom, kind: str | None = None, **params: Any) -> Any:
    """One primitive on the current value of x (and further atoms), as a new array."""
    out = trace.one(primitive, read(trace, x), *more, **params)
    return wrap(trace.fresh(out, kind or result_kind((x,), out.type.shape)))


def as_view(trace: Trace, x: Any, primitive: Primitive, proto: np.ndarray, *, scalar: bool = False, **params: Any) -> Any:
    """A tensor that shares x's storage, with the header NumPy gave."""
    source = symbol(trace, x)
    given = [size for value in params.values() if isinstance(value, tuple) for size in value]
    if any(isinstance(size, Dim) for size in (*source.type.shape, *given)):
        (type_,) = infer(primitive, [source.type], params)  # a header knows numbers only
    else:
        type_ = source.type.with_shape(proto.shape)
    kind = source.kind
    if kind != "tensor":
        kind = "scalar" if scalar else "ndarray"
    return wrap(tr.view(source, primitive, params, type_, kind, proto))


def concrete(x: Any) -> Any:
    """The array behind a tensor, also inside lists and tuples; anything else is x itself. Escaped tensors are refused."""
    if isinstance(x, Value):
        if type(x._data) is not np.ndarray:
            _refuse_escaped((x,))
        return x._data
    if type(x) in (list, tuple) and holds_tensor(x):
        return type(x)(concrete(item) for item in x)
    return x


def holds_tensor(args: Any) -> bool:
    """Whether some argument is or holds a tensor."""
    return any(isinstance(x, Value) or (type(x) in (list, tuple) and holds_tensor(x)) for x in args)


# Python's and NumPy's numbers, as eager calls hand them to NumPy. bfloat16 is left out: NumPy has no promotion for it.
NUMBERS = frozenset((int, float, bool, complex, *(d.type for d in dt.ALL if d is not dt.bfloat16)))
