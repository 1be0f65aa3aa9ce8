"""Python's collector while a function is traced and compiled: what it looks at then is a graph that only grows."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hybrid.core import forks

# Objects more than before that set off a look at the young ones. By Python's own number, 700, a first call spent a ninth of its
# time on looks that found nothing; 20 000 are 3 MB.
YOUNG = 20_000

_lock = threading.RLock()  # a collection inside may run a finaliser that calls what is compiled
forks.free_in_child(_lock)
_inside = 0
_usual = (0, 0, 0)


@contextmanager
def seldom() -> Iterator[None]:
    """Inside, collections are rare; what the user has set is set again after the last of several at once."""
    global _inside, _usual
    with _lock:
        if not _inside:
            _usual = gc.get_threshold()
            if 0 < _usual[0] < YOUNG:  # 0: they are off
                gc.set_threshold(YOUNG, *_usual[1:])
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and gc.get_threshold() == (YOUNG, *_usual[1:]):  # nobody has set it meanwhile
                gc.set_threshold(*_usual)
