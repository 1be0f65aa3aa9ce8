"""Containers of the caller's among the arguments of a trace: what they held at first, and what they hold at its end."""

from __future__ import annotations

import dataclasses
import functools
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from hybrid.control.given import Contents, Table
from hybrid.control.herds import Herd
from hybrid.control.lists import Listed
from hybrid.control.logs import Logged
from hybrid.control.watch import is_longer
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.ir.requests import Rebinds
from hybrid.ir.trace import Trace
from hybrid.staging.contents import nested
from hybrid.staging.logs import Growing, Path, Spot, place
from hybrid.staging.parameters import Bound
from hybrid.staging.read import Read

if TYPE_CHECKING:
    from hybrid.staging.reads import Reads


class Container:
    """A list, dict or other mutable container among the trace's arguments, and what it held at first."""

    def __init__(self, path: Path, value: Any):
        self.path, self.value = path, value
        self.before = self._now()

    def _now(self) -> tuple[list[Any], Any]:
        is_record = dataclasses.is_dataclass(self.value)
        names = tree.attributes(self.value) if is_record else tuple(self.value) if isinstance(self.value, dict) else None
        return tree.children(self.value) or [], names

    @property
    def changed(self) -> bool:
        (before, keys), (now, keys_now) = self.before, self._now()
        return keys != keys_now or len(before) != len(now) or any(a is not b for a, b in zip(before, now))

    def contents(self) -> Any:
        """What it holds now, as a list or a dict of its own."""
        if isinstance(self.value, dict):
            return dict(self.value)
        if dataclasses.is_dataclass(self.value):
            return dict(zip(tree.attributes(self.value), tree.children(self.value) or ()))
        if type(self.value) not in (list, deque):
            raise TraceError(f"the function changes a {type(self.value).__name__} that it was given",
                             expected="changes in lists, deques, dicts and dataclasses", fix="return a new one")  # fmt: skip
        return tree.children(self.value)


class Changed:
    """A list among the arguments that the function changes, as far as is known."""

    changed = True

    def __init__(self, path: Path, value: Listed):
        self.path, self.value = path, value

    def contents(self) -> Any:
        """What it holds now, as a list of its own; where it was only appended to, that."""
        return Contents(self.value)

    @property
    def extends(self) -> bool:
        """Whether its contents are to be added to what the caller's list holds."""
        return self.value.begins is not None


class Herded:
    """A list of objects among the arguments, whose attributes the function may set."""

    extends = False

    def __init__(self, path: Path, value: Herd):
        self.path, self.value = path, value

    @property
    def changed(self) -> bool:
        return bool(self.value.arena.written())

    def contents(self) -> Any:
        """What the attributes are now that it has set."""
        return self.value.left()


class Added:
    """A log among the arguments, to which the function appends."""

    def __init__(self, path: Path, value: Logged):
        self.path, self.value = path, value

    @property
    def changed(self) -> bool:
        return self.value.is_longer

    extends = True

    def contents(self) -> Any:
        """What it appends, as a list of its own."""
        added = self.value.added
        return Contents(added) if added.held is None else added.held


def containers_in(node: Any, path: Path = ()) -> Iterator[Container]:
    """The containers inside the arguments that the function could change."""
    children = tree.children(node)
    if not children and (children is None or node is None):
        return
    if len(path) > 1 and not isinstance(node, tuple):
        yield Container(path, node)
    for k, child in enumerate(children):
        yield from containers_in(child, (*path, k))


def tuples_in(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The tuples inside the arguments, which are themselves where they are returned; of an empty one there is no other."""
    if len(path) > 1 and isinstance(node, tuple) and node:
        yield path, node
    for k, child in enumerate(tree.children(node) or ()):
        yield from tuples_in(child, (*path, k))


def reached(reads: Sequence[Read], state: Iterable[Read]) -> tuple[Any, ...]:
    """The containers that a function reads otherwise than by its arguments, or in which lies what it reads or has as state."""
    parts = [read.holder for read in (*reads, *state)]
    parts += [part for read in reads for part in (nested(read.value) if read.whole else (read.value,))]
    found = {id(x): x for x in parts if x is not None and not isinstance(x, tuple) and tree.children(x) is not None}
    return tuple(found.values())


def changed_in(bound: Any) -> Iterator[Changed | Added | Herded]:
    """The lists among the arguments that the function may change, or append to, each once, and their places."""
    found: dict[int, Changed | Added | Herded] = {}
    pending: list[tuple[Path, Any]] = [((), bound)]
    while pending:
        path, node = pending.pop()
        if type(node) is Listed and node.herd is not None:
            found.setdefault(id(node.herd), Herded(path, node.herd))  # attributes are set before the list has other objects
        if type(node) in _CHANGED:
            found.setdefault(id(node), _CHANGED[type(node)](path, node))
        children = tree.children(node) or ()
        pending += [((*path, k), children[k]) for k in reversed(range(len(children)))]
    yield from found.values()


_CHANGED: dict[type, Any] = {Listed: Changed, Table: Changed, Logged: Added, Herd: Herded}


def ask_for_logs(trace: Trace, containers: Iterable[Any], bound: Bound, reads: Reads, read: Collection[Spot]) -> None:
    """Growing where the function appends to lists that it was given, Rebinds where it found them elsewhere.

    That are lists that are longer than they were and begin as they did, or that a branch or loop was seen to append to.

    Args:
        read: lists that are known to be read, too.
    """
    others = set(map(id, trace.handlers.others.grown))
    lists = [c for c in containers if type(c) is Container and type(c.value) is list]
    grown = [place(bound, c.path) for c in lists if id(c.value) in others or is_longer(c.value, c.before[0])]
    if places := [each for each in grown if each not in read]:
        raise Growing(places)
    if found := reads.holding(lambda value: type(value) is list and id(value) in others):
        raise Rebinds(found)


def refuse_strangers(trace: Trace, values: Iterable[Any], containers: Iterable[Any], reads: Reads) -> None:
    """TraceError for an object that may be one of a list of the caller's and that the function also reaches otherwise."""
    kinds = {kind for kind, arena in trace.handlers.arenas.items() if arena.leaf is not None}
    if not kinds:
        return
    parts = [*values, *(c.value for c in containers), *reads.values(), *(read.holder for read in reads.reads)]
    found = next((type(part) for part in parts if type(part) in kinds), None)
    if found is not None:
        raise TraceError(f"a {found.__name__} is reached that may be one of a list of such objects")


def structure_at(structure: tree.Structure, path: Path) -> tree.Structure:
    """How a container at a path of (args, kwargs), and of the state, nests."""
    return functools.reduce(lambda part, k: part.children[k], path, structure)


def leaf_at(structure: tree.Structure, path: Path) -> int:
    """Which leaf of (args, kwargs), and of the state, is at a path."""
    before = 0
    for k in path:
        before += sum(part.leaves for part in structure.children[:k])
        structure = structure.children[k]
    return before


def update(container: Any, contents: Any) -> None:
    """Leave in a caller's container what the function left in it."""
    if isinstance(container, dict):
        container.clear()
        container.update(contents)
    elif isinstance(container, list):
        container[:] = contents
    elif isinstance(container, deque):
        container.clear()
        container.extend(contents)
    else:  # an instance of a dataclass, whose own way of setting attributes the trace has gone
        for name in tree.attributes(container):
            if name not in contents:
                object.__delattr__(container, name)
        for name, value in contents.items():
            object.__setattr__(container, name, value)
