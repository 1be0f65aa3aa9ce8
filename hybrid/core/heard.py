"""Calls of libraries that warn. Their words are for the user's line, which only the undecorated function stands at.

A filter in front of Python's own makes a warning an exception for the thread that is inside such a call, and asks nothing of
others. It is put there without `warnings.simplefilter`, which would make Python forget what each line has said already.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any

from hybrid.core.errors import WarnedError


class _Inside(threading.local):
    """Whether this thread is inside a call. As the message of a filter it matches any text then."""

    depth = 0

    def match(self, text: str) -> bool:
        return self.depth > 0


_inside = _Inside()
_FILTER: Any = ("error", _inside, (RuntimeWarning, UserWarning), None, 0)


def _own_filters() -> list[Any]:
    return warnings.filters  # type: ignore[return-value]


filters: Callable[[], list[Any]] = getattr(warnings, "_get_filters", _own_filters)  # Python 3.14 may keep them in a context


def silently(name: str, call: Callable[[Any], Any], given: Any) -> Any:
    """`call(given)`. WarnedError where it warns and somebody may hear of it: the user's function is then Python's."""
    known = filters()
    if known and known[0][0] == "ignore" and known[0][1] is known[0][3] is None and issubclass(RuntimeWarning, known[0][2]):
        return call(given)
    known.insert(0, _FILTER)
    _inside.depth += 1
    try:
        return call(given)
    except (RuntimeWarning, UserWarning) as said:
        raise WarnedError(f"{name} warns: {said}") from said
    finally:
        _inside.depth -= 1
        for at, item in enumerate(known):
            if item is _FILTER:
                del known[at]
                break
