"""A loop that is recorded on trial, and the containers that become storage for its sake."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from hybrid.control.items import is_table, owned
from hybrid.control.own import Own
from hybrid.control.plain import UNDEFINED, State
from hybrid.control.watch import LOOP, Watch, look
from hybrid.frontend import uncertain
from hybrid.ir import trace as tr
from hybrid.ir.trace import Region, Trace

NO_STATE = State((), tuple, lambda values: None, frozenset(), frozenset(), frozenset())
CHEAP = 32  # items of known containers that take as long as one object does that is looked at


class Trial(Region):
    """Where a loop is recorded on trial."""

    def __init__(self, trace: Trace, attempt: Attempt):
        super().__init__(trace, "rounds", trial=True)
        self._attempt = weakref.ref(attempt)  # which has this; what is computed in a call must be let go with it

    def unchanged(self) -> None:
        """Raise where a body has changed what no variable carries."""
        attempt = self._attempt()
        if attempt is not None and attempt.watch is not None:
            attempt.watch.refuse(LOOP)


class Attempt:
    """A loop being recorded on trial: what comes of it is accepted as a whole, or undone."""

    def __init__(self, trace: Trace, state: State, *bodies: Callable | None):
        self.trace, self.state = trace, state
        self.region: Region = Trial(trace, self)
        self.values, self.failure = state.get(), trace.failure
        self.copied, self.unrolled = len(trace.handlers.others.copied), len(trace.unrolled)
        self.watch: Any = Watch(bodies, self.values, state.cells, trace.namespaces)
        self.held = self.watch.holding(trace, state)  # the variables, those of objects among them
        self.absent = [place for place in self.watch.held.values() if place.get() is UNDEFINED]

    def accept(self) -> None:
        self.watch.refuse(LOOP)
        self.region.absorb()
        for place in self.absent:  # whether there is such an attribute could not be asked
            value = place.get()
            if uncertain.is_uncertain(value):
                tr.exists(value._data)
                place.set(uncertain.certain(value))

    def holds_more(self, error: Exception) -> bool:
        """Undo what failed; whether it found attributes that are variables: what one round left there the next one met."""
        places = [] if isinstance(error, tr.TooLong) else self.watch.new()
        self.undo()
        self.trace.held.update((place.id, place) for place in places)
        return bool(places)

    def forget(self, error: BaseException) -> None:
        """Have no part in anything any more, nor the frames of what failed: a list that they know has another name."""
        self.watch = None
        failed: BaseException | None = error
        while failed is not None and failed.__traceback__ is not None:
            failed.__traceback__ = None
            failed = failed.__cause__ or failed.__context__

    def undo(self) -> None:
        self.trace.failure = self.failure
        del self.trace.handlers.others.copied[self.copied :], self.trace.unrolled[self.unrolled :]
        self.state.set(self.values)
        self.watch.restore()


def begins_with(trace: Trace, item: Callable, place: Callable, wanted: Callable[[Any], bool]) -> bool:
    """Whether the first of known items is one of those."""
    attempt, failure = Attempt(trace, NO_STATE, partial(item, place)), trace.failure
    try:
        with attempt.region:
            return wanted(item(place(0)))
    except Exception:  # written out, it raises again
        return False
    finally:
        attempt.undo()
        trace.failure = failure


def known_containers(trace: Trace | None) -> list[tuple[Own, tuple]]:
    """The containers that tracing knows all about before a loop, but for those of lists, which may have no other holder."""
    if trace is None:
        return []
    held = [own for own in trace.lists if own.held is not None]
    look(trace, sum(len(own.held) for own in held) // CHEAP)
    return [(own, own.snapshot()) for own in held if not _nests(own)]


def _nests(own: Own) -> bool:
    return any(map(_is_list, own.held.values() if isinstance(own.held, dict) else own.held))


def _is_list(item: Any) -> bool:
    return type(item) is list or is_table(item) or (type(item) is tuple and any(map(_is_list, item)))


def give_back(known: list[tuple[Own, tuple]]) -> None:
    """Let containers be Python's again that have become storage for the sake of a loop, which is none."""
    for own, before in known:
        if own.held is None and not own.is_merged:
            own.restore(before)
            held: Any = own.held
            for item in held.values() if isinstance(held, dict) else held:
                for part in owned(item):
                    part.unmerge()  # storage has not taken them


FORESEEN_AFTER = 4  # rounds of a loop that is written out: their branches and loops tell how many there will be


@contextlib.contextmanager
def spelled_out(trace: Trace, what: str, rounds: int = 0) -> Iterator[Callable[[int], None]]:
    """Write a loop out, round by round; the branches and loops that this takes are its fault, if it is in no other.

    Gives what is to be called after each round that others surely follow, which ends an attempt that is hopeless.
    """
    if trace.spelling or trace.inside:
        yield lambda done: None
        return
    before, trace.spelling = trace.constructs, what

    def foresee(done: int) -> None:
        if done == FORESEEN_AFTER:
            trace.foresee((trace.constructs - before) * (rounds - done) // done)

    try:
        yield foresee
    finally:
        trace.spelling = ""
        trace.spelled[what] = trace.constructs - before
