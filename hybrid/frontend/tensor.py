"""`Tensor`: the one array class users hold. Eager it wraps an ndarray; in a trace it stands for a graph value.

Operators live here with their fast path; everything with a NumPy name is a function elsewhere, bound as a method.
"""

from __future__ import annotations

import copy as copying
import math
import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import ArgumentError, DTypeError, GradientError, TraceError
from hybrid.core.shape import Dim
from hybrid.frontend import digits as digit
from hybrid.frontend import exchange, halves, inspection, integers, protocol, uncertain
from hybrid.frontend.chosen import Chosen, numbers_of
from hybrid.frontend.compositions import python_power
from hybrid.frontend.elementwise import NAMES, Elementwise, cast, same, store
from hybrid.frontend.flags import Flags
from hybrid.frontend.gradients import Gradients
from hybrid.frontend.indexing import getitem, setitem
from hybrid.frontend.linear import matmul
from hybrid.frontend.masked import Masked
from hybrid.frontend.methods import Methods
from hybrid.frontend.values import (
    NUMBERS,
    Value,
    active,
    concrete,
    kind_of,
    register_tensor,
    symbol,
    tracing,
    unwrap,
    wrap,
)
from hybrid.ir import lifted
from hybrid.ir import trace as tr
from hybrid.ir.lifted import Followed, Lifted
from hybrid.ir.trace import Symbol

_ndarray, _asarray, _new = np.ndarray, np.asarray, object.__new__
_BFLOAT16 = dt.bfloat16
# Operands of the fast path; anything else goes the general way. bfloat16 goes there too, for its own promotion.
_FAST = NUMBERS | {_ndarray}
_BASIC = frozenset((int, slice, type(None), type(...)))  # indices that NumPy takes as they are
_PYTHON = {"f": float, "c": complex, "b": bool}  # the class of a Python number by the kind of its dtype; others are int
_SEQUENCES = (list, tuple, range)
_ARRAY_LIKE = (Value, Dim, np.ndarray, np.generic, bool, int, float, complex, *_SEQUENCES)
_EQUALITY = (NAMES["equal"], NAMES["not_equal"])


def _operate(function: Callable, operands: tuple) -> Any:
    """An operator the general way: recorded inside a trace, NumPy's otherwise."""
    if tr.open_traces:
        if Chosen in map(type, operands):
            return NotImplemented  # it answers itself
        operands = numbers_of(operands)
    if not all(isinstance(x, _ARRAY_LIKE) and not isinstance(x, Masked) for x in operands):
        return _compared(function, *operands) if function in _EQUALITY else uncertain.refused(operands)
    if not tr.open_traces and any(isinstance(unwrap(x), Lifted) for x in operands):
        return lifted.follow(function, operands, {})
    trace = tracing(*operands)
    if trace is not None and any(type(x) in _SEQUENCES for x in operands) and _of_numbers(function, operands):
        return uncertain.refused(operands)
    operands = tuple(np.asarray(x) if type(x) is range else x for x in operands)
    if trace is not None and _BFLOAT16 in map(_dtype, operands) and halves.asked_by_user(2):
        operands = halves.widened(operands, product=function is matmul)
    if trace is None or not isinstance(function, Elementwise):
        return function(*operands)
    return function.record(trace, operands, python=True)


def _dtype(x: Any) -> Any:
    return getattr(x, "dtype", None)


def _compared(function: Callable, x: Any, other: Any) -> Any:
    """`x == other` for what is no array: element by element, as NumPy does it, where Python would compare identities."""
    kind = kind_of(x)
    ours = isinstance(other, Value) or type(other).__module__.startswith("hybrid.")  # it answers itself
    if ours or kind == "python" or (kind == "scalar" and other is None):
        return NotImplemented
    if kind == "scalar" and type(other) in (str, bytes):
        return np.bool_(function is NAMES["not_equal"])
    if tracing(x, other) is not None:
        if not halves.asked_by_user(3):
            return NotImplemented  # the engine looks for an object among others, as in `None in parts`
        name = type(other).__name__
        raise TraceError(
            f"an array is compared with a {name}, element by element", fix="compare with `is`" if other is None else None
        )
    compare = np.ndarray.__eq__ if function is NAMES["equal"] else np.ndarray.__ne__
    found = compare(unwrap(x), other)
    return found if found is NotImplemented else wrap(np.asarray(found))


def _of_numbers(function: Callable, operands: tuple) -> bool:
    """Whether an operator on a sequence is the sequence's own: Python's numbers make no arrays, and `[0] * n` repeats."""
    kinds = {kind_of(x) for x in operands if isinstance(x, Value)}
    return kinds == {"python"} or (kinds <= {"python", "scalar"} and function is NAMES["multiply"])


