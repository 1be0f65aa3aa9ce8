"""What a trace depends on and gives back, in the words of native entries; None where machine code cannot check or make it."""

from __future__ import annotations

import builtins
import dataclasses
import types
from array import array as typed_array
from collections import Counter, OrderedDict, defaultdict, deque
from itertools import accumulate
from typing import Any

import numpy as np

from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.shadows import getattr_static, slots_of
from hybrid.frontend.chosen import is_member
from hybrid.frontend.values import Value
from hybrid.ir.graph import Atom, Literal
from hybrid.staging import capi, entry
from hybrid.staging.chains import MISSING
from hybrid.staging.containers import Path, leaf_at, structure_at
from hybrid.staging.contents import DEEP
from hybrid.staging.members import namespace
from hybrid.staging.read import Read
from hybrid.staging.reads import Reads
from hybrid.staging.signature import (
    ArrayLeaf,
    GeneratorLeaf,
    Leaf,
    ListLeaf,
    LogLeaf,
    NumberLeaf,
    SameLeaf,
    ScalarLeaf,
    StaticLeaf,
    valued,
)
from hybrid.staging.traced import Traced

_NUMBERS: dict[type, entry.Guard] = {float: entry.FloatGuard(), complex: entry.ComplexGuard(), int: entry.LongGuard()}
MANY = 64  # reads beyond these are checked from Python: 64 dict lookups take a microsecond


Arguments = tuple[tuple[entry.Guard, ...], tuple[entry.Load, ...], dict[int, int], dict[Path, int]]


def arguments(traced: Traced, order: tuple[int, ...]) -> Arguments | None:
    """A guard for each argument in the order of the call, what else is loaded, the index of each leaf, and of each container.

    None where one has no guard.
    """
    args, kwargs, *state = traced.arguments.children
    children = (*args.children, *kwargs.children)
    first = [0, *accumulate(child.leaves for child in children)]
    walk = _Walk(traced)
    paths = [(0, k) for k in range(len(args.children))] + [(1, k) for k in range(len(kwargs.children))]
    found = [walk.guard(children[child], first[child], paths[child]) for child in order]
    loads, at = [], first[-1]
    for k, (read, child) in enumerate(zip(traced.state, state[0].children if state else ())):
        place, guard = _place(read), walk.guard(child, at, (2, k))
        if place is None or guard is None:
            return None
        loads.append(entry.Load(place, guard))
        at += child.leaves
    checked = tuple(guard for guard in found if guard is not None)
    return (checked, tuple(loads), walk.places, walk.containers) if len(checked) == len(found) else None


def _place(read: Read) -> entry.WordRead | entry.DictRead | entry.ItemRead | entry.AttributeRead | None:
    """Where an entry finds state."""
    places = (entry.WordRead, entry.DictRead, entry.ItemRead, entry.AttributeRead)
    found = [part for part in _read(dataclasses.replace(read, whole=False)) or () if isinstance(part, places)]
    return found[0] if len(found) == 1 else None


class _Walk:
    """Guards for the arguments in the order in which an entry counts them: each container before its items."""

    def __init__(self, traced: Traced):
        self.leaves, self.written = traced.leaves, _written(traced)
        self.places: dict[int, int] = {}  # the index of each leaf
        self.containers: dict[Path, int] = {}
        self.count = 0

    def guard(self, structure: tree.Structure, first: int, path: Path) -> entry.Guard | None:
        at, self.count = self.count, self.count + 1
        self.containers[path] = at
        if structure.kind is type(None):
            return entry.SameGuard(None)
        if structure.kind is None:
            return self.leaf(first, at)
        names, items = _names(structure), []
        for k, child in enumerate(structure.children if names is not None else ()):
            item = self.guard(child, first, (*path, k))
            if item is None:
                return None
            items.append(item)
            first += child.leaves
        about = structure.aux[0] if structure.kind in (deque, defaultdict) else None  # type: ignore[index]
        return None if names is None else entry.ContainerGuard(structure.kind, tuple(items), names, about)

    def leaf(self, k: int, at: int) -> entry.Guard | None:
        own = self.leaves[k]
        source = own.index if isinstance(own, SameLeaf) else k
        if source in self.places:
            self.places[k] = self.places[source]
            return entry.AliasGuard(self.places[source])
        self.places[source] = self.places[k] = at
        return guard(self.leaves[source], source in self.written)


