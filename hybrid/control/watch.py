"""Python objects that a body could change while it is recorded: compiled code would not change them again.

So are variables of functions around, which a call in the body may rebind, and globals.
"""

from __future__ import annotations

import array
import functools
import types
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hybrid.control.attributes import attributes_of, default_of, is_library
from hybrid.control.handles import is_handle
from hybrid.control.own import Changes, Own, raise_all
from hybrid.control.perhaps import Perhaps
from hybrid.control.plain import UNDEFINED, Each, State, cell_contents, fill
from hybrid.control.structure import things_in
from hybrid.core.errors import TraceError
from hybrid.core.shadows import MISSING, set_attribute
from hybrid.frontend.chosen import Chosen
from hybrid.frontend.values import Value
from hybrid.ir import trace as tr

_PLAIN = (types.ModuleType, types.BuiltinFunctionType, np.generic, Value, str, int, float, complex)
_COMPILERS = ("numba.", "llvmlite.")  # a function that Numba compiles holds thousands of its objects, and none of the program's
_OURS = __name__.partition(".")[0]
LOOP = "a loop"  # where something changes
MANY = 20_000  # objects looked at before a branch or loop; that takes 20 ms
MOST = 1_000_000  # and before all those of a trace: what follows takes some 5 us for each, where lists of lists are written out


@dataclass(frozen=True, slots=True)
class Namespace:
    """The globals of a module that some code rebinds."""

    globals: dict[str, Any]
    names: frozenset[str]

    def contents(self) -> dict[str, Any]:
        return {name: self.globals[name] for name in self.names if name in self.globals}

    def put(self, name: str, value: Any) -> None:
        if value is UNDEFINED:
            self.globals.pop(name, None)
        else:
            self.globals[name] = value


@dataclass(frozen=True, slots=True)
class Held:
    """A variable that is an attribute or an item of an object, or that of a function around, or a global.

    Those of functions are attributes of their cells, and globals those of their `Namespace`.
    """

    holder: Any
    attribute: bool
    key: Any
    label: str = field(default="", compare=False)

    @property
    def id(self) -> tuple[int, bool, Any]:
        return id(self.holder), self.attribute, self.key

    @property
    def name(self) -> str:
        of = (self.holder if isinstance(self.holder, type) else type(self.holder)).__name__
        if isinstance(self.holder, (types.CellType, Namespace)):
            return self.label or self.key
        return f"{of}.{self.key}" if self.attribute else f"{of}[{self.key!r}]"

    def may_be(self) -> bool:
        """Whether it is there, or may come: a key that another attempt has entered comes with a round made apart."""
        return self.attribute or not isinstance(self.holder, dict) or dict.__contains__(self.holder, self.key)

    def get(self) -> Any:
        if self.attribute:
            own = _attributes(self.holder) or {}
            return own[self.key] if self.key in own else default_of(self.holder, self.key, UNDEFINED)
        return (dict if isinstance(self.holder, dict) else list).__getitem__(self.holder, self.key)

    def set(self, value: Any) -> None:
        if not self.attribute:
            (dict if isinstance(self.holder, dict) else list).__setitem__(self.holder, self.key, value)
        else:
            _rebind(self.holder, self.key, value)


class Holds(TraceError):
    """A body rebinds attributes or items of objects, which are variables then: what rebinds them is recorded anew."""

    def __init__(self, places: list[Held]):
        super().__init__("a branch or loop rebinds attributes or items of objects", at=tr.user_line())
        self.places = {place.id: place for place in places}


def look(trace: tr.Trace | None, count: int) -> None:
    """Give up where loops over long containers are written out, before each of which all that is in them is looked at."""
    if trace is None:
        return
    trace.looked += count
    if trace.looked > MOST:
        long = tr.TooLong("loops over what long lists hold are written out", at=tr.user_line(), fix="use arrays")
        trace.fail(long)
        raise long


