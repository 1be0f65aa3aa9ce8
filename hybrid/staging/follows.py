"""Calls of decorated functions on values that a transform follows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hybrid.core.errors import AssumptionError, NoLeafError
from hybrid.staging import late
from hybrid.staging.fallback import Refusal
from hybrid.staging.packed import unpacked
from hybrid.staging.parameters import Bound
from hybrid.staging.voice import name_of

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled
    from hybrid.staging.function import Call

FOLLOWED = "hybrid.staging.followed"  # imported when a transform follows something


def is_native(compiled: Compiled) -> bool:
    """Whether machine code may take a call from its arguments to its results: it knows arrays only."""
    return not compiled.traced.followed or not late.module(FOLLOWED).may_be_wanted(compiled)


def _needs_leaves(found: Any) -> bool:
    if isinstance(found, Refusal):
        return isinstance(found.error, NoLeafError)
    return bool(found[0].traced.differentiates)


class Follows:
    """What a decorated function does with such calls."""

    function: Callable
    _packs: bool
    _trains: bool  # whether leaves among its arguments are its own, as those that it captures
    _flat: Callable
    _trace_for: Callable
    _report: Callable
    _say: Callable

    def _lowered(self, low: Bound, bound: Bound, form: Any) -> Any:
        """The trace of a call without what transforms know of its arguments; None where gradients are left with these."""
        leaves = late.module(FOLLOWED).holds_leaves_only(bound)
        if leaves and self._trains:
            return None
        try:
            found = self._trace_for(low, form)
        except NoLeafError:
            if not leaves:
                raise
            found = None
        if found is None or (leaves and _needs_leaves(found)):
            self._trains = True
            return None
        return found

    def _followed(self, found: tuple[Compiled, Call] | Refusal, bound: Bound) -> tuple[tuple | None, Callable | None]:
        """A call on values that a transform follows: (its result,), or None where it is Python's, and what to do after that."""
        if isinstance(found, Refusal):
            return None, lambda returned: self._report(found) if returned else None
        compiled, call = found
        followed = late.module(FOLLOWED)
        why = followed.objection(compiled)
        if why is not None:
            self._say(f"{name_of(self.function)}: where gradients or vmap are asked for it runs as plain Python, for {why}")
        elif compiled.refuses(call.values, call.bound) is None:
            with contextlib.suppress(AssumptionError):
                given = bound if self._packs else unpacked(bound)  # as it was traced
                leaves = self._flat(given)[0]
                return (followed.call(compiled, [*leaves, *call.values[len(leaves) :]]),), None  # and its state
        return None, None
