"""Containers that a function makes itself, and that its branches and loops may change.

Such a container is Python's own (`Own.held`) for as long as tracing knows what is in it. When a branch or loop changes it,
it becomes storage where it was made, and what changes it is recorded anew.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from hybrid.control.rounds import Enters
from hybrid.control.structure import Layout, is_parts, is_plain_dataclass, like, things_in
from hybrid.core import dtype as dt
from hybrid.core.errors import TraceError
from hybrid.core.shape import TensorType
from hybrid.frontend.values import Value, unwrap
from hybrid.ir import trace as tr
from hybrid.ir.graph import Atom
from hybrid.ir.trace import Cell, Region, Symbol, Trace


class Changes(TraceError):
    """A branch or loop changes a container: where it was made it becomes storage, with room for more, and what changes it is
    recorded anew. `also`: other containers found changed, which would else stop the next attempt, or spoil it."""

    def __init__(self, changed: Own, layout: Layout, room: int = 0):
        super().__init__("a branch or loop changes a list of objects that are not all numbers of one kind", at=tr.user_line())
        self.changed, self.layout, self.room = changed, layout, room
        self.also: list[Changes] = []


def home(region: Region | None) -> Region | None:
    """The region that what is recorded becomes part of."""
    while region is not None and region.trial:
        region = region.outer
    return region


def numbers(trace: Trace, *atoms: Atom) -> list[Symbol]:
    """Storage for numbers."""
    return [Symbol(Cell(trace, atom), TensorType(dt.int64, ()), "ndarray") for atom in atoms]


class _Merged:
    """In place of where the items of a list begin and end: another list has taken its place."""

    def __init__(self, *before: Any):
        self.before = before

    def __iter__(self) -> Iterator[Any]:
        raise TraceError("a list is used that is one list or another depending on a condition", at=tr.user_line())

    __getitem__ = __iter__  # type: ignore[assignment]


class Own:
    """One container. `held`: what it holds, as long as tracing knows it.

    `state` names what else a body may leave otherwise than it was.
    """

    kind: type = list
    state: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()  # containers of ours in it

    ends: Any = ()
    is_row = False  # whether it is one of the lists in another, of which two may be one

    def __init__(self, trace: Trace, items: Any):
        self.trace, self.made = trace, trace.region
        self.held: Any = items
        self.longest: int | None = 0
        self.iterated = 0  # loops over it that are being recorded
        trace.lists.append(self)

    # what a body changes
    def snapshot(self) -> tuple:
        items = None if self.held is None else self.held.copy()
        inside = [getattr(self, name) for name in self.inside]
        known = tuple(None if own is None else own.snapshot() for own in inside)
        return (items, known, *(getattr(self, name) for name in self.state))

    def restore(self, before: tuple) -> None:
        items, known, *values = before
        for name, value in zip(self.state, values):
            setattr(self, name, value)
        for name, state in zip(self.inside, known):
            if state is not None:
                getattr(self, name).restore(state)
        if items is not None and self.held is not None:
            self.held.clear()
            self.refill(items)
        else:  # a copy: that of the snapshot would be another name of it
            self.held = None if items is None else items.copy()

    def refill(self, items: Any) -> None:
        """Put known items back."""
        raise NotImplementedError

    def rounds(self) -> Any:
        """How many items a loop over it has, and the one at a place; None where Python knows them."""
        raise NotImplementedError

    def parts(self) -> Iterator[Any]:
        """The objects that are known to be in it."""
        yield from self.held or ()

    def is_home(self) -> bool:
        """Whether the trace stands where it was made."""
        return home(self.trace.region) is home(self.made)

    def grow(self, change: Changes) -> None:
        """Become storage, or storage with more room, where it was made."""
        raise NotImplementedError

    def becomes(self, layout: Layout, room: int = 0) -> None:
        """Become storage: here, or where it was made."""
        change = Changes(self, layout, room)
        if not self.is_home():
            raise change
        self.grow(change)

    def layout_now(self, filled: bool = False) -> Layout:
        """The layout of all that is known to be in it, or None; `filled`: with lists that have items already."""
        raise NotImplementedError

    def same(self, before: Any) -> bool:
        """Whether it holds the very objects that it held."""
        return len(self.held) == len(before) and all(a is b for a, b in zip(self.held, before))

    def length(self) -> Any:
        """How many items it has."""
        raise NotImplementedError

    def outputs(self) -> tuple[list[Atom], Layout]:
        """The numbers that a result is made of."""
        raise NotImplementedError

    def merge(self) -> None:
        """Be used no more: a variable is this list or another, and that is a list of its own now."""
        if not self.is_merged:
            self.held, self.ends = None, _Merged(self.held, self.ends)  # type: ignore[assignment]

    def unmerge(self) -> None:
        if self.is_merged:
            self.held, self.ends = self.ends.before  # type: ignore[attr-defined]

    @property
    def is_merged(self) -> bool:
        return type(self.ends) is _Merged

    def needs(self, verdict: Any, error: type[Exception]) -> None:
        """Go on where something holds that only a run may know; else Python raises an error of that class."""
        if isinstance(verdict, Value):
            self.trace.assume(tr.read(unwrap(verdict)), f"a {self.kind.__name__} raises no {error.__name__}", error)
        elif not verdict:
            raise error

    # what Python, or NumPy, cannot be told while tracing
    @property  # type: ignore[misc]
    def __class__(self) -> type:  # type: ignore[override]
        return self.kind

    def refuse(self, what: str) -> TraceError:
        name = self.kind.__name__
        error = TraceError(f"{what} a {name} that a branch or loop changes needs what only a run knows", at=tr.user_line())
        self.trace.fail(error)  # NumPy would go on with an error of its own, or without the container
        return error

    def known(self, what: str) -> Any:
        """The container as Python's own."""
        if self.held is None:
            raise self.refuse(what)
        return self.held

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise self.refuse("copying or saving")

    def __len__(self) -> int:
        return len(self.known("the length of"))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.known("iterating over"))

    def __bool__(self) -> bool:
        return bool(self.known("the truth of"))

    def __contains__(self, item: Any) -> bool:
        return item in self.known("looking for something in")

    def __eq__(self, other: Any) -> bool:
        return self.known("comparing") == plain(other)

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return repr(self.known("the text of"))

    def __add__(self, other: Any) -> Any:
        return self.known("adding to") + plain(other)

    def __radd__(self, other: Any) -> Any:
        return other + self.known("adding to")

    def __mul__(self, other: Any) -> Any:
        return self.known("repeating") * other

    __rmul__ = __mul__

    def _in_place(self, function: Callable, other: Any) -> Any:
        """`a *= 2` and its like: the container itself, changed, where it is one that can be."""
        made = function(self.known("changing"), plain(other))
        return self if made is self.held else made

    def __iadd__(self, other: Any) -> Any:
        return self._in_place(operator.iadd, other)

    def __imul__(self, other: Any) -> Any:
        return self._in_place(operator.imul, other)

    def __ior__(self, other: Any) -> Any:
        return self._in_place(operator.ior, other)

    def __or__(self, other: Any) -> Any:
        return self.known("joining") | plain(other)

    def __ror__(self, other: Any) -> Any:
        return other | self.known("joining")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(self.kind, name):
            raise AttributeError(f"{self.kind.__name__!r} object has no attribute {name!r}")
        return getattr(self.known(f".{name} of"), name)


