"""Instances of a user's class of which only a run knows which one a variable is: `best = Match(y, x, score)` on one way.

What stands for both is a new instance, of a class derived from theirs, that has the joined attributes. It takes the place of
both as long as nobody can tell: it cannot be written, the two it stands for are looked at whenever it is read, and which of
them it is may not be asked.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from hybrid.control.attributes import attributes_of, is_library
from hybrid.control.plain import UNDEFINED
from hybrid.control.structure import Nest
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.core.shadows import HEAP
from hybrid.frontend.chosen import TAKEN
from hybrid.ir import trace as tr
from hybrid.ir.forms import Thing
from hybrid.ir.trace import Trace

_BASE = "__hybrid_base__"  # the attribute of derived classes that says of what


def base_of(value: Any) -> type:
    """The class of the user's that an instance is of."""
    kind = type(value)
    return vars(kind).get(_BASE, kind)


def is_united(value: Any) -> bool:
    """Whether an instance stands for one of several."""
    return _BASE in vars(type(value))


def names_of(value: Any) -> tuple[str, ...] | None:
    """The attributes of an instance that another one of the same attributes may take the place of; None for anything else."""
    return tuple(attributes_of(value) or ()) if is_simple(base_of(value)) else None


@functools.lru_cache(1024)
def is_simple(kind: type) -> bool:
    """Whether instances of a class are their attributes: nothing else is kept or done when one is made, read or dropped."""
    if type(kind) is not type or not kind.__flags__ & HEAP or is_library(kind):
        return False
    bases = kind.__mro__[:-1]
    plain = all(type(base) is type and base.__flags__ & HEAP and not is_library(base) for base in bases)
    hooks = ("__getattribute__", "__getattr__", "__del__", "__instancecheck__", "__get__", "__set__", "__init_subclass__")
    made: Any = kind.__new__
    return plain and made is object.__new__ and not any(hook in vars(base) for base in bases for hook in hooks)


@dataclass(frozen=True, slots=True)
class OneOf(Nest):
    """What takes the place of instances of a class: their attributes, and those of them that others may know."""

    of: tuple = field(default=(), compare=False)
    by_id = False

    @property
    def is_value(self) -> bool:
        return True  # it cannot be written

    def build(self, parts: Iterable[Any]) -> Any:
        trace = tr.current()
        assert trace is not None
        return build(trace, self.type, self.keys, list(parts), self.of)


def one_of(*values: Any) -> OneOf | None:
    """What takes the place of some instances; None where nothing does."""
    names = names_of(values[0])
    same = names is not None and all(base_of(v) is base_of(values[0]) and names_of(v) == names for v in values)
    return OneOf(base_of(values[0]), names, of=values) if same and names is not None else None


def instance_of_rounds(c: Any, after: Any) -> OneOf | None:
    """What takes the place of a variable of a loop, as `control.loop` carries it, that is another instance after a round."""
    if isinstance(c.nest, OneOf) or (
        c.initial is UNDEFINED and c.items is None and c.spec is None and (c.guarded or not c.read)
    ):
        return one_of(after)
    if c.items is not None or c.spec is not None or after is c.head or after is c.initial or c.initial is UNDEFINED:
        return None
    found = one_of(c.initial, after)
    return found and replace(found, of=(c.initial,))


def values_of(value: Any) -> tuple:
    """The attributes of an instance, in the order of `names_of`."""
    return tuple((attributes_of(value) or {}).values())


def build(trace: Trace, kind: type, names: tuple[str, ...], parts: list[Any], of: tuple) -> Any:
    """What stands for the instances `of`: one with these attributes."""
    if any(part is UNDEFINED for part in parts):
        return UNDEFINED
    out = object.__new__(_derived(kind))
    for name, part in zip(names, parts):
        object.__setattr__(out, name, part)
    known: dict[int, tuple[Any, tuple]] = {}
    for value in of:
        if is_united(value):
            known |= trace.handlers.united.get(id(value), (None, {}))[1]
        elif value is not UNDEFINED:
            known[id(value)] = value, values_of(value)
    trace.handlers.united[id(out)] = out, known
    return out


def _refuse(what: str) -> NoReturn:
    error = TraceError(f"{what} an object that is one of several, which only a run can tell", at=tr.user_line())
    trace = tr.current()
    if trace is not None:
        trace.fail(error)
    raise error


def thing(value: Any) -> Thing | None:
    """An instance that a variable may be one of several of, since it was there before all branches and loops."""
    trace = tr.current()
    if trace is None or trace.handlers is None or is_united(value) or not trace.handlers.was_there(value):
        return None
    names = names_of(value)
    return None if names is None or not TAKEN.isdisjoint(names) or not _is_told_apart(type(value)) else Thing(value)  # type: ignore[arg-type]


@functools.lru_cache(1024)
def _is_told_apart(kind: type) -> bool:
    """Whether no attribute of a class is one of what stands for several instances."""
    return TAKEN.isdisjoint(dir(kind))


def refuse_identity(*values: Any) -> None:
    """TraceError where it is asked which object something is that is one of several."""
    if any(map(is_united, values)):
        _refuse("which object it is is asked of")


@functools.lru_cache(1024)
def _derived(kind: type) -> Any:
    """The class of what stands for instances of a class."""

    def read(self: Any, name: str) -> Any:
        if name == "__class__":
            return kind
        trace = tr.current()
        found = None if trace is None or trace.handlers is None else trace.handlers.united.get(id(self))
        for value, before in found[1].values() if found is not None else ():
            if any(a is not b for a, b in zip(values_of(value), before)) or len(values_of(value)) != len(before):
                _refuse("an attribute is changed of")
        return object.__getattribute__(self, name)

    def write(self: Any, name: str, value: Any = None) -> None:
        _refuse("an attribute is changed of")

    def ask(self: Any, other: Any = None) -> Any:
        _refuse("which object it is is asked of")

    members: dict[str, Any] = {
        "__slots__": (), "__module__": kind.__module__, "__qualname__": kind.__qualname__, _BASE: kind,
        "__getattribute__": read, "__setattr__": write, "__delattr__": write,
    }  # fmt: skip
    own: Any = kind  # whose methods are functions
    if own.__eq__ is object.__eq__:
        members |= {"__eq__": ask, "__ne__": ask}
    members["__hash__"] = ask if own.__hash__ is object.__hash__ else own.__hash__
    made = type(kind)(kind.__name__, (kind,), members)
    if dataclasses.is_dataclass(kind):
        tree.register(made, _flattened, functools.partial(_returned, kind))
    return made


def _flattened(value: Any) -> tuple[list, tuple[str, ...]]:
    names = tree.attributes(value)
    return [getattr(value, name) for name in names], names


def _returned(kind: type, names: Any, children: list) -> Any:
    out: Any = object.__new__(kind)
    for name, child in zip(names, children, strict=True):
        object.__setattr__(out, name, child)
    return out


def refuse_returned(trace: Trace, results: Any) -> None:
    """TraceError where a result stands for an object that is returned, too, or that the function has not made itself."""
    united = trace.handlers.united
    if not united:
        return
    pending, seen, made = [results], {}, {id(value) for value in trace.handlers.constructed}
    while pending:
        value = pending.pop()
        if id(value) in seen:
            if is_united(value):
                _refuse("two results are")
            continue
        seen[id(value)] = value
        children = tree.children(value)
        if is_united(value) and (children is None or not united[id(value)][1].keys() <= made):
            _refuse("a result is")
        pending += children or ()
    taken = set(seen)
    for value in filter(is_united, list(seen.values())):
        if not taken.isdisjoint(united[id(value)][1]):
            _refuse("two results are")
        taken |= united[id(value)][1].keys()
