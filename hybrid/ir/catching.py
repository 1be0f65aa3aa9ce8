"""What a trace takes for granted, and who would rather know: a `try` statement whose `except` clause is for that very error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from hybrid.ir.graph import Atom, Eqn, Literal, Var, bodies, has_effects, symbols_of
from hybrid.ir.primitive import TABLE, Kind

if TYPE_CHECKING:
    from hybrid.ir.trace import Region

# What Python raises where such an assumption does not hold.
RAISED: dict[str, type[Exception]] = {
    "a divisor is not zero": ZeroDivisionError,
    "a key of a dict is there": KeyError,
    "an index is in bounds": IndexError,
    "an index of a list is in bounds": IndexError,
    "an item is in a list": ValueError,
    "an assertion holds": AssertionError,
    "there is a next item": StopIteration,
    "there is a greatest or least item": ValueError,
}


class Catch:
    """Conditions under which a body, recorded on trial in `region`, does not raise one of some classes.

    `unchanged`: whether the body has changed nothing so far, which would be so after the error, too.
    """

    def __init__(self, region: Region, classes: tuple[type[BaseException], ...], unchanged: Callable[[], bool]):
        self.region, self.classes, self.unchanged = region, classes, unchanged
        self.found: list[Atom] = []
        self.before = self.until = 0  # equations recorded before the first, and before the last

    def takes(self, condition: Atom, error: type[BaseException] | None) -> bool:
        """Whether the condition is one of these, which nobody need take for granted."""
        if error is None or self.region.trace.region is not self.region or not issubclass(error, self.classes):
            return False
        if not self.unchanged():
            return False
        self.until = len(self.region.builder.eqns)
        if not self.found:
            self.before = self.until
        self.found.append(condition)
        return True

    def needed(self) -> list[Eqn] | None:
        """The equations that the conditions come of, and what is taken for granted up to them.

        None where something has effects before them, which the other way would not have, or where an equation may only be
        computed if a condition before it holds.
        """
        wanted: set[Atom] = {atom for atom in self.found if isinstance(atom, Var)}
        sizes: set[str] = set()  # symbols for what numbers turn out to be
        out: list[Eqn] = []
        for at, eqn in reversed(list(enumerate(self.region.builder.eqns[: self.until]))):
            is_check = eqn.primitive.name == "check"
            if not is_check and _has_effects(eqn):
                return None
            if not is_check and wanted.isdisjoint(eqn.outputs) and sizes.isdisjoint(defined(eqn)):
                continue
            sizes |= symbols_of(eqn)
            if at >= self.before and not _is_harmless(eqn):
                return None
            wanted.update(atom for atom in eqn.inputs if isinstance(atom, Var))
            out.append(eqn)
        return out[::-1]


def defined(eqn: Eqn) -> Iterable[str]:
    """The symbols that stand for numbers from this equation on."""
    return (eqn.params["symbol"],) if eqn.primitive.name == "bind" else eqn.params.get("defines", ())


def _is_harmless(eqn: Eqn) -> bool:
    """Whether an equation may be computed whatever its operands are; a check that fails too often is Python's call."""
    divides = eqn.primitive.name in ("floordiv", "mod")
    return eqn.primitive.name == "check" or (eqn.primitive.kind is Kind.MAP and not divides)


def _has_effects(eqn: Eqn) -> bool:
    if eqn.primitive.name == "bind":
        return False
    return eqn.primitive.effect or any(map(has_effects, bodies(eqn).values()))


class Assuming:
    """The part of a trace that takes things for granted."""

    region: Region | None
    catch: Catch | None = None  # what asks for that now

    def __init__(self) -> None:
        self.implied: dict[Atom, tuple[Atom, ...]] = {}  # what holds where a body was asked and raises nothing

    def record(self, primitive: Any, inputs: tuple[Atom, ...], params: dict[str, Any]) -> Any:
        raise NotImplementedError

    def assume(self, condition: Atom, what: str, error: type[BaseException] | None = None) -> None:
        """Hand the call over to Python unless the condition holds; `error`: what Python raises then, where it is known."""
        if isinstance(condition, Literal) and condition.value:
            return
        if self.catch is not None and self.catch.takes(condition, error or RAISED.get(what)):
            return
        at = self.region
        while at is not None:
            if at.predicate is not None and at.builder.name == "then" and condition in self.implied.get(at.predicate, ()):
                return
            at = at.outer
        self.record(TABLE["check"], (condition,), {"what": what})