def _names(structure: tree.Structure) -> tuple | None:
    """The keys or slots an entry finds the items of a container by, none for sequences; None where it cannot look inside."""
    kind = structure.kind
    if kind is tuple or kind is list or kind is deque:
        return ()
    names: Any = structure.aux
    if kind is defaultdict and capi.default_factory() is not None and names[0] is not None:
        names = names[1:]
    elif kind in tree.MAPPINGS and kind is not Counter:
        return None  # `OrderedDict` has an order of its own
    if kind is dict or kind in tree.MAPPINGS:
        return names if all(type(key) in (str, int) for key in names) else None
    if kind is None or tree.registered(kind):
        return None
    if issubclass(kind, tuple):
        return () if kind.__iter__ is tuple.__iter__ else None
    if not dataclasses.is_dataclass(kind) or kind.__getattribute__ is not object.__getattribute__:
        return None
    slots = slots_of(kind)
    if any(type(getattr_static(kind, name, None)) is not types.MemberDescriptorType for name in slots):
        return None
    return names if names[: len(slots)] == slots and (kind.__dictoffset__ or len(names) == len(slots)) else None


def _written(traced: Traced) -> list[int]:
    """The leaves that are arrays, or lists of objects, and are written."""
    paths = (path for path, _ in traced.updates if structure_at(traced.arguments, path).kind is None)
    return [*(w for w in traced.writes if isinstance(w, int)), *(leaf_at(traced.arguments, path) for path in paths)]


def guard(leaf: Leaf, written: bool) -> entry.Guard | None:
    if isinstance(leaf, ListLeaf):
        return entry.NumbersGuard(
            leaf.shape,
            leaf.kinds,
            leaf.row,
            leaf.ragged,
            leaf.changed or bool(leaf.names and written),
            leaf.least,
            leaf.names,
            leaf.choices,
            leaf.hidden,
        )
    if isinstance(leaf, ArrayLeaf) and leaf.direct:
        return entry.ArrayGuard(leaf.dtype, leaf.shape, leaf.strides, leaf.tensor, written)
    if isinstance(leaf, NumberLeaf):
        return _NUMBERS[leaf.python]
    if isinstance(leaf, ScalarLeaf) and capi.scalar_in_place(leaf.dtype):
        return entry.ScalarGuard(leaf.dtype)
    if isinstance(leaf, LogLeaf):
        return entry.ClassGuard(list)
    if isinstance(leaf, GeneratorLeaf):
        return entry.ClassGuard(leaf.python)  # its bits are looked at before it is drawn from
    if isinstance(leaf, StaticLeaf):
        if leaf.python is int and -(2**63) <= leaf.value < 2**63:
            return entry.IntGuard(leaf.value)
        if leaf.python is float:
            return entry.FloatValueGuard(leaf.value)
        if leaf.python in (str, bytes):
            return entry.TextGuard(leaf.value)
        if leaf.python is types.FunctionType and type(leaf.key) is tuple and leaf.key[0] == "function":
            return entry.FunctionGuard(leaf.value)
        if leaf.python is types.MethodType:
            return entry.BoundGuard(leaf.value)
        # Equal functions may be two objects; one that is not this one goes the slow way.
        same = isinstance(leaf.value, (Value, type, np.dtype)) or leaf.key == ("object", id(leaf.value))
        if same or leaf.python in (bool, types.FunctionType):
            return entry.SameGuard(leaf.value)
    return None


def of_leaf(traced: Traced, k: int) -> entry.Guard | None:
    """The guard of a leaf among all leaves."""
    leaf = traced.leaves[k]
    return entry.AliasGuard(leaf.index) if isinstance(leaf, SameLeaf) else guard(leaf, k in _written(traced))


def finite(traced: Traced, places: dict[int, int]) -> tuple[Any, ...] | None:
    """The arithmetic whose results must be finite."""
    if traced.checks is None:
        return ()
    numbers: dict[Atom, Any] = {}
    for var, k in zip(traced.graph.inputs, traced.inputs):
        if isinstance(traced.leaves[k], NumberLeaf):
            numbers[var] = ("arg", places[k])
    for eqn in traced.checks.eqns:
        operands = [float(a.value) if isinstance(a, Literal) else numbers.get(a) for a in eqn.inputs]
        if (
            eqn.primitive.name not in ("add", "sub", "mul", "div", "neg")
            or None in operands
            or eqn.output.type.dtype != dt.float64
        ):
            return None
        numbers[eqn.output] = (eqn.primitive.name, *operands)
    return tuple(numbers[atom] for atom in traced.checks.outputs)


