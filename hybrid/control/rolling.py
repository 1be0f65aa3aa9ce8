"""The ways in which a loop may become one equation, tried one after another: each answers what the one before ran into."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from hybrid.control.branch import truth
from hybrid.control.guesses import site
from hybrid.control.loop import roll
from hybrid.control.plain import State
from hybrid.control.rounds import CannotRoll, FirstRoundDiffers, Rounds, Swapped
from hybrid.core import dtype as dt
from hybrid.core.shape import Dim, Size
from hybrid.frontend import integers
from hybrid.frontend.values import active, sized
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e

WAYS = 8
PEELED = 2  # loops in one another whose first rounds are made apart: what is in all of them is written out four times


def counted(trace: Trace, count: Size, item: Callable, test: Callable | None, body: Callable, state: State) -> None:
    """Record a loop over `count` items, as long as `test` holds."""
    where, ways = site(body), trace.handlers.ways
    first, step, renames, unions, unread = 0, 1, isinstance(count, Dim) or test is not None, False, False
    forced = False  # whether nothing but a first round made apart has helped
    if where in ways:  # recorded before, in a round around it
        made, forced, step, renames, unions, unread = ways[where]
        may = test is None and not isinstance(count, Dim) and made < count and (forced or may_peel(trace))
        while may and first < made:
            with peeled(trace):
                body(item(first))
            first += 1
    for _ in range(WAYS):
        symbol = trace.fresh_symbol("step")
        left = count - first if isinstance(count, Dim) else (count - first) // step
        trace.bounds.know(symbol, 0, left - 1)

        def one(symbol: str = symbol, first: int = first, step: int = step) -> None:
            for k in range(step):
                body(item(integers.integer(active(), Dim.symbol(symbol) * step + (first + k))))

        before, failure = state.get(), trace.failure
        try:
            with peeled(trace, first > 0):
                roll(trace, Rounds(left, symbol, test, one, where), state, renames, unions, unread)
        except CannotRoll as error:
            state.set(before)
            trace.failure = failure
            differs = isinstance(error, FirstRoundDiffers)
            if isinstance(error, Swapped) and step == 1 and not renames:
                step = 2  # two rounds at a time leave the arrays in their places
            elif step == 2:
                step, renames = 1, True
            elif differs and not isinstance(count, Dim) and test is None and first < 2 and may_peel(trace):
                with peeled(trace):
                    body(item(first))
                first += 1
            elif differs and not unions:
                unions = True
            elif differs and not unread:
                unread = True
            elif differs and not isinstance(count, Dim) and first == 0 and _verdict(trace, test) is True:
                with peeled(trace):
                    body(item(first))
                first, forced, unions, unread = 1, True, False, False
                if _verdict(trace, test) is False:
                    return
            else:
                raise
            continue
        if where is not None:
            ways[where] = first, forced, step, renames, unions, unread
        for k in range(first + left * step, count) if not isinstance(count, Dim) else ():
            body(item(k))
        return
    raise CannotRoll("a loop's variables do not settle", at=tr.user_line())


def uncounted(trace: Trace, test: Callable[[], Any], body: Callable[[], None], state: State) -> None:
    """Record a loop that goes round as long as `test` holds."""
    rounds = Rounds(None, trace.fresh_symbol("step"), test, body, site(body))
    before, failure = state.get(), trace.failure
    try:
        roll(trace, rounds, state, True, True)
    except FirstRoundDiffers:
        state.set(before)
        trace.failure = failure
        roll(trace, rounds, state, True, True, unread=True)


def may_peel(trace: Trace) -> bool:
    return trace.handlers.peeling < PEELED


def first_apart(trace: Trace, enters: bool | Atom) -> contextlib.AbstractContextManager[None]:
    """Make the first round before the loop, which has the rounds after it; `enters`: whether there is a first round."""
    if not isinstance(enters, bool):
        trace.assume(enters, "a loop whose first round enters keys in a dict goes round at least once")
    return peeled(trace)


def enters(trace: Trace, count: Size, test: Callable | None) -> bool | Atom:
    """Whether a loop over `count` items goes round, as far as tracing knows."""
    verdict: bool | Atom = _verdict(trace, test)
    if not isinstance(count, Dim) or verdict is False:
        return verdict and count != 0
    some = trace.one(e.gt, sized(trace, count), tr.literal(0, dt.int64))
    return some if verdict is True else trace.one(e.and_, verdict, some)


@contextlib.contextmanager
def peeled(trace: Trace, is_peeled: bool = True) -> Iterator[None]:
    """Make a first round apart, or the others after that: loops in it are written out twice."""
    trace.handlers.peeling += is_peeled
    try:
        yield
    finally:
        trace.handlers.peeling -= is_peeled


def _verdict(trace: Trace, test: Callable | None) -> Any:
    return True if test is None else truth(trace, test())
