"""What is in the objects that a function reads: what tells it from something else, and how to put it back after a trace."""

from __future__ import annotations

import sys
from array import array as typed_array
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import numpy as np

from hybrid.frontend.values import Value
from hybrid.staging.signature import is_bound, static_key, valued

MANY_ITEMS, DEEP = 1024, 4  # of a container that is compared, and how deep
MAPPINGS = (OrderedDict, dict)
CONTAINERS = (*MAPPINGS, list, deque, tuple)  # and classes derived from these
_OTHERS = (set, bytearray, typed_array)


def fingerprint(value: Any, whole: bool = True, depth: int = 0) -> Hashable:
    """What tells one value from another: numbers, strings and so on by value, containers by contents, the rest by identity."""
    kind = type(value)
    if isinstance(value, Value):
        return "tensor", id(value), id(value._data)
    if kind is np.ndarray:
        return "array", id(value), value.dtype, value.shape, value.strides
    if valued(value) or is_bound(value):
        return kind, static_key(value)
    if kind is typed_array:
        return kind, id(value), value.typecode, value.tobytes()
    base: Any = base_of(value) if whole and depth < DEEP else None
    if base is not None and base.__len__(value) <= MANY_ITEMS:
        own = None if kind is tuple else id(value)
        keys = tuple(fingerprint(key, depth=depth + 1) for key in base.__iter__(value)) if base in MAPPINGS else None
        return kind, own, keys, tuple(fingerprint(item, depth=depth + 1) for item in items_of(value))
    return "object", id(value)


def base_of(value: Any) -> type | None:
    """The class whose contents an object has; its own class may have other ways of showing them."""
    kind = type(value)  # a list that is being traced says that it is one of Python's
    return next((base for base in CONTAINERS if issubclass(kind, base)), None) if issubclass(kind, CONTAINERS) else None


def items_of(container: Any) -> Iterable[Any]:
    base: Any = base_of(container)
    return base.values(container) if base in MAPPINGS else base.__iter__(container)


def nested(value: Any, depth: int = 0) -> list[Any]:
    """A value and what the containers in it hold, as deep as `fingerprint` looks."""
    base: Any = base_of(value) if depth < DEEP else None
    if base is None or base.__len__(value) > MANY_ITEMS:
        return [value]
    return [value, *(found for item in items_of(value) for found in nested(item, depth + 1))]


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


def lineage(array: Any) -> set[int]:
    """Ids of an array and of those it is a view of."""
    out = set()
    while array is not None:
        out.add(id(array))
        array = getattr(array, "base", None)
    return out


def leads_to_one(value: Any, step: tuple[bool, Any]) -> bool:
    """Whether a step leads to one item of a list or dict, so that the others do not count."""
    attribute, name = step
    return not attribute and (type(value) is dict or (type(value) is list and type(name) is int))
