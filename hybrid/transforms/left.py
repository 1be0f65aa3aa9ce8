"""What a function that is differentiated leaves behind in objects, containers, globals and variables of functions around it.

Eager code runs on tensors that a transform follows. When the call has ended nobody follows them any more, and what was kept of
them is to be what the function would have kept by itself: arrays and numbers.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from hybrid.core import tree
from hybrid.core.shadows import HEAP, slots_of
from hybrid.frontend.values import Value, wrap
from hybrid.ir.lifted import Level, Lifted
from hybrid.ir.lines import is_library

MANY = 10_000  # objects that a call leads to that are looked at, in 5 ms; what it keeps in others beyond these stays as it is
_STDLIB = sysconfig.get_path("stdlib") + "/"
_PLAIN = (Value, np.ndarray, np.generic, str, bytes, int, float, complex, types.BuiltinFunctionType, types.NoneType)
_STORES = ("STORE_ATTR", "STORE_SUBSCR", "STORE_GLOBAL", "STORE_SLICE")
# Names of what puts something into a container or an object.
_PUTS = frozenset((
    "append", "appendleft", "extend", "extendleft", "insert", "add", "update", "setdefault", "setattr", "__setattr__",
    "__dict__", "vars", "put", "setitem", "heappush", "send", "insort",
))  # fmt: skip


@functools.lru_cache(1024)
def _keeps(code: types.CodeType) -> bool:
    """Whether code may leave a value somewhere but in its own variables, and what it calls."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    ops = [(op.opname, op.argval) for op in dis.get_instructions(code)]
    bound = any(name in _STORES or (name == "STORE_DEREF" and value in code.co_freevars) for name, value in ops)
    return bound or not _PUTS.isdisjoint((*code.co_names, *code.co_consts)) or any(map(_keeps, inner))


