"""The attributes of Python objects, as they are kept: in a dict, and in slots."""

from __future__ import annotations

from typing import Any

from hybrid.core.shadows import HEAP, body, slots_of

_LIBRARIES = ("hybrid", "logging")  # what their objects lead to is not the function's, and is much


def attributes_of(value: Any) -> dict[str, Any] | None:
    """By their names; None for what has none."""
    if isinstance(value, type):
        return dict(body(value)) if value.__flags__ & HEAP else None
    own = getattr(value, "__dict__", None)
    found = dict(own) if isinstance(own, dict) else None
    kind: Any = type(value)
    for name in slots_of(kind):
        try:
            found = {**(found or {}), name: object.__getattribute__(value, name)}
        except AttributeError:
            continue  # it has no value yet
    return found


def is_library(value: Any) -> bool:
    kind = value if isinstance(value, type) else type(value)
    return kind.__module__.partition(".")[0] in _LIBRARIES


def default_of(value: Any, name: str, absent: Any) -> Any:
    """What a dataclass says of a field that `__init__` has not set; `absent` where it says nothing."""
    fields = getattr(type(value), "__dataclass_fields__", {})
    default = fields[name].default if name in fields else None
    return default if type(default) in (bool, int, float, complex, str) else absent
