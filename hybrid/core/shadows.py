"""Where a function that is traced leaves what it writes into objects, variables of closures and globals: out of others' sight.

The traced code runs on values that stand for numbers. Put into the caller's own objects, other threads would find them there.
So the thread that traces has *shadows* of these: copies of what objects hold, of cells and of the globals of a module. Cells
and globals are given to the functions that are made for the trace (`staging.convert`). What objects hold is asked of their
classes: while such a trace is made, a class has a `StandIn` under each name that may be written, which gives the tracing
thread what stands in the shadow, and any other thread what it would find without it.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import inspect
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from threading import get_ident
from types import (
    CellType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    ModuleType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import Any

from hybrid.core import forks

MISSING = type("Missing", (), {"__repr__": lambda self: "nothing"})()
_DICT, _STATE = "__dict__", "__getstate__"
HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: a class made by Python code, which may be given attributes
_LOOKUPS: tuple[Any, ...] = (object.__getattribute__, SimpleNamespace.__getattribute__, BaseException.__getattribute__)
_IMMUTABLE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE: one of C's all the same
_active: dict[int, Shadows] = {}  # by thread, of the innermost trace
_modules: dict[int, tuple[ModuleType, type]] = {}  # those of which there are shadows, and their classes meanwhile
_standing: dict[tuple[type, str], StandIn] = {}
_lock = threading.RLock()  # reentrant: a garbage collection inside may run code that traces
forks.free_in_child(_lock)


class Shadow:
    """Of one object.

    Attributes:
        holder: the object.
        own, outside: what it holds in the trace, in its `__dict__` and in slots.
    """

    __slots__ = ("before", "holder", "own", "outside")

    def __init__(self, holder: Any, dicts: dict[int, tuple[Any, dict]]):
        found = getattr(holder, _DICT, None)
        own: dict[str, Any] = dict(found) if type(found) is dict else {}
        self.holder, self.own = holder, dicts.setdefault(id(found), (found, own))[1]
        kind: Any = type(holder)
        named = ((name, getattr(holder, name, MISSING)) for name in slots_of(kind))
        self.outside = {name: value for name, value in named if value is not MISSING}
        self.before = self.now()

    def now(self) -> dict[str, Any]:
        return {**self.own, **self.outside}


class Shadows:
    """Of one trace.

    Attributes:
        objects: those of objects, by the ids of these.
        kinds: what classes have, by the ids of these and names.
        cells, spaces: what stands for cells and for the globals of modules, by their ids.
    """

    def __init__(self) -> None:
        self.objects: dict[int, Shadow] = {}
        self.dicts: dict[int, tuple[Any, dict]] = {}  # these, and those of objects, which may have one in common
        self.kinds: dict[tuple[int, str], list[Any]] = {}
        self.cells: dict[int, tuple[CellType, CellType]] = {}
        self.spaces: dict[int, tuple[dict, dict]] = {}
        self.around: Shadows | None = None
        self.names: dict[tuple[type, str], None] = {}
        self.modules: list[ModuleType] = []

    def add(self, holder: Any, name: str) -> None:
        """One more attribute that may be written."""
        kind = type(holder)
        if id(holder) not in self.objects:
            self.objects[id(holder)] = Shadow(holder, self.dicts)
            self.names.update(((kind, own), None) for own in (_DICT, _STATE) if static_of(kind, own) is not MISSING)
        self.names[kind, name] = None

    def add_class(self, kind: type, name: str) -> None:
        """One more attribute of a class."""
        value = body(kind).get(name, MISSING)
        self.kinds[id(kind), name] = [kind, value, value]
        self.names[kind, name] = None

    def add_module(self, module: ModuleType, name: str) -> None:
        """One more attribute of a module of whose globals there is a shadow."""
        kind = _kind_of(module)
        if id(module) not in self.objects:
            self.modules.append(module)
            self.objects[id(module)] = Shadow(module, self.dicts)
            self.names[kind, _DICT] = None
        self.names[kind, name] = None

    def add_cell(self, cell: CellType) -> None:
        try:
            self.cells[id(cell)] = cell, CellType(cell.cell_contents)
        except ValueError:  # it is empty
            self.cells[id(cell)] = cell, CellType()

    def add_space(self, space: dict) -> None:
        self.spaces[id(space)] = self.dicts.setdefault(id(space), (space, dict(space)))

    def __bool__(self) -> bool:
        return bool(self.objects or self.kinds or self.cells or self.spaces)

    def changed(self, known: Collection[tuple[int, str]]) -> tuple[Any, str] | None:
        """An object that holds something else than before, or in another order, and under which name.

        Args:
            known: ids of objects and names that are not asked for.
        """
        for mark, shadow in self.objects.items():
            before, now = shadow.before, shadow.now()
            if list(before) != list(now):
                return shadow.holder, next((name for name in (*now, *before) if (name in before) != (name in now)), _DICT)
            for name in before:
                if before[name] is not now[name] and (mark, name) not in known:
                    return shadow.holder, name
        for (mark, name), (kind, was, value) in self.kinds.items():
            if was is not value and (mark, name) not in known:
                return kind, name
        return None

    @contextmanager
    def cast(self) -> Iterator[Shadows]:
        """While this lasts, the thread finds the shadows where it looks for what they are of."""
        if not self:
            yield self
            return
        thread = get_ident()
        self.around = _active.get(thread)
        stood: list[tuple[type, str]] = []
        try:
            for kind, name in self.names:
                stood.append((kind, name))
                _stand(kind, name, self)
            for module in self.modules:
                module.__class__ = _kind_of(module)
            _active[thread] = self
            yield self
        finally:
            if self.around is not None:
                _active[thread] = self.around
            else:
                _active.pop(thread, None)
            for kind, name in stood:
                _step_down(kind, name, self)
            for module in self.modules:
                _release(module)


@contextmanager
def aside() -> Iterator[None]:
    """In this block the thread sees what others see."""
    thread = get_ident()
    found = _active.pop(thread, None)
    try:
        yield
    finally:
        if found is not None:
            _active[thread] = found


def _innermost() -> Iterator[Shadows]:
    """Those of the traces that this thread makes, the last one first."""
    shadows = _active.get(get_ident())
    while shadows is not None:
        yield shadows
        shadows = shadows.around


def cell(real: CellType) -> CellType:
    """What stands for a cell on this thread; itself where nothing does."""
    if not _active:  # nothing is traced that has any
        return real
    return next((shadows.cells[id(real)][1] for shadows in _innermost() if id(real) in shadows.cells), real)


def space(real: dict) -> dict:
    """What stands for the globals of a module on this thread, or for the `__dict__` of an object."""
    if not _active:
        return real
    return next((shadows.dicts[id(real)][1] for shadows in _innermost() if id(real) in shadows.dicts), real)


# Classes ----------------------------------------------------------------------------------------------------------------
def may_stand(holder: Any, name: str) -> bool:
    """Whether an attribute of an object can be given a shadow: it is in its `__dict__` or in a slot."""
    if isinstance(holder, type):
        return _is_open(holder) and not hasattr(type(body(holder).get(name)), "__get__")
    kind = type(holder)
    if not _is_open(kind) or kind.__getattribute__ not in _LOOKUPS:
        return False
    found = static_of(kind, name)
    own = type(static_of(kind, _DICT)) is GetSetDescriptorType and not hasattr(type(found), "__set__")
    return own or type(found) is MemberDescriptorType


def _is_open(kind: type) -> bool:
    """Whether something can stand in a class."""
    return bool(kind.__flags__ & HEAP) and not kind.__flags__ & _IMMUTABLE


def body(kind: type) -> Mapping[str, Any]:
    """`vars` of a class as this thread has it, without what stands in."""
    own = vars(kind)
    if not _standing or not any(of is kind for of, _ in list(_standing)):
        return own
    known = {name: _behind(kind, value) if type(value) is StandIn else value for name, value in own.items()}
    return MappingProxyType({name: value for name, value in known.items() if value is not MISSING})


def static_of(kind: type, name: str, absent: Any = MISSING) -> Any:
    """What a class or one of its bases has under a name, without asking it for anything."""
    for base in kind.__mro__:
        found = vars(base).get(name, MISSING)
        if type(found) is StandIn:
            found = _behind(base, found)
        if found is not MISSING:
            return found
    return absent


def set_attribute(holder: Any, name: str, value: Any) -> None:
    """Leave something under a name, past what a class of the user's does besides; MISSING: nothing."""
    found = _of_class(holder, name) if _active and isinstance(holder, type) else None
    if found is not None:
        seen = type(vars(holder).get(name)) is StandIn  # else code that is not converted has set the attribute itself
        found[2] = value if seen else found[1]
        if seen:
            return
    kind: Any = type if isinstance(holder, type) else type(holder)
    if not isinstance(kind.__setattr__, WrapperDescriptorType):  # of the user's own
        kind = object
    if value is MISSING:
        kind.__delattr__(holder, name)
    else:
        kind.__setattr__(holder, name, value)


class Put:
    """Stands for a class in `Class.name = value` and `Class.name += value`."""

    __slots__ = ("_hybrid_kind",)

    def __init__(self, kind: type):
        object.__setattr__(self, "_hybrid_kind", kind)

    def __getattribute__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_hybrid_kind"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        kind: Any = object.__getattribute__(self, "_hybrid_kind")
        own: Any = type(kind).__setattr__
        if _of_class(kind, name) is None or own is not type.__setattr__:
            setattr(kind, name, value)
        else:
            set_attribute(kind, name, value)

    def __delattr__(self, name: str) -> None:
        kind = object.__getattribute__(self, "_hybrid_kind")
        if _of_class(kind, name) is None or name not in body(kind):
            delattr(kind, name)
        else:
            set_attribute(kind, name, MISSING)


def put_into(holder: Any) -> Any:
    """What to set an attribute of instead of something."""
    shadows = _active.get(get_ident())
    return Put(holder) if shadows is not None and shadows.kinds and isinstance(holder, type) else holder


def getattr_static(value: Any, name: str, *absent: Any) -> Any:
    """That of `inspect`, without what stands in."""
    found = inspect.getattr_static(value, name, *absent)
    if type(found) is not StandIn:
        return found
    if isinstance(value, type):
        known = static_of(value, name)
    else:
        known = static_of(type(value), name)
        own = _dict_of(value)
        known = own[name] if name in own and not hasattr(type(known), "__set__") else known
    if known is not MISSING:
        return known
    if not absent:
        raise AttributeError(name)
    return absent[0]


