"""Which sizes and integers among a function's arguments only a call knows: those seen to differ from call to call.

The first call has its sizes as numbers. The second size of an axis makes a symbol of it, and axes that were of one size in
every call share theirs: a thousand batch sizes take two traces. `dynamic=` and `signature=` say it before the first call.
A Python integer is part of the code for two values, since it may be an axis or a mode; the third makes it a run-time input.
Those of one list vary together, and those of long lists are run-time inputs at once.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hybrid.core import tree
from hybrid.core.errors import ArgumentError
from hybrid.core.shape import Dim, Shape, contiguous_strides, symbols
from hybrid.core.spec import Spec
from hybrid.staging.parameters import Parameters
from hybrid.staging.signature import ArrayLeaf, Leaf, ListLeaf, NumberLeaf, SameLeaf, StaticLeaf

Axis = tuple[int, int]  # (leaf, axis)
STATIC = "it was said to be static"
FEW = 2  # values of an integer that are parts of the code
LONG = 32  # numbers in a list that may be parts of the code
SEVERAL = 3  # floats of one argument that the function asks for the values of, before all of them become static
GENERIC = 4  # smaller sizes may mean something of their own: traces are made for a larger one, and tried on them


@dataclass(slots=True)
class _Known:
    """What is known of the calls whose arguments nest in one way."""

    symbols: dict[Axis, str] = field(default_factory=dict)  # axes whose size is a symbol
    fixed: dict[Axis, str] = field(default_factory=dict)  # those that must stay numbers, and why
    together: set[frozenset[Axis]] = field(default_factory=set)  # axes that the function needs to be equal
    single: set[Axis] = field(default_factory=set)  # those whose size is a number where it is 1
    level: set[str] = field(default_factory=set)  # symbols that are traced with equal sizes where they stand for such
    usual: dict[str, int] = field(default_factory=dict)  # a size of each symbol to trace with
    integers: set[int] = field(default_factory=set)  # leaves that are run-time integers
    constant: dict[int, str] = field(default_factory=dict)  # those whose value the code needs, and why
    lists: list[range] = field(default_factory=list)  # the leaves of lists of numbers, which vary together
    count: int = 0


Dynamic = bool | Mapping[str, int | Iterable[int]] | None


class Sizes:
    """The knowledge of one function.

    Args:
        parameters: the function's.
        dynamic: True: all sizes are symbols from the first call on; False: none ever is; or by parameter the axes that are.
        signature: a Spec for each parameter in order; calls must fit, and sizes that are None or names are symbols.
    """

    def __init__(self, parameters: Parameters, dynamic: Dynamic, signature: Sequence[Spec] | None):
        self.parameters, self.dynamic = parameters, dynamic
        self.signature = self._specs(signature)
        self._axes = self._declared(dynamic)
        self._open: dict[tree.Structure, dict[Axis, str]] = {}  # by Specs that stood for arrays
        self._known: dict[tree.Structure, _Known] = {}

    def _specs(self, signature: Sequence[Spec] | None) -> dict[str, Spec]:
        if signature is None:
            return {}
        names = [p.name for p in self.parameters.parameters]
        if not isinstance(signature, (list, tuple)) or not all(isinstance(spec, Spec) for spec in signature):
            raise ArgumentError("a signature is a list of Specs, one for each parameter", got=repr(signature)[:80],
                                fix='signature=[hy.Spec((None, 784), "float32")]')  # fmt: skip
        if len(signature) > len(names):
            raise ArgumentError("a signature has more Specs than there are parameters", got=len(signature),
                                expected=", ".join(names))  # fmt: skip
        return dict(zip(names, signature))

    def _declared(self, dynamic: Dynamic) -> dict[str, frozenset[int]]:
        if dynamic is None or isinstance(dynamic, bool):
            return {}
        names = [p.name for p in self.parameters.parameters]
        if not isinstance(dynamic, Mapping) or not set(dynamic) <= set(names):
            raise ArgumentError("dynamic is True, False, or axes by parameter", got=repr(dynamic)[:80],
                                expected=", ".join(names), fix='dynamic={"x": 0}')  # fmt: skip
        found = {name: axes if isinstance(axes, (tuple, list, set, frozenset)) else (axes,) for name, axes in dynamic.items()}
        for name, axes in found.items():
            if not all(type(axis) is int for axis in axes):
                raise ArgumentError(f"dynamic says of `{name}` what is no axis, nor several", got=repr(dynamic[name])[:80],
                                    expected="numbers of axes", fix=f"dynamic={{{name!r}: (0, 1)}}")  # fmt: skip
        return {name: frozenset(axes) for name, axes in found.items()}

    def check(self, structure: tree.Structure, leaves: Sequence[Leaf]) -> None:
        """ArgumentError for a call that its signature does not allow."""
        found: dict[str, int] = {}
        for name, axes in self._axes.items():
            arrays = [leaf for owner, leaf in zip(self.parameters.owners(structure), leaves)
                      if owner == name and isinstance(leaf, ArrayLeaf) and not isinstance(leaf, ListLeaf)]  # fmt: skip
            for axis in axes if arrays else ():
                if not any(-len(leaf.shape) <= axis < len(leaf.shape) for leaf in arrays):
                    raise ArgumentError(f"`{name}` has no axis {axis}, which `dynamic` names", got=arrays[0])
        for name, leaf in zip(self.parameters.owners(structure), leaves) if self.signature else ():
            spec = self.signature.get(name)
            if spec is None or isinstance(leaf, SameLeaf):
                continue
            fitting = isinstance(leaf, ArrayLeaf) and leaf.dtype == spec.dtype and len(leaf.shape) == len(spec.shape)
            for size, wanted in zip(leaf.shape, spec.shape) if isinstance(leaf, ArrayLeaf) and fitting else ():
                given = found.setdefault(wanted, size) if isinstance(wanted, str) else wanted  # type: ignore[arg-type]
                fitting = fitting and given in (None, size)
            if not fitting:
                known = [f"{size} = {found[size]}" for size in spec.shape if isinstance(size, str) and size in found]
                said = f"{spec}{', where ' if known else ''}{', '.join(known)}"
                raise ArgumentError(f"`{name}` is not what the signature says", got=leaf, expected=said,
                                    fix="convert the argument, or leave `signature` out")  # fmt: skip

    def _of(self, structure: tree.Structure, leaves: Sequence[Leaf]) -> _Known:
        known = self._known.get(structure)
        if known is None:
            known = self._known[structure] = _Known()
            known.symbols.update({**self._first(structure, leaves), **self._open.get(structure, {})})
            static = self.parameters.static_flags(structure)
            known.constant.update((k, STATIC) for k, fixed in enumerate(static) if fixed)
            # Integers of state are known to vary.
            first = 0 if self.dynamic is True else sum(part.leaves for part in structure.children[:2])
            varying = set(range(first, len(leaves)))
            if self.dynamic is not False:
                known.lists = _lists(structure, leaves)
                varying.update(k for span in known.lists if len(span) > LONG for k in span)
            known.integers.update(k for k in varying if _is_integer(leaves[k]) and k not in known.constant)
        return known

    def _first(self, structure: tree.Structure, leaves: Sequence[Leaf]) -> dict[Axis, str]:
        """The axes that are symbols from the first call on: those of one size in it share theirs, unless they have names."""
        out: dict[Axis, str] = {}
        for k, (name, leaf) in enumerate(zip(self.parameters.owners(structure), leaves)):
            shape = leaf.shape if isinstance(leaf, ArrayLeaf) else ()
            for axis, size in enumerate(shape):
                if name in self.signature:
                    asked = self.signature[name].shape[axis]
                    if not isinstance(asked, int):
                        out[k, axis] = f"n0_{k}_{axis}" if asked is None else f"n0_{asked}"
                elif self.dynamic is not False and isinstance(leaf, ListLeaf) and axis < 1 + (leaf.row is list):
                    out[k, axis] = f"n0_{size}"  # lists grow and shrink
                elif self.dynamic is True or not self._axes.get(name, frozenset()).isdisjoint((axis, axis - len(shape))):
                    out[k, axis] = f"n0_{size}"
        return out

    def clear(self) -> None:
        self._known.clear()

    def fixed(self) -> Iterable[str]:
        """Why sizes that vary are numbers in the code."""
        return {why: None for known in self._known.values() for why in known.fixed.values()}

    def why_fixed(self, structure: tree.Structure) -> str | None:
        """Why some size of such calls is no symbol, if one is not."""
        known = self._known.get(structure)
        return next(iter(known.fixed.values()), None) if known is not None else None

    def constant(self) -> Iterable[str]:
        """Why integers that vary are parts of the code."""
        return {why: None for known in self._known.values() for why in known.constant.values() if why is not STATIC}

    def is_run_time(self, structure: tree.Structure, k: int) -> bool:
        """Whether an integer's value is none of the compiled code's business."""
        return structure in self._known and k in self._known[structure].integers

    def pattern(self, structure: tree.Structure, leaves: tuple[Leaf, ...]) -> tuple[tuple[Leaf, ...], dict[str, int]] | None:
        """The leaves without the sizes and integers that vary, and what the symbols are in this call; None where none does."""
        known = self._of(structure, leaves)
        if not known.symbols and not known.integers:
            return None
        values: dict[str, int] = {}
        ones = self._stretched(known, leaves)
        for (k, axis), symbol in list(known.symbols.items()):
            leaf = leaves[k]
            if (k, axis) in ones or not isinstance(leaf, ArrayLeaf) or axis >= len(leaf.shape):
                continue
            size = leaf.shape[axis]
            assert isinstance(size, int)
            if values.setdefault(symbol, size) != size:
                if any((k, axis) in axes for axes in known.together):
                    return None  # Python's to say what is wrong with it
                symbol = known.symbols[k, axis] = self._apart(known, k, axis, symbol, leaves)
                values[symbol] = size
        axes: dict[int, dict[int, str]] = {}
        for (k, axis), symbol in known.symbols.items():
            if (k, axis) not in ones:
                axes.setdefault(k, {})[axis] = symbol
        made = tuple(_varying(leaf, axes.get(k, {}), k in known.integers) for k, leaf in enumerate(leaves))
        used = symbols(*(size for leaf in made if isinstance(leaf, ArrayLeaf) for size in leaf.shape))
        for symbol in used:
            known.usual[symbol] = max(known.usual.get(symbol, 0), values[symbol])
        return (made, {symbol: values[symbol] for symbol in sorted(used)}) if made != leaves else None

    @staticmethod
    def _stretched(known: _Known, leaves: tuple[Leaf, ...]) -> set[Axis]:
        """The axes of one element that NumPy stretches, in this call: beside others that the function needs to be equal, and
        those without which a trace with symbols failed."""
        sizes = _sizes(leaves)
        out = {axis for axis in known.single if sizes.get(axis) == 1}
        for axes in known.together:
            if len({sizes[axis] for axis in axes if axis in sizes}) == 2:
                out.update(axis for axis in axes if sizes.get(axis) == 1)
        return out

    def retry(self, structure: tree.Structure, leaves: tuple[Leaf, ...]) -> bool:
        """A trace with symbols has failed: whether there is another way.

        Those that stand for 1 in this call are numbers from now on, and those that stand for equal sizes are traced with such.
        Sizes of arguments that have been numbers so far, are equal to one of theirs, and would meet it in broadcasting, are
        what that symbol stands for: they will vary together.
        """
        known, sizes = self._known[structure], _sizes(leaves)
        ones = {axis for axis in known.symbols if sizes.get(axis) == 1}
        values = {symbol: sizes[axis] for axis, symbol in known.symbols.items() if axis in sizes}
        equal = {symbol for symbol, size in values.items() if list(values.values()).count(size) > 1}
        meeting = {(k, a): (sizes[k, a], a - len(leaves[k].shape)) for k, a in sizes}  # type: ignore[union-attr]
        symbol_of = {meeting[axis]: name for axis, name in known.symbols.items() if axis in sizes}
        free = (axis for axis in sizes if axis not in known.symbols and axis not in known.fixed)
        more = {axis: symbol_of[meeting[axis]] for axis in free if sizes[axis] != 1 and meeting[axis] in symbol_of}
        new = bool(more or ones - known.single or equal - known.level)
        known.single |= ones
        known.level |= equal
        known.symbols |= more
        return new

    @staticmethod
    def _apart(known: _Known, k: int, axis: int, symbol: str, leaves: Sequence[Leaf]) -> str:
        """A symbol for an axis that is not of the size its symbol stands for; the one its like in this call have, if any."""
        size = leaves[k].shape[axis]  # type: ignore[union-attr]
        for (other, a), name in known.symbols.items():
            leaf = leaves[other]
            if name.startswith(f"{symbol}_") and isinstance(leaf, ArrayLeaf) and a < len(leaf.shape) and leaf.shape[a] == size:
                return name
        known.count += 1
        return f"{symbol}_{known.count}"

    def hints(self, structure: tree.Structure, sizes: Mapping[str, int], again: bool) -> dict[str, int] | None:
        """Sizes to trace with: this call's, where they are like any other; None where they are not.

        Args:
            again: there is a trace, but not for such sizes.
        """
        if again:
            return dict(sizes) if min(sizes.values(), default=2) > 1 else None
        usual = self._known[structure].usual
        out: dict[str, int] = {}
        for at, (symbol, size) in enumerate(sizes.items()):
            size = size if size >= GENERIC else usual.get(symbol, 0)
            out[symbol] = size if size >= GENERIC else 16 + 3 * at
        level = [symbol for symbol in out if symbol in self._known[structure].level]
        return out | {symbol: max(out[other] for other in level if sizes[other] == sizes[symbol]) for symbol in level}

    def learn(self, structure: tree.Structure, leaves: tuple[Leaf, ...], others: Iterable[tuple[Leaf, ...]]) -> None:
        """Find out which sizes and integers vary, compared with earlier calls that differ in nothing else."""
        known = self._of(structure, leaves)
        if self.dynamic is False or self.signature:
            return
        alike = [(other, differing) for other in others if (differing := _differing(leaves, other)) is not None]
        self._learn_sizes(known, leaves, alike)
        values: dict[int, set[Hashable]] = {}
        for other, (_, integers) in alike:
            for k in integers:
                values.setdefault(k, set()).add(other[k].key)  # type: ignore[union-attr]
        found = {k for k, seen in values.items() if len(seen) >= FEW and k not in known.constant}
        found.update(k for span in known.lists if not found.isdisjoint(span) for k in span if k not in known.constant)
        known.integers.update(found)

    @staticmethod
    def _learn_sizes(known: _Known, leaves: tuple[Leaf, ...], alike: list[tuple[tuple[Leaf, ...], Differing]]) -> None:
        found: dict[Axis, tuple[int, ...]] = {}
        for earlier, (axes, _) in alike:
            if axes and not any(axis in known.fixed for axis in axes):
                found = {axis: (leaves[axis[0]].shape[axis[1]], earlier[axis[0]].shape[axis[1]]) for axis in axes}  # type: ignore
                break
        names: dict[tuple[int, ...], str] = {}
        for axis, sizes in found.items():
            if axis not in known.symbols:
                if sizes not in names:
                    known.count += 1
                    names[sizes] = f"n{known.count}"
                known.symbols[axis] = names[sizes]
                known.usual[names[sizes]] = max(sizes)

    def declare(self, structure: tree.Structure, leaves: Sequence[object]) -> None:
        """Make symbols of the sizes that Specs among the arguments leave open."""
        specs = {k: leaf for k, leaf in enumerate(leaves) if isinstance(leaf, Spec)}
        for k, axis, size in [(k, axis, size) for k, spec in specs.items() for axis, size in enumerate(spec.shape)]:
            if not isinstance(size, int):
                name = f"n0_{k}_{axis}" if size is None else f"n0_{size}"
                self._open.setdefault(structure, {})[k, axis] = name
                if structure in self._known and (k, axis) not in self._known[structure].fixed:
                    self._known[structure].symbols.setdefault((k, axis), name)

    def fix(self, structure: tree.Structure, names: Iterable[str], why: str) -> None:
        """Make numbers of symbols again, for good."""
        known, gone = self._known[structure], set(names)
        for axis, symbol in list(known.symbols.items()):
            if symbol in gone:
                del known.symbols[axis]
                known.fixed[axis] = why

    def settle(self, structure: tree.Structure, leaves: Iterable[int], why: str) -> None:
        """Make parts of the code of integers again, for good."""
        known = self._known[structure]
        for k in known.integers.intersection(leaves):
            known.integers.discard(k)
            known.constant[k] = why

    def differ(self, structure: tree.Structure, names: Iterable[str]) -> bool:
        """Whether several of the symbols stand for sizes of arguments: one that is to be equal to itself must be a number."""
        return len(set(self._known[structure].symbols.values()).intersection(names)) > 1

    def join(self, structure: tree.Structure, names: Iterable[str]) -> None:
        """Make one symbol of several, which the function needs to be equal."""
        known, all_ = self._known[structure], sorted(names)
        axes = frozenset(axis for axis, symbol in known.symbols.items() if symbol in all_)
        known.together.add(axes)
        known.symbols.update((axis, all_[0]) for axis in axes)


def beside(owners: Sequence[str], before: Collection[int], values: Sequence[object], asked: Sequence[int]) -> list[int]:
    """The other floats of an argument where several have been asked for: one trace for each of a list takes seconds."""
    many = {owners[k] for k in asked if sum(owners[other] == owners[k] for other in before) >= SEVERAL}
    return [k for k, owner in enumerate(owners) if owner in many and type(values[k]) is float]


def _sizes(leaves: Sequence[Leaf]) -> dict[Axis, int]:
    """The sizes of a call's arrays, all numbers, by axis."""
    shapes = ((k, leaf.shape) for k, leaf in enumerate(leaves) if isinstance(leaf, ArrayLeaf))
    return {(k, a): size for k, shape in shapes for a, size in enumerate(shape) if isinstance(size, int)}


