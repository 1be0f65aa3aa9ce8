"""What a native entry does between its guards and its return: the steps of a lowered program, and what results are made of.

Kernels are machine code; what NumPy computes between them, and results that only Python can make (lists, views of new arrays,
instances), are Python functions that the entry calls.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from hybrid.control.arrays import of_columns
from hybrid.control.items import inner_columns, types_of, unpacked
from hybrid.control.join import Spec
from hybrid.control.structure import kept_in
from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.shape import Dim, Shape, Size, contiguous_strides, evaluate, symbols
from hybrid.frontend.complex_parts import view_of
from hybrid.frontend.values import Value, wrap
from hybrid.ir.graph import Literal, Var, apply, symbols_of
from hybrid.ir.graph import sizes as ir_sizes
from hybrid.ir.trace import Chain, prototype
from hybrid.ops import view as v
from hybrid.ops.draw import act, bitgen, draw
from hybrid.passes.steps import Bind, HostCall
from hybrid.runtime.flags import Seen
from hybrid.runtime.program import Lowered, Segment
from hybrid.staging import entry, guards, instances
from hybrid.staging.containers import Path
from hybrid.staging.herds import Leaving
from hybrid.staging.instances import Instances, Stored
from hybrid.staging.signature import ArrayLeaf, Leaf, ListLeaf
from hybrid.staging.state import leaving, leaving_gradients
from hybrid.staging.traced import (
    Again,
    Argument,
    Computed,
    Constant,
    Held,
    Items,
    Picked,
    Repeat,
    Result,
    Traced,
    View,
    assembled,
    leaves_in,
)

_PYTHON = (dt.float64, dt.complex128, dt.int64, dt.bool_)  # dtypes whose values an entry makes Python numbers of
_CLASSES = {dt.float64: float, dt.complex128: complex, dt.int64: int, dt.bool_: bool}
Slot = tuple[str, Any]


class Impossible(Exception):
    """Machine code cannot make this call."""


@dataclass(frozen=True)
class Work:
    """The parts of an `EntrySpec` that say what is done."""

    results: entry.Results
    steps: tuple[entry.Step, ...]
    temporaries: tuple[entry.Temporary, ...]

    @property
    def alone(self) -> entry.ComputeStep | None:
        """The one call of a compute function that is all there is, besides allocating results."""
        step = self.steps[0] if len(self.steps) == 1 else None
        called = any(isinstance(result, entry.CallResult) for result in _all(self.results))
        return step if isinstance(step, entry.ComputeStep) and not self.temporaries and not called else None


def work(
    traced: Traced,
    lowered: Lowered,
    places: Mapping[int, int],
    flagged: Callable[[int, bool], bool],
    strided: Mapping[Var, Shape],
    holds: bool = False,
    containers: Mapping[Path, int] = {},
) -> Work | None:
    """What an entry does; None where it cannot.

    Args:
        places: the index of each leaf among the entry's arguments.
        flagged: is asked about the floating-point flags that NumPy raises between kernels.
        strided: inputs and captured arrays that kernels read with strides of their own.
        holds: whether the entry holds the generator that kernels draw from.
        containers: the index of each container among the entry's arguments.
    """
    try:
        return _Builder(traced, lowered, places, flagged, strided, holds, containers).work()
    except Impossible:
        return None


class _Builder:
    def __init__(self, traced: Traced, lowered: Lowered, places: Mapping[int, int], flagged: Any, strided: Mapping[Var, Shape],
                 holds: bool, containers: Mapping[Path, int]):  # fmt: skip
        self.containers = containers
        self.together = False  # whether what a call leaves is put together by a function of all of it
        self.traced, self.lowered, self.places, self.flagged, self.holds = traced, lowered, places, flagged, holds
        self.outputs = lowered.program.outputs
        self.temporaries: list[entry.Temporary] = []
        self.where: dict[str, Slot] = {}  # of each buffer: what an entry gives a kernel for it
        self.arrays: dict[str, entry.Results] = {}  # of inputs: the object
        for var, k in zip(lowered.graph.inputs, traced.inputs):
            self.where[lowered.names[var]] = ("arg", places[k])
            leaf = traced.leaves[k]
            if not (isinstance(leaf, ListLeaf) or (isinstance(leaf, ArrayLeaf) and leaf.tensor)):
                self.arrays[lowered.names[var]] = entry.ArgumentResult(places[k])
        for var, array in lowered.graph.constants:
            if not array.flags.c_contiguous and var not in strided:
                raise Impossible
            self.where[lowered.names[var]] = ("const", array)
            self.arrays[lowered.names[var]] = entry.ObjectResult(array)
        self.where.update((name, ("arena", offset)) for name, offset in lowered.arena.items())
        self.known = {*traced.sizes, *traced.quotients}  # symbols that have their value

    def work(self) -> Work:
        lowered, traced = self.lowered, self.traced
        called = [step for step in lowered.steps if isinstance(step, HostCall) and not self.is_held(step)]
        made = [var for step in called for var in step.results]
        filled = {lowered.names[var]: var for var in made}
        operands = {lowered.names[var] for step in lowered.steps if not isinstance(step, Segment) for var in step.reads}
        for name, var in filled.items():
            self.temporary(name, var.type.shape, filled=True)
        # Results that are nothing but a new array or number have memory of their own.
        uses: list[int] = [k for result in (*traced.results, *traced.stored.values()) for k in _outputs(result)]
        uses += traced.late.values()
        plain = [r for r in traced.results if isinstance(r, Computed) and not r.otherwise and (not r.chain or _turned(r.chain))]
        plain = [r for r in plain if uses.count(r.index) == 1 and lowered.outputs[r.index] not in {*filled, *operands}]
        plain = [r for r in plain if r.kind != "python" or self.outputs[r.index].type.dtype in _PYTHON]
        for k, result in enumerate(plain):
            self.where[lowered.outputs[result.index]] = ("result", k)
        whole = {r.index for result in traced.results for r in _computed(result) if r.chain or r.kind in ("ndarray", "tensor")}
        for k, name in enumerate(lowered.outputs):
            if name not in self.where:
                shape = self.outputs[k].type.shape
                self.temporary(name, shape, number=shape == () and k not in whole)
        steps = (*itertools.chain.from_iterable(map(self.step, lowered.steps)), *self.late())
        leaves = iter([self.result(result) for result in traced.results])
        if traced.shares or self.together or instances.are_made(traced.stored):
            given = [self.held(path) for path, _ in traced.updates]
            stored = [k for one in traced.stored.values() for k in _of(one)]
            given += [self.made(k, "ndarray" if self.outputs[k].type.shape else "scalar") for k in stored]
            given += self.lists()
            results: entry.Results = entry.CallResult(_Assembled(traced, tuple(stored)), (*given, *leaves))
            return self.done(results, steps)
        results = _nested(traced.structure, leaves)
        if traced.updates:
            after = [_nested(structure, leaves) for _, structure in traced.updates]
            put = _PutBack(tuple(leaves_in(traced, path, structure) for path, structure in traced.updates))
            results = entry.CallResult(put, (results, *(self.held(path) for path, _ in traced.updates), *after))
        if traced.rebinds:
            after = [_nested(structure, leaves) for _, structure in traced.rebinds]
            results = entry.CallResult(leaving([place for place, _ in traced.rebinds]), (results, *after))
        if traced.gradients:
            after = [_nested(structure, leaves) for _, structure in traced.gradients]
            results = entry.CallResult(leaving_gradients([leaf for leaf, _ in traced.gradients]), (results, *after))
        return self.done(results, steps)

    def done(self, results: entry.Results, steps: tuple[entry.Step, ...]) -> Work:
        for temporary in self.temporaries:
            self.check(*temporary.shape)
        return Work(results, steps, tuple(self.temporaries))

    def check(self, *sizes: Size) -> None:
        if not set(symbols(*sizes)) <= self.known:
            raise Impossible

    def temporary(self, name: str, shape: Shape, number: bool = False, filled: bool = False) -> int:
        """Memory for a buffer that is no result by itself."""
        dtype, _ = self.lowered.types[name]
        self.where[name] = ("temporary", len(self.temporaries))
        self.temporaries.append(entry.Temporary(dtype, shape, number, filled))
        return len(self.temporaries) - 1

    def number(self) -> int:
        """Memory for a size that a host call gives besides its results."""
        self.temporaries.append(entry.Temporary(dt.int64, (), filled=True))
        return len(self.temporaries) - 1

    def is_held(self, step: Segment | HostCall | Bind) -> bool:
        """Whether a step asks for the address of the generator that the entry holds."""
        return self.holds and isinstance(step, HostCall) and step.eqn.primitive is bitgen

    # steps ------------------------------------------------------------------------------------------------------------
    def step(self, step: Segment | HostCall | Bind) -> Iterator[entry.Step]:
        lowered = self.lowered
        if isinstance(step, Segment):
            self.check(*map(Dim.symbol, step.symbols))
            yield entry.ComputeStep(step.name, tuple(map(self.slot, step.buffers)), step.symbols)
            return
        if isinstance(step, Bind):
            (var,) = step.reads
            yield self.size(step.symbol, lowered.names[var])
            return
        eqn = step.eqn
        if self.is_held(step):
            (var,) = eqn.outputs
            yield entry.AddressStep(self.temporary(lowered.names[var], (), number=True), eqn.params["gauss"])
            return
        mentioned = tuple(sorted(symbols_of(eqn).union(*(symbols_of(atom.type) for atom in eqn.inputs))))
        self.check(*map(Dim.symbol, mentioned))
        operands = [
            entry.ObjectResult(np.asarray(atom.value)) if isinstance(atom, Literal) else self.array(lowered.names[atom])
            for atom in eqn.inputs
        ]
        operands += [entry.SizeResult(Dim.symbol(symbol)) for symbol in mentioned]
        results = [self.where[lowered.names[var]][1] for var in eqn.outputs]
        defined = [(symbol, self.number()) for symbol in eqn.params.get("defines", ())]
        results += [index for _, index in defined]
        yield entry.PythonStep(_Host(step, mentioned, self.flagged), tuple(operands), tuple(results))
        for symbol, index in defined:
            self.known.add(symbol)
            yield entry.SizeStep(symbol, ("temporary", index))

    def late(self) -> Iterator[entry.Step]:
        """Sizes of views among the results that no step has needed."""
        for symbol, index in self.traced.late.items():
            if symbol not in self.known:
                yield self.size(symbol, self.lowered.outputs[index])

    def size(self, symbol: str, name: str) -> entry.SizeStep:
        if self.lowered.types[name][0] != dt.int64:
            raise Impossible
        slot = self.slot(name)
        self.known.add(symbol)
        return entry.SizeStep(symbol, slot)

    def slot(self, name: str) -> Slot:
        if name not in self.where:
            _, size = self.lowered.types[name]
            self.check(size)
            self.temporary(name, (size,))
        kind, index = self.where[name]
        if kind == "temporary":
            self.check(*self.temporaries[index].shape)
        return kind, index

    def array(self, name: str) -> entry.Results:
        """The object for a buffer."""
        if name in self.arrays:
            return self.arrays[name]
        kind, index = self.where.get(name, ("", 0))
        if kind != "temporary":
            raise Impossible
        return entry.MadeResult(index, "scalar" if self.temporaries[index].number else "ndarray")

    # results ----------------------------------------------------------------------------------------------------------
    def made(self, index: int, kind: str, turned: bool = False) -> entry.Results:
        """An output of the graph as a result, its axes in the other order if that is asked."""
        name, var = self.lowered.outputs[index], self.outputs[index]
        self.check(*var.type.shape)
        where, k = self.where[name]
        if kind == "python" and var.type.dtype not in _PYTHON:
            return entry.CallResult(_item, (self.made(index, "scalar"),))
        if where == "result":
            return entry.ArrayResult(var.type.dtype, var.type.shape[:: -1 if turned else 1], kind, fortran=turned)
        if where != "temporary" or (self.temporaries[k].number and kind in ("ndarray", "tensor")):
            raise Impossible
        return entry.MadeResult(k, kind)

    def computed(self, index: int, kind: str, chain: Chain) -> entry.Results:
        if not chain:
            return self.made(index, kind)
        if _turned(chain) and self.where[self.lowered.outputs[index]][0] == "result":
            return self.made(index, kind, turned=True)
        return self.viewed(self.made(index, "ndarray"), chain, kind)

    def flag(self, index: int) -> int:
        kind, k = self.where[self.lowered.outputs[index]]
        if kind != "temporary" or self.temporaries[k].dtype != dt.bool_:
            raise Impossible
        return k

    def result(self, result: Result) -> entry.Results:
        traced = self.traced
        match result:
            case Computed(index, kind, chain, otherwise):
                found = self.computed(index, kind, chain)
                if otherwise is None:
                    return found
                flag, other = otherwise
                if not isinstance(other, type):
                    return entry.ChoiceResult(self.flag(flag), found, self.result(other))
                instead = self.made(index, "python") if not chain else entry.CallResult(_item, (found,))
                if chain or other is not _CLASSES.get(self.outputs[index].type.dtype):
                    instead = entry.CallResult(other, (instead,))
                return entry.ChoiceResult(self.flag(flag), found, instead)
            case Stored(index, kinds):
                if not instances.are_made(traced.stored):
                    return entry.CallResult(instances.Given(traced.stored, kinds), (self.made(index, "python"), *self.lists()))
                return entry.CallResult(instances.Picked(kinds), (self.made(index, "scalar"),))
            case Items(index, layout, array, make):
                if array is False and make is None and (listed := self.listed(index, layout)) is not None:
                    return listed
                columns = [self.made(k, "ndarray") for k in range(index + 2, index + 2 + _columns(layout))]
                ends = self.made(index, "scalar"), self.made(index + 1, "scalar")
                items = _Items(layout, array, make)
                if kept_in(layout) and not instances.are_made(traced.stored):
                    return entry.CallResult(instances.Among(traced.stored, items), (*self.lists(), *ends, *columns))
                return entry.CallResult(instances.Later(items) if kept_in(layout) else items, (*ends, *columns))
            case Picked(index, options):
                return entry.CallResult(options.__getitem__, (self.made(index, "python"),))
            case Repeat(index):
                with contextlib.suppress(Impossible):
                    return self.repeated(self.traced.results[index])
                self.together = True
                return entry.ObjectResult(result)
            case Argument(index):
                return entry.ArgumentResult(self.places[index])
            case Held(path):
                return self.held(path)
            case View(base, chain, kind):
                found = _view(result, self.traced.leaves, self.places)
                given = entry.ArgumentResult(self.places[base]) if isinstance(base, int) else entry.ObjectResult(base)
                return found or self.viewed(given, chain, kind)
            case Again():
                return entry.ObjectResult(result)
            case Constant(value, copy):
                whole = entry.ObjectResult(value)
                return entry.CallResult(_copy, (whole,)) if copy else whole
        raise Impossible

    def lists(self) -> tuple[entry.Results, ...]:
        """The caller's lists that objects among the results come from."""
        return tuple(entry.ArgumentResult(self.places[k]) for k in instances.lists_of(self.traced.stored).values())

    def listed(self, index: int, layout: Any) -> entry.ListResult | None:
        """A list of Python numbers, or of tuples of them, as machine code makes it."""
        parts = layout if type(layout) is tuple else (layout,)
        plain = all(
            isinstance(p, Spec) and p.kind == "python" and p.dtype in (dt.float64, dt.int64) and not p.maybe for p in parts
        )
        if not plain or not 0 < len(parts) <= 64:
            return None
        found = [self.where[self.lowered.outputs[k]] for k in range(index, index + 2 + len(parts))]
        if any(kind != "temporary" for kind, _ in found):
            return None
        first, end, *columns = (k for _, k in found)
        return entry.ListResult(first, end, tuple(columns), type(layout) is tuple)

    def held(self, path: Path) -> entry.Results:
        """A container of the caller's: as it came, also where it is a list, of which the call has an array."""
        if path not in self.containers:
            raise Impossible
        return entry.ArgumentResult(self.containers[path])

    def repeated(self, result: Result) -> entry.Results:
        """The object of an earlier result: an array is the same, of a number another one is as good."""
        if isinstance(result, Computed) and not result.otherwise:
            where, k = self.where[self.lowered.outputs[result.index]]
            if where == "result":
                return entry.RepeatResult(k)
            if result.kind in ("python", "scalar"):
                return self.result(result)
        if isinstance(result, Picked):
            return self.result(result)
        raise Impossible

    def viewed(self, whole: entry.Results, chain: Chain, kind: str) -> entry.Results:
        mentioned = tuple(sorted({s for _, params in chain for value in params.values() for s in symbols_of(value)}))
        self.check(*map(Dim.symbol, mentioned))
        sizes = (entry.SizeResult(Dim.symbol(symbol)) for symbol in mentioned)
        return entry.CallResult(_Viewed(chain, kind, mentioned), (whole, *sizes))


