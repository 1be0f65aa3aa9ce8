"""Products of SciPy's sparse matrices with arrays, written out: converted as a user's functions are.

The matrix is one of Python's objects, and its arrays are captured: they are read anew at every call. Each sum is SciPy's, in
its order.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend import islands
from hybrid.frontend.values import Value, active, dtype_of, kind_of, shape_of
from hybrid.ir import trace as tr

# SciPy's own loops have these; it computes what is smaller in a larger one.
_DTYPES = frozenset((dt.int32, dt.int64, dt.float32, dt.float64, dt.complex64, dt.complex128))
_FLIPPED = {"csr": "csc", "csc": "csr", "coo": "coo"}  # the layout of a transpose in the same memory
_PRODUCTS = ("dot", "__matmul__", "__rmatmul__")


def is_sparse(x: Any) -> bool:
    """Whether something is a sparse matrix or array of SciPy's own classes."""
    known = sys.modules.get("scipy.sparse")
    own = known is not None and isinstance(x, (known.sparray, known.spmatrix))
    return own and type(x).__module__.startswith("scipy.sparse.")


def is_product(function: Any) -> bool:
    """Whether it is a method of a sparse matrix that multiplies it with something."""
    return getattr(function, "__name__", "") in _PRODUCTS and is_sparse(getattr(function, "__self__", None))


def operated(name: str, left: Any, right: Any) -> Any:
    """`left @ right` or `left * right`, of which one is a sparse matrix; NotImplemented of anything else."""
    if name not in ("matmul", "mul") or not (isinstance(left, Value) or isinstance(right, Value)):
        return NotImplemented
    if is_sparse(left):
        return called(getattr(left, f"__{name}__"), right)
    return called(getattr(right, f"__r{name}__"), left) if is_sparse(right) else NotImplemented


def called(function: Callable, x: Any) -> Any:
    """A method of a sparse matrix that may multiply it, called: loops where they are written out, else SciPy's own."""
    matrix, name = function.__self__, function.__name__  # type: ignore[attr-defined]
    if not isinstance(x, Value) or tr.current() is None:
        return function(x)
    star = name in ("__mul__", "__rmul__")
    if star and not isinstance(matrix, sys.modules["scipy.sparse"].spmatrix):
        return islands.opened(function)(x)  # element by element
    flipped = name.startswith("__r")
    layout: str = _FLIPPED.get(matrix.format, "") if flipped else matrix.format
    rank = len(shape_of(x))
    single = layout == "coo" and matrix.shape[flipped] == 1  # of which SciPy gives a number, or an array
    known = layout in _LOOPS and matrix.ndim == 2 and not single and kind_of(x) == "ndarray" and rank in (1, 2)
    if not known or (rank == 2 and layout == "dia") or not _DTYPES.issuperset((matrix.dtype, dtype_of(x))):
        return islands.opened(function)(x)
    rows, columns = matrix.shape[::-1] if flipped else matrix.shape
    arrays = _arrays(matrix, flipped)
    loops, given = active().handlers.algorithm(product), np.transpose(x) if flipped else x  # type: ignore[call-overload]
    made = loops(_LOOPS[layout], arrays, given, rows, columns)
    return made.T if flipped and rank == 2 else made


def _arrays(matrix: Any, flipped: bool) -> tuple:
    """What a matrix is made of, its elements last."""
    if matrix.format == "coo":
        row, column = matrix.coords
        return (column, row, matrix.data) if flipped else (row, column, matrix.data)
    if matrix.format == "dia":
        return matrix.offsets, matrix.data
    return matrix.indptr, matrix.indices, matrix.data


def product(loops: Callable, arrays: tuple, x: Any, rows: int, columns: int) -> Any:
    """What any of the layouts does."""
    if x.shape[0] != columns:
        raise ValueError("matmul: dimension mismatch")
    *places, data = arrays
    dtype = np.result_type(data, x)
    data = data if data.dtype == dtype else data.astype(dtype)
    x = x if x.dtype == dtype else x.astype(dtype)
    if x.ndim == 2 and x.shape[1] == 1:
        return loops(*places, data, x.reshape(-1), np.zeros(rows, dtype)).reshape(rows, 1)
    return loops(*places, data, x, np.zeros((rows, *x.shape[1:]), dtype))


def _by_rows(begins: Any, columns: Any, data: Any, x: Any, out: Any) -> Any:
    for i in range(out.shape[0]):
        total, begin, end = out[i], int(begins[i]), int(begins[i + 1])
        if begin < 0 or end > data.shape[0]:
            raise ValueError("no row is there")
        for k in range(begin, end):
            total += data[k] * x[columns[k]]
        out[i] = total
    return out


def _by_columns(begins: Any, rows: Any, data: Any, x: Any, out: Any) -> Any:
    for j in range(x.shape[0]):
        begin, end = int(begins[j]), int(begins[j + 1])
        if begin < 0 or end > data.shape[0]:
            raise ValueError("no column is there")
        for k in range(begin, end):
            out[rows[k]] += data[k] * x[j]
    return out


def _by_elements(rows: Any, columns: Any, data: Any, x: Any, out: Any) -> Any:
    for k in range(data.shape[0]):
        out[rows[k]] += data[k] * x[columns[k]]
    return out


def _by_diagonals(offsets: Any, data: Any, x: Any, out: Any) -> Any:
    for d in range(offsets.shape[0]):
        shift = int(offsets[d])
        begin, end = max(0, shift), min(out.shape[0] + shift, x.shape[0], data.shape[1])
        if begin < end:
            out[begin - shift : end - shift] += data[d, begin:end] * x[begin:end]
    return out


_LOOPS: dict[str, Callable] = {"csr": _by_rows, "csc": _by_columns, "coo": _by_elements, "dia": _by_diagonals}
