"""NumPy's own C functions that sort numbers: those of its public table of functions by dtype, called without Python.

`int sort(void *x, npy_intp n, void *)` and `int argsort(void *x, npy_intp *order, npy_intp n, void *)` give 0, or another
number where they find no memory. For numbers they look at nothing but these, take no GIL, and do as the processor does best.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np

from hybrid.core import dtype as dt

KINDS = ("quicksort", "heapsort", "stable")  # in the order of the table, and as `Native` names them
DTYPES = tuple(dtype for dtype in dt.ALL if dtype != dt.bfloat16)  # whose NaN may end up anywhere

# Since 2.0 NumPy's table of functions for C has `_PyDataType_GetArrFuncs` at this place, and `PyArray_ArrFuncs` begins with 21
# casts and 12 other functions: headers, which extension modules are compiled with, make both part of what never changes.
_ARRAY_FUNCTIONS, _SORT, _MAJOR = 365, 33, "2"
_TRIALS = (3, 16, 70, 300)  # numbers for each of which sorts go another way

_Sort = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p)
_Argsort = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_void_p)
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)


def kind_of(kind: str | None) -> str:
    """What NumPy's word for an algorithm stands for, of which it reads the first letter."""
    return {"s": "stable", "m": "stable", "h": "heapsort"}.get((kind or "quicksort")[0].lower(), "quicksort")


def symbol(dtype: np.dtype, kind: str, indices: bool) -> str:
    """The external symbol of what sorts rows of numbers, or finds the indices that do."""
    return f"numpy.{'argsort' if indices else 'sort'}.{dt.SHORT[dtype]}.{kind}"


def parts(name: str) -> tuple[np.dtype, str, bool]:
    """The dtype, the kind and whether indices are asked for, of a symbol."""
    _, what, short, kind = name.split(".")
    return next(dtype for dtype in DTYPES if dt.SHORT[dtype] == short), kind, what == "argsort"


@cache
def address(dtype: np.dtype, kind: str, indices: bool) -> int:
    """Where the function lies that does to a vector what NumPy's own does, to the last bit; 0 where none was found."""
    table = _table(dtype) if dtype in DTYPES else None
    if table is None:
        return 0
    with np.errstate(all="ignore"):  # whatever a user asks for
        examples = list(_examples(dtype))
    # By now NumPy's heapsort is its default, whatever the table says.
    for place in {"quicksort": (0,), "heapsort": (1, 0), "stable": (2,)}[kind]:
        found = table[_SORT + place + (len(KINDS) if indices else 0)]
        if found and all(_agrees(found, x, kind, indices) for x in examples):
            return found
    return 0


def _table(dtype: np.dtype) -> Any:
    """The functions of a dtype, or None where this is another NumPy."""
    if np.__version__.split(".")[0] != _MAJOR:
        return None
    try:
        from numpy._core.multiarray import _ARRAY_API  # which NumPy has for those who do not compile against it
    except ImportError:
        return None
    found = (ctypes.c_void_p * (_ARRAY_FUNCTIONS + 1)).from_address(_pointer(_ARRAY_API, None))[_ARRAY_FUNCTIONS]
    functions = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(found)(dtype) if found else None
    return (ctypes.c_void_p * (_SORT + 2 * len(KINDS))).from_address(functions) if functions else None


def _examples(dtype: np.dtype) -> Iterator[np.ndarray]:
    """Numbers of all sorts, many of them equal, signed zeros and NaN with different bits among them."""
    rng = np.random.default_rng(0)
    for count in _TRIALS:
        x = rng.normal(size=(count, 2)).round(1)
        if dt.is_inexact(dtype):
            odd = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1e-300, 5.0])
            x = np.where(rng.random(x.shape) < 0.5, rng.choice(odd, x.shape), x)
            yield (x.view(np.complex128)[:, 0] if dt.is_complex(dtype) else x[:, 0]).astype(dtype)
        else:
            yield (x[:, 0] * 30).astype(np.int64).astype(dtype)


def _agrees(function: int, x: np.ndarray, kind: Any, indices: bool) -> bool:
    if indices:
        out, want = np.arange(x.size), np.argsort(x, kind=kind)
        return _Argsort(function)(x.ctypes.data, out.ctypes.data, x.size, None) == 0 and out.tobytes() == want.tobytes()
    out, want = x.copy(), np.sort(x, kind=kind)
    return _Sort(function)(out.ctypes.data, out.size, None) == 0 and out.tobytes() == want.tobytes()
