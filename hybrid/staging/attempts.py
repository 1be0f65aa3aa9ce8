"""The attempts to record one call: each may say how another would do better, and none is made that is known to fail."""

from __future__ import annotations

from dataclasses import replace

from hybrid.core.errors import TraceError
from hybrid.ir.requests import AT_FIRST, Writing


class Attempts:
    """Those of one call so far.

    Attributes:
        error: what to say where all of them fail.
        next: which loops the next one writes out; None where there is none.
    """

    def __init__(self) -> None:
        self.error: TraceError | None = None
        self.next: Writing | None = AT_FIRST
        self._failed: dict[Writing, TraceError] = {}  # those that would fail in the same way if nothing could be in storage

    def fail(self, found: TraceError) -> None:
        """The attempt that was next has failed."""
        writing = self.next
        assert writing is not None
        if writing.kept == frozenset() and found.saw is not None:
            self._failed[writing] = found
        self._pass(found, found.again)
        while (writing := self.next) is not None and writing.kept is None:
            known = self._failed.get(replace(writing, kept=frozenset()))
            if known is None:
                return
            self._pass(known, known.saw.instead(writing))

    def _pass(self, found: TraceError, then: Writing | None) -> None:
        assert self.next is not None
        if self.error is None or self.next.short:
            if self.error is not None and self.error is not found:  # what its frames hold counts as known to others
                self.error.__traceback__ = self.error.__cause__ = self.error.__context__ = None
            self.error = found
        self.next = then
