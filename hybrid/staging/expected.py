"""What a native entry expects of an argument: one guard for each, and for each item of a container."""

from __future__ import annotations

from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from hybrid.core.shape import Shape


@dataclass(frozen=True)
class ArrayGuard:
    """An ndarray of exactly that type, or a Tensor of exactly the layout's class around one.

    `shape` entries that are lone symbols bind them where they first appear; other entries are compared. `strides` are in
    bytes, None for C-contiguous. Data is aligned for its dtype. `same` are Tensor slots that must hold these very objects.
    """

    dtype: np.dtype
    shape: Shape
    strides: Shape | None = None
    tensor: bool = False
    writeable: bool = False
    same: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class FloatGuard:
    """A Python float; its slot points to a copy of the value (f64)."""


@dataclass(frozen=True)
class LongGuard:
    """A Python int (not a bool) of 64 bits; its slot points to a copy of the value (i64)."""


@dataclass(frozen=True)
class ComplexGuard:
    """A Python complex; its slot points to a copy of the value (two f64)."""


@dataclass(frozen=True)
class ScalarGuard:
    """A NumPy scalar of exactly that type; its slot points to its value."""

    dtype: np.dtype


@dataclass(frozen=True)
class IntGuard:
    """A Python int (not a bool) equal to `value`, which fits 64 bits."""

    value: int


@dataclass(frozen=True)
class FloatValueGuard:
    """A Python float with the bits of `value`."""

    value: float


@dataclass(frozen=True)
class SameGuard:
    """This very object: None, True, False, a function."""

    value: object


@dataclass(frozen=True, eq=False)
class FunctionGuard:
    """A Python function that is this one, or another of the same code, globals and defaults, such as a lambda that each call
    makes: without a closure, attributes or defaults for keywords."""

    value: FunctionType


@dataclass(frozen=True, eq=False)
class BoundGuard:
    """A method of this function, bound to this object: each access makes another one."""

    value: MethodType


@dataclass(frozen=True)
class TextGuard:
    """A str, or bytes, equal to `value`."""

    value: str | bytes


@dataclass(frozen=True)
class ClassGuard:
    """Any object of exactly this class."""

    cls: type


@dataclass(frozen=True)
class AliasGuard:
    """The same object as the argument at `index`, which comes before it."""

    index: int


@dataclass(frozen=True)
class ContainerGuard:
    """A container of exactly that class whose items are guarded in their order.

    Tuples, namedtuples and lists have no `names`. Those of a dict are its keys in this order, each a str or an int; those of
    any other class are slots, and then the keys of its `__dict__`. `about`: what makes the missing items of a `defaultdict`,
    and how many items a deque may have at most.
    """

    cls: type
    items: tuple[Guard, ...]
    names: tuple[str | int, ...] = ()
    about: Any = None


@dataclass(frozen=True)
class NumbersGuard:
    """A list of more than `least` numbers; its slot points to an array of them, of this shape, a word for each.

    `row`: the class of its items; None: they are numbers. Tuples hold a number of each of `kinds`, lists hold any of the one
    kind, or such tuples (`shape` has an axis more): as many each, or (`ragged`) any number (`packed.Packed`). Kinds are float,
    int of 64 bits, np.float64 and np.int64. `changed`: no two of the lists in it are one, nor is one of them another argument.
    Of objects, no two of which are one, nor (`changed`) have one `__dict__`, the numbers are attributes: `names`; those may be
    bools, too, and which one of some known objects it is (`choices`). They have no others but those of `hidden`.
    """

    shape: Shape
    kinds: tuple[Any, ...]
    row: type | None = None
    ragged: bool = False
    changed: bool = False
    least: int = 0
    names: tuple[str, ...] = ()
    choices: tuple[tuple, ...] = ()
    hidden: tuple[str, ...] = ()


Guard = (
    ArrayGuard
    | FloatGuard
    | LongGuard
    | FloatValueGuard
    | ComplexGuard
    | ScalarGuard
    | NumbersGuard
    | IntGuard
    | SameGuard
    | FunctionGuard
    | BoundGuard
    | TextGuard
    | ClassGuard
    | AliasGuard
    | ContainerGuard
)
