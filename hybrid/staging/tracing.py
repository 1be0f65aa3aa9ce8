"""One trace: run the Python function on symbols, and keep the graph, what it returns and what it wrote."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.shape import TensorType
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom, Graph, Var
from hybrid.ir.trace import Chain, Concretise, Symbol, Trace
from hybrid.staging.signature import ArrayLeaf, Leaf, NumberLeaf, SameLeaf, ScalarLeaf, StaticLeaf, static_leaf


@dataclass(frozen=True, slots=True)
class Computed:
    """Result `index` of the graph, as the undecorated function would give it."""

    index: int
    kind: str  # tensor | ndarray | scalar | python


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument leaf itself."""

    index: int


@dataclass(frozen=True, slots=True)
class View:
    """A view of an argument's or captured array's memory."""

    base: int | np.ndarray
    chain: Chain
    kind: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A Python object the trace returned; `copy`: an array made inside, so each call gets its own."""

    value: Any
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Repeat:
    """The object of an earlier result leaf, once more."""

    index: int


Result = Computed | Argument | View | Constant | Repeat


@dataclass(frozen=True, slots=True)
class Traced:
    """What one trace found.

    `graph` gives the visible results first, then the new values of written memory: `writes[k]` is where result
    `visible + k` goes, a leaf index or a captured array.
    """

    graph: Graph
    leaves: tuple[Leaf, ...]
    inputs: tuple[int, ...]  # leaf index of each graph input
    results: tuple[Result, ...]
    structure: tree.Structure
    visible: int
    writes: tuple[int | np.ndarray, ...]


def trace(function: Callable, name: str, structure: tree.Structure, leaves: tuple[Leaf, ...], values: Sequence[Any],
          names: Sequence[str]) -> Traced:  # fmt: skip
    """Run `function` on symbols standing for these leaves. Numbers whose value it asks for become static and it runs again."""
    while True:
        try:
            return _trace_once(function, name, structure, leaves, values, names)
        except Concretise as ask:
            k = ask.argument
            leaves = (*leaves[:k], static_leaf(values[k]), *leaves[k + 1 :])


def _trace_once(function: Callable, name: str, structure: tree.Structure, leaves: tuple[Leaf, ...], values: Sequence[Any],
                names: Sequence[str]) -> Traced:  # fmt: skip
    recording = Trace(name)
    arguments: list[Any] = []
    inputs: list[int] = []
    cells: list[tuple[tr.Cell, int]] = []
    for k, (leaf, value) in enumerate(zip(leaves, values)):
        if isinstance(leaf, StaticLeaf):
            arguments.append(value)
            continue
        if isinstance(leaf, SameLeaf):
            arguments.append(arguments[leaf.index])
            continue
        symbol = _argument(recording, leaf, names[k], k)
        arguments.append(wrap(symbol))
        inputs.append(k)
        cells.append((symbol.cell, k))
    with recording:
        args, kwargs = tree.unflatten(structure, arguments)
        out = function(*args, **kwargs)
        result_leaves, result_structure = tree.flatten(out)
        del out, args, kwargs
        return _finish(recording, leaves, tuple(inputs), arguments, cells, result_leaves, result_structure)


def _argument(recording: Trace, leaf: Leaf, name: str, index: int) -> Symbol:
    if isinstance(leaf, ArrayLeaf):
        return recording.argument(leaf.type, leaf.kind, name, index, strides=leaf.strides, writeable=leaf.writeable)
    if isinstance(leaf, ScalarLeaf):
        return recording.argument(TensorType(leaf.dtype, ()), "scalar", name, index)
    assert isinstance(leaf, NumberLeaf)
    return recording.argument(TensorType(leaf.dtype, (), weak=True), "python", name, index)


def _finish(recording: Trace, leaves: tuple[Leaf, ...], inputs: tuple[int, ...], arguments: list[Any], cells: list[tuple[tr.Cell, int]],
            result_leaves: list[Any], structure: tree.Structure) -> Traced:  # fmt: skip
    owner: dict[tr.Cell, int | np.ndarray] = dict(cells)
    arrays = {var: array for var, array in recording.builder.constants.values()}
    owner.update({cell: arrays[cell.origin] for cell in recording.captured.values()})  # type: ignore[index]
    place = {id(argument): k for k, argument in reversed(list(enumerate(arguments))) if isinstance(argument, Value)}
    outputs: list[Atom] = []
    results: list[Result] = []
    seen: dict[int, int] = {}
    for k, leaf in enumerate(result_leaves):
        if isinstance(leaf, Value) and id(leaf) in seen:
            results.append(Repeat(seen[id(leaf)]))
            continue
        seen[id(leaf)] = k
        results.append(_result(leaf, owner, place, outputs))
    visible = len(outputs)
    writes: list[int | np.ndarray] = []
    for cell, where in owner.items():
        if cell.written and cell.value is not cell.origin:
            outputs.append(cell.value)
            writes.append(where)
    return Traced(recording.builder.finish(outputs), leaves, inputs, tuple(results), structure, visible, tuple(writes))


def _result(leaf: Any, owner: dict[tr.Cell, int | np.ndarray], place: dict[int, int], outputs: list[Atom]) -> Result:
    if not isinstance(leaf, Value):
        # An array that only the trace knows was made inside it: a later call must not get the same one.
        return Constant(leaf, copy=isinstance(leaf, np.ndarray) and sys.getrefcount(leaf) <= 4)
    if id(leaf) in place:
        return Argument(place[id(leaf)])
    symbol = leaf._data
    if type(symbol) is not Symbol:
        return Constant(leaf)
    tr.live(symbol)
    if symbol.cell in owner and symbol.kind in ("tensor", "ndarray"):
        return View(owner[symbol.cell], symbol.chain, symbol.kind)
    outputs.append(tr.read(symbol))
    return Computed(len(outputs) - 1, symbol.kind)


def view_of(array: np.ndarray, chain: Chain) -> np.ndarray:
    """The view an undecorated function would return."""
    for primitive, params in chain:
        array = primitive.eval(array, **params)
    return array


def input_vars(traced: Traced) -> dict[int, Var]:
    """Graph inputs by leaf."""
    return dict(zip(traced.inputs, traced.graph.inputs))


