"""`np.r_[…]`, `np.c_[…]`, `np.mgrid[…]` and `np.ogrid[…]` while tracing: arrays, ranges and numbers joined along an axis, and
grids."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.frontend.calls import unsupported
from hybrid.frontend.creation import CONSTRUCTORS
from hybrid.frontend.elementwise import cast
from hybrid.frontend.joins import concatenate, stack
from hybrid.frontend.shaping import (
    as_array,
    broadcast_to,
    reshape,
    swapaxes,
    transpose,
)
from hybrid.frontend.values import Value, active, assembled, dtype_of, shape_of, strong

CLASSES = (type(np.r_), type(np.c_))


GRIDS = (type(np.mgrid), type(np.ogrid))


def grid(maker: Any, index: Any) -> Any:
    """`np.mgrid[…]`, an array of the trace: code may go on to write it, or to give it another shape. `np.ogrid[…]` as well."""
    parts = index if isinstance(index, tuple) else (index,)
    bounds = [bound for part in parts if isinstance(part, slice) for bound in (part.start, part.stop, part.step)]
    if any(isinstance(bound, Value) for bound in bounds) and len(bounds) == 3 * len(parts):
        if not all(bound is None or dt.is_integer(strong(bound)) for bound in bounds):
            raise unsupported("a grid from floats that only a run knows", "use np.linspace and np.meshgrid")
        axes = [_range(part) for part in parts]
        if not isinstance(index, tuple):
            return axes[0]
        open_ = [reshape(x, (1,) * k + (-1,) + (1,) * (len(axes) - 1 - k)) for k, x in enumerate(axes)]
        if maker.sparse:
            return tuple(open_)
        whole = tuple(x.shape[0] for x in axes)
        return stack([broadcast_to(x, whole) for x in open_])
    made = maker[index]
    if type(made) is tuple:
        return tuple(CONSTRUCTORS[np.array](x) if type(x) is np.ndarray else x for x in made)
    return CONSTRUCTORS[np.array](made) if type(made) is np.ndarray else made


def _directive(text: str) -> tuple[int, int, int]:
    """Axis, rank and place of vectors, from `"0,2,-1"`."""
    try:
        given = [int(word) for word in text.split(",")]
    except ValueError:
        raise unsupported(f"np.r_[{text!r}, …]", "use numbers for the axis and the rank") from None
    return (*given, *(0, 1, -1)[len(given) :])  # type: ignore[return-value]


def joined(joiner: Any, index: Any) -> Any:
    """`joiner[index]`, as NumPy's own class does it."""
    parts = list(index) if isinstance(index, tuple) else [index]
    axis, rank, first = joiner.axis, joiner.ndmin, joiner.trans1d
    if parts and isinstance(parts[0], str):
        axis, rank, first = _directive(parts.pop(0))
    made, kinds = [], []
    for part in parts:
        if isinstance(part, slice):
            x = _range(part)
            x = x if rank == 1 else reshape(x, (1,) * (rank - 1) + (-1,))
            x = x if rank == 1 or first == -1 else swapaxes(x, -1, first)
            kinds.append(x.dtype)
        else:
            x = as_array(assembled(active(), part))
            kinds.append(dtype_of(part) if type(part) in (int, float, bool, complex) else x.dtype)
            x = _raised(x, rank, first)
        made.append(x)
    dtype = dt.promote(*kinds)
    return concatenate([cast(x, dtype) for x in made], axis)


def _raised(x: Any, rank: int, first: int) -> Any:
    own, shape = len(shape_of(x)), shape_of(x)
    if own >= rank:
        return x
    x = reshape(x, (1,) * (rank - own) + tuple(shape))
    if own == 0 or first == -1:
        return x
    at = first + (rank - own + 1 if first < 0 else 0)
    axes = list(range(rank))
    return transpose(x, axes[:at] + axes[rank - own :] + axes[at : rank - own])


def _range(part: slice) -> Any:
    start, step = 0 if part.start is None else part.start, 1 if part.step is None else part.step
    if isinstance(step, complex):
        return CONSTRUCTORS[np.linspace](start, part.stop, int(abs(step)))
    return CONSTRUCTORS[np.arange](start, part.stop, step)
