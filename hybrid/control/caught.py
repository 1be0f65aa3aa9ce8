"""`try` statements whose bodies raise for values that only a run knows: whether one will is asked first, as an `if` would."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from hybrid.control.attempt import Attempt
from hybrid.control.effects import refuse_wording
from hybrid.control.own import Changes
from hybrid.control.plain import Ends, Plain, State
from hybrid.control.watch import Holds
from hybrid.core.errors import TraceError
from hybrid.core.shape import symbols
from hybrid.frontend import integers
from hybrid.ir import trace as tr
from hybrid.ir.catching import Catch, defined
from hybrid.ir.requests import Concretise, Learned, Rebinds, Specialise
from hybrid.ir.trace import Trace
from hybrid.ops import elementwise as e


class Tries(Plain):
    """The part of `Tracing` that knows of `try`."""

    ours = (TraceError, Concretise, Specialise, Rebinds, Learned)

    def caught(self, error: BaseException) -> None:
        if (trace := tr.current()) is not None:
            refuse_wording(trace, error)

    def succeeds(self, body: Callable[[], Any], classes: Callable[[], Any], state: State) -> Any:
        trace = tr.current()
        if trace is None:
            return True
        if trace.catch is not None:  # else bodies in one another would be recorded twice for each around them
            raise TraceError("a `try` is in the body of another", at=tr.user_line())
        return _succeeds(trace, body, classes, state)


def _succeeds(trace: Trace, body: Callable[[], None], classes: Callable[[], Any], state: State) -> Any:
    """Whether a body raises none of some classes, as far as this can be said before it runs: a bool of the run, or True.

    The body is recorded on trial; what the conditions come of is kept, all else is undone.
    """
    kinds = classes()
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    if not all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
        return True  # which is an error, if it comes to that
    attempt, before = Attempt(trace, state, body), trace.catch
    region, watch, given = attempt.region, attempt.watch, attempt.held.get()

    def unchanged() -> bool:
        same = all(was is now for was, now in zip(given, attempt.held.get()))
        return same and not region.written and watch.changed() is None

    catch = trace.catch = Catch(region, kinds, unchanged)
    try:
        with attempt.region:
            body()
    except (Changes, Holds):
        attempt.undo()
        raise
    except (Exception, Ends):
        attempt.undo()
        return True
    finally:
        trace.catch = before
    attempt.undo()
    needed = catch.needed() if catch.found else None
    if needed is None:
        return True
    trace.builder.take(needed, region.builder)
    lost = {symbol for eqn in region.builder.eqns if eqn not in needed for symbol in defined(eqn)}
    known = {atom: size for atom, size in region.sizes.items() if lost.isdisjoint(symbols(size))}
    (trace.sizes if trace.region is None else trace.region.sizes).update(known)
    found = tuple(dict.fromkeys(catch.found))
    verdict = functools.reduce(functools.partial(trace.one, e.and_), found)
    trace.implied[verdict] = found
    return integers.python(trace, verdict)
