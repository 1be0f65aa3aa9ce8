"""Calls of Python from inside kernels: what stands at the other end of a `Call` of the loop language.

Machine code gives the words of one call as bytes: where each array lies, then the values of the call's symbols. Loops pass
the same words again and again, and the arrays made for them are kept: a call costs about 1 µs besides what it calls.
"""

from __future__ import annotations

import ctypes
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hybrid.core.errors import WarnedError
from hybrid.core.shape import Shape, Size, evaluate
from hybrid.loops.nest import Call, Code, Slot
from hybrid.loops.procedure import KEPT


def code_of(call: Call, operands: Sequence[np.ndarray], results: Sequence[np.ndarray], sizes: Mapping[str, int]) -> int:
    """Make a call and put what it gives into `results`; the `Code` with which the kernel goes on, or ends.

    Python repeats a call that ends with PYTHON, and raises its own error at the user's line. What is no `Exception`
    (KeyboardInterrupt, SystemExit) goes through: that must not be repeated.
    """
    start = time.perf_counter_ns()
    try:
        for place, array in zip(results, call.run(operands, sizes), strict=True):
            if array.shape != place.shape or array.dtype != place.dtype:
                return Code.PYTHON.noted(call.note)
            place[...] = array
    except WarnedError:
        return Code.WARNED
    except Exception:
        return Code.PYTHON.noted(call.note)
    finally:
        call.cost.add(start)
    return Code.OK


class Callback:
    """The object that machine code calls, with the words of one call as bytes; it returns a `Code`."""

    __slots__ = ("call", "_unpack", "_last", "_layouts")

    def __init__(self, call: Call):
        self.call = call
        self._unpack = struct.Struct(f"={len(call.slots)}Q{len(call.symbols)}q").unpack
        self._last: tuple[bytes, list[np.ndarray], list[np.ndarray], dict[str, int]] | None = None
        self._layouts: dict[tuple[int, ...], list[tuple]] = {}  # of the slots, for the values of the symbols

    def __call__(self, words: bytes) -> int:
        last = self._last
        if last is None or last[0] != words:
            last = self._last = (words, *self._arrays(words))  # one assignment: another thread may be here, too
        return code_of(self.call, *last[1:])

    def _arrays(self, words: bytes) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, int]]:
        values, slots = self._unpack(words), self.call.slots
        numbers = values[len(slots) :]
        sizes = dict(zip(self.call.symbols, numbers))
        layouts = self._layouts.get(numbers)
        if layouts is None:
            if len(self._layouts) >= KEPT:
                self._layouts.clear()
            layouts = self._layouts[numbers] = [_place(slot, sizes) for slot in slots]
        # Without a copy: `memory` is as many bytes as the array spans.
        arrays = [
            np.ndarray(shape, dtype, memory.from_address(address), 0, strides)
            for address, (shape, dtype, memory, strides) in zip(values, layouts)
        ]
        count = len(self.call.reads)
        for array in arrays[:count]:
            array.flags.writeable = False
        return arrays[:count], arrays[count:], sizes


def interpreted(call: Call) -> Callable[..., int]:
    """The call for kernels as Python source: `(flat arrays of its slots…, values of its symbols…) -> Code`."""

    def run(*args) -> int:
        sizes = dict(zip(call.symbols, map(int, args[len(call.slots) :])))
        arrays: list[np.ndarray] = []
        for flat, slot in zip(args, call.slots):
            shape, strides = _layout(slot, sizes)
            writeable = len(arrays) >= len(call.reads)
            flat = flat if flat.dtype == slot.dtype else flat.view(slot.dtype)  # complex numbers are pairs to loops
            arrays.append(np.lib.stride_tricks.as_strided(flat, shape, strides, writeable=writeable))
        return code_of(call, arrays[: len(call.reads)], arrays[len(call.reads) :], sizes)

    return run


class Foreign:
    """The call for kernels that Numba compiles: a C function of the address of the words, behind which the code goes.

    The code is RAISED unless the function says otherwise. C cannot hand on an exception; `raised` holds it until the kernel
    has ended, but for one from a signal's handler that ran before the function's first line.
    """

    def __init__(self, call: Call):
        self.raised: list[BaseException] = []
        callback, size = Callback(call), 8 * (len(call.slots) + len(call.symbols))

        def run(address: int) -> None:
            try:
                ctypes.c_int64.from_address(address + size).value = callback(ctypes.string_at(address, size))
            except BaseException as error:
                self.raised.append(error)

        self.function = ctypes.CFUNCTYPE(None, ctypes.c_int64)(run)


def _place(slot: Slot, sizes: Mapping[str, int]) -> tuple[tuple[int, ...], np.dtype, Any, tuple[int, ...]]:
    """Shape, dtype, the type of the memory it lies in, and strides in bytes."""
    shape, strides = _layout(slot, sizes)
    span = 0 if 0 in shape else slot.dtype.itemsize + sum((size - 1) * step for size, step in zip(shape, strides))
    return shape, slot.dtype, ctypes.c_char * span, strides


def _layout(slot: Slot, sizes: Mapping[str, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shape, and strides in bytes."""
    item = slot.dtype.itemsize
    return _numbers(slot.shape, sizes), tuple(step * item for step in _numbers(slot.strides, sizes))


def _numbers(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    def number(size: Size) -> int:
        return size if type(size) is int else evaluate(size, sizes)

    return tuple(map(number, shape))