class Watch:
    """What some bodies and values lead to that Python code can change, as it is now: functions by what they close over.

    Args:
        cells: of variables that the branch or loop joins or carries itself; what they hold is among the values.
        namespaces: the globals that any code may rebind.
    """

    def __init__(
        self,
        bodies: Iterable[Callable | None],
        values: tuple,
        cells: Iterable[types.CellType] = (),
        namespaces: Iterable[Namespace] = (),
    ):
        self.before: dict[int, tuple[Any, Any]] = {}
        self.held: dict[tuple, Held] = {}  # places that are variables of the branch or loop
        self.labels: dict[int, str] = {}  # the names of variables, by their cells
        known = {id(cell) for cell in cells}
        seen: dict[int, Any] = {}
        handlers = getattr(tr.current(), "handlers", None)
        self.arenas: dict[Any, Any] = {} if handlers is None else handlers.arenas  # those made later, too
        pending = [*values, *namespaces, *bodies, *self.arenas.values()]
        taken = 0
        while pending:
            value = pending.pop()
            taken += 1
            if value is None or id(value) in seen or type(value).__module__.startswith(_COMPILERS):
                continue
            if type(value) in weakref.ProxyTypes or isinstance(value, _PLAIN) or is_handle(value):
                continue
            seen[id(value)] = value
            if id(value) in known:
                pending.append(cell_contents(value))
                continue
            if isinstance(value, types.FunctionType):
                self.labels.update(zip(map(id, value.__closure__ or ()), value.__code__.co_freevars))
            contents = _contents(value)
            if contents is not None:
                self.before[id(value)] = value, contents
            pending += _parts(value, contents)
            if len(seen) > MANY:
                raise TraceError(f"a branch or loop can reach more than {MANY} objects", at=tr.user_line())
        for value in getattr(tr.current(), "outside", ()):
            if id(value) not in seen and id(value) not in known and (contents := _contents(value)) is not None:
                self.before[id(value)] = value, contents
        look(tr.current(), taken)

    def holding(self, trace: tr.Trace, state: State) -> State:
        """The variables of a branch or loop and those that objects hold, as far as it is known that bodies rebind them."""
        self.held = {id_: place for id_, place in trace.held.items() if id_[0] in self.before and place.may_be()}
        if not self.held:
            return state
        places, count = list(self.held.values()), len(state.names)
        known = [*state.names, *(place.name for place in places)]  # a nested function may have a variable of the same name
        names = tuple(f"{name} ({k})" if name in known[:k] else name for k, name in enumerate(known) if k >= count)

        def put(values: tuple) -> None:
            state.set(values[:count])
            for place, value in zip(places, values[count:]):
                place.set(value)

        return replace(
            state, names=state.names + names, get=lambda: (*state.get(), *(place.get() for place in places)), set=put,
            live=state.live.union(names), carried=state.carried.union(names),
        )  # fmt: skip

    def both_or_neither(self, state: State, first: tuple, second: tuple) -> None:
        """TraceError for an attribute that only one of two ways makes: whether there is one could not be asked."""
        for name, a, b in [*zip(state.names, first, second)][len(state.names) - len(self.held) :]:
            if (a is UNDEFINED) != (b is UNDEFINED):
                raise TraceError(f"only one way of a branch makes an attribute {name}", at=tr.user_line())

    def changed(self) -> Any:
        """An object that holds something else than before, if there is one."""
        for value, before in self.before.values():
            if not _same(value, before, self.held):
                return value
        return None

    def new(self) -> list[Held]:
        """Attributes and items that were rebound and are no variables yet."""
        places = [place for held, before in self.before.values() for place in _rebound(held, before) or ()]
        return [replace(place, label=self.labels.get(id(place.holder), "")) for place in places if place.id not in self.held]

    def midway(self) -> list[Held]:
        """Like `new`; TraceError where an object, but for containers of ours, has changed in a way that makes no variables."""
        places = self.new()
        known = {*self.held, *(place.id for place in places)}
        for value, before in self.before.values():
            if not isinstance(value, Own) and not _same(value, before, known):
                raise TraceError(f"a {type(value).__name__} is changed that compiled code leaves as it is", at=tr.user_line())
        return places

    def refuse(self, where: str) -> None:
        """TraceError where something changed; it is put back."""
        changed = [held for held, before in self.before.values() if isinstance(held, Own) and not _same(held, before)]
        value = changed[0] if changed else self.changed()
        if value is not None and (new := self.new()):
            self.restore()
            raise Holds(new)
        if not changed and type(value) is list and isinstance(holder := self.holder(value), Own):
            changed = [holder]
        layouts = [own.layout_now(filled=True) for own in changed]
        if where == LOOP:  # that is written out knows which objects a list has
            layouts = [None if any(True for _ in things_in(layout)) else layout for layout in layouts]
        if changed and layouts[0] is not None:
            self.restore()
            raise_all([Changes(own, layout) for own, layout in zip(changed, layouts) if layout is not None])
        if value is not None:
            if type(value) is list and (trace := tr.current()) is not None and is_longer(value, self.before[id(value)][1][0]):
                trace.handlers.others.grown.append(value)
            self.restore()
            raise TraceError(
                f"{where} changes a {value.__class__.__name__}, which compiled code does not",
                at=tr.user_line(),
            )

    def holder(self, item: list) -> Any:
        """The container of ours that a list is in, or the list."""
        for held, before in self.before.values():
            if isinstance(held, Own) and before[0] is not None and any(one is item for one in _values(before[0])):
                return held
        return item

    def restore(self) -> None:
        for arena in self.arenas.values():
            if id(arena) not in self.before:
                arena.restore(arena.empty)
        for value, before in self.before.values():
            if isinstance(value, Own):
                value.restore(before)
            elif not _same(value, before):
                _put_back(value, *before)


