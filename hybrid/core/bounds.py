"""What is known of size symbols: each lies between two sizes, which may mention symbols known before it; and other facts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from hybrid.core.shape import Dim, Size

MAX_FACTS = 16  # that one proof looks at, the latest first: a proof for each of hundreds takes a tenth of a second


class Bounds:
    """Proofs about polynomials over bounded symbols: an answer of False only means that no proof was found.

    >>> bounds, i = Bounds(), Dim.symbol("i")
    >>> bounds.know("i", 0, 9)
    >>> bounds.nonnegative(i), bounds.nonnegative(9 - i), bounds.nonnegative(i - 1)
    (True, True, False)
    """

    def __init__(self) -> None:
        self.known: dict[str, tuple[Size | None, Size | None]] = {}
        self.facts: list[Dim] = []  # polynomials that are at least zero
        self._order: dict[str, int] = {}  # of the symbols as they became known
        self._proofs: dict[Size, bool] = {}  # with what is known so far

    def know(self, symbol: str, low: Size | None, high: Size | None) -> None:
        """From now on `low <= symbol <= high`, both included; None where there is no bound."""
        self.known[symbol] = low, high
        self._order.setdefault(symbol, len(self._order))
        self._proofs.clear()

    def add(self, *facts: Dim) -> None:
        """From now on these polynomials are at least zero."""
        self.facts.extend(facts)
        self._proofs.clear()

    def learn(self, size: Size) -> None:
        """From now on the size is at least zero."""
        if not isinstance(size, Dim):
            return
        symbol = next(iter(size.symbols))
        rest = size - Dim.symbol(symbol), size + Dim.symbol(symbol)
        low, high = self.known.get(symbol, (None, None))
        if isinstance(rest[0], int) and (low is None or (isinstance(low, int) and low < -rest[0])):
            self.know(symbol, -rest[0], high)
        elif isinstance(rest[1], int) and (high is None or (isinstance(high, int) and high > rest[1])):
            self.know(symbol, low, rest[1])
        else:
            self.add(size)

    def nonnegative(self, size: Size) -> bool:
        """Whether the size is provably at least zero."""
        if not isinstance(size, Dim):
            return size >= 0
        if size not in self._proofs:
            self._proofs[size] = self._nonnegative(size) or any(self._nonnegative(size - fact) for fact in self._about(size))
        return self._proofs[size]

    def _about(self, size: Dim) -> Iterator[Dim]:
        """The latest facts that mention a symbol of the size, or of a bound of one: others say nothing of it."""
        names, new = set(size.symbols), list(size.symbols)
        while new:
            for bound in self.known.get(new.pop(), ()):
                met = bound.symbols - names if isinstance(bound, Dim) else ()
                names.update(met)
                new.extend(met)
        return itertools.islice((fact for fact in reversed(self.facts) if not names.isdisjoint(fact.symbols)), MAX_FACTS)

    def _nonnegative(self, size: Size) -> bool:
        for _ in range(32):  # each round takes out one symbol, so that few are ever needed
            if not isinstance(size, Dim):
                return size >= 0
            reduced = self.lowest(size)
            if reduced is None:
                return False
            size = reduced
        return False

    def below(self, size: Size, limit: Size) -> bool:
        """Whether `size < limit`, provably."""
        return self.nonnegative(limit - size - 1)

    def lowest(self, size: Dim) -> Size | None:
        """A lower bound of the size without the symbol that became known last, or None."""
        order = self._order
        symbol = max(size.symbols, key=lambda name: order.get(name, -1))
        parts = size.split(symbol)
        if parts is None:
            return None
        slope, rest = parts
        low, high = self.known.get(symbol, (None, None))
        bound = low if self._nonnegative(slope) else high if self._nonnegative(-slope) else None
        return None if bound is None else slope * bound + rest
