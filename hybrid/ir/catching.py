"""What a trace takes for granted, and who would rather know: a `try` statement whose `except` clause is for that very error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from hybrid.ir.graph import Atom, Eqn, Literal, Var, bodies, has_effects, symbols_of
from hybrid.ir.primitive import TABLE, Kind

if TYPE_CHECKING:
    from hybrid.ir.trace import Region

IN_BOUNDS = "an index is in bounds"
# What Python raises where such an assumption does not hold.
RAISED: dict[str, type[Exception]] = {
    "a divisor is not zero": ZeroDivisionError,
    "a key of a dict is there": KeyError,
    IN_BOUNDS: IndexError,
    "an index of a list is in bounds": IndexError,
    "an item is in a list": ValueError,
    "an assertion holds": AssertionError,
    "there is a next item": StopIteration,
    "there is a greatest or least item": ValueError,
}


class Found(NamedTuple):
    """A condition without which a body raises.

    Attributes:
        condition: a literal that is False where the body raises whatever the call is.
        clause: the number of the clause that is for the error.
        error: the error's class.
        said: what the error says, where that is known.
        at: how many equations were recorded before it.
    """

    condition: Atom
    clause: int
    error: type[BaseException]
    said: str | None
    at: int


class Catch:
    """Conditions under which a body, recorded on trial in `region`, does not raise what some clauses are for.

    `clause`: the number of the clause that is for a class of errors which say something, if one is. `unchanged`: whether the
    body has changed nothing so far, which would be so after the error, too. `outer`: what else asks, around.
    """

    def __init__(
        self,
        region: Region,
        clause: Callable[[type[BaseException], str | None], int | None],
        unchanged: Callable[[], bool],
        outer: Catch | None = None,
    ):
        self.region, self.clause, self.unchanged, self.outer = region, clause, unchanged, outer
        self.found: list[Found] = []

    def takes(self, condition: Atom, error: type[BaseException] | None, said: str | None = None) -> bool:
        """Whether the condition is one of these, which nobody need take for granted."""
        if error is None or self.region.trace.region is not self.region:
            return False
        clause = self.clause(error, said)
        if clause is None or not self.unchanged():
            return False
        self.found.append(Found(condition, clause, error, said, len(self.region.builder.eqns)))
        return True

    def needed(self) -> tuple[list[Found], list[Eqn]]:
        """The first conditions, as many as can be asked at once, and what they come of and is taken for granted up to them.

        None where something has effects before them, which the other way would not have; others have to wait where an equation
        may only be computed if a condition before it holds.
        """
        for count in range(len(self.found), 0, -1):
            eqns = self._needed(self.found[:count])
            if eqns is not None:
                return self.found[:count], eqns
        return [], []

    def _needed(self, found: list[Found]) -> list[Eqn] | None:
        wanted: set[Atom] = {one.condition for one in found if isinstance(one.condition, Var)}
        sizes: set[str] = set()  # symbols for what numbers turn out to be
        out: list[Eqn] = []
        for at, eqn in reversed(list(enumerate(self.region.builder.eqns[: found[-1].at]))):
            is_check = eqn.primitive.name == "check"
            if not is_check and _has_effects(eqn):
                return None
            if not is_check and wanted.isdisjoint(eqn.outputs) and sizes.isdisjoint(defined(eqn)):
                continue
            sizes |= symbols_of(eqn)
            if at >= found[0].at and not _is_harmless(eqn):
                return None
            wanted.update(atom for atom in eqn.inputs if isinstance(atom, Var))
            out.append(eqn)
        return out[::-1]


def defined(eqn: Eqn) -> Iterable[str]:
    """The symbols that stand for numbers from this equation on."""
    return (eqn.params["symbol"],) if eqn.primitive.name == "bind" else eqn.params.get("defines", ())


def _is_harmless(eqn: Eqn) -> bool:
    """Whether an equation may be computed whatever its operands are."""
    return eqn.primitive.kind is Kind.MAP and eqn.primitive.name not in ("floordiv", "mod")


def _has_effects(eqn: Eqn) -> bool:
    if eqn.primitive.name == "bind":
        return False
    return eqn.primitive.effect or any(map(has_effects, bodies(eqn).values()))


class Assuming:
    """The part of a trace that takes things for granted."""

    region: Region | None
    catch: Catch | None = None  # what asks for that now

    def __init__(self) -> None:
        self.implied: dict[Atom, tuple[Found, ...]] = {}  # what holds where a body was asked and raises nothing

    def record(self, primitive: Any, inputs: tuple[Atom, ...], params: dict[str, Any]) -> Any:
        raise NotImplementedError

    def assume(self, condition: Atom, what: str, error: type[BaseException] | None = None, said: str | None = None) -> None:
        """Hand the call over to Python unless the condition holds; `error`, `said`: what Python raises then, if known."""
        if isinstance(condition, Literal) and condition.value:
            return
        at = self.region
        while at is not None:
            if at.predicate is not None and at.builder.name == "then":
                if any(condition is one.condition for one in self.implied.get(at.predicate, ())):
                    return
            at = at.outer
        if self.catch is not None and self.catch.takes(condition, error or RAISED.get(what), said):
            return
        self.record(TABLE["check"], (condition,), {"what": what})
