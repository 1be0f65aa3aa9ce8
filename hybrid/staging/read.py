"""One thing that a function reads besides its arguments: where it is, what it was, and how to put it back."""

from __future__ import annotations

import builtins
import threading
import types
from array import array as typed_array
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from hybrid.core import shadows
from hybrid.frontend.values import Value
from hybrid.staging.chains import MISSING
from hybrid.staging.contents import (
    CONTAINERS,
    base_of,
    fingerprint,
    refill,
)
from hybrid.staging.members import (
    is_numerical,
    members,
    put_members,
    put_own,
)

_PLAIN_STORE: tuple[Any, ...] = tuple(
    kind.__setattr__ for kind in (object, types.ModuleType, type, types.SimpleNamespace, threading.local, BaseException)
)


class Memory:
    """What a `functools.cache` has kept so far. It does not say when it is emptied, but counts from 0 again then."""

    __slots__ = ("cache", "first", "hits", "misses")

    def __init__(self, cache: Any):
        self.cache = cache
        self.hits, self.misses, *_ = cache.cache_info()
        self.first = self.misses

    def lasts(self) -> bool:
        """Whether nothing was forgotten, be it all of it or what was used least. One that has counted further than before
        between two looks is not seen to have been emptied."""
        hits, misses, room, _ = self.cache.cache_info()
        if hits < self.hits or misses < self.misses or (room and misses >= self.first + room):
            return False
        self.hits, self.misses = hits, misses
        return True


@dataclass(frozen=True, slots=True)
class Read:
    """One value: `name` in the namespace of a module, the contents of a cell, an attribute or an item of `holder`."""

    # global | library (the same, of a library's module) | cell | attribute | method (the function of one, whatever it is
    # bound to) | item | context | class (its methods) | body (the names of all that a class has itself) | names (of the
    # attributes that an object has itself: `holder`)
    # | cache (whether a function still has all that it kept: `Memory`)
    kind: str
    holder: Any
    name: Any
    text: str
    value: Any
    key: Hashable
    owner: type | None = None  # the class that has an attribute which the object itself has not
    inside: tuple[tuple[Any, Any], ...] = ()  # containers in it, each with a copy, to put their contents back
    whole: bool = True  # whether the contents of a container count, or only which one it is
    kept: bool = False  # whether a function reads it that keeps what it gave

    def now(self) -> Any:
        match self.kind:
            case "global":
                return shadows.space(self.holder).get(self.name, vars(builtins).get(self.name, MISSING))
            case "library":
                return self.holder.get(self.name, MISSING)
            case "cell":
                return contents(shadows.cell(self.holder))
            case "attribute":
                return getattr(self.holder, self.name, MISSING)
            case "method":
                found = getattr(self.holder, self.name, MISSING)
                return found.__func__ if type(found) is types.MethodType else found
            case "context":
                try:
                    return self.holder.get()  # its own default, where it has one
                except LookupError:
                    return MISSING
            case "class":
                return members(self.holder, self.name)
            case "body":
                return tuple(shadows.body(self.holder))
            case "names":
                return tuple(self.holder)
            case "cache":
                return self.holder.lasts()
        try:
            return self.names[self.name]
        except LookupError:
            return MISSING

    def own(self) -> Any:
        """What the holder itself has there; MISSING where only its class has it, for all its instances."""
        if self.kind != "attribute" or self.name in getattr(self.holder, "__dict__", ()):
            return self.now()
        slot = shadows.static_of(type(self.holder), self.name)
        return self.now() if isinstance(slot, types.MemberDescriptorType) else MISSING

    def holds(self) -> bool:
        now = self.now()
        if now is self.value and not isinstance(now, (set, bytearray, typed_array, Value, np.ndarray, *CONTAINERS)):
            return True
        return fingerprint(now, self.whole) == self.key

    @property
    def is_reshaped(self) -> bool:
        """Whether an array is the same, but for its header."""
        value = self.value
        return type(value) is np.ndarray and self.now() is value and fingerprint(value) != self.key

    @property
    def mark(self) -> Hashable:
        """What tells one place from another."""
        return self.kind, id(self.holder), self.name if isinstance(self.name, str) else repr(self.name)

    def restore(self) -> None:
        """Undo what a trace did."""
        for container, copy in self.inside:
            refill(container, copy, base_of(container))
        if self.is_reshaped:
            self.value.shape = self.key[3]  # type: ignore[index]  # as `fingerprint` noted it
        if self.kind == "attribute" and self.own() is MISSING and self.owner is not None:
            put_own(self.holder, self.name, self.value, self.owner)
        elif self.kind != "method" and self.now() is not self.value:  # a method is put back with its class, if that is named
            self.put(self.value)

    def put(self, value: Any) -> None:
        """Leave something there; MISSING: nothing."""
        absent = value is MISSING
        if self.kind == "context":
            if not absent:
                self.holder.set(value)
        elif self.kind == "names":
            for name in self.holder.keys() - set(value):
                del self.holder[name]
        elif self.kind == "body":
            for name in shadows.body(self.holder).keys() - set(value):
                delattr(self.holder, name)
        elif self.kind == "class":
            put_members(self.holder, self.name, value)
        elif self.kind == "cell":
            cell = shadows.cell(self.holder)
            if absent:
                del cell.cell_contents
            else:
                cell.cell_contents = value
        elif self.kind == "attribute":
            # past what a class of the user's does besides, which has been put back by itself
            if not absent or self.own() is not MISSING:
                shadows.set_attribute(self.holder, self.name, value)
        elif absent and isinstance(self.holder, list):
            pass  # its length is put back with what it holds
        elif absent or (self.kind == "global" and value is vars(builtins).get(self.name, MISSING)):
            self.names.pop(self.name, None)
        else:
            self.names[self.name] = value

    @property
    def names(self) -> Any:
        """The container that it is in, or the globals."""
        return shadows.space(self.holder) if type(self.holder) is dict else self.holder


def may_vary(read: Read) -> bool:
    """Whether something that was read may as well come with each call: a number or an array where there was such a one."""
    was, now = read.value, read.now()
    if type(was) is not type(now) or not may_be_state(read) or is_numerical(type(read.holder)):
        return False
    if read.kind == "attribute" and (read.owner is None) is (read.own() is MISSING):
        return False  # the object had it itself and has it no more, or the other way round
    if isinstance(was, (np.ndarray, Value)):
        return was is not now and was.dtype == now.dtype and was.ndim == now.ndim  # type: ignore[union-attr]
    return type(was) in (int, float, complex) or isinstance(was, np.generic)


def may_be_state(read: Read) -> bool:
    """Whether compiled code can find another value where one was read, and leave a new one."""
    return read.value is not MISSING and may_be_left(read)


def may_be_left(read: Read) -> bool:
    """Whether compiled code can leave a value there."""
    return (
        (read.kind != "attribute" or _is_plain(read.holder))
        and not read.kept
        and read.kind in ("global", "cell", "attribute", "item")
    )


def _is_plain(holder: Any) -> bool:
    """Whether attributes of an object are set as Python does it."""
    return type(holder).__setattr__ in _PLAIN_STORE


def contents(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING
