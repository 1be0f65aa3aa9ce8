"""What is in the objects that a function reads, to put it back after a trace, and what a logger looks at."""

from __future__ import annotations

import sys
from array import array as typed_array
from collections.abc import Iterator
from typing import Any

_OTHERS = (set, bytearray, typed_array)


def can_be_refilled(container: Any, base: type | None) -> bool:
    """Whether what is in an object can be put back; `base`: the class of containers that it is of."""
    return isinstance(container, _OTHERS) if base is None else base is not tuple


def copied(container: Any, base: Any) -> Any:
    """What is in it now."""
    if base is None:
        return container.copy() if isinstance(container, (set, bytearray)) else container[:]
    return dict(base.items(container)) if issubclass(base, dict) else list(base.__iter__(container))


def refill(container: Any, copy: Any, base: Any) -> None:
    """Leave in it what was there."""
    if isinstance(container, set):
        set.clear(container)
        set.update(container, copy)
    elif base is None:
        container[:] = copy
    else:
        base.clear(container)
        (base.update if issubclass(base, dict) else base.extend)(container, copy)


def levels(value: Any) -> Iterator[tuple[Any, str]]:
    """The attributes that decide whether a logger, or its module's root, says anything: its ancestors' too."""
    logging = sys.modules.get("logging")
    if logging is None or not (value is logging or isinstance(value, logging.Logger)):
        return
    logger = logging.root if value is logging else value
    yield logger.manager, "disable"
    while logger is not None:
        yield from ((logger, name) for name in ("level", "disabled"))
        logger = logger.parent
