"""`try` statements whose bodies raise for values that only a run knows: whether one will is asked first, as an `if` would."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from hybrid.control.attempt import Attempt
from hybrid.control.branch import wording
from hybrid.control.effects import refuse_wording
from hybrid.control.own import Changes, home
from hybrid.control.plain import FINALLY, Ends, Plain, State, matches
from hybrid.control.watch import Holds
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import symbols
from hybrid.frontend import integers
from hybrid.frontend.chosen import Chosen
from hybrid.ir import trace as tr
from hybrid.ir.catching import Catch, Found, defined
from hybrid.ir.graph import Literal
from hybrid.ir.requests import Concretise, Learned, Rebinds, Specialise
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

DEPTH = 2  # bodies in one another that are asked: each is recorded twice for each around it
_NEVER = tr.literal(False, dt.bool_)


class Tries(Plain):
    """The part of `Tracing` that knows of `try`."""

    ours = (TraceError, Concretise, Specialise, Rebinds, Learned)
    _found: tuple[Found, ...] = ()  # why the body that was asked last raises whatever the call is
    _error: BaseException | None = None  # which it has raised, where a clause looks at it

    def caught(self, error: BaseException) -> None:
        if (trace := tr.current()) is not None:
            refuse_wording(trace, error)

    def attempt(self, body: Callable, then: Callable, orelse: Callable, state: State, final: bool, *clauses: Any) -> None:
        trace = tr.current()
        if trace is None:
            super().attempt(body, then, orelse, state, final, *clauses)
            return
        _refuse_deep(trace, final)
        numbers, asks, *classes = clauses

        def clause(error: type[BaseException], said: str | None) -> int | None:
            found = next((k for k, kinds in enumerate(classes) if matches(error, kinds())), None)
            return None if found is None or asks[found] > (said is not None) else numbers[found]

        found, more = _asked(trace, body, clause, state) if classes else ((), False)
        if not found:
            self._run(trace, body, then, orelse, final, numbers, asks, classes)
        elif any(type(one.condition) is Literal for one in found):
            self._otherwise(orelse, found)
        else:
            verdict = functools.reduce(functools.partial(trace.one, e.and_), dict.fromkeys(one.condition for one in found))
            trace.implied[verdict] = found

            def on() -> None:
                if more:
                    self.attempt(body, then, orelse, state, final, *clauses)
                else:
                    self._run(trace, body, then, orelse, final, numbers, asks, classes)

            self.branch(integers.python(trace, verdict), on, orelse, state)

    def _run(
        self, trace: Trace, body: Callable, then: Callable, orelse: Callable,
        final: bool, numbers: tuple, asks: tuple, classes: list,
    ) -> None:  # fmt: skip
        """Record a body, which may raise whatever the call is."""
        failure = trace.failure
        try:
            body()
        except (Exception, Ends) as error:
            kind: Any = error.kind if isinstance(error, Ends) else type(error)
            if (
                kind is None
                or isinstance(error, (*self.ours, Changes))
                or trace.failure not in (failure, getattr(error, "why", failure))
            ):
                raise
            at = next((k for k, kinds in enumerate(classes) if matches(kind, kinds())), None)
            if at is None and not final:
                raise
            looked_at = at is not None and asks[at]
            if looked_at and isinstance(error, Ends):
                raise error.why from None
            trace.failure = failure
            if looked_at:
                self.caught(error)
            number = FINALLY if at is None else numbers[at]
            found = Found(_NEVER, number, kind, str(error) if at is not None and asks[at] else None, 0)
            looks = at is not None and asks[at] > 1
            kept = error if looks or home(trace.region) is None else None
        else:
            then()
            return
        self._otherwise(orelse, (found,), kept)

    def _otherwise(self, orelse: Callable, found: tuple[Found, ...], error: BaseException | None = None) -> None:
        self._found, self._error = found, error and error.with_traceback(None)  # whose frames hold what only this trace knows
        try:
            orelse()
        finally:
            self._found, self._error = (), None

    def clause(self) -> Any:
        return self._told([one.clause for one in self._failing()])

    def kind(self) -> Any:
        return self._error or self._told([one.error for one in self._failing()])

    def said(self) -> Any:
        return self._told([one.said for one in self._failing()])

    def _told(self, values: list) -> Any:
        """The value that stands beside the first condition that does not hold."""
        trace, found = tr.current(), self._failing()
        assert trace is not None
        last = len(values) - 1
        while last and all(value == values[last - 1] for value in values[last:]):
            last -= 1
        made = values[last]
        for one, value in zip(reversed(found[:last]), reversed(values[:last])):
            made = self.choose(integers.python(trace, one.condition), lambda made=made: made, lambda value=value: value)
        return made

    def _failing(self) -> tuple[Found, ...]:
        """The conditions of which one does not hold where this is asked."""
        if self._found:
            return self._found
        trace = tr.current()
        assert trace is not None and trace.region is not None and trace.region.predicate is not None
        return trace.implied[trace.region.predicate]

    def guarded(self) -> None:
        if (trace := tr.current()) is not None:
            _refuse_deep(trace, True)

    def again(self, error: Any) -> Any:
        if tr.current() is None or isinstance(error, BaseException):
            return error
        if type(error) is Chosen:
            kinds = {one.value for one in error.options if isinstance(one.value, type)}
            error = kinds.pop() if len(kinds) == 1 else None
        return Ends(TraceError("an error is raised once more", at=tr.user_line()), error)

    def class_of(self, error: Any) -> Any:
        return type(error) if isinstance(error, BaseException) else error


def _refuse_deep(trace: Trace, final: bool) -> None:
    depth, catch = 0, trace.catch
    while catch is not None:
        depth, catch = depth + 1, catch.outer
    if depth >= DEPTH or (depth and final):  # what is done on every way out belongs to what the other body does
        raise TraceError("a `try` is in the body of another", at=tr.user_line())


def _asked(
    trace: Trace, body: Callable[[], None], clause: Callable[[type[BaseException], str | None], int | None], state: State
) -> tuple[tuple[Found, ...], bool]:
    """The conditions without which a body raises what a clause is for, and whether there may be more, once these hold.

    The body is recorded on trial; what the conditions come of is kept, all else is undone.
    """
    attempt, before, failure = Attempt(trace, state, body), trace.catch, trace.failure
    region, watch, given = attempt.region, attempt.watch, attempt.held.get()

    def unchanged() -> bool:
        same = all(was is now for was, now in zip(given, attempt.held.get()))
        return same and not region.written and watch.changed() is None

    catch = trace.catch = Catch(region, clause, unchanged, before)
    try:
        with attempt.region:
            try:
                body()
            except Exception as error:
                _raises(trace, catch, error, type(error), trace.failure is failure)
            except Ends as error:
                _raises(trace, catch, error, error.kind, trace.failure is error.why)
    except (Changes, Holds):
        attempt.undo()
        raise
    except (Exception, Ends):
        attempt.undo()
        return (), False
    finally:
        trace.catch = before
    attempt.undo()
    found, needed = catch.needed()
    if not found:
        return (), False
    trace.builder.take(needed, region.builder)
    lost = {symbol for eqn in region.builder.eqns if eqn not in needed for symbol in defined(eqn)}
    known = {atom: size for atom, size in region.sizes.items() if lost.isdisjoint(symbols(size))}
    (trace.sizes if trace.region is None else trace.region.sizes).update(known)
    return tuple(found), len(found) < len(catch.found)


def _raises(trace: Trace, catch: Catch, error: BaseException, kind: type[BaseException] | None, known: bool) -> None:
    """A body has raised while it was recorded, as it does whatever the call is; what is not of the user's goes on."""
    if not known or isinstance(error, Tries.ours) or kind is None or not catch.takes(_NEVER, kind, wording(error)):
        raise error
