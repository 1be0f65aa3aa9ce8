"""What stands for an instance of a user's class that is in storage (`arenas`): its place there, a number of the graph.

To the traced code a handle is an instance of that class: it is of a class derived from it, which reads and writes attributes
where storage has them. Two handles are one object where their numbers are equal; what may be None has the number -1 then.
The lowest bits say of which class an instance is: a variable that may be one of several classes is `Mixed`, and asks each.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any, NoReturn

from hybrid.control.attributes import attributes_of
from hybrid.control.united import is_simple
from hybrid.core import dtype as dt
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.core.shadows import getattr_static
from hybrid.core.shape import TensorType
from hybrid.frontend import integers
from hybrid.ir import trace as tr
from hybrid.ir.forms import Kept, Known
from hybrid.ir.graph import Atom, Literal
from hybrid.ir.trace import Cell, Symbol, Trace
from hybrid.ops import elementwise as e

_OF = tree.WHOLE  # an attribute of derived classes
_AT = "__hybrid_at__"
_NONE = Known(None)


BITS = 3  # of the class
CLASSES = 1 << BITS


class At:
    """Which instance a handle stands for; `kinds`: of which class it may be; `none`: whether it may be None."""

    __slots__ = ("_data", "kinds", "none", "__weakref__")

    def __init__(self, trace: Trace, number: Atom, kinds: tuple[type, ...], none: bool):
        self._data = Symbol(Cell(trace, number, mutable=False), TensorType(dt.int64, ()), "python")
        self.kinds, self.none = kinds, none
        trace.made.append(weakref.ref(self))  # type: ignore[arg-type]

    @property
    def number(self) -> Atom:
        tr.live(self._data)
        return tr.read(self._data)

    @property
    def place(self) -> Atom:
        """Where in the storage of its class the instance is."""
        number = self.number
        if isinstance(number, Literal):
            return tr.literal(int(number.value) >> BITS, dt.int64)
        return self._data.cell.trace.one(e.shr, number, tr.literal(BITS, dt.int64))


def is_handle(value: Any) -> bool:
    return getattr(type(value), _OF, False)


def kinds_of(value: Any) -> tuple[type, ...]:
    """The classes that a handle may stand for an instance of; that of anything else."""
    return at(value).kinds if is_handle(value) else (type(value),)


def can_be_kept(kind: type) -> bool:
    """Whether instances of a class are their attributes, and nothing else is done when one is read or written."""
    own: Any = kind
    return is_simple(kind) and (own.__setattr__ is object.__setattr__ or _is_frozen(kind))


def _is_frozen(kind: Any) -> bool:
    return bool(getattr(kind, "__dataclass_params__", None) and kind.__dataclass_params__.frozen)


def handle(trace: Trace, kinds: tuple[type, ...], number: Atom, none: bool = False) -> Any:
    """What stands for the instance of a number, of one of some classes; `none`: that may be -1, for None."""
    if isinstance(number, Literal):
        if number.value < 0:
            return None
        none, code = False, int(number.value) % CLASSES
        kinds = tuple(kind for kind in kinds if trace.handlers.arenas[kind].code == code)
    out = object.__new__(_derived(kinds[0]) if len(kinds) == 1 else Mixed)
    object.__setattr__(out, _AT, At(trace, number, kinds, none))
    return out


def made_at(trace: Trace, kind: type, place: Atom, code: int) -> Any:
    """What stands for the instance at a place in the storage of a class."""
    if isinstance(place, Literal):
        return handle(trace, (kind,), tr.literal((int(place.value) << BITS) + code, dt.int64))
    shifted = trace.one(e.shl, place, tr.literal(BITS, dt.int64))
    return handle(trace, (kind,), trace.one(e.add, shifted, tr.literal(code, dt.int64)))


def at(value: Any) -> At:
    found: At = object.__getattribute__(value, _AT)
    return found


def options(value: Any) -> tuple[Known, ...]:
    """What a handle may be, as a form says it."""
    kinds: tuple[Known, ...] = tuple(map(Kept, at(value).kinds))
    return (*kinds, _NONE) if at(value).none else kinds


def of_options(trace: Trace, options: tuple[Known, ...], number: Atom) -> Any:
    """The handle of a number that may be these."""
    kinds = tuple(option.value for option in options if type(option) is Kept)
    return handle(trace, kinds, number, none=len(kinds) < len(options))


def number(value: Any) -> Atom:
    """The number of a handle, or of None."""
    return tr.literal(-1, dt.int64) if value is None else at(value).number


def is_there(value: Any) -> Atom | None:
    """Whether a handle is no None, where only a run knows."""
    found = at(value)
    return None if not found.none else found._data.cell.trace.one(e.ge, found.number, tr.literal(0, dt.int64))


def present(value: Any) -> Any:
    """A handle that is taken to be no None: where it is, Python raises an error, or finds another answer."""
    there = is_there(value)
    if there is None:
        return value
    trace = tr.live(at(value)._data)
    trace.assume(there, "a variable that may be None is an object")
    return handle(trace, at(value).kinds, at(value).number)


def each(value: Any, function: Callable[[Any], Any]) -> Any:
    """`function` of a handle, as of the class that it is."""
    value = present(value)
    own = at(value)
    first, *rest = own.kinds
    if not rest:
        return function(value)
    trace = tr.live(own._data)
    code = trace.one(e.and_, own.number, tr.literal(CLASSES - 1, dt.int64))
    is_first = trace.one(e.eq, code, tr.literal(trace.handlers.arenas[first].code, dt.int64))
    one, others = (lambda kinds=kinds: each(handle(trace, kinds, own.number), function) for kinds in ((first,), tuple(rest)))
    return trace.handlers.choose(integers.python(trace, is_first), one, others)


def same(left: Any, right: Any) -> Any:
    """`left is right`, of which one is a handle."""
    if not is_handle(left):
        left, right = right, left
    trace = tr.live(at(left)._data)
    if right is None:
        there = is_there(left)
        return False if there is None else integers.python(trace, trace.one(e.not_, there))
    if not is_handle(right):
        return False
    same = trace.one(e.eq, at(left).number, at(right).number)
    return bool(same.value) if isinstance(same, Literal) else integers.python(trace, same)


def _refuse(what: str, kind: type | None = None) -> NoReturn:
    of = "" if kind is None else f" a {kind.__name__}"
    error = TraceError(f"{what}{of} that is one of many, which only a run can tell", at=tr.user_line())
    trace = tr.current()
    if trace is not None:
        trace.fail(error)  # others than us might go on with something else
    raise error


def values_of(made: Any) -> tuple[tuple[str, ...], tuple]:
    """The names of the attributes of an instance, and what they are."""
    found = attributes_of(made) or {}
    return tuple(found), tuple(found.values())


def write(value: Any, name: str, item: Any) -> None:
    """`value.name = item`, whatever the class says of it."""
    trace = tr.current()
    if trace is None or trace.handlers is None:
        _refuse("an attribute is written, outside of its call, of")
    each(value, lambda one: trace.handlers.arenas[at(one).kinds[0]].write(one, name, item))


def set_attribute(value: Any, name: str, item: Any) -> None:
    """`object.__setattr__`, by which methods of frozen dataclasses write attributes all the same."""
    (write if is_handle(value) else object.__setattr__)(value, name, item)


def set_by_name(refuse: Callable[[], Any] | None, value: Any, name: Any, item: Any, /) -> None:
    """`setattr`, which may be refused for anything but handles: what it does to others is not seen."""
    if refuse is not None and not is_handle(value):
        refuse()
    setattr(value, name, item)


@functools.lru_cache(1024)
def _derived(kind: type) -> Any:
    """The class of what stands for instances of a class."""
    own: Any = kind  # whose methods are functions
    frozen = _is_frozen(kind)

    def read(self: Any, name: str) -> Any:
        if name == "__class__":
            return kind
        if name == "__dict__":
            _refuse("all attributes are asked for of", kind)
        trace = tr.current()
        arena = None if trace is None or trace.handlers is None else trace.handlers.arenas.get(kind)
        if arena is not None and arena.has(name):
            return arena.read(present(self), name)
        if at(self).none and not name.startswith("__"):
            return getattr(present(self), name)
        static = getattr_static(kind, name, None)
        if arena is not None and type(static) is property and type(static.fget) is FunctionType:
            return trace.handlers.call(static.fget)(self)  # type: ignore[union-attr]  # whose control flow is open
        return object.__getattribute__(self, name)

    def assign(self: Any, name: str, value: Any) -> None:
        if frozen:
            own.__setattr__(self, name, value)  # raises the error of a frozen dataclass
        static = getattr_static(kind, name, None)
        if type(static) is property:
            trace = tr.current()
            fset: Any = static.fset
            if fset is None or trace is None:
                object.__setattr__(self, name, value)  # raises
            else:
                trace.handlers.call(fset)(self, value)
            return
        write(self, name, value)

    def remove(self: Any, name: str) -> None:
        _refuse("an attribute is deleted of", kind)

    def refused(what: str) -> Callable:
        return lambda self, *args: _refuse(what, kind)

    members: dict[str, Any] = {
        "__slots__": (_AT,) if kind.__weakrefoffset__ else (_AT, "__weakref__"),
        "__module__": kind.__module__, "__qualname__": kind.__qualname__, _OF: True,
        "__getattribute__": read, "__setattr__": assign, "__delattr__": remove,
        "__reduce_ex__": refused("a copy is made, or it is saved, of"),
    }  # fmt: skip
    if own.__eq__ is object.__eq__:
        members |= {"__eq__": refused("which object it is is asked of"), "__ne__": refused("which object it is is asked of")}
        members["__hash__"] = refused("a hash is asked for of")
    else:
        members["__hash__"] = own.__hash__
    if own.__repr__ is object.__repr__:
        members["__repr__"] = refused("a text is made of")
    return type(kind)(kind.__name__, (kind,), members)


class Mixed:
    """What stands for an instance of one of several classes."""

    __slots__ = (_AT, "__weakref__")

    def __getattribute__(self, name: str) -> Any:
        trace = tr.current()
        if name.startswith("__") or trace is None or trace.handlers is None:
            return object.__getattribute__(self, name)
        found = [getattr_static(kind, name, None) for kind in at(self).kinds]
        if not all(type(one) is FunctionType for one in found):
            return each(self, lambda one: trace.handlers.attribute(one, name))
        if all(one is found[0] for one in found):
            return MethodType(found[0], present(self))
        return lambda *args, **kwargs: each(self, lambda one: trace.handlers.call(getattr(one, name))(*args, **kwargs))

    def __setattr__(self, name: str, value: Any) -> None:
        each(self, lambda one: setattr(one, name, value))

    def __delattr__(self, name: str) -> None:
        _refuse("an attribute is deleted of an object")

    def _refused(self, *args: Any) -> Any:
        _refuse("more than its attributes is asked of an object of one of several classes,")

    __eq__ = __ne__ = __hash__ = __bool__ = __repr__ = __reduce_ex__ = _refused  # type: ignore[assignment]


setattr(Mixed, _OF, True)
