"""`vmap`: a function of one example as a function of many. Eager values of all examples go through each operation together."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.errors import ArgumentError, TraceError
from hybrid.core.shape import Size, TensorType
from hybrid.frontend import values
from hybrid.frontend.joins import stack
from hybrid.frontend.shaping import broadcast_to, moveaxis
from hybrid.frontend.values import Value, wrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.lifted import Level, Lifted, draws, own_error
from hybrid.ir.trace import Chain, Region, Symbol
from hybrid.transforms import batch_draws, chains, left, levels, reverse
from hybrid.transforms.batch import batch
from hybrid.transforms.derived import as_given
from hybrid.transforms.duals import Memory
from hybrid.transforms.recorded import opened
from hybrid.transforms.terms import Recorder

RANDOMNESS = ("error", "same", "different")


class Batched(Lifted):
    """One value for each example, along axis 0 of the value below."""

    __slots__ = ("memory",)

    def __init__(self, level: Batch, value: Any, memory: Memory | None = None):
        self.level, self.value = level, value
        self.memory = Memory() if memory is None else memory

    @property
    def alone(self) -> bool:
        return sys.getrefcount(self.memory) <= levels.HELD

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.value.shape[1:])

    @property
    def strides(self) -> tuple[int, ...]:
        return tuple(self.value.strides[1:])

    @property
    def flags(self) -> Any:
        return self.example().flags

    def example(self) -> np.ndarray:
        below = self.value.example() if isinstance(self.value, Lifted) else self.value
        return below[0] if len(below) else np.zeros(below.shape[1:], below.dtype)

    def array(self, what: str) -> np.ndarray:
        raise TraceError(f"{what} needs one value, and vmap has one for each example", got=f"{self.value.shape[0]} examples",
                         fix="use np.where and array operations, or vmap the decorated function",
                         at=tr.user_line())  # fmt: skip

    def stopped(self) -> Any:
        return Batched(self.level, self.value.stopped(), self.memory) if isinstance(self.value, Lifted) else self  # type: ignore[arg-type]

    def text(self) -> str:
        return f"batched({wrap(self.value)!r})"


class Batch(Level):
    """One call of `vmap`."""

    def __init__(self, size: int, randomness: str):
        super().__init__()
        self.size, self.randomness = size, randomness
        self.open = True

    def constant(self, data: Any, like: Any) -> Any:
        return Batched(self, broadcast_to(wrap(data), (self.size, *data.shape)).copy()._data)

    def apply(self, function: Callable, args: tuple, kwargs: dict) -> Any:
        if not self.open:
            raise TraceError("a value of vmap's examples is used after all of them", at=tr.user_line(),
                             fix="let the function return it")  # fmt: skip
        operands: list[Any] = []
        operation = levels.operation(function, args, kwargs, operands)
        mine = [self._batched(x) for x in operands]
        call, have = operation.batched(tuple([b is not None for b in mine]), self.size, self.randomness)
        made = list(call(*[wrap(b.value if b is not None else levels.data_of(x)) for x, b in zip(operands, mine)]))
        for k, shares in enumerate(call.shares):
            if shares and (k >= operation.results or operation.views[k] is None):
                made[k] = made[k].copy()
        results = [wrap(Batched(self, x._data)) if has else x for x, has in zip(made, have)]
        for k, view in enumerate(operation.views):
            if view is not None and (base := mine[view[0]]) is not None:
                results[k] = self._shown(base, view[1])
            elif view is None and operation.fresh[k]:
                results[k] = wrap(self._beside(results[k], next(b for b in mine if b is not None)))
        for at, k in enumerate(operation.writes):
            self._write(operands[k], mine[k], made[operation.results + at], have[operation.results + at])
        return operation.nested(results)

    def _shown(self, base: Batched, chain: Chain) -> Any:
        """What a chain of views shows of every example, in the memory of all of them."""
        if not chain:
            return wrap(base)
        steps = chains.of_examples(TensorType(base.dtype, base.shape), chain, self.size)
        if steps is None:
            raise TraceError("vmap does not know a view of all examples", at=tr.user_line(), got=chain[-1][0].name,
                             fix="take a copy of it")  # fmt: skip
        made = chains.Shown(TensorType(base.dtype, tuple(base.value.shape)), steps)(wrap(base.value))[0]
        return wrap(Batched(self, made._data, base.memory))

    def _beside(self, x: Any, base: Batched) -> Batched:
        """New numbers that each example writes for itself, followed as another value is."""
        made = self.constant(x._data, base)
        made.value = levels.followed_like(made.value, base.value)
        return made

    def _batched(self, x: Any) -> Batched | None:
        data = x._data if isinstance(x, Value) else None
        return data if isinstance(data, Batched) and data.level is self else None

    def _write(self, x: Any, batched: Batched | None, new: Any, mapped: bool) -> None:
        if batched is not None:
            wrap(batched.value)[...] = new
        elif not mapped:
            x[...] = new
        elif isinstance(x, Value):  # made inside, and now another for each example
            levels.refuse_shared(x, "a value of each example's own")
            x._data = Batched(self, np.array(new._data) if type(new._data) is np.ndarray else new._data)
        else:
            raise TraceError("values of all examples are written into one NumPy array", at=tr.user_line(),
                             fix="write into a tensor: hybrid.zeros(...)")  # fmt: skip


def vmap(
    f: Callable, in_axes: Any = 0, out_axes: Any = 0, axis_size: int | None = None, randomness: str = "error"
) -> Callable[..., Any]:
    """The function that computes f for every example at once.

    f returns what it computes of the examples; to keep that in objects or variables around it is an error, and changes nothing.

    Args:
        f: a function of one example.
        in_axes: where the examples are in each argument: an axis, None for an argument that all examples share, or a tuple
            with one of these, or a nesting of them, for each argument. Keyword arguments are shared.
        out_axes: where they are to be in the results, likewise.
        axis_size: how many examples; needed only where no argument has them.
        randomness: what random draws inside mean: "error", "same" for all examples, or "different".

    >>> hy.vmap(np.dot, in_axes=(0, None))(np.eye(3), np.array([1.0, 2.0, 3.0]))
    array([1., 2., 3.])
    """
    if randomness not in RANDOMNESS:
        raise ArgumentError("there is no such randomness", got=randomness, expected=" · ".join(RANDOMNESS))

    @functools.wraps(f)
    def call(*args: Any, **kwargs: Any) -> Any:
        leaves, structure = tree.flatten(list(args))
        axes = _axes(in_axes, args)
        size = _size(leaves, axes, axis_size)
        given = [_to_front(leaf, axis) for leaf, axis in zip(leaves, axes)]
        run = _eager if tr.current() is None else _recorded
        out, mapped = run(f, structure, given, [axis is not None for axis in axes], kwargs, size, randomness)
        found, nesting = tree.flatten(out)
        places = _prefix(out_axes, nesting, "out_axes")
        plain = not any(isinstance(leaf, Value) for leaf in leaves)
        moved = [_from_front(x, has, axis, size) for x, has, axis in zip(found, mapped, places)]
        return as_given(tree.unflatten(nesting, moved), plain)

    return call


def _axes(in_axes: Any, args: Sequence[Any]) -> list[int | None]:
    if in_axes is None or isinstance(in_axes, int):
        in_axes = [in_axes] * len(args)
    if not isinstance(in_axes, (tuple, list)) or len(in_axes) != len(args):
        raise ArgumentError("in_axes has an entry for each argument", got=in_axes, expected=f"{len(args)} entries")
    return [axis for entry, arg in zip(in_axes, args) for axis in _prefix(entry, tree.flatten(arg)[1], "in_axes")]


def _prefix(entry: Any, structure: tree.Structure, what: str) -> list[int | None]:
    """An axis for every leaf, from one for all of them or a nesting that begins as theirs."""
    if entry is None or isinstance(entry, int):
        return [entry] * structure.leaves
    parts = tree.children(entry)
    if parts is None or structure.kind is not type(entry) or len(parts) != len(structure.children):
        raise ArgumentError(f"{what} nests as what it is about, or is an axis or None", got=entry)
    return [axis for part, child in zip(parts, structure.children) for axis in _prefix(part, child, what)]


def _shape(x: Any) -> tuple:
    return x.shape if isinstance(x, Value) else np.shape(x)  # type: ignore[attr-defined]


def _size(leaves: Sequence[Any], axes: Sequence[int | None], given: int | None) -> Any:
    """How many examples there are."""
    found: list[Any] = [] if given is None else [given]
    for leaf, axis in zip(leaves, axes):
        if axis is None:
            continue
        shape = _shape(leaf)
        if not -len(shape) <= axis < len(shape):
            raise ArgumentError("vmap maps an axis that an argument does not have", got=f"axis {axis} of shape {shape}",
                                fix="in_axes=None for arguments that all examples share")  # fmt: skip
        found.append(shape[axis])
    if not found:
        raise ArgumentError("vmap maps no argument", fix="give in_axes an axis, or axis_size")
    if any(size != found[0] for size in found[1:]):
        raise ArgumentError("the arguments have different numbers of examples", got=found, expected="one number")
    return found[0]


def _to_front(leaf: Any, axis: int | None) -> Any:
    """A leaf as a tensor with the examples first."""
    if axis is None:
        return leaf
    x = leaf if isinstance(leaf, Value) else wrap(np.asarray(leaf))
    return moveaxis(x, axis, 0) if axis else x


def _from_front(x: Any, mapped: bool, axis: int | None, size: Any) -> Any:
    if axis is None:
        if mapped:
            raise ArgumentError("out_axes=None is for results that are the same for all examples", got="one for each")
        return x
    if not isinstance(x, Value):
        if not isinstance(x, (np.ndarray, np.generic, float, int, complex)):
            return x
        x = wrap(np.asarray(x))
    if not mapped:
        x = broadcast_to(x, (size, *_shape(x)))
        x = wrap(np.array(x._data)) if type(x._data) is np.ndarray else x
    return moveaxis(x, 0, axis) if axis else x


def _eager(
    f: Callable, structure: tree.Structure, given: list, mapped: list, kwargs: dict, size: int, randomness: str
) -> tuple[Any, list[bool]]:
    if randomness == "different":
        return _one_by_one(f, structure, given, mapped, kwargs, size)
    level = Batch(size, randomness)
    lifted = [wrap(Batched(level, x._data)) if has else x for x, has in zip(given, mapped)]
    around = left.Before(f, [x for x, has in zip(given, mapped) if not has] + [*kwargs.values()])
    before = _draws()
    try:
        out = f(*tree.unflatten(structure, lifted), **kwargs)
    except ValueError as error:
        if (own := own_error(error)) is not None:
            raise own from None
        raise
    finally:
        level.open = False
        kept = around.has_none_of(level)
    if kept is not None:
        raise TraceError(f"vmap of a function that keeps values of all examples: in {kept}", fix="let it return them")
    if randomness == "error" and _draws() != before:
        raise _random(randomness)
    leaves, nesting = tree.flatten(out)
    have = [isinstance(x, Value) and isinstance(x._data, Batched) and x._data.level is level for x in leaves]
    return tree.unflatten(nesting, [wrap(x._data.value) if has else x for x, has in zip(leaves, have)]), have


def _draws() -> int:
    return int(repr(draws)[6:-1])  # how far the counter is, without moving it


def _random(randomness: str) -> TraceError:
    fix = "say randomness='same' or 'different'" if randomness == "error" else "or say randomness='same'"
    return TraceError("vmap of a function that draws random numbers", got=f"randomness={randomness!r}", at=tr.user_line(),
                      fix=f"pass the numbers in, {fix}")  # fmt: skip


def _one_by_one(
    f: Callable, structure: tree.Structure, given: list, mapped: list, kwargs: dict, size: int
) -> tuple[Any, list[bool]]:
    """Each example on its own, with draws of its own."""
    rows, nesting = [], tree.LEAF
    for k in range(size):
        out = f(*tree.unflatten(structure, [x[k] if has else x for x, has in zip(given, mapped)]), **kwargs)
        leaves, nesting = tree.flatten(out)
        rows.append([x if isinstance(x, Value) else wrap(np.asarray(x)) for x in leaves])
    return tree.unflatten(nesting, [stack(list(column)) for column in zip(*rows)]), [True] * nesting.leaves


def _recorded(
    f: Callable, structure: tree.Structure, given: list, mapped: list, kwargs: dict, size: Size, randomness: str
) -> tuple[Any, list[bool]]:
    """In a trace: one example is recorded apart, and the graph of all of them in its place."""
    trace = values.active()
    f = opened(f)
    stacked = [values.read(trace, x) for x, has in zip(given, mapped) if has]
    kinds = iter([values.kind_of(x) for x, has in zip(given, mapped) if has])
    with Region(trace, "example") as region:
        inputs = [region.builder.input(TensorType(atom.type.dtype, atom.type.shape[1:])) for atom in stacked]
        symbols = iter([wrap(trace.fresh(var, next(kinds))) for var in inputs])
        out = f(*tree.unflatten(structure, [next(symbols) if has else x for x, has in zip(given, mapped)]), **kwargs)
        leaves, nesting = tree.flatten(out)
        atoms: list[Atom] = [tr.read(x._data) for x in leaves if _is_traced(x)]
        written = region.written
        if randomness == "error" and not trace.streams.isdisjoint(written):
            raise _random(randomness)
        if region.lost:
            raise _outside()
        graph = region.builder.body([*atoms, *written.values()])
    recorder = Recorder(trace.builder)
    if randomness == "different" and not trace.streams.isdisjoint(written):
        passed = {trace.value_of(cell): len(atoms) + k for k, cell in enumerate(written)}
        if len(passed) < len(written):
            raise TraceError("vmap of a function that writes arrays that hold the same value when it begins",
                             at=tr.user_line(), fix="begin with generators of different seeds")  # fmt: skip
        drawn = [trace.value_of(cell) for cell in written if cell in trace.streams]
        made, have = batch_draws.draw(recorder, graph, stacked, size, passed, drawn)
    else:
        operands = (*stacked, *graph.inputs[len(stacked) :])
        flags = [True] * len(stacked) + [False] * (len(operands) - len(stacked))
        whole, differ = batch(graph, flags, size, randomness=randomness)
        env = reverse.replay(recorder, whole, operands)
        made, have = [env.get(atom, atom) for atom in whole.outputs], list(differ)
    for cell, atom, has in zip(written, made[len(atoms) :], have[len(atoms) :]):
        if has:
            raise _outside()
        trace.assign(cell, atom)
    found = iter(zip(made, have))
    results, which = [], []
    for x in leaves:
        if _is_traced(x):
            atom, has = next(found)
            kind = x._data.kind if x._data.kind == "tensor" else "ndarray"
            results.append(wrap(trace.fresh(atom, kind)))
            which.append(has)
        else:
            results.append(x)
            which.append(False)
    return tree.unflatten(nesting, results), which


def _outside() -> TraceError:
    return TraceError("vmap of a function that writes values of all examples into one array from outside", at=tr.user_line(),
                      fix="let it return the new values")  # fmt: skip


def _is_traced(x: Any) -> bool:
    return isinstance(x, Value) and type(x._data) is Symbol