def reads(found: Reads) -> tuple[entry.Read, ...] | None:
    """The native form of all reads, but for the contents of arrays."""
    out: list[entry.Read] = []
    behind = 0  # one version, after the first call
    for one in found.reads:
        parts = _read(one)
        if parts is None or len(out) - behind > MANY:
            return None
        out += parts
        behind += len(parts) - (one.kind == "class") if one.kind in ("class", "body", "library") and parts else 0
    return tuple(out)


def _read(read: Read) -> list[entry.Read] | None:
    if read.kind == "class":
        place = namespace(read.holder)
        return [
            entry.DictRead(place, name, entry.ABSENT if member is MISSING else member)
            for name, member in zip(read.name, read.value)
        ]
    if read.kind == "body":
        return [entry.SizeRead(namespace(read.holder), len(read.value))]  # what may be read of it is read one by one
    if read.kind == "names":
        return [entry.SizeRead(read.holder, len(read.value))]  # those that were there are read one by one
    value, parts = read.value, _contents(read.value) if read.whole else []
    if parts is None:
        return None
    known = entry.ABSENT if value is MISSING else value
    if read.kind == "cell":
        return [entry.WordRead(read.holder, capi.CELL_CONTENTS, known), *parts]
    if read.kind == "global" and read.name not in read.holder:
        outside = [] if value is MISSING else [entry.DictRead(vars(builtins), read.name, value)]
        return [entry.DictRead(read.holder, read.name, entry.ABSENT), *outside]
    if read.kind in ("global", "library") or (read.kind == "item" and isinstance(read.holder, dict)):
        return [entry.DictRead(read.holder, read.name, known), *parts]
    if read.kind == "item" and isinstance(read.holder, list):
        size = len(read.holder)
        item = [] if value is MISSING else [entry.ItemRead(read.holder, read.name % size, value)]
        return [entry.SizeRead(read.holder, size), *item, *parts]
    if isinstance(read.holder, types.FunctionType) and read.name in ("__code__", "__defaults__", "__kwdefaults__"):
        at = None if value is None else capi.pointer_offset(read.holder, value)
        return [] if at is None else [entry.WordRead(read.holder, at, value), *parts]
    if isinstance(read.holder, types.ModuleType) and read.name in vars(read.holder):
        return [entry.DictRead(vars(read.holder), read.name, value), *parts]
    if read.kind == "method" and value is not MISSING:
        return [entry.MethodRead(read.holder, read.name, value)]
    if read.kind == "attribute" and value is not MISSING:
        return [entry.AttributeRead(read.holder, read.name, value), *parts]
    return None


def _contents(value: Any, depth: int = 0) -> list[entry.Read] | None:
    """What to check inside an object that may come to mean something else without being another one."""
    out: list[entry.Read] = []
    if isinstance(value, Value):
        return [entry.WordRead(value, capi.slot_offset(type(value), "_data"), value._data)]
    if isinstance(value, (set, bytearray, deque, OrderedDict, typed_array)) or depth > DEEP:
        return None
    if isinstance(value, (list, dict)):
        out.append(entry.SizeRead(value, len(value)))
    if isinstance(value, list):
        out += [entry.ItemRead(value, index, item) for index, item in enumerate(value)]
    if isinstance(value, dict):
        if not all(type(key) in (str, int) or is_member(key) for key in value):
            return None  # comparing keys might run code
        out += [entry.DictRead(value, key, item) for key, item in value.items()]
        if len(value) > 1:
            out.append(entry.OrderRead(value, tuple(value)))
    if isinstance(value, (list, dict, tuple)):
        for item in value.values() if isinstance(value, dict) else value:
            inside = _contents(item, depth + 1)
            if inside is None or len(out) > MANY:
                return None
            out += inside
    return out


def refresh(spec: entry.EntrySpec) -> None:
    """Expect what is there now where the reads were found to mean the same."""
    for at, read in enumerate(spec.reads):
        if isinstance(read, (entry.SizeRead, entry.OrderRead, entry.MethodRead)) or not (
            valued(spec.expected[at]) or isinstance(spec.expected[at], tuple)
        ):
            continue
        if isinstance(read, entry.DictRead):
            now = read.holder.get(read.name, entry.ABSENT)
        elif isinstance(read, entry.ItemRead):
            now = read.holder[read.index]
        elif isinstance(read, entry.AttributeRead):
            now = getattr(read.holder, read.name, entry.ABSENT)
        else:
            now = read.holder.cell_contents if isinstance(read.holder, types.CellType) else spec.expected[at]
        spec.refresh(at, now)


def buildable(structure: tree.Structure) -> bool:
    """Whether an entry can build containers of this structure."""
    return structure.kind in (None, tuple, list, dict, type(None)) and all(map(buildable, structure.children))
