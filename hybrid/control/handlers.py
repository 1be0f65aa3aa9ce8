"""What converted code calls while a function is traced: Python's control flow, which the graph takes over where it must."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from hybrid.control import substitutes
from hybrid.control.branch import branch, choose, truth
from hybrid.control.effects import refuse_debuggers, refuse_effects
from hybrid.control.loop import CannotRoll, FirstRoundDiffers, Rounds, Swapped, roll
from hybrid.control.plain import Plain, State
from hybrid.control.watch import Watch
from hybrid.core.errors import TraceError
from hybrid.core.shape import Dim, Size
from hybrid.frontend import integers
from hybrid.frontend.values import active
from hybrid.ir import trace as tr
from hybrid.ir.trace import Region, Trace

SHORT = 4  # rounds of a loop that are written out: what they compute fuses
LONG = 2048  # rounds beyond which a loop that cannot be rolled is not written out


class Tracing(Plain):
    """Control flow of one trace.

    Args:
        convert: gives the converted form of a user's function, or the function itself.
        opaque: whether a Python function that stays as it is might hide what it does.
    """

    def __init__(
        self, convert: Callable[[Callable, Any], Callable], opaque: Callable[[Callable], bool] = lambda function: False
    ):
        self.convert, self.opaque = convert, opaque

    # branches -----------------------------------------------------------------------------------------------------------
    def branch(self, test: Any, then: Callable, orelse: Callable, state: State) -> None:
        trace = tr.current()
        verdict = truth(trace, test) if trace is not None else bool(test)
        if isinstance(verdict, bool):
            (then if verdict else orelse)()
        else:
            assert trace is not None
            branch(trace, verdict, then, orelse, state)

    def choose(self, test: Any, then: Callable[[], Any], orelse: Callable[[], Any]) -> Any:
        trace = tr.current()
        verdict = truth(trace, test) if trace is not None else bool(test)
        return choose(trace, verdict, then, orelse) if trace is not None else (then if verdict else orelse)()

    def and_(self, *thunks: Callable[[], Any]) -> Any:
        value = thunks[0]()
        return value if len(thunks) == 1 else self.choose(value, lambda: self.and_(*thunks[1:]), lambda: value)

    def or_(self, *thunks: Callable[[], Any]) -> Any:
        value = thunks[0]()
        return value if len(thunks) == 1 else self.choose(value, lambda: value, lambda: self.or_(*thunks[1:]))

    def all_(self, *thunks: Callable[[], Any]) -> Any:
        value = self.not_(self.not_(thunks[0]()))
        return value if len(thunks) == 1 else self.choose(value, lambda: self.all_(*thunks[1:]), lambda: False)

    def any_(self, *thunks: Callable[[], Any]) -> Any:
        value = self.not_(self.not_(thunks[0]()))
        return value if len(thunks) == 1 else self.choose(value, lambda: True, lambda: self.any_(*thunks[1:]))

    def not_(self, value: Any) -> Any:
        trace = tr.current()
        verdict = truth(trace, value) if trace is not None else bool(value)
        if isinstance(verdict, bool):
            return not verdict
        assert trace is not None
        return integers.python(trace, trace.one(substitutes.NOT, verdict))

    def assert_(self, test: Any, message: Callable[[], Any] | None = None) -> None:
        trace = tr.current()
        verdict = truth(trace, test) if trace is not None else bool(test)
        if isinstance(verdict, bool):
            super().assert_(verdict, message)
        else:
            assert trace is not None
            trace.assume(verdict, "an assertion holds")

    # loops --------------------------------------------------------------------------------------------------------------
    def for_(
        self, iterable: Iterable, body: Callable[[Any], None], state: State, stop: Callable[[], Any] | None = None
    ) -> None:
        trace = tr.current()
        items = substitutes.counted(trace, iterable) if trace is not None else None
        if trace is None or items is None:
            self._each(iterable, body, state, stop)
            return
        count, item = items
        if not isinstance(count, Dim) and count <= SHORT:
            self._each((item(k) for k in range(count)), body, state, stop)
            return
        test = None if stop is None else lambda: self.not_(stop())
        attempt = _Attempt(trace, state, body)
        try:
            with attempt.region:
                self._rolled(trace, count, item, test, body, state)
            attempt.accept()
        except (TraceError, tr.Concretise) as error:
            attempt.undo()
            if isinstance(error, tr.TooLong) or isinstance(count, Dim) or count > LONG:
                raise
            why = error.what if isinstance(error, TraceError) else str(error)
            trace.notes.append(f"a loop of {count} rounds is written out ({tr.user_line()}): {why}")
            self._each((item(k) for k in range(count)), body, state, stop)

    def _rolled(self, trace: Trace, count: Size, item: Callable, test: Callable | None, body: Callable, state: State) -> None:
        first, step, renames = 0, 1, isinstance(count, Dim) or test is not None
        for _ in range(6):
            symbol = trace.fresh_symbol("step")
            left = count - first if isinstance(count, Dim) else (count - first) // step
            trace.bounds.know(symbol, 0, left - 1)

            def one(symbol: str = symbol, first: int = first, step: int = step) -> None:
                for k in range(step):
                    body(item(integers.integer(active(), Dim.symbol(symbol) * step + (first + k))))

            before, failure = state.get(), trace.failure
            try:
                roll(trace, Rounds(left, symbol, test, one), state, renames)
            except CannotRoll as error:
                state.set(before)
                trace.failure = failure
                if isinstance(error, Swapped) and step == 1 and not renames:
                    step = 2  # two rounds at a time leave the arrays in their places
                elif step == 2:
                    step, renames = 1, True
                elif isinstance(error, FirstRoundDiffers) and not isinstance(count, Dim) and test is None and first < 2:
                    body(item(first))
                    first += 1
                else:
                    raise
                continue
            for k in range(first + left * step, count) if not isinstance(count, Dim) else ():
                body(item(k))
            return
        raise CannotRoll("a loop's variables do not settle", at=tr.user_line())

    def while_(
        self, test: Callable[[], Any], body: Callable[[], None], state: State, stop: Callable[[], Any] | None = None
    ) -> None:
        trace = tr.current()
        if trace is None:
            super().while_(test, body, state, stop)
            return
        condition = test if stop is None else lambda: self.and_(lambda: self.not_(stop()), test)
        attempt = _Attempt(trace, state, body)
        try:
            with attempt.region:
                roll(trace, Rounds(None, trace.fresh_symbol("step"), condition, body), state, True)
            attempt.accept()
        except (TraceError, tr.Concretise) as error:
            attempt.undo()
            if isinstance(error, tr.TooLong):
                raise
            for _ in range(LONG):
                verdict = truth(trace, condition())
                if verdict is False:
                    return
                if verdict is not True:
                    raise error
                body()
            raise

    def _each(self, iterable: Iterable, body: Callable[[Any], None], state: State, stop: Callable[[], Any] | None) -> None:
        """One round after another; once only a run knows whether the loop has been left, each round is a branch."""
        trace, unsure = tr.current(), False
        for item in iterable:
            if unsure:
                assert stop is not None
                self.branch(self.not_(stop()), lambda item=item: body(item), _nothing, state)
            else:
                body(item)
            verdict = False if stop is None else truth(trace, stop()) if trace is not None else bool(stop())
            if verdict is True:
                return
            unsure = verdict is not False

    # calls --------------------------------------------------------------------------------------------------------------
    def call(self, function: Any) -> Any:
        trace = tr.current()
        if trace is None:
            return function
        refuse_debuggers(trace, function)
        found = substitutes.called(function) or self.convert(function, self)
        if trace.region is not None and found is function:
            refuse_effects(trace, function, self.opaque)
        return found


def _nothing() -> None:
    """The way not taken."""


class _Attempt:
    """A loop being recorded on trial: what comes of it is accepted as a whole, or undone."""

    def __init__(self, trace: Trace, state: State, body: Callable):
        self.trace, self.state, self.region = trace, state, Region(trace, "rounds", trial=True)
        self.values, self.failure, self.watch = state.get(), trace.failure, Watch(body, state.get())

    def accept(self) -> None:
        self.watch.refuse("a loop")
        self.region.absorb()

    def undo(self) -> None:
        self.trace.failure = self.failure
        self.state.set(self.values)
        self.watch.restore()