@functools.lru_cache(1024)
def slots_of(kind: type) -> tuple[str, ...]:
    """Names of the attributes that objects of a class hold outside their `__dict__`, those of its bases first."""
    return tuple(name for base in reversed(kind.__mro__) if "__slots__" in vars(base)  # members of C classes may not be set
                 for name, slot in body(base).items() if type(slot) is MemberDescriptorType)  # fmt: skip


class StandIn:
    """Stands in a class under a name of attributes of which there are shadows.

    Attributes:
        real: what the class has there otherwise.
        users: the ids of the shadows that need it.
    """

    __slots__ = ("name", "real", "users")

    def __init__(self, name: str, real: Any):
        self.name, self.real = name, real
        self.users: set[int] = set()

    def __get__(self, holder: Any, kind: type) -> Any:
        name = self.name
        if holder is None:
            return self._found(None, kind, static_of(kind, name))
        shadow = _shadow_of(holder)
        if shadow is None:
            return self._real(holder)
        if name == _DICT:
            return shadow.own
        if name == _STATE:
            return self._state(holder, shadow)
        found = static_of(type(holder), name)
        if type(found) is MemberDescriptorType:
            return shadow.outside[name] if name in shadow.outside else self._found(holder, type(holder), MISSING)
        return shadow.own[name] if name in shadow.own else self._found(holder, type(holder), found)

    def __set__(self, holder: Any, value: Any) -> None:
        shadow, found = _shadow_of(holder), static_of(type(holder), self.name)
        if shadow is not None and self.name not in (_DICT, _STATE):
            (shadow.outside if type(found) is MemberDescriptorType else shadow.own)[self.name] = value
        elif hasattr(type(found), "__set__"):
            found.__set__(holder, value)
        else:
            _dict_of(holder)[self.name] = value

    def __delete__(self, holder: Any) -> None:
        shadow, found = _shadow_of(holder), static_of(type(holder), self.name)
        if shadow is None and hasattr(type(found), "__delete__"):
            found.__delete__(holder)
            return
        slot = type(found) is MemberDescriptorType
        own = _dict_of(holder) if shadow is None else shadow.outside if slot else shadow.own
        if self.name not in own:
            raise AttributeError(self.name)
        del own[self.name]

    def _real(self, holder: Any) -> Any:
        """What Python finds without us."""
        kind, name = type(holder), self.name
        found = static_of(kind, name)
        if hasattr(type(found), "__set__"):
            return found.__get__(holder, kind)
        own = _dict_of(holder)
        return own[name] if name in own else self._found(holder, kind, found)

    def _found(self, holder: Any, kind: type, found: Any) -> Any:
        """An attribute that only the class has."""
        if found is MISSING:
            of = f"type object '{kind.__name__}'" if holder is None else f"'{kind.__name__}' object"
            raise AttributeError(f"{of} has no attribute '{self.name}'", name=self.name, obj=kind if holder is None else holder)
        bind = getattr(type(found), "__get__", None)
        return found if bind is None else bind(found, holder, kind)

    def _state(self, holder: Any, shadow: Shadow) -> Any:
        """What `copy` and `pickle` ask for, which look past `__dict__`."""
        found = static_of(type(holder), _STATE)
        if found is not static_of(object, _STATE):
            return self._found(holder, type(holder), found)
        return lambda: (shadow.own or None, shadow.outside) if shadow.outside else shadow.own or None


