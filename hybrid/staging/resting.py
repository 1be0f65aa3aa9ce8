"""Calls that go straight to Python: where looking at one has been in vain again and again, and took longer than the call."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from hybrid.core.config import config
from hybrid.staging.fallback import Refusal
from hybrid.staging.pace import Paced
from hybrid.staging.voice import MANY

if TYPE_CHECKING:
    from hybrid.staging.compiled import Compiled

REST = 64  # calls between two looks: to look at one that is known to be refused takes some 20 µs, to trace one a millisecond
RAISED = 3  # calls with one key that raised while they were traced, and again in Python
_RAISES = "such calls raised"


class Resting(Paced):
    """What a decorated function remembers of calls that were not compiled.

    Attributes:
        _refusals: how many were refused since the last trace was made.
        _resting: calls to come that are not looked at.
        _failures: calls in a row that compiled code has left to Python, which raised.
        _raised: by key, how many calls in a row raised both while they were traced and in Python, and how many to come are
            not traced. They are in no other memory: the next one may not raise.
    """

    _traces: OrderedDict[Any, Compiled]
    strict: bool

    def __init__(self) -> None:
        Paced.__init__(self)
        self._refusals = self._resting = self._failures = 0
        self._raised: OrderedDict[Any, list[int]] = OrderedDict()

    def _wake(self) -> None:
        self._refusals = self._resting = self._failures = 0
        self._raised.clear()
        if self.paces is not None:
            self.paces.known.clear()

    def _refused_once_more(self) -> None:
        """Rest after many refusals: long where no call has ever been compiled, else longer and longer."""
        self._refusals += 1
        if self._refusals < MANY:
            self._resting = 0
        elif not self._traces:
            self._resting = REST
        elif all(made for compiled in self._traces.values() for made in compiled.entries.values() or (None,)):
            self._resting = min(self._refusals - MANY, REST)  # what machine code takes does not come here
        elif self._refusals > 4 * MANY:  # one after another, with no call between them that was compiled
            self._resting = min(self._refusals - 4 * MANY, REST)

    def _rests(self, key: Any) -> Refusal | None:
        """A refusal without a look at a call of which others like it have raised."""
        known = self._raised.get(key)
        if known is None or not known[1]:
            return None
        known[1] -= 1
        return Refusal(key, _RAISES)

    def _left(self, refusal: Refusal) -> Refusal:
        """A refusal whose call Python is about to make. Calls of this function in one that was too deep to trace are not looked
        at: each would be traced to the same depth."""
        if isinstance(refusal.error, RecursionError):
            self._resting = sys.getrecursionlimit()
        return refusal

    def _raises(self, refusal: Refusal) -> None:
        """Python has raised where tracing did."""
        if isinstance(refusal.error, RecursionError):
            self._resting = 0
        if refusal.reason is _RAISES:
            self._refused_once_more()
        if refusal.key is None or refusal.error is None or self.strict:
            return
        known = self._raised.setdefault(refusal.key, [0, 0])
        known[0] += 1
        known[1] = REST if known[0] >= RAISED else 0
        if len(self._raised) > config.max_traces:
            self._raised.popitem(last=False)

    def _failed(self) -> None:
        """Python has raised where compiled code had failed. To find the trace of such a call, and to run it as far as it comes,
        takes 100 us and more; native entries, which come first, miss what they cannot make in a few."""
        self._failures += 1
        if not self.strict and self._failures >= RAISED:
            self._resting = min(1 << (self._failures - RAISED), REST)

    def _returned(self, refusal: Refusal) -> bool:
        """Whether Python has returned where calls were said to raise: the next is traced."""
        self._raised.pop(refusal.key, None)
        return refusal.reason is _RAISES
