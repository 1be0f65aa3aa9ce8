"""What a trace has found: its graph, what calls return, write and leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hybrid.control.unrolled import Unrolled
from hybrid.core import tree
from hybrid.core.shape import Quotient
from hybrid.frontend.chosen import Picked
from hybrid.frontend.values import Value
from hybrid.ir.graph import Graph
from hybrid.ir.requests import Writing
from hybrid.ir.sizes import Condition, all_sizes, hold
from hybrid.ir.trace import Chain
from hybrid.staging.containers import leaf_at, structure_at, update
from hybrid.staging.instances import Instances, Stored
from hybrid.staging.logs import Path
from hybrid.staging.packed import add_to, leave_in
from hybrid.staging.read import Read
from hybrid.staging.signature import ArrayLeaf, Leaf, ListLeaf, NumberLeaf, ScalarLeaf


@dataclass(frozen=True, slots=True)
class Computed:
    """Result `index` of the graph, as the undecorated function would give it; `chain`: the part of it that is seen.

    `otherwise`: where result `otherwise[0]` is false it is something else: of that Python class, or that result.
    """

    index: int
    kind: str  # tensor | ndarray | scalar | python
    chain: Chain = ()
    otherwise: tuple[int, type | Result] | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list of as many items as a run finds: results `index` and `index + 1` of the graph are where they begin and end in
    those after them, the arrays of their numbers."""

    index: int
    layout: Any  # of each item, as in `control.lists`
    array: Any = False  # the dtype, or None for NumPy's choice, where it is an array of these items
    make: Any = None  # what makes a container of another class of a list of the items


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument leaf itself."""

    index: int


@dataclass(frozen=True, slots=True)
class Held:
    """A list, dict or other container that came in as an argument."""

    path: Path


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


@dataclass(frozen=True, slots=True)
class Again:
    """A new container that has been met before: the `index`-th node of what a call leaves, in the order in which they come."""

    index: int


Result = Again | Computed | Picked | Items | Stored | Argument | Held | View | Constant | Repeat


@dataclass(frozen=True, slots=True)
class Traced:
    """What one trace found.

    `graph` gives the visible results first, then the new values of written memory: `writes[k]` is where result
    `visible + k` goes, a leaf index or a captured array. `results` are the leaves of what the function returned, of what each
    container in `updates` holds afterwards, of what is rebound, and of gradients; `whole` says how they nest.
    """

    graph: Graph
    arguments: tree.Structure  # how the leaves nest, as (args, kwargs)
    leaves: tuple[Leaf, ...]
    inputs: tuple[int, ...]  # leaf index of each graph input
    results: tuple[Result, ...]
    whole: tree.Structure  # of what is returned, the updates, what is rebound, and gradients
    visible: int
    writes: tuple[int | np.ndarray, ...]
    updates: tuple[tuple[Path, tree.Structure], ...] = ()
    extended: frozenset[Path] = frozenset()  # those of them that are lists to which these are added
    containers: tuple[Path, ...] = ()  # every container among the arguments, where it must be none that is reached otherwise
    told_apart: bool = False  # whether none of them may be another one
    apart: tuple[int, ...] = ()  # leaves that are arrays, which must be no other one of these
    state: tuple[Read, ...] = ()  # what it reads as it reads its arguments
    rebinds: tuple[tuple[Read, tree.Structure], ...] = ()  # what is rebound of it, and made; their leaves are the last results
    checks: Graph | None = None  # Python numbers; a call for which one is not finite belongs to Python
    sizes: tuple[str, ...] = ()  # the symbols among the sizes of its arguments
    quotients: Mapping[str, Quotient] = field(default_factory=dict)  # sizes that are computed from them
    conditions: tuple[Condition, ...] = ()  # what they must fulfil
    late: Mapping[str, int] = field(default_factory=dict)  # symbols in views among the results -> the graph's result
    generators: tuple[Any, ...] = ()  # NumPy's random generators that it reaches otherwise than by its arguments
    passed: tuple[tuple[int, Any], ...] = ()  # those among its arguments: the leaf, and the one above that it is, or None
    islands: tuple[str, ...] = ()  # calls of functions between compiled parts, and why
    notes: tuple[str, ...] = ()  # what `explain` says: recursions that were written out, source that could not be rewritten
    unrolled: tuple[Unrolled, ...] = ()  # loops that were written out
    again: Writing | None = None  # which loops another trace may write out that does better
    spelled: str = ""  # the loop, in no other, that was written out and left the most branches and loops; and why
    heard: bool = False  # whether it asks NumPy to report floating-point errors that the caller does not ask for
    followed: tuple[tuple[np.ndarray, Any], ...] = ()  # captured arrays of tensors that a transform followed, and these
    gradients: tuple[tuple[Any, tree.Structure], ...] = ()  # leaves that it gives gradients; these are the last results
    differentiates: str = ""  # whether it has to do with leaves: "gradients" of theirs, "asks" what requires them
    stored: Mapping[type, Instances] = field(default_factory=dict)  # instances that results are, or lead to

    @property
    def structure(self) -> tree.Structure:
        """Of what is returned."""
        return self.whole.children[0]

    def spelled_out(self) -> tuple[tree.Structure, tuple[Result, ...]]:
        """What is returned and its leaves, with the leaves of tuples among the arguments in their place."""
        results: list[Result] = []
        leaves = iter(self.results)
        places: dict[int, int] = {}  # of each leaf among these results

        def spell(structure: tree.Structure) -> tree.Structure:
            if structure.kind is not None:
                return replace(structure, children=tuple(map(spell, structure.children)))
            places[len(places)], result = len(results), next(leaves)
            return (
                given(result.path)
                if type(result) is Held
                else one(Repeat(places[result.index]) if type(result) is Repeat else result)
            )

        def given(path: Path) -> tree.Structure:
            nesting = structure_at(self.arguments, path)
            if nesting.kind is None:
                return one(Argument(leaf_at(self.arguments, path)))
            if not issubclass(nesting.kind, tuple):
                return one(Held(path))
            return replace(nesting, children=tuple(given((*path, k)) for k in range(len(nesting.children))))

        def one(result: Result) -> tree.Structure:
            results.append(result)
            return tree.LEAF

        return spell(self.structure), tuple(results)

    @property
    def shares(self) -> bool:
        """Whether a container is met twice in what a call leaves."""
        return any(type(result) is Again for result in self.results)

    def takes(self, sizes: Mapping[str, int]) -> bool:
        """Whether these sizes of arguments are among those it was made for."""
        return not self.conditions or hold(self.conditions, self.all_sizes(sizes))

    def all_sizes(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """The sizes that are known before a call starts."""
        return all_sizes(sizes, self.quotients)


def leaves_in(traced: Traced, path: Path, nesting: tree.Structure) -> Callable[[Any, Any], None]:
    """What leaves results that nest so in a caller's container."""
    return add_to if path in traced.extended else leave_in if nesting.kind is None else update