def _binary(function: Any, symbol: str) -> tuple[Callable, Callable]:
    """The method of an operator, and the one for its operands exchanged."""
    ufunc = np.matmul if function is matmul else function.ufunc

    def forward(self: Any, other: Any) -> Any:
        a = self._data
        b = other._data if type(other) is Tensor else other
        if not tr.open_traces and type(a) is _ndarray and a.dtype is not _BFLOAT16:
            if type(b) in _FAST and (type(b) is not _ndarray or b.dtype is not _BFLOAT16):
                out = ufunc(a, b)
                result = _new(Tensor)
                result._data = out if type(out) is _ndarray else _asarray(out)
                return result
        if not tr.open_traces and isinstance(a, Lifted) and (type(other) is Tensor or type(b) in _FAST):
            return lifted.follow_two(function, self, other)
        return _operate(function, (self, other))

    def reflected(self: Any, other: Any) -> Any:
        a = self._data
        if not tr.open_traces and type(a) is _ndarray and a.dtype is not _BFLOAT16 and type(other) in NUMBERS:
            out = ufunc(other, a)
            result = _new(Tensor)
            result._data = out if type(out) is _ndarray else _asarray(out)
            return result
        if not tr.open_traces and isinstance(a, Lifted) and type(other) in NUMBERS:
            return lifted.follow(function, (other, self), {})
        return _operate(function, (other, self))

    forward.__doc__ = f"`x {symbol} y`."
    reflected.__doc__ = f"`y {symbol} x`."
    return forward, reflected


def _in_place(function: Any, symbol: str) -> Callable:
    """`x op= y`: into the same memory, with NumPy's same-kind casting."""
    ufunc = function.ufunc

    def method(self: Any, other: Any) -> Any:
        a = self._data
        b = other._data if type(other) is Tensor else other
        if not tr.open_traces and type(a) is _ndarray and type(b) in _FAST:
            ufunc(a, b, out=a)
            return self
        if not isinstance(other, _ARRAY_LIKE) or isinstance(other, Masked):
            return NotImplemented
        try:
            trace = tracing(self, other)
        except Followed:
            trace = None
        if trace is None:
            function(self, other, out=self)
            return self
        if kind_of(self) in ("scalar", "python"):
            return NotImplemented  # numbers are immutable: Python makes a new one
        return store(trace, self, function(*halves.widened((self, other))))

    method.__doc__ = f"`x {symbol}= y`, into the same memory."
    return method


def _unary(function: Any) -> Callable:
    ufunc = function.ufunc

    def method(self: Any) -> Any:
        a = self._data
        if not tr.open_traces:
            if type(a) is _ndarray:
                return wrap(ufunc(a))
            if isinstance(a, Lifted):
                return lifted.follow_one(function, self)
        return _operate(function, (self,))

    method.__doc__ = function.__doc__
    return method


_nearest = Elementwise("round", lambda x: np.rint(x).astype(np.int64), same, lambda x: cast(NAMES["rint"](x), np.int64))


