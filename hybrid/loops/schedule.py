"""The shape of loop nests: which axes merge, which run on threads, which become vectors."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from hybrid.core.affine import Affine
from hybrid.core.shape import Shape, Size
from hybrid.loops.nest import For, Stmt
from hybrid.passes.steps import SHORT_AXIS, number

FEW = 8  # parallel iterations that keep the cores evenly busy


@dataclass(frozen=True, slots=True)
class Axes:
    """Loop axes after merging: `index[k]` is the place along original axis k, in terms of the merged loops."""

    index: tuple[Affine, ...]
    names: tuple[str, ...]
    extents: Shape


def merge(names: Sequence[str], extents: Shape, affines: Sequence[Affine], ends: Collection[str] = ()) -> Axes:
    """Merge neighbouring axes that every access walks as one: coefficient(outer) = coefficient(inner) · extent(inner).

    Axes named in `ends` do not merge with those after them.
    """
    index: list[Affine] = [Affine.of(0)] * len(names)
    kept: list[tuple[str, Size]] = []
    inner: str | None = None  # the axis whose coefficient stands for the loop being grown
    for k in reversed(range(len(names))):
        name, extent = names[k], extents[k]
        if extent == 1:
            continue
        if inner and name not in ends and all(a.coefficient(name) == a.coefficient(inner) * kept[-1][1] for a in affines):
            kept[-1] = (kept[-1][0], kept[-1][1] * extent)
            continue
        kept.append((name, extent))
        index[k] = Affine.var(name)
        inner = name
    kept.reverse()
    return Axes(tuple(index), tuple(n for n, _ in kept), tuple(e for _, e in kept))


def plain(names: Sequence[str], extents: Shape) -> Axes:
    """The axes as they are, those of size 1 left out."""
    index = tuple(Affine.of(0) if e == 1 else Affine.var(n) for n, e in zip(names, extents))
    kept = [(n, e) for n, e in zip(names, extents) if e != 1]
    return Axes(index, tuple(n for n, _ in kept), tuple(e for _, e in kept))


def elementwise(axes: Axes, body: tuple[Stmt, ...], *, threads: bool = True) -> tuple[Stmt, ...]:
    """Loops whose iterations are all independent: the last axis in vectors, the first on threads."""
    order = list(zip(axes.names, axes.extents))
    if not order:
        return body
    if len(order) == 1:
        name, extent = order[0]
        return (For(name, extent, body, "flat" if threads else "vector"),)
    lane = len(order) - 1
    if number(order[lane][1]) < SHORT_AXIS:
        lane = max(range(len(order)), key=lambda k: (number(order[k][1]) >= SHORT_AXIS, k))
    vector = order.pop(lane)
    if threads and number(order[0][1]) < FEW:
        order.insert(0, order.pop(max(range(len(order)), key=lambda k: number(order[k][1]))))
    out: tuple[Stmt, ...] = (For(*vector, body, "vector"),)
    for name, extent in reversed(order[1:]):
        out = (For(name, extent, out),)
    return (For(*order[0], out, "parallel" if threads else "serial"),)


def over(axes: Axes, body: tuple[Stmt, ...], kind: str = "serial") -> tuple[Stmt, ...]:
    """Serial loops around a body; `kind` is that of the outermost."""
    for k in reversed(range(len(axes.names))):
        body = (For(axes.names[k], axes.extents[k], body, kind if k == 0 else "serial"),)
    return body


def innermost_vector(axes: Axes, body: tuple[Stmt, ...]) -> tuple[Stmt, ...]:
    """Serial loops, the last one in vectors."""
    for k in reversed(range(len(axes.names))):
        body = (For(axes.names[k], axes.extents[k], body, "vector" if k == len(axes.names) - 1 else "serial"),)
    return body