def _view(result: View, leaves: Sequence[Leaf], places: Mapping[int, int]) -> entry.ViewResult | None:
    """A view of an argument, as NumPy places it."""
    if not isinstance(result.base, int):
        return None
    leaf = leaves[result.base]
    if not isinstance(leaf, ArrayLeaf) or result.kind != "ndarray" or leaf.tensor or not leaf.direct:
        return None
    if any(symbols_of(size) for size in leaf.shape) or any(symbols_of(p) for _, q in result.chain for p in q.values()):
        return None  # a size that only the call brings
    strides = leaf.strides
    if strides is None:
        strides = tuple(step * leaf.dtype.itemsize for step in contiguous_strides(leaf.shape))
    whole = prototype(leaf.dtype, leaf.shape, strides)
    header = view_of(whole, result.chain)
    offset = header.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    if header.dtype != leaf.dtype and offset % header.itemsize:
        return None
    return entry.ViewResult(places[result.base], header.dtype, header.shape, header.strides, offset, header.flags.writeable)


def _turned(chain: Chain) -> bool:
    """Whether all that is seen of an array is its axes in the other order: then a call makes it in Fortran's."""
    if len(chain) != 1 or chain[0][0] is not v.transpose:
        return False
    perm = chain[0][1]["perm"]
    return perm == tuple(reversed(range(len(perm))))


