"""What a function is called with while it is traced: symbols for its arrays and numbers.

Arguments that lie in one another's memory are views of that: it comes with each call as one more argument, and what is written
into one of them shows in the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from hybrid.control.given import Given, GivenTable
from hybrid.control.herds import Herd
from hybrid.control.lists import Listed
from hybrid.control.logs import Logged
from hybrid.core import tree
from hybrid.core.shape import TensorType
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.trace import Symbol, Trace
from hybrid.staging.herds import Leaving
from hybrid.staging.parameters import Bound
from hybrid.staging.signature import (
    ArrayLeaf,
    GeneratorLeaf,
    Leaf,
    ListLeaf,
    LogLeaf,
    NumberLeaf,
    PartLeaf,
    SameLeaf,
    ScalarLeaf,
    StaticLeaf,
)

MOST_STEPS = 5  # of axes, that are tried in all their combinations
SHARED = "a written argument shares memory with another one"


def arguments(recording: Trace, leaves: tuple[Leaf, ...], values: Sequence[Any], names: Sequence[str]) -> tuple:
    """What the function is called with, which leaves are inputs of the graph, and the cells of the arrays among them."""
    given: list[Any] = []
    inputs: list[int] = []
    cells: list[tuple[tr.Cell, int]] = []
    for k, (leaf, value) in enumerate(zip(leaves, values)):
        if isinstance(leaf, (StaticLeaf, GeneratorLeaf, PartLeaf)):
            given.append(value)
        elif isinstance(leaf, LogLeaf):
            given.append(Logged(recording, k))
        elif isinstance(leaf, SameLeaf):
            given.append(given[leaf.index])
        else:
            symbol = _argument(recording, leaf, names[k], k)
            inputs.append(k)
            if isinstance(leaf, ListLeaf):
                items = _list(
                    recording, k, wrap(symbol), leaf, sum(isinstance(x, Listed) and x.herd is not None for x in given)
                )
                given.append(items.to_change() if leaf.changed else items)
                continue
            given.append(wrap(symbol))
            cells.append((symbol.cell, k))
    for k, leaf in enumerate(leaves):
        if isinstance(leaf, PartLeaf):
            given[k] = leaf.of(given[leaf.index])
    return [given[leaf.index] if isinstance(leaf, SameLeaf) else x for leaf, x in zip(leaves, given)], tuple(inputs), cells


def _list(recording: Trace, k: int, array: Value, leaf: ListLeaf, code: int) -> Given | GivenTable:
    if leaf.names:
        assert leaf.row is not None
        return Herd(recording, k, array, leaf.row, leaf.names, leaf.kinds, leaf.choices, leaf.hidden, code, Leaving)
    if leaf.row is list:
        return GivenTable(recording, k, array, leaf.kinds, leaf.ragged)
    return Given(recording, k, array, leaf.kinds, leaf.row is tuple, leaf.least + 1)


def _argument(recording: Trace, leaf: Leaf, name: str, index: int) -> Symbol:
    if isinstance(leaf, ArrayLeaf):
        return recording.argument(leaf.type, leaf.kind, name, index, strides=leaf.strides, writeable=leaf.writeable)
    if isinstance(leaf, ScalarLeaf):
        return recording.argument(TensorType(leaf.dtype, ()), "scalar", name, index)
    assert isinstance(leaf, NumberLeaf)
    return recording.argument(TensorType(leaf.dtype, (), weak=True), "python", name, index)


# memory that arguments share ---------------------------------------------------------------------------------------------
class Sharing:
    """The nestings of arguments some of which have lain in the memory of others, and are written."""

    def __init__(self) -> None:
        self._known: set[tree.Structure] = set()

    def add(self, structure: tree.Structure) -> bool:
        """Whether that is news."""
        news = structure not in self._known
        self._known.add(structure)
        return news

    def with_memory(
        self, structure: tree.Structure, bound: Bound, values: Sequence[Any]
    ) -> tuple[Bound, Mapping[int, PartLeaf]]:
        """The arguments of a call and the memory that several of them lie in; which those are, by leaf."""
        return _with_memory(bound, values) if structure in self._known else (bound, {})


def _with_memory(bound: Bound, values: Sequence[Any]) -> tuple[Bound, dict[int, PartLeaf]]:
    arrays = {k: value._data if isinstance(value, Value) else value for k, value in enumerate(values)}
    arrays = {k: array for k, array in arrays.items() if type(array) is np.ndarray}
    within: dict[int, list[int]] = defaultdict(list)
    for k, array in arrays.items():
        within[id(_owner(array))].append(k)
    first = tree.flatten(bound)[1].leaves
    parts: dict[int, PartLeaf] = {}
    held: dict[str, np.ndarray] = {}
    for places in within.values():
        members = [arrays[k] for k in places]
        if not any(
            values[j] is not values[k] and np.may_share_memory(arrays[j], arrays[k]) for j, k in combinations(places, 2)
        ):
            continue
        found = _memory(members)
        if found is not None:
            parts.update(
                (k, PartLeaf(first + len(held), *part, isinstance(values[k], Value))) for k, part in zip(places, found[1])
            )
            held[f"the memory of arguments {', '.join(map(str, places))}"] = found[0]
    if held:
        bound = (*bound[:2], {**(bound[2] if len(bound) > 2 else {}), **held})
    return bound, parts


def _owner(array: np.ndarray) -> np.ndarray:
    while type(array.base) is np.ndarray:
        array = array.base
    return array


Part = tuple[tuple, tuple[int, ...], tuple[int, ...]]  # an index of basic slices, the order of its axes, its shape


def _memory(members: Sequence[np.ndarray]) -> tuple[np.ndarray, list[Part]] | None:
    """An array of which all of these are slices, and which. Its axes have steps that some of theirs have, too."""
    owner = _owner(members[0])
    plain = owner.flags.c_contiguous and owner.flags.writeable and all(a.flags.writeable for a in members)
    if not plain or any(a.dtype != owner.dtype or 0 in a.shape for a in members):
        return None
    item = owner.itemsize
    found = {abs(step) // item for a in members for step, size in zip(a.strides, a.shape) if size > 1 and step % item == 0}
    steps = sorted(found - {0, 1}, reverse=True)[:MOST_STEPS]
    for chosen in (one for count in range(len(steps) + 1) for one in combinations(steps, count)):
        pitches = (*chosen, 1)
        if any(a % b for a, b in pairwise(pitches)) or owner.size < pitches[0]:
            continue
        rows = owner.size // pitches[0]
        shape = (rows, *(a // b for a, b in pairwise(pitches)))
        memory = owner.reshape(-1)[: rows * pitches[0]].reshape(shape)
        parts = [_part(memory, array) for array in members]
        if None not in parts:
            return memory, parts  # type: ignore[return-value]
    return None


def _part(memory: np.ndarray, array: np.ndarray) -> Part | None:
    """Where an array lies in contiguous memory."""
    starts, rest = [], array.ctypes.data - memory.ctypes.data
    for step in memory.strides:
        start, rest = divmod(rest, step)
        starts.append(start)
    if rest or any(start >= size for start, size in zip(starts, memory.shape)):
        return None
    index: list[Any] = list(starts)
    axes: dict[int, int] = {}  # of the array, by those of memory
    for axis, (size, stride) in enumerate(zip(array.shape, array.strides)):
        if size == 1:
            continue
        for at, pitch in enumerate(memory.strides):
            step, odd = divmod(stride, pitch)
            last = starts[at] + (size - 1) * step
            if step and not odd and at not in axes and 0 <= last < memory.shape[at]:
                end = last + (1 if step > 0 else -1)
                index[at], axes[at] = (starts[at], None if end < 0 else end, step), axis
                break
        else:
            along = _along(memory, starts, size, stride)
            if not along or not axes.keys().isdisjoint(along):
                return None
            for at, end in along.items():
                index[at], axes[at] = (starts[at], end, 1), axis
    return tuple(index), tuple(axes[at] for at in sorted(axes)), array.shape


def _along(memory: np.ndarray, starts: Sequence[int], size: int, stride: int) -> dict[int, int]:
    """Where the slices of several axes of memory end that are one axis of an array, as of a matrix and its elements in a row:
    all of the inner ones, and as much of the outermost as there is. None of them where there are no such."""
    ends: dict[int, int] = {}
    for at in reversed(range(memory.ndim)):
        count = memory.shape[at]
        if ends or memory.strides[at] == stride:
            if starts[at] + size <= count:
                return {**ends, at: starts[at] + size} if size > 1 else ends
            if starts[at] or size % count:
                return {}
            ends[at], size = count, size // count
    return {}
