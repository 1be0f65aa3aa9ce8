"""What a call looks like to a trace: a key of leaf specs. Calls with equal keys share one trace.

Arrays count by dtype, shape and strides; Python floats and complex numbers are run-time inputs of any value; every
other Python value is static: a new value is a new key. Sizes and integers that vary are found by `sizes.Sizes`.
"""

from __future__ import annotations

import sys
import threading
import types
from array import array as typed_array
from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim, Shape, TensorType, divide
from hybrid.frontend.creation import asarray
from hybrid.frontend.draws import BITS, GENERATORS, LEGACY
from hybrid.frontend.values import Value
from hybrid.ir.lifted import Lifted
from hybrid.ops.draw import bits_of
from hybrid.staging.logs import Log
from hybrid.staging.packed import Packed


@dataclass(frozen=True, slots=True)
class ArrayLeaf:
    """An ndarray or a Tensor. `strides` are bytes, None for C-contiguous and aligned. Sizes that vary are symbols."""

    dtype: np.dtype
    shape: Shape
    strides: Shape | None
    tensor: bool
    writeable: bool
    aligned: bool = True

    @property
    def type(self) -> TensorType:
        return TensorType(self.dtype, self.shape)

    @property
    def kind(self) -> str:
        return "tensor" if self.tensor else "ndarray"

    @property
    def element_strides(self) -> Shape | None:
        """Strides the loops can walk, or None where the array is contiguous or must be copied first."""
        if self.strides is None or not self.direct:
            return None
        return tuple(divide(step, self.dtype.itemsize) for step in self.strides)  # type: ignore[misc]  # `direct` says so

    @property
    def overlapping(self) -> bool:
        """Whether two of its elements may share memory: writing into it depends on the order."""
        if self.strides is None or 0 in self.shape or any(isinstance(step, Dim) for step in self.strides):
            return False
        reach = self.dtype.itemsize
        sizes = [sys.maxsize if isinstance(size, Dim) else size for size in self.shape]
        for stride, size in sorted((abs(t), n) for t, n in zip(self.strides, sizes) if n > 1):  # type: ignore[arg-type]
            if stride < reach:
                return True
            reach = stride * size  # what a regular array of this pitch spans; tighter ones count as overlapping
        return False

    @property
    def direct(self) -> bool:
        """Whether kernels read the caller's memory: no negative or odd strides, no elements across words."""
        itemsize = self.dtype.itemsize
        if self.strides is None:
            return True
        return self.aligned and all(isinstance(s, Dim) or (s >= 0 and s % itemsize == 0) for s in self.strides)

    def __str__(self) -> str:
        layout = "" if self.strides is None else f" strides {self.strides}"
        return f"{self.type}{layout}{'' if self.writeable else ' read-only'}{' tensor' if self.tensor else ''}"


@dataclass(frozen=True, slots=True)
class ListLeaf(ArrayLeaf):
    """A list of numbers, of tuples or lists of them, of lists of tuples, or of objects, as an array (`packed.Packed`)."""

    kinds: tuple[Any, ...] = ()
    row: type | None = None
    ragged: bool = False
    least: int = 0
    changed: bool = False
    names: tuple[str, ...] = ()
    choices: tuple[tuple, ...] = ()
    hidden: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.names:
            return f"a list of {self.shape[0]} {self.row.__name__}({', '.join(self.names)})"  # type: ignore[union-attr]
        kinds = ", ".join(kind.__name__ for kind in self.kinds)
        if self.row is list:
            kinds = f"({kinds})" if len(self.shape) == 3 else kinds
            return f"a list of {self.shape[0]} lists of {'' if self.ragged else f'{self.shape[1]} '}{kinds}"
        return f"a list of {self.shape[0]} {f'({kinds})' if self.row else kinds}"


@dataclass(frozen=True, slots=True)
class ScalarLeaf:
    """A NumPy scalar: a run-time input of its dtype."""

    dtype: np.dtype

    def __str__(self) -> str:
        return f"np.{self.dtype}"


@dataclass(frozen=True, slots=True)
class NumberLeaf:
    """A Python float or complex, or an int of 64 bits that varies: a weakly typed run-time input."""

    python: type

    @property
    def dtype(self) -> np.dtype:
        return _NUMBERS[self.python]

    def __str__(self) -> str:
        return "any int" if self.python is int else self.python.__name__


@dataclass(frozen=True, slots=True)
class StaticLeaf:
    """A Python value the trace may look at. Equal values of one type share traces; unhashable objects count by identity."""

    python: type
    key: Hashable
    value: Any = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StaticLeaf) and self.python is other.python and self.key == other.key

    def __hash__(self) -> int:
        return hash((self.python, self.key))

    @property
    def by_identity(self) -> bool:
        """Whether it is that object and no other, however alike, or a function and those that are alike."""
        return isinstance(self.key, tuple) and self.key[:1] in (("object",), ("method",), ("function",))

    @property
    def is_alike(self) -> bool:
        """Whether it stands for all functions that are made alike."""
        return isinstance(self.key, tuple) and self.key[:1] == ("function",)

    def __str__(self) -> str:
        if isinstance(self.value, Value):
            return f"a leaf, {TensorType(self.value._data.dtype, self.value._data.shape)}"
        return repr(self.value)[:60]


