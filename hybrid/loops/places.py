"""What spelling out an operation needs to know of the kernel that it goes into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from hybrid.core.affine import Affine
from hybrid.core.shape import Shape, Size
from hybrid.ir.graph import Atom, Eqn, Var
from hybrid.loops.nest import Call, Expr, Load, Stmt, Store
from hybrid.loops.pull import Names

_START = Affine.of(0)


class Places(Protocol):
    """Where the values of a kernel under construction lie, and room for more of them."""

    names: dict[Var, str]
    strides: dict[Var, Shape]
    fresh: Names
    whole: bool  # whether one operation is all of the kernel

    def place(self, dtype: np.dtype, size: Size) -> str: ...

    def copy(self, atom: Atom, target: str) -> Iterator[Stmt]: ...

    def below(self, unknown: Sequence[tuple[Size, int]]) -> AbstractContextManager[None]: ...

    def call(self, eqn: Eqn, only: str = "") -> Call: ...

    def note(self, what: str, source: object) -> int: ...


class Cell:
    """A variable of the kernel."""

    def __init__(self, name: str, dtype: np.dtype):
        self.name, self.dtype = name, dtype

    @property
    def value(self) -> Expr:
        return Load(self.name, _START, self.dtype)

    def set(self, value: Expr) -> Store:
        return Store(self.name, _START, value)
