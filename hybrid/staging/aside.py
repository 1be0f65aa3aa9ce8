"""When native entries stand aside: in a trace, in eager mode, under a profile, with `config.jit` off or `config.debug` on.

Every call of a decorated function then comes to Python, which knows what to do with it.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hybrid.core import config as settings
from hybrid.core.config import config
from hybrid.ir import trace as tr
from hybrid.runtime import profile

functions: weakref.WeakSet[Any] = weakref.WeakSet()  # every decorated function
_depth = int(not config.jit) + config.check_nan + config.check_inf + bool(config.debug)
_lock = threading.RLock()  # reentrant: a garbage collection inside may run code that calls a decorated function


def entries_aside() -> bool:
    return _depth > 0


def step(by: int) -> None:
    """One more or one fewer reason to stand aside."""
    global _depth
    with _lock:
        before, _depth = _depth, _depth + by
        if bool(before) != bool(_depth):
            for f in list(functions):
                if _depth:
                    f.withdraw()
                else:
                    for made in f.entries():
                        f.put_in_front(made)


def put_in_front(f: Any, made: Any) -> None:
    """A new entry takes calls from now on, or once nothing stands against it."""
    with _lock:
        if not _depth:
            f.put_in_front(made)


@contextmanager
def aside() -> Iterator[None]:
    step(1)
    try:
        yield
    finally:
        step(-1)


@contextmanager
def eager() -> Iterator[None]:
    """Inside this block every decorated function of this thread is plain Python, for pdb, print and breakpoints.

    >>> f = hy.function(lambda x: 2 * x)
    >>> with hy.eager():
    ...     y = f(np.ones(3))
    >>> len(f.traces)
    0
    """
    state = tr.state()
    state.eager += 1
    try:
        with aside():
            yield
    finally:
        state.eager -= 1


def _after_fork() -> None:
    """In a child only this thread lives on: locks are free, and what other threads had open is closed."""
    global _lock
    _lock = threading.RLock()
    tr.after_fork()
    for f in list(functions):
        f.unlock()
    reasons = tr.state().eager + tr.open_traces + len(profile.active)  # open traces count the checks
    reasons += (not config.jit) + bool(config.debug)
    step(reasons - _depth)


def _settings_changed(name: str, before: object, after: object) -> None:
    if name == "jit" and before != after:
        step(-1 if after else 1)
    if name in ("check_nan", "check_inf", "debug") and bool(before) != bool(after):
        step(1 if after else -1)  # compiled calls are evaluated op by op, or said
    if name == "backend" and before != after:
        for f in list(functions):
            if f.backend is None:
                f.clear()


profile.listen(step)
settings.listeners.append(_settings_changed)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