class View:
    """The items of a container seen in another way: `d.items()`."""

    def __init__(self, owner: Own, look: Callable[[], Any]):
        self.owner, self.rounds = owner, look

    def length(self) -> Any:
        return self.owner.length()

    def contains(self, item: Any) -> Any:
        raise self.owner.refuse("looking for something in a view of")

    def __iter__(self) -> Iterator[Any]:
        raise self.owner.refuse("iterating over")


def plain(value: Any) -> Any:
    """The container itself, as long as tracing knows what is in it."""
    return value.held if isinstance(value, Own) and value.held is not None else value


def released(made: Own) -> Any:
    """A new container that is handed on: Python's own where tracing knows what is in it, of which nobody else has a name."""
    if made.held is None:
        return made
    lists = made.trace.lists
    del lists[next(k for k in reversed(range(len(lists))) if lists[k] is made)]
    return made.held


def unwrapped(value: Any) -> Any:
    """A result with Python's own containers, as far as tracing knows what is in them."""
    value = plain(value)
    if not _holds_made(value):
        return value
    if is_parts(value):
        return like(value, map(unwrapped, value))
    if type(value) is list:
        value[:] = map(unwrapped, value)
    else:
        parts = value if type(value) is dict else vars(value)
        parts.update({key: unwrapped(part) for key, part in parts.items()})
    return value


def _holds_made(value: Any) -> bool:
    if isinstance(value, Own):
        return value.held is not None
    if type(value) is list or is_parts(value):
        return any(map(_holds_made, value))
    return (type(value) is dict or is_plain_dataclass(type(value))) and any(map(_holds_made, _values(value)))


def _values(value: Any) -> Iterable[Any]:
    return (value if type(value) is dict else vars(value)).values()


def refuse_changes(held: list[tuple[Own, Any]]) -> None:
    """Raise for a container that Python changed meanwhile: where it was made it can become storage.

    One that held lists with items already, as a matrix does, is better written out first.
    """
    changes = []
    for changed, before in held:
        if changed.held is not None and not changed.same(before):
            layout = changed.layout_now(filled=not any(map(is_filled, before)))
            if layout is None or any(True for _ in things_in(layout)):  # a loop that is written out knows which objects
                if isinstance(before, dict) and changed.held.keys() > before.keys():
                    raise Enters("a loop enters keys in a dict of things of several kinds", at=tr.user_line())
                raise TraceError("a loop changes a list of objects that are not all numbers", at=tr.user_line())
            changes.append(Changes(changed, layout))
    raise_all(changes)


def is_filled(item: Any) -> bool:
    """Whether an item is a list that has items."""
    return type(item) is list and bool(item)


def raise_all(changes: list[Changes]) -> None:
    """Raise the first, which knows of the others."""
    if changes:
        first, *first.also = changes
        raise first


def grow(change: Changes) -> None:
    """Make a container storage where it was made; elsewhere, leave that to the branch or loop around."""
    if not change.changed.is_home():
        raise change
    for each in (change, *change.also):
        each.__traceback__ = each.__context__ = None
        if each.changed.is_home():
            each.changed.grow(each)