def _all(results: entry.Results) -> Iterator[entry.Results]:
    yield results
    if isinstance(results, (tuple, list, dict, entry.ChoiceResult, entry.CallResult)):
        for item in entry.items(results):
            yield from _all(item)


def _computed(result: Any) -> Iterator[Computed]:
    if isinstance(result, Computed):
        yield result
        if result.otherwise:
            yield from _computed(result.otherwise[1])


def _outputs(result: Any) -> Iterator[int]:
    """The outputs of the graph that a result is made of."""
    for one in _computed(result):
        yield one.index
        yield from (one.otherwise[0],) if one.otherwise else ()
        yield from _outputs(one.otherwise[1]) if one.otherwise and isinstance(one.otherwise[1], (Items, Picked, Stored)) else ()
    if isinstance(result, (Picked, Stored)):
        yield result.index
    if isinstance(result, (Items, Instances)):
        yield from _of(result)


def _of(result: Items | Instances) -> range:
    """The outputs of the graph that items are in."""
    if result.index is None:
        return range(0)
    return range(result.index, result.index + 2 + _columns(result.layout))


def _columns(layout: Any) -> int:
    """How many arrays the items of a list are in, those of lists in it included."""
    return len(types_of(layout)) + inner_columns(layout)


# what entries call -------------------------------------------------------------------------------------------------------
class _Host:
    """NumPy's turn between kernels: operands and the values of the symbols they mention to a tuple of arrays.

    None where it raises: Python makes the call, then, and raises what it raises.
    """

    __slots__ = ("eqn", "cost", "symbols", "flagged", "count", "draws")

    def __init__(self, step: HostCall, symbols: tuple[str, ...], flagged: Callable[[int, bool], bool]):
        self.eqn, self.cost = step.eqn, step.cost
        self.symbols, self.flagged, self.count = symbols, flagged, len(step.eqn.inputs)
        eqn = step.eqn
        # Draws with parameters that are known raise no flags, and need not be told sizes.
        self.draws = eqn.primitive is bitgen or (eqn.primitive is draw and eqn.params["call"].fixed and not symbols)
        # Nor does what is printed of numbers.
        self.draws |= eqn.primitive is act and all(atom.type.shape == () for atom in eqn.inputs)

    def __call__(self, *given: Any) -> tuple[np.ndarray, ...] | None:
        start = time.perf_counter_ns()
        try:
            return self.run(*given)
        finally:
            self.cost.add(start)

    def run(self, *given: Any) -> tuple[np.ndarray, ...] | None:
        if self.draws:
            try:
                if self.eqn.primitive is act:
                    given = tuple(value.reshape(()) if type(value) is np.ndarray else value for value in given)
                found = self.eqn.primitive.eval(*given, **self.eqn.params)
            except Exception:
                return None
            return tuple(map(np.asarray, found if type(found) is tuple else (found,)))  # of numbers, too
        sizes, seen = dict(zip(self.symbols, given[self.count :])), Seen()
        try:
            operands = [_operand(value, atom.type, sizes) for value, atom in zip(given, self.eqn.inputs)]
            with np.errstate(all="call", call=seen.note), ir_sizes(sizes) as known:
                found = apply(self.eqn, operands)
        except Exception:
            return None
        if seen.flags and self.flagged(seen.flags, False):
            return None
        arrays = [np.asarray(array, var.type.dtype, order="C") for array, var in zip(found, self.eqn.outputs)]
        return *arrays, *(np.asarray(known[symbol], np.int64) for symbol in self.eqn.params.get("defines", ()))


