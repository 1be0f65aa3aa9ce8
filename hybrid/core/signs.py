"""The signs of polynomials in sizes and loop indices: what can be proven of them, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from hybrid.core.shape import Dim, Size

Term = tuple[Size, Size, Size]  # coefficient, least and greatest value of its variable


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

    def interval(self, terms: Sequence[Term]) -> tuple[Size, Size] | tuple[None, None]:
        """Least and greatest value of sum(c·v), or None where the sign of a coefficient is not known."""
        low: Size = 0
        high: Size = 0
        for c, least, greatest in terms:
            if not self.positive(c) and not self.positive(-c):
                return None, None
            least, greatest = (least, greatest) if self.positive(c) else (greatest, least)
            low, high = low + c * least, high + c * greatest
        return low, high

    def never_zero(self, terms: Sequence[Term], const: Size) -> bool:
        """Whether sum(terms) + const has one sign throughout, or const is no multiple of the coefficients' common divisor."""
        low, high = self.interval(terms)
        if low is not None and high is not None and (self.positive(low + const) or self.positive(-(high + const))):
            return True
        numbers = [c for c, _, _ in terms if isinstance(c, int)]
        return bool(terms) and len(numbers) == len(terms) and isinstance(const, int) and const % gcd(*numbers) != 0

    def forces_zero(self, mine: Term, terms: list[Term], const: Size) -> bool:
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

    def outweighs(self, term: Term, others: list[Term], const: Size) -> bool:
        low, high = self.interval(others)
        if low is None or high is None:
            return False
        weight = term[0] if self.positive(term[0]) else -term[0]
        return self.positive(weight - (high + const)) and self.positive(weight + low + const)
