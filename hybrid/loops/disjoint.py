"""Do two accesses of a loop whose iterations may run at once ever meet? A proof that they do not, never a guess.

Offsets are polynomials over the names in scope: sizes (at least 1: the loops over a size of zero do not run), loop indices (at
least 0) and integers of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hybrid.core.shape import Dim, Size
from hybrid.core.signs import Signs


@dataclass(frozen=True, slots=True)
class Span:
    """A loop as proofs see it: its index runs from 0 to `extent - 1`."""

    index: str
    extent: Size


def split(size: Size, name: str) -> tuple[Size, Size] | None:
    """`(a, b)` with size = a·name + b, or None where the name appears in a higher power."""
    if not isinstance(size, Dim) or name not in size.symbols:
        return 0, size
    factor: Size = 0
    rest: Size = 0
    for monomial, c in size.terms:
        if name not in monomial:
            rest = rest + Dim({monomial: c})
            continue
        others = list(monomial)
        others.remove(name)
        if name in others:
            return None
        factor = factor + Dim({tuple(others): c})
    return factor, rest


def most(signs: Signs, size: Size, loops: Sequence[Span]) -> Size | None:
    """A bound of a polynomial without the indices of some loops, outermost first; None where none is found."""
    for loop in reversed(loops):
        parts = split(size, loop.index)
        if parts is None:
            return None
        factor, size = parts
        if signs.positive(factor):
            size = size + factor * (loop.extent - 1)
        elif factor != 0 and not signs.positive(-factor):
            return None
    return size


def apart(a: Size, a_loops: Sequence[Span], b: Size, b_loops: Sequence[Span], depth: int, signs: Signs) -> bool:
    """Whether accesses at the offsets a and b never meet in different iterations of the loop at `depth` of both lists.

    The distance of the offsets is sum(c·v) + const over integer variables v of known range; the loop's own variable is the
    difference of its two iterations, zero only if they are one. Names from outside have one value on both sides.
    """
    loop = a_loops[depth]
    span = loop.extent - 1
    signs = Signs(signs.sizes, frozenset(outer.index for outer in a_loops[:depth]))
    left, right = _over(a, a_loops, depth, signs), _over(b, b_loops, depth, signs)
    if left is None or right is None:
        return False
    ranges: dict[Size, tuple[Size, Size]] = {}  # coefficient -> range of the sum of the variables that have it

    def add(c: Size, low: Size, high: Size) -> None:
        if c != 0 and (low != 0 or high != 0):
            before = ranges.get(c, (0, 0))
            ranges[c] = before[0] + low, before[1] + high

    const = left[1] - right[1]
    for outer in reversed(a_loops[:depth]):
        parts = split(const, outer.index)
        if parts is not None and parts[0] != 0:
            const = parts[1]
            add(parts[0], 0, outer.extent - 1)
    for c, high in left[2]:
        add(c, 0, high)
    for c, high in right[2]:
        add(c, -high, 0)
    own, theirs = left[0], right[0]
    if own == theirs and own != 0:
        mine = (own, -span, span)
        terms = [(c, *reach) for c, reach in ranges.items()]
        return signs.never_zero([mine, *terms], const) or signs.forces_zero(mine, terms, const)
    add(own, 0, span)
    add(theirs, -span, 0)
    return signs.never_zero([(c, *reach) for c, reach in ranges.items()], const)


def _over(offset: Size, loops: Sequence[Span], depth: int, signs: Signs) -> tuple[Size, Size, list[tuple[Size, Size]]] | None:
    """An offset as `own·index + const + sum(c·v)` over the loop at `depth` and those inside it: own, const, and each c with the
    greatest v. None where it is not such a sum."""
    inner: list[tuple[Size, Size]] = []
    inside = {loop.index for loop in loops[depth:]}
    rest = offset
    for at in range(len(loops) - 1, depth, -1):
        parts = split(rest, loops[at].index)
        extent = most(signs, loops[at].extent, loops[depth:at])
        if parts is None or extent is None:
            return None
        factor, rest = parts
        if isinstance(factor, Dim) and factor.symbols & inside:
            return None
        inner.append((factor, extent - 1))
    parts = split(rest, loops[depth].index)
    if parts is None or (isinstance(parts[0], Dim) and parts[0].symbols & inside):
        return None
    return parts[0], parts[1], inner
