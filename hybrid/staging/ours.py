"""Which of the objects that a trace returns were made in the call, so that each call must have its own."""

from __future__ import annotations

import gc
import sys
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hybrid.core.errors import EscapeError
from hybrid.frontend.chosen import Chosen
from hybrid.frontend.values import Value

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(...), np.generic, np.dtype, type, slice, range, frozenset)

COPIED = (Counter, OrderedDict, defaultdict, deque, set, bytearray)
GENERATIONS = (
    3  # cycles that a trace leaves are young; among the objects of a large process to look for them takes half a second
)
_SIMPLE = (bool, int, float, complex, str, bytes, type(None))


def gradients_left(trace: Any, reads: Any, state: Any) -> tuple[list, list, str]:
    """The gradients that a call leaves behind, as `transforms.within` says."""
    if not trace.gradients:
        return [], [], "asks" if trace.asked_leaves else ""
    from hybrid.transforms import within  # imported where there are some

    return within.left(trace, reads, state)


def is_counted(leaf: Any) -> bool:
    """Whether it matters if a result was made in the call: not for immutable values, which are as good as their equals."""
    return type(leaf) is not Chosen and not isinstance(leaf, (*_PLAIN, Value))


def can_be_copied(leaf: Any) -> bool:
    """Whether a container is known in every item, and a copy is as good: the same items in the same order."""
    if type(leaf) not in COPIED:
        return False
    items = [*leaf, *(leaf.values() if isinstance(leaf, dict) else ())]
    return all(type(item) in _SIMPLE for item in items) and list(leaf.copy()) == list(leaf)


def is_seen_twice(leaf: Any, results: list[Any]) -> bool:
    """Whether another result shares the memory of a known array: a call would make two of it."""
    arrays = [other for other in results if type(other) is np.ndarray] if type(leaf) is np.ndarray else []
    return any(other is not leaf and share_memory(leaf, other) for other in arrays)


def made_inside(objects: list[Any], containers: Iterable[Any] = ()) -> set[int]:
    """Of objects, each listed once for every reference the trace holds, those that nobody else holds: made in the call.

    `containers`: of the traced code (`control.own.Own`), which refer to Python's own.
    """
    held = Counter(id(own.held) for own in containers)
    marker = object()
    objects.append(marker)
    mentions = Counter(map(id, objects))
    known = {id(x): x for x in objects}
    views: Counter[int] = Counter()
    for key in mentions:
        memory = _memory(known[key])
        views[id(memory)] += memory is not known[key]
        known[id(memory)] = memory
    del memory
    # Held by the trace and by `objects` for each mention, by `base` for each view, and by `known`, like the marker.
    spare = {key: sys.getrefcount(known[key]) - 2 * mentions[key] - views[key] - held[key] for key in known}
    objects.pop()
    most = spare[id(marker)]
    return {id(x) for x in objects if spare[id(x)] <= most and spare[id(_memory(x))] <= most}


def _memory(item: Any) -> Any:
    """The object whose memory an array shows."""
    while isinstance(item, np.ndarray) and item.base is not None:
        item = item.base
    return item


def nothing_escaped(recording: Any) -> None:
    """Every tensor of the trace must be gone: one that somebody still holds is a value of no call."""
    for generation in range(GENERATIONS):
        if all(reference() is None for reference in recording.made):
            return
        gc.collect(generation)
    kept = next((tensor for reference in recording.made if (tensor := reference()) is not None), None)
    if kept is not None:
        raise EscapeError(
            "a traced tensor is kept somewhere after the call",
            got=f"{kept._data.type}, held by {_holder(kept)}",
            expected="that what is computed in a call is returned by it",
            fix="return it, or leave the function undecorated",
        )


def _holder(tensor: Any) -> str:
    others = [x for x in gc.get_referrers(tensor) if not isinstance(x, types.FrameType)]
    return f"a {type(others[0]).__name__}" if others else "a local variable"


def is_met(written: Collection[Any], arrays: Mapping[Any, np.ndarray]) -> bool:
    """Whether one of some arrays shares memory with another, `written`: their keys among those. Only those whose spans of bytes
    overlap are looked at."""
    among = frozenset(written)
    if not among:
        return False
    spans = sorted(((*_span(array), key) for key, array in arrays.items() if array.size), key=lambda span: span[:2])
    open_: list[tuple[int, Any]] = []  # those that may reach what comes next: where they end
    for low, high, key in spans:
        open_ = [(end, other) for end, other in open_ if end > low]
        for _, other in open_:
            if (key in among or other in among) and share_memory(arrays[key], arrays[other]):
                return True
        open_.append((high, key))
    return False


def meets(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> bool:
    """Whether the spans of bytes of some arrays reach into those of others."""
    spans = [_span(array) for array in others if array.size]
    return any(low < end and start < high for low, high in map(_span, some) for start, end in spans)


def _span(array: np.ndarray) -> tuple[int, int]:
    if array.flags.c_contiguous:
        low = array.__array_interface__["data"][0]
        return low, low + array.nbytes
    return np.lib.array_utils.byte_bounds(array)


def share_memory(a: np.ndarray, b: np.ndarray) -> bool:
    try:
        return np.shares_memory(a, b, max_work=10_000)  # type: ignore[arg-type]  # any int will do
    except np.exceptions.TooHardError:
        return True