def is_longer(now: list, before: list) -> bool:
    """Whether a list holds more than it did, after what it held."""
    return len(now) > len(before) and all(a is b for a, b in zip(now, before))


def _contents(value: Any) -> Any:
    """A copy of an object's items and of its attributes; None for what has neither, and for what nothing changes."""
    if isinstance(value, Own):
        return value.snapshot()
    if isinstance(value, tuple) or (is_library(value) and not isinstance(value, Namespace)):
        return None
    items, attributes = _items(value), _attributes(value)
    return None if items is None and attributes is None else (items, attributes)


def _attributes(value: Any) -> dict[str, Any] | None:
    if isinstance(value, types.CellType):
        held = cell_contents(value)
        return {} if held is UNDEFINED else {"cell_contents": held}
    return value.contents() if isinstance(value, Namespace) else attributes_of(value)


def _items(value: Any) -> Any:
    if isinstance(value, (list, deque)):
        return list(value)
    if isinstance(value, dict):
        return dict(dict.items(value))
    if isinstance(value, set):
        return set(value)
    if isinstance(value, (bytearray, array.array)):
        return bytes(value)
    if isinstance(value, np.ndarray) and value.flags.writeable and value.nbytes <= tr.SNAPSHOT_BYTES:
        return value.ravel().tolist() if value.dtype.hasobject else value.tobytes()
    return None


def _parts(value: Any, contents: Any) -> Iterator[Any]:
    """The objects that one leads to."""
    if isinstance(value, Own):
        yield from value.parts()
        entries = getattr(value, "entries", None)  # of a dict
        yield from things_in(getattr(value if entries is None else entries, "layout", None))
    elif type(value) is Chosen:
        yield from (option.value for option in value.options)
    elif isinstance(value, tuple):
        yield from value
    elif type(value) is Perhaps:
        yield from value.parts
    elif type(value) is Each:
        yield from (value.iterable, value.test, value.item)
    elif contents is not None:
        for held in contents:
            if not isinstance(held, bytes):  # of an array
                yield from held.values() if isinstance(held, dict) else held or ()
    if isinstance(value, types.FunctionType):
        yield from value.__defaults__ or ()
        yield from (value.__kwdefaults__ or {}).values()
        library = str(value.__globals__.get("__name__")).partition(".")[0] == _OURS  # its variables are no user's
        yield from map(cell_contents, value.__closure__ or ()) if library else value.__closure__ or ()
    elif isinstance(value, types.MethodType):
        yield from (value.__self__, value.__func__)
    elif isinstance(value, functools.partial):
        yield from (value.func, value.args, value.keywords)
    elif not isinstance(value, type) and "<locals>" in type(value).__qualname__:
        yield type(value)  # other classes are read as globals are


