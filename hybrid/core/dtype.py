"""Dtypes are NumPy's own `numpy.dtype` objects, plus bfloat16 from ml_dtypes; promotion is NumPy 2's.

A Python scalar is *weak*: it takes the dtype of the array beside it (`float32 * 2.0` is float32), and counts as
int64, float64 or complex128 only when it is alone.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np

from hybrid.core.config import config
from hybrid.core.errors import DTypeError

bool_ = np.dtype(np.bool_)
int8, int16, int32, int64 = (np.dtype(f"int{n}") for n in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (np.dtype(f"uint{n}") for n in (8, 16, 32, 64))
float16, float32, float64 = (np.dtype(f"float{n}") for n in (16, 32, 64))
bfloat16 = np.dtype(ml_dtypes.bfloat16)
complex64, complex128 = np.dtype(np.complex64), np.dtype(np.complex128)

# Short names are those of the graph's text form: f32[32,784].
SHORT: dict[np.dtype, str] = {
    bool_: "bool", int8: "i8", int16: "i16", int32: "i32", int64: "i64", uint8: "u8", uint16: "u16", uint32: "u32",
    uint64: "u64", float16: "f16", bfloat16: "bf16", float32: "f32", float64: "f64", complex64: "c64", complex128: "c128",
}  # fmt: skip
BY_SHORT = {text: dtype for dtype, text in SHORT.items()}
ALL: tuple[np.dtype, ...] = tuple(SHORT)
SIGNED, UNSIGNED = (int8, int16, int32, int64), (uint8, uint16, uint32, uint64)
INTEGERS = SIGNED + UNSIGNED
FLOATS = (float16, bfloat16, float32, float64)
COMPLEX = (complex64, complex128)
_PYTHON = {bool: bool_, int: int64, float: float64, complex: complex128}
# NumPy's own kind letters, so that is_float(dtype) is one dictionary look-up (bfloat16's kind is "V" in NumPy).
KIND: dict[np.dtype, str] = {d: "f" if d == bfloat16 else d.kind for d in ALL}


def is_float(dtype: np.dtype) -> bool:
    return KIND[dtype] == "f"


def is_complex(dtype: np.dtype) -> bool:
    return KIND[dtype] == "c"


def is_inexact(dtype: np.dtype) -> bool:
    return KIND[dtype] in "fc"


def is_integer(dtype: np.dtype) -> bool:
    return KIND[dtype] in "iu"


def canonical(dtype: object, default: np.dtype | None = None) -> np.dtype:
    """The supported `numpy.dtype` for anything NumPy accepts as one (`"float32"`, `np.float32`, `float`), and `"bf16"`.

    Text means what it means to NumPy, which counts bytes: `"i8"` is int64, while graphs call int8 so.

    >>> canonical("bf16"), canonical(float), canonical("i8")
    (dtype(bfloat16), dtype('float64'), dtype('int64'))
    """
    if dtype is None and default is not None:
        return default
    if isinstance(dtype, str) and dtype in ("bf16", "bfloat16"):
        return bfloat16
    try:
        found = np.dtype(dtype)  # type: ignore[call-overload]
    except TypeError as error:
        raise DTypeError(f"not a dtype: {dtype!r}", expected=", ".join(str(d) for d in ALL)) from error
    if not found.isnative or found not in SHORT:
        raise DTypeError(f"dtype {found} is not supported", expected=", ".join(str(d) for d in ALL),
                         fix="convert the array first, e.g. a.astype(np.float64)")  # fmt: skip
    return found


def supported(dtype: np.dtype) -> bool:
    """Whether arrays of this dtype can be traced (native byte order, numeric)."""
    return dtype.isnative and dtype in SHORT


def default_float() -> np.dtype:
    return BY_SHORT["f32"] if config.default_float == "float32" else float64


def default_complex() -> np.dtype:
    """The complex dtype whose parts have the default float, as the array-API standard wants it."""
    return complex64 if default_float() == float32 else complex128


def of_python(value: object) -> np.dtype:
    """The dtype a lone Python scalar stands for."""
    return _PYTHON[type(value)]


def promote(*operands: np.dtype | type) -> np.dtype:
    """NumPy 2's result dtype. An operand is a dtype, or the Python type `bool`, `int`, `float` or `complex` for a weak scalar.

    >>> promote(np.dtype("float32"), float), promote(np.dtype("int8"), float), promote(np.dtype("int8"), np.dtype("uint8"))
    (dtype('float32'), dtype('float64'), dtype('int16'))
    """
    strong = [operand for operand in operands if not isinstance(operand, type)]
    weak = [operand for operand in operands if isinstance(operand, type)]
    if not strong:
        return max((_PYTHON[kind] for kind in weak), key=ALL.index)
    result = strong[0]
    for dtype in strong[1:]:
        result = result if dtype is result else _pair(result, dtype)
    for kind in weak:
        result = _with_weak(result, kind)
    return result


def _pair(a: np.dtype, b: np.dtype) -> np.dtype:
    if a == b:
        return a
    if bfloat16 in (a, b):
        other = b if a == bfloat16 else a
        if other == float16:
            return float32
        if KIND[other] in "iub" and other.itemsize > 1:
            # ml_dtypes keeps bfloat16 beside any integer; NumPy's promotion has no say for a foreign dtype.
            return bfloat16
    return np.promote_types(a, b)


_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
_WEAK_RANK = {bool: 0, int: 1, float: 2, complex: 3}


def _with_weak(dtype: np.dtype, kind: type) -> np.dtype:
    if _RANK[KIND[dtype]] >= _WEAK_RANK[kind]:
        return dtype
    if kind is int:  # beside bool
        return int64
    if kind is float:  # beside bool or integers
        return float64
    return complex64 if dtype in (float16, bfloat16, float32) else complex128


def real_of(dtype: np.dtype) -> np.dtype:
    """The dtype of a complex number's parts; any other dtype is its own."""
    return {complex64: float32, complex128: float64}.get(dtype, dtype)


def to_inexact(dtype: np.dtype) -> np.dtype:
    """What `np.sin` and `np.sqrt` compute in for this input: NumPy's float16/32/64 by the width of the integer."""
    if is_inexact(dtype):
        return dtype
    return float16 if dtype.itemsize == 1 else float32 if dtype.itemsize == 2 else float64