def _symbolic(leaf: Leaf, axes: Mapping[int, str]) -> Leaf:
    if not isinstance(leaf, ArrayLeaf) or not axes or not leaf.direct:
        return leaf
    strides = leaf.strides
    fortran = strides is not None and strides == _fortran(leaf.shape, leaf.dtype.itemsize)
    if strides is not None and not fortran:
        # Whether two axes lie in memory as one depends on the size of the inner one: only the outermost may vary.
        outermost = max(range(len(strides)), key=strides.__getitem__)  # type: ignore[arg-type]  # they are numbers
        axes = {a: name for a, name in axes.items() if a == outermost and strides.count(strides[a]) == 1}
    shape: Shape = tuple(Dim.symbol(axes[a]) if a in axes else size for a, size in enumerate(leaf.shape))
    return replace(leaf, shape=shape, strides=_fortran(shape, leaf.dtype.itemsize) if fortran else strides)


def _fortran(shape: Shape, itemsize: int) -> Shape:
    """Strides in bytes of an array in Fortran's order."""
    return tuple(step * itemsize for step in contiguous_strides(shape[::-1])[::-1])


def _lists(structure: tree.Structure, leaves: Sequence[Leaf]) -> list[range]:
    """The leaves of each list and tuple that holds numbers and nothing else, however nested, and is in no other such."""
    out: list[range] = []

    def whole(node: tree.Structure, first: int) -> bool:
        """Whether a node is such a list, or such a number; if not, those in it are there by themselves."""
        if node.kind is None:
            return isinstance(leaves[first], NumberLeaf) or _is_integer(leaves[first])
        places, at = [], first
        for child in node.children:
            span = range(at, at + child.leaves)
            places.append((child, span, whole(child, at)))
            at = span.stop
        if node.kind in (list, tuple) and places and all(is_whole for *_, is_whole in places):
            return True
        out.extend(span for child, span, is_whole in places if is_whole and child.kind is not None)
        return False

    whole(structure, 0)
    return out