@dataclass(frozen=True, slots=True)
class SameLeaf:
    """The same array object as an earlier leaf."""

    index: int

    def __str__(self) -> str:
        return f"the same array as leaf {self.index}"


@dataclass(frozen=True, slots=True)
class PartLeaf:
    """An array that lies in the memory of another leaf, as others do.

    `cut`: numbers, and the starts, stops and steps of slices; `order`: which of its axes the slices are, in their order.
    Several may be one of them, which is cut into rows.
    """

    index: int
    cut: tuple
    order: tuple[int, ...]
    shape: tuple[int, ...]
    tensor: bool

    def of(self, memory: Any) -> Any:
        """The part of memory that it is."""
        part = memory[(*(slice(*at) if isinstance(at, tuple) else at for at in self.cut), ...)]  # also of one element a view
        part = part.transpose(sorted(range(len(self.order)), key=self.order.__getitem__))
        if len(set(self.order)) < len(self.order):
            part = part.reshape(self.shape)  # slices that follow one another in memory, so that it is a view
        else:
            part = part[tuple(slice(None) if axis in self.order else None for axis in range(len(self.shape)))]
        return asarray(part) if self.tensor else part

    def __str__(self) -> str:
        return f"a part of leaf {self.index}, of shape {self.shape}"


@dataclass(frozen=True, slots=True)
class GeneratorLeaf:
    """A random generator of NumPy's: whichever comes with a call, of this class and with bits from that one."""

    python: type
    bits: type

    def __str__(self) -> str:
        return f"np.random.{self.python.__name__} over {self.bits.__name__}"


@dataclass(frozen=True, slots=True)
class LogLeaf:
    """A list that the function only appends to: any list (`logs.Log`)."""

    def __str__(self) -> str:
        return "a list that it appends to"


_NUMBERS = {float: dt.float64, complex: dt.complex128, int: dt.int64}
Leaf = GeneratorLeaf | LogLeaf | ArrayLeaf | ScalarLeaf | NumberLeaf | StaticLeaf | SameLeaf | PartLeaf


# Immutable values without equality of their own making: equal ones may share a trace.
_BY_VALUE = frozenset((int, bool, str, bytes, type(None), type(...), range))


def describe(value: Any, static: bool = False) -> Leaf:
    """The spec of one leaf. Raises `TraceError` for what a trace cannot depend on."""
    kind = type(value)
    if kind is float or kind is complex:
        return static_leaf(value) if static else NumberLeaf(kind)
    if isinstance(value, Value):
        if isinstance(value._data, Lifted):  # a leaf, whose gradient the function leaves with it: this very tensor
            return StaticLeaf(kind, ("leaf", id(value), value._data), value)
        return _array(value._data, True)
    if kind is np.ndarray:
        return _array(value, False)
    if kind is Packed:
        about = value.kinds, value.row, value.ragged, value.least, value.changed
        of_objects = value.names, value.choices, value.hidden
        return ListLeaf(value.dtype, value.shape, None, False, False, True, *about, *of_objects)
    if kind is Log:
        return LogLeaf()
    if isinstance(value, np.ndarray):
        raise TraceError(f"{kind.__name__} arrays have rules of their own and run eagerly", got=kind, fix="pass np.asarray(a)")
    if isinstance(value, np.generic):
        if not dt.supported(value.dtype):
            raise TraceError(f"NumPy scalars of dtype {value.dtype} cannot be traced", got=repr(value))
        return static_leaf(value) if static else ScalarLeaf(value.dtype)
    if isinstance(value, (dict, list, tuple, deque)):
        raise TraceError(
            f"containers of class {kind.__name__} are not known", fix="register the class: hybrid.core.tree.register"
        )
    if isinstance(value, Iterator):
        raise TraceError(
            f"an argument is an iterator ({kind.__name__}), which one trace would use up", fix="pass a list or an array"
        )
    if outside(value):
        raise TraceError(f"an argument is a {kind.__name__} of {kind.__module__}, whose state tracing does not see")
    if kind in GENERATORS and value is not LEGACY and not static and type(bits_of(value)) in BITS:
        return GeneratorLeaf(kind, type(bits_of(value)))
    return static_leaf(value)


def static_leaf(value: Any) -> StaticLeaf:
    return StaticLeaf(type(value), static_key(value), value)


