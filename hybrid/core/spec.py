"""`Spec(shape, dtype)`: an array that need not exist yet, where only its type is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from hybrid.core.dtype import canonical
from hybrid.core.errors import ArgumentError

VARYING = 16  # what a size that varies is in an array that stands for a Spec


class Spec:
    """The shape and dtype of an argument, for `f.trace(Spec(...))` and the other ways to look inside without data.

    Args:
        shape: a size or a sequence of sizes. None is a size that varies from call to call; sizes that vary together
            have one name, such as "batch".
        dtype: anything NumPy takes as a dtype.

    Raises:
        ArgumentError: a size is negative, or neither an integer nor a name nor None.

    >>> hy.Spec((32, 784)), hy.Spec((None, 784)), hy.Spec(("batch", 3), "int64")
    (Spec((32, 784), 'float32'), Spec((None, 784), 'float32'), Spec(('batch', 3), 'int64'))
    """

    # Not a dataclass: those are containers of the argument tree, and a spec is a leaf of it.
    __slots__ = ("shape", "dtype")
    shape: tuple[int | str | None, ...]
    dtype: np.dtype

    def __init__(self, shape: int | str | Iterable[int | str | None] | None = (), dtype: Any = "float32"):
        sizes = tuple(shape) if isinstance(shape, Iterable) and not isinstance(shape, str) else (shape,)
        object.__setattr__(self, "shape", tuple(_size(size, sizes) for size in sizes))
        object.__setattr__(self, "dtype", canonical(dtype))

    def zeros(self) -> np.ndarray:
        """An array of this type; the system gives its pages only when they are touched. Sizes that vary are some number."""
        return np.zeros(tuple(size if isinstance(size, int) else VARYING for size in self.shape), self.dtype)

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


def _size(size: Any, sizes: tuple) -> int | str | None:
    if size is None or (isinstance(size, str) and size.isidentifier()):
        return size
    if isinstance(size, (bool, float)) or not hasattr(size, "__index__") or size.__index__() < 0:
        raise ArgumentError("a size is a whole number that is not negative, a name, or None", got=f"{size!r} in {sizes}")
    return size.__index__()
