"""The frames between a caller and a function that runs as plain Python.

Python's `warnings` and `logging` count frames to find whom a message is for (`stacklevel=2` is the caller), and pass over those
of files whose names hold "importlib" and "_bootstrap". Hence the name of this one, and that it has nothing else in it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hybrid.core.config import config
from hybrid.ir import finite
from hybrid.ir import trace as tr
from hybrid.staging.fallback import without_our_frames

if TYPE_CHECKING:
    from hybrid.staging.function import Function


def slow_path(reference: weakref.ref[Function], function: Callable) -> Callable:
    """What a native entry leaves a call to: compiled code that is reached from Python, or the function itself."""
    thread = tr.state()  # what it says is this thread's

    def slow(*args: Any, **kwargs: Any) -> Any:
        try:  # in as few lines as may be: a debugger steps through each on its way to the function
            plain = (thread.eager or not config.jit) and not (config.check_nan or config.check_inf)
            return function(*args, **kwargs) if plain else _called(reference(), function, args, kwargs)
        except BaseException as error:
            without_our_frames(error)
            raise  # bare: it adds no entry for this frame

    return slow


def _called(own: Function | None, function: Callable, args: tuple, kwargs: dict) -> Any:
    if own is None:
        return function(*args, **kwargs)
    made, after = own._paced(args, kwargs)
    if made is not None:
        return made[0]
    try:
        if not finite.wanted():
            out = function(*args, **kwargs)
        else:
            with finite.in_python():
                out = function(*args, **kwargs)
    except Exception:
        if after is not None:
            after(False)
        raise
    if after is not None:
        after(True)
    return out
