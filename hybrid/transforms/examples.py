"""What of a graph differs from one example of a batch to the next, and what may be computed where no example asks for it.

A size that differs is not the size of any array: what mentions it is computed for one example after another, and nothing more.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hybrid.core.bounds import Bounds
from hybrid.core.shape import Dim, Size, TensorType
from hybrid.ir.graph import Atom, Eqn, Graph, Var, bodies, has_effects, is_construct, symbols_of
from hybrid.ir.primitive import Kind


@dataclass(frozen=True, slots=True)
class Differing:
    """What differs in a graph.

    Args:
        values: those that do, of the graph's own.
        results: whether each of its results does.
        parts: its equations in an order to compute them, those together that are computed for one example after another.
    """

    values: set[Var]
    results: tuple[bool, ...]
    parts: tuple[tuple[Eqn, ...] | Eqn, ...]

    def flags(self, atoms: Sequence[Atom]) -> tuple[bool, ...]:
        return tuple(isinstance(atom, Var) and atom in self.values for atom in atoms)


class Reach:
    """What differs in the graphs of one batch, whose inputs do; `draws`: whether random numbers do."""

    def __init__(self, draws: bool):
        self.draws = draws
        self._known: dict[tuple[Graph, tuple[bool, ...]], Differing] = {}  # loops in loops ask many times

    def of(self, graph: Graph, mapped: Sequence[bool]) -> Differing:
        """What differs in a graph where some inputs do."""
        key = graph, tuple(mapped)
        if key not in self._known:
            self._known[key] = self._found(graph, mapped)
        return self._known[key]

    def _found(self, graph: Graph, mapped: Sequence[bool]) -> Differing:
        groups: list[set[int]] = []
        while True:
            values, sizes = self._spread(graph, mapped, frozenset().union(*groups))
            grown = _groups(graph, sizes) if sizes else []
            if grown == groups:
                break
            groups = grown
        results = tuple(isinstance(atom, Var) and atom in values for atom in graph.outputs)
        return Differing(values, results, _ordered(graph, groups) if groups else graph.eqns)

    def _spread(self, graph: Graph, mapped: Sequence[bool], apart: frozenset[int]) -> tuple[set[Var], frozenset[str]]:
        """The values that differ, and the size symbols, where some equations are computed for one example after another."""
        values = {var for var, has in zip(graph.inputs, mapped) if has}
        sizes: set[str] = set()
        for k, eqn in enumerate(graph.eqns):
            flags = [atom in values for atom in eqn.inputs]
            if k in apart:
                values.update(eqn.outputs)
            elif is_construct(eqn) and (any(flags) or (self.draws and has_effects_inside(eqn))):
                values.update(var for var, has in zip(eqn.outputs, self._of_construct(eqn, flags)) if has)
            elif eqn.primitive.effect:
                values.update(eqn.outputs[1:] if self.draws else ())
            elif any(flags):
                values.update(eqn.outputs)
            if any(flags) or k in apart:
                sizes.update(defined(eqn))
        return values, frozenset(sizes)

    def _of_construct(self, eqn: Eqn, flags: Sequence[bool]) -> Sequence[bool]:
        """Which results of a branch, a loop or a recursion differ where some operands do."""
        if eqn.primitive.body == "cond" and not flags[0]:
            ways = (self.of(eqn.params[name], flags[1:]).results for name in ("then", "orelse"))
            return [a or b for a, b in zip(*ways)]
        if eqn.primitive.body == "loop":
            return self.of_loop(eqn, flags)[0]
        return [True] * len(eqn.outputs)

    def of_loop(self, eqn: Eqn, flags: Sequence[bool]) -> tuple[list[bool], bool]:
        """Which of the values that a loop carries differ, and whether the number of its rounds does."""
        carried, body, test = (eqn.params[name] for name in ("carried", "body", "test"))
        moving, fixed, ends = list(flags[:carried]), flags[carried:], False
        while True:
            ends = ends or (test is not None and self.of(test, [*moving, *fixed]).results[0])
            after = self.of(body, [*moving, *fixed]).results
            stays = (a is b for a, b in zip(body.inputs, body.outputs))
            grown = [here or there or (ends and not same) for here, there, same in zip(moving, after, stays)]
            if grown == moving:
                return moving, ends
            moving = grown


def defined(eqn: Eqn) -> tuple[str, ...]:
    """The size symbols that an equation gives their values for the equations after it."""
    return (eqn.params["symbol"],) if eqn.primitive.body == "bind" else tuple(eqn.params.get("defines", ()))


def has_effects_inside(eqn: Eqn) -> bool:
    return any(map(has_effects, bodies(eqn).values()))


# What is computed for one example after another ---------------------------------------------------------------------------
def _mentioned(eqn: Eqn) -> frozenset[str]:
    """The symbols of an equation and of its operands' sizes."""
    return symbols_of(eqn).union(*(symbols_of(atom.type) for atom in eqn.inputs))


def _needs(graph: Graph) -> list[set[int]]:
    """The equations that each one comes after: those that make its operands and sizes, and assumptions stated before it."""
    makers: dict[object, int] = {}
    out: list[set[int]] = []
    last: set[int] = set()
    for k, eqn in enumerate(graph.eqns):
        out.append({makers[name] for name in (*eqn.inputs, *_mentioned(eqn)) if name in makers} | last)
        makers.update((name, k) for name in (*eqn.outputs, *defined(eqn)))
        if eqn.primitive.body == "check":
            last = {k}
    return out


