"""NumPy's floating-point warnings and errors in compiled calls: when a call that raised flags is Python's after all.

Flags of the processor say that NumPy might have warned; the undecorated function says whether it does, at which line, in which
words, and what `np.errstate`, in or around it, makes of it. So a flagged call is repeated in Python on untouched arguments,
unless nothing could be heard of it. See docs/design/warnings.md.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.codegen.flags import UNDER
from hybrid.core.heard import filters

QUIET = 16  # calls without flags after which copies of what they write are not made any more
KEPT = 4096  # bytes that are copied before they are written, in case that Python has to make the call after all: in 0.1 µs
FEW = 3  # calls with the same flags that Python repeats, where a warning of a line is shown once
_COMMON = ("divide", "invalid", "over")  # one function may raise another of these flags than NumPy's does: log(0), invalid


class Flagged(Exception):
    """A compiled call raised floating-point flags: Python makes it, and says what there is to say. Nothing has been changed."""

    def __init__(self, flags: int):
        super().__init__(flags)
        self.flags = flags


class Watch:
    """What one trace does about flags.

    Args:
        effects: whether its calls write into arrays or draw random numbers, which must be undone before Python repeats one.
        heard: whether the function itself sets what NumPy does about errors, so that all flags are Python's.
    """

    __slots__ = ("effects", "heard", "held", "tables", "_mode", "_found", "_quiet", "__weakref__")

    def __init__(self, effects: bool, heard: bool = False):
        self.effects, self.heard = effects, heard
        self.held = effects  # the first call, which compiles, keeps copies; the others do once flags have been seen
        self.tables: list[np.ndarray] = []  # of native entries
        self._mode: _Mode | None = None
        self._quiet = 0  # calls without flags, one after another
        self._found: dict[int, int] = {}  # flags -> calls repeated in this mode

    def flagged(self, flags: int, undone: bool) -> bool:
        """Whether a call of a native entry is Python's. Where what it has written stays, the next one will be looked at."""
        wanted = self.wants(flags)
        if wanted and self.effects:
            self.hold(True)
            return undone
        return wanted

    def wants(self, flags: int) -> bool:
        """Whether anything would be heard of these flags that has not been heard."""
        if self.heard:
            return True
        mode = self._mode
        if mode is None or not mode.lasts():
            mode, self._found = self._mode, _ = _Mode(), {}
        if not mode.hears(flags):
            return False
        return mode.always or self._found.get(flags, 0) < FEW

    def passed(self) -> None:
        """A call raised no flags: after some of them native entries may have calls with effects again."""
        self._quiet += 1
        if self._quiet >= QUIET or self._mode is None:
            self.hold(False)

    def repeats(self, flags: int, undone: bool) -> bool:
        """Whether Python repeats a call; `undone`: all that it has done can be undone."""
        wanted = self.wants(flags)
        if wanted and undone:
            self._found[flags] = self._found.get(flags, 0) + 1
        self.hold(wanted)
        self._quiet = 0
        return wanted and undone

    def again(self, flags: int) -> None:
        """A call that Python was to repeat comes once more before it does."""
        self._found[flags] -= 1

    def hold(self, held: bool) -> None:
        """Let calls that have effects come from Python, which keeps copies; or let native entries make them again."""
        if self.effects and held != self.held:
            self.held = held
            self.sync()

    def sync(self) -> None:
        from hybrid.staging.spec import HELD  # its classes take 10 ms, which `import hybrid` does without

        for words in self.tables:
            words[HELD] = self.held


class _Mode:
    """The warning filters and the error state of one moment."""

    __slots__ = ("always", "_filters", "_known", "_shown", "_sink", "_errors", "_heard")

    def __init__(self) -> None:
        self._filters, self._shown, self._sink = filters(), warnings.showwarning, _sink()
        self._known = list(self._filters)
        self._errors = _errors()
        actions, errors = _actions(self._known), dict(np.geterr())
        silent = {"ignore", "warn"} if actions <= {"ignore"} else {"ignore"}
        self._heard = {kind for kind, how in errors.items() if how not in silent}
        # What is raised, called, logged or printed comes with every call; so does a warning that is always shown or an error.
        self.always = bool({errors[kind] for kind in self._heard} - {"warn"} or actions & {"always", "all", "error"})

    def lasts(self) -> bool:
        """Whether it is still so."""
        now = filters()
        return (now is self._filters and now == self._known and warnings.showwarning is self._shown
                and _sink() is self._sink and _errors() == self._errors)  # fmt: skip

    def hears(self, flags: int) -> bool:
        heard = self._heard
        return bool(flags & ~UNDER and not heard.isdisjoint(_COMMON)) or bool(flags & UNDER and "under" in heard)


def _said() -> tuple[Any, Any]:
    return np.geterr(), np.geterrcall()


# NumPy keeps its error state in a context: as an object that never changes, 0.5 µs quicker to ask for than `np.geterr`.
_state = getattr(getattr(np, "_core", None), "umath", None)
_errors: Callable[[], Any] = getattr(getattr(_state, "_extobj_contextvar", None), "get", _said)


def _sink() -> Any:
    """Where warnings go: `catch_warnings(record=True)` puts another function there."""
    return getattr(warnings, "_showwarnmsg_impl", None)


def _actions(known: list[tuple]) -> set[str]:
    """What may become of a RuntimeWarning, whatever its text and its module."""
    found: set[str] = set()
    for action, message, category, module, line in known:
        if issubclass(RuntimeWarning, category):
            found.add(action)
            if message is None and module is None and not line:
                return found
    return found | {"default"}
