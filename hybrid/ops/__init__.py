"""The primitive table, one block per op: NumPy meaning, type rule, derivative, samples. Importing registers the rows."""

from hybrid.ops import (
    contract,
    control,
    draw,
    elementwise,
    fft,
    index,
    island,
    jitted,
    library,
    linalg,
    random,
    reduce,
    sort,
    special,
    view,
)

__all__ = [
    "contract",
    "control",
    "draw",
    "elementwise",
    "fft",
    "index",
    "island",
    "jitted",
    "library",
    "linalg",
    "random",
    "reduce",
    "sort",
    "special",
    "view",
]
