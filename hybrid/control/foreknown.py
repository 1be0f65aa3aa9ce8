"""Loops of Python's own numbers, such as the search for a power of two: run while tracing, so that what they find is known.

A native loop gives a number that only a run knows, and that can be no size. That is tried first, because what depends on a
number that is known may be written out; where it fails for whatever reason, the trace is made again with such loops run out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from hybrid.control.attempt import Attempt
from hybrid.control.branch import truth
from hybrid.control.plain import UNDEFINED, State
from hybrid.control.unrolled import rounds
from hybrid.ir.builder import Builder
from hybrid.ir.trace import Region, Trace

MOST = 64  # rounds; doubling an integer has left 64 bits by then
_PLAIN = frozenset((int, bool, float, str, type(None), type(UNDEFINED)))


class _Computes(BaseException):
    """The graph is needed. No `Exception`: the traced code may catch these."""


class _Empty(Builder):
    """A part of the graph that stays empty."""

    def append(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise _Computes

    def absorb(self, inner: Builder) -> None:
        if inner.eqns:
            raise _Computes


def is_plain(state: State) -> bool:
    """Whether the variables of a loop are numbers of Python's at first."""
    return all(type(value) in _PLAIN for value in state.get())


def runs_out(trace: Trace, condition: Callable[[], Any], body: Callable[[], None], state: State) -> bool:
    """Run a loop that computes nothing but what is known while tracing, for a few rounds; where that is not so, undo it."""
    attempt = Attempt(trace, state, condition, body)
    attempt.region = Region(trace, "known", trial=True)
    attempt.region.builder = _Empty("known", trace.builder)
    try:
        with attempt.region:
            for _ in rounds(trace, body, turns(trace, condition, MOST, _Computes())):
                if attempt.region.values:
                    break
                body()
            if not (attempt.region.values or attempt.region.lost):
                return True
    except (_Computes, Exception):
        pass  # met again where the loop is recorded, or written out
    attempt.undo()
    return False


def turns(trace: Trace, condition: Callable[[], Any], most: int, error: BaseException) -> Iterator[None]:
    """Something for each round of a `while` loop, `error` where there are more, or Python does not know whether there are."""
    for _ in range(most):
        verdict = truth(trace, condition())
        if verdict is False:
            return
        if verdict is not True:
            break
        yield
    raise error
