"""Instances that loops and branches make: `particles.append(Particle(x, v))` in a round that only a run knows.

*Storage* of a class is an array for each number of its instances' attributes; an instance is its place in it, and what
the traced code has in its hands is a handle (`handles`): to branches, loops and containers a number like any other. So what
is read and written goes where all that know the object find it, and `is` compares places. Nothing is ever taken out; a
result that is, or leads to, such an instance is made an object of the user's class after the call, each of them once.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from hybrid.control.handles import CLASSES, at, can_be_kept, made_at, values_of
from hybrid.control.items import atoms_of, common_layout, layout_of_item, present, together, types_of
from hybrid.control.lists import Listed
from hybrid.control.own import home
from hybrid.control.structure import RowLayout
from hybrid.core import tree
from hybrid.core.errors import TraceError
from hybrid.frontend.indexing import setitem
from hybrid.frontend.values import wrap
from hybrid.ir import trace as tr
from hybrid.ir.trace import Trace

FEW = 2  # instances of a class, made one by one before all branches and loops, that may do better in storage
MANY = 8  # such instances beyond which they are put there from the start: what each is asked is compiled for each


class Arena(Listed):
    """The instances of one class; `names`: of their attributes, which are the items' parts; `code`: what handles know it by."""

    def __init__(self, trace: Trace, of: type, code: int):
        super().__init__(trace, [])
        self.made = None  # before all branches and loops
        self.of, self.code = of, code
        self.leaf: int | None = None  # of the arguments': the list that has the first of them
        self.names: tuple[str, ...] = ()
        self.empty = self.snapshot()

    def add(self, names: tuple[str, ...], values: tuple) -> Any:
        """A new instance with these attributes."""
        if not self.names:
            self.names = names
        if names != self.names:
            raise TraceError(f"instances of {self.of.__name__} have other attributes, or in another order", at=tr.user_line())
        values = tuple(present(self.trace, value) for value in values)
        for name, value in zip(names, values):
            self._check(name, value)
        if self.held is not None:
            self.becomes(layout_of_item(values))
        place = self._bounds()[1]
        self.append(values)
        return made_at(self.trace, self.of, place, self.code)

    def _check(self, name: str, value: Any) -> Any:
        layout = layout_of_item(value)
        if layout is None:
            what = f"attribute {name} of a {self.of.__name__}, of which a loop or branch makes many, is no number, text or list"
            raise TraceError(what, got=f"a {value.__class__.__name__}", at=tr.user_line())
        return layout

    def has(self, name: str) -> bool:
        return name in self.names

    def columns(self, name: str) -> tuple[int, int]:
        """The part of an item that an attribute is, and its first array."""
        k = self.names.index(name)
        return k, sum(map(self.width, range(k)))

    def width(self, k: int) -> int:
        """How many arrays an attribute is in."""
        return len(types_of(self.layout[k]))

    def read(self, value: Any, name: str) -> Any:
        k, first = self.columns(name)
        return self._built(self.layout[k], itertools.count(first), self._place(at(value).place))

    def write(self, value: Any, name: str, item: Any) -> None:
        if name not in self.names:
            raise TraceError(f"an attribute {name} is made of a {self.of.__name__} after its `__init__`", at=tr.user_line())
        item = present(self.trace, item)
        layout, (k, _) = self._check(name, item), self.columns(name)
        if isinstance(layout, RowLayout):
            raise TraceError(f"attribute {name} of a {self.of.__name__} becomes another list", at=tr.user_line())
        if common_layout(self.layout[k], layout) != self.layout[k]:
            both = together(self.layout[k], layout, None)
            self.becomes((*self.layout[:k], both, *self.layout[k + 1 :]))
        self._take(item)
        k, first = self.columns(name)
        place = self._place(at(value).place)
        for buffer, atom in zip(self.buffers[first:], atoms_of(self.trace, item, self.layout[k])):
            setitem(buffer, place, wrap(self.trace.fresh(atom, "ndarray")))


class Arenas:
    """The part of `Tracing` that knows of storage for instances. `classes`: the names of those that have it."""

    arenas: dict[Any, Arena]
    constructed: list[Any]
    there: dict[int, Any]

    def __init__(self, classes: Collection[str] | None) -> None:
        self.classes, self.may_store = classes or (), classes is not None
        self.arenas = {}
        self.seen: Counter[str] = Counter()  # instances that were made and are in no storage, by their classes

    def stored(self, kind: type) -> bool:
        """Whether instances of a class are made in storage."""
        return kind in self.arenas or (bool(self.classes) and name_of(kind) in self.classes)

    def given(self, arguments: Iterable[Any]) -> None:
        """Have the arenas of the caller's objects among some arguments."""
        herds = (argument.herd for argument in arguments if isinstance(argument, Listed))
        self.arenas |= {herd.arena.of: herd.arena for herd in herds if herd is not None}

    def saw(self, made: Any) -> None:
        """Remember that an instance has been made, and of which classes there may be so many that storage does better."""
        kind, trace = type(made), tr.current()
        if trace is not None and can_be_kept(kind) and not self.stored(kind):
            name = name_of(kind)
            self.seen[name] += 1
            inside = home(trace.region) is not None
            trace.instances[name] = trace.instances.get(name, False) or inside or self.seen[name] >= FEW
            if self.seen[name] > MANY and self.may_store and not inside:
                trace.prefers_storage = True
                raise tr.TooLong(f"more than {MANY} instances of {kind.__name__} are made one by one", at=tr.user_line())

    def prefer_storage(self) -> None:
        """Raise where a loop is to be written out that may be one if what it makes is in storage."""
        trace = tr.current()
        if trace is not None and self.may_store and not several(trace.instances) <= set(self.classes):
            trace.prefers_storage = True
            raise tr.TooLong("a loop that makes instances is written out", at=tr.user_line())

    def kept(self, make: Callable, /, *args: Any, **kwargs: Any) -> Any:
        """An instance in storage, which has the attributes of one that is made as usual."""
        trace = tr.current()
        assert trace is not None
        made = make(*args, **kwargs)
        self.constructed[:] = [one for one in self.constructed if one is not made]
        self.there.pop(id(made), None)
        names, values = values_of(made)
        if sys.getrefcount(made) > 2:  # that of `made`, and of `getrefcount`
            raise TraceError(f"a {type(made).__name__} is known to others before it is made", at=tr.user_line())
        arena = self.arenas.get(type(made))
        if arena is None:
            if len(self.arenas) == CLASSES:
                raise TraceError(f"branches and loops make instances of more than {CLASSES} classes", at=tr.user_line())
            arena = self.arenas[type(made)] = Arena(trace, type(made), len(self.arenas))
        del made
        return arena.add(names, values)


def several(instances: Mapping[str, bool]) -> set[str]:
    """The classes of which a trace makes several instances, each by itself."""
    return {name for name, many in instances.items() if many}


def refuse_keys(trace: Trace, results: Any) -> None:
    """TraceError for a dict among results of which a key is an instance that the function makes: each call has its own."""
    made = set(map(id, trace.handlers.constructed))
    pending, seen = [results] if made else [], set()
    while pending:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if issubclass(type(value), dict) and not made.isdisjoint(map(id, dict.keys(value))):
            raise TraceError("a key of a dict is an object that the function makes, which is returned")
        pending += tree.children(value) or ()


def name_of(kind: type) -> str:
    """What a class is known by from trace to trace: a function may make it anew."""
    return f"{kind.__module__}.{kind.__qualname__}"