def _groups(graph: Graph, sizes: frozenset[str]) -> list[set[int]]:
    """For each size that differs the equations that mention it, and what is computed from some of them for others of them."""
    needs = _needs(graph)
    groups: list[set[int]] = []
    for symbol in sorted(sizes):
        new = {k for k, eqn in enumerate(graph.eqns) if symbol in defined(eqn) or symbol in _mentioned(eqn)}
        while True:
            joined = [group for group in groups if not group.isdisjoint(new)]
            groups = [group for group in groups if group.isdisjoint(new)]
            whole = _closed(new.union(*joined), needs)
            if whole == new:
                break
            new = whole
        groups.append(new)
    return groups


def _closed(members: set[int], needs: Sequence[set[int]]) -> set[int]:
    after: set[int] = set()
    for k in range(min(members), max(members)):
        if k not in members and not needs[k].isdisjoint(members | after):
            after.add(k)
    before: set[int] = set()
    for k in range(max(members), min(members), -1):
        if k in members or k in before:
            before |= needs[k]
    return members | (after & before)


def _ordered(graph: Graph, groups: Sequence[set[int]]) -> tuple[tuple[Eqn, ...] | Eqn, ...]:
    """All equations with each group in one place, that of its last one, and otherwise as they come."""
    place = {k: max(group) for group in groups for k in group}
    members = {max(group): group for group in groups}
    needs: dict[int, set[int]] = {}
    for k, wanted in enumerate(_needs(graph)):
        at = place.get(k, k)
        needs.setdefault(at, set()).update({place.get(j, j) for j in wanted} - {at})
    users: dict[int, list[int]] = {at: [] for at in needs}
    for at, wanted in needs.items():
        for j in wanted:
            users[j].append(at)
    ready = [at for at, wanted in needs.items() if not wanted]
    heapq.heapify(ready)
    out: list[tuple[Eqn, ...] | Eqn] = []
    while ready:
        at = heapq.heappop(ready)
        out.append(tuple(graph.eqns[k] for k in sorted(members[at])) if at in members else graph.eqns[at])
        for user in users[at]:
            needs[user].discard(at)
            if not needs[user]:
                heapq.heappush(ready, user)
    return tuple(out)


# What may be computed in vain ------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def knowing(bounds: Bounds, symbol: str, high: Size | None) -> Iterator[None]:
    """A body in which a symbol counts up from zero."""
    before = dict(bounds.known)
    bounds.know(symbol, 0, high)
    try:
        yield
    finally:
        bounds.known = before


def harmless(graph: Graph, bounds: Bounds) -> bool:
    """Whether a graph may be run on values that no example has: it ends, fails nowhere and stays inside its arrays."""
    return all(_is_harmless(eqn, bounds) for eqn in graph.eqns)


def _is_harmless(eqn: Eqn, bounds: Bounds) -> bool:
    primitive = eqn.primitive
    if primitive.effect or primitive.raises or defined(eqn) or primitive.body in ("recursion", "again"):
        return False
    if primitive.body == "loop" and is_construct(eqn):
        count = eqn.params["count"]
        if count is None:
            return False
        with knowing(bounds, eqn.params["symbol"], count - 1):
            return all(harmless(body, bounds) for body in bodies(eqn).values())
    if not all(harmless(body, bounds) for body in bodies(eqn).values()):
        return False
    if is_construct(eqn):
        return True
    if primitive.kind is Kind.VIEW and len(eqn.inputs) > 1:
        return False  # an index that is computed
    return not symbols_of(eqn) or _inside(eqn, bounds)


class _Unknown(Exception):
    """An index is computed."""


class _NoGather:
    def gather(self, *_: object) -> Size:
        raise _Unknown


def _inside(eqn: Eqn, bounds: Bounds) -> bool:
    """Whether the sizes of an equation's results, and what it reads and writes, are provably what they may be."""
    if not all(bounds.nonnegative(size) for var in eqn.outputs for size in var.type.shape):
        return False
    types = [atom.type for atom in eqn.inputs]
    if eqn.primitive.regions is not None:
        return all(_region(types[k], start, step, eqn.output.type, bounds) for k, start, step in
                   eqn.primitive.regions(*types, **eqn.params))  # fmt: skip
    if eqn.primitive.kind is not Kind.VIEW:
        return True
    places = [Dim.symbol(f"place {k}") for k in range(eqn.output.type.ndim)]
    return _within(eqn.primitive, types, eqn.params, places, eqn.output.type, bounds)


def _region(value: TensorType, start: Sequence, step: Sequence, base: TensorType, bounds: Bounds) -> bool:
    if any(size == 0 for size in value.shape):
        return True
    ends = [first + by * (count - 1) for first, by, count in zip(start, step, value.shape)]
    return all(
        bounds.nonnegative(first) and bounds.nonnegative(last) and bounds.below(first, size) and bounds.below(last, size)
        for first, last, size in zip(start, ends, base.shape)
    )


def _within(primitive, types, params: Mapping, places: Sequence[Dim], out: TensorType, bounds: Bounds) -> bool:  # type: ignore[no-untyped-def]
    before = dict(bounds.known)
    for k, size in enumerate(out.shape):
        bounds.know(f"place {k}", 0, size - 1)
    try:
        index = primitive.index(places, types, _NoGather(), **params)
        return index is None or all(
            bounds.nonnegative(at) and bounds.below(at, size) for at, size in zip(index, types[0].shape)
        )
    except _Unknown:
        return False
    finally:
        bounds.known = before
