"""Attributes that branches and loops change, `self.count += 1` in a round: they are variables like any others.

A construct is recorded on trial. What its body is seen to rebind in an instance (`Watch`) joins the variables of the
construct, which is recorded anew; constructs inside know of it from then on.
"""

from __future__ import annotations

import functools
import types
import weakref
from typing import Any

from hybrid.control.plain import UNDEFINED, State
from hybrid.core.errors import TraceError
from hybrid.ir import trace as tr

Attribute = tuple[Any, str]  # of an instance


def attributes(instance: Any) -> dict[str, Any] | None:
    """What an instance holds, in its `__dict__` and in slots; None for one that can hold nothing."""
    own, slots = getattr(instance, "__dict__", None), _slots(type(instance))  # type: ignore[arg-type]
    if own is None and not slots:
        return None
    held = {name: found for name, slot in slots.items() if (found := _in_slot(slot, instance)) is not UNDEFINED}
    return {**held, **(own or {})}


def rebind(instance: Any, name: str, value: Any) -> None:
    """Set an attribute past what its class might do with it; UNDEFINED removes it."""
    slot = _slots(type(instance)).get(name)  # type: ignore[arg-type]
    if slot is not None and value is not UNDEFINED:
        slot.__set__(instance, value)
    elif slot is not None and _in_slot(slot, instance) is not UNDEFINED:
        slot.__delete__(instance)
    elif slot is None and value is not UNDEFINED:
        instance.__dict__[name] = value
    elif slot is None:
        instance.__dict__.pop(name, None)


@functools.lru_cache(256)
def _slots(cls: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if "__slots__" in vars(base):
            found.update((name, x) for name, x in vars(base).items() if type(x) is types.MemberDescriptorType)
    return found


def _in_slot(slot: Any, instance: Any) -> Any:
    try:
        return slot.__get__(instance)
    except AttributeError:
        return UNDEFINED


class ObjectChanges(TraceError):
    """A body rebinds attributes of instances."""

    def __init__(self, where: str, attributes: list[Attribute]):
        name = type(attributes[0][0]).__name__
        super().__init__(f"{where} changes a {name}, which compiled code does not", at=tr.user_line())
        self.attributes = attributes


class Attributes:
    """Those that constructs of a trace were seen to rebind, of instances that are still there."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, str], weakref.ref] = {}

    def add(self, change: ObjectChanges, state: State) -> State:
        """The variables of a construct with what it was seen to rebind among them; raises where that is nothing new."""
        own = {(id(instance), name) for instance, name in state.attributes}
        if all((id(instance), name) in own for instance, name in change.attributes):
            raise change
        for instance, name in change.attributes:
            try:
                self.known[id(instance), name] = weakref.ref(instance)
            except TypeError:  # slots, without one for weak references
                raise change from None
        return self.state(state)

    def state(self, state: State) -> State:
        """The variables of a construct with these among them."""
        found = [(instance, name) for (_, name), ref in self.known.items() if (instance := ref()) is not None]
        own = {(id(instance), name) for instance, name in state.attributes}
        found = [(instance, name) for instance, name in found if (id(instance), name) not in own]
        return _extended(state, tuple(found)) if found else state


def _extended(state: State, added: tuple[Attribute, ...]) -> State:
    names = tuple(f"{type(instance).__name__}.{name}" for instance, name in added)
    count = len(state.names)

    def get() -> tuple:
        return (*state.get(), *((attributes(instance) or {}).get(name, UNDEFINED) for instance, name in added))

    def put(values: tuple) -> None:
        state.set(values[:count])
        for (instance, name), value in zip(added, values[count:], strict=True):
            rebind(instance, name, value)

    more = frozenset(names)
    own = (*state.attributes, *added)
    return State((*state.names, *names), get, put, state.live | more, state.carried | more, state.invented, own)
