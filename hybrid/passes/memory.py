"""The memory plan: intermediate arrays share one arena, each in a place whose earlier tenants are all dead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.core.shape import Size

ALIGNMENT = 64  # a cache line, and the widest vector


@dataclass(frozen=True, slots=True)
class Interval:
    """An array of `size` bytes in use from step `first` to step `last`."""

    name: str
    size: Size
    first: int
    last: int


def place(intervals: Sequence[Interval]) -> tuple[dict[str, Size], Size]:
    """Offsets by name, and the size of the arena. First fit, largest first: arrays alive at once never overlap.

    Arrays of symbolic sizes come after the others and share places with those of their own size; their offsets are to be
    rounded up to `ALIGNMENT`, for which there is room.

    >>> place([Interval("a", 100, 0, 1), Interval("b", 100, 1, 2), Interval("c", 50, 2, 3)])
    ({'a': 0, 'b': 128, 'c': 0}, 256)
    """
    placed: list[tuple[int, int, Interval]] = []
    numbers = [(it, it.size) for it in intervals if isinstance(it.size, int)]
    for it, own in sorted(numbers, key=lambda pair: (-pair[1], pair[0].first, pair[0].name)):
        size = -(-own // ALIGNMENT) * ALIGNMENT
        offset = 0
        for start, end, other in sorted(placed, key=lambda p: p[0]):
            if other.last < it.first or it.last < other.first:
                continue
            if offset + size <= start:
                break
            offset = max(offset, end)
        placed.append((offset, offset + size, it))
    offsets: dict[str, Size] = {it.name: start for start, _, it in placed}
    total: Size = max((end for _, end, _ in placed), default=0)
    free: dict[Size, list[tuple[int, Size]]] = {}  # places by size: the step that uses them last, and where they are
    for it in sorted((it for it in intervals if not isinstance(it.size, int)), key=lambda i: (i.first, i.name)):
        places = free.setdefault(it.size, [])
        known = next((k for k, (last, _) in enumerate(places) if last < it.first), None)
        if known is None:
            offsets[it.name], total = total, total + it.size + ALIGNMENT
        else:
            offsets[it.name] = places.pop(known)[1]
        places.append((it.last, offsets[it.name]))
    return {it.name: offsets[it.name] for it in intervals}, total
