"""Where CPython and NumPy keep things: field offsets of their objects and addresses of their C functions.

Machine code reads objects at these offsets. `unsupported` probes every one of them on live objects and names the first
that is not where it should be; nothing here may be relied on before it has answered with an empty string.
"""

from __future__ import annotations

import ctypes
import struct
import sys
import types
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from hybrid.core.errors import CompileError
from hybrid.runtime.pool import numpy_word, prototype

# PyObject and the objects whose values the guards read (64-bit builds, header of 16 bytes).
TYPE, SIZE, FLOAT_VALUE, COMPLEX_VALUE, SCALAR_VALUE, CELL_CONTENTS = 8, 16, 16, 16, 16, 16
LIST_ITEMS, METHOD_FUNCTION, METHOD_SELF = 24, 16, 24
DICT_VERSION = 24  # where `dict_versions` says so
DICT_KEYS, DICT_VALUES = 32, 40  # where `shared_values` says so, as below
KEYS_LOG, KEYS_COUNT, KEYS_HEADER = 9, 24, 32  # log2 of the bytes of the table before the entries; how many these are
# PyArrayObject. DESCR_KIND starts eight bytes of a PyArray_Descr: kind, type, byteorder, a reserved byte and type_num.
DATA, NDIM, DIMS, STRIDES, BASE, DESCR, FLAGS, DESCR_KIND = 16, 24, 32, 40, 48, 56, 64, 24
C_CONTIGUOUS, ALIGNED, WRITEABLE, WARN_ON_WRITE = 0x1, 0x100, 0x400, 0x80000000
METH_FASTCALL_KEYWORDS = 0x80 | 0x02

PYTHON_API = (
    "Py_IncRef", "Py_DecRef", "PyObject_Vectorcall", "PyLong_FromLongLong", "PyLong_AsLongLongAndOverflow", "PyErr_NoMemory",
    "PyUnicode_Compare", "PyType_GenericAlloc", "PyTuple_New", "PyTuple_SetItem", "PyList_New", "PyList_SetItem",
    "PyDict_New", "PyDict_SetItem", "PyEval_SaveThread", "PyEval_RestoreThread", "PyMem_RawMalloc", "PyMem_RawFree",
    "PyDict_GetItemWithError", "PyObject_GetAttr", "PyErr_Clear", "PyFloat_FromDouble", "PyComplex_FromDoubles",
    "PyDict_Next", "PyObject_RichCompareBool", "PyObject_VectorcallMethod", "PyCapsule_GetPointer", "PyErr_Fetch",
    "PyErr_Restore", "PyErr_Occurred", "PyObject_GenericGetDict", "PySequence_GetItem",
)  # fmt: skip
_NUMPY_API = {
    "PyArray_Scalar": 60, "PyArray_NewFromDescr": 94, "PyArray_SetBaseObject": 282, "PyDataMem_SetHandler": 304,
    "PyDataMem_GetHandler": 305,
}  # fmt: skip  # places in NumPy's public table of functions
_ARRAY_TYPE = 2  # the place of &PyArray_Type in that table
API = (*PYTHON_API, *_NUMPY_API)


free: Callable[[int], None] = prototype("PyMem_RawFree", None, ctypes.c_void_p)


def word(address: int) -> int:
    """The eight bytes at an address, as a signed integer."""
    return ctypes.c_int64.from_address(address).value


@cache
def addresses() -> tuple[int, ...]:
    """Addresses of the functions in `API`, in that order."""
    python = [ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0 for name in PYTHON_API]
    return (*python, *map(numpy_word, _NUMPY_API.values()))


def address(name: str) -> int:
    """The address of one function in `API`."""
    return addresses()[API.index(name)]


def bytes_address(text: bytes) -> int:
    """Where the contents of a bytes object are."""
    return ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p).value or 0


