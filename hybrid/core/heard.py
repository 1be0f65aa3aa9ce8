"""Warnings whose words are for the user's line, which only the undecorated function stands at.

While a library computes something for compiled code, and while a function is traced, a filter in front of Python's own makes
an exception of what is warned of in this thread; it asks nothing of others. It is put there without `warnings.simplefilter`,
which would make Python forget what each line has said already.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

from hybrid.core.errors import WarnedError

_KINDS = (RuntimeWarning, UserWarning)  # deprecations are said once to those who ask for them


class _Inside(threading.local):
    """Who listens in this thread, the innermost last."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[], None] | None] = []


_inside = _Inside()


class _Asking(type):
    """The class of a category of warnings, of which Python asks whether a warning belongs to it."""

    def __subclasscheck__(cls, category: type) -> bool:
        listeners = _inside.listeners
        if not listeners or not issubclass(category, _KINDS) or category.__module__.startswith("hybrid."):
            return False
        if listeners[-1] is not None:
            listeners[-1]()
        return True


class _Heard(metaclass=_Asking):
    """What this thread is listening for."""


_FILTER: Any = ("error", None, _Heard, None, 0)


def _own_filters() -> list[Any]:
    return warnings.filters  # type: ignore[return-value]


filters: Callable[[], list[Any]] = getattr(warnings, "_get_filters", _own_filters)  # Python 3.14 may keep them in a context


class listening:
    """What is warned of inside raises, unless the first filter ignores all such; `heard` is told before."""

    __slots__ = ("heard", "known")

    def __init__(self, heard: Callable[[], None] | None = None):
        self.heard = heard
        self.known: list[Any] | None = None

    def __enter__(self) -> None:
        known = filters()
        if known and known[0][0] == "ignore" and known[0][1] is known[0][3] is None and issubclass(RuntimeWarning, known[0][2]):
            return
        self.known = known
        known.insert(0, _FILTER)
        _inside.listeners.append(self.heard)

    def __exit__(self, *_: object) -> None:
        known = self.known
        if known is None:
            return
        _inside.listeners.pop()
        for at, item in enumerate(known):
            if item is _FILTER:
                del known[at]
                break


def silently(name: str, call: Callable[[Any], Any], given: Any) -> Any:
    """`call(given)`. WarnedError where it warns and somebody may hear of it: the user's function is then Python's."""
    with listening():
        try:
            return call(given)
        except _KINDS as said:
            raise WarnedError(f"{name} warns: {said}") from said