def _of_class(kind: type, name: str) -> list[Any] | None:
    """What a class has under a name in the trace that this thread makes, as the last of three."""
    key = id(kind), name
    return next((shadows.kinds[key] for shadows in _innermost() if key in shadows.kinds), None)


def _behind(kind: type, stand_in: StandIn) -> Any:
    """What a class has where something stands in."""
    found = _of_class(kind, stand_in.name)
    return stand_in.real if found is None else found[2]


def _kind_of(module: ModuleType) -> type:
    """The class that a module is of while there is a shadow of it."""
    with _lock:
        if id(module) not in _modules:
            _modules[id(module)] = module, type("module", (ModuleType,), {"__module__": "builtins"})
        return _modules[id(module)][1]


def _release(module: ModuleType) -> None:
    """Let a module be of its own class again, if nothing stands in any more."""
    with _lock:
        _, kind = _modules.get(id(module), (None, None))
        if kind is not None and not any(of is kind for of, _ in _standing):
            module.__class__ = ModuleType
            del _modules[id(module)]


def _shadow_of(holder: Any) -> Shadow | None:
    """What an object holds in the trace that this thread makes."""
    return next((shadows.objects[id(holder)] for shadows in _innermost() if id(holder) in shadows.objects), None)


def _dict_of(holder: Any) -> dict[str, Any]:
    found = static_of(type(holder), _DICT)
    own: dict[str, Any] = {} if found is MISSING else found.__get__(holder, type(holder))
    return own


def _stand(kind: type, name: str, shadows: Shadows) -> None:
    with _lock:
        found = _standing.get((kind, name))
        if found is None:
            found = _standing[kind, name] = StandIn(name, vars(kind).get(name, MISSING))
            _put(kind, name, found)
        found.users.add(id(shadows))


def _step_down(kind: type, name: str, shadows: Shadows) -> None:
    with _lock:
        found = _standing.get((kind, name))
        if found is None:
            return
        found.users.discard(id(shadows))
        if found.users:
            return
        if vars(kind).get(name, MISSING) is found:  # else somebody has put something else there meanwhile
            _put(kind, name, found.real)
        del _standing[kind, name]


def _put(kind: type, name: str, value: Any) -> None:
    """Leave something in a class; MISSING: nothing."""
    if name == _DICT:  # which `type` does not let anyone set
        (own,) = gc.get_referents(vars(kind))
        if value is MISSING:
            del own[name]
        else:
            own[name] = value
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(kind))
    elif value is MISSING:
        type.__delattr__(kind, name)
    else:
        type.__setattr__(kind, name, value)