def new_builtin(method_table: int, owner: object, module: object) -> Callable[..., Any]:
    """A builtin function over a `PyMethodDef`; it owns `owner` (C code receives it as `self`) and `module`."""
    new = prototype("PyCFunction_NewEx", ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
    return new(method_table, owner, module)


def slot_offset(cls: type, slot: str) -> int:
    """Where instances of a class with `__slots__` keep one of them. CompileError where they do not."""
    instance: object = object.__new__(cls)
    marker = object()
    try:
        getattr(cls, slot).__set__(instance, marker)
    except AttributeError:
        raise CompileError(f"{cls.__name__} has no slot {slot!r}", expected=f"{slot!r} in its __slots__") from None
    for offset in range(16, cls.__basicsize__, 8):
        if word(id(instance) + offset) == id(marker):
            return offset
    raise CompileError(f"slot {slot!r} of {cls.__name__} was not found in its instances")


@cache
def tuple_items() -> int:
    """Where a tuple's items start; 3.14 put its hash before them."""
    probe = (object(),)
    return next((at for at in (24, 32) if word(id(probe) + at) == id(probe[0])), 0)


@cache
def default_factory() -> int | None:
    """Where a `defaultdict` keeps what makes missing items; None where it is not found."""
    marker = lambda: None
    return pointer_offset(defaultdict(marker), marker)


@cache
def dict_versions() -> bool:
    """Whether dicts carry a number that changes with every change: up to 3.12 they do."""
    probe: dict[str, object] = {}
    seen = set()
    for _ in range(8):
        probe["key"] = object()
        seen |= {word(id(probe) + DICT_VERSION), word(id(probe) + DICT_VERSION)}  # the same twice: nothing else changes it
    return len(seen) == 8


@cache
def shared_values() -> int | None:
    """Where the values begin in the memory that the dict of an instance points to, as long as it shares its keys with other
    instances of its class; None where dicts are not laid out so."""

    class Probe:
        def __init__(self) -> None:
            self.first, self.second, self.third = object(), object(), object()

    offsets = []
    for probe in (Probe(), Probe()):
        held = vars(probe)
        keys, values = word(id(held) + DICT_KEYS), word(id(held) + DICT_VALUES)
        if not values or word(keys + KEYS_COUNT) != len(held):
            return None
        entries = keys + KEYS_HEADER + (1 << (word(keys + KEYS_LOG) & 0xFF))
        found = [at for at in (0, 8) if all(word(values + at + 8 * k) == id(held[key]) for k, key in enumerate(held))]
        if not found or [word(entries + 16 * k) for k in range(len(held))] != list(map(id, held)):
            return None
        offsets += found
    return offsets[0] if len(set(offsets)) == 1 else None


@cache
def scalar_in_place(dtype: np.dtype) -> bool:
    """Whether scalars of a dtype hold their value where NumPy's own do."""
    sample = np.frombuffer(bytes(range(1, dtype.itemsize + 1)), np.uint8).view(dtype)[0] if dtype != np.bool_ else np.True_
    return type(sample) is dtype.type and ctypes.string_at(id(sample) + SCALAR_VALUE, dtype.itemsize) == sample.tobytes()


def pointer_offset(holder: object, value: object) -> int | None:
    """Where an object keeps a pointer to another one among its own fields; None where it is not found."""
    size = type(holder).__basicsize__
    return next((at for at in range(16, size, 8) if word(id(holder) + at) == id(value)), None)


@cache
def function_fields() -> dict[str, int]:
    """Where a Python function keeps what makes it another one; nothing where one of these is not found."""

    def probe(x: int = 1, *, y: int = 2) -> object:
        return both, x, y

    both = object()
    probe.__dict__["known"] = both
    names = ("__code__", "__globals__", "__defaults__", "__kwdefaults__", "__closure__", "__dict__")
    found = {name: pointer_offset(probe, getattr(probe, name)) for name in names}
    return {} if None in found.values() else {name: at for name, at in found.items() if at is not None}


@cache
def unsupported() -> str:
    """Why native entries cannot work in this process, or an empty string where they can."""
    if sys.implementation.name != "cpython":
        return f"objects of {sys.implementation.name} are not laid out as CPython's"
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return "reference counts of free-threaded builds are not plain"
    if struct.calcsize("P") != 8 or sys.byteorder != "little" or object.__basicsize__ != 16:
        return "the object header is not two 64-bit words"
    for what, found in _probes():
        if not found:
            return f"{what} is not where CPython 3.11-3.14 and NumPy 2 keep it"
    return ""


def supported() -> bool:
    """Whether objects are laid out as this module says."""
    return not unsupported()


def _probes() -> Iterator[tuple[str, bool]]:
    """Pairs of what is looked for and whether it was found, each safe to evaluate once those before it held."""
    number, pair = 1.5, complex(2.5, -3.5)
    both = (number, pair)
    yield "an object's type", word(id(number) + TYPE) == id(float)
    yield "a float's value", ctypes.c_double.from_address(id(number) + FLOAT_VALUE).value == number
    yield "a complex's value", [*(ctypes.c_double * 2).from_address(id(pair) + COMPLEX_VALUE)] == [pair.real, pair.imag]
    yield "a tuple's size", word(id(both) + SIZE) == 2
    yield "a tuple's first item", tuple_items() != 0
    cell = types.CellType(both)
    several = [number, pair]
    yield "a list's size", word(id(several) + SIZE) == 2
    yield "a list's items", word(word(id(several) + LIST_ITEMS) + 8) == id(pair)
    yield "a dict's size", word(id({1: 1, 2: 2, 3: 3}) + SIZE) == 3
    yield "a cell's contents", word(id(cell) + CELL_CONTENTS) == id(both)
    yield "an array's fields", np.ndarray.__basicsize__ >= FLAGS + 4
    function = lambda it: it
    method = types.MethodType(function, number)
    yield "a method's function", word(id(method) + METHOD_FUNCTION) == id(function)
    yield "what a method is bound to", word(id(method) + METHOD_SELF) == id(number)
    array = np.zeros((3, 4, 5), np.float32)[:, ::2, ::-1]
    at = id(array)
    yield "an array's data", word(at + DATA) == array.__array_interface__["data"][0]
    yield "an array's rank", ctypes.c_int32.from_address(at + NDIM).value == 3
    yield "an array's base", word(at + BASE) == id(array.base)
    yield "an array's descriptor", word(at + DESCR) == id(array.dtype)
    yield "an array's flags", ctypes.c_int32.from_address(at + FLAGS).value == array.flags.num
    yield "an array's shape", [*(ctypes.c_int64 * 3).from_address(word(at + DIMS))] == [*array.shape]
    yield "an array's strides", [*(ctypes.c_int64 * 3).from_address(word(at + STRIDES))] == [*array.strides]
    kind = struct.unpack("cccxi", ctypes.string_at(id(array.dtype) + DESCR_KIND, 8))
    yield "a descriptor's kind", kind == (b"f", b"f", b"=", array.dtype.num)
    yield "NumPy's table of functions", numpy_word(_ARRAY_TYPE) == id(np.ndarray)
