"""Who calls the functions that a trace may run: those that only converted code calls are made anew for the trace."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hybrid.core.shadows import Shadows
from hybrid.staging.chains import cells_of, names_of
from hybrid.staging.convert import reason

_ROOT, _UNKNOWN = 1, 0  # instead of ids of functions


class Callers:
    """Of the functions that a scan finds."""

    def __init__(self) -> None:
        self.functions: dict[int, types.FunctionType] = {}
        self._of: dict[int, set[int]] = {}  # the ids of the functions that name it to call it, or another function's way to it
        self._here = self._next = _UNKNOWN

    def root(self) -> None:
        """What is met next is the traced function itself."""
        self._next = _ROOT

    def named(self, called: bool) -> None:
        """What is met next stands in the code that is looked at, to be called or for anything else."""
        self._next = self._here if called else _UNKNOWN

    def unknown(self) -> None:
        """What is met next may be called by anyone."""
        self._next = _UNKNOWN

    def met(self, value: Any) -> None:
        """A function, or what calls one."""
        while isinstance(value, (types.MethodType, functools.partial)):
            value = value.__func__ if isinstance(value, types.MethodType) else value.func
        if isinstance(value, types.FunctionType):
            self.functions[id(value)] = value
            self._of.setdefault(id(value), set()).add(self._next)
        self._next = _UNKNOWN

    @contextmanager
    def inside(self, function: types.FunctionType) -> Iterator[None]:
        """While the code of a function is looked at."""
        before, self._here = self._here, id(function)
        try:
            yield
        finally:
            self._here, self._next = before, _UNKNOWN

    def cast(self, shadows: Shadows, cells: dict[int, types.CellType], spaces: dict[int, tuple[dict, set[str]]]) -> None:
        """Shadows of these cells, and of the globals of these names, as far as all functions that name them get to see them."""
        users: dict[int, list[types.FunctionType]] = {mark: [] for mark in (*cells, *spaces)}
        rebound = dict(cells)
        for f in self.functions.values():
            own = dict(zip(f.__code__.co_freevars, f.__closure__ or ()))
            for name, cell in own.items():
                if name in cells_of(f.__code__):
                    rebound[id(cell)] = cell
                users.setdefault(id(cell), []).append(f)
            if id(f.__globals__) in spaces and not names_of(f.__code__).isdisjoint(spaces[id(f.__globals__)][1]):
                users[id(f.__globals__)].append(f)
        unseen = self._not_made_anew()
        for mark, cell in rebound.items():
            if unseen.isdisjoint(map(id, users[mark])):
                shadows.add_cell(cell)
        for mark, (space, _) in spaces.items():
            if unseen.isdisjoint(map(id, users[mark])):
                shadows.add_space(space)

    def _not_made_anew(self) -> set[int]:
        """The functions that may be called otherwise than by converted code."""
        found = {mark for mark, by in self._of.items() if _UNKNOWN in by}
        opaque = {mark for mark, f in self.functions.items() if reason(f) is not None}
        while more := {mark for mark, by in self._of.items() if mark not in found and not by.isdisjoint(found | opaque)}:
            found |= more
        return found