def _operand(value: Any, type_: Any, sizes: Mapping[str, int]) -> np.ndarray:
    array = value if type(value) is np.ndarray else np.asarray(value, type_.dtype)
    # Kernels leave what they compute as flat memory.
    return array if array.ndim == type_.ndim else array.reshape(tuple(evaluate(size, sizes) for size in type_.shape))


class _Items:
    """A list, or an array of its items, from where they begin and end in arrays of their numbers."""

    __slots__ = ("layout", "array", "make", "own")

    def __init__(self, layout: Any, array: Any, make: Any):
        self.layout, self.array, self.make, self.own = layout, array, make, len(types_of(layout))

    def __call__(self, first: Any, end: Any, *columns: np.ndarray, kept: Any = None) -> Any:
        first, end = int(first), int(end)
        own = [column[first:end] for column in columns]
        if type(self.make) is Leaving:
            return self.make(own, kept)
        if self.array is not False and (made := of_columns(self.layout, own, self.array)) is not None:
            return made
        items = unpacked(self.layout, iter(own), end - first, columns[self.own :], kept)
        if self.make is not None:
            return self.make(items)
        return items if self.array is False else np.array(items, self.array)


class _Viewed:
    """A view of an array, as the undecorated function would return it."""

    __slots__ = ("chain", "kind", "symbols")

    def __init__(self, chain: Chain, kind: str, symbols: tuple[str, ...]):
        self.chain, self.kind, self.symbols = chain, kind, symbols

    def __call__(self, whole: Any, *sizes: int) -> Any:
        array = (whole._data if isinstance(whole, Value) else whole)[...]
        if sizes:
            with ir_sizes(dict(zip(self.symbols, sizes))):
                out = view_of(array, self.chain)
        else:
            out = view_of(array, self.chain)
        if self.kind == "tensor":
            return wrap(out)
        return out if self.kind == "ndarray" else out[()] if self.kind == "scalar" else out.item()


def _nested(structure: tree.Structure, leaves: Iterator[entry.Results]) -> entry.Results:
    """The next of the results, in their containers."""
    own = list(islice(leaves, structure.leaves))
    return tree.unflatten(structure, own) if guards.buildable(structure) else entry.CallResult(_Nested(structure), tuple(own))


class _Nested:
    """Containers around results."""

    __slots__ = ("structure",)

    def __init__(self, structure: tree.Structure):
        self.structure = structure

    def __call__(self, *results: Any) -> Any:
        return tree.unflatten(self.structure, list(results))


class _Assembled:
    """What a call returns, where something is met twice in what it leaves; `stored`: the outputs that instances are in."""

    __slots__ = ("traced", "stored")

    def __init__(self, traced: Traced, stored: tuple[int, ...]):
        self.traced, self.stored = traced, stored

    def __call__(self, *given: Any) -> Any:
        count, end = len(self.traced.updates), len(self.traced.updates) + len(self.stored)
        lists = len(instances.lists_of(self.traced.stored))
        results = given[end + lists :]
        if self.traced.stored:
            kept = instances.Objects(self.traced.stored, dict(zip(self.stored, given[count:end])), given[end : end + lists])
            results = tuple(result.make(kept) if type(result) is instances.Made else result for result in results)
        return assembled(self.traced, given[:count], results)


class _PutBack:
    """The result of a call, which leaves contents in containers of the caller's; `ways`: what does so for each."""

    __slots__ = ("ways",)

    def __init__(self, ways: tuple[Callable[[Any, Any], None], ...]):
        self.ways = ways

    def __call__(self, result: Any, *given: Any) -> Any:
        held, contents = given[: len(self.ways)], given[len(self.ways) :]
        for leave, container, after in zip(self.ways, held, contents):
            leave(container, after)
        return result


def _item(value: Any) -> Any:
    return value.item()


def _copy(value: Any) -> Any:
    return value.copy()
