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
_DOUBLE, _INT, _WORD = ctypes.c_double, ctypes.c_int64, ctypes.c_uint64
BOUNDED, BINOMIAL = "random_bounded_uint64", "random_binomial"
FUNCTIONS: dict[str, tuple[tuple[Any, ...], Any]] = {
    **{f"random_{name}": ((_DOUBLE,) * count, _DOUBLE) for count, names in (
        (0, ("standard_uniform", "standard_normal", "standard_exponential", "standard_cauchy")),
        (1, ("exponential", "standard_gamma", "chisquare", "standard_t", "pareto", "weibull", "power", "rayleigh")),
        (2, ("uniform", "normal", "gamma", "beta", "f", "noncentral_chisquare", "vonmises", "laplace", "gumbel", "logistic",
             "lognormal", "wald")),
        (3, ("noncentral_f", "triangular")),
    ) for name in names},
    **{f"random_{name}": ((_DOUBLE,) * count, _INT) for count, names in (
        (1, ("poisson", "geometric", "zipf", "logseries")), (2, ("negative_binomial",)),
    ) for name in names},
    "random_hypergeometric": ((_INT, _INT, _INT), _INT),
    BINOMIAL: ((_DOUBLE, _INT, ctypes.c_void_p), _INT),
    BOUNDED: ((_WORD, _WORD, _WORD, ctypes.c_bool), _INT),
}  # fmt: skip
FILLED = "hybrid_filled."  # before the name of a function: one that fills an array with its numbers
BINOMIAL_BYTES = 256  # room for what `random_binomial` computes of n and p: 136 bytes, an int before it whether it has

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
def place_of_gauss() -> int | None:
    """Where in a `RandomState` its `aug_bitgen` lies: the address of its bits, whether there is a second normal number, that.

    NumPy does not say. It is looked for in a new one, before and after a draw that leaves such a number.
    """
    if sys.implementation.name != "cpython":
        return None
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
    place = place_of_gauss()
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


def legacy_exponential(address: int, scale: float) -> float:
    """An exponential number of a `RandomState`: what `codegen/draws.py` says in LLVM."""
    return scale * -math.log(1.0 - function("random_standard_uniform")(address))


def binomial(address: int, share: float, count: int) -> int:
    """How many of `count` succeed: what `codegen/draws.py` says in LLVM."""
    return function(BINOMIAL)(address, share, count, ctypes.create_string_buffer(BINOMIAL_BYTES))


# states --------------------------------------------------------------------------------------------------------------------
# To ask a RandomState for its state takes 60 us, a PCG64 3: what they say is made of memory that is copied in 0.3 us.
_Region = tuple[int, int]  # address and bytes
# By the structs of NumPy's bit generators, bytes at an offset: of the struct, or (`inner`) of what a word of it points to.
_Part = tuple[bool, int, int]  # inner, offset, bytes
_STRUCTS: dict[Any, tuple[_Part, ...]] = {
    np.random.MT19937: ((False, 0, 4 * 625),),  # 624 words and a place among them
    np.random.PCG64: ((True, 0, 32), (False, 8, 8)),  # a pointer to two numbers of 128 bits; half a word that is left
    np.random.PCG64DXSM: ((True, 0, 32), (False, 8, 8)),
    np.random.SFC64: ((False, 0, 40),),
    # Pointers to counter and key; a place in four words, these, and half a word that is left.
    np.random.Philox: ((True, 0, 32), (True, 8, 16), (False, 16, 48)),
}
GAUSS_KEPT = (8, 16)  # behind what `gauss` gives: whether there is a second normal number, and that


def parts(bits: type) -> tuple[_Part, ...] | None:
    """Where the state of such bit generators lies, from the word that `bitgen_t` begins with; None where that is not known."""
    return _STRUCTS.get(bits)


def _regions(generator: Any) -> list[_Region] | None:
    """Where the state of a generator lies; None of those that are not known."""
    bits = generator.bit_generator if isinstance(generator, np.random.Generator) else generator._bit_generator
    known = parts(type(bits))
    if known is None:
        return None
    state = _word(bitgen(bits))
    found = [(_word(state + offset) if inner else state + offset, size) for inner, offset, size in known]
    if isinstance(generator, np.random.RandomState):
        own = gauss(generator)
        return [*found, (own + GAUSS_KEPT[0], GAUSS_KEPT[1])] if own else None
    return found


def _word(address: int) -> int:
    return ctypes.c_uint64.from_address(address).value


class Mark:
    """What a generator goes on from at one moment."""

    __slots__ = ("generator", "_kept")

    def __init__(self, generator: Any):
        self.generator, self._kept = generator, [ctypes.string_at(*region) for region in _regions(generator) or ()]

    def put_back(self, generator: Any = None) -> None:
        """Let the generator go on from there, or another one of its kind."""
        for (address, size), kept in zip(_regions(generator or self.generator) or (), self._kept):
            ctypes.memmove(address, kept, size)


def mark(generator: Any) -> Mark | None:
    """Its state, to be put back; None where only NumPy can say it."""
    legacy = type(generator) is np.random.RandomState
    if not legacy and type(generator) is not np.random.Generator:
        return None
    bits: Any = generator._bit_generator if legacy else generator.bit_generator
    return Mark(generator) if is_known(bits.__class__, legacy) else None


@cache
def is_known(kind: Any, legacy: bool) -> bool:
    """Whether the memory of generators of a kind is all of their state: tried on a new one."""
    if sys.implementation.name != "cpython" or kind.__module__.partition(".")[0] != "numpy":
        return False
    generator: Any = np.random.RandomState(kind(77)) if legacy else np.random.Generator(kind(77))
    if _regions(generator) is None:
        return False

    def numbers() -> list[Any]:
        words = generator.randint(0, 99, 3, np.uint32) if legacy else generator.integers(0, 99, 3, np.uint32)
        return [*words, generator.standard_normal(), generator.uniform(), *generator.bytes(5)]

    def state() -> str:
        return repr(generator.get_state(legacy=False) if legacy else generator.bit_generator.state)

    numbers()
    before, kept = state(), Mark(generator)
    first = [numbers() for _ in range(400)]  # beyond the 624 words after which all are made anew
    kept.put_back()
    return state() == before and [numbers() for _ in range(400)] == first


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