def taken(leaf: Leaf, value: Any) -> np.ndarray:
    """What a graph takes for an argument."""
    if isinstance(leaf, ListLeaf):
        return value.array(leaf.choices)
    if isinstance(leaf, ArrayLeaf):
        array = value._data if isinstance(value, Value) else value
        return array if leaf.direct else np.array(array, order="C")
    assert isinstance(leaf, (ScalarLeaf, NumberLeaf))
    return np.asarray(value, leaf.dtype)


def assembled(traced: Traced, held: Sequence[Any], results: Sequence[Any]) -> Any:
    """What a call returns, of its results; what else it leaves is put in its place.

    Args:
        held: the caller's containers that are updated.
        results: for each of the trace's; for `Again`, and for a `Repeat` that is left to this, itself.
    """
    out, contents, after, gradients = _built(traced.whole, results)
    for (path, nesting), container, now in zip(traced.updates, held, contents):
        leaves_in(traced, path, nesting)(container, now)
    for (place, _), value in zip(traced.rebinds, after):
        place.put(value)
    for (leaf, _), value in zip(traced.gradients, gradients):
        leaf.grad = value
    return out


def _built(whole: tree.Structure, results: Sequence[Any]) -> Any:
    """The containers of a structure around results."""
    made: list[Any] = []  # by the order in which nodes come
    leaves = iter(results)

    def build(structure: tree.Structure) -> Any:
        at = len(made)
        made.append(None)
        if structure.kind is None:
            leaf = next(leaves)
            return made[leaf.index] if type(leaf) is Again else results[leaf.index] if type(leaf) is Repeat else leaf
        parts = [build(child) for child in structure.children]
        if structure.kind is tuple or structure.kind is list:  # as what a call leaves is, for the most part
            made[at] = parts if structure.kind is list else tuple(parts)
            return made[at]
        alone = tree.Structure(structure.kind, structure.aux, tuple(tree.LEAF for _ in parts))
        made[at] = tree.unflatten(alone, parts)
        return made[at]

    return build(whole)


class Nodes:
    """Asked for each node of what a call leaves, in the order in which they come, it says whether that is a leaf."""

    def __init__(self, given: Mapping[int, Any]):
        self.given, self.count = given, 0
        self.new: dict[int, int] = {}  # the places of new containers, by id

    def __call__(self, node: Any) -> bool:
        at, self.count = self.count, self.count + 1
        if id(node) in self.given:
            return True
        if node is None or (type(node) is tuple and not node) or tree.children(node) is None:
            return False
        return self.new.setdefault(id(node), at) != at
