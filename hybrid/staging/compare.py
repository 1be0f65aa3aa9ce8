"""Behind `f.verify()`: one call made undecorated and compiled, on copies, and what differs."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hybrid.core import tree
from hybrid.frontend.values import Value, wrap
from hybrid.staging import herds, locate
from hybrid.staging.aside import eager
from hybrid.staging.effects import put_back, state_of
from hybrid.staging.fallback import describe
from hybrid.staging.locate import Operation, close, difference
from hybrid.staging.packed import Packed, given, herd, unpacked
from hybrid.staging.parameters import Bound
from hybrid.staging.read import Read
from hybrid.staging.state import held, with_state
from hybrid.staging.traced import taken

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled

SHOWN = 5  # differences a report lists


@dataclass(frozen=True, slots=True)
class Difference:
    """A result or a written argument that is not what undecorated Python gives."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """What `f.verify()` found; true where compiled and undecorated calls agree.

    Attributes:
        compared: how many results and written arrays were compared.
        differences: those that differ.
        operation: the first operation that the compiled program gets wrong, if one alone does.
        note: what else there is to say, such as that this call is Python's in any case.
    """

    compared: int
    differences: tuple[Difference, ...] = ()
    operation: Operation | None = None
    note: str = ""

    def __bool__(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        lines = []
        if not self.differences:
            if self.compared:
                lines.append(f"{self.compared} result{'' if self.compared == 1 else 's'} agree{'s' * (self.compared == 1)}")
        else:
            lines.append(f"{len(self.differences)} of {self.compared} results differ between undecorated and compiled")
            lines += [f"  {found}" for found in self.differences[:SHOWN]]
            if len(self.differences) > SHOWN:
                lines.append(f"  and {len(self.differences) - SHOWN} more")
        if self.operation is not None:
            lines.append(str(self.operation))
        if self.note:
            lines.append(self.note)
        return "\n".join(lines)

    __repr__ = __str__


def verify(f: Any, compiled: Compiled, args: tuple, kwargs: dict) -> Verdict:
    """Make one call undecorated and compiled, on copies, and compare what it returns and writes."""
    state = compiled.traced.state

    def again() -> Bound:
        return f._packed(copied(with_state(f.parameters.bind(args, kwargs), state)))

    given = again()
    captured = _Captured(compiled, tree.flatten(given)[0])
    with captured.kept():
        want = _Outcome.of(lambda: undecorated(f, given), given, captured, state)
    mine = again()
    values, structure = f._flat(mine)
    refusal = compiled.refuses(values, mine)
    if refusal is not None:
        return Verdict(0, note=f"Python makes this call: {refusal.reason}")
    with captured.kept():
        got = _Outcome.of(lambda: compiled(values, mine), mine, captured, state)
    compiled.calls -= 1  # the user made none
    if got.error is not None:
        raised = f", and raises {type(want.error).__name__}" if want.error is not None else ""
        return Verdict(0, note=f"compiled code hands this call to Python{raised}: {describe(got.error)}")
    names = f.parameters.names(structure)
    found = list(_differences(want, got, names))
    count = sum(leaf is not None for leaf in tree.flatten(got.result)[0]) + len(compiled.traced.writes)
    if not found and any(compiled.entries.values()):
        native = copied(with_state((args, kwargs), state))
        bound = f._packed((*f.parameters.bind(*native[:2]), *native[2:]))
        with captured.kept():
            third = _Outcome.of(lambda: f(*native[0], **native[1]), bound, captured, state)
        found = [Difference(d.where, f"{d.what}, by the native entry") for d in _differences(want, third, names)]
        return Verdict(count, tuple(found))
    if not found:
        return Verdict(count)

    def fresh() -> list[np.ndarray]:
        leaves = f._flat(again())[0]
        return [taken(compiled.traced.leaves[k], leaves[k]) for k in compiled.traced.inputs]

    with compiled.draws.during(values, undo=True):
        operation, note = locate.first(compiled, fresh)
    return Verdict(max(count, len(found)), tuple(found), operation, note)


def undecorated(f: Any, bound: Bound) -> Any:
    with eager(), np.errstate(all="ignore"):
        args, kwargs = unpacked(bound)[:2]
        return f.function(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a call returned or raised, and what its arguments, the captured arrays and its state were afterwards."""

    result: Any
    error: BaseException | None
    arguments: list[Any]
    captured: list[np.ndarray]
    state: dict[str, Any]

    @classmethod
    def of(cls, call: Any, bound: Bound, captured: _Captured, state: Sequence[Read]) -> _Outcome:
        result, error = None, None
        given = bound[2] if state else {}
        with held(state, given.values()) as left:
            try:
                with np.errstate(all="ignore"):  # values are compared, not what is said of them
                    result = call()
            except Exception as raised:
                error = raised
        return cls(result, error, tree.flatten(bound)[0], captured.now(), dict(zip(given, left)))


class _Captured:
    """The arrays and generators that a trace reached from outside: a call may change them, and a comparison puts them back."""

    def __init__(self, compiled: Compiled, values: Sequence[Any]):
        self.generators = compiled.draws.generators(values)
        known = [array for _, array in compiled.traced.graph.constants]
        known += [array for x in compiled.reads.values() if isinstance(array := _array(x), np.ndarray)]
        self.arrays = [array for array in {id(a): a for a in known}.values() if array.flags.writeable]

    def now(self) -> list[np.ndarray]:
        return [array.copy() for array in self.arrays]

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        before, states = self.now(), [state_of(generator) for generator in self.generators]
        try:
            yield
        finally:
            for generator, state in zip(self.generators, states):
                put_back(generator, state)
            for array, contents in zip(self.arrays, before):
                np.copyto(array, contents)


