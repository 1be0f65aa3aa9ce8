"""Attributes that branches and loops change, `self.count += 1` in a round: they are variables like any others.

A construct is recorded on trial. What its body is seen to rebind in an instance (`Watch`) joins the variables of the
construct, which is recorded anew; constructs inside know of it from then on.
"""

from __future__ import annotations

import weakref
from typing import Any

from hybrid.control.plain import UNDEFINED, State
from hybrid.core.errors import TraceError
from hybrid.ir import trace as tr

Attribute = tuple[Any, str]  # of an instance


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


def _extended(state: State, attributes: tuple[Attribute, ...]) -> State:
    names = tuple(f"{type(instance).__name__}.{name}" for instance, name in attributes)
    count = len(state.names)

    def get() -> tuple:
        return (*state.get(), *(vars(instance).get(name, UNDEFINED) for instance, name in attributes))

    def put(values: tuple) -> None:
        state.set(values[:count])
        for (instance, name), value in zip(attributes, values[count:], strict=True):
            if value is not UNDEFINED:
                instance.__dict__[name] = value
            else:
                instance.__dict__.pop(name, None)

    more = frozenset(names)
    own = (*state.attributes, *attributes)
    return State((*state.names, *names), get, put, state.live | more, state.carried | more, state.invented, own)
