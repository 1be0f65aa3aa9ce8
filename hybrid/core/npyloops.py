"""NumPy's own C loops of linear algebra and Fourier transforms, those of its generalised ufuncs, called without Python.

`void loop(char **operands, npy_intp const *sizes, npy_intp const *strides, void *data)` goes over some matrices or vectors.
`sizes` begin with how many; `strides` in bytes are those from one to the next of each operand, then those within. The loops
look at no Python object and take no GIL. What LAPACK could not do is NaN, and the processor's flag for invalid operations is
raised, which the loops have lowered otherwise.
"""

from __future__ import annotations

import ctypes
import importlib
import platform
import re
from collections.abc import Sequence
from functools import cache, cached_property
from typing import Any

import numpy as np

from hybrid.core import dtype as dt

# Where `PyUFuncObject` of NumPy 2 (numpy/ufuncobject.h, which extension modules are compiled with) has what it points to.
_FUNCTIONS, _DATA, _MAJOR = 32, 40, "2"
_FLAGGED = ("x86_64", "amd64", "aarch64", "arm64")  # processors whose flags `codegen.flags` reads
_MODULES = {"linalg": "numpy.linalg._umath_linalg", "fft": "numpy.fft._pocketfft_umath"}
_DTYPES = {"f": dt.float32, "d": dt.float64, "F": dt.complex64, "D": dt.complex128, "i": dt.int32}
_CHANGED = ("qr_r_raw",)  # whose operand becomes another
_Loop = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
PREFIX = "numpy.loop."


class Loop:
    """The loop of a generalised ufunc for operands of some dtypes.

    Args:
        room: "linalg" or "fft".
        name: the ufunc's.
        char: NumPy's character for the dtype of the first operand.
    """

    def __init__(self, room: str, name: str, char: str):
        self.room, self.name, self.char = room, name, char
        self.ufunc: Any = getattr(importlib.import_module(_MODULES[room]), name)
        self.place = [types[0] for types in self.ufunc.types].index(char)
        self.types: str = self.ufunc.types[self.place]
        taken, given = self.ufunc.signature.split("->")
        self.inputs, self.outputs = (
            tuple(tuple(filter(None, part.replace(" ", "").split(","))) for part in re.findall(r"\(([^)]*)\)", side))
            for side in (taken, given)
        )
        self.dtypes = tuple(_DTYPES[each] for each in self.types.replace("->", ""))
        self.sizes = tuple(dict.fromkeys(name for core in (*self.inputs, *self.outputs) for name in core))
        self.changed = (0,) if name in _CHANGED else ()

    @property
    def symbol(self) -> str:
        """The external symbol that stands for it."""
        return f"{PREFIX}{self.room}.{self.name}.{self.char}"

    @cached_property
    def addresses(self) -> tuple[int, int]:
        """Where the function lies, and what it is given as `data`."""
        at = id(self.ufunc)
        functions, data = (ctypes.c_void_p.from_address(at + place).value or 0 for place in (_FUNCTIONS, _DATA))
        pointer = ctypes.sizeof(ctypes.c_void_p)
        return tuple(
            (ctypes.c_void_p.from_address(table + self.place * pointer).value or 0) if table else 0
            for table in (functions, data)
        )  # type: ignore[return-value]

    def shared(self, k: int) -> bool:
        """Whether operand k is one number for all rows."""
        return k < len(self.inputs) and not self.inputs[k]

    def strides(self, k: int) -> tuple[tuple[str, ...], ...]:
        """Of operand k, in C order: the sizes that are multiplied to the stride from row to row, then to those within."""
        core = (*self.inputs, *self.outputs)[k]
        return tuple(core[at:] for at in range(len(core) + 1))

    def run(self, operands: Sequence[np.ndarray], results: Sequence[np.ndarray | None]) -> tuple[tuple[Any, ...], bool]:
        """The ufunc: operands that it changes and results, which it fills where they are given, and whether it failed."""
        failures: list[Any] = []
        given = [np.array(x) if k in self.changed else x for k, x in enumerate(operands)]
        with np.errstate(
            call=lambda *what: failures.append(what), invalid="call", over="ignore", divide="ignore", under="ignore"
        ):
            self.ufunc(*given, out=tuple(results), signature=self.types)
        return (*(given[k] for k in self.changed), *results), bool(failures)