# Modules whose objects have their state in the interpreter, the system or C code: locks, queues, databases, memory, checksums.
_OUTSIDE = frozenset(("_thread", "threading", "queue", "_queue", "multiprocessing", "_multiprocessing", "concurrent", "asyncio",
                      "sqlite3", "mmap", "ctypes", "_ctypes", "socket", "_socket", "select", "subprocess", "_hashlib", "_md5",
                      "_sha1", "_sha2", "_sha256", "_sha512", "_sha3", "_blake2", "_hmac", "hmac", "zlib", "_bz2", "_lzma",
                      "_csv", "pyexpat", "xml", "_pickle"))  # fmt: skip


def outside(value: Any) -> bool:
    """Whether what an object does cannot be put back after a trace, nor be done by compiled code: a lock would not be taken."""
    kind = type(value)
    if is_bound(value) and isinstance(value.__self__, _CHANGEABLE):
        return True  # `pop = items.pop`: nothing leads from it to the items
    if kind is memoryview:
        return True  # what it shows may be anybody's
    return str(kind.__module__).partition(".")[0] in _OUTSIDE and kind is not threading.local  # whose attributes are watched


_BOUND = (types.BuiltinMethodType, types.MethodWrapperType)
_CHANGEABLE = (dict, list, set, deque, bytearray, typed_array, Iterator)


def valued(value: Any) -> bool:
    """Whether a value is all that matters of an object: numbers, strings, classes and the like."""
    return type(value) in _BY_VALUE or isinstance(
        value, (float, complex, np.generic, np.dtype, type, slice, frozenset, set, bytearray)
    )


def is_bound(value: Any) -> bool:
    """Whether a value is a method of C code's that is bound to something: another object at each access, as Python's are."""
    return type(value) in _BOUND and not isinstance(value.__self__, (types.ModuleType, types.NoneType))


def static_key(value: Any) -> Hashable:
    """What tells one static value from another: its value where that is all it is, else its identity."""
    kind = type(value)
    if kind in _BY_VALUE or isinstance(value, (np.dtype, type)):
        return value
    if kind is float:
        return value.hex() if value == value else "nan"  # 0.0 is not -0.0, nan is nan
    if kind is complex:
        return static_key(value.real), static_key(value.imag)
    if isinstance(value, np.generic):
        return value.dtype.str, value.tobytes()
    if kind is slice:
        return tuple((type(part), static_key(part)) for part in (value.start, value.stop, value.step))
    if kind in (set, frozenset):
        return frozenset((type(item), static_key(item)) for item in value)
    if kind is bytearray:
        return bytes(value)
    if kind is typed_array:
        return value.typecode, value.tobytes()
    if kind is types.MethodType:
        return "method", id(value.__func__), id(value.__self__)  # another object at each access
    if is_bound(value):
        return "method", value.__qualname__, id(value.__self__)
    if kind is types.FunctionType and not value.__closure__ and not value.__dict__ and not value.__kwdefaults__:
        defaults = value.__defaults__ or ()
        if all(type(default) in _BY_VALUE for default in defaults):  # a lambda that is made for each call
            return "function", value.__code__, id(value.__globals__), defaults
    return "object", id(value)


def _array(array: np.ndarray, tensor: bool) -> ArrayLeaf:
    if not dt.supported(array.dtype):
        raise TraceError(
            f"arrays of dtype {array.dtype} cannot be traced",
            got=f"shape {array.shape}",
            expected=", ".join(map(str, dt.ALL)),
            fix="convert the array first, e.g. a.astype(np.float64)",
        )
    flags = array.flags
    strides = None if flags.c_contiguous and flags.aligned else array.strides
    return ArrayLeaf(array.dtype, array.shape, strides, tensor, flags.writeable, flags.aligned)


def describe_all(leaves: Sequence[Any], static: Sequence[bool], parts: Mapping[int, PartLeaf] = {}) -> tuple[Leaf, ...]:
    """Specs of all leaves; an array or generator that comes twice is one leaf: what is done to it shows in both places.

    `parts`: those that are known to lie in the memory of others.
    """
    out: list[Leaf] = []
    seen: dict[int, int] = {}
    for k, (value, fixed) in enumerate(zip(leaves, static)):
        if k in parts:
            out.append(parts[k])
            continue
        if isinstance(value, (Value, np.ndarray, Packed, Log, *GENERATORS)):
            first = seen.setdefault(id(value), k)
            if first != k:
                out.append(SameLeaf(first))
                continue
        if type(value) is types.FunctionType and sum(other is value for other in leaves) > 1:
            out.append(StaticLeaf(types.FunctionType, ("object", id(value)), value))  # not two that are alike
            continue
        out.append(describe(value, fixed))
    return tuple(out)


def have_lists(leaves: Sequence[Leaf]) -> bool:
    """Whether some are lists that a trace has as arrays."""
    return any(isinstance(leaf, ListLeaf) for leaf in leaves)


def short(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, Packed):
        value = value.items
    if isinstance(value, (np.ndarray, Value)):
        return f"an array of shape {np.shape(value)}"  # type: ignore[arg-type]
    return repr(value)[:40]