class Tensor(Methods, Gradients, Value):
    """An n-dimensional array of numbers that NumPy code, Python operators and decorated functions take.

    Make one with `hybrid.tensor`, `hybrid.asarray` or a creation function; it shares memory with the array it wraps.

    >>> x = hy.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x
    tensor([[1., 2.],
            [3., 4.]], dtype=float32)
    >>> (x @ x.T).sum().item(), np.sin(x).shape
    (52.0, (2, 2))
    """

    __slots__ = ()
    __array_priority__ = 1000.0

    # Arithmetic ------------------------------------------------------------------------------------------------------
    __add__, __radd__ = _binary(NAMES["add"], "+")
    __sub__, __rsub__ = _binary(NAMES["subtract"], "-")
    __mul__, __rmul__ = _binary(NAMES["multiply"], "*")
    __truediv__, __rtruediv__ = _binary(NAMES["true_divide"], "/")
    __floordiv__, __rfloordiv__ = _binary(NAMES["floor_divide"], "//")
    __mod__, __rmod__ = _binary(NAMES["remainder"], "%")
    __pow__, __rpow__ = _binary(python_power, "**")
    __and__, __rand__ = _binary(NAMES["bitwise_and"], "&")
    __or__, __ror__ = _binary(NAMES["bitwise_or"], "|")
    __xor__, __rxor__ = _binary(NAMES["bitwise_xor"], "^")
    __lshift__, __rlshift__ = _binary(NAMES["left_shift"], "<<")
    __rshift__, __rrshift__ = _binary(NAMES["right_shift"], ">>")
    __matmul__, __rmatmul__ = _binary(matmul, "@")
    __eq__, _ = _binary(NAMES["equal"], "==")  # type: ignore[assignment]
    __ne__, _ = _binary(NAMES["not_equal"], "!=")  # type: ignore[assignment]
    __lt__, __gt__ = _binary(NAMES["less"], "<")[0], _binary(NAMES["greater"], ">")[0]
    __le__, __ge__ = _binary(NAMES["less_equal"], "<=")[0], _binary(NAMES["greater_equal"], ">=")[0]
    del _
    __neg__, __pos__ = _unary(NAMES["negative"]), _unary(NAMES["positive"])
    __abs__, __invert__ = _unary(NAMES["absolute"]), _unary(NAMES["invert"])

    __iadd__, __isub__ = _in_place(NAMES["add"], "+"), _in_place(NAMES["subtract"], "-")
    __imul__, __itruediv__ = _in_place(NAMES["multiply"], "*"), _in_place(NAMES["true_divide"], "/")
    __ifloordiv__, __imod__ = _in_place(NAMES["floor_divide"], "//"), _in_place(NAMES["remainder"], "%")
    __ipow__, __iand__ = _in_place(NAMES["power"], "**"), _in_place(NAMES["bitwise_and"], "&")
    __ior__, __ixor__ = _in_place(NAMES["bitwise_or"], "|"), _in_place(NAMES["bitwise_xor"], "^")
    __ilshift__, __irshift__ = _in_place(NAMES["left_shift"], "<<"), _in_place(NAMES["right_shift"], ">>")

    def __imatmul__(self, other: Any) -> Any:  # type: ignore[misc]
        """The matrix product, into the same memory."""
        matmul(self, other, out=self)
        return self

    def __divmod__(self, other: Any) -> tuple:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple:
        return other // self, other % self

    def __hash__(self) -> int:
        if type(self._data) is Symbol and self._data.kind != "tensor":
            if self._data.kind == "ndarray":
                raise TypeError("unhashable type: 'numpy.ndarray'")
            return hash(self._value("hash()").item())
        return id(self)

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[override]
        """What `isinstance` sees: while tracing, the class of what the undecorated function would hold."""
        data = self._data
        if type(data) is not Symbol or data.kind == "tensor":
            return Tensor
        return (
            np.ndarray
            if data.kind == "ndarray"
            else data.type.dtype.type
            if data.kind == "scalar"
            else _PYTHON.get(dt.KIND[data.type.dtype], int)
        )

    def __getattr__(self, name: str) -> Any:
        # Reached for names that no tensor has: while tracing, those of the array or number that this one stands for.
        if not name.startswith("_") and type(self._data) is Symbol and hasattr(self.__class__, name):
            if (method := digit.method(self, name)) is not None:
                return method
            self._value(f".{name}")
        raise AttributeError(f"'Tensor' object has no attribute {name!r}", name=name, obj=self)

    # Items -----------------------------------------------------------------------------------------------------------
    def __getitem__(self, index: Any) -> Any:
        """Elements by NumPy's rules: basic indices give views, arrays of indices copies."""
        data = self._data
        if not tr.open_traces:
            if type(data) is _ndarray:
                kind = type(index)
                if kind in _BASIC or (kind is tuple and _BASIC.issuperset(map(type, index))):
                    return wrap(data[index])
                if kind is Tensor and type(index._data) is _ndarray:
                    return wrap(data[index._data])
            elif isinstance(data, Lifted):
                return lifted.item(self, index)
        try:
            if tracing(self, index) is not None:
                return getitem(self, index)
            return wrap(concrete(self)[_plain_index(index)])
        except Followed:
            return lifted.follow(operator.getitem, (self, index), {})

    def __setitem__(self, index: Any, value: Any) -> None:
        """Write elements in place."""
        data = self._data
        if not tr.open_traces and type(data) is _ndarray:
            kind, new = type(index), value._data if type(value) is Tensor else value
            if type(new) in _FAST and (kind in _BASIC or (kind is tuple and _BASIC.issuperset(map(type, index)))):
                data[index] = new
                return
        try:
            if tracing(self, value, index) is not None:
                setitem(self, index, value)
            else:
                concrete(self)[_plain_index(index)] = concrete(value)
        except Followed:
            lifted.follow(operator.setitem, (self, index, value), {})

    def __len__(self) -> int:
        shape = self.shape
        if not shape:
            raise TypeError("len() of unsized object")
        return operator.index(shape[0])

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("iteration over a 0-d array")
        if not tr.open_traces and type(self._data) is _ndarray:
            return map(wrap, self._data)
        return (self[k] for k in range(len(self)))

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    # Python numbers --------------------------------------------------------------------------------------------------
    def _value(self, what: str) -> np.ndarray:
        """The array behind this tensor; in a trace there is none, and Python's question is refused."""
        if type(self._data) is Symbol:
            return tr.demand(self._data, what)
        if tr.open_traces and (trace := tr.current()) is not None:
            return tr.demand(symbol(trace, self), what)
        return self._data.array(what) if isinstance(self._data, Lifted) else self._data

    def __bool__(self) -> bool:
        return bool(self._value("a Python condition"))

    def __int__(self) -> int:
        return int(self._value("int()"))

    def __float__(self) -> float:
        return float(self._value("float()"))

    def __complex__(self) -> complex:
        return complex(self._value("complex()"))

    def __trunc__(self) -> int:
        return int(self._value("int()"))

    def __floor__(self) -> int:
        return math.floor(self._value("int()"))

    def __ceil__(self) -> int:
        return math.ceil(self._value("int()"))

    def __index__(self) -> int:
        return operator.index(self._value("an index or size"))

    def __round__(self, digits: int | None = None) -> Any:
        if kind_of(self) == "scalar" and (self.dtype == dt.bool_ or dt.is_complex(self.dtype)):
            raise TypeError(f"type numpy.{self.dtype.type.__name__} doesn't define __round__ method")
        if digits is not None:
            # Python counts decimal digits exactly where NumPy scales, rounds and scales back.
            if uncertain.is_uncertain(self):
                return uncertain.pick(active(), self, lambda x: round(x, digits))
            return digit.rounded(self, digits) if kind_of(self) == "python" else self.round(digits)
        kind = kind_of(self)
        if self.shape or kind == "ndarray" or (kind == "scalar" and self.dtype == dt.bool_):
            raise TypeError(f"type {self.__class__.__name__} doesn't define __round__ method")
        if isinstance(self._data, Lifted):
            return _operate(_nearest, (self,))
        # Python's and NumPy's numbers round to Python's integers.
        if tracing(self) and kind in ("python", "scalar") and not dt.is_complex(self.dtype):
            return integers.to_int(NAMES["rint"](self) if dt.is_float(self.dtype) else self)  # no float holds all integers
        nearest = _operate(_nearest, (self,))
        return wrap(active().fresh(tr.read(unwrap(nearest)), "python")) if kind == "scalar" and tracing(self) else nearest

    def numpy(self) -> np.ndarray:
        """The array behind this tensor, sharing its memory.

        >>> x = np.zeros(2)
        >>> hy.asarray(x).numpy() is x
        True
        """
        return self._value("numpy()")

    # Exchange --------------------------------------------------------------------------------------------------------
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self._value(lifted.CONVERSION), dtype, copy=copy)

    @property
    def _numba_type_(self) -> Any:
        """What Numba asks before it calls one of its functions, which know NumPy's arrays only."""
        if isinstance(self._data, Lifted):
            raise GradientError("a Numba function is called with a tensor that a transform follows, and has no derivative",
                                fix="give it one: hybrid.op(function, vjp=…, jvp=…)")  # fmt: skip
        if type(self._data) is Symbol:
            raise TraceError("a Numba function is called with a traced tensor, which it cannot take")
        raise DTypeError("a Numba function takes NumPy's arrays", got="a tensor", fix="pass x.numpy(), or decorate the caller")

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        inspection.checked_version(api_version)
        return protocol.namespace()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return protocol.apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Callable, types: Any, args: tuple, kwargs: dict) -> Any:
        return protocol.apply_function(function, args, kwargs)

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: bool | None = None
    ) -> Any:
        return exchange.give(self._value("DLPack"), stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # kDLCPU

    def __reduce__(self) -> tuple:
        array = self._value("pickling")
        return (lifted.tape.restored if self.requires_grad and self.is_leaf else wrap), (array,)

    def __copy__(self) -> Any:
        return self if self._is_number() else self.copy()

    def __deepcopy__(self, memo: dict) -> Any:
        if isinstance(self._data, Lifted):
            return lifted.tape.duplicate(self)
        if self._is_number():
            return self
        return self.copy() if type(self._data) is Symbol else wrap(copying.deepcopy(self._data, memo))

    def _is_number(self) -> bool:
        """Whether it is one of Python's numbers in a trace, of which a copy is the same object."""
        return type(self._data) is Symbol and self._data.kind == "python"

    # Text ------------------------------------------------------------------------------------------------------------
    def __repr__(self) -> str:
        data = self._data
        if type(data) is Symbol:
            trace = data.cell.trace
            if trace.alive and trace is tr.current():
                return repr(self._python("repr()"))
            return f"<traced {data.type} in {trace.builder.name}>"
        if isinstance(data, Lifted):
            return data.text()  # no number is read from it; pytest-xdist cannot send a `lifted.Text`
        body = np.array2string(data, separator=", ", prefix="tensor(")
        return f"tensor({body}, dtype={data.dtype.name})"

    def __str__(self) -> str:
        if type(self._data) is Symbol:
            return str(self._python("text"))
        return lifted.shown(self._data.text(), self._data) if isinstance(self._data, Lifted) else str(self._data)

    def __format__(self, spec: str) -> str:
        if type(self._data) is Symbol:
            return format(self._python("text"), spec)
        if isinstance(self._data, Lifted):
            text = format(self._value("text").item() if spec and not self.shape else self._data.text(), spec)
            return lifted.shown(text, self._data)
        return format(self._data.item() if spec and not self.shape else self._data, spec)

    def _python(self, what: str) -> Any:
        """A traced number as the undecorated function would hold it, for its text."""
        value = self._value(what)
        return value.item() if kind_of(self) == "python" else value[()]

    # Header ----------------------------------------------------------------------------------------------------------
    @property
    def shape(self) -> tuple:
        """The sizes of the axes. Settable where the elements can stay where they are.

        >>> hy.ones((2, 3)).shape
        (2, 3)
        """
        if type(self._data) is not Symbol:
            return self._data.shape
        shape = self._data.type.shape
        return tuple(integers.integer(active(), size) for size in shape) if any(type(s) is Dim for s in shape) else shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        data = self._data
        if type(data) is Symbol and (data.argument is not None or not tr.is_made_here(data)):
            raise TraceError("an array from outside the function, branch or loop gets another shape", at=tr.user_line(),
                             fix="give the result of reshape() a name of its own")  # fmt: skip
        self._data = unwrap(self.reshape(shape, copy=False))

    @property
    def dtype(self) -> np.dtype:
        """What the elements are.

        >>> hy.ones(2).dtype
        dtype('float32')
        """
        return self._data.type.dtype if type(self._data) is Symbol else self._data.dtype

    @property
    def ndim(self) -> int:
        """How many axes there are.

        >>> hy.ones((2, 3)).ndim
        2
        """
        return len(self._data.type.shape) if type(self._data) is Symbol else self._data.ndim

    @property
    def size(self) -> Any:
        """How many elements there are.

        >>> hy.ones((2, 3)).size
        6
        """
        if type(self._data) is not Symbol:
            return self._data.size
        size = self._data.type.size
        return integers.integer(active(), size) if type(size) is Dim else size

    @property
    def itemsize(self) -> int:
        """The bytes of an element.

        >>> hy.ones((2, 3)).itemsize
        4
        """
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements.

        >>> hy.ones((2, 3)).nbytes
        24
        """
        return self.size * self.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        """The bytes from one element to the next along each axis.

        >>> hy.ones((2, 3)).strides
        (12, 4)
        """
        if type(self._data) is not Symbol:
            return self._data.strides
        shape = self._data.type.shape
        if any(type(size) is Dim for size in shape):
            raise active().specialise("strides", *shape)
        return self._data.proto.strides

    @property
    def flags(self) -> Any:
        """How the memory lies and whether it may be written, as NumPy says it.

        >>> hy.ones((2, 3)).T.flags.f_contiguous
        True
        """
        return Flags(self._data) if type(self._data) is Symbol else self._data.flags

    @property
    def base(self) -> Any:
        """The array that this tensor is a view of, or None.

        >>> hy.ones(3).base is None
        True
        """
        return self._value("base").base

    @property
    def device(self) -> str:
        """Where it lives: "cpu", as all tensors.

        >>> hy.ones(2).device
        'cpu'
        """
        return "cpu"

    def to_device(self, device: str, /, *, stream: Any = None) -> Any:
        """This tensor; every tensor lives on the CPU. ArgumentError for another.

        >>> hy.ones(2).to_device("cpu")
        tensor([1., 1.], dtype=float32)
        """
        if device != "cpu":
            raise ArgumentError("tensors live on the CPU", got=device, expected="cpu")
        return self


def _plain_index(index: Any) -> Any:
    if isinstance(index, tuple):
        return tuple(map(_plain_index, index))
    if isinstance(index, slice):
        return slice(*map(concrete, (index.start, index.stop, index.step)))
    return concrete(index)


register_tensor(Tensor)
