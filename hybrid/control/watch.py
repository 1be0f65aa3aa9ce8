"""Python objects that a body could change while it is recorded: compiled code would not change them again."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

from hybrid.control.lists import ListChanges, Listed, layout_of
from hybrid.control.objects import Attribute, ObjectChanges, attributes, rebind
from hybrid.control.plain import UNDEFINED
from hybrid.core.errors import TraceError
from hybrid.frontend.values import Value
from hybrid.ir import trace as tr

_PLAIN = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.MethodType,
    types.BuiltinFunctionType,
    np.ndarray,
    np.generic,
    Value,
)
DEPTH, MANY = 3, 1000  # how far from a variable objects are looked at, and how many


class Watch:
    """Lists, dicts, sets and instances that a body's variables lead to, as they are now."""

    def __init__(self, body: Callable, values: tuple, free: tuple[Attribute, ...] = ()):
        """`free`: attributes of instances, that are variables and may change."""
        self.free: dict[int, set[str]] = {}
        for instance, name in free:
            self.free.setdefault(id(instance), set()).add(name)
        self.before: dict[int, tuple[Any, Any]] = {}
        pending = [(value, DEPTH) for value in values]
        for cell in getattr(body, "__closure__", None) or ():
            try:
                pending.append((cell.cell_contents, DEPTH))
            except ValueError:
                continue  # a variable that has no value yet
        while pending and len(self.before) < MANY:
            value, depth = pending.pop()
            contents = self._contents(value)
            if contents is None or id(value) in self.before:
                continue
            self.before[id(value)] = value, contents
            if type(value) is Listed:
                contents = value.items or []
            if depth:
                pending += [(part, depth - 1) for part in (contents.values() if isinstance(contents, dict) else contents)]

    def changed(self) -> Any:
        """An object that holds something else than before, if there is one."""
        for value, before in self.before.values():
            if not _same(self._contents(value), before):
                return value
        return None

    def _contents(self, value: Any) -> Any:
        contents, free = _contents(value), self.free.get(id(value))
        return contents if free is None else {name: item for name, item in contents.items() if name not in free}

    def refuse(self, where: str) -> None:
        """TraceError where something changed; it is put back."""
        value = self.changed()
        if type(value) is Listed and (layout := layout_of(value.items)) is not None:
            self.restore()
            raise ListChanges(value, layout)
        if value is not None:
            now, before = self._contents(value), self.before[id(value)][1]
            self.restore()
            if type(value) is not Listed and not isinstance(value, (list, dict, set)):
                names = [name for name in {**before, **now} if now.get(name, self) is not before.get(name, self)]
                raise ObjectChanges(where, [(value, name) for name in names])
            raise TraceError(
                f"{where} changes a {'list' if type(value) is Listed else type(value).__name__}, which compiled code does not",
                at=tr.user_line(),
            )

    def restore(self) -> None:
        for value, before in self.before.values():
            if type(value) is Listed:
                value.restore(before)
                continue
            if _same(self._contents(value), before):
                continue
            if isinstance(value, list):
                value[:] = before
            elif isinstance(value, (dict, set)):
                value.clear()
                value.update(before)
            else:
                now = self._contents(value)
                for name in {**now, **before}:
                    if now.get(name, UNDEFINED) is not before.get(name, UNDEFINED):
                        rebind(value, name, before.get(name, UNDEFINED))


def _contents(value: Any) -> Any:
    if type(value) is Listed:
        return value.snapshot()
    if type(value) in (list, dict, set):
        return type(value)(value)
    if isinstance(value, _PLAIN) or type(value).__module__.startswith("hybrid."):
        return None
    return attributes(value)


def _same(now: Any, before: Any) -> bool:
    if type(now) is tuple:  # of a list of the function's own: what happens to its storage is recorded
        now, before = now[0], before[0]
        return now is None or (before is not None and len(now) == len(before) and all(a is b for a, b in zip(now, before)))
    if type(now) is not type(before) or len(now) != len(before):
        return False
    if isinstance(now, dict):
        return all(key in before and before[key] is item for key, item in now.items())
    return all(a is b for a, b in zip(now, before))
