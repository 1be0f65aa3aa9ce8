"""What a trace knows of sizes: those of the call being traced as hints, and what the traced code was told about them.

A size that is known when a call comes in is a polynomial over symbols of arguments' sizes, or a quotient of one. Python code
may compare such sizes: what this call's say, but nothing proves, becomes a condition that calls must fulfil to use the trace.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from math import prod

from hybrid.core.bounds import Bounds
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim, Quotient, Size, evaluate, symbols
from hybrid.ir.lines import user_line
from hybrid.ir.requests import Specialise

LARGEST = (1 << 31) - 1  # what symbols of sizes stand for at most: products of two fit 64 bits
LATE = 6  # what headers take a size for that only a run knows: neither 0 nor 1, which NumPy treats apart
Condition = tuple[str, Size, Size]  # (comparison, left, right)
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    name: getattr(operator, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")
}
OPPOSITE = {"lt": "ge", "ge": "lt", "gt": "le", "le": "gt", "eq": "ne", "ne": "eq"}


class KnownSizes:
    """The sizes of one trace.

    Args:
        hints: for each symbol among the sizes of arguments a number that is like those it stands for.
    """

    def __init__(self, hints: Mapping[str, int]):
        self.hints = dict(hints)  # and those of the quotients
        self.quotients: dict[str, Quotient] = {}
        self.conditions: dict[Condition, None] = {}
        self.bounds = Bounds()
        for symbol in self.hints:
            self.bounds.know(symbol, 0, LARGEST)
        self.symbols = 0

    def fresh_symbol(self, stem: str) -> str:
        self.symbols += 1
        return f"{stem}{self.symbols}"

    def specialise(self, what: str, *sizes: Size, same: bool | None = False) -> Exception:
        """What to raise where Python asks for the number that a size is."""
        at, names = user_line(), symbols(*sizes)
        if not names <= self.hints.keys():
            return TraceError(f"{what} needs a size that is only known when the compiled code runs", at=at)
        pending = [self.quotients[name] for name in names if name in self.quotients]
        while pending:  # a quotient is fixed by what it is a quotient of
            inner = symbols(pending.pop().dividend)
            names |= inner
            pending += [self.quotients[name] for name in inner if name in self.quotients]
        error = Specialise(names - self.quotients.keys(), what, at, same)
        self.fail(error)
        return error

    def fail(self, error: BaseException) -> None:
        """Note an error that ends the trace."""

    def declare(self, symbol: str, quotient: Quotient) -> None:
        """Note a new symbol for a quotient."""

    def hinted(self, sizes: tuple[Size, ...]) -> tuple[int, ...]:
        """The sizes for headers: as they are in this call, or a number like any other where only a run knows."""
        return tuple(size if isinstance(size, int) else self._hint(size) for size in sizes)

    def _hint(self, size: Size) -> int:
        if symbols(size) <= self.hints.keys():
            return evaluate(size, self.hints)
        return max(2, evaluate(size, {name: self.hints.get(name, LATE) for name in symbols(size)}))

    def several(self, names: frozenset[str]) -> list[dict[str, int]]:
        """Numbers for all symbols that a call knows: its own and, where there are such among these names, greater ones."""
        now = {name: hint for name, hint in self.hints.items() if name not in self.quotients}
        order = sorted(set(now.values()))  # sizes that are equal stay so
        ways = [
            {name: hint + by * (1 + order.index(hint)) for name, hint in now.items()} for by in ((0, 1, 3) if names else (0,))
        ]
        return [all_sizes(way, self.quotients) for way in ways]

    def ask(self, comparison: str, left: Size, right: Size) -> bool | None:
        """Whether two sizes compare so; None where only a run knows.

        What this call's sizes say, but nothing proves, is a condition of the trace from now on.
        """
        proven = self._proven(comparison, left, right)
        if proven is not None or not symbols(left, right) <= self.hints.keys():
            return proven
        holds = COMPARISONS[comparison](evaluate(left, self.hints), evaluate(right, self.hints))
        true = comparison if holds else OPPOSITE[comparison]
        self.conditions[true, left, right] = None
        if true in ("ge", "gt", "eq"):
            self.bounds.learn(left - right - (true == "gt"))
        if true in ("le", "lt", "eq"):
            self.bounds.learn(right - left - (true == "lt"))
        return holds

    def _proven(self, comparison: str, left: Size, right: Size) -> bool | None:
        if isinstance(left, int) and isinstance(right, int):
            return COMPARISONS[comparison](left, right)
        if comparison in ("eq", "ne"):
            same = left == right
            return same is (comparison == "eq") if same or self._apart(left, right) else None
        if comparison in ("gt", "le"):
            left, right = right, left
        if comparison in ("lt", "gt"):  # each proof is looked for where the one before it was not found
            return True if self.bounds.below(left, right) else False if self.bounds.nonnegative(left - right) else None
        return True if self.bounds.nonnegative(left - right) else False if self.bounds.below(left, right) else None

    def _apart(self, left: Size, right: Size) -> bool:
        return self.bounds.below(left, right) or self.bounds.below(right, left)

    def quotient(self, dividend: Size, divisor: int) -> Size | None:
        """`dividend // divisor` as a size that is known when a call comes in; None where it is not one."""
        if divisor <= 0 or not symbols(dividend) <= self.hints.keys() or not self.ask("ge", dividend, 0):
            return None
        if isinstance(dividend, int):
            return dividend // divisor
        if (exact := _exact(dividend, divisor)) is not None:
            return exact
        wanted = Quotient(dividend, divisor)
        for symbol, known in self.quotients.items():
            if known == wanted:
                return Dim.symbol(symbol)
        symbol = self.fresh_symbol("size")
        self.quotients[symbol], self.hints[symbol] = wanted, wanted.evaluate(self.hints)
        self.declare(symbol, wanted)
        self.bounds.know(symbol, 0, dividend)
        quotient = Dim.symbol(symbol)
        self.bounds.add(dividend - quotient * divisor, quotient * divisor + (divisor - 1) - dividend)  # type: ignore[arg-type]
        return quotient


def _exact(dividend: Dim, divisor: int) -> Size | None:
    """`(3*n + 2) // 3` is n: a polynomial, where what is left over is a number; None where it is not."""
    over = sum((c % divisor) * prod(map(Dim.symbol, m), start=1) for m, c in dividend.terms)
    return (dividend - over).divide(divisor) if isinstance(over, int) else None


def all_sizes(sizes: Mapping[str, int], quotients: Mapping[str, Quotient]) -> dict[str, int]:
    """The sizes that are known before a call starts."""
    known = dict(sizes)
    for symbol, quotient in quotients.items():
        known[symbol] = quotient.evaluate(known)
    return known


def hold(conditions: Iterable[Condition], sizes: Mapping[str, int]) -> bool:
    """Whether sizes fulfil what a trace was told about them."""
    return all(COMPARISONS[how](evaluate(left, sizes), evaluate(right, sizes)) for how, left, right in conditions)