@functools.lru_cache(1024)
def _named(code: types.CodeType) -> frozenset[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return frozenset(code.co_names).union(*map(_named, inner))


def settle(level: Level, function: Any, arguments: Any, as_given: Callable[[Any], Any]) -> None:
    """Put what a call would have kept undecorated in the place of what `level` follows.

    Args:
        function: what was called, and `arguments` it was called with.
        as_given: from a tensor to an array or a number, where such came in.
    """
    reached, keeps = _reached(function, arguments)
    if not keeps:
        return

    def plain(x: Any) -> Any:
        """The same without what the level knows: itself where that is nothing."""
        if isinstance(x, Value):
            data = x._data  # type: ignore[attr-defined]
            if not isinstance(data, Lifted) or data.level is not level:
                return x
            return as_given(wrap(data.value))
        if type(x) is tuple or (isinstance(x, tuple) and hasattr(x, "_fields")):
            found = [plain(item) for item in x]
            if all(a is b for a, b in zip(found, x)):
                return x
            return tuple(found) if type(x) is tuple else type(x)(*found)
        return x

    for holder in reached:
        _replace(holder, lambda name, value: plain(value))


class Before:
    """What a call leads to that may keep something, as it was before the call: values of all examples have no place in it."""

    def __init__(self, function: Any, arguments: Any):
        self.call = function, arguments
        reached, keeps = _reached(function, arguments)
        self.held = [(holder, dict(_contents(holder))) for holder in reached] if keeps else []

    def has_none_of(self, level: Level) -> str | None:
        """Where a value that `level` follows has been kept. Then everything is put back as it was."""
        where = next(filter(None, (_of(level, holder) for holder in _reached(*self.call)[0])), None) if self.held else None
        if where is not None:
            for holder, before in self.held:
                _put_back(holder, before)
        return where


def _of(level: Level, holder: Any) -> str | None:
    """Where a value that `level` follows is kept in something."""
    for name, value in _contents(holder):
        for part in tree.flatten(value)[0] if type(value) is tuple else (value,):
            data = getattr(part, "_data", None) if isinstance(part, Value) else None
            if isinstance(data, Lifted) and data.level is level:
                if isinstance(holder, (types.CellType, Namespace)):
                    return "a variable of a function around it" if isinstance(holder, types.CellType) else f"global {name}"
                if isinstance(holder, (list, deque, dict)):
                    return f"a {type(holder).__name__}"
                return f"{(holder if isinstance(holder, type) else type(holder)).__name__}.{name}"
    return None


def _put_back(holder: Any, before: dict[Any, Any]) -> None:
    now = dict(_contents(holder))
    if list(now) == list(before) and all(now[name] is value for name, value in before.items()):
        return
    if isinstance(holder, (list, deque)):
        holder.clear()
        holder.extend(before.values())
    elif isinstance(holder, dict):
        dict.clear(holder)
        dict.update(holder, before)
    else:
        _replace(holder, lambda name, value: before.get(name, value))
        for name in now.keys() - before.keys():
            if isinstance(holder, types.CellType):
                del holder.cell_contents
            elif isinstance(holder, Namespace):
                del holder.variables[name]
            else:
                (type if isinstance(holder, type) else object).__delattr__(holder, name)
        for name in before.keys() - now.keys():
            _put(holder, name, before[name])


class Namespace:
    """The globals of a module, but for those that no code names."""

    def __init__(self, variables: dict[str, Any], names: set[str]):
        self.variables, self.names = variables, names


def _replace(holder: Any, by: Callable[[Any, Any], Any]) -> None:
    for name, value in list(_contents(holder)):
        if (now := by(name, value)) is not value:
            _put(holder, name, now)


def _put(holder: Any, name: Any, value: Any) -> None:
    if isinstance(holder, types.CellType):
        holder.cell_contents = value
    elif isinstance(holder, Namespace):
        holder.variables[name] = value
    elif isinstance(holder, (list, deque, dict)):
        holder[name] = value
    else:
        (type if isinstance(holder, type) else object).__setattr__(holder, name, value)


def _contents(holder: Any) -> Iterator[tuple[Any, Any]]:
    """What is kept in something, by the names under which it is."""
    if isinstance(holder, types.CellType):
        try:
            yield "cell_contents", holder.cell_contents
        except ValueError:
            return  # nothing yet
    elif isinstance(holder, Namespace):
        yield from ((name, holder.variables[name]) for name in holder.names & holder.variables.keys())
    elif isinstance(holder, dict):
        yield from dict.items(holder)
    elif isinstance(holder, (list, deque)):
        yield from enumerate(holder)
    else:
        yield from _attributes(holder).items()
        kind: Any = type(holder)
        for name in () if isinstance(holder, type) else slots_of(kind):
            with contextlib.suppress(AttributeError):  # it has no value yet
                yield name, object.__getattribute__(holder, name)


def _attributes(holder: Any) -> Mapping[str, Any]:
    """Those that an object has itself, in no slots; without asking any code of its class."""
    try:
        own = object.__getattribute__(holder, "__dict__")
    except AttributeError:
        return {}
    return vars(holder) if isinstance(holder, type) else own if type(own) is dict else {}


def _reached(function: Any, arguments: Any) -> tuple[list[Any], bool]:
    """What a call leads to that may keep something, and whether any of its code does keep what it is given."""
    seen: dict[int, Any] = {}
    holders: list[Any] = []
    names: set[str] = set()
    spaces: dict[int, dict[str, Any]] = {}
    keeps = False
    pending = [function, *arguments]
    while pending and len(seen) < MANY:
        value = pending.pop()
        if id(value) in seen or isinstance(value, _PLAIN):
            continue
        seen[id(value)] = value
        if isinstance(value, types.FunctionType):
            pending += [*(value.__closure__ or ()), getattr(value, "__wrapped__", None)]
            if is_library(value.__code__.co_filename):
                continue
            keeps = keeps or _keeps(value.__code__)
            pending += [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
            own = _named(value.__code__)
            names |= own
            spaces[id(value.__globals__)] = value.__globals__
            pending += [value.__globals__[name] for name in own & value.__globals__.keys()]
        elif isinstance(value, types.ModuleType):
            if not is_library(getattr(value, "__file__", None) or _STDLIB):
                spaces[id(vars(value))] = vars(value)
        elif isinstance(value, types.MethodType):
            pending += [value.__self__, value.__func__]
        elif isinstance(value, functools.partial):
            pending += [value.func, *value.args, *value.keywords.values()]
        elif isinstance(value, property):
            pending += [value.fget, value.fset]
        elif isinstance(value, (staticmethod, classmethod)):
            pending.append(value.__func__)
        elif isinstance(value, tuple):
            pending += value
        elif isinstance(value, (types.CellType, list, deque, dict)) or _is_users(
            value if isinstance(value, type) else type(value)
        ):
            holders.append(value)
            pending += [part for _, part in _contents(value)]
            pending += [] if isinstance(value, type) else type(value).__mro__[:-1]
        else:  # one of ours, or of a library's, in front of a function of the user's
            ours = (*getattr(type(value), "__calls__", ()), *getattr(type(value), "__holds__", ()))
            pending += [*(getattr(value, name) for name in ours), _attributes(value).get("__wrapped__")]
    return [*holders, *(Namespace(space, names) for space in spaces.values())], keeps


@functools.lru_cache(1024)
def _is_users(kind: type) -> bool:
    """Whether a class is written in Python, outside the libraries."""
    module = sys.modules.get(kind.__module__)
    unknown = module is None or kind.__module__ == "__main__"  # a notebook's, a prompt's, or of code that is run by `exec`
    file = "" if unknown else getattr(module, "__file__", None) or _STDLIB
    ours = hasattr(kind, "__calls__")  # what stands for a function of the user's says that it is of the same module
    return bool(kind.__flags__ & HEAP) and not ours and not is_library(file) and not file.startswith(_STDLIB)
