"""The C functions behind NumPy's random generators, which NumPy's extension module offers to whoever loads it.

A bit generator is a `bitgen_t` of C, whose address its capsule holds; a distribution is a function of it and of parameters.
"""

from __future__ import annotations

import ctypes
import math
import sys
import threading
from functools import cache, lru_cache
from typing import Any

import numpy as np

# What each takes after the generator, and what it gives.
_DOUBLE, _WORD = ctypes.c_double, ctypes.c_uint64
FUNCTIONS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "random_standard_uniform": ((), _DOUBLE),
    "random_uniform": ((_DOUBLE, _DOUBLE), _DOUBLE),
    "random_standard_normal": ((), _DOUBLE),
    "random_normal": ((_DOUBLE, _DOUBLE), _DOUBLE),
    "random_standard_exponential": ((), _DOUBLE),
    "random_exponential": ((_DOUBLE,), _DOUBLE),
    "random_bounded_uint64": ((_WORD, _WORD, _WORD, ctypes.c_bool), _WORD),
}

_BITGEN = 40  # bytes of a `bitgen_t`: its state, and functions for a word of 64 bits, one of 32, a double, and raw bits

_TWICE = type(threading.RLock())
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)


def bitgen(bits: Any) -> int:
    """The address of a bit generator's `bitgen_t`, for as long as it lives."""
    return _pointer(bits.capsule, b"BitGenerator")


def lock_of(bits: Any) -> Any:
    """The lock that NumPy takes for a draw, if one thread may take it twice; else None."""
    lock = getattr(bits, "lock", None)
    return lock if isinstance(lock, _TWICE) else None


@lru_cache(maxsize=1)
def _place_of_gauss() -> int | None:
    """Where in a `RandomState` its `aug_bitgen` lies: the address of its bits, whether there is a second normal number, that.

    NumPy does not say. It is looked for in a new one, before and after a draw that leaves such a number.
    """
    generator = np.random.RandomState(np.random.MT19937(77))
    bits = bytes((ctypes.c_char * _BITGEN).from_address(bitgen(generator._bit_generator)))
    words = (ctypes.c_uint64 * (np.random.RandomState.__basicsize__ // 8)).from_address(id(generator))
    own = id(generator) + bytes(words).find(bits)
    found = [k for k, word in enumerate(words[:-2]) if word == own and not any(words[k + 1 : k + 3])]
    generator.standard_normal()
    kept = np.float64(generator.get_state(legacy=False)["gauss"])
    if len(found) == 1 and words[found[0] + 1] & 0xFFFFFFFF == 1 and words[found[0] + 2] == int(kept.view(np.uint64)):
        return 8 * found[0]
    return None


def gauss(generator: np.random.RandomState) -> int:
    """The address of what legacy normal numbers are drawn from; 0 where NumPy hides it."""
    place = _place_of_gauss() if sys.implementation.name == "cpython" else None
    return 0 if place is None else id(generator) + place


def legacy_gauss(address: int) -> float:
    """A normal number of a `RandomState` at an address that `gauss` gave: what `codegen/gauss.py` says in LLVM."""
    has, kept = ctypes.c_int.from_address(address + 8), ctypes.c_double.from_address(address + 16)
    if has.value:
        number, kept.value, has.value = kept.value, 0.0, 0
        return number
    draw, bits = function("random_standard_uniform"), ctypes.c_uint64.from_address(address).value
    square = 0.0
    while square >= 1.0 or square == 0.0:
        first, second = 2.0 * draw(bits) - 1.0, 2.0 * draw(bits) - 1.0
        square = first * first + second * second
    factor = math.sqrt(-2.0 * math.log(square) / square)
    kept.value, has.value = factor * first, 1
    return factor * second


@cache
def function(name: str) -> Any:
    """A function by name, to be called with the address of a `bitgen_t` and its parameters; None where NumPy has it not."""
    try:
        found = ctypes.CDLL(np.random._generator.__file__)[name]  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return None
    takes, found.restype = FUNCTIONS[name]
    found.argtypes = (ctypes.c_void_p, *takes)
    return found


def log() -> int:
    """Where machine code finds the logarithm of the C library."""
    return ctypes.cast(ctypes.CDLL(None).log, ctypes.c_void_p).value or 0


def address(name: str) -> int:
    """Where machine code finds a function."""
    return ctypes.cast(function(name), ctypes.c_void_p).value or 0
