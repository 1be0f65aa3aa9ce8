"""The way back on a tape: cotangents from results to leaves, the latest node first."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from hybrid.frontend.values import wrap
from hybrid.transforms.tape import Leaf, Node, Ref, Tape


def pull(
    level: Tape, roots: Sequence[tuple[Ref, Any]], arrive: Callable[[Leaf, Any], None], *, retain: bool, follow: bool,
    wanted: Collection[Leaf | Ref] | None = None, ends: Callable[[Ref, Any], bool] | None = None,
) -> None:  # fmt: skip
    """Take cotangents from roots to leaves, the latest node first.

    Args:
        arrive: called with each leaf and all that reaches it, in memory of its own.
        retain: keep what the nodes saved, so that the way can be gone again.
        follow: whether the steps of the way are themselves remembered on this level.
        wanted: the leaves and results to go to, and no further; left out: all leaves.
        ends: takes what reaches a place, and says whether the way ends there.
    """
    back = _Back(level, retain, follow, wanted, roots, ends)
    with np.errstate(all="ignore"):  # a derivative may be infinite where its value is not
        for ref, given in roots:
            back.add(ref, given)
        back.go()
    taken = {id(given._data) for _, given in roots}
    while back.sums:
        leaf, total = back.sums.popitem()
        arrive(leaf, _hooked(leaf.hooks, owned(total, taken)))


def owned(given: Any, taken: set[int]) -> Any:
    """A gradient in memory that nobody else holds, for its owner to write into."""
    data = given._data
    if type(data) is np.ndarray:
        alone = data.base is None and data.flags.writeable and sys.getrefcount(data) <= MINE and id(data) not in taken
        return given if alone else wrap(data.copy())
    if id(data) in taken:
        return given.copy()
    taken.add(id(data))
    return given


MINE = 3  # references to an array as `sys.getrefcount` counts them: of its tensor, a variable, and the count's own


class _Back:
    """One way back."""

    def __init__(
        self, level: Tape, retain: bool, follow: bool, wanted: Collection | None, roots: Sequence[tuple[Ref, Any]],
        ends: Callable[[Ref, Any], bool] | None,
    ):  # fmt: skip
        self.level, self.retain, self.follow, self.wanted, self.ends = level, retain, follow, wanted, ends
        self.leading = None if wanted is None else _leading(roots, wanted)
        self.sums: dict[Leaf, Any] = {}  # what has reached each leaf
        self.grads: dict[Ref, Any] = {}  # and each result
        self.waiting: list[tuple[int, Node]] = []
        self.seen: set[Node] = set()

    def add(self, ref: Ref, given: Any) -> None:
        where = ref[0]
        if self.ends is not None and self.ends(ref, given):
            return
        if isinstance(where, Leaf):
            if self.wanted is None or where in self.wanted:
                self.sums[where] = self.sums[where] + given if where in self.sums else given
            return
        if self.leading is not None and where not in self.leading and ref not in self.wanted:  # type: ignore[operator]
            return
        self.grads[ref] = self.grads[ref] + given if ref in self.grads else given
        if where not in self.seen:
            self.seen.add(where)
            heapq.heappush(self.waiting, (-where.number, where))

    def go(self) -> None:
        while self.waiting:
            node = heapq.heappop(self.waiting)[1]
            cotangents = [self._through(node, place) for place in range(len(node.operation.outputs))]
            if self.leading is not None and node not in self.leading:
                continue
            sources = [source for source, wanted in zip(node.sources, node.wanted) if wanted and source is not None]
            for source, g in zip(sources, node.back(self.level, cotangents, self.follow)):
                self.add(source, g)
            if not self.retain:
                node.free()

    def _through(self, node: Node, place: int) -> Any:
        """All that has reached a result, as hooks change it."""
        g = self.grads.pop((node, place), None)
        if g is not None:
            if node.hooks is not None:
                g = _hooked(node.hooks.get(place, {}), g)
            if node.kept is not None and place in node.kept:
                node.kept[place].arrive(owned(g, {id(g._data)}))
        return g


def _leading(roots: Sequence[tuple[Ref, Any]], wanted: Collection[Leaf | Ref]) -> set[Node]:
    """The nodes that there is a way from to what is wanted."""
    leading: set[Node] = set()
    seen: set[Node] = set()
    waiting = [ref[0] for ref, _ in roots]
    order: list[Node] = []
    while waiting:
        node = waiting.pop()
        if isinstance(node, Node) and node not in seen:
            seen.add(node)
            order.append(node)
            waiting += [source[0] for source in node.sources if source is not None]
    for node in sorted(order, key=lambda node: node.number):
        for source, takes in zip(node.sources, node.wanted):
            if takes and source is not None and (source in wanted or source[0] in wanted or source[0] in leading):
                leading.add(node)
                break
    return leading


def _hooked(hooks: dict[int, Callable], given: Any) -> Any:
    for hook in list(hooks.values()):
        out = hook(given)
        given = given if out is None else out
    return given
