"""DLPack with bfloat16, which NumPy's own lacks: the memory travels as 16-bit integers, under the label DLPack has for it."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from hybrid.core import dtype as dt

_UINT, _BFLOAT = 1, 4  # kDLUInt and kDLBfloat
# Names of capsules, and where the DLTensor begins: in the later form after version, context, deleter and flags.
_NAMES = {b"dltensor": 0, b"dltensor_versioned": 32}
_CODE, _BITS = 20, 21  # in a DLTensor: after data, device and ndim


def give(array: np.ndarray, **kwargs: Any) -> Any:
    """A capsule over the memory of an array."""
    if array.dtype is not dt.bfloat16:
        return array.__dlpack__(**kwargs)
    capsule = array.view(np.uint16).__dlpack__(**kwargs)
    _relabel(capsule, _UINT, _BFLOAT)
    return capsule


def take(x: Any, copy: bool | None = None) -> np.ndarray:
    """An array over the memory of another library's."""
    source = _Source(x)
    array = np.from_dlpack(source, copy=copy)  # type: ignore[arg-type]
    return array.view(dt.bfloat16) if source.relabelled else array


class _Source:
    """What `np.from_dlpack` asks instead of the array itself."""

    def __init__(self, x: Any):
        self.x, self.relabelled = x, False

    def __dlpack__(self, **kwargs: Any) -> Any:
        capsule = self.x.__dlpack__(**kwargs)
        self.relabelled = _relabel(capsule, _BFLOAT, _UINT)
        return capsule

    def __dlpack_device__(self) -> Any:
        return self.x.__dlpack_device__()


def _relabel(capsule: Any, before: int, after: int) -> bool:
    """Change the type code of a capsule's 16-bit elements where it is `before`, and say whether it was."""
    api = ctypes.pythonapi
    name = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))(capsule)
    if name not in _NAMES:
        return False
    pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", api))
    tensor = pointer(capsule, name) + _NAMES[name]
    code, bits = (ctypes.c_uint8.from_address(tensor + at) for at in (_CODE, _BITS))
    if (code.value, bits.value) != (before, 16):
        return False
    code.value = after
    return True
