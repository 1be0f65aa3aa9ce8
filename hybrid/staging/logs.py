"""Lists of the caller's that a function only appends to: each is one leaf of a call, however long it is and whatever is in it.

As a container such a list would be another one at every call, since it has become longer. So where a trace finds that a list
among the arguments or the state has grown, and nothing else, it is recorded again with a log in its place. A function that
reads the list after all (`Reading`) gets the container.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from hybrid.core import tree
from hybrid.staging.parameters import Bound, Parameters

Path = tuple[int, ...]  # from (args, kwargs), and the state, to something inside, by child
Spot = tuple[Hashable, ...]  # a path, with the name of state where it leads through that


class Growing(Exception):
    """A function appends to lists among its arguments: trace again with logs in their places."""

    def __init__(self, places: Iterable[Spot]):
        super().__init__("a function appends to a list that it was given")
        self.places = tuple(places)


class Log:
    """One list, in its place among the leaves of a call."""

    __slots__ = ("items",)

    def __init__(self, items: list):
        self.items = items


class Logs:
    """The part of a decorated function that decides which lists are logs."""

    parameters: Parameters
    _logs: frozenset[Spot] = frozenset()
    _read: frozenset[Spot] = frozenset()  # of lists that it was seen to read, too

    def _may_grow(self, places: Iterable[Spot]) -> bool:
        """Take lists for logs from now on; whether one is that was none."""
        new = frozenset(places) - self._logs - self._read
        fixed = frozenset(filter(self._is_static, new))
        self._logs, self._read = self._logs | (new - fixed), self._read | fixed
        return bool(new - fixed)

    def _is_static(self, place: Spot) -> bool:
        side, step = place[:2]
        name = self.parameters.name(step) if side == 0 and isinstance(step, int) else ""
        return side != 2 and bool(self.parameters.static) and (side == 1 or name in self.parameters.static)

    def _reads(self, bound: Bound, structure: tree.Structure, leaves: Iterable[int]) -> None:
        """Lists that are these leaves of such a call are no logs, nor wherever else the same lists are."""
        found = frozenset(place(bound, path_of(structure, leaf)) for leaf in leaves)
        read = set(map(id, lists_at(bound, found)))
        found |= {spot for spot in self._logs if any(id(each) in read for each in lists_at(bound, (spot,)))}
        self._logs, self._read = self._logs - found, self._read | found


def place(bound: Bound, path: Path) -> Spot:
    """The name of a path: there may be more state in another call."""
    return (2, tuple(bound[2])[path[1]], *path[2:]) if path[0] == 2 else path


def path_of(structure: tree.Structure, leaf: int) -> Path:
    """Where a leaf is."""
    path: list[int] = []
    while structure.kind is not None:
        path.append(0)
        for child in structure.children:
            if leaf < child.leaves:
                structure = child
                break
            leaf -= child.leaves
            path[-1] += 1
    return tuple(path)


def lists_at(bound: Bound, spots: Iterable[Spot]) -> Iterator[list]:
    """The lists at these spots of a call."""
    return (found for spot in spots if type(found := _found(bound, spot)) is list)


def _found(bound: Bound, spot: Spot) -> Any:
    """What is at a spot; None where there is none."""
    node: Any = bound
    for at, step in enumerate(spot):
        if at == 1 and spot[0] == 2:
            node = node.get(step)
            continue
        parts = tree.children(node)
        if parts is None or not isinstance(step, int) or step >= len(parts):
            return None
        node = parts[step]
    return node
