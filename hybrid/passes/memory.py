"""The memory plan: intermediate arrays share one arena, each in a place whose earlier tenants are all dead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 64  # a cache line, and the widest vector


@dataclass(frozen=True, slots=True)
class Interval:
    """An array of `size` bytes in use from step `first` to step `last`."""

    name: str
    size: int
    first: int
    last: int


def place(intervals: Sequence[Interval]) -> tuple[dict[str, int], int]:
    """Offsets by name, and the size of the arena. First fit, largest first: arrays alive at once never overlap.

    >>> place([Interval("a", 100, 0, 1), Interval("b", 100, 1, 2), Interval("c", 50, 2, 3)])
    ({'a': 0, 'b': 128, 'c': 0}, 256)
    """
    placed: list[tuple[int, int, Interval]] = []
    for it in sorted(intervals, key=lambda i: (-i.size, i.first, i.name)):
        size = -(-it.size // ALIGNMENT) * ALIGNMENT
        offset = 0
        for start, end, other in sorted(placed, key=lambda p: p[0]):
            if other.last < it.first or it.last < other.first:
                continue
            if offset + size <= start:
                break
            offset = max(offset, end)
        placed.append((offset, offset + size, it))
    offsets = {it.name: start for start, _, it in placed}
    return {it.name: offsets[it.name] for it in intervals}, max((end for _, end, _ in placed), default=0)