def _rebound(value: Any, before: tuple) -> list[Held] | None:
    """The attributes and items of an object that were rebound; None where it can have no such variables."""
    if isinstance(value, (Own, types.FunctionType, np.ndarray, set, deque, bytearray, array.array)):
        return None
    now = _contents(value)
    items, attributes = now
    if items is not None and (len(items) != len(before[0]) or (isinstance(items, dict) and list(items) != list(before[0]))):
        return None
    found = []
    if items is not None:
        keys = items if isinstance(items, dict) else range(len(items))
        found += [Held(value, False, key) for key in keys if items[key] is not before[0][key]]
    if attributes is not None:
        if not attributes.keys() >= (before[1] or {}).keys():
            return None
        found += [Held(value, True, key) for key in attributes if attributes[key] is not (before[1] or {}).get(key, UNDEFINED)]
    return found


def _values(items: Any) -> Iterable[Any]:
    return items.values() if isinstance(items, dict) else items


def _same(value: Any, before: tuple, held: Collection[tuple] = ()) -> bool:
    """Whether items and attributes are the very objects they were; what happens to an `Own` is recorded."""
    now = _contents(value)
    if isinstance(value, Own):
        return now[0] is None or value.same(before[0])
    if now is None or all(map(_are, now, before)):
        return now is not None
    rebound = _rebound(value, before) if held else None
    return rebound is not None and bool(rebound) and all(place.id in held for place in rebound)


def _are(now: Any, before: Any) -> bool:
    if now is None or before is None or type(now) is not type(before) or len(now) != len(before):
        return now is before
    if isinstance(now, dict):
        return all(k is m and a is b for (k, a), (m, b) in zip(now.items(), before.items()))
    if isinstance(now, set):
        return {id(a) for a in now} == {id(a) for a in before}
    return now == before if isinstance(now, bytes) else all(a is b for a, b in zip(now, before))


def _put_back(value: Any, items: Any, attributes: dict[str, Any] | None) -> None:
    if isinstance(value, list):
        list.__setitem__(value, slice(None), items)
    elif isinstance(value, deque):
        deque.clear(value)
        deque.extend(value, items)
    elif isinstance(value, dict):
        dict.clear(value)
        dict.update(value, items)
    elif isinstance(value, set):
        set.clear(value)
        set.update(value, items)
    elif isinstance(value, bytearray):
        value[:] = items
    elif isinstance(value, np.ndarray):
        held = items if value.dtype.hasobject else np.frombuffer(items, value.dtype)
        value[...] = np.array(held, value.dtype).reshape(value.shape)
    elif isinstance(value, array.array):
        value[:] = array.array(value.typecode, items)
    now, attributes = _attributes(value) or {}, attributes or {}
    for name in {**now, **attributes}:
        if now.get(name, UNDEFINED) is not attributes.get(name, UNDEFINED):
            _rebind(value, name, attributes.get(name, UNDEFINED))


def _rebind(holder: Any, name: str, value: Any) -> None:
    """Set an attribute past what its class might do with it; UNDEFINED removes it."""
    if isinstance(holder, types.CellType):
        fill(holder, value)
        return
    if isinstance(holder, Namespace):
        holder.put(name, value)
        return
    if value is not UNDEFINED:
        set_attribute(holder, name, value)
    elif name in (attributes_of(holder) or {}):
        set_attribute(holder, name, MISSING)