def _is_integer(leaf: Leaf) -> bool:
    """Whether a leaf is a Python integer that machine code can take."""
    return isinstance(leaf, StaticLeaf) and leaf.python is int and -(2**63) <= leaf.value < 2**63


def _varying(leaf: Leaf, axes: Mapping[int, str], integer: bool) -> Leaf:
    return NumberLeaf(int) if integer and _is_integer(leaf) else _symbolic(leaf, axes)


Differing = tuple[list[Axis], list[int]]  # axes of other sizes, integers of other values


def _differing(leaves: tuple[Leaf, ...], others: tuple[Leaf, ...]) -> Differing | None:
    """The sizes and integers that differ; None where anything else does."""
    found: list[Axis] = []
    integers: list[int] = []
    for k, (a, b) in enumerate(zip(leaves, others)):
        if a == b:
            continue
        if _is_integer(a) and _is_integer(b):
            integers.append(k)
            continue
        if not isinstance(a, ArrayLeaf) or not isinstance(b, ArrayLeaf) or len(a.shape) != len(b.shape):
            return None
        axes = {at: f"n{at}" for at, (m, n) in enumerate(zip(a.shape, b.shape)) if m != n}
        if _symbolic(a, axes) != _symbolic(b, axes) or not axes:
            return None
        found += [(k, at) for at in axes]
    return found, integers
