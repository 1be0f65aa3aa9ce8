"""`Spec(shape, dtype)`: an array that need not exist yet, where only its type is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hybrid.core.dtype import canonical
from hybrid.core.errors import ArgumentError
from hybrid.core.shape import TensorType


class Spec:
    """The shape and dtype of an argument, for `f.trace(Spec(...))` and the other ways to look inside without data.

    Args:
        shape: a size or a sequence of sizes.
        dtype: anything NumPy takes as a dtype.

    Raises:
        ArgumentError: a size is negative, not an integer, or None.

    >>> Spec((32, 784)), Spec(10, "int64")
    (Spec((32, 784), 'float32'), Spec((10,), 'int64'))
    """

    # Not a dataclass: those are containers of the argument tree, and a spec is a leaf of it.
    __slots__ = ("shape", "dtype")
    shape: tuple[int, ...]
    dtype: np.dtype

    def __init__(self, shape: int | Iterable[int] = (), dtype: Any = "float32"):
        sizes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
        object.__setattr__(self, "shape", tuple(_size(size, sizes) for size in sizes))
        object.__setattr__(self, "dtype", canonical(dtype))

    @property
    def type(self) -> TensorType:
        return TensorType(self.dtype, self.shape)

    def zeros(self) -> np.ndarray:
        """An array of this type; the system gives its pages only when they are touched."""
        return np.zeros(self.shape, self.dtype)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Spec is immutable; make another one instead of setting {name!r}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and self.shape == other.shape and self.dtype == other.dtype

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype))

    def __repr__(self) -> str:
        return f"Spec({self.shape}, {self.dtype.name!r})"

    def __reduce__(self) -> Any:
        return Spec, (self.shape, self.dtype)


def _size(size: Any, sizes: tuple) -> int:
    if size is None:
        raise ArgumentError("sizes that vary are not supported yet", got=f"Spec({sizes})", expected="whole numbers",
                            fix="give the size of one call; other sizes are traced when they come")  # fmt: skip
    if isinstance(size, (bool, float)) or not hasattr(size, "__index__") or size.__index__() < 0:
        raise ArgumentError("a size is a whole number that is not negative", got=f"{size!r} in {sizes}")
    return size.__index__()
