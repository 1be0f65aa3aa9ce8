"""Do two accesses of a loop whose iterations may run at once ever meet? A proof that they do not, never a guess.

Offsets are polynomials over the names in scope: sizes (at least 1: the loops over a size of zero do not run), loop indices (at
least 0) and integers of which nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from hybrid.core.shape import Dim, Size

_Term = tuple[Size, Size, Size]  # coefficient, least and greatest value of its variable


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


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of the names in a polynomial: `sizes` are at least 1, `indices` at least 0."""

    sizes: frozenset[str]
    indices: frozenset[str] = frozenset()

    def positive(self, size: Size) -> bool:
        """Whether a polynomial is positive for all values its names can have: written over `name - least`, no coefficient is
        negative, and the constant is positive."""
        if not isinstance(size, Dim):
            return size > 0
        if not size.symbols <= self.sizes | self.indices:
            return False
        least = {name: Dim.symbol(name) + (name in self.sizes) for name in size.symbols}
        shifted = size.evaluate(least)  # type: ignore[arg-type]
        if not isinstance(shifted, Dim):
            return shifted > 0
        terms = dict(shifted.terms)
        return terms.get((), 0) > 0 and all(c >= 0 for c in terms.values())

    def interval(self, terms: Sequence[_Term]) -> tuple[Size, Size] | tuple[None, None]:
        """Least and greatest value of sum(c·v), or None where the sign of a coefficient is not known."""
        low: Size = 0
        high: Size = 0
        for c, least, greatest in terms:
            if not self.positive(c) and not self.positive(-c):
                return None, None
            least, greatest = (least, greatest) if self.positive(c) else (greatest, least)
            low, high = low + c * least, high + c * greatest
        return low, high

    def never_zero(self, terms: Sequence[_Term], const: Size) -> bool:
        """Whether sum(terms) + const has one sign throughout, or const is no multiple of the coefficients' common divisor."""
        low, high = self.interval(terms)
        if low is not None and high is not None and (self.positive(low + const) or self.positive(-(high + const))):
            return True
        numbers = [c for c, _, _ in terms if isinstance(c, int)]
        return bool(terms) and len(numbers) == len(terms) and isinstance(const, int) and const % gcd(*numbers) != 0

    def forces_zero(self, mine: _Term, terms: list[_Term], const: Size) -> bool:
        """Whether c·v + sum(terms) + const = 0 implies v = 0: mixed radix, largest coefficient first.

        A term that outweighs all others together can only be cancelled by being zero; without it the next is the largest.
        """
        rest = list(terms)
        while True:
            if self.outweighs(mine, rest, const):
                return True
            largest = next((t for t in rest if self.outweighs(t, [mine, *(o for o in rest if o is not t)], const)), None)
            if largest is None:
                return False
            rest = [t for t in rest if t is not largest]

    def outweighs(self, term: _Term, others: list[_Term], const: Size) -> bool:
        low, high = self.interval(others)
        if low is None or high is None:
            return False
        weight = term[0] if self.positive(term[0]) else -term[0]
        return self.positive(weight - (high + const)) and self.positive(weight + low + const)

    def most(self, size: Size, loops: Sequence[Span]) -> Size | None:
        """A bound of a polynomial without the indices of some loops, outermost first; None where none is found."""
        for loop in reversed(loops):
            parts = split(size, loop.index)
            if parts is None:
                return None
            factor, size = parts
            if self.positive(factor):
                size = size + factor * (loop.extent - 1)
            elif factor != 0 and not self.positive(-factor):
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
        extent = signs.most(loops[at].extent, loops[depth:at])
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
