"""bfloat16 arrays of NumPy's beside other dtypes.

A tensor stays bfloat16 beside Python floats and wide integers, as a float32 one stays float32. NumPy knows ml_dtypes' bfloat16
as a foreign dtype, and widens: float32 beside a Python float or 16 bits, float64 beside wider integers. Decorated code on such
arrays computes what NumPy does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim
from hybrid.frontend.elementwise import cast
from hybrid.frontend.values import Value, dtype_of, kind_of

_WIDE: dict[np.dtype | type, np.dtype] = {
    float: dt.float32, dt.float16: dt.float32, dt.int16: dt.float32, dt.uint16: dt.float32,
    dt.int32: dt.float64, dt.uint32: dt.float64, dt.int64: dt.float64, dt.uint64: dt.float64,
}  # fmt: skip
_NUMBERS = (Value, np.ndarray, np.generic, bool, int, float, complex, Dim)


_CALLING = frozenset(("hybrid.control.handlers", "hybrid.control.instances"))  # for the user


def asked_by_user(depth: int) -> bool:
    """Whether an operator stands in the user's code; the engine's own compositions keep to the dtype of their operand."""
    module = sys._getframe(depth + 1).f_globals.get("__name__", "")
    return not module.startswith("hybrid.") or module in _CALLING


def widened(operands: tuple, *, product: bool = False) -> tuple:
    """The operands as NumPy would take them: bfloat16 made as wide as the others, and for a matrix product float32."""
    dtypes = _numpys(operands)
    if dt.bfloat16 not in dtypes:
        return operands
    wide = [_WIDE[dtype] for dtype in dtypes if dtype in _WIDE] + [dt.float32] * product
    if not wide:
        return operands
    return tuple(cast(x, dt.promote(*wide)) if dtype is dt.bfloat16 else x for x, dtype in zip(operands, dtypes))


def refuse_mixed(function: Callable, operands: tuple) -> None:
    """Leave to NumPy what it computes of bfloat16 arrays and operands of another dtype, and what does not keep bfloat16."""
    dtypes = _numpys(operands)
    if dt.bfloat16 in dtypes and (function in (np.clip, np.einsum) or not _WIDE.keys().isdisjoint(dtypes)):
        raise TraceError(f"np.{function.__name__} of bfloat16 is NumPy's", fix="convert first, e.g. x.astype(np.float32)")


def _numpys(operands: tuple) -> list:
    """The dtypes of the operands that have one; none where a tensor is among them."""
    if not any(getattr(x, "dtype", None) is dt.bfloat16 for x in operands):
        return []
    dtypes = [dtype_of(x) if isinstance(x, _NUMBERS) else None for x in operands]
    return [] if any(dtype is not None and kind_of(x) == "tensor" for x, dtype in zip(operands, dtypes)) else dtypes