# copies ---------------------------------------------------------------------------------------------------------------
def copied(bound: Any) -> Any:
    """The same tree with copies of its arrays, of the same strides and sharing memory where the originals do, and with copies
    of the objects of which a trace has the attributes."""
    found, structure = tree.flatten(bound, lambda node: type(node) is list and herd(node) is not None)
    leaves = [leaf for leaf in found if isinstance(leaf, (np.ndarray, Value))]
    arrays = {id(_array(leaf)): _array(leaf) for leaf in leaves}
    blocks: list[tuple[int, int, np.ndarray]] = []
    for low, high in _merged(sorted(np.lib.array_utils.byte_bounds(a) for a in arrays.values() if a.size)):
        blocks.append((low, high, _block(low, high)))
    made: dict[int, Any] = {}
    for key, array in arrays.items():
        if not array.size:
            made[key] = array.copy()
            continue
        start = array.__array_interface__["data"][0]
        low, _, memory = next(block for block in blocks if block[0] <= start <= block[1])
        made[key] = _view(memory, start - low, array)
    tensors: dict[int, Any] = {}

    def copy(leaf: Any) -> Any:
        if isinstance(leaf, Value):
            return tensors.setdefault(id(leaf), wrap(made[id(leaf._data)]))
        if type(leaf) is list:
            return herds.twins(leaf)
        return made[id(leaf)] if isinstance(leaf, np.ndarray) else leaf

    return tree.unflatten(structure, list(map(copy, found)))


def _merged(intervals: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    out: list[tuple[int, int]] = []
    for low, high in intervals:
        if out and low < out[-1][1]:
            out[-1] = out[-1][0], max(high, out[-1][1])
        else:
            out.append((low, high))
    return out


def _block(low: int, high: int) -> np.ndarray:
    """A copy of a piece of memory, aligned as it is."""
    memory = np.empty(high - low + 128, np.uint8)
    shift = (low - memory.ctypes.data) % 64
    ctypes.memmove(memory.ctypes.data + shift, low, high - low)
    return memory[shift:]


def _view(memory: np.ndarray, offset: int, like: np.ndarray) -> np.ndarray:
    out: np.ndarray = np.ndarray(like.shape, like.dtype, memory.data, offset, like.strides)
    out.flags.writeable = like.flags.writeable
    return out


def _array(value: Any) -> Any:
    return value._data if isinstance(value, Value) else value


# differences ----------------------------------------------------------------------------------------------------------
def _differences(want: _Outcome, got: _Outcome, names: Sequence[str]) -> Iterator[Difference]:
    if want.error is not None or got.error is not None:
        if type(want.error) is not type(got.error) or str(want.error) != str(got.error):
            yield Difference("the call", f"{_said(got)} compiled, {_said(want)} undecorated")
    else:
        yield from _compare("result", want.result, got.result, want, got)
    for name, a, b in zip(names, want.arguments, got.arguments):
        if isinstance(a, (np.ndarray, Value, Packed)):
            yield from _compare(f"`{name}` afterwards", given(a), given(b), want, got, shares=False)
    for name, a in want.state.items():
        yield from _compare(f"{name} afterwards", a, got.state[name], want, got)
    for k, (a, b) in enumerate(zip(want.captured, got.captured)):
        yield from _compare(f"captured array {k} afterwards", a, b, want, got, shares=False)


def _said(outcome: _Outcome) -> str:
    return "returns" if outcome.error is None else f"raises {type(outcome.error).__name__}: {outcome.error}"


def _compare(where: str, a: Any, b: Any, want: _Outcome, got: _Outcome, shares: bool = True) -> Iterator[Difference]:
    """`a` undecorated beside `b` compiled."""
    if type(a) is not type(b):
        yield Difference(where, f"{_kind(b)} compiled, {_kind(a)} undecorated")
        return
    inner = tree.children(a)
    if inner is not None:
        others = tree.children(b) or []
        keys = list(a) if isinstance(a, dict) else list(range(len(inner)))
        if len(inner) != len(others) or (isinstance(a, dict) and keys != list(b)):
            yield Difference(where, f"{b!r:.60} compiled, {a!r:.60} undecorated")
            return
        for key, x, y in zip(keys, inner, others):
            yield from _compare(f"{where}[{key!r}]", x, y, want, got, shares)
        return
    x, y = _array(a), _array(b)
    if isinstance(x, (np.ndarray, np.generic, float, complex)):
        one, other = np.asarray(x), np.asarray(y)
        if one.dtype.kind not in "biufcV":
            if not (x == y if not isinstance(x, np.ndarray) else np.array_equal(x, y)):
                yield Difference(where, "other values")
        elif not close(other, one):
            yield Difference(where, difference(other, one, "undecorated"))
        elif shares and isinstance(x, np.ndarray) and _homes(x, want.arguments) != _homes(y, got.arguments):
            yield Difference(where, "a view of an argument in one, an array of its own in the other")
    elif isinstance(a, (int, str, bytes, bool)) and a != b:
        yield Difference(where, f"{b!r:.60} compiled, {a!r:.60} undecorated")


def _kind(value: Any) -> str:
    return f"{type(value).__name__}"


def _homes(array: np.ndarray, arguments: Sequence[Any]) -> list[int]:
    """The arguments whose memory an array shows."""
    arrays = [(k, _array(x)) for k, x in enumerate(arguments) if isinstance(x, (np.ndarray, Value))]
    return [k for k, other in arrays if np.may_share_memory(array, other)]
