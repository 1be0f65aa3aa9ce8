"""Functions of arrays that Numba compiled, as machine code calls them: what they take and give, and where they lie.

A `Jitted` is one such function for given types. Graphs name it as a parameter, kernels by its `symbol`, under which it is kept
for as long as the process runs: machine code may call it for as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core import dtype as dt

PREFIX = "numba."
_known: dict[str, Jitted] = {}


@dataclass(frozen=True, slots=True)
class Part:
    """An argument or result: a number, or an array of `ndim` axes in an order ("C", "F", or "A" for any)."""

    dtype: np.dtype
    ndim: int | None = None
    order: str = "C"
    written: bool = False  # of an argument: whether the function may write into it

    @property
    def is_array(self) -> bool:
        return self.ndim is not None

    @property
    def kept(self) -> np.dtype:
        """The dtype that a result is kept in: of a number, that of the Python number that Numba makes of it."""
        return self.dtype if self.is_array or self.dtype == dt.bool_ else dt.float64 if dt.is_float(self.dtype) else dt.int64


@dataclass(frozen=True, eq=False, slots=True)
class Jitted:
    """A function for given types.

    Args:
        name: what the user calls it.
        function: what Python calls.
        arguments: what it takes.
        results: what it gives: new arrays and numbers.
        nests: whether these come in a tuple.
        fails: whether it may raise.
        hands_on: the argument that it gives instead of results.
        address: where its machine code lies; 0: nowhere.
        release: where the function lies that gives back an array's memory.
        symbol: what kernels call it.
        kept: what keeps the code alive.
    """

    name: str
    function: Callable
    arguments: tuple[Part, ...]
    results: tuple[Part, ...]
    nests: bool
    fails: bool
    hands_on: int | None = None
    address: int = 0
    release: int = 0
    symbol: str = ""
    kept: Any = None

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def places(self) -> tuple[int, ...]:
        """The arguments in the order of the graph's operands: those that are written come first."""
        return tuple(sorted(range(len(self.arguments)), key=lambda k: not self.arguments[k].written))

    @property
    def writes(self) -> int:
        """How many of its operands it may write into."""
        return sum(part.written for part in self.arguments)


def symbol_for(name: str) -> str:
    """A symbol that nothing has yet. It comes back in other processes, whose machine code may be kept on disk, when they
    meet their functions in the same order; what lies there is only bound when code is loaded."""
    plain = PREFIX + re.sub(r"\W", "_", name)
    return next(found for k in range(len(_known) + 1) if (found := f"{plain}.{k}") not in _known)


def know(function: Jitted) -> None:
    _known[function.symbol] = function


def known(symbol: str) -> Jitted:
    """The function of a symbol."""
    return _known[symbol]
