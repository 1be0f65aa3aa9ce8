"""What the way back needs of arrays that may be written meanwhile, by somebody who tells nobody."""

from __future__ import annotations

from typing import Any

import numpy as np

from hybrid.frontend.values import wrap
from hybrid.ir.lifted import Lifted

SMALL = 1 << 16  # bytes up to which an array that may be written unseen is copied; of larger ones sums are compared later
COLUMNS = 4096


class Watched:
    """An array that may be written unseen, and sums of its bits by rows and by columns, which tell."""

    __slots__ = ("array", "sums")

    def __init__(self, array: np.ndarray):
        self.array, self.sums = array, _sums(array)

    @property
    def unchanged(self) -> bool:
        return all(map(np.array_equal, self.sums, _sums(self.array)))


def _sums(array: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sums of the words of an array in C order, laid out as a table: no change within one line leaves all as they are."""
    words = array.reshape(-1).view(np.uint8)
    whole = len(words) - len(words) % (8 * COLUMNS)
    table = words[:whole].view(np.uint64).reshape(-1, COLUMNS)
    return table.sum(0), table.sum(1), words[whole:].copy()


def watched(data: Any) -> Any:
    """What may be written unseen, so that writes are no harm, or noticed."""
    if isinstance(data, Lifted):
        return wrap(data).copy()._data
    if type(data) is not np.ndarray:
        return data
    return Watched(data) if data.nbytes > SMALL and data.flags.c_contiguous else data.copy()


def unchanged(kept: Any) -> bool:
    """Whether what was saved is as it was, as far as that can be told."""
    return type(kept) is not Watched or kept.unchanged
