"""What loops were carried as when they were recorded before: in a round around them, which is recorded anew.

Every loop is recorded until its variables settle, two or three times. Loops in it would be recorded as often each time, and a
nest of six 64 times; so a loop begins with what its variables settled on before. A guess that says more than what a variable
is here is dropped, and the round recorded again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hybrid.control.join import Spec, common, form_of, spec_of
from hybrid.control.plain import UNDEFINED
from hybrid.ir import trace as tr
from hybrid.ir.trace import Trace

if TYPE_CHECKING:
    from hybrid.control.loop import Carried


def site(body: Any) -> Any:
    """Where a loop stands; None for one that is nobody's."""
    code, line = getattr(body, "__code__", None), tr.user_line()
    return None if code is None or line is None else (code, line)


def recall(trace: Trace, where: Any, leaves: Sequence[Carried]) -> None:
    """Let variables be carried as they were before, where that says what they are."""
    known = trace.settled.get(where, {})
    for leaf in leaves:
        guess = known.get(leaf.name)
        if guess is None or leaf.initial is UNDEFINED or not leaf.read or leaf.spec == guess:
            continue
        initial = form_of(leaf.initial) if guess.is_number else spec_of(leaf.initial)
        if initial is not None and (common(initial, guess) if guess.is_number else initial) == guess:
            leaf.own, leaf.spec, leaf.guessed = leaf.spec, guess, True


def dropped(leaf: Carried) -> bool:
    """Whether a guess says more than what the round has left; then the variable is carried as if there had been none."""
    if not leaf.guessed:
        return False
    leaf.guessed = False
    if leaf.spec is not None and isinstance(leaf.spec, Spec) and leaf.spec.is_number:
        fits = common(form_of(leaf.initial), form_of(leaf.after)) == leaf.spec
    else:
        fits = leaf.after is not leaf.head and spec_of(leaf.after) == leaf.spec
    if not fits:
        leaf.spec = leaf.own
    return not fits


def remember(trace: Trace, where: Any, leaves: Sequence[Carried]) -> None:
    if where is not None:
        trace.settled[where] = {leaf.name: leaf.spec for leaf in leaves if isinstance(leaf.spec, Spec)}