@cache
def loop(room: str, name: str, char: str) -> Loop | None:
    """The loop of a ufunc, if there is one here and it does what the ufunc does, to the last bit."""
    if np.__version__.split(".")[0] != _MAJOR or platform.machine().lower() not in _FLAGGED:
        return None
    try:
        found = Loop(room, name, char)
    except (ImportError, AttributeError, ValueError, KeyError):  # another NumPy
        return None
    return found if found.addresses[0] and _agrees(found) else None


def wanted(room: str, name: str, char: str) -> Loop:
    """The loop of a ufunc that is known to be there."""
    found = loop(room, name, char)
    assert found is not None
    return found


def wide(dtype: np.dtype) -> str:
    """That of the dtype in which NumPy does the linear algebra of another: double precision."""
    return "D" if dt.is_complex(dtype) else "d"


def transformed(name: str, dtype: np.dtype, inverse: bool) -> str:
    """That of the dtype in which NumPy here transforms another: single precision or double, real for `rfft` alone."""
    real = not dt.is_complex(dtype)
    single = dt.real_of(dtype) == dt.float32 and _in_single(inverse, real)
    char = "f" if single else "d"
    return char if name.startswith("rfft") else char.upper()


@cache
def _in_single(inverse: bool, real: bool) -> bool:
    x, transform = np.random.default_rng(0).normal(size=(2, 64)).astype(np.float32), np.fft.ifft if inverse else np.fft.fft
    given = x if real else x.astype(np.complex64)
    return transform(given).tobytes() != transform(x.astype(np.complex128)).astype(np.complex64).tobytes()


def parts(symbol: str) -> Loop:
    """The loop that a symbol stands for."""
    room, name, char = symbol.removeprefix(PREFIX).split(".")
    return wanted(room, name, char)


# The sizes of an example, where they are not all 4.
_SIZES = {name: {"n": 3, "p": 3} for name in ("svd", "svd_s", "svd_f", "lstsq", "qr_r_raw")} | {
    "rfft_n_even": {"m": 3}, "rfft_n_odd": {"n": 5, "m": 3}, "irfft": {"m": 3},
}  # fmt: skip


def _agrees(found: Loop) -> bool:
    """Whether the function gives what the ufunc does of an example of two rows."""
    rng = np.random.default_rng(0)
    sizes = dict.fromkeys(found.sizes, 4) | _SIZES.get(found.name, {})
    operands = [_example(rng, dtype, [sizes[name] for name in core]) for core, dtype in zip(found.inputs, found.dtypes)]
    results = [np.empty((2, *(sizes[name] for name in core)), dtype)
               for core, dtype in zip(found.outputs, found.dtypes[len(found.inputs) :])]  # fmt: skip
    wanted, failed = found.run(operands, [np.empty_like(x) for x in results])
    given = [np.array(x) for x in operands]
    every = [*given, *results]
    steps = [x.strides if x.ndim else (0,) for x in every]
    places = (ctypes.c_void_p * len(every))(*(x.ctypes.data for x in every))
    counts = np.array([2, *(sizes[name] for name in found.sizes)], np.intp)
    strides = np.array([*(between for between, *_ in steps), *(step for _, *within in steps for step in within)], np.intp)
    function, data = found.addresses
    _Loop(function)(ctypes.addressof(places), counts.ctypes.data, strides.ctypes.data, data)
    made = [*(given[k] for k in found.changed), *results]
    return not failed and all(a.tobytes() == np.ascontiguousarray(b).tobytes() for a, b in zip(made, wanted))


def _example(rng: np.random.Generator, dtype: np.dtype, core: Sequence[int]) -> np.ndarray:
    """Two rows of one operand, matrices positive definite where they are square; or a number for both."""
    if not core:
        return np.array(0.5, dtype)
    x: Any = rng.normal(size=(2, *core)) + (1j * rng.normal(size=(2, *core)) if dt.is_complex(dtype) else 0)
    if len(core) == 2 and core[0] == core[1]:
        x = x @ x.conj().swapaxes(-1, -2) + 4 * np.eye(core[0])
    return x.astype(dtype)
